"""The two clocks.

Business time (`now`) is what deadlines and events go by; rehearsals and tests may move it. Real time (`real_now`)
is what leases, tokens, signatures and sessions go by; nobody moves it. No constraint mixes them.
Both are aware datetimes in UTC.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, timedelta

_moved: ContextVar[datetime | None] = ContextVar("moved_business_clock", default=None)


def real_now() -> datetime:
    """The machine's time, aware, UTC."""
    return datetime.now(UTC)


def now() -> datetime:
    """Business time, aware, UTC: the machine's unless a rehearsal or a test moved it."""
    return _moved.get() or real_now()


def real_at(business: datetime) -> datetime:
    """The real instant that a business instant stands for: now for now, and as far ahead of now as that one is. So a
    look at tomorrow (`jobs.preview`) is right for work that goes by real time, too."""
    return real_now() + (business - now())


def today() -> date:
    """The business date in UTC."""
    return now().date()


@contextmanager
def moved_to(instant: datetime) -> Iterator[None]:
    """Hold business time at `instant` (aware). The caller makes sure the database is a demonstration or a test."""
    if instant.tzinfo is None:
        raise ValueError("business time must carry a time zone")
    token = _moved.set(instant.astimezone(UTC))
    try:
        yield
    finally:
        _moved.reset(token)


def tick(by: timedelta = timedelta(milliseconds=1)) -> None:
    """Let moved business time pass by `by`; does nothing while it is not moved."""
    moved = _moved.get()
    if moved is not None:
        _moved.set(moved + by)
