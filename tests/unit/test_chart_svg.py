"""Pictures of charts: sound files that hold what the page holds, and nothing that runs or fetches."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from flask import Flask
from flask_babel import Babel, force_locale

from core.money import Money
from core.web.chart_svg import INSIDE, MARGIN, WIDTH, chart_svg, svg_response
from core.web.charts import Bar, BarChart, Group, SeriesChart

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = ("<script>alert(1)</script>", '" onload="x', "]]>&amp;<!--", "a\x00b\x08", "\ud800\uffff", "{{ 1 }}",
           "url(http://example.org/x)", "x" * 300, "الأردن (JOR)", "中华人民共和国" * 12)


@pytest.fixture
def app() -> Iterator[Flask]:
    app = Flask("charts")
    Babel(app)
    with app.test_request_context("/"):
        yield app


def chart(**changes) -> BarChart:
    return BarChart(**{
        "title": "Where the money stands", "unit": "USD", "as_of": datetime(2028, 3, 16, 14, 5, tzinfo=UTC),
        "zone": "America/New_York", "note": "Interim.",
        "bars": [Bar("Received", Money(41250000, "USD")), Bar("Reserved", Money(18734055, "USD"), "hatch"),
                 Bar("Change", Money(-5000000, "USD"), "dots"), Bar("None", Money(0, "USD"), "outline")], **changes,
    })


def texts(data: bytes) -> list[str]:
    return [element.text or "" for element in ET.fromstring(data).iter(f"{SVG}text")]


def rects(data: bytes) -> list[tuple[float, float]]:
    found = [(float(r.get("x")), float(r.get("width"))) for r in ET.fromstring(data).iter(f"{SVG}rect") if r.get("x")]
    assert all(-0.01 <= x - MARGIN and x + width <= WIDTH - MARGIN + 0.01 for x, width in found)
    return found


def test_the_picture_says_what_the_page_says(app):
    data = chart_svg(chart(), "Source: Placard, fund page")
    root = ET.fromstring(data)
    assert root.find(f"{SVG}title").text == "Where the money stands, USD"
    assert root.get("role") == "img" and root.get("aria-labelledby") == "title description"
    shown = texts(data)
    for bar in chart().bars:
        assert bar.text in shown and str(bar.label) in shown
        assert f"{bar.label}: {bar.text}" in root.find(f"{SVG}desc").text
    for line in ("Where the money stands, USD", "as of Thu 16 March 2028, 10:05 New York", "Interim.",
                 "Source: Placard, fund page"):
        assert line in shown


def test_bars_start_at_zero_whatever_their_sign(app):
    (received, _reserved, change, none) = rects(chart_svg(chart()))
    zero = MARGIN + INSIDE * 5 / 46.25
    assert received[0] == pytest.approx(zero, abs=0.01)
    assert change == (MARGIN, pytest.approx(zero - MARGIN, abs=0.01))
    assert none[1] == 0
    (only,) = rects(chart_svg(chart(bars=[Bar("A", 0)])))
    assert only == (MARGIN, 0)
    assert rects(chart_svg(chart(bars=[]))) == []


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_words_stay_words(app, text):
    data = chart_svg(chart(title=text, unit=text, note=text, bars=[Bar(text, Decimal("1234.5"))]), text)
    root = ET.fromstring(data)
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        "svg", "g", "title", "desc", "defs", "pattern", "rect", "line", "path", "circle", "text"}
    for element in root.iter():
        for name, value in element.attrib.items():
            assert not re.search(r"href|style|^on|class", name), name
            assert "url(" not in value or re.fullmatch(r"url\(#(hatch|dots)\)", value)
    assert b"http" not in data.replace(b"http://www.w3.org/2000/svg", b"").replace(b"http://example.org/x", b"")
    expected = re.sub("[\x00-\x08\ud800\uffff]", "\N{REPLACEMENT CHARACTER}", text)
    assert "".join(expected.split()) in "".join("".join(texts(data)).split())
    assert "1,234.5" in texts(data)


def test_long_labels_are_broken_within_the_picture(app):
    from core.measure import ems

    data = chart_svg(chart(title="Long " * 60, bars=[Bar("State of " * 40, 12), Bar("x" * 300, 5)]))
    for element in ET.fromstring(data).iter(f"{SVG}text"):
        assert ems(element.text) * float(element.get("font-size")) <= INSIDE + 1


def test_it_mirrors_where_people_read_from_the_right(app):
    with force_locale("ar"):
        data = chart_svg(chart())
    root = ET.fromstring(data)
    assert root.get("direction") == "rtl" and root.get("lang") == "ar"
    (received, *_rest) = rects(data)
    assert sum(received) == pytest.approx(WIDTH - MARGIN - INSIDE * 5 / 46.25, abs=0.01)
    by_text = {element.text: element for element in root.iter(f"{SVG}text")}
    label, figure = by_text["Received"], by_text["412,500.00"]
    assert (label.get("x"), label.get("direction"), label.get("text-anchor")) == (str(WIDTH - MARGIN), "ltr", "end")
    assert (figure.get("x"), figure.get("text-anchor")) == (str(MARGIN), "start")


def test_series_are_drawn_group_by_group(app):
    series = SeriesChart("By year", "USD", [
        Group("2027", [Bar("Received", Money(100, "USD")), Bar("Paid", Money(50, "USD"), "dots")]),
        Group("2028", [Bar("Received", Money(-100, "USD"))])])
    data = chart_svg(series)
    shown = texts(data)
    assert shown == ["By year, USD", "2027", "Received", "1.00", "Paid", "0.50", "2028", "Received", "\u22121.00"]
    assert ET.fromstring(data).find(f"{SVG}desc").text == "2027: Received: 1.00; Paid: 0.50\n2028: Received: \u22121.00"
    assert sorted(text for _label, row in series.rows for text in row if text) == sorted(
        text for text in shown if text.endswith(("0", "00")) and "." in text)


def test_the_answer_is_a_file_that_runs_nothing(app):
    answer = svg_response(chart_svg(chart()), "fund figures")
    assert answer.mimetype == "image/svg+xml"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="fund figures.svg"'
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert svg_response(b"", "x", inline=True).headers["Content-Disposition"].startswith("inline")
