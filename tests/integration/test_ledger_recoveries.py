"""Money that payees pay back: to the same lots, support costs with it, never more than was paid."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from core.actor import system
from core.db import db, new_id
from core.errors import RuleBroken
from core.verify import run_all
from sponsorship.ledger import service as ledger
from sponsorship.ledger.models import Lot
from sponsorship.ledger.queries import pool_figures

TESTS = system("tests")


def paid(lots=((50_000, 1300), (80_000, 700)), direct=100_000, payment=90_000):
    """A confirmed payment out of a reservation over two lots with their own rates of support costs."""
    pool = ledger.open_pool(f"p{new_id().hex[-8:]}", "Pool")
    for amount, rate in lots:
        ledger.receive(pool, ledger.Intake(amount), rate_bp=rate, source=("test", new_id()), key=f"in:{new_id()}",
                       actor=TESTS)
    reservation = ledger.reserve(("award", new_id()), [pool], direct, key=f"r:{new_id()}", actor=TESTS)
    spend = ledger.spend(reservation, payment, key=f"s:{new_id()}", actor=TESTS)
    return pool, reservation, spend


def figures(pool):
    return next(f for f in pool_figures() if f.pool_id == pool)


def faults():
    return [f for finding in run_all() if finding.name.startswith("ledger") for f in finding.faults]


def back(spend, cents, key=None):
    return ledger.recover(spend, cents, key=key or f"b:{new_id()}", actor=TESTS, subject=("recovery", new_id()))


def test_money_comes_back_in_parts_to_the_lots_it_came_from(app):
    pool, reservation, spend = paid()
    with pytest.raises(RuleBroken) as caught:
        back(spend, 100)
    assert caught.value.code == "ledger.not_confirmed"
    ledger.confirm_spend(spend, key=f"c:{new_id()}", actor=TESTS)
    before = figures(pool)
    first, second = (lot.spent_minor for lot in db.session.query(Lot).filter_by(pool_id=pool).order_by(Lot.id))
    about = ("recovery", new_id())
    entry = ledger.recover(spend, 30_000, key="once", actor=TESTS, subject=about)
    assert ledger.recover(spend, 30_000, key="once", actor=TESTS, subject=about) == entry
    with pytest.raises(ledger.KeyReused):
        ledger.recover(spend, 30_001, key="once", actor=TESTS, subject=about)
    db.session.expire_all()
    now_first, now_second = (lot.spent_minor
                             for lot in db.session.query(Lot).filter_by(pool_id=pool).order_by(Lot.id))
    assert now_first == first and now_second < second  # what was taken last comes back first
    now = figures(pool)
    assert before.spent_direct - now.spent_direct == 30_000
    assert now.reserved - before.reserved == 30_000 + before.spent_support - now.spent_support
    assert not faults()
    with pytest.raises(RuleBroken) as caught:
        ledger.return_spend(spend, key="later", actor=TESTS)
    assert caught.value.code == "ledger.spend_recovered"
    back(spend, 60_000)
    now = figures(pool)
    assert (now.spent_direct, now.spent_support) == (0, 0)
    with pytest.raises(ledger.MoreThanSpent) as more:
        back(spend, 1)
    assert more.value.left_minor == 0
    ledger.release(reservation, key="end", actor=TESTS)
    assert figures(pool).reserved == 0 and figures(pool).available == 130_000
    assert not faults()
    with pytest.raises(DBAPIError), db.session.begin_nested():
        db.session.execute(text(
            "INSERT INTO spend_recovery (entry_id, spend_id, reservation_line_id, direct_minor, support_minor) "
            "SELECT confirm_entry_id, id, (SELECT reservation_line_id FROM spend_line LIMIT 1), 1, 0 FROM spend "
            "WHERE confirm_entry_id IS NOT NULL LIMIT 1"))
    for statement in ("UPDATE spend_recovery SET direct_minor = 1", "DELETE FROM spend_recovery"):
        with pytest.raises(DBAPIError), db.session.begin_nested():
            db.session.execute(text(statement))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(1, 40_000), min_size=1, max_size=5), st.integers(1, 90_000))
def test_whatever_parts_come_back_the_books_hold(app, parts, payment):
    """What stays charged is always floor(rate x what stays spent), line by line; `verify` proves the rest."""
    pool, _reservation, spend = paid(payment=payment)
    ledger.confirm_spend(spend, key=f"c:{new_id()}", actor=TESTS)
    left = payment
    for cents in parts:
        if cents > left:
            with pytest.raises(ledger.MoreThanSpent) as caught:
                back(spend, cents)
            assert caught.value.left_minor == left
        else:
            back(spend, cents)
            left -= cents
        assert figures(pool).spent_direct == left
    assert not faults()
