"""The donor's own area: pledges, payments and receipts of the organisations the person gives for."""

from __future__ import annotations

import uuid
from typing import Any

from flask import current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from accounts.current import current_actor
from accounts.permissions import organisations_with
from core.errors import RuleBroken
from core.web.access import needs
from core.web.downloads import download
from core.web.links import absolute
from core.web.tables import TableQuery
from sponsorship.contributions import figures, lists, queries, service
from sponsorship.contributions.blueprint import bp
from sponsorship.contributions.forms import VersionOnlyForm
from sponsorship.contributions.pages import pledge_view


def _own() -> set[uuid.UUID]:
    return organisations_with(current_actor(), "contribution.own")


@bp.get("/donor/")
@needs("contribution.own")
def donor_home() -> Any:
    """My pledges, what is due, my receipts."""
    own = _own()
    query = TableQuery.from_args(request.args, lists.PLEDGE_SORTABLE, lists.PLEDGE_FILTERS)
    rows, total = queries.list_pledges(query, own, everything=query.format is not None)
    if query.format:
        return download(query, lists.DONOR_COLUMNS, rows, "pledges")
    return render_template(
        "contributions/donor.html", table=lists.donor_table(rows, total, query), due=figures.unpaid_of(own),
        receipts=figures.accepted_of(own),
    )


@bp.get("/donor/pledges/<uuid:pledge_id>/")
@needs("contribution.own")
def own_pledge(pledge_id: uuid.UUID) -> Any:
    """One pledge of the person's own organisation."""
    return _own_page(pledge_id)


def _own_page(pledge_id: uuid.UUID, problem: Any = None) -> str:
    page = queries.own_pledge(pledge_id, _own())
    return render_template(
        "contributions/pledge.html",
        view=pledge_view(
            page, request.args.get("back"), problem, pay_url=url_for("contributions.pay_own", pledge_id=pledge_id),
            here=url_for("contributions.own_pledge", pledge_id=pledge_id),
            receipt_url=lambda row: url_for("contributions.own_receipt", contribution_id=row.id),
            results_url=url_for("fund.donor_results"),
        ),
        crumbs=[(_("My contributions"), url_for("contributions.donor_home")), (page.reference, None)],
        withdraw_url=url_for("contributions.withdraw_own", pledge_id=pledge_id) if page.code == "announced" else None,
    )


@bp.post("/donor/pledges/<uuid:pledge_id>/pay")
@needs("contribution.own")
def pay_own(pledge_id: uuid.UUID) -> Any:
    """Open, or open again, Stripe's payment page."""
    actor = current_actor()
    try:
        url = service.begin_checkout(
            current_app.extensions["placard_stripe"], pledge_id, actor, token=None,
            success_url=absolute("contributions.own_pledge", pledge_id=pledge_id, back="paid"),
            cancel_url=absolute("contributions.own_pledge", pledge_id=pledge_id, back="cancelled"),
        )
    except RuleBroken as refusal:
        return _own_page(pledge_id, refusal.message), 422
    return redirect(url, 303)


@bp.post("/donor/pledges/<uuid:pledge_id>/withdraw")
@needs("contribution.own")
def withdraw_own(pledge_id: uuid.UUID) -> Any:
    """Take a pledge back before paying it."""
    form = VersionOnlyForm()
    if not form.validate_on_submit():
        return _own_page(pledge_id, _("This page was incomplete. Open it again and repeat your change.")), 422
    try:
        service.withdraw_pledge(pledge_id, current_actor(), form.version.data)
    except RuleBroken as refusal:
        return _own_page(pledge_id, refusal.message), 422
    flash(_("The pledge has been withdrawn."), "success")
    return redirect(url_for("contributions.own_pledge", pledge_id=pledge_id), 303)
