"""What pages may know of money that is gone. Amounts are US dollars."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from accounts.queries import names
from core.db import db
from core.errors import NotFound
from core.machines import State
from core.money import Money, usd
from core.web.tables import TableQuery
from sponsorship.disbursements.claim_models import Recovery
from sponsorship.disbursements.loss_models import PAID_TWICE, PaymentLoss, Withdrawal
from sponsorship.disbursements.loss_service import chain_of, unrecorded
from sponsorship.disbursements.loss_words import KINDS
from sponsorship.disbursements.models import Disbursement, PaymentInstruction, PaymentLine
from sponsorship.disbursements.transitions import BACK, DISBURSEMENT, LOSS, UNDERWAY


@dataclass(frozen=True)
class LossRow:
    """What is said to be gone of a payment, and what became of it."""

    id: uuid.UUID
    version: int
    reference: str
    kind: str
    disbursement_id: uuid.UUID
    payment: str
    organisation: str
    round: int
    state: str
    amount: Money
    settled: Money
    lost: Money
    back: Money
    bank_reference: str | None
    report_file_id: uuid.UUID | None
    asked_by: uuid.UUID
    asked_at: datetime
    decided_by: uuid.UUID | None
    decided_at: datetime | None

    @property
    def status(self) -> State:
        return LOSS.state(self.state)

    @property
    def kind_label(self) -> str:
        return str(KINDS[self.kind])

    @property
    def open(self) -> Money:
        return self.lost - self.back if self.state == "agreed" else usd(0)

    @property
    def of_bank(self) -> bool:
        return self.kind == PAID_TWICE


def _rows(found: Iterable[tuple[PaymentLoss, str, uuid.UUID]]) -> list[LossRow]:
    rows = [(row[0], row[1], row[2]) for row in found]
    organisations = names({row[2] for row in rows})
    return [LossRow(p.id, p.version, p.reference, p.kind, p.disbursement_id, payment, organisations.get(state, ""),
                    p.round, p.state, usd(p.amount_minor), usd(p.settled_minor), usd(p.lost_minor), usd(p.back_minor),
                    p.bank_reference, p.report_file_id, p.asked_by, p.asked_at, p.decided_by, p.decided_at)
            for p, payment, state in rows]


def _base():  # type: ignore[no-untyped-def]
    return (select(PaymentLoss, Disbursement.reference, Disbursement.organisation_id)
            .join(Disbursement, Disbursement.id == PaymentLoss.disbursement_id))


def list_losses(query: TableQuery) -> tuple[list[LossRow], int, Money]:
    """Losses, the latest first, how many, and what is lost of them and not back. Filters: state, kind."""
    where = [column == value for column, value in ((PaymentLoss.state, query.get("state")),
                                                   (PaymentLoss.kind, query.get("kind"))) if value]
    total = db.session.scalar(select(func.count()).select_from(PaymentLoss).where(*where)) or 0
    open_ = db.session.scalar(select(func.coalesce(func.sum(PaymentLoss.lost_minor - PaymentLoss.back_minor), 0)).where(
        PaymentLoss.state == "agreed", *where))
    statement = _base().where(*where).order_by(PaymentLoss.asked_at.desc(), PaymentLoss.id)
    if query.format is None:
        statement = statement.offset(query.offset).limit(query.limit)
    return _rows(db.session.execute(statement).all()), total, usd(int(open_ or 0))


def loss(loss_id: uuid.UUID) -> LossRow:
    """Raises NotFound."""
    found = _rows(db.session.execute(_base().where(PaymentLoss.id == loss_id)).all())
    if not found:
        raise NotFound()
    return found[0]


def open_losses(limit: int = 50, disbursement_id: uuid.UUID | None = None) -> list[LossRow]:
    """What waits for a second person."""
    where = [PaymentLoss.state == "asked"]
    if disbursement_id is not None:
        where.append(PaymentLoss.disbursement_id == disbursement_id)
    return _rows(db.session.execute(_base().where(*where).order_by(PaymentLoss.asked_at).limit(limit)).all())


def losses_of(disbursement_id: uuid.UUID) -> list[LossRow]:
    """All that was said of a payment, and what counts as it."""
    return _rows(db.session.execute(_base().where(
        (PaymentLoss.disbursement_id == disbursement_id) | (PaymentLoss.settles_id == disbursement_id))
        .order_by(PaymentLoss.asked_at)).all())


def recovery_of(loss_id: uuid.UUID) -> tuple[uuid.UUID, str] | None:
    """What was asked of the payee because of it."""
    row = db.session.execute(select(Recovery.id, Recovery.reference).where(Recovery.loss_id == loss_id)).first()
    return (row.id, row.reference) if row else None


@dataclass(frozen=True)
class EarlierRound:
    """A release of which more may have been paid than is on record."""

    round: int
    number: str
    most: Money


def earlier_rounds(disbursement_id: uuid.UUID) -> list[EarlierRound]:
    """Releases that the bank may admit to have paid, where recording its contradiction alone is no way."""
    row = db.session.get(Disbursement, disbursement_id)
    if row is None:
        raise NotFound()
    found = []
    for line, number, rail in db.session.execute(
            select(PaymentLine, PaymentInstruction.number, PaymentInstruction.rail)
            .join(PaymentInstruction, PaymentInstruction.id == PaymentLine.instruction_id)
            .where(PaymentLine.disbursement_id == row.id).order_by(PaymentLine.round)):
        plain = DISBURSEMENT.find(row.state, "contradict") is not None and line.amount_minor == row.amount_minor
        if rail == "transfer" and not plain and (most := unrecorded(row, line)):
            found.append(EarlierRound(line.round, number, usd(most)))
    return found


@dataclass(frozen=True)
class Preview:
    """What agreeing would do now."""

    withdraws: tuple[str, ...]
    counts_as: bool
    at_most_lost: Money


def preview(row: LossRow) -> Preview:
    """Before a second person agrees."""
    payment = db.session.get(Disbursement, row.disbursement_id)
    assert payment is not None
    chain = chain_of(payment, db.session.scalars(
        select(Disbursement).where(Disbursement.award_id == payment.award_id)).all())
    numbers = db.session.scalars(
        select(PaymentInstruction.number).join(PaymentLine, PaymentLine.instruction_id == PaymentInstruction.id)
        .join(Disbursement, (Disbursement.id == PaymentLine.disbursement_id)
              & (Disbursement.round == PaymentLine.round))
        .where(Disbursement.id.in_([r.id for r in chain]), Disbursement.state == "released")
        .order_by(PaymentInstruction.number)).all() if row.of_bank else []
    waits = row.of_bank and any(r.state in ("draft", *UNDERWAY, "held", "released", *BACK) for r in chain)
    return Preview(tuple(numbers), waits, row.amount)


@dataclass(frozen=True)
class KeptBack:
    """Why a file stays here: a loss that two people agreed to has withdrawn it for good, or one waits for a second
    person."""

    loss_id: uuid.UUID
    loss: str
    for_good: bool


def kept_back(instruction_id: uuid.UUID) -> KeptBack | None:
    """What keeps a file from the bank; None where nothing does."""
    found = db.session.execute(
        select(PaymentLoss.id, PaymentLoss.reference).join(Withdrawal, Withdrawal.loss_id == PaymentLoss.id)
        .where(Withdrawal.instruction_id == instruction_id)).first()
    if found is not None:
        return KeptBack(found.id, found.reference, True)
    waits = db.session.execute(
        select(PaymentLoss.id, PaymentLoss.reference)
        .join(Disbursement, (Disbursement.id == PaymentLoss.disbursement_id)
              | (Disbursement.follows_id == PaymentLoss.disbursement_id))
        .join(PaymentLine, (PaymentLine.disbursement_id == Disbursement.id) & (PaymentLine.round == Disbursement.round))
        .where(PaymentLine.instruction_id == instruction_id, Disbursement.state == "released",
               PaymentLoss.kind == PAID_TWICE, PaymentLoss.state == "asked").limit(1)).first()
    return KeptBack(waits.id, waits.reference, False) if waits is not None else None
