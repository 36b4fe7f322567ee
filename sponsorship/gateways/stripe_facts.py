"""What we believe of Stripe's objects: fetched anew, amounts in accounting digits. Plain data, no calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from core.money import Money
from sponsorship.gateways.stripe_digits import from_wire


@dataclass(frozen=True)
class SessionFacts:
    """What we believe of a Checkout session: fetched from Stripe, amounts in accounting digits.

    `fee` and `net` are None until Stripe has booked the charge; `balance_currency` is the currency of both.
    """

    session_id: str
    livemode: bool
    status: str
    payment_status: str
    amount: Money | None
    client_reference_id: str | None
    metadata: Mapping[str, str] = field(default_factory=dict)
    url: str | None = None
    expires_at: datetime | None = None
    payment_intent_id: str | None = None
    charge_id: str | None = None
    fee: Money | None = None
    net: Money | None = None
    paid_at: datetime | None = None

    @property
    def is_paid(self) -> bool:
        return self.status == "complete" and self.payment_status == "paid"


@dataclass(frozen=True)
class RefundFacts:
    """What we believe of a refund. `status` is pending, requires_action, succeeded, failed or canceled. `settled` is
    what left the fund's account at Stripe, None until it is booked; `returned` what came back when it failed later.
    `customer_id` is set where it came out of a donor's cash balance, and then no payment is."""

    refund_id: str
    status: str
    amount: Money
    payment_intent_id: str | None
    metadata: Mapping[str, str] = field(default_factory=dict)
    settled: Money | None = None
    returned: Money | None = None
    customer_id: str | None = None


@dataclass(frozen=True)
class DisputeFacts:
    """What we believe of a dispute. `amount` as disputed; in US cents, the currency of the fund's account at Stripe:
    `taken_minor` and `fee_minor` left it, `reinstated_minor` and `fee_returned_minor` came back. `respond_by` is
    Stripe's date for our answer."""

    dispute_id: str
    status: str
    reason: str
    amount: Money
    payment_intent_id: str | None
    respond_by: datetime | None
    taken_minor: int = 0
    fee_minor: int = 0
    reinstated_minor: int = 0
    fee_returned_minor: int = 0


def session_facts(body: Mapping[str, Any]) -> SessionFacts:
    """What a Checkout session (as a plain dictionary) says. Parts that were not expanded stay None."""
    total, currency = body.get("amount_total"), body.get("currency")
    intent = body.get("payment_intent")
    charge = intent.get("latest_charge") if isinstance(intent, Mapping) else None
    booked = charge.get("balance_transaction") if isinstance(charge, Mapping) else None
    fee = net = None
    if isinstance(booked, Mapping):
        fee, net = (from_wire(booked[name], booked["currency"]) for name in ("fee", "net"))
    return SessionFacts(
        session_id=body["id"],
        livemode=bool(body.get("livemode")),
        status=str(body.get("status")),
        payment_status=str(body.get("payment_status")),
        amount=from_wire(total, currency) if type(total) is int and currency else None,
        client_reference_id=body.get("client_reference_id"),
        metadata=dict(body.get("metadata") or {}),
        url=body.get("url"),
        expires_at=instant_of(body.get("expires_at")),
        payment_intent_id=id_of(intent),
        charge_id=id_of(charge),
        fee=fee,
        net=net,
        paid_at=instant_of(charge.get("created")) if isinstance(charge, Mapping) else None,
    )


def refund_facts(body: Mapping[str, Any]) -> RefundFacts:
    """What a refund (as a plain dictionary) says."""
    return RefundFacts(
        refund_id=body["id"],
        status=str(body.get("status")),
        amount=from_wire(body["amount"], body["currency"]),
        payment_intent_id=id_of(body.get("payment_intent")),
        metadata=dict(body.get("metadata") or {}),
        settled=_booked(body.get("balance_transaction"), -1),
        returned=_booked(body.get("failure_balance_transaction"), 1),
        customer_id=id_of(body.get("customer")) if body.get("charge") is None else None,
    )


def dispute_facts(body: Mapping[str, Any]) -> DisputeFacts:
    """What a dispute (as a plain dictionary) says, from its balance transactions."""
    taken = fee = reinstated = fee_returned = 0
    for booked in body.get("balance_transactions") or ():
        amount, cost = from_wire(booked["amount"], booked["currency"]), from_wire(booked["fee"], booked["currency"])
        if amount.currency != "USD":
            raise ValueError("the fund's account at Stripe is in US dollars")
        taken, reinstated = taken + max(-amount.minor, 0), reinstated + max(amount.minor, 0)
        fee, fee_returned = fee + max(cost.minor, 0), fee_returned + max(-cost.minor, 0)
    details = body.get("evidence_details") or {}
    return DisputeFacts(
        dispute_id=body["id"], status=str(body.get("status")), reason=str(body.get("reason") or "general"),
        amount=from_wire(body["amount"], body["currency"]), payment_intent_id=id_of(body.get("payment_intent")),
        respond_by=instant_of(details.get("due_by")), taken_minor=taken, fee_minor=fee, reinstated_minor=reinstated,
        fee_returned_minor=fee_returned,
    )


def _booked(booked: Any, sign: int) -> Money | None:
    """The amount of an expanded balance transaction, counted the way the caller looks at it; None when not booked."""
    if not isinstance(booked, Mapping):
        return None
    amount = from_wire(booked["amount"], booked["currency"])
    return Money(sign * amount.minor, amount.currency)


def id_of(thing: Any) -> str | None:
    if isinstance(thing, Mapping):
        return str(thing["id"])
    return thing if isinstance(thing, str) else None


def instant_of(seconds: Any) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if type(seconds) is int else None
