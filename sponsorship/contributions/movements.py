"""Finds each movement of Stripe's balance in our books, by what is behind it: a payment, a refund, a dispute, a payout.

A movement is in the books when the entries made for that very fact moved Stripe's account there by the same net, to
the cent, with the same fee. Each entry answers to one movement only.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from flask_babel import gettext as _
from sqlalchemy import case, func, select

from accounts.permissions import require
from core.actor import Actor
from core.db import command, db, get, lock, reading
from core.errors import IllegalMove, NotFound, RuleBroken
from core.web.formats import format_money
from sponsorship.contributions.back_models import Dispute, Refund
from sponsorship.contributions.models import Contribution, Pledge
from sponsorship.contributions.payments import differs, live_payment, new_contribution, record_payment
from sponsorship.gateways import movements
from sponsorship.gateways.money_models import MovementEntry, StripeMovement, StripePayout
from sponsorship.gateways.movements import Booked
from sponsorship.gateways.stripe_gateway import GatewayError, StripeGateway
from sponsorship.gateways.stripe_money_facts import PaymentFacts
from sponsorship.gateways.transitions import MOVEMENT
from sponsorship.ledger.chart import account_id
from sponsorship.ledger.models import Entry, Leg

NOT_BOOKED, DIFFERS, OTHER_CURRENCY = "movement_unknown", "movement_differs", "movement_other_currency"


@dataclass(frozen=True)
class _Fact:
    """What is behind a movement, as far as we know it: the keys under which the books would have it, its fee, and
    whether it is under way, so that the books may still come."""

    keys: tuple[str, ...] = ()
    fee_minor: int = 0
    under_way: bool = False
    over: bool = False


def _payment(row: StripeMovement) -> _Fact | None:
    found = db.session.scalars(select(Contribution).where(Contribution.stripe_charge_id == row.source_id)).first()
    if found is None:
        return None
    return _Fact((f"stripe:{found.stripe_payment_intent_id}:payment",), found.fee_minor or 0,
                 under_way=found.received_at is None)


def _refund(row: StripeMovement) -> _Fact | None:
    found = db.session.scalars(select(Refund).where(Refund.stripe_refund_id == row.source_id)).first()
    if found is None:
        return None
    # the last key is the first release's own; what it had paid is booked anew beside it (migration 0003)
    steps, first = (("restated", "paid", "takeback"), "refund") if row.net_minor < 0 else (
        ("came-back", "back"), "refund-returned")
    keys = (*(f"refund:{found.id}:{step}" for step in steps), f"stripe:{row.source_id}:{first}")
    return _Fact(keys, under_way=found.state in ("created", "pending"), over=found.state == "failed")


def _dispute(row: StripeMovement) -> _Fact | None:
    found = db.session.scalars(select(Dispute).where(Dispute.stripe_dispute_id == row.source_id)).first()
    if found is None:
        return None
    steps = ("taken", "fee") if row.net_minor < 0 else ("reinstated", "fee-returned")
    # what came back of a fee is said as a fee below zero
    return _Fact(tuple(f"dispute:{found.id}:{step}" for step in steps), fee_minor=row.fee_minor if row.net_minor > 0
                 else found.fee_minor or 0)


def _payout(row: StripeMovement) -> _Fact | None:
    found = db.session.scalars(select(StripePayout).where(StripePayout.payout_id == row.source_id)).first()
    if found is None:
        return None
    out = (row.net_minor < 0) == (found.amount_minor > 0)
    return _Fact((f"payout:{found.payout_id}" if out else f"payout:{found.payout_id}:back",))


_BEHIND: tuple[Callable[[StripeMovement], _Fact | None], ...] = (_payment, _refund, _dispute, _payout)


@command
def match(movement_id: uuid.UUID) -> str:
    """Look for a movement in the books; a word: matched, waits, or the code of what a person must look at. Raises
    NotFound."""
    row = lock(StripeMovement, movement_id)
    if row.state not in ("new", "unmatched"):
        return "settled"
    if row.currency != "USD":
        return movements.waits_still(row, OTHER_CURRENCY, patient=False)
    fact = _behind(row)
    if fact is None:
        return movements.waits_still(row, NOT_BOOKED, patient=False)
    known = _booked(fact.keys)
    if not known.entry_ids:
        if fact.over and _cancel_out(row):
            return "matched"
        return movements.waits_still(row, NOT_BOOKED, patient=fact.under_way)
    if known.net_minor != row.net_minor or fact.fee_minor != row.fee_minor:
        return movements.waits_still(row, DIFFERS, patient=False)
    movements.matched(row, known.entry_ids)
    return "matched"


def _behind(row: StripeMovement) -> _Fact | None:
    if row.source_id is None:
        return None
    return next((found for look in _BEHIND if (found := look(row)) is not None), None)


def _booked(keys: tuple[str, ...]) -> Booked:
    """What stands under these keys and answers to no other movement."""
    taken = select(MovementEntry.entry_id).where(MovementEntry.entry_id == Entry.id).exists()
    rows = db.session.execute(
        select(Entry.id, func.sum(case((Leg.side == "D", Leg.usd_minor), else_=-Leg.usd_minor)))
        .join(Leg, Leg.entry_id == Entry.id)
        .where(Entry.key.in_(keys), Leg.account_id == account_id("stripe_clearing"), ~taken).group_by(Entry.id)
    ).all()
    return Booked(tuple(entry_id for entry_id, _net in rows), sum(int(net) for _entry_id, net in rows))


def _cancel_out(row: StripeMovement) -> bool:
    """Taken and given back before our books had anything to say (a refund that failed while it was on its way): all
    movements of the same thing add up to nothing, and none has an entry. They are settled together."""
    rows = db.session.scalars(
        select(StripeMovement).where(StripeMovement.source_id == row.source_id).order_by(StripeMovement.id)
        .with_for_update().execution_options(populate_existing=True)).all()
    if len(rows) < 2 or sum(one.net_minor for one in rows) != 0 or any(
            one.state not in ("new", "unmatched") for one in rows):
        return False
    for one in rows:
        movements.matched(one, ())
    return True


def said_of(movement_id: uuid.UUID) -> Booked:
    """What the books say already of a movement that does not agree with them. Raises NotFound."""
    fact = _behind(get(StripeMovement, movement_id))
    return _booked(fact.keys) if fact is not None else Booked()


# --- what an officer does about it ------------------------------------------------------------------------------
@command
def book(movement_id: uuid.UUID, pool_id: uuid.UUID, actor: Actor, expected_version: int | None = None) -> None:
    """Book to a pool what the books do not say yet of a movement. Raises what gateways.movements.book does."""
    lock(StripeMovement, movement_id)
    movements.book(movement_id, pool_id, actor, expected_version, said_of(movement_id))


@command
def explain(movement_id: uuid.UUID, actor: Actor, words: str, expected_version: int | None = None) -> None:
    """Close a movement in words. Raises what gateways.movements.explain does."""
    lock(StripeMovement, movement_id)
    movements.explain(movement_id, actor, words, expected_version, said_of(movement_id))


# --- a payment that no rule could record ------------------------------------------------------------------------
def record_for_pledge(
    gateway: StripeGateway, movement_id: uuid.UUID, reference: str, actor: Actor, expected_version: int | None = None
) -> uuid.UUID:
    """An officer says for which pledge a payment at Stripe was made that nothing here had asked for; the contribution.
    Raises NotAllowed, NotFound, IllegalMove, Stale, RuleBroken (also when Stripe cannot be asked)."""
    with reading():
        require(actor, "contribution.deposit")
        charge_id = db.session.scalar(select(StripeMovement.source_id).where(StripeMovement.id == movement_id))
        db.session.rollback()
    if charge_id is None:
        raise NotFound()
    try:
        payment = gateway.fetch_charge(charge_id)
    except GatewayError as error:
        raise RuleBroken(_("Stripe could not be asked about this payment. Please try again in a few minutes."),
                         code="movement.not_asked", field="pledge") from error
    return _record_for_pledge(movement_id, reference, payment, actor, expected_version)


@command
def _record_for_pledge(
    movement_id: uuid.UUID, reference: str, payment: PaymentFacts, actor: Actor, expected_version: int | None
) -> uuid.UUID:
    require(actor, "contribution.deposit")
    pledge_id = db.session.scalar(select(Pledge.id).where(Pledge.reference == reference.strip().upper()))
    if pledge_id is None:
        raise RuleBroken(_("There is no pledge of this reference. It stands on the pledge’s page and begins with PLG."),
                         code="movement.no_pledge", field="pledge")
    pledge = lock(Pledge, pledge_id)
    row = lock(StripeMovement, movement_id, expected_version)
    if row.state != "unmatched" or row.type not in movements.PAYMENTS:
        raise IllegalMove(code=f"{MOVEMENT.name}.record.from.{row.state}")
    if not payment.payment_intent_id or payment.charge_id != row.source_id:
        raise RuleBroken(_("Stripe says something else about this payment than it listed. Please ask the operator."),
                         code="movement.foreign", field="pledge")
    if payment.amount.currency != pledge.currency:
        raise RuleBroken(
            _("The payment is of %(amount)s and the pledge in %(currency)s. Have the donor pledge in the currency that "
              "was paid, or send the payment back.", amount=format_money(payment.amount), currency=pledge.currency),
            code="movement.currency", field="pledge")
    method = "card" if payment.by_card else "transfer"
    if live_payment(pledge, method) is not None:
        raise RuleBroken(_("Another payment of this pledge is under way. Try again when it has ended."),
                         code="pledge.payment_open", field="pledge")
    made = new_contribution(pledge, payment.amount, actor, method=method, confirmed_by=actor.person_id)
    problem = differs(made, payment)
    if problem or payment.net is None or payment.net.minor != row.net_minor:
        raise RuleBroken(_("Amount, fee and net of this payment do not agree with what Stripe listed, or it belongs to "
                           "another contribution already."), code=f"movement.{problem or 'differs'}", field="pledge")
    record_payment(pledge, made, payment, actor, moves=("confirm", "confirm_held"))
    match(movement_id)
    return made.id
