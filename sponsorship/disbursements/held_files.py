"""Files that were released: where each stands, and which of them a stop holds back."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from accounts.queries import person_labels
from core.db import db
from core.events import Event
from core.machines import State
from core.money import Money
from sponsorship.disbursements.answer_models import Handover
from sponsorship.disbursements.loss_books import paid_before
from sponsorship.disbursements.loss_models import Withdrawal
from sponsorship.disbursements.models import Disbursement, PaymentInstruction, PaymentLine
from sponsorship.disbursements.stops import is_stopped

DOWNLOAD = "disbursements.instruction.download"
WITHDRAWN = State("withdrawn", _l("Withdrawn"), "stopped")
HELD = State("held", _l("Held back"), "attention")
TO_HAND_OVER = State("to_hand_over", _l("To be handed over"), "attention")
HANDED_OVER = State("handed_over", _l("Handed over"), "done")
DONE_WITH = State("done_with", _l("Nothing in it waits"), "neutral")  # answered before anybody confirmed its hand-over


def file_states(instruction_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, State]:
    """Where each of these files stands. Five queries."""
    of_these = PaymentLine.instruction_id.in_(instruction_ids)
    waiting = (select(PaymentLine.instruction_id)
               .join(Disbursement, (Disbursement.id == PaymentLine.disbursement_id)
                     & (Disbursement.round == PaymentLine.round))
               .where(of_these, Disbursement.state == "released"))
    found = dict.fromkeys(instruction_ids, DONE_WITH)
    found |= dict.fromkeys(db.session.scalars(waiting), HELD if is_stopped() else TO_HAND_OVER)
    found |= dict.fromkeys(db.session.scalars(waiting.where(Disbursement.id.in_(paid_before()))), HELD)
    for model, state in ((Handover, HANDED_OVER), (Withdrawal, WITHDRAWN)):
        found |= dict.fromkeys(db.session.scalars(
            select(model.instruction_id).where(model.instruction_id.in_(instruction_ids))), state)
    return found


@dataclass(frozen=True)
class Download:
    """The last time somebody took a file: business time, and the person's name."""

    at: datetime
    by: str


@dataclass(frozen=True)
class HeldFile:
    """One instruction nobody has handed over. `taken` is its last download: whoever has it could still hand it in."""

    id: uuid.UUID
    number: str
    rail: str
    lines: int
    total: Money
    released_at: datetime
    taken: Download | None


def last_downloads(instruction_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Download]:
    """The last download of each of these that was downloaded. Two queries."""
    rows = db.session.execute(
        select(Event.subject_id, Event.occurred_at, Event.actor_id)
        .where(Event.subject_type == "payment_instruction", Event.subject_id.in_(instruction_ids),
               Event.tag == DOWNLOAD).order_by(Event.recorded_at)).all()
    names = person_labels({row.actor_id for row in rows})
    return {row.subject_id: Download(row.occurred_at, names.get(row.actor_id, "")) for row in rows}


def held_files(limit: int = 100) -> list[HeldFile]:
    """The oldest first. Three queries."""
    waiting = (select(PaymentLine.instruction_id)
               .join(Disbursement, (Disbursement.id == PaymentLine.disbursement_id)
                     & (Disbursement.round == PaymentLine.round))
               .where(Disbursement.state == "released"))
    rows = db.session.execute(
        select(PaymentInstruction.id, PaymentInstruction.number, PaymentInstruction.rail, PaymentInstruction.lines,
               PaymentInstruction.total_minor, PaymentInstruction.currency, PaymentInstruction.created_at)
        .outerjoin(Handover, Handover.instruction_id == PaymentInstruction.id)
        .where(Handover.instruction_id.is_(None), PaymentInstruction.id.in_(waiting))
        .order_by(PaymentInstruction.created_at, PaymentInstruction.id).limit(limit)).all()
    taken = last_downloads([row.id for row in rows])
    return [HeldFile(row.id, row.number, row.rail, row.lines, Money(row.total_minor, row.currency), row.created_at,
                     taken.get(row.id)) for row in rows]
