"""Receiving money (by card, by invoice, by bank transfer) and sending it back, with the process killed between every
pair of steps: real processes, the application's own code and Stripe's library against the simulator. Nothing is lost,
nothing is doubled, and the books hold to the cent what lies at Stripe and at the bank."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.kills import AtCommit, AtStatement, killed
from tests.support.money_steps import STEPS
from tests.support.money_till import WAYS, Till
from tests.support.soak import SEED, count, note
from tests.support.stripe import Simulator

pytestmark = [pytest.mark.real_database, pytest.mark.timeout(7200)]
KILLS = count("KILLS", 4)  # random ones


@pytest.fixture
def till(app: Any, make: Any, tmp_path: Path) -> Iterator[Till]:
    settings = app.extensions["placard_settings"]
    simulator = Simulator(tmp_path, "http://127.0.0.1:9/none", settings.stripe_webhook_secret)
    simulator.control("webhooks", pause=True)  # the test delivers, one event at a time
    settings = replace(settings, stripe_api_base=simulator.url, checkout_origin=simulator.url)
    app.extensions["placard_settings"] = settings
    try:
        yield Till(app, make, simulator, settings)
    finally:
        simulator.stop()


def test_killed_between_every_pair_of_steps(till: Till, app: Any) -> None:
    """Once each: what several ways share is not killed again."""
    been: set[str] = set()

    def kill(name: str, act: Callable[[], Any]) -> None:
        for failpoint in STEPS[name] if name not in been else ():
            till.hours += 1
            assert killed(app, failpoint, till.alone(act)), f"{name}: {failpoint.name} was not reached"
        been.add(name)
        till.hours += 1
        act()

    for way, under_agreement in (("card", True), ("invoice", False), ("transfer", True)):
        till.story(way, under_agreement, kill)
    assert been == set(STEPS)
    till.once_and_whole()
    till.catch_up()
    till.once_and_whole()
    note(f"{sum(map(len, STEPS.values()))} steps once each")


def test_killed_anywhere(till: Till, app: Any) -> None:
    """At random statements, commits and calls, in several acts of each story; and whoever should try again may not."""
    dice = random.Random(SEED)
    kills = 0

    def kill(name: str, act: Callable[[], Any]) -> None:
        nonlocal kills
        while dice.random() < 0.5:
            failpoint = dice.choice([AtStatement(dice.randint(1, 60)), AtCommit("before", dice.randint(1, 3)),
                                     AtCommit("after", dice.randint(1, 3)), *STEPS[name]])
            till.hours += 1
            kills += killed(app, failpoint, till.alone(act))
        till.hours += 1
        act()

    while kills < KILLS:
        till.story(dice.choice(WAYS), dice.random() < 0.5, kill)
        till.once_and_whole()
    till.catch_up()
    till.once_and_whole()
    note(f"{kills} processes killed in {len(till.ways)} payments")
