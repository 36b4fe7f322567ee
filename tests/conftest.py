"""Fixtures. Most tests run in one transaction that is rolled back; `real_database` gives a copy of its own."""

from __future__ import annotations

import gc
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import sqlalchemy as sa
from flask_migrate import stamp

os.environ["PLACARD_ENV"] = "test"

from app import create_app
from core import db as database
from core.db import Base, PlacardSession, db
from core.outbox import MailboxTransport
from core.settings import Settings
from sponsorship.gateways.stripe_gateway import StripeGateway
from tests.simulator.report import pytest_terminal_summary as pytest_terminal_summary
from tests.support.databases import KIND, Databases, postgres_url
from tests.support.pages import PageClient
from tests.support.speaking import _speaking_app as _speaking_app
from tests.support.speaking import catalogues as catalogues
from tests.support.speaking import speaking as speaking

# how long an example takes says what else the machine does
hypothesis.settings.register_profile("suite", deadline=None)
hypothesis.settings.load_profile("suite")

STATEMENTS = 5_000  # kept compiled: a suite sends more different ones than an application does in an hour
_WRITES = re.compile(r"\s*(INSERT|UPDATE|DELETE|TRUNCATE)\b", re.IGNORECASE)


def pytest_configure(config: pytest.Config) -> None:
    """One server for all workers, started before there are any: several that start it at once get into each other's
    way on a machine where it has never run."""
    if KIND == "postgresql" and not hasattr(config, "workerinput"):
        os.environ["TEST_DATABASE_URL"] = postgres_url()


def pytest_collection_finish() -> None:
    _leave_alone()


def _leave_alone() -> None:
    """What stands now stands until the end, thousands of tests and all modules: the garbage collector, which would go
    through it again and again, passes it over from here on, and looks at what is new less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


@sa.event.listens_for(sa.Engine, "before_cursor_execute")
def _get_may_not_write(_c: Any, _cur: Any, statement: str, *_rest: Any) -> None:
    if database.mode() == "read" and _WRITES.match(statement):
        raise AssertionError(f"a reading request writes: {statement[:120]}")


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Databases]:
    made = Databases(tmp_path_factory.mktemp("databases"), worker_id)
    yield made
    made.close()


def _settings(url: str, folder: Path, **more: str) -> Settings:
    return Settings.from_environ({
        "PLACARD_ENV": "test", "DATABASE_URL": url, "INSTANCE_DIR": str(folder), "PUBLIC_URL": "http://placard.test",
        "SIMULATOR_PORT": os.environ.get("SIMULATOR_PORT", "1"), **more,
    })


def _make_app(url: str, folder: Path, translations: Path | None = None, **overrides: Any) -> Any:
    app = create_app(_settings(url, folder, **({"TRANSLATIONS_DIR": str(translations)} if translations else {})))
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False, PROPAGATE_EXCEPTIONS=False, SERVER_NAME=None,
                      FUND_FRESH_SECONDS=0, **overrides)
    app.test_client_class = PageClient
    # hashes take a quarter of a second of CPU each, else; test_passwords_are_argon2 looks at the true ones
    security = app.extensions["security"]
    security.pwd_context = security.pwd_context.copy(
        argon2__time_cost=1, argon2__memory_cost=64, argon2__parallelism=1)
    with app.app_context():
        db.engine._compiled_cache.capacity = STATEMENTS
    security.hashing_context = security.hashing_context.copy(sha256_crypt__rounds=1_000)
    return app


@pytest.fixture(scope="session")
def _real_app(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The application that `moved_to` takes to copies of the template, which it makes; nobody works in the template
    itself."""
    app = _make_app(databases.create(databases.template), tmp_path_factory.mktemp("real"))
    from tests.support.rooms import load_rooms

    load_rooms()
    with app.app_context():
        Base.metadata.create_all(db.engine)  # tests/integration/test_schema.py proves that migrations make the same
        stamp()
        db.session.remove()
        db.engine.dispose()
    _leave_alone()
    return app


@pytest.fixture(scope="session")
def _rolled_app(_real_app: Any, databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The application whose database is rolled back after every test."""
    name, url = databases.copy()
    app = _make_app(url, tmp_path_factory.mktemp("instance"))
    yield app
    with app.app_context():
        db.engine.dispose()
    databases.done_with(name)


_ENGINES: dict[int, Any] = {}  # by application


def _engine_for(app: Any, url: str) -> Any:
    """The one engine of an application that moves, on this database from here on: a new engine would compile every
    statement again, which takes longer than sending them."""
    engine = _ENGINES.get(id(app))
    if engine is None:
        options: dict[str, Any] = {"url": url, "hide_parameters": True, "query_cache_size": STATEMENTS}
        db._apply_driver_defaults(options, app)
        engine = _ENGINES[id(app)] = db._make_engine(None, options, app)

        @sa.event.listens_for(engine, "do_connect")
        def connect(dialect: Any, _record: Any, _args: Any, _named: Any) -> Any:
            args, named = dialect.create_connect_args(engine.url)
            return dialect.connect(*args, **named)

    engine.url = sa.make_url(url)
    return engine


@contextmanager
def moved_to(app: Any, url: str, folder: Path, **more: str) -> Iterator[Any]:
    """The application with another database, folder and secrets (and `more` of its environment), in its context: making
    a new one for each test would take longer than most tests."""
    extensions, config, settings = dict(app.extensions), dict(app.config), _settings(url, folder, **more)
    app.extensions.update(placard_settings=settings, placard_stripe=StripeGateway(settings),
                          placard_mail=MailboxTransport(settings.mailbox_dir))
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    with app.app_context():
        db._app_engines[app][None] = _engine_for(app, url)
        try:
            yield app
        finally:
            db.session.remove()
            db.engine.dispose()
            app.extensions.clear()
            app.extensions.update(extensions)
            app.config.clear()
            app.config.update(config)


@pytest.fixture(scope="session")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The worker's Stripe simulator; tests take it by the fixture `shop` of tests/support/shop.py."""
    from tests.support.shop import Street

    made = Street(tmp_path_factory.mktemp("stripe"))
    yield made
    made.close()


@pytest.fixture
def app(request: pytest.FixtureRequest, databases: Databases, tmp_path: Path) -> Iterator[Any]:
    """The application inside an application context. With the marker `real_database` it has a database copy of its
    own and commits for real; else everything is rolled back at the end."""
    if request.node.get_closest_marker("real_database"):
        real_app = request.getfixturevalue("_real_app")
        name, url = databases.copy()
        with moved_to(real_app, url, tmp_path) as app:
            yield app
        databases.done_with(name)
        return
    rolled_app = request.getfixturevalue("_rolled_app")
    with rolled_app.app_context():
        connection = db.engine.connect()
        transaction = connection.begin()
        PlacardSession.held_connection = connection
        db.session.remove()
        db.session.configure(join_transaction_mode="create_savepoint")
        try:
            yield rolled_app
        finally:
            db.session.remove()
            PlacardSession.held_connection = None
            db.session.remove()
            db.session.configure(join_transaction_mode="conditional_savepoint")
            transaction.rollback()
            connection.close()


@pytest.fixture
def db_session(app: Any) -> Any:
    return db.session


@pytest.fixture
def client(app: Any) -> PageClient:
    """A visitor."""
    made: PageClient = app.test_client()
    return made


@pytest.fixture
def as_person(app: Any) -> Any:
    """`as_person(person)` is a client signed in as that person, who has just shown the second factor where the roles
    need one (`fresh=False`: who has not)."""

    def sign_in(person: Any, fresh: bool = True) -> PageClient:
        client: PageClient = app.test_client()
        db.session.commit()
        from tests.support.people import put_session, show_factor

        with client.session_transaction() as session:
            put_session(session, person)
            if fresh:
                show_factor(session, person)
        return client

    return sign_in


@pytest.fixture
def make(app: Any) -> Any:
    """Makes people, States and meetings through the rooms' own commands."""
    from tests.support.people import Maker

    return Maker(app)


@pytest.fixture
def queries(app: Any) -> Iterator[list[str]]:
    """Every statement sent while the test runs, savepoints left out."""
    seen: list[str] = []

    def note(_c: Any, _cur: Any, statement: str, *_rest: Any) -> None:
        if "SAVEPOINT" not in statement and not statement.startswith(("PRAGMA", "BEGIN")):
            seen.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    yield seen
    sa.event.remove(sa.Engine, "before_cursor_execute", note)


@pytest.fixture(scope="session")
def worker_id(request: pytest.FixtureRequest) -> str:
    return getattr(request.config, "workerinput", {}).get("workerid", "main")
