"""Whom the money reaches: a change alarms the former contact and cools, names that differ need a reason, and a possible
match with the Security Council's list is seen and cleared by two finance officers only."""

from __future__ import annotations

import dataclasses
import io
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from core import clock, jobs, vault
from core.actor import person
from core.db import command, db
from core.errors import IllegalMove, NotAllowed, RuleBroken
from core.events import Event
from core.outbox import OutboxMail
from sponsorship.applications.models import Nominee
from sponsorship.disbursements import payee_service, sanctions_service, service
from sponsorship.disbursements.models import Disbursement, Payee
from sponsorship.disbursements.names import DIFFERS, ORDER, SAME, alike, compare, sounds
from sponsorship.disbursements.payee_service import BankData
from sponsorship.disbursements.sanctions_models import SanctionsMatch
from sponsorship.disbursements.sanctions_reading import Listed, read_list
from tests.support.award_story import IBAN, AwardStory

XML = """<?xml version="1.0" encoding="UTF-8"?>
<CONSOLIDATED_LIST dateGenerated="{day}T08:00:00.123-04:00"><INDIVIDUALS>{persons}</INDIVIDUALS>
<ENTITIES><ENTITY><DATAID>900</DATAID><FIRST_NAME>Given Family0</FIRST_NAME></ENTITY></ENTITIES></CONSOLIDATED_LIST>"""
PERSON = """<INDIVIDUAL><DATAID>6908555</DATAID><VERSIONNUM>1</VERSIONNUM><FIRST_NAME>GIVEN</FIRST_NAME>
<SECOND_NAME>MIDDLE</SECOND_NAME><THIRD_NAME>FAMILY0</THIRD_NAME><UN_LIST_TYPE>Test</UN_LIST_TYPE>
<REFERENCE_NUMBER>QDi.999</REFERENCE_NUMBER><LISTED_ON>2015-02-27</LISTED_ON>
<NAME_ORIGINAL_SCRIPT>مجهول تماما</NAME_ORIGINAL_SCRIPT><NATIONALITY><VALUE>Anywhere</VALUE></NATIONALITY>
<INDIVIDUAL_ALIAS><QUALITY>Good</QUALITY><ALIAS_NAME>Abu Invented</ALIAS_NAME></INDIVIDUAL_ALIAS>
<INDIVIDUAL_ALIAS><QUALITY/><ALIAS_NAME/></INDIVIDUAL_ALIAS>
<INDIVIDUAL_DATE_OF_BIRTH><TYPE_OF_DATE>EXACT</TYPE_OF_DATE><DATE>1970-05-01</DATE></INDIVIDUAL_DATE_OF_BIRTH>
<INDIVIDUAL_DATE_OF_BIRTH><TYPE_OF_DATE>BETWEEN</TYPE_OF_DATE><FROM_YEAR>1973</FROM_YEAR><TO_YEAR>1975</TO_YEAR>
</INDIVIDUAL_DATE_OF_BIRTH></INDIVIDUAL>"""


@pytest.fixture
def story(make):
    return AwardStory(make)


def mails(kind: str) -> set[str]:
    return {m.to_address for m in db.session.query(OutboxMail).filter_by(kind=kind)}


def born(story: AwardStory, award_id, day: str | None) -> None:
    @command
    def write() -> None:
        nominee = db.session.get_one(Nominee, story.award(award_id).nominee_id)
        nominee.birth_date_sealed = vault.seal(nominee.id, day)

    write()


# --- names -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("holder", "nominee", "found"), [
    ("Given Family", "given  FAMILY", SAME), ("Family, Given", "Given Family", ORDER),
    ("Jose Munoz", "José Muñoz", ORDER), ("Müller Straße", "Muller Strasse", ORDER),
    ("Mohamed Ali", "Muhammad Ali", DIFFERS), ("محمد علي", "Muhammad Ali", DIFFERS),
    ("王小明", "Wang Xiaoming", DIFFERS), ("مُحَمَّد علي", "محمد علي", ORDER),
    ("Given", "Given Family", DIFFERS), ("", "Given Family", DIFFERS), (None, None, DIFFERS),
    ("\u202eGiven Family", "Given Family", ORDER),
])
def test_names_are_never_taken_for_the_same_in_silence(holder, nominee, found):
    assert compare(holder, nominee) == found


@pytest.mark.parametrize(("one", "other", "like"), [
    ("Mohammed al-Rashid", "Muhammad Al Rashid", True), ("Abd al-Rahman Said", "Abdulrahman Saeed", True),
    ("Usama Bin Example", "Osama Example", True), ("Qassem Karim Hadi", "Kassim Karim", True),
    ("王小明", "王小明", True), ("محمد علي", "محمّد على", True), ("Juan Perez", "Juana Lopez", False),
    ("Mohammed", "Mohammed Ali Hassan", False), ("", "Anybody", False), ("Lee", "Li", True),
])
def test_names_that_sound_alike(one, other, like):
    assert alike(sounds(one), sounds(other)) is like


def test_a_name_that_differs_is_verified_with_a_reason_only(story, as_person):
    award = story.accepted()
    payee = db.session.query(Payee).filter_by(award_id=award).one().id
    officer = story.officer("payee_data_officer")
    payee_service.enter(payee, BankData("محمد", "State Bank", "KE", IBAN, ""), story.focal_point(), 1, story.proof())
    with pytest.raises(RuleBroken) as caught:
        payee_service.verify(payee, officer, story.version(Payee, payee))
    assert caught.value.code == "payee.name_differs"
    with pytest.raises(DBAPIError, match="payee_verified_by_name"), db.session.begin_nested():
        db.session.execute(sa.update(Payee).values(state="verified", verified_by=officer.person_id))
    client = as_person(story.people["payee_data_officer"])
    page = client.get(f"/payees/{payee}").get_data(as_text=True)
    assert "The names differ" in page and "Verify, with a reason" in page
    data = {"version": story.version(Payee, payee), "reason": "transliteration", "text": ""}
    assert client.submit(f"/payees/{payee}/verify", data).status_code == 422
    assert client.submit(f"/payees/{payee}/verify", {**data, "text": "The passport shows both."}).status_code == 303
    row = db.session.get(Payee, payee, populate_existing=True)
    assert (row.state, row.name_check) == ("verified", "confirmed")
    assert db.session.query(Event).filter_by(tag="disbursements.payee.verify").one().reason == "transliteration"


# --- a change --------------------------------------------------------------------------------------------------------
def test_a_change_alarms_the_former_contact_and_cools(story, make, as_person):
    award = story.accepted()
    payments = story.payments(award)
    payee = story.give_bank_data(award)
    assert db.session.get(Payee, payee).frozen_until is None and not mails("payee-alarm")
    other = make.person("focal_point", organisation=story.states[0], email="other@state.example")
    with clock.moved_to(story.payment(payments["ticket"]).due_at - timedelta(days=1)):
        payee_service.enter(payee, BankData("Given Family0", "Other Bank", "KE", "DE89370400440532013000", ""),
                            person(other.id), story.version(Payee, payee))
        payee_service.verify(payee, story.officer("payee_data_officer"), story.version(Payee, payee))
        # the person who gave the former data, and the nominee: whoever made the change
        assert mails("payee-alarm") == {story.focal[0].email, "nominee0-1@state.example"}
        until = db.session.get(Payee, payee).frozen_until
        assert until == clock.now() + timedelta(days=3)
        story.sign_three(payments["ticket"])
        page = as_person(story.focal[0]).get(f"/payees/{payee}").get_data(as_text=True)
        assert "Nothing is paid before" in page
    with clock.moved_to(story.payment(payments["ticket"]).due_at + timedelta(hours=1)):
        assert service.make_ready(payments["ticket"], clock.now())
        with pytest.raises(RuleBroken) as caught:
            story.release(payments["ticket"])
        assert caught.value.code == "disbursement.cooling" and story.payment(payments["ticket"]).state == "ready"
        signatory = as_person(story.people["bank_signatory"])
        assert "Changed: not before" in signatory.get("/disbursements/release").get_data(as_text=True)
    with clock.moved_to(until + timedelta(minutes=1)):
        story.release(payments["ticket"])
    assert not story.verify()


# --- the list --------------------------------------------------------------------------------------------------------
def test_the_file_is_read_as_published():
    read = read_list(XML.format(day="2026-11-02", persons=PERSON).encode())
    assert read.published_on.isoformat() == "2026-11-02"
    (found,) = read.persons
    assert (found.data_id, found.reference, found.listed_on.isoformat()) == ("6908555", "QDi.999", "2015-02-27")
    assert found.names == ("GIVEN MIDDLE FAMILY0", "مجهول تماما", "Abu Invented")
    assert found.births == ("1970-05-01", "1973-1975")


HOSTILE = {
    "entities": '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><CONSOLIDATED_LIST/>',
    "outside": '<!DOCTYPE x SYSTEM "file:///etc/passwd"><CONSOLIDATED_LIST dateGenerated="2026-11-02"/>',
    "another": "<html><body>no list</body></html>", "empty": XML.format(day="2026-11-02", persons=""),
    "undated": XML.format(day="soon", persons=PERSON), "broken": XML.format(day="2026-11-02", persons=PERSON)[:700],
    "nameless": XML.format(day="2026-11-02", persons="<INDIVIDUAL><DATAID>1</DATAID></INDIVIDUAL>"),
    "deep": '<CONSOLIDATED_LIST dateGenerated="2026-11-02">' + "<a>" * 5000 + "</a>" * 5000 + "</CONSOLIDATED_LIST>",
    "no xml": "not xml at all", "nothing": "",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_any_other_file_is_refused(name):
    with pytest.raises(RuleBroken) as caught:
        read_list(HOSTILE[name].encode())
    assert caught.value.field == "file"


def upload(client, content: str, name: str = "consolidated.xml"):
    return client.post("/sanctions/lists/import", data={"file": (io.BytesIO(content.encode()), name)},
                       content_type="multipart/form-data")


def test_a_list_is_looked_at_and_put_on_record(story, as_person):
    client = as_person(story.people["payee_data_officer"])
    for content, name in ((HOSTILE["entities"], "list.xml"), ("%PDF-1.4", "list.xml"), ("", "list.xml"),
                          (XML.format(day=clock.today(), persons=PERSON), "list.pdf")):
        assert upload(client, content, name).status_code == 422
    shown = upload(client, XML.format(day=clock.today(), persons=PERSON)).get_data(as_text=True)
    token = shown.split('name="kept_token"')[1].split('value="')[1].split('"')[0]
    assert "No longer on the list" in shown
    assert client.submit("/sanctions/lists/check", {"kept_token": "forged"}).status_code == 422
    assert client.submit("/sanctions/lists/check", {"kept_token": token}).status_code == 303
    again = client.submit("/sanctions/lists/check", {"kept_token": token})
    assert again.status_code == 422 and "imported before" in again.get_data(as_text=True)
    older = upload(client, XML.format(day=clock.today() - timedelta(days=9), persons=PERSON)).get_data(as_text=True)
    token = older.split('name="kept_token"')[1].split('value="')[1].split('"')[0]
    answer = client.submit("/sanctions/lists/check", {"kept_token": token})
    assert answer.status_code == 422 and "older" in answer.get_data(as_text=True)
    page = client.get("/sanctions/lists/")
    assert page.status_code == 200 and client.get("/sanctions/lists/?format=csv").status_code == 200
    for role in ("requesting_officer", "approving_officer", "head_of_fund", "fund_manager", "auditor"):
        assert as_person(story.people[role]).get("/sanctions/").status_code == 403
    assert as_person(story.focal[0]).get("/sanctions/").status_code == 403
    assert as_person(story.people["certifying_officer"]).get("/sanctions/lists/import").status_code == 403


ALIKE = Listed("77", "QDi.777", None, ("Family0 GIVEN", "Other Alias"), ("1970",))


def test_a_possible_match_stops_certification_until_two_officers_clear_it(story, as_person):
    award = story.accepted()
    ticket = story.payments(award)["ticket"]
    born(story, award, "1971-03-04")
    payee = story.give_bank_data(award)
    story.sanctions_list(ALIKE, replace=True)
    service.request(ticket, story.officer("requesting_officer"), story.payment(ticket).version)
    assert jobs.run("payees-screen").done == 1 and jobs.run("payees-screen").done == 0
    match = db.session.query(SanctionsMatch).one()
    assert (match.likeness, match.state) == ("name_and_birth", "open")
    officers = {story.people[r].email for r in ("certifying_officer", "payee_data_officer")}
    assert mails("sanctions-match") == officers
    certifying, keeper = story.officer("certifying_officer"), story.officer("payee_data_officer")
    with pytest.raises(RuleBroken) as caught:
        service.certify(ticket, certifying, story.payment(ticket).version)
    assert caught.value.code == "disbursement.check_open" and "list" not in str(caught.value.message).lower()
    with pytest.raises(DBAPIError, match="disbursement_payee_is_checked"), db.session.begin_nested():
        from tests.integration.test_disbursements_guards import insert_signature

        insert_signature("disbursement.certified", ticket, certifying.person_id)
        db.session.execute(sa.update(Disbursement).where(Disbursement.id == ticket).values(state="certified"))
    # seen by two kinds of officers only: neither the panel nor the mission nor anybody else
    seen = as_person(story.people["certifying_officer"]).get(f"/sanctions/matches/{match.id}").get_data(as_text=True)
    assert "QDi.777" in seen and "Given Family0" in seen
    for one in (story.focal[0], *(story.people[r] for r in story.people
                                  if r not in ("certifying_officer", "payee_data_officer"))):
        client = as_person(one)
        assert client.get(f"/sanctions/matches/{match.id}").status_code in (403, 404)
        assert client.submit(f"/sanctions/matches/{match.id}/clear", {"version": 1}).status_code in (403, 404)
    with pytest.raises(NotAllowed):
        sanctions_service.propose_clearance(match.id, "other", "x", story.officer("approving_officer"), 1)
    with pytest.raises(IllegalMove):
        sanctions_service.clear(match.id, "other", "Alone.", keeper, 1)
    client = as_person(story.people["payee_data_officer"])
    answer = client.submit(f"/sanctions/matches/{match.id}/propose",
                           {"version": 1, "reason": "another_birth", "text": "Passport shows another day."})
    assert answer.status_code == 303
    with pytest.raises(RuleBroken) as caught:
        sanctions_service.clear(match.id, "other", "Myself.", keeper, 2)
    assert caught.value.code == "sanctions.same_person"
    with pytest.raises(DBAPIError, match="by_two"), db.session.begin_nested():
        db.session.execute(sa.update(SanctionsMatch).values(state="cleared", decided_by=keeper.person_id))
    sanctions_service.object_to(match.id, "Show the passport.", certifying, 2)
    sanctions_service.propose_clearance(match.id, "papers_prove", "Passport, page 2.", keeper, 3)
    sanctions_service.clear(match.id, "papers_prove", "Seen.", certifying, 4)
    service.certify(ticket, certifying, story.payment(ticket).version)
    # a newer list with the same person changes nothing; one that tells more of the person opens the question anew
    story.sanctions_list(ALIKE, day=clock.today(), replace=True)
    jobs.run("payees-screen")
    assert db.session.query(SanctionsMatch).count() == 1
    story.sanctions_list(dataclasses.replace(ALIKE, births=("1971",)), replace=True)
    jobs.run("payees-screen")
    last = db.session.query(SanctionsMatch).filter_by(state="open").one()
    with pytest.raises(RuleBroken):
        service.approve(ticket, story.officer("approving_officer"), story.payment(ticket).version)
    sanctions_service.confirm(last.id, "It is the person.", certifying, 1)
    with pytest.raises(RuleBroken):
        service.approve(ticket, story.officer("approving_officer"), story.payment(ticket).version)
    # what was confirmed stays so when the bank data changes
    payee_service.enter(payee, BankData("Somebody Else", "Bank", "KE", IBAN, ""), story.focal_point(),
                        story.version(Payee, payee))
    with pytest.raises(RuleBroken):
        sanctions_service.check_unblocked([payee])
    assert not [e for e in db.session.query(Event) if "Family0" in str(e.data) or "QDi" in str(e.data)]
    assert not story.verify()


@pytest.mark.parametrize(("day", "births", "names", "found"), [
    ("1970-05-01", ("1970-05-01",), ("Given Family0",), "name_and_birth"),
    ("1972-12-31", ("1970",), ("Given Family0",), "name_and_birth"),
    ("1980-01-01", ("1970",), ("Given Family0",), "name_not_birth"),
    ("1980-01-01", ("1970",), ("Given Middle Family0",), None),
    ("1980-01-01", ("1978-1979",), ("Given Middle Family0",), "name_and_birth"),
    (None, ("1970",), ("Given Middle Family0",), "name_only"), ("1980-01-01", (), ("Family0 Given",), "name_only"),
    ("1970-05-01", ("1970-05-01",), ("Another Person",), None), ("1970-05-01", ("1970",), ("Given",), None),
])
def test_what_is_alike(story, day, births, names, found):
    award = story.accepted()
    if day:
        born(story, award, day)
    story.sanctions_list(Listed("5", "X", None, names, births), replace=True)
    story.give_bank_data(award)
    assert [m.likeness for m in db.session.query(SanctionsMatch)] == ([found] if found else [])


def test_without_a_list_nothing_is_certified(story, monkeypatch):
    award = story.accepted()
    ticket = story.payments(award)["ticket"]
    story.give_bank_data(award)
    service.request(ticket, story.officer("requesting_officer"), 1)
    monkeypatch.setattr(sanctions_service, "current_list", lambda: None)
    with pytest.raises(RuleBroken) as caught:
        service.certify(ticket, story.officer("certifying_officer"), 2)
    assert caught.value.code == "disbursement.no_list"
