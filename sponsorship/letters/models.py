"""Letters to States as they were signed. The database keeps them: rows are added, never changed."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, WithId
from core.ddl import append_only, lookup_table, trigger

KINDS = ("selected", "reserve", "not_selected", "ineligible", "lapsed", "withdrawn", "taken_back", "call_cancelled",
         "postponed", "cancelled")
OF_AWARD = ("selected", "lapsed", "withdrawn")  # about one award; all others are about an application
# approved reasons by kind of letter: their sentences stand in words.py and say nothing of other States. The reason of
# "not eligible" is what the screening found; the others are chosen by whoever signs.
REASONS_OF = {
    "not_selected": ("no_funds", "rules", "reserve_ended", "outside_call"),
    "ineligible": ("incomplete", "not_nominated_by_state", "no_declaration", "outside_call", "mission_prevails"),
    "withdrawn": ("no_money", "rules_not_met", "details_wrong", "meeting_changed", "state_request"),
}
REASONS = tuple(dict.fromkeys(code for codes in REASONS_OF.values() for code in codes))
lookup_table("state_letter_kind", KINDS)
lookup_table("state_letter_reason", REASONS)


def _quoted(codes: Iterable[str]) -> str:
    return ", ".join(f"'{code}'" for code in codes)


class StateLetter(WithId, Base):
    """One signed letter about one application, or (`OF_AWARD`) about one award.

    `occasion` tells apart what may happen again to the same subject: the nominee (and who took that place) and days of
    travel of an award, the round of a screening, the change of dates by which a meeting was postponed; a letter is
    signed once for each. `replaces_id` is the earlier
    letter of the same kind that it takes the place of. `sha256` is of the bytes in `file_id`. `office` is the role in
    which the officer signed.
    """

    __tablename__ = "state_letter"
    __table_args__ = (
        UniqueConstraint("kind", "subject_id", "occasion", name="uq_state_letter_once"),
        CheckConstraint("subject_id = COALESCE(award_id, application_id)", name="subject"),
        CheckConstraint(f"(kind IN ({_quoted(OF_AWARD)})) = (award_id IS NOT NULL)", name="kind_of_award"),
        CheckConstraint(f"(kind IN ({_quoted(REASONS_OF)})) = (reason IS NOT NULL)", name="kind_with_reason"),
        *(CheckConstraint(f"kind <> '{kind}' OR reason IN ({_quoted(codes)})", name=f"reason_of_{kind}")
          for kind, codes in REASONS_OF.items()),
        CheckConstraint("length(sha256) = 64", name="digest"),
        CheckConstraint("replaces_id IS NULL OR replaces_id <> id", name="replaces_another"),
        Index("ix_state_letter_organisation", "organisation_id", "id"),
    )
    reference: Mapped[str] = mapped_column(String(20), unique=True)
    batch_id: Mapped[uuid.UUID] = mapped_column(index=True)
    kind: Mapped[str] = mapped_column(String(40), ForeignKey("state_letter_kind.code"))
    call_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("call.id"), index=True)
    application_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("application.id"), index=True)
    award_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("award.id"), index=True)
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisation.id"))
    subject_id: Mapped[uuid.UUID]
    occasion: Mapped[str] = mapped_column(String(80))
    reason: Mapped[str | None] = mapped_column(String(40), ForeignKey("state_letter_reason.code"))
    replaces_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("state_letter.id"))
    language: Mapped[str] = mapped_column(String(12))
    file_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("stored_file.id"), unique=True)
    sha256: Mapped[str] = mapped_column(String(64))
    signed_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("person.id"))
    office: Mapped[str] = mapped_column(String(40))
    signed_at: Mapped[datetime]


append_only(StateLetter.__table__)  # type: ignore[arg-type]

# A letter goes to the State whose application it is about, and names an award of that application only.
_STRANGE = (
    "NOT EXISTS (SELECT 1 FROM application WHERE id = NEW.application_id AND organisation_id = NEW.organisation_id "
    "AND call_id = NEW.call_id) OR (NEW.award_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM award "
    "WHERE id = NEW.award_id AND application_id = NEW.application_id))"
)
trigger(
    StateLetter.__table__, "state_letter_to_its_state",  # type: ignore[arg-type]
    sqlite=f"CREATE TRIGGER state_letter_to_its_state BEFORE INSERT ON state_letter WHEN {_STRANGE} "
           "BEGIN SELECT RAISE(ABORT, 'state_letter_to_its_state: the letter is about another State'); END",
    postgresql=(
        "CREATE OR REPLACE FUNCTION state_letter_to_its_state() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF {_STRANGE} THEN RAISE EXCEPTION 'state_letter_to_its_state: the letter is about another State' "
        "USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$",
        "CREATE TRIGGER state_letter_to_its_state BEFORE INSERT ON state_letter FOR EACH ROW "
        "EXECUTE FUNCTION state_letter_to_its_state()",
    ),
)
