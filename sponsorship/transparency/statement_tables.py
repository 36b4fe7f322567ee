"""The tables of a donor's statement: for the page, the workbook and the paper alike."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from typing import Any

from flask import url_for
from flask_babel import gettext as _
from markupsafe import Markup

from core.money import Money
from core.web.charts import Definition
from core.web.formats import format_day
from core.web.sheets import Sheet
from core.web.tables import Column, Table
from sponsorship.transparency.donor_queries import ContributionLine
from sponsorship.transparency.donor_tables import percent
from sponsorship.transparency.fund_files import definitions_sheet, stamp
from sponsorship.transparency.fund_tables import dollars, noted
from sponsorship.transparency.statements import MeetingSpending, Statement
from sponsorship.transparency.words import DEFINITIONS, RECEIVED, STATEMENT

_LINES = ("opening", "received", "exchange", "refunded", "disputed", "fees", "losses", "spent_direct", "spent_support",
          "closing")
_RARE = ("exchange", "refunded", "disputed", "losses")
_SIGNS = {"opening": "", "received": "+", "exchange": "+", "closing": "="}


def term(name: str) -> Any:
    """The heading of a figure of the statement."""
    return definition(name).term


def definition(name: str) -> Definition:
    """What it means: in the statement's own way where it has one."""
    key = name.replace("_", "-")
    return STATEMENT[key] if key in STATEMENT else RECEIVED if key == "received" else DEFINITIONS[key]


def names_shown(page: Statement) -> list[str]:
    """Figures in their order, without the rare ones that are zero everywhere."""
    every = (page.total, *(line.sums for line in page.lines))
    return [name for name in _LINES if name not in _RARE or any(getattr(sums, name) for sums in every)]


def account_rows(page: Statement) -> list[tuple[str, str, Any, Money]]:
    """The account as it is written on paper: (name, sign, words, amount), the last row being the result."""
    return [(name, _SIGNS.get(name, "−"), term(name), getattr(page.total, name)) for name in names_shown(page)]


def account_table(page: Statement) -> Table:
    """The account for the workbook and the paper; below the result what of it is reserved and what is free."""
    rows = [(f"{sign} {words}".strip(), amount) for _name, sign, words, amount in account_rows(page)]
    rows += [(f"{_('of it')}: {term('reserved')}", page.total.reserved), (f"{_('of it')}: {term('unspent')}",
                                                                         page.total.unspent)]
    return Table(_("Account"), [
        Column("figure", _("Figure"), heading=True, render=lambda row: row[0], csv=lambda row: row[0]),
        dollars("amount", _("Amount"), lambda row: row[1])], rows, csv=False)


def _contribution_cell(line: ContributionLine) -> Markup:
    parts = [line.purpose, _("support costs %(rate)s", rate=percent(line.rate_bp))]
    if line.end_date:
        parts.append(_("to be used by %(day)s", day=format_day(line.end_date)))
    return noted(line.reference, " · ".join(parts), url_for("contributions.own_receipt", contribution_id=line.id))


def lines_table(page: Statement) -> Table:
    """Each contribution from the beginning of the period to its end."""
    names = names_shown(page)
    return Table(
        _("Each contribution"),
        [Column("reference", _("Contribution"), heading=True, render=_contribution_cell,
                csv=lambda line: line.reference),
         *(dollars(name, term(name), _of(name)) for name in names),
         dollars("reserved", _("Of it, reserved"), _of("reserved"))],
        page.lines, csv=False, anchor="lines", broad=True, per_page=max(len(page.lines), 1),
        totals={name: getattr(page.total, name) for name in (*names, "reserved")} if len(page.lines) > 1 else None,
        empty_title=_("No contribution had any money in this period"),
        empty_text=_("Choose another year or other dates."),
    )


def _of(name: str) -> Callable[[ContributionLine], Money]:
    return lambda line: getattr(line.sums, name)  # type: ignore[no-any-return]


def came_table(page: Statement) -> Table:
    """Contributions received in the period: as paid, at which rate, worth how much, and what was kept."""
    rows = page.came
    amounts = [("received", term("received")), ("exchange", term("exchange")), ("fee", _("Fee kept")),
               ("net", _("What the fund got"))]
    if not any(_brought("exchange")(line) for line in rows):
        del amounts[1]
    return Table(
        _("Received in the period"),
        [Column("reference", _("Contribution"), heading=True),
         Column("paid_on", _("Paid on"), render=_day("received_at"), csv=_day("received_at")),
         Column("entered_on", _("Accepted on"), render=_day("entered_at"), csv=_day("entered_at")),
         Column("paid", _("As paid"), numeric=True),
         Column("rate", _("Rate, units for one US dollar"), render=_rate_cell, csv=lambda line: line.rate),
         Column("rate_source", _("Source of the rate"), render=lambda line: line.rate_source),
         Column("rate_date", _("Rate of")),
         *(dollars(name, label, _brought(name)) for name, label in amounts)],
        rows, csv=False, anchor="received-in-period", broad=True, per_page=max(len(rows), 1),
        totals={name: sum((_brought(name)(line) for line in rows), Money.zero()) for name, _label in amounts}
        if len(rows) > 1 else None,
        empty_title=_("Nothing was received in this period"),
    )


def _day(name: str) -> Callable[[ContributionLine], Any]:
    return lambda line: getattr(line, name).astimezone(UTC).date()


def _rate_cell(line: ContributionLine) -> Any:
    return None if line.rate is None else Markup("<bdi>{}</bdi>").format(line.rate)


def _brought(name: str) -> Callable[[ContributionLine], Money]:
    return lambda line: getattr(line.came, name)  # type: ignore[no-any-return]


def spending_table(page: Statement) -> Table:
    """What the money paid, meeting by meeting."""
    total = page.total
    return Table(
        _("Spent, by meeting"),
        [Column("meeting", _("Meeting"), heading=True, render=_meeting_cell, csv=_meeting_words),
         dollars("direct", term("spent_direct"), lambda row: row.direct),
         dollars("support", term("spent_support"), lambda row: row.support),
         dollars("total", DEFINITIONS["spent"].term, lambda row: row.total)],
        page.spending, csv=False, anchor="spent-by-meeting", per_page=max(len(page.spending), 1),
        totals={"direct": total.spent_direct, "support": total.spent_support,
                "total": total.spent_direct + total.spent_support} if page.spending else None,
        empty_title=_("Nothing was spent in this period"),
    )


def _meeting_words(row: MeetingSpending) -> str:
    return row.meeting.short_name if row.meeting else _("Other journeys: to come, not settled yet, or not told")


def _meeting_cell(row: MeetingSpending) -> Any:
    if row.meeting is None:
        return noted(_("Other journeys"), _("to meetings to come or not settled yet, and to those whose cost is not "
                                            "told, since it would tell what one State’s delegate cost"))
    return noted(row.meeting.short_name, row.meeting.days_text or row.meeting.year)


def agreements_table(page: Statement) -> Table:
    """Agreements with the donor and their ends."""
    return Table(
        _("Agreements"),
        [Column("reference", _("Reference of the letters"), heading=True),
         Column("exchange_of_letters", _("Exchanged")), Column("end_date", _("Last day")),
         Column("rate_bp", _("Support costs"), numeric=True, render=lambda row: percent(row.rate_bp),
                csv=lambda row: percent(row.rate_bp)),
         Column("purpose", _("For"))],
        page.agreements, csv=False, anchor="agreements", per_page=max(len(page.agreements), 1),
        empty_title=_("No agreement is on record"),
    )


def pledges_table(page: Statement) -> Table:
    """Pledges that are not paid, as they stand now whatever the period."""
    return Table(
        _("Pledges outstanding today"),
        [Column("reference", _("Pledge"), heading=True), Column("status", _("Status")),
         Column("amount", _("Pledged"), numeric=True), Column("paid", _("Paid"), numeric=True),
         Column("outstanding", _("Still to be paid"), numeric=True), Column("next_due_on", _("Next due")),
         Column("purpose", _("For"))],
        page.pledges, csv=False, anchor="pledges", per_page=max(len(page.pledges), 1),
        empty_title=_("No pledge is outstanding"),
    )


def sections(page: Statement) -> list[Table]:
    """Every table after the account, in the order of the statement."""
    return [lines_table(page), came_table(page), spending_table(page), agreements_table(page), pledges_table(page)]


def definitions(page: Statement) -> list[Definition]:
    """Of every figure the statement shows."""
    shown = [*names_shown(page), "reserved", "unspent"]
    return [definition(name) for name in shown]


def period_words(page: Statement) -> str:
    """`1 January 2026 to 31 December 2026`."""
    if page.first is None:
        return _("from the first contribution to %(last)s", last=format_day(page.last))
    return _("%(first)s to %(last)s", first=format_day(page.first), last=format_day(page.last))


def sheets(page: Statement) -> list[Sheet]:
    """The workbook: the account, every table, the definitions; each sheet with donor, period and stamp."""
    notes = (_("Statement of %(donor)s, %(period)s", donor=page.donor.name, period=period_words(page)),
             stamp(page.as_of))
    return [
        *(Sheet(table.caption, table.columns, table.rows, table.totals, notes)
          for table in (account_table(page), *sections(page))),
        definitions_sheet(definitions(page), page.as_of),
    ]
