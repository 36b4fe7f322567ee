"""The ledger's published functions: what other rooms import. All amounts are US cents; every function is a command.

Order of locks inside: the ledger's own row (receipt in suspense, payment, reservation), then accounts by
identifier, then lots by identifier. See deposits.py, refunds.py, takebacks.py, costs.py, reservations.py, spending.py,
spend_answers.py, posting.py.
"""

from sponsorship.ledger.chart import account_id
from sponsorship.ledger.costs import PoolStopped, charge_fee, cover_shortfall
from sponsorship.ledger.deposits import (
    STANDARD_RATE_BP,
    Intake,
    accept_from_suspense,
    open_pool,
    payout_came_back,
    prepare_chart,
    receive,
    receive_in_suspense,
    record_payout,
)
from sponsorship.ledger.losses import lose, loss_back
from sponsorship.ledger.posting import (
    KeyReused,
    LegSpec,
    NotEnoughMoney,
    Original,
    Subject,
    credit,
    debit,
    entry_under,
    post,
)
from sponsorship.ledger.recoveries import MoreThanSpent, recover, recovered_of
from sponsorship.ledger.refunds import give_up_refund, hold_refund, pay_refund, refund_came_back
from sponsorship.ledger.reservations import pool_ids_of, release, reserve
from sponsorship.ledger.reserve_again import left_of, reserve_again
from sponsorship.ledger.spend_answers import cut_spend, exchange_of_spend
from sponsorship.ledger.spend_many import Order, spend_many
from sponsorship.ledger.spending import ReservationTooSmall, confirm_spend, return_spend, spend
from sponsorship.ledger.takebacks import give_back, keep_rest, take_back

__all__ = [
    "STANDARD_RATE_BP", "Intake", "KeyReused", "LegSpec", "MoreThanSpent", "NotEnoughMoney", "Order", "Original",
    "PoolStopped", "ReservationTooSmall", "Subject", "accept_from_suspense", "account_id", "charge_fee",
    "confirm_spend", "cover_shortfall", "credit", "cut_spend", "debit", "entry_under", "exchange_of_spend",
    "give_back", "give_up_refund", "hold_refund", "keep_rest", "left_of", "lose", "loss_back", "open_pool",
    "pay_refund", "payout_came_back", "pool_ids_of", "post", "prepare_chart", "receive", "receive_in_suspense",
    "record_payout", "recover", "recovered_of", "refund_came_back", "release", "reserve", "reserve_again",
    "return_spend", "spend", "spend_many", "take_back",
]
