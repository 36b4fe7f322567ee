"""Alembic's environment: one migrator at a time, one transaction for all revisions, or nothing. An empty database gets
the newest schema at once: going through all revisions would take ten times as long."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import context
from alembic.script import ScriptDirectory
from flask import current_app
from sqlalchemy import Connection, inspect, text

from core.db import Base, db
from core.ddl import run_file

engine = db.engine


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """PostgreSQL: no other migrator at the same time, and no waiting for ever. SQLite has one writer anyway; there
    tables can be rebuilt (migrations/rebuild.py): these two are heard outside a transaction only."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET lock_timeout = '10s'"))
        connection.execute(text("SELECT pg_advisory_lock(681348)"))
        connection.commit()
        try:
            yield
        finally:
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(681348)"))
            connection.commit()
        return
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.executescript("PRAGMA foreign_keys = OFF; PRAGMA legacy_alter_table = ON")
    try:
        yield
    finally:
        connection.rollback()
        driver.executescript("PRAGMA foreign_keys = ON; PRAGMA legacy_alter_table = OFF")


def _make_at_once(connection: Connection) -> bool:
    """The schema of the newest revision, where there is nothing yet and `upgrade` goes to it; False: go step by step
    (also for any other command, which has a function of another name)."""
    migration = context.get_context()
    if getattr(getattr(migration, "_migrations_fn", None), "__name__", "") != "upgrade":
        return False
    script = ScriptDirectory.from_config(context.config)
    head, versions = script.get_current_head(), Path(__file__).with_name("versions")
    if context.get_revision_argument() != head or not (versions / f"{head}_defaults.json").exists():
        return False  # a revision without that file has statements of its own only
    if inspect(connection).get_table_names():
        return False
    run_file(connection, versions / f"{head}_{connection.dialect.name}.sql")
    migration.stamp(script, head)
    return True


def run() -> None:
    with engine.connect() as connection, _alone(connection):
        context.configure(
            connection=connection, target_metadata=Base.metadata,
            render_as_batch=connection.dialect.name == "sqlite", compare_server_default=True, transactional_ddl=True,
        )
        with context.begin_transaction():
            if not _make_at_once(connection):
                context.run_migrations()
        if connection.in_transaction():
            connection.commit()


assert current_app is not None
run()
