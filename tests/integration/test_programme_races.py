"""Two organisers at the same instant, with real connections and real commits."""

from __future__ import annotations

from datetime import date, time

import pytest
import sqlalchemy as sa

from core.db import db
from core.errors import Busy, IllegalMove, RuleBroken, Stale
from meetings.programme import editing, publishing, service, side_events
from meetings.programme.facts import MORNING, SlotFacts
from meetings.programme.models import Change, Follower, Programme, ProgrammeVersion, Slot
from meetings.programme.queries import draft_of_meeting
from meetings.programme.side_events import EventFacts, offered
from tests.support.crowd import at_once

pytestmark = pytest.mark.real_database
MONDAY = date(2028, 6, 12)
REFUSED = (Stale, IllegalMove, RuleBroken, Busy)


def together(app, *acts):
    return at_once(app, [lambda act=act: act() or "done" for act in acts])


def one_won(results):
    assert sum(not isinstance(r, Exception) for r in results) == 1, results
    assert all(isinstance(r, REFUSED) for r in results if isinstance(r, Exception)), results


def count(model):
    return db.session.scalar(sa.select(sa.func.count()).select_from(model))


@pytest.fixture
def story(make):
    """Keys only: threads have sessions of their own."""
    meeting = make.meeting(slug="bms10", short_name="BMS10", start_date=MONDAY, year=2028).id
    one, two = make.actor("organiser"), make.actor("organiser")
    programme = service.begin_programme(meeting, one)
    editing.add_slots(programme, one, [SlotFacts("plenary", MONDAY, *MORNING, "Opening")])
    return meeting, programme, one, two


def test_a_draft_is_published_once(app, story):
    meeting, programme, one, two = story
    shown = draft_of_meeting(meeting).version
    db.session.rollback()
    one_won(together(app, *[lambda actor=actor: publishing.publish_programme(
        programme, actor, "provisional", expected_version=shown) for actor in (one, two)]))
    assert count(ProgrammeVersion) == 1 and db.session.scalar(sa.select(Programme.numbered)) == 1


def test_a_room_goes_to_one_side_event(app, make, story):
    meeting, programme, one, two = story
    room = service.save_room(programme, one, service.RoomFacts("Room 7", 60, time(8), time(18), False))
    wish = offered(draft_of_meeting(meeting).halves)[1]
    asker = make.actor("focal_point")
    asked = [side_events.request_side_event(meeting, asker, EventFacts(title, "A network", (wish,), 10))
             for title in ("Marking", "Tracing")]
    one_won(together(app, *[lambda event=event, actor=actor: side_events.accept_side_event(event, actor, wish, room)
                            for event, actor in zip(asked, (one, two), strict=True)]))
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Slot).where(Slot.kind == "side_event")) == 1


def test_changes_of_two_organisers_are_numbered_one_after_the_other(app, story):
    _meeting, programme, one, two = story
    slot = SlotFacts("other", MONDAY, time(15), time(16), "Visit")
    results = together(app, *[lambda actor=actor: editing.add_slots(programme, actor, [slot])
                              for actor in (one, two, one, two)])
    assert not [r for r in results if isinstance(r, Exception)], results
    numbers = db.session.scalars(sa.select(Change.number).order_by(Change.number)).all()
    assert numbers == [1, 2, 3, 4, 5]


def test_beginning_and_following_twice_count_once(app, make, story):
    meeting, programme, one, two = story
    publishing.publish_programme(programme, one, "provisional")
    other = make.meeting(slug="bms11", start_date=MONDAY, year=2028).id
    results = together(app, *[lambda actor=actor: service.begin_programme(other, actor) for actor in (one, two)],
                       *[lambda: publishing.follow(meeting, one) for _n in range(3)])
    assert not [r for r in results if isinstance(r, Exception)], results
    assert count(Programme) == 2 and count(Follower) == 1
