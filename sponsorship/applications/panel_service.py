"""The panel's recommendation: one piece of advice for every ranked State, with a reason where it departs, recorded by a
member who is not recused from that State (recusals.py)."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from flask_babel import gettext as _
from sqlalchemy import func, select

from accounts.permissions import require
from core import clock, events
from core.actor import Actor
from core.db import command, db, lock
from core.errors import RuleBroken
from sponsorship.applications import recusals
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
    advice: Sequence[Advice], ranked: Sequence[uuid.UUID], seats_most: int, nominees: Mapping[uuid.UUID, int], *,
    mine: Collection[uuid.UUID] | None = None, places: int | None = None, kept: Collection[int] = (),
    exact: Mapping[uuid.UUID, int] | None = None,
) -> None:
    """Raises AdviceRefused with everything that is wrong, RuleBroken when it is about other applications.

    `mine` are the applications whose lines can still be changed (all of them), `places` how many there are, `kept` the
    places that belong to States others advise on, `exact` the places that these lines must have.
    """
    if {a.application_id for a in advice} != set(ranked) or len(advice) != len(ranked):
        raise RuleBroken(_("The list of applications has changed. Open the page again."), code="panel.other_list")
    own = set(ranked) if mine is None else set(mine)
    last, problems = places or len(advice), []
    taken = Counter(a.position for a in advice)
    for a in (a for a in advice if a.application_id in own):
        most = min(seats_most, nominees.get(a.application_id, 0))
        if a.outcome not in OUTCOMES:
            problems.append((f"{a.application_id}-outcome", _("Choose what the panel recommends.")))
        elif a.outcome == "recommend" and not 1 <= a.seats <= most:
            problems.append((f"{a.application_id}-seats", _("Recommend between 1 and %(most)s seats.", most=most)))
        if a.position in kept:
            problems.append((f"{a.application_id}-position",
                             _("This place belongs to a State on which another member advises. Choose another.")))
        elif exact and exact.get(a.application_id, a.position) != a.position:
            problems.append((f"{a.application_id}-position",
                             _("This State keeps place %(place)s of the ranking.", place=exact[a.application_id])))
        elif taken[a.position] > 1 or not 1 <= a.position <= last:
            problems.append((f"{a.application_id}-position",
                             _("Number the places from 1 to %(last)s, each once.", last=last)))
    if not problems:
        problems = _unexplained(advice, ranked, own)
    if problems:
        raise AdviceRefused(problems)


def _unexplained(advice: Sequence[Advice], ranked: Sequence[uuid.UUID], own: Collection[uuid.UUID]
                 ) -> list[tuple[str, str]]:
    """Departures without a reason. Where a State whose line stands already is passed over, whoever passes over it says
    why: the line of the first State that is treated better."""
    by_id = {a.application_id: a for a in advice}
    problems: list[tuple[str, str]] = []
    for application_id in ranked:
        if application_id not in departures(advice, ranked) or by_id[application_id].reason.strip():
            continue
        if application_id in own:
            problems.append((f"{application_id}-reason", _("Write why this departs from the ranking.")))
            continue
        worth = _WORTH[by_id[application_id].outcome]
        behind = ranked[ranked.index(application_id) + 1:]
        better = next((b for b in behind if b in own and _WORTH[by_id[b].outcome] > worth
                       and not by_id[b].reason.strip()), None)
        if better is not None:
            problems.append((f"{better}-reason",
                             _("This passes over a State that the ranking puts before it. Write why.")))
    return problems


def ranked_ids(call: Call) -> list[uuid.UUID]:
    """The applications of the ranking that stands, in its order, without those withdrawn since."""
    return list(db.session.scalars(
        select(Ranking.application_id).join(Application, Application.id == Ranking.application_id)
        .where(Ranking.call_id == call.id, Ranking.round == call.ranking_round, Application.state.in_(
            ("eligible", "recommended", "reserve", "not_recommended")))
        .order_by(Ranking.position)
    ))


def fixed_places(ranked: Sequence[uuid.UUID], states: Mapping[uuid.UUID, uuid.UUID], recused: Collection[uuid.UUID]
                 ) -> dict[uuid.UUID, int]:
    """Applications of States from which the member is recused: they stand where the ranking puts them, for the member
    can neither move them nor take their place."""
    return {a: n for n, a in enumerate(ranked, 1) if states[a] in recused}


@dataclass(frozen=True)
class Standing:
    """A round that is being recorded: the lines there are, those still to be recorded and where they stand."""

    round: int | None
    lines: dict[uuid.UUID, Recommendation]
    waiting: dict[uuid.UUID, int]


def open_round(call: Call, ranked: Sequence[uuid.UUID]) -> Standing:
    """What another member has recorded of a round that is not complete, and the places left. One query."""
    if call.panel_round_open is None:
        return Standing(None, {}, {})
    lines = {
        row.application_id: row for row in db.session.scalars(
            select(Recommendation).where(Recommendation.call_id == call.id,
                                         Recommendation.round == call.panel_round_open))
    }
    if set(lines) - set(ranked):  # a State withdrew meanwhile, so the places have moved: begin anew
        return Standing(None, {}, {})
    return Standing(call.panel_round_open, lines, {a: n for n, a in enumerate(ranked, 1) if a not in lines})


@command
def recommend(call_id: uuid.UUID, advice: Sequence[Advice], expected_version: int, actor: Actor) -> None:
    """Record the panel's recommendation; a new one replaces the last until the head of the fund decides.

    `advice` is on every ranked State but those from which the member is recused: these keep their place in the
    ranking, and the round stays open until a member who is not recused has recorded them too. Only a complete round
    counts. Raises RuleBroken, AdviceRefused, NotAllowed, Stale, IllegalMove.
    """
    call = lock(Call, call_id, expected_version)
    CALL.move(call.state, "recommend")
    require(actor, "panel.recommend")
    recusals.require_seat(call, actor)
    if actor.person_id is not None:
        recusals.note_by_rule(call, [actor.person_id])
    ranked = ranked_ids(call)
    states = _states(ranked)
    standing = open_round(call, ranked)
    fixed = fixed_places(ranked, states, recusals.recused_from(call_id, actor.person_id))
    mine = [a for a in (standing.waiting or ranked) if a not in fixed]
    _check_round(call, advice, ranked, mine, standing, fixed)
    if standing.round is None:
        # numbered on, never reused: a resumed call forgets its recommendation but the rows of the old one stay
        call.panel_round_open = 1 + (db.session.scalar(
            select(func.max(Recommendation.round)).where(Recommendation.call_id == call_id)) or 0)
    assert call.panel_round_open is not None
    _add(call, call.panel_round_open, advice, actor)
    if len(standing.lines) + len(advice) < len(ranked):
        call.version += 1
        events.record(actor, "applications.call.recommend_part", "call", call_id,
                      data={"round": call.panel_round_open, "states": len(advice),
                            "left": len(ranked) - len(standing.lines) - len(advice)})
        return
    _complete(call, actor)


def _states(ranked: Sequence[uuid.UUID]) -> dict[uuid.UUID, uuid.UUID]:
    rows = db.session.execute(
        select(Application.id, Application.organisation_id).where(Application.id.in_(list(ranked))))
    return {row.id: row.organisation_id for row in rows}


def _check_round(
    call: Call, advice: Sequence[Advice], ranked: Sequence[uuid.UUID], mine: Sequence[uuid.UUID], standing: Standing,
    fixed: Mapping[uuid.UUID, int],
) -> None:
    """The member records exactly what is theirs to record, and the whole is sound as far as it is known."""
    given = {a.application_id for a in advice}
    if given & set(fixed):
        raise RuleBroken(_("You are recused from one of these States. Another member records the recommendation on "
                           "it."), code="panel.recused")
    if ranked and not mine:
        raise RuleBroken(_("You are recused from every State that is still open. Another member records them."),
                         code="panel.recused")
    if given != set(mine) or len(advice) != len(mine):
        raise RuleBroken(_("The list of applications has changed. Open the page again."), code="panel.other_list")
    places = standing.waiting or {}
    whole = [
        *advice,
        *(Advice(r.application_id, r.outcome, r.position, r.seats, r.reason) for r in standing.lines.values()),
    ]
    check_advice(whole, [a for a in ranked if a in {w.application_id for w in whole}], call.seats_per_state,
                 nominee_counts(ranked), mine=set(mine), places=len(ranked),
                 kept={n for a, n in fixed.items() if a not in standing.lines} if not places else
                 {n for a, n in places.items() if a not in given},
                 exact={a: n for a, n in places.items() if a in given})


def _add(call: Call, round: int, advice: Sequence[Advice], actor: Actor) -> None:
    at = clock.now()
    for a in sorted(advice, key=lambda a: a.application_id):
        db.session.add(
            Recommendation(call_id=call.id, round=round, application_id=a.application_id,
                           outcome=a.outcome, position=a.position, seats=a.seats if a.outcome == "recommend" else 0,
                           reason=a.reason.strip(), by_person=actor.person_id, at=at)
        )
    db.session.flush()  # the trigger looks at each line now, before anything moves


def _complete(call: Call, actor: Actor) -> None:
    """Every State has its advice: it counts from now on."""
    assert call.panel_round_open is not None
    call.recommendation_round, call.panel_round_open = call.panel_round_open, None
    lines = db.session.execute(
        select(Recommendation.application_id, Recommendation.outcome)
        .where(Recommendation.call_id == call.id, Recommendation.round == call.recommendation_round)
        .order_by(Recommendation.application_id)
    ).all()
    for application_id, outcome in lines:
        application = lock(Application, application_id)
        if application.state != _TARGETS[outcome]:
            APPLICATION.apply(application, _MOVES[outcome], actor, organisation_id=application.organisation_id,
                              data={"round": call.recommendation_round})
    CALL.apply(call, "recommend", actor, data={"round": call.recommendation_round, "states": len(lines)})


@command
def begin_again(call_id: uuid.UUID, expected_version: int, actor: Actor) -> None:
    """Put aside what has been recorded of a round that is not complete; the rows stay in the history.

    Raises NotAllowed, Stale, RuleBroken (`panel.nothing_open`).
    """
    require(actor, "panel.recommend")
    call = lock(Call, call_id, expected_version)
    recusals.require_seat(call, actor)
    if call.panel_round_open is None:
        raise RuleBroken(_("Nothing is half recorded."), code="panel.nothing_open")
    round, call.panel_round_open = call.panel_round_open, None
    call.version += 1
    events.record(actor, "applications.call.recommend_anew", "call", call_id, data={"round": round})
