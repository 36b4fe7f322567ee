"""The programme of work of the near meeting: proposed, changed after consultations, changed again in the draft."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import datetime, time, timedelta

from core import clock
from core.db import db
from demonstration.stage import Stage
from meetings.programme import editing, plans, publishing, service, side_events
from meetings.programme.facts import LANGUAGES, SlotFacts
from meetings.programme.queries import draft_of_meeting
from meetings.programme.side_events import EventFacts, offered

ROOMS = (("Demo Conference Room 1", 500, True), ("Demo Conference Room 2", 120, True), ("Demo Room 5", 60, False))


def arrange(stage: Stage, meeting_id: uuid.UUID, at: datetime) -> None:
    """Two versions, a side event that is accepted, one that waits, a reader who follows, and a draft in the making."""
    organiser, first, second = stage.actor("organiser"), stage.actor("focal-xa"), stage.actor("focal-xb")
    with clock.moved_to(at):
        programme = service.begin_programme(meeting_id, organiser)
        hall, small, _room = [
            service.save_room(programme, organiser, service.RoomFacts(name, seats, time(8), time(18, 30), booths))
            for name, seats, booths in ROOMS]
        service.set_agenda(programme, organiser, plans.agendas()["bms"])
        service.set_up(programme, organiser, symbol="DEMO/BMS/B/L.2", teams=2)
        draft = draft_of_meeting(meeting_id)
        editing.replace_plenary(programme, organiser, plans.fill("bms", draft.halves, draft.items, hall))
        publishing.publish_programme(programme, organiser, "provisional", note="First proposal of the secretariat.")
    windows = offered(draft.halves)
    with clock.moved_to(at + timedelta(days=3)):
        publishing.follow(meeting_id, second)
        kept = side_events.request_side_event(meeting_id, first, EventFacts(
            "Stockpiles in small States", "Demo Network on Small Arms", (windows[1], windows[3]), 50,
            cosponsor="Demo State A", needs="Projector, two microphones"))
        side_events.accept_side_event(kept, organiser, windows[1], small, answer="The room opens at 13:00.")
    with clock.moved_to(at + timedelta(days=8)):
        plenary = [(key, slot) for key, slot in draft_of_meeting(meeting_id).slots if slot.kind == "plenary"]
        (key, one), (other, two) = plenary[3], plenary[4]  # two themes change places
        editing.change_slot(programme, organiser, key, replace(one, items=two.items))
        editing.change_slot(programme, organiser, other, replace(two, items=one.items))
        publishing.publish_programme(programme, organiser, "indicative", note="After consultations of the Chair.")
    with clock.moved_to(at + timedelta(days=10)):
        _key, last = plenary[-2]
        editing.add_slots(programme, organiser, [SlotFacts(
            "informal", last.day, last.starts, last.ends, "Draft outcome: facilitators", small,
            languages=LANGUAGES, people=("Demo Facilitator",))])
        side_events.request_side_event(meeting_id, second, EventFacts(
            "Tracing: what came of it", "Demo Institute", (windows[1], windows[5]), 80))
    db.session.rollback()
