"""More scenarios for both servers (see ``scenarios``): customers, invoices, bank transfers, disputes, the balance.

What Stripe does a little later is waited for; the account needs bank transfers in US dollars. Only what Stripe
documents is asserted.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Any

import stripe

#: A bank transfer in US dollars.
BANK: dict[str, Any] = {"funding_type": "bank_transfer", "bank_transfer": {"type": "us_bank_transfer"}}


def refused(call: Callable[[], Any], kind: type[stripe.StripeError] = stripe.InvalidRequestError) -> Any:
    """The error a call must end in."""
    try:
        call()
    except kind as error:
        return error
    raise AssertionError("the call was accepted")


def wait(read: Callable[[], Any], seconds: float = 30.0) -> Any:
    """What is found once it is there."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := read():
            return found
        time.sleep(0.5)
    raise AssertionError("it did not happen in time")


def new_customer(client: stripe.StripeClient) -> stripe.Customer:
    email = f"treasury+{uuid.uuid4().hex[:12]}@example.org"
    return client.v1.customers.create({"email": email, "name": "Ministry", "metadata": {"row": "1"}})


def draft_for(client: stripe.StripeClient, customer: str, amount: int = 12_000, **more: Any) -> Any:
    """A draft invoice with one item, in US dollars."""
    params: Any = {
        "customer": customer,
        "collection_method": "send_invoice",
        "days_until_due": 30,
        "currency": "usd",
        "auto_advance": False,
        "description": "Instalment 1 of 3",
        "metadata": {"row": "1"},
        **more,
    }
    made = client.v1.invoices.create(params)
    client.v1.invoice_items.create(
        {
            "customer": customer,
            "invoice": made.id,
            "amount": amount,
            "currency": "usd",
            "description": "Instalment",
        }
    )
    return client.v1.invoices.retrieve(made.id)


def customers(client: stripe.StripeClient) -> None:
    made = new_customer(client)
    assert made.livemode is False and made.metadata is not None and made.metadata["row"] == "1"
    changed = client.v1.customers.update(made.id, {"name": "Treasury", "metadata": {"row": ""}})
    assert changed.name == "Treasury" and changed.metadata is not None and changed.metadata.to_dict() == {}
    assert client.v1.customers.retrieve(made.id).email == made.email
    assert [c.id for c in client.v1.customers.list({"email": str(made.email)}).data] == [made.id]
    assert refused(lambda: client.v1.customers.create({"email": "nobody"})).param == "email"


def invoice_from_draft_to_void(client: stripe.StripeClient) -> None:
    customer = new_customer(client).id
    draft = draft_for(client, customer)
    assert (draft.status, draft.number, draft.amount_due) == ("draft", None, 12_000)
    made = client.v1.invoices.finalize_invoice(draft.id)
    assert made.status == "open" and made.number and made.hosted_invoice_url
    assert (made.amount_due, made.amount_paid, made.amount_remaining) == (12_000, 0, 12_000)
    assert refused(lambda: client.v1.invoices.finalize_invoice(made.id)).http_status == 400
    (payment,) = client.v1.invoice_payments.list({"invoice": made.id}).data
    assert (payment.status, payment.amount_requested) == ("open", 12_000)
    intent = client.v1.payment_intents.retrieve(str(payment.payment.payment_intent))
    assert (intent.amount, intent.customer, intent.status) == (12_000, customer, "requires_payment_method")
    assert client.v1.invoices.send_invoice(made.id).status == "open"
    gone = client.v1.invoices.void_invoice(made.id)
    assert gone.status == "void" and gone.status_transitions.voided_at
    assert client.v1.payment_intents.retrieve(intent.id).status == "canceled"
    assert refused(lambda: client.v1.invoices.pay(made.id, {"paid_out_of_band": True})).http_status == 400
    listed = client.v1.invoices.list({"customer": customer, "status": "void"})
    assert [i.id for i in listed.data] == [made.id]


def invoice_paid_outside(client: stripe.StripeClient) -> None:
    draft = draft_for(client, new_customer(client).id)
    client.v1.invoices.finalize_invoice(draft.id)
    doubtful = client.v1.invoices.mark_uncollectible(draft.id)
    assert doubtful.status == "uncollectible" and doubtful.status_transitions.marked_uncollectible_at
    paid = client.v1.invoices.pay(draft.id, {"paid_out_of_band": True})
    assert (paid.status, paid.amount_remaining) == ("paid", 0)
    assert refused(lambda: client.v1.invoices.void_invoice(draft.id)).http_status == 400


def invoice_refusals(client: stripe.StripeClient) -> None:
    customer = new_customer(client).id
    create: Any = client.v1.invoices.create
    send = {"customer": customer, "collection_method": "send_invoice"}
    assert refused(lambda: create(send)).http_status == 400  # no due date
    assert refused(lambda: create({**send, "days_until_due": 3, "currency": "zzz"})).http_status == 400
    assert refused(lambda: create({**send, "days_until_due": 3, "customer": "cus_none"})).http_status in (
        400,
        404,
    )
    assert refused(lambda: client.v1.invoices.retrieve("in_none")).code == "resource_missing"


def transfer(client: stripe.StripeClient) -> None:
    customer = new_customer(client).id
    helper = client.v1.test_helpers.customers
    intent: Any = client.v1.payment_intents.create(
        {
            "amount": 5_000,
            "currency": "usd",
            "customer": customer,
            "allowed_payment_method_types": ["customer_balance"],
            "payment_method_data": {"type": "customer_balance"},
            "payment_method_options": {"customer_balance": BANK},  # type: ignore[typeddict-item]
            "confirm": True,
        }
    )
    told = intent.next_action.display_bank_transfer_instructions
    assert intent.status == "requires_action" and (told.amount_remaining, told.currency) == (5_000, "usd")
    assert told.reference and told.hosted_instructions_url and told.type == "us_bank_transfer"
    helper.fund_cash_balance(customer, {"amount": 2_000, "currency": "usd"})

    def left() -> Any:
        now: Any = client.v1.payment_intents.retrieve(intent.id)
        return now.next_action.display_bank_transfer_instructions.amount_remaining == 3_000

    wait(left)
    helper.fund_cash_balance(customer, {"amount": 3_500, "currency": "usd", "reference": told.reference})
    wait(lambda: client.v1.payment_intents.retrieve(intent.id).status == "succeeded")

    def surplus() -> Any:
        available = client.v1.customers.cash_balance.retrieve(customer).available
        return available is not None and available["usd"] == 500

    wait(surplus)
    moves = client.v1.customers.cash_balance_transactions.list(customer).data
    assert {m.type for m in moves} == {"funded", "applied_to_payment"}
    assert sum(m.net_amount for m in moves) == 500


def invoice_by_transfer(client: stripe.StripeClient) -> None:
    customer = new_customer(client).id
    settings = {
        "payment_method_types": ["customer_balance"],
        "payment_method_options": {"customer_balance": BANK},
    }
    invoice = client.v1.invoices.finalize_invoice(draft_for(client, customer, payment_settings=settings).id)
    helper = client.v1.test_helpers.customers
    helper.fund_cash_balance(customer, {"amount": 5_000, "currency": "usd"})
    time.sleep(0.0 if "127.0.0.1" in str(invoice.hosted_invoice_url) else 5.0)
    open_still = client.v1.invoices.retrieve(invoice.id)
    assert (open_still.status, open_still.amount_paid) == ("open", 0)  # never paid in part
    helper.fund_cash_balance(customer, {"amount": 7_000, "currency": "usd"})
    paid = wait(lambda: [i for i in [client.v1.invoices.retrieve(invoice.id)] if i.status == "paid"])[0]
    assert (paid.amount_paid, paid.amount_remaining) == (12_000, 0)
    (payment,) = client.v1.invoice_payments.list({"invoice": invoice.id, "status": "paid"}).data
    assert payment.amount_paid == 12_000


def instructions(client: stripe.StripeClient) -> None:
    customer = new_customer(client).id
    params: Any = {"currency": "usd", **BANK}
    made = client.v1.customers.funding_instructions.create(customer, params)
    assert (made.currency, made.funding_type) == ("usd", "bank_transfer")
    assert made.bank_transfer.financial_addresses


def _disputed(client: stripe.StripeClient) -> Any:
    intent = client.v1.payment_intents.create(
        {
            "amount": 2_000,
            "currency": "usd",
            "confirm": True,
            "payment_method": "pm_card_createDispute",
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        }
    )
    return wait(lambda: client.v1.disputes.list({"payment_intent": intent.id}).data)[0]


def dispute_won(client: stripe.StripeClient) -> None:
    dispute = _disputed(client)
    assert (dispute.status, dispute.reason, dispute.amount) == ("needs_response", "fraudulent", 2_000)
    assert dispute.evidence_details.due_by > time.time()
    assert client.v1.charges.retrieve(str(dispute.charge)).disputed
    assert (
        refused(lambda: client.v1.refunds.create({"charge": str(dispute.charge)})).code == "charge_disputed"
    )
    client.v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": "winning_evidence"}})
    wait(lambda: client.v1.disputes.retrieve(dispute.id).status == "won")
    assert wait(lambda: len(client.v1.disputes.retrieve(dispute.id).balance_transactions) == 2)


def dispute_lost(client: stripe.StripeClient) -> None:
    dispute = _disputed(client)
    client.v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": "losing_evidence"}})
    wait(lambda: client.v1.disputes.retrieve(dispute.id).status == "lost")
    other = _disputed(client)
    assert client.v1.disputes.close(other.id).status == "lost"


def payouts(client: stripe.StripeClient) -> None:
    page = client.v1.payouts.list({"limit": 3})
    assert page.object == "list" and all(p.object == "payout" and p.amount > 0 for p in page.data)
    create = client.v1.payouts.create
    assert refused(lambda: create({"amount": 99_999_999, "currency": "usd"})).http_status == 400
    assert refused(lambda: client.v1.payouts.retrieve("po_none")).code == "resource_missing"


def balance(client: stripe.StripeClient) -> None:
    intent: Any = client.v1.payment_intents.create(
        {
            "amount": 2_000,
            "currency": "usd",
            "confirm": True,
            "payment_method": "pm_card_visa",
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        }
    )
    charge = intent.latest_charge
    (txn,) = wait(lambda: client.v1.balance_transactions.list({"source": charge}).data)
    assert (txn.type, txn.reporting_category, txn.net) == ("charge", "charge", txn.amount - txn.fee)
    since: Any = {"created": {"gte": intent.created - 60}, "type": "charge", "limit": 100}
    assert txn.id in [t.id for t in client.v1.balance_transactions.list(since).auto_paging_iter()]
    assert client.v1.balance_transactions.retrieve(txn.id).source == charge
    currencies = {part.currency for part in client.v1.balance.retrieve().pending}
    assert txn.currency in currencies


BILLING = (
    customers,
    invoice_from_draft_to_void,
    invoice_paid_outside,
    invoice_refusals,
    transfer,
    invoice_by_transfer,
    instructions,
    dispute_won,
    dispute_lost,
    payouts,
    balance,
)
