"""The fund's charts: the page draws them, and each is a picture of its own."""

from __future__ import annotations

from flask_babel import gettext as _
from flask_babel import ngettext

from core.money import Money
from core.web.charts import Bar, BarChart, Group, Pattern, SeriesChart
from sponsorship.transparency.fund_tables import year_words
from sponsorship.transparency.meeting_figures import SponsoredMeeting
from sponsorship.transparency.queries import Figures, FundPage, MeetingPage, YearPage
from sponsorship.transparency.words import DEFINITIONS, group_name
from sponsorship.transparency.years import YearLine

LAST_YEARS = 5  # drawn; the table beside has all of them


def _bar(key: str, value: Money, pattern: Pattern = "solid", note: str | None = None) -> Bar:
    return Bar(DEFINITIONS[key].term, value, pattern, key, note)


def balance_chart(page: FundPage) -> BarChart:
    """Where the money of all years stands. Figures that were always zero are left out."""
    t = page.totals
    bars = [_bar("pledged", t.pledged, "outline", _("not money yet")), _bar("received", t.received)]
    bars += [_bar(key, value) for key, value in (
        ("exchange", t.exchange), ("refunded", t.refunded), ("disputed", t.disputed), ("fees", t.fees),
        ("losses", t.losses)) if value]
    bars += [
        Bar(_("Spent: direct costs"), t.spent_direct, "solid", "spent-direct"),
        Bar(_("Spent: support costs"), t.spent_support, "solid", "spent-support"),
        _bar("reserved", t.reserved, "hatch"), _bar("available", t.available, "dots"),
    ]
    return BarChart(_("Since the fund began"), _("US dollars"), bars, as_of=page.as_of, key="fund-chart",
                    column=_("Figure"), note=identity(t))


def identity(t: Figures) -> str:
    """The sum that every cent stands in, with the figures there are."""

    def named(*parts: tuple[str, Money | None]) -> str:
        return " + ".join(str(DEFINITIONS[key].term) for key, value in parts if value is None or value)

    came = named(("received", None), ("exchange", t.exchange))
    went = named(("refunded", t.refunded), ("disputed", t.disputed), ("fees", t.fees), ("losses", t.losses),
                 ("spent-direct", None), ("spent-support", None), ("reserved", None), ("available", None))
    return _("%(came)s = %(went)s.", came=came, went=went)


def years_chart(page: FundPage) -> SeriesChart:
    """What came, what was spent and what was there at the end of each of the last years."""
    return SeriesChart(
        _("By year"), _("US dollars"),
        [Group(year_words(line.year, page.as_of.year), _year_bars(line)) for line in page.years[-LAST_YEARS:]],
        as_of=page.as_of, key="years-chart", column=_("Year"),
    )


def _year_bars(line: YearLine) -> list[Bar]:
    return [_bar("received", line.received), _bar("spent", line.spent, "hatch"), _bar("closing", line.closing, "dots")]


def year_chart(page: YearPage) -> BarChart:
    """One year from its beginning to its end."""
    line = page.line
    bars = [_bar("opening", line.opening, "dots"), _bar("received", line.received)]
    bars += [_bar(key, value) for key, value in (
        ("exchange", line.exchange), ("refunded", line.refunded), ("disputed", line.disputed), ("fees", line.fees),
        ("losses", line.losses))
        if value]
    bars += [Bar(_("Spent: direct costs"), line.spent_direct, "hatch", "spent-direct"),
             Bar(_("Spent: support costs"), line.spent_support, "hatch", "spent-support"),
             _bar("closing", line.closing, "dots")]
    return BarChart(_("The fund in %(year)s", year=line.year), _("US dollars"), bars, as_of=page.as_of,
                    key="year-chart", column=_("Figure"))


def meetings_chart(page: FundPage) -> BarChart:
    """Sponsored delegates of the latest meetings, in order of time as the years are."""
    return BarChart(
        DEFINITIONS["sponsored"].term, _("persons"),
        [Bar(_meeting(row), row.delegates, "solid", "sponsored") for row in reversed(page.meetings)],
        as_of=page.as_of, key="meetings-chart", column=_("Meeting"),
    )


def _meeting(row: SponsoredMeeting) -> str:
    return _("%(meeting)s, %(year)s", meeting=row.meeting.short_name,
             year=row.meeting.end_date.year if row.meeting.end_date else row.meeting.year)


def groups_chart(page: MeetingPage) -> BarChart | None:
    """Delegates of one meeting by regional group, where that may be told."""
    if not page.row.groups:
        return None
    return BarChart(
        _("%(meeting)s: sponsored delegates by regional group", meeting=page.row.meeting.short_name), _("persons"),
        [Bar(group_name(line.group), line.delegates, "outline" if line.group is None else "solid", "group",
             ngettext("of %(num)s State", "of %(num)s States", line.states))
         for line in page.row.groups],
        as_of=page.as_of, key="groups-chart", column=DEFINITIONS["group"].term, show_total=True,
    )
