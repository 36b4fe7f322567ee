"""The fund as the public sees it: figures from running totals and kept sums, so that no page grows with history."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from accounts.queries import shows_demonstration
from core import clock
from core.db import db
from core.errors import NotFound
from core.money import Money, direct_carried_by, usd
from sponsorship.contributions.earmark_words import earmark_words, names_of_meetings
from sponsorship.contributions.figures import outstanding_worth
from sponsorship.contributions.models import Pledge
from sponsorship.contributions.transitions import OPEN
from sponsorship.ledger.deposits import STANDARD_RATE_BP
from sponsorship.ledger.queries import FundFigures, PoolFigures, fund_figures, headroom
from sponsorship.transparency.meeting_figures import (
    Meetings,
    SponsoredMeeting,
    barred_pools,
    read_meetings,
    rows_of,
    sponsored_meeting,
)
from sponsorship.transparency.statement_sums import held_by_pool
from sponsorship.transparency.years import MONEY_IN, YearLine, pools_in_year, year_lines

LATEST = 8  # meetings on the fund's first page; all of them have a page of their own
MORE = usd(10_000_00)  # what the page reckons with when it says what more would carry


@dataclass(frozen=True, slots=True)
class Figures:
    """US dollars. received + exchange = refunded + disputed + fees + losses + spent + reserved + available; pledged,
    waiting and shortfall stand outside it. `exchange` is signed. `disputed` is what donors' banks hold today until a
    dispute is decided: the books have it with what is paid back, these figures do not."""

    pledged: Money
    received: Money
    refunded: Money
    disputed: Money
    exchange: Money
    fees: Money
    losses: Money
    spent_direct: Money
    spent_support: Money
    in_transit: Money
    reserved: Money
    available: Money
    shortfall: Money

    @property
    def spent(self) -> Money:
        return self.spent_direct + self.spent_support


@dataclass(frozen=True, slots=True)
class PoolLine:
    """One pool: its name, what its money is for in plain words, its figures. `told`: whether what it spent, has
    reserved and has free may be told."""

    code: str
    name: str
    purpose: str
    figures: Figures
    told: bool

    @property
    def is_used(self) -> bool:
        """Whether anything was ever promised to it or moved in it."""
        return any(getattr(self.figures, name) for name in Figures.__slots__)


@dataclass(frozen=True, slots=True)
class StillToCome:
    """US dollars pledged and not paid yet: announced only, under an agreement, after the day promised."""

    announced: Money
    agreed: Money
    overdue: Money


@dataclass(frozen=True, slots=True)
class FundPage:
    """All that /fund/ and its files show, read at `as_of` (business time)."""

    as_of: datetime
    totals: Figures
    waiting: Money
    to_come: StillToCome
    pools: tuple[PoolLine, ...]
    years: tuple[YearLine, ...]
    meetings: tuple[SponsoredMeeting, ...]
    number_of_meetings: int
    delegates: int
    averaged: SponsoredMeeting | None
    carries_direct: Money

    @property
    def is_empty(self) -> bool:
        """Nothing was ever pledged or paid (an open pool without money is nothing yet)."""
        return not (self.totals.pledged or self.totals.received or self.waiting)

    @property
    def average(self) -> Money | None:
        """Direct cost of a journey at the latest settled meeting that may be told."""
        return self.averaged.average if self.averaged else None

    @property
    def carries(self) -> int | None:
        """Delegates that today's money carries at that average, rounded down: the very division the page prints."""
        return self.carries_direct.minor // self.average.minor if self.average else None

    @property
    def more_direct(self) -> Money:
        """Direct costs that MORE would carry at the standard rate of support costs."""
        return usd(direct_carried_by(MORE.minor, STANDARD_RATE_BP))

    @property
    def more_carries(self) -> int | None:
        """Delegates that MORE would carry, rounded down."""
        return self.more_direct.minor // self.average.minor if self.average else None


def books() -> FundFigures:
    """The ledger's figures that the public sees: without the demonstration's pools in production."""
    return fund_figures(shows_demonstration())


def fund_page() -> FundPage:
    """Everything for the public page. A fixed number of queries (one more while an earmark names a meeting)."""
    demo = shows_demonstration()
    figures, meetings, held = books(), read_meetings(demo), held_by_pool()
    pledged, to_come = _open_pledges(figures.pools)
    shown = meetings.order[:LATEST]
    rows = {row.meeting.id: row for row in rows_of(meetings, [*shown, *filter(None, [meetings.averaged])])}
    return FundPage(
        as_of=figures.as_of, totals=figures_of(figures, sum(pledged.values()), held_of(figures, held)),
        waiting=usd(figures.in_suspense),
        to_come=to_come, pools=_pool_lines(figures, meetings, pledged, held), years=year_lines(demo),
        meetings=tuple(rows[key] for key in shown if key in rows), number_of_meetings=len(meetings.order),
        delegates=meetings.delegates, averaged=rows.get(meetings.averaged) if meetings.averaged else None,
        carries_direct=usd(headroom([pool.pool_id for pool in figures.pools])),
    )


def _pool_lines(
    figures: FundFigures, meetings: Meetings, pledged: dict[uuid.UUID | None, int], held: Mapping[uuid.UUID, int]
) -> tuple[PoolLine, ...]:
    names, barred = names_of_meetings(pool.earmark for pool in figures.pools), barred_pools(meetings)
    if sum(1 for pool in figures.pools if pool.spent or pool.reserved) < 2:
        barred = set()  # the only pool in use is the fund
    return tuple(
        PoolLine(pool.code, pool.name, earmark_words(pool.earmark, names),
                 figures_of(pool, pledged.get(pool.pool_id, 0), held.get(pool.pool_id, 0)),
                 pool.pool_id not in barred)
        for pool in sorted(figures.pools, key=lambda p: (p.earmark is not None, p.code))
        # a wish that somebody without an account typed opens a pool: it is nothing until money comes
        if pool.earmark is None or pool.received or pool.pool_id in pledged
    )


def held_of(figures: FundFigures, held: Mapping[uuid.UUID, int]) -> int:
    """What of these pools' money donors' banks hold, US cents."""
    return sum(held.get(pool.pool_id, 0) for pool in figures.pools)


def figures_of(source: FundFigures | PoolFigures, pledged: int = 0, held: int = 0) -> Figures:
    """The ledger's cents as amounts, with what was pledged beside them, and what banks hold told apart."""
    return Figures(
        pledged=usd(pledged), received=usd(source.received), refunded=usd(source.refunded - held),
        disputed=usd(held), exchange=usd(source.exchange), fees=usd(source.fees), losses=usd(source.losses),
        spent_direct=usd(source.spent_direct), spent_support=usd(source.spent_support),
        in_transit=usd(source.in_transit), reserved=usd(source.reserved), available=usd(source.available),
        shortfall=usd(source.shortfall),
    )


def _open_pledges(pools: Iterable[PoolFigures]) -> tuple[dict[uuid.UUID | None, int], StillToCome]:
    """US cents pledged and not paid yet, by the pool the donor chose ("where it is needed most" counts with the pool
    which such money enters), and by how firm they are. Reads open pledges only, so it does not grow with history.
    Only those of organisations: whatever anybody may type without an account is no figure of the fund until paid."""
    general = _general(pools)
    by_pool: dict[uuid.UUID | None, int] = {}
    firm = {"announced": 0, "agreed": 0, "overdue": 0}
    for row in db.session.execute(
        select(Pledge.pool_id, Pledge.state, Pledge.agreement_id, Pledge.usd_minor, Pledge.amount_minor,
               (Pledge.current_minor - Pledge.paid_minor).label("left"))
        .where(Pledge.state.in_(OPEN), Pledge.current_minor > Pledge.paid_minor, Pledge.organisation_id.is_not(None))
    ):
        worth = outstanding_worth(row.usd_minor, row.amount_minor, row.left)
        by_pool[row.pool_id or general] = by_pool.get(row.pool_id or general, 0) + worth
        firm["overdue" if row.state == "overdue" else "agreed" if row.agreement_id else "announced"] += worth
    return by_pool, StillToCome(**{key: usd(value) for key, value in firm.items()})


def _general(pools: Iterable[PoolFigures]) -> uuid.UUID | None:
    """The pool of unearmarked money, chosen as sponsorship.contributions.pools.general_pool_id does."""
    unearmarked = sorted((p for p in pools if p.earmark is None), key=lambda p: (p.is_demo, p.code))
    return unearmarked[0].pool_id if unearmarked else None


# --- one year ---------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class PoolYear:
    """What came into one pool in a year, US dollars; `exchange` is signed."""

    code: str
    name: str
    received: Money
    exchange: Money
    refunded: Money
    disputed: Money
    fees: Money


@dataclass(frozen=True, slots=True)
class YearPage:
    """One year with its neighbours, its pools and the meetings that ended in it; read at `as_of`."""

    as_of: datetime
    line: YearLine
    others: tuple[int, ...]
    pools: tuple[PoolYear, ...]
    meetings: tuple[SponsoredMeeting, ...]

    @property
    def is_over(self) -> bool:
        return self.line.year < self.as_of.year


def year_page(year: int) -> YearPage:
    """Raises NotFound for a year in which nothing could have happened. A fixed number of queries."""
    demo = shows_demonstration()
    lines = year_lines(demo)
    line = next((found for found in lines if found.year == year), None)
    if line is None:
        raise NotFound()
    figures, moved = books(), pools_in_year(year, demo)
    names = {pool.pool_id: pool for pool in figures.pools}
    meetings = read_meetings(demo)
    return YearPage(
        figures.as_of, line, tuple(found.year for found in lines),
        tuple(sorted((PoolYear(names[key].code, names[key].name, *(usd(found.get(kind, 0)) for kind in MONEY_IN))
                      for key, found in moved.items() if key in names), key=lambda pool: pool.code)),
        tuple(row for row in rows_of(meetings, meetings.ended_in(year))),
    )


# --- all meetings -----------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class MeetingsPage:
    """Some of the sponsored meetings, and how many there are; read at `as_of`."""

    as_of: datetime
    rows: tuple[SponsoredMeeting, ...]
    total: int


def meetings_page(first: int, count: int | None) -> MeetingsPage:
    """So many of the meetings that are over and had sponsored delegates, the latest first (None: all of them)."""
    meetings = read_meetings(shows_demonstration())
    wanted = meetings.order[first:] if count is None else meetings.order[first : first + count]
    return MeetingsPage(clock.now(), tuple(rows_of(meetings, wanted)), len(meetings.order))


@dataclass(frozen=True, slots=True)
class MeetingPage:
    """One sponsored meeting, read at `as_of`."""

    as_of: datetime
    row: SponsoredMeeting


def meeting_page(slug: str) -> MeetingPage:
    """Raises NotFound where it is not over, or nobody was sponsored."""
    return MeetingPage(clock.now(), sponsored_meeting(slug, shows_demonstration()))
