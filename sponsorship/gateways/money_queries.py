"""Payouts and movements of Stripe's balance for pages: typed rows, a fixed number of queries."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Select, case, func, or_, select

from core.db import db
from core.errors import NotFound
from core.events import History, history
from core.machines import State
from core.money import Money, usd
from core.web.steps import Leaf, Mark, Order, Step
from core.web.tables import TableQuery
from sponsorship.gateways.money_models import MovementEntry, MovementTotal, StripeMovement, StripePayout
from sponsorship.gateways.problems import Problem, problem_of
from sponsorship.gateways.transitions import MOVEMENT, PAYOUT
from sponsorship.ledger.models import Entry

MAX_LIST = 10_000  # rows of a downloaded file
MAX_SAME = 500  # movements of one object at Stripe
ON_ITS_WAY = ("pending", "in_transit", "paid")  # until somebody has seen it on the bank's statement


@dataclass(frozen=True)
class PayoutRow:
    """One payout. `difference` is what its contents add up to beyond what was paid out: None while Stripe has not told,
    or cannot tell (a payout made by hand)."""

    id: uuid.UUID
    version: int
    payout_id: str
    code: str
    status: State
    amount: Money
    automatic: bool
    created_at: datetime
    arrives_on: date
    contained: Money | None
    count: int | None
    difference: Money | None
    bank_reference: str | None
    value_date: date | None
    trace: str | None
    failure_code: str | None


@dataclass(frozen=True)
class MovementRow:
    """One movement of Stripe's balance. `problem` says why it is not in the books; `payout` is the one that carried it
    to the bank."""

    id: uuid.UUID
    version: int
    txn_id: str
    type: str
    category: str
    source_id: str | None
    code: str
    status: State
    amount: Money
    fee: Money
    net: Money
    words: str | None
    created_at: datetime
    available_on: datetime
    payout: uuid.UUID | None
    payout_id: str | None
    problem: Problem | None


@dataclass(frozen=True)
class PayoutPage:
    """All that the page of a payout shows."""

    row: PayoutRow
    contents: tuple[MovementRow, ...]
    entries: tuple[uuid.UUID, ...]
    history: tuple[History, ...]


@dataclass(frozen=True)
class MovementPage:
    """All that the page of a movement shows: `entries` of the books that say the same (identifier, kind)."""

    row: MovementRow
    entries: tuple[tuple[uuid.UUID, str], ...]
    history: tuple[History, ...]


@dataclass(frozen=True)
class PayoutFigures:
    """US dollars. `on_its_way`: sent by Stripe and not seen on the bank's statement yet, in `count` payouts; `differs`:
    how many do not contain what they paid out."""

    on_its_way: Money
    count: int
    differs: int


# --- payouts ----------------------------------------------------------------------------------------------------
PAYOUT_SORTS: dict[str, Any] = {"created_at": StripePayout.created_at, "arrives_on": StripePayout.arrives_on,
                                "amount": StripePayout.amount_minor}


def list_payouts(query: TableQuery, everything: bool = False) -> tuple[list[PayoutRow], int]:
    """Payouts, the newest first unless sorted, and their number; `everything` for a download."""
    wanted = select(StripePayout)
    if state := query.get("state"):
        wanted = wanted.where(StripePayout.state == state)
    if words := query.get("q"):
        like = _like(words)
        wanted = wanted.where(or_(StripePayout.payout_id.ilike(like, escape="\\"),
                                  StripePayout.bank_reference.ilike(like, escape="\\")))
    total = db.session.scalar(select(func.count()).select_from(wanted.subquery())) or 0
    found = db.session.scalars(_window(wanted, PAYOUT_SORTS, query, StripePayout.id, everything))
    return [_payout(row) for row in found], total


def _payout(row: StripePayout) -> PayoutRow:
    contained = usd(row.contained_minor) if row.contained_minor is not None else None
    amount = usd(row.amount_minor)
    return PayoutRow(
        row.id, row.version, row.payout_id, row.state, PAYOUT.state(row.state), amount, row.automatic, row.created_at,
        row.arrives_on, contained, row.contained_count, contained - amount if contained is not None else None,
        row.bank_reference, row.value_date, row.trace, row.failure_code,
    )


def get_payout(payout_row_id: uuid.UUID) -> PayoutPage:
    """A payout with what it contains. Raises NotFound."""
    row = db.session.get(StripePayout, payout_row_id)
    if row is None:
        raise NotFound()
    inside = db.session.execute(
        _movements().where(StripeMovement.payout_id == row.id).order_by(StripeMovement.created_at, StripeMovement.id)
    ).all()
    entries = tuple(entry for entry in (row.entry_id, row.back_entry_id) if entry is not None)
    return PayoutPage(_payout(row), tuple(_movement(*found) for found in inside if found[0].source_id != row.payout_id),
                      entries, tuple(history("stripe_payout", row.id)))


def payout_figures() -> PayoutFigures:
    """What is on its way to the bank, and what does not agree."""
    way, count, differs = db.session.execute(select(
        func.coalesce(func.sum(case((StripePayout.state.in_(ON_ITS_WAY), StripePayout.amount_minor), else_=0)), 0),
        func.coalesce(func.sum(case((StripePayout.state.in_(ON_ITS_WAY), 1), else_=0)), 0),
        func.coalesce(func.sum(case((StripePayout.contained_minor != StripePayout.amount_minor, 1), else_=0)), 0),
    )).one()
    return PayoutFigures(usd(int(way)), int(count), int(differs))


def arrived_unseen(before: date, limit: int = 50) -> list[PayoutRow]:
    """Payouts that should have arrived before this day and that nobody has found on a statement, oldest first."""
    rows = db.session.scalars(
        select(StripePayout).where(StripePayout.state.in_(ON_ITS_WAY), StripePayout.arrives_on < before)
        .order_by(StripePayout.arrives_on, StripePayout.id).limit(limit))
    return [_payout(row) for row in rows]


# --- movements --------------------------------------------------------------------------------------------------
def _movements() -> Select[StripeMovement, str]:
    return (select(StripeMovement, StripePayout.payout_id)
            .outerjoin(StripePayout, StripePayout.id == StripeMovement.payout_id))


def list_movements(query: TableQuery, step: Step) -> tuple[Leaf, int | None]:
    """A leaf of the movements, the newest first unless sorted, and how many there are: None where the filters leave
    what nobody has counted."""
    leaf = _ordered(query).leaf(step, query.per_page)
    return Leaf([_movement(*row) for row in leaf.rows], leaf.previous, leaf.next), _count(query)


def all_movements(query: TableQuery) -> Iterator[MovementRow]:
    """Every movement that the filters leave, in the same order, read batch by batch: for a file of any length."""
    return (_movement(*row) for row in _ordered(query).all())


def _ordered(query: TableQuery) -> Order:
    wanted = _movements()
    for name, column in (("state", StripeMovement.state), ("category", StripeMovement.category)):
        if value := query.get(name):
            wanted = wanted.where(column == value)
    if first := query.get("made_from"):
        wanted = wanted.where(StripeMovement.created_at >= _midnight(first))
    if last := query.get("made_to"):
        wanted = wanted.where(StripeMovement.created_at < _midnight(last) + timedelta(days=1))
    if whole := query.get("q"):  # as the indexes know it; looked up first, so that no order is tried instead
        wanted = wanted.where(StripeMovement.id.in_(db.session.scalars(select(StripeMovement.id).where(
            or_(StripeMovement.txn_id == whole, StripeMovement.source_id == whole)).limit(MAX_SAME)).all()))
    return Order(wanted, StripeMovement.created_at, StripeMovement.id,
                 lambda row: Mark(row[0].created_at, row[0].id),
                 descending=query.descending if query.sort == "created_at" else True)


def _midnight(day: str) -> datetime:
    return datetime.combine(date.fromisoformat(day), time(), UTC)


def _count(query: TableQuery) -> int | None:
    """From the totals kept, which know states and kinds."""
    if query.values.keys() - {"state", "category"}:
        return None
    counted = select(func.coalesce(func.sum(MovementTotal.movements), 0))
    for name, column in (("state", MovementTotal.state), ("category", MovementTotal.category)):
        if value := query.get(name):
            counted = counted.where(column == value)
    return int(db.session.scalar(counted) or 0)


def _movement(row: StripeMovement, payout_id: str | None) -> MovementRow:
    money = {name: Money(getattr(row, f"{name}_minor"), row.currency) for name in ("amount", "fee", "net")}
    return MovementRow(
        id=row.id, version=row.version, txn_id=row.txn_id, type=row.type, category=row.category,
        source_id=row.source_id, code=row.state, status=MOVEMENT.state(row.state), words=row.words,
        created_at=row.created_at, available_on=row.available_on, payout=row.payout_id, payout_id=payout_id,
        problem=problem_of(row.note) if row.note and row.state == "unmatched" else None, **money,
    )


def get_movement(movement_id: uuid.UUID) -> MovementPage:
    """A movement with the entries that say the same. Raises NotFound."""
    found = db.session.execute(_movements().where(StripeMovement.id == movement_id)).one_or_none()
    if found is None:
        raise NotFound()
    entries = db.session.execute(
        select(Entry.id, Entry.kind).join(MovementEntry, MovementEntry.entry_id == Entry.id)
        .where(MovementEntry.movement_id == movement_id).order_by(Entry.id)
    ).all()
    return MovementPage(_movement(*found), tuple((row.id, row.kind) for row in entries),
                        tuple(history("stripe_movement", movement_id)))


def categories() -> list[str]:
    """Kinds of movement that there are, by Stripe's own word."""
    return list(db.session.scalars(select(MovementTotal.category).distinct().order_by(MovementTotal.category)))


def movements_for_a_person(limit: int = 50) -> list[MovementRow]:
    """Movements that are not in the books, oldest first."""
    found = db.session.execute(
        _movements().where(StripeMovement.state == "unmatched").order_by(StripeMovement.created_at, StripeMovement.id)
        .limit(limit)).all()
    return [_movement(*row) for row in found]


def count_movements_for_a_person() -> int:
    """How many movements wait for an officer."""
    return int(db.session.scalar(
        select(func.sum(MovementTotal.movements)).where(MovementTotal.state == "unmatched")) or 0)


# --- lists of payouts -------------------------------------------------------------------------------------------------
def _like(words: str) -> str:
    escaped = words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def _window(wanted: Any, sorts: dict[str, Any], query: TableQuery, key: Any, everything: bool) -> Any:
    column = sorts.get(query.sort or "")
    order: Iterable[Any] = [sorts["created_at"].desc(), key.desc()]
    if column is not None:
        order = [column.desc() if query.descending else column.asc(), key]
    wanted = wanted.order_by(*order)
    return wanted.limit(MAX_LIST) if everything else wanted.limit(query.limit).offset(query.offset)
