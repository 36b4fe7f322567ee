"""Receipts and credit notes: for officers, for donors with an account, and by private link; as pages and as PDF."""

from __future__ import annotations

import uuid
from typing import Any

from flask import render_template, request, url_for
from flask_babel import gettext as _

from accounts.current import current_actor
from accounts.permissions import organisations_with
from core.pdf import pdf_response, render
from core.web.access import needs, public
from core.web.downloads import download
from core.web.tables import TableQuery
from sponsorship.contributions import back_lists, paper_queries
from sponsorship.contributions.blueprint import bp
from sponsorship.contributions.donor_tabs import donor_tabs
from sponsorship.contributions.officer_tabs import tabs
from sponsorship.contributions.paper_pdf import paper_document, paper_facts, paper_notes
from sponsorship.contributions.paper_queries import PaperPage, PaperRow

Crumbs = list[tuple[str, str | None]]


def _query() -> TableQuery:
    return TableQuery.from_args(request.args, paper_queries.SORTABLE, back_lists.PAPER_FILTERS)


def _own() -> set[uuid.UUID]:
    return organisations_with(current_actor(), "contribution.own")


def _show(page: PaperPage, crumbs: Crumbs, endpoint: str, **values: Any) -> str:
    """The page of a paper; `endpoint` and `values` lead to others of the same reader."""
    return render_template(
        "contributions/receipt.html", page=page, row=page.row, facts=paper_facts(page), notes=paper_notes(page),
        crumbs=[*crumbs, (page.row.number, None)],
        url=lambda other: url_for(f"contributions.{endpoint}", paper_id=other.id, **values),
        pdf_url=url_for(f"contributions.{endpoint}_pdf", paper_id=page.row.id, **values))


def _pdf(page: PaperPage) -> Any:
    return pdf_response(render(paper_document(page)), page.row.number)


# --- officers ---------------------------------------------------------------------------------------------------
@bp.get("/contributions/receipts/")
@needs("contribution.view_all")
def paper_list() -> Any:
    """Every receipt and credit note."""
    query = _query()
    rows, total = paper_queries.list_papers(query, everything=query.format is not None)
    if query.format:
        return download(query, back_lists.paper_columns(), rows, "receipts")
    table = back_lists.paper_table(rows, total, query, url_for("contributions.paper_list"),
                                   lambda row: url_for("contributions.paper", paper_id=row.id))
    return render_template("contributions/papers.html", table=table, tabs=tabs("paper_list"))


@bp.get("/contributions/receipts/<uuid:paper_id>/")
@needs("contribution.view_all")
def paper(paper_id: uuid.UUID) -> Any:
    """A paper, as the donor sees it."""
    page = paper_queries.get_paper(paper_id)
    return _show(page, [(_("Contributions"), url_for("contributions.contribution_list")),
                        (page.row.contribution_reference,
                         url_for("contributions.contribution", contribution_id=page.row.contribution_id))], "paper")


@bp.get("/contributions/receipts/<uuid:paper_id>/paper.pdf")
@needs("contribution.view_all")
def paper_pdf(paper_id: uuid.UUID) -> Any:
    """The paper itself."""
    return _pdf(paper_queries.get_paper(paper_id))


@bp.get("/contributions/<uuid:contribution_id>/receipt/")
@needs("contribution.view_all")
def receipt(contribution_id: uuid.UUID) -> Any:
    """The receipt of a contribution."""
    return paper(paper_queries.receipt_id_of(contribution_id))


# --- donors with an account -------------------------------------------------------------------------------------
def _home() -> tuple[str, str | None]:
    return _("My contributions"), url_for("contributions.donor_home")


@bp.get("/donor/receipts/")
@needs("contribution.own")
def own_papers() -> Any:
    """Receipts and credit notes of the person's own organisations."""
    query = _query()
    rows, total = paper_queries.list_papers(query, _own(), everything=query.format is not None)
    if query.format:
        return download(query, back_lists.paper_columns(own=True), rows, "receipts")
    table = back_lists.paper_table(rows, total, query, url_for("contributions.own_papers"),
                                   lambda row: url_for("contributions.own_paper", paper_id=row.id), own=True)
    return render_template("contributions/own_papers.html", table=table, tabs=donor_tabs("contributions.own_papers"),
                           crumbs=[_home(), (_("Receipts and credit notes"), None)])


@bp.get("/donor/papers/<uuid:paper_id>/")
@needs("contribution.own")
def own_paper(paper_id: uuid.UUID) -> Any:
    """A paper of the person's own organisation."""
    return _show(paper_queries.own_paper(paper_id, _own()), [_home()], "own_paper")


@bp.get("/donor/papers/<uuid:paper_id>/paper.pdf")
@needs("contribution.own")
def own_paper_pdf(paper_id: uuid.UUID) -> Any:
    """The paper itself."""
    return _pdf(paper_queries.own_paper(paper_id, _own()))


@bp.get("/donor/receipts/<uuid:contribution_id>/")
@needs("contribution.own")
def own_receipt(contribution_id: uuid.UUID) -> Any:
    """The receipt of a contribution of the person's own organisation."""
    return own_paper(paper_queries.receipt_id_of(contribution_id))


# --- by private link --------------------------------------------------------------------------------------------
def _crumbs(pledge_id: uuid.UUID, token: str, reference: str) -> Crumbs:
    return [(_("Contribute"), url_for("contributions.donate")),
            (reference, url_for("contributions.pledge_by_link", pledge_id=pledge_id, token=token))]


@bp.get("/donate/pledges/<uuid:pledge_id>/<string:token>/receipts/")
@public
def papers_by_link(pledge_id: uuid.UUID, token: str) -> Any:
    """Receipts and credit notes of a donor without an account."""
    rows = paper_queries.papers_by_link(pledge_id, token)
    query = TableQuery.from_args(request.args)
    if query.format:
        return download(query, back_lists.paper_columns(own=True), rows, "receipts")

    def url(row: PaperRow) -> str:
        return url_for("contributions.paper_by_link", pledge_id=pledge_id, token=token, paper_id=row.id)

    base = url_for("contributions.papers_by_link", pledge_id=pledge_id, token=token)
    table = back_lists.paper_table(rows, len(rows), query, base, url, own=True, filters=())
    reference = rows[0].pledge_reference if rows else _("Your pledge")
    return render_template("contributions/own_papers.html", table=table, crumbs=[
        *_crumbs(pledge_id, token, reference), (_("Receipts and credit notes"), None)])


@bp.get("/donate/pledges/<uuid:pledge_id>/<string:token>/papers/<uuid:paper_id>/")
@public
def paper_by_link(pledge_id: uuid.UUID, token: str, paper_id: uuid.UUID) -> Any:
    """A paper of a donor without an account."""
    page = paper_queries.paper_by_link(pledge_id, token, paper_id)
    crumbs = [*_crumbs(pledge_id, token, page.row.pledge_reference),
              (_("Receipts and credit notes"), url_for("contributions.papers_by_link", pledge_id=pledge_id,
                                                       token=token))]
    return _show(page, crumbs, "paper_by_link", pledge_id=pledge_id, token=token)


@bp.get("/donate/pledges/<uuid:pledge_id>/<string:token>/papers/<uuid:paper_id>/paper.pdf")
@public
def paper_by_link_pdf(pledge_id: uuid.UUID, token: str, paper_id: uuid.UUID) -> Any:
    """The paper itself."""
    return _pdf(paper_queries.paper_by_link(pledge_id, token, paper_id))


@bp.get("/donate/pledges/<uuid:pledge_id>/<string:token>/receipts/<uuid:contribution_id>/")
@public
def receipt_by_link(pledge_id: uuid.UUID, token: str, contribution_id: uuid.UUID) -> Any:
    """The receipt of a contribution of a donor without an account."""
    return paper_by_link(pledge_id, token, paper_queries.receipt_id_of(contribution_id))
