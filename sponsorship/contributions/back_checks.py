"""What must always hold of money that waits, of money that went back, and of the papers about both."""

from __future__ import annotations

from sqlalchemy import func, select, text

from core.db import db
from core.verify import check
from sponsorship.contributions.back_models import Dispute, DonorCheck, Receipt, Refund
from sponsorship.contributions.donor_checks import accepted_before_checks
from sponsorship.contributions.going_back import gone_of, standing
from sponsorship.contributions.models import Contribution, Pledge
from sponsorship.contributions.receipts import worth_of
from sponsorship.contributions.shortfall_models import Cover
from sponsorship.ledger.models import HeldReceipt


def _received() -> list[Contribution]:
    return list(db.session.scalars(
        select(Contribution).where(Contribution.received_at.is_not(None)).order_by(Contribution.id)
        .execution_options(populate_existing=True)))


@check("contributions.going-back")
def states_follow_what_is_gone() -> tuple[int, list[str]]:
    """What went back of a contribution, and its state, are what its refunds and disputes say; every pledge has back
    what its payments have; money that nobody accepted and nobody is owed does not wait in suspense."""
    faults: list[str] = []
    rows = _received()
    gone, final = gone_of(row.id for row in rows), gone_of((row.id for row in rows), final=True)
    waits = {held.source_id: held.gross_minor + held.exchange_minor - held.accepted_minor - held.refunded_minor
             for held in db.session.scalars(
                 select(HeldReceipt).where(HeldReceipt.source_type == "contribution")
                 .execution_options(populate_existing=True))}
    returned: dict[object, int] = {}
    for row in rows:
        paid = row.paid_minor or 0
        back = min(gone[row.id], paid)
        expected = "corrected" if row.state == "corrected" else standing(row, back, min(final[row.id], paid))
        if row.state != expected:
            faults.append(f"contribution {row.id} is {row.state} and should be {expected}")
        if row.state != "corrected":
            returned[row.pledge_id] = returned.get(row.pledge_id, 0) + (row.settles_minor or 0) * back // paid
            if row.back_minor != row.came_minor * back // paid:
                faults.append(f"contribution {row.id}: what went back is not what its refunds and disputes say")
        if waits.get(row.id) and row.state not in ("in_suspense", "refund_due"):
            faults.append(f"contribution {row.id} is {row.state} and money of it waits in suspense")
    for pledge_id, minor in db.session.execute(select(Pledge.id, Pledge.returned_minor)):
        if minor != returned.get(pledge_id, 0):
            faults.append(f"pledge {pledge_id}: what went back is not what its payments say")
    return len(rows), faults


@check("contributions.papers")
def papers_say_what_is_kept() -> tuple[int, list[str]]:
    """Receipts less credit notes of an accepted contribution are what the fund has of it for good, in its currency and
    in dollars to the cent; no credit note cancels more than its receipt says."""
    faults: list[str] = []
    rows = [row for row in _received() if row.accepted_at is not None]
    gone = gone_of((row.id for row in rows), final=True)
    sums: dict[tuple[object, str], tuple[int, int]] = {
        (key, kind): (int(amount), int(dollars)) for key, kind, amount, dollars in db.session.execute(
            select(Receipt.contribution_id, Receipt.kind, func.sum(Receipt.amount_minor), func.sum(Receipt.usd_minor))
            .group_by(Receipt.contribution_id, Receipt.kind))}
    for row in rows:
        kept = 0 if row.state == "corrected" else max((row.paid_minor or 0) - gone[row.id], 0)
        receipts, notes = sums.get((row.id, "receipt"), (0, 0)), sums.get((row.id, "credit_note"), (0, 0))
        if (receipts[0] - notes[0], receipts[1] - notes[1]) != (kept, worth_of(row, kept)):
            faults.append(f"papers of contribution {row.id} do not say what is kept of it")
    over = db.session.scalars(text(
        "SELECT r.number FROM receipt r JOIN receipt n ON n.cancels_id = r.id GROUP BY r.id, r.number, r.amount_minor "
        "HAVING sum(n.amount_minor) > r.amount_minor")).all()
    faults += [f"credit notes cancel more than {number} says" for number in over]
    return len(rows), faults


@check("contributions.hands")
def two_people_each() -> tuple[int, list[str]]:
    """Whoever accepted, approved or recorded is not who checked or asked before (acceptances of a release that asked no
    second person stand)."""
    faults = [f"refund {key}: one person acted twice" for key in db.session.scalars(
        select(Refund.id).where((Refund.requested_by == Refund.approved_by)
                                | (Refund.recorded_by == Refund.requested_by)
                                | (Refund.recorded_by == Refund.approved_by)))]
    faults += [f"cover {key}: one person acted twice" for key in db.session.scalars(
        select(Cover.id).where(Cover.requested_by == Cover.decided_by))]
    another = (
        select(DonorCheck.id).where(DonorCheck.outcome == "clear", DonorCheck.checked_by != Contribution.accepted_by,
                                    (DonorCheck.pledge_id == Pledge.id)
                                    | (DonorCheck.organisation_id == Pledge.organisation_id)).exists()
    )
    state = (Pledge.donor_kind == "state") & Pledge.organisation_id.is_not(None)
    faults += [f"contribution {key} was accepted without a check by somebody else" for key in db.session.scalars(
        select(Contribution.id).join(Pledge, Pledge.id == Contribution.pledge_id)
        .where(Contribution.accepted_by.is_not(None), ~state, ~another, ~accepted_before_checks()))]
    return (db.session.scalar(select(func.count()).select_from(Refund)) or 0) + (
        db.session.scalar(select(func.count()).select_from(Dispute)) or 0), faults
