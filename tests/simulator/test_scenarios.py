"""The scenario table, against the simulator always and against Stripe test mode when a key is given.

Set STRIPE_TEST_KEY=sk_test_... to run it there too. The names of the tests, and a line at the end of the run,
say which server answered; without the key, nothing here says anything about Stripe itself.
"""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import pytest
import stripe

from .conftest import Simulator
from .report import SCENARIO, SIMULATOR, STRIPE, pytest_terminal_summary
from .scenarios import SCENARIOS

KEY = os.environ.get("STRIPE_TEST_KEY", "")
TARGETS = [SIMULATOR, *([STRIPE] if KEY else [])]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(name: str, target: str, simulator: Simulator) -> None:
    print(f"scenario {name}: ran against {target}")
    if target == SIMULATOR:
        SCENARIOS[name](simulator.client())
    else:
        assert KEY.startswith("sk_test_"), "STRIPE_TEST_KEY must be a test key"
        SCENARIOS[name](stripe.StripeClient(KEY, max_network_retries=2))


@pytest.mark.parametrize(
    ("key", "targets", "line"),
    [
        (
            "",
            [SIMULATOR, SIMULATOR],
            "2 ran against the simulator (1 failed); 0 against Stripe test mode (STRIPE_TEST_KEY is not set)",
        ),
        (
            "sk_test_x",
            [SIMULATOR, STRIPE],
            "1 ran against the simulator; 1 against Stripe test mode (1 failed)",
        ),
        ("", [], None),
    ],
)
def test_the_report_says_which_ran(
    monkeypatch: pytest.MonkeyPatch, key: str, targets: list[str], line: str | None
) -> None:
    monkeypatch.setenv("STRIPE_TEST_KEY", key)
    reports = [
        SimpleNamespace(when="call", nodeid=f"{SCENARIO}x{n}-{target}]", failed=n == 1)
        for n, target in enumerate(targets)
    ]
    said: list[str] = []
    terminal: Any = SimpleNamespace(
        stats={"passed": reports[:1], "failed": reports[1:]}, write_line=said.append
    )
    config: Any = SimpleNamespace(stash=pytest.Stash())
    for _ in range(2):  # a second conftest may load the hook again
        pytest_terminal_summary(terminal, config)
    assert said == ([f"Stripe scenarios: {line}"] if line else [])
