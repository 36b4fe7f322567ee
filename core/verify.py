"""Every invariant has a check here, registered by its room. `flask verify` runs them all, a job does so on schedule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core.db import db


@dataclass(frozen=True)
class Finding:
    """Result of one check: how many things were looked at, and what is wrong (identifiers only)."""

    name: str
    checked: int
    faults: tuple[str, ...]


Check = Callable[[], tuple[int, list[str]]]
CHECKS: dict[str, Check] = {}


def check(name: str) -> Callable[[Check], Check]:
    """Register `function() -> (number looked at, faults)` under a dotted name such as ledger.balances."""

    def keep(function: Check) -> Check:
        if name in CHECKS and CHECKS[name] is not function:
            raise ValueError(f"check {name} is registered twice")
        CHECKS[name] = function
        return function

    return keep


def run_all() -> list[Finding]:
    """Run every check, in order of name."""
    db.session.expire_all()  # what stands in the database counts, not what was read before
    findings = []
    for name in sorted(CHECKS):
        checked, faults = CHECKS[name]()
        findings.append(Finding(name, checked, tuple(faults)))
    return findings
