"""A file that was released and must never leave: one officer keeps it here, all of its payments are unknown from then
on, and two people find that none of it was paid."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base
from core.ddl import append_only, refuse
from sponsorship.disbursements.answer_models import Handover


class KeptFile(Base):
    """An instruction that nobody hands over any more, and why. Its words stand with the event."""

    __tablename__ = "instruction_kept"
    instruction_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("payment_instruction.id"), primary_key=True)
    reason: Mapped[str] = mapped_column(String(40))
    by_person: Mapped[uuid.UUID] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime]
    recorded_at: Mapped[datetime]


append_only(KeptFile.__table__, key="instruction_id")  # type: ignore[arg-type]
refuse(KeptFile.__table__, "instruction_kept_in_time", "INSERT",  # type: ignore[arg-type]
       "EXISTS (SELECT 1 FROM instruction_handover h WHERE h.instruction_id = NEW.instruction_id) "
       "OR EXISTS (SELECT 1 FROM payment_instruction i WHERE i.id = NEW.instruction_id AND i.rail <> 'transfer')",
       "the bank has the file")
refuse(Handover.__table__, "instruction_handover_not_kept", "INSERT",  # type: ignore[arg-type]
       "EXISTS (SELECT 1 FROM instruction_kept k WHERE k.instruction_id = NEW.instruction_id)",
       "this file must never leave")
