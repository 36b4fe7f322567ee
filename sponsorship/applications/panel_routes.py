"""Pages of the panel: its recommendation, recorded by members who are not recused, and the recusals."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _

from accounts.current import current_actor
from accounts.permissions import allows
from accounts.queries import person_labels
from core.db import get
from core.errors import IllegalMove, RuleBroken, Stale
from core.web.access import needs
from core.web.forms import add_error
from sponsorship.applications import officer_queries, panel_service, recusals
from sponsorship.applications.forms import VersionedForm
from sponsorship.applications.models import Call
from sponsorship.applications.officer_forms import RecusalForm, recommendation_form
from sponsorship.applications.officer_queries import CallPage
from sponsorship.applications.officer_routes import Page, officers_words, stale_page
from sponsorship.applications.panel_service import Standing
from sponsorship.applications.ranking_queries import RankedLine, ranked_lines
from sponsorship.applications.words import GOVERNANCE_RECUSALS, RECUSAL_CAUSES

bp = Blueprint("panel", __name__)
bp.context_processor(officers_words)
OPEN = ("ranked", "recommended")
JUDGED = ("eligible", "recommended", "reserve", "not_recommended")


class _Sheet:
    """What this member may record: the lines of the ranking that are open, those recorded already, those the member is
    recused from."""

    def __init__(self, page: CallPage) -> None:
        self.page, self.actor = page, current_actor()
        self.open = page.call.state in OPEN
        lines = ranked_lines(page.call)
        self.lines = [line for line in lines if line.state in JUDGED] if self.open else lines
        self.writes = self.open and allows(self.actor, "panel.recommend")
        self.seated = not self.writes or recusals.has_seat(page.call.id, page.call.governance, self.actor)
        self.standing = (panel_service.open_round(get(Call, page.call.id), [line.application_id for line in self.lines])
                         if self.open else Standing(None, {}, {}))
        self.recused = recusals.recused_from(page.call.id, self.actor.person_id) if self.writes else set()
        self.by = person_labels(row.by_person for row in self.standing.lines.values())

    @property
    def mine(self) -> list[RankedLine]:
        """The lines that this member records."""
        return [line for line in self.lines if line.application_id not in self.standing.lines
                and line.organisation_id not in self.recused]

    @property
    def places(self) -> dict[uuid.UUID, int]:
        """Where lines stand that cannot be moved now."""
        states = {line.application_id: line.organisation_id for line in self.lines}
        ranked = [line.application_id for line in self.lines]
        return self.standing.waiting or panel_service.fixed_places(ranked, states, self.recused)


def _form(sheet: _Sheet, filled: bool) -> VersionedForm:
    """Proposed: the order of the ranking, and as many recommended as today's money carries."""
    defaults: dict[uuid.UUID, tuple[str, int, int, str]] = {}
    for n, line in enumerate(sheet.lines, 1):
        if line.outcome is not None and sheet.standing.round is None and not sheet.places:
            defaults[line.application_id] = (line.outcome, line.panel_position or n, line.seats, line.reason)
        else:
            within = n <= sheet.page.delegates
            defaults[line.application_id] = ("recommend" if within else "reserve", n, 1 if within else 0, "")
    return recommendation_form([(line.application_id, line.state_name) for line in sheet.mine], defaults, filled)


def _show(sheet: _Sheet, form: VersionedForm) -> str:
    return render_template(
        "applications/officer/recommendation.html", page=sheet.page, lines=sheet.lines, form=form, sheet=sheet,
        writes=sheet.writes and sheet.seated and bool(sheet.mine),
        recusals=recusals.recusals_of(sheet.page.call.id), causes=RECUSAL_CAUSES,
        rule=GOVERNANCE_RECUSALS[sheet.page.call.governance],
        tainted=recusals.tainted(sheet.page.call.id) if sheet.page.call.state == "recommended" else [])


@bp.get("/sponsorship/calls/<uuid:id>/recommendation")
@needs("application.view_all")
def recommendation(id: uuid.UUID) -> str:
    """The panel's recommendation, to write or to read."""
    sheet = _Sheet(officer_queries.call_page(id))
    form = _form(sheet, filled=False)
    form.version.data = sheet.page.call.version
    return _show(sheet, form)


def _advice(form: VersionedForm, lines: Sequence[RankedLine]) -> list[panel_service.Advice]:
    return [
        panel_service.Advice(line.application_id, form[f"{line.application_id}-outcome"].data,
                             form[f"{line.application_id}-position"].data,
                             form[f"{line.application_id}-seats"].data or 0,
                             form[f"{line.application_id}-reason"].data or "")
        for line in lines
    ]


@bp.post("/sponsorship/calls/<uuid:id>/recommendation")
@needs("panel.recommend")
def recommend(id: uuid.UUID) -> Page:
    """Record the recommendation for every ranked State from which the member is not recused."""
    sheet = _Sheet(officer_queries.call_page(id))
    form = _form(sheet, filled=True)
    if not form.validate():
        return _show(sheet, form), 422
    try:
        panel_service.recommend(id, _advice(form, sheet.mine), form.shown, current_actor())
    except panel_service.AdviceRefused as e:
        for field, message in e.problems:
            add_error(form, field, message)
        return _show(sheet, form), 422
    except RuleBroken as e:
        add_error(form, e.field, e.message)
        return _show(sheet, form), 422
    except Stale:
        return stale_page(form, lambda: (_show(_Sheet(officer_queries.call_page(id)), form), 409), id)
    except IllegalMove:
        flash(_("The call has moved on meanwhile: the recommendation can no longer be changed."), "warning")
        return redirect(url_for("calls.manage", id=id), 303)
    if get(Call, id).panel_round_open is not None:
        flash(_("Recorded, except for the States from which you are recused: another member records those."), "success")
        return redirect(url_for(".recommendation", id=id), 303)
    flash(_("The recommendation has been recorded. The head of the fund decides next."), "success")
    return redirect(url_for("calls.manage", id=id), 303)


@bp.post("/sponsorship/calls/<uuid:id>/recommendation/begin-again")
@needs("panel.recommend")
def begin_again(id: uuid.UUID) -> Page:
    """Put aside a recommendation that is half recorded."""
    form = VersionedForm()
    if not form.validate():
        raise Stale()
    try:
        panel_service.begin_again(id, form.shown, current_actor())
    except RuleBroken as e:
        flash(str(e.message), "warning")
    return redirect(url_for(".recommendation", id=id), 303)


def _recusal_form(page: CallPage, filled: bool) -> RecusalForm:
    form = RecusalForm() if filled else RecusalForm(formdata=None)
    form.state.choices = [("", _("Choose")), *officer_queries.states_applying(page.call.id)]
    return form


def _show_recusal(page: CallPage, form: RecusalForm) -> str:
    return render_template("applications/officer/recusal.html", page=page, form=form,
                           rule=GOVERNANCE_RECUSALS[page.call.governance])


@bp.get("/sponsorship/calls/<uuid:id>/recusal")
@needs("panel.recommend")
def ask_recusal(id: uuid.UUID) -> Page:
    """A member says in which State they have an interest."""
    page = officer_queries.call_page(id)
    if page.call.state not in recusals.DECLARABLE:
        return redirect(url_for(".recommendation", id=id), 303)
    form = _recusal_form(page, False)
    form.version.data = page.call.version
    return _show_recusal(page, form)


@bp.post("/sponsorship/calls/<uuid:id>/recusal")
@needs("panel.recommend")
def recuse(id: uuid.UUID) -> Page:
    """Keep the declaration; it stands for the whole call."""
    page = officer_queries.call_page(id)
    form = _recusal_form(page, True)
    if not form.validate():
        return _show_recusal(page, form), 422
    try:
        recusals.declare(id, uuid.UUID(form.state.data), form.reason.data or "", current_actor())
    except RuleBroken as e:
        add_error(form, e.field, e.message)
        return _show_recusal(page, form), 422
    flash(_("Declared. Another member records the recommendation on this State."), "success")
    return redirect(url_for(".recommendation", id=id), 303)
