"""The parts of what lies at Stripe, as officers go between them."""

from __future__ import annotations

from typing import Any

from flask import url_for
from flask_babel import gettext as _

from sponsorship.gateways.money_queries import count_movements_for_a_person
from sponsorship.gateways.queries import count_for_a_person


def stripe_tabs(current: str) -> list[dict[str, Any]]:
    """Links to the parts, the current one marked, with how much waits in each."""
    parts = (
        ("movements", _("Movements"), "movement_list", count_movements_for_a_person()),
        ("payouts", _("Payouts"), "payout_list", None),
        ("invoices", _("Invoices"), "invoice_list", None),
        ("unmatched", _("Unmatched notices"), "unmatched", count_for_a_person()),
    )
    return [{"label": label, "url": url_for(f"contributions.{endpoint}"), "current": code == current,
             "count": waiting or None} for code, label, endpoint, waiting in parts]


def stripe_crumbs(*rest: tuple[Any, str | None]) -> list[tuple[Any, str | None]]:
    """Where a page of this part stands."""
    return [(_("Contributions"), url_for("contributions.contribution_list")), *rest]
