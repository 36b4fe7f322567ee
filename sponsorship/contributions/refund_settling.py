"""What Stripe says of refunds, applied: those we ordered, and those that somebody made at Stripe."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from sqlalchemy import select

from core import clock
from core.actor import Actor
from core.db import command, db
from core.money import Money
from sponsorship.contributions import notices
from sponsorship.contributions.back_models import Refund
from sponsorship.contributions.going_back import SUBJECT, Share, follow, gone_minor, left_of, share_of
from sponsorship.contributions.models import Contribution, Pledge
from sponsorship.contributions.money_in import locked
from sponsorship.contributions.payments import KEY_LIFE
from sponsorship.contributions.pools import general_pool_id
from sponsorship.contributions.refund_books import (
    REFUNDS,
    as_system,
    hold,
    hold_key,
    locked_refund,
    new_refund,
    paid,
)
from sponsorship.contributions.transitions import REFUND
from sponsorship.gateways.stripe_facts import RefundFacts
from sponsorship.ledger import service as ledger


@dataclass(frozen=True)
class RefundOrder:
    """What Stripe is asked to pay back, once, under `key`. `stale`: ordered so long ago that Stripe may have forgotten
    the key, so the refund is looked for before it is sent."""

    refund_id: uuid.UUID
    payment_intent_id: str
    amount: Money
    key: str
    reference: str
    stale: bool = False


def order(refund_id: uuid.UUID) -> RefundOrder | str | None:
    """What is to be done about a refund: an order to send, the id to ask Stripe about, or nothing. Reads only."""
    found = db.session.execute(
        select(Refund, Contribution).join(Contribution, Contribution.id == Refund.contribution_id)
        .where(Refund.id == refund_id)
    ).one_or_none()
    if found is None:
        return None
    refund, row = found
    if refund.state == "pending":
        return str(refund.stripe_refund_id)
    if refund.state != "created" or row.stripe_payment_intent_id is None:
        return None
    return RefundOrder(refund.id, row.stripe_payment_intent_id, Money(refund.amount_minor, refund.currency),
                       refund.idempotency_key, row.reference, refund.asked_at <= clock.real_now() - KEY_LIFE)


@dataclass(frozen=True)
class RefundNews:
    """What became of Stripe's word. `problem` is the code of what a person must look at (then nothing was written);
    `waiting` when Stripe has not booked it yet."""

    problem: str = ""
    waiting: bool = False


@command
def settle_refund(facts: RefundFacts, actor: Actor) -> RefundNews:
    """Apply what Stripe says of a refund; safe to repeat, in any order. One that nobody ordered here is recorded as
    made at Stripe: reality always posts."""
    known = _known(facts)
    if known is None and facts.metadata.get("placard_refund"):
        return RefundNews("unknown_refund")
    if known is None:
        return _external(facts, actor)
    pledge, row, refund = locked_refund(known)
    if refund.stripe_refund_id not in (None, facts.refund_id):
        return RefundNews("another_refund")
    if facts.amount != Money(refund.amount_minor, refund.currency):
        return RefundNews("amount_differs")
    if any(booked is not None and booked.currency != "USD" for booked in (facts.settled, facts.returned)):
        return RefundNews("settled_in_other_currency")
    return _apply(pledge, row, refund, facts, actor)


def _known(facts: RefundFacts) -> uuid.UUID | None:
    return db.session.scalar(select(Refund.id).where(Refund.stripe_refund_id == facts.refund_id)) or db.session.scalar(
        select(Refund.id).where(Refund.idempotency_key == facts.metadata.get("placard_refund", "")))


def _external(facts: RefundFacts, actor: Actor) -> RefundNews:
    contribution_id = db.session.scalar(
        select(Contribution.id).where(Contribution.stripe_payment_intent_id == (facts.payment_intent_id or "")))
    if contribution_id is None:
        return RefundNews("unknown_refund")
    pledge, row = locked(contribution_id)
    if facts.amount.currency != row.paid_currency:
        return RefundNews("currency_differs")
    if facts.status in ("failed", "canceled"):
        return RefundNews()
    if facts.settled is not None and facts.settled.currency != "USD":
        return RefundNews("settled_in_other_currency")
    usd = share_of(left_of(row), facts.amount).usd_minor  # until Stripe has booked what it cost
    refund = new_refund(row, "external", Share(facts.amount, max(usd, 1)), "other", actor, state="pending",
                        stripe_id=facts.refund_id)
    notices.refund_by_others(row, refund)
    return _apply(pledge, row, refund, facts, actor)


def _apply(pledge: Pledge, row: Contribution, refund: Refund, facts: RefundFacts, actor: Actor) -> RefundNews:
    refund.checked_at = clock.real_now()
    refund.stripe_refund_id = facts.refund_id
    if facts.status == "succeeded":
        if REFUND.find(refund.state, "succeed"):
            if facts.settled is None:
                return RefundNews(waiting=True)
            REFUND.apply(refund, "succeed", actor, data={"refund": facts.refund_id})
            paid(pledge, row, refund, facts.settled.minor, "stripe_clearing", actor)
    elif facts.status in ("failed", "canceled"):
        _failed(pledge, row, refund, actor, facts.status, facts.returned.minor if facts.returned else None)
    elif refund.state == "created":
        REFUND.apply(refund, "send", actor, data={"refund": facts.refund_id})
    return RefundNews()


@command
def refund_refused(refund_id: uuid.UUID, code: str) -> None:
    """Stripe answered the order itself with a definite no: a person decides what next. Raises NotFound."""
    pledge, row, refund = locked_refund(refund_id)
    if refund.state == "created":
        _failed(pledge, row, refund, REFUNDS, code, None)


def _failed(
    pledge: Pledge, row: Contribution, refund: Refund, actor: Actor, code: str, returned_minor: int | None
) -> None:
    if not REFUND.find(refund.state, "fail"):
        return
    came_back = refund.state == "succeeded"
    refund.failure_code = code[:60]
    if came_back:  # Stripe said succeeded, and later failed: the money is with the fund again
        refund.returned_at = clock.now()
    REFUND.apply(refund, "fail", actor, reason=code[:60])
    source, bearer = (SUBJECT, row.id), general_pool_id()
    if refund.kind != "external":
        if came_back:
            assert refund.settled_minor is not None
            ledger.refund_came_back(
                hold_key(refund), returned_minor or refund.settled_minor, source=source, clearing="stripe_clearing",
                bearer_pool_id=bearer, key=f"refund:{refund.id}:came-back", actor=actor)
        else:
            hold(row, refund, actor)  # one ordered before money was set aside first: so that there is what to give up
        ledger.give_up_refund(hold_key(refund), source=source, key=f"refund:{refund.id}:given-up", actor=actor)
    elif came_back and refund.settled_minor:
        entry = ledger.entry_under(f"refund:{refund.id}:takeback")
        ledger.give_back(entry, key=f"refund:{refund.id}:back", actor=actor, returned_minor=returned_minor,
                         bearer_pool_id=bearer)
    follow(pledge, row, as_system(actor), ("refund-back" if came_back else "refund", refund.id))
    if refund.kind != "external" and gone_minor(row) < (row.paid_minor or 0):
        notices.refund_failed(row, refund)
