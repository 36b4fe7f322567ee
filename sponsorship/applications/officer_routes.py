"""Pages of the fund's officers on calls: made, edited, opened, suspended, cancelled."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from accounts.current import current_actor
from accounts.permissions import allows
from core import clock
from core.errors import NotFound, RuleBroken, Stale
from core.money import usd
from core.web.access import needs
from core.web.downloads import download
from core.web.formats import instant_html
from core.web.forms import add_error
from core.web.tables import Column, Filter, Table, TableQuery
from core.web.timeline import timeline_items
from meetings.calendar.queries import MeetingRow, meeting_by_id, meetings_for_choice
from sponsorship.applications import call_service, chairs, officer_queries, ranking_service
from sponsorship.applications.call_forms import CallDatesForm, CallForm, CopyForm, PanelDayForm
from sponsorship.applications.call_terms import MOST_QUESTIONS
from sponsorship.applications.forms import VersionedForm
from sponsorship.applications.models import CRITERIA, EQUITY_CRITERIA, SCREENED_CRITERIA
from sponsorship.applications.next_steps import for_call
from sponsorship.applications.officer_forms import ReasonForm
from sponsorship.applications.officer_queries import CallPage
from sponsorship.applications.queries import call_by_id
from sponsorship.applications.transitions import APPLICATION, CALL
from sponsorship.applications.words import (
    CRITERION_NAMES,
    CRITERION_SHORT,
    DECIDED_BY_NAMES,
    ELIGIBILITY_NAMES,
    INELIGIBLE_SENTENCES,
    OUTCOME_NAMES,
    PACKAGE_NAMES,
    SEX_NAMES,
    call_words,
    fact_name,
)

bp = Blueprint("calls", __name__)
Page = str | Response | tuple[str, int]


@bp.context_processor
def officers_words() -> dict[str, Any]:
    """Words and helpers of the officers' templates."""
    return {
        "CALL": CALL, "APPLICATION": APPLICATION, "criterion_names": CRITERION_NAMES,
        "criterion_short": CRITERION_SHORT, "decided_by_names": DECIDED_BY_NAMES, "package_names": PACKAGE_NAMES,
        "sex_names": SEX_NAMES, "outcome_names": OUTCOME_NAMES, "eligibility_names": ELIGIBILITY_NAMES,
        "ineligible_sentences": INELIGIBLE_SENTENCES, "fact_name": fact_name, "usd": usd,
        **call_words(),
        "may": lambda permission: allows(current_actor(), permission),
    }


# --- calls ------------------------------------------------------------------------------------------------------
@bp.get("/sponsorship/calls/")
@needs("application.view_all")
def list_calls() -> str | Response:
    """Every call, drafts too."""
    filters = [Filter("state", _("Status"), [(s.code, s.label) for s in CALL.states])]
    query = TableQuery.from_args(request.args, (), filters)
    rows = officer_queries.list_calls(query.get("state"))
    columns = [
        Column("reference", _("Call")),
        Column("meeting", _("Meeting")),
        Column("opens_at", _("Opens"), render=lambda r: instant_html(r.opens_at, r.zone)),
        Column("closes_at", _("Closes"), render=lambda r: instant_html(r.closes_at, r.zone)),
        Column("received", _("Applications received"), numeric=True),
        Column("state", _("Status"), render=lambda r: r.status, csv=lambda r: r.status.label),
    ]
    if query.format:
        return download(query, columns, rows, "calls")
    table = Table(_("Calls"), columns, rows, filters=filters, query=query, base_url=url_for(".list_calls"),
                  row_url=lambda r: url_for(".manage", id=r.id), empty_title=_("No call yet"),
                  empty_text=_("A call invites States to apply for one meeting."))
    return render_template("applications/officer/calls.html", table=table)


def _manage_form(call_id: uuid.UUID | None, values: Any = None) -> tuple[CallForm, dict[str, MeetingRow]]:
    meetings = {str(m.id): m for m in meetings_for_choice() if m.state == "published" or call_id is not None}
    if call_id is not None:
        own = meeting_by_id(call_by_id(call_id).meeting_id)
        meetings.setdefault(str(own.id), own)
    form = CallForm(**({"formdata": None} if values is None else {}))
    form.offer(list(meetings.values()), officer_queries.pool_choices())
    return form, meetings


def _show_form(form: CallForm, page: CallPage | None, status: int = 200) -> tuple[str, int]:
    last = officer_queries.last_call() if page is None else None
    return render_template("applications/officer/call_form.html", form=form, page=page, last=last,
                           rules=range(1, len(CRITERIA) + 1), lines=range(1, MOST_QUESTIONS + 1)), status


@bp.get("/sponsorship/calls/new")
@needs("call.manage")
def new() -> Page:
    """A form for a new call."""
    form, _meetings = _manage_form(None)
    form.version.data = 0
    for n, code in enumerate((*SCREENED_CRITERIA, *EQUITY_CRITERIA), 1):
        form[f"criterion_{n}"].data = code
    return _show_form(form, None)


@bp.post("/sponsorship/calls/new")
@needs("call.manage")
def create() -> Page:
    """Make a call in draft."""
    form, meetings = _manage_form(None, request.form)
    values = form.values(meetings[form.meeting_id.data].timezone) if form.validate() else None
    if values is None:
        return _show_form(form, None, 422)
    try:
        call_id = call_service.create_call(values, current_actor())
    except RuleBroken as e:
        add_error(form, e.field, e.message)
        return _show_form(form, None, 422)
    return redirect(url_for(".manage", id=call_id), 303)


def _copy_form(page: CallPage, filled: bool) -> CopyForm:
    form = CopyForm() if filled else CopyForm(formdata=None)
    form.offer([m for m in meetings_for_choice() if m.state == "published" and m.id != page.meeting.id
                and m.is_demo == page.call.is_demo])
    return form


@bp.get("/sponsorship/calls/<uuid:id>/copy")
@needs("call.manage")
def ask_copy(id: uuid.UUID) -> str:
    """For which meeting the terms of this call are taken over."""
    page = officer_queries.call_page(id)
    form = _copy_form(page, False)
    form.version.data = page.call.version
    return render_template("applications/officer/copy.html", page=page, form=form)


@bp.post("/sponsorship/calls/<uuid:id>/copy")
@needs("call.manage")
def copy(id: uuid.UUID) -> Page:
    """Make a draft with the terms of this call and open it for a last look."""
    page = officer_queries.call_page(id)
    form = _copy_form(page, True)
    if form.validate():
        try:
            made = call_service.copy_call(id, uuid.UUID(form.meeting_id.data), current_actor())
        except RuleBroken as e:
            add_error(form, e.field if e.field in form else None, e.message)
        else:
            flash(_("A draft with the same terms. Check its dates and estimates, then let it open."), "success")
            return redirect(url_for(".edit", id=made), 303)
    return render_template("applications/officer/copy.html", page=page, form=form), 422


@bp.get("/sponsorship/calls/<uuid:id>/edit")
@needs("call.manage")
def edit(id: uuid.UUID) -> Page:
    """Change a call."""
    page = officer_queries.call_page(id)
    if page.call.state not in call_service.EDITABLE:
        return redirect(url_for(".manage", id=id), 303)
    form, _meetings = _manage_form(id)
    form.fill(page.call, page.meeting.timezone)
    return _show_form(form, page)


@bp.post("/sponsorship/calls/<uuid:id>/edit")
@needs("call.manage")
def save(id: uuid.UUID) -> Page:
    """Keep the changes."""
    page = officer_queries.call_page(id)
    form, meetings = _manage_form(id, request.form)
    values = form.values(meetings[form.meeting_id.data].timezone) if form.validate() else None
    if values is None:
        return _show_form(form, page, 422)
    try:
        call_service.edit_call(id, values, form.shown, current_actor())
    except RuleBroken as e:
        add_error(form, e.field, e.message)
        return _show_form(form, page, 422)
    except Stale:
        return stale_page(form, lambda: _show_form(form, officer_queries.call_page(id), 409), id)
    flash(_("The call has been saved."), "success")
    return redirect(url_for(".manage", id=id), 303)


def stale_page(form: Any, again: Callable[[], tuple[str, int]], call_id: uuid.UUID) -> tuple[str, int]:
    """Somebody was faster: what was typed stays, the page says so, and sending again is a decision."""
    form.version.data = call_by_id(call_id).version
    add_error(form, None, _("Somebody has changed this call since you opened the page. Your words are still here; "
                            "look at the call before you send them again."))
    return again()


@bp.get("/sponsorship/calls/<uuid:id>/manage")
@needs("application.view_all")
def manage(id: uuid.UUID) -> str:
    """A call as officers work on it."""
    page = officer_queries.call_page(id)
    past, people = officer_queries.call_history(id)
    labels = {"create": _("Call made"), "edit": _("Call changed"), "announce": _("Announced to focal points"),
              "recuse": _("A panel member declared an interest"),
              "chair": _("A Chair designated for the panel"), "chair_end": _("The Chair’s designation ended"),
              "recommend_part": _("Part of the recommendation recorded"),
              "recommend_anew": _("Half a recommendation put aside")}
    return render_template(
        "applications/officer/manage.html", page=page, next=for_call(page.call, page.to_screen, clock.now()),
        timeline=timeline_items(past, CALL, people, labels), moves=CALL.from_state(page.call.state),
        editable=page.call.state in call_service.EDITABLE, panel_ahead=page.call.state in call_service.PANEL_AHEAD,
        chairs=chairs.designations(id) if page.call.governance == "secretariat_chair" else None,
        chairable=page.call.state in chairs.OPEN,
    )


@bp.route("/sponsorship/calls/<uuid:id>/panel-day", methods=["GET", "POST"])
@needs("call.manage")
def panel_day(id: uuid.UUID) -> Page:
    """When the panel meets; it is often fixed only once the call has closed."""
    page = officer_queries.call_page(id)
    form = PanelDayForm()
    if request.method == "GET":
        form.version.data, form.panel_meets_on.data = page.call.version, page.call.panel_meets_on
    elif form.validate_on_submit():
        try:
            call_service.set_panel_day(id, form.panel_meets_on.data, form.shown, current_actor())
        except RuleBroken as e:
            add_error(form, e.field, e.message)
        else:
            return redirect(url_for(".manage", id=id), 303)
    body = render_template("applications/officer/panel_day.html", page=page, form=form)
    return (body, 422) if request.method == "POST" else body


_STEPS: dict[str, Callable[..., None]] = {
    "schedule": call_service.schedule_call,
    "unschedule": call_service.unschedule_call,
    "open": call_service.open_now,
    "resume": call_service.resume_call,
}


@bp.get("/sponsorship/calls/<uuid:id>/open")
@needs("call.manage")
def check_open(id: uuid.UUID) -> Page:
    """What follows once a call opens, now or by schedule: the terms stand and every focal point is told."""
    page = officer_queries.call_page(id)
    if page.call.state not in ("draft", "scheduled"):
        return redirect(url_for(".manage", id=id), 303)
    return render_template("applications/officer/open.html", page=page, now=clock.now())


@bp.post("/sponsorship/calls/<uuid:id>/move/<string:action>")
@needs("call.manage")
def move(id: uuid.UUID, action: str) -> Page:
    """Schedule, open now, take back into draft, go on after a postponement."""
    if action not in _STEPS:
        raise NotFound()
    form = VersionedForm()
    if not form.validate():
        raise Stale()
    try:
        _STEPS[action](id, form.shown, current_actor())
    except RuleBroken as e:
        flash(str(e.message), "warning")
    return redirect(url_for(".manage", id=id), 303)


@bp.get("/sponsorship/calls/<uuid:id>/reopen")
@needs("call.manage")
def ask_reopen(id: uuid.UUID) -> Page:
    """New dates after a postponement."""
    page = officer_queries.call_page(id)
    if page.call.state != "suspended":
        return redirect(url_for(".manage", id=id), 303)
    form = CallDatesForm(formdata=None)
    form.version.data = page.call.version
    return render_template("applications/officer/reopen.html", page=page, form=form)


@bp.post("/sponsorship/calls/<uuid:id>/reopen")
@needs("call.manage")
def reopen(id: uuid.UUID) -> Page:
    """Open again for the new dates."""
    page = officer_queries.call_page(id)
    form = CallDatesForm()
    instants = form.instants(page.meeting.timezone) if form.validate() else None
    if instants is None:
        return render_template("applications/officer/reopen.html", page=page, form=form), 422
    try:
        call_service.reopen_call(id, *instants, form.decide_by.data or page.call.decide_by, form.shown, current_actor())
    except RuleBroken as e:
        add_error(form, e.field, e.message)
        return render_template("applications/officer/reopen.html", page=page, form=form), 422
    except Stale:
        return stale_page(
            form, lambda: (render_template("applications/officer/reopen.html", page=page, form=form), 409), id)
    return redirect(url_for(".manage", id=id), 303)


def _reason_page(page: CallPage, form: ReasonForm, step: str) -> str:
    return render_template("applications/officer/reason.html", page=page, form=form, step=step)


@bp.get("/sponsorship/calls/<uuid:id>/cancel")
@needs("call.manage")
def ask_cancel(id: uuid.UUID) -> Page:
    """Ask for the reason before a call is cancelled."""
    return _ask_reason(id, "cancel")


@bp.post("/sponsorship/calls/<uuid:id>/cancel")
@needs("call.manage")
def cancel(id: uuid.UUID) -> Page:
    """Cancel a call and every application under it."""
    return _with_reason(id, "cancel", call_service.cancel_call)


@bp.get("/sponsorship/calls/<uuid:id>/back-to-screening")
@needs("application.screen")
def ask_back(id: uuid.UUID) -> Page:
    """Ask for the reason before a ranking is put aside."""
    return _ask_reason(id, "back_to_screening")


@bp.post("/sponsorship/calls/<uuid:id>/back-to-screening")
@needs("application.screen")
def back(id: uuid.UUID) -> Page:
    """Put the ranking aside."""
    def command(call_id: uuid.UUID, version: int, reason: str, actor: Any) -> None:
        ranking_service.back_to_screening(call_id, reason, version, actor)

    return _with_reason(id, "back_to_screening", command)


def _ask_reason(id: uuid.UUID, action: str) -> Page:
    page = officer_queries.call_page(id)
    if CALL.find(page.call.state, action) is None:
        return redirect(url_for(".manage", id=id), 303)
    form = ReasonForm(formdata=None)
    form.version.data = page.call.version
    return _reason_page(page, form, action)


def _with_reason(id: uuid.UUID, action: str, command: Callable[..., None]) -> Page:
    page = officer_queries.call_page(id)
    form = ReasonForm()
    if not form.validate():
        return _reason_page(page, form, action), 422
    try:
        command(id, form.shown, form.reason.data, current_actor())
    except Stale:
        return stale_page(form, lambda: (_reason_page(officer_queries.call_page(id), form, action), 409), id)
    return redirect(url_for(".manage", id=id), 303)
