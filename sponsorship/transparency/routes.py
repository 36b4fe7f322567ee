"""The fund open to everybody, and to each donor what its own contributions carried."""

from __future__ import annotations

import hashlib
from typing import Any

from flask import Blueprint, Response, current_app, make_response, render_template, request
from flask_babel import get_locale
from flask_babel import gettext as _

from accounts.current import current_actor
from accounts.permissions import organisations_with
from core.web.access import needs, public
from core.web.charts import Bar, BarChart, Definition
from core.web.tables import csv_response
from sponsorship.transparency import donor_queries, queries, tables, words
from sponsorship.transparency.queries import FundPage

bp = Blueprint("fund", __name__)
FRESH_SECONDS = 60  # how far a cache may stand behind the books

DEFINED = ("pledged", "received", "fees", "spent", "spent-direct", "spent-support", "reserved", "available",
           "carries-direct", "average", "carries", "sponsored")


@bp.get("/fund/")
@public
def page() -> Response:
    """The fund's figures, straight from the books."""
    fund = queries.fund_page()
    known = _known(fund)
    if known is not None:
        return known
    return _cacheable(make_response(render_template(
        "transparency/fund.html", fund=fund, chart=_chart(fund), pools=tables.pools_table(fund),
        meetings=tables.meetings_table(fund), definitions=_definitions(fund),
    )), fund)


@bp.get("/fund/figures.csv")
@public
def figures_csv() -> Response:
    """Every figure of the page in one file, with its definition and time."""
    fund = queries.fund_page()
    return _known(fund) or _cacheable(
        csv_response(tables.FIGURE_COLUMNS, list(tables.figure_lines(fund)), "placard-fund.csv"), fund)


def _chart(fund: FundPage) -> BarChart:
    t = fund.totals
    bars = [
        Bar(words.DEFINITIONS["pledged"].term, t.pledged, "outline", "pledged", _("not money yet")),
        Bar(words.DEFINITIONS["received"].term, t.received, "solid", "received"),
        Bar(_("Spent: direct costs"), t.spent_direct, "solid", "spent-direct"),
        Bar(_("Spent: support costs"), t.spent_support, "solid", "spent-support"),
        Bar(words.DEFINITIONS["fees"].term, t.fees, "solid", "fees"),
        Bar(words.DEFINITIONS["reserved"].term, t.reserved, "hatch", "reserved"),
        Bar(words.DEFINITIONS["available"].term, t.available, "dots", "available"),
    ]
    return BarChart(
        _("Since the fund began"), _("US dollars"), bars, as_of=fund.as_of, key="fund-chart", column=_("Figure"),
        note=_("Received = direct costs + support costs + fees + reserved + available."),
    )


def _definitions(fund: FundPage) -> list[Definition]:
    keys = list(DEFINED)
    if fund.waiting:
        keys.insert(1, "waiting")
    if fund.totals.in_transit:
        keys.insert(keys.index("reserved"), "in-transit")
    if fund.totals.shortfall:
        keys.insert(keys.index("carries-direct"), "shortfall")
    return [words.DEFINITIONS[key] for key in keys]


# --- caches -----------------------------------------------------------------------------------------------------
def _may_cache() -> bool:
    """A visitor without a session gets the same page as every other; anybody else sees the own name on it."""
    return current_app.config["SESSION_COOKIE_NAME"] not in request.cookies and "lang" not in request.args


def _tag(fund: FundPage) -> str:
    """Changes with any figure, with the language, and with every minute of the books' clock."""
    seen = (fund.totals, fund.waiting, fund.pools, fund.meetings, fund.carries_direct,
            fund.as_of.replace(second=0, microsecond=0), str(get_locale()), request.path)
    return hashlib.sha256(repr(seen).encode()).hexdigest()[:24]


def _known(fund: FundPage) -> Response | None:
    if not _may_cache() or not request.if_none_match.contains_weak(_tag(fund)):
        return None
    return _cacheable(Response(status=304), fund)


def _cacheable(response: Response, fund: FundPage) -> Response:
    if _may_cache():
        response.headers["Cache-Control"] = f"public, max-age={FRESH_SECONDS}"
        response.vary.update(("Cookie", "Accept-Language"))
        response.set_etag(_tag(fund), weak=True)
    return response


# --- a donor's own page -----------------------------------------------------------------------------------------
def _own() -> donor_queries.DonorPage:
    return donor_queries.donor_page(organisations_with(current_actor(), "contribution.own"))


@bp.get("/donor/results")
@needs("contribution.own")
def donor_results() -> Any:
    """What the contributions of the reader's own organisations carried."""
    result = _own()
    book = words.DEFINITIONS
    return render_template(
        "transparency/donor_results.html", page=result, contributions=tables.contributions_table(result),
        carried=tables.carried_table(result),
        definitions=[words.RECEIVED, book["fees"], book["spent-direct"], book["spent-support"], book["reserved"],
                     words.UNSPENT, words.JOURNEYS, words.DAYS, book["average"]],
    )


@bp.get("/donor/results.csv")
@needs("contribution.own")
def donor_results_csv() -> Response:
    """The same as a file."""
    return csv_response(tables.RESULT_COLUMNS, list(tables.result_lines(_own())), "placard-results.csv")
