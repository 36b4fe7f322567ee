"""What the paymaster's pages show: what is to be paid by hand, what waits for a second count, what was counted."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select

from accounts.queries import names, person_labels
from core import vault
from core.db import db, get
from core.errors import NotFound
from core.events import Event, EventText
from core.machines import State
from core.money import Money, usd
from sponsorship.applications.models import Nominee
from sponsorship.awards.models import Award
from sponsorship.disbursements.cash_models import CASH, CashCount
from sponsorship.disbursements.cash_words import OUTCOMES, REASONS, despite_label, status_of
from sponsorship.disbursements.models import Disbursement, PaymentInstruction, PaymentLine
from sponsorship.disbursements.payee_needs import papers_of
from sponsorship.disbursements.transitions import CASH_COUNT
from sponsorship.disbursements.words import KIND_LABELS


@dataclass(frozen=True)
class CashRow:
    """A payment of a paymaster's list."""

    id: uuid.UUID
    version: int
    reference: str
    payee: str
    organisation: str
    kind_label: str
    amount: Money
    receipt: str
    state: str
    released_at: datetime | None
    paper: str

    @property
    def status(self) -> State:
        return status_of(self.state, CASH)


@dataclass(frozen=True)
class CountRow:
    """One count, with the payment it is of."""

    id: uuid.UUID
    version: int
    disbursement_id: uuid.UUID
    reference: str
    payee: str
    receipt: str
    outcome: str
    state: str
    paid: Money
    back: Money
    reason: str
    counted_by_id: uuid.UUID
    counted_by: str
    counted_at: datetime
    second_by: str
    second_at: datetime | None
    receipt_file_id: uuid.UUID | None
    despite: str = ""  # what stood against it, where it happened all the same, and the paymaster's words
    words: str = ""

    @property
    def status(self) -> State:
        return CASH_COUNT.state(self.state)

    @property
    def outcome_label(self) -> str:
        return str(OUTCOMES[self.outcome])


def _payees(nominee_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, str]:
    ids = list(set(nominee_ids))
    vault.preload(ids)
    return {n.id: " ".join(part for part in (vault.unseal(n.id, n.given_names_sealed),
                                             vault.unseal(n.id, n.family_name_sealed)) if part) or "—"
            for n in db.session.scalars(select(Nominee).where(Nominee.id.in_(ids)))}


def _lines():  # type: ignore[no-untyped-def]
    return (
        select(Disbursement, Award.nominee_id, PaymentInstruction.number, PaymentLine.n)
        .join(Award, Award.id == Disbursement.award_id)
        .join(PaymentLine, (PaymentLine.disbursement_id == Disbursement.id)
              & (PaymentLine.round == Disbursement.round))
        .join(PaymentInstruction, PaymentInstruction.id == PaymentLine.instruction_id)
        .where(Disbursement.rail == CASH)
        .order_by(PaymentInstruction.number, PaymentLine.n)
    )


def _rows(found: Iterable[tuple[Disbursement, uuid.UUID, str, int]]) -> list[CashRow]:
    rows = list(found)
    payees = _payees(row[1] for row in rows)
    papers = papers_of(row[0].payee_id for row in rows)
    organisations = names({row[0].organisation_id for row in rows})
    return [CashRow(d.id, d.version, d.reference,
                    papers[d.payee_id].name if d.payee_id in papers else payees.get(nominee, "—"),
                    organisations.get(d.organisation_id, ""), str(KIND_LABELS[d.kind]), usd(d.amount_minor),
                    f"{number}/{n}", d.state, d.released_at,
                    papers[d.payee_id].label if d.payee_id in papers else "—")
            for d, nominee, number, n in rows]


def _in_hand() -> tuple[ColumnElement[bool], ...]:
    counted = select(CashCount.id).where(CashCount.disbursement_id == Disbursement.id, CashCount.state == "counted")
    return Disbursement.rail == CASH, Disbursement.state == "sent", ~counted.exists()


def to_pay(limit: int = 500) -> list[CashRow]:
    """What a paymaster has in hand and nobody has counted yet, in the order of the lists."""
    return _rows(db.session.execute(_lines().where(*_in_hand()).limit(limit)).all())


def in_hand() -> tuple[int, int]:
    """How many payments paymasters have in hand and nobody has counted, and US cents of them. One query."""
    found = db.session.execute(select(func.count(), func.coalesce(func.sum(Disbursement.amount_minor), 0))
                               .select_from(Disbursement).where(*_in_hand())).one()
    return int(found[0]), int(found[1])


def cash_row(disbursement_id: uuid.UUID) -> CashRow:
    """One payment of a list. Raises NotFound."""
    found = _rows(db.session.execute(_lines().where(Disbursement.id == disbursement_id)).all())
    if not found:
        raise NotFound()
    return found[0]


def counts(states: tuple[str, ...], disbursement_id: uuid.UUID | None = None, outcome: str | None = None,
           count_id: uuid.UUID | None = None) -> list[CountRow]:
    """Counts in these states, the newest first."""
    where: list[ColumnElement[bool]] = [CashCount.state.in_(states)]
    if disbursement_id is not None:
        where.append(CashCount.disbursement_id == disbursement_id)
    if outcome is not None:
        where.append(CashCount.outcome == outcome)
    if count_id is not None:
        where.append(CashCount.id == count_id)
    found = db.session.execute(
        select(CashCount, Disbursement.reference, Award.nominee_id)
        .join(Disbursement, Disbursement.id == CashCount.disbursement_id)
        .join(Award, Award.id == Disbursement.award_id)
        .where(*where).order_by(CashCount.counted_at.desc(), CashCount.id)).all()
    payees = _payees(row[2] for row in found)
    people = person_labels([p for c, _r, _n in found for p in (c.counted_by, c.second_by)])
    words = _words_of({c.disbursement_id for c, _r, _n in found if c.despite})
    return [CountRow(c.id, c.version, c.disbursement_id, reference, payees.get(nominee, "—"), c.receipt, c.outcome,
                     c.state, usd(c.paid_minor), usd(c.back_minor), str(REASONS.get(c.reason or "", "")),
                     c.counted_by, people.get(c.counted_by, ""), c.counted_at,
                     people.get(c.second_by, "") if c.second_by else "", c.second_at, c.receipt_file_id,
                     despite_label(c.despite) if c.despite else "", words.get(str(c.id), ""))
            for c, reference, nominee in found]


def _words_of(disbursement_ids: Iterable[uuid.UUID]) -> dict[str, str]:
    """What paymasters said of cash handed over all the same, by count."""
    ids = list(disbursement_ids)
    if not ids:
        return {}
    found = db.session.execute(
        select(Event.data, EventText.text).join(EventText, EventText.event_id == Event.id)
        .where(Event.subject_type == "disbursement", Event.subject_id.in_(ids),
               Event.tag == "disbursements.disbursement.count_cash"))
    return {str(data["count"]): words or "" for data, words in found}


def count_row(count_id: uuid.UUID) -> CountRow:
    """One count. Raises NotFound."""
    get(CashCount, count_id)
    return counts(tuple(s.code for s in CASH_COUNT.states), count_id=count_id)[0]
