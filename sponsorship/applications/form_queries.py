"""What the pages of a mission show: its applications, the steps of the form as they stand, what is missing."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from accounts.permissions import allows, organisations_with
from accounts.queries import names, person_labels
from core import vault
from core.actor import Actor
from core.db import db, get
from core.errors import NotFound
from meetings.calendar.queries import MeetingRow, meeting_by_id, meetings_by_id
from sponsorship.applications import related
from sponsorship.applications.application_service import NOMINEE_PAGES, PAGES, WRITABLE, step_key
from sponsorship.applications.completeness import Asked, Missing, answers_of, missing, nominee_answers
from sponsorship.applications.models import Application, ApplicationStep, Call, Nominee
from sponsorship.applications.paper_kinds import KINDS
from sponsorship.applications.paper_queries import Place, places_present
from sponsorship.applications.queries import (
    ApplicationRow,
    CallRow,
    NomineeRow,
    Question,
    application_row,
    call_rows,
    nominee_by_id,
    nominees_of,
)
from sponsorship.applications.transitions import mission_state


@dataclass(frozen=True)
class StepState:
    """A page of the form as it stands: the words as typed (None when there are none), the readable answers, who
    saved it when. `version` is 0 before the first saving. `whose` says whose words stand there, for this reader: you,
    colleague, or nominee (who put them right by the personal link)."""

    version: int
    typed: dict[str, str] | None
    values: dict[str, Any]
    saved_at: datetime | None
    saved_by: str | None
    whose: str = "colleague"


@dataclass(frozen=True)
class MissionPage:
    """An application as its mission sees it."""

    application: ApplicationRow
    call: CallRow
    meeting: MeetingRow
    organisation: str
    nominees: list[NomineeRow]
    missing: list[Missing]
    last_saved: tuple[datetime, str] | None
    told: bool  # an offer has been sent
    answers: list[tuple[str, str | None]]  # the call's own questions, in its order, with what the State answered
    present: frozenset[Place]  # the places that hold a paper
    about: dict[uuid.UUID, list[tuple[str, str | None]]]  # the same of the questions about each nominee

    @property
    def status(self) -> Any:
        """Word and tone for the mission."""
        return mission_state(self.application.state, self.told)

    @property
    def papers(self) -> list[str]:
        """The papers that came, in words, in the order of the form."""
        number = {n.id: n.priority for n in self.nominees}
        found = [(number.get(nominee, 0) if nominee else 0, code) for code, nominee in self.present]
        order = list(KINDS)
        return [
            _("%(paper)s (nominee %(number)s)", paper=KINDS[code].label, number=place) if place else
            str(KINDS[code].label) for place, code in sorted(found, key=lambda f: (f[0], order.index(f[1])))
        ]

    @property
    def pages(self) -> tuple[str, ...]:
        """The pages of the form about the State: that of the call's own questions only where it asks some."""
        return tuple(page for page in PAGES if page != "questions" or self.call.state_questions)

    @property
    def writable(self) -> bool:
        """Whether the form can still be written."""
        return self.application.state in WRITABLE

    def lacking(self, page: str, nominee_id: uuid.UUID | None = None) -> bool:
        """Whether this page (of this nominee) still lacks something."""
        return any(m.page == page and m.nominee_id == nominee_id for m in self.missing)


def own_application(application_id: uuid.UUID, actor: Actor) -> Application:
    """The application, if it belongs to a State the actor acts for; else NotFound."""
    row = get(Application, application_id)
    if not allows(actor, "application.own", row.organisation_id):
        raise NotFound()
    return row


def mission_page(application_id: uuid.UUID, actor: Actor) -> MissionPage:
    """Everything the status page and the form show. A fixed number of queries. Raises NotFound."""
    application = own_application(application_id, actor)
    call = get(Call, application.call_id)
    meeting = meeting_by_id(call.meeting_id)
    rows = db.session.scalars(
        select(Nominee).where(Nominee.application_id == application_id).order_by(Nominee.priority)
    ).all()
    asked = Asked.of(call, application)
    present = places_present(application_id)
    lacks = missing(application, rows, meeting.start_date, meeting.end_date, asked=asked,
                    present=present) if application.state in WRITABLE else []
    return MissionPage(
        application_row(application), call_rows([call])[0], meeting,
        names([application.organisation_id])[application.organisation_id], nominees_of(application_id, actor),
        lacks, _last_saved(application_id), bool(related.told([application_id])),
        [(q.text, asked.answers.get(q.key)) for q in asked.questions if not q.of_nominee], present,
        answers_about(rows, asked.questions),
    )


def answers_about(nominees: Sequence[Nominee], asked: Sequence[Question]
                  ) -> dict[uuid.UUID, list[tuple[str, str | None]]]:
    """The call's questions about each nominee with what was answered; empty where it asks none."""
    about = [q for q in asked if q.of_nominee]
    if not about:
        return {}
    given = {nominee.id: nominee_answers(nominee) for nominee in nominees}
    return {key: [(q.text, answers.get(q.key)) for q in about] for key, answers in given.items()}


def _last_saved(application_id: uuid.UUID) -> tuple[datetime, str] | None:
    row = db.session.execute(
        select(ApplicationStep.saved_at, ApplicationStep.saved_by)
        .where(ApplicationStep.application_id == application_id)
        .order_by(ApplicationStep.saved_at.desc()).limit(1)
    ).one_or_none()
    if row is None:
        return None
    return row.saved_at, person_labels([row.saved_by]).get(row.saved_by, "")


def step_state(application_id: uuid.UUID, page: str, nominee_id: uuid.UUID | None, actor: Actor) -> StepState:
    """One page of the form as it stands. Raises NotFound for a page that does not exist."""
    application = own_application(application_id, actor)
    if page not in (NOMINEE_PAGES if nominee_id else PAGES):
        raise NotFound()
    subject = application_id
    if nominee_id is not None:
        nominee = nominee_by_id(nominee_id, actor)
        if nominee.application_id != application_id:
            raise NotFound()
        values = (dict(nominee_answers(get(Nominee, nominee_id))) if page == "answers" else
                  {name: getattr(nominee, name) for name in NomineeRow.__dataclass_fields__})
        subject = nominee_id
    elif page == "questions":
        values = dict(answers_of(application))
    else:
        values = {name: getattr(application, name) for name in
                  ("could_not_attend_otherwise", "need_text", "own_contribution", "first_attendance",
                   "no_mission_at_seat", "most_affected", "most_affected_evidence")}
    step = db.session.get(ApplicationStep, (application_id, step_key(page, nominee_id)))
    if step is None:
        return StepState(0, None, values, None, None)
    words = vault.unseal(subject, step.answers_sealed)
    return StepState(
        step.version, json.loads(words) if words is not None else None, values, step.saved_at,
        person_labels([step.saved_by]).get(step.saved_by) if step.saved_by else None,
        "nominee" if step.saved_by is None else "you" if step.saved_by == actor.person_id else "colleague",
    )


@dataclass(frozen=True)
class OwnApplication:
    """A line in a mission's list of its applications."""

    id: uuid.UUID
    reference: str
    call_id: uuid.UUID
    meeting: str
    meeting_days: str | None
    organisation_id: uuid.UUID
    organisation: str
    state: str
    closes_at: datetime
    zone: str
    received_at: datetime | None
    told: bool  # an offer has been sent
    of_ministry: bool

    @property
    def status(self) -> Any:
        """Word and tone for the mission."""
        return mission_state(self.state, self.told)


def own_applications(actor: Actor) -> list[OwnApplication]:
    """Every application of the States this person acts for, the latest first. Five queries."""
    organisations = organisations_with(actor, "application.own")
    rows = db.session.execute(
        select(Application, Call).join(Call, Call.id == Application.call_id)
        .where(Application.organisation_id.in_(organisations))
        .order_by(Application.created_at.desc(), Application.id).limit(500)
    ).all()
    meetings = meetings_by_id({call.meeting_id for _a, call in rows})
    labels = names(organisations)
    told = related.told(a.id for a, _call in rows)
    return [
        OwnApplication(
            a.id, a.reference, call.id, meetings[call.meeting_id].short_name, meetings[call.meeting_id].days_text,
            a.organisation_id, labels[a.organisation_id], a.state, call.closes_at, meetings[call.meeting_id].timezone,
            a.received_at, a.id in told, a.of_ministry,
        )
        for a, call in rows
    ]


@dataclass(frozen=True)
class NoteCover:
    """An application that a note verbale may cover."""

    id: uuid.UUID
    label: str


def note_covers(application_id: uuid.UUID, actor: Actor) -> list[NoteCover]:
    """This application first, then the State's others that can still be written, the latest first. Three queries.
    Raises NotFound."""
    own = own_application(application_id, actor)
    rows = db.session.execute(
        select(Application.id, Application.reference, Call.meeting_id).join(Call, Call.id == Application.call_id)
        .where(Application.organisation_id == own.organisation_id,
               (Application.id == own.id) | Application.state.in_(WRITABLE))
        .order_by(Application.created_at.desc(), Application.id).limit(500)
    ).all()
    meetings = meetings_by_id({row.meeting_id for row in rows})
    return [
        NoteCover(row.id, f"{row.reference}: "
                  + (meetings[row.meeting_id].label if row.id == own.id else meetings[row.meeting_id].short_name))
        for row in sorted(rows, key=lambda row: row.id != own.id)
    ]


@dataclass(frozen=True)
class PublicCall:
    """A call as anybody may see it."""

    call: CallRow
    meeting: MeetingRow

    @property
    def zone(self) -> str:
        """The zone of the meeting, in which its times are read."""
        return self.meeting.timezone


PUBLIC_STATES = ("scheduled", "open", "closed", "ranked", "recommended", "decided", "suspended", "cancelled")


def public_calls(states: Sequence[str] = PUBLIC_STATES) -> list[PublicCall]:
    """Calls the public may know of, open ones first, then by closing time, latest first. Three queries."""
    calls = db.session.scalars(
        select(Call).where(Call.state.in_([s for s in states if s in PUBLIC_STATES]))
        .order_by(Call.closes_at.desc(), Call.id).limit(200)
    ).all()
    meetings = meetings_by_id({c.meeting_id for c in calls}, reveal=False)
    pairs = [PublicCall(row, meetings[row.meeting_id]) for row in call_rows(calls) if row.meeting_id in meetings]
    return sorted(pairs, key=lambda p: p.call.state != "open")


def public_call(call_id: uuid.UUID) -> PublicCall:
    """One of them. Raises NotFound."""
    call = db.session.get(Call, call_id)
    if call is None or call.state not in PUBLIC_STATES:
        raise NotFound()
    return PublicCall(call_rows([call])[0], meeting_by_id(call.meeting_id, reveal=False))


@dataclass(frozen=True)
class WaitingAtMission:
    """Something a mission has to do: a draft to send, or an application to complete."""

    id: uuid.UUID
    reference: str
    meeting: str
    state: str
    due: datetime


def waiting_at_mission(actor: Actor) -> list[WaitingAtMission]:
    """Drafts under open calls and returned applications of the States this person acts for. Three queries."""
    rows = db.session.execute(
        select(Application, Call).join(Call, Call.id == Application.call_id)
        .where(Application.organisation_id.in_(organisations_with(actor, "application.write")),
               ((Application.state == "draft") & (Call.state == "open"))
               | ((Application.state == "returned") & Call.state.in_(("open", "closed"))))
        .order_by(Call.closes_at, Application.id).limit(200)
    ).all()
    meetings = meetings_by_id({call.meeting_id for _a, call in rows})
    return [
        WaitingAtMission(a.id, a.reference, meetings[call.meeting_id].short_name, a.state,
                         (a.completion_due_at if a.state == "returned" else None) or call.grace_until)
        for a, call in rows
    ]
