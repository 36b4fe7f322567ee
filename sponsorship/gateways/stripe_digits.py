"""How Stripe writes amounts on the wire, which is not how accounting does (ISO 4217; see core.money).

Read on Stripe's page "Supported currencies". ISK is sent with two decimals though it has none; UGX is described in
two ways, so it stays off until it has been tried in a sandbox.
"""

from __future__ import annotations

from core.money import Money, currency_digits

ZERO_DECIMAL = frozenset(
    ("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF")
)
THREE_DECIMAL = frozenset(("BHD", "JOD", "KWD", "OMR", "TND"))  # the last digit must be 0
HUNDREDS_ONLY = frozenset({"ISK"})  # two decimals on the wire, always 00
SWITCHED_OFF = frozenset({"UGX"})


class WireAmountError(ValueError):
    """An amount that Stripe cannot carry, or sent in a shape we do not trust."""


def wire_digits(currency: str) -> int:
    """Decimals of `currency` on Stripe's wire. Raises WireAmountError for a currency that is switched off."""
    if currency in SWITCHED_OFF:
        raise WireAmountError(f"{currency} is not used with Stripe")
    return 0 if currency in ZERO_DECIMAL else 3 if currency in THREE_DECIMAL else 2


def to_wire(amount: Money) -> int:
    """`amount` as the integer that Stripe expects. Raises WireAmountError where it would have to be rounded."""
    shift = wire_digits(amount.currency) - currency_digits(amount.currency)
    wire, rest = (amount.minor * 10**shift, 0) if shift >= 0 else divmod(amount.minor, 10**-shift)
    if rest:
        raise WireAmountError("too many decimals for Stripe")
    _check(wire, amount.currency)
    return wire


def from_wire(value: int, currency: str) -> Money:
    """An integer that Stripe sent, as Money in accounting digits. `currency` in any case of letters."""
    code = currency.upper()
    if type(value) is not int:
        raise WireAmountError("Stripe's amounts are integers")
    shift = currency_digits(code) - wire_digits(code)
    minor, rest = (value * 10**shift, 0) if shift >= 0 else divmod(value, 10**-shift)
    if rest:
        raise WireAmountError("smaller than the currency's unit")
    _check(value, code)
    return Money(minor, code)


def most_at_once(currency: str) -> Money | None:
    """The most that one payment carries: Stripe takes eight digits, whatever the currency. None where it carries none
    of it."""
    step = 100 if currency in HUNDREDS_ONLY else 10 if currency in THREE_DECIMAL else 1
    try:
        amount = from_wire(99_999_999 // step * step, currency)
        to_wire(amount)
    except (WireAmountError, ValueError):
        return None
    return amount


def _check(wire: int, currency: str) -> None:
    if currency in HUNDREDS_ONLY and wire % 100:
        raise WireAmountError(f"{currency} goes in whole units")
    if currency in THREE_DECIMAL and wire % 10:
        raise WireAmountError(f"the last digit of {currency} must be 0")
