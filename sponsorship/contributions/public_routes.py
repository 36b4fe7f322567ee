"""The pledge of a donor without an account, opened by its private link: where it stands, how to pay, receipts."""

from __future__ import annotations

import uuid
from typing import Any

from flask import render_template, request, url_for
from flask_babel import gettext as _

from core.actor import PUBLIC
from core.errors import RuleBroken
from core.web.access import public
from core.web.limits import limiter
from sponsorship.contributions import paying, queries
from sponsorship.contributions.blueprint import bp
from sponsorship.contributions.pages import pledge_view
from sponsorship.contributions.ways import Payer


def _crumbs(reference: str, payer: Payer, *more: tuple[Any, str | None]) -> paying.Crumbs:
    return [(_("Contribute"), url_for("contributions.donate")), (reference, payer.page() if more else None), *more]


@bp.get("/donate/pledges/<uuid:pledge_id>/<string:token>/")
@public
def pledge_by_link(pledge_id: uuid.UUID, token: str) -> Any:
    """A pledge of a donor without an account: where it stands, and how to pay it."""
    return _link_page(Payer(pledge_id, token))


def _link_page(payer: Payer, problem: Any = None) -> str:
    page = queries.pledge_by_link(payer.pledge_id, payer.token or "")
    view = pledge_view(
        page, request.args.get("back"), problem, payer=payer,
        paper_url=lambda row: url_for("contributions.paper_by_link", pledge_id=page.id, token=payer.token,
                                      paper_id=row.id))
    return render_template("contributions/pledge.html", view=view, crumbs=_crumbs(page.reference, payer))


@bp.post("/donate/pledges/<uuid:pledge_id>/<string:token>/pay")
@public
@limiter.limit("60/hour")
def pay_by_link(pledge_id: uuid.UUID, token: str) -> Any:
    """Open, or open again, Stripe's payment page for what is due next."""
    payer = Payer(pledge_id, token)
    try:
        return paying.checkout(payer, PUBLIC)
    except RuleBroken as refusal:
        return _link_page(payer, refusal.message), 422


@bp.get("/donate/pledges/<uuid:pledge_id>/<string:token>/pay-amount")
@public
def pay_amount_by_link(pledge_id: uuid.UUID, token: str) -> Any:
    """How much to pay now."""
    page, payer = queries.pledge_by_link(pledge_id, token), Payer(pledge_id, token)
    return paying.amount_page(page, payer, _crumbs(page.reference, payer, (_("Pay"), None)))


@bp.post("/donate/pledges/<uuid:pledge_id>/<string:token>/pay-amount")
@public
@limiter.limit("60/hour")
def pay_this_by_link(pledge_id: uuid.UUID, token: str) -> Any:
    """Open Stripe's payment page for the amount chosen."""
    page, payer = queries.pledge_by_link(pledge_id, token), Payer(pledge_id, token)
    return paying.pay_this(page, payer, PUBLIC, _crumbs(page.reference, payer, (_("Pay"), None)))
