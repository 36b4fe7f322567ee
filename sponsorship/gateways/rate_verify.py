"""What must always hold of exchange rates."""

from __future__ import annotations

import hashlib

from flask import current_app
from sqlalchemy import func, or_, select

from core.db import db
from core.files import StoredFile
from core.verify import check
from sponsorship.gateways.rate_models import ExchangeRate, RateImport


@check("gateways.rates")
def one_live_rate_for_each_day() -> tuple[int, list[str]]:
    """No two live rates of one source, currency and day; each rate belongs to an import and is withdrawn with it."""
    checked = db.session.scalar(select(func.count()).select_from(ExchangeRate)) or 0
    key = (ExchangeRate.source, ExchangeRate.currency, ExchangeRate.day)
    twice = db.session.execute(
        select(*key).where(ExchangeRate.withdrawn_at.is_(None)).group_by(*key).having(func.count() > 1)
    )
    faults = [f"{row.source} has more than one live rate of {row.currency} on {row.day}" for row in twice]
    stray = db.session.scalars(
        select(ExchangeRate.id).outerjoin(RateImport, RateImport.id == ExchangeRate.import_id)
        .where(or_(RateImport.id.is_(None), RateImport.source != ExchangeRate.source,
                   ExchangeRate.withdrawn_at.is_distinct_from(RateImport.withdrawn_at)))
    )
    return checked, faults + [f"rate {row_id} and its import do not agree" for row_id in stray]


@check("gateways.rate-imports")
def imports_and_their_files() -> tuple[int, list[str]]:
    """Every import has as many rates, of the days, that it says, and its file as it was, by SHA-256."""
    folder = current_app.extensions["placard_settings"].upload_dir
    held = {
        row.import_id: row for row in db.session.execute(
            select(ExchangeRate.import_id, func.count().label("rates"), func.min(ExchangeRate.day).label("first"),
                   func.max(ExchangeRate.day).label("last")).group_by(ExchangeRate.import_id))
    }
    faults = []
    rows = db.session.execute(
        select(RateImport.id, RateImport.rates, RateImport.first_day, RateImport.last_day, RateImport.sha256,
               StoredFile.id.label("file_id"), StoredFile.sha256.label("stored_sha256"))
        .outerjoin(StoredFile, StoredFile.id == RateImport.file_id)
    ).all()
    for row in rows:
        rates = held.get(row.id)
        if rates is None or (rates.rates, rates.first, rates.last) != (row.rates, row.first_day, row.last_day):
            faults.append(f"rate import {row.id} and its rates do not agree")
        path = folder / str(row.file_id)
        if not path.is_file():
            faults.append(f"the file of rate import {row.id} is missing")
        elif not hashlib.sha256(path.read_bytes()).hexdigest() == row.sha256 == row.stored_sha256:
            faults.append(f"the file of rate import {row.id} is not what was imported")
    return len(rows), faults
