"""The page on which the head of the fund lets a condition of travel go."""

from __future__ import annotations

import uuid

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from accounts.current import current_actor
from core.db import get
from core.errors import RuleBroken
from core.web.access import needs
from core.web.forms import add_error
from sponsorship.awards import queries, travel_conditions
from sponsorship.awards.forms import ConditionForm
from sponsorship.awards.models import Award

bp = Blueprint("travel_conditions", __name__)


@bp.route("/awards/<uuid:id>/travel-conditions", methods=["GET", "POST"])
@needs("travel.override")
def override(id: uuid.UUID) -> str | Response | tuple[str, int]:
    """Which condition is let go, and why; what it means is said before the button."""
    actor = current_actor()
    page = queries.award_page(id, actor)
    form = ConditionForm()
    form.condition.choices = [(t.code, t.what) for t in travel_conditions.failed_tests(get(Award, id))]
    if request.method == "GET":
        form.version.data = page.row.version
        form.condition.data = form.condition.choices[0][0] if form.condition.choices else None
    elif form.validate_on_submit():
        try:
            travel_conditions.override(id, form.condition.data, form.reason.data, form.seen, actor)
        except RuleBroken as error:
            add_error(form, error.field, error.message)
        else:
            flash(_("Let go. The payment of the ticket can go on."), "success")
            return redirect(url_for("awards.award_page", id=id), 303)
    body = render_template(
        "awards/act.html", page=page, form=form, title=_("Let a condition of travel go"),
        warning=_("The ticket is then bought although the condition is not met. Your name and the reason stay with the "
                  "award; a substituted nominee is tested anew."),
        button=_("Let it go"), kind="danger", covers=None)
    return (body, 422) if request.method == "POST" else body
