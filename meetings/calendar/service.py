"""Commands on meetings: the only writers of the calendar's tables. Each takes ids and an actor, checks authority and
state again, writes, records one event, moves the calendar's stamp where readers may see a difference, and tells other
rooms by signal, all in one transaction.
"""

from __future__ import annotations

import re
import unicodedata
import uuid
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from accounts.permissions import require
from core import clock, events
from core.actor import Actor
from core.db import command, db, lock, new_id
from core.errors import RuleBroken
from core.text import one_line
from meetings.calendar.announcements import say_cancelled, say_moved
from meetings.calendar.date_models import DependentDate
from meetings.calendar.date_service import follow, set_reports
from meetings.calendar.models import MODES, Meeting, MeetingDates, MeetingKind
from meetings.calendar.queries import to_row
from meetings.calendar.signals import MeetingCancelled, MeetingMoved, meeting_cancelled, meeting_moved
from meetings.calendar.stamp import touch_calendar
from meetings.calendar.transitions import DRAFT_STATES, MANAGE, MEETING

MAX_DAYS = 31
MAX_REASON = 500
CERTAINTIES = ("none", "provisional", "fixed")
RESERVED = frozenset({"new", "timeline", "mandates", "kinds", "month", "search", "calendar", "calendar.ics", "api",
                      "dates", "my-feed", "feeds"})
LANGUAGES = ("ar", "zh", "en", "fr", "ru", "es")
SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
# a change of these is one that a subscriber must hear of; the others change words on pages only
TOLD = ("title", "short_name", "kind", "city", "country_code", "venue", "timezone", "mode", "taking_part", "languages",
        "seats_in_room")


@dataclass(frozen=True)
class MeetingFacts:
    """What the organiser writes about a meeting. Days are local to `timezone`; without days, `year` counts."""

    kind: str
    title: str
    short_name: str
    ordinal: int | None = None
    year: int | None = None
    certainty: str = "none"  # of the days: none, provisional, fixed; of no account once published
    start_date: date | None = None
    end_date: date | None = None
    mode: str = "in_person"
    city: str | None = None
    country_code: str | None = None
    venue: str | None = None
    timezone: str = "UTC"
    taking_part: str | None = None
    seats_in_room: int | None = None
    languages: tuple[str, ...] = ()
    meetings_allotted: int | None = None
    presiding_role: str | None = None
    presiding_name: str | None = None
    presiding_country: str | None = None
    mandate_text: str | None = None
    report_deadline: date | None = None
    notes: str | None = None


@cache
def known_zones() -> frozenset[str]:
    """IANA zones that a meeting may have: places and UTC, not the offsets and abbreviations of old."""
    places = tuple(
        f"{part}/" for part in
        ("Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")
    )
    return frozenset(z for z in available_timezones() if z.startswith(places)) | {"UTC"}


def slug_from(text: str) -> str:
    """An address made from a name: `BMS 10 (first dates)` becomes `bms-10-first-dates`; may be empty."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:80].strip("-")


# --- checks -----------------------------------------------------------------------------------------------------
def check_days(start: date | None, end: date | None) -> None:
    """Raises RuleBroken on the field that can put it right."""
    if start is None:
        raise RuleBroken(gettext("Write the first day."), code="meeting.start_missing", field="start_date")
    if end is None:
        raise RuleBroken(gettext("Write the last day."), code="meeting.end_missing", field="end_date")
    if end < start:
        raise RuleBroken(gettext("The last day must not come before the first."), code="meeting.ends_before_start",
                         field="end_date")
    if (end - start).days + 1 > MAX_DAYS:
        raise RuleBroken(gettext("This is longer than %(days)s days. Check both dates.", days=MAX_DAYS),
                         code="meeting.too_long", field="end_date")
    if not 1990 <= start.year <= 2100:
        raise RuleBroken(gettext("Write a year from 1990 to 2100."), code="meeting.year", field="start_date")


def _check(facts: MeetingFacts, dated: bool) -> None:
    if db.session.get(MeetingKind, facts.kind) is None:
        raise RuleBroken(gettext("Choose a kind."), code="meeting.kind", field="kind")
    if not one_line(facts.title):
        raise RuleBroken(gettext("Write the official title."), code="meeting.title", field="title")
    if not one_line(facts.short_name):
        raise RuleBroken(gettext("Write a short name, such as BMS10."), code="meeting.short_name", field="short_name")
    if not set(facts.languages) <= set(LANGUAGES):
        raise RuleBroken(gettext("Choose among the official languages."), code="meeting.languages", field="languages")
    if facts.seats_in_room is not None and not 1 <= facts.seats_in_room <= 99:
        raise RuleBroken(gettext("Write a number from %(low)s to %(high)s.", low=1, high=99), code="meeting.seats",
                         field="seats_in_room")
    if facts.mode not in MODES:
        raise RuleBroken(gettext("Choose how the meeting is held."), code="meeting.mode", field="mode")
    if facts.timezone not in known_zones():
        raise RuleBroken(gettext("Write a time zone by its city, such as America/New_York."), code="meeting.zone",
                         field="timezone")
    if dated:
        check_days(facts.start_date, facts.end_date)
        if facts.mode != "virtual" and not (facts.city or "").strip():
            raise RuleBroken(gettext("Write the city, or choose that the meeting is online."), code="meeting.city",
                             field="city")
        if facts.mode != "virtual" and facts.timezone == "UTC":
            raise RuleBroken(gettext("Write the zone of the venue by its city, such as America/New_York."),
                             code="meeting.zone_of_venue", field="timezone")
    elif facts.year is None or not 1990 <= facts.year <= 2100:
        raise RuleBroken(gettext("Write a year from 1990 to 2100."), code="meeting.year", field="year")


def check_slug(slug: str) -> None:
    """Raises RuleBroken when this cannot be a meeting's address."""
    if not SLUG.fullmatch(slug) or len(slug) > 80:
        raise RuleBroken(gettext("Use small letters a to z, figures and single hyphens, such as bms10."),
                         code="meeting.slug", field="slug")
    if slug in RESERVED:
        raise RuleBroken(gettext("This address is used by a page of the calendar. Choose another one."),
                         code="meeting.slug_reserved", field="slug")


def _reason(text: str) -> str:
    words = text.strip()
    if not words:
        raise RuleBroken(gettext("Write the reason: it is shown on the meeting’s page."), code="meeting.reason",
                         field="reason")
    if len(words) > MAX_REASON:
        raise RuleBroken(gettext("Write at most %(n)s characters.", n=MAX_REASON), code="meeting.reason_long",
                         field="reason")
    return words


def _save() -> None:
    """Write now, so that a lost race on an address or a number is an error beside its field and not an accident."""
    try:
        db.session.flush()
    except IntegrityError as error:
        text = str(error.orig).lower()
        if "slug" in text:
            raise RuleBroken(gettext("Another meeting has this address already. Choose another one."),
                             code="meeting.slug_taken", field="slug") from error
        if "ordinal" in text:
            raise RuleBroken(gettext("Another meeting of this kind has this number already."),
                             code="meeting.ordinal_taken", field="ordinal") from error
        raise


# --- making and editing -----------------------------------------------------------------------------------------
def _write(meeting: Meeting, facts: MeetingFacts) -> set[str]:
    """Copy the facts, days left out; the names of those that changed."""
    values: dict[str, Any] = {
        "kind": facts.kind, "ordinal": facts.ordinal, "title": one_line(facts.title),
        "short_name": one_line(facts.short_name), "mode": facts.mode, "city": facts.city or None,
        "country_code": facts.country_code or None, "venue": facts.venue or None, "timezone": facts.timezone,
        "taking_part": facts.taking_part or None, "seats_in_room": facts.seats_in_room,
        "languages": [code for code in LANGUAGES if code in facts.languages] or None,
        "meetings_allotted": facts.meetings_allotted, "presiding_role": facts.presiding_role or None,
        "presiding_name": facts.presiding_name or None, "presiding_country": facts.presiding_country or None,
        "mandate_text": facts.mandate_text or None, "notes": facts.notes or None,
    }
    changed = {name for name, value in values.items() if getattr(meeting, name) != value}
    for name in changed:
        setattr(meeting, name, values[name])
    return changed


def _seen(meeting: Meeting, *, told: bool) -> None:
    """Note a change: raise the sequence where a published entry means something else now, move the stamp."""
    meeting.changed_at = max(clock.real_now(), meeting.changed_at)
    if told and meeting.published_at is not None:
        meeting.sequence += 1
    if meeting.announced_at is not None:
        touch_calendar()


def _set_days(meeting: Meeting, facts: MeetingFacts, actor: Actor) -> None:
    """Days of a draft: try, settle or take back. The state follows, through its machine."""
    old = (meeting.start_date, meeting.end_date)
    dated = facts.certainty != "none"
    new = (facts.start_date, facts.end_date) if dated else (None, None)
    wanted = {"none": "mandated", "provisional": "provisional", "fixed": "fixed"}[facts.certainty]
    # days and state change together: the database refuses a dated state without days, and days without one
    with db.session.no_autoflush:
        meeting.start_date, meeting.end_date = new
        meeting.year = new[0].year if new[0] else facts.year or meeting.year
        if meeting.state != wanted:
            MEETING.apply(meeting, {"mandated": "undate", "provisional": "propose", "fixed": "fix"}[wanted], actor,
                          data=_days_data(old, new))
    if old != new:
        follow(meeting, actor, gettext("The dates of the meeting changed."))
        meeting_moved.send(MeetingMoved(meeting.id, *old, *new))


def _days_data(old: tuple[date | None, date | None], new: tuple[date | None, date | None]) -> dict[str, str | None]:
    names = ("old_start", "old_end", "new_start", "new_end")
    return {name: day.isoformat() if day else None for name, day in zip(names, (*old, *new), strict=True)}


@command
def create_meeting(
    actor: Actor, facts: MeetingFacts, *, slug: str | None = None, is_demo: bool = False
) -> uuid.UUID:
    """A new meeting that nobody but organisers sees yet. Raises RuleBroken, NotAllowed."""
    require(actor, MANAGE)
    if facts.certainty not in CERTAINTIES:
        raise RuleBroken(gettext("Choose how far the dates are settled."), code="meeting.certainty", field="certainty")
    _check(facts, dated=facts.certainty != "none")
    address = slug or slug_from(facts.short_name)
    check_slug(address)
    if db.session.scalar(select(Meeting.id).where(Meeting.slug == address)):
        raise RuleBroken(gettext("Another meeting has this address already. Choose another one."),
                         code="meeting.slug_taken", field="slug")
    now = clock.real_now()
    meeting = Meeting(
        id=new_id(), slug=address, is_demo=is_demo, state=MEETING.initial, version=1, sequence=0, created_at=now,
        changed_at=now, year=facts.start_date.year if facts.start_date else facts.year, documents={}, sources=[],
        unverified=[],
    )
    _write(meeting, facts)
    db.session.add(meeting)
    _save()
    events.record(actor, "calendar.meeting.create", "meeting", meeting.id, to_state=meeting.state)
    set_reports(meeting, actor, facts.report_deadline)
    _set_days(meeting, facts, actor)
    return meeting.id


@command
def edit_meeting(
    meeting_id: uuid.UUID, actor: Actor, facts: MeetingFacts, *, expected_version: int | None = None
) -> None:
    """Change what a meeting says of itself. Days change here only while it is a draft: published ones by
    `postpone_meeting` and `redate_meeting`, which tell why. Raises RuleBroken, NotAllowed, Stale, IllegalMove."""
    meeting = lock(Meeting, meeting_id, expected_version)
    draft = meeting.state in DRAFT_STATES
    if draft and facts.certainty not in CERTAINTIES:
        raise RuleBroken(gettext("Choose how far the dates are settled."), code="meeting.certainty", field="certainty")
    MEETING.apply(meeting, "edit", actor)
    if draft:
        _check(facts, dated=facts.certainty != "none")
    else:
        kept = replace(facts, start_date=meeting.start_date, end_date=meeting.end_date, year=meeting.year)
        _check(kept, dated=meeting.start_date is not None)
    before, before_deadline = meeting.year, meeting.report_deadline
    changed = _write(meeting, facts)
    if before_deadline != facts.report_deadline:
        changed.add("report_deadline")
        set_reports(meeting, actor, facts.report_deadline)
    _save()
    if draft:
        _set_days(meeting, facts, actor)
    if changed or meeting.year != before:
        _seen(meeting, told=bool(changed.intersection(TOLD)))


# --- the acts that the public sees ------------------------------------------------------------------------------
@command
def announce_meeting(meeting_id: uuid.UUID, actor: Actor, *, expected_version: int | None = None) -> None:
    """Show that the meeting exists and in which year, without its days. Raises NotAllowed, Stale, IllegalMove."""
    meeting = lock(Meeting, meeting_id, expected_version)
    MEETING.apply(meeting, "announce", actor)
    if meeting.announced_at is None:
        meeting.announced_at = clock.now()
        _seen(meeting, told=False)


@command
def publish_meeting(meeting_id: uuid.UUID, actor: Actor, *, expected_version: int | None = None) -> None:
    """Put the meeting with its days on the public calendar and into the feeds. Raises NotAllowed, Stale,
    IllegalMove (dates must be fixed first)."""
    meeting = lock(Meeting, meeting_id, expected_version)
    data = _days_data((None, None), (meeting.start_date, meeting.end_date))
    now = clock.now()
    meeting.announced_at = meeting.announced_at or now
    meeting.published_at = now
    MEETING.apply(meeting, "publish", actor, data=data)
    if db.session.scalar(select(DependentDate.id).where(DependentDate.meeting_id == meeting.id).limit(1)) is None:
        follow(meeting, actor, "")  # fixed before there were rules
    _seen(meeting, told=False)


def _move_days(meeting: Meeting, new_start: date | None, new_end: date | None, reason: str) -> MeetingMoved:
    db.session.add(MeetingDates(
        meeting_id=meeting.id, old_start=meeting.start_date, old_end=meeting.end_date, new_start=new_start,
        new_end=new_end, reason=reason, at=clock.now(),
    ))
    return MeetingMoved(meeting.id, meeting.start_date, meeting.end_date, new_start, new_end)


@command
def postpone_meeting(
    meeting_id: uuid.UUID, actor: Actor, reason: str, *, expected_version: int | None = None
) -> None:
    """The published days no longer hold and new ones are not known. The old days stay on the page, and in the feeds
    as cancelled. Raises RuleBroken, NotAllowed, Stale, IllegalMove."""
    meeting = lock(Meeting, meeting_id, expected_version)
    words = _reason(reason)
    old = (meeting.start_date, meeting.end_date)
    MEETING.apply(meeting, "postpone", actor, data=_days_data(old, (None, None)), text=words)
    moved = _move_days(meeting, None, None, words)
    _seen(meeting, told=True)
    say_moved(meeting, moved, words, ())
    meeting_moved.send(moved)


@command
def redate_meeting(
    meeting_id: uuid.UUID, actor: Actor, start: date | None, end: date | None, reason: str, *,
    expected_version: int | None = None,
) -> None:
    """Give a published or postponed meeting new days. Raises RuleBroken, NotAllowed, Stale, IllegalMove."""
    meeting = lock(Meeting, meeting_id, expected_version)
    check_days(start, end)
    words = _reason(reason)
    old, new = (meeting.start_date, meeting.end_date), (start, end)
    if old == new and meeting.state == "published":
        raise RuleBroken(gettext("These are the dates that stand already."), code="meeting.same_days",
                         field="start_date")
    MEETING.apply(meeting, "redate", actor, data=_days_data(old, new), text=words)
    moved = _move_days(meeting, start, end, words)
    assert start is not None
    meeting.start_date, meeting.end_date, meeting.year = start, end, start.year
    changes = follow(meeting, actor, words)
    _seen(meeting, told=True)
    say_moved(meeting, moved, words, changes)
    meeting_moved.send(moved)


@command
def cancel_meeting(meeting_id: uuid.UUID, actor: Actor, reason: str, *, expected_version: int | None = None) -> None:
    """The meeting will not be held. Its page and its entry in the feeds stay, marked cancelled. Raises RuleBroken,
    NotAllowed, Stale, IllegalMove."""
    meeting = lock(Meeting, meeting_id, expected_version)
    words = _reason(reason)
    MEETING.apply(meeting, "cancel", actor, text=words)
    _seen(meeting, told=True)
    say_cancelled(meeting, words)
    meeting_cancelled.send(MeetingCancelled(meeting.id))


@command
def close_meeting(meeting_id: uuid.UUID, actor: Actor, now: datetime | None = None) -> None:
    """Mark a published meeting as held once its last day is over at its own place, at `now` (business time). For the
    schedule and the demonstration, which act as a system actor: does nothing when there is nothing to do. Raises
    IllegalMove for anybody else."""
    meeting = lock(Meeting, meeting_id)
    ends = to_row(meeting).ends_at
    if meeting.state != "published" or ends is None or ends > (now or clock.now()):
        return
    MEETING.apply(meeting, "close", actor)
