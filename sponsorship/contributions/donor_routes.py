"""The donor's own area: what is due, pledges, payments, agreements and files of the organisations the person gives
for."""

from __future__ import annotations

import uuid
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from accounts.current import current_actor
from accounts.permissions import organisations_with
from core import clock, files
from core.errors import RuleBroken
from core.web.access import needs
from core.web.downloads import download
from core.web.tables import TableQuery
from sponsorship.contributions import agreement_queries, figures, lists, paying, pledge_queries, queries, service
from sponsorship.contributions.agreement_files import files_of, stored_file_of
from sponsorship.contributions.blueprint import bp
from sponsorship.contributions.donor_tabs import donor_tabs
from sponsorship.contributions.forms import VersionForm
from sponsorship.contributions.giving_words import rate_of_support
from sponsorship.contributions.pages import pledge_view
from sponsorship.contributions.ways import Payer


def _own() -> set[uuid.UUID]:
    return organisations_with(current_actor(), "contribution.own")


@bp.get("/donor/")
@needs("contribution.own")
def donor_home() -> Any:
    """What is due, my pledges, my agreements and files, my receipts."""
    own = _own()
    query = TableQuery.from_args(request.args, lists.PLEDGE_SORTABLE, lists.DONOR_FILTERS)
    rows, total = pledge_queries.list_pledges(query, own)
    if query.format:
        return download(query, lists.DONOR_FILE_COLUMNS, rows, "pledges")
    due = pledge_queries.due_of(own, clock.today())
    return render_template(
        "contributions/donor.html", table=lists.donor_table(rows, total, query), due=lists.due_table(due),
        overdue=sum(row.overdue for row in due), agreements=agreement_queries.list_agreements(own),
        files=files_of(own), receipts=figures.accepted_of(own),
        tabs=donor_tabs("contributions.donor_home"))


# --- one pledge -------------------------------------------------------------------------------------------------
def _crumbs(reference: str, payer: Payer | None = None, *more: tuple[Any, str | None]) -> paying.Crumbs:
    here = payer.page() if payer is not None and more else None
    return [(_("My contributions"), url_for("contributions.donor_home")), (reference, here), *more]


@bp.get("/donor/pledges/<uuid:pledge_id>/")
@needs("contribution.own")
def own_pledge(pledge_id: uuid.UUID) -> Any:
    """One pledge of the person's own organisation."""
    return _own_page(pledge_id)


def _own_page(pledge_id: uuid.UUID, problem: Any = None) -> str:
    page = queries.own_pledge(pledge_id, _own())
    view = pledge_view(
        page, request.args.get("back"), problem, payer=Payer(pledge_id),
        paper_url=lambda row: url_for("contributions.own_paper", paper_id=row.id),
        results_url=url_for("fund.donor_results"))
    withdraw = url_for("contributions.withdraw_own", pledge_id=pledge_id) if page.code == "announced" else None
    return render_template("contributions/pledge.html", view=view, crumbs=_crumbs(page.reference),
                           withdraw_url=withdraw)


@bp.post("/donor/pledges/<uuid:pledge_id>/pay")
@needs("contribution.own")
def pay_own(pledge_id: uuid.UUID) -> Any:
    """Open, or open again, Stripe's payment page for what is due next."""
    try:
        return paying.checkout(Payer(pledge_id), current_actor())
    except RuleBroken as refusal:
        return _own_page(pledge_id, refusal.message), 422


@bp.get("/donor/pledges/<uuid:pledge_id>/pay-amount")
@needs("contribution.own")
def pay_amount_own(pledge_id: uuid.UUID) -> Any:
    """How much to pay now."""
    page, payer = queries.own_pledge(pledge_id, _own()), Payer(pledge_id)
    return paying.amount_page(page, payer, _crumbs(page.reference, payer, (_("Pay"), None)))


@bp.post("/donor/pledges/<uuid:pledge_id>/pay-amount")
@needs("contribution.own")
def pay_this_own(pledge_id: uuid.UUID) -> Any:
    """Open Stripe's payment page for the amount chosen."""
    page, payer = queries.own_pledge(pledge_id, _own()), Payer(pledge_id)
    return paying.pay_this(page, payer, current_actor(), _crumbs(page.reference, payer, (_("Pay"), None)))


@bp.post("/donor/pledges/<uuid:pledge_id>/withdraw")
@needs("contribution.own")
def withdraw_own(pledge_id: uuid.UUID) -> Any:
    """Take a pledge back before paying it."""
    form = VersionForm()
    if not form.validate_on_submit():
        return _own_page(pledge_id, _("This page was incomplete. Open it again and repeat your change.")), 422
    try:
        service.withdraw_pledge(pledge_id, current_actor(), form.version.data)
    except RuleBroken as refusal:
        return _own_page(pledge_id, refusal.message), 422
    flash(_("The pledge has been withdrawn."), "success")
    return redirect(url_for("contributions.own_pledge", pledge_id=pledge_id), 303)


# --- agreements, papers -----------------------------------------------------------------------------------------
@bp.get("/donor/agreements/<uuid:agreement_id>/")
@needs("contribution.own")
def own_agreement(agreement_id: uuid.UUID) -> Any:
    """One agreement of the person's own organisation: its terms, its money, its papers."""
    page = agreement_queries.agreement_page(agreement_id, _own())
    return render_template(
        "contributions/agreement.html", page=page, row=page.row, officer=False,
        table=lists.pledges_under(page.pledges, officer=False), rate=rate_of_support(page.row.support_rate_bp),
        file_url=lambda row: url_for("contributions.own_file", file_id=row.id),
        crumbs=_crumbs(page.row.reference))


@bp.get("/donor/files/<uuid:file_id>")
@needs("contribution.own")
def own_file(file_id: uuid.UUID) -> Any:
    """A paper between the fund and the person's own organisation."""
    return files.serve(stored_file_of(file_id, _own()))
