"""Workbooks as a spreadsheet reads them: typed cells, nothing that runs, nothing lost."""

from __future__ import annotations

import io
import tempfile
import tracemalloc
import zipfile
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask_babel import Babel, force_locale
from markupsafe import Markup
from openpyxl import load_workbook

from core.errors import RuleBroken
from core.money import Money
from core.web import sheets
from core.web.downloads import download
from core.web.sheets import Sheet, xlsx_bytes, xlsx_response
from core.web.tables import Column, Table, TableQuery

HOSTILE = (
    "=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", " =1", "https://example.org/x", "mailto:a@b.c",
    "<r><t>x</t></r>", "<r></c><c><f>1+1</f></r>", "_x000D_", "a\x00b\x0bc", "&lt;b&gt; \"'<>&", "\ud800", "\uffff",
    "007", "1e5", "internal:Sheet2!A1", "{=1}",
)
COLUMNS = (
    Column("name", "Name", heading=True), Column("cost", "Cost", numeric=True, currency="USD"),
    Column("yen", "Yen", numeric=True, currency="JPY"), Column("paid", "As paid", numeric=True),
    Column("day", "Day"), Column("at", "Received"), Column("count", "Count", numeric=True), Column("ok", "Settled"),
    Column("state", "Status"),
)
ROW = {
    "name": "Bénin – الأردن – 中国", "cost": Money(-123450, "USD"), "yen": Money(1234, "JPY"),
    "paid": Money(1234567, "KWD"), "day": date(2026, 6, 16),
    "at": datetime(2026, 6, 16, 14, 5, 9, 123, tzinfo=timezone(timedelta(hours=2))), "count": 2026, "ok": True,
    "state": SimpleNamespace(label="Waiting", tone="waiting"),
}


@pytest.fixture
def app() -> Iterator[Flask]:
    app = Flask("sheets")
    Babel(app)
    with app.test_request_context("/"):
        yield app


def book(*made: Sheet) -> Any:
    return load_workbook(io.BytesIO(xlsx_bytes(made)))


def test_cells_have_their_types(app):
    sheet = book(Sheet("Payments", COLUMNS, [ROW]))["Payments"]
    assert [cell.value for cell in sheet[1]] == [
        "Name", "Cost (USD)", "Yen (JPY)", "As paid", "Day", "Received", "Count", "Settled", "Status"]
    assert [(cell.value, cell.number_format) for cell in sheet[2]] == [
        (ROW["name"], "@"), (-1234.5, "#,##0.00"), (1234, "#,##0"), (1234.567, "[$KWD] #,##0.000"),
        (datetime(2026, 6, 16), "yyyy-mm-dd"),
        (datetime(2026, 6, 16, 12, 5, 9), 'yyyy-mm-dd hh:mm:ss "UTC"'), (2026, "General"), (True, "General"),
        ("Waiting", "@")]
    assert all(cell.font.bold for cell in sheet[1]) and not sheet["A2"].font.bold
    assert sheet.freeze_panes == "A2" and sheet.auto_filter.ref == "A1:I2" and not sheet.sheet_view.rightToLeft
    assert all(9 <= sheet.column_dimensions[letter].width <= 60 for letter in "ABCDEFGHI")


@pytest.mark.parametrize("text", HOSTILE)
def test_text_stays_text(app, text):
    data = xlsx_bytes([Sheet("Names", [Column("a", text), Column("b", "B")], [{"a": text, "b": "next"}])])
    sheet = load_workbook(io.BytesIO(data)).active
    kept = text.replace("\ud800", "\N{REPLACEMENT CHARACTER}")
    for cell in (sheet["A1"], sheet["A2"]):
        assert cell.data_type == "s" and cell.hyperlink is None
        if text.isprintable() and "_x" not in text and "\uffff" not in text:
            assert cell.value.removesuffix(" ") == kept.removesuffix(" ")
    assert sheet["B2"].value == "next"
    with zipfile.ZipFile(io.BytesIO(data)) as parts:
        inside = b"".join(parts.read(name) for name in parts.namelist() if "worksheets/" in name)
        assert b"<f>" not in inside and b"hyperlink" not in inside
        assert not any("externalLink" in name for name in parts.namelist())


def test_text_that_looks_like_a_formula_stays_text_when_it_is_edited(app):
    sheet = book(Sheet("Names", [Column("a", "A")], [{"a": "=1+1"}, {"a": "Chad"}])).active
    assert sheet["A2"].quotePrefix and not sheet["A3"].quotePrefix


def test_no_digit_is_lost(app):
    values = [Money(10**15, "USD"), Money(123456789012345, "USD"), Money(1234567890123456, "USD"), 2**53 + 1,
              Decimal("0.1"), Decimal("NaN"), date(1899, 12, 31), date(1900, 2, 28)]
    cells = [row[0].value for row in book(Sheet("N", [Column("v", "V")], [{"v": v} for v in values])).active][1:]
    assert cells == [10_000_000_000_000, 1234567890123.45, "12345678901234.56", "9007199254740993", 0.1, "NaN",
                     "1899-12-31", "1900-02-28"]


def test_totals_notes_and_an_empty_list(app):
    made = book(
        Sheet("Payments", COLUMNS, [ROW, ROW], {"cost": Money(-246900, "USD")},
              ["Interim figures", Markup("<b>x</b>")]),
        Sheet("Payments", COLUMNS, []),
    )
    assert made.sheetnames == ["Payments", "Payments (2)"]
    first = made["Payments"]
    assert (first["A4"].value, first["B4"].value, first["A6"].value, first["A7"].value) == (
        "Total", -2469, "Interim figures", "x")
    assert first["B4"].font.bold and first.auto_filter.ref == "A1:I3"
    assert made["Payments (2)"].max_row == 1


@pytest.mark.parametrize("title", ["", "History", "a[b]:*?/\\c", "'quoted'", "x" * 80, "سجل", "\x00"])
def test_any_title_makes_a_name(app, title):
    made = book(Sheet(title, [Column("a", "A")], []), Sheet(title, [Column("a", "A")], []))
    assert len(set(made.sheetnames)) == 2 and all(0 < len(name) <= 31 for name in made.sheetnames)


def test_right_to_left_where_the_language_is(app):
    with force_locale("ar"):
        assert book(Sheet("S", COLUMNS, [ROW])).active.sheet_view.rightToLeft


def test_the_workbook_invents_nobody(app):
    properties = book(Sheet("Payments", COLUMNS, [ROW])).properties
    assert (properties.title, properties.creator, properties.lastModifiedBy) == ("Payments", None, None)


def test_a_long_text_is_cut_where_a_cell_ends(app):
    value = book(Sheet("S", [Column("a", "A")], [{"a": "x" * 40_000}])).active["A2"].value
    assert len(value) == sheets.MAX_TEXT + 1 and value.endswith("…")


def test_a_list_longer_than_a_sheet_is_refused_in_words(app, monkeypatch):
    monkeypatch.setattr(sheets, "MAX_ROWS", 3)
    with pytest.raises(RuleBroken) as refused:
        xlsx_bytes([Sheet("S", [Column("a", "A")], ({"a": n} for n in range(4)))])
    assert "as CSV" in str(refused.value.message)


def test_nothing_stays_on_the_disk_when_rows_fail(app, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def rows():
        yield {"a": "personal"}
        assert list(tmp_path.iterdir()), "rows pass through a temporary file"
        raise ValueError

    with pytest.raises(ValueError):
        xlsx_bytes([Sheet("S", [Column("a", "A")], rows())])
    assert not list(tmp_path.iterdir())


def test_rows_do_not_gather_in_memory(app):
    def made(count: int) -> bytes:
        return xlsx_bytes([Sheet("S", COLUMNS[:1] * 8, ({"name": f"row {n}"} for n in range(count)))])

    made(1)
    tracemalloc.start()
    data = made(4_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000, "all rows at once take eight"
    assert load_workbook(io.BytesIO(data), read_only=True).active.max_row == 4_001


def test_download_answers_in_the_format_asked_for(app):
    rows = [{"name": "Chad"}]
    for kind, mimetype in (("csv", "text/csv"), ("xlsx", sheets.MEDIA_TYPE)):
        answer = download(TableQuery(format=kind), COLUMNS, iter(rows), "Reserve list – 2028")
        assert answer.mimetype == mimetype
        assert answer.headers["Content-Disposition"] == (
            f'attachment; filename="Reserve list  2028.{kind}"; '
            f"filename*=UTF-8''Reserve%20list%20%E2%80%93%202028.{kind}")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "private, no-store"
    assert Table("T", COLUMNS, rows).formats == ["csv", "xlsx"]
    assert Table("T", COLUMNS, rows, csv=False).formats == []
    response = xlsx_response([Sheet("S", COLUMNS, [])], "../a\"b\r\n.xlsx")
    assert response.headers["Content-Disposition"] == 'attachment; filename="a-b.xlsx"'


def test_instants_from_any_zone_stand_in_utc(app):
    at = datetime(2026, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    cell = book(Sheet("S", [Column("a", "A")], [{"a": at}])).active["A2"]
    assert cell.value.replace(tzinfo=UTC) == at
