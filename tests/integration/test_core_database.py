"""Commands, modes, append-only tables, instants and integers, as the database holds them."""

import threading
import uuid
from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, StatementError

from core import clock, events
from core import db as database
from core.actor import PUBLIC
from core.db import command, db, reading
from core.errors import Busy
from core.events import Event
from core.marks import DatabaseMark
from core.references import next_reference


def _mark(name, value="x"):
    db.session.add(DatabaseMark(name=name, value=value))


@pytest.mark.real_database
def test_a_command_commits_once_and_all_or_nothing(app):
    @command
    def inner():
        _mark("inner")

    @command
    def outer(fail):
        _mark("outer")
        inner()
        if fail:
            raise RuntimeError("after both")

    with pytest.raises(RuntimeError):
        outer(True)
    assert db.session.scalar(sa.select(sa.func.count()).select_from(DatabaseMark)) == 0
    db.session.rollback()
    outer(False)
    db.session.remove()
    assert set(db.session.scalars(sa.select(DatabaseMark.name))) == {"inner", "outer"}


@pytest.mark.real_database
def test_a_busy_database_is_tried_three_times(app):
    tries = []

    @command
    def busy():
        tries.append(1)
        raise OperationalError("x", {}, Exception("database is locked"))

    with pytest.raises(Busy):
        busy()
    assert len(tries) == 3


@pytest.mark.real_database
def test_a_connection_that_was_cut_while_it_rested_is_replaced(app, monkeypatch):
    if db.engine.dialect.name != "postgresql":
        pytest.skip("SQLite has no server")
    monkeypatch.setattr(database, "RESTED", 0.0)
    ours = db.session.scalar(sa.text("SELECT pg_backend_pid()"))
    db.session.remove()
    other = sa.create_engine(db.engine.url, poolclass=sa.NullPool)
    with other.connect() as connection:
        connection.execute(sa.text("SELECT pg_terminate_backend(:ours, 5000)"), {"ours": ours})
    other.dispose()
    assert db.session.scalar(sa.text("SELECT pg_backend_pid()")) != ours


@pytest.mark.real_database
def test_reading_transactions_cannot_write(app):
    db.session.rollback()
    with reading():
        with pytest.raises((DBAPIError, AssertionError)):
            db.session.execute(sa.text("INSERT INTO database_mark (name, value) VALUES ('a', 'b')"))
        db.session.rollback()
        with pytest.raises(RuntimeError):
            command(lambda: None)()


@pytest.mark.real_database
def test_the_database_itself_refuses_a_write_while_reading(app):
    """Underneath the test's own tripwire: the engine's mode."""
    db.session.rollback()
    with reading():
        raw = db.engine.connect()
        raw.begin()
        cursor = raw.connection.cursor()
        with pytest.raises(Exception, match="(?i)readonly|read-only"):
            cursor.execute("INSERT INTO database_mark (name, value) VALUES ('a', 'b')")
        raw.close()


def test_a_get_that_writes_fails(app):
    app.view_functions.setdefault("probe_write", None)
    with app.test_request_context("/"):
        token = database.set_mode("read")
        try:
            with pytest.raises(AssertionError, match="reading request writes"):
                db.session.execute(sa.text("INSERT INTO database_mark (name, value) VALUES ('a', 'b')"))
        finally:
            database.reset_mode(token)
            db.session.rollback()


def test_instants_are_aware_and_exact(app):
    probe = datetime(2027, 3, 28, 2, 30, 0, 123456, tzinfo=timezone(timedelta(hours=-5)))
    run_id = uuid.uuid4()
    db.session.execute(sa.text("SELECT 1"))
    from core.jobs import JobRun

    db.session.add(JobRun(id=run_id, name="probe", started_at=probe, business_at=probe))
    db.session.flush()
    db.session.expire_all()
    found = db.session.get(JobRun, run_id)
    assert found.started_at == probe and found.started_at.utcoffset() == timedelta(0)
    with pytest.raises(StatementError, match="time zone"):
        db.session.add(JobRun(name="naive", started_at=datetime(2027, 1, 1), business_at=probe))
        db.session.flush()


@pytest.mark.real_database
@pytest.mark.parametrize("statement", [
    "UPDATE event SET tag = 'forged'",
    "DELETE FROM event",
])
def test_events_cannot_be_changed(app, statement):
    command(lambda: events.record(PUBLIC, "core.probe.made", "probe", uuid.uuid4()))()
    with pytest.raises(DBAPIError, match="append-only"):
        db.session.execute(sa.text(statement))
    db.session.rollback()


@pytest.mark.real_database
def test_events_cannot_be_replaced_or_truncated(app):
    command(lambda: events.record(PUBLIC, "core.probe.made", "probe", uuid.uuid4()))()
    event_id = db.session.execute(sa.text("SELECT id FROM event")).scalar_one()
    if db.engine.dialect.name == "sqlite":
        statement = f"INSERT OR REPLACE INTO event SELECT * FROM event WHERE id = '{event_id}'"
    else:
        statement = "TRUNCATE event CASCADE"
    with pytest.raises(DBAPIError, match="append-only"):
        db.session.execute(sa.text(statement))
    db.session.rollback()


@pytest.mark.real_database
def test_the_chain_proves_and_betrays(app):
    for n in range(5):
        command(lambda n=n: events.record(
            PUBLIC, "core.probe.made", "probe", uuid.uuid4(), data={"n": n}, text=f"words {n}"))()
    assert events.seal() == 5
    assert events.seal() == 0
    checked, faults = events.proof_of_chain()
    assert (checked, faults) == (5, [])
    # erasing words leaves the chain valid
    db.session.execute(sa.delete(events.EventText).where(events.EventText.text == "words 1"))
    db.session.commit()
    assert events.proof_of_chain() == (5, [])
    # somebody with the database's own password forges a row past the triggers
    for name in ("event_no_update",):
        db.session.execute(sa.text(f"DROP TRIGGER {name}" + (
            " ON event" if db.engine.dialect.name == "postgresql" else "")))
    db.session.execute(sa.text("UPDATE event SET reason = 'forged' WHERE id = (SELECT min(CAST(id AS text)) FROM event)"
                               if db.engine.dialect.name == "sqlite" else
                               "UPDATE event SET reason = 'forged' WHERE id = (SELECT min(id::text)::uuid FROM event)"))
    db.session.commit()
    db.session.expire_all()
    checked, faults = events.proof_of_chain()
    assert len(faults) == 1 and "does not prove" in faults[0]
    from core.ddl import missing_triggers

    assert missing_triggers(db.session.connection()) == ["event_no_update"]


def test_events_refuse_personal_data(app):
    for data in ({"mail": "a@b.example"}, {"x": "y" * 200}, {"x": 1.5}, {"x": {"deep": 1}}, {"x": "two\nlines"}):
        with pytest.raises(ValueError):
            events.record(PUBLIC, "core.probe.made", "probe", uuid.uuid4(), data=data)


def test_an_old_unsealed_event_is_a_fault(app):
    old = clock.real_now() - timedelta(minutes=6)
    db.session.add(Event(occurred_at=old, recorded_at=old, actor="public", tag="core.probe.made",
                         subject_type="probe", subject_id=uuid.uuid4(), data={}))
    db.session.flush()
    _checked, faults = events.proof_of_chain()
    assert any("5 minutes" in f for f in faults)


@pytest.mark.real_database
def test_references_have_no_gaps_and_no_doubles(app):
    numbers = []
    lock = threading.Lock()

    def take():
        with app.app_context():
            for _ in range(10):
                reference = command(lambda: next_reference("TST", 2027))()
                with lock:
                    numbers.append(reference)

    threads = [threading.Thread(target=take) for _ in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert sorted(numbers) == [f"TST-2027-{n:04d}" for n in range(1, 41)]


def test_minor_units_are_integers_in_the_database_too(app):
    tables = [t for t in database.Base.metadata.tables.values()
              if any(isinstance(c.type, database.MinorUnits) for c in t.columns)]
    assert tables, "the rooms hold money"
    if db.engine.dialect.name == "sqlite":
        for table in tables:
            names = {c.name for c in table.constraints if isinstance(c, sa.CheckConstraint)}
            for column in table.columns:
                if isinstance(column.type, database.MinorUnits):
                    assert any(str(n).endswith(f"{column.name}_is_integer") for n in names), f"{table}.{column.name}"


def test_a_mark_of_kind_never_changes(app):
    from core import marks

    marks.write("kind", "test")
    with pytest.raises(ValueError):
        marks.write("kind", "production")
    with pytest.raises(IntegrityError):
        db.session.execute(sa.text("INSERT INTO database_mark (name, value) VALUES ('kind', 'production')"))


def test_business_clock_moves_and_real_clock_does_not():
    instant = datetime(2030, 1, 1, tzinfo=UTC)
    with clock.moved_to(instant):
        assert clock.now() == instant
        assert clock.real_now() < instant
    assert clock.now() < instant
