"""The list of Stripe's movements, when there are thousands: as many queries and as many rows read as for a few."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from core import clock
from core.db import command, db, new_id
from core.web.steps import Mark, Step
from core.web.tables import TableQuery
from migrations import books_0005
from sponsorship.contributions import stripe_checks
from sponsorship.gateways import money_queries
from sponsorship.gateways.money_models import MovementEntry, MovementTotal, StripeMovement
from sponsorship.gateways.movements import MATCHING
from sponsorship.ledger import service as ledger
from tests.support.databases import KIND

FEW, MANY = 3_000, 9_000
OURS = re.compile(r"FROM (stripe_\w+|account|entry|leg)\b")
BEGAN = datetime(2024, 1, 1, tzinfo=UTC)
KINDS = ("charge", "fee", "refund", "payout")
PAGES = (
    "", "?state=unmatched", "?state=matched&category=fee", "?category=charge", "?sort=created_at&dir=asc",
    "?made_from=2024-01-01&made_to=2024-01-02", "?q=txn_long_100", "?q=ch_long_25",
)


@command
def grow(first: int, to: int) -> None:
    """Movements with these numbers, four of one instant each; 1 in 50 is not in the books, and 4 are of one object."""
    db.session.execute(sa.insert(StripeMovement.__table__), [{
        "id": new_id(), "version": 1, "txn_id": f"txn_long_{n}", "type": KINDS[n % 4], "category": KINDS[n % 4],
        "source_id": f"ch_long_{n // 4}", "currency": "USD", "amount_minor": 100 + n, "fee_minor": 1,
        "net_minor": 99 + n, "created_at": BEGAN + timedelta(minutes=5 * (n // 4)), "available_on": BEGAN,
        "recorded_at": clock.real_now(), "state": "unmatched" if n % 50 == 7 else "matched",
        "note": "movement_unknown" if n % 50 == 7 else None,
    } for n in range(first, to)])


@pytest.fixture
def asked(app: Any) -> Iterator[list[tuple[str, Any]]]:
    """Every statement sent while the test runs, with its parameters."""
    seen: list[tuple[str, Any]] = []

    def note(_c: Any, _cur: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if statement.startswith("SELECT"):
            seen.append((statement, parameters))

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    yield seen
    sa.event.remove(sa.Engine, "before_cursor_execute", note)


def rows_read(asked: list[tuple[str, Any]]) -> int:
    """How much the database reads for these statements: rows of tables on PostgreSQL, steps in tens on SQLite."""
    connection = db.session.connection()
    read = 0
    if KIND == "postgresql":
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        for statement, parameters in asked:
            plan = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters).scalar_one()
            read += _scanned((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"])
    else:
        raw = connection.connection.driver_connection
        assert raw is not None

        def step() -> int:
            nonlocal read
            read += 1
            return 0

        for statement, parameters in asked:
            raw.set_progress_handler(step, 10)
            try:
                raw.execute(statement, parameters).fetchall()
            finally:
                raw.set_progress_handler(None, 0)
    db.session.rollback()
    return read


def _scanned(node: dict[str, Any]) -> int:
    own = 0
    if "Relation Name" in node:
        own = (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
    return int(own) + sum(_scanned(part) for part in node.get("Plans", ()))


def reader(make: Any, as_person: Any) -> Any:
    return as_person(make.person("auditor"))


@pytest.mark.real_database
def test_as_much_is_read_of_thousands_as_of_a_few(make: Any, as_person: Any, asked: list[tuple[str, Any]]) -> None:
    auditor = reader(make, as_person)
    counts: dict[str, list[int]] = {}
    read: dict[str, list[int]] = {}
    grow(0, FEW)
    auditor.get("/contributions/movements/")
    for size in (FEW, MANY):
        if size == MANY:
            grow(FEW, MANY)
        if KIND == "postgresql":
            db.session.execute(sa.text("ANALYZE stripe_movement"))
            db.session.commit()
        middle = Mark(BEGAN + timedelta(minutes=5 * (size // 8)), uuid.UUID(int=0))
        for page in (*PAGES, f"?after={middle}", f"?before={middle}"):
            asked.clear()
            answer = auditor.get(f"/contributions/movements/{page}")
            assert answer.text.count("<tr role=\"row\">") > 1, page
            name = page.split("=")[0] if "after" in page or "before" in page else page
            sent = [one for one in asked if OURS.search(one[0])]
            counts.setdefault(name, []).append(len(sent))
            read.setdefault(name, []).append(rows_read(sent))
    assert {page: found for page, found in counts.items() if found[0] != found[1]} == {}, counts
    assert {page: found for page, found in read.items() if found[1] > 1.5 * found[0]} == {}


def test_leafed_through_forth_and_back_every_row_comes_once(app: Any) -> None:
    grow(0, 230)
    wanted = [row for (row,) in db.session.execute(sa.select(StripeMovement.txn_id).order_by(
        StripeMovement.created_at.desc(), StripeMovement.id.desc()))]
    for direction, order in (("desc", wanted), ("asc", wanted[::-1])):
        query = TableQuery(sort="created_at", direction=direction)
        leaf, total = money_queries.list_movements(query, Step())
        leaves = [leaf]
        assert total == 230 and leaf.previous is None
        while leaf.next is not None:
            leaf, _total = money_queries.list_movements(query, Step(after=Mark.read(str(leaf.next))))
            leaves.append(leaf)
        assert [len(one.rows) for one in leaves] == [50, 50, 50, 50, 30]
        assert [row.txn_id for one in leaves for row in one.rows] == order
        for earlier in reversed(leaves[:-1]):
            leaf, _total = money_queries.list_movements(query, Step(before=leaf.previous))
            assert [row.txn_id for row in leaf.rows] == [row.txn_id for row in earlier.rows]
        assert leaf.previous is None


def test_rubbish_in_the_address_leads_to_the_beginning(app: Any) -> None:
    grow(0, 60)
    first, _total = money_queries.list_movements(TableQuery(), Step())
    for text in ("", "x", "1-", "-1-" + "0" * 32, "9" * 40 + "-" + "0" * 32, "٣-" + "0" * 32):
        step = Step.from_args({"after": text, "before": text})
        assert step == Step() and money_queries.list_movements(TableQuery(), step)[0].rows == first.rows
    latest = Mark.read("9" * 17 + "-" + "f" * 32)
    assert latest is not None and len(money_queries.list_movements(TableQuery(), Step(before=latest))[0].rows) == 50


@pytest.mark.real_database
def test_the_file_holds_every_row(make: Any, as_person: Any, asked: list[tuple[str, Any]]) -> None:
    grow(0, MANY)
    auditor = reader(make, as_person)
    asked.clear()
    lines = auditor.get("/contributions/movements/?format=csv").text.splitlines()
    assert len(lines) == MANY + 1
    assert len({line for line in lines if "txn_long_" in line}) == MANY
    assert sum("FROM stripe_movement" in statement for statement, _p in asked) <= 12  # by the thousand
    fees = auditor.get("/contributions/movements/?format=csv&category=fee&made_to=2024-01-01").text.splitlines()
    assert len(fees) == 1 + 24 * 12


def test_the_totals_kept_are_those_of_the_rows(app: Any) -> None:
    grow(0, 300)
    found = stripe_checks.totals()
    assert found.at_stripe == sum(99 + n for n in range(300))
    assert found.not_booked == sum(99 + n for n in range(300) if n % 50 == 7)
    assert money_queries.count_movements_for_a_person() == 6
    assert stripe_checks.totals_are_those_of_the_movements()[1] == []
    row = db.session.scalars(sa.select(StripeMovement).where(StripeMovement.state == "unmatched")).first()
    row.state = "explained"
    db.session.flush()
    assert money_queries.count_movements_for_a_person() == 5
    assert stripe_checks.totals().explained == row.net_minor
    assert stripe_checks.totals_are_those_of_the_movements()[1] == []


def test_a_total_changed_by_hand_is_refused_or_found(app: Any) -> None:
    grow(0, 10)
    change = sa.update(MovementTotal.__table__).values(net_minor=MovementTotal.net_minor + 1)
    if KIND == "postgresql":
        with pytest.raises(DBAPIError, match="only movements keep their totals"):
            db.session.execute(change)
        return
    db.session.execute(change)
    _checked, faults = stripe_checks.totals_are_those_of_the_movements()
    assert len(faults) == db.session.scalar(sa.select(sa.func.count()).select_from(MovementTotal.__table__))


def test_an_entry_tied_to_a_movement_goes_with_it_from_state_to_state(app: Any) -> None:
    grow(0, 60)
    pool = ledger.open_pool("general", "Unearmarked money")
    ledger.receive(pool, ledger.Intake(5_00), source=("gift", uuid.uuid4()), key="tied", actor=MATCHING)
    row = db.session.scalars(sa.select(StripeMovement).where(StripeMovement.state == "unmatched")).first()
    db.session.execute(sa.insert(MovementEntry), {"entry_id": ledger.entry_under("tied"), "movement_id": row.id})
    waiting = sum(99 + n for n in range(60) if n % 50 == 7)
    assert (stripe_checks.totals().not_booked, stripe_checks.totals().not_listed) == (waiting - 5_00, 0)
    row.state = "explained"
    db.session.flush()
    assert stripe_checks.totals().explained == row.net_minor - 5_00
    assert stripe_checks.totals_are_those_of_the_movements()[1] == []


def test_the_migration_makes_the_same_totals(app: Any) -> None:
    test_an_entry_tied_to_a_movement_goes_with_it_from_state_to_state(app)
    kept = [tuple(row) for row in db.session.execute(sa.select(MovementTotal.__table__)) if row.movements]
    if KIND == "postgresql":
        db.session.execute(sa.text("ALTER TABLE stripe_movement_total DISABLE TRIGGER USER"))
    else:
        db.session.execute(sa.text("DROP TRIGGER stripe_movement_total_no_delete"))
    db.session.execute(sa.delete(MovementTotal.__table__))
    books_0005.keep_movement_totals(db.session.connection())
    made = [tuple(row) for row in db.session.execute(sa.select(MovementTotal.__table__))]
    assert len(made) > 3 and sorted(made) == sorted(kept)
