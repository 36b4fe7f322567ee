"""Tables of rates as CSV: encoding, delimiter and headings are found, the columns are told by the officer.

The layout of the UN file could not be verified when this was written, so none is assumed; how a file was read is kept
with its import and proposed for the next one.
"""

from __future__ import annotations

import csv
import io
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from flask_babel import gettext as _

from core.errors import RuleBroken
from sponsorship.gateways.rate_reading import (
    COMMA,
    DAY_FIRST,
    MAX_BYTES,
    MAX_RATES,
    MONTH_FIRST,
    POINT,
    Reading,
    Unreadable,
    checked_day,
    known_codes,
    plain,
    read_currency,
    read_day,
    read_figure,
)
from sponsorship.gateways.rate_sources import RateSource

DELIMITERS = (",", ";", "\t", "|")
MAX_LINE = 20_000  # characters
FIGURES = ("point", "comma", "whole")
LOOKED_AT = 200  # rows from which the columns are guessed
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_WORDS = {
    "currency": re.compile(r"\b(iso|code|currency)\b", re.IGNORECASE),
    "rate": re.compile(r"\brates?\b", re.IGNORECASE),
    "dates": re.compile(r"\b(date|effective|from)\b", re.IGNORECASE),
}


@dataclass(frozen=True)
class Sheet:
    """A table: (line in the file, cells) of every row that is not empty."""

    encoding: str
    delimiter: str
    rows: list[tuple[int, list[str]]]

    @property
    def width(self) -> int:
        return max((len(cells) for _line, cells in self.rows[:LOOKED_AT]), default=0)

    def headings(self, line: int) -> list[str]:
        """The cells of the headings' line; empty texts where there is none."""
        found = next((cells for number, cells in self.rows if number == line), [])
        return [plain(cell)[:60] for cell in [*found, *[""] * (self.width - len(found))]]


@dataclass(frozen=True)
class Layout:
    """How a table is read: columns and lines counted from 1, None for a column not told. `day`: one effective day for
    all, where there is no column of dates. `skip`: lines to leave out, such as 1, 170-175."""

    currency: int | None = None
    rate: int | None = None
    dates: int | None = None
    day: date | None = None
    header: int = 0
    decimal: str = POINT
    order: str = ""
    skip: str = ""

    @property
    def complete(self) -> bool:
        return bool(self.currency and self.rate and (self.dates or self.day))


def _refused(words: str) -> RuleBroken:
    return RuleBroken(words, code="rates.file", field="file")


def decode(content: bytes) -> tuple[str, str]:
    """(text, encoding). Raises RuleBroken (field file) for what is no text."""
    if content.startswith(b"PK\x03\x04"):
        raise _refused(_("This is a workbook or another packed file. Open it, save it as CSV, and choose that file."))
    tried = ["utf-8", "cp1252"]
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        tried = ["utf-16"]
    elif content.startswith(b"\xef\xbb\xbf"):
        tried = ["utf-8-sig"]
    for encoding in tried:
        try:
            text = content.decode(encoding)
        except UnicodeError:
            continue
        if not _CONTROL.search(text):
            return text, encoding.removesuffix("-sig")
        break
    raise _refused(_("This file is not text. Save the table as CSV, in UTF-8, and choose that file."))


def open_sheet(content: bytes) -> Sheet:
    """The table in a CSV file. Raises RuleBroken (field file) for what is none, or is too large."""
    if len(content) > MAX_BYTES:
        raise _refused(_("The file is larger than %(limit)s MB. Send a smaller one.", limit=MAX_BYTES // 1024 // 1024))
    text, encoding = decode(content)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")
    if text.lstrip()[:1] == "<":
        raise _refused(_("This file is XML or a web page, not a table. Choose the file as CSV."))
    if len(lines) > MAX_RATES or any(len(line) > MAX_LINE for line in lines):
        raise _refused(_("This file is not a table of rates: it has more than %(lines)s lines, or lines that are far "
                         "too long.", lines=f"{MAX_RATES:,}"))
    filled = [line for line in lines if line.strip()]
    if len(filled) < 2:
        raise _refused(_("This file holds no table: it needs a line of headings and at least one rate."))
    delimiter = _delimiter(filled[:LOOKED_AT])
    reader = csv.reader(io.StringIO(text, newline="\n"), delimiter=delimiter, skipinitialspace=True)
    rows, line = [], 0
    try:
        for cells in reader:
            begins, line = line + 1, reader.line_num
            if any(cell.strip() for cell in cells):
                rows.append((begins, cells))
    except csv.Error as error:
        raise _refused(_("The table breaks off after line %(line)s: a quotation mark is probably not closed.",
                         line=line)) from error
    return Sheet(encoding, delimiter, rows)


def _delimiter(lines: Sequence[str]) -> str:
    """The mark that cuts most lines into the same number of cells, two or more."""
    def score(mark: str) -> tuple[int, int]:
        counts = Counter(len(cells) for cells in csv.reader(lines, delimiter=mark) if len(cells) > 1)
        return max(((rows, cells) for cells, rows in counts.items()), default=(0, 0))

    return max(DELIMITERS, key=score)


# --- reading by a layout ----------------------------------------------------------------------------------------
def read_table(sheet: Sheet, layout: Layout, source: RateSource) -> Reading:
    """Rates of a table by a complete layout; what is wrong is in the reading, by line."""
    reading = Reading(source, described(sheet, layout))
    left_out = skipped_lines(layout.skip)
    currency, rate, when = layout.currency or 0, layout.rate or 0, layout.dates or 0
    days: dict[str, date] = {}
    for line, cells in sheet.rows:
        if line <= layout.header:
            continue
        if line in left_out:
            reading.passed_over.append(line)
            continue
        if any("\n" in cell for cell in cells):
            reading.fault(line, _("A cell runs over several lines: a quotation mark is missing, or one too many."))
            continue
        code, figure = _cell(cells, currency), _cell(cells, rate)
        if not code and not figure:
            reading.passed_over.append(line)
            continue
        try:
            code, figure = read_currency(code), read_figure(figure, layout.decimal)
            told = _cell(cells, when) if when else ""
            if told not in days:
                days[told] = read_day(told, layout.order) if when else checked_day(layout.day or date.min)
            reading.add(line, code, days[told], figure)
        except Unreadable as wrong:
            reading.fault(line, str(wrong))
    return reading.finish()


def _cell(cells: Sequence[str], column: int) -> str:
    return cells[column - 1].strip() if 0 < column <= len(cells) else ""


class Lines:
    """Lines of a file, told as spans: whether one is among them costs the same however many they are."""

    def __init__(self, spans: Iterable[tuple[int, int]] = ()) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        for first, last in sorted(spans):
            if self._lasts and first <= self._lasts[-1] + 1:
                self._lasts[-1] = max(self._lasts[-1], last)
            elif first <= last:
                self._firsts.append(first)
                self._lasts.append(last)

    def __contains__(self, line: int) -> bool:
        at = bisect_right(self._firsts, line)
        return at > 0 and line <= self._lasts[at - 1]


def skipped_lines(text: str) -> Lines:
    """Lines named as 1, 3-5. Raises Unreadable."""
    found: list[tuple[int, int]] = []
    for part in filter(None, re.split(r"[,;\s]+", re.sub(r"\s*[-–]\s*", "-", plain(text)))):
        match = re.fullmatch(r"(\d{1,6})(?:-(\d{1,6}))?", part)
        if match is None:
            raise Unreadable(_("Write the lines to leave out as numbers, for example 1, 170-175."))
        found.append((int(match[1]), int(match[2] or match[1])))
    return Lines(found)


def described(sheet: Sheet, layout: Layout) -> dict[str, Any]:
    """How the table was read, for the record and for the next file like it."""
    headings = sheet.headings(layout.header)

    def column(number: int | None) -> list[Any] | None:
        return [number, headings[number - 1]] if number and number <= len(headings) else None

    return {
        "format": "csv", "encoding": sheet.encoding, "delimiter": sheet.delimiter, "header": layout.header,
        "currency": column(layout.currency), "rate": column(layout.rate), "dates": column(layout.dates),
        "day": layout.day.isoformat() if layout.day and not layout.dates else None, "decimal": layout.decimal,
        "order": layout.order, "skip": layout.skip,
    }


# --- guessing ---------------------------------------------------------------------------------------------------
def guess(sheet: Sheet, remembered: Mapping[str, Any] | None = None) -> Layout:
    """A proposal: as the last file was read where the headings are the same, else by what the columns hold."""
    likely = _likely(sheet)
    if not remembered or remembered.get("format") != "csv":
        return likely
    places = [line for line, _cells in sheet.rows[:LOOKED_AT]]
    for header in dict.fromkeys([remembered.get("header") or 0, likely.header, *places]):
        headings = [heading.casefold() for heading in sheet.headings(header)]
        found: dict[str, int | None] = {}
        for name in ("currency", "rate", "dates"):
            told = remembered.get(name)
            if not told:
                found[name] = None
            elif told[1] and told[1].casefold() in headings:
                found[name] = headings.index(told[1].casefold()) + 1
            elif not told[1] and not header and told[0] <= sheet.width:
                found[name] = told[0]
            else:
                break
        else:
            return replace(likely, **found, header=header, decimal=remembered["decimal"],  # type: ignore[arg-type]
                           order=remembered["order"])
    return likely


def _likely(sheet: Sheet) -> Layout:
    rows = sheet.rows[:LOOKED_AT]
    kinds = [[_kind(cell) for cell in cells] for _line, cells in rows]
    first = next((n for n, row in enumerate(kinds) if {"code", "name"} & set(row) and set(FIGURES) & set(row)), None)
    if first is None:
        return Layout(header=rows[0][0] if rows else 0)
    above = [n for n in range(first) if sum(bool(cell.strip()) for cell in rows[n][1]) > 1]
    header = rows[above[-1]][0] if above else 0
    titles = sheet.headings(header)
    counts = [Counter(row[column] for row in kinds[first:] if column < len(row)) for column in range(sheet.width)]

    def best(name: str, kinds_of: tuple[str, ...], taken: Sequence[int | None]) -> int | None:
        held = {c: sum(count[kind] for kind in kinds_of) + count["point"] + count["comma"]  # rates have decimals
                for c, count in enumerate(counts, 1) if any(count[kind] for kind in kinds_of)}
        fit = [c for c in held if c not in taken]
        return max(fit, default=None, key=lambda c: (bool(_WORDS[name].search(titles[c - 1])), held[c], -c))

    day = best("dates", ("day", "dmy", "mdy", "either"), ())
    currency = best("currency", ("code",), (day,)) or best("currency", ("name",), (day,))
    rate = best("rate", FIGURES, (day, currency))
    figures = counts[rate - 1] if rate else Counter()
    dates = counts[day - 1] if day else Counter()
    order = DAY_FIRST if dates["dmy"] else MONTH_FIRST if dates["mdy"] else ""
    return Layout(currency, rate, day, None, header, COMMA if figures["comma"] > figures["point"] else POINT, order)


def _kind(cell: str) -> str:
    """What a cell looks like: a currency by code or name; a number with a point, a comma or whole; a day, or one in
    figures with the day first (dmy), the month first (mdy) or either."""
    text = plain(cell)
    if text in known_codes():
        return "code"
    if re.fullmatch(r"(19|20)\d{6}", text):
        return "day"
    if re.fullmatch(r"\d+|[1-9]\d{0,2}([ ,.']\d{3})+", text):
        return "whole"
    if re.fullmatch(r"[\d ,']*\.\d+", text):
        return "point"
    if re.fullmatch(r"[\d .']*,\d+", text):
        return "comma"
    if match := re.fullmatch(r"(\d{1,2})[/.-](\d{1,2})[/.-]\d{4}", text):
        return "dmy" if int(match[1]) > 12 else "mdy" if int(match[2]) > 12 else "either"
    for kind, read in (("name", read_currency), ("day", read_day)):
        try:
            read(cell)
        except Unreadable:
            continue
        return kind
    return "text"
