"""What this room adds to the dates of a meeting: when applications for sponsorship close."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from zoneinfo import ZoneInfo

from flask_babel import gettext as _
from sqlalchemy import select

from core.db import db
from core.web.links import absolute
from meetings.calendar.dates import DateRow, other_date, register_date_source
from meetings.calendar.models import Meeting
from sponsorship.applications.models import Call

# of a call that is suspended or cancelled the day no longer holds
STANDING = ("scheduled", "open", "closed", "ranked", "recommended", "decided")


def closing_days(meeting_ids: Sequence[uuid.UUID]) -> Iterable[DateRow]:
    """The last moment for applications, by the clocks of the meeting's place. One query."""
    rows = db.session.execute(
        select(Call.id, Call.meeting_id, Call.closes_at, Meeting.timezone)
        .join(Meeting, Meeting.id == Call.meeting_id)
        .where(Call.meeting_id.in_(meeting_ids), Call.state.in_(STANDING)).order_by(Call.closes_at, Call.id)
    ).all()
    for row in rows:
        local = row.closes_at.astimezone(ZoneInfo(row.timezone))
        yield other_date(row.meeting_id, "sponsorship", _("Applications for sponsorship close"), local.date(),
                         absolute("applications.call", id=row.id), at_time=local.strftime("%H:%M"))


def register() -> None:
    """Called once by app.py."""
    register_date_source(closing_days)
