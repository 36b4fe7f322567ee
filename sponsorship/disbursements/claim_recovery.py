"""Money asked back: paid back under the bank's reference, or written off by the head of the fund; and reports."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import date, datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from accounts.permissions import require
from core import clock, vault
from core.actor import Actor
from core.db import command, db, get, lock
from core.errors import NotFound, RuleBroken, Stale
from sponsorship.awards.models import Award
from sponsorship.contributions.bank_lines import check_day
from sponsorship.disbursements import claim_mails
from sponsorship.disbursements.claim_models import Claim, DelegateReport, Recovery, RecoveryReceipt
from sponsorship.disbursements.claim_payments import next_reminder, settle_payments
from sponsorship.disbursements.claim_service import may_claim
from sponsorship.disbursements.claim_states import RECOVERY, REPORT
from sponsorship.disbursements.loss_models import PaymentLoss
from sponsorship.disbursements.loss_service import came_back
from sponsorship.disbursements.models import Disbursement
from sponsorship.disbursements.plan_service import of_award
from sponsorship.disbursements.settings import days
from sponsorship.disbursements.transitions import PAID
from sponsorship.ledger import service as ledger
from sponsorship.ledger.bank_references import check_readable, check_unused, kept_as, one_form
from sponsorship.ledger.models import Spend

WRITE_OFF_REASONS = ("cannot_be_reached", "costs_more", "hardship", "fund_mistake", "other")
REPORT_PARTS = ("meetings", "statement", "contacts", "follow_up", "lessons")


def _lock(recovery_id: uuid.UUID, expected_version: int) -> tuple[Recovery, Award, list[Disbursement]]:
    award = lock(Award, get(Recovery, recovery_id).award_id)
    rows = of_award(award.id)
    recovery = lock(Recovery, recovery_id)
    if recovery.version != expected_version:
        raise Stale()
    return recovery, award, rows


@command
def record(
    recovery_id: uuid.UUID, amount_minor: int, bank_reference: str, paid_on: date, actor: Actor, expected_version: int,
) -> None:
    """So many US cents came back to the fund's bank account, under the bank's reference. They return to the lots they
    came from; what an ended or closed award no longer needs is free again.

    Raises RuleBroken (`recovery.too_much`, `recovery.reference`, `recovery.future`), NotAllowed, Stale, IllegalMove.
    """
    recovery, award, rows = _lock(recovery_id, expected_version)
    left = recovery.amount_minor - recovery.back_minor
    action = "record_rest" if amount_minor == left else "record_part"
    require(actor, RECOVERY.move(recovery.state, action).permission)
    assert actor.person_id is not None
    if amount_minor <= 0 or amount_minor > left:
        raise RuleBroken(_("More than is open cannot be recorded. What came beyond it belongs to its payer."),
                         code="recovery.too_much", field="amount")
    if paid_on > clock.today():
        raise RuleBroken(_("This day has not come yet."), code="recovery.future", field="paid_on")
    check_day(paid_on, "paid_on")
    bank_reference = one_form(bank_reference)
    check_readable(bank_reference)
    known = RuleBroken(_("This bank reference is recorded already."), code="recovery.reference",
                       field="bank_reference")
    if db.session.scalar(select(RecoveryReceipt.id).where(RecoveryReceipt.bank_reference == bank_reference)):
        raise known
    check_unused(bank_reference)
    receipt = RecoveryReceipt(recovery_id=recovery.id, amount_minor=amount_minor, bank_reference=bank_reference,
                              paid_on=paid_on, recorded_by=actor.person_id, recorded_at=clock.now())
    db.session.add(receipt)
    try:
        db.session.flush()  # its trigger asks what is open before this receipt
    except IntegrityError as error:  # two recoveries, one reference, at one moment
        raise known from error
    if recovery.loss_id is not None:  # paid twice: it was the pool's loss, no award's cost
        came_back(lock(PaymentLoss, recovery.loss_id), amount_minor, f"recovery:{receipt.id}", actor)
    else:
        _return(rows, amount_minor, receipt.id, recovery.id, actor)
    with db.session.no_autoflush:  # sum and state belong to one statement
        recovery.back_minor += amount_minor
        if action == "record_rest":
            recovery.ended_at = clock.now()
        RECOVERY.apply(recovery, action, actor, data={"amount_minor": amount_minor, "receipt": str(receipt.id)})
    if award.state not in ("accepted", "suspended") and recovery.loss_id is None:
        assert award.reservation_id is not None
        ledger.release(award.reservation_id, key=f"award:{award.id}:release:recovery:{receipt.id}", actor=actor)
    settle_payments(award.id)


def _look(reference: str) -> str | None:
    return db.session.scalar(
        select(Recovery.reference).join(RecoveryReceipt, RecoveryReceipt.recovery_id == Recovery.id)
        .where(RecoveryReceipt.bank_reference == reference))


kept_as("recoveries", _look)


def _return(
    rows: list[Disbursement], amount: int, receipt_id: uuid.UUID, recovery_id: uuid.UUID, actor: Actor,
) -> None:
    """Take it off the award's payments: the final share first, then terminal expenses, then the advance."""
    order = {"final": 0, "terminal": 1, "dsa_advance": 2}
    left = amount
    for row in sorted((r for r in rows if r.kind in order and r.state in PAID), key=lambda r: order[r.kind]):
        assert row.spend_id is not None
        back = min(left, row.amount_minor - row.short_minor - sum(ledger.recovered_of(row.spend_id).values()))
        if back > 0:
            ledger.recover(row.spend_id, back, key=f"recovery:{receipt_id}:{row.id}", actor=actor,
                           subject=("recovery", recovery_id))
            left -= back
    # what an earlier release paid is on record as spending of its own
    for spend in db.session.scalars(select(Spend).where(
            Spend.subject_type == "payment_loss", Spend.subject_id.in_(select(PaymentLoss.id).where(
                PaymentLoss.settles_id.in_([r.id for r in rows if r.kind in order])))).order_by(Spend.id)).all():
        back = min(left, spend.direct_minor - sum(ledger.recovered_of(spend.id).values()))
        if back > 0:
            ledger.recover(spend.id, back, key=f"recovery:{receipt_id}:{spend.id}", actor=actor,
                           subject=("recovery", recovery_id))
            left -= back
    if left:
        raise RuleBroken(_("More than was paid cannot come back."), code="recovery.too_much", field="amount")


@command
def write_off(recovery_id: uuid.UUID, actor: Actor, expected_version: int, reason: str, text: str) -> None:
    """The head of the fund gives up what is open: it stays spent, and it stays visible. Not by whoever settled the
    claim. Raises RuleBroken (`recovery.same_person`), NotAllowed, Stale, IllegalMove."""
    recovery, award, _rows = _lock(recovery_id, expected_version)
    require(actor, RECOVERY.move(recovery.state, "write_off").permission)
    if recovery.claim_id is not None:
        hands = {get(Claim, recovery.claim_id).decided_by}
    else:
        assert recovery.loss_id is not None
        loss = get(PaymentLoss, recovery.loss_id)
        hands = {loss.asked_by, loss.decided_by}
    if actor.person_id in {*hands, award.beneficiary_id}:
        raise RuleBroken(_("Whoever settled the claim, found that it was paid twice, or travelled, does not write it "
                           "off. A colleague must."),
                         code="recovery.same_person")
    with db.session.no_autoflush:  # hand and state belong to one statement
        recovery.written_off_by, recovery.ended_at = actor.person_id, clock.now()
        RECOVERY.apply(recovery, "write_off", actor, reason=reason, text=text,
                       data={"open_minor": recovery.amount_minor - recovery.back_minor})
    db.session.flush()
    settle_payments(award.id)


@command
def remind(recovery_id: uuid.UUID, now: datetime) -> bool:
    """Remind of open money on its schedule. False when it is not due."""
    recovery = lock(Recovery, recovery_id)
    if recovery.state != "asked" or recovery.remind_at > now:
        return False
    recovery.reminders += 1
    recovery.remind_at = next_reminder(now)
    claim_mails.recovery_reminder(get(Award, recovery.award_id), recovery, recovery.due_at <= now)
    return True


# --- the delegate's report ----------------------------------------------------------------------------------------
@command
def write_report(report_id: uuid.UUID, answers: Mapping[str, str], actor: Actor, expected_version: int) -> None:
    """The delegate's short report, from the nominee or the State. Raises NotFound, NotAllowed, Stale, IllegalMove."""
    award = lock(Award, get(DelegateReport, report_id).award_id)
    report = lock(DelegateReport, report_id)
    if not may_claim(actor, award, "report.write"):
        raise NotFound()
    if report.version != expected_version:
        raise Stale()
    require(actor, REPORT.move(report.state, "write").permission, award.organisation_id)
    kept = {part: answers.get(part, "") for part in REPORT_PARTS}
    with db.session.no_autoflush:  # words, hand and state belong to one statement
        report.words_sealed = vault.seal(report.id, json.dumps(kept, ensure_ascii=False))
        report.received_at, report.received_by = clock.now(), actor.person_id
        REPORT.apply(report, "write", actor, organisation_id=award.organisation_id)


@command
def remind_report(report_id: uuid.UUID, now: datetime) -> bool:
    """Remind the State once, shortly before the report is due. False when it need not."""
    report = lock(DelegateReport, report_id)
    ahead = timedelta(days=days("claim_remind_days_before", now.date()))
    if report.state != "awaited" or report.reminded_at is not None or report.due_at > now + ahead:
        return False
    report.reminded_at = now
    claim_mails.report_reminder(get(Award, report.award_id), report)
    return True


@command
def settle_due(award_id: uuid.UUID) -> int:
    """Settle what the bank confirmed after the claim was decided; how many payments."""
    lock(Award, award_id)
    return settle_payments(award_id)
