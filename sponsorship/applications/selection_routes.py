"""Pages of the fund's officers on applications: screening, ranking, the panel's recommendation."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from accounts.current import current_actor
from accounts.permissions import allows
from core.errors import IllegalMove, RuleBroken, Stale
from core.web.access import needs
from core.web.downloads import download
from core.web.formats import instant_html
from core.web.forms import add_error
from core.web.tables import Column, Filter, Table, TableQuery
from core.web.timeline import timeline_items
from sponsorship.applications import officer_queries, panel_service, related, screening_service
from sponsorship.applications.forms import VersionedForm
from sponsorship.applications.models import ELIGIBILITY
from sponsorship.applications.officer_forms import DECLARED, ReasonForm, ScreeningForm, recommendation_form
from sponsorship.applications.officer_queries import CallPage, RankedLine
from sponsorship.applications.officer_routes import Page, officers_words, stale_page
from sponsorship.applications.transitions import APPLICATION
from sponsorship.applications.words import CRITERION_SHORT

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


def _show_screening(page: officer_queries.ScreeningPage, form: ScreeningForm) -> str:
    labels = {"submit": _("Received")}
    return render_template(
        "applications/officer/screening.html", page=page, form=form,
        screens=(page.application.state in ("submitted", "returned") and page.call.state in ("open", "closed")
                 and allows(current_actor(), "application.screen")),
        again=(page.application.state in ("eligible", "ineligible") and page.call.state in ("open", "closed")
               and allows(current_actor(), "application.screen")),
        eligibility=ELIGIBILITY, declared=DECLARED,
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
        screening_service.find_eligible(id, form.findings(), version, actor)
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


# --- ranking and recommendation ---------------------------------------------------------------------------------
@bp.get("/sponsorship/calls/<uuid:id>/ranking")
@needs("application.view_all")
def ranking(id: uuid.UUID) -> str:
    """Every State's place with the values it follows from: one page to recompute it by hand."""
    page = officer_queries.call_page(id)
    return render_template("applications/officer/ranking.html", page=page,
                           lines=officer_queries.ranked_lines(page.call))


@bp.post("/sponsorship/calls/<uuid:id>/ranking")
@needs("application.screen")
def rank(id: uuid.UUID) -> Page:
    """Rank the States by the call's rules."""
    form = VersionedForm()
    if not form.validate():
        raise Stale()
    try:
        screening_service.rank_call(id, form.shown, current_actor())
    except RuleBroken as e:
        flash(str(e.message), "warning")
        return redirect(url_for("calls.manage", id=id), 303)
    return redirect(url_for(".ranking", id=id), 303)


def _open_lines(lines: list[RankedLine]) -> list[RankedLine]:
    return [line for line in lines if line.state in ("eligible", "recommended", "reserve", "not_recommended")]


def _recommendation_form(page: CallPage, lines: list[RankedLine], filled: bool) -> VersionedForm:
    """Proposed: the order of the ranking, and as many recommended as today's money carries."""
    defaults: dict[uuid.UUID, tuple[str, int, int, str]] = {}
    for n, line in enumerate(lines, 1):
        if line.outcome is not None:
            defaults[line.application_id] = (line.outcome, line.panel_position or n, line.seats, line.reason)
        else:
            within = n <= page.delegates
            defaults[line.application_id] = ("recommend" if within else "reserve", n, 1 if within else 0, "")
    return recommendation_form([(line.application_id, line.state_name) for line in lines], defaults, filled)


def _show_recommendation(page: CallPage, lines: list[RankedLine], form: VersionedForm) -> str:
    return render_template("applications/officer/recommendation.html", page=page, lines=lines, form=form,
                           writes=allows(current_actor(), "panel.recommend")
                           and page.call.state in ("ranked", "recommended"))


@bp.get("/sponsorship/calls/<uuid:id>/recommendation")
@needs("application.view_all")
def recommendation(id: uuid.UUID) -> str:
    """The panel's recommendation, to write or to read."""
    page = officer_queries.call_page(id)
    lines = officer_queries.ranked_lines(page.call)
    if page.call.state in ("ranked", "recommended"):
        lines = _open_lines(lines)
    form = _recommendation_form(page, lines, filled=False)
    form.version.data = page.call.version
    return _show_recommendation(page, lines, form)


@bp.post("/sponsorship/calls/<uuid:id>/recommendation")
@needs("panel.recommend")
def recommend(id: uuid.UUID) -> Page:
    """Record the recommendation for every ranked State at once."""
    page = officer_queries.call_page(id)
    lines = _open_lines(officer_queries.ranked_lines(page.call))
    form = _recommendation_form(page, lines, filled=True)
    if not form.validate():
        return _show_recommendation(page, lines, form), 422
    advice = [
        panel_service.Advice(line.application_id, form[f"{line.application_id}-outcome"].data,
                             form[f"{line.application_id}-position"].data,
                             form[f"{line.application_id}-seats"].data or 0,
                             form[f"{line.application_id}-reason"].data or "")
        for line in lines
    ]
    try:
        panel_service.recommend(id, advice, form.shown, current_actor())
    except panel_service.AdviceRefused as e:
        for field, message in e.problems:
            add_error(form, field, message)
        return _show_recommendation(page, lines, form), 422
    except RuleBroken as e:
        add_error(form, e.field, e.message)
        return _show_recommendation(page, lines, form), 422
    except Stale:
        return stale_page(form, lambda: (_show_recommendation(officer_queries.call_page(id), lines, form), 409), id)
    except IllegalMove:
        flash(_("The call has moved on meanwhile: the recommendation can no longer be changed."), "warning")
        return redirect(url_for("calls.manage", id=id), 303)
    flash(_("The recommendation has been recorded. The head of the fund decides next."), "success")
    return redirect(url_for("calls.manage", id=id), 303)
