"""One table of scenarios for two servers: the simulator, and Stripe test mode when STRIPE_TEST_KEY is set.

Each scenario uses only the SDK and needs no hosted page. It asserts what both must answer; what differs
between accounts (fees, settlement currency) is left to the simulator's own tests.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Any

import stripe

from .billing_scenarios import BILLING, refused

Scenario = Callable[[stripe.StripeClient], None]
CARD: dict[str, Any] = {
    "amount": 2000,
    "currency": "usd",
    "confirm": True,
    "payment_method": "pm_card_visa",
    "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
}


def session(**changes: Any) -> dict[str, Any]:
    """A Checkout Session for 20 dollars."""
    return {
        "mode": "payment",
        "submit_type": "donate",
        "success_url": "https://example.org/{CHECKOUT_SESSION_ID}",
        "line_items": [
            {
                "quantity": 2,
                "price_data": {
                    "currency": "usd",
                    "unit_amount": 1000,
                    "product_data": {"name": "Contribution"},
                },
            }
        ],
        **changes,
    }


def good_card(client: stripe.StripeClient) -> None:
    made: Any = client.v1.payment_intents.create(
        {**CARD, "metadata": {"row": "1"}, "expand": ["latest_charge"]}
    )
    assert (made.status, made.amount_received, made.livemode) == ("succeeded", 2000, False)
    assert made.latest_charge.paid and made.metadata["row"] == "1"
    assert client.v1.payment_intents.retrieve(made.id).latest_charge == made.latest_charge.id


def declined_card(client: stripe.StripeClient) -> None:
    error = refused(
        lambda: client.v1.payment_intents.create({**CARD, "payment_method": "pm_card_chargeDeclined"}),
        stripe.CardError,
    )
    assert (error.http_status, error.code) == (402, "card_declined")
    assert error.json_body["error"]["decline_code"] == "generic_decline"
    intent = client.v1.payment_intents.retrieve(error.json_body["error"]["payment_intent"]["id"])
    assert intent.status == "requires_payment_method"


def refunds(client: stripe.StripeClient) -> None:
    intent = client.v1.payment_intents.create(CARD)
    part = client.v1.refunds.create({"payment_intent": intent.id, "amount": 500, "metadata": {"row": "2"}})
    assert (part.amount, part.status) == (500, "succeeded")
    assert (
        refused(lambda: client.v1.refunds.create({"payment_intent": intent.id, "amount": 1501})).http_status
        == 400
    )
    rest = client.v1.refunds.create({"payment_intent": intent.id, "reason": "requested_by_customer"})
    assert rest.amount == 1500
    assert (
        refused(lambda: client.v1.refunds.create({"payment_intent": intent.id})).code
        == "charge_already_refunded"
    )
    page = client.v1.refunds.list({"payment_intent": intent.id, "limit": 1})
    assert page.has_more and page.data[0].id == rest.id
    after = client.v1.refunds.list({"payment_intent": intent.id, "starting_after": rest.id})
    assert [r.id for r in after.data] == [part.id] and not after.has_more


def idempotency(client: stripe.StripeClient) -> None:
    key = str(uuid.uuid4())
    first = client.v1.payment_intents.create(CARD, {"idempotency_key": key})
    again = client.v1.payment_intents.create(CARD, {"idempotency_key": key})
    assert first.id == again.id
    error = refused(
        lambda: client.v1.payment_intents.create({**CARD, "amount": 2001}, {"idempotency_key": key}),
        stripe.IdempotencyError,
    )
    assert error.http_status == 400


def refused_parameters(client: stripe.StripeClient) -> None:
    create: Any = client.v1.payment_intents.create
    for params, code, param in (
        ({"amount": 2000}, "parameter_missing", "currency"),
        ({"amount": 2000, "currency": "usd", "colour": "red"}, "parameter_unknown", "colour"),
        ({"amount": "many", "currency": "usd"}, "parameter_invalid_integer", "amount"),
        ({"amount": 10, "currency": "usd"}, "amount_too_small", "amount"),
    ):
        error = refused(lambda params=params: create(params))  # type: ignore[misc]
        assert (error.http_status, error.code, error.param) == (400, code, param)
    assert refused(lambda: create({"amount": 2000, "currency": "zzz"})).param == "currency"


def missing_objects(client: stripe.StripeClient) -> None:
    for call in (
        client.v1.payment_intents.retrieve,
        client.v1.charges.retrieve,
        client.v1.refunds.retrieve,
        client.v1.events.retrieve,
        client.v1.balance_transactions.retrieve,
    ):
        error = refused(lambda call=call: call("xx_not_there"))  # type: ignore[misc]
        assert (error.http_status, error.code) == (404, "resource_missing")


def checkout_session(client: stripe.StripeClient) -> None:
    made = client.v1.checkout.sessions.create(
        session(
            client_reference_id="row-3",
            metadata={"row": "3"},
            expand=["line_items"],
            payment_intent_data={"metadata": {"row": "3"}},
            customer_email="payer@example.org",
        )
    )
    assert (made.status, made.payment_status, made.amount_total) == ("open", "unpaid", 2000)
    assert made.url and made.line_items is not None and made.line_items.data[0].quantity == 2
    found = client.v1.checkout.sessions.retrieve(made.id)
    assert (found.client_reference_id, found.mode, found.livemode) == ("row-3", "payment", False)
    gone = client.v1.checkout.sessions.expire(made.id)
    assert (gone.status, gone.url) == ("expired", None)
    assert refused(lambda: client.v1.checkout.sessions.expire(made.id)).http_status == 400


def checkout_refusals(client: stripe.StripeClient) -> None:
    create = client.v1.checkout.sessions.create
    assert refused(lambda: create(session(expires_at=int(time.time()) + 60))).param == "expires_at"  # type: ignore
    assert refused(lambda: create(session(success_url="nowhere"))).code == "url_invalid"  # type: ignore[arg-type]
    assert refused(lambda: create(session(customer_email="nobody"))).param == "customer_email"  # type: ignore
    assert refused(lambda: create(session(mode="gift"))).param == "mode"  # type: ignore[arg-type]


def expansion(client: stripe.StripeClient) -> None:
    made: Any = client.v1.payment_intents.create({**CARD, "expand": ["latest_charge.payment_intent"]})
    assert made.latest_charge.payment_intent.id == made.id
    error = refused(lambda: client.v1.payment_intents.retrieve(made.id, {"expand": ["amount"]}))
    assert error.http_status == 400


def cancelling(client: stripe.StripeClient) -> None:
    made = client.v1.payment_intents.create({"amount": 2000, "currency": "usd"})
    done = client.v1.payment_intents.cancel(made.id, {"cancellation_reason": "abandoned"})
    assert (done.status, done.cancellation_reason) == ("canceled", "abandoned")
    error = refused(lambda: client.v1.payment_intents.cancel(made.id))
    assert error.code == "payment_intent_unexpected_state"


def events(client: stripe.StripeClient) -> None:
    start = int(time.time()) - 5
    made = client.v1.payment_intents.create(CARD)
    for _ in range(40):
        page = client.v1.events.list(
            {"type": "payment_intent.succeeded", "created": {"gte": start}, "limit": 100}
        )
        found = [event for event in page.data if event.data.object["id"] == made.id]
        if found:
            assert found[0].livemode is False and client.v1.events.retrieve(found[0].id).type == found[0].type
            return
        time.sleep(0.5)
    raise AssertionError("no event for the payment")


SCENARIOS: dict[str, Scenario] = {
    run.__name__: run
    for run in (
        good_card,
        declined_card,
        refunds,
        idempotency,
        refused_parameters,
        missing_objects,
        checkout_session,
        checkout_refusals,
        expansion,
        cancelling,
        events,
        *BILLING,
    )
}
