"""Exchange rates for the rooms above: which rate holds on a day, and dollars from it, exactly.

Rates are fractions, never floats. What is stored with a posting is the rate's text, from which anyone can compute the
dollars again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from babel.numbers import get_currency_name
from flask_babel import gettext as _
from sqlalchemy import and_, func, literal, select
from sqlalchemy.orm import aliased

from accounts.sorting import sort_key
from core.db import db
from core.errors import RuleBroken
from core.money import Money, currency_digits, dollars_at
from core.web.formats import current_locale, format_day
from sponsorship.gateways.rate_models import MAX_DECIMALS, MAX_WHOLE, ExchangeRate
from sponsorship.gateways.rate_sources import BOOKS_CURRENCY, SOURCES, RateSource, books_source, find_source

__all__ = [
    "SOURCES", "CurrentRate", "Rate", "RateMissing", "books_source", "covered_until", "currencies_in_use",
    "currencies_with_rates", "currency_name", "latest_rates", "rate_on", "register_currencies_in_use",
]

_FIGURE = rf"[0-9]{{1,{MAX_WHOLE}}}(?:\.[0-9]{{1,{MAX_DECIMALS}}})?"
_TEXT = re.compile(rf"({_FIGURE})(?:/({_FIGURE}))?\Z")


class RateMissing(RuleBroken):
    """No rate may be used for that day; the message says what is known and what to import."""

    code = "rates.missing"


@dataclass(frozen=True)
class Rate:
    """Units of `currency` for one US dollar from `day` on.

    `text` is what a ledger leg keeps (at most 40 characters): a published figure, or the fraction of two for a source
    whose base is not the dollar, such as 163.52/1.0842. `per_usd` is the same number. `source` is for people (at most
    80 characters).
    """

    currency: str
    text: str
    per_usd: Fraction
    source: str
    source_code: str
    day: date

    def to_usd_minor(self, amount: Money) -> int:
        """US cents for `amount`: exact, then rounded half away from zero. Raises TypeError for another currency."""
        if amount.currency != self.currency:
            raise TypeError(f"this rate is of {self.currency}")
        return dollars_at(amount, self.text)

    @classmethod
    def from_text(cls, currency: str, text: str, source: str, day: date, source_code: str = "") -> Rate:
        """The rate that a ledger leg keeps, to compute its dollars again. Raises ValueError for what is no rate."""
        currency_digits(currency)
        match = _TEXT.match(text)
        if match is None or not (upper := Fraction(match[1])) or not (lower := Fraction(match[2] or 1)):
            raise ValueError(f"not a rate: {text[:40]!r}")
        return cls(currency, text, upper / lower, source, source_code, day)


def rate_on(currency: str, day: date, source: str | None = None) -> Rate:
    """The newest live rate effective on or before `day`, unless it has outlived its source's life by then.

    `source` is a code, None for the source of the books. A rate effective later than `day` is never used. One US
    dollar is one US dollar. Raises RateMissing (code rates.missing).
    """
    origin = find_source(source)
    if currency == BOOKS_CURRENCY:
        return _rate(origin, currency, day, "1")
    newest = _newest(origin, currency, day)
    if newest is None or day - newest[0] > origin.life:
        raise _missing(currency, day, origin, newest[0] if newest else None)
    return _rate(origin, currency, *newest)


def _missing(currency: str, day: date, origin: RateSource, newest: date | None) -> RateMissing:
    words = {"currency": currency, "day": format_day(day), "source": origin.what, "life": origin.life_days}
    if newest is None:
        known = _("There is no exchange rate of %(currency)s for %(day)s: none of that day or before is on record in "
                  "the %(source)s.", **words)
    else:
        known = _("There is no exchange rate of %(currency)s for %(day)s: the newest of the %(source)s until then is "
                  "of %(newest)s, and one may be used for %(life)s days.", newest=format_day(newest), **words)
    return RateMissing(f"{known} " + _("Import %(wanted)s, then repeat this step.", wanted=origin.wanted_for(day)))


# --- figures as published, and units for one dollar -------------------------------------------------------------
# A source whose base is the dollar publishes just that. Any other publishes the dollar beside the rest, and the units
# for one dollar are the fraction of two of its figures of the same day.
def _live(alias: Any, source: RateSource) -> Any:
    return and_(alias.source == source.code, alias.withdrawn_at.is_(None))


def _newest(source: RateSource, currency: str, day: date) -> tuple[date, str] | None:
    """(day, text) of the newest live rate effective on or before `day`, however old. One row, by the index."""
    of, dollar = aliased(ExchangeRate, name="of"), aliased(ExchangeRate, name="dollar")
    of_base = currency == source.base  # the base itself: the dollar's figure, turned round
    divisor: Any = literal(None)
    statement = select(of)
    if source.base != BOOKS_CURRENCY and not of_base:
        divisor = dollar.rate
        same_day = and_(_live(dollar, source), dollar.currency == BOOKS_CURRENCY, dollar.day == of.day)
        statement = statement.join(dollar, same_day)
    row = db.session.execute(
        statement.with_only_columns(of.day, of.rate, divisor.label("divisor"))
        .where(_live(of, source), of.currency == (BOOKS_CURRENCY if of_base else currency), of.day <= day)
        .order_by(of.day.desc()).limit(1)
    ).first()
    if row is None:
        return None
    return row.day, f"1/{row.rate}" if of_base else f"{row.rate}/{row.divisor}" if row.divisor else row.rate


def newest_days(source: RateSource, day: date) -> dict[str, date]:
    """The newest effective day, on or before `day`, of every currency that the source publishes live rates of."""
    rows = db.session.execute(
        select(ExchangeRate.currency, func.max(ExchangeRate.day).label("day"))
        .where(_live(ExchangeRate, source), ExchangeRate.day <= day).group_by(ExchangeRate.currency)
    )
    return {row.currency: row.day for row in rows}


def _published(source: RateSource, codes: Collection[str], when: Any) -> dict[tuple[str, date], str]:
    """Texts by currency and day of live rates of `codes`, where `when` holds and the dollar has a figure too."""
    through = () if source.base == BOOKS_CURRENCY else (BOOKS_CURRENCY,)
    rows = db.session.execute(
        select(ExchangeRate.currency, ExchangeRate.day, ExchangeRate.rate)
        .where(_live(ExchangeRate, source), ExchangeRate.currency.in_({*codes, *through}), when)
    ).all()
    if not through:
        return {(row.currency, row.day): row.rate for row in rows}
    dollars = {row.day: row.rate for row in rows if row.currency == BOOKS_CURRENCY}
    found = {(source.base, day): f"1/{figure}" for day, figure in dollars.items()}
    for row in rows:
        if row.day in dollars and row.currency != BOOKS_CURRENCY:
            found[row.currency, row.day] = f"{row.rate}/{dollars[row.day]}"
    return found


def _rate(source: RateSource, currency: str, day: date, text: str) -> Rate:
    return Rate.from_text(currency, text, source.name, day, source.code)


# --- lists ------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class CurrentRate:
    """The newest rate of a currency on a day: how many days it is old by then, the last day it may be used."""

    rate: Rate
    age: int
    last_day: date

    @property
    def days_left(self) -> int:
        """Days until its last one; negative once it has expired."""
        return (self.last_day - self.rate.day).days - self.age

    @property
    def expired(self) -> bool:
        return self.days_left < 0


def latest_rates(day: date, source: str | None = None) -> list[CurrentRate]:
    """The newest live rate of every currency effective on or before `day`, expired ones too, in order of code."""
    origin = find_source(source)
    newest = newest_days(origin, day)
    texts = _published(origin, newest, ExchangeRate.day.in_(set(newest.values())))
    if BOOKS_CURRENCY in newest:
        newest[origin.base] = newest.pop(BOOKS_CURRENCY)
    found = []
    for code, last in sorted(newest.items()):
        # on its newest day a currency may lack the dollar, when part of that day was withdrawn
        one = (last, texts[code, last]) if (code, last) in texts else _newest(origin, code, day)
        if one is not None:
            found.append(CurrentRate(_rate(origin, code, *one), (day - one[0]).days, one[0] + origin.life))
    return found


def currency_name(code: str) -> str:
    """The name of a currency in the reader's language; the code itself where there is none."""
    return str(get_currency_name(code, locale=current_locale()))


def currencies_with_rates(day: date, source: str | None = None) -> list[tuple[str, str]]:
    """(code, name) of every currency whose rate may be used on `day`, for choice lists: the US dollar first, then by
    name in the reader's language."""
    codes = [row.rate.currency for row in latest_rates(day, source) if not row.expired]
    names, language = {code: currency_name(code) for code in (BOOKS_CURRENCY, *codes)}, current_locale().language
    rest = sorted(codes, key=lambda code: (sort_key(names[code], language), code))
    return [(code, names[code]) for code in (BOOKS_CURRENCY, *rest)]


# --- currencies in use ------------------------------------------------------------------------------------------
_in_use: list[Callable[[], Collection[str]]] = []


def register_currencies_in_use(function: Callable[[], Collection[str]]) -> None:
    """`function()` gives the codes of the currencies that a room needs rates of (its open pledges, say). It only
    reads, in a fixed number of queries. Registering twice counts once."""
    if function not in _in_use:
        _in_use.append(function)


def currencies_in_use() -> set[str]:
    """Every currency that some room needs rates of; never the dollar."""
    return {code for function in _in_use for code in function()} - {BOOKS_CURRENCY}


def covered_until(codes: Collection[str], day: date, ahead: int, source: str | None = None) -> dict[str, date | None]:
    """The last day, at most `ahead` days after `day`, until which each currency has a usable rate without a gap; None
    where it has none on `day` itself. Rates that are on record already and take effect later count."""
    origin, limit = find_source(source), day + timedelta(days=ahead)
    if not codes:
        return {}
    days: dict[str, list[date]] = {code: [] for code in codes}
    for code, effective in sorted(_published(origin, days, ExchangeRate.day.between(day - origin.life, limit))):
        if code in days:
            days[code].append(effective)
    return {code: _reach(effective, day, origin, limit) for code, effective in days.items()}


def _reach(effective: list[date], day: date, origin: RateSource, limit: date) -> date | None:
    reached: date | None = None
    for begins in effective:
        if begins <= day or (reached is not None and begins <= reached + timedelta(days=1)):
            reached = begins + origin.life
    return None if reached is None or reached < day else min(reached, limit)
