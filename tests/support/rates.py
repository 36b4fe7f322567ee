"""Exchange rates for tests, put on record through the rooms' own commands. No figure here is real."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from core.actor import Actor, system
from core.db import db
from sponsorship.gateways import rate_import
from sponsorship.gateways.rate_csv import guess, open_sheet, read_table
from sponsorship.gateways.rate_ecb import read_ecb
from sponsorship.gateways.rate_reading import Reading
from sponsorship.gateways.rate_sources import SOURCES

TESTS = system("tests")
ECB_HEAD = (
    "<?xml version='1.0' encoding='UTF-8'?>\n<gesmes:Envelope xmlns:gesmes='http://www.gesmes.org/xml/2002-08-01' "
    "xmlns='http://www.ecb.int/vocabulary/2002-08-01/eurofxref'>\n<gesmes:subject>Made for tests</gesmes:subject>\n"
    "<Cube>\n"
)
ECB_FOOT = "</Cube>\n</gesmes:Envelope>\n"


def un_file(rates: Mapping[str, str] | Sequence[tuple[str, str, str]], day: date | str = "2027-03-01") -> bytes:
    """A table as the UN's might be: heading in line 2, one rate a line; rows may carry days of their own."""
    rows = [(code, rate, str(day)) for code, rate in rates.items()] if isinstance(rates, Mapping) else rates
    lines = ["Made for tests", "Code,Rate,Effective date", *(",".join(row) for row in rows)]
    return ("\n".join(lines) + "\n").encode()


def ecb_file(days: Mapping[str, Mapping[str, str]]) -> bytes:
    """An eurofxref file: {day: {currency: rate}}, one element a line."""
    lines = []
    for day, rates in days.items():
        lines += [f"<Cube time='{day}'>", *(f"<Cube currency='{c}' rate='{r}'/>" for c, r in rates.items()), "</Cube>"]
    return (ECB_HEAD + "\n".join(lines) + "\n" + ECB_FOOT).encode()


def read(content: bytes, source: str = "un", **changes: Any) -> Reading:
    """What a file says, by the guessed layout (with changes)."""
    import dataclasses

    if source == "ecb":
        return read_ecb(content)
    sheet = open_sheet(content)
    return read_table(sheet, dataclasses.replace(guess(sheet), **changes), SOURCES[source])


def put_file(content: bytes, source: str = "un", *, name: str = "made-for-tests.csv", actor: Actor = TESTS,
             looked: bool = True) -> uuid.UUID:
    """Import a file. The import."""
    made = rate_import.import_rates(read(content, source), rate_import.lay_down(content, name), actor, looked=looked)
    db.session.commit()
    return made


def put_rates(rates: Mapping[str, str], day: date | str, **more: Any) -> uuid.UUID:
    """Put UN rates of one day on record: put_rates({"EUR": "0.92"}, date(2027, 3, 1)). The import."""
    return put_file(un_file(rates, day), **more)
