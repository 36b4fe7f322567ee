"""Pure parts of the calendar: phases, cycles, addresses, comparison with mandates, bytes of a calendar."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import icalendar
import pytest
from flask import Flask
from flask_babel import Babel
from hypothesis import given
from hypothesis import strategies as st

from meetings.calendar import ical
from meetings.calendar.cycles import cycle_span, cycles, picture
from meetings.calendar.mandates import AGREES, CONTRADICTS, SILENT, MandateRow, compare_meeting, compare_text
from meetings.calendar.queries import MeetingRow
from meetings.calendar.service import slug_from
from meetings.calendar.words import phase_of
from tests.support import strict_ical

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def english():
    app = Flask(__name__)
    Babel(app)
    with app.app_context():
        yield


def row(**values) -> MeetingRow:
    base = {
        "id": uuid.uuid4(), "slug": "bms5", "kind": "BMS", "kind_name": "Biennial meeting of States", "ordinal": 5,
        "short_name": "BMS5", "title": "Fifth", "year": 2014, "start_date": date(2014, 6, 16),
        "end_date": date(2014, 6, 20), "city": "New York", "country_code": "US", "venue": None,
        "timezone": "America/New_York", "mode": "in_person", "state": "held", "is_demo": False, "announced_at": NOW,
        "published_at": NOW, "replaced_by_id": None, "sequence": 0, "changed_at": NOW, "version": 1, "phase": "held",
    }
    return MeetingRow(**{**base, **values})


def mandate(**values) -> MandateRow:
    base = {
        "id": uuid.uuid4(), "key": "k", "resolution": "68/48", "adopted_year": 2013, "paragraph": "5",
        "rests_on": None, "kind": "BMS", "kind_name": "Biennial meeting of States", "year_printed": 2014,
        "year_read": 2014, "year_reason": None, "printed_days": None, "weeks": 1, "place": "New York",
        "timing": None, "precedes_id": None, "language_read": "zh", "note": None,
    }
    return MandateRow(**{**base, **values})


# --- phases and cycles ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("state", "days", "today", "phase"), [
    ("mandated", None, date(2026, 1, 1), "undated"),
    ("provisional", (date(2026, 6, 1), date(2026, 6, 5)), date(2026, 1, 1), "undated"),
    ("fixed", (date(2026, 6, 1), date(2026, 6, 5)), date(2026, 1, 1), "undated"),
    ("published", (date(2026, 6, 1), date(2026, 6, 5)), date(2026, 5, 31), "upcoming"),
    ("published", (date(2026, 6, 1), date(2026, 6, 5)), date(2026, 6, 1), "in_session"),
    ("published", (date(2026, 6, 1), date(2026, 6, 5)), date(2026, 6, 5), "in_session"),
    ("published", (date(2026, 6, 1), date(2026, 6, 5)), date(2026, 6, 6), "held"),
    ("published", None, date(2026, 6, 6), "undated"),
    ("postponed", (date(2026, 6, 1), date(2026, 6, 5)), date(2026, 6, 1), "postponed"),
    ("cancelled", None, date(2026, 6, 1), "cancelled"),
    ("held", None, date(2026, 6, 1), "held"),
])
def test_phase_follows_from_state_and_day(state, days, today, phase):
    start, end = days or (None, None)
    assert phase_of(state, start, end, today) == phase


@pytest.mark.parametrize(("year", "span"), [
    (2001, (2001, 2006)), (2006, (2001, 2006)), (2007, (2007, 2012)), (2018, (2013, 2018)), (2030, (2025, 2030)),
    (1999, (2001, 2006)),
])
def test_a_cycle_is_six_years_that_close_with_a_review_conference(year, span):
    assert cycle_span(year) == span


def test_cycles_hold_every_meeting_once():
    rows = [row(year=y, kind=k, phase="held") for y, k in ((2001, "Conference"), (2014, "BMS"), (2018, "RevCon"))]
    found = cycles(rows, date(2026, 11, 23))
    assert [(c.first, c.last) for c in found] == [(2001, 2006), (2007, 2012), (2013, 2018), (2019, 2024), (2025, 2030)]
    assert sum(c.count for c in found) == 3
    assert found[2].closes_with is not None and found[0].closes_with is None
    assert [c.is_now for c in found] == [False, False, False, False, True]


def test_marks_stand_where_their_days_are():
    rows = [row(year=2001, start_date=date(2001, 1, 1)), row(year=2030, start_date=None, phase="undated")]
    made = picture(rows, date(2026, 11, 23))
    assert made is not None and (made.first, made.last) == (2001, 2030)
    marks = made.lanes[0].marks
    assert marks[0].x == "0.00%" and marks[0].shape == "held"
    assert marks[1].x == "98.32%" and marks[1].shape == "open"
    assert picture([], date(2026, 1, 1)) is None


@pytest.mark.parametrize(("text", "slug"), [
    ("BMS10", "bms10"), ("BMS 10 (first dates)", "bms-10-first-dates"), ("Réunion de Lomé", "reunion-de-lome"),
    ("会议", ""), ("--a__b--", "a-b"), ("x" * 200, "x" * 80),
])
def test_addresses_are_made_from_names(text, slug):
    assert slug_from(text) == slug


# --- mandates ---------------------------------------------------------------------------------------------------
def outcomes(lines):
    return {line.code: line.outcome for line in lines}


def test_a_meeting_as_asked_for_agrees_on_every_line():
    asked = mandate(printed_days=(date(2014, 6, 16), date(2014, 6, 20)))
    assert outcomes(compare_meeting(asked, row(), None)) == {
        "kind": AGREES, "year": AGREES, "length": AGREES, "place": AGREES, "days": AGREES}


@pytest.mark.parametrize(("changes", "code"), [
    ({"kind": "MGE", "kind_name": "Meeting of governmental experts"}, "kind"),
    ({"year": 2015}, "year"),
    ({"city": "Geneva"}, "place"),
    ({"start_date": date(2014, 6, 18), "end_date": date(2014, 6, 20)}, "length"),  # three days
    ({"start_date": date(2014, 6, 18), "end_date": date(2014, 6, 24)}, "length"),  # five days over a weekend
    ({"start_date": date(2014, 6, 16), "end_date": date(2014, 6, 27)}, "length"),  # two weeks
])
def test_each_difference_contradicts_on_its_own_line(changes, code):
    assert outcomes(compare_meeting(mandate(), row(**changes), None))[code] == CONTRADICTS


def test_one_holiday_a_week_is_no_contradiction():
    two_weeks = mandate(weeks=2, kind="RevCon", place=None)
    revcon4 = row(kind="RevCon", start_date=date(2024, 6, 18), end_date=date(2024, 6, 28))
    assert outcomes(compare_meeting(two_weeks, revcon4, None))["length"] == AGREES


def test_what_is_not_known_is_not_compared():
    undated = row(start_date=None, end_date=None, city=None)
    asked = mandate(printed_days=(date(2014, 6, 16), date(2014, 6, 20)), timing="early", precedes_id=uuid.uuid4())
    found = outcomes(compare_meeting(asked, undated, None))
    assert {found[c] for c in ("length", "place", "days", "timing", "order")} == {SILENT}


def test_a_committee_after_its_conference_contradicts():
    conference = row(kind="RevCon", start_date=date(2018, 6, 18), end_date=date(2018, 6, 29))
    asked = mandate(kind="PrepCom", year_read=2018, timing="early", precedes_id=uuid.uuid4(), place=None)
    late = row(kind="PrepCom", year=2018, start_date=date(2018, 9, 3), end_date=date(2018, 9, 7))
    found = outcomes(compare_meeting(asked, late, conference))
    assert found["order"] == CONTRADICTS and found["timing"] == CONTRADICTS
    early = replace(late, start_date=date(2018, 3, 19), end_date=date(2018, 3, 23))
    found = outcomes(compare_meeting(asked, early, conference))
    assert found["order"] == AGREES and found["timing"] == AGREES


def test_the_printed_year_is_flagged_on_the_text_itself():
    conference = mandate(kind="RevCon", year_printed=2018, year_read=2018)
    committee = mandate(kind="PrepCom", year_printed=2008, year_read=2018, precedes_id=conference.id)
    found = compare_text(committee, [conference, committee])
    assert [line.code for line in found] == ["year_before_resolution", "year_outside_cycle"]
    assert all(line.outcome == CONTRADICTS for line in found)
    assert compare_text(conference, [conference, committee]) == []


def test_any_other_reading_is_flagged_too():
    found = compare_text(mandate(year_printed=2015, year_read=2014), [])
    assert [line.code for line in found] == ["year_read_otherwise"]


# --- bytes ------------------------------------------------------------------------------------------------------
def entry(**values) -> ical.Entry:
    base = {
        "uid": str(uuid.uuid4()), "sequence": 0, "created": NOW, "changed": NOW, "first_day": date(2026, 6, 1),
        "last_day": date(2026, 6, 5), "cancelled": False, "summary": "BMS9", "location": "New York",
        "description": "Ninth", "category": "BMS", "url": "https://placard.test/meetings/bms9/",
    }
    return ical.Entry(**{**base, **values})


def build(*entries: ical.Entry, name: str = "Meetings") -> bytes:
    return ical.build(entries, name=name, description=name, url="https://placard.test/", changed=NOW,
                      source="https://placard.test/calendar.ics", uid=str(uuid.uuid4()))


def test_the_end_is_exclusive():
    event = strict_ical.parse(build(entry())).parts[0]
    assert (event.day("DTSTART"), event.day("DTEND")) == (date(2026, 6, 1), date(2026, 6, 6))


def test_one_day_ends_on_the_next():
    event = strict_ical.parse(build(entry(last_day=date(2026, 6, 1)))).parts[0]
    assert event.day("DTEND") - event.day("DTSTART") == timedelta(days=1)


def test_calendar_properties_of_rfc_7986():
    calendar = strict_ical.parse(build(entry(), name="Meetings; all, of them"))
    assert calendar.get("NAME") == "Meetings; all, of them" == calendar.get("X-WR-CALNAME")
    assert calendar.get("METHOD") == "PUBLISH" and calendar.get("CALSCALE") == "GREGORIAN"
    assert calendar.get("REFRESH-INTERVAL") == "PT6H" == calendar.get("X-PUBLISHED-TTL")
    assert calendar.get("COLOR") == "steelblue" and calendar.get("SOURCE").endswith("/calendar.ics")
    assert [p for n, p, _v in calendar.properties if n == "REFRESH-INTERVAL"] == [{"VALUE": "DURATION"}]


HOSTILE = (
    "x\r\nBEGIN:VEVENT\r\nUID:evil\r\nEND:VEVENT", "a;b,c\\d\\n \\; e", 'say "yes": <script>alert(1)</script>',
    "اجتماع " * 40, "会议" * 60, "é" * 200, "a" * 500, "\u202eevil\u202c \u2066x\u2069", "tab\tnull\x00bell\x07",
    "line\u2028separator\u2029and\x85next", "😀" * 50, " leading and trailing ", "=1+1", "END:VCALENDAR",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text):
    body = build(entry(summary=text, location=text, description=text, category=text), name=text)
    strict = strict_ical.parse(body)
    assert len(strict.parts) == 1
    event = strict.parts[0]
    library = icalendar.Calendar.from_ical(body).walk("VEVENT")[0]
    assert event.get("SUMMARY") == str(library["SUMMARY"])
    assert event.get("DESCRIPTION") == str(library["DESCRIPTION"])
    assert not set(event.get("SUMMARY")) & set("\u202e\u2066\x00\x07\n")


@given(st.text(max_size=300))
def test_any_text_makes_a_valid_calendar(text):
    app = Flask(__name__)
    Babel(app)
    with app.app_context():
        body = build(entry(summary=text, description=text, location=text))
    event = strict_ical.parse(body).parts[0]
    again = icalendar.Calendar.from_ical(body).walk("VEVENT")[0]
    assert event.get("DESCRIPTION") == str(again["DESCRIPTION"])


def test_the_same_rows_make_the_same_bytes():
    one, uid = entry(), str(uuid.uuid4())
    made = [ical.build([one], name="n", description="d", url="u", source="s", uid=uid, changed=NOW) for _ in range(2)]
    assert made[0] == made[1]
