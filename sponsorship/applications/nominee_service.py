"""Commands about a nominee's own data: the personal link, what the nominee answers by it, the profile that is used
again, the nominee who takes another's place."""

from __future__ import annotations

import hashlib
import json
import secrets
import uuid
from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from core import clock, events, vault
from core.actor import Actor, system
from core.db import command, db, get, lock
from core.errors import NotFound, RuleBroken, Stale
from core.files import CheckedUpload
from core.web.timeline import name_system
from sponsorship.applications import application_service, nominee_letters, paper_service
from sponsorship.applications.application_service import SEALED, write_person
from sponsorship.applications.models import Application, ApplicationStep, Call, Nominee
from sponsorship.applications.paper_models import ApplicationPaper, NomineeLink, NomineePassport
from sponsorship.applications.paper_service import own_application
from sponsorship.applications.paper_settings import days
from sponsorship.applications.profile_queries import profile_of, same_person
from sponsorship.applications.signals import NomineeCorrected, nominee_corrected

NOMINEE = system("nominee-link")
name_system("nominee-link", _l("The nominee, by personal link"))
# what a nominee may put right; the e-mail address is the mission's to change, since the link goes there
CORRECTED = tuple(name for name in SEALED if name != "email")
# who somebody is: money is reserved for, compared with and sent to this person
IDENTITY = frozenset({"family_name", "given_names", "birth_date", "sex"})


class LinkOver(NotFound):
    """The link is not (or no longer) good. The page says so without telling whose it was."""

    code = "nominee.link_over"


def digest(token: str) -> str:
    """What is kept of a link."""
    return hashlib.sha256(token.encode()).hexdigest()


def _own_nominee(application: Application, nominee_id: uuid.UUID) -> Nominee:
    nominee = db.session.get(Nominee, nominee_id, populate_existing=True)
    if nominee is None or nominee.application_id != application.id:
        raise NotFound()
    return nominee


@command
def ask(application_id: uuid.UUID, nominee_id: uuid.UUID, actor: Actor) -> None:
    """Mail the nominee a personal link to look at, correct and confirm the data; an older link ends.

    Raises NotFound, RuleBroken (`papers.over`, `nominee.no_email`, `nominee.asked_just_now`).
    """
    application = own_application(application_id, actor)
    nominee = _own_nominee(application, nominee_id)
    email = vault.unseal(nominee.id, nominee.email_sealed)
    if not email:
        raise RuleBroken(_("Write the e-mail address of this nominee first, and save the page."),
                         code="nominee.no_email")
    now = clock.real_now()
    live = _live_link(nominee.id)
    if live is not None and now - live.sent_at < timedelta(minutes=1):
        return  # a double click: one mail
    _revoke(nominee.id)
    token = secrets.token_urlsafe(32)
    expires = now + timedelta(days=days("nominee_link_days", now.date()))
    link = NomineeLink(nominee_id=nominee.id, token_hash=digest(token), sent_by=actor.person_id, sent_at=now,
                       expires_at=expires)
    db.session.add(link)
    db.session.flush()
    nominee_letters.please_confirm(email, token, link, get(Call, application.call_id), application)
    events.record(actor, "applications.application.ask_nominee", "application", application.id,
                  data={"nominee": str(nominee.id), "priority": nominee.priority})


@command
def revoke(application_id: uuid.UUID, nominee_id: uuid.UUID, actor: Actor) -> None:
    """End the nominee's link, for example when the mail went to a wrong address. Raises NotFound, RuleBroken."""
    application = own_application(application_id, actor)
    nominee = _own_nominee(application, nominee_id)
    if _revoke(nominee.id):
        events.record(actor, "applications.application.revoke_link", "application", application.id,
                      data={"nominee": str(nominee.id), "priority": nominee.priority})


def _live_link(nominee_id: uuid.UUID) -> NomineeLink | None:
    return db.session.scalar(
        select(NomineeLink).where(NomineeLink.nominee_id == nominee_id, NomineeLink.revoked_at.is_(None)))


def _revoke(nominee_id: uuid.UUID) -> bool:
    link = _live_link(nominee_id)
    if link is None:
        return False
    link.revoked_at = clock.real_now()
    db.session.flush()  # one live link for a nominee: the old one ends first
    return True


def _by_link(token: str) -> tuple[Application, Nominee]:
    """The application, locked, and the nominee of a link that is good. Raises LinkOver."""
    link = db.session.scalar(select(NomineeLink).where(NomineeLink.token_hash == digest(token)))
    if link is None or link.revoked_at is not None or link.expires_at <= clock.real_now():
        raise LinkOver()
    application_id = db.session.scalar(select(Nominee.application_id).where(Nominee.id == link.nominee_id))
    if application_id is None:
        raise LinkOver()
    application = lock(Application, application_id)
    db.session.refresh(link)  # it may have been revoked while we waited for the lock
    if link.revoked_at is not None or application.state not in paper_service.TAKES:
        raise LinkOver()
    return application, _own_nominee(application, link.nominee_id)


@command
def answer(token: str, values: Mapping[str, Any], expected_version: int) -> list[str]:
    """What the nominee answers: corrected fields, passport and visa (sealed apart), consent to be named again. Confirms
    the data. The names of the fields that changed.

    A passport number that is left empty keeps the one given before. The mission's page about this person shows the new
    words, and its own unsaved ones beside them. Raises LinkOver, Stale (the mission changed the data meanwhile),
    RuleBroken (who somebody is no longer changes once money is on its way).
    """
    application, nominee = _by_link(token)
    if nominee.version != expected_version:
        raise Stale()
    current = {name: vault.unseal(nominee.id, getattr(nominee, f"{name}_sealed")) for name in SEALED}
    changed = write_person(nominee, {**current, **{name: values.get(name) for name in CORRECTED}})
    for name in ("sex", "departure_city"):
        value = values.get(name) or None
        if getattr(nominee, name) != value:
            setattr(nominee, name, value)
            changed.append(name)
    if application.state not in ("draft", "returned", "held_over") and IDENTITY & set(changed):
        db.session.flush()  # who listens reads what stands now
        nominee_corrected.send(NomineeCorrected(application.id, nominee.id))
    _pages_anew(application, nominee, {"journey" if name == "departure_city" else "person" for name in changed})
    _keep_passport(nominee, values)
    now = clock.now()
    first = nominee.confirmed_at is None
    nominee.confirmed_at = now
    if values.get("keep_profile"):
        nominee.reuse_consent_at = nominee.reuse_consent_at or now
    else:
        _take_consent_back(application, nominee)
    nominee.version += 1
    application.version += 1
    events.record(NOMINEE, "applications.application.confirm_nominee", "application", application.id,
                  data={"nominee": str(nominee.id), "priority": nominee.priority, "changed": sorted(changed)})
    if first or changed:
        nominee_letters.has_confirmed(application, nominee.priority, bool(changed), nominee.version)
    return changed


def _take_consent_back(application: Application, nominee: Nominee) -> None:
    """From every nomination of this person by the State, not from this one alone."""
    email = (vault.unseal(nominee.id, nominee.email_sealed) or "").casefold()
    rows = db.session.scalars(
        select(Nominee).join(Application, Application.id == Nominee.application_id)
        .where(Application.organisation_id == application.organisation_id, Nominee.reuse_consent_at.is_not(None))
    ).all()
    vault.preload([row.id for row in rows])
    for row in rows:
        if row.id == nominee.id or (vault.unseal(row.id, row.email_sealed) or "").casefold() == email:
            row.reuse_consent_at = None


def _pages_anew(application: Application, nominee: Nominee, pages: Collection[str] = ("person", "journey")) -> None:
    """The mission's pages about this person show what stands now; one that is open there meets these words."""
    for page in pages:
        step = db.session.get(ApplicationStep, (application.id, f"{page}:{nominee.id}"), populate_existing=True)
        if step is not None:
            step.answers_sealed, step.version = None, step.version + 1
            step.saved_at, step.saved_by = clock.now(), None


def _keep_passport(nominee: Nominee, values: Mapping[str, Any]) -> None:
    row = db.session.get(NomineePassport, nominee.id, populate_existing=True)
    if row is None:
        row = NomineePassport(nominee_id=nominee.id, subject_id=uuid.uuid4(), given_at=clock.now())
        db.session.add(row)
    words = vault.unseal(row.subject_id, row.passport_sealed)
    before = json.loads(words) if words else {}
    number = (values.get("passport_number") or before.get("number") or "").upper().replace(" ", "")
    passport = {"number": number or None, "expires": _iso(values.get("passport_expires"))}
    visa = {"class": values.get("visa_class") or None, "held": bool(values.get("visa_held")),
            "day": _iso(values.get("visa_day"))}
    row.passport_sealed = vault.seal(row.subject_id, json.dumps(passport, sort_keys=True))
    row.visa_sealed = vault.seal(row.subject_id, json.dumps(visa, sort_keys=True))
    row.given_at = clock.now()


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


@command
def put_passport_copy(token: str, upload: CheckedUpload) -> ApplicationPaper:
    """The nominee's own copy of the passport. Raises LinkOver."""
    application, nominee = _by_link(token)
    return paper_service.record(application, "passport", nominee.id, upload, NOMINEE, by_nominee=True)


# --- a person named before ---------------------------------------------------------------------------------------
@command
def take_over(application_id: uuid.UUID, profile_id: uuid.UUID, expected_version: int, actor: Actor) -> uuid.UUID:
    """Nominate a person again from the data of an earlier nomination of this State, which the person has consented to:
    into the first place that is still empty, else as one more. Passport and visa are never taken over, and the person
    confirms again. Raises NotFound, Stale, RuleBroken (`nominees.too_many`, `nominees.twice`).
    """
    application = application_service._own(application_id, actor, expected_version)
    application_service._writable(application)
    profile = profile_of(profile_id, application.organisation_id, actor)
    nominees = list(db.session.scalars(
        select(Nominee).where(Nominee.application_id == application.id).order_by(Nominee.priority)))
    for nominee in nominees:
        email = vault.unseal(nominee.id, nominee.email_sealed)
        if email and profile.email and email.casefold() == profile.email.casefold():
            raise RuleBroken(_("This person is nominated in this application already."), code="nominees.twice")
    empty = next((n for n in nominees if not n.family_name_sealed and not n.email_sealed), None)
    if empty is None:
        target = get(Nominee, application_service.add_nominee(application.id, application.version, actor))
    else:
        target = empty
        application.version += 1
    write_person(target, {name: getattr(profile, name) for name in SEALED})
    target.sex, target.departure_city = profile.sex, profile.departure_city
    target.reuse_consent_at = profile.reuse_consent_at
    target.version += 1
    _pages_anew(application, target)
    events.record(actor, "applications.application.take_over_nominee", "application", application.id,
                  data={"nominee": str(target.id), "from": str(profile_id), "priority": target.priority})
    return target.id


@command
def forget_profile(profile_id: uuid.UUID, actor: Actor) -> int:
    """The State will not use a person's data again: the consent behind every nomination of this person ends. The
    applications themselves stay as they were sent. The number of nominations. Raises NotFound."""
    nominee_ids = same_person(profile_id, actor)
    for nominee_id in nominee_ids:
        nominee = get(Nominee, nominee_id)
        nominee.reuse_consent_at = None
        events.record(actor, "applications.application.forget_profile", "application", nominee.application_id,
                      data={"nominee": str(nominee.id)})
    return len(nominee_ids)


def consent_until(consent: datetime) -> date:
    """The last day on which a State may use a profile."""
    return (consent + timedelta(days=days("profile_keep_days", consent.date()))).date()
