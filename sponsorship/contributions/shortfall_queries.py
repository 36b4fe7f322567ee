"""What officers read of pools that lack money: typed rows, a fixed number of queries."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from flask import url_for
from flask_babel import gettext as _
from sqlalchemy import select

from accounts.queries import person_labels
from core.db import db
from core.events import history
from core.machines import State
from core.money import Money, usd
from sponsorship.contributions.back_models import Dispute
from sponsorship.contributions.models import Contribution
from sponsorship.contributions.shortfall_models import Cover
from sponsorship.contributions.shortfalls import figures_of
from sponsorship.contributions.transitions import COVER
from sponsorship.ledger.queries import ShortfallRow, pool_figures, shortfalls


@dataclass(frozen=True)
class StoppedRow:
    """A pool from which no payment leaves: what it lacks and what is free in it."""

    pool_id: uuid.UUID
    name: str
    lacking: Money
    free: Money
    asked_by: uuid.UUID | None

    @property
    def asked(self) -> bool:
        """Whether somebody has asked that it be covered."""
        return self.asked_by is not None


def stopped_pools() -> list[StoppedRow]:
    """Pools that lack money, by name."""
    lacking = [figures for figures in pool_figures() if figures.shortfall]
    asked = {row.pool_id: row.requested_by for row in db.session.execute(
        select(Cover.pool_id, Cover.requested_by).where(Cover.state == "requested"))} if lacking else {}
    return [StoppedRow(f.pool_id, f.name, usd(f.shortfall), usd(f.available), asked.get(f.pool_id))
            for f in sorted(lacking, key=lambda figures: figures.name)]


@dataclass(frozen=True)
class CoverRow:
    """A request to cover a pool's shortfall."""

    id: uuid.UUID
    version: int
    status: State
    code: str
    amount: Money
    requested_by: uuid.UUID
    requested_at: datetime
    decided_by: uuid.UUID | None
    words: str | None
    answer: str | None


@dataclass(frozen=True)
class ShortRow:
    """One shortfall with what it came from."""

    at: datetime
    source: str
    url: str | None
    amount: Money
    left: Money


@dataclass(frozen=True)
class ShortfallPage:
    """All that an officer sees of a pool that lacks, or lacked, money."""

    pool_id: uuid.UUID
    name: str
    lacking: Money
    free: Money
    rows: tuple[ShortRow, ...]
    covers: tuple[CoverRow, ...]
    people: dict[uuid.UUID, str]

    @property
    def asked(self) -> CoverRow | None:
        return next((cover for cover in self.covers if cover.code == "requested"), None)


def get_shortfall(pool_id: uuid.UUID) -> ShortfallPage:
    """Raises NotFound."""
    figures = figures_of(pool_id)
    covers = [_cover(row) for row in db.session.scalars(
        select(Cover).where(Cover.pool_id == pool_id).order_by(Cover.id.desc()).limit(50))]
    people = {person for cover in covers for person in (cover.requested_by, cover.decided_by) if person is not None}
    return ShortfallPage(pool_id, figures.name, usd(figures.shortfall), usd(figures.available),
                         tuple(_sources(shortfalls(pool_id, open_only=False)[-50:])), tuple(covers),
                         person_labels(people))


def _cover(row: Cover) -> CoverRow:
    past = history("cover", row.id)
    return CoverRow(row.id, row.version, COVER.state(row.state), row.state, usd(row.amount_minor), row.requested_by,
                    row.requested_at, row.decided_by, next((event.text for event in past), None),
                    past[-1].text if len(past) > 1 else None)


def _sources(rows: list[ShortfallRow]) -> list[ShortRow]:
    ids = {kind: {row.source[1] for row in rows if row.source and row.source[0] == kind}
           for kind in ("contribution", "dispute")}
    contributions = dict(db.session.execute(
        select(Contribution.id, Contribution.reference).where(Contribution.id.in_(ids["contribution"]))).all())
    disputes = dict(db.session.execute(
        select(Dispute.id, Contribution.reference).join(Contribution, Contribution.id == Dispute.contribution_id)
        .where(Dispute.id.in_(ids["dispute"]))).all())
    found = []
    for row in rows:
        key = row.source[1] if row.source else row.entry_id
        words, url = _("A fee"), None
        if key in contributions:
            words, url = contributions[key], url_for("contributions.contribution", contribution_id=key)
        elif key in disputes:
            words = _("Fee of the dispute of %(reference)s", reference=disputes[key])
            url = url_for("contributions.dispute", dispute_id=key)
        found.append(ShortRow(row.occurred_at, words, url, usd(row.amount), usd(row.left)))
    return found
