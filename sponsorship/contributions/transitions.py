"""Pledges, contributions and refunds: their states and moves, as data."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from core.machines import SYSTEM, Machine, Move, State

PLEDGE = Machine(
    name="pledge",
    tag_prefix="contributions.pledge",
    initial="announced",
    states=(
        State("announced", _l("Announced"), "waiting"),
        State("paid", _l("Paid"), "done"),
        State("returned", _l("Paid back"), "stopped"),
        State("cancelled", _l("Cancelled"), "stopped"),
    ),
    moves=(
        # money that arrives is recorded whatever was decided about the pledge before
        Move("pay", ("announced", "cancelled", "returned"), "paid", SYSTEM, _l("Payment arrived")),
        Move("return", ("paid",), "returned", SYSTEM, _l("Money sent back to the donor")),
        Move("restore", ("returned",), "paid", SYSTEM, _l("The refund came back")),
        Move("cancel", ("announced",), "cancelled", "contribution.agreement", _l("Cancel the pledge"),
             needs_reason=True),
        Move("withdraw", ("announced",), "cancelled", "contribution.own", _l("Withdraw the pledge")),
    ),
)

LIVE = ("created", "checkout")
MONEY_HERE = ("in_suspense", "accepted", "refund_due", "refunded")
_UNPAID = ("created", "checkout", "failed", "expired")

CONTRIBUTION = Machine(
    name="contribution",
    tag_prefix="contributions.contribution",
    initial="created",
    states=(
        State("created", _l("Being prepared"), "waiting"),
        State("checkout", _l("Waiting for the payment"), "waiting"),
        State("failed", _l("Not started"), "stopped"),
        State("expired", _l("Not paid"), "stopped"),
        State("in_suspense", _l("Waiting for acceptance"), "attention"),
        State("accepted", _l("Accepted"), "done", terminal=True),
        State("refund_due", _l("Being paid back"), "attention"),
        State("refunded", _l("Paid back"), "stopped"),
    ),
    moves=(
        Move("open", ("created",), "checkout", SYSTEM, _l("Payment page opened")),
        Move("fail", ("created", "checkout"), "failed", SYSTEM, _l("Payment could not be made")),
        Move("expire", ("checkout",), "expired", SYSTEM, _l("Payment page closed without payment")),
        # a payment that Stripe has taken is always recorded, even when we had given it up
        Move("receive", _UNPAID, "accepted", SYSTEM, _l("Payment received under an agreement")),
        Move("hold", _UNPAID, "in_suspense", SYSTEM, _l("Payment received")),
        Move("accept", ("in_suspense",), "accepted", "contribution.accept", _l("Accept the contribution"),
             needs_reason=True),
        Move("refuse", ("in_suspense",), "refund_due", "contribution.refund", _l("Do not accept: pay it back"),
             needs_reason=True),
        Move("refund", ("refund_due",), "refunded", SYSTEM, _l("Refund confirmed")),
        Move("refund_returned", ("refunded",), "refund_due", SYSTEM, _l("The refund came back")),
    ),
)

REFUND = Machine(
    name="refund",
    tag_prefix="contributions.refund",
    initial="created",
    states=(
        State("created", _l("To be sent"), "waiting"),
        State("pending", _l("On its way"), "waiting"),
        State("succeeded", _l("Paid back"), "done"),
        State("failed", _l("Failed"), "attention", terminal=True),
    ),
    moves=(
        Move("send", ("created",), "pending", SYSTEM, _l("Sent to Stripe")),
        Move("succeed", ("created", "pending"), "succeeded", SYSTEM, _l("Paid back")),
        Move("fail", ("created", "pending", "succeeded"), "failed", SYSTEM, _l("Refund failed")),
    ),
)
