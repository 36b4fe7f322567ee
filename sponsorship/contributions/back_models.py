"""What follows a contribution: receipts and credit notes, refunds, disputes. Tables and constraints only."""

from __future__ import annotations

import uuid
from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, MinorUnits, Versioned, WithId
from core.ddl import append_only, lookup_table, trigger
from sponsorship.contributions.models import Contribution
from sponsorship.contributions.transitions import DISPUTE, REFUND
from sponsorship.ledger.models import FundSetting

PAPERS = ("receipt", "credit_note")
# refusal: not accepted, goes back whole; refund: accepted money, ordered by us; external: made at the provider by
# somebody else; correction: a deposit recorded by mistake, no money moves
REFUND_KINDS = ("refusal", "refund", "external", "correction")
UNDER_WAY = "state IN ('requested', 'created', 'pending')"
lookup_table("receipt_kind", PAPERS)
lookup_table("refund_kind", REFUND_KINDS)


class Receipt(WithId, Base):
    """The receipt of an accepted contribution, or the credit note that cancels one in whole or in part. Each kind is
    numbered by year without gaps and never changed. `cause` is the fact it papers: the acceptance of a contribution, a
    refund, a refund that came back, a dispute lost. One receipt a fact; one credit note a fact and receipt that it
    cancels, in all never more than that receipt says.

    `amount_minor` of `currency` as paid by (or back to) the donor, `usd_minor` its worth at the rate of the deposit.
    """

    __tablename__ = "receipt"
    __table_args__ = (
        CheckConstraint("sequence > 0", name="sequence_positive"),
        CheckConstraint("amount_minor > 0 AND usd_minor >= 0", name="amount_positive"),
        CheckConstraint("(kind = 'credit_note') = (cancels_id IS NOT NULL)", name="credit_note_cancels"),
        UniqueConstraint("kind", "year", "sequence", name="uq_receipt_sequence"),
        Index("uq_receipt_cause", "cause_type", "cause_id", unique=True,
              sqlite_where=text("cancels_id IS NULL"), postgresql_where=text("cancels_id IS NULL")),
        Index("uq_receipt_cancelled", "cancels_id", "cause_type", "cause_id", unique=True,
              sqlite_where=text("cancels_id IS NOT NULL"), postgresql_where=text("cancels_id IS NOT NULL")),
    )
    kind: Mapped[str] = mapped_column(ForeignKey("receipt_kind.code"), default="receipt")
    number: Mapped[str] = mapped_column(String(20), unique=True)
    year: Mapped[int] = mapped_column(Integer)
    sequence: Mapped[int] = mapped_column(Integer)
    contribution_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("contribution.id"), index=True)
    cause_type: Mapped[str] = mapped_column(String(40))
    cause_id: Mapped[uuid.UUID]
    cancels_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("receipt.id"))
    currency: Mapped[str] = mapped_column(String(3), default="USD")
    amount_minor: Mapped[int] = mapped_column(MinorUnits)
    usd_minor: Mapped[int] = mapped_column(MinorUnits)
    received_at: Mapped[datetime]
    issued_at: Mapped[datetime]


class Refund(WithId, Versioned, Base):
    """Money on its way back to a donor: our row and key first, then Stripe's call (or the bank's order). At most one of
    ours is under way for a contribution.

    `amount_minor` of `currency` as the donor gets it; `usd_minor` as it is set aside in the books (for one made at the
    provider by somebody else: as it cost); `settled_minor` US cents as it really cost. What goes out of accepted money
    is asked for by one person and approved by another; what the bank did is recorded by a third.
    """

    __tablename__ = "refund"
    __table_args__ = (
        CheckConstraint("amount_minor > 0 AND usd_minor > 0", name="amount_positive"),
        CheckConstraint("settled_minor IS NULL OR settled_minor >= 0", name="settled_positive"),
        CheckConstraint("state <> 'pending' OR stripe_refund_id IS NOT NULL", name="pending_has_refund"),
        CheckConstraint("approved_by IS NULL OR approved_by <> requested_by", name="two_people"),
        CheckConstraint(
            "kind NOT IN ('refund', 'correction') OR state IN ('requested', 'declined') OR approved_by IS NOT NULL",
            name="approved_before_it_moves",
        ),
        CheckConstraint("bank_reference IS NULL OR recorded_by IS NOT NULL", name="transfer_has_officer"),
        CheckConstraint("recorded_by IS NULL OR (recorded_by <> coalesce(requested_by, approved_by) AND "
                        "recorded_by <> coalesce(approved_by, requested_by))", name="recorded_by_a_third"),
        Index("uq_refund_one_under_way", "contribution_id", unique=True,
              sqlite_where=text(f"{UNDER_WAY} AND kind <> 'external'"),
              postgresql_where=text(f"{UNDER_WAY} AND kind <> 'external'")),
    )
    contribution_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("contribution.id"), index=True)
    kind: Mapped[str] = mapped_column(ForeignKey("refund_kind.code"))
    state: Mapped[str] = REFUND.column()
    currency: Mapped[str] = mapped_column(String(3), default="USD")
    amount_minor: Mapped[int] = mapped_column(MinorUnits)
    usd_minor: Mapped[int] = mapped_column(MinorUnits)
    settled_minor: Mapped[int | None] = mapped_column(MinorUnits)
    reason: Mapped[str] = mapped_column(String(40))
    idempotency_key: Mapped[str] = mapped_column(String(80), unique=True)
    stripe_refund_id: Mapped[str | None] = mapped_column(String(100), unique=True)
    bank_reference: Mapped[str | None] = mapped_column(String(80), unique=True)
    requested_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))
    approved_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))
    recorded_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[datetime]
    asked_at: Mapped[datetime] = mapped_column(index=True)
    checked_at: Mapped[datetime | None]
    succeeded_at: Mapped[datetime | None]
    returned_at: Mapped[datetime | None]
    failure_code: Mapped[str | None] = mapped_column(String(60))


class Dispute(WithId, Versioned, Base):
    """The donor's bank takes a card payment back, or asks about it. `respond_by` is real time, the provider's date;
    `usd_minor` and `fee_minor` US cents as they left the provider's account, `reinstated_minor` as they came back to
    it; null while nothing has."""

    __tablename__ = "dispute"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint("usd_minor IS NULL OR usd_minor > 0", name="taken_positive"),
        CheckConstraint("fee_minor IS NULL OR fee_minor >= 0", name="fee_positive"),
        CheckConstraint("(reinstated_at IS NULL) = (reinstated_minor IS NULL)", name="reinstated"),
        CheckConstraint("reinstated_at IS NULL OR taken_at IS NOT NULL", name="taken_before_reinstated"),
    )
    contribution_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("contribution.id"), index=True)
    stripe_dispute_id: Mapped[str] = mapped_column(String(100), unique=True)
    state: Mapped[str] = DISPUTE.column()
    reason: Mapped[str] = mapped_column(String(60))
    currency: Mapped[str] = mapped_column(String(3))
    amount_minor: Mapped[int] = mapped_column(MinorUnits)
    usd_minor: Mapped[int | None] = mapped_column(MinorUnits)
    fee_minor: Mapped[int | None] = mapped_column(MinorUnits)
    reinstated_minor: Mapped[int | None] = mapped_column(MinorUnits)
    opened_at: Mapped[datetime]
    respond_by: Mapped[datetime | None]
    taken_at: Mapped[datetime | None]
    reinstated_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    checked_at: Mapped[datetime | None]


class DonorCheck(WithId, Base):
    """Due diligence on a donor other than a State: what was consulted, with which result, by whom, for how long it
    holds. For an organisation with an account, or for the one pledge of a donor without. Never edited: checked anew."""

    __tablename__ = "donor_check"
    __table_args__ = (
        CheckConstraint("(organisation_id IS NULL) <> (pledge_id IS NULL)", name="of_one_donor"),
        CheckConstraint("outcome IN ('clear', 'not_clear')", name="outcome"),
        CheckConstraint("valid_until >= checked_on", name="dates_in_order"),
    )
    organisation_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("organisation.id"), index=True)
    pledge_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("pledge.id"), index=True)
    outcome: Mapped[str] = mapped_column(String(20))
    consulted_sealed: Mapped[str] = mapped_column(Text)
    file_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("stored_file.id"))
    checked_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("person.id"))
    checked_on: Mapped[date]
    valid_until: Mapped[date]


class DonorFile(WithId, Base):
    """A paper between the fund and a donor: the exchange of letters, an agreement, a report. The donor sees it, unless
    it was added by mistake and taken back."""

    __tablename__ = "donor_file"
    __table_args__ = (
        CheckConstraint("kind IN ('letter', 'agreement', 'report', 'other')", name="kind"),
    )
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    agreement_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("agreement.id"), index=True)
    kind: Mapped[str] = mapped_column(String(20))
    title: Mapped[str] = mapped_column(String(200))
    file_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("stored_file.id"))
    added_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))
    added_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]


class DonorCustomer(WithId, Base):
    """The donor as Stripe knows it, for invoices: an organisation, or the donor of one pledge."""

    __tablename__ = "donor_customer"
    __table_args__ = (CheckConstraint("(organisation_id IS NULL) <> (pledge_id IS NULL)", name="of_one_donor"),)
    organisation_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("organisation.id"), unique=True)
    pledge_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("pledge.id"), unique=True)
    stripe_customer_id: Mapped[str] = mapped_column(String(100), unique=True)


append_only(Receipt.__table__)  # type: ignore[arg-type]
append_only(DonorCheck.__table__)  # type: ignore[arg-type]
append_only(DonorFile.__table__, updatable=("withdrawn_at",))  # type: ignore[arg-type]
append_only(
    Refund.__table__,  # type: ignore[arg-type]
    updatable=(
        "state", "version", "usd_minor", "stripe_refund_id", "bank_reference", "approved_by", "recorded_by",
        "settled_minor", "asked_at", "checked_at", "succeeded_at", "returned_at", "failure_code",
    ),
)
append_only(
    Dispute.__table__,  # type: ignore[arg-type]
    updatable=(
        "state", "version", "usd_minor", "fee_minor", "reinstated_minor", "respond_by", "taken_at", "reinstated_at",
        "closed_at", "checked_at",
    ),
)

# a receipt is cancelled by credit notes up to what it says, in its own currency and for its own contribution
_OVER = (
    "NEW.cancels_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM receipt r WHERE r.id = NEW.cancels_id "
    "AND r.kind = 'receipt' AND r.contribution_id = NEW.contribution_id AND r.currency = NEW.currency "
    "AND NEW.amount_minor + (SELECT coalesce(sum(n.amount_minor), 0) FROM receipt n WHERE n.cancels_id = r.id) "
    "<= r.amount_minor)"
)
_MORE = "credit notes cancel no more than their receipt says"
trigger(
    Receipt.__table__, "receipt_cancelled_once",  # type: ignore[arg-type]
    sqlite=f"CREATE TRIGGER receipt_cancelled_once BEFORE INSERT ON receipt WHEN {_OVER} "
           f"BEGIN SELECT RAISE(ABORT, '{_MORE}'); END",
    postgresql=(
        "CREATE OR REPLACE FUNCTION placard_receipt_cancelled() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "PERFORM 1 FROM receipt WHERE id = NEW.cancels_id FOR UPDATE; "
        f"IF {_OVER} THEN RAISE EXCEPTION '{_MORE}' USING ERRCODE = 'integrity_constraint_violation'; END IF; "
        "RETURN NEW; END $$",
        "CREATE TRIGGER receipt_cancelled_once BEFORE INSERT ON receipt FOR EACH ROW "
        "EXECUTE FUNCTION placard_receipt_cancelled()",
    ),
)
# whoever accepts is not the only one who found the donor clear (States come under an exchange of letters instead)
_ALONE = (
    "NEW.accepted_by IS NOT NULL AND OLD.accepted_by IS NULL AND EXISTS (SELECT 1 FROM pledge p "
    "WHERE p.id = NEW.pledge_id AND (p.donor_kind <> 'state' OR p.organisation_id IS NULL) "
    "AND NOT EXISTS (SELECT 1 FROM donor_check k WHERE k.outcome = 'clear' AND k.checked_by <> NEW.accepted_by "
    "AND (k.pledge_id = p.id OR k.organisation_id = p.organisation_id)))"
)
_TWO = "a donor is checked by somebody else than who accepts"
trigger(
    Contribution.__table__, "contribution_accepted_by_another",  # type: ignore[arg-type]
    sqlite=f"CREATE TRIGGER contribution_accepted_by_another BEFORE UPDATE OF accepted_by ON contribution "
           f"WHEN {_ALONE} BEGIN SELECT RAISE(ABORT, '{_TWO}'); END",
    postgresql=(
        "CREATE OR REPLACE FUNCTION placard_accepted_by_another() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF {_ALONE} THEN RAISE EXCEPTION '{_TWO}' USING ERRCODE = 'integrity_constraint_violation'; END IF; "
        "RETURN NEW; END $$",
        "CREATE TRIGGER contribution_accepted_by_another BEFORE UPDATE OF accepted_by ON contribution FOR EACH ROW "
        "EXECUTE FUNCTION placard_accepted_by_another()",
    ),
)
# where transfers go is said by somebody else than who asked for it, and exactly as asked (fund_settings.py)
_UNASKED = (
    "NEW.name = 'bank_details' AND NOT EXISTS (SELECT 1 FROM (SELECT value, set_by FROM fund_setting "
    "WHERE name = 'bank_details_asked' ORDER BY id DESC LIMIT 1) asked "
    "WHERE asked.value = '?' || NEW.value AND asked.set_by <> NEW.set_by)"
)
_BY_TWO = "bank details are asked for by one person and approved by another"
trigger(
    FundSetting.__table__, "bank_details_by_two",  # type: ignore[arg-type]
    sqlite=f"CREATE TRIGGER bank_details_by_two BEFORE INSERT ON fund_setting WHEN {_UNASKED} "
           f"BEGIN SELECT RAISE(ABORT, '{_BY_TWO}'); END",
    postgresql=(
        "CREATE OR REPLACE FUNCTION placard_bank_details() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF {_UNASKED} THEN RAISE EXCEPTION '{_BY_TWO}' USING ERRCODE = 'integrity_constraint_violation'; END IF; "
        "RETURN NEW; END $$",
        "CREATE TRIGGER bank_details_by_two BEFORE INSERT ON fund_setting FOR EACH ROW "
        "EXECUTE FUNCTION placard_bank_details()",
    ),
)
