"""Attacks on the way from call to confirmed payment; each one succeeded once."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from accounts import designations, second_factor
from accounts.designations import Wish
from core import clock, jobs
from core.actor import person
from core.db import db, new_id
from core.errors import RuleBroken
from sponsorship.applications import nominee_service, substitution_service
from sponsorship.applications.models import Application, Nominee
from sponsorship.applications.paper_models import NomineeLink
from sponsorship.awards.approvals import Approval, signatures
from sponsorship.disbursements import (
    answer_service,
    claim_recovery,
    claim_service,
    names,
    payee_service,
    rules,
    service,
)
from sponsorship.disbursements.answer_service import BankFigures
from sponsorship.disbursements.claim_models import Claim, Recovery
from sponsorship.disbursements.models import Disbursement, Payee
from sponsorship.disbursements.payee_service import BankData
from sponsorship.ledger import service as ledger
from sponsorship.ledger.service import open_pool
from tests.integration.test_claims import home
from tests.support.award_story import IBAN, TESTS, AwardStory
from tests.support.people import app_code


@pytest.fixture
def story(make):
    return AwardStory(make)


def refused(code, run):
    with pytest.raises(RuleBroken) as caught:
        run()
    assert caught.value.code == code


def test_one_office_is_not_two_signatures(story, make):
    """Where two approving officers are asked for, one of them and an alternate for that one are still one."""
    key = rules.propose(story.officer("fund_manager"), kind=None, pool_id=None, from_minor=story.terminal,
                        valid_from=clock.today())
    rules.decide(story.officer("head_of_fund"), key, 1, True)
    holder, other = story.people["approving_officer"], make.person("approving_officer", name="Other Officer")
    stand_in, again = make.person("organiser", name="Stand In"), make.person("organiser", name="Second Stand In")
    until = clock.today() + timedelta(days=9)
    mine = {}
    for who, of in ((stand_in, holder), (again, holder), (again, other)):
        mine[who.id, of.id] = designations.designate(story.officer("head_of_fund"), Wish(
            of.id, "approving_officer", who.id, clock.today(), until))
    payments = story.payments(story.accepted())
    story.give_bank_data(story.payment(payments["ticket"]).award_id)
    for kind in ("ticket", "terminal"):
        service.request(payments[kind], story.officer("requesting_officer"), 1)
        service.certify(payments[kind], story.officer("certifying_officer"), 2)
    ticket, terminal = payments["ticket"], payments["terminal"]
    approve = lambda key, who: service.approve(key, person(who.id), story.payment(key).version)  # noqa: E731
    assert approve(ticket, holder) == "approve_first"
    refused("approval.same_office", lambda: approve(ticket, stand_in))
    assert approve(terminal, stand_in) == "approve_first"
    refused("approval.same_office", lambda: approve(terminal, holder))
    # the database says so too, whatever the command forgot
    for subject, who, under in ((ticket, stand_in, mine[stand_in.id, holder.id]), (terminal, holder, None),
                                (terminal, again, mine[again.id, holder.id])):
        with pytest.raises(DBAPIError) as raised, db.session.begin_nested():
            db.session.execute(sa.insert(Approval).values(
                id=new_id(), subject_type="disbursement", subject_id=subject, round=1, person_id=who.id,
                step="disbursement.approved_second", at=clock.now(), recorded_at=clock.now(), designation_id=under))
        assert "approval_one_per_holder" in str(raised.value.orig)
    db.session.rollback()
    # whoever stands in for several acts for one who has not signed
    assert approve(ticket, again) == "approve"
    assert [s.for_id for s in signatures("disbursement", ticket, 1)][2:] == [None, other.id]
    assert approve(terminal, other) == "approve"
    assert not story.verify()


def test_money_comes_back_from_payments_paid_in_part(story):
    """A payment of which the bank paid a part gives back that part; the rest comes from the others."""
    award = story.accepted()
    payments = story.payments(award)
    story.give_bank_data(award)
    officer = story.officer("requesting_officer")
    with clock.moved_to(story.payment(payments["terminal"]).due_at + timedelta(days=1)):
        for kind, figures in (("dsa_advance", BankFigures()), ("terminal", BankFigures(paid_minor=5_000))):
            story.ready(payments[kind])
            story.release(payments[kind])
            answer_service.confirm(payments[kind], f"B-{kind}", officer,
                                   story.version(Disbursement, payments[kind]), figures=figures)
    with home(story, award):
        claim_service.open_claim(award, clock.now())
        claim = db.session.query(Claim).filter_by(award_id=award).one()
        claim_service.no_show(claim.id, officer, claim.version, "ill", "Did not travel.")
        recovery = db.session.query(Recovery).filter_by(award_id=award).one()
        assert recovery.amount_minor == 5_000 + story.payment(payments["dsa_advance"]).amount_minor
        claim_recovery.record(recovery.id, 6_000, " BACK  1", clock.today(), officer, 1)
        refused("recovery.reference", lambda: claim_recovery.record(
            recovery.id, 1, "BACK 1", clock.today(), officer, 2))
        claim_recovery.record(recovery.id, recovery.amount_minor - 6_000, "BACK 2", clock.today(), officer, 2)
    assert db.session.get(Recovery, recovery.id).state == "recovered"
    assert not story.verify()


def other(email):
    return {"family_name": "Else", "given_names": "Somebody", "function": "Adviser", "ministry": "Interior",
            "email": email, "birth_date": date(1981, 1, 2), "sex": "female"}


def test_nobody_takes_the_place_of_who_has_travelled(story):
    """Once the award was closed, or ended after money had left, the file is that person's."""
    award = story.accepted()
    payments = story.payments(award)
    with clock.moved_to(datetime.combine(story.award(award).travel_from, time(20), UTC)):
        story.paid(award, "ticket")
    with home(story, award):
        claim_service.open_claim(award, clock.now())
        claim = db.session.query(Claim).filter_by(award_id=award).one()
        claim_service.no_show(claim.id, story.officer("requesting_officer"), 1, "ill", "Did not travel.")
        jobs.run("awards-close")
        assert story.award(award).state == "closed" and story.payment(payments["ticket"]).state == "settled"
        refused("nominee.money_under_way", lambda: substitution_service.substitute(
            story.applications[0], story.nominees[0], other("else@state.example"), "",
            story.version(Application, story.applications[0]), story.focal_point()))


def told_by_link(story, **values):
    """What the nominee of the first place answers by a personal link."""
    token, now = f"{new_id().hex}{new_id().hex}", clock.real_now()
    for old in db.session.query(NomineeLink).filter_by(nominee_id=story.nominees[0], revoked_at=None):
        old.revoked_at = now
    db.session.flush()
    db.session.add(NomineeLink(nominee_id=story.nominees[0], token_hash=nominee_service.digest(token),
                               sent_by=story.focal[0].id, sent_at=now, expires_at=now + timedelta(days=9)))
    db.session.commit()
    stands = {"family_name": "Family0", "given_names": "Given", "sex": "female", "departure_city": "Capital"}
    return nominee_service.answer(token, {**stands, **values}, story.version(Nominee, story.nominees[0]))


def test_a_correction_is_no_substitution(make):
    """Behind the checks of bank data, earmark and Consolidated List nobody becomes somebody else by the own link."""
    women = open_pool(f"women{new_id().hex[:8]}", "Women", earmark={"sex": "female"}, is_demo=True)
    ledger.receive(women, ledger.Intake(1_000_000), source=("test", women), key=f"test:{women}", actor=TESTS)
    story = AwardStory(make, states=1, recommended=1, money=0, pools=(women,))
    [award] = story.decide()
    assert told_by_link(story, family_name="Family-Zero") == ["family_name"], "a mistake is put right"
    story.offer(award)
    refused("nominee.earmark", lambda: told_by_link(story, family_name="Family-Zero", sex="male"))
    db.session.rollback()
    story.accept(award)
    story.give_bank_data(award)
    refused("nominee.money_under_way", lambda: told_by_link(story, family_name="Else", given_names="Somebody"))
    db.session.rollback()
    assert told_by_link(story, family_name="Family-Zero", departure_city="Port", passport_number="X1") == [
        "departure_city"]
    assert not story.verify()


def test_nobody_takes_two_places_of_one_application(make):
    story = AwardStory(make, nominees=2)
    refused("nominees.twice", lambda: substitution_service.substitute(
        story.applications[0], story.nominees[0], other("Nominee0-2@state.example"), "",
        story.version(Application, story.applications[0]), story.focal_point()))


def test_a_device_is_not_replaced_without_it(make, as_person):
    """Not even by somebody whose roles ask for none today: tomorrow's alternate has a device, too."""
    who = make.person("bank_signatory")
    as_person(who)
    db.session.execute(sa.text("UPDATE membership SET valid_to = valid_from WHERE person_id = :p"),
                       {"p": str(who.id) if db.engine.dialect.name == "postgresql" else who.id.hex})
    db.session.commit()
    assert not second_factor.must_prove(person(who.id))
    factor = second_factor.live_factor(who.id).id
    thief = as_person(who, fresh=False)
    for act in ("replace", "recovery-codes"):
        answer = thief.submit(f"/accounts/second-factor/{act}")
        assert "Confirm that it is you" in answer.get_data(as_text=True)
    assert second_factor.live_factor(who.id).id == factor
    code = app_code(who)
    assert thief.submit("/accounts/second-factor/replace", {"second_factor": code}).status_code == 303
    assert second_factor.live_factor(who.id).id != factor


def test_the_page_that_asks_leads_nowhere_else(make, as_person):
    story = AwardStory(make)
    client = as_person(story.people["head_of_fund"], fresh=False)
    asked = client.post(f"/sponsorship/calls/{story.call_id}/decision", data={"version": "1", "csrf_token": "old"},
                        headers={"Referer": "http://localhost//elsewhere.example/desk"})
    page = asked.get_data(as_text=True)
    assert "Confirm that it is you" in page and "elsewhere.example" not in page and 'value="old"' not in page


@pytest.mark.parametrize("holder", ["Maria \u202eoiraM", "Maria\u2028total,1", "Ma\u200bria", "Maria\x85x",
                                    "=cmd()", "Maria\r\ntotal"])
def test_a_name_that_reads_otherwise_than_it_looks_reaches_no_bank(story, holder):
    award = story.accepted()
    payee = db.session.query(Payee.id).filter_by(award_id=award).scalar()
    refused("payee.name", lambda: payee_service.enter(
        payee, BankData(holder, "State Bank", "KE", IBAN, ""), story.focal_point(), 1, story.proof()))


def test_a_letter_of_another_alphabet_hides_nobody():
    """The mission writes both names; a Cyrillic o in both agreed with itself and with no list."""
    listed = names.sounds("Nobody Whosoever Anywhere")
    for written in ("N\u043ebody Whosoever", "NOBOD\u0423 Wh\u03bfsoever", "No\u00adb\u200cody Whosoever"):
        assert names.alike(names.sounds(written), listed), ascii(written)
    assert names.compare("N\u043ebody Whosoever", "Nobody Whosoever") == names.ORDER
    assert names.plain("Владимир Ивано\u0432") == "владимир иванов", "a whole word of another alphabet stays its own"
