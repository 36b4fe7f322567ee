"""The ranking of States: made by the call's rules from what the screening found, kept with all it follows from."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from flask_babel import gettext as _
from sqlalchemy import select

from accounts.queries import dated_facts
from core import clock
from core.actor import Actor
from core.db import command, db, lock
from core.errors import RuleBroken
from sponsorship.applications import recusals
from sponsorship.applications.models import SCREENED_CRITERIA, Application, Call, Nominee, Ranking, Screening
from sponsorship.applications.ranking import Entry, rank
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
    placed = rank(entries_of(call), call.criteria, call.ranking_method, call.weights)
    db.session.add_all(
        Ranking(call_id=call_id, round=call.ranking_round, application_id=p.entry.application_id, position=p.position,
                criteria_values=p.entry.values, received_at=p.entry.received_at, decided_by=p.decided_by,
                ranked_by=actor.person_id, at=at, region=p.entry.region, sex=p.entry.sex, places=p.places,
                points=p.points, compared=p.compared)
        for p in placed
    )
    CALL.apply(call, "rank", actor, data={"round": call.ranking_round, "states": len(placed)})
    recusals.note_by_rule(call)


def entries_of(call: Call, states: Sequence[str] = ("eligible",)) -> list[Entry]:
    """What the rules look at: the latest round of screening, the regional group on the closing day, the sex of the
    State's first nominee. Five queries whatever the number."""
    rows = db.session.execute(
        select(Application.id, Application.reference, Application.received_at, Application.screening_round,
               Application.organisation_id, Nominee.sex)
        .outerjoin(Nominee, (Nominee.application_id == Application.id) & (Nominee.priority == 1))
        .where(Application.call_id == call.id, Application.state.in_(states))
    ).all()
    rounds = {row.id: row.screening_round for row in rows}
    asked = [c for c in call.criteria if c in SCREENED_CRITERIA]
    values: dict[uuid.UUID, dict[str, bool]] = {row.id: dict.fromkeys(asked, False) for row in rows}
    for found in db.session.execute(
        select(Screening.application_id, Screening.round, Screening.criterion, Screening.met)
        .join(Application, Application.id == Screening.application_id)
        .where(Application.call_id == call.id, Screening.criterion.in_(asked))
    ):
        if rounds.get(found.application_id) == found.round:
            values[found.application_id][found.criterion] = found.met
    facts = dated_facts({row.organisation_id for row in rows}, facts_day(call))
    regions = {
        key: next((fact.code.removeprefix("group:") for fact in found if fact.code.startswith("group:")), "")
        for key, found in facts.items()
    }
    return [Entry(row.id, row.reference, row.received_at, values[row.id], regions[row.organisation_id], row.sex or "")
            for row in rows]


@command
def back_to_screening(call_id: uuid.UUID, reason: str, expected_version: int, actor: Actor) -> None:
    """Put a ranking aside, with the reason, so that a mistake in the screening can be put right."""
    call = lock(Call, call_id, expected_version)
    if not reason.strip():
        raise RuleBroken(_("Write why the ranking is put aside."), code="ranking.reason", field="reason")
    call.panel_round_open = None
    CALL.apply(call, "back_to_screening", actor, text=reason.strip())
