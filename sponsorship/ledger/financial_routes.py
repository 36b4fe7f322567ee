"""The financial statement as a page, a paper and a workbook."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from flask import Response, render_template, request, url_for
from flask_babel import get_locale
from flask_babel import gettext as _

from accounts.queries import shows_demonstration
from core import clock
from core.money import Money, usd
from core.pdf import Document, Heading, Note, TableBlock, pdf_response, render
from core.web.access import needs
from core.web.formats import format_day, format_instant
from core.web.sheets import Sheet, xlsx_response
from core.web.tables import Column, Table
from sponsorship.ledger import financials, words
from sponsorship.ledger.blueprint import bp
from sponsorship.ledger.financials import FinancialStatement, Section
from sponsorship.ledger.forms import DayForm
from sponsorship.ledger.lists import money, pool_name, worded
from sponsorship.ledger.tabs import ledger_tabs


@dataclass(frozen=True)
class _Row:
    """A line, US cents."""

    name: str
    now: int
    before: int


@dataclass(frozen=True)
class _Part:
    """Lines and what they come to, US cents, this year and the year before."""

    caption: str
    rows: tuple[_Row, ...]
    total: tuple[int, int]


@dataclass(frozen=True)
class _Statement:
    """One of the two statements, under the days its columns stand for."""

    title: str
    columns: tuple[Column, ...]
    parts: tuple[_Part, ...]


@bp.get("/financial-statement")
@needs("ledger.view")
def financial_statement() -> Any:
    """Income and expenditure of a year up to a day, and the position at its end."""
    form = DayForm.asked()
    day = form.day()
    found = financials.financial_statement(day)
    if request.args.get("format") in _FILES:
        return _FILES[request.args["format"]](found)
    files = {kind: url_for("ledger.financial_statement", at=day.isoformat(), format=kind) for kind in _FILES}
    return render_template(
        "ledger/financial_statement.html", tabs=ledger_tabs("financial_statement"), form=form, found=found,
        statements=[(statement.title, [_table(statement, part, f"part-{n}-{m}")
                                       for m, part in enumerate(statement.parts)])
                    for n, statement in enumerate(_statements(found))],
        pools=_pool_table(found), now=clock.now(), years=_years(), files=files,
    )


def _years() -> list[tuple[str, str]]:
    """This year so far and the ends of those before it, as links."""
    today = clock.today()
    days = [today, *(date(today.year - n, 12, 31) for n in (1, 2, 3))]
    return [(str(day.year), url_for("ledger.financial_statement", at=day.isoformat())) for day in days]


# --- its lines ----------------------------------------------------------------------------------------------------
def _statements(found: FinancialStatement) -> list[_Statement]:
    day, before = format_day(found.day), format_day(found.before)
    span = _("%(first)s to %(last)s", first=format_day(found.first), last=day)
    year = _("%(first)s to %(last)s", first=format_day(date(found.before.year, 1, 1)), last=before)
    at, at_before = _("At %(day)s", day=day), _("At %(day)s", day=before)
    return [
        _Statement(_("Statement of income and expenditure"), _columns(span, year), (
            _section(_("Income"), found.income), _section(_("Expenditure"), found.expenditure),
            _Part(_("Net assets"), (
                _Row(_("At the beginning"), *found.opening), _Row(_("Income above expenditure"), *found.surplus),
            ), found.net_assets),
        )),
        _Statement(_("Statement of financial position"), _columns(at, at_before), (
            _section(_("Assets"), found.assets), _section(_("Liabilities"), found.liabilities),
            _Part(_("Net assets"), (
                _Row(_("Reserved for obligations"), *found.reserved), _Row(_("Available"), *found.available),
            ), found.net_assets),
        )),
    ]


def _columns(now: str, before: str) -> tuple[Column, ...]:
    return (worded("name", _("Item"), lambda row: row.name, heading=True), money("now", now), money("before", before))


def _section(caption: str, section: Section) -> _Part:
    rows = tuple(_Row(str(words.ACCOUNTS[item.kind][0]), item.now, item.before) for item in section.items)
    return _Part(caption, rows, (section.now, section.before))


def _totals(part: _Part) -> dict[str, Money]:
    return {"now": usd(part.total[0]), "before": usd(part.total[1])}


def _table(statement: _Statement, part: _Part, anchor: str) -> Table:
    return Table(part.caption, statement.columns, part.rows, csv=False, stack=False, anchor=anchor,
                 totals=_totals(part))


def _pool_columns() -> tuple[Column, ...]:
    return (
        pool_name(), money("opening", _("At the beginning")), money("income", _("Income")),
        money("expenditure", _("Expenditure")), money("closing", _("At the end")),
    )


def _pool_totals(found: FinancialStatement) -> dict[str, Money]:
    return {name: usd(sum(getattr(pool, name) for pool in found.pools))
            for name in ("opening", "income", "expenditure", "closing")}


def _pool_table(found: FinancialStatement) -> Table:
    return Table(
        _("By pool"), _pool_columns(), found.pools, csv=False, anchor="pools", totals=_pool_totals(found),
        row_url=lambda pool: url_for("ledger.pool", id=pool.pool_id), per_page=max(len(found.pools), 1),
        empty_title=_("No pool is open yet"),
    )


# --- files --------------------------------------------------------------------------------------------------------
def _name(found: FinancialStatement) -> str:
    return _("financial statement %(day)s", day=found.day.isoformat())


def _notes(found: FinancialStatement) -> list[str]:
    return [
        _("In US dollars, from the books as they stood on %(when)s. Agrees with the trial balance at the end of "
          "%(day)s.", when=format_instant(clock.now(), "UTC"), day=format_day(found.day)),
    ]


def _pdf(found: FinancialStatement) -> Response:
    blocks: list[Any] = []
    for statement in _statements(found):
        blocks.append(Heading(statement.title))
        blocks += [TableBlock(part.caption, statement.columns, part.rows, _totals(part)) for part in statement.parts]
    blocks += [
        Heading(_("By pool")),
        TableBlock(None, _pool_columns(), found.pools, _pool_totals(found) if found.pools else None,
                   empty=_("No pool is open yet")),
        *(Note(note) for note in _notes(found)),
    ]
    return pdf_response(render(Document(
        reference=f"FS/{found.day.isoformat()}", title=_("Financial statement of the fund"), language=str(get_locale()),
        day=found.day, blocks=blocks, mark=_("Demonstration") if shows_demonstration() else None,
        issuer=[_("Voluntary sponsorship fund"), _("Programme of Action on small arms and light weapons")],
    )), _name(found))


def _xlsx(found: FinancialStatement) -> Response:
    sheets = []
    for statement in _statements(found):
        rows = [(part.caption, row) for part in statement.parts
                for row in (*part.rows, _Row(_("Total: %(part)s", part=part.caption), *part.total))]
        name, *figures = statement.columns
        sheets.append(Sheet(statement.title, [
            Column("part", _("Part"), csv=lambda pair: pair[0]),
            Column("name", name.label, csv=lambda pair: pair[1].name),
            *(_of_pair(column) for column in figures),
        ], rows, notes=_notes(found)))
    sheets.append(Sheet(_("By pool"), _pool_columns(), found.pools,
                        _pool_totals(found) if found.pools else None, _notes(found)))
    return xlsx_response(sheets, _name(found))


def _of_pair(column: Column) -> Column:
    return replace(column, csv=lambda pair: column.file_value(pair[1]))


_FILES = {"pdf": _pdf, "xlsx": _xlsx}
