"""What Stripe's events mean for contributions: fetched again, then applied."""

from __future__ import annotations

from flask import current_app

from core.actor import Actor
from sponsorship.contributions import disputes, payments, refund_settling
from sponsorship.gateways.inbox import DONE, Handler, Outcome, TryLater, register
from sponsorship.gateways.stripe_facts import DisputeFacts, RefundFacts, SessionFacts
from sponsorship.gateways.stripe_gateway import StripeGateway

SESSION_EVENTS = (
    "checkout.session.completed", "checkout.session.expired", "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
)
DISPUTE_EVENTS = tuple(f"charge.dispute.{what}" for what in (
    "created", "updated", "funds_withdrawn", "funds_reinstated", "closed"))
REFUND_EVENTS = ("refund.created", "refund.updated", "refund.failed", "charge.refund.updated")


def gateway() -> StripeGateway:
    """The application's own."""
    found: StripeGateway = current_app.extensions["placard_stripe"]
    return found


def _fetch_session(session_id: str) -> SessionFacts:
    return gateway().fetch_session(session_id)


def _apply_session(facts: SessionFacts, actor: Actor) -> Outcome:
    settled = payments.settle_session(facts, actor, gateway().livemode)
    if settled.waiting:
        raise TryLater(settled.word)
    return Outcome("set_aside", settled.problem) if settled.problem else DONE


def _fetch_refund(refund_id: str) -> RefundFacts:
    return gateway().fetch_refund(refund_id)


# news of a refund or a dispute may come before news of its payment: asked about again for a while, then for a person
EARLY = ("unknown_refund", "unknown_dispute")


def _apply_refund(facts: RefundFacts, actor: Actor) -> Outcome:
    news = refund_settling.settle_refund(facts, actor)
    if news.waiting or news.problem in EARLY:
        raise TryLater(news.problem or "not booked")
    return Outcome("set_aside", news.problem) if news.problem else DONE


def _fetch_dispute(dispute_id: str) -> DisputeFacts:
    return gateway().fetch_dispute(dispute_id)


def _apply_dispute(facts: DisputeFacts, actor: Actor) -> Outcome:
    news = disputes.settle_dispute(facts, actor)
    if news.problem in EARLY:
        raise TryLater(news.problem)
    return Outcome("set_aside", news.problem) if news.problem else DONE


SESSION = Handler(_fetch_session, _apply_session)
REFUND = Handler(_fetch_refund, _apply_refund)
DISPUTE = Handler(_fetch_dispute, _apply_dispute)


def register_handlers() -> None:
    """Called once by app.py."""
    for event_type in SESSION_EVENTS:
        register(event_type, SESSION)
    for event_type in REFUND_EVENTS:
        register(event_type, REFUND)
    for event_type in DISPUTE_EVENTS:
        register(event_type, DISPUTE)
