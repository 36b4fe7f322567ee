"""Pages of the calendar: what the public and the organiser see, every bad input of every form, numbers of queries."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from core import clock, events
from core.db import db
from meetings.calendar import panels, service
from meetings.calendar.models import Meeting, MeetingDates
from meetings.calendar.reference import load_meetings
from meetings.calendar.service import MeetingFacts

pytestmark = pytest.mark.pages

START, END = date(2027, 6, 7), date(2027, 6, 11)
FACTS = MeetingFacts(
    kind="BMS", title="Demonstration Biennial Meeting", short_name="DBMS 1", certainty="fixed", start_date=START,
    end_date=END, city="New York", country_code=None, timezone="America/New_York",
)
FORM = {
    "kind": "BMS", "ordinal": "", "short_name": "DBMS 1", "title": "Demonstration Biennial Meeting",
    "certainty": "fixed", "year": "", "start_date": "2027-06-07", "end_date": "2027-06-11", "mode": "in_person",
    "city": "New York", "country_code": "", "venue": "", "timezone": "America/New_York", "meetings_allotted": "",
    "presiding_role": "", "presiding_name": "", "presiding_country": "", "mandate_text": "", "report_deadline": "",
    "notes": "", "slug": "",
}


@pytest.fixture
def person(make):
    return make.person("organiser")


@pytest.fixture
def organiser(as_person, person):
    return as_person(person)


@pytest.fixture
def actor(person):
    from core.actor import person as acting

    return acting(person.id)


def make_meeting(actor, slug="dbms-1", publish=True, **values):
    made = service.create_meeting(actor, replace(FACTS, **values), slug=slug)
    if publish:
        service.publish_meeting(made, actor)
    return made


def text(response) -> str:
    return response.get_data(as_text=True)


def stored(slug) -> Meeting | None:
    return db.session.scalar(
        sa.select(Meeting).where(Meeting.slug == slug).execution_options(populate_existing=True))


# --- the public -------------------------------------------------------------------------------------------------
def test_home_without_anything(client):
    answer = client.get("/")
    assert answer.status_code == 200 and "Every State at the table" in text(answer)
    assert "Next meeting" not in text(answer)


def test_home_shows_the_next_meeting_and_the_cycle(client, make):
    load_meetings()
    page = text(client.get("/"))
    assert "BMS10" in page and "2028, dates not fixed yet" in page
    make.meeting(slug="soon", short_name="SOON 1", start_date=clock.today() + timedelta(20))
    page = text(client.get("/"))
    assert "SOON 1" in page and "in 20 days" in page and "Demonstration" in page
    assert "/meetings/soon/calendar.ics" in page
    make.meeting(slug="now", short_name="NOW 1", start_date=clock.today())
    assert "In session now" in text(client.get("/"))


def test_home_and_meeting_show_what_other_rooms_add(client, app, make, monkeypatch):
    from jinja2 import ChoiceLoader, DictLoader

    monkeypatch.setattr(app.jinja_env, "loader", ChoiceLoader([
        DictLoader({"part.html": "<p>{{ words }}</p>"}), app.jinja_env.loader]))
    monkeypatch.setattr(panels, "_home_panels", [
        lambda: panels.Panel("Later", "part.html", {"words": "<second>"}, order=200),
        lambda: panels.Panel("Sooner", "part.html", {"words": "first"}, key="sooner", order=1, link=("More", "/x")),
        lambda: None,
    ])
    monkeypatch.setattr(panels, "_meeting_panels", [
        lambda m: panels.Panel("Sponsorship", "part.html", {"words": f"for {m.slug}"})])
    page = text(client.get("/"))
    assert page.index("first") < page.index("&lt;second&gt;")
    assert 'id="sooner"' in page and '<a href="/x">More</a>' in page
    make.meeting(slug="with-panel")
    assert "for with-panel" in text(client.get("/meetings/with-panel/"))


def test_the_list_filters_sorts_and_downloads(client):
    load_meetings()
    page = text(client.get("/meetings/"))
    assert "BMS9" in page and "RevCon5" in page and page.index("RevCon5") < page.index("Conference 2001")
    for address, shown, hidden in (
        ("?kind=RevCon", "RevCon4", ">BMS9<"), ("?year=2018", "RevCon3", ">BMS9<"),
        ("?place=Nairobi", "East and", ">BMS9<"),
        ("?place=online", "Caribbean 2024", ">BMS9<"), ("?status=postponed", "first dates", ">BMS9<"),
        ("?status=undated", "BMS10", ">BMS9<"), ("?status=held", ">BMS9<", "BMS10"),
    ):
        page = text(client.get(f"/meetings/{address}"))
        assert shown in page and hidden not in page, address
    assert "Nothing matches" in text(client.get("/meetings/?kind=RevCon&year=2001"))
    for sort in ("name", "when", "place", "kind"):
        for way in ("asc", "desc"):
            assert client.get(f"/meetings/?sort={sort}&dir={way}").status_code == 200
    answer = client.get("/meetings/?format=csv")
    assert answer.mimetype == "text/csv"
    rows = list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert len(rows) == 30
    bms9 = next(r for r in rows if r["id"] == "bms9")
    assert (bms9["first_day"], bms9["last_day"], bms9["city"]) == ("2026-06-01", "2026-06-05", "New York")


@pytest.mark.parametrize("address", [
    "?kind=%00", "?year=abc", "?year=99999999999999999999", "?place=%27%3B--", "?status=draft", "?page=-1",
    "?page=99999999", "?sort=id;drop&dir=up", "?format=exe",
])
def test_rubbish_in_the_address_is_left_out(client, address):
    load_meetings()
    assert client.get(f"/meetings/{address}").status_code == 200


def test_the_cycles_name_every_meeting(client):
    load_meetings()
    page = text(client.get("/meetings/timeline"))
    for slug in ("conference-2001", "revcon1-prepcom", "bms7-2020", "bms10", "revcon5", "regional-2018-latin-america"):
        assert f"/meetings/{slug}/" in page
    assert "closes with RevCon5" in page and "dates not on record" in page


def test_every_real_meeting_has_its_page(client):
    load_meetings()
    for slug in db.session.scalars(sa.select(Meeting.slug)).all():
        answer = client.get(f"/meetings/{slug}/")
        assert answer.status_code == 200
        page = text(answer)
        assert "About this record" in page and "Sources" in page
        assert "What happened" not in page, "who did what is the organiser's"


def test_postponed_says_what_became_of_it(client):
    load_meetings()
    page = text(client.get("/meetings/bms7-2020/"))
    assert "Postponed" in page and "/meetings/bms7/" in page and "The COVID-19 pandemic" in page
    assert "/meetings/bms7-2020/" in text(client.get("/meetings/bms7/"))


def test_undated_has_no_feed_to_offer(client):
    load_meetings()
    page = text(client.get("/meetings/bms10/"))
    assert "2028, dates not fixed yet" in page and "bms10/calendar.ics" not in page


@pytest.mark.parametrize("title", [
    "<script>alert(1)</script>", "اجتماع الدول", "\u202eevil", "x" * 400, '"><img src=x>',
])
def test_hostile_titles_are_text(client, actor, title):
    make_meeting(actor, title=title, short_name=title[:80], slug="odd")
    for address in ("/", "/meetings/", "/meetings/timeline", "/meetings/odd/"):
        page = text(client.get(address))
        assert "<script>alert" not in page and "<img src=x" not in page


def test_drafts_are_unknown_to_the_public(client, actor, make, as_person):
    made = make_meeting(actor, publish=False, slug="draft")
    for visitor in (client, as_person(make.person("fund_manager")), as_person(make.person("focal_point"))):
        assert visitor.get("/meetings/draft/").status_code == 404
        for address in ("/", "/meetings/", "/meetings/timeline", "/meetings/?format=csv", "/calendar.ics"):
            assert "DBMS 1" not in text(visitor.get(address))
    service.announce_meeting(made, actor)
    page = text(client.get("/meetings/draft/"))
    assert "2027, dates not fixed yet" in page and "June 2027" not in page
    assert "2027-06" not in text(client.get("/meetings/?format=csv"))
    assert "June 2027" not in text(client.get("/meetings/timeline"))


def test_first_visit_is_light(client):
    load_meetings()
    weight = len(client.get("/").data)
    for name in ("css/placard.css", "css/calendar.css", "js/placard.js", "favicon.svg"):
        with client.get(f"/static/{name}") as answer:
            weight += len(answer.data)
    assert weight < 100_000, weight


# --- the organiser ----------------------------------------------------------------------------------------------
def test_the_whole_life_through_the_pages(organiser, client):
    answer = organiser.submit("/meetings/new", {**FORM, "certainty": "none", "year": "2027", "start_date": "",
                                                "end_date": ""})
    assert answer.status_code == 303 and answer.location.endswith("/meetings/dbms-1/")
    page = text(organiser.get("/meetings/dbms-1/"))
    assert "Only organisers see this page" in page and "Set the dates" in page
    assert "For organisers" in text(organiser.get("/meetings/"))
    assert organiser.submit("/meetings/dbms-1/announce").status_code == 303
    assert "2027, dates not fixed yet" in text(client.get("/meetings/dbms-1/"))
    edit = {**FORM, "version": str(stored("dbms-1").version)}
    assert organiser.submit("/meetings/dbms-1/edit", edit).status_code == 303
    page = text(organiser.get("/meetings/dbms-1/"))
    assert "7–11 June 2027" in page and "Publish" in page and "Only organisers see these dates" in page
    page = text(organiser.get("/meetings/dbms-1/publish"))
    assert "7–11 June 2027" in page and "nothing was compared" in page
    version = str(stored("dbms-1").version)
    assert organiser.submit("/meetings/dbms-1/publish", {"version": version}).status_code == 303
    assert "7–11 June 2027" in text(client.get("/meetings/dbms-1/"))
    assert "For organisers" not in text(organiser.get("/meetings/")), "the public status says as much"
    version = str(stored("dbms-1").version)
    organiser.get("/meetings/dbms-1/postpone")
    answer = organiser.submit("/meetings/dbms-1/postpone", {"version": version, "reason": "The building is closed."})
    assert answer.status_code == 303
    page = text(client.get("/meetings/dbms-1/"))
    assert "The building is closed." in page and "no longer holds" in page
    assert "Set new dates" in text(organiser.get("/meetings/dbms-1/"))
    organiser.get("/meetings/dbms-1/redate")
    version = str(stored("dbms-1").version)
    answer = organiser.submit("/meetings/dbms-1/redate", {
        "version": version, "start_date": "2028-06-05", "end_date": "9 June 2028", "reason": "It opened again."})
    assert answer.status_code == 303
    page = text(client.get("/meetings/dbms-1/"))
    assert "5–9 June 2028" in page and "7–11 June 2027" in page and "It opened again." in page
    organiser.get("/meetings/dbms-1/cancel")
    version = str(stored("dbms-1").version)
    answer = organiser.submit("/meetings/dbms-1/cancel", {"version": version, "reason": "Not mandated."})
    assert answer.status_code == 303
    assert "This meeting will not be held" in text(client.get("/meetings/dbms-1/"))
    page = text(organiser.get("/meetings/dbms-1/"))
    assert "Test Person" in page and "Not mandated." in page, "the organiser sees who did what"
    assert organiser.get("/meetings/dbms-1/edit").status_code == 409
    assert organiser.get("/meetings/dbms-1/publish").status_code == 409


def test_publishing_shows_the_mandate_beside(organiser, actor):
    load_meetings()
    db.session.execute(sa.update(Meeting).where(Meeting.slug == "bms6").values(
        state="fixed", city="Geneva", end_date=date(2016, 6, 8)))
    page = text(organiser.get("/meetings/bms6/publish"))
    assert "A/RES/68/48, paragraph 5" in page and page.count("Contradicts") == 2
    assert "As printed in the Chinese version; others not compared" in page


def test_the_mandate_check_page(organiser, as_person, make, client):
    load_meetings()
    for reader in (organiser, as_person(make.person("auditor"))):
        page = text(reader.get("/meetings/mandates"))
        assert "As printed in the Chinese version; others not compared" in page
        assert "Year printed: 2008. Year read: 2018." in page
        assert "Contradicts" not in page, "the meetings themselves agree"
    assert as_person(make.person("fund_manager")).get("/meetings/mandates").status_code == 403
    assert client.get("/meetings/mandates").status_code == 303


def test_a_stale_page_says_so(organiser, actor):
    made = make_meeting(actor)
    version = str(stored("dbms-1").version)
    service.edit_meeting(made, actor, replace(FACTS, title="Another"))
    edit = {key: value for key, value in FORM.items() if key not in ("certainty", "year", "start_date", "end_date")}
    for address, data in (("edit", edit), ("postpone", {"reason": "Because."}), ("cancel", {"reason": "Because."}),
                          ("redate", {"reason": "Because.", "start_date": "2028-06-05", "end_date": "2028-06-09"})):
        answer = organiser.submit(f"/meetings/dbms-1/{address}", {**data, "version": version})
        assert answer.status_code == 409, address
    assert stored("dbms-1").title == "Another" and stored("dbms-1").state == "published"


@pytest.mark.parametrize("role", [None, "fund_manager", "focal_point", "auditor"])
def test_others_reach_no_page_of_the_organiser(actor, make, as_person, client, role):
    make_meeting(actor)
    visitor, expected = (client, 303) if role is None else (as_person(make.person(role)), 403)
    for name in ("edit", "publish", "postpone", "redate", "cancel", "announce"):
        assert visitor.submit(f"/meetings/dbms-1/{name}", {"version": "1"}).status_code == expected
    assert visitor.get("/meetings/new").status_code == expected
    assert stored("dbms-1").state == "published"


# --- bad input of every form ------------------------------------------------------------------------------------
def field_error(page: str, name: str) -> bool:
    return f'id="{name}-error"' in page and "error-summary" in page


NEW = [
    ({"kind": ""}, "kind"), ({"kind": "Picnic"}, "kind"), ({"ordinal": "tenth"}, "ordinal"),
    ({"ordinal": "0"}, "ordinal"),
    ({"ordinal": "99999999999999999999"}, "ordinal"), ({"short_name": " "}, "short_name"),
    ({"short_name": "x" * 81}, "short_name"), ({"title": ""}, "title"), ({"title": "x" * 401}, "title"),
    ({"certainty": "perhaps"}, "certainty"), ({"start_date": ""}, "start_date"), ({"end_date": ""}, "end_date"),
    ({"start_date": "31 February 2027"}, "start_date"), ({"start_date": "07/06/2027"}, "start_date"),
    ({"end_date": "2027-06-06"}, "end_date"), ({"end_date": "2027-07-08"}, "end_date"),
    ({"start_date": "1815-06-07", "end_date": "1815-06-11"}, "start_date"),
    ({"certainty": "none", "year": ""}, "year"), ({"certainty": "none", "year": "3000"}, "year"),
    ({"certainty": "none", "year": "soon"}, "year"), ({"mode": "by_post"}, "mode"), ({"city": ""}, "city"),
    ({"city": "x" * 121}, "city"), ({"country_code": "QQ"}, "country_code"), ({"venue": "x" * 201}, "venue"),
    ({"timezone": ""}, "timezone"), ({"timezone": "EST"}, "timezone"), ({"timezone": "UTC"}, "timezone"),
    ({"timezone": "../../etc/passwd"}, "timezone"), ({"meetings_allotted": "ten"}, "meetings_allotted"),
    ({"meetings_allotted": "-1"}, "meetings_allotted"), ({"meetings_allotted": "101"}, "meetings_allotted"),
    ({"presiding_role": "x" * 61}, "presiding_role"), ({"presiding_name": "x" * 161}, "presiding_name"),
    ({"presiding_country": "QQ"}, "presiding_country"), ({"mandate_text": "x" * 301}, "mandate_text"),
    ({"report_deadline": "soon"}, "report_deadline"), ({"notes": "x" * 4001}, "notes"), ({"slug": "A B"}, "slug"),
    ({"slug": "new"}, "slug"), ({"slug": "x" * 81}, "slug"), ({"short_name": "会议"}, "slug"),
]


@pytest.mark.parametrize(("wrong", "name"), NEW)
def test_new_meeting_bad_input(organiser, wrong, name):
    answer = organiser.submit("/meetings/new", {**FORM, **wrong})
    page = text(answer)
    assert answer.status_code == 422 and field_error(page, name), name
    kept = {**FORM, **wrong}
    assert kept["title"].strip() in page and (not kept["city"] or kept["city"] in page)
    typed = wrong.get(name)
    if typed and typed.strip() and name not in ("kind", "certainty", "mode", "country_code", "presiding_country"):
        assert typed in page, "what was typed is gone"
    assert not db.session.scalar(sa.select(sa.func.count()).select_from(Meeting))
    assert not db.session.scalar(sa.select(sa.func.count()).select_from(events.Event).where(
        events.Event.subject_type == "meeting"))


def test_new_meeting_with_a_taken_address_or_number(organiser, actor):
    make_meeting(actor, ordinal=11)
    answer = organiser.submit("/meetings/new", {**FORM, "slug": "dbms-1"})
    assert answer.status_code == 422 and field_error(text(answer), "slug")
    answer = organiser.submit("/meetings/new", {**FORM, "slug": "other", "ordinal": "11"})
    assert answer.status_code == 422 and field_error(text(answer), "ordinal")
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Meeting)) == 1


def test_several_problems_at_once(organiser):
    answer = organiser.submit("/meetings/new", {**FORM, "title": "", "city": "", "end_date": "2027-06-01"})
    page = text(answer)
    assert answer.status_code == 422 and "There are 3 problems" in page
    assert all(field_error(page, name) for name in ("title", "city", "end_date"))


@pytest.mark.parametrize(("wrong", "name"), [w for w in NEW if "slug" not in (w[1], *w[0])])
def test_edit_draft_bad_input(organiser, actor, wrong, name):
    make_meeting(actor, publish=False)
    before = stored("dbms-1").version
    data = {**FORM, "title": "Changed", **wrong, "version": str(before)}
    answer = organiser.submit("/meetings/dbms-1/edit", data)
    assert answer.status_code == 422 and field_error(text(answer), name)
    row = stored("dbms-1")
    assert (row.version, row.title) == (before, FACTS.title)


@pytest.mark.parametrize(("wrong", "name"), [
    w for w in NEW if w[1] not in ("slug", "certainty", "year", "start_date", "end_date") and "certainty" not in w[0]
])
def test_edit_published_bad_input(organiser, actor, wrong, name):
    make_meeting(actor)
    before = stored("dbms-1").version
    answer = organiser.submit("/meetings/dbms-1/edit", {**FORM, "title": "Changed", **wrong, "version": str(before)})
    assert answer.status_code == 422 and field_error(text(answer), name)
    assert stored("dbms-1").version == before


REASONS = [({"reason": ""}, "reason"), ({"reason": "  "}, "reason"), ({"reason": "x" * 501}, "reason")]
DAYS = [
    ({"start_date": ""}, "start_date"), ({"end_date": ""}, "end_date"), ({"start_date": "soon"}, "start_date"),
    ({"end_date": "2028-06-04"}, "end_date"), ({"end_date": "2028-08-09"}, "end_date"),
    ({"start_date": "2027-06-07", "end_date": "2027-06-11"}, "start_date"),
    ({"start_date": "1815-06-07", "end_date": "1815-06-11"}, "start_date"),
]


@pytest.mark.parametrize(("step", "wrong", "name"), [
    *(("postpone", *r) for r in REASONS), *(("cancel", *r) for r in REASONS), *(("redate", *r) for r in REASONS + DAYS),
])
def test_steps_bad_input(organiser, actor, step, wrong, name):
    make_meeting(actor)
    before = stored("dbms-1").version
    data = {"version": str(before), "reason": "A good reason.", "start_date": "2028-06-05", "end_date": "2028-06-09"}
    if step != "redate":
        del data["start_date"], data["end_date"]
    answer = organiser.submit(f"/meetings/dbms-1/{step}", {**data, **wrong})
    page = text(answer)
    assert answer.status_code == 422 and field_error(page, name)
    if "reason" not in wrong:
        assert "A good reason." in page
    row = stored("dbms-1")
    assert (row.state, row.version, row.start_date, row.sequence) == ("published", before, START, 0)
    assert not db.session.scalar(sa.select(sa.func.count()).select_from(MeetingDates))


@pytest.mark.parametrize("version", ["", "x", "-1", "1e3"])
@pytest.mark.parametrize("step", ["postpone", "redate", "cancel", "edit"])
def test_a_page_without_its_version_is_refused(organiser, actor, step, version):
    make_meeting(actor)
    data = {**FORM, "reason": "Because.", "start_date": "2028-06-05", "end_date": "2028-06-09", "version": version}
    assert organiser.submit(f"/meetings/dbms-1/{step}", data).status_code == 422
    assert stored("dbms-1").state == "published"


# --- numbers of queries -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("address", ["/", "/meetings/", "/meetings/timeline", "/meetings/m-0/"])
def test_queries_do_not_grow_with_meetings(client, make, queries, address):
    counts = []
    for first, last in ((0, 3), (3, 300)):
        for n in range(first, last):
            make.meeting(slug=f"m-{n}", ordinal=None, presiding_name="A", presiding_country="KE",
                         start_date=date(2025, 1, 6) + timedelta(days=7 * (n % 300)))
        queries.clear()
        assert client.get(address).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 12, counts  # a meeting's page asks each room that adds a part


# --- the desk ---------------------------------------------------------------------------------------------------
def test_the_desk_shows_what_waits(app, actor):
    from meetings.calendar.desk import waiting

    make_meeting(actor, publish=False, slug="draft")
    postponed = make_meeting(actor, slug="off", short_name="OFF 1")
    service.postpone_meeting(postponed, actor, "Because.")
    make_meeting(actor, slug="fine", short_name="FINE 1")
    with app.test_request_context():
        found = waiting(actor)
    assert sorted(item.url for item in found) == ["/meetings/draft/publish", "/meetings/off/redate"]
