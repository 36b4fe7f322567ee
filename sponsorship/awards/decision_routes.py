"""Pages of the decision on a call: the choices, what they would do, and the step that binds."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from accounts.current import current_actor
from accounts.fresh import fresh_sign_in
from core.errors import IllegalMove, RuleBroken, Stale
from core.web.access import needs
from core.web.forms import add_error
from sponsorship.awards import queries
from sponsorship.awards.decision_check import check_of
from sponsorship.awards.decision_service import ADVISED, check_choices, decide
from sponsorship.awards.forms import OUTCOMES, choices_of, decision_form

bp = Blueprint("decisions", __name__)
View = str | Response | tuple[str, int]


def _form_of(page: queries.DecisionPage) -> tuple[Any, dict[uuid.UUID, str]]:
    labels = {
        slot.nominee_id: _("%(state)s, nominee %(priority)s", state=page.organisations[slot.organisation_id],
                           priority=page.nominees[slot.nominee_id].priority)
        for slot in page.slots
    }
    return decision_form(labels)(), labels


def _show(page: queries.DecisionPage, form: Any, status: int = 200, moved: bool = False) -> View:
    body = render_template("awards/decision.html", page=page, form=form, open=page.call.state == "recommended",
                           awards=queries.awards_of_call(page.call.id), moved=moved)
    return body, status


def _moved_on(page: queries.DecisionPage, form: Any) -> View:
    """The page sent is no longer the newest: what was chosen is kept, the rest is shown as it stands now."""
    if page.call.state == "decided":
        flash(_("This call is decided already. Here is what was decided."), "info")
        return redirect(url_for(".decision", id=page.call.id), 303)
    form.version.data = page.call.version
    form.version.raw_data = None
    return _show(page, form, 409, moved=True)


@bp.get("/sponsorship/calls/<uuid:id>/decision")
@needs("award.decide")
def decision(id: uuid.UUID) -> View:
    """The head of the fund takes the panel's recommendation, or departs from it with a reason."""
    page = queries.decision_page(id, current_actor())
    form, _labels = _form_of(page)
    form.version.data = page.call.version
    for slot in page.slots:  # starts at the panel's advice; what is sent must say each choice itself
        form[f"outcome-{slot.nominee_id}"].data = ADVISED[slot.recommended]
    return _show(page, form)


@bp.post("/sponsorship/calls/<uuid:id>/decision/check")
@needs("award.decide")
def check(id: uuid.UUID) -> View:
    """What the choices would do, before they bind; or back to change them."""
    page = queries.decision_page(id, current_actor())
    form, labels = _form_of(page)
    if request.form.get("action") == "change":
        return _show(page, form)
    return _checked(page, form, labels)


def _checked(page: queries.DecisionPage, form: Any, labels: dict[uuid.UUID, str], changed: bool = False) -> View:
    if page.call.state != "recommended" or (form.version.data and form.version.data != page.call.version):
        return _moved_on(page, form)
    if not form.validate():
        return _show(page, form, 422)
    choices = choices_of(form, labels)
    try:
        check_choices(page.slots, choices, page.call)
    except RuleBroken as error:
        add_error(form, error.field, error.message)
        return _show(page, form, 422)
    found = check_of(page, choices)
    body = render_template("awards/decision_check.html", page=page, form=form, check=found, changed=changed,
                           seen=found.seen(page.call.version), outcomes=dict(OUTCOMES))
    return body, 409 if changed else 200


@bp.post("/sponsorship/calls/<uuid:id>/decision")
@needs("award.decide")
@fresh_sign_in(_l("Decide on the panel’s recommendation"))
def decide_all(id: uuid.UUID) -> View:
    """Decide what the check page showed. Money that has moved since, or a choice that was changed, shows it again."""
    page = queries.decision_page(id, current_actor())
    form, labels = _form_of(page)
    if page.call.state != "recommended" or not form.validate() or form.version.data != page.call.version:
        return _checked(page, form, labels)
    choices = choices_of(form, labels)
    try:
        check_choices(page.slots, choices, page.call)
        if request.form.get("seen") != check_of(page, choices).seen(page.call.version):
            return _checked(page, form, labels, changed="seen" in request.form)
        decide(id, choices, current_actor(), form.seen)
    except RuleBroken as error:
        add_error(form, error.field, error.message)
        return _show(page, form, 422)
    except (Stale, IllegalMove):  # somebody was faster, or the button was pressed twice
        return _moved_on(queries.decision_page(id, current_actor()), form)
    flash(_("Decided. The certifying officer is next for each selected award."), "success")
    return redirect(url_for("awards.award_list"), 303)
