"""Refunds in the books: a row and a key of ours first, money set aside, then what was paid. For the commands beside."""

from __future__ import annotations

import uuid

from sqlalchemy import select

from core import clock, events
from core.actor import Actor, system
from core.db import db, lock, new_id
from core.errors import NotFound
from core.money import Money
from sponsorship.contributions.back_models import Refund
from sponsorship.contributions.going_back import Share, went_back
from sponsorship.contributions.models import Contribution, Pledge
from sponsorship.contributions.money_in import SUBJECT, locked
from sponsorship.contributions.pools import general_pool_id
from sponsorship.ledger import service as ledger

REFUNDS = system("refunds")


def as_system(actor: Actor) -> Actor:
    """What follows by itself is the system's doing, whoever set it off."""
    return actor if actor.kind == "system" else REFUNDS


def locked_refund(refund_id: uuid.UUID, expected_version: int | None = None) -> tuple[Pledge, Contribution, Refund]:
    """Pledge, contribution and refund, locked in the order everyone keeps. Raises NotFound, Stale."""
    contribution_id = db.session.scalar(select(Refund.contribution_id).where(Refund.id == refund_id))
    if contribution_id is None:
        raise NotFound()
    pledge, row = locked(contribution_id)
    return pledge, row, lock(Refund, refund_id, expected_version)


def new_refund(
    row: Contribution, kind: str, share: Share, code: str, actor: Actor, words: str = "", *, state: str = "requested",
    stripe_id: str | None = None,
) -> Refund:
    """Our row and its key, before anybody outside is asked."""
    refund_id = new_id()
    refund = Refund(
        id=refund_id, contribution_id=row.id, kind=kind, state=state, currency=share.amount.currency,
        amount_minor=share.amount.minor, usd_minor=max(share.usd_minor, 1), settles_minor=share.settles_minor,
        reason=code, idempotency_key=f"refund-{refund_id}", stripe_refund_id=stripe_id, requested_by=actor.person_id,
        created_at=clock.now(), asked_at=clock.real_now(),
    )
    db.session.add(refund)
    db.session.flush()  # the event names the row
    events.record(actor, "contributions.refund.order", "refund", refund.id, to_state=refund.state, reason=code,
                  text=words.strip() or None,
                  data={"contribution": str(row.id), "kind": kind, "amount_minor": refund.amount_minor,
                        "currency": refund.currency, "usd_minor": refund.usd_minor})
    return refund


def share(refund: Refund) -> Share:
    """The part of the payment that a refund is."""
    return Share(Money(refund.amount_minor, refund.currency), refund.usd_minor, refund.settles_minor)


def hold(row: Contribution, refund: Refund, actor: Actor) -> None:
    """Set the money aside. Repeating it (also for a refund older than this rule) changes nothing."""
    assert row.fee_minor is not None
    ledger.hold_refund(refund.usd_minor, source=(SUBJECT, row.id), fee_minor=row.fee_minor,
                       bearer_pool_id=general_pool_id(), key=hold_key(refund), actor=actor)


def hold_key(refund: Refund) -> str:
    """Under which the ledger knows that its money is set aside."""
    return f"refund:{refund.id}:hold"


def paid(pledge: Pledge, row: Contribution, refund: Refund, cost_minor: int, clearing: str, actor: Actor) -> None:
    """The money has left `clearing`: books, states and papers follow."""
    assert row.fee_minor is not None
    refund.settled_minor, refund.succeeded_at = cost_minor, clock.now()
    source = (SUBJECT, row.id)
    if refund.kind == "external":
        ledger.take_back(cost_minor, source=source, clearing=clearing, kind="takeback.refund", actor=actor,
                         bearer_pool_id=general_pool_id(), key=f"refund:{refund.id}:takeback")
    else:
        hold(row, refund, actor)
        ledger.pay_refund(hold_key(refund), cost_minor, source=source, clearing=clearing, fee_minor=row.fee_minor,
                          bearer_pool_id=general_pool_id(), key=f"refund:{refund.id}:paid", actor=actor)
    went_back(pledge, row, share(refund), as_system(actor), cause=("refund", refund.id))
