"""The order of States, as a rule anyone can work out by hand.

Places are given one after the other. In the method "in order" the call's criteria are asked in their order: a State
that meets the first goes before all that do not; among equals the second decides, and so on. In the method "by points"
each criterion that a State meets brings its points, and most points go first. Equals stand in the order of receipt,
earliest first, then of the reference.

The two criteria of equity follow from the places given so far in this very ranking: of two States the one whose
regional group (the sex of whose first nominee) has had fewer places goes first. By points, the points of equity go to
every State whose group has had the fewest places among the States still to be placed. A State without a regional group
counts as a group of its own; a nominee whose sex is not said counts as being of the sex with more places. Where the
call's rule says so, the count begins at the places that earlier calls gave (`Earlier`) instead of at none.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

SEXES = ("female", "male")


@dataclass(frozen=True)
class Entry:
    """What the rules look at for one State: `values` has True or False for each screened criterion of the call,
    `region` its regional group and `sex` that of its first nominee ("" where there is none)."""

    application_id: uuid.UUID
    reference: str
    received_at: datetime
    values: dict[str, bool]
    region: str = ""
    sex: str = ""


@dataclass(frozen=True)
class Placed:
    """A State's place. `decided_by` is what puts it behind the one before: a criterion, `points`, `received_at`,
    `reference`, or "" for the first; `compared` are both States' figures of it when the place before was given, where
    they are figures. `places` are what its group (its sex) had before this place, `points` what it had then."""

    entry: Entry
    position: int
    decided_by: str
    places: dict[str, int] = field(default_factory=dict)
    points: int | None = None
    compared: dict[str, int] | None = None


@dataclass(frozen=True)
class Earlier:
    """Places that earlier calls gave, by regional group and by sex."""

    regions: Mapping[str, int] = field(default_factory=dict)
    sexes: Mapping[str, int] = field(default_factory=dict)


class _Standing:
    """The places given so far, as the criteria of equity count them."""

    def __init__(self, earlier: Earlier | None = None) -> None:
        self.regions: Counter[str] = Counter(dict(earlier.regions) if earlier else {})
        self.sexes: Counter[str] = Counter(dict(earlier.sexes) if earlier else {})
        self._of: dict[str, Callable[[Entry], int]] = {
            "equity_region": lambda entry: self.regions[entry.region],
            "equity_sex": lambda entry: self.sexes[entry.sex] if entry.sex in SEXES
            else max(self.sexes[sex] for sex in SEXES),
        }

    def counts(self, criterion: str) -> bool:
        """Whether this is a criterion of equity."""
        return criterion in self._of

    def of(self, criterion: str, entry: Entry) -> int:
        """The places that the entry's group has had so far."""
        return self._of[criterion](entry)

    def give(self, entry: Entry) -> None:
        """One more place."""
        self.regions[entry.region] += 1
        self.sexes[entry.sex] += 1


Figures = dict[str, int]  # by criterion: 0 or 1, or the places of the group so far


def _figures(entry: Entry, criteria: Sequence[str], standing: _Standing) -> Figures:
    return {c: standing.of(c, entry) if standing.counts(c) else int(entry.values[c]) for c in criteria}


def _points(figures: Figures, weights: Mapping[str, int], fewest: Mapping[str, int]) -> int:
    return sum(weight for criterion, weight in weights.items()
               if (figures[criterion] == fewest[criterion] if criterion in fewest else figures[criterion]))


def _fewest(heads: Sequence[Entry], criteria: Sequence[str], standing: _Standing) -> dict[str, int]:
    return {c: min(standing.of(c, e) for e in heads) for c in criteria if standing.counts(c)}


def rank(
    entries: Sequence[Entry], criteria: Sequence[str], method: str = "in_order",
    weights: Mapping[str, int] | None = None, earlier: Earlier | None = None,
) -> list[Placed]:
    """Every entry in its place, from 1. The result does not depend on the order in which entries are given.

    States with the same values stand among themselves in the order of receipt, so only the first of each such queue
    is looked at for a place: a thousand States take well under a second.
    """
    weights = {c: (weights or {}).get(c, 0) for c in criteria} if method == "by_points" else {}
    queues: dict[Any, list[Entry]] = {}
    for entry in sorted(entries, key=lambda e: (e.received_at, e.reference), reverse=True):
        same = (tuple(sorted(entry.values.items())), entry.region, entry.sex)
        queues.setdefault(same, []).append(entry)
    standing = _Standing(earlier)
    placed: list[Placed] = []
    before: Callable[[Entry], tuple[str, dict[str, int] | None]] | None = None
    while queues:
        heads = {same: queue[-1] for same, queue in queues.items()}
        fewest = _fewest(list(heads.values()), criteria, standing)
        figures = {same: _figures(head, criteria, standing) for same, head in heads.items()}
        points = {same: _points(f, weights, fewest) for same, f in figures.items()}
        first = min(heads, key=lambda same: (_key(figures[same], points[same], criteria, method, standing),
                                             heads[same].received_at, heads[same].reference))
        entry = queues[first].pop()
        if not queues[first]:
            del queues[first]
        decided_by, compared = before(entry) if before else ("", None)
        placed.append(Placed(
            entry, len(placed) + 1, decided_by,
            {c: figures[first][c] for c in criteria if standing.counts(c)},
            points[first] if method == "by_points" else None, compared))
        before = _comparison(entry, figures[first], points[first], criteria, weights, fewest, standing)
        standing.give(entry)
    return placed


def _key(figures: Figures, points: int, criteria: Sequence[str], method: str, standing: _Standing) -> tuple[int, ...]:
    if method == "by_points":
        return (-points,)
    return tuple(figures[c] if standing.counts(c) else -figures[c] for c in criteria)


def _comparison(
    ahead: Entry, figures: Figures, points: int, criteria: Sequence[str], weights: Mapping[str, int],
    fewest: Mapping[str, int], standing: _Standing,
) -> Callable[[Entry], tuple[str, dict[str, int] | None]]:
    """What puts the next State behind this one, by the figures that stood when this one was given its place."""
    regions, sexes = Counter(standing.regions), Counter(standing.sexes)

    def compare(after: Entry) -> tuple[str, dict[str, int] | None]:
        then = _Standing()
        then.regions, then.sexes = regions, sexes
        theirs = _figures(after, criteria, then)
        if weights:
            their_points = _points(theirs, weights, fewest)
            if their_points != points:
                return "points", {"before": points, "after": their_points}
        else:
            for criterion in criteria:
                if theirs[criterion] != figures[criterion]:
                    counted = then.counts(criterion)
                    return criterion, {"before": figures[criterion], "after": theirs[criterion]} if counted else None
        return ("received_at" if after.received_at != ahead.received_at else "reference"), None

    return compare
