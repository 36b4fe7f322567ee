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
from core.ddl import append_only, lookup_table, refuse
from sponsorship.awards.approvals import Approval
from sponsorship.disbursements import answer_models as _answers  # noqa: F401  # triggers here ask their tables
from sponsorship.disbursements import kept_models as _kept  # noqa: F401
from sponsorship.disbursements import loss_models as _losses  # noqa: F401
from sponsorship.disbursements import sanctions_models as _sanctions  # noqa: F401
from sponsorship.disbursements.cash_models import CASH, CASH_KINDS, RAILS, TRANSFER
from sponsorship.disbursements.transitions import BACK, DISBURSEMENT, LEFT, PAYEE

KINDS = ("ticket", "dsa_advance", "terminal", "final")
lookup_table("disbursement_kind", KINDS)
lookup_table("payment_rail", RAILS)


def _codes(states: tuple[str, ...]) -> str:
    return ", ".join(f"'{state}'" for state in states)


class Payee(WithId, Versioned, Base):
    """Whom an award pays, and how. Bank data and identity are sealed under the payee's own key. `data_version` counts
    what was entered: a disbursement is signed for one of them.

    A transfer needs bank data, cash from a paymaster the identity (`paper_...`: name, kind and last characters of the
    paper that the paymaster will check). Whoever is paid in cash may give bank data too: what is always transferred
    needs them. What was given is verified as a whole."""

    __tablename__ = "payee"
    __table_args__ = (
        CheckConstraint("verified_by IS NULL OR verified_by <> entered_by", name="verified_by_another"),
        CheckConstraint("(state = 'verified') = (verified_by IS NOT NULL) OR state = 'ended'",
                        name="verified_has_name"),
        CheckConstraint("state NOT IN ('entered', 'verified') OR (entered_by IS NOT NULL AND "
                        f"((rail = '{TRANSFER}' AND holder_sealed IS NOT NULL AND bank_name_sealed IS NOT NULL "
                        f"AND account_sealed IS NOT NULL) OR (rail = '{CASH}' AND paper_name_sealed IS NOT NULL "
                        "AND paper_kind_sealed IS NOT NULL AND paper_ending_sealed IS NOT NULL "
                        "AND paper_file_id IS NOT NULL)))", name="entered_is_complete"),
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
    paper_name_sealed: Mapped[str | None] = mapped_column(Text)
    paper_kind_sealed: Mapped[str | None] = mapped_column(Text)
    paper_ending_sealed: Mapped[str | None] = mapped_column(Text)
    paper_file_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("stored_file.id"))
    data_version: Mapped[int] = mapped_column(default=0)
    entered_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))
    entered_at: Mapped[datetime | None]
    verified_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))
    # stays when another rail asks for more: what was verified before is no first entry
    verified_at: Mapped[datetime | None]
    reminded_at: Mapped[datetime | None]
    # the e-mail of whoever gave the data: a change alarms that address too
    contact_sealed: Mapped[str | None] = mapped_column(Text)
    # after a change nothing is released until then (business time)
    frozen_until: Mapped[datetime | None]
    # how the names on account and paper were found to be the nominee's: same, order, or confirmed by an officer with a
    # reason
    name_check: Mapped[str | None] = mapped_column(String(20))
    screened_list_id: Mapped[uuid.UUID | None]
    screened_version: Mapped[int | None]


class PaymentInstruction(WithId, Base):
    """One file for the bank, or list for a paymaster, made in the transaction that released its payments. The bytes are
    sealed (they hold bank data or names); `sha256` and `signature` (Ed25519, hexadecimal, over the bytes before the
    signature line) prove them."""

    __tablename__ = "payment_instruction"
    __table_args__ = (CheckConstraint("total_minor > 0 AND lines > 0", name="pays_something"),)
    number: Mapped[str] = mapped_column(String(30), unique=True)
    content_sealed: Mapped[str] = mapped_column(Text)
    size: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    signature: Mapped[str] = mapped_column(String(128))
    public_key: Mapped[str] = mapped_column(String(64))
    currency: Mapped[str] = mapped_column(String(3))
    rail: Mapped[str] = mapped_column(String(40), ForeignKey("payment_rail.code"), default="transfer")
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
        CheckConstraint(f"rail = 'transfer' OR kind IN ({_codes(CASH_KINDS)})", name="cash_on_arrival_only"),
        CheckConstraint("request_by <= certify_by AND certify_by <= approve_by AND approve_by <= due_at "
                        "AND due_at <= confirm_by", name="dates_in_order"),
        CheckConstraint(f"state NOT IN ({_codes(LEFT)}) OR (spend_id IS NOT NULL AND released_at IS NOT NULL)",
                        name="released_has_spend"),
        CheckConstraint("state NOT IN ('confirmed', 'settled') OR ((bank_reference IS NOT NULL "
                        "OR finding_id IS NOT NULL) AND settled_at IS NOT NULL)", name="confirmed_has_reference"),
        CheckConstraint("short_minor >= 0 AND short_minor < amount_minor", name="short_is_a_part"),
        CheckConstraint("released_at IS NULL OR released_at >= due_at", name="not_before_its_date"),
        CheckConstraint(f"state NOT IN ('requested', 'certified', 'approved', 'ready', {_codes(LEFT)}) "
                        "OR payee_data_version IS NOT NULL", name="signed_for_payee_data"),
        UniqueConstraint("spend_id", name="uq_disbursement_spend_id"),
        UniqueConstraint("answer_id", name="uq_disbursement_answer_id"),
        UniqueConstraint("finding_id", name="uq_disbursement_finding_id"),
        Index("uq_disbursement_planned", "award_id", "kind", unique=True,
              sqlite_where=text("state <> 'cancelled' AND follows_id IS NULL"),
              postgresql_where=text("state <> 'cancelled' AND follows_id IS NULL")),
        Index("uq_disbursement_follows", "follows_id", unique=True, sqlite_where=text("state <> 'cancelled'"),
              postgresql_where=text("state <> 'cancelled'")),
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
    rail: Mapped[str] = mapped_column(String(40), ForeignKey("payment_rail.code"), default="transfer")
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
    head_told_at: Mapped[datetime | None]
    # the rule that asked for a second approving officer when this round was certified
    second_rule_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("approval_rule.id"))
    payee_data_version: Mapped[int | None]
    spend_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("spend.id"))
    released_at: Mapped[datetime | None]
    bank_reference: Mapped[str | None] = mapped_column(String(60))
    settled_at: Mapped[datetime | None]
    # what the bank left unpaid of it, US cents: it is reserved again, and paid by the one that follows this one
    short_minor: Mapped[int] = mapped_column(MinorUnits, default=0)
    follows_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("disbursement.id"))
    # what says where it stands: the bank's answer, or what two people found (a trigger proves them; they point here)
    answer_id: Mapped[uuid.UUID | None]
    finding_id: Mapped[uuid.UUID | None]
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


def _refuse(table: type[Base], name: str, when: str, event: str, why: str, given: str = "") -> None:
    refuse(table.__table__, name, event, when, why, given=given)  # type: ignore[arg-type]


def _signed(step: str, subject: str = "NEW.id", round_: str = "NEW.round") -> str:
    return (f"EXISTS (SELECT 1 FROM approval WHERE subject_type = 'disbursement' AND subject_id = {subject} "
            f"AND round = {round_} AND step = {step})")


_STEP = "CASE NEW.state " + " ".join(
    f"WHEN '{state}' THEN 'disbursement.{step}'"
    for state, step in (("requested", "requested"), ("certified", "certified"), ("approved", "approved"),
                        ("ready", "approved"), *((state, "released") for state in (*LEFT, *BACK)))
) + " END"
_refuse(Disbursement, "disbursement_state_is_signed", f"NOT {_signed(f'({_STEP})')}", "UPDATE",
        "a signature is missing", f"({_STEP}) IS NOT NULL")
_refuse(Disbursement, "disbursement_starts_as_draft", "NEW.state <> 'draft' OR NEW.round <> 1", "INSERT",
        "a disbursement starts as a draft")
# released means: in an instruction. So no money is marked as gone without the bytes that send it.
_refuse(Disbursement, "disbursement_released_is_instructed",
        "NOT EXISTS (SELECT 1 FROM payment_line l "
        "WHERE l.disbursement_id = NEW.id AND l.round = NEW.round AND l.amount_minor = NEW.amount_minor "
        "AND (l.spend_id = NEW.spend_id OR (NEW.state <> 'released' AND EXISTS (SELECT 1 FROM spend o, spend n "
        "WHERE o.id = l.spend_id AND o.state = 'returned' AND n.id = NEW.spend_id AND n.subject_id = NEW.id "
        "AND n.direct_minor = NEW.amount_minor))))",
        "UPDATE", "no instruction holds this payment", f"NEW.state IN ({_codes(LEFT)})")
# sent means: a signatory has confirmed that the bank has the file, or an interface has sent it
_refuse(Disbursement, "disbursement_sent_is_handed_over",
        "NOT EXISTS (SELECT 1 FROM payment_line l "
        "JOIN instruction_handover h ON h.instruction_id = l.instruction_id "
        "WHERE l.disbursement_id = NEW.id AND l.round = NEW.round)", "UPDATE", "nobody has handed the file over",
        "NEW.state = 'sent' AND OLD.state = 'released'")
# what became of a payment is the bank's word for it, each word used once; or what two people found
_ANSWERED = "NEW.state IN ('confirmed', " + _codes(BACK) + ") AND OLD.state <> NEW.state"
_refuse(Disbursement, "disbursement_answer_is_the_banks",
        "NOT ((NEW.answer_id IS NOT NULL "
        "AND (OLD.answer_id IS NULL OR OLD.answer_id <> NEW.answer_id) "
        "AND EXISTS (SELECT 1 FROM bank_answer a WHERE a.id = NEW.answer_id AND a.disbursement_id = NEW.id "
        "AND a.round = NEW.round AND a.answer = NEW.state)) OR (OLD.state = 'unknown' AND NEW.finding_id IS NOT NULL "
        "AND (OLD.finding_id IS NULL OR OLD.finding_id <> NEW.finding_id) AND EXISTS (SELECT 1 FROM payment_finding f "
        "WHERE f.id = NEW.finding_id AND f.disbursement_id = NEW.id AND f.round = NEW.round AND f.state = 'agreed' "
        "AND f.outcome = CASE NEW.state WHEN 'confirmed' THEN 'paid' ELSE 'unpaid' END)))",
        "UPDATE", "neither the bank nor two people say so", _ANSWERED)
_refuse(Disbursement, "disbursement_settled_was_confirmed", "NEW.state = 'settled' AND OLD.state NOT IN ('confirmed', "
        "'settled')", "UPDATE", "only what the bank confirmed is settled")
# what officers have signed does not change under their signatures
_refuse(Disbursement, "disbursement_signed_is_fixed",
        "OLD.state <> 'draft' AND NEW.round = OLD.round AND NEW.state <> 'draft' AND "
        "(NEW.amount_minor <> OLD.amount_minor OR NEW.payee_id <> OLD.payee_id OR NEW.award_id <> OLD.award_id "
        "OR NEW.payee_data_version <> OLD.payee_data_version OR NEW.kind <> OLD.kind "
        "OR NEW.rail <> OLD.rail)",
        "UPDATE", "what was signed may not change")
# cash is paid and returned by the counts of two people, each used once; nothing else answers for it
_refuse(Disbursement, "disbursement_cash_is_counted",
        "NOT EXISTS (SELECT 1 FROM cash_count c JOIN bank_answer a ON a.id = NEW.answer_id "
        "WHERE c.disbursement_id = NEW.id AND c.round = NEW.round AND c.state = 'agreed' AND c.outcome = NEW.state "
        "AND a.bank_reference = c.receipt AND a.paid_minor = CASE c.outcome WHEN 'confirmed' THEN c.paid_minor "
        "ELSE c.back_minor END)", "UPDATE", "two people have not counted it",
        f"NEW.rail = '{CASH}' AND NEW.state IN ('unknown', 'confirmed', {_codes(BACK)}) AND OLD.state <> NEW.state")
# a paymaster's list holds cash only, a bank's file none
_refuse(PaymentLine, "payment_line_keeps_its_rail",
        "NOT EXISTS (SELECT 1 FROM disbursement d JOIN payment_instruction i ON i.rail = d.rail "
        "WHERE d.id = NEW.disbursement_id AND i.id = NEW.instruction_id)", "INSERT",
        "the instruction is for another rail")
_refuse(PaymentLine, "payment_line_is_released",
        f"NOT {_signed(chr(39) + 'disbursement.released' + chr(39), 'NEW.disbursement_id')}", "INSERT",
        "the release is not signed")
_refuse(Payee, "payee_verified_by_name",
        "NEW.state = 'verified' AND OLD.state <> 'verified' AND NEW.name_check IS NULL", "UPDATE",
        "nobody has compared the names")
# nothing is requested or leaves before what its rail needs was given and verified: bank data for a transfer, the paper
# that the paymaster will check for cash
_refuse(Disbursement, "disbursement_payee_has_given",
        "NOT EXISTS (SELECT 1 FROM payee p WHERE p.id = NEW.payee_id AND p.state = 'verified' AND CASE NEW.rail "
        f"WHEN '{CASH}' THEN p.paper_ending_sealed ELSE p.account_sealed END IS NOT NULL)", "UPDATE",
        "what this rail needs is not verified",
        "NEW.state IN ('requested', 'released') AND OLD.state <> NEW.state")
# after a change of bank data nothing leaves before the cooling time is over
_refuse(Disbursement, "disbursement_release_is_cool",
        "EXISTS (SELECT 1 FROM payee p WHERE p.id = NEW.payee_id AND p.frozen_until > NEW.released_at)", "UPDATE",
        "the bank data has just changed", "NEW.state = 'released' AND OLD.state <> 'released'")
# what the bank says it has paid already is not released again before two people have decided, nor while it is owed
_refuse(Disbursement, "disbursement_not_paid_before",
        "EXISTS (SELECT 1 FROM payment_loss p WHERE p.kind = 'paid_twice' AND ((p.state = 'asked' "
        "AND (p.disbursement_id = NEW.id OR p.disbursement_id = NEW.follows_id)) OR (p.state = 'agreed' "
        "AND p.disbursement_id = NEW.id AND p.round <> NEW.round)))", "UPDATE",
        "an earlier round of it may have been paid", "NEW.state = 'released' AND OLD.state <> 'released'")
# nobody is certified or paid unchecked, or while a check has not ended
_refuse(Disbursement, "disbursement_payee_is_checked",
        "EXISTS (SELECT 1 FROM sanctions_match m WHERE m.payee_id = NEW.payee_id "
        "AND m.state IN ('open', 'proposed', 'confirmed')) "
        "OR (NEW.state = 'certified' AND EXISTS (SELECT 1 FROM payee p WHERE p.id = NEW.payee_id "
        "AND (p.screened_list_id IS NULL OR p.screened_version <> p.data_version)))",
        "UPDATE", "the check of the payee has not ended",
        "NEW.state IN ('certified', 'released') AND OLD.state <> NEW.state")
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
