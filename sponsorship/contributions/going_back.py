"""What every way back to a donor has in common: how much is left of a payment, and what follows when part of it goes or
comes back. The caller holds pledge and contribution."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from sqlalchemy import func, select

from core.actor import Actor
from core.db import db
from core.money import Money
from sponsorship.contributions.back_models import Dispute, Refund
from sponsorship.contributions.models import Contribution, Pledge
from sponsorship.contributions.receipts import credited, issue_credit_note, issue_receipt
from sponsorship.contributions.schedules import came_back, gone_back
from sponsorship.contributions.transitions import CONTRIBUTION

ENDED = ("failed", "declined")


@dataclass(frozen=True)
class Share:
    """A part of a payment: in the donor's currency, in US cents as it came, and of the pledge (its currency)."""

    amount: Money
    usd_minor: int
    settles_minor: int


def left_of(row: Contribution) -> Share:
    """What of a payment has neither gone back nor is on its way: refunds asked for count, disputes while their money is
    gone."""
    assert row.paid_minor is not None and row.paid_currency is not None and row.settles_minor is not None
    refunds = db.session.execute(
        select(func.sum(Refund.amount_minor), func.sum(Refund.usd_minor), func.sum(Refund.settles_minor))
        .where(Refund.contribution_id == row.id, Refund.state.not_in(ENDED))
    ).one()
    disputed = db.session.execute(
        select(func.sum(Dispute.amount_minor), func.sum(Dispute.usd_minor))
        .where(Dispute.contribution_id == row.id, Dispute.taken_at.is_not(None), Dispute.reinstated_at.is_(None))
    ).one()
    paid = max(row.paid_minor - int(refunds[0] or 0) - int(disputed[0] or 0), 0)
    usd = max(row.came_minor - int(refunds[1] or 0) - int(disputed[1] or 0), 0)
    whole = paid == row.paid_minor
    settles = row.settles_minor if whole else min(
        max(row.settles_minor - int(refunds[2] or 0), 0), row.settles_minor * paid // row.paid_minor)
    return Share(Money(paid, row.paid_currency), usd, settles)


def share_of(row: Contribution, amount: Money) -> Share:
    """`amount` of what is left of a payment, with its worth: all of it, or the proportional part cut down."""
    left = left_of(row)
    if amount.minor >= left.amount.minor:
        return left
    return Share(amount, left.usd_minor * amount.minor // left.amount.minor,
                 left.settles_minor * amount.minor // left.amount.minor)


def went_back(
    pledge: Pledge, row: Contribution, share: Share, actor: Actor, *, cause: tuple[str, uuid.UUID], paper: bool = True
) -> None:
    """So much of the payment has gone back for `cause`: states, pledge and credit note follow."""
    row.back_minor += share.usd_minor
    gone_back(pledge, share.settles_minor, actor, {cause[0]: str(cause[1])})
    if row.state == "refund_due":
        CONTRIBUTION.apply(row, "refund", actor, data={cause[0]: str(cause[1])})
    elif not left_of(row).amount.minor and CONTRIBUTION.find(row.state, "all_back"):
        CONTRIBUTION.apply(row, "all_back", actor, data={cause[0]: str(cause[1])})
    if paper:
        credit_note(pledge, row, share, actor, cause)


def credit_note(
    pledge: Pledge, row: Contribution, share: Share, actor: Actor, cause: tuple[str, uuid.UUID]
) -> None:
    """Cancel so much of the receipt, never more than it still says."""
    assert row.paid_minor is not None
    amount = min(share.amount.minor, row.paid_minor - credited(row.id))
    if amount > 0 and share.usd_minor > 0:
        issue_credit_note(pledge, row, actor, cause=cause, amount_minor=amount, usd_minor=share.usd_minor)


def is_here_again(
    pledge: Pledge, row: Contribution, share: Share, actor: Actor, *, cause: tuple[str, uuid.UUID], owed: bool = False
) -> None:
    """What had gone back for `cause` is with the fund again; `owed`: it is to be sent back still."""
    row.back_minor = max(row.back_minor - share.usd_minor, 0)
    came_back(pledge, share.settles_minor, actor, {cause[0]: str(cause[1])})
    if row.state == "refunded":
        action = "refund_returned" if owed else "restore" if row.accepted_at is not None else "restore_held"
        CONTRIBUTION.apply(row, action, actor, data={cause[0]: str(cause[1])})
    if credited(row.id) >= share.amount.minor:  # a credit note said that it had gone: a receipt says that it is here
        issue_receipt(pledge, row, actor, cause=(f"{cause[0]}-back", cause[1]), amount_minor=share.amount.minor,
                      usd_minor=share.usd_minor)
