"""The matrix of separate hands: computed from roles and designations, proven from signatures and events."""

from __future__ import annotations

import io
from datetime import timedelta

import openpyxl
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from accounts import designations
from accounts.designations import Wish
from core import clock, events
from core.actor import person, system
from core.db import command, db
from sponsorship.awards.approvals import Approval
from sponsorship.disbursements import service
from sponsorship.transparency import hands
from tests.support.award_story import AwardStory
from tests.support.databases import KIND


@pytest.fixture
def story(make):
    return AwardStory(make)


def test_who_could_and_that_nobody_did(story, make, as_person, queries):
    both = make.person("requesting_officer", "certifying_officer", name="Both Hands")
    stand_in = make.person("requesting_officer", name="Stand In")
    today = clock.today()
    designations.designate(story.officer("head_of_fund"), Wish(
        story.people["approving_officer"].id, "approving_officer", stand_in.id, today, today + timedelta(days=9),
        5_000))
    award = story.accepted()
    ticket = story.payments(award)["ticket"]
    story.give_bank_data(award)
    service.request(ticket, person(both.id), 1)
    service.certify(ticket, story.officer("certifying_officer"), story.payment(ticket).version)
    rows = {row.name: row for row in hands.matrix()}
    assert rows["Both Hands"].status.code == "several" and rows["Bank Signatory"].status.code == "one"
    assert rows["Both Hands"].pairs == [("disbursement", "requesting_officer", "certifying_officer")]
    words = rows["Stand In"].hands["approving_officer"]
    assert "for Approving Officer until" in words and "USD 50.00" in words
    assert "Auditor" not in rows and "Fund Manager" not in rows
    found = {(p.chain, p.one, p.other): p for p in hands.pairs(rows.values())}
    assert found["disbursement", "requesting_officer", "certifying_officer"].holders == 1
    assert found["disbursement", "approving_officer", "bank_signatory"].holders == 0
    assert "on the same days" in found["disbursement", "approving_officer", "bank_signatory"].kept
    assert "Two people count cash" in found["disbursement", "requesting_officer", "paymaster"].kept
    assert {p.status.code for p in found.values()} == {"kept"}
    proof = hands.proof()
    # three awards decided (one selected, two in reserve), one certified and approved; a ticket requested and certified
    assert (proof.signatures, proof.rounds, proof.events, proof.faults) == (7, 4, 7, [])
    for who in ("auditor", "head_of_fund"):
        page = as_person(story.people[who]).get("/audit/separate-hands").get_data(as_text=True)
        assert "Nobody ever signed one chain twice" in page and "Both Hands" in page
    client = as_person(make.person("administrator"))
    queries.clear()
    assert client.get("/audit/separate-hands").status_code == 200
    assert len(queries) < 25, len(queries)
    assert as_person(story.people["fund_manager"]).get("/audit/separate-hands", check=False).status_code == 403
    assert b"Both Hands" in client.get("/audit/separate-hands?format=csv").data
    book = openpyxl.load_workbook(io.BytesIO(client.get("/audit/separate-hands?format=xlsx").data))
    assert book.sheetnames == ["people", "pairs"]
    assert not story.verify()


def test_what_would_be_wrong_is_found(story, make):
    """Past the commands: a signature without authority, and a record that names one person twice."""
    award = story.decide()[0]
    outsider = make.person("organiser")

    @command
    def forge():
        db.session.add(Approval(subject_type="award", subject_id=award, round=1, step="award.certified",
                                person_id=outsider.id, at=clock.now(), recorded_at=clock.real_now()))
        events.record(story.officer("head_of_fund"), "awards.award.certify", "award", award)

    forge()
    @command
    def count_it():
        for tag in ("release", "count_cash"):
            events.record(story.officer("bank_signatory"), f"disbursements.disbursement.{tag}", "disbursement", award)

    count_it()
    faults = hands.proof().faults
    assert any("as signer and counter" in fault for fault in faults)
    faults = [fault for fault in faults if "signer and counter" not in fault]
    assert any("had no authority for award.certified" in fault for fault in faults)
    assert any("twice in one round" in fault for fault in faults)
    assert len(faults) == 2
    assert system("tests")


def test_one_office_is_one_hand(story, make):
    """The holder of a designation signs one step, an alternate for that holder another: the database refuses it; where
    it could not, the matrix, the record and `verify` find it."""
    holder, stand_in = story.people["approving_officer"], make.person("requesting_officer", name="Stand In")
    today = clock.today()
    key = designations.designate(story.officer("head_of_fund"), Wish(
        holder.id, "approving_officer", stand_in.id, today, today + timedelta(days=9), None))
    award = story.accepted()
    ticket, at = story.payments(award)["ticket"], clock.now()
    steps = {"requested": (holder.id, None), "certified": (story.people["certifying_officer"].id, None),
             "approved": (stand_in.id, key)}

    def forge():
        for step, (who, designation) in steps.items():
            db.session.add(Approval(subject_type="disbursement", subject_id=ticket, round=1, person_id=who, at=at,
                                    step=f"disbursement.{step}", recorded_at=clock.real_now(),
                                    designation_id=designation))
            db.session.flush()

    with pytest.raises(DBAPIError, match="approval_one_per_holder"):
        forge()
    db.session.rollback()
    on = " ON approval" if KIND == "postgresql" else ""
    db.session.execute(text(f"DROP TRIGGER approval_one_per_holder{on}"))
    forge()
    pair = frozenset(("requesting_officer", "approving_officer"))
    assert hands._signed_by_one() == {("disbursement", pair): 1}
    events.record(person(holder.id), "disbursements.disbursement.request", "disbursement", ticket)
    events.record(person(stand_in.id), "disbursements.disbursement.approve", "disbursement", ticket,
                  data={"for": str(holder.id)})
    db.session.flush()
    faults = hands.proof().faults
    assert any(f"names {holder.id} twice" in fault for fault in faults)
    assert any("one person or office signed as approving_officer and requesting_officer" in f for f in faults)
    db.session.rollback()  # the trigger is back
    assert not hands._signed_by_one() and not story.verify()
