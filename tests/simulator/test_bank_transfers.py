"""Bank transfers: instructions, short, exact and surplus money, and what it is applied to."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from .conftest import Simulator, fetch

TRANSFERS: dict[str, dict[str, Any]] = {
    "eur": {"type": "eu_bank_transfer", "eu_bank_transfer": {"country": "DE"}},
    "gbp": {"type": "gb_bank_transfer"},
    "jpy": {"type": "jp_bank_transfer"},
    "mxn": {"type": "mx_bank_transfer"},
    "usd": {"type": "us_bank_transfer"},
}


@pytest.fixture
def customer(client: stripe.StripeClient) -> str:
    return client.v1.customers.create({"email": "treasury@state.example", "name": "Ministry"}).id


def wanted(customer: str, amount: int = 50_000, currency: str = "usd", **changes: Any) -> Any:
    """A payment by bank transfer."""
    return {
        "amount": amount,
        "currency": currency,
        "customer": customer,
        "allowed_payment_method_types": ["customer_balance"],
        "payment_method_data": {"type": "customer_balance"},
        "payment_method_options": {
            "customer_balance": {"funding_type": "bank_transfer", "bank_transfer": TRANSFERS[currency]}
        },
        "confirm": True,
        "metadata": {"row": "4"},
        **changes,
    }


def invoice_for(client: stripe.StripeClient, customer: str, amount: int, currency: str = "usd") -> Any:
    """An open invoice that takes bank transfers."""
    draft = client.v1.invoices.create(
        {
            "customer": customer,
            "collection_method": "send_invoice",
            "days_until_due": 30,
            "currency": currency,
            "payment_settings": {
                "payment_method_types": ["card", "customer_balance"],
                "payment_method_options": {
                    "customer_balance": {
                        "funding_type": "bank_transfer",
                        "bank_transfer": TRANSFERS[currency],
                    }  # type: ignore[typeddict-item]
                },
            },
        }
    )
    client.v1.invoice_items.create(
        {"customer": customer, "invoice": draft.id, "amount": amount, "currency": currency}
    )
    return client.v1.invoices.finalize_invoice(draft.id)


def fund(client: stripe.StripeClient, customer: str, amount: int, currency: str = "usd", **more: Any) -> Any:
    """Money arrives."""
    return client.v1.test_helpers.customers.fund_cash_balance(
        customer,
        {"amount": amount, "currency": currency, **more},  # type: ignore[typeddict-item]
    )


def cash(client: stripe.StripeClient, customer: str) -> dict[str, int]:
    found = client.v1.customers.cash_balance.retrieve(customer).available
    return found.to_dict() if found else {}


def latest(client: stripe.StripeClient, number: int) -> list[str]:
    return [e.type for e in reversed(client.v1.events.list({"limit": number}).data)]


def test_short_then_full_then_surplus(client: stripe.StripeClient, customer: str) -> None:
    intent = client.v1.payment_intents.create(wanted(customer))
    assert (intent.status, intent.amount_received) == ("requires_action", 0)
    action: Any = intent.next_action
    told = action.display_bank_transfer_instructions
    assert action.type == "display_bank_transfer_instructions"
    assert (told.amount_remaining, told.currency, told.type) == (50_000, "usd", "us_bank_transfer")
    assert [a.type for a in told.financial_addresses] == ["aba", "swift"]
    fund(client, customer, 20_000, reference="something else")
    assert latest(client, 3) == [
        "customer_cash_balance_transaction.created",
        "customer_cash_balance_transaction.created",
        "payment_intent.partially_funded",
    ]
    now: Any = client.v1.payment_intents.retrieve(intent.id)
    assert now.next_action.display_bank_transfer_instructions.amount_remaining == 30_000
    assert cash(client, customer) == {"usd": 0}
    fund(client, customer, 30_500, reference=told.reference)
    done: Any = client.v1.payment_intents.retrieve(
        intent.id, {"expand": ["latest_charge.balance_transaction", "payment_method"]}
    )
    assert (done.status, done.amount_received, done.next_action) == ("succeeded", 50_000, None)
    assert done.payment_method.type == "customer_balance"
    charge = done.latest_charge
    assert charge.id.startswith("py_") and charge.payment_method_details.type == "customer_balance"
    txn = charge.balance_transaction
    assert (txn.type, txn.reporting_category, txn.fee, txn.net) == ("payment", "charge", 250, 49_750)
    assert cash(client, customer) == {"usd": 500}
    assert latest(client, 1) == ["cash_balance.funds_available"]
    moves = client.v1.customers.cash_balance_transactions.list(customer).data
    assert [(m.type, m.net_amount, m.ending_balance) for m in moves] == [
        ("applied_to_payment", -30_000, 500),
        ("funded", 30_500, 30_500),
        ("applied_to_payment", -20_000, 0),
        ("funded", 20_000, 20_000),
    ]
    one = client.v1.customers.cash_balance_transactions.retrieve(customer, moves[1].id)
    assert one.funded is not None and one.funded.bank_transfer.reference == told.reference
    other = client.v1.customers.create({"email": "b@state.example"}).id
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.customers.cash_balance_transactions.retrieve(other, moves[1].id)
    assert caught.value.code == "resource_missing"


def test_a_balance_pays_at_once(client: stripe.StripeClient, customer: str) -> None:
    fund(client, customer, 60_000)
    assert client.v1.payment_intents.create(wanted(customer)).status == "succeeded"
    short: Any = client.v1.payment_intents.create(wanted(customer))
    assert short.next_action.display_bank_transfer_instructions.amount_remaining == 40_000
    assert latest(client, 3)[1:] == ["payment_intent.partially_funded", "payment_intent.requires_action"]
    client.v1.payment_intents.cancel(short.id)
    assert cash(client, customer) == {"usd": 10_000}
    moves = client.v1.customers.cash_balance_transactions.list(customer, {"limit": 1}).data
    assert (moves[0].type, moves[0].net_amount) == ("unapplied_from_payment", 10_000)


@pytest.mark.parametrize(
    ("currency", "kinds"),
    [
        ("eur", ["iban"]),
        ("gbp", ["sort_code"]),
        ("jpy", ["zengin"]),
        ("mxn", ["spei"]),
        ("usd", ["aba", "swift"]),
    ],
)
def test_instructions_in_every_currency(
    client: stripe.StripeClient, customer: str, currency: str, kinds: list[str]
) -> None:
    intent: Any = client.v1.payment_intents.create(wanted(customer, currency=currency))
    told = intent.next_action.display_bank_transfer_instructions
    assert [a.type for a in told.financial_addresses] == kinds
    asked: Any = {"currency": currency, "funding_type": "bank_transfer", "bank_transfer": TRANSFERS[currency]}
    same = client.v1.customers.funding_instructions.create(customer, asked)
    assert [a.to_dict() for a in same.bank_transfer.financial_addresses] == [
        a.to_dict() for a in told.financial_addresses
    ]
    page = fetch(told.hosted_instructions_url)
    assert page.status == 200 and told.reference in page.text
    fund(client, customer, 50_000, currency)
    assert client.v1.payment_intents.retrieve(intent.id).status == "succeeded"
    assert "The money has arrived" in fetch(told.hosted_instructions_url).text


def test_an_invoice_is_never_paid_in_part(client: stripe.StripeClient, customer: str) -> None:
    invoice = invoice_for(client, customer, 120_000)
    fund(client, customer, 50_000, reference=invoice.number)
    assert client.v1.invoices.retrieve(invoice.id).amount_remaining == 120_000
    assert cash(client, customer) == {"usd": 50_000}
    fund(client, customer, 70_000)
    paid: Any = client.v1.invoices.retrieve(invoice.id, {"expand": ["payments.data.payment.payment_intent"]})
    assert (paid.status, paid.amount_paid) == ("paid", 120_000)
    intent = paid.payments.data[0].payment.payment_intent
    assert (intent.status, intent.amount_received) == ("succeeded", 120_000)
    assert intent.latest_charge.startswith("py_") and cash(client, customer) == {"usd": 0}
    assert latest(client, 6) == [
        "customer_cash_balance_transaction.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice_payment.paid",
        "invoice.paid",
        "invoice.payment_succeeded",
    ]


def test_an_invoice_is_paid_from_what_is_there(client: stripe.StripeClient, customer: str) -> None:
    fund(client, customer, 130_000)
    assert invoice_for(client, customer, 120_000).status == "paid"
    assert cash(client, customer) == {"usd": 10_000}


def test_what_money_is_applied_to(client: stripe.StripeClient, customer: str) -> None:
    """The reference first, then what fits exactly, then the oldest invoices that are covered in full."""
    first, second, third = (invoice_for(client, customer, amount) for amount in (10_000, 20_000, 30_000))

    def states() -> list[str | None]:
        return [client.v1.invoices.retrieve(i.id).status for i in (first, second, third)]

    fund(client, customer, 30_000, reference=f"our ref {second.number} thanks")
    assert states() == ["paid", "paid", "open"]  # the one that is named, and what the rest covers
    fourth = invoice_for(client, customer, 5_000)
    fund(client, customer, 30_000)  # exactly the third, though the fourth would be covered too
    assert states() == ["paid", "paid", "paid"]
    assert client.v1.invoices.retrieve(fourth.id).status == "open"
    intent = client.v1.payment_intents.create(wanted(customer, 8_000))
    fund(client, customer, 6_000)  # the invoice in full, the payment in part
    assert client.v1.invoices.retrieve(fourth.id).status == "paid"
    now: Any = client.v1.payment_intents.retrieve(intent.id)
    assert now.next_action.display_bank_transfer_instructions.amount_remaining == 7_000


def test_money_of_another_currency_stays(client: stripe.StripeClient, customer: str) -> None:
    invoice = invoice_for(client, customer, 10_000)
    fund(client, customer, 10_000, "eur")
    assert client.v1.invoices.retrieve(invoice.id).status == "open"
    assert cash(client, customer) == {"eur": 10_000}


def test_the_hosted_pages(simulator: Simulator, client: stripe.StripeClient, customer: str) -> None:
    intent: Any = client.v1.payment_intents.create(wanted(customer))
    told = intent.next_action.display_bank_transfer_instructions
    url = told.hosted_instructions_url
    wrong = simulator.press(url, "send", amount="12,x", reference="KEEP-ME", sender="<b>Ministry")
    assert wrong.status == 422 and "Write the amount in USD as a number" in wrong.text
    assert 'value="12,x"' in wrong.text and "KEEP-ME" in wrong.text and "&lt;b&gt;Ministry" in wrong.text
    for amount in ("0", "-5", "1.005", "nan", "1e400", "9" * 30):
        assert simulator.press(url, "send", amount=amount).status == 422
    assert simulator.press(url, "send", amount="200.50").status == 303
    page = fetch(url).text
    assert "USD 200.50 of USD 500.00 received" in page and "Send USD 299.50 by bank transfer" in page
    simulator.press(url, "send", amount="300", reference=told.reference, sender="Ministry of Finance")
    assert "USD 0.50 more than was due" in fetch(url).text
    simulator.press(url, "send", amount="300")  # over: nothing is sent twice
    assert cash(client, customer) == {"usd": 50}
    (funded, *_) = [
        m for m in client.v1.customers.cash_balance_transactions.list(customer).data if m.type == "funded"
    ]
    assert funded.funded.bank_transfer.us_bank_transfer.sender_name == "Ministry of Finance"  # type: ignore[union-attr]
    invoice = invoice_for(client, customer, 100_000)
    page_url = str(invoice.hosted_invoice_url)
    assert "USD 0.50 received so far." in fetch(page_url).text
    assert simulator.press(page_url, "send", amount="").status == 422
    simulator.press(page_url, "send", amount="999.50", reference=invoice.number)
    assert "Invoice paid" in fetch(page_url).text
    assert (
        "paid by simulated bank transfer"
        in fetch(
            simulator.url + "/receipts/" + str(client.v1.payment_intents.retrieve(intent.id).latest_charge)
        ).text
    )
    assert fetch(f"{simulator.url}/bank_transfers/instructions/pi_none").status == 404


def test_a_refund_goes_to_the_bank(simulator: Simulator, client: stripe.StripeClient, customer: str) -> None:
    intent = client.v1.payment_intents.create(wanted(customer))
    fund(client, customer, 51_000)
    part: Any = client.v1.refunds.create(
        {"payment_intent": intent.id, "amount": 10_000, "expand": ["balance_transaction"]}
    )
    assert (part.status, part.pending_reason, part.destination_details.type) == (
        "pending",
        "processing",
        "us_bank_transfer",
    )
    assert (part.balance_transaction.type, part.balance_transaction.amount) == ("payment_refund", -10_000)
    done = simulator.control(f"refunds/{part.id}", {"status": "succeeded"})
    assert done["status"] == "succeeded" and "pending_reason" not in done
    rest = client.v1.refunds.create({"payment_intent": intent.id})
    assert rest.amount == 40_000
    simulator.control(f"refunds/{rest.id}", {"status": "failed", "failure_reason": "unknown"})
    assert client.v1.charges.retrieve(str(part.charge)).amount_refunded == 10_000
    surplus: Any = {"origin": "customer_balance", "customer": customer, "currency": "usd"}
    with pytest.raises(stripe.InvalidRequestError, match="holds USD 10.00"):
        client.v1.refunds.create({**surplus, "amount": 1_001})
    back = client.v1.refunds.create({**surplus, "amount": 1_000})
    assert (back.charge, back.balance_transaction, back.status) == (None, None, "pending")
    assert cash(client, customer) == {"usd": 0}
    simulator.control(f"refunds/{back.id}", {"status": "failed"})
    assert cash(client, customer) == {"usd": 1_000}


def test_a_refund_needs_an_address(client: stripe.StripeClient) -> None:
    customer = client.v1.customers.create({"name": "No address"}).id
    fund(client, customer, 50_000)
    intent = client.v1.payment_intents.create(wanted(customer))
    with pytest.raises(stripe.InvalidRequestError, match="email address"):
        client.v1.refunds.create({"payment_intent": intent.id})
    assert (
        client.v1.refunds.create(
            {"payment_intent": intent.id, "instructions_email": "a@state.example"}
        ).status
        == "pending"
    )


def test_refused(client: stripe.StripeClient, customer: str) -> None:
    good = wanted(customer)
    balance = good["payment_method_options"]["customer_balance"]
    for change, code, param in (
        ({"customer": None}, "parameter_missing", "customer"),
        ({"customer": "cus_none"}, "resource_missing", "customer"),
        ({"currency": "chf"}, None, "currency"),
        ({"currency": "eur"}, None, "payment_method_options"),
        ({"payment_method_options": None}, "parameter_missing", "payment_method_options"),
        ({"allowed_payment_method_types": ["klarna"]}, "simulator_unsupported", "allowed"),
        (
            {"payment_method_options": {"customer_balance": {**balance, "bank_transfer": {"type": "us"}}}},
            None,
            "payment_method_options",
        ),
        ({"payment_method_data": {"type": "klarna"}}, "simulator_unsupported", "payment_method_data"),
    ):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            client.v1.payment_intents.create({**good, **change})
        assert (caught.value.code, str(caught.value.param).startswith(param)) == (code, True)
    with pytest.raises(stripe.InvalidRequestError):
        fund(client, customer, 100, "chf")
    with pytest.raises(stripe.InvalidRequestError):
        fund(client, customer, 0)
    later = client.v1.payment_intents.create({**good, "confirm": False})
    assert later.status == "requires_confirmation"
    assert client.v1.payment_intents.confirm(later.id).status == "requires_action"
