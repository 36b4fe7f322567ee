"""What pages and commands may know of a programme: typed rows, a fixed number of queries each."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from core.db import db
from core.errors import NotFound
from core.machines import State
from meetings.programme.facts import Content, HalfRow, ItemRow, RoomRow, SlotFacts, content_of
from meetings.programme.models import AgendaItem, Change, Follower, HalfDay, Programme, ProgrammeVersion, Room, Slot
from meetings.programme.transitions import PROGRAMME


@dataclass(frozen=True, slots=True)
class Draft:
    """The draft of a programme with everything below it."""

    id: uuid.UUID
    meeting_id: uuid.UUID
    state: str
    symbol: str | None
    teams: int
    numbered: int
    version: int
    items: tuple[ItemRow, ...]
    rooms: tuple[RoomRow, ...]
    halves: tuple[HalfRow, ...]
    slots: tuple[tuple[uuid.UUID, SlotFacts], ...]

    @property
    def content(self) -> Content:
        """The draft as readers would see it."""
        return content_of(self.slots, self.items, self.rooms)

    @property
    def standing(self) -> State:
        """Word and tone of what was published last."""
        return PROGRAMME.state(self.state)


def facts_of(slot: Slot) -> SlotFacts:
    """A stored slot as facts."""
    return SlotFacts(
        slot.kind, slot.day, slot.starts, slot.ends, slot.title, slot.room_id,
        tuple(uuid.UUID(key) for key in slot.items), tuple(slot.languages), tuple(slot.people), slot.note)


def programme_of(meeting_id: uuid.UUID) -> Programme | None:
    """The programme of a meeting, if one was begun. One query."""
    return db.session.scalar(select(Programme).where(Programme.meeting_id == meeting_id))


def draft_of(programme: Programme) -> Draft:
    """Everything below a programme, in four queries."""
    items = db.session.scalars(
        select(AgendaItem).where(AgendaItem.programme_id == programme.id).order_by(AgendaItem.position))
    rooms = db.session.scalars(select(Room).where(Room.programme_id == programme.id).order_by(Room.name))
    halves = db.session.scalars(
        select(HalfDay).where(HalfDay.programme_id == programme.id).order_by(HalfDay.day, HalfDay.starts))
    slots = db.session.scalars(
        select(Slot).where(Slot.programme_id == programme.id).order_by(Slot.day, Slot.starts, Slot.id))
    return Draft(
        programme.id, programme.meeting_id, programme.state, programme.symbol, programme.teams, programme.numbered,
        programme.version,
        tuple(ItemRow(i.id, i.number, i.title, i.role) for i in items),
        tuple(RoomRow(r.id, r.name, r.seats, r.opens, r.closes, r.interpretation) for r in rooms),
        tuple(HalfRow(h.id, h.day, h.half, h.starts, h.ends, h.is_open, h.note) for h in halves),
        tuple((s.id, facts_of(s)) for s in slots),
    )


def draft_of_meeting(meeting_id: uuid.UUID) -> Draft:
    """As `draft_of`. Raises NotFound where no programme was begun."""
    programme = programme_of(meeting_id)
    if programme is None:
        raise NotFound()
    return draft_of(programme)


# --- changes ----------------------------------------------------------------------------------------------------
def change_to_undo(programme_id: uuid.UUID) -> Change | None:
    """The latest act that is no undoing and was not undone. One query."""
    undone = select(Change.undoes_id).where(Change.programme_id == programme_id, Change.undoes_id.is_not(None))
    return db.session.scalar(
        select(Change)
        .where(Change.programme_id == programme_id, Change.undoes_id.is_(None), Change.id.not_in(undone))
        .order_by(Change.number.desc()).limit(1))


def next_number(programme_id: uuid.UUID) -> int:
    """The number of the next act on a draft."""
    found = db.session.scalar(select(func.max(Change.number)).where(Change.programme_id == programme_id))
    return (found or 0) + 1


# --- versions ---------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class VersionRow:
    """One published version."""

    number: int
    standing: str
    symbol: str | None
    note: str | None
    published_at: datetime
    digest: str
    content: Content

    @property
    def status(self) -> State:
        """Word and tone of its standing."""
        return PROGRAMME.state(self.standing)


def _version(v: ProgrammeVersion) -> VersionRow:
    return VersionRow(v.number, v.standing, v.symbol, v.note, v.published_at, v.digest, Content.from_json(v.content))


def latest_of_meeting(meeting_id: uuid.UUID) -> VersionRow | None:
    """What was published last for a meeting. One query."""
    found = db.session.scalar(
        select(ProgrammeVersion).join(Programme, Programme.id == ProgrammeVersion.programme_id)
        .where(Programme.meeting_id == meeting_id).order_by(ProgrammeVersion.number.desc()).limit(1))
    return _version(found) if found is not None else None


def versions_of_meeting(meeting_id: uuid.UUID) -> list[VersionRow]:
    """Every version, oldest first. One query: there are few, and calendars need what each said."""
    return [
        _version(v) for v in db.session.scalars(
            select(ProgrammeVersion).join(Programme, Programme.id == ProgrammeVersion.programme_id)
            .where(Programme.meeting_id == meeting_id).order_by(ProgrammeVersion.number))
    ]


def follows(meeting_id: uuid.UUID, person_id: uuid.UUID) -> set[str]:
    """What a person follows of a meeting's programme: keys of slots, and an empty one for the whole. One query."""
    return set(db.session.scalars(
        select(Follower.slot_key).join(Programme, Programme.id == Follower.programme_id)
        .where(Programme.meeting_id == meeting_id, Follower.person_id == person_id)))
