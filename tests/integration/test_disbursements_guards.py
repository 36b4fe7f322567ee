"""The database itself refuses: raw statements past every service, on both engines."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from core import clock
from core.db import db, new_id
from sponsorship.awards.approvals import Approval
from sponsorship.awards.models import Award
from sponsorship.disbursements.models import Disbursement, Payee, PaymentInstruction, PaymentLine
from sponsorship.disbursements.transitions import BACK, LEFT
from tests.support.award_story import AwardStory

pytestmark = pytest.mark.real_database
APPROVAL, AWARD, PAYMENT = Approval.__table__, Award.__table__, Disbursement.__table__


@pytest.fixture
def story(make):
    return AwardStory(make)


@contextmanager
def refused(*names: str):
    """The statement inside is refused by a rule of one of these names (SQLite names columns of a unique rule)."""
    with pytest.raises(DBAPIError) as caught:
        yield
        db.session.commit()
    db.session.rollback()
    assert any(name in str(caught.value.orig) for name in names), str(caught.value.orig)


def insert_signature(step: str, subject: uuid.UUID, person: uuid.UUID, round_: int = 1) -> None:
    db.session.execute(sa.insert(APPROVAL).values(
        id=new_id(), subject_type=step.partition(".")[0], subject_id=subject, round=round_, step=step,
        person_id=person, at=clock.now(), recorded_at=clock.real_now()))


def set_state(table: sa.Table, key: uuid.UUID, state: str, **more: object) -> None:
    db.session.execute(sa.update(table).where(table.c.id == key).values(state=state, **more))


@pytest.fixture
def signed(story):
    """A ticket signed by three, its date come, not released."""
    award = story.accepted()
    ticket = story.payments(award)["ticket"]
    story.give_bank_data(award)
    with clock.moved_to(story.payment(ticket).due_at + timedelta(hours=1)):
        story.ready(ticket)
        yield ticket


@pytest.mark.parametrize("role", ["requesting_officer", "certifying_officer", "approving_officer"])
def test_no_fourth_signature_by_a_person_who_signed(story, signed, role):
    with refused("uq_approval_one_per_person", "approval.person_id"):
        insert_signature("disbursement.released", signed, story.people[role].id)


def test_no_step_twice_in_a_round(story, signed, make):
    with refused("uq_approval_one_per_step", "approval.step"):
        insert_signature("disbursement.approved", signed, make.person("approving_officer").id)


@pytest.mark.parametrize("step", ["certified", "approved", "released"])
def test_no_step_before_the_one_before(story, step):
    award = story.accepted()
    ticket = story.payments(award)["ticket"]
    if step == "released":
        insert_signature("disbursement.requested", ticket, story.people["requesting_officer"].id)
        insert_signature("disbursement.certified", ticket, story.people["certifying_officer"].id)
        db.session.commit()
    with refused("approval_in_order"):
        insert_signature(f"disbursement.{step}", ticket, story.people["bank_signatory"].id)
    # signatures of an earlier round do not count for this one
    with refused("approval_in_order"):
        insert_signature(f"disbursement.{step}", ticket, story.people["bank_signatory"].id, 2)


@pytest.mark.parametrize("step", ["certified", "approved"])
def test_no_step_of_an_obligation_before_the_one_before(story, step):
    award = story.decide()[0]
    signer = story.people["approving_officer"].id
    if step == "approved":
        with refused("approval_in_order"):
            insert_signature("award.approved", award, signer)
    else:
        with refused("approval_in_order"):
            insert_signature("award.certified", new_id(), signer)


def test_a_step_belongs_to_its_kind_of_subject(story):
    award = story.decide()[0]
    with refused("ck_approval_step_of_subject"):
        db.session.execute(sa.insert(APPROVAL).values(
            id=new_id(), subject_type="award", subject_id=award, round=1, step="disbursement.requested",
            person_id=story.people["auditor"].id, at=clock.now(), recorded_at=clock.real_now()))


@pytest.mark.parametrize(("state", "needs"), [("requested", 0), ("certified", 1), ("approved", 2), ("ready", 2),
                                              *((state, 3) for state in (*LEFT, *BACK))])
def test_no_state_without_its_signatures(story, state, needs):
    """With one signature fewer than the state needs; so above all no release without three approvals and a fourth."""
    award = story.accepted()
    ticket = story.payments(award)["ticket"]
    for step, role in (("requested", "requesting_officer"), ("certified", "certifying_officer"),
                       ("approved", "approving_officer"))[:needs]:
        insert_signature(f"disbursement.{step}", ticket, story.people[role].id)
    db.session.commit()
    # (some meet another guard first: unsigned, a payment stands in no instruction, has no answer, is unchecked)
    with refused("disbursement_state_is_signed", "disbursement_released_is_instructed",
                 "disbursement_answer_is_the_banks", "disbursement_payee_is_checked",
                 "disbursement_settled_was_confirmed", "disbursement_payee_has_given"):
        set_state(PAYMENT, ticket, state, payee_data_version=1)


def test_no_release_without_an_instruction_that_holds_it(story, signed):
    insert_signature("disbursement.released", signed, story.people["bank_signatory"].id)
    db.session.commit()
    with refused("disbursement_released_is_instructed"):
        set_state(PAYMENT, signed, "released", released_at=clock.now())


def test_no_line_in_an_instruction_without_the_release_signed(story, signed):
    from sponsorship.ledger.models import Spend

    instruction = PaymentInstruction(
        number="PAY-TEST", content_sealed="x", size=1, sha256="0" * 64, signature="0" * 128, public_key="0" * 64,
        currency="USD", total_minor=1, lines=1, created_at=clock.now(), recorded_at=clock.real_now(),
        released_by=story.people["bank_signatory"].id)
    db.session.add(instruction)
    db.session.commit()
    with refused("payment_line_is_released"):
        db.session.execute(sa.insert(PaymentLine.__table__).values(
            id=new_id(), instruction_id=instruction.id, n=1, disbursement_id=signed, round=1, amount_minor=1,
            spend_id=db.session.scalar(sa.select(Spend.id)) or new_id()))


def test_a_payment_stands_in_one_instruction_once_and_nothing_is_rewritten(story, signed):
    instruction = story.release(signed)
    line = db.session.query(PaymentLine).one()
    with refused("uq_payment_line_once", "payment_line.disbursement_id", "uq_payment_line_spend_id",
                 "payment_line.spend_id"):
        db.session.execute(sa.insert(PaymentLine.__table__).values(
            id=new_id(), instruction_id=instruction, n=2, disbursement_id=signed, round=1,
            amount_minor=line.amount_minor, spend_id=line.spend_id))
    for statement in (
        sa.update(PaymentInstruction).values(content_sealed="other"), sa.delete(PaymentInstruction),
        sa.update(PaymentLine).values(amount_minor=1), sa.delete(PaymentLine), sa.delete(Approval),
        sa.update(Approval).values(person_id=story.people["auditor"].id),
    ):
        with refused("is append-only"):
            db.session.execute(statement)
    for table in ("approval", "payment_line"):
        statement = (f"TRUNCATE {table} CASCADE" if db.engine.dialect.name == "postgresql"
                     else f"INSERT OR REPLACE INTO {table} SELECT * FROM {table} LIMIT 1")
        with refused("is append-only"):
            db.session.execute(sa.text(statement))


@pytest.mark.parametrize("who", ["beneficiary", "entered", "verified"])
@pytest.mark.parametrize("step", ["requested", "certified", "approved", "released"])
def test_whoever_benefits_never_signs(story, make, who, step):
    """The nominee and whoever gave the bank data sign no step; whoever verified it neither approves nor releases."""
    nominee = make.person("certifying_officer", email="nominee0-1@state.example")
    award = story.accepted()
    ticket = story.payments(award)["ticket"]
    story.give_bank_data(award)
    before = ("requested", "certified", "approved", "released")
    for earlier in before[:before.index(step)]:
        insert_signature(f"disbursement.{earlier}", ticket, make.person().id)
    db.session.commit()
    person = {"beneficiary": nominee.id, "entered": story.focal[0].id,
              "verified": story.people["payee_data_officer"].id}[who]
    if who == "verified" and step in ("requested", "certified"):
        insert_signature(f"disbursement.{step}", ticket, person)
        db.session.commit()
    else:
        with refused("approval_not_by_payee"):
            insert_signature(f"disbursement.{step}", ticket, person)


def test_the_nominee_signs_no_obligation(story, make):
    nominee = make.person("certifying_officer", email="nominee0-1@state.example")
    award = story.decide()[0]
    with refused("approval_not_by_payee"):
        insert_signature("award.certified", award, nominee.id)


@pytest.mark.parametrize("state", ["certified", "offered", "accepted", "closed"])
def test_no_award_moves_on_unsigned(story, state):
    award = story.decide()[0]
    more = {"offered_at": clock.now(), "offer_expires_at": clock.now() + timedelta(days=1), "answered_at": clock.now()}
    with refused("award_state_is_signed"):
        set_state(AWARD, award, state, **more)


def test_no_award_is_born_selected(story):
    award = story.award(story.decide()[1])
    values = {c.name: getattr(award, c.name) for c in AWARD.columns}
    values.update(id=new_id(), reference="AWD-X", state="selected", position=9)
    with refused("award_starts_at_start"):
        db.session.execute(sa.insert(AWARD).values(values))
    # nor twice for one nominee
    with refused("uq_award_live_nominee", "award.nominee_id"):
        db.session.execute(sa.insert(AWARD).values({**values, "state": "reserve"}))


def test_no_obligation_without_reserved_money(story):
    award = story.decide()[0]
    insert_signature("award.certified", award, story.people["certifying_officer"].id)
    db.session.commit()
    with refused("ck_award_obligation_has_money"):
        set_state(AWARD, award, "certified")


def test_what_was_signed_does_not_change(story, signed):
    for values in ({"amount_minor": 1}, {"payee_data_version": 2}, {"kind": "terminal"}):
        with refused("disbursement_signed_is_fixed"):
            db.session.execute(sa.update(PAYMENT).where(PAYMENT.c.id == signed).values(**values))


def test_rules_of_the_row(story, signed):
    for values, names in (
        ({"state": "flown"}, ("fk_disbursement_state", "FOREIGN KEY")),
        ({"amount_minor": 0}, ("ck_disbursement_amount_positive", "disbursement_signed_is_fixed")),
        ({"released_at": clock.now() - timedelta(days=400)}, ("ck_disbursement_not_before_its_date",)),
        ({"request_by": clock.now() + timedelta(days=4000)}, ("ck_disbursement_dates_in_order",)),
    ):
        with refused(*names):
            db.session.execute(sa.update(PAYMENT).where(PAYMENT.c.id == signed).values(**values))
    payee = db.session.query(Payee).one()
    with refused("ck_payee_verified_by_another"):
        db.session.execute(sa.update(Payee).values(verified_by=payee.entered_by))
    with refused("ck_payee_verified_has_name"):
        db.session.execute(sa.update(Payee).values(verified_by=None))


def test_one_place_is_filled_once(story):
    first, second, third = story.decide()
    db.session.execute(sa.update(AWARD).where(AWARD.c.id == second).values(replaces_id=first))
    db.session.commit()
    with refused("uq_award_replaces_id", "award.replaces_id"):
        db.session.execute(sa.update(AWARD).where(AWARD.c.id == third).values(replaces_id=first))
