"""Commands of a late claim. The State asks with a reason, the head of the fund decides with a reason, another officer
agrees; then money is reserved again, all or none, and the claim is awaited as if it had not been closed.

Locks: award (with its call and application), its payments, the claim, the request.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import select

from accounts.permissions import require
from core import clock, events, vault
from core.actor import Actor, system
from core.db import command, db, get, lock, new_id
from core.errors import IllegalMove, NotFound, RuleBroken, Stale
from core.files import CheckedUpload, keep
from core.money import usd
from core.web.formats import format_money
from sponsorship.awards import service as awards
from sponsorship.awards.models import Award
from sponsorship.disbursements import claim_payments, late_mails, late_ticket
from sponsorship.disbursements.claim_models import Claim, Recovery
from sponsorship.disbursements.claim_reckoning import ceiling_of
from sponsorship.disbursements.claim_service import end_of_day, may_claim
from sponsorship.disbursements.claim_states import CLAIM, LATE, RECOVERY
from sponsorship.disbursements.late_models import LateClaim
from sponsorship.disbursements.models import Disbursement
from sponsorship.disbursements.plan_service import of_award
from sponsorship.disbursements.settings import days
from sponsorship.ledger import service as ledger

CLERK = system("claims")
DECIDE_REASONS = ("papers_late", "nobody_told", "force_majeure", "other")
REFUSE_REASONS = ("no_good_reason", "too_late", "money_needed", "other")


@dataclass(frozen=True)
class Ticket:
    """What a ticket cost that the delegate bought, US cents, and its receipt."""

    amount_minor: int
    receipt: CheckedUpload


def _next_reminder(now: datetime) -> datetime:
    return now + timedelta(days=days("late_claim_remind_every_days", now.date()))


def _waits_since(late: LateClaim, now: datetime | None) -> None:
    """Reminders begin anew for whoever acts next, or end."""
    late.remind_at, late.reminders = _next_reminder(now) if now else None, 0


def _open(late_id: uuid.UUID, expected_version: int) -> tuple[LateClaim, Claim, Award, list[Disbursement]]:
    claim_id = get(LateClaim, late_id).claim_id
    award = awards.lock_award(get(Claim, claim_id).award_id)
    rows = of_award(award.id)
    claim = lock(Claim, claim_id)
    late = lock(LateClaim, late_id)
    if late.version != expected_version:
        raise Stale()
    return late, claim, award, rows


@command
def ask(
    claim_id: uuid.UUID, text: str, actor: Actor, expected_version: int, ticket: Ticket | None = None,
) -> uuid.UUID:
    """The State asks to send its claim late, and says why. `expected_version` is the claim's; `ticket` is one that the
    delegate bought because the award's was never paid.

    Raises RuleBroken (`late.open`, `late.ended`, `late.ticket`, `late.ticket_paid`), NotFound for
    another State's, NotAllowed, Stale, IllegalMove.
    """
    award = awards.lock_award(get(Claim, claim_id).award_id)
    rows = of_award(award.id)
    claim = lock(Claim, claim_id)
    if not may_claim(actor, award):
        raise NotFound()
    require(actor, "claim.submit", award.organisation_id)
    if claim.version != expected_version:
        raise Stale()
    CLAIM.move(claim.state, "reopen")
    if award.state not in ("accepted", "closed"):
        raise RuleBroken(_("This award has ended, so there is no journey to claim for."), code="late.ended")
    if db.session.scalar(select(LateClaim.id).where(LateClaim.claim_id == claim_id,
                                                    LateClaim.state.in_(("asked", "decided")))) is not None:
        raise RuleBroken(_("A late claim has been asked for already, and is not decided yet."), code="late.open")
    if ticket is not None:
        late_ticket.check(award, rows, ticket.amount_minor)
    assert actor.person_id is not None and claim.decided_at is not None
    late = LateClaim(id=new_id(), version=1, claim_id=claim.id, organisation_id=award.organisation_id,
                     state=LATE.initial, closed_at=claim.decided_at, asked_by=actor.person_id, asked_at=clock.now())
    late.words_sealed = vault.seal(late.id, text)
    if ticket is not None:
        late.ticket_minor = ticket.amount_minor
        late.ticket_file_id = keep(ticket.receipt, "claim-paper", actor).id
    _waits_since(late, clock.now())
    db.session.add(late)
    db.session.flush()  # the event points at it
    events.record(actor, "disbursements.late_claim.ask", "late_claim", late.id, to_state=late.state,
                  data={"claim": str(claim.id), **({"ticket_minor": ticket.amount_minor} if ticket else {})})
    claim.version += 1  # a page opened before does not show it
    late_mails.moved(award, late)
    return late.id


@command
def take_back(late_id: uuid.UUID, actor: Actor, expected_version: int) -> None:
    """The State takes its request back. Raises NotFound, NotAllowed, Stale, IllegalMove."""
    late, _claim, award, _rows = _open(late_id, expected_version)
    if not may_claim(actor, award):
        raise NotFound()
    _waits_since(late, None)
    LATE.apply(late, "take_back", actor, organisation_id=award.organisation_id)


def _no_interest(late: LateClaim, award: Award, actor: Actor, action: str) -> None:
    require(actor, LATE.move(late.state, action).permission)
    if actor.person_id in {late.asked_by, *awards.barred(award, actor)}:
        raise RuleBroken(_("Whoever asked for a late claim, or travelled, does not decide on it. A colleague must."),
                         code="late.interested")
    if late.state == "decided" and actor.person_id == late.decided_by:
        raise RuleBroken(_("You allowed it yourself. Another officer must agree or refuse."), code="late.same_person")


@command
def decide(late_id: uuid.UUID, actor: Actor, expected_version: int, reason: str, text: str) -> None:
    """The head of the fund allows it; nothing moves before another officer agrees.

    Raises RuleBroken (`late.interested`), NotAllowed, Stale, IllegalMove.
    """
    late, _claim, award, _rows = _open(late_id, expected_version)
    _no_interest(late, award, actor, "decide")
    with db.session.no_autoflush:  # hand and state belong to one statement
        late.decided_by, late.decided_at = actor.person_id, clock.now()
        _waits_since(late, clock.now())
        LATE.apply(late, "decide", actor, reason=reason, text=text)
    db.session.flush()
    late_mails.moved(award, late)


@command
def refuse(late_id: uuid.UUID, actor: Actor, expected_version: int, reason: str, text: str) -> None:
    """The head turns it down, or the other officer does not agree: the claim stays closed.

    Raises RuleBroken (`late.interested`, `late.same_person`), NotAllowed, Stale, IllegalMove.
    """
    late, _claim, award, _rows = _open(late_id, expected_version)
    action = "turn_down" if late.state == "asked" else "refuse"
    _no_interest(late, award, actor, action)
    _waits_since(late, None)
    LATE.apply(late, action, actor, reason=reason, text=text)
    db.session.flush()
    late_mails.moved(award, late)


def to_reserve(award: Award, rows: Sequence[Disbursement], ticket_minor: int) -> int:
    """US cents of direct cost that a late claim needs beyond what is still reserved: all that subsistence and terminal
    expenses may come to, less what was paid of them and not paid back, and the ticket asked for. Raises RuleBroken
    (`claim.in_flight`)."""
    assert award.reservation_id is not None
    may_cost = ceiling_of(award.id) - claim_payments.paid_of(rows, as_planned=False) + ticket_minor
    return max(0, may_cost - ledger.left_of(award.reservation_id))


@command
def agree(late_id: uuid.UUID, actor: Actor, expected_version: int) -> None:
    """Another officer agrees: the money is reserved again, all or none; a closed award stands again; what was asked
    back and has not come is no longer asked back; the claim is awaited, with the usual days to send it.

    Raises RuleBroken (`late.money`: too little is free, nothing is written; `late.interested`, `late.same_person`,
    `late.overtaken`), NotAllowed, Stale, IllegalMove.
    """
    late, claim, award, rows = _open(late_id, expected_version)
    _no_interest(late, award, actor, "agree")
    if claim.state != "unclaimed" or claim.decided_at != late.closed_at:
        raise IllegalMove(code=f"claim.reopen.from.{claim.state}")
    if late.ticket_minor is not None:
        late_ticket.check(award, rows, late.ticket_minor)
    needed = to_reserve(award, rows, late.ticket_minor or 0)
    try:
        awards.reopen(award, needed, CLERK, key=f"award:{award.id}:late:{late.id}")
    except ledger.NotEnoughMoney as error:
        raise RuleBroken(
            _("%(needed)s and the support costs on them would be reserved again, but the pools that may pay for this "
              "award have too little free money. Nothing was reserved. Wait for a contribution, or release money of "
              "another award, and agree then; or refuse.", needed=format_money(usd(needed))),
            code="late.money") from error
    now = clock.now()
    with db.session.no_autoflush:  # hand, sum and state belong to one statement
        late.agreed_by, late.agreed_at, late.reserved_minor = actor.person_id, now, needed
        _waits_since(late, None)
        LATE.apply(late, "agree", actor, data={"claim": str(claim.id), "reserved_minor": needed})
    db.session.flush()  # the claim's own trigger looks for it
    with db.session.no_autoflush:  # the closing's figures stand with its event
        claim.attendance = claim.entitled_minor = claim.ceiling_minor = claim.paid_minor = None
        claim.decided_by = claim.decided_at = claim.reminded_at = claim.escalated_at = None
        claim.due_at = end_of_day(now.date() + timedelta(days=days("claim_days_after_travel", now.date())), now.date())
        CLAIM.apply(claim, "reopen", CLERK, reason="late_claim", data={"late_claim": str(late.id)})
    for recovery_id in db.session.scalars(select(Recovery.id).where(
            Recovery.claim_id == claim.id, Recovery.state == "asked").order_by(Recovery.id)).all():
        recovery = lock(Recovery, recovery_id)
        recovery.ended_at = now
        RECOVERY.apply(recovery, "drop", CLERK, reason="late_claim", data={"late_claim": str(late.id)})
    db.session.flush()
    late_mails.moved(award, late)


@command
def remind(late_id: uuid.UUID, now: datetime) -> bool:
    """Remind whoever acts next, again and again while it waits. False when it is not due."""
    late = lock(LateClaim, late_id)
    if late.state not in ("asked", "decided") or (late.remind_at is not None and late.remind_at > now):
        return False
    late.reminders += 1
    late.remind_at = _next_reminder(now)
    db.session.flush()
    late_mails.reminder(get(Award, get(Claim, late.claim_id).award_id), late)
    return True
