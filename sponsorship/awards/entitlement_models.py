"""Tables of the entitlement: dated rates of daily subsistence and the files they came from, fare quotes, the journey an
award is reckoned for, and the lines its estimate rests on.

Rates and quotes never change: an import is withdrawn as a whole, a newer quote takes the place of an older one.
"""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, MinorUnits, WithId
from core.ddl import append_only, lookup_table, trigger
from sponsorship.awards.entitlement import RULES

lookup_table("entitlement_rule", RULES)


class DsaImport(WithId, Base):
    """One file of rates of daily subsistence, as an officer imported it. `source` names the circular it repeats."""

    __tablename__ = "dsa_import"
    __table_args__ = (
        CheckConstraint("rates > 0", name="holds_rates"),
        CheckConstraint("length(sha256) = 64", name="sha256_whole"),
        CheckConstraint("(withdrawn_at IS NULL) = (withdrawn_by IS NULL)", name="withdrawn_by_somebody"),
    )
    source: Mapped[str] = mapped_column(String(120))
    file_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("stored_file.id"), unique=True)
    file_name: Mapped[str] = mapped_column(String(200))
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    rates: Mapped[int]
    imported_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("person.id"))
    imported_at: Mapped[datetime] = mapped_column(index=True)
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))


class DsaRate(WithId, Base):
    """US cents for one day at a place, from `valid_from` on. One live rate for each place and day."""

    __tablename__ = "dsa_rate"
    __table_args__ = (
        CheckConstraint("usd_minor > 0", name="amount_positive"),
        CheckConstraint("length(country) = 2 AND country = upper(country)", name="country_code"),
        Index("uq_dsa_rate_live", "country", "place_key", "valid_from", unique=True,
              sqlite_where=text("withdrawn_at IS NULL"), postgresql_where=text("withdrawn_at IS NULL")),
    )
    import_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("dsa_import.id"), index=True)
    line: Mapped[int]
    country: Mapped[str] = mapped_column(String(2))
    place: Mapped[str] = mapped_column(String(120))
    place_key: Mapped[str] = mapped_column(String(120))
    valid_from: Mapped[date]
    usd_minor: Mapped[int] = mapped_column(MinorUnits)
    withdrawn_at: Mapped[datetime | None]


class FareQuote(WithId, Base):
    """A fare as an agency or airline quoted it. The newest of an award counts; `usd_minor` at the rate of the day it
    was quoted on (`rate` units for one dollar, None for dollars)."""

    __tablename__ = "fare_quote"
    __table_args__ = (
        CheckConstraint("amount_minor > 0 AND usd_minor > 0", name="amount_positive"),
        CheckConstraint("(currency = 'USD') = (rate IS NULL)", name="rate_of_other_currencies"),
        CheckConstraint("currency <> 'USD' OR usd_minor = amount_minor", name="dollars_are_dollars"),
        Index("ix_fare_quote_award", "award_id", "recorded_at"),
    )
    award_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("award.id"))
    amount_minor: Mapped[int] = mapped_column(MinorUnits)
    currency: Mapped[str] = mapped_column(String(3))
    usd_minor: Mapped[int] = mapped_column(MinorUnits)
    rate: Mapped[str | None] = mapped_column(String(40))
    rate_source: Mapped[str | None] = mapped_column(String(80))
    rate_date: Mapped[date | None]
    source: Mapped[str] = mapped_column(String(120))
    quoted_on: Mapped[date]
    expires_at: Mapped[datetime]
    recorded_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("person.id"))
    recorded_at: Mapped[datetime]


class AwardJourney(Base):
    """What an officer knows of the journey beyond its first and last day. Days are counted from the first day of travel
    (0) or of the meeting (1), so that they move along with a postponed meeting."""

    __tablename__ = "award_journey"
    __table_args__ = (
        CheckConstraint("(covered_from IS NULL) = (covered_to IS NULL)", name="covered_whole"),
        CheckConstraint("covered_from IS NULL OR (covered_from >= 1 AND covered_to >= covered_from)",
                        name="covered_in_order"),
        CheckConstraint("hours IS NULL OR hours BETWEEN 1 AND 24", name="hours_of_a_day"),
    )
    award_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("award.id"), primary_key=True)
    nights_in_air: Mapped[list[int]] = mapped_column(JSON)
    provided: Mapped[list[str]] = mapped_column(JSON)  # on every day of the meeting
    cars: Mapped[list[str]] = mapped_column(JSON)
    hours: Mapped[int | None]
    covered_from: Mapped[int | None]
    covered_to: Mapped[int | None]
    set_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("person.id"))
    set_at: Mapped[datetime]


class AwardBasis(WithId, Base):
    """One line that the estimate of an award rests on, as it was reckoned. Replaced as a whole while the award waits to
    be certified; fixed from then on (a trigger)."""

    __tablename__ = "award_basis"
    __table_args__ = (
        UniqueConstraint("award_id", "n", name="uq_award_basis_n"),
        CheckConstraint("amount_minor >= 0 AND rate_minor >= 0", name="amounts_not_negative"),
        CheckConstraint("share_bp BETWEEN 0 AND 10000", name="share_of_the_whole"),
    )
    award_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("award.id"))
    n: Mapped[int]
    kind: Mapped[str] = mapped_column(String(40), ForeignKey("award_line_kind.code"))
    rule: Mapped[str] = mapped_column(String(40), ForeignKey("entitlement_rule.code"))
    day: Mapped[date | None]
    place: Mapped[str] = mapped_column(String(120))
    rate_minor: Mapped[int] = mapped_column(MinorUnits)
    share_bp: Mapped[int]
    amount_minor: Mapped[int] = mapped_column(MinorUnits)
    source: Mapped[str] = mapped_column(String(200))
    source_from: Mapped[date | None]
    given: Mapped[list[str]] = mapped_column(JSON)
    quote_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("fare_quote.id"))


_IMPORT: Any = DsaImport.__table__
_RATE: Any = DsaRate.__table__
_BASIS: Any = AwardBasis.__table__
append_only(_IMPORT, updatable=("withdrawn_at", "withdrawn_by"))
append_only(_RATE, updatable=("withdrawn_at",))
append_only(FareQuote.__table__)  # type: ignore[arg-type]

_STANDS = "a withdrawal stands"
trigger(
    _IMPORT, "dsa_import_withdrawn_once",
    sqlite=f"CREATE TRIGGER dsa_import_withdrawn_once BEFORE UPDATE ON dsa_import "
           f"WHEN OLD.withdrawn_at IS NOT NULL BEGIN SELECT RAISE(ABORT, '{_STANDS}'); END",
    postgresql=f"CREATE TRIGGER dsa_import_withdrawn_once BEFORE UPDATE ON dsa_import "
               f"FOR EACH ROW WHEN (OLD.withdrawn_at IS NOT NULL) EXECUTE FUNCTION placard_refuse('{_STANDS}')",
)
_WITH_ITS_IMPORT = "a rate stands and falls with its import"
for _name, _when, _differs in (
    ("dsa_rate_enters_alive", "INSERT", "NEW.withdrawn_at IS NOT NULL OR "
     "(SELECT withdrawn_at FROM dsa_import WHERE id = NEW.import_id) IS NOT NULL"),
    ("dsa_rate_falls_with_import", "UPDATE", "(NEW.withdrawn_at IS NULL) <> "
     "((SELECT withdrawn_at FROM dsa_import WHERE id = NEW.import_id) IS NULL)"),
):
    trigger(
        _RATE, _name,
        sqlite=f"CREATE TRIGGER {_name} BEFORE {_when} ON dsa_rate WHEN {_differs} "
               f"BEGIN SELECT RAISE(ABORT, '{_WITH_ITS_IMPORT}'); END",
        postgresql=(
            f"CREATE OR REPLACE FUNCTION placard_{_name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF {_differs} THEN RAISE EXCEPTION '{_WITH_ITS_IMPORT}' "
            "USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$",
            f"CREATE TRIGGER {_name} BEFORE {_when} ON dsa_rate FOR EACH ROW EXECUTE FUNCTION placard_{_name}()",
        ),
    )
# what the obligation was certified on stays as it was read
for _event, _row, _returned in (("INSERT", "NEW", "NEW"), ("UPDATE", "NEW", "NEW"), ("DELETE", "OLD", "OLD")):
    _name = f"award_basis_fixed_{_event.lower()}"
    _late = f"(SELECT state FROM award WHERE id = {_row}.award_id) <> 'selected'"
    _why = "what an obligation rests on is fixed once it is certified"
    trigger(
        _BASIS, _name,
        sqlite=f"CREATE TRIGGER {_name} BEFORE {_event} ON award_basis WHEN {_late} "
               f"BEGIN SELECT RAISE(ABORT, '{_why}'); END",
        postgresql=(
            f"CREATE OR REPLACE FUNCTION placard_{_name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF {_late} THEN RAISE EXCEPTION '{_why}' USING ERRCODE = 'integrity_constraint_violation'; END IF; "
            f"RETURN {_returned}; END $$",
            f"CREATE TRIGGER {_name} BEFORE {_event} ON award_basis FOR EACH ROW EXECUTE FUNCTION placard_{_name}()",
        ),
    )
