"""Final submissions of applications: a steady stream against two web processes on PostgreSQL, and how many a second in
all beside a bare Flask view.

The stream: so many a minute, each a file of 1 MB (the stamped note verbale) and then the button of the check page, at
the instants of a timetable whether or not the ones before have been answered; one in twenty is pressed twice at once,
on both processes. Times run from the instant planned, so that nothing hides behind a slow answer. Afterwards the
database is asked: each application sent once, one receipt, one file.

The pace: four at a time, one after the other; a bare Flask view under the same server and with as many processes is
asked by the same client in turns. Submissions alone stand beside Indico's registration post, which carries no file
either; measured so (peer figures: 2 workers, 4 connections, client and server on the same 2 cores), it made 30 a second
where a bare Flask route on two workers made 6,400: 0.47 %. With the file before each it is a figure of its own.

Sizes: BENCH_MINUTES (2), BENCH_PER_MINUTE (500), BENCH_PACE (400, of each kind).
"""

from __future__ import annotations

import itertools
import os
import queue
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

from sqlalchemy import func, select

from benchmarks.applicants import Ticket, prepare
from benchmarks.databases import Databases
from benchmarks.web_processes import Webs, Wire, get, post
from core.db import db

INDICO_SHARE = 30 / 6400
TIMES = 10  # of Indico's share, at least
P95 = 1.0  # seconds
FILE = 1024 * 1024
TWICE = 20  # one in so many is pressed twice
CONNECTIONS = 16
WARM = 20  # submissions, with files, before anything is measured
TURNS = 4


@dataclass(frozen=True)
class Done:
    """One submission as the client saw it: seconds from the instant planned to the file's answer and to the last, and
    what was answered wrongly."""

    file: float
    whole: float
    fault: str


@dataclass(frozen=True)
class Turn:
    """A turn of the pace: works a second, requests to the bare view a second, and seconds of the web processes'
    processors for one work and one request."""

    rate: float
    ceiling: float
    cost: float
    floor: float

    @property
    def share(self) -> float:
        return self.rate / self.ceiling


@dataclass
class Measured:
    """All that is printed."""

    done: list[Done]
    faults: list[str]
    per_minute: int
    paces: dict[str, list[Turn]] = field(default_factory=dict)


# --- what is sent -------------------------------------------------------------------------------------------------
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


def multipart(ticket: Ticket, content: bytes) -> tuple[bytes, str]:
    """(body, content type) of the form with the stamped note."""
    mark = b"benchmark" + ticket.id.hex.encode()
    head = b"".join(b'--%s\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (mark, name, value)
                    for name, value in ((b"csrf_token", ticket.token.encode()), (b"covers", str(ticket.id).encode())))
    file = (b'--%s\r\nContent-Disposition: form-data; name="file"; filename="note.pdf"\r\n'
            b"Content-Type: application/pdf\r\n\r\n" % mark)
    return head + file + content + b"\r\n--%s--\r\n" % mark, f"multipart/form-data; boundary={mark.decode()}"


def _answer(wire: Wire, what: str, request: bytes) -> str:
    status = wire.ask(request)
    return "" if status == 303 else f"{what}: {status}"


def put_file(wire: Wire, ticket: Ticket, content: bytes) -> str:
    """Send the note verbale; what went wrong, or nothing."""
    body, kind = multipart(ticket, content)
    return _answer(wire, "file", post(f"/sponsorship/applications/{ticket.id}/note/", body, kind, ticket.cookie))


def submit(wire: Wire, ticket: Ticket, papers: int = 0) -> str:
    """Press the button of the check page, which shows the version after so many papers."""
    body = urlencode({"csrf_token": ticket.token, "version": ticket.version + papers}).encode()
    return _answer(wire, "submit", post(f"/sponsorship/applications/{ticket.id}/form/check", body,
                                        "application/x-www-form-urlencoded", ticket.cookie))


# --- the stream ---------------------------------------------------------------------------------------------------
def stream(ports: Sequence[int], tickets: Sequence[Ticket], per_minute: int, content: bytes) -> list[Done]:
    """Send each ticket at its instant, whatever has become of the others."""
    waiting: queue.SimpleQueue[tuple[int, float, Ticket] | None] = queue.SimpleQueue()
    done: list[Done] = []
    began = time.monotonic() + 1

    def work(n: int) -> None:
        wire, other = Wire(ports[n % len(ports)]), Wire(ports[(n + 1) % len(ports)])
        while (item := waiting.get()) is not None:
            number, at, ticket = item
            time.sleep(max(0.0, at - time.monotonic()))
            try:
                fault = put_file(wire, ticket, content)
                middle = time.monotonic()
                if number % TWICE == 0:  # a double click, to the other process
                    second = threading.Thread(target=submit, args=[other, ticket, 1])
                    second.start()
                    fault = fault or submit(wire, ticket, 1)
                    second.join()
                else:
                    fault = fault or submit(wire, ticket, 1)
            except OSError as error:
                fault, middle = f"connection: {error}", time.monotonic()
                wire, other = Wire(ports[n % len(ports)]), Wire(ports[(n + 1) % len(ports)])
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


def proof(sent: Sequence[Ticket], with_file: Sequence[Ticket]) -> list[str]:
    """What the database says: each sent once, with one receipt and one file. Faults, none when all is well."""
    from core.events import Event
    from core.files import StoredFile
    from core.outbox import OutboxMail
    from sponsorship.applications.models import Application
    from sponsorship.applications.paper_models import ApplicationPaper

    db.session.rollback()
    ids, filed = {ticket.id for ticket in sent}, {ticket.id for ticket in with_file}
    there = set(db.session.scalars(select(Application.id).where(Application.state == "submitted")))
    faults = [f"{len(ids - there)} lost"] if ids - there else []
    moves = dict(db.session.execute(
        select(Event.subject_id, func.count()).where(Event.tag == "applications.application.submit")
        .group_by(Event.subject_id)).tuples().all())
    if wrong := [key for key in ids if moves.get(key) != 1]:
        faults.append(f"{len(wrong)} not recorded exactly once")
    receipts = db.session.scalar(select(func.count()).select_from(OutboxMail).where(
        OutboxMail.kind == "applications.receipt"))
    if receipts != len(ids):
        faults.append(f"{receipts} receipts for {len(ids)} applications")
    papers = dict(db.session.execute(
        select(ApplicationPaper.application_id, func.count())
        .join(StoredFile, StoredFile.id == ApplicationPaper.file_id).where(StoredFile.size >= FILE // 2)
        .group_by(ApplicationPaper.application_id)).tuples().all())
    if papers != dict.fromkeys(filed, 1):
        faults.append(f"{len(papers)} applications with a file, {sum(papers.values())} files, for {len(filed)}")
    return faults


def quantile(values: Sequence[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


# --- the pace -----------------------------------------------------------------------------------------------------
Work = Callable[[Wire], str]


def closed_loop(webs: Webs, width: int, works: Sequence[Work]) -> tuple[float, float]:
    """Do the works, `width` at a time, each connection one after the other: (how many a second, seconds of the web
    processes' processors for each). Raises RuntimeError when one fails."""
    turns, faults = itertools.count(), []

    def work(n: int) -> None:
        wire = Wire(webs.ports[n % len(webs.ports)])
        while (turn := next(turns)) < len(works):
            if fault := works[turn](wire):
                faults.append(fault)

    workers = [threading.Thread(target=work, args=[n]) for n in range(width)]
    used, start = webs.processor(), time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    took, cost = time.perf_counter() - start, webs.processor() - used
    if faults:
        raise RuntimeError(f"{len(faults)} of {len(works)} failed: {faults[0]}")
    return len(works) / took, cost / len(works)


def pace(webs: Webs, bare: Webs, works: Sequence[Work]) -> list[Turn]:
    """The works in turns, each beside the bare view."""
    found, size, request = [], len(works) // TURNS, get("/")

    def ask(wire: Wire) -> str:
        return "" if wire.ask(request) == 200 else "bare"

    for turn in range(TURNS):
        rate, cost = closed_loop(webs, 4, works[turn * size:(turn + 1) * size])
        ceiling, floor = closed_loop(bare, 4, [ask] * max(size * 20, 2000))
        found.append(Turn(rate, ceiling, cost, floor))
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
        processes: list[Webs] = []
        try:
            measured = _measure(made, processes, count, per_minute, for_pace)
        finally:
            for webs in processes:
                webs.close()
            made.close()
    _print(measured)
    if measured.faults:
        sys.exit(1)


def _measure(made: Databases, processes: list[Webs], count: int, per_minute: int, for_pace: int) -> Measured:
    from benchmarks.databases import analyse

    app = made.app()
    settings = app.extensions["placard_settings"]
    environ = {"PLACARD_ENV": "test", "DATABASE_URL": settings.database_url, "SIMULATOR_PORT": "1",
               "INSTANCE_DIR": str(settings.instance_dir)}
    content = a_file()
    with app.app_context():
        began = time.monotonic()
        tickets = prepare(app, WARM + count + 2 * for_pace)
        db.session.remove()
        analyse()
        print(f"({len(tickets)} applications prepared in {time.monotonic() - began:.0f} s)\n", flush=True)
        for what in ("web", "bare"):
            processes.append(Webs(what, environ))
        webs, bare = processes
        warm, rest = tickets[:WARM], tickets[WARM:]
        stream(webs.ports, warm, 600, content)
        streamed, alone, filed = rest[:count], rest[count:count + for_pace], rest[count + for_pace:]
        measured = Measured(stream(webs.ports, streamed, per_minute, content), [], per_minute)
        if for_pace >= TURNS:
            measured.paces["alone"] = pace(webs, bare, [lambda wire, t=t: submit(wire, t) for t in alone])
            measured.paces["with its file"] = pace(webs, bare, [
                lambda wire, t=t: put_file(wire, t, content) or submit(wire, t, 1) for t in filed])
        size = for_pace // TURNS * TURNS  # what does not fill a turn is not sent
        paced = [*alone[:size], *filed[:size]] if measured.paces else []
        measured.faults += sorted({one.fault for one in measured.done if one.fault})
        measured.faults += proof([*warm, *streamed, *paced], [*warm, *streamed, *(filed[:size] if paced else [])])
        db.session.remove()
        db.engine.dispose()
    return measured


def _print(measured: Measured) -> None:
    done = measured.done
    whole, file = [one.whole for one in done], [one.file for one in done]
    last = [one.whole - one.file for one in done]
    p95 = quantile(whole, 0.95)
    print(f"Final submissions, {measured.per_minute} a minute, {len(done)} in all, a file of 1 MB each, two web "
          "processes, PostgreSQL\n")
    print("| from the instant planned | p50 s | p95 s | longest s |\n| --- | --- | --- | --- |")
    for label, values in (("file", file), ("submission", last), ("both", whole)):
        print(f"| {label} | {statistics.median(values):.3f} | {quantile(values, 0.95):.3f} | {max(values):.3f} |")
    print(f"\nNone lost or doubled: {'yes' if not measured.faults else 'NO: ' + '; '.join(measured.faults)}. "
          f"p95 under {P95:.0f} s: {'met' if p95 < P95 else 'NOT met'}.")
    if not measured.paces:
        return
    print("\n| submissions, 4 at a time | a second | bare Flask view | share | processor, ms | of the bare view, ms |\n"
          "| --- | --- | --- | --- | --- | --- |")
    for label, turns in measured.paces.items():
        for turn in turns:
            print(f"| {label} | {turn.rate:.1f} | {turn.ceiling:,.0f} | {turn.share:.2%} | {turn.cost * 1000:.1f} "
                  f"| {turn.floor * 1000:.2f} |")
    print()
    for label, turns in measured.paces.items():
        share = statistics.median(turn.share for turn in turns)
        verdict = ("" if label != "alone" else f" At least {TIMES} times: "
                   f"{'met' if share >= TIMES * INDICO_SHARE else 'NOT met'}.")
        print(f"Submissions {label}: {share:.2%} of the bare view, {share / INDICO_SHARE:.1f} times the share of "
              f"Indico's registration post ({INDICO_SHARE:.2%}).{verdict}")
