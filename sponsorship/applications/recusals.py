"""Who sits on the panel of a call, and who takes no part where which State is considered.

The call's governance model says whose members sit: the secretariat with the Chair (the one panel member of a State who
is designated for the call, chairs.py), a steering committee of donors, or a committee elected by the States. In each,
the secretariat's own staff serve the panel and are not treated as the State whose nationality they may have: only a
role held in a State counts. A member is recused

- from the State in which the member holds any role, or from which the Chair comes (own_state), in every model;
- in a committee of donors, from the States for which the member's donor has earmarked money of the call's pools
  (agreement): the donor chose them once already;
- from any State in which the member declares an interest (declared).

Rows of `recusal` are written when the States are ranked, when a member declares, and before a member records advice.
The command refuses the recommendation of a recused member, and so does a trigger.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy import Select, or_, select

from accounts.models import Membership, Organisation
from accounts.permissions import require
from accounts.queries import facts_at, names, person_labels
from core import clock, events
from core.actor import Actor
from core.db import command, db, lock
from core.errors import NotAllowed, RuleBroken
from sponsorship.applications.chair_models import CallChair
from sponsorship.applications.models import Application, Call, CallPool, Ranking, Recommendation, Recusal
from sponsorship.applications.screening_service import facts_day
from sponsorship.contributions.models import Agreement, Pledge
from sponsorship.ledger.earmarks import EarmarkError, canonical
from sponsorship.ledger.queries import pools_by_ids

# whose members sit; the secretariat serves every panel, and whoever is designated Chair of a call sits on its panel
SEATS: dict[str, tuple[str, ...]] = {
    "secretariat_chair": ("secretariat",),
    "donor_committee": ("secretariat", "donor", "organisation", "state", "observer"),
    "elected_committee": ("secretariat", "state", "observer"),
}
# what recuses by rule, by model; an interest is declared in every one
RULES: dict[str, tuple[str, ...]] = {
    "secretariat_chair": ("own_state",),
    "donor_committee": ("own_state", "agreement"),
    "elected_committee": ("own_state",),
}
DECLARABLE = ("closed", "ranked", "recommended")


def on_today(*, at: datetime | None = None):  # type: ignore[no-untyped-def]
    day = (at or clock.now()).date()
    return (Membership.valid_from <= day, or_(Membership.valid_to.is_(None), Membership.valid_to > day))


def panel_places(person_ids: Iterable[uuid.UUID] | None = None) -> dict[uuid.UUID, dict[uuid.UUID, str]]:
    """Where panel members hold that role today: by person, the kind of each organisation. One query."""
    statement = (
        select(Membership.person_id, Organisation.id, Organisation.kind)
        .join(Organisation, Organisation.id == Membership.organisation_id)
        .where(Membership.role == "panel_member", *on_today())
    )
    if person_ids is not None:
        statement = statement.where(Membership.person_id.in_(set(person_ids)))
    found: dict[uuid.UUID, dict[uuid.UUID, str]] = {}
    for person_id, organisation_id, kind in db.session.execute(statement):
        found.setdefault(person_id, {})[organisation_id] = kind
    return found


def seats_of(actor: Actor) -> set[str]:
    """The kinds of organisation for which the person is panel member today. One query."""
    places = panel_places([actor.person_id] if actor.person_id else [])
    return {kind for held in places.values() for kind in held.values()}


def chairs_of(call_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, CallChair]:
    """Who is designated Chair, or in the Chair's place, by call. One query."""
    rows = db.session.scalars(
        select(CallChair).where(CallChair.call_id.in_(set(call_ids)), CallChair.ended_at.is_(None)))
    return {row.call_id: row for row in rows}


def has_seat(call_id: uuid.UUID, governance: str, actor: Actor) -> bool:
    """Whether an organisation for which the person is panel member sits under this governance model, or the person is
    the Chair of the call and a panel member still. Two queries."""
    kinds, chair = seats_of(actor), chairs_of([call_id]).get(call_id)
    return bool(kinds & set(SEATS[governance])) or (
        bool(kinds) and governance == "secretariat_chair" and chair is not None and chair.person_id == actor.person_id)


def seated_people(call: Call) -> set[uuid.UUID]:
    """Everybody who sits on the panel of a call today. Two queries."""
    places, chair = panel_places(), chairs_of([call.id]).get(call.id)
    found = {person for person, held in places.items() if set(held.values()) & set(SEATS[call.governance])}
    if chair is not None and call.governance == "secretariat_chair" and chair.person_id in places:
        found.add(chair.person_id)
    return found


def require_seat(call: Call, actor: Actor) -> None:
    """Raises NotAllowed for a panel member whose organisation has no seat under the call's governance model."""
    if not has_seat(call.id, call.governance, actor):
        raise NotAllowed(_("Under this call’s rules your organisation has no seat on the panel."),
                         code="panel.no_seat")


def note_by_rule(call: Call, person_ids: Sequence[uuid.UUID] | None = None) -> None:
    """Write down who is recused by rule from a State of the standing ranking (these persons; all members who sit).
    A fixed number of queries."""
    sitting = seated_people(call)
    places = {person: held for person, held in panel_places(person_ids).items() if person in sitting}
    states = set(db.session.scalars(
        select(Application.organisation_id).join(Ranking, Ranking.application_id == Application.id)
        .where(Ranking.call_id == call.id, Ranking.round == call.ranking_round)))
    if not places or not states:
        return
    wanted = {(person, state, "own_state") for person, state in _own(places, states)}
    chair = chairs_of([call.id]).get(call.id)
    if chair is not None and chair.person_id in places and chair.organisation_id in states:
        wanted.add((chair.person_id, chair.organisation_id, "own_state"))
    if "agreement" in RULES[call.governance]:
        wanted |= {(person, state, "agreement") for person, state in _earmarked(call, places, states)}
    known = {
        (row.person_id, row.organisation_id, row.cause) for row in db.session.execute(
            select(Recusal.person_id, Recusal.organisation_id, Recusal.cause).where(Recusal.call_id == call.id))
    }
    for person, state, cause in sorted(wanted - known, key=str):
        db.session.add(Recusal(call_id=call.id, person_id=person, organisation_id=state, cause=cause, at=clock.now()))
    db.session.flush()  # the trigger on advice looks for these rows


def _own(places: Iterable[uuid.UUID], states: set[uuid.UUID]) -> set[tuple[uuid.UUID, uuid.UUID]]:
    rows = db.session.execute(
        select(Membership.person_id, Membership.organisation_id)
        .where(Membership.person_id.in_(set(places)), Membership.organisation_id.in_(states), *on_today()).distinct())
    return {(row.person_id, row.organisation_id) for row in rows}


def _earmarked(
    call: Call, places: dict[uuid.UUID, dict[uuid.UUID, str]], states: set[uuid.UUID]
) -> set[tuple[uuid.UUID, uuid.UUID]]:
    """States that fit an earmark (of facts or region) under which a member's donor gave money to a pool of the call."""
    pool_ids = set(db.session.scalars(select(CallPool.pool_id).where(CallPool.call_id == call.id)))
    donors = {organisation for held in places.values() for organisation in held}
    given: dict[uuid.UUID, set[uuid.UUID]] = {}
    agreed = db.session.execute(
        select(Agreement.organisation_id, Agreement.pool_id)
        .where(Agreement.organisation_id.in_(donors), Agreement.pool_id.in_(pool_ids))).all()
    pledged = db.session.execute(
        select(Pledge.organisation_id, Pledge.pool_id)
        .where(Pledge.organisation_id.in_(donors), Pledge.pool_id.in_(pool_ids),
               Pledge.state.not_in(("cancelled", "written_off")))).all()
    for organisation_id, pool_id in [*agreed, *pledged]:
        assert organisation_id is not None and pool_id is not None  # both were asked for by value
        given.setdefault(organisation_id, set()).add(pool_id)
    if not given:
        return set()
    pools, facts = pools_by_ids(pool_ids), facts_at(states, facts_day(call))
    fitting = {pool_id: {s for s in states if _chosen(pool.earmark, facts[s])} for pool_id, pool in pools.items()}
    return {
        (person, state)
        for person, held in places.items() for organisation in held for pool_id in given.get(organisation, ())
        for state in fitting.get(pool_id, ())
    }


def _chosen(predicate: object, facts: frozenset[str]) -> bool:
    """Whether an earmark picks this State out: by a fact or a region (one for a meeting picks no State)."""
    try:
        earmark = canonical(predicate) or {}  # type: ignore[arg-type]
    except EarmarkError:
        return False
    asked = {c: set(earmark[c]) for c in ("facts", "group") if c in earmark}
    held = {"facts": set(facts), "group": {f.removeprefix("group:") for f in facts if f.startswith("group:")}}
    return bool(asked) and all(held[c] & values for c, values in asked.items())


@command
def declare(call_id: uuid.UUID, organisation_id: uuid.UUID, reason: str, actor: Actor) -> None:
    """A panel member declares an interest in a State that applies. It stands for the whole call; advice the member has
    recorded on that State must be recorded anew by another before the head decides.

    Raises NotAllowed, RuleBroken (`recusal.*`), NotFound.
    """
    require(actor, "panel.recommend")
    call = lock(Call, call_id)
    require_seat(call, actor)
    if call.state not in DECLARABLE:
        raise RuleBroken(_("An interest is declared after the call has closed and before the decision."),
                         code="recusal.not_now")
    if not reason.strip():
        raise RuleBroken(_("Write what the interest is."), code="recusal.reason", field="reason")
    applies = db.session.scalar(
        select(Application.id).where(Application.call_id == call_id, Application.organisation_id == organisation_id,
                                     Application.state.not_in(("draft", "withdrawn", "cancelled", "held_over"))))
    if applies is None:
        raise RuleBroken(_("Choose a State that applies under this call."), code="recusal.state", field="state")
    there = db.session.scalar(
        select(Recusal.id).where(Recusal.call_id == call_id, Recusal.person_id == actor.person_id,
                                 Recusal.organisation_id == organisation_id, Recusal.cause == "declared"))
    if there is not None:  # a double click
        return
    db.session.add(Recusal(call_id=call_id, person_id=actor.person_id, organisation_id=organisation_id,
                           cause="declared", reason=reason.strip(), at=clock.now()))
    call.version += 1
    events.record(actor, "applications.call.recuse", "call", call_id, data={"organisation_id": str(organisation_id)},
                  text=reason.strip())


def recused_from(call_id: uuid.UUID, person_id: uuid.UUID | None) -> set[uuid.UUID]:
    """The States from which a person is recused under a call. One query."""
    return set(db.session.scalars(
        select(Recusal.organisation_id).where(Recusal.call_id == call_id, Recusal.person_id == person_id)))


@dataclass(frozen=True)
class RecusalLine:
    """One recusal as pages show it."""

    person: str
    organisation_id: uuid.UUID
    state_name: str
    cause: str
    reason: str
    at: datetime


def recusals_of(call_id: uuid.UUID) -> list[RecusalLine]:
    """Every recusal under a call, by member and State. Three queries."""
    rows = db.session.scalars(select(Recusal).where(Recusal.call_id == call_id)).all()
    people, states = person_labels(r.person_id for r in rows), names({r.organisation_id for r in rows})
    lines = [
        RecusalLine(people.get(r.person_id, ""), r.organisation_id, states[r.organisation_id], r.cause, r.reason, r.at)
        for r in rows
    ]
    return sorted(lines, key=lambda line: (line.person.casefold(), line.state_name.casefold(), line.cause))


def _standing_by_recused() -> Select[uuid.UUID, str]:
    """Calls and applications whose standing advice was recorded by somebody recused since."""
    return (
        select(Call.id, Application.reference)
        .join(Recommendation, (Recommendation.call_id == Call.id)
              & (Recommendation.round == Call.recommendation_round))
        .join(Application, Application.id == Recommendation.application_id)
        .join(Recusal, (Recusal.call_id == Call.id) & (Recusal.person_id == Recommendation.by_person)
              & (Recusal.organisation_id == Application.organisation_id))
        .distinct()
    )


def tainted(call_id: uuid.UUID) -> list[str]:
    """References of a call's applications whose standing advice somebody recorded who is recused since. One query."""
    return sorted(reference for _call, reference in db.session.execute(
        _standing_by_recused().where(Call.id == call_id)))


def tainted_calls() -> set[uuid.UUID]:
    """Calls that wait for a decision and have such advice. One query."""
    return {call_id for call_id, _reference in db.session.execute(
        _standing_by_recused().where(Call.state == "recommended"))}
