"""When donors are reminded of what is due, and the fund manager of agreements that end: dated settings of the fund."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from flask_babel import gettext as _

from accounts.permissions import require
from core.actor import Actor
from core.db import command
from core.errors import RuleBroken
from sponsorship.ledger.settings import change_setting, setting

DAYS, GAP, NOTICES = "reminder_days", "reminder_gap", "agreement_notice_days"
MOST = 4  # reminders of one instalment: a fifth letter is a person's decision
LEAST_GAP, WIDEST_GAP = 14, 90  # days between two letters to one donor
EARLIEST, LATEST = -180, 365


def reminder_days() -> tuple[int, ...]:
    """Days on which an instalment is recalled, from its due day (below zero: before it), in order."""
    return _numbers(setting(DAYS, "-30,0,30,90"))


def reminder_gap() -> timedelta:
    """The shortest time between two letters to one donor."""
    return timedelta(days=int(setting(GAP, str(LEAST_GAP))))


def notice_days() -> tuple[int, ...]:
    """Days before the end of an agreement on which the fund manager is told, the earliest first."""
    return _numbers(setting(NOTICES, "60,7"))


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def reached(due_on: date | None, day: date, days: Sequence[int]) -> int:
    """How many of the reminders of an instalment have their day on or before `day`."""
    return 0 if due_on is None else sum(due_on + timedelta(days=after) <= day for after in days)


def passed_unsent(due_on: date | None, day: date) -> int:
    """Reminders before the due day whose day has passed already when the instalment becomes the next one: whoever
    promises today to pay next week is not reminded tomorrow."""
    return 0 if due_on is None else reached(due_on, day, [after for after in reminder_days() if after < 0])


@command
def change_reminders(*, days: Sequence[int], gap: int, notices: Sequence[int], actor: Actor) -> None:
    """Raises NotAllowed, RuleBroken (fields `days`, `gap`, `notices`)."""
    require(actor, "contribution.settings")
    if not 1 <= len(days) <= MOST or list(days) != sorted(set(days)) or not EARLIEST <= days[0] <= days[-1] <= LATEST:
        raise RuleBroken(
            _("Write from one to %(most)s whole numbers from %(first)s to %(last)s, the earliest first, such as "
              "-30, 0, 30, 90.", most=MOST, first=EARLIEST, last=LATEST), code="reminders.days", field="days")
    if not LEAST_GAP <= gap <= WIDEST_GAP:
        raise RuleBroken(_("Write a number of days from %(first)s to %(last)s.", first=LEAST_GAP, last=WIDEST_GAP),
                         code="reminders.gap", field="gap")
    if not 1 <= len(notices) <= MOST or list(notices) != sorted(set(notices), reverse=True) or not (
            0 < notices[-1] <= notices[0] <= LATEST):
        raise RuleBroken(
            _("Write from one to %(most)s whole numbers from 1 to %(last)s, the largest first, such as 60, 7.",
              most=MOST, last=LATEST), code="reminders.notices", field="notices")
    for name, value in ((DAYS, _text(days)), (GAP, str(gap)), (NOTICES, _text(notices))):
        change_setting(name, value, actor)


def _text(numbers: Sequence[int]) -> str:
    return ",".join(str(number) for number in numbers)
