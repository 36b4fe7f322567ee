"""Doubles: a person who is nominated twice for one meeting, and two applications of one State under one call, by its
mission and by a ministry. Found for the officers; the mission's note verbale prevails (domain.md (g))."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from flask_babel import gettext as _
from sqlalchemy import select

from core import vault
from core.actor import Actor
from core.db import command, db, get, lock
from core.errors import NotFound, RuleBroken
from sponsorship.applications import letters
from sponsorship.applications.models import Application, Call, Nominee
from sponsorship.applications.paper_models import ApplicationPaper
from sponsorship.applications.transitions import APPLICATION

_ENDED = ("withdrawn", "cancelled", "ineligible")


@dataclass(frozen=True)
class Double:
    """A person who is nominated twice for one meeting, and where else."""

    nominee_id: uuid.UUID
    priority: int
    application_id: uuid.UUID
    reference: str
    organisation_id: uuid.UUID
    other_priority: int


def doubles_of(application_id: uuid.UUID) -> list[Double]:
    """Nominees of an application who stand a second time for the same meeting, in this application or in another that
    was sent: the same e-mail address, or the same names and day of birth. Four queries; it opens four fields of each of
    the meeting's nominees (some hundreds at most). The caller has checked who may read names."""
    application = get(Application, application_id)
    meeting_id = get(Call, application.call_id).meeting_id
    rows = db.session.execute(
        select(Nominee, Application)
        .join(Application, Application.id == Nominee.application_id).join(Call, Call.id == Application.call_id)
        .where(Call.meeting_id == meeting_id, Application.state.not_in(_ENDED),
               (Application.id == application_id) | Application.received_at.is_not(None))
        .order_by(Application.reference, Nominee.priority)
    ).all()
    vault.preload([nominee.id for nominee, _where in rows])
    marks = {nominee.id: _marks(nominee) for nominee, _where in rows}
    mine = [nominee for nominee, where in rows if where.id == application_id]
    return [
        Double(one.id, one.priority, where.id, where.reference, where.organisation_id, other.priority)
        for one in mine for other, where in rows if other.id != one.id and marks[one.id] & marks[other.id]
    ]


def _marks(nominee: Nominee) -> frozenset[str]:
    """What makes two nominations one person: the address, or the names with the day of birth. Only these are opened."""
    email, family, given, born = (
        (vault.unseal(nominee.id, sealed) or "").casefold()
        for sealed in (nominee.email_sealed, nominee.family_name_sealed, nominee.given_names_sealed,
                       nominee.birth_date_sealed))
    found = {f"mail:{email}"} if email else set()
    if family and given and born:
        found.add(f"name:{family}:{given}:{born}")
    return frozenset(found)


# --- a mission and a ministry of one State --------------------------------------------------------------------------
@dataclass(frozen=True)
class Twin:
    """Another application of the same State under the same call."""

    id: uuid.UUID
    reference: str
    state: str
    of_ministry: bool
    has_note: bool


def twins_of(application: Application) -> list[Twin]:
    """Other applications of this State under this call that were sent and have not ended. One query."""
    note = (
        select(ApplicationPaper.application_id)
        .where(ApplicationPaper.kind == "nomination_letter", ApplicationPaper.superseded_at.is_(None))
    )
    rows = db.session.execute(
        select(Application, Application.id.in_(note).label("has_note"))
        .where(Application.call_id == application.call_id, Application.id != application.id,
               Application.organisation_id == application.organisation_id, Application.state.not_in(_ENDED),
               Application.received_at.is_not(None))
        .order_by(Application.reference)
    ).all()
    return [Twin(a.id, a.reference, a.state, a.of_ministry, bool(has_note)) for a, has_note in rows]


def refuse_beside(application: Application) -> None:
    """A State is considered once: raises RuleBroken (`applications.double`) when its mission or a ministry has another
    application under the same call, with what to do. The database holds the same (uq_application_considered)."""
    for twin in twins_of(application):
        if application.of_ministry:
            raise RuleBroken(_("The mission of this State has applied under this call, too: %(reference)s. Its note "
                               "verbale prevails: set this application aside.", reference=twin.reference),
                             code="applications.double")
        raise RuleBroken(_("A ministry of this State has applied under this call, too: %(reference)s. Set that one "
                           "aside first; the mission’s note verbale prevails.", reference=twin.reference),
                         code="applications.double")


@command
def set_aside(application_id: uuid.UUID, expected_version: int, actor: Actor) -> None:
    """The ministry's application gives way to the mission's of the same State; the State is told, with the approved
    sentence. Raises NotFound, NotAllowed, Stale, IllegalMove, RuleBroken (`applications.no_double`)."""
    call_id = db.session.scalar(select(Application.call_id).where(Application.id == application_id))
    if call_id is None:
        raise NotFound()
    call = lock(Call, call_id)
    application = lock(Application, application_id, expected_version)
    if call.state not in ("open", "closed"):
        raise RuleBroken(_("Screening is over: the call has been ranked, suspended or ended."), code="screening.over")
    if not application.of_ministry or not any(not twin.of_ministry for twin in twins_of(application)):
        raise RuleBroken(_("No application of the State’s mission stands beside this one."),
                         code="applications.no_double")
    application.ineligible_reason = "mission_prevails"
    APPLICATION.apply(application, "set_aside", actor, reason="mission_prevails")
    application.return_note = application.completion_due_at = None
    letters.ineligible(application, call, "mission_prevails")
