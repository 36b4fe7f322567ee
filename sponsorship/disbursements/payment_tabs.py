"""The officers' room of payments: what leaves, what follows the journey, by which rules and dates, and the stop."""

from __future__ import annotations

from typing import Any

from flask import url_for
from flask_babel import gettext as _


def tabs(current: str) -> list[dict[str, Any]]:
    """The parts; the one that holds the page `current` (an endpoint) brings its pages along. All of them are open to
    whoever may see the disbursements, so there is nothing to ask of anybody's permissions."""
    return [_part(label, current, pages) for label, pages in (
        (_("Payments"), (
            (_("All payments"), "disbursements.disbursement_list"),
            (_("Payment instructions"), "disbursements.instructions"),
        )),
        (_("After the journey"), (
            (_("Claims"), "claims.claim_list"),
            (_("Late claims"), "late_claims.late_list"),
            (_("Money asked back"), "claims.recovery_list"),
            (_("Paid twice, lost or stolen"), "losses.loss_list"),
        )),
        (_("Rules and dates"), (
            (_("Second approving officer"), "disbursements.approval_rules"),
            (_("Banks and days off"), "plan.places"),
        )),
        (_("Stop of all releases"), ((_("Stop of all releases"), "disbursements.stop_page"),)),
    )]


def _part(label: str, current: str, pages: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    here = any(endpoint == current for _label, endpoint in pages)
    return {
        "label": label, "url": url_for(pages[0][1]), "current": here,
        "pages": [{"label": name, "url": url_for(endpoint), "current": endpoint == current}
                  for name, endpoint in pages] if here and len(pages) > 1 else [],
    }
