"""What pages show of papers: what was asked, what came, who may have it. Nothing here writes."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from accounts.permissions import allows
from accounts.queries import person_labels
from core.actor import Actor
from core.db import db, get
from core.errors import NotFound
from core.files import StoredFile
from sponsorship.applications.models import Application
from sponsorship.applications.paper_kinds import KINDS
from sponsorship.applications.paper_models import ApplicationPaper

Place = tuple[str, uuid.UUID | None]  # kind, nominee (None: the State's own)


@dataclass(frozen=True)
class PaperRow:
    """A paper as its readers see it. `name` and `size` (bytes) are None once the file is erased."""

    id: uuid.UUID
    application_id: uuid.UUID
    nominee_id: uuid.UUID | None
    kind: str
    name: str | None
    size: int | None
    uploaded_at: datetime
    uploaded_by: str | None
    by_nominee: bool
    superseded_at: datetime | None
    erased_at: datetime | None


@dataclass(frozen=True)
class PaperSlot:
    """A place for one paper: what is asked, what stands there, what stood there before (the latest first)."""

    kind: str
    label: Any
    nominee_id: uuid.UUID | None
    required: bool
    current: PaperRow | None
    former: tuple[PaperRow, ...]


def places_present(application_id: uuid.UUID) -> frozenset[Place]:
    """The places of an application that hold a paper. One query."""
    rows = db.session.execute(
        select(ApplicationPaper.kind, ApplicationPaper.nominee_id)
        .where(ApplicationPaper.application_id == application_id, ApplicationPaper.superseded_at.is_(None))
    )
    return frozenset((row.kind, row.nominee_id) for row in rows)


def papers_of(application_id: uuid.UUID) -> list[PaperRow]:
    """Every paper of an application, the latest first. Two queries."""
    rows = db.session.execute(
        select(ApplicationPaper, StoredFile.name, StoredFile.size)
        .outerjoin(StoredFile, StoredFile.id == ApplicationPaper.file_id)
        .where(ApplicationPaper.application_id == application_id)
        .order_by(ApplicationPaper.uploaded_at.desc(), ApplicationPaper.id.desc()).limit(500)
    ).all()
    people = person_labels(paper.uploaded_by for paper, _name, _size in rows)
    return [
        PaperRow(p.id, p.application_id, p.nominee_id, p.kind, name, size, p.uploaded_at,
                 people.get(p.uploaded_by) if p.uploaded_by else None, p.by_nominee, p.superseded_at, p.erased_at)
        for p, name, size in rows
    ]


def slots_of(
    papers: Sequence[PaperRow], required: Iterable[str], nominee_ids: Sequence[uuid.UUID]
) -> tuple[list[PaperSlot], dict[uuid.UUID, list[PaperSlot]]]:
    """The State's places, and those of each nominee: the papers a call asks for first."""
    wanted = set(required)

    def slot(code: str, nominee_id: uuid.UUID | None) -> PaperSlot:
        here = [p for p in papers if p.kind == code and p.nominee_id == nominee_id]
        return PaperSlot(code, KINDS[code].label, nominee_id, code in wanted,
                         next((p for p in here if p.superseded_at is None), None),
                         tuple(p for p in here if p.superseded_at is not None))

    order = sorted(KINDS, key=lambda code: code not in wanted)
    own = [slot(code, None) for code in order if KINDS[code].of_state]
    each = {n: [slot(code, n) for code in order if not KINDS[code].of_state] for n in nominee_ids}
    return own, each


def may_read_papers(actor: Actor, organisation_id: uuid.UUID) -> bool:
    """The State's own focal points, and the officers who screen. Nobody else: not the panel, not other officers."""
    return allows(actor, "application.own", organisation_id) or allows(actor, "application.screen")


def file_of(paper_id: uuid.UUID, actor: Actor) -> uuid.UUID:
    """The stored file of a paper. Raises NotFound for whoever may not have it, and once it is erased."""
    paper = get(ApplicationPaper, paper_id)
    application = get(Application, paper.application_id)
    if paper.file_id is None or not may_read_papers(actor, application.organisation_id):
        raise NotFound()
    if application.received_at is None and not allows(actor, "application.own", application.organisation_id):
        raise NotFound()  # a draft that was never sent is nobody else's business
    return paper.file_id
