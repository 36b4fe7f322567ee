"""The obligation's chain: estimate, certification (which reserves the money), approval (which sends the offer)."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from flask_babel import gettext as _
from sqlalchemy import func, select

from accounts.permissions import allows, require
from accounts.queries import find_person_id, find_person_ids
from core import clock
from core.actor import Actor
from core.db import command, db, get, lock
from core.errors import NotFound, RuleBroken, Stale
from core.office import last_minute, office_day
from meetings.calendar.queries import meeting_by_id
from sponsorship.applications.models import Application, Call
from sponsorship.applications.queries import call_by_id, nominee_by_id, nominees_by_ids
from sponsorship.applications.substitution_service import unchecked
from sponsorship.awards import mails
from sponsorship.awards.approvals import sign
from sponsorship.awards.models import Award, AwardLine
from sponsorship.awards.money import fitting_pools
from sponsorship.awards.promotion import fill_places
from sponsorship.awards.quotes import check_quote, forget_basis
from sponsorship.awards.signals import AwardEnded, award_ended
from sponsorship.awards.transitions import AWARD, HOLDS_PLACE
from sponsorship.ledger import service as ledger

REASONS = ("no_money", "rules_not_met", "details_wrong", "meeting_changed", "state_request", "other")


def lock_award(award_id: uuid.UUID) -> Award:
    """The award, locked after its call and its application (the order everyone keeps). Raises NotFound."""
    found = get(Award, award_id)  # its call and application never change
    lock(Call, found.call_id)
    lock(Application, found.application_id)
    return lock(Award, award_id)


def may(award: Award, action: str, actor: Actor, expected_version: int) -> None:
    """Asked of a locked award before anything is signed or reserved; `AWARD.apply` asks again.

    Raises NotFound (another State's award does not exist for this person), Stale, IllegalMove, NotAllowed.
    """
    if not allows(actor, "award.view_all") and not allows(actor, "award.answer", award.organisation_id):
        raise NotFound()
    if award.version != expected_version:
        raise Stale()
    require(actor, AWARD.move(award.state, action).permission, award.organisation_id)


def unchecked_nominees(awards: Iterable[Award]) -> frozenset[uuid.UUID]:
    """Nominees of these awards who took another's place and whom nobody has looked at yet; some hundred in a query."""
    wanted = sorted({award.nominee_id for award in awards})
    return frozenset().union(*(unchecked(wanted[start:start + 500]) for start in range(0, len(wanted), 500)))


def check_nominee(award: Award, among: frozenset[uuid.UUID] | None = None) -> None:
    """Raises RuleBroken (`award.substitute`) while nobody has looked at a nominee who took another's place. `among`,
    what `unchecked_nominees` said of many, spares a query for each."""
    if award.nominee_id in (unchecked([award.nominee_id]) if among is None else among):
        raise RuleBroken(_("The nominee was substituted, and the secretariat has not looked at the new one yet. Go on "
                           "once that is done."), code="award.substitute")


def barred(award: Award, actor: Actor) -> frozenset[uuid.UUID]:
    """Who may not sign for this award: the nominee's own account, now or when the award was decided."""
    email = nominee_by_id(award.nominee_id, actor).email
    found = {award.beneficiary_id, find_person_id(email) if email else None}
    return frozenset(person for person in found if person is not None)


def barred_many(awards: Iterable[Award], actor: Actor) -> dict[uuid.UUID, frozenset[uuid.UUID]]:
    """As `barred`, for many awards in a fixed number of queries."""
    rows = list(awards)
    nominees = nominees_by_ids({award.nominee_id for award in rows}, actor)
    emails = {nominee.email.strip().lower() for nominee in nominees.values() if nominee.email}
    accounts = find_person_ids(emails)
    return {
        award.id: frozenset(person for person in (
            award.beneficiary_id, accounts.get((nominees[award.nominee_id].email or "").strip().lower())) if person)
        for award in rows
    }


@command
def set_estimate(award_id: uuid.UUID, lines: Mapping[str, int], actor: Actor, expected_version: int) -> None:
    """Change the estimate (US cents by kind of line) before the obligation is certified.

    Raises RuleBroken when nothing is left or a line is negative, NotAllowed, Stale, IllegalMove.
    """
    award = lock_award(award_id)
    may(award, "estimate", actor, expected_version)
    kept = {kind: minor for kind, minor in lines.items() if minor}
    if not kept or any(minor < 0 for minor in kept.values()):
        raise RuleBroken(_("Write an amount above zero for at least one line."), code="award.estimate_empty",
                         field="ticket")
    forget_basis(award)  # an officer's own figures rest on no calculation
    for line in db.session.scalars(select(AwardLine).where(AwardLine.award_id == award.id)):
        db.session.delete(line)
    db.session.flush()  # the old lines must be gone before the new ones take their place
    for kind, minor in kept.items():
        db.session.add(AwardLine(award_id=award.id, kind=kind, amount_minor=minor))
    before, award.amount_minor = award.amount_minor, sum(kept.values())
    AWARD.apply(award, "estimate", actor, organisation_id=award.organisation_id,
                data={"before_minor": before, "after_minor": award.amount_minor})


@command
def certify(award_id: uuid.UUID, actor: Actor, expected_version: int) -> None:
    """Certify the obligation: the money, with its support costs, is reserved now, all or none.

    Raises NotEnoughMoney (`ledger.not_enough`; nothing is written), RuleBroken (same person, above the call's
    ceiling, fare quote expired), NotAllowed, Stale, IllegalMove.
    """
    award = lock_award(award_id)
    may(award, "certify", actor, expected_version)
    check_quote(award)
    check_nominee(award)
    call = call_by_id(award.call_id)
    if call.ceiling_minor is not None:
        promised = db.session.scalar(
            select(func.coalesce(func.sum(Award.amount_minor), 0))
            .where(Award.call_id == award.call_id, Award.reservation_id.is_not(None),
                   Award.state.in_((*HOLDS_PLACE, "closed")), Award.id != award.id)
        )
        if int(promised or 0) + award.amount_minor > call.ceiling_minor:
            raise RuleBroken(_("This obligation would pass the ceiling of the call."), code="award.ceiling")
    signed = sign("award.certified", award.id, award.round, actor, barred=barred(award, actor),
                  amount_minor=award.amount_minor)
    award.reservation_id = ledger.reserve(
        ("award", award.id), fitting_pools(award, call), award.amount_minor,
        key=f"award:{award.id}:{award.round}:reserve", actor=actor,
    )
    AWARD.apply(award, "certify", actor, organisation_id=award.organisation_id,
                data={"reservation": str(award.reservation_id), "amount_minor": award.amount_minor, **signed})


@command
def approve(award_id: uuid.UUID, actor: Actor, expected_version: int) -> None:
    """Approve the obligation: the offer goes out, to be answered by the end of a day at the fund's seat (never after
    the day of travel).

    Raises RuleBroken (same person, too late to travel), NotAllowed, Stale, IllegalMove.
    """
    award = lock_award(award_id)
    may(award, "approve", actor, expected_version)
    check_nominee(award)
    meeting = meeting_by_id(award.meeting_id)
    now = clock.now()
    travel = datetime.combine(award.travel_from, time(0), ZoneInfo(meeting.timezone))
    last_day = office_day(now) + timedelta(days=call_by_id(award.call_id).offer_days)
    expires = min(last_minute(last_day), travel)
    if expires <= now:
        raise RuleBroken(_("The day of travel has come, so an offer can no longer be answered. Refuse it instead."),
                         code="award.too_late")
    signed = sign("award.approved", award.id, award.round, actor, barred=barred(award, actor),
                  amount_minor=award.amount_minor)
    award.offered_at, award.offer_expires_at, award.offer_reminded_at = now, expires, None
    AWARD.apply(award, "approve", actor, organisation_id=award.organisation_id,
                data={"expires": expires.strftime("%Y-%m-%dT%H:%M:%SZ"), **signed})
    mails.offer(award)


@command
def refuse(award_id: uuid.UUID, actor: Actor, expected_version: int, reason: str, text: str) -> None:
    """Refuse to certify, or to approve: what was reserved is free again, and the next on the reserve list moves up.

    Raises NotAllowed, Stale, IllegalMove.
    """
    award = lock_award(award_id)
    action = "refuse_approval" if award.state == "certified" else "refuse_certification"
    may(award, action, actor, expected_version)
    end(award, action, actor, reason=reason, text=text)


def end(award: Award, action: str, actor: Actor, *, reason: str | None = None, text: str | None = None) -> None:
    """End a locked award by a move of its table: release its money, tell the payments, fill the place."""
    held = award.suspended_from or award.state
    award.vacated = held in HOLDS_PLACE and action != "cancel"
    award.suspended_from = None
    with db.session.no_autoflush:  # both columns belong to one statement: the check on `suspended_from` sees them
        AWARD.apply(award, action, actor, organisation_id=award.organisation_id, reason=reason, text=text)
    # payments first: what is not yet released must be stopped before its money is called free
    award_ended.send(AwardEnded(award.id, action))
    if award.reservation_id is not None:
        ledger.release(award.reservation_id, key=f"award:{award.id}:release", actor=actor)
    if award.vacated:
        fill_places(award.call_id)


@command
def close(award_id: uuid.UUID, actor: Actor) -> None:
    """Everything is paid and the travel is over: what is left of the reservation is free again. System only."""
    award = lock_award(award_id)
    AWARD.apply(award, "close", actor)
    assert award.reservation_id is not None
    key = f"award:{award.id}:release"
    try:
        ledger.entry_under(key)
    except NotFound:
        pass
    else:  # closed before, and opened again for a late claim
        key = f"{key}:{award.version}"
    ledger.release(award.reservation_id, key=key, actor=actor)


def reopen(award: Award, direct_minor: int, actor: Actor, key: str) -> None:
    """A late claim is allowed: `direct_minor` US cents are reserved again for this locked award, all or none, out of
    money that is free now in pools that may pay for it; a closed award stands again. System only.

    Raises NotEnoughMoney (nothing is written).
    """
    assert award.reservation_id is not None
    if direct_minor > 0:
        ledger.reserve_again(award.reservation_id, fitting_pools(award, call_by_id(award.call_id)), direct_minor,
                             key=key, actor=actor)
    if award.state == "closed":
        AWARD.apply(award, "reopen", actor, reason="late_claim", data={"reserved_minor": direct_minor})
