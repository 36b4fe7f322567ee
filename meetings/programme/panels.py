"""What this room adds to a meeting's page: its programme of work."""

from __future__ import annotations

from flask import url_for
from flask_babel import gettext as _

from accounts.current import current_actor
from accounts.permissions import allows
from meetings.calendar.panels import Panel, register_meeting_panel
from meetings.calendar.queries import MeetingRow
from meetings.programme.publishing import label_of
from meetings.programme.queries import latest_of_meeting
from meetings.programme.transitions import MANAGE
from meetings.programme.words import STANDING_TITLES


def _programme_panel(meeting: MeetingRow) -> Panel | None:
    """What was published last, with the days at a glance; organisers also come from here to the draft. One query
    beside what the permission costs."""
    manages = allows(current_actor(), MANAGE)
    latest = latest_of_meeting(meeting.id) if meeting.announced_at or manages else None
    if latest is None and not (manages and meeting.start_date):
        return None
    counts = {kind: sum(slot.kind == kind for slot in latest.content.slots) for kind in ("plenary", "side_event")} \
        if latest else {}
    return Panel(
        _("Programme of work"), "programme/meeting_panel.html",
        {"meeting": meeting, "latest": latest, "manages": manages, "counts": counts,
         "title": STANDING_TITLES[latest.standing] if latest else None,
         "label": (latest.symbol or label_of(latest.number)) if latest else None},
        key="programme", order=30,
        link=(_("Arrange the programme"), url_for("programme.plan", slug=meeting.slug)) if manages else None)


def register() -> None:
    """Called once, from app.py."""
    register_meeting_panel(_programme_panel)
