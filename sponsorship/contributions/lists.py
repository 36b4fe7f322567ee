"""Tables of this room: columns, filters, what an empty one says."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from flask import url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from core.web.formats import day_html
from core.web.tables import Column, Filter, Table, TableQuery
from sponsorship.contributions.agreement_queries import AgreementRow
from sponsorship.contributions.queries import PledgeRow
from sponsorship.contributions.transitions import PLEDGE

PLEDGE_SORTABLE = ("reference", "announced_at", "amount")
PLEDGE_FILTERS = (
    Filter("state", _l("Status"), [(s.code, s.label) for s in PLEDGE.states]),
    Filter("q", _l("Reference")),
)


def _state_text(row: Any) -> str:
    return str(row.status.label)


def _day(name: str) -> Any:
    """A column's instant as its day alone (UTC): a list is read by days; the file keeps the instant."""

    def render(row: Any) -> Any:
        instant = getattr(row, name)
        return None if instant is None else day_html(instant.astimezone(UTC).date())

    return render


def _rate(row: AgreementRow) -> str:
    whole, part = divmod(row.support_rate_bp, 100)
    return f"{whole}.{part:02d} %" if part else f"{whole} %"


PLEDGE_COLUMNS = (
    Column("reference", _l("Reference"), sortable=True, heading=True),
    Column("donor", _l("Donor")),
    Column("purpose", _l("For")),
    Column("status", _l("Status"), csv=_state_text),
    Column("announced_at", _l("Announced"), sortable=True, render=_day("announced_at")),
    Column("amount", _l("Amount"), numeric=True, sortable=True, currency="USD"),
)
DONOR_COLUMNS = tuple(column for column in PLEDGE_COLUMNS if column.key != "donor")
AGREEMENT_COLUMNS = (
    Column("reference", _l("Reference of the letters"), heading=True),
    Column("donor", _l("Donor")),
    Column("exchange_of_letters", _l("Exchanged")),
    Column("end_date", _l("Last day")),
    Column("support_rate_bp", _l("Support costs"), numeric=True, render=_rate, csv=_rate),
    Column("pool", _l("Pool")),
    Column("in_force", _l("In force"), csv=lambda row: row.in_force),
)


def pledge_table(rows: list[PledgeRow], total: int, query: TableQuery) -> Table:
    """Pledges, for officers."""
    return Table(
        _("Pledges"), PLEDGE_COLUMNS, rows, filters=PLEDGE_FILTERS, total=total, query=query,
        base_url=url_for("contributions.pledge_list"),
        row_url=lambda row: url_for("contributions.pledge", pledge_id=row.id),
        empty_title=_("No pledge yet"), empty_text=_("Pledges appear here when donors announce them."),
    )


def donor_table(rows: list[PledgeRow], total: int, query: TableQuery) -> Table:
    """A donor's own pledges."""
    return Table(
        _("My pledges"), DONOR_COLUMNS, rows, filters=PLEDGE_FILTERS, total=total, query=query,
        base_url=url_for("contributions.donor_home"),
        row_url=lambda row: url_for("contributions.own_pledge", pledge_id=row.id),
        empty_title=_("You have not pledged yet"),
        empty_text=_("A pledge says what you intend to give. You can pay it at once or later."),
    )


def agreement_table(rows: list[AgreementRow]) -> Table:
    """Agreements on record."""
    return Table(
        _("Contribution agreements"), AGREEMENT_COLUMNS, rows, per_page=max(50, len(rows)),
        base_url=url_for("contributions.agreement_list"),
        empty_title=_("No agreement on record"),
        empty_text=_("Record an exchange of letters, and the State's payments go into its pool without further "
                     "acceptance."),
        empty_action=(_("Record a contribution agreement"), url_for("contributions.new_agreement")),
    )
