"""A second approving officer, by dated rules of amount, kind and pool; and many payments approved at once."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from core import clock
from core.actor import person
from core.db import db, new_id
from core.errors import NotAllowed, RuleBroken, Stale
from core.events import Event
from sponsorship.awards.approvals import Approval, signatures
from sponsorship.disbursements import rules, service
from sponsorship.disbursements.models import Disbursement
from sponsorship.disbursements.rule_models import ApprovalRule
from sponsorship.ledger import service as ledger
from tests.support.award_story import AwardStory


@pytest.fixture
def story(make):
    return AwardStory(make)


def rule(story, amount, kind=None, pool=None, start=0, agree=True):
    key = rules.propose(story.officer("fund_manager"), kind=kind, pool_id=pool, from_minor=amount,
                        valid_from=clock.today() + timedelta(days=start))
    if agree:
        rules.decide(story.officer("head_of_fund"), key, 1, True)
    return key


def certified(story, *kinds):
    award = story.accepted()
    payments = story.payments(award)
    story.give_bank_data(award)
    for kind in kinds or ("ticket", "dsa_advance", "terminal"):  # the final share waits for the claim
        service.request(payments[kind], story.officer("requesting_officer"), 1)
        service.certify(payments[kind], story.officer("certifying_officer"), story.payment(payments[kind]).version)
    return payments


def test_rules_by_amount_kind_and_pool(story):
    elsewhere = ledger.open_pool("elsewhere", "Elsewhere", is_demo=True)
    by_amount = rule(story, story.ticket)
    rule(story, 1, pool=elsewhere)
    rule(story, 1, start=5)
    rule(story, 1, agree=False)
    refused = rule(story, 1, agree=False)
    rules.decide(story.officer("head_of_fund"), refused, 1, False)
    by_pool = rule(story, story.terminal + 1, kind="terminal", pool=story.pool_id)
    by_kind = rule(story, 0, kind="dsa_advance", pool=story.pool_id)
    payments = certified(story)
    asked = {kind: story.payment(key).second_rule_id for kind, key in payments.items()}
    assert asked == {"ticket": by_amount, "dsa_advance": by_kind, "terminal": None, "final": None}
    assert by_pool not in asked.values()
    told = {e.subject_id: e.data.get("second_rule")
            for e in db.session.query(Event).filter_by(tag="disbursements.disbursement.certify")}
    assert told[payments["ticket"]] == str(by_amount) and told[payments["terminal"]] is None
    assert not story.verify()


def test_two_approving_officers_then_the_bank(story, make):
    rule(story, story.ticket)
    second = person(make.person("approving_officer", name="Second Officer").id)
    ticket = certified(story, "ticket")["ticket"]
    first = story.officer("approving_officer")
    assert service.approve(ticket, first, story.payment(ticket).version) == "approve_first"
    assert story.payment(ticket).state == "certified"
    with pytest.raises(RuleBroken) as caught:
        service.approve(ticket, first, story.payment(ticket).version)
    assert caught.value.code == "approval.same_person"
    with pytest.raises(Stale):
        service.approve(ticket, second, story.payment(ticket).version - 1)
    # the database, past the command: neither approved nor a rule forgotten
    table = Disbursement.__table__
    for values, name in (({"state": "approved"}, "disbursement_second_signed"),
                         ({"second_rule_id": None}, "disbursement_second_is_fixed")):
        with pytest.raises(DBAPIError) as raised, db.session.begin_nested():
            db.session.execute(sa.update(table).where(table.c.id == ticket).values(**values))
        assert name in str(raised.value.orig)
    assert service.approve(ticket, second, story.payment(ticket).version) == "approve"
    assert [s.step.partition(".")[2] for s in signatures("disbursement", ticket, 1)] == [
        "requested", "certified", "approved", "approved_second"]
    with clock.moved_to(story.payment(ticket).due_at + timedelta(hours=1)):
        assert service.make_ready(ticket, clock.now())
        story.release(ticket)
    assert len({s.person_id for s in signatures("disbursement", ticket, 1)}) == 5
    assert not story.verify()


def test_sent_back_after_the_first_begins_anew(story):
    key = rule(story, story.ticket)
    ticket = certified(story, "ticket")["ticket"]
    service.approve(ticket, story.officer("approving_officer"), story.payment(ticket).version)
    service.send_back(ticket, story.officer("approving_officer"), story.payment(ticket).version, "other", "No.")
    assert (story.payment(ticket).second_rule_id, story.payment(ticket).round) == (None, 2)
    # ended by two meanwhile: the new round needs one approving officer
    with pytest.raises(NotAllowed):
        rules.ask_end(story.officer("head_of_fund"), key, 2, clock.today())
    rules.ask_end(story.officer("fund_manager"), key, 2, clock.today())
    assert rules.rule_for(story.payment(ticket)) == key
    rules.decide_end(story.officer("head_of_fund"), key, 3, True)
    story.sign_three(ticket)
    assert story.payment(ticket).state == "approved"
    assert not story.verify()


def test_the_database_holds_the_rules(story):
    key = rule(story, story.ticket)
    waiting = rule(story, 5, agree=False)
    award = story.accepted()
    ticket = story.payments(award)["ticket"]
    story.give_bank_data(award)
    service.request(ticket, story.officer("requesting_officer"), 1)
    db.session.execute(sa.insert(Approval.__table__).values(
        id=new_id(), subject_type="disbursement", subject_id=ticket, round=1, step="disbursement.certified",
        person_id=story.people["certifying_officer"].id, at=clock.now(), recorded_at=clock.real_now()))
    table, payments = ApprovalRule.__table__, Disbursement.__table__
    manager, head = story.people["fund_manager"].id, story.people["head_of_fund"].id
    now, today = clock.now(), clock.today()

    def change(which, **values):
        return sa.update(table).where(table.c.id == which).values(**values)

    tries = [
        (sa.update(payments).where(payments.c.id == ticket).values(state="certified"), "disbursement_rule_is_kept"),
        (change(waiting, decided_by=manager, decided_at=now, agreed=True), "agreed_by_another"),
        (change(key, agreed=False), "approval_rule_decided_once"),
        (change(key, from_minor=999_999_999), "append-only"),
        (change(key, valid_to=today), "ended_whole"),
        (change(key, valid_to=today, end_on=today, end_asked_by=manager, end_agreed_by=head),
         "approval_rule_end_asked_before"),
        (sa.delete(table), "append-only"),
        (sa.insert(table).values(id=new_id(), from_minor=1, valid_from=today, proposed_by=manager, proposed_at=now,
                                 decided_by=head, decided_at=now, agreed=True, version=1),
         "approval_rule_starts_undecided"),
    ]
    for statement, name in tries:
        with pytest.raises(DBAPIError) as caught, db.session.begin_nested():
            db.session.execute(statement)
        assert name in str(caught.value.orig), (name, str(caught.value.orig))
    with pytest.raises(RuleBroken) as caught:
        rules.propose(story.officer("fund_manager"), kind=None, pool_id=None, from_minor=1,
                      valid_from=today - timedelta(days=1))
    assert caught.value.code == "approval_rule.past"


@pytest.mark.pages
def test_pages_of_rules(story, make, as_person):
    manager, head = as_person(story.people["fund_manager"]), as_person(story.people["head_of_fund"])
    values = {"amount": "1,000.00", "kind": "ticket", "pool": str(story.pool_id),
              "valid_from": clock.today().isoformat()}
    address = "/disbursements/approval-rules"
    assert manager.submit(address, {**values, "amount": "much"}).status_code == 422
    assert manager.submit(address, values).status_code == 303
    row = db.session.query(ApprovalRule).one()
    assert "Agree to the rule" in head.get("/desk").get_data(as_text=True)
    assert "proposes a rule" in head.get(address).get_data(as_text=True)
    assert manager.submit(f"{address}/{row.id}/agree", {"version": 1}, check=False).status_code == 403
    assert head.submit(f"{address}/{row.id}/agree", {"version": 1}).status_code == 303
    ticket = certified(story, "ticket")["ticket"]
    page = as_person(story.people["auditor"]).get(f"/disbursements/{ticket}").get_data(as_text=True)
    assert "two: a rule asked for it" in page
    officer = as_person(story.people["approving_officer"])
    answer = officer.submit(f"/disbursements/{ticket}/approve", {"version": story.payment(ticket).version},
                            follow_redirects=True)
    assert "A second approving officer is next" in answer.get_data(as_text=True)
    assert story.payment(ticket).reference not in officer.get("/desk").get_data(as_text=True)
    other = as_person(make.person("approving_officer"))
    assert story.payment(ticket).reference in other.get("/desk").get_data(as_text=True)
    assert manager.get(f"{address}/{row.id}/end").status_code == 200
    assert manager.submit(f"{address}/{row.id}/end", {"version": 2, "end_on": "2001-01-01"}).status_code == 422
    assert manager.submit(f"{address}/{row.id}/end",
                          {"version": 2, "end_on": clock.today().isoformat()}).status_code == 303
    assert "Keep the rule" in head.get(address).get_data(as_text=True)
    head.submit(f"{address}/{row.id}/keep", {"version": 3})
    assert "Holds" in head.get(address).get_data(as_text=True)
    assert b"1000.00" in head.get(f"{address}?format=csv").data.replace(b",", b"")


# --- many at once -----------------------------------------------------------------------------------------------
def test_many_at_once_each_with_its_own_result(story, as_person, queries):
    rule(story, story.ticket)
    payments = certified(story)
    officer = as_person(story.people["approving_officer"])
    versions = {kind: story.payment(key).version for kind, key in payments.items()}
    page = officer.get("/disbursements/approve").get_data(as_text=True)
    references = {kind: story.payment(key).reference for kind, key in payments.items()}
    assert all((r in page) == (kind != "final") for kind, r in references.items())
    assert "Names agree" in page and "first of two" in page
    chosen = [f"{payments[k]}:{versions[k]}" for k in ("ticket", "terminal", "dsa_advance")]
    assert officer.submit("/disbursements/approve/check", {}).status_code == 422
    check = officer.submit("/disbursements/approve/check", {"payments": chosen}).get_data(as_text=True)
    # the second button takes every line that was listed, and only those
    everything = officer.submit("/disbursements/approve/check", {"all": "1", "payments": chosen[:1], "listed": chosen})
    assert "Approve 3 payments" in everything.get_data(as_text=True)
    assert officer.submit("/disbursements/approve/check", {"payments": chosen[:1], "listed": chosen}).text.count(
        'name="payments"') == 1
    assert officer.get("/disbursements/approve/check").location.endswith("/disbursements/approve")
    assert "Approve 3 payments" in check and references["final"] not in check
    assert {story.payment(k).state for k in payments.values()} == {"certified", "draft"}, "checking signs nothing"
    # one is sent back meanwhile: that line says why and stays, the others go through
    service.send_back(payments["dsa_advance"], story.officer("approving_officer"), versions["dsa_advance"], "other",
                      "Wait.")
    done = officer.submit("/disbursements/approve", {"payments": chosen})
    text = done.get_data(as_text=True)
    assert done.status_code == 200 and "2 payments are approved" in text and "1 payment stays" in text
    assert "Someone has changed it" in text and "a second officer is next" in text
    states = {kind: story.payment(key).state for kind, key in payments.items()}
    assert states == {"ticket": "certified", "terminal": "approved", "final": "draft", "dsa_advance": "draft"}
    # sent again by a double click: the same answer, nothing signed twice
    again = officer.submit("/disbursements/approve", {"payments": chosen}).get_data(as_text=True)
    assert again.count("You have approved it already") == 2 and "1 payment stays" in again
    assert db.session.query(Approval).filter_by(step="disbursement.approved").count() == 2
    left = officer.submit("/disbursements/approve/check", {"payments": chosen}).get_data(as_text=True)
    assert "None of them can be approved now" in left and "3 payments were left out" in left
    # a fixed number of queries, and nothing for who may not approve
    queries.clear()
    officer.get("/disbursements/approve")
    assert len(queries) < 30, len(queries)
    assert as_person(story.people["certifying_officer"]).submit(
        "/disbursements/approve", {"payments": chosen}, check=False).status_code == 403
    assert not story.verify()
