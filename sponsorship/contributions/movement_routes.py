"""Officers' pages of Stripe's balance: every movement, whether the books say the same, and what is done where not."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, cast

from flask import current_app, flash, redirect, render_template, request, stream_with_context, url_for
from flask_babel import gettext as _

from accounts import queries as people
from accounts.current import current_actor
from accounts.permissions import allows
from core.errors import RuleBroken
from core.money import usd
from core.web.access import needs
from core.web.downloads import download
from core.web.forms import BaseForm, add_error
from core.web.steps import Step
from core.web.tables import TableQuery
from core.web.timeline import timeline_items
from sponsorship.contributions import movements, stripe_checks, stripe_columns
from sponsorship.contributions.blueprint import bp
from sponsorship.contributions.officer_tabs import tabs
from sponsorship.contributions.pools import all_pools
from sponsorship.contributions.stripe_forms import BookForm, ExplainMovementForm, ForPledgeForm
from sponsorship.gateways import money_queries
from sponsorship.gateways.movements import PAYMENTS
from sponsorship.gateways.transitions import MOVEMENT
from sponsorship.ledger.words import entry_label


@bp.get("/contributions/movements/")
@needs("contribution.view_all")
def movement_list() -> Any:
    """Every movement, and Stripe's total against the books."""
    filters = stripe_columns.movement_filters()
    query = TableQuery.from_args(request.args, stripe_columns.MOVEMENT_SORTABLE, filters)
    if query.format:
        rows = stream_with_context(cast(Any, money_queries.all_movements(query)))
        return download(query, stripe_columns.MOVEMENT_COLUMNS, rows, "movements")
    leaf, total = money_queries.list_movements(query, Step.from_args(request.args))
    found, waiting = stripe_checks.totals(), money_queries.count_movements_for_a_person()
    return render_template(
        "contributions/movements.html", table=stripe_columns.movement_table(leaf, total, query, filters),
        totals={name: usd(getattr(found, name)) for name in (
            "at_stripe", "in_books", "not_booked", "explained", "not_listed", "difference")},
        waiting=waiting, first_waiting=money_queries.movements_for_a_person(5) if waiting else [],
        all_waiting=url_for("contributions.movement_list", state="unmatched"), word=stripe_columns.category_word,
        tabs=tabs("movement_list"))


@bp.get("/contributions/movements/<uuid:movement_id>/")
@needs("contribution.view_all")
def movement(movement_id: uuid.UUID) -> Any:
    """A movement, and what an officer may do about it."""
    return _movement_page(movement_id)


def _movement_page(movement_id: uuid.UUID, wrong: BaseForm | None = None) -> str:
    page, actor = money_queries.get_movement(movement_id), current_actor()
    row, said = page.row, movements.said_of(movement_id)
    forms: dict[str, Any] = {}
    if row.code == "unmatched":
        payment = row.type in PAYMENTS and not said.entry_ids
        if allows(actor, "contribution.reconcile"):
            if not (payment and row.net.minor > 0) and row.net.currency == "USD" and not row.type.startswith("payout"):
                forms["book"] = BookForm(all_pools(), formdata=None, version=row.version)
            forms["explain"] = ExplainMovementForm(formdata=None, version=row.version)
        if payment and allows(actor, "contribution.deposit"):
            forms["pledge"] = ForPledgeForm(formdata=None, version=row.version)
    for name, form in forms.items():
        if type(form) is type(wrong):
            forms[name] = wrong
    names = people.person_labels(h.actor_id for h in page.history if h.actor_id)
    return render_template(
        "contributions/movement.html", page=page, row=row, forms=forms, wrong=wrong,
        sees_ledger=allows(actor, "ledger.view"),
        what=stripe_columns.category_word(row.category), label=entry_label,
        said=usd(said.net_minor) if said.entry_ids and row.code == "unmatched" else None,
        missing=usd(row.net.minor - said.net_minor) if said.entry_ids and row.net.currency == "USD" else row.net,
        crumbs=[(_("Movements at Stripe"), url_for("contributions.movement_list")), (row.txn_id, None)],
        timeline=timeline_items(page.history, MOVEMENT, names, labels={
            "book": _("Booked to a pool"), "explain": _("Explained and closed")}),
    )


def _act(movement_id: uuid.UUID, form: Any, act: Callable[[], Any], done: str) -> Any:
    if form.validate_on_submit():
        try:
            act()
        except RuleBroken as refusal:
            add_error(form, refusal.field, refusal.message)
        else:
            flash(done, "success")
            return redirect(url_for("contributions.movement", movement_id=movement_id), 303)
    return _movement_page(movement_id, form), 422


@bp.post("/contributions/movements/<uuid:movement_id>/book")
@needs("contribution.reconcile")
def book_movement(movement_id: uuid.UUID) -> Any:
    """Book it to a pool."""
    form = BookForm(all_pools())
    return _act(movement_id, form, lambda: movements.book(
        movement_id, uuid.UUID(form.pool.data), current_actor(), form.version.data),
        _("The movement is booked to the pool."))


@bp.post("/contributions/movements/<uuid:movement_id>/explain")
@needs("contribution.reconcile")
def explain_movement(movement_id: uuid.UUID) -> Any:
    """Close it in words."""
    form = ExplainMovementForm()
    return _act(movement_id, form, lambda: movements.explain(
        movement_id, current_actor(), form.words.data or "", form.version.data), _("The movement has been explained."))


@bp.post("/contributions/movements/<uuid:movement_id>/pledge")
@needs("contribution.deposit")
def movement_for_pledge(movement_id: uuid.UUID) -> Any:
    """It is a payment for a pledge."""
    form = ForPledgeForm()
    return _act(movement_id, form, lambda: movements.record_for_pledge(
        current_app.extensions["placard_stripe"], movement_id, form.pledge.data or "", current_actor(),
        form.version.data), _("The payment is recorded for the pledge."))
