"""What feeds say: published meetings, and the dates that follow from them where asked for, as entries."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import datetime
from typing import Any

from flask import url_for
from flask_babel import gettext
from sqlalchemy import Select, select

from core.db import db
from core.errors import NotFound
from core.web.formats import format_days
from core.web.links import absolute
from meetings.calendar import ical
from meetings.calendar.dates import DateRow, dates_of
from meetings.calendar.feed_filters import FeedFilter
from meetings.calendar.models import Meeting, MeetingKind
from meetings.calendar.queries import state_names
from meetings.calendar.words import LANGUAGE_NAMES, kind_name

NAMESPACE = uuid.UUID("0b0f3a5e-91f4-5d8e-8a36-52d0a3a4c3b9")


def _published() -> Select[Any, Any]:
    return (
        select(Meeting, MeetingKind.name).join(MeetingKind, MeetingKind.code == Meeting.kind)
        .where(Meeting.published_at.is_not(None), Meeting.start_date.is_not(None))
    )


def build(wanted: FeedFilter, changed: datetime) -> bytes:
    """The bytes of a feed, in the language under way, in a fixed number of queries. Raises NotFound for a meeting
    whose days are not public."""
    rows = db.session.execute(wanted.narrow(_published()).order_by(Meeting.start_date, Meeting.id)).all()
    if wanted.slug and not rows:
        raise NotFound()
    codes = {code for m, _kind in rows for code in (m.country_code, m.presiding_country) if code}
    countries = state_names(codes)
    later = _replacements([m for m, _kind in rows if m.replaced_by_id is not None])
    dates = dates_of((m.id for m, _kind in rows), reveal=False, dropped=True, for_feed=True) if wanted.dates else {}
    entries = []
    for meeting, kind in rows:
        entry = entry_of(meeting, kind, countries, later.get(meeting.replaced_by_id))
        entries += [entry, *(deadline_of(date, meeting, entry) for date in dates.get(meeting.id, ()))]
    uid = str(uuid.uuid5(NAMESPACE, "?".join(part for part in (wanted.slug or "all", wanted.query) if part)))
    if wanted.slug:
        meeting = rows[0][0]
        return ical.build(
            entries, name=meeting.short_name, description=meeting.title, uid=uid,
            url=absolute("calendar.meeting", slug=wanted.slug), source=address_of(wanted), changed=changed,
            language=wanted.language,
        )
    return ical.build(
        entries, name=gettext("Programme of Action on small arms: meetings"),
        description=gettext("Meetings of the Programme of Action on small arms and light weapons: biennial meetings, "
                            "review conferences and what prepares them."),
        uid=uid, url=absolute("calendar.meetings"), source=address_of(wanted), changed=changed,
        language=wanted.language,
    )


def path_of(wanted: FeedFilter) -> str:
    """Where this feed is found, for a link on a page."""
    path = url_for("calendar_feeds.one", slug=wanted.slug) if wanted.slug else url_for("calendar_feeds.whole")
    return f"{path}?{wanted.query}" if wanted.query else path


def address_of(wanted: FeedFilter) -> str:
    """The same, whole."""
    path = absolute("calendar_feeds.one", slug=wanted.slug) if wanted.slug else absolute("calendar_feeds.whole")
    return f"{path}?{wanted.query}" if wanted.query else path


def _replacements(meetings: list[Meeting]) -> dict[uuid.UUID | None, Meeting]:
    ids = {m.replaced_by_id for m in meetings}
    if not ids:
        return {}
    return {m.id: m for m in db.session.scalars(select(Meeting).where(
        Meeting.id.in_(ids), Meeting.published_at.is_not(None), Meeting.start_date.is_not(None)))}


def entry_of(meeting: Meeting, kind: str, countries: dict[str, str], later: Meeting | None) -> ical.Entry:
    """One published, dated meeting as an entry."""
    assert meeting.start_date is not None and meeting.end_date is not None
    url = absolute("calendar.meeting", slug=meeting.slug)
    # people search and glance by the short name; it says little where the title already begins with it
    summary = f"{meeting.short_name}: {meeting.title}"
    lines = []
    if meeting.is_demo:
        lines.append(gettext("Demonstration: this meeting is invented."))
    if meeting.state == "cancelled":
        summary = gettext("Cancelled: %(what)s", what=summary)
        lines.append(gettext("This meeting has been cancelled."))
    elif meeting.state == "postponed":
        summary = gettext("Postponed: %(what)s", what=summary)
        if later is not None and later.start_date is not None and later.end_date is not None:
            lines.append(gettext("Postponed from these dates; held as %(meeting)s on %(days)s.",
                                 meeting=later.short_name, days=format_days(later.start_date, later.end_date)))
        else:
            lines.append(gettext("Postponed from these dates; new ones are not known yet."))
    if meeting.presiding_name:
        role = meeting.presiding_role or gettext("Presiding")
        country = countries.get(meeting.presiding_country or "")
        lines.append(f"{role}: {meeting.presiding_name}" + (f" ({country})" if country else ""))
    if meeting.mandate_text:
        lines.append(gettext("Mandate: %(text)s", text=meeting.mandate_text))
    lines += _how_held(meeting)
    lines.append(url)
    return ical.Entry(
        uid=str(meeting.id), sequence=meeting.sequence, created=meeting.created_at, changed=meeting.changed_at,
        first_day=meeting.start_date, last_day=meeting.end_date, cancelled=meeting.state in ("cancelled", "postponed"),
        summary=summary, location=location_of(meeting, countries), description="\n".join(lines),
        category=kind_name(meeting.kind, kind), url=url,
    )


def location_of(meeting: Meeting, countries: dict[str, str]) -> str:
    """Venue, city and State, or that it is online."""
    if meeting.mode == "virtual":
        return gettext("Online")
    parts = (meeting.venue, meeting.city, countries.get(meeting.country_code or ""))
    place = ", ".join(part for part in parts if part)
    return gettext("%(place)s, and online", place=place) if meeting.mode == "hybrid" and place else place


def _how_held(meeting: Meeting) -> list[str]:
    lines = []
    if meeting.languages:
        lines.append(gettext("Interpretation: %(languages)s", languages=", ".join(
            str(LANGUAGE_NAMES[code]) for code in meeting.languages)))
    if meeting.seats_in_room:
        lines.append(gettext("Seats in the room for each delegation: %(n)s", n=meeting.seats_in_room))
    if meeting.taking_part:
        lines.append(gettext("Taking part from afar: %(how)s", how=meeting.taking_part))
    return lines


def deadline_of(date: DateRow, meeting: Meeting, entry: ical.Entry) -> ical.Entry:
    """A date that follows from a meeting's days as an entry of its own; it holds no longer than the meeting."""
    cancelled = date.dropped or entry.cancelled
    summary = f"{meeting.short_name}: {date.name}"
    if cancelled:
        summary = gettext("No longer holds: %(what)s", what=summary)
    url = date.url or entry.url
    return replace(
        entry, uid=str(date.id or uuid.uuid5(NAMESPACE, f"{date.code}:{meeting.id}")),
        # it changes with the meeting too, whose postponement ends it
        sequence=date.sequence + meeting.sequence, created=date.created_at or entry.created,
        changed=max(date.changed_at or entry.changed, entry.changed), first_day=date.day, last_day=date.day,
        cancelled=cancelled, summary=summary, location="", description="\n".join((meeting.title, url)),
        category=gettext("Dates and deadlines"), url=url, related=entry.uid, at_time=date.at_time,
        zone=meeting.timezone,
    )
