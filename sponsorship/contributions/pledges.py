"""Commands on pledges: made, cancelled, withdrawn."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass

from flask_babel import gettext as _
from sqlalchemy import select

from accounts.models import Organisation
from accounts.permissions import allows, require
from core import clock, events, vault
from core.actor import PUBLIC, Actor
from core.db import command, db, get, lock, new_id
from core.errors import NotFound, RuleBroken, Stale
from core.money import usd
from core.references import next_reference
from core.web.formats import format_money
from sponsorship.contributions import notices
from sponsorship.contributions.agreements import agreement_in_force
from sponsorship.contributions.links import token_for
from sponsorship.contributions.models import Contribution, Pledge
from sponsorship.contributions.transitions import PLEDGE
from sponsorship.ledger.models import Pool

SMALLEST_MINOR = 500  # five dollars: below, card fees eat the gift
LARGEST_MINOR = 100_000_000_00  # a hundred million dollars: beyond it a typing mistake is likelier than a pledge


@dataclass(frozen=True)
class PledgeDraft:
    """A pledge as given on the pages. `draft_key` makes a double click one pledge. Either `organisation_id`, or
    name, contact and e-mail of a donor without an account. `pool_id` None: where it is needed most."""

    draft_key: str
    amount_minor: int
    pool_id: uuid.UUID | None = None
    organisation_id: uuid.UUID | None = None
    donor_kind: str = "organisation"
    donor_name: str = ""
    donor_contact: str = ""
    donor_email: str = ""
    locale: str = "en"


@dataclass(frozen=True)
class PledgeMade:
    """`token` opens the pledge of a donor without an account; None for organisations."""

    id: uuid.UUID
    reference: str
    token: str | None


@command
def make_pledge(draft: PledgeDraft, actor: Actor) -> PledgeMade:
    """Record a pledge in US dollars and write to the donor. The same `draft_key` gives the first pledge again.

    A State's agreement in force decides pool and support costs. Raises NotAllowed, NotFound, RuleBroken.
    """
    if draft.organisation_id is not None:
        require(actor, "contribution.own", draft.organisation_id)
    known = db.session.scalars(select(Pledge).where(Pledge.draft_key == draft.draft_key)).first()
    if known is not None:
        if known.organisation_id != draft.organisation_id:
            raise NotFound()
        return _made(known)
    _check_amount(draft.amount_minor)
    pledge = Pledge(
        id=new_id(), draft_key=draft.draft_key, currency="USD", amount_minor=draft.amount_minor, locale=draft.locale,
        pool_id=draft.pool_id, announced_at=clock.now(), announced_by=actor.person_id,
    )
    if draft.pool_id is not None:
        get(Pool, draft.pool_id)
    if draft.organisation_id is not None:
        _donor_is_organisation(pledge, draft.organisation_id)
    else:
        _donor_is_named(pledge, draft)
    pledge.reference = next_reference("PLG", pledge.announced_at.year)
    db.session.add(pledge)
    db.session.flush()  # the event names the row
    events.record(
        actor if draft.organisation_id is not None else PUBLIC, "contributions.pledge.announce", "pledge", pledge.id,
        to_state=pledge.state,
        data={"amount_minor": pledge.amount_minor, "currency": pledge.currency, "donor_kind": pledge.donor_kind,
              "pool": str(pledge.pool_id) if pledge.pool_id else None},
    )
    notices.pledge_made(pledge)
    return _made(pledge)


def _made(pledge: Pledge) -> PledgeMade:
    token = token_for(pledge.id, pledge.access_nonce) if pledge.access_nonce else None
    return PledgeMade(pledge.id, pledge.reference, token)


def _check_amount(minor: int) -> None:
    if minor < SMALLEST_MINOR:
        raise RuleBroken(_("The smallest pledge is %(amount)s: below it, card fees take too much of it.",
                           amount=format_money(usd(SMALLEST_MINOR))), code="pledge.too_small", field="amount")
    if minor > LARGEST_MINOR:
        raise RuleBroken(_("Check the number of zeros. Pledges above %(amount)s are made by letter.",
                           amount=format_money(usd(LARGEST_MINOR))), code="pledge.too_large", field="amount")


def _donor_is_organisation(pledge: Pledge, organisation_id: uuid.UUID) -> None:
    organisation = get(Organisation, organisation_id)
    pledge.organisation_id = organisation.id
    pledge.donor_kind = "state" if organisation.kind in ("state", "observer") else "organisation"
    # only States give under an exchange of letters alone; others are accepted by name (domain.md (g))
    agreement = agreement_in_force(organisation.id, clock.today()) if organisation.kind == "state" else None
    if agreement is not None:
        pledge.agreement_id, pledge.pool_id = agreement.id, agreement.pool_id


def _donor_is_named(pledge: Pledge, draft: PledgeDraft) -> None:
    if not draft.donor_name.strip():
        raise RuleBroken(_("Write who gives: the fund takes no anonymous contributions."),
                         code="pledge.anonymous", field="donor_name")
    if "@" not in draft.donor_email:
        raise RuleBroken(_("Write an e-mail address, so that we can answer."), code="pledge.no_address",
                         field="donor_email")
    pledge.donor_kind = draft.donor_kind
    pledge.access_nonce = secrets.token_hex(16)
    pledge.donor_name_sealed = vault.seal(pledge.id, draft.donor_name.strip())
    pledge.donor_contact_sealed = vault.seal(pledge.id, draft.donor_contact.strip() or None)
    pledge.donor_email_sealed = vault.seal(pledge.id, draft.donor_email.strip())


@command
def cancel_pledge(pledge_id: uuid.UUID, actor: Actor, words: str, expected_version: int | None = None) -> None:
    """An officer cancels a pledge that will not be paid. Raises NotAllowed, IllegalMove, Stale, RuleBroken."""
    pledge = lock(Pledge, pledge_id, expected_version)
    _no_open_payment(pledge)
    PLEDGE.apply(pledge, "cancel", actor, text=words)


@command
def withdraw_pledge(pledge_id: uuid.UUID, actor: Actor, expected_version: int | None = None) -> None:
    """The donor organisation takes its pledge back before paying. Raises NotFound, IllegalMove, Stale, RuleBroken."""
    pledge = lock(Pledge, pledge_id)
    if pledge.organisation_id is None or not allows(actor, "contribution.own", pledge.organisation_id):
        raise NotFound()  # before the version is looked at: another donor's pledge does not exist here
    if expected_version is not None and pledge.version != expected_version:
        raise Stale()
    _no_open_payment(pledge)
    PLEDGE.apply(pledge, "withdraw", actor, organisation_id=pledge.organisation_id)


def _no_open_payment(pledge: Pledge) -> None:
    is_open = select(Contribution.id).where(Contribution.pledge_id == pledge.id, Contribution.state == "checkout")
    if db.session.scalar(is_open):
        raise RuleBroken(_("A payment page for this pledge is still open. Try again when it has closed."),
                         code="pledge.payment_open")
