"""Due diligence on donors other than States: who consulted what, with which result, and for how long it holds.

Contributions from States come under an exchange of letters; those from others wait until the donor is checked by one
person and accepted by another, by name (financial regulation 3.12 on acceptance).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import date, datetime, timedelta

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, false, select

from accounts.permissions import require
from core import clock, events, vault
from core.actor import Actor
from core.db import command, db, lock, new_id
from core.errors import RuleBroken
from core.files import CheckedUpload, keep
from sponsorship.contributions import notices
from sponsorship.contributions.back_models import DonorCheck
from sponsorship.contributions.models import Contribution, Pledge
from sponsorship.ledger.settings import setting

VALID_FOR = timedelta(days=365)
# up to when an earlier release recorded acceptances without a check by somebody else: only migration 0003 writes it
CHECKS_AFTER = "donor_checks_after"
OUTCOMES = {"clear": _l("Clear"), "not_clear": _l("Not clear")}


@command
def record_check(
    pledge_id: uuid.UUID, outcome: str, consulted: str, actor: Actor, upload: CheckedUpload | None = None
) -> uuid.UUID:
    """Put a check of the pledge's donor on record: `outcome` is clear or not_clear, `consulted` says against what. It
    holds for a year; for an organisation with an account, for all its pledges. Whoever acts next is written to. Raises
    NotAllowed, NotFound, RuleBroken (with its field)."""
    require(actor, "contribution.check")
    assert actor.person_id is not None
    pledge = lock(Pledge, pledge_id)
    if not needs_check(pledge):
        raise RuleBroken(_("States are not checked: they give under an exchange of letters."),
                         code="donor_check.state")
    if outcome not in OUTCOMES:
        raise RuleBroken(_("Choose a result."), code="donor_check.no_outcome", field="outcome")
    if not consulted.strip():
        raise RuleBroken(_("Write which lists and registers were consulted."), code="donor_check.no_words",
                         field="consulted")
    check_id = new_id()
    row = DonorCheck(
        id=check_id, organisation_id=pledge.organisation_id,
        pledge_id=None if pledge.organisation_id is not None else pledge.id, outcome=outcome,
        consulted_sealed=vault.seal(check_id, consulted.strip()),
        file_id=keep(upload, "donor-check", actor).id if upload is not None else None, checked_by=actor.person_id,
        checked_on=clock.today(), valid_until=clock.today() + VALID_FOR,
    )
    db.session.add(row)
    db.session.flush()  # the event names the row
    events.record(actor, "contributions.donor-check.record", "donor_check", row.id, reason=outcome,
                  data={"pledge": str(pledge.id), "valid_until": row.valid_until.isoformat()})
    for waiting in _waiting(pledge):
        notices.may_be_accepted(waiting) if outcome == "clear" else notices.not_clear(waiting)
    return row.id


def _waiting(pledge: Pledge) -> list[Contribution]:
    """What waits for acceptance from the same donor."""
    mine = Pledge.organisation_id == pledge.organisation_id if pledge.organisation_id else Pledge.id == pledge.id
    return list(db.session.scalars(
        select(Contribution).join(Pledge, Pledge.id == Contribution.pledge_id)
        .where(mine, Contribution.state == "in_suspense").order_by(Contribution.id)))


def of_donor(pledge: Pledge) -> ColumnElement[bool]:
    """Checks of the pledge's donor."""
    if pledge.organisation_id is not None:
        return DonorCheck.organisation_id == pledge.organisation_id
    return DonorCheck.pledge_id == pledge.id


def check_of(pledge: Pledge, day: date) -> DonorCheck | None:
    """The newest check of the pledge's donor that still holds on `day`."""
    return db.session.scalars(
        select(DonorCheck).where(of_donor(pledge), DonorCheck.valid_until >= day).order_by(DonorCheck.id.desc())
        .limit(1)
    ).first()


def is_clear(pledge: Pledge) -> bool:
    """Whether the donor was found clear, and that still holds."""
    found = check_of(pledge, clock.today())
    return found is not None and found.outcome == "clear"


def standing_of(pledge_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, str]:
    """How the donors of these pledges stand today: clear (also States, which are not checked), not_clear or unchecked.
    Two queries."""
    pledges = db.session.scalars(select(Pledge).where(Pledge.id.in_(list(pledge_ids)))).all()
    donors = {pledge.organisation_id or pledge.id for pledge in pledges}
    newest: dict[uuid.UUID | None, str] = {}
    for found in db.session.scalars(
        select(DonorCheck).where(DonorCheck.valid_until >= clock.today(),
                                 DonorCheck.organisation_id.in_(donors) | DonorCheck.pledge_id.in_(donors))
        .order_by(DonorCheck.id)
    ):
        newest[found.organisation_id or found.pledge_id] = found.outcome
    return {
        pledge.id: newest.get(pledge.organisation_id or pledge.id, "unchecked") if needs_check(pledge) else "clear"
        for pledge in pledges
    }


def needs_check(pledge: Pledge) -> bool:
    """Whether the donor must be checked before acceptance: everybody but States."""
    return pledge.donor_kind != "state" or pledge.organisation_id is None


def accepted_before_checks() -> ColumnElement[bool]:
    """Contributions whose acceptance was recorded before the fund asked somebody else to check the donor."""
    until = setting(CHECKS_AFTER)
    if not until:
        return false()
    return (
        select(events.Event.id)
        .where(events.Event.subject_type == "contribution", events.Event.subject_id == Contribution.id,
               events.Event.to_state == "accepted", events.Event.recorded_at <= datetime.fromisoformat(until)).exists()
    )


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
