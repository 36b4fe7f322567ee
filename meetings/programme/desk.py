"""What waits for the organiser."""

from __future__ import annotations

from flask import url_for
from flask_babel import gettext as _
from sqlalchemy import select

from accounts.desk import DeskItem, register_source
from core.actor import Actor
from core.db import db
from meetings.calendar.models import Meeting
from meetings.programme.models import Programme, SideEvent
from meetings.programme.transitions import MANAGE


def waiting(actor: Actor) -> list[DeskItem]:
    """Side events that wait for an answer, by meeting day. One query."""
    rows = db.session.execute(
        select(SideEvent.id, SideEvent.title, Meeting.slug, Meeting.short_name, Meeting.start_date)
        .join(Programme, Programme.id == SideEvent.programme_id).join(Meeting, Meeting.id == Programme.meeting_id)
        .where(SideEvent.state == "requested", Meeting.state.not_in(("cancelled", "held")))
        .order_by(Meeting.start_date, SideEvent.requested_at).limit(50)
    ).all()
    return [
        DeskItem(_("%(meeting)s: side event “%(title)s”", meeting=row.short_name, title=row.title),
                 url_for("programme.side_event", slug=row.slug, id=row.id), row.start_date,
                 _("Give it a slot and a room, or say why not."), row.short_name)
        for row in rows
    ]


def register() -> None:
    """Called once, from app.py."""
    register_source(MANAGE, waiting)
