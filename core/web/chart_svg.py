"""A chart as a picture that stands alone: for a paper, a slide or a page of somebody else's.

Plain SVG 1.1 with presentation attributes: no style sheet, no script, nothing fetched, so that every program shows
it and a strict policy does not strip it. Figures are text, the same as in the table on the page.
"""

from __future__ import annotations

import re
import unicodedata
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flask import Response
from flask_babel import gettext as _

from core.measure import ems, wrapped
from core.web.attachments import attachment
from core.web.charts import Bar, BarChart, SeriesChart
from core.web.formats import current_locale, format_instant

WIDTH, MARGIN = 720, 24
INSIDE = WIDTH - 2 * MARGIN
INK, MUTED, ACCENT, PAPER = "#16202e", "#525c69", "#00629b", "#ffffff"
FONTS = "Noto Sans, Segoe UI, Helvetica Neue, Arial, Noto Sans Arabic, Noto Sans SC, sans-serif"
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BAR = 14  # height of a bar


def chart_svg(chart: BarChart | SeriesChart, source: Any = None) -> bytes:
    """The picture, in the reader's language and direction. ``source`` is a line that says where it comes from."""
    locale = current_locale()
    picture = _Picture(locale.text_direction == "rtl")
    what = f"{chart.title}, {chart.unit}"
    picture.lines(what, 18, bold=True)
    if chart.as_of:
        picture.lines(_("as of %(when)s", when=format_instant(chart.as_of, chart.zone)), 12, MUTED)
    picture.y += 8
    scale = chart.scale
    for label, bars in chart.groups:
        if label is not None:
            picture.y += 8
            picture.lines(label, 14, bold=True)
        for bar in bars:
            start, width = scale.span(bar)
            picture.bar(bar, start, width, scale.zero_at)
    picture.y += 4
    for line in (chart.note, source):
        if line:
            picture.lines(line, 12, MUTED)
    return picture.drawn(what, _described(chart), str(locale).replace("_", "-"))


def svg_response(data: bytes, filename: str, inline: bool = False) -> Response:
    """The picture as a download, or with ``inline`` for a browser to show."""
    return attachment(data, filename, "svg", "image/svg+xml", inline)


def _described(chart: BarChart | SeriesChart) -> str:
    """Every figure in words, for those who do not see the picture."""
    lines = []
    for label, bars in chart.groups:
        figures = "; ".join(f"{bar.label}: {bar.text}" for bar in bars)
        lines.append(figures if label is None else f"{label}: {figures}")
    return "\n".join(lines)


def _clean(text: Any) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", str(text))


def _reads_rtl(text: str) -> bool:
    """The direction of a text by its first strong letter; figures read from the left."""
    for character in text:
        kind = unicodedata.bidirectional(character)
        if kind in ("L", "R", "AL"):
            return kind != "L"
    return False


@dataclass
class _Picture:
    """Draws from top to bottom; ``y`` is where the next thing goes."""

    rtl: bool
    y: float = MARGIN

    def __post_init__(self) -> None:
        self.root = ET.Element("g", {"font-family": FONTS, "fill": INK})
        self.patterns: set[str] = set()

    def lines(self, text: Any, size: int, colour: str = INK, bold: bool = False) -> None:
        """Text over the whole width, broken where it must be."""
        for line in wrapped(_clean(text), INSIDE / size * (0.9 if bold else 1)):
            self.y += size * 1.35
            self._text(line, size, at_end=False, colour=colour, bold=bold)

    def bar(self, bar: Bar, start: Decimal, width: Decimal, zero: Decimal) -> None:
        """Label and figure above, the bar below with the line of zero."""
        size, figure = 13, _clean(bar.text)
        room = INSIDE / size - ems(figure) * 1.1 - 1
        lines = wrapped(_clean(bar.label), max(room, INSIDE / size / 3))
        for line in lines:
            self.y += size * 1.4
            self._text(line, size, at_end=False)
        self._text(figure, size, at_end=True, bold=True)
        self.y += 5
        fill = ACCENT if bar.pattern == "solid" else "none" if bar.pattern == "outline" else f"url(#{bar.pattern})"
        if bar.pattern in ("hatch", "dots"):
            self.patterns.add(bar.pattern)
        ET.SubElement(self.root, "rect", {
            "x": self._number(self._across(start, width)), "y": self._number(self.y),
            "width": self._number(float(width) * INSIDE), "height": str(_BAR), "fill": fill, "stroke": ACCENT,
            "stroke-width": "1.5",
        })
        x = self._number(self._across(zero, Decimal(0)))
        ET.SubElement(self.root, "line", {
            "x1": x, "x2": x, "y1": self._number(self.y - 2), "y2": self._number(self.y + _BAR + 2), "stroke": INK,
            "stroke-width": "1.5",
        })
        self.y += _BAR + 6

    def drawn(self, title: str, description: str, language: str) -> bytes:
        """The whole file."""
        height = self._number(self.y + MARGIN)
        svg = ET.Element("svg", {
            "xmlns": "http://www.w3.org/2000/svg", "viewBox": f"0 0 {WIDTH} {height}", "width": str(WIDTH),
            "height": height, "role": "img", "aria-labelledby": "title description", "xml:lang": language,
            "lang": language, "direction": "rtl" if self.rtl else "ltr",
        })
        ET.SubElement(svg, "title", {"id": "title"}).text = _clean(title)
        ET.SubElement(svg, "desc", {"id": "description"}).text = _clean(description)
        if self.patterns:
            definitions = ET.SubElement(svg, "defs")
            for name in sorted(self.patterns):
                _pattern(definitions, name)
        ET.SubElement(svg, "rect", {"width": str(WIDTH), "height": height, "fill": PAPER})
        svg.append(self.root)
        return b'<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(svg, encoding="utf-8")

    def _across(self, start: Decimal, width: Decimal) -> float:
        """The left edge of a part of the width, which counts from the right where people read so."""
        part = 1 - start - width if self.rtl else start
        return MARGIN + float(part) * INSIDE

    def _text(self, text: str, size: int, at_end: bool, colour: str = INK, bold: bool = False) -> None:
        right = at_end != self.rtl
        own = _reads_rtl(text)
        ET.SubElement(self.root, "text", {
            "x": str(WIDTH - MARGIN if right else MARGIN), "y": self._number(self.y), "font-size": str(size),
            "direction": "rtl" if own else "ltr", "text-anchor": "start" if right == own else "end",
            **({"font-weight": "600"} if bold else {}), **({"fill": colour} if colour != INK else {}),
        }).text = text

    @staticmethod
    def _number(value: float) -> str:
        return f"{value:.2f}".rstrip("0").rstrip(".")


def _pattern(parent: ET.Element, name: str) -> None:
    pattern = ET.SubElement(parent, "pattern", {
        "id": name, "width": "6", "height": "6", "patternUnits": "userSpaceOnUse",
        **({"patternTransform": "rotate(45)"} if name == "hatch" else {}),
    })
    if name == "hatch":
        ET.SubElement(pattern, "path", {"d": "M1.5 0v6", "stroke": ACCENT, "stroke-width": "2.5"})
    else:
        ET.SubElement(pattern, "circle", {"cx": "3", "cy": "3", "r": "1.6", "fill": ACCENT})
