"""Agreements for pages: typed rows, a fixed number of queries."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from accounts.models import Organisation
from accounts.queries import names
from core import clock
from core.db import db
from sponsorship.contributions.agreements import agreement_in_force, in_force
from sponsorship.contributions.models import Agreement
from sponsorship.contributions.pools import pool_names, purpose_names

MAX_LIST = 10_000


@dataclass(frozen=True)
class AgreementRow:
    """An agreement on record. `support_rate_bp` in basis points."""

    id: uuid.UUID
    organisation_id: uuid.UUID
    donor: str
    reference: str
    exchange_of_letters: date
    support_rate_bp: int
    end_date: date | None
    pool: str
    in_force: bool
    replaced: bool


def list_agreements() -> list[AgreementRow]:
    """Every agreement, newest first, with whether it is the one in force for its donor today."""
    rows = list(db.session.scalars(
        select(Agreement).order_by(Agreement.recorded_at.desc(), Agreement.id.desc()).limit(MAX_LIST)
    ))
    donors, pools = names(r.organisation_id for r in rows), pool_names({r.pool_id for r in rows})
    today, found = clock.today(), []
    seen: set[uuid.UUID] = set()
    for r in rows:
        newest = r.organisation_id not in seen
        seen.add(r.organisation_id)
        running = in_force(r, today)
        found.append(AgreementRow(
            r.id, r.organisation_id, donors.get(r.organisation_id, "—"), r.reference, r.exchange_of_letters,
            r.support_rate_bp, r.end_date, pools.get(r.pool_id, "—"), newest and running, not newest,
        ))
    return found


@dataclass(frozen=True)
class AgreementTermsRow:
    """What a donor should know of the agreement that will apply; `pool` in the words for donors."""

    reference: str
    pool: str
    support_rate_bp: int
    end_date: date | None


def agreement_terms(organisation_id: uuid.UUID, day: date) -> AgreementTermsRow | None:
    """The agreement that a State's payment would come under on `day`, and which decides its pool; None when the
    payment would wait for acceptance."""
    kind = db.session.scalar(select(Organisation.kind).where(Organisation.id == organisation_id))
    found = agreement_in_force(organisation_id, day) if kind == "state" else None
    if found is None:
        return None
    pool = purpose_names({found.pool_id}).get(found.pool_id, "—")
    return AgreementTermsRow(found.reference, pool, found.support_rate_bp, found.end_date)
