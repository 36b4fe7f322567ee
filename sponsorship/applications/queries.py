"""Rows of calls, applications and nominees that other rooms and our own pages read. Nothing here writes."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import func, select

from accounts.permissions import allows
from core import vault
from core.actor import Actor
from core.db import db, get
from core.money import Money
from sponsorship.applications.models import Application, Call, CallPool, Nominee, Ranking, Recommendation
from sponsorship.applications.paper_kinds import PAPER_KINDS

Advice = Literal["recommend", "reserve", "not"]


@dataclass(frozen=True)
class Question:
    """A question that a call asks every State, or about every nominee. `key` stays with it."""

    key: str
    text: str
    required: bool
    of_nominee: bool = False


@dataclass(frozen=True)
class CallRow:
    """A call as other rooms see it. Estimates are US cents for one delegate; `pool_ids` in the order of drawing."""

    id: uuid.UUID
    version: int
    reference: str
    meeting_id: uuid.UUID
    state: str
    opens_at: datetime
    closes_at: datetime
    grace_until: datetime
    decide_by: date
    offer_days: int
    seats_per_state: int
    package: str
    estimate_ticket_minor: int
    estimate_dsa_minor: int
    estimate_terminal_minor: int
    currency: str
    ceiling_minor: int | None
    pool_ids: tuple[uuid.UUID, ...]
    criteria: tuple[str, ...]
    governance_text: str
    guidance_text: str
    ranking_round: int
    recommendation_round: int
    is_demo: bool
    ranking_method: str = "in_order"
    weights: Mapping[str, int] = field(default_factory=dict)
    late_rule: str = "refuse"
    governance: str = "secretariat_chair"
    part_first_day: int | None = None  # the days of the meeting that are paid, counted from 1; None: all of them
    part_last_day: int | None = None
    required_papers: tuple[str, ...] = ()
    questions: tuple[Question, ...] = ()
    copied_from_id: uuid.UUID | None = None
    announced_at: datetime | None = None
    announced_count: int | None = None
    equity_calls: int = 0
    panel_meets_on: date | None = None  # at the fund's seat
    equity_counted: Mapping[str, Any] | None = None  # what equity counted beside the standing ranking

    @property
    def state_questions(self) -> tuple[Question, ...]:
        """Those of the questions that a State answers once."""
        return tuple(q for q in self.questions if not q.of_nominee)

    @property
    def nominee_questions(self) -> tuple[Question, ...]:
        """Those of the questions that are answered about each nominee."""
        return tuple(q for q in self.questions if q.of_nominee)

    def part_of(self, start: date | None) -> tuple[date, date] | None:
        """The days of a meeting beginning on `start` that are paid; None for the whole meeting, or without dates."""
        if start is None or self.part_first_day is None or self.part_last_day is None:
            return None
        return start + timedelta(days=self.part_first_day - 1), start + timedelta(days=self.part_last_day - 1)

    @property
    def estimate_minor(self) -> int:
        """Estimated direct cost of one delegate, in US cents."""
        return self.estimate_ticket_minor + self.estimate_dsa_minor + self.estimate_terminal_minor

    @property
    def estimate(self) -> Money:
        """Estimated direct cost of one delegate."""
        return Money(self.estimate_minor, self.currency)

    @property
    def ceiling(self) -> Money | None:
        """The most the awards of the call may cost directly; None without a ceiling."""
        return None if self.ceiling_minor is None else Money(self.ceiling_minor, self.currency)


@dataclass(frozen=True)
class ApplicationRow:
    """An application without the persons in it."""

    id: uuid.UUID
    version: int
    reference: str
    call_id: uuid.UUID
    organisation_id: uuid.UUID
    state: str
    could_not_attend_otherwise: bool
    need_text: str | None
    own_contribution: str | None
    first_attendance: bool | None
    no_mission_at_seat: bool | None
    most_affected: bool | None
    most_affected_evidence: str | None
    carried_from_id: uuid.UUID | None
    created_at: datetime
    received_at: datetime | None
    received_after_date: bool
    completion_due_at: datetime | None
    return_note: str | None
    ineligible_reason: str | None
    screening_round: int
    is_demo: bool
    of_ministry: bool


@dataclass(frozen=True)
class NomineeRow:
    """A nominee. The personal fields are None for those who may not read them, and once the person is forgotten."""

    id: uuid.UUID
    version: int
    application_id: uuid.UUID
    organisation_id: uuid.UUID
    priority: int
    sex: str | None
    departure_city: str | None
    travel_from: date | None
    travel_to: date | None
    family_name: str | None = None
    given_names: str | None = None
    function: str | None = None
    ministry: str | None = None
    email: str | None = None
    birth_date: date | None = None
    confirmed_at: datetime | None = None
    reuse_consent_at: datetime | None = None

    @property
    def name(self) -> str | None:
        """Given and family name; None when neither may be shown."""
        parts = [part for part in (self.given_names, self.family_name) if part]
        return " ".join(parts) or None


@dataclass(frozen=True)
class Slot:
    """One seat a decision may give, in order. `recommended` is the panel's advice for this very nominee."""

    application_id: uuid.UUID
    organisation_id: uuid.UUID
    nominee_id: uuid.UUID
    position: int
    recommended: Advice
    reason: str


def _call_row(call: Call, pools: Sequence[uuid.UUID]) -> CallRow:
    return CallRow(
        id=call.id, version=call.version, reference=call.reference, meeting_id=call.meeting_id, state=call.state,
        opens_at=call.opens_at, closes_at=call.closes_at, grace_until=call.grace_until, decide_by=call.decide_by,
        offer_days=call.offer_days,
        seats_per_state=call.seats_per_state, package=call.package, currency=call.currency,
        estimate_ticket_minor=call.estimate_ticket_minor, estimate_dsa_minor=call.estimate_dsa_minor,
        estimate_terminal_minor=call.estimate_terminal_minor, ceiling_minor=call.ceiling_minor,
        pool_ids=tuple(pools), criteria=tuple(call.criteria), governance_text=call.governance_text,
        guidance_text=call.guidance_text, ranking_round=call.ranking_round,
        recommendation_round=call.recommendation_round, is_demo=call.is_demo, ranking_method=call.ranking_method,
        weights=call.weights or {}, late_rule=call.late_rule, governance=call.governance,
        part_first_day=call.part_first_day, part_last_day=call.part_last_day, required_papers=required_papers(call),
        questions=questions(call), copied_from_id=call.copied_from_id, announced_at=call.announced_at,
        announced_count=call.announced_count, equity_calls=call.equity_calls, equity_counted=call.equity_counted,
        panel_meets_on=call.panel_meets_on,
    )


def required_papers(call: Call) -> tuple[str, ...]:
    """The papers asked for with each nominee, as codes of PAPER_KINDS in their order."""
    return tuple(code for code in PAPER_KINDS if code in (call.required_papers or ()))


def questions(call: Call) -> tuple[Question, ...]:
    """What the call asks every State, and about every nominee, beside the form."""
    return tuple(Question(q["key"], q["text"], bool(q["required"]), bool(q.get("of_nominee")))
                 for q in call.questions or ())


def call_rows(calls: Sequence[Call]) -> list[CallRow]:
    """Rows of many calls with one query for their pools."""
    pools: dict[uuid.UUID, list[uuid.UUID]] = {}
    for call_id, pool_id in db.session.execute(
        select(CallPool.call_id, CallPool.pool_id)
        .where(CallPool.call_id.in_([c.id for c in calls])).order_by(CallPool.call_id, CallPool.position)
    ):
        pools.setdefault(call_id, []).append(pool_id)
    return [_call_row(call, pools.get(call.id, ())) for call in calls]


def call_by_id(call_id: uuid.UUID) -> CallRow:
    """Raises NotFound."""
    return call_rows([get(Call, call_id)])[0]


def calls_by_ids(call_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, CallRow]:
    """Many calls by id, in two queries."""
    calls = db.session.scalars(select(Call).where(Call.id.in_(set(call_ids)))).all()
    return {row.id: row for row in call_rows(calls)}


def calls_of_meeting(meeting_id: uuid.UUID) -> list[CallRow]:
    """Every call for a meeting, the latest opening first."""
    return call_rows(
        db.session.scalars(
            select(Call).where(Call.meeting_id == meeting_id).order_by(Call.opens_at.desc(), Call.id)
        ).all()
    )


def application_row(row: Application) -> ApplicationRow:
    """The plain row of an application."""
    return ApplicationRow(**{name: getattr(row, name) for name in ApplicationRow.__dataclass_fields__})


def application_by_id(application_id: uuid.UUID) -> ApplicationRow:
    """Raises NotFound. Whose it is, the caller checks."""
    return application_row(get(Application, application_id))


def applications_by_ids(application_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, ApplicationRow]:
    """Many applications by id, in one query."""
    rows = db.session.scalars(select(Application).where(Application.id.in_(set(application_ids))))
    return {row.id: application_row(row) for row in rows}


def may_read_names(actor: Actor, organisation_id: uuid.UUID) -> bool:
    """Whether the actor may read the names of this State's nominees: its own focal points and the fund's officers."""
    return (
        allows(actor, "application.own", organisation_id)
        or allows(actor, "application.view_all")
        or allows(actor, "award.view_all")
    )


def _nominee_row(row: Nominee, organisation_id: uuid.UUID, with_names: bool) -> NomineeRow:
    def opened(sealed: str | None) -> str | None:
        return vault.unseal(row.id, sealed) if with_names else None

    born = opened(row.birth_date_sealed)
    return NomineeRow(
        id=row.id, version=row.version, application_id=row.application_id, organisation_id=organisation_id,
        priority=row.priority, sex=row.sex, departure_city=row.departure_city, travel_from=row.travel_from,
        travel_to=row.travel_to, family_name=opened(row.family_name_sealed),
        given_names=opened(row.given_names_sealed), function=opened(row.function_sealed),
        ministry=opened(row.ministry_sealed), email=opened(row.email_sealed),
        birth_date=date.fromisoformat(born) if born else None, confirmed_at=row.confirmed_at,
        reuse_consent_at=row.reuse_consent_at,
    )


def nominee_by_id(nominee_id: uuid.UUID, actor: Actor | None = None) -> NomineeRow:
    """One nominee; with the personal fields only for an `actor` who may read them. Raises NotFound."""
    row = get(Nominee, nominee_id)
    organisation_id = get(Application, row.application_id).organisation_id
    return _nominee_row(row, organisation_id, actor is not None and may_read_names(actor, organisation_id))


def nominees_by_ids(nominee_ids: Iterable[uuid.UUID], actor: Actor | None = None) -> dict[uuid.UUID, NomineeRow]:
    """Many nominees by id in two queries (a third asks for their keys when names may be shown)."""
    rows = db.session.execute(
        select(Nominee, Application.organisation_id).join(Application, Application.id == Nominee.application_id)
        .where(Nominee.id.in_(set(nominee_ids)))
    ).all()
    return _many(rows, actor)


def _many(rows: Sequence[tuple[Nominee, uuid.UUID]] | Sequence[object], actor: Actor | None) -> dict[
    uuid.UUID, NomineeRow
]:
    pairs: list[tuple[Nominee, uuid.UUID]] = [(row[0], row[1]) for row in rows]  # type: ignore[index]
    allowed = {
        organisation for organisation in {o for _n, o in pairs} if actor is not None
        and may_read_names(actor, organisation)
    }
    vault.preload([nominee.id for nominee, organisation in pairs if organisation in allowed])
    return {n.id: _nominee_row(n, organisation, organisation in allowed) for n, organisation in pairs}


def nominees_of(application_id: uuid.UUID, actor: Actor | None = None) -> list[NomineeRow]:
    """The nominees of an application in order of priority, with names for an `actor` who may read them."""
    rows = db.session.execute(
        select(Nominee, Application.organisation_id).join(Application, Application.id == Nominee.application_id)
        .where(Nominee.application_id == application_id).order_by(Nominee.priority)
    ).all()
    return list(_many(rows, actor).values())


def nominee_counts(application_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, int]:
    """How many persons each application names; one that names nobody is left out."""
    rows = db.session.execute(
        select(Nominee.application_id, func.count().label("persons"))
        .where(Nominee.application_id.in_(set(application_ids))).group_by(Nominee.application_id)
    )
    return {row.application_id: row.persons for row in rows}


def ranked_slots(call_id: uuid.UUID) -> list[Slot]:
    """The seats of a call in the order in which they are to be given.

    States stand in the panel's order, or in that of the ranking before the panel has spoken; every State's first
    nominee comes before any State's second, up to the call's seats per State. Where the panel recommends fewer seats
    than a State has nominees, the further ones are for the reserve list. A fixed number of queries.
    """
    call = get(Call, call_id)
    advice: dict[uuid.UUID, tuple[Advice, int, str]] = {}
    if call.recommendation_round:
        rows = db.session.execute(
            select(Recommendation.application_id, Recommendation.outcome, Recommendation.seats, Recommendation.reason)
            .where(Recommendation.call_id == call_id, Recommendation.round == call.recommendation_round)
            .order_by(Recommendation.position)
        ).all()
        order = [row.application_id for row in rows]
        advice = {row.application_id: (row.outcome, row.seats, row.reason) for row in rows}
    else:
        order = list(db.session.scalars(
            select(Ranking.application_id)
            .where(Ranking.call_id == call_id, Ranking.round == call.ranking_round).order_by(Ranking.position)
        ))
    live = {
        row.id: row.organisation_id for row in db.session.execute(
            select(Application.id, Application.organisation_id)
            .where(Application.id.in_(order),
                   Application.state.not_in(("withdrawn", "cancelled", "ineligible", "returned", "submitted")))
        )
    }
    nominees: dict[uuid.UUID, list[uuid.UUID]] = {}
    for application_id, nominee_id in db.session.execute(
        select(Nominee.application_id, Nominee.id).where(Nominee.application_id.in_(list(live)))
        .order_by(Nominee.application_id, Nominee.priority)
    ):
        nominees.setdefault(application_id, []).append(nominee_id)
    slots: list[Slot] = []
    for seat in range(call.seats_per_state):
        for application_id in order:
            named = nominees.get(application_id, [])
            if application_id not in live or seat >= len(named):
                continue
            outcome, seats, reason = advice.get(application_id, ("reserve", 0, ""))
            if outcome == "recommend" and seat >= seats:
                outcome = "reserve"
            slots.append(Slot(application_id, live[application_id], named[seat], len(slots) + 1, outcome, reason))
    return slots
