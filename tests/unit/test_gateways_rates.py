"""Dollars from rates: exact fractions, rounded once. Worked by hand, then held for every amount."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import pytest
from babel.core import get_global
from babel.numbers import list_currencies
from hypothesis import given
from hypothesis import strategies as st

from core.money import Money, currency_digits
from sponsorship.gateways.rate_models import SOURCE_CODES
from sponsorship.gateways.rate_sources import SOURCES, books_source, find_source
from sponsorship.gateways.rates import Rate
from sponsorship.gateways.stripe_digits import SWITCHED_OFF, WireAmountError, wire_digits

DAY = date(2027, 3, 1)


def rate(currency: str, text: str) -> Rate:
    return Rate.from_text(currency, text, "made for tests", DAY)


@pytest.mark.parametrize(("currency", "text", "minor", "cents"), [
    # 2 decimals: 1,000.00 EUR / 0.923 = 1,083.42361... USD
    ("EUR", "0.923", 1_000_00, 1_083_42),
    # 0 decimals: 150,525 JPY / 150.525 = 1,000.00 USD exactly
    ("JPY", "150.525", 150_525, 1_000_00),
    # 3 decimals: 1,234.567 KWD / 0.3075 = 4,014.85203... USD
    ("KWD", "0.3075", 1_234_567, 4_014_85),
    # 4 decimals: 12.3456 CLF / 0.02531 = 487.77558... USD
    ("CLF", "0.02531", 123_456, 487_78),
    # through the euro: 10,000 JPY x 1.0842 / 163.52 = 66.30381... USD
    ("JPY", "163.52/1.0842", 10_000, 66_30),
    # the euro itself: 100.00 EUR x 1.0842
    ("EUR", "1/1.0842", 100_00, 108_42),
    ("USD", "1", 12_345, 12_345),
    # half a cent goes away from zero, on both sides: 0.01 EUR / 2 = 0.005 USD
    ("EUR", "2", 1, 1), ("EUR", "2", -1, -1), ("EUR", "2", 3, 2), ("EUR", "2", -3, -2),
    ("EUR", "2.00000001", 1, 0), ("EUR", "0.923", 0, 0),
    # no rounding on the way: 10**15 minor units keep every digit
    ("IRR", "42000", 10**15, 23_809_523_810),
])
def test_worked_by_hand(currency: str, text: str, minor: int, cents: int) -> None:
    assert rate(currency, text).to_usd_minor(Money(minor, currency)) == cents


FIGURES = st.builds(
    lambda whole, part: f"{whole}.{part:08d}" if part else f"{whole}",
    st.integers(0, 10**10 - 1), st.integers(0, 10**8 - 1),
).filter(lambda text: any(digit in text for digit in "123456789"))
TEXTS = st.one_of(FIGURES, st.builds("{}/{}".format, FIGURES, FIGURES))
CODES = st.sampled_from(("JPY", "EUR", "KWD", "CLF"))
MINOR = st.integers(-(10**15), 10**15)


@given(CODES, TEXTS, MINOR)
def test_within_half_a_cent_of_the_exact_value(code: str, text: str, minor: int) -> None:
    used = rate(code, text)
    exact = Fraction(minor, 10 ** currency_digits(code)) / used.per_usd * 100
    assert abs(used.to_usd_minor(Money(minor, code)) - exact) <= Fraction(1, 2)
    assert used.to_usd_minor(Money(-minor, code)) == -used.to_usd_minor(Money(minor, code))


@given(CODES, TEXTS, MINOR, MINOR)
def test_more_is_never_less(code: str, text: str, one: int, other: int) -> None:
    used = rate(code, text)
    low, high = sorted((one, other))
    assert used.to_usd_minor(Money(low, code)) <= used.to_usd_minor(Money(high, code))


@given(CODES, TEXTS)
def test_the_text_that_a_leg_keeps_is_the_whole_rate(code: str, text: str) -> None:
    used = rate(code, text)
    assert len(used.text) <= 40
    assert Rate.from_text(code, used.text, used.source, used.day).per_usd == used.per_usd
    upper, _, lower = text.partition("/")
    assert used.per_usd == Fraction(upper) / Fraction(lower or "1")


@pytest.mark.parametrize("text", [
    "", "0", "0.0", "1/0", "0/1", "1/2/3", "-1", "+1", "1e3", "1,5", " 1", "1 ", "1\n", "1.", ".5", "1.123456789",
    "12345678901", "١", "NaN", "1/", "/1", "inf",
])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a rate"):
        rate("EUR", text)


def test_a_rate_is_of_one_currency() -> None:
    with pytest.raises(TypeError, match="EUR"):
        rate("EUR", "0.923").to_usd_minor(Money(1, "CHF"))
    with pytest.raises(ValueError, match="ISO 4217"):
        rate("euro", "0.923")


def test_sources_fit_the_ledger() -> None:
    assert books_source() == "un" and find_source().code == "un" and find_source("ecb").base == "EUR"
    assert tuple(SOURCES) == SOURCE_CODES
    assert (SOURCES["un"].life_days, SOURCES["ecb"].life_days) == (45, 7)
    for source in SOURCES.values():
        assert len(source.name) <= 80 and str(source.life_reason) and source.name.isascii()


# --- two tables of digits ---------------------------------------------------------------------------------------
# Accounting (ISO 4217, core.money) and Stripe's wire differ here and nowhere else, each for a reason.
DIFFER = {
    "ISK": (0, 2),  # no decimals in accounting; sent in hundredths that are always 00
    "UYI": (0, 2),  # a unit of account: no decimals in ISO 4217, not among Stripe's exceptions
    "MGA": (2, 0),  # one fifth, written with two decimals; Stripe has none
    "IQD": (3, 2), "LYD": (3, 2),  # three decimals; not among Stripe's
    "CLF": (4, 2), "UYW": (4, 2),  # units of account
}


def test_accounting_digits_beside_stripes_over_every_currency_both_know() -> None:
    differing = {}
    for code in sorted(list_currencies()):
        try:
            pair = currency_digits(code), wire_digits(code)
        except WireAmountError:
            assert code in SWITCHED_OFF
            continue
        if pair[0] != pair[1]:
            differing[code] = pair
    assert differing == DIFFER


# CLDR's digits are those people use; of money of today they differ from ISO 4217 only where small coins died out
DIED_OUT = {"AFN", "ALL", "IQD", "IRR", "KPW", "LAK", "LBP", "MGA", "MMK", "RSD", "SOS", "SYP", "YER"}


def test_accounting_digits_beside_those_of_cldr() -> None:
    from babel.numbers import get_currency_precision

    territories = get_global("territory_currencies").values()
    today = {code for rows in territories for code, _from, until, tender in rows if until is None and tender}
    assert len(today) > 150
    differing = {code for code in today if currency_digits(code) != get_currency_precision(code)}
    assert differing == DIED_OUT
    assert all(get_currency_precision(code) == 0 for code in DIED_OUT)
