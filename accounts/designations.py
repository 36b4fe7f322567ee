"""Alternates: designate, revoke, list. An alternate acts under the own name for the holder and passes nothing on."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError

from accounts.designation_models import DESIGNABLE, Designation
from accounts.models import Membership, Organisation, Person
from accounts.permissions import ROLES, allows, require, roles_of
from accounts.queries import person_labels
from accounts.service import in_language
from accounts.settings import setting
from core import clock, events
from core.actor import Actor
from core.db import command, db, get, lock, new_id
from core.errors import RuleBroken, Stale
from core.machines import State
from core.money import Money, usd
from core.outbox import send_mail
from core.web.formats import format_day, format_money
from core.web.links import absolute


@dataclass(frozen=True)
class Wish:
    """What is to be designated; `valid_to` is exclusive, `limit_minor` US cents for a single amount."""

    holder_id: uuid.UUID
    role: str
    alternate_id: uuid.UUID
    valid_from: date
    valid_to: date
    limit_minor: int | None = None


def _holds(person_id: uuid.UUID, role: str, day: date) -> bool:
    return db.session.scalar(select(Membership.id).where(
        Membership.person_id == person_id, Membership.role == role, Membership.valid_from <= day,
        or_(Membership.valid_to.is_(None), Membership.valid_to > day)).limit(1)) is not None


@command
def designate(actor: Actor, wish: Wish) -> uuid.UUID:
    """Designate an alternate, who is told by mail, as is the holder.

    Raises RuleBroken with its field: dates, the holder does not hold the role, oneself, nobody of the secretariat, an
    auditor, hands that must stay separate; NotAllowed.
    """
    require(actor, "alternate.designate")
    assert actor.person_id is not None
    _check(actor, wish)
    row = Designation(
        id=new_id(), holder_id=wish.holder_id, role=wish.role, alternate_id=wish.alternate_id,
        valid_from=wish.valid_from, valid_to=wish.valid_to, limit_minor=wish.limit_minor,
        designated_by=actor.person_id, designated_at=clock.real_now())
    db.session.add(row)
    try:
        db.session.flush()  # the database holds the separate hands: told here, beside the field
    except IntegrityError as error:
        raise RuleBroken(
            _("This person holds a role that excludes acting in this one: an approving officer is never bank signatory "
              "nor payee data officer, not even as an alternate."), code="designation.separate_hands",
            field="alternate_id") from error
    events.record(actor, "accounts.designation.designate", "designation", row.id,
                  data={"holder": str(row.holder_id), "alternate": str(row.alternate_id), "role": row.role,
                        "from": row.valid_from.isoformat(), "to": row.valid_to.isoformat(),
                        "limit_minor": row.limit_minor})
    _tell(row, revoked=False)
    return row.id


def _check(actor: Actor, wish: Wish) -> None:
    if wish.role not in DESIGNABLE:
        raise RuleBroken(_("For this role no alternate is designated. Give the role to a second person instead."),
                         code="designation.role", field="office")
    if wish.valid_to <= wish.valid_from:
        raise RuleBroken(_("The last day must not come before the first."), code="designation.dates",
                         field="last_day")
    if wish.valid_to <= clock.today():
        raise RuleBroken(_("These days are over."), code="designation.past", field="last_day")
    most = int(setting("alternate_most_days"))
    if wish.valid_to - wish.valid_from > timedelta(days=most):
        raise RuleBroken(_("An alternate is designated for at most %(n)s days. Longer: give the role.", n=most),
                         code="designation.too_long", field="last_day")
    if wish.alternate_id in (wish.holder_id, actor.person_id):
        raise RuleBroken(_("Choose another person: nobody is his or her own alternate, and nobody designates himself "
                           "or herself."), code="designation.oneself", field="alternate_id")
    get(Person, wish.holder_id)
    alternate = lock(Person, wish.alternate_id)
    if not _holds(wish.holder_id, wish.role, wish.valid_from):
        raise RuleBroken(_("This person does not hold the role on the first day."), code="designation.holder",
                         field="office")
    office = db.session.scalar(
        select(Membership.id).join(Organisation, Organisation.id == Membership.organisation_id)
        .where(Membership.person_id == alternate.id, Organisation.kind == "secretariat",
               or_(Membership.valid_to.is_(None), Membership.valid_to > wish.valid_from)).limit(1))
    if office is None or not alternate.active:
        raise RuleBroken(_("An alternate is a person of the secretariat."), code="designation.outside",
                         field="alternate_id")
    if "auditor" in roles_of(alternate.id):
        raise RuleBroken(_("An auditor sees everything and changes nothing, so cannot be an alternate."),
                         code="designation.auditor", field="alternate_id")


@command
def revoke(actor: Actor, designation_id: uuid.UUID) -> None:
    """End a designation at once: by whoever may designate, or by the holder. Raises NotAllowed, Stale."""
    row = lock(Designation, designation_id)
    if actor.person_id != row.holder_id:
        require(actor, "alternate.designate")
    if row.revoked_at is not None:
        raise Stale()
    row.revoked_at, row.revoked_by = clock.now(), actor.person_id
    events.record(actor, "accounts.designation.revoke", "designation", row.id,
                  data={"holder": str(row.holder_id), "alternate": str(row.alternate_id), "role": row.role})
    _tell(row, revoked=True)


def _tell(row: Designation, *, revoked: bool) -> None:
    names = person_labels([row.holder_id, row.alternate_id])
    for person_id in (row.alternate_id, row.holder_id):
        person = get(Person, person_id)
        with in_language(person.locale):
            role = str(ROLES[row.role].label)
            facts = _("%(alternate)s, alternate of %(holder)s as %(role)s, %(first)s to %(last)s",
                      alternate=names.get(row.alternate_id, ""), holder=names.get(row.holder_id, ""), role=role,
                      first=format_day(row.valid_from), last=format_day(row.valid_to - timedelta(days=1)))
            if row.limit_minor is not None:
                facts += ", " + _("up to %(limit)s for a single amount", limit=format_money(usd(row.limit_minor)))
            words = (_("This designation has been revoked:") if revoked else
                     _("An alternate has been designated. Whoever acts as an alternate signs under the own name, and "
                       "the record says for whom:"))
            send_mail(
                person.email, kind="designation",
                subject=_("No longer an alternate: %(role)s", role=role) if revoked
                else _("Alternate designated: %(role)s", role=role),
                body=f"{words}\n\n{facts}\n\n{absolute('accounts.me')}\n",
                dedupe_key=f"designation:{row.id}:{'revoked' if revoked else 'made'}:{person_id}")


# --- lists ------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class DesignationRow:
    """A designation with names. `last_day` is inclusive."""

    id: uuid.UUID
    alternate: str
    holder: str
    holder_id: uuid.UUID
    role: str
    valid_from: date
    last_day: date
    limit: Money | None
    designated_by: str
    designated_at: datetime
    revoked_by: str | None
    revoked_at: datetime | None
    status: State

    @property
    def role_label(self) -> str:
        return str(ROLES[self.role].label)

    @property
    def open(self) -> bool:
        return self.status.code in ("acts", "later")


def _status(row: Designation, today: date) -> State:
    if row.revoked_at is not None:
        return State("revoked", _("Revoked"), "stopped")
    if row.valid_to <= today:
        return State("over", _("Over"), "neutral")
    if row.valid_from > today:
        return State("later", _("Begins later"), "waiting")
    return State("acts", _("Acts today"), "done")


def _rows(found: Iterable[Designation]) -> list[DesignationRow]:
    rows, today = list(found), clock.today()
    names = person_labels({p for r in rows for p in (r.holder_id, r.alternate_id, r.designated_by, r.revoked_by)})
    return [DesignationRow(
        r.id, names.get(r.alternate_id, ""), names.get(r.holder_id, ""), r.holder_id, r.role, r.valid_from,
        r.valid_to - timedelta(days=1), usd(r.limit_minor) if r.limit_minor is not None else None,
        names.get(r.designated_by, ""), r.designated_at, names.get(r.revoked_by) if r.revoked_by else None,
        r.revoked_at, _status(r, today)) for r in rows]


def all_designations(limit: int = 1000) -> list[DesignationRow]:
    """Every designation, the newest first."""
    return _rows(db.session.scalars(select(Designation).order_by(Designation.designated_at.desc()).limit(limit)))


def designations_of(person_id: uuid.UUID) -> list[DesignationRow]:
    """Those that concern a person, as holder or alternate, and are not over."""
    return _rows(db.session.scalars(
        select(Designation).where(
            or_(Designation.holder_id == person_id, Designation.alternate_id == person_id),
            Designation.revoked_at.is_(None), Designation.valid_to > clock.today())
        .order_by(Designation.valid_from, Designation.id)))


def designation(designation_id: uuid.UUID, actor: Actor) -> DesignationRow:
    """One, for the page that revokes it. Raises NotFound, NotAllowed."""
    row = get(Designation, designation_id)
    if actor.person_id != row.holder_id and not allows(actor, "alternate.view"):
        require(actor, "alternate.designate")
    return _rows([row])[0]


def offices() -> list[tuple[str, str]]:
    """(holder:role, words) of everybody who holds a role that may have an alternate."""
    today = clock.today()
    rows = db.session.execute(
        select(Membership.person_id, Membership.role).join(Person, Person.id == Membership.person_id)
        .where(Membership.role.in_(DESIGNABLE), Person.active, Membership.valid_from <= today,
               or_(Membership.valid_to.is_(None), Membership.valid_to > today)).distinct()).all()
    names = person_labels(row.person_id for row in rows)
    found = [(f"{row.person_id}:{row.role}", f"{ROLES[row.role].label}: {names.get(row.person_id, '')}")
             for row in rows]
    return sorted(found, key=lambda pair: pair[1])


def candidates() -> list[tuple[str, str]]:
    """People of the secretariat who are no auditors."""
    today = clock.today()
    current = (Membership.valid_from <= today, or_(Membership.valid_to.is_(None), Membership.valid_to > today))
    auditors = select(Membership.person_id).where(Membership.role == "auditor", *current)
    ids = db.session.scalars(
        select(Membership.person_id).join(Organisation, Organisation.id == Membership.organisation_id)
        .join(Person, Person.id == Membership.person_id)
        .where(Organisation.kind == "secretariat", Person.active, Person.id.not_in(auditors), *current)
        .distinct()).all()
    return sorted(((str(key), name) for key, name in person_labels(ids).items()), key=lambda pair: pair[1])
