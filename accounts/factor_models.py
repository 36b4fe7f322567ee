"""The second factor: an app that shares a secret with us, passkeys, codes for lost devices, and each proof given.

All times here are real time. The app's secret is sealed under the person's key; recovery codes are kept as keyed
digests; of a passkey there is a public key and nothing secret.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, WithId
from core.ddl import append_only, lookup_table, refuse

KINDS = ("app", "passkey")
ENDINGS = ("replaced", "reset", "not_finished", "removed")
WAYS = ("code", "recovery", "passkey")
PURPOSES = ("add", "prove")
lookup_table("second_factor_kind", KINDS)
lookup_table("second_factor_ending", ENDINGS)
lookup_table("second_factor_way", WAYS)
lookup_table("passkey_purpose", PURPOSES)


class SecondFactor(WithId, Base):
    """One app or one passkey of one person. It counts once `confirmed_at` is set. Of an app, `last_step` is the
    30-second step of the newest code that was taken: that code and every older one is refused from then on."""

    __tablename__ = "second_factor"
    __table_args__ = (
        Index("uq_second_factor_live", "person_id", unique=True,
              sqlite_where=text("ended_at IS NULL AND kind = 'app'"),
              postgresql_where=text("ended_at IS NULL AND kind = 'app'")),
        CheckConstraint("(kind = 'app') = (secret_sealed IS NOT NULL)", name="secret_of_an_app"),
        CheckConstraint("(ended_at IS NULL) = (ending IS NULL)", name="ended_with_reason"),
        CheckConstraint("kind <> 'app' OR confirmed_at IS NULL OR last_step IS NOT NULL",
                        name="confirmed_by_code"),
        CheckConstraint("ending IS NULL OR ending <> 'reset' OR reset_id IS NOT NULL", name="reset_by_two"),
    )
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("person.id"), index=True)
    kind: Mapped[str] = mapped_column(String(40), ForeignKey("second_factor_kind.code"), default="app")
    secret_sealed: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    last_step: Mapped[int | None] = mapped_column(BigInteger)
    ended_at: Mapped[datetime | None]
    ending: Mapped[str | None] = mapped_column(String(40), ForeignKey("second_factor_ending.code"))
    reset_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("second_factor_reset.id"))


class Passkey(Base):
    """What a passkey's authenticator told about it (WebAuthn): texts in base64url as they came. `sign_count` is its own
    count of uses, 0 for ever where it keeps none; `backed_up` says that copies of it may be on other devices."""

    __tablename__ = "passkey"
    factor_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("second_factor.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    credential_id: Mapped[str] = mapped_column(String(1364), unique=True)  # 1,023 bytes at most
    public_key: Mapped[str] = mapped_column(Text)
    sign_count: Mapped[int] = mapped_column(BigInteger)
    aaguid: Mapped[str] = mapped_column(String(36))
    transports: Mapped[str] = mapped_column(String(120))  # separated by spaces
    backup_eligible: Mapped[bool]
    backed_up: Mapped[bool]
    last_used_at: Mapped[datetime | None]


class PasskeyChallenge(WithId, Base):
    """Random words that a passkey signs: made for one person and purpose, good once and for minutes."""

    __tablename__ = "passkey_challenge"
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("person.id"), index=True)
    purpose: Mapped[str] = mapped_column(String(40), ForeignKey("passkey_purpose.code"))
    challenge: Mapped[str] = mapped_column(String(88), unique=True)
    made_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]


class RecoveryCode(WithId, Base):
    """One code for lost devices, whichever they were, as a keyed digest; good once."""

    __tablename__ = "recovery_code"
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("person.id"), index=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    void_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]


class SecondFactorProof(WithId, Base):
    """A person has shown the second factor: which, unless a recovery code stood in for whatever is lost."""

    __tablename__ = "second_factor_proof"
    __table_args__ = (
        CheckConstraint("factor_id IS NOT NULL OR way = 'recovery'", name="of_a_factor"),
    )
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("person.id"), index=True)
    factor_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("second_factor.id"))
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
       "NOT EXISTS (SELECT 1 FROM second_factor f WHERE f.person_id = NEW.person_id "
       "AND (NEW.factor_id IS NULL OR f.id = NEW.factor_id) AND f.confirmed_at IS NOT NULL AND f.ended_at IS NULL)",
       "no such second factor")
refuse(SecondFactor.__table__, "second_factor_stays_its_persons", "UPDATE",  # type: ignore[arg-type]
       "NEW.person_id <> OLD.person_id OR NEW.kind <> OLD.kind", "a second factor stays what it is")
refuse(Passkey.__table__, "passkey_of_its_kind", "INSERT",  # type: ignore[arg-type]
       "NOT EXISTS (SELECT 1 FROM second_factor f WHERE f.id = NEW.factor_id AND f.kind = 'passkey')",
       "this second factor is no passkey")
# Another key under the same name would be another person's hand; a count that falls tells of a copy.
refuse(Passkey.__table__, "passkey_stays_its_key", "UPDATE",  # type: ignore[arg-type]
       "NEW.factor_id <> OLD.factor_id OR NEW.credential_id <> OLD.credential_id OR NEW.public_key <> OLD.public_key",
       "the key of a passkey never changes")
refuse(Passkey.__table__, "passkey_count_rises", "UPDATE",  # type: ignore[arg-type]
       "NEW.sign_count < OLD.sign_count", "the count of uses only rises")
refuse(PasskeyChallenge.__table__, "passkey_challenge_once", "UPDATE",  # type: ignore[arg-type]
       "OLD.used_at IS NOT NULL OR NEW.person_id <> OLD.person_id OR NEW.purpose <> OLD.purpose "
       "OR NEW.challenge <> OLD.challenge OR NEW.made_at <> OLD.made_at",
       "a challenge is good once, and for whom it was made")
