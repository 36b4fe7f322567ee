"""Sums and short lists: what the fund page, donors' pages and desks ask for. US dollars throughout."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import func, select

from core.db import db
from core.money import Money, usd
from sponsorship.contributions.back_models import Refund
from sponsorship.contributions.models import Contribution, Pledge
from sponsorship.contributions.queries import MAX_LIST, ContributionRow, PledgeRow, contribution_rows, pledge_rows
from sponsorship.contributions.queries import joined as _joined
from sponsorship.contributions.transitions import OPEN
from sponsorship.contributions.valuation import part_worth as outstanding_worth


@dataclass(frozen=True)
class PledgeFigures:
    """US dollars, at the rate of each pledge's announcement. `outstanding`: pledged and not paid yet, of which
    `overdue` after its day; `waiting`: received, waiting for acceptance (in suspense or on its way back)."""

    outstanding: Money
    overdue: Money
    waiting: Money


def pledge_figures() -> PledgeFigures:
    """What is still to come of pledges, and what waits."""
    rows = _open_pledges()
    overdue = sum(worth for state, worth in rows if state == "overdue")
    waiting = db.session.scalar(
        select(func.sum(Contribution.gross_minor + Contribution.exchange_minor - Contribution.back_minor))
        .where(Contribution.state.in_(("in_suspense", "refund_due")))
    )
    return PledgeFigures(usd(sum(worth for _state, worth in rows)), usd(overdue), usd(int(waiting or 0)))


def _open_pledges() -> list[tuple[str, int]]:
    rows = db.session.execute(
        select(Pledge.state, Pledge.usd_minor, Pledge.amount_minor, Pledge.current_minor,
               Pledge.paid_minor)
        .where(Pledge.state.in_(OPEN), Pledge.current_minor > Pledge.paid_minor)
    )
    return [
        (row.state, outstanding_worth(row.usd_minor, row.amount_minor, row.current_minor - row.paid_minor))
        for row in rows
    ]


def accepted_of(organisations: Iterable[uuid.UUID]) -> list[ContributionRow]:
    """Contributions of these organisations that were accepted (what went back since included), newest first: where the
    donor's page starts from."""
    found = db.session.execute(
        _joined().where(Pledge.organisation_id.in_(list(organisations)), Contribution.accepted_at.is_not(None))
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
    """Pledges of these organisations that wait for payment, what is due first first."""
    return pledge_rows(list(db.session.scalars(
        select(Pledge).where(Pledge.organisation_id.in_(list(organisations)), Pledge.state.in_(OPEN))
        .order_by(Pledge.next_due_on.nulls_last(), Pledge.announced_at, Pledge.id).limit(limit)
    )))
