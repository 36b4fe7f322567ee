"""How an entry is written: three insertions, on PostgreSQL by one call (placard_post in guards.py), so that it costs
one round trip. Statements go to the driver as they stand; values are made what the columns' types would make of them.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError


@dataclass(frozen=True, slots=True)
class LegSpec:
    """One leg to post: `side` D or C, US cents above zero. An amount paid in another currency names the original
    minor units (0 for an exchange difference), the currency, the rate as text, its source and its date."""

    account_id: uuid.UUID
    side: str
    usd_minor: int
    original_minor: int | None = None
    original_currency: str = "USD"
    rate: str | None = None
    rate_source: str | None = None
    rate_date: date | None = None


class EntryRow(NamedTuple):
    """An entry's columns in their order. Both instants are aware: `occurred_at` business time, `recorded_at` real."""

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


def write_entry(connection: Connection, row: EntryRow, legs: Sequence[LegSpec]) -> bool:
    """Insert and post the entry; False, with nothing written, when its key is known. Raises ValueError for an instant
    without a zone, IntegrityError for what the database refuses."""
    if row.occurred_at.tzinfo is None or row.recorded_at.tzinfo is None:
        raise ValueError("an instant must carry a time zone")
    return (_write_postgresql if connection.dialect.name == "postgresql" else _write_sqlite)(connection, row, legs)


_CALL = f"SELECT placard_post({', '.join(['%s'] * 18)})"


def _write_postgresql(connection: Connection, row: EntryRow, legs: Sequence[LegSpec]) -> bool:
    parts: Sequence[Any] = (None, None, None, None, None)  # dollars
    if any(leg.original_currency != "USD" or leg.original_minor is not None for leg in legs):
        parts = (
            [leg.original_minor for leg in legs], [leg.original_currency for leg in legs], [leg.rate for leg in legs],
            [leg.rate_source for leg in legs], [leg.rate_date for leg in legs],
        )
    # what can only be identifiers, D or C, and whole numbers is quicker as text than as lists of the driver's
    accounts = ",".join(str(leg.account_id) for leg in legs)
    sides, amounts = ",".join(leg.side for leg in legs), ",".join(str(leg.usd_minor) for leg in legs)
    written = connection.exec_driver_sql(_CALL, (*row, f"{{{accounts}}}", f"{{{sides}}}", f"{{{amounts}}}", *parts))
    return bool(written.scalar_one())


def write_entries(connection: Connection, entries: Sequence[tuple[EntryRow, Sequence[LegSpec]]]) -> bool:
    """As `write_entry`, for many entries paid in dollars: on PostgreSQL three statements however many there are, and
    each balance moves once for all of them. False when a key is known: then the caller must end the transaction."""
    if connection.dialect.name != "postgresql":
        return all(_write_sqlite(connection, row, legs) for row, legs in entries)
    rows = [row for row, _legs in entries]
    added = connection.exec_driver_sql(_ENTRIES, tuple([row[n] for row in rows] for n in range(len(EntryRow._fields))))
    if added.rowcount != len(rows):
        return False
    parts = [(row.id, n, leg) for row, legs in entries for n, leg in enumerate(legs)]
    connection.exec_driver_sql(_LEGS, (
        [entry for entry, _n, _leg in parts], [n for _entry, n, _leg in parts],
        [leg.account_id for _entry, _n, leg in parts], [leg.side for _entry, _n, leg in parts],
        [leg.usd_minor for _entry, _n, leg in parts]))
    connection.exec_driver_sql(_POSTINGS, ([row.id for row in rows], [row.recorded_at for row in rows]))
    return True


_ENTRIES = (
    "INSERT INTO entry (id, kind, key, occurred_at, recorded_at, actor, actor_id, subject_type, subject_id,"
    " corrects_id) SELECT * FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::timestamptz[], %s::timestamptz[],"
    " %s::text[], %s::uuid[], %s::text[], %s::uuid[], %s::uuid[]) ON CONFLICT ON CONSTRAINT uq_entry_key DO NOTHING"
)
_LEGS = (
    "INSERT INTO leg (entry_id, n, account_id, side, usd_minor, original_minor, original_currency)"
    " SELECT entry, n, account, side, usd, usd, 'USD' FROM unnest(%s::uuid[], %s::integer[], %s::uuid[], %s::text[],"
    " %s::bigint[]) AS l (entry, n, account, side, usd)"
)
_POSTINGS = "INSERT INTO posting (entry_id, posted_at) SELECT * FROM unnest(%s::uuid[], %s::timestamptz[])"
_ENTRY = (
    "INSERT INTO entry (id, kind, key, occurred_at, recorded_at, actor, actor_id, subject_type, subject_id,"
    " corrects_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_POSTING = "INSERT INTO posting (entry_id, posted_at) VALUES (?, ?)"


@lru_cache(maxsize=64)
def _legs_statement(count: int) -> str:
    rows = ", ".join(["(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"] * count)
    return (
        "INSERT INTO leg (entry_id, n, account_id, side, usd_minor, original_minor, original_currency, rate,"
        f" rate_source, rate_date) VALUES {rows}"
    )


def _write_sqlite(connection: Connection, row: EntryRow, legs: Sequence[LegSpec]) -> bool:
    """A refused statement leaves the transaction standing."""
    entry = tuple(_lite(value) for value in row)
    try:
        connection.exec_driver_sql(_ENTRY, entry)
    except IntegrityError:
        if connection.exec_driver_sql("SELECT 1 FROM entry WHERE key = ?", (row.key,)).first() is None:
            raise
        return False
    values: list[Any] = []
    for n, leg in enumerate(legs):
        values += (
            entry[0], n, leg.account_id.hex, leg.side, leg.usd_minor,
            leg.usd_minor if leg.original_minor is None else leg.original_minor, leg.original_currency, leg.rate,
            leg.rate_source, _lite(leg.rate_date),
        )
    connection.exec_driver_sql(_legs_statement(len(legs)), tuple(values))
    connection.exec_driver_sql(_POSTING, (entry[0], entry[4]))
    return True


def _lite(value: Any) -> Any:
    """A value as SQLite's columns hold it (core.db.Instant, sqlalchemy.Uuid, sqlalchemy.Date)."""
    if isinstance(value, uuid.UUID):
        return value.hex
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return value.isoformat() if isinstance(value, date) else value
