"""A nominee is substituted after the application was sent: another person takes the place in one step.

States are ranked, not persons, so the place, the ranking and the panel's advice stand. What was found about the former
person does not: where screening is still under way the application is screened again, later an officer checks the new
nominee by itself, and no obligation is certified before.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import exists, select

from accounts.permissions import allows, require
from core import clock, events, vault
from core.actor import Actor, system
from core.db import command, db, lock
from core.errors import NotFound, RuleBroken, Stale
from sponsorship.applications import nominee_letters, paper_service
from sponsorship.applications.application_service import SEALED, write_person
from sponsorship.applications.models import Application, Call, Nominee, Screening
from sponsorship.applications.nominee_service import _own_nominee, _revoke
from sponsorship.applications.paper_models import ApplicationPaper, NomineeSubstitution
from sponsorship.applications.signals import NomineeSubstituted, nominee_substituted
from sponsorship.applications.transitions import APPLICATION

SUBSTITUTES = ("submitted", "eligible", "recommended", "reserve", "not_recommended", "reserve_list", "selected")
SUBSTITUTION = system("substitution")


@command
def substitute(
    application_id: uuid.UUID, nominee_id: uuid.UUID, values: Mapping[str, Any], reason: str, expected_version: int,
    actor: Actor,
) -> uuid.UUID:
    """Another person takes the nominee's place; the record of it. `values` are the fields of the person (SEALED, sex).

    The former person's data, papers, passport and link are erased, the name is kept for the officers under a key of its
    own. City and days of the journey stay, for they are the meeting's. Rooms above refuse where money is on its way in
    the former person's name. Raises NotFound, Stale, RuleBroken (`nominee.not_now`, `nominee.same`,
    `nominees.twice`, and theirs).
    """
    call_id = db.session.scalar(select(Application.call_id).where(Application.id == application_id))
    if call_id is None:
        raise NotFound()
    call = lock(Call, call_id)
    application = lock(Application, application_id)
    if not allows(actor, "application.write", application.organisation_id):
        raise NotFound()
    if application.version != expected_version:
        raise Stale()
    if application.state not in SUBSTITUTES:
        raise RuleBroken(_("In this state nobody can be substituted. A draft is changed in the form itself."),
                         code="nominee.not_now")
    nominee = _own_nominee(application, nominee_id)
    email = vault.unseal(nominee.id, nominee.email_sealed)
    if email and email.casefold() == str(values.get("email") or "").casefold():
        raise RuleBroken(_("This is the address of the person who is to be substituted. To correct the data of the "
                           "same person, send the personal link."), code="nominee.same", field="email")
    others = db.session.scalars(select(Nominee).where(
        Nominee.application_id == application.id, Nominee.id != nominee.id)).all()
    if values.get("email") and str(values["email"]).casefold() in {
            (vault.unseal(n.id, n.email_sealed) or "").casefold() for n in others}:
        raise RuleBroken(_("This person is nominated in this application already."), code="nominees.twice",
                         field="email")
    former = " ".join(filter(None, (vault.unseal(nominee.id, nominee.given_names_sealed),
                                    vault.unseal(nominee.id, nominee.family_name_sealed))))
    row = NomineeSubstitution(application_id=application.id, nominee_id=nominee.id, by_person=actor.person_id,
                              at=clock.now())
    db.session.add(row)
    db.session.flush()  # its id is whose key seals the name
    row.former_sealed = vault.seal(row.id, former or None)
    _forget_person(nominee)
    write_person(nominee, {name: values.get(name) for name in SEALED})
    nominee.sex = values.get("sex") or None
    nominee.version += 1
    data = {"nominee": str(nominee.id), "priority": nominee.priority, "substitution": str(row.id)}
    if application.state == "eligible" and call.state in ("open", "closed"):
        # the event of the move is the system's; who asked stands in the one before it
        events.record(actor, "applications.application.substitute", "application", application.id, data=data,
                      text=reason.strip() or None)
        APPLICATION.apply(application, "screen_substitute", SUBSTITUTION)
    else:
        application.version += 1
        events.record(actor, "applications.application.substitute", "application", application.id, data=data,
                      text=reason.strip() or None)
    nominee_substituted.send(NomineeSubstituted(application.id, nominee.id, str(values.get("email") or "") or None))
    nominee_letters.substituted(application, call, nominee.priority, str(row.id))
    return row.id


def _forget_person(nominee: Nominee) -> None:
    """The place stays, the person who held it goes: a new key seals what follows."""
    _revoke(nominee.id)
    paper_service.forget_passport(nominee.id)
    for paper in db.session.scalars(select(ApplicationPaper).where(ApplicationPaper.nominee_id == nominee.id)).all():
        paper_service.erase_file(paper)
        paper.superseded_at = paper.superseded_at or clock.now()
    vault.erase(nominee.id)
    for name in SEALED:
        setattr(nominee, f"{name}_sealed", None)
    nominee.confirmed_at = nominee.reuse_consent_at = nominee.answers_sealed = None
    db.session.flush()  # the old key is gone before a new one is made


@command
def check(substitution_id: uuid.UUID, actor: Actor) -> None:
    """An officer has looked at the new nominee: an official whom the State nominates. Twice counts once.

    Raises NotAllowed, NotFound.
    """
    require(actor, "application.screen")
    row = lock(NomineeSubstitution, substitution_id)
    if row.checked_at is not None:
        return
    row.checked_by, row.checked_at = actor.person_id, clock.now()
    events.record(actor, "applications.application.check_substitute", "application", row.application_id,
                  data={"nominee": str(row.nominee_id), "substitution": str(row.id)})


def _open() -> Any:
    """Not looked at yet: neither by itself nor in a screening since."""
    screened = exists().where(Screening.application_id == NomineeSubstitution.application_id,
                              Screening.at > NomineeSubstitution.at)
    return (NomineeSubstitution.checked_at.is_(None), ~screened)


def unchecked(nominee_ids: Iterable[uuid.UUID]) -> set[uuid.UUID]:
    """Those of these nominees who took another's place and whom nobody has looked at yet. One query."""
    return set(db.session.scalars(
        select(NomineeSubstitution.nominee_id).where(NomineeSubstitution.nominee_id.in_(set(nominee_ids)), *_open())))


def unchecked_applications() -> list[tuple[uuid.UUID, datetime]]:
    """Applications that wait for an officer to look at a substituted nominee, and since when; those that are to be
    screened anyway are left out."""
    rows = db.session.execute(
        select(NomineeSubstitution.application_id, NomineeSubstitution.at)
        .join(Application, Application.id == NomineeSubstitution.application_id)
        .where(*_open(), Application.state.not_in(("submitted", "returned", "withdrawn", "cancelled", "not_selected",
                                                   "ineligible")))
        .order_by(NomineeSubstitution.at).limit(100)
    ).all()
    return [(row.application_id, row.at) for row in rows]


@dataclass(frozen=True)
class Former:
    """Who held a place before, when it changed, and whether the new nominee has been looked at."""

    id: uuid.UUID
    nominee_id: uuid.UUID
    name: str | None
    at: datetime
    checked: bool


def former_of(application_id: uuid.UUID) -> list[Former]:
    """The substitutions of an application, oldest first. The caller has checked who may read names."""
    rows = db.session.scalars(
        select(NomineeSubstitution).where(NomineeSubstitution.application_id == application_id)
        .order_by(NomineeSubstitution.at, NomineeSubstitution.id)
    ).all()
    still = set(db.session.scalars(
        select(NomineeSubstitution.id).where(NomineeSubstitution.application_id == application_id, *_open())))
    vault.preload([row.id for row in rows])
    return [Former(row.id, row.nominee_id, vault.unseal(row.id, row.former_sealed), row.at, row.id not in still)
            for row in rows]
