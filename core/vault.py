"""Personal fields, encrypted under a key per subject (person, nominee, payee). Erasing the key forgets the subject:
history and its proof stay. Keys are wrapped under DATA_KEYS (newest first, so keys can be rotated)."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from flask import current_app
from sqlalchemy import String, event, select
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, PlacardSession, db


class SubjectKey(Base):
    """A subject's own key, wrapped. Deleting the row erases the subject."""

    __tablename__ = "subject_key"
    subject_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    wrapped: Mapped[str] = mapped_column(String(300))


def _master() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in current_app.extensions["placard_settings"].data_keys])


def _cache() -> dict[uuid.UUID, Fernet | None]:
    # one session, one cache: never outlives the request or the command
    cache: dict[uuid.UUID, Fernet | None] = db.session().info.setdefault("subject_keys", {})
    return cache


@event.listens_for(PlacardSession, "after_soft_rollback")
def _forget_keys(session: Any, _previous: Any) -> None:
    # a key made in a transaction that was undone does not exist: nothing may be sealed under it again
    session.info.pop("subject_keys", None)


def preload(subject_ids: Iterable[uuid.UUID]) -> None:
    """Fetch many keys in one query, before a list is shown."""
    cache = _cache()
    wanted = {s for s in subject_ids if s not in cache}
    if not wanted:
        return
    rows = dict(
        db.session.execute(select(SubjectKey.subject_id, SubjectKey.wrapped).where(SubjectKey.subject_id.in_(wanted)))
        .all()
    )
    master = _master()
    for subject in wanted:
        cache[subject] = Fernet(master.decrypt(rows[subject])) if subject in rows else None


def seal(subject_id: uuid.UUID, text: str | None) -> str | None:
    """Encrypt; makes the subject's key at first use. None stays None."""
    if text is None:
        return None
    preload([subject_id])
    key = _cache()[subject_id]
    if key is None:
        raw = Fernet.generate_key()
        db.session.add(SubjectKey(subject_id=subject_id, wrapped=_master().encrypt(raw).decode()))
        key = _cache()[subject_id] = Fernet(raw)
    return key.encrypt(text.encode()).decode()


def unseal(subject_id: uuid.UUID, sealed: str | None) -> str | None:
    """Decrypt; None once the subject is erased (or nothing was stored)."""
    if sealed is None:
        return None
    preload([subject_id])
    key = _cache()[subject_id]
    if key is None:
        return None
    try:
        return key.decrypt(sealed).decode()
    except InvalidToken:
        return None


def erase(subject_id: uuid.UUID) -> None:
    """Destroy the subject's key: everything sealed under it is gone for good."""
    row = db.session.get(SubjectKey, subject_id)
    if row is not None:
        db.session.delete(row)
    _cache()[subject_id] = None
