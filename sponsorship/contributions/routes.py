"""Pages of the room, by who uses them: visitors who give, donors with an account, officers."""

from __future__ import annotations

from sponsorship.contributions import (
    agreement_routes,
    donate_routes,
    donor_routes,
    officer_routes,
    pledge_act_routes,
    pledge_routes,
    public_routes,
    reminder_routes,
)
from sponsorship.contributions.blueprint import bp

__all__ = [
    "agreement_routes", "bp", "donate_routes", "donor_routes", "officer_routes", "pledge_act_routes", "pledge_routes",
    "public_routes", "reminder_routes",
]
