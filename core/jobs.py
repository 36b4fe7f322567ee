"""The database is the queue; the scheduler is only the clock.

A job names what is due (`due`) and does one item (`perform`, its own transaction or transactions, idempotent: it
locks and looks again). What was missed while nothing ran is simply still due, and is caught up in the order in which
it fell due, across all jobs (`catch_up`). Every job has a CLI twin and a run record.
"""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from core import clock
from core.db import Base, WithId, command, db, insert_into, reading

log = structlog.get_logger("placard.jobs")
Due = tuple[uuid.UUID, datetime, str]  # item, the instant it fell due, a word for people (no personal data)


@dataclass(frozen=True)
class Job:
    """`every` seconds between wakes; `due(now, limit)` lists items, oldest first, with the instant at which each fell
    (or will fall) due: it answers for a `now` that lies ahead, too. `perform(item, now)` does one and returns a word.
    A job without items (`sweep`) does its whole work in `perform` under a fixed id.

    `together`, where there is one, does a whole batch in one transaction; what it leaves out of its answer, or all when
    it fails, is done item by item.

    `leads_to` names the jobs for which doing an item may make something due at once: a call that opened late may have
    to close as well.
    """

    name: str
    description: Any
    every: int
    due: Callable[[datetime, int], Sequence[Due]]
    perform: Callable[[uuid.UUID, datetime], str]
    batch: int = 200
    together: Callable[[Sequence[uuid.UUID], datetime], dict[uuid.UUID, str]] | None = None
    leads_to: tuple[str, ...] = ()
    sweeping: bool = False


JOBS: dict[str, Job] = {}
SWEEP = uuid.UUID(int=0)


def register(job: Job) -> None:
    if job.name in JOBS and JOBS[job.name] is not job:
        raise ValueError(f"job {job.name} is registered twice")
    JOBS[job.name] = job


def sweep(name: str, description: Any, every: int, work: Callable[[datetime], str]) -> Job:
    """A job whose work is one step, due at every wake."""
    return Job(name, description, every, lambda now, limit: [(SWEEP, now, name)], lambda _id, now: work(now),
               sweeping=True)


class JobRun(WithId, Base):
    """One run that had something to do, or failed. Real time, but `business_at` for what it took as now."""

    __tablename__ = "job_run"
    __table_args__ = (Index(None, "name", "started_at"), Index(None, "started_at"))
    name: Mapped[str] = mapped_column(String(60))
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    business_at: Mapped[datetime]
    done: Mapped[int] = mapped_column(default=0)
    failed: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None] = mapped_column(String(120))


class JobTick(Base):
    """Last wake of each job, whether or not there was work: what health and the schedule page show."""

    __tablename__ = "job_tick"
    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    woke_at: Mapped[datetime]


@dataclass(frozen=True)
class Outcome:
    """What a run did."""

    done: int
    failed: int
    results: tuple[tuple[uuid.UUID, str], ...]


def preview(name: str, now: datetime, limit: int = 1000) -> Sequence[Due]:
    """What a run at `now` would take on. Reads only."""
    with reading():
        try:
            return list(JOBS[name].due(now, limit))
        finally:
            db.session.rollback()


@command
def _start(name: str, now: datetime, work: bool) -> uuid.UUID | None:
    started = clock.real_now()
    db.session.execute(  # of two that wake at once, perhaps for the first time, neither may fail
        insert_into(JobTick).values(name=name, woke_at=started)
        .on_conflict_do_update(index_elements=["name"], set_={"woke_at": started}))
    if not work:
        return None
    run = JobRun(name=name, started_at=started, business_at=now)
    db.session.add(run)
    db.session.flush()
    return run.id


@command
def _end(run_id: uuid.UUID, done: int, failed: int, error: str | None) -> None:
    run = db.session.get_one(JobRun, run_id)
    run.ended_at, run.done, run.failed, run.error = clock.real_now(), done, failed, error


def _together(job: Job, items: Sequence[uuid.UUID], now: datetime) -> dict[uuid.UUID, str]:
    """What of a batch was done in one transaction: nothing when there is but one item, or when it fails as a whole."""
    if job.together is None or len(items) < 2:
        return {}
    try:
        return job.together(items, now)
    except Exception as caught:
        db.session.rollback()
        log.warning("job batch failed, its items follow one by one", job=job.name, error=type(caught).__name__,
                    code=getattr(caught, "code", None))
        return {}


def _due(job: Job, instant: datetime, limit: int) -> list[Due]:
    with reading():
        try:
            return list(job.due(instant, limit))
        finally:
            db.session.rollback()


def _do(job: Job, item: uuid.UUID, instant: datetime) -> tuple[str, str | None]:
    """(what was done, None), or ("", what failed): one that fails is logged and does not stop the rest."""
    try:
        return job.perform(item, instant), None
    except Exception as caught:
        db.session.rollback()
        log.error("job item failed", job=job.name, item=str(item), error=type(caught).__name__,
                  code=getattr(caught, "code", None), exc_info=True)
        return "", f"{type(caught).__name__}: {getattr(caught, 'code', '')}"[:120]


def run(name: str, now: datetime | None = None) -> Outcome:
    """Run a job once: every due item, in batches, each by itself; one that fails is logged and does not stop the
    rest (nor is it tried twice in one run)."""
    job = JOBS[name]
    instant = now or clock.now()
    results: list[tuple[uuid.UUID, str]] = []
    failed: set[uuid.UUID] = set()
    error: str | None = None
    run_id: uuid.UUID | None = None
    woke = False
    while True:
        items = [i for i in _due(job, instant, job.batch + len(failed)) if i[0] not in failed]
        if not woke:
            run_id, woke = _start(name, instant, bool(items) and not job.sweeping), True
        if not items:
            break
        before = len(results)
        at_once = _together(job, [item for item, _due, _word in items], instant)
        results += at_once.items()
        for item, _at, _word in items:
            if item in at_once:
                continue
            word, problem = _do(job, item, instant)
            if problem is None:
                results.append((item, word))
            else:
                failed.add(item)
                error = problem
        if job.sweeping or len(results) == before or len(items) < job.batch:
            break
    if run_id is None and failed:
        run_id = _start(name, instant, True)
    if run_id is not None:
        _end(run_id, len(results), len(failed), error)
    return Outcome(len(results), len(failed), tuple(results))


class _Line:
    """What waits of one job while everything is caught up: oldest first, each item once, with the record of the run."""

    def __init__(self, job: Job, instant: datetime) -> None:
        self.job, self.instant = job, instant
        self.waiting: deque[Due] = deque()
        self.seen: set[uuid.UUID] = set()
        self.run_id: uuid.UUID | None = None
        self.done = self.failed = 0
        self.error: str | None = None
        self.look()
        if not self.waiting:
            _start(job.name, instant, False)

    def look(self) -> None:
        """Ask the job again, for more than fitted or for what has come up since."""
        limit = self.job.batch + self.failed
        self.waiting = deque(found for found in _due(self.job, self.instant, limit) if found[0] not in self.seen)

    def do_first(self) -> tuple[str, uuid.UUID, str]:
        item, _at, _word = self.waiting.popleft()
        self.seen.add(item)
        self.run_id = self.run_id or _start(self.job.name, self.instant, True)
        word, problem = _do(self.job, item, self.instant)
        self.done, self.failed = self.done + (problem is None), self.failed + (problem is not None)
        self.error = problem or self.error
        if not self.waiting:
            self.look()
        return self.job.name, item, word


def catch_up(now: datetime | None = None, go_on: Callable[[], bool] = lambda: True) -> list[tuple[str, uuid.UUID, str]]:
    """Do everything that is due, of all jobs with items, in the order of the instants at which it fell due; what fell
    due together, in the order in which the jobs are registered. (job, item, word) in the order in which it was done.

    A scheduler does this when it begins to lead: a reminder that was missed comes before the escalation that was
    missed, an offer lapses before what fell due after it. Sweeps have no items and wait for their turn. `go_on` is
    asked before each item.
    """
    instant = now or clock.now()
    lines = {job.name: _Line(job, instant) for job in JOBS.values() if not job.sweeping}
    done: list[tuple[str, uuid.UUID, str]] = []
    while go_on() and (waiting := [line for line in lines.values() if line.waiting]):
        first = min(waiting, key=lambda line: line.waiting[0][1])  # the earliest registered among equals
        done.append(first.do_first())
        for name in first.job.leads_to:
            lines[name].look()
    for line in lines.values():
        if line.run_id is not None:
            _end(line.run_id, line.done, line.failed, line.error)
    return done
