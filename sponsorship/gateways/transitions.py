"""What Stripe told us, what moved in its balance, what it paid out: states and moves, as data."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from core.machines import SYSTEM, Machine, Move, State

STRIPE_EVENT = Machine(
    name="stripe_event",
    tag_prefix="gateways.stripe-event",
    initial="new",
    states=(
        State("new", _l("To be read"), "waiting"),
        State("done", _l("Done"), "done", terminal=True),
        State("ignored", _l("Of no concern"), "neutral", terminal=True),
        State("unmatched", _l("Matches nothing"), "attention"),
        State("failed", _l("Could not be read"), "attention"),
        State("explained", _l("Explained by an officer"), "done", terminal=True),
    ),
    moves=(
        Move("settle", ("new",), "done", SYSTEM, _l("Done")),
        Move("ignore", ("new",), "ignored", SYSTEM, _l("Ignored")),
        Move("set_aside", ("new",), "unmatched", SYSTEM, _l("Set aside for an officer")),
        Move("give_up", ("new",), "failed", SYSTEM, _l("Given up after several tries")),
        Move("retry", ("unmatched", "failed"), "new", "contribution.refund", _l("Read it again")),
        # the operator's replay, from the command line
        Move("reread", ("unmatched", "failed"), "new", SYSTEM, _l("Read again")),
        Move("explain", ("unmatched", "failed"), "explained", "contribution.refund", _l("Explain and close"),
             needs_reason=True),
    ),
)

MOVEMENT = Machine(
    name="stripe_movement",
    tag_prefix="gateways.movement",
    initial="new",
    states=(
        State("new", _l("To be matched"), "waiting"),
        State("matched", _l("In the books"), "done", terminal=True),
        State("unmatched", _l("Not in the books"), "attention"),
        State("booked", _l("Booked by an officer"), "done", terminal=True),
        State("explained", _l("Explained by an officer"), "done", terminal=True),
    ),
    moves=(
        Move("match", ("new", "unmatched"), "matched", SYSTEM, _l("Found in the books")),
        Move("set_aside", ("new",), "unmatched", SYSTEM, _l("Set aside for an officer")),
        Move("book", ("unmatched",), "booked", "contribution.reconcile", _l("Book it to a pool")),
        Move("explain", ("unmatched",), "explained", "contribution.reconcile", _l("Explain and close"),
             needs_reason=True),
    ),
)

PAYOUT = Machine(
    name="stripe_payout",
    tag_prefix="gateways.payout",
    initial="pending",
    states=(
        State("pending", _l("Leaves Stripe"), "waiting"),
        State("in_transit", _l("On its way to the bank"), "waiting"),
        State("paid", _l("Arrived, says Stripe"), "waiting"),
        State("confirmed", _l("At the bank"), "done"),
        State("failed", _l("Came back to Stripe"), "stopped", terminal=True),
        State("cancelled", _l("Cancelled at Stripe"), "stopped", terminal=True),
    ),
    moves=(
        Move("depart", ("pending",), "in_transit", SYSTEM, _l("Left Stripe")),
        Move("arrive", ("pending", "in_transit"), "paid", SYSTEM, _l("Arrived, says Stripe")),
        # the officer's word, from the bank's statement
        Move("confirm", ("pending", "in_transit", "paid"), "confirmed", "contribution.deposit",
             _l("Confirm it from the bank’s statement")),
        # banks send payouts back even days after they had arrived
        Move("fail", ("pending", "in_transit", "paid", "confirmed"), "failed", SYSTEM, _l("Came back to Stripe")),
        Move("cancel", ("pending", "in_transit"), "cancelled", SYSTEM, _l("Cancelled at Stripe")),
    ),
)
