"""Payouts, the balance they come from, and the rates that fill it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import stripe

from .conftest import Simulator, fetch
from .test_disputes import pay

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def client(simulator: Simulator) -> Iterator[stripe.StripeClient]:
    """With an empty balance, whatever other tests of this module left."""
    simulator.control("balance", {"available": True})
    simulator.control("payouts", {})
    made = simulator.client()
    assert sums(made) == (0, 0)
    yield made


def sums(client: stripe.StripeClient) -> tuple[int, int]:
    """(available, pending), the same by GET /v1/balance and by adding the transactions up."""
    balance = client.v1.balance.retrieve()
    added = {"available": 0, "pending": 0}
    for txn in client.v1.balance_transactions.list({"limit": 100}).auto_paging_iter():
        assert txn.currency == "usd" and txn.net == txn.amount - txn.fee
        added[txn.status] += txn.net
    assert [(b.amount, b.currency) for b in balance.available] == [(added["available"], "usd")]
    assert [(b.amount, b.currency) for b in balance.pending] == [(added["pending"], "usd")]
    return added["available"], added["pending"]


def contents(client: stripe.StripeClient, payout: str) -> list[stripe.BalanceTransaction]:
    return list(client.v1.balance_transactions.list({"payout": payout, "limit": 1}).auto_paging_iter())


def events(client: stripe.StripeClient, payout: str) -> list[str]:
    page = client.v1.events.list({"type": "payout.*", "limit": 100}).data
    return [e.type[7:] for e in reversed(page) if e.data.object["id"] == payout]


def test_from_pending_to_the_bank(simulator: Simulator, client: stripe.StripeClient) -> None:
    charges = [pay(client) for _ in range(3)]
    client.v1.refunds.create({"charge": charges[0].id, "amount": 1_000})
    assert sums(client) == (-1_000, 3 * (20_000 - 610))
    assert simulator.control("payouts", {})["data"] == []  # less than nothing is available
    changed = simulator.control("balance", {"available": True})
    assert changed["changed"] == 3 and sums(client) == (57_170, 0)
    assert client.v1.balance_transactions.retrieve(charges[0].balance_transaction.id).status == "available"
    (made,) = simulator.control("payouts", {})["data"]
    assert (made["amount"], made["automatic"], made["status"]) == (57_170, True, "pending")
    assert sums(client) == (0, 0)
    found = contents(client, made["id"])
    assert sorted(t.type for t in found) == ["charge", "charge", "charge", "payout", "refund"]
    assert len({t.id for t in found}) == 5 and sum(t.net for t in found) == 0
    assert sum(t.net for t in found if t.type != "payout") == made["amount"]
    (own,) = [t for t in found if t.type == "payout"]
    assert (own.amount, own.id) == (-57_170, made["balance_transaction"])
    for status in ("in_transit", "paid"):
        assert simulator.control(f"payouts/{made['id']}", {"status": status})["status"] == status
    paid = client.v1.payouts.retrieve(made["id"])
    assert paid.status == "paid" and paid.trace_id is not None and paid.trace_id.status == "supported"
    assert events(client, made["id"]) == ["created", "reconciliation_completed", "updated", "updated", "paid"]
    assert simulator.control("payouts", {})["data"] == []


def test_a_payout_that_fails_returns(simulator: Simulator, client: stripe.StripeClient) -> None:
    pay(client)
    simulator.control("balance", {"available": True})
    (first,) = simulator.control("payouts", {})["data"]
    simulator.control(f"payouts/{first['id']}", {"status": "paid"})
    failed = simulator.control(
        f"payouts/{first['id']}", {"status": "failed", "failure_code": "account_closed"}
    )
    assert (failed["failure_code"], failed["amount"]) == ("account_closed", 19_390)
    back = client.v1.balance_transactions.retrieve(failed["failure_balance_transaction"])
    assert (back.type, back.net, back.source) == ("payout_failure", 19_390, first["id"])
    assert sums(client) == (19_390, 0)
    (second,) = simulator.control("payouts", {})["data"]
    assert [t.type for t in contents(client, second["id"])] == ["payout", "payout_failure"]
    assert len(contents(client, first["id"])) == 2  # as it was
    assert events(client, first["id"])[-2:] == ["updated", "failed"]
    reply = fetch(f"{simulator.url}/_simulator/payouts/{first['id']}", b'{"status": "paid"}', JSON)
    assert reply.status == 400


def test_manual_payouts(simulator: Simulator, client: stripe.StripeClient) -> None:
    pay(client)
    simulator.control("balance", {"available": True})
    made = client.v1.payouts.create({"amount": 9_000, "currency": "usd", "metadata": {"row": "3"}})
    assert (made.automatic, made.reconciliation_status) == (False, "not_applicable")
    assert sums(client) == (10_390, 0)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.payouts.create({"amount": 10_391, "currency": "usd"})
    assert caught.value.code == "balance_insufficient"
    with pytest.raises(stripe.InvalidRequestError, match="only be filtered on automatic"):
        client.v1.balance_transactions.list({"payout": made.id})
    assert client.v1.payouts.cancel(made.id).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payouts.cancel(made.id)
    assert sums(client) == (19_390, 0) and events(client, made.id) == ["created", "canceled"]
    client.v1.payouts.create({"amount": 9_000, "currency": "usd"})
    (rest,) = simulator.control("payouts", {})["data"]
    found = contents(client, rest["id"])
    assert rest["amount"] == 10_390 and sum(t.net for t in found) == 0
    assert sorted(t.type for t in found) == ["charge", "payout", "payout", "payout", "payout_cancel"]
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payouts.cancel(rest["id"])
    open_ones = client.v1.payouts.list({"status": "pending", "created": {"gte": made.created}})
    assert {p.id for p in open_ones.data} >= {rest["id"]} and made.id not in {p.id for p in open_ones.data}


def test_what_a_payout_contains_may_come_later(simulator: Simulator, client: stripe.StripeClient) -> None:
    pay(client)
    simulator.control("balance", {"available": True})
    (made,) = simulator.control("payouts", {"reconciled": False})["data"]
    assert made["reconciliation_status"] == "in_progress"
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.balance_transactions.list({"payout": made["id"]})
    assert caught.value.code == "payout_reconciliation_not_ready"
    done = simulator.control(f"payouts/{made['id']}", {"reconciliation_status": "completed"})
    assert done["reconciliation_status"] == "completed" and len(contents(client, made["id"])) == 2
    assert events(client, made["id"]) == ["created", "reconciliation_completed"]


def test_arrival_is_on_a_business_day(simulator: Simulator, client: stripe.StripeClient) -> None:
    pay(client)
    simulator.control("balance", {"available": True})
    (made,) = simulator.control("payouts", {})["data"]
    assert made["arrival_date"] % 86400 == 0 and made["arrival_date"] > time.time()
    assert time.gmtime(made["arrival_date"]).tm_wday < 5
    found = client.v1.payouts.list({"arrival_date": {"gte": made["arrival_date"]}, "limit": 100})
    assert made["id"] in [p.id for p in found.data]
    later = simulator.control(f"payouts/{made['id']}", {"arrival_date": int(time.time()) + 3600})
    assert later["status"] == "pending"
    there = simulator.control(f"payouts/{made['id']}", {"arrival_date": int(time.time()) - 1})
    assert there["status"] == "paid" and events(client, made["id"])[-1] == "paid"


def test_everything_is_booked_at_the_rate_of_its_moment(
    simulator: Simulator, client: stripe.StripeClient
) -> None:
    simulator.control("rates", {"EUR": "1.10"})
    charge = pay(client, currency="eur", amount=10_000)
    assert (charge.balance_transaction.amount, charge.balance_transaction.exchange_rate) == (11_000, 1.1)
    assert charge.balance_transaction.net == 11_000 - 349
    simulator.control("rates", {"eur": "1.20"})
    refund: Any = client.v1.refunds.create(
        {"charge": charge.id, "amount": 1_000, "expand": ["balance_transaction"]}
    )
    assert (refund.amount, refund.currency) == (1_000, "eur")
    assert (refund.balance_transaction.amount, refund.balance_transaction.exchange_rate) == (-1_200, 1.2)
    dispute = simulator.control("disputes", {"charge": charge.id, "amount": 9_000})
    simulator.control("rates", {"eur": 1.05})
    done = simulator.control(f"disputes/{dispute['id']}", {"status": "won"})
    assert [(t["amount"], t["fee"], t["currency"]) for t in done["balance_transactions"]] == [
        (-10_800, 1_500, "usd"),
        (9_450, 0, "usd"),
    ]
    simulator.control("rates", {"jpy": "0.0067"})
    yen = pay(client, currency="jpy", amount=12_345)
    assert (yen.balance_transaction.amount, yen.balance_transaction.exchange_rate) == (8_271, 0.67)
    sums(client)
    shown = simulator.control("rates")
    assert shown["settlement_currency"] == "usd" and shown["rates"]["eur"] == "1.05"
    for body in (b'{"eur": "x"}', b'{"eur": 0}', b'{"eur": "nan"}', b'{"usd": 2}', b'{"zzz": 1}'):
        assert fetch(f"{simulator.url}/_simulator/rates", body, JSON).status == 400


def test_another_settlement_currency(tmp_path: Any) -> None:
    made = Simulator(
        tmp_path / "s.sqlite3", "--settlement-currency", "EUR", "--rate", "USD=0.9", "--rate", "jpy=0.006"
    )
    try:
        client = made.client()
        assert pay(client, currency="eur").balance_transaction.exchange_rate is None
        dollars = pay(client, amount=10_000).balance_transaction
        assert (dollars.currency, dollars.amount, dollars.exchange_rate) == ("eur", 9_000, 0.9)
        assert pay(client, currency="gbp").balance_transaction.exchange_rate == 1.16414  # from the table
        assert made.control("status")["balance"]["currency"] == "eur"
    finally:
        made.stop()


def test_transactions_can_be_swept(simulator: Simulator, client: stripe.StripeClient) -> None:
    start = int(time.time())
    charge = pay(client)
    refund = client.v1.refunds.create({"charge": charge.id, "amount": 100})
    page = client.v1.balance_transactions.list({"created": {"gte": start}, "type": "refund", "limit": 100})
    assert str(refund.balance_transaction) in [t.id for t in page.data] and {t.type for t in page.data} == {
        "refund"
    }
    by_source: Any = client.v1.balance_transactions.list({"source": refund.id, "expand": ["data.source"]})
    assert [t.source.id for t in by_source.data] == [refund.id]
    everything = [t.id for t in client.v1.balance_transactions.list({"limit": 2}).auto_paging_iter()]
    assert len(everything) == len(set(everything)) > 2
    assert client.v1.balance_transactions.list({"created": {"gt": start + 1000}}).data == []
    status = simulator.control("status")
    assert status["objects"]["balance_transaction"] == len(everything)
    assert {"available", "pending", "currency"} == set(status["balance"])
