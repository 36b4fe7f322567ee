"""What this room adds to a meeting's page: its call for applications, and how to apply."""

from __future__ import annotations

from flask_babel import gettext as _

from meetings.calendar.panels import Panel, register_meeting_panel
from meetings.calendar.queries import MeetingRow
from sponsorship.applications.form_queries import PUBLIC_STATES
from sponsorship.applications.queries import calls_of_meeting
from sponsorship.applications.transitions import public_call_state


def _call_panel(meeting: MeetingRow) -> Panel | None:
    """The latest call the public may know of. Two queries."""
    call = next((c for c in calls_of_meeting(meeting.id) if c.state in PUBLIC_STATES), None)
    if call is None:
        return None
    return Panel(_("Sponsorship"), "applications/meeting_panel.html",
                 {"call": call, "status": public_call_state(call.state), "zone": meeting.timezone},
                 key="sponsorship", order=40)


def register() -> None:
    """Called once by app.py."""
    register_meeting_panel(_call_panel)
