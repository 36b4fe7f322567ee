"""The only code that speaks to Stripe. Always stripe-python over HTTP, against Stripe or the simulator alike.

No call runs while a transaction is open: a call may take a minute, and its effect could not be rolled back.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import stripe
import structlog

from core.db import db
from core.money import Money
from core.settings import Settings, SettingsError
from sponsorship.gateways.stripe_digits import to_wire
from sponsorship.gateways.stripe_facts import (
    DisputeFacts,
    RefundFacts,
    SessionFacts,
    dispute_facts,
    refund_facts,
    session_facts,
)

log = structlog.get_logger("placard.stripe")
R = TypeVar("R")
TOLERANCE = 300  # seconds a signature may lie off our clock, in either direction
MAX_EVENT_BYTES = 512 * 1024
_BOOKED = ["balance_transaction", "failure_balance_transaction"]


class GatewayError(Exception):
    """A call to Stripe did not succeed. `code` is safe for logs; `refused` when Stripe answered with a definite no,
    False when the outcome is unknown (no answer, or a fault on Stripe's side)."""

    def __init__(self, code: str, *, refused: bool) -> None:
        super().__init__(code)
        self.code = code
        self.refused = refused


class BadSignature(Exception):
    """The bytes are not an event that Stripe signed for us, now."""


@dataclass(frozen=True)
class CheckoutRequest:
    """What a Checkout session is made from. `key` makes the call repeatable; `expires_at` is real time."""

    key: str
    contribution_id: str
    reference: str
    amount: Money
    description: str
    success_url: str
    cancel_url: str
    expires_at: datetime


def mode_of(key: str) -> bool:
    """True for a live key, False for a test key. Raises SettingsError for anything else."""
    for prefix in ("sk", "rk"):
        if key.startswith(f"{prefix}_live_"):
            return True
        if key.startswith(f"{prefix}_test_"):
            return False
    raise SettingsError("STRIPE_SECRET_KEY must start with sk_test_, sk_live_, rk_test_ or rk_live_")


class StripeGateway:
    """Held in app.extensions['placard_stripe']. Raises SettingsError where key and surroundings do not fit."""

    def __init__(self, settings: Settings) -> None:
        self.livemode = mode_of(settings.stripe_secret_key)
        if self.livemode and (settings.uses_simulator or not settings.is_production):
            raise SettingsError("a live Stripe key is used in production only, and never with the simulator")
        if not settings.stripe_webhook_secret.strip():
            raise SettingsError("STRIPE_WEBHOOK_SECRET is empty")
        self._secret = settings.stripe_webhook_secret
        addresses: Any = {"api": settings.stripe_api_base} if settings.stripe_api_base else {}
        self._client = stripe.StripeClient(
            settings.stripe_secret_key, base_addresses=addresses, max_network_retries=2,
            http_client=stripe.RequestsClient(timeout=20),
        )

    # --- calls --------------------------------------------------------------------------------------------------
    def create_checkout(self, wanted: CheckoutRequest) -> SessionFacts:
        """Open a Checkout session; the same `key` gives the same session. Raises GatewayError."""
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
        }
        session = self._call(
            lambda: self._client.v1.checkout.sessions.create(params, {"idempotency_key": wanted.key})
        )
        return session_facts(session.to_dict())

    def fetch_session(self, session_id: str) -> SessionFacts:
        """The session as it now stands, with charge, fee and net. Raises GatewayError."""
        params: Any = {"expand": ["payment_intent.latest_charge.balance_transaction"]}
        session = self._call(lambda: self._client.v1.checkout.sessions.retrieve(session_id, params))
        return session_facts(session.to_dict())

    def create_refund(self, payment_intent_id: str, amount: Money, *, key: str, reference: str) -> RefundFacts:
        """Send `amount` back to the payer; the same `key` refunds once. Raises GatewayError."""
        params: Any = {
            "payment_intent": payment_intent_id, "amount": to_wire(amount), "reason": "requested_by_customer",
            "metadata": {"placard_refund": key, "placard_reference": reference}, "expand": _BOOKED,
        }
        refund = self._call(lambda: self._client.v1.refunds.create(params, {"idempotency_key": key}))
        return refund_facts(refund.to_dict())

    def fetch_refund(self, refund_id: str) -> RefundFacts:
        """The refund as it now stands. Raises GatewayError."""
        params: Any = {"expand": _BOOKED}
        return refund_facts(self._call(lambda: self._client.v1.refunds.retrieve(refund_id, params)).to_dict())

    def find_refund(self, payment_intent_id: str, key: str) -> RefundFacts | None:
        """The refund that was sent under `key`, found by our own mark in it; None when it never reached Stripe.
        For outcomes unknown for so long that Stripe may have forgotten the key. Raises GatewayError."""
        params: Any = {"payment_intent": payment_intent_id, "limit": 100,
                       "expand": [f"data.{name}" for name in _BOOKED]}
        listed = self._call(lambda: self._client.v1.refunds.list(params)).to_dict()
        found = [row for row in listed["data"] if (row.get("metadata") or {}).get("placard_refund") == key]
        return refund_facts(found[0]) if found else None

    def fetch_dispute(self, dispute_id: str) -> DisputeFacts:
        """The dispute as it now stands. Raises GatewayError."""
        return dispute_facts(self._call(lambda: self._client.v1.disputes.retrieve(dispute_id)).to_dict())

    def _call(self, call: Callable[[], R]) -> R:
        if db.session().in_transaction():
            raise RuntimeError("a provider may not be called while a transaction is open")
        started = time.monotonic()
        try:
            return call()
        except stripe.APIConnectionError:
            raise self._failed("no_connection", started, refused=False) from None
        except stripe.StripeError as error:
            status = error.http_status or 0
            # a definite no is Stripe's own words, not the page of some proxy in between
            refused = error.error is not None and 400 <= status < 500 and status not in (409, 429)
            code = str(getattr(error, "code", None) or type(error).__name__)[:60]
            raise self._failed(code, started, refused=refused) from None

    def _failed(self, code: str, started: float, *, refused: bool) -> GatewayError:
        # codes only, and no chained error: Stripe's messages quote what was sent
        log.warning("call to Stripe failed", code=code, refused=refused, seconds=round(time.monotonic() - started, 2))
        return GatewayError(code, refused=refused)

    # --- webhooks -----------------------------------------------------------------------------------------------
    def verify_event(self, raw: bytes, signature: str | None) -> dict[str, Any]:
        """The event in `raw`, once its signature is proven on these very bytes. Raises BadSignature for everything
        else: unsigned, signed by another, old, from the future, not JSON, or no snapshot event."""
        if len(raw) > MAX_EVENT_BYTES:
            raise BadSignature("too large")
        try:
            text = raw.decode("utf-8")
            stripe.WebhookSignature.verify_header(text, signature, self._secret, TOLERANCE)
            event = json.loads(text)
        except (stripe.SignatureVerificationError, ValueError, RecursionError) as error:
            raise BadSignature(type(error).__name__) from error
        # stripe-python accepts any timestamp in the future
        stamp = int(next(part[2:] for part in str(signature).split(",") if part.startswith("t=")))
        if stamp > time.time() + TOLERANCE:
            raise BadSignature("from the future")
        if not _is_event(event):
            raise BadSignature("no snapshot event")
        return dict(event)


def _is_event(event: Any) -> bool:
    if not isinstance(event, dict) or event.get("object") != "event":
        return False
    data = event.get("data")
    thing = data.get("object") if isinstance(data, dict) else None
    return (
        isinstance(thing, dict) and all(
            isinstance(value, str) and 0 < len(value) <= 100 for value in (event.get("id"), event.get("type"))
        )
        and isinstance(event.get("livemode"), bool)
        and type(event.get("created")) is int and 0 < event["created"] < 2**33
    )
