"""What this room tells the rooms above it, inside the same transaction."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from core.signals import Signal


@dataclass(frozen=True)
class ApplicationWithdrawn:
    """A State took its application back; `was` is the state it left (`reserve_list`: a place is held by awards)."""

    application_id: uuid.UUID
    call_id: uuid.UUID
    was: str


application_withdrawn: Signal[ApplicationWithdrawn] = Signal("application_withdrawn")


@dataclass(frozen=True)
class NomineeSubstituted:
    """Another person has taken a nominee's place; `email` is the new person's. A subscriber that cannot go along (money
    is on its way in the former person's name) raises RuleBroken: then nothing has happened."""

    application_id: uuid.UUID
    nominee_id: uuid.UUID
    email: str | None


nominee_substituted: Signal[NomineeSubstituted] = Signal("nominee_substituted")


@dataclass(frozen=True)
class NomineeCorrected:
    """A nominee has put right who he or she is (name, date of birth, sex) by the personal link, after the application
    was sent. A subscriber for whom it is too late raises RuleBroken: then nothing has happened."""

    application_id: uuid.UUID
    nominee_id: uuid.UUID


nominee_corrected: Signal[NomineeCorrected] = Signal("nominee_corrected")
