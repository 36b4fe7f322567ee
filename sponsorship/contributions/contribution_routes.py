"""Officers' pages of contributions: the list, one of them, and the decision on what waits in suspense."""

from __future__ import annotations

import uuid
from typing import Any

from flask import current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from accounts.current import current_actor
from accounts.permissions import allows
from core.errors import RuleBroken
from core.web.access import needs
from core.web.downloads import download
from core.web.forms import add_error
from core.web.tables import TableQuery
from core.web.timeline import timeline_items
from sponsorship.contributions import back_lists, contribution_queries, figures, service
from sponsorship.contributions.back_forms import AcceptForm, RefuseForm
from sponsorship.contributions.blueprint import bp
from sponsorship.contributions.contribution_queries import ContributionPage
from sponsorship.contributions.contribution_steps import next_step
from sponsorship.contributions.dispute_words import live_notice
from sponsorship.contributions.fund_settings import cards_accepted
from sponsorship.contributions.officer_tabs import tabs
from sponsorship.contributions.pools import pool_of
from sponsorship.contributions.refunds import REASONS
from sponsorship.contributions.transfers import CONFIRMABLE
from sponsorship.contributions.transitions import CONTRIBUTION
from sponsorship.gateways.stripe_gateway import GatewayError


@bp.get("/contributions/")
@needs("contribution.view_all")
def contribution_list() -> Any:
    """Every attempt to pay and the money it brought."""
    filters = back_lists.contribution_filters()
    query = TableQuery.from_args(request.args, contribution_queries.SORTABLE, filters)
    rows, total, sums = contribution_queries.list_contributions(query, everything=query.format is not None)
    if query.format:
        return download(query, back_lists.CONTRIBUTION_COLUMNS, rows, "contributions")
    return render_template(
        "contributions/list.html", table=back_lists.contribution_table(rows, total, sums, query, filters),
        tabs=tabs("contribution_list"), waiting=[] if query.filtered else figures.waiting_for_acceptance(),
        cards=cards_accepted())


@bp.get("/contributions/<uuid:contribution_id>/")
@needs("contribution.view_all")
def contribution(contribution_id: uuid.UUID) -> Any:
    """A contribution: what was paid, what followed, and what an officer may do about it."""
    return contribution_page(contribution_id)


def contribution_page(
    contribution_id: uuid.UUID, accept_form: AcceptForm | None = None, refuse_form: RefuseForm | None = None
) -> str:
    """The page, with forms that were sent and could not be taken."""
    page, actor = contribution_queries.get_contribution(contribution_id), current_actor()
    version = page.row.version
    may = _may(page)
    reason = REASONS.get(page.refusal_code or "")
    return render_template(
        "contributions/contribution.html", page=page, reason=reason, target=pool_of(page.pledge.pool_id), may=may,
        step=next_step(page), reasons=REASONS, methods=back_lists.METHODS, me=actor.person_id,
        accept_form=accept_form or (AcceptForm(formdata=None, version=version) if may["accept"] else None),
        refuse_form=refuse_form or (RefuseForm(formdata=None, version=version) if may["refuse"] else None),
        disputed=live_notice(page.disputes),
        timeline=timeline_items(page.history, CONTRIBUTION, page.people, labels=_said()),
    )


def _may(page: ContributionPage) -> dict[str, bool]:
    """What this person may do here now."""
    actor, row = current_actor(), page.row
    held, idle, still = row.code == "in_suspense", page.under_way is None, page.on_its_way is None
    clear = not page.needs_check or (page.check is not None and page.check.outcome == "clear")
    refund, deposit = allows(actor, "contribution.refund"), allows(actor, "contribution.deposit")
    failed = row.code == "refund_due" and still and bool(page.left)
    by_bank = page.bank_reference is not None
    return {
        "accept": held and idle and clear and not page.disputed and allows(actor, "contribution.accept"),
        "check": page.needs_check and allows(actor, "contribution.check"),
        "refuse": held and still and not page.disputed and refund,
        "send_again": failed and not page.disputed and refund,
        "refund": row.code == "accepted" and idle and not page.disputed and bool(page.left) and refund,
        "correct": by_bank and idle and row.code in ("accepted", "in_suspense") and not row.back and refund,
        "confirm": row.method == "transfer" and row.code in CONFIRMABLE and deposit,
        "not_arrived": row.code == "declared" and deposit,
    }


def _said() -> dict[str, str]:
    """Words of the history where those of the button would read oddly."""
    return {"start": _("Payment begun"), "accept": _("Accepted by name"), "refuse": _("Not accepted")}


@bp.post("/contributions/<uuid:contribution_id>/accept")
@needs("contribution.accept")
def accept_contribution(contribution_id: uuid.UUID) -> Any:
    """Accept: the money enters its pool, the donor gets the receipt."""
    form = AcceptForm()
    if form.validate_on_submit():
        try:
            service.accept(contribution_id, current_actor(), form.checked.data, form.seen)
        except RuleBroken as refusal:
            add_error(form, refusal.field, refusal.message)
        else:
            flash(_("The contribution has been accepted; the donor gets the receipt."), "success")
            return redirect(url_for("contributions.contribution", contribution_id=contribution_id), 303)
    return contribution_page(contribution_id, accept_form=form), 422


@bp.post("/contributions/<uuid:contribution_id>/refuse")
@needs("contribution.refund")
def refuse_contribution(contribution_id: uuid.UUID) -> Any:
    """Do not accept: the refund is stored, sent, and settled by what Stripe answers."""
    form = RefuseForm()
    if form.validate_on_submit():
        try:
            refund_id = service.refuse(contribution_id, current_actor(), form.reason.data, form.note.data or "",
                                       form.seen)
        except RuleBroken as refusal:
            add_error(form, refusal.field, refusal.message)
        else:
            send(refund_id)
            return redirect(url_for("contributions.contribution", contribution_id=contribution_id), 303)
    return contribution_page(contribution_id, refuse_form=form), 422


@bp.post("/contributions/<uuid:contribution_id>/refund-again")
@needs("contribution.refund")
def refund_again(contribution_id: uuid.UUID) -> Any:
    """Send a failed refund once more, under a new key."""
    try:
        send(service.send_again(contribution_id, current_actor()))
    except RuleBroken as refusal:
        flash(str(refusal.message), "error")
    return redirect(url_for("contributions.contribution", contribution_id=contribution_id), 303)


def send(refund_id: uuid.UUID) -> None:
    """Ask Stripe for an ordered refund (or leave it to the bank), and say what became of it."""
    try:
        outcome = service.send_refund(current_app.extensions["placard_stripe"], refund_id)
    except GatewayError:
        flash(_("The refund is recorded. Stripe could not be reached; it will be sent by schedule."), "warning")
        return
    if outcome in ("refused", "failed", "canceled"):
        flash(_("Stripe refused the refund. See below what can be done."), "error")
    elif outcome == "settled":
        flash(_("The refund is recorded. The bank sends it; then its reference is recorded."), "success")
    elif outcome == "succeeded":
        flash(_("The money has been paid back."), "success")
    else:
        flash(_("The refund has been sent."), "success")
