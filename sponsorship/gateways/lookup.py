"""One look at an object at Stripe, for an officer who must decide about it: amounts and states, no personal data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask_babel import gettext as _

from sponsorship.gateways.stripe_gateway import StripeGateway

Lines = list[tuple[str, Any]]  # label, and a Money, an instant, a day or a word of Stripe's


def look_at(gateway: StripeGateway, event_type: str, object_id: str) -> Lines | None:
    """What Stripe says now of the object that an event is about; None for kinds that have no look here. Call it with no
    transaction open. Raises GatewayError."""
    for start, look in _LOOKS.items():
        if event_type.startswith(start):
            return [(label, value) for label, value in look(gateway, object_id) if value not in (None, "", ())]
    return None


def _session(gateway: StripeGateway, key: str) -> Lines:
    facts = gateway.fetch_session(key)
    return [
        (_("State at Stripe"), f"{facts.status}, {facts.payment_status}"), (_("Amount"), facts.amount),
        (_("Fee"), facts.fee), (_("Net"), facts.net), (_("Paid"), facts.paid_at),
        (_("Our reference in it"), facts.metadata.get("placard_reference")),
        (_("Payment at Stripe"), facts.payment_intent_id),
    ]


def _refund(gateway: StripeGateway, key: str) -> Lines:
    facts = gateway.fetch_refund(key)
    return [
        (_("State at Stripe"), facts.status), (_("Amount"), facts.amount),
        (_("Taken from the balance"), facts.settled), (_("Put back into the balance"), facts.returned),
        (_("Our reference in it"), facts.metadata.get("placard_reference")),
        (_("Payment at Stripe"), facts.payment_intent_id), (_("Customer at Stripe"), facts.customer_id),
    ]


def _dispute(gateway: StripeGateway, key: str) -> Lines:
    facts = gateway.fetch_dispute(key)
    return [
        (_("State at Stripe"), facts.status), (_("Amount"), facts.amount), (_("Reason given"), facts.reason),
        (_("To be answered by"), facts.respond_by), (_("Payment at Stripe"), facts.payment_intent_id),
    ]


def _invoice(gateway: StripeGateway, key: str) -> Lines:
    facts = gateway.fetch_invoice(key)
    payments = [(_("Paid"), payment.amount) for payment in facts.payments]
    return [
        (_("State at Stripe"), facts.status), (_("Number"), facts.number), (_("Amount"), facts.amount), *payments,
        (_("Marked as paid by another way"), facts.outside if facts.outside else None),
        (_("Our reference in it"), facts.metadata.get("placard_reference")),
        (_("Customer at Stripe"), facts.customer_id),
    ]


def _payout(gateway: StripeGateway, key: str) -> Lines:
    facts = gateway.fetch_payout(key)
    return [
        (_("State at Stripe"), facts.status), (_("Amount"), facts.amount), (_("Made"), facts.created_at),
        (_("Arrives"), facts.arrives_on), (_("Reason given"), facts.failure_code),
    ]


def _cash(gateway: StripeGateway, key: str) -> Lines:
    amounts = gateway.cash_balance(key)
    return [(_("Customer at Stripe"), key), *((_("Not used yet"), amount) for amount in amounts)]


_LOOKS: dict[str, Callable[[StripeGateway, str], Lines]] = {
    "checkout.session.": _session, "refund.": _refund, "charge.refund.": _refund, "charge.dispute.": _dispute,
    "invoice.": _invoice, "payout.": _payout, "cash_balance.": _cash,
}
