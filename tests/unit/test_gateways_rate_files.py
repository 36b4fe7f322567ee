"""Files of rates: good ones in many shapes, wrong ones named by line, hostile ones refused before they can do harm.
Every figure is made for tests."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest

from core import clock
from core.errors import RuleBroken
from sponsorship.gateways.rate_csv import Layout, guess, open_sheet, read_table, skipped_lines
from sponsorship.gateways.rate_ecb import read_ecb
from sponsorship.gateways.rate_reading import (
    MAX_BYTES,
    SHOWN_FAULTS,
    Reading,
    Unreadable,
    read_currency,
    read_day,
    read_figure,
    same_figure,
)
from sponsorship.gateways.rate_sources import SOURCES
from tests.support.rates import ECB_FOOT, ECB_HEAD, ecb_file, read, un_file

UN = SOURCES["un"]
DAY = date(2027, 3, 1)


@pytest.fixture(autouse=True)
def march() -> Iterator[None]:
    with clock.moved_to(datetime(2027, 3, 5, 9, tzinfo=UTC)):
        yield


def said(reading: Reading) -> dict[str, str]:
    return {rate.currency: rate.text for rate in reading.rates}


def wrong(reading: Reading) -> dict[int, str]:
    return {fault.line: fault.message for fault in reading.faults}


# --- cells ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("cell", "decimal", "text"), [
    ("0.923", "point", "0.923"), ("1505.250", "point", "1505.250"), ("1,505.25", "point", "1505.25"),
    ("1 505.25", "point", "1505.25"), ("1\u202f505.25", "point", "1505.25"), ("1'505.25", "point", "1505.25"),
    ("42000", "point", "42000"), ("1,234", "point", "1234"), (" 0.5 ", "point", "0.5"), ("00.5", "point", "0.5"),
    (".5", "point", "0.5"), ("٠٫٩", "comma", None), ("٠.٩٢", "point", "0.92"), ("\u200f0.92\u200e", "point", "0.92"),
    ("0,923", "comma", "0.923"), ("1.505,25", "comma", "1505.25"), ("1 505,25", "comma", "1505.25"),
    ("1.234", "comma", "1234"), ("9999999999.99999999", "point", "9999999999.99999999"),
])
def test_figures(cell: str, decimal: str, text: str | None) -> None:
    if text is None:
        with pytest.raises(Unreadable):
            read_figure(cell, decimal)
    else:
        assert read_figure(cell, decimal) == text


@pytest.mark.parametrize(("cell", "decimal", "words"), [
    ("", "point", "missing"), ("n.a.", "point", "not a number"), ("-", "point", "negative"),
    ("-3", "point", "negative"), ("(3)", "point", "negative"), ("\u22123", "point", "negative"),
    ("0", "point", "zero"), ("0.000", "point", "zero"),
    ("1e5", "point", "not a number"), ("=1+1", "point", "not a number"), ("+1", "point", "not a number"),
    ("0,923", "point", "decimal mark"), ("0.923", "comma", "decimal mark"), ("1,23,456.7", "point", "decimal mark"),
    ("0.9230000001", "point", "too many digits"), ("12345678901", "point", "too many digits"),
    ("1.2.3", "point", "mark"), ("0.92 EUR", "point", "not a number"), ("½", "point", "not a number"),
])
def test_cells_that_are_no_figure(cell: str, decimal: str, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        read_figure(cell, decimal)


@pytest.mark.parametrize(("cell", "order"), [
    ("2027-03-01", ""), ("20270301", ""), ("1 March 2027", ""), ("01-Mar-2027", ""), ("1/Mar/2027", ""),
    ("2027/03/01", ""), ("2027-03-01 00:00:00", ""), ("2027-03-01T00:00:00Z", ""), ("01/03/2027", "dmy"),
    ("03/01/2027", "mdy"), ("1.3.2027", "dmy"), ("\u200e2027-03-01\u200f", ""),
])
def test_days(cell: str, order: str) -> None:
    assert read_day(cell, order) == DAY


@pytest.mark.parametrize(("cell", "order", "words"), [
    ("", "", "missing"), ("March", "", "cannot be read"), ("31/02/2027", "", "cannot be read"),
    ("01/03/27", "dmy", "read"), ("01/03/2027", "", "two ways"), ("13/13/2027", "", "cannot be read"),
    ("2027-04-20", "", "45 days ahead"),
    ("1 March 2207", "", "ahead"), ("1900-01-01", "", "too old"), ("44986", "", "cannot be read"),
])
def test_cells_that_are_no_day(cell: str, order: str, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        read_day(cell, order)


def test_the_furthest_day_ahead() -> None:
    assert read_day("2027-04-19") == date(2027, 4, 19)  # 45 days after 5 March


@pytest.mark.parametrize(("cell", "code"), [
    ("EUR", "EUR"), (" eur ", "EUR"), ("Euro", "EUR"), ("swiss  franc", "CHF"), ("Kenyan Shilling", "KES"),
    ("\u200fEUR\u200e", "EUR"),
])
def test_currencies(cell: str, code: str) -> None:
    assert read_currency(cell) == code


@pytest.mark.parametrize("cell", ["", "QQQ", "XXX", "XTS", "Dollar", "EU R", "€", "=EUR"])
def test_cells_that_are_no_currency(cell: str) -> None:
    with pytest.raises(Unreadable, match="missing|not known"):
        read_currency(cell)


def test_the_same_figure() -> None:
    assert same_figure("1.50", "1.5") and same_figure("2", "2.0") and same_figure("200", "200")
    assert not same_figure("20", "200") and not same_figure("1.5", "1.51")


# --- tables -----------------------------------------------------------------------------------------------------
def test_a_good_table_is_read_without_being_told() -> None:
    reading = read(un_file({"EUR": "0.923", "JPY": "150.525", "USD": "1.0000"}))
    assert said(reading) == {"EUR": "0.923", "JPY": "150.525"} and not reading.fault_count
    assert {rate.day for rate in reading.rates} == {DAY} and [rate.line for rate in reading.rates] == [3, 4]
    assert reading.how["currency"] == [1, "Code"] and reading.how["header"] == 2


GOOD = "Country;Currency;ISO;No.;Units per USD;From\nA;Euro;EUR;1;0,923;13/03/2027\nB;Yen;JPY;2;1.505,25;13/03/2027\n"
SHAPES = {
    "semicolons and decimal commas": GOOD.encode(),
    "tabs in UTF-16": GOOD.replace(";", "\t").encode("utf-16"),
    "with a mark of UTF-8": b"\xef\xbb\xbf" + GOOD.encode(),
    "Windows": GOOD.replace("Country", "País").encode("cp1252"),
    "lines of an old Mac": GOOD.replace("\n", "\r").encode(),
    "lines of DOS, quoted": "\r\n".join(
        ";".join(f'"{cell}"' for cell in line.split(";")) for line in GOOD.splitlines()).encode(),
    "titles above and notes below": f"Rates;;;;;\n\nMarch;;;;;\n{GOOD}\nSource: tests;;;;;\n".encode(),
    "upright strokes": GOOD.replace(";", "|").encode(),
}


@pytest.mark.parametrize("content", SHAPES.values(), ids=SHAPES)
def test_shapes_of_one_table(content: bytes) -> None:
    sheet = open_sheet(content)
    reading = read_table(sheet, guess(sheet), UN)
    assert said(reading) == {"EUR": "0.923", "JPY": "1505.25"}, wrong(reading)
    assert {rate.day for rate in reading.rates} == {date(2027, 3, 13)} and not reading.fault_count


def test_names_instead_of_codes_and_one_day_for_all() -> None:
    sheet = open_sheet(b"Currency,Rate\nEuro,0.923\nJapanese Yen,150.5\n")
    layout = guess(sheet)
    assert (layout.currency, layout.rate, layout.dates) == (1, 2, None) and not layout.complete
    assert said(read_table(sheet, Layout(1, 2, None, DAY, 1), UN)) == {"EUR": "0.923", "JPY": "150.5"}


def test_a_table_without_headings() -> None:
    sheet = open_sheet(b"EUR,0.923,2027-03-01\nJPY,150.5,2027-03-01\n")
    layout = guess(sheet)
    assert layout.header == 0
    assert len(read_table(sheet, layout, UN).rates) == 2


def test_the_mapping_is_remembered_where_the_headings_are_the_same() -> None:
    first = open_sheet(b"Code,Old,Rate of today,Effective\nEUR,0.9,0.923,13/03/2027\n")
    told = read_table(first, Layout(1, 2, 4, None, 1, "point", "mdy", "7-8"), UN).how  # against the likely reading
    moved = open_sheet(b"Note\nEffective,Code,Old,Rate of today\n04/01/2027,EUR,0.9,0.923\n")
    layout = guess(moved, told)
    assert (layout.currency, layout.rate, layout.dates, layout.header, layout.order) == (2, 3, 1, 2, "mdy")
    assert layout.skip == ""  # lines to leave out are of one file
    other = open_sheet(b"Iso,Value,Day\nEUR,0.923,2027-03-01\n")
    assert guess(other, told) == guess(other)
    assert guess(other, {"format": "eurofxref-xml"}) == guess(other)


WRONG = [
    ("QQQ,1,2027-03-01", "“QQQ” is not known"), ("CHF,n.a.,2027-03-01", "not a number"),
    ("JPY,-3,2027-03-01", "negative"), ("KWD,0,2027-03-01", "zero"), ("KES,129.351234567891,2027-03-01", "too many"),
    ("AFN,70,", "date is missing"), ("IRR,42000,2028-03-01", "45 days ahead"), ("USD,0.92,2027-03-01", "can only be 1"),
    ("NOK,,2027-03-01", "rate is missing"), (",10.5,2027-03-01", "currency is missing"), ("SEK", "rate is missing"),
    ("=2+3,1,2027-03-01", "not known"), ("DKK,=HYPERLINK(0),2027-03-01", "not a number"),
    ("CAD,1\u202e.5x,2027-03-01", "not a number"), ('AUD,"1.5\n",2027-03-01', "quotation mark"),
]


@pytest.mark.parametrize(("line", "words"), WRONG)
def test_each_wrong_line_is_named_with_what_is_wrong(line: str, words: str) -> None:
    reading = read(f"Code,Rate,Effective date\nEUR,0.923,2027-03-01\n{line}\nGBP,0.79,2027-03-01\n".encode())
    assert words in wrong(reading)[3]
    assert reading.fault_count == 1 and said(reading) == {"EUR": "0.923", "GBP": "0.79"}


def test_a_currency_twice() -> None:
    rows = [("EUR", "0.923", "2027-03-01"), ("XOF", "605", "2027-03-01"), ("EUR", "0.9230", "2027-03-01"),
            ("EUR", "0.93", "2027-03-01"), ("EUR", "0.93", "2027-03-15")]
    reading = read(un_file(rows))
    # the same said again (a table by country says it for every country of the euro) is no fault; another value is
    assert reading.repeated == 1 and len(reading.rates) == 3
    assert "EUR stands twice for 1 March 2027: 0.923 in line 3 and 0.93 here" in wrong(reading)[6]


def test_lines_can_be_left_out() -> None:
    content = un_file({"EUR": "0.923"}) + b"Note,see below,\nCHF,0.88,2027-03-01\n"
    assert list(wrong(read(content))) == [4]
    reading = read(content, skip="4")
    assert not reading.faults and reading.passed_over == [4] and said(reading) == {"EUR": "0.923", "CHF": "0.88"}
    left_out = skipped_lines("1, 3-5;9 – 10, 4-5, 7-6")
    assert [line for line in range(12) if line in left_out] == [1, 3, 4, 5, 9, 10]
    started = time.process_time()
    left_out = skipped_lines(", ".join(["1-999999"] * 20))
    assert 1 in left_out and 999_999 in left_out and 1_000_000 not in left_out and time.process_time() - started < 0.05
    for text in ("a", "1-", "1.5", "-3", "99999999"):
        with pytest.raises(Unreadable):
            skipped_lines(text)


def test_a_quotation_mark_left_open_loses_no_line_in_silence() -> None:
    rows = "".join(f"Place {n},EUR,0.923,2027-03-0{n}\n" for n in range(1, 5))
    content = ("Country,Code,Rate,Effective date\n" + rows.replace("Place 2", '"Place 2')).encode()
    assert "quotation mark" in wrong(read(content))[3]


def test_a_hundred_thousand_wrong_lines_are_counted_and_a_hundred_shown() -> None:
    content = b"Code,Rate,Effective date\nEUR,0.923,2027-03-01\n" + b"ZZZ,x,2027-03-01\n" * 100_000
    began = time.monotonic()
    reading = read(content)
    assert reading.fault_count == 100_000 and len(reading.faults) == SHOWN_FAULTS
    assert time.monotonic() - began < 30


HOSTILE = {
    "empty": (b"", "no table"), "one line": (b"Code,Rate\n", "no table"), "blank": (b"\n" * 1000, "no table"),
    "a workbook": (b"PK\x03\x04" + b"x" * 100, "save it as CSV"),
    "a picture": (b"\x89PNG\r\n\x1a\n\x00\x01", "not text"),
    "NUL": (b"Code,Rate\nEUR,0.9\x0023\n", "not text"), "a page": (b"<html>\n<body>\n", "not a table"),
    "UTF-16 cut in two": ("Code,Rate\nEUR,1\n".encode("utf-16")[:-1], "not text"),
    "another encoding": ("Code,Rate\nEUR,1\n".encode("utf-16-le"), "not text"),
    "one endless line": (b"Code,Rate\n" + b"," * 100_000 + b"\n", "too long"),
    "too many lines": (b"EUR,1\n" * 300_001, "lines"), "huge": (b"x" * (MAX_BYTES + 1), "larger"),
    "a field without an end": (b"Code,Rate\n\"" + b"EUR,1\n" * 30_000, "quotation mark"),
    "PDF": (b"%PDF-1.7\n\x01\x02", "not text"),
}


@pytest.mark.parametrize(("content", "words"), HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_table_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(RuleBroken, match="rates.file") as refusal:
        open_sheet(content)
    assert words in str(refusal.value.message) and refusal.value.field == "file"


def test_marks_of_direction_change_nothing() -> None:
    reading = read("Code,Rate,Effective date\n\u200fEUR\u202e,\u20670.923\u2069,\u200e2027-03-01\n".encode())
    assert said(reading) == {"EUR": "0.923"} and reading.rates[0].day == DAY


# --- European Central Bank --------------------------------------------------------------------------------------
DAYS = {"2027-03-01": {"USD": "1.0842", "JPY": "163.52"}, "2027-02-26": {"USD": "1.08", "JPY": "162.00"}}


def test_daily_and_historical_files() -> None:
    reading = read_ecb(ecb_file(DAYS))
    assert not reading.faults and len(reading.rates) == 4
    assert [(r.currency, r.day, r.text) for r in reading.rates][-1] == ("JPY", date(2027, 2, 26), "162.00")
    plain = b"<Envelope><Cube><Cube time='2027-03-01'><Cube rate='1.0842' currency='USD'/></Cube></Cube></Envelope>"
    assert said(read_ecb(plain)) == {"USD": "1.0842"}
    assert said(read_ecb(ecb_file(DAYS).decode().replace("UTF-8", "UTF-16").encode("utf-16"))).keys() == {"USD", "JPY"}


def test_the_same_as_csv() -> None:
    history = b"Date,USD,JPY,EEK,\n2027-03-01,1.0842,163.52,N/A,\n2027-02-26,1.08,162.00,N/A,\n"
    daily = b"Date, USD, JPY, \n01 March 2027, 1.0842, 163.52, \n"
    reading = read_ecb(history)
    assert [(r.line, r.currency, r.text) for r in reading.rates] == [
        (2, "USD", "1.0842"), (2, "JPY", "163.52"), (3, "USD", "1.08"), (3, "JPY", "162.00")]
    assert said(read_ecb(daily)) == {"USD": "1.0842", "JPY": "163.52"}
    assert not reading.faults


def test_wrong_lines_of_the_bank() -> None:
    reading = read_ecb(ecb_file({
        "2027-03-01": {"USD": "1.0842", "JPY": "x", "QQQ": "1", "CHF": "0"}, "2027-02-30": {"USD": "1"},
        "2027-02-26": {"JPY": "162"}, "2029-01-01": {"USD": "1"},
    }))
    found = wrong(reading)
    assert "“JPY”, 1 March 2027: The rate “x” is not a number" in found[7]
    assert "not known" in found[8] and "zero" in found[9]
    assert "cannot be read" in found[11] and "45 days ahead" in found[17]
    assert "The US dollar has no rate on 26 February 2027" in found[15]
    assert "twice" in wrong(read_ecb(ecb_file(DAYS).replace(b"2027-02-26", b"2027-03-01")))[10]
    faults = [(f.line, f.message) for f in read_ecb(b"Date,USD,JPY\nnever,1,2\n2027-03-01,1.08,x,9\n").faults]
    assert [line for line, _words in faults] == [2, 3, 3]
    assert "cannot be read" in faults[0][1] and "JPY: The rate" in faults[1][1] and "more cells" in faults[2][1]


LAUGHS = "".join(f'<!ENTITY l{n + 1} "{f"&l{n};" * 10}">' for n in range(9))
HOSTILE_XML = {
    "entities without end": f"<!DOCTYPE x [<!ENTITY l0 'ha'>{LAUGHS}]><Cube time='&l9;'/>",
    "a file of ours": "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><Cube time='&e;'/>",
    "a file of others": "<!DOCTYPE x SYSTEM 'http://127.0.0.1:9/x.dtd'><Cube/>",
    "cut off": (ECB_HEAD + "<Cube time='2027-03-01'>"), "no rates": ECB_HEAD + ECB_FOOT, "too deep": "<a>" * 2000,
    "an unknown encoding": "<?xml version='1.0' encoding='x-none'?><Cube/>", "not XML": "<<<<", "bytes": "<\x00\x01",
    "another language": "<html><body>eurofxref</body></html>",
}


@pytest.mark.parametrize("text", HOSTILE_XML.values(), ids=HOSTILE_XML)
def test_hostile_xml_is_refused_at_once(text: str) -> None:
    began = time.monotonic()
    with pytest.raises(RuleBroken, match="rates.file") as refusal:
        read_ecb(text.encode())
    assert "not a file of ECB reference rates" in str(refusal.value.message)
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("content", [b"", b"x", b"a,b\n1,2\n", b"\xff\xfe<", b"PK\x03\x04", b"<" * (MAX_BYTES + 1)])
def test_other_files_than_the_banks(content: bytes) -> None:
    with pytest.raises(RuleBroken, match="rates.file"):
        read_ecb(content)


def test_a_file_without_end_of_one_day_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sponsorship.gateways.rate_reading.MAX_RATES", 3)
    with pytest.raises(RuleBroken, match="rates.file") as refusal:
        read_ecb(ecb_file(DAYS))
    assert "more than 3 rates" in str(refusal.value.message)
