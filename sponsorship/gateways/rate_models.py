"""Exchange rates as they were published, and the files they came from. Tables and constraints only.

Nothing is ever changed: an import can only be withdrawn, once and whole, which frees the days of its rates. What was
posted with them stands, since every ledger leg carries its own rate, source and day.
"""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, WithId
from core.ddl import append_only, lookup_table, trigger

SOURCE_CODES = ("un", "ecb")
WITHDRAWAL_REASONS = ("wrong_file", "wrong_reading", "corrected_by_source", "other")
MAX_WHOLE, MAX_DECIMALS = 10, 8  # digits of a figure: two figures and a stroke fit the 40 characters of a ledger leg
rate_source = lookup_table("rate_source", SOURCE_CODES)
lookup_table("rate_withdrawal_reason", WITHDRAWAL_REASONS)


class RateImport(WithId, Base):
    """One file of rates. `reading` holds how it was read (encoding, columns, decimal mark), so that anyone can read
    it again and the next file like it is read the same way. Instants are business time."""

    __tablename__ = "rate_import"
    __table_args__ = (
        CheckConstraint("rates > 0", name="holds_rates"),
        CheckConstraint("first_day <= last_day", name="days_in_order"),
        CheckConstraint("length(sha256) = 64", name="sha256_whole"),
        CheckConstraint(
            "(withdrawn_at IS NULL AND withdrawn_by IS NULL AND withdrawal_reason IS NULL)"
            " OR (withdrawn_at IS NOT NULL AND withdrawn_by IS NOT NULL AND withdrawal_reason IS NOT NULL)",
            name="withdrawn_by_somebody",
        ),
        UniqueConstraint("id", "source", name="uq_rate_import_source"),  # what the rates of a file point at
    )
    source: Mapped[str] = mapped_column(ForeignKey("rate_source.code"), index=True)
    file_name: Mapped[str] = mapped_column(String(200))
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    file_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("stored_file.id"), unique=True)
    reading: Mapped[dict[str, Any]] = mapped_column(JSON)
    rates: Mapped[int] = mapped_column(Integer)
    first_day: Mapped[date]
    last_day: Mapped[date]
    imported_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))
    imported_at: Mapped[datetime] = mapped_column(index=True)
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))
    withdrawal_reason: Mapped[str | None] = mapped_column(ForeignKey("rate_withdrawal_reason.code"))


class ExchangeRate(WithId, Base):
    """So many units of `currency` for one unit of `base`, from `day` on, as the file says it: decimal text with a
    point. `withdrawn_at` repeats that of the import (a trigger writes it); one live rate per source, currency, day."""

    __tablename__ = "exchange_rate"
    __table_args__ = (
        ForeignKeyConstraint(["import_id", "source"], ["rate_import.id", "rate_import.source"],
                             name="fk_exchange_rate_import"),
        CheckConstraint("length(currency) = 3 AND currency = upper(currency) AND length(base) = 3 AND currency <> base",
                        name="currencies"),
        CheckConstraint(
            "typeof(rate) = 'text' AND rate GLOB '[0-9]*' AND rate GLOB '*[0-9]' AND rate GLOB '*[1-9]*'"
            " AND rate NOT GLOB '*[^0-9.]*' AND rate NOT GLOB '*.*.*'"
            f" AND instr(rate || '.', '.') <= {MAX_WHOLE + 1}"
            f" AND length(rate) - instr(rate || '.', '.') <= {MAX_DECIMALS}",
            name="rate_is_positive",
        ).ddl_if(dialect="sqlite"),
        CheckConstraint(
            f"rate ~ '^[0-9]{{1,{MAX_WHOLE}}}([.][0-9]{{1,{MAX_DECIMALS}}})?$' AND rate ~ '[1-9]'",
            name="rate_is_positive",
        ).ddl_if(dialect="postgresql"),
        Index(None, "currency", "day"),
        Index("uq_exchange_rate_live", "source", "currency", "day", unique=True,
              sqlite_where=text("withdrawn_at IS NULL"), postgresql_where=text("withdrawn_at IS NULL")),
    )
    import_id: Mapped[uuid.UUID] = mapped_column(index=True)
    source: Mapped[str] = mapped_column(String(40))
    currency: Mapped[str] = mapped_column(String(3))
    base: Mapped[str] = mapped_column(String(3))
    day: Mapped[date]
    rate: Mapped[str] = mapped_column(String(19))
    withdrawn_at: Mapped[datetime | None]


_IMPORT: Any = RateImport.__table__
_RATE: Any = ExchangeRate.__table__
append_only(_IMPORT, updatable=("withdrawn_at", "withdrawn_by", "withdrawal_reason"))
append_only(_RATE, updatable=("withdrawn_at",))

_STANDS = "a withdrawal stands"
trigger(
    _IMPORT, "rate_import_withdrawn_once",
    sqlite=f"CREATE TRIGGER rate_import_withdrawn_once BEFORE UPDATE ON rate_import "
           f"WHEN OLD.withdrawn_at IS NOT NULL BEGIN SELECT RAISE(ABORT, '{_STANDS}'); END",
    postgresql=f"CREATE TRIGGER rate_import_withdrawn_once BEFORE UPDATE ON rate_import "
               f"FOR EACH ROW WHEN (OLD.withdrawn_at IS NOT NULL) EXECUTE FUNCTION placard_refuse('{_STANDS}')",
)
trigger(
    _RATE, "rate_import_frees_days",
    sqlite="CREATE TRIGGER rate_import_frees_days AFTER UPDATE OF withdrawn_at ON rate_import BEGIN "
           "UPDATE exchange_rate SET withdrawn_at = NEW.withdrawn_at WHERE import_id = NEW.id; END",
    postgresql=(
        "CREATE OR REPLACE FUNCTION placard_rate_import_frees_days() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "UPDATE exchange_rate SET withdrawn_at = NEW.withdrawn_at WHERE import_id = NEW.id; RETURN NULL; END $$",
        "CREATE TRIGGER rate_import_frees_days AFTER UPDATE OF withdrawn_at ON rate_import "
        "FOR EACH ROW EXECUTE FUNCTION placard_rate_import_frees_days()",
    ),
)
# a rate enters alive into a live import, and is withdrawn with it, never alone
_WITH_ITS_IMPORT = "a rate stands and falls with its import"
for _name, _when, _lite, _post in (
    ("exchange_rate_enters_alive", "INSERT",
     "NEW.withdrawn_at IS NOT NULL OR (SELECT withdrawn_at FROM rate_import WHERE id = NEW.import_id) IS NOT NULL",
     "NEW.withdrawn_at IS NOT NULL OR its_import IS NOT NULL"),
    ("exchange_rate_falls_with_import", "UPDATE",
     "NEW.withdrawn_at IS NOT (SELECT withdrawn_at FROM rate_import WHERE id = NEW.import_id)",
     "NEW.withdrawn_at IS DISTINCT FROM its_import"),
):
    trigger(
        _RATE, _name,
        sqlite=f"CREATE TRIGGER {_name} BEFORE {_when} ON exchange_rate WHEN {_lite} "
               f"BEGIN SELECT RAISE(ABORT, '{_WITH_ITS_IMPORT}'); END",
        postgresql=(
            f"CREATE OR REPLACE FUNCTION placard_{_name}() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ DECLARE its_import timestamptz; BEGIN "
            "SELECT withdrawn_at INTO its_import FROM rate_import WHERE id = NEW.import_id; "
            f"IF {_post} THEN RAISE EXCEPTION '{_WITH_ITS_IMPORT}' USING ERRCODE = 'integrity_constraint_violation'; "
            "END IF; RETURN NEW; END $$",
            f"CREATE TRIGGER {_name} BEFORE {_when} ON exchange_rate FOR EACH ROW EXECUTE FUNCTION placard_{_name}()",
        ),
    )
