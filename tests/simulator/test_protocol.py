"""Keys, headers, parameters, idempotency, faults and the command line."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import stripe

from stripe_simulator.__main__ import parse

from .conftest import ROOT, Reply, Simulator, fetch, session_params, until
from .test_bank_transfers import fund, invoice_for

INTENT = {"amount": "700", "currency": "usd"}


@pytest.mark.parametrize("key", ["sk_live_abc", "rk_live_abc", "pk_test_abc", "rk_test_abc", "nonsense"])
def test_only_test_secret_keys(simulator: Simulator, key: str) -> None:
    with pytest.raises(stripe.AuthenticationError) as caught:
        simulator.client(key).v1.balance.retrieve()
    assert caught.value.http_status == 401
    assert key not in str(caught.value.http_body)
    assert fetch(f"{simulator.url}/v1/balance").json()["error"]["type"] == "invalid_request_error"


def test_headers(simulator: Simulator) -> None:
    reply = simulator.raw("/v1/balance")
    assert reply.status == 200 and reply.headers["Request-Id"].startswith("req_")
    version = stripe._api_version._ApiVersion.CURRENT
    assert reply.headers["Stripe-Version"] == version
    assert simulator.raw("/v1/balance", Stripe_Version=version).headers["Stripe-Version"] == version
    assert simulator.raw("/v1/balance", Stripe_Version="2020-08-27").status == 400
    assert simulator.raw("/v1/balance", Host="elsewhere.example").status == 403
    missing = simulator.raw("/v1/accounts")
    assert missing.status == 404 and "Unrecognized request URL" in missing.json()["error"]["message"]
    assert simulator.raw("/v1/refunds/re_x/nothing").status == 404


@pytest.mark.parametrize(
    ("path", "form", "code", "param"),
    [
        ("/v1/payment_intents", {"amount": "700"}, "parameter_missing", "currency"),
        ("/v1/payment_intents", INTENT | {"colour": "red"}, "parameter_unknown", "colour"),
        ("/v1/payment_intents", INTENT | {"amount": "7.5"}, "parameter_invalid_integer", "amount"),
        ("/v1/payment_intents", INTENT | {"amount": ""}, "parameter_invalid_empty", "amount"),
        ("/v1/payment_intents", INTENT | {"confirm": "yes"}, None, "confirm"),
        ("/v1/payment_intents", INTENT | {"metadata": "x"}, None, "metadata"),
        ("/v1/payment_intents", INTENT | {"metadata[a]": "x" * 501}, None, "metadata[a]"),
        ("/v1/payment_intents", INTENT | {"metadata[a][b]": "x"}, None, "metadata[a]"),
        (
            "/v1/payment_intents",
            INTENT | {"setup_future_usage": "off_session"},
            "simulator_unsupported",
            "setup",
        ),
        ("/v1/payment_intents", INTENT | {"customer": "cus_1"}, "resource_missing", "customer"),
        ("/v1/payment_intents", INTENT | {"api_key": "x"}, "parameter_unknown", "api_key"),
        (
            "/v1/payment_intents",
            INTENT
            | {
                "automatic_payment_methods[enabled]": "true",
                "automatic_payment_methods[allow_redirects]": "maybe",
            },
            None,
            "automatic_payment_methods[allow_redirects]",
        ),
        ("/v1/checkout/sessions", {"mode": "payment"}, "parameter_missing", "success_url"),
        ("/v1/checkout/sessions", {"mode": "gift"}, None, "mode"),
        (
            "/v1/checkout/sessions",
            {"mode": "payment", "line_items[0][price_data][unit_amount]": "9"},
            "parameter_missing",
            "line_items[0][price_data][currency]",
        ),
        (
            "/v1/checkout/sessions",
            {
                "mode": "payment",
                "line_items[0][price_data][currency]": "usd",
                "line_items[0][price_data][colour]": "red",
            },
            "parameter_unknown",
            "line_items[0][price_data][colour]",
        ),
        ("/v1/checkout/sessions", {"mode": "payment", "line_items[x]": "y"}, None, "line_items"),
        ("/v1/refunds", {"charge": "ch_1", "reason": "boredom"}, None, "reason"),
        ("/v1/refunds", {"charge": "ch_1", "amount": "-5x"}, "parameter_invalid_integer", "amount"),
        ("/v1/events?limit=101", None, "parameter_invalid_integer", "limit"),
        ("/v1/events?limit=0", None, "parameter_invalid_integer", "limit"),
        ("/v1/events?starting_after=evt_no", None, "resource_missing", "starting_after"),
        ("/v1/events?created[gte]=today", None, "parameter_invalid_integer", "created"),
        ("/v1/events?a[[b=1", None, "parameter_unknown", "a[[b"),
    ],
)
def test_parameters_refused(
    simulator: Simulator, path: str, form: dict[str, str] | None, code: str | None, param: str
) -> None:
    reply = simulator.raw(path, form)
    error = reply.json()["error"]
    assert reply.status == 400 and error["type"] == "invalid_request_error"
    assert error.get("code") == code and error["param"].startswith(param)


def test_json_and_unmatched_bodies_are_refused(simulator: Simulator) -> None:
    headers = {"Authorization": "Bearer sk_test_x", "Content-Type": "application/json"}
    assert fetch(f"{simulator.url}/v1/refunds", b'{"charge": "ch_1"}', headers).status == 400
    deep = {"metadata" + "[a]" * 40: "x", **INTENT}
    assert simulator.raw("/v1/payment_intents", deep).status == 400
    many = {f"metadata[k{n}]": "x" for n in range(2500)}
    assert simulator.raw("/v1/payment_intents", many | INTENT).status == 400


def test_a_key_replays_its_first_answer(simulator: Simulator, client: stripe.StripeClient) -> None:
    first = simulator.raw("/v1/payment_intents", INTENT, Idempotency_Key="replay-1")
    again = simulator.raw("/v1/payment_intents", dict(reversed(INTENT.items())), Idempotency_Key="replay-1")
    assert first.text == again.text and again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert first.headers["Request-Id"] == again.headers["Request-Id"]
    with pytest.raises(stripe.IdempotencyError) as caught:
        client.v1.payment_intents.create({"amount": 701, "currency": "usd"}, {"idempotency_key": "replay-1"})
    assert caught.value.http_status == 400
    other = simulator.raw("/v1/refunds", {"charge": "ch_1"}, Idempotency_Key="replay-1")
    assert other.json()["error"]["type"] == "idempotency_error"


def test_a_refused_card_is_replayed_and_a_bad_request_is_not(simulator: Simulator) -> None:
    form = INTENT | {
        "confirm": "true",
        "payment_method": "pm_card_chargeDeclined",
        "allowed_payment_method_types[]": "card",
    }
    first = simulator.raw("/v1/payment_intents", form, Idempotency_Key="declined")
    again = simulator.raw("/v1/payment_intents", form, Idempotency_Key="declined")
    assert (first.status, again.status, first.text) == (402, 402, again.text)
    assert simulator.raw("/v1/payment_intents", {"amount": "1"}, Idempotency_Key="typo").status == 400
    assert simulator.raw("/v1/payment_intents", INTENT, Idempotency_Key="typo").status == 200


def test_keys_are_kept_over_a_crash(tmp_path: Path) -> None:
    made = Simulator(tmp_path / "s.sqlite3")
    first = made.raw("/v1/payment_intents", INTENT, Idempotency_Key="k")
    made.stop(signal.SIGKILL)
    made.start()
    assert made.raw("/v1/payment_intents", INTENT, Idempotency_Key="k").text == first.text
    assert made.stop() == 0


def test_a_concurrent_key_is_refused(simulator: Simulator) -> None:
    simulator.control("faults", {"path": "/v1/payment_intents", "method": "POST", "delay": 2.0})
    replies: list[Reply] = []

    def send() -> None:
        replies.append(simulator.raw("/v1/payment_intents", INTENT, Idempotency_Key="twice"))

    slow = threading.Thread(target=send)
    slow.start()
    until(lambda: simulator.control("faults")["data"] == [])
    time.sleep(0.3)
    send()
    slow.join()
    assert [r.status for r in replies] == [409, 200]
    assert replies[0].json()["error"]["code"] == "idempotency_key_in_use"
    send()
    assert replies[2].text == replies[1].text


def test_a_burst_of_one_key_makes_one_object(simulator: Simulator, client: stripe.StripeClient) -> None:
    found: list[str] = []

    def send() -> None:
        made = client.v1.payment_intents.create(
            {"amount": 800, "currency": "usd"}, {"idempotency_key": "burst", "max_network_retries": 10}
        )
        found.append(made.id)

    threads = [threading.Thread(target=send) for _ in range(12)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert len(found) == 12 and len(set(found)) == 1


def test_concurrent_refunds_never_exceed_the_charge(client: stripe.StripeClient, paid: Any) -> None:
    charge = paid.payment_intent.latest_charge.id
    outcomes: list[bool] = []

    def send() -> None:
        try:
            client.v1.refunds.create({"charge": charge, "amount": 400})
            outcomes.append(True)
        except stripe.InvalidRequestError:
            outcomes.append(False)

    threads = [threading.Thread(target=send) for _ in range(12)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert sum(outcomes) == 6 and client.v1.charges.retrieve(charge).amount_refunded == 2400


def test_an_invoice_is_paid_once(simulator: Simulator, client: stripe.StripeClient) -> None:
    """Card, bank transfer and a payment outside, all at once: one of them pays."""
    customer = client.v1.customers.create({"email": "a@state.example"}).id
    invoice = invoice_for(client, customer, 10_000)
    outside: Callable[[], Any] = lambda: client.v1.invoices.pay(invoice.id, {"paid_out_of_band": True})  # noqa: E731
    acts = [lambda: simulator.press(str(invoice.hosted_invoice_url), "pay")] * 3 + [outside] * 3
    acts += [lambda: fund(client, customer, 10_000)] * 3

    def act(n: int) -> None:
        with contextlib.suppress(stripe.InvalidRequestError):
            acts[n]()

    threads = [threading.Thread(target=act, args=(n,)) for n in range(len(acts))]
    [t.start() for t in threads]
    [t.join() for t in threads]
    charges = client.v1.charges.list({"customer": customer}).data
    left = client.v1.customers.cash_balance.retrieve(customer).available
    assert client.v1.invoices.retrieve(invoice.id).status == "paid" and len(charges) <= 1
    used = 10_000 if charges and charges[0].id.startswith("py_") else 0
    assert left is not None and left["usd"] == 30_000 - used
    paid = client.v1.events.list({"type": "invoice.paid", "limit": 100}).data
    assert sum(e.data.object["id"] == invoice.id for e in paid) == 1


def test_the_switches_refuse_what_they_do_not_know(simulator: Simulator) -> None:
    json_type = {"Content-Type": "application/json"}
    for path, body in (
        ("balance", b"{}"),
        ("payouts/po_none", b'{"status": "lost"}'),
        ("refunds", b'{"colour": 1}'),
        ("disputes/du_none", b'{"status": "won", "colour": 1}'),
        ("invoices/in_none", b'{"due_date": "soon"}'),
        ("rates", b"[1]"),
    ):
        assert fetch(f"{simulator.url}/_simulator/{path}", body, json_type).status == 400, path
    for path in ("refunds/re_none", "payouts/po_none", "disputes/du_none"):
        assert fetch(f"{simulator.url}/_simulator/{path}", b'{"status": "failed"}', json_type).status in (
            400,
            404,
        )


def test_faults(simulator: Simulator, client: stripe.StripeClient) -> None:
    def count() -> int:
        return len(list(client.v1.payment_intents.list({"limit": 100}).auto_paging_iter()))

    before = count()
    simulator.control(
        "faults",
        {"path": "/v1/payment_intents", "method": "POST", "status": 500, "mode": "before", "times": 2},
    )
    assert client.v1.payment_intents.create({"amount": 900, "currency": "usd"}).id  # the SDK tries again
    assert count() == before + 1
    simulator.control(
        "faults", {"path": "/v1/payment_intents", "method": "POST", "status": 500, "mode": "after"}
    )
    assert client.v1.payment_intents.create(
        {"amount": 900, "currency": "usd"}
    ).id  # the answer was lost, not the change
    assert count() == before + 2
    simulator.control("faults", {"path": "/v1/payment_intents", "method": "POST", "status": 500})
    with pytest.raises(stripe.APIError):
        client.v1.payment_intents.create({"amount": 900, "currency": "usd"}, {"idempotency_key": "five"})
    again = simulator.raw("/v1/payment_intents", INTENT | {"amount": "900"}, Idempotency_Key="five")
    assert again.status == 500 and again.headers["Idempotent-Replayed"] == "true"
    assert count() == before + 2
    simulator.control("faults", {"path": "/v1/balance", "status": 429, "times": 3})
    with pytest.raises(stripe.RateLimitError):
        client.v1.balance.retrieve()
    assert len(simulator.control("faults")["data"]) == 1
    assert simulator.control("faults", method="DELETE")["data"] == []
    assert client.v1.balance.retrieve().object == "balance"


def test_the_switches_are_not_for_other_pages(simulator: Simulator) -> None:
    url = f"{simulator.url}/_simulator/webhooks"
    json_type = {"Content-Type": "application/json"}
    assert fetch(url, b'{"pause": true}', json_type | {"Origin": "https://elsewhere.example"}).status == 403
    assert fetch(url, b"pause=true").status == 400
    assert fetch(url, b'{"colour": 1}', json_type).status == 400
    assert fetch(url, b'{"duplicate": true}', json_type).status == 400
    assert simulator.control("webhooks")["pause"] is False


def _run(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "stripe_simulator", *options],
        cwd=ROOT,
        text=True,
        capture_output=True,
        timeout=20,
    )


def test_the_command_line(simulator: Simulator, tmp_path: Path) -> None:
    state = str(tmp_path / "s.sqlite3")
    assert _run().returncode == 2
    assert _run("--state", state, "--host", "0.0.0.0").returncode == 2
    for rate in ("EUR", "EUR=x", "EUR=0", "ZZZ=1", "USD=1"):
        with pytest.raises(SystemExit):
            parse(["--state", state, "--rate", rate])
    with pytest.raises(SystemExit):
        parse(["--state", state, "--settlement-currency", "zzz"])
    config, _ = parse(["--state", state, "--rate", "EUR=1.1", "--rate", "jpy=0.007"])
    assert {code: str(rate) for code, rate in config.rates.items()} == {"eur": "1.1", "jpy": "0.007"}
    assert (
        _run("--state", state, "--webhook-url", "http://127.0.0.1:9/", "--webhook-secret", "x").returncode
        == 2
    )
    taken = _run("--state", state, "--port", str(simulator.port))
    assert taken.returncode == 1 and "cannot listen" in taken.stderr
    used = _run("--state", str(simulator.state), "--port", "0")
    assert used.returncode == 1 and "already used" in used.stderr


def test_it_ends_with_its_parent(tmp_path: Path) -> None:
    script = (
        "import os, subprocess, sys, time\n"
        "p = subprocess.Popen([sys.executable, '-m', 'stripe_simulator', '--port', '0', "
        "'--state', sys.argv[1],"
        " '--parent-pid', str(os.getpid())], stdout=subprocess.PIPE, text=True)\n"
        "p.stdout.readline(); print(p.pid, flush=True); time.sleep(60)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "s.sqlite3")],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    os.kill(child, 0)
    parent.kill()
    parent.wait()
    parent.stdout.close()

    def gone() -> bool:
        try:
            return Path(f"/proc/{child}/stat").read_text().split()[2] == "Z"
        except OSError:
            try:
                os.kill(child, 0)
            except ProcessLookupError:
                return True
            return False

    until(gone)


def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    made = Simulator(tmp_path / "s.sqlite3")
    session = made.client().v1.checkout.sessions.create(session_params())
    made.stop(signal.SIGKILL)
    made.start()
    assert made.press(str(session.url), "pay").status == 303
    assert made.stop() == 0
    made.start()
    assert made.client().v1.checkout.sessions.retrieve(session.id).payment_status == "paid"
    made.stop()


def test_begun_anew_nothing_is_known(client: stripe.StripeClient, simulator: Simulator, paid: Any) -> None:
    simulator.control("faults", {"path": "/v1/refunds", "status": 500})
    simulator.control("webhooks", {"duplicate": 2})
    fresh = simulator.control("reset", {})
    assert (fresh["objects"], fresh["deliveries"], fresh["faults"], fresh["balance"]["pending"]) == ({}, {}, 0, 0)
    assert fresh["webhooks"]["duplicate"] == 0
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.checkout.sessions.retrieve(paid.id)
