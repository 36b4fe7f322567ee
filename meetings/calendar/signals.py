"""What other rooms may hear of a meeting. Subscribers run inside the same transaction: database work only."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date

from core.signals import Signal


@dataclass(frozen=True)
class MeetingMoved:
    """A meeting's days changed. Both new days are None when it is postponed to days not yet known; both old ones
    are None when it had none. Days are local to the meeting's own zone."""

    meeting_id: uuid.UUID
    old_start: date | None
    old_end: date | None
    new_start: date | None
    new_end: date | None


@dataclass(frozen=True)
class MeetingCancelled:
    """A meeting will not be held."""

    meeting_id: uuid.UUID


meeting_moved: Signal[MeetingMoved] = Signal("meeting_moved")
meeting_cancelled: Signal[MeetingCancelled] = Signal("meeting_cancelled")
