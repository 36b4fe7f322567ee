"""Officers' pages of disputes, and of pools that lack money because of them."""

from __future__ import annotations

import uuid
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from accounts.current import current_actor
from accounts.fresh import fresh_sign_in
from accounts.permissions import allows
from core.errors import RuleBroken
from core.web.access import needs
from core.web.downloads import download
from core.web.forms import add_error
from core.web.tables import TableQuery
from core.web.timeline import timeline_items
from sponsorship.contributions import back_lists, back_queries, shortfall_queries, shortfalls
from sponsorship.contributions.back_forms import VersionForm, WordsForm, WordsOnlyForm
from sponsorship.contributions.blueprint import bp
from sponsorship.contributions.dispute_words import ahead, officer_notice
from sponsorship.contributions.officer_tabs import tabs
from sponsorship.contributions.transitions import DISPUTE
from sponsorship.gateways.dashboard import dispute_page


@bp.get("/contributions/disputes/")
@needs("contribution.view_all")
def dispute_list() -> Any:
    """Every dispute; pools that are stopped."""
    query = TableQuery.from_args(request.args, back_lists.DISPUTE_SORTABLE, back_lists.DISPUTE_FILTERS)
    rows, total = back_queries.list_disputes(query, everything=query.format is not None)
    if query.format:
        return download(query, back_lists.DISPUTE_COLUMNS, rows, "disputes")
    return render_template("contributions/disputes.html", table=back_lists.dispute_table(rows, total, query),
                           tabs=tabs("dispute_list"), stopped=shortfall_queries.stopped_pools())


@bp.get("/contributions/disputes/<uuid:dispute_id>/")
@needs("contribution.view_all")
def dispute(dispute_id: uuid.UUID) -> Any:
    """A dispute: why, how much, by when to answer, what it did to a pool, how it ended."""
    page = back_queries.get_dispute(dispute_id)
    return render_template(
        "contributions/dispute.html", page=page, row=page.row, reason=back_lists.dispute_reason(page.row.reason),
        stripe_url=dispute_page(page.row.at_stripe),
        may_answer=page.row.code in ("open", "inquiry") and allows(current_actor(), "contribution.refund"),
        said=officer_notice(page.row) if page.row.live else None, ahead=ahead(page.row),
        timeline=timeline_items(page.history, DISPUTE, page.people, labels={"open": _("Dispute opened")}))


# --- pools that lack money --------------------------------------------------------------------------------------
@bp.get("/contributions/shortfalls/<uuid:pool_id>/")
@needs("contribution.view_all")
def shortfall(pool_id: uuid.UUID) -> Any:
    """What a pool lacks, why, and how it is covered."""
    return _shortfall_page(pool_id)


def _shortfall_page(
    pool_id: uuid.UUID, ask: WordsOnlyForm | None = None, decline: WordsForm | None = None, problem: Any = None
) -> str:
    page, actor = shortfall_queries.get_shortfall(pool_id), current_actor()
    waiting, decides = page.asked, allows(actor, "shortfall.approve")
    mine = waiting is not None and waiting.requested_by == actor.person_id
    if ask is None and page.lacking and waiting is None and allows(actor, "shortfall.cover"):
        ask = WordsOnlyForm(formdata=None)
    if decline is None and waiting is not None and decides and not mine:
        decline = WordsForm(formdata=None, version=waiting.version)
    return render_template("contributions/shortfall.html", page=page, waiting=waiting, ask=ask, decline=decline,
                           may_approve=waiting is not None and decides and not mine, mine=mine and decides,
                           problem=problem)


@bp.post("/contributions/shortfalls/<uuid:pool_id>/")
@needs("shortfall.cover")
def request_cover(pool_id: uuid.UUID) -> Any:
    """Ask that it be covered from the pool's free money."""
    form = WordsOnlyForm()
    if form.validate_on_submit():
        try:
            shortfalls.request_cover(pool_id, current_actor(), form.note.data or "")
        except RuleBroken as refusal:
            add_error(form, refusal.field, refusal.message)
        else:
            flash(_("It has been asked for. Somebody else approves it."), "success")
            return redirect(url_for("contributions.shortfall", pool_id=pool_id), 303)
    return _shortfall_page(pool_id, ask=form), 422


@bp.post("/contributions/shortfalls/<uuid:pool_id>/<uuid:cover_id>/approve")
@needs("shortfall.approve")
@fresh_sign_in(_l("Approve that money covers a shortfall"))
def approve_cover(pool_id: uuid.UUID, cover_id: uuid.UUID) -> Any:
    """Cover it: payments leave again."""
    form = VersionForm()
    if not form.validate_on_submit():
        problem = _("This page was incomplete. Open it again and repeat your change.")
        return _shortfall_page(pool_id, problem=problem), 422
    try:
        shortfalls.approve_cover(cover_id, current_actor(), form.seen)
    except RuleBroken as refusal:
        return _shortfall_page(pool_id, problem=refusal.message), 422
    flash(_("The shortfall is covered. Payments from this pool leave again."), "success")
    return redirect(url_for("contributions.shortfall", pool_id=pool_id), 303)


@bp.post("/contributions/shortfalls/<uuid:pool_id>/<uuid:cover_id>/decline")
@needs("shortfall.approve")
def decline_cover(pool_id: uuid.UUID, cover_id: uuid.UUID) -> Any:
    """Do not approve it."""
    form = WordsForm()
    if form.validate_on_submit():
        try:
            shortfalls.decline_cover(cover_id, current_actor(), form.note.data or "", form.seen)
        except RuleBroken as refusal:
            add_error(form, refusal.field, refusal.message)
        else:
            flash(_("It has not been approved."), "success")
            return redirect(url_for("contributions.shortfall", pool_id=pool_id), 303)
    return _shortfall_page(pool_id, decline=form), 422
