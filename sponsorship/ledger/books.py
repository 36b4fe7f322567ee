"""The books as an auditor reads them: trial balance, statements of account, entries. Amounts in US cents.

Balances come from running totals; a statement works backwards from them.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast

from sqlalchemy import case, func, select

from core.db import db
from core.errors import NotFound
from sponsorship.ledger.chart import KINDS
from sponsorship.ledger.models import Account, Entry, Leg, Pool


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


def trial_balance() -> list[AccountRow]:
    """Every account in the order of the chart, pools by code."""
    order = {code: n for n, code in enumerate(KINDS)}
    rows = [AccountRow(*row) for row in db.session.execute(_accounts().order_by(Account.code))]
    return sorted(rows, key=lambda row: (row.book != "P", order.get(row.kind, 99)))


def get_account(account_id: uuid.UUID) -> AccountRow:
    """Raises NotFound."""
    row = db.session.execute(_accounts().where(Account.id == account_id)).first()
    if row is None:
        raise NotFound()
    return AccountRow(*row)


@dataclass(frozen=True)
class StatementRow:
    """One leg in an account's statement; `balance` is what stood after it, on the account's normal side."""

    entry_id: uuid.UUID
    kind: str
    occurred_at: datetime
    recorded_at: datetime
    subject_type: str | None
    subject_id: uuid.UUID | None
    debit: int
    credit: int
    balance: int
    original_minor: int
    original_currency: str


@dataclass(frozen=True)
class Statement:
    """A page of an account's legs, newest first; `total` counts them all."""

    account: AccountRow
    rows: tuple[StatementRow, ...]
    total: int


def statement(account_id: uuid.UUID, page: int = 1, per_page: int = 50) -> Statement:
    """A page of an account's legs in the order of recording, newest first. Raises NotFound."""
    account = get_account(account_id)
    total = db.session.scalar(select(func.count()).select_from(Leg).where(Leg.account_id == account_id)) or 0
    offset = (max(page, 1) - 1) * per_page
    after = account.balance - _sum_of_newest(account, offset)
    rows = list(_with_balances(account, _legs(account_id).offset(offset).limit(per_page), after))
    return Statement(account, tuple(rows), total)


def statement_lines(account: AccountRow, batch: int = 1000) -> Iterator[StatementRow]:
    """The whole statement, newest first, batch by batch: for a download of any length."""
    balance, last = account.balance, None
    while True:
        query = _legs(account.id).limit(batch)
        if last is not None:
            query = query.where((Leg.entry_id < last[0]) | ((Leg.entry_id == last[0]) & (Leg.n < last[1])))
        found = db.session.execute(query).all()
        if not found:
            return
        last = (found[-1].entry_id, found[-1].n)
        for leg in found:
            row = _statement_row(account, leg, balance)
            balance -= row.debit - row.credit if account.side == "D" else row.credit - row.debit
            yield row


def _legs(account_id: uuid.UUID) -> Any:
    return (
        select(
            Leg.entry_id, Leg.n, Entry.kind, Entry.occurred_at, Entry.recorded_at, Entry.subject_type,
            Entry.subject_id, Leg.side, Leg.usd_minor, Leg.original_minor, Leg.original_currency,
        )
        .join(Entry, Entry.id == Leg.entry_id)
        .where(Leg.account_id == account_id)
        .order_by(Leg.entry_id.desc(), Leg.n.desc())
    )


def _sum_of_newest(account: AccountRow, count: int) -> int:
    if not count:
        return 0
    newest = (
        select(Leg.side, Leg.usd_minor).where(Leg.account_id == account.id)
        .order_by(Leg.entry_id.desc(), Leg.n.desc()).limit(count).subquery()
    )
    signed = case((newest.c.side == account.side, newest.c.usd_minor), else_=-newest.c.usd_minor)
    return int(db.session.scalar(select(func.coalesce(func.sum(signed), 0))) or 0)


def _with_balances(account: AccountRow, query: Any, after: int) -> Iterator[StatementRow]:
    for leg in db.session.execute(query):
        row = _statement_row(account, leg, after)
        yield row
        after -= row.debit - row.credit if account.side == "D" else row.credit - row.debit


def _statement_row(account: AccountRow, leg: Any, balance: int) -> StatementRow:
    return StatementRow(
        leg.entry_id, leg.kind, leg.occurred_at, leg.recorded_at, leg.subject_type, leg.subject_id,
        leg.usd_minor if leg.side == "D" else 0, leg.usd_minor if leg.side == "C" else 0, balance,
        leg.original_minor, leg.original_currency,
    )


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
