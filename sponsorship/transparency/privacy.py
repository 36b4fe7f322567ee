"""What may be told without telling what one State's delegate cost: pure rules, one place for all of them.

The fund's own totals, by year too, are the books: told to the cent whatever they cover. Everything finer stands beside
something that says whose journeys it is about (a meeting, a pool's purpose, a regional group), and is told only where
at least LEAST_STATES States stand behind it, and behind whatever is left when it is taken off a total. So neither a
figure nor the difference of two tables is about one State, or about two, of which each would read the other's.
"""

from __future__ import annotations

import uuid
from collections.abc import Hashable, Iterable, Mapping
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


def may_tell(crowds: Mapping[K, Crowd]) -> set[K]:
    """Of which parts of a published total a figure may be told.

    Not of a small crowd; and when the small crowds together are one or two States, the smallest of the others is left
    out too: else the total less the told ones would be theirs. A part with nobody behind it is always told.
    """
    told = {key for key, crowd in crowds.items() if crowd.is_large or not crowd.count}
    hidden = set[Any]().union(*(crowd.few for key, crowd in crowds.items() if key not in told))
    large = [key for key in told if crowds[key].count]
    if 0 < len(hidden) < LEAST_STATES and large:
        told.discard(min(large, key=lambda key: (crowds[key].count, str(key))))
    return told


def may_tell_by_year(crowds: Mapping[K, Crowd], spans: Mapping[K, tuple[int, int]]) -> set[K]:
    """As `may_tell`, where the total of every year is published too: `spans` has the first and last year in which money
    moved for each part. Parts whose years touch share totals; those apart are judged apart."""
    told: set[K] = set()
    for group in _sharing(spans):
        told |= may_tell({key: crowds[key] for key in group})
    return told


def _sharing(spans: Mapping[K, tuple[int, int]]) -> list[list[K]]:
    """Parts in groups that have a year in common, directly or through others."""
    groups: list[list[K]] = []
    until = None
    for key in sorted(spans, key=lambda key: (spans[key], str(key))):
        first, last = spans[key]
        if until is None or first > until:
            groups.append([])
            until = last
        groups[-1].append(key)
        until = max(until, last)
    return groups


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
