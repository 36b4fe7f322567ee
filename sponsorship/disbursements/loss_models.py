"""Money of a payment that is gone: the bank paid an earlier round after all, or cash was lost, stolen or short. One
person says so, another agrees; and files for the bank that are withdrawn because of it."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, MinorUnits, Versioned, WithId
from core.ddl import append_only, lookup_table, refuse
from sponsorship.disbursements.answer_models import Handover
from sponsorship.disbursements.transitions import LOSS

PAID_TWICE = "paid_twice"
OF_CASH = ("lost", "stolen", "short")
KINDS = (PAID_TWICE, *OF_CASH)
lookup_table("loss_kind", KINDS)


class PaymentLoss(WithId, Versioned, Base):
    """What is said to be gone of one round of a payment, US cents: `amount_minor`. Once two people agree,
    `settled_minor` of it counts as a payment that had not left yet (`settles_id`), and the pool bears the rest until
    it is back: `lost_minor`, of which `back_minor` came back. Where the bank speaks, its reference stands; where cash
    is gone, the report. The words stand with the events."""

    __tablename__ = "payment_loss"
    __table_args__ = (
        CheckConstraint("amount_minor > 0 AND settled_minor >= 0 AND lost_minor >= 0 AND back_minor >= 0 "
                        "AND settled_minor + lost_minor <= amount_minor AND back_minor <= lost_minor", name="amounts"),
        CheckConstraint("(kind = 'paid_twice') = (bank_reference IS NOT NULL)", name="bank_says_so"),
        CheckConstraint("kind NOT IN ('lost', 'stolen') OR report_file_id IS NOT NULL", name="cash_has_report"),
        CheckConstraint("decided_by IS NULL OR decided_by <> asked_by", name="by_two"),
        CheckConstraint("(state = 'asked') = (decided_by IS NULL)", name="decided_has_name"),
        CheckConstraint("(settled_minor > 0) = (settles_id IS NOT NULL)", name="settled_is_named"),
        CheckConstraint("state IN ('agreed', 'back', 'cleared') OR (lost_minor = 0 AND settled_minor = 0)",
                        name="undecided_moves_nothing"),
        CheckConstraint("state <> 'agreed' OR back_minor < lost_minor", name="agreed_is_open"),
        CheckConstraint("state <> 'back' OR (lost_minor > 0 AND back_minor = lost_minor)", name="back_in_full"),
        Index("uq_payment_loss_open", "disbursement_id", unique=True, sqlite_where=text("state = 'asked'"),
              postgresql_where=text("state = 'asked'")),
    )
    reference: Mapped[str] = mapped_column(String(30), unique=True)
    kind: Mapped[str] = mapped_column(String(40), ForeignKey("loss_kind.code"))
    disbursement_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("disbursement.id"), index=True)
    round: Mapped[int]
    amount_minor: Mapped[int] = mapped_column(MinorUnits)
    bank_reference: Mapped[str | None] = mapped_column(String(60))
    report_file_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("stored_file.id"))
    state: Mapped[str] = LOSS.column()
    asked_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("person.id"))
    asked_at: Mapped[datetime]
    decided_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))
    decided_at: Mapped[datetime | None]
    settled_minor: Mapped[int] = mapped_column(MinorUnits, default=0)
    settles_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("disbursement.id"), index=True)
    lost_minor: Mapped[int] = mapped_column(MinorUnits, default=0)
    back_minor: Mapped[int] = mapped_column(MinorUnits, default=0)


class LossReceipt(WithId, Base):
    """Cash that was found, or paid by whoever answers for it, once, under the bank's reference."""

    __tablename__ = "loss_receipt"
    __table_args__ = (CheckConstraint("amount_minor > 0", name="amount_positive"),)
    loss_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("payment_loss.id"), index=True)
    amount_minor: Mapped[int] = mapped_column(MinorUnits)
    bank_reference: Mapped[str] = mapped_column(String(60), unique=True)
    recorded_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("person.id"))
    recorded_at: Mapped[datetime]


class Withdrawal(Base):
    """An instruction that never reaches the bank: a payment in it was made already."""

    __tablename__ = "instruction_withdrawal"
    instruction_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("payment_instruction.id"), primary_key=True)
    loss_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("payment_loss.id"))
    at: Mapped[datetime]


append_only(PaymentLoss.__table__, updatable=(  # type: ignore[arg-type]
    "state", "version", "decided_by", "decided_at", "settled_minor", "settles_id", "lost_minor", "back_minor"))
append_only(LossReceipt.__table__)  # type: ignore[arg-type]
append_only(Withdrawal.__table__, key="instruction_id")  # type: ignore[arg-type]

# only of a round that left; cash only while a paymaster has it
refuse(PaymentLoss.__table__, "payment_loss_is_of_a_line", "INSERT",  # type: ignore[arg-type]
       "NEW.state <> 'asked' OR NOT EXISTS (SELECT 1 FROM payment_line l JOIN payment_instruction i "
       "ON i.id = l.instruction_id JOIN disbursement d ON d.id = l.disbursement_id "
       "WHERE l.disbursement_id = NEW.disbursement_id AND l.round = NEW.round AND l.amount_minor >= NEW.amount_minor "
       "AND ((NEW.kind = 'paid_twice' AND i.rail = 'transfer') OR (NEW.kind <> 'paid_twice' "
       "AND i.rail = 'paymaster_cash' AND d.state = 'sent' AND d.round = NEW.round)))", "nobody has this money")
refuse(PaymentLoss.__table__, "payment_loss_decided_stands", "UPDATE",  # type: ignore[arg-type]
       "OLD.state IN ('refused', 'cleared', 'back') OR NEW.back_minor < OLD.back_minor "
       "OR (OLD.state <> 'asked' AND (NEW.lost_minor <> OLD.lost_minor OR NEW.settled_minor <> OLD.settled_minor "
       "OR NEW.decided_by <> OLD.decided_by))", "what two people decided stands")
refuse(LossReceipt.__table__, "loss_receipt_is_open", "INSERT",  # type: ignore[arg-type]
       "NOT EXISTS (SELECT 1 FROM payment_loss p WHERE p.id = NEW.loss_id AND p.state = 'agreed' "
       "AND p.kind <> 'paid_twice' AND NEW.amount_minor <= p.lost_minor - p.back_minor)",
       "no more comes back than is lost")
# while somebody says that a payment was made already, and once a file is withdrawn, the bank does not get it
_HELD = ("EXISTS (SELECT 1 FROM payment_line l JOIN disbursement d ON d.id = l.disbursement_id "
         "JOIN payment_loss p ON p.disbursement_id = d.id OR p.disbursement_id = d.follows_id "
         "WHERE l.instruction_id = NEW.instruction_id AND d.state = 'released' AND d.round = l.round "
         "AND p.kind = 'paid_twice' AND p.state = 'asked')")
refuse(Handover.__table__, "instruction_handover_is_held", "INSERT",  # type: ignore[arg-type]
       f"{_HELD} OR EXISTS (SELECT 1 FROM instruction_withdrawal w WHERE w.instruction_id = NEW.instruction_id)",
       "a payment in the file may have been made already")
refuse(Withdrawal.__table__, "instruction_withdrawal_in_time", "INSERT",  # type: ignore[arg-type]
       "EXISTS (SELECT 1 FROM instruction_handover h WHERE h.instruction_id = NEW.instruction_id)",
       "the bank has the file")
