"""Invoices: their states and moves, as data. What was paid stands in the contribution that each invoice asks for."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from core.machines import SYSTEM, Machine, Move, State

UNPAID = ("ordered", "open", "closing", "void", "elsewhere", "uncollectible", "failed")

INVOICE = Machine(
    name="donor_invoice",
    tag_prefix="contributions.invoice",
    initial="ordered",
    states=(
        State("ordered", _l("Being made"), "waiting"),
        State("open", _l("Waiting for payment"), "waiting"),
        State("closing", _l("Being closed"), "waiting"),
        State("paid", _l("Paid"), "done", terminal=True),
        State("elsewhere", _l("Paid by another way"), "done"),
        State("void", _l("Cancelled"), "stopped"),
        State("uncollectible", _l("Given up"), "stopped"),
        State("failed", _l("Not made"), "stopped"),
    ),
    moves=(
        Move("send", ("ordered",), "open", SYSTEM, _l("Invoice sent")),
        Move("fail", ("ordered",), "failed", SYSTEM, _l("Stripe did not make it")),
        Move("order_close", ("ordered", "open", "uncollectible"), "closing", "contribution.invoice",
             _l("Close the invoice"), needs_reason=True),
        # the pledge was paid by another way, or no longer wants so much
        Move("overtake", ("ordered", "open", "uncollectible"), "closing", SYSTEM, _l("Overtaken by another payment")),
        Move("void", ("ordered", "open", "closing", "uncollectible"), "void", SYSTEM, _l("Cancelled")),
        Move("settle_elsewhere", ("ordered", "open", "closing", "uncollectible"), "elsewhere", SYSTEM,
             _l("Paid by another way")),
        Move("give_up", ("ordered", "open", "closing"), "uncollectible", SYSTEM, _l("Given up")),
        # what Stripe has taken is always recorded, whatever we had ordered meanwhile
        Move("pay", UNPAID, "paid", SYSTEM, _l("Paid")),
    ),
)
