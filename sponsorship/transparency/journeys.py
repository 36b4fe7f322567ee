"""Sponsored journeys as they stand in awards and books: how many, of how many States, at what cost. Counted for the
meetings asked for, never for all of them; what may be told of it, privacy.py says."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import and_, case, func, select

from accounts.models import OrganisationFact
from core.db import db
from sponsorship.applications.models import Nominee
from sponsorship.awards.models import Award
from sponsorship.ledger.models import Entry, Lot, ReservationLine, Spend
from sponsorship.transparency.privacy import Crowd

TRAVELLED = ("accepted", "closed")
UNGROUPED = ""  # a State without a regional group on that day


@dataclass(slots=True)
class MeetingSums:
    """One meeting's journeys: awards accepted to the end and paid from. US cents.

    `groups` has [delegates, States] by regional group; `reach` the States for which money of each pool is set aside or
    was spent, whatever became of their awards; `years` the first and last in which money moved; `open`: something is
    still reserved or with the bank.
    """

    delegates: int = 0
    states: Crowd = field(default_factory=lambda: Crowd(0))
    women: int = 0
    men: int = 0
    direct_minor: int = 0
    support_minor: int = 0
    groups: dict[str, list[int]] = field(default_factory=dict)
    reach: dict[uuid.UUID, set[uuid.UUID]] = field(default_factory=dict)
    years: tuple[int, int] | None = None
    open: bool = False


def sums_of(meetings: Mapping[uuid.UUID, date | None]) -> dict[uuid.UUID, MeetingSums]:
    """Sums of these meetings (with the day by which regional groups are read); those without an award whose money was
    reserved are left out. Three queries."""
    found: dict[uuid.UUID, MeetingSums] = {}
    travelled: dict[uuid.UUID, dict[uuid.UUID, Any]] = {}
    for row in db.session.execute(_lines(meetings)):
        sums = found.setdefault(row.meeting_id, MeetingSums())
        sums.open |= row.left > 0
        if row.left or row.direct:
            sums.reach.setdefault(row.pool_id, set()).add(row.organisation_id)
        if row.state in TRAVELLED and row.direct:
            sums.direct_minor += int(row.direct)
            sums.support_minor += int(row.support)
            travelled.setdefault(row.meeting_id, {})[row.award_id] = row
    for row in db.session.execute(_movements(found)):
        found[row.meeting_id].open |= row.sent > 0
        found[row.meeting_id].years = (row.first.year, row.last.year)
    facts = group_facts({r.organisation_id for of in travelled.values() for r in of.values()})
    for meeting_id, awards in travelled.items():
        _count(found[meeting_id], awards.values(), facts, meetings[meeting_id])
    return found


def _count(sums: MeetingSums, awards: Iterable[Any], facts: GroupFacts, day: date | None) -> None:
    by_group: dict[str, list[uuid.UUID]] = {}
    for row in awards:
        sums.delegates += 1
        sums.women += row.sex == "female"
        sums.men += row.sex == "male"
        by_group.setdefault(group_on(facts, row.organisation_id, day), []).append(row.organisation_id)
    sums.states = Crowd.of(state for states in by_group.values() for state in states)
    sums.groups = {group: [len(states), len(set(states))] for group, states in sorted(by_group.items())}


def _lines(meetings: Iterable[uuid.UUID]) -> Any:
    left = ReservationLine.direct_minor - ReservationLine.spent_direct_minor - ReservationLine.released_direct_minor
    keys = (Award.meeting_id, Award.id.label("award_id"), Award.organisation_id, Award.state, Nominee.sex, Lot.pool_id)
    return (
        select(*keys, func.sum(ReservationLine.spent_direct_minor).label("direct"),
               func.sum(ReservationLine.spent_support_minor).label("support"), func.sum(left).label("left"))
        .join(ReservationLine, ReservationLine.reservation_id == Award.reservation_id)
        .join(Lot, Lot.id == ReservationLine.lot_id)
        .join(Nominee, Nominee.id == Award.nominee_id)
        .where(Award.meeting_id.in_(list(meetings)))
        .group_by(Award.meeting_id, Award.id, Award.organisation_id, Award.state, Nominee.sex, Lot.pool_id)
    )


def _movements(meetings: Iterable[uuid.UUID]) -> Any:
    """When money of these meetings moved (payments, and those that came back), and what the bank still has."""
    return (
        select(Award.meeting_id, func.min(Spend.sent_at).label("first"),
               func.max(func.coalesce(Entry.occurred_at, Spend.sent_at)).label("last"),
               func.sum(case((Spend.state == "sent", 1), else_=0)).label("sent"))
        .join(Spend, Spend.reservation_id == Award.reservation_id)
        .outerjoin(Entry, Entry.id == Spend.return_entry_id)
        .where(Award.meeting_id.in_(list(meetings)))
        .group_by(Award.meeting_id)
    )


# --- regional groups --------------------------------------------------------------------------------------------
GroupFacts = dict[uuid.UUID, list[tuple[date, date | None, str]]]


def group_facts(states: Iterable[uuid.UUID]) -> GroupFacts:
    """The regional groups of these States with their days. One query."""
    found: GroupFacts = {}
    for row in db.session.execute(
        select(OrganisationFact.organisation_id, OrganisationFact.valid_from, OrganisationFact.valid_to,
               OrganisationFact.value)
        .where(OrganisationFact.fact == "group", OrganisationFact.organisation_id.in_(set(states)))
        .order_by(OrganisationFact.value)
    ):
        found.setdefault(row.organisation_id, []).append((row.valid_from, row.valid_to, row.value))
    return found


def group_on(facts: GroupFacts, state: uuid.UUID, day: date | None) -> str:
    """The regional group of a State on a day (on any day where none is known)."""
    for first, end, value in facts.get(state, ()):
        if day is None or (first <= day and (end is None or day < end)):
            return value
    return UNGROUPED


# --- a donor's journeys -----------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Journey:
    """One sponsored delegate's journey: to which meeting, of which State, and which sources (contributions) and pools
    paid for it."""

    meeting_id: uuid.UUID
    state: uuid.UUID
    payers: frozenset[uuid.UUID]
    pools: frozenset[uuid.UUID]


def journeys_of(source_type: str, sources: Iterable[uuid.UUID]) -> dict[uuid.UUID, Journey]:
    """Journeys that these sources (contributions) helped to pay, by award. One query; whether the meeting is over, the
    caller looks up."""
    carried = (
        select(ReservationLine.reservation_id).join(Lot, Lot.id == ReservationLine.lot_id)
        .where(Lot.source_type == source_type, Lot.source_id.in_(set(sources)), ReservationLine.spent_direct_minor > 0)
    )
    heads: dict[uuid.UUID, tuple[uuid.UUID, uuid.UUID]] = {}
    payers: dict[uuid.UUID, set[uuid.UUID]] = {}
    pools: dict[uuid.UUID, set[uuid.UUID]] = {}
    for row in db.session.execute(
        select(Award.id, Award.meeting_id, Award.organisation_id, Lot.source_id, Lot.pool_id)
        .join(ReservationLine, and_(ReservationLine.reservation_id == Award.reservation_id,
                                    ReservationLine.spent_direct_minor > 0))
        .join(Lot, Lot.id == ReservationLine.lot_id)
        .where(Award.reservation_id.in_(carried), Award.state.in_(TRAVELLED))
    ):
        heads[row.id] = (row.meeting_id, row.organisation_id)
        payers.setdefault(row.id, set()).add(row.source_id)
        pools.setdefault(row.id, set()).add(row.pool_id)
    return {key: Journey(*head, frozenset(payers[key]), frozenset(pools[key])) for key, head in heads.items()}


def states_by_pool(meetings: Iterable[uuid.UUID]) -> dict[tuple[uuid.UUID, uuid.UUID], set[uuid.UUID]]:
    """The States whose journeys to each of these meetings each pool carried, by (meeting, pool). One query."""
    found: dict[tuple[uuid.UUID, uuid.UUID], set[uuid.UUID]] = {}
    for row in db.session.execute(
        select(Award.meeting_id, Lot.pool_id, Award.organisation_id).distinct()
        .join(ReservationLine, and_(ReservationLine.reservation_id == Award.reservation_id,
                                    ReservationLine.spent_direct_minor > 0))
        .join(Lot, Lot.id == ReservationLine.lot_id)
        .where(Award.meeting_id.in_(set(meetings)), Award.state.in_(TRAVELLED))
    ):
        found.setdefault((row.meeting_id, row.pool_id), set()).add(row.organisation_id)
    return found
