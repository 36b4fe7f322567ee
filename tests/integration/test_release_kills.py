"""The life of payments, from their date to the money that comes back, with processes killed at random: workers that
make ready and open claims; web processes that release and hand over; processes that record what the bank says, claims
and what is paid back. Begun again, nothing is twice and nothing is lost."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from accounts.models import Person
from core import clock, jobs
from core.db import db
from core.errors import IllegalMove, RuleBroken, Stale
from core.events import Event
from sponsorship.awards.approvals import Approval
from sponsorship.disbursements import answer_service, claim_recovery, claim_service
from sponsorship.disbursements.answer_models import BankAnswer, Handover
from sponsorship.disbursements.answer_service import BankFigures
from sponsorship.disbursements.claim_models import Claim, Recovery, RecoveryReceipt
from sponsorship.disbursements.models import Disbursement, PaymentInstruction, PaymentLine
from sponsorship.ledger.models import Entry, Spend
from sponsorship.ledger.queries import pool_figures
from tests.support.award_story import AwardStory
from tests.support.kills import AtCommit, AtStatement, Failpoint, killed
from tests.support.release_steps import MADE_READY, READY, RELEASE, RELEASED
from tests.support.soak import SEED, count, note

pytestmark = [pytest.mark.real_database, pytest.mark.timeout(14_400)]
KILLS = count("RELEASE_KILLS", 3)
STATES = max(3, min(23, KILLS // 5))  # journeys in one story at most
AGAIN = 0.7  # how likely a step is killed once more
NAMED: dict[str, list[Failpoint]] = {
    "make ready": [*READY, MADE_READY], "release": [*RELEASE, RELEASED],
    "confirm a part": [Failpoint("told, nothing booked", lambda: answer_service, "_told", "after"),
                       Failpoint("cut, not confirmed", lambda: answer_service.ledger, "cut_spend", "after"),
                       Failpoint("booked, not marked", lambda: answer_service, "_move", "before")],
    "came back": [Failpoint("returned, not marked", lambda: answer_service.ledger, "return_spend", "after")],
    "paid back": [Failpoint("received, not returned", lambda: claim_recovery, "_return", "before"),
                  Failpoint("returned, not marked", lambda: claim_recovery, "_return", "after")],
}
COUNTED = (Event, Entry, Spend, Approval, PaymentInstruction, PaymentLine, Handover, BankAnswer, Claim, Recovery,
           RecoveryReceipt)


class Killer:
    """Does each step, killing it first as often as the dice say."""

    def __init__(self, app: Any, story: AwardStory) -> None:
        self.app, self.story, self.dice = app, story, random.Random(SEED)
        self.kills = self.answered_by_nobody = 0
        self.steps: dict[str, int] = {}

    def marks(self) -> tuple[Any, ...]:
        """Every row that a step writes, but the records of runs and of who is signed in."""
        db.session.rollback()
        db.session.expire_all()
        return (*(db.session.query(model).count() for model in COUNTED),
                [(row.id, row.state, row.version, row.round, row.spend_id, row.short_minor, row.amount_minor)
                 for row in db.session.query(Disbursement).order_by(Disbursement.id)],
                [(row.id, row.state, row.version) for row in db.session.query(Claim).order_by(Claim.id)],
                [(row.id, row.state, row.version, row.back_minor)
                 for row in db.session.query(Recovery).order_by(Recovery.id)])

    def _place(self, name: str) -> Failpoint:
        dice = self.dice
        return dice.choice([AtStatement(dice.randint(1, 60)), AtCommit("before", dice.randint(1, 3)),
                            AtCommit("after", dice.randint(1, 3)), *NAMED.get(name, [])])

    def step(self, name: str, act: Callable[[], Any], job: bool = False) -> None:
        """Do it once, whatever is killed before. A command or a form is done whole or not at all, and, once done,
        refused; a job goes on where it was."""
        before = self.marks()
        while self.marks() == before:
            if self.dice.random() >= AGAIN:
                act()
                break
            if killed(self.app, self._place(name), act):
                self.kills += 1
                self.steps[name] = self.steps.get(name, 0) + 1
                self.answered_by_nobody += self.marks() != before
        if job:
            act()
        done = self.marks()
        assert done != before, name
        try:
            act()
        except (IllegalMove, RuleBroken, Stale):
            pass
        assert self.marks() == done, f"{name} was done twice"


@pytest.fixture
def killer(app: Any, make: Any) -> Killer:
    return Killer(app, AwardStory(make, states=STATES, recommended=STATES, money=STATES * 1_000_000))


def _at(instant: datetime) -> AbstractContextManager[Any]:
    return clock.moved_to(instant)


def _noon(day: Any, days: int) -> datetime:
    return datetime.combine(day + timedelta(days=days), time(12), UTC)


def journey(killer: Killer, award: uuid.UUID, n: int, as_person: Any, travelled: bool) -> None:
    """One award from the date of its payments to its claim, and to the recovery where nobody travelled."""
    story = killer.story
    officer = story.officer("requesting_officer")
    payments = story.payments(award)
    story.give_bank_data(award, n)
    early = ("ticket", "dsa_advance", "terminal")
    ids = [payments[kind] for kind in early]

    def version(payment: uuid.UUID) -> int:
        return story.payment(payment).version

    def part(fresh: int) -> None:
        answer_service.confirm(ids[0], f"FT-{n}-1", officer, fresh, figures=BankFigures(100, "fund", 90_000, 90_000))

    with _at(max(story.payment(payment).due_at for payment in ids) + timedelta(hours=1)):
        for payment in ids:
            story.sign_three(payment)
        killer.step("make ready", lambda: jobs.run("disbursements-ready"), job=True)
        assert {story.payment(payment).state for payment in ids} == {"ready"}
        web = as_person(db.session.get_one(Person, story.officer("bank_signatory").person_id))
        chosen = [f"{payment}:{version(payment)}" for payment in ids]
        killer.step("release", lambda: web.submit("/disbursements/release", {"payments": chosen}))
        instruction = db.session.query(PaymentLine.instruction_id).filter_by(disbursement_id=ids[0]).scalar()
        address = f"/disbursements/instructions/{instruction}"
        killer.step("hand over", lambda: web.submit(f"{address}/hand-over", {"version": 1, "receipt": f"EB-{n}"}))
        assert {story.payment(payment).state for payment in ids} == {"sent"}
        fresh = [version(payment) for payment in ids]
        killer.step("confirm a part", lambda: part(fresh[0]))
        killer.step("confirm", lambda: answer_service.confirm(ids[1], f"FT-{n}-2", officer, fresh[1]))
        killer.step("came back", lambda: answer_service.came_back(ids[2], "account_closed", f"RT-{n}", officer,
                                                                  fresh[2]))
    with _at(_noon(story.award(award).travel_to, 2)):
        killer.step("open claims", lambda: jobs.run("claims-open"), job=True)
        claim = db.session.query(Claim.id).filter_by(award_id=award).scalar()
        paper = [("boarding_pass", story.proof())]
        told = story.version(Claim, claim)
        killer.step("claim", lambda: claim_service.submit(claim, None, paper, "", story.focal_point(n), told))
        sent = story.version(Claim, claim)
        if travelled:
            killer.step("settle", lambda: claim_service.settle(claim, "attended", officer, sent))
            return
        killer.step("nobody travelled", lambda: claim_service.no_show(claim, officer, sent, "ill", "In hospital."))
        recovery = db.session.query(Recovery).filter_by(award_id=award).one().id
        for reference, amount in (("a", 1_000), ("b", None)):
            row = db.session.get(Recovery, recovery)
            minor, seen = amount or row.amount_minor - row.back_minor, row.version
            killer.step("paid back", lambda reference=reference, minor=minor, seen=seen: claim_recovery.record(
                recovery, minor, f"RB-{n}-{reference}", clock.today(), officer, seen))
        assert db.session.get(Recovery, recovery).state == "recovered"


def once_and_whole(story: AwardStory) -> None:
    """Each round that left stands in one file, was spent once and signed once; and every check of the books."""
    db.session.rollback()
    lines = db.session.query(PaymentLine.disbursement_id, PaymentLine.round, PaymentLine.spend_id).all()
    assert len({(line[0], line[1]) for line in lines}) == len(lines) == len({line[2] for line in lines})
    assert db.session.query(Spend).count() == len(lines)
    assert db.session.query(Approval).filter_by(step="disbursement.released").count() == len(lines)
    assert sum(figures.in_transit for figures in pool_figures()) == 0
    assert not story.verify()


def test_killed_anywhere(killer: Killer, as_person: Any) -> None:
    awards = killer.story.decide()
    journeys = 0
    while killer.kills < KILLS:
        assert journeys < STATES, f"{killer.kills} kills only in {journeys} journeys"
        award = awards[journeys]
        killer.story.offer(award)
        killer.story.accept(award, journeys)
        journey(killer, award, journeys, as_person, travelled=journeys % 2 == 1)
        once_and_whole(killer.story)
        journeys += 1
    places = ", ".join(f"{name} {number}" for name, number in killer.steps.items())
    note(f"{killer.kills} processes killed in {journeys} journeys: {places}; {killer.answered_by_nobody} had committed")
