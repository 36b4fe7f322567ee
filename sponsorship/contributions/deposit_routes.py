"""Officers' pages of bank transfers: what is announced, what stands on the bank's statement, what did not arrive."""

from __future__ import annotations

import uuid
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from accounts.current import current_actor
from accounts.permissions import allows
from core import clock
from core.db import db
from core.errors import IllegalMove, RuleBroken
from core.money import usd
from core.web.access import needs
from core.web.downloads import download
from core.web.forms import add_error
from core.web.tables import TableQuery
from sponsorship.contributions import back_lists, back_queries, contribution_queries, queries, transfers
from sponsorship.contributions.back_forms import ConfirmForm, DepositForm, FindPledgeForm, NotArrivedForm
from sponsorship.contributions.blueprint import bp
from sponsorship.contributions.contribution_queries import ContributionPage
from sponsorship.contributions.models import Pledge
from sponsorship.contributions.officer_tabs import tabs
from sponsorship.contributions.pools import pool_names
from sponsorship.contributions.queries import PledgePage
from sponsorship.contributions.transfers import CONFIRMABLE, BankLine
from sponsorship.gateways.rates import RateMissing, currency_name, latest_rates


@bp.get("/contributions/transfers/")
@needs("contribution.view_all")
def transfer_list() -> Any:
    """What donors have announced and nobody has found yet."""
    query = TableQuery.from_args(request.args)
    rows = back_queries.list_transfers()
    if query.format:
        return download(query, back_lists.TRANSFER_COLUMNS, rows, "transfers")
    return render_template("contributions/transfers.html", table=back_lists.transfer_table(rows, query),
                           tabs=tabs("transfer_list"), find=_find_form())


def _find_form() -> FindPledgeForm | None:
    return FindPledgeForm(formdata=None) if allows(current_actor(), "contribution.deposit") else None


@bp.post("/contributions/transfers/")
@needs("contribution.deposit")
def find_pledge() -> Any:
    """For which pledge a deposit is."""
    form = FindPledgeForm()
    if form.validate_on_submit():
        found = back_queries.pledge_by_reference(form.pledge.data or "")
        if found is not None:
            return redirect(url_for("contributions.deposit_form", pledge_id=found), 303)
        add_error(form, "pledge", _("There is no pledge of this reference. If the donor has none yet, the fund manager "
                                    "records one first."))
    query = TableQuery()
    return render_template("contributions/transfers.html", find=form, tabs=tabs("transfer_list"),
                           table=back_lists.transfer_table(back_queries.list_transfers(), query)), 422


# --- a line of the statement ------------------------------------------------------------------------------------
def _currencies(pledge: PledgePage) -> list[tuple[str, str]]:
    """The pledge's own, dollars, and whatever ever had a rate: that of the value date counts."""
    known = sorted({row.rate.currency for row in latest_rates(clock.today())})
    codes = dict.fromkeys((pledge.amount.currency, "USD", *known))
    return [(code, f"{code}: {currency_name(code)}") for code in codes]


def _line(form: DepositForm, pledge: PledgePage) -> BankLine:
    assert form.value_date.data is not None and form.paid.data is not None and form.credited.data is not None
    fee, settles = form.fee.data, form.settles.data
    same = form.paid.data.currency == pledge.amount.currency
    return BankLine(form.bank_reference.data or "", form.value_date.data, form.paid.data, form.credited.data.minor,
                    fee.minor if fee else 0, None if same or settles is None else settles.minor)


def _deposit(
    pledge: PledgePage, form: DepositForm, row: ContributionPage | None, here: str
) -> tuple[BankLine | None, Any]:
    """The line to be recorded, once it was shown and confirmed; else what to answer."""
    action = request.form.get("action", "check")
    if not form.validate_on_submit():
        return None, (_form_page(pledge, form, row, here), 422)
    line = _line(form, pledge)
    try:
        found = transfers.understood(db.session.get_one(Pledge, pledge.id), line)
    except RuleBroken as refusal:
        return None, (_refused(pledge, form, row, here, refusal), 422)
    if action == "change":
        return None, _form_page(pledge, form, row, here)
    mark = f"{found.worth.usd_minor}:{found.settles.minor}:{found.into_pool_id or '-'}"  # what the page showed
    seen = request.form.get("seen")
    if action == "confirm" and form.compared.data and seen == mark:
        return line, None
    if action == "confirm" and not seen:
        form.compared.data = False
        add_error(form, "compared", _("This page says what the deposit means, and nothing has been recorded yet. Look "
                                      "at it first, then confirm."))
    elif action == "confirm" and form.compared.data:
        form.compared.data = False
        add_error(form, "compared", _("The rates or the pledge have changed since this page was shown. Look at what it "
                                      "means now, and confirm again."))
    elif action == "confirm":
        add_error(form, "compared", _("Compare it with the bank’s statement, and say so here."))
    pools = pool_names({found.into_pool_id} if found.into_pool_id else set())
    answer = render_template(
        "contributions/deposit_check.html", pledge=pledge, form=form, page=row, line=line, found=found, here=here,
        mark=mark, came=usd(line.credited_minor + line.fee_minor), credited=usd(line.credited_minor),
        fee=usd(line.fee_minor),
        worth=usd(found.worth.usd_minor), exchange=usd(found.exchange_minor),
        into=pools.get(found.into_pool_id) if found.into_pool_id else None,
        far=abs(found.exchange_minor) * 20 > found.worth.usd_minor,
        differs=row is not None and row.row.code == "declared" and line.paid != row.row.amount)
    return None, (answer, 422) if action == "confirm" else answer


def _refused(
    pledge: PledgePage, form: DepositForm, row: ContributionPage | None, here: str, refusal: RuleBroken
) -> str:
    add_error(form, refusal.field, refusal.message)
    return _form_page(pledge, form, row, here, no_rate=isinstance(refusal, RateMissing))


def _form_page(
    pledge: PledgePage, form: DepositForm, row: ContributionPage | None, here: str, no_rate: bool = False
) -> str:
    return render_template(
        "contributions/deposit.html", pledge=pledge, form=form, page=row, here=here,
        announced=None if row else next((a for a in pledge.attempts if a.code == "declared"), None),
        import_url=url_for("rates.import_form") if no_rate and allows(current_actor(), "rates.manage") else None,
        no_rate=no_rate)


# --- an announced transfer --------------------------------------------------------------------------------------
def _confirmable(contribution_id: uuid.UUID) -> ContributionPage:
    """Raises NotFound, IllegalMove."""
    page = contribution_queries.get_contribution(contribution_id)
    if page.row.method != "transfer" or page.row.code not in CONFIRMABLE:
        raise IllegalMove(code=f"contribution.confirm.from.{page.row.code}")
    return page


@bp.get("/contributions/<uuid:contribution_id>/confirm")
@needs("contribution.deposit")
def confirm_form(contribution_id: uuid.UUID) -> Any:
    """Confirm an announced transfer from the bank's statement."""
    page = _confirmable(contribution_id)
    form = ConfirmForm(_currencies(page.pledge), page.pledge.amount.currency, formdata=None, version=page.row.version,
                       currency=page.row.amount.currency, paid=page.row.amount)
    return _form_page(page.pledge, form, page, request.path)


@bp.post("/contributions/<uuid:contribution_id>/confirm")
@needs("contribution.deposit")
def confirm_transfer(contribution_id: uuid.UUID) -> Any:
    """Show what it means; once confirmed, record it."""
    page = _confirmable(contribution_id)
    form = ConfirmForm(_currencies(page.pledge), page.pledge.amount.currency)
    line, answer = _deposit(page.pledge, form, page, request.path)
    if line is None:
        return answer
    try:
        transfers.confirm(contribution_id, line, current_actor(), form.seen)
    except RuleBroken as refusal:
        return _refused(page.pledge, form, page, request.path, refusal), 422
    flash(_("The deposit is on record."), "success")
    return redirect(url_for("contributions.contribution", contribution_id=contribution_id), 303)


@bp.get("/contributions/<uuid:contribution_id>/not-arrived")
@needs("contribution.deposit")
def not_arrived_form(contribution_id: uuid.UUID) -> Any:
    """An announced transfer did not arrive: why?"""
    page = _confirmable(contribution_id)
    return render_template("contributions/not_arrived.html", page=page,
                           form=NotArrivedForm(formdata=None, version=page.row.version))


@bp.post("/contributions/<uuid:contribution_id>/not-arrived")
@needs("contribution.deposit")
def not_arrived(contribution_id: uuid.UUID) -> Any:
    """Record that it did not arrive; the donor is told."""
    form = NotArrivedForm()
    if form.validate_on_submit():
        transfers.not_arrived(contribution_id, current_actor(), form.reason.data, form.note.data or "", form.seen)
        flash(_("It is on record that the transfer did not arrive; the donor is told."), "success")
        return redirect(url_for("contributions.contribution", contribution_id=contribution_id), 303)
    return render_template("contributions/not_arrived.html", page=_confirmable(contribution_id), form=form), 422


# --- a deposit that nobody announced ----------------------------------------------------------------------------
@bp.get("/contributions/pledges/<uuid:pledge_id>/deposit")
@needs("contribution.deposit")
def deposit_form(pledge_id: uuid.UUID) -> Any:
    """Record a deposit for a pledge."""
    pledge = queries.get_pledge(pledge_id)
    left = pledge.outstanding or None
    form = DepositForm(_currencies(pledge), pledge.amount.currency, formdata=None, currency=pledge.amount.currency,
                       paid=left)
    return _form_page(pledge, form, None, request.path)


@bp.post("/contributions/pledges/<uuid:pledge_id>/deposit")
@needs("contribution.deposit")
def record_deposit(pledge_id: uuid.UUID) -> Any:
    """Show what it means; once confirmed, record it."""
    pledge = queries.get_pledge(pledge_id)
    form = DepositForm(_currencies(pledge), pledge.amount.currency)
    line, answer = _deposit(pledge, form, None, request.path)
    if line is None:
        return answer
    try:
        made = transfers.record_deposit(pledge_id, line, current_actor())
    except RuleBroken as refusal:
        return _refused(pledge, form, None, request.path, refusal), 422
    flash(_("The deposit is on record."), "success")
    return redirect(url_for("contributions.contribution", contribution_id=made), 303)
