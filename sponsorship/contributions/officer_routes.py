"""Officers' pages: contributions, pledges, agreements, and what Stripe told us that matches nothing."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any

from flask import current_app, flash, redirect, render_template, request, url_for
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
from sponsorship.contributions import agreement_queries, figures, lists, queries, service
from sponsorship.contributions.blueprint import bp
from sponsorship.contributions.forms import (
    AcceptForm,
    AgreementForm,
    CancelForm,
    ExplainForm,
    RefuseForm,
    VersionOnlyForm,
)
from sponsorship.contributions.pools import all_pools, pool_of
from sponsorship.contributions.transitions import CONTRIBUTION, OPEN, PLEDGE
from sponsorship.gateways import inbox
from sponsorship.gateways import queries as gateway_queries
from sponsorship.gateways.stripe_gateway import GatewayError


def _tabs(current: str) -> list[dict[str, Any]]:
    waiting = gateway_queries.count_for_a_person()
    return [
        {"label": _("Contributions"), "url": url_for("contributions.contribution_list"),
         "current": current == "contributions"},
        {"label": _("Pledges"), "url": url_for("contributions.pledge_list"), "current": current == "pledges"},
        {"label": _("Agreements"), "url": url_for("contributions.agreement_list"), "current": current == "agreements"},
        {"label": _("Letters"), "url": url_for("fund.letter_list"), "current": False},
        {"label": _("Unmatched"), "url": url_for("contributions.unmatched"), "current": current == "unmatched",
         "count": waiting or None},
    ]


@bp.get("/contributions/")
@needs("contribution.view_all")
def contribution_list() -> Any:
    """Every attempt to pay and the money it brought."""
    query = TableQuery.from_args(request.args, lists.CONTRIBUTION_SORTABLE, lists.CONTRIBUTION_FILTERS)
    rows, total = queries.list_contributions(query, everything=query.format is not None)
    if query.format:
        return download(query, lists.CONTRIBUTION_COLUMNS, rows, "contributions")
    return render_template("contributions/list.html", table=lists.contribution_table(rows, total, query),
                           tabs=_tabs("contributions"),
                           waiting=[] if query.filtered else figures.waiting_for_acceptance())


@bp.get("/contributions/pledges/")
@needs("contribution.view_all")
def pledge_list() -> Any:
    """Every pledge."""
    query = TableQuery.from_args(request.args, lists.PLEDGE_SORTABLE, lists.PLEDGE_FILTERS)
    rows, total = queries.list_pledges(query, everything=query.format is not None)
    if query.format:
        return download(query, lists.PLEDGE_COLUMNS, rows, "pledges")
    return render_template("contributions/pledges.html", table=lists.pledge_table(rows, total, query),
                           tabs=_tabs("pledges"), figures=figures.pledge_figures())


# --- one contribution -------------------------------------------------------------------------------------------
@bp.get("/contributions/<uuid:contribution_id>/")
@needs("contribution.view_all")
def contribution(contribution_id: uuid.UUID) -> Any:
    """A contribution: what was paid, and what an officer may do about it."""
    return _contribution_page(contribution_id)


def _contribution_page(
    contribution_id: uuid.UUID, accept_form: AcceptForm | None = None, refuse_form: RefuseForm | None = None
) -> str:
    page, actor = queries.get_contribution(contribution_id), current_actor()
    held = page.row.code == "in_suspense"
    may_accept = held and allows(actor, "contribution.accept")
    may_refuse = held and allows(actor, "contribution.refund")
    failed = page.row.code == "refund_due" and all(refund.code == "failed" for refund in page.refunds)
    names = people.person_labels(h.actor_id for h in page.history if h.actor_id)
    reason = service.REFUSALS.get(page.refusal_code or "")
    return render_template(
        "contributions/contribution.html", page=page, reason=reason, target=pool_of(page.pledge.pool_id),
        accept_form=accept_form or (AcceptForm(formdata=None, version=page.row.version) if may_accept else None),
        refuse_form=refuse_form or (RefuseForm(formdata=None, version=page.row.version) if may_refuse else None),
        send_again=failed and allows(actor, "contribution.refund"),
        timeline=timeline_items(page.history, CONTRIBUTION, names, labels=_said()),
    )


def _said() -> dict[str, str]:
    """Words of the history where those of the button would read oddly."""
    return {"start": _("Payment begun"), "accept": _("Accepted by name"), "refuse": _("Not accepted")}


@bp.get("/contributions/<uuid:contribution_id>/receipt/")
@needs("contribution.view_all")
def receipt(contribution_id: uuid.UUID) -> Any:
    """The receipt, as the donor sees it."""
    found = queries.get_receipt(contribution_id)
    return render_template(
        "contributions/receipt.html", receipt=found,
        crumbs=[(_("Contributions"), url_for("contributions.contribution_list")),
                (found.contribution_reference, url_for("contributions.contribution", contribution_id=contribution_id)),
                (found.number, None)],
    )


@bp.post("/contributions/<uuid:contribution_id>/accept")
@needs("contribution.accept")
def accept_contribution(contribution_id: uuid.UUID) -> Any:
    """Accept: the money enters its pool, the donor gets the receipt."""
    form = AcceptForm()
    if form.validate_on_submit():
        try:
            service.accept(contribution_id, current_actor(), form.checked.data, form.version.data)
        except RuleBroken as refusal:
            add_error(form, refusal.field, refusal.message)
        else:
            flash(_("The contribution has been accepted; the donor gets the receipt."), "success")
            return redirect(url_for("contributions.contribution", contribution_id=contribution_id), 303)
    return _contribution_page(contribution_id, accept_form=form), 422


@bp.post("/contributions/<uuid:contribution_id>/refuse")
@needs("contribution.refund")
def refuse_contribution(contribution_id: uuid.UUID) -> Any:
    """Do not accept: the refund is stored, sent, and settled by what Stripe answers."""
    form = RefuseForm()
    if form.validate_on_submit():
        try:
            refund_id = service.refuse(contribution_id, current_actor(), form.reason.data, form.note.data or "",
                                       form.version.data)
        except RuleBroken as refusal:
            add_error(form, refusal.field, refusal.message)
        else:
            _send(refund_id)
            return redirect(url_for("contributions.contribution", contribution_id=contribution_id), 303)
    return _contribution_page(contribution_id, refuse_form=form), 422


@bp.post("/contributions/<uuid:contribution_id>/refund-again")
@needs("contribution.refund")
def refund_again(contribution_id: uuid.UUID) -> Any:
    """Send a failed refund once more, under a new key."""
    _send(service.send_again(contribution_id, current_actor()))
    return redirect(url_for("contributions.contribution", contribution_id=contribution_id), 303)


def _send(refund_id: uuid.UUID) -> None:
    try:
        outcome = service.send_refund(current_app.extensions["placard_stripe"], refund_id)
    except GatewayError:
        flash(_("The refund is recorded. Stripe could not be reached; it will be sent by schedule."), "warning")
        return
    if outcome in ("refused", "failed", "canceled"):
        flash(_("Stripe refused the refund. See below what can be done."), "error")
    else:
        flash(_("The refund has been sent."), "success")


# --- one pledge -------------------------------------------------------------------------------------------------
@bp.get("/contributions/pledges/<uuid:pledge_id>/")
@needs("contribution.view_all")
def pledge(pledge_id: uuid.UUID) -> Any:
    """A pledge with its payments."""
    return _pledge_page(pledge_id)


def _pledge_page(pledge_id: uuid.UUID, form: CancelForm | None = None) -> str:
    page = queries.get_pledge(pledge_id)
    may = page.code in OPEN and not page.paid and allows(current_actor(), "contribution.agreement")
    names = people.person_labels(h.actor_id for h in page.history if h.actor_id)
    return render_template(
        "contributions/officer_pledge.html", page=page,
        form=form or (CancelForm(formdata=None, version=page.version) if may else None),
        timeline=timeline_items(page.history, PLEDGE, names, labels={"announce": _("Pledge made")}),
    )


@bp.post("/contributions/pledges/<uuid:pledge_id>/cancel")
@needs("contribution.agreement")
def cancel_pledge(pledge_id: uuid.UUID) -> Any:
    """Cancel a pledge that will not be paid."""
    form = CancelForm()
    if form.validate_on_submit():
        try:
            service.cancel_pledge(pledge_id, current_actor(), form.words.data, form.version.data)
        except RuleBroken as refusal:
            add_error(form, refusal.field, refusal.message)
        else:
            flash(_("The pledge has been cancelled."), "success")
            return redirect(url_for("contributions.pledge", pledge_id=pledge_id), 303)
    return _pledge_page(pledge_id, form), 422


# --- agreements -------------------------------------------------------------------------------------------------
@bp.get("/contributions/agreements/")
@needs("contribution.view_all")
def agreement_list() -> Any:
    """Agreements with donors."""
    query = TableQuery.from_args(request.args)
    rows = agreement_queries.list_agreements()
    if query.format:
        return download(query, lists.AGREEMENT_COLUMNS, rows, "agreements")
    return render_template("contributions/agreements.html", table=lists.agreement_table(rows),
                           tabs=_tabs("agreements"), may_record=allows(current_actor(), "contribution.agreement"))


def _given(day: date | None) -> date:
    assert day is not None, "a required field"
    return day


def _agreement_form(**kwargs: Any) -> AgreementForm:
    donors = people.list_organisations(("state", "observer", "donor", "organisation"), people.shows_demonstration())
    return AgreementForm([(str(row.id), row.name) for row in donors], all_pools(), **kwargs)


@bp.get("/contributions/agreements/new")
@needs("contribution.agreement")
def new_agreement() -> Any:
    """The form of an agreement."""
    return render_template("contributions/agreement_new.html", form=_agreement_form())


@bp.post("/contributions/agreements/new")
@needs("contribution.agreement")
def record_agreement() -> Any:
    """Put an agreement on record."""
    form = _agreement_form()
    if form.validate_on_submit():
        terms = service.AgreementTerms(
            uuid.UUID(form.organisation.data), form.reference.data, _given(form.exchange_of_letters.data),
            form.support_rate.basis_points or 0, form.end_date.data, uuid.UUID(form.pool.data),
        )
        try:
            service.record_agreement(terms, current_actor())
        except RuleBroken as refusal:
            add_error(form, refusal.field, refusal.message)
        else:
            flash(_("The agreement is on record."), "success")
            return redirect(url_for("contributions.agreement_list"), 303)
    return render_template("contributions/agreement_new.html", form=form), 422


# --- what matches nothing ---------------------------------------------------------------------------------------
@bp.get("/contributions/unmatched/")
@needs("contribution.view_all")
def unmatched() -> Any:
    """Notices of Stripe that no rule could answer."""
    return _unmatched_page()


def _unmatched_page(wrong: tuple[uuid.UUID, ExplainForm] | None = None) -> str:
    rows = gateway_queries.list_for_a_person()
    may = allows(current_actor(), "contribution.refund")
    forms = {}
    for row in rows if may else ():
        made = wrong[1] if wrong and wrong[0] == row.id else ExplainForm(formdata=None, version=row.version)
        for field in made:
            field.id = f"{field.name}-{row.id.hex}"
            field.label.field_id = field.id
        forms[row.id] = made
    return render_template("contributions/unmatched.html", rows=rows, forms=forms, tabs=_tabs("unmatched"),
                           wrong=wrong[1] if wrong else None, notes=NOTES)


@bp.post("/contributions/unmatched/<uuid:event_id>/retry")
@needs("contribution.refund")
def retry_event(event_id: uuid.UUID) -> Any:
    """Have a notice read again."""
    form = VersionOnlyForm()
    if not form.validate_on_submit():
        flash(_("This page was incomplete. Open it again and repeat your change."), "error")
    else:
        inbox.retry(event_id, current_actor(), form.version.data)
        flash(_("It will be read again in a few seconds."), "success")
    return redirect(url_for("contributions.unmatched"), 303)


@bp.post("/contributions/unmatched/<uuid:event_id>/explain")
@needs("contribution.refund")
def explain_event(event_id: uuid.UUID) -> Any:
    """Close a notice by saying what was done about it."""
    form = ExplainForm()
    if not form.validate_on_submit():
        return _unmatched_page((event_id, form)), 422
    inbox.explain(event_id, current_actor(), form.words.data, form.version.data)
    flash(_("The notice has been closed."), "success")
    return redirect(url_for("contributions.unmatched"), 303)


def _note(code: str) -> str:
    words = {
        "unknown_session": _("A payment that no pledge here asked for."),
        "other_mode": _("It belongs to the other mode of Stripe (test or live)."),
        "foreign_metadata": _("It carries the marks of another system."),
        "another_session": _("The pledge was paid through another payment page."),
        "another_payment": _("The pledge was already paid by another payment."),
        "amount_differs": _("The amount paid is not the amount asked."),
        "currency_differs": _("The currency paid is not the currency asked."),
        "settled_in_other_currency": _("Stripe booked it in another currency than US dollars."),
        "fee_differs": _("Amount, fee and net do not agree."),
        "payment_used_twice": _("This payment already belongs to another contribution."),
        "unknown_refund": _("A refund that was not ordered here."),
        "another_refund": _("A second refund of the same contribution."),
        "unknown_dispute": _("A dispute of a payment that is not known here."),
    }
    return words.get(code, _("It could not be read: %(code)s", code=code))


NOTES = _note
