"""What planning knows of places: how long their banks take, on which days they are closed; and the officers' calendar
feeds. Rows are dated and keep who set them; a mistake is withdrawn, never rewritten."""

from __future__ import annotations

import uuid
from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, WithId
from core.ddl import append_only


class BankLeadTime(WithId, Base):
    """Working days that a transfer to banks of a place takes, from a day on. The newest that has begun holds."""

    __tablename__ = "bank_lead_time"
    __table_args__ = (
        CheckConstraint("working_days BETWEEN 0 AND 60", name="days_of_a_quarter"),
        CheckConstraint("length(country) = 2 AND country = upper(country)", name="country_code"),
        Index("uq_bank_lead_time_live", "country", "valid_from", unique=True,
              sqlite_where=text("withdrawn_at IS NULL"), postgresql_where=text("withdrawn_at IS NULL")),
    )
    country: Mapped[str] = mapped_column(String(2))
    valid_from: Mapped[date]
    working_days: Mapped[int]
    source: Mapped[str] = mapped_column(String(200))
    set_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("person.id"))
    set_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))


class ClosedDay(WithId, Base):
    """A day on which banks and offices of a place are closed, beside weekends."""

    __tablename__ = "closed_day"
    __table_args__ = (
        CheckConstraint("length(country) = 2 AND country = upper(country)", name="country_code"),
        Index("uq_closed_day_live", "country", "day", unique=True,
              sqlite_where=text("withdrawn_at IS NULL"), postgresql_where=text("withdrawn_at IS NULL")),
    )
    country: Mapped[str] = mapped_column(String(2))
    day: Mapped[date]
    name: Mapped[str] = mapped_column(String(120))
    source: Mapped[str] = mapped_column(String(200))
    set_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("person.id"))
    set_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))


class OfficerCalendar(WithId, Base):
    """A secret address of one person's calendar feed: only its SHA-256 is kept. One that is not revoked per person."""

    __tablename__ = "officer_calendar"
    __table_args__ = (
        CheckConstraint("length(token_sha256) = 64", name="digest_whole"),
        Index("uq_officer_calendar_live", "person_id", unique=True, sqlite_where=text("revoked_at IS NULL"),
              postgresql_where=text("revoked_at IS NULL")),
    )
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("person.id"))
    token_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    made_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


append_only(BankLeadTime.__table__, updatable=("withdrawn_at", "withdrawn_by"))  # type: ignore[arg-type]
append_only(ClosedDay.__table__, updatable=("withdrawn_at", "withdrawn_by"))  # type: ignore[arg-type]
append_only(OfficerCalendar.__table__, updatable=("revoked_at",))  # type: ignore[arg-type]
