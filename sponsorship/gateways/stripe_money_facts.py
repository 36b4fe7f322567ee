"""What we believe of invoices, of movements of Stripe's balance and of payouts: fetched anew, amounts in accounting
digits. Plain data, no calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from core.money import Money
from sponsorship.gateways.stripe_digits import from_wire
from sponsorship.gateways.stripe_facts import id_of, instant_of


@dataclass(frozen=True)
class PaymentFacts:
    """One payment that succeeded. `fee` and `net` are None until Stripe has booked its charge; `by_card` or from a bank
    transfer."""

    payment_intent_id: str
    amount: Money
    charge_id: str | None = None
    fee: Money | None = None
    net: Money | None = None
    paid_at: datetime | None = None
    by_card: bool = True


@dataclass(frozen=True)
class InvoiceFacts:
    """What we believe of an invoice. `status` is draft, open, paid, void or uncollectible; `outside` what was marked
    as paid outside Stripe; `payments` those that succeeded."""

    invoice_id: str
    livemode: bool
    status: str
    amount: Money
    metadata: Mapping[str, str] = field(default_factory=dict)
    customer_id: str | None = None
    number: str | None = None
    hosted_url: str | None = None
    lines: int = 0
    outside: Money | None = None
    payments: tuple[PaymentFacts, ...] = ()


@dataclass(frozen=True)
class MovementFacts:
    """One balance transaction: what moved in the fund's balance at Stripe, what was kept of it, what was left. Amounts
    are of the currency the account settles in. `words` are Stripe's own, kept for its own fees only: those of payments
    may name a payer."""

    txn_id: str
    type: str
    category: str
    source_id: str | None
    amount: Money
    fee: Money
    net: Money
    created_at: datetime
    available_on: datetime
    words: str | None = None


@dataclass(frozen=True)
class PayoutFacts:
    """What we believe of a payout. `amount` is below zero where Stripe collects from the bank; `automatic` ones say
    what they contain once `reconciled`. `returned`: its money is back in the balance. `arrives_on` is Stripe's day."""

    payout_id: str
    livemode: bool
    status: str
    amount: Money
    automatic: bool
    reconciled: bool
    arrives_on: date
    created_at: datetime
    txn_id: str | None = None
    returned: bool = False
    failure_code: str | None = None
    trace: str | None = None


def payment_facts(intent: Mapping[str, Any]) -> PaymentFacts:
    """What a payment intent with its charge and balance transaction says."""
    charge = intent.get("latest_charge")
    held: Mapping[str, Any] = charge if isinstance(charge, Mapping) else {}
    booked = held.get("balance_transaction")
    fee = net = None
    if isinstance(booked, Mapping):
        fee, net = (from_wire(booked[name], booked["currency"]) for name in ("fee", "net"))
    return PaymentFacts(
        payment_intent_id=intent["id"], amount=from_wire(intent["amount_received"], intent["currency"]),
        charge_id=id_of(charge), fee=fee, net=net, paid_at=instant_of(held.get("created")),
        by_card=(held.get("payment_method_details") or {}).get("type") == "card",
    )


def invoice_facts(body: Mapping[str, Any], payments: tuple[PaymentFacts, ...] = ()) -> InvoiceFacts:
    """What an invoice (as a plain dictionary) says."""
    currency = body["currency"]
    return InvoiceFacts(
        invoice_id=body["id"], livemode=bool(body.get("livemode")), status=str(body.get("status")),
        amount=from_wire(body["total"], currency), metadata=dict(body.get("metadata") or {}),
        customer_id=id_of(body.get("customer")), number=body.get("number"),
        hosted_url=body.get("hosted_invoice_url"), lines=len((body.get("lines") or {}).get("data") or ()),
        outside=from_wire(body.get("amount_paid_off_stripe") or 0, currency), payments=payments,
    )


def movement_facts(body: Mapping[str, Any]) -> MovementFacts:
    """What a balance transaction (as a plain dictionary) says."""
    amount, fee, net = (from_wire(body[name], body["currency"]) for name in ("amount", "fee", "net"))
    source = id_of(body.get("source"))
    words = body.get("description")
    return MovementFacts(
        txn_id=body["id"], type=str(body["type"]), category=str(body.get("reporting_category") or body["type"]),
        source_id=source, amount=amount, fee=fee, net=net, created_at=_seconds(body["created"]),
        available_on=_seconds(body["available_on"]),
        words=str(words)[:200] if words and source is None else None,
    )


def payout_facts(body: Mapping[str, Any]) -> PayoutFacts:
    """What a payout (as a plain dictionary) says."""
    trace = body.get("trace_id") or {}
    return PayoutFacts(
        payout_id=body["id"], livemode=bool(body.get("livemode")), status=str(body.get("status")),
        amount=from_wire(body["amount"], body["currency"]), automatic=bool(body.get("automatic")),
        reconciled=body.get("reconciliation_status") == "completed",
        arrives_on=_seconds(body["arrival_date"]).date(), created_at=_seconds(body["created"]),
        txn_id=id_of(body.get("balance_transaction")),
        returned=body.get("status") == "canceled" or body.get("failure_balance_transaction") is not None,
        failure_code=body.get("failure_code"), trace=trace.get("value"),
    )


def _seconds(value: int) -> datetime:
    return datetime.fromtimestamp(value, UTC)
