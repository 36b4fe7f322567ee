"""Reference rates of the European Central Bank: the daily and historical files, in XML (eurofxref) or CSV.

XML is read by expat as it comes, without a tree. A document type is refused before any entity could be declared, so
nothing is expanded and nothing fetched.
"""

from __future__ import annotations

from datetime import date
from xml.parsers import expat

from flask_babel import gettext as _

from core.errors import RuleBroken
from core.web.formats import format_day
from sponsorship.gateways.rate_csv import Sheet, open_sheet
from sponsorship.gateways.rate_reading import (
    MAX_BYTES,
    Reading,
    Unreadable,
    quoted,
    read_currency,
    read_day,
    read_figure,
)
from sponsorship.gateways.rate_sources import SOURCES

MAX_DEPTH = 10
SOURCE = SOURCES["ecb"]


def _not_ours(why: str = "") -> RuleBroken:
    words = _("This is not a file of ECB reference rates. Download “eurofxref” as XML or CSV from the European Central "
              "Bank and choose that file.")
    return RuleBroken(f"{words} {why}".strip(), code="rates.file", field="file")


def read_ecb(content: bytes) -> Reading:
    """Rates of an eurofxref file. Wrong lines are in the reading; raises RuleBroken (field file) for other files."""
    if len(content) > MAX_BYTES:
        raise _not_ours()
    start = content.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n\x00")[:1]
    return (_Xml(content).reading if start == b"<" else _wide(open_sheet(content))).finish()


class _Xml:
    """<Cube time='2027-03-01'> holds <Cube currency='USD' rate='1.0842'/>, whatever the name space."""

    def __init__(self, content: bytes) -> None:
        self.reading = Reading(SOURCE, {"format": "eurofxref-xml"})
        self._depth, self._days = 0, 0
        self._day: date | None = None
        self._day_depth = 0
        self._parser = parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = False
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end
        try:
            parser.Parse(content, True)
        except (expat.ExpatError, UnicodeError, LookupError) as error:
            line = getattr(error, "lineno", parser.CurrentLineNumber)
            raise _not_ours(_("It breaks off in line %(line)s.", line=line)) from error
        if not self._days:
            raise _not_ours()

    def _doctype(self, *_args: object) -> None:
        raise _not_ours(_("It declares a document type, which such a file never does."))

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _not_ours()
        if name.rpartition(" ")[2] != "Cube":
            return
        line = self._parser.CurrentLineNumber
        if "time" in attributes:
            self._days, self._day_depth = self._days + 1, self._depth
            try:
                self._day = read_day(attributes["time"])
            except Unreadable as wrong:
                self.reading.fault(line, str(wrong))
        elif self._day and ("currency" in attributes or "rate" in attributes):
            self._rate(line, self._day, attributes.get("currency", ""), attributes.get("rate", ""))

    def _end(self, _name: str) -> None:
        if self._depth == self._day_depth:
            self._day, self._day_depth = None, 0
        self._depth -= 1

    def _rate(self, line: int, day: date, currency: str, rate: str) -> None:
        try:
            self.reading.add(line, read_currency(currency), day, read_figure(rate))
        except Unreadable as wrong:  # the whole history may stand in one line
            self.reading.fault(line, f"{quoted(currency)}, {format_day(day)}: {wrong}")


def _wide(sheet: Sheet) -> Reading:
    """One row a day, one column a currency; N/A where there was no rate."""
    reading = Reading(SOURCE, {"format": "eurofxref-csv", "encoding": sheet.encoding, "delimiter": sheet.delimiter})
    heading = sheet.rows[0][1] if sheet.rows else []
    if len(heading) < 2 or heading[0].strip().casefold() != "date":
        raise _not_ours()
    for line, cells in sheet.rows[1:]:
        try:
            day = read_day(cells[0])
        except Unreadable as wrong:
            reading.fault(line, str(wrong))
            continue
        for name, cell in zip(heading[1:], cells[1:], strict=False):
            if not name.strip() or cell.strip() in ("", "N/A"):
                continue
            try:
                reading.add(line, read_currency(name), day, read_figure(cell))
            except Unreadable as wrong:
                reading.fault(line, f"{name.strip()}: {wrong}")
        if len(cells) > len(heading):
            reading.fault(line, _("The line has more cells than the first one."))
    return reading
