"""The donor's own pages, as tabs."""

from __future__ import annotations

from typing import Any

from flask import url_for
from flask_babel import gettext as _


def donor_tabs(current: str) -> list[dict[str, Any]]:
    """What a donor promised and paid, and what the fund owes it an account of; `current` is the endpoint shown."""
    return [
        {"label": label, "url": url_for(endpoint), "current": endpoint == current}
        for endpoint, label in (
            ("contributions.donor_home", _("Pledges")), ("contributions.own_papers", _("Receipts")),
            ("fund.donor_results", _("Results")), ("fund.donor_statement", _("Statement")),
            ("fund.donor_letters", _("Letters")),
        )
    ]
