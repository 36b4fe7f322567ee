"""What pages may know about disputes of payments: typed rows, one query."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from core.db import db
from core.machines import State
from core.money import Money, usd
from sponsorship.contributions.back_models import Dispute
from sponsorship.contributions.going_back import UNDECIDED
from sponsorship.contributions.transitions import DISPUTE


@dataclass(frozen=True)
class DisputeRow:
    """A dispute of one payment. `amount` is in the donor's currency; `taken`, `fee` and `reinstated` are US dollars.
    `respond_by` is the last moment for evidence (UTC), as Stripe says."""

    id: uuid.UUID
    status: State
    code: str
    reason: str
    amount: Money
    taken: Money | None
    fee: Money | None
    reinstated: Money | None
    opened_at: datetime
    respond_by: datetime | None
    closed_at: datetime | None
    at_stripe: str
    contribution_id: uuid.UUID

    @property
    def holds(self) -> bool:
        """Whether it holds money now, and may give it back."""
        return self.taken is not None and self.reinstated is None and self.code in UNDECIDED

    @property
    def live(self) -> bool:
        """Whether something of it has still to happen."""
        return self.holds or self.code in ("inquiry", "open", "under_review")


def dispute_row(d: Dispute) -> DisputeRow:
    def dollars(minor: int | None) -> Money | None:
        return None if minor is None else usd(minor)

    return DisputeRow(
        d.id, DISPUTE.state(d.state), d.state, d.reason, Money(d.amount_minor, d.currency), dollars(d.usd_minor),
        dollars(d.fee_minor), dollars(d.reinstated_minor), d.opened_at, d.respond_by, d.closed_at, d.stripe_dispute_id,
        d.contribution_id)


def disputes_of(contribution_ids: Iterable[uuid.UUID]) -> tuple[DisputeRow, ...]:
    """All disputes of these payments, the oldest first."""
    return tuple(dispute_row(d) for d in db.session.scalars(
        select(Dispute).where(Dispute.contribution_id.in_(list(contribution_ids))).order_by(Dispute.id)))
