"""The real calendar and the mandates of resolution 68/48: loaded once, checked against each other."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import func, select

from core import verify
from core.db import db
from meetings.calendar import service
from meetings.calendar.mandates import AGREES, cycle_check, mandate_check
from meetings.calendar.models import Mandate, Meeting, MeetingDates
from meetings.calendar.queries import get_meeting, meetings_between
from meetings.calendar.reference import load_meetings, meeting_id, names_of, read_meetings


@pytest.fixture
def loaded(app):
    return load_meetings()


def test_thirty_meetings_and_five_mandates_once(loaded):
    assert loaded == 35
    assert load_meetings() == 0
    assert db.session.scalar(select(func.count()).select_from(Meeting)) == 30
    assert db.session.scalar(select(func.count()).select_from(Mandate)) == 5


def test_every_record_says_what_the_file_says(loaded):
    for record in read_meetings():
        slug, _short = names_of(record["id"], record["kind"])
        row = db.session.scalar(select(Meeting).where(Meeting.slug == slug))
        assert row is not None and row.id == meeting_id(record["id"])
        assert (row.title, row.kind, row.ordinal) == (record["title"], record["kind"], record["ordinal"])
        assert row.start_date == (date.fromisoformat(record["start_date"]) if record["start_date"] else None)
        assert row.end_date == (date.fromisoformat(record["end_date"]) if record["end_date"] else None)
        assert (row.city, row.country_code) == (record["city"], record["country_iso2"])
        assert row.sources == record["sources"] and row.unverified == record["unverified_fields"]
        assert row.presiding_name == record["presiding_officer"]["name"]
        assert not row.is_demo
        expected = {"held": "held", "postponed": "postponed", "scheduled": "mandated"}[record["status"]]
        assert row.state == expected


def test_addresses_that_will_be_linked_to(loaded):
    for slug in ("conference-2001", "bms1", "bms9", "bms10", "revcon1", "revcon1-prepcom", "revcon5", "mge2",
                 "bms7-2020", "oeteg-2026", "regional-2024-asia-pacific"):
        assert get_meeting(slug).slug == slug


def test_the_postponement_of_bms7_is_kept(loaded):
    first, held = get_meeting("bms7-2020"), get_meeting("bms7")
    assert first.state == "postponed" and first.replaced_by_id == held.id
    assert held.mode == "hybrid"
    change = db.session.scalar(select(MeetingDates).where(MeetingDates.meeting_id == first.id))
    assert (change.old_start, change.new_start) == (date(2020, 6, 15), date(2021, 7, 26))


def test_a_meeting_the_organiser_edited_is_left_alone(loaded, make):
    organiser = make.actor("organiser")
    bms10 = get_meeting("bms10", reveal=True)
    service.edit_meeting(bms10.id, organiser, service.MeetingFacts(
        kind="BMS", title="Tenth", short_name="BMS10", ordinal=10, certainty="fixed", start_date=date(2028, 6, 5),
        end_date=date(2028, 6, 9), city="New York", timezone="America/New_York"))
    assert load_meetings() == 0
    assert get_meeting("bms10", reveal=True).start_date == date(2028, 6, 5)


def test_the_meetings_of_2014_to_2018_are_what_68_48_asks_for(loaded):
    found = mandate_check()
    assert [(c.mandate.kind, c.mandate.year_read) for c in found] == [
        ("BMS", 2014), ("MGE", 2015), ("BMS", 2016), ("PrepCom", 2018), ("RevCon", 2018)]
    for comparison in found:
        assert not comparison.meeting_contradicts
        assert len(comparison.meetings) == 1
        for _meeting, lines in comparison.meetings:
            assert {line.outcome for line in lines} == {AGREES}
    assert [c.meetings[0][0].slug for c in found] == ["bms5", "mge2", "bms6", "revcon3-prepcom", "revcon3"]


def test_the_printed_2008_is_flagged_on_the_mandate_itself(loaded):
    flagged = [c for c in mandate_check() if c.text_contradicts]
    assert [(c.mandate.kind, c.mandate.year_printed, c.mandate.year_read) for c in flagged] == [("PrepCom", 2008, 2018)]
    assert "2008" in flagged[0].mandate.year_reason and flagged[0].mandate.language_read == "zh"


def test_every_committee_precedes_its_conference(loaded):
    found = cycle_check(meetings_between(2001, 2100, reveal=True))
    assert [f.committee.slug for f in found] == [f"revcon{n}-prepcom" for n in (1, 2, 3, 4)]
    assert all(f.line.outcome == AGREES for f in found)


def test_verify_finds_nothing(loaded):
    for name in ("calendar.meetings", "calendar.mandates"):
        checked, faults = verify.CHECKS[name]()
        assert checked and not faults
