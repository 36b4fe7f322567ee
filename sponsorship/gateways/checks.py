"""What must always hold of what Stripe told us. Nothing here asks Stripe."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import case, func, select

from core import clock
from core.db import db
from core.verify import check
from sponsorship.gateways.models import StripeEvent
from sponsorship.gateways.money_models import StripeMovement, StripePayout
from sponsorship.ledger.chart import account_id
from sponsorship.ledger.models import Leg

UNREAD_TOO_LONG = timedelta(hours=1)
RECONCILE_WITHIN = timedelta(days=5)  # Stripe tells what a payout contains when it arrives


@check("gateways.stripe-inbox")
def inbox_is_read() -> tuple[int, list[str]]:
    """The inbox is empty or explained: no event is left unread for an hour, none waits for a person's word."""
    checked = db.session.scalar(select(func.count()).select_from(StripeEvent)) or 0
    late = db.session.scalars(
        select(StripeEvent.id)
        .where(StripeEvent.state == "new", StripeEvent.attempts == 0,
               StripeEvent.received_at < clock.real_now() - UNREAD_TOO_LONG)
    ).all()
    waiting = db.session.execute(
        select(StripeEvent.id, StripeEvent.note).where(StripeEvent.state.in_(("unmatched", "failed")))
        .order_by(StripeEvent.received_at, StripeEvent.id)
    ).all()
    return checked, [f"Stripe event {row_id} has not been read" for row_id in late] + [
        f"Stripe event {row_id} ({note}) waits for a person" for row_id, note in waiting]


@check("gateways.payouts")
def payouts_are_reconciled() -> tuple[int, list[str]]:
    """Every payout took its amount from Stripe's account in the books, and gave it back where it failed; every
    automatic one contains, to the cent, what it paid out, and says so within five days."""
    faults: list[str] = []
    clearing = account_id("stripe_clearing")
    net = func.coalesce(func.sum(case((Leg.side == "D", Leg.usd_minor), else_=-Leg.usd_minor)), 0)

    def moved(entry: Any) -> Any:
        return select(net).where(Leg.entry_id == entry, Leg.account_id == clearing).scalar_subquery()

    inside = (
        select(func.coalesce(func.sum(StripeMovement.net_minor), 0))
        .where(StripeMovement.payout_id == StripePayout.id, StripeMovement.txn_id.is_distinct_from(StripePayout.txn_id),
               StripeMovement.source_id.is_distinct_from(StripePayout.payout_id), StripeMovement.currency == "USD")
        .scalar_subquery()
    )
    rows = db.session.execute(
        select(StripePayout, moved(StripePayout.entry_id), moved(StripePayout.back_entry_id), inside)).all()
    for row, out, back, contained in rows:
        if out != -row.amount_minor or (row.back_entry_id is not None and back != row.amount_minor):
            faults.append(f"payout {row.payout_id} and the ledger do not agree")
        if row.reconciled_at is not None and row.contained_minor != contained:
            faults.append(f"payout {row.payout_id} does not contain the movements it was said to")
        elif row.reconciled_at is not None and contained != row.amount_minor:
            faults.append(f"payout {row.payout_id} contains {contained} cents and paid {row.amount_minor}")
        elif row.automatic and row.reconciled_at is None and row.created_at < clock.real_now() - RECONCILE_WITHIN:
            faults.append(f"payout {row.payout_id} does not say what it contains")
    return len(rows), faults
