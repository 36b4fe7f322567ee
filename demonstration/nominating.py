"""What missions and nominees add to an application: a note verbale, a personal link, a confirmation, a substitution."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import select

from core import clock, files
from core.db import db
from core.outbox import OutboxMail
from core.pdf import render
from demonstration.cast import DOMAIN
from demonstration.stage import Stage
from sponsorship.applications import (
    form_queries,
    nominee_service,
    note_verbale,
    paper_service,
    substitution_service,
)
from sponsorship.applications.models import Application, Nominee


def _nominees(application_id: uuid.UUID) -> Sequence[uuid.UUID]:
    found = db.session.scalars(
        select(Nominee.id).where(Nominee.application_id == application_id).order_by(Nominee.priority)).all()
    db.session.rollback()
    return found


def note(stage: Stage, application_id: uuid.UUID, code: str, at: datetime) -> None:
    """The mission sends the note that Placard drafted (a real mission would stamp and photograph it)."""
    actor = stage.actor(f"focal-{code.lower()}")
    with clock.moved_to(at):
        paper = render(note_verbale.draft([form_queries.mission_page(application_id, actor)]))
        db.session.rollback()
        upload = files.lay_down(paper, "demo-note-verbale.pdf", "application/pdf")
        paper_service.put_note([application_id], upload, actor)


def ask(stage: Stage, application_id: uuid.UUID, code: str, at: datetime) -> str:
    """The mission mails the first nominee a personal link; what stands behind /nominee/ in it."""
    nominee = _nominees(application_id)[0]
    with clock.moved_to(at):
        nominee_service.ask(application_id, nominee, stage.actor(f"focal-{code.lower()}"))
    body = db.session.scalar(
        select(OutboxMail.body).where(OutboxMail.kind == "applications.nominee-link")
        .order_by(OutboxMail.created_at.desc(), OutboxMail.id.desc()).limit(1)) or ""
    db.session.rollback()
    found = re.search(r"/nominee/(\S+)", body)
    assert found is not None
    return found[1]


def confirm(stage: Stage, application_id: uuid.UUID, code: str, at: datetime, back: date) -> None:
    """The first nominee looks at the data, confirms, and lets the mission use them again."""
    token = ask(stage, application_id, code, at)
    with clock.moved_to(at + timedelta(hours=5)):
        nominee = db.session.get_one(Nominee, _nominees(application_id)[0])
        row = form_queries.nominee_by_id(nominee.id, stage.actor(f"focal-{code.lower()}"))
        values = {name: getattr(row, name) for name in (*nominee_service.CORRECTED, "sex", "departure_city")}
        db.session.rollback()
        nominee_service.answer(token, {
            **values, "passport_number": f"DEMO{code}7", "passport_expires": back + timedelta(days=900),
            "visa_class": "g2", "visa_held": True, "visa_day": None, "keep_profile": True}, row.version)


def substitute(stage: Stage, application_id: uuid.UUID, code: str, at: datetime, given: str, family: str) -> None:
    """Another person takes the first nominee's place."""
    nominee = _nominees(application_id)[0]
    version = db.session.get_one(Application, application_id).version
    db.session.rollback()
    with clock.moved_to(at):
        substitution_service.substitute(application_id, nominee, {
            "family_name": family, "given_names": given, "sex": "female", "birth_date": date(1988, 2, 3),
            "function": "Demo Adviser on small arms", "ministry": "Demo Ministry of Foreign Affairs",
            "email": f"substitute-{code.lower()}@{DOMAIN}"}, "Called to another duty.", version,
            stage.actor(f"focal-{code.lower()}"))
