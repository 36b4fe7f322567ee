"""The fund open to everybody: its figures by year, pool and meeting, each with its definition and as a file."""

from __future__ import annotations

from typing import Any

from flask import Response, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _

from core.errors import NotFound
from core.web.access import public
from core.web.chart_svg import chart_svg, svg_response
from core.web.charts import BarChart, Definition, SeriesChart
from core.web.links import absolute
from core.web.tables import Table, TableQuery
from sponsorship.transparency import donor_routes as _donor_routes  # noqa: F401 - adds its routes
from sponsorship.transparency import fund_charts as charts
from sponsorship.transparency import fund_files as files
from sponsorship.transparency import fund_tables as tables
from sponsorship.transparency import letter_routes as _letter_routes  # noqa: F401 - adds its routes
from sponsorship.transparency import queries
from sponsorship.transparency.blueprint import bp
from sponsorship.transparency.fresh import answer, figures
from sponsorship.transparency.queries import FundPage, MeetingPage, MeetingsPage, YearPage
from sponsorship.transparency.words import DEFINITIONS, WITHHELD

_CORE = ("received", "spent", "spent-direct", "spent-support", "reserved", "available", "fees", "carries-direct",
         "average", "carries", "pledged", "announced", "agreed", "overdue", "pledged-in-year", "closing", "sponsored",
         "states", "days", "women", "men", "group")


def _fund() -> FundPage:
    return figures(("fund",), queries.fund_page)


@bp.get("/fund/")
@public
def page() -> Response:
    """The fund's figures, straight from the books."""
    fund = _fund()
    return answer(fund, lambda: make_response(render_template(
        "transparency/fund.html", fund=fund, chart=charts.balance_chart(fund), years_chart=charts.years_chart(fund),
        meetings_chart=charts.meetings_chart(fund), years=tables.years_table(fund), pools=tables.pools_table(fund),
        meetings=tables.meetings_table(fund.meetings, _("By meeting, once it is over")), more=queries.MORE,
        held_back=not all(pool.told for pool in fund.pools), definitions=_definitions(fund),
    )))


def _definitions(fund: FundPage) -> list[Definition]:
    """Those of the figures that the page shows."""
    shown = set(_CORE)
    shown |= {key for key, value in (
        ("waiting", fund.waiting), ("in-transit", fund.totals.in_transit), ("shortfall", fund.totals.shortfall),
        ("exchange", fund.totals.exchange), ("refunded", fund.totals.refunded), ("disputed", fund.totals.disputed),
        ("losses", fund.totals.losses),
    ) if value}
    return [definition for key, definition in DEFINITIONS.items() if key in shown]


@bp.get("/fund/figures.csv")
@public
def figures_csv() -> Response:
    """Every figure of the page in one file, with its definition and time."""
    return _everything("csv")


@bp.get("/fund/figures.xlsx")
@public
def figures_xlsx() -> Response:
    """The same as a workbook, with the tables of the page."""
    return _everything("xlsx")


def _everything(kind: str) -> Response:
    fund = _fund()
    return answer(fund, lambda: files.file_of(
        kind, "placard-fund", files.fund_lines(fund),
        [files.figures_sheet(files.fund_lines(fund)), tables.years_table(fund), tables.pools_table(fund),
         tables.meetings_table(fund.meetings, _("By meeting"))] if kind == "xlsx" else [],
        fund.as_of, files.every_definition()))


@bp.get("/fund/tables/<string:name>")
@public
def table(name: str) -> Any:
    """One table of the page as a file; without a format, the table on the page."""
    made = {"years": (tables.years_table, files.years_lines), "pools": (tables.pools_table, files.pools_lines)}
    if name not in made:
        raise NotFound()
    kind = TableQuery.from_args(request.args).format
    if kind is None:
        return redirect(url_for("fund.page", _anchor=name))
    fund, (shown, lines) = _fund(), made[name]
    return answer(fund, lambda: _table_file(kind, f"placard-fund-{name}", lines(fund), [shown(fund)], fund))


def _table_file(
    kind: str, name: str, lines: Any, shown: list[Table], read: FundPage | YearPage | MeetingsPage | MeetingPage
) -> Response:
    return files.file_of(kind, name, lines, shown, read.as_of, files.column_definitions(shown))


@bp.get("/fund/charts/<string:name>.svg")
@public
def chart(name: str) -> Response:
    """A chart of the page as a picture."""
    made: dict[str, Any] = {"balance": charts.balance_chart, "years": charts.years_chart,
                            "meetings": charts.meetings_chart}
    if name not in made:
        raise NotFound()
    fund = _fund()
    return answer(fund, lambda: _picture(made[name](fund), f"placard-fund-{name}", "fund.page"))


def _picture(drawn: BarChart | SeriesChart, name: str, endpoint: str, **values: Any) -> Response:
    address = absolute(endpoint, _anchor="meaning", **values)
    source = _("The fund’s own books. What the figures mean: %(address)s", address=address)
    return svg_response(chart_svg(drawn, source), name)


# --- one year ---------------------------------------------------------------------------------------------------
def _year(number: int) -> YearPage:
    return figures(("year", number), lambda: queries.year_page(number))


@bp.get("/fund/years/<int:year>")
@public
def year(year: int) -> Response:
    """One year of the fund: from its beginning to its end."""
    found = _year(year)
    kind = TableQuery.from_args(request.args).format
    pools = tables.year_pools_table(found)
    meetings = tables.meetings_table(found.meetings, _("Meetings that ended in %(year)s", year=year))
    if kind:
        return answer(found, lambda: files.file_of(
            kind, f"placard-fund-{year}", files.year_page_lines(found),
            [files.figures_sheet(files.year_lines(found.line, found.as_of)), pools, meetings], found.as_of,
            files.every_definition()))
    return answer(found, lambda: make_response(render_template(
        "transparency/fund_year.html", page=found, line=found.line, chart=charts.year_chart(found), pools=pools,
        meetings=meetings, definitions=_year_definitions(found), tabs=[
            {"label": str(other), "url": url_for("fund.year", year=other), "current": other == year}
            for other in found.others])))


def _year_definitions(found: YearPage) -> list[Definition]:
    keys = ["opening", "pledged-in-year", "received", "fees", "spent-direct", "spent-support", "closing"]
    keys += [key for key in ("exchange", "refunded", "disputed", "losses") if getattr(found.line, key)]
    if found.meetings:
        keys += ["sponsored", "states", "days", "women", "men", "average"]
    return [definition for key, definition in DEFINITIONS.items() if key in keys]


@bp.get("/fund/years/<int:year>/chart.svg")
@public
def year_chart(year: int) -> Response:
    """The year's chart as a picture."""
    found = _year(year)
    return answer(found, lambda: _picture(charts.year_chart(found), f"placard-fund-{year}", "fund.year", year=year))


# --- meetings ---------------------------------------------------------------------------------------------------
@bp.get("/fund/meetings/")
@public
def meetings() -> Response:
    """Every meeting that is over and had sponsored delegates."""
    query = TableQuery.from_args(request.args)
    first, count = (0, None) if query.format else (query.offset, query.limit)
    found = figures(("meetings", first, count), lambda: queries.meetings_page(first, count))
    shown = tables.all_meetings_table(found, query)
    if query.format:
        return answer(found, lambda: _table_file(
            str(query.format), "placard-fund-meetings", files.meetings_lines(found.rows, found.as_of), [shown], found))
    return answer(found, lambda: make_response(render_template(
        "transparency/fund_meetings.html", page=found, table=shown, definitions=_meeting_definitions())))


def _meeting_definitions(*more: str) -> list[Definition]:
    keys = ("sponsored", "states", "days", "women", "men", "average", *more)
    return [definition for key, definition in DEFINITIONS.items() if key in keys]


def _meeting(slug: str) -> MeetingPage:
    return figures(("meeting", slug), lambda: queries.meeting_page(slug))


@bp.get("/fund/meetings/<string:slug>")
@public
def meeting(slug: str) -> Response:
    """One meeting: how many delegates the fund carried there, from where, at what average cost."""
    found = _meeting(slug)
    kind = TableQuery.from_args(request.args).format
    if kind:
        shown = [tables.meetings_table((found.row,), _("The meeting")), tables.groups_table(found)]
        return answer(found, lambda: files.file_of(
            kind, f"placard-fund-{slug}", files.meetings_lines((found.row,), found.as_of), shown, found.as_of,
            _meeting_definitions("group", "meeting-direct", "meeting-support")))
    return answer(found, lambda: make_response(render_template(
        "transparency/fund_meeting.html", page=found, row=found.row, chart=charts.groups_chart(found),
        withheld=WITHHELD.get(found.row.withheld),
        definitions=_meeting_definitions("group", "meeting-direct", "meeting-support"))))


@bp.get("/fund/meetings/<string:slug>/chart.svg")
@public
def meeting_chart(slug: str) -> Response:
    """Delegates by regional group as a picture, where that may be told."""
    found = _meeting(slug)
    drawn = charts.groups_chart(found)
    if drawn is None:
        raise NotFound()
    return answer(found, lambda: _picture(drawn, f"placard-{slug}-groups", "fund.meeting", slug=slug))
