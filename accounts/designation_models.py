"""Alternates: an office holder's role, acted in by another person on named days and up to an amount."""

from __future__ import annotations

import uuid
from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from accounts.models import NEVER_TOGETHER, Membership
from core.db import Base, MinorUnits, WithId
from core.ddl import append_only, lookup_table, refuse

# the offices of the two chains; whoever keeps payee data has no alternate, a second officer is given the role instead
DESIGNABLE = ("head_of_fund", "requesting_officer", "certifying_officer", "approving_officer", "bank_signatory")
lookup_table("designable_role", DESIGNABLE)


class Designation(WithId, Base):
    """`alternate_id` acts for `holder_id` in `role` on the days `valid_from` <= day < `valid_to` (business date, UTC),
    for single amounts up to `limit_minor` (US cents; open when null). It ends when revoked, and sleeps while the
    holder does not hold the role. Authority is personal: nobody designates himself, an alternate designates nobody.
    `designated_at` is real time, `revoked_at` business time."""

    __tablename__ = "designation"
    __table_args__ = (
        CheckConstraint("alternate_id <> holder_id AND alternate_id <> designated_by", name="another_person"),
        CheckConstraint("valid_to > valid_from", name="dates_in_order"),
        CheckConstraint("limit_minor IS NULL OR limit_minor > 0", name="limit_positive"),
        CheckConstraint("(revoked_at IS NULL) = (revoked_by IS NULL)", name="revoked_by_somebody"),
        Index("ix_designation_alternate", "alternate_id", "valid_from"),
        Index("ix_designation_holder", "holder_id", "role"),
    )
    holder_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("person.id"))
    role: Mapped[str] = mapped_column(String(40), ForeignKey("designable_role.code"))
    alternate_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("person.id"))
    valid_from: Mapped[date]
    valid_to: Mapped[date]
    limit_minor: Mapped[int | None] = mapped_column(MinorUnits)
    designated_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("person.id"))
    designated_at: Mapped[datetime]
    revoked_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))
    revoked_at: Mapped[datetime | None]


append_only(Designation.__table__, updatable=("revoked_by", "revoked_at"))  # type: ignore[arg-type]
refuse(Designation.__table__, "designation_revoked_once", "UPDATE", "OLD.revoked_at IS NOT NULL",  # type: ignore[arg-type]
       "a revoked designation stays revoked")
refuse(Designation.__table__, "designation_of_a_holder", "INSERT",  # type: ignore[arg-type]
       "NOT EXISTS (SELECT 1 FROM membership m WHERE m.person_id = NEW.holder_id AND m.role = NEW.role "
       "AND m.valid_from <= NEW.valid_from AND (m.valid_to IS NULL OR m.valid_to > NEW.valid_from))",
       "the holder does not hold the role on its first day")


def _excluded(one: str, other: str) -> str:
    return " OR ".join(f"({one} = '{a}' AND {other} = '{b}') OR ({one} = '{b}' AND {other} = '{a}')"
                       for a, b in NEVER_TOGETHER)


# Hands that no person may hold together stay apart whether held or acted in (accounts.models.NEVER_TOGETHER).
_LOCK = "PERFORM 1 FROM person WHERE id = NEW.{} FOR UPDATE;"  # two grants at once must see each other
refuse(Designation.__table__, "designation_separate_hands", "INSERT",  # type: ignore[arg-type]
       "EXISTS (SELECT 1 FROM membership m WHERE m.person_id = NEW.alternate_id "
       f"AND ({_excluded('NEW.role', 'm.role')}) AND m.valid_from < NEW.valid_to "
       "AND (m.valid_to IS NULL OR (m.valid_to > NEW.valid_from AND m.valid_to > m.valid_from))) "
       "OR EXISTS (SELECT 1 FROM designation d WHERE d.alternate_id = NEW.alternate_id AND d.revoked_at IS NULL "
       f"AND ({_excluded('NEW.role', 'd.role')}) AND d.valid_from < NEW.valid_to AND d.valid_to > NEW.valid_from)",
       "the alternate holds a role that excludes this one", before=_LOCK.format("alternate_id"))
for _event in ("INSERT", "UPDATE"):
    refuse(Membership.__table__, f"membership_beside_designation_{_event.lower()}", _event,  # type: ignore[arg-type]
           "EXISTS (SELECT 1 FROM designation d WHERE d.alternate_id = NEW.person_id AND d.revoked_at IS NULL "
           f"AND ({_excluded('NEW.role', 'd.role')}) AND NEW.valid_from < d.valid_to "
           "AND (NEW.valid_to IS NULL OR (NEW.valid_to > d.valid_from AND NEW.valid_to > NEW.valid_from)))",
           "the person acts as alternate in a role that excludes this one", before=_LOCK.format("person_id"))
