"""The ranking of States: made by the call's rules from what the screening found, kept with all it follows from."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from accounts.queries import dated_facts
from core import clock
from core.actor import Actor
from core.db import command, db, lock
from core.errors import RuleBroken
from sponsorship.applications import recusals
from sponsorship.applications.models import (
    EQUITY_CRITERIA,
    SCREENED_CRITERIA,
    Application,
    Call,
    Nominee,
    Ranking,
    Screening,
)
from sponsorship.applications.ranking import Earlier, Entry, rank
from sponsorship.applications.screening_service import facts_day
from sponsorship.applications.transitions import CALL


@command
def rank_call(call_id: uuid.UUID, expected_version: int, actor: Actor) -> None:
    """Rank every eligible State by the call's rules and keep the result with all it follows from; name the panel
    members who are recused from one of them.

    Raises RuleBroken (`ranking.unscreened`) while an application is still to be screened or completed, NotAllowed,
    Stale, IllegalMove.
    """
    call = lock(Call, call_id, expected_version)
    waiting = db.session.scalars(
        select(Application.reference)
        .where(Application.call_id == call_id, Application.state.in_(("submitted", "returned")))
        .order_by(Application.reference).limit(10)
    ).all()
    if waiting:
        raise RuleBroken(
            _("Still to be screened or completed: %(references)s.", references=", ".join(waiting)),
            code="ranking.unscreened")
    call.ranking_round += 1
    call.panel_round_open = None
    at = clock.now()
    call.equity_counted = _counted(call)
    placed = rank(entries_of(call), call.criteria, call.ranking_method, call.weights, earlier_of(call))
    db.session.add_all(
        Ranking(call_id=call_id, round=call.ranking_round, application_id=p.entry.application_id, position=p.position,
                criteria_values=p.entry.values, received_at=p.entry.received_at, decided_by=p.decided_by,
                ranked_by=actor.person_id, at=at, region=p.entry.region, sex=p.entry.sex, places=p.places,
                points=p.points, compared=p.compared)
        for p in placed
    )
    CALL.apply(call, "rank", actor, data={"round": call.ranking_round, "states": len(placed)})
    recusals.note_by_rule(call)


def _counted(call: Call) -> dict[str, Any] | None:
    """What the rules of equity count beside this ranking: the States selected under as many earlier calls as the call
    says, the latest first, by the regional group and sex with which they were ranked. Two queries."""
    if not call.equity_calls or not set(call.criteria) & set(EQUITY_CRITERIA):
        return None
    calls = db.session.execute(
        select(Call.id, Call.reference)
        .where(Call.state == "decided", Call.is_demo == call.is_demo, Call.closes_at < call.closes_at,
               Call.id != call.id)
        .order_by(Call.closes_at.desc(), Call.id).limit(call.equity_calls)).all()
    rows = db.session.execute(
        select(Ranking.region, Ranking.sex)
        .join(Call, (Call.id == Ranking.call_id) & (Call.ranking_round == Ranking.round))
        .join(Application, Application.id == Ranking.application_id)
        .where(Ranking.call_id.in_([row.id for row in calls]), Application.state == "selected")).all()
    return {"calls": [row.reference for row in calls], "regions": dict(Counter(row.region for row in rows)),
            "sexes": dict(Counter(row.sex for row in rows))}


def earlier_of(call: Call) -> Earlier | None:
    """The places of earlier calls that the standing ranking began at; None where it began at none."""
    counted = call.equity_counted
    return Earlier(counted["regions"], counted["sexes"]) if counted else None


def entries_of(call: Call, states: Sequence[str] = ("eligible",)) -> list[Entry]:
    """What the rules look at: the latest round of screening, the regional group on the closing day, the sex of the
    State's first nominee; of these two what an officer found otherwise. Five queries whatever the number."""
    rows = db.session.execute(
        select(Application.id, Application.reference, Application.received_at, Application.screening_round,
               Application.organisation_id, Nominee.sex)
        .outerjoin(Nominee, (Nominee.application_id == Application.id) & (Nominee.priority == 1))
        .where(Application.call_id == call.id, Application.state.in_(states))
    ).all()
    rounds = {row.id: row.screening_round for row in rows}
    asked = [c for c in call.criteria if c in SCREENED_CRITERIA]
    values: dict[uuid.UUID, dict[str, bool]] = {row.id: dict.fromkeys(asked, False) for row in rows}
    corrected: dict[tuple[uuid.UUID, str], str] = {}
    for found in db.session.execute(
        select(Screening.application_id, Screening.round, Screening.criterion, Screening.met, Screening.value)
        .join(Application, Application.id == Screening.application_id)
        .where(Application.call_id == call.id, Screening.criterion.in_((*asked, *EQUITY_CRITERIA)))
    ):
        if rounds.get(found.application_id) != found.round:
            continue
        if found.value is not None:
            corrected[found.application_id, found.criterion] = found.value
        elif found.criterion in asked:
            values[found.application_id][found.criterion] = found.met
    facts = dated_facts({row.organisation_id for row in rows}, facts_day(call))
    regions = {
        key: next((fact.code.removeprefix("group:") for fact in found if fact.code.startswith("group:")), "")
        for key, found in facts.items()
    }
    return [
        Entry(row.id, row.reference, row.received_at, values[row.id],
              corrected.get((row.id, "equity_region"), regions[row.organisation_id]),
              corrected.get((row.id, "equity_sex"), row.sex or ""))
        for row in rows
    ]


@command
def back_to_screening(call_id: uuid.UUID, reason: str, expected_version: int, actor: Actor) -> None:
    """Put a ranking aside, with the reason, so that a mistake in the screening can be put right."""
    call = lock(Call, call_id, expected_version)
    if not reason.strip():
        raise RuleBroken(_("Write why the ranking is put aside."), code="ranking.reason", field="reason")
    call.panel_round_open = None
    CALL.apply(call, "back_to_screening", actor, text=reason.strip())
