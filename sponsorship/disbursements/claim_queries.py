"""What pages may know of claims, recoveries and reports: typed rows, a fixed number of queries each."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, false, func, or_, select, true

from accounts.permissions import allows, organisations_with
from accounts.queries import names, person_labels
from core import vault
from core.actor import Actor
from core.db import db, get
from core.errors import NotFound
from core.machines import State
from core.money import Money, usd
from core.web.tables import TableQuery
from meetings.calendar.queries import MeetingRow, meeting_by_id, meetings_by_id
from sponsorship.applications.queries import NomineeRow, nominee_by_id
from sponsorship.awards.entitlement import Line
from sponsorship.awards.models import Award
from sponsorship.awards.transitions import ENDED
from sponsorship.disbursements.claim_models import (
    Claim,
    ClaimLine,
    ClaimPaper,
    DelegateReport,
    Recovery,
    RecoveryReceipt,
)
from sponsorship.disbursements.claim_reckoning import Days, Reckoned, reckon
from sponsorship.disbursements.claim_states import CLAIM, RECOVERY, REPORT


def visible(actor: Actor, permission: str = "claim.submit") -> ColumnElement[bool]:
    """Which awards' claims a reader may know of: the fund's officers all, focal points their State's, the nominee the
    own."""
    if allows(actor, "disbursement.view_all"):
        return true()
    if actor.person_id is None:
        return false()
    own = Award.organisation_id.in_(organisations_with(actor, "award.answer"))
    mine = and_(Award.beneficiary_id == actor.person_id,
                Award.organisation_id.in_(organisations_with(actor, permission)))
    return or_(own, mine)


@dataclass(frozen=True)
class ClaimRow:
    """A claim in a list. Amounts are US dollars, None while undecided."""

    id: uuid.UUID
    reference: str
    award_id: uuid.UUID
    award: str
    organisation_id: uuid.UUID
    organisation: str
    meeting_id: uuid.UUID
    meeting: str
    state: str
    due_at: datetime
    version: int
    entitled: Money | None
    paid: Money | None
    attendance: str | None
    ended: bool

    @property
    def status(self) -> State:
        return CLAIM.state(self.state)

    @property
    def balance(self) -> Money | None:
        return None if self.entitled is None or self.paid is None else self.entitled - self.paid


def _claims(found: Iterable[Any]) -> list[ClaimRow]:
    rows: list[tuple[Claim, Award]] = [(row[0], row[1]) for row in found]
    organisations = names({c.organisation_id for c, _a in rows})
    meetings = meetings_by_id({a.meeting_id for _c, a in rows})
    return [
        ClaimRow(c.id, c.reference, a.id, a.reference, c.organisation_id, organisations.get(c.organisation_id, ""),
                 a.meeting_id, meetings[a.meeting_id].short_name, c.state, c.due_at, c.version,
                 None if c.entitled_minor is None else usd(c.entitled_minor),
                 None if c.paid_minor is None else usd(c.paid_minor), c.attendance, a.state in ENDED)
        for c, a in rows
    ]


def list_claims(query: TableQuery) -> tuple[list[ClaimRow], int]:
    """Every claim, the soonest due first. Filters: state, q (reference)."""
    where: list[ColumnElement[bool]] = []
    if state := query.get("state"):
        where.append(Claim.state == state)
    if words := query.get("q"):
        text = words.upper()
        where.append(or_(Claim.reference.contains(text, autoescape=True),
                         Award.reference.contains(text, autoescape=True)))
    base = select(Claim, Award).join(Award, Award.id == Claim.award_id).where(*where)
    total = db.session.scalar(select(func.count()).select_from(base.subquery())) or 0
    order = {"reference": Claim.reference, "state": Claim.state}.get(query.sort or "due_at", Claim.due_at)
    statement = base.order_by(order.desc() if query.descending else order.asc(), Claim.id)
    if query.format is None:
        statement = statement.offset(query.offset).limit(query.limit)
    return _claims(db.session.execute(statement).all()), total


def claims_in(state: str, actor: Actor | None = None, limit: int = 50) -> list[ClaimRow]:
    """Claims in one state, the soonest due first; only those this person may send when `actor` is given."""
    where = [Claim.state == state]
    if actor is not None:
        where += [_own(actor), Award.state.not_in(ENDED)]
    return _claims(db.session.execute(
        select(Claim, Award).join(Award, Award.id == Claim.award_id).where(*where)
        .order_by(Claim.due_at, Claim.id).limit(limit)).all())


def _own(actor: Actor) -> ColumnElement[bool]:
    return or_(Award.organisation_id.in_(organisations_with(actor, "award.answer")),
               Award.beneficiary_id == actor.person_id)


@dataclass(frozen=True)
class ClaimPage:
    """One claim with all its page shows. `reckoned` is what settling it now would say (for officers, not as
    planned)."""

    row: ClaimRow
    award: Award
    meeting: MeetingRow
    nominee: NomineeRow
    days: Days | None
    sent: bool
    as_planned: bool
    words: str | None
    return_words: str | None
    submitted_at: datetime | None
    submitted_by: uuid.UUID | None
    decided_at: datetime | None
    decided_by: uuid.UUID | None
    papers: tuple[tuple[uuid.UUID, str], ...]
    lines: tuple[Line, ...]
    reckoned: Reckoned | None
    recovery_id: uuid.UUID | None
    back_due: datetime | None
    report: tuple[uuid.UUID, State] | None
    officer: bool
    own: bool
    sees_award: bool


def claim_page(claim_id: uuid.UUID, actor: Actor) -> ClaimPage:
    """Raises NotFound, also for another State's claim."""
    found = db.session.execute(
        select(Claim, Award).join(Award, Award.id == Claim.award_id).where(Claim.id == claim_id, visible(actor))
    ).one_or_none()
    if found is None:
        raise NotFound()
    claim, award = found
    told = Days.from_json(claim.days) if claim.days is not None else None
    papers = db.session.execute(
        select(ClaimPaper.file_id, ClaimPaper.kind).where(ClaimPaper.claim_id == claim.id).order_by(ClaimPaper.id))
    lines = db.session.scalars(select(ClaimLine).where(ClaimLine.claim_id == claim.id).order_by(ClaimLine.n))
    report = db.session.execute(
        select(DelegateReport.id, DelegateReport.state).where(DelegateReport.award_id == award.id)).first()
    officer = allows(actor, "disbursement.view_all")
    sent = claim.submitted_at is not None
    recovery = db.session.scalars(select(Recovery).where(Recovery.claim_id == claim.id)
                                  .order_by(Recovery.asked_at.desc(), Recovery.id.desc()).limit(1)).first()
    return ClaimPage(
        _claims([found])[0], award, meeting_by_id(award.meeting_id), nominee_by_id(award.nominee_id, actor), told, sent,
        sent and told is None, vault.unseal(claim.id, claim.words_sealed),
        vault.unseal(claim.id, claim.return_words_sealed), claim.submitted_at, claim.submitted_by, claim.decided_at,
        claim.decided_by, tuple((p.file_id, p.kind) for p in papers),
        tuple(Line(x.kind, x.rule, x.day, x.place, x.rate_minor, x.share_bp, x.amount_minor, x.source, x.source_from,
                   tuple(x.given)) for x in lines),
        reckon(award, told) if told is not None and claim.state == "submitted" and officer else None,
        recovery.id if recovery else None, recovery.due_at if recovery and recovery.state == "asked" else None,
        (report.id, REPORT.state(report.state)) if report else None, officer,
        allows(actor, "claim.submit", award.organisation_id),
        officer or allows(actor, "award.answer", award.organisation_id),
    )


def paper_of(claim_id: uuid.UUID, file_id: uuid.UUID, actor: Actor) -> uuid.UUID:
    """A paper of a claim that this reader may see. Raises NotFound."""
    found = db.session.scalar(
        select(ClaimPaper.file_id).join(Claim, Claim.id == ClaimPaper.claim_id)
        .join(Award, Award.id == Claim.award_id)
        .where(Claim.id == claim_id, ClaimPaper.file_id == file_id, visible(actor)))
    if found is None:
        raise NotFound()
    return found


# --- recoveries ---------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class RecoveryRow:
    """Money asked back."""

    id: uuid.UUID
    reference: str
    claim_id: uuid.UUID | None
    loss_id: uuid.UUID | None
    award_id: uuid.UUID
    award: str
    organisation: str
    state: str
    amount: Money
    back: Money
    due_at: datetime
    asked_at: datetime
    reminders: int
    version: int

    @property
    def status(self) -> State:
        return RECOVERY.state(self.state)

    @property
    def open(self) -> Money:
        return self.amount - self.back if self.state == "asked" else usd(0)


def _recoveries(found: Iterable[Any]) -> list[RecoveryRow]:
    rows: list[tuple[Recovery, str]] = [(row[0], row[1]) for row in found]
    organisations = names({r.organisation_id for r, _a in rows})
    return [RecoveryRow(r.id, r.reference, r.claim_id, r.loss_id, r.award_id, award,
                        organisations.get(r.organisation_id, ""),
                        r.state, usd(r.amount_minor), usd(r.back_minor), r.due_at, r.asked_at, r.reminders, r.version)
            for r, award in rows]


def list_recoveries(query: TableQuery) -> tuple[list[RecoveryRow], int, Money]:
    """Recoveries, the soonest due first, how many, and what is open of them. Filter: state."""
    where = [Recovery.state == state] if (state := query.get("state")) else []
    total = db.session.scalar(select(func.count()).select_from(Recovery).where(*where)) or 0
    open_ = db.session.scalar(
        select(func.coalesce(func.sum(Recovery.amount_minor - Recovery.back_minor), 0))
        .where(Recovery.state == "asked", *where))
    statement = (select(Recovery, Award.reference).join(Award, Award.id == Recovery.award_id).where(*where)
                 .order_by(Recovery.due_at, Recovery.id))
    if query.format is None:
        statement = statement.offset(query.offset).limit(query.limit)
    return _recoveries(db.session.execute(statement).all()), total, usd(int(open_ or 0))


def open_recoveries(actor: Actor | None = None, limit: int = 50) -> list[RecoveryRow]:
    """Recoveries that are open, the soonest due first; a State's own when `actor` is given."""
    where = [Recovery.state == "asked"]
    if actor is not None:
        where.append(_own(actor))
    return _recoveries(db.session.execute(
        select(Recovery, Award.reference).join(Award, Award.id == Recovery.award_id).where(*where)
        .order_by(Recovery.due_at, Recovery.id).limit(limit)).all())


@dataclass(frozen=True)
class ReceiptRow:
    """Money that came back."""

    amount: Money
    bank_reference: str
    paid_on: date
    recorded_at: datetime
    recorded_by: str


@dataclass(frozen=True)
class RecoveryPage:
    """One recovery with its receipts."""

    row: RecoveryRow
    receipts: tuple[ReceiptRow, ...]
    officer: bool


def recovery_page(recovery_id: uuid.UUID, actor: Actor) -> RecoveryPage:
    """Raises NotFound, also for another State's."""
    found = db.session.execute(
        select(Recovery, Award.reference).join(Award, Award.id == Recovery.award_id)
        .where(Recovery.id == recovery_id, visible(actor))).one_or_none()
    if found is None:
        raise NotFound()
    rows = db.session.scalars(select(RecoveryReceipt).where(RecoveryReceipt.recovery_id == recovery_id)
                              .order_by(RecoveryReceipt.id)).all()
    officer = allows(actor, "disbursement.view_all")
    people = person_labels([r.recorded_by for r in rows]) if officer else {}
    return RecoveryPage(_recoveries([found])[0], tuple(
        ReceiptRow(usd(r.amount_minor), r.bank_reference, r.paid_on, r.recorded_at, people.get(r.recorded_by, ""))
        for r in rows), officer)


# --- reports ------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class ReportRow:
    """A delegate's report, without its words."""

    id: uuid.UUID
    award_id: uuid.UUID
    award: str
    organisation: str
    state: str
    due_at: datetime
    version: int

    @property
    def status(self) -> State:
        return REPORT.state(self.state)


@dataclass(frozen=True)
class ReportPage:
    """A report as its reader sees it."""

    row: ReportRow
    meeting: MeetingRow
    answers: dict[str, str]
    received_at: datetime | None
    own: bool
    sees_award: bool


def reports_awaited(actor: Actor, limit: int = 50) -> list[ReportRow]:
    """Reports that this person may write."""
    return _reports(db.session.execute(
        select(DelegateReport, Award).join(Award, Award.id == DelegateReport.award_id)
        .where(DelegateReport.state == "awaited", _own(actor)).order_by(DelegateReport.due_at, DelegateReport.id)
        .limit(limit)).all())


def _reports(found: Iterable[Any]) -> list[ReportRow]:
    rows: list[tuple[DelegateReport, Award]] = [(row[0], row[1]) for row in found]
    organisations = names({r.organisation_id for r, _a in rows})
    return [ReportRow(r.id, a.id, a.reference, organisations.get(r.organisation_id, ""), r.state, r.due_at, r.version)
            for r, a in rows]


def report_page(report_id: uuid.UUID, actor: Actor) -> ReportPage:
    """Raises NotFound, also for another State's."""
    found = db.session.execute(
        select(DelegateReport, Award).join(Award, Award.id == DelegateReport.award_id)
        .where(DelegateReport.id == report_id, visible(actor, "report.write"))).one_or_none()
    if found is None:
        raise NotFound()
    report, award = found
    words = vault.unseal(report.id, report.words_sealed)
    return ReportPage(_reports([found])[0], meeting_by_id(award.meeting_id), json.loads(words) if words else {},
                      report.received_at, allows(actor, "report.write", award.organisation_id),
                      allows(actor, "disbursement.view_all") or allows(actor, "award.answer", award.organisation_id))


# --- what a next call should know ---------------------------------------------------------------------------------
@dataclass(frozen=True)
class Outcome:
    """How an earlier sponsored journey of a State ended: its claim, attendance, report, and what is open (US
    dollars)."""

    award_id: uuid.UUID
    award: str
    meeting: str
    claim: State
    attendance: str | None
    report: State | None
    open: Money
    claim_id: uuid.UUID


def outcomes_of(organisation_id: uuid.UUID, limit: int = 20) -> list[Outcome]:
    """Sponsored journeys of a State that are over, the latest first. Two queries."""
    rows = db.session.execute(
        select(Claim, Award, DelegateReport.state.label("report"), Recovery.state.label("recovery"),
               Recovery.amount_minor, Recovery.back_minor)
        .join(Award, Award.id == Claim.award_id)
        .outerjoin(DelegateReport, DelegateReport.award_id == Award.id)
        .outerjoin(Recovery, (Recovery.claim_id == Claim.id) & (Recovery.state == "asked"))
        .where(Claim.organisation_id == organisation_id)
        .order_by(Award.travel_to.desc(), Claim.id).limit(limit)).all()
    meetings = meetings_by_id({row.Award.meeting_id for row in rows})
    return [
        Outcome(row.Award.id, row.Award.reference, meetings[row.Award.meeting_id].short_name,
                CLAIM.state(row.Claim.state), row.Claim.attendance, REPORT.state(row.report) if row.report else None,
                usd(row.amount_minor - row.back_minor if row.recovery == "asked" else 0), row.Claim.id)
        for row in rows
    ]


def claim_of_award(award_id: uuid.UUID, actor: Actor) -> tuple[ClaimRow, ReportRow | None] | None:
    """The claim and report of an award, for those who may know of them."""
    found = db.session.execute(
        select(Claim, Award).join(Award, Award.id == Claim.award_id).where(Award.id == award_id, visible(actor))
    ).one_or_none()
    if found is None:
        return None
    reports = _reports(db.session.execute(
        select(DelegateReport, Award).join(Award, Award.id == DelegateReport.award_id)
        .where(DelegateReport.award_id == award_id)).all())
    return _claims([found])[0], next(iter(reports), None)


def award_of(claim_id: uuid.UUID) -> Award:
    """The award of a claim. Raises NotFound."""
    return get(Award, get(Claim, claim_id).award_id)
