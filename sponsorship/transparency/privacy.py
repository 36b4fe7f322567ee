"""What may be told without telling what one State's delegate cost: pure rules, one place for all of them.

The fund's own totals, by year too, are the books: told to the cent whatever they cover. Everything finer stands beside
something that says whose journeys it is about (a meeting, a pool's purpose, a regional group), and is told only where
at least LEAST_STATES States stand behind it, and behind whatever is left when it is taken off a total. So neither a
figure nor the difference of two tables is about one State, or about two, of which each would read the other's.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

LEAST_STATES = 3
LEAST_PERSONS = 3
K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Crowd:
    """The States behind a figure: their number, and up to three of them (any three stand for all)."""

    count: int
    few: frozenset[Any] = frozenset()

    @classmethod
    def of(cls, states: Iterable[uuid.UUID]) -> Crowd:
        """The crowd of these States."""
        found = set(states)
        return cls(len(found), frozenset(sorted(found, key=str)[:LEAST_STATES]))

    @classmethod
    def apart(cls, name: Hashable, count: int) -> Crowd:
        """A crowd that shares no State with any other, such as that of a regional group."""
        return cls(count, frozenset((name, n) for n in range(min(count, LEAST_STATES))))

    @property
    def is_large(self) -> bool:
        """Whether no State of it, nor two, can be told from the rest."""
        return self.count >= LEAST_STATES


def may_tell(
    crowds: Mapping[K, Crowd], totals: Mapping[K, Iterable[Hashable]] | None = None, never: Collection[Any] = (),
) -> set[K]:
    """Of which parts of published totals a figure may be told; `totals` names those each part stands in, such as the
    years in which its money moved (one for all, when not given); `never` those that are left out for other reasons.

    Not of a small crowd; and when the small crowds in one total are together one or two States, the smallest of the
    others there is left out too: else the total less the told ones would be theirs. What is left of every total is then
    nothing, or three States and more, and so is any sum of them. A part with nobody behind it is always told.
    """
    told = {key for key, crowd in crowds.items() if key not in never and (crowd.is_large or not crowd.count)}
    stands: dict[Hashable, list[K]] = {}
    for key in crowds:
        for total in (totals[key] if totals is not None else ("all",)):
            stands.setdefault(total, []).append(key)
    for total in sorted(stands, key=str):
        parts = stands[total]
        hidden = set[Any]().union(*(crowds[key].few for key in parts if key not in told))
        large = [key for key in parts if key in told and crowds[key].count]
        if 0 < len(hidden) < LEAST_STATES and large:
            told.discard(min(large, key=lambda key: (crowds[key].count, str(key))))
    return told


@dataclass(frozen=True, slots=True)
class GroupLine:
    """Delegates of one regional group; `group` None for all the groups that may not be told apart."""

    group: str | None
    delegates: int
    states: int


def by_group(counts: Mapping[str, tuple[int, int]]) -> tuple[GroupLine, ...]:
    """(delegates, States) by regional group as they may be told, the largest first; nothing where none may."""
    told = may_tell({group: Crowd.apart(group, states) for group, (_delegates, states) in counts.items()})
    lines = [GroupLine(group, *counts[group]) for group in told if counts[group][0]]
    if not lines:
        return ()
    lines.sort(key=lambda line: (-line.delegates, line.group or ""))
    rest = [counts[group] for group in counts if group not in told]
    if rest:
        lines.append(GroupLine(None, sum(d for d, _s in rest), sum(s for _d, s in rest)))
    return tuple(lines)


def balance(women: int, men: int, not_said: int) -> tuple[int, int] | None:
    """(women, men) where neither tells of one or two persons, nor does the number of those who did not say."""
    if not women + men or any(0 < count < LEAST_PERSONS for count in (women, men, not_said)):
        return None
    return women, men
