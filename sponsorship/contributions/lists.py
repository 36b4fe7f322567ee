"""Tables of this room: columns, filters, what an empty one says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from core.machines import State
from core.web.columns import state_text
from core.web.tables import Column, Filter, Table, TableQuery
from sponsorship.contributions.agreement_queries import AgreementRow
from sponsorship.contributions.giving_words import rate_of_support
from sponsorship.contributions.pledge_queries import SORTS, DueRow, PledgeChoices, PledgeTotals
from sponsorship.contributions.queries import PledgeRow
from sponsorship.contributions.transitions import PLEDGE

PLEDGE_SORTABLE = tuple(SORTS)
_PLEDGE_STATE = Filter("state", _l("Status"), [(s.code, s.label) for s in PLEDGE.states])
DONOR_FILTERS = (_PLEDGE_STATE, Filter("q", _l("Reference")))


def pledge_filters(choices: PledgeChoices) -> tuple[Filter, ...]:
    """What officers may ask of the list of pledges: only what occurs is offered."""
    donors = [(value, label or _("Without an account")) for value, label in choices.donors]
    return (
        _PLEDGE_STATE, Filter("donor", _l("Donor"), donors), Filter("purpose", _l("For"), choices.purposes),
        Filter("currency", _l("Currency"), choices.currencies), Filter("due", _l("Due before"), day=True),
        Filter("q", _l("Reference")),
    )


def _rate(row: AgreementRow) -> str:
    return rate_of_support(row.support_rate_bp)


def _not_zero(name: str) -> Any:
    """A column's amount; a dash for nothing."""

    def render(row: Any) -> Any:
        return getattr(row, name) or None

    return render


_PLEDGE = {column.key: column for column in (
    Column("reference", _l("Reference"), sortable=True, heading=True),
    Column("donor", _l("Donor")),
    Column("purpose", _l("For")),
    Column("status", _l("Status"), csv=state_text),
    Column("announced_at", _l("Announced"), sortable=True),
    Column("next_due_on", _l("Next due"), sortable=True),
    Column("currency", _l("Currency"), csv=lambda row: row.amount.currency),
    Column("amount", _l("Pledged"), numeric=True),
    Column("current", _l("Reduced to"), numeric=True),
    Column("paid", _l("Paid"), numeric=True),
    Column("returned", _l("Paid back"), numeric=True),
    Column("disputed", _l("Disputed"), numeric=True),
    Column("outstanding", _l("Still to be paid"), numeric=True, render=_not_zero("outstanding")),
    Column("usd", _l("Worth"), numeric=True, sortable=True, currency="USD"),
    Column("outstanding_usd", _l("Still to be paid"), numeric=True, currency="USD",
           render=_not_zero("outstanding_usd")),
)}


def _pledge(*keys: str) -> tuple[Column, ...]:
    return tuple(_PLEDGE[key] for key in keys)


PLEDGE_COLUMNS = _pledge("reference", "donor", "purpose", "status", "next_due_on", "amount", "usd", "outstanding_usd")
DONOR_COLUMNS = _pledge("reference", "purpose", "status", "next_due_on", "amount", "outstanding", "usd")
# a file says the currency in a column of its own, and more than a page has room for
PLEDGE_FILE_COLUMNS = tuple(_PLEDGE.values())
DONOR_FILE_COLUMNS = tuple(column for column in PLEDGE_FILE_COLUMNS if column.key != "donor")
UNDER_COLUMNS = tuple(replace(column, sortable=False) for column in _pledge(
    "reference", "status", "next_due_on", "amount", "outstanding", "usd"))
OVERDUE = State("overdue", _l("Overdue"), "attention")
TO_COME = State("to_come", _l("To come"), "waiting")
DUE_COLUMNS = (
    Column("reference", _l("Pledge"), heading=True),
    Column("n", _l("Instalment"), render=lambda row: _("%(n)s of %(of)s", n=row.n, of=row.of)),
    Column("due_on", _l("Due"), render=lambda row: row.due_on or _("When it suits you")),
    Column("overdue", _l("Status"), render=lambda row: OVERDUE if row.overdue else TO_COME),
    Column("left", _l("Still to be paid"), numeric=True),
)
AGREEMENT_COLUMNS = (
    Column("reference", _l("Reference of the letters"), heading=True),
    Column("donor", _l("Donor")),
    Column("exchange_of_letters", _l("Exchanged")),
    Column("end_date", _l("Last day")),
    Column("support_rate_bp", _l("Support costs"), numeric=True, render=_rate, csv=_rate),
    Column("pool", _l("For")),
    Column("clause", _l("Unspent money"), render=lambda row: row.clause_words, csv=lambda row: row.clause_words),
    Column("in_force", _l("In force"), csv=lambda row: row.in_force),
)


def pledge_table(
    rows: list[PledgeRow], total: int, query: TableQuery, filters: tuple[Filter, ...], totals: PledgeTotals
) -> Table:
    """Pledges, for officers; the totals are of the whole list."""
    return Table(
        _("Pledges"), PLEDGE_COLUMNS, rows, filters=filters, total=total, query=query,
        base_url=url_for("contributions.pledge_list"),
        row_url=lambda row: url_for("contributions.pledge", pledge_id=row.id),
        totals={"usd": totals.usd, "outstanding_usd": totals.outstanding},
        empty_title=_("No pledge yet"), empty_text=_("Pledges appear here when donors announce them."),
    )


def donor_table(rows: list[PledgeRow], total: int, query: TableQuery) -> Table:
    """A donor's own pledges."""
    return Table(
        _("My pledges"), DONOR_COLUMNS, rows, filters=DONOR_FILTERS, total=total, query=query,
        base_url=url_for("contributions.donor_home"),
        row_url=lambda row: url_for("contributions.own_pledge", pledge_id=row.id),
        empty_title=_("You have not pledged yet"),
        empty_text=_("A pledge says what you intend to give. You can pay it at once or later."),
    )


def due_table(rows: list[DueRow]) -> Table:
    """What a donor still owes, the soonest first: as much as a person pays from one page."""
    return Table(
        _("What is due"), DUE_COLUMNS, rows[:50], csv=False, anchor="due",
        base_url=url_for("contributions.donor_home"),
        row_url=lambda row: url_for("contributions.own_pledge", pledge_id=row.pledge_id),
    )


def pledges_under(rows: tuple[PledgeRow, ...], officer: bool) -> Table:
    """The pledges of an agreement, for officers or for its donor."""
    return Table(
        _("Pledges"), UNDER_COLUMNS, rows, per_page=max(50, len(rows)), csv=False,
        row_url=lambda row: url_for(f"contributions.{'pledge' if officer else 'own_pledge'}", pledge_id=row.id),
        empty_title=_("No pledge stands under it"),
        empty_text=_("A pledge is put under an agreement on its own page.") if officer else None,
    )


def agreement_table(rows: list[AgreementRow]) -> Table:
    """Agreements on record."""
    return Table(
        _("Contribution agreements"), AGREEMENT_COLUMNS, rows, per_page=max(50, len(rows)),
        base_url=url_for("contributions.agreement_list"),
        row_url=lambda row: url_for("contributions.agreement", agreement_id=row.id),
        empty_title=_("No agreement on record"),
        empty_text=_("Record an exchange of letters, and the State’s payments go into its pool without further "
                     "acceptance."),
        empty_action=(_("Record a contribution agreement"), url_for("contributions.new_agreement")),
    )
