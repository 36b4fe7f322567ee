"""Commands of the officers who screen: eligibility on facts dated at the closing day, and the ranking of States."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from flask_babel import gettext as _
from sqlalchemy import select

from accounts.permissions import require
from accounts.queries import Fact, dated_facts
from core import clock
from core.actor import Actor
from core.db import command, db, lock
from core.errors import NotFound, RuleBroken
from meetings.calendar.queries import meeting_by_id
from sponsorship.applications import doubles, letters
from sponsorship.applications.models import (
    CRITERIA,
    ELIGIBILITY,
    FACT_CRITERIA,
    Application,
    Call,
    Ranking,
    Screening,
)
from sponsorship.applications.ranking import Entry, rank
from sponsorship.applications.transitions import APPLICATION, CALL

INELIGIBLE_REASONS = ("incomplete", "not_nominated_by_state", "no_declaration", "outside_call")
FACTS_SOURCE = "dated facts about States"


@dataclass(frozen=True)
class Finding:
    """What was found on one criterion, why, and where it was read."""

    met: bool
    evidence: str = ""
    source: str = ""


def facts_day(call: Call) -> date:
    """The day whose facts count: that of the closing time, at the meeting's own place."""
    return call.closes_at.astimezone(ZoneInfo(meeting_by_id(call.meeting_id).timezone)).date()


def _screened(application_id: uuid.UUID, expected_version: int, actor: Actor) -> tuple[Call, Application]:
    require(actor, "application.screen")
    call_id = db.session.scalar(select(Application.call_id).where(Application.id == application_id))
    if call_id is None:
        raise NotFound()
    call = lock(Call, call_id)
    application = lock(Application, application_id, expected_version)
    if call.state not in ("open", "closed"):
        raise RuleBroken(_("Screening is over: the call has been ranked, suspended or ended."),
                         code="screening.over")
    return call, application


def _record(call: Call, application: Application, findings: Mapping[str, Finding], actor: Actor) -> None:
    """One more round of findings: the officer's own, and what the dated facts say on the closing day."""
    application.screening_round += 1
    day = facts_day(call)
    facts = {fact.code: fact for fact in dated_facts([application.organisation_id], day)[application.organisation_id]}
    rows = dict(findings)
    for criterion in FACT_CRITERIA:
        rows[criterion] = _from_fact(facts.get(criterion), day)
    for criterion, finding in rows.items():
        db.session.add(
            Screening(application_id=application.id, round=application.screening_round, criterion=criterion,
                      met=finding.met, evidence=finding.evidence, source=finding.source[:200],
                      by_person=actor.person_id, at=clock.now())
        )


def _from_fact(fact: Fact | None, day: date) -> Finding:
    if fact is None:
        return Finding(False, f"on {day.isoformat()}", FACTS_SOURCE)
    return Finding(True, f"since {fact.valid_from.isoformat()}, on {day.isoformat()}", fact.source)


def _check_findings(findings: Mapping[str, Finding]) -> None:
    wanted = set(ELIGIBILITY) | (set(CRITERIA) - set(FACT_CRITERIA))
    if set(findings) != wanted:
        raise RuleBroken(_("Answer every criterion."), code="screening.incomplete")
    for criterion, finding in findings.items():
        needs_evidence = not finding.met if criterion in ELIGIBILITY else finding.met
        if needs_evidence and not finding.evidence.strip():
            raise RuleBroken(_("Write the evidence for this finding."), code="screening.evidence",
                             field=f"{criterion}_evidence")


@command
def find_eligible(application_id: uuid.UUID, findings: Mapping[str, Finding], expected_version: int, actor: Actor
                  ) -> None:
    """Every test of eligibility is met. Raises NotFound, NotAllowed, Stale, IllegalMove, RuleBroken."""
    call, application = _screened(application_id, expected_version, actor)
    _check_findings(findings)
    failed = next((c for c in ELIGIBILITY if not findings[c].met), None)
    if failed:
        raise RuleBroken(_("One test is not met: return the application for completion, or find it not eligible."),
                         code="screening.not_met", field=f"{failed}_met")
    doubles.refuse_beside(application)
    _record(call, application, findings, actor)
    APPLICATION.apply(application, "find_eligible", actor, data={"round": application.screening_round})


@command
def find_ineligible(
    application_id: uuid.UUID, findings: Mapping[str, Finding], reason: str, expected_version: int, actor: Actor
) -> None:
    """Not eligible, for one of the approved reasons; the mission is told that reason and no more."""
    call, application = _screened(application_id, expected_version, actor)
    if reason not in INELIGIBLE_REASONS:
        raise RuleBroken(_("Choose the reason that the mission is given."), code="screening.reason", field="reason")
    _check_findings(findings)
    _record(call, application, findings, actor)
    application.ineligible_reason = reason
    APPLICATION.apply(application, "find_ineligible", actor, reason=reason,
                      data={"round": application.screening_round})
    letters.ineligible(application, call, reason)


@command
def return_for_completion(
    application_id: uuid.UUID, note: str, due_at: datetime, expected_version: int, actor: Actor
) -> None:
    """Back to the mission with what is missing and the day by which it is expected (an instant, UTC)."""
    call, application = _screened(application_id, expected_version, actor)
    if not note.strip():
        raise RuleBroken(_("Write what is missing: the mission reads these words."), code="screening.note",
                         field="note")
    if due_at <= clock.now():
        raise RuleBroken(_("Choose a day that lies ahead."), code="screening.due", field="due_on")
    meeting = meeting_by_id(call.meeting_id)
    if meeting.opens_at is not None and due_at >= meeting.opens_at:
        raise RuleBroken(_("Choose a day before the meeting opens."), code="screening.due", field="due_on")
    application.return_note, application.completion_due_at = note.strip(), due_at
    APPLICATION.apply(application, "return", actor, data={"due_at": due_at.isoformat()})
    letters.returned(application, call)


@command
def screen_again(application_id: uuid.UUID, reason: str, expected_version: int, actor: Actor) -> None:
    """Undo a finding that was a mistake, with the reason, while the call is not ranked."""
    _call, application = _screened(application_id, expected_version, actor)
    if not reason.strip():
        raise RuleBroken(_("Write why it is screened again."), code="screening.reason", field="reason")
    application.ineligible_reason = None
    APPLICATION.apply(application, "screen_again", actor, text=reason.strip())


@command
def rank_call(call_id: uuid.UUID, expected_version: int, actor: Actor) -> None:
    """Rank every eligible State by the call's rules and keep the result with all it follows from.

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
    at = clock.now()
    placed = rank(entries_of(call), call.criteria)
    db.session.add_all(
        Ranking(call_id=call_id, round=call.ranking_round, application_id=p.entry.application_id, position=p.position,
                criteria_values=p.entry.values, received_at=p.entry.received_at, decided_by=p.decided_by,
                ranked_by=actor.person_id, at=at)
        for p in placed
    )
    CALL.apply(call, "rank", actor, data={"round": call.ranking_round, "states": len(placed)})


def entries_of(call: Call, states: Sequence[str] = ("eligible",)) -> list[Entry]:
    """What the rules look at, from the latest round of screening. Three queries whatever the number."""
    rows = db.session.execute(
        select(Application.id, Application.reference, Application.received_at, Application.screening_round)
        .where(Application.call_id == call.id, Application.state.in_(states))
    ).all()
    rounds = {row.id: row.screening_round for row in rows}
    values: dict[uuid.UUID, dict[str, bool]] = {row.id: dict.fromkeys(call.criteria, False) for row in rows}
    for found in db.session.execute(
        select(Screening.application_id, Screening.round, Screening.criterion, Screening.met)
        .join(Application, Application.id == Screening.application_id)
        .where(Application.call_id == call.id, Screening.criterion.in_(call.criteria))
    ):
        if rounds.get(found.application_id) == found.round:
            values[found.application_id][found.criterion] = found.met
    return [Entry(row.id, row.reference, row.received_at, values[row.id]) for row in rows]


@command
def back_to_screening(call_id: uuid.UUID, reason: str, expected_version: int, actor: Actor) -> None:
    """Put a ranking aside, with the reason, so that a mistake in the screening can be put right."""
    call = lock(Call, call_id, expected_version)
    if not reason.strip():
        raise RuleBroken(_("Write why the ranking is put aside."), code="ranking.reason", field="reason")
    CALL.apply(call, "back_to_screening", actor, text=reason.strip())

