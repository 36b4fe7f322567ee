"""Money that reality takes out of the fund: a dispute, a refund made at the provider, a deposit recorded by mistake. It
always posts; what the contribution's own money no longer covers stands as the pool's shortfall, and payments from that
pool stop. What comes back undoes it.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select

from core import clock
from core.actor import Actor
from core.db import command, db
from core.errors import NotFound
from sponsorship.ledger.chart import CLEARING, account_id
from sponsorship.ledger.costs import FREE, budget, cost, cover_by, lock_pool, lock_pools
from sponsorship.ledger.deposits import (
    STANDARD_RATE_BP,
    enter_pool,
    find_held,
    leave,
    open_lot,
    remaining,
    return_legs,
    suspense_legs,
)
from sponsorship.ledger.models import Entry, Leg, Lot, LotMovement, Shortfall, tables
from sponsorship.ledger.posting import (
    KeyReused,
    LegSpec,
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
FEE_LOST, GIVEN = "fee.lost", "give-back"


@dataclass(frozen=True)
class OwnMoney:
    """A contribution's money in its pool: one lot, or more where some of it came back after the rest was accepted. US
    cents; `used` when any of it is promised or spent."""

    pool_id: uuid.UUID
    lots: tuple[tuple[uuid.UUID, int], ...]
    used: bool
    rate_bp: int
    end_date: date | None

    @property
    def ids(self) -> tuple[uuid.UUID, ...]:
        return tuple(lot for lot, _free in self.lots)

    @property
    def free(self) -> int:
        return sum(free for _lot, free in self.lots)

    def take(self, amount_minor: int, part: str) -> list[Movement]:
        """What each lot gives of so much free money, in their order."""
        found: list[Movement] = []
        for lot, free in self.lots:
            bears = min(amount_minor, free)
            if bears:
                found.append((lot, part, bears))
            amount_minor -= bears
        return found


def own_money(source: Subject, also: uuid.UUID) -> OwnMoney | None:
    """The contribution's money, its pool and the pool `also` locked first; None when it was never accepted."""
    query = (
        select(_lot, FREE.label("free")).where(_lot.c.source_type == source[0], _lot.c.source_id == source[1])
        .order_by(_lot.c.id)
    )
    row = db.session.execute(query).first()
    lock_pools({also} if row is None else {also, row.pool_id})
    if row is None:
        return None
    rows = db.session.execute(query).all()  # what was free before the lock may be gone
    used = any(r.reserved_minor or r.spent_minor for r in rows)
    return OwnMoney(row.pool_id, tuple((r.id, r.free) for r in rows), used, row.rate_bp, row.end_date)


def need_new(created: bool) -> None:
    if not created:
        raise KeyReused()


def difference_legs(gain_minor: int) -> list[LegSpec]:
    """The difference passes through the exchange account of money in suspense, and is borne in an entry of its own."""
    return signed(account_id("suspense_exchange"), gain_minor)


def bear_difference(
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


def movements_of(entry_id: uuid.UUID) -> list[Movement]:
    rows = db.session.execute(
        select(_movement.c.lot_id, _movement.c.part, _movement.c.amount_minor).where(_movement.c.entry_id == entry_id)
        .order_by(_movement.c.lot_id, _movement.c.part)
    )
    return [(row.lot_id, row.part, row.amount_minor) for row in rows]


def fee_follows(source: Subject, bearer_pool_id: uuid.UUID | None, actor: Actor, at: datetime | None) -> None:
    """The fee of a payment in suspense is lost once all of it has left for its donor, and borne by `bearer_pool_id`;
    once some of it waits there again, so does its fee. Where no pool is given, none is lost."""
    held = find_held(source)
    if not held.fee_minor or held.accepted_minor:
        return
    lost = db.session.scalars(
        select(_entry.c.id).where(_entry.c.kind == FEE_LOST, _entry.c.subject_type == source[0],
                                  _entry.c.subject_id == source[1]).order_by(_entry.c.id)).all()
    kept = db.session.scalar(
        select(func.count()).select_from(_entry).where(_entry.c.kind == GIVEN, _entry.c.corrects_id.in_(lost)))
    key = f"{source[0]}:{source[1]}:fee"
    if remaining(held):
        if len(lost) > (kept or 0):
            give_back(lost[-1], key=f"{key}-kept:{len(lost)}", actor=actor, occurred_at=at)
    elif len(lost) == kept and bearer_pool_id is not None:
        fee = cost(bearer_pool_id, held.fee_minor, "fees", source=source)
        posted = post_once(FEE_LOST, [*fee.legs, credit(account_id("suspense_fees"), held.fee_minor)],
                           key=f"{key}-lost:{len(lost) + 1}", actor=actor, occurred_at=at, subject=source)
        need_new(posted.created)
        fee.record(posted.id)


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
        from_held = min(amount_minor + fee_minor, remaining(held))
        rest = cost(bearer_pool_id, amount_minor + fee_minor - from_held, "refunded", lots=(), source=source)
        posted = post_once(
            kind,
            nonzero([*suspense_legs(held, from_held), *rest.legs, credit(account_id(clearing), amount_minor),
                     credit(account_id("suspense_fees"), fee_minor)]),
            key=key, actor=actor, occurred_at=occurred_at, subject=source, corrects=corrects,
        )
        need_new(posted.created)
        leave(held.id, refunded_minor=from_held)
        rest.record(posted.id)
        if not fee_minor:
            fee_follows(source, bearer_pool_id, actor, occurred_at)
        return posted.id
    own = own_money(source, bearer_pool_id)
    if own is None and held is None:
        raise NotFound()
    taken = cost(own.pool_id if own else bearer_pool_id, amount_minor, "refunded", lots=own.ids if own else (),
                 source=source)
    fee = [debit(account_id("refunded", own.pool_id), fee_minor), credit(account_id("fees", own.pool_id), fee_minor)] \
        if fee_minor and own else []
    posted = post_once(kind, [*taken.legs, *fee, credit(account_id(clearing), amount_minor)], key=key, actor=actor,
                       occurred_at=occurred_at, subject=source, corrects=corrects)
    need_new(posted.created)
    taken.record(posted.id)
    return posted.id


@command
def give_back(
    entry_id: uuid.UUID, *, key: str, actor: Actor, returned_minor: int | None = None,
    bearer_pool_id: uuid.UUID | None = None, occurred_at: datetime | None = None,
) -> uuid.UUID:
    """What `entry_id` took (a dispute since won, a fee returned, a refund at the provider that failed) lies again where
    it was taken from, whole: open shortfall is covered by it, whoever had covered the rest has it back, and what the
    contribution's own money paid is free again.

    Where other than the same US cents came back (`returned_minor`: another currency's rate moved) the difference is
    `bearer_pool_id`'s. Returns the entry, which names the one it undoes; the same `key` returns the first. Raises
    NotFound, KeyReused.
    """
    row = db.session.execute(select(_entry.c.subject_type, _entry.c.subject_id).where(_entry.c.id == entry_id)).first()
    if row is None:
        raise NotFound()
    subject = (row.subject_type, row.subject_id)
    known = find_entry(key, GIVEN, subject)
    if known is not None:
        return known
    taken = db.session.execute(
        select(_leg.c.account_id, _leg.c.side, _leg.c.usd_minor).where(_leg.c.entry_id == entry_id)).all()
    short = db.session.execute(select(_shortfall).where(_shortfall.c.entry_id == entry_id).with_for_update()).first()
    legs = [LegSpec(leg.account_id, "C" if leg.side == "D" else "D", leg.usd_minor) for leg in taken]
    legs, gain = _returned(legs, returned_minor)
    movements = [(lot, part, -amount) for lot, part, amount in movements_of(entry_id)]
    if short is not None and short.covered_minor:
        covered, moved = _undo_covers(short)
        legs, movements = [*legs, *covered], [*movements, *moved]
    legs, owed = as_it_waits(subject, legs)
    lock_pools(_pools_of([lot for lot, _part, _amount in movements]) | ({short.pool_id} if short else set()))
    posted = post_once(GIVEN, [*legs, *difference_legs(gain)], key=key, actor=actor, occurred_at=occurred_at,
                       subject=subject, corrects=entry_id)
    need_new(posted.created)
    move_lots(posted.id, _merged(movements))
    if short is not None and short.covered_minor < short.amount_minor:
        cover_by(entry_id, short.amount_minor - short.covered_minor)
    if owed:
        leave(find_held(subject).id, refunded_minor=-owed)
        _waits_again(subject, f"{key}:accepted", actor, occurred_at)
    if gain:
        assert bearer_pool_id is not None, "somebody bears the difference"
        bear_difference(gain, bearer_pool_id, subject, f"{key}:difference", actor, occurred_at)
    return posted.id


def _waits_again(source: Subject, key: str, actor: Actor, at: datetime | None) -> None:
    """Money is in suspense again, with its fee; where the rest was accepted meanwhile, it follows that into its "
    "pool."""
    held = find_held(source)
    if not held.accepted_minor:
        fee_follows(source, None, actor, at)
        return
    pool_id = db.session.scalars(
        select(_lot.c.pool_id).where(_lot.c.source_type == source[0], _lot.c.source_id == source[1])).first()
    assert pool_id is not None, "what was accepted is in a pool"
    own = own_money(source, pool_id)
    assert own is not None
    enter_pool(held, own.pool_id, 0, key=key, actor=actor, rate_bp=own.rate_bp, end_date=own.end_date, occurred_at=at)


def _returned(legs: list[LegSpec], returned_minor: int | None) -> tuple[list[LegSpec], int]:
    """The legs with what really came back on the bank's or provider's account, and what that is beyond (or short of)
    what was taken."""
    there = {account_id(code) for code in CLEARING}
    taken = sum(leg.usd_minor for leg in legs if leg.account_id in there)
    if returned_minor is None or returned_minor == taken:
        return legs, 0
    changed = [replace(leg, usd_minor=returned_minor, original_minor=None) if leg.account_id in there else leg
               for leg in legs]
    return changed, returned_minor - taken


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
        movements += [(lot, part, -amount) for lot, part, amount in movements_of(cover_id)]
    return legs, movements


def _merged(movements: list[Movement]) -> list[Movement]:
    totals: dict[tuple[uuid.UUID, str], int] = {}
    for lot, part, amount in movements:
        totals[lot, part] = totals.get((lot, part), 0) + amount
    return [(lot, part, amount) for (lot, part), amount in totals.items()]


def _pools_of(lots: list[uuid.UUID]) -> set[uuid.UUID]:
    return set(db.session.scalars(select(_lot.c.pool_id).where(_lot.c.id.in_(lots))))


def as_it_waits(source: Subject, legs: list[LegSpec]) -> tuple[list[LegSpec], int]:
    """The legs with the part of suspense as it stands now, and US cents that come back there (0: none do)."""
    kinds = {account_id("suspense"), account_id("suspense_exchange")}
    owed = sum((1 if leg.side == "C" else -1) * leg.usd_minor for leg in legs if leg.account_id in kinds)
    if not owed:
        return legs, 0
    return [*(leg for leg in legs if leg.account_id not in kinds), *return_legs(find_held(source), owed)], owed


@command
def keep_rest(
    *, source: Subject, bearer_pool_id: uuid.UUID, key: str, actor: Actor, occurred_at: datetime | None = None
) -> int:
    """All of a payment in suspense went back to its donor for fewer US cents than it had brought: what is left there is
    nobody's any more, and an exchange gain of `bearer_pool_id`. US cents kept, 0 when nothing was left."""
    held = find_held(source)
    left = remaining(held) if held is not None else 0
    if not left:
        return 0
    lock_pool(bearer_pool_id)
    posted = post_once(
        "exchange",
        [*suspense_legs(held, left), credit(account_id("exchange", bearer_pool_id), left),
         *budget(bearer_pool_id, -left)],
        key=key, actor=actor, occurred_at=occurred_at, subject=source,
    )
    need_new(posted.created)
    leave(held.id, refunded_minor=left)
    open_lot(bearer_pool_id, left, ("exchange", posted.id), key, occurred_at or clock.now(), None, STANDARD_RATE_BP,
             posted.id)
    fee_follows(source, bearer_pool_id, actor, occurred_at)
    return left
