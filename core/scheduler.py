"""APScheduler wakes the jobs; a lease row lets one process lead. Started by `serve` and `worker` only."""

from __future__ import annotations

import os
import socket
import threading
import time
from datetime import datetime, timedelta

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from flask import Flask
from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from core import clock, jobs
from core.db import Base, command, db, scalar_now_epoch

log = structlog.get_logger("placard.scheduler")
LEASE_SECONDS = 20
RENEW_SECONDS = 5


class SchedulerLease(Base):
    """One row: who leads, until when (whole seconds of the database's own clock)."""

    __tablename__ = "scheduler_lease"
    name: Mapped[str] = mapped_column(String(30), primary_key=True)
    holder: Mapped[str] = mapped_column(String(120))
    expires_epoch: Mapped[int]


@command
def take_lease(holder: str, seconds: int = LEASE_SECONDS) -> bool:
    """Take or renew the lease; False while another process holds it."""
    from sqlalchemy import select

    epoch = scalar_now_epoch()
    row = db.session.execute(
        select(SchedulerLease).where(SchedulerLease.name == "scheduler").with_for_update()
        .execution_options(populate_existing=True)
    ).scalar_one_or_none()
    if row is None:
        db.session.add(SchedulerLease(name="scheduler", holder=holder, expires_epoch=epoch + seconds))
        return True
    if row.holder != holder and row.expires_epoch > epoch:
        return False
    row.holder, row.expires_epoch = holder, epoch + seconds
    return True


@command
def drop_lease(holder: str) -> None:
    """Give the lease back at a clean stop, so that another takes over at once."""
    row = db.session.get(SchedulerLease, "scheduler")
    if row is not None and row.holder == holder:
        row.expires_epoch = 0


class Scheduler:
    """Wakes every registered job while this process leads. A leader that dies is replaced once its lease is over and
    another asks: within `lease` and `renew` seconds together."""

    def __init__(self, app: Flask, lease: int = LEASE_SECONDS, renew: float = RENEW_SECONDS) -> None:
        self.app, self.lease, self.renew = app, lease, renew
        self._renewed = 0.0  # by the machine's clock, which goes on while the machine sleeps
        self._caught_up = False
        self.holder = f"{socket.gethostname()[:60]}:{os.getpid()}:{os.urandom(4).hex()}"
        self.leads_until = 0.0
        self._running = threading.Lock()
        self._clock = BackgroundScheduler(
            timezone="UTC",
            # one job at a time, in the order of their wakes; the lease is renewed beside them: jobs that wait for a
            # long one would else hold every thread, and the leader would lose its lease while it works
            executors={"default": ThreadPoolExecutor(1), "lease": ThreadPoolExecutor(1)},
            # the defaults drop late runs in silence: never late, several missed wakes are one
            job_defaults={"coalesce": True, "misfire_grace_time": None, "max_instances": 1},
        )

    @property
    def running(self) -> bool:
        return bool(self._clock.running)

    def start(self) -> None:
        soon = clock.real_now() + timedelta(seconds=1)
        self._clock.add_job(self._renew, "interval", seconds=self.renew, executor="lease",
                            next_run_time=clock.real_now())
        for offset, job in enumerate(jobs.JOBS.values()):
            self._clock.add_job(
                self._wake, "interval", args=[job.name], seconds=job.every,
                next_run_time=soon + timedelta(milliseconds=150 * offset),
            )
        self._clock.start()

    def stop(self) -> None:
        self._clock.shutdown(wait=True)
        with self.app.app_context():
            drop_lease(self.holder)

    def _leads(self) -> bool:
        return time.monotonic() < self.leads_until

    def _renew(self) -> None:
        with self.app.app_context():
            try:
                took = take_lease(self.holder, self.lease)
            except Exception:
                log.error("lease could not be renewed", exc_info=True)
                took = False
            was_late = time.time() - self._renewed > self.lease
            if took and (was_late or not self._leads()):
                self._caught_up = False  # nobody, or somebody else, led meanwhile
                log.info("leads", holder=self.holder)
            if took:
                self._renewed = time.time()
            self.leads_until = time.monotonic() + self.lease - self.lease / 10 if took else 0.0

    def _wake(self, name: str) -> None:
        if not self._leads():
            return
        with self._running, self.app.app_context():  # one job at a time: SQLite has one writer, and order is kept
            if not self._leads():
                return
            try:
                if not self._caught_up:
                    self._caught_up = True
                    jobs.catch_up(go_on=self._leads)
                jobs.run(name)
            except Exception:
                log.error("job failed", job=name, exc_info=True)


def last_tick() -> datetime | None:
    """When any job last woke (real time); None before the first."""
    from sqlalchemy import func, select

    return db.session.scalar(select(func.max(jobs.JobTick.woke_at)))
