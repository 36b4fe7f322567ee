"""Signed letters as pages show them: typed rows, a fixed number of queries each."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, func, select, true

from accounts.permissions import allows, organisations_with
from accounts.queries import names, person_labels
from core.actor import Actor
from core.db import db
from core.errors import NotFound
from core.web.tables import TableQuery
from sponsorship.applications.models import Application, Call
from sponsorship.letters.models import StateLetter
from sponsorship.letters.waiting import waiting_letters

DECISIONS = frozenset(("selected", "reserve", "not_selected"))


@dataclass(frozen=True)
class LetterRow:
    """A signed letter. `signer` is empty for a reader from outside the fund, who finds the name on the letter."""

    id: uuid.UUID
    reference: str
    batch_id: uuid.UUID
    kind: str
    application_id: uuid.UUID
    application: str
    organisation: str
    reason: str | None
    language: str
    file_id: uuid.UUID
    sha256: str
    signer: str
    signed_at: datetime
    replaced: bool


def visible(actor: Actor) -> ColumnElement[bool]:
    """Which letters a reader may have: the fund's officers all, focal points those to their own State."""
    if allows(actor, "application.view_all"):
        return true()
    return StateLetter.organisation_id.in_(organisations_with(actor, "application.own"))


def _rows(found: Iterable[tuple[StateLetter, str]], actor: Actor) -> list[LetterRow]:
    pairs = list(found)
    organisations = names({letter.organisation_id for letter, _application in pairs})
    officer = allows(actor, "application.view_all")
    people = person_labels({letter.signed_by for letter, _application in pairs}) if officer else {}
    replaced = set(db.session.scalars(
        select(StateLetter.replaces_id).where(StateLetter.replaces_id.in_([letter.id for letter, _a in pairs]))))
    return [
        LetterRow(a.id, a.reference, a.batch_id, a.kind, a.application_id, application,
                  organisations.get(a.organisation_id, ""), a.reason, a.language, a.file_id, a.sha256,
                  people.get(a.signed_by, ""), a.signed_at, a.id in replaced)
        for a, application in pairs
    ]


def _with_application() -> object:
    return select(StateLetter, Application.reference).join(Application, Application.id == StateLetter.application_id)


def list_letters(query: TableQuery, actor: Actor) -> tuple[list[LetterRow], int]:
    """Letters this reader may have, and how many. Filters: kind, call, q (part of a number)."""
    where = [visible(actor)]
    if kind := query.get("kind"):
        where.append(StateLetter.kind == kind)
    if call := query.get("call"):
        where.append(StateLetter.call_id == uuid.UUID(call))
    if part := query.get("q"):
        where.append(StateLetter.reference.contains(part.upper(), autoescape=True))
    total = db.session.scalar(select(func.count()).select_from(StateLetter).where(*where)) or 0
    order = {"reference": StateLetter.reference}.get(query.sort or "", StateLetter.id)
    statement = _with_application().where(*where).order_by(  # type: ignore[attr-defined]
        order.desc() if query.descending else order.asc())
    if query.format is None:
        statement = statement.offset(query.offset).limit(query.limit)
    return _rows(db.session.execute(statement).all(), actor), total


def letter_by_id(letter_id: uuid.UUID, actor: Actor) -> LetterRow:
    """Raises NotFound, also for a letter to another State."""
    found = db.session.execute(
        _with_application().where(StateLetter.id == letter_id, visible(actor))).one_or_none()  # type: ignore[attr-defined]
    if found is None:
        raise NotFound()
    return _rows([found], actor)[0]


def letters_of(actor: Actor, *, application_id: uuid.UUID | None = None, batch_id: uuid.UUID | None = None
               ) -> list[LetterRow]:
    """Letters about one application, or signed in one step, that this reader may have; the oldest first."""
    where = [visible(actor)]
    if application_id is not None:
        where.append(StateLetter.application_id == application_id)
    if batch_id is not None:
        where.append(StateLetter.batch_id == batch_id)
    return _rows(db.session.execute(
        _with_application().where(*where).order_by(StateLetter.id)).all(), actor)  # type: ignore[attr-defined]


def calls_with_letters() -> list[tuple[str, str]]:
    """Calls of which a letter has been signed, the newest first."""
    rows = db.session.execute(
        select(Call.id, Call.reference).where(select(StateLetter.id).where(StateLetter.call_id == Call.id).exists())
        .order_by(Call.reference.desc()))
    return [(str(row.id), row.reference) for row in rows]


@dataclass(frozen=True)
class CallWaiting:
    """How many letters wait under a call, by kind; `by` is the day by which the call promised to tell States
    of the decision; None where no letter tells of one."""

    call_id: uuid.UUID
    reference: str
    by: date | None
    kinds: tuple[tuple[str, int], ...]

    @property
    def count(self) -> int:
        return sum(number for _kind, number in self.kinds)


def waiting_by_call() -> list[CallWaiting]:
    """Calls under which letters are to be signed."""
    counted: dict[uuid.UUID, Counter[str]] = {}
    for one in waiting_letters():
        counted.setdefault(one.call_id, Counter())[one.kind] += 1
    rows = db.session.execute(
        select(Call.id, Call.reference, Call.decide_by).where(Call.id.in_(counted)).order_by(Call.reference))
    return [CallWaiting(row.id, row.reference, row.decide_by if DECISIONS & counted[row.id].keys() else None,
                        tuple(counted[row.id].items())) for row in rows]


@dataclass(frozen=True)
class Batch:
    """Letters signed in one step."""

    id: uuid.UUID
    first: str
    call: str
    count: int
    signed_at: datetime


def latest_batches(limit: int = 10) -> list[Batch]:
    """The steps in which more than one letter was signed, the newest first, among the latest thousand letters."""
    latest = select(StateLetter.id).order_by(StateLetter.id.desc()).limit(1000)
    rows = db.session.execute(
        select(StateLetter.batch_id, func.min(StateLetter.reference).label("first"),
               func.min(Call.reference).label("call"), func.count().label("letters"),
               func.min(StateLetter.signed_at).label("at"))
        .join(Call, Call.id == StateLetter.call_id).where(StateLetter.id.in_(latest))
        .group_by(StateLetter.batch_id).having(func.count() > 1)
        .order_by(func.min(StateLetter.signed_at).desc()).limit(limit))
    return [Batch(row.batch_id, row.first, row.call, row.letters, row.at) for row in rows]
