"""Invariants of money that is gone, for `verify`: two people, what they agreed is what the books say."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import case, func, select

from core.db import db
from core.verify import check
from sponsorship.disbursements.answer_models import BankAnswer, Handover
from sponsorship.disbursements.kept_models import KeptFile
from sponsorship.disbursements.loss_models import PAID_TWICE, LossReceipt, PaymentLoss, Withdrawal
from sponsorship.disbursements.models import Disbursement, PaymentLine
from sponsorship.ledger.chart import account_id
from sponsorship.ledger.models import Entry, Leg, Spend


def settled_of_awards() -> dict[uuid.UUID, int]:
    """What of each award an earlier release paid, US cents, of payments that had not left themselves."""
    rows = db.session.execute(
        select(Disbursement.award_id, func.sum(PaymentLoss.settled_minor))
        .join(PaymentLoss, PaymentLoss.settles_id == Disbursement.id).group_by(Disbursement.award_id))
    return {row[0]: int(row[1]) for row in rows}


def _sums(statement: Any) -> dict[uuid.UUID, int]:
    return {row[0]: int(row[1]) for row in db.session.execute(statement)}


@check("disbursements.losses")
def losses_and_books_agree() -> tuple[int, list[str]]:
    """Every loss was told by one person and agreed by another; what left the bank account because of it and what came
    back is what it says; what counts as another payment was spent once; the bank's word stands; and no file that was
    withdrawn was handed over."""
    net = _sums(
        select(Entry.subject_id, func.sum(case((Leg.side == "C", Leg.usd_minor), else_=-Leg.usd_minor)))
        .join(Leg, Leg.entry_id == Entry.id)
        .where(Entry.subject_type == "payment_loss", Entry.kind.in_(("loss", "loss.back")),
               Leg.account_id == account_id("bank")).group_by(Entry.subject_id))
    spent = _sums(select(Spend.subject_id, func.sum(Spend.direct_minor)).where(
        Spend.subject_type == "payment_loss", Spend.state == "confirmed").group_by(Spend.subject_id))
    receipts = _sums(select(LossReceipt.loss_id, func.sum(LossReceipt.amount_minor)).group_by(LossReceipt.loss_id))
    told = {(row[0], row[1], row[2]) for row in db.session.execute(
        select(BankAnswer.disbursement_id, BankAnswer.round, BankAnswer.bank_reference)
        .where(BankAnswer.answer == "contradicted"))}
    faults: list[str] = []
    rows = db.session.scalars(select(PaymentLoss)).all()
    for loss in rows:
        stands = loss.lost_minor - loss.back_minor if loss.state in ("agreed", "back") else 0
        if net.get(loss.id, 0) != stands or spent.get(loss.id, 0) != loss.settled_minor:
            faults.append(f"loss {loss.reference} is not what the books say")
        if loss.state != "asked" and loss.decided_by in (None, loss.asked_by):
            faults.append(f"loss {loss.reference} was decided by one person")
        if loss.kind == PAID_TWICE and loss.state in ("agreed", "back", "cleared") \
                and (loss.disbursement_id, loss.round, loss.bank_reference) not in told:
            faults.append(f"loss {loss.reference}: the bank has not said so")
        if loss.kind != PAID_TWICE and receipts.get(loss.id, 0) != loss.back_minor:
            faults.append(f"loss {loss.reference}: what came back is not its receipts")
    faults += [f"instruction {row} was withdrawn and handed over" for row in db.session.scalars(
        select(Withdrawal.instruction_id).join(Handover, Handover.instruction_id == Withdrawal.instruction_id))]
    return len(rows), faults


@check("disbursements.kept_files")
def kept_files_stay() -> tuple[int, list[str]]:
    """No file that an officer keeps back was handed over, and no payment of it still waits to leave by it."""
    kept = list(db.session.scalars(select(KeptFile.instruction_id)))
    faults = [f"instruction {row} was kept back and handed over" for row in db.session.scalars(
        select(KeptFile.instruction_id).join(Handover, Handover.instruction_id == KeptFile.instruction_id))]
    faults += [f"instruction {row} was kept back, and a payment waits in it" for row in db.session.scalars(
        select(KeptFile.instruction_id).distinct()
        .join(PaymentLine, PaymentLine.instruction_id == KeptFile.instruction_id)
        .join(Disbursement, (Disbursement.id == PaymentLine.disbursement_id)
              & (Disbursement.round == PaymentLine.round))
        .where(Disbursement.state.in_(("released", "sent"))))]
    return len(kept), faults
