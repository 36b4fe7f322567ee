"""What pages may know about payments: typed rows, a fixed number of queries each. Amounts are US dollars."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, case, func, or_, select

from accounts.permissions import allows
from accounts.queries import names, person_labels
from core import clock, vault
from core.actor import Actor
from core.db import db, get
from core.errors import NotFound
from core.machines import State
from core.money import Money, usd
from core.web.tables import TableQuery
from meetings.calendar.queries import MeetingRow, meeting_by_id, meetings_by_id
from sponsorship.applications.queries import NomineeRow, nominee_by_id
from sponsorship.awards.approvals import Approval, Signature, signatures_of, signer, signer_ids
from sponsorship.awards.models import Award
from sponsorship.disbursements.cash_models import CASH
from sponsorship.disbursements.cash_words import RAIL_LABELS, status_of
from sponsorship.disbursements.held_files import file_states
from sponsorship.disbursements.models import Disbursement, Payee, PaymentInstruction, PaymentLine
from sponsorship.disbursements.names import DIFFERS, worst_name
from sponsorship.disbursements.payee_needs import Paper, paper_of, status_for
from sponsorship.disbursements.payee_service import may_enter, passport_differs
from sponsorship.disbursements.words import KIND_LABELS, by_when


@dataclass(frozen=True)
class DisbursementRow:
    """A payment in a list."""

    id: uuid.UUID
    reference: str
    award_id: uuid.UUID
    award: str
    organisation: str
    meeting_id: uuid.UUID
    meeting: str
    kind: str
    amount: Money
    state: str
    round: int
    due_at: datetime
    act_by: datetime | None
    version: int
    payee_state: str
    planned_at: datetime
    needs_second: bool = False
    rail: str = "transfer"

    @property
    def status(self) -> State:
        return status_of(self.state, self.rail)

    @property
    def kind_label(self) -> str:
        return str(KIND_LABELS[self.kind])

    @property
    def overdue(self) -> bool:
        """Not on the day on which it was planned: then whoever acts has had no time yet."""
        now = clock.now()
        return self.act_by is not None and self.act_by < now and self.planned_at.date() != now.date()

    @property
    def by(self) -> datetime | str | None:
        return by_when(self.act_by, self.planned_at)


def _rows(found: Iterable[tuple[Disbursement, str, str]]) -> list[DisbursementRow]:
    rows = [(row[0], row[1], row[2]) for row in found]
    organisations = names({d.organisation_id for d, _a, _p in rows})
    meetings = meetings_by_id({d.meeting_id for d, _a, _p in rows})
    return [
        DisbursementRow(d.id, d.reference, d.award_id, award, organisations.get(d.organisation_id, ""), d.meeting_id,
                        meetings[d.meeting_id].short_name, d.kind, usd(d.amount_minor), d.state, d.round, d.due_at,
                        d.act_by, d.version, payee, d.created_at, d.second_rule_id is not None,
                        d.rail)
        for d, award, payee in rows
    ]


# where the payee stands for this payment: what its rail needs may be awaited though all that was given is verified
_PAYEE_STATE = case(
    ((Disbursement.rail == CASH) & Payee.paper_ending_sealed.is_(None) & (Payee.state == "verified"), "wanted"),
    ((Disbursement.rail != CASH) & Payee.account_sealed.is_(None) & (Payee.state == "verified"), "wanted"),
    else_=Payee.state)


def _select():  # type: ignore[no-untyped-def]
    return (
        select(Disbursement, Award.reference, _PAYEE_STATE)
        .join(Award, Award.id == Disbursement.award_id).join(Payee, Payee.id == Disbursement.payee_id)
    )


def list_disbursements(query: TableQuery) -> tuple[list[DisbursementRow], int, Money]:
    """Payments, how many, and their sum. Filters: state, kind, meeting, due (overdue, week), q (reference)."""
    where = []
    if state := query.get("state"):
        where.append(Disbursement.state == state)
    if kind := query.get("kind"):
        where.append(Disbursement.kind == kind)
    if meeting := query.get("meeting"):
        where.append(Disbursement.meeting_id == uuid.UUID(meeting))
    if query.get("due") == "overdue":
        where.append(Disbursement.act_by < clock.now())
    if words := query.get("q"):
        text = words.upper()
        where.append(or_(Disbursement.reference.contains(text, autoescape=True),
                         Disbursement.award_id.in_(
                             select(Award.id).where(Award.reference.contains(text, autoescape=True)))))
    total, amount = db.session.execute(
        select(func.count(), func.coalesce(func.sum(Disbursement.amount_minor), 0)).where(*where)
    ).one()
    order = {
        "reference": Disbursement.reference, "due_at": Disbursement.due_at, "amount": Disbursement.amount_minor,
        "state": Disbursement.state, "act_by": Disbursement.act_by,
    }.get(query.sort or "due_at", Disbursement.due_at)
    statement = _select().where(*where).order_by(
        order.is_(None), order.desc() if query.descending else order.asc(), Disbursement.due_at, Disbursement.id)
    if query.format is None:
        statement = statement.offset(query.offset).limit(query.limit)
    return _rows(db.session.execute(statement).all()), int(total), usd(int(amount))


def meeting_choices() -> list[tuple[str, str]]:
    """Meetings that have payments."""
    ids = db.session.scalars(select(Disbursement.meeting_id).distinct()).all()
    return sorted(((str(m.id), m.short_name) for m in meetings_by_id(ids).values()), key=lambda pair: pair[1])


def in_states(states: tuple[str, ...], limit: int = 50, unsigned_by: uuid.UUID | None = None) -> list[DisbursementRow]:
    """Payments in these states, the most urgent first; without those of which a person has signed this round."""
    signed = select(Approval.id).where(
        Approval.subject_type == "disbursement", Approval.subject_id == Disbursement.id,
        Approval.round == Disbursement.round, Approval.person_id == unsigned_by)
    return _rows(db.session.execute(
        _select().where(Disbursement.state.in_(states), *([~signed.exists()] if unsigned_by else []))
        .order_by(Disbursement.act_by.is_(None), Disbursement.act_by, Disbursement.reference).limit(limit)
    ).all())


def by_ids(ids: Iterable[uuid.UUID]) -> list[DisbursementRow]:
    """These payments."""
    return _rows(db.session.execute(_select().where(Disbursement.id.in_(list(ids)))).all())


def ready(limit: int = 500) -> list[DisbursementRow]:
    """Payments ready for release and due, oldest first."""
    return _rows(db.session.execute(
        _select().where(Disbursement.state == "ready", Disbursement.due_at <= clock.now())
        .order_by(Disbursement.due_at, Disbursement.reference).limit(limit)
    ).all())


@dataclass(frozen=True)
class ToRelease:
    """A payment as the bank signatory reads it before signing: to whom, where, who signed. The account is never
    whole here."""

    row: DisbursementRow
    holder: str
    bank: str
    account: str
    frozen_until: datetime | None
    signed: tuple[tuple[Signature, str], ...]

    @property
    def reference(self) -> str:
        return self.row.reference

    @property
    def amount(self) -> Money:
        return self.row.amount


def to_release(rows: Sequence[DisbursementRow]) -> list[ToRelease]:
    """These payments with payee and signatures; four queries."""
    payees = {p.award_id: p for p in db.session.scalars(
        select(Payee).where(Payee.award_id.in_({row.award_id for row in rows})))}
    vault.preload([p.id for p in payees.values()])
    signed = signatures_of("disbursement", {row.id: row.round for row in rows})
    people = person_labels(signer_ids(s for found in signed.values() for s in found))
    found = []
    for row in rows:
        payee = payees[row.award_id]
        holder, bank, account = (vault.unseal(payee.id, getattr(payee, f"{name}_sealed")) or ""
                                 for name in ("holder", "bank_name", "account"))
        if row.rail == CASH:  # no account sees this money
            paper = paper_of(payee)
            holder, bank, account = paper.name if paper else "", str(RAIL_LABELS[CASH]), ""
        found.append(ToRelease(row, holder, bank, "•••• " + account[-4:] if account else "",
                               payee.frozen_until, tuple((s, signer(s, people)) for s in signed[row.id])))
    return found


def of_award(award_id: uuid.UUID) -> list[DisbursementRow]:
    """An award's payments in the order of falling due."""
    return _rows(db.session.execute(
        _select().where(Disbursement.award_id == award_id).order_by(Disbursement.due_at, Disbursement.reference)
    ).all())


@dataclass(frozen=True)
class InstructionRow:
    """An instruction without its bytes."""

    id: uuid.UUID
    number: str
    sha256: str
    signature: str
    public_key: str
    total: Money
    lines: int
    size: int
    created_at: datetime
    released_by: uuid.UUID
    rail: str
    status: State | None = None


def _instruction(row: PaymentInstruction, status: State | None = None) -> InstructionRow:
    return InstructionRow(row.id, row.number, row.sha256, row.signature, row.public_key, usd(row.total_minor),
                          row.lines, row.size, row.created_at, row.released_by, row.rail, status)


@dataclass(frozen=True)
class DisbursementPage:
    """One payment with all its page shows."""

    row: DisbursementRow
    meeting: MeetingRow
    nominee: NomineeRow
    request_by: datetime
    certify_by: datetime
    approve_by: datetime
    confirm_by: datetime
    released_at: datetime | None
    settled_at: datetime | None
    bank_reference: str | None
    payee_id: uuid.UUID
    payee_status: State
    instructions: tuple[InstructionRow, ...]
    short: Money | None = None
    follows: tuple[uuid.UUID, str] | None = None
    followed_by: tuple[uuid.UUID, str] | None = None
    frozen_until: datetime | None = None


def disbursement_page(disbursement_id: uuid.UUID, actor: Actor) -> DisbursementPage:
    """Raises NotFound."""
    found = db.session.execute(_select().where(Disbursement.id == disbursement_id)).one_or_none()
    if found is None:
        raise NotFound()
    row = found[0]
    award = get(Award, row.award_id)
    instructions = db.session.scalars(
        select(PaymentInstruction).join(PaymentLine, PaymentLine.instruction_id == PaymentInstruction.id)
        .where(PaymentLine.disbursement_id == row.id).order_by(PaymentLine.round)
    ).all()
    return DisbursementPage(
        _rows([found])[0], meeting_by_id(row.meeting_id), nominee_by_id(award.nominee_id, actor), row.request_by,
        row.certify_by, row.approve_by, row.confirm_by, row.released_at, row.settled_at, row.bank_reference,
        row.payee_id, status_for(found[2], row.rail), tuple(_instruction(i) for i in instructions),
        usd(row.short_minor) if row.short_minor else None, _other(Disbursement.id == row.follows_id),
        _other(Disbursement.follows_id == row.id, Disbursement.state != "cancelled"),
        get(Payee, row.payee_id).frozen_until,
    )


def _other(*where: ColumnElement[bool]) -> tuple[uuid.UUID, str] | None:
    found = db.session.execute(select(Disbursement.id, Disbursement.reference).where(*where).limit(1)).one_or_none()
    return (found.id, found.reference) if found else None


@dataclass(frozen=True)
class InstructionPage:
    """One instruction and the payments in it."""

    row: InstructionRow
    payments: tuple[DisbursementRow, ...]


def instruction_page(instruction_id: uuid.UUID) -> InstructionPage:
    """Raises NotFound."""
    row = get(PaymentInstruction, instruction_id)
    payments = db.session.execute(
        _select().join(PaymentLine, PaymentLine.disbursement_id == Disbursement.id)
        .where(PaymentLine.instruction_id == instruction_id).order_by(PaymentLine.n)
    ).all()
    return InstructionPage(_instruction(row, file_states([row.id])[row.id]), tuple(_rows(payments)))


def list_instructions(query: TableQuery) -> tuple[list[InstructionRow], int]:
    """Instructions, the newest first."""
    total = db.session.scalar(select(func.count()).select_from(PaymentInstruction)) or 0
    statement = select(PaymentInstruction).order_by(PaymentInstruction.number.desc())
    if query.format is None:
        statement = statement.offset(query.offset).limit(query.limit)
    rows = db.session.scalars(statement).all()
    states = file_states([row.id for row in rows])
    return [_instruction(row, states[row.id]) for row in rows], total


# --- payees -----------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class PayeeRow:
    """A payee without bank data."""

    id: uuid.UUID
    award_id: uuid.UUID
    award: str
    organisation: str
    state: str
    first_due: datetime | None
    version: int
    asked_at: datetime | None
    rail: str = "transfer"

    @property
    def status(self) -> State:
        return status_for(self.state, self.rail)

    @property
    def by(self) -> datetime | str | None:
        return by_when(self.first_due, self.asked_at)


@dataclass(frozen=True)
class PayeePage:
    """Bank data and identity of one award. The account is shown whole only to those who verify it, else by its last
    four signs; `names` says how the names of account and paper are the nominee's (names.compare), the worse of both;
    `frozen_until` is None once it is over."""

    row: PayeeRow
    nominee: NomineeRow
    holder: str | None
    bank_name: str | None
    bank_country: str | None
    account: str | None
    bic: str | None
    proof_file_id: uuid.UUID | None
    entered_by: uuid.UUID | None
    entered_at: datetime | None
    verified_by: uuid.UUID | None
    verified_at: datetime | None
    names: str | None
    name_check: str | None
    frozen_until: datetime | None
    may_enter: bool
    may_verify: bool
    paper: Paper | None = None
    paper_file_id: uuid.UUID | None = None
    passport_differs: bool = False

    @property
    def rail(self) -> str:
        return self.row.rail

    @property
    def needs_reason(self) -> bool:
        """Whether an officer verifies it only with a reason."""
        return self.names == DIFFERS or self.passport_differs


def _payee_rows(states: tuple[str, ...], where: object = None, limit: int = 50) -> list[PayeeRow]:
    due = (
        select(Disbursement.payee_id, func.min(Disbursement.request_by).label("due"))
        .where(Disbursement.state.in_(("draft", "held"))).group_by(Disbursement.payee_id).subquery()
    )
    statement = (
        select(Payee, Award.reference, Award.answered_at, due.c.due).join(Award, Award.id == Payee.award_id)
        .outerjoin(due, due.c.payee_id == Payee.id)
        .where(Payee.state.in_(states)).order_by(due.c.due, Award.reference).limit(limit)
    )
    if where is not None:
        statement = statement.where(where)  # type: ignore[arg-type]
    found = db.session.execute(statement).all()
    organisations = names({p.organisation_id for p, *_rest in found})
    return [PayeeRow(p.id, p.award_id, award, organisations.get(p.organisation_id, ""), p.state, first, p.version,
                     asked, p.rail)
            for p, award, asked, first in found]


def payees_wanted(actor: Actor, award_id: uuid.UUID | None = None) -> list[PayeeRow]:
    """Bank data that this person may give and that is awaited, of one award if it is named."""
    from accounts.permissions import organisations_with

    own = Payee.organisation_id.in_(organisations_with(actor, "award.answer"))
    mine = or_(own, Award.beneficiary_id == actor.person_id)
    return _payee_rows(("wanted",), mine if award_id is None else and_(mine, Payee.award_id == award_id))


def payees_to_verify() -> list[PayeeRow]:
    """Bank data that waits for a payee data officer."""
    return _payee_rows(("entered",))


def payee_page(payee_id: uuid.UUID, actor: Actor) -> PayeePage:
    """Raises NotFound for anyone but the State's focal points, the nominee in person and payee data officers."""
    payee = db.session.get(Payee, payee_id)
    if payee is None:
        raise NotFound()
    award = get(Award, payee.award_id)
    enters, verifies = may_enter(actor, award), allows(actor, "payee.verify")
    if not enters and not verifies:
        raise NotFound()
    opened = {
        name: vault.unseal(payee.id, getattr(payee, f"{name}_sealed"))
        for name in ("holder", "bank_name", "bank_country", "account", "bic")
    }
    nominee = nominee_by_id(award.nominee_id, actor)
    account = opened["account"]
    if account and not verifies:
        opened["account"] = "•••• " + account[-4:]
    first = db.session.scalar(
        select(func.min(Disbursement.request_by))
        .where(Disbursement.payee_id == payee.id, Disbursement.state.in_(("draft", "held")))
    )
    row = PayeeRow(payee.id, award.id, award.reference, names([payee.organisation_id])[payee.organisation_id],
                   payee.state, first, payee.version, award.answered_at, payee.rail)
    paper = paper_of(payee)
    return PayeePage(
        row, nominee, opened["holder"], opened["bank_name"], opened["bank_country"], opened["account"], opened["bic"],
        payee.proof_file_id, payee.entered_by, payee.entered_at, payee.verified_by, payee.verified_at,
        worst_name((opened["holder"], paper.name if paper else None), nominee.name), payee.name_check,
        payee.frozen_until if payee.frozen_until and payee.frozen_until > clock.now() else None, enters, verifies,
        paper, payee.paper_file_id, verifies and passport_differs(payee),
    )


def payee_of_award(award_id: uuid.UUID) -> tuple[uuid.UUID, State, bool] | None:
    """The award's payee, where its data stands, and whether it is paid in cash."""
    row = db.session.execute(select(Payee.id, Payee.state, Payee.rail).where(
        Payee.award_id == award_id)).one_or_none()
    return (row.id, status_for(row.state, row.rail), row.rail == CASH) if row else None
