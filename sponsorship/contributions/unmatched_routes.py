"""What Stripe told us and no rule could answer: for a person."""

from __future__ import annotations

import uuid
from typing import Any

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _

from accounts.current import current_actor
from accounts.permissions import allows
from core.web.access import needs
from sponsorship.contributions.back_forms import ExplainForm, VersionForm
from sponsorship.contributions.blueprint import bp
from sponsorship.contributions.officer_tabs import tabs
from sponsorship.contributions.problem_words import concerned, problem_of
from sponsorship.gateways import inbox
from sponsorship.gateways import queries as gateway_queries


@bp.get("/contributions/unmatched/")
@needs("contribution.view_all")
def unmatched() -> Any:
    """Notices of Stripe that no rule could answer."""
    return _page()


def _page(wrong: tuple[uuid.UUID, ExplainForm] | None = None) -> str:
    rows = gateway_queries.list_for_a_person()
    may = allows(current_actor(), "contribution.refund")
    forms = {}
    for row in rows if may else ():
        made = wrong[1] if wrong and wrong[0] == row.id else ExplainForm(formdata=None, version=row.version)
        for field in made:
            field.id = f"{field.name}-{row.id.hex}"
            field.label.field_id = field.id
        forms[row.id] = made
    return render_template(
        "contributions/unmatched.html", rows=rows, forms=forms, tabs=tabs("unmatched"),
        wrong=wrong[1] if wrong else None, problems={row.id: problem_of(row.note) for row in rows},
        about=concerned([row.object_id for row in rows]),
        rates_url=url_for("rates.import_form") if allows(current_actor(), "rates.manage") else None)


@bp.post("/contributions/unmatched/<uuid:event_id>/retry")
@needs("contribution.refund")
def retry_event(event_id: uuid.UUID) -> Any:
    """Have a notice read again."""
    form = VersionForm()
    if not form.validate_on_submit():
        flash(_("This page was incomplete. Open it again and repeat your change."), "error")
    else:
        inbox.retry(event_id, current_actor(), form.seen)
        flash(_("It will be read again in a few seconds."), "success")
    return redirect(url_for("contributions.unmatched"), 303)


@bp.post("/contributions/unmatched/<uuid:event_id>/explain")
@needs("contribution.refund")
def explain_event(event_id: uuid.UUID) -> Any:
    """Close a notice by saying what was done about it."""
    form = ExplainForm()
    if not form.validate_on_submit():
        return _page((event_id, form)), 422
    inbox.explain(event_id, current_actor(), form.words.data or "", form.seen)
    flash(_("The notice has been closed."), "success")
    return redirect(url_for("contributions.unmatched"), 303)
