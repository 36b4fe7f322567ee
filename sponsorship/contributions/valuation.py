"""What an amount of money is worth in the books: in US cents, at the rate on record for the day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from core.money import Money
from sponsorship.gateways.rates import rate_on
from sponsorship.ledger.service import Original


@dataclass(frozen=True)
class Worth:
    """US cents; `original` is the amount with its rate, its source and its day, None for dollars."""

    usd_minor: int
    original: Original | None = None


def part_worth(usd_minor: int, amount_minor: int, part_minor: int) -> int:
    """US cents of a part of a pledge, in proportion to its worth when announced, cut down to the cent."""
    return usd_minor * part_minor // amount_minor


def value_of(amount: Money, day: date) -> Worth:
    """The worth of `amount` on `day` (UTC). Raises RateMissing (code rates.missing), which says what to import."""
    if amount.currency == "USD":
        return Worth(amount.minor)
    rate = rate_on(amount.currency, day)
    return Worth(rate.to_usd_minor(amount), Original(amount.minor, amount.currency, rate.text, rate.source, rate.day))
