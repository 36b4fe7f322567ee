"""Every key of every answer is one the SDK's resource class knows, and none that it promises is absent."""

from __future__ import annotations

import inspect
import re
import sys
import types
from typing import Any, ForwardRef, Union, get_args, get_origin

import pytest
import stripe
from stripe._stripe_object import StripeObject, UntypedStripeObject

from .conftest import Simulator, session_params
from .test_bank_transfers import TRANSFERS, fund, invoice_for, wanted
from .test_disputes import pay


def _members(hint: Any) -> list[Any]:
    if get_origin(hint) in (Union, types.UnionType):
        return [m for arg in get_args(hint) for m in _members(arg)]
    if isinstance(hint, ForwardRef | str):
        name = hint if isinstance(hint, str) else hint.__forward_arg__
        return [getattr(stripe, name, None)]
    return [hint]


def faults(cls: type, value: dict[str, Any], path: str) -> list[str]:
    """Unknown and missing keys, all the way down."""
    hints = {key: hint for key, hint in cls.__annotations__.items() if key != "OBJECT_NAME"}
    found = [f"{path}.{key}: unknown" for key in value if key not in hints]
    for key, hint in hints.items():
        members = _members(hint)
        if key not in value:
            if type(None) not in members:
                found.append(f"{path}.{key}: missing")
            continue
        given = value[key]
        if given is None and type(None) not in members:
            found.append(f"{path}.{key}: null")
        for member in members:
            inner = get_args(member)[0] if get_origin(member) is list else member
            for inner in _members(inner):
                if not isinstance(inner, type) or not issubclass(inner, StripeObject):
                    continue
                if issubclass(inner, UntypedStripeObject) or inner is stripe.ListObject:
                    continue
                for item in given if isinstance(given, list) else [given]:
                    if isinstance(item, dict):
                        found += faults(inner, item, f"{path}.{key}")
    return found


@pytest.fixture(scope="module")
def answers(simulator: Simulator) -> dict[str, tuple[type, dict[str, Any]]]:
    """What the simulator answers about card payments."""
    client = simulator.client()
    opened = client.v1.checkout.sessions.create(session_params(expand=["line_items"]))
    simulator.press(str(opened.url), "decline")
    failed = client.v1.checkout.sessions.retrieve(opened.id, {"expand": ["payment_intent.latest_charge"]})
    simulator.press(str(opened.url), "challenge")
    waiting = client.v1.payment_intents.retrieve(failed.payment_intent.id)  # type: ignore[union-attr]
    simulator.press(f"{opened.url}/confirm", "authenticate")
    paid: Any = client.v1.checkout.sessions.retrieve(
        opened.id,
        {
            "expand": [
                "line_items",
                "payment_intent.payment_method",
                "payment_intent.latest_charge.balance_transaction",
            ]
        },
    )
    intent = paid.payment_intent
    refund = client.v1.refunds.create({"charge": intent.latest_charge.id, "expand": ["balance_transaction"]})
    broken = simulator.control(f"refunds/{refund.id}", {"status": "failed"})
    item = paid.line_items.data[0]
    found: dict[str, tuple[type, Any]] = {
        "open session": (stripe.checkout.Session, opened),
        "paid session": (stripe.checkout.Session, paid),
        "failed intent": (stripe.PaymentIntent, failed.payment_intent),
        "failed charge": (stripe.Charge, failed.payment_intent.latest_charge),  # type: ignore[union-attr]
        "waiting intent": (stripe.PaymentIntent, waiting),
        "paid intent": (stripe.PaymentIntent, intent),
        "charge": (stripe.Charge, intent.latest_charge),
        "balance transaction": (stripe.BalanceTransaction, intent.latest_charge.balance_transaction),
        "payment method": (stripe.PaymentMethod, intent.payment_method),
        "refund": (stripe.Refund, refund),
        "failed refund": (stripe.Refund, broken),
        "line item": (stripe.LineItem, item),
        "price": (stripe.Price, item.price),
        "event": (stripe.Event, client.v1.events.list({"limit": 1}).data[0]),
        "balance": (stripe.Balance, client.v1.balance.retrieve()),
    }
    return _plain(found)


def _plain(found: dict[str, tuple[type, Any]]) -> dict[str, tuple[type, dict[str, Any]]]:
    return {
        name: (cls, obj if isinstance(obj, dict) else obj.to_dict()) for name, (cls, obj) in found.items()
    }


@pytest.fixture(scope="module")
def billing(simulator: Simulator) -> dict[str, tuple[type, dict[str, Any]]]:
    """What it answers about customers, bank transfers, invoices, disputes and payouts."""
    client = simulator.client()
    customer = client.v1.customers.create({"email": "a@state.example", "name": "A", "address": {"city": "X"}})
    found: dict[str, tuple[type, Any]] = {}
    for currency in TRANSFERS:
        asked: Any = {
            "currency": currency,
            "funding_type": "bank_transfer",
            "bank_transfer": TRANSFERS[currency],
        }
        made = client.v1.customers.funding_instructions.create(customer.id, asked)
        found[f"funding instructions {currency}"] = (stripe.FundingInstructions, made)
    found["waiting transfer"] = (stripe.PaymentIntent, client.v1.payment_intents.create(wanted(customer.id)))
    found["funded"] = (
        stripe.CustomerCashBalanceTransaction,
        fund(client, customer.id, 30_000, expand=["customer"]),
    )
    found["funded in euro"] = (
        stripe.CustomerCashBalanceTransaction,
        fund(client, customer.id, 100, "eur"),
    )
    intent_id = found["waiting transfer"][1].id
    found["partly funded transfer"] = (stripe.PaymentIntent, client.v1.payment_intents.retrieve(intent_id))
    fund(client, customer.id, 25_000)
    paid: Any = client.v1.payment_intents.retrieve(
        intent_id, {"expand": ["latest_charge.balance_transaction", "payment_method"]}
    )
    found["paid transfer"] = (stripe.PaymentIntent, paid)
    found["payment"] = (stripe.Charge, paid.latest_charge)
    found["cash method"] = (stripe.PaymentMethod, paid.payment_method)
    refund = client.v1.refunds.create({"payment_intent": intent_id, "expand": ["balance_transaction"]})
    found["refund of a transfer"] = (stripe.Refund, refund)
    found["refund of cash"] = (
        stripe.Refund,
        client.v1.refunds.create(
            {"origin": "customer_balance", "customer": customer.id, "currency": "usd", "amount": 100}
        ),
    )
    moves: Any = client.v1.customers.cash_balance_transactions.list(
        customer.id, {"expand": ["data.applied_to_payment.payment_intent"]}
    )
    for move in moves.data:
        found[f"cash {move.type}"] = (stripe.CustomerCashBalanceTransaction, move)
    found["cash balance"] = (stripe.CashBalance, client.v1.customers.cash_balance.retrieve(customer.id))
    found["customer"] = (
        stripe.Customer,
        client.v1.customers.retrieve(customer.id, {"expand": ["cash_balance"]}),
    )
    _invoices(client, customer.id, found)
    _money(simulator, client, found)
    return _plain(found)


def _invoices(client: stripe.StripeClient, customer: str, found: dict[str, tuple[type, Any]]) -> None:
    invoice = invoice_for(client, customer, 120_000)
    found["open invoice"] = (stripe.Invoice, invoice)
    (payment,) = client.v1.invoice_payments.list({"invoice": invoice.id, "expand": ["data.invoice"]}).data
    found["open invoice payment"] = (stripe.InvoicePayment, payment)
    found["invoice line"] = (stripe.InvoiceLineItem, invoice.lines.data[0])
    item: Any = client.v1.invoice_items.list({"invoice": invoice.id}).data[0]
    found["invoice item"] = (stripe.InvoiceItem, item)
    with pytest.raises(stripe.CardError):
        client.v1.invoices.pay(invoice.id, {"payment_method": "pm_card_chargeDeclined"})
    client.v1.invoices.pay(invoice.id, {"payment_method": "pm_card_visa"})
    paid: Any = client.v1.invoices.retrieve(
        invoice.id, {"expand": ["payments.data.payment.payment_intent", "confirmation_secret", "customer"]}
    )
    found["paid invoice"] = (stripe.Invoice, paid)
    found["paid invoice payment"] = (stripe.InvoicePayment, paid.payments.data[0])
    doubtful = invoice_for(client, customer, 5_000)
    found["uncollectible invoice"] = (stripe.Invoice, client.v1.invoices.mark_uncollectible(doubtful.id))
    found["void invoice"] = (stripe.Invoice, client.v1.invoices.void_invoice(doubtful.id))


def _money(simulator: Simulator, client: stripe.StripeClient, found: dict[str, tuple[type, Any]]) -> None:
    charge = pay(client, "pm_card_createDispute", currency="eur")
    dispute = client.v1.disputes.list({"charge": charge.id, "expand": ["data.charge"]}).data[0]
    found["dispute"] = (stripe.Dispute, dispute)
    client.v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": "winning_evidence"}})
    found["won dispute"] = (stripe.Dispute, client.v1.disputes.retrieve(dispute.id))
    inquiry = pay(client, "pm_card_createDisputeInquiry")
    found["inquiry"] = (stripe.Dispute, client.v1.disputes.list({"charge": inquiry.id}).data[0])
    simulator.control("balance", {"available": True})
    made = client.v1.payouts.create({"amount": 1_000, "currency": "usd", "expand": ["balance_transaction"]})
    found["manual payout"] = (stripe.Payout, made)
    (automatic,) = simulator.control("payouts", {})["data"]
    found["automatic payout"] = (stripe.Payout, automatic)
    found["paid payout"] = (stripe.Payout, simulator.control(f"payouts/{made.id}", {"status": "paid"}))
    found["failed payout"] = (stripe.Payout, simulator.control(f"payouts/{made.id}", {"status": "failed"}))
    for txn in client.v1.balance_transactions.list({"limit": 100}).data:
        found[f"transaction {txn.type}"] = (stripe.BalanceTransaction, txn)
    for event in client.v1.events.list({"limit": 100}).data:
        found[f"event {event.type}"] = (stripe.Event, event)


@pytest.mark.parametrize(
    "name",
    [
        "open session",
        "paid session",
        "failed intent",
        "failed charge",
        "waiting intent",
        "paid intent",
        "charge",
        "balance transaction",
        "payment method",
        "refund",
        "failed refund",
        "line item",
        "price",
        "event",
        "balance",
    ],
)
def test_keys(name: str, answers: dict[str, tuple[type, dict[str, Any]]]) -> None:
    cls, value = answers[name]
    assert faults(cls, value, name) == []
    assert value.get("livemode", False) is False


def test_keys_of_billing(billing: dict[str, tuple[type, dict[str, Any]]]) -> None:
    assert len(billing) > 50
    assert {name.partition(" ")[2] for name in billing if name.startswith("transaction")} >= {
        "adjustment",
        "charge",
        "payment",
        "payment_refund",
        "payout",
        "payout_failure",
    }
    found = [fault for name, (cls, value) in billing.items() for fault in faults(cls, value, name)]
    assert found == []
    assert {value.get("livemode", False) for _, value in billing.values()} == {False}


def test_every_event_is_one_that_stripe_sends(
    simulator: Simulator, billing: dict[str, tuple[type, dict[str, Any]]]
) -> None:
    source = inspect.getsource(sys.modules[stripe.params.WebhookEndpointCreateParams.__module__])
    known = set(re.findall(r'"([a-z0-9_]+\.[a-z0-9_.]+)"', source))
    sent = {event.type for event in simulator.client().v1.events.list({"limit": 100}).auto_paging_iter()}
    assert len(sent) > 30 and sent <= known, sent - known
