"""Agreements, pledges, contributions, receipts, refunds. Tables and constraints only.

Amounts are integer minor units of the currency beside them (US dollars until other currencies come).
"""

from __future__ import annotations

import uuid
from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, MinorUnits, Versioned, WithId
from core.ddl import append_only, lookup_table, trigger
from sponsorship.contributions.transitions import CONTRIBUTION, LIVE, MONEY_HERE, PLEDGE, REFUND

DONOR_KINDS = ("state", "organisation", "person")
lookup_table("donor_kind", DONOR_KINDS)


def _sql_list(codes: tuple[str, ...]) -> str:
    return ", ".join(f"'{code}'" for code in codes)


class Agreement(WithId, Base):
    """An exchange of letters with a donor: its pool, its rate of support costs (basis points, 1300 = 13 %), its end.

    Never edited: an agreement recorded later for the same donor takes the earlier one's place. `reference` is the
    donor's own, of the letter or note verbale.
    """

    __tablename__ = "agreement"
    __table_args__ = (
        CheckConstraint("support_rate_bp BETWEEN 0 AND 5000", name="support_rate_plausible"),
        CheckConstraint("end_date IS NULL OR end_date > exchange_of_letters", name="dates_in_order"),
        UniqueConstraint("organisation_id", "reference", name="uq_agreement_reference"),
    )
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    reference: Mapped[str] = mapped_column(String(80))
    exchange_of_letters: Mapped[date]
    support_rate_bp: Mapped[int] = mapped_column(Integer, default=1300)
    end_date: Mapped[date | None]
    pool_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("pool.id"))
    recorded_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))
    recorded_at: Mapped[datetime]


class Pledge(WithId, Versioned, Base):
    """What a donor intends to give. Either an organisation with an account, or a donor whose name and address are
    sealed under the pledge's own id: never nobody. `pool_id` null means: where it is needed most."""

    __tablename__ = "pledge"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint("currency = 'USD'", name="currency_of_the_books"),
        CheckConstraint(
            "(organisation_id IS NOT NULL AND donor_name_sealed IS NULL AND donor_email_sealed IS NULL"
            " AND access_nonce IS NULL) OR (organisation_id IS NULL AND donor_name_sealed IS NOT NULL"
            " AND donor_email_sealed IS NOT NULL AND access_nonce IS NOT NULL)",
            name="never_anonymous",
        ),
        CheckConstraint("agreement_id IS NULL OR organisation_id IS NOT NULL", name="agreement_has_party"),
    )
    reference: Mapped[str] = mapped_column(String(20), unique=True)
    draft_key: Mapped[str] = mapped_column(String(40), unique=True)
    organisation_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("organisation.id"), index=True)
    donor_kind: Mapped[str] = mapped_column(ForeignKey("donor_kind.code"))
    donor_name_sealed: Mapped[str | None] = mapped_column(Text)
    donor_contact_sealed: Mapped[str | None] = mapped_column(Text)
    donor_email_sealed: Mapped[str | None] = mapped_column(Text)
    access_nonce: Mapped[str | None] = mapped_column(String(40))
    locale: Mapped[str] = mapped_column(String(12), default="en")
    currency: Mapped[str] = mapped_column(String(3), default="USD")
    amount_minor: Mapped[int] = mapped_column(MinorUnits)
    pool_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("pool.id"), index=True)
    agreement_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("agreement.id"))
    state: Mapped[str] = PLEDGE.column()
    announced_at: Mapped[datetime] = mapped_column(index=True)
    announced_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))


class Contribution(WithId, Versioned, Base):
    """One attempt to pay a pledge and, once it succeeds, the money. A pledge has one live attempt at a time.

    `opened_at`, `expires_at`, `checked_at` are real time (the provider's clock); `created_at`, `received_at` and
    `accepted_at` business time. `amount_minor` is what was asked; `gross_minor` = `fee_minor` + `net_minor` is what
    Stripe booked.
    """

    __tablename__ = "contribution"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint("currency = 'USD'", name="currency_of_the_books"),
        CheckConstraint("attempt > 0", name="attempt_positive"),
        CheckConstraint(
            "(gross_minor IS NULL AND fee_minor IS NULL AND net_minor IS NULL AND received_at IS NULL)"
            " OR (gross_minor IS NOT NULL AND fee_minor IS NOT NULL AND net_minor IS NOT NULL"
            " AND received_at IS NOT NULL AND gross_minor > 0 AND fee_minor >= 0 AND net_minor > 0"
            " AND gross_minor = fee_minor + net_minor)",
            name="gross_is_fee_and_net",
        ),
        CheckConstraint(
            f"(state IN ({_sql_list(MONEY_HERE)})) = (received_at IS NOT NULL)", name="money_where_state_says"
        ),
        CheckConstraint("received_at IS NULL OR stripe_payment_intent_id IS NOT NULL", name="money_has_payment"),
        CheckConstraint("state <> 'checkout' OR stripe_session_id IS NOT NULL", name="checkout_has_session"),
        CheckConstraint(
            "(state = 'accepted') = (accepted_at IS NOT NULL) AND (state = 'accepted') = (pool_id IS NOT NULL)",
            name="accepted_into_a_pool",
        ),
        UniqueConstraint("pledge_id", "attempt", name="uq_contribution_attempt"),
        Index("uq_contribution_one_live", "pledge_id", unique=True,
              sqlite_where=text(f"state IN ({_sql_list(LIVE)})"),
              postgresql_where=text(f"state IN ({_sql_list(LIVE)})")),
    )
    reference: Mapped[str] = mapped_column(String(20), unique=True)
    pledge_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("pledge.id"), index=True)
    attempt: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = CONTRIBUTION.column()
    currency: Mapped[str] = mapped_column(String(3), default="USD")
    amount_minor: Mapped[int] = mapped_column(MinorUnits)
    idempotency_key: Mapped[str] = mapped_column(String(80), unique=True)
    stripe_session_id: Mapped[str | None] = mapped_column(String(100), unique=True)
    stripe_payment_intent_id: Mapped[str | None] = mapped_column(String(100), unique=True)
    stripe_charge_id: Mapped[str | None] = mapped_column(String(100), unique=True)
    checkout_url: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    opened_at: Mapped[datetime] = mapped_column(index=True)
    expires_at: Mapped[datetime]
    checked_at: Mapped[datetime | None]
    gross_minor: Mapped[int | None] = mapped_column(MinorUnits)
    fee_minor: Mapped[int | None] = mapped_column(MinorUnits)
    net_minor: Mapped[int | None] = mapped_column(MinorUnits)
    received_at: Mapped[datetime | None] = mapped_column(index=True)
    pool_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("pool.id"), index=True)
    accepted_at: Mapped[datetime | None]
    accepted_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))
    refusal_code: Mapped[str | None] = mapped_column(String(40))


class Receipt(WithId, Base):
    """The receipt of an accepted contribution: numbered by year without gaps, never changed."""

    __tablename__ = "receipt"
    __table_args__ = (
        CheckConstraint("sequence > 0", name="sequence_positive"),
        CheckConstraint("gross_minor > 0", name="amount_positive"),
        UniqueConstraint("year", "sequence", name="uq_receipt_sequence"),
    )
    number: Mapped[str] = mapped_column(String(20), unique=True)
    year: Mapped[int] = mapped_column(Integer)
    sequence: Mapped[int] = mapped_column(Integer)
    contribution_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("contribution.id"), unique=True)
    currency: Mapped[str] = mapped_column(String(3), default="USD")
    gross_minor: Mapped[int] = mapped_column(MinorUnits)
    received_at: Mapped[datetime]
    issued_at: Mapped[datetime]


class Refund(WithId, Versioned, Base):
    """Money on its way back to a donor: our row and key first, then Stripe's call. At most one is alive."""

    __tablename__ = "refund"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint("state <> 'pending' OR stripe_refund_id IS NOT NULL", name="pending_has_refund"),
        Index("uq_refund_one_alive", "contribution_id", unique=True,
              sqlite_where=text("state <> 'failed'"), postgresql_where=text("state <> 'failed'")),
    )
    contribution_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("contribution.id"), index=True)
    state: Mapped[str] = REFUND.column()
    currency: Mapped[str] = mapped_column(String(3), default="USD")
    amount_minor: Mapped[int] = mapped_column(MinorUnits)
    idempotency_key: Mapped[str] = mapped_column(String(80), unique=True)
    stripe_refund_id: Mapped[str | None] = mapped_column(String(100), unique=True)
    created_at: Mapped[datetime]
    asked_at: Mapped[datetime] = mapped_column(index=True)
    checked_at: Mapped[datetime | None]
    returned_at: Mapped[datetime | None]
    failure_code: Mapped[str | None] = mapped_column(String(60))


append_only(Agreement.__table__)  # type: ignore[arg-type]
append_only(Receipt.__table__)  # type: ignore[arg-type]
# what was pledged, asked and ordered stands for good; only where it stands now may change
append_only(Pledge.__table__, updatable=("state", "version", "access_nonce"))  # type: ignore[arg-type]
append_only(
    Contribution.__table__,  # type: ignore[arg-type]
    updatable=(
        "state", "version", "stripe_session_id", "stripe_payment_intent_id", "stripe_charge_id", "checkout_url",
        "expires_at", "checked_at", "gross_minor", "fee_minor", "net_minor", "received_at", "pool_id", "accepted_at",
        "accepted_by", "refusal_code",
    ),
)
append_only(
    Refund.__table__,  # type: ignore[arg-type]
    updatable=("state", "version", "stripe_refund_id", "checked_at", "returned_at", "failure_code"),
)
_MONEY = "stripe_payment_intent_id, stripe_charge_id, gross_minor, fee_minor, net_minor, received_at"
_STANDS = "what was received stands"
trigger(
    Contribution.__table__, "contribution_money_stands",  # type: ignore[arg-type]
    sqlite=f"CREATE TRIGGER contribution_money_stands BEFORE UPDATE OF {_MONEY} ON contribution "
           f"WHEN OLD.received_at IS NOT NULL BEGIN SELECT RAISE(ABORT, '{_STANDS}'); END",
    postgresql=f"CREATE TRIGGER contribution_money_stands BEFORE UPDATE OF {_MONEY} ON contribution "
               f"FOR EACH ROW WHEN (OLD.received_at IS NOT NULL) EXECUTE FUNCTION placard_refuse('{_STANDS}')",
)
