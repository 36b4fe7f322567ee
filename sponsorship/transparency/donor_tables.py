"""The tables and files of a donor's results: which columns, in which words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from flask import url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from markupsafe import Markup

from core.money import Money
from core.web.formats import format_amount, format_day, format_number
from core.web.sheets import Sheet
from core.web.tables import Column, Table
from sponsorship.transparency.donor_queries import Carried, ContributionResult, DonorPage
from sponsorship.transparency.fund_files import stamp
from sponsorship.transparency.fund_tables import USD, dollars, meeting_cell, noted
from sponsorship.transparency.meeting_figures import SponsoredMeeting
from sponsorship.transparency.statement_sums import Sums
from sponsorship.transparency.words import DAYS, DEFINITIONS, HELD, JOURNEYS, RECEIVED, UNSPENT, WITHHELD, group_name

ACCOUNT: tuple[tuple[str, Any], ...] = (
    ("received", RECEIVED.term), ("exchange", DEFINITIONS["exchange"].term), ("refunded", DEFINITIONS["refunded"].term),
    ("disputed", HELD.term), ("fees", DEFINITIONS["fees"].term), ("losses", DEFINITIONS["losses"].term),
    ("spent_direct", DEFINITIONS["spent-direct"].term), ("spent_support", DEFINITIONS["spent-support"].term),
    ("reserved", DEFINITIONS["reserved"].term), ("unspent", UNSPENT.term),
)
_RARE = ("exchange", "refunded", "disputed", "losses")


def shown(total: Sums, names: tuple[str, ...], rare: tuple[str, ...], rows: list[Sums]) -> list[str]:
    """Which figures have a column: those that are usual, and the rare ones where any row has them."""
    return [name for name in names if name not in rare or any(getattr(sums, name) for sums in (total, *rows))]


def percent(rate_bp: int) -> str:
    """1300 basis points as `13 %`, 750 as `7.5 %`, without a break between."""
    return _("%(rate)s\u00a0%%", rate=format_number(Decimal(rate_bp) / 100))


def _contribution_cell(row: ContributionResult, several: bool) -> Markup:
    line = row.line
    parts = [row.donor] if several else []
    parts += [format_day(line.received_at.date()), line.purpose,
              _("support costs %(rate)s", rate=percent(line.rate_bp))]
    if line.end_date:
        parts.append(_("to be used by %(day)s", day=format_day(line.end_date)))
    return noted(line.reference, " · ".join(parts), url_for("contributions.own_receipt", contribution_id=line.id))


def contributions_table(page: DonorPage) -> Table:
    """What became of each contribution's money; lines sum to what was received, columns to the total."""
    several = len(page.donors) > 1
    labels = dict(ACCOUNT)
    names = shown(page.total, tuple(labels), _RARE, [row.sums for row in page.results])

    def column(key: str) -> Column:
        return dollars(key, labels[key], lambda row: getattr(row.sums, key))

    return Table(
        _("What became of the money"),
        [Column("reference", _("Contribution"), heading=True, render=lambda row: _contribution_cell(row, several),
                csv=lambda row: row.line.reference), *(column(key) for key in names)],
        page.results, base_url=url_for("fund.donor_results"), csv=False, anchor="contributions",
        totals={key: getattr(page.total, key) for key in names} if len(page.results) > 1 else None,
    )


@dataclass(frozen=True, slots=True)
class CarriedRow:
    """Journeys to a meeting, for one contribution or (reference None) for all of them."""

    reference: str | None
    line: Carried


def average_words(sponsored: SponsoredMeeting) -> Money | str:
    """The average cost of a journey, or plainly why it is not told."""
    return sponsored.average or str(WITHHELD[sponsored.withheld])


def _average_cell(row: CarriedRow) -> Any:
    average = average_words(row.line.sponsored)
    if not isinstance(average, Money):
        return Markup('<span class="noted quiet">{}</span>').format(average)
    count = row.line.sponsored.delegates
    return noted(format_amount(average), ngettext(
        "of the meeting’s one delegate", "of all %(num)s delegates of the meeting", count))


def _sexes_cell(row: CarriedRow) -> Any:
    if row.line.sponsored.sexes is None:
        return None
    women, men = row.line.sponsored.sexes
    return _("%(women)s women, %(men)s men", women=format_number(women), men=format_number(men))


def carried_table(page: DonorPage) -> Table:
    """Journeys by meeting: each contribution's, then all together when there are several."""
    rows = [CarriedRow(result.line.reference, line) for result in page.results for line in result.carried]
    several = len({row.reference for row in rows}) > 1
    if several:
        rows += [CarriedRow(None, line) for line in page.carried]
    return Table(
        _("What it carried"),
        [Column("reference", _("Contribution"), heading=True, render=_reference, csv=_reference),
         Column("meeting", _("Meeting"), render=lambda row: meeting_cell(row.line.sponsored),
                csv=lambda row: row.line.sponsored.meeting.short_name),
         Column("journeys", JOURNEYS.term, numeric=True, render=_in_line("journeys"), csv=_in_line("journeys")),
         Column("shared", _("Of them, shared"), numeric=True, render=_in_line("shared"), csv=_in_line("shared")),
         Column("days", DAYS.term, numeric=True, render=_in_line("days"), csv=_in_line("days")),
         Column("average", _("Average cost"), numeric=True, currency=USD, render=_average_cell,
                csv=lambda row: row.line.sponsored.average),
         Column("sexes", _("Of all delegates of the meeting"), render=_sexes_cell, csv=_sexes_cell)],
        rows, csv=False, anchor="journeys-by-meeting",
        totals={"journeys": page.journeys, "days": page.days} if len(rows) > 1 and not several else None,
        empty_title=_("No journey has been made yet"),
        empty_text=_("Journeys are counted once their meeting is over. Until then the money is reserved or unspent."),
    )


def _reference(row: CarriedRow) -> str:
    return row.reference or _("All together")


def _in_line(name: str) -> Callable[[CarriedRow], int]:
    return lambda row: getattr(row.line, name)  # type: ignore[no-any-return]


def groups_table(page: DonorPage) -> Table:
    """Journeys by regional group, over all meetings."""
    return Table(
        _("By regional group, all meetings together"),
        [Column("group", DEFINITIONS["group"].term, heading=True, render=_group, csv=_group),
         Column("journeys", JOURNEYS.term, numeric=True, render=lambda row: row[1], csv=lambda row: row[1])],
        page.groups, csv=False, anchor="journeys-by-group",
        totals={"journeys": page.journeys} if len(page.groups) > 1 else None,
    )


def _group(row: tuple[str | None, int]) -> str:
    return _("Of groups that may not be told apart") if row[0] is None else group_name(row[0])


# --- files ------------------------------------------------------------------------------------------------------
def result_sheets(page: DonorPage) -> list[Sheet]:
    """The tables of the page as sheets."""
    notes = (stamp(page.as_of), *page.donors)
    return [Sheet(table.caption, table.columns, table.rows, table.totals, notes)
            for table in (contributions_table(page), carried_table(page), groups_table(page))]


@dataclass(frozen=True, slots=True)
class ResultLine:
    """One line of a donor's file: a contribution's account, its journeys to a meeting, journeys by regional group, or
    the sum of these."""

    scope: str
    reference: str
    meeting: str
    received_on: str
    purpose: str
    sums: Sums | None
    journeys: int
    shared: int | None
    days: int | None
    average: Money | None
    note: str
    as_of: datetime


def _of(key: str) -> Callable[[ResultLine], Any]:
    return lambda line: getattr(line.sums, key) if line.sums else None


RESULT_COLUMNS = (
    Column("scope", "scope"), Column("reference", "contribution"), Column("meeting", "meeting"),
    Column("received_on", "received_on"), Column("purpose", "purpose"),
    *(Column(key, key, currency=USD, csv=_of(key)) for key, _label in ACCOUNT),
    Column("journeys", "journeys"), Column("shared", "shared"), Column("days", "days_of_attendance"),
    Column("average", "average_journey", currency=USD), Column("note", "note"), Column("as_of", "as_of"),
)


def result_lines(page: DonorPage) -> Iterator[ResultLine]:
    """Everything the donor's page shows."""

    def meetings(scope: str, reference: str, carried: tuple[Carried, ...]) -> Iterator[ResultLine]:
        for line in carried:
            average = average_words(line.sponsored)
            told = isinstance(average, Money)
            yield ResultLine(scope, reference, line.sponsored.meeting.slug, "", "", None, line.journeys, line.shared,
                             line.days, average if isinstance(average, Money) else None,
                             "" if told else str(average), page.as_of)

    for row in page.results:
        line = row.line
        yield ResultLine("contribution", line.reference, "", line.received_at.date().isoformat(), line.purpose,
                         row.sums, row.journeys, None, row.days, None, "", page.as_of)
        yield from meetings("contribution-meeting", line.reference, row.carried)
    yield ResultLine("sum", "", "", "", "", page.total, page.journeys, None, page.days, None, "", page.as_of)
    yield from meetings("sum-meeting", "", page.carried)
    for group in page.groups:
        yield ResultLine("sum-group", "", "", "", "", None, group[1], None, None, None, _group(group), page.as_of)
