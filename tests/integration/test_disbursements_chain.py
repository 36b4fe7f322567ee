"""Payments from plan to confirmation, through the commands."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core import clock, jobs
from core.actor import person
from core.db import db
from core.errors import IllegalMove, NotAllowed, NotFound, RuleBroken, Stale
from core.events import Event
from core.outbox import OutboxMail
from sponsorship.awards import answer_service
from sponsorship.awards.approvals import signatures
from sponsorship.disbursements import payee_service, release_service, service
from sponsorship.disbursements.instruction import verify
from sponsorship.disbursements.models import Disbursement, Payee, PaymentInstruction
from sponsorship.disbursements.payee_service import BankData
from sponsorship.ledger.queries import pool_figures
from tests.support.award_story import IBAN, AwardStory


@pytest.fixture
def story(make):
    return AwardStory(make)


def figures(story):
    return next(f for f in pool_figures() if f.pool_id == story.pool_id)


def mails(kind: str) -> list[OutboxMail]:
    return db.session.query(OutboxMail).filter_by(kind=kind).all()


def due(story, payment_id):
    return clock.moved_to(story.payment(payment_id).due_at + timedelta(hours=1))


def test_acceptance_plans_the_payments(story):
    award = story.accepted()
    payments = story.payments(award)
    assert set(payments) == {"ticket", "dsa_advance", "terminal", "final"}
    rows = [story.payment(p) for p in payments.values()]
    assert sum(r.amount_minor for r in rows) == story.each
    assert story.payment(payments["ticket"]).due_at.date() <= story.award(award).travel_from - timedelta(days=16)
    assert all(r.state == "draft" and r.act_by == (None if r.kind == "final" else r.request_by) for r in rows)
    assert [m.to_address for m in mails("payee-wanted")] == [story.focal[0].email]
    assert not story.verify()


def test_a_payment_needs_verified_bank_data(story):
    award = story.accepted()
    ticket = story.payments(award)["ticket"]
    with pytest.raises(RuleBroken) as caught:
        service.request(ticket, story.officer("requesting_officer"), story.payment(ticket).version)
    assert caught.value.code == "disbursement.payee"


def test_four_people_then_the_bank(story):
    award = story.accepted()
    payments = story.payments(award)
    ticket, terminal = payments["ticket"], payments["terminal"]
    story.give_bank_data(award)
    before = figures(story)
    story.sign_three(ticket)
    with due(story, terminal):
        story.sign_three(terminal)
        assert jobs.run("disbursements-ready").done == 2
        assert jobs.run("disbursements-ready").done == 0
        instruction = story.release(ticket, terminal)
        paid = story.ticket + story.terminal
        support = paid * 1300 // 10000
        now = figures(story)
        assert now.spent_direct - before.spent_direct == paid and now.in_transit == paid
        assert now.spent_support - before.spent_support == support
        assert before.reserved - now.reserved == paid + support
        assert [s.step for s in signatures("disbursement", ticket, 1)] == [
            "disbursement.requested", "disbursement.certified", "disbursement.approved", "disbursement.released"]
        assert len({s.person_id for s in signatures("disbursement", ticket, 1)}) == 4
        row = db.session.get(PaymentInstruction, instruction)
        name, content = release_service.download(instruction, story.officer("bank_signatory"))
        again = release_service.download(instruction, story.officer("bank_signatory"))
        assert again == (name, content) and verify(content, row.public_key)
        assert IBAN.encode() in content and IBAN not in row.content_sealed
        downloads = db.session.query(Event).filter_by(tag="disbursements.instruction.download").count()
        assert downloads == 2
        officer = story.officer("requesting_officer")
        release_service.confirm(ticket, "FT123", officer, story.payment(ticket).version, bank_fee_minor=1500)
        release_service.confirm(terminal, "FT124", officer, story.payment(terminal).version)
        settled = figures(story)
        assert settled.in_transit == 0 and settled.fees - before.fees == 1500
    assert story.payment(ticket).state == "confirmed"
    assert not story.verify()


def test_nobody_signs_a_payment_twice(story, make):
    award = story.accepted()
    ticket = story.payments(award)["ticket"]
    story.give_bank_data(award)
    both = person(make.person("requesting_officer", "certifying_officer", "approving_officer").id)
    service.request(ticket, both, story.payment(ticket).version)
    with pytest.raises(RuleBroken) as caught:
        service.certify(ticket, both, story.payment(ticket).version)
    assert caught.value.code == "approval.same_person"
    service.certify(ticket, story.officer("certifying_officer"), story.payment(ticket).version)
    with pytest.raises(RuleBroken):
        service.approve(ticket, both, story.payment(ticket).version)


def test_wrong_role_wrong_order_wrong_version(story):
    award = story.accepted()
    ticket = story.payments(award)["ticket"]
    story.give_bank_data(award)
    with pytest.raises(NotAllowed):
        service.request(ticket, story.officer("bank_signatory"), 1)
    with pytest.raises(IllegalMove):
        service.approve(ticket, story.officer("approving_officer"), 1)
    with pytest.raises(IllegalMove):
        story.release(ticket)
    with pytest.raises(Stale):
        service.request(ticket, story.officer("requesting_officer"), 9)


def test_nothing_leaves_before_its_date(story):
    award = story.accepted()
    ticket = story.payments(award)["ticket"]
    story.give_bank_data(award)
    story.sign_three(ticket)
    assert jobs.run("disbursements-ready").done == 0
    with pytest.raises(IllegalMove):
        story.release(ticket)
    assert not service.make_ready(ticket, clock.now())


def test_sent_back_begins_a_new_round(story):
    award = story.accepted()
    ticket = story.payments(award)["ticket"]
    story.give_bank_data(award)
    service.request(ticket, story.officer("requesting_officer"), story.payment(ticket).version)
    service.send_back(ticket, story.officer("certifying_officer"), story.payment(ticket).version, "amount_wrong",
                      "Fare has fallen.")
    row = story.payment(ticket)
    assert (row.state, row.round, row.payee_data_version) == ("draft", 2, None)
    story.sign_three(ticket)
    assert len(signatures("disbursement", ticket, 2)) == 3
    with due(story, ticket):
        service.make_ready(ticket, clock.now())
        service.send_back(ticket, story.officer("bank_signatory"), story.payment(ticket).version, "other", "Not now.")
    assert story.payment(ticket).round == 3
    assert not story.verify()


def test_changed_bank_data_stops_every_signed_payment(story):
    award = story.accepted()
    payments = story.payments(award)
    payee = story.give_bank_data(award)
    story.sign_three(payments["ticket"])
    service.request(payments["terminal"], story.officer("requesting_officer"), 1)
    payee_service.enter(payee, BankData("Given Family0", "Other Bank", "KE", "DE89370400440532013000", ""),
                        story.focal_point(), story.version(Payee, payee))
    for kind in ("ticket", "terminal"):
        assert (story.payment(payments[kind]).state, story.payment(payments[kind]).round) == ("draft", 2)
    assert story.payment(payments["final"]).round == 1
    assert db.session.get(Payee, payee).verified_by is None
    with pytest.raises(RuleBroken):
        service.request(payments["ticket"], story.officer("requesting_officer"),
                        story.payment(payments["ticket"]).version)
    assert len(mails("payee-changed")) == 1
    assert not story.verify()


def test_bank_data_is_verified_by_another(story, make):
    from accounts.service import grant
    from core.actor import system

    award = story.accepted()
    payee = story.give_bank_data(award)
    payee_service.enter(payee, BankData("Given Family0", "Other Bank", "KE", IBAN, ""), story.focal_point(),
                        story.version(Payee, payee))
    grant(system("tests"), story.focal[0].id, make.secretariat(), "payee_data_officer",
          valid_from=clock.today() - timedelta(days=1))
    with pytest.raises(RuleBroken) as caught:
        payee_service.verify(payee, story.focal_point(), story.version(Payee, payee))
    assert caught.value.code == "payee.same_person"
    with pytest.raises(NotAllowed):
        payee_service.verify(payee, story.officer("approving_officer"), story.version(Payee, payee))
    payee_service.give_back(payee, story.officer("payee_data_officer"), story.version(Payee, payee), "proof_differs",
                            "The proof shows another bank.")
    assert story.version(Payee, payee) and db.session.get(Payee, payee).state == "wanted"


def test_another_states_bank_data_does_not_exist(story):
    award = story.accepted()
    payee = story.give_bank_data(award)
    data = BankData("Thief", "Bank", "KE", "0123456789", "")
    for who in (story.focal_point(1), story.officer("requesting_officer"), story.officer("payee_data_officer")):
        with pytest.raises(NotFound):
            payee_service.enter(payee, data, who, 1)


def test_a_nominee_enters_only_own_data(story, make):
    mine = make.person("nominee", organisation=story.states[0], email="nominee0-1@state.example")
    other = make.person("nominee", organisation=story.states[0])
    award = story.accepted()
    assert story.award(award).beneficiary_id == mine.id
    payee = db.session.query(Payee).filter_by(award_id=award).one()
    data = BankData("Given Family0", "State Bank", "KE", IBAN, "")
    with pytest.raises(NotFound):
        payee_service.enter(payee.id, data, person(other.id), payee.version, story.proof())
    payee_service.enter(payee.id, data, person(mine.id), payee.version, story.proof())
    assert story.version(Payee, payee.id) == 2


@pytest.mark.parametrize(
    ("change", "field"),
    [({"account": "GB33BUKB20201555555556"}, "account"), ({"account": "12;34"}, "account"),
     ({"account": "1"}, "account"),
     ({"bic": "SHORT"}, "bic"), ({"holder": "=cmd()"}, "holder"), ({"holder": "x\ny"}, "holder"),
     ({"bank_name": "B"}, "bank_name")],
)
def test_bank_data_no_bank_could_use(story, change, field):
    award = story.accepted()
    payee = db.session.query(Payee).filter_by(award_id=award).one()
    data = BankData(**{"holder": "Given Family0", "bank_name": "State Bank", "bank_country": "KE", "account": IBAN,
                       "bic": "", **change})
    with pytest.raises(RuleBroken) as caught:
        payee_service.enter(payee.id, data, story.focal_point(), payee.version, story.proof())
    assert caught.value.field == field
    assert story.version(Payee, payee.id) == 1


def test_failed_payment_comes_back_and_is_paid_in_a_new_round(story):
    award = story.accepted()
    ticket = story.payments(award)["ticket"]
    story.give_bank_data(award)
    before = figures(story)
    with due(story, ticket):
        story.ready(ticket)
        story.release(ticket)
        officer = story.officer("requesting_officer")
        release_service.fail(ticket, "account_closed", "R01", officer, story.payment(ticket).version)
        assert figures(story) == before
        release_service.plan_again(ticket, officer, story.payment(ticket).version)
        assert (story.payment(ticket).state, story.payment(ticket).round) == ("draft", 2)
        story.ready(ticket)
        story.release(ticket)
        release_service.confirm(ticket, "FT9", officer, story.payment(ticket).version)
    assert db.session.query(PaymentInstruction).count() == 2
    assert not story.verify()


def test_award_given_back_cancels_what_has_not_left(story):
    award = story.accepted()
    payments = story.payments(award)
    story.give_bank_data(award)
    with due(story, payments["ticket"]):
        story.ready(payments["ticket"])
        story.release(payments["ticket"])
        answer_service.give_back(award, story.focal_point(), story.award(award).version)
        states = {kind: story.payment(p).state for kind, p in payments.items()}
        assert states == {"ticket": "released", "dsa_advance": "cancelled", "terminal": "cancelled",
                          "final": "cancelled"}
        assert figures(story).reserved == 0
        assert not story.verify()
        # the bank's answer is still recorded; what comes back is free, not reserved for nobody
        release_service.fail(payments["ticket"], "returned", "R02", story.officer("requesting_officer"),
                             story.payment(payments["ticket"]).version)
        assert story.payment(payments["ticket"]).state == "cancelled"
        assert figures(story).reserved == 0 and figures(story).spent_direct == 0
    assert not story.verify()


def test_release_of_several_is_all_or_none(story):
    award = story.accepted()
    payments = story.payments(award)
    story.give_bank_data(award)
    with due(story, payments["terminal"]):
        story.ready(payments["ticket"])
        with pytest.raises(IllegalMove):
            story.release(payments["ticket"], payments["terminal"])
        assert story.payment(payments["ticket"]).state == "ready"
        assert not db.session.query(PaymentInstruction).count()
        with pytest.raises(RuleBroken) as caught:
            story.release()
        assert caught.value.field == "payments"


def test_reminders_and_escalation_tell_once_and_sign_nothing(story):
    award = story.accepted()
    ticket = story.payments(award)["ticket"]
    story.give_bank_data(award)
    row = story.payment(ticket)
    with clock.moved_to(row.request_by - timedelta(days=1)):
        assert jobs.run("disbursements-remind").done == 1
        assert jobs.run("disbursements-remind").done == 0
    told = {m.to_address for m in mails("disbursement-reminder")}
    assert told == {story.people["requesting_officer"].email}
    with clock.moved_to(row.request_by + timedelta(hours=1)):
        assert jobs.run("disbursements-escalate").done == 1
        assert jobs.run("disbursements-escalate").done == 0
    assert {m.to_address for m in mails("disbursement-overdue")} == {
        story.people["requesting_officer"].email, story.people["head_of_fund"].email}
    assert story.payment(ticket).state == "draft"
    assert not signatures("disbursement", ticket, 1)


def test_award_closes_when_everything_is_paid_and_travelled(story):
    award = story.accepted()
    payments = story.payments(award)
    story.give_bank_data(award)
    with due(story, payments["final"]):
        assert jobs.run("awards-close").done == 0
        with pytest.raises(RuleBroken) as caught:
            story.sign_three(payments["final"])
        assert caught.value.code == "disbursement.claim"
        story.claim(award)
    with due(story, payments["final"]):
        story.sign_three(payments["final"])
        for payment in payments.values():
            if payment != payments["final"]:
                story.sign_three(payment)
            service.make_ready(payment, clock.now())
        story.release(*payments.values())
        for payment in payments.values():
            release_service.confirm(payment, f"FT-{story.payment(payment).kind}", story.officer("requesting_officer"),
                                    story.payment(payment).version)
        assert jobs.run("awards-close").done == 0
        assert jobs.run("disbursements-settle").done == 1
        assert {story.payment(payment).state for payment in payments.values()} == {"settled"}
        assert jobs.run("awards-close").done == 1
    assert story.award(award).state == "closed"
    assert figures(story).reserved == 0
    assert figures(story).spent_direct == story.each
    assert figures(story).spent_support == story.each * 1300 // 10000
    assert not story.verify()


def test_events_and_outbox_hold_no_bank_data(story):
    award = story.accepted()
    ticket = story.payments(award)["ticket"]
    story.give_bank_data(award)
    with due(story, ticket):
        story.ready(ticket)
        story.release(ticket)
    texts = [str(e.data) for e in db.session.query(Event)] + [m.body or "" for m in db.session.query(OutboxMail)]
    assert not [t for t in texts if IBAN in t or "Family0" in t or "State Bank" in t]
    assert not [d for d in db.session.query(Disbursement) if IBAN in str(vars(d))]
