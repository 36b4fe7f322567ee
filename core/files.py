"""Uploads: allowed by extension and content together, kept outside the static tree, served as attachments."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
import uuid
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import puremagic
from flask import Response, current_app, send_file
from flask_babel import gettext
from sqlalchemy import BigInteger, String
from sqlalchemy.orm import Mapped, mapped_column
from werkzeug.datastructures import FileStorage

from core import clock
from core.actor import Actor
from core.db import Base, WithId, db, new_id
from core.errors import NotFound, RuleBroken
from core.file_shapes import is_whole

# extension -> media type and the first bytes the content must have
KINDS: dict[str, tuple[str, tuple[bytes, ...]]] = {
    "pdf": ("application/pdf", (b"%PDF-",)),
    "png": ("image/png", (b"\x89PNG\r\n\x1a\n",)),
    "jpg": ("image/jpeg", (b"\xff\xd8\xff",)),
    "jpeg": ("image/jpeg", (b"\xff\xd8\xff",)),
}
MAX_BYTES = 10 * 1024 * 1024


class StoredFile(WithId, Base):
    """A kept upload. The name as typed is personal at times: it stands here only, never in events."""

    __tablename__ = "stored_file"
    purpose: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(200))
    media_type: Mapped[str] = mapped_column(String(60))
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64))
    uploaded_by: Mapped[uuid.UUID | None]
    uploaded_at: Mapped[datetime]


@dataclass(frozen=True)
class CheckedUpload:
    """An upload that passed the checks and lies in the upload folder under `key`, not yet in the database."""

    key: uuid.UUID
    name: str
    media_type: str
    size: int
    sha256: str


def _folder() -> Path:
    folder: Path = current_app.extensions["placard_settings"].upload_dir
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def safe_name(name: str) -> str:
    """The last part of a file name without control or direction marks, at most 120 characters."""
    name = unicodedata.normalize("NFC", name.replace("\\", "/").rsplit("/", 1)[-1])
    name = "".join(ch for ch in name if unicodedata.category(ch) not in ("Cc", "Cf"))
    name = re.sub(r'["<>|:*?]', "_", name).strip(". ")
    stem, dot, extension = name.rpartition(".")
    return f"{stem[:110]}{dot}{extension[:9]}" or "file"


def check_upload(
    upload: FileStorage | None, *, field: str, kinds: tuple[str, ...] = ("pdf", "png", "jpg", "jpeg"),
    max_bytes: int = MAX_BYTES, whole: bool = False,
) -> CheckedUpload:
    """Check an upload and lay it in the folder, before any transaction opens.

    Raises RuleBroken (for `field`) when it is missing, empty, too large, of a kind not allowed, when name and content
    disagree, or when `whole` is asked for and the file is cut short.
    """
    if upload is None or not upload.filename:
        raise RuleBroken(gettext("Choose a file."), code="file.missing", field=field)
    name = safe_name(upload.filename)
    extension = name.rpartition(".")[2].lower()
    allowed = ", ".join(k.upper() for k in kinds if k != "jpeg")
    if extension not in kinds:
        raise RuleBroken(gettext("Send a file of one of these kinds: %(kinds)s.", kinds=allowed),
                         code="file.kind", field=field)
    media_type, openings = KINDS[extension]
    key = new_id()
    path = _folder() / str(key)
    digest, size, first = hashlib.sha256(), 0, b""
    try:
        with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as target:
            while chunk := upload.stream.read(65536):
                first = first or chunk
                size += len(chunk)
                if size > max_bytes:
                    raise RuleBroken(
                        gettext("The file is larger than %(limit)s MB. Send a smaller one.",
                                limit=max_bytes // 1024 // 1024),
                        code="file.too_large", field=field)
                digest.update(chunk)
                target.write(chunk)
        if size == 0:
            raise RuleBroken(gettext("The file is empty. Choose another."), code="file.empty", field=field)
        if not first.startswith(openings) or not _content_agrees(path, media_type):
            raise RuleBroken(
                gettext("The file’s content is not what its name says. Save it again as %(kinds)s.", kinds=allowed),
                code="file.content", field=field)
        if whole and not is_whole(path, media_type):
            raise RuleBroken(
                gettext("The file is not complete, so it cannot be opened. Save or photograph it again, and send the "
                        "new file."), code="file.broken", field=field)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return CheckedUpload(key, name, media_type, size, digest.hexdigest())


def lay_down(content: bytes, name: str, media_type: str) -> CheckedUpload:
    """Lay bytes that we made or have read ourselves in the folder, before any transaction opens. Those that no command
    keeps are removed by schedule, as every upload whose form was not sent."""
    key = new_id()
    with open(os.open(_folder() / str(key), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as target:
        target.write(content)
    return CheckedUpload(key, safe_name(name), media_type, len(content), hashlib.sha256(content).hexdigest())


def content_of(file_id: uuid.UUID) -> bytes:
    """The bytes of a kept file. The caller has checked who may have it. Raises NotFound."""
    path = _folder() / str(file_id)
    if db.session.get(StoredFile, file_id) is None or not path.exists():
        raise NotFound()
    return path.read_bytes()


def _content_agrees(path: Path, media_type: str) -> bool:
    try:
        guesses = {match.mime_type for match in puremagic.magic_file(str(path))}
    except (puremagic.PureError, ValueError):
        return False
    return media_type in guesses


def keep(checked: CheckedUpload, purpose: str, actor: Actor) -> StoredFile:
    """Record a checked upload in the command under way."""
    row = StoredFile(
        id=checked.key, purpose=purpose, name=checked.name, media_type=checked.media_type, size=checked.size,
        sha256=checked.sha256, uploaded_by=actor.person_id, uploaded_at=clock.real_now(),
    )
    db.session.add(row)
    db.session.flush()
    return row


def forget(file_id: uuid.UUID) -> None:
    """Take a kept file, with its name, out of the database in the command under way. Its bytes lie unreachable in the
    folder until the schedule removes them within a day, as it does with every file that no row keeps."""
    row = db.session.get(StoredFile, file_id)
    if row is not None:
        db.session.delete(row)
        db.session.flush()


def serve(file_id: uuid.UUID) -> Response:
    """The file as an attachment, never sniffed, never run. The caller has checked who may have it."""
    row = db.session.get(StoredFile, file_id)
    if row is None:
        raise NotFound()
    path = _folder() / str(row.id)
    if not path.exists():
        raise NotFound()
    response = send_file(path, mimetype=row.media_type, as_attachment=True, download_name=row.name, etag=False)
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["Cache-Control"] = "private, no-store"
    return response
