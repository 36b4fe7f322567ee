"""My desk: what waits for me, by when. Rooms register their sources; this room only collects and sorts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from accounts.permissions import allows
from core.actor import Actor


@dataclass(frozen=True)
class DeskItem:
    """One thing that waits. `due` is an instant or a day (None: no date), `what` says what to do, `tone` is one of
    waiting, attention, done, stopped, neutral."""

    title: Any
    url: str
    due: datetime | date | None
    what: Any
    reference: str = ""
    tone: str = "waiting"


Source = Callable[[Actor], list[DeskItem]]
_sources: list[tuple[str, Source]] = []


def register_source(permission: str, function: Source) -> None:
    """`function(actor)` is asked for items when the person holds `permission`. Registering twice counts once.

    A source runs a fixed number of queries, limits itself to what the person can act on, and only reads.
    """
    if (permission, function) not in _sources:
        _sources.append((permission, function))


def sources() -> list[tuple[str, Source]]:
    return list(_sources)


def items_for(actor: Actor) -> list[DeskItem]:
    """Everything that waits for this person, most urgent first; undated last; ties by reference."""
    found: list[DeskItem] = []
    seen: set[Source] = set()
    for permission, function in _sources:
        if function not in seen and allows(actor, permission):
            seen.add(function)
            found += function(actor)
    return sorted(found, key=_urgency)


def _urgency(item: DeskItem) -> tuple[bool, datetime, bool, str]:
    return item.due is None, due_instant(item.due), item.tone != "attention", item.reference


def due_instant(due: datetime | date | None) -> datetime:
    """The instant by which something is due: the end of the day (UTC) for a day."""
    if due is None:
        return datetime.max.replace(tzinfo=UTC)
    if isinstance(due, datetime):
        return due
    return datetime.combine(due, time(23, 59, 59), UTC)
