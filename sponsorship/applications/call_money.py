"""How many delegates the money of today carries under a call: the one formula behind every page that says so."""

from __future__ import annotations

from dataclasses import dataclass

from core.money import Money
from sponsorship.applications.queries import CallRow
from sponsorship.ledger.queries import free_money, headroom


@dataclass(frozen=True)
class Carried:
    """US cents. `free` may be promised today, support costs included; `direct` is the direct cost it pays for."""

    call: CallRow
    free: int
    direct: int

    @property
    def money_minor(self) -> int:
        """Direct cost that may be promised today: what the pools carry, and never more than the ceiling."""
        return min(self.direct, self.call.ceiling_minor or self.direct)

    @property
    def delegates(self) -> int:
        """How many delegates that is at the call's estimate, rounded down."""
        return self.money_minor // self.call.estimate_minor

    @property
    def sums(self) -> list[tuple[str, Money | None]]:
        """What `delegates` is reckoned from, by name of each figure, in its order."""
        currency = self.call.currency
        return [
            ("free", Money(self.free, currency)), ("support", Money(self.free - self.direct, currency)),
            ("direct", Money(self.direct, currency)), ("ceiling", self.call.ceiling), ("each", self.call.estimate),
        ]


def carried(call: CallRow) -> Carried:
    """What the free money of the call's pools carries today. Pledges are no money. Two queries."""
    return Carried(call, free_money(call.pool_ids), headroom(call.pool_ids))


def delegates_carried(call: CallRow) -> int | None:
    """For the public page of a call that is not decided yet; None afterwards."""
    return carried(call).delegates if call.state in ("scheduled", "open", "closed", "ranked", "recommended") else None
