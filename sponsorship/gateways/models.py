"""The inbox of what providers tell us. Tables and constraints only."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, Versioned, WithId
from core.ddl import append_only
from sponsorship.gateways.transitions import STRIPE_EVENT


class StripeEvent(WithId, Versioned, Base):
    """One verified event, once. All instants are real time.

    What Stripe sent may name the payer: the bytes are sealed under the row's own key (core.vault), so that they can
    be erased, and their digest stays. An event is a hint only: the object is fetched again before anything is done.
    `via` says how it came: by webhook, listed at Stripe where no webhook had brought it, or found by a sweep of ours.
    """

    __tablename__ = "stripe_event"
    __table_args__ = (
        CheckConstraint("attempts >= 0", name="attempts_not_negative"),
        CheckConstraint("length(event_id) > 0", name="event_id_not_empty"),
        CheckConstraint("via IN ('webhook', 'listed', 'found')", name="via"),
        Index("ix_stripe_event_due", "due_at", "id", sqlite_where=text("state = 'new'"),
              postgresql_where=text("state = 'new'")),
    )
    event_id: Mapped[str] = mapped_column(String(100), unique=True)
    type: Mapped[str] = mapped_column(String(100), index=True)
    object_id: Mapped[str] = mapped_column(String(100), index=True)
    api_version: Mapped[str | None] = mapped_column(String(40))
    livemode: Mapped[bool]
    via: Mapped[str] = mapped_column(String(10), default="webhook", server_default="webhook")
    payload_sealed: Mapped[str | None] = mapped_column(Text)
    payload_sha256: Mapped[str] = mapped_column(String(64))
    happened_at: Mapped[datetime]
    received_at: Mapped[datetime]
    state: Mapped[str] = STRIPE_EVENT.column()
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    note: Mapped[str | None] = mapped_column(String(80))


append_only(
    StripeEvent.__table__,  # type: ignore[arg-type]
    updatable=("state", "version", "payload_sealed", "attempts", "due_at", "settled_at", "note"),
)
