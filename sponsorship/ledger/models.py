"""Tables of the ledger. Rules the database itself holds stand here and in guards.py; nothing here knows Flask."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any, cast

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Table, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, MinorUnits, WithId
from core.ddl import lookup_table, once_added

# One trillion dollars. Times 10,000 basis points it still fits 64 bits, so the CHECKs on support costs are exact.
MAX_USD_MINOR = 10**14
SPEND_STATES = ("sent", "confirmed", "returned")
spend_state = lookup_table("spend_state", SPEND_STATES)
# what an entry does with a lot's money: sets it aside, spends it on a journey and on its support costs, pays a fee with
# it, sends it back to its donor, or covers with it what another donor's bank took back
LOT_PARTS = ("reserved", "direct", "support", "fee", "refund", "loss")
lot_part = lookup_table("lot_part", LOT_PARTS)


class Pool(WithId, Base):
    """Money with one purpose. `earmark` is a predicate (None: unearmarked) and never changes."""

    __tablename__ = "pool"
    code: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    earmark: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    is_demo: Mapped[bool] = mapped_column(default=False)


class Account(WithId, Base):
    """One line of the chart with its two running totals in US cents. Only the posting trigger moves them;
    `moved_by` is the entry that did so last. A `guarded` account may not be overdrawn."""

    __tablename__ = "account"
    __table_args__ = (
        *once_added(
            CheckConstraint("side IN ('D', 'C')", name="side"),
            CheckConstraint("book IN ('P', 'B')", name="book"),
            # from zero on they only grow: a leg carries more than nothing, and legs alone move them
            CheckConstraint("debits_posted >= 0 AND credits_posted >= 0", name="totals_positive"),
        ),
        CheckConstraint(
            "NOT guarded OR (side = 'C' AND credits_posted >= debits_posted)"
            " OR (side = 'D' AND debits_posted >= credits_posted)",
            name="no_overdraft",
        ),
        UniqueConstraint("kind", "pool_id"),
        {"postgresql_with": {"fillfactor": "50"}},  # balances change in place, without touching the indexes
    )
    code: Mapped[str] = mapped_column(String(80), unique=True)
    kind: Mapped[str] = mapped_column(String(40))
    book: Mapped[str] = mapped_column(String(1))
    pool_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("pool.id"), index=True)
    currency: Mapped[str] = mapped_column(String(3), default="USD")
    side: Mapped[str] = mapped_column(String(1))
    guarded: Mapped[bool]
    debits_posted: Mapped[int] = mapped_column(MinorUnits, default=0)
    credits_posted: Mapped[int] = mapped_column(MinorUnits, default=0)
    moved_by: Mapped[uuid.UUID | None]


class AccountMonth(Base):
    """One account's totals by the UTC month of `occurred_at` (202603 is March 2026), in US cents. Kept by the posting
    trigger: figures of a year and balances at any instant never read more than one month of entries."""

    __tablename__ = "account_month"
    __table_args__ = (
        *once_added(  # the posting trigger of PostgreSQL is the only one that writes here
            CheckConstraint("debits >= 0 AND credits >= 0 AND legs > 0", name="totals_positive"),
            CheckConstraint("month % 100 BETWEEN 1 AND 12 AND month > 190000", name="month"),
        ),
        {"postgresql_with": {"fillfactor": "50"}},
    )
    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("account.id"), primary_key=True)
    month: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    debits: Mapped[int] = mapped_column(MinorUnits)
    credits: Mapped[int] = mapped_column(MinorUnits)
    legs: Mapped[int] = mapped_column(MinorUnits)


class Posting(Base):
    """Its insertion posts the entry: checks it, moves the balances, and closes it for good. No foreign key to the
    entry is needed: without two legs (which have one) there is no posting."""

    __tablename__ = "posting"
    entry_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    posted_at: Mapped[datetime]


class Entry(Base):
    """One fact of the books. The deferred foreign key refuses to commit an entry without its posting."""

    __tablename__ = "entry"
    __table_args__ = (Index(None, "subject_type", "subject_id"), Index(None, "occurred_at", "id"))
    id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("posting.entry_id", deferrable=True, initially="DEFERRED"), primary_key=True
    )
    kind: Mapped[str] = mapped_column(String(40))
    key: Mapped[str] = mapped_column(String(200), unique=True)
    occurred_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(80))
    actor_id: Mapped[uuid.UUID | None]
    subject_type: Mapped[str | None] = mapped_column(String(40))
    subject_id: Mapped[uuid.UUID | None]
    corrects_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("entry.id"), index=True)


class Leg(Base):
    """One side of an entry in US cents, with the amount as it was paid and the rate that made it dollars."""

    __tablename__ = "leg"
    __table_args__ = (
        *once_added(
            CheckConstraint("side IN ('D', 'C')", name="side"),
            CheckConstraint(f"usd_minor > 0 AND usd_minor <= {MAX_USD_MINOR}", name="amount"),
            CheckConstraint(
                "(original_currency = 'USD' AND original_minor = usd_minor AND rate IS NULL AND rate_source IS NULL"
                " AND rate_date IS NULL) OR (original_currency <> 'USD' AND original_minor >= 0 AND rate IS NOT NULL"
                " AND rate_source IS NOT NULL AND rate_date IS NOT NULL)",
                name="original",
            ),
        ),
        Index(None, "account_id", "entry_id"),
    )
    entry_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("entry.id"), primary_key=True)
    n: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("account.id"))
    side: Mapped[str] = mapped_column(String(1))
    usd_minor: Mapped[int] = mapped_column(MinorUnits)
    original_minor: Mapped[int] = mapped_column(MinorUnits)
    original_currency: Mapped[str] = mapped_column(String(3))
    rate: Mapped[str | None] = mapped_column(String(40))
    rate_source: Mapped[str | None] = mapped_column(String(80))
    rate_date: Mapped[date | None]


class HeldReceipt(WithId, Base):
    """Money received that nobody has accepted yet: it waits in suspense and leaves it once, accepted or sent back;
    only what a bank takes away (`refunded_minor`) may leave in parts.

    US cents: `gross_minor` at the rate of the deposit, `exchange_minor` what it brought beyond that (or short of it),
    `fee_minor` as kept by the provider. Accepted and refunded are parts of gross + exchange: what really came.
    """

    __tablename__ = "held_receipt"
    __table_args__ = (
        UniqueConstraint("source_type", "source_id"),
        CheckConstraint("gross_minor > 0 AND fee_minor >= 0 AND fee_minor < gross_minor + exchange_minor",
                        name="amounts"),
        CheckConstraint("accepted_minor >= 0 AND refunded_minor >= 0", name="parts_positive"),
        CheckConstraint("accepted_minor + refunded_minor <= gross_minor + exchange_minor", name="leaves_once"),
    )
    key: Mapped[str] = mapped_column(String(200), unique=True)
    source_type: Mapped[str] = mapped_column(String(40))
    source_id: Mapped[uuid.UUID]
    clearing: Mapped[str] = mapped_column(String(40))
    gross_minor: Mapped[int] = mapped_column(MinorUnits)
    exchange_minor: Mapped[int] = mapped_column(MinorUnits, default=0)
    fee_minor: Mapped[int] = mapped_column(MinorUnits)
    received_at: Mapped[datetime]
    entry_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("entry.id"), unique=True)
    accepted_minor: Mapped[int] = mapped_column(MinorUnits, default=0)
    refunded_minor: Mapped[int] = mapped_column(MinorUnits, default=0)


class Lot(WithId, Base):
    """One contribution's money in a pool (what it really brought, net of fees, US cents), so that every journey can be
    traced to it.

    Free money of a lot is amount - reserved - spent - charged, where charged is what it paid beside journeys: fees,
    refunds to its donor, losses it covered. Only rows of `lot_movement` move the three (guards.py).
    """

    __tablename__ = "lot"
    __table_args__ = (
        CheckConstraint(f"amount_minor > 0 AND amount_minor <= {MAX_USD_MINOR}", name="amount"),
        CheckConstraint("reserved_minor >= 0 AND spent_minor >= 0 AND charged_minor >= 0", name="parts_positive"),
        CheckConstraint("reserved_minor + spent_minor + charged_minor <= amount_minor", name="not_overdrawn"),
        CheckConstraint("rate_bp >= 0 AND rate_bp <= 10000", name="rate"),
        Index(None, "source_type", "source_id"),
        Index(
            "ix_lot_free", "pool_id", "end_date", "deposited_at", "id",
            sqlite_where=text("amount_minor > reserved_minor + spent_minor + charged_minor"),
            postgresql_where=text("amount_minor > reserved_minor + spent_minor + charged_minor"),
        ),
    )
    key: Mapped[str] = mapped_column(String(200), unique=True)
    pool_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("pool.id"), index=True)
    source_type: Mapped[str] = mapped_column(String(40))
    source_id: Mapped[uuid.UUID]
    deposited_at: Mapped[datetime]
    end_date: Mapped[date | None]
    rate_bp: Mapped[int]
    entry_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("entry.id"), unique=True)
    amount_minor: Mapped[int] = mapped_column(MinorUnits)
    reserved_minor: Mapped[int] = mapped_column(MinorUnits, default=0)
    spent_minor: Mapped[int] = mapped_column(MinorUnits, default=0)
    charged_minor: Mapped[int] = mapped_column(MinorUnits, default=0)


class LotMovement(Base):
    """What one entry did with one lot's money, US cents, signed: taken out of free money (+) or given back (-). Its
    insertion moves the lot's counters."""

    __tablename__ = "lot_movement"
    __table_args__ = (
        CheckConstraint("amount_minor <> 0", name="amount"),
        Index(None, "lot_id", "entry_id"),
    )
    entry_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("entry.id"), primary_key=True)
    lot_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("lot.id"), primary_key=True)
    part: Mapped[str] = mapped_column(String(40), ForeignKey("lot_part.code"), primary_key=True)
    amount_minor: Mapped[int] = mapped_column(MinorUnits)


class Shortfall(Base):
    """What reality took from a pool that had nothing free: `becomes` says what it is once covered (fees, or losses:
    money that a donor's bank took back after it was promised or spent). US cents."""

    __tablename__ = "shortfall"
    __table_args__ = (
        CheckConstraint("becomes IN ('fees', 'losses')", name="becomes"),
        CheckConstraint("amount_minor > 0 AND covered_minor >= 0 AND covered_minor <= amount_minor", name="amounts"),
        Index(None, "source_type", "source_id"),
        Index("ix_shortfall_open", "pool_id", "entry_id", sqlite_where=text("covered_minor < amount_minor"),
              postgresql_where=text("covered_minor < amount_minor")),
    )
    entry_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("entry.id"), primary_key=True)
    pool_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("pool.id"))
    becomes: Mapped[str] = mapped_column(String(10))
    source_type: Mapped[str | None] = mapped_column(String(40))
    source_id: Mapped[uuid.UUID | None]
    amount_minor: Mapped[int] = mapped_column(MinorUnits)
    covered_minor: Mapped[int] = mapped_column(MinorUnits, default=0)


class Reservation(WithId, Base):
    """Money set aside for one subject (an award), over one or more lots."""

    __tablename__ = "reservation"
    __table_args__ = (Index(None, "subject_type", "subject_id"),)
    key: Mapped[str] = mapped_column(String(200), unique=True)
    subject_type: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[uuid.UUID]
    reserved_at: Mapped[datetime]
    entry_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("entry.id"), unique=True)


class ReservationLine(WithId, Base):
    """The part of a reservation that one lot carries. Support costs follow from direct costs, rounded down and
    cumulative; the database holds the arithmetic. Integer division cuts down on both engines: nothing is negative.
    """

    __tablename__ = "reservation_line"
    __table_args__ = (
        UniqueConstraint("reservation_id", "lot_id"),
        CheckConstraint(f"direct_minor > 0 AND direct_minor <= {MAX_USD_MINOR}", name="amount"),
        CheckConstraint("spent_direct_minor >= 0 AND released_direct_minor >= 0", name="parts_positive"),
        CheckConstraint("spent_direct_minor + released_direct_minor <= direct_minor", name="not_overspent"),
        CheckConstraint("rate_bp >= 0 AND rate_bp <= 10000", name="rate"),
        CheckConstraint("support_minor = direct_minor * rate_bp / 10000", name="support"),
        CheckConstraint("spent_support_minor = spent_direct_minor * rate_bp / 10000", name="support_spent"),
        CheckConstraint(
            "released_support_minor = support_minor - (direct_minor - released_direct_minor) * rate_bp / 10000",
            name="support_released",
        ),
    )
    reservation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("reservation.id"))
    lot_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("lot.id"), index=True)
    n: Mapped[int]
    rate_bp: Mapped[int]
    direct_minor: Mapped[int] = mapped_column(MinorUnits)
    support_minor: Mapped[int] = mapped_column(MinorUnits)
    spent_direct_minor: Mapped[int] = mapped_column(MinorUnits, default=0)
    spent_support_minor: Mapped[int] = mapped_column(MinorUnits, default=0)
    released_direct_minor: Mapped[int] = mapped_column(MinorUnits, default=0)
    released_support_minor: Mapped[int] = mapped_column(MinorUnits, default=0)


class Spend(WithId, Base):
    """One payment instructed out of a reservation: sent, then confirmed by the bank or returned."""

    __tablename__ = "spend"
    __table_args__ = (
        CheckConstraint("direct_minor > 0 AND support_minor >= 0", name="amounts"),
        CheckConstraint("(state = 'returned') = (return_entry_id IS NOT NULL)", name="return_has_entry"),
        CheckConstraint("state <> 'confirmed' OR confirm_entry_id IS NOT NULL", name="confirmation_has_entry"),
        Index(None, "subject_type", "subject_id"),
    )
    key: Mapped[str] = mapped_column(String(200), unique=True)
    reservation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("reservation.id"), index=True)
    subject_type: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[uuid.UUID]
    state: Mapped[str] = mapped_column(String(40), ForeignKey("spend_state.code"), default="sent", index=True)
    direct_minor: Mapped[int] = mapped_column(MinorUnits)
    support_minor: Mapped[int] = mapped_column(MinorUnits)
    sent_at: Mapped[datetime]
    entry_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("entry.id"), unique=True)
    confirm_entry_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("entry.id"), unique=True)
    return_entry_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("entry.id"), unique=True)


class SpendLine(Base):
    """The part of a payment that one line of the reservation carries."""

    __tablename__ = "spend_line"
    __table_args__ = (CheckConstraint("direct_minor > 0 AND support_minor >= 0", name="amounts"),)
    spend_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("spend.id"), primary_key=True)
    reservation_line_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("reservation_line.id"), primary_key=True, index=True
    )
    direct_minor: Mapped[int] = mapped_column(MinorUnits)
    support_minor: Mapped[int] = mapped_column(MinorUnits)


class SpendCut(Base):
    """What the bank did not pay of a payment otherwise paid: this part of a line is reserved again, US cents."""

    __tablename__ = "spend_cut"
    __table_args__ = (CheckConstraint("direct_minor > 0 AND support_minor >= 0", name="amounts"),)
    spend_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("spend.id"), primary_key=True)
    reservation_line_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("reservation_line.id"), primary_key=True, index=True
    )
    entry_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("entry.id"), index=True)
    direct_minor: Mapped[int] = mapped_column(MinorUnits)
    support_minor: Mapped[int] = mapped_column(MinorUnits)


class SpendRecovery(Base):
    """What one entry brought back of a confirmed payment, by line of the reservation, US cents: its payee paid it back.
    Never more than the payment took from that line (a trigger)."""

    __tablename__ = "spend_recovery"
    __table_args__ = (
        CheckConstraint("direct_minor > 0 AND support_minor >= 0", name="amounts"),
        Index(None, "spend_id"),
    )
    entry_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("entry.id"), primary_key=True)
    spend_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("spend.id"))
    reservation_line_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("reservation_line.id"), primary_key=True, index=True
    )
    direct_minor: Mapped[int] = mapped_column(MinorUnits)
    support_minor: Mapped[int] = mapped_column(MinorUnits)


class FundSetting(WithId, Base):
    """What one setting of the fund says from `set_at` (business time) on; the newest row holds."""

    __tablename__ = "fund_setting"
    __table_args__ = (Index(None, "name", "id"),)
    name: Mapped[str] = mapped_column(String(40))
    value: Mapped[str] = mapped_column(Text)
    set_at: Mapped[datetime]
    set_by: Mapped[uuid.UUID | None]


def tables(*models: type[Base]) -> tuple[Table, ...]:
    """The tables of these models: the ledger writes through SQLAlchemy Core, in an explicit order."""
    return tuple(cast(Table, model.__table__) for model in models)


from sponsorship.ledger import guards  # noqa: E402, F401  # the triggers belong to the tables above
