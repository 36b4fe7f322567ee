"""Events: written with the change, delivered signed, tried again, and kept over a crash."""

from __future__ import annotations

import signal
import time

import pytest
import stripe

from .conftest import SECRET, Receiver, Simulator, session_params, until

PAYMENT = [
    "payment_intent.created",
    "charge.succeeded",
    "payment_intent.succeeded",
    "checkout.session.completed",
]


def _pay(simulator: Simulator) -> str:
    session = simulator.client().v1.checkout.sessions.create(session_params())
    assert simulator.press(str(session.url), "pay").status == 303
    return session.id


def test_signed_and_in_order(hooked: Simulator, receiver: Receiver) -> None:
    session_id = _pay(hooked)
    until(lambda: len(receiver.got) == 4)
    assert receiver.types() == PAYMENT
    event = receiver.events()[3]
    assert event.data.object["id"] == session_id and event.livemode is False
    assert event.api_version == stripe._api_version._ApiVersion.CURRENT
    body, header = receiver.got[0]
    for wrong_body, wrong_header, secret in (
        (body + b" ", header, SECRET),
        (body, header, "whsec_other"),
        (body, header.replace("v1=", "v1=0"), SECRET),
    ):
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(wrong_body, wrong_header, secret)
    until(lambda: hooked.client().v1.events.retrieve(event.id).pending_webhooks == 0)
    assert [d["state"] for d in hooked.control("deliveries")["data"]] == ["delivered"] * 4


def test_a_failing_receiver_is_tried_again(hooked: Simulator, receiver: Receiver) -> None:
    receiver.answers = [500, 302, 503]
    hooked.client().v1.payment_intents.create(
        {"amount": 500, "currency": "usd", "allowed_payment_method_types": ["card"]}
    )
    until(lambda: len(receiver.got) == 3)
    times = [time.monotonic()]
    until(lambda: len(receiver.got) == 4)
    times.append(time.monotonic())
    assert 3.0 < times[1] - times[0] < 9.5  # after 1, 2 and 4 seconds
    row = until(lambda: [d for d in hooked.control("deliveries")["data"] if d["state"] == "delivered"])[0]
    assert (row["attempts"], row["last_status"]) == (4, 200)
    assert len({event.id for event in receiver.events()}) == 1


def test_killed_between_payment_and_delivery(hooked: Simulator, receiver: Receiver) -> None:
    hooked.control("webhooks", {"delay": 4})
    session_id = _pay(hooked)
    assert receiver.got == []
    hooked.stop(signal.SIGKILL)
    hooked.start()
    until(lambda: len(receiver.got) == 4)
    assert receiver.events()[3].data.object["id"] == session_id
    assert hooked.client().v1.checkout.sessions.retrieve(session_id).payment_status == "paid"


def test_the_switches(hooked: Simulator, receiver: Receiver) -> None:
    hooked.control("webhooks", {"duplicate": 2, "pause": True})
    _pay(hooked)
    time.sleep(0.4)
    assert receiver.got == []
    hooked.stop()
    hooked.start()  # the switches and what waits are kept
    hooked.control("webhooks", {"pause": False})
    until(lambda: len(receiver.got) == 12)
    assert sorted({e.id: e.type for e in receiver.events()}.values()) == sorted(PAYMENT)
    receiver.got.clear()
    hooked.control("webhooks", {"duplicate": 0, "reorder": True})
    _pay(hooked)
    until(lambda: len(receiver.got) == 4)
    assert receiver.types() == PAYMENT[::-1]
    receiver.got.clear()
    hooked.control("webhooks", {"reorder": False, "fail_first": 1, "pause": True})
    _pay(hooked)
    first = hooked.control("deliver-now", {})
    assert (first["attempted"], first["delivered"], len(receiver.got)) == (4, 0, 0)
    second = hooked.control("deliver-now", {})
    assert (second["attempted"], second["delivered"]) == (4, 4)
    assert receiver.types() == PAYMENT
    hooked.control("webhooks", {"fail_first": 0})
    again = receiver.events()[0].id
    assert hooked.control("deliver-now", {"event": again})["delivered"] == 1
    assert [e.id for e in receiver.events()].count(again) == 2


def test_given_up_after_the_time_set(tmp_path, receiver: Receiver) -> None:  # type: ignore[no-untyped-def]
    receiver.answers = [500] * 50
    made = Simulator(tmp_path / "s.sqlite3", "--webhook-retry-for", "2.5", webhook_url=receiver.url)
    try:
        made.client().v1.payment_intents.create(
            {"amount": 500, "currency": "usd", "allowed_payment_method_types": ["card"]}
        )
        row = until(lambda: [d for d in made.control("deliveries")["data"] if d["state"] == "given_up"])[0]
        assert row["attempts"] == 2
        failed = made.client().v1.events.list({"delivery_success": False})
        assert [event.id for event in failed.data] == [row["event"]]
    finally:
        made.stop()


def test_a_receiver_that_is_away_gets_it_later(hooked: Simulator, receiver: Receiver) -> None:
    receiver.server.shutdown()
    receiver.server.server_close()
    _pay(hooked)
    until(lambda: hooked.control("deliveries")["data"][0]["attempts"] >= 1)
    row = hooked.control("deliveries")["data"][0]
    assert row["state"] == "pending" and "Error" in row["last_error"]


def test_events_can_be_swept(hooked: Simulator) -> None:
    client = hooked.client()
    before = int(time.time())
    for _ in range(3):
        _pay(hooked)
    page = client.v1.events.list({"limit": 5, "created": {"gte": before}})
    assert len(page.data) == 5 and page.has_more
    rest = client.v1.events.list({"limit": 100, "starting_after": page.data[-1].id})
    assert len(rest.data) == 7 and not rest.has_more
    everything = [e.id for e in client.v1.events.list({"limit": 5}).auto_paging_iter()]
    assert everything == [e.id for e in page.data] + [e.id for e in rest.data]
    back = client.v1.events.list({"limit": 5, "ending_before": rest.data[0].id})
    assert [e.id for e in back.data] == [e.id for e in page.data]
    assert {e.type for e in client.v1.events.list({"type": "payment_intent.*"}).data} == {
        "payment_intent.created",
        "payment_intent.succeeded",
    }
    assert len(client.v1.events.list({"types": ["charge.succeeded"]}).data) == 3
    assert client.v1.events.list({"created": {"gt": int(time.time()) + 5}}).data == []
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.events.retrieve("evt_nothing")


def test_a_balance_transaction_that_comes_later(hooked: Simulator, receiver: Receiver) -> None:
    hooked.control("webhooks", {"settlement_delay": 3})
    session_id = _pay(hooked)
    until(lambda: len(receiver.got) == 4)
    assert receiver.events()[1].data.object["balance_transaction"] is None
    hooked.stop(signal.SIGKILL)
    hooked.start()
    until(lambda: len(receiver.got) == 5)
    event = receiver.events()[4]
    assert event.type == "charge.updated" and event.data.object["balance_transaction"].startswith("txn_")
    session = hooked.client().v1.checkout.sessions.retrieve(
        session_id, {"expand": ["payment_intent.latest_charge.balance_transaction"]}
    )
    assert session.payment_intent.latest_charge.balance_transaction.fee == 103  # type: ignore[union-attr]


def test_what_falls_due_by_itself_is_told(hooked: Simulator, receiver: Receiver) -> None:
    """An invoice that is due at once, and a refund that takes a second."""
    client = hooked.client()
    customer = client.v1.customers.create({"email": "a@state.example"}).id
    made = client.v1.invoices.create(
        {"customer": customer, "collection_method": "send_invoice", "days_until_due": 9}
    )
    client.v1.invoice_items.create({"customer": customer, "invoice": made.id, "amount": 5_000})
    client.v1.invoices.finalize_invoice(made.id)
    client.v1.invoices.pay(made.id, {"payment_method": "pm_card_visa"})
    late = client.v1.invoices.create(
        {"customer": customer, "collection_method": "send_invoice", "days_until_due": 0}
    )
    client.v1.invoice_items.create({"customer": customer, "invoice": late.id, "amount": 5_000})
    client.v1.invoices.finalize_invoice(late.id)
    hooked.control("webhooks", {"refund_delay": 1})
    charge = client.v1.charges.list({"customer": customer}).data[0]
    refund = client.v1.refunds.create({"charge": charge.id})
    until(lambda: {"invoice.overdue", "refund.updated"} <= set(receiver.types()))
    told = {e.type: e.data.object for e in receiver.events()}
    assert told["invoice.overdue"]["id"] == late.id
    assert (told["refund.updated"]["id"], told["refund.updated"]["status"]) == (refund.id, "succeeded")
