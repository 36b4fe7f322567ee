"""Commands on people, organisations and memberships: the only writers of these tables.

Commands take the actor and check the authority again. `system` actors (command line, demonstration, jobs) may do
what an administrator may. Passwords arrive hashed: hashing takes a tenth of a second and happens before any
transaction opens (`accounts.security.hashed`).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date

from flask_babel import force_locale, gettext
from sqlalchemy import func, or_, select
from sqlalchemy.exc import IntegrityError

from accounts.emails import normal_email
from accounts.models import NEVER_TOGETHER, Membership, Organisation, OrganisationName, Person
from accounts.permissions import ROLES, require, roles_of
from accounts.sorting import sort_key
from accounts.tokens import WELCOME_DAYS, welcome_token
from core import clock, events, vault
from core.actor import Actor
from core.db import command, db, get, lock, new_id
from core.errors import NotFound, RuleBroken
from core.outbox import send_mail
from core.web.links import absolute

MAX_NAME = 200


def _may(actor: Actor, permission: str) -> None:
    if actor.kind != "system":
        require(actor, permission)


@contextmanager
def in_language(locale: str) -> Iterator[None]:
    """Mail is written in the language of whom it goes to."""
    with force_locale(locale or "en"):
        yield


# --- people -----------------------------------------------------------------------------------------------------
@command
def create_person(
    actor: Actor, email: str, name: str, *, locale: str = "en", password_hash: str | None = None,
    confirmed: bool = False, is_demo: bool = False, invite: bool = True,
) -> uuid.UUID:
    """A new person. Without `password_hash` (and with `invite`) a mail brings the link to set the first password.

    Raises RuleBroken for an address or name that cannot be used or is taken; NotAllowed.
    """
    _may(actor, "account.people.manage")
    return _new_person(actor, email, name, locale, password_hash, confirmed, is_demo, invite)


def _new_person(
    actor: Actor, email: str, name: str, locale: str, password_hash: str | None, confirmed: bool, is_demo: bool,
    invite: bool,
) -> uuid.UUID:
    try:
        address = normal_email(email)
    except ValueError as error:
        raise RuleBroken(gettext("Write an e-mail address such as name@mission.example."),
                         code="person.email", field="email") from error
    name = " ".join(name.split())
    if not name or len(name) > MAX_NAME:
        raise RuleBroken(gettext("Write the person’s name, at most %(n)s characters.", n=MAX_NAME),
                         code="person.name", field="name")
    taken = RuleBroken(gettext("Somebody already signs in with this address. Give that person the role instead."),
                       code="person.email_taken", field="email")
    if db.session.scalar(select(Person.id).where(Person.email == address)):
        raise taken
    person = Person(
        id=new_id(), email=address, password=password_hash, active=True, locale=locale, is_demo=is_demo,
        fs_uniquifier=uuid.uuid4().hex, created_at=clock.real_now(),
        confirmed_at=clock.real_now() if confirmed else None,
    )
    person.name_sealed = vault.seal(person.id, name)
    db.session.add(person)
    try:
        db.session.flush()  # a lost race for the address must be told at its field
    except IntegrityError as error:
        raise taken from error
    events.record(actor, "accounts.person.create", "person", person.id, data={"invited": invite})
    if invite and password_hash is None:
        _invite(person)
    return person.id


def _invite(person: Person) -> None:
    with in_language(person.locale):
        link = absolute("accounts.welcome", token=welcome_token(person.fs_uniquifier))
        send_mail(
            person.email, kind="welcome", subject=gettext("Your account at Placard"),
            dedupe_key=f"welcome:{person.id}:{person.fs_uniquifier}",
            body=gettext(
                "An account has been opened for you at Placard, where meetings of the Programme of Action on small "
                "arms and the fund that sponsors delegates are run.\n\n"
                "Set your password with this link, within %(days)s days:\n%(link)s\n\n"
                "If you did not expect this, you need do nothing: without the link nobody can use the account.",
                days=WELCOME_DAYS, link=link,
            ),
        )


@command
def invite_again(actor: Actor, person_id: uuid.UUID) -> None:
    """Send a fresh welcome link to a person who has never set a password; the former link is void."""
    _may(actor, "account.people.manage")
    person = lock(Person, person_id)
    if person.password is not None:
        raise RuleBroken(gettext("This person has a password already and can recover it at the sign-in page."),
                         code="person.has_password")
    person.fs_uniquifier = uuid.uuid4().hex
    events.record(actor, "accounts.person.invite", "person", person.id)
    _invite(person)


@command
def set_active(actor: Actor, person_id: uuid.UUID, active: bool) -> None:
    """Stop or restore a person's sign-in. Stopping ends every session at once; memberships stay as they are."""
    _may(actor, "account.people.manage")
    person = lock(Person, person_id)
    if person.id == actor.person_id:
        raise RuleBroken(gettext("Another administrator must do this for you."), code="person.oneself")
    if person.active == active:
        return
    if not active and "administrator" in roles_of(person.id) and not _other_administrators(person.id):
        raise _last_administrator()
    person.active = active
    if not active:
        person.fs_uniquifier = uuid.uuid4().hex
    events.record(actor, "accounts.person.restore" if active else "accounts.person.stop", "person", person.id)


@command
def update_own_details(actor: Actor, name: str, locale: str) -> None:
    """A person corrects the own name and language. Raises RuleBroken."""
    if actor.person_id is None:
        raise NotFound()
    person = lock(Person, actor.person_id)
    name = " ".join(name.split())
    if not name or len(name) > MAX_NAME:
        raise RuleBroken(gettext("Write your name, at most %(n)s characters.", n=MAX_NAME),
                         code="person.name", field="name")
    person.name_sealed = vault.seal(person.id, name)
    person.locale = locale
    events.record(actor, "accounts.person.update", "person", person.id)


# --- memberships ------------------------------------------------------------------------------------------------
@command
def grant(
    actor: Actor, person_id: uuid.UUID, organisation_id: uuid.UUID, role: str, *, valid_from: date | None = None,
    valid_to: date | None = None, evidence_file_id: uuid.UUID | None = None, of_ministry: bool = False,
) -> uuid.UUID:
    """Give a person a role in an organisation from `valid_from` (today) until before `valid_to` (open). `of_ministry`
    says of a focal point that he or she sits in a ministry, not in the mission.

    Raises RuleBroken: role not for this kind of organisation, held already, dates out of order, hands that must stay
    separate, oneself; NotAllowed; NotFound.
    """
    _may(actor, "account.people.manage")
    if actor.person_id == person_id:
        raise RuleBroken(gettext("Nobody gives a role to himself or herself. Ask another administrator."),
                         code="membership.oneself")
    return _grant(actor, person_id, organisation_id, role, valid_from, valid_to, evidence_file_id, of_ministry)


def _grant(
    actor: Actor, person_id: uuid.UUID, organisation_id: uuid.UUID, role: str, valid_from: date | None,
    valid_to: date | None, evidence_file_id: uuid.UUID | None, of_ministry: bool = False,
) -> uuid.UUID:
    lock(Person, person_id)
    organisation = get(Organisation, organisation_id)
    if role not in ROLES:
        raise RuleBroken(gettext("Choose a role from the list."), code="membership.role", field="role")
    if organisation.kind not in ROLES[role].kinds:
        raise RuleBroken(gettext("This role is not held in an organisation of this kind. Choose another organisation."),
                         code="membership.kind", field="organisation_id")
    start = valid_from or clock.today()
    if valid_to is not None and valid_to <= start:
        raise RuleBroken(gettext("The last day must not come before the first."), code="membership.dates",
                         field="last_day")
    _refuse_overlap(person_id, organisation_id, role, start, valid_to)
    membership = Membership(
        id=new_id(), person_id=person_id, organisation_id=organisation_id, role=role, valid_from=start,
        valid_to=valid_to, granted_by=actor.person_id, granted_at=clock.real_now(), evidence_file_id=evidence_file_id,
        of_ministry=of_ministry and role == "focal_point",
    )
    db.session.add(membership)
    try:
        db.session.flush()  # the database holds the rule too: told here, beside the field
    except IntegrityError as error:
        raise _separate_hands() from error
    events.record(
        actor, "accounts.membership.grant", "person", person_id,
        data={"membership": str(membership.id), "organisation": str(organisation_id), "role": role,
              "from": start.isoformat(), "to": valid_to.isoformat() if valid_to else None,
              "of_ministry": membership.of_ministry},
    )
    return membership.id


def _refuse_overlap(
    person_id: uuid.UUID, organisation_id: uuid.UUID, role: str, start: date, end: date | None
) -> None:
    rows = db.session.scalars(
        select(Membership).where(
            Membership.person_id == person_id,
            or_(Membership.valid_to.is_(None), Membership.valid_to > start),
            or_(Membership.valid_to.is_(None), Membership.valid_to > Membership.valid_from),
        )
    ).all()
    for other in rows:
        if end is not None and other.valid_from >= end:
            continue
        if other.role == role and other.organisation_id == organisation_id:
            raise RuleBroken(gettext("This person holds this role there already on these days."),
                             code="membership.held", field="role")
        if any({role, other.role} == set(pair) for pair in NEVER_TOGETHER):
            raise _separate_hands()


def _separate_hands() -> RuleBroken:
    return RuleBroken(
        gettext("An approving officer may not be bank signatory or payee data officer on the same days, "
                "nor a paymaster either approving officer or bank signatory. End the other role first, or choose "
                "another person."),
        code="membership.separate_hands", field="role",
    )


@command
def revoke(actor: Actor, membership_id: uuid.UUID, *, on: date | None = None) -> None:
    """End a role: from `on` (today) it no longer holds. Never earlier than its first day, never later than its end.

    Raises RuleBroken for a day that does not fit, one's own role, or the last administrator; NotAllowed; NotFound.
    """
    _may(actor, "account.people.manage")
    membership = lock(Membership, membership_id)
    lock(Person, membership.person_id)
    if membership.person_id == actor.person_id:
        raise RuleBroken(gettext("Another administrator must do this for you."), code="membership.oneself")
    day = max(on or clock.today(), membership.valid_from)
    if membership.valid_to is not None and membership.valid_to <= day:
        raise RuleBroken(gettext("This role has ended already."), code="membership.ended", field="on")
    if membership.role == "administrator":
        lock(Organisation, membership.organisation_id)  # two administrators who end each other's role see each other
        if not _other_administrators(membership.person_id):
            raise _last_administrator()
    membership.valid_to = day
    events.record(
        actor, "accounts.membership.revoke", "person", membership.person_id,
        data={"membership": str(membership.id), "organisation": str(membership.organisation_id),
              "role": membership.role, "to": day.isoformat()},
    )


def _other_administrators(person_id: uuid.UUID) -> int:
    today = clock.today()
    return db.session.scalar(
        select(func.count()).select_from(Membership).join(Person, Person.id == Membership.person_id).where(
            Membership.role == "administrator", Membership.person_id != person_id, Person.active,
            Membership.valid_from <= today, or_(Membership.valid_to.is_(None), Membership.valid_to > today))
    ) or 0


def _last_administrator() -> RuleBroken:
    return RuleBroken(gettext("This is the only administrator. Name another one first."),
                      code="membership.last_administrator")


# --- organisations ----------------------------------------------------------------------------------------------
@command
def create_organisation(
    actor: Actor, kind: str, code: str, names: Mapping[str, str], *, is_demo: bool = False,
    known_email: str | None = None, valid_from: date | None = None, source: str = "",
) -> uuid.UUID:
    """A donor, an organisation, the secretariat, or an invented State of a demonstration (`code` XA to XZ).

    `names` maps languages to short names; English is needed. States and observers come from reference data only,
    unless `is_demo`. Raises RuleBroken; NotAllowed.
    """
    _may(actor, "account.people.manage")
    if "en" not in names:
        raise RuleBroken(gettext("Write the name in English."), code="organisation.name", field="name")
    if kind in ("state", "observer") and not is_demo:
        raise RuleBroken(gettext("States come from the reference data."), code="organisation.state", field="kind")
    if db.session.scalar(select(Organisation.id).where(Organisation.code == code)):
        raise RuleBroken(gettext("Another organisation has this code."), code="organisation.code", field="code")
    organisation = Organisation(
        id=new_id(), kind=kind, code=code, is_demo=is_demo,
        known_email=normal_email(known_email) if known_email else None,
    )
    db.session.add(organisation)
    db.session.flush()  # names point at it
    since = valid_from or clock.today()
    for language, text in names.items():
        db.session.add(OrganisationName(
            organisation_id=organisation.id, language=language, form="short", name=text,
            sort_key=sort_key(text, language), valid_from=since, source=source or "given at registration",
        ))
    events.record(actor, "accounts.organisation.create", "organisation", organisation.id,
                  data={"kind": kind, "code": code, "is_demo": is_demo})
    return organisation.id
