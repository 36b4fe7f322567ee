"""Two people at the same instant, with real connections and real commits."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from core import clock
from core.actor import Actor, person
from core.db import db, lock
from core.errors import Busy, IllegalMove, RuleBroken, Stale
from core.events import Event
from sponsorship.applications import application_service
from sponsorship.applications import service as decisions
from sponsorship.applications.models import Application, Call
from sponsorship.awards import answer_service, promotion, service
from sponsorship.awards.approvals import Approval
from sponsorship.awards.models import Award
from sponsorship.disbursements import release_service
from sponsorship.disbursements import service as payments_service
from sponsorship.disbursements.models import Disbursement, PaymentInstruction, PaymentLine
from sponsorship.ledger.models import Spend
from tests.support.award_story import AwardStory
from tests.support.crowd import at_once

pytestmark = pytest.mark.real_database
REFUSED = (Stale, IllegalMove, RuleBroken, Busy)


def together(app: Any, *acts: Callable[[], Any]) -> list[Any]:
    """Run the acts in threads that start at once; each one's result, or what it raised."""
    return at_once(app, [lambda act=act: act() or "done" for act in acts])


def one_won(results: list[Any]) -> None:
    won = [r for r in results if not isinstance(r, Exception)]
    assert len(won) == 1, results
    assert all(isinstance(r, REFUSED) for r in results if isinstance(r, Exception)), results


def payment_ready(story: AwardStory) -> uuid.UUID:
    award = story.accepted()
    ticket = story.payments(award)["ticket"]
    story.give_bank_data(award)
    return ticket


def test_two_signatories_release_one_payment(app, make):
    story = AwardStory(make)
    ticket = payment_ready(story)
    second = make.actor("bank_signatory")
    with clock.moved_to(story.payment(ticket).due_at + timedelta(hours=1)):
        story.ready(ticket)
        version = story.payment(ticket).version
        first = story.officer("bank_signatory")
        results = together(app, *[lambda who=who: release_service.release({ticket: version}, who)
                                  for who in (first, second, first, second)])
    one_won(results)
    assert (db.session.query(Spend).count(), db.session.query(PaymentInstruction).count()) == (1, 1)
    assert not story.verify()


def test_without_locks_the_database_still_pays_once(app, make, monkeypatch):
    """The guards off: rows are read without locks and versions are not compared, so both see a payment that is ready.
    The unique signature refuses the second. (SQLite has one writer, so there the second simply comes later.)"""
    serialised = db.engine.dialect.name == "sqlite"
    story = AwardStory(make)
    ticket = payment_ready(story)
    second = make.actor("bank_signatory")
    both_read = threading.Barrier(2)
    original = release_service._lock_all

    def unlocked(versions: Any) -> Any:
        items = [
            release_service.Locked(row, db.session.get(Award, row.award_id),
                                   db.session.get(release_service.Payee, row.payee_id),
                                   db.session.get(release_service.Meeting, row.meeting_id))
            for row in (db.session.get(Disbursement, key) for key in versions)
        ]
        if not serialised:
            both_read.wait(timeout=30)
        return items

    with clock.moved_to(story.payment(ticket).due_at + timedelta(hours=1)):
        story.ready(ticket)
        version = story.payment(ticket).version
        monkeypatch.setattr(release_service, "_lock_all", unlocked)
        results = together(app, lambda: release_service.release({ticket: version}, story.officer("bank_signatory")),
                           lambda: release_service.release({ticket: version}, second))
        monkeypatch.setattr(release_service, "_lock_all", original)
    failed = [r for r in results if isinstance(r, Exception)]
    assert len(failed) == 1, results
    assert isinstance(failed[0], IllegalMove) if serialised else "uq_approval_one_per_step" in str(failed[0]), results
    assert (db.session.query(Spend).count(), db.session.query(PaymentLine).count()) == (1, 1)
    assert not story.verify()


def test_two_officers_certify_one_payment(app, make):
    story = AwardStory(make)
    ticket = payment_ready(story)
    payments_service.request(ticket, story.officer("requesting_officer"), story.payment(ticket).version)
    version = story.payment(ticket).version
    officers: list[Actor] = [story.officer("certifying_officer"), make.actor("certifying_officer")]
    one_won(together(app, *[lambda who=who: payments_service.certify(ticket, who, version) for who in officers]))
    assert db.session.query(Approval).filter_by(subject_id=ticket, step="disbursement.certified").count() == 1
    assert not story.verify()


def test_one_person_signs_two_steps_at_once(app, make):
    """Certify and, as the same person, approve: whichever comes first, one person never signs both."""
    story = AwardStory(make)
    ticket = payment_ready(story)
    both = person(make.person("certifying_officer", "approving_officer").id)
    payments_service.request(ticket, story.officer("requesting_officer"), story.payment(ticket).version)
    version = story.payment(ticket).version
    together(app, lambda: payments_service.certify(ticket, both, version),
             lambda: payments_service.approve(ticket, both, version + 1))
    assert db.session.query(Approval).filter_by(subject_id=ticket, person_id=both.person_id).count() == 1


def test_two_acceptances(app, make):
    story = AwardStory(make)
    other = make.actor("focal_point", organisation=story.states[0])
    first = story.decide()[0]
    story.offer(first)
    version = story.award(first).version
    one_won(together(app, *[lambda who=who: answer_service.accept(first, who, version)
                            for who in (story.focal_point(), other, story.focal_point())]))
    assert len(story.payments(first)) == 4
    assert not story.verify()


def test_acceptance_against_lapse(app, make):
    story = AwardStory(make)
    first, second, _third = story.decide()
    story.offer(first)
    award = story.award(first)
    just_before, expires = award.offer_expires_at - timedelta(microseconds=1), award.offer_expires_at
    with clock.moved_to(just_before):
        results = together(app, lambda: answer_service.accept(first, story.focal_point(), award.version),
                           lambda: answer_service.lapse(first, expires) or Stale())
    state = story.award(first).state
    assert state in ("accepted", "lapsed"), results
    assert story.award(second).state == ("reserve" if state == "accepted" else "selected")
    assert not story.verify()


def test_withdrawal_while_promoting(app, make):
    """The fund withdraws an award at the instant the next State on the list takes its application back, and another
    award ends too: no place is given twice, none to a State that left."""
    story = AwardStory(make, states=5, recommended=2)
    first, second, third, fourth, fifth = story.decide()
    manager = story.officer("fund_manager")
    certifier = story.officer("certifying_officer")
    leaving = story.applications[2]
    versions = [story.award(first).version, story.award(second).version, story.version(Application, leaving)]
    results = together(
        app,
        lambda: answer_service.withdraw(first, manager, versions[0], "other", "Withdrawn by the fund."),
        lambda: service.refuse(second, certifier, versions[1], "rules_not_met", "Refused."),
        lambda: application_service.withdraw(leaving, versions[2], "Elections.", story.focal_point(2)),
    )
    assert not isinstance(results[0], Exception) and not isinstance(results[1], Exception), results
    states = {a: story.award(a).state for a in (first, second, third, fourth, fifth)}
    assert states[first] == "withdrawn" and states[second] == "refused"
    places = [a for a in (third, fourth, fifth) if states[a] == "selected"]
    assert len(places) == 2
    assert len({story.award(a).replaces_id for a in places}) == 2
    left = db.session.get(Application, leaving).state == "withdrawn"
    assert states[third] == ("withdrawn" if left else "selected"), (states, results)
    assert not story.verify()


def test_a_state_that_left_gets_the_place_with_the_guards_off(app, request, monkeypatch):
    """The same without the locks: the promotion looks, the mission takes its application back, and the place goes to a
    State that has left. (SQLite has one writer.)"""
    if db.engine.dialect.name == "sqlite":
        return
    story = AwardStory(request.getfixturevalue("make"), states=2, recommended=1)
    first, second = story.decide()
    leaving = story.applications[1]
    seen = story.award(first).version, story.version(Application, leaving)
    looked, left = threading.Event(), threading.Event()

    def unlocked(model: Any, key: uuid.UUID, _version: int | None = None) -> Any:
        return db.session.get(model, key)

    def look(model: Any, key: uuid.UUID, _version: int | None = None) -> Any:
        row = unlocked(model, key)
        if model is Award:
            looked.set()
            assert left.wait(60)
        return row

    def leave() -> None:
        assert looked.wait(60)
        try:
            application_service.withdraw(leaving, seen[1], "Elections.", story.focal_point(1))
        finally:
            left.set()

    monkeypatch.setattr(promotion, "lock", look)
    monkeypatch.setattr(decisions, "lock", unlocked)
    monkeypatch.setattr(application_service, "lock", lambda model, key, version=None: (
        unlocked if model is Call else lock)(model, key, version))
    results = together(app, lambda: answer_service.withdraw(
        first, story.officer("fund_manager"), seen[0], "other", "Withdrawn by the fund."), leave)
    assert results == ["done", "done"]
    assert story.award(second).state == "selected" and story.award(second).replaces_id == first
    assert db.session.query(Event).filter_by(tag="applications.application.withdraw", subject_id=leaving).count() == 1


def test_many_obligations_on_the_last_money(app, make):
    """Five awards, money for two: two are certified, three are refused, nothing is overdrawn."""
    cost = AwardStory.ticket + AwardStory.dsa + AwardStory.terminal
    story = AwardStory(make, states=5, recommended=5, money=(cost + cost * 1300 // 10000) * 2 + 50)
    awards = story.decide()
    versions = {a: story.award(a).version for a in awards}
    certifier = story.officer("certifying_officer")
    results = together(app, *[lambda a=a: service.certify(a, certifier, versions[a]) for a in awards])
    assert len([r for r in results if not isinstance(r, Exception)]) == 2, results
    assert {getattr(r, "code", "") for r in results if isinstance(r, Exception)} <= {"ledger.not_enough", "busy"}
    db.session.expire_all()
    assert db.session.query(Award).filter_by(state="certified").count() == 2
    assert not story.verify()


def test_two_officers_approve_one_payment(app, make):
    """One wins, the other reads that somebody has moved it on."""
    story = AwardStory(make)
    ticket = payment_ready(story)
    payments_service.request(ticket, story.officer("requesting_officer"), story.payment(ticket).version)
    payments_service.certify(ticket, story.officer("certifying_officer"), story.payment(ticket).version)
    version = story.payment(ticket).version
    officers = [story.officer("approving_officer"), make.actor("approving_officer")]
    results = together(app, *[lambda who=who: payments_service.approve(ticket, who, version) for who in officers])
    one_won(results)
    assert [type(r) for r in results if isinstance(r, Exception)] == [Stale], results
    assert db.session.query(Approval).filter_by(subject_id=ticket, step="disbursement.approved").count() == 1
    assert not story.verify()


def test_without_locks_the_database_takes_one_approval(app, make, monkeypatch):
    """The guard off: nothing is locked and no version compared, so both officers see a certified payment; and, with a
    rule for a second officer, neither sees the other's signature. The unique signature refuses one of them."""
    serialised = db.engine.dialect.name == "sqlite"
    story = AwardStory(make)
    ticket = payment_ready(story)
    payments_service.request(ticket, story.officer("requesting_officer"), story.payment(ticket).version)
    payments_service.certify(ticket, story.officer("certifying_officer"), story.payment(ticket).version)
    both_read = threading.Barrier(2)

    def unlocked(key: uuid.UUID, _version: int | None = None) -> Any:
        row = db.session.get(Disbursement, key)
        found = row, db.session.get(Award, row.award_id), db.session.get(release_service.Payee, row.payee_id)
        if not serialised:
            both_read.wait(timeout=30)
        return found

    officers = [story.officer("approving_officer"), make.actor("approving_officer")]
    with monkeypatch.context() as patch:
        patch.setattr(payments_service, "lock_chain", unlocked)
        results = together(app, *[lambda who=who: payments_service.approve(ticket, who, 0) for who in officers])
    failed = [r for r in results if isinstance(r, Exception)]
    assert len(failed) == 1, results
    assert isinstance(failed[0], IllegalMove) if serialised else "uq_approval_one_per_step" in str(failed[0]), results
    assert db.session.query(Approval).filter_by(subject_id=ticket, step="disbursement.approved").count() == 1
    assert story.payment(ticket).state == "approved" and not story.verify()
