"""The panel's recommendation: one piece of advice for every ranked State, with a reason where it departs."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask_babel import gettext as _
from sqlalchemy import func, select

from core import clock
from core.actor import Actor
from core.db import command, db, lock
from core.errors import RuleBroken
from sponsorship.applications.models import OUTCOMES, Application, Call, Ranking, Recommendation
from sponsorship.applications.queries import nominee_counts
from sponsorship.applications.transitions import APPLICATION, CALL

_MOVES = {"recommend": "recommend", "reserve": "reserve", "not": "not_recommend"}
_TARGETS = {"recommend": "recommended", "reserve": "reserve", "not": "not_recommended"}
_WORTH = {"recommend": 2, "reserve": 1, "not": 0}


@dataclass(frozen=True)
class Advice:
    """What the panel says of one application. `position` is its place in the panel's order (1 first), `seats` how
    many of its nominees are recommended (0 unless the outcome is `recommend`)."""

    application_id: uuid.UUID
    outcome: str
    position: int
    seats: int
    reason: str = ""


def departures(advice: Sequence[Advice], ranked: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """The applications whose advice departs from the ranking and therefore needs a reason.

    An application departs when it is not recommended at all, when a State ranked behind it is treated better, or when
    its place among the others is not the one the ranking gives it.
    """
    by_id = {a.application_id: a for a in advice}
    departing: set[uuid.UUID] = set()
    best_behind = -1
    for application_id in reversed(ranked):
        worth = _WORTH[by_id[application_id].outcome]
        if worth < best_behind or by_id[application_id].outcome == "not":
            departing.add(application_id)
        best_behind = max(best_behind, worth)
    order = [a.application_id for a in sorted(advice, key=lambda a: a.position)]
    departing |= {a for n, a in enumerate(order) if ranked[n] != a}
    return departing


class AdviceRefused(RuleBroken):
    """The advice cannot stand as it is. `problems` are all of them: ("<application id>-<part>", what to do)."""

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        super().__init__(problems[0][1], code="panel.advice", field=problems[0][0])
        self.problems = problems


def check_advice(
    advice: Sequence[Advice], ranked: Sequence[uuid.UUID], seats_most: int, nominees: Mapping[uuid.UUID, int]
) -> None:
    """Raises AdviceRefused with everything that is wrong, RuleBroken when it is about other applications."""
    if {a.application_id for a in advice} != set(ranked) or len(advice) != len(ranked):
        raise RuleBroken(_("The list of applications has changed. Open the page again."), code="panel.other_list")
    problems: list[tuple[str, str]] = []
    places = Counter(a.position for a in advice)
    for a in advice:
        most = min(seats_most, nominees.get(a.application_id, 0))
        if a.outcome not in OUTCOMES:
            problems.append((f"{a.application_id}-outcome", _("Choose what the panel recommends.")))
        elif a.outcome == "recommend" and not 1 <= a.seats <= most:
            problems.append((f"{a.application_id}-seats", _("Recommend between 1 and %(most)s seats.", most=most)))
        if places[a.position] > 1 or not 1 <= a.position <= len(advice):
            problems.append((f"{a.application_id}-position",
                             _("Number the places from 1 to %(last)s, each once.", last=len(advice))))
    if not problems:
        needing = departures(advice, ranked)
        problems = [(f"{a.application_id}-reason", _("Write why this departs from the ranking."))
                    for a in advice if a.application_id in needing and not a.reason.strip()]
    if problems:
        raise AdviceRefused(problems)


def ranked_ids(call: Call) -> list[uuid.UUID]:
    """The applications of the ranking that stands, in its order, without those withdrawn since."""
    return list(db.session.scalars(
        select(Ranking.application_id).join(Application, Application.id == Ranking.application_id)
        .where(Ranking.call_id == call.id, Ranking.round == call.ranking_round, Application.state.in_(
            ("eligible", "recommended", "reserve", "not_recommended")))
        .order_by(Ranking.position)
    ))


@command
def recommend(call_id: uuid.UUID, advice: Sequence[Advice], expected_version: int, actor: Actor) -> None:
    """Record the panel's recommendation on every ranked application at once; a new one replaces the last until the
    head of the fund decides. Raises RuleBroken, NotAllowed, Stale, IllegalMove."""
    call = lock(Call, call_id, expected_version)
    CALL.move(call.state, "recommend")
    ranked = ranked_ids(call)
    check_advice(advice, ranked, call.seats_per_state, nominee_counts(ranked))
    # numbered on, never reused: a resumed call forgets its recommendation but the rows of the old one stay
    call.recommendation_round = 1 + (db.session.scalar(
        select(func.max(Recommendation.round)).where(Recommendation.call_id == call_id)) or 0)
    at = clock.now()
    for a in sorted(advice, key=lambda a: a.application_id):
        application = lock(Application, a.application_id)
        db.session.add(
            Recommendation(call_id=call_id, round=call.recommendation_round, application_id=a.application_id,
                           outcome=a.outcome, position=a.position, seats=a.seats if a.outcome == "recommend" else 0,
                           reason=a.reason.strip(), by_person=actor.person_id, at=at)
        )
        if application.state != _TARGETS[a.outcome]:
            APPLICATION.apply(application, _MOVES[a.outcome], actor, organisation_id=application.organisation_id,
                              data={"round": call.recommendation_round})
    CALL.apply(call, "recommend", actor, data={"round": call.recommendation_round, "states": len(ranked)})
