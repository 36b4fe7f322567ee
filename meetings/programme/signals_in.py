"""What the programme hears of its meeting."""

from __future__ import annotations

from sqlalchemy import select

from core.actor import system
from core.db import db
from meetings.calendar.models import Meeting
from meetings.calendar.signals import MeetingMoved, meeting_moved
from meetings.programme.editing import shift_slots
from meetings.programme.models import HalfDay, Programme
from meetings.programme.service import add_half_days

_ACTOR = system("programme")


def follow_the_meeting(moved: MeetingMoved) -> None:
    """New days: the half-days are those of the new days, and every slot moves with the first day. A meeting that is
    postponed without days keeps its draft until there are some."""
    if moved.new_start is None or moved.new_end is None:
        return
    programme = db.session.scalar(
        select(Programme).where(Programme.meeting_id == moved.meeting_id).with_for_update())
    if programme is None:
        return
    halves = list(db.session.scalars(
        select(HalfDay).where(HalfDay.programme_id == programme.id).order_by(HalfDay.day)))
    meeting = db.session.get_one(Meeting, moved.meeting_id)
    # counted from the days the half-days stood on: a postponement in between had none
    days = (moved.new_start - halves[0].day).days if halves else 0
    # where the first day stays, what the organiser decided for the days that remain stays too
    kept = {h.day for h in halves if not days and h.day <= moved.new_end}
    for half in halves:
        if half.day not in kept:
            db.session.delete(half)
    db.session.flush()
    add_half_days(programme.id, moved.new_start, moved.new_end, meeting.timezone, but=kept)
    db.session.flush()
    shift_slots(programme, _ACTOR, days)


def subscribe() -> None:
    """Called once, from app.py."""
    meeting_moved.subscribe(follow_the_meeting)
