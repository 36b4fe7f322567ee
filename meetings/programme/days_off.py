"""Days on which meetings of the United Nations are not held: its official holidays, and the days that resolution
69/250 asks them to avoid. Public holidays of the host city are not among them.

Days that follow a moon or a calendar of their own are reckoned ahead by the `holidays` library, from a State whose
public holiday they are. The information circular of the year prevails; the meeting's own calendar of half-days is
where the organiser puts that right.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

import holidays as library
from flask_babel import lazy_gettext as _l

NEW_YORK = "America/New_York"


@dataclass(frozen=True, slots=True)
class DayOff:
    """A day off. `official` ones are holidays of the Organization, the others are to be avoided; `reckoned` ones
    wait for the circular of their year."""

    day: date
    name: Any
    official: bool
    reckoned: bool


# word of the library's English name, State that keeps it, our words
_OFFICIAL = (("Eid al-Fitr", "AE", _l("Eid al-Fitr")), ("Eid al-Adha", "AE", _l("Eid al-Adha")))
_AVOIDED = (
    ("Good Friday", "GR", _l("Orthodox Good Friday")), ("Vesak Day", "SG", _l("Day of Vesak")),
    ("Yom Kippur", "IL", _l("Yom Kippur")), ("Diwali", "IN", _l("Diwali")),
    ("Guru Nanak", "IN", _l("Gurpurab")),
)


def _first(state: str, word: str, year: int) -> date | None:
    found = library.country_holidays(state, years=year, language="en_US")
    days = [day for day, name in found.items() if name.startswith(word) and "observed" not in name]
    return min(days, default=None)


def _kept_on(day: date) -> date:
    """What falls on a Saturday is kept on the Friday before, on a Sunday on the Monday after."""
    return day + timedelta(days={5: -1, 6: 1}.get(day.weekday(), 0))


@lru_cache(maxsize=64)
def _of_year(year: int, zone: str) -> tuple[DayOff, ...]:
    found = [DayOff(_kept_on(date(year, 1, 1)), _l("New Year’s Day"), True, False),
             DayOff(_kept_on(date(year, 12, 25)), _l("Christmas Day"), True, False)]
    states = library.country_holidays("US", years=year, language="en_US", observed=False)
    western = library.country_holidays("GB", subdiv="ENG", years=year, language="en_US")
    found += [DayOff(day, _l("Good Friday"), True, False) for day, name in western.items() if name == "Good Friday"]
    if zone == NEW_YORK:  # the list of Headquarters; other duty stations have their own beside the common days
        for word, label in (("Memorial Day", _l("Memorial Day")), ("Independence Day", _l("Independence Day")),
                            ("Labor Day", _l("Labour Day")), ("Thanksgiving", _l("Thanksgiving Day"))):
            found += [DayOff(_kept_on(day), label, True, False)
                      for day, name in states.items() if name.startswith(word)]
    for word, state, label in _OFFICIAL:
        if (first := _first(state, word, year)) is not None:
            found.append(DayOff(_kept_on(first), label, True, True))
    found.append(DayOff(date(year, 1, 7), _l("Orthodox Christmas"), False, False))
    for word, state, label in _AVOIDED:
        if (first := _first(state, word, year)) is not None:
            found.append(DayOff(first, label, False, True))
    return tuple(sorted(found, key=lambda d: (d.day, not d.official)))


def days_off(start: date, end: date, zone: str) -> list[DayOff]:
    """Days off from `start` to `end`, in order, for a meeting held in this zone. 1 January may be kept the year
    before."""
    years = range(start.year, end.year + 2)
    return [d for year in years for d in _of_year(year, zone) if start <= d.day <= end]
