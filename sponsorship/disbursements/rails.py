"""Which rails serve which places, dated and set by an officer; and the rail by which one payee is paid."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date

from flask_babel import gettext as _
from sqlalchemy import select

from accounts.permissions import require
from accounts.queries import person_labels
from core import clock, events, vault
from core.actor import Actor
from core.db import command, db, get, lock, new_id
from core.errors import IllegalMove, RuleBroken
from meetings.calendar.models import Meeting
from sponsorship.awards.models import Award
from sponsorship.disbursements import mails
from sponsorship.disbursements.cash_models import CASH, RAILS, TRANSFER, RailPlace, rail_for
from sponsorship.disbursements.models import Disbursement, Payee
from sponsorship.disbursements.payee_needs import has_given
from sponsorship.disbursements.plan_places import MANAGE
from sponsorship.disbursements.plan_service import back_to_draft, of_award, redate
from sponsorship.disbursements.transitions import PAYEE, UNDERWAY

CHOOSE = "payee.verify"


@dataclass(frozen=True)
class RailRow:
    """A dated row of the table."""

    id: uuid.UUID
    country: str
    rail: str
    serves: bool
    valid_from: date
    source: str
    set_by: str


def table() -> list[RailRow]:
    """Every row that stands, by place, rail and day."""
    rows = db.session.scalars(select(RailPlace).where(RailPlace.withdrawn_at.is_(None))
                              .order_by(RailPlace.country, RailPlace.rail, RailPlace.valid_from.desc())).all()
    people = person_labels([r.set_by for r in rows])
    return [RailRow(r.id, r.country, r.rail, r.serves, r.valid_from, r.source, people.get(r.set_by, ""))
            for r in rows]


def serves(rail: str, country: str | None, on: date) -> bool:
    """Whether a rail serves a place on a day: transfers unless a row excludes it, cash only where a row names it."""
    said = db.session.scalar(
        select(RailPlace.serves).where(
            RailPlace.country == country, RailPlace.rail == rail, RailPlace.valid_from <= on,
            RailPlace.withdrawn_at.is_(None)).order_by(RailPlace.valid_from.desc()).limit(1)) if country else None
    return rail == TRANSFER if said is None else said


def check_cash(meeting_id: uuid.UUID) -> None:
    """Raises RuleBroken where no paymaster pays in the host's place today."""
    country = get(Meeting, meeting_id).country_code
    if not serves(CASH, country, clock.today()):
        raise RuleBroken(_("The table of rails names no paymaster for %(place)s. Choose transfer for this payee, or "
                           "have the place dated in the table.", place=country or "—"),
                         code="rail.not_served", field="rail")


def check_rail(row: Disbursement, payee: Payee) -> None:
    """Before a payment is requested: its rail serves the place. Raises RuleBroken."""
    if row.rail == CASH:
        check_cash(row.meeting_id)
    elif not serves(TRANSFER, vault.unseal(payee.id, payee.bank_country_sealed), clock.today()):
        raise RuleBroken(_("The table of rails says that transfers do not reach the place of the payee’s bank. Ask for "
                           "an account elsewhere."), code="rail.not_served")


def _ask_for_what_it_needs(payee: Payee, award: Award, rail: str, actor: Actor) -> None:
    """The payee waits until what the new rail needs is given; where it stands already, what was asked for is forgotten
    and everything is verified anew. What an officer returned stays returned."""
    enough = has_given(payee, rail)
    with db.session.no_autoflush:  # rail and state belong to one statement
        payee.rail = rail
        if not enough and payee.state in ("entered", "verified"):
            payee.verified_by = payee.name_check = None
            PAYEE.apply(payee, "ask", actor, organisation_id=payee.organisation_id, data={"rail": rail})
        elif enough and payee.state == "wanted" and payee.verified_at is not None:
            PAYEE.apply(payee, "resume", actor, organisation_id=payee.organisation_id, data={"rail": rail})
        else:
            payee.version += 1
    db.session.flush()
    if payee.state == "wanted" and not enough:
        mails.identity_wanted(award, payee) if rail == CASH else mails.bank_data_wanted(award, payee)


@command
def choose(payee_id: uuid.UUID, rail: str, actor: Actor, expected_version: int) -> None:
    """Choose how what is due on arrival is paid; whoever pays this way needs it, so what is missing is asked for (bank
    data for transfers, the identity for cash). Payments signed for the other rail start a new round; the ticket and
    the final share are always transferred.

    Raises RuleBroken (`rail.unknown`, `rail.same`, `rail.not_served`), NotAllowed, Stale, IllegalMove.
    """
    award = lock(Award, get(Payee, payee_id).award_id)
    rows = of_award(award.id)
    payee = lock(Payee, payee_id, expected_version)
    require(actor, CHOOSE)
    if payee.state == "ended":
        raise IllegalMove(code="rail.choose.from.ended")
    if rail not in RAILS:
        raise RuleBroken(_("Choose one of the rails."), code="rail.unknown", field="rail")
    if rail == payee.rail:
        raise RuleBroken(_("This rail is chosen already."), code="rail.same", field="rail")
    if rail == CASH:
        check_cash(award.meeting_id)
    _ask_for_what_it_needs(payee, award, rail, actor)
    for row in rows:
        if rail_for(row.kind, rail) == row.rail:
            continue
        if row.state in UNDERWAY:
            back_to_draft(row, "restart", "rail_changed")
        elif row.state == "draft":
            row.rail = rail_for(row.kind, rail)
            row.version += 1
    events.record(actor, "disbursements.payee.choose_rail", "payee", payee.id, data={"rail": rail})
    db.session.flush()
    redate(award.id)


@command
def set_place(country: str, rail: str, serves_: bool, valid_from: date, source: str, actor: Actor) -> uuid.UUID:
    """Date whether a rail serves a place. Raises RuleBroken when a row stands for that place, rail and day,
    NotAllowed."""
    require(actor, MANAGE)
    assert actor.person_id is not None
    if rail not in RAILS:
        raise RuleBroken(_("Choose one of the rails."), code="rail.unknown", field="rail")
    if db.session.scalar(select(RailPlace.id).where(
            RailPlace.country == country, RailPlace.rail == rail, RailPlace.valid_from == valid_from,
            RailPlace.withdrawn_at.is_(None))):
        raise RuleBroken(_("A row stands for this place, rail and day. Withdraw it first."), code="rail.stands",
                         field="country")
    row = RailPlace(id=new_id(), country=country, rail=rail, serves=serves_, valid_from=valid_from, source=source,
                    set_by=actor.person_id, set_at=clock.now())
    db.session.add(row)
    db.session.flush()
    events.record(actor, "disbursements.rail_place.set", "rail_place", row.id,
                  data={"country": country, "rail": rail, "serves": serves_, "from": valid_from.isoformat()})
    return row.id


@command
def withdraw_place(row_id: uuid.UUID, actor: Actor) -> None:
    """Take back a row set by mistake. Raises RuleBroken, NotAllowed."""
    require(actor, MANAGE)
    row = lock(RailPlace, row_id)
    if row.withdrawn_at is not None:
        raise RuleBroken(_("This was withdrawn already."), code="place.withdrawn")
    row.withdrawn_at, row.withdrawn_by = clock.now(), actor.person_id
    events.record(actor, "disbursements.rail_place.withdraw", "rail_place", row.id)
