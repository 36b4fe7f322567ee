"""More public views: a month, the search; and the page of a person's own feed."""

from __future__ import annotations

import calendar
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from babel import Locale
from flask import Response, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale
from flask_babel import gettext as _
from sqlalchemy import and_

from accounts.current import current_actor
from accounts.permissions import allows
from core import clock
from core.errors import NotFound
from core.text import one_line
from core.web.access import public, signed_in
from core.web.links import absolute
from meetings.calendar import subscriptions
from meetings.calendar.blueprint import bp
from meetings.calendar.choices import list_choices
from meetings.calendar.dates import DateRow, dates_of
from meetings.calendar.feed_entries import address_of
from meetings.calendar.feed_filters import ONLINE
from meetings.calendar.models import Meeting
from meetings.calendar.queries import MeetingRow, kinds_for_choice, list_rows, seen_start
from meetings.calendar.record_forms import FeedForm
from meetings.calendar.search import MAX_LENGTH, search, words_of
from meetings.calendar.transitions import MANAGE

FIRST_YEAR, LAST_YEAR = 1990, 2100
AROUND = timedelta(days=460)  # how far from its meeting a date may fall and still be found for its month


# --- a month ------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class MonthDay:
    """One day of a month's page: meetings in session, and dates that fall on it with their meeting."""

    day: date
    inside: bool
    is_today: bool
    meetings: tuple[MeetingRow, ...]
    dates: tuple[tuple[DateRow, MeetingRow], ...]


def weeks_of(
    year: int, month: int, today: date, meetings: Sequence[MeetingRow], dates: Sequence[tuple[DateRow, MeetingRow]]
) -> list[list[MonthDay]]:
    """The weeks of a month, Monday first, with what is on each day."""
    on: dict[date, list[tuple[DateRow, MeetingRow]]] = defaultdict(list)
    for row, meeting in dates:
        on[row.day].append((row, meeting))
    return [[
        MonthDay(day, day.month == month, day == today,
                 tuple(m for m in meetings if m.start_date and m.end_date and m.start_date <= day <= m.end_date),
                 tuple(on[day]) if day.month == month else ())
        for day in week
    ] for week in calendar.Calendar().monthdatescalendar(year, month)]


@bp.get("/meetings/month")
@public
def this_month() -> ResponseReturnValue:
    """The month under way, or the one that was asked for in a form."""
    today = clock.today()
    wanted = re.fullmatch(r"(\d{4})-(\d{1,2})", request.args.get("month", "").strip())
    year, month = (int(wanted[1]), int(wanted[2])) if wanted else (today.year, today.month)
    if not (FIRST_YEAR <= year <= LAST_YEAR and 1 <= month <= 12):
        year, month = today.year, today.month
    return redirect(url_for("calendar.month", year=year, month=month, kind=request.args.get("kind") or None), 302)


@bp.get("/meetings/month/<int:year>/<int:month>")
@public
def month(year: int, month: int) -> ResponseReturnValue:
    """What happens in one month: meetings day by day, and the dates that fall into it. Six queries."""
    if not (FIRST_YEAR <= year <= LAST_YEAR and 1 <= month <= 12):
        raise NotFound()
    reveal = allows(current_actor(), MANAGE)
    choices = list_choices(reveal=reveal)
    kind = request.args.get("kind") if request.args.get("kind") in dict(choices.kinds) else None
    first = date(year, month, 1)
    last = date(year, month, calendar.monthrange(year, month)[1])
    start = seen_start(reveal)
    near = and_(start.is_not(None), start >= first - AROUND, start <= last + AROUND)
    rows = list_rows(near if kind is None else and_(near, Meeting.kind == kind), reveal=reveal)
    by_id = {row.id: row for row in rows if row.phase not in ("postponed", "cancelled")}
    dates = [(d, by_id[key]) for key, found in dates_of(by_id, reveal=reveal).items() for d in found
             if first <= d.day <= last]
    meetings = [m for m in rows if m.start_date and m.end_date and m.start_date <= last and m.end_date >= first]
    locale = get_locale() or Locale("en")
    weeks = weeks_of(year, month, clock.today(), meetings, dates)
    return render_template(
        "calendar/month.html", weeks=weeks, first=first, kind=kind, kinds=choices.kinds, meetings=meetings,
        title=locale.months["stand-alone"]["wide"][month] + f" {year}",
        weekdays=[locale.days["stand-alone"]["abbreviated"][n] for n in range(7)],
        weekdays_whole=[locale.days["stand-alone"]["wide"][n] for n in range(7)],
        before=_other_month(first - timedelta(days=1), kind), after=_other_month(last + timedelta(days=1), kind),
        any_date=bool(dates))


def _other_month(day: date, kind: str | None) -> tuple[str, str] | None:
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        return None
    locale = get_locale() or Locale("en")
    return (f"{locale.months['stand-alone']['wide'][day.month]} {day.year}",
            url_for("calendar.month", year=day.year, month=day.month, kind=kind))


# --- search -------------------------------------------------------------------------------------------------------
@bp.get("/meetings/search")
@public
def find() -> ResponseReturnValue:
    """What all rooms hold that answers the words."""
    text = one_line(request.args.get("q", ""))
    actor = current_actor()
    found = search(text, actor, reveal=allows(actor, MANAGE), label=_("Meetings"))
    return render_template("calendar/search.html", text=text[:MAX_LENGTH], found=found, asked=bool(words_of(text)),
                           total=sum(part.total for part in found))


# --- one's own feed -----------------------------------------------------------------------------------------------
def _feed_form(form: FeedForm) -> FeedForm:
    choices = list_choices()
    chosen = [place for place in form.place.data or () if place not in choices.cities and place != ONLINE]
    places = [(city, city) for city in (*choices.cities, *chosen)]
    places += [(ONLINE, _("Online"))] if choices.online or ONLINE in (form.place.data or ()) else []
    codes = current_app.extensions["placard_languages"]
    form.offer(kinds_for_choice(), places, [(code, str(Locale.parse(code).get_display_name(code))) for code in codes])
    return form


def _feed_page(form: FeedForm, status: int = 200, secret: str | None = None) -> Any:
    standing = subscriptions.subscription_of(current_actor().person_id)
    public_address = address_of(standing.wanted) if standing else None
    return render_template(
        "calendar/my_feed.html", form=form, standing=standing, public_address=public_address,
        address=absolute("calendar_feeds.own", token=secret) if secret else None), status


@bp.get("/meetings/my-feed")
@signed_in
def my_feed() -> ResponseReturnValue:
    """Whether this person has a feed, and what it brings."""
    standing = subscriptions.subscription_of(current_actor().person_id)
    values: dict[str, Any] = {"version": 0, "dates": True, "lang": str(get_locale() or "en")}
    if standing is not None:
        values = {"version": standing.version, "by_mail": standing.by_mail, **standing.wanted.stored}
    return _feed_page(_feed_form(FeedForm(data=values)))  # type: ignore[no-any-return]


@bp.post("/meetings/my-feed")
@signed_in
def save_feed() -> ResponseReturnValue:
    """The same address brings something else; without one, the first is made and shown, once."""
    form = _feed_form(FeedForm())
    if not form.validate_on_submit():
        return _feed_page(form, 422)  # type: ignore[no-any-return]
    actor = current_actor()
    if subscriptions.subscription_of(actor.person_id) is None:
        return _shown_once(form, subscriptions.make(actor, form.wanted(), by_mail=bool(form.by_mail.data)))
    subscriptions.change(actor, form.wanted(), by_mail=bool(form.by_mail.data), expected_version=form.version.data)
    flash(_("Saved. Your address stays the same."), "success")
    return redirect(url_for("calendar.my_feed"), 303)


@bp.post("/meetings/my-feed/new-address")
@signed_in
def renew_feed() -> ResponseReturnValue:
    """Another address; the one before stops working."""
    actor = current_actor()
    standing = subscriptions.subscription_of(actor.person_id)
    if standing is None:
        raise NotFound()
    secret = subscriptions.make(actor, standing.wanted, by_mail=standing.by_mail)
    values = {"version": 1, "by_mail": standing.by_mail, **standing.wanted.stored}
    return _shown_once(_feed_form(FeedForm(formdata=None, data=values)), secret)


def _shown_once(form: FeedForm, secret: str) -> Response:
    form.version.data = 1
    page, _status = _feed_page(form, secret=secret)
    response = Response(page, content_type="text/html; charset=utf-8")
    response.headers["Cache-Control"] = "private, no-store"
    return response


@bp.post("/meetings/my-feed/revoke")
@signed_in
def revoke_feed() -> ResponseReturnValue:
    """The address no longer works."""
    subscriptions.revoke(current_actor())
    flash(_("The address no longer works."), "success")
    return redirect(url_for("calendar.my_feed"), 303)
