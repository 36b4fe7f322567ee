"""Earmarks: what a donor's money may be used for, as a predicate of a journey. Pure rules; words for people stand with
the rooms that show them.

A predicate maps conditions to lists of values. All its conditions must hold; of one condition's values, any.
Conditions: `facts` (ldc, lldc, sids), `group` (regional group), `meeting` (slug or identifier), `kind` (of meeting),
`sex`. None, or an empty predicate: money without an earmark.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

CONDITIONS = ("meeting", "kind", "group", "facts", "sex")
FACTS = ("ldc", "lldc", "sids")
GROUPS = ("African", "Asia-Pacific", "Eastern European", "GRULAC", "WEOG")
SEXES = ("female", "male")
_KNOWN: dict[str, Collection[str]] = {"facts": FACTS, "group": GROUPS, "sex": SEXES}
_ALIASES = {"fact": "facts", "region": "group"}
Earmark = dict[str, list[str]]


class EarmarkError(ValueError):
    """A predicate that is none; `condition` is the part that cannot be read."""

    def __init__(self, condition: str) -> None:
        super().__init__(f"no earmark: {condition}")
        self.condition = condition


def canonical(predicate: Mapping[str, Any] | None) -> Earmark | None:
    """The predicate in its one form: known conditions, sorted values, every value once; None without conditions. A
    condition that all of its values fulfil together (both sexes) is kept as written. Raises EarmarkError."""
    found: Earmark = {}
    for name, wanted in (predicate or {}).items():
        if name in FACTS and wanted is True:
            found.setdefault("facts", []).append(name)
            continue
        condition = _ALIASES.get(name, name)
        values = [str(value) for value in (wanted if isinstance(wanted, list | tuple) else [wanted])]
        if condition not in CONDITIONS or not values or not set(values) <= set(_KNOWN.get(condition, values)):
            raise EarmarkError(name)
        found.setdefault(condition, []).extend(values)
    return {name: sorted(set(found[name])) for name in CONDITIONS if name in found} or None


def key_of(predicate: Mapping[str, Any] | None) -> str:
    """The canonical predicate as text: two earmarks are the same when their keys are. Empty without an earmark."""
    earmark = canonical(predicate)
    return json.dumps(earmark, sort_keys=True, separators=(",", ":")) if earmark else ""


@dataclass(frozen=True)
class Journey:
    """What an earmark is judged by. `facts` has ldc, lldc, sids and group:<name>; `meeting` the meeting's slug and
    identifier."""

    facts: frozenset[str]
    meeting: frozenset[str]
    kind: str
    sex: str | None


def fits(predicate: Mapping[str, Any] | None, journey: Journey) -> bool:
    """Whether the money may pay for the journey. A predicate that is not understood never fits: money is rather left
    unspent than spent outside its purpose."""
    try:
        earmark = canonical(predicate)
    except EarmarkError:
        return False
    held: dict[str, frozenset[str]] = {
        "facts": journey.facts,
        "group": frozenset(fact.removeprefix("group:") for fact in journey.facts if fact.startswith("group:")),
        "meeting": journey.meeting,
        "kind": frozenset({journey.kind}),
        "sex": frozenset({journey.sex} if journey.sex else ()),
    }
    return all(held[condition] & set(values) for condition, values in (earmark or {}).items())


def narrowness(predicate: Mapping[str, Any] | None) -> tuple[int, int, tuple[int, ...]]:
    """A key that sorts the narrowest earmark first, money without one last: more conditions are narrower, then fewer
    values, then the conditions in the order of CONDITIONS (one meeting is narrower than one region)."""
    try:
        earmark = canonical(predicate) or {}
    except EarmarkError:
        earmark = {}
    return (
        -len(earmark), sum(len(values) for values in earmark.values()),
        tuple(CONDITIONS.index(condition) for condition in earmark),
    )


def narrowest_first(pools: Iterable[tuple[Any, Mapping[str, Any] | None]]) -> list[Any]:
    """The things that come with these earmarks, narrowest first; equal ones in the order given."""
    return [thing for thing, _earmark in sorted(pools, key=lambda pair: narrowness(pair[1]))]
