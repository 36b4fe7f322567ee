"""Agreements, pledges with their instalments, contributions. Tables and constraints only.

Amounts of a donor are integer minor units of the currency beside them; amounts in the books are US cents.
"""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, Integer, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, MinorUnits, Versioned, WithId
from core.ddl import REFUSE, append_only, lookup_table, trigger
from sponsorship.contributions.transitions import CONTRIBUTION, LIVE, MONEY_HERE, OPEN, PLEDGE

DONOR_KINDS = ("state", "organisation", "person")
METHODS = ("card", "invoice", "transfer")
REFUND_CLAUSES = ("return", "reprogramme", "none")
lookup_table("donor_kind", DONOR_KINDS)
lookup_table("contribution_method", METHODS)
lookup_table("refund_clause", REFUND_CLAUSES)


def sql_list(codes: tuple[str, ...]) -> str:
    """Codes as they stand in an IN (...)."""
    return ", ".join(f"'{code}'" for code in codes)


class Agreement(WithId, Base):
    """An exchange of letters with a donor: its pool, its rate of support costs (basis points, 1300 = 13 %), its end,
    and what becomes of money unspent then (`refund_clause`: return, reprogramme with consent, or none).

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
    refund_clause: Mapped[str] = mapped_column(ForeignKey("refund_clause.code"), default="return")
    pool_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("pool.id"))
    recorded_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))
    recorded_at: Mapped[datetime]

    def has_ended(self, day: date) -> bool:
        """Whether its last day lies before this one."""
        return self.end_date is not None and self.end_date < day


class Pledge(WithId, Versioned, Base):
    """What a donor intends to give. Either an organisation with an account, or a donor whose name and address are
    sealed under the pledge's own id: never nobody.

    In the pledge's currency: `amount_minor` as announced stands for good; `current_minor` is what it was reduced to (it
    never rises again); `paid_minor` what payments have settled; `returned_minor` what went back to the donor.
    `usd_minor` is its worth in US cents at the rate of the announcement. `earmark` is the donor's wish as a predicate
    (see sponsorship.ledger.earmarks), `pool_id` the pool of that purpose; null means: where it is needed most.
    `schedule` numbers the instalments in force, `next_due_on` is the first of them not covered by payments.
    """

    __tablename__ = "pledge"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint("current_minor >= 0 AND current_minor <= amount_minor", name="never_more_than_announced"),
        CheckConstraint("paid_minor >= 0 AND returned_minor >= 0 AND returned_minor <= paid_minor",
                        name="parts_positive"),
        CheckConstraint("length(currency) = 3 AND currency = upper(currency)", name="currency_code"),
        CheckConstraint(
            "(currency = 'USD' AND usd_minor = amount_minor AND rate IS NULL AND rate_source IS NULL"
            " AND rate_date IS NULL) OR (currency <> 'USD' AND usd_minor > 0 AND rate IS NOT NULL"
            " AND rate_source IS NOT NULL AND rate_date IS NOT NULL)",
            name="worth_at_its_rate",
        ),
        CheckConstraint(
            "(organisation_id IS NOT NULL AND donor_name_sealed IS NULL AND donor_email_sealed IS NULL"
            " AND access_nonce IS NULL) OR (organisation_id IS NULL AND donor_name_sealed IS NOT NULL"
            " AND donor_email_sealed IS NOT NULL AND access_nonce IS NOT NULL)",
            name="never_anonymous",
        ),
        CheckConstraint("agreement_id IS NULL OR organisation_id IS NOT NULL", name="agreement_has_party"),
        CheckConstraint("state <> 'agreed' OR agreement_id IS NOT NULL", name="agreed_under_an_agreement"),
        Index("ix_pledge_due", "next_due_on", "id", sqlite_where=text(f"state IN ({sql_list(OPEN)})"),
              postgresql_where=text(f"state IN ({sql_list(OPEN)})")),
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
    usd_minor: Mapped[int] = mapped_column(MinorUnits)
    rate: Mapped[str | None] = mapped_column(String(40))
    rate_source: Mapped[str | None] = mapped_column(String(80))
    rate_date: Mapped[date | None]
    current_minor: Mapped[int] = mapped_column(MinorUnits)
    paid_minor: Mapped[int] = mapped_column(MinorUnits, default=0)
    returned_minor: Mapped[int] = mapped_column(MinorUnits, default=0)
    earmark: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    pool_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("pool.id"), index=True)
    agreement_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("agreement.id"), index=True)
    state: Mapped[str] = PLEDGE.column()
    schedule: Mapped[int] = mapped_column(Integer, default=0)
    next_due_on: Mapped[date | None]
    reminded_at: Mapped[datetime | None]
    reminders: Mapped[int] = mapped_column(Integer, default=0)
    announced_at: Mapped[datetime] = mapped_column(index=True)
    announced_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))

    @property
    def outstanding_minor(self) -> int:
        """What is still to be paid, in the pledge's currency."""
        return max(self.current_minor - self.paid_minor, 0)


class Instalment(WithId, Base):
    """One part of a pledge and the day by which it is promised (none: when it suits the donor). Never edited: a
    deferral or a reduction makes a new schedule, and the old one stays readable."""

    __tablename__ = "instalment"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint("schedule > 0 AND n > 0", name="counts_from_one"),
        UniqueConstraint("pledge_id", "schedule", "n", name="uq_instalment_place"),
    )
    pledge_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("pledge.id"))
    schedule: Mapped[int] = mapped_column(Integer)
    n: Mapped[int] = mapped_column(Integer)
    due_on: Mapped[date | None]
    amount_minor: Mapped[int] = mapped_column(MinorUnits)


class Contribution(WithId, Versioned, Base):
    """One payment towards a pledge: an attempt by card, an invoice, or a bank transfer that the donor announced or an
    officer found; and, once it succeeded, the money.

    `opened_at`, `expires_at`, `checked_at` are real time (the provider's clock); `created_at`, `received_at` and
    `accepted_at` business time. `amount_minor` of `currency` is what was asked or announced, `paid_minor` of
    `paid_currency` what was paid, `settles_minor` how much of the pledge that settles (in the pledge's currency). In US
    cents: `gross_minor` at the rate of the deposit, `exchange_minor` what the payment brought beyond that (signed),
    `fee_minor` what was kept, `net_minor` what is there: gross + exchange = fee + net. `back_minor` of it went back
    since (in proportion to what the donor paid, so never more than came).
    """

    __tablename__ = "contribution"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint("length(currency) = 3 AND currency = upper(currency)", name="currency_code"),
        CheckConstraint("attempt > 0", name="attempt_positive"),
        CheckConstraint(
            "(gross_minor IS NULL AND exchange_minor IS NULL AND fee_minor IS NULL AND net_minor IS NULL"
            " AND received_at IS NULL AND paid_minor IS NULL AND paid_currency IS NULL AND settles_minor IS NULL)"
            " OR (gross_minor IS NOT NULL AND exchange_minor IS NOT NULL AND fee_minor IS NOT NULL"
            " AND net_minor IS NOT NULL AND received_at IS NOT NULL AND paid_minor IS NOT NULL"
            " AND paid_currency IS NOT NULL AND settles_minor IS NOT NULL AND paid_minor > 0 AND settles_minor >= 0"
            " AND gross_minor > 0 AND fee_minor >= 0 AND net_minor > 0"
            " AND gross_minor + exchange_minor = fee_minor + net_minor)",
            name="gross_is_fee_and_net",
        ),
        CheckConstraint(
            "paid_currency IS NULL OR (paid_currency = 'USD' AND paid_minor = gross_minor AND exchange_minor = 0"
            " AND rate IS NULL AND rate_source IS NULL AND rate_date IS NULL) OR (paid_currency <> 'USD'"
            " AND rate IS NOT NULL AND rate_source IS NOT NULL AND rate_date IS NOT NULL)",
            name="worth_at_its_rate",
        ),
        CheckConstraint("back_minor >= 0", name="back_positive"),
        CheckConstraint(
            f"(state IN ({sql_list(MONEY_HERE)})) = (received_at IS NOT NULL)", name="money_where_state_says"
        ),
        CheckConstraint(
            "received_at IS NULL OR stripe_payment_intent_id IS NOT NULL OR bank_reference IS NOT NULL",
            name="money_has_payment",
        ),
        CheckConstraint("bank_reference IS NULL OR confirmed_by IS NOT NULL", name="transfer_has_officer"),
        CheckConstraint("state <> 'checkout' OR stripe_session_id IS NOT NULL", name="checkout_has_session"),
        CheckConstraint("state <> 'invoiced' OR stripe_invoice_id IS NOT NULL", name="invoiced_has_invoice"),
        CheckConstraint("state <> 'accepted' OR (accepted_at IS NOT NULL AND pool_id IS NOT NULL)",
                        name="accepted_into_a_pool"),
        CheckConstraint("(accepted_at IS NULL) = (pool_id IS NULL)", name="pool_by_acceptance"),
        UniqueConstraint("pledge_id", "attempt", name="uq_contribution_attempt"),
        # a line of the bank's statement counts once; one that was corrected may be recorded anew, where it belongs
        Index("uq_contribution_bank_reference", "bank_reference", unique=True,
              sqlite_where=text("state <> 'corrected'"), postgresql_where=text("state <> 'corrected'")),
        Index("uq_contribution_one_live", "pledge_id", "method", unique=True,
              sqlite_where=text(f"state IN ({sql_list(LIVE)})"),
              postgresql_where=text(f"state IN ({sql_list(LIVE)})")),
    )
    reference: Mapped[str] = mapped_column(String(20), unique=True)
    pledge_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("pledge.id"), index=True)
    attempt: Mapped[int] = mapped_column(Integer)
    method: Mapped[str] = mapped_column(ForeignKey("contribution_method.code"), default="card")
    state: Mapped[str] = CONTRIBUTION.column()
    currency: Mapped[str] = mapped_column(String(3), default="USD")
    amount_minor: Mapped[int] = mapped_column(MinorUnits)
    instalment_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("instalment.id"))
    idempotency_key: Mapped[str] = mapped_column(String(80), unique=True)
    stripe_session_id: Mapped[str | None] = mapped_column(String(100), unique=True)
    stripe_invoice_id: Mapped[str | None] = mapped_column(String(100), unique=True)
    stripe_payment_intent_id: Mapped[str | None] = mapped_column(String(100), unique=True)
    stripe_charge_id: Mapped[str | None] = mapped_column(String(100), unique=True)
    checkout_url: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    opened_at: Mapped[datetime] = mapped_column(index=True)
    expires_at: Mapped[datetime | None]
    checked_at: Mapped[datetime | None]
    declared_on: Mapped[date | None]
    bank_reference: Mapped[str | None] = mapped_column(String(80))
    value_date: Mapped[date | None]
    confirmed_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))
    paid_minor: Mapped[int | None] = mapped_column(MinorUnits)
    paid_currency: Mapped[str | None] = mapped_column(String(3))
    settles_minor: Mapped[int | None] = mapped_column(MinorUnits)
    gross_minor: Mapped[int | None] = mapped_column(MinorUnits)
    exchange_minor: Mapped[int | None] = mapped_column(MinorUnits)
    fee_minor: Mapped[int | None] = mapped_column(MinorUnits)
    net_minor: Mapped[int | None] = mapped_column(MinorUnits)
    rate: Mapped[str | None] = mapped_column(String(40))
    rate_source: Mapped[str | None] = mapped_column(String(80))
    rate_date: Mapped[date | None]
    received_at: Mapped[datetime | None] = mapped_column(index=True)
    back_minor: Mapped[int] = mapped_column(MinorUnits, default=0)
    pool_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("pool.id"), index=True)
    accepted_at: Mapped[datetime | None]
    accepted_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))
    refusal_code: Mapped[str | None] = mapped_column(String(40))

    @property
    def came_minor(self) -> int:
        """US cents before the fee, as they really came; 0 while nothing has."""
        return (self.gross_minor or 0) + (self.exchange_minor or 0)


append_only(Agreement.__table__)  # type: ignore[arg-type]
append_only(Instalment.__table__)  # type: ignore[arg-type]
# what was pledged, asked and ordered stands for good; only where it stands now may change
append_only(
    Pledge.__table__,  # type: ignore[arg-type]
    updatable=(
        "state", "version", "access_nonce", "current_minor", "paid_minor", "returned_minor", "agreement_id", "pool_id",
        "schedule", "next_due_on", "reminded_at", "reminders",
    ),
)
append_only(
    Contribution.__table__,  # type: ignore[arg-type]
    updatable=(
        "state", "version", "stripe_session_id", "stripe_invoice_id", "stripe_payment_intent_id", "stripe_charge_id",
        "checkout_url", "expires_at", "checked_at", "bank_reference", "value_date", "confirmed_by", "paid_minor",
        "paid_currency", "settles_minor", "gross_minor", "exchange_minor", "fee_minor", "net_minor", "rate",
        "rate_source", "rate_date", "received_at", "back_minor", "pool_id", "accepted_at", "accepted_by",
        "refusal_code",
    ),
)


def _refuse(table: Any, name: str, of: str, when: str, words: str) -> None:
    """An update that no hand may make."""
    trigger(
        table, name,
        sqlite=f"CREATE TRIGGER {name} BEFORE UPDATE OF {of} ON {table.name} WHEN {when} "
               f"BEGIN SELECT RAISE(ABORT, '{words}'); END",
        postgresql=(REFUSE, f"CREATE TRIGGER {name} BEFORE UPDATE OF {of} ON {table.name} FOR EACH ROW "
                            f"WHEN ({when}) EXECUTE FUNCTION placard_refuse('{words}')"),
    )


_refuse(
    Contribution.__table__, "contribution_money_stands",
    "stripe_payment_intent_id, stripe_charge_id, bank_reference, value_date, confirmed_by, paid_minor, paid_currency, "
    "settles_minor, gross_minor, exchange_minor, fee_minor, net_minor, rate, rate_source, rate_date, received_at",
    "OLD.received_at IS NOT NULL", "what was received stands",
)
_refuse(Pledge.__table__, "pledge_ends_for_good", "state",
        "OLD.state IN ('cancelled', 'written_off') AND NEW.state <> OLD.state", "this pledge has ended for good")
_refuse(Pledge.__table__, "pledge_never_grows", "current_minor", "NEW.current_minor > OLD.current_minor",
        "a pledge is never raised, only made anew")
_refuse(Pledge.__table__, "pledge_agreement_stands", "agreement_id",
        "OLD.agreement_id IS NOT NULL AND (NEW.agreement_id IS NULL OR NEW.agreement_id <> OLD.agreement_id)",
        "a pledge stays under its agreement")
# the instalments in force are the pledge, to the last minor unit
_SCHEDULE = (
    "NEW.schedule <> OLD.schedule AND (NEW.schedule < OLD.schedule OR NEW.current_minor <> "
    "(SELECT coalesce(sum(amount_minor), 0) FROM instalment WHERE pledge_id = NEW.id AND schedule = NEW.schedule))"
)
_WRONG = "the instalments are not the pledge"
trigger(
    Pledge.__table__, "pledge_schedule_sums",  # type: ignore[arg-type]
    sqlite=f"CREATE TRIGGER pledge_schedule_sums BEFORE UPDATE OF schedule ON pledge WHEN {_SCHEDULE} "
           f"BEGIN SELECT RAISE(ABORT, '{_WRONG}'); END",
    postgresql=(
        "CREATE OR REPLACE FUNCTION placard_pledge_schedule() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF {_SCHEDULE} THEN RAISE EXCEPTION '{_WRONG}' USING ERRCODE = 'integrity_constraint_violation'; END IF; "
        "RETURN NEW; END $$",
        "CREATE TRIGGER pledge_schedule_sums BEFORE UPDATE OF schedule ON pledge FOR EACH ROW "
        "EXECUTE FUNCTION placard_pledge_schedule()",
    ),
)
