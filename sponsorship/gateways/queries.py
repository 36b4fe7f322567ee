"""Inbox rows for pages."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from core.db import db, get
from core.machines import State
from sponsorship.gateways.models import StripeEvent
from sponsorship.gateways.transitions import STRIPE_EVENT

WAITING = ("unmatched", "failed")


@dataclass(frozen=True)
class EventRow:
    """One event that waits for an officer. `note` is the code of the reason."""

    id: uuid.UUID
    version: int
    event_id: str
    type: str
    object_id: str
    received_at: datetime
    status: State
    note: str


def list_for_a_person(limit: int = 200) -> list[EventRow]:
    """Events that no rule could answer, oldest first."""
    rows = db.session.scalars(
        select(StripeEvent).where(StripeEvent.state.in_(WAITING)).order_by(StripeEvent.received_at, StripeEvent.id)
        .limit(limit)
    )
    return [_row(r) for r in rows]


def get_event(event_row_id: uuid.UUID) -> EventRow:
    """One event. Raises NotFound."""
    return _row(get(StripeEvent, event_row_id))


def _row(r: StripeEvent) -> EventRow:
    return EventRow(r.id, r.version, r.event_id, r.type, r.object_id, r.received_at, STRIPE_EVENT.state(r.state),
                    r.note or "")


def count_for_a_person() -> int:
    """How many events wait for an officer."""
    return db.session.scalar(
        select(func.count()).select_from(StripeEvent).where(StripeEvent.state.in_(WAITING))
    ) or 0
