"""Commands of the officers who screen: eligibility on facts dated at the closing day, each with evidence and source.
(The ranking that follows from them is made in ranking_service.py.)"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from flask_babel import gettext as _
from sqlalchemy import select

from accounts.permissions import require
from accounts.queries import Fact, dated_facts
from core import clock, events
from core.actor import Actor
from core.db import command, db, lock
from core.errors import NotFound, RuleBroken
from core.web.formats import format_day
from meetings.calendar.queries import meeting_by_id
from sponsorship.applications import doubles, letters
from sponsorship.applications.models import (
    DECLARED_CRITERIA,
    ELIGIBILITY,
    FACT_CRITERIA,
    SCREENED_CRITERIA,
    Application,
    Call,
    Nominee,
    Screening,
)
from sponsorship.applications.transitions import APPLICATION
from sponsorship.ledger.earmarks import GROUPS

INELIGIBLE_REASONS = ("incomplete", "not_nominated_by_state", "no_declaration", "outside_call")
FACTS_SOURCE = "dated facts about States"


@dataclass(frozen=True)
class Finding:
    """What was found on one criterion, why, and where it was read. For a criterion that the dated facts about States
    answer (`FACT_CRITERIA`), a finding is an override: `evidence` is the reason for it."""

    met: bool
    evidence: str = ""
    source: str = ""


@dataclass(frozen=True)
class Correction:
    """A regional group or a sex found otherwise than recorded, for the rules of equity (`EQUITY_CRITERIA`): what it is,
    the day and name of the paper that shows it, and why the record is not taken."""

    value: str
    day: date | None
    source: str
    reason: str


CORRECTED: dict[str, tuple[str, ...]] = {"equity_region": GROUPS, "equity_sex": ("female", "male")}


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
    for criterion in FACT_CRITERIA:
        _add(application, criterion, _from_fact(facts.get(criterion), day), findings.get(criterion), day, actor)
    for criterion, finding in findings.items():
        if criterion not in FACT_CRITERIA:
            _add(application, criterion, finding, None, day, actor)


def _add(application: Application, criterion: str, finding: Finding, override: Finding | None, day: date, actor: Actor
         ) -> None:
    overridden = override is not None and override.met != finding.met
    stands = override if override is not None and overridden else finding
    db.session.add(Screening(
        application_id=application.id, round=application.screening_round, criterion=criterion, met=stands.met,
        evidence=finding.evidence, source=(stands.source or finding.source)[:200], by_person=actor.person_id,
        at=clock.now(), as_of=day, fact_met=finding.met if criterion in FACT_CRITERIA else None,
        override_reason=stands.evidence.strip() if overridden else ""))
    if overridden:
        events.record(actor, "applications.application.override", "application", application.id, reason=criterion,
                      data={"round": application.screening_round, "fact": finding.met, "found": stands.met},
                      text=stands.evidence.strip())


def _from_fact(fact: Fact | None, day: date) -> Finding:
    if fact is None:
        return Finding(False, _("Not on the list on that day"), FACTS_SOURCE)
    return Finding(True, _("On the list since %(since)s", since=format_day(fact.valid_from)), fact.source)


def _check_findings(findings: Mapping[str, Finding], call: Call) -> None:
    """Every test of eligibility and what States declare is answered; most affected only where the call asks for it."""
    asked = {c for c in DECLARED_CRITERIA if c != "most_affected" or c in call.criteria}
    if not set(ELIGIBILITY) | asked <= set(findings) or not set(findings) <= set(ELIGIBILITY) | set(SCREENED_CRITERIA):
        raise RuleBroken(_("Answer every criterion."), code="screening.incomplete")
    for criterion, finding in findings.items():
        if criterion in FACT_CRITERIA:
            if not finding.evidence.strip():
                raise RuleBroken(_("Write why this is found otherwise than the dated facts say."),
                                 code="screening.override", field=f"{criterion}_evidence")
            continue
        needs_evidence = not finding.met if criterion in ELIGIBILITY else finding.met
        if needs_evidence and not finding.evidence.strip():
            raise RuleBroken(_("Write the evidence for this finding."), code="screening.evidence",
                             field=f"{criterion}_evidence")


def _check_corrections(corrections: Mapping[str, Correction], call: Call) -> None:
    day = facts_day(call)
    for criterion, found in corrections.items():
        if criterion not in CORRECTED or criterion not in call.criteria:
            raise RuleBroken(_("The rules of this call do not count this."), code="screening.correction")
        if found.value not in CORRECTED[criterion]:
            raise RuleBroken(_("Choose one of the answers offered."), code="screening.correction",
                             field=f"{criterion}_value")
        if found.day is None or found.day > day:
            raise RuleBroken(_("Write the day of the evidence, not after the closing day (%(day)s).",
                               day=format_day(day)), code="screening.correction_day", field=f"{criterion}_day")
        for part, words in (("source", found.source), ("reason", found.reason)):
            if not words.strip():
                raise RuleBroken(_("Write where it was read.") if part == "source" else
                                 _("Write why this is found otherwise than recorded."),
                                 code="screening.correction", field=f"{criterion}_{part}")


def _record_corrections(application: Application, call: Call, corrections: Mapping[str, Correction], actor: Actor
                        ) -> None:
    day = facts_day(call)
    facts = dated_facts([application.organisation_id], day)[application.organisation_id]
    recorded = {
        "equity_region": next((f.code.removeprefix("group:") for f in facts if f.code.startswith("group:")), ""),
        "equity_sex": db.session.scalar(select(Nominee.sex).where(
            Nominee.application_id == application.id, Nominee.priority == 1)) or "",
    }
    for criterion, found in corrections.items():
        if found.value == recorded[criterion]:
            raise RuleBroken(_("This is what is recorded already. Leave it as listed."), code="screening.correction",
                             field=f"{criterion}_value")
        db.session.add(Screening(
            application_id=application.id, round=application.screening_round, criterion=criterion, met=True,
            evidence=_("Recorded: %(value)s", value=recorded[criterion] or "–"), source=found.source.strip()[:200],
            by_person=actor.person_id, at=clock.now(), as_of=found.day, value=found.value,
            override_reason=found.reason.strip()))
        events.record(actor, "applications.application.override", "application", application.id, reason=criterion,
                      data={"round": application.screening_round, "fact": recorded[criterion], "found": found.value},
                      text=found.reason.strip())


@command
def find_eligible(application_id: uuid.UUID, findings: Mapping[str, Finding], expected_version: int, actor: Actor,
                  corrections: Mapping[str, Correction] | None = None) -> None:
    """Every test of eligibility is met. `corrections` are regional group and sex found otherwise than recorded.

    Raises NotFound, NotAllowed, Stale, IllegalMove, RuleBroken.
    """
    call, application = _screened(application_id, expected_version, actor)
    _check_findings(findings, call)
    failed = next((c for c in ELIGIBILITY if not findings[c].met), None)
    if failed:
        raise RuleBroken(_("One test is not met: return the application for completion, or find it not eligible."),
                         code="screening.not_met", field=f"{failed}_met")
    _check_corrections(corrections or {}, call)
    doubles.refuse_beside(application)
    _record(call, application, findings, actor)
    _record_corrections(application, call, corrections or {}, actor)
    APPLICATION.apply(application, "find_eligible", actor, data={"round": application.screening_round})


@command
def find_ineligible(
    application_id: uuid.UUID, findings: Mapping[str, Finding], reason: str, expected_version: int, actor: Actor
) -> None:
    """Not eligible, for one of the approved reasons; the mission is told that reason and no more."""
    call, application = _screened(application_id, expected_version, actor)
    if reason not in INELIGIBLE_REASONS:
        raise RuleBroken(_("Choose the reason that the mission is given."), code="screening.reason", field="reason")
    _check_findings(findings, call)
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
