"""Commands of the programme: drafts and their history, undo, publishing, who is told, side events, races of pages."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from core import clock, events
from core.actor import PUBLIC, person
from core.db import db
from core.errors import IllegalMove, NotAllowed, NotFound, RuleBroken, SignInNeeded, Stale
from core.outbox import OutboxMail
from meetings.calendar import service as calendar
from meetings.programme import checks, editing, plans, publishing, service, side_events
from meetings.programme.facts import MORNING, SlotFacts
from meetings.programme.models import Change, Programme, ProgrammeVersion, SideEvent
from meetings.programme.queries import draft_of_meeting, latest_of_meeting, versions_of_meeting
from meetings.programme.side_events import EventFacts, offered

MONDAY = date(2028, 6, 12)
FACTS = SlotFacts("plenary", MONDAY, *MORNING, "Opening")


@pytest.fixture
def actor(make):
    return make.actor("organiser")


@pytest.fixture
def meeting(make):
    return make.meeting(slug="bms10", short_name="BMS10", start_date=MONDAY, year=2028)


@pytest.fixture
def programme(actor, meeting):
    return service.begin_programme(meeting.id, actor)


@pytest.fixture
def room(programme, actor):
    return add_room(programme, actor)


def add_room(programme, actor, name="Conference Room 4", **values):
    return service.save_room(programme, actor, service.RoomFacts(**{
        "name": name, "seats": 500, "opens": time(8), "closes": time(18, 30), "interpretation": True, **values}))


def draft(meeting):
    return draft_of_meeting(meeting.id)


def mails(kind="programme.changed"):
    found = sa.select(OutboxMail).where(OutboxMail.kind == kind)
    return db.session.scalars(found.order_by(OutboxMail.to_address, OutboxMail.id)).all()


def ready(programme, actor, meeting, room):
    """A published first version of one week."""
    service.set_agenda(programme, actor, plans.agendas()["bms"])
    now = draft(meeting)
    editing.replace_plenary(programme, actor, plans.fill("bms", now.halves, now.items, room))
    publishing.publish_programme(programme, actor, "provisional")
    return draft(meeting)


# --- beginning --------------------------------------------------------------------------------------------------
def test_half_days_follow_the_meeting_and_the_days_off(make, actor):
    made = make.meeting(start_date=date(2024, 6, 17), end_date=date(2024, 6, 28), state="held")
    service.begin_programme(made.id, actor)
    halves = draft(made).halves
    assert len(halves) == 24 and sum(h.is_open for h in halves) == 18  # two weeks less a weekend and Eid al-Adha
    assert halves[0].note == "Eid al-Adha" and not halves[0].is_open


def test_it_is_begun_once_and_only_by_organisers(make, actor, meeting, programme):
    assert service.begin_programme(meeting.id, actor) == programme
    for other in (make.actor("fund_manager"), make.actor("auditor")):
        with pytest.raises(NotAllowed):
            service.begin_programme(meeting.id, other)
    undated = make.meeting(state="mandated", start_date=None, published_at=None)
    with pytest.raises(RuleBroken):
        service.begin_programme(undated.id, actor)


def test_every_command_asks_permission(make, actor, programme, meeting, room):
    (slot,) = editing.add_slots(programme, actor, [FACTS])
    other = make.actor("fund_manager")
    half = draft(meeting).halves[0]
    for act in (
        lambda: service.set_up(programme, other, symbol=None, teams=1),
        lambda: service.set_agenda(programme, other, []),
        lambda: service.save_room(programme, other, service.RoomFacts("X", None, time(8), time(9), False)),
        lambda: service.remove_room(programme, other, room),
        lambda: service.set_half_days(programme, other, [service.HalfFacts(half.id, *MORNING, False, None)]),
        lambda: editing.add_slots(programme, other, [FACTS]),
        lambda: editing.change_slot(programme, other, slot, replace(FACTS, title="X")),
        lambda: editing.move_slot(programme, other, slot, MONDAY, time(15)),
        lambda: editing.resize_slot(programme, other, slot, 15),
        lambda: editing.copy_slot(programme, other, slot, [MONDAY]),
        lambda: editing.remove_slot(programme, other, slot),
        lambda: editing.replace_plenary(programme, other, []),
        lambda: editing.undo(programme, other),
        lambda: publishing.publish_programme(programme, other, "provisional"),
    ):
        with pytest.raises(NotAllowed):
            act()
    assert len(draft(meeting).slots) == 1 and draft(meeting).numbered == 0


# --- slots and undo ---------------------------------------------------------------------------------------------
def test_undo_walks_back_through_everything(actor, meeting, programme, room):
    assert draft(meeting).slots == ()
    (key,) = editing.add_slots(programme, actor, [replace(FACTS, room_id=room)])
    states = [draft(meeting).slots]
    for act in (
        lambda: editing.move_slot(programme, actor, key, MONDAY + timedelta(1), time(15)),
        lambda: editing.resize_slot(programme, actor, key, -30),
        lambda: editing.copy_slot(programme, actor, key, [MONDAY, MONDAY + timedelta(3)]),
        lambda: editing.change_slot(programme, actor, key, replace(FACTS, title="Election", people=("A. Chair",))),
        lambda: editing.remove_slot(programme, actor, key),
    ):
        act()
        states.append(draft(meeting).slots)
    moved = dict(states[1])[key]
    assert (moved.day, moved.starts, moved.ends) == (MONDAY + timedelta(1), time(15), time(18))
    assert dict(states[2])[key].ends == time(17, 30) and len(states[3]) == 3 and len(states[5]) == 2
    said = []
    for before in reversed(states[:-1]):
        said.append(editing.undo(programme, actor))
        assert draft(meeting).slots == before
    said.append(editing.undo(programme, actor))
    assert draft(meeting).slots == () and said == ["remove", "edit", "copy", "resize", "move", "add"]
    with pytest.raises(RuleBroken):
        editing.undo(programme, actor)


def test_after_an_undo_something_else_can_be_done_and_undone(actor, meeting, programme):
    editing.add_slots(programme, actor, [FACTS])
    (second,) = editing.add_slots(programme, actor, [replace(FACTS, title="Second")])
    editing.undo(programme, actor)
    editing.add_slots(programme, actor, [replace(FACTS, title="Third")])
    assert editing.undo(programme, actor) == "add"
    assert [s.title for _k, s in draft(meeting).slots] == ["Opening"] and second not in dict(draft(meeting).slots)


def test_what_an_undo_needs_may_be_gone(actor, meeting, programme, room):
    (key,) = editing.add_slots(programme, actor, [replace(FACTS, room_id=room)])
    editing.change_slot(programme, actor, key, FACTS)
    service.remove_room(programme, actor, room)
    with pytest.raises(RuleBroken, match="undo_gone"):
        editing.undo(programme, actor)
    assert dict(draft(meeting).slots)[key].room_id is None


@pytest.mark.parametrize(("values", "field"), [
    ({"kind": "party"}, "kind"), ({"ends": time(10)}, "ends"), ({"title": " "}, "title"),
    ({"title": "x" * 301}, "title"), ({"room_id": uuid.UUID(int=9)}, "room_id"),
    ({"items": (uuid.UUID(int=9),)}, "items"), ({"languages": ("D",)}, "languages")])
def test_what_no_programme_can_hold(actor, meeting, programme, values, field):
    with pytest.raises(RuleBroken) as refused:
        editing.add_slots(programme, actor, [FACTS, replace(FACTS, **values)])
    assert refused.value.field == field and draft(meeting).slots == ()


def test_nothing_lasts_past_midnight(actor, programme):
    (key,) = editing.add_slots(programme, actor, [FACTS])
    for act in (lambda: editing.move_slot(programme, actor, key, MONDAY, time(22)),
                lambda: editing.resize_slot(programme, actor, key, 12 * 60),
                lambda: editing.resize_slot(programme, actor, key, -180)):
        with pytest.raises(RuleBroken):
            act()


def test_a_page_that_showed_another_draft_is_refused(actor, meeting, programme):
    shown = draft(meeting).version
    editing.add_slots(programme, actor, [FACTS], expected_version=shown)
    with pytest.raises(Stale):
        editing.add_slots(programme, actor, [FACTS], expected_version=shown)
    with pytest.raises(Stale):
        publishing.publish_programme(programme, actor, "provisional", expected_version=shown)


def test_slots_of_another_meeting_are_not_found(make, actor, programme):
    other = service.begin_programme(make.meeting().id, actor)
    (key,) = editing.add_slots(other, actor, [FACTS])
    with pytest.raises(NotFound):
        editing.remove_slot(programme, actor, key)


def test_history_cannot_be_changed(actor, programme, room):
    editing.add_slots(programme, actor, [FACTS])
    publishing.publish_programme(programme, actor, "provisional")
    for model in (Change, ProgrammeVersion):
        for act in (sa.update(model).values(number=99), sa.delete(model)):
            with pytest.raises(DBAPIError), db.session.begin_nested():
                db.session.execute(act)


# --- agenda, rooms, half-days -----------------------------------------------------------------------------------
def test_an_item_keeps_its_identity_by_its_number(actor, meeting, programme):
    service.set_agenda(programme, actor, service.read_agenda("1. Opening\n6. Small arms"))
    six = draft(meeting).items[1]
    editing.add_slots(programme, actor, [replace(FACTS, title="", items=(six.id,))])
    service.set_agenda(programme, actor, service.read_agenda("6. Small arms and light weapons\n1. Opening\n2. Chair"))
    assert [(i.number, i.id == six.id) for i in draft(meeting).items] == [("6", True), ("1", False), ("2", False)]
    with pytest.raises(RuleBroken, match="item_used"):
        service.set_agenda(programme, actor, service.read_agenda("1. Opening"))


def test_a_room_in_use_stays(actor, programme, room):
    (key,) = editing.add_slots(programme, actor, [replace(FACTS, room_id=room)])
    with pytest.raises(RuleBroken, match="room_used"):
        service.remove_room(programme, actor, room)
    with pytest.raises(RuleBroken, match="room_twice"):
        add_room(programme, actor, "CONFERENCE  room 4")
    editing.remove_slot(programme, actor, key)
    service.remove_room(programme, actor, room)


# --- the meeting moves ------------------------------------------------------------------------------------------
def test_slots_move_with_the_meeting(actor, meeting, programme):
    (key,) = editing.add_slots(programme, actor, [replace(FACTS, day=MONDAY + timedelta(2))])
    calendar.postpone_meeting(meeting.id, actor, "No room")
    assert dict(draft(meeting).slots)[key].day == MONDAY + timedelta(2)
    calendar.redate_meeting(meeting.id, actor, MONDAY + timedelta(7), MONDAY + timedelta(11), "Found a room")
    now = draft(meeting)
    assert dict(now.slots)[key].day == MONDAY + timedelta(9)
    assert {h.day for h in now.halves} == {MONDAY + timedelta(7 + n) for n in range(5)}


def test_a_longer_meeting_keeps_what_the_organiser_decided(actor, meeting, programme):
    half = draft(meeting).halves[0]
    service.set_half_days(programme, actor, [service.HalfFacts(half.id, time(11), time(13), True, "Late start")])
    calendar.redate_meeting(meeting.id, actor, MONDAY, MONDAY + timedelta(5), "A day more")
    halves = draft(meeting).halves
    assert halves[0].note == "Late start" and len(halves) == 12 and halves[0].starts == time(11)


# --- publishing -------------------------------------------------------------------------------------------------
def test_versions_are_numbered_and_stay_readable(actor, meeting, programme, room):
    service.set_up(programme, actor, symbol="A/CONF.192/BMS/2028/L.2", teams=1)
    now = ready(programme, actor, meeting, room)
    key = now.slots[3][0]
    editing.change_slot(programme, actor, key, replace(now.slots[3][1], title="A debate"))
    publishing.publish_programme(programme, actor, "indicative", note="After consultations")
    one, two = versions_of_meeting(meeting.id)
    assert (one.number, one.standing, one.symbol) == (1, "provisional", "A/CONF.192/BMS/2028/L.2")
    assert (two.number, two.standing, two.symbol) == (2, "indicative", "A/CONF.192/BMS/2028/L.2/Rev.1")
    assert one.content.slots[3].title == "" and two.content.slots[3].title == "A debate"
    assert all(not faults for _n, faults in (checks.versions(), checks.items()))


def test_only_the_meeting_adopts(actor, meeting, programme, room):
    ready(programme, actor, meeting, room)
    with pytest.raises(RuleBroken, match="not_open"):
        publishing.publish_programme(programme, actor, "adopted", note="at its 1st plenary meeting")
    opened = datetime(2028, 6, 12, 11, tzinfo=ZoneInfo("America/New_York"))
    with clock.moved_to(opened):
        with pytest.raises(RuleBroken, match="adopted_when"):
            publishing.publish_programme(programme, actor, "adopted")
        publishing.publish_programme(programme, actor, "adopted", note="at its 1st plenary meeting")
        assert draft(meeting).state == "adopted"
        with pytest.raises(IllegalMove):
            publishing.publish_programme(programme, actor, "provisional")
        editing.add_slots(programme, actor, [replace(FACTS, kind="informal", starts=time(18), ends=time(18, 30))])
        publishing.publish_programme(programme, actor, "indicative")
    assert latest_of_meeting(meeting.id).standing == "indicative"


def test_what_stops_publishing(make, actor, meeting, programme, room):
    with pytest.raises(RuleBroken, match="programme.empty"):
        publishing.publish_programme(programme, actor, "provisional")
    with pytest.raises(IllegalMove):
        publishing.publish_programme(programme, actor, "adopted", note="x")
    slots = editing.add_slots(programme, actor, [replace(FACTS, room_id=room), replace(FACTS, room_id=room, title="B")])
    with pytest.raises(RuleBroken, match="hard_findings"):
        publishing.publish_programme(programme, actor, "provisional")
    editing.remove_slot(programme, actor, slots[1])
    publishing.publish_programme(programme, actor, "provisional")
    with pytest.raises(RuleBroken, match="unchanged"):
        publishing.publish_programme(programme, actor, "provisional")
    hidden = make.meeting(state="fixed", start_date=MONDAY, year=2028)
    other = service.begin_programme(hidden.id, actor)
    editing.add_slots(other, actor, [FACTS])
    with pytest.raises(RuleBroken, match="meeting_not_public"):
        publishing.publish_programme(other, actor, "provisional")


def test_exactly_the_people_affected_are_told_once(make, actor, meeting, programme, room):
    now = ready(programme, actor, meeting, room)
    assert mails() == []  # nobody can be told of a change by the first version
    first, last = str(now.slots[0][0]), str(now.slots[-1][0])
    readers = {name: make.person("focal_point", email=f"{name}@test.example") for name in
               ("all", "both", "first", "last", "nobody")}
    for name, keys in {"all": [""], "both": ["", first], "first": [first], "last": [last]}.items():
        for key in keys:
            publishing.follow(meeting.id, person(readers[name].id), key)
            publishing.follow(meeting.id, person(readers[name].id), key)  # twice counts once
    editing.move_slot(programme, actor, now.slots[0][0], MONDAY, time(10, 30))
    editing.resize_slot(programme, actor, now.slots[0][0], -30)
    editing.change_slot(programme, actor, now.slots[4][0], replace(now.slots[4][1], title="Tracing"))
    publishing.publish_programme(programme, actor, "provisional")
    told = {m.to_address: m.body for m in mails()}
    assert set(told) == {"all@test.example", "both@test.example", "first@test.example"}
    assert "Mon 10:00 to 10:30" in told["all@test.example"] and "Tracing" in told["all@test.example"]
    assert "Mon 10:00 to 10:30" in told["first@test.example"] and "Tracing" not in told["first@test.example"]
    publishing.follow(meeting.id, person(readers["first"].id), first, wanted=False)
    editing.move_slot(programme, actor, now.slots[0][0], MONDAY, time(10))
    publishing.publish_programme(programme, actor, "provisional")
    assert sum(m.to_address == "first@test.example" for m in mails()) == 1


def test_following_needs_an_account_and_something_published(make, actor, meeting, programme):
    with pytest.raises(SignInNeeded):
        publishing.follow(meeting.id, PUBLIC)
    with pytest.raises(RuleBroken):
        publishing.follow(meeting.id, actor)


def test_verify_sees_a_version_that_was_tampered_with(actor, meeting, programme, room):
    ready(programme, actor, meeting, room)
    assert checks.versions() == (1, [])
    db.session.execute(sa.update(Programme).values(numbered=2))
    assert checks.versions()[1]


# --- side events ------------------------------------------------------------------------------------------------
@pytest.fixture
def asker(make):
    return make.actor("focal_point")


def ask(meeting, asker, n=1, **values):
    return side_events.request_side_event(meeting.id, asker, EventFacts(**{
        "title": "Marking in practice", "organisers": "Small Arms Network",
        "wishes": tuple(offered(draft(meeting).halves)[n:n + 2]), "people_expected": 40, **values}))


def test_a_side_event_from_request_to_programme(make, actor, meeting, programme, room, asker):
    ready(programme, actor, meeting, room)
    event = ask(meeting, asker)
    assert len(mails("programme.side_event.requested")) == 1
    wish = db.session.get(SideEvent, event).wishes[0]
    assert wish == "2028-06-12 13:15-14:45"
    with pytest.raises(NotAllowed):
        side_events.accept_side_event(event, asker, wish, room)
    key = side_events.accept_side_event(event, actor, wish, room)
    slot = dict(draft(meeting).slots)[key]
    assert (slot.kind, slot.starts, slot.room_id) == ("side_event", time(13, 15), room)
    publishing.publish_programme(programme, actor, "provisional")
    assert "Mon 12 June 13:15–14:45, Conference Room 4" in mails("programme.side_event.answered")[0].body
    hall = add_room(programme, actor, "Conference Room 7")
    editing.change_slot(programme, actor, key, replace(slot, room_id=hall))
    publishing.publish_programme(programme, actor, "provisional")
    own = [m for m in mails() if "Conference Room 7" in m.body]
    assert len(own) == 1  # its author, who never asked to be told
    side_events.withdraw_side_event(event, asker)
    assert key not in dict(draft(meeting).slots) and db.session.get(SideEvent, event).state == "withdrawn"


def test_two_side_events_do_not_share_a_room(actor, meeting, programme, room, asker):
    one, two = ask(meeting, asker), ask(meeting, asker, title="Ammunition")
    wish = offered(draft(meeting).halves)[1]
    side_events.accept_side_event(one, actor, wish, room)
    with pytest.raises(RuleBroken, match="room_taken"):
        side_events.accept_side_event(two, actor, wish, room)
    with pytest.raises(RuleBroken, match="side_event.slot"):
        side_events.accept_side_event(two, actor, "2028-06-12 10:00-11:00", room)
    with pytest.raises(RuleBroken, match="side_event.room"):
        side_events.accept_side_event(two, actor, wish, None)
    side_events.decline_side_event(two, actor, "All rooms are taken at lunch.")
    with pytest.raises(IllegalMove):
        side_events.accept_side_event(two, actor, wish, room)
    assert "All rooms are taken" in mails("programme.side_event.answered")[-1].body


def test_a_request_is_its_authors_and_the_organisers(make, actor, meeting, programme, room, asker):
    event = ask(meeting, asker)
    stranger = make.actor("donor")
    assert side_events.request_by_id(event, asker).id == side_events.request_by_id(event, actor).id == event
    for act in (lambda: side_events.request_by_id(event, stranger),
                lambda: side_events.withdraw_side_event(event, stranger)):
        with pytest.raises(NotFound):
            act()
    with pytest.raises(NotAllowed):
        ask(meeting, make.actor("bank_signatory"))


@pytest.mark.parametrize("values", [
    {"title": " "}, {"organisers": ""}, {"wishes": ()}, {"wishes": ("2028-06-12 10:00-13:00",)},
    {"people_expected": 0}])
def test_requests_that_are_refused(meeting, programme, asker, values):
    with pytest.raises(RuleBroken):
        ask(meeting, asker, **values)


def test_nobody_fills_the_list_alone(meeting, programme, asker):
    for _n in range(side_events.MOST_OPEN):
        ask(meeting, asker)
    with pytest.raises(RuleBroken, match="side_event.many"):
        ask(meeting, asker)


def test_events_tell_what_was_done(actor, meeting, programme, room):
    ready(programme, actor, meeting, room)
    tags = [h.tag for h in events.history("programme", programme)]
    assert tags[0] == "programme.begin" and tags[-1] == "programme.publish_provisional" and "programme.edit" in tags
