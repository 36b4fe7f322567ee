"""What the schedule pages show."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from core import clock, jobs
from core.actor import Actor
from core.db import db
from operations.named import Named, named

MOST = 500  # items of one job that a page names; more are counted


@dataclass(frozen=True)
class JobRow:
    """One job as it stands. `oldest` is when the first of what waits fell due; `next_at` when it wakes next (real
    time; None before its first wake)."""

    name: str
    description: str
    every: int
    woke_at: datetime | None
    next_at: datetime | None
    waiting: int
    oldest: datetime | None
    sweeping: bool


@dataclass(frozen=True)
class Waiting:
    """Something that waits, or will fall due: what would be done, with what. `late` says that it waits already."""

    job: str
    description: str
    item: uuid.UUID
    due: datetime
    word: str
    late: bool
    thing: Named | None


@dataclass(frozen=True)
class Ahead:
    """What would happen until an instant: items in order of time, how many more there are than the page names (by
    job), and the sweeps with their next wake."""

    until: datetime
    items: Sequence[Waiting]
    more: Sequence[tuple[str, int]]
    sweeps: Sequence[JobRow]


def _ticks() -> dict[str, datetime]:
    return dict(db.session.execute(select(jobs.JobTick.name, jobs.JobTick.woke_at)).all())


def job_rows() -> list[JobRow]:
    """Every job with its last and next wake and the number of items due now (at most 1,000 are counted)."""
    ticks, now, rows = _ticks(), clock.now(), []
    for job in jobs.JOBS.values():
        items = () if job.sweeping else job.due(now, 1000)
        woke = ticks.get(job.name)
        rows.append(JobRow(job.name, str(job.description), job.every, woke,
                           woke + timedelta(seconds=job.every) if woke else None, len(items),
                           items[0][1] if items else None, job.sweeping))
    return rows


def recent_runs(limit: int = 30) -> list[jobs.JobRun]:
    """The newest runs that had something to do."""
    return list(db.session.scalars(select(jobs.JobRun).order_by(jobs.JobRun.started_at.desc()).limit(limit)))


def ahead(actor: Actor, hours: int = 24) -> Ahead:
    """What the jobs would take on from now until `hours` from now, if nobody acts. What is due now is asked for as
    well as what is due then: a reminder that goes out now is no longer due tomorrow, when what it reminds of is over.
    What follows from an item (the place of a lapsed offer goes to another) is not foretold."""
    now = clock.now()
    until = now + timedelta(hours=hours)
    found: dict[tuple[str, uuid.UUID], tuple[jobs.Job, datetime, str]] = {}
    more: list[tuple[str, int]] = []
    for job in jobs.JOBS.values():
        if job.sweeping:
            continue
        mine: dict[tuple[str, uuid.UUID], tuple[jobs.Job, datetime, str]] = {}
        for instant in (now, until):
            for item, due, word in job.due(instant, 5 * MOST):
                mine.setdefault((job.name, item), (job, due, word))
        if len(mine) > MOST:
            more.append((str(job.description), len(mine) - MOST))
        found |= dict(sorted(mine.items(), key=lambda pair: pair[1][1])[:MOST])
    things = named({item for _job, item in found}, actor)
    items = [Waiting(name, str(job.description), item, due, word, due <= now, things.get(item))
             for (name, item), (job, due, word) in found.items()]
    return Ahead(until, sorted(items, key=lambda one: (one.due, one.job)), more,
                 [row for row in job_rows() if row.sweeping])


def every_words(seconds: int) -> tuple[int, Any]:
    """(number, unit) of an interval: 300 is (5, "minutes")."""
    for size, unit in ((86_400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds % size == 0:
            return seconds // size, unit
    return seconds, "seconds"
