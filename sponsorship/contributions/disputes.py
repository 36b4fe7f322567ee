"""What Stripe says of disputes, applied: the donor's bank takes money back whatever was promised meanwhile. Officers
answer at Stripe, by the date that stands here."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from core import clock, events
from core.actor import Actor
from core.db import command, db, lock, new_id
from sponsorship.contributions import notices
from sponsorship.contributions.back_models import Dispute
from sponsorship.contributions.going_back import SUBJECT, follow
from sponsorship.contributions.models import Contribution
from sponsorship.contributions.money_in import locked
from sponsorship.contributions.pools import general_pool_id
from sponsorship.contributions.transitions import DISPUTE
from sponsorship.gateways.stripe_facts import DisputeFacts
from sponsorship.ledger import service as ledger

# Stripe's words for where a dispute stands, as moves of ours
_MOVES = {
    "warning_needs_response": "inquire", "warning_under_review": "review", "warning_closed": "close",
    "needs_response": "reopen", "under_review": "review", "won": "win", "lost": "lose", "prevented": "close",
}


@dataclass(frozen=True)
class DisputeNews:
    """`problem` is the code of what a person must look at; then nothing was written."""

    problem: str = ""


@command
def settle_dispute(facts: DisputeFacts, actor: Actor) -> DisputeNews:
    """Apply what Stripe says of a dispute; safe to repeat, in any order. Money that has left is taken from the
    contribution, whatever was promised; money that came back is given back."""
    contribution_id = db.session.scalar(
        select(Contribution.id).where(Contribution.stripe_payment_intent_id == (facts.payment_intent_id or "")))
    if contribution_id is None:
        return DisputeNews("unknown_dispute")
    pledge, row = locked(contribution_id)
    if facts.amount.currency != row.paid_currency:
        return DisputeNews("currency_differs")
    known = db.session.scalar(select(Dispute.id).where(Dispute.stripe_dispute_id == facts.dispute_id))
    dispute = lock(Dispute, known) if known else _opened(row, facts, actor)
    dispute.checked_at, dispute.respond_by = clock.real_now(), facts.respond_by
    cause = "dispute"
    if facts.taken_minor and dispute.taken_at is None:
        _taken(row, dispute, facts, actor)
    if facts.reinstated_minor and dispute.taken_at is not None and dispute.reinstated_at is None:
        _reinstated(dispute, facts, actor)
        cause = "dispute-back"
    action = _MOVES.get(facts.status, "")
    if DISPUTE.find(dispute.state, action):
        DISPUTE.apply(dispute, action, actor, data={"dispute": facts.dispute_id})
    if dispute.closed_at is None and DISPUTE.state(dispute.state).terminal:
        dispute.closed_at = clock.now()
        notices.dispute_closed(row, dispute)
    follow(pledge, row, actor, (cause, dispute.id))
    return DisputeNews()


def _opened(row: Contribution, facts: DisputeFacts, actor: Actor) -> Dispute:
    dispute = Dispute(
        id=new_id(), contribution_id=row.id, stripe_dispute_id=facts.dispute_id, reason=facts.reason[:60],
        currency=facts.amount.currency, amount_minor=facts.amount.minor, opened_at=clock.now(),
        respond_by=facts.respond_by,
    )
    db.session.add(dispute)
    db.session.flush()  # the event names the row
    events.record(actor, "contributions.dispute.open", "dispute", dispute.id, to_state=dispute.state,
                  data={"contribution": str(row.id), "amount_minor": dispute.amount_minor,
                        "currency": dispute.currency, "reason": dispute.reason})
    notices.dispute_opened(row, dispute)
    return dispute


def _taken(row: Contribution, dispute: Dispute, facts: DisputeFacts, actor: Actor) -> None:
    bearer = general_pool_id()
    ledger.take_back(facts.taken_minor, source=(SUBJECT, row.id), clearing="stripe_clearing", kind="takeback.dispute",
                     bearer_pool_id=bearer, key=_key(dispute, "taken"), actor=actor)
    if facts.fee_minor:
        ledger.charge_fee(bearer, facts.fee_minor, subject=("dispute", dispute.id), key=_key(dispute, "fee"),
                          actor=actor)
    dispute.usd_minor, dispute.fee_minor, dispute.taken_at = facts.taken_minor, facts.fee_minor, clock.now()


def _reinstated(dispute: Dispute, facts: DisputeFacts, actor: Actor) -> None:
    ledger.give_back(ledger.entry_under(_key(dispute, "taken")), key=_key(dispute, "reinstated"), actor=actor,
                     returned_minor=facts.reinstated_minor, bearer_pool_id=general_pool_id())
    if facts.fee_returned_minor and dispute.fee_minor:
        ledger.give_back(ledger.entry_under(_key(dispute, "fee")), key=_key(dispute, "fee-returned"), actor=actor,
                         returned_minor=facts.fee_returned_minor, bearer_pool_id=general_pool_id())
    dispute.reinstated_at, dispute.reinstated_minor = clock.now(), facts.reinstated_minor


def _key(dispute: Dispute, step: str) -> str:
    return f"dispute:{dispute.id}:{step}"
