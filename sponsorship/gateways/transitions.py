"""An event that Stripe sent: its states and moves, as data."""

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
        Move("explain", ("unmatched", "failed"), "explained", "contribution.refund", _l("Explain and close"),
             needs_reason=True),
    ),
)
