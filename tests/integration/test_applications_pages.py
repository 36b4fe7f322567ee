"""The mission's way through the form, and the officers' way to a recommendation: through the pages only."""

import re
from datetime import timedelta

import pytest

from core import clock
from core.db import db
from core.outbox import OutboxMail
from sponsorship.applications import call_service
from sponsorship.applications.models import Application, ApplicationStep, Call
from tests.support.applications import NOW, PERSON, fresh, kit, nominees_of


@pytest.fixture
def room(make):
    with clock.moved_to(NOW):
        yield kit(make)


def text_of(response):
    return re.sub(r"\s+", " ", response.get_data(as_text=True))


def version_in(response):
    return re.search(r'name="version"[^>]*value="(\d+)"', text_of(response)).group(1)


def write(client, url, **answers):
    version = version_in(client.get(url))
    return client.post(url, data={"version": version, "go": "on", **answers})


def test_a_mission_applies_from_first_page_to_receipt(room, client, as_person):
    call = room.call()
    page = client.get("/sponsorship/")
    assert call.reference in text_of(client.get(f"/sponsorship/calls/{call.id}/"))
    assert "Apply" in text_of(page)
    assert "Sign in to apply" in text_of(client.get("/sponsorship/apply/"))

    person = room.focal_point("XA")
    mission = as_person(person)
    page = text_of(mission.get("/sponsorship/apply/"))
    assert "Begin an application" in page
    organisation = re.search(r'name="organisation_id" value="([^"]+)"', page).group(1)
    answer = mission.post(f"/sponsorship/apply/{call.id}", data={"organisation_id": organisation})
    assert answer.status_code == 303
    url = answer.location
    application = db.session.query(Application).one()
    base = f"/sponsorship/applications/{application.id}"
    assert url == f"{base}/form/declaration"

    answer = write(mission, url, could_not_attend_otherwise="y", need_text="No travel budget this year.")
    assert answer.location == f"{base}/form/contribution"
    answer = write(mission, answer.location, own_contribution="Salary, visa.")
    assert answer.location == f"{base}/form/attendance"
    answer = write(mission, answer.location, attended_before="no", has_mission="yes")
    nominee = nominees_of(application.id)[0]
    assert answer.location == f"{base}/form/nominees/{nominee.id}/person"
    answer = write(mission, answer.location, **PERSON)
    assert answer.location == f"{base}/form/nominees/{nominee.id}/journey"
    assert "Not complete" in text_of(mission.get(f"{base}/form/nominees/"))
    answer = write(mission, answer.location, departure_city="Xanadu", travel_from="2027-06-13",
                   travel_to="2027-06-19")
    assert answer.location == f"{base}/form/nominees/"
    assert "Awa Ndiaye" in text_of(mission.get(answer.location))

    page = mission.get(f"{base}/form/check")
    for words in ("Awa", "Ndiaye", "Salary, visa.", "4 May 1980", "13–19 June 2027", "Send the application"):
        assert words in text_of(page)
    answer = mission.post(f"{base}/form/check", data={"version": version_in(page)})
    assert answer.location == f"{base}/receipt"
    receipt = text_of(mission.get(answer.location))
    assert application.reference in receipt and "Received on" in receipt

    row = fresh(Application, application.id)
    assert row.state == "submitted" and row.received_at == clock.now() and row.first_attendance is True
    assert "Ndiaye" not in (nominees_of(row.id)[0].family_name_sealed or "")
    assert db.session.query(ApplicationStep).filter(ApplicationStep.answers_sealed.is_not(None)).count() == 0
    mail = db.session.query(OutboxMail).filter_by(kind="applications.receipt").one()
    assert mail.to_address == person.email and application.reference in mail.subject
    assert base in mail.body and "Ndiaye" not in mail.body

    status = text_of(mission.get(f"{base}/"))
    assert "Received, to be screened" in status and "Secretariat of the fund" in status and "15 April 2027" in status
    # a second sending (double click) leads to the status page and changes nothing
    again = mission.post(f"{base}/form/check", data={"version": version_in(page)})
    assert again.status_code == 303 and fresh(Application, row.id).version == row.version


def test_draft_keeps_what_cannot_be_read_yet(room, as_person):
    call, mission = room.call(), as_person(room.focal_point("XA"))
    application = room.draft(call)
    nominee = nominees_of(application.id)[0]
    url = f"/sponsorship/applications/{application.id}/form/nominees/{nominee.id}/journey"
    version = version_in(mission.get(url))
    typed = {"departure_city": "Xanadu", "travel_from": "31 February 2027", "travel_to": "soon"}
    answer = mission.post(url, data={"version": version, "go": "save", **typed})
    assert answer.location == f"/sponsorship/applications/{application.id}/"
    page = text_of(mission.get(url))
    for words in typed.values():
        assert f'value="{words}"' in page
    assert fresh(type(nominee), nominee.id).departure_city == "Xanadu"
    assert fresh(type(nominee), nominee.id).travel_from is None
    assert "complete the journey" in text_of(mission.get(answer.location))


def test_words_stay_on_the_page_when_a_colleague_was_faster(room, as_person):
    call = room.call()
    one, two = as_person(room.focal_point("XA")), as_person(room.focal_point("XA"))
    application = room.draft(call)
    url = f"/sponsorship/applications/{application.id}/form/contribution"
    stale = version_in(one.get(url))
    assert write(two, url, own_contribution="The State pays the visa.").status_code == 303
    answer = one.post(url, data={"version": stale, "go": "on", "own_contribution": "The State pays the hotel."})
    page = text_of(answer)
    assert answer.status_code == 409
    assert "The State pays the visa." in page and "The State pays the hotel." in page
    assert fresh(Application, application.id).own_contribution == "The State pays the visa."
    # this person decides: sending again keeps their words
    answer = one.post(url, data={"version": version_in(answer), "go": "on",
                                 "own_contribution": "The State pays the hotel and the visa."})
    assert answer.status_code == 303
    assert fresh(Application, application.id).own_contribution == "The State pays the hotel and the visa."


def test_two_people_on_different_pages_do_not_disturb_each_other(room, as_person):
    call = room.call()
    one, two = as_person(room.focal_point("XA")), as_person(room.focal_point("XA"))
    application = room.draft(call)
    base = f"/sponsorship/applications/{application.id}/form"
    version = version_in(one.get(f"{base}/declaration"))
    assert write(two, f"{base}/contribution", own_contribution="Visa.").status_code == 303
    answer = one.post(f"{base}/declaration", data={"version": version, "go": "on", "could_not_attend_otherwise": "y"})
    assert answer.status_code == 303


def test_double_click_on_save_is_harmless(room, as_person):
    call, mission = room.call(), as_person(room.focal_point("XA"))
    application = room.draft(call)
    url = f"/sponsorship/applications/{application.id}/form/contribution"
    version = version_in(mission.get(url))
    for _ in range(2):
        assert mission.post(url, data={"version": version, "go": "on", "own_contribution": "Visa."}).status_code == 303
    assert db.session.query(ApplicationStep).filter_by(application_id=application.id).one().version == 1


def test_words_stay_when_the_application_was_sent_meanwhile(room, as_person):
    call, mission = room.call(), as_person(room.focal_point("XA"))
    application = room.complete(call)
    url = f"/sponsorship/applications/{application.id}/form/contribution"
    version = version_in(mission.get(url))
    colleague = as_person(room.focal_point("XA"))
    check = f"/sponsorship/applications/{application.id}/form/check"
    assert colleague.post(check, data={"version": version_in(colleague.get(check))}).status_code == 303
    answer = mission.post(url, data={"version": version, "go": "on", "own_contribution": "Something long I wrote."})
    assert answer.status_code == 409
    assert "Something long I wrote." in text_of(answer) and "has been sent" in text_of(answer)


def test_after_closing_the_draft_is_kept_and_cannot_be_sent(room, as_person):
    call, mission = room.call(), as_person(room.focal_point("XA"))
    application = room.complete(call)
    check = f"/sponsorship/applications/{application.id}/form/check"
    version = version_in(mission.get(check))
    with clock.moved_to(call.closes_at + timedelta(seconds=1)):
        answer = mission.post(check, data={"version": version})
        assert answer.status_code == 422 and "The call has closed" in text_of(answer)
        assert "Salary and visa." in text_of(answer)
        url = f"/sponsorship/applications/{application.id}/form/contribution"
        assert "kept as a draft, but it cannot be sent" in text_of(mission.get(url))
        assert write(mission, url, own_contribution="Written too late, still kept.").status_code == 303
    assert fresh(Application, application.id).state == "draft"
    assert fresh(Application, application.id).own_contribution == "Written too late, still kept."


def test_received_after_the_date_is_marked(room, as_person):
    call = room.call(grace_until=NOW + timedelta(days=33))
    mission, application = as_person(room.focal_point("XA")), room.complete(call)
    check = f"/sponsorship/applications/{application.id}/form/check"
    with clock.moved_to(call.closes_at):  # the very instant is still in time
        version = version_in(mission.get(check))
    with clock.moved_to(call.closes_at + timedelta(seconds=1)):
        assert call_service.close_due(call.id, clock.now()) == "not due"
        assert mission.post(check, data={"version": version}).status_code == 303
        assert "Received in time" in text_of(mission.get(f"/sponsorship/applications/{application.id}/receipt"))
    assert fresh(Application, application.id).received_after_date is True


def test_nominees_are_added_moved_and_forgotten(room, as_person):
    call, mission = room.call(), as_person(room.focal_point("XA"))
    application = room.complete(call)
    url = f"/sponsorship/applications/{application.id}/form/nominees/"
    first = nominees_of(application.id)[0].id

    def do(what):
        return mission.post(url, data={"version": version_in(mission.get(url)), "do": what})

    answer = do("add")
    second = nominees_of(application.id)[1].id
    assert answer.location.endswith(f"/form/nominees/{second}/person")
    do(f"up:{second}")
    assert [n.id for n in nominees_of(application.id)] == [second, first]
    do(f"down:{second}")
    assert [n.id for n in nominees_of(application.id)] == [first, second]
    assert "erased for good" in text_of(mission.get(f"{url}{first}/remove"))
    do(f"remove:{first}")
    assert [(n.id, n.priority) for n in nominees_of(application.id)] == [(second, 1)]
    stale = mission.post(url, data={"version": "1", "do": "add"})
    assert stale.status_code == 303 and len(nominees_of(application.id)) == 1


def test_withdraw_and_begin_again(room, as_person):
    call, mission = room.call(), as_person(room.focal_point("XA"))
    application = room.sent(call)
    url = f"/sponsorship/applications/{application.id}/withdraw"
    answer = mission.post(url, data={"version": version_in(mission.get(url)), "reason": "Elections."})
    assert answer.status_code == 303
    assert "Withdrawn" in text_of(mission.get(answer.location))
    again = room.draft(call)
    assert again.id != application.id


def test_a_deleted_draft_is_erased(room, as_person):
    call, mission = room.call(), as_person(room.focal_point("XA"))
    application = room.complete(call)
    url = f"/sponsorship/applications/{application.id}/withdraw"
    assert "Delete this draft" in text_of(mission.get(url))
    mission.post(url, data={"version": version_in(mission.get(url))})
    row = fresh(Application, application.id)
    assert row.state == "withdrawn" and row.own_contribution is None and not nominees_of(row.id)


def test_another_states_application_is_not_there(room, as_person):
    call = room.call()
    application = room.complete(call, "XA")
    stranger = as_person(room.focal_point("XB"))
    base = f"/sponsorship/applications/{application.id}"
    nominee = nominees_of(application.id)[0].id
    for path in ("/", "/receipt", "/form/declaration", "/form/check", "/form/nominees/", "/withdraw",
                 f"/form/nominees/{nominee}/person", f"/form/nominees/{nominee}/remove"):
        assert stranger.get(base + path).status_code == 404, path
    for path in ("/form/declaration", "/form/check", "/form/nominees/", "/withdraw"):
        assert stranger.post(base + path, data={"version": "1", "do": "add", "go": "on"}).status_code == 404, path
    own = room.complete(call, "XB")
    mixed = f"/sponsorship/applications/{own.id}/form/nominees/{nominee}/person"
    assert stranger.get(mixed).status_code == 404
    assert stranger.post(mixed, data={"version": "0", "go": "on", **PERSON}).status_code == 404


def test_officers_go_from_new_call_to_recommendation(room, as_person):
    manager, panel = as_person(room.make.person("fund_manager")), as_person(room.make.person("panel_member"))
    page = manager.get("/sponsorship/calls/new")
    assert "First rule of the ranking" in text_of(page)
    answer = manager.post("/sponsorship/calls/new", data=call_answers(room))
    assert answer.status_code == 303, text_of(answer)
    call = db.session.query(Call).one()
    manage = f"/sponsorship/calls/{call.id}/manage"
    assert answer.location == manage
    assert "Check and let it open" in text_of(manager.get(manage))
    check = text_of(manager.get(f"/sponsorship/calls/{call.id}/open"))
    assert "Let it open by schedule" in check and "these terms stand" in check and "Open now" in check
    manager.post(f"/sponsorship/calls/{call.id}/move/schedule", data={"version": call.version})
    assert call_service.open_due(call.id, call.opens_at) == "opened"
    room.make.state("XC", facts=("group:African",))
    first, second = room.sent(fresh(Call, call.id), "XC"), room.sent(fresh(Call, call.id), "XA")
    assert "State XA" in text_of(manager.get(f"/sponsorship/calls/{call.id}/applications"))
    csv = manager.get(f"/sponsorship/calls/{call.id}/applications?format=csv")
    assert csv.mimetype == "text/csv" and first.reference in csv.get_data(as_text=True)
    room.close(fresh(Call, call.id))
    for application in (first, second):
        url = f"/sponsorship/applications/{application.id}/screening"
        page = manager.get(url)
        assert "Awa Ndiaye" in text_of(page)
        grouped = application is first
        assert ("Regional group: African" in text_of(page)) is grouped, "in words"
        assert ("No fact on record" in text_of(page)) is grouped, "a group is no criterion"
        findings = {f"{c}_met": "yes" for c in ("complete", "nominated_by_state", "declaration")}
        findings |= {"first_attendance_met": "yes", "first_attendance_evidence": "not in the lists since 2001",
                     "no_mission_at_seat_met": "no"}
        answer = manager.post(url, data={"version": version_in(page), "outcome": "eligible", **findings})
        assert answer.status_code == 303, text_of(answer)
    manager.post(f"/sponsorship/calls/{call.id}/ranking", data={"version": fresh(Call, call.id).version})
    page = text_of(panel.get(f"/sponsorship/calls/{call.id}/ranking"))
    assert 'data-label="Decided by"' in page
    assert page.index("State XA") < page.index("State XC")  # the LDC first although received later
    url = f"/sponsorship/calls/{call.id}/recommendation"
    page = panel.get(url)
    answers = {"version": version_in(page)}
    for n, application in enumerate((second, first), 1):
        answers |= {f"{application.id}-outcome": "recommend", f"{application.id}-position": str(n),
                    f"{application.id}-seats": "1", f"{application.id}-reason": ""}
    answer = panel.post(url, data=answers)
    assert answer.status_code == 303, text_of(answer)
    assert fresh(Call, call.id).state == "recommended"
    assert fresh(Application, first.id).state == "recommended"
    for path in ("manage", "ranking", "recommendation", "applications"):
        panel.get(f"/sponsorship/calls/{call.id}/{path}")
    manager.get(url)
    mission = as_person(room.focal_point("XA"))
    shown = text_of(mission.get(f"/sponsorship/applications/{second.id}/"))
    assert "Under consideration" in shown and "Recommended" not in shown


def call_answers(room, **changes):
    return {
        "version": "0", "meeting_id": str(room.meeting.id), "opens_on": "2027-03-02", "opens_time": "09:00",
        "closes_on": "2027-04-01", "closes_time": "17:00", "grace_days": "0", "decide_by": "2027-04-20",
        "offer_days": "14", "seats_per_state": "1", "package": "ticket_and_dsa", "estimate_ticket": "1,400",
        "estimate_dsa": "2000", "estimate_terminal": "188.00", "ceiling": "", "pool_1": str(room.pool_id),
        "pool_2": "", "pool_3": "", "criterion_1": "ldc", "criterion_2": "sids", "criterion_3": "first_attendance",
        "criterion_4": "", "criterion_5": "", "governance_text": "", "guidance_text": "", "late_rule": "refuse",
        "ranking_method": "in_order", "governance": "secretariat_chair", **changes,
    }
