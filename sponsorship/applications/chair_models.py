"""Who sits on the panel of a call as Chair of the meeting, or in the Chair's place. It is no role of its own: a panel
member of a State is designated for one call, and the designation ends with a reason."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, WithId
from core.ddl import append_only, lookup_table, refuse

CAPACITIES = ("chair", "representative")
lookup_table("chair_capacity", CAPACITIES)


class CallChair(WithId, Base):
    """A person designated for a call; at most one at a time. `organisation_id` is the State that the person comes from:
    it recuses from that State even when the membership has ended. `source` is the paper that says so."""

    __tablename__ = "call_chair"
    __table_args__ = (
        Index("uq_call_chair_live", "call_id", unique=True, sqlite_where=text("ended_at IS NULL"),
              postgresql_where=text("ended_at IS NULL")),
        CheckConstraint("length(source) > 0", name="has_source"),
        CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name="ended_by_somebody"),
        CheckConstraint("ended_at IS NULL OR length(end_reason) > 0", name="ended_with_reason"),
        CheckConstraint("ended_at IS NULL OR ended_at >= designated_at", name="ends_after_it_begins"),
    )
    call_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("call.id"), index=True)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("person.id"), index=True)
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisation.id"))
    capacity: Mapped[str] = mapped_column(String(40), ForeignKey("chair_capacity.code"))
    source: Mapped[str] = mapped_column(String(200))
    designated_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("person.id"))
    designated_at: Mapped[datetime]
    ended_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str] = mapped_column(Text, default="")


append_only(CallChair.__table__, updatable=("ended_by", "ended_at", "end_reason"))  # type: ignore[arg-type]
refuse(CallChair.__table__, "call_chair_ends_once", "UPDATE", "OLD.ended_at IS NOT NULL",  # type: ignore[arg-type]
       "a designation that has ended stays as it is")

DESIGNATED = ("EXISTS (SELECT 1 FROM call_chair c WHERE c.call_id = NEW.call_id AND c.person_id = NEW.by_person "
              "AND c.ended_at IS NULL)")
# a Chair takes no part where the own State is considered, whatever has become of the membership
OWN_STATE = ("EXISTS (SELECT 1 FROM call_chair c JOIN application a ON a.id = NEW.application_id "
             "WHERE c.call_id = NEW.call_id AND c.person_id = NEW.by_person "
             "AND c.organisation_id = a.organisation_id)")


def seated(day: str) -> str:
    """SQL: under "secretariat with the Chair" whoever records is of the secretariat, or the Chair of this call."""
    return f"""(NOT EXISTS (SELECT 1 FROM call k WHERE k.id = NEW.call_id AND k.governance = 'secretariat_chair')
 OR {DESIGNATED} OR EXISTS (SELECT 1 FROM membership m JOIN organisation o ON o.id = m.organisation_id
  WHERE m.person_id = NEW.by_person AND m.role = 'panel_member' AND o.kind = 'secretariat'
  AND m.valid_from <= {day} AND (m.valid_to IS NULL OR m.valid_to > {day})))"""
