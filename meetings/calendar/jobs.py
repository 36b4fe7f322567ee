"""What the schedule does for the calendar."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from flask_babel import lazy_gettext as _l

from core.actor import system
from core.jobs import Due, Job
from meetings.calendar.queries import meetings_to_close
from meetings.calendar.service import close_meeting

_ACTOR = system("meetings-close")


def _due(now: datetime, limit: int) -> Sequence[Due]:
    return [(key, at, "close") for key, at in meetings_to_close(now, limit)]


def _perform(meeting_id: uuid.UUID, now: datetime) -> str:
    close_meeting(meeting_id, _ACTOR, now)
    return "closed"


JOBS = [Job("meetings-close", _l("Mark meetings as held after their last day"), 900, _due, _perform)]
