"""The programme's pure parts: half-days and days off, templates, checks, differences, reading of rows."""

from __future__ import annotations

import io
import uuid
from dataclasses import replace
from datetime import date, time, timedelta

import pytest
from xlsxwriter import Workbook

from core.errors import RuleBroken
from meetings.programme import paste, plans
from meetings.programme.days_off import days_off
from meetings.programme.differences import differences
from meetings.programme.facts import (
    AFTERNOON,
    MORNING,
    Content,
    HalfRow,
    ItemRow,
    RoomRow,
    SlotFacts,
    content_of,
    side_windows,
)
from meetings.programme.publishing import symbol_of
from meetings.programme.review import Frame, review
from meetings.programme.service import read_agenda, role_of
from sponsorship.disbursements import workdays

MONDAY = date(2028, 6, 12)
ROOM = RoomRow(uuid.UUID(int=1), "Conference Room 4", 550, time(8), time(18, 30), True)
SMALL = RoomRow(uuid.UUID(int=2), "Conference Room 7", 60, time(8), time(18, 30), False)
ROOMS = (ROOM, SMALL)


@pytest.fixture(autouse=True)
def _reader(app):
    """Words need a reader."""
    with app.test_request_context():
        yield


def halves(days=5, start=MONDAY, shut=()):
    return [HalfRow(uuid.uuid4(), start + timedelta(n), half, hours[0], hours[1],
                    (start + timedelta(n)).weekday() < 5 and (n, half) not in shut, None)
            for n in range(days) for half, hours in (("morning", MORNING), ("afternoon", AFTERNOON))]


def items(key="bms"):
    return [ItemRow(uuid.uuid4(), i.number, i.title, i.role) for i in plans.agendas()[key]]


def keyed(slots):
    return [(uuid.UUID(int=n + 100), s) for n, s in enumerate(slots)]


def frame(agenda=(), days=5, **values):
    return Frame(**{"start": MONDAY, "end": MONDAY + timedelta(days - 1), "allotted": None, "teams": 1,
                    "halves": tuple(halves(days)), "rooms": ROOMS, "items": tuple(agenda), "off": (), **values})


def found(slots, agenda=(), **values):
    return review(content_of(keyed(slots), list(agenda), ROOMS), frame(agenda, **values))


def codes(findings, hard):
    return {f.code for f in findings if f.hard is hard}


# --- days off ---------------------------------------------------------------------------------------------------
def test_the_fourth_review_conference_opened_on_a_tuesday_because_monday_was_eid():
    off = days_off(date(2024, 6, 17), date(2024, 6, 28), "America/New_York")
    assert [(d.day, str(d.name), d.official) for d in off] == [(date(2024, 6, 17), "Eid al-Adha", True)]


def test_the_office_that_pays_and_the_meeting_keep_the_same_holidays():
    """Both follow the rules of the same list; of the days that an information circular sets each year the table of the
    office knows none yet."""
    first, last = date(2026, 1, 1), workdays.known_until()
    kept = {d.day for d in days_off(first, last, "America/New_York") if d.official and not d.reckoned}
    assert kept == {day for day in workdays.holidays() if first <= day <= last}


def test_holidays_of_the_city_are_not_days_off():
    days = {d.day for d in days_off(date(2026, 1, 1), date(2026, 12, 31), "America/New_York")}
    assert date(2026, 6, 19) not in days and date(2026, 10, 12) not in days  # Juneteenth, Columbus Day
    assert date(2026, 7, 3) in days  # 4 July is a Saturday
    assert date(2026, 4, 10) in days  # Orthodox Good Friday: to be avoided
    assert date(2026, 5, 25) not in {d.day for d in days_off(date(2026, 5, 1), date(2026, 5, 31), "Europe/Zurich")}


# --- templates --------------------------------------------------------------------------------------------------
def test_one_week_takes_up_every_item_once_in_order_without_a_general_debate():
    agenda = items()
    slots = plans.fill("bms", halves(), agenda, ROOM.id)
    content = content_of(keyed(slots), agenda, ROOMS)
    assert [s.number for s in content.slots] == list(range(1, 11))
    assert content.slots[0].items[:5] == ("1", "2", "3", "4", "5") and "6" in content.slots[0].items
    assert content.slots[-1].items == ("11",) and content.slots[-2].items == content.slots[-3].items == ("10",)
    assert {n for s in content.slots for n in s.items} == {i.number for i in agenda}
    first_of = [min(s.number for s in content.slots if i.number in s.items) for i in agenda]
    assert first_of == sorted(first_of)


def test_two_weeks_begin_with_an_exchange_of_two_days_and_end_with_credentials_and_report():
    agenda = items("revcon")
    content = content_of(keyed(plans.fill("revcon", halves(12), agenda, None)), agenda, ())
    assert len(content.slots) == 20 and content.slots[-1].number == 20
    assert [s.number for s in content.slots if "6" in s.items] == [1, 2, 3, 4]
    assert content.slots[-1].items == ("11", "12")
    assert sum("10" in s.items for s in content.slots) == 6
    assert content.slots[1].items == ("6",) and content.slots[1].continued


@pytest.mark.parametrize("plan", list(plans.PLANS))
@pytest.mark.parametrize("days", range(1, 15))
def test_a_template_never_forgets_an_item_however_short_the_meeting(plan, days):
    agenda = items("revcon" if plan == "revcon" else "bms")
    taken = {key for slot in plans.fill(plan, halves(days), agenda, None) for key in slot.items}
    assert taken == {i.id for i in agenda}


def test_a_shut_half_day_has_no_plenary_meeting_and_numbers_go_on():
    slots = plans.fill("bms", halves(shut={(1, "morning"), (1, "afternoon")}), items(), None)
    assert len(slots) == 8 and MONDAY + timedelta(1) not in {s.day for s in slots}


def test_a_filled_template_passes_its_own_checks():
    agenda = items()
    assert found(plans.fill("bms", halves(), agenda, ROOM.id), agenda, allotted=10) == []


# --- checks -----------------------------------------------------------------------------------------------------
PLENARY = SlotFacts("plenary", MONDAY, *MORNING, "Opening", ROOM.id, languages=("E", "F"))
LUNCHTIME = SlotFacts("side_event", MONDAY, time(13, 15), time(14, 45), "Stockpiles", SMALL.id)


def test_a_room_is_taken_once():
    other = replace(PLENARY, kind="informal", title="Facilitator", starts=time(12), languages=())
    (finding,) = [f for f in found([PLENARY, other]) if f.hard]
    assert finding.code == "room_twice" and "Conference Room 4" in finding.text and len(finding.slots) == 2
    assert not codes(found([PLENARY, replace(other, starts=time(13), ends=time(14))]), True)  # one after the other


def test_a_person_is_in_one_place():
    one = replace(PLENARY, people=("Ms. Ada Okoro",))
    other = replace(LUNCHTIME, kind="informal", starts=time(12), people=("ms.  ada okoro",))
    assert codes(found([one, other]), True) == {"person_twice"}


def test_a_team_serves_two_half_days_not_three():
    afternoon, evening = replace(PLENARY, starts=time(15), ends=time(18)), replace(
        PLENARY, kind="informal", starts=time(18), ends=time(18, 30))
    assert not codes(found([PLENARY, afternoon]), True)
    assert codes(found([PLENARY, afternoon, evening]), True) == {"interpretation"}
    assert not codes(found([PLENARY, afternoon, evening], teams=2), True)
    late = [replace(h, ends=time(18, 30)) if h.half == "afternoon" else h for h in halves()]
    assert not codes(found([PLENARY, replace(afternoon, ends=time(18, 30))], halves=tuple(late)), True)
    at_once = replace(PLENARY, kind="informal", room_id=SMALL.id)
    assert "interpretation" in codes(found([PLENARY, at_once]), True)


def test_side_events_stand_in_their_slots():
    assert not codes(found([LUNCHTIME]), True)
    assert codes(found([replace(LUNCHTIME, starts=time(13))]), True) == {"side_event_outside"}
    assert codes(found([replace(LUNCHTIME, day=MONDAY + timedelta(5))], days=7), True) == {"side_event_outside"}
    assert side_windows(halves())[MONDAY] == [(time(9), time(9, 45)), (time(13, 15), time(14, 45))]


def test_hours_days_and_half_days():
    assert codes(found([replace(PLENARY, starts=time(7, 30))]), True) == {"outside_hours"}
    assert codes(found([replace(PLENARY, day=MONDAY - timedelta(1))]), True) == {"outside_meeting"}
    shut = halves(shut={(0, "morning")})
    assert codes(found([PLENARY], halves=tuple(shut)), True) == {"half_day_shut"}
    assert "half_day_hours" in codes(found([replace(PLENARY, starts=time(9))]), False)


def test_soft_findings_are_explained():
    agenda = items()
    through = replace(PLENARY, ends=time(14, 30))
    soft = codes(found([through], agenda, allotted=10), False)
    assert {"lunch", "half_day_hours", "never_scheduled", "length"} <= soft
    texts = [f.text for f in found([PLENARY], agenda, allotted=10)]
    assert "The mandate grants 10 plenary meetings; the programme has 1." in texts
    assert f"Agenda item 11 is never taken up: {agenda[-1].title}." in texts
    assert codes(found([replace(PLENARY, room_id=SMALL.id)]), False) == {"no_booths"}
    assert codes(found([replace(PLENARY, room_id=None)]), False) == {"no_room"}
    eid = date(2024, 6, 17)
    assert "day_off" in codes(found([replace(PLENARY, day=eid)], start=eid, end=eid, halves=(),
                                    off=tuple(days_off(eid, eid, "America/New_York"))), False)


# --- differences ------------------------------------------------------------------------------------------------
def told(before, after, agenda=()):
    old, new = (content_of(s, list(agenda), ROOMS) for s in (before, after))
    return [d.text for d in differences(old, new)]


def test_a_move_is_told_by_its_item():
    agenda = items()
    eight = SlotFacts("plenary", MONDAY + timedelta(2), *AFTERNOON, "", ROOM.id, (agenda[7].id,))
    key = uuid.uuid4()
    moved = replace(eight, day=MONDAY + timedelta(3), starts=time(10), ends=time(13))
    assert told([(key, eight)], [(key, moved)], agenda) == ["Item 8 moves from Wed 15:00 to Thu 10:00."]
    later = replace(eight, starts=time(15, 30))
    assert told([(key, eight)], [(key, later)], agenda) == [
        "Item 8 moves from Wed 15:00 to 15:30. It then lasts until 18:00."]


def test_rooms_of_several_side_events_are_one_sentence():
    one, two = replace(LUNCHTIME, title="Tracing"), LUNCHTIME
    keys = (uuid.UUID(int=1), uuid.UUID(int=2))
    before = list(zip(keys, (one, two), strict=True))
    after = [(key, replace(slot, room_id=ROOM.id)) for key, slot in before]
    assert told(before, after) == [
        "2 side events change room: “Tracing” to Conference Room 4, “Stockpiles” to Conference Room 4."]
    assert told(before[:1], after[:1]) == [
        "Side event “Tracing” on Mon 13:15 changes room: Conference Room 4 instead of Conference Room 7."]


def test_what_comes_and_goes_and_nothing():
    key = uuid.uuid4()
    assert told([], [(key, LUNCHTIME)]) == ["New: Side event, Mon 12 June 13:15–14:45, “Stockpiles”."]
    assert told([(key, LUNCHTIME)], []) == ["Taken out: side event “Stockpiles”, Mon 12 June 13:15."]
    assert told([(key, LUNCHTIME)], [(key, LUNCHTIME)]) == []


def test_items_titles_people_and_languages():
    agenda, key = items(), uuid.uuid4()
    slot = SlotFacts("plenary", MONDAY, *MORNING, "", ROOM.id, (agenda[5].id, agenda[6].id), ("E",))
    assert told([(key, slot)], [(key, replace(slot, items=(agenda[6].id,)))], agenda) == [
        "Mon 10:00 no longer takes up item 6."]
    assert told([(key, slot)], [(key, replace(slot, languages=("E", "F"), people=("A. Chair",)))], agenda) == [
        "Items 6 and 7 on Mon: interpretation in E F instead of E. Items 6 and 7 on Mon: now with A. Chair."]


def test_items_that_change_places_are_said_to_move():
    agenda, one, two = items(), uuid.UUID(int=1), uuid.UUID(int=2)
    seven = SlotFacts("plenary", MONDAY, *AFTERNOON, "", ROOM.id, (agenda[6].id,))
    eight = replace(seven, day=MONDAY + timedelta(1), starts=time(10), ends=time(13), items=(agenda[7].id,))
    swapped = [(one, replace(seven, items=eight.items)), (two, replace(eight, items=seven.items))]
    assert told([(one, seven), (two, eight)], swapped, agenda) == [
        "Item 7 moves from Mon 15:00 to Tue 10:00.", "Item 8 moves from Tue 10:00 to Mon 15:00."]
    other = [(one, replace(seven, items=(agenda[8].id,))), (two, eight)]
    assert told([(one, seven), (two, eight)], other, agenda) == ["Mon 15:00 takes up item 9 instead of item 7."]


def test_numbers_that_follow_are_not_told():
    first, second = uuid.UUID(int=1), uuid.UUID(int=2)
    late = replace(PLENARY, title="Debate", starts=time(15), ends=time(18))
    texts = told([(second, late)], [(first, PLENARY), (second, late)])
    assert texts == ["New: Plenary meeting 1, Mon 12 June 10:00–13:00, “Opening”."]


def test_a_content_survives_its_file():
    agenda = items()
    content = content_of(keyed(plans.fill("bms", halves(), agenda, ROOM.id)), agenda, ROOMS)
    assert Content.from_json(content.as_json()) == content


def test_symbols_of_later_versions():
    assert [symbol_of("A/CONF.192/BMS/2028/L.2", n) for n in (1, 2, 3)] == [
        "A/CONF.192/BMS/2028/L.2", "A/CONF.192/BMS/2028/L.2/Rev.1", "A/CONF.192/BMS/2028/L.2/Rev.2"]
    assert symbol_of(None, 2) is None


# --- rows and agendas -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("text", "moment"), [
    ("15:00", time(15)), ("9.45", time(9, 45)), ("15h", time(15)), ("3 p.m.", time(15)), ("12 a.m.", time(0)),
    ("0.625", time(15)), ("10:00:00", time(10)), ("25:00", None), ("noon", None), ("", None), ("13 p.m.", None)])
def test_times(text, moment):
    assert paste.parse_time(text) == moment


def test_rows_pasted_with_headings_and_wrong_lines_named():
    agenda = items()
    text = ("date\tfrom\tto\ttype\tagenda items\troom\tinterpretation\n"
            "2028-06-12\t10:00\t13:00\tplenary meeting\t6-8\tconference room 4\tE F\n\n"
            "2028-06-12\t15:00\t14:00\tsoirée\t99\tBallroom\tX\n")
    good, wrong = paste.read(paste.cells_of_text(text), agenda, ROOMS)
    assert good.number == 2 and good.facts.items == tuple(i.id for i in agenda[5:8])
    assert good.facts.room_id == ROOM.id and good.facts.languages == ("E", "F")
    assert wrong.number == 4 and wrong.facts is None and len(wrong.faults) == 5
    assert "There is no agenda item 99." in wrong.faults


def test_a_workbook_is_read_with_its_own_days_and_times():
    target = io.BytesIO()
    with Workbook(target) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["day", "start", "end", "kind", "title"])
        sheet.write_datetime(1, 0, date(2028, 6, 12), book.add_format({"num_format": "yyyy-mm-dd"}))
        sheet.write_number(1, 1, 0.552083333333333)  # 13:15
        sheet.write_string(1, 2, "14:45")
        sheet.write_row(1, 3, ["side event", "Marking & tracing"])
    (line,) = paste.read(paste.cells_of_workbook(target.getvalue()), [], ROOMS)
    assert line.facts == SlotFacts("side_event", MONDAY, time(13, 15), time(14, 45), "Marking & tracing")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"day,start"])
def test_what_is_no_workbook_is_refused(content):
    with pytest.raises(RuleBroken):
        paste.cells_of_workbook(content)


def test_a_workbook_that_declares_entities_is_refused():
    import zipfile

    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as book:
        book.writestr("xl/worksheets/sheet1.xml", '<!DOCTYPE x [<!ENTITY a "aaaa">]><worksheet><row><c><v>&a;</v></c>'
                                                  "</row></worksheet>")
    with pytest.raises(RuleBroken):
        paste.cells_of_workbook(target.getvalue())


def test_agenda_lines():
    read = read_agenda("1. Opening of the meeting\n\n6) Small arms [theme]\nitem 10: The draft outcome")
    assert [(i.number, i.role) for i in read] == [("1", "opening"), ("6", "theme"), ("10", "outcome")]
    for wrong in ("Opening", "1. A\n1. B", "1. A [party]"):
        with pytest.raises(RuleBroken) as refused:
            read_agenda(wrong)
        assert "Line" in str(refused.value.message)
    assert all(role_of(i.title) == i.role for i in plans.agendas()["bms"])
