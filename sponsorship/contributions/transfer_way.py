"""Bank transfer as one of the ways to pay a pledge."""

from __future__ import annotations

from flask_babel import gettext as _

from sponsorship.contributions.fund_settings import bank_details, cards_accepted
from sponsorship.contributions.payments import card_limit
from sponsorship.contributions.queries import PledgePage
from sponsorship.contributions.ways import Payer, Way, register_way


def transfer_way(page: PledgePage, payer: Payer) -> list[Way]:
    """Always open; the first choice where a card cannot carry the pledge."""
    limit = card_limit(page.outstanding.currency)
    by_card = cards_accepted() and limit is not None and page.outstanding <= limit
    text = _("To the fund’s own account; it takes some days. You see the bank details and the payment reference, and "
             "tell us when it was sent.")
    if not bank_details():
        text = _("The fund’s office writes to you with its bank details; you tell us when it was sent.")
    return [Way("transfer", _("Pay by bank transfer"), text, payer.url("transfer"), primary=not by_card)]


def register() -> None:
    """Called once by app.py."""
    register_way(transfer_way)
