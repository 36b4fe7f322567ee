"""Money coming in: pools, deposits, and what waits in suspense until somebody accepts it."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import insert, select, update

from core import clock
from core.actor import Actor
from core.db import command, db, new_id
from core.errors import NotFound, RuleBroken
from sponsorship.ledger.chart import CLEARING, COMMON, PER_POOL, AccountKind, account_id
from sponsorship.ledger.costs import budget
from sponsorship.ledger.models import Account, HeldReceipt, Lot, Pool, tables
from sponsorship.ledger.posting import KeyReused, LegSpec, Original, Subject, credit, debit, nonzero, post_once, signed

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
        raise RuleBroken(_l("Use lower-case letters, digits and hyphens for a pool’s code."),
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


@dataclass(frozen=True, slots=True)
class Intake:
    """What a payment brought, in US cents: `gross_minor` is its value at the rate of the deposit (that of `original`
    when it was not paid in dollars), `exchange_minor` what the provider's or bank's own conversion brought beyond that
    (below zero: short of it), `fee_minor` what was kept. `net_minor` arrives on `clearing` (stripe_clearing or bank).
    Raises ValueError where these cannot be."""

    gross_minor: int
    fee_minor: int = 0
    exchange_minor: int = 0
    clearing: str = "stripe_clearing"
    original: Original | None = None

    def __post_init__(self) -> None:
        if any(type(value) is not int for value in (self.gross_minor, self.fee_minor, self.exchange_minor)):
            raise ValueError("gross, fee and difference are whole US cents")
        if self.gross_minor <= 0 or self.fee_minor < 0 or self.net_minor <= 0:
            raise ValueError("the fee is less than what came")
        if self.clearing not in CLEARING:
            raise ValueError(f"money lies on one of {', '.join(CLEARING)}")
        if self.exchange_minor and self.original is None:
            raise ValueError("dollars are not exchanged for dollars")

    @property
    def came_minor(self) -> int:
        """US cents before the fee, as they really came."""
        return self.gross_minor + self.exchange_minor

    @property
    def net_minor(self) -> int:
        return self.came_minor - self.fee_minor

    def credit(self, account: uuid.UUID) -> LegSpec:
        """The gross amount on the credit side, with the amount as it was paid."""
        return self.original.of("C", account, self.gross_minor) if self.original else credit(account, self.gross_minor)


@command
def receive(
    pool_id: uuid.UUID,
    intake: Intake,
    *,
    source: Subject,
    key: str,
    actor: Actor,
    rate_bp: int = STANDARD_RATE_BP,
    end_date: date | None = None,
    occurred_at: datetime | None = None,
) -> uuid.UUID:
    """Money that may go into a pool at once; returns the identifier of its lot.

    The pool gains what really came, net of the fee. `source` is what it came from, such as ("contribution", id).
    `rate_bp`: support costs of its agreement in basis points; `end_date`: last day on which it may be promised.
    The same `key` returns the first lot. Raises NotFound (pool), KeyReused.
    """
    _pool_exists(pool_id)
    at = occurred_at or clock.now()
    posted = post_once(
        "deposit",
        nonzero([
            debit(account_id(intake.clearing), intake.net_minor),
            debit(account_id("fees", pool_id), intake.fee_minor),
            intake.credit(account_id("received", pool_id)),
            *signed(account_id("exchange", pool_id), intake.exchange_minor, intake.original),
            *budget(pool_id, -intake.net_minor),
        ]),
        key=key, actor=actor, occurred_at=at, subject=source,
    )
    if not posted.created:
        return _lot_of(key)
    return open_lot(pool_id, intake.net_minor, source, key, at, end_date, rate_bp, posted.id)


def _pool_exists(pool_id: uuid.UUID) -> None:
    if db.session.scalar(select(_pool.c.id).where(_pool.c.id == pool_id)) is None:
        raise NotFound()


def _lot_of(key: str) -> uuid.UUID:
    found = db.session.scalar(select(_lot.c.id).where(_lot.c.key == key))
    if found is None:
        raise KeyReused()
    return found


def open_lot(
    pool_id: uuid.UUID, net: int, source: Subject, key: str, at: datetime, end_date: date | None, rate_bp: int,
    entry_id: uuid.UUID,
) -> uuid.UUID:
    """A lot of US cents that the entry brought into the pool."""
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
    intake: Intake, *, source: Subject, key: str, actor: Actor, occurred_at: datetime | None = None,
) -> uuid.UUID:
    """Money that nobody has accepted yet: it is owed to the giver and no pool may use it.

    Returns the identifier of the receipt in suspense; one per `source`. The same `key` returns the first.
    Raises KeyReused.
    """
    prepare_chart()
    at = occurred_at or clock.now()
    posted = post_once(
        "suspense.deposit",
        nonzero([
            debit(account_id(intake.clearing), intake.net_minor),
            debit(account_id("suspense_fees"), intake.fee_minor),
            intake.credit(account_id("suspense")),
            *signed(account_id("suspense_exchange"), intake.exchange_minor, intake.original),
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
            id=held_id, key=key, source_type=source[0], source_id=source[1], clearing=intake.clearing,
            gross_minor=intake.gross_minor, exchange_minor=intake.exchange_minor, fee_minor=intake.fee_minor,
            received_at=at, entry_id=posted.id, accepted_minor=0, refunded_minor=0,
        )
    )
    return held_id


# --- leaving suspense -------------------------------------------------------------------------------------------
def find_held(source: Subject) -> Any:
    """The receipt in suspense of this source, locked; None when it never was there."""
    return db.session.execute(
        select(_held).where(_held.c.source_type == source[0], _held.c.source_id == source[1]).with_for_update()
    ).first()


def remaining(held: Any) -> int:
    """US cents of a receipt that still wait, as they really came."""
    return int(held.gross_minor + held.exchange_minor - held.accepted_minor - held.refunded_minor)


def out_of_suspense(held: Any, amount_minor: int) -> tuple[int, int]:
    """(suspense, difference) US cents that leave with the next `amount_minor` of a receipt: the liability first, and
    with the last cent whatever the exchange left over."""
    before = held.accepted_minor + held.refunded_minor
    after = before + amount_minor
    return _gone(held, after) - _gone(held, before), _differed(held, after) - _differed(held, before)


def _gone(held: Any, total: int) -> int:
    """How much of the liability has left when `total` of the receipt has."""
    complete = total == held.gross_minor + held.exchange_minor
    return int(held.gross_minor) if complete else min(total, int(held.gross_minor))


def _differed(held: Any, total: int) -> int:
    return total - _gone(held, total)


def suspense_legs(held: Any, amount_minor: int) -> list[LegSpec]:
    """Legs on the side of suspense with which `amount_minor` US cents of a receipt leave it."""
    owed, differed = out_of_suspense(held, amount_minor)
    return [*nonzero([debit(account_id("suspense"), owed)]), *signed(account_id("suspense_exchange"), -differed)]


def return_legs(held: Any, amount_minor: int) -> list[LegSpec]:
    """Legs on the side of suspense with which `amount_minor` US cents that had left it are there again. What left last
    comes back first, whichever it was: so that liability and difference stay those of what waits."""
    total = held.accepted_minor + held.refunded_minor
    owed = _gone(held, total) - _gone(held, total - amount_minor)
    differed = _differed(held, total) - _differed(held, total - amount_minor)
    return [*nonzero([credit(account_id("suspense"), owed)]), *signed(account_id("suspense_exchange"), differed)]


def leave(held_id: uuid.UUID, **amounts: int) -> None:
    """Add to what was accepted or refunded of a receipt."""
    db.session.execute(
        update(_held).where(_held.c.id == held_id)
        .values({name: _held.c[name] + amount for name, amount in amounts.items()})
    )


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
    Raises NotFound (pool, source), RuleBroken (ledger.not_held: accepted before, or nothing left after the fee),
    KeyReused.
    """
    _pool_exists(pool_id)
    held = find_held(source)
    if held is None:
        raise NotFound()
    known = db.session.execute(select(_lot.c.id, _lot.c.pool_id).where(_lot.c.key == key)).first()
    if known is not None:
        if known.pool_id != pool_id:
            raise KeyReused()
        return known.id  # type: ignore[no-any-return]
    if held.accepted_minor or remaining(held) <= held.fee_minor:
        raise not_held()
    return enter_pool(held, pool_id, held.fee_minor, key=key, actor=actor, rate_bp=rate_bp, end_date=end_date,
                      occurred_at=occurred_at)


def enter_pool(
    held: Any, pool_id: uuid.UUID, fee_minor: int, *, key: str, actor: Actor, rate_bp: int, end_date: date | None,
    occurred_at: datetime | None,
) -> uuid.UUID:
    """All that waits of a locked receipt becomes the pool's, with `fee_minor` of its fee; the lot. Raises KeyReused."""
    amount = remaining(held)
    owed, differed = out_of_suspense(held, amount)
    source = (held.source_type, held.source_id)
    posted = post_once(
        "suspense.accept",
        nonzero([
            *suspense_legs(held, amount),
            credit(account_id("received", pool_id), owed),
            *signed(account_id("exchange", pool_id), differed),
            debit(account_id("fees", pool_id), fee_minor),
            credit(account_id("suspense_fees"), fee_minor),
            *budget(pool_id, fee_minor - amount),
        ]),
        key=key, actor=actor, occurred_at=occurred_at, subject=source,
    )
    if not posted.created:
        raise KeyReused()
    leave(held.id, accepted_minor=amount)
    return open_lot(pool_id, amount - fee_minor, source, key, held.received_at, end_date, rate_bp, posted.id)


def not_held() -> RuleBroken:
    return RuleBroken(_l("This money no longer waits for acceptance."), code="ledger.not_held")


@command
def record_payout(amount_minor: int, *, key: str, actor: Actor, occurred_at: datetime | None = None) -> uuid.UUID:
    """The payment provider paid out to the fund's bank account, in US cents (below zero: it collected from there);
    returns the entry. The same `key` (the payout's identifier) returns the first. Raises KeyReused, ValueError."""
    to, out_of = ("bank", "stripe_clearing") if amount_minor > 0 else ("stripe_clearing", "bank")
    legs = [debit(account_id(to), abs(amount_minor)), credit(account_id(out_of), abs(amount_minor))]
    return post_once("payout", legs, key=key, actor=actor, occurred_at=occurred_at).id


@command
def payout_came_back(
    payout_entry_id: uuid.UUID, amount_minor: int, *, key: str, actor: Actor, occurred_at: datetime | None = None
) -> uuid.UUID:
    """A payout of US cents failed at the bank and lies with the provider again; returns the entry, which names the one
    it corrects. The same `key` returns the first. Raises KeyReused, ValueError."""
    legs = [debit(account_id("stripe_clearing"), amount_minor), credit(account_id("bank"), amount_minor)]
    return post_once("payout.failed", legs, key=key, actor=actor, occurred_at=occurred_at,
                     corrects=payout_entry_id).id
