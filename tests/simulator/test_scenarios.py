"""The scenario table, against the simulator always and against Stripe test mode when a key is given.

Set STRIPE_TEST_KEY=sk_test_... to run it there too. The names of the tests say which server answered;
without the key, nothing here says anything about Stripe itself.
"""

from __future__ import annotations

import os

import pytest
import stripe

from .conftest import Simulator
from .scenarios import SCENARIOS

KEY = os.environ.get("STRIPE_TEST_KEY", "")
TARGETS = ["simulator", *(["stripe-test-mode"] if KEY else [])]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(name: str, target: str, simulator: Simulator) -> None:
    print(f"scenario {name}: ran against {target}")
    if target == "simulator":
        SCENARIOS[name](simulator.client())
    else:
        assert KEY.startswith("sk_test_"), "STRIPE_TEST_KEY must be a test key"
        SCENARIOS[name](stripe.StripeClient(KEY, max_network_retries=2))
