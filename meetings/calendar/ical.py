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
from datetime import UTC, date, datetime, timedelta

from flask_babel import gettext
from icalendar import Calendar, vText

from meetings.calendar.vtimezone import timezone

FORMAT = 2  # raise when the same rows make other bytes, so that no client keeps the old ones
REFRESH = timedelta(hours=6)
COLOUR = "steelblue"  # a CSS3 name, as RFC 7986 asks
# explicit direction marks and overrides: hostile in a title, needless in an honest one
_DIRECTION = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_BREAKS = re.compile("\r\n|[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Entry:
    """One meeting as a calendar shows it. `last_day` is inclusive; instants are real time, UTC. What lasts hours rather
    than days (a slot of a programme) has `starts` and `ends`, instants of which the second is exclusive."""

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
    starts: datetime | None = None
    ends: datetime | None = None
    related: str = ""  # the UID of the meeting that a deadline belongs to
    at_time: str | None = None  # HH:MM in `zone`; a deadline with a time of day
    zone: str = "UTC"


def clean(text: str) -> str:
    """Text without control characters and direction overrides, with plain line breaks; never longer."""
    text = _DIRECTION.sub("", _BREAKS.sub("\n", text))
    if text.isascii() and text.isprintable():
        return text
    return "".join(ch for ch in text if ch == "\n" or unicodedata.category(ch) not in ("Cc", "Cs"))


def _line(text: str) -> str:
    return " ".join(clean(text).split())


def _whole_second(instant: datetime) -> datetime:
    return instant.astimezone(UTC).replace(microsecond=0)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def folded(line: str) -> str:
    """A content line in pieces of at most 75 octets, never cut within a character."""
    if len(line) <= 75 and line.isascii():
        return line
    pieces, size, start = [], 0, 0
    for at, ch in enumerate(line):
        octets = len(ch.encode())
        if size + octets > 75:
            pieces.append(line[start:at])
            start, size = at, 1  # the blank that begins a piece counts
        size += octets
    pieces.append(line[start:])
    return "\r\n ".join(pieces)


def _instant(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _event(entry: Entry) -> str:
    """One event. Written here, not by the library, which takes ten times as long over the same lines."""
    changed = _instant(entry.changed)
    lines = ["BEGIN:VEVENT", f"UID:{_escaped(entry.uid)}", f"DTSTAMP:{changed}", f"CREATED:{_instant(entry.created)}",
             f"LAST-MODIFIED:{changed}", f"SEQUENCE:{entry.sequence}"]
    if entry.starts is not None and entry.ends is not None:
        lines += [f"DTSTART:{_instant(entry.starts)}", f"DTEND:{_instant(entry.ends)}"]
    elif entry.at_time is None:
        lines += [f"DTSTART;VALUE=DATE:{entry.first_day:%Y%m%d}",
                  f"DTEND;VALUE=DATE:{entry.last_day + timedelta(days=1):%Y%m%d}"]  # exclusive
    else:  # without an end: it lasts no time at all
        at = f"{entry.first_day:%Y%m%d}T{entry.at_time.replace(':', '')}00"
        lines.append(f"DTSTART:{at}Z" if entry.zone == "UTC" else f"DTSTART;TZID={entry.zone}:{at}")
    if entry.related:
        lines.append(f"RELATED-TO:{_escaped(entry.related)}")
    lines.append(f"SUMMARY:{_escaped(_line(entry.summary))}")
    if entry.location:
        lines.append(f"LOCATION:{_escaped(_line(entry.location))}")
    lines += [
        f"DESCRIPTION:{_escaped(clean(entry.description))}", f"CATEGORIES:{_escaped(_line(entry.category))}",
        f"URL:{entry.url}", f"STATUS:{'CANCELLED' if entry.cancelled else 'CONFIRMED'}",
        "TRANSP:TRANSPARENT",  # a meeting in the calendar does not say that its reader attends
        "CLASS:PUBLIC", "END:VEVENT",
    ]
    return "\r\n".join(map(folded, lines))


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
    made: bytes = calendar.to_ical()
    end = b"END:VCALENDAR\r\n"
    events = "".join(_event(entry) + "\r\n" for entry in entries)
    return made.removesuffix(end) + events.encode() + end
