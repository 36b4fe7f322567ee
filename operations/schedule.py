"""What the schedule pages show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from core import clock, jobs
from core.db import db


@dataclass(frozen=True)
class JobRow:
    """One job as it stands."""

    name: str
    description: str
    every: int
    woke_at: datetime | None
    waiting: int


@dataclass(frozen=True)
class Waiting:
    """Something that will fall due."""

    job: str
    due: datetime
    word: str


def job_rows() -> list[JobRow]:
    """Every job with its last wake and the number of items due now (at most 1,000 are counted)."""
    ticks = dict(db.session.execute(select(jobs.JobTick.name, jobs.JobTick.woke_at)).all())
    now = clock.now()
    rows = []
    for job in jobs.JOBS.values():
        items = job.due(now, 1000)
        waiting = 0 if items and items[0][0] == jobs.SWEEP else len(items)
        rows.append(JobRow(job.name, str(job.description), job.every, ticks.get(job.name), waiting))
    return rows


def recent_runs(limit: int = 30) -> list[jobs.JobRun]:
    """The newest runs that had something to do."""
    return list(db.session.scalars(select(jobs.JobRun).order_by(jobs.JobRun.started_at.desc()).limit(limit)))


def next_day(hours: int = 24) -> list[Waiting]:
    """What the jobs would take on within `hours`, in order of time."""
    until = clock.now() + timedelta(hours=hours)
    found = [
        Waiting(job.name, due, word)
        for job in jobs.JOBS.values()
        for item, due, word in job.due(until, 500)
        if item != jobs.SWEEP
    ]
    return sorted(found, key=lambda w: w.due)
