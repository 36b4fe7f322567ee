"""The tables and files of the fund's pages: which columns, in which words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from flask import url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from markupsafe import Markup

from core.machines import State
from core.money import Money
from core.web.formats import format_amount, format_day, format_number
from core.web.tables import Column, Table
from sponsorship.transparency.donor_queries import Account, Carried, ContributionResult, DonorPage
from sponsorship.transparency.journeys import SponsoredMeeting
from sponsorship.transparency.queries import FundPage
from sponsorship.transparency.words import DAYS, DEFINITIONS, JOURNEYS, RECEIVED, UNSPENT

SETTLED = State("settled", _l("Settled"), "done")
OPEN = State("open", _l("Payments still open"), "waiting")
USD = "USD"


def _dollars(key: str, label: Any, value: Callable[[Any], Money]) -> Column:
    return Column(key, label, numeric=True, currency=USD, render=value)


def _cell(words: Any, note: Any, url: str | None = None) -> Markup:
    """Words (a link, where there is an address) with a quiet line below."""
    head = Markup('<a href="{}"><bdi>{}</bdi></a>').format(url, words) if url else Markup("<bdi>{}</bdi>").format(words)
    return Markup('<span class="noted">{}<br><span class="quiet">{}</span></span>').format(head, note)


def _meeting_cell(sponsored: SponsoredMeeting) -> Markup:
    meeting = sponsored.meeting
    days = Markup("<bdi>{}</bdi>").format(meeting.days_text or meeting.year)
    note = Markup(_("%(days)s, demonstration")) % {"days": days} if meeting.is_demo else days
    return _cell(meeting.short_name, note, url_for("calendar.meeting", slug=meeting.slug))


# --- the fund ---------------------------------------------------------------------------------------------------
POOL_FIGURES: tuple[tuple[str, str], ...] = (
    ("pledged", "pledged"), ("received", "received"), ("fees", "fees"), ("spent_direct", "spent-direct"),
    ("spent_support", "spent-support"), ("reserved", "reserved"), ("available", "available"),
)


def pools_table(page: FundPage) -> Table:
    """Every pool's figures, which sum to the fund's."""

    def column(name: str, key: str) -> Column:
        return _dollars(name, DEFINITIONS[key].term, lambda line: getattr(line.figures, name))

    return Table(
        _("By pool"),
        [Column("name", _("Pool, and what its money is for"), heading=True,
                render=lambda line: _cell(line.name, line.purpose)),
         *(column(name, key) for name, key in POOL_FIGURES)],
        page.pools, csv=False, anchor="pools",
        totals={name: getattr(page.totals, name) for name, _key in POOL_FIGURES},
    )


def meetings_table(page: FundPage) -> Table:
    """Sponsored delegates and States of meetings that are over."""
    return Table(
        _("By meeting, once it is over"),
        [Column("name", _("Meeting"), heading=True, render=_meeting_cell),
         Column("delegates", _("Sponsored delegates"), numeric=True),
         Column("states", _("States"), numeric=True),
         Column("settled", _("Payments"), render=lambda row: SETTLED if row.settled else OPEN)],
        page.meetings, csv=False, anchor="meetings",
        empty_title=_("No sponsored delegate has travelled yet"),
        empty_text=_("A meeting is listed here once it is over."),
    )


@dataclass(frozen=True, slots=True)
class FigureLine:
    """One line of the file of figures. `scope` is fund, pool or meeting; `subject` its code or slug."""

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
FIGURE_COLUMNS = (
    Column("scope", "scope"), Column("subject", "subject"), Column("figure", "figure"),
    Column("value", "value"), Column("unit", "unit"), Column("as_of", "as_of"), Column("meaning", "meaning"),
)
_ALL = ("pledged", "received", "fees", "spent_direct", "spent_support", "in_transit", "reserved", "available",
        "shortfall")


def figure_lines(page: FundPage) -> Iterator[FigureLine]:
    """Every figure of the public page, with its definition."""

    def line(scope: str, subject: str, key: str, value: Money | int) -> FigureLine:
        return FigureLine(scope, subject, key, value, str(DEFINITIONS[key].text), page.as_of)

    for name in _ALL:
        yield line("fund", "fund", name.replace("_", "-"), getattr(page.totals, name))
    yield line("fund", "fund", "waiting", page.waiting)
    yield line("fund", "fund", "carries-direct", page.carries_direct)
    if page.averaged and page.average and page.carries is not None:
        yield line("fund", "fund", "carries", page.carries)
        yield line("meeting", page.averaged.meeting.slug, "average", page.average)
    for pool in page.pools:
        for name in _ALL:
            yield line("pool", pool.code, name.replace("_", "-"), getattr(pool.figures, name))
    for row in page.meetings:
        yield line("meeting", row.meeting.slug, "sponsored", row.delegates)
        yield FigureLine("meeting", row.meeting.slug, "states", row.states,
                         _("States of the sponsored delegates."), page.as_of)


# --- a donor's page ---------------------------------------------------------------------------------------------
ACCOUNT: tuple[tuple[str, Any], ...] = (
    ("gross", RECEIVED.term), ("fees", DEFINITIONS["fees"].term),
    ("spent_direct", DEFINITIONS["spent-direct"].term), ("spent_support", DEFINITIONS["spent-support"].term),
    ("reserved", DEFINITIONS["reserved"].term), ("unspent", UNSPENT.term),
)


def percent(rate_bp: int) -> str:
    """1300 basis points as `13 %`, 750 as `7.5 %`, without a break between."""
    return _("%(rate)s\u00a0%%", rate=format_number(Decimal(rate_bp) / 100))


def _contribution_cell(row: ContributionResult, several: bool) -> Markup:
    parts = [row.donor] if several else []
    parts += [format_day(row.received_at.date()), row.purpose, _("support costs %(rate)s", rate=percent(row.rate_bp))]
    if row.end_date:
        parts.append(_("to be used by %(day)s", day=format_day(row.end_date)))
    return _cell(row.reference, " · ".join(parts), url_for("contributions.own_receipt", contribution_id=row.id))


def contributions_table(page: DonorPage) -> Table:
    """What became of each contribution's money; lines sum to what was received, columns to the total."""
    several = len(page.donors) > 1

    def column(key: str, label: Any) -> Column:
        return _dollars(key, label, lambda row: getattr(row.account, key))

    return Table(
        _("What became of the money"),
        [Column("reference", _("Contribution"), heading=True, render=lambda row: _contribution_cell(row, several)),
         *(column(key, label) for key, label in ACCOUNT)],
        page.results, csv=False, anchor="contributions",
        totals={key: getattr(page.total, key) for key, _label in ACCOUNT} if len(page.results) > 1 else None,
    )


@dataclass(frozen=True, slots=True)
class CarriedRow:
    """Journeys to a meeting, for one contribution or (reference None) for all of them."""

    reference: str | None
    line: Carried


def average_words(sponsored: SponsoredMeeting) -> Money | str:
    """The average cost of a journey, or plainly why it is not told."""
    if sponsored.average is not None:
        return sponsored.average
    if not sponsored.settled:
        return _("Once the meeting is settled")
    return _("Not shown: with so few States an average would tell what one of them cost")


def _average_cell(row: CarriedRow) -> Any:
    average = average_words(row.line.sponsored)
    if not isinstance(average, Money):
        return Markup('<span class="noted quiet">{}</span>').format(average)
    count = row.line.sponsored.delegates
    return _cell(format_amount(average), ngettext(
        "of the meeting's one delegate", "of all %(num)s delegates of the meeting", count))


def carried_table(page: DonorPage) -> Table:
    """Journeys by meeting: each contribution's, then all together when there are several."""
    rows = [CarriedRow(result.reference, line) for result in page.results for line in result.carried]
    several = len(page.results) > 1
    if several:
        rows += [CarriedRow(None, line) for line in page.carried]
    return Table(
        _("What it carried"),
        [Column("reference", _("Contribution"), heading=True, render=lambda row: row.reference or _("All together")),
         Column("meeting", _("Meeting"), render=lambda row: _meeting_cell(row.line.sponsored)),
         Column("journeys", JOURNEYS.term, numeric=True, render=lambda row: row.line.journeys),
         Column("shared", _("of them shared"), numeric=True, render=lambda row: row.line.shared),
         Column("days", DAYS.term, numeric=True, render=lambda row: row.line.days),
         Column("average", _("Average cost"), numeric=True, currency=USD, render=_average_cell)],
        rows, csv=False, anchor="journeys-by-meeting",
        totals={"journeys": page.journeys, "days": page.days} if len(rows) > 1 and not several else None,
        empty_title=_("No journey has been made yet"),
        empty_text=_("Journeys are counted once their meeting is over. Until then the money is reserved or unspent."),
    )


@dataclass(frozen=True, slots=True)
class ResultLine:
    """One line of a donor's file: a contribution's account, its journeys to a meeting, or the sum of either."""

    scope: str
    reference: str
    meeting: str
    received_on: str
    purpose: str
    account: Account | None
    journeys: int
    shared: int | None
    days: int
    average: Money | None
    note: str
    as_of: datetime


def _of(key: str) -> Callable[[ResultLine], Any]:
    return lambda line: getattr(line.account, key) if line.account else None


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
        yield ResultLine("contribution", row.reference, "", row.received_at.date().isoformat(), row.purpose,
                         row.account, row.journeys, None, row.days, None, "", page.as_of)
        yield from meetings("contribution-meeting", row.reference, row.carried)
    yield ResultLine("sum", "", "", "", "", page.total, page.journeys, None, page.days, None, "", page.as_of)
    yield from meetings("sum-meeting", "", page.carried)
