"""The programme of work of a meeting: its draft, every change of it, and what was published. Tables only."""

from __future__ import annotations

import uuid
from datetime import date, datetime, time
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, Versioned, WithId
from core.ddl import append_only, lookup_table
from meetings.programme.transitions import PROGRAMME, SIDE_EVENT, STANDINGS

KINDS = ("plenary", "informal", "side_event", "break", "other")
ROLES = ("opening", "organisation", "exchange", "theme", "other", "outcome", "credentials", "report")
HALVES = ("morning", "afternoon")
lookup_table("programme_slot_kind", KINDS)
lookup_table("programme_item_role", ROLES)
lookup_table("programme_standing", STANDINGS)


class Programme(WithId, Versioned, Base):
    """The draft of one meeting's programme. Its version rises with every change of anything below it, so a page that
    showed another draft is refused; `state` is the standing of what was published last."""

    __tablename__ = "programme"
    __table_args__ = (
        CheckConstraint("teams BETWEEN 0 AND 20", name="teams"),
        CheckConstraint("numbered >= 0", name="numbered_not_negative"),
    )
    meeting_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("meeting.id"), unique=True)
    state: Mapped[str] = PROGRAMME.column()
    symbol: Mapped[str | None] = mapped_column(String(80))  # of the first version; later ones add /Rev.n
    teams: Mapped[int] = mapped_column(default=1)  # of interpreters
    numbered: Mapped[int] = mapped_column(default=0)  # versions published so far
    created_at: Mapped[datetime]


class AgendaItem(WithId, Base):
    """One item of the agenda. `role` says what it is for, which templates go by."""

    __tablename__ = "programme_item"
    __table_args__ = (UniqueConstraint("programme_id", "number"), CheckConstraint("title <> ''", name="has_title"))
    programme_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("programme.id"))
    number: Mapped[str] = mapped_column(String(10))
    title: Mapped[str] = mapped_column(String(400))
    role: Mapped[str] = mapped_column(ForeignKey("programme_item_role.code"))
    position: Mapped[int]


class Room(WithId, Base):
    """A room of the meeting and the hours in which its building is open."""

    __tablename__ = "programme_room"
    __table_args__ = (UniqueConstraint("programme_id", "name"), CheckConstraint("opens < closes", name="opens_first"))
    programme_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("programme.id"))
    name: Mapped[str] = mapped_column(String(120))
    seats: Mapped[int | None]
    opens: Mapped[time]
    closes: Mapped[time]
    interpretation: Mapped[bool]


class HalfDay(WithId, Base):
    """A half-day of the meeting's own calendar, on which a plenary meeting may stand, with its hours."""

    __tablename__ = "programme_half_day"
    __table_args__ = (
        UniqueConstraint("programme_id", "day", "half"),
        CheckConstraint("starts < ends", name="starts_first"),
        CheckConstraint("half IN ('morning', 'afternoon')", name="half"),
    )
    programme_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("programme.id"))
    day: Mapped[date]
    half: Mapped[str] = mapped_column(String(12))
    starts: Mapped[time]
    ends: Mapped[time]
    is_open: Mapped[bool]
    note: Mapped[str | None] = mapped_column(String(200))


class Slot(WithId, Base):
    """One slot of the draft, in local time of the meeting. `items` are keys of agenda items. It keeps its key through
    every version, so that two versions can be compared and calendars find the entry again."""

    __tablename__ = "programme_slot"
    __table_args__ = (
        CheckConstraint("starts < ends", name="starts_first"),
        Index("ix_programme_slot_programme_day", "programme_id", "day"),
    )
    programme_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("programme.id"))
    kind: Mapped[str] = mapped_column(ForeignKey("programme_slot_kind.code"))
    day: Mapped[date]
    starts: Mapped[time]
    ends: Mapped[time]
    title: Mapped[str] = mapped_column(String(300))  # may be empty where items say enough
    room_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("programme_room.id"), index=True)
    items: Mapped[list[str]] = mapped_column(JSON, default=list)
    languages: Mapped[list[str]] = mapped_column(JSON, default=list)  # interpreted: A C E F R S
    people: Mapped[list[str]] = mapped_column(JSON, default=list)  # as the programme names them
    note: Mapped[str | None] = mapped_column(Text)


class Change(WithId, Base):
    """One act on the draft: what each slot was before and after (null: not there). `undoes_id` is the act it undid."""

    __tablename__ = "programme_change"
    __table_args__ = (UniqueConstraint("programme_id", "number"),)
    programme_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("programme.id"))
    number: Mapped[int]
    action: Mapped[str] = mapped_column(String(20))
    slots: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    undoes_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("programme_change.id"), unique=True)
    actor: Mapped[str] = mapped_column(String(80))
    actor_id: Mapped[uuid.UUID | None]
    at: Mapped[datetime]


class ProgrammeVersion(WithId, Base):
    """What was published: the whole programme as it stood, never changed again. `digest` is the SHA-256 of `content`
    as sorted JSON."""

    __tablename__ = "programme_version"
    __table_args__ = (
        UniqueConstraint("programme_id", "number"),
        CheckConstraint("number > 0", name="number_positive"),
    )
    programme_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("programme.id"))
    number: Mapped[int]
    standing: Mapped[str] = mapped_column(ForeignKey("programme_standing.code"))
    symbol: Mapped[str | None] = mapped_column(String(100))
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    digest: Mapped[str] = mapped_column(String(64))
    note: Mapped[str | None] = mapped_column(String(500))
    published_at: Mapped[datetime]


class Follower(WithId, Base):
    """A person who is told when a new version changes something: the whole programme, or one slot of it. `slot_id` has
    no foreign key, since a slot that left the draft is still in what was published."""

    __tablename__ = "programme_follower"
    __table_args__ = (Index("ix_programme_follower_person", "person_id"),
                      UniqueConstraint("programme_id", "person_id", "slot_key"))
    programme_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("programme.id"))
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("person.id"))
    slot_key: Mapped[str] = mapped_column(String(36))  # empty: the whole programme
    since: Mapped[datetime]


class SideEvent(WithId, Versioned, Base):
    """A request for a side event, and what became of it. `wishes` are slots as `2027-06-07 13:15-14:45`, the dearest
    first; `slot_id` is the slot of the draft it was given (no foreign key: the organiser may take the slot out)."""

    __tablename__ = "side_event"
    __table_args__ = (
        CheckConstraint("state <> 'accepted' OR slot_id IS NOT NULL", name="accepted_has_slot"),
        CheckConstraint("people_expected BETWEEN 1 AND 5000", name="people_expected"),
    )
    programme_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("programme.id"), index=True)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("person.id"), index=True)
    state: Mapped[str] = SIDE_EVENT.column()
    title: Mapped[str] = mapped_column(String(200))
    organisers: Mapped[str] = mapped_column(String(300))
    cosponsor: Mapped[str | None] = mapped_column(String(200))
    summary: Mapped[str | None] = mapped_column(Text)
    wishes: Mapped[list[str]] = mapped_column(JSON)
    people_expected: Mapped[int]
    needs: Mapped[str | None] = mapped_column(String(500))
    slot_id: Mapped[uuid.UUID | None]
    answer: Mapped[str | None] = mapped_column(String(500))
    requested_at: Mapped[datetime]


append_only(Change.__table__)  # type: ignore[arg-type]
append_only(ProgrammeVersion.__table__)  # type: ignore[arg-type]
