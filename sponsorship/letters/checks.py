"""Invariants of letters for `verify`: each is still the bytes that were signed."""

from __future__ import annotations

import hashlib

from sqlalchemy import select

from core import files
from core.db import db
from core.errors import NotFound
from core.files import StoredFile
from core.verify import check
from sponsorship.letters.models import StateLetter


@check("letters.bytes")
def bytes_as_signed() -> tuple[int, list[str]]:
    """The digest of every letter is that of its stored bytes."""
    faults, total = [], 0
    rows = db.session.execute(
        select(StateLetter.reference, StateLetter.sha256, StateLetter.file_id, StoredFile.sha256.label("stored"))
        .join(StoredFile, StoredFile.id == StateLetter.file_id).order_by(StateLetter.id)).all()
    for row in rows:
        total += 1
        try:
            found = hashlib.sha256(files.content_of(row.file_id)).hexdigest()
        except NotFound:
            faults.append(f"the bytes of letter {row.reference} are gone")
            continue
        if not found == row.sha256 == row.stored:
            faults.append(f"letter {row.reference} is not what was signed")
    return total, faults
