"""What documents show on a meeting's page."""

from __future__ import annotations

from flask import url_for
from flask_babel import gettext as _

from accounts.current import current_actor
from accounts.permissions import allows
from meetings.calendar.panels import Panel, register_meeting_panel
from meetings.calendar.queries import MeetingRow
from meetings.documents.queries import count_documents
from meetings.documents.transitions import MANAGE


def on_meeting(meeting: MeetingRow) -> Panel | None:
    """How many documents there are, and the way to them; organisers always find the way."""
    counted, organises = count_documents(meeting.id), allows(current_actor(), MANAGE)
    if not counted.public and not organises:
        return None
    return Panel(
        _("Documents"), "documents/_panel.html",
        {"public": counted.public, "drafts": counted.drafts if organises else 0, "slug": meeting.slug}, key="documents",
        order=40, link=(_("All documents"), url_for("documents.documents", slug=meeting.slug)))


def register() -> None:
    """Called once by app.py."""
    register_meeting_panel(on_meeting)
