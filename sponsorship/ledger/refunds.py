"""Refunds that the fund orders: held first (our own promise: refused when the money is no longer free), then paid, or
given up."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import select

from core.actor import Actor
from core.db import command, db
from core.errors import NotFound
from sponsorship.ledger.chart import account_id
from sponsorship.ledger.costs import COVER, Cost, budget, cost, cover_by
from sponsorship.ledger.deposits import find_held, leave, remaining, suspense_legs
from sponsorship.ledger.models import Entry, Leg, Shortfall, tables
from sponsorship.ledger.posting import LegSpec, NotEnoughMoney, Subject, credit, debit, find_entry, nonzero, post_once
from sponsorship.ledger.reservations import move_lots
from sponsorship.ledger.takebacks import (
    as_it_waits,
    bear_difference,
    difference_legs,
    fee_follows,
    movements_of,
    need_new,
    own_money,
)

_entry, _leg, _shortfall = tables(Entry, Leg, Shortfall)
HOLD, PAID, CAME_BACK, GIVEN_UP = "refund.hold", "refund.paid", "refund.came-back", "refund.given-up"


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
        need_new(posted.created)
        leave(held.id, refunded_minor=amount_minor)
        return posted.id
    money = own_money(source, bearer_pool_id)
    if money is None:
        raise NotFound()
    own = min(amount_minor, money.free)
    fee = amount_minor - own
    if fee > (0 if money.used else fee_minor):
        raise NotEnoughMoney(fee)
    borne = cost(bearer_pool_id, fee, "fees", but=money.ids) if fee else Cost()
    if borne.short:
        raise NotEnoughMoney(borne.short)
    posted = post_once(
        HOLD,
        nonzero([
            debit(account_id("refunded", money.pool_id), amount_minor),
            credit(account_id("refunds_due"), amount_minor),
            *budget(money.pool_id, own), credit(account_id("fees", money.pool_id), fee), *borne.legs,
        ]),
        key=key, actor=actor, occurred_at=occurred_at, subject=source,
    )
    need_new(posted.created)
    move_lots(posted.id, [*money.take(own, "refund"), *borne.movements])
    return posted.id


@command
def pay_refund(
    hold_key: str, paid_minor: int, *, source: Subject, clearing: str, bearer_pool_id: uuid.UUID, key: str,
    actor: Actor, occurred_at: datetime | None = None,
) -> uuid.UUID:
    """What was held under `hold_key` has gone back: `paid_minor` US cents left `clearing`.

    For money that came out of suspense the fee its payment had cost is now lost and borne by `bearer_pool_id`. Where
    the refund cost more or less than was held (another currency's rate moved) the difference is that pool's too.
    Returns the entry; the same `key` returns the first. Raises NotFound, KeyReused.
    """
    known = find_entry(key, PAID, source)
    if known is not None:
        return known
    held_minor, from_suspense = _held_under(hold_key, source)
    posted = post_once(
        PAID,
        nonzero([debit(account_id("refunds_due"), held_minor), credit(account_id(clearing), paid_minor),
                 *difference_legs(held_minor - paid_minor)]),
        key=key, actor=actor, occurred_at=occurred_at, subject=source,
    )
    need_new(posted.created)
    if from_suspense:
        fee_follows(source, bearer_pool_id, actor, occurred_at)
    bear_difference(held_minor - paid_minor, bearer_pool_id, source, f"{key}:difference", actor, occurred_at)
    return posted.id


def _held_under(hold_key: str, source: Subject) -> tuple[int, bool]:
    entry_id = find_entry(hold_key, HOLD, source)
    if entry_id is None:
        raise NotFound()
    legs = {row.account_id: row.usd_minor for row in db.session.execute(
        select(_leg.c.account_id, _leg.c.usd_minor).where(_leg.c.entry_id == entry_id))}
    return legs[account_id("refunds_due")], account_id("suspense") in legs


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
         *difference_legs(returned_minor - held_minor)],
        key=key, actor=actor, occurred_at=occurred_at, subject=source,
    )
    need_new(posted.created)
    bear_difference(returned_minor - held_minor, bearer_pool_id, source, f"{key}:difference", actor, occurred_at)
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
    held = db.session.execute(
        select(_leg.c.account_id, _leg.c.side, _leg.c.usd_minor).where(_leg.c.entry_id == hold_id)).all()
    legs, waits = as_it_waits(
        source, [LegSpec(row.account_id, "C" if row.side == "D" else "D", row.usd_minor) for row in held])
    posted = post_once(GIVEN_UP, legs, key=key, actor=actor, occurred_at=occurred_at, subject=source, corrects=hold_id)
    need_new(posted.created)
    move_lots(posted.id, [(lot, part, -amount) for lot, part, amount in movements_of(hold_id)])
    if waits:
        leave(find_held(source).id, refunded_minor=-waits)
        fee_follows(source, None, actor, occurred_at)
    _cover_own(source, key, actor, occurred_at)
    return posted.id


def _cover_own(source: Subject, key: str, actor: Actor, at: datetime | None) -> None:
    """What a bank took of this contribution while it was set aside stands as a shortfall: now its own money pays it."""
    rows = db.session.execute(
        select(_shortfall).join(_entry, _entry.c.id == _shortfall.c.entry_id)
        .where(_shortfall.c.source_type == source[0], _shortfall.c.source_id == source[1],
               _shortfall.c.covered_minor < _shortfall.c.amount_minor, _entry.c.kind.like("takeback.%"))
        .order_by(_shortfall.c.entry_id)
    ).all()
    for row in rows:
        money, held = own_money(source, row.pool_id), find_held(source)
        short = row.amount_minor - row.covered_minor
        amount = min(short, money.free if money is not None else remaining(held))
        if not amount:
            continue
        own = suspense_legs(held, amount) if money is None else [
            debit(account_id("refunded", money.pool_id), amount), *budget(money.pool_id, amount)]
        posted = post_once(COVER, [*own, credit(account_id("shortfall", row.pool_id), amount)],
                           key=f"{key}:{row.entry_id}", actor=actor, occurred_at=at,
                           subject=("shortfall", row.entry_id))
        need_new(posted.created)
        cover_by(row.entry_id, amount)
        if money is not None:
            move_lots(posted.id, money.take(amount, "refund"))
        elif held is not None:
            leave(held.id, refunded_minor=amount)
            fee_follows(source, row.pool_id, actor, at)
