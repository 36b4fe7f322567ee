"""Official papers: every word literal and legible, tagged for screen readers, the same bytes each time."""

from __future__ import annotations

import io
import re
import struct
import threading
import zlib
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pypdf
import pytest
import structlog
from babel import Locale
from flask import Flask
from flask_babel import Babel, force_locale
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import Markup

from core import pdf, typeset
from core.errors import RuleBroken
from core.money import Money
from core.pdf import (
    Amount,
    Bars,
    Document,
    Facts,
    Heading,
    Note,
    Paragraph,
    TableBlock,
    inline,
    pdf_response,
    render,
)
from core.web.charts import Bar, BarChart, Group, SeriesChart
from core.web.formats import plain_text
from core.web.tables import Column

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = '#eval("1") $x$ *b* \\ "quote" <label> @ref `raw` // c /* d */ [e] {f} = g'
NAMES = ("Größe Ðương Nguyễn Şehir", "Россия, Қазақстан, Україна", "Ελληνική Δημοκρατία", "وزارة الخارجية",
         "中华人民共和国外交部 鎔")
COLUMNS = (
    Column("name", "Contributor", heading=True), Column("day", "Received on"),
    Column("cost", "Amount", numeric=True, currency="USD"), Column("count", "Journeys", numeric=True),
    Column("state", "Status"),
)


@pytest.fixture
def app() -> Iterator[Flask]:
    app = Flask("papers")
    Babel(app)
    with app.test_request_context("/"):
        yield app


def document(*blocks: pdf.Block, language: str = "en", **more: Any) -> Document:
    return Document(**{"reference": "RCT-2026-0042", "title": "Receipt", "language": language,
                       "day": date(2026, 6, 16), "blocks": blocks, **more})


def rows(count: int, name: str = "Burundi") -> Iterator[dict[str, Any]]:
    for n in range(count):
        yield {"name": name, "day": date(2026, 6, 16), "cost": Money(123450 * n, "USD"), "count": n,
               "state": SimpleNamespace(label="Settled", tone="done")}


def read(data: bytes) -> pypdf.PdfReader:
    return pypdf.PdfReader(io.BytesIO(data))


def text(data: bytes) -> str:
    found = " ".join(page.extract_text() for page in read(data).pages)
    return " ".join(re.sub("[\u2066-\u2069]", "", found).replace("\xa0", " ").split())


def tags(data: bytes) -> list[str]:
    found = []

    def walk(node: Any) -> None:
        node = node.get_object() if hasattr(node, "get_object") else node
        for child in node if isinstance(node, list) else [node]:
            child = child.get_object() if hasattr(child, "get_object") else child
            if isinstance(child, dict):
                found.append(str(child.get("/S", "")).removeprefix("/"))
                if "/K" in child:
                    walk(child["/K"])

    walk(read(data).trailer["/Root"]["/StructTreeRoot"]["/K"])
    return [tag for tag in found if tag]


# --- words ----------------------------------------------------------------------------------------------------
def test_hostile_words_come_out_as_they_are(app):
    data = render(document(
        Paragraph(HOSTILE), Heading(HOSTILE), Note(HOSTILE), Facts([(HOSTILE, HOSTILE)]),
        TableBlock(HOSTILE, [Column("a", HOSTILE)], [{"a": HOSTILE}], {"a": HOSTILE}),
        Amount(HOSTILE, Money(1, "USD")), Bars(BarChart(HOSTILE, "USD", [Bar(HOSTILE, 1)], note=HOSTILE)),
        title=HOSTILE, issuer=[HOSTILE], addressee=[HOSTILE], salutation=HOSTILE, closing=HOSTILE,
        signatory=[HOSTILE], footer=HOSTILE, date_line=HOSTILE))
    assert "".join(text(data).split()).count("".join(HOSTILE.split())) == 21
    assert read(data).metadata.title == f"{HOSTILE} (RCT-2026-0042)"


@pytest.mark.parametrize("language", ["en", "fr", "ar", "zh", "ru", "es"])
@pytest.mark.parametrize("name", NAMES)
def test_names_of_all_scripts_are_legible_in_every_language(app, language, name):
    data = render(document(
        Paragraph(f"— {inline(name)} —"), Facts([("1", name)]),
        TableBlock(None, COLUMNS[:1], rows(1, name)), language=language, addressee=[name]))
    words = text(data)
    for word in name.split():
        assert words.count(word) >= 4, words
    fonts = {font.get_object()["/BaseFont"] for page in read(data).pages
             for font in page["/Resources"]["/Font"].values()}
    assert fonts and all(re.match(r"/[A-Z]{6}\+(NotoSans|Vazirmatn|NotoSansArabic|NotoSansSC)-", f) for f in fonts)


def test_values_are_written_in_the_language_of_the_paper(app):
    facts = Facts([("a", Money(-123450, "USD")), ("b", date(2026, 6, 16)), ("c", None), ("d", True),
                   ("e", datetime(2026, 6, 16, 14, tzinfo=UTC)), ("f", Decimal("1234.5")), ("g", 1234567),
                   ("h", SimpleNamespace(label="Settled", tone="done")), ("i", Markup("<b>x &amp; y</b><br>z"))])
    shown = text(render(document(facts, Amount("Received", Money(1234567, "KWD")))))
    for piece in ("USD \u22121,234.50", "16 June 2026", "c –", "d Yes", "Tue 16 June 2026, 14:00 UTC", "1,234.5",
                  "1,234,567", "Settled", "x & y z", "KWD 1,234.567", "1 / 1"):
        assert piece in shown, piece
    french = text(render(document(facts, language="fr"))).replace("\u202f", " ")
    for piece in ("16 juin 2026", "USD \u22121 234,50", "1 234 567"):
        assert piece in french, piece
    with force_locale("ar"):
        assert "16 يونيو" in inline(date(2026, 6, 16)).replace("\xa0", " ")


def test_marks_of_direction_stay_only_where_they_matter():
    missing: set[str] = set()
    assert typeset.clean("a \u2068b\u2069 \u202ec\u202d", False, missing) == "a b c"
    assert typeset.clean("a \u2068مصر (b)\u2069", False, missing) == "a \u2068مصر (b)\u2069"
    assert typeset.clean("\u2068مصر\u2069 \u2068USD 5\u2069", True, missing) == "مصر \u2068USD 5\u2069"
    assert typeset.clean("\u2068\u2068x\u2069 \u2067y", False, missing) == "x y"
    assert not missing


def test_every_kind_of_value_has_its_words(app):
    assert plain_text(None) == plain_text("") == "–"
    assert plain_text(Markup('<bdi>A &lt; B</bdi><br><span class="quiet">C</span>')) == (
        "\u2068A < B\u2069\n\u2068C\u2069")
    assert plain_text(Money(5, "USD"), "USD") == "\u20680.05\u2069"
    assert plain_text(Money(5, "EUR"), "USD") == "\u2068EUR\xa00.05\u2069"
    assert plain_text("\u202ea\u2069") == "\u2068a\u2069", "nobody else's marks of direction"


def test_letters_that_no_font_has_are_shown_as_missing_and_logged_without_words(app):
    with structlog.testing.capture_logs() as logs:
        shown = text(render(document(Paragraph("Tbilisi თბ 😀 \x00\ud800"))))
    assert "Tbilisi \ufffd\ufffd \ufffd \ufffd" in shown
    points = ["U+10D1", "U+10D7", "U+1F600", "U+D800"]
    assert logs == [{"event": "letters_missing", "log_level": "warning", "points": points}]


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=60), st.sampled_from(["en", "ar", "zh"]))
def test_any_text_can_be_set(words, language):
    app = Flask("papers")
    Babel(app)
    with app.test_request_context("/"):
        data = render(document(
            Paragraph(words), Facts([(words, words)]), TableBlock(words, COLUMNS[:1], rows(1, words)),
            language=language, title=words, addressee=[words]))
    assert read(data).pages


# --- shape ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("language", "direction"), [("en", "/L2R"), ("ar", "/R2L")])
def test_the_file_is_accessible(app, language, direction):
    data = render(document(
        Paragraph("Text"), Heading("Part"), Facts([("Label", "Value"), ("Other", "More")]),
        TableBlock("Payments", COLUMNS, rows(2), {"cost": Money(5, "USD")}), Amount("Received", Money(5, "USD")),
        Bars(SeriesChart("By year", "USD", [Group("2026", [Bar("A", 5), Bar("B", -5, "hatch")])])),
        language=language, title="Receipt"))
    root = read(data).trailer["/Root"]
    assert root["/Lang"] == language and root["/MarkInfo"]["/Marked"] == True  # noqa: E712
    assert root["/ViewerPreferences"]["/DisplayDocTitle"] == True  # noqa: E712
    assert root["/ViewerPreferences"]["/Direction"] == direction
    assert "/StructTreeRoot" in root
    assert read(data).metadata.title == "Receipt (RCT-2026-0042)"
    xmp = root["/Metadata"].get_object().get_data().decode()
    assert "<pdfuaid:part>1</pdfuaid:part>" in xmp and "Receipt (RCT-2026-0042)" in xmp
    found = tags(data)
    for tag, count in (("Title", 1), ("H1", 1), ("L", 1), ("LI", 2), ("Lbl", 2), ("LBody", 2), ("Table", 2),
                       ("Caption", 2), ("THead", 2), ("TH", 7), ("TFoot", 1)):
        assert found.count(tag) == count, (tag, found.count(tag))
    assert all(page["/MediaBox"][2:] == [pytest.approx(595.28, abs=0.1), pytest.approx(841.89, abs=0.1)]
               for page in read(data).pages)


def test_symbol_head_and_page_number_stand_on_every_page(app):
    data = render(document(TableBlock("Payments", COLUMNS, rows(120), {"cost": Money(5, "USD")}), mark="Demonstration",
                           footer="Last words"))
    pages = [" ".join(page.extract_text().split()) for page in read(data).pages]
    assert len(pages) >= 3
    for number, page in enumerate(pages, start=1):
        for piece in ("RCT-2026-0042", "Demonstration", "Contributor Received on", "Amount (USD)",
                      f"{number} / {len(pages)}"):
            assert page.count(piece) == 1, (number, piece)
    assert "Total 0.05" in pages[-1] and "Last words" in pages[-1] and "Last words" not in pages[0]
    assert "1,234.50" in pages[0] and "USD 1" not in pages[0], "the currency stands in the head"


def test_no_row_and_five_thousand(app):
    empty = render(document(TableBlock("Payments", COLUMNS, [], empty="No payment in this period")))
    assert "No payment in this period" in text(empty)
    large = read(render(document(TableBlock("Payments", COLUMNS, rows(5_000)))))
    assert len(large.pages) > 80
    assert "6,171,265.50" in large.pages[-1].extract_text()
    assert f"{len(large.pages)} / {len(large.pages)}" in large.pages[-1].extract_text()


def test_too_many_rows_are_refused_in_words(app, monkeypatch):
    monkeypatch.setattr(pdf, "MAX_ROWS", 3)
    with pytest.raises(RuleBroken) as refused:
        render(document(TableBlock("A", COLUMNS, rows(2)), TableBlock("B", COLUMNS, rows(2))))
    assert "XLSX" in str(refused.value.message)


def test_a_long_paper_set_elsewhere_is_the_same(app, monkeypatch):
    paper = document(TableBlock("Payments", COLUMNS, rows(20)), Paragraph(NAMES[3]), Paragraph(HOSTILE))
    here = render(document(TableBlock("Payments", COLUMNS, rows(20)), *paper.blocks[1:]))
    monkeypatch.setattr(typeset, "LONG", 10)
    assert render(paper) == here


def test_the_same_paper_is_the_same_bytes_from_many_threads(app):
    made: list[bytes] = []

    def one(language: str) -> None:
        with app.test_request_context("/"):
            made.append(render(document(
                Paragraph(" ".join(NAMES)), TableBlock("P", COLUMNS, rows(5)), language=language)))

    threads = [threading.Thread(target=one, args=(("en", "ar")[n % 2],)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 12 and len(set(made)) == 2


def test_a_failure_tells_no_words(monkeypatch):
    for rows_of_it in (0, typeset.LONG):
        with pytest.raises(RuntimeError) as failed:
            typeset.compile_pdf({"name": "secret words"}, rows_of_it)
        assert "secret" not in str(failed.value) and str(failed.value).startswith("typst: ")


# --- looks ----------------------------------------------------------------------------------------------------
def ink_in_margins(png: bytes, points: float = 66) -> bool:
    """Whether anything is drawn left or right of the text, on a page as an unfiltered picture."""
    width, height, depth, colour = struct.unpack(">IIBB", png[16:26])
    assert (depth, colour) == (8, 6)
    data = b""
    at = 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at:at + 4])
        if png[at + 4:at + 8] == b"IDAT":
            data += png[at + 8:at + 8 + length]
        at += 12 + length
    raw, stride, before = zlib.decompress(data), width * 4, bytes(width * 4)
    margin = int(points * width / 595.28) if width < height else int(points * width / 841.89)
    for y in range(height):
        kind, line = raw[y * (stride + 1)], bytearray(raw[y * (stride + 1) + 1:(y + 1) * (stride + 1)])
        for x in range(stride):
            a, b, c = line[x - 4] if x >= 4 else 0, before[x], before[x - 4] if x >= 4 else 0
            if kind == 4:
                p = a + b - c
                add = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
            else:
                add = (0, a, b, (a + b) // 2)[kind]
            line[x] = (line[x] + add) & 255
        if any(value < 235 for value in line[:margin * 4] + line[stride - margin * 4:]):
            return True
        before = bytes(line)
    return False


@pytest.mark.parametrize(("language", "landscape"), [("en", False), ("ar", False), ("zh", True)])
@pytest.mark.parametrize("word", ["W" * 150, "x" * 400, "1" * 120, "مصرمصر" * 40, "中" * 200, "a\u0301" * 150])
def test_long_unbroken_words_stay_within_the_page(app, language, landscape, word):
    wide = [Column(key, f"{key}{word[:40]}", numeric=key == "b") for key in "abcdefg"]
    paper, _rows = pdf._paper(document(
        Paragraph(word), Heading(word), Facts([(word, word)]), Note(word),
        TableBlock(word, wide, [dict.fromkeys("abcdefg", word)]), TableBlock(word, COLUMNS, rows(1, word)),
        Amount(word, Money(10**15, "USD")),
        Bars(BarChart(word, word, [Bar(word, Money(10**15, "USD")), Bar("b", Money(-(10**15), "USD"))])),
        language=language, landscape=landscape, title=word, issuer=[word], addressee=[word], salutation=word,
        closing=word, signatory=[word], footer=word, mark=word[:60], date_line=word))
    for page in typeset.compile_png(paper, 20):
        assert not ink_in_margins(page)


@pytest.mark.parametrize("language", ["en", "ar", "zh"])
@pytest.mark.parametrize("count", [3, 6, 9, 14, 20])
def test_figures_and_days_are_never_broken(app, language, count):
    columns = [Column("name", "Contributor"), Column("day", "Received on"),
               *(Column(f"c{n}", "Direct costs", numeric=True, currency="USD") for n in range(count))]
    lines = [{"name": "Lao People’s Democratic Republic", "day": date(2026, 9, 30),
              **{f"c{n}": Money(-123456789012 - n, "USD") for n in range(count)}}] * 3
    paper, _rows = pdf._paper(document(TableBlock("Broad", columns, iter(lines)), language=language))
    (table,) = paper["blocks"]
    width = count + 2
    for place in range(len(table["cells"])):
        if place % width:
            assert isinstance(table["cells"][place], str), "one line, in one part"
    assert sum(table["widths"]) == pytest.approx(700.2 if paper["landscape"] else 453.5, abs=0.2)
    assert paper["landscape"] == (count > 3)
    assert 2 < table["size"] <= 9
    shown = text(render(document(TableBlock("Broad", columns, lines), language=language)))
    assert shown.count("1,234,567,890.12") == 3 and "2026" in shown


def test_parts_of_a_long_figure_keep_their_order_between_arabic_words(app):
    with force_locale("ar"):
        setter = pdf._Setter(Locale("ar"), False)
        (line,) = setter.fitted("رقم " + "123456789 " + "7" * 60, 20)
    assert line[0].startswith("رقم 123456789 \u2068777") and line[-1].endswith("777\u2069")


def test_the_answer(app):
    answer = pdf_response(b"%PDF-", "Receipt RCT-2026-0042")
    assert answer.mimetype == "application/pdf"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="Receipt RCT-2026-0042.pdf"'
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert pdf_response(b"", "x", inline=True).headers["Content-Disposition"] == 'inline; filename="x.pdf"'


# --- template and fonts ---------------------------------------------------------------------------------------
def test_the_template_has_no_words_of_its_own():
    source = re.sub(r"//.*", "", typeset.TEMPLATE.read_text())
    inside = re.sub(r"#[\w.]+(?:\((?:[^()]|\([^()]*\))*\))?", "", source)
    assert not [part for part in re.findall(r"\[([^\[\]]*)\]", inside) if re.search(r"[A-Za-z]{2,}", part)]
    for forbidden in ("eval(", "mode:", "import", "include", "read(", "plugin"):
        assert forbidden not in source, forbidden


def test_fonts_cover_what_they_say_and_the_names_of_states():
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location("subset", typeset.FONTS / "subset.py")
    module = module_from_spec(spec)  # type: ignore[arg-type]
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    assert (typeset.FONTS / "coverage.txt").read_text() == module.coverage()
    names = (ROOT / "accounts/data/states.json").read_text()
    names += "".join(
        name for code in ("ar", "zh", "en", "fr", "ru", "es") for name in Locale(code).territories.values())
    missing: set[str] = set()
    typeset.clean(names, False, missing)
    assert not missing
    assert sum(path.stat().st_size for path in typeset.FONTS.glob("*.ttf")) < 6_000_000
    assert not list((ROOT / "static").rglob("*.[to]tf")), "a page never loads a font"
    assert "SIL OPEN FONT LICENSE Version 1.1" in (typeset.FONTS / "OFL.txt").read_text()
