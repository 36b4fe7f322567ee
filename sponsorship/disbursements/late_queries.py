"""What pages may know of late claims: typed rows, a fixed number of queries."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import Select, func, select

from accounts.permissions import allows
from accounts.queries import names
from core import vault
from core.actor import Actor
from core.db import db
from core.errors import NotFound, RuleBroken
from core.machines import State
from core.money import Money, usd
from core.web.tables import TableQuery
from sponsorship.applications.queries import call_by_id
from sponsorship.awards.models import Award
from sponsorship.awards.money import fitting_pools
from sponsorship.disbursements import late_ticket
from sponsorship.disbursements.claim_models import Claim
from sponsorship.disbursements.claim_queries import visible
from sponsorship.disbursements.claim_states import LATE
from sponsorship.disbursements.late_models import LateClaim
from sponsorship.disbursements.late_service import to_reserve
from sponsorship.disbursements.models import Disbursement
from sponsorship.ledger.queries import headroom


@dataclass(frozen=True)
class LateRow:
    """A request to send a claim late. `reserved` in US dollars of direct cost, None until it is agreed to."""

    id: uuid.UUID
    version: int
    claim_id: uuid.UUID
    reference: str
    award_id: uuid.UUID
    award: str
    organisation_id: uuid.UUID
    organisation: str
    state: str
    closed_at: datetime
    asked_by: uuid.UUID
    asked_at: datetime
    decided_by: uuid.UUID | None
    reserved: Money | None
    ticket: Money | None
    ticket_file_id: uuid.UUID | None

    @property
    def waits_for(self) -> str:
        """Who acts next."""
        if self.state == "asked":
            return _("The head of the fund")
        return _("A certifying or approving officer") if self.state == "decided" else ""

    @property
    def status(self) -> State:
        return LATE.state(self.state)


@dataclass(frozen=True)
class Needed:
    """What agreeing would reserve again, and what the pools that may pay carry now (direct cost, US dollars); or why
    that cannot be said yet."""

    amount: Money | None
    free: Money | None
    why_not: object | None = None

    @property
    def enough(self) -> bool:
        return self.amount is not None and self.free is not None and self.amount.minor <= self.free.minor


@dataclass(frozen=True)
class LatePage:
    """One request with the State's own words."""

    row: LateRow
    words: str | None
    needed: Needed | None
    own: bool
    officer: bool


def _select() -> Select[*tuple[Any, ...]]:
    return (select(LateClaim, Claim.reference, Award.id, Award.reference).join(Claim, Claim.id == LateClaim.claim_id)
            .join(Award, Award.id == Claim.award_id))


def _rows(found: Iterable[Any]) -> list[LateRow]:
    rows = list(found)
    organisations = names({row[0].organisation_id for row in rows})
    return [LateRow(late.id, late.version, late.claim_id, reference, award_id, award, late.organisation_id,
                    organisations.get(late.organisation_id, ""), late.state, late.closed_at, late.asked_by,
                    late.asked_at, late.decided_by,
                    None if late.reserved_minor is None else usd(late.reserved_minor),
                    None if late.ticket_minor is None else usd(late.ticket_minor), late.ticket_file_id)
            for late, reference, award_id, award in rows]


def list_late(query: TableQuery, actor: Actor) -> tuple[list[LateRow], int]:
    """Requests that this reader may know of, the newest first; how many. Filter: state. Three queries."""
    where = [visible(actor)]
    if state := query.get("state"):
        where.append(LateClaim.state == state)
    found = _select().where(*where)
    total = db.session.scalar(select(func.count()).select_from(
        found.with_only_columns(LateClaim.id).order_by(None).subquery())) or 0
    found = found.order_by(LateClaim.asked_at.desc(), LateClaim.id.desc())
    if query.format is None:
        found = found.offset(query.offset).limit(query.limit)
    return _rows(db.session.execute(found).all()), total


def ticket_open(award: Award) -> Money | None:
    """What a ticket that the delegate bought may cost, None where the award bears none."""
    most = late_ticket.open_of(award, db.session.scalars(
        select(Disbursement).where(Disbursement.award_id == award.id)).all())
    return usd(most) if most else None


def receipt_of(late_id: uuid.UUID, actor: Actor) -> uuid.UUID:
    """The receipt of the ticket. Raises NotFound, also for another State's."""
    found = db.session.scalar(_select().with_only_columns(LateClaim.ticket_file_id)
                              .where(LateClaim.id == late_id, visible(actor)))
    if found is None:
        raise NotFound()
    return found


def late_in(state: str, limit: int = 50) -> list[LateRow]:
    """Requests in one state, the oldest first."""
    return _rows(db.session.execute(_select().where(LateClaim.state == state)
                                    .order_by(LateClaim.asked_at, LateClaim.id).limit(limit)).all())


def latest_of(claim_id: uuid.UUID) -> LateRow | None:
    """The newest request about a claim; who may see the claim may see it."""
    return next(iter(_rows(db.session.execute(
        _select().where(LateClaim.claim_id == claim_id).order_by(LateClaim.asked_at.desc(), LateClaim.id.desc())
        .limit(1)).all())), None)


def late_page(late_id: uuid.UUID, actor: Actor) -> LatePage:
    """Raises NotFound, also for another State's."""
    found = db.session.execute(_select().where(LateClaim.id == late_id, visible(actor))).one_or_none()
    if found is None:
        raise NotFound()
    row, officer = _rows([found])[0], allows(actor, "disbursement.view_all")
    open_ = officer and row.state in ("asked", "decided")
    needed = _needed(row.award_id, found[0].ticket_minor or 0) if open_ else None
    return LatePage(row, vault.unseal(late_id, found[0].words_sealed), needed,
                    allows(actor, "claim.submit", row.organisation_id), officer)


def _needed(award_id: uuid.UUID, ticket_minor: int) -> Needed:
    award = db.session.get_one(Award, award_id)
    rows = db.session.scalars(select(Disbursement).where(Disbursement.award_id == award_id)).all()
    try:
        amount = usd(to_reserve(award, rows, ticket_minor))
    except RuleBroken as refusal:
        return Needed(None, None, refusal.message)
    return Needed(amount, usd(headroom(fitting_pools(award, call_by_id(award.call_id)))))
