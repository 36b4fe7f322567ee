"""Checkout Sessions and the hosted page, driven with the SDK and with plain form posts."""

from __future__ import annotations

import time
from typing import Any

import pytest
import stripe

from .conftest import Simulator, fetch, session_params


def test_a_payment_from_button_to_balance(simulator: Simulator, client: stripe.StripeClient) -> None:
    session = client.v1.checkout.sessions.create(session_params(customer_email="donor@example.org"))
    assert (session.status, session.payment_status, session.payment_intent) == ("open", "unpaid", None)
    assert session.livemode is False and session.url == f"{simulator.url}/c/pay/{session.id}"
    reply = simulator.press(str(session.url), "pay", name="A. Donor")
    assert reply.status == 303
    assert reply.headers["Location"] == f"http://127.0.0.1:9/done?session={session.id}"
    found = client.v1.checkout.sessions.retrieve(
        session.id, {"expand": ["payment_intent.latest_charge.balance_transaction", "line_items"]}
    )
    assert (found.status, found.payment_status, found.url) == ("complete", "paid", None)
    assert found.amount_total == 2500 and found.client_reference_id == "contribution-7"
    intent: Any = found.payment_intent
    assert intent.status == "succeeded" and intent.metadata["contribution"] == "7"
    charge = intent.latest_charge
    assert charge.paid and charge.billing_details.email == "donor@example.org"
    txn = charge.balance_transaction
    assert (txn.amount, txn.fee, txn.net, txn.source) == (2500, 103, 2397, charge.id)  # 72.5 + 30, half up
    assert found.line_items is not None and found.line_items.data[0].amount_total == 2500


def test_expansion_is_only_what_was_asked(paid: Any, client: stripe.StripeClient) -> None:
    plain = client.v1.checkout.sessions.retrieve(paid.id)
    assert plain.payment_intent == paid.payment_intent.id
    assert "line_items" not in plain.to_dict()
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        client.v1.checkout.sessions.retrieve(paid.id, {"expand": ["amount_total"]})


def test_a_second_press_pays_once(simulator: Simulator, client: stripe.StripeClient) -> None:
    session = client.v1.checkout.sessions.create(session_params())
    for _ in range(3):
        assert simulator.press(str(session.url), "pay").status == 303
    found = client.v1.checkout.sessions.retrieve(session.id)
    charges = client.v1.charges.list({"payment_intent": str(found.payment_intent)})
    assert len(charges.data) == 1
    page = fetch(str(session.url))
    assert page.status == 200 and "Already paid" in page.text


def test_a_declined_card_leaves_the_session_open(simulator: Simulator, client: stripe.StripeClient) -> None:
    session = client.v1.checkout.sessions.create(session_params())
    assert simulator.press(str(session.url), "decline").headers["Location"] == f"/c/pay/{session.id}"
    page = fetch(str(session.url)).text
    assert "Your card was declined." in page and 'role="alert"' in page
    found = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent.latest_charge"]})
    intent: Any = found.payment_intent
    assert found.status == "open" and intent.status == "requires_payment_method"
    assert intent.last_payment_error.decline_code == "generic_decline"
    assert intent.latest_charge.status == "failed" and intent.latest_charge.balance_transaction is None
    assert simulator.press(str(session.url), "pay").status == 303
    again = client.v1.checkout.sessions.retrieve(session.id)
    assert again.payment_intent == intent.id and again.payment_status == "paid"


def test_three_d_secure_confirmed_and_refused(simulator: Simulator, client: stripe.StripeClient) -> None:
    session = client.v1.checkout.sessions.create(session_params())
    step = simulator.url + simulator.press(str(session.url), "challenge").headers["Location"]
    assert "Is this payment yours?" in fetch(step).text
    assert client.v1.checkout.sessions.retrieve(session.id).payment_status == "unpaid"
    simulator.press(step, "refuse")
    assert "unable to authenticate" in fetch(str(session.url)).text
    assert fetch(step).status == 303  # nothing to confirm any more
    simulator.press(str(session.url), "challenge")
    assert simulator.press(step, "authenticate").headers["Location"].startswith("http://127.0.0.1:9/done")
    found = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent.latest_charge"]})
    charge: Any = found.payment_intent.latest_charge  # type: ignore[union-attr]
    assert charge.payment_method_details.card.three_d_secure.result == "authenticated"


def test_authenticating_without_a_challenge_pays_nothing(
    simulator: Simulator, client: stripe.StripeClient
) -> None:
    session = client.v1.checkout.sessions.create(session_params())
    assert (
        simulator.press(f"{session.url}/confirm", "authenticate").headers["Location"]
        == f"/c/pay/{session.id}"
    )
    assert client.v1.checkout.sessions.retrieve(session.id).payment_status == "unpaid"


def test_abandon_goes_back_without_paying(simulator: Simulator, client: stripe.StripeClient) -> None:
    session = client.v1.checkout.sessions.create(session_params())
    reply = simulator.press(str(session.url), "abandon")
    assert (reply.status, reply.headers["Location"]) == (303, "http://127.0.0.1:9/cancelled")
    found = client.v1.checkout.sessions.retrieve(session.id)
    assert (found.status, found.payment_intent) == ("open", None)


def test_expire_by_request(simulator: Simulator, client: stripe.StripeClient) -> None:
    session = client.v1.checkout.sessions.create(session_params())
    url = str(session.url)
    simulator.press(url, "decline")
    gone = client.v1.checkout.sessions.expire(session.id, {"expand": ["payment_intent"]})
    assert (gone.status, gone.url) == ("expired", None)
    assert gone.payment_intent.status == "canceled"  # type: ignore[union-attr]
    page = fetch(url)
    assert page.status == 410 and "has expired" in page.text
    assert simulator.press(url, "pay").headers["Location"] == f"/c/pay/{session.id}"
    assert client.v1.checkout.sessions.retrieve(session.id).payment_status == "unpaid"
    with pytest.raises(stripe.InvalidRequestError, match="expired"):
        client.v1.checkout.sessions.expire(session.id)


def test_expire_by_time(simulator: Simulator, client: stripe.StripeClient) -> None:
    session = client.v1.checkout.sessions.create(session_params(expires_at=int(time.time()) + 1900))
    simulator.control(f"checkout/{session.id}", {"expires_at": time.time() - 1})
    assert client.v1.checkout.sessions.retrieve(session.id).status == "expired"
    events = client.v1.events.list({"type": "checkout.session.expired", "limit": 100})
    assert sum(e.data.object["id"] == session.id for e in events.data) == 1
    for wrong in (60, 3 * 24 * 3600):
        with pytest.raises(stripe.InvalidRequestError, match="expires_at"):
            client.v1.checkout.sessions.create(session_params(expires_at=int(time.time()) + wrong))


def test_hostile_text_stays_text(simulator: Simulator, client: stripe.StripeClient) -> None:
    bad = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
    items = [
        {
            "quantity": 2,
            "price_data": {
                "currency": "jpy",
                "unit_amount": 1234567,
                "product_data": {"name": bad, "description": bad},
            },
        }
    ]
    session = client.v1.checkout.sessions.create(
        session_params(
            line_items=items, customer_email='"<b>"@example.org', cancel_url="http://127.0.0.1:9/a?b=1&c='2'"
        )
    )
    page = fetch(str(session.url))
    assert "<script" not in page.text and "<img" not in page.text and "<b>" not in page.text
    assert "&lt;script&gt;" in page.text and "JPY 2,469,134" in page.text
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "form-action 'self' http://127.0.0.1:9" in policy
    for wrong in (
        "javascript:alert(1)",
        "data:text/html,x",
        "/done",
        "http://a b/",
        "http://a/\r\nX: y",
        "https://",
    ):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            client.v1.checkout.sessions.create(session_params(success_url=wrong))
        assert caught.value.code == "url_invalid"


def test_every_screen_says_that_it_is_simulated(simulator: Simulator, client: stripe.StripeClient) -> None:
    session = client.v1.checkout.sessions.create(session_params())
    simulator.press(str(session.url), "challenge")
    for url in (str(session.url), f"{session.url}/confirm", simulator.url, f"{simulator.url}/c/pay/nothing"):
        page = fetch(url)
        assert "Simulated payment page: no money moves" in page.text
        assert "<script" not in page.text and "style=" not in page.text
    assert fetch(f"{simulator.url}/static/checkout.css").status == 200
    assert fetch(f"{simulator.url}/c/pay/nothing").status == 404


def test_only_its_own_page_may_press_the_buttons(simulator: Simulator, client: stripe.StripeClient) -> None:
    session = client.v1.checkout.sessions.create(session_params())
    for headers in (
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
    ):
        assert fetch(str(session.url), b"action=pay", headers).status == 403
    assert fetch(str(session.url), None, {"Host": "elsewhere.example"}).status == 403
    assert client.v1.checkout.sessions.retrieve(session.id).payment_status == "unpaid"


def test_sessions_can_be_found_again(simulator: Simulator, client: stripe.StripeClient, paid: Any) -> None:
    by_intent = client.v1.checkout.sessions.list({"payment_intent": paid.payment_intent.id})
    assert [s.id for s in by_intent.data] == [paid.id]
    open_ones = client.v1.checkout.sessions.list({"status": "open", "limit": 100})
    assert paid.id not in [s.id for s in open_ones.data]
    items = client.v1.checkout.sessions.line_items.list(paid.id)
    assert [i.description for i in items.data] == ["Contribution to the fund"]
