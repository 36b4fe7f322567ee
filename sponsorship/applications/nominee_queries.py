"""Where each nominee's confirmation stands, for the mission and the officers; and what the nominee's own page shows.
Nothing here writes."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import exists, select

from accounts.queries import names
from core import clock
from core.db import db, get
from core.machines import State
from meetings.calendar.queries import MeetingRow, meeting_by_id
from sponsorship.applications.models import Application, Call, Nominee
from sponsorship.applications.nominee_service import LinkOver, digest
from sponsorship.applications.paper_models import NomineeLink
from sponsorship.applications.paper_queries import PaperRow, papers_of
from sponsorship.applications.paper_service import TAKES
from sponsorship.applications.queries import NomineeRow, _nominee_row, call_by_id
from sponsorship.applications.travel_tests import (
    Passport,
    Test,
    passport_needed_until,
    passport_of,
    passports_of,
    tests_of,
)
from sponsorship.applications.words import CONFIRMATIONS


@dataclass(frozen=True)
class Confirmation:
    """A nominee's confirmation: the state of it, and the tests of passport and visa."""

    state: State
    confirmed_at: datetime | None
    asked_at: datetime | None
    link_until: datetime | None  # while a link is live
    tests: list[Test]


def confirmations(nominees: Sequence[NomineeRow], meeting: MeetingRow) -> dict[uuid.UUID, Confirmation]:
    """Of each nominee. Three queries."""
    ids = [n.id for n in nominees]
    given = passports_of(ids)
    links: dict[uuid.UUID, NomineeLink] = {}
    for link in db.session.scalars(
        select(NomineeLink).where(NomineeLink.nominee_id.in_(ids)).order_by(NomineeLink.sent_at)
    ):
        links[link.nominee_id] = link  # the latest stays
    return {n.id: _confirmation(n, links.get(n.id), tests_of(n, meeting, given.get(n.id))) for n in nominees}


def _confirmation(nominee: NomineeRow, link: NomineeLink | None, tests: list[Test]) -> Confirmation:
    live = link is not None and link.revoked_at is None and link.expires_at > clock.real_now()
    code = ("confirmed" if nominee.confirmed_at else "asked" if live else "over" if link is not None else "not_asked")
    return Confirmation(CONFIRMATIONS[code], nominee.confirmed_at, link.sent_at if link else None,
                        link.expires_at if link is not None and live else None, tests)


@dataclass(frozen=True)
class Unanswered:
    """A nominee whose link ended without an answer."""

    application_id: uuid.UUID
    reference: str
    priority: int


def unanswered(organisations: Collection[uuid.UUID]) -> list[Unanswered]:
    """Nominees of these States, of applications from which something may still come, who were asked and have not
    confirmed, and whose last link has ended. One query."""
    live = exists().where(NomineeLink.nominee_id == Nominee.id, NomineeLink.revoked_at.is_(None),
                          NomineeLink.expires_at > clock.real_now())
    expired = exists().where(NomineeLink.nominee_id == Nominee.id, NomineeLink.revoked_at.is_(None),
                             NomineeLink.expires_at <= clock.real_now())
    rows = db.session.execute(
        select(Application.id, Application.reference, Nominee.priority)
        .join(Application, Application.id == Nominee.application_id)
        .where(Application.organisation_id.in_(organisations), Application.state.in_(TAKES),
               Nominee.confirmed_at.is_(None), expired, ~live)
        .order_by(Application.reference, Nominee.priority).limit(100)
    ).all()
    return [Unanswered(row.id, row.reference, row.priority) for row in rows]


@dataclass(frozen=True)
class NomineePage:
    """What a nominee sees by the personal link: own data only."""

    nominee: NomineeRow
    state_name: str
    meeting: MeetingRow
    package: str
    until: datetime
    passport: Passport | None
    copy: PaperRow | None
    copy_required: bool
    tests: list[Test]
    needed_until: date | None

    @property
    def number_hint(self) -> str | None:
        """The last characters of the number given before, so that its owner knows it again."""
        number = self.passport.number if self.passport else None
        return f"…{number[-3:]}" if number else None


def nominee_page(token: str) -> NomineePage:
    """The page of a link that is good. Raises LinkOver, the same for an unknown, an expired and a revoked one."""
    row: Any = db.session.execute(
        select(NomineeLink, Nominee, Application)
        .join(Nominee, Nominee.id == NomineeLink.nominee_id)
        .join(Application, Application.id == Nominee.application_id)
        .where(NomineeLink.token_hash == digest(token))
    ).one_or_none()
    if row is None:
        raise LinkOver()
    link, nominee, application = row
    if link.revoked_at is not None or link.expires_at <= clock.real_now() or application.state not in TAKES:
        raise LinkOver()
    call = call_by_id(get(Call, application.call_id).id)
    meeting = meeting_by_id(call.meeting_id)
    shown = _nominee_row(nominee, application.organisation_id, True)
    given = passport_of(nominee.id)
    copy = next((p for p in papers_of(application.id)
                 if p.kind == "passport" and p.nominee_id == nominee.id and p.superseded_at is None), None)
    back = shown.travel_to or meeting.end_date
    return NomineePage(
        shown, names([application.organisation_id])[application.organisation_id], meeting, call.package,
        link.expires_at, given, copy, "passport" in call.required_papers, tests_of(shown, meeting, given),
        passport_needed_until(back) if back else None)
