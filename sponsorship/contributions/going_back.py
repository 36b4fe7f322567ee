"""What every way back to a donor has in common: how much of a payment is gone, how much is left, and what follows when
that changes. The caller holds pledge and contribution.

All of it is reckoned anew from the refunds and disputes themselves, so news may come in any order, and twice.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import func, select

from core.actor import Actor
from core.db import db
from core.money import Money
from sponsorship.contributions.back_models import Dispute, Refund
from sponsorship.contributions.models import Contribution, Pledge
from sponsorship.contributions.pools import general_pool_id
from sponsorship.contributions.receipts import Cause, papers_follow
from sponsorship.contributions.schedules import came_back, gone_back
from sponsorship.contributions.transitions import CONTRIBUTION, PLEDGE
from sponsorship.ledger import service as ledger
from sponsorship.ledger.queries import waiting_minor

SUBJECT = "contribution"
UNDER_WAY = ("requested", "created", "pending")
# the money is gone, and may come back (an inquiry has taken none; what was won is on its way)
UNDECIDED = ("open", "under_review", "won")
# (from, to) -> the move: what a contribution is follows from what is left of it
_MOVES = {
    ("in_suspense", "refunded"): "all_back", ("accepted", "refunded"): "all_back", ("refund_due", "refunded"): "refund",
    ("refunded", "in_suspense"): "restore_held", ("refunded", "accepted"): "restore",
    ("refunded", "refund_due"): "refund_returned",
    ("in_suspense", "disputed"): "dispute", ("accepted", "disputed"): "dispute", ("refund_due", "disputed"): "dispute",
    ("refunded", "disputed"): "dispute", ("disputed", "accepted"): "win", ("disputed", "in_suspense"): "win_held",
    ("disputed", "refund_due"): "win_due",
}


@dataclass(frozen=True)
class Share:
    """A part of a payment: in the donor's currency, and in US cents as it came."""

    amount: Money
    usd_minor: int


# --- how much ---------------------------------------------------------------------------------------------------
def gone_of(contribution_ids: Iterable[uuid.UUID], *, final: bool = False) -> dict[uuid.UUID, int]:
    """Minor units of each payment that are with its donor again: refunds that succeeded, and what disputes took and did
    not give back (`final`: only once decided)."""
    wanted = list(contribution_ids)
    refunds = (
        select(Refund.contribution_id, func.sum(Refund.amount_minor))
        .where(Refund.contribution_id.in_(wanted), Refund.state == "succeeded").group_by(Refund.contribution_id)
    )
    disputes = (
        select(Dispute.contribution_id, func.sum(Dispute.amount_minor))
        .where(Dispute.contribution_id.in_(wanted), Dispute.taken_at.is_not(None), Dispute.reinstated_at.is_(None),
               Dispute.state.not_in(UNDECIDED if final else ())).group_by(Dispute.contribution_id)
    )
    found = dict.fromkeys(wanted, 0)
    for statement in (refunds, disputes):
        for contribution_id, amount in db.session.execute(statement):
            found[contribution_id] += int(amount)
    return found


def gone_minor(row: Contribution, *, final: bool = False) -> int:
    """The same of one payment, never more than it was: what a bank and the fund both sent back is a loss of the books,
    no larger payment."""
    assert row.paid_minor is not None
    return min(gone_of([row.id], final=final)[row.id], row.paid_minor)


def left_of(row: Contribution, *, but: uuid.UUID | None = None) -> Share:
    """What of a payment has neither gone back nor is on its way there: refunds asked for count, except `but`."""
    assert row.paid_minor is not None and row.paid_currency is not None
    counted = db.session.execute(
        select(func.coalesce(func.sum(Refund.amount_minor), 0), func.coalesce(func.sum(Refund.usd_minor), 0))
        .where(Refund.contribution_id == row.id, Refund.state.in_((*UNDER_WAY, "succeeded")), Refund.id != but)
    ).one()
    disputed = db.session.execute(
        select(func.coalesce(func.sum(Dispute.amount_minor), 0), func.coalesce(func.sum(Dispute.usd_minor), 0))
        .where(Dispute.contribution_id == row.id, Dispute.taken_at.is_not(None), Dispute.reinstated_at.is_(None))
    ).one()
    paid = max(row.paid_minor - int(counted[0]) - int(disputed[0]), 0)
    usd = max(row.came_minor - int(counted[1]) - int(disputed[1] or 0), 0)
    if row.accepted_at is None:  # the books know to the cent what still waits there
        usd = waiting_minor((SUBJECT, row.id))
    return Share(Money(paid, row.paid_currency), usd)


def share_of(left: Share, amount: Money) -> Share:
    """`amount` of what is left, with its worth: all of it, or the proportional part, cut down to the cent."""
    if amount >= left.amount:
        return left
    return Share(amount, left.usd_minor * amount.minor // left.amount.minor)


def undecided_dispute(contribution_id: uuid.UUID) -> Dispute | None:
    """A dispute that has taken money and is not decided: Stripe takes no refund then, and nobody should accept."""
    return db.session.scalars(
        select(Dispute).where(
            Dispute.contribution_id == contribution_id, Dispute.state.in_(UNDECIDED), Dispute.reinstated_at.is_(None),
            (Dispute.state != "won") | Dispute.taken_at.is_not(None)).order_by(Dispute.id.desc())).first()


# --- what follows -----------------------------------------------------------------------------------------------
def follow(pledge: Pledge, row: Contribution, actor: Actor, cause: Cause) -> None:
    """Refunds or disputes of a payment have changed, by `cause`: its state, its pledge, its papers and what of it waits
    in suspense follow. Repeating it changes nothing."""
    assert row.paid_minor is not None
    if row.state == "corrected":
        return
    gone = gone_minor(row)
    row.back_minor = row.came_minor * gone // row.paid_minor
    data: dict[str, object] = {cause[0]: str(cause[1])}
    target = standing(row, gone, gone_minor(row, final=True))
    if row.state != target:
        action = _MOVES.get((row.state, target)) or ("lose" if cause[0] == "dispute" else "all_back")
        CONTRIBUTION.apply(row, action, actor, data=dict(data))
    _pledge_follows(pledge, actor, data)
    if row.accepted_at is not None:
        papers_follow(pledge, row, row.paid_minor - gone_minor(row, final=True), actor, cause)
    elif target in ("refunded", "disputed") and not _under_way(row.id):
        ledger.keep_rest(source=(SUBJECT, row.id), bearer_pool_id=general_pool_id(), actor=actor,
                         key=f"{cause[0]}:{cause[1]}:rest")


def standing(row: Contribution, gone_minor: int, final_minor: int) -> str:
    """The state of a payment of which so much (its currency) is gone, and so much for good. Corrected ones stay so."""
    if gone_minor == row.paid_minor:
        return "refunded" if final_minor == gone_minor else "disputed"
    if row.accepted_at is not None:
        return "accepted"
    return "refund_due" if row.refusal_code is not None else "in_suspense"


def _pledge_follows(pledge: Pledge, actor: Actor, data: dict[str, object]) -> None:
    returned = returned_of([pledge.id])[pledge.id]
    disputed = returned > returned_of([pledge.id], final=True)[pledge.id]
    if returned > pledge.returned_minor:
        gone_back(pledge, returned - pledge.returned_minor, actor, data, disputed=disputed)
    elif returned < pledge.returned_minor:
        came_back(pledge, pledge.returned_minor - returned, actor, data)
    if (pledge.state, disputed) in (("disputed", False), ("returned", True)):
        PLEDGE.apply(pledge, "dispute" if disputed else "lose", actor, data=data)


def returned_of(pledge_ids: Iterable[uuid.UUID], *, final: bool = False) -> dict[uuid.UUID, int]:
    """How much of each pledge (its currency) has gone back to the donor, by all of its payments (`final`: only what no
    bank has still to decide)."""
    found = dict.fromkeys(pledge_ids, 0)
    rows = db.session.scalars(
        select(Contribution).where(Contribution.pledge_id.in_(list(found)), Contribution.received_at.is_not(None),
                                   Contribution.state != "corrected")).all()
    gone = gone_of((row.id for row in rows), final=final)
    for row in rows:
        found[row.pledge_id] += (
            (row.settles_minor or 0) * min(gone[row.id], row.paid_minor or 0) // (row.paid_minor or 1))
    return found


def disputed_of(pledge_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, int]:
    """How much of each pledge (its currency) a dispute holds that is not decided. Pledges of which nothing is held are
    not there."""
    held = list(db.session.scalars(
        select(Contribution.pledge_id).join(Dispute, Dispute.contribution_id == Contribution.id).distinct()
        .where(Contribution.pledge_id.in_(list(pledge_ids)), Contribution.state != "corrected",
               Dispute.taken_at.is_not(None), Dispute.reinstated_at.is_(None), Dispute.state.in_(UNDECIDED))))
    if not held:
        return {}
    gone, final = returned_of(held), returned_of(held, final=True)
    return {key: gone[key] - final[key] for key in held}


def _under_way(contribution_id: uuid.UUID) -> bool:
    return db.session.scalar(
        select(Refund.id).where(Refund.contribution_id == contribution_id, Refund.state.in_(UNDER_WAY)).limit(1)
    ) is not None


def refund_under_way(contribution_id: uuid.UUID, *, elsewhere: bool = False) -> bool:
    """Whether a refund or correction that somebody here asked for (or, with `elsewhere`, one made at Stripe) has not
    ended."""
    kinds = db.session.scalars(
        select(Refund.kind).where(Refund.contribution_id == contribution_id, Refund.state.in_(UNDER_WAY)))
    return any(elsewhere or kind != "external" for kind in kinds)
