"""What this room does when a meeting moves or is cancelled, inside the same transaction."""

from __future__ import annotations

from meetings.calendar.signals import MeetingCancelled, MeetingMoved, meeting_cancelled, meeting_moved
from sponsorship.applications import call_service


def _moved(moved: MeetingMoved) -> None:
    call_service.suspend_for_meeting(moved.meeting_id)


def _cancelled(cancelled: MeetingCancelled) -> None:
    call_service.cancel_for_meeting(cancelled.meeting_id)


def subscribe() -> None:
    """Called once by app.py."""
    meeting_moved.subscribe(_moved)
    meeting_cancelled.subscribe(_cancelled)
