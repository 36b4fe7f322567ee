"""The order of States, as a rule anyone can work out by hand.

The call lists its criteria in order. A State that meets the first goes before all that do not; among equals the second
criterion decides, and so on; then the date of receipt, earliest first; then the reference. Nothing is weighed or added
up, so that one page with yes and no shows why each State stands where it does.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Entry:
    """What the rules look at for one State: `values` has True or False for each criterion of the call."""

    application_id: uuid.UUID
    reference: str
    received_at: datetime
    values: dict[str, bool]


@dataclass(frozen=True)
class Placed:
    """A State's place. `decided_by` is what puts it behind the one before: a criterion, `received_at`, `reference`,
    or "" for the first."""

    entry: Entry
    position: int
    decided_by: str


def rank(entries: Sequence[Entry], criteria: Sequence[str]) -> list[Placed]:
    """Every entry in its place, from 1. The result does not depend on the order in which entries are given."""
    ordered = sorted(
        entries,
        key=lambda e: (tuple(not e.values[c] for c in criteria), e.received_at, e.reference),
    )
    return [
        Placed(entry, n + 1, _decided_by(ordered[n - 1], entry, criteria) if n else "")
        for n, entry in enumerate(ordered)
    ]


def _decided_by(before: Entry, after: Entry, criteria: Sequence[str]) -> str:
    for criterion in criteria:
        if before.values[criterion] != after.values[criterion]:
            return criterion
    return "received_at" if before.received_at != after.received_at else "reference"
