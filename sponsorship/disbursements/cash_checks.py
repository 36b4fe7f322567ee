"""Invariants of cash for `verify`: two other people counted, and what they counted is what the books say."""

from __future__ import annotations

from sqlalchemy import select

from core.db import db
from core.verify import check
from sponsorship.awards.approvals import Approval
from sponsorship.awards.models import Award
from sponsorship.disbursements.answer_models import BankAnswer
from sponsorship.disbursements.cash_models import CASH, CASH_KINDS, CashCount
from sponsorship.disbursements.cash_service import SIGNED
from sponsorship.disbursements.models import Disbursement, Payee, PaymentInstruction, PaymentLine


@check("disbursements.cash")
def cash_is_counted_by_two() -> tuple[int, list[str]]:
    """Every answer for a payment on a paymaster's list stands by one agreed count of that very round and amount, taken
    by two people who neither approved, released nor benefit; each agreed count is answered; only what is due on arrival
    is paid so."""
    signed: dict[tuple[object, int], set[object]] = {}
    for row in db.session.execute(select(Approval.subject_id, Approval.round, Approval.person_id).where(
            Approval.subject_type == "disbursement", Approval.step.in_(SIGNED))):
        signed.setdefault((row.subject_id, row.round), set()).add(row.person_id)
    lines = {(row.disbursement_id, row.round): row.kind for row in db.session.execute(
        select(PaymentLine.disbursement_id, PaymentLine.round, Disbursement.kind)
        .join(PaymentInstruction, PaymentInstruction.id == PaymentLine.instruction_id)
        .join(Disbursement, Disbursement.id == PaymentLine.disbursement_id).where(PaymentInstruction.rail == CASH))}
    faults = [f"disbursement {key[0]}: {kind} was paid in cash" for key, kind in lines.items()
              if kind not in CASH_KINDS]
    answers = {(a.disbursement_id, a.round): a for a in db.session.scalars(select(BankAnswer))
               if (a.disbursement_id, a.round) in lines}
    counts = db.session.execute(
        select(CashCount, Award.beneficiary_id, Payee.entered_by)
        .join(Disbursement, Disbursement.id == CashCount.disbursement_id)
        .join(Award, Award.id == Disbursement.award_id).join(Payee, Payee.id == Disbursement.payee_id)
        .where(CashCount.state == "agreed")).all()
    for count, beneficiary, entered_by in counts:
        key = (count.disbursement_id, count.round)
        hands, answer = {count.counted_by, count.second_by}, answers.pop(key, None)
        if len(hands) != 2 or hands & (signed.get(key, set()) | {beneficiary, entered_by}):
            faults.append(f"cash count {count.id} lacks two other people")
        counted = count.paid_minor if count.outcome == "confirmed" else count.back_minor
        if answer is None or (answer.answer, answer.paid_minor, answer.bank_reference) != (
                count.outcome, counted, count.receipt):
            faults.append(f"cash count {count.id} differs from what the books say")
    faults += [f"disbursement {key[0]} round {key[1]}: cash that two people did not count" for key in answers]
    return len(counts), faults
