"""The books' pages: who may see them, what they show, what they download."""

import csv
import io
import uuid
from datetime import UTC, date, datetime
from urllib.parse import quote_plus

import pytest
from markupsafe import escape
from openpyxl import load_workbook

from core.actor import person, system
from core.db import db
from sponsorship.contributions.models import Contribution
from sponsorship.ledger import words
from sponsorship.ledger.books import account_by_code
from sponsorship.ledger.chart import KINDS, RETIRED
from sponsorship.ledger.models import Entry
from sponsorship.ledger.service import (
    Intake,
    LegSpec,
    account_id,
    charge_fee,
    cover_shortfall,
    credit,
    open_pool,
    post,
    receive,
    reserve,
    spend,
)
from tests.support.fund_story import FundStory

TESTS = system("tests")
MAY = ("fund_manager", "head_of_fund", "certifying_officer", "approving_officer", "auditor")


@pytest.fixture
def story(app):
    pool = open_pool("africa", "African Group", {"group": ["African"]})
    receive(pool, Intake(1_234_56, 34_56), source=("contribution", uuid.uuid4()), key="in", actor=TESTS)
    reservation = reserve(("award", uuid.uuid4()), [pool], 500_00, key="reserve", actor=TESTS)
    spend(reservation, 200_00, key="spend", actor=TESTS, subject=("disbursement", uuid.uuid4()))
    return pool


@pytest.fixture
def auditor(make, as_person):
    return as_person(make.person("auditor"))


def body(answer):
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def table_of(answer):
    return list(csv.reader(io.StringIO(body(answer).lstrip("\ufeff"))))


def addresses(code):
    account = account_by_code(code)
    return f"/ledger/accounts/{account.id}/"


def entry_address(key):
    return f"/ledger/entries/{db.session.query(Entry.id).filter_by(key=key).scalar()}/"


@pytest.mark.parametrize("role", MAY)
def test_those_who_keep_or_check_the_books_see_them(story, make, as_person, role):
    client = as_person(make.person(role))
    for address in ("/ledger/", addresses("bank"), entry_address("spend")):
        assert client.get(address).status_code == 200


@pytest.mark.parametrize("role", ["focal_point", "donor", "nominee", "panel_member", "organiser", "bank_signatory"])
def test_others_do_not(story, make, as_person, client, role):
    signed_in = as_person(make.person(role))
    for address in ("/ledger/", addresses("bank"), entry_address("spend")):
        assert signed_in.get(address).status_code in (403, 404)
        assert client.get(address).status_code in (302, 303)


def test_trial_balance_with_nothing_and_with_a_story(app, auditor):
    assert "No pool is open yet" in body(auditor.get("/ledger/"))


def test_trial_balance_shows_pools_and_both_books_in_balance(story, auditor):
    page = body(auditor.get("/ledger/"))
    for words_shown in ("African Group", "1,234.56", "1,200.00", "Available: African Group", "635.00", "339.00"):
        assert words_shown in page, words_shown
    rows = list(csv.reader(io.StringIO(body(auditor.get("/ledger/?format=csv")).lstrip("\ufeff"))))
    assert rows[0] == ["Account", "Code", "Debit (USD)", "Credit (USD)"]
    table = {row[1]: row for row in rows[1:]}
    assert table["available:africa"][2:] == ["", "635.00"]
    assert table["stripe_clearing"][2:] == ["1200.00", ""]
    assert sum(float(row[2] or 0) for row in rows[1:]) == pytest.approx(sum(float(row[3] or 0) for row in rows[1:]))


def test_statement_of_an_account(story, auditor):
    page = body(auditor.get(addresses("reserved:africa")))
    for words_shown in ("Reserved: African Group", "Money reserved", "Payment instructed", "565.00", "226.00",
                        "339.00"):
        assert words_shown in page, words_shown
    rows = table_of(auditor.get(addresses("reserved:africa") + "?format=csv"))
    assert rows[0] == ["When", "Entry", "About", "As paid", "Currency", "Rate (units for 1 USD)", "Source of the rate",
                       "Day of the rate", "Debit (USD)", "Credit (USD)", "Balance (USD)", "Entry identifier",
                       "Recorded"]
    assert [(row[1], row[10]) for row in rows[1:]] == [
        ("Opening balance", "0.00"), ("Money reserved", "565.00"), ("Payment instructed", "339.00"),
        ("Closing balance", "339.00")]


def test_statement_pages_and_an_empty_account(story, auditor):
    for n in range(60):
        receive(story, Intake(100 + n), source=("contribution", uuid.uuid4()), key=f"more{n}", actor=TESTS)
    assert "Page" in body(auditor.get(addresses("available:africa") + "?page=2"))
    assert "Before the first line below" in body(auditor.get(addresses("available:africa") + "?page=2"))
    assert body(auditor.get(addresses("available:africa") + "?page=9999"))
    assert "Nothing posted in this period" in body(auditor.get(addresses("bank")))


def test_one_entry(story, make, auditor):
    page = body(auditor.get(entry_address("spend")))
    for words_shown in ("Payment instructed", "Direct costs: African Group", "In transit: African Group",
                        "Placard itself", "Programme support costs due", "26.00", "Legs in the budgetary book",
                        "Disbursement "):
        assert words_shown in page, words_shown
    keeper = person(make.person("fund_manager", name="Ada Keeper").id)
    wrong = db.session.query(Entry.id).filter_by(key="spend").scalar()
    post("correction", [
        LegSpec(account_id("bank"), "D", 108_50, 100_00, "EUR", "1.0850", "UN operational rate", date(2026, 11, 1)),
        credit(account_id("stripe_clearing"), 108_50),
    ], key="fix", actor=keeper, corrects=wrong)
    page = body(auditor.get(entry_address("fix")))
    for words_shown in ("Corrects", "Ada Keeper", "EUR 100.00", "1.0850", "UN operational rate", "1 November 2026",
                        "Payment instructed, "):
        assert words_shown in page, words_shown
    assert "Corrected by" in body(auditor.get(entry_address("spend")))


def test_unknown_accounts_and_entries_are_not_found(auditor):
    for address in (f"/ledger/accounts/{uuid.uuid4()}/", f"/ledger/entries/{uuid.uuid4()}/", "/ledger/accounts/x/"):
        assert auditor.get(address).status_code == 404


def test_a_statement_takes_a_fixed_number_of_queries(story, auditor, queries):
    def cost():
        queries.clear()
        auditor.get(addresses("available:africa"))
        return len(queries)

    few = cost()
    for n in range(30):
        reserve(("award", uuid.uuid4()), [story], 1_00, key=f"r{n}", actor=TESTS)
    assert cost() == few


def test_a_room_may_name_what_its_entries_are_about(story, auditor, monkeypatch):
    monkeypatch.setitem(words.SUBJECTS, "award", words.SUBJECTS["award"])
    words.describe_subjects("award", "Award", lambda ids: dict.fromkeys(ids, ("AWD-2026-0001", "/awards/")))
    assert "AWD-2026-0001" in body(auditor.get(addresses("available:africa")))


# --- at an instant, of a period -----------------------------------------------------------------------------------
@pytest.fixture
def years(app):
    """One payout in each of three years, and one paid in yen."""
    open_pool("africa", "African Group", {"group": ["African"]})
    for year, amount in ((2024, 100_00), (2025, 200_00), (2026, 300_00)):
        post("payout", [LegSpec(account_id("bank"), "D", amount), credit(account_id("stripe_clearing"), amount)],
             key=f"p{year}", actor=TESTS, occurred_at=datetime(year, 6, 15, 10, 30, tzinfo=UTC))
    post("payout", [
        LegSpec(account_id("bank"), "D", 10_00, 1508, "JPY", "150.82", "UN operational rate", date(2025, 7, 1)),
        LegSpec(account_id("bank"), "D", 1, 0, "JPY", "150.82", "UN operational rate", date(2025, 7, 1)),
        credit(account_id("stripe_clearing"), 10_01),
    ], key="yen", actor=TESTS, occurred_at=datetime(2025, 7, 2, tzinfo=UTC))


@pytest.mark.parametrize(("at", "bank"), [
    ("2024-06-15", "100.00"), ("2024-06-15T10:29", None), ("2024-06-15T10:30", "100.00"),
    ("15 June 2025, 10:30 UTC", "300.00"), ("2025-12-31T23:59", "310.01"), ("2024-06-15 12:30 +02:00", "100.00"),
    ("2024-06-15T12:29:59+02:00", None), ("2099-01-01", "610.01"),
])
def test_trial_balance_at_an_instant(years, auditor, at, bank):
    rows = {row[1]: row for row in table_of(auditor.get("/ledger/", query_string={"at": at, "format": "csv"}))}
    assert rows["bank"][2] == (bank or "")
    page = body(auditor.get("/ledger/", query_string={"at": at}))
    assert (bank or "Every account stands at zero") in page
    assert "What was entered later" in page
    assert f"?at={quote_plus(at)}&amp;format=xlsx" in page or not bank


@pytest.mark.parametrize("at", [
    "yesterday", "2026-02-30", "2026-01-01T25:00", "0001-01-01", "2026-01-01T10", "9" * 300, "2026-01-01T10:30 Mars",
])
def test_what_is_no_instant_is_said_and_kept(years, auditor, at):
    page = body(auditor.get("/ledger/", query_string={"at": at}))
    assert "Write a day, or a day with a time" in page and f'value="{at}"' in page
    assert "610.01" in page  # meanwhile the books as they stand now


def test_statement_of_a_period(years, auditor):
    bank = addresses("bank")
    page = body(auditor.get(bank + "?from=2025-01-01&to=2025-12-31"))
    for shown in ("Opening balance, 1 January 2025", "100.00", "Closing balance, 31 December 2025", "310.01",
                  "JPY 1,508", "at <bdi>150.82</bdi> JPY for 1 USD", "UN operational rate", "1 July 2025",
                  "Difference of exchange, JPY", "minor units"):
        assert (shown in page) is (shown != "minor units"), shown
    rows = table_of(auditor.get(bank + "?from=2025-01-01&to=2025-12-31&format=csv"))
    assert [row[3:11] for row in rows[1:]] == [
        ["", "", "", "", "", "", "", "100.00"],
        ["200.00", "USD", "", "", "", "200.00", "", "300.00"],
        ["1508", "JPY", "150.82", "UN operational rate", "2025-07-01", "10.00", "", "310.00"],
        ["0", "JPY", "150.82", "UN operational rate", "2025-07-01", "0.01", "", "310.01"],
        ["", "", "", "", "", "", "", "310.01"],
    ]
    assert "100.00" in body(auditor.get(bank + "?to=2024-12-31"))  # from the beginning of this year, or of that day
    assert "610.01" in body(auditor.get(bank + "?from=2024-01-01"))
    sheet = load_workbook(io.BytesIO(auditor.get(bank + "?from=2025-01-01&to=2025-12-31&format=xlsx").data)).active
    assert [cell.value for cell in sheet["K"]][1:6] == [100, 300, 310, 310.01, 310.01]
    assert sheet["D4"].value == 1508 and "JPY" in sheet["D4"].number_format


def test_a_period_that_cannot_be(years, auditor):
    page = body(auditor.get(addresses("bank") + "?from=2025-12-31&to=2025-01-01"))
    assert "Write a day that is not before the first one" in page and 'value="2025-12-31"' in page
    page = body(auditor.get(addresses("bank") + "?from=32 May 2025"))
    assert "Write a date that exists" in page and 'value="32 May 2025"' in page


def test_pages_of_a_statement_keep_its_period(years, auditor):
    for n in range(55):
        post("payout", [LegSpec(account_id("bank"), "D", 1), credit(account_id("stripe_clearing"), 1)], key=f"n{n}",
             actor=TESTS, occurred_at=datetime(2025, 1, 1, n // 60, n % 60, tzinfo=UTC))
    page = body(auditor.get(addresses("bank") + "?from=2025-01-01&to=2025-12-31"))
    assert "from=2025-01-01&amp;to=2025-12-31&amp;page=2" in page and "1–50 of 58" in page
    page = body(auditor.get(addresses("bank") + "?from=2025-01-01&to=2025-12-31&page=2"))
    assert "51–58 of 58" in page and "100.50" in page


# --- chart, pools -------------------------------------------------------------------------------------------------
def test_chart_of_accounts_says_what_each_account_means(app, auditor):
    assert "No pool is open yet" in body(auditor.get("/ledger/chart"))
    open_pool("africa", "African Group", {"group": ["African"]})
    page = body(auditor.get("/ledger/chart"))
    for kind in KINDS:
        assert escape(str(words.ACCOUNTS[kind][0])) in page and escape(str(words.ACCOUNTS[kind][1])) in page
    assert "African Group" in page and addresses("bank") in page


def test_pools_with_nothing_and_with_a_story(app, auditor, request):
    assert "No pool is open yet" in body(auditor.get("/ledger/pools/"))
    pool = request.getfixturevalue("story")
    page = body(auditor.get("/ledger/pools/"))
    for shown in ("African Group", "May leave", "1,234.56", "635.00", f"/ledger/pools/{pool}/"):
        assert shown in page, shown
    assert table_of(auditor.get("/ledger/pools/?format=csv"))[1][:2] == ["africa", "African Group"]


def test_one_pool(story, auditor, monkeypatch):
    monkeypatch.setattr(words, "_EARMARKS", [lambda found: ["For delegates from African States" for _ in found]])
    page = body(auditor.get(f"/ledger/pools/{story}/"))
    for shown in ("For delegates from African States", "1,234.56", "−34.56", "−200.00", "−26.00", "339.00", "635.00",
                  "Accounts of this pool", addresses("available:africa")):
        assert shown in page, shown
    assert "are stopped" not in page
    lots = body(auditor.get(f"/ledger/pools/{story}/lots"))
    for shown in ("Contribution ", "1,200.00", "339.00", "226.00", "635.00", "13"):
        assert shown in lots, shown
    promised = body(auditor.get(f"/ledger/pools/{story}/reservations?state=open"))
    for shown in ("Award ", "500.00", "65.00", "226.00", "339.00"):
        assert shown in promised, shown
    assert "No shortfall" in body(auditor.get(f"/ledger/pools/{story}/shortfalls"))
    assert table_of(auditor.get(f"/ledger/pools/{story}/lots?format=csv"))[1][4:] == [
        "1200.00", "339.00", "226.00", "0.00", "635.00"]
    assert len(table_of(auditor.get(f"/ledger/pools/{story}/reservations?format=csv"))) == 2


def test_a_pool_whose_payments_are_stopped(story, auditor, monkeypatch):
    charge_fee(story, 700_00, subject=("dispute", uuid.uuid4()), key="dispute", actor=TESTS)
    page = body(auditor.get(f"/ledger/pools/{story}/"))
    for shown in ("Payments from this pool are stopped", "65.00", "Fee charged", "Dispute ", entry_address("dispute")):
        assert shown in page, shown
    assert "Stopped" in body(auditor.get("/ledger/pools/"))
    assert "65.00" in body(auditor.get(f"/ledger/pools/{story}/shortfalls?state=open"))
    receive(story, Intake(100_00), source=("contribution", uuid.uuid4()), key="more", actor=TESTS)
    cover_shortfall(story, key="cover", actor=TESTS)
    assert "are stopped" not in body(auditor.get(f"/ledger/pools/{story}/"))
    assert "Nothing matches" in body(auditor.get(f"/ledger/pools/{story}/shortfalls?state=open"))
    covered = body(auditor.get(f"/ledger/pools/{story}/shortfalls"))
    assert "65.00" in covered
    [cover] = db.session.query(Entry.id).filter_by(kind="shortfall.cover").one()
    assert "Fee charged, " in body(auditor.get(f"/ledger/entries/{cover}/"))  # what the cover was for


def test_an_unknown_pool_is_not_found(auditor):
    for part in ("", "lots", "reservations", "shortfalls"):
        assert auditor.get(f"/ledger/pools/{uuid.uuid4()}/{part}").status_code == 404


# --- financial statement ------------------------------------------------------------------------------------------
def test_financial_statement_of_nothing(app, auditor):
    page = body(auditor.get("/ledger/financial-statement"))
    assert "Statement of financial position" in page and "No pool is open yet" in page
    assert auditor.get("/ledger/financial-statement?format=pdf").data.startswith(b"%PDF")
    assert auditor.get("/ledger/financial-statement?format=xlsx").status_code == 200


def test_financial_statement_as_page_paper_and_workbook(story, auditor):
    page = body(auditor.get("/ledger/financial-statement"))
    for shown in ("Contributions received", "1,234.56", "Direct costs", "200.00", "Support costs", "26.00", "974.00",
                  "Payment provider", "1,200.00", "In transit", "Reserved for obligations", "339.00", "635.00",
                  "African Group", "the trial balance of that day"):
        assert shown in page, shown
    answer = auditor.get("/ledger/financial-statement?at=2030-12-31&format=xlsx")
    book = load_workbook(io.BytesIO(answer.data))
    assert book.sheetnames == ["Statement of income and expendi", "Statement of financial position", "By pool"]
    lines = {row[1].value: row[2].value for row in book.worksheets[1].iter_rows(max_row=20) if row[1].value}
    assert lines["Total: Net assets"] == 974 and lines["Total: Assets"] == 1200 and lines["In transit"] == 200
    paper = auditor.get("/ledger/financial-statement?format=pdf")
    assert paper.mimetype == "application/pdf" and paper.data.startswith(b"%PDF")
    assert "Write a date that exists" in body(auditor.get("/ledger/financial-statement?at=nonsense"))


@pytest.mark.parametrize("day", ["2199-12-31", "1900-01-01", "2200-06-30"])
def test_financial_statement_of_any_year(story, auditor, day):
    assert body(auditor.get(f"/ledger/financial-statement?at={day}"))


def test_rooms_name_what_entries_are_about_and_link_only_for_those_who_may(make, as_person):
    """A contribution by its reference, an earmark in words: from a story played through the rooms."""
    story = FundStory(make)
    pool = open_pool("women", "Women", {"sex": ["female"]}, is_demo=True)
    contribution = story.give("XY", 500_00, pool_id=pool)
    reference = db.session.get(Contribution, contribution).reference
    address = f"/contributions/{contribution}/"
    for role, linked in (("auditor", True), ("certifying_officer", False)):
        client = as_person(make.person(role))
        page = body(client.get(f"/ledger/pools/{pool}/lots"))
        assert reference in page and (address in page) is linked
        assert "For delegates who are women" in page
        [entry] = db.session.query(Entry.id).filter_by(subject_id=contribution).one()
        page = body(client.get(f"/ledger/entries/{entry}/"))
        assert reference in page and (address in page) is linked


def test_every_kind_of_account_has_its_words():
    assert set(words.ACCOUNTS) == {*KINDS, *RETIRED}
    assert {kind.nature for kind in KINDS.values()} == set(words.NATURES)
