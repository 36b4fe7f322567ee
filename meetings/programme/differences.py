"""What differs between two programmes, in words. Pure: two contents in, sentences out, each with the slots it is about,
so that exactly the people concerned can be told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask_babel import gettext, ngettext

from meetings.programme.facts import Content, SlotView
from meetings.programme.words import (
    KIND_NAMES,
    called,
    clock_time,
    items_words,
    ordinal_meeting,
    sentence,
    short_day,
    span,
    weekday,
)


@dataclass(frozen=True, slots=True)
class Difference:
    """One sentence. `slots` are keys of the slots it tells of; none where it is about the whole."""

    text: str
    slots: frozenset[str] = frozenset()


def differences(old: Content, new: Content) -> list[Difference]:
    """Every difference a reader would see, in order of the new programme; what was taken out last."""
    before = {slot.id: slot for slot in old.slots}
    after = {slot.id: slot for slot in new.slots}
    found = _agenda(old, new)
    changed = [(before[s.id], s) for s in new.slots if s.id in before and _differs(before[s.id], s)]
    grouped, carried = _rooms(changed), _carried(changed)
    found += grouped.sentences + carried.sentences
    for was, now in changed:
        found += _of_slot(was, now, told_room=now.id in grouped.told, carried=carried.told)
    found += [Difference(_added(slot), frozenset((slot.id,))) for slot in new.slots if slot.id not in before]
    found += [Difference(_removed(slot), frozenset((slot.id,))) for slot in old.slots if slot.id not in after]
    return found


def _differs(was: SlotView, now: SlotView) -> bool:
    """Numbers of plenary meetings and `continued` follow from the rest, and are not told by themselves."""
    return any(getattr(was, name) != getattr(now, name) for name in (
        "kind", "day", "starts", "ends", "title", "room", "items", "languages", "people", "note"))


# --- rooms, told together ---------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _Together:
    """Sentences about several slots, and what needs no other any more."""

    sentences: list[Difference]
    told: set[str]


def _rooms(changed: list[tuple[SlotView, SlotView]]) -> _Together:
    """Several side events that change room are one sentence."""
    moved = [(was, now) for was, now in changed if now.kind == "side_event" and was.room and now.room
             and was.room != now.room]
    if len(moved) < 2:
        return _Together([], set())
    places = ", ".join(gettext("“%(title)s” to %(room)s", title=now.title, room=now.room) for _was, now in moved)
    text = ngettext("%(num)s side event changes room: %(places)s.", "%(num)s side events change room: %(places)s.",
                    len(moved), places=places)
    told = {now.id for _was, now in moved}
    return _Together([Difference(text, frozenset(told))], told)


# --- items, which readers look for wherever they are -----------------------------------------------------------
def _carried(changed: list[tuple[SlotView, SlotView]]) -> _Together:
    """An item that left one slot and came to another moved, though both slots stay where they are."""
    left: dict[str, list[SlotView]] = {}
    came: dict[str, list[SlotView]] = {}
    for was, now in changed:
        for number in was.items:
            if number not in now.items:
                left.setdefault(number, []).append(was)
        for number in now.items:
            if number not in was.items:
                came.setdefault(number, []).append(now)
    sentences, told = [], set[str]()
    for number, slots in left.items():
        if len(slots) != 1 or len(came.get(number, ())) != 1:
            continue
        was, now = slots[0], came[number][0]
        sentences.append(Difference(gettext(
            "Item %(number)s moves from %(old_day)s %(old)s to %(new_day)s %(new)s.", number=number,
            old_day=weekday(was.day), old=clock_time(was.starts), new_day=weekday(now.day),
            new=clock_time(now.starts)), frozenset((was.id, now.id))))
        told |= {f"{was.id} {number}", f"{now.id} {number}"}
    return _Together(sentences, told)


# --- the agenda -------------------------------------------------------------------------------------------------
def _agenda(old: Content, new: Content) -> list[Difference]:
    if not old.agenda and not old.slots:
        return []
    before, after = dict(old.agenda), dict(new.agenda)
    found = [Difference(gettext("Agenda item %(number)s is new: %(title)s.", number=n, title=t))
             for n, t in new.agenda if n not in before]
    found += [Difference(gettext("Agenda item %(number)s is now called “%(title)s”.", number=n, title=t))
              for n, t in new.agenda if n in before and before[n] != t]
    found += [Difference(gettext("Agenda item %(number)s is taken out.", number=n))
              for n, _title in old.agenda if n not in after]
    return found


# --- one slot ---------------------------------------------------------------------------------------------------
def _of_slot(was: SlotView, now: SlotView, *, told_room: bool, carried: set[str]) -> list[Difference]:
    parts: list[str] = []
    # a plenary meeting whose items change stays where it is: readers look for the items
    what = sentence(called(was))
    place: dict[str, Any] = {"what": what}
    if (was.day, was.starts) != (now.day, now.starts):
        parts.append(gettext(
            "%(what)s moves from %(old_day)s %(old)s to %(new_day)s %(new)s.", old_day=weekday(was.day),
            old=clock_time(was.starts), new_day=weekday(now.day) if was.day != now.day else "",
            new=clock_time(now.starts), **place).replace("  ", " "))
        if _length(was) != _length(now):
            parts.append(gettext("It then lasts until %(ends)s.", ends=clock_time(now.ends)))
    elif was.ends != now.ends:
        parts.append(gettext("%(what)s on %(day)s lasts until %(new)s instead of %(old)s.", day=weekday(now.day),
                             new=clock_time(now.ends), old=clock_time(was.ends), **place))
    where = {"day": weekday(now.day), "time": clock_time(now.starts)}
    parts += _items(was, now, where, carried)
    if was.title != now.title and (was.title or now.title):
        parts.append(gettext("%(day)s %(time)s: “%(old)s” is now called “%(new)s”.", old=was.title or called(was),
                             new=now.title or called(now), **where))
    if was.kind != now.kind:
        parts.append(gettext("%(what)s on %(day)s is now: %(kind)s.", kind=KIND_NAMES[now.kind], day=where["day"],
                             **place))
    if was.room != now.room and not told_room:
        parts.append(_room(was, now, what, where))
    if was.languages != now.languages:
        parts.append(gettext("%(what)s on %(day)s: interpretation in %(new)s instead of %(old)s.", day=where["day"],
                             new=" ".join(now.languages) or gettext("no language"),
                             old=" ".join(was.languages) or gettext("no language"), **place))
    if was.people != now.people:
        parts.append(gettext("%(what)s on %(day)s: now with %(people)s.", day=where["day"],
                             people=", ".join(now.people) or gettext("nobody named"), **place))
    if was.note != now.note and not parts:
        parts.append(gettext("%(what)s on %(day)s: the note is another.", day=where["day"], **place))
    return [Difference(" ".join(parts), frozenset((now.id,)))] if parts else []


def _items(was: SlotView, now: SlotView, where: dict[str, str], carried: set[str]) -> list[str]:
    """What left and what came, but for what moved from or to another slot."""
    left = tuple(n for n in was.items if n not in now.items and f"{was.id} {n}" not in carried)
    came = tuple(n for n in now.items if n not in was.items and f"{now.id} {n}" not in carried)
    if left and came:
        return [gettext("%(day)s %(time)s takes up %(new)s instead of %(old)s.", new=items_words(came),
                        old=items_words(left), **where)]
    if left:
        return [gettext("%(day)s %(time)s no longer takes up %(old)s.", old=items_words(left), **where)]
    return [gettext("%(day)s %(time)s also takes up %(new)s.", new=items_words(came), **where)] if came else []


def _room(was: SlotView, now: SlotView, what: str, where: dict[str, str]) -> str:
    if now.room is None:
        return gettext("%(what)s on %(day)s %(time)s has no room any more.", what=what, **where)
    if was.room is None:
        return gettext("%(what)s on %(day)s %(time)s is held in %(room)s.", what=what, room=now.room, **where)
    return gettext("%(what)s on %(day)s %(time)s changes room: %(new)s instead of %(old)s.", what=what, new=now.room,
                   old=was.room, **where)


def _length(slot: SlotView) -> int:
    return (slot.ends.hour - slot.starts.hour) * 60 + slot.ends.minute - slot.starts.minute


def _added(slot: SlotView) -> str:
    what = ordinal_meeting(slot.number) if slot.number else str(KIND_NAMES[slot.kind])
    about = "" if slot.kind == "break" and not slot.items else called(slot)
    if slot.kind == "side_event":
        about = gettext("“%(title)s”", title=slot.title)
    return gettext("New: %(what)s, %(day)s %(span)s, %(about)s.", what=what, day=short_day(slot.day), span=span(slot),
                   about=about).replace(", .", ".")


def _removed(slot: SlotView) -> str:
    return gettext("Taken out: %(what)s, %(day)s %(time)s.", what=called(slot), day=short_day(slot.day),
                   time=clock_time(slot.starts))
