"""What a donor's contributions carried: the donor's own side of the fund's books. Never a person, never a State.

Money is exact and sums to the ledger: for each contribution received = fees + spent + reserved + unspent. Average costs
are those of whole meetings, the same for every donor, and told only where `journeys.may_tell` allows: so neither one
contribution nor the difference of two tells what a State's delegate cost.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from accounts.queries import names
from core import clock
from core.money import Money, usd
from sponsorship.contributions.figures import accepted_of
from sponsorship.contributions.queries import ContributionRow
from sponsorship.ledger.queries import LotRow, LotUse, lot_uses, lots_of
from sponsorship.transparency.journeys import Journey, SponsoredMeeting, journeys_of, sponsored_meetings

SOURCE = "contribution"


@dataclass(frozen=True, slots=True)
class Account:
    """US dollars: gross = fees + spent_direct + spent_support + reserved + unspent."""

    gross: Money
    fees: Money
    spent_direct: Money
    spent_support: Money
    reserved: Money
    unspent: Money

    def __add__(self, other: Account) -> Account:
        return Account(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


NOTHING = Account(*(Money.zero() for _name in Account.__slots__))


@dataclass(frozen=True, slots=True)
class Carried:
    """Journeys to one meeting. `shared` of them were paid by other contributions as well; `days` are the meeting's
    working days times the journeys. The average cost stands with `sponsored`, which has all the meeting's journeys."""

    sponsored: SponsoredMeeting
    journeys: int
    shared: int
    days: int


@dataclass(frozen=True, slots=True)
class ContributionResult:
    """One contribution: what became of its money, and what it carried."""

    id: uuid.UUID
    reference: str
    donor: str
    purpose: str
    received_at: datetime
    end_date: date | None
    rate_bp: int
    account: Account
    carried: tuple[Carried, ...]

    @property
    def journeys(self) -> int:
        return sum(line.journeys for line in self.carried)

    @property
    def days(self) -> int:
        return sum(line.days for line in self.carried)


@dataclass(frozen=True, slots=True)
class DonorPage:
    """A donor's accepted contributions, newest first, and their sum; read at `as_of` (business time)."""

    as_of: datetime
    donors: tuple[str, ...]
    results: tuple[ContributionResult, ...]
    total: Account
    carried: tuple[Carried, ...]

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
    as_of = clock.now()
    rows = accepted_of(wanted)
    ids = {row.id for row in rows}
    lots = {lot.source_id: lot for lot in lots_of(SOURCE, ids)}
    uses: dict[uuid.UUID, list[LotUse]] = {row_id: [] for row_id in ids}
    for use in lot_uses(SOURCE, ids):
        uses[use.source_id].append(use)
    over = {s.meeting.id: s for s in sponsored_meetings()}
    journeys = {
        award: journey
        for award, journey in journeys_of(u.subject_id for of in uses.values() for u in of if _pays(u)).items()
        if journey.meeting_id in over
    }
    results = tuple(
        _result(row, lots[row.id], uses[row.id], _carried(
            {u.subject_id: journeys[u.subject_id] for u in uses[row.id] if _pays(u) and u.subject_id in journeys},
            over, {row.id}))
        for row in rows if row.id in lots
    )
    return DonorPage(
        as_of, tuple(sorted(names(wanted).values())), results, sum((r.account for r in results), NOTHING),
        _carried(journeys, over, ids),
    )


def _pays(use: LotUse) -> bool:
    return use.subject_type == "award" and use.spent_direct > 0


def _result(
    row: ContributionRow, lot: LotRow, uses: list[LotUse], carried: tuple[Carried, ...]
) -> ContributionResult:
    assert row.gross is not None and row.received_at is not None  # an accepted contribution has both
    account = Account(
        gross=row.gross,
        fees=row.gross - usd(lot.amount) + usd(lot.charged),
        spent_direct=usd(sum(use.spent_direct for use in uses)),
        spent_support=usd(sum(use.spent_support for use in uses)),
        reserved=usd(sum(use.reserved_direct + use.reserved_support for use in uses)),
        unspent=usd(lot.free),
    )
    return ContributionResult(
        row.id, row.reference, row.donor, row.purpose, row.received_at, lot.end_date, lot.rate_bp, account, carried
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
