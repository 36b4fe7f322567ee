"""The parts of contributions, as officers go between them."""

from __future__ import annotations

from typing import Any

from flask import url_for
from flask_babel import gettext as _

from sponsorship.gateways import queries as gateway_queries


def tabs(current: str) -> list[dict[str, Any]]:
    """Links to the parts, the current one marked."""
    waiting = gateway_queries.count_for_a_person()
    return [
        {"label": _("Contributions"), "url": url_for("contributions.contribution_list"),
         "current": current == "contributions"},
        {"label": _("Pledges"), "url": url_for("contributions.pledge_list"), "current": current == "pledges"},
        {"label": _("Reminders"), "url": url_for("contributions.reminder_list"), "current": current == "reminders"},
        {"label": _("Agreements"), "url": url_for("contributions.agreement_list"), "current": current == "agreements"},
        {"label": _("Unmatched"), "url": url_for("contributions.unmatched"), "current": current == "unmatched",
         "count": waiting or None},
    ]
