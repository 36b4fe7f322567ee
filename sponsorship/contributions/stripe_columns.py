"""Tables of what lies at Stripe: columns, filters, what an empty one says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup

from core.money import usd
from core.web.columns import day_of, state_text
from core.web.steps import Leaf
from core.web.tables import Column, Filter, Table, TableQuery
from sponsorship.contributions.invoice_queries import InvoiceRow
from sponsorship.contributions.invoice_states import INVOICE
from sponsorship.gateways.money_queries import MovementRow, PayoutRow, categories
from sponsorship.gateways.transitions import MOVEMENT, PAYOUT

# Stripe's reporting categories, as people read them; one that is not here stands as Stripe writes it
CATEGORIES: dict[str, Any] = {
    "charge": _l("Payment"), "refund": _l("Refund"), "refund_failure": _l("Refund that came back"),
    "dispute": _l("Dispute"), "dispute_reversal": _l("Dispute won"), "payout": _l("Payout"),
    "payout_reversal": _l("Payout that came back"), "fee": _l("Fee of Stripe"), "tax": _l("Tax"),
    "other_adjustment": _l("Adjustment by Stripe"), "topup": _l("Top-up"), "network_cost": _l("Network cost"),
    "partial_capture_reversal": _l("Reversal"), "risk_reserved_funds": _l("Held by Stripe"),
    "charge_failure": _l("Payment that failed"), "connect_reserved_funds": _l("Held by Stripe"),
}


def category_word(code: str) -> str:
    """The kind of a movement in words."""
    return str(CATEGORIES.get(code) or code.replace("_", " ").capitalize())


def _name(key: str) -> Any:
    """A column of Stripe's long names, which break anywhere."""
    return lambda row: Markup('<span class="file">{}</span>').format(getattr(row, key)) if getattr(row, key) else None


def _contents(row: PayoutRow) -> str | None:
    """Whether a payout contains what it paid out, in words and to the cent."""
    if row.difference is None:
        return None if row.automatic else _("Made by hand")
    return _("Agrees") if not row.difference else _("Differs")


PAYOUT_SORTABLE = ("created_at", "arrives_on", "amount")
PAYOUT_FILTERS = (
    Filter("state", _l("Status"), [(s.code, s.label) for s in PAYOUT.states]),
    Filter("q", _l("Identifier or bank reference")),
)
PAYOUT_COLUMNS = (
    Column("payout_id", _l("Payout"), heading=True, render=_name("payout_id"), csv=lambda row: row.payout_id),
    Column("status", _l("Status"), csv=state_text),
    Column("created_at", _l("Made"), sortable=True, render=day_of("created_at")),
    Column("arrives_on", _l("Arrives"), sortable=True),
    Column("amount", _l("Amount"), numeric=True, sortable=True, currency="USD"),
    Column("count", _l("Movements in it"), numeric=True),
    Column("contained", _l("They add up to"), numeric=True, currency="USD"),
    Column("difference", _l("Difference"), numeric=True, currency="USD"),
    Column("contents", _l("Contents"), render=_contents, csv=_contents),
    Column("bank_reference", _l("Bank reference")),
    Column("value_date", _l("Value date")),
)
_PAYOUT_ON_PAGE = tuple(c for c in PAYOUT_COLUMNS if c.key not in ("count", "contained", "value_date"))

MOVEMENT_SORTABLE = ("created_at",)  # the order that the indexes have, whatever the filters leave
MOVEMENT_COLUMNS = (
    Column("category", _l("What"), heading=True, render=lambda row: category_word(row.category)),
    Column("status", _l("Status"), csv=state_text),
    Column("created_at", _l("Made"), sortable=True, render=day_of("created_at")),
    Column("available_on", _l("Available"), render=day_of("available_on")),
    Column("amount", _l("Gross"), numeric=True, currency="USD"),
    Column("fee", _l("Fee"), numeric=True, currency="USD"),
    Column("net", _l("Net"), numeric=True, currency="USD"),
    Column("source_id", _l("Object at Stripe"), render=_name("source_id"), csv=lambda row: row.source_id),
    Column("payout_id", _l("Paid out in")),
    Column("txn_id", _l("Movement")),
    Column("type", _l("Type at Stripe")),
    Column("words", _l("Stripe’s words")),
)
_MOVEMENT_ON_PAGE = tuple(c for c in MOVEMENT_COLUMNS if c.key in (
    "category", "status", "created_at", "amount", "fee", "net", "source_id"))
_CONTENTS_ON_PAGE = tuple(replace(c, sortable=False) for c in MOVEMENT_COLUMNS if c.key in (
    "category", "status", "amount", "fee", "net", "source_id"))

INVOICE_SORTABLE = ("due_on", "ordered_at", "amount")
INVOICE_FILTERS = (
    Filter("state", _l("Status"), [(s.code, s.label) for s in INVOICE.states]),
    Filter("q", _l("Number or reference")),
)
INVOICE_COLUMNS = (
    Column("reference", _l("Reference"), heading=True),
    Column("number", _l("Number")),
    Column("donor", _l("Donor")),
    Column("status", _l("Status"), csv=state_text),
    Column("ordered_at", _l("Ordered"), sortable=True, render=day_of("ordered_at")),
    Column("due_on", _l("To be paid by"), sortable=True),
    Column("amount", _l("Amount"), numeric=True, sortable=True),
    Column("fee", _l("Fee"), numeric=True, currency="USD", render=lambda row: row.payment.fee,
           csv=lambda row: row.payment.fee),
    Column("net", _l("Net"), numeric=True, currency="USD", render=lambda row: row.payment.net,
           csv=lambda row: row.payment.net),
)
_INVOICE_ON_PAGE = tuple(c for c in INVOICE_COLUMNS if c.key != "ordered_at")


def movement_filters() -> tuple[Filter, ...]:
    """The kinds that there are; a new kind of Stripe's is offered as soon as there is one."""
    kinds = sorted(((code, category_word(code)) for code in categories()), key=lambda pair: pair[1])
    return (
        Filter("state", _l("Status"), [(s.code, s.label) for s in MOVEMENT.states]),
        Filter("category", _l("What"), kinds),
        Filter("made_from", _l("Made from"), day=True),
        Filter("made_to", _l("Made until"), day=True),
        Filter("q", _l("Whole identifier at Stripe")),
    )


def payout_table(rows: list[PayoutRow], total: int, query: TableQuery) -> Table:
    """Payouts, for officers."""
    return Table(
        _("Payouts to the bank"), _PAYOUT_ON_PAGE, rows, filters=PAYOUT_FILTERS, total=total, query=query,
        base_url=url_for("contributions.payout_list"),
        row_url=lambda row: url_for("contributions.payout", payout_id=row.id),
        empty_title=_("No payout yet"), empty_text=_("Stripe’s payouts appear here by themselves."),
    )


def movement_table(leaf: Leaf, total: int | None, query: TableQuery, filters: tuple[Filter, ...]) -> Table:
    """Movements of Stripe's balance, for officers."""
    return Table(
        _("Movements of Stripe’s balance"), _MOVEMENT_ON_PAGE, leaf.rows, filters=filters, total=total, query=query,
        leaf=leaf,
        base_url=url_for("contributions.movement_list"),
        row_url=lambda row: url_for("contributions.movement", movement_id=row.id),
        empty_title=_("No movement yet"), empty_text=_("What moves in the fund’s balance at Stripe appears here by "
                                                       "itself."),
    )


def contents_table(rows: tuple[MovementRow, ...], payout_row_id: Any, query: TableQuery) -> Table:
    """What one payout contains."""
    return Table(
        _("What it contains"), _CONTENTS_ON_PAGE, rows, per_page=max(len(rows), 1), query=query,
        base_url=url_for("contributions.payout", payout_id=payout_row_id),
        row_url=lambda row: url_for("contributions.movement", movement_id=row.id),
        totals={name: sum_of(rows, name) for name in ("amount", "fee", "net")} if rows else None,
    )


def sum_of(rows: tuple[MovementRow, ...], name: str) -> Any:
    """The sum of a column of Money in US dollars."""
    return usd(sum(getattr(row, name).minor for row in rows if getattr(row, name).currency == "USD"))


def invoice_table(rows: list[InvoiceRow], total: int, query: TableQuery) -> Table:
    """Invoices, for officers."""
    return Table(
        _("Invoices"), _INVOICE_ON_PAGE, rows, filters=INVOICE_FILTERS, total=total, query=query,
        base_url=url_for("contributions.invoice_list"),
        row_url=lambda row: url_for("contributions.invoice", invoice_id=row.id),
        empty_title=_("No invoice yet"),
        empty_text=_("An invoice is made from the page of a pledge, by an officer or by the donor."),
    )
