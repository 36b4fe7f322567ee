"""Pages on which the fund manager says who takes the Chair's part on the panel of a call."""

from __future__ import annotations

import uuid

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _

from accounts.current import current_actor
from core.errors import RuleBroken, Stale
from core.web.access import needs
from core.web.forms import add_error
from sponsorship.applications import chairs, officer_queries
from sponsorship.applications.officer_forms import ChairForm, ReasonForm
from sponsorship.applications.officer_queries import CallPage
from sponsorship.applications.officer_routes import Page, officers_words, stale_page
from sponsorship.applications.words import CAPACITY_NAMES

bp = Blueprint("chairs", __name__)
bp.context_processor(officers_words)


def _form(filled: bool) -> ChairForm:
    form = ChairForm() if filled else ChairForm(formdata=None)
    form.offer(chairs.candidates())
    return form


def _show(page: CallPage, form: ChairForm, status: int = 200) -> tuple[str, int]:
    return render_template("applications/officer/chair.html", page=page, form=form, lines=chairs.designations(
        page.call.id), capacities=CAPACITY_NAMES), status


@bp.get("/sponsorship/calls/<uuid:id>/chair")
@needs("call.manage")
def ask(id: uuid.UUID) -> Page:
    """Who sits in the Chair's place, and who did before."""
    page = officer_queries.call_page(id)
    if page.call.governance != "secretariat_chair" or page.call.state not in chairs.OPEN:
        return redirect(url_for("calls.manage", id=id), 303)
    form = _form(False)
    form.version.data = page.call.version
    return _show(page, form)


@bp.post("/sponsorship/calls/<uuid:id>/chair")
@needs("call.manage")
def designate(id: uuid.UUID) -> Page:
    """Designate; whoever sat there before gives way."""
    page, form = officer_queries.call_page(id), _form(True)
    if not form.validate():
        return _show(page, form, 422)
    try:
        chairs.designate(id, *form.chosen, form.capacity.data, form.source.data, form.shown, current_actor())
    except RuleBroken as e:
        add_error(form, e.field, e.message)
        return _show(page, form, 422)
    except Stale:
        return stale_page(form, lambda: _show(officer_queries.call_page(id), form, 409), id)
    flash(_("Designated. A mail tells the person where the panel works."), "success")
    return redirect(url_for("calls.manage", id=id), 303)


def _show_end(page: CallPage, form: ReasonForm, status: int = 200) -> tuple[str, int]:
    return render_template("applications/officer/chair_end.html", page=page, form=form, lines=chairs.designations(
        page.call.id), capacities=CAPACITY_NAMES), status


@bp.get("/sponsorship/calls/<uuid:id>/chair/end")
@needs("call.manage")
def ask_end(id: uuid.UUID) -> Page:
    """Ask why the designation ends."""
    page = officer_queries.call_page(id)
    form = ReasonForm(formdata=None)
    form.version.data = page.call.version
    return _show_end(page, form)


@bp.post("/sponsorship/calls/<uuid:id>/chair/end")
@needs("call.manage")
def end(id: uuid.UUID) -> Page:
    """End the designation."""
    page, form = officer_queries.call_page(id), ReasonForm()
    if not form.validate():
        return _show_end(page, form, 422)
    try:
        chairs.end(id, form.reason.data, form.shown, current_actor())
    except RuleBroken as e:
        add_error(form, e.field, e.message)
        return _show_end(page, form, 422)
    except Stale:
        return stale_page(form, lambda: _show_end(officer_queries.call_page(id), form, 409), id)
    flash(_("The designation has ended."), "success")
    return redirect(url_for("calls.manage", id=id), 303)
