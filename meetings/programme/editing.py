"""Commands on slots: add, change, move, lengthen, copy, take out, fill, and undo of whatever was done last. All of
them write through one door, which keeps what each slot was before and after."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta

from flask_babel import gettext
from sqlalchemy import select

from core import clock, events
from core.actor import Actor
from core.db import command, db, new_id
from core.errors import NotFound, RuleBroken
from meetings.programme.facts import LANGUAGES, SlotFacts
from meetings.programme.models import KINDS, AgendaItem, Change, Programme, Room, Slot
from meetings.programme.queries import change_to_undo, facts_of, next_number
from meetings.programme.service import opened

MOST_SLOTS = 1000
Written = tuple[uuid.UUID, SlotFacts | None, SlotFacts | None]  # slot, before, after


def check_slot(facts: SlotFacts, rooms: Iterable[uuid.UUID], items: Iterable[uuid.UUID]) -> None:
    """What no programme can hold; what it should not hold is for the checks to say. Raises RuleBroken on a field."""
    if facts.kind not in KINDS:
        raise RuleBroken(gettext("Choose what it is."), code="slot.kind", field="kind")
    if facts.starts >= facts.ends:
        raise RuleBroken(gettext("It must end after it begins."), code="slot.ends", field="ends")
    if not facts.title.strip() and not facts.items:
        raise RuleBroken(gettext("Write a title, or choose an agenda item."), code="slot.title", field="title")
    if len(facts.title) > 300:
        raise RuleBroken(gettext("Write at most %(n)s characters.", n=300), code="slot.title_long", field="title")
    if facts.room_id is not None and facts.room_id not in set(rooms):
        raise RuleBroken(gettext("Choose a room of this meeting."), code="slot.room", field="room_id")
    if not set(facts.items) <= set(items):
        raise RuleBroken(gettext("Choose items of this meeting’s agenda."), code="slot.items", field="items")
    if not set(facts.languages) <= set(LANGUAGES):
        raise RuleBroken(gettext("Choose official languages: A, C, E, F, R, S."), code="slot.languages",
                         field="languages")


def _write(programme: Programme, actor: Actor, action: str, written: Sequence[Written],
           undoes_id: uuid.UUID | None = None) -> None:
    """The one door to slots, in the command under way."""
    rooms = set(db.session.scalars(select(Room.id).where(Room.programme_id == programme.id)))
    items = set(db.session.scalars(select(AgendaItem.id).where(AgendaItem.programme_id == programme.id)))
    rows = {s.id: s for s in db.session.scalars(select(Slot).where(Slot.programme_id == programme.id))}
    if len(rows) + sum(before is None for _key, before, _after in written) > MOST_SLOTS:
        raise RuleBroken(gettext("A programme holds at most %(n)s slots.", n=MOST_SLOTS), code="slot.many")
    for key, _before, after in written:
        row = rows.get(key)
        if after is None:
            if row is not None:
                db.session.delete(row)
            continue
        check_slot(after, rooms, items)
        if row is None:
            row = Slot(id=key, programme_id=programme.id)
            db.session.add(row)
        row.kind, row.day, row.starts, row.ends = after.kind, after.day, after.starts, after.ends
        row.title, row.room_id, row.note = " ".join(after.title.split()), after.room_id, after.note or None
        row.items, row.languages = [str(key) for key in after.items], list(after.languages)
        row.people = list(after.people)
    db.session.add(Change(
        programme_id=programme.id, number=next_number(programme.id), action=action, undoes_id=undoes_id,
        slots=[{"id": str(key), "before": before.as_json() if before else None,
                "after": after.as_json() if after else None} for key, before, after in written],
        actor=actor.code, actor_id=actor.person_id, at=clock.real_now()))
    db.session.flush()


def _slot(programme: Programme, slot_id: uuid.UUID) -> SlotFacts:
    row = db.session.get(Slot, slot_id)
    if row is None or row.programme_id != programme.id:
        raise NotFound()
    return facts_of(row)


@command
def add_slots(programme_id: uuid.UUID, actor: Actor, slots: Sequence[SlotFacts], *, action: str = "add",
              expected_version: int | None = None) -> list[uuid.UUID]:
    """Add slots, all or none. Raises RuleBroken, NotAllowed, Stale."""
    programme = opened(programme_id, actor, action, expected_version)
    written: list[Written] = [(new_id(), None, facts) for facts in slots]
    _write(programme, actor, action, written)
    return [key for key, _before, _after in written]


@command
def change_slot(programme_id: uuid.UUID, actor: Actor, slot_id: uuid.UUID, facts: SlotFacts, *,
                action: str = "edit", expected_version: int | None = None) -> None:
    """What a slot is from now on. Raises RuleBroken, NotAllowed, Stale, NotFound."""
    programme = opened(programme_id, actor, action, expected_version)
    before = _slot(programme, slot_id)
    if facts != before:
        _write(programme, actor, action, [(slot_id, before, facts)])


@command
def move_slot(programme_id: uuid.UUID, actor: Actor, slot_id: uuid.UUID, day: date, starts: time, *,
              expected_version: int | None = None) -> None:
    """Another day or hour, the same length. Raises RuleBroken, NotAllowed, Stale, NotFound."""
    programme = opened(programme_id, actor, "move", expected_version)
    before = _slot(programme, slot_id)
    ends = _after(starts, _length(before))
    if (before.day, before.starts) != (day, starts):
        _write(programme, actor, "move", [(slot_id, before, replace(before, day=day, starts=starts, ends=ends))])


@command
def resize_slot(programme_id: uuid.UUID, actor: Actor, slot_id: uuid.UUID, minutes: int, *,
                expected_version: int | None = None) -> None:
    """Longer by so many minutes, or shorter. Raises RuleBroken, NotAllowed, Stale, NotFound."""
    programme = opened(programme_id, actor, "resize", expected_version)
    before = _slot(programme, slot_id)
    length = _length(before) + timedelta(minutes=minutes)
    if length <= timedelta(0):
        raise RuleBroken(gettext("It must end after it begins."), code="slot.ends", field="ends")
    _write(programme, actor, "resize", [(slot_id, before, replace(before, ends=_after(before.starts, length)))])


@command
def copy_slot(programme_id: uuid.UUID, actor: Actor, slot_id: uuid.UUID, days: Sequence[date], *,
              expected_version: int | None = None) -> list[uuid.UUID]:
    """The same again on other days. Raises RuleBroken, NotAllowed, Stale, NotFound."""
    programme = opened(programme_id, actor, "copy", expected_version)
    if not days:
        raise RuleBroken(gettext("Choose at least one day."), code="slot.copy_days", field="days")
    facts = _slot(programme, slot_id)
    written: list[Written] = [(new_id(), None, replace(facts, day=day)) for day in days]
    _write(programme, actor, "copy", written)
    return [key for key, _before, _after in written]


@command
def remove_slot(programme_id: uuid.UUID, actor: Actor, slot_id: uuid.UUID, *,
                expected_version: int | None = None) -> None:
    """Take a slot out of the draft. Raises NotAllowed, Stale, NotFound."""
    programme = opened(programme_id, actor, "remove", expected_version)
    _write(programme, actor, "remove", [(slot_id, _slot(programme, slot_id), None)])


@command
def replace_plenary(programme_id: uuid.UUID, actor: Actor, slots: Sequence[SlotFacts], *,
                    expected_version: int | None = None) -> None:
    """Fill the programme: these slots instead of the plenary meetings that stand, which keep their keys in order of
    time as far as they go. Everything else stays. Raises RuleBroken, NotAllowed, Stale."""
    programme = opened(programme_id, actor, "fill", expected_version)
    old = sorted(((s.id, facts_of(s)) for s in db.session.scalars(
        select(Slot).where(Slot.programme_id == programme.id, Slot.kind == "plenary"))),
        key=lambda s: (s[1].day, s[1].starts, str(s[0])))
    written: list[Written] = []
    for n, facts in enumerate(slots):
        key, before = old[n] if n < len(old) else (new_id(), None)
        written.append((key, before, facts))
    written += [(key, before, None) for key, before in old[len(slots):]]
    _write(programme, actor, "fill", written)


def shift_slots(programme: Programme, actor: Actor, days: int) -> None:
    """Every slot so many days later, since the meeting moved as a whole; in the command that moves it."""
    written: list[Written] = []
    for row in db.session.scalars(select(Slot).where(Slot.programme_id == programme.id).order_by(Slot.id)):
        facts = facts_of(row)
        written.append((row.id, facts, replace(facts, day=facts.day + timedelta(days=days))))
    if written and days:
        events.record(actor, "programme.shift", "programme", programme.id, data={"days": days})
        programme.version += 1
        _write(programme, actor, "shift", written)


def drop_slot(programme: Programme, actor: Actor, slot_id: uuid.UUID) -> None:
    """Take out a slot that something else calls for no more, if it still stands; in the command that says so."""
    row = db.session.get(Slot, slot_id)
    if row is None:
        return
    events.record(actor, "programme.drop", "programme", programme.id, data={"slot": str(slot_id)})
    programme.version += 1
    _write(programme, actor, "remove", [(slot_id, facts_of(row), None)])


@command
def undo(programme_id: uuid.UUID, actor: Actor, *, expected_version: int | None = None) -> str:
    """Undo what was done last to the slots; again, and what was done before it. Returns which act it was. Raises
    RuleBroken where nothing is left or what it needs is gone, NotAllowed, Stale."""
    programme = opened(programme_id, actor, "undo", expected_version)
    change = change_to_undo(programme.id)
    if change is None:
        raise RuleBroken(gettext("There is nothing to undo."), code="programme.nothing_to_undo")
    back: list[Written] = [
        (uuid.UUID(kept["id"]), SlotFacts.from_json(kept["after"]) if kept["after"] else None,
         SlotFacts.from_json(kept["before"]) if kept["before"] else None)
        for kept in change.slots
    ]
    try:
        _write(programme, actor, "undo", back, change.id)
    except RuleBroken as error:
        raise RuleBroken(gettext("This cannot be undone any more: a room or an agenda item it needs was taken out."),
                         code="programme.undo_gone") from error
    return change.action


def _length(facts: SlotFacts) -> timedelta:
    return datetime.combine(facts.day, facts.ends) - datetime.combine(facts.day, facts.starts)


def _after(starts: time, length: timedelta) -> time:
    at = datetime.combine(date(2000, 1, 1), starts) + length
    if at.date() != date(2000, 1, 1):
        raise RuleBroken(gettext("It would end after midnight. Choose an earlier hour."), code="slot.midnight",
                         field="starts")
    return at.time()
