"""The fund's four numbers on the home page."""

from __future__ import annotations

from flask import url_for
from flask_babel import gettext as _

from meetings.calendar.panels import Panel, register_home_panel
from sponsorship.transparency import queries
from sponsorship.transparency.statement_sums import held_by_pool
from sponsorship.transparency.words import DEFINITIONS

FOUR = ("received", "spent", "reserved", "available")
BESIDE = ("exchange", "refunded", "disputed", "fees", "losses")


def fund_panel() -> Panel:
    """Four numbers, what makes the first of them the sum of the others, and the time they were read. Three queries, and
    one more while a dispute is open."""
    books = queries.books()
    figures = queries.figures_of(books, held=queries.held_of(books, held_by_pool()))
    return Panel(
        title=_("The sponsorship fund"),
        template="transparency/_fund_panel.html",
        context={
            "empty": not figures.received,
            "as_of": books.as_of,
            "figures": [
                (DEFINITIONS[key].term, getattr(figures, key), url_for("fund.page", _anchor=key)) for key in FOUR
            ],
            "beside": [(DEFINITIONS[key].term, getattr(figures, key)) for key in BESIDE if getattr(figures, key)],
        },
        key="fund", order=20, link=(_("All figures of the fund"), url_for("fund.page")),
    )


def register() -> None:
    """Called once by app.py."""
    register_home_panel(fund_panel)
