"""Commands on papers: uploaded, superseded, attached to several applications, forgotten.

A file is checked and laid down before the command (core.files.check_upload); the command only records it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from flask_babel import gettext as _
from sqlalchemy import delete, func, select

from accounts.permissions import allows
from core import clock, events, files, vault
from core.actor import Actor
from core.db import command, db, lock
from core.errors import NotFound, RuleBroken
from core.files import CheckedUpload, StoredFile
from sponsorship.applications.models import Application, Nominee
from sponsorship.applications.paper_kinds import KINDS
from sponsorship.applications.paper_models import (
    ApplicationPaper,
    NomineeLink,
    NomineePassport,
    NomineeSubstitution,
)

# a paper may come as long as something may still come of the application
TAKES = ("draft", "returned", "submitted", "held_over", "eligible", "recommended", "reserve", "not_recommended",
         "reserve_list", "selected")


def own_application(application_id: uuid.UUID, actor: Actor) -> Application:
    """The application, locked, if the actor writes for its State and papers may still come. Raises NotFound,
    RuleBroken (`papers.over`)."""
    application = lock(Application, application_id)
    if not allows(actor, "application.write", application.organisation_id):
        raise NotFound()
    taken(application)
    return application


def taken(application: Application) -> None:
    """Raises RuleBroken (`papers.over`) when nothing can come of the application any more."""
    if application.state not in TAKES:
        raise RuleBroken(_("This application has ended, so nothing can be added to it."), code="papers.over")


@command
def put_paper(
    application_id: uuid.UUID, kind: str, nominee_id: uuid.UUID | None, upload: CheckedUpload, actor: Actor
) -> uuid.UUID:
    """Keep a paper in its place; the one that stood there is superseded and stays. The same content again (a double
    click) changes nothing. Raises NotFound, RuleBroken (`papers.over`)."""
    application = own_application(application_id, actor)
    place_exists(application, kind, nominee_id)
    paper = record(application, kind, nominee_id, upload, actor, by_nominee=False)
    return paper.id


@command
def put_note(application_ids: Iterable[uuid.UUID], upload: CheckedUpload, actor: Actor) -> int:
    """Attach one note verbale to several applications of one State in one step; the number of applications.

    Raises NotFound for an application of another State, RuleBroken (`papers.over`, `papers.one_state`).
    """
    rows = [own_application(key, actor) for key in sorted(set(application_ids))]  # locks in one order
    if not rows:
        raise NotFound()
    if len({row.organisation_id for row in rows}) > 1:
        raise RuleBroken(_("One note verbale speaks for one State only."), code="papers.one_state")
    kept = False  # one file for all of them
    for application in rows:
        paper = record(application, "nomination_letter", None, upload, actor, by_nominee=False, kept=kept)
        kept = kept or paper.file_id == upload.key
    return len(rows)


def place_exists(application: Application, kind: str, nominee_id: uuid.UUID | None) -> None:
    """Raises NotFound for a kind that there is not, or a nominee of another application."""
    if kind not in KINDS or KINDS[kind].of_state != (nominee_id is None):
        raise NotFound()
    if nominee_id is not None:
        nominee = db.session.get(Nominee, nominee_id, populate_existing=True)
        if nominee is None or nominee.application_id != application.id:
            raise NotFound()


def record(
    application: Application, kind: str, nominee_id: uuid.UUID | None, upload: CheckedUpload, actor: Actor, *,
    by_nominee: bool, kept: bool = False,
) -> ApplicationPaper:
    """The paper in its place, inside the caller's command, which holds the application's lock. `kept`: the upload has
    its row already, for another application."""
    here = db.session.execute(
        select(ApplicationPaper, StoredFile.sha256).outerjoin(StoredFile, StoredFile.id == ApplicationPaper.file_id)
        .where(ApplicationPaper.application_id == application.id, ApplicationPaper.kind == kind,
               ApplicationPaper.nominee_id == nominee_id if nominee_id else ApplicationPaper.nominee_id.is_(None),
               ApplicationPaper.superseded_at.is_(None))
    ).one_or_none()
    if here is not None and here[1] == upload.sha256:
        return here[0]
    now = clock.now()
    if here is not None:
        here[0].superseded_at = now
        db.session.flush()  # one paper stands in a place: the old one steps back first
    if not kept:
        files.keep(upload, "application_paper", actor)
    paper = ApplicationPaper(
        application_id=application.id, nominee_id=nominee_id, kind=kind, retention=KINDS[kind].retention,
        file_id=upload.key, by_nominee=by_nominee, uploaded_by=actor.person_id, uploaded_at=now,
    )
    application.version += 1
    db.session.add(paper)
    db.session.flush()  # the event names the paper
    events.record(actor, "applications.application.paper", "application", application.id,
                  data={"paper": str(paper.id), "kind": kind, "nominee": str(nominee_id) if nominee_id else None,
                        "replaced": here is not None})
    return paper


def erase_file(paper: ApplicationPaper) -> None:
    """Erase a paper's file and keep the row that says it was there. A note that other applications share stays until
    the last of them."""
    if paper.file_id is None:
        return
    file_id, paper.file_id, paper.erased_at = paper.file_id, None, clock.now()
    db.session.flush()
    _forget_unused(file_id)


def _forget_unused(file_id: uuid.UUID) -> None:
    used = db.session.scalar(
        select(func.count()).select_from(ApplicationPaper).where(ApplicationPaper.file_id == file_id))
    if not used:
        files.forget(file_id)


def forget_papers(application_id: uuid.UUID) -> None:
    """A draft that was never sent concerns nobody: its papers go with it."""
    _delete(select(ApplicationPaper).where(ApplicationPaper.application_id == application_id))


def forget_nominee(nominee_id: uuid.UUID) -> None:
    """Everything about a nominee in this file's tables: papers, link, passport, the record of a substitution."""
    _delete(select(ApplicationPaper).where(ApplicationPaper.nominee_id == nominee_id))
    db.session.execute(delete(NomineeLink).where(NomineeLink.nominee_id == nominee_id))
    forget_passport(nominee_id)
    for row in db.session.scalars(
        select(NomineeSubstitution).where(NomineeSubstitution.nominee_id == nominee_id)
    ).all():
        vault.erase(row.id)
        db.session.delete(row)
    db.session.flush()


def forget_passport(nominee_id: uuid.UUID) -> None:
    """Passport and visa are gone for good: their own key is destroyed."""
    row = db.session.get(NomineePassport, nominee_id, populate_existing=True)
    if row is not None:
        vault.erase(row.subject_id)
        db.session.delete(row)
        db.session.flush()


def _delete(papers: object) -> None:
    rows = list(db.session.scalars(papers).all())  # type: ignore[call-overload]
    kept = {row.file_id for row in rows if row.file_id is not None}
    for row in rows:
        db.session.delete(row)
    db.session.flush()
    for file_id in kept:
        _forget_unused(file_id)
