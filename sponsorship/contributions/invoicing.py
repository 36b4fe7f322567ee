"""Conversations with Stripe about invoices: a command, the call with no transaction open, a command.

A process may die between any two steps. The order stands in our books before Stripe hears of it, every call takes a
key made from it, and whatever Stripe made without our knowing is found by our own mark in it.
"""

from __future__ import annotations

import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import or_, select

from core import clock
from core.actor import Actor, person
from core.db import db, reading
from core.errors import RuleBroken
from core.money import Money
from sponsorship.contributions import fund_settings, invoices
from sponsorship.contributions.checkout import close_page
from sponsorship.contributions.customers import billing_of, customer_of, keep_customer, settle_cash
from sponsorship.contributions.invoice_models import DonorInvoice
from sponsorship.contributions.models import Contribution, Pledge
from sponsorship.contributions.transitions import OPEN
from sponsorship.gateways import inbox
from sponsorship.gateways.stripe_gateway import GatewayError, StripeGateway
from sponsorship.gateways.stripe_invoices import CustomerRequest, InvoiceRequest

GO_ON_AFTER = timedelta(minutes=1)
ASK_AFTER = timedelta(hours=6)


@dataclass(frozen=True)
class _Todo:
    """Where an invoice stands, read before any call."""

    pledge_id: uuid.UUID
    contribution_id: uuid.UUID
    reference: str
    key: str
    amount: Money
    state: str
    close_as: str | None
    description: str
    due_at: datetime
    stripe_invoice_id: str | None
    customer_id: str | None
    billing: CustomerRequest | None
    by_card: bool


def make_invoice(
    gateway: StripeGateway, pledge_id: uuid.UUID, actor: Actor, *, token: str | None = None, due_on: date | None = None
) -> tuple[uuid.UUID, str]:
    """Have an invoice made for the next instalment, and sent; its id, and a word: open, paid, failed, or later when
    Stripe could not be reached (the sweep goes on). A card payment page that is open is closed first. Raises NotFound,
    RuleBroken."""
    order = invoices.order_invoice(pledge_id, actor, token=token, due_on=due_on)
    if order.to_close is not None:
        close_page(gateway, order.to_close)
        order = invoices.order_invoice(pledge_id, actor, token=token, due_on=due_on)
    if order.invoice_id is None:
        raise RuleBroken(_("The payment page is just closing. Please try again in a minute."),
                         code="contribution.closing")
    try:
        return order.invoice_id, carry_on(gateway, order.invoice_id, first=order.is_new)
    except GatewayError:
        return order.invoice_id, "later"


def close_invoice(
    gateway: StripeGateway, invoice_id: uuid.UUID, how: str, actor: Actor, words: str, expected_version: int
) -> str:
    """Close an invoice here and at Stripe; a word: void, elsewhere, uncollectible, received or held when it was paid in
    the last moment, or later. Raises NotAllowed, NotFound, IllegalMove, Stale, RuleBroken."""
    invoices.order_close(invoice_id, how, actor, words, expected_version)
    try:
        return carry_on(gateway, invoice_id)
    except GatewayError:
        return "later"


def carry_on(gateway: StripeGateway, invoice_id: uuid.UUID, *, first: bool = False) -> str:
    """Do whatever is next for an invoice, from wherever it was left; a word. `first`: nobody can have asked Stripe for
    it before. Raises GatewayError when the outcome is unknown: the sweep goes on."""
    todo = _todo(invoice_id)
    if todo is None:
        return "gone"
    if todo.state == "ordered":
        if todo.billing is None:
            invoices.invoice_failed(invoice_id, "nobody")
            return "failed"
        try:
            return _make(gateway, invoice_id, todo, first)
        except GatewayError as error:
            if not error.refused:
                raise
            invoices.invoice_failed(invoice_id, error.code)
            return "failed"
    if todo.state == "closing":
        return _close(gateway, invoice_id, todo)
    if todo.stripe_invoice_id is None:
        return todo.state
    return _settle(gateway, todo.stripe_invoice_id)


def _todo(invoice_id: uuid.UUID) -> _Todo | None:
    with reading():
        found = db.session.execute(
            select(DonorInvoice, Contribution, Pledge)
            .join(Contribution, Contribution.id == DonorInvoice.contribution_id)
            .join(Pledge, Pledge.id == Contribution.pledge_id).where(DonorInvoice.id == invoice_id)
            .execution_options(populate_existing=True)
        ).one_or_none()
        todo = _read(*found) if found is not None else None
        db.session.rollback()
    return todo


def _read(invoice: DonorInvoice, row: Contribution, pledge: Pledge) -> _Todo:
    billing = None
    if invoice.state == "ordered":
        with suppress(RuleBroken):  # whoever it was for may have left since
            billing = billing_of(pledge, person(invoice.ordered_by) if invoice.ordered_by else None)
    return _Todo(
        pledge.id, row.id, row.reference, row.idempotency_key, Money(row.amount_minor, row.currency), invoice.state,
        invoice.close_as, invoice.description, invoice.due_at, row.stripe_invoice_id, customer_of(pledge), billing,
        fund_settings.cards_accepted(),
    )


# --- making it --------------------------------------------------------------------------------------------------
def _make(gateway: StripeGateway, invoice_id: uuid.UUID, todo: _Todo, first: bool) -> str:
    customer_id = _customer(gateway, todo)
    wanted = InvoiceRequest(
        key=todo.key, contribution_id=str(todo.contribution_id), reference=todo.reference, customer_id=customer_id,
        amount=todo.amount, description=todo.description, due_at=todo.due_at, by_card=todo.by_card,
    )
    stripe_id = todo.stripe_invoice_id
    if stripe_id is None:
        found = None if first else gateway.find_invoice(customer_id, str(todo.contribution_id))
        stripe_id = found or gateway.create_invoice(wanted).invoice_id
        invoices.invoice_drafted(invoice_id, stripe_id)
    facts = gateway.fetch_invoice(stripe_id)
    if facts.status == "draft":
        if not facts.lines:
            gateway.add_invoice_item(stripe_id, wanted)
        facts = gateway.finalize_invoice(stripe_id, wanted)
    if facts.status == "open" and facts.amount == todo.amount:
        gateway.send_invoice(stripe_id, wanted)
        invoices.invoice_sent(invoice_id, facts)
    return _settle(gateway, stripe_id)  # it may be paid already, by what lay in the donor's cash balance


def _customer(gateway: StripeGateway, todo: _Todo) -> str:
    """The donor's customer, told the name and the address of today; made when there is none."""
    assert todo.billing is not None
    gone = None
    if todo.customer_id is not None:
        try:
            gateway.update_customer(todo.customer_id, todo.billing)
            return todo.customer_id
        except GatewayError as error:
            if error.code != "resource_missing":
                raise
            gone = todo.customer_id  # deleted at Stripe
    found = gateway.find_customer(todo.billing) or gateway.create_customer(todo.billing)
    return keep_customer(todo.pledge_id, found, gone)


# --- closing it -------------------------------------------------------------------------------------------------
def _close(gateway: StripeGateway, invoice_id: uuid.UUID, todo: _Todo) -> str:
    stripe_id = todo.stripe_invoice_id
    if stripe_id is None and todo.customer_id is not None:
        stripe_id = gateway.find_invoice(todo.customer_id, str(todo.contribution_id))
    if stripe_id is None or gateway.fetch_invoice(stripe_id).status == "draft":
        invoices.closed_unmade(invoice_id)
        return "void"
    how = {"void": gateway.void_invoice, "elsewhere": gateway.mark_paid_outside,
           "uncollectible": gateway.mark_uncollectible}[todo.close_as or "void"]
    try:
        how(stripe_id)
    except GatewayError as error:
        if not error.refused:
            raise
        # it is no longer open: what became of it is read below, and a payment is honoured
    word = _settle(gateway, stripe_id)
    if todo.customer_id is not None:
        look_at_cash(gateway, todo.customer_id, mark=str(todo.contribution_id))
    return word


# --- asking about it --------------------------------------------------------------------------------------------
def _settle(gateway: StripeGateway, stripe_invoice_id: str) -> str:
    facts = gateway.fetch_invoice(stripe_invoice_id)
    news = invoices.settle_invoice(facts, invoices.INVOICES, gateway.livemode)
    if news.problem:
        inbox.set_aside("invoice.paid", facts.invoice_id, facts.livemode, news.problem)
    return news.problem or news.word


def look_at_cash(gateway: StripeGateway, stripe_customer_id: str, *, mark: str) -> str:
    """Ask what lies in a donor's cash balance after an invoice was closed: nothing else will tell us. Raises
    GatewayError."""
    problem = settle_cash(stripe_customer_id, gateway.cash_balance(stripe_customer_id))
    if problem:
        inbox.set_aside("cash_balance.funds_available", stripe_customer_id, gateway.livemode, problem, mark)
    return problem


def due(now: datetime, limit: int) -> list[tuple[uuid.UUID, datetime, str]]:
    """Invoices left half made or half closed for a minute, those overtaken by another payment, and those out that
    nobody asked about for six hours. Real time."""
    real = clock.real_at(now)
    overtaken = (
        Pledge.state.not_in(OPEN) | (Pledge.current_minor - Pledge.paid_minor < Contribution.amount_minor)
        | (Pledge.paid_minor > DonorInvoice.after_minor)
    )

    def unasked(since: timedelta) -> object:
        return or_(DonorInvoice.checked_at.is_(None), DonorInvoice.checked_at <= real - since)

    rows = db.session.execute(
        select(DonorInvoice.id, DonorInvoice.asked_at, DonorInvoice.checked_at, DonorInvoice.state,
               Contribution.reference, overtaken.label("overtaken"))
        .join(Contribution, Contribution.id == DonorInvoice.contribution_id)
        .join(Pledge, Pledge.id == Contribution.pledge_id)
        .where(or_(
            DonorInvoice.state.in_(("ordered", "closing")) & (DonorInvoice.asked_at <= real - GO_ON_AFTER)
            & unasked(GO_ON_AFTER),
            DonorInvoice.state.in_(invoices.PAYABLE) & overtaken,
            (DonorInvoice.state == "open") & (DonorInvoice.asked_at <= real - ASK_AFTER) & unasked(ASK_AFTER),
        ))
        .order_by(DonorInvoice.asked_at, DonorInvoice.id).limit(limit)
    )
    waits = {True: ASK_AFTER, False: GO_ON_AFTER}
    return sorted(((row.id, (row.checked_at or row.asked_at) + waits[row.state == "open" and not row.overtaken],
                    row.reference) for row in rows), key=lambda found: found[1])


def perform(gateway: StripeGateway, invoice_id: uuid.UUID) -> str:
    """Go on with one of them. Raises GatewayError."""
    invoices.overtake(invoice_id)
    invoices.note_asked(invoice_id)
    return carry_on(gateway, invoice_id)
