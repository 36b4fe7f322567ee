"""Receipts and credit notes: papers about facts that stand, each kind numbered without gaps.

A receipt is never changed or withdrawn: what it says is cancelled, in whole or in part, by a credit note. Papers follow
what is the fund's for good; a dispute that is not decided changes none.
"""

from __future__ import annotations

import uuid

from sqlalchemy import func, select

from core import clock, events
from core.actor import Actor
from core.db import db
from core.references import next_number
from sponsorship.contributions import notices
from sponsorship.contributions.back_models import Receipt
from sponsorship.contributions.models import Contribution, Pledge

PREFIXES = {"receipt": "RCT", "credit_note": "CRN"}
Cause = tuple[str, uuid.UUID]


def papers_follow(pledge: Pledge, row: Contribution, kept_minor: int, actor: Actor, cause: Cause) -> None:
    """Make what the papers of an accepted contribution say together what the fund has of it for good: `kept_minor` of
    the currency it was paid in. Inside a command that holds the contribution; repeating it adds nothing."""
    left = _uncancelled(row.id)
    says = sum(left.values())
    if kept_minor > says:
        _issue("receipt", pledge, row, actor, cause, says, kept_minor, None)
    for receipt_id, amount in left.items():
        if says > kept_minor:
            part = min(amount, says - kept_minor)
            _issue("credit_note", pledge, row, actor, cause, says - part, says, receipt_id)
            says -= part


def _uncancelled(contribution_id: uuid.UUID) -> dict[uuid.UUID, int]:
    """What each receipt still says, in minor units of the donor's currency, the oldest first."""
    rows = db.session.execute(
        select(Receipt.id, Receipt.cancels_id, Receipt.amount_minor)
        .where(Receipt.contribution_id == contribution_id).order_by(Receipt.kind.desc(), Receipt.id)
    ).all()
    left = {row.id: int(row.amount_minor) for row in rows if row.cancels_id is None}
    for row in rows:
        if row.cancels_id is not None:
            left[row.cancels_id] -= int(row.amount_minor)
    return {receipt_id: amount for receipt_id, amount in left.items() if amount}


def _issue(
    kind: str, pledge: Pledge, row: Contribution, actor: Actor, cause: Cause, low_minor: int, high_minor: int,
    cancels_id: uuid.UUID | None,
) -> None:
    """A paper that raises what all say from `low_minor` to `high_minor`, or lowers it; dollars are reckoned on the
    sums, so that they too add up to the cent."""
    assert row.paid_currency is not None and row.received_at is not None
    issued_at = clock.now()
    sequence = next_number(PREFIXES[kind], issued_at.year)
    paper = Receipt(
        kind=kind, number=f"{PREFIXES[kind]}-{issued_at.year}-{sequence:04d}", year=issued_at.year, sequence=sequence,
        contribution_id=row.id, cause_type=cause[0], cause_id=cause[1], cancels_id=cancels_id,
        currency=row.paid_currency, amount_minor=high_minor - low_minor,
        usd_minor=worth_of(row, high_minor) - worth_of(row, low_minor), received_at=row.received_at,
        issued_at=issued_at,
    )
    db.session.add(paper)
    db.session.flush()  # the event names the row
    events.record(actor, f"contributions.receipt.{'issue' if kind == 'receipt' else 'credit'}", "receipt", paper.id,
                  data={"number": paper.number, "contribution": str(row.id), "amount_minor": paper.amount_minor,
                        "usd_minor": paper.usd_minor})
    notices.paper_issued(pledge, row, paper)


def worth_of(row: Contribution, amount_minor: int) -> int:
    """US cents of so much of a payment at the rate of its deposit, cut down to the cent."""
    assert row.paid_minor is not None and row.gross_minor is not None
    return row.gross_minor * amount_minor // row.paid_minor


def papers_say(contribution_id: uuid.UUID) -> tuple[int, int]:
    """What all papers of a contribution say together: minor units of the donor's currency, US cents."""
    found = {row.kind: (int(row[1]), int(row[2])) for row in db.session.execute(
        select(Receipt.kind, func.sum(Receipt.amount_minor), func.sum(Receipt.usd_minor))
        .where(Receipt.contribution_id == contribution_id).group_by(Receipt.kind))}
    receipt, note = found.get("receipt", (0, 0)), found.get("credit_note", (0, 0))
    return receipt[0] - note[0], receipt[1] - note[1]
