"""Conversations with Stripe: a command, the call with no transaction open, a command. Nothing here writes itself.

A process may die between any two steps. What is left behind is found by the sweep: an attempt that never opened is
given up (nobody was given its address), an open one is asked about, a refund not sent is sent under its key.
"""

from __future__ import annotations

import uuid
from contextlib import suppress

from flask_babel import gettext as _
from sqlalchemy import select

from accounts.service import in_language
from core import clock
from core.actor import Actor
from core.db import db, reading
from core.errors import IllegalMove, RuleBroken
from core.web.formats import format_money
from sponsorship.contributions import payments, refund_settling
from sponsorship.contributions.models import Contribution, Pledge
from sponsorship.contributions.transitions import OPEN
from sponsorship.gateways import inbox
from sponsorship.gateways.stripe_facts import SessionFacts
from sponsorship.gateways.stripe_gateway import CheckoutRequest, GatewayError, StripeGateway

NO_PAYMENT_PAGE = "contribution.no_payment_page"


def begin_checkout(
    gateway: StripeGateway, pledge_id: uuid.UUID, actor: Actor, *, token: str | None, success_url: str,
    cancel_url: str, amount_minor: int | None = None,
) -> str:
    """The address of Stripe's payment page for a pledge: `amount_minor` of its currency, else what is due next. Raises
    NotFound, RuleBroken (also when Stripe cannot be reached: nothing has been charged, and trying again is safe)."""
    attempt = payments.start_payment(pledge_id, actor, token, amount_minor)
    if attempt.to_close:
        close_page(gateway, attempt.contribution_id)
        attempt = payments.start_payment(pledge_id, actor, token, amount_minor)
    if attempt.to_close:  # somebody else has just opened another page for the same pledge
        raise RuleBroken(_("The payment page is just closing. Please try again in a minute."),
                         code="contribution.closing")
    if attempt.url is not None:
        return attempt.url
    with in_language(attempt.locale):  # the same words for the same key, whoever asks again
        words = _("Contribution %(reference)s", reference=attempt.reference)
    wanted = CheckoutRequest(
        key=attempt.key, contribution_id=str(attempt.contribution_id), reference=attempt.reference,
        amount=attempt.amount, description=words, success_url=success_url, cancel_url=cancel_url,
        expires_at=attempt.expires_at, locale=attempt.locale,
    )
    try:
        facts = gateway.create_checkout(wanted)
    except GatewayError as error:
        # a page that nobody was sent to cannot be paid: give the attempt up, the next has a key of its own
        payments.checkout_failed(attempt.contribution_id, error.code)
        if error.code == "amount_too_small":
            raise RuleBroken(
                _("Cards do not carry as little as %(amount)s. Please pay a larger part, or by bank transfer.",
                  amount=format_money(attempt.amount)), code="contribution.amount", field="amount") from error
        raise _unreachable() from error
    try:
        return payments.checkout_opened(attempt.contribution_id, facts)
    except IllegalMove as error:  # given up meanwhile: this page must not stay open beside the next
        with suppress(GatewayError):
            gateway.expire_checkout(facts.session_id)
        raise _unreachable() from error


def _unreachable() -> RuleBroken:
    return RuleBroken(_("The payment page could not be opened. Nothing has been charged; please try again in a few "
                        "minutes."), code=NO_PAYMENT_PAGE)


def close_page(gateway: StripeGateway, contribution_id: uuid.UUID) -> None:
    """Close an open payment page before anything else may be paid, and honour what was paid on it until then. Raises
    RuleBroken when it was paid, or when nobody can tell."""
    try:
        word = ask(gateway, contribution_id, close=True)
    except GatewayError as error:
        raise _unreachable() from error
    if word in ("received", "held", "known"):
        raise RuleBroken(_("The payment page you had open has just been paid. Look at what has arrived before you pay "
                           "more."), code="contribution.paid_meanwhile")
    if word not in ("expire", "fail", "settled", "given up"):
        raise RuleBroken(_("A payment on the page you had open is still being settled. Please wait for it before you "
                           "pay more."), code="contribution.being_settled")


def ask(gateway: StripeGateway, contribution_id: uuid.UUID, *, close: bool = False) -> str:
    """Ask Stripe what became of an attempt by card, and apply the answer; `close` its page first, as is done by itself
    where the pledge no longer wants so much. Raises GatewayError when it cannot be asked."""
    with reading():
        found = db.session.execute(
            select(Contribution.state, Contribution.stripe_session_id, Contribution.expires_at,
                   Contribution.amount_minor, Pledge.state.label("pledge_state"),
                   (Pledge.current_minor - Pledge.paid_minor).label("outstanding_minor"))
            .join(Pledge, Pledge.id == Contribution.pledge_id)
            .where(Contribution.id == contribution_id, Contribution.method == "card")
        ).one_or_none()
        db.session.rollback()
    if found is None or found.state not in ("created", "checkout"):
        return "settled"
    if found.stripe_session_id is None:
        payments.checkout_failed(contribution_id, "interrupted")
        return "given up"
    overtaken = found.pledge_state not in OPEN or found.outstanding_minor < found.amount_minor
    try:
        facts = _facts(gateway, found.stripe_session_id, close or overtaken)
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


def _facts(gateway: StripeGateway, session_id: str, close: bool) -> SessionFacts:
    if close:
        try:
            return gateway.expire_checkout(session_id)
        except GatewayError as error:
            if not error.refused:
                raise
    return gateway.fetch_session(session_id)  # also where it could not be closed, because it is no longer open


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
