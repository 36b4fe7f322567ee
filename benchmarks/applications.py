"""Final submissions of applications: a steady stream against two web processes on PostgreSQL, and how many a second in
all beside a bare Flask view.

The stream: so many a minute, each a file of 1 MB and then the button of the check page, at the instants of a timetable
whether or not the ones before have been answered; one in twenty is pressed twice at once. Times run from the instant
planned, so that nothing hides behind a slow answer. Afterwards the database is asked: each application sent once, one
receipt, one file.

The pace: submissions alone (no file), four at a time, one after the other; a bare Flask view under the same server is
asked by the same client. Indico's registration post, measured so (peer-figures, 2 workers, 4 connections), made 30 a
second where a bare Flask route on two workers made 6,400: 0.47 %.

Sizes: BENCH_MINUTES (2), BENCH_PER_MINUTE (500), BENCH_PACE (400).
"""

from __future__ import annotations

import http.client
import itertools
import os
import queue
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from flask import Flask
from sqlalchemy import func, select

from benchmarks.databases import Databases
from core import clock
from core.db import db
from core.settings import ROOT

INDICO_SHARE = 30 / 6400
TIMES = 10  # of Indico's share, at least
P95 = 1.0  # seconds
FILE = 1024 * 1024
TWICE = 20  # one in so many is pressed twice
CONNECTIONS = 16
NOTE = "/sponsorship/applications/{id}/note/"
STAND_IN = "/benchmark/file"


@dataclass(frozen=True)
class Ticket:
    """One application ready to be sent: who sends it, the version its check page shows."""

    id: uuid.UUID
    version: int
    cookie: str
    token: str


@dataclass(frozen=True)
class Done:
    """One submission as the client saw it: seconds from the instant planned to the file's answer and to the last, and
    what was answered wrongly."""

    file: float
    whole: float
    fault: str


# --- the web processes --------------------------------------------------------------------------------------------
def serve(port: int) -> None:
    """A web process: the application as `serve` starts it, without a scheduler (settings by environment)."""
    import waitress

    from app import create_app

    app = create_app()
    app.testing = False
    if not _takes_notes(app):
        _stand_in(app)
    print("ready", flush=True)
    waitress.serve(app, host="127.0.0.1", port=port, threads=8, ident=None, _quiet=True,
                   max_request_body_size=32 * 1024 * 1024)


def serve_bare(port: int) -> None:
    """The ceiling: a Flask application with one view."""
    import waitress

    app = Flask("bare")
    app.add_url_rule("/", view_func=lambda: "x" * 100)
    print("ready", flush=True)
    waitress.serve(app, host="127.0.0.1", port=port, threads=8, ident=None, _quiet=True)


def _takes_notes(app: Flask) -> bool:
    return any(rule.rule == "/sponsorship/applications/<uuid:id>/note/" for rule in app.url_map.iter_rules())


def _stand_in(app: Flask) -> None:
    """Where applications take no papers yet: the same checks and the same record of a file."""
    from flask import request

    from accounts.current import current_actor
    from core import files
    from core.db import command
    from core.web.access import needs

    @app.post(STAND_IN)
    @needs("application.write")
    def benchmark_file() -> tuple[str, int]:
        """Check, lay down, record."""
        checked = files.check_upload(request.files.get("file"), field="file")
        command(lambda: files.keep(checked, "benchmark", current_actor()).id)()
        return "", 303


class Webs:
    """Two web processes on one database."""

    def __init__(self, what: str, environ: dict[str, str], count: int = 2) -> None:
        self.ports, self._children = [], []
        for _ in range(count):
            port = _free_port()
            self.ports.append(port)
            self._children.append(subprocess.Popen(
                [sys.executable, "-m", "benchmarks.applications", what, str(port)], cwd=ROOT,
                env={**os.environ, **environ}, stdout=subprocess.PIPE, text=True))
        for child in self._children:
            assert child.stdout is not None
            while "ready" not in (line := child.stdout.readline()):
                if not line:
                    raise RuntimeError("a web process did not start")
            threading.Thread(target=child.stdout.read, daemon=True).start()
        for port in self.ports:
            _wait_for(port)

    def close(self) -> None:
        for child in self._children:
            child.terminate()
            child.wait(10)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("a web process does not listen")


# --- what is sent -------------------------------------------------------------------------------------------------
def prepare(app: Flask, count: int) -> list[Ticket]:
    """`count` States, each with a focal point and an application with nothing missing but the file, by the rooms' own
    commands."""
    from accounts.models import Person
    from core.actor import person
    from sponsorship.ledger.service import open_pool
    from tests.support.applications import Kit
    from tests.support.people import Maker

    make = Maker(app)
    today = clock.today()
    meeting = make.meeting(start_date=today + timedelta(days=150))
    room = Kit(make, make.actor("fund_manager"), make.actor("panel_member"), meeting, open_pool("bench", "Bench"))
    now = clock.now()
    call = room.call(opens_at=now, closes_at=now + timedelta(days=2), grace_until=now + timedelta(days=2),
                     decide_by=today + timedelta(days=20))
    db.session.commit()
    found = []
    for n in range(count):
        state = make.state(f"B{n:05d}")
        who: Person = make.person("focal_point", organisation=state)
        application = room.complete(call, f"B{n:05d}", actor=person(who.id))
        found.append(Ticket(application.id, application.version, *_session(app, who)))
        db.session.rollback()
    return found


def _session(app: Flask, who: Any) -> tuple[str, str]:
    """(cookie, token against forgery) as after signing in."""
    from flask import g, session
    from flask_wtf.csrf import generate_csrf

    from tests.support.people import put_session

    with app.test_request_context():
        g.pop("csrf_token", None)  # kept for the application context, which is one for all of them
        put_session(session, who)
        token = generate_csrf()
        serializer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
        return f"{app.config['SESSION_COOKIE_NAME']}={serializer.dumps(dict(session))}", token


def a_file() -> bytes:
    """A PDF of one empty page and 1 MB, whole from its first byte to its last."""
    parts, offsets = [b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"], []
    bodies = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
              b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>"]
    filler = b"\n".join([b"% " + b"x" * 120] * (FILE // 123)) + b"\n"
    for number, body in enumerate(bodies, 1):
        offsets.append(sum(map(len, parts)))
        parts.append(b"%d 0 obj\n%s\nendobj\n" % (number, body))
    parts.append(filler)
    at = sum(map(len, parts))
    rows = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    parts.append(b"xref\n0 4\n0000000000 65535 f \n" + rows + b"trailer\n<</Size 4/Root 1 0 R>>\nstartxref\n"
                 + b"%d\n%%%%EOF\n" % at)
    return b"".join(parts)


def _multipart(ticket: Ticket, content: bytes) -> tuple[bytes, str]:
    mark = b"benchmark" + ticket.id.hex.encode()
    head = b"".join(b'--%s\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (mark, name, value)
                    for name, value in ((b"csrf_token", ticket.token.encode()), (b"covers", str(ticket.id).encode())))
    file = (b'--%s\r\nContent-Disposition: form-data; name="file"; filename="note.pdf"\r\n'
            b"Content-Type: application/pdf\r\n\r\n" % mark)
    return head + file + content + b"\r\n--%s--\r\n" % mark, f"multipart/form-data; boundary={mark.decode()}"


class Client:
    """One connection to one web process, kept alive."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def post(self, path: str, body: bytes, kind: str, cookie: str) -> int:
        self._connection.request("POST", path, body, {"Content-Type": kind, "Cookie": cookie})
        answer = self._connection.getresponse()
        answer.read()
        return answer.status

    def get(self, path: str) -> int:
        self._connection.request("GET", path)
        answer = self._connection.getresponse()
        answer.read()
        return answer.status

    def put_file(self, ticket: Ticket, content: bytes, real: bool) -> str:
        body, kind = _multipart(ticket, content)
        status = self.post(NOTE.format(id=ticket.id) if real else STAND_IN, body, kind, ticket.cookie)
        return "" if status == 303 else f"file: {status}"

    def submit(self, ticket: Ticket) -> str:
        body = urlencode({"csrf_token": ticket.token, "version": ticket.version}).encode()
        status = self.post(f"/sponsorship/applications/{ticket.id}/form/check", body,
                           "application/x-www-form-urlencoded", ticket.cookie)
        return "" if status == 303 else f"submit: {status}"


# --- the stream ---------------------------------------------------------------------------------------------------
def stream(ports: Sequence[int], tickets: Sequence[Ticket], per_minute: int, content: bytes, real: bool) -> list[Done]:
    """Send each ticket at its instant, whatever has become of the others."""
    waiting: queue.SimpleQueue[tuple[int, float, Ticket] | None] = queue.SimpleQueue()
    done: list[Done] = []
    began = time.monotonic() + 1

    def work(n: int) -> None:
        client, other = Client(ports[n % len(ports)]), Client(ports[(n + 1) % len(ports)])
        while (item := waiting.get()) is not None:
            number, at, ticket = item
            time.sleep(max(0.0, at - time.monotonic()))
            fault = client.put_file(ticket, content, real)
            middle = time.monotonic()
            if number % TWICE == 0:  # a double click, to the other process
                second = threading.Thread(target=other.submit, args=[ticket])
                second.start()
                fault = fault or client.submit(ticket)
                second.join()
            else:
                fault = fault or client.submit(ticket)
            done.append(Done(middle - at, time.monotonic() - at, fault))

    for number, ticket in enumerate(tickets):
        waiting.put((number, began + number * 60 / per_minute, ticket))
    workers = [threading.Thread(target=work, args=[n]) for n in range(CONNECTIONS)]
    for worker in workers:
        waiting.put(None)  # each ends at one of these
        worker.start()
    for worker in workers:
        worker.join()
    return done


def proof(tickets: Sequence[Ticket], real: bool) -> list[str]:
    """What the database says: each sent once, with one receipt and one file. Faults, none when all is well."""
    from core.events import Event
    from core.files import StoredFile
    from core.outbox import OutboxMail
    from sponsorship.applications.models import Application

    db.session.rollback()
    ids = [ticket.id for ticket in tickets]
    faults = []
    sent = db.session.scalar(select(func.count()).select_from(Application).where(
        Application.id.in_(ids), Application.state == "submitted"))
    if sent != len(ids):
        faults.append(f"{len(ids) - (sent or 0)} lost")
    moves = dict(db.session.execute(
        select(Event.subject_id, func.count()).where(Event.tag == "applications.application.submit")
        .group_by(Event.subject_id)).all())
    if doubled := [key for key in ids if moves.get(key) != 1]:
        faults.append(f"{len(doubled)} not recorded exactly once")
    receipts = db.session.scalar(select(func.count()).select_from(OutboxMail).where(
        OutboxMail.kind == "applications.receipt"))
    if receipts != len(ids):
        faults.append(f"{receipts} receipts for {len(ids)} applications")
    files = db.session.scalar(select(func.count()).select_from(StoredFile).where(StoredFile.size >= FILE // 2))
    if files != len(ids):
        faults.append(f"{files} files for {len(ids)} applications")
    return faults


def quantile(values: Sequence[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


# --- the pace -----------------------------------------------------------------------------------------------------
def closed_loop(ports: Sequence[int], width: int, works: Sequence[Callable[[Client], str]]) -> tuple[float, list[str]]:
    """Do the works, `width` at a time, each connection one after the other: (how many a second, faults)."""
    turns, faults = itertools.count(), []

    def work(n: int) -> None:
        client = Client(ports[n % len(ports)])
        while (turn := next(turns)) < len(works):
            if fault := works[turn](client):
                faults.append(fault)

    workers = [threading.Thread(target=work, args=[n]) for n in range(width)]
    start = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return len(works) / (time.perf_counter() - start), faults


def pace(ports: Sequence[int], bare: Sequence[int], tickets: Sequence[Ticket]) -> list[tuple[float, float]]:
    """(submissions a second, requests to a bare view a second) in four turns, one after the other."""
    found = []
    size = len(tickets) // 4
    for turn in range(4):
        part = tickets[turn * size:(turn + 1) * size]
        ours, faults = closed_loop(ports, 4, [lambda client, t=t: client.submit(t) for t in part])
        if faults:
            raise RuntimeError(f"{len(faults)} submissions failed: {faults[0]}")
        ceiling, _none = closed_loop(bare, 4, [
            lambda client: "" if client.get("/") == 200 else "bare"] * max(size * 10, 1000))
        found.append((ours, ceiling))
    return found


# --- all of it ----------------------------------------------------------------------------------------------------
def main() -> None:
    """Print what stands in docs/benchmarks.md; exit status 1 when a submission was lost or doubled."""
    minutes = float(os.environ.get("BENCH_MINUTES", "2"))
    per_minute = int(os.environ.get("BENCH_PER_MINUTE", "500"))
    for_pace = int(os.environ.get("BENCH_PACE", "400"))
    count = int(minutes * per_minute)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        made = Databases("PostgreSQL", Path(folder))
        webs = bare = None
        try:
            app = made.app()
            settings = app.extensions["placard_settings"]
            environ = {"PLACARD_ENV": "test", "DATABASE_URL": settings.database_url, "SIMULATOR_PORT": "1",
                       "INSTANCE_DIR": str(settings.instance_dir)}
            with app.app_context():
                began = time.monotonic()
                tickets = prepare(app, count + for_pace)
                print(f"({len(tickets)} applications prepared in {time.monotonic() - began:.0f} s)\n", flush=True)
                real = _takes_notes(app)
                db.session.remove()
                webs, bare = Webs("web", environ), Webs("bare", environ)
                for port in webs.ports:
                    Client(port).get("/healthz")
                done = stream(webs.ports, tickets[:count], per_minute, a_file(), real)
                faults = sorted({one.fault for one in done if one.fault}) + proof(tickets[:count], real)
                rounds = pace(webs.ports, bare.ports, tickets[count:]) if for_pace >= 4 else []
                db.session.remove()
                db.engine.dispose()
        finally:
            for processes in (webs, bare):
                if processes is not None:
                    processes.close()
            made.close()
    _print(done, rounds, per_minute, real, faults)
    if faults:
        sys.exit(1)


def _print(done: Sequence[Done], rounds: Sequence[tuple[float, float]], per_minute: int, real: bool,
           faults: Sequence[str]) -> None:
    whole, file = [one.whole for one in done], [one.file for one in done]
    submit = [one.whole - one.file for one in done]
    p95 = quantile(whole, 0.95)
    print(f"Final submissions, {per_minute} a minute, {len(done)} in all, a file of 1 MB each "
          f"({'the stamped note verbale' if real else 'by a stand-in: applications take no papers yet'}), two web "
          "processes, PostgreSQL\n")
    print("| from the instant planned | p50 s | p95 s | longest s |\n| --- | --- | --- | --- |")
    for label, values in (("file", file), ("submission", submit), ("both", whole)):
        print(f"| {label} | {statistics.median(values):.3f} | {quantile(values, 0.95):.3f} | {max(values):.3f} |")
    print(f"\nNone lost or doubled: {'yes' if not faults else 'NO: ' + '; '.join(faults)}. "
          f"p95 under {P95:.0f} s: {'met' if p95 < P95 else 'NOT met'}.")
    if not rounds:
        return
    shares = [ours / ceiling for ours, ceiling in rounds]
    share = statistics.median(shares)
    print("\n| submissions a second, 4 at a time | bare Flask view | share |\n| --- | --- | --- |")
    for (ours, ceiling), part in zip(rounds, shares, strict=True):
        print(f"| {ours:.1f} | {ceiling:,.0f} | {part:.2%} |")
    print(f"\nIndico's registration post: {INDICO_SHARE:.2%} of its ceiling. Ours: {share:.2%}, "
          f"{share / INDICO_SHARE:.1f} times. At least {TIMES} times: "
          f"{'met' if share >= TIMES * INDICO_SHARE else 'NOT met'}.")


if __name__ == "__main__":
    {"web": serve, "bare": serve_bare}[sys.argv[1]](int(sys.argv[2]))
