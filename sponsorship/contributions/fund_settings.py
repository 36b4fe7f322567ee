"""What is set for the whole fund: whether cards are taken, by the fund manager alone; where transfers go, which the
fund manager asks for and the head of the fund approves: whoever could change it alone could have all transfers."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _

from accounts.permissions import require
from core.actor import Actor
from core.db import command
from core.errors import RuleBroken, Stale
from sponsorship.contributions import setting_notices as notices
from sponsorship.ledger.settings import change_setting, changes_of, newest, setting

CARDS, BANK_DETAILS, ASKED = "cards", "bank_details", "bank_details_asked"
NAMES = (CARDS, BANK_DETAILS, ASKED)
MOST_DETAILS = 2000
_MARK = "?"  # before what is asked for: no details are asked for too; an empty setting asks for nothing
# what would show an account number in another order than its digits have, and what nobody can see
_UNSEEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def cards_accepted() -> bool:
    """Whether donors may pay by card."""
    return setting(CARDS, "on") == "on"


def bank_details() -> str:
    """Where a bank transfer goes, as lines for people; empty until the fund manager has written it."""
    return setting(BANK_DETAILS)


@dataclass(frozen=True)
class Asked:
    """Bank details that somebody asked for (an instant of business time) and nobody has decided on."""

    details: str
    at: datetime
    by: uuid.UUID | None


def asked_details() -> Asked | None:
    """What waits for approval; None where nothing does."""
    row = newest(ASKED)
    return Asked(row.value.removeprefix(_MARK), row.set_at, row.set_by) if row is not None and row.value else None


@dataclass(frozen=True)
class Change:
    """One change of a setting: what it said from then on (business time), and who changed it. What was asked for stands
    under the name ASKED; its row without a value says that it was decided or taken back."""

    name: str
    value: str
    at: datetime
    by: uuid.UUID | None


def changes() -> list[Change]:
    """Every change, newest first."""
    return [Change(row.name, row.value.removeprefix(_MARK) if row.name == ASKED else row.value, row.set_at, row.set_by)
            for row in changes_of(NAMES) if row.name != ASKED or row.value]


def settings_version() -> int:
    """How often the settings have been changed: what a page was made from."""
    return len(changes_of(NAMES))


@command
def change_fund_settings(*, cards: bool, details: str, actor: Actor, expected_version: int) -> None:
    """Take cards or not, from now on; ask for other bank details, which hold once somebody else approves them. Those
    that hold already take back what was asked for. Raises NotAllowed, Stale, RuleBroken (with its field)."""
    require(actor, "contribution.settings")
    _as_shown(expected_version)
    details = "\n".join(line.rstrip() for line in details.strip().splitlines())
    if _UNSEEN.search(details):
        raise RuleBroken(_("Take out the invisible characters: type the bank details instead of pasting them."),
                         code="settings.unseen", field="details")
    if len(details) > MOST_DETAILS:
        raise RuleBroken(_("Keep the bank details under %(most)s letters.", most=MOST_DETAILS),
                         code="settings.too_long", field="details")
    if cards != cards_accepted():
        change_setting(CARDS, "on" if cards else "off", actor)
    if change_setting(ASKED, "" if details == bank_details() else _MARK + details, actor) and asked_details():
        notices.bank_details_asked(settings_version(), actor)


@command
def approve_bank_details(actor: Actor, expected_version: int) -> None:
    """What somebody else asked for holds from now on. Raises NotAllowed, Stale, RuleBroken."""
    asked = _to_decide(actor, expected_version)
    change_setting(BANK_DETAILS, asked.details, actor)
    change_setting(ASKED, "", actor)
    notices.bank_details_changed(settings_version())


@command
def decline_bank_details(actor: Actor, words: str, expected_version: int) -> None:
    """What somebody else asked for does not hold. Raises NotAllowed, Stale, RuleBroken."""
    _to_decide(actor, expected_version)
    if not words.strip():
        raise RuleBroken(_("Write why, for the record."), code="settings.no_words", field="note")
    change_setting(ASKED, "", actor, words.strip())


def _to_decide(actor: Actor, expected_version: int) -> Asked:
    require(actor, "contribution.settings.approve")
    _as_shown(expected_version)
    asked = asked_details()
    if asked is None:
        raise RuleBroken(_("Nobody asks for other bank details now."), code="settings.nothing_asked")
    if asked.by == actor.person_id:
        raise RuleBroken(_("You asked for this yourself: somebody else approves it."), code="settings.same_person")
    return asked


def _as_shown(expected_version: int) -> None:
    changes_of(NAMES, lock=True)  # two pages sent at once: the second sees the first
    if settings_version() != expected_version:
        raise Stale()
