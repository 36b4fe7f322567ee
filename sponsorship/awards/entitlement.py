"""What a sponsored journey is worth, line by line: ticket, daily subsistence, terminal expenses. Pure functions.

The same calculation makes the estimate of an award (planned days) and settles its claim (days as they were). Amounts
are US cents. Nothing is read from a database here and nothing is guessed: where no rate is known, `NoRate` says for
which place and day.

Rules (domain.md section 3, each value a dated setting, see travel_settings.py):

- a day within the official days, with a night at the place: the rate of the place dated on that day;
- less what is provided free: lodging, breakfast, lunch, dinner, each its share of that rate;
- a night in the air, the last day of travel home (the last official day at the latest: private days change nothing),
  and private days outside the official days: nothing;
- a journey without a night: nothing under ten hours, from ten hours on a share of the rate, less meals provided.

Each day is rounded once, half up, to the cent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from sponsorship.awards.travel_settings import travel_setting

MEALS = ("breakfast", "lunch", "dinner")
PROVIDED = ("lodging", *MEALS)
LEGS = ("home_out", "arrival", "departure", "home_in")
AT_PLACE = ("arrival", "departure")
PARTS = {"ticket_and_dsa": ("ticket", "dsa", "terminal"), "ticket": ("ticket",), "dsa": ("dsa", "terminal")}
DAY_RULES = ("full", "reduced", "no_night", "too_short", "last_day", "in_air", "private")
RULES = (*DAY_RULES, "quote", "call_estimate", "leg", "leg_car", "by_officer")
ONE = timedelta(days=1)
_WHOLE = 10_000


@dataclass(frozen=True)
class DayRate:
    """A published rate of daily subsistence: US cents for one day at a place, from a day on."""

    place: str
    usd_minor: int
    valid_from: date
    source: str


@dataclass(frozen=True)
class Trip:
    """A journey, planned or as it was. Days are local. `hours` away from home counts only where `first_day` is
    `last_day`; None means ten or more. `covered` is the part of the meeting that the package pays (first and last day
    of it); None is the whole meeting."""

    place: str
    first_day: date
    last_day: date
    meeting_first: date
    meeting_last: date
    nights_in_air: frozenset[date] = frozenset()
    provided: Mapping[date, frozenset[str]] = field(default_factory=dict)
    hours: int | None = None
    covered: tuple[date, date] | None = None
    legs: frozenset[str] = frozenset(LEGS)
    cars: frozenset[str] = frozenset()

    @property
    def days(self) -> list[date]:
        """Every day of the journey."""
        return [self.first_day + timedelta(days=n) for n in range((self.last_day - self.first_day).days + 1)]


@dataclass(frozen=True)
class Line:
    """One line of an entitlement: which rule, on what rate, how much of it, and where that stands. `rate_minor` and
    `amount_minor` in US cents, `share_bp` in basis points of the rate."""

    kind: str
    rule: str
    day: date | None
    place: str
    rate_minor: int
    share_bp: int
    amount_minor: int
    source: str
    source_from: date | None
    given: tuple[str, ...] = ()


class NoRate(LookupError):
    """No rate of daily subsistence is on record for this place and day."""

    def __init__(self, place: str, day: date) -> None:
        super().__init__(f"no rate for {place} on {day}")
        self.place, self.day = place, day


RateOn = Callable[[date], DayRate | None]


def official_days(trip: Trip, on: date) -> tuple[date, date]:
    """First and last day for which subsistence may be paid: the day before to the day after what is covered."""
    first, last = trip.covered or (trip.meeting_first, trip.meeting_last)
    before = travel_setting("dsa_days_before_meeting", on).value
    after = travel_setting("dsa_days_after_meeting", on).value
    return first - timedelta(days=before), last + timedelta(days=after)


def _rule(trip: Trip, day: date, window: tuple[date, date]) -> str:
    if not window[0] <= day <= window[1]:
        return "private"
    if trip.first_day == trip.last_day:
        short = trip.hours is not None and trip.hours < travel_setting("dsa_short_hours", day).value
        return "too_short" if short else "no_night"
    # whoever stays on privately is not paid the night on which the official journey would have been over
    if day in (trip.last_day, window[1]):
        return "last_day"
    if day in trip.nights_in_air:
        return "in_air"
    return "reduced" if trip.provided.get(day) else "full"


def _share(rule: str, given: Iterable[str], day: date) -> int:
    """Basis points of the rate that remain."""
    if rule not in ("full", "reduced", "no_night"):
        return 0
    whole = travel_setting("dsa_without_night_bp", day).value if rule == "no_night" else _WHOLE
    counted = [what for what in given if what != "lodging" or rule != "no_night"]
    return max(0, whole - sum(travel_setting(f"dsa_{what}_bp", day).value for what in counted))


def share_of(rate_minor: int, share_bp: int) -> int:
    """US cents of a rate, rounded half up."""
    return (2 * rate_minor * share_bp + _WHOLE) // (2 * _WHOLE)


def dsa_lines(trip: Trip, rate_on: RateOn) -> list[Line]:
    """One line for each day of the journey, also where it pays nothing. Raises NoRate."""
    window = official_days(trip, trip.first_day)
    found: list[Line] = []
    for day in trip.days:
        rule = _rule(trip, day, window)
        given = tuple(what for what in PROVIDED if what in trip.provided.get(day, frozenset()))
        share = _share(rule, given, day)
        if not share:
            found.append(Line("dsa", rule, day, trip.place, 0, 0, 0, "", None,
                              given if rule in ("full", "reduced", "no_night") else ()))
            continue
        rate = rate_on(day)
        if rate is None:
            raise NoRate(trip.place, day)
        found.append(Line("dsa", rule, day, trip.place, rate.usd_minor, share, share_of(rate.usd_minor, share),
                          rate.source, rate.valid_from, given))
    return found


def terminal_lines(trip: Trip) -> list[Line]:
    """One line for each leg between a terminal and lodging or home."""
    found = []
    for leg in LEGS:
        if leg not in trip.legs:
            continue
        day = trip.first_day if leg in ("home_out", "arrival") else trip.last_day
        place = trip.place if leg in AT_PLACE else ""
        car = leg in trip.cars
        rate = travel_setting("terminal_leg_car_minor" if car else "terminal_leg_minor", day, place)
        found.append(Line("terminal", "leg_car" if car else "leg", day, place, rate.value, _WHOLE, rate.value,
                          rate.source, rate.valid_from, (leg,)))
    return found


def totals(lines: Iterable[Line]) -> dict[str, int]:
    """US cents by kind, kinds that pay nothing left out."""
    sums: dict[str, int] = {}
    for line in lines:
        sums[line.kind] = sums.get(line.kind, 0) + line.amount_minor
    return {kind: minor for kind, minor in sums.items() if minor}
