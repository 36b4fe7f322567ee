"""Events of an object as lines of its timeline, in the words of its state table."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import gettext as _

from core.events import History
from core.machines import Machine, State


@dataclass(frozen=True)
class TimelineItem:
    """What ui.timeline shows."""

    at: datetime
    title: str
    actor: str
    note: str | None
    tone: str


_SYSTEMS: dict[str, Any] = {}


def name_system(name: str, label: Any) -> None:
    """How a timeline calls a part of the system that is not the schedule; twice counts once."""
    _SYSTEMS[f"system:{name}"] = label


def timeline_items(
    history: Sequence[History],
    machine: Machine,
    names: Mapping[uuid.UUID, str] | None = None,
    labels: Mapping[str, Any] | None = None,
    show_text: bool = True,
    state_of: Callable[[str], State] | None = None,
) -> list[TimelineItem]:
    """`names` gives persons as this reader may see them (else "a person"); `labels` words for tags that are no move;
    `state_of` a state in other words than the machine's."""
    items = []
    for h in history:
        action = h.tag.rsplit(".", 1)[-1]
        move = next((m for m in machine.moves if m.action == action), None)
        label = (labels or {}).get(h.tag) or (labels or {}).get(action)
        state = (state_of or machine.state)(h.to_state) if h.to_state else None
        title = str(label or (move.label if move else action.replace("_", " ").capitalize()))
        if state is not None and h.from_state is not None and h.from_state != h.to_state:
            became = str(state.label)
            if became.casefold() not in title.casefold():  # what was done often says already what came of it
                title = _("%(what)s: now %(state)s", what=title, state=became[:1].lower() + became[1:])
        items.append(TimelineItem(h.at, title, _actor(h, names or {}), h.text if show_text else None,
                                  state.tone if state else "neutral"))
    return items


def people_in(history: Sequence[History]) -> set[uuid.UUID]:
    """Everybody a timeline names: who acted, and for whom."""
    found = {h.actor_id for h in history if h.actor_id is not None}
    return found | {uuid.UUID(h.data["for"]) for h in history if h.data.get("for")}


def _actor(h: History, names: Mapping[uuid.UUID, str]) -> str:
    if h.actor_id is not None:
        name = names.get(h.actor_id, _("A person with the right role"))
        holder = names.get(uuid.UUID(h.data["for"])) if h.data.get("for") else None
        return _("%(alternate)s, for %(holder)s", alternate=name, holder=holder) if holder else name
    if h.actor in _SYSTEMS:
        return str(_SYSTEMS[h.actor])
    if h.actor.startswith("system:"):
        return _("Placard, by schedule")
    return _("A visitor")
