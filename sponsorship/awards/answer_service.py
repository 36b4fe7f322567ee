"""The State's answer to an offer, its lapse, the return and the withdrawal of an award."""

from __future__ import annotations

import uuid
from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy import select

from core import clock
from core.actor import Actor, system
from core.db import command, db, get
from core.errors import RuleBroken
from core.office import office_day
from sponsorship.applications.models import Application
from sponsorship.applications.service import mark_decided
from sponsorship.awards import mails
from sponsorship.awards.models import Award
from sponsorship.awards.service import end, lock_award, may
from sponsorship.awards.signals import AwardAccepted, award_accepted
from sponsorship.awards.transitions import AWARD, LIVE


def _in_time(award: Award) -> None:
    if award.offer_expires_at is None or clock.now() >= award.offer_expires_at:
        raise RuleBroken(_("The time to answer this offer has passed. Please ask the secretariat."),
                         code="award.expired")


@command
def accept(award_id: uuid.UUID, actor: Actor, expected_version: int) -> None:
    """Accept the offer: the payments are planned in the same transaction.

    Raises RuleBroken (`award.expired`), NotAllowed, Stale, IllegalMove.
    """
    award = lock_award(award_id)
    may(award, "accept", actor, expected_version)
    _in_time(award)
    award.answered_at = clock.now()
    AWARD.apply(award, "accept", actor, organisation_id=award.organisation_id)
    award_accepted.send(AwardAccepted(award.id))


@command
def turn_down(award_id: uuid.UUID, actor: Actor, expected_version: int, text: str | None = None) -> None:
    """Turn the offer down: its money is free again, the next on the reserve list moves up.

    Raises RuleBroken (`award.expired`), NotAllowed, Stale, IllegalMove.
    """
    award = lock_award(award_id)
    may(award, "turn_down", actor, expected_version)
    _in_time(award)
    award.answered_at = clock.now()
    end(award, "turn_down", actor, text=text)


@command
def give_back(award_id: uuid.UUID, actor: Actor, expected_version: int, text: str | None = None) -> None:
    """Give an accepted award back, while the nominee has not begun to travel.

    Payments not yet released are cancelled; what was released stays spent until it is recovered.
    Raises RuleBroken, NotAllowed, Stale, IllegalMove.
    """
    award = lock_award(award_id)
    may(award, "give_back", actor, expected_version)
    if award.travel_from <= office_day(clock.now()):
        raise RuleBroken(_("The travel has begun. Please write to the secretariat instead."), code="award.travelling")
    end(award, "give_back", actor, text=text)


@command
def withdraw(award_id: uuid.UUID, actor: Actor, expected_version: int, reason: str, text: str) -> None:
    """The fund takes an award back, from any state before it is closed. Raises NotAllowed, Stale, IllegalMove."""
    award = lock_award(award_id)
    may(award, "withdraw", actor, expected_version)
    was_on_reserve = award.state == "reserve"
    end(award, "withdraw", actor, reason=reason, text=text)
    if not was_on_reserve:
        mails.withdrawn(award)


@command
def lapse(award_id: uuid.UUID, now: datetime) -> bool:
    """An offer without an answer lapses at `now`; False when it is no longer due (answered, suspended, extended)."""
    award = lock_award(award_id)
    if award.state != "offered" or award.offer_expires_at is None or award.offer_expires_at > now:
        return False
    end(award, "lapse", system("offers-lapse"))
    mails.lapsed(award)
    return True


@command
def remind_offer(award_id: uuid.UUID, now: datetime) -> bool:
    """Remind the State once of an offer about to lapse; False when it need not."""
    award = lock_award(award_id)
    if award.state != "offered" or award.offer_reminded_at is not None:
        return False
    award.offer_reminded_at = now
    mails.offer_reminder(award)
    return True


@command
def end_reserve(award_id: uuid.UUID, now: datetime) -> bool:
    """The day of travel has come at the fund's seat and no place became free: the reserve list is over. False when it
    is not."""
    award = lock_award(award_id)
    if award.state != "reserve" or award.travel_from > office_day(now):
        return False
    AWARD.apply(award, "end_reserve", system("reserve-lists-end"))
    others = db.session.scalar(
        select(Award.id).where(Award.application_id == award.application_id, Award.state.in_(LIVE)).limit(1)
    )
    if others is None and get(Application, award.application_id).state == "reserve_list":
        mark_decided(award.application_id, "not_selected", system("awards"))
    return True
