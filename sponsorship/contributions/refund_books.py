"""Refunds in the books: a row and a key of ours first, money set aside, then what was paid. For the commands beside."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from flask_babel import gettext as _
from sqlalchemy import select

from core import clock, events
from core.actor import Actor, system
from core.db import db, lock, new_id
from core.errors import NotFound, RuleBroken
from core.money import Money, usd
from core.web.formats import format_money
from sponsorship.contributions.back_models import Refund
from sponsorship.contributions.going_back import SUBJECT, Share, follow
from sponsorship.contributions.models import Contribution, Pledge
from sponsorship.contributions.money_in import locked
from sponsorship.contributions.pools import general_pool_id
from sponsorship.ledger import service as ledger
from sponsorship.ledger.queries import lots_of, pool_figures

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
        amount_minor=share.amount.minor, usd_minor=share.usd_minor, reason=code,
        idempotency_key=f"refund-{refund_id}", stripe_refund_id=stripe_id, requested_by=actor.person_id,
        created_at=clock.now(), asked_at=clock.real_now(),
    )
    db.session.add(refund)
    db.session.flush()  # the event names the row
    events.record(actor, "contributions.refund.order", "refund", refund.id, to_state=refund.state, reason=code,
                  text=words.strip() or None,
                  data={"contribution": str(row.id), "kind": kind, "amount_minor": refund.amount_minor,
                        "currency": refund.currency, "usd_minor": refund.usd_minor})
    return refund


# --- what a refund does to the books ----------------------------------------------------------------------------
@dataclass(frozen=True)
class Effect:
    """What sending a part of accepted money back would do to the books now, in US dollars: `own` out of the free money
    of the contribution itself, `fee` of its payment then borne by the money without an earmark. `free` is what of the
    contribution is not promised or spent, `spare` what is free to bear a fee, `most` what can go back in all. `used`
    when any of the contribution is promised or spent: then its fee does not go back."""

    wanted: Money
    own: Money
    fee: Money
    free: Money
    spare: Money
    most: Money
    used: bool

    @property
    def possible(self) -> bool:
        return self.wanted <= self.most


def effect(row: Contribution, usd_minor: int) -> Effect:
    """Reads only; the ledger decides (`hold`)."""
    lots = lots_of(SUBJECT, [row.id])
    bearer = general_pool_id()
    free = sum(lot.free for lot in lots)
    spare = sum(figures.available for figures in pool_figures() if figures.pool_id == bearer)
    if lots and lots[0].pool_id == bearer:
        spare -= free
    used = not lots or any(lot.reserved or lot.spent for lot in lots)
    bears = 0 if used else min(row.fee_minor or 0, max(spare, 0))
    own = min(usd_minor, free)
    return Effect(usd(usd_minor), usd(own), usd(usd_minor - own), usd(free), usd(max(spare, 0)), usd(free + bears),
                  used)


def not_free(row: Contribution, left: Share, found: Effect) -> RuleBroken:
    """Why so much cannot go back now, and how much can."""
    most = found.most.minor * left.amount.minor // left.usd_minor if left.usd_minor else 0
    fee = usd(row.fee_minor or 0)
    words = {"most": format_money(Money(min(most, left.amount.minor), left.amount.currency)),
             "free": format_money(found.free), "spare": format_money(found.spare), "fee": format_money(fee)}
    if not found.used and found.wanted <= found.free + fee:
        message = _("The fee of %(fee)s that the payment cost would be borne by the money without an earmark, of which "
                    "%(spare)s is free. Up to %(most)s can go back now.", **words)
    else:
        message = _("Only %(free)s of this contribution is free: the rest is promised to journeys, or spent. Up to "
                    "%(most)s can go back now.", **words)
    return RuleBroken(message, code="refund.not_free", field="amount")


def hold(row: Contribution, refund: Refund, actor: Actor) -> None:
    """Set the money aside. Repeating it (also for a refund older than this rule) changes nothing. Raises
    NotEnoughMoney."""
    assert row.fee_minor is not None
    ledger.hold_refund(refund.usd_minor, source=(SUBJECT, row.id), fee_minor=row.fee_minor,
                       bearer_pool_id=general_pool_id(), key=hold_key(refund), actor=actor)


def hold_key(refund: Refund) -> str:
    """Under which the ledger knows that its money is set aside."""
    return f"refund:{refund.id}:hold"


def paid(pledge: Pledge, row: Contribution, refund: Refund, cost_minor: int, clearing: str, actor: Actor) -> None:
    """The money has left `clearing`: books, states and papers follow."""
    source = (SUBJECT, row.id)
    if refund.kind == "external":
        refund.usd_minor = max(cost_minor, 1)
        if cost_minor:
            ledger.take_back(cost_minor, source=source, clearing=clearing, kind="takeback.refund", actor=actor,
                             bearer_pool_id=general_pool_id(), key=f"refund:{refund.id}:takeback")
    else:
        hold(row, refund, actor)
        ledger.pay_refund(hold_key(refund), cost_minor, source=source, clearing=clearing,
                          bearer_pool_id=general_pool_id(), key=f"refund:{refund.id}:paid", actor=actor)
    refund.settled_minor, refund.succeeded_at = cost_minor, clock.now()
    follow(pledge, row, as_system(actor), ("refund", refund.id))
