"""What stands behind one pool: its lots, its reservations, its shortfalls. Typed rows, US cents, a fixed number of
queries each."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from sqlalchemy import BigInteger, cast, func, nulls_last, select

from core.db import db
from core.errors import NotFound
from core.web.tables import TableQuery
from sponsorship.ledger.models import Entry, Lot, Pool, Reservation, ReservationLine, Shortfall
from sponsorship.ledger.queries import LotRow, PoolRow

OPEN = "open"


def get_pool(pool_id: uuid.UUID) -> PoolRow:
    """Raises NotFound."""
    row = db.session.execute(
        select(Pool.id, Pool.code, Pool.name, Pool.earmark, Pool.is_demo).where(Pool.id == pool_id)).first()
    if row is None:
        raise NotFound()
    return PoolRow(*row)


@dataclass(frozen=True)
class PoolLot(LotRow):
    """A lot with the kind of its source."""

    source_type: str


@dataclass(frozen=True)
class PoolReservation:
    """What one reservation holds and has spent of this pool. `left` is still set aside, support costs included, as
    they are in `spent`; `direct` and `support` are what was reserved at first."""

    id: uuid.UUID
    subject_type: str
    subject_id: uuid.UUID
    reserved_at: datetime
    entry_id: uuid.UUID
    direct: int
    support: int
    spent: int
    released: int

    @property
    def left(self) -> int:
        return self.direct + self.support - self.spent - self.released


@dataclass(frozen=True)
class PoolShortfall:
    """What reality took when the pool had nothing free: caused by `source`, entered by `entry_id`."""

    entry_id: uuid.UUID
    entry_kind: str
    occurred_at: datetime
    becomes: str
    source_type: str | None
    source_id: uuid.UUID | None
    amount: int
    covered: int

    @property
    def left(self) -> int:
        return self.amount - self.covered


@dataclass(frozen=True)
class Page:
    """Some rows, how many there are in all, and the sums of all by name."""

    rows: tuple[Any, ...]
    total: int
    sums: dict[str, int]


_FREE = Lot.amount_minor - Lot.reserved_minor - Lot.spent_minor - Lot.charged_minor


def lots(pool_id: uuid.UUID, query: TableQuery) -> Page:
    """The pool's lots in the order in which their money is used: end date (none last), deposit, identifier. With the
    filter `state` at `open` only those that have money free."""
    return _page(_lots(pool_id, query), query, PoolLot, "free", ("amount", "reserved", "spent", "charged"))


def all_lots(pool_id: uuid.UUID, query: TableQuery) -> Iterator[PoolLot]:
    """All of them, for a file."""
    return _all(_lots(pool_id, query), PoolLot)


def _lots(pool_id: uuid.UUID, query: TableQuery) -> Any:
    found = select(
        Lot.id, Lot.source_id, Lot.pool_id, Lot.deposited_at, Lot.end_date, Lot.rate_bp,
        Lot.amount_minor.label("amount"), Lot.reserved_minor.label("reserved"), Lot.spent_minor.label("spent"),
        Lot.charged_minor.label("charged"), Lot.source_type,
    ).where(Lot.pool_id == pool_id)
    return _only(found, query, _FREE > 0).order_by(nulls_last(Lot.end_date), Lot.deposited_at, Lot.id)


def reservations(pool_id: uuid.UUID, query: TableQuery) -> Page:
    """The reservations that use the pool, newest first. With the filter `state` at `open` only those that still hold
    money of it."""
    return _page(_reservations(pool_id, query), query, PoolReservation, "left",
                 ("direct", "support", "spent", "released"))


def all_reservations(pool_id: uuid.UUID, query: TableQuery) -> Iterator[PoolReservation]:
    """All of them, for a file."""
    return _all(_reservations(pool_id, query), PoolReservation)


def _reservations(pool_id: uuid.UUID, query: TableQuery) -> Any:
    line = ReservationLine
    direct, support = _sum(line.direct_minor), _sum(line.support_minor)
    spent = _sum(line.spent_direct_minor + line.spent_support_minor)
    released = _sum(line.released_direct_minor + line.released_support_minor)
    found = (
        select(Reservation.id, Reservation.subject_type, Reservation.subject_id, Reservation.reserved_at,
               Reservation.entry_id, direct.label("direct"), support.label("support"), spent.label("spent"),
               released.label("released"))
        .join(line, line.reservation_id == Reservation.id)
        .join(Lot, Lot.id == line.lot_id)
        .where(Lot.pool_id == pool_id)
        .group_by(Reservation.id)
        .order_by(Reservation.reserved_at.desc(), Reservation.id.desc())
    )
    return found.having(direct + support > spent + released) if query.get("state") == OPEN else found


def shortfalls(pool_id: uuid.UUID, query: TableQuery) -> Page:
    """The pool's shortfalls, newest first. With the filter `state` at `open` only those not covered yet."""
    return _page(_shortfalls(pool_id, query), query, PoolShortfall, "left", ("amount", "covered"))


def all_shortfalls(pool_id: uuid.UUID, query: TableQuery) -> Iterator[PoolShortfall]:
    """All of them, for a file."""
    return _all(_shortfalls(pool_id, query), PoolShortfall)


def _shortfalls(pool_id: uuid.UUID, query: TableQuery) -> Any:
    found = (
        select(Shortfall.entry_id, Entry.kind, Entry.occurred_at, Shortfall.becomes, Shortfall.source_type,
               Shortfall.source_id, Shortfall.amount_minor.label("amount"), Shortfall.covered_minor.label("covered"))
        .join(Entry, Entry.id == Shortfall.entry_id)
        .where(Shortfall.pool_id == pool_id)
    )
    found = _only(found, query, Shortfall.covered_minor < Shortfall.amount_minor)
    return found.order_by(Entry.occurred_at.desc(), Shortfall.entry_id.desc())


# --- reading ----------------------------------------------------------------------------------------------------
def _only(found: Any, query: TableQuery, condition: Any) -> Any:
    return found.where(condition) if query.get("state") == OPEN else found


def _sum(amount: Any) -> Any:
    """PostgreSQL's sum of BIGINT is a decimal."""
    return cast(func.coalesce(func.sum(amount), 0), BigInteger)


def _page(found: Any, query: TableQuery, row: Any, left: str, summed: tuple[str, ...]) -> Page:
    """`left` is the row's own property, which holds of the sums as of a row."""
    whole = found.order_by(None).subquery()
    total, *sums = db.session.execute(
        select(func.count(), *(_sum(whole.c[name]) for name in summed)).select_from(whole)).one()
    rows = db.session.execute(found.offset(query.offset).limit(query.limit)) if total else ()
    found_sums = dict(zip(summed, sums, strict=True))
    return Page(tuple(row(*values) for values in rows), total,
                {**found_sums, left: getattr(row, left).fget(SimpleNamespace(**found_sums))})


def _all(found: Any, row: Any) -> Iterator[Any]:
    for values in db.session.execute(found.execution_options(yield_per=1000)):
        yield row(*values)
