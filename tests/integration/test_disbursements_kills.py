"""Release killed between each pair of its steps, then run again: nothing twice, nothing lost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

import core.events
from core import clock, jobs
from core.db import db
from core.errors import IllegalMove, Stale
from sponsorship.awards.approvals import Approval
from sponsorship.disbursements import answer_service, finding_service, release_service
from sponsorship.disbursements.answer_models import BankAnswer, Finding, Handover
from sponsorship.disbursements.answer_service import BankFigures
from sponsorship.disbursements.models import Disbursement, PaymentInstruction, PaymentLine
from sponsorship.ledger.models import Spend
from sponsorship.ledger.queries import pool_figures
from tests.support.award_story import AwardStory
from tests.support.kills import Failpoint, Killed, dying, killed
from tests.support.release_steps import MADE_READY, READY, RELEASE, RELEASED

pytestmark = pytest.mark.real_database


@pytest.fixture
def approved(make):
    """A story with two payments signed by three; the clock stands after their date."""
    story = AwardStory(make)
    award = story.accepted()
    payments = story.payments(award)
    story.give_bank_data(award)
    pair = (payments["ticket"], payments["terminal"])
    with clock.moved_to(story.payment(pair[1]).due_at + timedelta(hours=1)):
        for payment in pair:
            story.sign_three(payment)
        db.session.commit()
        yield story, pair


@pytest.fixture
def due(approved):
    """The same, made ready."""
    assert jobs.run("disbursements-ready").done == 2
    db.session.commit()
    return approved


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


def test_a_web_process_killed_at_each_step_of_a_release(app, due, as_person):
    """Processes of their own that answer the signatory's form, killed for real: no rollback, no close, only what the
    database itself makes of it. Whoever tries again releases once; whoever did it already cannot."""
    story, pair = due
    before = books(story)
    chosen = [f"{p}:{story.payment(p).version}" for p in pair]
    web = as_person(story.people["bank_signatory"])

    def release() -> Any:
        return web.submit("/disbursements/release", {"payments": chosen})

    for failpoint in RELEASE:
        assert killed(app, failpoint, release), failpoint.name
        assert books(story) == before, failpoint.name
        assert {story.payment(p).state for p in pair} == {"ready"}
    assert killed(app, RELEASED, release)
    released_once(story, pair)
    # the page still open in the browser is sent again, and a fresh one too
    assert release().status_code == 409
    released_once(story, pair)
    with pytest.raises(IllegalMove):
        story.release(*pair)
    released_once(story, pair)


def test_a_failure_in_one_process_leaves_nothing(due):
    """The same places, where the process lives on: its next answer sees nothing half done."""
    story, pair = due
    before = books(story)
    for failpoint in RELEASE:
        with pytest.raises(Killed), dying(failpoint):
            story.release(*pair)
        assert books(story) == before, failpoint.name
    story.release(*pair)
    released_once(story, pair)


def test_a_worker_killed_at_each_step_of_making_ready(app, approved):
    story, pair = approved

    def state() -> tuple[Any, ...]:
        db.session.rollback()
        db.session.expire_all()
        return ([(story.payment(p).state, story.payment(p).version) for p in pair],
                db.session.query(core.events.Event).filter_by(tag="disbursements.disbursement.make_ready").count())

    before = state()
    for failpoint in READY:
        assert killed(app, failpoint, lambda: jobs.run("disbursements-ready")), failpoint.name
        assert state() == before, failpoint.name
    assert killed(app, MADE_READY, lambda: jobs.run("disbursements-ready"))
    after = state()
    assert after == ([("ready", version + 1) for _state, version in before[0]], 2)
    assert jobs.run("disbursements-ready").done == 0 and state() == after
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
