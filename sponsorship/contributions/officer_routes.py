"""Officers' pages: pledges and agreements."""

from __future__ import annotations

import uuid
from datetime import date
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
from sponsorship.contributions import agreement_queries, figures, lists, queries, service
from sponsorship.contributions.blueprint import bp
from sponsorship.contributions.forms import AgreementForm, CancelForm
from sponsorship.contributions.officer_tabs import tabs
from sponsorship.contributions.pools import all_pools
from sponsorship.contributions.transitions import OPEN, PLEDGE


@bp.get("/contributions/pledges/")
@needs("contribution.view_all")
def pledge_list() -> Any:
    """Every pledge."""
    query = TableQuery.from_args(request.args, lists.PLEDGE_SORTABLE, lists.PLEDGE_FILTERS)
    rows, total = queries.list_pledges(query, everything=query.format is not None)
    if query.format:
        return download(query, lists.PLEDGE_COLUMNS, rows, "pledges")
    return render_template("contributions/pledges.html", table=lists.pledge_table(rows, total, query),
                           tabs=tabs("pledges"), figures=figures.pledge_figures())


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
                           tabs=tabs("agreements"), may_record=allows(current_actor(), "contribution.agreement"))


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
