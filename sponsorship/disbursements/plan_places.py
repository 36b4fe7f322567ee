"""How long banks of a place take and when they are closed: public holidays from the `holidays` library, lead times and
further days off set by an officer."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from flask_babel import gettext as _
from sqlalchemy import select

from accounts.permissions import require
from accounts.queries import person_labels
from core import clock, events
from core.actor import Actor
from core.db import command, db, lock, new_id
from core.errors import RuleBroken
from sponsorship.disbursements.plan_models import BankLeadTime, ClosedDay
from sponsorship.disbursements.settings import days
from sponsorship.disbursements.workdays import public_holidays

MANAGE = "travel_rates.manage"


@dataclass(frozen=True)
class Place:
    """What planning needs to know of the places of a payment: working days of the transfer, and days on which one of
    them is closed."""

    lead_days: int
    closed: frozenset[date]


def place_of(bank_country: str | None, host_country: str | None, on: date) -> Place:
    """The bank's lead time (the default where none is dated for its place, or the place is not known yet) and the days
    off of the bank's place and the host's: public holidays of two years from `on`'s, and what officers added. Two
    queries."""
    lead = None
    if bank_country:
        lead = db.session.scalar(
            select(BankLeadTime.working_days)
            .where(BankLeadTime.country == bank_country, BankLeadTime.valid_from <= on,
                   BankLeadTime.withdrawn_at.is_(None))
            .order_by(BankLeadTime.valid_from.desc()).limit(1))
    countries = {code for code in (bank_country, host_country) if code}
    closed = db.session.scalars(
        select(ClosedDay.day).where(ClosedDay.country.in_(countries), ClosedDay.withdrawn_at.is_(None)))
    public = [public_holidays(code, year) for code in countries for year in range(on.year, on.year + 3)]
    return Place(days("bank_lead_days", on) if lead is None else lead, frozenset(closed).union(*public))


@dataclass(frozen=True)
class LeadRow:
    """A dated lead time in the list."""

    id: uuid.UUID
    country: str
    valid_from: date
    working_days: int
    source: str
    set_by: str
    set_at: datetime


@dataclass(frozen=True)
class ClosedRow:
    """A day off in the list."""

    id: uuid.UUID
    country: str
    day: date
    name: str
    source: str
    set_by: str


def lead_times() -> list[LeadRow]:
    """Every lead time that stands, by place and day."""
    rows = db.session.scalars(select(BankLeadTime).where(BankLeadTime.withdrawn_at.is_(None))
                              .order_by(BankLeadTime.country, BankLeadTime.valid_from.desc())).all()
    people = person_labels([r.set_by for r in rows])
    return [LeadRow(r.id, r.country, r.valid_from, r.working_days, r.source, people.get(r.set_by, ""), r.set_at)
            for r in rows]


def closed_days(since: date) -> list[ClosedRow]:
    """Every day off that stands, from a day on."""
    rows = db.session.scalars(select(ClosedDay).where(ClosedDay.withdrawn_at.is_(None), ClosedDay.day >= since)
                              .order_by(ClosedDay.country, ClosedDay.day)).all()
    people = person_labels([r.set_by for r in rows])
    return [ClosedRow(r.id, r.country, r.day, r.name, r.source, people.get(r.set_by, "")) for r in rows]


@command
def set_lead_time(country: str, valid_from: date, working_days: int, source: str, actor: Actor) -> uuid.UUID:
    """Date a lead time; payments verified from now on are planned by it. Raises RuleBroken when one stands for that
    place and day, NotAllowed."""
    require(actor, MANAGE)
    assert actor.person_id is not None
    if not 0 <= working_days <= 60:
        raise RuleBroken(_("Write a number of working days from 0 to 60."), code="lead.days", field="working_days")
    if db.session.scalar(select(BankLeadTime.id).where(
            BankLeadTime.country == country, BankLeadTime.valid_from == valid_from,
            BankLeadTime.withdrawn_at.is_(None))):
        raise RuleBroken(_("A lead time stands for this place and day. Withdraw it first."), code="lead.stands",
                         field="country")
    row = BankLeadTime(id=new_id(), country=country, valid_from=valid_from, working_days=working_days, source=source,
                       set_by=actor.person_id, set_at=clock.now())
    db.session.add(row)
    db.session.flush()
    events.record(actor, "disbursements.lead_time.set", "bank_lead_time", row.id,
                  data={"country": country, "from": valid_from.isoformat(), "working_days": working_days})
    return row.id


@command
def add_closed_days(country: str, found: Iterable[tuple[date, str]], source: str, actor: Actor) -> int:
    """Record days off of a place; how many are new. A day that stands already is passed over. Raises NotAllowed."""
    require(actor, MANAGE)
    assert actor.person_id is not None
    stand = set(db.session.scalars(
        select(ClosedDay.day).where(ClosedDay.country == country, ClosedDay.withdrawn_at.is_(None))))
    made = 0
    for day, name in sorted(dict(found).items()):
        if day in stand:
            continue
        row = ClosedDay(id=new_id(), country=country, day=day, name=name, source=source, set_by=actor.person_id,
                        set_at=clock.now())
        db.session.add(row)
        db.session.flush()
        events.record(actor, "disbursements.closed_day.set", "closed_day", row.id,
                      data={"country": country, "day": day.isoformat()})
        made += 1
    return made


@command
def withdraw(kind: str, row_id: uuid.UUID, actor: Actor) -> None:
    """Take back a lead time (`lead`) or a day off (`closed`) set by mistake. Raises RuleBroken, NotAllowed."""
    require(actor, MANAGE)
    row: BankLeadTime | ClosedDay = lock(BankLeadTime, row_id) if kind == "lead" else lock(ClosedDay, row_id)
    if row.withdrawn_at is not None:
        raise RuleBroken(_("This was withdrawn already."), code="place.withdrawn")
    row.withdrawn_at, row.withdrawn_by = clock.now(), actor.person_id
    events.record(actor, f"disbursements.{'lead_time' if kind == 'lead' else 'closed_day'}.withdraw",
                  row.__tablename__, row.id)
