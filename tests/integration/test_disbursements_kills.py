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
from sponsorship.disbursements import answer_service, finding_service, release_service
from sponsorship.disbursements.answer_models import BankAnswer, Finding, Handover
from sponsorship.disbursements.answer_service import BankFigures
from sponsorship.disbursements.models import Disbursement, PaymentInstruction, PaymentLine
from sponsorship.ledger import spend_many
from sponsorship.ledger.models import Spend
from sponsorship.ledger.queries import pool_figures
from tests.support.award_story import AwardStory
from tests.support.kills import Failpoint, Killed, dying, killed

pytestmark = pytest.mark.real_database


def here() -> Any:
    return release_service


FAILPOINTS = [
    Failpoint("before any signature", here, "sign_many", "before"),
    Failpoint("signed, nothing spent", here, "sign_many", "after"),
    Failpoint("between the spendings", lambda: spend_many, "post_once", "after"),
    Failpoint("spent, no file", here, "make", "before"),
    Failpoint("file made, not stored", here, "make", "after"),
    Failpoint("file stored, not marked", here, "_store", "after"),
    Failpoint("marked, not told", lambda: core.events, "record_many", "before"),
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


@pytest.mark.parametrize("failpoint", [FAILPOINTS[2], FAILPOINTS[5], FAILPOINTS[7], COMMITTED], ids=lambda f: f.name)
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


def everything(story: AwardStory) -> tuple[Any, ...]:
    """The books, the states, and every row that an answer writes."""
    figures = books(story)
    return (*figures, [(d.id, d.state, d.round, d.version, d.spend_id, d.short_minor) for d in
                       db.session.query(Disbursement).order_by(Disbursement.id)],
            *(db.session.query(model).count() for model in (BankAnswer, Finding, Handover)))


def _answers(story: AwardStory, pair: tuple[Any, ...], instruction: Any) -> list[tuple[str, Any, list[Failpoint]]]:
    """Each step after the release, in one story, with the places where it may die."""
    officer, head, signatory = (story.officer(r) for r in ("requesting_officer", "head_of_fund", "bank_signatory"))
    one, two = pair
    money = answer_service.ledger

    def v(payment: Any) -> int:
        return story.payment(payment).version

    def finding() -> Finding:
        db.session.expire_all()
        return db.session.query(Finding).filter_by(state="asked").one()

    told, marked = Failpoint("told, nothing booked", lambda: answer_service, "_told", "after"), Failpoint(
        "booked, not marked", lambda: answer_service, "_move", "before")
    commit = Failpoint("not committed", lambda: db.session, "commit", "before")
    return [
        ("hand over", lambda: release_service.hand_over(instruction, signatory, "EB1"), [
            Failpoint("noted, not marked", lambda: release_service, "next_actor", "before"),
            Failpoint("marked, not told", lambda: core.events, "record_many", "before"), commit]),
        ("confirm a part", lambda: answer_service.confirm(
            one, "FT1", officer, v(one), figures=BankFigures(100, "fund", 60_000, 60_100)), [
            told, Failpoint("cut, not confirmed", lambda: money, "cut_spend", "after"),
            Failpoint("confirmed, no exchange", lambda: money, "confirm_spend", "after"),
            Failpoint("exchanged", lambda: money, "exchange_of_spend", "after"), marked,
            Failpoint("marked, the rest not planned", lambda: answer_service, "_plan_rest", "before"), commit]),
        ("came back", lambda: answer_service.came_back(one, "other", "RT1", officer, v(one)), [
            told, Failpoint("returned, not marked", lambda: money, "return_spend", "after"), marked, commit]),
        ("doubt", lambda: answer_service.doubt(two, "no_answer", officer, v(two)), [commit]),
        ("one finds", lambda: finding_service.ask(two, "unpaid", "No debit.", officer, v(two)), [
            Failpoint("asked, nobody told", lambda: finding_service.mails, "finding_asked", "before"), commit]),
        ("two agree", lambda: finding_service.agree(finding().id, head, 1), [
            Failpoint("agreed, not booked", lambda: finding_service.ledger, "return_spend", "before"),
            Failpoint("booked, not marked", lambda: finding_service, "next_actor", "before"), commit]),
        ("contradicted", lambda: answer_service.contradict(
            two, 1, "paid_after_all", "XX1", officer, v(two)), [
            told, Failpoint("spent again, not marked", lambda: money, "spend", "after"), marked, commit]),
        ("confirmed after all", lambda: answer_service.confirm(two, "FT9", officer, v(two)), [told, marked, commit]),
        ("planned again", lambda: answer_service.plan_again(one, officer, v(one)), [
            Failpoint("dated, not begun", lambda: answer_service, "back_to_draft", "before"), commit]),
    ]


@pytest.mark.parametrize("for_real", [False, True], ids=["in one process", "kill -9"])
def test_every_answer_dies_at_each_of_its_steps_and_is_given_once(app, due, for_real):
    """In one process at every failpoint; in processes of their own, killed for real, at the last of each step."""
    story, pair = due
    instruction = story.release(*pair)
    for name, act, failpoints in _answers(story, pair, instruction):
        before = everything(story)
        for failpoint in failpoints[-1:] if for_real else failpoints:
            if for_real:
                assert killed(app, failpoint, act), (name, failpoint.name)
            else:
                with pytest.raises(Killed), dying(failpoint):
                    act()
            assert everything(story) == before, (name, failpoint.name)
        act()
        assert everything(story) != before, name
    assert [story.payment(p).state for p in pair] == ["draft", "confirmed"]
    own = next(f for f in pool_figures() if f.pool_id == story.pool_id)
    assert own.spent_direct == story.terminal and own.in_transit == 0
    assert not story.verify()
