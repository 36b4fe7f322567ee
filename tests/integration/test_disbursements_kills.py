"""Release killed between each pair of its steps, then run again: nothing twice, nothing lost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

import core.events
from core import clock
from core.db import db
from core.errors import IllegalMove, Stale
from sponsorship.awards.approvals import Approval
from sponsorship.disbursements import release_service
from sponsorship.disbursements.models import PaymentInstruction, PaymentLine
from sponsorship.ledger.models import Spend
from sponsorship.ledger.queries import pool_figures
from tests.support.award_story import AwardStory
from tests.support.kills import Failpoint, Killed, dying, killed

pytestmark = pytest.mark.real_database


def here() -> Any:
    return release_service


FAILPOINTS = [
    Failpoint("before any signature", here, "sign", "before"),
    Failpoint("between the signatures", here, "sign", "after"),
    Failpoint("signed, nothing spent", here, "sign", "after", 2),
    Failpoint("between the spendings", lambda: release_service.ledger, "spend", "after"),
    Failpoint("spent, no file", here, "make", "before"),
    Failpoint("file made, not stored", here, "make", "after"),
    Failpoint("file stored, not marked", here, "_store", "after"),
    Failpoint("between the marks", lambda: core.events, "record", "after"),
    Failpoint("marked, not committed", lambda: db.session, "commit", "before"),
]
COMMITTED = Failpoint("committed, not answered", lambda: db.session, "commit", "after")


@pytest.fixture
def due(make):
    """A story with two payments ready; the clock stands on their date."""
    story = AwardStory(make)
    award = story.accepted()
    payments = story.payments(award)
    story.give_bank_data(award)
    pair = (payments["ticket"], payments["terminal"])
    with clock.moved_to(story.payment(pair[1]).due_at + timedelta(hours=1)):
        for payment in pair:
            story.ready(payment)
        db.session.commit()
        yield story, pair


def books(story: AwardStory) -> tuple[Any, ...]:
    db.session.rollback()
    db.session.expire_all()
    return (
        pool_figures(), db.session.query(Spend).count(), db.session.query(PaymentInstruction).count(),
        db.session.query(PaymentLine).count(),
        db.session.query(Approval).filter_by(step="disbursement.released").count(),
    )


def released_once(story: AwardStory, pair: tuple[Any, ...]) -> None:
    paid = story.ticket + story.terminal
    figures, spends, instructions, lines, signatures = books(story)
    own = next(f for f in figures if f.pool_id == story.pool_id)
    assert (spends, instructions, lines, signatures) == (2, 1, 2, 2)
    assert own.spent_direct == own.in_transit == paid
    assert {story.payment(p).state for p in pair} == {"released"}
    assert db.session.query(PaymentInstruction).one().number.endswith("-0001")  # and no number was lost
    assert not story.verify()


@pytest.mark.parametrize("failpoint", FAILPOINTS, ids=lambda f: f.name)
def test_a_failure_between_two_steps_leaves_nothing(due, failpoint):
    story, pair = due
    before = books(story)
    with pytest.raises(Killed), dying(failpoint):
        story.release(*pair)
    assert books(story) == before
    assert {story.payment(p).state for p in pair} == {"ready"}
    story.release(*pair)
    released_once(story, pair)


def test_a_failure_after_the_commit_is_not_paid_again(due):
    story, pair = due
    versions = {p: story.payment(p).version for p in pair}
    with pytest.raises(Killed), dying(COMMITTED):
        release_service.release(versions, story.officer("bank_signatory"))
    released_once(story, pair)
    # the page still open in the browser is sent again, and a fresh one too
    with pytest.raises(Stale):
        release_service.release(versions, story.officer("bank_signatory"))
    with pytest.raises(IllegalMove):
        story.release(*pair)
    released_once(story, pair)


@pytest.mark.parametrize("failpoint", [FAILPOINTS[3], FAILPOINTS[6], FAILPOINTS[8], COMMITTED], ids=lambda f: f.name)
def test_kill_minus_nine(app, due, failpoint):
    """A process of its own is killed for real: no rollback, no close, only what the database itself makes of it."""
    story, pair = due
    before = books(story)
    versions = {p: story.payment(p).version for p in pair}
    signatory = story.officer("bank_signatory")
    assert killed(app, failpoint, lambda: release_service.release(versions, signatory))
    if failpoint is not COMMITTED:
        assert books(story) == before
        story.release(*pair)
    released_once(story, pair)


def test_a_failed_confirmation_is_recorded_once(due):
    story, pair = due
    story.release(*pair)
    officer = story.officer("requesting_officer")
    version = story.payment(pair[0]).version
    before = books(story)
    for failpoint in (Failpoint("settled, not marked", lambda: core.events, "record", "before"),
                      Failpoint("not committed", lambda: db.session, "commit", "before")):
        with pytest.raises(Killed), dying(failpoint):
            release_service.confirm(pair[0], "FT1", officer, version)
        assert books(story) == before
    release_service.confirm(pair[0], "FT1", officer, version)
    with pytest.raises(Stale):
        release_service.confirm(pair[0], "FT1", officer, version)
    with pytest.raises(IllegalMove):
        release_service.fail(pair[0], "returned", "R03", officer, version + 1)
    assert not story.verify()
