"""Money of a payment that is gone: an earlier release was paid after all, or cash is missing. One says so, which
holds what has not left; another agrees; the books prove themselves."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from accounts.models import Person
from core import clock
from core.db import db
from core.errors import IllegalMove, NotAllowed, RuleBroken, Stale
from core.outbox import OutboxMail
from sponsorship.awards import answer_service as answers
from sponsorship.disbursements import (
    answer_service,
    cash_service,
    claim_recovery,
    loss_service,
    release_service,
)
from sponsorship.disbursements.answer_queries import to_hand_over
from sponsorship.disbursements.answer_service import BankFigures
from sponsorship.disbursements.claim_models import Recovery
from sponsorship.disbursements.loss_models import LossReceipt, PaymentLoss
from sponsorship.ledger import bank_references
from sponsorship.ledger.models import Shortfall
from tests.integration.test_paymaster import PDF, Desk
from tests.integration.test_payment_answers import Bank


class Twice(Bank):
    """A ticket whose first release failed, so the bank said; and what is said of it later."""

    def again(self) -> None:
        answer_service.plan_again(self.ticket, self.officer, self.row.version)
        self.release()

    def admits(self, round_: int = 1, amount: int | None = None, reference: str = "LATE1"):
        self.loss = loss_service.ask(self.ticket, round_, reference, "Letter of the bank.", self.officer,
                                     self.row.version, amount)
        return self.loss

    @property
    def said(self) -> PaymentLoss:
        return db.session.get_one(PaymentLoss, self.loss, populate_existing=True)

    def agree(self, role: str = "certifying_officer") -> None:
        loss_service.agree(self.loss, self.story.officer(role), self.said.version)

    @property
    def recovery(self) -> Recovery:
        return db.session.query(Recovery).populate_existing().filter_by(loss_id=self.loss).one()

    def pays_back(self, amount: int, reference: str) -> None:
        claim_recovery.record(self.recovery.id, amount, reference, clock.today(), self.officer, self.recovery.version)


@pytest.fixture
def bank(make):
    made = Twice(make)
    with clock.moved_to(made.row.due_at + timedelta(hours=1)):
        made.release()
        made.hand_over()
        yield made


def mails(kind: str) -> set[str]:
    return {m.to_address for m in db.session.query(OutboxMail).filter_by(kind=kind)}


def test_a_file_that_the_bank_does_not_have_is_held_and_withdrawn(bank, as_person):
    """The later release waits in a file; the bank never gets it, and one payment is made."""
    bank.says("fail", "F1")
    bank.again()
    with pytest.raises(IllegalMove):  # the way for what has not left is not open
        answer_service.contradict(bank.ticket, 1, "paid_after_all", "LATE1", bank.officer, bank.row.version)
    with pytest.raises(NotAllowed):
        loss_service.ask(bank.ticket, 1, "LATE1", "x", bank.story.officer("bank_signatory"), bank.row.version)
    with pytest.raises(Stale):
        loss_service.ask(bank.ticket, 1, "LATE1", "x", bank.officer, bank.row.version + 1)
    for round_, amount, code in ((2, None, "loss.recorded"), (9, None, "loss.round"), (1, 100_001, "loss.amount")):
        with pytest.raises(RuleBroken) as caught:
            bank.admits(round_, amount)
        assert caught.value.code == code
    before = bank.figures
    assert bank.instruction in {row[0] for row in to_hand_over()}
    bank.admits()
    told = mails("payment-paid-before")
    assert told == {bank.story.people[r].email for r in ("head_of_fund", "certifying_officer", "bank_signatory")}
    assert bank.figures == before, "nothing moves by one person's word"
    signatory = bank.story.officer("bank_signatory")
    for act in (release_service.hand_over, release_service.download):
        with pytest.raises(RuleBroken, match="disbursement.paid_before"):
            act(bank.instruction, signatory)
    web = as_person(bank.story.people["bank_signatory"])
    page = web.get(f"/disbursements/instructions/{bank.instruction}").text
    assert "Download the file" not in page and bank.said.reference in page
    assert "Held back" in page and "Held back" in web.get("/disbursements/instructions/").text
    assert bank.instruction not in {row[0] for row in to_hand_over()}, "nobody is asked to hand it over"
    with pytest.raises(RuleBroken, match="loss.open"):
        bank.admits()
    with pytest.raises(NotAllowed):
        loss_service.agree(bank.loss, bank.officer, 1)
    bank.agree()
    assert (bank.said.state, bank.row.state, bank.row.round) == ("cleared", "unknown", 1)
    for act in (release_service.hand_over, release_service.download):
        with pytest.raises(RuleBroken, match="instruction.withdrawn"):
            act(bank.instruction, signatory)
    page = web.get(f"/disbursements/instructions/{bank.instruction}").text
    assert "Download the file" not in page and "withdrawn" in page
    assert "Withdrawn" in web.get("/disbursements/instructions/?format=csv").text
    bank.says("confirm", "FT1")
    bank.paid_once()


def test_refused_it_goes_on(bank):
    bank.says("fail", "F1")
    bank.again()
    bank.admits()
    loss_service.refuse(bank.loss, "papers_differ", "It is another payment.", bank.story.officer("head_of_fund"), 1)
    bank.hand_over()
    bank.says("confirm", "FT2")
    bank.paid_once()


@pytest.mark.parametrize("later", ["sent", "confirmed"])
def test_paid_twice_is_owed_by_the_payee(bank, later):
    bank.says("fail", "F1")
    bank.again()
    bank.hand_over()
    if later == "confirmed":
        bank.says("confirm", "FT2")
    before = bank.figures
    bank.admits()
    bank.agree()
    assert (bank.said.state, bank.said.lost_minor, bank.row.state) == ("agreed", 100_000, later)
    now = bank.figures
    assert now.losses - before.losses == 100_000 and before.available - now.available == 100_000
    assert now.spent_direct == before.spent_direct and now.reserved == before.reserved
    assert mails("recovery-asked") and bank.recovery.amount_minor == 100_000
    assert not bank.story.verify()
    if later == "sent":  # the later release fails: so the first one was the payment, and nothing is owed
        bank.says("fail", "F2")
        answer_service.plan_again(bank.ticket, bank.officer, bank.row.version)
        with pytest.raises(RuleBroken, match="disbursement.paid_before"):
            bank.story.ready(bank.ticket)
        answer_service.contradict(bank.ticket, 1, "paid_after_all", "LATE2", bank.officer, bank.row.version)
        assert (bank.said.state, bank.recovery.state, bank.figures.losses) == ("cleared", "dropped", before.losses)
        bank.says("confirm", "FT1")
        bank.paid_once()
        return
    bank.pays_back(30_000, "RB1")
    assert (bank.said.back_minor, bank.figures.losses - before.losses) == (30_000, 70_000)
    assert not bank.story.verify()
    bank.pays_back(70_000, "RB2")
    assert (bank.said.state, bank.recovery.state) == ("back", "recovered")
    bank.paid_once()
    assert bank.figures == before
    with pytest.raises(RuleBroken, match="loss.recorded"):
        bank.admits(2)


def test_after_the_award_was_given_back_and_with_nothing_free(make):
    """Cancelled, its money promised to others: the pool is short, its payments stop, and what comes back ends that."""
    bank = Twice(make)
    with clock.moved_to(bank.row.due_at + timedelta(hours=1)):
        bank.release()
        bank.hand_over()
        bank.says("fail", "F1")
        answers.give_back(bank.award, bank.story.focal_point(), bank.story.award(bank.award).version)
        assert bank.row.state == "cancelled"
        from sponsorship.ledger import service as ledger
        from tests.support.award_story import TESTS

        free = bank.figures.available - 40_000
        ledger.charge_fee(bank.story.pool_id, free, clearing="bank", subject=("test", bank.ticket), key="t",
                          actor=TESTS)
        bank.admits()
        bank.agree("head_of_fund")
        short = db.session.query(Shortfall).one()
        assert (short.amount_minor, short.becomes, bank.figures.losses) == (60_000, "losses", 40_000)
        assert not bank.story.verify()
        for role in ("head_of_fund",):  # whoever agreed does not give it up
            with pytest.raises(RuleBroken, match="recovery.same_person"):
                claim_recovery.write_off(bank.recovery.id, bank.story.officer(role), bank.recovery.version, "hardship",
                                         "x")
        bank.pays_back(70_000, "RB1")
        assert (bank.figures.shortfall, bank.figures.losses, bank.figures.available) == (0, 30_000, 10_000)
        bank.pays_back(30_000, "RB2")
        assert (bank.figures.losses, bank.figures.available) == (0, 40_000)
        assert not bank.story.verify()


@pytest.mark.parametrize("rest", ["draft", "released", "confirmed"])
def test_the_whole_was_paid_after_a_part_was_recorded(bank, rest):
    """The bank had said 600 of 1,000; the rest was planned anew. Not left yet, it counts as paid; left, it was paid
    twice."""
    following = bank.says("confirm", "FT1", figures=BankFigures(paid_minor=60_000))
    before = bank.figures
    if rest != "draft":
        bank.story.ready(following)
        bank.instruction = bank.story.release(following)
    if rest == "confirmed":
        bank.hand_over()
        answer_service.confirm(following, "FT2", bank.officer, bank.story.payment(following).version)
    with pytest.raises(RuleBroken, match="loss.amount"):
        bank.admits(1, 40_001)
    bank.admits(1)
    assert bank.said.amount_minor == 40_000
    if rest == "released":
        with pytest.raises(RuleBroken, match="disbursement.paid_before"):
            bank.hand_over()
    bank.agree()
    assert bank.figures.spent_direct == 100_000 and bank.figures.in_transit == 0
    assert bank.story.payment(following).state == ("confirmed" if rest == "confirmed" else "cancelled")
    assert (bank.said.state, bank.said.settled_minor) == (("agreed", 0) if rest == "confirmed" else ("cleared", 40_000))
    assert bank.figures.losses - before.losses == (40_000 if rest == "confirmed" else 0)
    assert not bank.story.verify()
    with pytest.raises(RuleBroken, match="loss.recorded"):
        bank.admits(1, reference="LATE2")


def test_a_part_of_the_rest(bank):
    """Of the rest that is planned anew, a part was paid: the payment becomes so much smaller."""
    following = bank.says("confirm", "FT1", figures=BankFigures(paid_minor=60_000))
    bank.admits(1, 15_000)
    bank.agree()
    assert (bank.story.payment(following).amount_minor, bank.said.settled_minor) == (25_000, 15_000)
    assert not bank.story.verify()


# --- cash ---------------------------------------------------------------------------------------------------------
@pytest.fixture
def desk(make):
    made = Desk(make)
    made.cash_serves()
    made.choose()
    made.identify()
    with clock.moved_to(made.row.due_at + timedelta(hours=1)):
        made.release()
        yield made


def test_cash_that_is_gone_is_replaced_and_the_payee_paid(desk, monkeypatch):
    story, amount = desk.story, desk.row.amount_minor
    head = story.officer("head_of_fund")

    def report(kind="stolen", minor=amount, proof=True, actor=desk.first):
        return loss_service.ask_cash(desk.advance, kind, minor, "From the safe.", story.proof() if proof else None,
                                     actor, desk.row.version)

    with pytest.raises(RuleBroken, match="loss.no_cash"):  # no paymaster has it yet
        report()
    desk.hand_over()
    with pytest.raises(NotAllowed):
        report(actor=story.officer("requesting_officer"))
    for more, code in (({"proof": False}, "loss.report"), ({"minor": amount + 1}, "loss.amount"),
                       ({"kind": "paid_twice"}, "loss.kind")):
        with pytest.raises(RuleBroken, match=code):
            report(**more)
    before = desk.figures
    loss = report()
    assert mails("cash-missing") == {story.people[r].email for r in ("head_of_fund", "certifying_officer")}
    assert desk.figures == before
    with pytest.raises(NotAllowed):
        loss_service.agree(loss, desk.second, 1)
    loss_service.agree(loss, head, 1)
    assert mails("cash-to-replace") >= {story.people["bank_signatory"].email}
    assert (desk.figures.losses, desk.row.state) == (amount, "sent"), "the payee is still to be paid"
    assert not story.verify()
    desk.agree(desk.hand_out())
    assert desk.row.state == "confirmed" and desk.figures.spent_direct == amount
    assert not story.verify()
    officer = story.officer("requesting_officer")
    loss_service.found_again(loss, 5_000, "BK1", officer, 2)
    # each line of the statement once, in any spelling, whatever it was recorded as
    monkeypatch.setitem(bank_references._KEPT, "gifts", {"GIFT 7": "CTR-7"}.get)
    for minor, reference, code in ((amount, "BK2", "loss.too_much"), (1, "bk1", "bank.reference_used"),
                                   (1, "gift  7", "bank.reference_used"), (1, " ", "bank.no_reference")):
        with pytest.raises(RuleBroken, match=code):
            loss_service.found_again(loss, minor, reference, officer, 3)
    with pytest.raises(RuleBroken, match="bank.reference_used"):
        bank_references.check_unused("Bk1")
    loss_service.found_again(loss, amount - 5_000, "BK2", officer, 3)
    assert db.session.get_one(PaymentLoss, loss, populate_existing=True).state == "back"
    assert desk.figures.losses == 0 and not story.verify()


def test_short_at_the_count(desk):
    """Nobody came, and the envelope is 50 short: the shortage is a loss, all of the payment's money is reserved
    again."""
    desk.hand_over()
    amount = desk.row.amount_minor
    count = cash_service.not_paid(desk.advance, "not_arrived", "Not on the flight.", desk.first, desk.row.version)
    with pytest.raises(RuleBroken, match="cash.differs"):
        desk.agree(count, amount - 5_000)
    loss = loss_service.ask_cash(desk.advance, "short", 5_000, "One note fewer.", None, desk.second, desk.row.version)
    loss_service.agree(loss, desk.story.officer("certifying_officer"), 1)
    desk.agree(count, amount)
    assert desk.row.state == "returned" and desk.figures.losses == 5_000 and desk.figures.spent_direct == 0
    assert not desk.story.verify()


# --- pages --------------------------------------------------------------------------------------------------------
def test_through_the_pages(bank, as_person):
    """Said on the page of the payment, agreed on a page of its own that says what it does; others' links are shut."""
    bank.says("fail", "F1")
    bank.again()
    people, page = bank.story.people, f"/disbursements/{bank.ticket}"
    officer, head = as_person(people["requesting_officer"]), as_person(people["head_of_fund"])
    assert f"{page}/paid-before" in officer.get(page).get_data(as_text=True)
    assert "100,000" not in officer.get(f"{page}/paid-before").get_data(as_text=True)
    data = {"version": bank.row.version, "round": 1, "bank_reference": "LATE1", "text": ""}
    assert officer.submit(f"{page}/paid-before", data).status_code == 422
    assert officer.submit(f"{page}/paid-before", {**data, "text": "Letter.", "round": 2}).status_code == 422
    assert head.submit(f"{page}/paid-before", {**data, "text": "Letter."}).status_code == 403
    assert officer.submit(f"{page}/paid-before", {**data, "text": "Letter of today."}).status_code == 303
    loss = db.session.query(PaymentLoss).one().id
    assert "Agree, or refuse" in head.get("/desk").get_data(as_text=True)
    shown = head.get(f"/losses/{loss}").get_data(as_text=True)
    assert "is withdrawn" in shown and "Letter of today." in shown and f"/losses/{loss}/agree" in shown
    assert f"/losses/{loss}/agree" not in officer.get(f"/losses/{loss}").get_data(as_text=True)
    over = f"/disbursements/instructions/{bank.instruction}/hand-over"
    assert as_person(people["bank_signatory"]).submit(over, {"version": 1}).status_code == 422
    for role in ("requesting_officer", "bank_signatory", "auditor"):
        assert as_person(people[role]).submit(f"/losses/{loss}/agree", {"version": 1}).status_code == 403
    assert as_person(bank.story.focal[0]).get(f"/losses/{loss}").status_code == 403
    assert head.submit(f"/losses/{loss}/refuse", {"version": 1, "reason": "other", "text": ""}).status_code == 422
    assert head.submit(f"/losses/{loss}/agree", {"version": 7}).status_code == 409
    assert head.submit(f"/losses/{loss}/agree", {"version": 1}).status_code == 303
    bank.says("confirm", "FT1")
    for url in (page, f"/losses/{loss}", "/losses/", "/losses/?format=csv", "/losses/?format=xlsx&state=cleared"):
        assert officer.get(url).status_code == 200, url
    bank.paid_once()


def test_cash_through_the_pages(desk, as_person, make):
    desk.hand_over()
    people, url = desk.story.people, f"/paymaster/payments/{desk.advance}/missing"
    counter = as_person(db.session.get_one(Person, desk.first.person_id))
    assert url in counter.get("/paymaster/").get_data(as_text=True)
    data = {"version": desk.row.version, "kind": "stolen", "amount": "100", "text": "From the safe."}
    assert "report" in counter.get(url).get_data(as_text=True)
    assert counter.submit(url, data).status_code == 422
    assert counter.submit(url, {**data, "report": (io.BytesIO(PDF), "report.pdf")}).status_code == 303
    loss = db.session.query(PaymentLoss).one().id
    assert counter.get(f"/losses/{loss}").status_code == 200
    head, officer = as_person(people["head_of_fund"]), as_person(people["requesting_officer"])
    assert head.get(f"/losses/{loss}/report").status_code == 200
    assert officer.get(f"/losses/{loss}/found").status_code == 200
    assert head.submit(f"/losses/{loss}/agree", {"version": 1}).status_code == 303
    back = {"version": 2, "amount": "100", "bank_reference": "BK1"}
    assert officer.submit(f"/losses/{loss}/found", {**back, "amount": "100.01"}).status_code == 422
    assert officer.submit(f"/losses/{loss}/found", back).status_code == 303
    assert not desk.story.verify()


# --- the database itself ------------------------------------------------------------------------------------------
def refused(rule: str, statement) -> None:
    with pytest.raises(DBAPIError) as caught:
        db.session.execute(statement)
        db.session.commit()
    db.session.rollback()
    assert rule in str(caught.value.orig), str(caught.value.orig)


@pytest.mark.real_database
def test_the_database_holds_it(bank, monkeypatch):
    bank.says("fail", "F1")
    bank.again()
    bank.admits()
    table = PaymentLoss.__table__
    own = sa.update(table).where(table.c.id == bank.loss)
    refused("by_two", own.values(state="cleared", decided_by=bank.officer.person_id, decided_at=clock.now()))
    refused("decided_has_name", own.values(state="agreed", lost_minor=1))
    refused("amounts", own.values(lost_minor=100_001))
    refused("append-only", own.values(amount_minor=1))
    monkeypatch.setattr(release_service, "check_not_paid_before", lambda rows: None)
    with pytest.raises(DBAPIError, match="instruction_handover_is_held"):
        bank.hand_over()
    db.session.rollback()
    bank.agree()
    refused("payment_loss_decided_stands", own.values(state="asked", decided_by=None))
    refused("instruction_handover_is_held", sa.text(
        "INSERT INTO instruction_handover (instruction_id, by_person, at, recorded_at) SELECT instruction_id, "
        "asked_by, asked_at, asked_at FROM payment_loss, instruction_withdrawal"))
    refused("payment_loss_is_of_a_line", sa.insert(table).values(
        id=bank.ticket, version=1, reference="LOSS-X", kind="lost", disbursement_id=bank.ticket, round=1,
        amount_minor=1, report_file_id=None, state="asked", asked_by=bank.officer.person_id, asked_at=clock.now()))
    refused("loss_receipt_is_open", sa.insert(LossReceipt.__table__).values(
        id=bank.ticket, loss_id=bank.loss, amount_minor=1, bank_reference="X", recorded_by=bank.officer.person_id,
        recorded_at=clock.now()))
