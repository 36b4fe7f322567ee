"""A call is opened, States apply, the secretariat screens, the panel recommends, the head decides."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import select

from core import clock
from core.actor import Actor
from core.db import db
from demonstration.cast import DOMAIN
from demonstration.stage import Stage
from meetings.calendar.models import Meeting
from meetings.calendar.service import MeetingFacts, create_meeting, publish_meeting
from sponsorship.applications import application_service as applications
from sponsorship.applications import call_service, panel_service, ranking_service, screening_service
from sponsorship.applications.models import Application, Call, Nominee
from sponsorship.applications.queries import ranked_slots
from sponsorship.awards.decision_service import ADVISED, Choice, decide

ELIGIBLE = {
    "complete": screening_service.Finding(True), "nominated_by_state": screening_service.Finding(True),
    "declaration": screening_service.Finding(True),
}


def make_meeting(stage: Stage, at: datetime, name: str, title: str, slug: str, start: date, ordinal: int,
                 end: date | None = None) -> uuid.UUID:
    """An invented meeting of a working week, or to the day `end`."""
    organiser = stage.actor("organiser")
    with clock.moved_to(at):
        made = create_meeting(organiser, MeetingFacts(
            kind="BMS", title=title, short_name=name, ordinal=ordinal, certainty="fixed", start_date=start,
            end_date=end or start + timedelta(days=4), city="New York", country_code="US",
            venue="United Nations Headquarters", timezone="America/New_York", meetings_allotted=10,
            notes="Invented for the demonstration."), slug=slug, is_demo=True)
        publish_meeting(made, organiser)
    return made


def make_call(stage: Stage, meeting_id: uuid.UUID, opens: datetime, closes: datetime, decide_by: date,
              ceiling_minor: int | None = None, dsa_minor: int = 210_000) -> uuid.UUID:
    manager = stage.actor("fund-manager")
    with clock.moved_to(opens - timedelta(days=3)):
        made = call_service.create_call(call_service.CallValues(
            meeting_id=meeting_id, opens_at=opens, closes_at=closes, grace_until=closes + timedelta(days=2),
            decide_by=decide_by, offer_days=10, seats_per_state=1, package="ticket_and_dsa",
            estimate_ticket_minor=180_000, estimate_dsa_minor=dsa_minor, estimate_terminal_minor=18_800,
            ceiling_minor=ceiling_minor, pool_ids=(stage.pools["ldc"], stage.pools["general"]),
            criteria=("ldc", "lldc", "sids", "first_attendance", "no_mission_at_seat", "equity_region", "equity_sex"),
            governance_text="The secretariat, with the Chair of the meeting.",
            guidance_text="One delegate for each State. The nominee should speak on the State's implementation."),
            manager)
        call_service.schedule_call(made, db.session.get_one(Call, made).version, manager)
    return made


@dataclass(frozen=True)
class Sheet:
    """What one State writes. `nominees` are (given name, family name, sex); `travel` is their first and last day, from
    the day before the meeting to the day after it where none is given."""

    code: str
    nominees: tuple[tuple[str, str, str], ...]
    first: bool = False
    no_mission: bool = False
    travel: tuple[date, date] | None = None


def _version(application_id: uuid.UUID) -> int:
    db.session.rollback()
    db.session.expire_all()
    return db.session.get_one(Application, application_id).version


def _save(application_id: uuid.UUID, page: str, nominee_id: uuid.UUID | None, typed: Mapping[str, str],
          values: Mapping[str, object], actor: Actor) -> None:
    applications.save_step(application_id, page, nominee_id, typed=typed, values=values, complete=True,
                           expected_version=0, actor=actor)


def apply(stage: Stage, call_id: uuid.UUID, sheet: Sheet, at: datetime, *, send: bool = True) -> uuid.UUID:
    """Fill every page of the form for a State, and send it unless it stays a draft."""
    actor = stage.actor(f"focal-{sheet.code.lower()}")
    with clock.moved_to(at):
        made = applications.start(call_id, stage.places[sheet.code], actor)
        need = "Our delegation has no travel budget for this meeting."
        _save(made, "declaration", None, {"could_not_attend_otherwise": "y", "need_text": need},
              {"could_not_attend_otherwise": True, "need_text": need}, actor)
        own = "Our ministry pays the visa and the travel to the airport."
        _save(made, "contribution", None, {"own_contribution": own}, {"own_contribution": own}, actor)
        _save(made, "attendance", None,
              {"attended_before": "no" if sheet.first else "yes", "has_mission": "no" if sheet.no_mission else "yes"},
              {"first_attendance": sheet.first, "no_mission_at_seat": sheet.no_mission}, actor)
        meeting = db.session.get_one(Meeting, db.session.get_one(Call, call_id).meeting_id)
        assert meeting.start_date is not None and meeting.end_date is not None
        day = timedelta(days=1)
        leaves, returns = sheet.travel or (meeting.start_date - day, meeting.end_date + day)
        for n, (given, family, sex) in enumerate(sheet.nominees, 1):
            present = db.session.scalars(
                select(Nominee.id).where(Nominee.application_id == made).order_by(Nominee.priority)).all()
            nominee = present[n - 1] if n <= len(present) else applications.add_nominee(made, _version(made), actor)
            words = {"family_name": family, "given_names": given, "sex": sex, "birth_date": "1985-05-17",
                     "function": "Demo Adviser on small arms", "ministry": "Demo Ministry of Foreign Affairs",
                     "email": f"nominee{n}-{sheet.code.lower()}@{DOMAIN}"}
            _save(made, "person", nominee, words, {**words, "birth_date": date(1985, 5, 17)}, actor)
            journey = {"departure_city": f"Capital of {sheet.code}", "travel_from": leaves.isoformat(),
                       "travel_to": returns.isoformat()}
            _save(made, "journey", nominee, journey, {**journey, "travel_from": leaves, "travel_to": returns}, actor)
        if send:
            applications.submit(made, _version(made), actor)
    return made


def _findings(application_id: uuid.UUID) -> dict[str, screening_service.Finding]:
    row = db.session.get_one(Application, application_id)
    declared = {"first_attendance": bool(row.first_attendance), "no_mission_at_seat": bool(row.no_mission_at_seat)}
    return {**ELIGIBLE, **{
        c: screening_service.Finding(declared[c], "checked against earlier lists" if declared[c] else "",
                                     "lists of participants") for c in declared}}


def find_eligible(stage: Stage, application_id: uuid.UUID, at: datetime) -> None:
    with clock.moved_to(at):
        version = _version(application_id)
        screening_service.find_eligible(application_id, _findings(application_id), version, stage.actor("fund-manager"))


def find_ineligible(stage: Stage, application_id: uuid.UUID, at: datetime) -> None:
    with clock.moved_to(at):
        version = _version(application_id)
        findings = {**_findings(application_id), "nominated_by_state": screening_service.Finding(
            False, "the note does not name the nominee", "note verbale")}
        screening_service.find_ineligible(application_id, findings, "not_nominated_by_state", version,
                                          stage.actor("fund-manager"))


def give_back(stage: Stage, application_id: uuid.UUID, at: datetime, until: datetime) -> None:
    with clock.moved_to(at):
        screening_service.return_for_completion(
            application_id, "The nominee's function is missing its ministry. Please complete it.", until,
            _version(application_id), stage.actor("fund-manager"))


def withdraw(stage: Stage, application_id: uuid.UUID, code: str, at: datetime) -> None:
    with clock.moved_to(at):
        applications.withdraw(application_id, _version(application_id), "The nominee cannot leave the capital.",
                              stage.actor(f"focal-{code.lower()}"))


def rank_recommend_decide(stage: Stage, call_id: uuid.UUID, at: datetime, recommended: int) -> None:
    """Rank; recommend the first `recommended` States, the rest but the last as reserve; the head agrees."""
    with clock.moved_to(at):
        ranking_service.rank_call(call_id, db.session.get_one(Call, call_id).version, stage.actor("fund-manager"))
    with clock.moved_to(at + timedelta(days=2)):
        call = db.session.get_one(Call, call_id)
        ranked = panel_service.ranked_ids(call)
        last = len(ranked) - 1
        advice = []
        for n, application_id in enumerate(ranked):
            outcome = "recommend" if n < recommended else "not" if n == last and n > recommended else "reserve"
            advice.append(panel_service.Advice(
                application_id, outcome, n + 1, 1 if outcome == "recommend" else 0,
                "" if outcome != "not" else "The money does not reach further than the reserve list."))
        panel_service.recommend(call_id, advice, call.version, stage.actor("panel"))
    with clock.moved_to(at + timedelta(days=4)):
        choices = {s.nominee_id: Choice(ADVISED[s.recommended]) for s in ranked_slots(call_id)}
        decide(call_id, choices, stage.actor("head"), db.session.get_one(Call, call_id).version)


def noon(day: date) -> datetime:
    """Twelve o'clock UTC."""
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
