"""What a donor's contributions carried: the donor's own side of the fund's books. Never a person, never a State.

Money is exact and sums to the ledger. What says whose journeys it was (meetings, regional groups, women and men) is
told as of the whole meeting or in numbers only, by the rules of privacy.py, and never beside the amounts of fewer
States than those rules allow: so neither one contribution, nor two donors who compare, nor two dates tell what a
State's delegate cost.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import and_, select

from accounts.queries import names
from core import clock
from core.db import db
from core.money import Money
from sponsorship.contributions.models import Contribution, Pledge
from sponsorship.contributions.pools import purpose_names
from sponsorship.ledger.models import Entry, Lot, Pool
from sponsorship.transparency.journeys import Journey, group_facts, group_on, journeys_of, states_by_pool
from sponsorship.transparency.meeting_figures import SponsoredMeeting, read_meetings, rows_of
from sponsorship.transparency.privacy import LEAST_STATES
from sponsorship.transparency.statement_sums import (
    NOTHING,
    SOURCE,
    Came,
    Period,
    Sums,
    came_by_lot,
    of_donors,
    sums_by,
)


@dataclass(frozen=True, slots=True)
class ContributionLine:
    """One accepted contribution and its money in a period. `paid` is the amount as the donor paid it, `rate` what made
    it dollars (None for dollars); `entered_at` the instant at which a pool had it, `came` what it brought, where
    that was in the period."""

    id: uuid.UUID
    reference: str
    pledge_reference: str
    organisation_id: uuid.UUID
    pool_id: uuid.UUID
    purpose: str
    paid: Money
    rate: str | None
    rate_source: str | None
    rate_date: date | None
    received_at: datetime
    entered_at: datetime
    end_date: date | None
    rate_bp: int
    sums: Sums
    came: Came | None = None


def contribution_lines(organisations: Iterable[uuid.UUID], period: Period) -> list[ContributionLine]:
    """The accepted contributions of these organisations with anything to tell in the period, in the order in which they
    came. A fixed number of queries."""
    wanted = list(organisations)
    lots = of_donors(wanted)
    sums, came = sums_by(Lot.id, lots, period), came_by_lot(lots, period)
    rows = db.session.execute(
        select(Contribution.id, Contribution.reference, Pledge.reference.label("pledge_reference"),
               Pledge.organisation_id, Lot.id.label("lot_id"), Lot.pool_id, Contribution.paid_minor,
               Contribution.paid_currency, Contribution.rate, Contribution.rate_source, Contribution.rate_date,
               Contribution.received_at, Entry.occurred_at, Lot.end_date, Lot.rate_bp)
        .join(Pledge, Pledge.id == Contribution.pledge_id)
        .join(Lot, and_(Lot.source_type == SOURCE, Lot.source_id == Contribution.id))
        .join(Entry, Entry.id == Lot.entry_id)
        .where(Pledge.organisation_id.in_(wanted)).order_by(Entry.occurred_at, Contribution.id)
    ).all()
    purposes = purpose_names({row.pool_id for row in rows})
    return [
        ContributionLine(
            row.id, row.reference, row.pledge_reference, row.organisation_id, row.pool_id, purposes[row.pool_id],
            Money(row.paid_minor, row.paid_currency), row.rate, row.rate_source, row.rate_date, row.received_at,
            row.occurred_at, row.end_date, row.rate_bp, sums[row.lot_id], came.get(row.lot_id))
        for row in rows if row.lot_id in sums and sums[row.lot_id].moves
    ]


@dataclass(frozen=True, slots=True)
class Carried:
    """Journeys to one meeting. `shared` of them were paid by other contributions as well; `days` are the meeting's
    working days times the journeys. What stands with `sponsored` is of all the meeting's journeys."""

    sponsored: SponsoredMeeting
    journeys: int
    shared: int
    days: int


@dataclass(frozen=True, slots=True)
class ContributionResult:
    """One contribution, what became of its money, and what it carried."""

    line: ContributionLine
    donor: str
    carried: tuple[Carried, ...]

    @property
    def sums(self) -> Sums:
        return self.line.sums

    @property
    def journeys(self) -> int:
        return sum(line.journeys for line in self.carried)

    @property
    def days(self) -> int:
        return sum(line.days for line in self.carried)


@dataclass(frozen=True, slots=True)
class DonorPage:
    """A donor's accepted contributions, newest first, and their sum; read at `as_of` (business time). `groups` has
    journeys by regional group (None: those of groups that may not be told apart)."""

    as_of: datetime
    donors: tuple[str, ...]
    results: tuple[ContributionResult, ...]
    total: Sums
    carried: tuple[Carried, ...]
    groups: tuple[tuple[str | None, int], ...]

    @property
    def journeys(self) -> int:
        """Each journey once, however many of these contributions paid for it."""
        return sum(line.journeys for line in self.carried)

    @property
    def days(self) -> int:
        return sum(line.days for line in self.carried)


def donor_page(organisations: Iterable[uuid.UUID]) -> DonorPage:
    """Everything about the accepted contributions of these organisations, in a fixed number of queries."""
    wanted = list(organisations)
    as_of, labels = clock.now(), names(wanted)
    lines = contribution_lines(wanted, Period())
    own = {line.id for line in lines}
    made, meetings = journeys_of(SOURCE, own), read_meetings()
    over = {row.meeting.id: row for row in rows_of(
        meetings, [key for key in meetings.order if key in {journey.meeting_id for journey in made.values()}])}
    journeys = {award: journey for award, journey in made.items() if journey.meeting_id in over}
    results = tuple(
        ContributionResult(line, labels.get(line.organisation_id, "—"), _carried(
            {key: journey for key, journey in journeys.items() if line.id in journey.payers}, over, {line.id}))
        for line in reversed(lines)
    )
    return DonorPage(
        as_of, tuple(sorted(labels.values())), results, sum((line.sums for line in lines), NOTHING),
        _carried(journeys, over, own), _by_group(journeys.values(), over),
    )


def _carried(
    journeys: Mapping[uuid.UUID, Journey], over: Mapping[uuid.UUID, SponsoredMeeting], own: set[uuid.UUID]
) -> tuple[Carried, ...]:
    """Journeys by meeting, in the order of `over`; `own` are the contributions they are counted for."""
    found = []
    for meeting_id, sponsored in over.items():
        here = [journey for journey in journeys.values() if journey.meeting_id == meeting_id]
        if here:
            shared = sum(1 for journey in here if journey.payers - own)
            found.append(Carried(sponsored, len(here), shared, len(here) * sponsored.meeting.workdays))
    return tuple(found)


def _by_group(
    journeys: Iterable[Journey], over: Mapping[uuid.UUID, SponsoredMeeting]
) -> tuple[tuple[str | None, int], ...]:
    """Journeys by regional group over all meetings.

    A journey counts with its group where the meeting itself tells that group; and where earmarked money paid for it,
    where money of that pool carried three States of the group to that meeting. Everybody who reads this knows the
    meeting's own figures: so behind each number stand three States or more, for one donor and for several together.
    """
    listed = list(journeys)
    earmarked = set(db.session.scalars(
        select(Pool.id).where(Pool.id.in_({pool for journey in listed for pool in journey.pools}),
                              Pool.earmark.is_not(None))))
    reach = states_by_pool({journey.meeting_id for journey in listed}) if earmarked else {}
    facts = group_facts({journey.state for journey in listed}.union(*reach.values()))
    counts: dict[str | None, int] = {}
    for journey in listed:
        sponsored = over[journey.meeting_id]
        day = sponsored.meeting.start_date
        group: str | None = group_on(facts, journey.state, day)
        told = {line.group for line in sponsored.groups}
        narrow = [
            [state for state in reach.get((journey.meeting_id, pool), ()) if group_on(facts, state, day) == group]
            for pool in journey.pools & earmarked
        ]
        if group not in told or any(len(states) < LEAST_STATES for states in narrow):
            group = None
        counts[group] = counts.get(group, 0) + 1
    return tuple(sorted(counts.items(), key=lambda pair: (pair[0] is None, -pair[1], pair[0] or "")))
