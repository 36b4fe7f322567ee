"""Tables of the papers of an application, and of what a nominee says of himself or herself by a personal link.

Numbers of passports, classes of visas and days at consulates are sealed under a key of their own, apart from the
nominee's: it is destroyed when their time is over, and the nomination stays.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, WithId, new_id
from core.ddl import lookup_table
from sponsorship.applications.paper_kinds import PAPER_KINDS, RETENTION

lookup_table("paper_kind", tuple(PAPER_KINDS))
lookup_table("paper_retention", RETENTION)


class ApplicationPaper(WithId, Base):
    """One paper, of the State (the note verbale) or of one nominee. A new one supersedes, never overwrites; one note
    verbale may cover several applications, each with its own row and the same file. When the time of its class is over
    the file is erased and the row tells that it was there."""

    __tablename__ = "application_paper"
    __table_args__ = (
        CheckConstraint("(kind = 'nomination_letter') = (nominee_id IS NULL)", name="whose_paper"),
        CheckConstraint("(file_id IS NULL) = (erased_at IS NOT NULL)", name="file_until_erased"),
        # one that stands for each place; a NULL nominee would never clash, so the State's own has an index of its own
        Index("uq_application_paper_nominee", "nominee_id", "kind", unique=True,
              sqlite_where=text("superseded_at IS NULL"), postgresql_where=text("superseded_at IS NULL")),
        Index("uq_application_paper_state", "application_id", "kind", unique=True,
              sqlite_where=text("superseded_at IS NULL AND nominee_id IS NULL"),
              postgresql_where=text("superseded_at IS NULL AND nominee_id IS NULL")),
        Index("ix_application_paper_kept", "retention", "application_id",
              sqlite_where=text("file_id IS NOT NULL"), postgresql_where=text("file_id IS NOT NULL")),
    )
    application_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("application.id"), index=True)
    nominee_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("nominee.id"))
    kind: Mapped[str] = mapped_column(String(40), ForeignKey("paper_kind.code"))
    retention: Mapped[str] = mapped_column(String(40), ForeignKey("paper_retention.code"))
    file_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("stored_file.id"), index=True)
    by_nominee: Mapped[bool] = mapped_column(default=False)
    uploaded_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))
    uploaded_at: Mapped[datetime]
    superseded_at: Mapped[datetime | None]
    erased_at: Mapped[datetime | None]


class NomineeLink(WithId, Base):
    """A personal link that was mailed to a nominee: only a digest of it is kept. Ages in real time. One is live for a
    nominee; a newer one, a replacement or the end of the application revokes it."""

    __tablename__ = "nominee_link"
    __table_args__ = (
        CheckConstraint("expires_at > sent_at", name="expires_after_sending"),
        Index("uq_nominee_link_live", "nominee_id", unique=True, sqlite_where=text("revoked_at IS NULL"),
              postgresql_where=text("revoked_at IS NULL")),
    )
    nominee_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("nominee.id"))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    sent_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))
    sent_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class NomineePassport(Base):
    """What only the nominee and the tests read: sealed under `subject_id`'s key. The mission and the officers are told
    whether the passport and the visa are good for the journey, never the number, the class or the day."""

    __tablename__ = "nominee_passport"
    nominee_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("nominee.id"), primary_key=True)
    subject_id: Mapped[uuid.UUID] = mapped_column(unique=True, default=new_id)
    passport_sealed: Mapped[str | None] = mapped_column(Text)  # JSON: number, expires (ISO date)
    visa_sealed: Mapped[str | None] = mapped_column(Text)  # JSON: class, held, day of the appointment (ISO date)
    given_at: Mapped[datetime]


class NomineeSubstitution(WithId, Base):
    """Another person took a nominee's place after the application was sent. The name of the former one is sealed under
    this row's own id; an officer checks the new one, in the screening or by itself."""

    __tablename__ = "nominee_substitution"
    __table_args__ = (
        CheckConstraint("(checked_at IS NULL) = (checked_by IS NULL)", name="checked_by_somebody"),
    )
    application_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("application.id"), index=True)
    nominee_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("nominee.id"), index=True)
    former_sealed: Mapped[str | None] = mapped_column(Text)
    by_person: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime]
    checked_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))
    checked_at: Mapped[datetime | None]
