"""Money of a payment that is gone: paid a second time, lost, stolen or short. The payment itself keeps its own entries;
what is gone is a loss of the pool that it came from, until it comes back."""

from __future__ import annotations

import uuid
from datetime import datetime

from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select

from core.actor import Actor
from core.db import command, db
from core.errors import RuleBroken
from sponsorship.ledger.chart import account_id
from sponsorship.ledger.costs import budget, cost, cover_by, lock_pool
from sponsorship.ledger.models import Entry, Lot, LotMovement, Shortfall, tables
from sponsorship.ledger.posting import KeyReused, LegSpec, Subject, credit, debit, find_entry, nonzero, post_once
from sponsorship.ledger.reservations import Movement, lock_reservation, move_lots
from sponsorship.ledger.spending import lock_spend, parts_of

LOSS, BACK = "loss", "loss.back"
_entry, _lot, _movement, _shortfall = tables(Entry, Lot, LotMovement, Shortfall)


@command
def lose(
    spend_id: uuid.UUID, amount_minor: int, *, key: str, actor: Actor, subject: Subject,
    occurred_at: datetime | None = None,
) -> uuid.UUID:
    """`amount_minor` US cents have left the bank account beside a payment: the pool of its first line bears them, out
    of its free money; what it lacks stands as its shortfall. `subject` is the loss, told once.

    Returns the entry; the same `key` returns the first. Raises NotFound, KeyReused, ValueError.
    """
    if type(amount_minor) is not int or amount_minor <= 0:
        raise ValueError("a loss is of whole US cents above zero")
    known = find_entry(key, LOSS, subject)
    if known is not None:
        return known
    row = lock_spend(spend_id)
    _about, lines = lock_reservation(row.reservation_id)
    pool_id = parts_of(spend_id, lines)[0][0].pool_id
    gone = cost(pool_id, amount_minor, "losses", source=subject)
    posted = post_once(LOSS, [*gone.legs, credit(account_id("bank"), amount_minor)], key=key, actor=actor,
                       occurred_at=occurred_at, subject=subject)
    if not posted.created:
        raise KeyReused()
    gone.record(posted.id)
    return posted.id


@command
def loss_back(
    subject: Subject, amount_minor: int, *, key: str, actor: Actor, occurred_at: datetime | None = None
) -> uuid.UUID:
    """`amount_minor` US cents of a loss are on the bank account again: first what still stands as a shortfall, then the
    lots that bore it, the last to bear the first to get.

    Returns the entry; the same `key` returns the first. Raises RuleBroken (ledger.more_than_lost), KeyReused,
    ValueError (nothing, or no such loss).
    """
    known = find_entry(key, BACK, subject)
    if known is not None:
        return known
    first = db.session.execute(
        select(_entry.c.id, _shortfall.c.pool_id).outerjoin(_shortfall, _shortfall.c.entry_id == _entry.c.id)
        .where(_entry.c.kind == LOSS, _entry.c.subject_type == subject[0], _entry.c.subject_id == subject[1])).first()
    if first is None or type(amount_minor) is not int or amount_minor <= 0:
        raise ValueError("what comes back is of whole US cents above zero, and was lost")
    pool_id = first.pool_id or _pool_of(first.id)
    lock_pool(pool_id)
    short = db.session.execute(select(_shortfall).where(_shortfall.c.entry_id == first.id).with_for_update()).first()
    uncovered = short.amount_minor - short.covered_minor if short is not None else 0
    to_shortfall = min(amount_minor, uncovered)
    movements, left = _give(_borne(first.id, subject), amount_minor - to_shortfall)
    if left:
        raise RuleBroken(_l("More than was lost cannot come back."), code="ledger.more_than_lost")
    given = amount_minor - to_shortfall
    legs: list[LegSpec] = [debit(account_id("bank"), amount_minor), credit(account_id("shortfall", pool_id),
                                                                          to_shortfall)]
    if given:
        legs += [credit(account_id("losses", pool_id), given), *budget(pool_id, -given)]
    posted = post_once(BACK, nonzero(legs), key=key, actor=actor, occurred_at=occurred_at, subject=subject)
    if not posted.created:
        raise KeyReused()
    move_lots(posted.id, movements)
    if to_shortfall:
        cover_by(first.id, to_shortfall)
    return posted.id


def _pool_of(entry_id: uuid.UUID) -> uuid.UUID:
    return db.session.scalars(select(_lot.c.pool_id).join(_movement, _movement.c.lot_id == _lot.c.id)
                              .where(_movement.c.entry_id == entry_id).limit(1)).one()


def _borne(entry_id: uuid.UUID, subject: Subject) -> list[tuple[uuid.UUID, int]]:
    """What each lot still bears of a loss, covers of its shortfall included, the latest lot first."""
    about = select(_entry.c.id).where(
        ((_entry.c.subject_type == subject[0]) & (_entry.c.subject_id == subject[1])
         & _entry.c.kind.in_((LOSS, BACK)))
        | ((_entry.c.subject_type == "shortfall") & (_entry.c.subject_id == entry_id)))
    rows = db.session.execute(
        select(_movement.c.lot_id, func.sum(_movement.c.amount_minor).label("borne"))
        .where(_movement.c.entry_id.in_(about), _movement.c.part == "loss").group_by(_movement.c.lot_id)
        .order_by(_movement.c.lot_id.desc()))
    return [(row.lot_id, int(row.borne)) for row in rows if row.borne]


def _give(borne: list[tuple[uuid.UUID, int]], amount: int) -> tuple[list[Movement], int]:
    movements: list[Movement] = []
    for lot, stands in borne:
        back = min(amount, stands)
        if back:
            movements.append((lot, "loss", -back))
            amount -= back
    return movements, amount
