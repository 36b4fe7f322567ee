"""What a decided claim does with the payments of its award. Inside the command under way; award, payments and claim are
locked."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from flask_babel import gettext as _
from sqlalchemy import select

from core import clock, events
from core.actor import system
from core.db import db, new_id
from core.errors import RuleBroken
from core.references import next_reference
from sponsorship.awards.models import Award
from sponsorship.disbursements import claim_mails, workdays
from sponsorship.disbursements.claim_models import Claim, Recovery
from sponsorship.disbursements.claim_reckoning import is_decided
from sponsorship.disbursements.claim_states import RECOVERY
from sponsorship.disbursements.loss_books import settled_by_losses
from sponsorship.disbursements.models import Disbursement, Payee
from sponsorship.disbursements.plan_service import (
    back_to_draft,
    new_payment,
    next_actor,
    of_award,
    place_for,
    set_dates,
)
from sponsorship.disbursements.planning import dates_due, dates_for
from sponsorship.disbursements.settings import days, setting
from sponsorship.disbursements.transitions import BACK, DISBURSEMENT, PAID
from sponsorship.ledger import service as ledger

CLERK = system("claims")
_DAILY = ("dsa_advance", "terminal", "final")


def _waits(row: Disbursement) -> bool:
    """Has not left: it can still be cancelled."""
    return DISBURSEMENT.find(row.state, "cancel") is not None


def paid_of(rows: Sequence[Disbursement], *, as_planned: bool) -> int:
    """US cents of subsistence and terminal expenses that were paid and not paid back, by an earlier release too; as
    planned, also what is still on its way.

    Raises RuleBroken (`claim.in_flight`) while the bank has not answered for one of them and the amount matters.
    """
    total = 0
    for row in rows:
        if row.kind not in _DAILY or row.state == "cancelled":
            continue
        if row.state in PAID or (as_planned and row.kind != "final"):
            total += row.amount_minor - row.short_minor
            if row.spend_id is not None:  # paid back before a late claim was allowed
                total -= sum(ledger.recovered_of(row.spend_id).values())
        elif not _waits(row):
            raise RuleBroken(_("%(reference)s is still with the bank. Record its answer first.",
                               reference=row.reference), code="claim.in_flight")
    daily = [row.id for row in rows if row.kind in _DAILY]
    return total + sum(settled_by_losses(daily).values())


def paid_so_far(award_id: uuid.UUID) -> int:
    """As `paid_of` by the days of a journey, for a page: nothing is locked. Raises RuleBroken (`claim.in_flight`)."""
    return paid_of(db.session.scalars(select(Disbursement).where(Disbursement.award_id == award_id)).all(),
                   as_planned=False)


def carry_out(
    claim: Claim, award: Award, rows: Sequence[Disbursement], balance: int, *, as_planned: bool,
    everything: bool = False,
) -> None:
    """Pay the balance (US cents) as the final share, or ask it back below zero; cancel what is not due any more.
    `everything`: a ticket that has not left is cancelled too, for nobody travelled."""
    final = next((row for row in rows if row.kind == "final" and _waits(row)), None)
    for row in rows:
        if row is not final and _waits(row) and (everything or (row.kind in _DAILY and not as_planned)):
            _cancel(row)
    if balance > 0:
        _pay(award, final, balance)
    elif final is not None:
        _cancel(final)
    if balance < 0:
        _ask_back(claim, award, -balance)
    settle_payments(award.id)


def _cancel(row: Disbursement) -> None:
    row.act_by = None
    DISBURSEMENT.apply(row, "cancel", CLERK, reason="claim_decided")


def _pay(award: Award, final: Disbursement | None, balance: int) -> None:
    today = clock.today()
    if final is not None and final.state in BACK:
        _cancel(final)
        final = None
    place = place_for(award, db.session.scalars(select(Payee).where(Payee.award_id == award.id)).first())
    planned = dates_for("final", award.travel_from, award.travel_to, today, place)
    earliest = workdays.forward(today, days("request_days_before_due", today))
    # a claim settled late leaves each officer the usual days
    zone = ZoneInfo(setting("office_zone", today))
    dates = planned if planned.due_at.astimezone(zone).date() >= earliest else dates_due(earliest, today)
    if final is None:
        new_payment(award, "final", balance, dates)
        return
    if final.state != "draft":
        back_to_draft(final, "resume" if final.state == "held" else "restart", "claim_decided")
        db.session.flush()
    if final.amount_minor != balance:
        final.amount_minor = balance
        final.version += 1
    set_dates(final, dates)
    next_actor(final, "draft")


def _ask_back(claim: Claim, award: Award, amount: int) -> None:
    now = clock.now()
    row = Recovery(
        id=new_id(), reference=next_reference("REC", now.year), claim_id=claim.id, award_id=award.id,
        organisation_id=award.organisation_id, state=RECOVERY.initial, version=1, amount_minor=amount, back_minor=0,
        asked_at=now, due_at=now + timedelta(days=days("recovery_due_days", now.date())),
        remind_at=next_reminder(now), reminders=0)
    db.session.add(row)
    db.session.flush()
    events.record(CLERK, "disbursements.recovery.ask", "recovery", row.id, to_state=row.state,
                  data={"amount_minor": amount, "claim": str(claim.id)})
    claim_mails.asked_back(award, row)


def next_reminder(now: datetime) -> datetime:
    """When to remind of open money again."""
    return now + timedelta(days=days("recovery_remind_every_days", now.date()))


def settle_payments(award_id: uuid.UUID) -> int:
    """Once the claim is decided and nothing is open, every confirmed payment is settled; how many."""
    if not is_decided(award_id):
        return 0
    open_ = db.session.scalar(
        select(Recovery.id).where(Recovery.award_id == award_id, Recovery.state == "asked").limit(1))
    if open_ is not None:
        return 0
    done = 0
    for row in of_award(award_id):
        if row.state == "confirmed":
            row.act_by = None
            DISBURSEMENT.apply(row, "settle", CLERK)
            done += 1
    return done
