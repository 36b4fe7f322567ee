"""Dates that follow from a meeting's days: which there are, by what rules, on what day each falls, how they changed;
and the secret addresses of people's own feeds. Tables only."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import DDL, JSON, CheckConstraint, ForeignKey, Index, String, UniqueConstraint, event, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, Versioned, WithId
from core.ddl import append_only, lookup_table

# on a day that is no working day: leave it, take the working day before, or the one after
ROLLS = ("none", "before", "after")
lookup_table("date_roll", ROLLS)


# code, name, order; more are rows, not code
DATE_KINDS = (
    ("registration_opens", "Registration opens", 1),
    ("registration_closes", "Registration closes", 2),
    ("credentials", "Credentials to reach the secretariat", 3),
    ("ngo_applications", "Non-governmental organisations apply for accreditation", 4),
    ("ngo_objections", "No-objection period for organisations ends", 5),
    ("documents_in", "Documents submitted for processing", 6),
    ("documents_out", "Documents issued in the official languages", 7),
    ("reports", "National reports asked for (voluntary)", 8),
)


class DateKind(Base):
    """A date that meetings may have, such as the close of registration. Its name goes through gettext where we know it;
    one that is not `public` is seen by organisers only."""

    __tablename__ = "date_kind"
    __table_args__ = (CheckConstraint("name <> ''", name="has_name"),)
    code: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    public: Mapped[bool] = mapped_column(default=True)
    position: Mapped[int]


_ROWS = ", ".join(f"('{code}', '{name}', TRUE, {position})" for code, name, position in DATE_KINDS)
event.listen(DateKind.__table__, "after_create",
             DDL(f"INSERT INTO date_kind (code, name, public, position) VALUES {_ROWS}"))


class DateRule(WithId, Base):
    """From what a date follows: so many days from `anchor` (start, end, or the code of another date), for one kind of
    meeting or for all. Without `days`, meetings of that kind have no such date. A rule is ended by the next one."""

    __tablename__ = "date_rule"
    __table_args__ = (
        CheckConstraint("days IS NULL OR days BETWEEN -1500 AND 1500", name="days_within_reason"),
        CheckConstraint("source <> ''", name="has_source"),
        CheckConstraint("anchor <> code", name="anchor_is_another"),
        Index("uq_date_rule_of_kind", "code", "kind", unique=True,
              sqlite_where=text("ended_at IS NULL AND kind IS NOT NULL"),
              postgresql_where=text("ended_at IS NULL AND kind IS NOT NULL")),
        Index("uq_date_rule_of_all", "code", unique=True, sqlite_where=text("ended_at IS NULL AND kind IS NULL"),
              postgresql_where=text("ended_at IS NULL AND kind IS NULL")),
    )
    code: Mapped[str] = mapped_column(ForeignKey("date_kind.code"))
    kind: Mapped[str | None] = mapped_column(ForeignKey("meeting_kind.code"))
    anchor: Mapped[str] = mapped_column(String(40))
    days: Mapped[int | None]
    roll: Mapped[str] = mapped_column(ForeignKey("date_roll.code"))
    at_time: Mapped[str | None] = mapped_column(String(5))  # HH:MM at the meeting's place; none for the whole day
    source: Mapped[str] = mapped_column(String(400))
    set_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class DependentDate(WithId, Versioned, Base):
    """One date of one meeting, local to it. `by_hand` was set by an organiser and outlives every reckoning; it asks to
    be looked at (`look_again`) once the meeting has moved. `sequence` is iCalendar's, as the meeting's is."""

    __tablename__ = "dependent_date"
    __table_args__ = (
        UniqueConstraint("meeting_id", "code"),
        CheckConstraint("by_hand OR NOT look_again", name="only_a_hand_looks_again"),
        CheckConstraint("sequence >= 0", name="sequence_not_negative"),
    )
    meeting_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("meeting.id"))
    code: Mapped[str] = mapped_column(ForeignKey("date_kind.code"), index=True)
    day: Mapped[date]
    at_time: Mapped[str | None] = mapped_column(String(5))
    by_hand: Mapped[bool] = mapped_column(default=False)
    look_again: Mapped[bool] = mapped_column(default=False)
    dropped: Mapped[bool] = mapped_column(default=False)  # the meeting has no such date any more; feeds say cancelled
    sequence: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]


class DependentDateChange(WithId, Base):
    """One change of a published meeting's date: what stood before, what stands now, and why."""

    __tablename__ = "dependent_date_change"
    meeting_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("meeting.id"), index=True)
    code: Mapped[str] = mapped_column(ForeignKey("date_kind.code"))
    old_day: Mapped[date | None]
    new_day: Mapped[date | None]
    reason: Mapped[str] = mapped_column(String(500))
    at: Mapped[datetime]


class CalendarSubscription(WithId, Versioned, Base):
    """One person's own feed: a secret address, of which the digest is kept, and what the person wants to find there.
    One that is not revoked per person."""

    __tablename__ = "calendar_subscription"
    __table_args__ = (
        CheckConstraint("length(token_sha256) = 64", name="digest_whole"),
        Index("uq_calendar_subscription_live", "person_id", unique=True, sqlite_where=text("revoked_at IS NULL"),
              postgresql_where=text("revoked_at IS NULL")),
    )
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("person.id"))
    token_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    wanted: Mapped[dict[str, Any]] = mapped_column(JSON)  # kind, place, with dates, language: as feed_filters reads it
    by_mail: Mapped[bool] = mapped_column(default=False)
    made_at: Mapped[datetime]
    changed_at: Mapped[datetime]  # real time
    revoked_at: Mapped[datetime | None]


append_only(DateRule.__table__, updatable=("ended_at",))  # type: ignore[arg-type]
append_only(DependentDateChange.__table__)  # type: ignore[arg-type]
