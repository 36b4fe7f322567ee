"""The chart of accounts: encumbrance accounting in US dollars.

Two books, each of which balances in every entry. The proprietary book (P) says what the fund owns, owes, received
and spent; the budgetary book (B) says, for every pool, what may still be promised. In each pool, always:

    available + reserved = appropriated = received - fees - spent directly - spent on support costs

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
        # fees of money that waits in suspense: carried over to the pool on acceptance, lost on refund
        AccountKind("suspense_fees", "asset", "D", True, False),
        AccountKind("suspense", "liability", "C", True, False),
        AccountKind("support_costs_due", "liability", "C", False, False),
        AccountKind("fees_lost", "expense", "D", False, False),
        AccountKind("received", "income", "C", False, True),
        AccountKind("fees", "expense", "D", False, True),
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
COMMON = tuple(kind for kind in KINDS.values() if not kind.per_pool)
PER_POOL = tuple(kind for kind in KINDS.values() if kind.per_pool)
CLEARING = ("bank", "stripe_clearing")


@lru_cache(maxsize=4096)
def account_id(kind: str, pool_id: uuid.UUID | None = None) -> uuid.UUID:
    """The identifier of a common account, or of a pool's account of this kind."""
    if KINDS[kind].per_pool != (pool_id is not None):
        raise ValueError(f"{kind} is {'an account of a pool' if KINDS[kind].per_pool else 'a common account'}")
    return uuid.uuid5(_NAMESPACE, f"{kind}:{pool_id}" if pool_id else kind)
