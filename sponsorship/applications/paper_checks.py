"""What must always be true of papers and links; `flask verify` and a job prove it."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from core.db import db
from core.verify import check
from sponsorship.applications.models import Application, Nominee
from sponsorship.applications.paper_kinds import KINDS
from sponsorship.applications.paper_models import ApplicationPaper, NomineeLink
from sponsorship.applications.paper_service import TAKES


@check("applications.papers")
def _papers() -> tuple[int, list[str]]:
    """A paper stands in a place of its own application, under its own class, and no file serves two States."""
    checked = db.session.scalar(select(func.count()).select_from(ApplicationPaper)) or 0
    strange = db.session.scalars(
        select(ApplicationPaper.id).join(Nominee, Nominee.id == ApplicationPaper.nominee_id)
        .where(Nominee.application_id != ApplicationPaper.application_id)).all()
    faults = [f"paper {key} is of a nominee of another application" for key in strange]
    for code, kind in KINDS.items():
        wrong = db.session.scalars(
            select(ApplicationPaper.id)
            .where(ApplicationPaper.kind == code, ApplicationPaper.retention != kind.retention)).all()
        faults += [f"paper {key} is kept under another class than its kind" for key in wrong]
    mine, other = aliased(Application), aliased(Application)
    twin = aliased(ApplicationPaper)
    shared = db.session.scalars(
        select(ApplicationPaper.id).join(twin, twin.file_id == ApplicationPaper.file_id)
        .join(mine, mine.id == ApplicationPaper.application_id).join(other, other.id == twin.application_id)
        .where(mine.organisation_id != other.organisation_id).distinct()).all()
    faults += [f"file of paper {key} serves two States" for key in shared]
    return checked, faults


@check("applications.links")
def _links() -> tuple[int, list[str]]:
    """Whoever confirmed had a link to do so."""
    checked = db.session.scalar(select(func.count()).select_from(NomineeLink)) or 0
    confirmed = db.session.scalars(
        select(Nominee.id).outerjoin(NomineeLink, NomineeLink.nominee_id == Nominee.id)
        .join(Application, Application.id == Nominee.application_id)
        .where(Nominee.confirmed_at.is_not(None), NomineeLink.id.is_(None), Application.state.in_(TAKES))).all()
    return checked, [f"nominee {key} confirmed without ever having had a link" for key in confirmed]
