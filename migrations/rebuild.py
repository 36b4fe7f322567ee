"""A new schema with the old rows in it: the same steps on both engines, in one transaction.

The old tables are moved aside as old_<name>, the new ones are made from the migration's files (operations/schema.py
writes them from the models), rows are copied, the old tables dropped, and only then are indexes and triggers made. A
failure anywhere leaves the old schema and its rows as they were.

Columns of the same name are copied; `Change` says what becomes of the others. A new column that may be null, or whose
model has a plain default, needs no word. Whatever else differs refuses the migration: nothing is dropped in silence.

On SQLite migrations/env.py has switched off the checking of references; `prove_references` checks them all at the end.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from core.ddl import SEPARATOR

VERSIONS = Path(__file__).with_name("versions")
ASIDE = "placard_old"  # the schema that holds the old tables on PostgreSQL


class Refused(RuntimeError):
    """The migration does not go ahead; its words say what to do first."""


@dataclass(frozen=True)
class Change:
    """What becomes of a table: new columns as SQL over the old row `o` (and the old tables, as old_<name>), old columns
    that are gone on purpose, and which rows are kept (all, unless `where` says otherwise)."""

    columns: Mapping[str, str] = field(default_factory=dict)
    gone: Collection[str] = ()
    where: str = ""


class Schema:
    """What files of SQL make, revision after revision."""

    def __init__(self, dialect: str, *revisions: str) -> None:
        self.statements = [
            statement for revision in revisions
            for statement in (VERSIONS / f"{revision}_{dialect}.sql").read_text().rstrip("\n").split(SEPARATOR)
        ]
        made = [(s, re.match(r'CREATE TABLE "?(\w+)"? \(', s)) for s in self.statements]
        self.columns = {found[1]: _columns(statement) for statement, found in made if found}
        self.lookups = {found[1] for s in self.statements if (found := re.match(r"INSERT INTO (\w+) \(code[,)]", s))}
        # those that hold more than codes: people change and add rows there (kinds of meetings)
        self.kept = {table for table in self.lookups if len(self.columns[table]) > 1}
        self.functions = {
            found[1] for s in self.statements if (found := re.match(r"CREATE OR REPLACE FUNCTION (\w+)\(", s))
        }

    def tables_and_codes(self) -> list[str]:
        """The statements that make tables and fill the lookup tables."""
        return [s for s in self.statements if s.startswith(("CREATE TABLE ", "INSERT INTO "))]

    def rules(self) -> list[str]:
        """The statements that make indexes, functions and triggers."""
        return [s for s in self.statements if not s.startswith(("CREATE TABLE ", "INSERT INTO "))]


def _columns(statement: str) -> dict[str, bool]:
    """The columns of a CREATE TABLE, and whether each may be null."""
    found = re.findall(r'^\t"?(\w+)"? (.*)$', statement, re.MULTILINE)
    return {name: "NOT NULL" not in rest for name, rest in found if name not in ("CONSTRAINT", "PRIMARY", "FOREIGN")}


class Rebuild:
    """From the schema of the revisions `before` to that of `revision`."""

    def __init__(self, connection: Connection, revision: str, before: Iterable[str]) -> None:
        self.connection = connection
        self.is_sqlite = connection.dialect.name == "sqlite"
        self.old = Schema(connection.dialect.name, *before)
        self.new = Schema(connection.dialect.name, revision)
        self.defaults: dict[str, dict[str, Any]] = json.loads((VERSIONS / f"{revision}_defaults.json").read_text())

    def run(self, *statements: str) -> None:
        """Run statements that take no parameters (psycopg reads a lone % as a placeholder)."""
        for statement in statements:
            self.connection.exec_driver_sql(statement if self.is_sqlite else statement.replace("%", "%%"))

    def move_aside(self) -> None:
        """Give every old table the name old_<name>, without its triggers (SQLite: names of triggers are unique). There
        lookup tables go at once: nobody reads them again, and each renaming costs a reading of the whole schema."""
        if self.is_sqlite:
            tables = ", ".join(f"'{table}'" for table in self.old.columns)
            triggers = self.connection.exec_driver_sql(
                f"SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name IN ({tables})").scalars().all()
            self.run(*(f'DROP TRIGGER "{name}"' for name in triggers))
            self.run(*(f"DROP TABLE {table}" for table in sorted(self.old.lookups - self.old.kept)))
            self.run(*(f"ALTER TABLE {table} RENAME TO old_{table}" for table in self._aside()))
            return
        self.search_path = self.connection.exec_driver_sql("SHOW search_path").scalar_one()
        self.here = self.connection.exec_driver_sql("SELECT current_schema()").scalar_one()
        self.run(f"CREATE SCHEMA {ASIDE}")
        self.run(*(f"ALTER FUNCTION {name} SET SCHEMA {ASIDE}" for name in sorted(self.old.functions)))
        for table in self.old.columns:
            self.run(f"ALTER TABLE {table} SET SCHEMA {ASIDE}", f"ALTER TABLE {ASIDE}.{table} RENAME TO old_{table}")
        self.run(f'SET LOCAL search_path TO "{self.here}", {ASIDE}')

    def _aside(self) -> list[str]:
        return [table for table in self.old.columns if table not in self.old.lookups - self.old.kept]

    def make_tables(self) -> None:
        """The new tables with their checks and references, and the codes in the lookup tables."""
        self.run(*self.new.tables_and_codes())

    def copy(self, changes: Mapping[str, Change], gone: Collection[str] = ()) -> None:
        """Copy what is in the old tables; `gone` are tables that the caller takes apart itself. Raises Refused."""
        if lost := self.old.columns.keys() - self.new.columns.keys() - set(gone):
            raise Refused(f"say what becomes of {', '.join(sorted(lost))}, which the new schema does not have")
        if unknown := changes.keys() - (self.old.columns.keys() & self.new.columns.keys()):
            raise Refused(f"nothing is copied into {', '.join(sorted(unknown))}, yet a change is told")
        for table in sorted(self.new.kept & self.old.kept):  # what people made of these rows stands
            self.run(f"DELETE FROM {table} WHERE code IN (SELECT code FROM old_{table})")
        for table in self.new.columns:
            if table in self.old.columns and table not in self.new.lookups - self.new.kept:
                self.run(self._copy(table, changes.get(table, Change())))
        if not self.is_sqlite:  # else the deferred references of these rows hold up the indexes
            self.run("SET CONSTRAINTS ALL IMMEDIATE", "SET CONSTRAINTS ALL DEFERRED")

    def _copy(self, table: str, change: Change) -> str:
        old, new = self.old.columns[table], self.new.columns[table]
        if lost := old.keys() - new.keys() - set(change.gone):
            raise Refused(f"say what becomes of {table}.{', '.join(sorted(lost))}, which the new schema does not have")
        if unknown := change.columns.keys() - new.keys():
            raise Refused(f"the new schema has no {table}.{', '.join(sorted(unknown))}, yet a change is told")
        values: dict[str, str] = {}
        for column, may_be_null in new.items():
            if column in change.columns:
                values[column] = change.columns[column]
            elif column in old:
                values[column] = f'o."{column}"'
            elif column in self.defaults.get(table, {}):
                values[column] = _literal(self.defaults[table][column])
            elif not may_be_null:
                raise Refused(f"say what the new column {table}.{column} holds in old rows: it has no default")
        where = f" WHERE {change.where}" if change.where else ""
        # in the order of their writing: on SQLite balances lean on the order of postings (ledger/guards.py)
        order = " ORDER BY o.rowid" if self.is_sqlite else ""
        names = ", ".join(f'"{column}"' for column in values)
        return f"INSERT INTO {table} ({names}) SELECT {', '.join(values.values())} FROM old_{table} AS o{where}{order}"

    def drop_old(self) -> None:
        """Drop the old tables. PostgreSQL refuses while something of the operator's (a view) still reads them."""
        if self.is_sqlite:
            self.run(*(f"DROP TABLE old_{table}" for table in self._aside()))
            return
        self._grant_again()
        self.run(f"DROP TABLE {', '.join(f'{ASIDE}.old_{table}' for table in self.old.columns)}")
        self.run(*(f"DROP FUNCTION {ASIDE}.{name}" for name in sorted(self.old.functions)))
        self.run(f"DROP SCHEMA {ASIDE}", f"SET LOCAL search_path TO {self.search_path}")

    def _grant_again(self) -> None:
        """Whoever was granted something on an old table has it on the new one."""
        rows = self.connection.exec_driver_sql(
            "SELECT substr(c.relname, 5) AS name, a.privilege_type AS privilege, a.is_grantable AS may_pass_on, "
            "CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END AS grantee "
            "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) a "
            f"WHERE n.nspname = '{ASIDE}' AND c.relkind = 'r' AND a.grantee <> c.relowner")
        for row in rows.all():
            if row.name in self.new.columns:
                self.run(f'GRANT {row.privilege} ON "{self.here}".{row.name} TO {row.grantee}'
                         f"{' WITH GRANT OPTION' if row.may_pass_on else ''}")

    def make_rules(self) -> None:
        """Indexes, functions and triggers; on PostgreSQL the figures that its planner goes by."""
        self.run(*self.new.rules())
        if not self.is_sqlite:
            self.run(f"ANALYZE {', '.join(self.new.columns)}")

    def prove_references(self) -> None:
        """Every reference leads to a row (PostgreSQL has looked at each while copying). Raises Refused."""
        if self.is_sqlite:
            broken = self.connection.exec_driver_sql("PRAGMA foreign_key_check").all()
            if broken:
                raise Refused("rows without the rows they point to: " + ", ".join(
                    sorted({f"{row[0]} -> {row[2]}" for row in broken})))


def _literal(value: Any) -> str:
    """A plain value of the models as SQL that both engines read."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    raise Refused(f"no default can be {value!r}")
