"""Invariants of payments for `verify`: nothing twice, nothing lost, four hands, the bytes still prove themselves."""

from __future__ import annotations

from sqlalchemy import func, or_, select

from accounts.designation_models import Designation
from core.db import db
from core.errors import PlacardError
from core.verify import check
from sponsorship.awards.approvals import Approval
from sponsorship.awards.models import Award
from sponsorship.disbursements.answer_models import BankAnswer, Finding
from sponsorship.disbursements.claim_models import Claim
from sponsorship.disbursements.claim_states import DECIDED
from sponsorship.disbursements.instruction import verify as verify_file
from sponsorship.disbursements.late_models import LateClaim
from sponsorship.disbursements.loss_checks import settled_of_awards
from sponsorship.disbursements.models import Disbursement, Payee, PaymentInstruction, PaymentLine
from sponsorship.disbursements.release_service import content_of
from sponsorship.disbursements.rule_models import ApprovalRule
from sponsorship.disbursements.transitions import BACK
from sponsorship.ledger.models import Spend, SpendCut, SpendRecovery

_STEPS = ("disbursement.requested", "disbursement.certified", "disbursement.approved", "disbursement.released")
_SECOND = "disbursement.approved_second"


@check("disbursements.hands")
def four_people() -> tuple[int, list[str]]:
    """Every payment that left was signed by four different people of four different offices (five where a rule asked
    for a second approving officer): an alternate signs for the holder's office; none of them the payee or who gave
    the data."""
    faults: list[str] = []
    lines = db.session.execute(
        select(PaymentLine.disbursement_id, PaymentLine.round, Award.beneficiary_id, Payee.entered_by)
        .join(Disbursement, Disbursement.id == PaymentLine.disbursement_id)
        .join(Award, Award.id == Disbursement.award_id).join(Payee, Payee.id == Disbursement.payee_id)
    ).all()
    signed: dict[tuple[object, int], dict[str, object]] = {}
    offices: dict[tuple[object, int], list[object]] = {}
    for row in db.session.execute(
        select(Approval.subject_id, Approval.round, Approval.step, Approval.person_id, Designation.holder_id)
        .outerjoin(Designation, Designation.id == Approval.designation_id)
        .where(Approval.subject_type == "disbursement")
    ):
        signed.setdefault((row.subject_id, row.round), {})[row.step] = row.person_id
        offices.setdefault((row.subject_id, row.round), []).extend(
            {row.person_id, row.holder_id} - {None})
    for line in lines:
        hands = signed.get((line.disbursement_id, line.round), {})
        second = {_SECOND} if _SECOND in hands else set()
        if set(hands) != {*_STEPS, *second} or len(set(hands.values())) != len(hands):
            faults.append(f"disbursement {line.disbursement_id} round {line.round} lacks four people")
        office = offices.get((line.disbursement_id, line.round), [])
        if len(set(office)) != len(office):
            faults.append(f"disbursement {line.disbursement_id} round {line.round} was signed twice by one office")
        if line.beneficiary_id in hands.values():
            faults.append(f"disbursement {line.disbursement_id} was signed by its payee")
    return len(lines), faults


@check("disbursements.money")
def payments_and_spending_agree() -> tuple[int, list[str]]:
    """Every spending of the ledger for a payment stands in one instruction with the same amount, and the states
    agree; an award's payments never exceed it."""
    faults: list[str] = []
    spends = db.session.execute(
        select(Spend.id, Spend.state, Spend.direct_minor, Spend.subject_id, PaymentLine.amount_minor)
        .outerjoin(PaymentLine, PaymentLine.spend_id == Spend.id).where(Spend.subject_type == "disbursement")
    ).all()
    # a round that the bank paid after all, against its earlier word, is spent again under its first line
    again = {(row.disbursement_id, row.amount_minor) for row in db.session.execute(
        select(PaymentLine.disbursement_id, PaymentLine.amount_minor).join(
            BankAnswer, (BankAnswer.disbursement_id == PaymentLine.disbursement_id)
            & (BankAnswer.round == PaymentLine.round) & (BankAnswer.answer == "contradicted")))}
    current = {
        row.spend_id: row for row in db.session.execute(
            select(Disbursement.spend_id, Disbursement.state, Disbursement.id)
            .where(Disbursement.spend_id.is_not(None)))
    }
    agrees = {"sent": ("released", "sending", "sent", "unknown"), "confirmed": ("confirmed", "settled"),
              "returned": (*BACK, "cancelled")}
    for spend in spends:
        if spend.amount_minor != spend.direct_minor and (spend.subject_id, spend.direct_minor) not in again:
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
        select(Award.id, Award.amount_minor,
               func.sum(Disbursement.amount_minor - Disbursement.short_minor).label("sum"))
        .join(Disbursement, Disbursement.award_id == Award.id)
        .where(Disbursement.state != "cancelled").group_by(Award.id, Award.amount_minor)
    )
    settled = settled_of_awards()
    back = dict(db.session.execute(  # paid back before a late claim was allowed, and paid again
        select(Disbursement.award_id, func.sum(SpendRecovery.direct_minor))
        .join(SpendRecovery, SpendRecovery.spend_id == Disbursement.spend_id).group_by(Disbursement.award_id)).all())
    faults += [f"award {row.id} plans more than it holds" for row in over
               if int(row.sum) + settled.get(row.id, 0) > row.amount_minor + int(back.get(row.id, 0))]
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
        select(Award.id, Award.amount_minor,
               func.sum(Disbursement.amount_minor - Disbursement.short_minor).label("planned"))
        .outerjoin(Disbursement, (Disbursement.award_id == Award.id) & (Disbursement.state != "cancelled"))
        .where(Award.state == "accepted", Award.id.not_in(select(Claim.award_id).where(or_(
            Claim.state.in_(DECIDED),
            Claim.id.in_(select(LateClaim.claim_id).where(LateClaim.state == "agreed"))))))  # planned once settled
        .group_by(Award.id, Award.amount_minor)
    ).all()
    settled = settled_of_awards()
    return len(rows), [f"award {r.id}: planned payments do not sum to it" for r in rows
                       if int(r.planned or 0) + settled.get(r.id, 0) != r.amount_minor]


@check("disbursements.second_officer")
def second_officers() -> tuple[int, list[str]]:
    """Where a rule asked for a second approving officer, two have signed before the payment counts as approved;
    and every rule was decided by two."""
    before = ("draft", "requested", "certified", "held", "cancelled")
    rows = db.session.execute(
        select(Disbursement.id, Disbursement.round).outerjoin(
            Approval, (Approval.subject_type == "disbursement") & (Approval.subject_id == Disbursement.id)
            & (Approval.round == Disbursement.round) & (Approval.step == _SECOND))
        .where(Disbursement.second_rule_id.is_not(None), Disbursement.state.not_in(before), Approval.id.is_(None)))
    faults = [f"disbursement {row.id} round {row.round} lacks its second approving officer" for row in rows]
    alone = db.session.scalars(select(ApprovalRule.id).where(
        (ApprovalRule.decided_by == ApprovalRule.proposed_by)
        | (ApprovalRule.end_agreed_by == ApprovalRule.end_asked_by)))
    faults += [f"approval rule {row} was decided by one person" for row in alone]
    return db.session.scalar(select(func.count()).select_from(ApprovalRule)) or 0, faults


@check("disbursements.answers")
def states_are_answered() -> tuple[int, list[str]]:
    """What stands as confirmed or come back stands so by the bank's word for that very round, or by two people's; a
    part that was not paid is what the ledger took back."""
    answers = {row.id: row for row in db.session.scalars(select(BankAnswer))}
    findings = {row.id: row for row in db.session.scalars(select(Finding).where(Finding.state == "agreed"))}
    rows = db.session.execute(
        select(Disbursement.id, Disbursement.round, Disbursement.state, Disbursement.answer_id, Disbursement.finding_id,
               Disbursement.amount_minor, Disbursement.short_minor, Disbursement.bank_reference)
        .where(Disbursement.state.in_(("confirmed", "settled", *BACK)))).all()
    faults: list[str] = []
    for row in rows:
        told, found = answers.get(row.answer_id), findings.get(row.finding_id)
        word = "confirmed" if row.state == "settled" else row.state
        by_bank = told is not None and (told.disbursement_id, told.round, told.answer) == (row.id, row.round, word)
        by_two = found is not None and (found.disbursement_id, found.round) == (row.id, row.round) \
            and found.asked_by != found.decided_by
        # payments of an earlier release stand by their reference alone
        if not (by_bank or by_two or (row.answer_id is None and row.finding_id is None)):
            faults.append(f"disbursement {row.id} is {row.state} by nobody's word")
        if told is not None and by_bank and word == "confirmed" \
                and told.paid_minor != row.amount_minor - row.short_minor:
            faults.append(f"disbursement {row.id} was paid otherwise than the bank says")
    cut = {row.subject_id: int(row.cut) for row in db.session.execute(
        select(Spend.subject_id, func.sum(SpendCut.direct_minor).label("cut"))
        .join(SpendCut, SpendCut.spend_id == Spend.id).where(Spend.state != "returned").group_by(Spend.subject_id))}
    faults += [f"disbursement {row.id}: the ledger took back another part than it lacks" for row in rows
               if row.state in ("confirmed", "settled") and cut.get(row.id, 0) != row.short_minor]
    return len(rows), faults
