"""What people and programs send that no page would: it is refused in words, and nothing typed is lost."""

import io
import re
import uuid
from datetime import date

import pytest

from accounts.models import AccountRequest, Membership
from core.actor import person as actor_of
from core.db import db
from core.money import Money, MoneyError
from core.web.errors import _page_to_open
from sponsorship.contributions import service
from sponsorship.contributions.models import Pledge
from sponsorship.contributions.pledge_forms import AgreementForm
from tests.support.award_story import AwardStory

PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"


@pytest.fixture
def story(make):
    return AwardStory(make)


# --- values ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("text", "code"), [
    ("9" * 1_000_001, "too_large"), ("10000000000000.01", "too_large"), ("1.00" + "0" * 40 + "1", "decimals"),
])
def test_amounts_of_any_length_are_read_exactly(text, code):
    with pytest.raises(MoneyError) as refused:
        Money.parse(text, "USD")
    assert refused.value.code == code


@pytest.mark.parametrize(("text", "minor"), [
    ("10000000000000.00", 10**15), ("000012.50", 1250), ("1.5" + "0" * 50, 150), ("0.01", 1),
])
def test_amounts_that_stand(text, minor):
    assert Money.parse(text, "USD").minor == minor


@pytest.mark.parametrize("rate", ["1e999999", "-1e999999", "sNaN", "Infinity"])
def test_a_rate_that_is_no_number_is_refused_in_words(app, rate):
    with app.test_request_context(method="POST", data={"support_rate": rate}):
        form = AgreementForm([], [])
        assert not form.validate()
        assert "from 0 to 50" in form.support_rate.errors[0]


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01"])
def test_days_out_of_all_reason_are_refused_beside_the_field(make, as_person, day):
    person = make.person("panel_member")
    admin = as_person(make.person("administrator"))
    membership = db.session.query(Membership).filter_by(person_id=person.id).one()
    for url, data in (
        (f"/accounts/people/{person.id}/roles/{membership.id}/end", {"last_day": day}),
        (f"/accounts/people/{person.id}/roles", {"role": "auditor", "organisation_id": str(make.secretariat()),
                                                 "valid_from": "2026-01-01", "last_day": day}),
    ):
        answer = admin.post(url, data=data)
        assert answer.status_code == 422
        assert "four figures, from 1900 to 2200." in answer.text and f'value="{day}"' in answer.text
    assert db.session.query(Membership).filter_by(person_id=person.id).one().valid_to is None


def test_a_payment_without_an_identifier_is_refused(story, as_person):
    signatory = as_person(story.people["bank_signatory"])
    for rubbish in ("-" * 36 + ":1", "a" * 36 + ":1", "x" * 10_000):
        assert signatory.post("/disbursements/release", data={"payments": rubbish}).status_code == 422


@pytest.mark.parametrize("path", ["/meetings/%00/", "/meetings/%00/calendar.ics", "/recover/%00", "/confirm/%00",
                                  "/accounts/welcome/%00", f"/donate/pledges/{uuid.UUID(int=0)}/%00/",
                                  "/mailbox/" + "a" * 3000])
def test_addresses_of_rubbish_are_not_found(client, monkeypatch, path):
    monkeypatch.setattr("operations.routes._demo_only", lambda: None)
    assert client.get(path).status_code in (404, 410)


# --- too late -------------------------------------------------------------------------------------------------
def test_words_sent_from_a_stale_page_are_given_back(story, as_person):
    award = story.decide()[0]
    certifying = as_person(story.people["certifying_officer"])
    before = story.award(award).version
    url = f"/awards/{award}/refuse-certification"
    answer = certifying.post(url, data={"version": before + 5, "reason": "other", "text": "Weighed with care"})
    assert answer.status_code == 409
    assert "Weighed with care" in answer.text
    assert f'href="{url}"' in answer.text
    assert story.award(award).version == before


@pytest.mark.parametrize(("sent_from", "leads_to"), [
    ("http://localhost/awards/", "/awards/"), ("http://evil.example/awards/", "/"), ("http://localhost//evil", "/"),
    ("http://localhost/sign-out", "/"), (None, "/"),
])
def test_a_page_that_came_too_late_leads_to_one_that_opens(app, sent_from, leads_to):
    headers = {"Referer": sent_from} if sent_from else {}
    with app.test_request_context(f"/awards/{uuid.uuid4()}/certify", method="POST", headers=headers):
        assert _page_to_open() == leads_to


def test_another_donors_pledge_does_not_exist_whatever_the_version(make, as_person):
    owner = make.person("donor", organisation=make.donor("ONE", "One"))
    other = make.person("donor", organisation=make.donor("TWO", "Two"))
    own = db.session.query(Membership).filter_by(person_id=owner.id).one().organisation_id
    made = service.make_pledge(service.PledgeDraft(
        draft_key=uuid.uuid4().hex, amount_minor=100_000, locale="en", organisation_id=own),
        actor_of(owner.id))
    for version in ("1", "99"):
        answer = as_person(other).post(f"/donor/pledges/{made.id}/withdraw", data={"version": version})
        assert answer.status_code == 404
    assert as_person(owner).post(f"/donor/pledges/{made.id}/withdraw", data={"version": "99"}).status_code == 409
    assert db.session.get(Pledge, made.id).state == "announced"


def test_a_letter_sent_for_one_state_is_not_taken_for_another(client, make):
    first, second = make.state("XA"), make.state("XB")
    typed = {"state": str(first), "letter_date": date(2026, 1, 5).isoformat(), "primary_name": "A B",
             "primary_email": "a@mission.example", "backup_name": "C D", "backup_email": "c@mission.example",
             "primary_sits": "mission", "primary_office": "Mission", "backup_sits": "mission",
             "backup_office": "Mission", "agreed": "y"}
    page = client.post("/accounts/request", data={**typed, "letter": (io.BytesIO(PDF), "letter.pdf")},
                       content_type="multipart/form-data")
    kept = re.search(r'name="kept_letter"[^>]*value="([^"]+)"', page.text)[1]
    sent = {**typed, "kept_letter": kept, "action": "send"}
    once = client.post("/accounts/request", data=sent)
    assert once.status_code == 303
    assert client.post("/accounts/request", data=sent).location == once.location
    answer = client.post("/accounts/request", data={**sent, "state": str(second)})
    assert answer.status_code == 422 and "sent for another State" in answer.text
    assert db.session.query(AccountRequest).count() == 1
