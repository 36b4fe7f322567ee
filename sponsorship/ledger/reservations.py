"""Promises: money reserved for an award, and released when the promise ends."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, nulls_last, or_, select, update

from core import clock
from core.actor import Actor
from core.db import command, db, new_id
from core.errors import NotFound
from core.money import direct_carried_by, support_costs
from sponsorship.ledger.chart import account_id
from sponsorship.ledger.models import Lot, LotMovement, Pool, Reservation, ReservationLine, tables
from sponsorship.ledger.posting import (
    KeyReused,
    LegSpec,
    NotEnoughMoney,
    Subject,
    credit,
    debit,
    find_entry,
    lock_accounts,
    nonzero,
    post_once,
)

_lot, _movement, _reservation, _line = tables(Lot, LotMovement, Reservation, ReservationLine)


@dataclass(frozen=True, slots=True)
class FreeLot:
    """A lot with free money (US cents) and its rate of support costs in basis points."""

    id: uuid.UUID
    pool_id: uuid.UUID
    rate_bp: int
    free_minor: int


def free_lots(pool_ids: Sequence[uuid.UUID], at: datetime) -> list[FreeLot]:
    """Lots with free money whose end date has not passed, in the order in which they are used: pools as given
    (narrowest earmark first), then end date (none last), instant of deposit, identifier."""
    free = _lot.c.amount_minor - _lot.c.reserved_minor - _lot.c.spent_minor - _lot.c.charged_minor
    rows = db.session.execute(
        select(_lot.c.id, _lot.c.pool_id, _lot.c.rate_bp, free.label("free"))
        .where(
            _lot.c.pool_id.in_(set(pool_ids)),
            _lot.c.amount_minor > _lot.c.reserved_minor + _lot.c.spent_minor + _lot.c.charged_minor,
            or_(_lot.c.end_date.is_(None), _lot.c.end_date >= at.date()),
        )
        .order_by(nulls_last(_lot.c.end_date), _lot.c.deposited_at, _lot.c.id)
    )
    rank = {pool_id: n for n, pool_id in reversed(list(enumerate(pool_ids)))}
    found = [FreeLot(r.id, r.pool_id, r.rate_bp, r.free) for r in rows]
    return sorted(found, key=lambda lot: rank[lot.pool_id])  # a stable sort: the order inside a pool stays


@command
def reserve(
    subject: Subject,
    pool_ids: Sequence[uuid.UUID],
    direct_minor: int,
    *,
    key: str,
    actor: Actor,
    occurred_at: datetime | None = None,
) -> uuid.UUID:
    """Set money aside for `subject`: direct costs in US cents and the support costs on them; all or nothing.

    Money is taken in the order of `free_lots`; support costs follow each lot's own rate, rounded down. Returns the
    reservation; the same `key` returns the first. Raises NotEnoughMoney (nothing is written), NotFound (a pool),
    KeyReused, ValueError.
    """
    if type(direct_minor) is not int or direct_minor <= 0:
        raise ValueError("a reservation is for whole US cents above zero")
    pools = list(dict.fromkeys(pool_ids))
    # From here to the end of the command nobody else takes from these pools: free money read below stays free.
    locked = lock_accounts(account_id(kind, pool) for pool in pools for kind in ("available", "reserved"))
    if len(locked) != 2 * len(pools):
        raise NotFound()
    known = db.session.execute(
        select(_reservation.c.id, _reservation.c.subject_type, _reservation.c.subject_id)
        .where(_reservation.c.key == key)
    ).first()
    if known is not None:
        return _same_reservation(known, subject, direct_minor)
    at = occurred_at or clock.now()
    lines, taken = take(free_lots(pools, at), direct_minor)
    reservation_id = new_id()
    totals: dict[uuid.UUID, int] = {}
    for pool_id, total in taken:
        totals[pool_id] = totals.get(pool_id, 0) + total
    posted = post_once(
        "reserve",
        [
            leg for pool_id, total in totals.items()
            for leg in (debit(account_id("available", pool_id), total), credit(account_id("reserved", pool_id), total))
        ],
        key=key, actor=actor, occurred_at=at, subject=subject,
    )
    if not posted.created:
        raise KeyReused()
    db.session.execute(
        insert(_reservation).values(
            id=reservation_id, key=key, subject_type=subject[0], subject_id=subject[1], reserved_at=at,
            entry_id=posted.id,
        )
    )
    db.session.execute(insert(_line), [{**line, "reservation_id": reservation_id} for line in lines])
    move_lots(posted.id, [(line["lot_id"], "reserved", line["direct_minor"] + line["support_minor"]) for line in lines])
    return reservation_id


def _same_reservation(known: Any, subject: Subject, direct_minor: int) -> uuid.UUID:
    direct = sum(db.session.scalars(select(_line.c.direct_minor).where(_line.c.reservation_id == known.id)))
    if (known.subject_type, known.subject_id) != subject or direct != direct_minor:
        raise KeyReused()
    return known.id  # type: ignore[no-any-return]


def take(lots: Iterable[FreeLot], direct_minor: int) -> tuple[list[dict[str, Any]], list[tuple[uuid.UUID, int]]]:
    """Lines that carry the direct cost, and (pool, total) of each. Raises NotEnoughMoney."""
    left = direct_minor
    lines: list[dict[str, Any]] = []
    taken: list[tuple[uuid.UUID, int]] = []
    for lot in lots:
        part = min(left, direct_carried_by(lot.free_minor, lot.rate_bp))
        if part <= 0:
            continue
        support = support_costs(part, lot.rate_bp)
        lines.append({
            "id": new_id(), "lot_id": lot.id, "n": len(lines), "rate_bp": lot.rate_bp, "direct_minor": part,
            "support_minor": support, "spent_direct_minor": 0, "spent_support_minor": 0, "released_direct_minor": 0,
            "released_support_minor": 0,
        })
        taken.append((lot.pool_id, part + support))
        left -= part
        if not left:
            return lines, taken
    raise NotEnoughMoney(left)


Movement = tuple[uuid.UUID, str, int]  # lot, part (models.LOT_PARTS), US cents taken (+) or given back (-)


def move_lots(entry_id: uuid.UUID, movements: Iterable[Movement]) -> None:
    """Record what the entry did with lots: their counters follow (guards.py). The caller holds accounts of the lots'
    pools; lots in the order of identifiers, what is given back first, so that no lot is overdrawn half-way."""
    rows = [
        {"entry_id": entry_id, "lot_id": lot, "part": part, "amount_minor": amount}
        for lot, part, amount in sorted(movements, key=lambda m: (m[0], m[2])) if amount
    ]
    for row in rows:
        db.session.execute(insert(_movement), row)


@dataclass(frozen=True, slots=True)
class Line:
    """A reservation's line with what is left of it, US cents."""

    id: uuid.UUID
    lot_id: uuid.UUID
    pool_id: uuid.UUID
    rate_bp: int
    direct: int
    support: int
    spent_direct: int
    spent_support: int
    released_direct: int
    released_support: int

    @property
    def left_direct(self) -> int:
        return self.direct - self.spent_direct - self.released_direct

    @property
    def left_support(self) -> int:
        return self.support - self.spent_support - self.released_support


def lock_reservation(reservation_id: uuid.UUID) -> tuple[Subject, list[Line]]:
    """The reservation's subject and lines; locked, so that its lines change in one command at a time. Raises
    NotFound."""
    row = db.session.execute(
        select(_reservation.c.subject_type, _reservation.c.subject_id)
        .where(_reservation.c.id == reservation_id).with_for_update(key_share=True)
    ).first()
    if row is None:
        raise NotFound()
    return (row.subject_type, row.subject_id), lines_of(reservation_id)


def lines_of(reservation_id: uuid.UUID) -> list[Line]:
    """The lines of a reservation in their order."""
    rows = db.session.execute(
        select(
            _line.c.id, _line.c.lot_id, _lot.c.pool_id, _line.c.rate_bp, _line.c.direct_minor, _line.c.support_minor,
            _line.c.spent_direct_minor, _line.c.spent_support_minor, _line.c.released_direct_minor,
            _line.c.released_support_minor,
        )
        .join(_lot, _lot.c.id == _line.c.lot_id)
        .where(_line.c.reservation_id == reservation_id)
        .order_by(_line.c.n)
    )
    return [Line(*tuple(row)) for row in rows]


@command
def release(
    reservation_id: uuid.UUID, *, key: str, actor: Actor, occurred_at: datetime | None = None
) -> uuid.UUID | None:
    """Give back to the pools whatever of the reservation is not spent (direct and support costs).

    Returns the entry, or None when nothing was left. The same `key` returns the first entry. A payment that comes
    back afterwards is reserved again and may be released again, under another key: while something is left, a used
    key raises KeyReused rather than keep the money in silence. Raises NotFound, KeyReused.
    """
    subject, lines = lock_reservation(reservation_id)
    known = find_entry(key, "release", subject)
    totals: dict[uuid.UUID, int] = {}
    open_lines = [line for line in lines if line.left_direct]
    if known is not None:
        if open_lines:
            raise KeyReused()
        return known
    for line in open_lines:
        totals[line.pool_id] = totals.get(line.pool_id, 0) + line.left_direct + line.left_support
    if not totals:
        return None
    legs: list[LegSpec] = []
    for pool_id, total in totals.items():
        legs += [debit(account_id("reserved", pool_id), total), credit(account_id("available", pool_id), total)]
    posted = post_once("release", nonzero(legs), key=key, actor=actor, occurred_at=occurred_at, subject=subject)
    if not posted.created:
        raise KeyReused()
    move_lines({
        line.id: {"released_direct_minor": line.left_direct, "released_support_minor": line.left_support}
        for line in open_lines
    })
    move_lots(posted.id, [(line.lot_id, "reserved", -(line.left_direct + line.left_support)) for line in open_lines])
    return posted.id


def move_lines(changes: dict[uuid.UUID, dict[str, int]]) -> None:
    """Add amounts to lines of a locked reservation, relative to what stands."""
    for line_id, amounts in sorted(changes.items()):
        db.session.execute(
            update(_line).where(_line.c.id == line_id)
            .values({name: _line.c[name] + amount for name, amount in amounts.items()})
        )


def pool_ids_of(codes: Sequence[str]) -> list[uuid.UUID]:
    """Pools by their codes, in the order given. Raises NotFound."""
    rows = {row.code: row.id for row in db.session.execute(select(Pool.code, Pool.id).where(Pool.code.in_(codes)))}
    if len(rows) != len(set(codes)):
        raise NotFound()
    return [rows[code] for code in codes]
