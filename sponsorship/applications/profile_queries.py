"""Persons a State named before, and may name again from what they confirmed then. Nothing here writes."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from accounts.permissions import allows
from core import clock
from core.actor import Actor
from core.db import db, get
from core.errors import NotFound
from sponsorship.applications.models import Application, Nominee
from sponsorship.applications.paper_settings import days
from sponsorship.applications.queries import NomineeRow, nominee_by_id, nominees_by_ids


@dataclass(frozen=True)
class Profile:
    """A person the State may name again: from which nomination, and until when."""

    nominee: NomineeRow
    application: str  # its reference
    consent: datetime


def profiles_of(organisation_id: uuid.UUID, actor: Actor, but: Collection[str | None] = ()) -> list[Profile]:
    """Persons whom this State named and who agreed to be named again, the latest nomination of each, in order of name;
    without those whose e-mail is in `but`. Four queries."""
    if not allows(actor, "application.own", organisation_id):
        raise NotFound()
    rows = db.session.execute(
        select(Nominee.id, Nominee.reuse_consent_at, Application.reference)
        .join(Application, Application.id == Nominee.application_id)
        .where(Application.organisation_id == organisation_id, Nominee.reuse_consent_at.is_not(None))
        .order_by(Nominee.reuse_consent_at.desc(), Nominee.id.desc()).limit(300)
    ).all()
    people = nominees_by_ids([row.id for row in rows], actor)
    taken = {email.casefold() for email in but if email}
    found: dict[str, Profile] = {}
    for row in rows:
        nominee = people[row.id]
        email = (nominee.email or "").casefold()
        if not nominee.name or not email or email in taken or email in found or not _good(row.reuse_consent_at):
            continue
        found[email] = Profile(nominee, row.reference, row.reuse_consent_at)
    return sorted(found.values(), key=lambda p: (p.nominee.name or "").casefold())


def _good(consent: datetime) -> bool:
    return (clock.now() - consent).days < days("profile_keep_days", consent.date())


def profile_of(profile_id: uuid.UUID, organisation_id: uuid.UUID, actor: Actor) -> NomineeRow:
    """One of them. Raises NotFound."""
    nominee = nominee_by_id(profile_id, actor)
    if (nominee.organisation_id != organisation_id or nominee.reuse_consent_at is None or nominee.name is None
            or not _good(nominee.reuse_consent_at)):
        raise NotFound()
    return nominee


def same_person(profile_id: uuid.UUID, actor: Actor) -> list[uuid.UUID]:
    """Every nomination of this person by the same State that may be used again. Raises NotFound."""
    organisation_id = get(Application, get(Nominee, profile_id).application_id).organisation_id
    if not allows(actor, "application.write", organisation_id):
        raise NotFound()
    wanted = nominee_by_id(profile_id, actor)
    ids = db.session.scalars(
        select(Nominee.id).join(Application, Application.id == Nominee.application_id)
        .where(Application.organisation_id == organisation_id, Nominee.reuse_consent_at.is_not(None))
        .order_by(Nominee.id)
    ).all()
    rows = nominees_by_ids(ids, actor)
    return [key for key in ids if key == profile_id or (
        wanted.email and (rows[key].email or "").casefold() == wanted.email.casefold())]
