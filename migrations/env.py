"""Alembic's environment: one migrator at a time, one transaction for all revisions, or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import context
from flask import current_app
from sqlalchemy import Connection, text

from core.db import Base, db

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


def run() -> None:
    with engine.connect() as connection, _alone(connection):
        context.configure(
            connection=connection, target_metadata=Base.metadata,
            render_as_batch=connection.dialect.name == "sqlite", compare_server_default=True, transactional_ddl=True,
        )
        with context.begin_transaction():
            context.run_migrations()
        if connection.in_transaction():
            connection.commit()


assert current_app is not None
run()
