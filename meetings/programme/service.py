"""Commands on what stands around the slots: the programme itself, agenda, rooms, half-days. Each takes an actor, asks
permission again, and moves the programme's version on, so that no page overwrites what it did not show."""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Any

from flask_babel import gettext
from sqlalchemy import select

from accounts.permissions import require
from core import clock, events
from core.actor import Actor
from core.db import command, db, lock, new_id
from core.errors import RuleBroken
from meetings.calendar.models import Meeting
from meetings.documents.service import read_symbol
from meetings.programme.days_off import days_off
from meetings.programme.facts import AFTERNOON, MORNING
from meetings.programme.models import ROLES, AgendaItem, HalfDay, Programme, Room, Slot
from meetings.programme.transitions import MANAGE, PROGRAMME

MAX_ITEMS = 60
_LINE = re.compile(r"^\s*(?:item\s+)?(?P<number>[0-9]{1,3}[a-z]?)\s*[.):\t ]\s*(?P<title>.+?)\s*"
                   r"(?:\[(?P<role>[a-z]+)\]\s*)?$", re.IGNORECASE)
# what an item is for, where nobody says it: the first pattern that is found
_GUESSES = (
    ("credentials", r"report of the credentials"), ("report", r"report of the (meeting|conference)|final documents"),
    ("outcome", r"draft (final|outcome)|outcome document"),
    ("organisation", r"agenda|organi[sz]ational|rules of procedure|other officers|programme of work|credentials"),
    ("opening", r"opening|election of the|statement (of|by) the"), ("exchange", r"general (exchange|debate)"),
    ("other", r"other (issues|matters|business)"),
)


def role_of(title: str) -> str:
    """What an item is for, by the words of its title."""
    low = title.lower()
    return next((role for role, pattern in _GUESSES if re.search(pattern, low)), "theme")


def opened(programme_id: uuid.UUID, actor: Actor, what: str, expected_version: int | None) -> Programme:
    """The programme, locked, with its version moved on and the change recorded. Raises NotAllowed, Stale."""
    programme = lock(Programme, programme_id, expected_version)
    PROGRAMME.apply(programme, "edit", actor, data={"what": what})
    return programme


# --- the programme ----------------------------------------------------------------------------------------------
@command
def begin_programme(meeting_id: uuid.UUID, actor: Actor) -> uuid.UUID:
    """Begin the programme of a dated meeting, with its calendar of half-days; the one that stands, if there is one.
    Raises RuleBroken, NotAllowed."""
    require(actor, MANAGE)
    meeting = lock(Meeting, meeting_id)
    found = db.session.scalar(select(Programme.id).where(Programme.meeting_id == meeting_id))
    if found is not None:
        return found
    if meeting.start_date is None or meeting.end_date is None:
        raise RuleBroken(gettext("Set the meeting’s dates first: the programme stands on its days."),
                         code="programme.no_days")
    programme = Programme(id=new_id(), meeting_id=meeting_id, state=PROGRAMME.initial, version=1, teams=1, numbered=0,
                          created_at=clock.real_now())
    db.session.add(programme)
    db.session.flush()
    add_half_days(programme.id, meeting.start_date, meeting.end_date, meeting.timezone)
    events.record(actor, "programme.begin", "programme", programme.id, to_state=programme.state)
    return programme.id


def add_half_days(programme_id: uuid.UUID, start: date, end: date, zone: str,
                  but: Collection[date] = ()) -> None:
    """Two half-days for each day (`but` for some), shut on weekends and on days off; in the command under way."""
    off = {d.day: str(d.name) for d in reversed(days_off(start, end, zone))}
    for n in range((end - start).days + 1):
        day = start + timedelta(days=n)
        if day in but:
            continue
        for half, (opens, closes) in (("morning", MORNING), ("afternoon", AFTERNOON)):
            db.session.add(HalfDay(
                programme_id=programme_id, day=day, half=half, starts=opens, ends=closes,
                is_open=day.weekday() < 5 and day not in off, note=off.get(day)))


@command
def set_up(programme_id: uuid.UUID, actor: Actor, *, symbol: str | None, teams: int,
           expected_version: int | None = None) -> None:
    """The symbol of the document and how many teams of interpreters there are. Raises RuleBroken, NotAllowed, Stale."""
    if not 0 <= teams <= 20:
        raise RuleBroken(gettext("Write a number from 0 to 20."), code="programme.teams", field="teams")
    programme = opened(programme_id, actor, "settings", expected_version)
    read = read_symbol(symbol)
    if read is not None and read.changes:
        raise RuleBroken(gettext("Write the symbol of the first version: /Rev.1 and later follow by themselves."),
                         code="programme.symbol", field="symbol")
    programme.symbol, programme.teams = str(read) if read else None, teams


# --- the agenda -------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class ItemFacts:
    """An agenda item as it is written."""

    number: str
    title: str
    role: str


def read_agenda(text: str) -> list[ItemFacts]:
    """One item on each line: number, title and, in brackets, what it is for. Raises RuleBroken, naming the line."""
    found: list[ItemFacts] = []
    for n, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        match = _LINE.match(line)
        if match is None:
            raise RuleBroken(gettext("Line %(n)s: begin with the number, such as “6. Implementation”.", n=n),
                             code="programme.agenda_line", field="agenda")
        title = " ".join(match["title"].split())
        role = (match["role"] or role_of(title)).lower()
        if role not in ROLES:
            raise RuleBroken(gettext("Line %(n)s: write one of these in brackets: %(roles)s.", n=n,
                                     roles=", ".join(ROLES)), code="programme.agenda_role", field="agenda")
        if any(item.number == match["number"].lower() for item in found):
            raise RuleBroken(gettext("Line %(n)s: number %(number)s is there already.", n=n, number=match["number"]),
                             code="programme.agenda_twice", field="agenda")
        if len(title) > 400:
            raise RuleBroken(gettext("Line %(n)s: write at most 400 characters.", n=n), code="programme.agenda_long",
                             field="agenda")
        found.append(ItemFacts(match["number"].lower(), title, role))
    if len(found) > MAX_ITEMS:
        raise RuleBroken(gettext("Write at most %(n)s items.", n=MAX_ITEMS), code="programme.agenda_many",
                         field="agenda")
    return found


@command
def set_agenda(programme_id: uuid.UUID, actor: Actor, items: Sequence[ItemFacts], *,
               expected_version: int | None = None) -> None:
    """The whole agenda. An item that keeps its number stays the same item. Raises RuleBroken (an item that is left out
    is scheduled somewhere), NotAllowed, Stale."""
    programme = opened(programme_id, actor, "agenda", expected_version)
    old = {i.number: i for i in db.session.scalars(
        select(AgendaItem).where(AgendaItem.programme_id == programme.id))}
    wanted = {item.number for item in items}
    used = {key for kept in db.session.scalars(select(Slot.items).where(Slot.programme_id == programme.id))
            for key in kept}
    for number, row in old.items():
        if number in wanted:
            continue
        if str(row.id) in used:
            raise RuleBroken(gettext("Item %(number)s is in the programme. Take it out of its slots first.",
                                     number=number), code="programme.item_used", field="agenda")
        db.session.delete(row)
    for position, item in enumerate(items, 1):
        row = old.get(item.number) or AgendaItem(id=new_id(), programme_id=programme.id, number=item.number)
        row.title, row.role, row.position = item.title, item.role, position
        db.session.add(row)
    db.session.flush()


# --- rooms ------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class RoomFacts:
    """A room as it is written."""

    name: str
    seats: int | None
    opens: time
    closes: time
    interpretation: bool


@command
def save_room(programme_id: uuid.UUID, actor: Actor, facts: RoomFacts, *, room_id: uuid.UUID | None = None,
              expected_version: int | None = None) -> uuid.UUID:
    """Add a room, or change one. Raises RuleBroken, NotAllowed, Stale."""
    programme = opened(programme_id, actor, "rooms", expected_version)
    name = " ".join(facts.name.split())
    if not name:
        raise RuleBroken(gettext("Write the name of the room."), code="programme.room_name", field="name")
    if facts.opens >= facts.closes:
        raise RuleBroken(gettext("The room must close after it opens."), code="programme.room_hours", field="closes")
    rooms = list(db.session.scalars(select(Room).where(Room.programme_id == programme.id)))
    if any(r.name.lower() == name.lower() and r.id != room_id for r in rooms):
        raise RuleBroken(gettext("There is a room of this name already."), code="programme.room_twice", field="name")
    room = next((r for r in rooms if r.id == room_id), None)
    if room is None:
        room = Room(id=new_id(), programme_id=programme.id)
        db.session.add(room)
    room.name, room.seats, room.opens, room.closes, room.interpretation = (
        name, facts.seats, facts.opens, facts.closes, facts.interpretation)
    return room.id


@command
def remove_room(programme_id: uuid.UUID, actor: Actor, room_id: uuid.UUID, *,
                expected_version: int | None = None) -> None:
    """Take a room out. Raises RuleBroken while something is held in it, NotAllowed, Stale."""
    programme = opened(programme_id, actor, "rooms", expected_version)
    if db.session.scalar(select(Slot.id).where(Slot.room_id == room_id).limit(1)):
        raise RuleBroken(gettext("Something is held in this room. Give it another room first."),
                         code="programme.room_used")
    room = db.session.get(Room, room_id)
    if room is not None and room.programme_id == programme.id:
        db.session.delete(room)


# --- half-days --------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class HalfFacts:
    """A half-day as it is written."""

    id: uuid.UUID
    starts: time
    ends: time
    is_open: bool
    note: str | None


@command
def set_half_days(programme_id: uuid.UUID, actor: Actor, halves: Sequence[HalfFacts], *,
                  expected_version: int | None = None) -> None:
    """The meeting's own calendar of half-days. Raises RuleBroken, NotAllowed, Stale."""
    programme = opened(programme_id, actor, "half_days", expected_version)
    rows: dict[uuid.UUID, Any] = {h.id: h for h in db.session.scalars(
        select(HalfDay).where(HalfDay.programme_id == programme.id))}
    for facts in halves:
        row = rows.get(facts.id)
        if row is None:
            continue
        if facts.starts >= facts.ends:
            raise RuleBroken(gettext("%(day)s: the half-day must end after it begins.", day=row.day.isoformat()),
                             code="programme.half_hours")
        row.starts, row.ends, row.is_open, row.note = (
            facts.starts, facts.ends, facts.is_open, (facts.note or "").strip()[:200] or None)
