"""Where officers find something at Stripe themselves."""

from __future__ import annotations

from flask import current_app

from core.settings import Settings


def dispute_page(dispute_id: str) -> str | None:
    """The page on which a dispute is answered, in Stripe's dashboard; None with the simulator, which has none."""
    settings: Settings = current_app.extensions["placard_settings"]
    if settings.uses_simulator:
        return None
    mode = "" if current_app.extensions["placard_stripe"].livemode else "test/"
    return f"https://dashboard.stripe.com/{mode}disputes/{dispute_id}"
