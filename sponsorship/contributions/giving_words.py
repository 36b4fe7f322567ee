"""Amounts, purposes and dates of giving in words."""

from __future__ import annotations

from babel.numbers import format_currency
from flask_babel import gettext as _

from core.money import Money, currency_digits
from core.web.formats import current_locale, format_day
from sponsorship.contributions.valuation import Worth


def amount_in_words(amount: Money) -> str:
    """The amount with the currency's own name, in the reader's language: 25,000.00 euros."""
    digits = currency_digits(amount.currency)
    pattern = "#,##0" + ("." + "0" * digits if digits else "")
    return str(format_currency(amount.decimal, amount.currency, pattern, locale=current_locale(),
                               currency_digits=False, format_type="name"))


def rate_of_support(basis_points: int) -> str:
    """A rate of support costs in per cent: 13 %, 7.50 %."""
    whole, part = divmod(basis_points, 100)
    return f"{whole}.{part:02d} %" if part else f"{whole} %"


def rate_in_words(worth: Worth) -> str | None:
    """Which rate gave an amount its worth in dollars, from where and of which day; None for dollars."""
    origin = worth.original
    if origin is None:
        return None
    return _("at %(currency)s %(rate)s for one US dollar (%(source)s of %(day)s)", rate=origin.rate,
             currency=origin.currency, source=origin.source, day=format_day(origin.day))
