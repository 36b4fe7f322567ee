"""The donor as a customer of Stripe: who is billed, under which name, and money of theirs that lies there unclaimed."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from accounts.permissions import people_with
from accounts.service import in_language
from core import vault
from core.actor import Actor
from core.db import command, db, get, insert_into, new_id
from core.errors import RuleBroken
from core.money import Money
from sponsorship.contributions.back_models import DonorCustomer
from sponsorship.contributions.invoice_models import DonorInvoice
from sponsorship.contributions.models import Contribution, Pledge
from sponsorship.contributions.notices import donor_name
from sponsorship.gateways.stripe_invoices import CustomerRequest


def billing_of(pledge: Pledge, actor: Actor | None = None) -> CustomerRequest:
    """To whom the pledge's invoices go: the donor; for an organisation, the person who asks if that is one of its own,
    else the one who pledged, else the first of those who give for it. Raises RuleBroken when there is nobody."""
    with in_language(pledge.locale):
        name = donor_name(pledge)
    owner = str(pledge.organisation_id or pledge.id)
    if pledge.organisation_id is None:
        address, locale = vault.unseal(pledge.id, pledge.donor_email_sealed), pledge.locale
    else:
        first = (actor.person_id if actor is not None else None, pledge.announced_by)
        people = sorted(people_with("contribution.own", pledge.organisation_id),
                        key=lambda contact: tuple(contact.person_id != person_id for person_id in first))
        address, locale = (people[0].email, people[0].locale) if people else (None, "")
    if not address:
        raise RuleBroken(_("There is no address to send an invoice to. Give a person of the donor an account first."),
                         code="invoice.nobody")
    return CustomerRequest(owner, name, address, locale)


def customer_of(pledge: Pledge) -> str | None:
    """The donor's customer at Stripe, if one was ever made."""
    return db.session.scalar(select(DonorCustomer.stripe_customer_id).where(_mine(pledge)))


def _mine(pledge: Pledge) -> Any:
    if pledge.organisation_id is not None:
        return DonorCustomer.organisation_id == pledge.organisation_id
    return DonorCustomer.pledge_id == pledge.id


@command
def keep_customer(pledge_id: uuid.UUID, stripe_customer_id: str, instead_of: str | None = None) -> str:
    """Remember the donor's customer, once for each donor; the one that counts. `instead_of` is one that Stripe no
    longer knows. Raises NotFound."""
    pledge = get(Pledge, pledge_id)
    mine = pledge.organisation_id
    db.session.execute(insert_into(DonorCustomer).values(
        id=new_id(), organisation_id=mine, pledge_id=None if mine else pledge.id,
        stripe_customer_id=stripe_customer_id).on_conflict_do_nothing())
    found = db.session.scalars(select(DonorCustomer).where(_mine(pledge)).with_for_update()).one()
    if found.stripe_customer_id == instead_of:
        found.stripe_customer_id = stripe_customer_id
    return found.stripe_customer_id


# --- money of bank transfers that nothing has taken -------------------------------------------------------------
@command
def settle_cash(stripe_customer_id: str, amounts: Sequence[Money]) -> str:
    """Apply what Stripe says of a donor's cash balance: part of an invoice has come, or more than was asked for. The
    code of what a person must look at, or empty. Raises nothing: it is read again as often as Stripe tells of it."""
    customer = db.session.scalars(
        select(DonorCustomer).where(DonorCustomer.stripe_customer_id == stripe_customer_id)).first()
    if customer is None:
        return "unknown_customer" if amounts else ""
    mine = (Pledge.organisation_id == customer.organisation_id if customer.organisation_id is not None
            else Pledge.id == customer.pledge_id)
    out = db.session.execute(
        select(DonorInvoice, Contribution.currency, Contribution.amount_minor)
        .join(Contribution, Contribution.id == DonorInvoice.contribution_id)
        .join(Pledge, Pledge.id == Contribution.pledge_id)
        .where(mine, DonorInvoice.state.in_(("ordered", "open"))).order_by(DonorInvoice.due_at, DonorInvoice.id)
        .with_for_update(of=DonorInvoice).execution_options(populate_existing=True)
    ).all()
    left = {amount.currency: amount.minor for amount in amounts}
    for invoice, currency, amount_minor in out:  # the first that is due is what the part is for
        invoice.funded_minor = min(left.pop(currency, 0), amount_minor)
    return "surplus" if left else ""
