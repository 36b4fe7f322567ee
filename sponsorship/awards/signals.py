"""What awards tell the rooms above them, inside the same transaction."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from core.signals import Signal


@dataclass(frozen=True)
class AwardAccepted:
    """A State accepted: the payments can be planned."""

    award_id: uuid.UUID


@dataclass(frozen=True)
class AwardEnded:
    """An award ended before it was closed; `reason` is the action that ended it."""

    award_id: uuid.UUID
    reason: str


@dataclass(frozen=True)
class AwardSuspended:
    """The meeting was postponed without new dates."""

    award_id: uuid.UUID


@dataclass(frozen=True)
class AwardResumed:
    """The meeting has dates (again, or others): what was planned must be planned anew."""

    award_id: uuid.UUID


award_accepted: Signal[AwardAccepted] = Signal("award_accepted")
award_ended: Signal[AwardEnded] = Signal("award_ended")
award_suspended: Signal[AwardSuspended] = Signal("award_suspended")
award_resumed: Signal[AwardResumed] = Signal("award_resumed")
