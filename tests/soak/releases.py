"""Two workers as they are installed make payments ready while two signatories release them; PostgreSQL is killed and
started again in the middle, and so are one worker and one signatory's process. Nothing twice, nothing lost. For `make
soak`, which names this file; `make test` kills each step of a release once (test_disbursements_kills.py)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from benchmarks.databases import Databases
from benchmarks.payments import _prove, prepare
from core.actor import person
from core.db import db
from core.errors import Busy, IllegalMove, RuleBroken, Stale
from core.settings import ROOT
from sponsorship.disbursements import release_service
from sponsorship.disbursements.models import Disbursement, PaymentInstruction
from tests.soak.restart import Outside, _restart
from tests.support.soak import count, note

PAYMENTS = count("PAYMENTS", 1000)
FILE = 25  # payments in a file
READY = "SELECT count(*) FROM event WHERE tag = 'disbursements.disbursement.make_ready'"
LEFT = "SELECT count(*) FROM payment_line"
OPEN = "SELECT count(*) FROM disbursement WHERE state IN ('approved', 'ready')"


def _sign(app: Any, signatory: uuid.UUID) -> None:
    """Release whatever is ready, file by file, until nothing is left; what fails is looked at anew."""
    with app.app_context():
        db.engine.dispose(close=False)
        while True:
            try:
                if db.session.execute(sa.text(OPEN)).scalar() == 0:
                    return
                versions = {row.id: row.version for row in db.session.execute(
                    sa.select(Disbursement.id, Disbursement.version).where(Disbursement.state == "ready")
                    .order_by(Disbursement.due_at, Disbursement.id).limit(FILE))}
                db.session.rollback()
                if versions:
                    release_service.release(versions, person(signatory))
                else:
                    time.sleep(0.2)
            except (DBAPIError, Busy, IllegalMove, RuleBroken, Stale):
                db.session.rollback()
                time.sleep(0.2)
            finally:
                db.session.remove()


def _fork(app: Any, signatory: uuid.UUID) -> int:
    child = os.fork()
    if child == 0:
        code = 7
        try:
            _sign(app, signatory)
            code = 0
        finally:
            os._exit(code)
    return child


@pytest.mark.timeout(0)
def test_the_database_starts_anew_in_the_middle_of_releasing() -> None:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:  # the server's own user must reach it
        play(Path(folder))


def _worker(folder: Path, settings: Any, n: int) -> subprocess.Popen[bytes]:
    environ = {**os.environ, "PLACARD_ENV": "test", "DATABASE_URL": settings.database_url, "SIMULATOR_PORT": "1",
               "INSTANCE_DIR": str(settings.instance_dir)}
    with (folder / f"worker{n}.log").open("wb") as log:
        return subprocess.Popen([sys.executable, "-m", "flask", "--app", "app", "worker"], cwd=ROOT, env=environ,
                                stdout=subprocess.DEVNULL, stderr=log)


def play(folder: Path) -> None:
    made = Databases("PostgreSQL", folder)
    app = made.app()
    settings = app.extensions["placard_settings"]
    workers: list[subprocess.Popen[bytes]] = []
    signing: list[int] = []
    try:
        with app.app_context():
            story = prepare(app, PAYMENTS // 4)
            signatories = [story.people["bank_signatory"].id, story.make.person("bank_signatory").id]
            db.session.commit()
            odd = set(story.verify())  # rows laid down by thousands skip what other rooms would have written
            db.session.remove()
            db.engine.dispose()
            outside = Outside(settings.database_url)
            workers = [_worker(folder, settings, n) for n in range(2)]
            signing = [_fork(app, signatory) for signatory in signatories]
            outside.until(LEFT, lambda n: n is not None and n >= PAYMENTS // 5, 600)
            _restart(made._server)
            left = outside.ask(LEFT)
            again = outside.until(LEFT, lambda n: n is not None and n > left, 300)
            outside.until(LEFT, lambda n: n is not None and n >= PAYMENTS // 2, 600)
            killed = signing.pop(0)
            os.kill(killed, signal.SIGKILL)
            os.waitpid(killed, 0)
            workers[0].send_signal(signal.SIGKILL)
            workers.pop(0).wait()
            signing.append(_fork(app, signatories[0]))
            outside.until(OPEN, lambda n: n == 0, 1200)
            while signing:
                assert os.waitstatus_to_exitcode(os.waitpid(signing.pop(), 0)[1]) == 0
            assert outside.ask(READY) == PAYMENTS, "each was made ready once"
            files = list(db.session.scalars(sa.select(PaymentInstruction.id)))
            assert _prove(files, PAYMENTS) == PAYMENTS
            assert outside.ask("SELECT count(*) FROM approval WHERE step = 'disbursement.released'") == PAYMENTS
            assert outside.ask("SELECT count(*) FROM spend") == PAYMENTS
            assert set(story.verify()) <= odd
            note(f"{PAYMENTS} payments in {len(files)} files, {left} of them before the database died; releasing again "
                 f"{again:.0f} s after it")
            db.session.remove()
            db.engine.dispose()
    finally:
        for child in signing:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        for worker in workers:
            worker.kill()
            worker.wait()
        made.close()
