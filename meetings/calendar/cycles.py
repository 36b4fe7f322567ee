"""The rhythm of the Programme of Action as data for its pictures: six-year cycles, each closing with a review
conference, and lanes of marks over all years. Pure: rows in, shapes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import lazy_gettext as _l

from meetings.calendar.queries import MeetingRow

FIRST_YEAR = 2001  # the conference that adopted the Programme of Action
CYCLE_YEARS = 6
# lanes of the picture, from the rarest kind to the most frequent
LANES: tuple[tuple[str, Any, tuple[str, ...]], ...] = (
    ("revcon", _l("Conferences"), ("Conference", "RevCon")),
    ("prepcom", _l("Preparatory committees"), ("PrepCom",)),
    ("bms", _l("Biennial meetings"), ("BMS",)),
    ("mge", _l("Expert meetings"), ("MGE",)),
    ("regional", _l("Regional meetings"), ("Regional",)),
)
_IN_LANES = {kind for _key, _label, kinds in LANES for kind in kinds}  # others have a lane of their own


@dataclass(frozen=True, slots=True)
class Year:
    """One year of a cycle."""

    number: int
    is_now: bool
    is_past: bool
    meetings: tuple[MeetingRow, ...]


@dataclass(frozen=True, slots=True)
class Cycle:
    """Six years. `closes_with` is the review conference at its end, if one is known."""

    first: int
    last: int
    is_now: bool
    years: tuple[Year, ...]
    closes_with: MeetingRow | None

    @property
    def count(self) -> int:
        """How many meetings it holds."""
        return sum(len(year.meetings) for year in self.years)


@dataclass(frozen=True, slots=True)
class Mark:
    """One meeting on a lane: where, in percent of the width, and how it is drawn (held, coming, open, stopped)."""

    x: str
    shape: str
    label: str


@dataclass(frozen=True, slots=True)
class Lane:
    """All marks of some kinds."""

    key: str
    label: Any
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """Lanes over the years `first` to `last`, and where today is."""

    first: int
    last: int
    lanes: tuple[Lane, ...]
    today: str | None
    bounds: tuple[tuple[int, str], ...]


def cycle_span(year: int) -> tuple[int, int]:
    """First and last year of the cycle that holds `year`: 2018 gives (2013, 2018)."""
    first = FIRST_YEAR + (max(year, FIRST_YEAR) - FIRST_YEAR) // CYCLE_YEARS * CYCLE_YEARS
    return first, first + CYCLE_YEARS - 1


def cycles(meetings: Sequence[MeetingRow], today: date, last_year: int | None = None) -> list[Cycle]:
    """Cycles from the first year that occurs (at most this year) to the last one (or `last_year`)."""
    years = [m.year for m in meetings]
    first, _end = cycle_span(min([*years, today.year]))
    _start, last = cycle_span(max([*years, today.year, last_year or today.year]))
    found = []
    for start in range(first, last + 1, CYCLE_YEARS):
        rows = tuple(
            Year(n, n == today.year, n < today.year, tuple(m for m in meetings if m.year == n))
            for n in range(start, start + CYCLE_YEARS)
        )
        closing = [m for year in rows for m in year.meetings if m.kind == "RevCon" and m.phase != "cancelled"]
        found.append(Cycle(start, start + CYCLE_YEARS - 1, start <= today.year < start + CYCLE_YEARS, rows,
                           closing[-1] if closing else None))
    return found


def _percent(day: date, first: int, last: int) -> str:
    start, end = date(first, 1, 1).toordinal(), date(last + 1, 1, 1).toordinal()
    return f"{(day.toordinal() - start) / (end - start) * 100:.2f}%"


def _shape(meeting: MeetingRow) -> str:
    if meeting.phase in ("postponed", "cancelled"):
        return "stopped"
    if meeting.start_date is None and meeting.phase != "held":
        return "open"
    return "held" if meeting.phase == "held" else "coming"


def _mark(meeting: MeetingRow, first: int, last: int) -> Mark:
    return Mark(_percent(meeting.start_date or date(meeting.year, 7, 1), first, last), _shape(meeting),
                f"{meeting.label}: {meeting.status.label}")


def picture(meetings: Sequence[MeetingRow], today: date) -> Picture | None:
    """Every meeting as a mark; one without days stands in the middle of its year. None without meetings."""
    if not meetings:
        return None
    first, _end = cycle_span(min(m.year for m in meetings))
    _start, last = cycle_span(max(m.year for m in meetings))
    lanes = []
    for key, label, kinds in LANES:
        marks = tuple(_mark(m, first, last) for m in meetings if m.kind in kinds)
        if marks:
            lanes.append(Lane(key, label, marks))
    for code, name in sorted({m.kind: m.kind_name for m in meetings if m.kind not in _IN_LANES}.items()):
        lanes.append(Lane("other", name, tuple(_mark(m, first, last) for m in meetings if m.kind == code)))
    bounds = tuple((n, _percent(date(n, 1, 1), first, last)) for n in range(first, last + 1, CYCLE_YEARS))
    now = _percent(today, first, last) if first <= today.year <= last else None
    return Picture(first, last, tuple(lanes), now, bounds)
