"""The fund year by year (UTC years of what happened), from the accounts' monthly totals: never from entries."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import case, func, select

from core import clock
from core.db import db
from core.money import Money, usd
from sponsorship.ledger.chart import KINDS
from sponsorship.ledger.models import Account, AccountMonth, Pool
from sponsorship.transparency.models import PledgeYear
from sponsorship.transparency.statement_sums import held_by_disputes

CAME = ("received", "exchange")
WENT = ("refunded", "fees", "losses", "spent_direct", "spent_support")
# of one pool: what says nothing of whose journeys it carried
MONEY_IN = ("received", "exchange", "refunded", "disputed", "fees")


@dataclass(frozen=True, slots=True)
class YearLine:
    """One year in US dollars: opening + received + exchange - refunded - disputed - fees - losses - spent_direct
    - spent_support = closing, which is what was reserved and available together when the year ended (or is now).
    `disputed` is what banks took in the year and hold today until a dispute is decided. `pledged` was announced in the
    year and stands outside it; `exchange` is signed."""

    year: int
    opening: Money
    pledged: Money
    received: Money
    exchange: Money
    refunded: Money
    disputed: Money
    fees: Money
    losses: Money
    spent_direct: Money
    spent_support: Money
    closing: Money

    @property
    def spent(self) -> Money:
        return self.spent_direct + self.spent_support


def year_lines(include_demo: bool = True) -> tuple[YearLine, ...]:
    """Every year from the first in which anything was pledged or moved to the present one. Four queries at most;
    nothing where nothing ever happened."""
    moved: dict[int, dict[str, int]] = {}
    for row in db.session.execute(_by_year(include_demo)):
        moved.setdefault(row.year, {})[row.kind] = int(row.balance)
    for held in held_by_disputes(include_demo):
        _tell_apart(moved.setdefault(held.year, {}), held.cents)
    pledged = {row.year: row.usd_minor for row in db.session.execute(select(PledgeYear.year, PledgeYear.usd_minor))}
    if not moved and not pledged:
        return ()
    lines, opening = [], 0
    for year in range(min({*moved, *pledged}), max({*moved, *pledged, clock.today().year}) + 1):
        found = moved.get(year, {})
        closing = opening + sum(found.get(k, 0) for k in CAME) - sum(found.get(k, 0) for k in (*WENT, "disputed"))
        lines.append(YearLine(
            year=year, opening=usd(opening), pledged=usd(pledged.get(year, 0)), closing=usd(closing),
            **{kind: usd(found.get(kind, 0)) for kind in (*CAME, *WENT, "disputed")}))
        opening = closing
    return tuple(lines)


def pools_in_year(year: int, include_demo: bool = True) -> dict[uuid.UUID, dict[str, int]]:
    """What came into each pool in a year, US cents by what it was (MONEY_IN). Three queries at most."""
    found: dict[uuid.UUID, dict[str, int]] = {}
    rows = db.session.execute(
        _sums(include_demo, Account.pool_id)
        .where(Account.kind.in_(MONEY_IN), AccountMonth.month > year * 100, AccountMonth.month < year * 100 + 100)
        .group_by(Account.pool_id, Account.kind)
    )
    for row in rows:
        found.setdefault(row.pool_id, {})[row.kind] = int(row.balance)
    for held in held_by_disputes(include_demo):
        if held.year == year:
            _tell_apart(found.setdefault(held.pool_id, {}), held.cents)
    return found


def _tell_apart(found: dict[str, int], held: int) -> None:
    """What the books call paid back is so much less, and held by donors' banks."""
    found["refunded"] = found.get("refunded", 0) - held
    found["disputed"] = found.get("disputed", 0) + held


def _by_year(include_demo: bool) -> Any:
    year = (AccountMonth.month // 100).label("year")
    return _sums(include_demo, year).where(Account.kind.in_(CAME + WENT)).group_by(year, Account.kind)


def _sums(include_demo: bool, key: Any) -> Any:
    """Balances on the normal side of each kind of account, by `key`."""
    debits = [kind for kind in CAME + WENT if KINDS[kind].side == "D"]
    balance = func.sum(case((Account.kind.in_(debits), AccountMonth.debits - AccountMonth.credits),
                            else_=AccountMonth.credits - AccountMonth.debits)).label("balance")
    query = (
        select(key, Account.kind, balance).join(AccountMonth, AccountMonth.account_id == Account.id)
        .join(Pool, Pool.id == Account.pool_id)
    )
    return query if include_demo else query.where(~Pool.is_demo)
