"""Pages of the organiser: new, edit, announce, publish, postpone, new dates, cancel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from accounts.current import current_actor, current_person
from core.errors import IllegalMove, RuleBroken
from core.web.access import needs
from core.web.forms import BaseForm, add_error
from meetings.calendar import service
from meetings.calendar.blueprint import bp
from meetings.calendar.choices import states_for_choice
from meetings.calendar.dates import dates_of
from meetings.calendar.forms import (
    EditDraftForm,
    EditPublishedForm,
    NewMeetingForm,
    ReasonForm,
    RedateForm,
    VersionForm,
)
from meetings.calendar.mandates import mandates_of
from meetings.calendar.queries import (
    MeetingPage,
    MeetingRow,
    get_meeting,
    kinds_for_choice,
    meeting_page,
)
from meetings.calendar.transitions import DRAFT_STATES, MANAGE, MEETING

# offered in the time zone field; any other IANA zone may be typed
ZONES = (
    "America/New_York", "Europe/Zurich", "Europe/Vienna", "Africa/Nairobi", "Africa/Addis_Ababa", "Africa/Lome",
    "Africa/Lagos", "America/Lima", "America/Santiago", "America/Port_of_Spain", "Asia/Bangkok", "Asia/Beirut",
    "Asia/Kathmandu", "Asia/Tokyo", "Pacific/Fiji", "UTC",
)


@dataclass(frozen=True, slots=True)
class Action:
    """One thing the organiser can do now. `primary` marks the next step; `posts` one that needs only a click."""

    label: str
    url: str
    primary: bool = False
    danger: bool = False
    posts: bool = False


def actions_of(meeting: MeetingRow) -> list[Action]:
    """What the state table allows from here, the next step first."""
    def url(name: str) -> str:
        return url_for(f"calendar.{name}", slug=meeting.slug)

    allowed = {move.action for move in MEETING.from_state(meeting.state)}
    found: list[Action] = []
    if meeting.state in ("mandated", "provisional"):
        found.append(Action(_("Set the dates"), url("edit"), primary=True))
    elif "publish" in allowed:
        found.append(Action(_("Publish"), url("publish"), primary=True))
    if meeting.state == "postponed" and meeting.replaced_by_id is None:
        found.append(Action(_("Set new dates"), url("redate"), primary=True))
    elif meeting.state == "published":
        found.append(Action(_("Change the dates"), url("redate")))
        found.append(Action(_("Postpone"), url("postpone")))
    if meeting.state != "cancelled":
        found.append(Action(_("Dates and deadlines"), url("dates")))
    if "announce" in allowed and meeting.announced_at is None:
        found.append(Action(_("Show on the public calendar"), url("announce"), posts=True))
    if "edit" in allowed and meeting.state not in ("mandated", "provisional"):
        found.append(Action(_("Edit"), url("edit")))
    if "cancel" in allowed:
        found.append(Action(_("Cancel the meeting"), url("cancel"), danger=True))
    return found


def _to_meeting(slug: str) -> ResponseReturnValue:
    return redirect(url_for("calendar.meeting", slug=slug), 303)


def _refuse(form: BaseForm, error: RuleBroken) -> None:
    add_error(form, error.field, error.message)


# --- new and edit -----------------------------------------------------------------------------------------------
def _form_page(form: Any, meeting: MeetingRow | None, status: int = 200) -> ResponseReturnValue:
    return render_template("calendar/edit.html", form=form, meeting=meeting, zones=ZONES), status


@bp.get("/meetings/new")
@needs(MANAGE)
def new() -> ResponseReturnValue:
    """An empty form."""
    form = NewMeetingForm()
    form.offer(kinds_for_choice(), states_for_choice())
    return _form_page(form, None)


@bp.post("/meetings/new")
@needs(MANAGE)
def create() -> ResponseReturnValue:
    """Record a meeting; only organisers see it until it is announced or published."""
    form = NewMeetingForm()
    form.offer(kinds_for_choice(), states_for_choice())
    if form.validate_on_submit():
        slug = form.slug.data or service.slug_from(form.short_name.data or "")
        try:
            person = current_person()  # what an invented person records is a demonstration meeting, never a real one
            service.create_meeting(current_actor(), form.facts(), slug=slug, is_demo=bool(person and person.is_demo))
        except RuleBroken as error:
            _refuse(form, error)
        else:
            flash(_("Recorded. Only organisers see this meeting until you publish it."), "success")
            return _to_meeting(slug)
    return _form_page(form, None, 422)


def _values(page: MeetingPage) -> dict[str, Any]:
    row = page.row
    values: dict[str, Any] = {
        name: getattr(row, name) for name in
        ("kind", "ordinal", "short_name", "title", "mode", "city", "venue", "timezone", "version")
    }
    values |= {name: getattr(page, name) for name in (
        "meetings_allotted", "presiding_role", "presiding_name", "mandate_text", "report_deadline", "notes",
        "seats_in_room", "taking_part")}
    values["languages"] = list(page.languages)
    if row.timezone == "UTC" and not row.city:
        values["timezone"] = ZONES[0]  # nobody has chosen yet
    return values | {
        "country_code": row.country_code or "", "presiding_country": page.presiding_country or "",
        "certainty": {"provisional": "provisional", "fixed": "fixed"}.get(row.state, "none"),
        "year": row.year, "start_date": row.start_date, "end_date": row.end_date,
    }


def _edit_form(page: MeetingPage) -> Any:
    MEETING.move(page.row.state, "edit")
    kind = EditDraftForm if page.row.state in DRAFT_STATES else EditPublishedForm
    form = kind(data=_values(page))
    form.offer(kinds_for_choice(page.row.kind), states_for_choice())
    return form


@bp.get("/meetings/<string:slug>/edit")
@needs(MANAGE)
def edit(slug: str) -> ResponseReturnValue:
    """The form with what stands."""
    page = meeting_page(slug, reveal=True)
    return _form_page(_edit_form(page), page.row)


@bp.post("/meetings/<string:slug>/edit")
@needs(MANAGE)
def save(slug: str) -> ResponseReturnValue:
    """Keep what was changed."""
    page = meeting_page(slug, reveal=True)
    form = _edit_form(page)
    if form.validate_on_submit():
        try:
            service.edit_meeting(page.row.id, current_actor(), form.facts(), expected_version=form.version.data)
        except RuleBroken as error:
            _refuse(form, error)
        else:
            flash(_("Saved."), "success")
            return _to_meeting(slug)
    return _form_page(form, page.row, 422)


# --- the acts that the public sees ------------------------------------------------------------------------------
@bp.post("/meetings/<string:slug>/announce")
@needs(MANAGE)
def announce(slug: str) -> ResponseReturnValue:
    """Show that the meeting exists, without its days."""
    meeting = get_meeting(slug, reveal=True)
    service.announce_meeting(meeting.id, current_actor())
    flash(_("The meeting is on the public calendar, without dates."), "success")
    return _to_meeting(slug)


def _step_page(name: str, form: Any, meeting: MeetingRow, status: int = 200, **more: Any) -> ResponseReturnValue:
    return render_template(f"calendar/{name}.html", form=form, meeting=meeting, **more), status


def _step(slug: str, action: str) -> MeetingRow:
    """The meeting, if the state table allows this step now. Raises NotFound, IllegalMove."""
    meeting = get_meeting(slug, reveal=True)
    if MEETING.find(meeting.state, action) is None:
        raise IllegalMove(_("This cannot be done from here: the meeting is “%(state)s”.",
                            state=meeting.officer_status.label), code=f"meeting.{action}.from.{meeting.state}")
    return meeting


@bp.get("/meetings/<string:slug>/publish")
@needs(MANAGE)
def publish(slug: str) -> ResponseReturnValue:
    """What will be public, beside what the mandates ask for."""
    meeting = _step(slug, "publish")
    form = VersionForm(data={"version": meeting.version})
    return _step_page("publish", form, meeting, mandates=mandates_of(meeting),
                      dates=dates_of([meeting.id], reveal=False)[meeting.id])


@bp.post("/meetings/<string:slug>/publish")
@needs(MANAGE)
def publish_now(slug: str) -> ResponseReturnValue:
    """Put it on the public calendar and into the feeds."""
    meeting = _step(slug, "publish")
    form = VersionForm()
    if form.validate_on_submit():
        service.publish_meeting(meeting.id, current_actor(), expected_version=form.version.data)
        flash(_("Published. The calendar and its feeds show the meeting now."), "success")
        return _to_meeting(slug)
    return _step_page("publish", form, meeting, 422, mandates=mandates_of(meeting),
                      dates=dates_of([meeting.id], reveal=False)[meeting.id])


@bp.get("/meetings/<string:slug>/postpone")
@needs(MANAGE)
def postpone(slug: str) -> ResponseReturnValue:
    """Ask why."""
    meeting = _step(slug, "postpone")
    return _step_page("postpone", ReasonForm(data={"version": meeting.version}), meeting)


@bp.post("/meetings/<string:slug>/postpone")
@needs(MANAGE)
def postpone_now(slug: str) -> ResponseReturnValue:
    """The days no longer hold; new ones are not known."""
    meeting = _step(slug, "postpone")
    form = ReasonForm()
    if form.validate_on_submit():
        try:
            service.postpone_meeting(meeting.id, current_actor(), form.reason.data or "",
                                     expected_version=form.version.data)
        except RuleBroken as error:
            _refuse(form, error)
        else:
            flash(_("Postponed. The old dates stay on the page, and the feeds mark them as cancelled."), "success")
            return _to_meeting(slug)
    return _step_page("postpone", form, meeting, 422)


@bp.get("/meetings/<string:slug>/redate")
@needs(MANAGE)
def redate(slug: str) -> ResponseReturnValue:
    """Ask for new days and why."""
    meeting = _step(slug, "redate")
    return _step_page("redate", RedateForm(data={"version": meeting.version}), meeting)


@bp.post("/meetings/<string:slug>/redate")
@needs(MANAGE)
def redate_now(slug: str) -> ResponseReturnValue:
    """Move the meeting."""
    meeting = _step(slug, "redate")
    form = RedateForm()
    if form.validate_on_submit():
        try:
            service.redate_meeting(meeting.id, current_actor(), form.start_date.data, form.end_date.data,
                                   form.reason.data or "", expected_version=form.version.data)
        except RuleBroken as error:
            _refuse(form, error)
        else:
            flash(_("Moved. The old dates stay on the page; the feeds carry the new ones."), "success")
            return _to_meeting(slug)
    return _step_page("redate", form, meeting, 422)


@bp.get("/meetings/<string:slug>/cancel")
@needs(MANAGE)
def cancel(slug: str) -> ResponseReturnValue:
    """Ask why."""
    meeting = _step(slug, "cancel")
    return _step_page("cancel", ReasonForm(data={"version": meeting.version}), meeting)


@bp.post("/meetings/<string:slug>/cancel")
@needs(MANAGE)
def cancel_now(slug: str) -> ResponseReturnValue:
    """The meeting will not be held."""
    meeting = _step(slug, "cancel")
    form = ReasonForm()
    if form.validate_on_submit():
        try:
            service.cancel_meeting(meeting.id, current_actor(), form.reason.data or "",
                                   expected_version=form.version.data)
        except RuleBroken as error:
            _refuse(form, error)
        else:
            flash(_("Cancelled. The page and the entry in the feeds stay, marked as cancelled."), "success")
            return _to_meeting(slug)
    return _step_page("cancel", form, meeting, 422)
