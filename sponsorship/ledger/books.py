"""The books as an auditor reads them: accounts with their balances, now or at any instant, and entries. US cents."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, cast

from sqlalchemy import select

from core.db import db
from core.errors import NotFound
from sponsorship.ledger.chart import KINDS
from sponsorship.ledger.models import Account, Entry, Leg, Pool
from sponsorship.ledger.moments import NOTHING, Books, after, totals_before


@dataclass(frozen=True)
class AccountRow:
    """One account with its totals; `balance` is on its normal side."""

    id: uuid.UUID
    code: str
    kind: str
    book: str
    pool_id: uuid.UUID | None
    pool_name: str | None
    currency: str
    side: str
    debits: int
    credits: int

    @property
    def balance(self) -> int:
        return (self.debits - self.credits) * (1 if self.side == "D" else -1)

    @property
    def debit_balance(self) -> int:
        """What a trial balance shows on the left."""
        return max(self.debits - self.credits, 0)

    @property
    def credit_balance(self) -> int:
        """What a trial balance shows on the right."""
        return max(self.credits - self.debits, 0)


def _accounts() -> Any:
    return select(
        Account.id, Account.code, Account.kind, Account.book, Account.pool_id, Pool.name, Account.currency,
        Account.side, Account.debits_posted, Account.credits_posted,
    ).outerjoin(Pool, Pool.id == Account.pool_id)


def trial_balance(at: datetime | None = None) -> list[AccountRow]:
    """Every account in the order of the chart, pools by code: now, or with what had happened until `at` (aware)."""
    order = {code: n for n, code in enumerate(KINDS)}
    rows = [AccountRow(*row) for row in db.session.execute(_accounts().order_by(Account.code))]
    if at is not None:
        rows = as_in(totals_before(after(at)), rows)
    return sorted(rows, key=lambda row: (row.book != "P", order.get(row.kind, 99)))


def as_in(books: Books, rows: list[AccountRow]) -> list[AccountRow]:
    """The accounts with other totals."""
    found = [(row, books.get(row.id, NOTHING)) for row in rows]
    return [replace(row, debits=totals.debits, credits=totals.credits) for row, totals in found]


def get_account(account_id: uuid.UUID, at: datetime | None = None) -> AccountRow:
    """The account now, or with what had happened until `at` (aware). Raises NotFound."""
    row = db.session.execute(_accounts().where(Account.id == account_id)).first()
    if row is None:
        raise NotFound()
    account = AccountRow(*row)
    return account if at is None else as_in(totals_before(after(at), account_id), [account])[0]


@dataclass(frozen=True)
class LegRow:
    """One leg of an entry, with its account."""

    account_id: uuid.UUID
    account_code: str
    account_kind: str
    book: str
    pool_name: str | None
    debit: int
    credit: int
    original_minor: int
    original_currency: str
    rate: str | None
    rate_source: str | None
    rate_date: date | None


@dataclass(frozen=True)
class EntryPage:
    """An entry with its legs, and the entries that correct it."""

    id: uuid.UUID
    kind: str
    key: str
    occurred_at: datetime
    recorded_at: datetime
    actor: str
    actor_id: uuid.UUID | None
    subject_type: str | None
    subject_id: uuid.UUID | None
    corrects_id: uuid.UUID | None
    corrected_by: tuple[uuid.UUID, ...]
    legs: tuple[LegRow, ...]


def get_entry(entry_id: uuid.UUID) -> EntryPage:
    """Raises NotFound."""
    head = db.session.execute(
        select(
            Entry.id, Entry.kind, Entry.key, Entry.occurred_at, Entry.recorded_at, Entry.actor, Entry.actor_id,
            Entry.subject_type, Entry.subject_id, Entry.corrects_id,
        ).where(Entry.id == entry_id)
    ).first()
    if head is None:
        raise NotFound()
    legs = db.session.execute(
        select(
            Account.id, Account.code, Account.kind, Account.book, Pool.name, Leg.side, Leg.usd_minor,
            Leg.original_minor, Leg.original_currency, Leg.rate, Leg.rate_source, Leg.rate_date,
        )
        .join(Account, Account.id == Leg.account_id)
        .outerjoin(Pool, Pool.id == Account.pool_id)
        .where(Leg.entry_id == entry_id)
        .order_by(Account.book.desc(), Leg.side.desc(), Leg.n)  # proprietary before budgetary, debits first
    )
    corrected_by = db.session.scalars(select(Entry.id).where(Entry.corrects_id == entry_id).order_by(Entry.id))
    return EntryPage(
        **cast(dict[str, Any], dict(head._mapping)), corrected_by=tuple(corrected_by),
        legs=tuple(_leg_row(*cast(tuple[Any, ...], leg)) for leg in legs),
    )


def entry_kinds(entry_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, tuple[str, datetime]]:
    """(kind, business time) of these entries; unknown ones are left out."""
    wanted = set(entry_ids)
    if not wanted:
        return {}
    rows = db.session.execute(select(Entry.id, Entry.kind, Entry.occurred_at).where(Entry.id.in_(wanted)))
    return {row.id: (row.kind, row.occurred_at) for row in rows}


def _leg_row(
    account_id: uuid.UUID, code: str, kind: str, book: str, pool: str | None, side: str, usd: int, *rest: Any
) -> LegRow:
    return LegRow(account_id, code, kind, book, pool, usd if side == "D" else 0, usd if side == "C" else 0, *rest)


def account_by_code(code: str) -> AccountRow:
    """An account by its code, such as bank or available:africa. Raises NotFound."""
    row = db.session.execute(_accounts().where(Account.code == code)).first()
    if row is None:
        raise NotFound()
    return AccountRow(*row)
