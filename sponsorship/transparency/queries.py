"""The fund as the public sees it: figures from the accounts' running totals, so that no page grows with history."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from accounts.queries import shows_demonstration
from core.money import Money, usd
from sponsorship.contributions.earmark_words import earmark_words, names_of_meetings
from sponsorship.contributions.figures import outstanding_by_pool
from sponsorship.ledger.queries import FundFigures, PoolFigures, fund_figures, headroom
from sponsorship.transparency.journeys import SponsoredMeeting, sponsored_meetings


@dataclass(frozen=True, slots=True)
class Figures:
    """US dollars. received + exchange = paid back + fees + losses + spent + reserved + available; pledged, waiting and
    shortfall stand outside it. `exchange` is signed."""

    pledged: Money
    received: Money
    refunded: Money
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
    """One pool: its name, what its money is for in plain words, its figures."""

    code: str
    name: str
    purpose: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class FundPage:
    """All that /fund/ and its file show, read at `as_of` (business time)."""

    as_of: datetime
    totals: Figures
    waiting: Money
    pools: tuple[PoolLine, ...]
    meetings: tuple[SponsoredMeeting, ...]
    carries_direct: Money

    @property
    def is_empty(self) -> bool:
        """Nothing was ever pledged or paid (an open pool without money is nothing yet)."""
        return not (self.totals.pledged or self.totals.received or self.waiting)

    @property
    def averaged(self) -> SponsoredMeeting | None:
        """The latest settled meeting whose average cost may be told."""
        return next((m for m in self.meetings if m.average), None)

    @property
    def average(self) -> Money | None:
        """Direct cost of a journey at that meeting."""
        return self.averaged.average if self.averaged else None

    @property
    def carries(self) -> int | None:
        """Delegates that today's money carries at that average, rounded down: the very division the page prints."""
        return self.carries_direct.minor // self.average.minor if self.average else None


def books() -> FundFigures:
    """The ledger's figures that the public sees: without the demonstration's pools in production."""
    return fund_figures(shows_demonstration())


def fund_page() -> FundPage:
    """Everything for the public page. A fixed number of queries (one more while an earmark names a meeting)."""
    figures = books()
    pledged = pledged_by_pool(_general(figures.pools))
    names = names_of_meetings(pool.earmark for pool in figures.pools)
    return FundPage(
        as_of=figures.as_of,
        totals=figures_of(figures, sum(pledged.values())),
        waiting=usd(figures.in_suspense),
        pools=tuple(
            PoolLine(
                pool.code, pool.name, earmark_words(pool.earmark, names),
                figures_of(pool, pledged.get(pool.pool_id, 0)),
            )
            for pool in sorted(figures.pools, key=lambda p: (p.earmark is not None, p.code))
        ),
        meetings=tuple(sponsored_meetings(shows_demonstration())),
        carries_direct=usd(headroom([pool.pool_id for pool in figures.pools])),
    )


def figures_of(source: FundFigures | PoolFigures, pledged: int = 0) -> Figures:
    """The ledger's cents as amounts, with what was pledged beside them."""
    return Figures(
        pledged=usd(pledged), received=usd(source.received), refunded=usd(source.refunded),
        exchange=usd(source.exchange), fees=usd(source.fees), losses=usd(source.losses),
        spent_direct=usd(source.spent_direct), spent_support=usd(source.spent_support),
        in_transit=usd(source.in_transit), reserved=usd(source.reserved), available=usd(source.available),
        shortfall=usd(source.shortfall),
    )


def pledged_by_pool(general: uuid.UUID | None) -> dict[uuid.UUID | None, int]:
    """US cents announced or agreed and not yet paid, by the pool the donor chose. Chosen "where it is needed most",
    they count with the `general` pool, which such money enters."""
    found: dict[uuid.UUID | None, int] = {}
    for pool_id, total in outstanding_by_pool().items():
        found[pool_id or general] = found.get(pool_id or general, 0) + total
    return found


def _general(pools: Iterable[PoolFigures]) -> uuid.UUID | None:
    """The pool of unearmarked money, chosen as sponsorship.contributions.pools.general_pool_id does."""
    unearmarked = sorted((p for p in pools if p.earmark is None), key=lambda p: (p.is_demo, p.code))
    return unearmarked[0].pool_id if unearmarked else None
