"""Pages of the room, by who uses them: visitors who give, donors with an account, officers."""

from __future__ import annotations

from sponsorship.contributions import (
    agreement_routes,
    check_routes,
    contribution_routes,
    deposit_routes,
    dispute_routes,
    donate_routes,
    donor_routes,
    invoice_routes,
    lookup_routes,
    movement_routes,
    paper_routes,
    payout_routes,
    pledge_act_routes,
    pledge_routes,
    public_routes,
    refund_routes,
    reminder_routes,
    settings_routes,
    transfer_routes,
    unmatched_routes,
)
from sponsorship.contributions.blueprint import bp

__all__ = [
    "agreement_routes",
    "bp",
    "check_routes",
    "contribution_routes",
    "deposit_routes",
    "dispute_routes",
    "donate_routes",
    "donor_routes",
    "invoice_routes",
    "lookup_routes",
    "movement_routes",
    "paper_routes",
    "payout_routes",
    "pledge_act_routes",
    "pledge_routes",
    "public_routes",
    "refund_routes",
    "reminder_routes",
    "settings_routes",
    "transfer_routes",
    "unmatched_routes",
]
