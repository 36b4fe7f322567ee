"""What a journey was worth as it was: the engine of the estimate on the days of the claim. Reads, never writes."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select

from core.db import db
from meetings.calendar.queries import meeting_by_id
from sponsorship.applications.queries import call_by_id
from sponsorship.awards.entitlement import (
    LEGS,
    PARTS,
    Line,
    NoRate,
    Trip,
    dsa_lines,
    terminal_lines,
    totals,
)
from sponsorship.awards.entitlement_models import AwardJourney
from sponsorship.awards.entitlement_queries import planned_trip, rates_of
from sponsorship.awards.models import Award
from sponsorship.awards.queries import lines_of
from sponsorship.disbursements.claim_models import Claim
from sponsorship.disbursements.claim_states import DECIDED


@dataclass(frozen=True)
class Days:
    """The days of a journey as they were, local. `provided` is what was free by day; `hours` away from home only where
    there was no night."""

    first: date
    last: date
    in_air: frozenset[date] = frozenset()
    provided: Mapping[date, frozenset[str]] = field(default_factory=dict)
    hours: int | None = None
    legs: frozenset[str] = frozenset(LEGS)
    cars: frozenset[str] = frozenset()

    def as_json(self) -> dict[str, Any]:
        """What the claim keeps."""
        return {
            "first": self.first.isoformat(), "last": self.last.isoformat(),
            "in_air": sorted(day.isoformat() for day in self.in_air),
            "provided": {day.isoformat(): sorted(what) for day, what in sorted(self.provided.items()) if what},
            "hours": self.hours, "legs": sorted(self.legs), "cars": sorted(self.cars),
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Days:
        """The days that a claim keeps."""
        return cls(
            date.fromisoformat(kept["first"]), date.fromisoformat(kept["last"]),
            frozenset(date.fromisoformat(day) for day in kept["in_air"]),
            {date.fromisoformat(day): frozenset(what) for day, what in kept["provided"].items()},
            kept["hours"], frozenset(kept["legs"]), frozenset(kept["cars"]),
        )


@dataclass(frozen=True)
class Reckoned:
    """Lines of subsistence and terminal expenses as the journey was, US cents. `entitled` is their sum, at most
    `ceiling`: what the obligation holds for them. `missing` says for which place and day no rate is on record."""

    trip: Trip
    lines: tuple[Line, ...]
    total: int
    ceiling: int
    missing: NoRate | None

    @property
    def entitled(self) -> int:
        return min(self.total, self.ceiling)


def ceiling_of(award_id: uuid.UUID) -> int:
    """What the obligation holds for subsistence and terminal expenses, US cents."""
    lines = lines_of(award_id)
    return lines.get("dsa", 0) + lines.get("terminal", 0)


def trip_of(award: Award, days: Days | None) -> Trip:
    """The journey as it was; as planned without `days`."""
    planned = planned_trip(award, call_by_id(award.call_id), meeting_by_id(award.meeting_id),
                           db.session.get(AwardJourney, award.id))
    if days is None:
        return planned
    return Trip(planned.place, days.first, days.last, planned.meeting_first, planned.meeting_last, days.in_air,
                days.provided, days.hours, planned.covered, days.legs, days.cars)


def reckon(award: Award, days: Days, dsa_minor: int | None = None) -> Reckoned:
    """Reckon an award by its days as they were. `dsa_minor` stands for the subsistence only where no rate is on
    record."""
    trip = trip_of(award, days)
    parts = PARTS[call_by_id(award.call_id).package]
    lines: list[Line] = []
    missing: NoRate | None = None
    if "dsa" in parts:
        try:
            lines += dsa_lines(trip, rates_of(trip.place, meeting_by_id(award.meeting_id).country_code or ""))
        except NoRate as lacking:
            missing = lacking
            if dsa_minor is not None:
                lines.append(Line("dsa", "by_officer", None, "", dsa_minor, 10_000, dsa_minor, "", None))
    if "terminal" in parts:
        lines += terminal_lines(trip)
    return Reckoned(trip, tuple(lines), sum(totals(lines).values()), ceiling_of(award.id), missing)


def journey_days(award: Award) -> list[date]:
    """The days a claim may speak of: the planned journey and a week around it."""
    first, last = award.travel_from - timedelta(days=7), award.travel_to + timedelta(days=7)
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def claim_state(award_id: uuid.UUID) -> str | None:
    """Where the claim of an award stands; None before there is one."""
    return db.session.scalar(select(Claim.state).where(Claim.award_id == award_id))


def is_decided(award_id: uuid.UUID) -> bool:
    """Whether the claim of an award is settled, or closed because nobody travelled or claimed."""
    return claim_state(award_id) in DECIDED
