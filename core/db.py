"""The database: base class, column types, mode of each transaction, one commit per command."""

from __future__ import annotations

import json
import random
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import uuid_utils
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session as FlaskSession
from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Engine,
    MetaData,
    String,
    Uuid,
    bindparam,
    event,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import DBAPIError, InvalidatePoolError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, registry
from sqlalchemy.pool import Pool
from sqlalchemy.types import TypeDecorator

from core.errors import Busy, NotFound, Stale

P = ParamSpec("P")
R = TypeVar("R")
M = TypeVar("M", bound="Base")

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

RESTED = 1.0  # seconds after which a connection of the pool is asked whether it still stands


def new_id() -> uuid.UUID:
    """A UUIDv7 (RFC 9562): unguessable enough for addresses, in order of time for indexes."""
    return uuid.UUID(int=uuid_utils.uuid7().int)


class Instant(TypeDecorator[datetime]):
    """An aware instant, stored in UTC: timestamptz on PostgreSQL, fixed-width text (sortable) on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Any) -> Any:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(27))
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Any) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant must carry a time zone")
        value = value.astimezone(UTC)
        return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Any) -> datetime | None:
        if value is None:
            return None
        if isinstance(value, str):
            return datetime.strptime(value, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
        return value.astimezone(UTC)


class MinorUnits(TypeDecorator[int]):
    """Money in minor units. SQLite would take 1.5 or 'abc' in a BIGINT column: a CHECK refuses it there."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Any) -> int | None:
        if value is not None and type(value) is not int:
            raise TypeError("minor units are an int")
        return value


@event.listens_for(Column, "after_parent_attach")
def _check_minor_units(column: Column[Any], table: Any) -> None:
    if isinstance(column.type, MinorUnits):
        table.append_constraint(
            CheckConstraint(
                f"typeof({column.name}) IN ('integer', 'null')", name=f"{column.name}_is_integer"
            ).ddl_if(dialect="sqlite")
        )


class Base(DeclarativeBase):
    """Every table: UUIDv7 key, named constraints, aware instants."""

    registry = registry(
        metadata=MetaData(naming_convention=NAMING), type_annotation_map={datetime: Instant(), uuid.UUID: Uuid()}
    )


class WithId:
    """Primary key by UUIDv7."""

    id: Mapped[uuid.UUID] = mapped_column(Uuid(), primary_key=True, default=new_id)


class Versioned:
    """A row that pages show with its version, so that a stale answer is refused."""

    version: Mapped[int] = mapped_column(default=1, nullable=False)


class PlacardSession(FlaskSession):
    """Flask-SQLAlchemy's session; a test may hold it on one connection of its own."""

    held_connection: Any = None

    def get_bind(self, *args: Any, **kwargs: Any) -> Any:
        held = type(self).held_connection
        return held if held is not None else super().get_bind(*args, **kwargs)


db = SQLAlchemy(
    model_class=Base, session_options={"class_": PlacardSession, "expire_on_commit": False}
)

# --- mode of a transaction --------------------------------------------------------------------------------------
_mode: ContextVar[str] = ContextVar("transaction_mode", default="write")


def set_mode(mode: str) -> Any:
    """Choose 'read' or 'write' for transactions begun from here on; returns the token for `reset_mode`."""
    return _mode.set(mode)


def reset_mode(token: Any) -> None:
    _mode.reset(token)


def mode() -> str:
    return _mode.get()


@contextmanager
def reading() -> Iterator[None]:
    """Transactions begun inside are read-only in the database itself."""
    token = _mode.set("read")
    try:
        yield
    finally:
        _mode.reset(token)


@event.listens_for(Engine, "connect")
def _on_connect(connection: Any, _record: Any) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.isolation_level = None  # the driver's own BEGIN would be DEFERRED; ours is chosen below
        # mmap_size: SQLite's own cache of 2 MB forgets everything whenever another connection has written;
        # recursive_triggers: without them REPLACE removes the row that holds a unique value past its delete trigger
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000", "foreign_keys=ON",
                       "recursive_triggers=ON", "mmap_size=268435456"):
            connection.execute(f"PRAGMA {pragma}")


@event.listens_for(Pool, "checkin")
def _on_checkin(_connection: Any, record: Any) -> None:
    record.info["rests_since"] = time.monotonic()


@event.listens_for(Pool, "checkout")
def _on_checkout(connection: Any, record: Any, _proxy: Any) -> None:
    """A connection that has rested may have been cut meanwhile, by a restart or a firewall: ask before its use. One
    that has just worked is not asked, which would cost every transaction a round trip."""
    since = record.info.get("rests_since")
    if since is None or time.monotonic() - since < RESTED or isinstance(connection, sqlite3.Connection):
        return
    try:
        connection.execute("SELECT 1")
        connection.rollback()
    except Exception as error:  # whatever the driver calls it: the pool makes a new one
        raise InvalidatePoolError() from error


@event.listens_for(Engine, "begin")
def _on_begin(connection: Any) -> None:
    if connection.dialect.name == "sqlite":
        read = mode() == "read"
        if connection.info.get("query_only", False) != read:  # each PRAGMA makes SQLite compile every statement anew
            connection.exec_driver_sql(f"PRAGMA query_only={'ON' if read else 'OFF'}")
            connection.info["query_only"] = read
        # IMMEDIATE: a deferred read followed by a write fails at once when another writer committed in between
        connection.exec_driver_sql("BEGIN" if read else "BEGIN IMMEDIATE")
    else:
        # psycopg's BEGIN is still to come, and says so: no round trip more
        driver, read_only = connection.connection.driver_connection, mode() == "read" or None
        if driver.read_only != read_only:
            driver.read_only = read_only


# --- commands ---------------------------------------------------------------------------------------------------
_in_command: ContextVar[bool] = ContextVar("in_command", default=False)
_RETRY_SQLSTATES = {"40001", "40P01", "55P03"}


def _worth_retrying(error: DBAPIError) -> bool:
    sqlstate = getattr(error.orig, "sqlstate", None)
    if sqlstate in _RETRY_SQLSTATES:
        return True
    return isinstance(error, OperationalError) and "database is locked" in str(error.orig)


def command(function: Callable[P, R]) -> Callable[P, R]:
    """One command, one commit.

    Runs `function`, then commits; any exception rolls everything back. A deadlock, serialization failure or busy
    database repeats the whole function, up to three times, then raises Busy: so a command takes identifiers, never
    rows, and has no effect outside the database. A command called by a command joins it. A commit that fails is an
    error, never a success.
    """

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        if _in_command.get():
            return function(*args, **kwargs)
        if mode() == "read":
            raise RuntimeError(f"{function.__qualname__} writes, but this transaction is read-only")
        token = _in_command.set(True)
        try:
            for attempt in (1, 2, 3):
                try:
                    result = function(*args, **kwargs)
                    db.session.commit()
                    return result
                except DBAPIError as error:
                    db.session.rollback()
                    if not _worth_retrying(error):
                        raise
                    if attempt == 3:
                        raise Busy() from error
                    time.sleep(random.uniform(0.01, 0.05) * attempt)  # two that met must not meet again
                except BaseException:
                    db.session.rollback()
                    raise
            raise AssertionError("unreachable")
        finally:
            _in_command.reset(token)

    return run


def has_uncommitted_changes() -> bool:
    """True when the session holds writes that nobody committed: a programming error, caught by the tests."""
    session = db.session()
    return bool(session.new or session.dirty or session.deleted or session.info.get("wrote"))


def end_reading() -> None:
    """End a transaction that only read, so that slow work holds no lock; what was loaded stays loaded."""
    if has_uncommitted_changes():
        raise RuntimeError("there is something to commit: only a command may")
    db.session.commit()


@event.listens_for(PlacardSession, "after_flush")
def _note_flush(session: Any, _context: Any) -> None:
    session.info["wrote"] = True


@event.listens_for(PlacardSession, "do_orm_execute")
def _note_core_write(state: Any) -> None:
    if state.is_insert or state.is_update or state.is_delete:
        state.session.info["wrote"] = True


@event.listens_for(PlacardSession, "after_commit")
@event.listens_for(PlacardSession, "after_soft_rollback")
def _note_end(session: Any, *_rest: Any) -> None:
    session.info["wrote"] = False
    session.info.pop("facts", None)


# --- what a command has found out ---------------------------------------------------------------------------------
def facts_of_command() -> dict[Any, Any] | None:
    """What the command under way has found out and may use again, None outside of one. Forgotten when the transaction
    ends, and after each lock: whoever waited may find another world."""
    if not _in_command.get():
        return None
    found: dict[Any, Any] = db.session().info.setdefault("facts", {})
    return found


def forget_facts() -> None:
    """Ask anew from here on."""
    db.session().info.pop("facts", None)


# --- rows -------------------------------------------------------------------------------------------------------
def get(model: type[M], key: uuid.UUID) -> M:
    """The row with this key. Raises NotFound."""
    row = db.session.get(model, key)
    if row is None:
        raise NotFound()
    return row


_LOCKS: dict[type[Any], Any] = {}  # a statement by model: building one takes longer than running it


def lock(model: type[M], key: uuid.UUID, expected_version: int | None = None) -> M:
    """The row, freshly read and locked until the command ends (SQLite: the whole database already is).

    Order of locks, always: meeting, call, application, award, disbursement, then ledger accounts inside post().
    Raises NotFound, or Stale when `expected_version` is not the one that stands.
    """
    if model not in _LOCKS:
        _LOCKS[model] = (
            select(model).where(model.id == bindparam("key"))  # type: ignore[attr-defined]
            .with_for_update().execution_options(populate_existing=True))
    row: M | None = db.session.execute(_LOCKS[model], {"key": key}).scalar_one_or_none()
    forget_facts()
    if row is None:
        raise NotFound()
    if expected_version is not None and row.version != expected_version:  # type: ignore[attr-defined]
        raise Stale()
    return row


_MOST_IN_ONE = 500  # identifiers named in one statement


def locked(model: type[M], keys: Iterable[uuid.UUID], versions: Mapping[uuid.UUID, int] | None = None) -> list[M]:
    """As `lock`, for many rows: in the order of their keys, some hundred in a statement. Raises NotFound, Stale."""
    wanted = sorted(set(keys))
    rows: list[M] = []
    for start in range(0, len(wanted), _MOST_IN_ONE):
        rows += db.session.scalars(
            select(model)
            .where(model.id.in_(wanted[start:start + _MOST_IN_ONE]))  # type: ignore[attr-defined]
            .order_by(model.id).with_for_update()  # type: ignore[attr-defined]
            .execution_options(populate_existing=True)
        )
    forget_facts()
    if len(rows) != len(wanted):
        raise NotFound()
    if versions is not None and any(row.version != versions[row.id] for row in rows):  # type: ignore[attr-defined]
        raise Stale()
    return rows


def insert_into(model: type[Any]) -> Any:
    """An INSERT that knows ON CONFLICT: each dialect has its own."""
    sqlite = db.session.get_bind().dialect.name == "sqlite"
    return (sqlite_insert if sqlite else postgresql_insert)(model.__table__)


def insert_rows(model: type[Any], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert many rows of the same columns, none of which is left to a default. PostgreSQL takes them in one statement,
    as a list for each column; SQLite row by row, which costs nothing there."""
    if not rows:
        return
    session = db.session()
    session.flush()  # what the rows point at stands before them
    table, connection = model.__table__, session.connection()
    session.info["wrote"] = True
    if connection.dialect.name != "postgresql":
        connection.execute(table.insert(), rows)
        return
    columns = [table.c[name] for name in rows[0]]
    lists, casts = [], []
    for column in columns:
        kind: Any = column.type
        bind: Any
        if isinstance(kind, JSON):
            bind, cast = json.dumps, "text[]::json[]"
        else:  # text, since a cast to varchar(n) would cut in silence what the column refuses
            bind = kind.bind_processor(connection.dialect)
            cast = "text[]" if isinstance(kind, String) else f"{kind.compile(connection.dialect)}[]"
        lists.append([bind(row[column.name]) if bind else row[column.name] for row in rows])
        casts.append(f"%s::{cast}")
    connection.exec_driver_sql(
        f"INSERT INTO {table.name} ({', '.join(column.name for column in columns)}) "
        f"SELECT * FROM unnest({', '.join(casts)})", tuple(lists))


def scalar_now_epoch() -> int:
    """The database's own clock in whole seconds: what leases go by, since machines' clocks differ."""
    sqlite = db.session.get_bind().dialect.name == "sqlite"
    return int(
        db.session.execute(
            text("SELECT CAST(strftime('%s','now') AS INTEGER)" if sqlite else
                 "SELECT CAST(extract(epoch from clock_timestamp()) AS bigint)")
        ).scalar_one()
    )
