"""Pages of the programme: what readers and organisers see, every form, files, numbers of queries."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from datetime import date, time, timedelta

import pytest
import sqlalchemy as sa
from icalendar import Calendar
from openpyxl import load_workbook

from core.actor import person as acting
from core.db import db
from meetings.programme import editing, plans, publishing, service, side_events
from meetings.programme.facts import MORNING, SlotFacts
from meetings.programme.models import Follower
from meetings.programme.queries import draft_of_meeting, versions_of_meeting
from meetings.programme.side_events import EventFacts, offered

pytestmark = pytest.mark.pages

MONDAY = date(2028, 6, 12)
PLAN = "/meetings/bms10/programme/plan"


@pytest.fixture
def person(make):
    return make.person("organiser")


@pytest.fixture
def actor(person):
    return acting(person.id)


@pytest.fixture
def organiser(as_person, person):
    return as_person(person)


@pytest.fixture
def meeting(make):
    return make.meeting(slug="bms10", short_name="BMS10", start_date=MONDAY, year=2028, meetings_allotted=10)


@pytest.fixture
def programme(actor, meeting):
    made = service.begin_programme(meeting.id, actor)
    service.save_room(made, actor, service.RoomFacts("Conference Room 4", 550, time(8), time(18, 30), True))
    service.set_agenda(made, actor, plans.agendas()["bms"])
    return made


def now(meeting):
    db.session.expire_all()
    return draft_of_meeting(meeting.id)


def fill(programme, actor, meeting):
    draft = now(meeting)
    editing.replace_plenary(programme, actor, plans.fill("bms", draft.halves, draft.items, draft.rooms[0].id))


@pytest.fixture
def published(programme, actor, meeting):
    fill(programme, actor, meeting)
    publishing.publish_programme(programme, actor, "provisional", note="First proposal")
    return programme


def text(response) -> str:
    return response.get_data(as_text=True)


SLOT = {"kind": "plenary", "day": "2028-06-12", "starts": "10:00", "ends": "13:00", "title": "Opening", "room_id": "",
        "people": "", "note": ""}


# --- the organiser ----------------------------------------------------------------------------------------------
def test_from_nothing_to_a_published_week(organiser, client, meeting):
    assert client.get("/meetings/bms10/programme").status_code == 404
    assert "Begin the programme" in text(organiser.get(PLAN))
    assert organiser.post(f"{PLAN}/begin").status_code == 303
    assert "Write the agenda" in text(organiser.get(PLAN))
    proposed = text(organiser.get(f"{PLAN}/agenda?from=bms"))
    assert "Election of the Chair [opening]" in proposed
    version = str(now(meeting).version)
    assert organiser.post(f"{PLAN}/agenda", data={"version": version, "agenda": "1. Opening\n6. Small arms\n11. Report "
                                                  "of the meeting [report]"}).status_code == 303
    assert organiser.post(f"{PLAN}/rooms", data={
        "version": str(now(meeting).version), "name": "Conference Room 4", "seats": "550", "opens": "08:00",
        "closes": "18:30", "interpretation": "y"}).status_code == 303
    assert "half-days" in text(organiser.get(f"{PLAN}/fill"))
    draft = now(meeting)
    assert organiser.post(f"{PLAN}/fill", data={"version": str(draft.version), "plan": "bms",
                                                "room_id": str(draft.rooms[0].id)}).status_code == 303
    grid = text(organiser.get(PLAN))
    assert "Plenary meeting 10" in grid and "The checks found nothing" in grid
    assert "10 plenary meetings" in text(organiser.get(f"{PLAN}/publish"))
    assert organiser.post(f"{PLAN}/publish", data={"version": str(now(meeting).version), "standing": "provisional",
                                                   "note": ""}).status_code == 303
    page = text(client.get("/meetings/bms10/programme"))
    assert "Provisional programme of work" in page and "Only the meeting adopts" in page
    assert "10 plenary meetings" in text(client.get("/meetings/bms10/"))


def test_a_slot_by_its_forms(organiser, meeting, programme):
    assert 'value="2028-06-13"' in text(organiser.get(f"{PLAN}/slots/new?day=2028-06-13&starts=15:00&ends=18:00"))
    item = str(now(meeting).items[5].id)
    answer = organiser.post(f"{PLAN}/slots/new", data=SLOT | {
        "version": str(now(meeting).version), "items": [item], "languages": ["E", "F"], "people": "A. Chair\n\nB. Co"})
    assert answer.status_code == 303
    ((key, slot),) = now(meeting).slots
    assert answer.headers["Location"].endswith(f"#slot-{key}")
    assert slot.people == ("A. Chair", "B. Co") and slot.languages == ("E", "F") and str(slot.items[0]) == item
    page = text(organiser.get(f"{PLAN}/slots/{key}"))
    assert "A. Chair" in page and "Hold the same again" in page
    for path, data in (("", SLOT | {"title": "Election"}), ("/move", {"day": "2028-06-13", "starts": "15:00"}),
                       ("/resize", {"minutes": "-15"}), ("/copy", {"days": ["2028-06-15"]}), ("/remove", {})):
        data = {"version": str(now(meeting).version), **data}
        assert organiser.post(f"{PLAN}/slots/{key}{path}", data=data).status_code == 303, path
    ((_copy, slot),) = now(meeting).slots
    assert (slot.title, slot.day, slot.starts, slot.ends) == ("Election", date(2028, 6, 15), time(15), time(17, 45))
    assert "Undo taking a slot out" in text(organiser.get(PLAN))
    organiser.post(f"{PLAN}/undo", data={"version": str(now(meeting).version)})
    assert len(now(meeting).slots) == 2


@pytest.mark.parametrize(("values", "words"), [
    ({"starts": "noon"}, "Write the time as 15:00."), ({"ends": "10:00"}, "It must end after it begins."),
    ({"title": ""}, "Write a title, or choose an agenda item."), ({"day": "soon"}, "day"), ({"kind": "x"}, "choice")])
def test_wrong_slots_say_what_to_write(organiser, meeting, programme, values, words):
    answer = organiser.post(f"{PLAN}/slots/new", data=SLOT | {"version": str(now(meeting).version)} | values)
    assert answer.status_code == 422 and words in text(answer) and "There is a problem" in text(answer)
    assert now(meeting).slots == ()


def test_another_draft_than_was_shown_is_refused(organiser, meeting, programme):
    shown = str(now(meeting).version)
    organiser.post(f"{PLAN}/slots/new", data=SLOT | {"version": shown})
    answer = organiser.post(f"{PLAN}/slots/new", data=SLOT | {"version": shown})
    assert answer.status_code == 409 and len(now(meeting).slots) == 1


def test_hard_findings_stand_on_grid_and_keep_from_publishing(organiser, meeting, programme, actor):
    room = now(meeting).rooms[0].id
    slot = SlotFacts("plenary", MONDAY, *MORNING, "Opening", room)
    editing.add_slots(programme, actor, [slot, replace(slot, kind="informal", title="Facilitator", starts=time(12))])
    for page in (text(organiser.get(PLAN)), text(organiser.get(f"{PLAN}/publish"))):
        assert "Conference Room 4 is taken twice" in page
    assert "Publish as" not in text(organiser.get(f"{PLAN}/publish"))
    answer = organiser.post(f"{PLAN}/publish", data={"version": str(now(meeting).version), "standing": "provisional"})
    assert answer.status_code == 422 and not versions_of_meeting(meeting.id)


def test_half_days_and_settings(organiser, meeting, programme):
    page = text(organiser.get(f"{PLAN}/days"))
    assert "Mon 12 June, Morning" in page
    draft = now(meeting)
    data = {"version": str(draft.version)}
    for n, half in enumerate(draft.halves):
        data |= {f"halves-{n}-key": str(half.id), f"halves-{n}-starts": "10:30" if n == 0 else f"{half.starts:%H:%M}",
                 f"halves-{n}-ends": f"{half.ends:%H:%M}", f"halves-{n}-note": "Reception" if n == 9 else ""}
        if n != 9:
            data[f"halves-{n}-is_open"] = "y"
    assert organiser.post(f"{PLAN}/days", data=data | {"halves-0-ends": "??"}).status_code == 422
    assert organiser.post(f"{PLAN}/days", data=data).status_code == 303
    halves = now(meeting).halves
    assert halves[0].starts == time(10, 30) and not halves[9].is_open and halves[9].note == "Reception"
    for symbol, status in (("BMS 2028", 422), ("A/CONF.192/BMS/2028/L.2/Rev.1", 422), ("A/CONF.192/BMS/2028/L.2", 303)):
        assert organiser.post(f"{PLAN}/settings", data={
            "version": str(now(meeting).version), "symbol": symbol, "teams": "2"}).status_code == status
    assert now(meeting).teams == 2


def test_pasting_shows_wrong_lines_before_anything_is_added(organiser, meeting, programme):
    assert organiser.get(f"{PLAN}/paste").status_code == 200
    rows = "2028-06-12\t10:00\t13:00\tplenary\tOpening\t1-5\tConference Room 4\tACEFRS\n"
    wrong = rows + "2028-06-12\t13:15\t14:45\tside event\tMarking\t\tBallroom\n"
    answer = organiser.post(f"{PLAN}/paste", data={"version": str(now(meeting).version), "rows": wrong, "add": "1"})
    assert answer.status_code == 422 and "1 line cannot be read" in text(answer)
    assert "no room “Ballroom”" in text(answer)
    version = str(now(meeting).version)
    seen = organiser.post(f"{PLAN}/paste", data={"version": version, "rows": rows})
    assert seen.status_code == 200 and "Add 1 slot" in text(seen) and now(meeting).slots == ()
    assert organiser.post(f"{PLAN}/paste", data={"version": version, "rows": rows, "add": "1"}).status_code == 303
    ((_key, slot),) = now(meeting).slots
    assert slot.languages == ("A", "C", "E", "F", "R", "S") and len(slot.items) == 5


def test_what_was_downloaded_can_be_pasted_again(organiser, client, meeting, published, actor):
    before = [s for _k, s in now(meeting).slots]
    for name in ("csv", "xlsx"):
        content = client.get(f"/meetings/bms10/programme.{name}").get_data()
        for key, _slot in now(meeting).slots:
            editing.remove_slot(published, actor, key)
        seen = organiser.post(f"{PLAN}/paste", data={
            "version": str(now(meeting).version), "rows": "", "file": (io.BytesIO(content), f"programme.{name}")})
        assert seen.status_code == 200, text(seen)
        rows = re.search(r'<textarea[^>]*name="rows"[^>]*>\s*(.*?)</textarea>', text(seen), re.DOTALL)[1]
        import html

        added = organiser.post(f"{PLAN}/paste", data={"version": str(now(meeting).version), "rows": html.unescape(rows),
                                                      "add": "1"})
        assert added.status_code == 303
        assert sorted([s for _k, s in now(meeting).slots], key=lambda s: (s.day, s.starts)) == before


# --- readers ----------------------------------------------------------------------------------------------------
def test_versions_changes_and_older_ones(organiser, client, meeting, published, actor):
    key, slot = now(meeting).slots[5]
    editing.move_slot(published, actor, key, MONDAY + timedelta(2), time(14, 30))
    page = text(organiser.get(f"{PLAN}/publish"))
    assert "moves from Wed 15:00 to 14:30." in page and "Rev.1" in page
    publishing.publish_programme(published, actor, "indicative")
    page = text(client.get("/meetings/bms10/programme"))
    assert "Indicative programme of work" in page and "What changed since first version" in page and "Rev.1" in page
    old = text(client.get("/meetings/bms10/programme/versions/1"))
    assert "This is an older version" in old and "First proposal" in old and "14:30" not in old
    assert client.get("/meetings/bms10/programme/versions/3").status_code == 404


def test_a_draft_meeting_shows_nothing(client, as_person, make, actor):
    hidden = make.meeting(slug="hidden", state="fixed", published_at=None, announced_at=None)
    service.begin_programme(hidden.id, actor)
    for page in ("", ".ics", ".csv", ".xlsx", ".json"):
        assert client.get(f"/meetings/hidden/programme{page}").status_code == 404
    assert as_person(make.person("focal_point")).get("/meetings/hidden/side-events/new").status_code == 404


def test_following_from_the_page(as_person, make, client, meeting, published):
    reader = as_person(make.person("focal_point"))
    assert "Tell me of every change" in text(reader.get("/meetings/bms10/programme"))
    reader.post("/meetings/bms10/programme/follow", data={"slot": "", "wanted": "1"})
    assert "Tell me no more" in text(reader.get("/meetings/bms10/programme"))
    reader.post("/meetings/bms10/programme/follow", data={"slot": "", "wanted": "0"})
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Follower)) == 0
    assert "Tell me" not in text(client.get("/meetings/bms10/programme"))


def test_calendar_entries_keep_their_uid_and_are_cancelled(client, meeting, published, actor):
    (gone, _slot), (moved, _other) = now(meeting).slots[0], now(meeting).slots[1]
    first = Calendar.from_ical(client.get("/meetings/bms10/programme.ics").get_data())
    assert len(first.walk("VEVENT")) == 10
    editing.remove_slot(published, actor, gone)
    editing.move_slot(published, actor, moved, MONDAY, time(15, 15))
    publishing.publish_programme(published, actor, "provisional")
    answer = client.get("/meetings/bms10/programme.ics")
    entries = {str(e["uid"]): e for e in Calendar.from_ical(answer.get_data()).walk("VEVENT")}
    assert len(entries) == 10 and entries[str(gone)]["status"] == "CANCELLED"
    entry = entries[str(moved)]
    assert entry["sequence"] == 1 and entry["status"] == "CONFIRMED"
    assert entry.decoded("dtstart").isoformat() == "2028-06-12T19:15:00+00:00"  # 15:15 in New York
    assert str(entry["location"]) == "Conference Room 4"
    assert client.get("/meetings/bms10/programme.ics", headers={"If-None-Match": answer.headers["ETag"]}
                      ).status_code == 304


def test_files_say_the_same(client, meeting, published):
    rows = list(csv.DictReader(io.StringIO(text(client.get("/meetings/bms10/programme.csv")).lstrip("\ufeff"))))
    sheet = load_workbook(io.BytesIO(client.get("/meetings/bms10/programme.xlsx").get_data())).active
    made = json.loads(client.get("/meetings/bms10/programme.json").get_data())
    assert len(rows) == len(made["slots"]) == 10 and sheet.max_row >= 11
    assert rows[0]["items"] == "1, 2, 3, 4, 5, 6" and rows[9]["meeting_number"] == "10"
    assert made["slots"][0]["starts_at"] == "2028-06-12T14:00:00Z" and made["standing"] == "provisional"
    assert made["sha256"] == versions_of_meeting(meeting.id)[0].digest


# --- side events ------------------------------------------------------------------------------------------------
def test_a_side_event_through_its_pages(as_person, make, organiser, meeting, programme, actor):
    author = as_person(make.person("focal_point"))
    path = "/meetings/bms10/side-events"
    assert "Mon 12 June 13:15–14:45" in text(author.get(f"{path}/new"))
    data = {"title": "Marking in practice", "organisers": "A network", "people_expected": "40", "cosponsor": "",
            "summary": "", "needs": "Projector"}
    wrong = author.post(f"{path}/new", data=data)
    assert wrong.status_code == 422 and "Choose at least one of the slots." in text(wrong)
    asked = author.post(f"{path}/new", data=data | {"wishes": ["2028-06-12 13:15-14:45"]})
    assert asked.status_code == 303
    page = asked.headers["Location"]
    assert "Withdraw the request" in text(author.get(page)) and "Marking in practice" in text(author.get(path))
    assert as_person(make.person("donor")).get(page).status_code == 404
    assert "Marking in practice" in text(organiser.get("/desk"))
    assert "No requests yet" not in text(organiser.get(path)) and "Say why" not in text(author.get(page))
    assert organiser.post(f"{page}/decline", data={"version": "1", "reason": ""}).status_code == 422
    room = str(now(meeting).rooms[0].id)
    assert organiser.post(f"{page}/accept", data={"version": "1", "wish": "2028-06-12 13:15-14:45", "room_id": ""}
                          ).status_code == 422
    assert organiser.post(f"{page}/accept", data={"version": "1", "wish": "2028-06-12 13:15-14:45", "room_id": room,
                                                  "answer": "Welcome"}).status_code == 303
    assert "Conference Room 4" in text(author.get(page)) and "Welcome" in text(author.get(page))
    assert author.post(f"{page}/withdraw", data={"version": "2"}).status_code == 303
    assert now(meeting).slots == ()


def test_a_declined_request_tells_why(as_person, make, organiser, meeting, programme):
    person = make.person("focal_point")
    event = side_events.request_side_event(meeting.id, acting(person.id), EventFacts(
        "Marking", "A network", tuple(offered(now(meeting).halves)[:1]), 10))
    page = f"/meetings/bms10/side-events/{event}"
    assert organiser.post(f"{page}/decline", data={"version": "1", "reason": "No room is free."}).status_code == 303
    shown = text(as_person(person).get(page))
    assert "No room is free." in shown and "Withdraw" not in shown


def test_a_strangers_request_does_not_exist(as_person, make, organiser, meeting, programme):
    person = make.person("focal_point")
    event = side_events.request_side_event(meeting.id, acting(person.id), EventFacts(
        "Marking", "A network", tuple(offered(now(meeting).halves)[:1]), 10))
    stranger, page = as_person(make.person("focal_point", organisation=make.state("XB"))), \
        f"/meetings/bms10/side-events/{event}"
    assert stranger.get(page, check=False).status_code == 404
    assert stranger.post(f"{page}/withdraw", data={"version": "1"}, check=False).status_code == 404
    assert "Marking" not in text(stranger.get("/meetings/bms10/side-events"))
    assert as_person(person).get(page).status_code == 200


# --- numbers of queries -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("address", [
    PLAN, f"{PLAN}/publish", f"{PLAN}/days", "/meetings/bms10/programme", "/meetings/bms10/programme.ics",
    "/meetings/bms10/programme.csv", "/meetings/bms10/programme.json", "/meetings/bms10/"])
def test_queries_do_not_grow_with_slots(organiser, meeting, programme, actor, queries, address):
    counts = []
    for many in (3, 300):
        have = len(now(meeting).slots)
        editing.add_slots(programme, actor, [
            SlotFacts("other", MONDAY + timedelta(n % 5), time(8 + n % 10), time(9 + n % 10), f"Slot {n}")
            for n in range(have, many)])
        publishing.publish_programme(programme, actor, "provisional")
        organiser.get(address)
        db.session.expire_all()
        queries.clear()
        assert organiser.get(address).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1] and counts[0] < 25
