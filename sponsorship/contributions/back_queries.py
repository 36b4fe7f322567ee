"""What officers read of refunds, disputes, announced transfers and what they did to the pools: typed rows, a fixed
number of queries."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, func, or_, select

from core.db import db
from core.errors import NotFound
from core.events import History, history
from core.machines import State
from core.money import Money, usd
from core.web.tables import TableQuery
from sponsorship.contributions.back_models import Dispute, Refund
from sponsorship.contributions.contribution_queries import (
    RefundRow,
    people_in,
    refund_row,
)
from sponsorship.contributions.contribution_steps import FIND_WITHIN
from sponsorship.contributions.dispute_queries import DisputeRow, dispute_row
from sponsorship.contributions.going_back import left_of
from sponsorship.contributions.models import Contribution, Pledge
from sponsorship.contributions.pools import pool_names
from sponsorship.contributions.queries import donors_of, escaped, ordered, window
from sponsorship.contributions.refund_books import Effect, effect
from sponsorship.contributions.transitions import DISPUTE, REFUND
from sponsorship.ledger.queries import ShortfallRow, shortfalls


@dataclass(frozen=True)
class BackRow:
    """A refund or a dispute in a list, with the contribution that it is about."""

    id: uuid.UUID
    status: State
    code: str
    kind: str
    reason: str
    amount: Money
    settled: Money | None
    taken: Money | None
    created_at: datetime
    succeeded_at: datetime | None
    opened_at: datetime
    respond_by: datetime | None
    reference: str
    donor: str
    contribution_id: uuid.UUID
    requested_by: uuid.UUID | None = None
    approved_by: uuid.UUID | None = None
    by_bank: bool = False


def _joined(model: Any) -> Select[Any, Contribution, Pledge]:
    return (select(model, Contribution, Pledge).join(Contribution, Contribution.id == model.contribution_id)
            .join(Pledge, Pledge.id == Contribution.pledge_id))


def _dollars(minor: int | None) -> Money | None:
    return None if minor is None else usd(minor)


def _rows(found: Iterable[Any]) -> list[BackRow]:
    triples = list(found)
    donors = donors_of({pledge.id: pledge for _item, _row, pledge in triples}.values())
    rows = []
    for item, row, pledge in triples:
        amount = Money(item.amount_minor, item.currency)
        if isinstance(item, Refund):
            rows.append(BackRow(
                item.id, REFUND.state(item.state), item.state, item.kind, item.reason, amount,
                _dollars(item.settled_minor), None, item.created_at, item.succeeded_at, item.created_at, None,
                row.reference, donors[pledge.id], row.id, item.requested_by, item.approved_by,
                row.bank_reference is not None))
        else:
            rows.append(BackRow(
                item.id, DISPUTE.state(item.state), item.state, "dispute", item.reason, amount, None,
                _dollars(item.usd_minor), item.opened_at, None, item.opened_at, item.respond_by, row.reference,
                donors[pledge.id], row.id))
    return rows


_REFUND_SORTS: dict[str, Any] = {"created_at": Refund.created_at, "amount": Refund.amount_minor}
_DISPUTE_SORTS: dict[str, Any] = {
    "opened_at": Dispute.opened_at, "respond_by": Dispute.respond_by, "amount": Dispute.amount_minor,
}


def list_refunds(query: TableQuery, everything: bool = False) -> tuple[list[BackRow], int]:
    """Refunds and corrections, newest first unless sorted, and their number."""
    wanted = _joined(Refund)
    if kind := query.get("kind"):
        wanted = wanted.where(Refund.kind == kind)
    return _listed(wanted, Refund, _REFUND_SORTS, query, everything)


def list_disputes(query: TableQuery, everything: bool = False) -> tuple[list[BackRow], int]:
    """Disputes, newest first unless sorted, and their number."""
    return _listed(_joined(Dispute), Dispute, _DISPUTE_SORTS, query, everything)


def _listed(
    wanted: Any, model: Any, sorts: dict[str, Any], query: TableQuery, everything: bool
) -> tuple[list[BackRow], int]:
    if state := query.get("state"):
        wanted = wanted.where(model.state == state)
    if words := query.get("q"):
        like = f"%{escaped(words)}%"
        wanted = wanted.where(or_(Contribution.reference.ilike(like, escape="\\"),
                                  Pledge.reference.ilike(like, escape="\\")))
    total = db.session.scalar(select(func.count()).select_from(wanted.subquery())) or 0
    return _rows(db.session.execute(window(ordered(wanted, sorts, query, model.id), query, everything)).all()), total


def refunds_in(*states: str, limit: int = 50) -> list[BackRow]:
    """Refunds in these states, oldest first: for the desks."""
    return _rows(db.session.execute(
        _joined(Refund).where(Refund.state.in_(states)).order_by(Refund.id).limit(limit)).all())


def disputes_to_answer(limit: int = 50) -> list[BackRow]:
    """Disputes and inquiries that wait for the fund's answer, the most urgent first."""
    return _rows(db.session.execute(
        _joined(Dispute).where(Dispute.state.in_(("open", "inquiry")))
        .order_by(Dispute.respond_by.nulls_last(), Dispute.id).limit(limit)).all())


# --- announced transfers ----------------------------------------------------------------------------------------
@dataclass(frozen=True)
class TransferRow:
    """A transfer that a donor has announced. `look_until` is the day by which it should have arrived."""

    id: uuid.UUID
    reference: str
    pledge_reference: str
    donor: str
    amount: Money
    declared_on: date
    look_until: date


def list_transfers(limit: int = 1_000) -> list[TransferRow]:
    """What is announced and not found yet, the oldest first."""
    found = db.session.execute(
        select(Contribution, Pledge).join(Pledge, Pledge.id == Contribution.pledge_id)
        .where(Contribution.state == "declared").order_by(Contribution.declared_on, Contribution.id).limit(limit)
    ).all()
    donors = donors_of({pledge.id: pledge for _row, pledge in found}.values())
    return [
        TransferRow(row.id, row.reference, pledge.reference, donors[pledge.id], Money(row.amount_minor, row.currency),
                    row.declared_on or row.created_at.date(),
                    (row.declared_on or row.created_at.date()) + FIND_WITHIN)
        for row, pledge in found
    ]


def pledge_by_reference(reference: str) -> uuid.UUID | None:
    """The pledge of this reference, in whatever case it was typed."""
    return db.session.scalar(select(Pledge.id).where(Pledge.reference == " ".join(reference.upper().split())))


# --- one of them ------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class RefundPage:
    """A refund with what it does (or would do) to the books. `effect` is None once it is decided."""

    row: RefundRow
    reference: str
    donor: str
    pledge_id: uuid.UUID
    left: Money
    effect: Effect | None
    pool: str
    by_bank: bool
    fee: Money
    net: Money
    held: bool
    history: tuple[History, ...]
    people: dict[uuid.UUID, str]


def get_refund(refund_id: uuid.UUID) -> RefundPage:
    """Raises NotFound."""
    found = db.session.execute(_joined(Refund).where(Refund.id == refund_id)).one_or_none()
    if found is None:
        raise NotFound()
    refund, row, pledge = found
    past, shown = history("refund", refund.id), refund_row(refund)
    pools = pool_names({row.pool_id} if row.pool_id else set())
    waits = refund.kind == "refund" and refund.state == "requested"
    return RefundPage(
        shown, row.reference, donors_of([pledge])[pledge.id], pledge.id, left_of(row, but=refund.id).amount,
        effect(row, refund.usd_minor) if waits else None, pools.get(row.pool_id, "—") if row.pool_id else "—",
        row.bank_reference is not None, usd(row.fee_minor or 0), usd(row.net_minor or 0), row.accepted_at is None,
        tuple(past), people_in([shown], (event.actor_id for event in past)),
    )


@dataclass(frozen=True)
class DisputePage:
    """A dispute with what it did to a pool: `short` are the shortfalls that it left, covered or not."""

    row: DisputeRow
    reference: str
    donor: str
    short: tuple[ShortfallRow, ...]
    pools: dict[uuid.UUID, str]
    history: tuple[History, ...]
    people: dict[uuid.UUID, str]

    @property
    def lacking(self) -> Money:
        """What nobody has covered yet: payments from the pool are stopped while it is above zero."""
        return usd(sum(short.left for short in self.short))


def get_dispute(dispute_id: uuid.UUID) -> DisputePage:
    """Raises NotFound."""
    found = db.session.execute(_joined(Dispute).where(Dispute.id == dispute_id)).one_or_none()
    if found is None:
        raise NotFound()
    dispute, row, pledge = found
    short = shortfalls(sources=[("contribution", row.id), ("dispute", dispute.id)], open_only=False)
    past = history("dispute", dispute.id)
    return DisputePage(
        dispute_row(dispute), row.reference, donors_of([pledge])[pledge.id], tuple(short),
        pool_names({s.pool_id for s in short}), tuple(past), people_in([], (event.actor_id for event in past)))
