"""The stop of all releases: one person stops, two others (or one of them with another) restart. The database holds
both: while a stop stands nothing is released, no file and no cash is handed over, and nobody restarts alone."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, Versioned, WithId
from core.ddl import append_only, refuse, trigger
from sponsorship.disbursements.answer_models import Handover
from sponsorship.disbursements.cash_models import CashCount
from sponsorship.disbursements.models import Disbursement, PaymentLine

# PostgreSQL's advisory lock between releases and hand-overs (shared) and a stop (exclusive); any fixed number
LOCK = 5_027_308_105


class ReleaseStop(WithId, Versioned, Base):
    """One stop, from `stopped_at` until `restarted_at` (business time); the reason stands with its event."""

    __tablename__ = "release_stop"
    __table_args__ = (
        CheckConstraint("scope = 'all'", name="scope_known"),
        CheckConstraint("(restart_asked_by IS NULL) = (restart_asked_at IS NULL)", name="asked_whole"),
        CheckConstraint("(restarted_by IS NULL) = (restarted_at IS NULL)", name="restarted_whole"),
        CheckConstraint("restarted_by IS NULL OR (restart_asked_by IS NOT NULL AND restarted_by <> restart_asked_by)",
                        name="restarted_by_two"),
        Index("uq_release_stop_stands", "scope", unique=True, sqlite_where=text("restarted_at IS NULL"),
              postgresql_where=text("restarted_at IS NULL")),
    )
    scope: Mapped[str] = mapped_column(String(20), default="all")
    stopped_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("person.id"))
    stopped_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    restart_asked_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))
    restart_asked_at: Mapped[datetime | None]
    restarted_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))
    restarted_at: Mapped[datetime | None]


append_only(ReleaseStop.__table__, updatable=(  # type: ignore[arg-type]
    "version", "restart_asked_by", "restart_asked_at", "restarted_by", "restarted_at"))
refuse(ReleaseStop.__table__, "release_stop_ends_once", "UPDATE", "OLD.restarted_at IS NOT NULL",  # type: ignore[arg-type]
       "this stop has ended")
# who asked and who agrees are two acts: one statement cannot be both
refuse(ReleaseStop.__table__, "release_stop_asked_before", "UPDATE",  # type: ignore[arg-type]
       "NEW.restarted_at IS NOT NULL AND (OLD.restart_asked_by IS NULL "
       "OR OLD.restart_asked_by <> NEW.restart_asked_by)",
       "the restart was not asked for")
_STANDS = "EXISTS (SELECT 1 FROM release_stop WHERE restarted_at IS NULL)"
_SHARED = f"PERFORM pg_advisory_xact_lock_shared({LOCK});"
refuse(PaymentLine.__table__, "payment_line_not_while_stopped", "INSERT", _STANDS,  # type: ignore[arg-type]
       "all releases are stopped", before=_SHARED)
_LEAVES = "NEW.state = 'released' AND OLD.state <> 'released'"
refuse(Disbursement.__table__, "disbursement_not_while_stopped", "UPDATE", _STANDS,  # type: ignore[arg-type]
       "all releases are stopped", before=_SHARED, given=_LEAVES)
# a file that was released and lies here stays here; what the bank says of a payment is recorded all the same
refuse(Handover.__table__, "handover_not_while_stopped", "INSERT", _STANDS,  # type: ignore[arg-type]
       "all releases are stopped", before=_SHARED)
# cash in a paymaster's hand stays there; money that left it all the same is recorded, saying so
refuse(CashCount.__table__, "cash_count_not_while_stopped", "INSERT", _STANDS,  # type: ignore[arg-type]
       "all releases are stopped", before=_SHARED, given="NEW.outcome = 'confirmed' AND NEW.despite IS NULL")
trigger(
    ReleaseStop.__table__, "release_stop_waits_for_releases",  # type: ignore[arg-type]
    sqlite=(),  # one writer at a time: a release is over, or has not begun
    postgresql=(
        "CREATE OR REPLACE FUNCTION release_stop_waits_for_releases() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"PERFORM pg_advisory_xact_lock({LOCK}); RETURN NEW; END $$",
        "CREATE TRIGGER release_stop_waits_for_releases BEFORE INSERT ON release_stop FOR EACH ROW "
        "EXECUTE FUNCTION release_stop_waits_for_releases()",
    ),
)
