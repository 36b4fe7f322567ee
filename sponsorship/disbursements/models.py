"""Payments to the people who travel: payee data, planned disbursements, signed payment instructions.

The database holds the chain: a state needs its signatures, a payment stands in one instruction once, an instruction
never changes, whoever benefits or gave the bank data never signs.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, MinorUnits, Versioned, WithId
from core.ddl import append_only, lookup_table, trigger
from sponsorship.awards.approvals import Approval
from sponsorship.disbursements.transitions import DISBURSEMENT, PAYEE

KINDS = ("ticket", "dsa_advance", "terminal", "final")
RAILS = ("transfer",)
lookup_table("disbursement_kind", KINDS)
lookup_table("payment_rail", RAILS)


class Payee(WithId, Versioned, Base):
    """Whom an award pays, and how. Bank fields are sealed under the payee's own key. `data_version` counts what was
    entered: a disbursement is signed for one of them."""

    __tablename__ = "payee"
    __table_args__ = (
        CheckConstraint("verified_by IS NULL OR verified_by <> entered_by", name="verified_by_another"),
        CheckConstraint("(state = 'verified') = (verified_by IS NOT NULL) OR state = 'ended'",
                        name="verified_has_name"),
        CheckConstraint("state NOT IN ('entered', 'verified') OR (entered_by IS NOT NULL AND holder_sealed IS NOT NULL "
                        "AND bank_name_sealed IS NOT NULL AND account_sealed IS NOT NULL)", name="entered_is_complete"),
        UniqueConstraint("award_id", name="uq_payee_award_id"),
    )
    award_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("award.id"))
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    state: Mapped[str] = PAYEE.column()
    rail: Mapped[str] = mapped_column(String(40), ForeignKey("payment_rail.code"), default="transfer")
    currency: Mapped[str] = mapped_column(String(3), default="USD")
    holder_sealed: Mapped[str | None] = mapped_column(Text)
    bank_name_sealed: Mapped[str | None] = mapped_column(Text)
    bank_country_sealed: Mapped[str | None] = mapped_column(Text)
    account_sealed: Mapped[str | None] = mapped_column(Text)
    bic_sealed: Mapped[str | None] = mapped_column(Text)
    proof_file_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("stored_file.id"))
    data_version: Mapped[int] = mapped_column(default=0)
    entered_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))
    entered_at: Mapped[datetime | None]
    verified_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))
    verified_at: Mapped[datetime | None]
    reminded_at: Mapped[datetime | None]


class PaymentInstruction(WithId, Base):
    """One file for the bank, made in the transaction that released its payments. The bytes are sealed (they hold bank
    data); `sha256` and `signature` (Ed25519, hexadecimal, over the bytes before the signature line) prove them."""

    __tablename__ = "payment_instruction"
    __table_args__ = (CheckConstraint("total_minor > 0 AND lines > 0", name="pays_something"),)
    number: Mapped[str] = mapped_column(String(30), unique=True)
    content_sealed: Mapped[str] = mapped_column(Text)
    size: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    signature: Mapped[str] = mapped_column(String(128))
    public_key: Mapped[str] = mapped_column(String(64))
    currency: Mapped[str] = mapped_column(String(3))
    total_minor: Mapped[int] = mapped_column(MinorUnits)
    lines: Mapped[int]
    created_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    released_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("person.id"))


class Disbursement(WithId, Versioned, Base):
    """One planned payment of an award, in US dollars. `act_by` is the instant by which the next officer must act;
    `due_at` the instant on or after which it is released."""

    __tablename__ = "disbursement"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint("round >= 1", name="round_from_one"),
        CheckConstraint("request_by <= certify_by AND certify_by <= approve_by AND approve_by <= due_at "
                        "AND due_at <= confirm_by", name="dates_in_order"),
        CheckConstraint("state NOT IN ('released', 'confirmed') OR (spend_id IS NOT NULL AND released_at IS NOT NULL)",
                        name="released_has_spend"),
        CheckConstraint("state <> 'confirmed' OR (bank_reference IS NOT NULL AND settled_at IS NOT NULL)",
                        name="confirmed_has_reference"),
        CheckConstraint("released_at IS NULL OR released_at >= due_at", name="not_before_its_date"),
        CheckConstraint("state NOT IN ('requested', 'certified', 'approved', 'ready', 'released') "
                        "OR payee_data_version IS NOT NULL", name="signed_for_payee_data"),
        UniqueConstraint("spend_id", name="uq_disbursement_spend_id"),
        Index("uq_disbursement_planned", "award_id", "kind", unique=True,
              sqlite_where=text("state <> 'cancelled'"), postgresql_where=text("state <> 'cancelled'")),
        Index("ix_disbursement_state_due", "state", "due_at"),
        Index("ix_disbursement_act_by", "act_by"),
        Index("ix_disbursement_list", text("(act_by IS NULL)"), "act_by", "due_at", "id"),  # the order of the list
    )
    reference: Mapped[str] = mapped_column(String(30), unique=True)
    award_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("award.id"), index=True)
    meeting_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("meeting.id"), index=True)
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    payee_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("payee.id"), index=True)
    kind: Mapped[str] = mapped_column(String(40), ForeignKey("disbursement_kind.code"))
    amount_minor: Mapped[int] = mapped_column(MinorUnits)
    state: Mapped[str] = DISBURSEMENT.column()
    round: Mapped[int] = mapped_column(default=1)
    request_by: Mapped[datetime]
    certify_by: Mapped[datetime]
    approve_by: Mapped[datetime]
    due_at: Mapped[datetime]
    confirm_by: Mapped[datetime]
    act_by: Mapped[datetime | None]
    reminded_at: Mapped[datetime | None]
    escalated_at: Mapped[datetime | None]
    payee_data_version: Mapped[int | None]
    spend_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("spend.id"))
    released_at: Mapped[datetime | None]
    bank_reference: Mapped[str | None] = mapped_column(String(60))
    settled_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class PaymentLine(WithId, Base):
    """One payment in one instruction. A round of a disbursement stands in one instruction only, once."""

    __tablename__ = "payment_line"
    __table_args__ = (
        UniqueConstraint("disbursement_id", "round", name="uq_payment_line_once"),
        UniqueConstraint("instruction_id", "n", name="uq_payment_line_n"),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
    )
    instruction_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("payment_instruction.id"))
    n: Mapped[int]
    disbursement_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("disbursement.id"))
    round: Mapped[int]
    amount_minor: Mapped[int] = mapped_column(MinorUnits)
    spend_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("spend.id"), unique=True)


append_only(PaymentInstruction.__table__)  # type: ignore[arg-type]
append_only(PaymentLine.__table__)  # type: ignore[arg-type]


def _refuse(table: type[Base], name: str, when: str, event: str, why: str) -> None:
    words = f"{name}: {why}"
    trigger(
        table.__table__, name,  # type: ignore[arg-type]
        sqlite=f"CREATE TRIGGER {name} BEFORE {event} ON {table.__tablename__} WHEN {when} "
               f"BEGIN SELECT RAISE(ABORT, '{words}'); END",
        postgresql=(
            f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF {when} THEN RAISE EXCEPTION '{words}' USING ERRCODE = 'integrity_constraint_violation'; END IF; "
            "RETURN NEW; END $$",
            f"CREATE TRIGGER {name} BEFORE {event} ON {table.__tablename__} FOR EACH ROW EXECUTE FUNCTION {name}()",
        ),
    )


def _signed(step: str, subject: str = "NEW.id", round_: str = "NEW.round") -> str:
    return (f"EXISTS (SELECT 1 FROM approval WHERE subject_type = 'disbursement' AND subject_id = {subject} "
            f"AND round = {round_} AND step = {step})")


_STEP = "CASE NEW.state " + " ".join(
    f"WHEN '{state}' THEN 'disbursement.{step}'"
    for state, step in (("requested", "requested"), ("certified", "certified"), ("approved", "approved"),
                        ("ready", "approved"), ("released", "released"), ("confirmed", "released"))
) + " END"
_refuse(Disbursement, "disbursement_state_is_signed", f"({_STEP}) IS NOT NULL AND NOT {_signed(f'({_STEP})')}",
        "UPDATE", "a signature is missing")
_refuse(Disbursement, "disbursement_starts_as_draft", "NEW.state <> 'draft' OR NEW.round <> 1", "INSERT",
        "a disbursement starts as a draft")
# released means: in an instruction. So no money is marked as gone without the bytes that send it.
_refuse(Disbursement, "disbursement_released_is_instructed",
        "NEW.state IN ('released', 'confirmed') AND NOT EXISTS (SELECT 1 FROM payment_line "
        "WHERE disbursement_id = NEW.id AND round = NEW.round AND spend_id = NEW.spend_id "
        "AND amount_minor = NEW.amount_minor)",
        "UPDATE", "no instruction holds this payment")
# what officers have signed does not change under their signatures
_refuse(Disbursement, "disbursement_signed_is_fixed",
        "OLD.state <> 'draft' AND NEW.round = OLD.round AND NEW.state <> 'draft' AND "
        "(NEW.amount_minor <> OLD.amount_minor OR NEW.payee_id <> OLD.payee_id OR NEW.award_id <> OLD.award_id "
        "OR NEW.payee_data_version <> OLD.payee_data_version OR NEW.kind <> OLD.kind)",
        "UPDATE", "what was signed may not change")
_refuse(PaymentLine, "payment_line_is_released",
        f"NOT {_signed(chr(39) + 'disbursement.released' + chr(39), 'NEW.disbursement_id')}", "INSERT",
        "the release is not signed")
# The person who travels, and whoever gave the bank data, signs neither obligation nor payment; whoever keeps payee
# data never approves (domain.md section (g)).
_BENEFITS = (
    "(NEW.subject_type = 'award' AND EXISTS (SELECT 1 FROM award WHERE id = NEW.subject_id "
    "AND beneficiary_id = NEW.person_id)) OR (NEW.subject_type = 'disbursement' AND EXISTS (SELECT 1 "
    "FROM disbursement d JOIN award a ON a.id = d.award_id JOIN payee p ON p.id = d.payee_id "
    "WHERE d.id = NEW.subject_id AND (a.beneficiary_id = NEW.person_id OR p.entered_by = NEW.person_id "
    "OR (NEW.step IN ('disbursement.approved', 'disbursement.released') AND p.verified_by = NEW.person_id))))"
)
_refuse(Approval, "approval_not_by_payee", _BENEFITS, "INSERT", "whoever benefits does not sign")
