"""A donor's own pages: what its contributions carried, and its statement of account."""

from __future__ import annotations

from typing import Any

from flask import Response, render_template

from accounts.current import current_actor
from accounts.permissions import organisations_with
from core.web.access import needs
from core.web.sheets import xlsx_response
from core.web.tables import csv_response
from sponsorship.transparency import donor_queries
from sponsorship.transparency import donor_tables as tables
from sponsorship.transparency.blueprint import bp
from sponsorship.transparency.fund_files import definitions_sheet
from sponsorship.transparency.words import DAYS, DEFINITIONS, JOURNEYS, RECEIVED, UNSPENT


def _own() -> donor_queries.DonorPage:
    return donor_queries.donor_page(organisations_with(current_actor(), "contribution.own"))


def _definitions(page: donor_queries.DonorPage) -> list[Any]:
    book = DEFINITIONS
    rare = [book[key] for key in ("exchange", "refunded", "losses") if getattr(page.total, key)]
    return [RECEIVED, *rare, book["fees"], book["spent-direct"], book["spent-support"], book["reserved"], UNSPENT,
            JOURNEYS, DAYS, book["average"], book["group"], book["women"]]


@bp.get("/donor/results")
@needs("contribution.own")
def donor_results() -> Any:
    """What the contributions of the reader's own organisations carried."""
    page = _own()
    return render_template(
        "transparency/donor_results.html", page=page, contributions=tables.contributions_table(page),
        carried=tables.carried_table(page), groups=tables.groups_table(page), definitions=_definitions(page),
    )


@bp.get("/donor/results.csv")
@needs("contribution.own")
def donor_results_csv() -> Response:
    """The same as a file."""
    return csv_response(tables.RESULT_COLUMNS, list(tables.result_lines(_own())), "placard-results.csv")


@bp.get("/donor/results.xlsx")
@needs("contribution.own")
def donor_results_xlsx() -> Response:
    """The same as a workbook."""
    page = _own()
    return xlsx_response([*tables.result_sheets(page), definitions_sheet(_definitions(page), page.as_of)],
                         "placard-results")
