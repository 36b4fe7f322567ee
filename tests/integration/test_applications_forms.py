"""Every bad input of every form: the message beside the field, what was typed kept, nothing written."""

import html
import re
from datetime import timedelta

import html5lib
import pytest

from core import clock
from core.db import db
from core.events import Event
from sponsorship.applications import call_service
from sponsorship.applications.models import Application, ApplicationStep, Call, Recommendation, Screening
from tests.integration.test_applications_pages import call_answers, text_of, version_in
from tests.support.applications import NOW, PERSON, fresh, kit, nominees_of

pytestmark = pytest.mark.pages


@pytest.fixture
def room(make):
    with clock.moved_to(NOW):
        yield kit(make)


def refused(response, field, message):
    page = response.get_data(as_text=True)
    assert response.status_code == 422, response.status_code
    error = re.search(rf'id="{re.escape(field)}-error"[^>]*>(.*?)</p>', page, re.DOTALL)
    assert error, f"no message beside {field}: " + text_of(response)
    assert message in html.unescape(re.sub(r"<[^>]+>", "", error[1]))
    assert 'id="error-summary"' in page


def kept(response, name, value):
    page = html.unescape(response.get_data(as_text=True))
    area = rf'<textarea[^>]*name="{re.escape(name)}"[^>]*>\s*{re.escape(value)}'
    found = f'value="{value}"' in page or re.search(area, page)
    assert found, f"{value!r} of {name} is lost"


STEPS = [
    ("declaration", {"need_text": "Words that stay."}, "could_not_attend_otherwise", "tick the declaration"),
    ("declaration", {"could_not_attend_otherwise": "y", "need_text": "x" * 2001}, "need_text", "at most 2000"),
    ("contribution", {"own_contribution": "   "}, "own_contribution", "write “nothing”"),
    ("contribution", {"own_contribution": "y" * 2001}, "own_contribution", "at most 2000"),
    ("attendance", {"has_mission": "yes"}, "attended_before", "Choose yes or no"),
    ("attendance", {"attended_before": "perhaps", "has_mission": "yes"}, "attended_before", ""),
    ("person", {**PERSON, "family_name": ""}, "family_name", "Family name"),
    ("person", {**PERSON, "family_name": "12345"}, "family_name", "in letters"),
    ("person", {**PERSON, "given_names": "a" * 121}, "given_names", "at most 120"),
    ("person", {**PERSON, "sex": ""}, "sex", "Choose"),
    ("person", {**PERSON, "birth_date": "31 June 1980"}, "birth_date", "date that exists"),
    ("person", {**PERSON, "birth_date": "2020-01-01"}, "birth_date", "18 or older"),
    ("person", {**PERSON, "birth_date": "0080-05-04"}, "birth_date", "four figures"),
    ("person", {**PERSON, "function": ""}, "function", "Function"),
    ("person", {**PERSON, "ministry": ""}, "ministry", "Ministry"),
    ("person", {**PERSON, "email": "awa at ministry"}, "email", "name@ministry.example"),
    ("person", {**PERSON, "email": "awa@ministry"}, "email", "name@ministry.example"),
    ("journey", {"departure_city": "", "travel_from": "2027-06-13", "travel_to": "2027-06-19"}, "departure_city", ""),
    ("journey", {"departure_city": "X", "travel_from": "tomorrow", "travel_to": "2027-06-19"}, "travel_from",
     "date that exists"),
    ("journey", {"departure_city": "X", "travel_from": "2027-06-13", "travel_to": "2027-06-12"}, "travel_to",
     "must not come before"),
    ("journey", {"departure_city": "X", "travel_from": "2027-05-01", "travel_to": "2027-06-19"}, "travel_from",
     "at most 7 days before"),
    ("journey", {"departure_city": "X", "travel_from": "2026-06-13", "travel_to": "2026-06-19"}, "travel_from",
     "14–18 June 2027"),
    ("journey", {"departure_city": "X", "travel_from": "2027-06-13", "travel_to": "2027-08-19"}, "travel_to",
     "at most 7 days after"),
]


@pytest.mark.parametrize(("page", "answers", "field", "message"), STEPS)
def test_steps_of_the_mission(room, as_person, page, answers, field, message):
    call, mission = room.call(), as_person(room.focal_point("XA"))
    application = room.draft(call)
    nominee = nominees_of(application.id)[0]
    url = f"/sponsorship/applications/{application.id}/form/"
    url += f"nominees/{nominee.id}/{page}" if page in ("person", "journey") else page
    before = (fresh(Application, application.id).version, db.session.query(Event).count())
    answer = mission.post(url, data={"version": "0", "go": "on", **answers})
    if field in ("attended_before", "sex"):
        page_text = answer.get_data(as_text=True)
        assert answer.status_code == 422 and f'href="#{field}-0"' in page_text
    else:
        refused(answer, field, message)
    for name, value in answers.items():
        if value.strip() and name not in ("could_not_attend_otherwise", "attended_before", "has_mission", "sex"):
            kept(answer, name, value)
    assert (fresh(Application, application.id).version, db.session.query(Event).count()) == before
    assert db.session.query(ApplicationStep).count() == 0


def test_page_without_a_version_writes_nothing_and_keeps_the_words(room, as_person):
    call, mission = room.call(), as_person(room.focal_point("XA"))
    application = room.draft(call)
    url = f"/sponsorship/applications/{application.id}/form/contribution"
    for go in ("on", "save"):
        answer = mission.post(url, data={"go": go, "own_contribution": "Words that stay."})
        assert answer.status_code == 422 and "Words that stay." in text_of(answer)
    assert db.session.query(ApplicationStep).count() == 0


@pytest.mark.parametrize("words", ["<script>alert(1)</script>", "وزارة الداخلية", "内政部", "O'Brien & \"Sons\""])
def test_any_words_are_kept_as_they_are(room, as_person, words):
    call, mission = room.call(), as_person(room.focal_point("XA"))
    application = room.draft(call)
    url = f"/sponsorship/applications/{application.id}/form/contribution"
    answer = mission.post(url, data={"version": "0", "go": "on", "own_contribution": words})
    assert answer.status_code == 303
    assert fresh(Application, application.id).own_contribution == words
    check = mission.get(f"/sponsorship/applications/{application.id}/form/check").get_data(as_text=True)
    assert words in html.unescape(check) and "<script>alert" not in check


def test_incomplete_application_is_not_sent(room, as_person):
    call, mission = room.call(), as_person(room.focal_point("XA"))
    application = room.draft(call)
    check = f"/sponsorship/applications/{application.id}/form/check"
    page = mission.get(check)
    assert "Declare that your State could not attend otherwise." in text_of(page)
    answer = mission.post(check, data={"version": version_in(page)})
    assert answer.status_code == 422
    assert fresh(Application, application.id).state == "draft"


def test_check_page_shows_what_a_colleague_changed_before_anything_is_sent(room, as_person):
    call, mission = room.call(), as_person(room.focal_point("XA"))
    application = room.complete(call)
    check = f"/sponsorship/applications/{application.id}/form/check"
    stale = version_in(mission.get(check))
    colleague = as_person(room.focal_point("XA"))
    url = f"/sponsorship/applications/{application.id}/form/contribution"
    colleague.post(url, data={"version": version_in(colleague.get(url)), "go": "on", "own_contribution": "Hotel."})
    answer = mission.post(check, data={"version": stale})
    assert answer.status_code == 409 and "Hotel." in text_of(answer) and "Nothing has been sent" in text_of(answer)
    assert fresh(Application, application.id).state == "draft"


CALLS = [
    ({"meeting_id": ""}, "meeting_id", "Choose"),
    ({"opens_on": "soon"}, "opens_on", "date that exists"),
    ({"opens_time": "9 o'clock"}, "opens_time", "17:00"),
    ({"closes_on": ""}, "closes_on", ""),
    ({"closes_time": "25:00"}, "closes_time", "17:00"),
    ({"closes_on": "2027-03-01"}, "closes_on", "after it opens"),
    ({"closes_on": "2027-06-14"}, "closes_on", "before the meeting opens"),
    ({"closes_on": "2027-06-10", "grace_days": "5", "decide_by": "2027-06-12"}, "closes_on", "before the meeting"),
    ({"opens_on": "2027-03-14", "opens_time": "02:30"}, "opens_time", "clocks change"),
    ({"grace_days": "31"}, "grace_days", "Between 0 and 30"),
    ({"grace_days": "-1"}, "grace_days", "Between 0 and 30"),
    ({"decide_by": "2027-03-20"}, "decide_by", "after the call closes"),
    ({"decide_by": "2027-06-14"}, "decide_by", "before the meeting opens"),
    ({"offer_days": "0"}, "offer_days", "Between 1 and 60"),
    ({"offer_days": "a week"}, "offer_days", "whole number"),
    ({"seats_per_state": "6"}, "seats_per_state", "Between 1 and 5"),
    ({"estimate_ticket": "1.400,00"}, "estimate_ticket", "amount in figures"),
    ({"estimate_dsa": "-5"}, "estimate_dsa", "without a sign"),
    ({"estimate_terminal": "1.005"}, "estimate_terminal", "smaller part"),
    ({"estimate_ticket": "0", "estimate_dsa": "0", "estimate_terminal": "0"}, "estimate_ticket", "expected to cost"),
    ({"package": "dsa"}, "estimate_ticket", "leave the ticket at 0"),
    ({"package": "ticket"}, "estimate_dsa", "leave it at 0"),
    ({"ceiling": "0"}, "ceiling", "above zero"),
    ({"pool_1": ""}, "pool_1", "at least one pool"),
    ({"pool_1": "1b4e28ba-2fa1-11d2-883f-0016d3cca427"}, "pool_1", ""),
    ({"criterion_2": "ldc"}, "criterion_1", "only once"),
    ({"guidance_text": "g" * 8001}, "guidance_text", ""),
]


@pytest.mark.parametrize(("changes", "field", "message"), CALLS)
def test_new_call(room, as_person, changes, field, message):
    manager = as_person(room.make.person("fund_manager"))
    answers = call_answers(room, **changes)
    answer = manager.post("/sponsorship/calls/new", data=answers)
    refused(answer, field, message)
    for name in ("opens_on", "closes_time", "grace_days", "estimate_ticket", "offer_days"):
        if answers[name]:
            kept(answer, name, answers[name])
    assert db.session.query(Call).count() == 0


def test_same_pool_twice_is_refused(room, as_person):
    manager = as_person(room.make.person("fund_manager"))
    answer = manager.post("/sponsorship/calls/new", data=call_answers(room, pool_2=str(room.pool_id)))
    refused(answer, "pool_1", "only once")


def test_terms_of_an_open_call_stand(room, as_person):
    call, manager = room.call(), as_person(room.make.person("fund_manager"))
    url = f"/sponsorship/calls/{call.id}/edit"
    fields = {}
    for element in html5lib.parse(manager.get(url).get_data(as_text=True), namespaceHTMLElements=False).iter():
        if element.get("type") in ("radio", "checkbox") and element.get("checked") is None:
            continue
        if element.tag == "input" and element.get("name"):
            fields[element.get("name")] = element.get("value") or ""
        elif element.tag == "select":
            chosen = [o.get("value") for o in element.iter("option") if o.get("selected") is not None]
            fields[element.get("name")] = chosen[0] if chosen else ""
    fields.pop("csrf_token", None)
    assert manager.post(url, data={**fields, "guidance_text": "New words."}).status_code == 303
    fields["version"] = str(fresh(Call, call.id).version)
    refused(manager.post(url, data={**fields, "seats_per_state": "2"}), "seats_per_state", "can still be changed")
    refused(manager.post(url, data={**fields, "closes_on": "2027-03-20"}), "closes_on", "moved later")
    later = manager.post(url, data={**fields, "closes_on": "2027-04-10"})
    assert later.status_code == 303, text_of(later)
    stale = manager.post(url, data={**fields, "closes_on": "2027-04-12"})
    assert stale.status_code == 409
    kept(stale, "closes_on", "2027-04-12")


FINDINGS = {f"{c}_met": "yes" for c in ("complete", "nominated_by_state", "declaration")} | {
    "first_attendance_met": "no", "no_mission_at_seat_met": "no"}
SCREENINGS = [
    ({**FINDINGS, "outcome": ""}, "outcome", None),
    ({**FINDINGS, "outcome": "eligible", "first_attendance_met": ""}, "first_attendance_met", "Choose yes or no"),
    ({**FINDINGS, "outcome": "eligible", "complete_met": "no", "complete_evidence": "no date"}, "complete_met",
     "One test is not met"),
    ({**FINDINGS, "outcome": "eligible", "first_attendance_met": "yes"}, "first_attendance_evidence", "evidence"),
    ({**FINDINGS, "outcome": "ineligible"}, "reason", "Choose the reason"),
    ({"outcome": "return", "due_on": "2027-03-20"}, "note", "what is missing"),
    ({"outcome": "return", "note": "The date of birth."}, "due_on", "day by which"),
    ({"outcome": "return", "note": "The date of birth.", "due_on": "2027-02-01"}, "due_on", "lies ahead"),
    ({"outcome": "return", "note": "The date of birth.", "due_on": "2027-06-20"}, "due_on", "before the meeting"),
    ({"outcome": "return", "note": "The date of birth.", "due_on": "soon"}, "due_on", "date that exists"),
]


@pytest.mark.parametrize(("answers", "field", "message"), SCREENINGS)
def test_screening(room, as_person, answers, field, message):
    application = room.sent(room.call())
    manager = as_person(room.make.person("fund_manager"))
    url = f"/sponsorship/applications/{application.id}/screening"
    answer = manager.post(url, data={"version": application.version, **answers})
    if message is None:  # a choice: the summary leads to its first button
        assert answer.status_code == 422 and f'href="#{field}-0"' in answer.get_data(as_text=True)
    else:
        refused(answer, field, message)
    for name in ("note", "complete_evidence", "due_on"):
        if answers.get(name):
            kept(answer, name, answers[name])
    assert fresh(Application, application.id).state == "submitted"
    assert db.session.query(Screening).count() == 0


def test_a_reason_must_be_given(room, as_person):
    manager = as_person(room.make.person("fund_manager"))
    call, rows = room.ranked(("XA",))
    for path in (f"/sponsorship/calls/{call.id}/cancel", f"/sponsorship/calls/{call.id}/back-to-screening"):
        manager.get(path)
        refused(manager.post(path, data={"version": call.version, "reason": " "}), "reason", "Write the reason")
        assert fresh(Call, call.id).state == "ranked"
        stale = manager.post(path, data={"version": "1", "reason": "Words that stay."})
        assert stale.status_code == 409 and "Words that stay." in text_of(stale)
    done = manager.post(f"/sponsorship/calls/{call.id}/back-to-screening",
                        data={"version": call.version, "reason": "A wrong fact."})
    assert done.status_code == 303
    again = f"/sponsorship/applications/{rows[0].id}/screen-again"
    manager.get(again)
    refused(manager.post(again, data={"version": rows[0].version, "reason": ""}), "reason", "Write the reason")
    assert manager.post(again, data={"version": rows[0].version, "reason": "A wrong fact."}).status_code == 303
    assert fresh(Application, rows[0].id).state == "submitted"


ADVICE = [
    ({"position": ["1", "1", "3"]}, 0, "position", "each once"),
    ({"position": ["1", "2", "9"]}, 2, "position", "from 1 to 3"),
    ({"position": ["1", "2", "x"]}, 2, "position", "whole number"),
    ({"position": ["1", "2", ""]}, 2, "position", "as a number"),
    ({"seats": ["2", "0", "0"]}, 0, "seats", "between 1 and 1"),
    ({"outcome": ["recommend", "reserve", "not"]}, 2, "reason", "departs from the ranking"),
    ({"outcome": ["reserve", "recommend", "reserve"], "seats": ["0", "1", "0"]}, 0, "reason", "departs"),
    ({"position": ["2", "1", "3"]}, 0, "reason", "departs"),
    ({"outcome": ["recommend", "perhaps", "reserve"]}, 1, "outcome", ""),
]


@pytest.mark.parametrize(("changes", "line", "part", "message"), ADVICE)
def test_recommendation(room, as_person, changes, line, part, message):
    call, _rows = room.ranked()
    from sponsorship.applications.panel_service import ranked_ids

    panel, ids = as_person(room.make.person("panel_member")), ranked_ids(call)
    columns = {"outcome": ["recommend", "reserve", "reserve"], "position": ["1", "2", "3"], "seats": ["1", "0", "0"],
               "reason": ["", "", ""], **changes}
    answers = {f"{a}-{name}": column[n] for n, a in enumerate(ids) for name, column in columns.items()}
    answer = panel.post(f"/sponsorship/calls/{call.id}/recommendation", data={"version": call.version, **answers})
    if part == "position":  # the first of two equal places, or the one that cannot be
        wrong = [a for a in ids if f'id="{a}-position-error"' in answer.get_data(as_text=True)]
        assert answer.status_code == 422 and wrong
        assert message in text_of(answer)
    else:
        refused(answer, f"{ids[line]}-{part}", message)
    assert db.session.query(Recommendation).count() == 0
    assert fresh(Call, call.id).state == "ranked"


def test_reopening_needs_dates_that_fit(room, as_person):
    call, manager = room.call(), as_person(room.make.person("fund_manager"))
    call_service.suspend_for_meeting(room.meeting.id)
    db.session.commit()
    url = f"/sponsorship/calls/{call.id}/reopen"
    version = version_in(manager.get(url))
    good = {"version": version, "closes_on": "2027-05-01", "closes_time": "17:00", "grace_days": "0",
            "decide_by": "2027-05-20"}
    refused(manager.post(url, data={**good, "closes_on": ""}), "closes_on", "")
    refused(manager.post(url, data={**good, "closes_on": "2027-02-01"}), "closes_on", "lies ahead")
    refused(manager.post(url, data={**good, "closes_on": "2027-06-20"}), "closes_on", "before the meeting")
    assert fresh(Call, call.id).state == "suspended"
    answer = manager.post(url, data=good)
    assert answer.status_code == 303 and fresh(Call, call.id).state == "open"
    assert fresh(Call, call.id).closes_at - NOW > timedelta(days=60)
