"""The database is the queue; the scheduler is only the clock.

A job names what is due (`due`) and does one item (`perform`, its own transaction or transactions, idempotent: it
locks and looks again). What was missed while nothing ran is simply still due. Every job has a CLI twin and a run
record.
"""

from __future__ import annotations

import uuid
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
    """`every` seconds between wakes; `due(now, limit)` lists items, oldest first; `perform(item, now)` does one and
    returns a word. A job without items (`sweep`) does its whole work in `perform` under a fixed id.

    `together`, where there is one, does a whole batch in one transaction; what it leaves out of its answer, or all when
    it fails, is done item by item."""

    name: str
    description: Any
    every: int
    due: Callable[[datetime, int], Sequence[Due]]
    perform: Callable[[uuid.UUID, datetime], str]
    batch: int = 200
    together: Callable[[Sequence[uuid.UUID], datetime], dict[uuid.UUID, str]] | None = None


JOBS: dict[str, Job] = {}
SWEEP = uuid.UUID(int=0)


def register(job: Job) -> None:
    if job.name in JOBS and JOBS[job.name] is not job:
        raise ValueError(f"job {job.name} is registered twice")
    JOBS[job.name] = job


def sweep(name: str, description: Any, every: int, work: Callable[[datetime], str]) -> Job:
    """A job whose work is one step, due at every wake."""
    return Job(name, description, every, lambda now, limit: [(SWEEP, now, name)], lambda _id, now: work(now))


class JobRun(WithId, Base):
    """One run that had something to do, or failed. Real time, but `business_at` for what it took as now."""

    __tablename__ = "job_run"
    __table_args__ = (Index(None, "name", "started_at"),)
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
        with reading():
            items = [i for i in job.due(instant, job.batch + len(failed)) if i[0] not in failed]
            db.session.rollback()
        sweeping = bool(items) and items[0][0] == SWEEP
        if not woke:
            run_id, woke = _start(name, instant, bool(items) and not sweeping), True
        if not items:
            break
        before = len(results)
        at_once = _together(job, [item for item, _due, _word in items], instant)
        results += at_once.items()
        for item, _due, _word in items:
            if item in at_once:
                continue
            try:
                results.append((item, job.perform(item, instant)))
            except Exception as caught:
                db.session.rollback()
                failed.add(item)
                error = f"{type(caught).__name__}: {getattr(caught, 'code', '')}"[:120]
                log.error("job item failed", job=name, item=str(item), error=type(caught).__name__,
                          code=getattr(caught, "code", None), exc_info=True)
        if sweeping or len(results) == before or len(items) < job.batch:
            break
    if run_id is None and failed:
        run_id = _start(name, instant, True)
    if run_id is not None:
        _end(run_id, len(results), len(failed), error)
    return Outcome(len(results), len(failed), tuple(results))
