"""A database as the release of revision 0001 left it, on either engine: tests/data/README.md says what is in it."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask_migrate import upgrade

from core.db import db

DATA = Path(__file__).resolve().parents[1] / "data" / "books_0001.sql.gz"
DATA_KEYS = "8t28BhBQxDCty1XDb19Sqb_A1r99bQ6Eh87L_Glpjtc="  # of these invented donors alone
AS_OF = datetime(2026, 11, 24, 16, 7, tzinfo=UTC)  # when it was left


def make(*, with_data: bool = True) -> None:
    """The schema of revision 0001 in the empty database of the application, and its rows."""
    upgrade(revision="0001")
    if with_data:
        db.session.remove()
        load(gzip.decompress(DATA.read_bytes()).decode())


def load(script: str) -> None:
    """Rows as they are: no trigger looks at them, since they say how things stand and not how that came about."""
    connection = db.engine.raw_connection()
    try:
        if db.engine.dialect.name == "sqlite":
            driver: Any = connection.driver_connection
            triggers = driver.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
            drop = "".join(f'DROP TRIGGER "{name}";' for name, _sql in triggers)
            again = "".join(f"{sql};" for _name, sql in triggers)
            driver.executescript(f"PRAGMA foreign_keys = OFF; BEGIN IMMEDIATE; {drop} {script} {again} COMMIT; "
                                 "PRAGMA foreign_keys = ON")
        else:
            cursor = connection.cursor()
            cursor.execute("SET session_replication_role = replica")
            cursor.execute(script)
            cursor.execute("SET session_replication_role = DEFAULT")
            connection.commit()
    finally:
        connection.close()


def rows() -> dict[str, list[dict[str, Any]]]:
    """Every row of every table, in the order of their writing (SQLite) or of their text (PostgreSQL)."""
    connection = db.session.connection()
    order = "rowid" if connection.dialect.name == "sqlite" else "t::text"
    tables = sorted(sa.inspect(connection).get_table_names())
    queries = {table: sa.text(f'SELECT * FROM "{table}" AS t ORDER BY {order}') for table in tables}
    return {table: [dict(row) for row in connection.execute(query).mappings()] for table, query in queries.items()}


def balances() -> dict[str, int]:
    """Debits less credits of every account that does not stand at zero, by its code; US cents."""
    rows = db.session.execute(sa.text("SELECT code, debits_posted - credits_posted FROM account"))
    return {code: balance for code, balance in rows if balance}
