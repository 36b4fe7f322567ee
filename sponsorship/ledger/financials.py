"""The fund's financial statement: income and expenditure from the beginning of a year to a day, and the financial
position at its end, each beside the year before. Made of the trial balance and of nothing else, so the two agree to the
cent. US cents; days are in UTC."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sponsorship.ledger.books import AccountRow, as_in, trial_balance
from sponsorship.ledger.chart import KINDS
from sponsorship.ledger.moments import NOTHING, Books, totals_before

# (kind of account, sign with which its normal side counts), in the order of the statement
INCOME = (("received", 1), ("refunded", -1), ("exchange", 1))
EXPENDITURE = (("spent_direct", 1), ("spent_support", 1), ("fees", 1), ("losses", 1), ("fees_lost", 1))
ASSETS = (("bank", 1), ("stripe_clearing", 1), ("suspense_fees", 1), ("suspense_exchange", 1), ("shortfall", 1))
LIABILITIES = (("in_transit", 1), ("support_costs_due", 1), ("refunds_due", 1), ("suspense", 1))


@dataclass(frozen=True, slots=True)
class Item:
    """One line: its kind of account, this year and the year before, US cents, signed as the statement reads."""

    kind: str
    now: int
    before: int


@dataclass(frozen=True, slots=True)
class Section:
    """Lines with their sums."""

    items: tuple[Item, ...]

    @property
    def now(self) -> int:
        return sum(item.now for item in self.items)

    @property
    def before(self) -> int:
        return sum(item.before for item in self.items)


@dataclass(frozen=True, slots=True)
class PoolResult:
    """One pool's year, US cents: opening + income - expenditure = closing, which it may promise or has promised."""

    pool_id: uuid.UUID
    name: str
    opening: int
    income: int
    expenditure: int
    closing: int


@dataclass(frozen=True)
class FinancialStatement:
    """`day` is the last day of the period that begins with its year; `year_before` the whole year before. Net assets:
    assets - liabilities = opening + income - expenditure = reserved + available + nothing else."""

    day: date
    income: Section
    expenditure: Section
    assets: Section
    liabilities: Section
    opening: tuple[int, int]
    reserved: tuple[int, int]
    available: tuple[int, int]
    pools: tuple[PoolResult, ...]

    @property
    def first(self) -> date:
        return date(self.day.year, 1, 1)

    @property
    def before(self) -> date:
        """The last day of the year before."""
        return self.first - timedelta(days=1)

    @property
    def surplus(self) -> tuple[int, int]:
        """Income above expenditure (below zero: a deficit), this year and the year before."""
        return self.income.now - self.expenditure.now, self.income.before - self.expenditure.before

    @property
    def net_assets(self) -> tuple[int, int]:
        """At the end of both."""
        return self.assets.now - self.liabilities.now, self.assets.before - self.liabilities.before


def financial_statement(day: date) -> FinancialStatement:
    """For the year of `day`, up to and including it."""
    accounts = trial_balance()
    midnight = datetime.combine(day + timedelta(days=1), time(), UTC)
    year = datetime(day.year, 1, 1, tzinfo=UTC)
    end, start, earlier = totals_before(midnight), totals_before(year), totals_before(
        year.replace(year=day.year - 1))
    moved, moved_before = as_in(_less(end, start), accounts), as_in(_less(start, earlier), accounts)
    now, then, long_ago = as_in(end, accounts), as_in(start, accounts), as_in(earlier, accounts)
    return FinancialStatement(
        day,
        income=_section(INCOME, moved, moved_before),
        expenditure=_section(EXPENDITURE, moved, moved_before),
        assets=_section(ASSETS, now, then),
        liabilities=_section(LIABILITIES, now, then),
        opening=(_funds(then), _funds(long_ago)),
        reserved=(_sum(now, "reserved"), _sum(then, "reserved")),
        available=(_sum(now, "available"), _sum(then, "available")),
        pools=_pools(moved, then),
    )


def _less(books: Books, other: Books) -> Books:
    return {key: totals - other.get(key, NOTHING) for key, totals in books.items()}


def _sum(accounts: Iterable[AccountRow], kind: str) -> int:
    return sum(row.balance for row in accounts if row.kind == kind)


def _signed(accounts: list[AccountRow], kinds: Iterable[tuple[str, int]]) -> int:
    return sum(sign * _sum(accounts, kind) for kind, sign in kinds)


def _funds(accounts: list[AccountRow]) -> int:
    """What income left after expenditure, since the fund began."""
    return _signed(accounts, INCOME) - _signed(accounts, EXPENDITURE)


def _section(kinds: Iterable[tuple[str, int]], now: list[AccountRow], before: list[AccountRow]) -> Section:
    items = [Item(kind, sign * _sum(now, kind), sign * _sum(before, kind)) for kind, sign in kinds]
    # an account that was given up stands here only where something stood on it
    return Section(tuple(item for item in items if item.kind in KINDS or item.now or item.before))


def _pools(moved: list[AccountRow], then: list[AccountRow]) -> tuple[PoolResult, ...]:
    ids = {row.pool_id: row.pool_name for row in moved if row.pool_id is not None}
    found = []
    for pool_id, name in ids.items():
        assert pool_id is not None
        ours = [row for row in moved if row.pool_id == pool_id]
        opening = _funds([row for row in then if row.pool_id == pool_id])
        income, expenditure = _signed(ours, INCOME), _signed(ours, EXPENDITURE)
        found.append(PoolResult(pool_id, name or "", opening, income, expenditure, opening + income - expenditure))
    return tuple(found)
