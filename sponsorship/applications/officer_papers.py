"""What officers see of an application's papers beside its screening: what was asked and came, confirmations, tests of
passport and visa, who was substituted, and who stands twice."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from sqlalchemy import select

from accounts.permissions import allows
from accounts.queries import names
from core.actor import Actor
from core.db import db, get
from sponsorship.applications import doubles, nominee_queries, substitution_service
from sponsorship.applications.completeness import answers_of
from sponsorship.applications.doubles import Double, Twin
from sponsorship.applications.form_queries import answers_about
from sponsorship.applications.models import Application, Nominee
from sponsorship.applications.nominee_queries import Confirmation
from sponsorship.applications.officer_queries import ScreeningPage
from sponsorship.applications.paper_queries import PaperSlot, papers_of, slots_of
from sponsorship.applications.substitution_service import Former


@dataclass(frozen=True)
class OfficerPapers:
    """Of one application. `reads` says whether this officer may open the files."""

    reads: bool
    own: list[PaperSlot]
    each: dict[uuid.UUID, list[PaperSlot]]
    people: dict[uuid.UUID, Confirmation]
    former: list[Former]
    doubles: list[tuple[Double, str]]  # with the name of the other State
    twins: list[Twin]
    answers: list[tuple[str, str | None]]
    about: dict[uuid.UUID, list[tuple[str, str | None]]]  # answers about each nominee

    @property
    def lacks(self) -> list[PaperSlot]:
        """Papers that were asked and have not come."""
        return [s for s in (*self.own, *(s for slots in self.each.values() for s in slots))
                if s.required and s.current is None]


def officer_papers(page: ScreeningPage, actor: Actor) -> OfficerPapers:
    """A fixed number of queries."""
    application = get(Application, page.application.id)
    own, each = slots_of(papers_of(application.id), page.call.required_papers, [n.id for n in page.nominees])
    found = doubles.doubles_of(application.id)
    labels = names({d.organisation_id for d in found})
    answers = answers_of(application)
    return OfficerPapers(
        allows(actor, "application.screen"), own, each, nominee_queries.confirmations(page.nominees, page.meeting),
        substitution_service.former_of(application.id), [(d, labels[d.organisation_id]) for d in found],
        doubles.twins_of(application), [(q.text, answers.get(q.key)) for q in page.call.state_questions],
        _about(page))


def _about(page: ScreeningPage) -> dict[uuid.UUID, list[tuple[str, str | None]]]:
    if not page.call.nominee_questions:
        return {}
    rows = db.session.scalars(select(Nominee).where(Nominee.application_id == page.application.id)).all()
    return answers_about(rows, page.call.questions)
