"""Revision 0003 on books in use: what was on record stands, and the new release goes on from there."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections import Counter
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from flask_migrate import downgrade, upgrade

from accounts import recovery_codes
from accounts.factor_models import RecoveryCode, SecondFactor, SecondFactorProof
from accounts.models import Person
from core import clock, vault, verify
from core.actor import person, system
from core.db import db
from core.money import usd
from core.settings import ROOT
from migrations import rebuild
from migrations.rebuild import Change, Rebuild, Refused
from sponsorship.contributions import donor_checks, movements, refund_settling, refunds, service
from sponsorship.contributions.back_models import Refund
from sponsorship.contributions.models import Contribution, Pledge
from sponsorship.gateways import movements as gateway_movements
from sponsorship.gateways.money_models import MovementEntry, StripeMovement
from sponsorship.gateways.stripe_facts import RefundFacts
from sponsorship.gateways.stripe_money_facts import MovementFacts
from sponsorship.ledger import service as ledger
from sponsorship.ledger.chart import account_id
from sponsorship.ledger.models import Account, Entry, HeldReceipt, Leg, LotMovement, Pool, Shortfall
from sponsorship.transparency import statements
from tests.conftest import moved_to
from tests.integration.test_schema import schema
from tests.support import old_books
from tests.support.people import put_session
from tests.support.rates import put_rates

FEES = "fees:unearmarked"
# in one worker, which makes the old books once
pytestmark = [pytest.mark.real_database, pytest.mark.xdist_group("migration")]
STRIPE = system("stripe-inbox")
LOST, WAITS = 31_093, 7_804  # fees of the four payments that are gone, and of the three that wait again
# tables whose rows change; every other table has the same rows before and after
CHANGED = {"account", "agreement", "alembic_version", "contribution", "disbursement", "entry", "held_receipt", "leg",
           "lot", "pledge", "posting", "receipt", "refund"}
HEAD = "0005"  # the books go on to the present schema


@pytest.fixture(scope="session")
def application(_real_app):
    """`application(url, folder)`: the application on this database, at the instant at which the old books were left."""

    @contextmanager
    def at(url, folder):
        with moved_to(_real_app, url, folder, DATA_KEYS=old_books.DATA_KEYS) as app, \
                clock.moved_to(old_books.AS_OF):
            yield app

    return at


def _template(application, databases, folder, name, *, head):
    """A database to copy: nobody may have it open, and SQLite's log must be in its file."""
    with application(databases.create(name), folder):
        old_books.make()
        before = old_books.rows(), old_books.balances()
        if head:
            migrate()
        db.session.remove()  # a reader would hold the checkpoint up
        if databases.kind == "sqlite":
            with db.engine.connect() as connection:
                connection.connection.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return name, before


@pytest.fixture(scope="module")
def templates(application, databases, tmp_path_factory):
    """The old books, before and after."""
    folder = tmp_path_factory.mktemp("old")
    made = {head: _template(application, databases, folder, f"placard_old_{uuid.uuid4().hex[:12]}", head=head)
            for head in (False, True)}
    yield made
    for name, _before in made.values():
        databases.drop(name)


@pytest.fixture
def before(templates):
    """(rows, balances) of the old books, to change at will."""
    return tuple(dict(part) for part in templates[True][1])


def _copied(application, databases, template, folder, monkeypatch):
    monkeypatch.setattr(clock, "real_now", lambda: old_books.AS_OF)  # so that nothing open grows overdue
    name, url = databases.copy(template)
    with application(url, folder) as app:
        yield app
    databases.done_with(name)


@pytest.fixture
def old(application, databases, templates, tmp_path, monkeypatch):
    """The old books."""
    yield from _copied(application, databases, templates[False][0], tmp_path, monkeypatch)


@pytest.fixture
def migrated(application, databases, templates, tmp_path, monkeypatch):
    """The old books after the upgrade."""
    yield from _copied(application, databases, templates[True][0], tmp_path, monkeypatch)


@pytest.fixture
def empty(application, databases, tmp_path):
    """A database with nothing in it."""
    name = f"placard_old_{uuid.uuid4().hex[:12]}"
    with application(databases.create(name), tmp_path) as app:
        yield app
    databases.done_with(name)


def faults():
    db.session.commit()
    found = [f"{finding.name}: {fault}" for finding in verify.run_all() for fault in finding.faults]
    db.session.commit()
    return found


def snapshot():
    """Every row and every rule of the database."""
    rows = old_books.rows()
    db.session.remove()
    return rows, schema(db.engine)


def migrate():
    db.session.remove()  # it holds the one writer's lock on SQLite
    upgrade()


# --- what was on record stands ----------------------------------------------------------------------------------
def _like(rows, old):
    """The rows as the old release would have told them."""
    columns = sorted(old[0]) if old else []
    return Counter(repr([row[column] for column in columns]) for row in rows)


def test_the_books_go_over_whole(migrated, before):
    before, balances = before
    assert faults() == []
    after = old_books.rows()
    codes = rebuild.Schema("sqlite", HEAD).lookups
    for table in before.keys() - CHANGED - {"lot_charge"}:
        assert _like(before[table], before[table]) <= _like(after[table], before[table]), table
        assert table in codes or len(after[table]) == len(before[table]), table
    assert "lot_charge" not in after
    assert {r["version_num"] for r in after["alembic_version"]} == {HEAD}

    # refunds under way left suspense, fees wait with their money or the general pool bears them; nothing else moved
    due = sum(r["amount_minor"] for r in before["refund"] if r["state"] in ("created", "pending"))
    assert (due, balances.pop("fees_lost")) == (356_000, LOST + WAITS)
    balances["suspense"] += due
    balances["refunds_due"] = -due
    balances["suspense_fees"] += WAITS
    balances["fees:unearmarked"] += LOST
    balances["available:unearmarked"] += LOST
    balances["appropriated:unearmarked"] -= LOST
    assert old_books.balances() == balances

    # every old entry stands with its legs and its posting; new ones are the migration's
    for table, key in (("entry", "id"), ("leg", "entry_id"), ("posting", "entry_id")):
        old_ids = {r["id"] for r in before["entry"]}
        stands = _like([r for r in after[table] if r[key] in old_ids], before[table])
        assert stands == _like(before[table], before[table])
    new = [r for r in after["entry"] if r["id"] not in {o["id"] for o in before["entry"]}]
    assert {r["actor"] for r in new} == {"system:migration"}
    assert Counter(r["kind"] for r in new) == {
        "refund.restated": 4 + 7, "refund.hold": 8, "refund.paid": 4, "fee.lost": 4}


def _without(row, *columns):
    return {name: value for name, value in row.items() if name not in columns}


def test_columns_of_the_old_release_stand_in_the_new_rows(migrated, before):
    before, _balances = before
    after = old_books.rows()
    by_id = {table: {r["id"]: r for r in after[table]} for table in CHANGED if "id" in after[table][0]}
    may_differ = {"pledge": ("state",), "receipt": ("gross_minor",), "held_receipt": ("refunded_minor",),
                  "account": ("debits_posted", "credits_posted", "moved_by"), "lot": ("charged_minor",),
                  "disbursement": ("act_by",)}
    for table in CHANGED - {"alembic_version", "leg", "posting"}:
        for row in before[table]:
            if table == "held_receipt" and row["source_type"] == "refund":
                assert row["id"] not in by_id[table]
                continue
            wanted = _without(row, *may_differ.get(table, ()))
            assert {name: by_id[table][row["id"]][name] for name in wanted} == wanted, table
    for row in after["disbursement"]:  # nobody acts on a final share before the claim is settled
        old = next(r for r in before["disbursement"] if r["id"] == row["id"])
        assert row["act_by"] == (None if (row["kind"], row["state"]) == ("final", "draft") else old["act_by"])
    receipts = [(r["number"], r["gross_minor"], r["contribution_id"]) for r in before["receipt"]]
    assert [(r["number"], r["amount_minor"], r["cause_id"]) for r in after["receipt"]] == receipts
    assert all(r["usd_minor"] == r["amount_minor"] and r["cause_type"] == "contribution" for r in after["receipt"])


def test_pledges_say_what_their_payments_did(migrated):
    pledges = db.session.query(Pledge).all()
    states = Counter(p.state for p in pledges)
    assert states == {"announced": 3, "agreed": 2, "cancelled": 2, "paid": 18, "returned": 2}
    assert all(p.agreement_id for p in pledges if p.state == "agreed")
    twice = {(p.state, p.paid_minor // p.amount_minor, p.returned_minor // p.amount_minor)
             for p in pledges if p.paid_minor > p.amount_minor}
    assert twice == {("paid", 2, 1), ("paid", 2, 0)}  # paid twice, and one of the two may have gone back
    earmarks = {p.id: p.earmark for p in db.session.query(Pool)}
    assert all(p.earmark == earmarks.get(p.pool_id) for p in pledges)
    assert all((p.schedule, p.next_due_on, p.reminders) == (1, None, 0) for p in pledges)
    giver = next(p for p in pledges if p.organisation_id is None)
    assert vault.unseal(giver.id, giver.donor_email_sealed).endswith("@demo.example")


def test_lots_know_what_every_entry_did(migrated):
    """The sums are proved by verify; here, that support costs of a return follow the cumulative rule, entry by entry,
    as the legs say, and that fees stand with the lot that paid them."""
    parts = Counter(db.session.scalars(sa.select(LotMovement.part)))
    assert parts.keys() == {"reserved", "direct", "support", "fee"}
    support = db.session.execute(sa.text(
        "SELECT e.id, sum(CASE l.side WHEN 'D' THEN l.usd_minor ELSE -l.usd_minor END) AS legs, "
        "(SELECT coalesce(sum(m.amount_minor), 0) FROM lot_movement m WHERE m.entry_id = e.id AND m.part = 'support') "
        "AS moved FROM entry e JOIN leg l ON l.entry_id = e.id JOIN account a ON a.id = l.account_id "
        "WHERE a.kind = 'spent_support' GROUP BY e.id")).all()
    assert len(support) > 20 and all(row.legs == row.moved for row in support)
    assert any(row.legs < 0 for row in support)
    releases = db.session.scalars(sa.select(Entry.subject_id).where(Entry.kind == "release")).all()
    assert max(Counter(releases).values()) == 2  # one reservation released twice, and two of one subject


def test_shortfalls_know_their_cause(migrated):
    rows = db.session.query(Shortfall).order_by(Shortfall.entry_id).all()
    assert [(r.amount_minor, r.covered_minor) for r in rows] == [(1_500, 1_500), (700, 700), (1_234, 0), (321, 0)]
    assert {(r.source_type, r.becomes) for r in rows} == {("example", "fees")}


def test_lost_fees_beyond_free_money_are_a_shortfall(old):
    """The general pool has no more than 100 dollars free: it bears what it can, payments from it stop for the rest."""
    old_books.load("""UPDATE pool SET earmark = '{"sex": ["male"]}' WHERE earmark IS NULL;
                   UPDATE pool SET earmark = NULL WHERE code = 'example-short';""")
    db.session.remove()
    with db.engine.begin() as connection:  # the old release's own triggers post it
        _deposit_as_before(connection, "example-short", 10_000)
    migrate()
    assert [fault for fault in faults() if not fault.startswith("awards.earmarks")] == []
    pool_id = db.session.scalar(sa.select(Pool.id).where(Pool.code == "example-short"))
    lost = db.session.query(Shortfall).filter_by(source_type="contribution").all()
    assert sum(r.amount_minor for r in lost) == LOST - 10_000
    assert {r.pool_id for r in lost} == {pool_id} and {r.becomes for r in lost} == {"fees"}
    assert old_books.balances()["shortfall:example-short"] == 1_234 + 321 + LOST - 10_000
    ledger.receive(pool_id, ledger.Intake(1_000_00), source=("test", uuid.uuid4()), key="more", actor=STRIPE)
    assert len(ledger.cover_shortfall(pool_id, key="cover", actor=STRIPE)) == 2 + len(lost)
    assert [fault for fault in faults() if not fault.startswith("awards.earmarks")] == []


def _deposit_as_before(connection, code, amount):
    pool_id = connection.execute(sa.text("SELECT id FROM pool WHERE code = :code").columns(id=sa.Uuid()),
                                 {"code": code}).scalar_one()
    entry, at = uuid.uuid4().hex, "2026-11-01T00:00:00.000000Z"
    legs = ", ".join(
        f"('{entry}', {n}, '{account.hex}', '{side}', {amount}, {amount}, 'USD')" for n, (account, side) in enumerate((
            (account_id("bank"), "D"), (account_id("received", pool_id), "C"),
            (account_id("appropriated", pool_id), "D"), (account_id("available", pool_id), "C"))))
    for statement in (
        "INSERT INTO entry (id, kind, key, occurred_at, recorded_at, actor, subject_type, subject_id) "
        f"VALUES ('{entry}', 'deposit', 'late', '{at}', '{at}', 'system:tests', 'test', '{entry}')",
        "INSERT INTO leg (entry_id, n, account_id, side, usd_minor, original_minor, original_currency) "
        f"VALUES {legs}",
        f"INSERT INTO posting (entry_id, posted_at) VALUES ('{entry}', '{at}')",
        "INSERT INTO lot (id, key, pool_id, source_type, source_id, deposited_at, rate_bp, entry_id, amount_minor, "
        f"reserved_minor, spent_minor, charged_minor) VALUES ('{entry}', 'late', '{pool_id.hex}', 'test', '{entry}', "
        f"'{at}', 1300, '{entry}', {amount}, 0, 0, 0)",
    ):
        connection.exec_driver_sql(statement)


# --- the new release goes on from there -------------------------------------------------------------------------
def _refunds(state, **values):
    return db.session.query(Refund).filter_by(state=state, **values).order_by(Refund.id).all()


def _officer(role):
    return person(db.session.scalar(
        sa.text("SELECT person_id FROM membership WHERE role = :role").columns(person_id=sa.Uuid()), {"role": role}))


def _news(refund, status):
    facts = RefundFacts(refund.stripe_refund_id or f"re_{refund.id}", status, usd(refund.amount_minor), None,
                        {"placard_refund": refund.idempotency_key}, settled=usd(refund.amount_minor),
                        returned=usd(refund.amount_minor) if status == "failed" else None)
    news = refund_settling.settle_refund(facts, STRIPE)
    assert news.problem == "" and not news.waiting
    return db.session.get(Contribution, refund.contribution_id)


def test_refunds_under_way_end_as_new_ones_do(migrated):
    under_way = _refunds("created") + _refunds("pending")
    assert len(under_way) == 4
    for refund in under_way[:2]:
        assert _news(refund, "succeeded").state == "refunded"
    for refund in under_way[2:]:
        assert _news(refund, "failed").state == "refund_due"
    assert faults() == []


def test_refunds_paid_long_ago_may_still_come_back(migrated):
    paid = _refunds("succeeded")
    assert len(paid) == 4
    contributions = [refund.contribution_id for refund in paid]
    before = old_books.balances()
    for refund in paid:
        assert _news(refund, "failed").state == "refund_due"
    assert faults() == []
    now = old_books.balances()
    assert now["suspense_fees"] - before["suspense_fees"] == LOST == before[FEES] - now[FEES]
    for contribution in contributions:  # and again they go back, and their fees with them
        again = db.session.get(Refund, refunds.send_again(contribution, _officer("head_of_fund")))
        assert _news(again, "succeeded").state == "refunded"
    assert old_books.balances() == before
    assert faults() == []


def test_a_refund_that_had_come_back_waits_and_is_sent_again(migrated):
    waiting = [c for c in db.session.query(Contribution).filter_by(state="refund_due")
               if not any(r.state in ("created", "pending") for r in
                          db.session.query(Refund).filter_by(contribution_id=c.id))]
    assert len(waiting) == 3  # failed before it was paid; came back; came back twice
    fees = old_books.balances()["suspense_fees"]
    for row in waiting:
        assert db.session.query(HeldReceipt.accepted_minor, HeldReceipt.refunded_minor).filter_by(
            source_type="contribution", source_id=row.id).one() == (0, 0)
        refund = db.session.get(Refund, refunds.send_again(row.id, _officer("head_of_fund")))
        assert _news(db.session.get(Refund, refund.id), "succeeded").state == "refunded"
    assert fees - old_books.balances()["suspense_fees"] == sum(row.fee_minor for row in waiting) > 0
    assert faults() == []


def test_money_that_waited_is_accepted(migrated):
    head, officer = _officer("head_of_fund"), _officer("fund_manager")
    for row in db.session.query(Contribution).filter_by(state="in_suspense").all():
        pledge = db.session.get(Pledge, row.pledge_id)
        if pledge.donor_kind != "state":
            donor_checks.record_check(pledge.id, "clear", "Register and statutes.", officer)
        service.accept(row.id, head, "Checked.", row.version)
    assert faults() == []


def test_acceptances_of_the_earlier_release_stand(migrated):
    """It asked no second person to check a donor: what it accepted is no fault, what is accepted since is."""
    old_books.load("UPDATE fund_setting SET value = '2026-11-24T00:00:00+00:00' WHERE name = 'donor_checks_after';")
    assert [fault.split(":")[0] for fault in faults()] == ["contributions.hands"]


def test_stripe_finds_its_movements_in_the_old_books(migrated):
    """Payments, refunds and what came back, when Stripe's balance is listed for the first time."""
    rows = []
    for refund in _refunds("succeeded") + _refunds("failed"):
        row = db.session.get(Contribution, refund.contribution_id)
        rows.append((row.stripe_charge_id, "charge", row.gross_minor, row.fee_minor))
        if refund.succeeded_at:
            rows.append((refund.stripe_refund_id, "refund", -refund.amount_minor, 0))
        if refund.returned_at:
            rows.append((refund.stripe_refund_id, "refund_failure", refund.amount_minor, 0))
    gateway_movements.keep([
        MovementFacts(f"txn_{n}", kind, kind, source, usd(amount), usd(fee), usd(amount - fee), old_books.AS_OF,
                      old_books.AS_OF)
        for n, (source, kind, amount, fee) in enumerate(dict.fromkeys(rows))])
    keys = db.session.scalars(sa.select(StripeMovement.id)).all()
    assert len(keys) == 22
    assert {movements.match(key) for key in keys} == {"matched"}
    left = db.session.scalars(
        sa.select(Entry.kind).join(Leg, Leg.entry_id == Entry.id).where(
            Leg.account_id == account_id("stripe_clearing"), Entry.id.not_in(sa.select(MovementEntry.entry_id))))
    assert set(left) == {"deposit", "suspense.deposit", "payout"}  # none that moved a refund
    assert faults() == []


def test_donors_and_the_public_read_the_old_books(migrated):
    """Statements together are what was accepted of donors with an account; the pages about it open."""
    donors = db.session.scalars(sa.select(Pledge.organisation_id).where(Pledge.organisation_id.is_not(None)).distinct())
    found = [statements.statement(donor, None, old_books.AS_OF.date()) for donor in donors]
    accepted = db.session.query(Contribution).join(Pledge, Pledge.id == Contribution.pledge_id).filter(
        Contribution.accepted_at.is_not(None), Pledge.organisation_id.is_not(None)).all()
    assert sum(s.total.received.minor for s in found) == sum(row.gross_minor for row in accepted) > 0
    assert sum(s.waiting.minor for s in found) == 300_000 + 200_000  # of those paid twice, under an agreement
    assert all(s.total.spent_direct.minor == sum(part.direct.minor for part in s.spending) for s in found)

    fees = db.session.query(Account).filter_by(code="fees_lost").one()
    refund = _refunds("failed")[0]
    migrated.config.update(TESTING=True)
    for role, address, words in (
        (None, "/fund/", "Fund"), ("auditor", f"/ledger/accounts/{fees.id}/", "Fees lost on refunds"),
        ("donor", "/donor/statement?year=all", "Statement"),
        ("head_of_fund", f"/contributions/refunds/{refund.id}/", "Refund"),
    ):
        reader = db.session.get(Person, _officer(role).person_id) if role else None
        db.session.commit()
        with migrated.app_context():  # one of its own each: who is signed in stays in it
            client = migrated.test_client()
            if reader is not None:
                with client.session_transaction() as session:
                    put_session(session, reader)
            page = client.get(address)
        assert (page.status_code, words in page.text) == (200, True), address


# --- all or nothing ---------------------------------------------------------------------------------------------
class Killed(Exception):
    pass


# before the triggers another test kills it; while posting it refuses where no pool can bear lost fees
FAILPOINTS = {"while copying": (Rebuild, "_copy", 40), "at the very end": (Rebuild, "prove_references", 1)}


@contextmanager
def failing(monkeypatch, where, act):
    owner, name, after = FAILPOINTS[where]
    true, calls = getattr(owner, name), [0]

    def count(*args, **kwargs):
        calls[0] += 1
        if calls[0] == after:
            act()
        return true(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, count)
        yield


def _die():
    raise Killed


def test_a_failure_half_way_leaves_everything_as_it_was(old, monkeypatch):
    before = snapshot()
    for where in FAILPOINTS:
        with failing(monkeypatch, where, _die), pytest.raises(Killed):
            migrate()
        assert snapshot() == before, where
        if db.engine.dialect.name == "sqlite":  # the connection goes on as every other
            with db.engine.connect() as connection:
                assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
                assert connection.exec_driver_sql("PRAGMA legacy_alter_table").scalar() == 0


KILLED = """
import os, signal
from app import create_app
from flask_migrate import upgrade
from migrations.rebuild import Rebuild
Rebuild.make_rules = lambda self: os.kill(os.getpid(), signal.SIGKILL)
with create_app().app_context():
    upgrade()
"""


def test_a_killed_migration_is_run_again(old, tmp_path):
    before = snapshot()
    url = db.engine.url.render_as_string(hide_password=False)
    db.engine.dispose()
    ended = subprocess.run(
        [sys.executable, "-c", KILLED], cwd=ROOT, timeout=120, check=False,
        env={**os.environ, "PLACARD_ENV": "test", "DATABASE_URL": url, "INSTANCE_DIR": str(tmp_path / "other")})
    assert ended.returncode == -9
    assert snapshot() == before
    migrate()
    assert faults() == []


def test_a_second_upgrade_does_nothing_and_the_way_back_is_a_backup(migrated, caplog):
    before = snapshot()
    migrate()
    assert snapshot() == before
    with pytest.raises(SystemExit):
        downgrade()
    assert "restore the backup" in caplog.text
    assert snapshot() == before


def test_an_empty_database(empty):
    upgrade(revision="0001")
    migrate()
    assert faults() == []
    lookups = rebuild.Schema("sqlite", HEAD).lookups
    assert {table for table, rows in old_books.rows().items() if rows} == lookups | {"alembic_version"}


def test_a_database_with_a_chart_and_rates_and_no_money(empty):
    """Only reference data: the new accounts are open, so that the first deposit can be booked; rates go over."""
    from sponsorship.ledger.deposits import Intake

    old_books.make(with_data=False)
    pool_id = uuid.uuid4()
    hexed = pool_id.hex
    old_books.load(
        f"INSERT INTO pool (id, code, name, is_demo) VALUES ('{hexed}', 'general', 'General', FALSE);" + "".join(
            f"INSERT INTO account (id, code, kind, book, pool_id, currency, side, guarded, debits_posted, "
            f"credits_posted) VALUES ('{account_id(kind, pool_id).hex}', '{kind}:general', '{kind}', '{book}', "
            f"'{hexed}', 'USD', '{side}', {guarded}, 0, 0);"
            for kind, book, side, guarded in (
                ("received", "P", "C", False), ("fees", "P", "D", False), ("spent_direct", "P", "D", True),
                ("spent_support", "P", "D", True), ("in_transit", "P", "C", True), ("shortfall", "P", "D", True),
                ("appropriated", "B", "D", True), ("available", "B", "C", True), ("reserved", "B", "C", True))))
    db.session.remove()
    upgrade(revision="0002")
    put_rates({"EUR": "0.92", "CHF": "0.88"}, old_books.AS_OF.date())
    before = old_books.rows()
    migrate()
    after = old_books.rows()
    assert len(after["exchange_rate"]) == 2
    for table in ("exchange_rate", "rate_import", "stored_file", "event"):
        assert after[table] == before[table], table
    assert faults() == []
    ledger.prepare_chart()
    ledger.receive(pool_id, Intake(1_000, 50), source=("test", uuid.uuid4()), key="first", actor=STRIPE)
    assert db.session.query(Account).filter_by(code="refunds_due").count() == 1
    assert faults() == []


def test_second_factors_go_over(empty):
    """Recovery codes become a person's; those of a device that ended, which were good no more, are void."""
    upgrade(revision="0004")
    who, gone, live = (uuid.uuid4().hex for _n in range(3))
    then, later = "2026-10-01T09:00:00.000000Z", "2026-10-02T09:00:00.000000Z"
    factor = ("INSERT INTO second_factor (id, person_id, secret_sealed, created_at, confirmed_at, last_step, ended_at, "
              "ending)")
    code = "INSERT INTO recovery_code (id, factor_id, digest, void_at, used_at)"
    old_books.load(f"""
        INSERT INTO person (id, email, active, fs_uniquifier, locale, created_at, is_demo)
            VALUES ('{who}', 'officer@fund.example', TRUE, 'one', 'en', '{then}', FALSE);
        {factor} VALUES ('{gone}', '{who}', 'sealed', '{then}', '{then}', 1, '{later}', 'replaced');
        {factor} VALUES ('{live}', '{who}', 'sealed', '{later}', '{later}', 2, NULL, NULL);
        {code} VALUES ('{uuid.uuid4().hex}', '{gone}', 'of a lost device', NULL, NULL);
        {code} VALUES ('{uuid.uuid4().hex}', '{live}', 'good', NULL, NULL);
        {code} VALUES ('{uuid.uuid4().hex}', '{live}', 'used', NULL, '{later}');
        INSERT INTO second_factor_proof (id, person_id, factor_id, way, at)
            VALUES ('{uuid.uuid4().hex}', '{who}', '{live}', 'recovery', '{later}');""")
    migrate()
    who = uuid.UUID(who)
    assert [(f.kind, f.ending) for f in db.session.query(SecondFactor).order_by(SecondFactor.created_at)] == [
        ("app", "replaced"), ("app", None)]
    assert {c.digest: c.void_at is None for c in db.session.query(RecoveryCode).filter_by(person_id=who)} == {
        "of a lost device": False, "good": True, "used": True}
    assert recovery_codes.codes_left(who) == 1
    assert str(db.session.query(SecondFactorProof).one().factor_id) == str(uuid.UUID(live))
    assert faults() == []


# --- refusals ---------------------------------------------------------------------------------------------------
def test_lost_fees_need_a_pool_that_bears_them(old, caplog):
    old_books.load("""UPDATE pool SET earmark = '{"sex": ["male"]}' WHERE earmark IS NULL;""")
    before = snapshot()
    with pytest.raises(SystemExit):
        migrate()
    assert "no pool can bear them" in caplog.text
    assert snapshot() == before


def test_books_that_do_not_verify_are_not_taken_over(old, caplog):
    old_books.load("UPDATE held_receipt SET refunded_minor = refunded_minor + 1 WHERE source_type = 'contribution' "
                   "AND accepted_minor = 0 AND refunded_minor = 0 AND source_id IN "
                   "(SELECT id FROM contribution WHERE state = 'in_suspense');")
    with pytest.raises(SystemExit):
        migrate()
    assert "run verify with the earlier release" in caplog.text


def test_a_row_that_points_to_nothing_is_found(old, caplog):
    old_books.load(f"UPDATE receipt SET contribution_id = '{uuid.uuid4().hex}' WHERE sequence = 1;")
    with pytest.raises((SystemExit, sa.exc.IntegrityError)):  # SQLite at the end, PostgreSQL while copying
        migrate()


@pytest.fixture
def planned():
    """A rebuild on nothing, to ask what it would copy."""
    return Rebuild(SimpleNamespace(dialect=SimpleNamespace(name="sqlite")), "0003", ("0001", "0002"))


def test_new_columns_with_a_default_or_null_need_no_word(planned):
    planned.new.columns["pool"] |= {"colour": True, "rank": False, "word": True, "shown": False}
    planned.defaults.setdefault("pool", {}).update(rank=7, word="it's", shown=True)
    assert planned._copy("pool", Change()) == (
        'INSERT INTO pool ("code", "name", "earmark", "is_demo", "id", "rank", "word", "shown") SELECT o."code", '
        'o."name", o."earmark", o."is_demo", o."id", 7, \'it\'\'s\', TRUE FROM old_pool AS o ORDER BY o.rowid')


def test_what_nobody_decided_is_refused(planned):
    planned.new.columns["pool"]["owner"] = False
    with pytest.raises(Refused, match=r"pool\.owner"):
        planned._copy("pool", Change())
    assert '"owner") SELECT' in planned._copy("pool", Change({"owner": "'x'"}))
    with pytest.raises(Refused, match=r"pool\.ownner"):
        planned._copy("pool", Change({"owner": "'x'", "ownner": "'x'"}))
    del planned.new.columns["pool"]["name"]
    with pytest.raises(Refused, match=r"pool\.name"):
        planned._copy("pool", Change({"owner": "'x'"}))
    with pytest.raises(Refused, match="lot_charge"):
        planned.copy({})
    with pytest.raises(Refused, match="polo"):
        planned.copy({"polo": Change()}, gone=("lot_charge",))


def test_what_an_operator_had_made_beside_our_tables(old):
    """A view goes on reading (SQLite) or stands in the way, by name (PostgreSQL); what was granted is granted again."""
    db.session.remove()
    with db.engine.begin() as connection:
        connection.exec_driver_sql("CREATE VIEW mine AS SELECT id, state FROM pledge")
    if db.engine.dialect.name == "sqlite":
        migrate()
        assert db.session.execute(sa.text("SELECT count(*) FROM mine WHERE state = 'agreed'")).scalar() == 2
        return
    role = f"reader_{uuid.uuid4().hex[:8]}"
    with db.engine.begin() as connection:
        for statement in (f"CREATE ROLE {role}", f"GRANT SELECT ON pledge TO {role} WITH GRANT OPTION",
                          "GRANT SELECT ON meeting TO PUBLIC"):
            connection.exec_driver_sql(statement)
    with pytest.raises(sa.exc.DBAPIError, match="mine"):
        migrate()
    with db.engine.begin() as connection:
        connection.exec_driver_sql("DROP VIEW mine")
    migrate()
    with db.engine.begin() as connection:
        for right, table, wanted in (("SELECT WITH GRANT OPTION", "pledge", True), ("SELECT", "meeting", True),
                                     ("SELECT", "person", False), ("INSERT", "pledge", False)):
            found = connection.exec_driver_sql(f"SELECT has_table_privilege('{role}', '{table}', '{right}')")
            assert found.scalar() is wanted, (right, table)
        assert not connection.exec_driver_sql(
            f"SELECT 1 FROM pg_namespace WHERE nspname = '{rebuild.ASIDE}'").first()
        connection.exec_driver_sql(f"DROP OWNED BY {role}")
        connection.exec_driver_sql(f"DROP ROLE {role}")
