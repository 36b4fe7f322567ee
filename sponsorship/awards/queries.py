"""What pages may know about awards: typed rows, a fixed number of queries each."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, and_, func, or_, select, true

from accounts.permissions import allows, organisations_with
from accounts.queries import names
from core.actor import Actor
from core.db import db
from core.errors import NotFound
from core.machines import State
from core.money import Money, usd
from core.office import begin_of_day, office_day
from core.web.tables import TableQuery
from meetings.calendar.queries import MeetingRow, meeting_by_id, meetings_by_id
from sponsorship.applications.queries import (
    CallRow,
    NomineeRow,
    Slot,
    call_by_id,
    nominee_by_id,
    nominees_by_ids,
    ranked_slots,
)
from sponsorship.applications.ranking_queries import RankedLine, ranked_lines
from sponsorship.applications.recusals import tainted
from sponsorship.awards.decision_service import estimate_lines
from sponsorship.awards.models import Award, AwardLine
from sponsorship.awards.transitions import AWARD, RESERVED
from sponsorship.ledger.queries import headroom


def lines_of(award_id: uuid.UUID) -> dict[str, int]:
    """The estimate of an award, US cents by kind."""
    return dict(
        db.session.execute(select(AwardLine.kind, AwardLine.amount_minor).where(AwardLine.award_id == award_id))
        .all()
    )


def visible(actor: Actor) -> ColumnElement[bool]:
    """Which awards a reader may know of: the fund's officers all, focal points their State's from the offer on, nobody
    else any."""
    if allows(actor, "award.view_all"):
        return true()
    return and_(Award.organisation_id.in_(organisations_with(actor, "award.answer")), Award.offered_at.is_not(None))


def applications_offered(application_ids: Iterable[uuid.UUID]) -> set[uuid.UUID]:
    """Which of these applications have had an offer: from then on their States know what was decided."""
    return set(db.session.scalars(
        select(Award.application_id)
        .where(Award.application_id.in_(set(application_ids)), Award.offered_at.is_not(None))
    ))


@dataclass(frozen=True)
class AwardRow:
    """An award in a list."""

    id: uuid.UUID
    reference: str
    organisation_id: uuid.UUID
    organisation: str
    meeting_id: uuid.UUID
    meeting: str
    call_id: uuid.UUID
    position: int
    on_reserve: bool
    state: str
    amount: Money
    travel_from: date
    travel_to: date
    offer_expires_at: datetime | None
    version: int

    @property
    def status(self) -> State:
        return AWARD.state(self.state)


def _rows(found: Iterable[Award]) -> list[AwardRow]:
    awards = list(found)
    organisations = names({a.organisation_id for a in awards})
    meetings = meetings_by_id({a.meeting_id for a in awards})
    return [
        AwardRow(a.id, a.reference, a.organisation_id, organisations.get(a.organisation_id, ""), a.meeting_id,
                 meetings[a.meeting_id].short_name, a.call_id, a.position, a.on_reserve, a.state,
                 usd(a.amount_minor), a.travel_from, a.travel_to, a.offer_expires_at, a.version)
        for a in awards
    ]


def list_awards(query: TableQuery, actor: Actor) -> tuple[list[AwardRow], int, Money]:
    """Awards this reader may see, how many, and their sum. Filters: state, meeting, q (part of a reference)."""
    where = [visible(actor)]
    if state := query.get("state"):
        where.append(Award.state == state)
    if meeting := query.get("meeting"):
        where.append(Award.meeting_id == uuid.UUID(meeting))
    if words := query.get("q"):
        where.append(Award.reference.contains(words.upper(), autoescape=True))
    total, amount = db.session.execute(
        select(func.count(), func.coalesce(func.sum(Award.amount_minor), 0)).where(*where)
    ).one()
    order = {
        "reference": Award.reference, "state": Award.state, "amount": Award.amount_minor,
        "travel_from": Award.travel_from, "offer_expires_at": Award.offer_expires_at,
    }.get(query.sort or "reference", Award.reference)
    statement = select(Award).where(*where).order_by(order.desc() if query.descending else order.asc(), Award.id)
    if query.format is None:
        statement = statement.offset(query.offset).limit(query.limit)
    return _rows(db.session.scalars(statement).all()), int(total), usd(int(amount))


def meeting_choices(actor: Actor) -> list[tuple[str, str]]:
    """Meetings that have awards this reader may see."""
    ids = db.session.scalars(select(Award.meeting_id).where(visible(actor)).distinct()).all()
    return sorted(((str(m.id), m.short_name) for m in meetings_by_id(ids).values()), key=lambda pair: pair[1])


@dataclass(frozen=True)
class AwardPage:
    """One award with all its page shows. Amounts are US dollars; `own` says that the reader speaks for the State."""

    row: AwardRow
    meeting: MeetingRow
    call: CallRow
    nominee: NomineeRow
    application_id: uuid.UUID
    lines: tuple[tuple[str, Money], ...]
    replaces: AwardRow | None
    replaced_by: AwardRow | None
    offered_at: datetime | None
    answered_at: datetime | None
    suspended_from: str | None
    round: int
    own: bool
    officer: bool


def award_page(award_id: uuid.UUID, actor: Actor) -> AwardPage:
    """Raises NotFound, also for another State's award."""
    award = db.session.scalar(select(Award).where(Award.id == award_id, visible(actor)))
    if award is None:
        raise NotFound()
    related = {
        a.id: a for a in db.session.scalars(
            select(Award).where(or_(Award.id == award.replaces_id, Award.replaces_id == award.id))
        )
    }
    rows = {row.id: row for row in _rows([award, *related.values()])}
    after = next((a.id for a in related.values() if a.replaces_id == award.id), None)
    lines = lines_of(award.id)
    officer = allows(actor, "award.view_all")
    return AwardPage(
        rows[award.id], meeting_by_id(award.meeting_id), call_by_id(award.call_id),
        nominee_by_id(award.nominee_id, actor), award.application_id,
        tuple((kind, usd(lines[kind])) for kind in ("ticket", "dsa", "terminal") if kind in lines),
        rows.get(award.replaces_id) if award.replaces_id else None, rows.get(after) if after else None,
        award.offered_at, award.answered_at, award.suspended_from, award.round,
        allows(actor, "award.answer", award.organisation_id), officer,
    )


def awards_waiting(states: tuple[str, ...], actor: Actor | None = None, limit: int = 50) -> list[AwardRow]:
    """Awards in these states, oldest first; for a State's own focal points when `actor` is given."""
    where = [Award.state.in_(states)]
    if actor is not None:
        where.append(Award.organisation_id.in_(organisations_with(actor, "award.answer")))
    return _rows(db.session.scalars(
        select(Award).where(*where).order_by(Award.travel_from, Award.reference).limit(limit)
    ).all())


@dataclass(frozen=True)
class DecisionPage:
    """What the head of the fund decides on: slots in order, names, what the money carries (US dollars), each State's
    place in the ranking, and the applications whose advice somebody recorded who is recused from them since."""

    call: CallRow
    meeting: MeetingRow
    slots: tuple[Slot, ...]
    nominees: dict[uuid.UUID, NomineeRow]
    organisations: dict[uuid.UUID, str]
    each: Money
    headroom: Money
    ranked: dict[uuid.UUID, RankedLine]
    recused: tuple[str, ...]

    @property
    def lines(self) -> list[RankedLine]:
        """Every ranked State in the order of the ranking, with what was decided once it has been."""
        return list(self.ranked.values())

    @property
    def carried(self) -> int:
        """How many places today's money and the ceiling carry at the call's estimate."""
        most = self.headroom.minor
        if self.call.ceiling_minor is not None:
            most = min(most, self.call.ceiling_minor)
        return most // self.each.minor


def decision_page(call_id: uuid.UUID, actor: Actor) -> DecisionPage:
    """Raises NotFound."""
    call = call_by_id(call_id)
    slots = ranked_slots(call_id)
    return DecisionPage(
        call, meeting_by_id(call.meeting_id), tuple(slots), nominees_by_ids([s.nominee_id for s in slots], actor),
        names({s.organisation_id for s in slots}), usd(sum(estimate_lines(call).values())),
        usd(headroom(list(call.pool_ids))), {line.application_id: line for line in ranked_lines(call)},
        tuple(tainted(call_id)) if call.state == "recommended" else (),
    )


@dataclass(frozen=True)
class CallAwards:
    """Awards of a call in numbers: places held, obligations (US dollars), the reserve list's length."""

    held: int
    reserved: Money
    on_reserve: int


def awards_of_call(call_id: uuid.UUID) -> CallAwards:
    rows = db.session.execute(
        select(Award.state, func.count(), func.sum(Award.amount_minor)).where(Award.call_id == call_id)
        .group_by(Award.state)
    ).all()
    held = sum(n for state, n, _sum in rows if state in ("selected", *RESERVED, "suspended", "closed"))
    money = sum(int(total) for state, _n, total in rows if state in RESERVED)
    return CallAwards(held, usd(money), sum(n for state, n, _sum in rows if state == "reserve"))


def offers_to_lapse(now: datetime, limit: int) -> list[tuple[uuid.UUID, datetime, str]]:
    """Offers whose time to answer is over, oldest first."""
    rows = db.session.execute(
        select(Award.id, Award.offer_expires_at, Award.reference)
        .where(Award.state == "offered", Award.offer_expires_at <= now)
        .order_by(Award.offer_expires_at, Award.id).limit(limit)
    )
    return [(r.id, r.offer_expires_at, r.reference) for r in rows if r.offer_expires_at is not None]


def reserves_to_end(now: datetime, limit: int) -> list[tuple[uuid.UUID, datetime, str]]:
    """Reserve places whose travel would have begun: their list is over when the day before has ended at the fund's
    seat."""
    today = office_day(now)
    rows = db.session.execute(
        select(Award.id, Award.travel_from, Award.reference)
        .where(Award.state == "reserve", Award.travel_from <= today)
        .order_by(Award.travel_from, Award.id).limit(limit)
    )
    return [(r.id, begin_of_day(r.travel_from), r.reference) for r in rows]
