"""A late claim: the journey's claim was closed because none had come, and the State asks to send it after all."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, MinorUnits, Versioned, WithId
from core.ddl import append_only, refuse
from sponsorship.disbursements.claim_states import LATE


class LateClaim(WithId, Versioned, Base):
    """One request about one closing of a claim (`closed_at`, its `decided_at`). Asked by the State with a reason
    (sealed under the row's own key), decided by the head of the fund, agreed to by another officer; only then is money
    reserved again: `reserved_minor` US cents of direct cost. `ticket_minor` is what a ticket cost that the delegate
    bought, because the award's was never paid, with its receipt. Whoever acts next is reminded at `remind_at`. Words of
    the officers stand with the events."""

    __tablename__ = "late_claim"
    __table_args__ = (
        CheckConstraint("decided_by IS NULL OR decided_by <> asked_by", name="decided_by_another"),
        CheckConstraint("agreed_by IS NULL OR (decided_by IS NOT NULL AND agreed_by <> decided_by "
                        "AND agreed_by <> asked_by)", name="agreed_by_a_third"),
        CheckConstraint("state NOT IN ('decided', 'agreed') OR (decided_by IS NOT NULL AND decided_at IS NOT NULL)",
                        name="decided_has_name"),
        CheckConstraint("(state = 'agreed') = (reserved_minor IS NOT NULL)", name="agreed_has_money"),
        CheckConstraint("state <> 'agreed' OR (agreed_by IS NOT NULL AND agreed_at IS NOT NULL)",
                        name="agreed_has_name"),
        CheckConstraint("reserved_minor IS NULL OR reserved_minor >= 0", name="amount_not_negative"),
        CheckConstraint("ticket_minor IS NULL OR ticket_minor > 0", name="ticket_positive"),
        CheckConstraint("(ticket_minor IS NULL) = (ticket_file_id IS NULL)", name="ticket_has_receipt"),
        Index("uq_late_claim_open", "claim_id", unique=True, sqlite_where=text("state IN ('asked', 'decided')"),
              postgresql_where=text("state IN ('asked', 'decided')")),
        Index("ix_late_claim_claim", "claim_id", "asked_at"),
        Index("ix_late_claim_list", "asked_at", "id"),
    )
    claim_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("claim.id"))
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    state: Mapped[str] = LATE.column()
    closed_at: Mapped[datetime]
    words_sealed: Mapped[str | None] = mapped_column(Text)
    asked_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("person.id"))
    asked_at: Mapped[datetime]
    decided_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))
    decided_at: Mapped[datetime | None]
    agreed_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))
    agreed_at: Mapped[datetime | None]
    reserved_minor: Mapped[int | None] = mapped_column(MinorUnits)
    ticket_minor: Mapped[int | None] = mapped_column(MinorUnits)
    ticket_file_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("stored_file.id"))
    remind_at: Mapped[datetime | None]
    reminders: Mapped[int] = mapped_column(default=0)


append_only(LateClaim.__table__, updatable=(  # type: ignore[arg-type]
    "state", "version", "words_sealed", "decided_by", "decided_at", "agreed_by", "agreed_at", "reserved_minor",
    "remind_at", "reminders"))
refuse(LateClaim.__table__, "late_claim_is_of_a_closing", "INSERT",  # type: ignore[arg-type]
       "NEW.state <> 'asked' OR NOT EXISTS (SELECT 1 FROM claim c WHERE c.id = NEW.claim_id AND c.state = 'unclaimed' "
       "AND c.decided_at = NEW.closed_at)", "no claim was closed then")
refuse(LateClaim.__table__, "late_claim_ended_stands", "UPDATE",  # type: ignore[arg-type]
       "OLD.state IN ('agreed', 'refused', 'taken_back') OR (OLD.state = 'asked' AND NEW.state = 'agreed') "
       "OR (OLD.decided_by IS NOT NULL AND NEW.decided_by <> OLD.decided_by)", "what was decided stands",
       given="NEW.state <> OLD.state OR NEW.version <> OLD.version")
# whoever travels does not decide, nor agree
refuse(LateClaim.__table__, "late_claim_not_by_payee", "UPDATE",  # type: ignore[arg-type]
       "EXISTS (SELECT 1 FROM claim c JOIN award a ON a.id = c.award_id WHERE c.id = NEW.claim_id "
       "AND (a.beneficiary_id = NEW.decided_by OR a.beneficiary_id = NEW.agreed_by))", "whoever benefits does not sign",
       given="NEW.state IN ('decided', 'agreed')")
