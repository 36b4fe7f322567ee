"""Rules that only the database can hold for sure: triggers, registered once, written for both engines.

`create_all` makes them after their tables; migrations carry the same text; `verify` counts that each is there
(SQLite's batch migrations drop triggers in silence).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import DDL, CheckConstraint, Connection, Table, event, text

from core.db import Base


@dataclass(frozen=True)
class Trigger:
    """One trigger. `sqlite` and `postgresql` are lists of complete statements (PostgreSQL: function, then trigger).
    On PostgreSQL the trigger itself bears `name`."""

    name: str
    table: str
    sqlite: tuple[str, ...]
    postgresql: tuple[str, ...]


TRIGGERS: dict[str, Trigger] = {}


def trigger(table: Table, name: str, *, sqlite: str | tuple[str, ...], postgresql: str | tuple[str, ...]) -> None:
    """Register a trigger on `table`. Names are unique across the schema. Either side may be () where the other
    engine needs none (say why beside it)."""
    lite = (sqlite,) if isinstance(sqlite, str) else tuple(sqlite)
    post = (postgresql,) if isinstance(postgresql, str) else tuple(postgresql)
    if name in TRIGGERS:
        raise ValueError(f"trigger {name} is registered twice")
    TRIGGERS[name] = Trigger(name, table.name, lite, post)
    for dialect, statements in (("sqlite", lite), ("postgresql", post)):
        for statement in statements:
            event.listen(table, "after_create", DDL(statement.replace("%", "%%")).execute_if(dialect=dialect))


def refuse(
    table: Table, name: str, event: str, when: str, why: str, *, before: str = "", given: str = ""
) -> None:
    """Refuse an INSERT or UPDATE of `table` while the SQL condition `when` holds; `why` stands in the error. `when` is
    good SQL on both engines. `before` are statements of PL/pgSQL run first (locks, which SQLite does not need).

    `given` is the part of the condition that OLD and NEW alone decide: the rule is `given AND when`, and PostgreSQL
    calls no function, and runs no `before`, for a row to which it does not apply."""
    only = f" WHEN ({given})" if given else ""
    words = f"{name}: {why}".replace("'", "''")
    trigger(
        table, name,
        sqlite=f"CREATE TRIGGER {name} BEFORE {event} ON {table.name} "
               f"WHEN {f'({given}) AND ({when})' if given else when} BEGIN SELECT RAISE(ABORT, '{words}'); END",
        postgresql=(
            f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {before} "
            f"IF {when} THEN RAISE EXCEPTION '{words}' USING ERRCODE = 'integrity_constraint_violation'; END IF; "
            "RETURN NEW; END $$",
            f"CREATE TRIGGER {name} BEFORE {event} ON {table.name} FOR EACH ROW{only} EXECUTE FUNCTION {name}()",
        ),
    )


def once_added(*checks: CheckConstraint) -> tuple[CheckConstraint, ...]:
    """CHECKs of columns that never change afterwards: a CHECK on SQLite, and on PostgreSQL a part of a trigger (see
    `checks_of_added`). PostgreSQL reads every CHECK of a table from its text again for each statement that touches
    the table, which costs a posting more than its sums do; a function is compiled once."""
    for check in checks:
        check.ddl_if(dialect="sqlite")
        check.info["in_trigger"] = True
    return checks


def checks_of_added(table: Table) -> str:
    """PL/pgSQL that refuses a NEW row as the `once_added` CHECKs of its table would, under their names."""
    columns = re.compile(rf"\b({'|'.join(c.name for c in table.columns)})\b")
    made, new = "", r"NEW.\1"
    held = {str(c.name): str(c.sqltext) for c in table.constraints
            if isinstance(c, CheckConstraint) and c.info.get("in_trigger")}
    for name, words in sorted(held.items()):
        made += (
            f"IF NOT ({columns.sub(new, words)}) THEN RAISE EXCEPTION '{table.name} violates check "
            f"constraint {name}' USING ERRCODE = 'check_violation', CONSTRAINT = '{name}'; END IF; "
        )
    return made


def function(table: Table, statement: str) -> None:
    """A function of PostgreSQL that is no trigger's, made after `table` (a complete CREATE OR REPLACE FUNCTION)."""
    event.listen(table, "after_create", DDL(statement.replace("%", "%%")).execute_if(dialect="postgresql"))


def append_only(table: Table, *, key: str | tuple[str, ...] = "id", updatable: tuple[str, ...] = ()) -> None:
    """Rows may be added, never changed, deleted, replaced or truncated.

    `key` is the primary key (its columns, when it has several); `updatable` columns may still change (for example
    balances that another trigger keeps).
    """
    name = table.name
    same = " AND ".join(f"{column} = NEW.{column}" for column in ((key,) if isinstance(key, str) else key))
    refused = f"{name} is append-only"
    frozen = [c.name for c in table.columns if c.name not in updatable]
    of = f" OF {', '.join(frozen)}" if updatable else ""
    trigger(
        table, f"{name}_no_update",
        sqlite=f"CREATE TRIGGER {name}_no_update BEFORE UPDATE{of} ON {name} "
               f"BEGIN SELECT RAISE(ABORT, '{refused}'); END",
        postgresql=(REFUSE, f"CREATE TRIGGER {name}_no_update BEFORE UPDATE{of} ON {name} "
                             f"FOR EACH ROW EXECUTE FUNCTION placard_refuse('{refused}')"),
    )
    if updatable:  # UPDATE OR REPLACE t SET rowid = ... names no column above, and removes the row that has it
        trigger(
            table, f"{name}_no_renumber",
            sqlite=f"CREATE TRIGGER {name}_no_renumber BEFORE UPDATE ON {name} WHEN NEW.rowid IS NOT OLD.rowid "
                   f"BEGIN SELECT RAISE(ABORT, '{refused}'); END",
            postgresql=(),
        )
    trigger(
        table, f"{name}_no_delete",
        sqlite=f"CREATE TRIGGER {name}_no_delete BEFORE DELETE ON {name} "
               f"BEGIN SELECT RAISE(ABORT, '{refused}'); END",
        postgresql=(REFUSE, f"CREATE TRIGGER {name}_no_delete BEFORE DELETE ON {name} "
                             f"FOR EACH ROW EXECUTE FUNCTION placard_refuse('{refused}')"),
    )
    # INSERT OR REPLACE deletes without a delete trigger on SQLite, by the key or by naming a rowid (which is -1 here
    # when none was named); PostgreSQL has TRUNCATE instead
    trigger(
        table, f"{name}_no_replace",
        sqlite=f"CREATE TRIGGER {name}_no_replace BEFORE INSERT ON {name} "
               f"WHEN EXISTS (SELECT 1 FROM {name} WHERE ({same}) OR rowid = NEW.rowid) "
               f"BEGIN SELECT RAISE(ABORT, '{refused}'); END",
        postgresql=(REFUSE, f"CREATE TRIGGER {name}_no_replace BEFORE TRUNCATE ON {name} "
                             f"FOR EACH STATEMENT EXECUTE FUNCTION placard_refuse('{refused}')"),
    )


REFUSE = (
    "CREATE OR REPLACE FUNCTION placard_refuse() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation'; END $$"
)


def missing_triggers(connection: Connection) -> list[str]:
    """Names of registered triggers that the database lacks."""
    if connection.dialect.name == "sqlite":
        rows = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'"))
    else:
        rows = connection.execute(text("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'"))
    present = {row[0] for row in rows}
    dialect = connection.dialect.name
    return sorted(
        t.name for t in TRIGGERS.values() if (t.sqlite if dialect == "sqlite" else t.postgresql) and
        t.name not in present
    )


SEPARATOR = "\n-- next --\n"  # between the statements of a file of SQL


def run_file(connection: Connection, path: Path) -> None:
    """Run a migration's file of SQL statements (see operations.schema)."""
    for statement in path.read_text().rstrip("\n").split(SEPARATOR):
        # psycopg reads a lone % as a placeholder
        connection.exec_driver_sql(
            statement.replace("%", "%%") if connection.dialect.name == "postgresql" else statement)


def lookup_table(name: str, codes: tuple[str, ...]) -> Table:
    """A table of allowed codes that a column may point to: a new code is a row, not a rebuilt CHECK."""
    from sqlalchemy import Column, String

    table = Table(name, Base.metadata, Column("code", String(40), primary_key=True))
    values = ", ".join(f"('{code}')" for code in codes)
    event.listen(table, "after_create", DDL(f"INSERT INTO {name} (code) VALUES {values}"))
    LOOKUPS[name] = codes
    return table


LOOKUPS: dict[str, tuple[str, ...]] = {}
