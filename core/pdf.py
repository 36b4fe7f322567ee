"""Official papers as data: receipts, letters, statements. ``render`` makes an accessible PDF of one.

Words come as they should be read; nothing in them is markup. Figures and dates are written in the paper's language.
Build a paper inside ``flask_babel.force_locale(language)``, or with lazy texts, so that its words are in it too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice
from typing import Any
from unicodedata import bidirectional

import structlog
from babel import Locale
from flask import Response
from flask_babel import force_locale
from flask_babel import gettext as _

from core.errors import RuleBroken
from core.measure import ems, extent, pieces, shares
from core.money import Money
from core.typeset import clean, compile_pdf
from core.web.attachments import attachment
from core.web.charts import BarChart, SeriesChart
from core.web.formats import NO_BREAK_SPACE, format_day, format_instant, isolated, plain_text
from core.web.tables import Column

log = structlog.get_logger("placard.pdf")
MAX_ROWS = 10_000  # of all tables of a paper: some 300 pages, 10 seconds, 900 MB for that time
_POINTS = {False: 453.5, True: 700.2}  # width of the text on A4, portrait and landscape
_LABEL = 0.32  # of the width, in facts and beside bars
_SIZES = (9.0, 8.0, 7.0)  # of the letters of a table, the first in which its columns fit
_LONGEST_WORD = 14  # ems, beyond which a word does not widen its column but breaks
_SHORTEST = 5  # ems of a column of words in a table that is too broad
_LONGEST_LINE = 40  # ems, beyond which a cell does not widen its column
_TALL = 1_500  # letters of a cell, from which its row may break at the end of a page
_STRONG = {"L", "R", "AL"}
_CJK = {"zh", "ja", "ko"}


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text. Put names and figures in with :func:`inline`."""

    text: Any


@dataclass(frozen=True, slots=True)
class Heading:
    """The name of what follows, up to the next one."""

    text: Any


@dataclass(frozen=True, slots=True)
class Note:
    """Small print."""

    text: Any


@dataclass(frozen=True, slots=True)
class Facts:
    """Values with their labels, as ``ui.summary_list`` takes them."""

    rows: Sequence[tuple[Any, Any]]


@dataclass(frozen=True, slots=True)
class Amount:
    """The one large figure of a receipt."""

    label: Any
    money: Money


@dataclass(frozen=True, slots=True)
class TableBlock:
    """A table with the columns of a :class:`core.web.tables.Table`; its head stands on every page.

    ``totals`` holds values by column key. ``empty`` says why there is no row.
    """

    caption: Any
    columns: Sequence[Column]
    rows: Iterable[Any]
    totals: Mapping[str, Any] | None = None
    empty: Any = None


@dataclass(frozen=True, slots=True)
class Bars:
    """A chart, drawn with its figures beside the bars."""

    chart: BarChart | SeriesChart


Block = Paragraph | Heading | Note | Facts | Amount | TableBlock | Bars


@dataclass(frozen=True, slots=True)
class Document:
    """One official paper on A4.

    ``reference`` is its symbol, at the top of every page; ``language`` a code such as ``fr``; ``day`` its date, which
    also stands in the file, so that the same paper is the same bytes. ``issuer`` are the lines of the letterhead,
    ``mark`` a word for every page such as "Demonstration", ``footer`` what stands at the foot of the last page.
    ``date_line`` replaces the plain date. The paper lies on its side when ``landscape`` says so, or when it says
    nothing and a table needs it.
    """

    reference: str
    title: Any
    language: str
    day: date
    blocks: Sequence[Block] = ()
    issuer: Sequence[Any] = ()
    addressee: Sequence[Any] = ()
    date_line: Any = None
    salutation: Any = None
    closing: Any = None
    signatory: Sequence[Any] = ()
    footer: Any = None
    mark: Any = None
    landscape: bool | None = None


def render(document: Document) -> bytes:
    """The paper as PDF/UA-1 with all its fonts. The same paper gives the same bytes.

    Letters that no font has are shown as a replacement mark and logged by code point. Raises RuleBroken when the
    tables have more than MAX_ROWS rows, RuntimeError when typesetting fails.
    """
    paper, rows = _paper(document)
    return compile_pdf(paper, rows)


def pdf_response(data: bytes, filename: str, inline: bool = False) -> Response:
    """The paper as a download, or with ``inline`` for the browser to show."""
    return attachment(data, filename, "pdf", "application/pdf", inline)


def inline(value: Any) -> str:
    """A name, figure or date inside a sentence: it keeps its own direction, figures and dates stay on one line."""
    return isolated(plain_text(value).replace(" ", NO_BREAK_SPACE) if isinstance(value, date | Money) else
                    plain_text(value))


def _paper(document: Document) -> tuple[dict[str, Any], int]:
    """The data of the template, and the number of rows in its tables."""
    locale = Locale.parse(document.language, sep="-")
    with force_locale(str(locale)):
        blocks, rows = _counted(document.blocks)
        document = replace(document, blocks=blocks)
        setter = _Setter(locale, bool(document.landscape))
        paper = setter.paper(document)
        if setter.crowded and document.landscape is None:
            setter = _Setter(locale, True)
            paper = setter.paper(document)
    if setter.missing:
        log.warning("letters_missing", points=sorted(f"U+{ord(character):04X}" for character in setter.missing)[:20])
    return paper, rows


def _counted(blocks: Sequence[Block]) -> tuple[list[Block], int]:
    """The blocks with the rows of their tables in hand, and how many. Raises RuleBroken when there are too many."""
    count, counted = 0, []
    for block in blocks:
        if isinstance(block, TableBlock):
            rows = list(islice(block.rows, MAX_ROWS - count + 1))
            block, count = replace(block, rows=rows), count + len(rows)
            if count > MAX_ROWS:
                raise RuleBroken(
                    _("This paper would have more than %(count)s lines. Choose fewer, or download the list as XLSX.",
                      count=MAX_ROWS), code="pdf.too_long")
        counted.append(block)
    return counted, count


class _Setter:
    """Turns the parts of a paper into what the template takes: clean text, with breaks where words are too long."""

    def __init__(self, locale: Locale, landscape: bool) -> None:
        self.locale = locale
        self.landscape = landscape
        self.rtl = locale.text_direction == "rtl"
        self.width = _POINTS[landscape]
        self.missing: set[str] = set()
        self.crowded = False  # a table was too broad

    def paper(self, document: Document) -> dict[str, Any]:
        language = self.locale.language
        name = f"{self.plain(document.title)} ({self.plain(document.reference)})"
        western, arabic, chinese = "Noto Sans", ["Vazirmatn", "Noto Sans Arabic"], "Noto Sans SC"
        return {
            "name": name.replace("\n", " "),
            "language": language, "region": self.locale.territory, "rtl": self.rtl,
            # marks that both scripts have, such as quotes, are taken from the script of the paper
            "fonts": [{"name": western, "covers": "latin-in-cjk"}, chinese, western, *arabic] if language in _CJK else
            [western, *arabic, chinese],
            "leading": 0.85 if self.rtl else 0.8 if language in _CJK else 0.62,
            "landscape": self.landscape,
            "day": [document.day.year, document.day.month, document.day.day],
            "reference": self.text(document.reference, 12, 0.5), "running": self.text(document.title, 8.5, 0.6),
            "mark": self.optional(document.mark, 8, 0.4),
            "issuer": [self.text(line, 10, 0.6) for line in document.issuer],
            "date": self.text(document.date_line or format_day(document.day), 9, 0.4),
            "addressee": [self.text(line, 10) for line in document.addressee],
            "title": self.text(document.title, 19),
            "salutation": self.optional(document.salutation),
            "blocks": [self.block(block) for block in document.blocks],
            "closing": self.optional(document.closing),
            "signatory": [self.text(line, 10) for line in document.signatory],
            "footer": self.optional(document.footer, 8.5),
        }

    # --- words ------------------------------------------------------------------------------------------------
    def plain(self, value: Any) -> str:
        return clean(value if isinstance(value, str) and type(value) is str else plain_text(value), self.rtl,
                     self.missing)

    def text(self, value: Any, size: float = 10, part: float = 1.0) -> Any:
        """Text in letters of ``size`` points within a part of the page's width."""
        return self.fitted(self.plain(value), self.width * part / size)

    def optional(self, value: Any, size: float = 10, part: float = 1.0) -> Any:
        return None if value is None or value == "" else self.text(value, size, part)

    def fitted(self, text: str, room: float) -> Any:
        """The text itself, or where it has several lines or a word wider than ``room`` ems, lines of parts."""
        if "\n" not in text and (len(text) <= room or all(ems(word) <= room for word in text.split(" "))):
            return text
        lines = []
        for line in text.split("\n"):
            parts = [""]
            for number, word in enumerate(line.split(" ")):
                if self.rtl and ems(word) > room and not _STRONG & {bidirectional(letter) for letter in word}:
                    word = isolated(word)  # else parts of a figure would change places
                first, *rest = pieces(word, room * 0.94)  # widths are estimates
                parts[-1] += f" {first}" if number else first
                parts += rest
            lines.append(parts)
        return lines

    # --- blocks -----------------------------------------------------------------------------------------------
    def block(self, block: Block) -> dict[str, Any]:
        match block:
            case Paragraph(text):
                return {"kind": "paragraph", "text": self.text(text)}
            case Heading(text):
                return {"kind": "heading", "text": self.text(text, 13)}
            case Note(text):
                return {"kind": "note", "text": self.text(text, 8.5)}
            case Facts(rows):
                return {"kind": "facts", "label": round(self.width * _LABEL, 1), "rows": [
                    [self.text(label, 10, _LABEL), self.text(plain_text(value), 10, 1 - _LABEL - 0.03)]
                    for label, value in rows]}
            case Amount(label, money):
                figure = self.plain(inline(money))
                size = min(26.0, round(self.width / ems(figure) / 1.1, 1))
                return {"kind": "amount", "label": self.text(label, 9), "figure": figure, "size": size}
            case TableBlock():
                return self.table(block)
            case Bars(chart):
                return self.bars(chart)

    def table(self, block: TableBlock) -> dict[str, Any]:
        columns = block.columns
        headings = [self.plain(column.heading_text) for column in columns]
        whole = [column.numeric for column in columns]
        rows = []
        for row in block.rows:
            values = [column.value(row) for column in columns]
            whole = [known or type(value) is date for known, value in zip(whole, values, strict=True)]
            rows.append([self.plain(plain_text(value, column.currency))
                         for value, column in zip(values, columns, strict=True)])
        totals = None
        if block.totals:
            totals = [self.plain(plain_text(block.totals[column.key], column.currency)) if column.key in block.totals
                      else "" if number else self.plain(_("Total")) for number, column in enumerate(columns)]
        size, widths = self.columns(whole, headings, [*rows, totals] if totals else rows)

        def line(texts: Sequence[str]) -> list[Any]:
            return [self.fitted(text, (width - 6) / size) for text, width in zip(texts, widths, strict=True)]

        return {
            "kind": "table", "caption": self.optional(block.caption, 11), "size": size,
            "widths": [round(width, 2) for width in widths], "numeric": [column.numeric for column in columns],
            "breakable": any(len(text) > _TALL for row in rows for text in row),
            "headings": line(headings), "cells": [cell for row in rows for cell in line(row)],
            "totals": line(totals) if totals else None,
            "empty": self.text(block.empty if block.empty is not None else plain_text(None), size),
        }

    def columns(
        self, whole: Sequence[bool], headings: Sequence[str], rows: Sequence[Sequence[str]]
    ) -> tuple[float, list[float]]:
        """The size of the letters in which all columns fit, and the columns' widths, both in points.

        ``whole`` tells the columns whose cells stay on one line, however small they must be: figures and days.
        """
        ranges = []
        for number, heading in enumerate(headings):
            head = extent([heading])
            word, line = extent(line for row in rows for line in row[number].split("\n"))
            least = min(line, 2 * _LONGEST_WORD) if whole[number] else min(word, _LONGEST_WORD)
            ranges.append((max(least, min(head[0] * 1.1, _LONGEST_WORD)),
                           min(max(line, head[1] * 1.1), _LONGEST_LINE), least if whole[number] else _SHORTEST))

        def asked(size: float, broken: bool = False) -> list[tuple[float, float]]:
            # a little more than the estimate, and the space at the sides of a cell
            lows = [min(low, least) if broken else low for low, _high, least in ranges]
            return [(low * 1.06 * size + 7, max(low, high) * 1.06 * size + 7)
                    for low, (_low, high, _least) in zip(lows, ranges, strict=True)]

        for size in _SIZES:
            if sum(low for low, _high in asked(size)) <= self.width:
                return size, shares(asked(size), self.width)
        self.crowded = True  # words break, then letters shrink
        needed = sum(low for low, _high in asked(size, broken=True))
        size = round(size * min(1.0, (self.width - 7 * len(ranges)) / (needed - 7 * len(ranges))), 2)
        return size, shares(asked(size, broken=True), self.width)

    def bars(self, chart: BarChart | SeriesChart) -> dict[str, Any]:
        scale = chart.scale
        figures = [self.plain(isolated(bar.text)) for group in chart.groups for bar in group.bars]
        unit = self.plain(chart.unit)
        beside = max([ems(figure) for figure in figures] + [min(ems(unit), 12.0)]) * 11 + 4
        width = self.width - beside - 12

        def one(bar: Any) -> dict[str, Any]:
            start, size = scale.span(bar)
            return {"label": self.fitted(self.plain(bar.label), width / 10), "value": self.plain(isolated(bar.text)),
                    "start": float(start), "width": float(size), "pattern": bar.pattern}

        as_of = chart.as_of and _("as of %(when)s", when=format_instant(chart.as_of, chart.zone))
        return {
            "kind": "bars", "caption": self.text(f"{chart.title}, {chart.unit}", 11),
            "as-of": self.optional(as_of, 8.5), "width": round(width, 1), "zero": float(scale.zero_at),
            "headings": [self.text(chart.column or _("Item"), 9), self.fitted(unit, beside / 9)],
            "groups": [{"label": None if label is None else self.text(label), "bars": [one(bar) for bar in bars]}
                       for label, bars in chart.groups],
            "note": self.optional(chart.note, 8.5),
        }
