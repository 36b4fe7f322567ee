"""Who may do what: the one table, and the questions asked of it. Memberships count by the business date."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from flask import g, has_request_context
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy import BigInteger, Date, Uuid, and_, bindparam, cast, event, null, or_, select
from sqlalchemy.orm import aliased

from accounts.designation_models import Designation
from accounts.models import Membership, Person
from core import clock, machines
from core.actor import Actor
from core.db import PlacardSession, db, facts_of_command, forget_facts, mode
from core.errors import NotAllowed, RuleBroken, SignInNeeded
from core.money import usd
from core.web.formats import format_money


@dataclass(frozen=True)
class Role:
    """A role as people see it. `own` roles count only for the organisation they are held in; the others are offices
    that serve the whole fund or calendar. `kinds` are the kinds of organisation in which it may be held."""

    code: str
    label: Any
    description: Any
    kinds: tuple[str, ...]
    own: bool = False


_OFFICE = ("secretariat",)
_STATES = ("state", "observer")
ROLES: dict[str, Role] = {
    role.code: role
    for role in (
        Role("organiser", _l("Organiser"), _l("Publishes meetings and opens accounts of States."), _OFFICE),
        Role("fund_manager", _l("Fund manager"), _l("Opens calls, screens applications, keeps agreements."), _OFFICE),
        Role("panel_member", _l("Panel member"), _l("Recommends, with reasons where it departs from the ranking."),
             ("secretariat", "state", "observer", "donor", "organisation")),
        Role("head_of_fund", _l("Head of the fund"), _l("Decides on awards and accepts contributions."), _OFFICE),
        Role("requesting_officer", _l("Requesting officer"), _l("Raises disbursements and records the bank’s answer."),
             _OFFICE),
        Role("payee_data_officer", _l("Payee data officer"), _l("Checks payee data against proof; never approves."),
             _OFFICE),
        Role("certifying_officer", _l("Certifying officer"), _l("Confirms money, purpose and rules."), _OFFICE),
        Role("approving_officer", _l("Approving officer"),
             _l("Approves obligations and payments; never signs at the bank nor keeps payee data."), _OFFICE),
        Role("bank_signatory", _l("Bank signatory"), _l("Releases payments on or after their date."), _OFFICE),
        Role("paymaster", _l("Paymaster"),
             _l("Pays cash on arrival, counted by two; never approves nor releases."), _OFFICE),
        Role("focal_point", _l("Focal point"), _l("Applies and answers for the State."), _STATES, own=True),
        Role("nominee", _l("Nominee"), _l("Gives own payee data."), _STATES, own=True),
        Role("donor", _l("Donor"), _l("Pledges and pays; sees what the money carried."),
             ("state", "observer", "donor", "organisation"), own=True),
        Role("auditor", _l("Auditor"), _l("Sees everything, changes nothing."), ("secretariat", "organisation")),
        Role("administrator", _l("Administrator"), _l("Keeps people and their roles."), _OFFICE),
    )
}

_APPLICATIONS = frozenset({"fund_manager", "panel_member", "head_of_fund", "certifying_officer", "approving_officer",
                           "auditor"})
PERMISSIONS: dict[str, frozenset[str]] = {
    "account.request.review": frozenset({"organiser", "administrator"}),
    "account.people.manage": frozenset({"administrator"}),
    "calendar.manage": frozenset({"organiser"}),
    "calendar.mandates.view": frozenset({"organiser", "auditor"}),
    "programme.manage": frozenset({"organiser"}),
    "programme.request": frozenset({"organiser", "focal_point", "nominee", "donor", "panel_member"}),
    "documents.manage": frozenset({"organiser"}),
    "ledger.view": frozenset({"fund_manager", "head_of_fund", "certifying_officer", "approving_officer", "auditor"}),
    "rates.view": frozenset({"fund_manager", "head_of_fund", "certifying_officer", "approving_officer", "auditor"}),
    "rates.manage": frozenset({"fund_manager"}),
    "contribution.view_all": frozenset({"fund_manager", "head_of_fund", "requesting_officer", "auditor"}),
    "contribution.agreement": frozenset({"fund_manager"}),
    "contribution.accept": frozenset({"head_of_fund"}),
    "contribution.refund": frozenset({"fund_manager", "head_of_fund"}),
    "contribution.refund.approve": frozenset({"head_of_fund"}),
    "contribution.write_off": frozenset({"head_of_fund"}),
    "contribution.deposit": frozenset({"requesting_officer"}),
    "contribution.check": frozenset({"fund_manager"}),
    "contribution.settings": frozenset({"fund_manager"}),
    "contribution.settings.approve": frozenset({"head_of_fund"}),
    "shortfall.cover": frozenset({"fund_manager"}),
    "shortfall.approve": frozenset({"head_of_fund"}),
    "contribution.invoice": frozenset({"fund_manager"}),
    "contribution.reconcile": frozenset({"fund_manager"}),
    "contribution.own": frozenset({"donor"}),
    "call.manage": frozenset({"fund_manager"}),
    "application.write": frozenset({"focal_point"}),
    "application.own": frozenset({"focal_point"}),
    "application.screen": frozenset({"fund_manager"}),
    "application.view_all": _APPLICATIONS,
    "panel.recommend": frozenset({"panel_member"}),
    "award.decide": frozenset({"head_of_fund"}),
    "obligation.certify": frozenset({"certifying_officer"}),
    "obligation.approve": frozenset({"approving_officer"}),
    "award.answer": frozenset({"focal_point"}),
    "award.estimate": frozenset({"fund_manager"}),
    "travel_rates.manage": frozenset({"fund_manager"}),
    "award.withdraw": frozenset({"fund_manager"}),
    "travel.override": frozenset({"head_of_fund"}),
    "letter.sign": frozenset({"head_of_fund", "fund_manager"}),
    "award.view_all": _APPLICATIONS | {"requesting_officer", "payee_data_officer", "bank_signatory"},
    "disbursement.request": frozenset({"requesting_officer"}),
    "disbursement.certify": frozenset({"certifying_officer"}),
    "disbursement.approve": frozenset({"approving_officer"}),
    "disbursement.release": frozenset({"bank_signatory"}),
    "disbursement.confirm": frozenset({"requesting_officer"}),
    "disbursement.resolve": frozenset({"head_of_fund", "certifying_officer"}),
    "disbursement.view_all": frozenset({"requesting_officer", "certifying_officer", "approving_officer",
                                        "bank_signatory", "fund_manager", "head_of_fund", "auditor"}),
    "paymaster.pay": frozenset({"paymaster"}),
    "payee.enter": frozenset({"focal_point", "nominee"}),
    "payee.verify": frozenset({"payee_data_officer"}),
    "claim.submit": frozenset({"focal_point", "nominee"}),
    "claim.settle": frozenset({"requesting_officer"}),
    "claim.late.decide": frozenset({"head_of_fund"}),
    "claim.late.agree": frozenset({"certifying_officer", "approving_officer"}),
    "recovery.record": frozenset({"requesting_officer"}),
    "recovery.write_off": frozenset({"head_of_fund"}),
    "report.write": frozenset({"focal_point", "nominee"}),
    "sanctions.import": frozenset({"payee_data_officer"}),
    "sanctions.review": frozenset({"payee_data_officer", "certifying_officer"}),
    "audit.view": frozenset({"auditor", "head_of_fund"}),
    "operations.view": frozenset({"administrator", "auditor"}),
    "approval.rules.propose": frozenset({"fund_manager"}),
    "approval.rules.agree": frozenset({"head_of_fund"}),
    "release.stop": frozenset({"approving_officer", "bank_signatory", "head_of_fund"}),
    "release.restart": frozenset({"approving_officer", "bank_signatory", "head_of_fund"}),
    "factor.reset": frozenset({"administrator"}),
    "factor.reset.approve": frozenset({"administrator", "organiser", "head_of_fund"}),
    "alternate.designate": frozenset({"head_of_fund"}),
    "alternate.view": frozenset({"head_of_fund", "administrator", "auditor"}),
}
# What an alternate may do in the holder's place: the steps of the chains and what one must see to take them. No more:
# authority is personal and is not passed on.
ACTED = frozenset({
    "award.decide", "obligation.certify", "obligation.approve", "disbursement.request", "disbursement.certify",
    "disbursement.approve", "disbursement.release", "application.view_all", "award.view_all", "disbursement.view_all",
})

Holding = tuple[uuid.UUID, str]  # organisation, role


@dataclass(frozen=True)
class Acting:
    """A role in which a person acts today for its holder; single amounts up to `limit_minor` US cents."""

    designation_id: uuid.UUID
    role: str
    holder_id: uuid.UUID
    limit_minor: int | None


@dataclass(frozen=True)
class Held:
    """The roles a person holds, and those the person acts in as an alternate."""

    own: frozenset[Holding]
    acting: tuple[Acting, ...]


_HOLDER, _ALTERNATE = aliased(Person), aliased(Person)
_PERSON, _TODAY = bindparam("person", type_=Uuid()), bindparam("today", type_=Date())
_ON_TODAY = (Membership.valid_from <= _TODAY, or_(Membership.valid_to.is_(None), Membership.valid_to > _TODAY))
# built once: it is asked on every page, and building it takes longer than running it
_HELD = (
    select(Membership.organisation_id, Membership.role, cast(null(), Uuid()).label("designation_id"),
           cast(null(), Uuid()).label("holder_id"), cast(null(), BigInteger).label("limit_minor"))
    .join(Person, Person.id == Membership.person_id)
    .where(Membership.person_id == _PERSON, Person.active, *_ON_TODAY)
    .union_all(
        select(Membership.organisation_id, Membership.role, Designation.id, Designation.holder_id,
               Designation.limit_minor)
        .join(Designation, and_(Designation.holder_id == Membership.person_id, Designation.role == Membership.role))
        .join(_HOLDER, _HOLDER.id == Designation.holder_id)
        .join(_ALTERNATE, _ALTERNATE.id == Designation.alternate_id)
        .where(Designation.alternate_id == _PERSON, Designation.revoked_at.is_(None),
               Designation.valid_from <= _TODAY, Designation.valid_to > _TODAY, _HOLDER.active, _ALTERNATE.active,
               *_ON_TODAY))
)


def _held(person_id: uuid.UUID) -> Held:
    """Roles of an active person today, in one query. Read once per page; asked anew by each command, and within one
    after every lock and once it has written anything that roles follow from."""
    today = clock.today()
    cache: dict[Any, Held] | None = None
    if has_request_context() and mode() == "read":
        cache = g.setdefault("holdings", {})
    elif (facts := facts_of_command()) is not None:
        if _touches_authority(db.session()):
            forget_facts()
        else:
            cache = facts.setdefault("holdings", {})
    if cache is not None and (person_id, today) in cache:
        return cache[person_id, today]
    rows = db.session.execute(_HELD, {"person": person_id, "today": today}).all()
    acting = {Acting(row.designation_id, row.role, row.holder_id, row.limit_minor)
              for row in rows if row.designation_id is not None}
    found = Held(frozenset((row.organisation_id, row.role) for row in rows if row.designation_id is None),
                 tuple(sorted(acting, key=lambda a: (a.role, a.designation_id))))
    if cache is not None:
        cache[person_id, today] = found
    return found


_AUTHORITY = (Membership, Designation, Person)  # what roles follow from
_AUTHORITY_TABLES = tuple(model.__table__ for model in _AUTHORITY)


def _touches_authority(session: Any) -> bool:
    return any(isinstance(row, _AUTHORITY) for rows in (session.new, session.dirty, session.deleted) for row in rows)


@event.listens_for(PlacardSession, "after_flush")
def _authority_flushed(session: Any, _context: Any) -> None:
    if _touches_authority(session):
        session.info.pop("facts", None)


@event.listens_for(PlacardSession, "do_orm_execute")
def _authority_written(state: Any) -> None:
    if not state.is_select and getattr(state.statement, "table", None) in _AUTHORITY_TABLES:
        state.session.info.pop("facts", None)


def holdings(person_id: uuid.UUID) -> frozenset[Holding]:
    """The roles an active person holds today."""
    return _held(person_id).own


def _holds_on(day: Any) -> tuple[Any, ...]:
    return (Membership.valid_from <= day, or_(Membership.valid_to.is_(None), Membership.valid_to > day))


def roles_acted(person_id: uuid.UUID) -> frozenset[str]:
    """Codes of the roles a person holds or acts in today."""
    held = _held(person_id)
    return frozenset(role for _organisation, role in held.own) | {acting.role for acting in held.acting}


def acting_for(
    actor: Actor, permission: str, amount_minor: int | None = None, signed: Collection[uuid.UUID] = (),
) -> Acting | None:
    """How the person comes to this permission: None through an own role, else the designation under which the act is
    done, one whose limit carries `amount_minor` (US cents), of a holder not among `signed` where there is one.
    Raises RuleBroken above every limit; assumes `require`."""
    if actor.person_id is None:
        return None
    wanted, held = _roles_with(permission), _held(actor.person_id)
    if any(role in wanted for _organisation, role in held.own):
        return None
    mine = sorted((a for a in held.acting if a.role in wanted and permission in ACTED),
                  key=lambda a: a.holder_id in signed)
    if not mine:
        return None
    for acting in mine:
        if acting.limit_minor is None or amount_minor is None or amount_minor <= acting.limit_minor:
            return acting
    most = max(a.limit_minor or 0 for a in mine)
    raise RuleBroken(
        gettext("As an alternate you act for amounts up to %(most)s. This one needs the holder of the office.",
                most=format_money(usd(most))), code="designation.limit")


def roles_of(person_id: uuid.UUID) -> frozenset[str]:
    """Codes of the roles an active person holds today, in whatever organisation."""
    return frozenset(role for _organisation, role in holdings(person_id))


def _roles_with(permission: str) -> frozenset[str]:
    return PERMISSIONS[permission]  # an unknown permission is a programming error: KeyError


def allows(actor: Actor, permission: str, organisation_id: uuid.UUID | None = None) -> bool:
    """Whether `actor` holds `permission`.

    With `organisation_id`, roles of focal points, nominees and donors count only in that organisation; offices (fund
    manager, certifying officer and so on) serve every organisation. The public and the system hold nothing.
    """
    wanted = _roles_with(permission)
    if actor.person_id is None:
        return False
    held = _held(actor.person_id)
    return any(
        role in wanted and (organisation_id is None or not ROLES[role].own or organisation == organisation_id)
        for organisation, role in held.own
    ) or (permission in ACTED and any(acting.role in wanted for acting in held.acting))


def require(actor: Actor, permission: str, organisation_id: uuid.UUID | None = None) -> None:
    """Raises SignInNeeded for the public, NotAllowed for a person (or part of the system) without the permission."""
    if allows(actor, permission, organisation_id):
        return
    if actor.kind == "public":
        raise SignInNeeded()
    raise NotAllowed(gettext("Your roles do not include this."), code=f"needs.{permission}")


def require_any(actor: Actor, permissions: Iterable[str]) -> None:
    """As `require`; one of `permissions`, in whatever organisation, is enough."""
    wanted = tuple(permissions)
    if not any(allows(actor, permission) for permission in wanted):
        require(actor, wanted[0])


def organisations_with(actor: Actor, permission: str) -> set[uuid.UUID]:
    """The organisations in which the person holds a role with this permission today."""
    wanted = _roles_with(permission)
    if actor.person_id is None:
        return set()
    return {organisation for organisation, role in holdings(actor.person_id) if role in wanted}


@dataclass(frozen=True)
class Contact:
    """Whom to write to, in which language."""

    person_id: uuid.UUID
    email: str
    locale: str


def people_with(permission: str, organisation_id: uuid.UUID | None = None) -> list[Contact]:
    """Active persons who hold the permission today (for `organisation_id` as in `allows`), in order of e-mail."""
    wanted = _roles_with(permission)
    return _people(wanted, organisation_id)


def alternates_with(permission: str) -> list[Contact]:
    """Active persons who act today, as alternates, in a role with this permission, in order of e-mail."""
    wanted, today, holder = _roles_with(permission), clock.today(), aliased(Person)
    if permission not in ACTED:
        return []
    rows = db.session.execute(
        select(Person.id, Person.email, Person.locale)
        .join(Designation, Designation.alternate_id == Person.id)
        .join(Membership, and_(Membership.person_id == Designation.holder_id, Membership.role == Designation.role))
        .join(holder, holder.id == Designation.holder_id)
        .where(Person.active, holder.active, Designation.role.in_(sorted(wanted)), Designation.revoked_at.is_(None),
               Designation.valid_from <= today, Designation.valid_to > today, *_holds_on(today))
        .distinct().order_by(Person.email)
    )
    return [Contact(row.id, row.email, row.locale) for row in rows]


def people_in_role(role: str, organisation_id: uuid.UUID | None = None) -> list[Contact]:
    """Active persons who hold one role today."""
    return _people([ROLES[role].code], organisation_id)


# built once, as _HELD: every mail asks it
_PEOPLE = (
    select(Person.id, Person.email, Person.locale)
    .join(Membership, Membership.person_id == Person.id)
    .where(Person.active, *_ON_TODAY, or_(
        Membership.role.in_(bindparam("anywhere", expanding=True)),
        and_(Membership.role.in_(bindparam("own", expanding=True)),
             Membership.organisation_id == bindparam("organisation", type_=Uuid()))))
    .distinct().order_by(Person.email)
)


def _people(roles: Iterable[str], organisation_id: uuid.UUID | None) -> list[Contact]:
    wanted = sorted(roles)
    own = [role for role in wanted if ROLES[role].own and organisation_id is not None]
    rows = db.session.execute(_PEOPLE, {
        "anywhere": [role for role in wanted if role not in own], "own": own, "organisation": organisation_id,
        "today": clock.today()})
    return [Contact(row.id, row.email, row.locale) for row in rows]


machines.use_authoriser(require)
