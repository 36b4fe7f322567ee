"""What pages and other rooms read from the ledger: typed rows, US cents, a fixed number of queries each.

Figures of today come from the accounts' running totals, those of another instant from the months' (moments.py): their
cost does not grow with history.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast

from sqlalchemy import select, tuple_

from core import clock
from core.db import db
from core.errors import NotFound
from core.money import direct_carried_by
from sponsorship.ledger.models import Account, Entry, HeldReceipt, Lot, Pool, Reservation, ReservationLine, Shortfall
from sponsorship.ledger.moments import NOTHING, Totals, after, totals_before
from sponsorship.ledger.reservations import Line, NotEnoughMoney, free_lots, lines_of, take


@dataclass(frozen=True)
class PoolRow:
    """A pool; `earmark` None means money without one."""

    id: uuid.UUID
    code: str
    name: str
    earmark: dict[str, Any] | None
    is_demo: bool


def list_pools(include_demo: bool = True) -> list[PoolRow]:
    """All pools by code."""
    query = select(Pool.id, Pool.code, Pool.name, Pool.earmark, Pool.is_demo).order_by(Pool.code)
    return [PoolRow(*row) for row in db.session.execute(query if include_demo else query.where(~Pool.is_demo))]


def pools_by_ids(pool_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, PoolRow]:
    """Pools by identifier; unknown ones are left out."""
    rows = db.session.execute(
        select(Pool.id, Pool.code, Pool.name, Pool.earmark, Pool.is_demo).where(Pool.id.in_(set(pool_ids)))
    )
    return {row.id: PoolRow(*row) for row in rows}


@dataclass(frozen=True)
class PoolFigures:
    """One pool at one instant, US cents: received + exchange - refunded - fees - losses = available + reserved +
    spent_direct + spent_support. The shortfall stands apart; `exchange` is signed; `in_transit` is the part of
    spent_direct that the bank has not confirmed yet."""

    pool_id: uuid.UUID
    code: str
    name: str
    earmark: dict[str, Any] | None
    is_demo: bool
    received: int
    refunded: int
    exchange: int
    fees: int
    losses: int
    available: int
    reserved: int
    spent_direct: int
    spent_support: int
    in_transit: int
    shortfall: int

    @property
    def spent(self) -> int:
        return self.spent_direct + self.spent_support

    @property
    def came_in(self) -> int:
        """What came and stayed: came in - went out = available + reserved."""
        return self.received + self.exchange - self.refunded

    @property
    def went_out(self) -> int:
        return self.spent + self.fees + self.losses


FIGURES = (
    "received", "refunded", "exchange", "fees", "losses", "available", "reserved", "spent_direct", "spent_support",
    "in_transit", "shortfall",
)


def pool_figures(include_demo: bool = True, at: datetime | None = None) -> list[PoolFigures]:
    """Every pool's figures, by code: now, or with what had happened until `at` (aware)."""
    query = (
        select(Pool.id, Pool.code, Pool.name, Pool.earmark, Pool.is_demo, Account.id.label("account_id"), Account.kind,
               Account.side, Account.debits_posted, Account.credits_posted)
        .join(Account, Account.pool_id == Pool.id)
        .where(Account.kind.in_(FIGURES))
        .order_by(Pool.code)
    )
    then = None if at is None else totals_before(after(at))
    heads: dict[uuid.UUID, tuple[Any, ...]] = {}
    amounts: dict[uuid.UUID, dict[str, int]] = {}
    for row in db.session.execute(query if include_demo else query.where(~Pool.is_demo)):
        totals = (Totals(row.debits_posted, row.credits_posted) if then is None else
                  then.get(row.account_id, NOTHING))
        heads[row.id] = (row.id, row.code, row.name, row.earmark, row.is_demo)
        amounts.setdefault(row.id, {})[row.kind] = totals.balance(row.side)
    return [PoolFigures(*head, **cast(dict[str, Any], amounts[pool_id])) for pool_id, head in heads.items()]


@dataclass(frozen=True)
class FundFigures:
    """The whole fund at `as_of`: sums over the pools, and what stands outside them."""

    as_of: datetime
    received: int
    refunded: int
    exchange: int
    fees: int
    losses: int
    available: int
    reserved: int
    spent_direct: int
    spent_support: int
    in_transit: int
    shortfall: int
    in_suspense: int
    pools: tuple[PoolFigures, ...]

    @property
    def spent(self) -> int:
        return self.spent_direct + self.spent_support


def fund_figures(include_demo: bool = True) -> FundFigures:
    """Sums over the pools, with the instant at which they were read. Money in suspense is in no pool."""
    pools = pool_figures(include_demo)
    owed = db.session.scalars(
        select(Account.credits_posted - Account.debits_posted)
        .where(Account.code.in_(("suspense", "suspense_exchange"))))
    suspense = sum(owed)
    return FundFigures(
        as_of=clock.now(), in_suspense=suspense, pools=tuple(pools),
        **{name: sum(getattr(pool, name) for pool in pools) for name in FIGURES},
    )


# --- what money carries -----------------------------------------------------------------------------------------
def headroom(pool_ids: Sequence[uuid.UUID]) -> int:
    """Direct cost (US cents) that the free money of these pools carries today, support costs left aside at each
    lot's own rate. What `reserve` would grant, so less than `available` where an end date has passed."""
    pools = list(dict.fromkeys(pool_ids))
    return sum(direct_carried_by(lot.free_minor, lot.rate_bp) for lot in free_lots(pools, clock.now()))


def free_money(pool_ids: Sequence[uuid.UUID]) -> int:
    """US cents of these pools that may be promised today, support costs included; `headroom` is the direct cost of
    it."""
    return sum(lot.free_minor for lot in free_lots(list(dict.fromkeys(pool_ids)), clock.now()))


def support_on(pool_ids: Sequence[uuid.UUID], direct_minor: int) -> int | None:
    """Support costs (US cents) that `reserve` would set aside with this direct cost today; None without the money."""
    try:
        lines, _taken = take(free_lots(list(dict.fromkeys(pool_ids)), clock.now()), direct_minor)
    except NotEnoughMoney:
        return None
    return sum(line["support_minor"] for line in lines)


@dataclass(frozen=True)
class LotRow:
    """One contribution's money in a pool, US cents; free = amount - reserved - spent - charged."""

    id: uuid.UUID
    source_id: uuid.UUID
    pool_id: uuid.UUID
    deposited_at: datetime
    end_date: date | None
    rate_bp: int
    amount: int
    reserved: int
    spent: int
    charged: int

    @property
    def free(self) -> int:
        return self.amount - self.reserved - self.spent - self.charged


def lots_of(source_type: str, source_ids: Iterable[uuid.UUID]) -> list[LotRow]:
    """The lots that came from these sources (contributions), oldest first."""
    rows = db.session.execute(
        select(
            Lot.id, Lot.source_id, Lot.pool_id, Lot.deposited_at, Lot.end_date, Lot.rate_bp, Lot.amount_minor,
            Lot.reserved_minor, Lot.spent_minor, Lot.charged_minor,
        )
        .where(Lot.source_type == source_type, Lot.source_id.in_(set(source_ids)))
        .order_by(Lot.deposited_at, Lot.id)
    )
    return [LotRow(*cast(tuple[Any, ...], row)) for row in rows]


def waiting_minor(source: tuple[str, uuid.UUID]) -> int:
    """US cents of this source that still wait in suspense, as they really came."""
    found = db.session.scalar(
        select(HeldReceipt.gross_minor + HeldReceipt.exchange_minor - HeldReceipt.accepted_minor
               - HeldReceipt.refunded_minor)
        .where(HeldReceipt.source_type == source[0], HeldReceipt.source_id == source[1])
    )
    return int(found or 0)


@dataclass(frozen=True)
class ShortfallRow:
    """What reality took from a pool that had nothing free, US cents; `left` of it nobody has covered yet. `source` is
    what it came from, such as ("dispute", id)."""

    entry_id: uuid.UUID
    pool_id: uuid.UUID
    becomes: str
    source: tuple[str, uuid.UUID] | None
    amount: int
    left: int
    occurred_at: datetime


def shortfalls(
    pool_id: uuid.UUID | None = None, sources: Iterable[tuple[str, uuid.UUID]] | None = None, *, open_only: bool = True
) -> list[ShortfallRow]:
    """Shortfalls of a pool (of all), or of these sources, oldest first; only those still to be covered, unless told
    otherwise."""
    query = (
        select(Shortfall.entry_id, Shortfall.pool_id, Shortfall.becomes, Shortfall.source_type, Shortfall.source_id,
               Shortfall.amount_minor, Shortfall.amount_minor - Shortfall.covered_minor, Entry.occurred_at)
        .join(Entry, Entry.id == Shortfall.entry_id).order_by(Shortfall.entry_id)
    )
    if open_only:
        query = query.where(Shortfall.covered_minor < Shortfall.amount_minor)
    if pool_id is not None:
        query = query.where(Shortfall.pool_id == pool_id)
    if sources is not None:
        query = query.where(tuple_(Shortfall.source_type, Shortfall.source_id).in_(list(sources)))
    return [
        ShortfallRow(entry, pool, becomes, (kind, source) if kind and source else None, amount, left, at)
        for entry, pool, becomes, kind, source, amount, left, at in db.session.execute(query)
    ]


@dataclass(frozen=True)
class LotUse:
    """What one contribution's money does in one reservation, US cents. `reserved_*` is what is still set aside,
    `spent_*` what was paid (in transit included), net of payments that came back."""

    source_id: uuid.UUID
    lot_id: uuid.UUID
    pool_id: uuid.UUID
    reservation_id: uuid.UUID
    subject_type: str
    subject_id: uuid.UUID
    reserved_direct: int
    reserved_support: int
    spent_direct: int
    spent_support: int


def lot_uses(source_type: str, source_ids: Iterable[uuid.UUID]) -> list[LotUse]:
    """Every reservation that still holds or has spent money of these sources (contributions), oldest first."""
    direct = ReservationLine.direct_minor - ReservationLine.spent_direct_minor - ReservationLine.released_direct_minor
    support = (
        ReservationLine.support_minor - ReservationLine.spent_support_minor - ReservationLine.released_support_minor
    )
    rows = db.session.execute(
        select(
            Lot.source_id, Lot.id, Lot.pool_id, Reservation.id, Reservation.subject_type, Reservation.subject_id,
            direct, support, ReservationLine.spent_direct_minor, ReservationLine.spent_support_minor,
        )
        .join(ReservationLine, ReservationLine.lot_id == Lot.id)
        .join(Reservation, Reservation.id == ReservationLine.reservation_id)
        .where(
            Lot.source_type == source_type, Lot.source_id.in_(set(source_ids)),
            (direct > 0) | (ReservationLine.spent_direct_minor > 0),
        )
        .order_by(Reservation.reserved_at, Reservation.id, ReservationLine.n)
    )
    return [LotUse(*cast(tuple[Any, ...], row)) for row in rows]


@dataclass(frozen=True)
class ReservationState:
    """A reservation with its lines, US cents."""

    id: uuid.UUID
    lines: tuple[Line, ...]

    @property
    def direct(self) -> int:
        return sum(line.direct for line in self.lines)

    @property
    def support(self) -> int:
        return sum(line.support for line in self.lines)

    @property
    def left_direct(self) -> int:
        """What may still be spent."""
        return sum(line.left_direct for line in self.lines)

    @property
    def spent_direct(self) -> int:
        return sum(line.spent_direct for line in self.lines)

    @property
    def spent_support(self) -> int:
        return sum(line.spent_support for line in self.lines)


def reservation_state(reservation_id: uuid.UUID) -> ReservationState:
    """Raises NotFound."""
    lines = lines_of(reservation_id)
    if not lines:
        raise NotFound()
    return ReservationState(reservation_id, tuple(lines))
