"""Many at once. On PostgreSQL each race is first shown to be real, with the guard off; SQLite has one writer, so
there the same crowd shows that nothing breaks and nobody is turned away for want of a turn."""

import threading
import time
import uuid
from collections import Counter

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError, IntegrityError

from core.actor import system
from core.db import command, db
from core.verify import CHECKS
from sponsorship.ledger import books, reservations
from sponsorship.ledger import checks as _checks  # noqa: F401 - registers them
from sponsorship.ledger.models import Entry
from sponsorship.ledger.queries import pool_figures, reservation_state
from sponsorship.ledger.service import (
    Intake,
    NotEnoughMoney,
    ReservationTooSmall,
    account_id,
    confirm_spend,
    open_pool,
    receive,
    release,
    reserve,
    return_spend,
    spend,
)
from tests.integration.test_ledger_posting import new_entry, new_leg, new_posting
from tests.support.crowd import Meeting, at_once

pytestmark = pytest.mark.real_database
TESTS = system("tests")


def postgresql():
    return db.engine.dialect.name == "postgresql"


def faults():
    return [f for name, check in CHECKS.items() if name.startswith("ledger.") for f in check()[1]]


@pytest.fixture
def crowd(app):
    """Money for ten reservations of 100 dollars, in lots that do not match them."""
    pool = open_pool("general", "General")
    for n in range(4):
        receive(pool, Intake(113_00 * 10 // 4), source=("contribution", uuid.uuid4()), key=f"in{n}", actor=TESTS)
    return pool


def fifty(pool):
    return [
        lambda n=n: reserve(("award", uuid.UUID(int=n)), [pool], 100_00, key=f"r{n}", actor=TESTS) for n in range(50)
    ]


def unlocked(size):
    """lock_accounts without the lock: the first `size` have all read before any of them writes."""
    meeting = Meeting(size)

    def read(ids):
        found = dict.fromkeys(ids, 0)
        meeting.wait()
        return found

    return read


def test_fifty_reservations_on_money_for_ten(app, crowd):
    results = at_once(app, fifty(crowd))
    assert Counter(type(r).__name__ for r in results) == {"UUID": 10, "NotEnoughMoney": 40}
    [f] = pool_figures()
    assert (f.reserved, f.available) == (113_00 * 10, 0)
    assert faults() == []


def test_the_race_is_real_with_the_guards_off(app, crowd, monkeypatch):
    if not postgresql():
        return  # BEGIN IMMEDIATE lets one writer in: there is no race to show
    with db.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE account DROP CONSTRAINT ck_account_no_overdraft")
        connection.exec_driver_sql("ALTER TABLE lot DROP CONSTRAINT ck_lot_not_overdrawn")
    monkeypatch.setattr(reservations, "lock_accounts", unlocked(11))
    results = at_once(app, fifty(crowd))
    assert sum(isinstance(r, uuid.UUID) for r in results) > 10
    [f] = pool_figures()
    assert f.available < 0
    assert any("overdrawn" in fault for fault in faults())


def test_the_database_refuses_even_when_the_lock_is_forgotten(app, crowd, monkeypatch):
    if postgresql():  # on SQLite the writer who waits for the others holds the only turn
        monkeypatch.setattr(reservations, "lock_accounts", unlocked(11))
    results = at_once(app, fifty(crowd)[:14])
    won = sum(isinstance(r, uuid.UUID) for r in results)
    assert won <= 10
    assert all(isinstance(r, (uuid.UUID, NotEnoughMoney, IntegrityError)) for r in results), results
    [f] = pool_figures()
    assert f.available >= 0
    assert faults() == []


def test_one_payment_notice_twenty_times_at_once(app, crowd):
    given = ("contribution", uuid.uuid4())
    results = at_once(app, [
        lambda: receive(crowd, Intake(500_00, 5_00), source=given, key="intent:1", actor=TESTS) for _ in range(20)
    ])
    assert len(set(results)) == 1 and isinstance(results[0], uuid.UUID), results
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Entry).where(Entry.key == "intent:1")) == 1
    assert faults() == []


def test_one_reservation_and_one_payment_asked_for_many_times_at_once(app, crowd):
    results = at_once(app, [
        lambda: reserve(("award", uuid.UUID(int=1)), [crowd], 100_00, key="r", actor=TESTS) for _ in range(12)
    ])
    assert len(set(results)) == 1, results
    payments = at_once(app, [lambda: spend(results[0], 60_00, key="s", actor=TESTS) for _ in range(12)])
    assert len(set(payments)) == 1, payments
    assert reservation_state(results[0]).spent_direct == 60_00
    settled = at_once(app, [lambda: confirm_spend(payments[0], key="c", actor=TESTS) for _ in range(12)])
    assert len(set(settled)) == 1, settled
    assert faults() == []


def test_payments_release_and_fees_on_one_reservation(app, crowd):
    reservation = reserve(("award", uuid.UUID(int=1)), [crowd], 1_000_00, key="r", actor=TESTS)
    first = [spend(reservation, 10_00, key=f"first{n}", actor=TESTS) for n in range(10)]
    tasks = [lambda n=n: spend(reservation, 100_00, key=f"s{n}", actor=TESTS) for n in range(12)]
    tasks += [lambda s=s: return_spend(s, key=f"x{s}", actor=TESTS) for s in first[:4]]
    tasks += [lambda s=s: confirm_spend(s, key=f"c{s}", actor=TESTS) for s in first[2:6]]
    tasks += [lambda: release(reservation, key="release", actor=TESTS)]
    results = at_once(app, tasks)
    allowed = (uuid.UUID, ReservationTooSmall, type(None))
    unexpected = [r for r in results if not isinstance(r, allowed) and getattr(r, "code", "") != "ledger.spend_settled"]
    assert unexpected == []
    assert faults() == []


def test_whoever_posts_in_opposite_orders_comes_through(app, crowd):
    """Two pools named in both orders: accounts are locked by identifier, so nobody waits in a circle."""
    other = open_pool("other", "Other")
    receive(other, Intake(113_00 * 10), source=("contribution", uuid.uuid4()), key="other", actor=TESTS)
    results = at_once(app, [
        lambda n=n: reserve(("award", uuid.UUID(int=n)), [crowd, other] if n % 2 else [other, crowd], 101_00,
                            key=f"r{n}", actor=TESTS)
        for n in range(16)
    ])
    assert all(isinstance(r, uuid.UUID) for r in results), results
    assert faults() == []


# --- a leg beside a posting -------------------------------------------------------------------------------------
@pytest.fixture
def unposted(app, crowd):
    """An entry of two legs, committed without its posting: possible only with the deferred foreign key gone."""
    made, entry = new_entry()
    with db.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE entry DROP CONSTRAINT fk_entry_id")
        connection.execute(entry)
        connection.execute(new_leg(made, 0, account_id("bank"), "D", 99))
        connection.execute(new_leg(made, 1, account_id("stripe_clearing"), "C", 99))
    return made


def _bank(connection):
    return connection.execute(sa.text("SELECT debits_posted FROM account WHERE code = 'bank'")).scalar_one()


def test_a_leg_cannot_slip_in_beside_a_posting(app, request):
    if db.engine.dialect.name == "sqlite":
        return  # one writer: nothing stands beside a posting
    made = request.getfixturevalue("unposted")
    posting, slipping = db.engine.connect(), db.engine.connect()
    try:
        posting.begin()
        posting.execute(new_posting(made))
        refusal = []

        def slip():
            try:
                slipping.execute(new_leg(made, 2, account_id("bank"), "D", 1))
                slipping.commit()
            except DatabaseError as error:
                refusal.append(str(error.orig))

        thread = threading.Thread(target=slip)
        thread.start()
        thread.join(0.5)
        assert thread.is_alive()  # it waits for the entry
        posting.commit()
        thread.join(10)
        assert refusal and "the entry is posted" in refusal[0]
        assert _bank(posting) == 99
    finally:
        posting.close()
        slipping.close()
    assert [f for f in faults() if "differ" in f or "balance" in f] == []


def test_a_posting_sees_the_leg_it_waited_for(app, request):
    if db.engine.dialect.name == "sqlite":
        return
    made = request.getfixturevalue("unposted")
    adding, posting = db.engine.connect(), db.engine.connect()
    try:
        adding.begin()
        adding.execute(new_leg(made, 2, account_id("bank"), "D", 1))
        refusal = []

        def post_it():
            try:
                posting.execute(new_posting(made))
                posting.commit()
            except DatabaseError as error:
                refusal.append(str(error.orig))

        thread = threading.Thread(target=post_it)
        thread.start()
        thread.join(0.5)
        assert thread.is_alive()
        adding.commit()
        thread.join(10)
        assert refusal and "does not balance" in refusal[0]
    finally:
        adding.close()
        posting.close()


def test_without_the_lock_the_leg_does_slip_in(app, request):
    """The same with the lock taken out of the triggers: the race is real."""
    if db.engine.dialect.name == "sqlite":
        return
    made = request.getfixturevalue("unposted")
    with db.engine.begin() as connection:
        for function in ("placard_leg_joins", "placard_posting"):
            source = connection.execute(sa.text("SELECT prosrc FROM pg_proc WHERE proname = :n"), {"n": function})
            body = source.scalar_one().replace("FOR UPDATE", "")
            connection.exec_driver_sql(
                f"CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $f${body}$f$"
            )
    adding, posting = db.engine.connect(), db.engine.connect()
    try:
        adding.begin()
        adding.execute(new_leg(made, 2, account_id("bank"), "D", 1))
        posting.execute(new_posting(made))
        posting.commit()
        adding.commit()
    finally:
        adding.close()
        posting.close()
    assert any(f"entry {made} does not balance" in fault for fault in faults())


def test_two_writers_of_one_command_both_finish(app, crowd):
    """Reservations in one command that touch two pools in a row, against the same in the other order: a deadlock
    at worst, which the command repeats."""
    other = open_pool("other", "Other")
    receive(other, Intake(113_00 * 10), source=("contribution", uuid.uuid4()), key="other", actor=TESTS)

    @command
    def both(n, pools):
        for pool in pools:
            reserve(("award", uuid.UUID(int=n)), [pool], 10_00, key=f"{n}:{pool}", actor=TESTS)
            time.sleep(0.02)
        return n

    results = at_once(app, [
        lambda n=n: both(n, [crowd, other] if n % 2 else [other, crowd]) for n in range(2)
    ])
    assert results == [0, 1], results
    assert books.account_by_code("reserved:other").balance == 2 * 11_30
    assert faults() == []
