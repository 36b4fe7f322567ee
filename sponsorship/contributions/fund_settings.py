"""What the fund manager sets for the whole fund: whether cards are taken, where transfers go."""

from __future__ import annotations

from flask_babel import gettext as _

from accounts.permissions import require
from core.actor import Actor
from core.db import command
from core.errors import RuleBroken
from sponsorship.ledger.settings import change_setting, setting

CARDS, BANK_DETAILS = "cards", "bank_details"
MOST_DETAILS = 2000


def cards_accepted() -> bool:
    """Whether donors may pay by card."""
    return setting(CARDS, "on") == "on"


def bank_details() -> str:
    """Where a bank transfer goes, as lines for people; empty until the fund manager has written it."""
    return setting(BANK_DETAILS)


@command
def change_fund_settings(*, cards: bool, details: str, actor: Actor) -> None:
    """Raises NotAllowed, RuleBroken."""
    require(actor, "contribution.settings")
    if len(details) > MOST_DETAILS:
        raise RuleBroken(_("Keep the bank details under %(most)s letters.", most=MOST_DETAILS),
                         code="settings.too_long", field="details")
    change_setting(CARDS, "on" if cards else "off", actor)
    change_setting(BANK_DETAILS, details.strip(), actor)
