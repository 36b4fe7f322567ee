"""Parts that upper rooms add to the page of an award."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from core.actor import Actor


@dataclass(frozen=True)
class Asked:
    """What this reader is to do next with the award: one primary button, in place of the award's own next step."""

    what: str
    who: str
    by: datetime | str | None
    label: str
    url: str


@dataclass(frozen=True)
class Panel:
    """A part of the page: a template with its own context, and what it asks of the reader."""

    template: str
    context: dict[str, Any] = field(default_factory=dict)
    asked: Asked | None = None


PanelSource = Callable[[uuid.UUID, Actor], Panel | None]
_sources: list[PanelSource] = []


def register_award_panel(source: PanelSource) -> None:
    """`source(award_id, actor)` only reads; it answers None when this reader has nothing to see. Registering twice
    counts once."""
    if source not in _sources:
        _sources.append(source)


def panels_for(award_id: uuid.UUID, actor: Actor) -> list[Panel]:
    """The parts for this reader, in order of registration."""
    return [panel for source in _sources if (panel := source(award_id, actor)) is not None]
