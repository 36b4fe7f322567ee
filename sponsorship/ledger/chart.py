"""The chart of accounts: encumbrance accounting in US dollars.

Two books, each of which balances in every entry. The proprietary book (P) says what the fund owns, owes, received
and spent; the budgetary book (B) says, for every pool, what may still be promised. In each pool, always:

    available + reserved = appropriated
        = received + exchange - refunded - fees - losses - spent directly - spent on support costs

and in the whole fund what is appropriated is really there:

    bank + clearing + fees and differences of money in suspense + shortfalls
        = in transit + support costs due + suspense + refunds due + appropriated

Identifiers of accounts follow from their kind and pool, so that posting needs no look-up.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from functools import lru_cache

_NAMESPACE = uuid.UUID("5f0c6b52-7a3d-5c1e-9c55-3f6b8f0e6a10")
PROPRIETARY = "P"
BUDGETARY = "B"


@dataclass(frozen=True)
class AccountKind:
    """`nature` is asset, liability, income, expense or budget; `side` the normal side, D or C; a `guarded` account
    may never stand on the other side; `per_pool` kinds exist once for each pool."""

    code: str
    nature: str
    side: str
    guarded: bool
    per_pool: bool

    @property
    def book(self) -> str:
        return BUDGETARY if self.nature == "budget" else PROPRIETARY


KINDS: dict[str, AccountKind] = {
    kind.code: kind
    for kind in (
        AccountKind("bank", "asset", "D", False, False),
        AccountKind("stripe_clearing", "asset", "D", False, False),
        # fees and exchange differences of money that waits in suspense: carried over to its pool on acceptance
        AccountKind("suspense_fees", "asset", "D", True, False),
        AccountKind("suspense_exchange", "asset", "D", False, False),
        AccountKind("suspense", "liability", "C", True, False),
        # ordered back to a donor, not yet paid out
        AccountKind("refunds_due", "liability", "C", True, False),
        AccountKind("support_costs_due", "liability", "C", False, False),
        AccountKind("received", "income", "C", False, True),
        AccountKind("refunded", "expense", "D", True, True),
        # what a payment brought beyond (credit) or short of (debit) its value at the rate of its deposit
        AccountKind("exchange", "income", "C", False, True),
        AccountKind("fees", "expense", "D", False, True),
        # taken back by a donor's bank after it was spent, once somebody has covered it
        AccountKind("losses", "expense", "D", True, True),
        AccountKind("spent_direct", "expense", "D", True, True),
        AccountKind("spent_support", "expense", "D", True, True),
        # instructed, not yet confirmed by the bank
        AccountKind("in_transit", "liability", "C", True, True),
        # what reality took when the pool had nothing free: releases stop until it is covered
        AccountKind("shortfall", "asset", "D", True, True),
        AccountKind("appropriated", "budget", "D", True, True),
        AccountKind("available", "budget", "C", True, True),
        AccountKind("reserved", "budget", "C", True, True),
    )
}
# opened by the first schema only; revision 0003 moved what stood there to a pool, and nothing is posted there since
RETIRED = {"fees_lost": AccountKind("fees_lost", "expense", "D", False, False)}
COMMON = tuple(kind for kind in KINDS.values() if not kind.per_pool)
PER_POOL = tuple(kind for kind in KINDS.values() if kind.per_pool)
CLEARING = ("bank", "stripe_clearing")


@lru_cache(maxsize=4096)
def account_id(kind: str, pool_id: uuid.UUID | None = None) -> uuid.UUID:
    """The identifier of a common account, or of a pool's account of this kind."""
    if KINDS[kind].per_pool != (pool_id is not None):
        raise ValueError(f"{kind} is {'an account of a pool' if KINDS[kind].per_pool else 'a common account'}")
    return uuid.uuid5(_NAMESPACE, f"{kind}:{pool_id}" if pool_id else kind)
