"""Alembic's environment. One migrator at a time; SQLite tables are rebuilt by batches (see migrations/helpers.py
for what that does to triggers)."""

from alembic import context
from flask import current_app
from sqlalchemy import text

from core.db import Base, db

engine = db.engine


def run() -> None:
    with engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET lock_timeout = '10s'"))
            connection.execute(text("SELECT pg_advisory_lock(681348)"))
            connection.commit()
        try:
            context.configure(
                connection=connection, target_metadata=Base.metadata,
                render_as_batch=connection.dialect.name == "sqlite", compare_server_default=True,
                transactional_ddl=True,
            )
            with context.begin_transaction():
                context.run_migrations()
            if connection.in_transaction():
                connection.commit()
        finally:
            if connection.dialect.name == "postgresql":
                connection.rollback()
                connection.execute(text("SELECT pg_advisory_unlock(681348)"))
                connection.commit()


assert current_app is not None
run()
