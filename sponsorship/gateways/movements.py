"""Stripe's balance, movement by movement: listed, kept once, and put before an officer where the books do not say the
same. What is found in the books is the matter of the rooms above, which know what was booked."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import insert, select

from accounts.permissions import require
from core import clock
from core.actor import Actor, system
from core.db import command, db, insert_into, lock, new_id
from core.errors import RuleBroken
from sponsorship.gateways.cursors import advance, cursor
from sponsorship.gateways.money_models import MovementEntry, StripeMovement
from sponsorship.gateways.stripe_gateway import StripeGateway
from sponsorship.gateways.stripe_money_facts import MovementFacts
from sponsorship.gateways.transitions import MOVEMENT
from sponsorship.ledger import service as ledger

CURSOR = "movements"
OVERLAP = timedelta(hours=6)
WAITS = timedelta(hours=1)  # so long a movement may be ahead of the books
LOOK_AGAIN = timedelta(minutes=10)
MATCHING = system("stripe-movements")
SUBJECT = "stripe_movement"
PAYMENTS = ("charge", "payment")


# --- listing ----------------------------------------------------------------------------------------------------
def gather(gateway: StripeGateway, since: datetime | None = None) -> tuple[int, int]:
    """Keep what Stripe lists since the last time (or since `since`); (looked at, new). Raises GatewayError: the next
    time begins where this one did."""
    through, looked, kept = cursor(CURSOR), 0, 0
    begin = since or (through - OVERLAP if through else None)
    newest = through
    for rows in gateway.list_movements(begin):
        looked += len(rows)
        kept += keep(rows)
        newest = max(newest or rows[0].created_at, *(row.created_at for row in rows))
    if newest is not None and newest != through:
        advance(CURSOR, newest)
    return looked, kept


@command
def keep(rows: Sequence[MovementFacts]) -> int:
    """Put movements on record that are not there yet; how many were new."""
    now = clock.real_now()
    new = 0
    for row in rows:
        values = {
            "id": new_id(), "version": 1, "txn_id": row.txn_id, "type": row.type[:60], "category": row.category[:60],
            "source_id": row.source_id, "currency": row.amount.currency, "amount_minor": row.amount.minor,
            "fee_minor": row.fee.minor, "net_minor": row.net.minor, "words": row.words, "created_at": row.created_at,
            "available_on": row.available_on, "recorded_at": now, "state": "new",
        }
        statement = insert_into(StripeMovement).values(values).on_conflict_do_nothing(index_elements=["txn_id"])
        new += db.session.execute(statement.returning(StripeMovement.id)).first() is not None
    return new


# --- in the books or not ----------------------------------------------------------------------------------------
def due(now: datetime, limit: int) -> list[tuple[uuid.UUID, datetime, str]]:
    """Movements to look for in the books: new ones, and those set aside whose fact may have been booked since."""
    before = clock.real_at(now) - LOOK_AGAIN
    rows = db.session.execute(
        select(StripeMovement.id, StripeMovement.recorded_at, StripeMovement.checked_at, StripeMovement.type)
        .where(StripeMovement.state.in_(("new", "unmatched")),
               StripeMovement.checked_at.is_(None) | (StripeMovement.checked_at <= before))
        .order_by(StripeMovement.recorded_at, StripeMovement.id).limit(limit)
    )
    return sorted(((row.id, row.checked_at + LOOK_AGAIN if row.checked_at else row.recorded_at, row.type)
                   for row in rows), key=lambda found: found[1])


def matched(row: StripeMovement, entry_ids: Iterable[uuid.UUID], actor: Actor = MATCHING) -> None:
    """The books say the same as this locked movement, in these entries."""
    _tie(row, entry_ids)
    row.checked_at, row.note = clock.real_now(), None
    MOVEMENT.apply(row, "match", actor, data=_data(row))


def waits_still(row: StripeMovement, code: str, *, patient: bool, actor: Actor = MATCHING) -> str:
    """The books do not say the same yet. `patient`: what is behind it is under way, so there is time; else it is put
    before an officer, an hour after it was first seen (at once where the books say something else)."""
    real = clock.real_now()
    row.checked_at, row.note = real, code
    late = code == "movement_differs" or (not patient and row.recorded_at <= real - WAITS)
    if row.state != "new" or not late:
        return "waits"
    MOVEMENT.apply(row, "set_aside", actor, reason=code, data=_data(row))
    return code


def _tie(row: StripeMovement, entry_ids: Iterable[uuid.UUID]) -> None:
    for entry_id in entry_ids:
        db.session.execute(insert(MovementEntry).values(entry_id=entry_id, movement_id=row.id))


def _data(row: StripeMovement) -> dict[str, Any]:
    return {"txn": row.txn_id, "type": row.type, "net_minor": row.net_minor, "currency": row.currency}


# --- what an officer does about it ------------------------------------------------------------------------------
@dataclass(frozen=True)
class Booked:
    """What the books say already of a movement: these entries, which moved Stripe's account by so many US cents."""

    entry_ids: tuple[uuid.UUID, ...] = ()
    net_minor: int = 0


@command
def book(
    movement_id: uuid.UUID, pool_id: uuid.UUID, actor: Actor, expected_version: int | None = None,
    known: Booked | None = None,
) -> None:
    """Book a movement to a pool in one step, or what of it the books do not say yet: what Stripe kept is a fee of the
    pool, what it gave is the pool's money. Raises NotAllowed, NotFound, IllegalMove, Stale, RuleBroken."""
    require(actor, "contribution.reconcile")
    row, known = lock(StripeMovement, movement_id, expected_version), known or Booked()
    MOVEMENT.move(row.state, "book")
    missing = row.net_minor - known.net_minor
    _bookable(row, missing, known)
    _tie(row, known.entry_ids)
    key, subject = f"movement:{row.id}", (SUBJECT, row.id)
    if missing > 0:
        ledger.receive(pool_id, ledger.Intake(missing), source=subject, key=key, actor=actor)
        _tie(row, [ledger.entry_under(key)])
    elif missing < 0:
        _tie(row, [ledger.charge_fee(pool_id, -missing, subject=subject, key=key, actor=actor)])
    MOVEMENT.apply(row, "book", actor, data={**_data(row), "pool": str(pool_id), "booked_minor": missing})


def _bookable(row: StripeMovement, missing: int, known: Booked) -> None:
    if row.currency != "USD":
        raise RuleBroken(_("The books hold US dollars at Stripe only. Explain this movement instead."),
                         code="movement.other_currency", field="pool")
    if row.type.startswith("payout"):
        raise RuleBroken(_("This is a payout, not a cost. It is recorded by itself once Stripe has told of it."),
                         code="movement.is_payout", field="pool")
    if missing > 0 and row.type in PAYMENTS and not known.entry_ids:
        raise RuleBroken(_("This is somebody’s payment, and the fund takes none without a name. Record it for a "
                           "pledge, or send it back at Stripe."), code="movement.is_payment", field="pool")


@command
def explain(
    movement_id: uuid.UUID, actor: Actor, words: str, expected_version: int | None = None, known: Booked | None = None
) -> None:
    """Close a movement by saying what it is: what of it is not in the books stays out of them, and every comparison of
    Stripe's total with them names it. Raises NotAllowed, NotFound, IllegalMove, Stale, RuleBroken."""
    require(actor, "contribution.reconcile")
    row = lock(StripeMovement, movement_id, expected_version)
    if not words.strip():
        raise RuleBroken(_("Write what it is, for the record."), code="movement.no_words", field="words")
    _tie(row, (known or Booked()).entry_ids)
    MOVEMENT.apply(row, "explain", actor, text=words.strip(), data=_data(row))
