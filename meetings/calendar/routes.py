"""Public pages of the calendar: home, list, the cycle, one meeting."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from flask import current_app, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale, ngettext
from flask_babel import gettext as _
from markupsafe import Markup
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from accounts.current import current_actor
from accounts.permissions import allows
from accounts.queries import person_labels
from core import clock, events
from core.machines import State
from core.web.access import public
from core.web.downloads import download
from core.web.formats import day_html, format_days
from core.web.tables import Column, Filter, Table, TableQuery
from core.web.timeline import timeline_items
from meetings.calendar import date_routes, organiser, record_routes, views
from meetings.calendar.blueprint import bp
from meetings.calendar.choices import Choices, list_choices
from meetings.calendar.cycles import cycle_span, cycles, picture
from meetings.calendar.feed_entries import address_of, path_of
from meetings.calendar.feed_filters import LANGUAGE, STATUSES, FeedFilter
from meetings.calendar.mandates import mandates_of
from meetings.calendar.panels import home_panels, meeting_panels
from meetings.calendar.queries import (
    MeetingPage,
    MeetingRow,
    list_meetings,
    meeting_page,
    meetings_between,
    next_meeting,
)
from meetings.calendar.transitions import MANAGE, MEETING
from meetings.calendar.words import DOCUMENT_NAMES, LANGUAGE_NAMES, MODE_NAMES, PHASES, ROLE_NAMES, in_days

__all__ = ["bp", "date_routes", "organiser", "record_routes", "views"]
DOORS = ("/sponsorship/", "/donate/")  # stable addresses of rooms that this one must not import


@bp.app_template_global("meeting_days")
def meeting_days(meeting: MeetingRow) -> str:
    """The days of a meeting, or its year and that no days are known."""
    return meeting.days_text or str(meeting.year)


@bp.app_template_global("undated_words")
def undated_words(meeting: MeetingRow) -> str:
    """Why a meeting shows no days."""
    if meeting.phase in ("held", "cancelled"):
        return _("dates not on record")
    return _("dates not fixed yet")


@bp.app_template_global("days_or_none")
def days_or_none(start: date | None, end: date | None) -> str:
    """A span of days; words where there was none."""
    return format_days(start, end) if start and end else _("no dates")


@dataclass(frozen=True, slots=True)
class Feed:
    """Where a calendar program finds a feed: a path for people, an address that subscribes."""

    path: str
    webcal: str


@bp.app_template_global("calendar_feed")
def calendar_feed(slug: str | None = None, wanted: FeedFilter | None = None) -> Feed:
    """The feed of one meeting, or of all that a filter lets through, in the reader's language."""
    wanted = replace(wanted or FeedFilter(), slug=slug or "", language=str(get_locale() or LANGUAGE))
    return Feed(path_of(wanted), "webcal://" + address_of(wanted).split("://", 1)[1])


@dataclass(frozen=True, slots=True)
class Step:
    """What happens next with a meeting."""

    what: str
    who: str | None = None
    by: date | None = None


def next_step(meeting: MeetingRow, organises: bool) -> Step:
    """What happens next, who acts and by when; in the organiser's words for organisers."""
    if organises:
        return Step(*{
            "mandated": (_("Set the dates, provisional or fixed. Nobody else sees them before you publish."),),
            "provisional": (_("Settle the dates and mark them as fixed."),),
            "fixed": (_("Check the dates against the mandate and publish them."), None, meeting.start_date),
            "published": (_("Nothing waits for you. If the dates change, say so here: people and deadlines follow."),),
            "postponed": (_("Set the new dates once they are known.") if meeting.replaced_by_id is None
                          else _("Nothing: another meeting took its place."),),
            "cancelled": (_("Nothing: the meeting is cancelled, and its record stays."),),
            "held": (_("Nothing waits for you. The record can still be corrected."),),
        }[meeting.state])
    organiser_acts = _("The organiser")
    return {
        "undated": Step(_("The dates will be fixed and published here."), organiser_acts),
        "upcoming": Step(_("The meeting opens."), _("Delegations"), meeting.start_date),
        "in_session": Step(_("The meeting is in session until its last day."), _("Delegations"), meeting.end_date),
        "held": Step(_("Nothing: this meeting has been held.")),
        "postponed": Step(_("New dates will be published here."), organiser_acts)
        if meeting.replaced_by_id is None else Step(_("Nothing: another meeting took its place.")),
        "cancelled": Step(_("Nothing: this meeting will not be held.")),
    }[meeting.phase]


def _is_organiser() -> bool:
    return allows(current_actor(), MANAGE)


def _doors() -> frozenset[str]:
    """The addresses of other rooms that the home page may lead to: those that answer here. Found once."""
    found: frozenset[str] | None = current_app.extensions.get("calendar_doors")
    if found is None:
        found = current_app.extensions["calendar_doors"] = frozenset(path for path in DOORS if _answers(path))
    return found


def _answers(path: str) -> bool:
    try:
        current_app.url_map.bind("").match(path, method="GET")
    except RequestRedirect:
        return True
    except HTTPException:
        return False
    return True


@bp.get("/")
@public
def home() -> ResponseReturnValue:
    """What the world sees first: the next meeting, the cycle under way, what other rooms add."""
    today = clock.today()
    first, last = cycle_span(today.year)
    following = next_meeting()
    rows = meetings_between(first, last)
    return render_template(
        "calendar/home.html", next=following, next_in=_distance(following), cycle=cycles(rows, today)[-1],
        panels=home_panels(), doors=_doors(), today=today,
    )


def _distance(meeting: MeetingRow | None) -> str | None:
    if meeting is None or meeting.start_date is None or meeting.phase != "upcoming":
        return None
    return in_days(meeting.start_date, clock.today())


# --- the list ---------------------------------------------------------------------------------------------------
def _filters(choices: Choices, organises: bool) -> list[Filter]:
    phases = [(code, state.label) for code, state in PHASES.items()]
    if organises:
        phases.append(("draft", _("Seen by organisers only")))
    places = [(city, city) for city in choices.cities] + ([("online", _("Online"))] if choices.online else [])
    return [
        Filter("kind", _("Kind"), choices.kinds),
        Filter("year", _("Year"), [(str(year), str(year)) for year in choices.years]),
        Filter("place", _("Place"), places),
        Filter("status", _("Status"), phases),
    ]


def place_text(meeting: MeetingRow) -> str | None:
    """The city, or that it is online."""
    if meeting.mode == "virtual":
        return _("Online")
    if meeting.mode == "hybrid" and meeting.city:
        return _("%(city)s and online", city=meeting.city)
    return meeting.city


def _name_cell(meeting: MeetingRow) -> Markup:
    mark = Markup(' <span class="demo-mark">{}</span>').format(_("Demonstration")) if meeting.is_demo else ""
    return Markup("<bdi>{}</bdi>{}").format(meeting.short_name, mark)


def _officer_status(meeting: MeetingRow) -> State | str:
    """The state in the organiser's words; nothing where the public word beside it says as much."""
    told = meeting.state == "published" or str(meeting.officer_status.label) == str(meeting.status.label)
    return "" if told else meeting.officer_status


def _columns(organises: bool, rows: Sequence[MeetingRow]) -> list[Column]:
    columns = [
        Column("name", _("Meeting"), sortable=True, heading=True, render=_name_cell),
        Column("when", _("Dates"), sortable=True,
               render=lambda m: Markup("<bdi>{}</bdi>").format(m.days_text or f"{m.year}, {undated_words(m)}")),
        Column("place", _("Place"), sortable=True, render=place_text),
        Column("kind", _("Kind"), sortable=True, render=lambda m: m.kind_name),
        Column("status", _("Status"), render=lambda m: m.status),
    ]
    if organises and any(_officer_status(row) for row in rows):
        columns.append(Column("state", _("For organisers"), render=_officer_status))
    return columns


def _csv_columns() -> list[Column]:
    """Plain headings that programs can rely on, in English."""
    return [
        Column("slug", "id"), Column("short_name", "short_name"), Column("title", "title"), Column("kind", "kind"),
        Column("ordinal", "ordinal"), Column("year", "year"), Column("start_date", "first_day"),
        Column("end_date", "last_day"), Column("city", "city"), Column("country_code", "country"),
        Column("mode", "mode"), Column("phase", "status"), Column("is_demo", "demonstration"),
    ]


@bp.get("/meetings/")
@public
def meetings() -> ResponseReturnValue:
    """Every meeting, with filters, as a table or a CSV file."""
    organises = _is_organiser()
    filters = _filters(list_choices(reveal=organises), organises)
    query = TableQuery.from_args(
        request.args, ("name", "when", "place", "kind"), filters, default_sort="when", default_direction="desc")
    rows, total = list_meetings(query, reveal=organises)
    if query.format:
        return download(query, _csv_columns(), rows, "placard-meetings")
    table = Table(
        _("Meetings"), _columns(organises, rows), rows, filters=filters, query=query, total=total,
        base_url=url_for("calendar.meetings"), row_url=lambda m: url_for("calendar.meeting", slug=m.slug),
        empty_title=_("No meetings yet"), empty_text=_("Meetings appear here once the organiser has announced them."),
    )
    return render_template("calendar/meetings.html", table=table, organises=organises, wanted=_as_feed(query))


def _as_feed(query: TableQuery) -> FeedFilter:
    """The filters of the list as those of a feed, so that what is seen can be subscribed to."""
    def given(name: str) -> tuple[str, ...]:
        value = query.get(name)
        return (value,) if value else ()

    return FeedFilter(given("kind"), tuple(int(year) for year in given("year")), given("place"),
                      tuple(status for status in given("status") if status in STATUSES))


@bp.get("/meetings/timeline")
@public
def timeline() -> ResponseReturnValue:
    """The whole rhythm since 2001: a picture, and the same in lists by cycle."""
    today = clock.today()
    rows = meetings_between(2001, 2100)
    return render_template(
        "calendar/timeline.html", cycles=list(reversed(cycles(rows, today))), picture=picture(rows, today))


# --- one meeting ------------------------------------------------------------------------------------------------
@bp.get("/meetings/<string:slug>/")
@public
def meeting(slug: str) -> ResponseReturnValue:
    """Everything about one meeting; organisers also see its drafts, its next step and who did what."""
    organises = _is_organiser()
    page = meeting_page(slug, reveal=organises)
    happened = []
    if organises:
        history = events.history("meeting", page.row.id)
        happened = list(reversed(timeline_items(
            history, MEETING, person_labels(h.actor_id for h in history),
            {"create": _("Recorded"), "load": _("Loaded from the reference calendar"),
             "set": _("Deadlines set"), "keep": _("Deadline looked at again")})))
    return render_template(
        "calendar/meeting.html", page=page, meeting=page.row, organises=organises, happened=happened,
        panels=meeting_panels(page.row), facts=_facts(page), documents=_documents(page), next_in=_distance(page.row),
        step=next_step(page.row, organises), unverified=[_plain(item) for item in page.unverified],
        actions=organiser.actions_of(page.row) if organises else (),
        compared=mandates_of(page.row) if allows(current_actor(), "calendar.mandates.view") else (),
    )


def _facts(page: MeetingPage) -> list[tuple[Any, Any]]:
    row, facts = page.row, []
    days = row.days_text or f"{row.year}, {undated_words(row)}"
    facts.append((_("First dates") if row.phase == "postponed" else _("Dates"), days))
    if row.mode == "virtual":
        facts.append((_("Place"), _("Online")))
    elif row.city or row.venue:
        country = page.countries.get(row.country_code or "")
        facts.append((_("Place"), ", ".join(part for part in (row.venue, row.city, country) if part)))
    facts.append((_("Kind"), row.kind_name))
    if row.mode != "in_person" or page.taking_part or page.seats_in_room:
        facts.append((_("How it is held"), MODE_NAMES[row.mode]))
    if page.taking_part:
        facts.append((_("Taking part from afar"), page.taking_part))
    if page.seats_in_room:
        facts.append((_("Seats in the room"), ngettext(
            "%(num)s for each delegation", "%(num)s for each delegation", page.seats_in_room)))
    if page.languages:
        facts.append((_("Interpretation"), ", ".join(str(LANGUAGE_NAMES[code]) for code in page.languages)))
    if page.presiding_name:
        role = page.presiding_role or ""
        facts.append((ROLE_NAMES.get(role) or role or _("Presiding officer"), _presiding(page)))
    if page.bureau:
        facts.append((_("Bureau"), _bureau(page)))
    if page.mandate_text:
        facts.append((_("Mandate"), page.mandate_text))
    if page.meetings_allotted:
        facts.append((_("Length granted"), _("%(n)s plenary meetings", n=page.meetings_allotted)))
    if page.report_deadline and not any(date.code == "reports" for date in page.dates):
        facts.append((_("National reports"), Markup("{} {}").format(_("asked for by"), day_html(page.report_deadline))))
    return facts


def _plain(item: str) -> str:
    """A field of the reference file as words: `documents.outcome_draft` becomes `documents: outcome draft`."""
    return re.sub(r"(?<=[a-z])\.(?=[A-Za-z])", ": ", item).replace("_", " ")


def _placard(name: str) -> Markup:
    return Markup('<span class="placard">{}</span>').format(name)


def _presiding(page: MeetingPage) -> Markup:
    name = Markup("<bdi>{}</bdi>").format(page.presiding_name)
    country = page.countries.get(page.presiding_country or "")
    return name + Markup(" ") + _placard(country) if country else name


def _bureau(page: MeetingPage) -> Markup:
    codes = [code for codes in (page.bureau or {}).values() for code in codes or ()]
    names = sorted(page.countries.get(code, code) for code in codes)
    return Markup(" ").join(_placard(name) for name in names)


def _documents(page: MeetingPage) -> list[tuple[str, str, bool]]:
    """(what, symbol or address, whether it is an address), one line for each paper."""
    found = []
    for key, value in page.documents.items():
        label = str(DOCUMENT_NAMES.get(key) or key.replace("_", " ").capitalize())
        for item in value if isinstance(value, list) else [value]:
            found.append((label, str(item), str(item).startswith(("http://", "https://"))))
    return found
