"""Tables of rates and imports: columns, filters, what an empty one says."""

from __future__ import annotations

from decimal import Context, Decimal
from typing import Any

from flask import url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from markupsafe import Markup

from core.machines import State
from core.web.formats import day_html, format_number
from core.web.tables import Column, Filter, Table, TableQuery
from sponsorship.gateways.rate_import import Compared, Judgement
from sponsorship.gateways.rate_queries import CurrentRow, ImportRow, RateRow
from sponsorship.gateways.rate_sources import BOOKS_CURRENCY, SOURCES, RateSource
from sponsorship.gateways.rate_watch import WARN_DAYS
from sponsorship.gateways.rates import Rate, currency_name

SHOWN = 25  # rates that a preview shows
_STATES = [("live", _l("In force")), ("withdrawn", _l("Withdrawn"))]
_SOURCES = [(source.code, source.label) for source in SOURCES.values()]
CURRENT_FILTERS = (Filter("q", _l("Currency")),)
HISTORY_FILTERS = (Filter("source", _l("Source"), _SOURCES), Filter("state", _l("Status"), _STATES))
IMPORT_FILTERS = HISTORY_FILTERS


def figure(text: str) -> str:
    """A published figure with the reader's separators and all of its decimals."""
    return format_number(Decimal(text), len(text.partition(".")[2]))


def _code(code: str) -> Markup:
    return Markup('<bdi class="code">{}</bdi>').format(code)


def _name(name: str) -> Markup:
    return Markup("<bdi>{}</bdi>").format(name)


def per_dollar(rate: Rate) -> Markup:
    """Units for one dollar: the published figure, or six digits of the fraction and the fraction itself."""
    if "/" not in rate.text:
        return Markup("<bdi>{}</bdi>").format(figure(rate.text))
    near = Context(prec=6).divide(Decimal(rate.per_usd.numerator), Decimal(rate.per_usd.denominator))
    places = max(0, -int(near.as_tuple().exponent))
    return Markup('<span><bdi>≈ {}</bdi> <bdi class="quiet">{}</bdi></span>').format(
        format_number(near, places), rate.text)


def validity(row: CurrentRow) -> State:
    """Whether a rate may be used today, and for how long, in a word and a tone."""
    if row.until is None:
        return State("expired", _("Expired"), "stopped" if row.in_use else "neutral")
    left = (row.until - row.day).days - row.age
    if left <= WARN_DAYS:
        label = ngettext("%(num)s day left", "%(num)s days left", left) if left else _("Last day")
        return State("soon", label, "attention" if row.in_use else "waiting")
    return State("valid", _("Valid"), "done")


def age(row: CurrentRow) -> str:
    """How old a rate is, in days."""
    return ngettext("%(num)s day", "%(num)s days", row.age) if row.age else _("today")


CURRENT_COLUMNS = (
    Column("currency", _l("Currency"), heading=True, render=lambda row: _code(row.currency)),
    Column("name", _l("Name"), render=lambda row: _name(row.name)),
    Column("rate", _l("For one US dollar"), numeric=True, render=lambda row: per_dollar(row.rate),
           csv=lambda row: row.rate.text),
    Column("day", _l("Effective from")),
    Column("age", _l("Age"), numeric=True, render=age),
    Column("until", _l("May be used until"), render=lambda row: row.until or row.last_day,
           csv=lambda row: row.until or row.last_day),
    Column("in_use", _l("In use")),
    Column("status", _l("Status"), render=validity, csv=validity),
)


def current_table(rows: list[CurrentRow], source: RateSource, query: TableQuery, may_manage: bool) -> Table:
    """The newest rate of each currency."""
    return Table(
        source.label, CURRENT_COLUMNS, rows, filters=CURRENT_FILTERS, query=query,
        base_url=url_for("rates.source_list", source=source.code),
        row_url=lambda row: url_for(
            "rates.currency_page", code=BOOKS_CURRENCY if row.currency == source.base else row.currency),
        empty_title=_("No rates of this source yet"),
        empty_text=_("Import %(rates)s as they were published. Without rates the books take US dollars only.",
                     rates=source.what),
        empty_action=(_("Import rates"), url_for("rates.import_form", source=source.code)) if may_manage else None,
    )


RATE_COLUMNS = (
    Column("day", _l("Effective from"), heading=True, render=lambda row: day_html(row.day)),
    Column("currency", _l("Currency"), render=lambda row: _code(row.currency)),
    Column("rate", _l("Rate"), numeric=True, render=lambda row: Markup("<bdi>{}</bdi>").format(figure(row.rate)),
           csv=lambda row: row.rate),
    Column("base", _l("For one"), render=lambda row: _code(row.base)),
    Column("source", _l("Source")),
    Column("status", _l("Status"), csv=lambda row: row.status),
    Column("imported_at", _l("Imported")),
    Column("file_name", _l("File"), render=lambda row: Markup('<a class="file" href="{}"><bdi>{}</bdi></a>').format(
        url_for("rates.import_page", import_id=row.import_id), row.file_name)),
)
_IN_IMPORT = {"day", "currency", "rate", "base"}


def history_table(code: str, rows: list[RateRow], total: int, query: TableQuery) -> Table:
    """Every rate of one currency that was ever on record."""
    columns = [column for column in RATE_COLUMNS if column.key != "currency"]
    return Table(
        _("Rates of %(currency)s", currency=code), columns, rows, filters=HISTORY_FILTERS, total=total, query=query,
        base_url=url_for("rates.currency_page", code=code), empty_title=_("No rate on record"),
    )


def import_rates_table(row: ImportRow, rows: list[RateRow], total: int, query: TableQuery) -> Table:
    """The rates that one import brought."""
    return Table(
        _("Rates of this file"), [column for column in RATE_COLUMNS if column.key in _IN_IMPORT], rows, total=total,
        query=query, base_url=url_for("rates.import_page", import_id=row.id),
    )


IMPORT_COLUMNS = (
    Column("file_name", _l("File"), heading=True, render=lambda row: _name(row.file_name)),
    Column("source", _l("Source"), render=lambda row: row.source.label, csv=lambda row: row.source.label),
    Column("rates", _l("Rates"), numeric=True),
    Column("first_day", _l("First day")),
    Column("last_day", _l("Last day")),
    Column("imported_at", _l("Imported")),
    Column("imported_by", _l("By"), render=lambda row: _name(row.imported_by)),
    Column("status", _l("Status"), csv=lambda row: row.status),
)


def import_table(rows: list[ImportRow], total: int, query: TableQuery, may_manage: bool) -> Table:
    """Every file that was imported."""
    return Table(
        _("Imports"), IMPORT_COLUMNS, rows, filters=IMPORT_FILTERS, total=total, query=query,
        base_url=url_for("rates.import_list"), row_url=lambda row: url_for("rates.import_page", import_id=row.id),
        empty_title=_("No file imported yet"), empty_text=_("Each file is kept as it was, with who imported it."),
        empty_action=(_("Import rates"), url_for("rates.import_form")) if may_manage else None,
    )


# --- before the import ------------------------------------------------------------------------------------------
def _change(row: Compared) -> Any:
    if row.change is None:
        return None
    text = f"{format_number(row.change * 100, 1)} %"
    return Markup("<bdi>{}{}</bdi>").format("+" if row.change > 0 else "", text)


COMPARED_COLUMNS = (
    Column("currency", _l("Currency"), heading=True, render=lambda row: _code(row.rate.currency)),
    Column("day", _l("Effective from"), render=lambda row: row.rate.day),
    Column("rate", _l("Rate"), numeric=True, render=lambda row: Markup("<bdi>{}</bdi>").format(figure(row.rate.text))),
    Column("before", _l("Rate before"), numeric=True,
           render=lambda row: Markup("<bdi>{}</bdi>").format(figure(row.before)) if row.before else None),
    Column("change", _l("Change"), numeric=True, render=_change),
    Column("before_day", _l("Since")),
    Column("name", _l("Name"), render=lambda row: _name(currency_name(row.rate.currency))),
    Column("line", _l("Line"), numeric=True, render=lambda row: row.rate.line),
)
_OF_CHANGE = {"before", "change", "before_day"}


def compared_table(caption: str, rows: list[Compared], anchor: str) -> Table:
    """The first rates of a file beside those before them, where there are any."""
    shown = rows[:SHOWN]
    dropped = set() if any(row.before for row in shown) else _OF_CHANGE
    columns = [column for column in COMPARED_COLUMNS if column.key not in dropped]
    return Table(caption, columns, shown, total=len(rows), csv=False, per_page=max(SHOWN, len(rows)), anchor=anchor,
                 stack=False)


def faults_table(judged: Judgement) -> Table:
    """Wrong lines in order, neighbours with the same fault together."""
    runs: list[tuple[int, int, str]] = []
    for fault in judged.faults:
        if runs and runs[-1][1] + 1 == fault.line and runs[-1][2] == fault.message:
            runs[-1] = (runs[-1][0], fault.line, fault.message)
        else:
            runs.append((fault.line, fault.line, fault.message))
    rows = [{"lines": f"{first}–{last}" if last > first else str(first), "message": words}
            for first, last, words in runs]
    return Table(
        _("Wrong lines"), [Column("lines", _l("Line"), heading=True), Column("message", _l("What is wrong"))], rows,
        total=judged.fault_count, csv=False, per_page=max(1, judged.fault_count), anchor="wrong-lines", stack=False,
    )
