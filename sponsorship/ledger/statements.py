"""Statements of account: what happened on one account in a period, in the order in which it happened.

A page costs the same whatever came before it: whole months are skipped by their totals, and of the entries only those
of the month that the page lies in are read, from its nearer end. US cents; days are in UTC.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, cast

from sqlalchemy import Date as SqlDate
from sqlalchemy import Integer, String, TextClause, Uuid, bindparam, func, select, text

from core import clock
from core.db import Instant, db
from sponsorship.ledger.books import AccountRow, get_account
from sponsorship.ledger.models import AccountMonth
from sponsorship.ledger.moments import NOTHING, Totals, month_of, month_start, passed, totals_before, totals_between

FEW = 5_000  # an account of so many legs is read from its own index, a larger one in the order of time
BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Period:
    """Days in UTC, both included."""

    first: date
    last: date

    @property
    def start(self) -> datetime:
        return datetime.combine(self.first, time(), UTC)

    @property
    def end(self) -> datetime:
        """The first instant after it."""
        return datetime.combine(self.last + timedelta(days=1), time(), UTC)


def this_year() -> Period:
    """The year of business time, from its first day to its last."""
    year = clock.today().year
    return Period(date(year, 1, 1), date(year, 12, 31))


@dataclass(frozen=True, slots=True)
class Line:
    """One leg; `balance` is what stood after it, on the account's normal side."""

    balance: int
    entry_id: uuid.UUID
    n: int
    kind: str
    occurred_at: datetime
    recorded_at: datetime
    subject_type: str | None
    subject_id: uuid.UUID | None
    corrects_id: uuid.UUID | None
    side: str
    usd: int
    original_minor: int
    original_currency: str
    rate: str | None
    rate_source: str | None
    rate_date: date | None

    @property
    def debit(self) -> int:
        return self.usd if self.side == "D" else 0

    @property
    def credit(self) -> int:
        return self.usd if self.side == "C" else 0


@dataclass(frozen=True)
class Statement:
    """A page of an account's statement. `opening` and `closing` are the balances around the period, `moved` what it
    came to and how many lines it has in all; `before` is the balance before the first line of this page."""

    account: AccountRow
    period: Period
    opening: int
    moved: Totals
    before: int
    lines: tuple[Line, ...]

    @property
    def closing(self) -> int:
        return self.opening + self.moved.balance(self.account.side)


@dataclass(frozen=True, slots=True)
class _Span:
    """A part of the period within one month, and what happened there."""

    start: datetime
    end: datetime
    moved: Totals


def statement(account_id: uuid.UUID, period: Period, page: int = 1, per_page: int = 50) -> Statement:
    """One page of the account's lines in the period, oldest first. Raises NotFound."""
    account = get_account(account_id)
    start, spans = opening(account, period), _spans(account_id, period)
    reader, before, skip = _Reader(account), start, (max(page, 1) - 1) * per_page
    lines: list[Line] = []
    for span in spans:
        if skip >= span.moved.legs:
            skip -= span.moved.legs
            before += span.moved.balance(account.side)
            continue
        if not lines:
            before += reader.moved_by_first(span, skip)
        lines += reader.page(span, lines[-1].balance if lines else before, skip, per_page - len(lines))
        skip = 0
        if len(lines) == per_page:
            break
    return Statement(account, period, start, sum((s.moved for s in spans), NOTHING), before, tuple(lines))


def statement_lines(account: AccountRow, period: Period, batch: int = BATCH) -> Iterator[list[Line]]:
    """All lines of the period, oldest first, batch by batch: for a file of any length."""
    reader, balance = _Reader(account), opening(account, period)
    for span in _spans(account.id, period):
        lines = reader.page(span, balance, 0, batch)
        while lines:
            yield lines
            balance = lines[-1].balance
            lines = reader.following(span, lines[-1], batch) if len(lines) == batch else []


def opening(account: AccountRow, period: Period) -> int:
    """The balance before the period."""
    return totals_before(period.start, account.id).get(account.id, NOTHING).balance(account.side)


def _spans(account_id: uuid.UUID, period: Period) -> list[_Span]:
    """The months of the period in which something happened; the first and the last may be cut."""
    rows = db.session.execute(
        select(AccountMonth.month, AccountMonth.debits, AccountMonth.credits, AccountMonth.legs)
        .where(AccountMonth.account_id == account_id, AccountMonth.month >= month_of(period.start),
               AccountMonth.month < month_of(period.end) + (month_start(period.end) < period.end))
        .order_by(AccountMonth.month)
    )
    spans = []
    for row in rows:
        start = datetime(row.month // 100, row.month % 100, 1, tzinfo=UTC)
        end = month_start(start + timedelta(days=31))
        moved = Totals(row.debits, row.credits, row.legs)
        if start < period.start or end > period.end:
            moved = _cut(account_id, moved, start, end, period)
            start, end = max(start, period.start), min(end, period.end)
        if moved.legs:
            spans.append(_Span(start, end, moved))
    return spans


def _cut(account_id: uuid.UUID, whole: Totals, start: datetime, end: datetime, period: Period) -> Totals:
    """What of a month lies in the period: read itself, or what lies beside it taken off, whichever is shorter."""
    def between(one: datetime, other: datetime) -> Totals:
        return totals_between(one, other, account_id).get(account_id, NOTHING) if one < other else NOTHING

    first, last = max(start, period.start), min(end, period.end)
    if passed(start, first) + passed(last, end) < passed(first, last):
        return whole - between(start, first) - between(last, end)
    return between(first, last)


# --- rows of one span -------------------------------------------------------------------------------------------
_ORDER = "ORDER BY e.occurred_at, e.id, l.n LIMIT :count"
_BACKWARDS = "ORDER BY e.occurred_at DESC, e.id DESC, l.n DESC LIMIT :count"
_COLUMNS = (
    "e.id, l.n, e.kind, e.occurred_at, e.recorded_at, e.subject_type, e.subject_id, e.corrects_id, l.side, "
    "l.usd_minor, l.original_minor, l.original_currency, l.rate, l.rate_source, l.rate_date"
)
_AFTER = (
    " AND (e.occurred_at, e.id) >= (:at, :entry)"  # what the index knows
    " AND (e.occurred_at, e.id, l.n) > (:at, :entry, :n)"
)


def _query(columns: str, few: bool, more: str) -> TextClause:
    # CROSS JOIN: SQLite reads the tables in the order written
    tables = "leg l CROSS JOIN entry e" if few else "entry e CROSS JOIN leg l"
    return text(
        f"SELECT {columns} FROM {tables} WHERE l.entry_id = e.id AND l.account_id = :account "
        f"AND e.occurred_at >= :start AND e.occurred_at < :end{more}"
    ).bindparams(bindparam("account", type_=Uuid()), bindparam("start", type_=Instant()),
                 bindparam("end", type_=Instant()))


def _typed(query: TextClause) -> Any:
    return query.columns(
        id=Uuid(), n=Integer(), kind=String(), occurred_at=Instant(), recorded_at=Instant(), subject_type=String(),
        subject_id=Uuid(), corrects_id=Uuid(), side=String(), usd_minor=Integer(), original_minor=Integer(),
        original_currency=String(), rate=String(), rate_source=String(), rate_date=SqlDate(),
    )


_PAGE = {(few, order): _typed(_query(_COLUMNS, few, f" {order} OFFSET :skip"))
         for few in (True, False) for order in (_ORDER, _BACKWARDS)}
_NEXT = {
    few: _typed(_query(_COLUMNS, few, f"{_AFTER} {_ORDER}").bindparams(
        bindparam("at", type_=Instant()), bindparam("entry", type_=Uuid())))
    for few in (True, False)
}
_MOVED = {
    (few, order): text(
        "SELECT sum(CASE f.side WHEN 'D' THEN f.usd_minor ELSE 0 END), "
        "sum(CASE f.side WHEN 'C' THEN f.usd_minor ELSE 0 END) FROM "
        f"({_query('l.side, l.usd_minor', few, f' {order}').text}) f"
    ).bindparams(bindparam("account", type_=Uuid()), bindparam("start", type_=Instant()),
                 bindparam("end", type_=Instant()))
    for few in (True, False) for order in (_ORDER, _BACKWARDS)
}


class _Reader:
    """Reads the rows of one account."""

    def __init__(self, account: AccountRow) -> None:
        self.account = account
        legs = db.session.scalar(select(func.sum(AccountMonth.legs)).where(AccountMonth.account_id == account.id))
        self.few = int(legs or 0) <= FEW

    def page(self, span: _Span, balance: int, skip: int, count: int) -> list[Line]:
        """So many lines of the span after the first `skip`, before which the balance was this."""
        after = span.moved.legs - skip - count
        if skip <= after:
            return self._lines(
                db.session.execute(_PAGE[self.few, _ORDER], {**self._of(span, count), "skip": skip}), balance)
        values = {**self._of(span, count + min(after, 0)), "skip": max(after, 0)}
        rows = db.session.execute(_PAGE[self.few, _BACKWARDS], values).all()
        return self._lines(reversed(rows), balance)

    def following(self, span: _Span, last: Line, count: int) -> list[Line]:
        """So many lines of the span after `last`."""
        values = {**self._of(span, count), "at": last.occurred_at, "entry": last.entry_id, "n": last.n}
        return self._lines(db.session.execute(_NEXT[self.few], values), last.balance)

    def moved_by_first(self, span: _Span, count: int) -> int:
        """What the first `count` lines of the span did to the balance."""
        rest = span.moved.legs - count
        if rest < count:
            return (span.moved - self._moved(span, rest, _BACKWARDS)).balance(self.account.side)
        return self._moved(span, count, _ORDER).balance(self.account.side)

    def _moved(self, span: _Span, count: int, order: str) -> Totals:
        if not count:
            return NOTHING
        debits, credits = db.session.execute(_MOVED[self.few, order], self._of(span, count)).one()
        return Totals(int(debits), int(credits), count)

    def _of(self, span: _Span, count: int) -> dict[str, Any]:
        return {"account": self.account.id, "start": span.start, "end": span.end, "count": count}

    def _lines(self, rows: Any, balance: int) -> list[Line]:
        lines = []
        for row in rows:
            balance += row.usd_minor if row.side == self.account.side else -row.usd_minor
            lines.append(Line(balance, *cast(tuple[Any, ...], row)))
        return lines
