"""Pages of invoices: officers make and close them; donors ask for one and find where it is paid."""

from __future__ import annotations

import uuid
from typing import Any

from flask import current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from accounts import queries as people
from accounts.current import current_actor
from accounts.permissions import allows, organisations_with
from core import clock
from core.actor import PUBLIC, Actor
from core.errors import RuleBroken
from core.web.access import needs, public
from core.web.downloads import download
from core.web.forms import add_error
from core.web.limits import limiter
from core.web.tables import TableQuery
from core.web.timeline import timeline_items
from sponsorship.contributions import invoice_queries, invoicing, queries, stripe_columns
from sponsorship.contributions.blueprint import bp
from sponsorship.contributions.invoice_states import INVOICE
from sponsorship.contributions.invoice_way import next_invoice
from sponsorship.contributions.invoices import usual_due_day
from sponsorship.contributions.officer_tabs import tabs
from sponsorship.contributions.queries import PledgePage
from sponsorship.contributions.stripe_forms import CloseInvoiceForm, InvoiceForm
from sponsorship.contributions.ways import Payer


def _say(word: str) -> None:
    """What became of an order, in words."""
    if word in ("received", "held"):
        flash(_("The invoice is paid already, by money that lay in the donor’s balance at Stripe."), "success")
    elif word == "later":
        flash(_("The invoice is ordered. Stripe could not be reached; it is made by schedule."), "warning")
    elif word == "failed":
        flash(_("Stripe did not make the invoice. Its page says why."), "error")
    else:
        flash(_("Stripe has sent the invoice to the donor."), "success")


# --- officers ---------------------------------------------------------------------------------------------------
@bp.get("/contributions/invoices/")
@needs("contribution.view_all")
def invoice_list() -> Any:
    """Every invoice."""
    query = TableQuery.from_args(request.args, stripe_columns.INVOICE_SORTABLE, stripe_columns.INVOICE_FILTERS)
    rows, total = invoice_queries.list_invoices(query, clock.today(), everything=query.format is not None)
    if query.format:
        return download(query, stripe_columns.INVOICE_COLUMNS, rows, "invoices")
    may = not query.filtered and allows(current_actor(), "contribution.invoice")
    return render_template(
        "contributions/invoices.html", table=stripe_columns.invoice_table(rows, total, query),
        soon=invoice_queries.due_without(clock.today()) if may else [],
        tabs=tabs("invoice_list"))


@bp.get("/contributions/invoices/<uuid:invoice_id>/")
@needs("contribution.view_all")
def invoice(invoice_id: uuid.UUID) -> Any:
    """An invoice: where it stands, and how it may be closed."""
    return _invoice_page(invoice_id)


def _invoice_page(invoice_id: uuid.UUID, form: CloseInvoiceForm | None = None) -> str:
    page = invoice_queries.get_invoice(invoice_id, clock.today())
    may = INVOICE.find(page.row.code, "order_close") and allows(current_actor(), "contribution.invoice")
    names = people.person_labels(h.actor_id for h in page.history if h.actor_id)
    return render_template(
        "contributions/invoice.html", page=page, row=page.row,
        form=form or (CloseInvoiceForm(formdata=None, version=page.row.version) if may else None),
        crumbs=[(_("Invoices"), url_for("contributions.invoice_list")), (page.row.reference, None)],
        timeline=timeline_items(page.history, INVOICE, names, labels={
            "order": _("Invoice ordered"), "order_close": _("Closed by an officer")}),
    )


@bp.post("/contributions/invoices/<uuid:invoice_id>/close")
@needs("contribution.invoice")
def close_invoice(invoice_id: uuid.UUID) -> Any:
    """Close it, here and at Stripe."""
    form = CloseInvoiceForm()
    if form.validate_on_submit():
        try:
            word = invoicing.close_invoice(current_app.extensions["placard_stripe"], invoice_id, form.how.data,
                                           current_actor(), form.words.data or "", form.version.data or 0)
        except RuleBroken as refusal:
            add_error(form, refusal.field, refusal.message)
        else:
            _say_closed(word)
            return redirect(url_for("contributions.invoice", invoice_id=invoice_id), 303)
    return _invoice_page(invoice_id, form), 422


def _say_closed(word: str) -> None:
    if word in ("received", "held", "known"):
        flash(_("It had just been paid. The payment is recorded, and the invoice stays paid."), "warning")
    elif word == "later":
        flash(_("Stripe could not be reached. The invoice is closed there by schedule."), "warning")
    else:
        flash(_("The invoice is closed. It can no longer be paid."), "success")


@bp.get("/contributions/pledges/<uuid:pledge_id>/invoice/")
@needs("contribution.invoice")
def new_invoice(pledge_id: uuid.UUID) -> Any:
    """What the next invoice of a pledge would ask for."""
    return _new_page(pledge_id)


def _new_page(pledge_id: uuid.UUID, form: InvoiceForm | None = None) -> Any:
    page = queries.get_pledge(pledge_id)
    out = invoice_queries.invoice_out(pledge_id, clock.today())
    if out is not None and form is None:
        return redirect(url_for("contributions.invoice", invoice_id=out.id), 303)
    wanted = next_invoice(pledge_id)
    return render_template(
        "contributions/invoice_new.html", page=page, wanted=wanted,
        form=form or InvoiceForm(formdata=None, due_on=usual_due_day(wanted.due_on if wanted else None)))


@bp.post("/contributions/pledges/<uuid:pledge_id>/invoice/")
@needs("contribution.invoice")
def make_invoice(pledge_id: uuid.UUID) -> Any:
    """Have it made and sent."""
    form = InvoiceForm()
    if form.validate_on_submit():
        try:
            invoice_id, word = invoicing.make_invoice(
                current_app.extensions["placard_stripe"], pledge_id, current_actor(), due_on=form.due_on.data)
        except RuleBroken as refusal:
            add_error(form, refusal.field, refusal.message)
        else:
            _say(word)
            return redirect(url_for("contributions.invoice", invoice_id=invoice_id), 303)
    return _new_page(pledge_id, form), 422


# --- donors -----------------------------------------------------------------------------------------------------
def _donor_page(page: PledgePage, payer: Payer, problem: Any = None) -> str:
    rows = invoice_queries.invoices_of(page.id, clock.today())
    wanted = next_invoice(page.id) if not any(row.code in ("ordered", "open", "closing") for row in rows) else None
    own = payer.token is None
    pledge_url = (url_for("contributions.own_pledge", pledge_id=page.id) if own else
                  url_for("contributions.pledge_by_link", pledge_id=page.id, token=payer.token))
    return render_template(
        "contributions/donor_invoice.html", page=page, rows=rows, wanted=wanted, problem=problem,
        due_on=usual_due_day(wanted.due_on) if wanted else None, ask_url=payer.url("ask_invoice"), back_url=pledge_url,
        crumbs=[(_("My contributions"), url_for("contributions.donor_home")) if own else
                (_("Contribute"), url_for("contributions.donate")), (page.reference, pledge_url), (_("Invoice"), None)])


def _ask(page: PledgePage, payer: Payer, actor: Actor) -> Any:
    try:
        _id, word = invoicing.make_invoice(current_app.extensions["placard_stripe"], page.id, actor, token=payer.token)
    except RuleBroken as refusal:
        return _donor_page(page, payer, refusal.message), 422
    if word == "failed":
        return _donor_page(page, payer, _("Stripe did not make the invoice. Please pay by another way, or write to the "
                                          "fund.")), 422
    if word == "later":
        flash(_("Your invoice is being made. Look here again in a few minutes."), "warning")
    else:
        flash(_("Your invoice is below. Stripe also sends it by e-mail."), "success")
    return redirect(payer.url("invoice"), 303)


def _own(pledge_id: uuid.UUID) -> PledgePage:
    return queries.own_pledge(pledge_id, organisations_with(current_actor(), "contribution.own"))


@bp.get("/donor/pledges/<uuid:pledge_id>/invoice/")
@needs("contribution.own")
def invoice_own(pledge_id: uuid.UUID) -> Any:
    """The invoices of the person's own organisation's pledge."""
    return _donor_page(_own(pledge_id), Payer(pledge_id))


@bp.post("/donor/pledges/<uuid:pledge_id>/invoice/")
@needs("contribution.own")
@limiter.limit("20/hour")
def ask_invoice_own(pledge_id: uuid.UUID) -> Any:
    """Ask for one."""
    return _ask(_own(pledge_id), Payer(pledge_id), current_actor())


@bp.get("/donate/pledges/<uuid:pledge_id>/<string:token>/invoice/")
@public
def invoice_by_link(pledge_id: uuid.UUID, token: str) -> Any:
    """The invoices of a pledge, by its private link."""
    return _donor_page(queries.pledge_by_link(pledge_id, token), Payer(pledge_id, token))


@bp.post("/donate/pledges/<uuid:pledge_id>/<string:token>/invoice/")
@public
@limiter.limit("20/hour")
def ask_invoice_by_link(pledge_id: uuid.UUID, token: str) -> Any:
    """Ask for one."""
    return _ask(queries.pledge_by_link(pledge_id, token), Payer(pledge_id, token), PUBLIC)
