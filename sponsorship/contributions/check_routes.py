"""Due diligence on a donor: recorded by one officer, read by whoever accepts."""

from __future__ import annotations

import uuid
from typing import Any

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _

from accounts.current import current_actor
from accounts.tokens import keep_upload
from core import files
from core.errors import NotFound, RuleBroken
from core.web.access import needs
from core.web.forms import add_error
from sponsorship.contributions import contribution_queries, service
from sponsorship.contributions.back_forms import CheckForm
from sponsorship.contributions.blueprint import bp
from sponsorship.contributions.contribution_queries import ContributionPage
from sponsorship.contributions.donor_checks import OUTCOMES, VALID_FOR


def _page(page: ContributionPage, form: CheckForm) -> str:
    if not page.needs_check:
        raise NotFound()
    return render_template("contributions/donor_check.html", page=page, form=form, outcomes=OUTCOMES,
                           days=VALID_FOR.days)


@bp.get("/contributions/<uuid:contribution_id>/check")
@needs("contribution.check")
def check_form(contribution_id: uuid.UUID) -> Any:
    """The form of a check, with those made before."""
    return _page(contribution_queries.get_contribution(contribution_id), CheckForm(formdata=None))


@bp.post("/contributions/<uuid:contribution_id>/check")
@needs("contribution.check")
def record_check(contribution_id: uuid.UUID) -> Any:
    """Put the check on record; whoever acts next is written to."""
    form, page = CheckForm(), contribution_queries.get_contribution(contribution_id)
    good, kept = form.validate_on_submit(), form.kept
    if form.file.data and not form.file.errors:
        try:
            kept = files.check_upload(form.file.data, field="file")
            form.kept_file.data = keep_upload(kept)
        except RuleBroken as refusal:
            add_error(form, refusal.field, refusal.message)
            good = False
    if good:
        try:
            service.record_check(page.pledge.id, form.outcome.data, form.consulted.data or "", current_actor(), kept)
        except RuleBroken as refusal:
            add_error(form, refusal.field, refusal.message)
        else:
            flash(_("The check is on record."), "success")
            return redirect(url_for("contributions.contribution", contribution_id=contribution_id), 303)
    return _page(page, form), 422


@bp.get("/contributions/<uuid:contribution_id>/checks/<uuid:check_id>/file")
@needs("contribution.check", "contribution.accept", "contribution.refund", "contribution.view_all")
def check_file(contribution_id: uuid.UUID, check_id: uuid.UUID) -> Any:
    """The paper kept with a check."""
    page = contribution_queries.get_contribution(contribution_id)
    found = next((check for check in page.checks if check.id == check_id), None)
    if found is None or found.file_id is None:
        raise NotFound()
    return files.serve(found.file_id)
