"""What the gateways do by schedule."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from core import clock, vault
from core.db import command, db
from core.jobs import Job, sweep
from sponsorship.gateways import inbox, movements, payouts, stripe_events
from sponsorship.gateways.models import StripeEvent
from sponsorship.gateways.stripe_gateway import current_gateway

KEEP_PAYLOAD = timedelta(days=30)


@command
def erase_old_payloads(before: datetime) -> int:
    """Forget what settled events said, keeping their digests; the number erased (at most 1000 at a time)."""
    rows = db.session.scalars(
        select(StripeEvent)
        .where(StripeEvent.payload_sealed.is_not(None), StripeEvent.settled_at < before,
               StripeEvent.state.in_(("done", "ignored", "explained")))
        .order_by(StripeEvent.id).limit(1000)
    ).all()
    for row in rows:
        vault.erase(row.id)
        row.payload_sealed = None
    return len(rows)


def _erase(_now: datetime) -> str:
    return f"{erase_old_payloads(clock.real_now() - KEEP_PAYLOAD)} erased"


def _events(_now: datetime) -> str:
    looked, stored = stripe_events.sweep_events(current_gateway())
    return f"{looked} looked at, {stored} stored"


def _movements(_now: datetime) -> str:
    looked, new = movements.gather(current_gateway())
    return f"{looked} looked at, {new} new"


JOBS = [
    Job("stripe-inbox", _l("Reads what Stripe has told us"), 2, inbox.due, inbox.perform_due),
    sweep("stripe-events", _l("Stores what Stripe has told and no webhook has brought"), 300, _events),
    sweep("stripe-movements", _l("Lists what has moved in the fund’s balance at Stripe"), 300, _movements),
    Job("payout-sweep", _l("Asks Stripe about payouts on their way, and what each contains"), 300, payouts.due,
        lambda item, _now: payouts.perform(current_gateway(), item)),
    sweep("stripe-forget", _l("Erases what settled Stripe events said about payers, after 30 days"), 3600, _erase),
]
