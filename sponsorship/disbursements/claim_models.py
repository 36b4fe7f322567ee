"""What follows a journey: the claim with its papers and the lines it was settled on, money asked back, the report.

Whoever sent a claim does not settle it. Papers, lines and receipts are append-only. Words of the State and of the
delegate are sealed under the row's own key. Attendance is recorded here, so of sponsored delegates only.
"""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, MinorUnits, Versioned, WithId
from core.ddl import append_only, lookup_table, trigger
from sponsorship.disbursements import late_models as _late  # noqa: F401  # a trigger here asks its table
from sponsorship.disbursements.claim_states import CLAIM, RECOVERY, REPORT

PAPERS = ("boarding_pass", "other")
ATTENDANCE = ("attended", "part", "none")
lookup_table("claim_paper_kind", PAPERS)
lookup_table("attendance", ATTENDANCE)


class Claim(WithId, Versioned, Base):
    """The claim of one award, awaited once the journey is over. Amounts in US cents, of daily subsistence and terminal
    expenses: `entitled_minor` by the days as they were, `ceiling_minor` what the obligation holds for them,
    `paid_minor` what had been paid; the balance is paid as the final share, or asked back.

    `days` holds what was not as planned: {"first": day, "last": day, "in_air": [day], "provided": {day: [what]},
    "hours": number or None, "legs": [leg], "cars": [leg]}; None means travelled as planned.
    """

    __tablename__ = "claim"
    __table_args__ = (
        CheckConstraint("state NOT IN ('submitted', 'settled') OR submitted_by IS NOT NULL", name="sent_by_somebody"),
        CheckConstraint("state NOT IN ('settled', 'no_show', 'unclaimed') OR (entitled_minor IS NOT NULL "
                        "AND ceiling_minor IS NOT NULL AND paid_minor IS NOT NULL AND decided_by IS NOT NULL "
                        "AND attendance IS NOT NULL)", name="decided_has_figures"),
        CheckConstraint("state IN ('settled', 'no_show', 'unclaimed') OR decided_by IS NULL", name="open_is_undecided"),
        CheckConstraint("decided_by IS NULL OR submitted_by IS NULL OR decided_by <> submitted_by",
                        name="decided_by_another"),
        CheckConstraint("entitled_minor IS NULL OR (entitled_minor >= 0 AND paid_minor >= 0 "
                        "AND entitled_minor <= ceiling_minor)", name="within_the_obligation"),
        UniqueConstraint("award_id", name="uq_claim_award_id"),
        Index("ix_claim_due", "due_at", sqlite_where=text("state = 'wanted'"),
              postgresql_where=text("state = 'wanted'")),
    )
    reference: Mapped[str] = mapped_column(String(30), unique=True)
    award_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("award.id"))
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    state: Mapped[str] = CLAIM.column()
    opened_at: Mapped[datetime]
    due_at: Mapped[datetime]
    reminded_at: Mapped[datetime | None]
    escalated_at: Mapped[datetime | None]
    days: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    words_sealed: Mapped[str | None] = mapped_column(Text)
    return_words_sealed: Mapped[str | None] = mapped_column(Text)
    submitted_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))
    submitted_at: Mapped[datetime | None]
    attendance: Mapped[str | None] = mapped_column(String(40), ForeignKey("attendance.code"))
    entitled_minor: Mapped[int | None] = mapped_column(MinorUnits)
    ceiling_minor: Mapped[int | None] = mapped_column(MinorUnits)
    paid_minor: Mapped[int | None] = mapped_column(MinorUnits)
    decided_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))
    decided_at: Mapped[datetime | None]


class ClaimPaper(WithId, Base):
    """A paper of a claim: a boarding pass or another."""

    __tablename__ = "claim_paper"
    claim_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("claim.id"), index=True)
    kind: Mapped[str] = mapped_column(String(40), ForeignKey("claim_paper_kind.code"))
    file_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("stored_file.id"), unique=True)
    added_at: Mapped[datetime]


class ClaimLine(WithId, Base):
    """One line that a claim was settled on, as it was reckoned."""

    __tablename__ = "claim_line"
    __table_args__ = (
        UniqueConstraint("claim_id", "n", name="uq_claim_line_n"),
        CheckConstraint("amount_minor >= 0 AND rate_minor >= 0", name="amounts_not_negative"),
    )
    claim_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("claim.id"))
    n: Mapped[int]
    kind: Mapped[str] = mapped_column(String(40), ForeignKey("award_line_kind.code"))
    rule: Mapped[str] = mapped_column(String(40), ForeignKey("entitlement_rule.code"))
    day: Mapped[date | None]
    place: Mapped[str] = mapped_column(String(120))
    rate_minor: Mapped[int] = mapped_column(MinorUnits)
    share_bp: Mapped[int]
    amount_minor: Mapped[int] = mapped_column(MinorUnits)
    source: Mapped[str] = mapped_column(String(200))
    source_from: Mapped[date | None]
    given: Mapped[list[str]] = mapped_column(JSON)


class Recovery(WithId, Versioned, Base):
    """Money asked back from a payee, by a claim or because it was paid twice, US cents: `amount_minor` in all,
    `back_minor` paid back so far; the rest is open until it is paid back or written off by the head of the fund."""

    __tablename__ = "recovery"
    __table_args__ = (
        CheckConstraint("amount_minor > 0 AND back_minor >= 0 AND back_minor <= amount_minor", name="amounts"),
        CheckConstraint("state <> 'recovered' OR back_minor = amount_minor", name="recovered_in_full"),
        CheckConstraint("state <> 'asked' OR back_minor < amount_minor", name="asked_is_open"),
        CheckConstraint("(state = 'written_off') = (written_off_by IS NOT NULL)", name="written_off_by_somebody"),
        CheckConstraint("(claim_id IS NULL) <> (loss_id IS NULL)", name="of_a_claim_or_a_loss"),
        Index("uq_recovery_claim_asked", "claim_id", unique=True, sqlite_where=text("state = 'asked'"),
              postgresql_where=text("state = 'asked'")),
        UniqueConstraint("loss_id", name="uq_recovery_loss_id"),
        Index("ix_recovery_next", "remind_at", sqlite_where=text("state = 'asked'"),
              postgresql_where=text("state = 'asked'")),
    )
    reference: Mapped[str] = mapped_column(String(30), unique=True)
    claim_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("claim.id"), index=True)
    # paid twice: what the payee owes does not hang on a claim
    loss_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("payment_loss.id"))
    award_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("award.id"), index=True)
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    state: Mapped[str] = RECOVERY.column()
    amount_minor: Mapped[int] = mapped_column(MinorUnits)
    back_minor: Mapped[int] = mapped_column(MinorUnits, default=0)
    asked_at: Mapped[datetime]
    due_at: Mapped[datetime]
    remind_at: Mapped[datetime]
    reminders: Mapped[int] = mapped_column(default=0)
    written_off_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))
    ended_at: Mapped[datetime | None]


class RecoveryReceipt(WithId, Base):
    """Money that came back, once, under the bank's own reference."""

    __tablename__ = "recovery_receipt"
    __table_args__ = (CheckConstraint("amount_minor > 0", name="amount_positive"),)
    recovery_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("recovery.id"), index=True)
    amount_minor: Mapped[int] = mapped_column(MinorUnits)
    bank_reference: Mapped[str] = mapped_column(String(60), unique=True)
    paid_on: Mapped[date]
    recorded_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("person.id"))
    recorded_at: Mapped[datetime]


class DelegateReport(WithId, Versioned, Base):
    """The short report of a sponsored delegate: due once the journey is over."""

    __tablename__ = "delegate_report"
    __table_args__ = (
        CheckConstraint("state <> 'received' OR (received_at IS NOT NULL AND received_by IS NOT NULL)",
                        name="received_from_somebody"),
        UniqueConstraint("award_id", name="uq_delegate_report_award_id"),
        Index("ix_delegate_report_due", "due_at", sqlite_where=text("state = 'awaited'"),
              postgresql_where=text("state = 'awaited'")),
    )
    award_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("award.id"))
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    state: Mapped[str] = REPORT.column()
    due_at: Mapped[datetime]
    reminded_at: Mapped[datetime | None]
    words_sealed: Mapped[str | None] = mapped_column(Text)  # JSON of the answers
    received_at: Mapped[datetime | None]
    received_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))


for _table in (ClaimPaper, ClaimLine, RecoveryReceipt):
    append_only(_table.__table__)  # type: ignore[arg-type]

# what was decided stays as it was decided
for _model, _name, _ended, _same in (
    # closed without a claim: two people may allow a late one, once for each closing
    (Claim, "claim_decided_stands", "OLD.state IN ('settled', 'no_show', 'unclaimed') AND NOT (OLD.state = 'unclaimed' "
     "AND NEW.state = 'wanted' AND EXISTS (SELECT 1 FROM late_claim l WHERE l.claim_id = OLD.id "
     "AND l.state = 'agreed' AND l.closed_at = OLD.decided_at))",
     ("state", "entitled_minor", "ceiling_minor", "paid_minor", "decided_by", "attendance")),
    (Recovery, "recovery_ended_stands", "OLD.state <> 'asked'", ("state", "amount_minor", "back_minor")),
):
    _differs = " OR ".join(f"NEW.{column} <> OLD.{column}" for column in _same)
    _why = f"{_name}: what was decided stands"
    _of = _model.__tablename__
    trigger(
        _model.__table__, _name,  # type: ignore[arg-type]
        sqlite=f"CREATE TRIGGER {_name} BEFORE UPDATE ON {_of} WHEN {_ended} AND ({_differs}) "
               f"BEGIN SELECT RAISE(ABORT, '{_why}'); END",
        postgresql=(
            f"CREATE OR REPLACE FUNCTION placard_{_name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF {_ended} AND ({_differs}) THEN RAISE EXCEPTION '{_why}' "
            "USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$",
            f"CREATE TRIGGER {_name} BEFORE UPDATE ON {_of} FOR EACH ROW EXECUTE FUNCTION placard_{_name}()",
        ),
    )
# the sum that came back is the sum of its receipts
_MORE = ("NEW.amount_minor > (SELECT amount_minor - back_minor FROM recovery WHERE id = NEW.recovery_id) "
         "OR (SELECT state FROM recovery WHERE id = NEW.recovery_id) <> 'asked'")
trigger(
    RecoveryReceipt.__table__, "recovery_receipt_is_open",  # type: ignore[arg-type]
    sqlite=f"CREATE TRIGGER recovery_receipt_is_open BEFORE INSERT ON recovery_receipt WHEN {_MORE} "
           "BEGIN SELECT RAISE(ABORT, 'no more comes back than is open'); END",
    postgresql=(
        "CREATE OR REPLACE FUNCTION placard_recovery_receipt_is_open() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF {_MORE} THEN RAISE EXCEPTION 'no more comes back than is open' "
        "USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$",
        "CREATE TRIGGER recovery_receipt_is_open BEFORE INSERT ON recovery_receipt FOR EACH ROW "
        "EXECUTE FUNCTION placard_recovery_receipt_is_open()",
    ),
)
