"""What is received after the date under a call that carries it over: kept with its day of receipt, and put into the
next call of the fund when that opens, as a draft whose journeys the mission writes anew."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import delete, func, or_, select, update

from core import clock
from core.actor import Actor, system
from core.db import db
from sponsorship.applications import letters
from sponsorship.applications.models import Application, ApplicationStep, Call, Nominee
from sponsorship.applications.transitions import APPLICATION

ENDED_LATE = ("closed", "ranked", "recommended", "decided")


def takes_later(call: Call, now: datetime) -> bool:
    """Whether what arrives now is too late for this call and kept for the next one."""
    if call.late_rule != "carry_over":
        return False
    return call.state in ENDED_LATE or (call.state == "open" and now > call.grace_until)


def hold(application: Application, call: Call, actor: Actor) -> None:
    """Inside the command that sends a draft: it is received, and waits for the next call."""
    application.received_at, application.received_after_date = clock.now(), True
    application.submitted_by = actor.person_id
    APPLICATION.apply(application, "submit_for_next", actor, organisation_id=application.organisation_id,
                      data={"call_id": str(call.id)})
    letters.held_over(application, call)


def waiting_for(call: Call) -> int:
    """How many applications come over when this call opens: of each State that waits, one. One query."""
    return db.session.scalar(
        select(func.count(Application.organisation_id.distinct()))
        .where(Application.state == "held_over", Application.is_demo == call.is_demo,
               Application.call_id != call.id)) or 0


def into(call: Call) -> int:
    """Inside the command that opens a call: bring over what waits, of each State the first received, the mission's
    before a ministry's. How many.

    What a State has sent to this call itself is not touched; another of its applications waits on.
    """
    waiting = db.session.scalars(
        select(Application)
        .where(Application.state == "held_over", Application.is_demo == call.is_demo, Application.call_id != call.id)
        .order_by(Application.id).with_for_update().execution_options(populate_existing=True)
    ).all()
    here = set(db.session.scalars(
        select(Application.organisation_id).where(Application.call_id == call.id, Application.state != "withdrawn")))
    moved = []
    for application in sorted(waiting, key=lambda a: (bool(a.of_ministry), a.received_at, a.reference)):
        if application.organisation_id in here:
            continue
        here.add(application.organisation_id)
        moved.append(application.id)
        _move(application, call)
    _forget_journeys(moved)
    return len(moved)


def _move(application: Application, call: Call) -> None:
    first = application.call_id
    application.carried_from_id = application.carried_from_id or first
    application.call_id = call.id
    application.received_after_date, application.reminded_at = False, None
    application.answers_sealed = None  # they answered what the other call asked
    APPLICATION.apply(application, "carry_over", system("calls-carry-over"),
                      data={"from_call": str(first), "to_call": str(call.id)})
    letters.carried_over(application, call)


def _forget_journeys(application_ids: list[uuid.UUID]) -> None:
    """The days of travel were for another meeting, the answers for another call: the mission writes them anew."""
    db.session.execute(
        update(Nominee).where(Nominee.application_id.in_(application_ids))
        .values(travel_from=None, travel_to=None, answers_sealed=None, version=Nominee.version + 1))
    db.session.execute(
        delete(ApplicationStep)
        .where(ApplicationStep.application_id.in_(application_ids), or_(
            ApplicationStep.key.startswith("journey:"), ApplicationStep.key.startswith("answers:"),
            ApplicationStep.key == "questions")))
