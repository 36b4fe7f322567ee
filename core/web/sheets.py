"""Workbooks for spreadsheets: typed cells, one row at a time, never a formula or a link."""

from __future__ import annotations

import io
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from flask import Response
from flask_babel import gettext as _
from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from core.errors import RuleBroken
from core.measure import ems
from core.money import Money, currency_digits
from core.text import seen
from core.web.attachments import attachment
from core.web.formats import current_locale
from core.web.tables import Column, csv_text, is_risky, words_of

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MAX_ROWS = 1_048_576 - 1_000  # of a sheet, less room for header, total and notes
MAX_TEXT = 32_000  # UTF-16 units of a cell are 32,767
EXACT_DIGITS = 15  # a sheet keeps no more of a number; longer ones are written as text, so that nothing is lost
_FIRST_DAY = date(1900, 3, 1)  # sheets believe in 29 February 1900
_NO_NAME = re.compile(r"[\[\]:*?/\\\x00-\x1f]")  # in the name of a sheet
_HALVES = re.compile("[\ud800-\udfff]")  # lone surrogates cannot be written


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet: the columns of a :class:`core.web.tables.Table` with its rows, which may be an iterator.

    ``totals`` holds values by column key, as in a table; ``notes`` are lines that stand below the rows.
    """

    title: Any
    columns: Sequence[Column]
    rows: Iterable[Any]
    totals: Mapping[str, Any] | None = None
    notes: Sequence[Any] = ()


def xlsx_bytes(sheets: Sequence[Sheet]) -> bytes:
    """The workbook. Rows pass one by one through a temporary file, which is gone when this returns or raises.

    Instants are in UTC and say so. Raises RuleBroken when a list has more rows than a sheet can hold.
    """
    target = io.BytesIO()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        book = Workbook(target, {"constant_memory": True, "tmpdir": folder})
        book.set_properties({"title": words_of(sheets[0].title)})
        formats = _Formats(book)
        names: set[str] = set()
        try:
            for sheet in sheets:
                _Writer(book.add_worksheet(_sheet_name(words_of(sheet.title), names)), sheet, formats).write()
        finally:
            book.close()  # the temporary files too
    return target.getvalue()


def xlsx_response(sheets: Sequence[Sheet], filename: str) -> Response:
    """The workbook as a download."""
    return attachment(xlsx_bytes(sheets), filename, "xlsx", MEDIA_TYPE)


def _sheet_name(title: str, taken: set[str]) -> str:
    """A name that spreadsheets take: 31 characters, none of theirs, no other sheet's in any case."""
    base = _NO_NAME.sub(" ", title).strip(" '") or "1"
    if base.lower() == "history":  # reserved
        base += " 1"
    name, number = base[:31].strip(" '"), 1
    while name.lower() in taken:
        number += 1
        name = f"{base[:26]} ({number})"
    taken.add(name.lower())
    return name


class _Formats:
    """The cell formats of a workbook, each made once."""

    def __init__(self, book: Workbook) -> None:
        self._book = book
        self._made: dict[tuple[tuple[str, Any], ...], Format] = {}

    def __call__(self, **properties: Any) -> Format:
        key = tuple(sorted(properties.items()))
        if key not in self._made:
            self._made[key] = self._book.add_format({"valign": "top", **properties})
        return self._made[key]


class _Writer:
    """Writes one sheet from top to bottom and remembers how wide each column must be."""

    def __init__(self, target: Worksheet, sheet: Sheet, formats: _Formats) -> None:
        self.target = target
        self.sheet = sheet
        self.formats = formats
        self.widths = [0.0] * len(sheet.columns)

    def write(self) -> None:
        columns, last = self.sheet.columns, len(self.sheet.columns) - 1
        for index, column in enumerate(columns):
            self._text(0, index, column.heading_text, bold=True, bottom=1, align="right" if column.numeric else "left")
        count = 0
        for count, row in enumerate(self.sheet.rows, start=1):
            if count > MAX_ROWS:
                raise RuleBroken(
                    _("This list is too long for one sheet. Choose fewer lines with the filters, or download it "
                      "as CSV."), code="sheet.too_long")
            for index, column in enumerate(columns):
                self._cell(count, index, column.file_value(row), column.currency)
        below = count + 1
        if self.sheet.totals:
            self._totals(below, self.sheet.totals)
            below += 1
        for number, note in enumerate(self.sheet.notes, start=1):
            self.target.write_string(below + number, 0, _fit(words_of(note)), self.formats(italic=True))
        for index, width in enumerate(self.widths):
            self.target.set_column(index, index, min(max(width * 1.75 + 2, 9), 60))
        if count:
            self.target.autofilter(0, 0, count, last)
        self.target.freeze_panes(1, 0)
        self.target.repeat_rows(0)
        self.target.set_landscape()
        self.target.set_paper(9)  # A4
        self.target.fit_to_pages(1, 0)
        if current_locale().text_direction == "rtl":
            self.target.right_to_left()

    def _totals(self, row: int, totals: Mapping[str, Any]) -> None:
        for index, column in enumerate(self.sheet.columns):
            if column.key in totals:
                self._cell(row, index, totals[column.key], column.currency, bold=True, top=1)
            else:
                self._text(row, index, "" if index else _("Total"), bold=True, top=1)

    def _cell(self, row: int, index: int, value: Any, currency: str | None, **look: Any) -> None:
        if value is None or value == "":
            self.target.write_blank(row, index, None, self.formats(**look))
        elif isinstance(value, bool):
            self.target.write_boolean(row, index, value, self.formats(**look))
        elif isinstance(value, Money):
            self._number(row, index, value.decimal, money_format(value.currency, value.currency != currency), **look)
        elif isinstance(value, int | Decimal):
            self._number(row, index, Decimal(value), "General", **look)
        elif isinstance(value, datetime):
            self._day(row, index, value.astimezone(UTC).replace(tzinfo=None, microsecond=0), value,
                      'yyyy-mm-dd hh:mm:ss "UTC"', **look)
        elif isinstance(value, date):
            self._day(row, index, value, value, "yyyy-mm-dd", **look)
        else:
            self._text(row, index, words_of(value), **look)

    def _number(self, row: int, index: int, number: Decimal, shape: str, **look: Any) -> None:
        if not number.is_finite() or len(number.normalize().as_tuple().digits) > EXACT_DIGITS:
            self._text(row, index, f"{number:f}", align="right", **look)
            return
        self.target.write_number(row, index, number, self.formats(num_format=shape, **look))  # type: ignore[arg-type]
        self._widen(index, f"{number:,f}" + shape[: shape.find("]") + 1])

    def _day(self, row: int, index: int, day: date, value: date, shape: str, **look: Any) -> None:
        if (day.date() if isinstance(day, datetime) else day) < _FIRST_DAY:
            self._text(row, index, csv_text(value), **look)
            return
        self.target.write_datetime(row, index, day, self.formats(num_format=shape, align="left", **look))  # type: ignore[arg-type]
        self._widen(index, shape)

    def _text(self, row: int, index: int, text: str, **look: Any) -> None:
        text = _fit(text)
        if is_risky(text):
            look["quote_prefix"] = True  # stays text when somebody edits the cell
        self.target.write_string(row, index, text, self.formats(num_format="@", text_wrap=True, **look))
        self._widen(index, max(text.splitlines(), key=len, default=""))

    def _widen(self, index: int, text: str) -> None:
        if len(text) > self.widths[index]:  # nothing is wider than an em
            self.widths[index] = max(self.widths[index], ems(text[:80]))


def money_format(currency: str, with_code: bool) -> str:
    """The number format of an amount: the currency's own decimals, the code before it where the header has none."""
    digits = currency_digits(currency)
    figure = "#,##0" + ("." + "0" * digits if digits else "")
    return f"[${currency}] {figure}" if with_code else figure


def _fit(text: str) -> str:
    """Text that a cell can hold and that is read as text: no half characters, no markup of rich text."""
    text = _HALVES.sub("\N{REPLACEMENT CHARACTER}", seen(text))
    if len(text) > MAX_TEXT:
        text = text[:MAX_TEXT] + "…"
    # the writer takes a text from <r> to </r> for markup of its own
    return text + " " if text.startswith("<r>") and text.endswith("</r>") else text
