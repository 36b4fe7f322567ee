"""/fund/: every figure is the books', nothing tells of a person or of what one State cost."""

from __future__ import annotations

import csv
import io
import re
import uuid
from dataclasses import replace
from typing import Any

import pytest

from core import verify
from core.money import usd
from sponsorship.contributions.earmark_words import earmark_words
from sponsorship.contributions.figures import pledge_figures
from sponsorship.ledger import service as ledger
from sponsorship.ledger.queries import fund_figures
from sponsorship.transparency import checks, queries
from sponsorship.transparency.words import DEFINITIONS
from tests.support.fund_story import TESTS, FundStory


@pytest.fixture
def fund(make: Any) -> FundStory:
    return FundStory(make)


def figures(client: Any, scope: str = "fund", subject: str | None = None) -> dict[str, str]:
    """Figures of the file by key."""
    text = client.get("/fund/figures.csv").get_data(as_text=True).removeprefix("\ufeff")
    return {row["figure"]: row["value"] for row in csv.DictReader(io.StringIO(text))
            if row["scope"] == scope and subject in (None, row["subject"])}


def money(found: dict[str, str]) -> dict[str, int]:
    return {key: round(float(value) * 100) for key, value in found.items() if "." in value}


def assert_adds_up(found: dict[str, int]) -> None:
    assert found["received"] == (found["fees"] + found["spent-direct"] + found["spent-support"] + found["reserved"]
                                 + found["available"])


def test_a_fund_with_nothing_in_it(client: Any, fund: FundStory) -> None:
    page = client.get("/fund/").get_data(as_text=True)
    assert "Nothing has been pledged or paid yet" in page
    assert "/fund/record" in page and "class=\"bars\"" not in page
    assert {v for k, v in money(figures(client)).items()} == {0}
    assert "received nothing yet" in client.get("/").get_data(as_text=True)


def test_a_fund_without_any_pool(client: Any) -> None:
    assert "Nothing has been pledged or paid yet" in client.get("/fund/").get_data(as_text=True)


def test_numbers_through_a_whole_cycle(client: Any, fund: FundStory) -> None:
    made = fund.pledge("XZ", 10_000_00)
    found = money(figures(client))
    assert (found["pledged"], found["received"], found["available"]) == (10_000_00, 0, 0)

    fund.pay(made, "XZ", 10_000_00, 290_30)
    found = money(figures(client))
    assert (found["pledged"], found["received"], found["fees"], found["available"]) == (0, 10_000_00, 290_30, 9_709_70)

    story = fund.meeting(1)
    support = story.each * 13 // 100
    found = money(figures(client))
    assert (found["reserved"], found["available"]) == (story.each + support, 9_709_70 - story.each - support)

    spent = fund.spend(fund.awards[0], 1_000_00, confirm=False)
    found = money(figures(client))
    assert (found["spent-direct"], found["spent-support"], found["in-transit"]) == (1_000_00, 130_00, 1_000_00)
    assert_adds_up(found)

    ledger.confirm_spend(spent, key="confirm", actor=TESTS, bank_fee_minor=12_50)
    found = money(figures(client))
    assert (found["in-transit"], found["fees"]) == (0, 290_30 + 12_50)
    assert_adds_up(found)

    ledger.return_spend(spent, key="return", actor=TESTS)
    found = money(figures(client))
    assert (found["spent-direct"], found["spent-support"]) == (0, 0)
    assert_adds_up(found)

    fund.close(fund.awards[0])
    found = money(figures(client))
    assert (found["reserved"], found["available"]) == (0, 10_000_00 - 290_30 - 12_50)
    assert_adds_up(found)
    books = fund_figures()
    assert [found[k.replace("_", "-")] for k in ("received", "fees", "available", "reserved")] == [
        books.received, books.fees, books.available, books.reserved]


def test_the_page_shows_what_the_file_says(client: Any, fund: FundStory) -> None:
    fund.give("XZ", 50_000_00, 100_00)
    fund.pledge("XY", 7_500_00)
    fund.meeting(2)
    fund.spend(fund.awards[0], 500_00)
    page = client.get("/fund/").get_data(as_text=True)
    found = figures(client)
    for key in ("pledged", "received", "fees", "spent-direct", "spent-support", "reserved", "available"):
        assert f"{float(found[key]):,.2f}" in page, key
    for key in ("pledged", "received", "spent", "reserved", "available", "carries-direct"):
        assert f'href="#{key}"' in page and f'id="{key}"' in page, f"{key} has no linked definition"
    assert 'datetime="' in page and "As of" in page
    assert page.count("<rect class=\"shape\"") == 7 + 3, "where the money stands, and one year"
    assert money(found)["pledged"] == pledge_figures().outstanding.minor == 7_500_00


def test_every_link_within_the_page_leads_somewhere(client: Any, fund: FundStory) -> None:
    fund.give("XZ", 50_000_00)
    fund.travel(1_100_00, 900_00, 1_000_01)
    fund.meeting(1)
    fund.spend(fund.awards[0], 500_00, confirm=False)
    with fund.after():
        page = client.get("/fund/").get_data(as_text=True)
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(re.findall(r'\sid="([^"]+)"', page))


def test_pools_sum_to_the_fund_and_speak_plainly(client: Any, fund: FundStory, make: Any) -> None:
    meeting = make.meeting()
    narrow = ledger.open_pool("narrow", "Narrow", {"facts": ["ldc", "sids"], "meeting": meeting.slug}, is_demo=True)
    fund.give("XZ", 10_000_00, 30_00)
    fund.give("XY", 5_000_00, 20_00, narrow)
    fund.pledge("XY", 900_00)
    text = client.get("/fund/").get_data(as_text=True)
    assert "Where it is needed most" in text
    assert f"to {meeting.short_name}, from least developed countries or from small island developing States" in text
    page = queries.fund_page()
    for name in ("pledged", "received", "fees", "spent_direct", "spent_support", "reserved", "available"):
        assert sum(getattr(p.figures, name).minor for p in page.pools) == getattr(page.totals, name).minor, name
    assert page.pools[0].code == "general", "unearmarked money stands first"
    assert figures(client, "pool", "narrow")["pledged"] == "900.00"


def test_a_pledge_for_where_it_is_needed_most_counts_with_the_unearmarked_pool(client: Any, fund: FundStory) -> None:
    from core.actor import person
    from sponsorship.contributions import service

    giver = fund.make.person("donor")
    service.make_pledge(service.PledgeDraft(uuid.uuid4().hex, 123_00, organisation_id=fund.make.donor()),
                        person(giver.id))
    assert figures(client, "pool", "general")["pledged"] == "123.00"


def test_what_anybody_may_type_is_no_figure_of_the_fund(client: Any, fund: FundStory) -> None:
    from core.actor import PUBLIC
    from sponsorship.contributions import service

    before = client.get("/fund/").get_data(as_text=True), figures(client), figures(client, "pool", "general")
    service.make_pledge(service.PledgeDraft(
        uuid.uuid4().hex, 99_500_000_00, donor_name="Ada Foundation", donor_email="ada@donor.example",
        earmark={"group": ["GRULAC"], "facts": ["sids"]}), PUBLIC)
    after = client.get("/fund/").get_data(as_text=True), figures(client), figures(client, "pool", "general")
    assert after[1:] == before[1:]
    assert "99,500,000" not in after[0] and after[0].count("<tr") == before[0].count("<tr")


def test_money_in_suspense_is_in_no_pool(client: Any, fund: FundStory) -> None:
    ledger.receive_in_suspense(ledger.Intake(400_00, 12_00), source=("contribution", uuid.uuid4()), key="s",
                               actor=TESTS)
    found = money(figures(client))
    assert (found["waiting"], found["received"], found["available"]) == (400_00, 0, 0)
    assert "waits for acceptance" in client.get("/fund/").get_data(as_text=True)


# --- meetings -------------------------------------------------------------------------------------------------------
def test_a_meeting_is_counted_only_once_it_is_over(client: Any, fund: FundStory) -> None:
    fund.give("XZ", 50_000_00)
    story = fund.travel(1_000_00, 1_200_00, 1_400_01)
    slug, name = story.meeting.slug, story.meeting.short_name
    before = client.get("/fund/").get_data(as_text=True)
    assert name not in before and "No sponsored delegate has travelled yet" in before
    assert figures(client, "meeting") == {}
    with fund.after():
        after = client.get("/fund/").get_data(as_text=True)
        assert f'href="/fund/meetings/{slug}"' in after
        assert figures(client, "meeting", slug) == {
            "average": "1200.00", "meeting-direct": "3600.01", "meeting-support": "468.00", "sponsored": "3",
            "states": "3", "days": str(3 * story.meeting_days), "women": "3", "men": "0", "group:none": "3"}
        assert "About" in after and "delegates, at the average cost of a journey" in after


def test_what_todays_money_carries_can_be_recomputed_from_the_page(client: Any, fund: FundStory) -> None:
    fund.give("XZ", 50_000_00)
    fund.travel(1_000_00, 1_200_00, 1_400_01)
    with fund.after():
        found = money(figures(client)) | {"carries": int(figures(client)["carries"])}
        average = money(figures(client, "meeting"))["average"]
        page = client.get("/fund/").get_data(as_text=True)
    assert average == 1_200_00  # 3,600.01 / 3, to the cent
    # the free money is one contribution's at 13 per cent
    direct = found["carries-direct"]
    assert direct + direct * 13 // 100 <= found["available"] < direct + 1 + (direct + 1) * 13 // 100
    assert found["carries"] == direct // average
    assert f"{found['carries']} delegates" in page and f"{direct / 100:,.2f}" in page and "1,200.00" in page


def test_no_average_while_payments_are_open(client: Any, fund: FundStory) -> None:
    fund.give("XZ", 50_000_00)
    fund.travel(1_000_00, 1_200_00, 1_400_00)
    last = fund.story
    assert last is not None
    ledger.return_spend(  # the bank sends one back: the award is no longer paid in full, the meeting no longer settled
        _last_spend(fund), key="back", actor=TESTS)
    with fund.after():
        assert "average" not in figures(client, "meeting")
        assert "Payments still open" in client.get("/fund/").get_data(as_text=True)


def _last_spend(fund: FundStory) -> uuid.UUID:
    from core.db import db
    from sponsorship.ledger.models import Spend

    found = db.session.query(Spend.id).order_by(Spend.id.desc()).first()
    assert found is not None
    return found[0]


@pytest.mark.parametrize("costs", [(1_234_56,), (1_234_56, 1_098_76)])
def test_too_few_states_to_tell_an_average(client: Any, fund: FundStory, costs: tuple[int, ...]) -> None:
    fund.give("XZ", 50_000_00)
    story = fund.travel(*costs)
    with fund.after():
        assert figures(client, "meeting", story.meeting.slug) == {
            "sponsored": str(len(costs)), "states": str(len(costs)), "days": str(len(costs) * story.meeting_days)}
        page = client.get("/fund/").get_data(as_text=True)
    assert "at least three sponsored States" in page
    assert f"{sum(costs) / len(costs) / 100:,.2f}" not in page.replace("1,234.56", "") or len(costs) == 1


def test_neither_persons_nor_states_nor_donors_stand_on_public_pages(client: Any, fund: FundStory) -> None:
    fund.give("XZ", 50_000_00, 30_00)
    story = fund.travel(1_111_11, 1_222_22, 1_444_43)
    with fund.after():
        pages = [client.get(url).get_data(as_text=True) for url in ("/fund/", "/fund/figures.csv", "/")]
    for page in pages:
        for n, code in enumerate(("XA", "XB", "XC")):
            assert f"State {code}" not in page and f"Family{n}" not in page
        assert "Donor State" not in page and "Donor Person" not in page and "state.example" not in page
        for amount in ("1111.11", "1,111.11", "1222.22", "1,222.22", "1444.43", "1,444.43"):
            assert amount not in page
        for award in fund.awards:
            assert str(award) not in page and story.award(award).reference not in page


# --- cost and caches ------------------------------------------------------------------------------------------------
def test_the_number_of_queries_does_not_grow(client: Any, fund: FundStory, queries: list[str]) -> None:
    fund.give("XZ", 10_000_00, 30_00)
    fund.travel(1_000_00)
    with fund.after():
        client.get("/fund/")
        queries.clear()
        client.get("/fund/")
        few = len(queries)
    for n in range(4):
        fund.give("XY" if n % 2 else "XZ", 20_000_00, 100_00 + n)
        fund.pledge("XZ", 100_00 + n)
    for n in range(3):
        ledger.open_pool(f"more-{n}", f"More {n}", {"facts": ["ldc"]}, is_demo=True)
    fund.travel(1_000_00, 1_100_00, 1_200_00)
    fund.travel(1_000_00, 1_100_00, 1_200_00, 1_300_00)
    with fund.after():
        queries.clear()
        client.get("/fund/")
        assert len(queries) == few <= 17, "\n".join(queries)


def test_figures_come_from_the_accounts_and_not_from_the_legs(client: Any, fund: FundStory, queries: list[str]) -> None:
    fund.give("XZ", 10_000_00)
    queries.clear()
    client.get("/fund/")
    read = " ".join(queries)
    assert "FROM account" in read or "JOIN account" in read
    assert not re.search(r"\b(leg|posting|lot_movement)\b", read)
    assert read.count("JOIN entry") == read.count("entry.id = spend.return_entry_id"), "of open meetings only"


def test_caches_may_keep_a_visitors_page_for_a_minute(client: Any, fund: FundStory) -> None:
    from core import clock

    fund.give("XZ", 10_000_00)
    with clock.moved_to(clock.now().replace(second=5)):
        for url in ("/fund/", "/fund/figures.csv"):
            first = client.get(url)
            assert re.fullmatch(r"public, max-age=(5\d|60)", first.headers["Cache-Control"])
            assert "Cookie" in first.headers["Vary"] and "Set-Cookie" not in first.headers
            again = client.get(url, headers={"If-None-Match": first.headers["ETag"]})
            assert again.status_code == 304 and not again.data and again.headers["ETag"] == first.headers["ETag"]
            fund.give("XZ", 1_00_00)
            changed = client.get(url, headers={"If-None-Match": first.headers["ETag"]})
            assert changed.status_code == 200 and changed.headers["ETag"] != first.headers["ETag"]


def test_nobodys_own_page_is_kept(make: Any, as_person: Any, fund: FundStory) -> None:
    fund.give("XZ", 10_000_00)
    answer = as_person(make.person("auditor")).get("/fund/")
    assert "no-store" in answer.headers["Cache-Control"] and "ETag" not in answer.headers


# --- home, file, verify ---------------------------------------------------------------------------------------------
def test_the_home_page_has_the_four_numbers(client: Any, fund: FundStory) -> None:
    fund.give("XZ", 10_000_00, 30_00)
    fund.meeting(1)
    fund.spend(fund.awards[0], 400_00)
    home, found = client.get("/").get_data(as_text=True), money(figures(client))
    for amount in (found["received"], found["spent-direct"] + found["spent-support"], found["reserved"],
                   found["available"]):
        assert f"USD {amount / 100:,.2f}" in home
    assert 'href="/fund/#available"' in home and "as of" in home


def test_the_file_defines_every_figure(client: Any, fund: FundStory) -> None:
    fund.give("XZ", 50_000_00)
    fund.travel(1_000_00, 1_200_00, 1_400_00)
    with fund.after():
        answer = client.get("/fund/figures.csv")
    rows = list(csv.DictReader(io.StringIO(answer.get_data(as_text=True).removeprefix("\ufeff"))))
    assert answer.mimetype == "text/csv" and "placard-fund.csv" in answer.headers["Content-Disposition"]
    assert all(row["meaning"] and row["as_of"].endswith("Z") and row["value"] for row in rows)
    assert {row["figure"].partition(":")[0] for row in rows} <= set(DEFINITIONS)
    keys = [(row["scope"], row["subject"], row["figure"]) for row in rows]
    assert len(keys) == len(set(keys))


def test_verify_proves_the_public_figures_from_the_legs(
    app: Any, fund: FundStory, monkeypatch: pytest.MonkeyPatch
) -> None:
    fund.give("XZ", 50_000_00, 10_00)
    fund.pledge("XY", 900_00)
    fund.travel(1_000_00, 1_200_00, 1_400_00, bank_fee=15_00)
    assert "transparency.figures" in verify.CHECKS
    checked, faults = checks.public_figures_are_the_books()
    assert checked > 10 and faults == []
    page = queries.fund_page()
    for name in ("pledged", "received", "available", "spent_direct"):
        lie = replace(page, totals=replace(page.totals, **{name: getattr(page.totals, name) + usd(1)}))
        monkeypatch.setattr(checks.queries, "fund_page", lambda lie=lie: lie)
        assert any(name in fault for fault in checks.public_figures_are_the_books()[1]), name
    lie = replace(page, pools=(replace(page.pools[0], figures=replace(page.pools[0].figures, fees=usd(0))),))
    monkeypatch.setattr(checks.queries, "fund_page", lambda: lie)
    assert any("fees" in fault for fault in checks.public_figures_are_the_books()[1])


@pytest.mark.parametrize(("earmark", "words"), [
    (None, "Where it is needed most (unearmarked)"),
    ({}, "Where it is needed most (unearmarked)"),
    ({"facts": ["ldc"]}, "For delegates from least developed countries"),
    ({"group": "African", "sex": "female"}, "For delegates from African States, who are women"),
    ({"kind": ["BMS"]}, "For delegates to meetings of the kind: Biennial meeting of States"),
    ({"meeting": "bms10"}, "For delegates to BMS10"),
    ({"weather": "fair"}, "For delegates as its agreement says"),
])
def test_earmarks_in_plain_words(app: Any, earmark: Any, words: str) -> None:
    with app.test_request_context():
        assert earmark_words(earmark, {"bms10": "BMS10"}) == words
