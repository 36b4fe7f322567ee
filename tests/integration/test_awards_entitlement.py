"""Entitlements through the commands and the database: rates, quotes, the estimate that rests on lines."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from core import clock, files
from core.db import db
from core.errors import NotAllowed, RuleBroken, Stale
from core.events import Event
from core.money import Money
from sponsorship.applications.models import Call
from sponsorship.awards import entitlement_service as service
from sponsorship.awards import service as awards
from sponsorship.awards.dsa_csv import read_rates
from sponsorship.awards.entitlement_models import AwardBasis, DsaImport, DsaRate, FareQuote
from sponsorship.awards.entitlement_queries import calculate, entitlement_page, rates_of
from sponsorship.awards.entitlement_service import Fare, Known
from sponsorship.awards.models import Award
from tests.support.award_story import AwardStory

HEAD = "place,country,valid_from,rate_usd\n"


@pytest.fixture
def story(make):
    return AwardStory(make)


@pytest.fixture
def award(story):
    return story.decide()[0]


def put_rates(story, body="New York,US,2020-01-01,401.00\n", role="fund_manager"):
    content = (HEAD + body).encode()
    kept = files.lay_down(content, "circular.csv", "text/csv")
    return service.import_rates(read_rates(content), kept, "Test circular", story.officer(role))


def quote(story, award, amount=Money(123_456, "USD"), days=5):
    return service.record_quote(award, Fare(amount, "Agency 7", clock.today(), clock.now() + timedelta(days=days)),
                                story.officer("fund_manager"), story.version(Award, award))


def use(story, award):
    service.use(award, story.officer("fund_manager"), story.version(Award, award))


def test_an_estimate_rests_on_lines_until_an_officer_writes_another(story, award):
    manager = story.officer("fund_manager")
    found = calculate(story.award(award))
    assert found.missing is not None and found.by_kind == {"ticket": 100_000, "dsa": 80_001, "terminal": 22_000}
    put_rates(story)
    quote(story, award)
    found = calculate(story.award(award))
    assert found.by_kind == {"ticket": 123_456, "dsa": 6 * 40_100, "terminal": 22_000}
    call = db.session.get(Call, story.award(award).call_id)
    call.part_first_day, call.part_last_day = 2, 2  # the call pays one day of the meeting, with the days beside it
    db.session.commit()
    found = calculate(story.award(award))
    assert found.trip.covered == (found.trip.meeting_first + timedelta(days=1),) * 2
    assert found.by_kind["dsa"] == 2 * 40_100
    service.set_journey(award, Known(nights_in_air=[0], provided=["lunch"], covered=(1, 3)), manager,
                        story.version(Award, award))
    # the Sunday in the air; three days with lunch; the Thursday ends the official journey
    found = calculate(story.award(award))
    assert [line.rule for line in found.lines if line.kind == "dsa"] == [
        "in_air", "reduced", "reduced", "reduced", "last_day", "private", "private"]
    assert found.by_kind["dsa"] == 3 * 35_288
    use(story, award)
    row = story.award(award)
    assert row.amount_minor == 123_456 + 3 * 35_288 + 22_000 and row.state == "selected"
    page = entitlement_page(award)
    assert page.agrees and len(page.basis) == 1 + 7 + 4
    assert not story.verify()
    awards.set_estimate(award, {"ticket": 500_00}, manager, story.version(Award, award))
    assert not entitlement_page(award).basis
    use(story, award)
    story.offer(award)
    with pytest.raises(DBAPIError), db.session.begin_nested():
        db.session.execute(text("UPDATE award_basis SET amount_minor = 1"))
    with pytest.raises(DBAPIError), db.session.begin_nested():
        db.session.execute(text("DELETE FROM award_basis"))
    assert db.session.query(AwardBasis).count() == 12
    tags = {e.tag for e in db.session.query(Event).filter_by(subject_id=award)}
    assert {"awards.award.quote", "awards.award.journey", "awards.award.estimate"} <= tags


def test_an_expired_quote_stops_certification_with_words(story, award):
    quote(story, award, days=2)
    with clock.moved_to(clock.now() + timedelta(days=3)):
        for act in (lambda: use(story, award),
                    lambda: awards.certify(award, story.officer("certifying_officer"), story.version(Award, award))):
            with pytest.raises(RuleBroken) as caught:
                act()
            assert caught.value.code == "quote.expired" and "Agency 7" in str(caught.value.message)
        quote(story, award, Money(90_000, "USD"))
        use(story, award)
        awards.certify(award, story.officer("certifying_officer"), story.version(Award, award))
    assert story.award(award).state == "certified"


def test_quotes_that_cannot_be(story, award):
    manager, version = story.officer("fund_manager"), story.version(Award, award)
    today, later = clock.today(), clock.now() + timedelta(days=5)
    for fare, code in ((Fare(Money(1, "USD"), "a", today + timedelta(days=1), later), "quote.future"),
                       (Fare(Money(1, "USD"), "a", today, clock.now()), "quote.expired"),
                       (Fare(Money(0, "USD"), "a", today, later), "quote.amount"),
                       (Fare(Money(100, "EUR"), "a", today, later), "rates.missing")):
        with pytest.raises(RuleBroken) as caught:
            service.record_quote(award, fare, manager, version)
        assert caught.value.code == code
    with pytest.raises(NotAllowed):
        service.record_quote(award, Fare(Money(1, "USD"), "a", today, later), story.officer("auditor"), version)
    with pytest.raises(Stale):
        service.record_quote(award, Fare(Money(1, "USD"), "a", today, later), manager, version + 1)
    for known, field in ((Known(nights_in_air=[6]), "nights"), (Known(covered=(2, 9)), "covered_to"),
                         (Known(covered=(3, 2)), "covered_to")):
        with pytest.raises(RuleBroken) as caught:
            service.set_journey(award, known, manager, version)
        assert caught.value.field == field
    assert not db.session.query(FareQuote).count()


def test_rates_come_whole_or_not_at_all_and_go_whole(story):
    first = put_rates(story, "New York,US,2020-01-01,401.00\nnew york,US,2027-07-01,423.00\nGeneva,CH,2020-01-01,390\n")
    on = rates_of("NEW YORK", "us")
    assert [on(datetime(2027, month, 1, tzinfo=UTC).date()).usd_minor for month in (1, 6, 7)] == [40100, 40100, 42300]
    assert on(datetime(2019, 1, 1, tzinfo=UTC).date()) is None
    assert rates_of("New York", "CA")(clock.today()) is None
    with pytest.raises(RuleBroken) as caught:
        put_rates(story, "New York,US,2020-01-01,400.00\nParis,FR,2020-01-01,300\n")
    assert caught.value.code == "dsa.wrong_lines" and db.session.query(DsaRate).count() == 3
    with pytest.raises(RuleBroken) as caught:
        put_rates(story, "New York,US,2020-01-01,401.00\n")
    assert caught.value.code == "dsa.nothing"
    with pytest.raises(NotAllowed):
        put_rates(story, "Paris,FR,2020-01-01,300\n", role="certifying_officer")
    with pytest.raises(DBAPIError), db.session.begin_nested():
        db.session.execute(text("UPDATE dsa_rate SET usd_minor = 1"))
    with pytest.raises(DBAPIError), db.session.begin_nested():
        db.session.execute(text("UPDATE dsa_rate SET withdrawn_at = '2027-01-01 00:00:00+00:00'"))
    service.withdraw_import(first, story.officer("fund_manager"), "Superseded.")
    assert rates_of("New York", "US")(clock.today()) is None
    with pytest.raises(RuleBroken):
        service.withdraw_import(first, story.officer("fund_manager"), "Again.")
    with pytest.raises(DBAPIError), db.session.begin_nested():
        db.session.execute(text("UPDATE dsa_import SET withdrawn_at = NULL, withdrawn_by = NULL"))
    put_rates(story, "New York,US,2020-01-01,400.00\n")
    assert db.session.query(DsaImport).count() == 2


@pytest.mark.pages
def test_the_pages_from_file_to_estimate(story, award, as_person):
    manager = as_person(story.people["fund_manager"])
    page = f"/awards/{award}/entitlement"
    assert "The call’s own figure stands for it" in manager.get(page).get_data(as_text=True)
    bad = manager.post("/travel/dsa-rates/import", data={
        "source": "Circular 5", "file": (io.BytesIO((HEAD + "New York,US,soon,401\n").encode()), "r.csv")},
        content_type="multipart/form-data")
    said = bad.get_data(as_text=True)
    assert "One line is wrong" in said and "the day is not written as 2027-03-01" in said
    good = manager.post("/travel/dsa-rates/import", data={
        "source": "Circular 5", "file": (io.BytesIO((HEAD + "New York,US,2020-01-01,401\n").encode()), "r.csv")},
        content_type="multipart/form-data").get_data(as_text=True)
    import re

    token = re.search(r'name="kept_token"[^>]*value="([^"]+)"', good).group(1)
    answer = manager.submit("/travel/dsa-rates/import/check", {"source": "Circular 5", "kept_token": token})
    assert answer.status_code == 303
    one = answer.headers["Location"]
    assert "Circular 5" in manager.get(one).get_data(as_text=True)
    assert manager.get(f"{one}file").get_data() == (HEAD + "New York,US,2020-01-01,401\n").encode()
    assert manager.submit("/travel/dsa-rates/import/check", {"source": "x", "kept_token": "forged"}).status_code == 422
    day = (clock.today() + timedelta(days=9)).isoformat()
    fare = {"version": story.version(Award, award), "currency": "usd", "amount": "1,234.56", "source": "Agency",
            "quoted_on": clock.today().isoformat(), "expires_day": day, "expires_time": "17:00"}
    assert manager.submit(f"/awards/{award}/quote", {**fare, "expires_time": "25:00"}).status_code == 422
    assert manager.submit(f"/awards/{award}/quote", fare).status_code == 303
    journey = {"version": story.version(Award, award), "nights": "0", "covered_from": "1"}
    assert manager.submit(f"/awards/{award}/journey", journey).status_code == 422
    journey.pop("covered_from")
    assert manager.submit(f"/awards/{award}/journey", journey).status_code == 303
    said = manager.get(page).get_data(as_text=True)
    assert "Night in the air: nothing" in said and "Make this the estimate" in said
    assert manager.submit(f"{page}/use", {"version": story.version(Award, award)}).status_code == 303
    assert story.award(award).amount_minor == 123_456 + 5 * 40_100 + 22_000
    assert "Agency" in manager.get(f"{page}?format=csv").get_data(as_text=True)
    auditor = as_person(story.people["auditor"])
    assert "Make this the estimate" not in auditor.get(page).get_data(as_text=True)
    assert auditor.post(f"{page}/use", data={"version": 1}).status_code == 403
    assert as_person(story.focal[0]).get(page).status_code == 403
    withdrawn = manager.submit(f"{one}withdraw", {"words": "Wrong circular."})
    assert withdrawn.status_code == 303
    for address in ("/travel/rules", "/travel/dsa-rates/", "/travel/dsa-rates/imports/", "/travel/dsa-rates/import"):
        assert manager.get(address).status_code == 200
