"""What must always be true in this room; `flask verify` and a job prove it."""

from __future__ import annotations

import uuid

from sqlalchemy import func, select

from core.db import db
from core.verify import check
from sponsorship.applications.models import Application, Call, Nominee, Ranking, Recommendation, Recusal
from sponsorship.applications.ranking import Entry, rank
from sponsorship.applications.ranking_service import earlier_of

_UNDECIDED = ("submitted", "returned", "eligible", "recommended", "reserve", "not_recommended")


@check("applications.nominees")
def _nominees() -> tuple[int, list[str]]:
    """What has been sent names at least one person, and places run from 1 without gaps."""
    rows = db.session.execute(
        select(Application.id, Application.state, func.count(Nominee.id), func.max(Nominee.priority))
        .outerjoin(Nominee, Nominee.application_id == Application.id)
        .where(Application.state.not_in(("draft", "withdrawn", "cancelled")))
        .group_by(Application.id, Application.state)
    ).all()
    faults = [f"application {id} names nobody" for id, _s, count, _last in rows if not count]
    faults += [f"application {id} has a gap in its order" for id, _s, count, last in rows if count and count != last]
    return len(rows), faults


@check("applications.states")
def _states() -> tuple[int, list[str]]:
    """Applications stand where their call can have brought them."""
    rows = db.session.execute(
        select(Application.id, Application.state, Call.state.label("call"))
        .join(Call, Call.id == Application.call_id)
    ).all()
    faults = []
    for row in rows:
        if row.call == "decided" and row.state in _UNDECIDED:
            faults.append(f"application {row.id} is undecided under a decided call")
        if row.call == "cancelled" and row.state in ("draft", *_UNDECIDED):
            faults.append(f"application {row.id} lives on under a cancelled call")
        if row.call in ("draft", "scheduled"):
            faults.append(f"application {row.id} came before its call opened")
        if row.call != "decided" and row.state in ("selected", "reserve_list", "not_selected"):
            faults.append(f"application {row.id} is decided before its call")
    return len(rows), faults


@check("applications.rankings")
def _rankings() -> tuple[int, list[str]]:
    """Every ranking that stands follows from the values kept beside it."""
    checked, faults = 0, []
    for call in db.session.scalars(select(Call).where(Call.ranking_round > 0)):
        rows = db.session.execute(
            select(Ranking, Application.reference).join(Application, Application.id == Ranking.application_id)
            .where(Ranking.call_id == call.id, Ranking.round == call.ranking_round).order_by(Ranking.position)
        ).all()
        entries = [Entry(r.application_id, reference, r.received_at, r.criteria_values, r.region, r.sex)
                   for r, reference in rows]
        expected = [(p.entry.application_id, p.points) for p in
                    rank(entries, call.criteria, call.ranking_method, call.weights, earlier_of(call))]
        if expected != [(r.application_id, r.points) for r, _reference in rows]:
            faults.append(f"ranking of call {call.id} does not follow from its values")
        checked += len(rows)
    return checked, faults


@check("applications.recommendations")
def _recommendations() -> tuple[int, list[str]]:
    """A recommendation covers ranked applications only, and every decided call has one."""
    stray: list[uuid.UUID] = list(db.session.scalars(
        select(Recommendation.application_id)
        .outerjoin(Ranking, (Ranking.application_id == Recommendation.application_id)
                   & (Ranking.call_id == Recommendation.call_id))
        .where(Ranking.id.is_(None))
    ))
    bare = list(db.session.scalars(
        select(Call.id).where(Call.state.in_(("recommended", "decided")), Call.recommendation_round == 0)
    ))
    recused = list(db.session.scalars(
        select(Recommendation.application_id)
        .join(Application, Application.id == Recommendation.application_id)
        .join(Recusal, (Recusal.call_id == Recommendation.call_id) & (Recusal.person_id == Recommendation.by_person)
              & (Recusal.organisation_id == Application.organisation_id))
        .where(Recusal.at < Recommendation.at)))
    checked = db.session.scalar(select(func.count()).select_from(Recommendation)) or 0
    return checked, [f"application {a} is recommended without a rank" for a in stray] + [
        f"call {c} has no recommendation" for c in bare] + [
        f"advice on application {a} was recorded by a member recused from it" for a in recused]
