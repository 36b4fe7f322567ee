"""Sponsored journeys to meetings that are over: how many, of how many States, at what average cost. Never a person,
never an amount of one State, nothing before travel."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, case, func, select

from core.db import db
from core.money import Money, usd
from meetings.calendar.queries import MeetingRow, meetings_by_id
from sponsorship.awards.models import Award
from sponsorship.ledger.models import Lot, ReservationLine, Spend

TRAVELLED = ("accepted", "closed")
LEAST_STATES = 3  # fewer, and a sum or an average tells what one State cost


@dataclass(frozen=True, slots=True)
class SponsoredMeeting:
    """One meeting that is over. `average` is the mean direct cost of its journeys to the cent, or None while it is not
    settled, or when it may not be told (`too_few`)."""

    meeting: MeetingRow
    delegates: int
    states: int
    settled: bool
    average: Money | None
    too_few: bool


def sponsored_meetings(include_demo: bool = True) -> list[SponsoredMeeting]:
    """Every meeting that is over and had sponsored delegates, the latest first. Two queries."""
    rows = {row.meeting_id: row for row in db.session.execute(_by_meeting())}
    meetings = {
        m.id: m for m in meetings_by_id(rows, reveal=False).values()
        if m.phase == "held" and rows[m.id].delegates and (include_demo or not m.is_demo)
    }
    may = may_tell({key: rows[key].states for key in meetings})
    found = [_sponsored(meeting, rows[meeting.id], meeting.id in may) for meeting in meetings.values()]
    return sorted(found, key=lambda s: (s.meeting.opens_at or s.meeting.changed_at, s.meeting.slug), reverse=True)


def _sponsored(meeting: MeetingRow, row: Any, may: bool) -> SponsoredMeeting:
    settled = not row.left and not row.with_bank
    average = _mean(int(row.direct), row.delegates) if settled and may else None
    return SponsoredMeeting(meeting, row.delegates, row.states, settled, average, settled and not may)


def _mean(total_minor: int, count: int) -> Money:
    """To the cent, half a cent up."""
    return usd((2 * total_minor + count) // (2 * count))


def may_tell(states: Mapping[uuid.UUID, int]) -> set[uuid.UUID]:
    """Of which meetings an average may be told, given the number of sponsored States of each.

    Not where fewer than three States were sponsored; and as long as those left out have together fewer than three,
    the smallest of the others is left out too: else the fund's total less the told ones would be one State's cost.
    """
    told = {key for key, count in states.items() if count >= LEAST_STATES}
    hidden = sum(count for key, count in states.items() if key not in told)
    for key in sorted(told, key=lambda key: (states[key], key)):
        if hidden == 0 or hidden >= LEAST_STATES:
            break
        told.discard(key)
        hidden += states[key]
    return told


def _by_meeting() -> Select[Any]:
    left = ReservationLine.direct_minor - ReservationLine.spent_direct_minor - ReservationLine.released_direct_minor
    with_bank = select(Spend.id).where(Spend.reservation_id == Award.reservation_id, Spend.state == "sent").exists()
    award = (
        select(
            Award.meeting_id, Award.organisation_id, Award.state,
            func.sum(ReservationLine.spent_direct_minor).label("direct"), func.sum(left).label("left"),
            case((with_bank, 1), else_=0).label("with_bank"),
        )
        .join(ReservationLine, ReservationLine.reservation_id == Award.reservation_id)
        .group_by(Award.id, Award.meeting_id, Award.organisation_id, Award.state, Award.reservation_id)
        .subquery()
    )
    travelled = award.c.state.in_(TRAVELLED) & (award.c.direct > 0)
    return select(
        award.c.meeting_id,
        func.sum(case((travelled, 1), else_=0)).label("delegates"),
        func.count(case((travelled, award.c.organisation_id)).distinct()).label("states"),
        func.sum(case((travelled, award.c.direct), else_=0)).label("direct"),
        func.sum(award.c.left).label("left"),
        func.sum(award.c.with_bank).label("with_bank"),
    ).group_by(award.c.meeting_id)


@dataclass(frozen=True, slots=True)
class Journey:
    """One sponsored delegate's journey: to which meeting, and which sources (contributions) paid for it."""

    meeting_id: uuid.UUID
    payers: frozenset[uuid.UUID]


def journeys_of(award_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, Journey]:
    """Of these awards, those whose delegate was sponsored to the end. One query; whether the meeting is over, the
    caller looks up."""
    meetings: dict[uuid.UUID, uuid.UUID] = {}
    payers: dict[uuid.UUID, set[uuid.UUID]] = {}
    for row in db.session.execute(
        select(Award.id, Award.meeting_id, Lot.source_id)
        .join(ReservationLine, ReservationLine.reservation_id == Award.reservation_id)
        .join(Lot, Lot.id == ReservationLine.lot_id)
        .where(Award.id.in_(set(award_ids)), Award.state.in_(TRAVELLED), ReservationLine.spent_direct_minor > 0)
    ):
        meetings[row.id] = row.meeting_id
        payers.setdefault(row.id, set()).add(row.source_id)
    return {award: Journey(meeting_id, frozenset(payers[award])) for award, meeting_id in meetings.items()}
