"""Awards and what they are made of. The database holds what an award may be in each state."""

from __future__ import annotations

import uuid
from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, MinorUnits, Versioned, WithId
from core.ddl import lookup_table, trigger
from sponsorship.awards.transitions import AWARD, LIVE

LINE_KINDS = ("ticket", "dsa", "terminal")
lookup_table("award_line_kind", LINE_KINDS)

_LIVE_SQL = "state IN (" + ", ".join(f"'{s}'" for s in LIVE) + ")"


class Award(WithId, Versioned, Base):
    """One place for one nominee of one State at one meeting, in US dollars of direct cost (support costs come on
    top, by the rate of the money used).

    `position` is the place in the decided order; `on_reserve` says that the decision put it on the reserve list;
    `replaces_id` names the award whose place it took. `beneficiary_id` is the nominee's own account, if there is
    one: that person never signs. `vacated` says that a place was given and became free: the next on the reserve list
    takes it, once.
    """

    __tablename__ = "award"
    __table_args__ = (
        Index("uq_award_live_nominee", "nominee_id", unique=True, sqlite_where=text(_LIVE_SQL),
              postgresql_where=text(_LIVE_SQL)),
        UniqueConstraint("replaces_id", name="uq_award_replaces_id"),
        UniqueConstraint("reservation_id", name="uq_award_reservation_id"),
        UniqueConstraint("call_id", "on_reserve", "position", name="uq_award_place"),
        CheckConstraint("state NOT IN ('certified', 'offered', 'accepted', 'closed') OR reservation_id IS NOT NULL",
                        name="obligation_has_money"),
        CheckConstraint("state NOT IN ('offered', 'accepted', 'lapsed', 'turned_down') OR "
                        "(offered_at IS NOT NULL AND offer_expires_at > offered_at)", name="offer_has_term"),
        CheckConstraint("state <> 'accepted' OR answered_at IS NOT NULL", name="acceptance_has_time"),
        CheckConstraint("(state = 'suspended') = (suspended_from IS NOT NULL)", name="suspended_from_somewhere"),
        CheckConstraint("replaces_id IS NULL OR replaces_id <> id", name="replaces_another"),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint("travel_to >= travel_from", name="travel_in_order"),
        CheckConstraint("round >= 1 AND position >= 1", name="counts_from_one"),
        Index("ix_award_offer_due", "offer_expires_at", sqlite_where=text("state = 'offered'"),
              postgresql_where=text("state = 'offered'")),
        Index("ix_award_call_place", "call_id", "state", "position"),
    )
    reference: Mapped[str] = mapped_column(String(30), unique=True)
    call_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("call.id"))
    meeting_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("meeting.id"), index=True)
    application_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("application.id"), index=True)
    nominee_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("nominee.id"))
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    beneficiary_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))
    position: Mapped[int]
    on_reserve: Mapped[bool]
    replaces_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("award.id"))
    round: Mapped[int] = mapped_column(default=1)
    state: Mapped[str] = AWARD.column()
    amount_minor: Mapped[int] = mapped_column(MinorUnits)
    vacated: Mapped[bool] = mapped_column(default=False)
    # days of travel before the meeting's first and after its last day: they move with the meeting
    days_before: Mapped[int]
    days_after: Mapped[int]
    travel_from: Mapped[date]
    travel_to: Mapped[date]
    reservation_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("reservation.id"))
    offered_at: Mapped[datetime | None]
    offer_expires_at: Mapped[datetime | None]
    offer_reminded_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    suspended_from: Mapped[str | None] = mapped_column(String(40), ForeignKey("award_state.code"))
    suspended_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    # "state:round" of which the officers and their alternates, and the head, have been told that it waits
    chased_for: Mapped[str | None] = mapped_column(String(60))
    head_told_for: Mapped[str | None] = mapped_column(String(60))


class AwardLine(WithId, Base):
    """A part of the estimate, in US dollars."""

    __tablename__ = "award_line"
    __table_args__ = (
        UniqueConstraint("award_id", "kind", name="uq_award_line_kind"),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
    )
    award_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("award.id"))
    kind: Mapped[str] = mapped_column(String(40), ForeignKey("award_line_kind.code"))
    amount_minor: Mapped[int] = mapped_column(MinorUnits)


# An award may stand in a state only with the signatures that lead there; nobody writes `offered` into the table.
_NEEDS = "CASE NEW.state " + " ".join(
    f"WHEN '{state}' THEN '{step}'"
    for state, step in (("selected", "award.decided"), ("certified", "award.certified"),
                        ("offered", "award.approved"), ("accepted", "award.approved"),
                        ("closed", "award.approved"))
) + " END"
_UNSIGNED = (
    f"({_NEEDS}) IS NOT NULL AND NOT EXISTS (SELECT 1 FROM approval WHERE subject_type = 'award' "
    f"AND subject_id = NEW.id AND round = NEW.round AND step = ({_NEEDS}))"
)
trigger(
    Award.__table__, "award_state_is_signed",  # type: ignore[arg-type]
    sqlite=f"CREATE TRIGGER award_state_is_signed BEFORE UPDATE ON award WHEN {_UNSIGNED} "
           "BEGIN SELECT RAISE(ABORT, 'award_state_is_signed: a signature is missing'); END",
    postgresql=(
        "CREATE OR REPLACE FUNCTION award_state_is_signed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF {_UNSIGNED} THEN RAISE EXCEPTION 'award_state_is_signed: a signature is missing' "
        "USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$",
        "CREATE TRIGGER award_state_is_signed BEFORE UPDATE ON award FOR EACH ROW "
        "EXECUTE FUNCTION award_state_is_signed()",
    ),
)
# A new award starts on the reserve list, never further on.
_FAR = "NEW.state <> 'reserve'"
trigger(
    Award.__table__, "award_starts_at_start",  # type: ignore[arg-type]
    sqlite=f"CREATE TRIGGER award_starts_at_start BEFORE INSERT ON award WHEN {_FAR} "
           "BEGIN SELECT RAISE(ABORT, 'award_starts_at_start: an award starts with the decision'); END",
    postgresql=(
        "CREATE OR REPLACE FUNCTION award_starts_at_start() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF {_FAR} THEN RAISE EXCEPTION 'award_starts_at_start: an award starts with the decision' "
        "USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$",
        "CREATE TRIGGER award_starts_at_start BEFORE INSERT ON award FOR EACH ROW "
        "EXECUTE FUNCTION award_starts_at_start()",
    ),
)
