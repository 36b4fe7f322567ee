"""A long history for a throwaway database: donors who gave through the rooms' own commands, and journeys and payouts
over the years written straight into the tables, as the commands would have written them one by one: the first piece of
the time row by row, the others as copies of it, by one statement for each table.

The triggers stay away while rows are copied and come back afterwards, so nothing guards this but `verify`, which
books.py asks of the short one.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Flask
from sqlalchemy import text

from core import clock
from core.db import db, new_id
from core.money import support_costs
from sponsorship.ledger.service import account_id

START, END = datetime(2021, 1, 1, tzinfo=UTC), datetime(2026, 10, 31, tzinfo=UTC)
DIRECT = 25_000  # US cents of one journey: little, since a card carries no more than a million dollars
LEGS_OF_JOURNEY, LEGS_OF_PAYOUT = 10, 2
PIECES = 20
SPAN = (END - START) // PIECES // timedelta(seconds=1)  # seconds of a piece
DONORS = ("XY", "XZ")
GIFTS = 10  # of each donor
_SUBJECT = "benchmark"
_COLUMNS = {
    "entry": "id, kind, key, occurred_at, recorded_at, actor, actor_id, subject_type, subject_id, corrects_id",
    "leg": "entry_id, n, account_id, side, usd_minor, original_minor, original_currency, rate, rate_source, rate_date",
    "posting": "entry_id, posted_at",
    "lot_movement": "entry_id, lot_id, part, amount_minor",
    "reservation": "id, key, subject_type, subject_id, reserved_at, entry_id",
    "reservation_line": "id, reservation_id, lot_id, n, rate_bp, direct_minor, support_minor, spent_direct_minor, "
                        "spent_support_minor, released_direct_minor, released_support_minor",
    "spend": "id, key, reservation_id, subject_type, subject_id, state, direct_minor, support_minor, sent_at, "
             "entry_id, confirm_entry_id, return_entry_id",
    "spend_line": "spend_id, reservation_line_id, direct_minor, support_minor",
}
_OWN = {"id", "entry_id", "reservation_id", "reservation_line_id", "spend_id", "subject_id", "confirm_entry_id",
        "return_entry_id"}  # identifiers of what a copy has of its own


@dataclass(frozen=True)
class Past:
    """What a history has: a donor who gave half of its money, its pools, its journeys."""

    donor: uuid.UUID
    pools: tuple[uuid.UUID, ...]
    journeys: int


def load(app: Flask, legs: int) -> Past:
    """A fund with two donors and about so many legs of journeys that their money paid for."""
    journeys = legs // LEGS_OF_JOURNEY
    with app.app_context():
        donor, pools = _give(app, journeys)
        _Writer(journeys, 0).write()
        db.session.remove()
    return Past(donor, pools, journeys)


def add_payouts(app: Flask, count: int) -> None:
    """So many payouts more, over the same years: they make the bank's account a long one."""
    with app.app_context():
        _Writer(0, count).write()
        db.session.remove()


def _give(app: Flask, journeys: int) -> tuple[uuid.UUID, tuple[uuid.UUID, ...]]:
    """Gifts of two donors into four pools, enough for the journeys and a little free."""
    from sponsorship.ledger.service import open_pool
    from tests.support.fund_story import FundStory
    from tests.support.people import Maker

    make = Maker(app)
    with clock.moved_to(START - timedelta(days=200)):
        story = FundStory(make)
        purposes = ({"group": ["African"]}, {"facts": ["ldc"]}, {"sex": ["female"]}, {"facts": ["sids"]})
        pools = tuple(open_pool(f"bench-{n}", f"Purpose {n}", purpose, is_demo=True)
                      for n, purpose in enumerate(purposes))
        each = (-(-journeys // (GIFTS * len(DONORS) * PIECES)) * PIECES + 2) * (DIRECT + support_costs(DIRECT, 1300))
        for n in range(GIFTS):
            for code in DONORS:
                story.give(code, each, 30, pool_id=pools[n % len(pools)])
        donor = make.state(DONORS[0])
    db.session.commit()
    db.session.remove()
    return donor, pools


@dataclass
class _Rows:
    """Rows waiting to be copied, by table."""

    by_table: dict[str, list[Sequence[Any]]] = field(default_factory=lambda: {name: [] for name in _COLUMNS})

    def add(self, table: str, *row: Any) -> None:
        self.by_table[table].append(row)


class _Writer:
    """Copies rows in batches past the triggers, then makes every running total what the rows say."""

    def __init__(self, journeys: int, payouts: int) -> None:
        self.journeys, self.payouts = journeys // PIECES, payouts // PIECES
        self.raw: Any = db.engine.raw_connection()
        self.lite = db.engine.dialect.name == "sqlite"
        self.keys = itertools.count()
        self.stamp = new_id().hex

    def write(self) -> None:
        driver = self.raw.driver_connection
        guards = self._without_guards(driver)
        rows, first = _Rows(), new_id()
        self._facts(rows)
        self._copy(driver, rows)
        for n in range(1, PIECES):
            self._again(driver, n, first, new_id())
        self._total(driver)
        self._with_guards(driver, guards)
        self.raw.close()

    # --- what happened ------------------------------------------------------------------------------------------
    def _facts(self, rows: _Rows) -> None:
        """Journeys and payouts, evenly over the first piece, in the order in which they happened."""
        lots = list(db.session.execute(text(
            "SELECT id, pool_id, rate_bp, amount_minor - reserved_minor - spent_minor - charged_minor AS free FROM lot "
            "ORDER BY id"))) if self.journeys else []
        db.session.remove()
        lots = [(self._id(lot.id), self._id(lot.pool_id), lot.rate_bp, lot.free) for lot in lots]
        share = -(-self.journeys // len(lots)) if lots else 0
        queue = [lot for n in range(share) for lot in lots
                 if lot[3] >= PIECES * (n + 1) * (DIRECT + support_costs(DIRECT, lot[2]))]
        steps = max(self.journeys, self.payouts)
        for n in range(steps):
            at = START + timedelta(seconds=SPAN) * n / steps
            if n * self.journeys // steps < (n + 1) * self.journeys // steps:
                self._journey(rows, queue[n * self.journeys // steps], at)
            if n * self.payouts // steps < (n + 1) * self.payouts // steps:
                self._entry(rows, "payout", at, None, [
                    ("bank", None, "D", 100), ("stripe_clearing", None, "C", 100)])

    def _journey(self, rows: _Rows, lot: tuple[uuid.UUID, uuid.UUID, int, int], at: datetime) -> None:
        lot_id, pool, rate, _free = lot
        support = support_costs(DIRECT, rate)
        total, about = DIRECT + support, new_id()
        reserved = self._entry(rows, "reserve", at, about, [
            ("available", pool, "D", total), ("reserved", pool, "C", total)])
        sent = self._entry(rows, "spend", at + timedelta(hours=1), about, [
            ("spent_direct", pool, "D", DIRECT), ("in_transit", pool, "C", DIRECT),
            ("spent_support", pool, "D", support), ("reserved", pool, "D", total),
            ("appropriated", pool, "C", total), ("support_costs_due", None, "C", support)])
        confirmed = self._entry(rows, "spend.confirm", at + timedelta(hours=2), about, [
            ("in_transit", pool, "D", DIRECT), ("bank", None, "C", DIRECT)])
        for entry, part, amount in ((reserved, "reserved", total), (sent, "reserved", -total),
                                    (sent, "direct", DIRECT), (sent, "support", support)):
            rows.add("lot_movement", entry, lot_id, part, amount)
        reservation, line, spend = new_id(), new_id(), new_id()
        rows.add("reservation", reservation, self._key(), _SUBJECT, about, at, reserved)
        rows.add("reservation_line", line, reservation, lot_id, 0, rate, DIRECT, support, DIRECT, support, 0, 0)
        rows.add("spend", spend, self._key(), reservation, _SUBJECT, about, "confirmed", DIRECT, support,
                 at + timedelta(hours=1), sent, confirmed, None)
        rows.add("spend_line", spend, line, DIRECT, support)

    def _entry(
        self, rows: _Rows, kind: str, at: datetime, about: uuid.UUID | None,
        legs: Iterable[tuple[str, uuid.UUID | None, str, int]],
    ) -> uuid.UUID:
        made = new_id()
        rows.add("entry", made, kind, self._key(), at, at, "system:benchmark", None, about and _SUBJECT, about, None)
        for n, (account, pool, side, amount) in enumerate(legs):
            rows.add("leg", made, n, account_id(account, pool), side, amount, amount, "USD", None, None, None)
        rows.add("posting", made, at)
        return made

    def _key(self) -> str:
        return f"{self.stamp}:{next(self.keys)}"

    # --- into the tables ----------------------------------------------------------------------------------------
    def _id(self, value: Any) -> uuid.UUID:
        return value if isinstance(value, uuid.UUID) else uuid.UUID(value)

    def _lite(self, value: Any) -> Any:
        if isinstance(value, uuid.UUID):
            return value.hex
        return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if isinstance(value, datetime) else value

    def _copy(self, driver: Any, rows: _Rows) -> None:
        """Copy the rows and forget them."""
        for table, found in rows.by_table.items():
            columns = _COLUMNS[table]
            if self.lite:
                marks = ", ".join("?" * (columns.count(",") + 1))
                driver.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})",
                                   [tuple(map(self._lite, row)) for row in found])
            else:
                with driver.cursor() as cursor, cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                    for row in found:
                        copy.write_row(row)
            found.clear()

    def _again(self, driver: Any, n: int, first: uuid.UUID, last: uuid.UUID) -> None:
        """Everything once more, `n` pieces later: identifiers differ in their first two digits."""
        low, high = (first.hex, last.hex) if self.lite else (str(first), str(last))
        for table, listed in _COLUMNS.items():
            columns = listed.split(", ")
            copied = ", ".join(self._copied(column, n) for column in columns)
            driver.execute(f"INSERT INTO {table} ({listed}) SELECT {copied} FROM {table} "
                           f"WHERE {columns[0]} BETWEEN '{low}' AND '{high}'")

    def _copied(self, column: str, n: int) -> str:
        if column in _OWN:
            text_of = column if self.lite else f"replace({column}::text, '-', '')"
            return f"('{n + 1:02x}' || substr({text_of}, 3))" + ("" if self.lite else "::uuid")
        if column.endswith("_at"):
            return (f"strftime('%Y-%m-%dT%H:%M:%f', substr({column}, 1, 23), '+{n * SPAN} seconds') "
                    f"|| substr({column}, 24)" if self.lite else f"{column} + interval '{n * SPAN} seconds'")
        return f"{column} || ':{n}'" if column == "key" else column

    def _without_guards(self, driver: Any) -> list[str]:
        if not self.lite:
            driver.execute("SET session_replication_role = replica")
            return []
        driver.execute("PRAGMA foreign_keys=OFF")
        names = ", ".join(f"'{name}'" for name in (*_COLUMNS, "account", "account_month", "lot"))
        guards = driver.execute(f"SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name IN ({names})")
        found = guards.fetchall()
        for name, _sql in found:
            driver.execute(f"DROP TRIGGER {name}")
        driver.execute("BEGIN")
        return [sql for _name, sql in found]

    def _with_guards(self, driver: Any, guards: list[str]) -> None:
        driver.commit()
        for guard in guards:
            driver.execute(guard)
        driver.execute("PRAGMA foreign_keys=ON" if self.lite else "SET session_replication_role = DEFAULT")
        driver.commit()

    def _total(self, driver: Any) -> None:
        month = (
            "CAST(substr(e.occurred_at, 1, 4) || substr(e.occurred_at, 6, 2) AS INTEGER)" if self.lite
            else "to_char(e.occurred_at AT TIME ZONE 'UTC', 'YYYYMM')::integer"
        )
        sums = ("sum(CASE l.side WHEN 'D' THEN l.usd_minor ELSE 0 END)",
                "sum(CASE l.side WHEN 'C' THEN l.usd_minor ELSE 0 END)")
        part = ("(SELECT coalesce(sum(m.amount_minor), 0) FROM lot_movement m "
                "WHERE m.lot_id = lot.id AND m.part IN ({}))")
        last = "(SELECT entry_id FROM posting ORDER BY " + ("rowid" if self.lite else "entry_id") + " DESC LIMIT 1)"
        for statement in (
            "DELETE FROM account_month",
            "INSERT INTO account_month (account_id, month, debits, credits, legs) "
            f"SELECT l.account_id, {month}, {sums[0]}, {sums[1]}, count(*) FROM leg l "
            f"JOIN entry e ON e.id = l.entry_id GROUP BY l.account_id, {month}",
            "UPDATE account SET debits_posted = s.d, credits_posted = s.c, moved_by = s.e FROM (SELECT account_id, "
            f"sum(debits) AS d, sum(credits) AS c, {last} AS e FROM account_month GROUP BY account_id) s "
            "WHERE account.id = s.account_id",
            "UPDATE lot SET reserved_minor = " + part.format("'reserved'") + ", spent_minor = "
            + part.format("'direct', 'support'") + ", charged_minor = " + part.format("'fee', 'refund', 'loss'"),
        ):
            driver.execute(statement)
