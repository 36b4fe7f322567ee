"""Feeds narrowed by their address, people's own feeds, search and the month: what is asked for is what comes."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

import icalendar
import pytest
import sqlalchemy as sa
import vobject

from core.actor import PUBLIC
from core.db import db
from core.errors import NotFound, SignInNeeded, Stale
from meetings.calendar import date_service, feeds, search, service, subscriptions
from meetings.calendar.date_models import CalendarSubscription
from meetings.calendar.feed_filters import FeedFilter
from meetings.calendar.models import CalendarStamp, Meeting
from meetings.calendar.reference import load_meetings
from meetings.calendar.vtimezone import timezone
from tests.support import strict_ical


def fetch(client, path, **headers):
    answer = client.get(path, headers=headers)
    assert answer.status_code == 200, (path, answer.status_code)
    return [str(e["SUMMARY"]).split(":")[0] for e in icalendar.Calendar.from_ical(answer.data).walk("VEVENT")], answer


@pytest.fixture
def loaded(app):
    load_meetings()


@pytest.fixture
def organiser(make):
    return make.actor("organiser")


# --- filters ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("query", "names"), [
    ("kind=PrepCom", ["RevCon1 PrepCom", "RevCon2 PrepCom", "RevCon3 PrepCom", "RevCon4 PrepCom"]),
    ("kind=RevCon,Conference&year=2001,2006", ["Conference 2001", "RevCon1"]),
    ("year=2018&kind=RevCon&kind=PrepCom", ["RevCon3 PrepCom", "RevCon3"]),
    ("place=Nairobi", None), ("status=postponed", ["Postponed"]), ("kind=Nothing", []), ("status=cancelled", []),
])
def test_filters_let_through_what_they_say(client, loaded, query, names):
    found, _ = fetch(client, f"/calendar.ics?{query}")
    if names is not None:
        assert found == names
    else:
        assert found and len(found) < 27


@pytest.mark.parametrize("query", [
    "year=twenty", "year=20260", "status=open", "dates=yes", "language=xx", "kind=" + ",".join(map(str, range(30))),
    "place=" + "x" * 200,
])
def test_what_cannot_be_meant_is_refused_in_words(client, loaded, query):
    answer = client.get(f"/calendar.ics?{query}")
    assert 400 <= answer.status_code < 500 and answer.status_code != 404
    assert b"BEGIN:VCALENDAR" not in answer.data


def test_the_same_filter_in_another_order_is_the_same_feed(client, loaded):
    one, two = (client.get(f"/calendar.ics?{q}") for q in ("kind=BMS,MGE&year=2014", "year=2014&kind=MGE&kind=BMS"))
    assert one.headers["ETag"] == two.headers["ETag"] != client.get("/calendar.ics?kind=BMS").headers["ETag"]
    assert one.data == two.data


def test_a_filtered_conditional_request_costs_one_small_query(client, loaded, queries):
    etag = client.get("/calendar.ics?kind=BMS&dates=1").headers["ETag"]
    queries.clear()
    assert client.get("/calendar.ics?kind=BMS&dates=1", headers={"If-None-Match": etag}).status_code == 304
    assert len(queries) == 1 and "calendar_stamp" in queries[0]
    assert client.get("/calendar.ics?kind=MGE&dates=1", headers={"If-None-Match": etag}).status_code == 200


def test_a_feed_that_turns_with_the_day_promises_no_date(client, loaded):
    db.session.execute(sa.update(CalendarStamp).values(changed_at=datetime.now(UTC) - timedelta(hours=1)))
    db.session.commit()
    answer = client.get("/calendar.ics?status=upcoming")
    assert "Last-Modified" not in answer.headers and "Last-Modified" in client.get("/calendar.ics").headers
    since = client.get("/calendar.ics").headers["Last-Modified"]
    assert client.get("/calendar.ics?status=upcoming", headers={"If-Modified-Since": since}).status_code == 200


def test_kept_bytes_have_an_end(client, loaded, monkeypatch):
    monkeypatch.setattr(feeds, "MOST_BYTES", 30_000)
    for year in range(2001, 2027):
        client.get(f"/calendar.ics?year={year}")
    assert sum(len(kept.body) for kept in feeds._kept.values()) <= 30_000


def test_languages_are_asked_for_by_name_and_leave_no_cookie(client, app, loaded, monkeypatch):
    monkeypatch.setitem(app.extensions, "placard_languages", ("en", "fr"))
    _, answer = fetch(client, "/calendar.ics?language=fr")
    assert b"//FR\r\n" in answer.data and "Set-Cookie" not in answer.headers
    assert answer.headers["ETag"] != client.get("/calendar.ics").headers["ETag"]


# --- a parser of another code base --------------------------------------------------------------------------------
def test_another_code_base_reads_the_same(client, loaded, organiser):
    made = service.create_meeting(organiser, service.MeetingFacts(
        kind="BMS", title="Réunion; avec, virgules\\ et 会议 " * 6, short_name="DBMS 1", certainty="fixed",
        start_date=date(2027, 6, 7), end_date=date(2027, 6, 11), city="New York", timezone="America/New_York",
        languages=("en", "fr"), mode="hybrid", taking_part="Links are sent to registered delegates."), slug="dbms-1")
    service.publish_meeting(made, organiser)
    date_service.set_date(made, organiser, "registration_closes", date(2027, 5, 28), "A test.", at_time="18:00")
    date_service.set_date(made, organiser, "credentials", date(2027, 11, 30), "A test.", at_time="18:00")
    answer = client.get("/calendar.ics?dates=1")
    theirs = {e.uid.value: e for e in vobject.readOne(answer.data.decode()).vevent_list}
    first = {str(e["UID"]): e for e in icalendar.Calendar.from_ical(answer.data).walk("VEVENT")}
    strict = {e.get("UID") for e in strict_ical.parse(answer.data).parts if e.name == "VEVENT"}
    assert theirs.keys() == first.keys() == strict and len(theirs) > 30
    for key, entry in theirs.items():
        other = first[key]
        assert entry.summary.value == str(other["SUMMARY"])
        assert entry.description.value == str(other["DESCRIPTION"])
        assert entry.status.value == str(other["STATUS"]) and int(entry.sequence.value) == int(other["SEQUENCE"])
        mine, its = entry.dtstart.value, other["DTSTART"].dt
        if isinstance(its, datetime):
            assert mine.astimezone(UTC) == its.astimezone(UTC)  # read by the VTIMEZONE in the feed
        else:
            assert mine == its and entry.dtend.value == other["DTEND"].dt
    timed = sorted(e.dtstart.value.astimezone(UTC) for e in theirs.values() if isinstance(e.dtstart.value, datetime))
    assert timed == [datetime(2027, 5, 28, 22, tzinfo=UTC), datetime(2027, 11, 30, 23, tzinfo=UTC)]


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/Zurich", "Africa/Nairobi", "Asia/Kathmandu",
                                  "Australia/Lord_Howe", "America/Santiago"])
def test_zones_say_what_the_clocks_say(zone):
    from zoneinfo import ZoneInfo

    made = timezone(zone, 2026, 2028)
    onsets = sorted(
        (part["DTSTART"].dt - part["TZOFFSETFROM"].td, part["TZOFFSETTO"].td) for part in made.subcomponents)
    for day in range(0, 3 * 365, 5):
        instant = datetime(2026, 1, 1, 12) + timedelta(days=day)
        offset = [to for at, to in onsets if at <= instant][-1]
        assert instant.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).utcoffset() == offset, (zone, instant)


# --- people's own feeds -------------------------------------------------------------------------------------------
def test_a_secret_address_brings_what_was_chosen_until_revoked(client, loaded, make, queries):
    actor = make.actor("donor")
    token = subscriptions.make(actor, FeedFilter(kinds=("PrepCom",)))
    path = f"/meetings/feeds/{token}.ics"
    names, answer = fetch(client, path)
    assert len(names) == 4 and answer.headers["Cache-Control"] == "private, no-cache"
    assert token not in answer.data.decode()
    queries.clear()
    assert client.get(path, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
    assert len(queries) == 1
    subscriptions.change(actor, FeedFilter(kinds=("MGE",)), by_mail=False, expected_version=1)
    assert client.get(path, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 200
    names = fetch(client, path)[0]
    assert {"MGE1", "MGE2"} <= set(names) and not any("PrepCom" in name for name in names)
    with pytest.raises(Stale):
        subscriptions.change(actor, FeedFilter(), by_mail=False, expected_version=1)
    again = subscriptions.make(actor, FeedFilter())
    assert client.get(path).status_code == 404
    assert len(fetch(client, f"/meetings/feeds/{again}.ics")[0]) == 27
    assert subscriptions.revoke(actor) and not subscriptions.revoke(actor)
    assert client.get(f"/meetings/feeds/{again}.ics").status_code == 404
    stored = db.session.scalars(sa.select(CalendarSubscription.token_sha256)).all()
    assert len(stored) == 2 and again not in stored


def test_nobody_without_a_person_has_a_feed_and_a_closed_account_loses_it(client, loaded, make):
    with pytest.raises(SignInNeeded):
        subscriptions.make(PUBLIC, FeedFilter())
    someone = make.person("donor")
    from core.actor import person as acting

    with pytest.raises(NotFound):
        subscriptions.change(acting(someone.id), FeedFilter(), by_mail=True)
    token = subscriptions.make(acting(someone.id), FeedFilter())
    someone.active = False
    db.session.commit()
    assert client.get(f"/meetings/feeds/{token}.ics").status_code == 404


@pytest.mark.pages
def test_the_page_of_ones_own_feed(as_person, make, client, loaded):
    browser = as_person(make.person("donor"))
    page = browser.get("/meetings/my-feed").get_data(as_text=True)
    assert "Make my address" in page and "New York" in page
    answer = browser.post("/meetings/my-feed", data={"version": "0", "kind": ["RevCon"], "place": ["New York"],
                                                     "dates": "y", "lang": "en"})
    page = answer.get_data(as_text=True)
    token = re.search(r"/meetings/feeds/([\w-]+)\.ics", page)[1]
    assert answer.headers["Cache-Control"] == "private, no-store" and "shown once" in page
    assert "RevCon1" in fetch(client, f"/meetings/feeds/{token}.ics")[0]
    assert token not in browser.get("/meetings/my-feed").get_data(as_text=True)
    assert browser.post("/meetings/my-feed", data={"version": "1", "kind": ["BMS"], "lang": "en"}).status_code == 303
    assert "BMS1" in fetch(client, f"/meetings/feeds/{token}.ics")[0]
    assert browser.post("/meetings/my-feed/new-address").status_code == 200
    assert client.get(f"/meetings/feeds/{token}.ics").status_code == 404
    assert browser.post("/meetings/my-feed/revoke").status_code == 303
    assert browser.post("/meetings/my-feed/new-address").status_code == 404
    assert client.get("/meetings/my-feed").status_code == 303, "one signs in first"


# --- search and month ---------------------------------------------------------------------------------------------
def hits(client, words):
    page = client.get("/meetings/search", query_string={"q": words}).get_data(as_text=True)
    return re.findall(r'<li><p><a href="/meetings/([\w-]+)/"', page)


def test_all_words_must_occur_whatever_their_case_and_accents(client, loaded):
    assert hits(client, "lome")[0].startswith("regional-2024") and hits(client, "LOMÉ") == hits(client, "lome")
    assert hits(client, "bms9")[0] == "bms9"
    assert hits(client, "prepcom 2018") == ["revcon3-prepcom"]
    assert hits(client, "prepcom 1999") == [] and hits(client, "  ") == []
    assert "Nothing found for" in client.get("/meetings/search?q=zzz").get_data(as_text=True)
    assert "&lt;b&gt;" in client.get("/meetings/search?q=<b>").get_data(as_text=True)


def test_drafts_are_found_by_organisers_only(client, as_person, make, organiser):
    service.create_meeting(organiser, service.MeetingFacts(
        kind="BMS", title="Secret plan", short_name="PLAN 1", year=2029), slug="plan-1")
    assert hits(client, "secret") == [] and hits(as_person(make.person("organiser")), "secret") == ["plan-1"]


def test_other_rooms_add_their_own_hits(client, loaded, monkeypatch):
    seen = []

    def source(words, actor, most):
        seen.append((words, actor))
        return [search.Hit("A/CONF.192/15", "/papers/1", "Programme <of> Action")], 41

    monkeypatch.setattr(search, "_sources", {})
    search.register_search("documents", "Documents", source)
    page = client.get("/meetings/search?q=CONF.192").get_data(as_text=True)
    assert 'href="/papers/1"' in page and "&lt;of&gt;" in page and "41 hits" in page
    assert seen == [(("conf.192",), PUBLIC)]


def test_a_month_shows_sessions_and_what_falls_due(client, loaded, organiser):
    page = client.get("/meetings/month/2018/6").get_data(as_text=True)
    assert page.count('href="/meetings/revcon3/"') == 10 + 2, "two weeks, with the weekend between"
    assert "May 2018" in page and "July 2018" in page
    assert 'href="/meetings/revcon3/"' not in client.get("/meetings/month/2018/6?kind=BMS").get_data(as_text=True)
    assert "Nothing this month" in client.get("/meetings/month/1995/1").get_data(as_text=True)
    assert client.get("/meetings/month/2018/13").status_code == client.get("/meetings/month/1800/1").status_code == 404
    assert client.get("/meetings/month?month=2018-06").headers["Location"].endswith("/meetings/month/2018/6")
    assert client.get("/meetings/month?month=rubbish").status_code == 302


def test_queries_do_not_grow_with_meetings(client, make, organiser, queries):
    """The month, the search, the feed with dates: with 3 meetings and with 3,000."""
    paths = ("/meetings/month/2027/6", "/meetings/search?q=bms", "/meetings/", "/meetings/timeline",
             "/calendar.ics?dates=1&kind=BMS")
    template = make.meeting(slug="many-0", ordinal=None, start_date=date(2027, 6, 7))
    columns = {c.name: getattr(template, c.name) for c in Meeting.__table__.columns}
    counts = []
    for first, last in ((1, 3), (3, 3000)):
        db.session.execute(sa.insert(Meeting), [
            {**columns, "id": service.new_id(), "slug": f"many-{n}"} for n in range(first, last)])
        service.touch_calendar()
        db.session.commit()
        feeds._kept.clear()
        counts.append([])
        for path in paths:
            queries.clear()
            assert client.get(path).status_code == 200
            counts[-1].append(len(queries))
    assert counts[0] == counts[1], dict(zip(paths, zip(*counts, strict=True), strict=True))
    assert max(counts[1]) <= 9
