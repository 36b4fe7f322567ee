"""What is wrong with a programme, or should be looked at. Pure: the draft in, findings out, each explained.

Hard findings say what cannot be held as written, and keep the programme from being published; soft ones say what an
organiser would want to know, and leave the decision to the organiser.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from flask_babel import gettext, ngettext

from meetings.programme.days_off import DayOff
from meetings.programme.facts import Content, HalfRow, ItemRow, RoomRow, SlotView, side_windows
from meetings.programme.words import called, clock_time, sentence, short_day, span

NOON, END_OF_LUNCH, EVENING = time(12), time(15), time(18)
MIDDAY = time(14)
LUNCH = timedelta(hours=1)
TEAM_HALVES = 2  # a team of interpreters serves two half-days a day, not three


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found, with the slots it is about."""

    code: str
    hard: bool
    text: str
    slots: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Frame:
    """What a programme is held against."""

    start: date | None
    end: date | None
    allotted: int | None  # plenary meetings that the mandate grants
    teams: int
    halves: tuple[HalfRow, ...]
    rooms: tuple[RoomRow, ...]
    items: tuple[ItemRow, ...]
    off: tuple[DayOff, ...]


def review(content: Content, frame: Frame) -> list[Finding]:
    """Hard findings first, each kind in order of time."""
    slots = content.slots
    found = [
        *_outside_meeting(slots, frame), *_rooms_twice(slots), *_people_twice(slots), *_hours(slots, frame.rooms),
        *_side_events(slots, frame.halves), *_plenary_on_shut(slots, frame.halves),
        *_interpretation(slots, frame),
        *_booths(slots, frame.rooms), *_lunch(slots), *_never_scheduled(slots, frame.items), *_length(slots, frame),
        *_no_room(slots), *_off(slots, frame.off),
    ]
    return sorted(found, key=lambda f: not f.hard)


def _where(slot: SlotView) -> str:
    return gettext("%(what)s (%(day)s %(span)s)", what=sentence(called(slot)), day=short_day(slot.day), span=span(slot))


def _overlaps(slots: Iterable[SlotView]) -> Iterator[tuple[SlotView, SlotView]]:
    """Pairs of one day that are held at once: each looks only at those still going on."""
    going: list[SlotView] = []
    for slot in sorted(slots, key=lambda s: (s.day, s.starts, s.ends)):
        going = [g for g in going if g.day == slot.day and g.ends > slot.starts]
        for other in going:
            yield other, slot
        going.append(slot)


# --- hard -------------------------------------------------------------------------------------------------------
def _outside_meeting(slots: Sequence[SlotView], frame: Frame) -> Iterator[Finding]:
    if frame.start is None or frame.end is None:
        return
    for slot in slots:
        if not frame.start <= slot.day <= frame.end:
            yield Finding("outside_meeting", True, gettext(
                "%(slot)s is not on a day of the meeting.", slot=_where(slot)), (slot.id,))


def _rooms_twice(slots: Sequence[SlotView]) -> Iterator[Finding]:
    rooms: dict[str, list[SlotView]] = {}
    for slot in slots:
        if slot.room:
            rooms.setdefault(slot.room, []).append(slot)
    for room, held in rooms.items():
        for one, other in _overlaps(held):
            yield Finding("room_twice", True, gettext(
                "%(room)s is taken twice: by %(one)s and by %(other)s. Move one, or give it another room.",
                room=room, one=_where(one), other=_where(other)), (one.id, other.id))


def _people_twice(slots: Sequence[SlotView]) -> Iterator[Finding]:
    people: dict[str, list[SlotView]] = {}
    for slot in slots:
        for person in dict.fromkeys(" ".join(p.casefold().split()) for p in slot.people):
            people.setdefault(person, []).append(slot)
    for key, held in people.items():
        for one, other in _overlaps(held):
            person = next(p for p in one.people if " ".join(p.casefold().split()) == key)
            yield Finding("person_twice", True, gettext(
                "%(person)s would be in two places: %(one)s and %(other)s.", person=person, one=_where(one),
                other=_where(other)), (one.id, other.id))


def _hours(slots: Sequence[SlotView], rooms: Sequence[RoomRow]) -> Iterator[Finding]:
    known = {room.name: room for room in rooms}
    for slot in slots:
        room = known.get(slot.room or "")
        if room is not None and (slot.starts < room.opens or slot.ends > room.closes):
            yield Finding("outside_hours", True, gettext(
                "%(slot)s is outside the hours of its building: %(room)s is open from %(opens)s to %(closes)s.",
                slot=_where(slot), room=room.name, opens=clock_time(room.opens), closes=clock_time(room.closes)),
                (slot.id,))


def _side_events(slots: Sequence[SlotView], halves: Sequence[HalfRow]) -> Iterator[Finding]:
    windows = side_windows(halves)
    for slot in slots:
        if slot.kind != "side_event":
            continue
        offered = windows.get(slot.day, [])
        if not any(a <= slot.starts and slot.ends <= b for a, b in offered):
            words = ", ".join(f"{clock_time(a)}–{clock_time(b)}" for a, b in offered) or gettext("none")
            yield Finding("side_event_outside", True, gettext(
                "%(slot)s is outside the slots for side events, which on that day are: %(slots)s.",
                slot=_where(slot), slots=words), (slot.id,))


def _plenary_on_shut(slots: Sequence[SlotView], halves: Sequence[HalfRow]) -> Iterator[Finding]:
    for slot in slots:
        if slot.kind != "plenary":
            continue
        of_day = [h for h in halves if h.day == slot.day and h.starts < slot.ends and slot.starts < h.ends]
        shut = next((h for h in of_day if not h.is_open), None)
        if shut is not None:
            yield Finding("half_day_shut", True, gettext(
                "%(slot)s is on a half-day that is shut%(why)s.", slot=_where(slot),
                why=f" ({shut.note})" if shut.note else ""), (slot.id,))
        elif of_day and not any(h.starts <= slot.starts and slot.ends <= h.ends for h in of_day):
            yield Finding("half_day_hours", False, gettext(
                "%(slot)s runs beyond the hours of its half-day.", slot=_where(slot)), (slot.id,))


def _halves_of(slot: SlotView, closes: time) -> range:
    """Which half-days a slot takes a team in: morning, afternoon, and what comes after the afternoon as a third."""
    def half(moment: time) -> int:
        return 0 if moment < MIDDAY else 1 if moment < closes else 2

    return range(half(slot.starts), half(_before(slot.ends)) + 1)


def _interpretation(slots: Sequence[SlotView], frame: Frame) -> Iterator[Finding]:
    teams = frame.teams
    # where the meeting's own afternoon goes on for longer, so does that half-day
    ends = {h.day: max(h.ends, EVENING) for h in frame.halves if h.half == "afternoon" and h.is_open}
    days: dict[date, list[SlotView]] = {}
    for slot in slots:
        if slot.languages:
            days.setdefault(slot.day, []).append(slot)
    for day, served in sorted(days.items()):
        taken = {s.id: _halves_of(s, ends.get(day, EVENING)) for s in served}
        needed = [_most_at_once(s for s in served if half in taken[s.id]) for half in range(3)]
        if max(needed) > teams:
            busy = {half for half in range(3) if needed[half] > teams}
            keys = tuple(s.id for s in served if busy.intersection(taken[s.id]))
            yield Finding("interpretation", True, ngettext(
                "%(day)s: %(needed)s slots with interpretation are held at once, and there is one team.",
                "%(day)s: %(needed)s slots with interpretation are held at once, and there are %(num)s teams.", teams,
                day=short_day(day), needed=max(needed)), keys)
        elif sum(needed) > TEAM_HALVES * teams:
            yield Finding("interpretation", True, ngettext(
                "%(day)s: interpretation is needed for %(needed)s half-days, and one team serves at most two a day.",
                "%(day)s: interpretation is needed for %(needed)s half-days, and %(num)s teams serve at most %(most)s: "
                "two a day each.", teams, day=short_day(day), needed=sum(needed), most=TEAM_HALVES * teams),
                tuple(s.id for s in served))


def _before(moment: time) -> time:
    return (datetime.combine(date(2000, 1, 2), moment) - timedelta(minutes=1)).time()


def _most_at_once(slots: Iterable[SlotView]) -> int:
    steps = sorted([(s.starts, 1) for s in slots] + [(s.ends, -1) for s in slots])
    most = now = 0
    for _moment, step in steps:
        now += step
        most = max(most, now)
    return most


# --- soft -------------------------------------------------------------------------------------------------------
def _booths(slots: Sequence[SlotView], rooms: Sequence[RoomRow]) -> Iterator[Finding]:
    without = {room.name for room in rooms if not room.interpretation}
    for slot in slots:
        if slot.languages and slot.room in without:
            yield Finding("no_booths", False, gettext(
                "%(slot)s has interpretation, and %(room)s has no booths.", slot=_where(slot), room=slot.room),
                (slot.id,))


def _lunch(slots: Sequence[SlotView]) -> Iterator[Finding]:
    days: dict[date, list[SlotView]] = {}
    for slot in slots:
        if slot.kind in ("plenary", "informal") and slot.starts < END_OF_LUNCH and slot.ends > NOON:
            days.setdefault(slot.day, []).append(slot)
    for day, held in sorted(days.items()):
        free, at = timedelta(0), NOON
        for slot in sorted(held, key=lambda s: s.starts):
            free = max(free, _between(at, slot.starts))
            at = max(at, slot.ends)
        if max(free, _between(at, END_OF_LUNCH)) < LUNCH:
            yield Finding("lunch", False, gettext(
                "%(day)s leaves less than an hour for lunch between 12:00 and 15:00.", day=short_day(day)),
                tuple(s.id for s in held))


def _between(start: time, end: time) -> timedelta:
    return datetime.combine(date(2000, 1, 1), end) - datetime.combine(date(2000, 1, 1), start)


def _never_scheduled(slots: Sequence[SlotView], items: Sequence[ItemRow]) -> Iterator[Finding]:
    taken = {number for slot in slots if slot.kind in ("plenary", "informal") for number in slot.items}
    for item in items:
        if item.number not in taken:
            yield Finding("never_scheduled", False, gettext(
                "Agenda item %(number)s is never taken up: %(title)s.", number=item.number, title=item.title))


def _length(slots: Sequence[SlotView], frame: Frame) -> Iterator[Finding]:
    held = sum(slot.kind == "plenary" for slot in slots)
    if frame.allotted and held and held != frame.allotted:
        yield Finding("length", False, ngettext(
            "The mandate grants %(granted)s plenary meetings; the programme has %(num)s.",
            "The mandate grants %(granted)s plenary meetings; the programme has %(num)s.", held,
            granted=frame.allotted))


def _no_room(slots: Sequence[SlotView]) -> Iterator[Finding]:
    without = [slot for slot in slots if slot.room is None and slot.kind not in ("break", "other")]
    if without:
        yield Finding("no_room", False, ngettext(
            "%(num)s slot has no room yet.", "%(num)s slots have no room yet.", len(without)),
            tuple(s.id for s in without))


def _off(slots: Sequence[SlotView], off: Sequence[DayOff]) -> Iterator[Finding]:
    names = {d.day: d for d in reversed(off)}
    for day in sorted({slot.day for slot in slots if slot.kind == "plenary"} & set(names)):
        found = names[day]
        text = (gettext("%(day)s is an official holiday of the United Nations: %(name)s.", day=short_day(day),
                        name=found.name) if found.official else
                gettext("%(day)s is one of the days that resolution 69/250 asks meetings to avoid: %(name)s.",
                        day=short_day(day), name=found.name))
        if found.reckoned:
            text += " " + gettext("The day is reckoned ahead: look at the information circular of the year.")
        yield Finding("day_off", False, text, tuple(s.id for s in slots if s.day == day and s.kind == "plenary"))
