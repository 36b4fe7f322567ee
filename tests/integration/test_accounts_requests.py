"""A State's account: asked for by letter, checked by the secretariat, opened or returned."""

import io
import re
from datetime import timedelta

import pytest

from accounts import desk
from accounts.models import AccountRequest, Membership, Organisation, Person
from accounts.permissions import allows
from core import clock, events
from core.actor import person
from core.db import db, new_id
from core.files import StoredFile
from core.outbox import OutboxMail

PDF = b"%PDF-1.4\n1 0 obj <<>> endobj\ntrailer <<>>\n%%EOF\n"


def letter(content=PDF, name="note.pdf"):
    return io.BytesIO(content), name


def answers(place, **changes):
    return {
        "state": str(place), "letter_date": "2026-11-02", "primary_name": "Amina Example",
        "primary_email": "amina@xa.example", "backup_name": "Badru Example", "backup_email": "badru@xa.example",
        "primary_sits": "mission", "primary_office": "Permanent Mission of Axland", "backup_sits": "ministry",
        "backup_office": "Ministry of the Interior", "agreed": "y", "letter": letter(), **changes,
    }


@pytest.fixture(autouse=True)
def today():
    with clock.moved_to(clock.real_now().replace(year=2026, month=11, day=20)):
        yield


def check(client, place, **changes):
    return client.post("/accounts/request", data=answers(place, **changes), content_type="multipart/form-data")


def send(client, state, **changes):
    """Through both pages, as a browser would."""
    page = check(client, state, **changes)
    assert page.status_code == 200, page.text
    fields = dict(re.findall(r'<input type="hidden" name="([a-z_]+)" value="([^"]*)">', page.text))
    return client.post("/accounts/request", data={**fields, "action": "send"})


@pytest.fixture
def state(make):
    return make.state("XA", "Axland")


@pytest.fixture
def sent(client, state):
    assert send(client, state).status_code == 303
    return db.session.query(AccountRequest).one()


def test_the_form_is_checked_then_sent_then_receipted(client, state):
    assert "Axland" in client.get("/accounts/request").text
    page = check(client, state)
    for shown in ("Check your answers", "Axland", "note.pdf", "Amina Example", "badru@xa.example", "2 November 2026",
                  "Ministry of the Interior"):
        assert shown in page.text
    assert db.session.query(AccountRequest).count() == 0
    answer = send(client, state)
    row = db.session.query(AccountRequest).one()
    assert answer.status_code == 303
    receipt = client.get(answer.location)
    assert row.reference in receipt.text and "Amina" not in receipt.text and "Axland" not in receipt.text
    assert re.fullmatch(r"ACC-2026-\d{4}", row.reference)
    assert "Amina" not in row.primary_name_sealed and row.unsealed("primary_name") == "Amina Example"
    assert "amina" not in str([e.data for e in events.history("account_request", row.id)])


def test_going_back_to_change_keeps_everything_and_the_letter(client, state):
    page = check(client, state)
    fields = dict(re.findall(r'<input type="hidden" name="([a-z_]+)" value="([^"]*)">', page.text))
    page = client.post("/accounts/request", data={**fields, "action": "change"})
    assert 'value="Amina Example"' in page.text and "Kept: note.pdf" in page.text
    assert db.session.query(AccountRequest).count() == 0


def test_sending_twice_makes_one_request(client, state):
    page = check(client, state)
    fields = dict(re.findall(r'<input type="hidden" name="([a-z_]+)" value="([^"]*)">', page.text))
    first = client.post("/accounts/request", data={**fields, "action": "send"})
    second = client.post("/accounts/request", data={**fields, "action": "send"})
    assert first.location == second.location and db.session.query(AccountRequest).count() == 1


def test_the_known_address_is_told(client, state):
    db.session.get(Organisation, state).known_email = "mission@xa.example"
    db.session.commit()
    send(client, state)
    (mail,) = db.session.query(OutboxMail).filter_by(to_address="mission@xa.example").all()
    assert "Axland" in mail.body and "amina" not in mail.body.lower()


@pytest.mark.parametrize(("changes", "field", "words"), [
    ({"state": ""}, "state", "Choose your State."),
    ({"state": "not-a-state"}, "state", "Choose one of the answers offered|Choose"),
    ({"letter_date": ""}, "letter_date", "Write the date printed on the letter."),
    ({"letter_date": "30 February 2026"}, "letter_date", "Write a date that exists"),
    ({"letter_date": "2026-12-01"}, "letter_date", "lies in the future"),
    ({"letter_date": "0026-11-02"}, "letter_date", "four figures"),
    ({"letter": None}, "letter", "Choose the file with the signed letter."),
    ({"letter": letter(b"", "note.pdf")}, "letter", "empty"),
    ({"letter": letter(PDF, "note.exe")}, "letter", "Choose another file"),
    ({"letter": letter(b"MZ\x90\x00this is a program", "note.pdf")}, "letter", "content is not what its name says"),
    ({"letter": letter(b"<html><script>alert(1)</script>", "note.png")}, "letter", "content is not what its name"),
    ({"letter": letter(PDF + b"0" * (10 * 1024 * 1024), "note.pdf")}, "letter", "too large"),
    ({"primary_name": ""}, "primary_name", "Write the name of the primary"),
    ({"primary_name": "x" * 201}, "primary_name", "at most 200"),
    ({"primary_email": "amina"}, "primary_email", "Write an e-mail address such as"),
    ({"backup_name": "  "}, "backup_name", "Write the name of the backup"),
    ({"backup_email": "AMINA@xa.example"}, "backup_email", "each person signs in alone"),
    ({"backup_email": ""}, "backup_email", "Write the address of the backup"),
    ({"primary_office": " "}, "primary_office", "Write in which mission, ministry or office the primary"),
    ({"backup_sits": "at home"}, "backup_sits", "Choose one of the answers offered"),
    ({"agreed": ""}, "agreed", "Ask the two persons first"),
])
def test_bad_answers_are_told_beside_the_field(client, state, changes, field, words):
    typed = {k: v for k, v in answers(state, **changes).items() if v is not None}
    answer = client.post("/accounts/request", data=typed, content_type="multipart/form-data")
    assert answer.status_code == 422, answer.text
    assert re.search(rf'id="{field}-error">.*?({words})', answer.text, re.DOTALL)
    for name in ("primary_email", "backup_name", "letter_date"):
        value = str(typed.get(name, "")).strip()
        assert not value or re.search(rf'name="{name}"[^>]*value="{re.escape(value)}"', answer.text, re.IGNORECASE)
    assert db.session.query(AccountRequest).count() == 0 and db.session.query(StoredFile).count() == 0


def test_a_forged_kept_letter_is_no_letter(client, state):
    typed = answers(state, kept_letter="forged", action="send")
    del typed["letter"]
    answer = client.post("/accounts/request", data=typed)
    assert answer.status_code == 422 and "Choose the file with the signed letter." in answer.text


def test_a_good_letter_is_kept_while_other_answers_are_put_right(client, state):
    page = check(client, state, primary_name="")
    assert page.status_code == 422 and "Kept: note.pdf" in page.text
    token = re.search(r'name="kept_letter"[^>]*value="([^"]+)"', page.text).group(1)
    typed = answers(state, kept_letter=token, action="send")
    del typed["letter"]
    assert client.post("/accounts/request", data=typed).status_code == 303


def test_accepting_opens_the_account_for_both(sent, state, make, as_person):
    officer = as_person(make.person("organiser", name="Olga Officer"))
    page = officer.get(f"/accounts/requests/{sent.id}/")
    for shown in (sent.reference, "Amina Example", "badru@xa.example", "note.pdf", "Accept and open the account",
                  "Permanent Mission of Axland", "Ministry of the Interior", "in a ministry or another office"):
        assert shown in page.text
    answer = officer.post(f"/accounts/requests/{sent.id}/accept", data={"version": 1, "checked_by": "note_verbale"})
    assert answer.status_code == 303
    page = officer.get(answer.location)
    assert "Accepted" in page.text and "Olga Officer" in page.text and "Decide" not in page.text
    people = db.session.query(Person).filter(Person.email.in_(["amina@xa.example", "badru@xa.example"])).all()
    assert {p.name for p in people} == {"Amina Example", "Badru Example"}
    for one in people:
        assert allows(person(one.id), "application.write", state)
        (mail,) = db.session.query(OutboxMail).filter_by(to_address=one.email).all()
        assert "/accounts/welcome/" in mail.body
    assert {m.evidence_file_id for m in db.session.query(Membership).filter_by(organisation_id=state)} == {
        sent.letter_file_id}
    sits = {m.person_id: m.of_ministry for m in db.session.query(Membership).filter_by(organisation_id=state)}
    assert {p.name: sits[p.id] for p in people} == {"Amina Example": False, "Badru Example": True}


def test_a_focal_point_who_signs_in_already_keeps_the_account(sent, state, make, as_person):
    known = make.person("donor", email="amina@xa.example", name="Amina Known")
    officer = as_person(make.person("administrator"))
    officer.post(f"/accounts/requests/{sent.id}/accept", data={"version": 1, "checked_by": "known_address"})
    assert allows(person(known.id), "application.write", state)
    (mail,) = db.session.query(OutboxMail).filter_by(to_address="amina@xa.example").all()
    assert "Sign in as before" in mail.body and "welcome" not in mail.body


def test_nobody_accepts_a_letter_that_names_oneself(sent, make, as_person):
    officer = as_person(make.person("organiser", email="amina@xa.example"))
    answer = officer.post(f"/accounts/requests/{sent.id}/accept", data={"version": 1, "checked_by": "note_verbale"})
    assert answer.status_code == 422 and "Another officer must decide" in answer.text
    db.session.refresh(sent)
    assert sent.state == "received" and db.session.query(Person).filter_by(email="badru@xa.example").count() == 0


def test_returning_tells_the_primary_focal_point_why(sent, make, as_person):
    officer = as_person(make.person("organiser"))
    path = f"/accounts/requests/{sent.id}/return"
    assert "Return the request of Axland" in officer.get(path).text
    answer = officer.post(path, data={"version": 1, "reason": "letter_not_signed", "words": "Please stamp it."})
    assert answer.status_code == 303
    assert "bears no signature" in officer.get(answer.location).text
    (mail,) = db.session.query(OutboxMail).filter_by(kind="account_request_returned").all()
    assert mail.to_address == "amina@xa.example" and "Please stamp it." in mail.body
    assert officer.get(path).status_code == 303


@pytest.mark.parametrize(("data", "field", "words"), [
    ({"version": 1, "checked_by": ""}, "checked_by", "Say how the letter was checked"),
    ({"version": 1, "checked_by": "a hunch"}, "checked_by", "Choose one of the answers offered|Say how"),
])
def test_bad_acceptances(sent, make, as_person, data, field, words):
    answer = as_person(make.person("organiser")).post(f"/accounts/requests/{sent.id}/accept", data=data)
    assert answer.status_code == 422
    assert re.search(rf'id="{field}-error">.*?({words})', answer.text, re.DOTALL)
    db.session.refresh(sent)
    assert sent.state == "received"


@pytest.mark.parametrize(("data", "words"), [
    ({"version": 1, "reason": "", "words": "kept words"}, "Choose a reason."),
    ({"version": 1, "reason": "a whim", "words": "kept words"}, "Choose one of the answers offered|Choose a reason"),
    ({"version": 1, "reason": "duplicate", "words": "x" * 1001}, "at most 1,?000"),
    ({"reason": "duplicate", "words": "kept words"}, "This page was incomplete"),
])
def test_bad_returns(sent, make, as_person, data, words):
    answer = as_person(make.person("organiser")).post(f"/accounts/requests/{sent.id}/return", data=data)
    assert answer.status_code == 422 and re.search(words, answer.text)
    assert data["words"] in answer.text
    db.session.refresh(sent)
    assert sent.state == "received"


def test_a_stale_page_and_a_second_decision_are_refused(sent, make, as_person):
    officer = as_person(make.person("organiser"))
    path = f"/accounts/requests/{sent.id}"
    assert officer.post(f"{path}/accept", data={"version": 9, "checked_by": "note_verbale"}).status_code == 409
    assert officer.post(f"{path}/accept", data={"version": 1, "checked_by": "note_verbale"}).status_code == 303
    assert officer.post(f"{path}/return", data={"version": 2, "reason": "duplicate"}).status_code == 409


def test_the_letter_is_an_attachment_for_reviewers_only(sent, make, as_person, client):
    path = f"/accounts/requests/{sent.id}/letter"
    answer = as_person(make.person("organiser")).get(path)
    assert answer.data == PDF and answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert as_person(make.person("focal_point")).get(path).status_code == 403
    assert client.get(path).status_code == 303


def test_requests_wait_on_the_desk_of_those_who_review(sent, make, as_person):
    page = as_person(make.person("organiser")).get("/desk")
    assert sent.reference in page.text and "Account of Axland" in page.text and "One matter waits" in page.text
    assert sent.reference not in as_person(make.person("fund_manager")).get("/desk").text


def test_the_list_filters_and_downloads(sent, make, as_person):
    officer = as_person(make.person("organiser"))
    assert sent.reference in officer.get("/accounts/requests/").text
    assert sent.reference not in officer.get("/accounts/requests/?state=accepted").text
    table = officer.get("/accounts/requests/?format=csv").text
    assert sent.reference in table and "Axland" in table and "Amina" not in table


def test_unknown_requests_are_not_found(make, as_person, client):
    officer = as_person(make.person("organiser"))
    for path in (f"/accounts/requests/{new_id()}/", f"/accounts/requests/{new_id()}/letter"):
        assert officer.get(path).status_code == 404
    assert client.get(f"/accounts/request/{new_id()}/received").status_code == 404


def test_the_public_form_is_limited(app, state, tmp_path):
    """In an application of its own: limits are switched off in the other tests."""
    from app import create_app
    from core.settings import Settings
    from core.web.limits import limiter
    from tests.support.pages import PageClient

    served = create_app(Settings.from_environ({
        "PLACARD_ENV": "demo", "DATABASE_URL": app.extensions["placard_settings"].database_url,
        "INSTANCE_DIR": str(tmp_path)}))
    served.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    served.test_client_class = PageClient
    try:
        with served.app_context():
            codes = [send(served.test_client(), state).status_code for _ in range(10)]
            codes.append(check(served.test_client(), state).status_code)
    finally:
        limiter.enabled = False
    assert codes[:10] == [303] * 10 and codes[10] == 429


def test_my_desk_sorts_by_urgency(app, make, monkeypatch):
    now = clock.now()
    actor = make.actor("auditor")
    items = [
        desk.DeskItem("undated", "/a", None, "x"), desk.DeskItem("later", "/b", now + timedelta(days=5), "x"),
        desk.DeskItem("overdue", "/c", now - timedelta(days=1), "x"), desk.DeskItem("day", "/d", now.date(), "x"),
        desk.DeskItem("pressing", "/e", None, "x", tone="attention"),
    ]
    monkeypatch.setattr(desk, "_sources", [])

    def source(_actor):
        return items

    desk.register_source("audit.view", source)
    desk.register_source("audit.view", source)
    desk.register_source("operations.view", source)
    desk.register_source("calendar.manage", lambda _actor: [desk.DeskItem("not mine", "/f", None, "x")])
    assert [i.title for i in desk.items_for(actor)] == ["overdue", "day", "later", "pressing", "undated"]
