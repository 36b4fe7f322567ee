"""Thousands of Stripe's events, shuffled and repeated, read by several processes at once: the same books as those of
one reader to whom everything happens in order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core import jobs, verify
from core.db import db
from core.money import Money
from sponsorship.gateways.models import StripeEvent
from tests.conftest import _make_app
from tests.support import storm as storms
from tests.support.crowd import in_processes
from tests.support.databases import KIND, Databases
from tests.support.soak import SEED, count, note
from tests.support.stripe import event

pytestmark = [pytest.mark.real_database, pytest.mark.timeout(7200)]
POSTGRESQL = KIND == "postgresql"
# deliveries, repetitions among them
EVENTS = count("EVENTS", 500 if POSTGRESQL else 80)
WORKERS = 4 if POSTGRESQL else 2


def test_any_order_over_several_workers_leaves_the_same_books(
    app: Any, make: Any, databases: Databases, tmp_path: Path
) -> None:
    storm = storms.brew(app, make, EVENTS * 5 // 8, SEED)  # the rest are repetitions
    name, url = databases.copy(_settled(app))
    try:
        storms.straight(storm)
        straight = storms.digest()
        other = _make_app(url, tmp_path)  # with the same keys
        with other.app_context():
            other.extensions["placard_stripe"] = storm.stripe
            _storm(other, storm)
            shuffled = storms.digest()
            _sound()
            db.session.remove()
            db.engine.dispose()
        _sound()
        for part, wanted in straight.items():
            assert shuffled[part] == wanted, part
        assert straight["balances"] and len(straight["papers"]) > EVENTS // 10
    finally:
        databases.drop(name)


def _settled(app: Any) -> str:
    """The name of the test's own database, with nobody connected."""
    url = db.engine.url
    db.session.remove()
    db.engine.dispose()  # SQLite writes the last connection's log into the file
    return Path(str(url.database)).stem if url.get_backend_name() == "sqlite" else str(url.database)


def _storm(app: Any, storm: storms.Storm) -> None:
    everything = storms.shuffled(storm, SEED)
    payments = sum(session.is_paid for session in storm.stripe.sessions.values())
    note(f"{len(everything):,} deliveries of {len(storm.events):,} events, {payments:,} payments, {WORKERS} workers")
    in_processes(app, [lambda n=n: storms.deliver(everything[n::WORKERS]) for n in range(WORKERS)])
    for _ in range(8):  # what came before its payment is tried again later, as often as it takes
        if not storms.unread():
            break
        storms.time_passes()
        in_processes(app, [lambda: jobs.run("stripe-inbox")] * WORKERS)
    left = db.session.query(StripeEvent.state, StripeEvent.type, StripeEvent.note, StripeEvent.attempts)
    assert left.filter(StripeEvent.state != "done").all() == []
    assert db.session.query(StripeEvent).count() == len({content["id"] for content in everything}) + storm.early


def _sound() -> None:
    db.session.rollback()
    wanted = ("contributions.", "ledger.", "gateways.")
    assert [f for c in verify.run_all() if c.name.startswith(wanted) for f in c.faults] == []
    db.session.rollback()


def test_news_that_comes_before_its_payment_is_read_again(app: Any, make: Any) -> None:
    """A refund or a dispute may be heard of before the payment itself: it waits, and is a person's only when that
    never comes."""
    storm = storms.brew(app, make, 1, 1)
    session = next(iter(storm.stripe.sessions))
    storm.stripe.sessions[session] = replace(storm.stripe.sessions[session], status="open", payment_status="unpaid")
    storm.stripe.pay(session, 0)
    amount = storm.stripe.sessions[session].amount
    assert amount is not None
    storm.stripe.refund_in_dashboard(f"pi_{session}", Money(1, amount.currency))
    storm.stripe.dispute(f"pi_{session}", Money(1, amount.currency), 0)
    paid, refunded, disputed = (event(kind, thing) for kind, thing in storm.stripe.news[-4:-1])
    assert [storms.read(news) for news in (refunded, disputed)] == ["later", "later"]
    assert storms.read(paid) == "settle"
    storms.time_passes()
    assert {word for _key, word in jobs.run("stripe-inbox").results} == {"settle"}
    stranger = storm.stripe.dispute("pi_of_somebody", Money(1, "USD"), 0).dispute_id
    words = [storms.read(event("charge.dispute.created", stranger))]
    while storms.unread():
        storms.time_passes()
        words += [word for _key, word in jobs.run("stripe-inbox").results]
    assert words == ["later"] * 9 + ["given up"]
    assert db.session.query(StripeEvent.note).filter_by(object_id=stranger).scalar() == "unknown_dispute"
