"""Tables of officers (and donors) about contributions, transfers, refunds, disputes and papers: columns, filters, what
an empty one says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flask import url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from core.money import Money
from core.web.columns import day_of, state_text
from core.web.tables import Column, Filter, Table, TableQuery
from sponsorship.contributions.contribution_queries import WITHOUT_ACCOUNT, currencies, donors_with_contributions
from sponsorship.contributions.paper_queries import PaperRow
from sponsorship.contributions.queries import ContributionRow
from sponsorship.contributions.transitions import CONTRIBUTION, DISPUTE, REFUND

METHODS = {"card": _l("Card"), "invoice": _l("Invoice"), "transfer": _l("Bank transfer")}
REFUND_KINDS = {
    "refusal": _l("Not accepted"), "refund": _l("Refund"), "external": _l("Made at Stripe itself"),
    "correction": _l("Correction of a deposit"),
}
PAPERS = {"receipt": _l("Receipt"), "credit_note": _l("Credit note")}
DISPUTE_REASONS = {
    "bank_cannot_process": _l("The bank cannot process it"), "check_returned": _l("A cheque was returned"),
    "credit_not_processed": _l("A promised refund did not come"), "customer_initiated": _l("The donor objects"),
    "debit_not_authorized": _l("The debit was not authorised"), "duplicate": _l("It was charged twice"),
    "fraudulent": _l("The cardholder did not make it"), "general": _l("No reason given"),
    "incorrect_account_details": _l("The account details were wrong"),
    "insufficient_funds": _l("The account had too little money"), "noncompliant": _l("It breaks the card’s rules"),
    "product_not_received": _l("What was paid for did not come"),
    "product_unacceptable": _l("What was paid for was not as described"),
    "subscription_canceled": _l("It was charged after a cancellation"),
    "unrecognized": _l("The cardholder does not recognise it"),
}


def dispute_reason(code: str) -> str:
    """Stripe's code of a reason in words."""
    return str(DISPUTE_REASONS.get(code) or code.replace("_", " ").capitalize())


def _word(name: str, words: Mapping[str, Any]) -> Callable[[Any], str]:
    return lambda row: str(words.get(getattr(row, name), getattr(row, name)))


def _original(row: ContributionRow) -> Money:
    return row.paid or row.amount


# --- contributions ----------------------------------------------------------------------------------------------
CONTRIBUTION_COLUMNS = (
    Column("reference", _l("Reference"), sortable=True, heading=True),
    Column("pledge_reference", _l("Pledge")),
    Column("donor", _l("Donor")),
    Column("purpose", _l("For")),
    Column("method", _l("Method"), render=_word("method", METHODS), csv=_word("method", METHODS)),
    Column("status", _l("Status"), csv=state_text),
    Column("created_at", _l("Begun"), sortable=True, render=day_of("created_at")),
    Column("received_at", _l("Received"), sortable=True, render=day_of("received_at")),
    Column("paid", _l("Amount"), numeric=True, render=_original, csv=_original),
    Column("currency", _l("Currency"), csv=lambda row: _original(row).currency),
    Column("gross", _l("Worth"), numeric=True, sortable=True, currency="USD"),
    Column("exchange", _l("Exchange"), numeric=True, currency="USD", render=lambda row: row.exchange or None),
    Column("fee", _l("Fee"), numeric=True, currency="USD"),
    Column("net", _l("Net"), numeric=True, sortable=True, currency="USD"),
    Column("back", _l("Went back or disputed"), numeric=True, currency="USD", render=lambda row: row.back or None),
    Column("receipt_number", _l("Receipt")),
)
# the file and the page of the contribution have these
_LEFT_OUT = {"pledge_reference", "purpose", "created_at", "currency", "receipt_number"}
_ON_PAGE = tuple(column for column in CONTRIBUTION_COLUMNS if column.key not in _LEFT_OUT)


def contribution_filters() -> tuple[Filter, ...]:
    """With donors and currencies as they are now."""
    donors = [(str(key), name) for key, name in donors_with_contributions()]
    return (
        Filter("state", _l("Status"), [(s.code, s.label) for s in CONTRIBUTION.states]),
        Filter("method", _l("Payment method"), list(METHODS.items())),
        Filter("donor", _l("Donor"), [*donors, (WITHOUT_ACCOUNT, _l("Donors without an account"))]),
        Filter("currency", _l("Currency"), [(code, code) for code in currencies()]),
        Filter("received_from", _l("Received from"), day=True),
        Filter("received_to", _l("Received until"), day=True),
        Filter("q", _l("Reference")),
    )


def contribution_table(
    rows: list[ContributionRow], total: int, sums: Mapping[str, Money], query: TableQuery, filters: Sequence[Filter]
) -> Table:
    """Contributions, for officers."""
    return Table(
        _("Contributions"), _ON_PAGE, rows, filters=filters, total=total, query=query, broad=True,
        base_url=url_for("contributions.contribution_list"), totals=sums if total else None,
        row_url=lambda row: url_for("contributions.contribution", contribution_id=row.id),
        empty_title=_("No contribution yet"), empty_text=_("Payments appear here as soon as a donor begins one."),
    )


# --- bank transfers ---------------------------------------------------------------------------------------------
TRANSFER_COLUMNS = (
    Column("reference", _l("Reference"), heading=True),
    Column("donor", _l("Donor")),
    Column("pledge_reference", _l("Payment reference")),
    Column("amount", _l("Announced"), numeric=True),
    Column("declared_on", _l("Sent on")),
    Column("look_until", _l("Look for it until")),
)


def transfer_table(rows: Sequence[Any], query: TableQuery) -> Table:
    """Transfers that donors have announced, for the officers who look for them."""
    return Table(
        _("Announced by donors"), TRANSFER_COLUMNS, rows, query=query, per_page=max(50, len(rows)),
        base_url=url_for("contributions.transfer_list"),
        row_url=lambda row: url_for("contributions.contribution", contribution_id=row.id),
        empty_title=_("No transfer is announced"),
        empty_text=_("A transfer appears here as soon as a donor says that it was sent. A deposit that nobody "
                     "announced can be recorded all the same."),
    )


# --- refunds and disputes ---------------------------------------------------------------------------------------
REFUND_SORTABLE = ("created_at", "amount")
REFUND_FILTERS = (
    Filter("state", _l("Status"), [(s.code, s.label) for s in REFUND.states]),
    Filter("kind", _l("Kind"), list(REFUND_KINDS.items())),
    Filter("q", _l("Reference")),
)
REFUND_COLUMNS = (
    Column("reference", _l("Contribution"), heading=True),
    Column("donor", _l("Donor")),
    Column("kind", _l("Kind"), render=_word("kind", REFUND_KINDS), csv=_word("kind", REFUND_KINDS)),
    Column("status", _l("Status"), csv=state_text),
    Column("created_at", _l("Asked for"), sortable=True, render=day_of("created_at")),
    Column("succeeded_at", _l("Paid back"), render=day_of("succeeded_at")),
    Column("amount", _l("Amount"), numeric=True, sortable=True),
    Column("settled", _l("Cost"), numeric=True, currency="USD"),
)


def refund_table(rows: Sequence[Any], total: int, query: TableQuery) -> Table:
    """Money on its way back, or gone back."""
    return Table(
        _("Refunds and corrections"), REFUND_COLUMNS, rows, filters=REFUND_FILTERS, total=total, query=query,
        base_url=url_for("contributions.refund_list"),
        row_url=lambda row: url_for("contributions.refund", refund_id=row.id),
        empty_title=_("Nothing has gone back"),
        empty_text=_("A refund is asked for on the page of a contribution and approved by somebody else."),
    )


DISPUTE_SORTABLE = ("opened_at", "respond_by", "amount")
DISPUTE_FILTERS = (
    Filter("state", _l("Status"), [(s.code, s.label) for s in DISPUTE.states]),
    Filter("q", _l("Reference")),
)
DISPUTE_COLUMNS = (
    Column("reference", _l("Contribution"), heading=True),
    Column("donor", _l("Donor")),
    Column("status", _l("Status"), csv=state_text),
    Column("reason", _l("Reason"), render=lambda row: dispute_reason(row.reason),
           csv=lambda row: dispute_reason(row.reason)),
    Column("opened_at", _l("Opened"), sortable=True, render=day_of("opened_at")),
    Column("respond_by", _l("Evidence due by"), sortable=True, render=day_of("respond_by")),
    Column("amount", _l("Disputed"), numeric=True, sortable=True),
    Column("taken", _l("Taken"), numeric=True, currency="USD"),
)


def dispute_table(rows: Sequence[Any], total: int, query: TableQuery) -> Table:
    """Payments that a donor's bank disputes, or asked about."""
    return Table(
        _("Disputes"), DISPUTE_COLUMNS, rows, filters=DISPUTE_FILTERS, total=total, query=query,
        base_url=url_for("contributions.dispute_list"),
        row_url=lambda row: url_for("contributions.dispute", dispute_id=row.id),
        empty_title=_("No payment is disputed"),
        empty_text=_("When a donor’s bank takes a card payment back, or asks about it, it appears here with the day by "
                     "which to answer."),
    )


# --- papers -----------------------------------------------------------------------------------------------------
PAPER_FILTERS = (
    Filter("kind", _l("Kind"), list(PAPERS.items())),
    Filter("year", _l("Year")),
    Filter("q", _l("Number or reference")),
)
PAPER_COLUMNS = (
    Column("number", _l("Number"), sortable=True, heading=True),
    Column("kind", _l("Kind"), render=_word("kind", PAPERS), csv=_word("kind", PAPERS)),
    Column("issued_at", _l("Issued"), sortable=True, render=day_of("issued_at")),
    Column("donor", _l("Donor")),
    Column("contribution_reference", _l("Contribution")),
    Column("amount", _l("Amount"), numeric=True, sortable=True),
    Column("usd", _l("Worth"), numeric=True, sortable=True, currency="USD"),
    Column("cancels", _l("Cancels")),
)
_DONORS_OWN = tuple(
    Column("pledge_reference", _l("Pledge")) if column.key == "donor" else column for column in PAPER_COLUMNS)


def paper_columns(*, own: bool = False) -> tuple[Column, ...]:
    """For officers, or for donors, who know who they are."""
    return _DONORS_OWN if own else PAPER_COLUMNS


def paper_table(
    rows: list[PaperRow], total: int, query: TableQuery, base_url: str, url: Callable[[PaperRow], str], *,
    own: bool = False, filters: Sequence[Filter] = PAPER_FILTERS,
) -> Table:
    """Receipts and credit notes."""
    return Table(
        _("Receipts and credit notes"), paper_columns(own=own), rows, filters=filters, total=total, query=query,
        base_url=base_url, row_url=url, empty_title=_("No receipt yet"),
        empty_text=_("A receipt is issued when a contribution is accepted, and a credit note when money of it goes "
                     "back."),
    )
