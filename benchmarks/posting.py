"""Posting beside its floor (the same statements and triggers with one commit, through SQLAlchemy Core) and its ceiling
(plain SQL by the driver: an entry and two legs in three statements, no trigger, one commit), on one connection, into a
journal that holds some thousands of entries already: engines plan for the tables they know.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from flask import Flask

from benchmarks.databases import ENGINES, analyse, databases
from benchmarks.measure import Rate, rates
from core import clock
from core.actor import system
from core.db import db, new_id
from sponsorship.ledger.entry_sql import EntryRow, LegSpec, write_entry
from sponsorship.ledger.service import account_id, credit, debit, open_pool, post

BENCH = system("benchmark")
CEILING, FLOOR, OURS = "plain SQL, no triggers (ceiling)", "same statements and triggers, Core (floor)", "post()"
BEFORE = 3000  # entries that stand before the first one measured
_keys = itertools.count()


def _legs() -> list[LegSpec]:
    """Two legs, as the peers were measured with."""
    return [debit(account_id("bank"), 100), credit(account_id("stripe_clearing"), 100)]


def ceiling() -> Callable[[], None]:
    """Plain SQL by the driver, into tables of the same shape without triggers."""
    raw: Any = db.engine.raw_connection().driver_connection
    lite = db.engine.dialect.name == "sqlite"
    mark, kind = ("?", "CHAR(32)") if lite else ("%s", "UUID")
    cursor = raw.cursor()
    cursor.execute(f"CREATE TABLE plain_entry (id {kind} PRIMARY KEY, kind TEXT, at TEXT, actor TEXT)")
    cursor.execute(
        f"CREATE TABLE plain_leg (entry_id {kind} REFERENCES plain_entry(id), n INTEGER, account_id {kind}, side TEXT, "
        "usd_minor BIGINT, PRIMARY KEY (entry_id, n))"
    )
    if not lite:
        raw.commit()
    entry = f"INSERT INTO plain_entry VALUES ({mark}, {mark}, {mark}, {mark})"
    leg = f"INSERT INTO plain_leg VALUES ({', '.join([mark] * 5)})"
    a, b = account_id("bank"), account_id("stripe_clearing")
    account_a, account_b = (a.hex, b.hex) if lite else (a, b)

    def work() -> None:
        made = new_id()
        key = made.hex if lite else made
        if lite:
            cursor.execute("BEGIN IMMEDIATE")
        cursor.execute(entry, (key, "payout", "2026-01-01", "system:benchmark"))
        cursor.execute(leg, (key, 0, account_a, "D", 100))
        cursor.execute(leg, (key, 1, account_b, "C", 100))
        if lite:
            cursor.execute("COMMIT")
        else:
            raw.commit()

    return work


def _floor() -> Callable[[], None]:
    """The ledger's own statements, given a row that needs no thought."""
    connection = db.engine.connect()
    legs = _legs()

    def work() -> None:
        now = clock.real_now()
        with connection.begin():
            write_entry(connection, EntryRow(
                new_id(), "payout", f"floor:{next(_keys)}", now, now, BENCH.code, None, None, None, None), legs)

    return work


def ours() -> Callable[[], None]:
    """`post()` by its own door, with its commit."""
    legs = _legs()

    def work() -> None:
        post("payout", legs, key=f"bench:{next(_keys)}", actor=BENCH)
        db.session.remove()  # as at the end of a request or of a job's item

    return work


def run(app: Flask, rounds: int = 12) -> dict[str, Rate]:
    """For the application's database, which must be a throwaway one."""
    with app.app_context():
        open_pool("benchmark", "Benchmark")
        db.session.remove()
        works = {CEILING: ceiling(), FLOOR: _floor(), OURS: ours()}
        for _ in range(BEFORE // 3):
            for work in works.values():
                work()
        analyse()
        return rates(works, rounds)


def table(found: dict[str, Rate]) -> list[str]:
    """Markdown, with the shares of ceiling and floor."""
    made = ["| what | a second | p50 ms | p95 ms | of ceiling | of floor |", "| --- | --- | --- | --- | --- | --- |"]
    made += [
        f"| {name} | {rate.per_second:,.0f} | {rate.p50:.2f} | {rate.p95:.2f} | {rate.shares[CEILING]:.0%} "
        f"| {rate.shares[FLOOR]:.0%} |" for name, rate in found.items()
    ]
    return made


def main() -> None:
    """Both engines, each in a database made for it."""
    for engine in ENGINES:
        with databases(engine) as made:
            print(engine, "", *table(run(made.app())), "", sep="\n", flush=True)


if __name__ == "__main__":
    main()
