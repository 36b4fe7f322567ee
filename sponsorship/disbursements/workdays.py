"""Working days of the office that pays: weekends and the official holidays in data/un_holidays.json.

What that table lacks (both Eids) is named in it under `missing`. Days off of the host's and the receiving bank's place
(plan_places.py) are handed in as `closed`: their public holidays, and what officers recorded.
"""

from __future__ import annotations

import json
from datetime import date, timedelta
from functools import lru_cache

import holidays as library

from sponsorship.disbursements.settings import DATA

ONE = timedelta(days=1)


@lru_cache(maxsize=1)
def holidays() -> dict[date, str]:
    """Holiday by date."""
    rows = json.loads((DATA / "un_holidays.json").read_text())["days"]
    return {date.fromisoformat(row["date"]): row["name"] for row in rows}


def known_until() -> date:
    """The last day for which the table of holidays was made; later years count weekends only."""
    years = json.loads((DATA / "un_holidays.json").read_text())["years"]
    return date(years[1], 12, 31)


@lru_cache(maxsize=1024)
def public_holidays(country: str, year: int) -> frozenset[date]:
    """Public holidays of a whole country (ISO 3166-1 alpha-2) in a year; none where the library does not know it."""
    try:
        return frozenset(library.country_holidays(country, years=year))
    except NotImplementedError:
        return frozenset()


NONE: frozenset[date] = frozenset()


def is_workday(day: date, closed: frozenset[date] = NONE) -> bool:
    """A working day of the office, on which none of the other places concerned is `closed`."""
    return day.weekday() < 5 and day not in holidays() and day not in closed


def on_or_before(day: date, closed: frozenset[date] = NONE) -> date:
    """The last working day up to and including `day`."""
    while not is_workday(day, closed):
        day -= ONE
    return day


def on_or_after(day: date, closed: frozenset[date] = NONE) -> date:
    """The first working day from `day` on."""
    while not is_workday(day, closed):
        day += ONE
    return day


def back(day: date, count: int, closed: frozenset[date] = NONE) -> date:
    """`count` working days before `day`."""
    for _ in range(count):
        day = on_or_before(day - ONE, closed)
    return day


def forward(day: date, count: int, closed: frozenset[date] = NONE) -> date:
    """`count` working days after `day`."""
    for _ in range(count):
        day = on_or_after(day + ONE, closed)
    return day
