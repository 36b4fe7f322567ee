"""Letters that call for funds: what is needed, what is there, what is missing, by when, and how to pay. One for each
donor addressed, kept as sent."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from accounts.models import Membership
from accounts.permissions import require
from accounts.queries import OrganisationRow, get_organisation, list_organisations, shows_demonstration
from core import clock, events, files
from core import letters as common
from core.actor import Actor
from core.db import command, db, end_reading, new_id
from core.errors import RuleBroken
from core.money import Money, support_costs, usd
from sponsorship.applications.models import Application
from sponsorship.applications.queries import CallRow, call_by_id
from sponsorship.contributions.models import Agreement, Pledge
from sponsorship.ledger.deposits import STANDARD_RATE_BP
from sponsorship.ledger.queries import list_pools
from sponsorship.ledger.reservations import free_lots
from sponsorship.transparency import letter_papers
from sponsorship.transparency.models import FundLetter

PURPOSE = "fund-letter"
MOST_ADDRESSEES = common.MOST
DONOR_KINDS = ("state", "observer", "donor", "organisation")


@dataclass(frozen=True, slots=True)
class Wish:
    """What the officer asks for. `each` is the direct cost of one delegate (None: the call's estimate); `words` a
    paragraph of the officer's own; `name` and `office` are of whoever signs. The same `batch` is made once."""

    call_id: uuid.UUID | None
    subject: str
    delegates: int
    each: Money | None
    pay_by: date
    words: str
    name: str
    office: str
    language: str
    addressees: tuple[uuid.UUID, ...]
    batch: uuid.UUID = field(default_factory=new_id)


@dataclass(frozen=True, slots=True)
class Needs:
    """The figures of a letter in US dollars, read at `as_of`: delegates x each = direct; direct + support = needed;
    needed - there = missing. `there` is free money whose agreed last day has not passed, of the call's pools or of all
    of them; `basis` says where `each` is from: the call's reference, or nothing where it was typed."""

    subject: str
    delegates: int
    each: Money
    basis: str | None
    direct: Money
    support: Money
    needed: Money
    there: Money
    missing: Money
    as_of: datetime


def needs(wish: Wish) -> Needs:
    """What the letter will say. Raises RuleBroken (with its field) for what cannot be asked for, NotFound (call)."""
    call = call_by_id(wish.call_id) if wish.call_id else None
    each = wish.each or (call.estimate if call else None)
    if each is None:
        raise RuleBroken(_("Write the direct cost of one delegate, or choose a call whose estimate is meant."),
                         code="letter.no_cost", field="each")
    if not wish.subject.strip():
        raise RuleBroken(_("Write what the money is for, such as a meeting or a year."), code="letter.no_subject",
                         field="subject")
    if wish.pay_by < clock.today():
        raise RuleBroken(_("Money cannot be asked for before today. Check the year."), code="letter.past",
                         field="pay_by")
    direct = usd(wish.delegates * each.minor)
    support = usd(support_costs(direct.minor, STANDARD_RATE_BP))
    there = usd(sum(lot.free_minor for lot in free_lots(_pools(call), clock.now())))
    missing = max(direct + support - there, Money.zero())
    if not missing:
        raise RuleBroken(_("Nothing is missing: what is there covers it. Check the number of delegates and the cost."),
                         code="letter.nothing_missing", field="delegates")
    return Needs(wish.subject.strip(), wish.delegates, each, call.reference if call and not wish.each else None, direct,
                 support, direct + support, there, missing, clock.now())


def _pools(call: CallRow | None) -> Sequence[uuid.UUID]:
    if call is not None and call.pool_ids:
        return call.pool_ids
    return [pool.id for pool in list_pools(shows_demonstration())]


def applications_for(call_id: uuid.UUID) -> int:
    """How many States have applied under the call and not withdrawn: where the number of delegates starts from."""
    return len(db.session.scalars(
        select(Application.id).where(Application.call_id == call_id,
                                     Application.state.not_in(("draft", "withdrawn", "cancelled")))).all())


def donors() -> list[OrganisationRow]:
    """Organisations that give, by name: those for whom somebody signs in as donor, with an agreement, or a pledge."""
    today = clock.today()
    known = set(db.session.scalars(
        select(Membership.organisation_id).where(
            Membership.role == "donor", Membership.valid_from <= today,
            Membership.valid_to.is_(None) | (Membership.valid_to > today))
        .union(select(Agreement.organisation_id),
               select(Pledge.organisation_id).where(Pledge.organisation_id.is_not(None)))))
    return [row for row in list_organisations(DONOR_KINDS, shows_demonstration()) if row.id in known]


def kind_of(organisation_kind: str) -> str:
    """A note verbale to a State, a letter to everybody else."""
    return "note_verbale" if organisation_kind in ("state", "observer") else "letter"


def make_letters(wish: Wish, actor: Actor) -> uuid.UUID:
    """Make, sign and keep the letters; the identifier that is common to them, under which they are made once. The
    papers are set with no transaction open; a number once given to one is not given again. Raises NotAllowed, NotFound,
    RuleBroken."""
    require(actor, "contribution.agreement")
    if _made(wish.batch):
        return wish.batch
    if not 0 < len(wish.addressees) <= MOST_ADDRESSEES:
        raise RuleBroken(_("Choose between one and %(most)s donors.", most=MOST_ADDRESSEES),
                         code="letter.addressees", field="addressee")
    found = needs(wish)
    kinds = {key: kind_of(get_organisation(key).kind) for key in wish.addressees}
    end_reading()
    numbers = dict(zip(wish.addressees, _numbers(len(wish.addressees), actor), strict=True))
    papers = {key: letter_papers.paper(wish, found, key, kinds[key], numbers[key]) for key in wish.addressees}
    end_reading()
    laid = common.set_papers(papers)
    try:
        return _keep(wish, found, kinds, numbers, laid, actor)
    except IntegrityError:  # a second click was quicker
        if not _made(wish.batch):
            raise
        return wish.batch


def _made(batch: uuid.UUID) -> bool:
    return db.session.scalar(select(FundLetter.id).where(FundLetter.batch_id == batch).limit(1)) is not None


@command
def _numbers(count: int, actor: Actor) -> list[str]:
    require(actor, "contribution.agreement")
    return common.numbers(count)


@command
def _keep(
    wish: Wish, found: Needs, kinds: dict[uuid.UUID, str], numbers: dict[uuid.UUID, str],
    laid: dict[uuid.UUID, files.CheckedUpload], actor: Actor,
) -> uuid.UUID:
    require(actor, "contribution.agreement")
    for key in wish.addressees:
        stored = files.keep(laid[key], PURPOSE, actor)
        row = FundLetter(
            id=new_id(), reference=numbers[key], batch_id=wish.batch, organisation_id=key, kind=kinds[key],
            call_id=wish.call_id, subject=found.subject, language=wish.language, delegates=found.delegates,
            each_minor=found.each.minor, needed_minor=found.needed.minor, there_minor=found.there.minor,
            pay_by=wish.pay_by, as_of=found.as_of, file_id=stored.id, made_by=actor.person_id, made_at=clock.now(),
        )
        db.session.add(row)
        db.session.flush()  # the event names the row
        events.record(actor, "transparency.letter.make", "fund_letter", row.id, data={
            "reference": row.reference, "organisation": str(key), "batch": str(wish.batch),
            "needed_minor": row.needed_minor, "there_minor": row.there_minor, "sha256": stored.sha256})
    return wish.batch


# --- reading ----------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class LetterRow:
    """A letter as it was sent. `missing` in US dollars as it stood then."""

    id: uuid.UUID
    reference: str
    batch_id: uuid.UUID
    organisation_id: uuid.UUID
    kind: str
    subject: str
    needed: Money
    there: Money
    pay_by: date
    as_of: datetime
    file_id: uuid.UUID
    made_by: uuid.UUID | None
    made_at: datetime

    @property
    def missing(self) -> Money:
        return self.needed - self.there


def list_letters(
    organisations: Sequence[uuid.UUID] | None = None, batch: uuid.UUID | None = None, limit: int = 1000,
) -> list[LetterRow]:
    """Letters, the newest first: of these organisations only, or of one step, when given."""
    query = select(FundLetter).order_by(FundLetter.id.desc()).limit(limit)
    if organisations is not None:
        query = query.where(FundLetter.organisation_id.in_(list(organisations)))
    if batch is not None:
        query = query.where(FundLetter.batch_id == batch)
    return [_row(found) for found in db.session.scalars(query)]


def find_letter(letter_id: uuid.UUID) -> LetterRow | None:
    """One letter; whose it is, the caller checks."""
    found = db.session.get(FundLetter, letter_id)
    return _row(found) if found is not None else None


def _row(r: FundLetter) -> LetterRow:
    return LetterRow(r.id, r.reference, r.batch_id, r.organisation_id, r.kind, r.subject, usd(r.needed_minor),
                     usd(r.there_minor), r.pay_by, r.as_of, r.file_id, r.made_by, r.made_at)
