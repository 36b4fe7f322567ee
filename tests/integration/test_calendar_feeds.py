"""Feeds as calendar programs see them: two independent parsers, conditional requests, what a change does."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import icalendar
import pytest
from sqlalchemy import update

from core.db import db
from meetings.calendar import feeds, service
from meetings.calendar.models import CalendarStamp, Meeting
from meetings.calendar.reference import load_meetings
from tests.support import strict_ical

START, END = date(2027, 6, 7), date(2027, 6, 11)


def facts(**values):
    base = {
        "kind": "BMS", "title": "Demonstration Biennial Meeting of States", "short_name": "DBMS 1",
        "certainty": "fixed", "start_date": START, "end_date": END, "city": "New York", "country_code": "US",
        "venue": "United Nations Headquarters", "timezone": "America/New_York",
    }
    return service.MeetingFacts(**{**base, **values})


@pytest.fixture
def organiser(make):
    return make.actor("organiser")


@pytest.fixture
def published(organiser):
    """A published meeting's id."""
    made = service.create_meeting(organiser, facts(), slug="dbms-1", is_demo=True)
    service.publish_meeting(made, organiser)
    return made


def fetch(client, path="/calendar.ics", **headers):
    answer = client.get(path, headers=headers)
    assert answer.status_code == 200, answer.status_code
    assert answer.mimetype == "text/calendar" and answer.headers["Content-Type"].endswith("charset=utf-8")
    return strict_ical.parse(answer.data), answer


def event(client, meeting_id, path="/calendar.ics"):
    calendar, answer = fetch(client, path)
    both = icalendar.Calendar.from_ical(answer.data).walk("VEVENT")
    assert [str(e["UID"]) for e in both] == [e.get("UID") for e in calendar.parts]
    return next((e for e in calendar.parts if e.get("UID") == str(meeting_id)), None)


def age_stamp():
    """Let the calendar have stood for an hour."""
    db.session.execute(update(CalendarStamp).values(changed_at=datetime.now(UTC) - timedelta(hours=1)))
    db.session.commit()


# --- what stands in them ----------------------------------------------------------------------------------------
def test_the_real_calendar_in_two_parsers(client):
    load_meetings()
    calendar, answer = fetch(client)
    theirs = icalendar.Calendar.from_ical(answer.data).walk("VEVENT")
    assert len(calendar.parts) == len(theirs) == 27  # 30 less BMS10, RevCon5 and one without days
    for mine, other in zip(calendar.parts, theirs, strict=True):
        assert mine.get("UID") == str(other["UID"])
        assert (mine.day("DTSTART"), mine.day("DTEND")) == (other["DTSTART"].dt, other["DTEND"].dt)
        assert mine.get("SUMMARY") == str(other["SUMMARY"])
        assert int(mine.get("SEQUENCE")) == int(other["SEQUENCE"]) == 0
    names = [e.get("SUMMARY").split(":")[0] for e in calendar.parts]
    assert "BMS9" in names and "BMS10" not in names and "RevCon5" not in names


def test_the_postponed_first_dates_of_bms7_stay_as_cancelled(client):
    load_meetings()
    calendar, _ = fetch(client)
    first = next(e for e in calendar.parts if e.day("DTSTART") == date(2020, 6, 15))
    assert first.get("STATUS") == "CANCELLED" and first.get("SUMMARY").startswith("Postponed: BMS7")
    assert "held as BMS7 on 26–30 July 2021" in first.get("DESCRIPTION")
    held = next(e for e in calendar.parts if e.day("DTSTART") == date(2021, 7, 26))
    assert held.get("STATUS") == "CONFIRMED" and held.get("UID") != first.get("UID")


def test_whole_days_with_an_exclusive_end(client, published):
    found = event(client, published)
    assert (found.day("DTSTART"), found.day("DTEND")) == (START, END + timedelta(days=1))
    assert found.get("LOCATION").startswith("United Nations Headquarters, New York")
    assert found.get("URL") == "http://placard.test/meetings/dbms-1/"
    assert found.get("TRANSP") == "TRANSPARENT"


@pytest.mark.parametrize("certainty", ["none", "provisional", "fixed"])
def test_drafts_are_absent_and_unknown(client, organiser, certainty):
    made = service.create_meeting(organiser, facts(certainty=certainty, year=2027), slug="draft")
    assert event(client, made) is None
    assert client.get("/meetings/draft/calendar.ics").status_code == 404
    service.announce_meeting(made, organiser)  # its existence is public, its days are not
    assert event(client, made) is None
    assert client.get("/meetings/draft/calendar.ics").status_code == 404


def test_a_cancelled_draft_never_appears(client, organiser):
    made = service.create_meeting(organiser, facts(), slug="draft")
    service.announce_meeting(made, organiser)
    service.cancel_meeting(made, organiser, "Not mandated after all.")
    assert event(client, made) is None


def test_one_meeting_has_its_own_feed(client, published):
    calendar, answer = fetch(client, "/meetings/dbms-1/calendar.ics")
    assert [e.get("UID") for e in calendar.parts] == [str(published)]
    assert calendar.get("NAME") == "DBMS 1"
    assert 'filename="placard-dbms-1.ics"' in answer.headers["Content-Disposition"]
    assert client.get("/meetings/nowhere/calendar.ics").status_code == 404


@pytest.mark.parametrize("title", [
    "x\r\nBEGIN:VEVENT\r\nUID:evil", "a;b,c\\d", "<script>alert(1)</script>", "اجتماع الدول " * 20, "会议" * 100,
    "\u202eevil\u202c", "é" * 300,
])
def test_hostile_and_foreign_titles(client, organiser, title):
    made = service.create_meeting(organiser, facts(title=title), slug="odd")
    service.publish_meeting(made, organiser)
    assert event(client, made) is not None
    assert len(fetch(client)[0].parts) == 1
    assert client.get("/meetings/odd/").status_code == 200  # the page checker sees that nothing was executed


# --- what a change does -----------------------------------------------------------------------------------------
def sequence(client, published):
    return int(event(client, published).get("SEQUENCE"))


def test_uid_is_stable_and_sequence_rises_with_what_matters(client, organiser, published):
    assert sequence(client, published) == 0
    service.edit_meeting(published, organiser, facts(notes="Doors open at nine."))
    assert sequence(client, published) == 0, "a note on the page is no change for subscribers"
    service.edit_meeting(published, organiser, facts(notes="Doors open at nine.", presiding_name="A. Example"))
    assert sequence(client, published) == 0
    service.edit_meeting(published, organiser, facts(notes="Doors open at nine.", presiding_name="A. Example"))
    assert sequence(client, published) == 0, "saving without a change is none"
    service.edit_meeting(published, organiser, facts(venue="Conference Room 4"))
    assert sequence(client, published) == 1
    service.edit_meeting(published, organiser, facts(venue="Conference Room 4", title="A better title"))
    assert sequence(client, published) == 2
    service.redate_meeting(published, organiser, START + timedelta(days=7), END + timedelta(days=7), "A clash.")
    assert sequence(client, published) == 3
    assert event(client, published).day("DTSTART") == START + timedelta(days=7)
    service.postpone_meeting(published, organiser, "The building is closed.")
    gone = event(client, published)
    assert (gone.get("STATUS"), gone.get("SEQUENCE")) == ("CANCELLED", "4")
    assert gone.day("DTSTART") == START + timedelta(days=7), "the old days stay"
    service.redate_meeting(published, organiser, START + timedelta(days=400), END + timedelta(days=400), "Open again.")
    back = event(client, published)
    assert (back.get("STATUS"), back.get("SEQUENCE")) == ("CONFIRMED", "5")
    service.cancel_meeting(published, organiser, "Not held.")
    end = event(client, published)
    assert (end.get("STATUS"), end.get("SEQUENCE")) == ("CANCELLED", "6")
    assert end.get("SUMMARY").startswith("Cancelled: ")


def test_closing_changes_nothing_for_subscribers(client, organiser):
    from core import clock
    from core.actor import system

    past = facts(start_date=date(2026, 1, 12), end_date=date(2026, 1, 16))
    made = service.create_meeting(organiser, past, slug="past")
    service.publish_meeting(made, organiser)
    before = fetch(client)[1].headers["ETag"]
    service.close_meeting(made, system("test"), clock.now())
    assert db.session.get(Meeting, made).state == "held"
    assert fetch(client)[1].headers["ETag"] == before


def test_changes_before_publication_do_not_count(client, organiser):
    made = service.create_meeting(organiser, facts(certainty="provisional"), slug="late")
    for n in range(3):
        service.edit_meeting(made, organiser, facts(title=f"Title {n}", start_date=START + timedelta(days=n),
                                                    end_date=END + timedelta(days=n)))
    service.publish_meeting(made, organiser)
    assert sequence(client, made) == 0


# --- conditional requests ---------------------------------------------------------------------------------------
def test_the_same_calendar_is_not_sent_twice(client, organiser, published):
    age_stamp()
    _calendar, first = fetch(client)
    etag, modified = first.headers["ETag"], first.headers["Last-Modified"]
    assert not etag.startswith("W/") and first.headers["Cache-Control"] == "public, no-cache"
    for headers in ({"If-None-Match": etag}, {"If-None-Match": f'"other", {etag}'}, {"If-None-Match": f"W/{etag}"},
                    {"If-Modified-Since": modified}, {"If-None-Match": etag, "If-Modified-Since": modified}):
        answer = client.get("/calendar.ics", headers=headers)
        assert answer.status_code == 304 and answer.data == b"", headers
        assert answer.headers["ETag"] == etag
    for headers in ({"If-None-Match": '"other"'}, {"If-Modified-Since": "Mon, 01 Jan 2001 00:00:00 GMT"},
                    {"If-None-Match": '"other"', "If-Modified-Since": modified}, {"If-Modified-Since": "rubbish"},
                    {"If-Modified-Since": "Mon, 01 Jan 2390 00:00:00 GMT"}):
        assert client.get("/calendar.ics", headers=headers).status_code == 200, headers
    service.edit_meeting(published, organiser, facts(venue="Elsewhere"))
    answer = client.get("/calendar.ics", headers={"If-None-Match": etag})
    assert answer.status_code == 200 and answer.headers["ETag"] != etag
    # the change bears a second that is not over yet, so no date is promised for it
    assert "Last-Modified" not in answer.headers
    assert client.get("/calendar.ics", headers={"If-Modified-Since": modified}).status_code == 200


def test_two_changes_never_bear_the_same_date(client, organiser, published):
    from meetings.calendar.stamp import current_stamp

    seen = {current_stamp().last_modified}
    for n in range(4):
        service.edit_meeting(published, organiser, facts(venue=f"Room {n}"))
        assert current_stamp().last_modified not in seen
        seen.add(current_stamp().last_modified)


def test_a_star_does_not_make_an_unknown_meeting_known(client, published):
    assert client.get("/meetings/nowhere/calendar.ics", headers={"If-None-Match": "*"}).status_code == 404
    assert client.get("/meetings/dbms-1/calendar.ics", headers={"If-None-Match": "*"}).status_code == 304


def test_head_says_what_get_would(client, published):
    head, get = client.head("/calendar.ics"), client.get("/calendar.ics")
    assert head.status_code == 200 and head.data == b""
    assert head.headers["ETag"] == get.headers["ETag"]
    assert head.headers["Content-Length"] == str(len(get.data))


def test_the_reader_changes_nothing(client, published):
    plain = client.get("/calendar.ics")
    other = client.get("/calendar.ics", headers={"Accept-Language": "ar", "Cookie": "lang=fr"})
    assert plain.data == other.data and "Set-Cookie" not in other.headers


def test_a_conditional_request_costs_one_small_query(client, published, queries):
    etag = client.get("/calendar.ics").headers["ETag"]
    queries.clear()
    assert client.get("/calendar.ics", headers={"If-None-Match": etag}).status_code == 304
    assert len(queries) == 1 and "calendar_stamp" in queries[0]
    queries.clear()
    assert client.get("/calendar.ics").status_code == 200  # the bytes are kept
    assert len(queries) == 1


def many(make, count):
    for n in range(count):
        make.meeting(slug=f"many-{n}", ordinal=None, presiding_name="A", presiding_country="KE",
                     start_date=date(2010, 1, 4) + timedelta(days=7 * n))
    service.touch_calendar()
    db.session.commit()


def test_queries_do_not_grow_with_meetings(client, make, queries):
    counts = []
    for more in (3, 297):
        db.session.query(Meeting).filter(Meeting.slug.startswith("many-")).delete()
        many(make, 3 if more == 3 else 300)
        feeds._kept.clear()
        queries.clear()
        calendar, _ = fetch(client)
        counts.append(len(queries))
        assert len(calendar.parts) == (3 if more == 3 else 300)
    assert counts[0] == counts[1] <= 5, counts
