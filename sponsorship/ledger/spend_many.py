"""Many payments instructed in one go: the same facts as `spend` one by one, in a number of statements that on
PostgreSQL does not grow with them, and on SQLite, where a statement is no journey, by the three of each entry."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, select, update

from core import clock
from core.actor import Actor
from core.db import command, db, insert_rows, new_id
from core.errors import NotFound
from sponsorship.ledger.costs import PoolStopped, stopped
from sponsorship.ledger.models import Lot, LotMovement, Reservation, ReservationLine, Spend, SpendLine, tables
from sponsorship.ledger.posting import KeyReused, NewEntry, Subject, post_many
from sponsorship.ledger.reservations import Line
from sponsorship.ledger.spending import Part, legs_out, movements_out, split

_lot, _movement, _reservation, _line, _spend, _spend_line = tables(
    Lot, LotMovement, Reservation, ReservationLine, Spend, SpendLine)
_CHUNK = 200  # of identifiers or rows in one statement


@dataclass(frozen=True, slots=True)
class Order:
    """One payment out of a reservation, US cents of direct cost; `key` and `subject` as for `spend`."""

    reservation_id: uuid.UUID
    direct_minor: int
    key: str
    subject: Subject


def _chunks(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (rows[start:start + _CHUNK] for start in range(0, len(rows), _CHUNK))


def _known(orders: Sequence[Order]) -> dict[str, Any]:
    """Payments that stand under these keys. Raises KeyReused when one says something else."""
    found: dict[str, Any] = {}
    for part in _chunks(orders):
        rows = db.session.execute(select(_spend.c.id, _spend.c.key, _spend.c.reservation_id, _spend.c.direct_minor)
                                  .where(_spend.c.key.in_([order.key for order in part])))
        found.update({row.key: row for row in rows})
    for order in orders:
        row = found.get(order.key)
        if row is not None and (row.reservation_id, row.direct_minor) != (order.reservation_id, order.direct_minor):
            raise KeyReused()
    return found


def _lock(reservation_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[Line]]:
    """Lines of these reservations, which are locked in the order of their identifiers."""
    lines: dict[uuid.UUID, list[Line]] = {}
    for part in _chunks(reservation_ids):
        lines.update({row.id: [] for row in db.session.execute(
            select(_reservation.c.id).where(_reservation.c.id.in_(part)).order_by(_reservation.c.id)
            .with_for_update(key_share=True))})
        for row in db.session.execute(
            select(_line.c.reservation_id, _line.c.id, _line.c.lot_id, _lot.c.pool_id, _line.c.rate_bp,
                   _line.c.direct_minor, _line.c.support_minor, _line.c.spent_direct_minor,
                   _line.c.spent_support_minor, _line.c.released_direct_minor, _line.c.released_support_minor)
            .join(_lot, _lot.c.id == _line.c.lot_id).where(_line.c.reservation_id.in_(part))
            .order_by(_line.c.reservation_id, _line.c.n)
        ):
            lines[row.reservation_id].append(Line(*tuple(row)[1:]))
    if len(lines) != len(reservation_ids):
        raise NotFound()
    return lines


def _spent(lines: list[Line], parts: list[Part]) -> list[Line]:
    """The lines as they stand after this payment, for the next one out of the same reservation."""
    taken = {line.id: (direct, support) for line, direct, support in parts}
    return [
        replace(line, spent_direct=line.spent_direct + taken[line.id][0],
                spent_support=line.spent_support + taken[line.id][1]) if line.id in taken else line
        for line in lines
    ]


@command
def spend_many(
    orders: Sequence[Order], *, actor: Actor, occurred_at: datetime | None = None
) -> list[uuid.UUID]:
    """Payments instructed together, all or none; each with an entry of its own. Identifiers in the order of `orders`.

    Raises as `spend`: ReservationTooSmall, PoolStopped (nothing is written), NotFound, KeyReused, ValueError.
    """
    if any(type(order.direct_minor) is not int or order.direct_minor <= 0 for order in orders):
        raise ValueError("a payment is of whole US cents above zero")
    lines = _lock(sorted({order.reservation_id for order in orders}))
    known = _known(orders)
    at = occurred_at or clock.now()
    planned: list[tuple[Order, list[Part]]] = []
    for order in orders:
        if order.key in known:
            continue
        parts = split(lines[order.reservation_id], order.direct_minor)
        lines[order.reservation_id] = _spent(lines[order.reservation_id], parts)
        planned.append((order, parts))
    if stopped({line.pool_id for _order, parts in planned for line, _direct, _support in parts}):
        raise PoolStopped()
    found = {key: row.id for key, row in known.items()}
    found.update(_write(planned, actor, at))
    return [found[order.key] for order in orders]


# relative to what stands, line by line
_SPENT = update(_line).where(_line.c.id == bindparam("line")).values(
    spent_direct_minor=_line.c.spent_direct_minor + bindparam("direct"),
    spent_support_minor=_line.c.spent_support_minor + bindparam("support"))
_MOVED = ("INSERT INTO lot_movement (entry_id, lot_id, part, amount_minor) "
          "SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::bigint[])")


def _move(movements: list[dict[str, Any]]) -> None:
    """What the entries did with lots. PostgreSQL moves each lot once for all rows of a statement (guards.py), so they
    go in one; SQLite row by row, in the order given."""
    connection = db.session().connection()
    if connection.dialect.name == "postgresql":
        columns = ("entry_id", "lot_id", "part", "amount_minor")
        connection.exec_driver_sql(_MOVED, tuple([row[name] for row in movements] for name in columns))
    else:
        connection.execute(insert(_movement), movements)


def _write(planned: list[tuple[Order, list[Part]]], actor: Actor, at: datetime) -> dict[str, uuid.UUID]:
    spends: list[dict[str, Any]] = []
    spend_lines: list[dict[str, Any]] = []
    changes: dict[uuid.UUID, dict[str, int]] = {}
    movements: list[dict[str, Any]] = []
    posted = post_many("spend", [NewEntry(legs_out(parts), order.key, order.subject) for order, parts in planned],
                       actor=actor, occurred_at=at)
    for (order, parts), entry_id in zip(planned, posted, strict=True):
        spend_id = new_id()
        spends.append({
            "id": spend_id, "key": order.key, "reservation_id": order.reservation_id,
            "subject_type": order.subject[0], "subject_id": order.subject[1], "state": "sent",
            "direct_minor": order.direct_minor, "support_minor": sum(support for _l, _d, support in parts),
            "sent_at": at, "entry_id": entry_id,
        })
        for line, direct, support in parts:
            spend_lines.append({"spend_id": spend_id, "reservation_line_id": line.id, "direct_minor": direct,
                                "support_minor": support})
            change = changes.setdefault(line.id, {"direct": 0, "support": 0})
            change["direct"] += direct
            change["support"] += support
        # what is given back first, lot by lot, so that no lot is overdrawn half-way
        movements += [
            {"entry_id": entry_id, "lot_id": lot, "part": part, "amount_minor": amount}
            for lot, part, amount in sorted(movements_out(parts), key=lambda m: (m[0], m[2])) if amount
        ]
    if spends:
        insert_rows(Spend, spends)
        insert_rows(SpendLine, spend_lines)
    if changes:
        db.session.execute(_SPENT, [{"line": line, **amounts} for line, amounts in sorted(changes.items())])
        _move(movements)
    return {row["key"]: row["id"] for row in spends}
