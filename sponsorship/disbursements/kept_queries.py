"""What pages show of a file that must never leave: its payments in each step, with the digest that a confirmation
carries. Each a fixed number of queries."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from accounts.queries import person_labels
from core.actor import Actor
from core.db import db
from core.money import Money, usd
from sponsorship.disbursements.answer_models import Finding
from sponsorship.disbursements.kept_models import KeptFile
from sponsorship.disbursements.kept_service import UNPAID, digest
from sponsorship.disbursements.kept_words import REASONS
from sponsorship.disbursements.models import Disbursement, PaymentInstruction, PaymentLine
from sponsorship.disbursements.queries import DisbursementRow, by_ids


@dataclass(frozen=True)
class FilePayments:
    """Payments of a file as a page lists them; `seen` is their digest. `said_by` names who says that they were not
    paid."""

    rows: list[DisbursementRow]
    seen: str
    said_by: str = ""

    @property
    def total(self) -> Money:
        return usd(sum(row.amount.minor for row in self.rows))


@dataclass(frozen=True)
class Kept:
    """That a file is kept back, why, and how far it is: how many of its payments are unknown, and of how many another
    person has been asked."""

    reason: str
    by: str
    at: datetime
    unknown: int
    asked: int
    asked_of_me: int


def _of_file(instruction_id: uuid.UUID, state: str) -> Any:
    return (select(Disbursement.id, Disbursement.version)
            .join(PaymentLine, (PaymentLine.disbursement_id == Disbursement.id)
                  & (PaymentLine.round == Disbursement.round))
            .where(PaymentLine.instruction_id == instruction_id, Disbursement.state == state).order_by(PaymentLine.n))


def _listed(found: list[Any]) -> list[DisbursementRow]:
    by_id = {row.id: row for row in by_ids([r[0] for r in found])}
    return [by_id[r[0]] for r in found]


def waiting(instruction_id: uuid.UUID) -> FilePayments:
    """What waits in the file to be handed over."""
    found = db.session.execute(_of_file(instruction_id, "released")).all()
    return FilePayments(_listed(list(found)), digest((r[0], r[1]) for r in found))


def waits(instruction_id: uuid.UUID) -> bool:
    """Whether any payment waits in the file to be handed over. One query."""
    return db.session.execute(_of_file(instruction_id, "released").limit(1)).first() is not None


def unknown(instruction_id: uuid.UUID) -> FilePayments:
    """What is unknown and of which nobody has said anything yet."""
    asked = select(Finding.id).where(Finding.disbursement_id == Disbursement.id, Finding.state == "asked")
    found = db.session.execute(_of_file(instruction_id, "unknown").where(~asked.exists())).all()
    return FilePayments(_listed(list(found)), digest((r[0], r[1]) for r in found))


def asked(instruction_id: uuid.UUID, actor: Actor) -> FilePayments:
    """What others say was not paid, for this person to agree to or refuse."""
    found = db.session.execute(
        _of_file(instruction_id, "unknown").add_columns(Finding.id, Finding.version, Finding.asked_by)
        .join(Finding, (Finding.disbursement_id == Disbursement.id) & (Finding.round == Disbursement.round))
        .where(Finding.state == "asked", Finding.outcome == UNPAID, Finding.asked_by != actor.person_id)).all()
    names = person_labels({r[4] for r in found})
    return FilePayments(_listed(list(found)), digest((r[2], r[3]) for r in found), ", ".join(sorted(names.values())))


def kept(instruction_id: uuid.UUID, actor: Actor) -> Kept | None:
    """None where nobody keeps the file back."""
    row = db.session.get(KeptFile, instruction_id)
    if row is None:
        return None
    found = db.session.execute(
        _of_file(instruction_id, "unknown").add_columns(Finding.asked_by, Finding.outcome)
        .outerjoin(Finding, (Finding.disbursement_id == Disbursement.id) & (Finding.state == "asked"))).all()
    said = [r for r in found if r.outcome == UNPAID]
    return Kept(str(REASONS[row.reason]), person_labels([row.by_person]).get(row.by_person, ""), row.at, len(found),
                sum(r.asked_by is not None for r in found), sum(r.asked_by != actor.person_id for r in said))


def to_decide(actor: Actor, limit: int = 50) -> list[tuple[uuid.UUID, str, datetime, int]]:
    """Files kept back of which others say that nothing was paid: identifier, number, since when, how many payments."""
    rows = db.session.execute(
        select(PaymentInstruction.id, PaymentInstruction.number, func.min(Finding.asked_at), func.count())
        .join(KeptFile, KeptFile.instruction_id == PaymentInstruction.id)
        .join(PaymentLine, PaymentLine.instruction_id == PaymentInstruction.id)
        .join(Finding, (Finding.disbursement_id == PaymentLine.disbursement_id) & (Finding.round == PaymentLine.round))
        .where(Finding.state == "asked", Finding.outcome == UNPAID, Finding.asked_by != actor.person_id)
        .group_by(PaymentInstruction.id, PaymentInstruction.number)
        .order_by(func.min(Finding.asked_at)).limit(limit))
    return [(row[0], row[1], row[2], row[3]) for row in rows]
