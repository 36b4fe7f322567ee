"""Rates go on record: compared with what stands, all or nothing; an import is withdrawn whole."""

from __future__ import annotations

import hashlib
import uuid
from bisect import bisect_left
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

from flask import current_app
from flask_babel import gettext as _
from sqlalchemy import insert, select

from accounts.permissions import require
from core import clock, events, files
from core.actor import Actor
from core.db import command, db, lock, new_id
from core.errors import IllegalMove, RuleBroken
from core.files import CheckedUpload, keep
from core.web.formats import format_day
from sponsorship.gateways.rate_models import ExchangeRate, RateImport, rate_source
from sponsorship.gateways.rate_reading import SHOWN_FAULTS, LineFault, Reading, ReadRate, same_figure
from sponsorship.gateways.rate_sources import RateSource
from sponsorship.gateways.rates import newest_days

PURPOSE = "exchange-rates"
JUMP = Decimal("0.3")  # a larger change from one rate to the next is asked about
CHUNK = 5_000


# --- files ------------------------------------------------------------------------------------------------------
def lay_down(content: bytes, name: str) -> CheckedUpload:
    """Lay the bytes of a file that could be read in the upload folder, before any transaction."""
    return files.lay_down(content, name, "application/xml" if content.lstrip()[:1] == b"<" else "text/csv")


def bytes_of(upload: CheckedUpload) -> bytes:
    """The file laid down before. Raises RuleBroken (field file) when it is no longer there."""
    path = current_app.extensions["placard_settings"].upload_dir / str(upload.key)
    content = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(content).hexdigest() != upload.sha256:
        raise RuleBroken(_("The file was kept for some hours only. Choose it again."), code="rates.file", field="file")
    return content


# --- beside what is on record -----------------------------------------------------------------------------------
@dataclass(frozen=True)
class Compared:
    """A rate that is new, beside the one before it (None: the first of its currency)."""

    rate: ReadRate
    before: str | None
    before_day: date | None

    @property
    def change(self) -> Decimal | None:
        """The change from the rate before, as a share of it (0.1 is ten per cent up)."""
        return Decimal(self.rate.text) / Decimal(self.before) - 1 if self.before else None

    @property
    def jumps(self) -> bool:
        return self.change is not None and abs(self.change) > JUMP


@dataclass
class Judgement:
    """What importing a reading would do. `known` counts rates that are on record with the same value already."""

    new: list[Compared] = field(default_factory=list)
    known: int = 0
    faults: list[LineFault] = field(default_factory=list)
    fault_count: int = 0

    @cached_property
    def warnings(self) -> list[Compared]:
        """Rates that changed so much that somebody must look."""
        return [row for row in self.new if row.jumps]


def judge(reading: Reading) -> Judgement:
    """Compare a reading with what stands. A rate that is on record with another value is a wrong line."""
    found = Judgement(faults=list(reading.faults), fault_count=reading.fault_count)
    if not reading.rates:
        return found
    first, last = min(rate.day for rate in reading.rates), max(rate.day for rate in reading.rates)
    on_record = _between(reading.source, first, last)
    series: dict[str, list[tuple[date, str]]] = _newest_before(reading.source, first)
    fresh = []
    for rate in reading.rates:
        stands = on_record.get((rate.currency, rate.day))
        if stands is None:
            fresh.append(rate)
        elif same_figure(stands[0], rate.text):
            found.known += 1
        else:
            found.fault_count += 1
            if len(found.faults) < SHOWN_FAULTS:
                found.faults.append(LineFault(rate.line, _contradicts(rate, *stands)))
    for (currency, day), (text, _import) in on_record.items():
        series.setdefault(currency, []).append((day, text))
    for rate in fresh:
        series.setdefault(rate.currency, []).append((rate.day, rate.text))
    for known in series.values():
        known.sort()
    for rate in fresh:
        known = series[rate.currency]
        place = bisect_left(known, (rate.day, ""))
        before = known[place - 1] if place else (None, None)
        found.new.append(Compared(rate, before[1], before[0]))
    found.faults.sort(key=lambda fault: fault.line)
    return found


def _between(source: RateSource, first: date, last: date) -> dict[tuple[str, date], tuple[str, uuid.UUID]]:
    rows = db.session.execute(
        select(ExchangeRate.currency, ExchangeRate.day, ExchangeRate.rate, ExchangeRate.import_id)
        .where(ExchangeRate.source == source.code, ExchangeRate.withdrawn_at.is_(None),
               ExchangeRate.day.between(first, last))
    )
    return {(row.currency, row.day): (row.rate, row.import_id) for row in rows}


def _newest_before(source: RateSource, first: date) -> dict[str, list[tuple[date, str]]]:
    newest = newest_days(source, first - timedelta(days=1))
    rows = db.session.execute(
        select(ExchangeRate.currency, ExchangeRate.day, ExchangeRate.rate)
        .where(ExchangeRate.source == source.code, ExchangeRate.withdrawn_at.is_(None),
               ExchangeRate.day.in_(set(newest.values())))
    )
    return {row.currency: [(row.day, row.rate)] for row in rows if newest[row.currency] == row.day}


def _contradicts(rate: ReadRate, stands: str, import_id: uuid.UUID) -> str:
    origin = db.session.get_one(RateImport, import_id)
    return _("%(currency)s on %(day)s is on record as %(stands)s (file %(file)s, imported on %(imported)s); this file "
             "says %(says)s. If the file is right, withdraw that import first.", currency=rate.currency,
             day=format_day(rate.day), stands=stands, file=origin.file_name,
             imported=format_day(origin.imported_at.date()), says=rate.text)


# --- commands ---------------------------------------------------------------------------------------------------
def _may(actor: Actor) -> None:
    if actor.kind != "system":  # the command line and the schedule act under their own names
        require(actor, "rates.manage")


def _hold(source_code: str) -> None:
    """One import or withdrawal of a source at a time: each sees what the one before did (SQLite: always so)."""
    db.session.execute(select(rate_source.c.code).where(rate_source.c.code == source_code).with_for_update())


@command
def import_rates(reading: Reading, upload: CheckedUpload, actor: Actor, *, looked: bool = False) -> uuid.UUID:
    """Put every new rate of a reading on record, or none. The import; the same upload again gives the same one.

    `looked`: somebody has looked at the rates that changed much. Raises RuleBroken: rates.wrong_lines, rates.no_rates,
    rates.nothing_new, rates.unlooked (field looked); NotAllowed.
    """
    _may(actor)
    _hold(reading.source.code)
    made = db.session.scalar(select(RateImport.id).where(RateImport.file_id == upload.key))
    if made is not None:
        return made
    judged = judge(reading)
    if judged.fault_count:
        raise RuleBroken(_("Nothing was imported: the file has wrong lines."), code="rates.wrong_lines")
    if not reading.rates:
        raise RuleBroken(_("Nothing was imported: no rate was found in this file, read like this."),
                         code="rates.no_rates")
    if not judged.new:
        raise RuleBroken(_("Nothing was imported: every rate of this file is on record already."),
                         code="rates.nothing_new")
    if judged.warnings and not looked:
        raise RuleBroken(_("Compare the rates that changed much with the source, and say that you did."),
                         code="rates.unlooked", field="looked")
    return _store(reading, judged, upload, actor)


def _store(reading: Reading, judged: Judgement, upload: CheckedUpload, actor: Actor) -> uuid.UUID:
    source, days = reading.source, [row.rate.day for row in judged.new]
    stored = keep(upload, PURPOSE, actor)
    row = RateImport(
        source=source.code, file_name=upload.name, sha256=upload.sha256, file_id=stored.id, reading=reading.how,
        rates=len(judged.new), first_day=min(days), last_day=max(days), imported_by=actor.person_id,
        imported_at=clock.now(),
    )
    db.session.add(row)
    db.session.flush()
    for start in range(0, len(judged.new), CHUNK):
        values: list[dict[str, Any]] = [
            {"id": new_id(), "import_id": row.id, "source": source.code, "currency": new.rate.currency,
             "base": source.base, "day": new.rate.day, "rate": new.rate.text, "withdrawn_at": None}
            for new in judged.new[start:start + CHUNK]
        ]
        db.session.execute(insert(ExchangeRate.__table__), values)  # type: ignore[arg-type]
    events.record(
        actor, "gateways.rate-import.record", "rate_import", row.id,
        data={"source": source.code, "sha256": upload.sha256, "rates": row.rates, "known": judged.known,
              "looked_at": len(judged.warnings), "first": row.first_day.isoformat(), "last": row.last_day.isoformat()},
    )
    return row.id


@command
def withdraw_import(import_id: uuid.UUID, actor: Actor, reason: str, words: str) -> None:
    """Withdraw an import: its rates are used no more, their days are free for another file. What was posted with them
    stands. `reason` is one of WITHDRAWAL_REASONS. Raises NotAllowed, NotFound, IllegalMove when it was withdrawn."""
    require(actor, "rates.manage")
    row = lock(RateImport, import_id)
    _hold(row.source)
    if row.withdrawn_at is not None:
        raise IllegalMove(_("This import has been withdrawn already."), code="rates.withdrawn")
    row.withdrawn_at, row.withdrawn_by, row.withdrawal_reason = clock.now(), actor.person_id, reason
    db.session.flush()  # the database withdraws the rates with it
    events.record(actor, "gateways.rate-import.withdraw", "rate_import", row.id, reason=reason,
                  data={"source": row.source, "rates": row.rates}, text=words)
