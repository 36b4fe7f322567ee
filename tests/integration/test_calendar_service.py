"""Commands on meetings: who may, from where, what is refused, what other rooms hear, what the database holds."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from core import events, jobs
from core.actor import PUBLIC, system
from core.db import db, new_id
from core.errors import IllegalMove, NotAllowed, NotFound, RuleBroken, SignInNeeded, Stale
from meetings.calendar import service
from meetings.calendar.jobs import JOBS
from meetings.calendar.models import Meeting, MeetingDates, MeetingKind
from meetings.calendar.queries import get_meeting, meeting_by_id, meetings_for_choice, next_meeting
from meetings.calendar.service import MeetingFacts
from meetings.calendar.signals import MeetingCancelled, MeetingMoved, meeting_cancelled, meeting_moved

START, END = date(2027, 6, 7), date(2027, 6, 11)
FACTS = MeetingFacts(
    kind="BMS", title="Demonstration Biennial Meeting", short_name="DBMS 1", certainty="fixed", start_date=START,
    end_date=END, city="New York", country_code="US", timezone="America/New_York",
)


@pytest.fixture
def organiser(make):
    return make.actor("organiser")


@pytest.fixture
def heard():
    """Everything the signals said while the test runs."""
    said: list = []
    for signal in (meeting_moved, meeting_cancelled):
        signal._subscribers.append(said.append)
    yield said
    for signal in (meeting_moved, meeting_cancelled):
        signal._subscribers.remove(said.append)


def create(organiser, slug=None, **values) -> uuid.UUID:
    return service.create_meeting(organiser, replace(FACTS, **values), slug=slug, is_demo=True)


def state(meeting_id) -> str:
    return db.session.get(Meeting, meeting_id, populate_existing=True).state


def tags(meeting_id) -> list[str]:
    return [h.tag.rsplit(".", 1)[-1] for h in events.history("meeting", meeting_id)]


# --- who may ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("role", ["fund_manager", "head_of_fund", "auditor", "administrator", "focal_point"])
def test_only_organisers_write(make, organiser, role):
    made = create(organiser)
    service.publish_meeting(made, organiser)
    other = make.actor(role)
    for act in (
        lambda: service.create_meeting(other, FACTS),
        lambda: service.edit_meeting(made, other, FACTS),
        lambda: service.postpone_meeting(made, other, "Because."),
        lambda: service.redate_meeting(made, other, START + timedelta(7), END + timedelta(7), "Because."),
        lambda: service.cancel_meeting(made, other, "Because."),
    ):
        with pytest.raises(NotAllowed):
            act()
    with pytest.raises(SignInNeeded):
        service.cancel_meeting(made, PUBLIC, "Because.")
    assert state(made) == "published" and tags(made)[-1] == "publish"


def test_closing_is_for_the_schedule(organiser):
    made = create(organiser, start_date=date(2026, 1, 12), end_date=date(2026, 1, 16))
    service.publish_meeting(made, organiser)
    with pytest.raises(IllegalMove):
        service.close_meeting(made, organiser)
    service.close_meeting(made, system("test"))
    assert state(made) == "held"
    service.close_meeting(made, system("test"))  # quiet on repeat


# --- the life of a meeting --------------------------------------------------------------------------------------
def test_from_mandated_to_held(organiser, heard):
    made = create(organiser, certainty="none", start_date=None, end_date=None, year=2027)
    assert state(made) == "mandated"
    service.edit_meeting(made, organiser, replace(FACTS, certainty="provisional"))
    assert state(made) == "provisional"
    service.edit_meeting(made, organiser, FACTS)
    assert state(made) == "fixed"
    service.publish_meeting(made, organiser)
    row = meeting_by_id(made)
    assert row.state == "published" and row.announced_at and row.published_at and row.days_text == "7–11 June 2027"
    assert row.opens_at == datetime(2027, 6, 7, tzinfo=ZoneInfo("America/New_York"))
    assert row.ends_at == datetime(2027, 6, 12, tzinfo=ZoneInfo("America/New_York"))
    assert tags(made) == ["create", "edit", "propose", "edit", "fix", "publish"]
    assert heard == [MeetingMoved(made, None, None, START, END)]


def test_dates_of_a_draft_may_be_taken_back(organiser, heard):
    made = create(organiser)
    heard.clear()
    service.edit_meeting(made, organiser, replace(FACTS, certainty="none", start_date=None, end_date=None, year=2028))
    row = meeting_by_id(made)
    assert (row.state, row.start_date, row.year) == ("mandated", None, 2028)
    assert heard == [MeetingMoved(made, START, END, None, None)]


def test_postponing_keeps_the_old_dates_and_tells(organiser, heard):
    made = create(organiser)
    service.publish_meeting(made, organiser)
    heard.clear()
    service.postpone_meeting(made, organiser, "The building is closed.")
    row = meeting_by_id(made)
    assert (row.state, row.start_date, row.end_date) == ("postponed", START, END)
    assert heard == [MeetingMoved(made, START, END, None, None)]
    service.redate_meeting(made, organiser, START + timedelta(365), END + timedelta(365), "It opened again.")
    assert heard[-1] == MeetingMoved(made, START, END, START + timedelta(365), END + timedelta(365))
    kept = db.session.scalars(
        sa.select(MeetingDates).where(MeetingDates.meeting_id == made).order_by(MeetingDates.at)).all()
    assert [(k.old_start, k.new_start, k.reason) for k in kept] == [
        (START, None, "The building is closed."), (START, START + timedelta(365), "It opened again.")]
    assert meeting_by_id(made).year == 2028
    history = events.history("meeting", made)
    assert history[-1].text == "It opened again." and history[-1].data["old_start"] == "2027-06-07"


def test_cancelling_tells_and_ends(organiser, heard):
    made = create(organiser)
    service.publish_meeting(made, organiser)
    service.cancel_meeting(made, organiser, "Not mandated.")
    assert heard[-1] == MeetingCancelled(made)
    for act in (
        lambda: service.edit_meeting(made, organiser, FACTS),
        lambda: service.publish_meeting(made, organiser),
        lambda: service.redate_meeting(made, organiser, START, END, "Again."),
        lambda: service.cancel_meeting(made, organiser, "Again."),
    ):
        with pytest.raises(IllegalMove):
            act()


def test_a_subscriber_that_fails_undoes_everything(organiser):
    made = create(organiser)
    service.publish_meeting(made, organiser)

    def fail(_payload):
        raise RuntimeError("no")

    meeting_moved._subscribers.append(fail)
    try:
        with pytest.raises(RuntimeError):
            service.postpone_meeting(made, organiser, "Because.")
    finally:
        meeting_moved._subscribers.remove(fail)
    assert state(made) == "published" and tags(made)[-1] == "publish"
    assert not db.session.scalar(sa.select(sa.func.count()).select_from(MeetingDates))


def test_nothing_moves_the_dates_of_a_published_meeting_in_silence(organiser):
    made = create(organiser)
    service.publish_meeting(made, organiser)
    service.edit_meeting(made, organiser, replace(FACTS, start_date=START + timedelta(7), end_date=END + timedelta(7)))
    assert meeting_by_id(made).start_date == START


def test_a_stale_page_is_refused(organiser):
    made = create(organiser)
    seen = meeting_by_id(made).version
    service.edit_meeting(made, organiser, replace(FACTS, title="Another"), expected_version=seen)
    for act in (
        lambda: service.edit_meeting(made, organiser, FACTS, expected_version=seen),
        lambda: service.publish_meeting(made, organiser, expected_version=seen),
        lambda: service.cancel_meeting(made, organiser, "Because.", expected_version=seen),
    ):
        with pytest.raises(Stale):
            act()


# --- what is refused --------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("values", "code", "field"), [
    ({"end_date": START - timedelta(1)}, "meeting.ends_before_start", "end_date"),
    ({"end_date": START + timedelta(31)}, "meeting.too_long", "end_date"),
    ({"start_date": None}, "meeting.start_missing", "start_date"),
    ({"end_date": None}, "meeting.end_missing", "end_date"),
    ({"start_date": date(1815, 1, 1), "end_date": date(1815, 1, 5)}, "meeting.year", "start_date"),
    ({"certainty": "perhaps"}, "meeting.certainty", "certainty"),
    ({"certainty": "none", "year": None}, "meeting.year", "year"),
    ({"certainty": "none", "year": 3000}, "meeting.year", "year"),
    ({"kind": "Picnic"}, "meeting.kind", "kind"),
    ({"title": "  "}, "meeting.title", "title"),
    ({"short_name": ""}, "meeting.short_name", "short_name"),
    ({"mode": "by_post"}, "meeting.mode", "mode"),
    ({"timezone": "Mars/Olympus"}, "meeting.zone", "timezone"),
    ({"timezone": "EST5EDT"}, "meeting.zone", "timezone"),
    ({"timezone": "../../etc/passwd"}, "meeting.zone", "timezone"),
    ({"timezone": "UTC"}, "meeting.zone_of_venue", "timezone"),
    ({"city": None}, "meeting.city", "city"),
])
def test_facts_that_cannot_be(organiser, values, code, field):
    with pytest.raises(RuleBroken) as caught:
        service.create_meeting(organiser, replace(FACTS, **values), slug="x1")
    assert (caught.value.code, caught.value.field) == (code, field)
    assert not db.session.scalar(sa.select(sa.func.count()).select_from(Meeting))


@pytest.mark.parametrize("slug", ["UPPER", "a b", "-a", "a--b", "é", "a/b", "x" * 81, "new", "timeline", "mandates",
                                  "."])
def test_addresses_that_cannot_be(organiser, slug):
    with pytest.raises(RuleBroken) as caught:
        service.create_meeting(organiser, FACTS, slug=slug)
    assert caught.value.field == "slug"


def test_an_address_and_a_number_are_used_once(organiser):
    service.create_meeting(organiser, replace(FACTS, ordinal=11), slug="one")
    with pytest.raises(RuleBroken) as caught:
        service.create_meeting(organiser, FACTS, slug="one")
    assert caught.value.code == "meeting.slug_taken"
    with pytest.raises(RuleBroken) as caught:
        service.create_meeting(organiser, replace(FACTS, ordinal=11), slug="two")
    assert (caught.value.code, caught.value.field) == ("meeting.ordinal_taken", "ordinal")
    other = service.create_meeting(organiser, replace(FACTS, ordinal=12), slug="three")
    with pytest.raises(RuleBroken):
        service.edit_meeting(other, organiser, replace(FACTS, ordinal=11))
    assert db.session.get(Meeting, other, populate_existing=True).ordinal == 12
    service.create_meeting(organiser, replace(FACTS, ordinal=11), slug="demo", is_demo=True)  # invented ones apart


def test_the_same_dates_are_no_change(organiser):
    made = create(organiser)
    service.publish_meeting(made, organiser)
    with pytest.raises(RuleBroken) as caught:
        service.redate_meeting(made, organiser, START, END, "Because.")
    assert caught.value.code == "meeting.same_days"


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501])
def test_a_public_change_needs_a_reason(organiser, reason):
    made = create(organiser)
    service.publish_meeting(made, organiser)
    for act in (
        lambda: service.postpone_meeting(made, organiser, reason),
        lambda: service.redate_meeting(made, organiser, START + timedelta(7), END + timedelta(7), reason),
        lambda: service.cancel_meeting(made, organiser, reason),
    ):
        with pytest.raises(RuleBroken) as caught:
            act()
        assert caught.value.field == "reason"


@pytest.mark.parametrize("certainty", ["none", "provisional"])
def test_only_fixed_dates_are_published(organiser, certainty):
    made = create(organiser, certainty=certainty, year=2027)
    with pytest.raises(IllegalMove):
        service.publish_meeting(made, organiser)
    assert meeting_by_id(made).published_at is None


def test_unknown_meetings(organiser):
    for act in (lambda: service.publish_meeting(new_id(), organiser), lambda: meeting_by_id(new_id()),
                lambda: get_meeting("nowhere")):
        with pytest.raises(NotFound):
            act()


# --- what the database holds ------------------------------------------------------------------------------------
@pytest.mark.parametrize(("values", "name"), [
    ({"end_date": None}, "both_days_or_none"),
    ({"end_date": START - timedelta(1)}, "ends_after_it_starts"),
    ({"year": 1815}, "ck_meeting_year"),
    ({"state": "published", "start_date": None, "end_date": None}, "dated_states_have_days"),
    ({"state": "mandated"}, "mandated_has_no_days"),
    ({"published_at": None}, "public_states_are_published"),
    ({"announced_at": None}, "published_is_announced"),
    ({"sequence": -1}, "sequence"),
    ({"ordinal": 0}, "ordinal_positive"),
    ({"title": ""}, "has_names"),
    ({"state": "dreamt"}, "foreign key"),
    ({"kind": "Picnic"}, "foreign key"),
    ({"mode": "by_post"}, "foreign key"),
])
def test_rows_that_cannot_be(organiser, values, name):
    made = create(organiser)
    service.publish_meeting(made, organiser)
    with pytest.raises(IntegrityError) as caught:
        db.session.execute(sa.update(Meeting).where(Meeting.id == made).values(**values))
    assert name in str(caught.value.orig).lower()
    db.session.rollback()


def test_the_sequence_never_falls(organiser):
    made = create(organiser)
    db.session.execute(sa.update(Meeting).where(Meeting.id == made).values(sequence=5))
    with pytest.raises(IntegrityError, match="never falls"):
        db.session.execute(sa.update(Meeting).where(Meeting.id == made).values(sequence=4))
    db.session.rollback()


@pytest.mark.parametrize("statement", [
    "UPDATE meeting_dates SET reason = 'other'", "DELETE FROM meeting_dates",
])
def test_what_happened_to_dates_is_never_rewritten(organiser, statement):
    made = create(organiser)
    service.publish_meeting(made, organiser)
    service.postpone_meeting(made, organiser, "Because.")
    with pytest.raises(IntegrityError, match="append-only"):
        db.session.execute(sa.text(statement))
    db.session.rollback()


def test_a_kind_is_a_row(organiser):
    db.session.add(MeetingKind(code="Seminar", short_name="Seminar", name="Seminar for points of contact", position=9))
    db.session.commit()
    made = create(organiser, kind="Seminar")
    assert meeting_by_id(made).kind_name == "Seminar for points of contact"


# --- what others ask for ----------------------------------------------------------------------------------------
def test_the_next_meeting(make):
    today = service.clock.today()
    assert next_meeting() is None
    make.meeting("mandated", start_date=None, slug="undated", year=today.year + 1)
    assert next_meeting().slug == "undated"
    make.meeting(slug="far", start_date=today + timedelta(200))
    make.meeting(slug="near", start_date=today + timedelta(20))
    make.meeting("fixed", slug="draft", start_date=today + timedelta(2))
    make.meeting("cancelled", slug="off", start_date=today + timedelta(1))
    assert next_meeting().slug == "near"
    make.meeting(slug="now", start_date=today - timedelta(1))
    assert next_meeting().slug == "now" and next_meeting().phase == "in_session"


def test_what_may_be_planned_for(make):
    today = service.clock.today()
    make.meeting(slug="a", start_date=today + timedelta(20))
    make.meeting("fixed", slug="b", start_date=today + timedelta(10))
    make.meeting(slug="past", start_date=today - timedelta(20))
    make.meeting("postponed", slug="c", start_date=today + timedelta(30))
    make.meeting("mandated", slug="d", start_date=None, year=2030)
    assert [m.slug for m in meetings_for_choice()] == ["b", "a"]


def test_the_public_never_sees_the_days_of_a_draft(organiser):
    made = create(organiser)
    with pytest.raises(NotFound):
        get_meeting("dbms-1")
    service.announce_meeting(made, organiser)
    row = get_meeting("dbms-1")
    assert (row.start_date, row.end_date, row.state, row.phase, row.year) == (None, None, "mandated", "undated", 2027)


# --- the schedule -----------------------------------------------------------------------------------------------
def test_a_meeting_closes_after_its_last_day_at_its_own_place(organiser):
    for job in JOBS:
        jobs.JOBS.setdefault(job.name, job)
    east = create(organiser, slug="east", short_name="East", city="Suva", timezone="Pacific/Fiji")
    west = create(organiser, slug="west", short_name="West", city="New York", timezone="America/New_York")
    for made in (east, west):
        service.publish_meeting(made, organiser)
    midnight_fiji = datetime(2027, 6, 12, tzinfo=ZoneInfo("Pacific/Fiji"))
    assert not jobs.preview("meetings-close", midnight_fiji - timedelta(seconds=1))
    assert jobs.run("meetings-close", midnight_fiji).done == 1
    assert (state(east), state(west)) == ("held", "published")
    midnight_york = datetime(2027, 6, 12, tzinfo=ZoneInfo("America/New_York"))
    assert jobs.run("meetings-close", midnight_york - timedelta(seconds=1)).done == 0
    assert jobs.run("meetings-close", midnight_york + timedelta(days=30)).done == 1  # what was missed is still due
    assert state(west) == "held"
    assert jobs.run("meetings-close", midnight_york + timedelta(days=30)).done == 0


# --- races ------------------------------------------------------------------------------------------------------
@pytest.mark.real_database
def test_two_organisers_at_once_make_one_meeting(app, make):
    import threading

    organiser = make.actor("organiser")
    db.session.commit()
    outcomes: list[str] = []
    ready = threading.Barrier(8)

    def attempt() -> None:
        with app.app_context():
            ready.wait()
            try:
                service.create_meeting(organiser, replace(FACTS, ordinal=11), slug="same")
                outcomes.append("made")
            except RuleBroken as error:
                outcomes.append(error.code)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=attempt) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["made"] + ["meeting.slug_taken"] * 7
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Meeting)) == 1


@pytest.mark.real_database
def test_one_of_two_steps_on_one_page_wins(app, make):
    import threading

    organiser = make.actor("organiser")
    made = create(organiser)
    service.publish_meeting(made, organiser)
    version = meeting_by_id(made).version
    db.session.commit()
    outcomes: list[str] = []
    ready = threading.Barrier(2)

    def attempt(act) -> None:
        with app.app_context():
            ready.wait()
            try:
                act(made, organiser, "Because.", expected_version=version)
                outcomes.append(act.__name__)
            except Stale:
                outcomes.append("stale")
            finally:
                db.session.remove()

    threads = [threading.Thread(target=attempt, args=(act,))
               for act in (service.postpone_meeting, service.cancel_meeting)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("stale") == 1
    row = db.session.get(Meeting, made, populate_existing=True)
    assert row.state in ("postponed", "cancelled") and row.sequence == 1
