"""Two workers as they are installed, PostgreSQL killed and started again under them, then the leader killed: nothing
twice, nothing lost. For `make soak` (some two minutes), which names this file; `make test` plays its parts in
test_schedule.py."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from benchmarks.databases import Databases
from core import clock
from core.db import command, db, insert_into, new_id
from core.settings import ROOT
from tests.support.award_story import AwardStory
from tests.support.people import Maker
from tests.support.soak import count, note

MAILS = count("MAILS", 1500)


class Outside:
    """The database as somebody beside the application sees it, also while it is down."""

    def __init__(self, url: str) -> None:
        self._engine = sa.create_engine(url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")

    def ask(self, words: str) -> Any:
        try:
            with self._engine.connect() as connection:
                return connection.execute(sa.text(words)).scalar()
        except sa.exc.DBAPIError:
            return None

    def until(self, words: str, enough: Callable[[Any], bool], seconds: float) -> float:
        """Seconds until the answer is enough."""
        start = time.monotonic()
        while time.monotonic() - start < seconds:
            if enough(self.ask(words)):
                return time.monotonic() - start
            time.sleep(0.2)
        raise AssertionError(f"not within {seconds} seconds: {words}")


SENT = "SELECT count(*) FROM outbox_mail WHERE sent_at IS NOT NULL"
HOLDER = "SELECT holder FROM scheduler_lease WHERE expires_epoch > extract(epoch FROM clock_timestamp())"


@command
def _post(number: int) -> None:
    db.session.execute(insert_into(_outbox()).values([
        {"id": new_id(), "kind": "soak", "to_address": "a@b.example", "subject": f"Mail {n}", "body": "b",
         "created_at": clock.real_now(), "due_at": clock.real_now(), "attempts": 0, "dedupe_key": f"soak:{n}"}
        for n in range(number)]))


def _outbox() -> Any:
    from core.outbox import OutboxMail

    return OutboxMail


def _restart(server: Any) -> None:
    """As after a crash: no connection is closed, nothing is written out."""
    lock = Path(server.pgdata) / "postmaster.pid"
    os.kill(int(lock.read_text().split()[0]), signal.SIGQUIT)  # PostgreSQL's "immediate"
    for _ in range(300):
        if not lock.exists():
            break
        time.sleep(0.1)
    for attempt in range(12):
        try:
            server.ensure_postgres_running()
            return
        except (subprocess.SubprocessError, AssertionError):  # it goes through its log; the library waits ten seconds
            if attempt == 11:
                raise
            time.sleep(5)


@pytest.mark.timeout(0)
def test_the_database_starts_anew_and_then_the_leader_dies() -> None:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:  # the server's own user must reach it
        play(Path(folder))


def play(folder: Path) -> None:
    made = Databases("PostgreSQL", folder)
    app = made.app()
    settings = app.extensions["placard_settings"]
    app.config.update(WTF_CSRF_ENABLED=False, SERVER_NAME=None)
    workers: list[subprocess.Popen[bytes]] = []
    try:
        with app.app_context():
            with clock.moved_to(clock.real_now() - timedelta(days=20)):
                story = AwardStory(Maker(app), states=20, recommended=10, money=100_000_000)
                awards = story.decide()
                for award in awards[:10]:
                    story.offer(award)
            _post(MAILS)
            mails = db.session.scalar(sa.select(sa.func.count()).select_from(_outbox()))
            db.session.remove()
            db.engine.dispose()
            outside = Outside(settings.database_url)
            environ = {**os.environ, "PLACARD_ENV": "test", "DATABASE_URL": settings.database_url,
                       "SIMULATOR_PORT": "1", "INSTANCE_DIR": str(settings.instance_dir)}
            for n in range(2):
                workers.append(subprocess.Popen(
                    [sys.executable, "-m", "flask", "--app", "app", "worker"], cwd=ROOT, env=environ,
                    stdout=subprocess.DEVNULL, stderr=open(folder / f"worker{n}.log", "wb")))
            outside.until(SENT, lambda n: n is not None and n > MAILS // 10, 180)
            _restart(made._server)
            before = outside.ask(SENT)
            again = outside.until(SENT, lambda n: n is not None and n > before + MAILS // 10, 120)
            held = outside.ask(HOLDER)
            leader = next(w for w in workers if f":{w.pid}:" in held)
            leader.send_signal(signal.SIGKILL)
            leader.wait()
            workers.remove(leader)
            took = outside.until(HOLDER, lambda holder: holder not in (None, held), 60)
            outside.until("SELECT count(*) FROM outbox_mail WHERE sent_at IS NULL", lambda n: n == 0, 600)
            assert took < 30, took
            assert outside.ask("SELECT count(*) FROM event WHERE tag = 'awards.award.lapse'") == 10
            assert outside.ask("SELECT count(*) FROM event WHERE tag = 'awards.award.promote'") == 10
            total = outside.ask("SELECT count(*) FROM outbox_mail")
            assert total == mails + 10, "and a mail for each offer that lapsed"
            assert len(list(settings.mailbox_dir.glob("*.eml"))) == total
            assert story.verify() == []
            note(f"{total} mails, 10 offers; at work again {again:.0f} s after the database, {took:.0f} s after the "
                 "leader's death")
            db.session.remove()
            db.engine.dispose()
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
        made.close()
