"""The organiser's grid: days side by side, week by week, in bands of the day. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from itertools import groupby
from typing import Any

from flask_babel import lazy_gettext as _l

from meetings.programme.facts import AFTERNOON, AROUND, BREAKFAST, MORNING, Content, HalfRow, SlotView, earlier, later
from meetings.programme.review import Finding
from meetings.programme.words import title_of

BANDS: tuple[tuple[str, Any], ...] = (
    ("early", _l("Before")), ("morning", _l("Morning")), ("lunch", _l("Lunch")), ("afternoon", _l("Afternoon")),
    ("evening", _l("Evening")),
)


@dataclass(frozen=True, slots=True)
class Card:
    """One slot on the grid, with what the checks say of it."""

    slot: SlotView
    title: str
    hard: bool
    soft: bool


@dataclass(frozen=True, slots=True)
class Cell:
    """A band of a day: what is held in it, and what a new slot there would begin with."""

    day: date
    band: str
    kind: str
    starts: time
    ends: time
    shut: bool
    cards: list[Card] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class GridDay:
    """A column."""

    day: date
    shut: bool
    note: str | None


@dataclass(frozen=True, slots=True)
class Week:
    """Days side by side and their bands; a band in which nothing is held or offered is left out."""

    days: list[GridDay]
    rows: list[tuple[str, Any, list[Cell]]]


def _hours(halves: dict[str, HalfRow]) -> tuple[time, time, time, time]:
    morning, afternoon = halves.get("morning"), halves.get("afternoon")
    return (morning.starts if morning else MORNING[0], morning.ends if morning else MORNING[1],
            afternoon.starts if afternoon else AFTERNOON[0], afternoon.ends if afternoon else AFTERNOON[1])


def _cells(day: date, halves: dict[str, HalfRow]) -> dict[str, Cell]:
    opens, noon, after, closes = _hours(halves)
    shut = {half: not (halves[half].is_open if half in halves else False) for half in ("morning", "afternoon")}
    whole = all(shut.values())
    return {cell.band: cell for cell in (
        Cell(day, "early", "side_event", BREAKFAST, earlier(opens, AROUND), whole),
        Cell(day, "morning", "plenary", opens, noon, shut["morning"]),
        Cell(day, "lunch", "side_event", later(noon, AROUND), earlier(after, AROUND), whole),
        Cell(day, "afternoon", "plenary", after, closes, shut["afternoon"]),
        Cell(day, "evening", "informal", later(closes, AROUND), later(closes, timedelta(hours=2)), whole),
    )}


def _band(slot: SlotView, halves: dict[str, HalfRow]) -> str:
    opens, noon, after, closes = _hours(halves)
    if slot.starts < opens:
        return "early"
    if slot.starts < noon:
        return "morning"
    if slot.starts < after:
        return "lunch"
    return "afternoon" if slot.starts < closes else "evening"


def weeks(content: Content, halves: Sequence[HalfRow], findings: Iterable[Finding]) -> list[Week]:
    """The grid of a draft: its days, and those on which something stands all the same."""
    of_day: dict[date, dict[str, HalfRow]] = {}
    for half in halves:
        of_day.setdefault(half.day, {})[half.half] = half
    slots: dict[date, list[SlotView]] = {}
    for slot in content.slots:
        slots.setdefault(slot.day, []).append(slot)
    wrong = {hard: {key for f in findings if f.hard is hard for key in f.slots} for hard in (True, False)}
    made: list[tuple[GridDay, dict[str, Cell]]] = []
    for day in sorted(of_day.keys() | slots.keys()):
        parts = of_day.get(day, {})
        cells = _cells(day, parts)
        shut = not any(half.is_open for half in parts.values())
        if shut and day.weekday() >= 5 and day not in slots:
            continue
        for slot in slots.get(day, ()):
            cells[_band(slot, parts)].cards.append(
                Card(slot, title_of(slot, content), slot.id in wrong[True], slot.id in wrong[False]))
        note = next((half.note for half in parts.values() if half.note), None)
        made.append((GridDay(day, shut, note), cells))
    return [_week(list(group)) for _key, group in groupby(made, key=lambda m: m[0].day.isocalendar()[:2])]


def _week(days: list[tuple[GridDay, dict[str, Cell]]]) -> Week:
    return Week([day for day, _cells in days], [(code, label, [cells[code] for _day, cells in days])
                                                for code, label in BANDS])
