"""The whole path, from a published meeting to a journey on a donor's page: through the pages only, one signed-in
person per role, without JavaScript. Each part goes on where the one before it stopped; time that a schedule waits
for is moved by `flask jobs run --at`, as an operator would on a demonstration."""

from __future__ import annotations

import csv
import hashlib
import io
import re
import urllib.request
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import icalendar
import pytest
from playwright.sync_api import Browser, expect

from demonstration.cast import PASSWORD
from demonstration.paying import LIST, PROOF
from tests.browser.conftest import OUTCOME, Cast, Person, Site, open_window, sign_in
from tests.browser.steps import desk, figure, mails, reference, show_factor, until_received

pytestmark = pytest.mark.browser

MEETING = "Demo Path Meeting"
SLUG = "demo-path-meeting"
TODAY = date.today()
# a Monday so near that the day for buying the ticket (16 days before travel) has come
STARTS = TODAY + timedelta(days=10 + (-TODAY.weekday() - 10) % 7)
ENDS = STARTS + timedelta(days=4)
GIVEN, FAMILY = "Adaora", "Pathwalker"
PERSON = f"{GIVEN} {FAMILY}"
ACCOUNT = "DEMOPATH0001"
BANK_REFERENCE = "BANK-2027-0001"


@dataclass
class Story:
    """What earlier parts leave for later ones."""

    done: list[str] = field(default_factory=list)
    at: dict[str, str] = field(default_factory=dict)
    references: dict[str, str] = field(default_factory=dict)


@pytest.fixture(scope="module")
def story() -> Story:
    return Story()


@pytest.fixture(autouse=True)
def in_order(request: pytest.FixtureRequest, story: Story) -> Any:
    """A part stands on all parts before it: where one broke, the later ones say so at once."""
    parts = [item.name for item in request.session.items if item.path == request.node.path]
    mine = parts.index(request.node.name)
    if missing := [name for name in parts[:mine] if name not in story.done]:
        pytest.fail(f"stands on {missing[0]}, which did not pass", pytrace=False)
    yield
    if request.node.stash[OUTCOME].passed:
        story.done.append(request.node.name)


def _day(day: date) -> str:
    return day.isoformat()


# --- calendar ---------------------------------------------------------------------------------------------------
def test_organiser_publishes_a_meeting(cast: Cast, story: Story) -> None:
    organiser = cast["organiser"]
    organiser.open("/meetings/")
    organiser.follow("New meeting")
    organiser.choose(kind=organiser.page.locator('select[name="kind"] option[value="BMS"]').inner_text())
    organiser.fill(ordinal="910", short_name=MEETING, slug=SLUG,
                   title="Demonstration Biennial Meeting of States, played in a browser", city="New York",
                   start_date=_day(STARTS), end_date=_day(ENDS), timezone="America/New_York")
    organiser.pick(certainty="fixed", mode="in_person")
    organiser.press("Record the meeting")
    assert organiser.path() == f"/meetings/{SLUG}/"
    organiser.sees("Only organisers see this page")
    expect(organiser.page.locator("main .demo-mark")).to_be_visible()  # what an invented organiser records is marked
    cast["visitor"].open(f"/meetings/{SLUG}/", status=404)

    organiser.follow("Publish")
    organiser.sees("Everybody will see these dates", "New York")
    organiser.press("Publish the meeting")
    organiser.sees("Published")

    visitor = cast["visitor"]
    visitor.open("/meetings/")
    visitor.follow(MEETING, exact=False)
    visitor.sees("New York", "Demonstration Biennial Meeting of States, played in a browser")
    assert visitor.page.get_by_role("link", name="Edit", exact=True).count() == 0


def test_the_feed_carries_it(cast: Cast, site: Site) -> None:
    with urllib.request.urlopen(f"{site.base}/calendar.ics", timeout=10) as answer:
        assert answer.headers["Content-Type"].startswith("text/calendar")
        etag, body = answer.headers["ETag"], answer.read()
    events = [e for e in icalendar.Calendar.from_ical(body).walk("VEVENT") if MEETING in str(e["SUMMARY"])]
    assert len(events) == 1
    event = events[0]
    assert event["DTSTART"].dt == STARTS and event["DTEND"].dt == ENDS + timedelta(days=1), "the end is exclusive"
    assert int(event["SEQUENCE"]) == 0 and event["STATUS"] == "CONFIRMED" and event["DTSTAMP"]
    again = urllib.request.Request(f"{site.base}/calendar.ics", headers={"If-None-Match": etag})
    with pytest.raises(urllib.error.HTTPError) as unchanged:
        urllib.request.urlopen(again, timeout=10)
    assert unchanged.value.code == 304

    organiser = cast["organiser"]  # a change of what the entry says raises its sequence
    organiser.open(f"/meetings/{SLUG}/")
    organiser.follow("Edit")
    organiser.fill(venue="United Nations Headquarters")
    organiser.press("Save")
    organiser.sees("United Nations Headquarters")
    with urllib.request.urlopen(f"{site.base}/meetings/{SLUG}/calendar.ics", timeout=10) as answer:
        changed = icalendar.Calendar.from_ical(answer.read()).walk("VEVENT")
    assert [int(e["SEQUENCE"]) for e in changed] == [1] and changed[0]["UID"] == event["UID"]


# --- money in ---------------------------------------------------------------------------------------------------
def test_fund_manager_records_an_agreement(cast: Cast) -> None:
    manager = cast["fund-manager"]
    manager.open("/contributions/agreements/")
    manager.follow("Record a contribution agreement")
    manager.choose(organisation="Demo State XZ")
    manager.fill(reference="NOTE/XZ/2", exchange_of_letters=_day(TODAY - timedelta(days=2)), support_rate="13")
    manager.pick(refund_clause="return")
    expect(manager.page.get_by_role("radio", name="Where it is needed most")).to_be_checked()
    manager.press("Check the agreement")
    manager.sees("Demo State XZ", "NOTE/XZ/2", "An agreement is never edited.")
    manager.press("Record the agreement")
    manager.sees("The agreement is on record.", "NOTE/XZ/2")


def test_donor_is_declined_abandons_and_pays(cast: Cast, site: Site, story: Story) -> None:
    donor = cast["donor-xz"]
    donor.open("/donor/")
    donor.follow("Make a pledge")
    donor.fill(amount="20,000")
    donor.press("Continue")
    donor.sees("Check your pledge", "NOTE/XZ/2", "Where it is needed most (unearmarked)")
    donor.press("Make this pledge")
    pledge, story.references["pledge"] = donor.path(), reference(donor)
    donor.sees("Pledge of USD 20,000.00")

    donor.press("Pay now by card")
    assert donor.page.url.startswith(site.simulator)
    donor.sees("Simulated payment page", "20,000.00")
    donor.page.get_by_role("button", name=re.compile("Decline card")).click()
    donor.sees("The payment did not go through.")
    donor.page.get_by_role("button", name="Abandon and go back without paying").click()
    donor.page.wait_for_url(f"{site.base}/**")
    donor.sees("Nothing has been charged")

    donor.page.locator("main").get_by_role("button", name=re.compile("Go on to pay|Try again|Pay now")).click()
    donor.page.wait_for_url(f"{site.simulator}/**")
    donor.page.get_by_role("button", name=re.compile("^(Pay|Donate) ")).or_(
        donor.page.locator("button.primary")).first.click()
    donor.page.wait_for_url(f"{site.base}/**")
    assert donor.path().startswith(pledge)
    until_received(donor)
    donor.sees("Thank you: your contribution has been received")
    donor.page.locator("main dl.facts").get_by_role("link", name=re.compile("^R")).click()
    donor.settled("receipt")
    donor.sees("The fund has received and accepted, with thanks:", "USD 20,000.00", "Demo State XZ")
    assert re.match(r"^R", reference(donor))


def test_a_visitor_gives_and_the_head_accepts(browser: Browser, cast: Cast, site: Site, story: Story) -> None:
    visitor = cast["visitor-giving"]
    visitor.open("/donate/")
    visitor.fill(amount="1500")
    visitor.press("Continue")
    visitor.pick(donor_kind="organisation")
    visitor.fill(donor_name="Demo Path Foundation", donor_email="giver@foundation.demo.example")
    visitor.press("Continue")
    visitor.sees("Demo Path Foundation", "will wait for acceptance by the head of the fund")
    visitor.press("Make this pledge")
    visitor.press("Pay now by card")
    visitor.page.locator("button.primary").click()
    visitor.page.wait_for_url(f"{site.base}/**")
    until_received(visitor)
    visitor.sees("It now waits for acceptance.")

    head, manager = cast["head"], cast["fund-manager"]
    assert "Demo Path Foundation" not in head.open("/desk").locator("main").inner_text(), "not before it is checked"
    desk(manager, "Demo Path Foundation", "Check the donor")
    manager.sees("USD 1,500.00")
    manager.pick(outcome="clear")
    manager.fill(consulted="Security Council’s Consolidated List of today; the register of foundations.")
    manager.press("Put the check on record")
    manager.sees("The check is on record.", "Clear")
    assert manager.page.get_by_role("button", name="Accept the contribution").count() == 0, "by somebody else"

    desk(head, "Demo Path Foundation")
    head.sees("USD 1,500.00", "giver@foundation.demo.example", "Demo Fund Manager", "the register of foundations")
    head.fill(checked="A known donor; its statutes serve the purpose of the fund.")
    head.press("Accept the contribution")
    head.sees("Accepted")
    visitor.page.reload()
    visitor.sees("Thank you: your contribution has been received")


def test_the_fund_shows_its_numbers(cast: Cast) -> None:
    page = cast["visitor"].open("/fund/")
    assert figure(page, "Received") == "USD 21,500.00"
    assert figure(page, "Reserved") == "USD 0.00"
    bar = page.locator("figure.chart").first.locator("ul.bars > li").filter(has_text="Received")
    expect(bar).to_contain_text("21,500.00")
    expect(bar.locator("svg rect.shape")).to_have_count(1)


# --- call, application, decision --------------------------------------------------------------------------------
def test_fund_manager_opens_a_call(cast: Cast, story: Story) -> None:
    manager = cast["fund-manager"]
    manager.open("/sponsorship/calls/")
    manager.follow("New call")
    option = manager.page.locator('select[name="meeting_id"] option', has_text=MEETING)
    manager.page.locator('select[name="meeting_id"]').select_option(value=option.get_attribute("value"))
    manager.fill(opens_on=_day(TODAY), opens_time="00:01", closes_on=_day(TODAY + timedelta(days=1)),
                 closes_time="17:00", grace_days="0", decide_by=_day(TODAY + timedelta(days=4)), offer_days="5",
                 estimate_ticket="1,800", estimate_dsa="2,100", estimate_terminal="188")
    pool = manager.page.locator('select[name="pool_1"] option', has_text="Unearmarked contributions")
    manager.page.locator('select[name="pool_1"]').select_option(value=pool.get_attribute("value"))
    expect(manager.page.locator('select[name="criterion_1"]')).to_have_value("ldc")
    manager.press("Save")
    story.references["call"] = reference(manager)
    manager.sees("Draft", "Unearmarked contributions")
    manager.follow("Check and let it open")
    manager.sees("these terms stand", "Least developed country")
    manager.press("Open now")
    manager.sees("Open for applications")
    story.at["call"] = manager.path().removesuffix("manage")
    cast["visitor"].open(story.at["call"])
    cast["visitor"].sees(MEETING, "Least developed country")


def _begin(focal: Person, story: Story) -> None:
    focal.open("/sponsorship/apply/")
    card = focal.page.locator("section.card").filter(has_text=MEETING)
    card.get_by_role("button", name="Begin an application").click()
    focal.settled("begin")


def _declare(focal: Person) -> None:
    focal.page.locator('input[name="could_not_attend_otherwise"]').check()
    focal.fill(need_text="Our delegation has no travel budget for this meeting.")
    focal.press("Save and go on")


def _rest_of_the_form(focal: Person, given: str, family: str, first: bool) -> None:
    focal.sees("What your State pays itself")
    focal.fill(own_contribution="The ministry pays the visa.")
    focal.press("Save and go on")
    focal.pick(attended_before="no" if first else "yes", has_mission="yes")
    focal.press("Save and go on")
    focal.fill(family_name=family, given_names=given, birth_date="1985-05-17", function="Adviser on small arms",
               ministry="Ministry of Foreign Affairs", email=f"{given.lower()}@ministry.demo.example")
    focal.pick(sex="female")
    focal.press("Save and go on")
    focal.fill(departure_city="Demo Capital", travel_from=_day(STARTS - timedelta(days=1)),
               travel_to=_day(ENDS + timedelta(days=1)))
    focal.press("Save and go on")
    focal.sees("Nominees in order of priority", given)
    focal.follow("Check and send")
    focal.sees("Check your answers before you send", family)


def test_focal_point_saves_a_draft_comes_back_and_sends(cast: Cast, story: Story) -> None:
    focal = cast["focal-xa"]
    _begin(focal, story)
    focal.page.locator('input[name="could_not_attend_otherwise"]').check()
    focal.fill(need_text="Half a sentence")
    focal.press("Save the draft and leave")
    story.at["application"] = focal.path()
    focal.sees("Draft, not sent", "Still missing")

    desk(focal, MEETING)  # another day: the draft waits on the desk
    focal.follow("Go on with the form")
    focal.open(f"{story.at['application']}form/declaration")
    expect(focal.page.locator('[name="need_text"]')).to_have_value("Half a sentence")
    _declare(focal)
    _rest_of_the_form(focal, GIVEN, FAMILY, first=True)
    focal.press("Send the application")
    focal.sees("Receipt")
    story.references["application"] = reference(focal)
    assert story.references["application"].startswith("APP-")

    focal.open(story.at["application"])
    focal.sees("Received, to be screened")
    step = focal.page.locator("section.next").first
    expect(step).to_contain_text("Who acts")
    expect(step).to_contain_text("By when")
    mails(cast["visitor"], "focal-xa@demo.example", story.references["application"])
    assert FAMILY not in cast["visitor"].page.locator("main").inner_text(), "mails name no nominee"


def test_a_second_state_applies(cast: Cast, story: Story) -> None:
    focal = cast["focal-xb"]
    _begin(focal, story)
    _declare(focal)
    _rest_of_the_form(focal, "Beatriz", "Secondchoice", first=False)
    focal.press("Send the application")
    story.references["second"] = reference(focal)


def test_another_states_application_is_not_found(cast: Cast, story: Story) -> None:
    for tail in ("", "form/declaration", "form/nominees/", "form/check", "receipt", "withdraw"):
        cast["focal-xb"].open(story.at["application"] + tail, status=404)
    page = cast["focal-xb"].page.locator("main").inner_text()
    assert FAMILY not in page and story.references["application"] not in page


def test_the_call_closes_and_is_screened(cast: Cast, site: Site, story: Story) -> None:
    closed = site.job("calls-close", datetime.now().astimezone() + timedelta(days=2))
    assert "1 done" in closed
    manager = cast["fund-manager"]
    for _ in range(2):
        desk(manager, MEETING, "Screen")
        manager.page.locator("main tbody th a").first.click()
        manager.settled("first application to screen")
        for code in ("complete", "nominated_by_state", "declaration"):
            manager.pick(**{f"{code}_met": "yes"})
        for code in ("most_affected", "first_attendance", "no_mission_at_seat"):
            says_yes = "The State says: yes" in manager.page.locator(
                "main tr", has=manager.page.locator(f'[name="{code}_met"]')).inner_text()
            manager.pick(**{f"{code}_met": "yes" if says_yes else "no"})
            if says_yes:
                manager.fill(**{f"{code}_evidence": "not on any list", f"{code}_source": "lists of participants"})
        manager.pick(outcome="eligible")
        manager.press("Record the screening")
    desk(manager, MEETING, "Rank the States")
    manager.press("Rank the States")
    rows = manager.open(story.at["call"] + "ranking").locator("#list table.data tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_contain_text("Demo State XA")
    expect(rows.nth(1)).to_contain_text("LDC")


def test_the_panel_recommends_and_the_head_decides(cast: Cast, story: Story) -> None:
    panel = cast["panel"]
    desk(panel, MEETING, "Recommend")
    outcomes = panel.page.locator('select[name$="-outcome"]')
    expect(outcomes).to_have_count(2)
    outcomes.nth(1).select_option(value="reserve")
    panel.page.locator('input[name$="-seats"]').nth(1).fill("0")
    panel.press("Record the recommendation")
    panel.sees("Panel has recommended")

    focal = cast["focal-xa"]  # the panel's view is internal until the decision
    focal.open(story.at["application"])
    focal.sees("Under consideration")
    assert "Recommended" not in focal.page.locator("main").inner_text()

    head = cast["head"]
    desk(head, MEETING, "Decide")
    advised = (("Demo State XA", "Selected", "selected"), ("Demo State XB", "Reserve list", "reserve"))
    for state, advice, value in advised:
        line = head.page.locator("main form").locator("tr, li").filter(has_text=state)
        expect(line).to_contain_text(advice)
        # the form starts at what the panel advises
        chosen = line.locator('input[name^="outcome-"]:checked, select[name^="outcome-"]')
        expect(chosen).to_have_value(value)
    head.press("Check the decision")
    head.sees("Nothing is decided yet", "every line follows the panel", "Which letter each State gets")
    head.press("Decide on all")
    show_factor(head)  # the choices wait behind the question
    head.sees("Decided.")
    row = head.page.locator("tbody tr").filter(has_text="Demo State XA")
    expect(row).to_contain_text("Selected, to be certified")
    expect(head.page.locator("tbody tr").filter(has_text="Demo State XB")).to_contain_text("On the reserve list")


def test_the_obligation_is_certified_approved_and_the_offer_accepted(cast: Cast, story: Story) -> None:
    certifying, approving, focal = cast["certifying"], cast["approving"], cast["focal-xa"]
    desk(certifying, MEETING, "Certify the obligation")
    story.at["award"], story.references["award"] = certifying.path(), reference(certifying)
    approving.open(story.at["award"])
    assert approving.page.get_by_role("button", name="Approve and send the offer").count() == 0, "not before certified"
    certifying.press("Certify the obligation")
    certifying.sees("Certified. The money is reserved")
    # direct 4,088.00 and 13 % support costs, floor to the cent
    # (a visitor's browser may keep the public page for a minute, a signed-in person's may not)
    assert figure(cast["head"].open("/fund/"), "Reserved") == "USD 4,619.44"
    focal.open(story.at["award"], status=404)  # no offer has been made, so for the State there is no award

    desk(approving, MEETING, "Approve the obligation")
    approving.press("Approve and send the offer")
    show_factor(approving)
    approving.sees("Approved. The offer has been sent.")
    mails(cast["visitor"], "focal-xa@demo.example", story.references["award"])

    desk(focal, MEETING, "Accept the offer")
    focal.follow("Accept the offer")
    focal.sees("By accepting, the State confirms", PERSON)
    focal.press("Accept the offer")
    focal.sees("Accepted. Please give the bank data")


# --- disbursement -----------------------------------------------------------------------------------------------
def test_bank_data_is_entered_and_verified_by_another(cast: Cast, story: Story, tmp_path: Path) -> None:
    proof = tmp_path / "bank-letter.pdf"
    proof.write_bytes(PROOF)
    focal, officer = cast["focal-xa"], cast["payee-data"]
    desk(focal, "Give the bank data")
    focal.follow("Give the bank data")
    focal.fill(holder=PERSON, bank_name="Demo Bank", bank_country="KE", account=ACCOUNT)
    focal.page.locator('input[name="proof"]').set_input_files(proof)
    focal.press("Send the bank data")
    focal.sees("Entered, to be verified")
    assert focal.page.get_by_role("button", name="Verify against the proof").count() == 0
    assert ACCOUNT not in focal.page.locator("main").inner_text(), "shown whole only to those who verify"

    desk(officer, story.references["award"], "Verify the bank data")
    officer.sees(PERSON, ACCOUNT)
    link = officer.page.get_by_role("link", name=re.compile("^Proof of the bank data")).get_attribute("href")
    answer = officer.context.request.get(f"{officer.site.base}{link}")
    assert answer.status == 200 and answer.body() == PROOF
    officer.press("Verify against the proof")
    officer.sees("Verified")


def test_the_list_of_the_security_council_is_imported(cast: Cast, tmp_path: Path) -> None:
    path = tmp_path / "consolidated.xml"
    path.write_text(LIST.format(day=datetime.now().astimezone().date()))
    officer = cast["payee-data"]
    desk(officer, "Consolidated List", "Import the list: nothing can be certified without it")
    officer.follow("Import a list", within="main")
    officer.page.locator('input[name="file"]').set_input_files(path)
    officer.press("Read the file")
    officer.sees("Nothing is stored yet", "New on the list")
    officer.press("Put it on record")
    officer.sees("The list is on record.")


def test_four_people_move_the_ticket_to_the_bank(cast: Cast, site: Site, story: Story) -> None:
    requesting, certifying, approving = cast["requesting"], cast["certifying"], cast["approving"]
    signatory = cast["signatory"]
    desk(requesting, "Ticket, Demo State XA", "Request the payment")
    story.at["payment"], story.references["payment"] = requesting.path(), reference(requesting)
    requesting.press("Request the payment")
    requesting.sees("Requested. A certifying officer is next.")
    desk(certifying, story.references["payment"], "Certify the payment")
    certifying.press("Certify")
    desk(approving, story.references["payment"], "Approve the payment")
    approving.press("Approve")
    approving.sees("Approved. On its date it becomes ready for release.")
    # the schedule wakes every minute by itself; an operator need not wait for it
    site.job("disbursements-ready", datetime.now().astimezone())

    desk(signatory, story.references["payment"], "Release the payment")
    signatory.follow("Release to the bank")
    box = signatory.page.locator('input[name="payments"]')
    expect(box).to_have_count(1)
    box.check()
    signatory.press("Check the chosen payments")
    signatory.sees("1 payment, USD")
    signatory.press("Sign and release")
    show_factor(signatory)
    signatory.sees("USD 1,800.00", "SHA-256")
    story.at["instruction"], story.references["instruction"] = signatory.path(), reference(signatory)


def test_the_instruction_looks_right(cast: Cast, site: Site, story: Story) -> None:
    signatory = cast["signatory"]
    signatory.open(story.at["instruction"])
    digest = signatory.page.locator("dl.facts code").first.inner_text().strip()
    public = signatory.page.locator("dl.facts code").nth(1).inner_text().strip()
    with signatory.page.expect_download() as begun:
        signatory.page.get_by_role("button", name="Download the file").click()
    content = begun.value.path().read_bytes()
    assert hashlib.sha256(content).hexdigest() == digest
    rows = list(csv.reader(io.StringIO(content.decode())))
    payment = dict(zip(rows[0], rows[1], strict=True))
    assert payment["reference"].startswith(story.references["payment"]) and payment["account"] == ACCOUNT
    assert (payment["amount"], payment["currency"], payment["holder"]) == ("1800.00", "USD", PERSON)
    assert rows[2][0] == "total" and "1800.00" in rows[2]
    from sponsorship.disbursements.instruction import verify

    assert verify(content, public) and not verify(content.replace(b"1800.00", b"9800.00"), public)


def test_the_file_is_handed_to_the_bank(cast: Cast, story: Story) -> None:
    signatory = cast["signatory"]
    desk(signatory, story.references["instruction"], "Hand the file to the bank, then confirm that it has it")
    signatory.follow("Confirm that the bank has the file")
    signatory.fill(receipt="EB-7")
    signatory.press("The bank has the file")
    signatory.sees("Recorded: the bank has the file with 1 payment.", "EB-7")


def test_the_bank_confirms(cast: Cast, story: Story) -> None:
    requesting = cast["requesting"]
    desk(requesting, story.references["payment"], "Record the bank’s answer")
    requesting.follow("Record the bank’s confirmation")
    requesting.fill(bank_reference=BANK_REFERENCE, fee="3.50")
    requesting.press("Record the confirmation")
    requesting.sees("Confirmed by the bank", BANK_REFERENCE)
    page = cast["head"].open("/fund/")
    assert figure(page, "Spent") == "USD 2,034.00"  # 1,800.00 and its 234.00 of support costs


# --- books open -------------------------------------------------------------------------------------------------
def test_the_donor_sees_what_the_money_carried(cast: Cast, story: Story) -> None:
    donor = cast["donor-xz"]
    donor.open("/donor/results")
    donor.sees("What your contributions carried", "USD 20,000.00")
    row = donor.page.locator("main tbody tr").first
    for part in ("20,000.00", "583.80", "1,800.00", "234.00", "2,585.44", "14,796.76"):  # fees + spent + held + unspent
        expect(row).to_contain_text(part)
    words = donor.page.locator("body").inner_text()
    for private in (GIVEN, FAMILY, ACCOUNT, "Demo State XA"):
        assert private not in words, f"a donor reads {private}"
    donor.open(story.at["award"], status=403)
    donor.open(story.at["payment"], status=403)


def test_the_donor_sees_the_journey_once_it_is_over(browser: Browser, told_site: Site) -> None:
    """Journeys are told after travel; the told demonstration has a meeting that is over and settled."""
    donor = open_window(browser, told_site, java_script_enabled=False)
    try:
        sign_in(donor, "donor-xz@demo.example")
        page = donor.open("/donor/results")
        assert int(figure(page, "Journeys carried")) >= 1
        expect(page.locator("main tbody tr").filter(has_text="Demo BMS A").first).to_be_visible()
        words = page.locator("main").inner_text()
        for private in ("Amina", "Demo-Alpha", "Chimeg", "Demo State XA", "Demo State XC"):
            assert private not in words, f"a donor reads {private}"
    finally:
        donor.context.close()


def test_the_auditor_sees_everything_and_can_change_nothing(cast: Cast, site: Site, story: Story) -> None:
    auditor = cast["auditor"]
    auditor.open("/audit/events")
    auditor.sees("release")
    words = auditor.page.locator("main").inner_text()
    assert FAMILY not in words and ACCOUNT not in words, "events hold no personal data"
    auditor.open("/audit/verify")
    auditor.sees("No fault found")
    for place in ("award", "payment", "instruction", "call"):
        path = story.at[place] + ("manage" if place == "call" else "")
        page = auditor.open(path)
        buttons = page.locator("main form button, aside form button").all_inner_texts()
        assert not buttons, f"{path} offers the auditor {buttons}"
    said = site.flask("verify")
    assert re.search(r"\b0 faults", said)


def test_wrong_roles_are_refused(cast: Cast, story: Story) -> None:
    refused = {
        "focal-xa": ("/contributions/", story.at["payment"], "/audit/", "/ledger/", "/disbursements/",
                     story.at["call"] + "ranking", "/meetings/new", "/accounts/people/"),
        "donor-xz": ("/sponsorship/applications/", story.at["call"] + "applications", "/contributions/",
                     "/disbursements/release"),
        "organiser": (story.at["call"] + "decision", "/contributions/", "/ledger/"),
        "panel": (story.at["call"] + "decision", "/sponsorship/calls/new", "/disbursements/release"),
        "requesting": ("/disbursements/release", "/contributions/agreements/new"),
        "signatory": (story.at["payment"] + "/confirm", "/accounts/requests/"),
        "auditor": ("/disbursements/release", "/meetings/new", "/accounts/people/"),
    }
    for key, paths in refused.items():
        for path in paths:
            cast[key].open(path, status=403)
    visitor = cast["visitor"]
    visitor.open(story.at["award"])
    assert "/sign-in" in visitor.page.url, "who is not signed in is asked to"
    cast["focal-xb"].open(story.at["award"], status=404)


# --- a State's account ------------------------------------------------------------------------------------------
def test_a_state_opens_its_account(browser: Browser, cast: Cast, site: Site, tmp_path: Path) -> None:
    letter = tmp_path / "note-verbale.pdf"
    letter.write_bytes(PROOF)
    visitor = cast["visitor-mission"]
    visitor.open("/")
    visitor.follow("Open a State’s account", within="footer")
    visitor.choose(state="Demo State XG")
    visitor.fill(letter_date=_day(TODAY - timedelta(days=3)), primary_name="Demo Newcomer One",
                 primary_email="newcomer@xg.demo.example", backup_name="Demo Newcomer Two",
                 backup_email="backup@xg.demo.example", primary_office="Permanent Mission",
                 backup_office="Ministry of the Interior")
    visitor.page.locator('input[name="letter"]').set_input_files(letter)
    visitor.page.locator('input[name="agreed"]').check()
    visitor.press("Go on and check")
    visitor.sees("Nothing has been sent yet.", "note-verbale.pdf", "Demo State XG")
    visitor.press("Send the request")
    visitor.sees("Your request was received")
    requested = reference(visitor)

    organiser = cast["organiser"]
    desk(organiser, requested)
    organiser.sees("newcomer@xg.demo.example", "note-verbale.pdf", "Ministry of the Interior")
    organiser.pick(checked_by="known_address")
    organiser.press("Accept and open the account")
    organiser.sees("The account is open.")

    mails(visitor, "newcomer@xg.demo.example", "")
    link = visitor.page.locator(".letter a").first
    link.click()
    visitor.settled("link in the mail")
    visitor.fill(password=f"{PASSWORD}-xg", repeated=f"{PASSWORD}-xg")
    visitor.page.locator("main form button").first.click()
    visitor.settled("setting the password")
    visitor.sees("Your password is set.")
    newcomer = open_window(browser, site, java_script_enabled=False)
    try:
        sign_in(newcomer, "newcomer@xg.demo.example", f"{PASSWORD}-xg")
        newcomer.sees("My desk")
        newcomer.open("/sponsorship/applications/")
    finally:
        newcomer.context.close()
