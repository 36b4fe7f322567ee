"""Rules that ask for a second approving officer: dated, proposed by one person and agreed to by another. What a rule
asked for when a payment was certified is held by the database until the payment leaves."""

from __future__ import annotations

import uuid
from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, MinorUnits, Versioned, WithId
from core.ddl import append_only, refuse, trigger
from sponsorship.disbursements.models import Disbursement


class ApprovalRule(WithId, Versioned, Base):
    """From `valid_from` until before `valid_to` (business date, UTC), payments of `from_minor` US cents or more, of
    this kind and paid out of this pool (either open when null), need two approving officers. A rule is in force once
    `agreed`; `valid_to` is set by a second pair of acts. Instants are business time."""

    __tablename__ = "approval_rule"
    __table_args__ = (
        CheckConstraint("from_minor >= 0", name="amount_not_negative"),
        CheckConstraint("decided_by IS NULL OR decided_by <> proposed_by", name="agreed_by_another"),
        CheckConstraint("(decided_by IS NULL) = (decided_at IS NULL) AND (decided_by IS NULL) = (agreed IS NULL)",
                        name="decided_whole"),
        CheckConstraint("(end_asked_by IS NULL) = (end_on IS NULL)", name="end_asked_whole"),
        CheckConstraint("end_agreed_by IS NULL OR (end_asked_by IS NOT NULL AND end_agreed_by <> end_asked_by)",
                        name="ended_by_two"),
        CheckConstraint("(valid_to IS NULL) = (end_agreed_by IS NULL)", name="ended_whole"),
        CheckConstraint("valid_to IS NULL OR (valid_to = end_on AND valid_to >= valid_from)", name="ends_as_asked"),
        Index("ix_approval_rule_valid_from", "valid_from"),
    )
    kind: Mapped[str | None] = mapped_column(String(40), ForeignKey("disbursement_kind.code"))
    pool_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("pool.id"))
    from_minor: Mapped[int] = mapped_column(MinorUnits)
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    proposed_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("person.id"))
    proposed_at: Mapped[datetime]
    decided_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))
    decided_at: Mapped[datetime | None]
    agreed: Mapped[bool | None]
    end_on: Mapped[date | None]
    end_asked_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))
    end_agreed_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))


append_only(ApprovalRule.__table__, updatable=(  # type: ignore[arg-type]
    "version", "valid_to", "decided_by", "decided_at", "agreed", "end_on", "end_asked_by", "end_agreed_by"))
refuse(ApprovalRule.__table__, "approval_rule_decided_once", "UPDATE",  # type: ignore[arg-type]
       "(OLD.decided_by IS NOT NULL AND (NEW.decided_by IS NULL OR NEW.decided_by <> OLD.decided_by "
       "OR NEW.decided_at <> OLD.decided_at OR (NEW.agreed AND NOT OLD.agreed) OR (OLD.agreed AND NOT NEW.agreed))) "
       "OR OLD.end_agreed_by IS NOT NULL", "a decision on a rule stands")
refuse(ApprovalRule.__table__, "approval_rule_end_asked_before", "UPDATE",  # type: ignore[arg-type]
       "NEW.end_agreed_by IS NOT NULL AND (OLD.end_asked_by IS NULL OR OLD.end_asked_by <> NEW.end_asked_by "
       "OR OLD.end_on <> NEW.end_on)", "the end was not asked for")
refuse(ApprovalRule.__table__, "approval_rule_starts_undecided", "INSERT",  # type: ignore[arg-type]
       "NEW.decided_by IS NOT NULL OR NEW.end_asked_by IS NOT NULL", "a rule starts as a proposal")

# the rule that a payment meets; `{0}` the day of certification
_MATCH = (
    "SELECT 1 FROM approval_rule r WHERE r.agreed AND r.valid_from <= {0} AND (r.valid_to IS NULL OR r.valid_to > {0}) "
    "AND r.from_minor <= NEW.amount_minor AND (r.kind IS NULL OR r.kind = NEW.kind) "
    "AND (r.pool_id IS NULL OR EXISTS (SELECT 1 FROM award a JOIN reservation_line l "
    "ON l.reservation_id = a.reservation_id JOIN lot ON lot.id = l.lot_id WHERE a.id = NEW.award_id "
    "AND lot.pool_id = r.pool_id))"
)


def _unmarked(day: str) -> str:
    certified = (f"(SELECT {day} FROM approval p WHERE p.subject_type = 'disbursement' AND p.subject_id = NEW.id "
                 "AND p.round = NEW.round AND p.step = 'disbursement.certified')")
    return ("NEW.state = 'certified' AND OLD.state = 'requested' AND NEW.second_rule_id IS NULL "
            f"AND EXISTS ({_MATCH.format(certified)})")


_WHY = "disbursement_rule_is_kept: a rule asks for a second approving officer"
trigger(
    Disbursement.__table__, "disbursement_rule_is_kept",  # type: ignore[arg-type]
    sqlite=f"CREATE TRIGGER disbursement_rule_is_kept BEFORE UPDATE ON disbursement "
           f"WHEN {_unmarked('substr(p.at, 1, 10)')} BEGIN SELECT RAISE(ABORT, '{_WHY}'); END",
    postgresql=(
        "CREATE OR REPLACE FUNCTION disbursement_rule_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        + "IF " + _unmarked("(p.at AT TIME ZONE 'UTC')::date") + f" THEN RAISE EXCEPTION '{_WHY}' "
        "USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$",
        "CREATE TRIGGER disbursement_rule_is_kept BEFORE UPDATE ON disbursement FOR EACH ROW "
        "WHEN (NEW.state = 'certified' AND OLD.state = 'requested' AND NEW.second_rule_id IS NULL) "
        "EXECUTE FUNCTION disbursement_rule_is_kept()",
    ),
)
# states before the approval is complete, or in which nothing may leave
_OPEN = "('draft', 'requested', 'certified', 'held', 'cancelled')"
refuse(Disbursement.__table__, "disbursement_second_signed", "UPDATE",  # type: ignore[arg-type]
       "NOT EXISTS (SELECT 1 FROM approval p WHERE p.subject_type = 'disbursement' AND p.subject_id = NEW.id "
       "AND p.round = NEW.round AND p.step = 'disbursement.approved_second')",
       "the second approving officer has not signed",
       given=f"NEW.second_rule_id IS NOT NULL AND NEW.state NOT IN {_OPEN}")
refuse(Disbursement.__table__, "disbursement_second_is_fixed", "UPDATE",  # type: ignore[arg-type]
       "OLD.state NOT IN ('draft', 'requested') AND NEW.round = OLD.round AND NEW.state <> 'draft' "
       "AND ((NEW.second_rule_id IS NULL) <> (OLD.second_rule_id IS NULL) OR NEW.second_rule_id <> OLD.second_rule_id)",
       "what certification asked for may not change")
