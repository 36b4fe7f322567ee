"""Sums and short lists: what the fund page, donors' pages and desks ask for. US dollars throughout."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import func, select

from core.db import db
from core.money import Money, usd
from sponsorship.contributions.models import Contribution, Pledge, Refund
from sponsorship.contributions.queries import MAX_LIST, ContributionRow, PledgeRow, contribution_rows, pledge_rows
from sponsorship.contributions.queries import joined as _joined


@dataclass(frozen=True)
class PledgeFigures:
    """US dollars. `announced`: pledged and not yet paid; `paid`: pledges whose payment has come (accepted or waiting);
    `pledged` is both; `waiting`: received, waiting for acceptance (in suspense or on its way back)."""

    pledged: Money
    announced: Money
    paid: Money
    waiting: Money


def pledge_figures(pool_id: uuid.UUID | None = None) -> PledgeFigures:
    """What has been pledged (to one pool, when given). Cancelled and returned pledges do not count."""
    wanted = select(Pledge.state, func.sum(Pledge.amount_minor)).group_by(Pledge.state)
    held = select(func.sum(Contribution.gross_minor)).join(Pledge, Pledge.id == Contribution.pledge_id).where(
        Contribution.state.in_(("in_suspense", "refund_due"))
    )
    if pool_id is not None:
        wanted, held = wanted.where(Pledge.pool_id == pool_id), held.where(Pledge.pool_id == pool_id)
    sums = {state: int(total) for state, total in db.session.execute(wanted)}
    announced, paid = sums.get("announced", 0), sums.get("paid", 0)
    return PledgeFigures(usd(announced + paid), usd(announced), usd(paid), usd(int(db.session.scalar(held) or 0)))


def accepted_of(organisations: Iterable[uuid.UUID]) -> list[ContributionRow]:
    """Accepted contributions of these organisations, newest first: where the donor's page starts from."""
    found = db.session.execute(
        _joined().where(Pledge.organisation_id.in_(list(organisations)), Contribution.state == "accepted")
        .order_by(Contribution.accepted_at.desc(), Contribution.id.desc()).limit(MAX_LIST)
    ).all()
    return contribution_rows(list(found))


def waiting_for_acceptance(limit: int = 50) -> list[ContributionRow]:
    """Contributions in suspense, oldest first."""
    found = db.session.execute(
        _joined().where(Contribution.state == "in_suspense").order_by(Contribution.received_at, Contribution.id)
        .limit(limit)
    ).all()
    return contribution_rows(list(found))


def failed_refunds(limit: int = 50) -> list[ContributionRow]:
    """Contributions to be paid back whose refund failed and was not sent again, oldest first."""
    alive = select(Refund.id).where(Refund.contribution_id == Contribution.id, Refund.state != "failed").exists()
    found = db.session.execute(
        _joined().where(Contribution.state == "refund_due", ~alive).order_by(Contribution.received_at, Contribution.id)
        .limit(limit)
    ).all()
    return contribution_rows(list(found))


def unpaid_of(organisations: Iterable[uuid.UUID], limit: int = 50) -> list[PledgeRow]:
    """Pledges of these organisations that wait for payment, oldest first."""
    pledges = list(db.session.scalars(
        select(Pledge).where(Pledge.organisation_id.in_(list(organisations)), Pledge.state == "announced")
        .order_by(Pledge.announced_at, Pledge.id).limit(limit)
    ))
    return pledge_rows(pledges)
