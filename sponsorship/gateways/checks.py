"""What must always hold in the inbox."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select

from core import clock
from core.db import db
from core.verify import check
from sponsorship.gateways.models import StripeEvent

UNREAD_TOO_LONG = timedelta(hours=1)


@check("gateways.stripe-inbox")
def inbox_is_read() -> tuple[int, list[str]]:
    """No event is left unread for an hour (one that keeps failing reaches a person well before a day is over)."""
    checked = db.session.scalar(select(func.count()).select_from(StripeEvent)) or 0
    late = db.session.scalars(
        select(StripeEvent.id)
        .where(StripeEvent.state == "new", StripeEvent.attempts == 0,
               StripeEvent.received_at < clock.real_now() - UNREAD_TOO_LONG)
    ).all()
    return checked, [f"Stripe event {row_id} has not been read" for row_id in late]
