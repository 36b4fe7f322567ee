"""The seat of the fund: its time zone, dated and with its source, and the days that begin and end there.

A day by which something is due ends at the end of that day at the seat, whatever the hour is in UTC.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

from core.dated import DatedSettings

SETTINGS = DatedSettings(Path(__file__).resolve().parent / "data" / "office.json")


def office_zone(on: date) -> str:
    """The IANA zone of the seat on a day."""
    return str(SETTINGS.on("office_zone", on).value)


def office_day(instant: datetime) -> date:
    """The date at the seat at an instant (aware)."""
    return instant.astimezone(ZoneInfo(office_zone(instant.date()))).date()


def begin_of_day(day: date) -> datetime:
    """The first instant of a day at the seat, in UTC."""
    return datetime.combine(day, time(0), ZoneInfo(office_zone(day))).astimezone(UTC)


def last_minute(day: date) -> datetime:
    """The last minute of a day at the seat (23:59), in UTC: what is due on a day is due then."""
    return datetime.combine(day, time(23, 59), ZoneInfo(office_zone(day))).astimezone(UTC)
