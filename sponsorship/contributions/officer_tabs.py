"""The parts of the officers' room of contributions."""

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
    """The parts, with how much waits in each; `current` is the code of the part that is shown."""
    parts = (
        ("contributions", _("Contributions"), "contribution_list", None),
        ("pledges", _("Pledges"), "pledge_list", None),
        ("reminders", _("Reminders"), "reminder_list", None),
        ("agreements", _("Agreements"), "agreement_list", None),
        ("letters", _("Letters"), "fund.letter_list", None),
        ("transfers", _("Bank transfers"), "transfer_list", _count(Contribution.state == "declared")),
        ("refunds", _("Refunds"), "refund_list", _count(Refund.state == "requested")),
        ("disputes", _("Disputes"), "dispute_list", _count(Dispute.state.in_(("inquiry", "open")))),
        ("papers", _("Receipts"), "paper_list", None),
        ("unmatched", _("Unmatched"), "unmatched", count_for_a_person()),
        ("stripe", _("At Stripe"), "movement_list", count_movements_for_a_person()),
        ("settings", _("Settings"), "fund_settings", None),
    )
    return [{"label": label, "url": url_for(endpoint if "." in endpoint else f"contributions.{endpoint}"),
             "current": code == current, "count": waiting or None} for code, label, endpoint, waiting in parts]


def _count(condition: Any) -> int:
    return db.session.scalar(select(func.count()).where(condition)) or 0
