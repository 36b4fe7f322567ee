"""post() and what the database refuses: each attack is tried, on both engines."""

import uuid
from datetime import UTC, date, datetime

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError

from core import clock
from core.actor import system
from core.db import db, new_id
from core.verify import CHECKS
from sponsorship.ledger import books
from sponsorship.ledger.models import Account, Entry, Leg, Posting
from sponsorship.ledger.posting import KeyReused, LegSpec, NewEntry, post_many
from sponsorship.ledger.service import Intake, account_id, credit, debit, open_pool, post, receive, reserve, spend

TESTS = system("tests")


def sqlite():
    return db.engine.dialect.name == "sqlite"


def source(kind="contribution"):
    return kind, uuid.uuid4()


def faults():
    return [f for name, check in CHECKS.items() if name.startswith("ledger.") for f in check()[1]]


@pytest.fixture
def pool(app):
    return open_pool("general", "General")


def two_legs(amount=100):
    return [debit(account_id("bank"), amount), credit(account_id("stripe_clearing"), amount)]


@pytest.fixture
def entry(pool):
    return post("payout", two_legs(), key="payout:1", actor=TESTS, subject=("payout", uuid.UUID(int=1)))


# --- post() -----------------------------------------------------------------------------------------------------
def test_an_entry_moves_both_balances_and_keeps_who_when_and_about_what(entry):
    bank, clearing = books.account_by_code("bank"), books.account_by_code("stripe_clearing")
    assert (bank.balance, clearing.balance) == (100, -100)
    page = books.get_entry(entry)
    assert (page.actor, page.subject_type, page.subject_id) == ("system:tests", "payout", uuid.UUID(int=1))
    assert [(leg.debit, leg.credit) for leg in page.legs] == [(100, 0), (0, 100)]
    assert faults() == []


def test_the_same_key_returns_the_first_entry_and_writes_nothing(entry):
    again = post("payout", two_legs(), key="payout:1", actor=TESTS, subject=("payout", uuid.UUID(int=1)))
    assert again == entry
    assert books.account_by_code("bank").balance == 100


@pytest.mark.parametrize("change", [
    {"kind": "other"}, {"legs": two_legs(101)}, {"subject": ("payout", uuid.UUID(int=2))}, {"subject": None},
    {"legs": [debit(account_id("stripe_clearing"), 100), credit(account_id("bank"), 100)]},
])
def test_a_key_that_says_something_else_is_refused(entry, change):
    asked = {"kind": "payout", "legs": two_legs(), "subject": ("payout", uuid.UUID(int=1)), **change}
    with pytest.raises(KeyReused):
        post(asked["kind"], asked["legs"], key="payout:1", actor=TESTS, subject=asked["subject"])
    assert books.account_by_code("bank").balance == 100


@pytest.mark.parametrize("legs", [
    [],
    [debit(account_id("bank"), 5)],
    [debit(account_id("bank"), 5), credit(account_id("suspense"), 4)],
    [debit(account_id("bank"), 5), debit(account_id("suspense"), 5)],
    [debit(account_id("bank"), 0), credit(account_id("suspense"), 0)],
    [debit(account_id("bank"), -5), credit(account_id("suspense"), -5)],
    [debit(account_id("bank"), 1.5), credit(account_id("suspense"), 1.5)],
    [debit(account_id("bank"), True), credit(account_id("suspense"), True)],
    [debit(account_id("bank"), 10**14 + 1), credit(account_id("suspense"), 10**14 + 1)],
    [LegSpec(account_id("bank"), "X", 5), credit(account_id("suspense"), 5)],
])
def test_what_cannot_be_an_entry_is_refused_before_the_database(pool, legs):
    with pytest.raises(ValueError):
        post("wrong", legs, key="wrong", actor=TESTS)
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Entry)) == 0


def test_a_correction_names_what_it_corrects(entry):
    back = [debit(account_id("stripe_clearing"), 100), credit(account_id("bank"), 100)]
    fix = post("correction", back, key="payout:1:fix", actor=TESTS, corrects=entry)
    assert books.get_entry(fix).corrects_id == entry
    assert books.get_entry(entry).corrected_by == (fix,)
    assert books.account_by_code("bank").balance == 0


def test_a_foreign_amount_keeps_its_original_rate_source_and_date(pool):
    legs = [
        LegSpec(account_id("bank"), "D", 108_50, 100_00, "EUR", "1.0850", "UN operational rate", date(2026, 11, 1)),
        credit(account_id("stripe_clearing"), 108_50),
    ]
    page = books.get_entry(post("payout", legs, key="eur", actor=TESTS))
    leg = next(leg for leg in page.legs if leg.account_kind == "bank")
    assert (leg.original_minor, leg.original_currency, leg.rate) == (100_00, "EUR", "1.0850")
    assert (leg.rate_source, leg.rate_date) == ("UN operational rate", date(2026, 11, 1))


def test_business_time_is_kept_apart_from_real_time(pool):
    then = datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)
    with clock.moved_to(then):
        page = books.get_entry(post("payout", two_legs(), key="later", actor=TESTS))
    assert page.occurred_at == then
    assert abs((page.recorded_at - clock.real_now()).total_seconds()) < 60


def test_posting_takes_three_statements_or_one_call(pool, queries):
    queries.clear()
    post("payout", two_legs(), key="count", actor=TESTS)
    if sqlite():
        assert [q.split()[2] for q in queries] == ["entry", "leg", "posting"]
    else:
        assert [q.split("(")[0] for q in queries] == ["SELECT placard_post"]


def test_an_entry_may_mix_dollars_with_other_currencies(pool):
    """Parts that a leg in dollars does not name are not taken from the leg beside it."""
    legs = [
        debit(account_id("bank"), 200),
        LegSpec(account_id("stripe_clearing"), "C", 108, 100, "EUR", "1.0850", 'a "source", {odd}', date(2026, 11, 1)),
        credit(account_id("stripe_clearing"), 92),
    ]
    post("payout", legs, key="mixed", actor=TESTS)
    stood = db.session.execute(sa.select(
        Leg.n, Leg.side, Leg.usd_minor, Leg.original_minor, Leg.original_currency, Leg.rate, Leg.rate_source,
        Leg.rate_date).order_by(Leg.n)).all()
    assert [tuple(row) for row in stood] == [
        (0, "D", 200, 200, "USD", None, None, None),
        (1, "C", 108, 100, "EUR", "1.0850", 'a "source", {odd}', date(2026, 11, 1)),
        (2, "C", 92, 92, "USD", None, None, None),
    ]
    assert post("payout", legs, key="mixed", actor=TESTS) == db.session.scalar(sa.select(Entry.id))


def test_an_instant_carries_its_zone(pool):
    with pytest.raises(ValueError, match="time zone"):
        post("payout", two_legs(), key="naive", actor=TESTS, occurred_at=datetime(2026, 1, 1))


# --- what the database refuses, whoever writes ------------------------------------------------------------------
def refused(*statements, match=None, **values):
    """Each statement in turn; the last is refused (or the end of the transaction, for what is deferred)."""
    with pytest.raises(DatabaseError, match=match), db.session.begin_nested():
        for statement in statements:
            db.session.execute(sa.text(statement) if isinstance(statement, str) else statement, values or None)
    db.session.rollback()


def new_entry(**values):
    made = {"id": new_id(), "kind": "attack", "key": uuid.uuid4().hex, "occurred_at": clock.now(),
            "recorded_at": clock.now(), "actor": "system:attacker", **values}
    return made["id"], sa.insert(Entry).values(made)


def new_leg(entry_id, n, account, side, amount, **values):
    return sa.insert(Leg).values({
        "entry_id": entry_id, "n": n, "account_id": account, "side": side, "usd_minor": amount,
        "original_minor": amount, "original_currency": "USD", **values,
    })


def new_posting(entry_id):
    return sa.insert(Posting).values(entry_id=entry_id, posted_at=clock.now())


def raw_leg(entry_id, **values):
    """A leg past SQLAlchemy's types: what an attacker with a console would send."""
    row = {"entry_id": f"'{hex_or_text(entry_id)}'", "n": "0", "account_id": f"'{hex_or_text(account_id('bank'))}'",
           "side": "'D'", "usd_minor": "5", "original_minor": "5", "original_currency": "'USD'", **values}
    return f"INSERT INTO leg ({', '.join(row)}) VALUES ({', '.join(row.values())})"


def hex_or_text(value):
    return value.hex if sqlite() else str(value)


def test_an_entry_with_one_leg_or_none_cannot_be_posted(pool):
    made, entry = new_entry()
    refused(entry, new_posting(made), match="two legs")
    made, entry = new_entry()
    refused(entry, new_leg(made, 0, account_id("bank"), "D", 5), new_posting(made), match="two legs")


def test_an_entry_that_does_not_balance_cannot_be_posted(pool):
    made, entry = new_entry()
    refused(entry, new_leg(made, 0, account_id("bank"), "D", 100),
            new_leg(made, 1, account_id("stripe_clearing"), "C", 99), new_posting(made), match="does not balance")


def test_entries_posted_by_one_statement_balance_each_by_itself(pool):
    """Two that balance together only, and one without legs beside one that is whole."""
    def posting_of(*entries):
        return sa.insert(Posting).values([{"entry_id": made, "posted_at": clock.now()} for made in entries])

    (first, entry), (second, other) = new_entry(), new_entry()
    legs = [new_leg(made, n, account_id(account), side, amount) for made, more in ((first, 1), (second, -1))
            for n, (account, side, amount) in enumerate((("bank", "D", 100 + more), ("stripe_clearing", "C", 100)))]
    refused(entry, other, *legs, posting_of(first, second), match="does not balance")
    (first, entry), (second, other) = new_entry(), new_entry()
    legs = [new_leg(first, 0, account_id("bank"), "D", 5), new_leg(first, 1, account_id("stripe_clearing"), "C", 5)]
    refused(entry, other, *legs, posting_of(first, second), match="two legs")
    assert books.account_by_code("bank").balance == 0


def test_many_entries_at_once_are_those_one_by_one(pool, queries):
    receive(pool, Intake(10_000), source=source(), key="in", actor=TESTS)
    db.session.flush()

    def new(n, legs=None):
        return NewEntry(legs or two_legs(), f"many:{n}", ("test", uuid.UUID(int=n)))

    def promise(amount):
        return [debit(account_id("available", pool), amount), credit(account_id("reserved", pool), amount)]

    queries.clear()
    made = post_many("test", [new(n) for n in range(1, 41)], actor=TESTS, occurred_at=clock.now())
    if not sqlite():
        assert [q.split()[2] for q in queries] == ["entry", "leg", "posting"]
    assert len(set(made)) == 40 and books.account_by_code("bank").balance == 4_000
    assert books.get_entry(made[6]).subject_id == uuid.UUID(int=7)
    with pytest.raises(KeyReused), db.session.begin_nested():  # one known key among new ones: nothing of it
        post_many("test", [new(41), new(1)], actor=TESTS, occurred_at=clock.now())
    with pytest.raises(DatabaseError, match="account_no_overdraft"), db.session.begin_nested():
        post_many("test", [new(42, promise(100)), new(43, promise(9_901))], actor=TESTS, occurred_at=clock.now())
    assert books.account_by_code("available:general").balance == 10_000
    assert books.account_by_code("bank").balance == 4_000
    assert faults() == []


def test_the_two_books_do_not_mix(pool):
    """Bank against available balances in sum, and would make money to promise out of nothing."""
    made, entry = new_entry()
    refused(entry, new_leg(made, 0, account_id("bank"), "D", 100),
            new_leg(made, 1, account_id("available", pool), "C", 100), new_posting(made), match="does not balance")


def test_the_budgets_of_two_pools_do_not_mix(pool):
    other = open_pool("other", "Other")
    receive(pool, Intake(1000), source=source(), key="in", actor=TESTS)
    made, entry = new_entry()
    refused(entry, new_leg(made, 0, account_id("available", pool), "D", 100),
            new_leg(made, 1, account_id("available", other), "C", 100), new_posting(made), match="does not balance")


def test_a_guarded_account_cannot_be_overdrawn(pool):
    receive(pool, Intake(1000), source=source(), key="in", actor=TESTS)
    legs = [debit(account_id("available", pool), 1001), credit(account_id("reserved", pool), 1001)]
    with pytest.raises(DatabaseError, match="account_no_overdraft"):
        post("attack", legs, key="attack", actor=TESTS)
    assert books.account_by_code("available:general").balance == 1000


def test_ignoring_conflicts_does_not_slip_past_the_guard(pool):
    """On SQLite an outer OR IGNORE once made the trigger skip the refused account and move the others."""
    receive(pool, Intake(1000), source=source(), key="in", actor=TESTS)
    made, entry = new_entry()
    ignoring = "INSERT OR IGNORE INTO posting" if sqlite() else "INSERT INTO posting"
    tail = "" if sqlite() else " ON CONFLICT DO NOTHING"
    refused(entry, new_leg(made, 0, account_id("available", pool), "D", 1001),
            new_leg(made, 1, account_id("reserved", pool), "C", 1001),
            f"{ignoring} (entry_id, posted_at) VALUES ('{hex_or_text(made)}', '2026-01-01T00:00:00.000000Z'){tail}",
            match="no_overdraft")
    assert faults() == []


def test_posting_twice_moves_nothing_twice(entry):
    values = f"VALUES ('{hex_or_text(entry)}', '2026-01-01T00:00:00.000000Z')"
    if sqlite():
        for verb in ("INSERT", "INSERT OR REPLACE", "INSERT OR IGNORE"):
            refused(f"{verb} INTO posting (entry_id, posted_at) {values}")
        refused(f"INSERT INTO posting (entry_id, posted_at) {values} ON CONFLICT DO NOTHING")
    else:
        refused(f"INSERT INTO posting (entry_id, posted_at) {values}", match="pk_posting")
        db.session.execute(sa.text(f"INSERT INTO posting (entry_id, posted_at) {values} ON CONFLICT DO NOTHING"))
    assert books.account_by_code("bank").balance == 100
    assert faults() == []


def test_a_leg_cannot_join_a_posted_entry(entry):
    refused(new_leg(entry, 2, account_id("bank"), "D", 1), match="posted")
    refused(new_leg(entry, 2, account_id("bank"), "D", 1), new_leg(entry, 3, account_id("suspense"), "C", 1),
            match="posted")


@pytest.mark.real_database
def test_an_entry_without_its_posting_cannot_be_committed(app):
    open_pool("general", "General")
    made, entry = new_entry()
    with pytest.raises(DatabaseError, match="(?i)foreign key"), db.engine.begin() as connection:
        connection.execute(entry)
        connection.execute(new_leg(made, 0, account_id("bank"), "D", 5))
        connection.execute(new_leg(made, 1, account_id("suspense"), "C", 5))
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Entry)) == 0


@pytest.mark.parametrize(("constraint", "values"), [
    ("ck_leg_side", {"side": "'X'"}),
    ("ck_leg_amount", {"usd_minor": "0", "original_minor": "0"}),
    ("ck_leg_amount", {"usd_minor": "-5", "original_minor": "-5"}),
    ("ck_leg_amount", {"usd_minor": "100000000000001", "original_minor": "100000000000001"}),
    ("ck_leg_original", {"original_minor": "6"}),
    ("ck_leg_original", {"original_currency": "'EUR'"}),
    ("ck_leg_original", {"rate": "'1.0'"}),
])
def test_constraints_of_a_leg_by_name(pool, constraint, values):
    made, entry = new_entry()
    refused(entry, raw_leg(made, **values), match=constraint)


@pytest.mark.parametrize("amount", ["1.5", "'abc'"])
def test_cents_are_whole_numbers(pool, amount):
    made, entry = new_entry()
    statement = raw_leg(made, usd_minor=amount, original_minor=amount)
    if sqlite():
        refused(entry, statement, match="ck_leg_")
    elif amount == "'abc'":
        refused(entry, statement, match="invalid input syntax")
    else:
        db.session.execute(entry)
        db.session.execute(sa.text(statement))  # PostgreSQL rounds to its BIGINT: what stands is whole
        assert db.session.scalar(sa.select(Leg.usd_minor).where(Leg.entry_id == made)) == 2


TABLES = ("pool", "account", "entry", "leg", "posting", "held_receipt", "lot", "reservation", "reservation_line",
          "spend", "spend_line", "lot_movement", "account_month", "shortfall")


@pytest.fixture
def full_books(pool):
    """At least one row in every table."""
    from sponsorship.ledger.service import charge_fee, confirm_spend, receive_in_suspense, return_spend

    receive(pool, Intake(10_000), source=source(), key="in", actor=TESTS)
    receive(pool, Intake(20_000), source=source(), key="in2", actor=TESTS)
    receive_in_suspense(Intake(500), source=source(), key="held", actor=TESTS)
    reservation = reserve(("award", uuid.uuid4()), [pool], 9_000, key="r", actor=TESTS)
    first = spend(reservation, 2_000, key="s", actor=TESTS)
    confirm_spend(first, key="c", actor=TESTS, bank_fee_minor=10)
    confirm_spend(spend(reservation, 1_000, key="s2", actor=TESTS), key="c2", actor=TESTS)
    return_spend(spend(reservation, 500, key="s3", actor=TESTS), key="x3", actor=TESTS)
    return_spend(spend(reservation, 500, key="s4", actor=TESTS), key="x4", actor=TESTS)
    charge_fee(pool, 20_500, subject=("pool", pool), key="fee", actor=TESTS)  # more than is free
    return reservation


@pytest.mark.parametrize("table", TABLES)
def test_no_row_of_the_books_is_deleted(full_books, table):
    assert db.session.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar_one() > 0
    refused(f"DELETE FROM {table}", match="append-only")
    if not sqlite():
        db.session.execute(sa.text("SET CONSTRAINTS ALL IMMEDIATE"))  # else PostgreSQL refuses for a lesser reason
        refused(f"TRUNCATE {table} CASCADE", match="append-only")


MUTABLE = {
    "pool": {"name"}, "account": {"debits_posted", "credits_posted", "moved_by"},
    "held_receipt": {"accepted_minor", "refunded_minor"},
    "lot": {"reserved_minor", "spent_minor", "charged_minor"},
    "account_month": {"debits", "credits", "legs"}, "shortfall": {"covered_minor"},
    "reservation_line": {"spent_direct_minor", "spent_support_minor", "released_direct_minor",
                         "released_support_minor"},
    "spend": {"state", "confirm_entry_id", "return_entry_id"},
}


@pytest.mark.parametrize("table", TABLES)
def test_no_fact_of_the_books_is_updated(full_books, table):
    columns = {c["name"] for c in sa.inspect(db.session.connection()).get_columns(table)}
    for column in sorted(columns - MUTABLE.get(table, set())):
        refused(f"UPDATE {table} SET {column} = {column}", match="append-only|only posting keeps")


@pytest.mark.parametrize("table", TABLES)
def test_no_row_of_the_books_is_replaced(full_books, table):
    """SQLite: by its key, by any unique value, by its rowid, by renumbering."""
    if not sqlite():
        refused(f"INSERT INTO {table} SELECT * FROM {table} ON CONFLICT DO NOTHING; "
                f"UPDATE {table} SET ctid = ctid")
        return
    refused(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}")
    connection = db.session.connection()
    inspector = sa.inspect(connection)
    columns = [c["name"] for c in inspector.get_columns(table)]
    unique = [u["column_names"] for u in inspector.get_unique_constraints(table)]
    key = inspector.get_pk_constraint(table)["constrained_columns"]
    fresh = f"'{uuid.uuid4().hex}'"
    for columns_held in [*unique, ["rowid"]]:
        if columns_held == ["kind", "pool_id"] and table == "account":
            where = "WHERE pool_id IS NOT NULL"
        else:
            where = "WHERE " + " AND ".join(f"{c} IS NOT NULL" for c in columns_held)
        values = [fresh if c == key[0] or (c in {u[0] for u in unique if len(u) == 1} and c not in columns_held
                                           and not c.endswith("_id")) else c for c in columns]
        into = ["rowid", *columns] if columns_held == ["rowid"] else columns
        picked = ["rowid", *values] if columns_held == ["rowid"] else values
        refused(f"INSERT OR REPLACE INTO {table} ({', '.join(into)}) "
                f"SELECT {', '.join(picked)} FROM {table} {where} LIMIT 1")
    if connection.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar_one() > 1:
        refused(f"UPDATE OR REPLACE {table} SET rowid = (SELECT max(rowid) FROM {table}) "
                f"WHERE rowid = (SELECT min(rowid) FROM {table})")


def test_a_balance_moves_by_posting_only(entry):
    bank = f"id = '{hex_or_text(account_id('bank'))}'"
    for change in (
        "debits_posted = debits_posted + 100",
        "debits_posted = 0",
        "debits_posted = debits_posted + 100, credits_posted = credits_posted + 100",
        f"debits_posted = debits_posted + 100, moved_by = '{hex_or_text(entry)}'",
        f"debits_posted = debits_posted + 100, moved_by = '{hex_or_text(uuid.uuid4())}'",
        "moved_by = NULL",
    ):
        refused(f"UPDATE account SET {change} WHERE {bank}", match="only posting moves")
    other = post("payout", two_legs(7), key="payout:2", actor=TESTS)
    for again in (entry, other):
        refused(f"UPDATE account SET debits_posted = debits_posted + 100, moved_by = '{hex_or_text(again)}' "
                f"WHERE {bank}", match="only posting moves")
    assert faults() == []


def test_an_account_starts_at_zero(pool):
    row = {"id": uuid.uuid4(), "code": "hoard", "kind": "bank", "book": "P", "currency": "USD", "side": "D",
           "guarded": False, "debits_posted": 10**9, "credits_posted": 0}
    refused(sa.insert(Account).values(row), match="starts at zero")


def test_a_guard_cannot_be_taken_off_a_row(pool):
    refused("UPDATE account SET guarded = (1 = 0)", match="append-only")


def test_a_payment_does_not_move_backwards(full_books):
    refused("UPDATE spend SET state = 'sent'", match="does not move")
    refused("UPDATE spend SET confirm_entry_id = NULL, state = 'returned'", match="does not move")
    if sqlite():
        refused("UPDATE OR REPLACE spend SET confirm_entry_id = (SELECT max(confirm_entry_id) FROM spend)",
                match="does not move")


@pytest.mark.parametrize(("constraint", "statement"), [
    ("ck_lot_not_overdrawn", "INSERT INTO lot_movement SELECT entry_id, id, 'loss', amount_minor + 1 FROM lot"),
    ("ck_lot_parts_positive", "INSERT INTO lot_movement SELECT entry_id, id, 'loss', -amount_minor FROM lot"),
    ("ck_lot_movement_amount", "INSERT INTO lot_movement SELECT entry_id, id, 'loss', 0 FROM lot"),
    ("ck_shortfall_amounts", "UPDATE shortfall SET covered_minor = amount_minor + 1"),
    ("ck_reservation_line_not_overspent", "UPDATE reservation_line SET spent_direct_minor = direct_minor + 1, "
     "spent_support_minor = (direct_minor + 1) * rate_bp / 10000"),
    ("ck_reservation_line_support_spent", "UPDATE reservation_line SET spent_support_minor = spent_support_minor + 1"),
    ("ck_reservation_line_support_released",
     "UPDATE reservation_line SET released_support_minor = released_support_minor + 1"),
    ("ck_reservation_line_parts_positive", "UPDATE reservation_line SET spent_direct_minor = -1, "
     "spent_support_minor = 0"),
    ("ck_spend_return_has_entry", "UPDATE spend SET state = 'returned'"),
    ("ck_held_receipt_leaves_once", "UPDATE held_receipt SET accepted_minor = gross_minor, refunded_minor = 1"),
    ("ck_held_receipt_parts_positive", "UPDATE held_receipt SET refunded_minor = -1"),
])
def test_constraints_by_name(full_books, constraint, statement):
    refused(statement, match=constraint)


@pytest.mark.real_database
def test_verify_finds_what_a_superuser_did(full_books_committed):
    """With the triggers gone anything can be written: verify says what."""
    assert faults() == []
    db.session.remove()
    with db.engine.begin() as connection:
        if sqlite():
            for name in ("account_moves_by_posting", "leg_joins_unposted", "account_no_renumber"):
                connection.exec_driver_sql(f"DROP TRIGGER {name}")
        else:
            connection.exec_driver_sql("ALTER TABLE account DISABLE TRIGGER account_moves_by_posting")
            connection.exec_driver_sql("ALTER TABLE leg DISABLE TRIGGER leg_joins_unposted")
            connection.exec_driver_sql("ALTER TABLE lot DISABLE TRIGGER lot_moves_by_movement")
            connection.exec_driver_sql("ALTER TABLE account_month DISABLE TRIGGER account_month_by_posting")
        connection.exec_driver_sql("UPDATE account SET debits_posted = debits_posted + 100 WHERE code = 'bank'")
        entry_id = connection.execute(sa.select(Entry.id).where(Entry.key == "in")).scalar_one()
        connection.execute(new_leg(entry_id, 9, account_id("suspense"), "C", 1))
        connection.exec_driver_sql("UPDATE lot SET reserved_minor = 0, spent_minor = spent_minor + 1")
        connection.exec_driver_sql("UPDATE account_month SET legs = legs + 1")
    found = " / ".join(faults())
    for words in ("account bank: totals differ", f"entry {entry_id.hex if sqlite() else entry_id} does not balance",
                  "account suspense: totals differ", "differs from its movements", "pool general: its lots",
                  "differs from its legs",
                  "trigger account_moves_by_posting is missing", "trigger leg_joins_unposted is missing"):
        assert words in found, found


@pytest.fixture
def full_books_committed(app, request):
    pool = open_pool("general", "General")
    receive(pool, Intake(10_000), source=source(), key="in", actor=TESTS)
    reserve(("award", uuid.uuid4()), [pool], 3_000, key="r", actor=TESTS)


@pytest.mark.real_database
def test_ledger_is_written_under_read_committed(app):
    """An older snapshot would not see the posting that closed an entry."""
    open_pool("general", "General")
    if sqlite():
        assert db.session.execute(sa.text("PRAGMA journal_mode")).scalar_one() == "wal"  # one writer at a time
        return
    engine = db.engine.execution_options(isolation_level="REPEATABLE READ")
    made, entry = new_entry()
    with pytest.raises(DatabaseError, match="READ COMMITTED"), engine.begin() as connection:
        connection.execute(entry)
        connection.execute(new_leg(made, 0, account_id("bank"), "D", 5))
