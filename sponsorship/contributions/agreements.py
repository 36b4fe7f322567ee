"""Agreements with donors: recorded once, replaced by a later one, never edited."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from accounts.models import Organisation
from accounts.permissions import require
from core import clock, events
from core.actor import Actor
from core.db import command, db, get
from core.errors import RuleBroken
from sponsorship.contributions.models import REFUND_CLAUSES, Agreement
from sponsorship.contributions.pools import general_pool_id, pool_for
from sponsorship.ledger.models import Pool


@dataclass(frozen=True)
class AgreementTerms:
    """What was agreed. `support_rate_bp` in basis points (1300 = 13 %); days by the calendar of the letters. The money
    goes into a pool that is open, or into that of `earmark` (None: where it is needed most). `refund_clause` says what
    becomes of money unspent at the end: return, reprogramme or none."""

    organisation_id: uuid.UUID
    reference: str
    exchange_of_letters: date
    support_rate_bp: int
    end_date: date | None
    pool_id: uuid.UUID | None = None
    refund_clause: str = "return"
    earmark: Mapping[str, Any] | None = None


@command
def record_agreement(terms: AgreementTerms, actor: Actor) -> uuid.UUID:
    """Record an exchange of letters with a donor. Raises NotAllowed, NotFound, RuleBroken (with its field)."""
    require(actor, "contribution.agreement")
    check_terms(terms)
    row = Agreement(
        organisation_id=terms.organisation_id, reference=terms.reference, end_date=terms.end_date,
        exchange_of_letters=terms.exchange_of_letters, support_rate_bp=terms.support_rate_bp,
        refund_clause=terms.refund_clause, pool_id=_pool(terms), recorded_by=actor.person_id, recorded_at=clock.now(),
    )
    db.session.add(row)
    db.session.flush()  # the event names the row
    events.record(actor, "contributions.agreement.record", "agreement", row.id,
                  data={"organisation": str(row.organisation_id), "rate_bp": row.support_rate_bp,
                        "pool": str(row.pool_id), "refund_clause": row.refund_clause,
                        "end": row.end_date.isoformat() if row.end_date else None})
    return row.id


def _pool(terms: AgreementTerms) -> uuid.UUID:
    if terms.pool_id is not None:
        return get(Pool, terms.pool_id).id
    return pool_for(terms.earmark) or general_pool_id()


def check_terms(terms: AgreementTerms) -> None:
    """Raises NotFound, RuleBroken (with its field). Only reads: a page that asks to check shows the same words."""
    organisation = get(Organisation, terms.organisation_id)
    if organisation.kind == "secretariat":
        raise RuleBroken(_("Choose a donor."), code="agreement.not_a_donor", field="organisation")
    if not terms.reference.isprintable():
        raise RuleBroken(_("The reference holds signs that cannot be seen, perhaps from copying. Type it anew."),
                         code="agreement.unseen", field="reference")
    if terms.exchange_of_letters > clock.today():
        raise RuleBroken(_("The letters cannot be exchanged in the future. Check the year."),
                         code="agreement.future_letters", field="exchange_of_letters")
    if terms.end_date is not None and terms.end_date <= terms.exchange_of_letters:
        raise RuleBroken(_("The agreement must end after its letters were exchanged."),
                         code="agreement.ends_early", field="end_date")
    if not 0 <= terms.support_rate_bp <= 5000:
        raise RuleBroken(_("Write a rate between 0 and 50 per cent."), code="agreement.rate", field="support_rate")
    if terms.refund_clause not in REFUND_CLAUSES:
        raise RuleBroken(_("Choose what becomes of unspent money."), code="agreement.clause", field="refund_clause")
    taken = select(Agreement.id).where(
        Agreement.organisation_id == terms.organisation_id, Agreement.reference == terms.reference
    )
    if db.session.scalar(taken):
        raise RuleBroken(_("An agreement with this reference is already recorded for this donor."),
                         code="agreement.twice", field="reference")


def agreement_in_force(organisation_id: uuid.UUID, day: date) -> Agreement | None:
    """The agreement recorded last for the donor, unless it has ended before `day`."""
    newest = db.session.scalars(
        select(Agreement).where(Agreement.organisation_id == organisation_id)
        .order_by(Agreement.recorded_at.desc(), Agreement.id.desc()).limit(1)
    ).first()
    return newest if newest is not None and in_force(newest, day) else None


def in_force(agreement: Agreement, day: date) -> bool:
    """Whether `day` lies within the agreement (its last day included)."""
    return agreement.exchange_of_letters <= day and not agreement.has_ended(day)
