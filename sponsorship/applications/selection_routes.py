"""Pages of the fund's officers on applications: screening, ranking. (The panel's stand in panel_routes.py.)"""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from accounts.current import current_actor
from accounts.permissions import allows
from core.errors import RuleBroken, Stale
from core.web.access import needs
from core.web.downloads import download
from core.web.formats import instant_html
from core.web.forms import add_error
from core.web.tables import Column, Filter, Table, TableQuery
from core.web.timeline import timeline_items
from sponsorship.applications import officer_queries, outcomes, ranking_service, related, screening_service
from sponsorship.applications.forms import VersionedForm
from sponsorship.applications.models import ELIGIBILITY, EQUITY_CRITERIA, FACT_CRITERIA
from sponsorship.applications.officer_forms import DECLARED, ReasonForm, ScreeningForm
from sponsorship.applications.officer_papers import officer_papers
from sponsorship.applications.officer_routes import Page, officers_words
from sponsorship.applications.queries import CallRow
from sponsorship.applications.ranking_queries import made, ranked_lines
from sponsorship.applications.transitions import APPLICATION
from sponsorship.applications.words import CRITERION_SHORT, DECIDED_BY_NAMES, EVENT_NAMES

bp = Blueprint("applications_officer", __name__)
bp.context_processor(officers_words)


# --- applications and screening ---------------------------------------------------------------------------------
@bp.get("/sponsorship/calls/<uuid:id>/applications")
@needs("application.view_all")
def applications(id: uuid.UUID) -> str | Response:
    """Applications received under a call: States, not persons."""
    page = officer_queries.call_page(id)
    filters = [
        Filter("state", _("Status"), [(code, APPLICATION.state(code).label) for code in officer_queries.RECEIVED]),
        Filter("q", _("State or reference")),
    ]
    query = TableQuery.from_args(request.args, ("state_name", "reference", "received_at"), filters,
                                 default_sort="received_at")
    rows, total = officer_queries.applications_of_call(id, query)
    columns = [
        Column("state_name", _("State"), sortable=True),
        Column("reference", _("Reference"), sortable=True),
        Column("received_at", _("Received"), sortable=True,
               render=lambda r: instant_html(r.received_at, page.meeting.timezone) if r.received_at else None),
        Column("received_after_date", _("After the date")),
        *(_fact_column(code) for code in ("ldc", "lldc", "sids")),
        Column("first_attendance", _("First attendance (declared)")),
        *([Column("most_affected", _("Most affected (declared)"))] if "most_affected" in page.call.criteria else ()),
        Column("nominees", _("Nominees"), numeric=True),
        Column("state", _("Status"), render=lambda r: r.status, csv=lambda r: r.status.label),
    ]
    if query.format:
        return download(query, columns, rows, f"applications-{page.call.reference}")
    table = Table(
        _("Applications received"), columns, rows, filters=filters, query=query, total=total,
        base_url=url_for(".applications", id=id), row_url=lambda r: url_for(".screening", id=r.id),
        empty_title=_("No application has arrived yet"),
        empty_text=_("Drafts that missions have not sent are not shown."))
    return render_template("applications/officer/applications.html", page=page, table=table)


def _fact_column(code: str) -> Column:
    return Column(code, CRITERION_SHORT[code], render=lambda r: code in r.facts, csv=lambda r: code in r.facts)


@bp.get("/sponsorship/applications/<uuid:id>/screening")
@needs("application.view_all")
def screening(id: uuid.UUID) -> str:
    """One application as the fund sees it, with the form of the screening for those who screen."""
    page = officer_queries.screening_page(id, current_actor())
    form = ScreeningForm(formdata=None)
    form.version.data = page.application.version
    _prefill(form, page)
    return _show_screening(page, form)


def _prefill(form: ScreeningForm, page: officer_queries.ScreeningPage) -> None:
    """What the application itself says, for the officer to confirm; the findings of the last round, if any."""
    for code in (*ELIGIBILITY, *DECLARED):
        found = page.findings.get(code)
        if found is not None:
            form[f"{code}_met"].data = "yes" if found.met else "no"
            form[f"{code}_evidence"].data, form[f"{code}_source"].data = found.evidence, found.source
    for code in FACT_CRITERIA:
        found = page.findings.get(code)
        if found is not None and found.override_reason:
            form[f"{code}_met"].data = "yes" if found.met else "no"
            form[f"{code}_evidence"].data, form[f"{code}_source"].data = found.override_reason, found.source
    for code in EQUITY_CRITERIA:
        found = page.findings.get(code)
        if found is not None:
            form[f"{code}_value"].data, form[f"{code}_day"].data = found.value, found.as_of
            form[f"{code}_source"].data, form[f"{code}_reason"].data = found.source, found.override_reason


def _show_screening(page: officer_queries.ScreeningPage, form: ScreeningForm) -> str:
    labels = {**EVENT_NAMES, "submit": _("Received"), "override": _("A fact found otherwise than on the list")}
    return render_template(
        "applications/officer/screening.html", page=page, form=form,
        earlier=outcomes.parts_for(page.application.organisation_id),
        screens=(page.application.state in ("submitted", "returned") and page.call.state in ("open", "closed")
                 and allows(current_actor(), "application.screen")),
        again=(page.application.state in ("eligible", "ineligible") and page.call.state in ("open", "closed")
               and allows(current_actor(), "application.screen")),
        eligibility=ELIGIBILITY, fact_criteria=FACT_CRITERIA, held={fact.code for fact in page.facts},
        declared=[c for c in DECLARED if c != "most_affected" or c in page.call.criteria],
        equity=[c for c in EQUITY_CRITERIA if c in page.call.criteria],
        papers=officer_papers(page, current_actor()),
        timeline=timeline_items(page.history, APPLICATION, page.people, labels),
        related=related.of_application(page.application.id, current_actor()),
    )


@bp.post("/sponsorship/applications/<uuid:id>/screening")
@needs("application.screen")
def screen(id: uuid.UUID) -> Page:
    """Record the findings and what follows."""
    actor = current_actor()
    page = officer_queries.screening_page(id, actor)
    form = ScreeningForm()
    if not form.validate():
        return _show_screening(page, form), 422
    try:
        _apply_screening(id, form, page.meeting.timezone)
    except RuleBroken as e:
        add_error(form, e.field, e.message)
        return _show_screening(page, form), 422
    except Stale:
        page = officer_queries.screening_page(id, actor)
        form.version.data = page.application.version
        add_error(form, None, _("Somebody has changed this application since you opened the page. Your findings are "
                                "still here; look at the application before you send them again."))
        return _show_screening(page, form), 409
    return redirect(url_for(".applications", id=page.call.id), 303)


def _apply_screening(id: uuid.UUID, form: ScreeningForm, zone: str) -> None:
    actor, version = current_actor(), form.shown
    if form.outcome.data == "return":
        # until the end of that day, where the meeting is
        end = datetime.combine(form.due_on.data or date.max, time(0), ZoneInfo(zone)) + timedelta(days=1)
        screening_service.return_for_completion(id, form.note.data, end.astimezone(UTC), version, actor)
    elif form.outcome.data == "eligible":
        screening_service.find_eligible(id, form.findings(), version, actor, form.corrections())
    else:
        screening_service.find_ineligible(id, form.findings(), form.reason.data, version, actor)


@bp.get("/sponsorship/applications/<uuid:id>/screen-again")
@needs("application.screen")
def ask_again(id: uuid.UUID) -> Page:
    """Ask why before a finding is undone."""
    page = officer_queries.screening_page(id, current_actor())
    if APPLICATION.find(page.application.state, "screen_again") is None:
        return redirect(url_for(".screening", id=id), 303)
    form = ReasonForm(formdata=None)
    form.version.data = page.application.version
    return render_template("applications/officer/screen_again.html", page=page, form=form)


@bp.post("/sponsorship/applications/<uuid:id>/screen-again")
@needs("application.screen")
def screen_again(id: uuid.UUID) -> Page:
    """Undo a finding that was a mistake."""
    page = officer_queries.screening_page(id, current_actor())
    form = ReasonForm()
    status = 422
    if form.validate():
        try:
            screening_service.screen_again(id, form.reason.data, form.shown, current_actor())
            return redirect(url_for(".screening", id=id), 303)
        except RuleBroken as e:
            add_error(form, e.field, e.message)
        except Stale:
            page, status = officer_queries.screening_page(id, current_actor()), 409
            form.version.data = page.application.version
            add_error(form, None, _("Somebody has changed this application since you opened the page."))
    return render_template("applications/officer/screen_again.html", page=page, form=form), status


# --- ranking ------------------------------------------------------------------------------------------------------
@bp.get("/sponsorship/calls/<uuid:id>/ranking")
@needs("application.view_all")
def ranking(id: uuid.UUID) -> str | Response:
    """Every State's place with the values it follows from: one page to recompute it by hand, print, or take away."""
    page = officer_queries.call_page(id)
    query = TableQuery.from_args(request.args)
    lines = ranked_lines(page.call, with_evidence=True)
    if query.format:
        return download(query, _ranking_columns(page.call), lines, f"ranking-{page.call.reference}")
    return render_template("applications/officer/ranking.html", page=page, lines=lines, equity=EQUITY_CRITERIA,
                           made=made(page.call), csv_url=url_for(".ranking", id=id))


def _ranking_columns(call: CallRow) -> list[Column]:
    columns = [Column("position", _("Place"), numeric=True), Column("state_name", _("State")),
               Column("reference", _("Reference"))]
    for code in call.criteria:
        columns += _criterion_columns(code)
    if call.ranking_method == "by_points":
        columns.append(Column("points", _("Points"), numeric=True))
    return [
        *columns, Column("received_at", _("Received")), Column("received_after_date", _("After the date")),
        Column("decided_by", _("Decided by"), csv=lambda r: str(DECIDED_BY_NAMES[r.decided_by])),
        Column("why", _("Why behind the one before")), Column("status", _("Status")),
    ]


def _criterion_columns(code: str) -> list[Column]:
    """Yes or no; for a criterion of equity the group, and the places it had before this one."""
    if code not in EQUITY_CRITERIA:
        return [Column(code, CRITERION_SHORT[code], csv=lambda r: r.values.get(code, False))]
    before = _("%(criterion)s: places before", criterion=CRITERION_SHORT[code])
    return [Column(code, CRITERION_SHORT[code], csv=lambda r: r.group(code)),
            Column(f"{code}_places", before, numeric=True, csv=lambda r: r.places.get(code, 0))]


@bp.post("/sponsorship/calls/<uuid:id>/ranking")
@needs("application.screen")
def rank(id: uuid.UUID) -> Page:
    """Rank the States by the call's rules."""
    form = VersionedForm()
    if not form.validate():
        raise Stale()
    try:
        ranking_service.rank_call(id, form.shown, current_actor())
    except RuleBroken as e:
        flash(str(e.message), "warning")
        return redirect(url_for("calls.manage", id=id), 303)
    return redirect(url_for(".ranking", id=id), 303)
