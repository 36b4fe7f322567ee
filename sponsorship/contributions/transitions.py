"""Pledges, contributions, refunds and disputes: their states and moves, as data."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from core.machines import SYSTEM, Machine, Move, State

# A pledge's state is the last thing that happened to it; what it amounts to (pledged, reduced to, paid, paid back, due
# next) stands beside it. Nothing leads out of written off and cancelled, and the database holds that too.
OPEN = ("announced", "agreed", "partly_paid", "overdue", "deferred", "reduced")

PLEDGE = Machine(
    name="pledge",
    tag_prefix="contributions.pledge",
    initial="announced",
    states=(
        State("announced", _l("Announced"), "waiting"),
        State("agreed", _l("Agreed"), "waiting"),
        State("partly_paid", _l("Partly paid"), "waiting"),
        State("overdue", _l("Overdue"), "attention"),
        State("deferred", _l("Deferred"), "waiting"),
        State("reduced", _l("Reduced"), "waiting"),
        State("paid", _l("Paid"), "done"),
        State("disputed", _l("Disputed"), "attention"),
        State("returned", _l("Paid back"), "stopped"),
        State("written_off", _l("Written off"), "stopped", terminal=True),
        State("cancelled", _l("Cancelled"), "stopped", terminal=True),
    ),
    moves=(
        Move("agree", ("announced", "overdue", "deferred", "reduced", "partly_paid"), "agreed",
             "contribution.agreement", _l("Put under an agreement")),
        # an instalment's day has come and gone
        Move("fall_due", ("announced", "agreed", "partly_paid", "deferred", "reduced"), "overdue", SYSTEM,
             _l("Payment overdue")),
        Move("defer", OPEN, "deferred", "contribution.agreement", _l("Defer to later dates"), needs_reason=True),
        Move("reduce", OPEN, "reduced", "contribution.agreement", _l("Reduce the amount"), needs_reason=True),
        Move("write_off", OPEN, "written_off", "contribution.write_off", _l("Write off what is not paid"),
             needs_reason=True),
        Move("cancel", OPEN, "cancelled", "contribution.agreement", _l("Cancel the pledge"), needs_reason=True),
        Move("withdraw", ("announced",), "cancelled", "contribution.own", _l("Withdraw the pledge")),
        Move("pay_part", OPEN, "partly_paid", SYSTEM, _l("Payment arrived")),
        Move("pay", (*OPEN, "returned", "disputed"), "paid", SYSTEM, _l("Payment arrived")),
        # all that was paid went back, and nothing more is owed; while something is, a pledge stays open
        Move("return", ("paid", *OPEN), "returned", SYSTEM, _l("Money sent back to the donor")),
        Move("restore", ("returned",), "paid", SYSTEM, _l("The money came back to the fund")),
        # the same while a bank has still to decide whether the money goes back
        Move("dispute", ("paid", "returned", *OPEN), "disputed", SYSTEM, _l("Disputed by the donor’s bank")),
        Move("lose", ("disputed",), "returned", SYSTEM, _l("Paid back: the dispute is decided for the donor")),
        Move("win", ("disputed",), "paid", SYSTEM, _l("The disputed money came back to the fund")),
        # a deposit recorded by mistake was corrected: so much was never paid
        Move("unpay_part", ("paid", *OPEN), "partly_paid", SYSTEM, _l("Deposit corrected")),
        Move("unpay", ("paid", *OPEN), "announced", SYSTEM, _l("Deposit corrected")),
        Move("unpay_agreed", ("paid", *OPEN), "agreed", SYSTEM, _l("Deposit corrected")),
    ),
)

LIVE = ("created", "checkout", "invoiced", "declared")
MONEY_HERE = ("in_suspense", "accepted", "refund_due", "disputed", "refunded", "corrected")
_UNPAID = ("created", "checkout", "invoiced", "declared", "failed", "expired", "not_arrived")

CONTRIBUTION = Machine(
    name="contribution",
    tag_prefix="contributions.contribution",
    initial="created",
    states=(
        State("created", _l("Being prepared"), "waiting"),
        State("checkout", _l("Waiting for the payment"), "waiting"),
        State("invoiced", _l("Invoice sent"), "waiting"),
        State("declared", _l("Transfer announced"), "waiting"),
        State("failed", _l("Not started"), "stopped"),
        State("expired", _l("Not paid"), "stopped"),
        State("not_arrived", _l("Transfer did not arrive"), "stopped"),
        State("in_suspense", _l("Waiting for acceptance"), "attention"),
        State("accepted", _l("Accepted"), "done"),
        State("refund_due", _l("Being paid back"), "attention"),
        State("disputed", _l("Disputed"), "attention"),
        State("refunded", _l("Paid back"), "stopped"),
        State("corrected", _l("Recorded by mistake"), "stopped", terminal=True),
    ),
    moves=(
        Move("open", ("created",), "checkout", SYSTEM, _l("Payment page opened")),
        Move("invoice", ("created",), "invoiced", SYSTEM, _l("Invoice sent")),
        Move("declare", ("created",), "declared", SYSTEM, _l("Transfer announced by the donor")),
        Move("fail", ("created", "checkout", "declared"), "failed", SYSTEM, _l("Payment could not be made")),
        Move("take_back", ("declared",), "failed", SYSTEM, _l("Announcement taken back by the donor")),
        Move("expire", ("checkout", "invoiced"), "expired", SYSTEM, _l("Closed without payment")),
        Move("not_arrived", ("declared",), "not_arrived", "contribution.deposit", _l("The transfer did not arrive"),
             needs_reason=True),
        # a payment that Stripe has taken is always recorded, even when we had given it up
        Move("receive", _UNPAID, "accepted", SYSTEM, _l("Payment received under an agreement")),
        Move("hold", _UNPAID, "in_suspense", SYSTEM, _l("Payment received")),
        # the officer's word, from the bank's statement
        Move("confirm", _UNPAID, "accepted", "contribution.deposit", _l("Deposit confirmed under an agreement")),
        Move("confirm_held", _UNPAID, "in_suspense", "contribution.deposit", _l("Deposit confirmed")),
        Move("accept", ("in_suspense",), "accepted", "contribution.accept", _l("Accept the contribution"),
             needs_reason=True),
        Move("refuse", ("in_suspense",), "refund_due", "contribution.refund", _l("Do not accept: pay it back"),
             needs_reason=True),
        Move("refund", ("refund_due",), "refunded", SYSTEM, _l("Refund confirmed")),
        Move("refund_returned", ("refunded",), "refund_due", SYSTEM, _l("The refund came back")),
        # all of it went back: by refunds we ordered, at the provider, or in a dispute that was decided
        Move("all_back", ("in_suspense", "accepted", "refund_due", "disputed"), "refunded", SYSTEM,
             _l("Everything went back")),
        Move("restore_held", ("refunded",), "in_suspense", SYSTEM, _l("The money came back to the fund")),
        Move("restore", ("refunded",), "accepted", SYSTEM, _l("The money came back to the fund")),
        # nothing of it is left, and of some of that a bank has still to decide whether it is the donor's
        Move("dispute", ("in_suspense", "accepted", "refund_due", "refunded"), "disputed", SYSTEM,
             _l("Disputed by the donor’s bank")),
        Move("lose", ("disputed",), "refunded", SYSTEM, _l("Paid back: the dispute is decided for the donor")),
        Move("win", ("disputed",), "accepted", SYSTEM, _l("The disputed money came back to the fund")),
        Move("win_held", ("disputed",), "in_suspense", SYSTEM, _l("The disputed money came back to the fund")),
        Move("win_due", ("disputed",), "refund_due", SYSTEM, _l("The disputed money came back to the fund")),
        Move("correct", ("in_suspense", "accepted"), "corrected", SYSTEM, _l("Deposit corrected")),
    ),
)

REFUND = Machine(
    name="refund",
    tag_prefix="contributions.refund",
    initial="requested",
    states=(
        State("requested", _l("Waiting for approval"), "attention"),
        State("declined", _l("Not approved"), "stopped", terminal=True),
        State("created", _l("To be sent"), "waiting"),
        State("pending", _l("On its way"), "waiting"),
        State("succeeded", _l("Paid back"), "done"),
        State("failed", _l("Failed"), "attention", terminal=True),
    ),
    moves=(
        Move("approve", ("requested",), "created", "contribution.refund.approve", _l("Approve the refund")),
        Move("decline", ("requested",), "declined", "contribution.refund.approve", _l("Do not approve it"),
             needs_reason=True),
        Move("send", ("created",), "pending", SYSTEM, _l("Sent to Stripe")),
        Move("succeed", ("created", "pending"), "succeeded", SYSTEM, _l("Paid back")),
        # money that came by bank transfer goes back by bank transfer; an officer records the bank's reference
        Move("record", ("created",), "succeeded", "contribution.deposit", _l("Record the bank’s reference")),
        Move("fail", ("created", "pending", "succeeded"), "failed", SYSTEM, _l("Refund failed")),
    ),
)

DISPUTE = Machine(
    name="dispute",
    tag_prefix="contributions.dispute",
    initial="open",
    states=(
        State("inquiry", _l("The donor’s bank asks"), "attention"),
        State("open", _l("Answer wanted"), "attention"),
        State("under_review", _l("With the donor’s bank"), "waiting"),
        State("won", _l("Decided for the fund"), "done", terminal=True),
        State("lost", _l("Decided for the donor"), "stopped", terminal=True),
        State("closed", _l("Closed"), "done", terminal=True),
    ),
    moves=(
        Move("inquire", ("open",), "inquiry", SYSTEM, _l("Inquiry")),
        Move("reopen", ("inquiry", "under_review"), "open", SYSTEM, _l("Answer wanted")),
        Move("review", ("open", "inquiry"), "under_review", SYSTEM, _l("Answered")),
        Move("win", ("open", "inquiry", "under_review"), "won", SYSTEM, _l("Decided for the fund")),
        Move("lose", ("open", "inquiry", "under_review"), "lost", SYSTEM, _l("Decided for the donor")),
        Move("close", ("inquiry", "open", "under_review"), "closed", SYSTEM, _l("Closed without money moving")),
    ),
)

COVER = Machine(
    name="cover",
    tag_prefix="contributions.cover",
    initial="requested",
    states=(
        State("requested", _l("Waiting for approval"), "attention"),
        State("covered", _l("Covered"), "done", terminal=True),
        State("declined", _l("Not approved"), "stopped", terminal=True),
    ),
    moves=(
        Move("approve", ("requested",), "covered", "shortfall.approve", _l("Cover the shortfall")),
        Move("decline", ("requested",), "declined", "shortfall.approve", _l("Do not approve it"), needs_reason=True),
    ),
)
