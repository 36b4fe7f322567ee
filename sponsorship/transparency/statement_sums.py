"""A contribution's money over a period, from the books: what the ledger's entries did with it, to the cent.

What came, and the fee that came with it, are legs of entries about the contribution; what became of it are the
movements of its lot. Summed over every lot they are the accounts of the fund, which `verify` proves.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select, true
from sqlalchemy.orm import aliased

from core.db import db
from core.money import Money, usd
from sponsorship.awards.models import Award
from sponsorship.contributions.back_models import Dispute
from sponsorship.contributions.going_back import UNDECIDED
from sponsorship.contributions.models import Contribution, Pledge
from sponsorship.disbursements.models import Disbursement
from sponsorship.ledger.models import Account as LedgerAccount
from sponsorship.ledger.models import Entry, Leg, Lot, LotMovement, Pool

SOURCE = "contribution"
# entries that give back the fee of a payment, or take that back again: the side of the leg on the pool's fees
FEE_RETURNED = {"refund.hold": "C", "takeback.correction": "C", "refund.given-up": "D"}


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` (None: since the fund began) to before `end` (None: until now); instants in UTC."""

    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sums:
    """US dollars: opening + received + exchange - refunded - disputed - fees - losses - spent_direct - spent_support =
    closing. `disputed` is what donors' banks hold today until a dispute is decided: it is not called paid back yet.
    `opening_reserved` and `closing_reserved` are the parts of opening and closing that are set aside for journeys;
    `exchange` is signed."""

    opening: Money
    opening_reserved: Money
    received: Money
    exchange: Money
    refunded: Money
    disputed: Money
    fees: Money
    losses: Money
    spent_direct: Money
    spent_support: Money
    closing: Money
    closing_reserved: Money

    def __add__(self, other: Sums) -> Sums:
        return Sums(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))

    @property
    def reserved(self) -> Money:
        """What is set aside at the end."""
        return self.closing_reserved

    @property
    def unspent(self) -> Money:
        """What is free at the end."""
        return self.closing - self.closing_reserved

    @property
    def moves(self) -> bool:
        """Whether there is anything to tell."""
        return any(getattr(self, name) for name in self.__slots__)


NOTHING = Sums(*(Money.zero() for _name in Sums.__slots__))
_USES = ("refunded", "disputed", "fees", "losses", "spent_direct", "spent_support")
_BY_PART = {"refund": "refunded", "fee": "fees", "loss": "losses", "direct": "spent_direct",
            "support": "spent_support"}


Scope = Callable[..., Select[Any]]  # selects columns from the lots that are meant


def of_donors(organisations: Iterable[uuid.UUID]) -> Scope:
    """The lots of these organisations' contributions."""
    wanted = list(organisations)

    def lots(*columns: Any) -> Select[Any]:
        return (
            select(*columns).select_from(Pledge)
            .join(Contribution, Contribution.pledge_id == Pledge.id)
            .join(Lot, and_(Lot.source_type == SOURCE, Lot.source_id == Contribution.id))
            .where(Pledge.organisation_id.in_(wanted))
        )

    return lots


def of_everybody(*columns: Any) -> Select[Any]:
    """Every lot there is: of donors without an account too, and of exchange gains, which are no donor's."""
    return select(*columns).select_from(Lot)


def sums_by(key: Any, lots: Scope, period: Period) -> dict[uuid.UUID, Sums]:
    """Sums of the lots by `key` (Lot.id, or Lot.pool_id) that entered their pool before the period's end. Four
    queries."""
    found: dict[uuid.UUID, dict[str, int]] = {}

    def add(row: Any, **amounts: int) -> None:
        sums = found.setdefault(row.key, {})
        for name, amount in amounts.items():
            sums[name] = sums.get(name, 0) + amount

    for row in db.session.execute(_came(key, lots, period)):
        if row.inside:
            add(row, received=int(row.received), exchange=int(row.exchange), fees=int(row.fees))
        else:
            add(row, opening=int(row.received) + int(row.exchange) - int(row.fees))
    for row in db.session.execute(_fees_returned(key, lots, period)):
        # the fee goes back to the donor with the rest; whoever bears it now pays it out of another lot
        add(row, refunded=int(row.fees), fees=-int(row.fees))
    for row in db.session.execute(_moved(key, lots, period)):
        earlier = int(row.amount) - int(row.inside)
        if row.part == "reserved":
            add(row, opening_reserved=earlier, reserved=int(row.inside))
        else:
            held = int(row.held) if row.part == "refund" else 0
            # what a refund cost beyond its worth is an exchange difference, whichever lot bears it
            add(row, opening=-earlier, exchange=-int(row.exchanged), disputed=held,
                **{_BY_PART[row.part]: int(row.inside) - int(row.exchanged) - held})
    return {row_key: _sums(sums) for row_key, sums in found.items()}


@dataclass(frozen=True, slots=True)
class Came:
    """What the entry brought that opened a lot, US dollars: received + exchange = fee + net."""

    received: Money
    exchange: Money
    fee: Money

    @property
    def net(self) -> Money:
        return self.received + self.exchange - self.fee


def came_by_lot(lots: Scope, period: Period) -> dict[uuid.UUID, Came]:
    """Of the lots that entered their pool within the period. One query."""
    return {row.key: Came(usd(int(row.received)), usd(int(row.exchange)), usd(int(row.fees)))
            for row in db.session.execute(_came(Lot.id, lots, period)) if row.inside}


def _sums(found: dict[str, int]) -> Sums:
    def of(name: str) -> int:
        return found.get(name, 0)

    gone = of("refunded") + of("disputed") + of("fees") + of("losses") + of("spent_direct") + of("spent_support")
    closing = of("opening") + of("received") + of("exchange") - gone
    return Sums(
        **{name: usd(of(name)) for name in ("opening", "opening_reserved", "received", "exchange", *_USES)},
        closing=usd(closing), closing_reserved=usd(of("opening_reserved") + of("reserved")),
    )


def _inside(period: Period) -> ColumnElement[bool]:
    return true() if period.start is None else Entry.occurred_at >= period.start


def _until(query: Select[Any], period: Period) -> Select[Any]:
    return query if period.end is None else query.where(Entry.occurred_at < period.end)


def _came(key: Any, lots: Scope, period: Period) -> Select[Any]:
    """What the entry that opened each lot brought: before the period, and within it."""
    amount = case((Leg.side == LedgerAccount.side, Leg.usd_minor), else_=-Leg.usd_minor)
    inside = _inside(period).label("inside")
    query = (
        lots(key.label("key"), inside, *(
            func.sum(case((LedgerAccount.kind == kind, amount), else_=0)).label(kind)
            for kind in ("received", "exchange", "fees")))
        .join(Entry, Entry.id == Lot.entry_id).join(Leg, Leg.entry_id == Entry.id)
        .join(LedgerAccount, LedgerAccount.id == Leg.account_id)
        .where(LedgerAccount.kind.in_(("received", "exchange", "fees")))
        .group_by(key, *(() if period.start is None else (inside,)))
    )
    return _until(query, period)


def _fees_returned(key: Any, lots: Scope, period: Period) -> Select[Any]:
    """Fees of payments that went back to the donor with them, less those of refunds given up."""
    query = (
        lots(key.label("key"), func.sum(case((Leg.side == "C", Leg.usd_minor), else_=-Leg.usd_minor)).label("fees"))
        .join(Entry, and_(Entry.subject_type == Lot.source_type, Entry.subject_id == Lot.source_id))
        .join(Leg, Leg.entry_id == Entry.id).join(LedgerAccount, LedgerAccount.id == Leg.account_id)
        .where(LedgerAccount.kind == "fees", LedgerAccount.pool_id == Lot.pool_id, _inside(period),
               or_(*(and_(Entry.kind == kind, Leg.side == side) for kind, side in FEE_RETURNED.items())))
        .group_by(key)
    )
    return _until(query, period)


def _moved(key: Any, lots: Scope, period: Period) -> Select[Any]:
    """What became of the lots, part by part, in one pass over their movements."""
    inside = _inside(period)

    def total(label: str, condition: ColumnElement[bool]) -> Any:
        return func.sum(case((condition, LotMovement.amount_minor), else_=0)).label(label)

    query = (
        lots(key.label("key"), LotMovement.part, func.sum(LotMovement.amount_minor).label("amount"),
             total("inside", inside), total("held", and_(inside, Entry.key.in_(held_keys()))),
             total("exchanged", and_(inside, Entry.kind == "exchange")))
        .join(LotMovement, LotMovement.lot_id == Lot.id).join(Entry, Entry.id == LotMovement.entry_id)
        .group_by(key, LotMovement.part)
    )
    return _until(query, period)


def held_keys() -> list[str]:
    """Keys of the entries by which disputes took what banks hold undecided today: as many as open disputes."""
    return [f"dispute:{key}:taken" for key in db.session.scalars(
        select(Dispute.id).where(Dispute.state.in_(UNDECIDED), Dispute.taken_at.is_not(None),
                                 Dispute.reinstated_at.is_(None)).order_by(Dispute.id))]


@dataclass(frozen=True, slots=True)
class Held:
    """What one dispute took of a pool's money, US cents, and the UTC year in which it did."""

    pool_id: uuid.UUID
    year: int
    cents: int


def held_by_disputes(include_demo: bool = True) -> list[Held]:
    """What of all that the books call paid back is held by open disputes. One query, and where there are any another,
    which reads the legs of those alone."""
    keys = held_keys()
    if not keys:
        return []
    query = (
        select(LedgerAccount.pool_id, Entry.occurred_at,
               func.sum(case((Leg.side == LedgerAccount.side, Leg.usd_minor), else_=-Leg.usd_minor)).label("cents"))
        .join(Leg, Leg.entry_id == Entry.id).join(LedgerAccount, LedgerAccount.id == Leg.account_id)
        .join(Pool, Pool.id == LedgerAccount.pool_id)
        .where(Entry.key.in_(keys), LedgerAccount.kind == "refunded").group_by(LedgerAccount.pool_id, Entry.occurred_at)
    )
    rows = db.session.execute(query if include_demo else query.where(~Pool.is_demo))
    return [Held(row.pool_id, row.occurred_at.year, int(row.cents)) for row in rows]


def held_by_pool() -> dict[uuid.UUID, int]:
    """The same in sum by pool."""
    found: dict[uuid.UUID, int] = {}
    for held in held_by_disputes():
        found[held.pool_id] = found.get(held.pool_id, 0) + held.cents
    return found


@dataclass(frozen=True, slots=True)
class Spending:
    """What money of one pool paid for one meeting's journeys in a period, US dollars, net of what came back."""

    meeting_id: uuid.UUID | None
    pool_id: uuid.UUID
    direct: Money
    support: Money


def spending_by_meeting(lots: Scope, period: Period) -> list[Spending]:
    """By meeting and pool. One query: each payment's direct costs are looked up once, its support costs beside them."""
    meeting, support = func.coalesce(Disbursement.meeting_id, Award.meeting_id), aliased(LotMovement)
    query = (
        lots(meeting.label("meeting_id"), Lot.pool_id, func.sum(LotMovement.amount_minor).label("direct"),
             func.coalesce(func.sum(support.amount_minor), 0).label("support"))
        .join(LotMovement, and_(LotMovement.lot_id == Lot.id, LotMovement.part == "direct"))
        .join(Entry, Entry.id == LotMovement.entry_id)
        .outerjoin(support, and_(support.entry_id == LotMovement.entry_id, support.lot_id == LotMovement.lot_id,
                                 support.part == "support"))
        .outerjoin(Disbursement, and_(Disbursement.id == Entry.subject_id, Entry.subject_type == "disbursement"))
        .outerjoin(Award, and_(Award.id == Entry.subject_id, Entry.subject_type == "award"))
        .where(_inside(period)).group_by(meeting, Lot.pool_id)
    )
    return [
        Spending(row.meeting_id, row.pool_id, usd(int(row.direct)), usd(int(row.support)))
        for row in db.session.execute(_until(query, period)) if row.direct or row.support
    ]
