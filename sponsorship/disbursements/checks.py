"""Invariants of payments for `verify`: nothing twice, nothing lost, four hands, the bytes still prove themselves."""

from __future__ import annotations

from sqlalchemy import func, select

from core.db import db
from core.errors import PlacardError
from core.verify import check
from sponsorship.awards.approvals import Approval
from sponsorship.awards.models import Award
from sponsorship.disbursements.claim_models import Claim
from sponsorship.disbursements.claim_states import DECIDED
from sponsorship.disbursements.instruction import verify as verify_file
from sponsorship.disbursements.models import Disbursement, Payee, PaymentInstruction, PaymentLine
from sponsorship.disbursements.release_service import content_of
from sponsorship.ledger.models import Spend

_STEPS = ("disbursement.requested", "disbursement.certified", "disbursement.approved", "disbursement.released")


@check("disbursements.hands")
def four_people() -> tuple[int, list[str]]:
    """Every payment that left was signed by four different people, none of them the payee or who gave the data."""
    faults: list[str] = []
    lines = db.session.execute(
        select(PaymentLine.disbursement_id, PaymentLine.round, Award.beneficiary_id, Payee.entered_by)
        .join(Disbursement, Disbursement.id == PaymentLine.disbursement_id)
        .join(Award, Award.id == Disbursement.award_id).join(Payee, Payee.id == Disbursement.payee_id)
    ).all()
    signed: dict[tuple[object, int], dict[str, object]] = {}
    for row in db.session.execute(
        select(Approval.subject_id, Approval.round, Approval.step, Approval.person_id)
        .where(Approval.subject_type == "disbursement")
    ):
        signed.setdefault((row.subject_id, row.round), {})[row.step] = row.person_id
    for line in lines:
        hands = signed.get((line.disbursement_id, line.round), {})
        if set(hands) != set(_STEPS) or len(set(hands.values())) != 4:
            faults.append(f"disbursement {line.disbursement_id} round {line.round} lacks four people")
        if line.beneficiary_id in hands.values():
            faults.append(f"disbursement {line.disbursement_id} was signed by its payee")
    return len(lines), faults


@check("disbursements.money")
def payments_and_spending_agree() -> tuple[int, list[str]]:
    """Every spending of the ledger for a payment stands in one instruction with the same amount, and the states
    agree; an award's payments never exceed it."""
    faults: list[str] = []
    spends = db.session.execute(
        select(Spend.id, Spend.state, Spend.direct_minor, PaymentLine.amount_minor, PaymentLine.disbursement_id)
        .outerjoin(PaymentLine, PaymentLine.spend_id == Spend.id).where(Spend.subject_type == "disbursement")
    ).all()
    current = {
        row.spend_id: row for row in db.session.execute(
            select(Disbursement.spend_id, Disbursement.state, Disbursement.id)
            .where(Disbursement.spend_id.is_not(None)))
    }
    agrees = {"sent": ("released",), "confirmed": ("confirmed", "settled"), "returned": ("failed", "cancelled")}
    for spend in spends:
        if spend.amount_minor != spend.direct_minor:
            faults.append(f"spending {spend.id} is in no instruction of its amount")
        row = current.get(spend.id)
        if row is not None and row.state not in agrees[spend.state]:
            faults.append(f"disbursement {row.id} is {row.state}, its spending {spend.state}")
        if row is None and spend.state != "returned":
            faults.append(f"spending {spend.id} belongs to no payment that stands")
    known = {spend.id for spend in spends}
    faults += [f"disbursement {row.id} names a spending the ledger lacks" for key, row in current.items()
               if key not in known]
    over = db.session.execute(
        select(Award.id).join(Disbursement, Disbursement.award_id == Award.id)
        .where(Disbursement.state != "cancelled").group_by(Award.id, Award.amount_minor)
        .having(func.sum(Disbursement.amount_minor) > Award.amount_minor)
    )
    faults += [f"award {row.id} plans more than it holds" for row in over]
    return len(spends), faults


@check("disbursements.instructions")
def files_prove_themselves() -> tuple[int, list[str]]:
    """Stored bytes match their digest and signature; lines sum to the instruction."""
    faults: list[str] = []
    sums = {
        row.instruction_id: row for row in db.session.execute(
            select(PaymentLine.instruction_id, func.sum(PaymentLine.amount_minor).label("total"),
                   func.count().label("lines")).group_by(PaymentLine.instruction_id))
    }
    rows = db.session.scalars(select(PaymentInstruction)).all()
    for row in rows:
        try:
            if not verify_file(content_of(row), row.public_key):
                faults.append(f"instruction {row.number}: its signature does not hold")
        except PlacardError:
            faults.append(f"instruction {row.number}: its bytes have changed")
        line = sums.get(row.id)
        if line is None or int(line.total) != row.total_minor or line.lines != row.lines:
            faults.append(f"instruction {row.number}: lines and total disagree")
    return len(rows), faults


@check("disbursements.plans")
def accepted_awards_are_planned() -> tuple[int, list[str]]:
    """An accepted award's payments sum to it, until its claim says what the journey really was."""
    rows = db.session.execute(
        select(Award.id, Award.amount_minor, func.sum(Disbursement.amount_minor).label("planned"))
        .outerjoin(Disbursement, (Disbursement.award_id == Award.id) & (Disbursement.state != "cancelled"))
        .where(Award.state == "accepted", Award.id.not_in(select(Claim.award_id).where(Claim.state.in_(DECIDED))))
        .group_by(Award.id, Award.amount_minor)
    ).all()
    return len(rows), [f"award {r.id}: planned payments do not sum to it" for r in rows
                       if int(r.planned or 0) != r.amount_minor]
