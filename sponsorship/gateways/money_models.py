"""Stripe's balance as Stripe tells it: each of its movements, each payout to the bank, and the entries of our books
that say the same. Tables and constraints only. Instants of Stripe are real time."""

from __future__ import annotations

import uuid
from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, MinorUnits, Versioned, WithId
from core.ddl import REFUSE, append_only, trigger
from sponsorship.gateways.transitions import MOVEMENT, PAYOUT


class StripeCursor(Base):
    """How far a list at Stripe has been read, by Stripe's own clock: all that was made until then is on record."""

    __tablename__ = "stripe_cursor"
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    through: Mapped[datetime]


class StripePayout(WithId, Versioned, Base):
    """Money that Stripe sent to the fund's bank account, in US cents (below zero: collected from there). `entry_id` is
    the entry that took it out of Stripe's account in the books, `back_entry_id` the one that put it back.

    `contained_minor` is what the movements in it add up to, once Stripe has told (`reconciled_at`). `bank_reference`
    and `value_date` are the statement's, by the officer who confirmed it.
    """

    __tablename__ = "stripe_payout"
    __table_args__ = (
        CheckConstraint("amount_minor <> 0", name="amount_not_zero"),
        CheckConstraint("(state IN ('failed', 'cancelled')) = (back_entry_id IS NOT NULL)", name="back_where_it_was"),
        CheckConstraint("(reconciled_at IS NULL) = (contained_minor IS NULL)"
                        " AND (reconciled_at IS NULL) = (contained_count IS NULL)", name="contents_known_at_once"),
        CheckConstraint("state <> 'confirmed' OR confirmed_by IS NOT NULL", name="confirmed_by_somebody"),
        CheckConstraint(
            "(confirmed_by IS NULL AND confirmed_at IS NULL AND bank_reference IS NULL AND value_date IS NULL) OR "
            "(confirmed_by IS NOT NULL AND confirmed_at IS NOT NULL AND bank_reference IS NOT NULL"
            " AND value_date IS NOT NULL)", name="confirmed_whole",
        ),
    )
    payout_id: Mapped[str] = mapped_column(String(100), unique=True)
    state: Mapped[str] = PAYOUT.column()
    amount_minor: Mapped[int] = mapped_column(MinorUnits)
    automatic: Mapped[bool]
    txn_id: Mapped[str | None] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(index=True)
    arrives_on: Mapped[date]
    trace: Mapped[str | None] = mapped_column(String(100))
    failure_code: Mapped[str | None] = mapped_column(String(60))
    entry_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("entry.id"), unique=True)
    back_entry_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("entry.id"), unique=True)
    checked_at: Mapped[datetime | None]
    reconciled_at: Mapped[datetime | None]
    contained_minor: Mapped[int | None] = mapped_column(MinorUnits)
    contained_count: Mapped[int | None] = mapped_column(Integer)
    bank_reference: Mapped[str | None] = mapped_column(String(80), unique=True)
    value_date: Mapped[date | None]
    confirmed_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))
    confirmed_at: Mapped[datetime | None]


class StripeMovement(WithId, Versioned, Base):
    """One balance transaction, once: minor units of `currency`, the one it settled in. `source_id` names the charge,
    refund, dispute or payout behind it; `payout_id` the automatic payout that carried it to the bank. `note` is the
    code of why it is not in the books."""

    __tablename__ = "stripe_movement"
    __table_args__ = (
        CheckConstraint("net_minor = amount_minor - fee_minor", name="net_is_amount_less_fee"),
        CheckConstraint("length(currency) = 3 AND currency = upper(currency)", name="currency_code"),
        Index(None, "created_at", "id"),  # the order of the list, and of what its filters leave of it
        Index(None, "state", "created_at", "id"),
        Index(None, "category", "created_at", "id"),
        Index(None, "state", "category", "created_at", "id"),
        Index("ix_stripe_movement_open", "recorded_at", "id", sqlite_where=text("state IN ('new', 'unmatched')"),
              postgresql_where=text("state IN ('new', 'unmatched')")),
    )
    txn_id: Mapped[str] = mapped_column(String(100), unique=True)
    type: Mapped[str] = mapped_column(String(60), index=True)
    category: Mapped[str] = mapped_column(String(60))
    source_id: Mapped[str | None] = mapped_column(String(100), index=True)
    currency: Mapped[str] = mapped_column(String(3))
    amount_minor: Mapped[int] = mapped_column(MinorUnits)
    fee_minor: Mapped[int] = mapped_column(MinorUnits)
    net_minor: Mapped[int] = mapped_column(MinorUnits)
    words: Mapped[str | None] = mapped_column(String(200))
    created_at: Mapped[datetime]
    available_on: Mapped[datetime]
    recorded_at: Mapped[datetime]
    state: Mapped[str] = MOVEMENT.column()
    checked_at: Mapped[datetime | None]
    note: Mapped[str | None] = mapped_column(String(80))
    payout_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("stripe_payout.id"), index=True)


class MovementEntry(Base):
    """This entry of the books says what this movement says. An entry belongs to one movement; a movement may have two
    entries (a dispute and its fee), or none (what was taken and given back before the books knew)."""

    __tablename__ = "stripe_movement_entry"
    entry_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("entry.id"), primary_key=True)
    movement_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("stripe_movement.id"), index=True)


class MovementTotal(Base):
    """What the movements of one state, category and currency come to, in minor units, and what the entries tied to them
    moved Stripe's account in the books by, in US cents. Kept by triggers: the page of movements reads none of them for
    its figures. `verify` adds them up again."""

    __tablename__ = "stripe_movement_total"
    state: Mapped[str] = mapped_column(String(40), primary_key=True)
    category: Mapped[str] = mapped_column(String(60), primary_key=True)
    currency: Mapped[str] = mapped_column(String(3), primary_key=True)
    movements: Mapped[int] = mapped_column(MinorUnits)
    net_minor: Mapped[int] = mapped_column(MinorUnits)
    tied_minor: Mapped[int] = mapped_column(MinorUnits)


append_only(
    StripePayout.__table__,  # type: ignore[arg-type]
    updatable=(
        "state", "version", "txn_id", "arrives_on", "trace", "failure_code", "back_entry_id", "checked_at",
        "reconciled_at", "contained_minor", "contained_count", "bank_reference", "value_date", "confirmed_by",
        "confirmed_at",
    ),
)
append_only(
    StripeMovement.__table__,  # type: ignore[arg-type]
    updatable=("state", "version", "checked_at", "note", "payout_id"),
)
append_only(MovementEntry.__table__, key="entry_id")  # type: ignore[arg-type]
_MOVED = "OLD.payout_id IS NOT NULL AND (NEW.payout_id IS NULL OR NEW.payout_id <> OLD.payout_id)"
trigger(
    StripeMovement.__table__, "stripe_movement_in_one_payout",  # type: ignore[arg-type]
    sqlite="CREATE TRIGGER stripe_movement_in_one_payout BEFORE UPDATE OF payout_id ON stripe_movement "
           f"WHEN {_MOVED} BEGIN SELECT RAISE(ABORT, 'a movement is in one payout'); END",
    postgresql=(REFUSE, "CREATE TRIGGER stripe_movement_in_one_payout BEFORE UPDATE OF payout_id ON stripe_movement "
                        f"FOR EACH ROW WHEN ({_MOVED}) EXECUTE FUNCTION placard_refuse('a movement is in one payout')"),
)

from sponsorship.gateways import movement_totals  # noqa: E402, F401  # the triggers belong to the tables above
