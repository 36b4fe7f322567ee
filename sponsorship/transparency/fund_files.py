"""The public figures as files: CSV with one line for each figure, its definition and its time; workbooks with the
tables of the page, and the definitions on a sheet of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Response
from flask_babel import gettext as _

from core.money import Money
from core.web.charts import Definition
from core.web.formats import format_instant
from core.web.sheets import Sheet, xlsx_response
from core.web.tables import Column, Table, csv_response
from sponsorship.transparency.meeting_figures import SponsoredMeeting
from sponsorship.transparency.queries import FundPage, YearPage
from sponsorship.transparency.words import DEFINITIONS
from sponsorship.transparency.years import MONEY_IN, YearLine


@dataclass(frozen=True, slots=True)
class FigureLine:
    """One line of a file of figures. `scope` is fund, year, pool or meeting; `subject` its year, code or slug."""

    scope: str
    subject: str
    figure: str
    value: Money | int
    meaning: str
    as_of: datetime

    @property
    def unit(self) -> str:
        return self.value.currency if isinstance(self.value, Money) else ""


# headings of the file stay English, as the codes in it: programs read them
FIGURE_COLUMNS = tuple(Column(key, key) for key in ("scope", "subject", "figure", "value", "unit", "as_of", "meaning"))
_TOTALS = ("pledged", "received", "exchange", "refunded", "disputed", "fees", "losses", "spent_direct",
           "spent_support", "in_transit", "reserved", "available", "shortfall")
_HELD_BACK = ("losses", "spent_direct", "spent_support", "in_transit", "reserved", "available")  # of a small pool
_YEAR = {"opening": "opening", "pledged": "pledged-in-year", "received": "received", "exchange": "exchange",
         "refunded": "refunded", "disputed": "disputed", "fees": "fees", "losses": "losses",
         "spent_direct": "spent-direct", "spent_support": "spent-support", "closing": "closing"}


def _line(scope: str, subject: str, key: str, value: Money | int, as_of: datetime) -> FigureLine:
    return FigureLine(scope, subject, key, value, str(DEFINITIONS[key.partition(":")[0]].text), as_of)


def fund_lines(page: FundPage) -> Iterator[FigureLine]:
    """Every figure of the fund's first page."""
    for name in _TOTALS:
        yield _line("fund", "fund", name.replace("_", "-"), getattr(page.totals, name), page.as_of)
    for key in ("announced", "agreed", "overdue"):
        yield _line("fund", "fund", key, getattr(page.to_come, key), page.as_of)
    yield _line("fund", "fund", "waiting", page.waiting, page.as_of)
    yield _line("fund", "fund", "carries-direct", page.carries_direct, page.as_of)
    if page.carries is not None:
        yield _line("fund", "fund", "carries", page.carries, page.as_of)
    yield _line("fund", "fund", "sponsored", page.delegates, page.as_of)
    yield from years_lines(page)
    yield from pools_lines(page)
    meetings = {row.meeting.id: row for row in (*page.meetings, *filter(None, [page.averaged]))}
    yield from meetings_lines(meetings.values(), page.as_of)


def years_lines(page: FundPage) -> Iterator[FigureLine]:
    """Every figure of every year."""
    for line in page.years:
        yield from year_lines(line, page.as_of)


def year_lines(line: YearLine, as_of: datetime) -> Iterator[FigureLine]:
    """Every figure of one year."""
    for name, key in _YEAR.items():
        yield _line("year", str(line.year), key, getattr(line, name), as_of)


def pools_lines(page: FundPage) -> Iterator[FigureLine]:
    """Every figure of every pool that may be told."""
    for pool in page.pools:
        for name in _TOTALS:
            if pool.told or name not in _HELD_BACK:
                yield _line("pool", pool.code, name.replace("_", "-"), getattr(pool.figures, name), page.as_of)


def meetings_lines(rows: Iterable[SponsoredMeeting], as_of: datetime) -> Iterator[FigureLine]:
    """Every figure of these meetings that may be told; `group:African` and its like by regional group."""
    for row in rows:
        found: list[tuple[str, Money | int | None]] = [
            ("sponsored", row.delegates), ("states", row.states), ("days", row.days),
            ("women", row.sexes[0] if row.sexes else None), ("men", row.sexes[1] if row.sexes else None),
            ("meeting-direct", row.direct), ("meeting-support", row.support), ("average", row.average),
            *((f"group:{'other' if line.group is None else line.group or 'none'}", line.delegates)
              for line in row.groups),
        ]
        for key, value in found:
            if value is not None:
                yield _line("meeting", row.meeting.slug, key, value, as_of)


def year_page_lines(page: YearPage) -> Iterator[FigureLine]:
    """Every figure of one year's page."""
    yield from year_lines(page.line, page.as_of)
    for pool in page.pools:
        for key in MONEY_IN:
            yield _line("year-pool", f"{page.line.year}:{pool.code}", key, getattr(pool, key), page.as_of)
    yield from meetings_lines(page.meetings, page.as_of)


def file_of(
    kind: str, name: str, lines: Iterable[FigureLine], tables: Sequence[Table], as_of: datetime,
    definitions: Sequence[Definition],
) -> Response:
    """The file in the format asked for: `csv` or `xlsx`."""
    if kind == "csv":
        return csv_response(FIGURE_COLUMNS, lines, name)
    notes = (stamp(as_of),)
    sheets = [Sheet(table.caption, table.columns, table.rows, table.totals, notes) for table in tables]
    return xlsx_response([*sheets, definitions_sheet(definitions, as_of)], name)


def figures_sheet(lines: Iterable[FigureLine]) -> Table:
    """The same lines as a sheet, for the workbook of everything."""
    return Table(_("Every figure"), FIGURE_COLUMNS, lines, csv=False)


def definitions_sheet(definitions: Sequence[Definition], as_of: datetime) -> Sheet:
    """What the figures of a workbook mean."""
    columns: list[Column] = [Column("term", _("Figure"), csv=lambda d: str(d.term)),
                             Column("text", _("What it means"), csv=lambda d: str(d.text))]
    return Sheet(_("What the figures mean"), columns, definitions, notes=(stamp(as_of),))


def stamp(as_of: datetime) -> str:
    """When the figures were read, and what they are."""
    return _("As of %(when)s. Interim until the accounts of the year are certified.", when=format_instant(as_of, "UTC"))


def every_definition(*left_out: str) -> list[Definition]:
    """All definitions of the public pages."""
    return [definition for key, definition in DEFINITIONS.items() if key not in left_out]


def column_definitions(tables: Sequence[Table]) -> list[Definition]:
    """The definitions of the terms that head these tables."""
    heads: set[Any] = {str(column.label) for table in tables for column in table.columns}
    return [definition for definition in DEFINITIONS.values() if str(definition.term) in heads]
