"""A donor's statement of account: from what there was through what came and went to what there is, to the cent."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import func, select

from accounts.queries import OrganisationRow, get_organisation
from core import clock
from core.db import db
from core.money import Money, usd
from meetings.calendar.queries import MeetingRow
from sponsorship.contributions.figures import unpaid_of
from sponsorship.contributions.models import Agreement, Contribution, Pledge
from sponsorship.contributions.pools import purpose_names
from sponsorship.contributions.queries import PledgeRow
from sponsorship.ledger.models import Pool
from sponsorship.transparency.donor_queries import ContributionLine, contribution_lines
from sponsorship.transparency.journeys import states_by_pool
from sponsorship.transparency.meeting_figures import read_meetings, rows_of
from sponsorship.transparency.privacy import LEAST_STATES
from sponsorship.transparency.statement_sums import NOTHING, Period, Spending, Sums, of_donors, spending_by_meeting

WAITS = ("in_suspense", "refund_due")  # paid, and not the fund's: in no statement yet, or no more


@dataclass(frozen=True, slots=True)
class MeetingSpending:
    """What the donor's money paid for one meeting's journeys in the period, US dollars. `meeting` None: meetings to
    come, and those that may not be told apart."""

    meeting: MeetingRow | None
    direct: Money
    support: Money

    @property
    def total(self) -> Money:
        return self.direct + self.support


@dataclass(frozen=True, slots=True)
class AgreementLine:
    """An agreement with the donor; `purpose` in the words for donors, `rate_bp` in basis points."""

    reference: str
    exchange_of_letters: date
    end_date: date | None
    rate_bp: int
    purpose: str


@dataclass(frozen=True, slots=True)
class Statement:
    """One donor's account from `first` (None: since its first contribution) to `last`, days by UTC, read at `as_of`.
    `waiting`: US dollars paid and not the fund's, in no line."""

    as_of: datetime
    donor: OrganisationRow
    first: date | None
    last: date
    lines: tuple[ContributionLine, ...]
    total: Sums
    spending: tuple[MeetingSpending, ...]
    agreements: tuple[AgreementLine, ...]
    pledges: tuple[PledgeRow, ...]
    waiting: Money

    @property
    def came(self) -> list[ContributionLine]:
        """Contributions that entered a pool in the period."""
        return [line for line in self.lines if line.came is not None]

    @property
    def is_over(self) -> bool:
        """Whether the period lies wholly in the past."""
        return self.last < self.as_of.date()


def period_of(first: date | None, last: date) -> Period:
    """Whole days by UTC, both included."""
    midnight = datetime.combine(last + timedelta(days=1), time.min, UTC)
    return Period(datetime.combine(first, time.min, UTC) if first else None, midnight)


def statement(organisation_id: uuid.UUID, first: date | None, last: date) -> Statement:
    """The statement of one donor, in a fixed number of queries. The caller has checked whose it may be."""
    as_of, period, donor = clock.now(), period_of(first, last), get_organisation(organisation_id)
    lines = contribution_lines([organisation_id], period)
    return Statement(
        as_of, donor, first, last, tuple(lines), sum((line.sums for line in lines), NOTHING),
        _spending(spending_by_meeting(of_donors([organisation_id]), period)), _agreements(organisation_id),
        tuple(unpaid_of([organisation_id], limit=10_000)), _waiting(organisation_id),
    )


def _spending(found: Iterable[Spending]) -> tuple[MeetingSpending, ...]:
    """By meeting, the latest first, where the public may read what the meeting cost: everybody who compares a donor's
    amounts with the public ones, or two donors, or two periods, then finds three States or more behind a difference.
    Everything else is one line: meetings to come, those with few States, and what an earmarked pool paid for fewer than
    three States of a meeting."""
    listed, meetings = list(found), read_meetings()
    wanted = {part.meeting_id for part in listed} & meetings.told
    rows = {row.meeting.id: row.meeting for row in rows_of(meetings, [key for key in meetings.order if key in wanted])}
    earmarked = set(db.session.scalars(
        select(Pool.id).where(Pool.id.in_({part.pool_id for part in listed}), Pool.earmark.is_not(None))))
    reach = states_by_pool(rows) if earmarked else {}
    sums: dict[uuid.UUID | None, tuple[Money, Money]] = {}
    for part in listed:
        key = part.meeting_id if part.meeting_id in rows else None
        if key and part.pool_id in earmarked and len(reach.get((key, part.pool_id), ())) < LEAST_STATES:
            key = None
        had = sums.get(key, (Money.zero(), Money.zero()))
        sums[key] = (had[0] + part.direct, had[1] + part.support)
    ordered = [key for key in rows if key in sums] + [key for key in sums if key is None]
    return tuple(MeetingSpending(rows[key] if key else None, *sums[key]) for key in ordered)


def _agreements(organisation_id: uuid.UUID) -> tuple[AgreementLine, ...]:
    rows = db.session.scalars(
        select(Agreement).where(Agreement.organisation_id == organisation_id)
        .order_by(Agreement.exchange_of_letters, Agreement.id)).all()
    purposes: Mapping[uuid.UUID, str] = purpose_names({row.pool_id for row in rows})
    return tuple(AgreementLine(row.reference, row.exchange_of_letters, row.end_date, row.support_rate_bp,
                               purposes[row.pool_id]) for row in rows)


def _waiting(organisation_id: uuid.UUID) -> Money:
    total = db.session.scalar(
        select(func.sum(Contribution.gross_minor + Contribution.exchange_minor - Contribution.back_minor))
        .join(Pledge, Pledge.id == Contribution.pledge_id)
        .where(Pledge.organisation_id == organisation_id, Contribution.state.in_(WAITS),
               Contribution.accepted_at.is_(None)))
    return usd(int(total or 0))


def years_of(organisations: Iterable[uuid.UUID]) -> list[int]:
    """Years for which these donors may ask a statement: from the first in which any of their money was accepted to the
    present one, the present one first. One query."""
    first = db.session.scalar(
        select(func.min(Contribution.accepted_at)).join(Pledge, Pledge.id == Contribution.pledge_id)
        .where(Pledge.organisation_id.in_(list(organisations))))
    present = clock.today().year
    return list(range(present, min(first.year if first else present, present) - 1, -1))
