"""What a pool pays beside journeys: fees, exchange losses, and what banks took back. Free money first; what is lacking
stands as the pool's shortfall, and payments from that pool stop until somebody has covered it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import insert, nulls_last, select, update

from core.actor import Actor
from core.db import command, db
from core.errors import NotFound, RuleBroken
from sponsorship.ledger.chart import CLEARING, account_id
from sponsorship.ledger.models import Account, Lot, Shortfall, tables
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
from sponsorship.ledger.reservations import Movement, move_lots

_account, _lot, _shortfall = tables(Account, Lot, Shortfall)
FREE = _lot.c.amount_minor - _lot.c.reserved_minor - _lot.c.spent_minor - _lot.c.charged_minor
COVER = "shortfall.cover"
_PARTS = {"fees": "fee", "exchange": "fee", "losses": "loss", "refunded": "refund"}


class PoolStopped(RuleBroken):
    """A pool of this payment has an uncovered shortfall: nothing leaves it until the shortfall is covered."""

    code = "ledger.pool_stopped"

    def __init__(self) -> None:
        super().__init__(_l("Payments from this pool are stopped: it has a shortfall that must be covered first."))


@dataclass
class Cost:
    """Legs of a cost (without the account that the money leaves), what each lot bears of it, and what was lacking."""

    legs: list[LegSpec] = field(default_factory=list)
    movements: list[Movement] = field(default_factory=list)
    pool_id: uuid.UUID | None = None
    becomes: str = "fees"
    short: int = 0
    source: Subject | None = None

    def record(self, entry_id: uuid.UUID) -> None:
        """After the entry is posted: move the lots, keep the shortfall."""
        move_lots(entry_id, self.movements)
        if self.short:
            kind, source_id = self.source or (None, None)
            db.session.execute(insert(_shortfall).values(
                entry_id=entry_id, pool_id=self.pool_id, becomes=self.becomes, source_type=kind, source_id=source_id,
                amount_minor=self.short, covered_minor=0,
            ))


_BUDGET = ("available", "reserved", "appropriated", "shortfall")


def lock_pools(pool_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, int]:
    """Lock the budget and shortfall accounts of pools in one statement; balances by account. Raises NotFound."""
    wanted = [account_id(kind, pool_id) for pool_id in set(pool_ids) for kind in _BUDGET]
    balances = lock_accounts(wanted)
    if len(balances) != len(wanted):
        raise NotFound()
    return balances


def lock_pool(pool_id: uuid.UUID) -> dict[str, int]:
    """Lock one pool; its balances by kind, US cents. Raises NotFound."""
    balances = lock_pools([pool_id])
    return {kind: balances[account_id(kind, pool_id)] for kind in _BUDGET}


def cost(
    pool_id: uuid.UUID, amount_minor: int, account: str, *, lots: Iterable[uuid.UUID] | None = None,
    but: Iterable[uuid.UUID] = (), source: Subject | None = None,
) -> Cost:
    """A cost of US cents that reality has taken: debits `account` (fees, exchange, refunded, losses) of the pool as
    far as free money reaches, and its shortfall for the rest. `lots`: only these may pay (all of the pool's by
    default), never `but`. `source` is what caused it. Locks the pool."""
    lock_pool(pool_id)
    paid, total = _free_of(pool_id, amount_minor, lots, but)
    part = _PARTS[account]
    return Cost(
        legs=nonzero([
            debit(account_id(account, pool_id), total),
            debit(account_id("shortfall", pool_id), amount_minor - total),
            *budget(pool_id, total),
        ]),
        movements=[(lot, part, amount) for lot, amount in paid.items()],
        pool_id=pool_id, becomes="losses" if account in ("refunded", "losses") else "fees", short=amount_minor - total,
        source=source,
    )


def budget(pool_id: uuid.UUID, amount_minor: int) -> list[LegSpec]:
    """US cents leave what may be promised (above zero), or come to it (below)."""
    available, appropriated = account_id("available", pool_id), account_id("appropriated", pool_id)
    if amount_minor >= 0:
        return nonzero([debit(available, amount_minor), credit(appropriated, amount_minor)])
    return [debit(appropriated, -amount_minor), credit(available, -amount_minor)]


def _free_of(
    pool_id: uuid.UUID, wanted: int, only: Iterable[uuid.UUID] | None = None, but: Iterable[uuid.UUID] = ()
) -> tuple[dict[uuid.UUID, int], int]:
    """What of `wanted` the pool's lots have free, in their order (past end dates too: reality does not ask)."""
    query = select(_lot.c.id, FREE.label("free")).where(
        _lot.c.pool_id == pool_id, _lot.c.amount_minor > _lot.c.reserved_minor + _lot.c.spent_minor
        + _lot.c.charged_minor,
    )
    if only is not None:
        query = query.where(_lot.c.id.in_(list(only)))
    if excluded := list(but):
        query = query.where(_lot.c.id.not_in(excluded))
    paid: dict[uuid.UUID, int] = {}
    left = wanted
    for lot in db.session.execute(query.order_by(nulls_last(_lot.c.end_date), _lot.c.deposited_at, _lot.c.id)):
        if left:
            paid[lot.id] = min(left, lot.free)
            left -= paid[lot.id]
    return paid, wanted - left


def stopped(pool_ids: set[uuid.UUID]) -> bool:
    """True when one of the pools has a shortfall that nobody has covered."""
    ids = [account_id("shortfall", pool_id) for pool_id in pool_ids]
    return db.session.execute(
        select(_account.c.id).where(_account.c.id.in_(ids), _account.c.debits_posted > _account.c.credits_posted)
    ).first() is not None


@command
def charge_fee(
    pool_id: uuid.UUID, amount_minor: int, *, clearing: str = "stripe_clearing", subject: Subject, key: str,
    actor: Actor, occurred_at: datetime | None = None,
) -> uuid.UUID:
    """A provider or bank charged the fund `amount_minor` US cents (such as the fee of a dispute): the pool's free money
    pays it, the rest is its shortfall. Returns the entry; the same `key` returns the first. Raises NotFound, KeyReused,
    ValueError."""
    if type(amount_minor) is not int or amount_minor <= 0 or clearing not in CLEARING:
        raise ValueError("a fee is of whole US cents above zero, taken from the bank or the provider")
    known = find_entry(key, "fee", subject)
    if known is not None:
        return known
    found = cost(pool_id, amount_minor, "fees", source=subject)
    posted = post_once("fee", [*found.legs, credit(account_id(clearing), amount_minor)], key=key, actor=actor,
                       occurred_at=occurred_at, subject=subject)
    if not posted.created:
        raise KeyReused()
    found.record(posted.id)
    return posted.id


@command
def cover_shortfall(
    pool_id: uuid.UUID, *, key: str, actor: Actor, occurred_at: datetime | None = None
) -> list[uuid.UUID]:
    """Cover every shortfall of the pool from its free money, oldest first, so that payments may leave again.

    Returns the entries, one for each shortfall; none when there is nothing to cover, so repeating it does nothing.
    Raises NotEnoughMoney (nothing is written), NotFound, KeyReused.
    """
    balances = lock_pool(pool_id)
    open_rows = db.session.execute(
        select(_shortfall).where(_shortfall.c.pool_id == pool_id,
                                 _shortfall.c.covered_minor < _shortfall.c.amount_minor)
        .order_by(_shortfall.c.entry_id).with_for_update()
    ).all()
    missing = balances["shortfall"]
    free = balances["available"]
    if missing > free:
        raise NotEnoughMoney(missing - free)
    return [_cover(row, f"{key}:{row.entry_id}", actor, occurred_at) for row in open_rows]


def _cover(row: Any, key: str, actor: Actor, occurred_at: datetime | None) -> uuid.UUID:
    pool_id, becomes = row.pool_id, row.becomes
    amount = row.amount_minor - row.covered_minor
    paid, total = _free_of(pool_id, amount)
    if total < amount:
        raise NotEnoughMoney(amount - total)
    posted = post_once(
        COVER,
        [debit(account_id(becomes, pool_id), amount), credit(account_id("shortfall", pool_id), amount),
         *budget(pool_id, amount)],
        key=key, actor=actor, occurred_at=occurred_at, subject=("shortfall", row.entry_id),
    )
    if not posted.created:
        raise KeyReused()
    move_lots(posted.id, [(lot, _PARTS[becomes], part) for lot, part in paid.items()])
    cover_by(row.entry_id, amount)
    return posted.id


def cover_by(entry_id: uuid.UUID, amount_minor: int) -> None:
    """So much of this entry's shortfall is covered."""
    db.session.execute(
        update(_shortfall).where(_shortfall.c.entry_id == entry_id)
        .values(covered_minor=_shortfall.c.covered_minor + amount_minor)
    )
