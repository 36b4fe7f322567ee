"""What the officers' pages of this room show. Lists take a fixed number of queries whatever their length."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select

from accounts.queries import Fact, dated_facts, focal_points, get_organisation, names, person_labels
from core import events
from core.actor import Actor
from core.db import db, get
from core.errors import NotFound
from core.money import Money
from core.web.tables import TableQuery
from meetings.calendar.queries import MeetingRow, meeting_by_id, meetings_by_id
from sponsorship.applications import carry_over
from sponsorship.applications.call_money import Carried, carried
from sponsorship.applications.models import Application, Call, Ranking, Recommendation, Screening
from sponsorship.applications.queries import (
    ApplicationRow,
    CallRow,
    NomineeRow,
    application_row,
    call_rows,
    nominee_counts,
    nominees_of,
)
from sponsorship.applications.screening_service import facts_day
from sponsorship.applications.transitions import APPLICATION, CALL
from sponsorship.ledger.queries import PoolRow, list_pools, pools_by_ids

RECEIVED = tuple(s.code for s in APPLICATION.states if s.code not in ("draft", "withdrawn", "cancelled"))


@dataclass(frozen=True)
class CallLine:
    """A call in the list of all calls."""

    id: uuid.UUID
    reference: str
    meeting: str
    opens_at: datetime
    closes_at: datetime
    zone: str
    state: str
    received: int
    is_demo: bool

    @property
    def status(self) -> Any:
        """Word and tone."""
        return CALL.state(self.state)


def list_calls(state: str | None = None) -> list[CallLine]:
    """Every call, the latest closing first. Three queries."""
    statement = select(Call).order_by(Call.closes_at.desc(), Call.id).limit(500)
    if state:
        statement = statement.where(Call.state == state)
    calls = db.session.scalars(statement).all()
    meetings = meetings_by_id({c.meeting_id for c in calls})
    counts = {
        row.call_id: row.n for row in db.session.execute(
            select(Application.call_id, func.count().label("n")).where(Application.state.in_(RECEIVED))
            .group_by(Application.call_id)
        )
    }
    return [
        CallLine(c.id, c.reference, meetings[c.meeting_id].label, c.opens_at, c.closes_at,
                 meetings[c.meeting_id].timezone, c.state, counts.get(c.id, 0), c.is_demo)
        for c in calls
    ]


@dataclass(frozen=True)
class CallPage:
    """A call as officers work on it."""

    call: CallRow
    meeting: MeetingRow
    pools: list[PoolRow]
    counts: dict[str, int]
    carried: Carried
    suspended_from: str | None
    copied_from: str | None
    to_tell: int | None  # focal points who are told when it opens; None once it is open
    to_come_over: int  # applications of earlier calls that come over when it opens

    @property
    def received(self) -> int:
        """Applications that have arrived."""
        return sum(n for state, n in self.counts.items() if state in RECEIVED)

    @property
    def to_screen(self) -> int:
        """Applications that still wait for a screening or a completion."""
        return self.counts.get("submitted", 0) + self.counts.get("returned", 0)

    @property
    def delegates(self) -> int:
        """How many delegates today's money carries at the call's estimate."""
        return self.carried.delegates

    @property
    def money(self) -> Money:
        """Direct cost that may be promised today."""
        return Money(self.carried.money_minor, self.call.currency)


def call_page(call_id: uuid.UUID) -> CallPage:
    """Raises NotFound."""
    call = get(Call, call_id)
    row = call_rows([call])[0]
    pools = pools_by_ids(row.pool_ids)
    counts = {
        row.state: row.n for row in db.session.execute(
            select(Application.state, func.count().label("n")).where(Application.call_id == call_id)
            .group_by(Application.state)
        )
    }
    copied = db.session.scalar(select(Call.reference).where(Call.id == call.copied_from_id))
    before = call.state in ("draft", "scheduled")
    return CallPage(row, meeting_by_id(call.meeting_id), [pools[p] for p in row.pool_ids if p in pools], counts,
                    carried(row), call.suspended_from, copied, len(focal_points(call.is_demo)) if before else None,
                    carry_over.waiting_for(call) if before else 0)


def last_call() -> CallLine | None:
    """The call whose terms a new one is most likely to take over: the last that was opened. Three queries."""
    return next((line for line in list_calls() if line.state not in ("draft", "scheduled", "cancelled")), None)


def call_history(call_id: uuid.UUID) -> tuple[list[events.History], dict[uuid.UUID, str]]:
    """A call's events and the names of those who acted."""
    found = events.history("call", call_id)
    return found, person_labels(e.actor_id for e in found)


def states_applying(call_id: uuid.UUID) -> list[tuple[str, str]]:
    """States whose applications are considered under a call, for a list of choices. Two queries."""
    ids = db.session.scalars(
        select(Application.organisation_id)
        .where(Application.call_id == call_id, Application.state.in_(
            ("submitted", "returned", "eligible", "recommended", "reserve", "not_recommended")))).all()
    return sorted(((str(key), label) for key, label in names(ids).items()), key=lambda pair: pair[1].casefold())


def pool_choices() -> list[tuple[uuid.UUID, str]]:
    """Pools for a list of choices."""
    return [(p.id, f"{p.code}: {p.name}") for p in list_pools()]


@dataclass(frozen=True)
class ApplicationLine:
    """An application in a call's list. `facts` are those of the call's closing day."""

    id: uuid.UUID
    reference: str
    organisation_id: uuid.UUID
    state_name: str
    state: str
    received_at: datetime | None
    received_after_date: bool
    nominees: int
    facts: frozenset[str]
    first_attendance: bool | None
    no_mission_at_seat: bool | None
    most_affected: bool | None

    @property
    def status(self) -> Any:
        """Word and tone."""
        return APPLICATION.state(self.state)


def applications_of_call(call_id: uuid.UUID, query: TableQuery) -> tuple[list[ApplicationLine], int]:
    """Applications received under a call. Filter: state, q (part of the State's name). Sorts: name, reference,
    received. Four queries; at most some two hundred States, so names are sorted here."""
    call = get(Call, call_id)
    wanted = [query.get("state")] if query.get("state") in RECEIVED else list(RECEIVED)
    rows = db.session.scalars(
        select(Application).where(Application.call_id == call_id, Application.state.in_(wanted))
    ).all()
    labels = names({r.organisation_id for r in rows})
    facts = {key: frozenset(f.code for f in found)
             for key, found in dated_facts({r.organisation_id for r in rows}, facts_day(call)).items()}
    counts = nominee_counts(r.id for r in rows)
    lines = [
        ApplicationLine(r.id, r.reference, r.organisation_id, labels[r.organisation_id], r.state, r.received_at,
                        r.received_after_date, counts.get(r.id, 0), facts[r.organisation_id], r.first_attendance,
                        r.no_mission_at_seat, r.most_affected)
        for r in rows
    ]
    if words := (query.get("q") or "").casefold():
        lines = [line for line in lines if words in line.state_name.casefold() or words in line.reference.casefold()]
    keys: dict[str, Any] = {
        "state_name": lambda line: (line.state_name.casefold(), line.reference),
        "reference": lambda line: line.reference,
        "received_at": lambda line: (line.received_at, line.reference),
    }
    lines.sort(key=keys.get(query.sort or "received_at", keys["received_at"]), reverse=query.descending)
    total = len(lines)
    return (lines if query.format else lines[query.offset:query.offset + query.limit]), total


@dataclass(frozen=True)
class ScreeningPage:
    """One application as officers see it."""

    application: ApplicationRow
    call: CallRow
    meeting: MeetingRow
    organisation: str
    organisation_kind: str
    nominees: list[NomineeRow]
    facts: list[Fact]
    facts_day: date
    findings: dict[str, Screening]
    history: list[events.History]
    people: dict[uuid.UUID, str]
    recommendation: Recommendation | None
    position: int | None


def screening_page(application_id: uuid.UUID, actor: Actor) -> ScreeningPage:
    """Raises NotFound; a draft that was never sent is nobody's business."""
    application = get(Application, application_id)
    if application.received_at is None or application.state == "draft":
        raise NotFound()
    call = get(Call, application.call_id)
    organisation = get_organisation(application.organisation_id)
    day = facts_day(call)
    found = db.session.scalars(
        select(Screening).where(Screening.application_id == application_id,
                                Screening.round == application.screening_round)
    ).all()
    past = [e for e in events.history("application", application_id) if not e.tag.endswith((".start", ".remind"))]
    advice = db.session.scalar(
        select(Recommendation).where(Recommendation.application_id == application_id,
                                     Recommendation.round == call.recommendation_round))
    place = db.session.scalar(
        select(Ranking.position).where(Ranking.application_id == application_id,
                                       Ranking.round == call.ranking_round))
    return ScreeningPage(
        application_row(application), call_rows([call])[0], meeting_by_id(call.meeting_id), organisation.name,
        organisation.kind, nominees_of(application_id, actor),
        dated_facts([application.organisation_id], day)[application.organisation_id], day,
        {row.criterion: row for row in found}, past, person_labels(e.actor_id for e in past), advice, place,
    )


@dataclass(frozen=True)
class WaitingCall:
    """A call in which something waits for an officer. `to_screen` counts applications to be screened."""

    id: uuid.UUID
    reference: str
    meeting: str
    state: str
    opens_at: datetime
    decide_by: date
    to_screen: int
    governance: str
    panel_meets_on: date | None = None


def waiting_calls(states: Sequence[str]) -> list[WaitingCall]:
    """Calls in these states, by the day States are told. Two queries."""
    waiting = (
        select(Application.call_id, func.count().label("n")).where(Application.state == "submitted")
        .group_by(Application.call_id).subquery()
    )
    rows = db.session.execute(
        select(Call, func.coalesce(waiting.c.n, 0)).outerjoin(waiting, waiting.c.call_id == Call.id)
        .where(Call.state.in_(states)).order_by(Call.decide_by, Call.id).limit(100)
    ).all()
    meetings = meetings_by_id({call.meeting_id for call, _n in rows})
    return [
        WaitingCall(c.id, c.reference, meetings[c.meeting_id].label, c.state, c.opens_at, c.decide_by, n,
                    c.governance, c.panel_meets_on)
        for c, n in rows
    ]


@dataclass(frozen=True)
class PanelDay:
    """When the panel of a call meets."""

    id: uuid.UUID
    version: int
    reference: str
    state: str
    created_at: datetime
    panel_meets_on: date


def panel_days(since: date, limit: int) -> list[PanelDay]:
    """Meetings of panels from a day on, the latest first. One query."""
    rows = db.session.execute(
        select(Call.id, Call.version, Call.reference, Call.state, Call.created_at, Call.panel_meets_on)
        .where(Call.panel_meets_on >= since).order_by(Call.panel_meets_on.desc(), Call.id).limit(limit))
    return [PanelDay(r.id, r.version, r.reference, r.state, r.created_at, day) for r in rows
            if (day := r.panel_meets_on) is not None]
