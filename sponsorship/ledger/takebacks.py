"""Money going back to donors. Two ways:

- ordered by us: held first (our own promise: refused when the money is no longer free), then paid, or given up;
- taken by reality (a dispute, a refund made at the provider, a deposit recorded by mistake): always posted; what the
  contribution's own money no longer covers stands as the pool's shortfall, and payments from that pool stop.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import select

from core import clock
from core.actor import Actor
from core.db import command, db
from core.errors import NotFound
from sponsorship.ledger.chart import account_id
from sponsorship.ledger.costs import FREE, Cost, budget, cost, cover_by, lock_pool, lock_pools
from sponsorship.ledger.deposits import STANDARD_RATE_BP, find_held, leave, open_lot, remaining, suspense_legs
from sponsorship.ledger.models import Entry, Leg, Lot, LotMovement, Shortfall, tables
from sponsorship.ledger.posting import (
    KeyReused,
    LegSpec,
    NotEnoughMoney,
    Subject,
    credit,
    debit,
    find_entry,
    nonzero,
    post_once,
    signed,
)
from sponsorship.ledger.reservations import Movement, move_lots

_entry, _leg, _lot, _movement, _shortfall = tables(Entry, Leg, Lot, LotMovement, Shortfall)
HOLD, PAID, CAME_BACK, GIVEN_UP = "refund.hold", "refund.paid", "refund.came-back", "refund.given-up"


def _lot_by_source(source: Subject, also: uuid.UUID) -> Any:
    """The contribution's lot, its pool and the pool `also` locked first; None when it was never accepted."""
    query = select(_lot, FREE.label("free")).where(_lot.c.source_type == source[0], _lot.c.source_id == source[1])
    row = db.session.execute(query).first()
    lock_pools({also} if row is None else {also, row.pool_id})
    if row is None:
        return None
    return db.session.execute(query).first()  # what was free before the lock may be gone


# --- ordered by us ----------------------------------------------------------------------------------------------
@command
def hold_refund(
    amount_minor: int, *, source: Subject, fee_minor: int, bearer_pool_id: uuid.UUID, key: str, actor: Actor,
    occurred_at: datetime | None = None,
) -> uuid.UUID:
    """Set `amount_minor` US cents of a contribution aside for its donor: no pool may promise them any more.

    Money in suspense goes back whole. Accepted money goes back as far as it is free; when nothing of it was promised,
    the fee that its payment cost (`fee_minor`) may go back too and is then borne by the pool `bearer_pool_id`, out of
    free money. Returns the entry; the same `key` returns the first. Raises NotEnoughMoney (nothing is written),
    NotFound, KeyReused, ValueError.
    """
    if type(amount_minor) is not int or amount_minor <= 0:
        raise ValueError("a refund is of whole US cents above zero")
    known = find_entry(key, HOLD, source)
    if known is not None:
        return known
    held = find_held(source)
    if held is not None and remaining(held):
        if amount_minor != remaining(held):
            raise NotEnoughMoney(abs(amount_minor - remaining(held)))
        posted = post_once(HOLD, [*suspense_legs(held, amount_minor), credit(account_id("refunds_due"), amount_minor)],
                           key=key, actor=actor, occurred_at=occurred_at, subject=source)
        _new(posted.created)
        leave(held.id, refunded_minor=amount_minor)
        return posted.id
    lot = _lot_by_source(source, bearer_pool_id)
    if lot is None:
        raise NotFound()
    own = min(amount_minor, lot.free)
    fee = amount_minor - own
    if fee > (0 if lot.reserved_minor or lot.spent_minor else fee_minor):
        raise NotEnoughMoney(fee)
    borne = cost(bearer_pool_id, fee, "fees", but=lot.id) if fee else Cost()
    if borne.short:
        raise NotEnoughMoney(borne.short)
    posted = post_once(
        HOLD,
        nonzero([
            debit(account_id("refunded", lot.pool_id), amount_minor), credit(account_id("refunds_due"), amount_minor),
            *budget(lot.pool_id, own), credit(account_id("fees", lot.pool_id), fee), *borne.legs,
        ]),
        key=key, actor=actor, occurred_at=occurred_at, subject=source,
    )
    _new(posted.created)
    move_lots(posted.id, [(lot.id, "refund", own), *borne.movements])
    return posted.id


def _new(created: bool) -> None:
    if not created:
        raise KeyReused()


@command
def pay_refund(
    hold_key: str, paid_minor: int, *, source: Subject, clearing: str, fee_minor: int, bearer_pool_id: uuid.UUID,
    key: str, actor: Actor, occurred_at: datetime | None = None,
) -> uuid.UUID:
    """What was held under `hold_key` has gone back: `paid_minor` US cents left `clearing`.

    For money that came out of suspense the fee its payment had cost is now lost and borne by `bearer_pool_id` (once,
    whatever follows). Where the refund cost more or less than was held (another currency's rate moved) the difference
    is that pool's too. Returns the entry; the same `key` returns the first. Raises NotFound, KeyReused.
    """
    known = find_entry(key, PAID, source)
    if known is not None:
        return known
    held_minor, from_suspense = _held_under(hold_key, source)
    fee_key = f"{source[0]}:{source[1]}:fee-lost"
    lost = fee_minor if from_suspense and find_entry(fee_key, "fee.lost", source) is None else 0
    posted = post_once(
        PAID,
        [debit(account_id("refunds_due"), held_minor), credit(account_id(clearing), paid_minor),
         *_difference_legs(held_minor - paid_minor)],
        key=key, actor=actor, occurred_at=occurred_at, subject=source,
    )
    _new(posted.created)
    if lost:
        fee = cost(bearer_pool_id, lost, "fees", source=source)
        made = post_once("fee.lost", [*fee.legs, credit(account_id("suspense_fees"), lost)], key=fee_key,
                         actor=actor, occurred_at=occurred_at, subject=source)
        fee.record(made.id)
    _bear_difference(held_minor - paid_minor, bearer_pool_id, source, f"{key}:difference", actor, occurred_at)
    return posted.id


def _held_under(hold_key: str, source: Subject) -> tuple[int, bool]:
    entry_id = find_entry(hold_key, HOLD, source)
    if entry_id is None:
        raise NotFound()
    legs = {row.account_id: row.usd_minor for row in db.session.execute(
        select(_leg.c.account_id, _leg.c.usd_minor).where(_leg.c.entry_id == entry_id))}
    return legs[account_id("refunds_due")], account_id("suspense") in legs


def _difference_legs(gain_minor: int) -> list[LegSpec]:
    """The difference passes through the exchange account of money in suspense, and is borne in an entry of its own."""
    return signed(account_id("suspense_exchange"), gain_minor)


def _bear_difference(
    gain_minor: int, pool_id: uuid.UUID, source: Subject, key: str, actor: Actor, at: datetime | None
) -> None:
    if gain_minor < 0:
        loss = cost(pool_id, -gain_minor, "exchange", source=source)
        posted = post_once("exchange", [*loss.legs, credit(account_id("suspense_exchange"), -gain_minor)], key=key,
                           actor=actor, occurred_at=at, subject=source)
        loss.record(posted.id)
    elif gain_minor:
        lock_pool(pool_id)
        posted = post_once(
            "exchange",
            [debit(account_id("suspense_exchange"), gain_minor), credit(account_id("exchange", pool_id), gain_minor),
             *budget(pool_id, -gain_minor)],
            key=key, actor=actor, occurred_at=at, subject=source,
        )
        if posted.created:
            open_lot(pool_id, gain_minor, ("exchange", posted.id), key, at or clock.now(), None, STANDARD_RATE_BP,
                     posted.id)


@command
def refund_came_back(
    hold_key: str, returned_minor: int, *, source: Subject, clearing: str, bearer_pool_id: uuid.UUID, key: str,
    actor: Actor, occurred_at: datetime | None = None,
) -> uuid.UUID:
    """A refund that had been paid failed afterwards: `returned_minor` US cents lie on `clearing` again, still owed to
    the donor. Returns the entry; the same `key` returns the first. Raises NotFound, KeyReused."""
    known = find_entry(key, CAME_BACK, source)
    if known is not None:
        return known
    held_minor, _from_suspense = _held_under(hold_key, source)
    posted = post_once(
        CAME_BACK,
        [debit(account_id(clearing), returned_minor), credit(account_id("refunds_due"), held_minor),
         *_difference_legs(returned_minor - held_minor)],
        key=key, actor=actor, occurred_at=occurred_at, subject=source,
    )
    _new(posted.created)
    _bear_difference(returned_minor - held_minor, bearer_pool_id, source, f"{key}:difference", actor, occurred_at)
    return posted.id


@command
def give_up_refund(
    hold_key: str, *, source: Subject, key: str, actor: Actor, occurred_at: datetime | None = None
) -> uuid.UUID:
    """A refund that was held is not paid after all: the money stands where it stood before. Returns the entry, which
    names the hold; the same `key` returns the first. Raises NotFound, KeyReused."""
    known = find_entry(key, GIVEN_UP, source)
    if known is not None:
        return known
    hold_id = find_entry(hold_key, HOLD, source)
    if hold_id is None:
        raise NotFound()
    held_minor, from_suspense = _held_under(hold_key, source)
    legs = db.session.execute(
        select(_leg.c.account_id, _leg.c.side, _leg.c.usd_minor).where(_leg.c.entry_id == hold_id)).all()
    posted = post_once(
        GIVEN_UP,
        [LegSpec(row.account_id, "C" if row.side == "D" else "D", row.usd_minor) for row in legs],
        key=key, actor=actor, occurred_at=occurred_at, subject=source, corrects=hold_id,
    )
    _new(posted.created)
    move_lots(posted.id, [(lot, part, -amount) for lot, part, amount in _movements_of(hold_id)])
    if from_suspense:
        leave(find_held(source).id, refunded_minor=-held_minor)
    return posted.id


def _movements_of(entry_id: uuid.UUID) -> list[Movement]:
    rows = db.session.execute(
        select(_movement.c.lot_id, _movement.c.part, _movement.c.amount_minor).where(_movement.c.entry_id == entry_id)
        .order_by(_movement.c.lot_id, _movement.c.part)
    )
    return [(row.lot_id, row.part, row.amount_minor) for row in rows]


# --- taken by reality -------------------------------------------------------------------------------------------
@command
def take_back(
    amount_minor: int, *, source: Subject, clearing: str, kind: str, bearer_pool_id: uuid.UUID, key: str, actor: Actor,
    fee_minor: int = 0, corrects: uuid.UUID | None = None, occurred_at: datetime | None = None,
) -> uuid.UUID:
    """`amount_minor` US cents of a contribution have left `clearing`, whatever we had promised meanwhile.

    `kind` names the entry: takeback.dispute, takeback.refund or takeback.correction. A correction also takes back the
    fee that the mistaken deposit recorded (`fee_minor`). What neither suspense nor the contribution's own free money
    covers stands as the pool's shortfall (`bearer_pool_id` for money in suspense). Returns the entry; the same `key`
    returns the first. Raises NotFound, KeyReused, ValueError.
    """
    if type(amount_minor) is not int or amount_minor <= 0:
        raise ValueError("what is taken back is of whole US cents above zero")
    known = find_entry(key, kind, source)
    if known is not None:
        return known
    held = find_held(source)
    if held is not None and remaining(held):
        from_held = min(amount_minor, remaining(held))
        rest = cost(bearer_pool_id, amount_minor - from_held, "refunded", lots=(), source=source)
        posted = post_once(
            kind, [*suspense_legs(held, from_held), *rest.legs, credit(account_id(clearing), amount_minor)], key=key,
            actor=actor, occurred_at=occurred_at, subject=source, corrects=corrects,
        )
        _new(posted.created)
        leave(held.id, refunded_minor=from_held)
        rest.record(posted.id)
        return posted.id
    lot = _lot_by_source(source, bearer_pool_id)
    if lot is None and held is None:
        raise NotFound()
    taken = cost(lot.pool_id if lot else bearer_pool_id, amount_minor, "refunded", lots=(lot.id,) if lot else (),
                 source=source)
    fee = [debit(account_id("refunded", lot.pool_id), fee_minor), credit(account_id("fees", lot.pool_id), fee_minor)] \
        if fee_minor and lot else []
    posted = post_once(kind, [*taken.legs, *fee, credit(account_id(clearing), amount_minor)], key=key, actor=actor,
                       occurred_at=occurred_at, subject=source, corrects=corrects)
    _new(posted.created)
    taken.record(posted.id)
    return posted.id


@command
def give_back(
    entry_id: uuid.UUID, *, clearing: str, key: str, actor: Actor, occurred_at: datetime | None = None
) -> uuid.UUID:
    """What `entry_id` took (a dispute since won, a fee returned, a refund at the provider that failed) lies on
    `clearing` again, whole: open shortfall is covered by it, whoever had covered the rest has it back, and what the
    contribution's own money paid is free again. Returns the entry, which names the one it undoes; the same `key`
    returns the first. Raises NotFound, KeyReused.
    """
    row = db.session.execute(select(_entry.c.subject_type, _entry.c.subject_id).where(_entry.c.id == entry_id)).first()
    if row is None:
        raise NotFound()
    subject = (row.subject_type, row.subject_id)
    known = find_entry(key, "give-back", subject)
    if known is not None:
        return known
    taken = db.session.execute(
        select(_leg.c.account_id, _leg.c.side, _leg.c.usd_minor).where(_leg.c.entry_id == entry_id)).all()
    short = db.session.execute(select(_shortfall).where(_shortfall.c.entry_id == entry_id).with_for_update()).first()
    legs = [LegSpec(leg.account_id, "C" if leg.side == "D" else "D", leg.usd_minor) for leg in taken]
    movements = [(lot, part, -amount) for lot, part, amount in _movements_of(entry_id)]
    if short is not None and short.covered_minor:
        covered, moved = _undo_covers(short)
        legs, movements = [*legs, *covered], [*movements, *moved]
    lock_pools(_pools_of([lot for lot, _part, _amount in movements]) | ({short.pool_id} if short else set()))
    posted = post_once("give-back", legs, key=key, actor=actor, occurred_at=occurred_at, subject=subject,
                       corrects=entry_id)
    _new(posted.created)
    move_lots(posted.id, _merged(movements))
    if short is not None and short.covered_minor < short.amount_minor:
        cover_by(entry_id, short.amount_minor - short.covered_minor)
    held = find_held(subject)
    if held is not None and (owed := _suspense_part(legs)):
        leave(held.id, refunded_minor=-owed)
    return posted.id


def _undo_covers(short: Any) -> tuple[list[LegSpec], list[Movement]]:
    """What others had paid for this shortfall, given back to them; the shortfall itself is then covered by reality."""
    covers = db.session.scalars(
        select(_entry.c.id).where(_entry.c.subject_type == "shortfall", _entry.c.subject_id == short.entry_id)).all()
    legs: list[LegSpec] = []
    movements: list[Movement] = []
    for cover_id in covers:
        legs += [
            LegSpec(leg.account_id, "C" if leg.side == "D" else "D", leg.usd_minor) for leg in db.session.execute(
                select(_leg.c.account_id, _leg.c.side, _leg.c.usd_minor).where(_leg.c.entry_id == cover_id))
        ]
        movements += [(lot, part, -amount) for lot, part, amount in _movements_of(cover_id)]
    return legs, movements


def _merged(movements: list[Movement]) -> list[Movement]:
    totals: dict[tuple[uuid.UUID, str], int] = {}
    for lot, part, amount in movements:
        totals[lot, part] = totals.get((lot, part), 0) + amount
    return [(lot, part, amount) for (lot, part), amount in totals.items()]


def _pools_of(lots: list[uuid.UUID]) -> set[uuid.UUID]:
    return set(db.session.scalars(select(_lot.c.pool_id).where(_lot.c.id.in_(lots))))


def _suspense_part(legs: list[LegSpec]) -> int:
    """US cents that come back into suspense, its exchange difference included."""
    kinds = {account_id("suspense"), account_id("suspense_exchange")}
    return sum((1 if leg.side == "C" else -1) * leg.usd_minor for leg in legs if leg.account_id in kinds)
