"""Commands on money going back: refused by a person, sent under a key of ours, settled by what Stripe says."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from accounts.permissions import require
from core import clock, events
from core.actor import Actor, system
from core.db import command, db, lock, new_id
from core.errors import IllegalMove, NotFound, RuleBroken
from core.money import Money
from sponsorship.contributions import notices
from sponsorship.contributions.models import Contribution, Pledge, Refund
from sponsorship.contributions.payments import KEY_LIFE
from sponsorship.contributions.transitions import CONTRIBUTION, PLEDGE, REFUND
from sponsorship.gateways.stripe_gateway import RefundFacts
from sponsorship.ledger import service as ledger

REFUNDS = system("refunds")
REFUSALS = {
    "due_diligence": _l("The check of the donor did not allow it"),
    "purpose": _l("Its purpose is not the fund's"),
    "donor_asked": _l("The donor asked for it back"),
    "paid_twice": _l("It was paid twice"),
    "other": _l("Another reason"),
}


@dataclass(frozen=True)
class RefundOrder:
    """What Stripe is asked to pay back, once, under `key`. `stale`: ordered so long ago that Stripe may have forgotten
    the key, so the refund is looked for before it is sent."""

    refund_id: uuid.UUID
    payment_intent_id: str
    amount: Money
    key: str
    reference: str
    stale: bool = False


@command
def refuse(
    contribution_id: uuid.UUID, actor: Actor, code: str, words: str, expected_version: int | None = None
) -> uuid.UUID:
    """A contribution in suspense is not accepted: it goes back in full. Stores the refund and its key; Stripe is
    asked afterwards. Returns the refund's id. Raises NotAllowed, NotFound, IllegalMove, Stale, RuleBroken."""
    require(actor, "contribution.refund")
    pledge, row = _locked(contribution_id)
    if code not in REFUSALS:
        raise RuleBroken(_("Choose a reason."), code="contribution.no_reason", field="reason")
    row.refusal_code = code
    CONTRIBUTION.apply(row, "refuse", actor, expected_version=expected_version, reason=code, text=words or None)
    refund = _new_refund(row, actor)
    notices.refund_begun(pledge, row)
    return refund.id


@command
def send_again(contribution_id: uuid.UUID, actor: Actor) -> uuid.UUID:
    """After a refund failed: a new one, under a new key. Raises NotAllowed, NotFound, IllegalMove."""
    require(actor, "contribution.refund")
    _pledge, row = _locked(contribution_id)
    alive = db.session.scalar(
        select(Refund.id).where(Refund.contribution_id == row.id, Refund.state != "failed")
    )
    if row.state != "refund_due" or alive is not None:
        raise IllegalMove(code="contribution.refund_again")
    return _new_refund(row, actor).id


def _new_refund(row: Contribution, actor: Actor) -> Refund:
    assert row.gross_minor is not None
    refund_id = new_id()
    refund = Refund(
        id=refund_id, contribution_id=row.id, currency=row.currency, amount_minor=row.gross_minor,
        idempotency_key=f"refund-{refund_id}", created_at=clock.now(), asked_at=clock.real_now(),
    )
    db.session.add(refund)
    db.session.flush()  # the event names the row
    events.record(actor, "contributions.refund.order", "refund", refund.id, to_state=refund.state,
                  data={"contribution": str(row.id), "amount_minor": refund.amount_minor})
    return refund


def _locked(contribution_id: uuid.UUID) -> tuple[Pledge, Contribution]:
    pledge_id = db.session.scalar(select(Contribution.pledge_id).where(Contribution.id == contribution_id))
    if pledge_id is None:
        raise NotFound()
    return lock(Pledge, pledge_id), lock(Contribution, contribution_id)


def order(refund_id: uuid.UUID) -> RefundOrder | str | None:
    """What is to be done about a refund: an order to send, the id to ask Stripe about, or nothing. Reads only."""
    found = db.session.execute(
        select(Refund, Contribution).join(Contribution, Contribution.id == Refund.contribution_id)
        .where(Refund.id == refund_id)
    ).one_or_none()
    if found is None:
        return None
    refund, row = found
    if refund.state == "pending":
        return str(refund.stripe_refund_id)
    if refund.state != "created" or row.stripe_payment_intent_id is None:
        return None
    return RefundOrder(refund.id, row.stripe_payment_intent_id, Money(refund.amount_minor, refund.currency),
                       refund.idempotency_key, row.reference, refund.asked_at <= clock.real_now() - KEY_LIFE)


@command
def settle_refund(facts: RefundFacts, actor: Actor) -> str:
    """Apply what Stripe says of a refund; safe to repeat, in any order. Returns '' or the code of a problem (then
    nothing was written)."""
    found = db.session.execute(
        select(Refund.id, Refund.contribution_id).where(Refund.stripe_refund_id == facts.refund_id)
    ).one_or_none() or db.session.execute(
        select(Refund.id, Refund.contribution_id)
        .where(Refund.idempotency_key == facts.metadata.get("placard_refund", ""))
    ).one_or_none()
    if found is None:
        return "unknown_refund"
    pledge, row = _locked(found.contribution_id)
    refund = lock(Refund, found.id)
    if refund.stripe_refund_id not in (None, facts.refund_id):
        return "another_refund"
    if facts.amount != Money(refund.amount_minor, refund.currency):
        return "amount_differs"
    refund.checked_at = clock.real_now()
    refund.stripe_refund_id = facts.refund_id
    if facts.status == "succeeded":
        _succeeded(pledge, row, refund, actor)
    elif facts.status in ("failed", "canceled"):
        _failed(pledge, row, refund, actor, facts.status)
    elif refund.state == "created":
        REFUND.apply(refund, "send", actor, data={"refund": facts.refund_id})
    return ""


@command
def refund_refused(refund_id: uuid.UUID, code: str) -> None:
    """Stripe answered the order itself with a definite no: a person decides what next. Raises NotFound."""
    contribution_id = db.session.scalar(select(Refund.contribution_id).where(Refund.id == refund_id))
    if contribution_id is None:
        raise NotFound()
    pledge, row = _locked(contribution_id)
    refund = lock(Refund, refund_id)
    if refund.state == "created":
        _failed(pledge, row, refund, REFUNDS, code)


def _succeeded(pledge: Pledge, row: Contribution, refund: Refund, actor: Actor) -> None:
    if not REFUND.find(refund.state, "succeed"):
        return
    REFUND.apply(refund, "succeed", actor, data={"refund": refund.stripe_refund_id})
    ledger.refund_from_suspense(
        source=_held_as(row), key=f"stripe:{refund.stripe_refund_id}:refund", actor=actor,
    )
    CONTRIBUTION.apply(row, "refund", actor, data={"refund": str(refund.id)})
    others = db.session.scalar(
        select(Contribution.id).where(
            Contribution.pledge_id == pledge.id, Contribution.id != row.id,
            Contribution.state.in_(("in_suspense", "accepted")))
    )
    if others is None and PLEDGE.find(pledge.state, "return"):
        PLEDGE.apply(pledge, "return", actor, data={"contribution": str(row.id)})


def _failed(pledge: Pledge, row: Contribution, refund: Refund, actor: Actor, code: str) -> None:
    if not REFUND.find(refund.state, "fail"):
        return
    came_back = refund.state == "succeeded"
    refund.failure_code = code[:60]
    if came_back:
        # Stripe said succeeded, and later failed: the money is here again, and stands in suspense again
        refund.returned_at = clock.now()
    REFUND.apply(refund, "fail", actor, reason=code[:60])
    if came_back:
        ledger.receive_in_suspense(
            refund.amount_minor, fee_minor=0, clearing="stripe_clearing", source=("refund", refund.id),
            key=f"stripe:{refund.stripe_refund_id}:refund-returned", actor=actor,
        )
        CONTRIBUTION.apply(row, "refund_returned", actor, data={"refund": str(refund.id)})
        if PLEDGE.find(pledge.state, "restore"):
            PLEDGE.apply(pledge, "restore", actor, data={"contribution": str(row.id)})
    notices.refund_failed(row, refund)


def _held_as(row: Contribution) -> tuple[str, uuid.UUID]:
    """Under which name the ledger holds this money: its own, or that of the refund that brought it back last."""
    back = db.session.scalar(
        select(Refund.id).where(Refund.contribution_id == row.id, Refund.returned_at.is_not(None))
        .order_by(Refund.returned_at.desc(), Refund.id.desc()).limit(1)
    )
    return ("refund", back) if back is not None else ("contribution", row.id)
