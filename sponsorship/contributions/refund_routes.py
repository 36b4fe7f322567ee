"""Officers' pages of money going back: asked for by one, approved by another, recorded by a third."""

from __future__ import annotations

import uuid
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from accounts.current import current_actor
from accounts.fresh import fresh_sign_in
from accounts.permissions import allows
from core.db import db
from core.errors import IllegalMove, NotFound, RuleBroken
from core.money import Money, usd
from core.web.access import needs
from core.web.downloads import download
from core.web.forms import add_error
from core.web.tables import TableQuery
from core.web.timeline import timeline_items
from sponsorship.contributions import back_lists, back_queries, contribution_queries, refunds
from sponsorship.contributions.back_forms import BankRefundForm, RefundForm, VersionForm, WordsForm
from sponsorship.contributions.back_queries import RefundPage
from sponsorship.contributions.blueprint import bp
from sponsorship.contributions.contribution_queries import ContributionPage
from sponsorship.contributions.contribution_routes import send
from sponsorship.contributions.going_back import left_of, share_of
from sponsorship.contributions.models import Contribution
from sponsorship.contributions.officer_tabs import tabs
from sponsorship.contributions.refund_books import Effect, effect
from sponsorship.contributions.refunds import REASONS
from sponsorship.contributions.transitions import REFUND


@bp.get("/contributions/refunds/")
@needs("contribution.view_all")
def refund_list() -> Any:
    """Every refund and correction."""
    query = TableQuery.from_args(request.args, back_lists.REFUND_SORTABLE, back_lists.REFUND_FILTERS)
    rows, total = back_queries.list_refunds(query, everything=query.format is not None)
    if query.format:
        return download(query, back_lists.REFUND_COLUMNS, rows, "refunds")
    return render_template("contributions/refunds.html", table=back_lists.refund_table(rows, total, query),
                           tabs=tabs("refund_list"))


# --- asking for one ---------------------------------------------------------------------------------------------
def _refundable(contribution_id: uuid.UUID) -> ContributionPage:
    """A contribution of which a refund may be asked for. Raises NotFound, IllegalMove."""
    page = contribution_queries.get_contribution(contribution_id)
    if page.row.code != "accepted" or not page.left:
        raise IllegalMove(code=f"contribution.refund.from.{page.row.code}")
    return page


@bp.get("/contributions/<uuid:contribution_id>/refund")
@needs("contribution.refund")
def refund_form(contribution_id: uuid.UUID) -> Any:
    """Ask that money of a contribution go back: the form, with all that is left proposed."""
    page = _refundable(contribution_id)
    assert page.left is not None
    form = RefundForm(page.left, formdata=None, amount=page.left, version=page.row.version)
    return render_template("contributions/refund_new.html", page=page, form=form, effect=_effect(page, page.left))


@bp.post("/contributions/<uuid:contribution_id>/refund")
@needs("contribution.refund")
def request_refund(contribution_id: uuid.UUID) -> Any:
    """Show what it would do to the books; once confirmed, ask for it."""
    page = _refundable(contribution_id)
    assert page.left is not None
    form, action = RefundForm(page.left), request.form.get("action", "check")
    good = form.validate_on_submit()
    if good and action == "check":
        found = _effect(page, form.amount.data or page.left)
        return render_template("contributions/refund_check.html", page=page, form=form, effect=found, reasons=REASONS)
    if good and action == "confirm":
        assert form.amount.data is not None
        try:
            made = refunds.request_refund(contribution_id, form.amount.data.minor, current_actor(), form.reason.data,
                                          form.note.data or "", form.seen)
        except RuleBroken as refusal:
            add_error(form, refusal.field, refusal.message)
            good = False
        else:
            flash(_("The refund has been asked for. Somebody else approves it."), "success")
            return redirect(url_for("contributions.refund", refund_id=made), 303)
    answer = render_template("contributions/refund_new.html", page=page, form=form, effect=_effect(page, page.left))
    return answer if good else (answer, 422)


def _effect(page: ContributionPage, amount: Money) -> Effect:
    """What sending so much back would do to the books now."""
    row = db.session.get_one(Contribution, page.row.id)
    return effect(row, share_of(left_of(row), amount).usd_minor)


@bp.get("/contributions/<uuid:contribution_id>/correct")
@needs("contribution.refund")
def correction_form(contribution_id: uuid.UUID) -> Any:
    """Ask that a deposit recorded by mistake be taken out of the books."""
    page = contribution_queries.get_contribution(contribution_id)
    return _correction_page(page, WordsForm(formdata=None, version=page.row.version))


def _correction_page(page: ContributionPage, form: WordsForm) -> str:
    if page.bank_reference is None or page.row.code not in ("accepted", "in_suspense"):
        raise IllegalMove(code="contribution.correct")
    row = db.session.get_one(Contribution, page.row.id)
    short = max((row.net_minor or 0) - effect(row, 0).free.minor, 0) if row.accepted_at is not None else 0
    return render_template("contributions/correction.html", page=page, form=form, short=usd(short))


@bp.post("/contributions/<uuid:contribution_id>/correct")
@needs("contribution.refund")
def request_correction(contribution_id: uuid.UUID) -> Any:
    """Ask for the correction."""
    form = WordsForm()
    if form.validate_on_submit():
        try:
            made = refunds.request_correction(contribution_id, current_actor(), form.note.data or "",
                                              form.seen)
        except RuleBroken as refusal:
            add_error(form, refusal.field, refusal.message)
        else:
            flash(_("The correction has been asked for. Somebody else approves it."), "success")
            return redirect(url_for("contributions.refund", refund_id=made), 303)
    return _correction_page(contribution_queries.get_contribution(contribution_id), form), 422


# --- one refund -------------------------------------------------------------------------------------------------
@bp.get("/contributions/refunds/<uuid:refund_id>/")
@needs("contribution.view_all")
def refund(refund_id: uuid.UUID) -> Any:
    """A refund: who asked, why, what it does to the books, and what this person may do about it."""
    return _refund_page(refund_id)


def _refund_page(
    refund_id: uuid.UUID, problem: Any = None, decline: WordsForm | None = None, record: BankRefundForm | None = None
) -> str:
    page, actor = back_queries.get_refund(refund_id), current_actor()
    row, me = page.row, actor.person_id
    asked = row.code == "requested" and allows(actor, "contribution.refund.approve")
    recordable = row.code == "created" and page.by_bank and allows(actor, "contribution.deposit")
    mine = me is not None and me in (row.requested_by, row.approved_by)
    if record is None and recordable and not mine:
        record = BankRefundForm(formdata=None, version=row.version, cost=row.usd)
    if decline is None and asked:
        decline = WordsForm(formdata=None, version=row.version)
    return render_template(
        "contributions/refund.html", page=page, reasons=REASONS, kinds=back_lists.REFUND_KINDS, problem=problem,
        may_approve=asked and row.requested_by != me, asked_it=asked and row.requested_by == me, decline=decline,
        record=record, kept_apart=recordable and mine, step=_step(page),
        timeline=timeline_items(page.history, REFUND, page.people, labels={
            "order": _("Asked for"), "approve": _("Approved"), "decline": _("Not approved"),
            "record": _("Bank’s reference recorded"),
        }),
    )


def _step(page: RefundPage) -> tuple[str, str, str | None]:
    row = page.row
    if row.code == "requested":
        return (_("It is approved, or not, by somebody else than who asked for it."), _("The head of the fund"), None)
    if row.code == "created" and page.by_bank:
        return (_("The bank sends the money; somebody who neither asked for it nor approved it records the bank’s "
                  "reference."), _("A requesting officer"), None)
    if row.code in ("created", "pending"):
        return (_("Stripe pays the money back."), _("Nobody needs to act"), _("usually within ten days"))
    if row.code == "failed":
        return (_("The money is with the fund again. What is to be done with it is decided on the page of the "
                  "contribution."), _("The fund manager"), None)
    return (_("Nothing more happens with this."), _("Nobody needs to act"), None)


@bp.post("/contributions/refunds/<uuid:refund_id>/approve")
@needs("contribution.refund.approve")
@fresh_sign_in(_l("Approve the refund"))
def approve_refund(refund_id: uuid.UUID) -> Any:
    """Approve: the money is set aside, then sent (a correction is made)."""
    form = VersionForm()
    if not form.validate_on_submit():
        return _refund_page(refund_id, _("This page was incomplete. Open it again and repeat your change.")), 422
    try:
        refunds.approve_refund(refund_id, current_actor(), form.seen)
    except RuleBroken as refusal:
        return _refund_page(refund_id, refusal.message), 422
    if back_queries.get_refund(refund_id).row.kind == "correction":
        flash(_("The deposit has been taken out of the books."), "success")
    else:
        send(refund_id)
    return redirect(url_for("contributions.refund", refund_id=refund_id), 303)


@bp.post("/contributions/refunds/<uuid:refund_id>/decline")
@needs("contribution.refund.approve")
def decline_refund(refund_id: uuid.UUID) -> Any:
    """Do not approve it."""
    form = WordsForm()
    if form.validate_on_submit():
        try:
            refunds.decline_refund(refund_id, current_actor(), form.note.data or "", form.seen)
        except RuleBroken as refusal:
            add_error(form, refusal.field, refusal.message)
        else:
            flash(_("It has not been approved; whoever asked for it is told."), "success")
            return redirect(url_for("contributions.refund", refund_id=refund_id), 303)
    return _refund_page(refund_id, decline=form), 422


@bp.post("/contributions/refunds/<uuid:refund_id>/record")
@needs("contribution.deposit")
def record_refund(refund_id: uuid.UUID) -> Any:
    """What the bank did: shown first, then recorded."""
    form, page = BankRefundForm(), back_queries.get_refund(refund_id)
    if not page.by_bank:
        raise NotFound()
    if not form.validate_on_submit():
        return _refund_page(refund_id, record=form), 422
    assert form.value_date.data is not None and form.cost.data is not None, "required fields"
    done = refunds.BankRefund(form.bank_reference.data or "", form.value_date.data, form.cost.data.minor,
                              form.fee.data.minor if form.fee.data else 0)
    action = request.form.get("action", "check")
    try:
        if action == "check":
            refunds.check_bank_refund(refund_id, done)
            return render_template("contributions/refund_record.html", page=page, form=form, done=done)
        if action == "change":
            return _refund_page(refund_id, record=form)
        if not form.compared.data:
            add_error(form, "compared", _("Compare it with the bank’s statement, and say so here."))
            return render_template("contributions/refund_record.html", page=page, form=form, done=done), 422
        refunds.record_bank_refund(refund_id, done, current_actor(), form.seen)
    except RuleBroken as refusal:
        add_error(form, refusal.field, refusal.message)
        return _refund_page(refund_id, record=form), 422
    flash(_("The refund is on record; the donor gets a credit note."), "success")
    return redirect(url_for("contributions.refund", refund_id=refund_id), 303)
