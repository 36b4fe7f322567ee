"""What the rooms above show on an application's page (such as its award): they register, this room only asks."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core.machines import State


@dataclass(frozen=True)
class Related:
    """A link to an object that follows from an application. `what` says what it is, `status` where it stands."""

    what: Any
    reference: str
    url: str
    status: State | None = None


Source = Callable[[uuid.UUID], list[Related]]
_sources: list[Source] = []


def register(source: Source) -> None:
    """`source(application_id)` is asked on the page of an application; it runs a fixed number of queries and only
    reads. Registering twice counts once."""
    if source not in _sources:
        _sources.append(source)


def of_application(application_id: uuid.UUID) -> list[Related]:
    """Everything registered rooms know of this application."""
    return [item for source in _sources for item in source(application_id)]
