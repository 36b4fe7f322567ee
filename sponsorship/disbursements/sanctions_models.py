"""Imported lists of the Security Council, who stands on them, and possible matches of payees, which two finance
officers clear or confirm. A list never changes; a newer one takes its place."""

from __future__ import annotations

import uuid
from datetime import date, datetime

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, Versioned, WithId
from core.ddl import append_only, lookup_table
from sponsorship.disbursements.transitions import MATCH

LIKENESS = ("name_and_birth", "name_only", "name_not_birth")
BLOCKING = ("open", "proposed", "confirmed")
lookup_table("match_likeness", LIKENESS)


class SanctionsList(WithId, Base):
    """One file, by its digest. The one published last holds."""

    __tablename__ = "sanctions_list"
    __table_args__ = (CheckConstraint("persons > 0", name="names_somebody"), Index(None, "published_on", "id"))
    published_on: Mapped[date]
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    file_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("stored_file.id"))
    persons: Mapped[int]
    imported_at: Mapped[datetime]
    imported_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("person.id"))


class SanctionsEntry(WithId, Base):
    """One person on one list, as published. `digest` covers what persons are compared by."""

    __tablename__ = "sanctions_entry"
    __table_args__ = (UniqueConstraint("list_id", "data_id", name="uq_sanctions_entry_data_id"),)
    list_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("sanctions_list.id"))
    data_id: Mapped[str] = mapped_column(String(40))
    reference: Mapped[str] = mapped_column(String(60))
    listed_on: Mapped[date | None]
    names: Mapped[list[str]] = mapped_column(JSON)
    births: Mapped[list[str]] = mapped_column(JSON)
    digest: Mapped[str] = mapped_column(String(64))


class SanctionsMatch(WithId, Versioned, Base):
    """A payee may be a person on the list. One officer proposes to clear it, another clears it; while it is open, or
    once it is confirmed, nothing is certified or released to this payee."""

    __tablename__ = "sanctions_match"
    __table_args__ = (
        UniqueConstraint("payee_id", "data_version", "data_id", "digest", name="uq_sanctions_match_once"),
        CheckConstraint("decided_by IS NULL OR proposed_by IS NULL OR decided_by <> proposed_by", name="by_two"),
        CheckConstraint("state NOT IN ('proposed', 'cleared') OR proposed_by IS NOT NULL", name="proposed_has_name"),
        CheckConstraint("state <> 'cleared' OR decided_by IS NOT NULL", name="cleared_by_two"),
        Index("ix_sanctions_match_blocking", "payee_id",
              sqlite_where=text("state IN ('open', 'proposed', 'confirmed')"),
              postgresql_where=text("state IN ('open', 'proposed', 'confirmed')")),
    )
    payee_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("payee.id"), index=True)
    data_version: Mapped[int]
    entry_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("sanctions_entry.id"))
    data_id: Mapped[str] = mapped_column(String(40))
    digest: Mapped[str] = mapped_column(String(64))
    likeness: Mapped[str] = mapped_column(String(40), ForeignKey("match_likeness.code"))
    state: Mapped[str] = MATCH.column()
    found_at: Mapped[datetime]
    proposed_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))
    decided_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))
    decided_at: Mapped[datetime | None]


append_only(SanctionsList.__table__)  # type: ignore[arg-type]
append_only(SanctionsEntry.__table__)  # type: ignore[arg-type]
append_only(SanctionsMatch.__table__,  # type: ignore[arg-type]
            updatable=("state", "version", "proposed_by", "decided_by", "decided_at"))
