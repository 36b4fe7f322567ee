"""What Stripe says now of something that waits for a person: fetched when an officer asks, with no transaction open."""

from __future__ import annotations

import uuid
from typing import Any

from flask import render_template, url_for
from flask_babel import gettext as _

from core.db import end_reading
from core.web.access import needs
from sponsorship.contributions.blueprint import bp
from sponsorship.gateways.lookup import look_at
from sponsorship.gateways.problems import problem_of
from sponsorship.gateways.queries import get_event
from sponsorship.gateways.stripe_gateway import GatewayError, current_gateway


@bp.get("/contributions/unmatched/<uuid:event_id>/")
@needs("contribution.refund")
def look_up(event_id: uuid.UUID) -> Any:
    """The object behind a notice, as Stripe has it now."""
    event, lines, failure = get_event(event_id), None, None
    end_reading()
    if event.object_id:
        try:
            lines = look_at(current_gateway(), event.type, event.object_id)
        except GatewayError as error:
            failure = problem_of(error.code)
    return render_template(
        "contributions/look_up.html", event=event, lines=lines, failure=failure, problem=problem_of(event.note),
        crumbs=[(_("Unmatched notices"), url_for("contributions.unmatched")), (_("What Stripe says"), None)])
