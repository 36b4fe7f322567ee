"""Conversations with Stripe: a command, the call with no transaction open, a command. Nothing here writes itself.

A process may die between any two steps. What is left behind is found by the sweep: an attempt that never opened is
given up (nobody was given its address), an open one is asked about, a refund not sent is sent under its key.
"""

from __future__ import annotations

import uuid

from flask_babel import gettext as _
from sqlalchemy import select

from core import clock
from core.actor import Actor
from core.db import db, reading
from core.errors import IllegalMove, RuleBroken
from sponsorship.contributions import payments, refund_settling
from sponsorship.contributions.models import Contribution
from sponsorship.gateways import inbox
from sponsorship.gateways.stripe_gateway import CheckoutRequest, GatewayError, StripeGateway

NO_PAYMENT_PAGE = "contribution.no_payment_page"


def begin_checkout(
    gateway: StripeGateway, pledge_id: uuid.UUID, actor: Actor, *, token: str | None, success_url: str,
    cancel_url: str, amount_minor: int | None = None,
) -> str:
    """The address of Stripe's payment page for a pledge: `amount_minor` of its currency, else what is due next. Raises
    NotFound, RuleBroken (also when Stripe cannot be reached: nothing has been charged, and trying again is safe)."""
    attempt = payments.start_payment(pledge_id, actor, token, amount_minor)
    if attempt.to_check:
        ask(gateway, attempt.contribution_id)
        attempt = payments.start_payment(pledge_id, actor, token, amount_minor)
    if attempt.url is not None:
        return attempt.url
    if attempt.to_check:
        raise RuleBroken(_("The payment page is just closing. Please try again in a minute."),
                         code="contribution.closing")
    wanted = CheckoutRequest(
        key=attempt.key, contribution_id=str(attempt.contribution_id), reference=attempt.reference,
        amount=attempt.amount, description=_("Contribution %(reference)s", reference=attempt.reference),
        success_url=success_url, cancel_url=cancel_url, expires_at=attempt.expires_at,
    )
    try:
        facts = gateway.create_checkout(wanted)
        return payments.checkout_opened(attempt.contribution_id, facts)
    except GatewayError as error:
        # a page that nobody was sent to cannot be paid: give the attempt up, the next has a key of its own
        payments.checkout_failed(attempt.contribution_id, error.code)
        raise _unreachable() from error
    except IllegalMove as error:
        raise _unreachable() from error


def _unreachable() -> RuleBroken:
    return RuleBroken(_("The payment page could not be opened. Nothing has been charged; please try again in a few "
                        "minutes."), code=NO_PAYMENT_PAGE)


def ask(gateway: StripeGateway, contribution_id: uuid.UUID) -> str:
    """Ask Stripe what became of an attempt, and apply the answer. Raises GatewayError when it cannot be asked."""
    with reading():
        found = db.session.execute(
            select(Contribution.state, Contribution.stripe_session_id, Contribution.expires_at)
            .where(Contribution.id == contribution_id)
        ).one_or_none()
        db.session.rollback()
    if found is None or found.state not in ("created", "checkout"):
        return "settled"
    if found.stripe_session_id is None:
        payments.checkout_failed(contribution_id, "interrupted")
        return "given up"
    try:
        facts = gateway.fetch_session(found.stripe_session_id)
    except GatewayError as error:
        if error.code != "resource_missing" or (found.expires_at or clock.real_now()) > clock.real_now():
            raise
        # another account or another simulator's file: what Stripe does not know, nobody can have paid there
        payments.checkout_failed(contribution_id, "session_unknown")
        return "given up"
    settled = payments.settle_session(facts, payments.SWEEP, gateway.livemode)
    if settled.problem:
        inbox.set_aside("checkout.session.completed", facts.session_id, facts.livemode, settled.problem)
        payments.note_checked(contribution_id)
        return settled.problem
    return settled.word


def send_refund(gateway: StripeGateway, refund_id: uuid.UUID) -> str:
    """Send a refund, or ask about one that is on its way, and apply the answer. The key makes repeating it safe.
    Raises GatewayError when the outcome is unknown: the sweep tries again."""
    with reading():
        todo = refund_settling.order(refund_id)
        db.session.rollback()
    if todo is None:
        return "settled"
    if isinstance(todo, str):
        facts = gateway.fetch_refund(todo)
    else:
        try:
            found = gateway.find_refund(todo.payment_intent_id, todo.key) if todo.stale else None
            facts = found or gateway.create_refund(
                todo.payment_intent_id, todo.amount, key=todo.key, reference=todo.reference
            )
        except GatewayError as error:
            if not error.refused:
                raise
            refund_settling.refund_refused(refund_id, error.code)
            return "refused"
    news = refund_settling.settle_refund(facts, refund_settling.REFUNDS)
    if news.problem:
        inbox.set_aside("refund.updated", facts.refund_id, gateway.livemode, news.problem)
    return news.problem or ("not booked" if news.waiting else facts.status)
