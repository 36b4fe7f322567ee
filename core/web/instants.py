"""Instants as people type them: a day, a minute or a second in UTC, meaning its end."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta, timezone

from flask_babel import gettext

from core.web.fields import FIRST_YEAR, LAST_YEAR, DayField, parse_day, stripped
from core.web.formats import format_day

_TIME = re.compile(
    r"(?P<day>.+?)(?:T|,?\s+)(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.(?P<part>\d{1,6}))?)?"
    r"\s*(?P<zone>Z|UTC|[+-]\d{2}:?\d{2})?"
)
_UNIT = timedelta(microseconds=1)


def parse_until(text: str) -> datetime | None:
    """The last microsecond, in UTC, of the day, minute or second written: 2026-06-16, 16 June 2026,
    2026-06-16T10:30, 16 June 2026, 10:30 UTC, 2026-06-16 10:30:15. None for what is no instant."""
    day = parse_day(text)
    if day is not None:
        return _end(day, time(), timedelta(days=1), UTC)
    match = _TIME.fullmatch(text)
    day = parse_day(match["day"].strip()) if match else None
    if match is None or day is None:
        return None
    if match["part"]:
        unit = _UNIT
    else:
        unit = timedelta(seconds=1) if match["second"] else timedelta(minutes=1)
    try:
        at = time(int(match["hour"]), int(match["minute"]), int(match["second"] or 0),
                  int((match["part"] or "").ljust(6, "0")))
        return _end(day, at, unit, _zone(match["zone"]))
    except (ValueError, OverflowError):
        return None


def _end(day: date, at: time, unit: timedelta, zone: timezone) -> datetime | None:
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        return None
    return (datetime.combine(day, at, zone) + unit - _UNIT).astimezone(UTC)


def _zone(text: str | None) -> timezone:
    if text is None or text in ("Z", "UTC"):
        return UTC
    hours, minutes = int(text[1:3]), int(text[-2:])
    return timezone((-1 if text[0] == "-" else 1) * timedelta(hours=hours, minutes=minutes))


class UntilField(DayField):
    """The instant up to which something is looked at, in UTC, from the browser's own picker or typed; ``data`` is
    aware, or None."""

    picker = "datetime-local"

    def _value(self) -> str:
        if isinstance(self.data, datetime):
            return self.data.astimezone(UTC).strftime("%Y-%m-%dT%H:%M")
        return str(self.raw_data[0]) if self.raw_data else ""

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        """Read what was typed, or say how to write it."""
        text = stripped(valuelist[0]) if valuelist else ""
        self.data = parse_until(text) if text else None
        if text and self.data is None:
            raise ValueError(gettext(
                "Write a day, or a day with a time, as %(example)s or 2027-06-16 18:30.",
                example=format_day(date(2027, 6, 16)),
            ))
