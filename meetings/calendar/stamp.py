"""The stamp of the public calendar: moved on by every change that a reader may see."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from core import clock
from core.db import db
from meetings.calendar.models import CalendarStamp

EMPTY = datetime(2001, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Stamp:
    """Which calendar this is, and since when (real time)."""

    number: int
    changed_at: datetime

    @property
    def text(self) -> str:
        """Short and unique among all calendars this address ever served."""
        return f"{self.number}.{int(self.changed_at.timestamp() * 1_000_000):x}"

    @property
    def last_modified(self) -> datetime:
        """Whole seconds, rounded up: no later change can bear the same value."""
        whole = self.changed_at.replace(microsecond=0)
        return whole if whole == self.changed_at else whole + timedelta(seconds=1)


def current_stamp() -> Stamp:
    """One query over one row."""
    row = db.session.execute(select(CalendarStamp.number, CalendarStamp.changed_at)).one_or_none()
    return Stamp(row.number, row.changed_at) if row else Stamp(0, EMPTY)


def touch_calendar() -> None:
    """Move the stamp on, in the command under way. Writers of the calendar queue here, readers do not."""
    now = clock.real_now()
    row = db.session.execute(
        select(CalendarStamp).with_for_update().execution_options(populate_existing=True)
    ).scalar_one_or_none()
    if row is None:
        db.session.add(CalendarStamp(id=1, number=1, changed_at=now))
        return
    row.number += 1
    row.changed_at = max(now, row.changed_at + timedelta(seconds=1))
