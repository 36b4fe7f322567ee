"""Time zones as iCalendar describes them: one observance for each change of the clocks, each with its own onset in the
local time before the change. Lists of onsets are read by their first value only in some programs, and rules of
recurrence would have to be guessed from the data."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from icalendar import Timezone, TimezoneDaylight, TimezoneStandard

_STEP = timedelta(days=7)


def _offset(instant: datetime, zone: ZoneInfo) -> timedelta:
    return instant.astimezone(zone).utcoffset() or timedelta()


def changes(zone: ZoneInfo, first_year: int, last_year: int) -> list[datetime]:
    """The instants (UTC, to the second) from which clocks show another offset, within these years."""
    found, at, end = [], datetime(first_year, 1, 1, tzinfo=UTC), datetime(last_year + 1, 1, 1, tzinfo=UTC)
    while at < end:
        later = at + _STEP
        if _offset(at, zone) != _offset(later, zone):
            low, high = at, later
            while high - low > timedelta(seconds=1):
                middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
                low, high = (middle, high) if _offset(middle, zone) == _offset(at, zone) else (low, middle)
            found.append(high)
        at = later
    return found


@lru_cache(maxsize=64)
def timezone(name: str, first_year: int, last_year: int) -> Timezone:
    """VTIMEZONE of an IANA zone that holds from the year before `first_year` to the year after `last_year`."""
    zone = ZoneInfo(name)
    component = Timezone()
    component.add("tzid", name)
    start = datetime(first_year - 1, 1, 1, tzinfo=UTC)
    component.add_component(_observance(start, zone, _offset(start, zone)))
    for instant in changes(zone, first_year - 1, last_year + 1):
        component.add_component(_observance(instant, zone, _offset(instant - timedelta(seconds=1), zone)))
    return component


def _observance(instant: datetime, zone: ZoneInfo, before: timedelta) -> TimezoneDaylight | TimezoneStandard:
    local = instant.astimezone(zone)
    part = TimezoneDaylight() if local.dst() else TimezoneStandard()
    part.add("dtstart", (instant + before).replace(tzinfo=None))
    part.add("tzoffsetfrom", before)
    part.add("tzoffsetto", _offset(instant, zone))
    part.add("tzname", local.tzname() or str(zone))
    return part
