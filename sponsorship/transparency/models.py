"""What the room of open books keeps: sums of settled meetings and of pledges by year, and letters that call for funds.

The sums are kept so that no public page grows with history; `verify` proves each against what it was made from.
"""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, MinorUnits, WithId
from core.ddl import REFUSE, append_only, lookup_table, trigger
from sponsorship.awards.models import Award
from sponsorship.contributions.models import Pledge
from sponsorship.ledger.models import ReservationLine

LETTER_KINDS = ("note_verbale", "letter")
lookup_table("fund_letter_kind", LETTER_KINDS)


class MeetingFigure(Base):
    """Sums of a meeting that is over and settled: everything paid and confirmed, or given back. US cents.

    `few` names up to three of the sponsored States, `groups` has [delegates, States] by regional group on the meeting's
    first day. `stale`: something moved since, so the row counts no more until it is made again (the database sets it).
    `revised`: made again with other sums; an average told before stands in people's papers, and the difference would
    tell one State's cost, so it is told no more.
    """

    __tablename__ = "meeting_figure"
    __table_args__ = (
        CheckConstraint("delegates >= 0 AND states >= 0 AND states <= delegates", name="states_of_delegates"),
        CheckConstraint("women >= 0 AND men >= 0 AND women + men <= delegates", name="sexes_of_delegates"),
        CheckConstraint("direct_minor >= 0 AND support_minor >= 0", name="amounts"),
        CheckConstraint("first_year <= last_year", name="years_in_order"),
    )
    meeting_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("meeting.id"), primary_key=True)
    delegates: Mapped[int] = mapped_column(Integer)
    states: Mapped[int] = mapped_column(Integer)
    few: Mapped[list[str]] = mapped_column(JSON)
    women: Mapped[int] = mapped_column(Integer)
    men: Mapped[int] = mapped_column(Integer)
    groups: Mapped[dict[str, Any]] = mapped_column(JSON)
    direct_minor: Mapped[int] = mapped_column(MinorUnits)
    support_minor: Mapped[int] = mapped_column(MinorUnits)
    first_year: Mapped[int | None] = mapped_column(Integer)
    last_year: Mapped[int | None] = mapped_column(Integer)
    kept_at: Mapped[datetime]
    stale: Mapped[bool] = mapped_column(default=False)
    revised: Mapped[bool] = mapped_column(default=False)


class PoolBar(Base):
    """What a pool spent is told no more since this meeting: its money carried one or two States there, or stands
    between a reader and what another pool's money did (see privacy.py). Never taken back: who remembers the figures of
    before would else find the difference."""

    __tablename__ = "pool_bar"
    pool_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("pool.id"), primary_key=True)
    meeting_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("meeting.id"))
    barred_at: Mapped[datetime]


class PledgeYear(Base):
    """What was announced in one UTC year, in US cents at the rates of the days of announcement. Kept by a trigger."""

    __tablename__ = "pledge_year"
    __table_args__ = (
        CheckConstraint("usd_minor > 0 AND pledges > 0", name="totals_positive"),
        CheckConstraint("year BETWEEN 1900 AND 9999", name="year"),
    )
    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    usd_minor: Mapped[int] = mapped_column(MinorUnits)
    pledges: Mapped[int] = mapped_column(Integer)


class FundLetter(WithId, Base):
    """A letter that calls for funds, as it was sent: to one donor, with the figures that stood in it (US cents).

    `batch_id` is common to letters made in one step. `delegates` journeys at `each_minor` of direct costs make, with
    support costs, `needed_minor`; `there_minor` was there at `as_of`.
    """

    __tablename__ = "fund_letter"
    __table_args__ = (
        CheckConstraint("delegates > 0 AND each_minor > 0 AND needed_minor > 0 AND there_minor >= 0", name="amounts"),
        UniqueConstraint("batch_id", "organisation_id", name="uq_fund_letter_once"),
    )
    reference: Mapped[str] = mapped_column(String(20), unique=True)
    batch_id: Mapped[uuid.UUID]
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    kind: Mapped[str] = mapped_column(ForeignKey("fund_letter_kind.code"))
    call_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("call.id"), index=True)
    subject: Mapped[str] = mapped_column(String(200))
    language: Mapped[str] = mapped_column(String(12))
    delegates: Mapped[int] = mapped_column(Integer)
    each_minor: Mapped[int] = mapped_column(MinorUnits)
    needed_minor: Mapped[int] = mapped_column(MinorUnits)
    there_minor: Mapped[int] = mapped_column(MinorUnits)
    pay_by: Mapped[date]
    as_of: Mapped[datetime]
    file_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("stored_file.id"), unique=True)
    made_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))
    made_at: Mapped[datetime]


_pledge_year: Any = PledgeYear.__table__
append_only(FundLetter.__table__)  # type: ignore[arg-type]
append_only(PoolBar.__table__, key="pool_id")  # type: ignore[arg-type]
append_only(_pledge_year, key="year", updatable=("usd_minor", "pledges"))

# --- what a kept sum was made from has moved --------------------------------------------------------------------
_OF_LINE = "(SELECT meeting_id FROM award WHERE reservation_id = NEW.reservation_id)"


def _marks_stale(table: Any, name: str, event: str, meeting: str) -> None:
    trigger(
        table, name,
        sqlite=f"CREATE TRIGGER {name} AFTER {event} ON {table.name} BEGIN "
               f"UPDATE meeting_figure SET stale = 1 WHERE NOT stale AND meeting_id = {meeting}; END",
        postgresql=(
            f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"UPDATE meeting_figure SET stale = true WHERE NOT stale AND meeting_id = {meeting}; "
            "RETURN NULL; END $$",
            f"CREATE TRIGGER {name} AFTER {event} ON {table.name} FOR EACH ROW EXECUTE FUNCTION {name}()",
        ),
    )


_marks_stale(ReservationLine.__table__, "meeting_figure_by_line", "UPDATE", _OF_LINE)
_marks_stale(Award.__table__, "meeting_figure_by_new_award", "INSERT", "NEW.meeting_id")
_marks_stale(Award.__table__, "meeting_figure_by_award", "UPDATE", "NEW.meeting_id")

# --- pledges by year --------------------------------------------------------------------------------------------
_KNOWN = "NEW.organisation_id IS NOT NULL"  # what anybody may type without an account counts once it is paid
_YEAR = "CAST(substr(NEW.announced_at, 1, 4) AS INTEGER)"
trigger(
    Pledge.__table__, "pledge_counts_in_its_year",  # type: ignore[arg-type]
    # not an upsert: an outer INSERT OR REPLACE would pass its conflict rule on to it
    sqlite="CREATE TRIGGER pledge_counts_in_its_year AFTER INSERT ON pledge "
           f"WHEN {_KNOWN} BEGIN "
           f"UPDATE pledge_year SET usd_minor = usd_minor + NEW.usd_minor, pledges = pledges + 1 WHERE year = {_YEAR}; "
           f"INSERT INTO pledge_year (year, usd_minor, pledges) SELECT {_YEAR}, NEW.usd_minor, 1 "
           f"WHERE NOT EXISTS (SELECT 1 FROM pledge_year WHERE year = {_YEAR}); END",
    postgresql=(
        "CREATE OR REPLACE FUNCTION placard_pledge_year() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "INSERT INTO pledge_year AS y (year, usd_minor, pledges) "
        "VALUES (extract(year FROM NEW.announced_at AT TIME ZONE 'UTC')::integer, NEW.usd_minor, 1) "
        "ON CONFLICT (year) DO UPDATE SET usd_minor = y.usd_minor + excluded.usd_minor, pledges = y.pledges + 1; "
        "RETURN NULL; END $$",
        "CREATE TRIGGER pledge_counts_in_its_year AFTER INSERT ON pledge FOR EACH ROW "
        f"WHEN ({_KNOWN}) EXECUTE FUNCTION placard_pledge_year()",
    ),
)
trigger(
    _pledge_year, "pledge_year_by_pledges",
    sqlite=(),  # SQLite cannot tell an update by a trigger from one by hand: there `verify` proves the sums
    postgresql=(REFUSE,
                "CREATE TRIGGER pledge_year_by_pledges BEFORE INSERT OR UPDATE ON pledge_year "
                "FOR EACH ROW WHEN (pg_trigger_depth() = 0) "
                "EXECUTE FUNCTION placard_refuse('only pledges keep the years')"),
)
