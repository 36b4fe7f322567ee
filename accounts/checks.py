"""What `flask verify` proves about people and organisations."""

from __future__ import annotations

import uuid
from datetime import date
from itertools import combinations, pairwise

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from accounts.designation_models import Designation
from accounts.factor_models import Passkey, RecoveryCode, SecondFactor
from accounts.models import NEVER_TOGETHER, Membership, Organisation, OrganisationFact, OrganisationName, Person
from accounts.permissions import ROLES
from core import clock
from core.db import db
from core.verify import check


@check("accounts.separate_hands")
def separate_hands() -> tuple[int, list[str]]:
    """Nobody holds an approving officer's role together with bank signatory or payee data officer."""
    one, two = aliased(Membership), aliased(Membership)
    far = "9999-12-31"
    faults: list[str] = []
    for a, b in NEVER_TOGETHER:
        pairs = db.session.execute(
            select(one.id, two.id, one.valid_from, one.valid_to, two.valid_from, two.valid_to)
            .join(two, two.person_id == one.person_id).where(one.role == a, two.role == b)
        )
        for first, second, from1, to1, from2, to2 in pairs:
            start, end = max(from1, from2).isoformat(), min(str(to1 or far), str(to2 or far))
            if start < end:
                faults.append(f"memberships {first} and {second} overlap")
    return db.session.scalar(select(func.count()).select_from(Membership)) or 0, faults


@check("accounts.memberships")
def memberships() -> tuple[int, list[str]]:
    """Every role is held in an organisation of a fitting kind, and somebody administers a used installation."""
    rows = db.session.execute(
        select(Membership.id, Membership.role, Organisation.kind)
        .join(Organisation, Organisation.id == Membership.organisation_id)
    ).all()
    faults = [f"membership {row.id}: {row.role} in {row.kind}" for row in rows if row.kind not in ROLES[row.role].kinds]
    return len(rows), faults


@check("accounts.names")
def names() -> tuple[int, list[str]]:
    """Every organisation has one English short name today, and dated names and facts of one kind do not overlap."""
    today = clock.today()
    faults: list[str] = []
    total = 0
    for model, key in ((OrganisationName, ("organisation_id", "language", "form")),
                       (OrganisationFact, ("organisation_id", "fact", "value"))):
        spans: dict[tuple[object, ...], list[tuple[str, str]]] = {}
        rows = db.session.execute(select(*(getattr(model, k) for k in key), model.valid_from, model.valid_to))
        for *parts, start, end in rows:
            total += 1
            spans.setdefault(tuple(parts), []).append((start.isoformat(), str(end or "9999-12-31")))
        for found, dates in spans.items():
            dates.sort()
            if any(left[1] > right[0] for left, right in pairwise(dates)):
                faults.append(f"{model.__tablename__} {'/'.join(map(str, found))}: dates overlap")
        if model is OrganisationName:
            named = {k[0] for k, dates in spans.items() if k[1:] == ("en", "short")
                     and any(a <= today.isoformat() < b for a, b in dates)}
            faults += [f"organisation {key} has no English name today"
                       for key in db.session.scalars(select(Organisation.id)) if key not in named]
    return total, faults


@check("accounts.people")
def people() -> tuple[int, list[str]]:
    """Addresses are in their normal spelling, and no password stands unhashed."""
    rows = db.session.execute(select(Person.id, Person.email, Person.password)).all()
    faults = [f"person {row.id}: address not in its normal spelling" for row in rows if row.email != row.email.lower()]
    faults += [f"person {row.id}: password is not an argon2 hash" for row in rows
               if row.password is not None and not row.password.startswith("$argon2id$")]
    return len(rows), faults


@check("accounts.alternates")
def alternates() -> tuple[int, list[str]]:
    """No alternate acts in a role that excludes one held, or acted in, on the same days; nobody designated himself."""
    far, faults = date.max, []
    rows = db.session.scalars(select(Designation)).all()
    acts: dict[uuid.UUID, list[tuple[str, date, date]]] = {}
    for d in rows:
        if d.alternate_id in (d.holder_id, d.designated_by):
            faults.append(f"designation {d.id} is of nobody else")
        if d.revoked_at is None:
            acts.setdefault(d.alternate_id, []).append((d.role, d.valid_from, d.valid_to))
    for m in db.session.scalars(select(Membership).where(Membership.person_id.in_(acts))):
        if m.valid_to is None or m.valid_to > m.valid_from:
            acts[m.person_id].append((m.role, m.valid_from, m.valid_to or far))
    for person, spans in acts.items():
        for (one, start, end), (other, begin, over) in combinations(spans, 2):
            if ((one, other) in NEVER_TOGETHER or (other, one) in NEVER_TOGETHER) and start < over and begin < end:
                faults.append(f"person {person} holds or acts as {one} and {other} on the same days")
    return len(rows), faults


@check("accounts.second_factors")
def second_factors() -> tuple[int, list[str]]:
    """Every passkey has its key, and recovery codes are good only where there is a factor they stand in for."""
    rows = db.session.execute(
        select(SecondFactor.id, SecondFactor.person_id, SecondFactor.kind, Passkey.factor_id,
               SecondFactor.confirmed_at.is_not(None) & SecondFactor.ended_at.is_(None))
        .outerjoin(Passkey, Passkey.factor_id == SecondFactor.id)).all()
    faults = [f"second factor {id}: a {kind} {'without' if key is None else 'with'} a public key"
              for id, _person, kind, key, _stands in rows if (kind == "passkey") != (key is not None)]
    have = {person for _id, person, _kind, _key, stands in rows if stands}
    holders = db.session.scalars(select(RecoveryCode.person_id).distinct().where(
        RecoveryCode.used_at.is_(None), RecoveryCode.void_at.is_(None)))
    faults += [f"person {person}: recovery codes without a second factor" for person in holders if person not in have]
    return len(rows), faults
