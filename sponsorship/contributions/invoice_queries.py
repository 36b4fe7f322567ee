"""Invoices for pages: typed rows, a fixed number of queries."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import aliased

from core.db import db
from core.errors import NotFound
from core.events import History, history
from core.machines import State
from core.money import Money
from core.web.tables import TableQuery
from sponsorship.contributions.invoice_models import DonorInvoice
from sponsorship.contributions.invoice_states import INVOICE
from sponsorship.contributions.models import Contribution, Pledge
from sponsorship.contributions.queries import (
    MAX_LIST,
    ContributionRow,
    PledgeRow,
    contribution_rows,
    joined,
    pledge_rows,
)
from sponsorship.contributions.transitions import LIVE, OPEN

DUE_SOON = timedelta(days=60)


@dataclass(frozen=True)
class InvoiceRow:
    """One invoice with the contribution it asks for. `funded` has come by bank transfer and does not pay it yet."""

    id: uuid.UUID
    version: int
    number: str | None
    code: str
    status: State
    amount: Money
    funded: Money
    due_on: date
    overdue: bool
    ordered_at: datetime
    sent_at: datetime | None
    closed_at: datetime | None
    hosted_url: str | None
    close_as: str | None
    failure: str | None
    payment: ContributionRow

    @property
    def reference(self) -> str:
        return self.payment.reference

    @property
    def donor(self) -> str:
        return self.payment.donor

    @property
    def payable(self) -> bool:
        """Whether its page takes a payment."""
        return self.code == "open" and self.hosted_url is not None


@dataclass(frozen=True)
class InvoicePage:
    """All that an officer sees of an invoice."""

    row: InvoiceRow
    stripe_invoice_id: str | None
    history: tuple[History, ...]


INVOICE_SORTS: dict[str, Any] = {"due_on": DonorInvoice.due_on, "ordered_at": DonorInvoice.ordered_at,
                                 "amount": Contribution.amount_minor}


def _rows(wanted: Select[uuid.UUID], today: date) -> list[InvoiceRow]:
    keys = list(db.session.scalars(wanted))
    found = {row.contribution_id: row for row in db.session.scalars(
        select(DonorInvoice).where(DonorInvoice.id.in_(keys)))} if keys else {}
    payments = db.session.execute(joined().where(Contribution.id.in_(list(found)))).all() if found else []
    rows = {found[payment.id].id: _row(found[payment.id], payment, today)
            for payment in contribution_rows(list(payments))}
    return [rows[key] for key in keys]


def _row(row: DonorInvoice, payment: ContributionRow, today: date) -> InvoiceRow:
    return InvoiceRow(
        row.id, row.version, row.number, row.state, INVOICE.state(row.state), payment.amount,
        Money(row.funded_minor, payment.amount.currency), row.due_on, row.state == "open" and row.due_on < today,
        row.ordered_at, row.sent_at, row.closed_at, row.hosted_url, row.close_as, row.failure_code, payment,
    )


def _base() -> Select[uuid.UUID]:
    return (select(DonorInvoice.id).join(Contribution, Contribution.id == DonorInvoice.contribution_id)
            .join(Pledge, Pledge.id == Contribution.pledge_id))


def list_invoices(query: TableQuery, today: date, everything: bool = False) -> tuple[list[InvoiceRow], int]:
    """Invoices, the newest first unless sorted, and their number; `everything` for a download."""
    wanted = _base()
    if state := query.get("state"):
        wanted = wanted.where(DonorInvoice.state == state)
    if words := query.get("q"):
        escaped = words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        wanted = wanted.where(or_(*(column.ilike(f"%{escaped}%", escape="\\") for column in (
            DonorInvoice.number, Contribution.reference, Pledge.reference))))
    total = db.session.scalar(select(func.count()).select_from(wanted.subquery())) or 0
    column = INVOICE_SORTS.get(query.sort or "")
    if column is None:
        wanted = wanted.order_by(DonorInvoice.id.desc())
    else:
        wanted = wanted.order_by(column.desc() if query.descending else column.asc(), DonorInvoice.id)
    wanted = wanted.limit(MAX_LIST) if everything else wanted.limit(query.limit).offset(query.offset)
    return _rows(wanted, today), total


def get_invoice(invoice_id: uuid.UUID, today: date) -> InvoicePage:
    """An invoice, for officers. Raises NotFound."""
    rows = _rows(select(DonorInvoice.id).where(DonorInvoice.id == invoice_id), today)
    if not rows:
        raise NotFound()
    stripe_id = db.session.scalar(select(Contribution.stripe_invoice_id).where(Contribution.id == rows[0].payment.id))
    return InvoicePage(rows[0], stripe_id, tuple(history("donor_invoice", invoice_id)))


def invoices_of(pledge_id: uuid.UUID, today: date) -> list[InvoiceRow]:
    """Invoices of a pledge, the newest first."""
    return _rows(_base().where(Pledge.id == pledge_id).order_by(DonorInvoice.id.desc()), today)


def invoice_out(pledge_id: uuid.UUID, today: date) -> InvoiceRow | None:
    """The invoice of a pledge that is out, or about to be."""
    rows = _rows(_base().where(Pledge.id == pledge_id, DonorInvoice.state.in_(("ordered", "open", "closing"))), today)
    return rows[0] if rows else None


def due_without(today: date, limit: int = 10) -> list[PledgeRow]:
    """Pledges with an instalment due within two months and no invoice out, the earliest first."""
    its = aliased(Contribution)
    out = select(its.id).where(its.pledge_id == Pledge.id, its.method == "invoice", its.state.in_(LIVE)).exists()
    return pledge_rows(list(db.session.scalars(
        select(Pledge).where(Pledge.state.in_(OPEN), Pledge.current_minor > Pledge.paid_minor,
                             Pledge.next_due_on <= today + DUE_SOON, ~out)
        .order_by(Pledge.next_due_on, Pledge.id).limit(limit))))


def failed_invoices(today: date, limit: int = 20) -> list[InvoiceRow]:
    """Invoices that Stripe would not make, of pledges still open and not asked for since, oldest first."""
    its = aliased(Contribution)
    newest = select(func.max(its.attempt)).where(its.pledge_id == Pledge.id, its.method == "invoice").scalar_subquery()
    return _rows(
        _base().where(DonorInvoice.state == "failed", Pledge.state.in_(OPEN), Contribution.attempt == newest)
        .order_by(DonorInvoice.id).limit(limit), today)
