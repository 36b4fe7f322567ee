"""Rails by place and cash paid by hand: the same chain of four, then two people count, and nobody pays twice."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from accounts.models import Person
from core import clock
from core.actor import person
from core.db import command, db, new_id
from core.errors import IllegalMove, NotAllowed, RuleBroken, Stale
from core.outbox import OutboxMail
from meetings.calendar.models import Meeting
from sponsorship.disbursements import (
    answer_service,
    cash_queries,
    cash_service,
    payee_service,
    rails,
    release_service,
    service,
    stops,
)
from sponsorship.disbursements.answer_models import BankAnswer
from sponsorship.disbursements.cash_models import CASH, CashCount, RailPlace
from sponsorship.disbursements.cash_service import Handed
from sponsorship.disbursements.instruction import verify as proves
from sponsorship.disbursements.models import Disbursement, Payee, PaymentInstruction
from sponsorship.disbursements.payee_needs import Paper
from sponsorship.ledger.models import Spend
from sponsorship.ledger.queries import pool_figures
from tests.support.award_story import AwardStory

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer<<>>\n%%EOF\n"


class Desk:
    """A story whose payee is paid in cash on arrival; `advance` is what is due then."""

    def __init__(self, make, bank=True):
        self.story = AwardStory(make)
        self.award = self.story.accepted()
        self.payee = self.story.give_bank_data(self.award) if bank else db.session.query(Payee.id).filter_by(
            award_id=self.award).scalar()
        self.payments = self.story.payments(self.award)
        self.advance, self.ticket = self.payments["dsa_advance"], self.payments["ticket"]
        self.keeper = self.story.officer("payee_data_officer")
        self.first = person(make.person("paymaster", name="First Counter").id)
        self.second = person(make.person("paymaster", name="Second Counter").id)
        self.country = db.session.get_one(Meeting, self.story.meeting_id).country_code

    def cash_serves(self, serves=True):
        return rails.set_place(self.country, CASH, serves, clock.today(), "Conference services, letter of today",
                               self.story.officer("fund_manager"))

    def choose(self, rail=CASH):
        rails.choose(self.payee, rail, self.keeper, self.story.version(Payee, self.payee))

    def identify(self):
        """The identity is given and verified."""
        payee_service.identify(self.payee, Paper("Given Family0", "passport", "AB12"), self.story.focal_point(),
                               self.story.version(Payee, self.payee), self.story.proof())
        payee_service.verify(self.payee, self.keeper, self.story.version(Payee, self.payee))

    @property
    def row(self) -> Disbursement:
        return self.story.payment(self.advance)

    def release(self):
        self.story.ready(self.advance)
        self.list = self.story.release(self.advance)

    def hand_over(self):
        release_service.hand_over(self.list, self.story.officer("bank_signatory"), "")

    def hand_out(self, minor=None, actor=None, **seen):
        handed = Handed(**{"paid_minor": minor or self.row.amount_minor, "passport_seen": True,
                           "boarding_pass_seen": True, **seen})
        proof = self.story.proof()
        return cash_service.hand_out(self.advance, handed, proof, actor or self.first, self.row.version)

    def hand_out_anyway(self, why="The money was in her hand already."):
        proof = self.story.proof()
        return cash_service.hand_out(self.advance, Handed(self.row.amount_minor, True, True), proof, self.first,
                                     self.row.version, happened=why)

    def agree(self, count, minor=None, actor=None):
        row = db.session.get_one(CashCount, count, populate_existing=True)
        cash_service.agree(count, minor or row.paid_minor or row.back_minor, actor or self.second, row.version)

    @property
    def figures(self):
        db.session.rollback()
        return next(f for f in pool_figures() if f.pool_id == self.story.pool_id)


@pytest.fixture
def desk(make):
    made = Desk(make)
    made.cash_serves()
    made.choose()
    made.identify()
    with clock.moved_to(made.row.due_at + timedelta(hours=1)):
        yield made


@pytest.fixture
def at_the_desk(desk):
    desk.release()
    desk.hand_over()
    return desk


def test_cash_only_where_the_table_says_and_only_on_arrival(make):
    desk = Desk(make)
    assert {desk.story.payment(p).rail for p in desk.payments.values()} == {"transfer"}
    before = desk.row.due_at
    with pytest.raises(RuleBroken, match="rail.not_served"):
        desk.choose()
    with pytest.raises(NotAllowed):
        rails.set_place(desk.country, CASH, True, clock.today(), "Nobody", desk.keeper)
    place = desk.cash_serves()
    with pytest.raises(RuleBroken, match="rail.stands"):
        desk.cash_serves(False)
    for role in ("approving_officer", "requesting_officer", "bank_signatory", "fund_manager"):
        with pytest.raises(NotAllowed):
            rails.choose(desk.payee, CASH, desk.story.officer(role), desk.story.version(Payee, desk.payee))
    service.request(desk.advance, desk.story.officer("requesting_officer"), desk.row.version)
    with pytest.raises(Stale):
        rails.choose(desk.payee, CASH, desk.keeper, desk.story.version(Payee, desk.payee) + 1)
    desk.choose()
    assert (desk.row.state, desk.row.round, desk.row.rail) == ("draft", 2, CASH), "what was signed begins anew"
    assert desk.row.due_at >= before, "no bank takes its time"
    assert {desk.story.payment(desk.payments[k]).rail for k in ("ticket", "final")} == {"transfer"}
    with pytest.raises(DBAPIError):
        command(lambda: db.session.execute(sa.update(Disbursement).where(Disbursement.id == desk.ticket)
                                           .values(rail=CASH)))()
    with pytest.raises(RuleBroken, match="rail.same"):
        desk.choose()
    desk.identify()
    rails.withdraw_place(place, desk.story.officer("fund_manager"))
    with pytest.raises(RuleBroken, match="rail.not_served"):
        service.request(desk.advance, desk.story.officer("requesting_officer"), desk.row.version)
    desk.choose("transfer")
    rails.set_place("KE", "transfer", False, clock.today(), "Bank's notice", desk.story.officer("fund_manager"))
    with pytest.raises(RuleBroken, match="rail.not_served"):
        service.request(desk.ticket, desk.story.officer("requesting_officer"),
                        desk.story.payment(desk.ticket).version)
    with pytest.raises(DBAPIError):
        command(lambda: db.session.execute(sa.update(RailPlace).values(serves=True)))()
    db.session.rollback()


def test_paid_by_four_signatures_and_two_counts(desk):
    story = desk.story
    story.ready(desk.advance)
    story.ready(desk.ticket)
    with pytest.raises(RuleBroken, match="release.two_rails"):
        story.release(desk.advance, desk.ticket)
    stops.stop(story.officer("bank_signatory"), "For the test.")
    with pytest.raises(RuleBroken):
        story.release(desk.advance)
    db.session.rollback()


def test_the_list_and_the_count(desk):
    story = desk.story
    with pytest.raises(IllegalMove):  # nothing before four have signed
        desk.hand_out()
    desk.release()
    held = db.session.get_one(PaymentInstruction, desk.list)
    content = release_service.content_of(held)
    assert held.rail == CASH and held.number.startswith("CASH-") and proves(content, held.public_key)
    assert b"Given Family0" in content and b"GB33" not in content, "a name, and no bank data"
    with pytest.raises(IllegalMove):  # the paymaster does not have the list yet
        desk.hand_out()
    desk.hand_over()
    officer = story.officer("requesting_officer")
    for say in (lambda v: answer_service.confirm(desk.advance, "FT1", officer, v),
                lambda v: answer_service.fail(desk.advance, "other", "FT1", officer, v),
                lambda v: answer_service.came_back(desk.advance, "other", f"{held.number}/1", officer, v),
                lambda v: answer_service.doubt(desk.advance, "other", officer, v)):
        with pytest.raises(RuleBroken, match="answer.cash"):
            say(desk.row.version)
    for actor in (story.officer("bank_signatory"), story.officer("approving_officer"), officer):
        with pytest.raises(NotAllowed):
            desk.hand_out(actor=actor)
    for wrong in ({"passport_seen": False}, {"boarding_pass_seen": False}, {"minor": desk.row.amount_minor + 1}):
        with pytest.raises(RuleBroken):
            desk.hand_out(**wrong)
    seen = desk.row.version
    count = desk.hand_out()
    with pytest.raises(Stale):  # a double click
        cash_service.hand_out(desk.advance, Handed(1, True, True), story.proof(), desk.first, seen)
    with pytest.raises(RuleBroken, match="cash.open"):
        desk.hand_out()
    with pytest.raises(RuleBroken, match="cash.same_person"):
        desk.agree(count, actor=desk.first)
    with pytest.raises(RuleBroken, match="cash.differs"):
        desk.agree(count, minor=5)
    desk.agree(count)
    row = desk.row
    assert (row.state, row.bank_reference, row.short_minor) == ("confirmed", f"{held.number}/1", 0)
    with pytest.raises(Stale):
        cash_service.agree(count, row.amount_minor, desk.second, 1)
    with pytest.raises(IllegalMove):
        desk.agree(count)
    with pytest.raises(IllegalMove):
        desk.hand_out()
    assert db.session.query(Spend).filter_by(subject_id=desk.advance, state="confirmed").count() == 1
    assert desk.figures.spent_direct == row.amount_minor and desk.figures.in_transit == 0
    with pytest.raises(RuleBroken, match="answer.cash"):
        answer_service.reverse(desk.advance, "other", f"{held.number}/1", officer, desk.row.version)
    assert not story.verify()


def test_a_part_is_paid_and_the_rest_planned(at_the_desk):
    desk = at_the_desk
    whole = desk.row.amount_minor
    wrong = desk.hand_out(10_000)
    cash_service.take_back(wrong, desk.first, 1)
    with pytest.raises(Stale):
        cash_service.agree(wrong, 10_000, desk.second, 1)
    with pytest.raises(IllegalMove):
        desk.agree(wrong)
    desk.agree(desk.hand_out(30_000), minor=30_000)
    assert (desk.row.state, desk.row.short_minor) == ("confirmed", whole - 30_000)
    rest = db.session.query(Disbursement).filter_by(follows_id=desk.advance).one()
    assert (rest.state, rest.rail, rest.amount_minor) == ("draft", CASH, whole - 30_000)
    assert not desk.story.verify()


def test_what_is_not_paid_is_reserved_again(at_the_desk):
    desk = at_the_desk
    before = desk.figures.reserved
    count = cash_service.not_paid(desk.advance, "not_arrived", "The flight was cancelled.", desk.first,
                                  desk.row.version)
    with pytest.raises(RuleBroken, match="cash.same_person"):
        desk.agree(count, actor=desk.first)
    desk.agree(count)
    assert desk.row.state == "returned" and desk.figures.in_transit == 0
    assert desk.figures.reserved > before and desk.figures.spent_direct == 0
    assert not desk.story.verify()
    release_service.plan_again(desk.advance, desk.story.officer("requesting_officer"), desk.row.version)
    assert (desk.row.state, desk.row.round, desk.row.rail) == ("draft", 2, CASH)
    with clock.moved_to(desk.row.due_at + timedelta(hours=1)):
        desk.release()
        desk.hand_over()
        desk.agree(desk.hand_out())
    assert desk.row.state == "confirmed" and not desk.story.verify()


def test_the_database_holds_two_others(at_the_desk):
    desk, story = at_the_desk, at_the_desk.story
    row = desk.row
    ids = {role: story.officer(role).person_id for role in ("approving_officer", "bank_signatory")}

    def count(**values):
        return command(lambda: db.session.execute(sa.insert(CashCount).values(**{
            "id": new_id(), "version": 1, "disbursement_id": row.id, "round": row.round, "outcome": "returned",
            "state": "counted", "receipt": "X", "paid_minor": 0, "back_minor": row.amount_minor, "reason": "other",
            "passport_seen": False, "boarding_pass_seen": False, "counted_by": desk.first.person_id,
            "counted_at": clock.now(), **values})))

    for wrong in ({"counted_by": ids["approving_officer"]}, {"counted_by": ids["bank_signatory"]},
                  {"counted_by": story.focal_point().person_id}, {"round": row.round + 1}, {"back_minor": 1},
                  {"outcome": "confirmed", "paid_minor": row.amount_minor, "back_minor": 0},
                  {"state": "agreed", "second_by": desk.second.person_id, "second_minor": row.amount_minor}):
        with pytest.raises(DBAPIError):
            count(**wrong)()
    made = desk.hand_out()
    for who in (desk.first.person_id, *ids.values(), story.focal_point().person_id):
        with pytest.raises(DBAPIError):
            command(lambda who=who: db.session.execute(sa.update(CashCount).where(CashCount.id == made).values(
                state="agreed", second_by=who, second_minor=row.amount_minor, second_at=clock.now())))()
    with pytest.raises(DBAPIError):
        command(lambda: db.session.execute(sa.update(CashCount).where(CashCount.id == made).values(
            state="agreed", second_by=desk.second.person_id, second_minor=1, second_at=clock.now())))()

    def confirmed():  # the bank's word alone does not confirm cash
        answer = new_id()
        db.session.add(BankAnswer(
            id=answer, disbursement_id=row.id, round=row.round, answer="confirmed", bank_reference="FT9",
            day=clock.today(), paid_minor=row.amount_minor, by_person=desk.first.person_id, at=clock.now()))
        db.session.flush()
        db.session.execute(sa.update(Disbursement).where(Disbursement.id == row.id).values(
            state="confirmed", answer_id=answer, bank_reference="FT9", settled_at=clock.now()))

    with pytest.raises(DBAPIError):
        command(confirmed)()
    db.session.rollback()


def test_a_stop_holds_cash_in_hand_but_no_record_of_what_happened(at_the_desk):
    """Under a stop nothing is handed over; what was handed over all the same is recorded with a reason, told at once,
    and counted by a second person as ever. What comes back is never held."""
    desk, head = at_the_desk, at_the_desk.story.officer("head_of_fund")
    stops.stop(head, "A list names a wrong person.")
    told = {m.to_address for m in db.session.query(OutboxMail).filter_by(kind="release-stop")}
    assert db.session.get_one(Person, desk.first.person_id).email in told, "a paymaster has money in hand"
    assert cash_queries.in_hand() == (1, desk.row.amount_minor)
    with pytest.raises(RuleBroken, match="release.stopped"):
        desk.hand_out()
    # with the command's own check gone, the database asks for what stood against it
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cash_service, "refuse_if_stopped", lambda: None)
        with pytest.raises(DBAPIError, match="cash_count_not_while_stopped"):
            desk.hand_out()
    count = desk.hand_out_anyway()
    row = db.session.get_one(CashCount, count)
    assert (row.state, row.despite, row.paid_minor) == ("counted", "release.stopped", desk.row.amount_minor)
    alarm = {m.to_address for m in db.session.query(OutboxMail).filter_by(kind="cash-despite")}
    assert desk.story.people["head_of_fund"].email in alarm
    assert cash_queries.count_row(count).words == "The money was in her hand already."
    desk.agree(count)
    assert desk.row.state == "confirmed" and not desk.story.verify()


def test_cash_comes_back_under_a_stop(at_the_desk):
    """Not handing it over is what a stop wants."""
    desk = at_the_desk
    stops.stop(desk.story.officer("head_of_fund"), "A list names a wrong person.")
    count = cash_service.not_paid(desk.advance, "stopped", "All releases are stopped.", desk.first, desk.row.version)
    desk.agree(count)
    assert desk.row.state == "returned" and not desk.story.verify()


def test_what_was_handed_over_to_a_payee_who_may_not_be_paid_is_recorded(at_the_desk):
    desk = at_the_desk
    place = db.session.query(RailPlace.id).filter_by(rail=CASH).scalar()
    rails.withdraw_place(place, desk.story.officer("fund_manager"))
    with pytest.raises(RuleBroken) as caught:
        desk.hand_out()
    with pytest.raises(RuleBroken, match="cash.why"):
        desk.hand_out_anyway("")
    count = desk.hand_out_anyway()
    assert db.session.get_one(CashCount, count).despite == caught.value.code


@pytest.mark.pages
def test_the_pages_from_the_rail_to_the_receipt(make, as_person):
    """Chosen, released, handed over, paid and counted again, through the pages; then the lists and the receipt."""
    desk = Desk(make)
    story = desk.story
    fund, keeper = as_person(story.people["fund_manager"]), as_person(story.people["payee_data_officer"])
    assert "everything is transferred" in fund.get("/travel/places").text
    answer = fund.post("/travel/places/rails", data={
        "rail-country": desk.country.lower(), "rail-rail": CASH, "rail-serves": "yes", "rail-source": "Letter",
        "rail-valid_from": clock.today().isoformat()})
    assert answer.status_code == 303 and "Cash from the paymaster" in fund.get("/travel/places").text
    assert "Cash from the paymaster" in keeper.get(f"/payees/{desk.payee}/rail").text
    answer = keeper.post(f"/payees/{desk.payee}/rail",
                         data={"rail": CASH, "version": story.version(Payee, desk.payee)})
    assert answer.status_code == 303 and "Cash from the paymaster" in keeper.get(f"/payees/{desk.payee}").text
    desk.identify()
    one, two = (as_person(db.session.get_one(Person, actor.person_id)) for actor in (desk.first, desk.second))
    with clock.moved_to(desk.row.due_at + timedelta(hours=1)):
        desk.release()
        signatory = as_person(story.people["bank_signatory"])
        assert "Confirm that the paymaster has it" in signatory.get(f"/disbursements/instructions/{desk.list}").text
        assert "list and the cash" in signatory.get(f"/disbursements/instructions/{desk.list}/hand-over").text
        desk.hand_over()
        shown = one.get("/paymaster/").text
        assert "Given Family0" in shown and "Passport, number ends in AB12" in shown
        assert "Hand the cash over" in one.get("/desk").text
        page = f"/paymaster/payments/{desk.advance}/pay"
        assert one.get(page).status_code == 200
        body = {"passport": "y", "boarding_pass": "y", "amount": f"{desk.row.amount_minor / 100:.2f}",
                "version": desk.row.version}
        refused = one.post(f"{page}/check", data={"amount": "1.00", "version": desk.row.version}, check=False)
        assert refused.status_code == 422 and "See the paper first" in refused.text
        refused = one.post(f"{page}/check", data={**body, "amount": "99999.00"}, check=False)
        assert refused.status_code == 422 and "at most what the list says" in refused.text
        assert one.post(f"{page}/check", data={**body, "version": desk.row.version + 1}, check=False).status_code == 409
        assert one.get(f"{page}/check").status_code == 303
        checked = one.post(f"{page}/check", data={**body, "amount": "1.00"}, check=False)
        assert checked.status_code == 200 and "that stay with you" in checked.text
        assert "cannot be undone" in checked.text and "Choose a file" not in checked.text
        assert 'name="amount" value="1.00"' in checked.text
        assert not db.session.query(CashCount).count(), "a check writes nothing"
        assert "Choose a file" in one.post(page, data=body, check=False).text
        before = one.get(f"/paymaster/payments/{desk.advance}/receipt.pdf")
        assert before.data.startswith(b"%PDF")
        answer = one.post(page, data={**body, "receipt": (io.BytesIO(PDF), "signed.pdf")})
        assert answer.status_code == 303
        count = db.session.query(CashCount.id).filter_by(state="counted").scalar()
        assert "another person must count" in one.get("/paymaster/").text
        own = one.post(f"/paymaster/counts/{count}/agree", data={"amount": body["amount"], "version": 1}, check=False)
        assert own.status_code == 422
        agreed = two.get(f"/paymaster/counts/{count}/agree")
        assert agreed.status_code == 200 and body["amount"] not in agreed.text, "the second counts unprompted"
        with two.get(f"/paymaster/counts/{count}/signed") as signed:
            assert signed.data == PDF
        answer = two.post(f"/paymaster/counts/{count}/agree", data={"amount": body["amount"], "version": 1})
        assert answer.status_code == 303 and desk.row.state == "confirmed"
        after = one.get(f"/paymaster/payments/{desk.advance}/receipt.pdf")
        assert after.data.startswith(b"%PDF") and after.data != before.data
        listed = two.get("/paymaster/?format=csv").text
        assert "Given Family0" in listed and "Paid" in listed
        assert two.get("/paymaster/?format=xlsx&outcome=returned").data.startswith(b"PK")
        officer = as_person(story.people["requesting_officer"])
        assert "Receipt for cash" in officer.get(f"/disbursements/{desk.advance}").text
        assert "Paid and not paid" in officer.get("/paymaster/").text


@pytest.mark.pages
def test_the_pages_under_a_stop(at_the_desk, as_person):
    """The page says it on top and offers no handing over; what left already is recorded over the same check page."""
    desk = at_the_desk
    one = as_person(db.session.get_one(Person, desk.first.person_id))
    stops.stop(desk.story.officer("head_of_fund"), "A list names a wrong person.")
    shown = one.get("/paymaster/").text
    assert "hand no cash over" in shown and "Hand the cash over" not in shown and "It left already" in shown
    assert "Hand no cash over until two people restart" in one.get("/desk").text
    head = as_person(desk.story.people["head_of_fund"])
    assert "is in a paymaster’s hand" in head.get("/disbursements/stop").text
    page = f"/paymaster/payments/{desk.advance}/pay"
    assert "Hand nothing over now" in one.get(page).text
    body = {"passport": "y", "boarding_pass": "y", "amount": f"{desk.row.amount_minor / 100:.2f}",
            "version": desk.row.version}
    refused = one.post(f"{page}/check", data=body, check=False)
    assert refused.status_code == 422 and "how it came to it" in refused.text
    answer = one.post(page, data={**body, "receipt": (io.BytesIO(PDF), "signed.pdf")}, check=False)
    assert answer.status_code == 422 and not db.session.query(CashCount).count(), "the check page is not passed over"
    body["happened"] = "She had signed when the mail came."
    checked = one.post(f"{page}/check", data=body, check=False).text
    assert "Officers are told at once" in checked and "She had signed when the mail came." in checked
    answer = one.post(page, data={**body, "receipt": (io.BytesIO(PDF), "signed.pdf")})
    assert answer.status_code == 303
    two = as_person(db.session.get_one(Person, desk.second.person_id))
    count = db.session.query(CashCount.id).scalar()
    assert "She had signed when the mail came." in two.get(f"/paymaster/counts/{count}/agree").text
