"""The worked examples of docs/entitlement.md: their facts, and the tables that the engine makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from core.money import usd
from sponsorship.awards.entitlement import DayRate, Line, Trip, dsa_lines, terminal_lines

RATES = ((date(2027, 1, 1), 40100), (date(2027, 7, 1), 42300))
_WORDS = {"full": "whole rate", "reduced": "part provided free", "no_night": "ten hours or more, no night",
          "too_short": "under ten hours", "last_day": "last day of travel home", "in_air": "night in the air",
          "private": "outside the official days", "leg": "flat sum", "leg_car": "flat sum, car provided"}
_LEGS = {"home_out": "home to terminal", "arrival": "terminal to lodging", "departure": "lodging to terminal",
         "home_in": "terminal to home"}


def rate_on(day: date) -> DayRate:
    """An invented circular of New York with a change on 1 July 2027."""
    since, minor = max((rate for rate in RATES if rate[0] <= day), default=RATES[0])
    return DayRate("New York", minor, since, "Example circular")


def _trip(first: date, last: date, **changes: object) -> Trip:
    return Trip("New York", first, last, date(2027, 6, 14), date(2027, 6, 18), **changes)  # type: ignore[arg-type]


def _july(first: date, last: date, **changes: object) -> Trip:
    return Trip("New York", first, last, date(2027, 6, 28), date(2027, 7, 2), **changes)  # type: ignore[arg-type]


_LUNCH = {date(2027, 6, day): frozenset({"lunch"}) for day in range(14, 19)}
DAILY, LEGS = ("dsa",), ("dsa", "terminal")
EXAMPLES: tuple[tuple[str, Trip, tuple[str, ...]], ...] = (
    ("1. A week in New York", _trip(date(2027, 6, 13), date(2027, 6, 19)), LEGS),
    ("2. A night in the air on the way out, lunch provided by the host",
     _trip(date(2027, 6, 12), date(2027, 6, 19), nights_in_air=frozenset({date(2027, 6, 12)}), provided=_LUNCH), DAILY),
    ("3. Private days before and after", _trip(date(2027, 6, 10), date(2027, 6, 22)), DAILY),
    ("4. Only Tuesday and Wednesday of the meeting are paid",
     _trip(date(2027, 6, 14), date(2027, 6, 17), covered=(date(2027, 6, 15), date(2027, 6, 16))), DAILY),
    ("5. The rate changes on 1 July, room and breakfast provided on the last night",
     _july(date(2027, 6, 27), date(2027, 7, 3), provided={date(2027, 7, 2): frozenset({"lodging", "breakfast"})}),
     DAILY),
    ("6. There and back on one day, twelve hours", _trip(date(2027, 6, 16), date(2027, 6, 16), hours=12), DAILY),
)


def _row(line: Line) -> str:
    what = f"{line.day:%a} {line.day.day} {line.day:%B}" if line.kind == "dsa" and line.day else _LEGS[line.given[0]]
    given = f" ({', '.join(line.given)})" if line.kind == "dsa" and line.given else ""
    rate = f"{usd(line.rate_minor).decimal:,f}" if line.rate_minor else ""
    share = f"{line.share_bp / 100:g} %" if line.share_bp else ""
    return f"| {what} | {_WORDS[line.rule]}{given} | {rate} | {share} | {usd(line.amount_minor).decimal:,f} |"


def table(trip: Trip, parts: Sequence[str]) -> str:
    """The lines of an example as a table of the document."""
    lines = dsa_lines(trip, rate_on) + (terminal_lines(trip) if "terminal" in parts else [])
    total = usd(sum(line.amount_minor for line in lines))
    return "\n".join(["| Day or leg | Rule | Rate | Share | US dollars |", "|---|---|---:|---:|---:|",
                      *map(_row, lines), f"| | **Together** | | | **{total.decimal:,f}** |"])
