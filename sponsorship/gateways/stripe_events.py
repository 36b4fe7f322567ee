"""Stripe's own list of events: what no webhook brought is stored all the same, and any of it can be applied again.

Stripe keeps events for 30 days; a lost webhook, or a day without us, loses nothing as long as this runs.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from core import events
from core.actor import system
from core.db import command, db, reading
from sponsorship.gateways import inbox
from sponsorship.gateways.cursors import advance, cursor
from sponsorship.gateways.models import StripeEvent
from sponsorship.gateways.stripe_calls import GatewayError
from sponsorship.gateways.stripe_gateway import StripeGateway
from sponsorship.gateways.stripe_webhook import foreign, is_event, object_id

CURSOR = "events"
OVERLAP = timedelta(hours=1)  # an event may appear in the list a little after its own second
REPLAY = system("stripe-replay")
SAME = "same object as above"


def sweep_events(gateway: StripeGateway) -> tuple[int, int]:
    """Store what Stripe lists since the last sweep and no webhook brought; (looked at, stored). Only kinds that
    somebody here answers. Raises GatewayError: the next sweep begins where this one did."""
    through, looked, stored = cursor(CURSOR), 0, 0
    newest = through
    for rows in gateway.list_events(through - OVERLAP if through else None):
        for event in _known_kinds(rows):
            looked += 1
            stored += _store(event, gateway)
        newest = max(newest or _made(rows[0]), _made(rows[0]))
    if newest is not None and newest != through:
        advance(CURSOR, newest)
    return looked, stored


def _known_kinds(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    return (row for row in rows if is_event(row) and row["type"] in inbox.HANDLERS)


def _made(event: dict[str, Any]) -> datetime:
    return datetime.fromtimestamp(event["created"], UTC)


def _store(event: dict[str, Any], gateway: StripeGateway) -> bool:
    raw = json.dumps(event, default=str).encode()  # the library reads decimals as such
    return inbox.receive(event, raw, gateway.livemode, version=gateway.api_version, via="listed")


# --- replay -----------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Replayed:
    """One event read again. `here` is the state it had here (empty when it never came); `outcome` what became of it
    now; `changes` what was written, as tags of the record and kinds of ledger entries with how many of each."""

    event_id: str
    kind: str
    object_id: str
    here: str
    outcome: str
    changes: dict[str, int] = field(default_factory=dict)


class _Undo(Exception):
    """Ends a rehearsal: everything written is rolled back."""

    def __init__(self, outcome: inbox.Outcome, changes: dict[str, int]) -> None:
        super().__init__()
        self.outcome, self.changes = outcome, changes


def replay(
    gateway: StripeGateway, since: datetime | None, until: datetime | None, kind: str | None, *, dry_run: bool = False
) -> Iterator[Replayed]:
    """Read events from Stripe again, oldest first, and apply each to what its object is now. Applying one twice
    changes nothing, so this is safe at any time. With `dry_run` all of it is rolled back. Raises GatewayError."""
    found = [event for rows in gateway.list_events(since, until, kind) for event in _known_kinds(rows)]
    done: set[tuple[inbox.Handler, str]] = set()
    for event in sorted(found, key=lambda row: (row["created"], row["id"])):
        about = object_id(event)
        here = _state_here(event["id"])
        handler = inbox.HANDLERS[event["type"]]
        changes: dict[str, int] = {}
        if problem := foreign(event, gateway.livemode, None):
            outcome = problem
        elif (handler, about) in done and here in ("done", "ignored", "explained"):
            outcome = SAME
        else:
            done.add((handler, about))
            outcome, changes = _again(event, handler, here, gateway, dry_run)
        yield Replayed(event["id"], event["type"], about, here, outcome, changes)


def _again(
    event: dict[str, Any], handler: inbox.Handler, here: str, gateway: StripeGateway, dry_run: bool
) -> tuple[str, dict[str, int]]:
    try:
        fetched = handler.fetch(object_id(event))
        if dry_run:
            _rehearse(handler, fetched)
        if here not in ("done", "ignored", "explained"):
            return _settle_here(event, gateway)
        outcome, changes = _apply(handler, fetched)
    except _Undo as end:
        outcome, changes = end.outcome, end.changes
    except inbox.TryLater as wait:
        return f"not complete yet: {wait}", {}
    except GatewayError as error:
        return f"could not be asked: {error.code}", {}
    return outcome.note or outcome.action, changes


def _settle_here(event: dict[str, Any], gateway: StripeGateway) -> tuple[str, dict[str, int]]:
    """One that the inbox does not call settled goes through the inbox, so that it is settled there."""
    _store(event, gateway)
    with reading():
        row_id, state = db.session.execute(
            select(StripeEvent.id, StripeEvent.state).where(StripeEvent.event_id == event["id"])).one()
        mark = _mark()
        db.session.rollback()
    if state in ("unmatched", "failed"):
        inbox.reread(row_id, REPLAY)
    word = inbox.perform(row_id, datetime.now(UTC))
    with reading():
        note = db.session.scalar(select(StripeEvent.note).where(StripeEvent.id == row_id))
        changes = _changes(mark)
        db.session.rollback()
    return note or word, changes


@command
def _apply(handler: inbox.Handler, fetched: Any) -> tuple[inbox.Outcome, dict[str, int]]:
    mark = _mark()
    outcome = handler.apply(fetched, REPLAY)
    db.session.flush()
    return outcome, _changes(mark)


@command
def _rehearse(handler: inbox.Handler, fetched: Any) -> None:
    raise _Undo(*_apply(handler, fetched))


def _mark() -> uuid.UUID | None:
    """Where the record of events stands now; identifiers run with time."""
    return db.session.scalar(select(events.Event.id).order_by(events.Event.id.desc()).limit(1))


def _changes(mark: uuid.UUID | None) -> dict[str, int]:
    query = select(events.Event.tag, func.count()).where(events.Event.actor.in_((REPLAY.code, inbox.ACTOR.code)))
    if mark is not None:
        query = query.where(events.Event.id > mark)
    rows = db.session.execute(query.group_by(events.Event.tag).order_by(events.Event.tag))
    return {tag: count for tag, count in rows if not tag.startswith("gateways.stripe-event")}


def _state_here(event_id: str) -> str:
    with reading():
        state = db.session.scalar(select(StripeEvent.state).where(StripeEvent.event_id == event_id))
        db.session.rollback()
    return state or ""
