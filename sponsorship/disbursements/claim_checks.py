"""Invariants of what follows a journey, for `verify`."""

from __future__ import annotations

from sqlalchemy import func, select

from core.db import db
from core.verify import check
from sponsorship.disbursements.claim_models import Claim, Recovery, RecoveryReceipt
from sponsorship.disbursements.claim_states import DECIDED
from sponsorship.disbursements.late_models import LateClaim
from sponsorship.disbursements.loss_models import PaymentLoss
from sponsorship.disbursements.models import Disbursement
from sponsorship.ledger.models import Entry, SpendRecovery


@check("claims.money")
def claims_and_money_agree() -> tuple[int, list[str]]:
    """What came back is the sum of its receipts and of the ledger's entries; a payment is settled only with a decided
    claim and nothing open; a recovery is what was paid beyond what was due."""
    faults: list[str] = []
    receipts = dict(db.session.execute(
        select(RecoveryReceipt.recovery_id, func.sum(RecoveryReceipt.amount_minor))
        .group_by(RecoveryReceipt.recovery_id)).all())
    booked = dict(db.session.execute(
        select(Entry.subject_id, func.sum(SpendRecovery.direct_minor))
        .join(SpendRecovery, SpendRecovery.entry_id == Entry.id).where(Entry.subject_type == "recovery")
        .group_by(Entry.subject_id)).all())
    for recovery, loss in db.session.execute(
            select(Recovery, PaymentLoss).join(PaymentLoss, PaymentLoss.id == Recovery.loss_id)).all():
        if recovery.state != "dropped" and not (recovery.back_minor == int(receipts.get(recovery.id, 0))
                                                == loss.back_minor and recovery.amount_minor == loss.lost_minor):
            faults.append(f"recovery {recovery.id}: receipts and loss disagree")
    rows = db.session.execute(select(Recovery, Claim).join(Claim, Claim.id == Recovery.claim_id)).all()
    for recovery, claim in rows:
        if not recovery.back_minor == int(receipts.get(recovery.id, 0)) == int(booked.get(recovery.id, 0)):
            faults.append(f"recovery {recovery.id}: receipts, books and sum disagree")
        # what was asked back before a late claim was allowed follows from a decision that no longer stands
        if (claim.decided_at is not None and recovery.asked_at >= claim.decided_at
                and recovery.amount_minor != (claim.paid_minor or 0) - (claim.entitled_minor or 0)):
            faults.append(f"recovery {recovery.id} is not what was paid beyond what was due")
    settled = db.session.execute(
        select(Disbursement.id).outerjoin(Claim, Claim.award_id == Disbursement.award_id)
        .outerjoin(Recovery, (Recovery.award_id == Disbursement.award_id) & (Recovery.state == "asked"))
        .where(Disbursement.state == "settled", Claim.state.not_in(DECIDED) | Claim.id.is_(None)
               | Recovery.id.is_not(None),
               # settled by a closing that a late claim has opened again
               Claim.id.is_(None) | Claim.id.not_in(select(LateClaim.claim_id).where(LateClaim.state == "agreed"))))
    faults += [f"disbursement {row.id} is settled, its claim is not" for row in settled]
    return len(rows), faults
