"""What accounts stood at, at any instant of business time, without reading the history: whole months come from
`account_month`, and of the entries only those of the month that the instant cuts, on the shorter side of the cut: what
stands now costs nothing more than the months. Instants are aware; US cents."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Uuid, bindparam, func, select, text

from core import clock
from core.db import Instant, db
from sponsorship.ledger.models import AccountMonth


@dataclass(frozen=True, slots=True)
class Totals:
    """Debits and credits in US cents, and how many legs made them."""

    debits: int = 0
    credits: int = 0
    legs: int = 0

    def __add__(self, other: Totals) -> Totals:
        return Totals(self.debits + other.debits, self.credits + other.credits, self.legs + other.legs)

    def __sub__(self, other: Totals) -> Totals:
        return Totals(self.debits - other.debits, self.credits - other.credits, self.legs - other.legs)

    def balance(self, side: str) -> int:
        """On this side, D or C."""
        return self.debits - self.credits if side == "D" else self.credits - self.debits


NOTHING = Totals()
Books = Mapping[uuid.UUID, Totals]  # by account; one without entries is not there


def month_of(instant: datetime) -> int:
    """202603 for an instant in March 2026, in UTC."""
    at = instant.astimezone(UTC)
    return at.year * 100 + at.month


def month_start(instant: datetime) -> datetime:
    """When that month began."""
    return instant.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def after(instant: datetime) -> datetime:
    """The first instant after: what is `until` one instant is `before` the next."""
    return instant + timedelta(microseconds=1)


def totals_before(instant: datetime, account_id: uuid.UUID | None = None) -> dict[uuid.UUID, Totals]:
    """Totals of every account (or of one) over all entries that happened before the instant."""
    start, months = month_start(instant), _whole_months(account_id)
    if start == instant:
        return _read(months.where(AccountMonth.month < month_of(instant)), {})
    end = month_start(start + timedelta(days=31))
    if passed(instant, end) < passed(start, instant):  # the month whole, without what came after
        found = _read(months.where(AccountMonth.month <= month_of(instant)), {})
        for key, part in totals_between(instant, end, account_id).items():
            found[key] = found[key] - part
        return {key: totals for key, totals in found.items() if totals != NOTHING}
    found = _read(months.where(AccountMonth.month < month_of(instant)), {})
    for key, part in totals_between(start, instant, account_id).items():
        found[key] = found.get(key, NOTHING) + part
    return found


def passed(start: datetime, end: datetime) -> timedelta:
    """How much of a span has passed by business time: little can have happened in what has not."""
    now = clock.now()
    return max(min(end, now) - min(start, now), timedelta())


def totals_between(start: datetime, end: datetime, account_id: uuid.UUID | None = None) -> dict[uuid.UUID, Totals]:
    """The same from `start` on, before `end`, from the entries themselves: for a span within one month."""
    return _read(_PART_OF_ONE if account_id else _PART, {"start": start, "end": end, "account": account_id})


def _whole_months(account_id: uuid.UUID | None) -> Any:
    query = select(
        AccountMonth.account_id, func.sum(AccountMonth.debits), func.sum(AccountMonth.credits),
        func.sum(AccountMonth.legs),
    ).group_by(AccountMonth.account_id)
    return query.where(AccountMonth.account_id == account_id) if account_id else query


def _part(only: str) -> Any:
    # CROSS JOIN keeps SQLite from starting at an account, whose legs of all time it would have to read
    query = text(
        "SELECT l.account_id, sum(CASE l.side WHEN 'D' THEN l.usd_minor ELSE 0 END), "
        "sum(CASE l.side WHEN 'C' THEN l.usd_minor ELSE 0 END), count(*) FROM entry e CROSS JOIN leg l "
        f"WHERE l.entry_id = e.id AND e.occurred_at >= :start AND e.occurred_at < :end{only} GROUP BY l.account_id"
    ).bindparams(bindparam("start", type_=Instant()), bindparam("end", type_=Instant()))
    return (query.bindparams(bindparam("account", type_=Uuid())) if only else query).columns(account_id=Uuid())


_PART = _part("")
_PART_OF_ONE = _part(" AND l.account_id = :account")


def _read(query: Any, values: dict[str, Any]) -> dict[uuid.UUID, Totals]:
    rows = db.session.execute(query, {k: v for k, v in values.items() if v is not None})
    return {row[0]: Totals(int(row[1]), int(row[2]), int(row[3])) for row in rows}
