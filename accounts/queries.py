"""What pages may know about people and organisations: typed rows, a fixed number of queries each."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from babel import Locale
from flask import current_app
from flask_babel import get_locale, gettext
from sqlalchemy import or_, select

from accounts.models import Membership, Organisation, OrganisationFact, OrganisationName, Person
from accounts.permissions import Contact
from core import clock, vault
from core.db import db
from core.errors import NotFound
from core.web.tables import TableQuery


def reader_language() -> str:
    """The language of names for this reader: one of the six, English otherwise."""
    locale = get_locale()
    return locale.language if locale and locale.language in ("ar", "zh", "en", "fr", "ru", "es") else "en"


def shows_demonstration() -> bool:
    """Whether invented States and donors are offered in choices: never in production."""
    return bool(current_app.extensions["placard_settings"].env != "production")


def mail_languages() -> list[tuple[str, str]]:
    """The languages on offer as (code, own name)."""
    codes: tuple[str, ...] = current_app.extensions["placard_languages"]
    return [(code, Locale.parse(code).get_display_name(code) or code) for code in codes]


# --- organisations ----------------------------------------------------------------------------------------------
def names(organisation_ids: Iterable[uuid.UUID], form: str = "short", on: date | None = None) -> dict[uuid.UUID, str]:
    """Names valid on a day (today), in the reader's language, else in English, else the code."""
    wanted = set(organisation_ids)
    if not wanted:
        return {}
    day, language = on or clock.today(), reader_language()
    found: dict[uuid.UUID, str] = {}
    rows = db.session.execute(
        select(Organisation.id, Organisation.code, OrganisationName.language, OrganisationName.name)
        .outerjoin(
            OrganisationName,
            (OrganisationName.organisation_id == Organisation.id) & (OrganisationName.form == form)
            & OrganisationName.language.in_({language, "en"}) & _valid(OrganisationName, day),
        )
        .where(Organisation.id.in_(wanted))
    ).all()
    for row in sorted(rows, key=lambda row: row.language == language):  # the reader's language last: it wins
        found[row.id] = row.name or row.code
    return found


def name(organisation_id: uuid.UUID) -> str:
    """One organisation's name in the reader's language. Raises NotFound."""
    found = names([organisation_id])
    if organisation_id not in found:
        raise NotFound()
    return found[organisation_id]


@dataclass(frozen=True)
class OrganisationRow:
    """An organisation in a list."""

    id: uuid.UUID
    kind: str
    code: str
    name: str
    is_demo: bool


def list_states(include_demo: bool = False) -> list[OrganisationRow]:
    """States and observers (invented ones on request), in the order of the reader's language."""
    return list_organisations(("state", "observer"), include_demo)


def list_organisations(kinds: Iterable[str] | None = None, include_demo: bool = False) -> list[OrganisationRow]:
    """Organisations of these kinds (all), in the order of their names in the reader's language."""
    language, day = reader_language(), clock.today()
    query = (
        select(Organisation, OrganisationName)
        .outerjoin(
            OrganisationName,
            (OrganisationName.organisation_id == Organisation.id) & (OrganisationName.form == "short")
            & OrganisationName.language.in_({language, "en"}) & _valid(OrganisationName, day),
        )
    )
    if kinds is not None:
        query = query.where(Organisation.kind.in_(list(kinds)))
    if not include_demo:
        query = query.where(Organisation.is_demo.is_(False))
    best: dict[uuid.UUID, tuple[str, OrganisationRow]] = {}
    rows = db.session.execute(query).all()
    for organisation, named in sorted(rows, key=lambda row: bool(row[1]) and row[1].language == language):
        label = named.name if named else organisation.code
        best[organisation.id] = (
            named.sort_key if named else organisation.code.casefold(),
            OrganisationRow(organisation.id, organisation.kind, organisation.code, label, organisation.is_demo),
        )
    return [row for _key, row in sorted(best.values(), key=lambda pair: (pair[0], pair[1].code))]


def organisation_by_code(code: str) -> uuid.UUID:
    """The id behind a code such as AFG or XA. Raises NotFound."""
    found = db.session.scalar(select(Organisation.id).where(Organisation.code == code))
    if found is None:
        raise NotFound()
    return found


def get_organisation(organisation_id: uuid.UUID) -> OrganisationRow:
    """One organisation. Raises NotFound."""
    row = db.session.get(Organisation, organisation_id)
    if row is None:
        raise NotFound()
    return OrganisationRow(row.id, row.kind, row.code, name(row.id), row.is_demo)


def facts_at(organisation_ids: Iterable[uuid.UUID], day: date) -> dict[uuid.UUID, frozenset[str]]:
    """Facts that held on `day`: 'ldc', 'lldc', 'sids', 'group:African', 'oda:least_developed'. Every id is a key."""
    return {key: frozenset(row.code for row in rows) for key, rows in dated_facts(organisation_ids, day).items()}


@dataclass(frozen=True)
class Fact:
    """A dated fact with its source, as evidence for screening."""

    code: str
    valid_from: date
    valid_to: date | None
    source: str


def dated_facts(organisation_ids: Iterable[uuid.UUID], day: date) -> dict[uuid.UUID, list[Fact]]:
    """Facts that held on `day` with their sources, in order of code. Every id is a key."""
    wanted = set(organisation_ids)
    found: dict[uuid.UUID, list[Fact]] = {key: [] for key in wanted}
    if not wanted:
        return found
    for row in db.session.scalars(
        select(OrganisationFact)
        .where(OrganisationFact.organisation_id.in_(wanted), _valid(OrganisationFact, day))
        .order_by(OrganisationFact.fact, OrganisationFact.value)
    ):
        code = f"{row.fact}:{row.value}" if row.fact in ("group", "oda") else row.fact
        found[row.organisation_id].append(Fact(code, row.valid_from, row.valid_to, row.source))
    return found


def _valid(model: type[OrganisationName] | type[OrganisationFact], day: date):  # type: ignore[no-untyped-def]
    return (model.valid_from <= day) & or_(model.valid_to.is_(None), model.valid_to > day)


# --- people -----------------------------------------------------------------------------------------------------
def person_labels(person_ids: Iterable[uuid.UUID | None]) -> dict[uuid.UUID, str]:
    """Names of persons, for the timelines that officers see. Erased persons are 'a former user'."""
    wanted = {key for key in person_ids if key is not None}
    if not wanted:
        return {}
    vault.preload(wanted)
    rows = db.session.execute(select(Person.id, Person.name_sealed).where(Person.id.in_(wanted)))
    return {row.id: vault.unseal(row.id, row.name_sealed) or gettext("a former user") for row in rows}


def find_person_ids(emails: Iterable[str]) -> dict[str, uuid.UUID]:
    """As `find_person_id`, for many addresses in small letters, in one query."""
    return {row.email: row.id for row in db.session.execute(
        select(Person.id, Person.email).where(Person.email.in_(set(emails))))}


def find_person_id(email: str) -> uuid.UUID | None:
    """The person who signs in with this e-mail, in whatever case it was typed."""
    return db.session.scalar(select(Person.id).where(Person.email == email.strip().lower()))


def focal_points(of_demonstration: bool) -> list[Contact]:
    """Every active focal point of today, of invented States or of real ones; who serves several States comes once."""
    today = clock.today()
    rows = db.session.execute(
        select(Person.id, Person.email, Person.locale)
        .join(Membership, Membership.person_id == Person.id)
        .join(Organisation, Organisation.id == Membership.organisation_id)
        .where(Person.active, Membership.role == "focal_point", Organisation.is_demo.is_(of_demonstration),
               Membership.valid_from <= today, or_(Membership.valid_to.is_(None), Membership.valid_to > today))
        .distinct().order_by(Person.email)
    )
    return [Contact(row.id, row.email, row.locale) for row in rows]


@dataclass(frozen=True)
class MembershipRow:
    """A role of a person. `valid_to` is the first day on which it no longer holds."""

    id: uuid.UUID
    person_id: uuid.UUID
    organisation_id: uuid.UUID
    organisation: str
    role: str
    valid_from: date
    valid_to: date | None
    holds: bool
    ended: bool
    granted_by: uuid.UUID | None
    evidence_file_id: uuid.UUID | None

    @property
    def last_day(self) -> date | None:
        """The last day on which it holds, as people say it; None when open or when it never held."""
        return None if self.valid_to is None or self.never else self.valid_to - timedelta(days=1)

    @property
    def never(self) -> bool:
        """Ended on the day it began: it never counted."""
        return self.valid_to == self.valid_from


@dataclass(frozen=True)
class PersonRow:
    """A person in the list of people: name, sign-in address and the roles that hold today."""

    id: uuid.UUID
    name: str
    email: str
    active: bool
    confirmed: bool
    is_demo: bool
    created_at: datetime
    last_sign_in_at: datetime | None
    roles: tuple[MembershipRow, ...]


def memberships_of(person_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, list[MembershipRow]]:
    """Every membership, past and future too, newest first. Every id is a key."""
    wanted = set(person_ids)
    found: dict[uuid.UUID, list[MembershipRow]] = {key: [] for key in wanted}
    rows = db.session.scalars(
        select(Membership).where(Membership.person_id.in_(wanted))
        .order_by(Membership.valid_from.desc(), Membership.role, Membership.id)
    ).all()
    labels, today = names({row.organisation_id for row in rows}), clock.today()
    for row in rows:
        ended = row.valid_to is not None and row.valid_to <= max(today, row.valid_from)
        found[row.person_id].append(
            MembershipRow(row.id, row.person_id, row.organisation_id, labels[row.organisation_id], row.role,
                          row.valid_from, row.valid_to, row.valid_from <= today and not ended, ended,
                          row.granted_by, row.evidence_file_id)
        )
    return found


def list_people(query: TableQuery) -> tuple[list[PersonRow], int]:
    """People with their roles of today, by the table's order (name or e-mail), and how many there are.

    Names are sealed, so they cannot be searched or sorted in SQL: both happen here, over at most a few thousand
    rows. Filters: q (part of a name or address), role, active (yes or no).
    """
    statement = select(Person).order_by(Person.email)
    if query.get("role"):
        today = clock.today()
        statement = statement.where(Person.id.in_(
            select(Membership.person_id).where(
                Membership.role == query.get("role"), Membership.valid_from <= today,
                or_(Membership.valid_to.is_(None), Membership.valid_to > today))
        ))
    if query.get("active"):
        statement = statement.where(Person.active.is_(query.get("active") == "yes"))
    people = list(db.session.scalars(statement.limit(10_000)))
    vault.preload(person.id for person in people)
    labelled = [(person.name, person) for person in people]
    if words := (query.get("q") or "").casefold():
        labelled = [(n, p) for n, p in labelled if words in n.casefold() or words in p.email]
    if query.sort == "email":
        labelled.sort(key=lambda pair: pair[1].email, reverse=query.descending)
    else:
        labelled.sort(key=lambda pair: (pair[0].casefold(), pair[1].email), reverse=query.descending)
    total = len(labelled)
    if query.format is None:
        labelled = labelled[query.offset:query.offset + query.limit]
    roles = memberships_of(person.id for _name, person in labelled)
    return [_person_row(label, person, roles[person.id]) for label, person in labelled], total


def get_person(person_id: uuid.UUID) -> PersonRow:
    """One person with every membership. Raises NotFound."""
    person = db.session.get(Person, person_id)
    if person is None:
        raise NotFound()
    return _person_row(person.name, person, memberships_of([person_id])[person_id])


def _person_row(label: str, person: Person, roles: list[MembershipRow]) -> PersonRow:
    return PersonRow(person.id, label, person.email, person.active, person.confirmed_at is not None, person.is_demo,
                     person.created_at, person.last_sign_in_at, tuple(roles))


def acts_for_ministry(person_id: uuid.UUID | None, organisation_id: uuid.UUID) -> bool:
    """Whether a focal point of a State sits in a ministry today, and in no mission of it."""
    today = clock.today()
    rows = db.session.scalars(
        select(Membership.of_ministry).where(
            Membership.person_id == person_id, Membership.organisation_id == organisation_id,
            Membership.role == "focal_point", Membership.valid_from <= today,
            Membership.valid_to.is_(None) | (Membership.valid_to > today))
    ).all()
    return bool(rows) and all(rows)
