"""What the gateways do by schedule."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from core import clock, vault
from core.db import command, db
from core.jobs import Job, sweep
from sponsorship.gateways import inbox
from sponsorship.gateways.models import StripeEvent

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


JOBS = [
    Job("stripe-inbox", _l("Reads what Stripe has told us"), 2, inbox.due, inbox.perform),
    sweep("stripe-forget", _l("Erases what settled Stripe events said about payers, after 30 days"), 3600, _erase),
]
