"""What waits for whom of what lies at Stripe."""

from __future__ import annotations

from datetime import timedelta

from flask import url_for
from flask_babel import gettext as _

from accounts.desk import DeskItem, register_source
from core import clock
from core.actor import Actor
from core.web.formats import format_money
from sponsorship.contributions.invoice_queries import failed_invoices
from sponsorship.contributions.stripe_columns import category_word
from sponsorship.gateways import money_queries

SETTLE_WITHIN = timedelta(days=1)
LOOK_AFTER = timedelta(days=2)  # a statement may be a little behind Stripe


def movements(_actor: Actor) -> list[DeskItem]:
    """Movements of Stripe's balance that are not in the books, and payouts that do not contain what they paid out."""
    found = [
        DeskItem(
            title=_("Not in the books: %(what)s at Stripe, %(amount)s", what=category_word(row.category),
                    amount=format_money(row.net)),
            url=url_for("contributions.movement", movement_id=row.id), due=row.created_at + SETTLE_WITHIN,
            what=_("Book it, or explain it"), reference=row.txn_id, tone="attention",
        )
        for row in money_queries.movements_for_a_person()
    ]
    differs = money_queries.payout_figures().differs
    if differs:
        found.append(DeskItem(
            title=_("Payouts that do not contain what they paid out: %(count)s", count=differs),
            url=url_for("contributions.payout_list"), due=None, what=_("Look into them"), tone="attention"))
    return found


def payouts(_actor: Actor) -> list[DeskItem]:
    """Payouts that should stand on the bank's statement by now."""
    return [
        DeskItem(
            title=_("Payout of %(amount)s from Stripe", amount=format_money(row.amount)),
            url=url_for("contributions.payout", payout_id=row.id), due=row.arrives_on + LOOK_AFTER,
            what=_("Find it on the bank’s statement"), reference=row.payout_id,
        )
        for row in money_queries.arrived_unseen(clock.real_now().date())
    ]


def invoices(_actor: Actor) -> list[DeskItem]:
    """Invoices that Stripe would not make."""
    return [
        DeskItem(
            title=_("The invoice of %(amount)s to %(donor)s was not made", amount=format_money(row.amount),
                    donor=row.donor),
            url=url_for("contributions.invoice", invoice_id=row.id), due=row.closed_at,
            what=_("See why, and make it again"), reference=row.reference, tone="attention",
        )
        for row in failed_invoices(clock.today())
    ]


def register() -> None:
    """Called once by app.py."""
    register_source("contribution.reconcile", movements)
    register_source("contribution.deposit", payouts)
    register_source("contribution.invoice", invoices)
