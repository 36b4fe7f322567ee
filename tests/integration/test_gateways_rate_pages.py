"""Pages, commands and desk of exchange rates: a file is chosen, looked at, put on record, withdrawn."""

from __future__ import annotations

import html
import io
import re
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import url_for

from accounts import desk
from core import clock, jobs
from core.actor import person
from core.db import db
from core.files import StoredFile
from core.outbox import OutboxMail
from sponsorship.gateways import rates
from sponsorship.gateways.rate_import import withdraw_import
from sponsorship.gateways.rate_models import ExchangeRate, RateImport
from sponsorship.gateways.rates import rate_on, register_currencies_in_use
from tests.support.rates import ecb_file, put_file, put_rates, un_file

pytestmark = pytest.mark.pages

NOW = datetime(2027, 3, 20, 9, tzinfo=UTC)
MARCH = date(2027, 3, 1)


@pytest.fixture(autouse=True)
def march() -> Iterator[None]:
    with clock.moved_to(NOW):
        yield


@pytest.fixture
def manager(make: Any, as_person: Any) -> Any:
    """A client signed in as the fund manager."""
    return as_person(make.person("fund_manager", name="Fatima Manager"))


@pytest.fixture
def in_use(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Codes of currencies in use; tests add to it."""
    codes: set[str] = set()
    monkeypatch.setattr(rates, "_in_use", [])
    register_currencies_in_use(lambda: codes)
    return codes


def send(client: Any, content: bytes, source: str = "un", name: str = "march.csv") -> Any:
    return client.post("/rates/import", data={"source": source, "file": (io.BytesIO(content), name)},
                       content_type="multipart/form-data")


def filled(page: str) -> dict[str, str]:
    """The preview's form as a browser would send it back untouched."""
    form = page.partition('action="/rates/import/check"')[2].partition("</form>")[0]
    values = {}
    for tag in re.findall(r"<input [^>]*>", form):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and 'type="checkbox"' not in tag:
            values[name[1]] = html.unescape(value[1]) if value else ""
    for name, options in re.findall(r'<select [^>]*name="([^"]*)"[^>]*>(.*?)</select>', form, re.DOTALL):
        chosen = re.search(r'<option selected value="([^"]*)"', options) or re.search(r'value="([^"]*)"', options)
        values[name] = chosen[1] if chosen else ""
    return values


def main_of(page: str) -> str:
    """The words of a page without its navigation."""
    part = re.sub(r"<[^>]+>", " ", page.partition("<main")[2].partition("</main>")[0])
    return " ".join(html.unescape(part).split())


def confirm(client: Any, page: str, **changes: str) -> Any:
    return client.submit("/rates/import/check", {**filled(page), "action": "confirm", **changes})


# --- what is there ----------------------------------------------------------------------------------------------
def test_an_empty_page_says_what_to_do(manager: Any, make: Any, as_person: Any) -> None:
    page = manager.get("/rates/").text
    assert "No rates of this source yet" in page and 'href="/rates/import?source=un"' in page
    assert "No file imported yet" in manager.get("/rates/imports/").text
    for role in ("head_of_fund", "certifying_officer", "approving_officer", "auditor"):
        other = as_person(make.person(role))
        page = other.get("/rates/").text
        assert "No rates of this source yet" in page and "/rates/import?" not in page
        assert other.get("/rates/import").status_code == 403
        assert send(other, un_file({"EUR": "0.92"})).status_code == 403
        assert other.submit("/rates/import/check", {}).status_code == 403
        assert other.submit(f"/rates/imports/{uuid.uuid4()}/withdraw", {}).status_code == 403
    for role in ("donor", "focal_point", "bank_signatory", "administrator"):
        assert as_person(make.person(role)).get("/rates/").status_code == 403


def test_the_newest_rates_with_age_and_status(manager: Any, in_use: set[str]) -> None:
    in_use |= {"KES", "EUR"}
    put_rates({"KES": "129.35"}, date(2027, 2, 6))  # until 23 March
    put_rates({"EUR": "0.923", "CHF": "0.881"}, MARCH)
    put_rates({"JPY": "150.525"}, date(2027, 1, 1))
    page = main_of(manager.get("/rates/").text)
    assert "EUR Euro 0.923 1 March 2027 19 days 15 April 2027 Yes Valid" in page
    assert "KES Kenyan Shilling 129.35 6 February 2027 42 days 23 March 2027 Yes 3 days left" in page
    assert "JPY Japanese Yen 150.525 1 January 2027 78 days 15 February 2027 No Expired" in page
    assert "The exchange rate of KES expires after 23 March 2027" in page
    assert page.index("EUR Euro") < page.index("KES Kenyan") < page.index("CHF Swiss")  # in use first
    filtered = main_of(manager.get("/rates/?q=swi").text)
    assert "CHF Swiss Franc" in filtered and "EUR Euro" not in filtered
    lines = manager.get("/rates/?format=csv").text.splitlines()
    assert lines[0].startswith('\ufeff"Currency","Name","For one US dollar') and len(lines) == 5
    assert '"EUR","Euro",0.923,2027-03-01,19,2027-04-15,yes,"Valid"' in lines


def test_rates_through_the_euro_show_the_fraction(manager: Any) -> None:
    put_file(ecb_file({"2027-03-19": {"USD": "1.0842", "JPY": "163.52"}}), "ecb", name="eurofxref-daily.xml")
    page = main_of(manager.get("/rates/sources/ecb/").text)
    assert "JPY Japanese Yen ≈ 150.821 163.52/1.0842 19 March 2027 1 day" in page
    assert "EUR Euro ≈ 0.922339 1/1.0842" in page
    assert manager.get("/rates/sources/nobody/").status_code == 404


def test_history_of_a_currency(manager: Any, make: Any) -> None:
    gone = put_rates({"EUR": "0.93"}, date(2027, 3, 8))
    withdraw_import(gone, make.actor("fund_manager"), "other", "For the test.")
    for n in range(60):
        put_rates({"EUR": f"0.{n + 100}"}, date(2027, 1, 1) + timedelta(days=n))
    first = main_of(manager.get("/rates/currencies/EUR/").text)
    assert "Euro" in first and "1–50 of 61" in first
    assert "8 March 2027 0.93 USD UN operational rates of exchange Withdrawn" in first
    assert "1–50 of 60" in main_of(manager.get("/rates/currencies/EUR/?state=live").text)
    assert len(manager.get("/rates/currencies/EUR/?format=csv").text.splitlines()) == 62
    assert manager.get("/rates/currencies/EUR/?source=ecb").status_code == 200
    for path in ("/rates/currencies/CHF/", "/rates/currencies/eur/", "/rates/currencies/%00/"):
        assert manager.get(path).status_code == 404


# --- a file on its way ------------------------------------------------------------------------------------------
def test_from_the_file_to_the_books(manager: Any) -> None:
    content = un_file({"EUR": "0.923", "JPY": "1505.25", "USD": "1"}, MARCH)
    assert "Choose the file" in manager.get("/rates/import").text
    page = send(manager, content)
    assert page.status_code == 200
    words = main_of(page.text)
    for part in ("march.csv", "UTF-8, cells parted by commas", "New rates 2", "EUR 1 March 2027 0.923 Euro 3",
                 "JPY 1 March 2027 1,505.25", "Put 2 rates on record"):
        assert part in words, words
    assert db.session.query(RateImport).count() == 0 and db.session.query(StoredFile).count() == 0
    answer = confirm(manager, page.text)
    assert answer.status_code == 303
    row = db.session.query(RateImport).one()
    assert answer.location == f"/rates/imports/{row.id}/"
    assert rate_on("EUR", MARCH).text == "0.923"
    words = main_of(manager.get(answer.location).text)
    for part in ("The rates are on record.", "march.csv", row.sha256, "Fatima Manager", "In force", "column 1",
                 "1 March 2027 JPY 1,505.25 USD"):
        assert part in words, part
    file = manager.get(f"/rates/imports/{row.id}/file")
    assert file.data == content and "attachment" in file.headers["Content-Disposition"]
    assert "march.csv" in main_of(manager.get("/rates/imports/").text)
    assert '"march.csv","UN operational rates of exchange",2' in manager.get("/rates/imports/?format=csv").text
    assert len(manager.get(f"/rates/imports/{row.id}/?format=csv").text.splitlines()) == 3
    # the second press finds the first's work
    assert confirm(manager, page.text).location == answer.location
    assert db.session.query(RateImport).count() == 1


def test_the_same_file_again_adds_nothing(manager: Any) -> None:
    content = un_file({"EUR": "0.923"}, MARCH)
    confirm(manager, send(manager, content).text)
    page = send(manager, content)
    assert "Nothing to import" in page.text and "Put" not in main_of(page.text)
    refused = confirm(manager, page.text)
    assert refused.status_code == 422 and "every rate of this file is on record already" in refused.text
    assert db.session.query(RateImport).count() == 1


def test_wrong_lines_are_named_and_nothing_is_stored(manager: Any) -> None:
    put_rates({"KES": "129.35"}, MARCH, name="first.csv")
    page = send(manager, un_file({"EUR": "0.923", "QQQ": "1", "JPY": "-3", "KES": "130"}, MARCH))
    words = main_of(page.text)
    assert page.status_code == 200 and "3 lines are wrong: nothing can be imported" in words
    assert "4 The currency “QQQ” is not known" in words and "5 The rate “-3” is negative" in words
    assert "6 KES on 1 March 2027 is on record as 129.35 (file first.csv" in words
    assert 'value="confirm"' not in page.text
    refused = confirm(manager, page.text)
    assert refused.status_code == 422 and "the file has wrong lines" in main_of(refused.text)
    assert db.session.query(ExchangeRate).count() == 1 and db.session.query(StoredFile).count() == 1


def test_the_officer_tells_how_the_table_is_read(manager: Any) -> None:
    content = b"Made for tests\nPlace;Money;Old;New;From\nA;Euro;0,9;0,923;01/03/2027\nB;Yen?;150;151;01/03/2027\n"
    page = send(manager, content)
    assert "3 The date “01/03/2027” can be read in two ways" in main_of(page.text)
    told = {"rate": "4", "order": "dmy", "skip": "4", "currency": "2"}
    page = manager.submit("/rates/import/check", {**filled(page.text), **told, "action": "read"})
    assert page.status_code == 200 and "EUR 1 March 2027 0.923 Euro 3" in main_of(page.text)
    assert {k: v for k, v in filled(page.text).items() if k in told} == told
    assert confirm(manager, page.text).status_code == 303
    # the next file like it is read the same way, without its lines to leave out
    page = send(manager, content.replace(b"Yen?", b"Japanese Yen").replace(b"03/2027", b"04/2027"))
    assert filled(page.text)["rate"] == "4" and filled(page.text)["skip"] == ""
    assert "JPY 1 April 2027 151" in main_of(page.text)


def test_what_is_still_to_be_told(manager: Any) -> None:
    page = send(manager, b"Money,Rate\nEUR,0.923\n")
    assert "Say how the table is read" in page.text and 'value="confirm"' not in page.text
    wrong = manager.submit("/rates/import/check", {**filled(page.text), "action": "read"})
    assert wrong.status_code == 422 and "write the day the rates hold from" in main_of(wrong.text)
    for day, words in (("2027-13-01", "Write a date that exists"), ("2028-03-01", "45 days ahead"),
                       ("1990-03-01", "too old")):
        wrong = manager.submit("/rates/import/check", {**filled(page.text), "day": day, "action": "confirm"})
        assert wrong.status_code == 422 and words in main_of(wrong.text)
        assert filled(wrong.text)["day"] == day and filled(wrong.text)["rate"] == "2"
    good = manager.submit("/rates/import/check", {**filled(page.text), "day": "1 March 2027", "action": "read"})
    assert confirm(manager, good.text).status_code == 303
    assert rate_on("EUR", MARCH).text == "0.923"


@pytest.mark.parametrize(("change", "words"), [
    ({"currency": ""}, "Choose the column with the currency"), ({"rate": ""}, "Choose the column with the rate"),
    ({"rate": "1"}, "holds something else already"), ({"rate": "99"}, "Choose one of the answers offered"),
    ({"header": "x"}, "whole number"), ({"skip": "all"}, "as numbers"), ({"skip": "9" * 300}, "under 200"),
    ({"decimal": "x"}, "Choose one of the answers offered"), ({"order": "x"}, "Choose one of the answers offered"),
    ({"header": "-5"}, ""),
])
def test_a_wrong_telling_is_said_and_kept(manager: Any, change: dict[str, str], words: str) -> None:
    page = send(manager, un_file({"EUR": "0.923"}, MARCH))
    answer = manager.submit("/rates/import/check", {**filled(page.text), **change, "action": "read"})
    assert answer.status_code == (422 if words else 200)
    assert words in main_of(answer.text)
    for name, value in change.items():
        if name not in ("decimal", "order", "rate"):
            assert filled(answer.text)[name] == value
    assert db.session.query(RateImport).count() == 0


def test_large_changes_need_a_look(manager: Any) -> None:
    put_rates({"IRR": "42000"}, date(2027, 2, 15))
    page = send(manager, un_file({"IRR": "84000", "EUR": "0.9"}, MARCH))
    words = main_of(page.text)
    assert "Changed by more than 30 per cent 1" in words and "42,000 +100.0 % 15 February 2027" in words
    refused = confirm(manager, page.text)
    assert refused.status_code == 422 and "say that you did" in refused.text and 'id="looked-error"' in refused.text
    assert db.session.query(RateImport).count() == 1
    assert confirm(manager, refused.text, looked="y").status_code == 303


def test_the_banks_file_needs_no_telling(manager: Any) -> None:
    page = send(manager, ecb_file({"2027-03-19": {"USD": "1.0842", "JPY": "163.52"}}), "ecb", "eurofxref-daily.xml")
    assert "Rates are for one EUR" in main_of(page.text) and 'name="rate"' not in page.text
    answer = confirm(manager, page.text)
    assert answer.status_code == 303 and rate_on("JPY", date(2027, 3, 20), "ecb").text == "163.52/1.0842"
    file = manager.get(f"{answer.location}file")
    assert file.mimetype == "application/xml" and "sandbox" in file.headers["Content-Security-Policy"]


BAD_FILES = [
    (b"", "march.csv", "un", "empty"), (b"PK\x03\x04xx", "march.csv", "un", "save it as CSV"),
    (b"Code,Rate\nEUR,1\n", "march.xlsx", "un", "Choose another file"), (b"<a/>", "march.xml", "un", "not a table"),
    (b"x" * (10 * 1024 * 1024 + 1), "march.csv", "un", "too large"), (b"a\x00b\n1,2\n", "march.csv", "un", "not text"),
    (b"<!DOCTYPE x [<!ENTITY e 'x'>]><Cube/>", "e.xml", "ecb", "document type"), (b"a,b\n", "e.csv", "ecb", "no table"),
    (b"Code,Rate\nEUR,1\n", "march.csv", "ecb", "not a file of ECB"),
]


@pytest.mark.parametrize(("content", "name", "source", "words"), BAD_FILES)
def test_files_that_are_none(manager: Any, content: bytes, name: str, source: str, words: str) -> None:
    page = send(manager, content, source, name)
    assert page.status_code == 422 and words in main_of(page.text)
    assert re.search(rf'value="{source}"[^>]*checked|checked[^>]*value="{source}"', page.text), "the source is kept"
    assert db.session.query(StoredFile).count() == 0


def test_no_file_no_source_no_token(manager: Any) -> None:
    assert "Choose the file with the rates" in main_of(manager.submit("/rates/import", {"source": "un"}).text)
    assert send(manager, un_file({"EUR": "1"}), "nobody").status_code == 422
    assert manager.get("/rates/import?source=nobody").status_code == 200
    page = send(manager, un_file({"EUR": "0.923"}, MARCH))
    token = filled(page.text)["kept_token"]
    for change in ({"kept_token": ""}, {"kept_token": "forged"}, {"kept_token": f"{token}x"}, {"source": ""}):
        answer = manager.submit("/rates/import/check", {**filled(page.text), **change, "action": "confirm"})
        assert answer.status_code == 422 and "Choose it again" in main_of(answer.text)
    assert manager.submit("/rates/import/check", {}).status_code == 422
    assert manager.get("/rates/import/check").location == "/rates/import"


def test_a_kept_file_that_is_gone(manager: Any, app: Any) -> None:
    page = send(manager, un_file({"EUR": "0.923"}, MARCH))
    folder: Path = app.extensions["placard_settings"].upload_dir
    newest = max(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns)
    newest.write_bytes(b"Code,Rate\nEUR,9\n")
    assert "Choose it again" in main_of(confirm(manager, page.text).text)
    newest.unlink()
    assert "Choose it again" in main_of(confirm(manager, page.text).text)


def test_hostile_words_are_shown_and_run_nowhere(manager: Any) -> None:
    content = b"Code,Rate,Effective date,Note\nEUR,0.923,2027-03-01,<script>alert(1)</script>\n<b>,=1+1,2027-03-01,x\n"
    page = send(manager, content, name='=cmd|"x"!A1.csv')
    assert "<script>alert" not in page.text and "<b>" not in page.text.partition("<main")[2]
    key = put_rates({"EUR": "0.923"}, MARCH, name="=HYPERLINK(0).csv")
    assert "'=HYPERLINK(0).csv" in manager.get("/rates/imports/?format=csv").text
    assert manager.get(f"/rates/imports/{key}/").status_code == 200


# --- withdrawal -------------------------------------------------------------------------------------------------
def test_withdrawing_an_import(manager: Any, make: Any, as_person: Any) -> None:
    key = put_rates({"EUR": "92.3"}, MARCH)
    url = f"/rates/imports/{key}/"
    assert "Withdraw it" not in as_person(make.person("auditor")).get(url).text
    page = manager.submit(f"{url}withdraw", {"reason": "", "words": "Read with the wrong mark."})
    assert page.status_code == 422 and "Choose a reason" in page.text and "Read with the wrong mark." in page.text
    page = manager.submit(f"{url}withdraw", {"reason": "wrong_reading", "words": " "})
    assert page.status_code == 422 and "Write what happened" in page.text
    assert re.search(r'<option selected value="wrong_reading"', page.text)
    done = {"reason": "wrong_reading", "words": "Read with the wrong mark."}
    assert manager.submit(f"{url}withdraw", done).location == url
    page = manager.get(url).text
    words = main_of(page)
    assert "Withdrawn" in words and "It was read wrongly" in words and "Withdraw it" not in words
    assert "Read with the wrong mark." in page
    assert "No rates of this source yet" in manager.get("/rates/").text
    assert manager.submit(f"{url}withdraw", done).status_code == 409
    assert manager.submit(f"/rates/imports/{uuid.uuid4()}/withdraw", done).status_code == 404
    assert confirm(manager, send(manager, un_file({"EUR": "0.923"}, MARCH)).text).status_code == 303


# --- commands ---------------------------------------------------------------------------------------------------
@pytest.fixture
def run(app: Any, tmp_path: Path) -> Any:
    """`run("import", content, "--source", "un")`: the command's result; content goes into a file."""
    def invoke(command: str, content: bytes | None = None, *arguments: str, name: str = "march.csv") -> Any:
        more = list(arguments)
        if content is not None:
            (tmp_path / name).write_bytes(content)
            more.append(str(tmp_path / name))
        return app.test_cli_runner().invoke(args=["rates", command, *more])

    return invoke


def test_the_command_imports_and_lists(run: Any) -> None:
    content = b"Place;Money;Rate of today;Since\nA;EUR;0,923;01/03/2027\nB;JPY;1.505,25;01/03/2027\n"
    told = ("--source", "un", "--map", "currency=Money,rate=3,date=since", "--decimal", "comma", "--date-order", "dmy")
    dry = run("import", content, *told, "--dry-run")
    assert dry.exit_code == 0 and "2 new, 0 on record already" in dry.output and "imported" not in dry.output
    assert db.session.query(RateImport).count() == 0
    done = run("import", content, *told)
    assert done.exit_code == 0, done.output
    row = db.session.query(RateImport).one()
    assert f"imported as {row.id}" in done.output and row.imported_by is None and row.file_name == "march.csv"
    listed = run("list")
    assert listed.exit_code == 0
    assert re.search(r"EUR +0\.923 +from 2027-03-01 +until 2027-04-15", listed.output)
    assert "2 currencies" in listed.output
    again = run("import", content, *told)
    assert again.exit_code == 1 and "on record already" in again.output
    bank = run("import", ecb_file({"2027-03-19": {"USD": "1.0842"}}), "--source", "ecb", name="eurofxref.xml")
    assert bank.exit_code == 0 and "1 new" in bank.output
    assert "1/1.0842" in run("list", None, "--source", "ecb").output


def test_the_command_names_wrong_lines_and_fails(run: Any) -> None:
    put_rates({"IRR": "42000"}, date(2027, 2, 15))
    wrong = run("import", un_file({"EUR": "0", "QQQ": "1", "CHF": "0.88"}, MARCH))
    assert wrong.exit_code == 1
    assert "line 3: The rate is zero." in wrong.output and "line 4: The currency “QQQ”" in wrong.output
    assert "2 wrong lines; nothing was imported" in wrong.output
    jump = un_file({"IRR": "84000"}, MARCH)
    unlooked = run("import", jump)
    assert unlooked.exit_code == 1 and "IRR changed from 42000" in unlooked.output and "(--looked)" in unlooked.output
    assert db.session.query(RateImport).count() == 1
    assert run("import", jump, "--looked").exit_code == 0
    assert db.session.query(RateImport).count() == 2


@pytest.mark.parametrize(("arguments", "words"), [
    (("--map", "currency=Nothing"), "no column 'Nothing'"), (("--map", "price=1"), "knows currency, rate and date"),
    (("--date", "1.3.2027"), "2027-03-01"), (("--date", "2029-03-01"), "45 days ahead"), (("--skip", "x"), "numbers"),
    (("--source", "nobody"), "nobody"), (("--source", "ecb"), "not a file of ECB"),
    (("--source", "ecb", "--skip", "1"), "needs no telling"), (("--map", "currency=1,rate=99"), "no column '99'"),
])
def test_the_command_says_what_it_needs(run: Any, arguments: tuple[str, ...], words: str) -> None:
    answer = run("import", un_file({"EUR": "0.92"}, MARCH), *arguments)
    assert answer.exit_code != 0 and words in answer.output
    assert db.session.query(RateImport).count() == 0


def test_the_command_takes_one_day_for_all(run: Any) -> None:
    content = b"EUR,0.92\nCHF,0.88\n"
    assert "--date" in run("import", content).output
    assert run("import", content, "--date", "2027-03-01", "--header", "0").exit_code == 0
    assert {rate.day for rate in db.session.query(ExchangeRate)} == {MARCH}


# --- what waits -------------------------------------------------------------------------------------------------
def items(app: Any, who: Any) -> list[desk.DeskItem]:
    with app.test_request_context():
        return [item for item in desk.items_for(person(who.id)) if str(item.url).startswith("/rates/")]


def test_rates_that_run_out_stand_on_the_managers_desk(app: Any, make: Any, in_use: set[str]) -> None:
    who, other = make.person("fund_manager"), make.person("auditor")
    put_rates({"EUR": "0.92", "CHF": "0.88", "KES": "129"}, date(2027, 2, 10))  # until 27 March
    assert items(app, who) == []
    in_use |= {"EUR", "CHF", "USD"}
    with clock.moved_to(NOW - timedelta(days=1)):
        assert items(app, who) == []  # eight days are left
    found = items(app, who)
    assert [(str(i.title), i.due, i.what) for i in found] == [
        ("The exchange rates of CHF, EUR expire soon, the first after 27 March 2027", date(2027, 3, 27),
         "Import the UN operational rates for March 2027")]
    assert items(app, other) == []
    put_rates({"EUR": "0.93"}, date(2027, 3, 28))  # takes over without a gap
    assert "CHF expires after 27 March 2027" in str(items(app, who)[0].title)
    in_use.add("JPY")
    with clock.moved_to(NOW + timedelta(days=8)):  # 28 March
        found = items(app, who)
        assert [str(i.title) for i in found] == ["No exchange rate may be used for CHF, JPY"]
        assert found[0].due == date(2027, 3, 28) and found[0].tone == "attention"
    with app.test_request_context():
        assert found[0].url == url_for("rates.import_form")


def test_the_daily_job_writes_once_about_each_thing(app: Any, make: Any, in_use: set[str]) -> None:
    make.person("fund_manager", email="manager@test.example")
    make.person("auditor", email="auditor@test.example")
    in_use.add("EUR")
    put_rates({"EUR": "0.92"}, date(2027, 2, 10))

    def mails() -> list[OutboxMail]:
        return db.session.query(OutboxMail).filter_by(kind="rates-expiring").order_by(OutboxMail.id).all()

    assert jobs.JOBS["rates-expiring"].every == 86_400
    for days in (-7, 0, 0, 3, 8, 9):
        assert jobs.run("rates-expiring", NOW + timedelta(days=days)).failed == 0
    sent = mails()
    assert [(m.to_address, m.subject) for m in sent] == [
        ("manager@test.example", "The exchange rate of EUR expires after 27 March 2027"),
        ("manager@test.example", "EUR has no exchange rate that may be used")]
    assert "http://placard.test/rates/import" in str(sent[0].body)
    assert "Import the UN operational rates for March 2027" in str(sent[0].body)


def test_registering_currencies_twice_counts_once(in_use: set[str]) -> None:
    def codes() -> set[str]:
        return {"EUR", "USD"}

    register_currencies_in_use(codes)
    register_currencies_in_use(codes)
    assert len(rates._in_use) == 2 and rates.currencies_in_use() == {"EUR"}
