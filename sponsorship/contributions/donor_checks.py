"""Due diligence on donors other than States: who consulted what, with which result, and for how long it holds.

Contributions from States come under an exchange of letters; those from others wait until the donor is checked by one
person and accepted by another, by name (financial regulation 3.12 on acceptance).
"""

from __future__ import annotations

import uuid
from datetime import date, timedelta

from flask_babel import gettext as _
from sqlalchemy import select

from accounts.permissions import require
from core import clock, events, vault
from core.actor import Actor
from core.db import command, db, get, new_id
from core.errors import RuleBroken
from sponsorship.contributions.back_models import DonorCheck
from sponsorship.contributions.models import Pledge

VALID_FOR = timedelta(days=365)


@command
def record_check(
    pledge_id: uuid.UUID, outcome: str, consulted: str, actor: Actor, file_id: uuid.UUID | None = None
) -> uuid.UUID:
    """Put a check of the pledge's donor on record: `outcome` is clear or not_clear, `consulted` says against what. It
    holds for a year; for an organisation with an account, for all its pledges. Raises NotAllowed, NotFound,
    RuleBroken."""
    require(actor, "contribution.check")
    assert actor.person_id is not None
    pledge = get(Pledge, pledge_id)
    if outcome not in ("clear", "not_clear"):
        raise RuleBroken(_("Choose a result."), code="donor_check.no_outcome", field="outcome")
    if not consulted.strip():
        raise RuleBroken(_("Write which lists and registers were consulted."), code="donor_check.no_words",
                         field="consulted")
    check_id = new_id()
    row = DonorCheck(
        id=check_id, organisation_id=pledge.organisation_id,
        pledge_id=None if pledge.organisation_id is not None else pledge.id, outcome=outcome,
        consulted_sealed=vault.seal(check_id, consulted.strip()), file_id=file_id, checked_by=actor.person_id,
        checked_on=clock.today(), valid_until=clock.today() + VALID_FOR,
    )
    db.session.add(row)
    db.session.flush()  # the event names the row
    events.record(actor, "contributions.donor-check.record", "donor_check", row.id, reason=outcome,
                  data={"pledge": str(pledge.id), "valid_until": row.valid_until.isoformat()})
    return row.id


def check_of(pledge: Pledge, day: date) -> DonorCheck | None:
    """The newest check of the pledge's donor that still holds on `day`."""
    mine = (
        DonorCheck.organisation_id == pledge.organisation_id if pledge.organisation_id is not None
        else DonorCheck.pledge_id == pledge.id
    )
    return db.session.scalars(
        select(DonorCheck).where(mine, DonorCheck.valid_until >= day).order_by(DonorCheck.id.desc()).limit(1)
    ).first()


def needs_check(pledge: Pledge) -> bool:
    """Whether the donor must be checked before acceptance: everybody but States."""
    return pledge.donor_kind != "state" or pledge.organisation_id is None


def check_before_acceptance(pledge: Pledge, actor: Actor) -> None:
    """Raises RuleBroken unless the donor needs no check, or was found clear by somebody other than `actor`."""
    if not needs_check(pledge):
        return
    found = check_of(pledge, clock.today())
    if found is None:
        raise RuleBroken(_("The donor has not been checked yet. Somebody else records the check first."),
                         code="contribution.unchecked", field="checked")
    if found.outcome != "clear":
        raise RuleBroken(_("The check of the donor was not clear. Pay the contribution back, or have the donor checked "
                           "anew."), code="contribution.not_clear", field="checked")
    if found.checked_by == actor.person_id:
        raise RuleBroken(_("You checked this donor yourself: somebody else accepts the contribution."),
                         code="contribution.same_person", field="checked")
