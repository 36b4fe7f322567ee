"""The webhook: only what Stripe signed, now, is stored; once; and read without ever trusting what it says."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from core import clock, jobs
from core.db import db
from core.errors import IllegalMove, NotAllowed
from core.settings import Settings, SettingsError
from sponsorship.gateways import inbox
from sponsorship.gateways.models import StripeEvent
from sponsorship.gateways.stripe_gateway import GatewayError, StripeGateway
from tests.support.stripe import event, post_event, signed


def stored() -> list[StripeEvent]:
    db.session.rollback()
    db.session.expire_all()
    return db.session.query(StripeEvent).all()


def test_a_signed_event_is_stored_once(client: Any, app: Any) -> None:
    one = event()
    assert [post_event(client, app, one).status_code for _ in range(3)] == [200, 200, 200]
    (row,) = stored()
    assert (row.event_id, row.type, row.object_id, row.state) == (one["id"], one["type"], "cs_test_1", "new")


def test_what_it_says_about_the_payer_is_sealed(client: Any, app: Any) -> None:
    post_event(client, app, event())
    (row,) = stored()
    assert row.payload_sealed and "secret.example" not in row.payload_sealed
    from core import vault

    assert "payer@secret.example" in (vault.unseal(row.id, row.payload_sealed) or "")


SECRET = "whsec_another"


@pytest.mark.parametrize("case", [
    "twice", "infinite", "odd_id", "odd_type",
    "none", "empty", "rubbish", "other_secret", "old", "future", "other_bytes", "not_json", "not_utf8", "thin",
    "a_list", "no_id", "no_object", "number_id", "no_mode", "huge", "deep", "odd_stamp",
])
def test_anything_else_is_answered_400_and_leaves_nothing(client: Any, app: Any, case: str) -> None:
    good = event()
    options: dict[str, Any] = {}
    content: Any = good
    if case == "none":
        options["signature"] = None
    elif case == "empty":
        options["signature"] = ""
    elif case == "rubbish":
        options["signature"] = "t=x,v1=y"
    elif case == "other_secret":
        options["secret"] = SECRET
    elif case == "old":
        options["at"] = int(time.time()) - 600
    elif case == "future":
        options["at"] = int(time.time()) + 3600
    elif case == "other_bytes":
        options["signature"] = signed(json.dumps(event()).encode(), app.extensions["placard_settings"]
                                      .stripe_webhook_secret)
    elif case == "odd_stamp":  # the library reads it, up to the second mark
        options["signature"] = signed(json.dumps(good).encode(), app.extensions["placard_settings"]
                                      .stripe_webhook_secret).replace(",", "=1,", 1)
    elif case == "not_json":
        content = b"not json at all"
    elif case == "not_utf8":
        content = b"\xff\xfe{}"
    elif case == "thin":
        content = {**good, "object": "v2.core.event"}
    elif case == "a_list":
        content = json.dumps([good]).encode()
    elif case == "no_id":
        content = {k: v for k, v in good.items() if k != "id"}
    elif case == "no_object":
        content = {**good, "data": {}}
    elif case == "number_id":
        content = {**good, "id": 7}
    elif case == "no_mode":
        content = {**good, "livemode": None}
    elif case == "twice":
        content = json.dumps(good).replace('"livemode": false', '"livemode": true, "livemode": false').encode()
    elif case == "infinite":
        content = json.dumps({**good, "amount": float("inf")}).encode()
    elif case == "odd_id":
        content = {**good, "id": "evt_1\u0000 or 1=1"}
    elif case == "odd_type":
        content = {**good, "type": "checkout.session\n.completed"}
    elif case == "huge":
        content = {**good, "more": "x" * 600_000}
    elif case == "deep":
        content = b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    assert post_event(client, app, content, **options).status_code == 400
    assert stored() == []


def test_a_secret_being_rotated_signs_twice(client: Any, app: Any) -> None:
    body = json.dumps(event()).encode()
    right = signed(body, app.extensions["placard_settings"].stripe_webhook_secret)
    wrong = signed(body, SECRET, int(right.split(",")[0][2:]))
    both = f"{right},{wrong.split(',')[1]}"
    assert post_event(client, app, body, signature=both).status_code == 200


@pytest.mark.parametrize(("said", "which", "status"), [
    ("whsec_old,whsec_new", "whsec_old", 200), (" whsec_old , whsec_new ,", "whsec_new", 200),
    ("whsec_old,whsec_new", "whsec_older", 400), ("whsec_new", "whsec_old", 400),
    ("whsec_old,whsec_new", "whsec_old,whsec_new", 400),
])
def test_two_secrets_are_good_while_one_takes_the_others_place(
    client: Any, app: Any, monkeypatch: pytest.MonkeyPatch, said: str, which: str, status: int
) -> None:
    settings = replace(app.extensions["placard_settings"], stripe_webhook_secret=said)
    monkeypatch.setitem(app.extensions, "placard_stripe", StripeGateway(settings))
    assert post_event(client, app, event(), secret=which).status_code == status
    assert len(stored()) == (status == 200)


def test_an_old_signature_is_old_under_every_secret(client: Any, app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = replace(app.extensions["placard_settings"], stripe_webhook_secret="whsec_old,whsec_new")
    monkeypatch.setitem(app.extensions, "placard_stripe", StripeGateway(settings))
    answer = post_event(client, app, event(), secret="whsec_new", at=int(time.time()) - 301)
    assert answer.status_code == 400
    assert post_event(client, app, event(), secret="whsec_new", at=int(time.time()) - 290).status_code == 200


@pytest.mark.parametrize(("values", "note"), [
    ({"account": "acct_another"}, "other_account"), ({"context": "org_another"}, "other_account"),
    ({"api_version": "2024-06-20"}, "other_version"), ({"api_version": None}, "other_version"),
    ({"livemode": True, "account": "acct_another"}, "other_mode"),
])
def test_what_is_not_for_this_installation_is_set_aside_and_never_read(
    client: Any, app: Any, values: dict[str, Any], note: str
) -> None:
    post_event(client, app, event(**values))
    (row,) = stored()
    assert (row.state, row.note, row.attempts) == ("unmatched", note, 0)
    assert inbox.due(clock.now(), 10) == []


def test_an_object_without_a_readable_name_is_no_reason_to_refuse_the_event(client: Any, app: Any) -> None:
    one = event("customer.updated")
    one["data"]["object"]["id"] = "cus_1\u0000"
    assert post_event(client, app, one).status_code == 200
    assert stored()[0].object_id == ""


def test_a_cash_balance_is_named_by_its_customer(client: Any, app: Any) -> None:
    one = event("cash_balance.funds_available")
    one["data"]["object"] = {"object": "cash_balance", "customer": "cus_7", "livemode": False}
    post_event(client, app, one)
    assert stored()[0].object_id == "cus_7"


def test_an_event_of_the_other_mode_is_set_aside(client: Any, app: Any) -> None:
    post_event(client, app, event(livemode=True))
    (row,) = stored()
    assert (row.state, row.note) == ("unmatched", "other_mode")


def test_get_is_no_way_in(client: Any) -> None:
    assert client.get("/webhooks/stripe", check=False).status_code == 405


def _read_all() -> None:
    for item, _due, _word in inbox.due(clock.now(), 100):
        db.session.rollback()
        try:
            inbox.perform(item, clock.now())
        except GatewayError:
            db.session.rollback()


def test_unknown_types_are_kept_and_nobody_is_bothered(client: Any, app: Any) -> None:
    post_event(client, app, event("customer.created", "cus_1"))
    _read_all()
    assert {row.type: row.state for row in stored()} == {"customer.created": "ignored"}


def test_failures_are_counted_and_reach_a_person(client: Any, app: Any, make: Any) -> None:
    """Nothing listens where this gateway calls: each try is counted, waits longer, and the last is a person's; but not
    before three days of trying, since a silent Stripe is no fault of the event."""
    post_event(client, app, event())
    for n in (1, 2, inbox.GIVE_UP_AFTER, inbox.GIVE_UP_AFTER + 1, inbox.WAIT_FOR_STRIPE):
        db.session.execute(StripeEvent.__table__.update().values(  # type: ignore[attr-defined]
            due_at=clock.real_now(), attempts=n - 1))
        db.session.commit()
        (row,) = stored()
        assert row.state == "new"
        key = row.id
        db.session.rollback()
        with pytest.raises(GatewayError):
            inbox.perform(key, clock.now())
        (row,) = stored()
        assert row.attempts == n
        assert row.due_at > clock.real_now()
    assert (row.state, row.note) == ("failed", "no_connection")
    key = row.id
    with pytest.raises(NotAllowed):
        inbox.retry(key, make.actor("auditor"))
    manager = make.actor("fund_manager")
    inbox.retry(key, manager)
    (row,) = stored()
    assert (row.state, row.attempts) == ("new", 0)
    with pytest.raises(IllegalMove):
        inbox.explain(key, manager, "Done by hand.")


def test_two_readers_of_one_event_count_one_failure(client: Any, app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else four processes would give an event up for which its payment is still on the way."""
    post_event(client, app, event("charge.refunded", "ch_1"))
    (row,) = stored()
    key = row.id
    db.session.rollback()
    inner: list[str] = []

    def fetch(_about: str) -> Any:
        if not inner:  # while the first waits for its answer, a second reads the same
            inner.append("")
            inner[0] = inbox.perform(key, clock.now())
        raise inbox.TryLater("not yet")

    monkeypatch.setitem(inbox.HANDLERS, "charge.refunded", inbox.Handler(fetch, lambda *_: inbox.DONE))
    assert (inbox.perform(key, clock.now()), inner) == ("later", ["later"])
    assert [row.attempts for row in stored()] == [1]


def test_whoever_comes_later_leaves_a_failed_event_to_its_next_time(client: Any, app: Any) -> None:
    """Two processes found it due; the first has failed and put it off."""
    post_event(client, app, event())
    (key, _due, _type), = inbox.due(clock.now(), 10)
    db.session.rollback()
    with pytest.raises(GatewayError):
        inbox.perform_due(key, clock.now())
    assert inbox.perform_due(key, clock.now()) == "not due"
    assert [row.attempts for row in stored()] == [1]


def test_payloads_are_forgotten_after_a_month(client: Any, app: Any) -> None:
    from sponsorship.gateways.jobs import erase_old_payloads

    post_event(client, app, event("customer.created", "cus_1"))
    _read_all()
    assert erase_old_payloads(clock.real_now()) == 1
    (row,) = stored()
    assert row.payload_sealed is None
    assert len(row.payload_sha256) == 64


@pytest.mark.real_database
def test_twenty_copies_at_once_are_one(app: Any) -> None:
    one, answers = event("customer.created", "cus_1"), []
    start = threading.Barrier(20)

    def send() -> None:
        client = FlaskClient(app, app.response_class)
        body = json.dumps(one).encode()
        header = signed(body, app.extensions["placard_settings"].stripe_webhook_secret)
        start.wait()
        answers.append(client.post("/webhooks/stripe", data=body, headers={"Stripe-Signature": header},
                                   content_type="application/json").status_code)

    threads = [threading.Thread(target=send) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 20
    assert len(stored()) == 1


@pytest.mark.parametrize("values", [
    {"STRIPE_SECRET_KEY": "sk_live_x"}, {"STRIPE_SECRET_KEY": "nonsense"},
    {"STRIPE_SECRET_KEY": "sk_live_x", "STRIPE_API_BASE": "http://127.0.0.1:1"},
    {"STRIPE_WEBHOOK_SECRET": "  "},
])
def test_a_key_that_does_not_fit_stops_the_start(values: dict[str, str], tmp_path: Path) -> None:
    settings = Settings.from_environ({"PLACARD_ENV": "test", "INSTANCE_DIR": str(tmp_path), **values})
    with pytest.raises(SettingsError):
        StripeGateway(settings)


def test_no_call_while_a_transaction_is_open(app: Any) -> None:
    gateway: StripeGateway = app.extensions["placard_stripe"]
    db.session.query(StripeEvent).count()
    with pytest.raises(RuntimeError, match="transaction"):
        gateway.fetch_session("cs_test_1")


def test_the_inbox_job_runs(client: Any, app: Any) -> None:
    post_event(client, app, event("customer.created", "cus_1"))
    assert jobs.run("stripe-inbox").done == 1
