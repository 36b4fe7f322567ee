"""Attacks on what is told: whoever compares two tables, two donors or two dates must not read one State's price."""

from __future__ import annotations

import csv
import io
import re
import uuid
from typing import Any

import pytest

from accounts.models import OrganisationFact
from core import clock
from core.db import db
from sponsorship.applications.models import Nominee
from sponsorship.awards.models import Award
from sponsorship.ledger import service as ledger
from sponsorship.ledger.models import Spend
from sponsorship.transparency import donor_queries, keeping, queries, statements
from sponsorship.transparency.models import MeetingFigure, PoolBar
from tests.support.fund_story import TESTS, FundStory

COSTS = (1_111_11, 1_222_22, 1_444_43, 1_555_57)


@pytest.fixture
def fund(make: Any) -> FundStory:
    return FundStory(make)


def lines(client: Any, url: str = "/fund/figures.csv") -> dict[tuple[str, str, str], str]:
    text = client.get(url).get_data(as_text=True).removeprefix("\ufeff")
    return {(row["scope"], row["subject"], row["figure"]): row["value"] for row in csv.DictReader(io.StringIO(text))}


def groups(make: Any, *of: str) -> None:
    """The regional groups of States XA, XB and so on."""
    from datetime import date

    for n, group in enumerate(of):
        state = make.state(f"X{'ABCDEFGH'[n]}")
        db.session.add(OrganisationFact(organisation_id=state, fact="group", value=group, valid_from=date(2000, 1, 1),
                                        source="test"))
    db.session.commit()


def statement(make: Any, code: str, first: Any = None, last: Any = None) -> statements.Statement:
    return statements.statement(make.state(code), first, last or clock.today())


# --- two tables -------------------------------------------------------------------------------------------------
def test_a_meeting_less_one_pool_does_not_give_the_last_state(client: Any, make: Any, fund: FundStory) -> None:
    """The narrow pool pays three of four States: the meeting's direct costs less the pool's would be the fourth's."""
    narrow = ledger.open_pool("women", "Women", {"sex": ["female"]}, is_demo=True)
    fund.give("XY", 30_000_00, 0, narrow)
    fund.give("XZ", 30_000_00)
    story = fund.story = _meeting_with_pools(fund, narrow, men=1)
    for award, cost in zip(fund.awards, COSTS, strict=True):
        fund.spend(award, cost)
        fund.close(award)
    with fund.after():
        told = lines(client)
        page = client.get("/fund/").get_data(as_text=True)
    assert told["meeting", story.meeting.slug, "meeting-direct"] == f"{sum(COSTS) / 100:.2f}"
    for pool in ("general", "women"):
        assert ("pool", pool, "received") in told
        for figure in ("spent-direct", "spent-support", "reserved", "available", "in-transit", "losses"):
            assert ("pool", pool, figure) not in told, f"{pool}: {figure}"
    assert "1,555.57" not in page and f"{sum(COSTS[:3]) / 100:,.2f}" not in page
    assert {row.pool_id for row in db.session.query(PoolBar)} == {fund.pool_id, narrow}
    books = {pool.code: pool.figures for pool in queries.fund_page().pools}
    assert books["general"].spent_direct.minor in COSTS, "the books know it; the pages do not tell"


def _meeting_with_pools(fund: FundStory, narrow: uuid.UUID, men: int) -> Any:
    """Four States, of whom the last `men` send a man; the call draws on the narrow pool first."""
    from sponsorship.applications.models import CallPool
    from tests.support.award_story import AwardStory

    story = AwardStory(fund.make, states=4, recommended=4, money=0)
    db.session.query(Nominee).filter(Nominee.id.in_(story.nominees[4 - men:])).update({"sex": "male"})
    db.session.query(CallPool).filter_by(call_id=story.call_id).update({"position": 2})
    db.session.add(CallPool(call_id=story.call_id, pool_id=narrow, position=1))
    db.session.commit()
    fund.awards = story.decide()
    for n, award in enumerate(fund.awards):
        story.offer(award)
        story.accept(award, n)
    return story


def test_a_pool_is_told_where_three_states_stand_behind_it_everywhere(client: Any, fund: FundStory) -> None:
    narrow = ledger.open_pool("unused", "Unused", {"facts": ["sids"]}, is_demo=True)
    fund.give("XY", 5_000_00, 0, narrow)
    fund.give("XZ", 30_000_00)
    fund.travel(*COSTS)
    with fund.after():
        told = lines(client)
    assert told["pool", "general", "spent-direct"] == f"{sum(COSTS) / 100:.2f}"
    assert told["pool", "unused", "available"] == "5000.00"


def test_a_year_less_the_meetings_told_does_not_give_a_small_meeting(client: Any, fund: FundStory) -> None:
    fund.give("XZ", 90_000_00)
    large = fund.travel(*COSTS)
    small = fund.travel(1_777_79)
    with fund.after():
        told = lines(client)
    direct = {key: value for key, value in told.items() if key[2] in ("meeting-direct", "average")}
    assert direct == {}, "the large one would give the small one away"
    assert told["meeting", small.meeting.slug, "states"] == "1"
    assert told["meeting", large.meeting.slug, "states"] == "4"
    year = str(clock.today().year)
    assert told["year", year, "spent-direct"] == f"{(sum(COSTS) + 1_777_79) / 100:.2f}", "the books are told"


def test_a_group_of_one_state_is_not_told_apart(client: Any, make: Any, fund: FundStory) -> None:
    groups(make, "African", "African", "African", "GRULAC")
    fund.give("XZ", 90_000_00)
    story = fund.travel(*COSTS)
    with fund.after():
        told = lines(client)
        page = client.get(f"/fund/meetings/{story.meeting.slug}").get_data(as_text=True)
        donor = donor_queries.donor_page([make.state("XZ")])
    assert not [key for key in told if key[2].startswith("group:")]
    assert "African States" not in page and "Latin American" not in page
    assert donor.groups == ((None, 4),)


def test_women_are_not_told_where_one_stands_out(client: Any, fund: FundStory) -> None:
    fund.give("XZ", 90_000_00)
    story = fund.meeting(4)
    db.session.query(Nominee).filter(Nominee.id.in_(story.nominees[:3])).update({"sex": "male"})
    db.session.commit()
    for award, cost in zip(fund.awards, COSTS, strict=True):
        fund.spend(award, cost)
        fund.close(award)
    with fund.after():
        told = lines(client)
    assert ("meeting", story.meeting.slug, "women") not in told and ("meeting", story.meeting.slug, "men") not in told


# --- two donors -------------------------------------------------------------------------------------------------
def test_two_donors_who_compare_read_of_no_single_state(make: Any, as_person: Any, fund: FundStory) -> None:
    """XZ's money carried the first States and XY's the last one. Together they know who paid how much, and the public
    figures; nothing says whose journey the last one was."""
    groups(make, "African", "African", "African", "GRULAC")
    fund.give("XZ", 6_500_00)
    fund.give("XY", 30_000_00)
    fund.travel(*COSTS)
    with fund.after():
        pages = {code: donor_queries.donor_page([make.state(code)]) for code in ("XZ", "XY")}
        texts = [as_person(fund.donor(code)).get(url).get_data(as_text=True) for code in ("XZ", "XY")
                 for url in ("/donor/results", "/donor/results.csv", "/donor/statement?year=all")]
    assert all(group is None for page in pages.values() for group, _count in page.groups)
    for text in texts:
        assert "GRULAC" not in text and "Latin American" not in text and "African" not in text
        assert not re.search(r"State X[A-D]\b", text)


def test_an_earmark_does_not_tell_by_group_whose_journey_it_paid(make: Any, fund: FundStory) -> None:
    """Six States of two groups travel; the earmarked pool pays for one. Its donor reads that it carried one journey:
    not of which group, since that and the earmark together may leave one State."""
    groups(make, *["African"] * 3, *["GRULAC"] * 3)
    narrow = ledger.open_pool("women", "Women", {"sex": ["female"]}, is_demo=True)
    fund.give("XY", 2_500_00, 0, narrow)
    fund.give("XZ", 90_000_00)
    from sponsorship.applications.models import CallPool
    from tests.support.award_story import AwardStory

    story = fund.story = AwardStory(make, states=6, recommended=6, money=0)
    db.session.query(CallPool).filter_by(call_id=story.call_id).update({"position": 2})
    db.session.add(CallPool(call_id=story.call_id, pool_id=narrow, position=1))
    db.session.commit()
    fund.awards = story.decide()
    for n, award in enumerate(fund.awards):
        story.offer(award)
        story.accept(award, n)
    for n, award in enumerate(fund.awards):
        fund.spend(award, 1_000_00 + n)
        fund.close(award)
    with fund.after():
        own, other = (donor_queries.donor_page([make.state(code)]) for code in ("XY", "XZ"))
        paid = statement(make, "XY").spending
    assert 0 < own.journeys < 3 and own.groups == ((None, own.journeys),)
    assert dict(other.groups)["GRULAC"] == 3, "money without an earmark says nothing of whom it went to"
    assert [line.meeting for line in paid] == [None], "nor does its statement say to which meeting it went"


# --- two dates --------------------------------------------------------------------------------------------------
def test_an_average_once_told_is_never_told_with_another_figure(client: Any, fund: FundStory) -> None:
    """A payment comes back after the meeting was settled: the new average less the old one, times the number, would be
    what came back to that State."""
    fund.give("XZ", 90_000_00)
    story = fund.travel(*COSTS)
    with fund.after():
        before = lines(client)["meeting", story.meeting.slug, "average"]
        last = db.session.query(Spend).order_by(Spend.id.desc()).first()
        assert last is not None
        ledger.return_spend(last.id, key="back", actor=TESTS)
        db.session.commit()
        assert ("meeting", story.meeting.slug, "average") not in lines(client), "open again: told no more at once"
        fund.close_again(last.reservation_id)
        assert fund.keep() == ["kept"]
        after = lines(client)
        row = db.session.get(MeetingFigure, story.meeting_id)
        page = client.get(f"/fund/meetings/{story.meeting.slug}").get_data(as_text=True)
    assert before == "1333.33"  # 5,333.33 / 4, half a cent up
    assert row is not None and row.revised and row.delegates == 3
    assert not [key for key in after if key[2] in ("average", "meeting-direct", "meeting-support")]
    assert "No longer shown" in page


def test_keeping_again_without_a_change_tells_the_same(client: Any, fund: FundStory) -> None:
    fund.give("XZ", 90_000_00)
    story = fund.travel(*COSTS)
    with fund.after():
        before = lines(client)
        db.session.query(Award).filter_by(meeting_id=story.meeting_id).update({"version": Award.version + 1})
        db.session.commit()
        row = db.session.get(MeetingFigure, story.meeting_id)
        db.session.refresh(row)
        assert row is not None and row.stale, "the database notices"
        assert ("meeting", story.meeting.slug, "average") not in lines(client)
        assert keeping.keep(story.meeting_id) == "kept"
        after = lines(client)
    assert {k: v for k, v in before.items() if k[0] == "meeting"} == {k: v for k, v in after.items()
                                                                     if k[0] == "meeting"}


def test_a_donors_dates_single_out_no_state(make: Any, fund: FundStory) -> None:
    """Whatever days a donor asks for, a meeting is named only where three States or more stand behind it; the day on
    which one State was paid tells an amount and not whose it is."""
    from datetime import timedelta

    fund.give("XZ", 90_000_00)
    fund.travel(*COSTS)
    fund.travel(1_777_79)
    today = clock.today()
    with fund.after():
        for first in (None, today, today + timedelta(days=1)):
            for last in (today, today + timedelta(days=40), clock.today()):
                if first is None or first <= last:
                    page = statement(make, "XZ", first, last)
                    assert all(line.meeting is None for line in page.spending), "neither, since one is small"
                    assert sum(line.direct.minor for line in page.spending) == page.total.spent_direct.minor
