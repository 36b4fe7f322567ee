"""States with an application each, ready to be sent: the first is made by the rooms' own commands, the others are its
rows under new identifiers, so that thousands are ready in seconds."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from flask import Flask
from sqlalchemy import Table, insert, or_, select

from benchmarks.web_processes import AGENT
from core import clock
from core.db import command, db, new_id


@dataclass(frozen=True)
class Ticket:
    """One application ready to be sent: who sends it, the version its check page shows (the note verbale, once taken,
    makes it one more)."""

    id: uuid.UUID
    version: int
    cookie: str
    token: str


def prepare(app: Flask, count: int) -> list[Ticket]:
    """`count` States, each with a focal point and an application. Call inside a context of the application."""
    from accounts.models import Organisation, Person
    from core.actor import person
    from sponsorship.applications.models import Application
    from sponsorship.ledger.service import open_pool
    from tests.support.applications import Kit
    from tests.support.people import Maker

    make = Maker(app)
    today = clock.today()
    meeting = make.meeting(start_date=today + timedelta(days=150))
    room = Kit(make, make.actor("fund_manager"), make.actor("panel_member"), meeting, open_pool("bench", "Bench"))
    now = clock.now()
    call = room.call(opens_at=now, closes_at=now + timedelta(days=2), grace_until=now + timedelta(days=2),
                     decide_by=today + timedelta(days=20))
    state = make.state("B00000")
    who: Person = make.person("focal_point", organisation=state)
    application: Application = room.complete(call, "B00000", actor=person(who.id))
    version, organisation = application.version, db.session.get(Organisation, state)
    assert organisation is not None
    tickets = [Ticket(application.id, version, *session_of(app, who))]
    for key, uniquifier in _copies(application, who, organisation, count - 1):
        tickets.append(Ticket(key, version, *session_of(app, SimpleNamespace(fs_uniquifier=uniquifier))))
    db.session.rollback()
    return tickets


@command
def _copies(application: Any, who: Any, organisation: Any, count: int) -> list[tuple[uuid.UUID, str]]:
    """(application, what its sender's session names) of each copy."""
    from accounts.models import Membership, Organisation, OrganisationName, Person
    from core.events import Event
    from core.vault import SubjectKey
    from sponsorship.applications.models import Application, ApplicationStep, Nominee

    nominees = db.session.scalars(select(Nominee.id).where(Nominee.application_id == application.id)).all()
    subjects = [who.id, application.id, *nominees]
    rows: list[tuple[Any, list[dict[str, Any]]]] = [
        (model.__table__, [dict(row) for row in db.session.execute(select(model.__table__).where(where)).mappings()])
        for model, where in (
            (Organisation, Organisation.id == organisation.id),
            (OrganisationName, OrganisationName.organisation_id == organisation.id),
            (Person, Person.id == who.id),
            (Membership, Membership.person_id == who.id),
            (SubjectKey, SubjectKey.subject_id.in_(subjects)),
            (Application, Application.id == application.id),
            (Nominee, Nominee.application_id == application.id),
            (ApplicationStep, ApplicationStep.application_id == application.id),
            (Event, or_(Event.subject_id.in_([*subjects, organisation.id]))),
        )
    ]
    own = {row["id"] for table, kept in rows for row in kept if "id" in table.c}
    made: list[tuple[uuid.UUID, str]] = []
    written: dict[str, list[dict[str, Any]]] = {table.name: [] for table, _kept in rows}
    for n in range(1, count + 1):
        new = {key: new_id() for key in own}
        uniquifier = uuid.uuid4().hex
        unique = {"organisation": {"code": f"B{n:05d}"}, "application": {"reference": f"BENCH-{n:05d}"},
                  "person": {"email": f"bench{n}@test.example", "fs_uniquifier": uniquifier}}
        for table, kept in rows:
            written[table.name] += [{**_renamed(row, new), **unique.get(table.name, {})} for row in kept]
        made.append((new[application.id], uniquifier))
    for table, _kept in rows:
        _insert(table, written[table.name])
    return made


def _renamed(row: dict[str, Any], new: dict[uuid.UUID, uuid.UUID]) -> dict[str, Any]:
    """A row that speaks of the copy wherever it spoke of the first: in columns, and within the key of a form's page."""
    found = {}
    for name, value in row.items():
        if isinstance(value, uuid.UUID):
            value = new.get(value, value)
        elif name == "key" and ":" in value:
            page, _, nominee = value.partition(":")
            value = f"{page}:{new[uuid.UUID(nominee)]}"
        found[name] = value
    return found


def _insert(table: Table, rows: list[dict[str, Any]]) -> None:
    for start in range(0, len(rows), 500):
        db.session.execute(insert(table), rows[start:start + 500])


def session_of(app: Flask, who: Any) -> tuple[str, str]:
    """(cookie, token against forgery) as after signing in."""
    from flask import g, session
    from flask_wtf.csrf import generate_csrf

    from tests.support.people import put_session

    with app.test_request_context(environ_base={"REMOTE_ADDR": "127.0.0.1"}, headers={"User-Agent": AGENT}):
        g.pop("csrf_token", None)  # kept for the application context, which is one for all of them
        put_session(session, who)
        # from where it was signed in: without it each answer would set the cookie again
        session["_id"] = app.login_manager._session_identifier_generator()  # type: ignore[attr-defined]
        token = generate_csrf()
        serializer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
        return f"{app.config['SESSION_COOKIE_NAME']}={serializer.dumps(dict(session))}", token
