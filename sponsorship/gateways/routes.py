"""Where providers knock. Nothing here is a page."""

from __future__ import annotations

import structlog
from flask import Blueprint, current_app, request
from flask_babel import lazy_gettext as _l

from core.web.access import webhook
from core.web.timeline import name_system
from sponsorship.gateways import inbox, stripe_events
from sponsorship.gateways.stripe_gateway import MAX_EVENT_BYTES, BadSignature, StripeGateway

bp = Blueprint("gateways", __name__)
log = structlog.get_logger("placard.stripe")
for _actor in (inbox.ACTOR, stripe_events.REPLAY):
    name_system(_actor.name, _l("Placard, as Stripe reported"))


@bp.post("/webhooks/stripe")
@webhook
def stripe_webhook() -> tuple[str, int]:
    """Verify on the raw bytes, store, answer. Reading comes later; a failure to store answers 500: Stripe repeats."""
    gateway: StripeGateway = current_app.extensions["placard_stripe"]
    if request.content_length is None or request.content_length > MAX_EVENT_BYTES:
        return "refused", 400
    raw = request.get_data(cache=False)
    try:
        event = gateway.verify_event(raw, request.headers.get("Stripe-Signature"))
    except BadSignature as error:
        log.warning("webhook refused", reason=str(error))
        return "refused", 400
    stored = inbox.receive(event, raw, gateway.livemode, version=gateway.api_version)
    return ("stored", 200) if stored else ("known", 200)
