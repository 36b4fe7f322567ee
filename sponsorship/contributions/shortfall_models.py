"""Covering a pool's shortfall: it spends other donors' money, so one asks for it and another approves. Table only."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, MinorUnits, Versioned, WithId
from core.ddl import append_only
from sponsorship.contributions.transitions import COVER


class Cover(WithId, Versioned, Base):
    """A request to cover all that a pool lacks from its free money: `amount_minor` US cents as it stood when asked.
    At most one of a pool is under way."""

    __tablename__ = "cover"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint("decided_by IS NULL OR decided_by <> requested_by", name="two_people"),
        CheckConstraint("(state = 'requested') = (decided_by IS NULL)", name="decided_by_somebody"),
        Index("uq_cover_one_under_way", "pool_id", unique=True, sqlite_where=text("state = 'requested'"),
              postgresql_where=text("state = 'requested'")),
    )
    pool_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("pool.id"))
    state: Mapped[str] = COVER.column()
    amount_minor: Mapped[int] = mapped_column(MinorUnits)
    requested_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("person.id"))
    requested_at: Mapped[datetime]
    decided_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))
    decided_at: Mapped[datetime | None]


append_only(
    Cover.__table__,  # type: ignore[arg-type]
    updatable=("state", "version", "decided_by", "decided_at"),
)
