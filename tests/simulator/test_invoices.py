"""Customers and invoices: by request, on the hosted page, and as time goes by."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
import stripe

from .conftest import Simulator, fetch

Bill = Callable[..., Any]


@pytest.fixture
def customer(client: stripe.StripeClient) -> stripe.Customer:
    return client.v1.customers.create({"email": "treasury@state.example", "name": "Ministry of Finance"})


@pytest.fixture
def bill(client: stripe.StripeClient, customer: stripe.Customer) -> Bill:
    """A finalized invoice of 1,200 dollars (a draft with ``finalize=False``)."""

    def make(amount: int = 120_000, finalize: bool = True, **changes: Any) -> Any:
        given: Any = {
            "customer": customer.id,
            "collection_method": "send_invoice",
            "days_until_due": 30,
            "currency": "usd",
            "auto_advance": False,
            "description": "First of three instalments",
            "footer": "Thank you",
            "metadata": {"instalment": "1"},
            **changes,
        }
        draft = client.v1.invoices.create(given)
        if amount:
            client.v1.invoice_items.create(
                {
                    "customer": customer.id,
                    "invoice": draft.id,
                    "amount": amount,
                    "currency": given["currency"],
                    "description": "Instalment",
                    "metadata": {"row": "9"},
                }
            )
        return client.v1.invoices.finalize_invoice(draft.id) if finalize else draft

    return make


def types_of(client: stripe.StripeClient, object_id: str) -> list[str]:
    """Types of the latest events about an object, oldest first."""
    page = client.v1.events.list({"limit": 100}).data
    return [e.type for e in reversed(page) if e.data.object.to_dict().get("id") == object_id]


def test_customers(client: stripe.StripeClient) -> None:
    made = client.v1.customers.create(
        {
            "email": "a@donor.example",
            "name": "A Donor",
            "address": {"country": "FR", "city": "Lyon"},
            "preferred_locales": ["fr", "en"],
            "metadata": {"row": "1", "empty": ""},
        }
    )
    assert made.address is not None and (made.address.city, made.address.line1) == ("Lyon", None)
    changed = client.v1.customers.update(
        made.id, {"name": "B Donor", "description": "Twice", "address": "", "metadata": {"row": "", "x": "2"}}
    )
    assert (changed.name, changed.email, changed.address) == ("B Donor", "a@donor.example", None)
    assert changed.metadata is not None and changed.metadata.to_dict() == {"x": "2"}
    found = client.v1.customers.list({"email": "a@donor.example"})
    assert [c.id for c in found.data] == [made.id] and found.data[0].name == "B Donor"
    assert types_of(client, made.id) == ["customer.created", "customer.updated"]
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.customers.update(made.id, {"email": "nobody"})
    assert caught.value.code == "email_invalid"


def test_a_draft_becomes_open(client: stripe.StripeClient, bill: Bill) -> None:
    draft = bill(finalize=False)
    draft = client.v1.invoices.retrieve(draft.id)
    assert (draft.status, draft.number, draft.hosted_invoice_url) == ("draft", None, None)
    assert (draft.amount_due, draft.amount_paid, draft.amount_remaining) == (120_000, 0, 120_000)
    assert draft.due_date == draft.created + 30 * 24 * 3600
    client.v1.invoice_items.create(
        {"customer": str(draft.customer), "invoice": draft.id, "amount": -20_000, "currency": "usd"}
    )
    done = client.v1.invoices.finalize_invoice(draft.id)
    assert done.status == "open" and done.number and done.number.endswith("-0001")
    assert (done.amount_due, done.total, len(done.lines.data)) == (100_000, 100_000, 2)
    assert done.metadata is not None and done.metadata["instalment"] == "1"
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.invoice_items.create({"customer": str(done.customer), "invoice": done.id, "amount": 5})
    assert caught.value.code == "invoice_not_editable"
    lines = client.v1.invoices.line_items.list(done.id)
    assert [line.amount for line in lines.data] == [-20_000, 120_000]
    assert types_of(client, done.id) == ["invoice.created", "invoice.finalized"]
    second = bill()
    assert second.number == done.number[:-1] + "2"


def test_the_payment_of_an_invoice(client: stripe.StripeClient, bill: Bill) -> None:
    invoice = bill()
    payments = client.v1.invoice_payments.list({"invoice": invoice.id})
    (payment,) = payments.data
    assert (payment.status, payment.amount_requested, payment.amount_paid) == ("open", 120_000, None)
    intent = client.v1.payment_intents.retrieve(str(payment.payment.payment_intent))
    assert (intent.amount, intent.status) == (120_000, "requires_payment_method")
    assert intent.customer == invoice.customer and intent.metadata.to_dict() == {}  # nothing is copied to it
    found = client.v1.invoice_payments.list(
        {"payment": {"type": "payment_intent", "payment_intent": intent.id}, "status": "open"}
    )
    assert [p.id for p in found.data] == [payment.id]
    with pytest.raises(stripe.InvalidRequestError, match="Void the invoice"):
        client.v1.payment_intents.cancel(intent.id)
    whole: Any = client.v1.invoices.retrieve(
        invoice.id, {"expand": ["payments.data.payment.payment_intent", "confirmation_secret"]}
    )
    assert whole.payments.data[0].payment.payment_intent.id == intent.id
    assert whole.confirmation_secret.client_secret == intent.client_secret


def test_paying_on_the_hosted_page(simulator: Simulator, client: stripe.StripeClient, bill: Bill) -> None:
    invoice = bill()
    url = str(invoice.hosted_invoice_url)
    assert "First of three instalments" in fetch(url).text
    assert simulator.press(url, "decline").headers["Location"] == f"/i/{invoice.id}"
    assert "Your card was declined." in fetch(url).text
    tried = client.v1.invoices.retrieve(invoice.id)
    assert (tried.status, tried.attempted, tried.attempt_count) == ("open", True, 1)
    step = simulator.url + simulator.press(url, "challenge").headers["Location"]
    assert "Is this payment yours?" in fetch(step).text
    simulator.press(step, "refuse")
    assert fetch(step).status == 303
    simulator.press(url, "challenge")
    simulator.press(step, "authenticate", name="A. Payer")
    paid: Any = client.v1.invoices.retrieve(invoice.id, {"expand": ["payments.data.payment.payment_intent"]})
    assert (paid.status, paid.amount_paid, paid.amount_remaining) == ("paid", 120_000, 0)
    charge: Any = client.v1.charges.retrieve(
        paid.payments.data[0].payment.payment_intent.latest_charge, {"expand": ["balance_transaction"]}
    )
    assert charge.balance_transaction.net == 120_000 - 3_510
    assert charge.payment_method_details.card.three_d_secure.result == "authenticated"
    assert types_of(client, invoice.id)[2:] == [
        "invoice.payment_failed",
        "invoice.payment_failed",
        "invoice.paid",
        "invoice.payment_succeeded",
    ]
    assert "Invoice paid" in fetch(url).text
    for _ in range(2):
        simulator.press(url, "pay")
    assert len(client.v1.charges.list({"customer": str(invoice.customer)}).data) == 2


def test_paid_outside_stripe(client: stripe.StripeClient, bill: Bill) -> None:
    invoice = bill()
    before = client.v1.balance.retrieve().pending[0].amount
    done = client.v1.invoices.pay(invoice.id, {"paid_out_of_band": True})
    assert (done.status, done.amount_paid, done.amount_paid_off_stripe) == ("paid", 120_000, 120_000)
    (payment,) = client.v1.invoice_payments.list({"invoice": invoice.id}).data
    intent = client.v1.payment_intents.retrieve(str(payment.payment.payment_intent))
    assert (payment.status, intent.status) == ("canceled", "canceled")
    assert client.v1.balance.retrieve().pending[0].amount == before
    assert types_of(client, invoice.id)[2:] == ["invoice.paid"]


def test_paying_by_request(client: stripe.StripeClient, bill: Bill) -> None:
    invoice = bill()
    with pytest.raises(stripe.InvalidRequestError, match="no attached payment source"):
        client.v1.invoices.pay(invoice.id)
    with pytest.raises(stripe.CardError):
        client.v1.invoices.pay(invoice.id, {"payment_method": "pm_card_chargeDeclined"})
    assert client.v1.invoices.retrieve(invoice.id).attempt_count == 1
    assert client.v1.invoices.pay(invoice.id, {"payment_method": "pm_card_visa"}).status == "paid"


def test_the_state_machine(client: stripe.StripeClient, bill: Bill) -> None:
    invoices = client.v1.invoices

    def refused(*calls: Callable[[str], Any]) -> None:
        for call in calls:
            with pytest.raises(stripe.InvalidRequestError):
                call(invoice.id)

    invoice = bill(finalize=False)
    refused(invoices.void_invoice, invoices.mark_uncollectible, invoices.pay)
    assert invoices.send_invoice(invoice.id).status == "open"  # sending finalizes
    refused(invoices.finalize_invoice)
    doubtful = invoices.mark_uncollectible(invoice.id)
    assert doubtful.status == "uncollectible"
    refused(invoices.mark_uncollectible, invoices.send_invoice)
    gone = invoices.void_invoice(invoice.id)
    assert gone.status == "void" and gone.amount_remaining == 120_000
    refused(invoices.void_invoice, invoices.pay, invoices.mark_uncollectible, invoices.send_invoice)
    assert types_of(client, invoice.id) == [
        "invoice.created",
        "invoice.finalized",
        "invoice.sent",
        "invoice.marked_uncollectible",
        "invoice.voided",
    ]
    (payment,) = client.v1.invoice_payments.list({"invoice": invoice.id}).data
    intent = client.v1.payment_intents.retrieve(str(payment.payment.payment_intent))
    assert (intent.status, intent.cancellation_reason) == ("canceled", "void_invoice")
    invoice = bill()
    invoices.mark_uncollectible(invoice.id)
    assert invoices.pay(invoice.id, {"paid_out_of_band": True}).status == "paid"
    refused(invoices.void_invoice, invoices.pay)
    assert {i.status for i in invoices.list({"customer": str(invoice.customer)}).data} == {"void", "paid"}
    assert [i.id for i in invoices.list({"customer": str(invoice.customer), "status": "paid"}).data] == [
        invoice.id
    ]


def test_the_screens_of_invoices_that_are_over(
    simulator: Simulator, client: stripe.StripeClient, bill: Bill
) -> None:
    for end, words in ((client.v1.invoices.void_invoice, "voided"), (None, "draft")):
        invoice = bill(finalize=end is not None)
        url = f"{simulator.url}/i/{invoice.id}"
        if end is None:
            assert fetch(url).status == 404
            continue
        end(invoice.id)
        assert words in fetch(url).text
        assert simulator.press(url, "pay").status == 303
        assert client.v1.invoices.retrieve(invoice.id).status == "void"
    assert simulator.press(f"{simulator.url}/i/{bill().id}", "abandon").status == 400


def test_overdue_is_told_once(simulator: Simulator, client: stripe.StripeClient, bill: Bill) -> None:
    invoice = bill()
    simulator.control(f"invoices/{invoice.id}", {"due_date": int(time.time()) - 5})
    simulator.control(f"invoices/{invoice.id}", {})
    assert types_of(client, invoice.id)[2:] == ["invoice.overdue"]
    assert "Was due" in fetch(str(invoice.hosted_invoice_url)).text
    late = client.v1.invoices.list({"due_date": {"lt": int(time.time())}, "limit": 100})
    assert invoice.id in [i.id for i in late.data]
    assert client.v1.invoices.retrieve(invoice.id).status == "open"


def test_a_draft_that_advances_by_itself(
    simulator: Simulator, client: stripe.StripeClient, bill: Bill
) -> None:
    draft = bill(finalize=False, auto_advance=True)
    assert draft.automatically_finalizes_at == draft.created + 3600
    past = {"automatically_finalizes_at": int(time.time()) - 1}
    done = simulator.control(f"invoices/{draft.id}", past)
    assert done["status"] == "open" and done["automatically_finalizes_at"] is None
    assert types_of(client, draft.id) == ["invoice.created", "invoice.finalized", "invoice.sent"]
    tiny = bill(20, finalize=False, auto_advance=True)
    left = simulator.control(f"invoices/{tiny.id}", past)
    assert left["status"] == "draft" and left["last_finalization_error"]["code"] == "amount_too_small"


def test_pending_items_wait_for_their_invoice(
    client: stripe.StripeClient, customer: stripe.Customer, bill: Bill
) -> None:
    item = client.v1.invoice_items.create({"customer": customer.id, "amount": 700, "currency": "usd"})
    assert [i.id for i in client.v1.invoice_items.list({"customer": customer.id, "pending": True}).data] == [
        item.id
    ]
    assert client.v1.invoices.retrieve(bill(0, finalize=False).id).total == 0
    taken = bill(0, finalize=False, pending_invoice_items_behavior="include")
    assert taken.total == 700
    assert client.v1.invoice_items.retrieve(item.id).invoice == taken.id


def test_an_update(client: stripe.StripeClient, bill: Bill) -> None:
    invoice = bill()
    changed = client.v1.invoices.update(invoice.id, {"description": "Other", "metadata": {"instalment": "2"}})
    assert changed.description == "Other" and changed.metadata is not None
    assert changed.metadata["instalment"] == "2"
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.invoices.update(invoice.id, {"days_until_due": 5})
    assert client.v1.invoices.finalize_invoice(bill(0, finalize=False).id).status == "paid"  # nothing due


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"collection_method": "charge_automatically"}, "collection_method"),
        ({"days_until_due": None}, "days_until_due"),
        ({"due_date": 2_000_000_000}, "due_date"),
        ({"days_until_due": None, "due_date": 1_000_000_000}, "due_date"),
        ({"currency": "zzz"}, "currency"),
        ({"customer": "cus_none"}, "customer"),
        ({"payment_settings": {"payment_method_types": ["sepa_debit"]}}, "payment_settings"),
        (
            {"currency": "kes", "payment_settings": {"payment_method_types": ["customer_balance"]}},
            "currency",
        ),
        ({"default_tax_rates": ["txr_1"]}, "default_tax_rates"),
    ],
)
def test_invoices_refused(bill: Bill, changes: dict[str, Any], param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        bill(finalize=False, **changes)
    assert caught.value.http_status == 400 and str(caught.value.param).startswith(param)


def test_a_customer_without_an_address_cannot_be_sent_an_invoice(client: stripe.StripeClient) -> None:
    made = client.v1.customers.create({"name": "Nobody"})
    with pytest.raises(stripe.InvalidRequestError, match="Missing email"):
        client.v1.invoices.create(
            {"customer": made.id, "collection_method": "send_invoice", "days_until_due": 1}
        )
