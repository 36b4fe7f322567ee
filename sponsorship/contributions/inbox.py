"""What Stripe's events mean for contributions: fetched again, then applied."""

from __future__ import annotations

from core.actor import Actor
from core.money import Money
from sponsorship.contributions import customers, disputes, invoices, payments, refund_settling
from sponsorship.gateways import payouts
from sponsorship.gateways.inbox import DONE, Handler, Outcome, TryLater, register
from sponsorship.gateways.stripe_facts import DisputeFacts, RefundFacts, SessionFacts
from sponsorship.gateways.stripe_gateway import current_gateway as gateway
from sponsorship.gateways.stripe_money_facts import InvoiceFacts, PayoutFacts

__all__ = ["gateway", "register_handlers"]


# news in the wrong order: what it is about may be known in a moment, so it is read again before a person is asked
_EARLY = ("unknown_refund", "unknown_dispute", "unknown_customer")


def _outcome(problem: str = "", waiting: str = "") -> Outcome:
    if waiting or problem in _EARLY:
        raise TryLater(waiting or problem)
    return Outcome("set_aside", problem) if problem else DONE


def _apply_session(facts: SessionFacts, actor: Actor) -> Outcome:
    settled = payments.settle_session(facts, actor, gateway().livemode)
    return _outcome(settled.problem, settled.word if settled.waiting else "")


def _apply_refund(facts: RefundFacts, actor: Actor) -> Outcome:
    if facts.customer_id is not None:  # out of a donor's cash balance: it never was in the books
        return Outcome("settle", "surplus_returned")
    news = refund_settling.settle_refund(facts, actor)
    return _outcome(news.problem, "not booked" if news.waiting else "")


def _apply_dispute(facts: DisputeFacts, actor: Actor) -> Outcome:
    return _outcome(disputes.settle_dispute(facts, actor).problem)


def _apply_invoice(facts: InvoiceFacts, actor: Actor) -> Outcome:
    news = invoices.settle_invoice(facts, actor, gateway().livemode)
    return _outcome(news.problem, news.word if news.waiting else "")


def _apply_payout(facts: PayoutFacts, actor: Actor) -> Outcome:
    news = payouts.settle_payout(facts, actor, gateway().livemode)
    return _outcome(news.problem, "not returned" if news.waiting else "")


def _fetch_cash(customer_id: str) -> tuple[str, tuple[Money, ...]]:
    return customer_id, gateway().cash_balance(customer_id)


def _apply_cash(found: tuple[str, tuple[Money, ...]], _actor: Actor) -> Outcome:
    return _outcome(customers.settle_cash(*found))


SESSION = Handler(lambda key: gateway().fetch_session(key), _apply_session)
REFUND = Handler(lambda key: gateway().fetch_refund(key), _apply_refund)
DISPUTE = Handler(lambda key: gateway().fetch_dispute(key), _apply_dispute)
INVOICE = Handler(lambda key: gateway().fetch_invoice(key), _apply_invoice)
PAYOUT = Handler(lambda key: gateway().fetch_payout(key), _apply_payout)
CASH = Handler(_fetch_cash, _apply_cash)

EVENTS: dict[Handler, tuple[str, ...]] = {
    SESSION: tuple(f"checkout.session.{what}" for what in (
        "completed", "expired", "async_payment_succeeded", "async_payment_failed")),
    REFUND: ("refund.created", "refund.updated", "refund.failed", "charge.refund.updated"),
    DISPUTE: tuple(f"charge.dispute.{what}" for what in (
        "created", "updated", "funds_withdrawn", "funds_reinstated", "closed")),
    INVOICE: tuple(f"invoice.{what}" for what in (
        "finalized", "sent", "updated", "paid", "voided", "marked_uncollectible", "overpaid")),
    PAYOUT: tuple(f"payout.{what}" for what in (
        "created", "updated", "paid", "failed", "canceled", "reconciliation_completed")),
    CASH: ("cash_balance.funds_available",),
}


def register_handlers() -> None:
    """Called once by app.py."""
    for handler, kinds in EVENTS.items():
        for kind in kinds:
            register(kind, handler)
