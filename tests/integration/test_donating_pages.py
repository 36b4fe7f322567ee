"""Giving, page by page: any currency, a purpose of one's own, instalments, the check before anything binding."""

from __future__ import annotations

import random
import re
import uuid
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from core import clock
from core.db import db
from sponsorship.contributions.models import Instalment, Pledge
from sponsorship.gateways.rate_import import withdraw_import
from sponsorship.ledger import service as ledger
from tests.support.giving import AMOUNT, DONOR, error_of, main_of, rows, seen, words_of
from tests.support.rates import put_rates

pytestmark = pytest.mark.pages

OWN = AMOUNT | {"purpose": "own"}
DATED = AMOUNT | {"when": "dated"}


@pytest.fixture(autouse=True)
def pools(app: Any) -> None:
    ledger.open_pool("general", "Unearmarked money")
    ledger.open_pool("women", "Women delegates", {"sex": ["female"]})


@pytest.fixture
def euros(app: Any) -> uuid.UUID:
    return put_rates({"EUR": "0.92", "JPY": "150", "KWD": "0.307"}, clock.today())


def in_days(days: int) -> str:
    return (clock.today() + timedelta(days=days)).isoformat()


def only() -> Pledge:
    db.session.expire_all()
    return db.session.query(Pledge).one()


# --- currency ---------------------------------------------------------------------------------------------------
def test_a_pledge_in_euros_shows_its_worth_before_it_binds(client: Any, euros: uuid.UUID) -> None:
    page = client.get("/donate/").text
    codes = re.findall(r'<option[^>]* value="([A-Z]{3})"', page)
    assert codes[0] == "USD" and set(codes) == {"USD", "EUR", "JPY", "KWD"}
    assert client.submit("/donate/", AMOUNT | {"currency": "EUR"}).location == "/donate/who"
    assert client.submit("/donate/who", DONOR).location == "/donate/check"
    check = client.get("/donate/check").text
    for words in ("EUR 25,000.00", "25,000.00 euros", "USD 27,173.91", "0.92", "UN operational rate"):
        assert words in words_of(check)
    assert db.session.query(Pledge).count() == 0
    page = client.get(client.submit("/donate/check", seen(check)).location).text
    assert "EUR 25,000.00" in page and "USD 27,173.91" in page
    assert (only().currency, only().usd_minor) == ("EUR", 27_173_91)


@pytest.mark.parametrize(("change", "field", "words"), [
    ({"currency": "JPY", "amount": "25,000.5"}, "amount", "no smaller part than 1 JPY"),
    ({"currency": "JPY", "amount": "700"}, "amount", "USD 5.00 or more"),
    ({"currency": "KWD", "amount": "10.0001"}, "amount", "no smaller part than 0.001 KWD"),
    ({"currency": "EUR", "amount": "4.59"}, "amount", "USD 5.00 or more"),
    ({"currency": "EUR", "amount": "92,000,001"}, "amount", "number of zeros"),
    ({"currency": "SEK"}, "currency", "no exchange rate for SEK today"),
    ({"currency": "XXX"}, "currency", "no exchange rate for XXX today"),
    ({"currency": "€"}, "currency", "Choose a currency from the list"),
    ({"currency": ""}, "currency", "Choose a currency from the list"),
    ({"when": "never"}, "when", "one of the answers offered"),
])
def test_amounts_that_cannot_be(client: Any, euros: uuid.UUID, change: dict[str, str], field: str, words: str) -> None:
    answer = client.submit("/donate/", AMOUNT | change)
    assert answer.status_code == 422
    assert words in error_of(answer.text, field)
    assert f'value="{(AMOUNT | change)["amount"]}"' in answer.text
    if re.fullmatch("[A-Z]{3}", change.get("currency", "")):
        assert f'<option selected value="{change["currency"]}"' in answer.text, "the currency typed stays chosen"


@pytest.mark.parametrize(("typed", "minor"), [("4.60", 4_60), ("٢٥٬٠٠٠", 25_000_00), ("92,000,000", 92_000_000_00)])
def test_amounts_to_the_cent(client: Any, euros: uuid.UUID, typed: str, minor: int) -> None:
    assert client.submit("/donate/", AMOUNT | {"currency": "EUR", "amount": typed}).status_code == 303
    client.submit("/donate/who", DONOR)
    client.submit("/donate/check", seen(client.get("/donate/check").text))
    assert only().amount_minor == minor


def test_a_rate_that_went_missing_loses_nothing(client: Any, euros: uuid.UUID, make: Any) -> None:
    client.submit("/donate/", AMOUNT | {"currency": "EUR"})
    client.submit("/donate/who", DONOR)
    mark = seen(client.get("/donate/check").text)
    withdraw_import(euros, make.actor("fund_manager"), "wrong_file", "x")
    answer = client.submit("/donate/check", mark)
    assert answer.status_code == 422
    assert "no exchange rate for EUR today" in answer.text and "Ada Foundation" in answer.text
    assert "Make this pledge" not in main_of(answer.text)
    assert db.session.query(Pledge).count() == 0
    page = client.get("/donate/").text
    assert 'value="25000.00"' in page and '<option selected value="EUR">' in page
    put_rates({"EUR": "0.92"}, clock.today())
    assert client.submit("/donate/check", seen(client.get("/donate/check").text)).status_code == 303


def test_a_newer_rate_or_another_tab_asks_to_look_again(client: Any, euros: uuid.UUID) -> None:
    client.submit("/donate/", AMOUNT | {"currency": "EUR"})
    client.submit("/donate/who", DONOR)
    mark = seen(client.get("/donate/check").text)
    client.submit("/donate/", AMOUNT | {"currency": "EUR", "amount": "99,000"})  # in another window
    answer = client.submit("/donate/check", mark)
    assert answer.status_code == 409 and "not what your page showed" in answer.text
    assert "EUR 99,000.00" in answer.text
    assert client.submit("/donate/check", seen(answer.text)).status_code == 303
    assert only().amount_minor == 99_000_00


def test_sending_twice_makes_one_pledge(client: Any, euros: uuid.UUID) -> None:
    client.submit("/donate/", AMOUNT)
    client.submit("/donate/who", DONOR)
    mark = seen(client.get("/donate/check").text)
    with client.session_transaction() as session:
        kept = dict(session["donation"])
    first = client.submit("/donate/check", mark).location
    with client.session_transaction() as session:
        session["donation"] = kept
    assert client.submit("/donate/check", mark).location == first
    assert db.session.query(Pledge).count() == 1


# --- purpose ----------------------------------------------------------------------------------------------------
def test_a_purpose_of_ones_own_in_plain_words(client: Any, make: Any) -> None:
    meeting = make.meeting(slug="bms10", short_name="BMS10")
    make.state("XA")
    assert client.submit("/donate/", OWN).location == "/donate/purpose"
    assert "BMS10" in client.get("/donate/purpose").text
    chosen = {"meeting": "bms10", "facts": "ldc", "sex": "female"}
    words = "For delegates to BMS10, from least developed countries, who are women"
    answer = client.submit("/donate/purpose", chosen | {"action": "words"})
    assert answer.status_code == 200 and words in words_of(answer.text)
    assert "nobody meets" not in answer.text
    assert client.get("/donate/check").location == "/donate/purpose", "shown, not kept"
    assert client.submit("/donate/purpose", chosen).location == "/donate/who"
    client.submit("/donate/who", DONOR)
    check = client.get("/donate/check").text
    assert words in words_of(check) and "nobody meets" not in check
    page = client.get(client.submit("/donate/check", seen(check)).location).text
    assert words in words_of(page)
    assert only().earmark == {"meeting": [meeting.slug], "facts": ["ldc"], "sex": ["female"]}
    officer_made = client.get("/donate/").text
    assert words not in officer_made, "a purpose somebody made up is offered once money has come for it"


@pytest.mark.parametrize("data", [{}, {"action": "words"}, {"facts": "rich"}, {"sex": ["female", "both"]},
                                  {"meeting": "no-such-meeting"}, {"group": "<b>"}])
def test_purposes_that_cannot_be(client: Any, data: dict[str, Any]) -> None:
    client.submit("/donate/", OWN)
    answer = client.submit("/donate/purpose", data)
    assert answer.status_code == 422
    assert "There is a problem" in answer.text
    assert client.get("/donate/check").location == "/donate/purpose"


UNMET: list[tuple[dict[str, Any], str]] = [
    ({"facts": "sids"}, "no State of this description: from small island developing States"),
    ({"facts": "ldc", "group": "WEOG"}, "from least developed countries, from Western European and other States"),
    ({"kind": "MGE"}, "No meeting of this kind is to come on the public calendar: Meeting of governmental experts"),
    ({"meeting": "bms10", "kind": "RevCon"}, "not of the kind chosen"),
]


@pytest.mark.parametrize(("chosen", "words"), UNMET)
def test_an_earmark_nobody_can_meet_is_warned_of_and_may_be_confirmed(
    client: Any, make: Any, chosen: dict[str, Any], words: str
) -> None:
    make.meeting(slug="bms10", short_name="BMS10")
    make.state("XA", facts=("ldc", "group:African"))
    make.state("XY", facts=("group:WEOG",))
    client.submit("/donate/", OWN)
    assert words in words_of(client.submit("/donate/purpose", chosen | {"action": "words"}).text)
    client.submit("/donate/purpose", chosen)
    client.submit("/donate/who", DONOR)
    check = client.get("/donate/check").text
    assert "As things stand, nobody meets this purpose" in check and words in words_of(check)
    assert "Make this pledge all the same" in check
    assert client.submit("/donate/check", seen(check)).status_code == 303
    assert only().pool_id is not None


@pytest.mark.parametrize(("state", "words"), [("cancelled", "BMS10 has been cancelled"), ("held", "BMS10 is over")])
def test_a_meeting_that_is_over_by_the_time_of_the_check(client: Any, make: Any, state: str, words: str) -> None:
    meeting = make.meeting(slug="bms10", short_name="BMS10")
    client.submit("/donate/", OWN)
    client.submit("/donate/purpose", {"meeting": "bms10"})
    client.submit("/donate/who", DONOR)
    assert "nobody meets" not in client.get("/donate/check").text
    db.session.execute(sa.update(type(meeting)).where(type(meeting).slug == "bms10").values(state=state))
    db.session.commit()
    assert words in client.get("/donate/check").text
    page = client.get("/donate/purpose").text
    assert re.search(r'<input[^>]*checked[^>]*value="bms10"', page), "what was chosen stays ticked"


# --- instalments ------------------------------------------------------------------------------------------------
def test_instalments_with_dates(client: Any) -> None:
    assert client.submit("/donate/", DATED).location == "/donate/instalments"
    page = client.get("/donate/instalments")
    assert page.text.count('name="instalments-') == 8
    answer = client.submit("/donate/instalments", rows((in_days(10), "10,000"), (in_days(40), "15,000"), ("", "")))
    assert answer.location == "/donate/who"
    client.submit("/donate/who", DONOR)
    check = client.get("/donate/check").text
    assert "10,000.00" in check and "15,000.00" in check
    page = client.get(client.submit("/donate/check", seen(check)).location).text
    assert "Pay instalment 1 of 2." in page
    assert [(i.due_on.isoformat(), i.amount_minor) for i in db.session.query(Instalment).order_by(Instalment.n)] == [
        (in_days(10), 10_000_00), (in_days(40), 15_000_00)]


def test_an_even_split_by_a_button_that_needs_no_script(client: Any) -> None:
    client.submit("/donate/", DATED | {"amount": "100"})
    answer = client.submit("/donate/instalments", {
        "action": "split", "number": "3", "first": "2028-01-31", "every": "1"})
    assert answer.status_code == 200
    values = re.findall(r'name="instalments-\d-(?:due_on|amount)"[^>]*value="([^"]*)"', answer.text)
    assert values == ["2028-01-31", "33.34", "2028-02-29", "33.33", "2028-03-31", "33.33"]
    assert client.get("/donate/check").location == "/donate/instalments", "filled in, not kept"


@pytest.mark.parametrize(("change", "field", "words"), [
    ({"number": ""}, "number", "how many"), ({"number": "21"}, "number", "from 1 to 20"),
    ({"number": "0"}, "number", "from 1 to 20"), ({"number": "x"}, "number", "whole number"),
    ({"first": ""}, "first", "date of the first"), ({"first": "soon"}, "first", "date that exists"),
    ({"every": "5"}, "every", "Choose one of the answers offered"),
])
def test_splits_that_cannot_be(client: Any, change: dict[str, str], field: str, words: str) -> None:
    client.submit("/donate/", DATED)
    answer = client.submit("/donate/instalments", {
        "action": "split", "number": "3", "first": in_days(5), "every": "1"} | change)
    assert answer.status_code == 422 and words in error_of(answer.text, field)


def test_a_line_more_keeps_what_was_typed(client: Any) -> None:
    client.submit("/donate/", DATED)
    answer = client.submit("/donate/instalments", rows((in_days(10), "1 0"), ("32 June", "")) | {"action": "add"})
    assert answer.status_code == 200
    assert 'value="1 0"' in answer.text and 'value="32 June"' in answer.text
    assert "instalments-2-due_on" in answer.text


WRONG_ROWS: list[tuple[dict[str, str], str, str]] = [
    (rows(("", "25,000")), "instalments-0-due_on", "date for each"),
    (rows(("2099-01-01", "")), "instalments-0-amount", "amount for each"),
    (rows(("2099-01-01", "25,000")), "instalments", "10 years"),
    (rows(("2020-01-01", "25,000")), "instalments", "before today"),
    (rows(("2029-01-02", "10,000"), ("2029-01-01", "15,000")), "instalments", "order of their dates"),
    (rows(("2029-01-01", "10,000"), ("2029-01-01", "15,000")), "instalments", "order of their dates"),
    (rows(("2029-01-01", "24,999.99")), "instalments", "add up to USD 24,999.99"),
    (rows(("2029-01-01", "25,000.01")), "instalments", "add up to USD 25,000.01"),
    (rows(("2029-01-01", "0")), "instalments-0-amount", "above zero"),
    (rows(("2029-01-01", "-5")), "instalments-0-amount", "without a sign"),
    (rows(("31 February 2029", "25,000")), "instalments-0-due_on", "date that exists"),
    ({}, "instalments", "from one to 20"),
]


@pytest.mark.parametrize(("data", "field", "words"), WRONG_ROWS)
def test_instalments_that_cannot_be(client: Any, data: dict[str, str], field: str, words: str) -> None:
    client.submit("/donate/", DATED)
    answer = client.submit("/donate/instalments", data)
    assert answer.status_code == 422
    assert words in error_of(answer.text, field), error_of(answer.text, field)
    for value in data.values():
        assert not value or f'value="{value}"' in answer.text
    assert client.get("/donate/check").location == "/donate/instalments"


def test_another_amount_asks_for_the_instalments_anew_and_keeps_their_dates(client: Any) -> None:
    client.submit("/donate/", DATED)
    client.submit("/donate/instalments", rows((in_days(10), "10,000"), (in_days(40), "15,000")))
    client.submit("/donate/who", DONOR)
    assert client.submit("/donate/", DATED | {"amount": "30,000"}).location == "/donate/instalments"
    page = client.get("/donate/instalments").text
    assert "The amount has changed" in page and f'value="{in_days(10)}"' in page and 'value="10000.00"' not in page
    assert client.submit("/donate/", AMOUNT | {"amount": "30,000", "when": "once"}).location == "/donate/check"


# --- donor ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["\u202e", "\u200b \u2060", "\u3164", "...", "Anonymous", "مجهول", "\u00ad"])
def test_nobody_gives(client: Any, name: str) -> None:
    client.submit("/donate/", AMOUNT)
    answer = client.submit("/donate/who", DONOR | {"donor_name": name})
    assert answer.status_code == 422 and "no anonymous" in error_of(answer.text, "donor_name")


HOSTILE = ["<script>alert(1)</script>", '=HYPERLINK("http://x","y")', "+1+1", "-2", "@SUM(A1)", "عُمَر \u202eABC",
           "x" * 200, "Ж" * 200, "\u2067ab\u2069", "O'Brien & Söhne 🕊", "a\u0000b", "{{ 7*7 }}", "%(amount)s"]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_do_nothing_anywhere(client: Any, make: Any, as_person: Any, name: str) -> None:
    client.submit("/donate/", AMOUNT)
    answer = client.submit("/donate/who", DONOR | {"donor_name": name, "donor_contact": name})
    if "\x00" in name:  # taken out, told, and sent again
        assert answer.status_code == 422 and "cannot be seen" in error_of(answer.text, "donor_name")
        assert 'value="ab"' in answer.text
        answer = client.submit("/donate/who", DONOR | {"donor_name": "ab", "donor_contact": "ab"})
    assert answer.status_code == 303
    check = client.get("/donate/check").text
    url = client.submit("/donate/check", seen(check)).location
    officer = as_person(make.person("fund_manager"))
    texts = [check, client.get(url).text, officer.get("/contributions/pledges/").text,
             officer.get(f"/contributions/pledges/{only().id}/").text]
    for text in texts:
        assert "<script>alert" not in text and "\u202e" not in text and "\u2067" not in text
    lines = officer.get("/contributions/pledges/?format=csv").text
    assert not re.search(r'[,"](?:=|\+1|@SUM)', lines)
    assert officer.get("/contributions/pledges/?format=xlsx").status_code == 200


def test_the_longest_answers_fit_into_the_cookie(client: Any, make: Any) -> None:
    """A draft that a browser would drop would lose what was typed: it stays under four kilobytes."""
    picked = random.Random(7)
    for n in range(6):
        make.meeting(slug=f"a-meeting-with-a-long-name-{n}", short_name=f"Meeting {n}")
    client.submit("/donate/", AMOUNT | {"purpose": "own", "when": "dated"})
    client.submit("/donate/purpose", {
        "meeting": [f"a-meeting-with-a-long-name-{n}" for n in range(6)], "kind": ["BMS", "RevCon", "PrepCom", "MGE"],
        "facts": ["ldc", "lldc", "sids"], "group": ["African", "Asia-Pacific", "GRULAC"], "sex": ["female", "male"]})
    client.submit("/donate/instalments", rows(*(
        (date(2028, 1 + n % 12, 1 + n).replace(year=2028 + n // 12).isoformat(), "1,250") for n in range(20))))

    def letters(first: int, last: int) -> str:
        return "".join(chr(picked.randint(first, last)) for _ in range(200))

    answer = client.submit("/donate/who", DONOR | {
        "donor_name": letters(0x4E00, 0x9FA5), "donor_contact": letters(0x1F400, 0x1F4FF),
        "donor_email": "a" * 60 + "@" + ".".join(["b" * 50] * 3) + ".example"})
    assert answer.status_code == 303, error_of(answer.text, "donor_email")
    cookie = next(h for h in answer.headers.getlist("Set-Cookie") if h.startswith("placard="))
    assert len(cookie.partition(";")[0]) < 4093
    assert client.submit("/donate/check", seen(client.get("/donate/check").text)).status_code == 303


def test_an_agreement_decides_and_asks_no_purpose(client: Any, make: Any, as_person: Any) -> None:
    from tests.support.giving import Fund

    fund = Fund(make)
    fund.agreement(pool_id=fund.women)
    signed_in = as_person(fund.donor_person)
    page = signed_in.get("/donate/").text
    assert 'name="purpose"' not in page and "Women delegates" in page
    assert signed_in.submit("/donate/", {"amount": "25,000", "when": "dated"}).location == "/donate/instalments"
    assert signed_in.submit("/donate/instalments", rows((in_days(3), "25,000"))).location == "/donate/check"
    url = signed_in.submit("/donate/check", seen(signed_in.get("/donate/check").text)).location
    assert signed_in.get(url).status_code == 200
    assert (only().pool_id, only().state) == (fund.women, "agreed")


def test_steps_that_are_not_asked_for_lead_back(client: Any) -> None:
    for path in ("/donate/purpose", "/donate/instalments", "/donate/who", "/donate/check"):
        assert client.get(path).location == "/donate/"
        assert client.submit(path, {"action": "split"}).location == "/donate/"
    client.submit("/donate/", AMOUNT)
    assert client.get("/donate/purpose").location == "/donate/who"
    assert client.get("/donate/instalments").location == "/donate/who"
