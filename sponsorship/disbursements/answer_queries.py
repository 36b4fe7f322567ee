"""What pages may know about the bank's answers and what people found. Amounts are US dollars."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select

from core.db import db, get
from core.machines import State
from core.money import Money, usd
from sponsorship.disbursements.answer_models import BankAnswer, Finding, Handover
from sponsorship.disbursements.answer_words import ANSWERS, BEARERS, OUTCOMES, REASON_WORDS
from sponsorship.disbursements.loss_books import paid_before
from sponsorship.disbursements.models import Disbursement, PaymentInstruction, PaymentLine
from sponsorship.disbursements.transitions import FINDING


@dataclass(frozen=True)
class AnswerRow:
    """One word of the bank."""

    day: date
    round: int
    answer: str
    reason: str
    bank_reference: str
    paid: Money
    fee: Money | None
    fee_bearer: str
    exchange: Money | None


def answers_of(disbursement_id: uuid.UUID) -> list[AnswerRow]:
    """The bank's words about a payment, in their order."""
    rows = db.session.scalars(
        select(BankAnswer).where(BankAnswer.disbursement_id == disbursement_id).order_by(BankAnswer.id))
    return [
        AnswerRow(row.day, row.round, str(ANSWERS[row.answer]), str(REASON_WORDS.get(row.reason or "", "")),
                  row.bank_reference, usd(row.paid_minor), usd(row.fee_minor) if row.fee_minor else None,
                  str(BEARERS[row.fee_bearer]) if row.fee_minor else "",
                  usd(row.exchange_minor) if row.exchange_minor else None)
        for row in rows
    ]


@dataclass(frozen=True)
class FindingRow:
    """What one person says of a payment, and what another decided."""

    id: uuid.UUID
    disbursement_id: uuid.UUID
    outcome: str
    state: str
    asked_by: uuid.UUID
    asked_at: datetime
    decided_by: uuid.UUID | None
    version: int

    @property
    def status(self) -> State:
        return FINDING.state(self.state)

    @property
    def outcome_label(self) -> str:
        return str(OUTCOMES[self.outcome])


def _finding(row: Finding) -> FindingRow:
    return FindingRow(row.id, row.disbursement_id, row.outcome, row.state, row.asked_by, row.asked_at, row.decided_by,
                      row.version)


def findings_of(disbursement_id: uuid.UUID) -> list[FindingRow]:
    """What was found of a payment, in order."""
    return [_finding(row) for row in db.session.scalars(
        select(Finding).where(Finding.disbursement_id == disbursement_id).order_by(Finding.id))]


def finding(finding_id: uuid.UUID) -> FindingRow:
    """Raises NotFound."""
    return _finding(get(Finding, finding_id))


def findings_open(limit: int = 50) -> list[tuple[FindingRow, str, datetime | None]]:
    """What waits for a second person: with the payment's reference and the instant by which to act."""
    rows = db.session.execute(
        select(Finding, Disbursement.reference, Disbursement.act_by)
        .join(Disbursement, Disbursement.id == Finding.disbursement_id)
        .where(Finding.state == "asked").order_by(Finding.asked_at).limit(limit))
    return [(_finding(row[0]), row[1], row[2]) for row in rows]


@dataclass(frozen=True)
class HandoverRow:
    """That the bank has a file."""

    receipt: str | None
    by_person: uuid.UUID
    at: datetime


def handover_of(instruction_id: uuid.UUID) -> HandoverRow | None:
    row = db.session.get(Handover, instruction_id)
    return HandoverRow(row.receipt, row.by_person, row.at) if row else None


def rounds_of(disbursement_id: uuid.UUID) -> list[tuple[int, str]]:
    """Rounds of a payment that left, with the number of their instruction."""
    return [(row.round, row.number) for row in db.session.execute(
        select(PaymentLine.round, PaymentInstruction.number)
        .join(PaymentInstruction, PaymentInstruction.id == PaymentLine.instruction_id)
        .where(PaymentLine.disbursement_id == disbursement_id).order_by(PaymentLine.round))]


def to_hand_over(limit: int = 50) -> list[tuple[uuid.UUID, str, datetime, str]]:
    """Instructions that nobody has handed to the bank or the paymaster yet and that may leave: identifier, number,
    release, rail."""
    waiting = (select(PaymentLine.instruction_id).join(Disbursement, Disbursement.id == PaymentLine.disbursement_id)
               .where(Disbursement.state == "released", Disbursement.round == PaymentLine.round))
    rows = db.session.execute(
        select(PaymentInstruction.id, PaymentInstruction.number, PaymentInstruction.created_at, PaymentInstruction.rail)
        .outerjoin(Handover, Handover.instruction_id == PaymentInstruction.id)
        .where(Handover.instruction_id.is_(None), PaymentInstruction.id.in_(waiting),
               PaymentInstruction.id.not_in(waiting.where(Disbursement.id.in_(paid_before()))))
        .order_by(PaymentInstruction.created_at).limit(limit))
    return [(row.id, row.number, row.created_at, row.rail) for row in rows]
