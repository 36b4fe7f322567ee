"""Money in and back, as donors and officers of the told demonstration meet it. Each test makes what it needs, so they
stand alone; papers and files are read, and their figures compared with those of the pages."""

from __future__ import annotations

import csv
import io
import re
import secrets
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import openpyxl
import pypdf
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import Cast, Person, Site, open_window
from tests.browser.steps import desk, figure, mails, reference, show_factor, until_received

pytestmark = pytest.mark.browser

TODAY = date.today()


@pytest.fixture
def plain(browser: Browser, told_site: Site) -> Iterator[Person]:
    """A visitor whose browser runs no scripts."""
    person = open_window(browser, told_site, java_script_enabled=False)
    yield person
    person.context.close()


# --- steps ------------------------------------------------------------------------------------------------------
def _pledge(donor: Person, amount: str, **who: str) -> str:
    """Pledge in US dollars where it is needed most, in one payment; the path of the pledge's page."""
    donor.open("/donate/")
    donor.fill(amount=amount)
    donor.press("Continue")
    if who:
        donor.pick(donor_kind=who["kind"])
        donor.fill(donor_name=who["name"], donor_email=who["email"])
        donor.press("Continue")
    donor.sees("Check your pledge")
    donor.press("Make this pledge")
    return donor.path()


def _to_stripe(donor: Person, button: str = "Pay now by card") -> Page:
    donor.press(button)
    donor.page.wait_for_url(f"{donor.site.simulator}/**")
    return donor.page


def _pay(donor: Person, button: str = "Pay now by card") -> None:
    """By the card that works, and back to the pledge until Stripe has confirmed it."""
    _to_stripe(donor, button).locator("button.primary").click()
    donor.page.wait_for_url(f"{donor.site.base}/**")
    until_received(donor)


def _fact(person: Person, label: str) -> str:
    """What a page's list of facts says under this label."""
    return _row(person, label).locator("dd").inner_text().replace("\xa0", " ").strip()


def _row(person: Person, label: str) -> Locator:
    dt = person.page.locator("dt", has_text=re.compile(f"^{re.escape(label)}$"))
    return person.page.locator("main dl > div").filter(has=dt).first


def _dollars(text: str) -> Decimal:
    return Decimal(re.sub(r"[^\d.]", "", text))


def _file(person: Person, link: Locator) -> bytes:
    """What a link of the page gives, with the reader's own session."""
    href = link.first.get_attribute("href")
    assert href is not None
    answer = person.context.request.get(href if href.startswith("http") else person.site.base + href)
    assert answer.status == 200, f"{href} answered {answer.status}"
    return answer.body()


def _words(pdf: bytes) -> str:
    assert pdf.startswith(b"%PDF-") and len(pdf) > 5_000
    text = " ".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages)
    return " ".join(text.replace("\xa0", " ").split())


def _payments(donor: Person) -> Locator:
    return donor.page.locator('main section:has(> h2:text-is("Payments")) tbody tr')


# --- from a pledge to its receipt -------------------------------------------------------------------------------
def test_from_a_pledge_to_its_receipt(people: Cast) -> None:
    visitor, manager, head = people["visitor-receipt"], people["fund-manager"], people["head"]
    name = f"Demo Receipt Foundation {secrets.token_hex(3)}"
    pledge = _pledge(visitor, "1,234.50", kind="organisation", name=name, email="receipt@foundation.demo.example")
    visitor.sees("Pledge of USD 1,234.50", name)
    _pay(visitor)
    visitor.sees("It now waits for acceptance.")
    assert visitor.page.get_by_role("link", name=re.compile("^RCT-")).count() == 0, "no receipt before acceptance"

    desk(manager, name, "Check the donor")
    manager.pick(outcome="clear")
    manager.fill(consulted="Security Council’s Consolidated List; register of foundations.")
    manager.press("Put the check on record")
    desk(head, name)
    head.fill(checked="Its purpose is the fund’s.")
    head.press("Accept the contribution")

    visitor.open(pledge)
    visitor.sees("Thank you: your contribution has been received")
    assert _fact(visitor, "Still to be paid") == "USD 0.00"
    visitor.page.locator("main").get_by_role("link", name=re.compile("^RCT-")).click()
    visitor.settled("receipt")
    number, fee, net = reference(visitor), _fact(visitor, "Fee of the payment"), _fact(
        visitor, "Net, at the fund’s disposal")
    assert re.fullmatch(rf"RCT-{TODAY.year}-\d{{4,}}", number)
    assert figure(visitor.page, "Received") == "USD 1,234.50"
    assert _dollars(fee) > 0 and _dollars(fee) + _dollars(net) == Decimal("1234.50")
    assert _fact(visitor, "From") == name
    paper = _words(_file(visitor, visitor.page.get_by_role("link", name="Download as PDF")))
    for words in (number, "1,234.50", fee.removeprefix("USD "), net.removeprefix("USD "), name):
        assert words in paper, f"{words} is missing on paper: {paper}"
    mails(people["visitor"], "receipt@foundation.demo.example", number)


# --- a card that is declined ------------------------------------------------------------------------------------
def test_a_declined_card_then_another(people: Cast) -> None:
    donor, head = people["donor-xz"], people["head"]
    received = _dollars(figure(head.open("/fund/"), "Received"))
    pledge = _pledge(donor, "310")
    page = _to_stripe(donor)
    page.get_by_role("button", name=re.compile("Decline card")).click()
    expect(page.get_by_role("alert")).to_contain_text("Your card was declined. No money was taken.")

    page.get_by_role("button", name=re.compile("3-D Secure")).click()  # another card, whose bank asks first
    page.get_by_role("button", name="Fail authentication").click()
    expect(page.get_by_role("alert")).to_contain_text("No money was taken.")
    donor.open(pledge)
    assert _fact(donor, "Paid") == "USD 0.00" and _fact(donor, "Still to be paid") == "USD 310.00"

    page = _to_stripe(donor, "Go on to pay")
    checkout = page.url
    page.get_by_role("button", name=re.compile("3-D Secure")).click()
    expect(page.get_by_role("heading", name="Is this payment yours?")).to_be_visible()
    page.get_by_role("button", name="Confirm payment").click()
    page.wait_for_url(f"{donor.site.base}/**")
    until_received(donor)
    donor.sees("Thank you: your contribution has been received")

    expect(_payments(donor)).to_have_count(1)
    expect(_payments(donor)).to_contain_text("Accepted")
    assert _fact(donor, "Paid") == "USD 310.00" and donor.page.locator("ul.ways").count() == 0
    donor.open(checkout)  # back to Stripe's page, as an impatient donor goes
    assert donor.page.locator("button.primary").count() == 0, "a session is paid once"
    assert _dollars(figure(head.open("/fund/"), "Received")) - received == 310


# --- a refund ---------------------------------------------------------------------------------------------------
def test_part_of_a_contribution_goes_back(people: Cast) -> None:
    donor, manager, head = people["donor-xz"], people["fund-manager"], people["head"]
    pledge = _pledge(donor, "500")
    pledge_reference = reference(donor)
    _pay(donor)

    manager.open(f"/contributions/?q={pledge_reference}")
    expect(manager.page.locator("main tbody tr")).to_have_count(1)
    manager.page.locator("main tbody th a").click()
    manager.settled("contribution")
    manager.follow("Ask for a refund")
    manager.fill(amount="500.01", note="The donor wrote that too much was sent.")
    manager.pick(reason="donor_asked")
    manager.page.get_by_role("button", name="Check it").click()
    expect(manager.page.locator("main [role=alert]").first).to_be_visible()
    expect(manager.page.locator('[name="note"]')).to_have_value("The donor wrote that too much was sent.")
    manager.fill(amount="120")
    manager.press("Check it")
    manager.sees("Nothing has been asked for yet.", "USD 120.00", "The donor asked for it back")
    manager.press("Ask for the refund")
    refund = manager.path()
    manager.sees("Somebody else approves it.")
    assert manager.page.get_by_role("button", name="Approve the refund").count() == 0
    donor.open(pledge)
    assert "Credit note" not in donor.page.locator("main").inner_text(), "nothing has gone back yet"

    desk(head, "Refund of USD 120.00", "Approve it")
    assert head.path() == refund
    head.press("Approve the refund")
    show_factor(head)
    _until(head, "Paid back")

    donor.open(pledge)
    assert _fact(donor, "Paid back") == "USD 120.00"
    _row(donor, "Credit note").get_by_role("link").click()
    donor.settled("credit note")
    note = reference(donor)
    assert re.fullmatch(rf"CRN-{TODAY.year}-\d{{4,}}", note)
    assert figure(donor.page, "Gone back") == "USD 120.00"
    assert note in _words(_file(donor, donor.page.get_by_role("link", name="Download as PDF")))
    donor.follow(_fact(donor, "Cancels"))
    donor.sees("USD 120.00 of this receipt has been cancelled since", note)
    assert figure(donor.page, "Received") == "USD 500.00"
    mails(people["visitor"], "donor-xz@demo.example", note)


def _until(person: Person, text: str) -> None:
    """Load the page again until it says so: Stripe's word comes by itself."""
    for _ in range(40):
        if text in person.page.locator("main").inner_text():
            return
        person.page.wait_for_timeout(250)
        person.page.reload()
    raise AssertionError(f"{person.page.url} never said “{text}”")


# --- a bank transfer, an invoice --------------------------------------------------------------------------------
def test_a_bank_transfer_is_announced_and_found(people: Cast) -> None:
    donor, officer = people["donor-xz"], people["requesting"]
    pledge = _pledge(donor, "2,000")
    pledge_reference, line = reference(donor), f"STATEMENT-{secrets.token_hex(4).upper()}"
    donor.follow("Pay by bank transfer")
    donor.sees("Where the money goes", pledge_reference)
    donor.press("It was sent")
    donor.sees("You have announced a transfer of USD 2,000.00")

    officer.open(f"/contributions/?q={pledge_reference}")
    officer.page.locator("main tbody th a").click()
    officer.settled("contribution")
    contribution = officer.path()
    officer.follow("Confirm it from the bank’s statement")
    officer.fill(bank_reference=line, value_date=TODAY.isoformat(), credited="1,985.00", fee="15.00")
    officer.press("Check it")
    officer.sees("Nothing has been recorded yet.", line, "USD 1,985.00", "under the agreement")
    officer.page.get_by_role("button", name="Record the deposit").click()
    officer.sees("Compare it with the bank’s statement, and say so here.")
    officer.page.locator('[name="compared"]').check()
    officer.press("Record the deposit")
    officer.sees("The deposit is on record.", line)
    assert _fact(officer, "Net") == "USD 1,985.00" and _fact(officer, "Bank fee") == "USD 15.00"
    officer.open(f"{contribution}confirm", status=409)  # a line of the statement is recorded once

    donor.open(pledge)
    assert _fact(donor, "Paid") == "USD 2,000.00"
    expect(_row(donor, "Receipt").get_by_role("link")).to_have_text(re.compile("^RCT-"))


def test_an_instalment_is_paid_by_invoice(people: Cast) -> None:
    donor = people["donor-xz"]
    donor.open("/donate/")
    donor.fill(amount="900")
    donor.pick(when="dated")
    donor.press("Continue")
    donor.fill(number="3", first=(TODAY + timedelta(days=20)).isoformat())
    donor.press("Split it evenly")
    donor.press("Continue")
    donor.sees("Check your pledge", "On 3 dates", "300.00")
    donor.press("Make this pledge")
    pledge = donor.path()
    donor.follow("Ask for an invoice")
    assert _fact(donor, "It asks for") == "USD 300.00"
    donor.press("Ask for the invoice")
    donor.sees("Your invoice is below.")
    donor.follow("See it and pay it at Stripe")
    donor.page.wait_for_url(f"{donor.site.simulator}/**")
    donor.sees("300.00")
    donor.page.locator("button.primary").click()
    donor.page.wait_for_load_state()
    donor.open(pledge)
    for _ in range(40):
        if _fact(donor, "Paid") == "USD 300.00":
            break
        donor.page.wait_for_timeout(250)
        donor.page.reload()
    rows = donor.page.locator('main section:has(> h2:text-is("Instalments")) tbody tr')
    expect(rows).to_have_text([re.compile("Paid"), re.compile("To come"), re.compile("To come")])
    assert _fact(donor, "Still to be paid") == "USD 600.00"


# --- the donor's statement --------------------------------------------------------------------------------------
def test_the_donors_statement_in_three_shapes(people: Cast) -> None:
    donor = people["donor-xz"]
    donor.open("/donor/")
    donor.follow("Statement")
    donor.follow("Since the beginning")
    account = {
        line.locator("th").inner_text().strip()[2:]: (line.locator("th").inner_text().strip()[0], line.locator("td"))
        for line in donor.page.locator('table.sum:has-text("US dollars") tr:has(td)').all()
    }
    lines = [(sign, _dollars(cell.inner_text())) for sign, cell in account.values()]
    *before, (_sign, closing) = lines
    assert closing > 0 and len(before) > 3
    assert sum(-amount if sign in "−-" else amount for sign, amount in before) == closing, account

    book = openpyxl.load_workbook(io.BytesIO(_file(donor, donor.page.get_by_role("link", name="Statement as XLSX"))))
    cells = {cell.value for sheet in book for row in sheet.iter_rows() for cell in row}
    numbers = {Decimal(str(value)).quantize(Decimal("0.01")) for value in cells
               if isinstance(value, (int, float)) and not isinstance(value, bool)}
    assert closing in numbers, sorted(numbers)
    paper = _words(_file(donor, donor.page.get_by_role("link", name="Statement as PDF")))
    assert f"{closing:,.2f}" in paper and "Demo State XZ" in paper


# --- without JavaScript -----------------------------------------------------------------------------------------
def test_the_public_page_without_javascript(plain: Person) -> None:
    page = plain.open("/fund/")
    labels = ("Received", "Spent", "Reserved", "Available")
    shown = {label: _dollars(figure(page, label)) for label in labels}
    assert all(amount > 0 for amount in shown.values()), shown
    charts = page.locator("figure.chart")
    assert charts.count() >= 2
    for chart in charts.all():
        bars = chart.locator("ul.bars > li")
        assert bars.count() == chart.locator("svg rect.shape").count() > 0, "bars are drawn without a script"
        for value in bars.locator(".bar-value").all_inner_texts():
            assert re.search(r"\d", value), "each bar says its figure"
        picture = _file(plain, chart.locator(".downloads a"))
        assert b"<svg" in picture and b"<script" not in picture
    assert page.locator("main table.data tbody tr").count() >= 3

    file = _file(plain, page.locator('a[href="/fund/figures.csv"]')).decode("utf-8-sig")
    said = {row["figure"]: Decimal(row["value"]) for row in csv.DictReader(io.StringIO(file))
            if row["scope"] == "fund" and row["unit"] == "USD"}
    spent = said["spent-direct"] + said["spent-support"]
    assert shown == {"Received": said["received"], "Spent": spent, "Reserved": said["reserved"],
                     "Available": said["available"]}
    assert said["received"] + said["exchange"] == (
        said["refunded"] + said["fees"] + said["losses"] + spent + said["reserved"] + said["available"])



def test_giving_without_javascript(plain: Person) -> None:
    """From the fund's page to Stripe and back, in euros, for a purpose of one's own."""
    plain.open("/fund/")
    plain.follow("Contribute to the fund")
    plain.pick(currency="EUR", purpose="own")
    plain.fill(amount="75")
    plain.press("Continue")
    plain.page.get_by_role("checkbox", name=re.compile("Least developed")).check()
    plain.press("Show it in words")
    plain.sees("So your purpose reads now.")
    plain.press("Continue")
    plain.pick(donor_kind="person")
    plain.fill(donor_name="Demo Plain Giver", donor_email="plain@giver.demo.example")
    plain.press("Continue")
    plain.sees("EUR 75.00", "Worth today", "Demo Plain Giver")
    plain.press("Make this pledge")
    plain.sees("Pledge of EUR 75.00")
    pledge = plain.path()
    _to_stripe(plain).get_by_role("button", name=re.compile("Abandon")).click()
    plain.page.wait_for_url(f"{plain.site.base}/**")
    plain.sees("You came back without paying")
    _pay(plain, "Go on to pay")
    assert plain.path().startswith(pledge)
    plain.sees("Thank you: your payment has reached us", "It now waits for acceptance.")
    assert _fact(plain, "Paid") == "EUR 75.00"


def test_a_letter_calls_for_funds_without_javascript(browser: Browser, told_site: Site) -> None:
    cast = Cast(browser, told_site, java_script_enabled=False)
    try:
        manager, donor = cast["fund-manager"], cast["donor-xz"]
        subject = f"Demo meetings of {TODAY.year + 1}, {secrets.token_hex(3)}"
        manager.open("/contributions/letters/")
        manager.follow("Make a letter")
        manager.choose(addressee="Demo State XZ")
        manager.fill(subject=subject, delegates="200", each="4,100", name="Demo Head of Fund", office="Demo Office",
                     pay_by=(TODAY + timedelta(days=60)).isoformat())
        manager.press("Check the letter")
        manager.sees("926,600.00")  # 200 × 4,100 and 13 per cent
        manager.press("Make the letter")
        manager.sees("The letter is made.")
        donor.open("/donor/letters/")
        row: Any = donor.page.locator("main tbody tr").filter(has_text=subject)
        letter = _words(_file(donor, row.get_by_role("link")))
        assert subject in letter and "926,600.00" in letter
    finally:
        cast.close()
