"""Money coming in: pools, deposits, and what waits in suspense until somebody accepts it."""

from __future__ import annotations

import re
import uuid
from datetime import date, datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import insert, select, update

from core import clock
from core.actor import Actor
from core.db import command, db, new_id
from core.errors import NotFound, RuleBroken
from sponsorship.ledger.chart import CLEARING, COMMON, PER_POOL, AccountKind, account_id
from sponsorship.ledger.models import Account, HeldReceipt, Lot, Pool, tables
from sponsorship.ledger.posting import KeyReused, Subject, credit, debit, find_entry, nonzero, post_once

_account, _held, _lot, _pool = tables(Account, HeldReceipt, Lot, Pool)
_POOL_CODE = re.compile(r"[a-z0-9][a-z0-9-]{0,38}\Z")
STANDARD_RATE_BP = 1300  # programme support costs: 13 % (ST/SGB/188 para. 47), unless the agreement says otherwise


@command
def prepare_chart() -> None:
    """Open the accounts that all pools share. Idempotent: part of loading reference data."""
    ids = [account_id(kind.code) for kind in COMMON]
    there = set(db.session.scalars(select(_account.c.id).where(_account.c.id.in_(ids))))
    _open_accounts([_account_row(kind, kind.code, None) for kind in COMMON if account_id(kind.code) not in there])


@command
def open_pool(
    code: str, name: str, earmark: dict[str, Any] | None = None, *, is_demo: bool = False
) -> uuid.UUID:
    """Open a pool with its accounts; the pool of that code if it is open already (with the same earmark).

    `code` is lower-case letters, digits and hyphens; `earmark` is a predicate (JSON) or None for money without
    one, and never changes. Raises RuleBroken (ledger.pool_code, ledger.pool_differs).
    """
    if not _POOL_CODE.match(code):
        raise RuleBroken(_l("Use lower-case letters, digits and hyphens for a pool's code."),
                         code="ledger.pool_code", field="code")
    prepare_chart()
    known = db.session.execute(select(_pool.c.id, _pool.c.earmark).where(_pool.c.code == code)).first()
    if known is not None:
        if known.earmark != earmark:
            raise RuleBroken(_l("A pool of this code is open with another earmark."),
                             code="ledger.pool_differs", field="code")
        return known.id  # type: ignore[no-any-return]
    pool_id = new_id()
    db.session.execute(insert(_pool).values(id=pool_id, code=code, name=name, earmark=earmark, is_demo=is_demo))
    _open_accounts([_account_row(kind, f"{kind.code}:{code}", pool_id) for kind in PER_POOL])
    return pool_id


def _account_row(kind: AccountKind, code: str, pool_id: uuid.UUID | None) -> dict[str, Any]:
    return {
        "id": account_id(kind.code, pool_id), "code": code, "kind": kind.code, "book": kind.book, "pool_id": pool_id,
        "currency": "USD", "side": kind.side, "guarded": kind.guarded, "debits_posted": 0, "credits_posted": 0,
    }


def _open_accounts(rows: list[dict[str, Any]]) -> None:
    if rows:
        db.session.execute(insert(_account), rows)


@command
def receive(
    pool_id: uuid.UUID,
    gross_minor: int,
    *,
    fee_minor: int = 0,
    clearing: str = "stripe_clearing",
    source: Subject,
    key: str,
    actor: Actor,
    rate_bp: int = STANDARD_RATE_BP,
    end_date: date | None = None,
    occurred_at: datetime | None = None,
) -> uuid.UUID:
    """Money that may go into a pool at once; returns the identifier of its lot.

    US cents: `gross_minor` as paid, `fee_minor` as kept by the provider; the pool gains the net. `clearing` is the
    account it lies on (stripe_clearing or bank), `source` what it came from, such as ("contribution", id).
    `rate_bp`: support costs of its agreement in basis points; `end_date`: last day on which it may be promised.
    The same `key` returns the first lot. Raises NotFound (pool), KeyReused, ValueError.
    """
    _amounts(gross_minor, fee_minor, clearing)
    _pool_exists(pool_id)
    net = gross_minor - fee_minor
    at = occurred_at or clock.now()
    posted = post_once(
        "deposit",
        nonzero([
            debit(account_id(clearing), net),
            debit(account_id("fees", pool_id), fee_minor),
            credit(account_id("received", pool_id), gross_minor),
            *_appropriate(pool_id, net),
        ]),
        key=key, actor=actor, occurred_at=at, subject=source,
    )
    if not posted.created:
        return _lot_of(key)
    return _open_lot(pool_id, net, source, key, at, end_date, rate_bp, posted.id)


def _appropriate(pool_id: uuid.UUID, net: int) -> list[Any]:
    return [debit(account_id("appropriated", pool_id), net), credit(account_id("available", pool_id), net)]


def _amounts(gross_minor: int, fee_minor: int, clearing: str) -> None:
    if type(gross_minor) is not int or type(fee_minor) is not int or not 0 <= fee_minor < gross_minor:
        raise ValueError("gross and fee are whole US cents, and the fee is less than the gross")
    if clearing not in CLEARING:
        raise ValueError(f"money lies on one of {', '.join(CLEARING)}")


def _pool_exists(pool_id: uuid.UUID) -> None:
    if db.session.scalar(select(_pool.c.id).where(_pool.c.id == pool_id)) is None:
        raise NotFound()


def _lot_of(key: str) -> uuid.UUID:
    found = db.session.scalar(select(_lot.c.id).where(_lot.c.key == key))
    if found is None:
        raise KeyReused()
    return found


def _open_lot(
    pool_id: uuid.UUID, net: int, source: Subject, key: str, at: datetime, end_date: date | None, rate_bp: int,
    entry_id: uuid.UUID,
) -> uuid.UUID:
    lot_id = new_id()
    db.session.execute(
        insert(_lot).values(
            id=lot_id, key=key, pool_id=pool_id, source_type=source[0], source_id=source[1], deposited_at=at,
            end_date=end_date, rate_bp=rate_bp, entry_id=entry_id, amount_minor=net, reserved_minor=0, spent_minor=0,
            charged_minor=0,
        )
    )
    return lot_id


@command
def receive_in_suspense(
    gross_minor: int,
    *,
    fee_minor: int = 0,
    clearing: str = "stripe_clearing",
    source: Subject,
    key: str,
    actor: Actor,
    occurred_at: datetime | None = None,
) -> uuid.UUID:
    """Money that nobody has accepted yet (US cents): it is owed to the giver and no pool may use it.

    Returns the identifier of the receipt in suspense; one per `source`. The same `key` returns the first.
    Raises KeyReused, ValueError.
    """
    _amounts(gross_minor, fee_minor, clearing)
    prepare_chart()
    at = occurred_at or clock.now()
    posted = post_once(
        "suspense.deposit",
        nonzero([
            debit(account_id(clearing), gross_minor - fee_minor),
            debit(account_id("suspense_fees"), fee_minor),
            credit(account_id("suspense"), gross_minor),
        ]),
        key=key, actor=actor, occurred_at=at, subject=source,
    )
    if not posted.created:
        found = db.session.scalar(select(_held.c.id).where(_held.c.key == key))
        if found is None:
            raise KeyReused()
        return found
    held_id = new_id()
    db.session.execute(
        insert(_held).values(
            id=held_id, key=key, source_type=source[0], source_id=source[1], clearing=clearing,
            gross_minor=gross_minor, fee_minor=fee_minor, received_at=at, entry_id=posted.id, accepted_minor=0,
            refunded_minor=0,
        )
    )
    return held_id


def _lock_held(source: Subject) -> Any:
    row = db.session.execute(
        select(_held).where(_held.c.source_type == source[0], _held.c.source_id == source[1]).with_for_update()
    ).first()
    if row is None:
        raise NotFound()
    return row


def _not_held() -> RuleBroken:
    return RuleBroken(_l("This money no longer waits for acceptance."), code="ledger.not_held")


@command
def accept_from_suspense(
    pool_id: uuid.UUID,
    *,
    source: Subject,
    key: str,
    actor: Actor,
    rate_bp: int = STANDARD_RATE_BP,
    end_date: date | None = None,
    occurred_at: datetime | None = None,
) -> uuid.UUID:
    """Money in suspense becomes a pool's, with the provider's fee; returns the identifier of its lot.

    It keeps the instant of its deposit for the order in which money is used. The same `key` returns the first lot.
    Raises NotFound (pool, source), RuleBroken (ledger.not_held: accepted or refunded before), KeyReused.
    """
    _pool_exists(pool_id)
    held = _lock_held(source)
    known = db.session.execute(select(_lot.c.id, _lot.c.pool_id).where(_lot.c.key == key)).first()
    if known is not None:
        if known.pool_id != pool_id:
            raise KeyReused()
        return known.id  # type: ignore[no-any-return]
    if held.accepted_minor or held.refunded_minor:
        raise _not_held()
    net = held.gross_minor - held.fee_minor
    posted = post_once(
        "suspense.accept",
        nonzero([
            debit(account_id("suspense"), held.gross_minor),
            credit(account_id("received", pool_id), held.gross_minor),
            debit(account_id("fees", pool_id), held.fee_minor),
            credit(account_id("suspense_fees"), held.fee_minor),
            *_appropriate(pool_id, net),
        ]),
        key=key, actor=actor, occurred_at=occurred_at, subject=source,
    )
    if not posted.created:
        raise KeyReused()
    _leave(held.id, accepted_minor=held.gross_minor)
    return _open_lot(pool_id, net, source, key, held.received_at, end_date, rate_bp, posted.id)


def _leave(held_id: uuid.UUID, **amounts: int) -> None:
    db.session.execute(
        update(_held).where(_held.c.id == held_id)
        .values({name: _held.c[name] + amount for name, amount in amounts.items()})
    )


@command
def refund_from_suspense(
    *, source: Subject, key: str, actor: Actor, occurred_at: datetime | None = None
) -> uuid.UUID:
    """Money in suspense went back to its giver in full; returns the entry. The fee the provider kept is lost.

    Call it when the provider says the refund was made. The same `key` returns the first entry. Raises NotFound
    (source), RuleBroken (ledger.not_held: accepted or refunded before), KeyReused.
    """
    held = _lock_held(source)
    legs = nonzero([
        debit(account_id("suspense"), held.gross_minor),
        credit(account_id(held.clearing), held.gross_minor),
        debit(account_id("fees_lost"), held.fee_minor),
        credit(account_id("suspense_fees"), held.fee_minor),
    ])
    if held.accepted_minor:
        raise _not_held()
    if held.refunded_minor:  # the same key: the first entry; another key: refused
        known = find_entry(key, "suspense.refund", source)
        if known is None:
            raise _not_held()
        return known
    posted = post_once("suspense.refund", legs, key=key, actor=actor, occurred_at=occurred_at, subject=source)
    if not posted.created:
        raise KeyReused()
    _leave(held.id, refunded_minor=held.gross_minor)
    return posted.id


@command
def record_payout(amount_minor: int, *, key: str, actor: Actor, occurred_at: datetime | None = None) -> uuid.UUID:
    """The payment provider paid out to the fund's bank account, in US cents; returns the entry. The same `key` (the
    payout's identifier) returns the first. Raises KeyReused, ValueError."""
    legs = [debit(account_id("bank"), amount_minor), credit(account_id("stripe_clearing"), amount_minor)]
    return post_once("payout", legs, key=key, actor=actor, occurred_at=occurred_at).id
