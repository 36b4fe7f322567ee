"""The inbox of webhook events: stored at once, read later, each applied in one transaction with its own settling.

Rooms above register a handler per type of event. A handler fetches the object outside any transaction and applies
what it fetched inside the command that settles the event, so that a crash leaves both or neither.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from core import clock, vault
from core.actor import Actor, system
from core.db import command, db, insert_into, lock, new_id, reading
from sponsorship.gateways.models import StripeEvent
from sponsorship.gateways.stripe_calls import GatewayError
from sponsorship.gateways.stripe_webhook import foreign, object_id
from sponsorship.gateways.transitions import STRIPE_EVENT

GIVE_UP_AFTER = 10  # about an hour and a half
WAIT_FOR_STRIPE = 80  # three days: a fault at Stripe is no fault of the event
ACTOR = system("stripe-inbox")


@dataclass(frozen=True)
class Outcome:
    """What a handler did with an event: `action` is settle, ignore or set_aside; `note` a code for officers."""

    action: str
    note: str = ""


DONE = Outcome("settle")


class TryLater(Exception):
    """The object is not complete yet (for example a charge that Stripe has not booked): ask again."""


@dataclass(frozen=True)
class Handler:
    """`fetch(object_id)` asks the provider, with no transaction open; `apply(fetched, actor)` writes, inside the
    command that settles the event, and may run again after a crash: it must find its own traces."""

    fetch: Callable[[str], Any]
    apply: Callable[[Any, Actor], Outcome]


HANDLERS: dict[str, Handler] = {}


def register(event_type: str, handler: Handler) -> None:
    """Answer events of `event_type` by `handler`. A second, other handler is a programming error."""
    if HANDLERS.setdefault(event_type, handler) != handler:
        raise ValueError(f"{event_type} has two handlers")


@command
def receive(
    event: dict[str, Any], raw: bytes, livemode: bool, *, version: str | None = None, via: str = "webhook"
) -> bool:
    """Store a proven event under its id; False when it was here before.

    One that is not for this installation (of the other mode, of another account, or in another `version` of the API
    than ours) is stored and set aside, never read by itself.
    """
    row_id = new_id()
    values = _values(row_id, event["id"], event["type"], object_id(event), event["livemode"], via)
    values |= {
        "api_version": str(event.get("api_version") or "")[:40] or None,
        "payload_sha256": hashlib.sha256(raw).hexdigest(),
        "happened_at": datetime.fromtimestamp(event["created"], UTC),
    }
    # Core, because a duplicate is ordinary here and must not cost the command its transaction
    if not _insert_once(values):
        return False
    row = lock(StripeEvent, row_id)
    row.payload_sealed = vault.seal(row_id, raw.decode("utf-8"))
    if problem := foreign(event, livemode, version):
        _move(row, Outcome("set_aside", problem))
    return True


@command
def set_aside(event_type: str, object_id: str, livemode: bool, note: str, mark: str = "") -> bool:
    """A sweep found what no webhook told us and no rule can answer: put it before a person, in the same queue, once
    (once for each `mark`, where the same may come again). Reading it again asks Stripe for the object, as if the
    webhook had come. False when it is there already."""
    row_id = new_id()
    event_id = ":".join(part for part in ("sweep", note, object_id, mark) if part)[:100]
    if not _insert_once(_values(row_id, event_id, event_type, object_id, livemode, "found")):
        return False
    _move(lock(StripeEvent, row_id), Outcome("set_aside", note))
    return True


def _values(
    row_id: uuid.UUID, event_id: str, event_type: str, about: str, livemode: bool, via: str
) -> dict[str, Any]:
    now = clock.real_now()
    return {
        "id": row_id, "version": 1, "event_id": event_id, "type": event_type, "object_id": about, "api_version": None,
        "livemode": livemode, "via": via, "payload_sealed": None, "payload_sha256": "", "happened_at": now,
        "received_at": now, "state": "new", "attempts": 0, "due_at": now, "note": None,
    }


def _insert_once(values: dict[str, Any]) -> bool:
    """Insert an event unless its id is known. RETURNING tells: row counts of skipped inserts differ by driver."""
    statement = insert_into(StripeEvent).values(values).on_conflict_do_nothing(index_elements=["event_id"])
    return db.session.execute(statement.returning(StripeEvent.id)).first() is not None


def due(now: datetime, limit: int) -> list[tuple[uuid.UUID, datetime, str]]:
    """Events to read: (id, due, type). Real time: what a provider says does not wait for a rehearsal."""
    rows = db.session.execute(
        select(StripeEvent.id, StripeEvent.due_at, StripeEvent.type)
        .where(StripeEvent.state == "new", StripeEvent.due_at <= clock.real_at(now))
        .order_by(StripeEvent.due_at, StripeEvent.id).limit(limit)
    )
    return [(row.id, row.due_at, row.type) for row in rows]


def perform_due(event_row_id: uuid.UUID, now: datetime) -> str:
    """`perform` for the job: of several processes that found the same event due, one that comes later leaves it to the
    next time, as the first to fail has put it off."""
    return perform(event_row_id, now, only_due=True)


def perform(event_row_id: uuid.UUID, now: datetime, *, only_due: bool = False) -> str:
    """Read one event: fetch its object with no transaction open, then apply and settle in one command.

    A failure is counted and tried again later; after GIVE_UP_AFTER tries the event waits for a person (later where it
    is Stripe that does not answer). Running it twice, or in two processes at once, applies it once and counts a
    failure once.
    """
    with reading():
        row = db.session.get(StripeEvent, event_row_id)
        known = (row.type, row.object_id, row.attempts, row.due_at) if row is not None and row.state == "new" else None
        db.session.rollback()
    if known is None:
        return "not new"
    event_type, about, tries, due_at = known
    if only_due and due_at > clock.real_at(now):
        return "not due"
    handler = HANDLERS.get(event_type)
    if handler is None:
        return _settle(event_row_id, Outcome("ignore", "type"))
    try:
        fetched = handler.fetch(about)
        return _apply(event_row_id, handler, fetched)
    except TryLater as wait:
        return _note_failure(event_row_id, tries, str(wait)[:60] or "not_complete")
    except Exception as error:
        silent = isinstance(error, GatewayError) and not error.refused
        _note_failure(event_row_id, tries, str(getattr(error, "code", "") or type(error).__name__)[:60],
                      WAIT_FOR_STRIPE if silent else GIVE_UP_AFTER)
        raise


@command
def _apply(event_row_id: uuid.UUID, handler: Handler, fetched: Any) -> str:
    row = lock(StripeEvent, event_row_id)
    if row.state != "new":
        return "not new"
    outcome = handler.apply(fetched, ACTOR)
    _move(row, outcome)
    return outcome.action


@command
def _settle(event_row_id: uuid.UUID, outcome: Outcome) -> str:
    row = lock(StripeEvent, event_row_id)
    if row.state != "new":
        return "not new"
    _move(row, outcome)
    return outcome.action


def _move(row: StripeEvent, outcome: Outcome) -> None:
    row.settled_at, row.note = clock.real_now(), outcome.note[:80] or None
    STRIPE_EVENT.apply(row, outcome.action, ACTOR, reason=outcome.note[:60] or None,
                       data={"event": row.event_id, "type": row.type})


@command
def _note_failure(event_row_id: uuid.UUID, tries: int, code: str, most: int = GIVE_UP_AFTER) -> str:
    row = lock(StripeEvent, event_row_id)
    if row.state != "new":
        return "not new"
    if row.attempts != tries:  # another process read it at the same time and has counted
        return "later"
    row.attempts += 1
    row.note = code
    row.due_at = clock.real_now() + timedelta(seconds=min(3600, 5 * 2 ** min(row.attempts, 9)))
    if row.attempts >= most:
        _move(row, Outcome("give_up", code))
        return "given up"
    return "later"


@command
def retry(event_row_id: uuid.UUID, actor: Actor, expected_version: int | None = None) -> None:
    """An officer has an event read again. Raises NotAllowed, IllegalMove, Stale, NotFound."""
    _again(lock(StripeEvent, event_row_id, expected_version), "retry", actor)


@command
def reread(event_row_id: uuid.UUID, actor: Actor) -> None:
    """The operator has an event that waits for a person read again. Raises IllegalMove, NotFound."""
    _again(lock(StripeEvent, event_row_id), "reread", actor)


def _again(row: StripeEvent, action: str, actor: Actor) -> None:
    row.attempts, row.due_at, row.settled_at, row.note = 0, clock.real_now(), None, None
    STRIPE_EVENT.apply(row, action, actor)


@command
def explain(event_row_id: uuid.UUID, actor: Actor, words: str, expected_version: int | None = None) -> None:
    """An officer closes an event by saying what was done about it. Raises NotAllowed, IllegalMove, Stale, NotFound."""
    row = lock(StripeEvent, event_row_id, expected_version)
    row.settled_at = clock.real_now()
    STRIPE_EVENT.apply(row, "explain", actor, text=words)
