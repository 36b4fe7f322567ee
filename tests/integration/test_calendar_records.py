"""Kinds without code, mandates that organisers record, and the check that compares them with the calendar."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

import pytest
import sqlalchemy as sa

from core import events
from core.actor import person as acting
from core.db import db
from core.errors import NotAllowed, RuleBroken, Stale
from meetings.calendar import kind_service, mandate_service, service
from meetings.calendar.kind_service import KindFacts
from meetings.calendar.mandate_service import MandateFacts
from meetings.calendar.mandates import CONTRADICTS, cycle_check, kinds_that_prepare, mandate_check, without_mandate
from meetings.calendar.models import Mandate, MeetingKind
from meetings.calendar.queries import get_meeting, meetings_between
from meetings.calendar.reference import load_meetings

MANDATE = MandateFacts(
    resolution="79/40", adopted_on=date(2024, 12, 2), paragraph="12", kind="BMS", year_printed=2028,
    language_read="en", weeks=1, place="New York", source_url="https://docs.un.org/en/A/RES/79/40",
)


@pytest.fixture
def person(make):
    return make.person("organiser")


@pytest.fixture
def organiser(person):
    return acting(person.id)


def facts(**values):
    base = {"kind": "BMS", "title": "A meeting", "short_name": "M 1", "certainty": "fixed",
            "start_date": date(2027, 6, 7), "end_date": date(2027, 6, 11), "city": "New York",
            "timezone": "America/New_York"}
    return service.MeetingFacts(**{**base, **values})


# --- kinds ------------------------------------------------------------------------------------------------------
def test_a_kind_is_a_row_and_works_everywhere(client, organiser):
    code = kind_service.create_kind(organiser, KindFacts("OEWG", "Open-ended working group", precedes="RevCon",
                                                         source="A/RES/79/40"))
    made = service.create_meeting(organiser, facts(kind=code, short_name="OEWG 1"), slug="oewg-1")
    service.publish_meeting(made, organiser)
    assert b"Open-ended working group" in client.get("/meetings/oewg-1/").data
    assert b"OEWG 1" in client.get(f"/meetings/?kind={code}").data
    assert b'<span class="lane-name">Open-ended working group</span>' in client.get("/meetings/timeline").data
    assert b"CATEGORIES:Open-ended working group" in client.get(f"/calendar.ics?kind={code}").data
    assert kinds_that_prepare() == {"PrepCom": "RevCon", "OEWG": "RevCon"}


def test_what_prepares_must_come_first_whatever_its_kind(organiser):
    load_meetings()
    code = kind_service.create_kind(organiser, KindFacts("OEWG", "Open-ended working group", precedes="RevCon"))
    for slug, month in (("early", 5), ("late", 9)):
        service.create_meeting(organiser, facts(kind=code, short_name=slug, start_date=date(2024, month, 6),
                                                end_date=date(2024, month, 10)), slug=slug)
    found = {f.committee.slug: f.line.outcome for f in cycle_check(meetings_between(2001, 2100, reveal=True),
                                                                    kinds_that_prepare())}
    assert (found["early"], found["late"], found["revcon4-prepcom"]) == ("agrees", "contradicts", "agrees")


def test_a_renamed_kind_shows_its_new_name_and_feeds_hear_of_it(client, organiser):
    made = service.create_meeting(organiser, facts(), slug="m-1")
    service.publish_meeting(made, organiser)
    before = client.get("/calendar.ics").headers["ETag"]
    kind_service.edit_kind("BMS", organiser, KindFacts("BMS", "Biennial gathering"), expected_version=1)
    answer = client.get("/calendar.ics")
    assert answer.headers["ETag"] != before and b"CATEGORIES:Biennial gathering" in answer.data
    with pytest.raises(Stale):
        kind_service.edit_kind("BMS", organiser, KindFacts("BMS", "Another"), expected_version=1)


@pytest.mark.parametrize(("values", "field"), [
    ({"short_name": ""}, "short_name"), ({"name": " "}, "name"), ({"short_name": "bms"}, "short_name"),
    ({"name": "Review Conference"}, "name"), ({"short_name": "会"}, "short_name"), ({"precedes": "None"}, "precedes"),
    ({"short_name": "x" * 31}, "short_name"),
])
def test_bad_kinds_say_where(organiser, values, field):
    with pytest.raises(RuleBroken) as refused:
        kind_service.create_kind(organiser, replace(KindFacts("OEWG", "Open-ended working group"), **values))
    assert refused.value.field == field


def test_kinds_that_prepare_each_other_are_refused(organiser, make):
    with pytest.raises(RuleBroken) as refused:
        kind_service.edit_kind("RevCon", organiser, KindFacts("RevCon", "Review conference", precedes="PrepCom"))
    assert refused.value.field == "precedes"
    with pytest.raises(NotAllowed):
        kind_service.create_kind(make.actor("fund_manager"), KindFacts("X1", "Something"))


@pytest.mark.pages
def test_kinds_by_pages(as_person, person):
    browser = as_person(person)
    form = {"version": "0", "short_name": "OEWG", "name": "Open-ended <working> group", "precedes": "RevCon",
            "source": "A/RES/79/40", "offered": "y"}
    assert browser.post("/meetings/kinds", data={**form, "name": ""}).status_code == 422
    assert browser.post("/meetings/kinds", data=form).status_code == 303
    page = browser.get("/meetings/kinds").get_data(as_text=True)
    assert "Open-ended &lt;working&gt; group" in page and "A/RES/79/40" in page
    assert "OEWG" in browser.get("/meetings/new").get_data(as_text=True)
    kept = {k: v for k, v in form.items() if k != "offered"}
    assert browser.post("/meetings/kinds/OEWG", data={**kept, "version": "1"}).status_code == 303
    assert not db.session.get(MeetingKind, "OEWG", populate_existing=True).offered
    assert 'value="OEWG"' not in browser.get("/meetings/new").get_data(as_text=True)
    assert browser.post("/meetings/kinds/OEWG", data={**kept, "version": "1"}).status_code == 409
    assert browser.get("/meetings/kinds/Nothing").status_code == 404


# --- mandates ---------------------------------------------------------------------------------------------------
def test_a_recorded_mandate_is_compared_and_its_source_told(organiser):
    load_meetings()
    made = mandate_service.create_mandate(organiser, MANDATE)
    found = next(c for c in mandate_check() if c.mandate.id == made)
    assert found.mandate.source == "A/RES/79/40, paragraph 12" and not found.text_contradicts
    assert [m.slug for m, _lines in found.meetings] == ["bms10"]
    event = events.history("mandate", made)[0]
    assert event.tag == "calendar.mandate.create"
    other = replace(MANDATE, resolution="A/CONF.192/2024/RC/3", year_printed=2029, meeting_ids=(
        get_meeting("bms10", reveal=True).id,))
    mandate_service.edit_mandate(made, organiser, other, expected_version=1)
    found = next(c for c in mandate_check() if c.mandate.id == made)
    assert found.mandate.source == "A/CONF.192/2024/RC/3, paragraph 12"
    assert {line.code for line in found.meetings[0][1] if line.outcome == CONTRADICTS} == {"year"}
    data = events.history("mandate", made)[-1].data
    assert set(data["fields"]) == {"resolution", "year_printed", "year_read", "meetings"}
    with pytest.raises(Stale):
        mandate_service.edit_mandate(made, organiser, MANDATE, expected_version=1)


def test_a_two_week_meeting_in_the_wrong_place_contradicts(organiser):
    made = service.create_meeting(organiser, facts(
        start_date=date(2028, 6, 5), end_date=date(2028, 6, 16), city="Geneva", timezone="Europe/Zurich"), slug="m-1")
    mandate_service.create_mandate(organiser, replace(MANDATE, meeting_ids=(made,)))
    (found,) = mandate_check()
    assert {line.code for line in found.meetings[0][1] if line.outcome == CONTRADICTS} == {"length", "place"}
    assert found.meeting_contradicts


def test_a_printed_year_that_cannot_be_needs_a_reason_and_is_flagged(organiser):
    with pytest.raises(RuleBroken) as refused:
        mandate_service.create_mandate(organiser, replace(MANDATE, year_printed=2018, year_read=2028))
    assert refused.value.field == "year_reason"
    mandate_service.create_mandate(organiser, replace(MANDATE, year_printed=2018, year_read=2028,
                                                      year_reason="The text is of 2024."))
    (found,) = mandate_check()
    assert found.text_contradicts and [line.code for line in found.on_text] == ["year_before_resolution"]


def test_a_withdrawn_mandate_leaves_the_check_and_keeps_its_record(organiser):
    load_meetings()
    made = mandate_service.create_mandate(organiser, MANDATE)
    before = len(mandate_check())
    conference = db.session.scalar(sa.select(Mandate.id).where(Mandate.key == "68/48-6-revcon-2018"))
    with pytest.raises(RuleBroken):
        mandate_service.withdraw_mandate(conference, organiser, "A test.")
    mandate_service.withdraw_mandate(made, organiser, "Recorded twice.")
    assert len(mandate_check()) == before - 1
    assert db.session.get(Mandate, made, populate_existing=True).withdrawn_because == "Recorded twice."
    with pytest.raises(RuleBroken):
        mandate_service.edit_mandate(made, organiser, MANDATE)


@pytest.mark.parametrize(("values", "field"), [
    ({"resolution": " "}, "resolution"), ({"adopted_on": None}, "adopted_on"), ({"paragraph": ""}, "paragraph"),
    ({"kind": "Nothing"}, "kind"), ({"year_printed": None}, "year_printed"), ({"year_printed": 20}, "year_printed"),
    ({"weeks": 9}, "weeks"), ({"language_read": "de"}, "language_read"), ({"source_url": "javascript:1"}, "source_url"),
    ({"start_printed": date(2028, 6, 5)}, "end_printed"),
    ({"start_printed": date(2028, 6, 5), "end_printed": date(2028, 6, 1)}, "end_printed"),
])
def test_bad_mandates_say_where(organiser, values, field):
    with pytest.raises(RuleBroken) as refused:
        mandate_service.create_mandate(organiser, replace(MANDATE, **values))
    assert refused.value.field == field


def test_mandates_do_not_precede_each_other_in_a_ring(organiser, make):
    first = mandate_service.create_mandate(organiser, MANDATE)
    second = mandate_service.create_mandate(organiser, replace(MANDATE, precedes_id=first))
    with pytest.raises(RuleBroken) as refused:
        mandate_service.edit_mandate(first, organiser, replace(MANDATE, precedes_id=second))
    assert refused.value.field == "precedes_id"
    with pytest.raises(NotAllowed):
        mandate_service.create_mandate(make.actor("auditor"), MANDATE)


def test_meetings_to_come_without_a_mandate_are_named(organiser):
    load_meetings()
    rows = meetings_between(2001, 2100, reveal=True)
    assert [m.slug for m in without_mandate(rows, mandate_check())] == ["bms10", "revcon5"]
    mandate_service.create_mandate(organiser, MANDATE)
    assert [m.slug for m in without_mandate(rows, mandate_check())] == ["revcon5"]


@pytest.mark.pages
def test_mandates_by_pages_and_on_the_meeting(as_person, person, client):
    load_meetings()
    browser = as_person(person)
    bms10 = get_meeting("bms10", reveal=True).id
    form = {"version": "0", "resolution": "79/40", "adopted_on": "2024-12-02", "paragraph": "12", "kind": "BMS",
            "language_read": "fr", "year_printed": "2029", "weeks": "1", "place": "New York", "note": "One <week>.",
            "precedes_id": "",
            "meeting_ids": [str(bms10)]}
    bad = browser.post("/meetings/mandates/new", data={**form, "paragraph": ""})
    assert bad.status_code == 422 and "One &lt;week&gt;." in bad.get_data(as_text=True)
    assert browser.post("/meetings/mandates/new", data=form).status_code == 303
    page = browser.get("/meetings/mandates").get_data(as_text=True)
    assert "A/RES/79/40, paragraph 12" in page and "Still to come, without a mandate on record" in page
    key = db.session.scalar(sa.select(Mandate.id).where(Mandate.resolution == "79/40"))
    own = browser.get("/meetings/bms10/").get_data(as_text=True)
    assert "Beside its mandate" in own and "As printed in the French version; others not compared" in own
    assert "Beside its mandate" not in client.get("/meetings/bms10/").get_data(as_text=True)
    page = browser.get(f"/meetings/mandates/{key}").get_data(as_text=True)
    assert re.search(rf'value="{bms10}"[^>]*checked|checked[^>]*value="{bms10}"', page)
    assert browser.post(f"/meetings/mandates/{key}", data={**form, "version": "1", "year_printed": "2028"}
                        ).status_code == 303
    assert browser.post(f"/meetings/mandates/{key}", data={**form, "version": "1"}).status_code == 409
    assert browser.post(f"/meetings/mandates/{key}/withdraw", data={"version": "2", "reason": ""}).status_code == 422
    assert browser.post(f"/meetings/mandates/{key}/withdraw", data={"version": "2", "reason": "Twice"}
                        ).status_code == 303
    assert "Twice" in browser.get("/meetings/mandates").get_data(as_text=True)
    assert browser.get(f"/meetings/mandates/{key}").status_code == 404
