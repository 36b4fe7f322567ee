"""Meetings as an iCalendar object (RFC 5545, RFC 7986): bytes made from rows alone, the same rows the same bytes.

Meetings last whole days, so days are DATE values with an exclusive end and need no time zone; deadlines with a time of
day stand in the meeting's zone, whose VTIMEZONE goes with them. Cancelled and postponed
entries stay, since subscribers act on STATUS and on a higher SEQUENCE, not on absence.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from flask_babel import gettext
from icalendar import Calendar, Event, vText

from meetings.calendar.vtimezone import timezone

FORMAT = 2  # raise when the same rows make other bytes, so that no client keeps the old ones
REFRESH = timedelta(hours=6)
COLOUR = "steelblue"  # a CSS3 name, as RFC 7986 asks
# explicit direction marks and overrides: hostile in a title, needless in an honest one
_DIRECTION = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_BREAKS = re.compile("\r\n|[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Entry:
    """One meeting as a calendar shows it. `last_day` is inclusive; instants are real time, UTC."""

    uid: str
    sequence: int
    created: datetime
    changed: datetime
    first_day: date
    last_day: date
    cancelled: bool
    summary: str
    location: str
    description: str
    category: str
    url: str
    related: str = ""  # the UID of the meeting that a deadline belongs to
    at_time: str | None = None  # HH:MM in `zone`; a deadline with a time of day
    zone: str = "UTC"


def clean(text: str) -> str:
    """Text without control characters and direction overrides, with plain line breaks; never longer."""
    text = _DIRECTION.sub("", _BREAKS.sub("\n", text))
    return "".join(ch for ch in text if ch == "\n" or unicodedata.category(ch) not in ("Cc", "Cs"))


def _line(text: str) -> str:
    return " ".join(clean(text).split())


def _whole_second(instant: datetime) -> datetime:
    return instant.astimezone(UTC).replace(microsecond=0)


def _local(entry: Entry) -> datetime:
    at = datetime.combine(entry.first_day, time.fromisoformat(entry.at_time or "00:00"))
    return at.replace(tzinfo=UTC if entry.zone == "UTC" else ZoneInfo(entry.zone))


def _event(entry: Entry) -> Event:
    event = Event()
    event.add("uid", entry.uid)
    event.add("dtstamp", _whole_second(entry.changed))
    event.add("created", _whole_second(entry.created))
    event.add("last-modified", _whole_second(entry.changed))
    event.add("sequence", entry.sequence)
    if entry.at_time is None:
        event.add("dtstart", entry.first_day)
        event.add("dtend", entry.last_day + timedelta(days=1))  # exclusive
    else:  # without an end: it lasts no time at all
        event.add("dtstart", _local(entry))
    if entry.related:
        event.add("related-to", entry.related)
    event.add("summary", _line(entry.summary))
    if entry.location:
        event.add("location", _line(entry.location))
    event.add("description", clean(entry.description))
    event.add("categories", [_line(entry.category)])
    event.add("url", entry.url)
    event.add("status", "CANCELLED" if entry.cancelled else "CONFIRMED")
    event.add("transp", "TRANSPARENT")  # a meeting in the calendar does not say that its reader attends
    event.add("class", "PUBLIC")
    return event


def build(entries: Iterable[Entry], *, name: str, description: str, url: str, source: str, uid: str,
          changed: datetime, language: str = "en") -> bytes:
    """The calendar's bytes: CRLF, lines folded at 75 octets, UTF-8."""
    entries = list(entries)
    calendar = Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", f"-//Placard//{gettext('Meetings of the Programme of Action')}//{language.upper()}")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    calendar.add("uid", uid)
    # vText by name: the library would write these newer properties without escaping
    calendar.add("name", vText(_line(name)))
    calendar.add("x-wr-calname", vText(_line(name)))
    calendar.add("description", vText(clean(description)))
    calendar.add("x-wr-caldesc", vText(clean(description)))
    calendar.add("color", COLOUR)
    calendar.add("url", url)
    calendar.add("source", source, parameters={"VALUE": "URI"})
    calendar.add("last-modified", _whole_second(changed))
    calendar.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", "PT6H")
    for name_of_zone in sorted({e.zone for e in entries if e.at_time is not None} - {"UTC"}):
        years = [e.first_day.year for e in entries if e.at_time is not None and e.zone == name_of_zone]
        calendar.add_component(timezone(name_of_zone, min(years), max(years)))
    for entry in entries:
        calendar.add_component(_event(entry))
    made: bytes = calendar.to_ical()
    return made
