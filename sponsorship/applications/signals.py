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
