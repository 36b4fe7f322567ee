"""The bank's answers, in whatever order: own entries for each, nothing paid twice, two people where it is silent."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from core import clock
from core.actor import system
from core.db import command, db
from core.errors import IllegalMove, NotAllowed, RuleBroken, Stale
from core.outbox import OutboxMail
from sponsorship.disbursements import answer_service, finding_service, release_service, service
from sponsorship.disbursements.answer_models import BankAnswer, Finding, Handover
from sponsorship.disbursements.answer_service import BankFigures
from sponsorship.disbursements.models import Disbursement, PaymentLine
from sponsorship.disbursements.transitions import BACK, DISBURSEMENT
from sponsorship.ledger.models import Entry, Spend
from sponsorship.ledger.queries import pool_figures
from tests.support.award_story import AwardStory


class Bank:
    """A story with one ticket (USD 1,000.00) released; the clock stands on its date."""

    def __init__(self, make):
        self.story = AwardStory(make)
        self.award = self.story.accepted()
        self.ticket = self.story.payments(self.award)["ticket"]
        self.story.give_bank_data(self.award)
        self.officer = self.story.officer("requesting_officer")

    @property
    def row(self) -> Disbursement:
        return self.story.payment(self.ticket)

    @property
    def figures(self):
        db.session.rollback()
        return next(f for f in pool_figures() if f.pool_id == self.story.pool_id)

    def release(self) -> None:
        self.story.ready(self.ticket)
        self.instruction = self.story.release(self.ticket)

    def hand_over(self) -> None:
        release_service.hand_over(self.instruction, self.story.officer("bank_signatory"), "EB-1")

    def says(self, what: str, reference: str, reason: str = "other", **more):
        if what == "confirm":
            return answer_service.confirm(self.ticket, reference, self.officer, self.row.version, **more)
        return getattr(answer_service, what)(self.ticket, reason, reference, self.officer, self.row.version, **more)

    def paid_once(self, paid: int = 100_000) -> None:
        """One payment of so much has left the fund, whatever was said before; the books prove themselves."""
        assert self.row.state == "confirmed"
        assert db.session.query(Spend).filter_by(subject_id=self.ticket, state="confirmed").count() == 1
        assert self.figures.spent_direct == paid and self.figures.in_transit == 0
        assert not self.story.verify()


@pytest.fixture
def bank(make):
    made = Bank(make)
    with clock.moved_to(made.row.due_at + timedelta(hours=1)):
        made.release()
        yield made


def entries(kind: str) -> int:
    return db.session.query(Entry).filter_by(kind=kind).count()


def test_the_file_is_handed_over_once_and_whole(bank):
    with pytest.raises(NotAllowed):
        release_service.hand_over(bank.instruction, bank.officer)
    bank.hand_over()
    assert bank.row.state == "sent" and bank.row.act_by == bank.row.confirm_by
    assert db.session.query(Handover).one().receipt == "EB-1"
    with pytest.raises(RuleBroken) as caught:
        bank.hand_over()
    assert caught.value.code == "instruction.handed_over"
    bank.says("confirm", "FT1")
    bank.paid_once()


def test_part_payment_fee_and_exchange_each_have_entries(bank):
    bank.hand_over()
    before = bank.figures
    rest = bank.says("confirm", "FT1", figures=BankFigures(fee_minor=1_500, paid_minor=60_000, booked_minor=60_250))
    now = bank.figures
    assert (entries("spend.part"), entries("spend.confirm"), entries("exchange")) == (1, 1, 1)
    assert now.spent_direct == 60_000 and now.spent_support == 60_000 * 13 // 100
    assert now.reserved - before.reserved == 40_000 + 40_000 * 13 // 100
    assert now.fees - before.fees == 1_500 and now.exchange - before.exchange == -250
    told = db.session.query(BankAnswer).one()
    assert (told.paid_minor, told.fee_minor, told.exchange_minor, told.bank_reference) == (60_000, 1_500, -250, "FT1")
    # what is left is a payment of its own, with four signatures of its own
    following = bank.story.payment(rest)
    assert (following.amount_minor, following.state, following.follows_id) == (40_000, "draft", bank.ticket)
    bank.story.ready(rest)
    bank.story.release(rest)
    answer_service.confirm(rest, "FT2", bank.officer, bank.story.payment(rest).version,
                           figures=BankFigures(fee_minor=700, fee_bearer="payee", booked_minor=39_900))
    assert bank.figures.spent_direct == 100_000 and bank.figures.fees == now.fees  # the payee bore that fee
    assert bank.figures.exchange == before.exchange - 250 + 100
    assert not bank.story.verify()
    # days later the first part comes back, less what the payee's bank kept for it
    bank.says("came_back", "RT1", figures=BankFigures(fee_minor=2_000))
    assert bank.row.state == "returned" and bank.figures.spent_direct == 40_000
    assert bank.figures.fees == now.fees + 2_000
    assert not bank.story.verify()
    answer_service.plan_again(bank.ticket, bank.officer, bank.row.version)
    assert (bank.row.amount_minor, bank.row.short_minor, bank.row.round) == (60_000, 0, 2)
    assert not bank.story.verify()


@pytest.mark.parametrize(("figures", "field"), [
    (BankFigures(paid_minor=0), "paid"), (BankFigures(paid_minor=100_001), "paid"), (BankFigures(fee_minor=-1), "fee"),
    (BankFigures(fee_minor=100_000, fee_bearer="payee"), "fee"), (BankFigures(booked_minor=1), "booked"),
])
def test_figures_that_cannot_be(bank, figures, field):
    with pytest.raises(RuleBroken) as caught:
        bank.says("confirm", "FT1", figures=figures)
    assert caught.value.field == field and bank.row.state == "released"
    with pytest.raises(RuleBroken) as caught:
        bank.says("confirm", "  ")
    assert caught.value.field == "bank_reference"


@pytest.mark.parametrize("order", [
    ("confirm",), ("fail", "again", "confirm"), ("reject", "again", "confirm"),
    ("confirm", "came_back", "again", "confirm"), ("confirm", "reverse", "again", "confirm"),
    ("doubt", "confirm"), ("doubt", "fail", "again", "confirm"), ("fail", "contradict", "confirm"),
    ("fail", "planned", "contradict", "confirm"), ("reject", "planned", "requested", "contradict", "confirm"),
    ("fail", "contradict", "fail", "contradict", "confirm"),
    ("fail", "planned", "contradict", "fail", "again", "confirm"),
    ("confirm", "came_back", "contradict", "confirm"),
], ids="-".join)
def test_nothing_is_paid_twice_whatever_the_order_of_answers(bank, order):
    """Each word under its own reference; `again` plans, signs and releases anew. At the end one payment has left."""
    bank.hand_over()
    for n, what in enumerate(order):
        if what == "again":
            answer_service.plan_again(bank.ticket, bank.officer, bank.row.version)
            bank.release()
            bank.hand_over()
        elif what == "planned":
            answer_service.plan_again(bank.ticket, bank.officer, bank.row.version)
        elif what == "requested":
            service.request(bank.ticket, bank.officer, bank.row.version)
        elif what == "doubt":
            answer_service.doubt(bank.ticket, "no_answer", bank.officer, bank.row.version)
        elif what == "contradict":
            answer_service.contradict(bank.ticket, 1, "paid_after_all", f"REF{n}", bank.officer, bank.row.version)
            assert bank.row.state == "unknown" and bank.figures.in_transit == 100_000
            with pytest.raises(IllegalMove):
                answer_service.plan_again(bank.ticket, bank.officer, bank.row.version)
        else:
            bank.says(what, f"REF{n}")
            with pytest.raises((IllegalMove, RuleBroken)):  # the same word again
                bank.says(what, f"REF{n}")
    bank.paid_once()


def test_unknown_is_ended_by_two_people_only(bank, make):
    bank.hand_over()
    answer_service.doubt(bank.ticket, "no_answer", bank.officer, bank.row.version, "Three letters, no answer.")
    for move in DISBURSEMENT.from_state("unknown"):
        assert move.target in ("confirmed", *BACK)
    with pytest.raises(IllegalMove):
        answer_service.plan_again(bank.ticket, bank.officer, bank.row.version)
    finding = finding_service.ask(bank.ticket, "paid", "Receipt of the delegate.", bank.officer, bank.row.version)
    assert bank.row.state == "unknown"
    told = {m.to_address for m in db.session.query(OutboxMail).filter_by(kind="payment-finding")}
    assert told == {bank.story.people[r].email for r in ("head_of_fund", "certifying_officer")}
    with pytest.raises(RuleBroken) as caught:
        finding_service.ask(bank.ticket, "unpaid", "No.", bank.story.officer("head_of_fund"), bank.row.version)
    assert caught.value.code == "finding.open"
    with pytest.raises(NotAllowed):
        finding_service.agree(finding, bank.story.officer("bank_signatory"), 1)
    # the second person is another, and does not agree at first
    finding_service.refuse(finding, "other", "It is another payment's receipt.", bank.story.officer("head_of_fund"), 1)
    assert bank.row.state == "unknown"
    mine = finding_service.ask(bank.ticket, "unpaid", "The account shows no debit.",
                               bank.story.officer("certifying_officer"), bank.row.version)
    with pytest.raises(RuleBroken) as caught:
        finding_service.agree(mine, bank.story.officer("certifying_officer"), 1)
    assert caught.value.code == "finding.same_person"
    with pytest.raises(Stale):
        finding_service.agree(mine, bank.story.officer("head_of_fund"), 9)
    finding_service.agree(mine, bank.story.officer("head_of_fund"), 1)
    assert bank.row.state == "failed" and bank.figures.spent_direct == 0
    # and where the bank speaks first, what one person found no longer matters
    answer_service.contradict(bank.ticket, 1, "paid_after_all", "REF9", bank.officer, bank.row.version)
    last = finding_service.ask(bank.ticket, "paid", "The bank says so.", bank.officer, bank.row.version)
    bank.says("confirm", "FT9")
    assert db.session.get(Finding, last, populate_existing=True).state == "overtaken"
    with pytest.raises(IllegalMove):
        finding_service.agree(last, bank.story.officer("head_of_fund"), 2)
    bank.paid_once()


def test_two_people_find_that_it_was_paid(bank):
    answer_service.doubt(bank.ticket, "no_answer", bank.officer, bank.row.version)
    finding = finding_service.ask(bank.ticket, "paid", "Statement, page 3.", bank.officer, bank.row.version)
    finding_service.agree(finding, bank.story.officer("certifying_officer"), 1)
    assert bank.row.bank_reference is None and bank.row.finding_id == finding
    bank.paid_once()


def test_after_a_restore_what_was_being_sent_is_unknown(bank):
    @command
    def being_sent():
        DISBURSEMENT.apply(db.session.get_one(Disbursement, bank.ticket), "begin_sending", system("rail"))

    being_sent()
    with pytest.raises(IllegalMove):
        bank.says("confirm", "FT1")
    assert release_service.lost_in_restore() == 1
    assert bank.row.state == "unknown" and release_service.lost_in_restore() == 0
    bank.says("confirm", "FT1")
    bank.paid_once()


def test_money_that_comes_back_for_an_ended_award_is_free(bank):
    from sponsorship.awards import answer_service as answers

    bank.hand_over()
    bank.says("confirm", "FT1")
    answers.give_back(bank.award, bank.story.focal_point(), bank.story.award(bank.award).version)
    bank.says("came_back", "RT1", figures=BankFigures(booked_minor=99_000))
    assert bank.row.state == "cancelled"
    assert (bank.figures.reserved, bank.figures.spent_direct, bank.figures.exchange) == (0, 0, -1_000)
    assert not bank.story.verify()


PATHS = {
    "released": (), "sent": ("hand_over",), "unknown": ("doubt",), "confirmed": ("confirm",), "rejected": ("reject",),
    "failed": ("fail",), "returned": ("confirm", "came_back"), "reversed": ("confirm", "reverse"),
    "draft": ("fail", "plan_again"), "requested": ("fail", "plan_again", "request"),
}


@pytest.mark.parametrize("state", PATHS)
def test_every_state_with_every_action(bank, state):
    """A payment led into each state: every action that the table does not have there is refused by its command, for
    whoever may do everything, and leaves the books alone. (What the table has, the orders above do.)"""
    act = {
        "hand_over": lambda v: bank.hand_over(),
        "confirm": lambda v: answer_service.confirm(bank.ticket, f"C{v}", bank.officer, v),
        "reject": lambda v: answer_service.reject(bank.ticket, "other", f"J{v}", bank.officer, v),
        "fail": lambda v: answer_service.fail(bank.ticket, "other", f"F{v}", bank.officer, v),
        "return": lambda v: answer_service.came_back(bank.ticket, "other", f"R{v}", bank.officer, v),
        "reverse": lambda v: answer_service.reverse(bank.ticket, "other", f"V{v}", bank.officer, v),
        "doubt": lambda v: answer_service.doubt(bank.ticket, "no_answer", bank.officer, v),
        "contradict": lambda v: answer_service.contradict(bank.ticket, 1, "paid_after_all", f"X{v}", bank.officer, v),
        "plan_again": lambda v: answer_service.plan_again(bank.ticket, bank.officer, v),
        "request": lambda v: service.request(bank.ticket, bank.officer, v),
    }
    for step in PATHS[state]:
        act[{"came_back": "return"}.get(step, step)](bank.row.version)
    assert bank.row.state == state
    before = bank.figures
    for action in act.keys() - {"hand_over"}:
        if DISBURSEMENT.find(state, action) is None:
            with pytest.raises(IllegalMove):
                act[action](bank.row.version)
    for action in ("begin_sending", "end_sending", "lose_sight", "make_ready", "cancel"):  # the system's own
        with pytest.raises(IllegalMove):
            DISBURSEMENT.apply(bank.row, action, bank.officer)
        db.session.rollback()
    assert bank.row.state == state and bank.figures == before


def test_answers_through_the_pages(bank, as_person):
    """Signatory, requesting officer and the second person, each by their own pages; another's link opens for nobody."""
    people, page = bank.story.people, f"/disbursements/{bank.ticket}"
    signatory, officer, head = (as_person(people[r]) for r in ("bank_signatory", "requesting_officer", "head_of_fund"))
    over = f"/disbursements/instructions/{bank.instruction}/hand-over"
    assert "Hand the file to the bank" in signatory.get("/desk").get_data(as_text=True)
    assert officer.get(over).status_code == 403
    assert signatory.submit(over, {"version": 1, "receipt": "<b>"}).status_code == 422
    assert signatory.submit(over, {"version": 1, "receipt": "EB-1"}).status_code == 303
    assert signatory.submit(over, {"version": 1, "receipt": "EB-2"}).status_code == 422
    data = {"version": bank.row.version, "bank_reference": "FT1", "paid": "1000.01", "fee_bearer": "fund"}
    wrong = officer.submit(f"{page}/confirm", data)
    assert wrong.status_code == 422 and "1000.01" in wrong.get_data(as_text=True)
    doubt = {"version": bank.row.version, "reason": "no_answer", "text": "Asked three times."}
    assert officer.submit(f"{page}/doubt", {**doubt, "text": ""}).status_code == 422
    assert officer.submit(f"{page}/doubt", doubt).status_code == 303
    assert officer.submit(f"{page}/doubt", doubt).status_code == 409  # a double click
    assert officer.submit(f"{page}/plan-again", {"version": bank.row.version}).status_code == 409
    found = {"version": bank.row.version, "outcome": "paid", "text": "Receipt of 3 June."}
    assert officer.submit(f"{page}/finding", found).status_code == 303
    assert "Agree, or refuse" in head.get("/desk").get_data(as_text=True)
    finding = db.session.query(Finding).one().id
    agree = f"/disbursements/findings/{finding}/agree"
    for role in ("requesting_officer", "bank_signatory", "approving_officer", "auditor"):
        assert as_person(people[role]).submit(agree, {"version": 1}).status_code == 403
    assert as_person(bank.story.focal[0]).submit(agree, {"version": 1}).status_code == 403
    assert head.submit(agree, {"version": 7}).status_code == 409
    assert head.submit(agree, {"version": 1}).status_code == 303
    assert bank.row.state == "confirmed"
    back = {"version": bank.row.version, "reason": "account_closed", "bank_reference": "RT1", "fee": "20"}
    assert officer.submit(f"{page}/return", {**back, "bank_reference": ""}).status_code == 422
    assert officer.submit(f"{page}/return", back).status_code == 303
    shown = officer.get(page).get_data(as_text=True)
    assert "Came back from the payee" in shown and "RT1" in shown and bank.figures.fees == 2_000
    for url in (page, f"{page}/contradict"):
        assert officer.get(url).status_code == 200
    assert as_person(bank.story.focal[0]).get(page).status_code == 403


# --- the database itself ------------------------------------------------------------------------------------------
def refused(rule: str, statement) -> None:
    with pytest.raises(DBAPIError) as caught:
        db.session.execute(statement)
        db.session.commit()
    db.session.rollback()
    assert rule in str(caught.value.orig), str(caught.value.orig)


@pytest.mark.real_database
def test_the_database_takes_nobodys_word(bank):
    table = Disbursement.__table__
    mine = sa.update(table).where(table.c.id == bank.ticket)
    refused("disbursement_sent_is_handed_over", mine.values(state="sent"))
    for state in ("confirmed", *BACK):
        refused("disbursement_answer_is_the_banks",
                mine.values(state=state, bank_reference="X", settled_at=clock.now()))
    refused("short_is_a_part", mine.values(short_minor=100_000))
    bank.hand_over()
    answer_service.doubt(bank.ticket, "no_answer", bank.officer, bank.row.version)
    finding = finding_service.ask(bank.ticket, "paid", "Page 3.", bank.officer, bank.row.version)
    # asked by one is not found by two; and two means two
    refused("disbursement_answer_is_the_banks",
            mine.values(state="confirmed", finding_id=finding, settled_at=clock.now()))
    own = sa.update(Finding.__table__).where(Finding.__table__.c.id == finding)
    refused("by_two", own.values(state="agreed", decided_by=bank.officer.person_id))
    refused("decided_has_name", own.values(state="agreed"))
    refused("append-only", own.values(outcome="unpaid"))
    finding_service.agree(finding, bank.story.officer("head_of_fund"), 1)
    # what two people found serves once, and for what they found
    bank.says("came_back", "RT1")
    refused("disbursement_answer_is_the_banks", mine.values(state="confirmed", settled_at=clock.now()))
    for statement in (sa.update(BankAnswer.__table__).values(paid_minor=1), sa.delete(BankAnswer.__table__),
                      sa.delete(Handover.__table__)):
        refused("append-only", statement)
    # nor may a payment take the place of another's in a file
    assert db.session.query(PaymentLine).one().disbursement_id == bank.ticket
