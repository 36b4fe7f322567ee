"""State tables: (from, action) -> to, who may. One table drives service, buttons, permission tests and diagrams."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import mapped_column

from core import events
from core.actor import Actor
from core.ddl import lookup_table
from core.errors import IllegalMove, Stale

TONES = ("waiting", "done", "stopped", "attention", "neutral")
MACHINES: dict[str, Machine] = {}
SYSTEM = "system"

Authoriser = Callable[[Actor, str, uuid.UUID | None], None]
_authorise: list[Authoriser] = []


def use_authoriser(authoriser: Authoriser) -> None:
    """accounts hands in the check of permissions: (actor, permission, organisation) -> None or NotAllowed."""
    _authorise[:] = [authoriser]


@dataclass(frozen=True)
class State:
    """A state as people see it: word and tone (waiting, done, stopped, attention, neutral)."""

    code: str
    label: Any
    tone: str = "waiting"
    terminal: bool = False


@dataclass(frozen=True)
class Move:
    """An action out of one or more states. `permission` names a row of the permission table, or `system` for what
    only scheduled jobs and gateways may do."""

    action: str
    sources: tuple[str, ...]
    target: str
    permission: str
    label: Any
    needs_reason: bool = False


@dataclass(frozen=True)
class Machine:
    """The states and moves of one aggregate."""

    name: str
    states: tuple[State, ...]
    moves: tuple[Move, ...]
    initial: str
    tag_prefix: str
    _by_code: dict[str, State] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._by_code.update({s.code: s for s in self.states})
        reached = {self.initial} | {m.target for m in self.moves}
        left = {code for m in self.moves for code in m.sources}
        if any(s.tone not in TONES for s in self.states):
            raise ValueError(f"{self.name}: unknown tone")
        if (reached | left) - set(self._by_code):
            raise ValueError(f"{self.name}: a move names an unknown state")
        for state in self.states:
            if state.code not in reached:
                raise ValueError(f"{self.name}: {state.code} cannot be reached")
            if state.terminal == (state.code in left):
                raise ValueError(f"{self.name}: {state.code} is terminal and left, or neither")
        pairs = [(source, m.action) for m in self.moves for source in m.sources]
        if len(pairs) != len(set(pairs)):
            raise ValueError(f"{self.name}: two moves for one (state, action)")
        MACHINES[self.name] = self
        lookup_table(f"{self.name}_state", tuple(s.code for s in self.states))

    def column(self) -> Any:
        """The state column of the aggregate's table, held to this table's states by a foreign key."""
        return mapped_column(
            String(40), ForeignKey(f"{self.name}_state.code"), nullable=False, default=self.initial, index=True
        )

    def state(self, code: str) -> State:
        return self._by_code[code]

    def find(self, source: str, action: str) -> Move | None:
        return next((m for m in self.moves if m.action == action and source in m.sources), None)

    def move(self, source: str, action: str) -> Move:
        """The move, or IllegalMove."""
        found = self.find(source, action)
        if found is None:
            raise IllegalMove(code=f"{self.name}.{action}.from.{source}")
        return found

    def from_state(self, source: str) -> tuple[Move, ...]:
        return tuple(m for m in self.moves if source in m.sources)

    def apply(
        self,
        entity: Any,
        action: str,
        actor: Actor,
        *,
        organisation_id: uuid.UUID | None = None,
        expected_version: int | None = None,
        reason: str | None = None,
        data: dict[str, Any] | None = None,
        text: str | None = None,
    ) -> Move:
        """The only writer of `entity.state`: checks authority, version and state, then moves and writes one event.

        `reason` is a code, `text` free words (kept apart, erasable). Raises NotAllowed, Stale, IllegalMove.
        The entity must be locked by the caller (core.db.lock).
        """
        if expected_version is not None and entity.version != expected_version:
            raise Stale()
        move = self.move(entity.state, action)
        if move.permission == SYSTEM:
            if actor.kind != "system":
                raise IllegalMove(code=f"{self.name}.{action}.system_only")
        else:
            _authorise[0](actor, move.permission, organisation_id)
        source, entity.state = entity.state, move.target
        entity.version += 1
        events.record(
            actor, f"{self.tag_prefix}.{action}", self.name, entity.id,
            from_state=source, to_state=move.target, reason=reason, data=data, text=text,
        )
        return move

    def apply_many(
        self, entities: Sequence[Any], action: str, actor: Actor, *, data: Sequence[dict[str, Any]] | None = None,
        reason: str | None = None,
    ) -> None:
        """As `apply`, for many entities of one kind in one go: their authority is asked for each organisation once, and
        their rows and events are written together. `data` goes with them, in their order.

        The action's permission is asked per organisation of an entity that has one (`organisation_id`).
        """
        asked: set[tuple[str, uuid.UUID | None]] = set()
        rows: list[events.NewEvent] = []
        for n, entity in enumerate(entities):
            move = self.move(entity.state, action)
            place = getattr(entity, "organisation_id", None)
            if move.permission == SYSTEM:
                if actor.kind != "system":
                    raise IllegalMove(code=f"{self.name}.{action}.system_only")
            elif (move.permission, place) not in asked:
                _authorise[0](actor, move.permission, place)
                asked.add((move.permission, place))
            rows.append(events.NewEvent(f"{self.tag_prefix}.{action}", self.name, entity.id, entity.state, move.target,
                                        reason, data[n] if data else {}))
            entity.state = move.target
            entity.version += 1
        events.record_many(actor, rows)

    def mermaid(self) -> str:
        """A state diagram for docs/architecture.md, drawn from the table."""
        lines = ["stateDiagram-v2", f"    [*] --> {self.initial}"]
        for move in self.moves:
            lines += [f"    {source} --> {move.target}: {move.action}" for source in move.sources]
        lines += [f"    {s.code} --> [*]" for s in self.states if s.terminal]
        return "\n".join(lines)


def states(*rows: State) -> tuple[State, ...]:
    return rows


def codes(rows: Iterable[State]) -> tuple[str, ...]:
    return tuple(s.code for s in rows)
