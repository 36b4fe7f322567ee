"""Invoices for instalments. Tables and constraints only."""

from __future__ import annotations

import uuid
from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, MinorUnits, Versioned, WithId
from core.ddl import append_only, lookup_table
from sponsorship.contributions.invoice_states import INVOICE

CLOSINGS = ("void", "elsewhere", "uncollectible")
lookup_table("invoice_closing", CLOSINGS)


class DonorInvoice(WithId, Versioned, Base):
    """The invoice by which a contribution of method `invoice` is asked for: what it asks, and what came, stand in the
    contribution.

    `after_minor` is what was paid of the pledge when it was ordered: where more has been paid since, the invoice is
    overtaken. `due_on` is business time, `due_at` the same in real time as Stripe was told. `description` stands for
    good, since Stripe takes the same words under the same key. `asked_at` is when it was ordered, or its closing, in
    real time, `checked_at` when Stripe was last asked. `funded_minor` lies in the donor's cash balance at
    Stripe and does not pay the invoice yet. `close_as` is how it is being closed: cancelled (void), paid by another
    way, or given up.
    """

    __tablename__ = "donor_invoice"
    __table_args__ = (
        CheckConstraint("after_minor >= 0 AND funded_minor >= 0", name="amounts_positive"),
        CheckConstraint("state <> 'open' OR hosted_url IS NOT NULL", name="open_has_page"),
        CheckConstraint("state <> 'closing' OR close_as IS NOT NULL", name="closing_says_how"),
    )
    contribution_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("contribution.id"), unique=True)
    state: Mapped[str] = INVOICE.column()
    number: Mapped[str | None] = mapped_column(String(60))
    hosted_url: Mapped[str | None] = mapped_column(Text)
    description: Mapped[str] = mapped_column(String(200))
    after_minor: Mapped[int] = mapped_column(MinorUnits)
    funded_minor: Mapped[int] = mapped_column(MinorUnits, default=0)
    due_on: Mapped[date]
    due_at: Mapped[datetime]
    ordered_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))
    ordered_at: Mapped[datetime] = mapped_column(index=True)
    asked_at: Mapped[datetime]
    checked_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    close_as: Mapped[str | None] = mapped_column(ForeignKey("invoice_closing.code"))
    failure_code: Mapped[str | None] = mapped_column(String(60))


append_only(
    DonorInvoice.__table__,  # type: ignore[arg-type]
    updatable=(
        "state", "version", "number", "hosted_url", "funded_minor", "asked_at", "checked_at", "sent_at", "closed_at",
        "close_as", "failure_code",
    ),
)
