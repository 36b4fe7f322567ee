"""Money: exact, of one currency, read from what people type."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.money import Money, MoneyError, currency_digits, direct_carried_by, support_costs, usd


@pytest.mark.parametrize(("text", "currency", "minor"), [
    ("100", "USD", 10000), ("1,234.50", "USD", 123450), ("1 234.50", "USD", 123450), ("1\u202f234.5", "USD", 123450),
    ("١٬٢٣٤٫٥٠", "USD", 123450), ("USD 12", "USD", 1200), ("$12.00", "USD", 1200), ("12 usd", "USD", 1200),
    ("500", "JPY", 500), ("1.234", "KWD", 1234), ("0", "USD", 0), ("1'000", "CHF", 100000),
])
def test_reads_what_people_type(text, currency, minor):
    assert Money.parse(text, currency) == Money(minor, currency)


@pytest.mark.parametrize(("text", "currency", "code"), [
    ("", "USD", "empty"), ("   ", "USD", "empty"), ("-5", "USD", "negative"), ("\u22125", "USD", "negative"),
    ("ten", "USD", "not_a_number"), ("1e5", "USD", "not_a_number"), ("1.2.3", "USD", "not_a_number"),
    ("1,23", "USD", "not_a_number"), ("12,34.5", "USD", "not_a_number"), ("1.005", "USD", "decimals"),
    ("1.5", "JPY", "decimals"), ("99999999999999", "USD", "too_large"), ("NaN", "USD", "not_a_number"),
    ("Infinity", "USD", "not_a_number"), ("0x10", "USD", "not_a_number"), ("1,234,5", "USD", "not_a_number"),
])
def test_refuses_what_could_be_misread(text, currency, code):
    with pytest.raises(MoneyError) as caught:
        Money.parse(text, currency)
    assert caught.value.code == code


def test_floats_and_mixed_currencies_are_refused():
    for wrong in (1.0, "1", None, True):
        with pytest.raises(TypeError):
            Money(wrong, "USD")
    with pytest.raises(TypeError):
        Money(1, "USD") + Money(1, "EUR")
    with pytest.raises(TypeError):
        _ = Money(1, "USD") < Money(1, "EUR")
    with pytest.raises(ValueError):
        Money(1, "usd")


@given(st.integers(0, 10**14), st.sampled_from(["USD", "JPY", "KWD", "CLF", "ISK"]))
def test_what_is_shown_is_read_back(minor, currency):
    amount = Money(minor, currency)
    assert Money.parse(f"{amount.decimal:f}", currency) == amount
    assert amount.decimal == amount.decimal.quantize(amount.decimal.__class__(1).scaleb(-currency_digits(currency)))


def test_support_costs_worked_example():
    """100,000 at 13 % carries 88,495.58 of direct cost and 11,504.42 of support costs, not 87,000."""
    direct = direct_carried_by(100_000_00, 1300)
    assert usd(direct) == usd(88_495_58)
    assert support_costs(direct, 1300) == 11_504_42


@given(st.integers(0, 10**13), st.integers(0, 3000))
def test_direct_carried_is_the_most_that_fits(total, rate):
    direct = direct_carried_by(total, rate)
    assert direct + support_costs(direct, rate) <= total
    assert direct + 1 + support_costs(direct + 1, rate) > total
