"""The officers' room of contributions: five parts, most of them with pages side by side."""

from __future__ import annotations

from typing import Any

from flask import url_for
from flask_babel import gettext as _
from sqlalchemy import func, select

from core.db import db
from sponsorship.contributions.back_models import Dispute, Refund
from sponsorship.contributions.models import Contribution
from sponsorship.gateways.money_queries import count_movements_for_a_person
from sponsorship.gateways.queries import count_for_a_person


def tabs(current: str) -> list[dict[str, Any]]:
    """The parts, with how much waits in each; the one that holds the page `current` (an endpoint's own
    name) brings its pages along."""
    return [_part(label, current, pages) for label, pages in (
        (_("Contributions"), (
            (_("All contributions"), "contributions.contribution_list", 0),
            (_("Bank transfers"), "contributions.transfer_list", _count(Contribution.state == "declared")),
            (_("Receipts"), "contributions.paper_list", 0),
        )),
        (_("Pledges"), (
            (_("All pledges"), "contributions.pledge_list", 0),
            (_("Agreements"), "contributions.agreement_list", 0),
            (_("Invoices"), "contributions.invoice_list", 0),
            (_("Reminders"), "contributions.reminder_list", 0),
            (_("Letters"), "fund.letter_list", 0),
        )),
        (_("Refunds and disputes"), (
            (_("Refunds"), "contributions.refund_list", _count(Refund.state == "requested")),
            (_("Disputes"), "contributions.dispute_list", _count(Dispute.state.in_(("inquiry", "open")))),
        )),
        (_("At Stripe"), (
            (_("Movements"), "contributions.movement_list", count_movements_for_a_person()),
            (_("Payouts"), "contributions.payout_list", 0),
            (_("Unmatched notices"), "contributions.unmatched", count_for_a_person()),
        )),
        (_("Settings"), ((_("Settings"), "contributions.fund_settings", 0),)),
    )]


def _part(label: str, current: str, pages: tuple[tuple[str, str, int], ...]) -> dict[str, Any]:
    here = any(endpoint.endswith(f".{current}") for _label, endpoint, _waiting in pages)
    return {
        "label": label, "url": url_for(pages[0][1]), "current": here,
        "count": sum(waiting for _label, _endpoint, waiting in pages) or None,
        "pages": [{"label": name, "url": url_for(endpoint), "current": endpoint.endswith(f".{current}"),
                   "count": waiting or None} for name, endpoint, waiting in pages] if here and len(pages) > 1 else [],
    }


def _count(condition: Any) -> int:
    return db.session.scalar(select(func.count()).where(condition)) or 0
