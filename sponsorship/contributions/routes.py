"""Pages of the room, by who uses them: visitors who give, donors with an account, officers."""

from __future__ import annotations

from sponsorship.contributions import (
    donor_routes,
    invoice_routes,
    lookup_routes,
    movement_routes,
    officer_routes,
    payout_routes,
    public_routes,
)
from sponsorship.contributions.blueprint import bp

__all__ = ["bp", "donor_routes", "invoice_routes", "lookup_routes", "movement_routes", "officer_routes",
           "payout_routes", "public_routes"]
