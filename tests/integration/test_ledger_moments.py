"""Balances at any instant, statements of any period, the financial statement of any day: each is what a slow sum over
all legs says."""

import os
import uuid
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import clock
from core.actor import system
from core.db import db
from core.errors import NotFound
from core.verify import CHECKS
from sponsorship.ledger import books, financials, statements
from sponsorship.ledger.models import Account, Entry, Leg
from sponsorship.ledger.moments import totals_before
from sponsorship.ledger.queries import FIGURES, pool_figures
from sponsorship.ledger.service import (
    Intake,
    account_id,
    charge_fee,
    confirm_spend,
    credit,
    debit,
    open_pool,
    post,
    receive,
    receive_in_suspense,
    release,
    reserve,
    spend,
    take_back,
)
from sponsorship.ledger.statements import Period

TESTS = system("tests")
EXAMPLES = int(os.environ.get("SOAK_EXAMPLES", "12"))
FREE = ("bank", "stripe_clearing", "support_costs_due")  # may stand on either side
SECOND = timedelta(seconds=1)
TICK = timedelta(microseconds=1)
# instants on and around the edges of months and years, where a mistake of one would show
EDGES = [datetime(2025, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC),
         datetime(2026, 2, 28, 23, 59, 59, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)]
instants = st.one_of(
    st.sampled_from(EDGES),
    st.datetimes(datetime(2025, 11, 1), datetime(2026, 4, 30), timezones=st.just(UTC)),
)
days = st.dates(date(2025, 11, 1), date(2026, 4, 30))


def faults():
    return [f for name, check in CHECKS.items() if name.startswith("ledger.") for f in check()[1]]


def all_legs():
    return db.session.execute(
        sa.select(Leg.account_id, Leg.entry_id, Leg.n, Leg.side, Leg.usd_minor, Entry.occurred_at)
        .join(Entry, Entry.id == Leg.entry_id).order_by(Entry.occurred_at, Entry.id, Leg.n)).all()


def summed(legs, until):
    """{account: (debits, credits)} of what had happened by then."""
    found = defaultdict(lambda: [0, 0])
    for leg in legs:
        if leg.occurred_at <= until:
            found[leg.account_id][leg.side == "C"] += leg.usd_minor
    return {key: tuple(value) for key, value in found.items()}


@settings(max_examples=EXAMPLES, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    facts=st.lists(st.tuples(instants, st.permutations(FREE), st.integers(1, 10**9)), min_size=1, max_size=12),
    asked=st.lists(instants, min_size=1, max_size=4), first=days, length=st.integers(0, 120),
    per_page=st.integers(1, 7),
)
def test_every_balance_is_the_sum_of_all_legs(app, facts, asked, first, length, per_page):
    open_pool("general", "General")
    for at, (one, other, _rest), amount in facts:
        post("payout", [debit(account_id(one), amount), credit(account_id(other), amount)], key=uuid.uuid4().hex,
             actor=TESTS, occurred_at=at)
    legs = all_legs()
    for at in [*asked, *(fact[0] for fact in facts[:2]), *(fact[0] - TICK for fact in facts[:2])]:
        expected = summed(legs, at)
        assert {r.id: (r.debits, r.credits) for r in books.trial_balance(at) if r.debits or r.credits} == expected
        one = account_id(facts[0][1][0])
        row = books.get_account(one, at)
        assert (row.debits, row.credits) == expected.get(one, (0, 0))
    period = Period(first, first + timedelta(days=length))
    for name in FREE:
        statement_is_right(account_id(name), period, per_page, legs)


def statement_is_right(account, period, per_page, legs):
    row = books.get_account(account)
    sign = {"D": 1, "C": -1} if row.side == "D" else {"D": -1, "C": 1}
    mine = [leg for leg in legs if leg.account_id == account]
    balance = sum(sign[leg.side] * leg.usd_minor for leg in mine if leg.occurred_at < period.start)
    expected, opening = [], balance
    for leg in mine:
        if period.start <= leg.occurred_at < period.end:
            balance += sign[leg.side] * leg.usd_minor
            expected.append((leg.entry_id, leg.n, balance))
    found, page = [], 1
    while True:
        shown = statements.statement(account, period, page, per_page)
        assert (shown.opening, shown.closing, shown.moved.legs) == (opening, balance, len(expected))
        assert shown.before == (found[-1][2] if found else opening)
        if not shown.lines:
            break
        found += [(line.entry_id, line.n, line.balance) for line in shown.lines]
        page += 1
    assert found == expected
    assert page == -(-len(expected) // per_page) + 1
    streamed = [line for batch in statements.statement_lines(row, period, per_page) for line in batch]
    assert [(line.entry_id, line.n, line.balance) for line in streamed] == expected


@pytest.mark.parametrize("few", [0, 10**9])
def test_a_statement_is_the_same_whichever_way_it_is_read(app, monkeypatch, few):
    """By the account's own index or in the order of time; with many lines of one instant and of one entry."""
    monkeypatch.setattr(statements, "FEW", few)
    open_pool("general", "General")
    at = datetime(2026, 3, 31, 12, tzinfo=UTC)
    for n in range(9):
        legs = [debit(account_id("bank"), 5 + n), debit(account_id("bank"), 1),
                credit(account_id("stripe_clearing"), 6 + n)]
        post("payout", legs, key=f"p{n}", actor=TESTS, occurred_at=at + timedelta(days=n // 3))
    for size in (1, 2, 4, 50):
        statement_is_right(account_id("bank"), Period(date(2026, 1, 1), date(2026, 12, 31)), size, all_legs())
        statement_is_right(account_id("bank"), Period(date(2026, 3, 31), date(2026, 4, 1)), size, all_legs())


def test_no_account_no_statement(app):
    with pytest.raises(NotFound):
        statements.statement(uuid.uuid4(), Period(date(2026, 1, 1), date(2026, 1, 1)))
    with pytest.raises(NotFound):
        books.get_account(uuid.uuid4(), clock.now())


def test_an_instant_is_read_without_the_history(app, queries):
    """Whole months come from their totals: what is read of the entries is one statement, however long the history."""
    open_pool("general", "General")

    def cost(at):
        queries.clear()
        books.trial_balance(at)
        return [q for q in queries if "FROM entry" in q]

    for month in range(1, 10):
        post("payout", [debit(account_id("bank"), 5), credit(account_id("stripe_clearing"), 5)], key=f"m{month}",
             actor=TESTS, occurred_at=datetime(2026, month, 15, tzinfo=UTC))
    assert len(cost(datetime(2026, 9, 20, tzinfo=UTC))) == 1
    assert cost(datetime(2026, 9, 1, tzinfo=UTC) - TICK) == []  # the end of a month needs none


@pytest.fixture
def two_years(app):
    """Money of two pools over two years: given, promised, spent, sent back, lost, waiting."""
    pools = [open_pool("africa", "African Group", {"group": ["African"]}), open_pool("general", "General")]
    at = iter(datetime(2025, 3, 1, tzinfo=UTC) + timedelta(days=37 * n) for n in range(40))
    for pool in pools:
        given_by = ("contribution", uuid.uuid4())
        receive(pool, Intake(500_000, 1_234), source=given_by, key=f"in{pool}", actor=TESTS, occurred_at=next(at))
        held = reserve(("award", uuid.uuid4()), [pool], 200_000, key=f"r{pool}", actor=TESTS, occurred_at=next(at))
        paid = spend(held, 50_000, key=f"s{pool}", actor=TESTS, occurred_at=next(at))
        confirm_spend(paid, key=f"c{pool}", actor=TESTS, bank_fee_minor=25, occurred_at=next(at))
        spend(held, 10_000, key=f"t{pool}", actor=TESTS, occurred_at=next(at))
        take_back(400_000, source=given_by, clearing="stripe_clearing", kind="takeback.dispute", bearer_pool_id=pool,
                  key=f"d{pool}", actor=TESTS, occurred_at=next(at))
        release(held, key=f"x{pool}", actor=TESTS, occurred_at=next(at))
        charge_fee(pool, 1_500, subject=("pool", pool), key=f"f{pool}", actor=TESTS, occurred_at=next(at))
        receive_in_suspense(Intake(7_000, 70), source=("contribution", uuid.uuid4()), key=f"w{pool}", actor=TESTS,
                            occurred_at=next(at))
    assert faults() == []
    return pools


def test_figures_of_pools_at_every_instant(two_years):
    legs = all_legs()
    accounts = {row.id: row for row in db.session.query(Account)}
    for at in [legs[0].occurred_at - TICK, *(leg.occurred_at for leg in legs), *(
            leg.occurred_at - TICK for leg in legs)]:
        expected = defaultdict(int)
        for key, (debits, credits) in summed(legs, at).items():
            account = accounts[key]
            expected[account.pool_id, account.kind] += (debits - credits) * (1 if account.side == "D" else -1)
        for figures in pool_figures(at=at):
            for name in FIGURES:
                assert getattr(figures, name) == expected[figures.pool_id, name], (at, name)
            assert figures.available + figures.reserved == (
                figures.received + figures.exchange - figures.refunded - figures.fees - figures.losses - figures.spent)
    assert pool_figures(at=clock.now() + timedelta(days=999)) == pool_figures()


@pytest.mark.parametrize("day", [
    date(2024, 12, 31), date(2025, 2, 28), date(2025, 12, 31), date(2026, 1, 1), date(2026, 6, 30), date(2027, 12, 31),
])
def test_the_financial_statement_agrees_with_the_trial_balance(two_years, day):
    found = financials.financial_statement(day)
    end = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1) - TICK
    trial = defaultdict(int)
    for row in books.trial_balance(end):
        trial[row.kind] += row.balance
    for item in (*found.assets.items, *found.liabilities.items):
        assert item.now == trial[item.kind]
    assert {i.kind for i in (*found.assets.items, *found.liabilities.items)} == {
        kind for kind, row in books.KINDS.items() if row.nature in ("asset", "liability")}
    assert {i.kind for i in (*found.income.items, *found.expenditure.items)} == {
        kind for kind, row in books.KINDS.items() if row.nature in ("income", "expense")}
    earned = trial["received"] - trial["refunded"] + trial["exchange"]
    spent = sum(trial[kind] for kind in ("spent_direct", "spent_support", "fees", "losses"))
    assert found.opening[0] + found.surplus[0] == earned - spent == found.net_assets[0]
    assert found.net_assets[0] == trial["appropriated"] == found.reserved[0] + found.available[0]
    assert found.opening == (found.net_assets[1], found.opening[1])
    assert found.opening[1] + found.surplus[1] == found.net_assets[1]
    before = financials.financial_statement(found.before)
    assert (before.net_assets[0], before.surplus[0]) == (found.net_assets[1], found.surplus[1])
    assert sum(pool.closing for pool in found.pools) == found.net_assets[0]
    assert sum(pool.income - pool.expenditure for pool in found.pools) == found.surplus[0]


def test_a_financial_statement_of_nothing(app):
    found = financials.financial_statement(date(2026, 5, 1))
    assert found.net_assets == (0, 0) and found.pools == () and found.income.now == 0


def test_totals_of_an_empty_ledger(app):
    assert totals_before(clock.now()) == {}
