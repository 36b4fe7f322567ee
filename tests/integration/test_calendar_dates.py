"""Dates that follow from a meeting's days: reckoned by rules, set by hand, followed when the meeting moves, told."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta

import icalendar
import pytest
import sqlalchemy as sa

from core.db import db
from core.errors import NotAllowed, RuleBroken, Stale
from core.outbox import OutboxMail
from meetings.calendar import date_service, dates, service, subscriptions
from meetings.calendar.date_models import DateRule, DependentDate, DependentDateChange
from meetings.calendar.feed_filters import FeedFilter
from meetings.calendar.models import Meeting
from meetings.calendar.reference import load_meetings
from meetings.calendar.service import MeetingFacts

START, END = date(2027, 6, 7), date(2027, 6, 11)
FACTS = MeetingFacts(
    kind="BMS", title="Demonstration Biennial Meeting", short_name="DBMS 1", certainty="fixed", start_date=START,
    end_date=END, city="New York", country_code="US", timezone="America/New_York",
)


@pytest.fixture
def person(make):
    return make.person("organiser")


@pytest.fixture
def organiser(person):
    from core.actor import person as acting

    return acting(person.id)


@pytest.fixture
def rules(organiser):
    """Three rules: one for all kinds, one that leans on it, one for conferences only."""
    def rule(code, anchor, days, kind=None, at_time=None, roll="none"):
        date_service.set_rule(organiser, code, kind=kind, anchor=anchor, days=days, roll=roll, source="A test",
                              at_time=at_time)

    rule("ngo_applications", "start", -56)
    rule("ngo_objections", "ngo_applications", 28)
    rule("credentials", "start", -7, kind="RevCon")
    rule("registration_closes", "start", -7, at_time="18:00")
    return rule


def make_meeting(organiser, publish=True, **values):
    slug = values.pop("slug", "dbms-1")
    made = service.create_meeting(organiser, replace(FACTS, **values), slug=slug, is_demo=True)
    if publish:
        service.publish_meeting(made, organiser)
    return made


def days(meeting_id, reveal=True):
    return {row.code: row.day for row in dates.dates_of([meeting_id], reveal=reveal)[meeting_id]}


def stored(meeting_id, code):
    return db.session.scalar(sa.select(DependentDate).where(
        DependentDate.meeting_id == meeting_id, DependentDate.code == code).execution_options(populate_existing=True))


# --- reckoning --------------------------------------------------------------------------------------------------
def test_dates_follow_by_rules_and_lean_on_each_other(organiser, rules):
    made = make_meeting(organiser, publish=False)
    assert days(made) == {
        "ngo_applications": date(2027, 4, 12), "ngo_objections": date(2027, 5, 10),
        "registration_closes": date(2027, 5, 31)}
    assert stored(made, "registration_closes").at_time == "18:00"
    conference = make_meeting(organiser, publish=False, kind="RevCon", short_name="DRC 1", slug="drc-1")
    assert days(conference)["credentials"] == date(2027, 5, 31)


def test_a_rule_for_the_kind_goes_before_the_rule_for_all_and_may_say_none(organiser, rules):
    rules("registration_closes", "start", -14, kind="BMS")
    rules("ngo_applications", "start", None, kind="BMS")
    made = make_meeting(organiser, publish=False)
    assert days(made) == {"registration_closes": date(2027, 5, 24)}, "what leans on no date has none"


@pytest.mark.parametrize(("roll", "day"), [("none", 5), ("before", 4), ("after", 7)])
def test_weekends(organiser, rules, roll, day):
    rules("documents_out", "start", -2, roll=roll)  # a Saturday
    assert days(make_meeting(organiser, publish=False))["documents_out"] == date(2027, 6, day)


def test_a_new_rule_ends_the_one_before_and_moves_nothing_by_itself(organiser, rules):
    made = make_meeting(organiser)
    rules("registration_closes", "start", -10)
    live = db.session.scalars(sa.select(DateRule).where(
        DateRule.code == "registration_closes", DateRule.ended_at.is_(None))).all()
    assert [rule.days for rule in live] == [-10]
    assert days(made)["registration_closes"] == date(2027, 5, 31)
    changed = date_service.reckon_dates(made, organiser)
    assert [(c.code, c.new_day) for c in changed] == [("registration_closes", date(2027, 5, 28))]
    assert date_service.reckon_dates(made, organiser) == []
    change = db.session.scalar(sa.select(DependentDateChange).where(DependentDateChange.meeting_id == made))
    assert (change.old_day, change.new_day) == (date(2027, 5, 31), date(2027, 5, 28))


def test_rules_that_would_lean_on_each_other_are_refused(organiser, rules):
    with pytest.raises(RuleBroken) as refused:
        rules("ngo_applications", "ngo_objections", -28)
    assert refused.value.field == "anchor"
    for bad in ({"anchor": "nowhere"}, {"days": 9999}, {"roll": "sideways"}, {"kind": "Nothing"}):
        values = {"anchor": "start", "days": -1, "roll": "none", "kind": None, **bad}
        with pytest.raises(RuleBroken):
            date_service.set_rule(organiser, "credentials", source="A test", **values)
    with pytest.raises(RuleBroken) as refused:
        date_service.set_rule(organiser, "credentials", kind=None, anchor="start", days=-1, roll="none", source=" ")
    assert refused.value.field == "source"


def test_an_organiser_adds_a_date_without_code(organiser, rules):
    code = date_service.add_date_kind(organiser, "Speakers’ list opens", public=False)
    date_service.set_rule(organiser, code, kind=None, anchor="start", days=-21, roll="none", source="A test")
    made = make_meeting(organiser)
    assert days(made)[code] == date(2027, 5, 17)
    assert code not in days(made, reveal=False), "it is not shown to everybody"
    with pytest.raises(RuleBroken) as refused:
        date_service.add_date_kind(organiser, "speakers’ LIST opens")
    assert refused.value.field == "name"


# --- moving -----------------------------------------------------------------------------------------------------
def test_when_the_meeting_moves_its_dates_follow_and_hands_are_asked(organiser, rules):
    made = make_meeting(organiser)
    date_service.set_date(made, organiser, "ngo_applications", date(2027, 4, 1), "As the invitation says.")
    assert days(made)["ngo_objections"] == date(2027, 5, 10), "only what is reckoned anew follows"
    service.redate_meeting(made, organiser, START + timedelta(14), END + timedelta(14), "A clash.")
    assert days(made) == {
        "ngo_applications": date(2027, 4, 1), "ngo_objections": date(2027, 4, 29),
        "registration_closes": date(2027, 6, 14)}
    assert stored(made, "ngo_applications").look_again
    date_service.keep_date(made, organiser, "ngo_applications")
    assert not stored(made, "ngo_applications").look_again
    date_service.reckon_dates(made, organiser)
    assert not stored(made, "ngo_applications").look_again, "the meeting has not moved since"
    date_service.reckon_dates(made, organiser, free="ngo_applications")
    assert days(made)["ngo_applications"] == date(2027, 4, 26)
    reasons = {c.reason for c in db.session.scalars(sa.select(DependentDateChange)) if c.code == "registration_closes"}
    assert reasons == {"A clash."}


def test_drafts_change_without_a_public_record(organiser, rules):
    made = make_meeting(organiser, publish=False)
    service.edit_meeting(made, organiser, replace(FACTS, start_date=START + timedelta(7), end_date=END + timedelta(7)))
    assert days(made)["registration_closes"] == date(2027, 6, 7)
    assert db.session.scalar(sa.select(sa.func.count()).select_from(DependentDateChange)) == 0
    assert stored(made, "registration_closes").sequence == 0


def test_the_day_for_national_reports_is_kept_in_step(organiser, rules):
    rules("reports", "start", -60, kind="BMS")
    made = make_meeting(organiser, publish=False)
    meeting = db.session.get(Meeting, made)
    assert meeting.report_deadline == days(made)["reports"] == date(2027, 4, 8)
    service.edit_meeting(made, organiser, replace(FACTS, report_deadline=date(2027, 5, 1)))
    assert days(made)["reports"] == date(2027, 5, 1) and stored(made, "reports").by_hand
    date_service.set_date(made, organiser, "reports", None, "None are asked for.")
    db.session.expire_all()
    assert "reports" not in days(made) and db.session.get(Meeting, made).report_deadline is None


def test_subscribers_by_mail_hear_of_old_and_new_days(organiser, rules, make, person):
    made = make_meeting(organiser)
    listener, elsewhere = make.actor("donor"), make.actor("donor")
    subscriptions.make(listener, FeedFilter(kinds=("BMS",)), by_mail=True)
    subscriptions.make(elsewhere, FeedFilter(kinds=("RevCon",)), by_mail=True)
    subscriptions.make(organiser, FeedFilter())  # a feed, no mail
    service.redate_meeting(made, organiser, START + timedelta(14), END + timedelta(14), "A clash.")
    service.postpone_meeting(made, organiser, "The building is closed.")
    service.cancel_meeting(made, organiser, "Not held.")
    mails = db.session.scalars(sa.select(OutboxMail).where(OutboxMail.kind.startswith("meeting-"))
                               .order_by(OutboxMail.created_at)).all()
    assert [mail.kind for mail in mails] == ["meeting-moved", "meeting-moved", "meeting-cancelled"]
    assert len({mail.to_address for mail in mails}) == 1
    assert "7–11 June 2027" in mails[0].body and "21–25 June 2027" in mails[0].body
    assert "Registration closes: 14 June 2027" in mails[0].body and "A clash." in mails[0].body
    assert "postponed" in mails[1].subject and "no longer hold" in mails[1].body


# --- by hand ----------------------------------------------------------------------------------------------------
def test_times_that_clocks_never_show_are_refused(organiser):
    made = make_meeting(organiser)
    with pytest.raises(RuleBroken) as refused:
        date_service.set_date(made, organiser, "credentials", date(2027, 3, 14), "Why not.", at_time="02:30")
    assert refused.value.field == "at_time" and "02:30" in str(refused.value.message)
    date_service.set_date(made, organiser, "credentials", date(2027, 3, 14), "Why not.", at_time="03:30")
    assert dates.out_of_gap(date(2027, 3, 14), "02:30", "America/New_York") == "03:30"
    assert dates.out_of_gap(date(2027, 3, 14), "02:30", "Africa/Nairobi") == "02:30"


@pytest.mark.parametrize(("values", "field"), [
    ({"at_time": "25:00"}, "at_time"), ({"at_time": "noon"}, "at_time"), ({"day": date(2019, 1, 1)}, "day"),
    ({"reason": "  "}, "reason"), ({"reason": "x" * 501}, "reason"), ({"day": None}, "day"),
])
def test_bad_input_says_where(organiser, values, field):
    made = make_meeting(organiser)
    given = {"day": date(2027, 6, 1), "reason": "Why not.", "at_time": None, **values}
    with pytest.raises(RuleBroken) as refused:
        date_service.set_date(made, organiser, "credentials", given["day"], given["reason"], at_time=given["at_time"])
    assert refused.value.field == field


def test_only_organisers_and_only_who_saw_the_latest(organiser, make):
    made = make_meeting(organiser)
    with pytest.raises(NotAllowed):
        date_service.set_date(made, make.actor("auditor"), "credentials", START, "Mine.")
    with pytest.raises(NotAllowed):
        date_service.set_rule(make.actor("fund_manager"), "credentials", kind=None, anchor="start", days=1,
                              roll="none", source="x")
    date_service.set_date(made, organiser, "credentials", START, "First.", expected_version=0)
    with pytest.raises(Stale):
        date_service.set_date(made, organiser, "credentials", END, "Second.", expected_version=0)


# --- feeds ------------------------------------------------------------------------------------------------------
def entries(client, path):
    answer = client.get(path)
    assert answer.status_code == 200
    return {str(e["UID"]): e for e in icalendar.Calendar.from_ical(answer.data).walk("VEVENT")}, answer


def test_deadlines_in_feeds_have_a_zone_of_their_own_and_rise_with_the_meeting(client, organiser, rules):
    made = make_meeting(organiser)
    key = str(stored(made, "registration_closes").id)
    assert list(entries(client, "/calendar.ics")[0]) == [str(made)], "only where asked for"
    found, answer = entries(client, "/calendar.ics?dates=1")
    assert len(found) == 4 and str(found[key]["RELATED-TO"]) == str(made)
    assert b"BEGIN:VTIMEZONE\r\nTZID:America/New_York" in answer.data
    assert found[key]["DTSTART"].dt.isoformat() == "2027-05-31T18:00:00-04:00"
    before = int(found[key]["SEQUENCE"])
    service.redate_meeting(made, organiser, START + timedelta(14), END + timedelta(14), "A clash.")
    moved = entries(client, "/meetings/dbms-1/calendar.ics?dates=1")[0][key]
    assert int(moved["SEQUENCE"]) > before and moved["DTSTART"].dt.date() == date(2027, 6, 14)
    service.postpone_meeting(made, organiser, "The building is closed.")
    ended = entries(client, "/calendar.ics?dates=1")[0][key]
    assert str(ended["STATUS"]) == "CANCELLED" and int(ended["SEQUENCE"]) > int(moved["SEQUENCE"])
    assert str(ended["SUMMARY"]).startswith("No longer holds:")


def test_a_dropped_date_stays_in_feeds_as_cancelled(client, organiser, rules):
    made = make_meeting(organiser)
    key = str(stored(made, "registration_closes").id)
    date_service.set_date(made, organiser, "registration_closes", None, "No registration.")
    found = entries(client, "/calendar.ics?dates=1")[0][key]
    assert str(found["STATUS"]) == "CANCELLED"
    assert "registration_closes" not in days(made)


def test_other_rooms_add_dates_by_the_registry(client, organiser, monkeypatch):
    made = make_meeting(organiser)
    def source(name):
        return lambda ids: [dates.other_date(key, name, name, date(2027, 5, 3), "/sponsorship/") for key in ids]

    monkeypatch.setattr(dates, "_sources", {source("Applications close"): True, source("On pages only"): False})
    page = client.get("/meetings/dbms-1/").get_data(as_text=True)
    assert "Applications close" in page and "On pages only" in page and 'href="/sponsorship/"' in page
    found, _ = entries(client, "/calendar.ics?dates=1")
    assert [str(e["SUMMARY"]) for e in found.values()].count("DBMS 1: Applications close") == 1
    assert "DBMS 1: On pages only" not in {str(e["SUMMARY"]) for e in found.values()} and str(made) in found


# --- pages ------------------------------------------------------------------------------------------------------
@pytest.mark.pages
def test_an_organiser_does_all_of_it_by_pages(as_person, person, organiser):
    load_meetings()
    make_meeting(organiser)
    browser = as_person(person)
    page = browser.get("/meetings/dates").get_data(as_text=True)
    assert "rule 27 of the rules of procedure" in page and "Set a rule" in page
    answer = browser.post("/meetings/dates", data={"name": "Speakers’ list opens", "public": "y"})
    assert answer.status_code == 303
    code = answer.headers["Location"].rsplit("/", 1)[1]
    rule = {"kind": "BMS", "direction": "before", "days": "21", "anchor": "start", "roll": "before", "at_time": "",
            "source": "The invitation"}
    assert browser.post(f"/meetings/dates/{code}", data={**rule, "days": ""}).status_code == 422
    assert browser.post(f"/meetings/dates/{code}", data={**rule, "source": ""}).status_code == 422
    assert browser.post(f"/meetings/dates/{code}", data=rule).status_code == 303
    assert browser.post("/meetings/dbms-1/dates-by-rule").status_code == 303
    page = browser.get("/meetings/dbms-1/dates").get_data(as_text=True)
    assert "Speakers’ list opens" in page and "By the rule" in page
    form = browser.get(f"/meetings/dbms-1/dates/{code}").get_data(as_text=True)
    version = re.search(r'name="version"[^>]*value="(\d+)"', form)[1]
    bad = browser.post(f"/meetings/dbms-1/dates/{code}", data={
        "version": version, "day": "2027-03-14", "at_time": "02:30", "reason": "Typed with care"})
    assert bad.status_code == 422 and "Typed with care" in bad.get_data(as_text=True)
    good = browser.post(f"/meetings/dbms-1/dates/{code}", data={
        "version": version, "day": "2027-05-20", "at_time": "09:00", "reason": "The room is free then"})
    assert good.status_code == 303
    page = browser.get("/meetings/dbms-1/").get_data(as_text=True)
    assert "20 May 2027" in page and "The room is free then" in page
    assert browser.post(f"/meetings/dbms-1/dates/{code}/keep").status_code == 303
    assert browser.post("/meetings/dbms-1/dates-by-rule", data={"free": code}).status_code == 303
    key = db.session.scalar(sa.select(DateRule.id).where(DateRule.code == code, DateRule.ended_at.is_(None)))
    assert browser.post(f"/meetings/dates/rules/{key}/end").status_code == 303
    assert browser.get(f"/meetings/dates/{code}?kind=BMS").status_code == 200
    assert browser.get("/meetings/dates/nothing").status_code == 404
