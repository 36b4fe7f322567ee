"""What the fund manager sets for the whole fund: whether cards are taken, where transfers go."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _

from accounts.permissions import require
from core.actor import Actor
from core.db import command
from core.errors import RuleBroken, Stale
from sponsorship.ledger.settings import change_setting, changes_of, setting

CARDS, BANK_DETAILS = "cards", "bank_details"
NAMES = (CARDS, BANK_DETAILS)
MOST_DETAILS = 2000


def cards_accepted() -> bool:
    """Whether donors may pay by card."""
    return setting(CARDS, "on") == "on"


def bank_details() -> str:
    """Where a bank transfer goes, as lines for people; empty until the fund manager has written it."""
    return setting(BANK_DETAILS)


@dataclass(frozen=True)
class Change:
    """One change of a setting: what it said from then on (business time), and who changed it."""

    name: str
    value: str
    at: datetime
    by: uuid.UUID | None


def changes() -> list[Change]:
    """Every change, newest first."""
    return [Change(row.name, row.value, row.set_at, row.set_by) for row in changes_of(NAMES)]


def settings_version() -> int:
    """How often the settings have been changed: what a page was made from."""
    return len(changes_of(NAMES))


@command
def change_fund_settings(*, cards: bool, details: str, actor: Actor, expected_version: int) -> None:
    """Raises NotAllowed, Stale, RuleBroken."""
    require(actor, "contribution.settings")
    changes_of(NAMES, lock=True)  # two pages sent at once: the second sees the first
    if settings_version() != expected_version:
        raise Stale()
    details = "\n".join(line.rstrip() for line in details.strip().splitlines())
    if len(details) > MOST_DETAILS:
        raise RuleBroken(_("Keep the bank details under %(most)s letters.", most=MOST_DETAILS),
                         code="settings.too_long", field="details")
    if cards != cards_accepted():
        change_setting(CARDS, "on" if cards else "off", actor)
    change_setting(BANK_DETAILS, details, actor)
