"""What the rooms above show on an application's page (such as its award): they register, this room only asks."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from core.actor import Actor
from core.machines import State


@dataclass(frozen=True)
class Related:
    """A link to an object that follows from an application. `what` says what it is, `status` where it stands."""

    what: Any
    reference: str
    url: str
    status: State | None = None


Source = Callable[[uuid.UUID, Actor], list[Related]]
Told = Callable[[Iterable[uuid.UUID]], set[uuid.UUID]]
_sources: list[Source] = []
_told: list[Told] = []


def register(source: Source) -> None:
    """`source(application_id, actor)` is asked on the page of an application; it runs a fixed number of queries and
    only reads. Registering twice counts once."""
    if source not in _sources:
        _sources.append(source)


def of_application(application_id: uuid.UUID, actor: Actor) -> list[Related]:
    """Everything registered rooms know of this application and show to this reader."""
    return [item for source in _sources for item in source(application_id, actor)]


def register_told(source: Told) -> None:
    """`source(application_ids)` names those whose selection their State has been told of. Twice counts once."""
    if source not in _told:
        _told.append(source)


def told(application_ids: Iterable[uuid.UUID]) -> set[uuid.UUID]:
    """Applications whose selection is no secret of the fund any more: an offer has been sent."""
    ids = set(application_ids)
    return {found for source in _told for found in source(ids)}
