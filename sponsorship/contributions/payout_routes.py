"""Officers' pages of payouts: what Stripe sent to the bank, what is in it, and whether a statement shows it."""

from __future__ import annotations

import uuid
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from accounts import queries as people
from accounts.current import current_actor
from accounts.permissions import allows
from core.errors import RuleBroken
from core.web.access import needs
from core.web.downloads import download
from core.web.forms import add_error
from core.web.tables import TableQuery
from core.web.timeline import timeline_items
from sponsorship.contributions import stripe_columns
from sponsorship.contributions.blueprint import bp
from sponsorship.contributions.officer_tabs import tabs
from sponsorship.contributions.stripe_forms import ConfirmPayoutForm
from sponsorship.gateways import money_queries, payouts
from sponsorship.gateways.transitions import PAYOUT


@bp.get("/contributions/payouts/")
@needs("contribution.view_all")
def payout_list() -> Any:
    """Every payout, with what is on its way."""
    query = TableQuery.from_args(request.args, stripe_columns.PAYOUT_SORTABLE, stripe_columns.PAYOUT_FILTERS)
    rows, total = money_queries.list_payouts(query, everything=query.format is not None)
    if query.format:
        return download(query, stripe_columns.PAYOUT_COLUMNS, rows, "payouts")
    return render_template(
        "contributions/payouts.html", table=stripe_columns.payout_table(rows, total, query),
        figures=money_queries.payout_figures(), tabs=tabs("payout_list"))


@bp.get("/contributions/payouts/<uuid:payout_id>/")
@needs("contribution.view_all")
def payout(payout_id: uuid.UUID) -> Any:
    """A payout: what it contains, and where it stands."""
    return _payout_page(payout_id)


def _payout_page(payout_id: uuid.UUID, form: ConfirmPayoutForm | None = None) -> Any:
    page, query = money_queries.get_payout(payout_id), TableQuery.from_args(request.args)
    if query.format:
        return download(query, stripe_columns.MOVEMENT_COLUMNS, page.contents, f"payout-{page.row.payout_id}")
    may = PAYOUT.find(page.row.code, "confirm") and allows(current_actor(), "contribution.deposit")
    names = people.person_labels(h.actor_id for h in page.history if h.actor_id)
    return render_template(
        "contributions/payout.html", page=page, row=page.row, sees_ledger=allows(current_actor(), "ledger.view"),
        table=stripe_columns.contents_table(page.contents, payout_id, query),
        form=form or (ConfirmPayoutForm(formdata=None, version=page.row.version) if may else None),
        crumbs=[(_("Payouts"), url_for("contributions.payout_list")), (page.row.payout_id, None)],
        timeline=timeline_items(page.history, PAYOUT, names, labels={
            "begin": _("Payout made"), "reconcile": _("Compared with what it contains"),
            "confirm": _("Confirmed from the bank’s statement")}),
    )


@bp.post("/contributions/payouts/<uuid:payout_id>/confirm")
@needs("contribution.deposit")
def confirm_payout(payout_id: uuid.UUID) -> Any:
    """It stands on the bank's statement."""
    form = ConfirmPayoutForm()
    if form.validate_on_submit():
        assert form.amount.data is not None and form.value_date.data is not None, "required fields"
        try:
            payouts.confirm_arrival(payout_id, form.bank_reference.data or "", form.value_date.data,
                                    form.amount.data.minor, current_actor(), form.version.data)
        except RuleBroken as refusal:
            add_error(form, refusal.field, refusal.message)
        else:
            flash(_("The payout is confirmed from the bank’s statement."), "success")
            return redirect(url_for("contributions.payout", payout_id=payout_id), 303)
    return _payout_page(payout_id, form), 422
