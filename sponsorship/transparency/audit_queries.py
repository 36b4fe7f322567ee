"""What the auditor reads: events with their seals, approvals, results of verify. Reading only."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select

from core.db import db
from core.events import Event, EventSeal
from core.web.tables import TableQuery


@dataclass(frozen=True)
class EventRow:
    """One event as the auditor sees it."""

    id: uuid.UUID
    seq: int | None
    occurred_at: datetime
    recorded_at: datetime
    actor: str
    actor_id: uuid.UUID | None
    tag: str
    subject_type: str
    subject_id: uuid.UUID
    from_state: str | None
    to_state: str | None
    reason: str | None
    data: dict[str, Any]


def _filtered(query: TableQuery) -> Select[Any, Any]:
    statement: Select[Any, Any] = select(Event, EventSeal.seq).outerjoin(EventSeal, EventSeal.event_id == Event.id)
    if tag := query.get("tag"):
        statement = statement.where(Event.tag.startswith(tag, autoescape=True))
    if subject := query.get("subject"):
        try:
            statement = statement.where(Event.subject_id == uuid.UUID(subject))
        except ValueError:
            statement = statement.where(Event.subject_type == subject)
    return statement


def _row(event: Event, seq: int | None) -> EventRow:
    return EventRow(event.id, seq, event.occurred_at, event.recorded_at, event.actor, event.actor_id, event.tag,
                    event.subject_type, event.subject_id, event.from_state, event.to_state, event.reason, event.data)


def list_events(query: TableQuery) -> tuple[Sequence[EventRow], int]:
    """A page of events, newest first, and how many there are in all."""
    statement = _filtered(query)
    total = db.session.scalar(select(func.count()).select_from(statement.subquery())) or 0
    rows = db.session.execute(
        statement.order_by(Event.recorded_at.desc(), Event.id.desc())
        .limit(query.per_page).offset((query.page - 1) * query.per_page)
    )
    return [_row(event, seq) for event, seq in rows], total


def all_events(query: TableQuery, limit: int = 100_000) -> Sequence[EventRow]:
    """For the download: oldest first."""
    rows = db.session.execute(_filtered(query).order_by(Event.recorded_at, Event.id).limit(limit))
    return [_row(event, seq) for event, seq in rows]


def get_event(event_id: uuid.UUID) -> tuple[EventRow, EventSeal | None] | None:
    """One event with its seal."""
    row = db.session.execute(
        select(Event, EventSeal).outerjoin(EventSeal, EventSeal.event_id == Event.id).where(Event.id == event_id)
    ).first()
    if row is None:
        return None
    event, seal = row
    return _row(event, seal.seq if seal else None), seal
