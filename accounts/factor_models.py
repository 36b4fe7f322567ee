"""The second factor: a secret shared with an app of the person's own, codes for a lost device, and each proof given.

All times here are real time. The secret is sealed under the person's key; recovery codes are kept as keyed digests.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, WithId
from core.ddl import append_only, lookup_table, refuse

ENDINGS = ("replaced", "reset", "not_finished")
WAYS = ("code", "recovery")
lookup_table("second_factor_ending", ENDINGS)
lookup_table("second_factor_way", WAYS)


class SecondFactor(WithId, Base):
    """One device of one person. It counts once `confirmed_at` is set; `last_step` is the 30-second step of the newest
    code that was taken: that code and every older one is refused from then on."""

    __tablename__ = "second_factor"
    __table_args__ = (
        Index("uq_second_factor_live", "person_id", unique=True, sqlite_where=text("ended_at IS NULL"),
              postgresql_where=text("ended_at IS NULL")),
        CheckConstraint("(ended_at IS NULL) = (ending IS NULL)", name="ended_with_reason"),
        CheckConstraint("confirmed_at IS NULL OR last_step IS NOT NULL", name="confirmed_by_code"),
        CheckConstraint("ending IS NULL OR ending <> 'reset' OR reset_id IS NOT NULL", name="reset_by_two"),
    )
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("person.id"), index=True)
    secret_sealed: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    last_step: Mapped[int | None] = mapped_column(BigInteger)
    ended_at: Mapped[datetime | None]
    ending: Mapped[str | None] = mapped_column(String(40), ForeignKey("second_factor_ending.code"))
    reset_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("second_factor_reset.id"))


class RecoveryCode(WithId, Base):
    """One code for a lost device, as a keyed digest; good once."""

    __tablename__ = "recovery_code"
    factor_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("second_factor.id"), index=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    void_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]


class SecondFactorProof(WithId, Base):
    """A person has shown the second factor."""

    __tablename__ = "second_factor_proof"
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("person.id"), index=True)
    factor_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("second_factor.id"))
    way: Mapped[str] = mapped_column(String(40), ForeignKey("second_factor_way.code"))
    at: Mapped[datetime]


class SecondFactorReset(WithId, Base):
    """The device is lost: one person asks, another agrees, neither is the one concerned."""

    __tablename__ = "second_factor_reset"
    __table_args__ = (
        Index("uq_second_factor_reset_open", "person_id", unique=True, sqlite_where=text("decided_at IS NULL"),
              postgresql_where=text("decided_at IS NULL")),
        CheckConstraint("asked_by <> person_id AND (decided_by IS NULL OR (decided_by <> asked_by "
                        "AND decided_by <> person_id))", name="by_two_others"),
        CheckConstraint("(decided_at IS NULL) = (decided_by IS NULL) AND (decided_at IS NULL) = (agreed IS NULL)",
                        name="decided_whole"),
    )
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("person.id"), index=True)
    asked_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("person.id"))
    asked_at: Mapped[datetime]
    decided_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))
    decided_at: Mapped[datetime | None]
    agreed: Mapped[bool | None]


append_only(SecondFactorProof.__table__)  # type: ignore[arg-type]
# A code once taken is never taken again: the step of the newest only rises.
refuse(SecondFactor.__table__, "second_factor_step_rises", "UPDATE",  # type: ignore[arg-type]
       "OLD.last_step IS NOT NULL AND (NEW.last_step IS NULL OR NEW.last_step < OLD.last_step)",
       "a code is taken once")
refuse(SecondFactor.__table__, "second_factor_stays_ended", "UPDATE",  # type: ignore[arg-type]
       "OLD.ended_at IS NOT NULL AND (NEW.ended_at IS NULL OR NEW.ended_at <> OLD.ended_at)",
       "an ended factor stays ended")
refuse(SecondFactor.__table__, "second_factor_reset_is_agreed", "UPDATE",  # type: ignore[arg-type]
       "NEW.ending = 'reset' AND NOT EXISTS (SELECT 1 FROM second_factor_reset r WHERE r.id = NEW.reset_id "
       "AND r.person_id = NEW.person_id AND r.agreed)", "a second person has not agreed")
refuse(SecondFactorReset.__table__, "second_factor_reset_decided_once", "UPDATE",  # type: ignore[arg-type]
       "OLD.decided_at IS NOT NULL", "this reset is decided")
refuse(RecoveryCode.__table__, "recovery_code_once", "UPDATE",  # type: ignore[arg-type]
       "OLD.used_at IS NOT NULL AND (NEW.used_at IS NULL OR NEW.used_at <> OLD.used_at)",
       "a recovery code is good once")
refuse(SecondFactorProof.__table__, "second_factor_proof_of_live_factor", "INSERT",  # type: ignore[arg-type]
       "NOT EXISTS (SELECT 1 FROM second_factor f WHERE f.id = NEW.factor_id AND f.person_id = NEW.person_id "
       "AND f.confirmed_at IS NOT NULL AND f.ended_at IS NULL)", "no such second factor")
