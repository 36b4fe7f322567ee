"""A released file that must never leave: kept by one act, its payments unknown, found unpaid by two; nothing twice,
nothing lost."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from core import clock
from core.db import db
from core.errors import IllegalMove, NotAllowed, RuleBroken, Stale
from core.events import Event
from core.outbox import OutboxMail
from sponsorship.disbursements import finding_service, kept_queries, kept_service, release_service, stops
from sponsorship.disbursements.answer_models import Finding, Handover
from sponsorship.disbursements.held_files import held_files
from sponsorship.disbursements.kept_models import KeptFile
from sponsorship.ledger.queries import pool_figures
from tests.support.award_story import AwardStory
from tests.support.crowd import at_once
from tests.support.kills import Killed


class File:
    """A file of two payments that lies here."""

    def __init__(self, make):
        self.story = AwardStory(make)
        self.award = self.story.accepted()
        payments = self.story.payments(self.award)
        self.story.give_bank_data(self.award)
        self.pair = (payments["ticket"], payments["terminal"])
        self.officer, self.head = self.story.officer("requesting_officer"), self.story.officer("head_of_fund")
        self.certifier = self.story.officer("certifying_officer")

    def release(self):
        self.story.ready(self.pair[0])
        self.story.ready(self.pair[1])
        self.id = self.story.release(*self.pair)
        return self

    @property
    def states(self):
        db.session.rollback()
        return [self.story.payment(p).state for p in self.pair]

    def seen(self, what):
        db.session.rollback()
        return getattr(kept_queries, what)(self.id).seen

    def keep(self, actor=None):
        return kept_service.keep(self.id, "wrong_payee", "A name was changed.", actor or self.officer,
                                 self.seen("waiting"))

    def ask(self, actor=None):
        return kept_service.ask_unpaid(self.id, "The file was never uploaded.", actor or self.officer,
                                       self.seen("unknown"))

    def agree(self, actor=None):
        actor = actor or self.head
        db.session.rollback()
        return kept_service.agree_unpaid(self.id, actor, kept_queries.asked(self.id, actor).seen)

    @property
    def figures(self):
        db.session.rollback()
        return next(f for f in pool_figures() if f.pool_id == self.story.pool_id)


@pytest.fixture
def file(make):
    made = File(make)
    with clock.moved_to(made.story.payment(made.pair[1]).due_at + timedelta(hours=1)):
        before = made.figures
        made.release()
        made.before = before
        yield made


def test_one_act_keeps_it_and_two_find_that_nothing_was_paid(file):
    with pytest.raises(NotAllowed):
        file.keep(file.story.officer("auditor"))
    with pytest.raises(Stale):
        kept_service.keep(file.id, "other", "An old page.", file.officer, "0" * 64)
    stops.stop(file.head, "A name was changed.")  # keeping it is what a stop wants
    assert file.keep() == 2 and file.states == ["unknown", "unknown"]
    told = {m.to_address for m in db.session.query(OutboxMail).filter_by(kind="instruction-kept")}
    assert {file.story.people[r].email for r in ("bank_signatory", "head_of_fund")} <= told
    assert held_files() == []
    stop = db.session.query(stops.ReleaseStop).one()
    stops.ask_restart(file.head, stop.id, stop.version, "The file is kept.")
    stops.restart(file.story.officer("bank_signatory"), stop.id, stop.version)
    for act in (release_service.download, release_service.hand_over):
        with pytest.raises(RuleBroken, match="instruction.kept"):
            act(file.id, file.story.officer("bank_signatory"))
    with pytest.raises(IllegalMove):
        file.keep()
    assert file.ask() == 2 and file.states == ["unknown", "unknown"], "nothing moves by one"
    with pytest.raises(IllegalMove):
        file.ask()
    with pytest.raises(NotAllowed):
        file.agree(file.officer)
    with pytest.raises(Stale):
        kept_service.agree_unpaid(file.id, file.head, "0" * 64)
    assert file.agree() == 2 and file.states == ["failed", "failed"]
    assert file.figures.reserved == file.before.reserved and file.figures.in_transit == 0
    for payment in file.pair:
        release_service.plan_again(payment, file.officer, file.story.payment(payment).version)
        file.story.ready(payment)
    again = file.story.release(*file.pair)
    assert release_service.hand_over(again, file.story.officer("bank_signatory")) == 2
    assert not file.story.verify()


def test_the_banks_word_comes_first(file):
    """It was uploaded after all: what the bank paid is recorded, and two people find the rest only."""
    file.keep()
    file.ask(file.certifier)
    paid, other = file.pair
    release_service.confirm(paid, "FT1", file.officer, file.story.payment(paid).version)
    with pytest.raises(RuleBroken, match="finding.same_person"):
        file.agree(file.certifier)
    assert file.agree() == 1 and file.states == ["confirmed", "failed"]
    assert not file.story.verify()


def test_what_the_second_refuses_stays_unknown(file):
    file.keep()
    file.ask()
    seen = kept_queries.asked(file.id, file.head).seen
    assert kept_service.refuse_unpaid(file.id, "papers_missing", "No word of the bank.", file.head, seen) == 2
    assert file.states == ["unknown", "unknown"] and kept_queries.asked(file.id, file.head).rows == []
    single = finding_service.ask(file.pair[0], "unpaid", "The bank writes so.", file.officer,
                                 file.story.payment(file.pair[0]).version)
    assert [r.id for r in kept_queries.unknown(file.id).rows] == [file.pair[1]], "said of one by itself"
    assert file.ask(file.certifier) == 1
    assert file.agree() == 2 and db.session.get_one(Finding, single).state == "agreed"


def test_the_database_keeps_it(file):
    file.keep()
    with pytest.raises(DBAPIError, match="instruction_handover_not_kept"), db.session.begin_nested():
        db.session.execute(sa.insert(Handover).values(
            instruction_id=file.id, by_person=file.head.person_id, at=clock.now(), recorded_at=clock.now()))
    with pytest.raises(DBAPIError, match="append-only"), db.session.begin_nested():
        db.session.execute(sa.delete(KeptFile))


def test_not_what_the_bank_has(file):
    release_service.hand_over(file.id, file.story.officer("bank_signatory"))
    with pytest.raises(RuleBroken, match="kept.handed_over"):
        kept_service.keep(file.id, "other", "Too late.", file.officer, "0" * 64)
    with pytest.raises(DBAPIError, match="instruction_kept_in_time"), db.session.begin_nested():
        db.session.execute(sa.insert(KeptFile).values(
            instruction_id=file.id, reason="other", by_person=file.head.person_id, at=clock.now(),
            recorded_at=clock.now()))


@pytest.mark.real_database
def test_kept_and_handed_over_at_once(app, make):
    """One of the two: never a kept file that the bank has."""
    file = File(make)
    with clock.moved_to(file.story.payment(file.pair[1]).due_at + timedelta(hours=1)):
        file.release()
        seen = file.seen("waiting")
        db.session.commit()
        signatory = file.story.officer("bank_signatory")
        kept, handed = at_once(app, [
            lambda: kept_service.keep(file.id, "other", "Now.", file.officer, seen),
            lambda: release_service.hand_over(file.id, signatory)])
    assert isinstance(kept, Exception) is not isinstance(handed, Exception), (kept, handed)
    assert file.states == (["sent", "sent"] if isinstance(kept, Exception) else ["unknown", "unknown"])
    assert not file.story.verify()


@pytest.mark.real_database
def test_two_agree_at_once(app, make):
    """The money of each payment is reserved again once."""
    file = File(make)
    with clock.moved_to(file.story.payment(file.pair[1]).due_at + timedelta(hours=1)):
        before = file.figures.reserved
        file.release()
        file.keep()
        file.ask()
        seen = kept_queries.asked(file.id, file.head).seen
        db.session.commit()
        results = at_once(app, [lambda: kept_service.agree_unpaid(file.id, file.head, seen),
                                lambda: kept_service.agree_unpaid(file.id, file.certifier, seen)])
    assert sorted(map(str, (r for r in results if not isinstance(r, Exception)))) == ["2"], results
    assert file.states == ["failed", "failed"] and file.figures.reserved == before and not file.story.verify()


@pytest.mark.real_database
@pytest.mark.parametrize("act", ["keep", "ask", "agree"])
def test_killed_in_the_middle_it_is_as_it_was(make, act):
    file = File(make)
    with clock.moved_to(file.story.payment(file.pair[1]).due_at + timedelta(hours=1)):
        file.release()
        for earlier in ("keep", "ask", "agree")[:("keep", "ask", "agree").index(act)]:
            getattr(file, earlier)()
        db.session.commit()
        before, states = file.figures, file.states
        number = db.session.query(Event).count()
        with pytest.MonkeyPatch.context() as patch:
            original = kept_service.events.record

            def dies(*args, **kwargs):
                original(*args, **kwargs)
                raise Killed

            patch.setattr(kept_service.events, "record", dies)
            with pytest.raises(Killed):
                getattr(file, act)()
        db.session.rollback()
        assert (file.figures, file.states, db.session.query(Event).count()) == (before, states, number)
        assert getattr(file, act)() == 2, "whoever tries again does it once"
        assert not file.story.verify()


@pytest.mark.pages
def test_the_pages_of_a_file_kept_back(file, as_person):
    """Each page lists every payment; an old page is refused; the file says how far it is."""
    story = file.story
    officer, head, auditor = (as_person(story.people[r]) for r in ("requesting_officer", "head_of_fund", "auditor"))
    page = f"/disbursements/instructions/{file.id}"
    references = [story.payment(p).reference for p in file.pair]
    assert "This file must never leave" in officer.get(page).text
    assert "This file must never leave" not in auditor.get(page).text
    shown = officer.get(f"{page}/keep").text
    assert all(reference in shown for reference in references) and "cannot be undone" in shown
    body = {"reason": "wrong_payee", "text": "A name was changed.", "seen": file.seen("waiting")}
    assert officer.submit(f"{page}/keep", {**body, "text": ""}).status_code == 422
    assert officer.submit(f"{page}/keep", {**body, "seen": "0" * 64}).status_code == 409
    assert auditor.submit(f"{page}/keep", body).status_code == 403
    assert officer.submit(f"{page}/keep", body).status_code == 303
    shown = auditor.get(page).text
    assert "Kept back for good" in shown and "A name was changed." in shown and "Download the file" not in shown
    assert officer.get(f"{page}/keep", check=False).status_code == 404
    assert all(reference in officer.get(f"{page}/unpaid").text for reference in references)
    body = {"text": "The bank’s list of uploads.", "seen": file.seen("unknown")}
    assert officer.submit(f"{page}/unpaid", body).status_code == 303
    assert "none of it was paid" in head.get("/desk").text
    shown = head.get(f"{page}/unpaid/agree").text
    assert all(reference in shown for reference in references) and "Requesting Officer: none of it was paid" in shown
    seen = kept_queries.asked(file.id, file.head).seen
    assert head.get(f"{page}/unpaid/refuse").status_code == 200
    assert head.submit(f"{page}/unpaid/agree", {"seen": "0" * 64}).status_code == 409
    assert head.submit(f"{page}/unpaid/agree", {"seen": seen}).status_code == 303
    assert file.states == ["failed", "failed"] and "It never leaves." in auditor.get(page).text
