"""The ledger's published functions: what other rooms import. All amounts are US cents; every function is a command.

Order of locks inside: the ledger's own row (receipt in suspense, payment, reservation), then accounts by
identifier, then lots by identifier. See deposits.py, reservations.py, spending.py, posting.py.
"""

from sponsorship.ledger.chart import account_id
from sponsorship.ledger.deposits import (
    STANDARD_RATE_BP,
    accept_from_suspense,
    open_pool,
    prepare_chart,
    receive,
    receive_in_suspense,
    record_payout,
    refund_from_suspense,
)
from sponsorship.ledger.posting import KeyReused, LegSpec, NotEnoughMoney, Subject, credit, debit, post
from sponsorship.ledger.reservations import pool_ids_of, release, reserve
from sponsorship.ledger.spending import (
    PoolStopped,
    ReservationTooSmall,
    confirm_spend,
    cover_shortfall,
    return_spend,
    spend,
)

__all__ = [
    "STANDARD_RATE_BP", "KeyReused", "LegSpec", "NotEnoughMoney", "PoolStopped", "ReservationTooSmall", "Subject",
    "accept_from_suspense", "account_id", "confirm_spend", "cover_shortfall", "credit", "debit", "open_pool",
    "pool_ids_of", "post", "prepare_chart", "receive", "receive_in_suspense", "record_payout", "refund_from_suspense",
    "release", "reserve", "return_spend", "spend",
]
