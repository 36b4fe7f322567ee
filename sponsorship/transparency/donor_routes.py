"""A donor's own pages: what its contributions carried, and its statement of account."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Response, render_template, request, url_for
from flask_babel import gettext as _

from accounts import queries as people
from accounts.current import current_actor
from accounts.permissions import organisations_with
from core import clock
from core.db import end_reading
from core.errors import NotFound
from core.pdf import pdf_response, render
from core.web.access import needs
from core.web.sheets import xlsx_response
from core.web.tables import csv_response
from sponsorship.contributions.donor_tabs import donor_tabs
from sponsorship.transparency import donor_queries, papers, statement_tables, statements
from sponsorship.transparency import donor_tables as tables
from sponsorship.transparency.blueprint import bp
from sponsorship.transparency.forms import PeriodForm
from sponsorship.transparency.fund_files import definitions_sheet
from sponsorship.transparency.words import DAYS, DEFINITIONS, HELD, JOURNEYS, RECEIVED, UNSPENT


def _own() -> donor_queries.DonorPage:
    return donor_queries.donor_page(organisations_with(current_actor(), "contribution.own"))


def _definitions(page: donor_queries.DonorPage) -> list[Any]:
    book = DEFINITIONS
    rare = [book[key] for key in ("exchange", "refunded", "losses") if getattr(page.total, key)]
    rare += [HELD] if page.total.disputed else []
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
        tabs=donor_tabs("fund.donor_results"),
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


# --- the statement ----------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class _Asked:
    """What the address asks for: whose statement, from when to when. `args` repeat it in other addresses."""

    organisation_id: uuid.UUID
    first: date | None
    last: date
    args: dict[str, Any]
    form: PeriodForm
    year: str | None

    def read(self) -> statements.Statement:
        return statements.statement(self.organisation_id, self.first, self.last)


def _asked() -> _Asked:
    """Raises NotFound for an organisation that the reader does not give for: whether it exists is nobody's business."""
    own = organisations_with(current_actor(), "contribution.own")
    wanted = request.args.get("donor")
    chosen = min(own, key=str) if wanted is None else next((key for key in own if str(key) == wanted), None)
    if chosen is None:
        raise NotFound()
    args: dict[str, Any] = {"donor": wanted} if wanted else {}
    form = PeriodForm(request.args)
    today = clock.today()
    if {"start", "end"} & set(request.args) and form.validate():
        first, last = form.days
        args |= {"start": first.isoformat() if first else None, "end": last.isoformat()}
        return _Asked(chosen, first, last, args, form, None)
    year = request.args.get("year", "")
    if year == "all":
        return _Asked(chosen, None, today, args | {"year": year}, form, year)
    number = int(year) if re.fullmatch(r"20\d\d", year) and int(year) <= today.year else today.year
    return _Asked(chosen, date(number, 1, 1), date(number, 12, 31), args | {"year": number}, form, str(number))


@bp.get("/donor/statement")
@needs("contribution.own")
def donor_statement() -> Any:
    """The account of one of the reader's organisations, by year or between two days."""
    asked = _asked()
    page = asked.read()
    own = people.names(organisations_with(current_actor(), "contribution.own"))
    html = render_template(
        "transparency/donor_statement.html", page=page, form=asked.form, asked=asked,
        account=statement_tables.account_rows(page), tables=statement_tables.sections(page),
        period=statement_tables.period_words(page), definitions=statement_tables.definitions(page),
        donors=[{"label": name, "url": url_for("fund.donor_statement", **asked.args | {"donor": key}),
                 "current": key == asked.organisation_id} for key, name in sorted(own.items(), key=lambda p: p[1])],
        years=_year_tabs(asked, list(own)), tabs=donor_tabs("fund.donor_statement"),
    )
    return html, 422 if asked.form.errors else 200


def _year_tabs(asked: _Asked, own: list[uuid.UUID]) -> list[dict[str, Any]]:
    donor = {"donor": asked.args["donor"]} if "donor" in asked.args else {}
    choices = [(str(year), str(year)) for year in statements.years_of(own)] + [("all", _("Since the beginning"))]
    return [{"label": label, "url": url_for("fund.donor_statement", year=value, **donor),
             "current": value == asked.year} for value, label in choices]


@bp.get("/donor/statement.xlsx")
@needs("contribution.own")
def donor_statement_xlsx() -> Response:
    """The same as a workbook."""
    page = _asked().read()
    return xlsx_response(statement_tables.sheets(page), papers.statement_reference(page))


@bp.get("/donor/statement.pdf")
@needs("contribution.own")
def donor_statement_pdf() -> Response:
    """The same as an official paper."""
    page = _asked().read()
    paper = papers.statement_paper(page)
    end_reading()
    return pdf_response(render(paper), papers.statement_reference(page))
