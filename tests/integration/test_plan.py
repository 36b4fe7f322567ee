"""The plan: lead times and days off of places, the timeline of an award, an officer's own feed."""

from __future__ import annotations

import re
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from icalendar import Calendar
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from core import clock
from core.db import db
from core.errors import NotAllowed, NotFound, RuleBroken
from sponsorship.disbursements import officer_calendar, plan_places, workdays
from sponsorship.disbursements.plan_models import OfficerCalendar
from sponsorship.disbursements.plan_places import Place, place_of
from sponsorship.disbursements.plan_timeline import timeline_of
from sponsorship.disbursements.planning import dates_for
from tests.support import strict_ical
from tests.support.award_story import AwardStory

ON = date(2026, 11, 23)
DAY = timedelta(days=1)
NEW_YORK = ZoneInfo("America/New_York")


@pytest.fixture
def story(make):
    return AwardStory(make)


def test_both_clock_changes_keep_the_hour_of_the_office():
    """New York: summer time begins on 14 March 2027 and ends on 7 November 2027."""
    spring = [dates_for("terminal", date(2027, 3, day), date(2027, 3, 25), ON).due_at for day in (15, 19)]
    autumn = [dates_for("terminal", date(2027, 11, day), date(2027, 11, 25), ON).due_at for day in (8, 15)]
    assert [at.hour for at in spring + autumn] == [14, 13, 13, 14]
    assert {at.astimezone(NEW_YORK).hour for at in spring + autumn} == {9}


def test_the_banks_place_and_the_host_move_the_day_of_release():
    travel, back_home = date(2027, 6, 13), date(2027, 6, 19)  # a Sunday to a Saturday
    plain = dates_for("dsa_advance", travel, back_home, ON).due_at
    assert plain.date() == date(2027, 6, 9)
    slow = Place(7, frozenset())
    assert dates_for("dsa_advance", travel, back_home, ON, slow).due_at.date() == date(2027, 6, 3)
    closed = Place(3, frozenset({date(2027, 6, 10), date(2027, 6, 9)}))
    assert dates_for("dsa_advance", travel, back_home, ON, closed).due_at.date() == date(2027, 6, 7)
    # the ticket is bought here: the payee's bank plays no part
    assert dates_for("ticket", travel, back_home, ON, slow) == dates_for("ticket", travel, back_home, ON)
    made = dates_for("terminal", travel, back_home, ON, Place(0, frozenset()))
    assert workdays.is_workday(made.due_at.date()) and made.due_at.date() <= travel


def test_public_holidays_of_the_banks_place_and_the_hosts_count(app):
    assert date(2027, 6, 1) in workdays.public_holidays("KE", 2027), "Madaraka Day"
    assert date(2027, 7, 5) in workdays.public_holidays("US", 2027), "the Monday after a Fourth of July on a Sunday"
    assert workdays.public_holidays("XZ", 2027) == frozenset()
    place = place_of("KE", "US", ON)
    assert {date(2027, 6, 1), date(2027, 7, 5), date(2026, 12, 25)} <= place.closed
    travel = date(2027, 6, 3)  # a Thursday; three working days before it the Tuesday is a holiday in Nairobi
    due = [dates_for("terminal", travel, travel + 9 * DAY, ON, p).due_at.date() for p in (Place(3, frozenset()), place)]
    assert due == [date(2027, 5, 28), date(2027, 5, 27)], "Memorial Day is the office's own day off"


def test_verified_bank_data_dates_the_payments_by_its_place(story):
    manager = story.officer("fund_manager")
    plan_places.set_lead_time("KE", clock.today() - DAY, 9, "Bank's letter", manager)
    plan_places.set_lead_time("KE", clock.today() + 30 * DAY, 2, "From next month on", manager)
    award = story.accepted()
    payments = story.payments(award)
    before = {kind: story.payment(p).due_at for kind, p in payments.items()}
    story.give_bank_data(award)
    after = {kind: story.payment(p) for kind, p in payments.items()}
    assert after["ticket"].due_at == before["ticket"] and after["final"].due_at == before["final"]
    days = workdays.back(story.award(award).travel_from, 9)
    for kind in ("dsa_advance", "terminal"):
        assert after[kind].due_at.astimezone(NEW_YORK).date() == days and after[kind].act_by == after[kind].request_by
    assert place_of("KE", "US", clock.today()).lead_days == 9
    assert place_of("FR", None, clock.today()).lead_days == place_of(None, None, clock.today()).lead_days == 3
    assert not story.verify()


def test_rows_of_places_are_dated_and_withdrawn_never_rewritten(story):
    manager, today = story.officer("fund_manager"), clock.today()
    lead = plan_places.set_lead_time("KE", today, 5, "Letter", manager)
    for act in (lambda: plan_places.set_lead_time("KE", today, 6, "Letter", manager),
                lambda: plan_places.set_lead_time("KE", today + DAY, 61, "Letter", manager)):
        with pytest.raises(RuleBroken):
            act()
    with pytest.raises(NotAllowed):
        plan_places.set_lead_time("KE", today + DAY, 6, "Letter", story.officer("requesting_officer"))
    assert plan_places.add_closed_days("US", [(today, "A day"), (today + DAY, "Another")], "Gazette", manager) == 2
    assert plan_places.add_closed_days("US", [(today, "A day")], "Gazette", manager) == 0
    place = place_of("KE", "US", today)
    assert place.lead_days == 5 and {today, today + DAY} <= place.closed
    for statement in ("UPDATE bank_lead_time SET working_days = 1", "DELETE FROM closed_day"):
        with pytest.raises(DBAPIError), db.session.begin_nested():
            db.session.execute(text(statement))
    plan_places.withdraw("lead", lead, manager)
    with pytest.raises(RuleBroken):
        plan_places.withdraw("lead", lead, manager)
    plan_places.set_lead_time("KE", today, 6, "Corrected letter", manager)
    assert place_of("KE", None, today).lead_days == 6


def test_the_timeline_says_who_acts_by_when(story, app):
    with app.test_request_context():
        _timeline(story)


def _timeline(story):
    award = story.accepted()
    page, steps = timeline_of(award, story.officer("auditor"))
    assert page.row.id == award
    zone = ZoneInfo("UTC")
    assert [s.key(zone) for s in steps] == sorted(s.key(zone) for s in steps)
    whats = " / ".join(f"{s.what}: {s.who}" for s in steps)
    for wanted in ("Ticket: certified: A certifying officer", "DSA, advance: released: A bank signatory",
                   "The meeting opens", "Home again: The delegate", "The bank data is given"):
        assert wanted in whats
    _page, own = timeline_of(award, story.focal_point())
    assert not [s for s in own if "certified" in s.what] and [s for s in own if s.what == "Leaves home"]
    with pytest.raises(NotFound):
        timeline_of(award, story.focal_point(1))
    travel = story.award(award).travel_to
    with clock.moved_to(story.payment(story.payments(award)["final"]).due_at):
        story.claim(award)
        whats = {s.what: s for s in timeline_of(award, story.officer("auditor"))[1]}
    assert whats["The claim is settled"].tone == "done" and whats["The report is written"].tone == "waiting"
    assert travel and whats["Ticket: requested"].tone == "attention"


def events_of(token):
    body = officer_calendar.feed(token)
    strict_ical.parse(body)
    return {str(e["uid"]): e for e in Calendar.from_ical(body).walk("VEVENT")}, body


def test_an_officers_feed_follows_the_payments(story):
    award = story.accepted()
    payments = story.payments(award)
    story.give_bank_data(award)
    certifier = story.officer("certifying_officer")
    token = officer_calendar.make(certifier)
    found, body = events_of(token)
    uid = f"{payments['ticket']}-certify@placard"
    assert set(found) == {f"{p}-certify@placard" for p in payments.values()}
    assert found[uid]["dtend"].dt == story.payment(payments["ticket"]).certify_by
    assert found[uid]["status"] == "CONFIRMED" and b"Family0" not in body and b"1,000" not in body
    before = int(found[uid]["sequence"])
    story.sign_three(payments["ticket"])
    found, _body = events_of(token)
    assert int(found[uid]["sequence"]) > before and str(found[uid]["summary"]).startswith("Done: ")
    from sponsorship.awards import answer_service

    answer_service.give_back(award, story.focal_point(), story.award(award).version)
    found, _body = events_of(token)
    assert {str(e["status"]) for e in found.values()} == {"CANCELLED"} and uid in found
    # one address works at a time; the secret itself is nowhere
    again = officer_calendar.make(certifier)
    with pytest.raises(NotFound):
        officer_calendar.feed(token)
    assert again not in str([vars(row) for row in db.session.query(OfficerCalendar)])
    assert officer_calendar.revoke(certifier) and not officer_calendar.revoke(certifier)
    for wrong in (again, "", "x" * 300):
        with pytest.raises(NotFound):
            officer_calendar.feed(wrong)
    with pytest.raises(NotAllowed):
        officer_calendar.make(story.focal_point())
    with pytest.raises(DBAPIError), db.session.begin_nested():
        db.session.execute(text("UPDATE officer_calendar SET token_sha256 = 'x'"))


def test_the_feed_says_when_panels_meet(make):
    """A whole day at the fund's seat, for those who call and decide; not for who only certifies."""
    day = clock.now().date() + timedelta(days=9)
    story = AwardStory(make, panel_meets_on=day)
    uid = f"{story.call_id}-panel@placard"
    found, body = events_of(officer_calendar.make(story.officer("head_of_fund")))
    assert found[uid]["dtstart"].dt == day and found[uid]["dtend"].dt == day + DAY
    assert b"DTSTART;VALUE=DATE:" in body and str(found[uid]["summary"]).startswith("Done: The panel meets")
    assert uid not in events_of(officer_calendar.make(story.officer("certifying_officer")))[0]


def test_a_feed_ends_with_the_role(story, make):
    from accounts.models import Person

    officer = make.person("requesting_officer")
    from core.actor import person

    token = officer_calendar.make(person(officer.id))
    assert officer_calendar.feed(token)
    db.session.get(Person, officer.id).active = False
    db.session.commit()
    with pytest.raises(NotFound):
        officer_calendar.feed(token)


@pytest.mark.pages
def test_the_pages_of_the_plan(story, as_person, client):
    award = story.accepted()
    manager, auditor = as_person(story.people["fund_manager"]), as_person(story.people["auditor"])
    assert "Who acts by when" in auditor.get(f"/awards/{award}").get_data(as_text=True)
    assert "A bank signatory" in auditor.get(f"/awards/{award}/timeline").get_data(as_text=True)
    assert as_person(story.focal[0]).get(f"/awards/{award}/timeline").status_code == 200
    assert as_person(story.focal[1]).get(f"/awards/{award}/timeline").status_code == 404
    lead = {"country": "ke", "working_days": "6", "valid_from": clock.today().isoformat(), "source": "Letter"}
    assert manager.submit("/travel/places/lead-times", {**lead, "country": "Kenya"}).status_code == 422
    assert manager.submit("/travel/places/lead-times", lead).status_code == 303
    assert manager.submit("/travel/places/lead-times", lead).status_code == 422
    off = {"off-country": "ke", "off-day": (clock.today() + DAY).isoformat(), "off-name": "Jamhuri Day",
           "off-source": "Gazette"}
    assert manager.submit("/travel/places/days-off", off).status_code == 303
    assert manager.submit("/travel/places/days-off", off).status_code == 422
    said = manager.get("/travel/places").get_data(as_text=True)
    assert "Jamhuri Day" in said and "Letter" in said
    row = re.search(r"/travel/places/lead/([0-9a-f-]+)/withdraw", said).group(0)
    assert manager.submit(row, {}).status_code == 303 and auditor.post(row).status_code == 403
    assert "You have no address yet." in auditor.get("/my-calendar").get_data(as_text=True)
    made = auditor.submit("/my-calendar/new", {})
    address = re.search(r"/calendar/officers/[\w-]+\.ics", made.get_data(as_text=True)).group(0)
    answer = client.get(address)
    assert answer.status_code == 200 and answer.content_type.startswith("text/calendar")
    assert client.get(address, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
    assert "shown once" not in auditor.get("/my-calendar").get_data(as_text=True)
    assert auditor.submit("/my-calendar/revoke", {}).status_code == 303
    assert client.get(address).status_code == 404
