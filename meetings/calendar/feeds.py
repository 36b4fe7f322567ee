"""The feeds: /calendar.ics and one per meeting. A conditional request costs one query over one row; bytes are made
once for each stamp of the calendar and kept."""

from __future__ import annotations

import threading
import uuid
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, current_app, request
from flask_babel import force_locale, gettext
from sqlalchemy import Select, select
from werkzeug.http import http_date

from core import clock
from core.db import db
from core.errors import NotFound
from core.web.access import public
from core.web.formats import format_days
from core.web.links import absolute
from meetings.calendar import ical
from meetings.calendar.models import Meeting, MeetingKind
from meetings.calendar.queries import state_names
from meetings.calendar.stamp import Stamp, current_stamp
from meetings.calendar.words import kind_name

bp = Blueprint("calendar_feeds", __name__)
NAMESPACE = uuid.UUID("0b0f3a5e-91f4-5d8e-8a36-52d0a3a4c3b9")
LANGUAGE = "en"  # a feed has no reader whose language could be known
MOST_KEPT = 512


@dataclass(frozen=True, slots=True)
class Kept:
    """The bytes that go with an entity tag."""

    etag: str
    body: bytes


_kept: OrderedDict[tuple[str, str], Kept] = OrderedDict()
_kept_lock = threading.Lock()


@bp.get("/calendar.ics")
@public
def whole() -> Response:
    """Every published meeting."""
    return _answer("", "placard-calendar.ics")


@bp.get("/meetings/<string:slug>/calendar.ics")
@public
def one(slug: str) -> Response:
    """One published meeting; 404 while its days are not public."""
    return _answer(slug, f"placard-{slug}.ics")


def _answer(slug: str, filename: str) -> Response:
    stamp = current_stamp()
    etag = f"{slug or 'all'}.{stamp.text}.{ical.FORMAT}"
    # werkzeug would let `*` stand for any address, also one that does not exist
    known = request.if_none_match.contains_weak(etag) and not request.if_none_match.star_tag
    if known or (not request.if_none_match and _not_modified_since(stamp)):
        response = Response(status=304)
    else:
        response = Response(_bytes(slug, stamp, etag), content_type="text/calendar; charset=utf-8")
        response.headers["Content-Disposition"] = f'inline; filename="{filename}"'
        if request.if_none_match.star_tag:
            response = Response(status=304)
    response.set_etag(etag)
    response.headers["Cache-Control"] = "public, no-cache"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    # a future date must not be sent, and until the second is over another change could bear the same one
    if stamp.last_modified <= clock.real_now():
        response.headers["Last-Modified"] = http_date(stamp.last_modified)
    return response


def _not_modified_since(stamp: Stamp) -> bool:
    since = request.if_modified_since
    return since is not None and stamp.last_modified <= since.astimezone(UTC) <= clock.real_now()


def _bytes(slug: str, stamp: Stamp, etag: str) -> bytes:
    key = (slug, current_app.extensions["placard_settings"].public_url)
    with _kept_lock:
        kept = _kept.get(key)
        if kept is not None and kept.etag == etag:
            _kept.move_to_end(key)
            return kept.body
    with force_locale(LANGUAGE):
        body = _build(slug, stamp.changed_at)
    with _kept_lock:
        _kept[key] = Kept(etag, body)
        _kept.move_to_end(key)
        while len(_kept) > MOST_KEPT:
            _kept.popitem(last=False)
    return body


# --- making -----------------------------------------------------------------------------------------------------
def _published() -> Select[Any, Any]:
    return (
        select(Meeting, MeetingKind.name).join(MeetingKind, MeetingKind.code == Meeting.kind)
        .where(Meeting.published_at.is_not(None), Meeting.start_date.is_not(None))
    )


def _build(slug: str, changed: datetime) -> bytes:
    statement = _published()
    if slug:
        statement = statement.where(Meeting.slug == slug)
    rows = db.session.execute(statement.order_by(Meeting.start_date, Meeting.id)).all()
    if slug and not rows:
        raise NotFound()
    codes = {code for m, _kind in rows for code in (m.country_code, m.presiding_country) if code}
    countries = state_names(codes)
    later = _replacements([m for m, _kind in rows if m.replaced_by_id is not None])
    entries = [entry_of(m, kind, countries, later.get(m.replaced_by_id)) for m, kind in rows]
    if slug:
        meeting = rows[0][0]
        return ical.build(
            entries, name=meeting.short_name, description=meeting.title, uid=str(uuid.uuid5(NAMESPACE, slug)),
            url=absolute("calendar.meeting", slug=slug), source=absolute("calendar_feeds.one", slug=slug),
            changed=changed,
        )
    return ical.build(
        entries, name=gettext("Programme of Action on small arms: meetings"),
        description=gettext("Meetings of the Programme of Action on small arms and light weapons: biennial meetings, "
                            "review conferences and what prepares them."),
        uid=str(uuid.uuid5(NAMESPACE, "all")), url=absolute("calendar.meetings"),
        source=absolute("calendar_feeds.whole"), changed=changed,
    )


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
