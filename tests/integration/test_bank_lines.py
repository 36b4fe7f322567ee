"""One line of the bank's statement, recorded as two different things at the same instant: it counts once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from core import clock
from core.db import command, db
from core.errors import RuleBroken
from sponsorship.ledger import bank_references
from sponsorship.ledger.models import FundSetting
from tests.support.crowd import at_once
from tests.support.databases import KIND

pytestmark = pytest.mark.real_database
KINDS = ("race-deposit", "race-payout")


def kept(kind: str) -> Callable[[str], str | None]:
    """Where a room keeps its references: as rows of this kind."""
    return lambda reference: db.session.scalar(sa.select(FundSetting.name).where(
        FundSetting.name == kind, FundSetting.value == reference))


@pytest.fixture
def rooms(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two rooms that keep references."""
    for kind in KINDS:
        monkeypatch.setitem(bank_references._KEPT, kind, kept(kind))


def both_at_once(app: Any) -> list[Any]:
    """Two officers record the line, each as something else: both ask before either has written, if they can."""
    asked = threading.Barrier(2)

    @command
    def record(kind: str, reference: str) -> str:
        bank_references.check_unused(reference)
        try:
            asked.wait(timeout=2)
        except threading.BrokenBarrierError:
            pass  # the other waits for this one to end
        db.session.add(FundSetting(name=kind, value=bank_references.one_form(reference), set_at=clock.now()))
        return kind

    # written as two people would write it
    return at_once(app, [lambda: record(KINDS[0], "stm  77"), lambda: record(KINDS[1], "STM 77")])


def lines() -> int:
    found = db.session.scalar(sa.select(sa.func.count()).select_from(FundSetting).where(FundSetting.name.in_(KINDS)))
    db.session.rollback()
    return int(found or 0)


def test_one_line_is_recorded_once(app: Any, rooms: None) -> None:
    results = both_at_once(app)
    refused = [found for found in results if isinstance(found, RuleBroken)]
    assert len(refused) == 1 and refused[0].code == "bank.reference_used", results
    assert lines() == 1


@pytest.mark.skipif(KIND != "postgresql", reason="on SQLite one writes at a time")
def test_one_line_is_recorded_twice_with_the_guard_off(
    app: Any, rooms: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bank_references, "_hold", lambda _reference: None)
    assert sorted(both_at_once(app)) == sorted(KINDS)
    assert lines() == 2


def test_other_lines_do_not_wait(app: Any, rooms: None) -> None:
    @command
    def record(reference: str) -> None:
        bank_references.check_unused(reference)
        if KIND == "postgresql":
            gate.wait(timeout=30)

    gate = threading.Barrier(2)
    assert at_once(app, [lambda: record("STM 1"), lambda: record("STM 2")]) == [None, None]
