"""/donor/results: each donor sees what its own money carried, to the cent; all donors together are the fund's books."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from accounts.models import Organisation
from core.db import db
from core.money import Money
from sponsorship.ledger.queries import fund_figures
from sponsorship.transparency import donor_queries
from sponsorship.transparency.donor_queries import donor_page
from sponsorship.transparency.statement_sums import NOTHING
from tests.support.fund_story import FundStory


@pytest.fixture
def fund(make: Any) -> FundStory:
    return FundStory(make)


def page_of(make: Any, code: str) -> donor_queries.DonorPage:
    return donor_page([make.state(code)])


def rows(client: Any) -> list[dict[str, str]]:
    text = client.get("/donor/results.csv").get_data(as_text=True).removeprefix("\ufeff")
    return list(csv.DictReader(io.StringIO(text)))


def busy(fund: FundStory) -> None:
    """Two donors at two rates, journeys shared between contributions, one paid ahead, fees on both sides."""
    fund.give("XZ", 2_500_00, 100_01)
    fund.give("XY", 9_000_00, 250_03)
    fund.give("XZ", 30_000_00, 777_77)
    fund.travel(1_800_00, 1_500_01, 1_300_07, bank_fee=12_34)
    fund.meeting(3)
    fund.spend(fund.awards[0], 700_03, confirm=False)


def test_donors_together_are_the_funds_books(app: Any, make: Any, fund: FundStory) -> None:
    busy(fund)
    for moment in ("before", "after"):
        if moment == "after":
            with fund.after():
                pages = [page_of(make, code) for code in ("XY", "XZ")]
        else:
            pages = [page_of(make, code) for code in ("XY", "XZ")]
        books = fund_figures()
        total = sum((page.total for page in pages), NOTHING)
        for name in ("received", "exchange", "refunded", "fees", "losses", "spent_direct", "spent_support"):
            assert getattr(total, name).minor == getattr(books, name), name
        assert (total.closing_reserved.minor, total.unspent.minor) == (books.reserved, books.available)
        for page in pages:
            for sums in (*(result.sums for result in page.results), page.total):
                assert sums.received + sums.exchange == (
                    sums.refunded + sums.fees + sums.losses + sums.spent_direct + sums.spent_support
                    + sums.closing_reserved + sums.unspent)
            assert sum((result.sums for result in page.results), NOTHING) == page.total


def test_a_donor_sees_its_own_and_nobody_elses(make: Any, as_person: Any, fund: FundStory) -> None:
    fund.give("XZ", 10_000_00)
    fund.give("XY", 4_321_00)
    own, other = (page_of(make, code).results[0].line.reference for code in ("XZ", "XY"))
    client = as_person(fund.donor("XZ"))
    for url in ("/donor/results", "/donor/results.csv"):
        answer = client.get(url)
        assert "no-store" in answer.headers["Cache-Control"]
        text = answer.get_data(as_text=True)
        assert own in text and other not in text and "4,321" not in text and "4321" not in text


def test_only_donors_come_here(client: Any, make: Any, as_person: Any) -> None:
    for url in ("/donor/results", "/donor/results.csv"):
        assert client.get(url).status_code in (302, 303, 401)
        assert as_person(make.person("focal_point")).get(url).status_code == 403
        assert as_person(make.person("fund_manager")).get(url).status_code == 403


def test_before_any_contribution(make: Any, as_person: Any) -> None:
    client = as_person(make.person("donor"))
    assert "No contribution has been accepted yet" in client.get("/donor/results").get_data(as_text=True)
    assert [row["scope"] for row in rows(client)] == ["sum"]


def test_journeys_are_counted_once_the_meeting_is_over(make: Any, as_person: Any, fund: FundStory) -> None:
    fund.give("XZ", 30_000_00)
    story = fund.travel(1_000_00, 1_200_00, 1_400_01)
    client = as_person(fund.donor("XZ"))
    before = client.get("/donor/results").get_data(as_text=True)
    assert "No journey has been made yet" in before and story.meeting.short_name not in before
    with fund.after():
        after = client.get("/donor/results").get_data(as_text=True)
        line = page_of(make, "XZ").carried[0]
    days = line.sponsored.meeting.workdays
    assert (line.journeys, line.shared, line.days) == (3, 0, 3 * days)
    assert story.meeting.short_name in after and "1,200.00" in after and "of all 3 delegates" in after


def test_a_shared_journey_counts_with_each_and_once_in_the_sum(make: Any, fund: FundStory) -> None:
    fund.give("XZ", 1_000_00)  # carries less than one journey: the rest comes from the next
    fund.give("XZ", 10_000_00)
    fund.give("XY", 10_000_00)
    fund.travel(1_800_00, 1_700_00, 1_600_00)
    with fund.after():
        page, other = page_of(make, "XZ"), page_of(make, "XY")
    assert sorted((r.journeys, r.carried[0].shared) for r in page.results) == [(1, 1), (3, 1)]
    assert (page.journeys, page.carried[0].shared) == (3, 0), "shared among the donor's own only"
    assert other.journeys == 0 and other.total.unspent == other.total.received


def test_a_journey_shared_with_another_donor(make: Any, fund: FundStory) -> None:
    fund.give("XZ", 1_000_00)
    fund.give("XY", 10_000_00)
    fund.travel(1_800_00, 1_700_00, 1_600_00)
    with fund.after():
        first, second = page_of(make, "XZ"), page_of(make, "XY")
    assert (first.journeys, first.carried[0].shared) == (1, 1)
    assert (second.journeys, second.carried[0].shared) == (3, 1)
    assert first.carried[0].sponsored.average == second.carried[0].sponsored.average, "the meeting's, not the donor’s"


@pytest.mark.parametrize("costs", [(1_234_00,), (1_234_00, 1_098_76)])
def test_fewer_than_three_journeys_tell_no_average(
    make: Any, as_person: Any, fund: FundStory, costs: tuple[int, ...]
) -> None:
    fund.give("XZ", 30_000_00)
    fund.travel(*costs)
    client = as_person(fund.donor("XZ"))
    with fund.after():
        page = client.get("/donor/results").get_data(as_text=True)
        found = rows(client)
    assert "Not shown: with so few States it would tell what one of them cost" in page
    assert "fewer than three journeys" in page
    by_meeting = [row for row in found if row["scope"].endswith("-meeting")]
    assert by_meeting and all(not row["average_journey (USD)"] and "Not shown" in row["note"] for row in by_meeting)
    assert all(int(row["journeys"]) == len(costs) for row in by_meeting)


def test_an_average_waits_until_the_meeting_is_settled(make: Any, as_person: Any, fund: FundStory) -> None:
    fund.give("XZ", 30_000_00)
    fund.meeting(3)
    for award in fund.awards:
        fund.spend(award, 900_00)
    client = as_person(fund.donor("XZ"))
    with fund.after():
        page = client.get("/donor/results").get_data(as_text=True)
    assert "Once the meeting is settled" in page and "of all 3 delegates" not in page


def test_neither_persons_nor_states_stand_on_a_donors_page(make: Any, as_person: Any, fund: FundStory) -> None:
    fund.give("XZ", 30_000_00, 10_00)
    story = fund.travel(1_111_11, 1_222_22, 1_444_43)
    client = as_person(fund.donor("XZ"))
    with fund.after():
        texts = [client.get(url).get_data(as_text=True) for url in ("/donor/results", "/donor/results.csv")]
    for text in texts:
        for n, code in enumerate(("XA", "XB", "XC")):
            assert f"State {code}" not in text and f"Family{n}" not in text
        for amount in ("1111.11", "1,111.11", "1222.22", "1,222.22", "1444.43", "1,444.43"):
            assert amount not in text
        assert not any(str(award) in text or story.award(award).reference in text for award in fund.awards)


def test_the_file_repeats_the_page(make: Any, as_person: Any, fund: FundStory) -> None:
    busy(fund)
    client = as_person(fund.donor("XZ"))
    with fund.after():
        found, page = rows(client), page_of(make, "XZ")
        shown = client.get("/donor/results").get_data(as_text=True)
    total = next(row for row in found if row["scope"] == "sum")
    for key in ("received", "fees", "spent_direct", "spent_support", "reserved", "unspent"):
        parts = [row[f"{key} (USD)"] for row in found if row["scope"] == "contribution"]
        assert sum(_cents(part) for part in parts) == _cents(total[f"{key} (USD)"]) == getattr(page.total, key).minor
        assert f"{getattr(page.total, key).minor / 100:,.2f}" in shown
    assert len([row for row in found if row["scope"] == "contribution"]) == len(page.results) == 2


def _cents(text: str) -> int:
    return Money.parse(text, "USD").minor


def test_two_organisations_are_told_apart(make: Any, as_person: Any, fund: FundStory) -> None:
    from datetime import date

    from accounts.service import grant
    from tests.support.people import TESTS

    fund.give("XZ", 10_000_00)
    fund.give("XY", 5_000_00)
    both = fund.donor("XZ")
    grant(TESTS, both.id, make.state("XY"), "donor", valid_from=date(2000, 1, 1))
    text = as_person(both).get("/donor/results").get_data(as_text=True)
    assert "Donor State XY · " in text and "Donor State XZ · " in text
    assert db.session.query(Organisation).count() >= 2


def test_the_number_of_queries_does_not_grow(
    make: Any, as_person: Any, fund: FundStory, queries: list[str]
) -> None:
    fund.give("XZ", 10_000_00, 30_00)
    fund.travel(1_000_00)
    client = as_person(fund.donor("XZ"))
    with fund.after():
        client.get("/donor/results")
        queries.clear()
        client.get("/donor/results")
        few = len(queries)
    for n in range(4):
        fund.give("XY" if n % 2 else "XZ", 20_000_00, 100_00 + n)
    fund.travel(1_000_00, 1_100_00, 1_200_00)
    fund.travel(1_000_00, 1_100_00, 1_200_00, 1_300_00)
    with fund.after():
        queries.clear()
        client.get("/donor/results")
        assert len(queries) == few, "\n".join(queries)
