"""The published commands of this room. Each is one transaction; see the modules for what they raise."""

from sponsorship.contributions.agreements import AgreementTerms, record_agreement
from sponsorship.contributions.checkout import ask, begin_checkout, send_refund
from sponsorship.contributions.payments import (
    Attempt,
    Settled,
    accept,
    checkout_failed,
    checkout_opened,
    settle_session,
    start_payment,
)
from sponsorship.contributions.pledges import PledgeDraft, PledgeMade, cancel_pledge, make_pledge, withdraw_pledge
from sponsorship.contributions.refunds import REFUSALS, refuse, send_again, settle_refund

__all__ = [
    "REFUSALS", "AgreementTerms", "Attempt", "PledgeDraft", "PledgeMade", "Settled", "accept", "ask", "begin_checkout",
    "cancel_pledge", "checkout_failed", "checkout_opened", "make_pledge", "record_agreement", "refuse", "send_again",
    "send_refund", "settle_refund", "settle_session", "start_payment", "withdraw_pledge",
]
