"""What became of payments that left: the file handed over, the bank's answers, and what two people find where the bank
is silent. All but the findings is append-only."""

from __future__ import annotations

import uuid
from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, MinorUnits, Versioned, WithId
from core.ddl import append_only, lookup_table
from sponsorship.disbursements.transitions import FINDING

ANSWERS = ("confirmed", "rejected", "failed", "returned", "reversed", "contradicted")
FEE_BEARERS = ("fund", "payee")
OUTCOMES = ("paid", "unpaid")
lookup_table("bank_answer_kind", ANSWERS)


class Handover(Base):
    """A signatory confirms that the bank has the file of an instruction, whole. `receipt` is the bank's own number for
    the file, where it gives one."""

    __tablename__ = "instruction_handover"
    instruction_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("payment_instruction.id"), primary_key=True)
    receipt: Mapped[str | None] = mapped_column(String(60))
    by_person: Mapped[uuid.UUID] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime]
    recorded_at: Mapped[datetime]


class BankAnswer(WithId, Base):
    """One word of the bank about one round of a payment. US cents: `paid_minor` of the instructed amount was paid or
    came back, `fee_minor` is the bank's fee, borne as `fee_bearer` says, `exchange_minor` what its own conversion
    brought (above zero) or cost. A round gets one answer under one reference."""

    __tablename__ = "bank_answer"
    __table_args__ = (
        UniqueConstraint("disbursement_id", "round", "answer", "bank_reference", name="uq_bank_answer_once"),
        CheckConstraint("paid_minor > 0 AND fee_minor >= 0", name="amounts"),
        CheckConstraint("fee_bearer IN ('fund', 'payee')", name="fee_bearer"),
        CheckConstraint("length(bank_reference) > 0", name="has_reference"),
        Index("ix_bank_answer_back", text("upper(bank_reference)"),
              sqlite_where=text("answer IN ('returned', 'reversed')"),
              postgresql_where=text("answer IN ('returned', 'reversed')")),
    )
    disbursement_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("disbursement.id"), index=True)
    round: Mapped[int]
    answer: Mapped[str] = mapped_column(String(40), ForeignKey("bank_answer_kind.code"))
    bank_reference: Mapped[str] = mapped_column(String(60))
    reason: Mapped[str | None] = mapped_column(String(40))
    day: Mapped[date]
    paid_minor: Mapped[int] = mapped_column(MinorUnits)
    fee_minor: Mapped[int] = mapped_column(MinorUnits, default=0)
    fee_bearer: Mapped[str] = mapped_column(String(10), default="fund")
    exchange_minor: Mapped[int] = mapped_column(MinorUnits, default=0)
    by_person: Mapped[uuid.UUID] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime]


class Finding(WithId, Versioned, Base):
    """Where the bank does not say whether it paid: one person says what the papers show, another agrees or refuses.
    The words stand with the events."""

    __tablename__ = "payment_finding"
    __table_args__ = (
        CheckConstraint("outcome IN ('paid', 'unpaid')", name="outcome"),
        CheckConstraint("decided_by IS NULL OR decided_by <> asked_by", name="by_two"),
        CheckConstraint("(state IN ('agreed', 'refused')) = (decided_by IS NOT NULL)", name="decided_has_name"),
        Index("uq_payment_finding_open", "disbursement_id", unique=True, sqlite_where=text("state = 'asked'"),
              postgresql_where=text("state = 'asked'")),
    )
    disbursement_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("disbursement.id"), index=True)
    round: Mapped[int]
    outcome: Mapped[str] = mapped_column(String(10))
    state: Mapped[str] = FINDING.column()
    asked_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("person.id"))
    asked_at: Mapped[datetime]
    decided_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))
    decided_at: Mapped[datetime | None]


append_only(Handover.__table__, key="instruction_id")  # type: ignore[arg-type]
append_only(BankAnswer.__table__)  # type: ignore[arg-type]
append_only(Finding.__table__,  # type: ignore[arg-type]
            updatable=("state", "version", "decided_by", "decided_at"))
