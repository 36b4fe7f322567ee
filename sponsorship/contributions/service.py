"""The published commands of this room. Each is one transaction; see the modules for what they raise."""

from sponsorship.contributions.agreements import AgreementTerms, record_agreement
from sponsorship.contributions.checkout import ask, begin_checkout, send_refund
from sponsorship.contributions.disputes import settle_dispute
from sponsorship.contributions.donor_checks import record_check
from sponsorship.contributions.money_in import accept
from sponsorship.contributions.payments import (
    Attempt,
    Settled,
    checkout_failed,
    checkout_opened,
    settle_session,
    start_payment,
)
from sponsorship.contributions.pledge_changes import agree, defer, fall_due, reduce, write_off
from sponsorship.contributions.pledges import (
    PledgeDraft,
    PledgeMade,
    cancel_pledge,
    make_pledge,
    record_pledge,
    withdraw_pledge,
)
from sponsorship.contributions.refund_settling import settle_refund
from sponsorship.contributions.refunds import (
    REFUSALS,
    approve_refund,
    decline_refund,
    record_bank_refund,
    refuse,
    request_correction,
    request_refund,
    send_again,
)
from sponsorship.contributions.schedules import Part

__all__ = [
    "REFUSALS", "AgreementTerms", "Attempt", "Part", "PledgeDraft", "PledgeMade", "Settled", "accept", "agree",
    "approve_refund", "ask", "begin_checkout", "cancel_pledge", "checkout_failed", "checkout_opened", "decline_refund",
    "defer", "fall_due", "make_pledge", "record_agreement", "record_bank_refund", "record_check", "record_pledge",
    "reduce", "refuse", "request_correction", "request_refund", "send_again", "send_refund", "settle_dispute",
    "settle_refund", "settle_session", "start_payment", "withdraw_pledge", "write_off",
]
