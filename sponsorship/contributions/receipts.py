"""Receipts and credit notes: papers about facts that stand, each fact papered once, each kind numbered without gaps.

A receipt is never changed or withdrawn: what it says is cancelled, in whole or in part, by a credit note.
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


def issue_receipt(
    pledge: Pledge, row: Contribution, actor: Actor, *, cause: tuple[str, uuid.UUID] | None = None,
    amount_minor: int | None = None, usd_minor: int | None = None,
) -> Receipt:
    """The receipt of an accepted contribution, or (with its own cause and amounts) of money that came back after a
    credit note. Inside a command; the same cause gives the first receipt."""
    assert row.paid_minor is not None and row.gross_minor is not None
    return _issue(
        "receipt", pledge, row, actor, cause or ("contribution", row.id),
        row.paid_minor if amount_minor is None else amount_minor,
        row.gross_minor if usd_minor is None else usd_minor, None,
    )


def issue_credit_note(
    pledge: Pledge, row: Contribution, actor: Actor, *, cause: tuple[str, uuid.UUID], amount_minor: int, usd_minor: int
) -> Receipt | None:
    """Cancel so much of what the contribution's receipt says: `amount_minor` in the donor's currency, `usd_minor` in
    the books. None where no receipt was ever issued. Inside a command; the same cause gives the first note."""
    receipt = db.session.scalars(
        select(Receipt).where(Receipt.contribution_id == row.id, Receipt.kind == "receipt").order_by(Receipt.id.desc())
    ).first()
    if receipt is None:
        return None
    return _issue("credit_note", pledge, row, actor, cause, amount_minor, usd_minor, receipt.id)


def _issue(
    kind: str, pledge: Pledge, row: Contribution, actor: Actor, cause: tuple[str, uuid.UUID], amount_minor: int,
    usd_minor: int, cancels_id: uuid.UUID | None,
) -> Receipt:
    known = db.session.scalars(
        select(Receipt).where(Receipt.cause_type == cause[0], Receipt.cause_id == cause[1])).first()
    if known is not None:
        return known
    assert row.paid_currency is not None and row.received_at is not None
    issued_at = clock.now()
    sequence = next_number(PREFIXES[kind], issued_at.year)
    paper = Receipt(
        kind=kind, number=f"{PREFIXES[kind]}-{issued_at.year}-{sequence:04d}", year=issued_at.year, sequence=sequence,
        contribution_id=row.id, cause_type=cause[0], cause_id=cause[1], cancels_id=cancels_id,
        currency=row.paid_currency, amount_minor=amount_minor, usd_minor=usd_minor, received_at=row.received_at,
        issued_at=issued_at,
    )
    db.session.add(paper)
    db.session.flush()  # the event names the row
    events.record(actor, f"contributions.receipt.{'issue' if kind == 'receipt' else 'credit'}", "receipt", paper.id,
                  data={"number": paper.number, "contribution": str(row.id), "amount_minor": amount_minor,
                        "usd_minor": usd_minor})
    notices.paper_issued(pledge, row, paper)
    return paper


def credited(contribution_id: uuid.UUID) -> int:
    """Minor units of the donor's currency that credit notes have cancelled, less what later receipts restored."""
    rows = db.session.execute(
        select(Receipt.kind, Receipt.cause_type, func.sum(Receipt.amount_minor))
        .where(Receipt.contribution_id == contribution_id).group_by(Receipt.kind, Receipt.cause_type)
    )
    return sum(
        int(total) if kind == "credit_note" else -int(total) for kind, cause, total in rows
        if kind == "credit_note" or cause != "contribution"
    )
