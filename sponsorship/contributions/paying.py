"""The steps of paying by card, the same for donors with an account and for holders of a private link."""

from __future__ import annotations

from typing import Any

from flask import current_app, redirect, render_template

from core.actor import Actor
from core.errors import RuleBroken
from core.money import Money
from core.web.forms import add_error
from sponsorship.contributions import service
from sponsorship.contributions.card_way import NEXT, payment_form
from sponsorship.contributions.queries import PledgePage
from sponsorship.contributions.ways import Payer

Crumbs = list[tuple[Any, str | None]]


def checkout(payer: Payer, actor: Actor, amount: Money | None = None) -> Any:
    """Open, or open again, Stripe's payment page: for `amount`, else for what is due next. Raises NotFound,
    RuleBroken."""
    return redirect(service.begin_checkout(
        current_app.extensions["placard_stripe"], payer.pledge_id, actor, token=payer.token,
        success_url=payer.absolute_page(back="paid"), cancel_url=payer.absolute_page(back="cancelled"),
        amount_minor=amount.minor if amount is not None else None,
    ), 303)


def amount_page(page: PledgePage, payer: Payer, crumbs: Crumbs, form: Any = None) -> Any:
    """How much to pay now; nothing is asked of a pledge that owes nothing."""
    if form is None and not page.outstanding:
        return redirect(payer.page(), 303)
    return render_template(
        "contributions/pay_amount.html", page=page, form=form or payment_form(page, formdata=None, what=NEXT),
        back=payer.page(), url=payer.url("pay_this"), crumbs=crumbs)


def pay_this(page: PledgePage, payer: Payer, actor: Actor, crumbs: Crumbs) -> Any:
    """Open Stripe's payment page for the amount chosen."""
    form = payment_form(page)
    if form.validate_on_submit():
        try:
            return checkout(payer, actor, form.wanted)
        except RuleBroken as refusal:
            add_error(form, refusal.field, refusal.message)
    return amount_page(page, payer, crumbs, form), 422
