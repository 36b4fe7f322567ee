"""What officers decide about a pledge after it was made: under an agreement, reduced, deferred, written off. Each is a
move with a reason; what stood before stays readable, and an ended pledge never comes back."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from flask_babel import gettext as _

from core import clock
from core.actor import Actor, system
from core.db import command, get, lock
from core.errors import RuleBroken
from core.money import Money
from core.web.formats import format_money
from sponsorship.contributions.agreements import in_force
from sponsorship.contributions.going_back import disputed_of
from sponsorship.contributions.models import Agreement, Pledge
from sponsorship.contributions.pledges import need_words, no_open_payment
from sponsorship.contributions.schedules import Part, check_parts, deferred, end_if_paid, put_in_force, shrunk
from sponsorship.contributions.transitions import PLEDGE

SCHEDULE = system("pledges-overdue")


@command
def agree(pledge_id: uuid.UUID, agreement_id: uuid.UUID, actor: Actor, expected_version: int) -> None:
    """Put a pledge under an agreement of the same donor, which decides its pool and its rate of support costs.

    Raises NotAllowed, NotFound, IllegalMove, Stale, RuleBroken (another donor's agreement, or one that has ended, or
    the pledge has one).
    """
    pledge, agreement = lock(Pledge, pledge_id, expected_version), get(Agreement, agreement_id)
    if agreement.organisation_id != pledge.organisation_id or not in_force(agreement, clock.today()):
        raise RuleBroken(_("Choose an agreement of this donor that is in force today."), code="pledge.agreement",
                         field="agreement")
    if pledge.agreement_id is not None:
        raise RuleBroken(_("This pledge stands under an agreement already."), code="pledge.agreed", field="agreement")
    pledge.agreement_id, pledge.pool_id = agreement.id, agreement.pool_id
    PLEDGE.apply(pledge, "agree", actor, data={"agreement": str(agreement.id), "pool": str(agreement.pool_id)})


@command
def reduce(pledge_id: uuid.UUID, to_minor: int, actor: Actor, words: str, expected_version: int) -> None:
    """The donor will give less: `to_minor` of the pledge's currency in all. The last instalments shrink first.

    Raises NotAllowed, IllegalMove, Stale, RuleBroken (not less than now, below what is paid, a payment page open).
    """
    pledge = lock(Pledge, pledge_id, expected_version)
    need_words(words)
    before, parts = pledge.current_minor, reduced_parts(pledge, to_minor)
    pledge.current_minor = to_minor
    put_in_force(pledge, parts)
    PLEDGE.apply(pledge, "reduce", actor, text=words, data={
        "before_minor": before, "after_minor": to_minor, "schedule": pledge.schedule})
    end_if_paid(pledge, SCHEDULE, disputed_of([pledge.id]).get(pledge.id, 0))


def reduced_parts(pledge: Pledge, to_minor: int) -> list[Part]:
    """The instalments of a pledge reduced to `to_minor`. Only reads. Raises IllegalMove, RuleBroken."""
    PLEDGE.move(pledge.state, "reduce")
    if not max(pledge.paid_minor, 1) <= to_minor < pledge.current_minor:
        raise RuleBroken(
            _("Write an amount below %(now)s and not below what is paid, %(paid)s. To end the pledge, cancel it or "
              "write it off.", now=_amount(pledge, pledge.current_minor), paid=_amount(pledge, pledge.paid_minor)),
            code="pledge.reduce", field="amount")
    no_open_payment(pledge)
    return shrunk(pledge, to_minor)


@command
def defer(pledge_id: uuid.UUID, rest: Sequence[Part], actor: Actor, words: str, expected_version: int) -> None:
    """The donor will pay later: new instalments for what is not paid yet; those that are paid keep their place.

    Raises NotAllowed, IllegalMove, Stale, RuleBroken (field `instalments`).
    """
    pledge = lock(Pledge, pledge_id, expected_version)
    need_words(words)
    put_in_force(pledge, deferred_parts(pledge, rest))
    due = pledge.next_due_on.isoformat() if pledge.next_due_on else None
    PLEDGE.apply(pledge, "defer", actor, text=words, data={"schedule": pledge.schedule, "due": due})


def deferred_parts(pledge: Pledge, rest: Sequence[Part]) -> list[Part]:
    """All instalments of a pledge whose unpaid rest is promised anew. Only reads. Raises IllegalMove, RuleBroken."""
    PLEDGE.move(pledge.state, "defer")
    check_parts(rest, pledge.outstanding_minor, pledge.currency)
    if any(part.due_on is None or part.due_on < clock.today() for part in rest):
        raise RuleBroken(_("Write a date from today on for every instalment that is not paid yet."),
                         code="pledge.instalments_past", field="instalments")
    parts = deferred(pledge, rest)
    check_parts(parts, pledge.current_minor, pledge.currency)
    no_open_payment(pledge)
    return parts


@command
def write_off(pledge_id: uuid.UUID, actor: Actor, words: str, expected_version: int) -> None:
    """The head of the fund gives up what is not paid, for good. Raises NotAllowed, IllegalMove, Stale, RuleBroken."""
    pledge = lock(Pledge, pledge_id, expected_version)
    need_words(words)
    no_open_payment(pledge)
    PLEDGE.apply(pledge, "write_off", actor, text=words, data={"written_off_minor": pledge.outstanding_minor})


@command
def fall_due(pledge_id: uuid.UUID, now: datetime) -> bool:
    """An instalment's day has passed unpaid. False when that is no longer so."""
    pledge = lock(Pledge, pledge_id)
    if pledge.next_due_on is None or pledge.next_due_on >= now.date() or not PLEDGE.find(pledge.state, "fall_due"):
        return False
    PLEDGE.apply(pledge, "fall_due", SCHEDULE, data={"due": pledge.next_due_on.isoformat()})
    return True


def _amount(pledge: Pledge, minor: int) -> str:
    return format_money(Money(minor, pledge.currency))
