"""Reading the books behind a short history and a long one: what a balance, the fund's page, a trial balance and a
statement cost in turns on both, and a donor's statement over 100,000 legs. Pages are made in-process, without a server
before them."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from flask import Flask

from benchmarks import history
from benchmarks.databases import ENGINES, Databases, analyse, databases
from benchmarks.measure import rates
from core import clock, verify
from core.db import db, reading
from sponsorship.ledger import books, queries, statements
from sponsorship.ledger.service import account_id
from sponsorship.transparency import statements as donor_statements

SMALL, LARGE = 10_000, 1_000_000  # legs
OF_DONOR = 100_000  # legs of the entries that one donor's money paid for
NOW = history.END  # business time while reading: the day after the last entry
INSTANT = datetime(2025, 6, 20, 12, tzinfo=UTC)
YEAR = statements.Period(date(2025, 1, 1), date(2025, 12, 31))
Readings = dict[str, Callable[[], Any]]


@dataclass(frozen=True)
class Row:
    """Least ms of all turns behind the short history and the long one, and how many times as long the long one took."""

    name: str
    small: float
    large: float

    @property
    def times(self) -> float:
        return self.large / self.small


def growth(made: Databases) -> list[Row]:
    """Half of either history is journeys, half payouts: three legs in ten are of the bank's account."""
    readings = []
    for legs in (SMALL, LARGE):
        app = made.app()
        history.load(app, legs // 2)
        history.add_payouts(app, legs // 4)
        if legs == SMALL:
            _prove(app)
        _ready(app)
        readings.append(_readings(app))
    small, large = readings
    rows = []
    for name in small:
        with clock.moved_to(NOW):
            found = rates({"small": small[name], "large": large[name]}, rounds=10, seconds=0.2)
        rows.append(Row(name, found["small"].least, found["large"].least))
    return rows


def _prove(app: Flask) -> None:
    """Every check of `verify` over the ledger finds nothing. Raises AssertionError with what it found."""
    with app.app_context():
        for name, check in verify.CHECKS.items():
            if name.startswith("ledger."):
                _checked, faults = check()
                assert not faults, (name, faults)
        db.session.remove()


def _ready(app: Flask) -> None:
    app.config["FUND_FRESH_SECONDS"] = 0  # what a page costs, not what a kept one does
    with app.app_context():
        analyse()


def _readings(app: Flask) -> Readings:
    bank = account_id("bank")
    lines = _call(app, lambda: statements.statement(bank, YEAR).moved.legs)
    auditor = _client(app, "auditor")
    last = -(-lines // 50)
    return {
        "balance of an account": lambda: _call(app, lambda: books.get_account(bank)),
        "the same as of an instant": lambda: _call(app, lambda: books.get_account(bank, INSTANT)),
        "figures of the fund": lambda: _call(app, queries.fund_figures),
        "/fund/, nothing kept": lambda: _page(app.test_client(), "/fund/"),
        "/fund/, figures kept": lambda: _kept(app),
        "trial balance": lambda: _call(app, books.trial_balance),
        "trial balance as of an instant": lambda: _call(app, lambda: books.trial_balance(INSTANT)),
        "statement of the bank, first page of a year": lambda: _call(app, lambda: statements.statement(bank, YEAR)),
        "the same, last page": lambda: _call(app, lambda: statements.statement(bank, YEAR, last)),
        "the same as a page": lambda: _page(
            auditor, f"/ledger/accounts/{bank}/?from=2025-01-01&to=2025-12-31&page={last}"),
    }


def _call(app: Flask, read: Callable[[], Any]) -> Any:
    """As in a request that reads."""
    with app.app_context(), reading():
        try:
            return read()
        finally:
            db.session.remove()


def _client(app: Flask, role: str, organisation: Any = None) -> Any:
    """A person with this role, signed in."""
    from tests.support.people import Maker, put_session

    client = app.test_client()
    with app.app_context():
        person = Maker(app).person(role, organisation=organisation)
        db.session.commit()
        with client.session_transaction() as session:
            put_session(session, person)
        db.session.remove()
    return client


def _page(client: Any, path: str) -> None:
    answer = client.get(path)
    if answer.status_code != 200:
        raise RuntimeError(f"{path} answered {answer.status_code}")


@contextmanager
def _keeping(app: Flask) -> Iterator[None]:
    app.config["FUND_FRESH_SECONDS"] = 60
    yield
    app.config["FUND_FRESH_SECONDS"] = 0


def _kept(app: Flask) -> None:
    with _keeping(app):
        _page(app.test_client(), "/fund/")


# --- a donor's statement ----------------------------------------------------------------------------------------
def donor_statement(made: Databases) -> dict[str, float]:
    """Least ms over books in which two donors paid for OF_DONOR legs each."""
    app = made.app()
    past = history.load(app, OF_DONOR * len(history.DONORS))
    _ready(app)
    donor, today = _client(app, "donor", past.donor), NOW.date()
    works = {
        "since the beginning": lambda: _call(app, lambda: donor_statements.statement(past.donor, None, today)),
        "of one year": lambda: _call(app, lambda: donor_statements.statement(past.donor, YEAR.first, YEAR.last)),
        "since the beginning, as a page": lambda: _page(donor, "/donor/statement?year=all"),
        "of one year, as a page": lambda: _page(donor, "/donor/statement?year=2025"),
    }
    with clock.moved_to(NOW):
        return {name: rate.least for name, rate in rates(works, rounds=6, seconds=0.2).items()}


def main(engines: Iterable[str] = ENGINES) -> None:
    """Each engine in databases made for it."""
    for engine in engines:
        with databases(engine) as made:
            begun = time.perf_counter()
            donors, rows = donor_statement(made), growth(made)
            print(f"{engine} (histories made and read in {time.perf_counter() - begun:,.0f} s)\n")
            print(f"| what | {SMALL:,} legs, ms | {LARGE:,} legs, ms | times |", "| --- | --- | --- | --- |", sep="\n")
            for row in rows:
                print(f"| {row.name} | {row.small:.2f} | {row.large:.2f} | {row.times:.2f} |")
            print(f"\n| donor's statement over {OF_DONOR:,} legs | ms |", "| --- | --- |", sep="\n")
            for name, milliseconds in donors.items():
                print(f"| {name} | {milliseconds:.0f} |")
            print(flush=True)


if __name__ == "__main__":
    main(sys.argv[1:] or ENGINES)
