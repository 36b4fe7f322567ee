"""The books beside the books: a flat list of what flowed, from which every figure is a sum. Slow, simple, and written
from the rules of money rather than from the ledger's code, of which it imports nothing.

Amounts are US cents. A lot is one payment's money in one pool; its free money is what came less what went.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

ON_LOTS = ("gross", "exchange", "fee", "refund", "loss", "reserved", "direct", "support")
FUND = "the fund itself"  # whose money an exchange gain is


class Short(Exception):
    """The money is not there: so many US cents are missing."""

    def __init__(self, missing: int) -> None:
        super().__init__(missing)
        self.missing = missing


class Stopped(Exception):
    """A pool of the payment has a shortfall."""


@dataclass(eq=False, repr=False)
class Lot:
    pool: Any
    donor: Any
    rate_bp: int
    end: date | None
    at: datetime
    n: int


class Flow(NamedTuple):
    what: str
    amount: int
    pool: Any = None
    lot: Lot | None = None


@dataclass(eq=False, repr=False)
class Shortfall:
    """What reality took when a pool had nothing free; `covers` is who paid for it since. `money` caused it, when a
    payment did: its own money covers it first, `waited` of it out of suspense."""

    pool: Any
    left: int
    becomes: str
    money: Any = None
    covers: list[Flow] = field(default_factory=list)
    waited: int = 0


@dataclass(eq=False, repr=False)
class Bearing:
    """A cost as it was borne; `waited` of it left suspense."""

    flows: list[Flow] = field(default_factory=list)
    short: Shortfall | None = None
    waited: int = 0


@dataclass(eq=False, repr=False)
class Came:
    """A payment as it came; so much of it `waits` in suspense still, and the fee with it."""

    donor: Any
    gross: int
    exchange: int
    fee: int
    clearing: str
    at: datetime
    lots: list[Lot] = field(default_factory=list)
    waits: int = 0
    fee_waits: bool = False
    lost_fee: Bearing | None = None

    @property
    def all(self) -> int:
        return self.gross + self.exchange

    @property
    def net(self) -> int:
        return self.all - self.fee

    def owed(self, gone: int) -> int:
        """So much of the liability has left when so much of the payment has: what is owed leaves first, and with the
        last cent whatever the exchange left over."""
        return self.gross if gone == self.all else min(gone, self.gross)


@dataclass(eq=False, repr=False)
class Line:
    lot: Lot
    direct: int
    spent: int = 0
    released: int = 0

    @property
    def left(self) -> int:
        return self.direct - self.spent - self.released


@dataclass(eq=False, repr=False)
class Spent:
    parts: list[tuple[Line, int]]
    state: str = "sent"


def support(direct: int, lot: Lot) -> int:
    """Programme support costs: rounded down."""
    return direct * lot.rate_bp // 10_000


class Flows:
    """`general` is the pool that bears what nobody else does."""

    def __init__(self, general: Any) -> None:
        self.general = general
        self.flows: list[Flow] = []
        self.lots: list[Lot] = []
        self.shortfalls: list[Shortfall] = []

    # --- figures: nothing but sums --------------------------------------------------------------------------------
    def total(self, what: str, *, pool: Any = None, lot: Lot | None = None, donor: Any = None) -> int:
        return sum(
            f.amount for f in self.flows
            if f.what == what and (pool is None or f.pool == pool) and (lot is None or f.lot is lot)
            and (donor is None or (f.lot is not None and f.lot.donor == donor))
        )

    def free(self, lot: Lot) -> int:
        mine = dict.fromkeys(ON_LOTS, 0)
        for flow in self.flows:
            if flow.lot is lot:
                mine[flow.what] += flow.amount
        return mine.pop("gross") + mine.pop("exchange") - sum(mine.values())

    def in_order(self, pool: Any) -> list[Lot]:
        mine = [lot for lot in self.lots if lot.pool == pool]
        return sorted(mine, key=lambda lot: (lot.end is None, lot.end or date.min, lot.at, lot.n))

    def available(self, pool: Any) -> int:
        return sum(self.free(lot) for lot in self.in_order(pool))

    def side(self, donor: Any) -> dict[str, int]:
        """What became of one donor's money."""
        found = {what: self.total(what, donor=donor) for what in ON_LOTS}
        return {**found, "unspent": sum(self.free(lot) for lot in self.lots if lot.donor == donor)}

    # --- flows ----------------------------------------------------------------------------------------------------
    def flow(self, *flows: Flow) -> list[Flow]:
        made = [f for f in flows if f.amount]
        self.flows += made
        return made

    def undo(self, flows: Iterable[Flow]) -> None:
        self.flows += [f._replace(amount=-f.amount) for f in flows]

    def new_lot(self, pool: Any, donor: Any, rate_bp: int, end: date | None, at: datetime) -> Lot:
        lot = Lot(pool, donor, rate_bp, end, at, len(self.lots))
        self.lots.append(lot)
        return lot

    def bear(self, pool: Any, amount: int, what: str, *, only: list[Lot] | None = None, but: list[Lot] | None = None,
             money: Came | None = None) -> Bearing:
        """Free money of the pool pays, in order; what is lacking is the pool's shortfall."""
        made, left = Bearing(), amount
        for lot in self.in_order(pool):
            if (only is None or lot in only) and lot not in (but or ()):
                part = min(left, self.free(lot))
                made.flows += self.flow(Flow(what, -part if what == "exchange" else part, pool, lot))
                left -= part
        if left:
            made.short = Shortfall(pool, left, "loss" if what == "refund" else "fee", money)
            self.shortfalls.append(made.short)
            made.flows += self.flow(Flow("short", left, pool))
        return made

    def unbear(self, made: Bearing) -> None:
        """Reality gave it back: everybody has what they had, whoever covered a shortfall included."""
        self.undo(made.flows)
        if made.short is not None:
            self.undo(made.short.covers)
            made.short.left, made.short.covers, made.short.waited = 0, [], 0

    def difference(self, gain: int, at: datetime, clearing: str = "") -> None:
        """An exchange rate moved between two steps: the general pool's gain or loss."""
        if clearing:
            self.flow(Flow(clearing, gain))
        if gain > 0:
            lot = self.new_lot(self.general, FUND, 1300, None, at)
            self.flow(Flow("exchange", gain, self.general, lot))
        elif gain < 0:
            self.bear(self.general, -gain, "exchange")
