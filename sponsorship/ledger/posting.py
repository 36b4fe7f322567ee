"""post(): the only door to the books. The database checks the entry and moves the balances: see guards.py, and
entry_sql.py for the statements."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from flask_babel import lazy_gettext as _l
from sqlalchemy import Connection, select

from core import clock
from core.actor import Actor
from core.db import command, db, new_id
from core.errors import NotFound, RuleBroken
from sponsorship.ledger.entry_sql import EntryRow, LegSpec, write_entries, write_entry
from sponsorship.ledger.models import MAX_USD_MINOR, Account, Entry, Leg, tables

Subject = tuple[str, uuid.UUID]  # what an entry is about: a type such as "award", and its identifier
_entry, _leg, _account = tables(Entry, Leg, Account)


class NotEnoughMoney(RuleBroken):
    """The pools named do not hold enough free money; `short_minor` US cents of direct cost are missing."""

    code = "ledger.not_enough"

    def __init__(self, short_minor: int) -> None:
        super().__init__(_l("The pools that may pay for this do not hold enough available money."))
        self.short_minor = short_minor


class KeyReused(RuleBroken):
    """A key that stands for another fact already: a mistake of the caller, nothing was written."""

    status = 409
    code = "ledger.key_reused"

    def __init__(self) -> None:
        super().__init__(_l("This was already recorded with other figures. Nothing was written."))


@dataclass(frozen=True, slots=True)
class Original:
    """An amount as it was paid, when not in US dollars: minor units, currency, the rate that values it (units for one
    dollar, see core.money.dollars_at), who published the rate, and for which day."""

    minor: int
    currency: str
    rate: str
    source: str
    day: date

    def of(self, side: str, account_id: uuid.UUID, usd_minor: int, minor: int | None = None) -> LegSpec:
        """A leg that carries this original amount, or `minor` of it (0 for an exchange difference)."""
        amount = self.minor if minor is None else minor
        return LegSpec(account_id, side, usd_minor, amount, self.currency, self.rate, self.source, self.day)


def debit(account_id: uuid.UUID, usd_minor: int) -> LegSpec:
    """A leg on the debit side, in US cents."""
    return LegSpec(account_id, "D", usd_minor)


def credit(account_id: uuid.UUID, usd_minor: int) -> LegSpec:
    """A leg on the credit side, in US cents."""
    return LegSpec(account_id, "C", usd_minor)


def signed(account_id: uuid.UUID, usd_minor: int, original: Original | None = None) -> list[LegSpec]:
    """A credit for an amount above zero, a debit for one below, nothing for zero: an exchange difference."""
    if not usd_minor:
        return []
    side, amount = ("C", usd_minor) if usd_minor > 0 else ("D", -usd_minor)
    return [original.of(side, account_id, amount, 0) if original else LegSpec(account_id, side, amount)]


def nonzero(legs: Iterable[LegSpec]) -> list[LegSpec]:
    """The legs that carry money."""
    return [leg for leg in legs if leg.usd_minor]


@dataclass(frozen=True, slots=True)
class Posted:
    """The entry, and whether this call made it (False: the key was known, the first entry stands)."""

    id: uuid.UUID
    created: bool


@command
def post(
    kind: str,
    legs: Sequence[LegSpec],
    *,
    key: str,
    actor: Actor,
    occurred_at: datetime | None = None,
    subject: Subject | None = None,
    corrects: uuid.UUID | None = None,
) -> uuid.UUID:
    """Post one entry and return its identifier.

    The same `key` with the same kind, subject and legs returns the first entry and writes nothing; with others it
    raises KeyReused. `occurred_at` (aware) is business time, now by default. `corrects` names the entry that this
    one corrects: entries never change. Raises ValueError for legs that cannot be one entry: fewer than two,
    an amount that is not an int above zero, or a side that does not balance (each book for itself, the budgetary
    one pool by pool: held by the database). Raises sqlalchemy IntegrityError when a guarded account would be
    overdrawn.
    """
    return post_once(
        kind, legs, key=key, actor=actor, occurred_at=occurred_at, subject=subject, corrects=corrects
    ).id


def post_once(
    kind: str,
    legs: Sequence[LegSpec],
    *,
    key: str,
    actor: Actor,
    occurred_at: datetime | None = None,
    subject: Subject | None = None,
    corrects: uuid.UUID | None = None,
) -> Posted:
    """`post` for the ledger's own functions: also says whether the entry is new. Inside a command only."""
    _check(legs)
    session = db.session()
    connection = session.connection()
    subject_type, subject_id = subject or (None, None)
    row = EntryRow(
        new_id(), kind, key, occurred_at or clock.now(), clock.real_now(), actor.code, actor.person_id, subject_type,
        subject_id, corrects,
    )
    if not write_entry(connection, row, legs):
        return Posted(_first(connection, kind, legs, key, subject), False)
    session.info["wrote"] = True  # these statements go past the session, which must know of them
    return Posted(row.id, True)


@dataclass(frozen=True, slots=True)
class NewEntry:
    """One of many entries to post together, all paid in dollars; as for `post`."""

    legs: Sequence[LegSpec]
    key: str
    subject: Subject


def post_many(kind: str, entries: Sequence[NewEntry], *, actor: Actor, occurred_at: datetime) -> list[uuid.UUID]:
    """As `post_once`, for many new entries of one kind, all or none; their identifiers in the order of `entries`.
    Inside a command only. Raises KeyReused when one of the keys is known, and as `post`."""
    if not entries:
        return []
    session, recorded_at, rows = db.session(), clock.real_now(), []
    for entry in entries:
        _check(entry.legs)
        if any(leg.original_minor is not None or leg.original_currency != "USD" for leg in entry.legs):
            raise ValueError("entries posted together are paid in dollars")
        rows.append((EntryRow(new_id(), kind, entry.key, occurred_at, recorded_at, actor.code, actor.person_id,
                              *entry.subject, None), entry.legs))
    if not write_entries(session.connection(), rows):
        raise KeyReused()
    session.info["wrote"] = True
    return [row.id for row, _legs in rows]


def _check(legs: Sequence[LegSpec]) -> None:
    """Early, readable refusals; the database refuses the same and more."""
    balance = 0
    for leg in legs:
        if type(leg.usd_minor) is not int or not 0 < leg.usd_minor <= MAX_USD_MINOR:
            raise ValueError("a leg carries whole US cents above zero")
        if leg.side == "D":
            balance += leg.usd_minor
        elif leg.side == "C":
            balance -= leg.usd_minor
        else:
            raise ValueError("a leg stands on side D or C")
    if len(legs) < 2 or balance:
        raise ValueError("an entry has two legs or more and balances")


def _first(
    connection: Connection, kind: str, legs: Sequence[LegSpec], key: str, subject: Subject | None
) -> uuid.UUID:
    """The entry that stands under this key, if it says the same. Raises KeyReused."""
    row = connection.execute(
        select(_entry.c.id, _entry.c.kind, _entry.c.subject_type, _entry.c.subject_id).where(_entry.c.key == key)
    ).one()
    stood = connection.execute(
        select(
            _leg.c.account_id, _leg.c.side, _leg.c.usd_minor, _leg.c.original_minor, _leg.c.original_currency
        ).where(_leg.c.entry_id == row.id)
    )
    asked = [
        (leg.account_id, leg.side, leg.usd_minor,
         leg.usd_minor if leg.original_minor is None else leg.original_minor, leg.original_currency)
        for leg in legs
    ]
    same_subject = (row.subject_type, row.subject_id) == (subject or (None, None))
    if row.kind != kind or not same_subject or sorted(map(tuple, stood)) != sorted(asked):
        raise KeyReused()
    return row.id  # type: ignore[no-any-return]


def find_entry(key: str, kind: str, subject: Subject | None) -> uuid.UUID | None:
    """The entry under this key, if there is one. Raises KeyReused when it says something else."""
    row = db.session.execute(
        select(_entry.c.id, _entry.c.kind, _entry.c.subject_type, _entry.c.subject_id).where(_entry.c.key == key)
    ).first()
    if row is None:
        return None
    if row.kind != kind or (row.subject_type, row.subject_id) != (subject or (None, None)):
        raise KeyReused()
    return row.id  # type: ignore[no-any-return]


def entry_under(key: str) -> uuid.UUID:
    """The entry that stands under this key. Raises NotFound."""
    found = db.session.scalar(select(_entry.c.id).where(_entry.c.key == key))
    if found is None:
        raise NotFound()
    return found


def lock_accounts(ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, int]:
    """Lock these accounts in the order of their identifiers; their balances on the normal side, US cents.

    Always in one statement, before the lots: whoever holds these may read free money and trust it. (NO KEY UPDATE
    on PostgreSQL, because legs hold their accounts by foreign key; SQLite has one writer anyway.)
    """
    rows = db.session().connection().execute(
        select(_account.c.id, _account.c.side, _account.c.debits_posted, _account.c.credits_posted)
        .where(_account.c.id.in_(sorted(set(ids))))
        .order_by(_account.c.id)
        .with_for_update(key_share=True)
    )
    return {
        r.id: (r.debits_posted - r.credits_posted) * (1 if r.side == "D" else -1) for r in rows
    }
