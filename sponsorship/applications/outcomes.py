"""How earlier sponsored journeys of a State ended: rooms above register what they know; this room shows it to the
officer who screens the next application."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Part:
    """A part of the page: a template with its own context."""

    template: str
    context: dict[str, Any] = field(default_factory=dict)


Source = Callable[[uuid.UUID], Part | None]
_sources: list[Source] = []


def register(source: Source) -> None:
    """`source(organisation_id)` runs a fixed number of queries, only reads, and answers None where the reader may not
    know. Registering twice counts once."""
    if source not in _sources:
        _sources.append(source)


def parts_for(organisation_id: uuid.UUID) -> list[Part]:
    """Everything registered rooms know of this State's earlier journeys."""
    return [part for source in _sources if (part := source(organisation_id)) is not None]
