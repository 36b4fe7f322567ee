"""What happened: append-only events, sealed afterwards into a chain of hashes.

Commands only insert (so writers never queue behind each other); the leading worker seals. An event holds opaque
identifiers, codes and amounts. Free text stands in `event_text`, which may be erased: the event keeps a salted
commitment to it, so the chain stays valid.
"""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, insert, select
from sqlalchemy.orm import Mapped, mapped_column

from core.actor import Actor
from core.clock import now, real_now
from core.db import Base, WithId, command, db, insert_rows, new_id
from core.ddl import append_only

GENESIS = "0" * 64


class Event(WithId, Base):
    """`occurred_at` is business time, `recorded_at` real time. `tag` is room.aggregate.action."""

    __tablename__ = "event"
    __table_args__ = (Index(None, "subject_type", "subject_id", "recorded_at"),)
    occurred_at: Mapped[datetime]
    recorded_at: Mapped[datetime] = mapped_column(index=True)
    actor: Mapped[str] = mapped_column(String(60))
    actor_id: Mapped[uuid.UUID | None] = mapped_column(index=True)
    tag: Mapped[str] = mapped_column(String(80), index=True)
    subject_type: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[uuid.UUID]
    from_state: Mapped[str | None] = mapped_column(String(40))
    to_state: Mapped[str | None] = mapped_column(String(40))
    reason: Mapped[str | None] = mapped_column(String(60))
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
    commitment: Mapped[str | None] = mapped_column(String(64))


class EventText(Base):
    """Words a person wrote about an event. Erasable."""

    __tablename__ = "event_text"
    event_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("event.id"), primary_key=True)
    salt: Mapped[str] = mapped_column(String(32))
    text: Mapped[str] = mapped_column(Text)


class EventSeal(Base):
    """The chain: hash = SHA-256(previous hash, canonical event)."""

    __tablename__ = "event_seal"
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    event_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("event.id"), unique=True)
    previous: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))
    sealed_at: Mapped[datetime]


_EVENT, _EVENT_TEXT = insert(Event.__table__), insert(EventText.__table__)  # type: ignore[arg-type]

append_only(Event.__table__)  # type: ignore[arg-type]
append_only(EventSeal.__table__, key="seq")  # type: ignore[arg-type]


def record(
    actor: Actor,
    tag: str,
    subject_type: str,
    subject_id: uuid.UUID,
    *,
    from_state: str | None = None,
    to_state: str | None = None,
    reason: str | None = None,
    data: dict[str, Any] | None = None,
    text: str | None = None,
) -> uuid.UUID:
    """Add one event to the command under way. `data` takes identifiers, codes, integers and ISO dates only."""
    if actor.proof is not None:
        data = {**(data or {}), "proof": str(actor.proof)}
    _refuse_personal(data or {})
    salt = os.urandom(16).hex() if text else ""
    event_id = new_id()
    db.session.flush()  # what the event is about stands before it
    # by Core: an event is never changed, so the session need not keep it
    db.session.execute(_EVENT, {
        "id": event_id, "occurred_at": now(), "recorded_at": real_now(), "actor": actor.code,
        "actor_id": actor.person_id, "tag": tag, "subject_type": subject_type, "subject_id": subject_id,
        "from_state": from_state, "to_state": to_state, "reason": reason, "data": data or {},
        "commitment": commitment(salt, text) if text else None,
    })
    if text:
        db.session.execute(_EVENT_TEXT, {"event_id": event_id, "salt": salt, "text": text})
    return event_id


@dataclass(frozen=True)
class NewEvent:
    """One of many events to record together."""

    tag: str
    subject_type: str
    subject_id: uuid.UUID
    from_state: str | None = None
    to_state: str | None = None
    reason: str | None = None
    data: dict[str, Any] = field(default_factory=dict)


def record_many(actor: Actor, rows: Sequence[NewEvent]) -> None:
    """As `record`, without words, for many events of the command under way: one statement."""
    if not rows:
        return
    for row in rows:
        _refuse_personal(row.data)
    occurred_at, recorded_at = now(), real_now()
    db.session.flush()  # what the events are about stands before them
    insert_rows(Event, [
        {"id": new_id(), "occurred_at": occurred_at, "recorded_at": recorded_at, "actor": actor.code,
         "actor_id": actor.person_id, "tag": row.tag, "subject_type": row.subject_type, "subject_id": row.subject_id,
         "from_state": row.from_state, "to_state": row.to_state, "reason": row.reason, "data": row.data,
         "commitment": None} for row in rows
    ])


def commitment(salt: str, text: str) -> str:
    return hashlib.sha256(f"{salt}\n{text}".encode()).hexdigest()


def _refuse_personal(data: dict[str, Any]) -> None:
    """Values in events are codes: short, no @, no line break. Anything longer belongs into `text`."""
    for key, value in data.items():
        values = value if isinstance(value, list) else [value]
        for item in values:
            if isinstance(item, str) and (len(item) > 120 or "@" in item or "\n" in item):
                raise ValueError(f"event data {key!r} looks like personal or free text")
            if not isinstance(item, (str, int, bool, type(None))):
                raise ValueError(f"event data {key!r} is a {type(item).__name__}")


def canonical(event: Event) -> bytes:
    """The bytes that are hashed: sorted JSON of every column, instants in UTC with microseconds."""
    body = {
        "id": str(event.id), "occurred_at": _utc(event.occurred_at), "recorded_at": _utc(event.recorded_at),
        "actor": event.actor, "actor_id": str(event.actor_id) if event.actor_id else None, "tag": event.tag,
        "subject_type": event.subject_type, "subject_id": str(event.subject_id), "from": event.from_state,
        "to": event.to_state, "reason": event.reason, "data": event.data, "commitment": event.commitment,
    }
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _utc(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def chain(previous: str, event: Event) -> str:
    return hashlib.sha256(previous.encode() + b"\n" + canonical(event)).hexdigest()


@command
def seal(limit: int = 5000) -> int:
    """Seal events not yet sealed, oldest first; the number sealed. Only the leading worker calls this."""
    last = db.session.execute(select(EventSeal).order_by(EventSeal.seq.desc()).limit(1)).scalar_one_or_none()
    seq, previous = (last.seq, last.hash) if last else (0, GENESIS)
    rows = db.session.scalars(
        select(Event)
        .outerjoin(EventSeal, EventSeal.event_id == Event.id)
        .where(EventSeal.seq.is_(None))
        .order_by(Event.recorded_at, Event.id)
        .limit(limit)
    ).all()
    for event in rows:
        seq += 1
        digest = chain(previous, event)
        db.session.add(EventSeal(seq=seq, event_id=event.id, previous=previous, hash=digest, sealed_at=real_now()))
        previous = digest
    return len(rows)


@dataclass(frozen=True)
class Head:
    """The newest seal: publish it and nobody can rewrite what came before."""

    seq: int
    hash: str
    sealed_at: datetime


def head() -> Head | None:
    row = db.session.execute(select(EventSeal).order_by(EventSeal.seq.desc()).limit(1)).scalar_one_or_none()
    return Head(row.seq, row.hash, row.sealed_at) if row else None


def publish_head(folder: Path) -> Path | None:
    """Write the head outside the database, one file a day (UTC), never overwriting an earlier day's."""
    newest = head()
    if newest is None:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{real_now():%Y-%m-%d}.txt"
    partial = path.with_suffix(".partial")
    partial.write_text(f"{newest.seq} {newest.hash} {_utc(newest.sealed_at)}\n")
    partial.replace(path)
    return path


def proof_of_chain(max_unsealed_age: timedelta = timedelta(minutes=5)) -> tuple[int, list[str]]:
    """(sealed events checked, faults). Reads in batches, so memory does not grow with history."""
    faults: list[str] = []
    previous, expected, checked = GENESIS, 1, 0
    while True:
        rows = db.session.execute(
            select(EventSeal, Event).join(Event, Event.id == EventSeal.event_id)
            .where(EventSeal.seq >= expected).order_by(EventSeal.seq).limit(2000)
        ).all()
        if not rows:
            break
        for seal_row, event in rows:
            if seal_row.seq != expected:
                faults.append(f"seal {expected} is missing")
                expected = seal_row.seq
            if seal_row.previous != previous or seal_row.hash != chain(previous, event):
                faults.append(f"seal {seal_row.seq} does not prove event {event.id}")
            previous, expected, checked = seal_row.hash, expected + 1, checked + 1
            for row in (seal_row, event):  # they are many; whoever asks keeps what he has loaded
                db.session.expunge(row)
    texts = db.session.execute(
        select(Event.id, Event.commitment, EventText.salt, EventText.text).join(EventText)
    )
    for event_id, kept, salt, words in texts:
        if kept != commitment(salt, words):
            faults.append(f"text of event {event_id} does not match its commitment")
    oldest = db.session.scalar(
        select(Event.recorded_at).outerjoin(EventSeal, EventSeal.event_id == Event.id)
        .where(EventSeal.seq.is_(None)).order_by(Event.recorded_at).limit(1)
    )
    if oldest is not None and real_now() - oldest > max_unsealed_age:
        faults.append("an event has waited more than 5 minutes for its seal")
    return checked, faults


@dataclass(frozen=True)
class History:
    """One line of an object's timeline."""

    at: datetime
    tag: str
    actor: str
    actor_id: uuid.UUID | None
    from_state: str | None
    to_state: str | None
    reason: str | None
    data: dict[str, Any]
    text: str | None


def history(subject_type: str, subject_id: uuid.UUID, *, limit: int = 200) -> list[History]:
    """An object's events, oldest first."""
    rows = db.session.execute(
        select(Event, EventText.text).outerjoin(EventText, EventText.event_id == Event.id)
        .where(Event.subject_type == subject_type, Event.subject_id == subject_id)
        .order_by(Event.recorded_at, Event.id).limit(limit)
    ).all()
    return [
        History(e.occurred_at, e.tag, e.actor, e.actor_id, e.from_state, e.to_state, e.reason, e.data, words)
        for e, words in rows
    ]
