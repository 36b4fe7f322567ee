"""What a bank does beside paying or not paying: it pays a part, and its own conversion moves the dollars."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import insert

from core import clock
from core.actor import Actor
from core.db import command, db
from sponsorship.ledger.chart import account_id
from sponsorship.ledger.costs import budget, cost, lock_pool
from sponsorship.ledger.deposits import STANDARD_RATE_BP, open_lot
from sponsorship.ledger.models import SpendCut, tables
from sponsorship.ledger.posting import KeyReused, Subject, credit, debit, find_entry, post_once
from sponsorship.ledger.reservations import lock_reservation
from sponsorship.ledger.spending import legs_back, lock_spend, move, parts_back, parts_of, settled_otherwise

(_cut,) = tables(SpendCut)
PART, EXCHANGE = "spend.part", "exchange"  # as of refunds: statements know it by its kind


@command
def cut_spend(
    spend_id: uuid.UUID, unpaid_minor: int, *, key: str, actor: Actor, occurred_at: datetime | None = None
) -> uuid.UUID:
    """The bank pays less than was instructed: `unpaid_minor` US cents of a payment that is with the bank are reserved
    again, with their support costs. The rest stands; confirm it next.

    Taken from the last line of the payment backwards, so that money is used in the order in which it was reserved.
    Returns the entry; the same `key` returns the first. Raises NotFound, RuleBroken (ledger.spend_settled), KeyReused,
    ValueError (nothing, or everything, is unpaid).
    """
    row = lock_spend(spend_id)
    about: Subject = (row.subject_type, row.subject_id)
    known = find_entry(key, PART, about)
    if known is not None:
        return known
    if row.state != "sent":
        raise settled_otherwise()
    _about, lines = lock_reservation(row.reservation_id)
    stands = parts_of(spend_id, lines)
    if type(unpaid_minor) is not int or not 0 < unpaid_minor < sum(direct for _line, direct in stands):
        raise ValueError("a part of a payment is above zero and below the whole")
    left, unpaid = unpaid_minor, []
    for line, direct in reversed(stands):
        if left:
            unpaid.append((line, min(left, direct)))
            left -= min(left, direct)
    parts = parts_back(unpaid[::-1])
    posted = post_once(PART, legs_back(parts, None), key=key, actor=actor, occurred_at=occurred_at, subject=about)
    if not posted.created:
        raise KeyReused()
    db.session.execute(insert(_cut), [
        {"spend_id": spend_id, "reservation_line_id": line.id, "entry_id": posted.id, "direct_minor": direct,
         "support_minor": support} for line, direct, support in parts
    ])
    move(posted.id, parts, -1)
    return posted.id


@command
def exchange_of_spend(
    spend_id: uuid.UUID, gain_minor: int, *, key: str, actor: Actor, occurred_at: datetime | None = None
) -> uuid.UUID:
    """The bank's conversion took more US cents than the payment (`gain_minor` below zero) or fewer, when it paid or
    when it sent back. The pool of the payment's first line bears it: a loss out of its free money, then as its
    shortfall; a gain is free money of it.

    Returns the entry; the same `key` returns the first. Raises NotFound, KeyReused, ValueError (no difference).
    """
    if type(gain_minor) is not int or not gain_minor:
        raise ValueError("a difference is of whole US cents")
    row = lock_spend(spend_id)
    about: Subject = (row.subject_type, row.subject_id)
    known = find_entry(key, EXCHANGE, about)
    if known is not None:
        return known
    _about, lines = lock_reservation(row.reservation_id)
    pool_id = parts_of(spend_id, lines)[0][0].pool_id
    if gain_minor < 0:
        loss = cost(pool_id, -gain_minor, "exchange", source=about)
        legs = [*loss.legs, credit(account_id("bank"), -gain_minor)]
    else:
        loss = None
        lock_pool(pool_id)
        legs = [debit(account_id("bank"), gain_minor), credit(account_id("exchange", pool_id), gain_minor),
                *budget(pool_id, -gain_minor)]
    posted = post_once(EXCHANGE, legs, key=key, actor=actor, occurred_at=occurred_at, subject=about)
    if not posted.created:
        raise KeyReused()
    if loss is not None:
        loss.record(posted.id)
    else:
        open_lot(pool_id, gain_minor, ("exchange", posted.id), key, occurred_at or clock.now(), None, STANDARD_RATE_BP,
                 posted.id)
    return posted.id
