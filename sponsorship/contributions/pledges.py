"""Commands on pledges: made by donors, recorded by officers, cancelled, withdrawn."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from accounts.models import Organisation
from accounts.permissions import allows, require
from core import clock, events, vault
from core.actor import PUBLIC, Actor
from core.db import command, db, get, lock, new_id
from core.errors import NotFound, RuleBroken, Stale
from core.money import Money, usd
from core.references import next_reference
from core.text import one_line
from core.web.formats import format_money
from sponsorship.contributions import notices
from sponsorship.contributions.agreements import agreement_in_force
from sponsorship.contributions.donor_names import LONGEST, is_somebody
from sponsorship.contributions.links import token_for
from sponsorship.contributions.models import Contribution, Pledge
from sponsorship.contributions.pools import pool_for
from sponsorship.contributions.schedules import Part, check_parts, put_in_force
from sponsorship.contributions.transitions import LIVE, PLEDGE
from sponsorship.contributions.valuation import Worth, value_of
from sponsorship.ledger.earmarks import canonical

SMALLEST_MINOR = 500  # five dollars: below, card fees eat the gift
LARGEST_MINOR = 100_000_000_00  # a hundred million dollars: beyond it a typing mistake is likelier than a pledge
EARLIEST_YEARS = 10


@dataclass(frozen=True)
class PledgeDraft:
    """A pledge as given on the pages. `draft_key` makes a double click one pledge. Either `organisation_id`, or
    name, contact and e-mail of a donor without an account. `amount_minor` of `currency`; `earmark` None: where it is
    needed most; no `parts`: one, when it suits the donor. Officers say when it was announced elsewhere (a day in UTC),
    and in `words` where."""

    draft_key: str
    amount_minor: int
    currency: str = "USD"
    earmark: Mapping[str, Any] | None = None
    parts: tuple[Part, ...] = ()
    organisation_id: uuid.UUID | None = None
    donor_kind: str = "organisation"
    donor_name: str = ""
    donor_contact: str = ""
    donor_email: str = ""
    locale: str = "en"
    announced_on: date | None = None
    words: str = ""


@dataclass(frozen=True)
class PledgeMade:
    """`token` opens the pledge of a donor without an account; None for organisations."""

    id: uuid.UUID
    reference: str
    token: str | None


@command
def make_pledge(draft: PledgeDraft, actor: Actor) -> PledgeMade:
    """Record a donor's pledge and write to the donor. The same `draft_key` gives the first pledge again.

    A State's agreement in force decides pool and support costs. Raises NotAllowed, NotFound, RuleBroken (also where no
    rate of exchange is on record for the day).
    """
    if draft.organisation_id is not None:
        require(actor, "contribution.own", draft.organisation_id)
    return _make(draft, actor, clock.now())


@command
def record_pledge(draft: PledgeDraft, actor: Actor) -> PledgeMade:
    """Record what an organisation announced elsewhere, at a meeting or by note verbale; its own people are told. It is
    worth what the rate of that day makes it. Raises NotAllowed, NotFound, RuleBroken."""
    require(actor, "contribution.agreement")
    if draft.organisation_id is None:
        raise RuleBroken(_("Choose the donor."), code="pledge.anonymous", field="organisation")
    return _make(draft, actor, announced_at(draft.announced_on))


def announced_at(day: date | None) -> datetime:
    """The instant that stands for the day of an announcement: now today, noon (UTC) of any other. Raises RuleBroken."""
    today = clock.today()
    if day is None or day == today:
        return clock.now()
    if day > today:
        raise RuleBroken(_("It cannot have been announced in the future. Check the year."), code="pledge.future",
                         field="announced_on")
    if day.year < today.year - EARLIEST_YEARS:
        raise RuleBroken(_("It cannot have been announced more than %(years)s years ago. Check the year.",
                           years=EARLIEST_YEARS), code="pledge.long_ago", field="announced_on")
    return datetime.combine(day, time(12), UTC)


def check_draft(draft: PledgeDraft, day: date) -> Worth:
    """What the draft is worth at the rate of `day`. Only reads: a page that asks to check shows the same words. Raises
    RuleBroken (an amount or instalments that cannot be, or no rate on record)."""
    amount = Money(draft.amount_minor, draft.currency)
    worth = value_of(amount, day)
    _check_amount(worth.usd_minor)
    check_parts(draft.parts or (Part(amount.minor),), amount.minor, amount.currency, from_day=day)
    return worth


def _known(draft: PledgeDraft) -> PledgeMade | None:
    """The pledge that this draft made already."""
    known = db.session.scalars(select(Pledge).where(Pledge.draft_key == draft.draft_key)).first()
    if known is not None and known.organisation_id != draft.organisation_id:
        raise NotFound()
    return _made(known) if known is not None else None


def _make(draft: PledgeDraft, actor: Actor, announced: datetime) -> PledgeMade:
    known = _known(draft)
    if known is not None:
        return known
    day, amount = announced.date(), Money(draft.amount_minor, draft.currency)
    worth = check_draft(draft, day)
    # the counter's row is held from here on: a second click waits, and finds the pledge of the first
    reference = next_reference("PLG", announced.year)
    known = _known(draft)
    if known is not None:
        return known
    original = worth.original
    pledge = Pledge(
        id=new_id(), reference=reference, draft_key=draft.draft_key, currency=amount.currency,
        amount_minor=amount.minor, current_minor=amount.minor, usd_minor=worth.usd_minor,
        rate=original.rate if original else None, rate_source=original.source if original else None,
        rate_date=original.day if original else None, earmark=canonical(draft.earmark),
        pool_id=pool_for(draft.earmark), locale=draft.locale, paid_minor=0, returned_minor=0, schedule=0, reminders=0,
        announced_at=announced, announced_by=actor.person_id,
    )
    if draft.organisation_id is not None:
        _donor_is_organisation(pledge, draft.organisation_id)
    else:
        _donor_is_named(pledge, draft)
    db.session.add(pledge)
    db.session.flush()  # the event names the row
    put_in_force(pledge, draft.parts or (Part(amount.minor),))
    events.record(
        actor if draft.organisation_id is not None else PUBLIC, "contributions.pledge.announce", "pledge", pledge.id,
        to_state=pledge.state, text=draft.words.strip() or None,
        data={"amount_minor": pledge.amount_minor, "currency": pledge.currency, "usd_minor": pledge.usd_minor,
              "donor_kind": pledge.donor_kind, "day": day.isoformat(),
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
        pledge.agreement_id, pledge.pool_id, pledge.state = agreement.id, agreement.pool_id, "agreed"


def _donor_is_named(pledge: Pledge, draft: PledgeDraft) -> None:
    name, contact = one_line(draft.donor_name), one_line(draft.donor_contact)
    if not is_somebody(name):
        raise RuleBroken(_("Write who gives: the fund takes no anonymous contributions."),
                         code="pledge.anonymous", field="donor_name")
    if max(len(name), len(contact)) > LONGEST:
        raise RuleBroken(_("Write a name of at most %(most)s letters.", most=LONGEST), code="pledge.long_name",
                         field="donor_name")
    if "@" not in draft.donor_email:
        raise RuleBroken(_("Write an e-mail address, so that we can answer."), code="pledge.no_address",
                         field="donor_email")
    pledge.donor_kind = draft.donor_kind
    pledge.access_nonce = secrets.token_hex(16)
    pledge.donor_name_sealed = vault.seal(pledge.id, name)
    pledge.donor_contact_sealed = vault.seal(pledge.id, contact or None)
    pledge.donor_email_sealed = vault.seal(pledge.id, draft.donor_email.strip())


@command
def cancel_pledge(pledge_id: uuid.UUID, actor: Actor, words: str, expected_version: int | None = None) -> None:
    """An officer cancels a pledge that will not be paid. Raises NotAllowed, IllegalMove, Stale, RuleBroken."""
    pledge = lock(Pledge, pledge_id, expected_version)
    need_words(words)
    if pledge.paid_minor:
        raise RuleBroken(_("Part of this pledge is paid. Reduce it to what is paid, or write off the rest."),
                         code="pledge.partly_paid")
    no_open_payment(pledge)
    PLEDGE.apply(pledge, "cancel", actor, text=words)


@command
def withdraw_pledge(pledge_id: uuid.UUID, actor: Actor, expected_version: int | None = None) -> None:
    """The donor organisation takes its pledge back before paying. Raises NotFound, IllegalMove, Stale, RuleBroken."""
    pledge = lock(Pledge, pledge_id)
    if pledge.organisation_id is None or not allows(actor, "contribution.own", pledge.organisation_id):
        raise NotFound()  # before the version is looked at: another donor's pledge does not exist here
    if expected_version is not None and pledge.version != expected_version:
        raise Stale()
    no_open_payment(pledge)
    PLEDGE.apply(pledge, "withdraw", actor, organisation_id=pledge.organisation_id)


def need_words(words: str) -> None:
    """Raises RuleBroken without a reason."""
    if not words.strip():
        raise RuleBroken(_("Write why, for the record."), code="pledge.no_reason", field="words")


def no_open_payment(pledge: Pledge) -> None:
    """Raises RuleBroken while a payment of the pledge is under way: a page open, an invoice out, a transfer announced.
    The caller holds the pledge."""
    state = db.session.scalar(
        select(Contribution.state).where(Contribution.pledge_id == pledge.id, Contribution.state.in_(LIVE[1:])))
    if state is not None:
        words = {
            "checkout": _("A payment page for this pledge is still open. Try again when it has closed."),
            "invoiced": _("An invoice for this pledge is out. Cancel the invoice first."),
            "declared": _("A transfer for this pledge is announced. Confirm it first, or record that it did not "
                          "arrive."),
        }
        raise RuleBroken(words[state], code="pledge.payment_open")
