"""Payment intents, refunds, balances: what moves, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from .conftest import Simulator, fetch, session_params

CARD = {"allowed_payment_method_types": ["card"], "currency": "usd", "confirm": True}


def test_confirming_with_a_good_card(client: stripe.StripeClient) -> None:
    intent: Any = client.v1.payment_intents.create(
        {
            **CARD,
            "amount": 10_000,
            "payment_method": "pm_card_visa",
            "metadata": {"a": "b"},
            "expand": ["latest_charge.balance_transaction"],
        }
    )
    assert (intent.status, intent.amount_received, intent.livemode) == ("succeeded", 10_000, False)
    txn = intent.latest_charge.balance_transaction
    assert (txn.fee, txn.net, txn.status, txn.type) == (320, 9_680, "pending", "charge")
    assert client.v1.balance_transactions.retrieve(txn.id).net == 9_680
    assert [t.id for t in client.v1.balance_transactions.list({"source": intent.latest_charge.id}).data] == [
        txn.id
    ]


def test_a_declined_card_is_a_card_error_and_stays_on_record(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.CardError) as caught:
        client.v1.payment_intents.create({**CARD, "amount": 900, "payment_method": "pm_card_chargeDeclined"})
    error = caught.value
    assert (error.http_status, error.code) == (402, "card_declined")
    body: Any = error.json_body
    assert body["error"]["decline_code"] == "generic_decline"
    intent: Any = client.v1.payment_intents.retrieve(
        body["error"]["payment_intent"]["id"], {"expand": ["latest_charge"]}
    )
    assert intent.status == "requires_payment_method" and intent.latest_charge.failure_code == "card_declined"
    done = client.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
    assert done.status == "succeeded"
    for verb in (client.v1.payment_intents.confirm, client.v1.payment_intents.cancel):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            verb(intent.id)
        assert refused.value.code == "payment_intent_unexpected_state"


def test_cancelling(client: stripe.StripeClient) -> None:
    intent = client.v1.payment_intents.create({"amount": 900, "currency": "eur"})
    assert intent.status == "requires_payment_method"
    done = client.v1.payment_intents.cancel(intent.id, {"cancellation_reason": "abandoned"})
    assert (done.status, done.cancellation_reason) == ("canceled", "abandoned")


def test_refunds_in_parts_to_the_end(client: stripe.StripeClient, paid: Any) -> None:
    intent, charge = paid.payment_intent, paid.payment_intent.latest_charge
    part = client.v1.refunds.create(
        {
            "payment_intent": intent.id,
            "amount": 1000,
            "metadata": {"case": "9"},
            "reason": "requested_by_customer",
            "expand": ["balance_transaction"],
        }
    )
    assert (part.status, part.amount, part.charge) == ("succeeded", 1000, charge.id)
    txn: Any = part.balance_transaction
    assert (txn.amount, txn.fee, txn.net, txn.type) == (-1000, 0, -1000, "refund")
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.refunds.create({"charge": charge.id, "amount": 1501})
    assert caught.value.http_status == 400 and "greater than unrefunded amount" in str(caught.value)
    rest = client.v1.refunds.create({"charge": charge.id})
    assert rest.amount == 1500
    now = client.v1.charges.retrieve(charge.id, {"expand": ["refunds"]})
    assert (now.refunded, now.amount_refunded) == (True, 2500)
    assert [r.id for r in now.refunds.data] == [rest.id, part.id]  # type: ignore[union-attr]
    assert [r.id for r in client.v1.refunds.list({"payment_intent": intent.id}).data] == [rest.id, part.id]
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.refunds.create({"payment_intent": intent.id})
    assert caught.value.code == "charge_already_refunded"
    changed = client.v1.refunds.update(part.id, {"metadata": {"case": "", "note": "x"}})
    assert changed.metadata is not None and changed.metadata.to_dict() == {"note": "x"}
    types = [e.type for e in client.v1.events.list({"limit": 5}).data]
    assert types == [
        "refund.updated",
        "charge.refunded",
        "refund.created",
        "charge.refunded",
        "refund.created",
    ]


def test_a_refund_that_fails_afterwards(simulator: Simulator, client: stripe.StripeClient, paid: Any) -> None:
    charge = paid.payment_intent.latest_charge
    refund = client.v1.refunds.create({"charge": charge.id})
    failed = simulator.control(f"refunds/{refund.id}", {"status": "failed"})
    assert failed["status"] == "failed" and failed["failure_balance_transaction"]
    back = client.v1.balance_transactions.retrieve(failed["failure_balance_transaction"])
    assert (back.amount, back.type) == (2500, "refund_failure")
    now = client.v1.charges.retrieve(charge.id)
    assert (now.refunded, now.amount_refunded) == (False, 0)
    assert [e.type for e in client.v1.events.list({"limit": 2}).data] == ["refund.failed", "refund.updated"]


def test_nothing_to_refund(client: stripe.StripeClient) -> None:
    intent = client.v1.payment_intents.create({"amount": 900, "currency": "usd"})
    with pytest.raises(stripe.InvalidRequestError, match="successful charge"):
        client.v1.refunds.create({"payment_intent": intent.id})
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.refunds.create({"charge": "ch_nothing"})
    assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.refunds.create({"amount": 5})
    assert caught.value.code == "parameter_missing"


def test_the_balance_is_the_sum_of_its_transactions(client: stripe.StripeClient, paid: Any) -> None:
    client.v1.refunds.create({"payment_intent": paid.payment_intent.id, "amount": 7})
    expected = {"pending": 0, "available": 0}
    for txn in client.v1.balance_transactions.list({"limit": 100, "currency": "usd"}).auto_paging_iter():
        expected[txn.status] += txn.net
    balance = client.v1.balance.retrieve()
    assert [b.amount for b in balance.pending if b.currency == "usd"] == [expected["pending"]]
    assert [b.amount for b in balance.available if b.currency == "usd"] == [expected["available"]]


@pytest.mark.parametrize(
    ("amount", "currency", "code", "param"),
    [
        (49, "usd", "amount_too_small", "amount"),
        (0, "usd", "parameter_invalid_integer", "amount"),
        (100_000_000, "usd", "amount_too_large", "amount"),
        (49, "jpy", "amount_too_small", "amount"),
        (1001, "kwd", "parameter_invalid_integer", "amount"),
        (10_050, "isk", "parameter_invalid_integer", "amount"),
        (1000, "xyz", None, "currency"),
        (1000, "ugx", "simulator_unsupported", "currency (ugx)"),
    ],
)
def test_amounts_and_currencies_refused(
    client: stripe.StripeClient, amount: int, currency: str, code: str | None, param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.payment_intents.create({"amount": amount, "currency": currency})
    assert (caught.value.code, caught.value.param) == (code, param)


@pytest.mark.parametrize(
    ("amount", "currency", "settled", "rate", "fee"),
    [
        (50, "usd", 50, None, 31),
        (99_999_999, "usd", 99_999_999, None, 2_900_030),
        (10_000, "eur", 10_832, 1.0832, 344),  # 314.128 and 30, half up
        (500, "JPY", 335, 0.67, 40),  # 500 yen are 3.35 dollars: the rate is between API amounts
        (1000, "kwd", 325, 0.3252, 39),  # one dinar
        (10_000, "isk", 72, 0.00724, 32),  # 100 kronur, which travel with two decimals
    ],
)
def test_a_charge_is_converted_and_its_fee_rounds_half_up(
    client: stripe.StripeClient, amount: int, currency: str, settled: int, rate: float | None, fee: int
) -> None:
    intent: Any = client.v1.payment_intents.create(
        {
            **CARD,
            "currency": currency,
            "amount": amount,
            "payment_method": "pm_card_visa",
            "expand": ["latest_charge.balance_transaction"],
        }
    )
    assert (intent.currency, intent.amount_received) == (currency.lower(), amount)
    txn = intent.latest_charge.balance_transaction
    assert (txn.currency, txn.amount, txn.exchange_rate) == ("usd", settled, rate)
    assert (txn.fee, txn.net) == (fee, settled - fee)


def test_many_lines_make_one_total(simulator: Simulator, client: stripe.StripeClient) -> None:
    line = {"currency": "eur", "unit_amount": 1999, "product_data": {"name": "One"}}
    session = client.v1.checkout.sessions.create(
        session_params(
            line_items=[
                {"quantity": 3, "price_data": line},
                {"quantity": 1, "price_data": {**line, "unit_amount": 1}},
            ]
        )
    )
    assert (session.amount_total, session.currency) == (5998, "eur")
    assert "EUR 59.98" in fetch(str(session.url)).text
    with pytest.raises(stripe.InvalidRequestError, match="same currency"):
        client.v1.checkout.sessions.create(
            session_params(
                line_items=[
                    {"quantity": 1, "price_data": line},
                    {"quantity": 1, "price_data": {**line, "currency": "usd"}},
                ]
            )
        )


def test_the_receipt(paid: Any) -> None:
    page = fetch(paid.payment_intent.latest_charge.receipt_url)
    assert page.status == 200 and "USD 25.00" in page.text and "no money moves" in page.text
