"""The only code that speaks to Stripe. Always stripe-python over HTTP, against Stripe or the simulator alike."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import current_app

from core.money import Money
from sponsorship.gateways.stripe_calls import GatewayError
from sponsorship.gateways.stripe_digits import to_wire
from sponsorship.gateways.stripe_facts import (
    DisputeFacts,
    RefundFacts,
    SessionFacts,
    dispute_facts,
    refund_facts,
    session_facts,
)
from sponsorship.gateways.stripe_invoices import StripeInvoices
from sponsorship.gateways.stripe_lists import StripeLists
from sponsorship.gateways.stripe_webhook import MAX_EVENT_BYTES, BadSignature, verified

__all__ = ["MAX_EVENT_BYTES", "BadSignature", "CheckoutRequest", "GatewayError", "StripeGateway", "current_gateway"]
_BOOKED = ["balance_transaction", "failure_balance_transaction"]
_PAGE_LOCALES = ("en", "es", "fr", "ru", "zh")  # of our languages, those in which Stripe has its page


@dataclass(frozen=True)
class CheckoutRequest:
    """What a Checkout session is made from. `key` makes the call repeatable; `expires_at` is real time; `locale` the
    donor's language, for Stripe's page."""

    key: str
    contribution_id: str
    reference: str
    amount: Money
    description: str
    success_url: str
    cancel_url: str
    expires_at: datetime
    locale: str = "auto"


def current_gateway() -> StripeGateway:
    """The application's own."""
    found: StripeGateway = current_app.extensions["placard_stripe"]
    return found


class StripeGateway(StripeInvoices, StripeLists):
    """Held in app.extensions['placard_stripe']. Every method but `verify_event` is a call, and raises GatewayError."""

    def create_checkout(self, wanted: CheckoutRequest) -> SessionFacts:
        """Open a Checkout session; the same `key` gives the same session."""
        metadata = {"placard_contribution": wanted.contribution_id, "placard_reference": wanted.reference}
        params: Any = {
            "mode": "payment",
            "submit_type": "donate",
            "client_reference_id": wanted.contribution_id,
            "line_items": [{
                "quantity": 1,
                "price_data": {
                    "currency": wanted.amount.currency.lower(),
                    "unit_amount": to_wire(wanted.amount),
                    "product_data": {"name": wanted.description},
                },
            }],
            "metadata": metadata,
            "payment_intent_data": {"metadata": metadata, "description": wanted.description},
            "success_url": wanted.success_url,
            "cancel_url": wanted.cancel_url,
            "expires_at": int(wanted.expires_at.timestamp()),
            "locale": wanted.locale if wanted.locale in _PAGE_LOCALES else "auto",
        }
        session = self._call(
            lambda: self._client.v1.checkout.sessions.create(params, {"idempotency_key": wanted.key})
        )
        return session_facts(session.to_dict())

    def fetch_session(self, session_id: str) -> SessionFacts:
        """The session as it now stands, with charge, fee and net."""
        params: Any = {"expand": ["payment_intent.latest_charge.balance_transaction"]}
        session = self._call(lambda: self._client.v1.checkout.sessions.retrieve(session_id, params))
        return session_facts(session.to_dict())

    def expire_checkout(self, session_id: str) -> SessionFacts:
        """Close an open page for good. Refused when it is no longer open: then ask what became of it."""
        return session_facts(self._call(lambda: self._client.v1.checkout.sessions.expire(session_id)).to_dict())

    def create_refund(self, payment_intent_id: str, amount: Money, *, key: str, reference: str) -> RefundFacts:
        """Send `amount` back to the payer; the same `key` refunds once."""
        params: Any = {
            "payment_intent": payment_intent_id, "amount": to_wire(amount), "reason": "requested_by_customer",
            "metadata": {"placard_refund": key, "placard_reference": reference}, "expand": _BOOKED,
        }
        refund = self._call(lambda: self._client.v1.refunds.create(params, {"idempotency_key": key}))
        return refund_facts(refund.to_dict())

    def fetch_refund(self, refund_id: str) -> RefundFacts:
        """The refund as it now stands."""
        params: Any = {"expand": _BOOKED}
        return refund_facts(self._call(lambda: self._client.v1.refunds.retrieve(refund_id, params)).to_dict())

    def find_refund(self, payment_intent_id: str, key: str) -> RefundFacts | None:
        """The refund that was sent under `key`, found by our own mark in it; None when it never reached Stripe.
        For outcomes unknown for so long that Stripe may have forgotten the key."""
        params: Any = {"payment_intent": payment_intent_id, "limit": 100,
                       "expand": [f"data.{name}" for name in _BOOKED]}
        listed = self._call(lambda: self._client.v1.refunds.list(params)).to_dict()
        found = [row for row in listed["data"] if (row.get("metadata") or {}).get("placard_refund") == key]
        return refund_facts(found[0]) if found else None

    def fetch_dispute(self, dispute_id: str) -> DisputeFacts:
        """The dispute as it now stands."""
        return dispute_facts(self._call(lambda: self._client.v1.disputes.retrieve(dispute_id)).to_dict())

    def verify_event(self, raw: bytes, signature: str | None) -> dict[str, Any]:
        """The event that came by webhook. Raises BadSignature."""
        return verified(raw, signature, self._secrets)
