"""Paying by card: the way that donors see first, where the fund takes cards and the currency is carried."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from wtforms.validators import ValidationError

from core.money import Money
from core.web.formats import format_money
from core.web.forms import BaseForm, MoneyField, Required, is_filled
from sponsorship.contributions import fund_settings
from sponsorship.contributions.giving_fields import OneOfField
from sponsorship.contributions.payments import card_limit
from sponsorship.contributions.queries import PledgePage
from sponsorship.contributions.ways import Payer, Way, register_way

NEXT, ALL, OTHER = "next", "all", "other"


def ways(page: PledgePage, payer: Payer) -> list[Way]:
    """A button for what is due next, and a page for everything or another amount."""
    limit, part = card_limit(page.amount.currency), page.next_part
    if limit is None or part is None or not fund_settings.cards_accepted():
        return []
    found = []
    if part.left <= limit:
        found.append(Way("card", _label(page), gettext(
            "On Stripe’s page; card data never reach us. Confirmed within a minute."), payer.url("pay"), "post", True,
            amount=part.left))
    text = gettext("A part of it, or more than is due next; you choose how much.")
    if page.outstanding > limit:
        text = gettext("One card payment carries at most %(limit)s.", limit=format_money(limit))
    found.append(Way(
        "card-part", gettext("Pay another amount by card") if found else gettext("Pay in parts by card"), text,
        payer.url("pay_amount")))
    return found


def _label(page: PledgePage) -> str:
    latest = page.latest
    if latest is not None and latest.code == "checkout":
        return gettext("Go on to pay")
    if latest is not None and latest.method == "card" and latest.code in ("failed", "expired"):
        return gettext("Try again")
    return gettext("Pay now by card")


def payment_form(page: PledgePage, **kwargs: Any) -> Any:
    """The form of a card payment for this pledge: what is due next, everything, or another amount."""
    limit, part = card_limit(page.amount.currency), page.next_part
    offers: list[tuple[str, Any]] = []
    if limit is not None and part is not None:
        if part.left <= limit and part.left != page.outstanding:
            offers.append((NEXT, gettext("What is due next: %(amount)s", amount=format_money(part.left))))
        if page.outstanding <= limit:
            offers.append((ALL, gettext("All that is still to be paid: %(amount)s",
                                        amount=format_money(page.outstanding))))
        offers.append((OTHER, gettext("Another amount")))

    class PaymentForm(BaseForm):
        what = OneOfField(_l("What you pay now"), choices=offers, validators=[Required(_l("Choose what you pay."))])
        amount = MoneyField(_l("Amount"), currency=page.amount.currency, allow_zero=False)

        def validate_amount(self, field: Any) -> None:
            """Needed for another amount only."""
            if self.what.data == OTHER and not is_filled(field):
                raise ValidationError(gettext("Write the amount that you pay now."))

        @property
        def wanted(self) -> Money | None:
            """What is to be paid; None: whatever is due next."""
            return {NEXT: None, ALL: page.outstanding, OTHER: self.amount.data}.get(self.what.data)

    return PaymentForm(**kwargs)


def register() -> None:
    """Called once by app.py."""
    register_way(ways)
