"""Meetings, the history of their dates, their mandates, and the stamp of the public calendar. Tables only."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import DDL, JSON, CheckConstraint, ForeignKey, Index, String, Text, event, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, Versioned, WithId
from core.ddl import append_only, lookup_table, trigger
from meetings.calendar.transitions import MEETING

MODES = ("in_person", "hybrid", "virtual")
lookup_table("meeting_mode", MODES)

# code, short name, name, order; more kinds are rows, not code
KINDS = (
    ("Conference", "Conference", "Conference", 1),
    ("BMS", "BMS", "Biennial meeting of States", 2),
    ("RevCon", "RevCon", "Review conference", 3),
    ("PrepCom", "PrepCom", "Preparatory committee", 4),
    ("MGE", "MGE", "Meeting of governmental experts", 5),
    ("Regional", "Regional", "Regional meeting", 6),
)


class MeetingKind(Versioned, Base):
    """A kind of meeting. The names of the six above go through gettext where they are shown; organisers add others.

    `precedes` is the kind of conference that a meeting of this kind prepares: it must end before it, in its cycle. A
    kind that is not `offered` stays on the meetings that have it. `source` is the paper that made the kind.
    """

    __tablename__ = "meeting_kind"
    __table_args__ = (
        CheckConstraint("short_name <> '' AND name <> ''", name="has_names"),
        CheckConstraint("precedes IS NULL OR precedes <> code", name="precedes_another"),
    )
    code: Mapped[str] = mapped_column(String(20), primary_key=True)
    short_name: Mapped[str] = mapped_column(String(30))
    name: Mapped[str] = mapped_column(String(80))
    position: Mapped[int]
    precedes: Mapped[str | None] = mapped_column(ForeignKey("meeting_kind.code"))
    offered: Mapped[bool] = mapped_column(default=True)
    source: Mapped[str | None] = mapped_column(String(300))


PREPARES = {"PrepCom": "RevCon"}
KIND_ROWS = ", ".join(
    f"('{c}', '{s}', '{n}', {p}, {repr(PREPARES[c]) if c in PREPARES else 'NULL'}, TRUE, 1)" for c, s, n, p in KINDS)
event.listen(
    MeetingKind.__table__, "after_create",
    DDL(f"INSERT INTO meeting_kind (code, short_name, name, position, precedes, offered, version) VALUES {KIND_ROWS}"),
)

_LIVE = "ordinal IS NOT NULL AND replaced_by_id IS NULL AND NOT is_demo AND state <> 'cancelled'"


class Meeting(WithId, Versioned, Base):
    """One meeting. Days are local to `timezone` (IANA); `end_date` is the last day itself.

    Two acts make it public: `announced_at` shows that it exists and in which year, `published_at` shows its dates.
    `sequence` is iCalendar's: it rises with every change that a subscriber must hear of, once published; `changed_at`
    (real time) is the last change of anything that feeds show.
    """

    __tablename__ = "meeting"
    __table_args__ = (
        CheckConstraint("(start_date IS NULL) = (end_date IS NULL)", name="both_days_or_none"),
        CheckConstraint("end_date >= start_date", name="ends_after_it_starts"),
        CheckConstraint("year BETWEEN 1990 AND 2100", name="year"),
        CheckConstraint("ordinal IS NULL OR ordinal > 0", name="ordinal_positive"),
        CheckConstraint("meetings_allotted IS NULL OR meetings_allotted > 0", name="allotted_positive"),
        CheckConstraint("sequence >= 0", name="sequence_not_negative"),
        CheckConstraint("state <> 'mandated' OR start_date IS NULL", name="mandated_has_no_days"),
        CheckConstraint("state NOT IN ('provisional', 'fixed', 'published', 'postponed') OR start_date IS NOT NULL",
                        name="dated_states_have_days"),
        CheckConstraint("state NOT IN ('published', 'postponed', 'held') OR published_at IS NOT NULL",
                        name="public_states_are_published"),
        CheckConstraint("published_at IS NULL OR announced_at IS NOT NULL", name="published_is_announced"),
        CheckConstraint("replaced_by_id IS NULL OR replaced_by_id <> id", name="not_replaced_by_itself"),
        CheckConstraint("short_name <> '' AND title <> '' AND slug <> ''", name="has_names"),
        CheckConstraint("seats_in_room IS NULL OR seats_in_room > 0", name="seats_positive"),
        Index("uq_meeting_kind_ordinal", "kind", "ordinal", unique=True,
              sqlite_where=text(_LIVE), postgresql_where=text(_LIVE)),
        Index("ix_meeting_year_start_date", "year", "start_date"),
    )
    slug: Mapped[str] = mapped_column(String(80), unique=True)
    kind: Mapped[str] = mapped_column(ForeignKey("meeting_kind.code"), index=True)
    ordinal: Mapped[int | None]
    short_name: Mapped[str] = mapped_column(String(80))
    title: Mapped[str] = mapped_column(String(400))
    year: Mapped[int]
    start_date: Mapped[date | None]
    end_date: Mapped[date | None]
    city: Mapped[str | None] = mapped_column(String(120))
    country_code: Mapped[str | None] = mapped_column(String(2))  # ISO 3166 alpha-2 of the place
    venue: Mapped[str | None] = mapped_column(String(200))
    timezone: Mapped[str] = mapped_column(String(64), default="UTC")
    mode: Mapped[str] = mapped_column(ForeignKey("meeting_mode.code"), default="in_person")
    seats_in_room: Mapped[int | None]  # for each delegation, where the room is small or the meeting hybrid
    taking_part: Mapped[str | None] = mapped_column(Text)  # how to take part from afar, in words
    languages: Mapped[list[str] | None] = mapped_column(JSON)  # codes of the languages it is interpreted in
    state: Mapped[str] = MEETING.column()
    meetings_allotted: Mapped[int | None]  # half-day plenary meetings granted by the mandate
    presiding_role: Mapped[str | None] = mapped_column(String(60))
    presiding_name: Mapped[str | None] = mapped_column(String(160))
    presiding_country: Mapped[str | None] = mapped_column(String(2))
    bureau: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    mandate_text: Mapped[str | None] = mapped_column(String(300))
    documents: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    report_deadline: Mapped[date | None]  # as its dependent date says (date_models); kept in step with it
    notes: Mapped[str | None] = mapped_column(Text)
    sources: Mapped[list[str]] = mapped_column(JSON, default=list)
    unverified: Mapped[list[str]] = mapped_column(JSON, default=list)
    replaced_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("meeting.id"), index=True)
    is_demo: Mapped[bool] = mapped_column(default=False)
    announced_at: Mapped[datetime | None]
    published_at: Mapped[datetime | None]
    sequence: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]


class MeetingDates(WithId, Base):
    """One change of a published meeting's days: what stood before, what stands now (None: not yet known), and why."""

    __tablename__ = "meeting_dates"
    __table_args__ = (
        CheckConstraint("(new_start IS NULL) = (new_end IS NULL)", name="both_new_days_or_none"),
        CheckConstraint("old_end >= old_start", name="old_days_in_order"),
        CheckConstraint("new_end >= new_start", name="new_days_in_order"),
    )
    meeting_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("meeting.id"), index=True)
    old_start: Mapped[date | None]
    old_end: Mapped[date | None]
    new_start: Mapped[date | None]
    new_end: Mapped[date | None]
    reason: Mapped[str] = mapped_column(String(500))
    at: Mapped[datetime]


class Mandate(WithId, Versioned, Base):
    """What one paragraph of a resolution asks for. One that was recorded by mistake is withdrawn, never deleted.

    `year_printed` is what the text prints; `year_read` is what meetings are compared with, and `year_reason` says why
    where they differ. `language_read` is the version that was read: others were not compared.
    """

    __tablename__ = "mandate"
    __table_args__ = (
        CheckConstraint("year_read = year_printed OR year_reason IS NOT NULL", name="other_year_has_reason"),
        CheckConstraint("weeks IS NULL OR weeks BETWEEN 1 AND 8", name="weeks"),
        CheckConstraint("(start_printed IS NULL) = (end_printed IS NULL)", name="both_days_or_none"),
        CheckConstraint("timing IS NULL OR timing = 'early'", name="timing_known"),
        CheckConstraint("end_printed >= start_printed", name="printed_days_in_order"),
        CheckConstraint("precedes_id IS NULL OR precedes_id <> id", name="precedes_another"),
        CheckConstraint("(withdrawn_at IS NULL) = (withdrawn_because IS NULL)", name="withdrawn_with_reason"),
    )
    key: Mapped[str] = mapped_column(String(60), unique=True)
    resolution: Mapped[str] = mapped_column(String(40))  # such as 68/48
    adopted_on: Mapped[date]
    paragraph: Mapped[str] = mapped_column(String(20))
    rests_on: Mapped[str | None] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(ForeignKey("meeting_kind.code"))
    year_printed: Mapped[int]
    year_read: Mapped[int]
    year_reason: Mapped[str | None] = mapped_column(Text)
    start_printed: Mapped[date | None]
    end_printed: Mapped[date | None]
    weeks: Mapped[int | None]
    place: Mapped[str | None] = mapped_column(String(120))
    timing: Mapped[str | None] = mapped_column(String(20))
    precedes_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("mandate.id"))
    language_read: Mapped[str] = mapped_column(String(12))
    note: Mapped[str | None] = mapped_column(Text)
    source_url: Mapped[str | None] = mapped_column(String(400))
    position: Mapped[int]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_because: Mapped[str | None] = mapped_column(String(500))


class MandateMeeting(Base):
    """Which meeting answers which mandate."""

    __tablename__ = "mandate_meeting"
    mandate_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("mandate.id"), primary_key=True)
    meeting_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("meeting.id"), primary_key=True, index=True)


class CalendarStamp(Base):
    """One row that every change of the public calendar moves on: what a conditional request costs.

    `changed_at` (real time) rises by at least a second each time, so that Last-Modified, which has whole seconds, is
    never the same for two different calendars.
    """

    __tablename__ = "calendar_stamp"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int]
    changed_at: Mapped[datetime]


append_only(MeetingDates.__table__)  # type: ignore[arg-type]

_FALLS = "a meeting's sequence never falls: subscribers would not hear of the change"
trigger(
    Meeting.__table__, "meeting_sequence_rises",  # type: ignore[arg-type]
    sqlite=f"CREATE TRIGGER meeting_sequence_rises BEFORE UPDATE OF sequence ON meeting "
           f"WHEN NEW.sequence < OLD.sequence BEGIN SELECT RAISE(ABORT, '{_FALLS.replace(chr(39), chr(39) * 2)}'); END",
    postgresql=(
        f"CREATE OR REPLACE FUNCTION meeting_sequence_rises() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF NEW.sequence < OLD.sequence THEN RAISE EXCEPTION '{_FALLS.replace(chr(39), chr(39) * 2)}' "
        f"USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$",
        "CREATE TRIGGER meeting_sequence_rises BEFORE UPDATE ON meeting "
        "FOR EACH ROW EXECUTE FUNCTION meeting_sequence_rises()",
    ),
)
