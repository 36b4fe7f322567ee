"""Pages of the room, by who uses them: visitors who give, donors with an account, officers."""

from __future__ import annotations

from sponsorship.contributions import (
    check_routes,
    contribution_routes,
    deposit_routes,
    dispute_routes,
    donor_routes,
    officer_routes,
    paper_routes,
    public_routes,
    refund_routes,
    settings_routes,
    transfer_routes,
    unmatched_routes,
)
from sponsorship.contributions.blueprint import bp

__all__ = [
    "bp", "check_routes", "contribution_routes", "deposit_routes", "dispute_routes", "donor_routes", "officer_routes",
    "paper_routes", "public_routes", "refund_routes", "settings_routes", "transfer_routes", "unmatched_routes",
]
