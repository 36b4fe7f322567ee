"""The demonstration plays on both databases, verifies, and is still sensible when left alone for a month."""

import socket
from datetime import timedelta

import pytest

from core import clock, jobs, marks, verify
from core.db import db
from demonstration.cast import CAST, SECRETARIAT, STATES
from tests.support.databases import KIND

pytestmark = [pytest.mark.real_database, pytest.mark.timeout(300)]


def _free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.fixture
def played(databases, tmp_path, monkeypatch, _real_app):
    """An application whose database has just heard the whole story."""
    from operations import prepare
    from operations.child import start_simulator
    from tests.conftest import _make_app

    monkeypatch.setenv("SIMULATOR_PORT", str(_free_port()))
    name, url = databases.copy()
    app = _make_app(url, tmp_path)
    prepare.mark(app, app.extensions["placard_settings"])
    prepare.load_reference_data(app)
    child = start_simulator(app.extensions["placard_settings"])
    try:
        with app.app_context():
            from demonstration.story import play

            play()
            yield app
            db.session.remove()
            db.engine.dispose()
    finally:
        child.terminate()
        child.wait(10)
        databases.done_with(name)


def _faults():
    return [f"{f.name}: {fault}" for f in verify.run_all() for fault in f.faults]


def _states(table):
    rows = db.session.execute(db.text(f"SELECT state, count(*) FROM {table} GROUP BY state")).all()
    return dict(tuple(r) for r in rows)


def test_the_story_and_a_month_alone(played):
    assert _faults() == []
    assert {"draft", "submitted", "returned", "eligible", "ineligible", "withdrawn", "selected", "reserve_list",
            "not_selected"} <= set(_states("application"))
    assert {"draft", "requested", "certified", "approved", "ready", "released", "sent", "unknown", "confirmed",
            "settled"} <= set(_states("disbursement"))
    assert _states("cash_count").keys() == {"agreed"}
    assert set(_states("claim")) == {"wanted", "submitted", "settled", "unclaimed"}
    assert set(_states("recovery")) == {"asked"} and _states("late_claim") == {"asked": 1}
    # a hard day: a possible match, cash with the paymaster, the first of two approving officers, two files that are
    # not for the bank
    assert _states("sanctions_match") == {"open": 1} and _states("payment_loss") == {"asked": 1, "cleared": 1}
    for wanted, query in (
        (2, "disbursement WHERE rail = 'paymaster_cash' AND state = 'sent'"),
        (1, "disbursement d JOIN approval a ON a.subject_id = d.id AND a.step = 'disbursement.approved' "
            "WHERE d.state = 'certified' AND d.second_rule_id IS NOT NULL"),
        (1, "instruction_withdrawal"), (1, "payment_loss l JOIN disbursement d ON d.id = l.disbursement_id "
                                           "WHERE l.state = 'asked' AND d.state = 'released'"),
        (3, "designation"),
    ):
        assert db.session.execute(db.text(f"SELECT count(*) FROM {query}")).scalar_one() == wanted, query
    assert set(_states("delegate_report")) == {"awaited", "received"}
    assert {"closed", "turned_down", "lapsed", "offered", "accepted", "selected", "reserve"} <= set(_states("award"))
    # what is real carries no invented facts of the fund
    real = db.session.execute(db.text(
        'SELECT count(*) FROM "call" c JOIN meeting m ON m.id = c.meeting_id WHERE NOT m.is_demo')).scalar_one()
    assert real == 0
    assert marks.read("demonstration_played_at")
    db.session.rollback()

    from demonstration.story import play

    with pytest.raises(Exception, match="."):
        play()  # never twice on one database
    db.session.rollback()

    # PostgreSQL catches up after five days at a time; every day is played on SQLite
    for day in range(1, 36) if KIND == "sqlite" else range(5, 36, 5):
        instant = clock.real_now() + timedelta(days=day)
        with clock.moved_to(instant):
            for name in jobs.JOBS:
                if not name.startswith(("outbox", "stripe")):
                    assert jobs.run(name, instant).failed == 0, name
    with clock.moved_to(clock.real_now() + timedelta(days=36)):
        assert _faults() == []
        assert "open" not in _states('"call"'), "its live call has closed"
        assert "offered" not in _states("award"), "offers have lapsed"
        assert played.test_client().get("/").status_code == 200


def test_everybody_of_the_cast_is_plainly_invented():
    assert all(m.email.endswith("@demo.example") and m.name.startswith("Demo ") for m in CAST)
    assert all(code.startswith("X") and name.startswith("Demo State X") for code, name, _f in STATES)
    assert SECRETARIAT.startswith("DEMO")
