"""Alternates: designated by name, office, days and amount; they sign under their own name, never twice in one chain."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from accounts import designations
from accounts.designation_models import Designation
from accounts.designations import Wish
from accounts.permissions import allows
from accounts.service import grant
from core import clock, jobs
from core.actor import person, system
from core.db import db, new_id
from core.errors import NotAllowed, RuleBroken
from core.events import Event
from core.outbox import OutboxMail
from sponsorship.awards.approvals import Approval, signatures
from sponsorship.disbursements import release_service, service
from tests.support.award_story import AwardStory


@pytest.fixture
def story(make):
    return AwardStory(make)


def wish(story, alternate, role="approving_officer", days=10, limit=None, start=0):
    first = clock.today() + timedelta(days=start)
    return Wish(story.people[role].id, role, alternate.id, first, first + timedelta(days=days), limit)


def designate(story, alternate, *args, **kwargs):
    return designations.designate(story.officer("head_of_fund"), wish(story, alternate, *args, **kwargs))


def refused(code, run):
    with pytest.raises(RuleBroken) as caught:
        run()
    assert caught.value.code == code


def test_an_alternate_acts_for_the_holder_and_only_so_far(story, make):
    stand_in = make.person("organiser", name="Stand In")
    actor = person(stand_in.id)
    award = story.accepted()
    payments = story.payments(award)
    story.give_bank_data(award)
    assert not allows(actor, "disbursement.approve")
    key = designate(story, stand_in, limit=story.terminal)
    assert allows(actor, "disbursement.approve") and allows(actor, "award.view_all")
    assert not allows(actor, "release.stop") and not allows(actor, "contribution.accept")
    for kind in ("ticket", "terminal"):
        service.request(payments[kind], story.officer("requesting_officer"), story.payment(payments[kind]).version)
        service.certify(payments[kind], story.officer("certifying_officer"), story.payment(payments[kind]).version)
    refused("designation.limit", lambda: service.approve(payments["ticket"], actor,
                                                         story.payment(payments["ticket"]).version))
    service.approve(payments["terminal"], actor, story.payment(payments["terminal"]).version)
    last = signatures("disbursement", payments["terminal"], 1)[-1]
    holder = story.people["approving_officer"].id
    assert (last.step, last.person_id, last.for_id) == ("disbursement.approved", stand_in.id, holder)
    told = db.session.query(Event).filter_by(tag="disbursements.disbursement.approve").one()
    assert (told.actor_id, told.data["for"], told.data["designation"]) == (stand_in.id, str(holder), str(key))
    # revoked, over, or the holder's role ended: no authority is left
    designations.revoke(story.officer("approving_officer"), key)
    assert not allows(actor, "disbursement.approve")
    again = designate(story, stand_in, days=3)
    with clock.moved_to(clock.now() + timedelta(days=3)):
        assert not allows(actor, "disbursement.approve")
    assert allows(actor, "disbursement.approve") and again
    story.people["approving_officer"].active = False
    db.session.commit()
    assert not allows(actor, "disbursement.approve")
    kinds = db.session.query(OutboxMail).filter_by(kind="designation").count()
    assert kinds == 6  # two persons, two designations and a revocation
    assert not story.verify()


def test_one_person_signs_once_whether_as_holder_or_alternate(story, make):
    both = story.people["certifying_officer"]
    designate(story, both)
    award = story.accepted()
    ticket = story.payments(award)["ticket"]
    story.give_bank_data(award)
    service.request(ticket, story.officer("requesting_officer"), 1)
    service.certify(ticket, person(both.id), story.payment(ticket).version)
    refused("approval.same_person", lambda: service.approve(ticket, person(both.id), story.payment(ticket).version))
    service.approve(ticket, story.officer("approving_officer"), story.payment(ticket).version)
    assert signatures("disbursement", ticket, 1)[1].for_id is None  # an own role is used before a designation


def test_who_may_not_be_designated(story, make):
    head, stand_in = story.officer("head_of_fund"), make.person("organiser")
    with pytest.raises(NotAllowed):
        designations.designate(story.officer("fund_manager"), wish(story, stand_in))
    for code, asked in (
        ("designation.oneself", wish(story, story.people["head_of_fund"])),
        ("designation.oneself", wish(story, story.people["approving_officer"])),
        ("designation.auditor", wish(story, story.people["auditor"])),
        ("designation.outside", wish(story, story.focal[0])),
        ("designation.separate_hands", wish(story, story.people["bank_signatory"])),
        ("designation.separate_hands", wish(story, story.people["payee_data_officer"])),
        ("designation.too_long", wish(story, stand_in, days=400)),
        ("designation.past", wish(story, stand_in, days=5, start=-5)),
        ("designation.role", Wish(story.people["payee_data_officer"].id, "payee_data_officer", stand_in.id,
                                  clock.today(), clock.today() + timedelta(days=2))),
        ("designation.holder", Wish(story.people["auditor"].id, "approving_officer", stand_in.id, clock.today(),
                                    clock.today() + timedelta(days=2))),
    ):
        refused(code, lambda asked=asked: designations.designate(head, asked))
    # the other way round: who acts as an approving officer is given no role that excludes it, nor a second designation
    designate(story, stand_in)
    refused("designation.separate_hands", lambda: designate(story, stand_in, "bank_signatory"))
    with pytest.raises(RuleBroken):
        grant(system("tests"), stand_in.id, make.secretariat(), "bank_signatory")
    # an alternate of the head designates nobody
    second = make.person("organiser")
    designate_head = Wish(story.people["head_of_fund"].id, "head_of_fund", second.id, clock.today(),
                          clock.today() + timedelta(days=2))
    designations.designate(head, designate_head)
    assert allows(person(second.id), "award.decide") and not allows(person(second.id), "alternate.designate")


def test_the_database_holds_designations(story, make):
    stand_in, other = make.person("organiser"), make.person("organiser")
    key = designate(story, stand_in, limit=story.terminal)
    award = story.accepted()
    payments = story.payments(award)
    story.give_bank_data(award)
    for kind in ("ticket", "terminal"):
        service.request(payments[kind], story.officer("requesting_officer"), 1)
        service.certify(payments[kind], story.officer("certifying_officer"), story.payment(payments[kind]).version)
    table, signed = Designation.__table__, Approval.__table__

    def signature(subject, who, **more):
        return sa.insert(signed).values(**{
            "id": new_id(), "subject_type": "disbursement", "subject_id": subject, "round": 1,
            "step": "disbursement.approved", "person_id": who.id, "at": clock.now(), "recorded_at": clock.real_now(),
            "designation_id": key, **more})

    base = {"id": new_id(), "holder_id": story.people["approving_officer"].id, "role": "approving_officer",
            "alternate_id": other.id, "valid_from": clock.today(), "valid_to": clock.today() + timedelta(days=1),
            "designated_by": story.people["head_of_fund"].id, "designated_at": clock.real_now()}
    tries = [
        (signature(payments["ticket"], stand_in), "approval_as_alternate"),  # above the limit
        (signature(payments["terminal"], other), "approval_as_alternate"),
        (signature(payments["terminal"], stand_in, at=clock.now() + timedelta(days=30)), "approval_as_alternate"),
        (sa.update(table).where(table.c.id == key).values(limit_minor=None), "append-only"),
        (sa.delete(table), "append-only"),
        (sa.insert(table).values(**{**base, "designated_by": other.id}), "another_person"),
        (sa.insert(table).values(**{**base, "alternate_id": story.people["bank_signatory"].id}),
         "designation_separate_hands"),
        (sa.insert(table).values(**{**base, "role": "bank_signatory"}), "designation_of_a_holder"),
        (sa.insert(table).values(**{**base, "valid_to": clock.today()}), "dates_in_order"),
    ]
    for statement, rule in tries:
        with pytest.raises(DBAPIError) as caught, db.session.begin_nested():
            db.session.execute(statement)
        assert rule in str(caught.value.orig), (rule, str(caught.value.orig))
    with db.session.begin_nested() as saved:
        db.session.execute(signature(payments["terminal"], stand_in))
        saved.rollback()
    designations.revoke(story.officer("head_of_fund"), key)
    with pytest.raises(DBAPIError) as caught, db.session.begin_nested():
        db.session.execute(signature(payments["terminal"], stand_in))
    assert "approval_as_alternate" in str(caught.value.orig)


def test_escalation_to_alternates_then_the_head(story, make):
    stand_in = make.person("organiser")
    designations.designate(story.officer("head_of_fund"), wish(story, stand_in, "requesting_officer", days=180))
    designations.designate(story.officer("head_of_fund"), wish(story, stand_in, "certifying_officer", days=180))
    awards = story.decide()
    now = clock.now()
    with clock.moved_to(now + timedelta(days=3, hours=1)):
        assert [jobs.run(n).done for n in ("obligations-chase", "obligations-chase", "obligations-head")] == [1, 0, 0]
    officers = {story.people["certifying_officer"].email, stand_in.email}
    assert {m.to_address for m in db.session.query(OutboxMail).filter_by(kind="obligation-waits")} == officers
    with clock.moved_to(now + timedelta(days=5, hours=1)):
        assert [jobs.run(n).done for n in ("obligations-chase", "obligations-head", "obligations-head")] == [0, 1, 0]
    head = story.people["head_of_fund"].email
    assert [m.to_address for m in db.session.query(OutboxMail).filter_by(kind="obligation-overdue")] == [head]
    story.offer(awards[0])
    story.accept(awards[0])
    ticket = story.payments(awards[0])["ticket"]
    story.give_bank_data(awards[0])
    by = story.payment(ticket).request_by
    with clock.moved_to(by + timedelta(hours=1)):
        assert jobs.run("disbursements-escalate").done >= 1 and jobs.run("disbursements-head").done == 0
    told = {m.to_address for m in db.session.query(OutboxMail).filter_by(kind="disbursement-overdue")}
    assert told == {story.people["requesting_officer"].email, stand_in.email}
    with clock.moved_to(by + timedelta(days=1, hours=1)):
        assert jobs.run("disbursements-head").done == 1 and jobs.run("disbursements-head").done == 0
    assert head in {m.to_address for m in db.session.query(OutboxMail).filter_by(kind="disbursement-overdue-head")}
    assert story.payment(ticket).state == "draft" and not signatures("disbursement", ticket, 1)


@pytest.mark.pages
def test_pages_of_alternates(story, make, as_person):
    stand_in = make.person("organiser", name="Stand In Person")
    head, admin = as_person(story.people["head_of_fund"]), as_person(make.person("administrator"))
    values = {"office": f"{story.people['approving_officer'].id}:approving_officer", "alternate_id": str(stand_in.id),
              "valid_from": clock.today().isoformat(), "last_day": (clock.today() + timedelta(days=6)).isoformat(),
              "limit": "1,500.00"}
    assert head.get("/accounts/alternates/new").status_code == 200
    assert admin.get("/accounts/alternates/new", check=False).status_code == 403
    wrong = head.submit("/accounts/alternates/new", {**values, "last_day": "2001-01-01"})
    assert wrong.status_code == 422 and "1,500.00" in wrong.get_data(as_text=True)
    page = head.submit("/accounts/alternates/new", values).get_data(as_text=True)
    assert "Check the designation" in page and "Stand In Person" in page and "USD 1,500.00" in page
    assert db.session.query(Designation).count() == 0
    back = head.submit("/accounts/alternates/new", {**values, "step": "back"}).get_data(as_text=True)
    assert "Designate an alternate" in back and "1,500.00" in back
    assert head.submit("/accounts/alternates/save", values).status_code == 303
    row = db.session.query(Designation).one()
    assert (row.limit_minor, row.valid_to - row.valid_from) == (150_000, timedelta(days=7))
    assert "Stand In Person" in admin.get("/accounts/alternates/").get_data(as_text=True)
    assert b"Stand In Person" in admin.get("/accounts/alternates/?format=csv").data
    assert "You act for" in as_person(stand_in).get("/accounts/me").get_data(as_text=True)
    holder = as_person(story.people["approving_officer"])
    assert "acts for you" in holder.get("/accounts/me").get_data(as_text=True)
    assert as_person(stand_in).get(f"/accounts/alternates/{row.id}/revoke", check=False).status_code == 403
    # the alternate sees the office's work and is asked for the second factor like its holder
    assert as_person(stand_in, fresh=False).get("/disbursements/").status_code == 200
    assert holder.submit(f"/accounts/alternates/{row.id}/revoke").status_code == 303
    assert as_person(stand_in).get("/disbursements/", check=False).status_code == 403


def test_an_alternate_of_the_signatory_releases_under_the_own_name(story, make):
    stand_in = make.person("organiser", name="Stand In")
    designate(story, stand_in, "bank_signatory", days=180, limit=story.terminal)
    award = story.accepted()
    payments = story.payments(award)
    story.give_bank_data(award)
    with clock.moved_to(story.payment(payments["terminal"]).due_at + timedelta(hours=1)):
        for kind in ("ticket", "terminal"):
            story.ready(payments[kind])
        versions = {payments[kind]: story.payment(payments[kind]).version for kind in ("ticket", "terminal")}
        refused("designation.limit", lambda: release_service.release(versions, person(stand_in.id)))
        assert story.payment(payments["terminal"]).state == "ready"  # all or none
        release_service.release({payments["terminal"]: versions[payments["terminal"]]}, person(stand_in.id))
    last = signatures("disbursement", payments["terminal"], 1)[-1]
    assert (last.person_id, last.for_id) == (stand_in.id, story.people["bank_signatory"].id)
    told = db.session.query(Event).filter_by(tag="disbursements.disbursement.release").one()
    assert told.data["for"] == str(story.people["bank_signatory"].id)
    assert not story.verify()
