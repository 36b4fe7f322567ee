"""Rails by place, and cash paid by hand: which rails serve where, what the paymaster counted, who counted it again."""

from __future__ import annotations

import uuid
from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, MinorUnits, Versioned, WithId
from core.ddl import append_only, refuse
from sponsorship.disbursements.transitions import CASH_COUNT

TRANSFER, CASH = "transfer", "paymaster_cash"
RAILS = (TRANSFER, CASH)
# paid on arrival, so what is due on arrival; never the ticket, which is bought weeks before, nor what a claim settles
CASH_KINDS = ("dsa_advance", "terminal")


def rail_for(kind: str, chosen: str) -> str:
    """The rail of a kind of payment to a payee whose rail is `chosen`."""
    return chosen if kind in CASH_KINDS else TRANSFER


class RailPlace(WithId, Base):
    """Whether a rail serves a place, from a day on; the newest row that has begun holds. Transfers serve every place
    that no row excludes, cash only those that a row names: for transfers the bank's place, for cash the host's."""

    __tablename__ = "rail_place"
    __table_args__ = (
        CheckConstraint("length(country) = 2 AND country = upper(country)", name="country_code"),
        Index("uq_rail_place_live", "country", "rail", "valid_from", unique=True,
              sqlite_where=text("withdrawn_at IS NULL"), postgresql_where=text("withdrawn_at IS NULL")),
    )
    country: Mapped[str] = mapped_column(String(2))
    rail: Mapped[str] = mapped_column(String(40), ForeignKey("payment_rail.code"))
    serves: Mapped[bool]
    valid_from: Mapped[date]
    source: Mapped[str] = mapped_column(String(200))
    set_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("person.id"))
    set_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))


class CashCount(WithId, Versioned, Base):
    """What a paymaster did with the cash of one round, US cents: `paid_minor` was handed to the payee against the
    signed receipt, `back_minor` was not and lies in the office again. A second person counts the same money. `despite`
    is the code of what forbade handing it over, where it was handed over all the same; the words stand with the
    event."""

    __tablename__ = "cash_count"
    __table_args__ = (
        CheckConstraint("outcome IN ('confirmed', 'returned')", name="outcome"),
        CheckConstraint("paid_minor >= 0 AND back_minor >= 0", name="amounts"),
        CheckConstraint("despite IS NULL OR outcome = 'confirmed'", name="only_paid_despite"),
        CheckConstraint("(outcome = 'confirmed' AND paid_minor > 0 AND passport_seen AND boarding_pass_seen "
                        "AND receipt_file_id IS NOT NULL) OR (outcome = 'returned' AND paid_minor = 0 "
                        "AND reason IS NOT NULL)", name="paid_is_proven"),
        CheckConstraint("(state = 'counted') = (second_by IS NULL)", name="ended_has_name"),
        CheckConstraint("state <> 'agreed' OR second_by <> counted_by", name="by_two"),
        CheckConstraint("state <> 'agreed' OR (second_minor IS NOT NULL AND second_minor = CASE outcome "
                        "WHEN 'confirmed' THEN paid_minor ELSE back_minor END)", name="counts_agree"),
        Index("uq_cash_count_open", "disbursement_id", unique=True, sqlite_where=text("state = 'counted'"),
              postgresql_where=text("state = 'counted'")),
        Index("uq_cash_count_agreed", "disbursement_id", "round", unique=True, sqlite_where=text("state = 'agreed'"),
              postgresql_where=text("state = 'agreed'")),
    )
    disbursement_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("disbursement.id"), index=True)
    round: Mapped[int]
    outcome: Mapped[str] = mapped_column(String(10))
    state: Mapped[str] = CASH_COUNT.column()
    receipt: Mapped[str] = mapped_column(String(60))
    paid_minor: Mapped[int] = mapped_column(MinorUnits)
    back_minor: Mapped[int] = mapped_column(MinorUnits)
    passport_seen: Mapped[bool] = mapped_column(default=False)
    boarding_pass_seen: Mapped[bool] = mapped_column(default=False)
    receipt_file_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("stored_file.id"))
    reason: Mapped[str | None] = mapped_column(String(40))
    despite: Mapped[str | None] = mapped_column(String(60))
    counted_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("person.id"))
    counted_at: Mapped[datetime]
    second_minor: Mapped[int | None] = mapped_column(MinorUnits)
    second_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))
    second_at: Mapped[datetime | None]


append_only(RailPlace.__table__, updatable=("withdrawn_at", "withdrawn_by"))  # type: ignore[arg-type]
append_only(CashCount.__table__,  # type: ignore[arg-type]
            updatable=("state", "version", "second_minor", "second_by", "second_at"))

refuse(CashCount.__table__, "cash_count_is_of_a_list", "INSERT",  # type: ignore[arg-type]
       "NEW.state <> 'counted' OR NOT EXISTS (SELECT 1 FROM disbursement d WHERE d.id = NEW.disbursement_id "
       f"AND d.round = NEW.round AND d.state = 'sent' AND d.rail = '{CASH}' "
       "AND d.amount_minor = NEW.paid_minor + NEW.back_minor)", "no paymaster holds this money")
# who approved or released it, who benefits and who gave the payee's data never counts it
_HANDS = ("EXISTS (SELECT 1 FROM approval a WHERE a.subject_type = 'disbursement' "
          "AND a.subject_id = NEW.disbursement_id AND a.round = NEW.round AND a.step IN ('disbursement.approved', "
          "'disbursement.approved_second', 'disbursement.released') "
          "AND (a.person_id = NEW.counted_by OR a.person_id = NEW.second_by)) "
          "OR EXISTS (SELECT 1 FROM disbursement d JOIN award w ON w.id = d.award_id JOIN payee p ON p.id = d.payee_id "
          "WHERE d.id = NEW.disbursement_id AND (w.beneficiary_id = NEW.counted_by OR p.entered_by = NEW.counted_by "
          "OR (NEW.state = 'agreed' AND (w.beneficiary_id = NEW.second_by OR p.entered_by = NEW.second_by))))")
for _event in ("INSERT", "UPDATE"):
    refuse(CashCount.__table__, f"cash_count_by_others_{_event.lower()}", _event, _HANDS,  # type: ignore[arg-type]
           "who approved, released or benefits does not count")
