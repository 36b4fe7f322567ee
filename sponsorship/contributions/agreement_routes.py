"""Officers' pages of agreements with donors: the list, one agreement with its money and papers, a new one."""

from __future__ import annotations

import uuid
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from accounts import queries as people
from accounts.current import current_actor
from accounts.permissions import allows
from core import files
from core.errors import RuleBroken
from core.web.access import needs
from core.web.downloads import download
from core.web.forms import add_error
from core.web.tables import TableQuery
from core.web.timeline import TimelineItem
from sponsorship.contributions import agreement_queries, lists, service
from sponsorship.contributions.agreement_files import add_file, stored_file_of, withdraw_file
from sponsorship.contributions.agreement_queries import CLAUSES
from sponsorship.contributions.agreements import check_terms
from sponsorship.contributions.blueprint import bp
from sponsorship.contributions.earmark_reach import doubts
from sponsorship.contributions.earmark_words import earmark_words
from sponsorship.contributions.giving_words import rate_of_support
from sponsorship.contributions.officer_tabs import tabs
from sponsorship.contributions.pledge_forms import AgreementForm, FileForm, day_of
from sponsorship.contributions.pledge_routes import DONOR_KINDS
from sponsorship.contributions.pools import all_pools, unearmarked


@bp.get("/contributions/agreements/")
@needs("contribution.view_all")
def agreement_list() -> Any:
    """Agreements with donors."""
    query = TableQuery.from_args(request.args)
    rows = agreement_queries.list_agreements()
    if query.format:
        return download(query, lists.AGREEMENT_COLUMNS, rows, "agreements")
    return render_template("contributions/agreements.html", table=lists.agreement_table(rows),
                           tabs=tabs("agreement_list"), may_record=allows(current_actor(), "contribution.agreement"))


# --- one agreement ----------------------------------------------------------------------------------------------
@bp.get("/contributions/agreements/<uuid:agreement_id>/")
@needs("contribution.view_all")
def agreement(agreement_id: uuid.UUID) -> Any:
    """One agreement: its terms, its money, its pledges, its papers."""
    return _agreement_page(agreement_id)


def _agreement_page(agreement_id: uuid.UUID, form: FileForm | None = None) -> str:
    page = agreement_queries.agreement_page(agreement_id)
    may = allows(current_actor(), "contribution.agreement")
    return render_template(
        "contributions/agreement.html", page=page, row=page.row, officer=True,
        table=lists.pledges_under(page.pledges, officer=True), rate=rate_of_support(page.row.support_rate_bp),
        file_url=lambda row: url_for("contributions.agreement_file", file_id=row.id),
        file_form=(form or FileForm(formdata=None)) if may else None, timeline=_timeline(page),
        crumbs=[(_("Contribution agreements"), url_for("contributions.agreement_list")), (page.row.reference, None)])


def _timeline(page: agreement_queries.AgreementPage) -> list[TimelineItem]:
    words = {
        "record": _("Put on record"), "add-file": _("Paper added"), "withdraw-file": _("Paper taken back"),
        "end-notice": _("The fund manager was told of its end"),
    }
    names = people.person_labels(h.actor_id for h in page.history if h.actor_id)
    return [
        TimelineItem(h.at, words.get(h.tag.rsplit(".", 1)[-1], h.tag), names.get(h.actor_id, "") if h.actor_id else
                     _("Placard, by schedule"), None, "neutral")
        for h in page.history
    ]


@bp.post("/contributions/agreements/<uuid:agreement_id>/files")
@needs("contribution.agreement")
def add_agreement_file(agreement_id: uuid.UUID) -> Any:
    """Put a paper with the agreement."""
    form = FileForm()
    if form.validate_on_submit():
        try:
            upload = files.check_upload(form.file.data, field="file", kinds=("pdf",))
            add_file(agreement_id, form.kind.data, form.title.data, upload, current_actor())
        except RuleBroken as refusal:
            add_error(form, refusal.field, refusal.message)
        else:
            flash(_("The paper stands with the agreement; the donor sees it."), "success")
            return redirect(url_for("contributions.agreement", agreement_id=agreement_id), 303)
    return _agreement_page(agreement_id, form), 422


@bp.get("/contributions/files/<uuid:file_id>")
@needs("contribution.view_all")
def agreement_file(file_id: uuid.UUID) -> Any:
    """A paper between the fund and a donor."""
    return files.serve(stored_file_of(file_id))


@bp.post("/contributions/files/<uuid:file_id>/withdraw")
@needs("contribution.agreement")
def withdraw_agreement_file(file_id: uuid.UUID) -> Any:
    """Take a paper back that was added by mistake."""
    agreement_id = withdraw_file(file_id, current_actor())
    flash(_("The paper has been taken back; the donor no longer sees it."), "success")
    return redirect(url_for("contributions.agreement", agreement_id=agreement_id), 303)


# --- a new agreement --------------------------------------------------------------------------------------------
def _form(**kwargs: Any) -> AgreementForm:
    donors = people.list_organisations(DONOR_KINDS, people.shows_demonstration())
    pools = [unearmarked(), *(choice for choice in all_pools() if choice.earmark)]
    return AgreementForm([(str(row.id), row.name) for row in donors], pools, **kwargs)


@bp.get("/contributions/agreements/new")
@needs("contribution.agreement")
def new_agreement() -> Any:
    """The form of an agreement."""
    return render_template("contributions/agreement_new.html", form=_form(formdata=None, purpose="general"))


@bp.post("/contributions/agreements/new")
@needs("contribution.agreement")
def record_agreement() -> Any:
    """Show what will stand, then put the agreement on record."""
    form, step = _form(), request.form.get("step")
    if step == "change" or not form.validate_on_submit():
        return render_template("contributions/agreement_new.html", form=form), 200 if step == "change" else 422
    good, earmark = form.chosen()
    if good:
        terms = service.AgreementTerms(
            uuid.UUID(form.organisation.data), form.reference.data, day_of(form.exchange_of_letters),
            form.support_rate.basis_points or 0, form.end_date.data, form.pool_id, form.refund_clause.data, earmark)
        try:
            if step == "confirm":
                made = service.record_agreement(terms, current_actor())
                flash(_("The agreement is on record."), "success")
                return redirect(url_for("contributions.agreement", agreement_id=made), 303)
            check_terms(terms)
            return render_template(
                "contributions/agreement_check.html", terms=terms, donor=people.name(terms.organisation_id),
                rate=rate_of_support(terms.support_rate_bp), purpose=earmark_words(earmark), doubts=doubts(earmark),
                clause=CLAUSES[terms.refund_clause])
        except RuleBroken as refusal:
            add_error(form, refusal.field, refusal.message)
    return render_template("contributions/agreement_new.html", form=form), 422


