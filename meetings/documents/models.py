"""Documents of a meeting and their language versions. Tables only."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, Versioned, WithId
from core.ddl import append_only, lookup_table, refuse
from meetings.documents.transitions import DOCUMENT
from meetings.documents.words import LANGUAGES, TYPES

lookup_table("document_type", tuple(TYPES))
lookup_table("document_language", tuple(LANGUAGES))
_NAMED = "symbol IS NOT NULL AND state <> 'dropped'"
_STANDS = "removed_at IS NULL"


class Document(WithId, Versioned, Base):
    """One document of a meeting under one symbol (None: a paper without one, such as a statement), in up to six
    languages. `base_symbol` is the symbol without Rev., Add. and Corr.: what a chain has in common. `agenda_items` are
    numbers as printed, such as 8 or 8 (a). `issued_on` is a day local to the meeting."""

    __tablename__ = "document"
    __table_args__ = (
        CheckConstraint("(symbol IS NULL) = (base_symbol IS NULL)", name="symbol_has_base"),
        CheckConstraint("title <> ''", name="has_title"),
        CheckConstraint("state NOT IN ('issued', 'withdrawn') OR issued_on IS NOT NULL", name="issued_has_day"),
        CheckConstraint("(state = 'withdrawn') = (withdrawn_reason IS NOT NULL)", name="withdrawn_has_reason"),
        Index("uq_document_symbol", "symbol", unique=True, sqlite_where=text(_NAMED), postgresql_where=text(_NAMED)),
        Index("ix_document_base_symbol", "base_symbol"),
        Index("ix_document_meeting_id_issued_on", "meeting_id", "issued_on"),
    )
    meeting_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("meeting.id"))
    symbol: Mapped[str | None] = mapped_column(String(80))
    base_symbol: Mapped[str | None] = mapped_column(String(80))
    type: Mapped[str] = mapped_column(ForeignKey("document_type.code"))
    title: Mapped[str] = mapped_column(String(400))
    agenda_items: Mapped[list[Any]] = mapped_column(JSON)
    state: Mapped[str] = DOCUMENT.column()
    issued_on: Mapped[date | None]
    withdrawn_reason: Mapped[str | None] = mapped_column(String(500))  # public
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]


class DocumentVersion(WithId, Base):
    """A document in one language. `official` is the organisation's own version; another is a translation marked as
    unofficial. Without a file it is where the Official Document System has it. Never changed: a new file takes the
    place of the old one, which is kept with the day on which it was removed."""

    __tablename__ = "document_version"
    __table_args__ = (
        CheckConstraint("title IS NULL OR title <> ''", name="title_or_none"),
        CheckConstraint("official OR file_id IS NOT NULL", name="own_translation_has_file"),
        CheckConstraint("(removed_at IS NULL) = (removed_by IS NULL)", name="removed_by_somebody"),
        Index("uq_document_version_language", "document_id", "language", unique=True, sqlite_where=text(_STANDS),
              postgresql_where=text(_STANDS)),
    )
    document_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("document.id"), index=True)
    language: Mapped[str] = mapped_column(ForeignKey("document_language.code"))
    title: Mapped[str | None] = mapped_column(String(400))
    official: Mapped[bool]
    file_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("stored_file.id"))
    added_at: Mapped[datetime]
    added_by: Mapped[str] = mapped_column(String(80))
    removed_at: Mapped[datetime | None]
    removed_by: Mapped[str | None] = mapped_column(String(80))


append_only(DocumentVersion.__table__, updatable=("removed_at", "removed_by"))  # type: ignore[arg-type]
refuse(DocumentVersion.__table__, "document_version_stays_removed", "UPDATE",  # type: ignore[arg-type]
       "OLD.removed_at IS NOT NULL", "what was removed stays removed")
refuse(Document.__table__, "document_keeps_symbol", "UPDATE",  # type: ignore[arg-type]
       "OLD.state <> 'draft' AND NOT coalesce(OLD.symbol = NEW.symbol, OLD.symbol IS NULL AND NEW.symbol IS NULL)",
       "the symbol of an issued document does not change")
