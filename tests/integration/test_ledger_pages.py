"""The books' pages: who may see them, what they show, what they download."""

import csv
import io
import uuid
from datetime import date

import pytest

from core.actor import person, system
from core.db import db
from sponsorship.ledger import words
from sponsorship.ledger.books import account_by_code
from sponsorship.ledger.chart import KINDS, RETIRED
from sponsorship.ledger.models import Entry
from sponsorship.ledger.service import Intake, LegSpec, account_id, credit, open_pool, post, receive, reserve, spend

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
    rows = list(csv.reader(io.StringIO(
        body(auditor.get(addresses("reserved:africa") + "?format=csv")).lstrip("\ufeff"))))
    assert rows[0][:2] == ["Entry identifier", "Entry"]
    assert [row[-2] for row in rows[1:]] == ["339.00", "565.00"]


def test_statement_pages_and_an_empty_account(story, auditor):
    for n in range(60):
        receive(story, Intake(100 + n), source=("contribution", uuid.uuid4()), key=f"more{n}", actor=TESTS)
    assert "Page" in body(auditor.get(addresses("available:africa") + "?page=2"))
    assert body(auditor.get(addresses("available:africa") + "?page=9999"))
    assert "Nothing posted yet" in body(auditor.get(addresses("bank")))


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
    for words_shown in ("Corrects", "Ada Keeper", "EUR", "1.0850", "UN operational rate"):
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


def test_every_kind_of_account_has_its_words():
    assert set(words.ACCOUNTS) == {*KINDS, *RETIRED}
    assert {kind.nature for kind in KINDS.values()} == set(words.NATURES)
