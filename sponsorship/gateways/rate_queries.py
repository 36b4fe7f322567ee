"""Exchange rates and imports for pages: typed rows, a fixed number of queries."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import func, select

from accounts.queries import person_labels
from core.db import db, get
from core.events import History, history
from core.files import StoredFile
from core.machines import State
from core.web.tables import TableQuery
from sponsorship.gateways.rate_models import ExchangeRate, RateImport
from sponsorship.gateways.rate_sources import SOURCES, RateSource, find_source
from sponsorship.gateways.rates import Rate, covered_until, currencies_in_use, currency_name, latest_rates

MAX_LIST = 300_000


@dataclass(frozen=True)
class CurrentRow:
    """The newest rate of a currency. `until`: the last day that rates on record cover; None: today has none."""

    rate: Rate
    name: str
    age: int
    until: date | None
    last_day: date
    in_use: bool

    @property
    def currency(self) -> str:
        return self.rate.currency

    @property
    def day(self) -> date:
        return self.rate.day


def list_current(source: RateSource, day: date, wanted: str = "") -> list[CurrentRow]:
    """The newest rates of a source, those of currencies in use first; `wanted` is a part of code or name."""
    latest = latest_rates(day, source.code)
    covered = covered_until([row.rate.currency for row in latest], day, 400, source.code)
    in_use = currencies_in_use()
    rows = [
        CurrentRow(row.rate, currency_name(row.rate.currency), row.age, covered[row.rate.currency], row.last_day,
                   row.rate.currency in in_use)
        for row in latest
    ]
    asked = wanted.casefold()
    rows = [row for row in rows if asked in f"{row.currency} {row.name}".casefold()]
    return sorted(rows, key=lambda row: (not row.in_use, row.currency))


@dataclass(frozen=True)
class RateRow:
    """One rate as published, with where it came from."""

    id: uuid.UUID
    currency: str
    day: date
    rate: str
    base: str
    source: str
    import_id: uuid.UUID
    file_name: str
    imported_at: datetime
    status: State


def standing(withdrawn: object) -> State:
    """Whether a rate or an import counts."""
    if withdrawn:
        return State("withdrawn", _("Withdrawn"), "stopped")
    return State("live", _("In force"), "done")


def list_rates(
    query: TableQuery, *, currency: str | None = None, import_id: uuid.UUID | None = None, everything: bool = False
) -> tuple[list[RateRow], int]:
    """Rates of a currency or of an import, newest first, withdrawn ones too; (rows of the page, how many in all)."""
    where: list[Any] = []
    if currency is not None:
        where.append(ExchangeRate.currency == currency)
    if import_id is not None:
        where.append(ExchangeRate.import_id == import_id)
    if source := query.get("source"):
        where.append(ExchangeRate.source == source)
    if state := query.get("state"):
        where.append(ExchangeRate.withdrawn_at.is_(None) if state == "live" else ExchangeRate.withdrawn_at.is_not(None))
    total = db.session.scalar(select(func.count()).select_from(ExchangeRate).where(*where)) or 0
    rows = db.session.execute(
        select(ExchangeRate, RateImport.file_name, RateImport.imported_at)
        .join(RateImport, RateImport.id == ExchangeRate.import_id).where(*where)
        .order_by(ExchangeRate.day.desc(), ExchangeRate.currency, ExchangeRate.id)
        .limit(MAX_LIST if everything else query.limit).offset(0 if everything else query.offset)
    )
    return [
        RateRow(r.id, r.currency, r.day, r.rate, r.base, str(SOURCES[r.source].label), r.import_id, file_name,
                imported_at, standing(r.withdrawn_at))
        for r, file_name, imported_at in rows
    ], total


def knows_currency(code: str) -> bool:
    """Whether any rate of the currency was ever on record."""
    return db.session.scalar(select(ExchangeRate.id).where(ExchangeRate.currency == code).limit(1)) is not None


@dataclass(frozen=True)
class ImportRow:
    """One file that was imported."""

    id: uuid.UUID
    file_name: str
    source: RateSource
    rates: int
    first_day: date
    last_day: date
    imported_at: datetime
    imported_by: str
    status: State


def list_imports(query: TableQuery, everything: bool = False) -> tuple[list[ImportRow], int]:
    """Imports, newest first; (rows of the page, how many in all)."""
    where: list[Any] = []
    if source := query.get("source"):
        where.append(RateImport.source == source)
    if state := query.get("state"):
        where.append(RateImport.withdrawn_at.is_(None) if state == "live" else RateImport.withdrawn_at.is_not(None))
    total = db.session.scalar(select(func.count()).select_from(RateImport).where(*where)) or 0
    rows = db.session.scalars(
        select(RateImport).where(*where).order_by(RateImport.imported_at.desc(), RateImport.id.desc())
        .limit(MAX_LIST if everything else query.limit).offset(0 if everything else query.offset)
    ).all()
    names = person_labels(r.imported_by for r in rows)
    return [
        ImportRow(r.id, r.file_name, SOURCES[r.source], r.rates, r.first_day, r.last_day, r.imported_at,
                  _who(r.imported_by, names), standing(r.withdrawn_at))
        for r in rows
    ], total


def _who(person_id: uuid.UUID | None, names: dict[uuid.UUID, str]) -> str:
    return names.get(person_id, "—") if person_id else _("The command line")


@dataclass(frozen=True)
class ImportPage:
    """An import with its file, how it was read, and its history."""

    row: ImportRow
    sha256: str
    file_id: uuid.UUID
    size: int
    reading: dict[str, Any]
    withdrawal_reason: str | None
    history: list[History]
    names: dict[uuid.UUID, str]


def get_import(import_id: uuid.UUID) -> ImportPage:
    """One import. Raises NotFound."""
    r = get(RateImport, import_id)
    told = history("rate_import", r.id)
    names = person_labels([r.imported_by, *(h.actor_id for h in told)])
    row = ImportRow(r.id, r.file_name, SOURCES[r.source], r.rates, r.first_day, r.last_day, r.imported_at,
                    _who(r.imported_by, names), standing(r.withdrawn_at))
    return ImportPage(row, r.sha256, r.file_id, get(StoredFile, r.file_id).size, r.reading, r.withdrawal_reason, told,
                      names)


def last_reading(source_code: str) -> dict[str, Any] | None:
    """How the newest import of a source was read, unless it was withdrawn for having been read wrongly."""
    return db.session.scalar(
        select(RateImport.reading)
        .where(RateImport.source == find_source(source_code).code,
               RateImport.withdrawal_reason.is_distinct_from("wrong_reading"))
        .order_by(RateImport.imported_at.desc(), RateImport.id.desc()).limit(1)
    )
