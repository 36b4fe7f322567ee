"""One line at the end of the run that says which servers the scenarios ran against.

Loaded by ``tests/simulator/conftest.py``. With pytest-xdist the process that prints does not load that file
unless ``tests/simulator`` is named on the command line; a root conftest then imports the hook itself.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

SIMULATOR, STRIPE = "simulator", "stripe-test-mode"
SCENARIO = "test_scenarios.py::test_scenario["
_SAID = pytest.StashKey[bool]()


def counted(reports: list[Any], target: str) -> tuple[int, int]:
    """(ran, failed) of the scenarios against one server."""
    own = [
        r for r in reports if r.when == "call" and SCENARIO in r.nodeid and r.nodeid.endswith(f"-{target}]")
    ]
    return len(own), sum(r.failed for r in own)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say what ran, and never more than that."""
    reports = [r for name in ("passed", "failed") for r in terminalreporter.stats.get(name, ())]
    (ran, bad), (ran_there, bad_there) = (counted(reports, name) for name in (SIMULATOR, STRIPE))
    if not ran + ran_there or config.stash.get(_SAID, False):
        return
    config.stash[_SAID] = True
    there = f"{ran_there} against Stripe test mode" + (f" ({bad_there} failed)" if bad_there else "")
    if not os.environ.get("STRIPE_TEST_KEY"):
        there += " (STRIPE_TEST_KEY is not set)"
    here = f"{ran} ran against the simulator" + (f" ({bad} failed)" if bad else "")
    terminalreporter.write_line(f"Stripe scenarios: {here}; {there}")
