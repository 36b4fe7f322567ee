"""What contributions do by schedule: nothing is lost when a webhook is, or when a process dies between two steps."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from flask_babel import lazy_gettext as _l
from sqlalchemy import or_, select

from core import clock
from core.db import db
from core.jobs import Job
from sponsorship.contributions import invoicing, movements
from sponsorship.contributions.back_models import Refund
from sponsorship.contributions.checkout import ask, send_refund
from sponsorship.contributions.inbox import gateway
from sponsorship.contributions.models import Contribution, Pledge
from sponsorship.contributions.transitions import OPEN
from sponsorship.gateways import movements as gateway_movements

ASK_AFTER = timedelta(minutes=10)
SEND_AFTER = timedelta(minutes=1)


def attempts_due(now: datetime, limit: int) -> list[tuple[uuid.UUID, datetime, str]]:
    """Card payments still open ten minutes after they began and not asked about since, and at once those whose pledge
    has been paid by another way meanwhile. Real time: Stripe's page does not wait for a rehearsal."""
    before = clock.real_at(now) - ASK_AFTER
    overtaken = Pledge.state.not_in(OPEN) | (Pledge.current_minor - Pledge.paid_minor < Contribution.amount_minor)
    unasked = or_(Contribution.checked_at.is_(None), Contribution.checked_at <= before)
    rows = db.session.execute(
        select(Contribution.id, Contribution.opened_at, Contribution.checked_at, Contribution.reference)
        .join(Pledge, Pledge.id == Contribution.pledge_id)
        .where(Contribution.method == "card", Contribution.state.in_(("created", "checkout")), unasked,
               or_(Contribution.opened_at <= before, (Contribution.state == "checkout") & overtaken))
        .order_by(Contribution.opened_at, Contribution.id).limit(limit)
    )
    return sorted(((row.id, (row.checked_at or row.opened_at) + ASK_AFTER, row.reference) for row in rows),
                  key=lambda found: found[1])


def refunds_due(now: datetime, limit: int) -> list[tuple[uuid.UUID, datetime, str]]:
    """Refunds not sent a minute after they were ordered, and those on their way not asked about for ten minutes."""
    real = clock.real_at(now)
    rows = db.session.execute(
        select(Refund.id, Refund.asked_at, Refund.checked_at)
        .join(Contribution, Contribution.id == Refund.contribution_id)
        .where(or_(
            (Refund.state == "created") & (Refund.asked_at <= real - SEND_AFTER)
            & Contribution.stripe_payment_intent_id.is_not(None),
            (Refund.state == "pending")
            & or_(Refund.checked_at.is_(None), Refund.checked_at <= real - ASK_AFTER),
        ))
        .order_by(Refund.asked_at, Refund.id).limit(limit)
    )
    return sorted(((row.id, row.checked_at + ASK_AFTER if row.checked_at else row.asked_at + SEND_AFTER, "refund")
                   for row in rows), key=lambda found: found[1])


JOBS = [
    Job("stripe-sweep", _l("Asks Stripe about payments whose outcome nobody has told us"), 60, attempts_due,
        lambda item, _now: ask(gateway(), item)),
    Job("refund-sweep", _l("Sends refunds that were not sent, and asks about those on their way"), 60, refunds_due,
        lambda item, _now: send_refund(gateway(), item)),
    Job("invoice-sweep", _l("Goes on with invoices that were left half made, closes those paid by another way, asks "
                            "about those that are out"), 60, invoicing.due,
        lambda item, _now: invoicing.perform(gateway(), item)),
    Job("stripe-matching", _l("Finds each movement of Stripe’s balance in the books, or puts it before an officer"), 60,
        gateway_movements.due, lambda item, _now: movements.match(item)),
]
