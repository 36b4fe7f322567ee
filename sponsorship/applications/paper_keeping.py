"""How long papers and what nominees gave are kept: by class, counted from the meeting's last day (dated settings)."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from core import events, vault
from core.actor import system
from core.db import command, db, lock
from core.jobs import Due, Job
from meetings.calendar.models import Meeting
from sponsorship.applications import paper_service
from sponsorship.applications.models import Application, Call, Nominee
from sponsorship.applications.paper_kinds import RETENTION
from sponsorship.applications.paper_models import ApplicationPaper, NomineePassport, NomineeSubstitution
from sponsorship.applications.paper_settings import days

ACTOR = system("jobs.papers-erase")


def _until(last: date, retention: str) -> datetime:
    """When the time of a class is over for a meeting that ends on `last`: the first instant (UTC) of the day after."""
    day = last + timedelta(days=days(f"paper_days_{retention}", last) + 1)
    return datetime.combine(day, time(0), UTC)


def _of_meetings(statement: Any) -> Any:
    return statement.join(Call, Call.id == Application.call_id).join(Meeting, Meeting.id == Call.meeting_id)


def _due_papers(now: datetime, limit: int) -> list[Due]:
    found: list[Due] = []
    for retention in RETENTION:
        # a class is due by the last day of the meeting, so old meetings come first and the limit loses none
        before = now.date() - timedelta(days=min(days(f"paper_days_{retention}", now.date()), 36_500))
        rows = db.session.execute(
            _of_meetings(
                select(ApplicationPaper.id, Meeting.end_date)
                .join(Application, Application.id == ApplicationPaper.application_id))
            .where(ApplicationPaper.retention == retention, ApplicationPaper.file_id.is_not(None),
                   Meeting.end_date < before)
            .order_by(Meeting.end_date, ApplicationPaper.id).limit(limit)
        )
        found += [(row.id, _until(row.end_date, retention), retention) for row in rows
                  if _until(row.end_date, retention) <= now]
    return sorted(found, key=lambda d: (d[1], d[0]))[:limit]


@command
def erase_paper(paper_id: uuid.UUID, now: datetime) -> str:
    """Erase one paper's file; the row stays and says that it was there."""
    application_id = db.session.scalar(
        select(ApplicationPaper.application_id).where(ApplicationPaper.id == paper_id))
    if application_id is None:
        return "gone"
    lock(Application, application_id)
    paper = lock(ApplicationPaper, paper_id)
    if paper.file_id is None:
        return "not due"
    paper_service.erase_file(paper)
    events.record(ACTOR, "applications.application.erase_paper", "application", application_id,
                  data={"paper": str(paper.id), "kind": paper.kind})
    return "erased"


def _due_identity(now: datetime, limit: int) -> list[Due]:
    """Passports and visas as given, and names of former nominees: one item is a nominee, or a substitution."""
    before = now.date() - timedelta(days=days("paper_days_identity", now.date()))
    passports = db.session.execute(
        _of_meetings(
            select(NomineePassport.nominee_id.label("id"), Meeting.end_date)
            .join(Nominee, Nominee.id == NomineePassport.nominee_id)
            .join(Application, Application.id == Nominee.application_id))
        .where(Meeting.end_date < before).order_by(Meeting.end_date, NomineePassport.nominee_id).limit(limit))
    formers = db.session.execute(
        _of_meetings(
            select(NomineeSubstitution.id, Meeting.end_date)
            .join(Application, Application.id == NomineeSubstitution.application_id))
        .where(Meeting.end_date < before, NomineeSubstitution.former_sealed.is_not(None))
        .order_by(Meeting.end_date, NomineeSubstitution.id).limit(limit))
    found = [(row.id, _until(row.end_date, "identity"), word)
             for rows, word in ((passports, "passport"), (formers, "former nominee")) for row in rows]
    return sorted((d for d in found if d[1] <= now), key=lambda d: (d[1], d[0]))[:limit]


@command
def erase_identity(item: uuid.UUID, now: datetime) -> str:
    """Destroy the key of a passport as given, or of a former nominee's name."""
    if db.session.get(NomineePassport, item) is not None:
        paper_service.forget_passport(item)
        return "erased"
    row = db.session.get(NomineeSubstitution, item, populate_existing=True)
    if row is None or row.former_sealed is None:
        return "not due"
    vault.erase(row.id)
    row.former_sealed = None
    return "erased"


JOBS = [
    Job("papers-erase", _l("Erase papers of applications when the time of their class is over"), 3600, _due_papers,
        erase_paper),
    Job("passports-erase", _l("Erase passports and visas when the journey is settled"), 3600, _due_identity,
        erase_identity),
]
