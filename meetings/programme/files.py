"""A published programme as files: iCalendar, CSV and XLSX, JSON. Times are local to the meeting, instants in UTC."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from flask_babel import gettext

from core.web.formats import zone_of
from core.web.links import absolute
from core.web.tables import Column
from meetings.calendar import ical
from meetings.calendar.queries import MeetingRow
from meetings.programme.facts import Content, SlotView
from meetings.programme.queries import VersionRow
from meetings.programme.words import KIND_NAMES, items_words, ordinal_meeting, sentence, title_of

NAMESPACE = uuid.UUID("5c1f6d3e-6f0a-5d55-9e57-0a1d1b7b6c21")
SCHEMA = 1  # of the JSON; raised when a field changes its meaning


def instant(day: date, moment: time, zone: str) -> datetime:
    """A local time of the meeting in UTC."""
    return datetime.combine(day, moment, zone_of(zone)).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class _Told:
    """A slot as calendars last heard of it."""

    slot: SlotView
    content: Content
    sequence: int
    changed: datetime
    first: datetime
    cancelled: bool


def _told(versions: Sequence[VersionRow]) -> list[_Told]:
    """Every slot that was ever published: what left the programme stays, as cancelled, so calendars take it out."""
    found: dict[str, _Told] = {}
    for version in versions:
        here = {slot.id: slot for slot in version.content.slots}
        for key, slot in here.items():
            old = found.get(key)
            if old is None or old.cancelled or old.slot != slot:
                found[key] = _Told(slot, version.content, version.number - 1, version.published_at,
                                   old.first if old else version.published_at, False)
        for key, old in found.items():
            if key not in here and not old.cancelled:
                found[key] = _Told(old.slot, old.content, version.number - 1, version.published_at, old.first, True)
    return sorted(found.values(), key=lambda t: (t.slot.day, t.slot.starts, t.slot.id))


def summary_of(slot: SlotView, content: Content, short_name: str) -> str:
    """What a calendar shows: meeting, number, subject."""
    what = ordinal_meeting(slot.number) if slot.number else str(KIND_NAMES[slot.kind])
    return f"{short_name}, {what}: {title_of(slot, content)}"


def calendar_bytes(meeting: MeetingRow, versions: Sequence[VersionRow]) -> bytes:
    """The sessions of a meeting, one entry each. Entries keep their UID through all versions."""
    off = meeting.state in ("cancelled", "postponed")
    url = absolute("programme.page", slug=meeting.slug)
    entries = []
    for told in _told(versions):
        slot = told.slot
        lines = [f"{n}. {t}" for n, t in told.content.agenda if n in slot.items]
        if slot.people:
            lines.append(", ".join(slot.people))
        if slot.languages:
            lines.append(gettext("Interpretation: %(languages)s", languages=" ".join(slot.languages)))
        if slot.note:
            lines.append(slot.note)
        entries.append(ical.Entry(
            uid=slot.id, sequence=told.sequence + meeting.sequence, created=told.first,
            changed=max(told.changed, meeting.changed_at) if off else told.changed, first_day=slot.day,
            last_day=slot.day, cancelled=told.cancelled or off,
            summary=summary_of(slot, told.content, meeting.short_name), location=slot.room or meeting.venue or "",
            description="\n".join([*lines, url]), category=str(KIND_NAMES[slot.kind]), url=url,
            starts=instant(slot.day, slot.starts, meeting.timezone),
            ends=instant(slot.day, slot.ends, meeting.timezone)))
    return ical.build(
        entries, name=gettext("%(meeting)s: programme of work", meeting=meeting.short_name), description=meeting.title,
        uid=str(uuid.uuid5(NAMESPACE, meeting.slug)), url=url,
        source=absolute("programme.calendar", slug=meeting.slug), changed=versions[-1].published_at)


def columns() -> list[Column]:
    """Plain headings that programs can rely on, in English; the same that pasting reads."""
    return [
        Column("day", "day"), Column("starts", "start", csv=lambda s: f"{s.starts:%H:%M}"),
        Column("ends", "end", csv=lambda s: f"{s.ends:%H:%M}"),
        Column("kind", "kind", csv=lambda s: s.kind.replace("_", " ")), Column("title", "title"),
        Column("items", "items", csv=lambda s: ", ".join(s.items)), Column("room", "room"),
        Column("languages", "languages", csv=lambda s: " ".join(s.languages)),
        Column("people", "people", csv=lambda s: "; ".join(s.people)), Column("note", "note"),
        Column("number", "meeting_number"), Column("id", "id"),
    ]


def as_json(meeting: MeetingRow, version: VersionRow) -> dict[str, Any]:
    """A version for programs."""
    return {
        "schema": SCHEMA, "meeting": {"id": meeting.slug, "name": meeting.short_name, "title": meeting.title,
                                      "timezone": meeting.timezone, "demonstration": meeting.is_demo},
        "version": version.number, "standing": version.standing, "symbol": version.symbol, "note": version.note,
        "published_at": version.published_at.isoformat().replace("+00:00", "Z"), "sha256": version.digest,
        "agenda": [{"number": n, "title": t} for n, t in version.content.agenda],
        "slots": [slot.as_json() | {
            "starts_at": instant(slot.day, slot.starts, meeting.timezone).isoformat().replace("+00:00", "Z"),
            "ends_at": instant(slot.day, slot.ends, meeting.timezone).isoformat().replace("+00:00", "Z"),
        } for slot in version.content.slots],
    }


def line_of(slot: SlotView) -> str:
    """Items of a slot in a line, for lists."""
    return sentence(items_words(slot.items)) if slot.items else ""
