"""Disputes and refunds that take their time: what moves, what is refused, who decides."""

from __future__ import annotations

import time
from typing import Any

import pytest
import stripe

from .conftest import Simulator, fetch, until


def pay(client: stripe.StripeClient, card: str = "pm_card_visa", amount: int = 20_000, **more: Any) -> Any:
    """A charge, with its balance transaction."""
    intent: Any = client.v1.payment_intents.create(
        {
            "amount": amount,
            "currency": "usd",
            "confirm": True,
            "payment_method": card,
            "allowed_payment_method_types": ["card"],
            "expand": ["latest_charge.balance_transaction"],
            **more,
        }
    )
    return intent.latest_charge


def only(client: stripe.StripeClient, charge: Any) -> Any:
    """The one dispute of a charge."""
    (found,) = client.v1.disputes.list({"charge": charge.id}).data
    return found


def answer(client: stripe.StripeClient, dispute: Any, text: str, **more: Any) -> Any:
    return client.v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": text}, **more})


def types_of(client: stripe.StripeClient, dispute: Any) -> list[str]:
    page = client.v1.events.list({"type": "charge.dispute.*", "limit": 100}).data
    return [e.type[15:] for e in reversed(page) if e.data.object["id"] == dispute.id]


def test_the_money_goes_with_a_fee(client: stripe.StripeClient) -> None:
    charge = pay(client, "pm_card_createDispute")
    dispute = only(client, charge)
    assert (dispute.status, dispute.reason, dispute.amount) == ("needs_response", "fraudulent", 20_000)
    assert client.v1.charges.retrieve(charge.id).disputed and not dispute.is_charge_refundable
    (txn,) = dispute.balance_transactions
    assert (txn.type, txn.reporting_category, txn.amount) == ("adjustment", "dispute", -20_000)
    assert (txn.fee, txn.net, txn.source) == (1_500, -21_500, dispute.id)
    assert 8 * 86400 < dispute.evidence_details.due_by - time.time() < 11 * 86400
    assert types_of(client, dispute) == ["created", "funds_withdrawn"]
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.refunds.create({"charge": charge.id})
    assert caught.value.code == "charge_disputed"
    assert client.v1.disputes.list({"payment_intent": charge.payment_intent}).data[0].id == dispute.id


def test_won(client: stripe.StripeClient) -> None:
    dispute = only(client, pay(client, "pm_card_createDisputeProductNotReceived"))
    staged = answer(client, dispute, "a draft", submit=False)
    assert staged.status == "needs_response" and staged.evidence_details.has_evidence
    sent = answer(client, dispute, "winning_evidence")
    assert (sent.status, sent.evidence_details.submission_count) == ("under_review", 1)
    won = client.v1.disputes.retrieve(dispute.id)
    assert won.status == "won"
    assert [(t.amount, t.fee) for t in won.balance_transactions] == [(-20_000, 1_500), (20_000, 0)]
    assert won.balance_transactions[1].reporting_category == "dispute_reversal"
    assert types_of(client, dispute) == [
        "created",
        "funds_withdrawn",
        "updated",
        "updated",
        "closed",
        "funds_reinstated",
    ]
    with pytest.raises(stripe.InvalidRequestError):
        answer(client, dispute, "losing_evidence")


def test_lost(client: stripe.StripeClient) -> None:
    charge = pay(client, "pm_card_createDispute")
    dispute = only(client, charge)
    answer(client, dispute, "losing_evidence", metadata={"case": "7"})
    lost = client.v1.disputes.retrieve(dispute.id)
    assert (lost.status, len(lost.balance_transactions), lost.metadata["case"]) == ("lost", 1, "7")
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.refunds.create({"charge": charge.id})
    given_up = only(client, pay(client, "pm_card_createDispute"))
    assert client.v1.disputes.close(given_up.id).status == "lost"
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.disputes.close(given_up.id)
    assert types_of(client, given_up) == ["created", "funds_withdrawn", "closed"]


def test_an_inquiry_takes_no_money(simulator: Simulator, client: stripe.StripeClient) -> None:
    charge = pay(client, "pm_card_createDisputeInquiry")
    inquiry = only(client, charge)
    assert (inquiry.status, inquiry.balance_transactions) == ("warning_needs_response", [])
    assert inquiry.payment_method_details.card.case_type == "inquiry"
    answer(client, inquiry, "winning_evidence")
    assert client.v1.disputes.retrieve(inquiry.id).status == "warning_closed"
    assert types_of(client, inquiry) == ["created", "updated", "closed"]
    second = only(client, pay(client, "pm_card_createDisputeInquiry"))
    answer(client, second, "escalate_inquiry_evidence")
    grown = client.v1.disputes.retrieve(second.id)
    assert (grown.status, len(grown.balance_transactions)) == ("needs_response", 1)
    third_charge = pay(client, "pm_card_createDisputeInquiry")
    client.v1.refunds.create({"charge": third_charge.id})  # a full refund answers it
    assert only(client, third_charge).status == "warning_closed"
    fourth = only(client, pay(client, "pm_card_createDisputeInquiry"))
    assert (
        simulator.control(f"disputes/{fourth.id}", {"status": "needs_response"})["status"] == "needs_response"
    )


def test_any_charge_can_be_disputed(simulator: Simulator, client: stripe.StripeClient) -> None:
    charge = pay(client)
    made = simulator.control(
        "disputes", {"payment_intent": charge.payment_intent, "amount": 5_000, "reason": "duplicate"}
    )
    assert (made["amount"], made["reason"], made["status"]) == (5_000, "duplicate", "needs_response")
    done = simulator.control(f"disputes/{made['id']}", {"status": "won"})
    assert [t["net"] for t in done["balance_transactions"]] == [-6_500, 5_000]
    json_type = {"Content-Type": "application/json"}
    for body, status in (
        (b'{"charge": "ch_none"}', 404),
        (b'{"charge": "%s"}' % charge.id.encode(), 400),  # twice
        (b'{"charge": "%s", "reason": "boredom"}' % pay(client).id.encode(), 400),
        (b'{"charge": "%s", "amount": 20001}' % pay(client).id.encode(), 400),
    ):
        assert fetch(f"{simulator.url}/_simulator/disputes", body, json_type).status == status
    late = only(client, pay(client, "pm_card_createDispute"))
    gone = simulator.control(f"disputes/{late.id}", {"due_by": int(time.time()) - 5})
    assert gone["status"] == "lost" and gone["evidence_details"]["past_due"]


def test_a_pending_refund(simulator: Simulator, client: stripe.StripeClient) -> None:
    simulator.control("webhooks", {"refund_delay": 3600})
    charge = pay(client)
    good, bad = (client.v1.refunds.create({"charge": charge.id, "amount": 5_000}) for _ in range(2))
    assert (good.status, good.pending_reason) == ("pending", "processing")
    assert client.v1.charges.retrieve(charge.id).amount_refunded == 10_000
    assert simulator.control(f"refunds/{good.id}", {"status": "succeeded"})["status"] == "succeeded"
    simulator.control(f"refunds/{bad.id}", {"status": "failed"})
    failed: Any = client.v1.refunds.retrieve(bad.id, {"expand": ["failure_balance_transaction"]})
    assert (failed.status, failed.failure_balance_transaction.amount) == ("failed", 5_000)
    assert client.v1.charges.retrieve(charge.id).amount_refunded == 5_000
    json_type = {"Content-Type": "application/json"}
    url = f"{simulator.url}/_simulator/refunds/{good.id}"
    assert fetch(url, b'{"status": "succeeded"}', json_type).status == 400
    simulator.control("webhooks", {"refund_delay": 1})
    soon = client.v1.refunds.create({"charge": charge.id, "amount": 100})
    simulator.control("webhooks", {"refund_delay": 0})
    until(lambda: client.v1.refunds.retrieve(soon.id).status == "succeeded")
    types = [e.type for e in client.v1.events.list({"types": ["refund.updated", "refund.failed"]}).data]
    assert types == ["refund.updated", "refund.failed", "refund.updated", "refund.updated"]


def test_a_refund_from_the_dashboard(simulator: Simulator, client: stripe.StripeClient) -> None:
    charge = pay(client)
    made = simulator.control(
        "refunds", {"payment_intent": charge.payment_intent, "amount": 700, "reason": "duplicate"}
    )
    found = client.v1.refunds.retrieve(made["id"])
    assert (found.amount, found.status, found.reason) == (700, "succeeded", "duplicate")
    assert found.metadata is not None and found.metadata.to_dict() == {}
    event = client.v1.events.list({"type": "refund.created", "limit": 1}).data[0]
    assert event.data.object["id"] == found.id and event.request is not None
    assert (event.request.id, event.request.idempotency_key) == (None, None)
    assert simulator.control("refunds", {"charge": charge.id})["amount"] == 19_300
