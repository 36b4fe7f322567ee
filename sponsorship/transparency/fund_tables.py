"""The tables of the public pages: which columns, in which words. Each is a sheet of a workbook too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup

from core.machines import State
from core.money import Money
from core.web.tables import Column, Table, TableQuery
from sponsorship.transparency.meeting_figures import SponsoredMeeting
from sponsorship.transparency.queries import FundPage, MeetingPage, MeetingsPage, PoolLine, YearPage
from sponsorship.transparency.words import DEFINITIONS, WITHHELD, group_name
from sponsorship.transparency.years import MONEY_IN, YearLine

SETTLED = State("settled", _l("Settled"), "done")
OPEN = State("open", _l("Payments still open"), "waiting")
USD = "USD"


def dollars(key: str, label: Any, value: Callable[[Any], Money | None]) -> Column:
    """A column of amounts with the currency in its head."""
    return Column(key, label, numeric=True, currency=USD, render=value, csv=value)


def noted(words: Any, note: Any, url: str | None = None) -> Markup:
    """Words (a link, where there is an address) with a quiet line below."""
    head = Markup('<a href="{}"><bdi>{}</bdi></a>').format(url, words) if url else Markup("<bdi>{}</bdi>").format(words)
    return Markup('<span class="noted">{}<br><span class="quiet">{}</span></span>').format(head, note)


def meeting_cell(sponsored: SponsoredMeeting) -> Markup:
    """The meeting with its days, linked to its figures."""
    meeting = sponsored.meeting
    days = Markup("<bdi>{}</bdi>").format(meeting.days_text or meeting.year)
    note = Markup(_("%(days)s, demonstration")) % {"days": days} if meeting.is_demo else days
    return noted(meeting.short_name, note, url_for("fund.meeting", slug=meeting.slug))


# --- pools ------------------------------------------------------------------------------------------------------
_MONEY_IN = ("pledged", "received", "exchange", "refunded", "disputed", "fees")
_USE = ("losses", "spent_direct", "spent_support", "reserved", "available")
_ALWAYS = ("pledged", "received", "fees", "spent_direct", "spent_support", "reserved", "available")


def pools_table(page: FundPage) -> Table:
    """Every pool's figures, which sum to the fund's. A figure that is zero everywhere has no column."""
    shown = [name for name in (*_MONEY_IN, *_USE)
             if name in _ALWAYS or any(getattr(line.figures, name) for line in page.pools)]
    return Table(
        _("By pool"),
        [Column("name", _("Pool, and what its money is for"), heading=True, csv=lambda line: line.name,
                render=lambda line: noted(line.name, line.purpose)),
         *(_pool_column(name) for name in shown)],
        [line for line in page.pools if line.is_used], base_url=url_for("fund.table", name="pools"), anchor="pools",
        broad=True, empty_title=_("No pool has money yet"),
        totals={name: getattr(page.totals, name) for name in shown},
    )


def _pool_column(name: str) -> Column:
    def value(line: PoolLine) -> Money | None:
        return getattr(line.figures, name) if line.told or name in _MONEY_IN else None  # type: ignore[no-any-return]

    return dollars(name, DEFINITIONS[name.replace("_", "-")].term, value)


# --- years ------------------------------------------------------------------------------------------------------
_YEAR = ("pledged", "received", "exchange", "refunded", "disputed", "fees", "losses", "spent_direct", "spent_support",
         "closing")
_YEAR_ALWAYS = ("pledged", "received", "fees", "spent_direct", "spent_support", "closing")


def years_table(page: FundPage) -> Table:
    """Every year, the first one first, so that each begins where the one before it ended."""
    shown = [name for name in _YEAR if name in _YEAR_ALWAYS or any(getattr(line, name) for line in page.years)]
    summed = {name: getattr(page.totals, name) for name in shown if name not in ("pledged", "closing")}
    return Table(
        _("Year by year"),
        [Column("year", _("Year"), heading=True, csv=lambda line: line.year,
                render=lambda line: _year_cell(line, page.as_of.year)),
         *(_year_column(name) for name in shown)],
        page.years, base_url=url_for("fund.table", name="years"), anchor="years", totals=summed, broad=True,
    )


def _year_cell(line: YearLine, present: int) -> Markup:
    words = year_words(line.year, present)
    return Markup('<a href="{}">{}</a>').format(url_for("fund.year", year=line.year), words)


def year_words(year: int, present: int) -> str:
    """A year, and whether it is still going on."""
    return _("%(year)s, so far", year=year) if year == present else str(year)


def _year_column(name: str) -> Column:
    key = {"pledged": "pledged-in-year"}.get(name, name.replace("_", "-"))
    return dollars(name, DEFINITIONS[key].term, lambda line: getattr(line, name))


def year_pools_table(page: YearPage) -> Table:
    """What came into each pool in the year."""
    shown = [name for name in MONEY_IN
             if name == "received" or any(getattr(pool, name) for pool in page.pools)]
    return Table(
        _("What came in, by pool"),
        [Column("name", _("Pool"), heading=True),
         *(dollars(name, DEFINITIONS[name].term, _of(name)) for name in shown)],
        page.pools, csv=False, anchor="year-pools",
        totals={name: getattr(page.line, name) for name in shown} if len(page.pools) > 1 else None,
        empty_title=_("Nothing came in this year"),
    )


def _of(name: str) -> Callable[[Any], Money]:
    return lambda row: getattr(row, name)  # type: ignore[no-any-return]


# --- meetings ---------------------------------------------------------------------------------------------------
def _average_cell(row: SponsoredMeeting) -> Any:
    return row.average or Markup('<span class="noted quiet">{}</span>').format(WITHHELD[row.withheld])


def meeting_columns() -> list[Column]:
    """What is told of each meeting."""
    return [
        Column("name", _("Meeting"), heading=True, render=meeting_cell, csv=lambda row: row.meeting.short_name),
        Column("delegates", DEFINITIONS["sponsored"].term, numeric=True),
        Column("states", DEFINITIONS["states"].term, numeric=True),
        Column("days", DEFINITIONS["days"].term, numeric=True),
        Column("women", DEFINITIONS["women"].term, numeric=True, render=_women, csv=_women),
        Column("men", DEFINITIONS["men"].term, numeric=True, render=_men, csv=_men),
        Column("average", DEFINITIONS["average"].term, numeric=True, currency=USD, render=_average_cell,
               csv=lambda row: row.average),
        Column("settled", _("Payments"), render=_payments, csv=_payments),
    ]


def _payments(row: SponsoredMeeting) -> State:
    return SETTLED if row.settled else OPEN


def _women(row: SponsoredMeeting) -> int | None:
    return row.sexes[0] if row.sexes else None


def _men(row: SponsoredMeeting) -> int | None:
    return row.sexes[1] if row.sexes else None


def meetings_table(rows: tuple[SponsoredMeeting, ...], caption: Any, anchor: str = "meetings") -> Table:
    """Some of the meetings that are over; their files stand with the list of all."""
    return Table(
        caption, meeting_columns(), rows, base_url=url_for("fund.meetings"), anchor=anchor, per_page=max(len(rows), 1),
        empty_title=_("No sponsored delegate has travelled yet"),
        empty_text=_("A meeting is listed here once it is over."),
    )


def all_meetings_table(page: MeetingsPage, query: TableQuery) -> Table:
    """A page of the list of all."""
    return Table(
        _("Meetings with sponsored delegates"), meeting_columns(), page.rows, total=page.total, query=query,
        base_url=url_for("fund.meetings"), empty_title=_("No sponsored delegate has travelled yet"),
        empty_text=_("A meeting is listed here once it is over."),
    )


def groups_table(page: MeetingPage) -> Table:
    """Delegates and States by regional group, for the file of one meeting."""
    return Table(
        _("By regional group"),
        [Column("group", DEFINITIONS["group"].term, heading=True, render=lambda line: group_name(line.group),
                csv=lambda line: group_name(line.group)),
         Column("delegates", DEFINITIONS["sponsored"].term, numeric=True),
         Column("states", DEFINITIONS["states"].term, numeric=True)],
        page.row.groups, csv=False, anchor="groups",
    )
