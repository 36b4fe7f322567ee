"""The entitlement against an independent reckoning, its rules one by one, and the worked examples of the document."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.money import usd
from sponsorship.awards.dsa_csv import read_rates
from sponsorship.awards.entitlement import (
    LEGS,
    PROVIDED,
    DayRate,
    NoRate,
    Trip,
    dsa_lines,
    official_days,
    terminal_lines,
    totals,
)
from sponsorship.awards.travel_settings import travel_setting, travel_settings
from tests.support.entitlement_examples import EXAMPLES, RATES, rate_on, table

MONDAY = date(2027, 6, 14)
ROOT = Path(__file__).resolve().parents[2]


def trip(first=-1, last=5, **changes):
    """Days counted from the Monday on which a meeting of five days begins."""
    return Trip("New York", MONDAY + timedelta(days=first), MONDAY + timedelta(days=last), MONDAY,
                MONDAY + timedelta(days=4), **changes)


def rules(made):
    return [line.rule for line in dsa_lines(made, rate_on)]


def test_every_setting_names_its_unit_and_source():
    assert all(s.unit and s.source for s in travel_settings())
    assert travel_setting("terminal_leg_minor", MONDAY, "New  YORK").value == 6300
    assert travel_setting("terminal_leg_minor", MONDAY, "Geneva").value == 4700
    with pytest.raises(KeyError):
        travel_setting("no_such", MONDAY)


def test_official_days_are_the_day_before_to_the_day_after():
    assert official_days(trip(), MONDAY) == (MONDAY - timedelta(days=1), MONDAY + timedelta(days=5))
    part = trip(covered=(MONDAY + timedelta(days=1), MONDAY + timedelta(days=2)))
    assert official_days(part, MONDAY) == (MONDAY, MONDAY + timedelta(days=3))


def test_private_days_nights_in_the_air_and_the_last_day_pay_nothing():
    assert rules(trip()) == ["full"] * 6 + ["last_day"]
    assert rules(trip(-3, 7)) == ["private"] * 2 + ["full"] * 6 + ["last_day"] + ["private"] * 2
    night_out = trip(-1, 5, nights_in_air=frozenset({MONDAY - timedelta(days=1)}))
    assert rules(night_out) == ["in_air"] + ["full"] * 5 + ["last_day"]


@pytest.mark.parametrize(("hours", "cents"), [(9, 0), (10, 16040), (None, 16040)])
def test_a_journey_without_a_night(hours, cents):
    assert sum(line.amount_minor for line in dsa_lines(trip(0, 0, hours=hours), rate_on)) == cents


def test_meals_come_off_the_share_without_a_night_and_lodging_does_not():
    given_ = {MONDAY: frozenset({"lunch", "lodging"})}
    (line,) = dsa_lines(trip(0, 0, provided=given_), rate_on)
    assert (line.share_bp, line.amount_minor) == (2800, 11228)


def test_where_no_rate_is_known_nothing_is_guessed():
    with pytest.raises(NoRate) as caught:
        dsa_lines(trip(), lambda day: rate_on(day) if day != MONDAY else None)
    assert caught.value.day == MONDAY


def test_four_legs_and_a_car():
    assert totals(terminal_lines(trip())) == {"terminal": 2 * 4700 + 2 * 6300}
    assert totals(terminal_lines(trip(cars=frozenset({"arrival"})))) == {"terminal": 2 * 4700 + 6300 + 1600}
    assert totals(terminal_lines(trip(legs=frozenset({"home_out", "arrival"})))) == {"terminal": 4700 + 6300}


# --- against an independent reckoning -----------------------------------------------------------------------------
OFF = {"lodging": Decimal("0.50"), "breakfast": Decimal("0.06"), "lunch": Decimal("0.12"), "dinner": Decimal("0.12")}


def brute_force(made: Trip, cents_on) -> int:
    """Written apart from the engine, night by night and in decimals: who sleeps where on which night, then what of that
    night's money remains."""
    start, end = made.covered or (made.meeting_first, made.meeting_last)
    may_pay = set()
    day = start - timedelta(days=1)
    while day <= end + timedelta(days=1):
        may_pay.add(day)
        day += timedelta(days=1)
    owed = Decimal(0)
    if made.first_day == made.last_day:
        away = 24 if made.hours is None else made.hours
        if made.first_day in may_pay and away >= 10:
            left = Decimal("0.40") - sum(OFF[m] for m in made.provided.get(made.first_day, ()) if m != "lodging")
            owed = (Decimal(cents_on(made.first_day)) * max(left, Decimal(0))).quantize(Decimal(1), ROUND_HALF_UP)
        return int(owed)
    night = made.first_day
    while night < made.last_day:  # the night from this day to the next; no night follows the last day
        over = end + timedelta(days=1)  # the official journey ends on this day, whoever stays on
        if night in may_pay and night != over and night not in made.nights_in_air:
            left = Decimal(1)
            for thing in made.provided.get(night, ()):
                left -= OFF[thing]
            owed += (Decimal(cents_on(night)) * max(left, Decimal(0))).quantize(Decimal(1), ROUND_HALF_UP)
        night += timedelta(days=1)
    return int(owed)


@st.composite
def trips(draw):
    length = draw(st.integers(0, 11))
    first = MONDAY + timedelta(days=draw(st.integers(-4, 3)))
    days = [first + timedelta(days=n) for n in range(length + 1)]
    provided = draw(st.dictionaries(st.sampled_from(days), st.frozensets(st.sampled_from(PROVIDED)), max_size=6))
    in_air = draw(st.frozensets(st.sampled_from(days), max_size=3))
    covered = draw(st.none() | st.tuples(st.integers(0, 4), st.integers(0, 4)).map(
        lambda pair: (MONDAY + timedelta(days=min(pair)), MONDAY + timedelta(days=max(pair)))))
    return Trip("New York", days[0], days[-1], MONDAY, MONDAY + timedelta(days=4), in_air, provided,
                draw(st.none() | st.integers(1, 24)), covered, draw(st.frozensets(st.sampled_from(LEGS))),
                draw(st.frozensets(st.sampled_from(LEGS))))


@settings(max_examples=200, deadline=None)
@given(trips(), st.integers(1, 99_999), st.integers(1, 99_999), st.integers(-5, 12))
def test_the_engine_agrees_with_brute_force(made, before, after, change):
    turn = MONDAY + timedelta(days=change)

    def cents_on(day):
        return after if day >= turn else before

    lines = dsa_lines(made, lambda day: DayRate("New York", cents_on(day), turn, "circular"))
    assert sum(line.amount_minor for line in lines) == brute_force(made, cents_on)
    assert [line.day for line in lines] == made.days
    assert all(0 <= line.amount_minor <= line.rate_minor for line in lines)
    legs = sum((1600 if leg in made.cars else 6300) if leg in ("arrival", "departure") else
               (1100 if leg in made.cars else 4700) for leg in made.legs)
    assert totals(terminal_lines(made)).get("terminal", 0) == legs


# --- the document -------------------------------------------------------------------------------------------------
def test_the_worked_examples_of_the_document_are_what_the_engine_says():
    text = (ROOT / "docs/entitlement.md").read_text()
    for title, made, parts in EXAMPLES:
        assert f"### {title}" in text
        section = text.split(f"### {title}", 1)[1].split("\n### ", 1)[0]
        assert table(made, parts) in section, f"{title}: the document should say\n{table(made, parts)}"
    assert {usd(minor).decimal for _day, minor in RATES} <= {
        Decimal(found.replace(",", "")) for found in re.findall(r"\d[\d,]*\.\d\d", text)}


# --- files of rates -----------------------------------------------------------------------------------------------
def test_a_file_names_its_wrong_lines(app):
    content = ("\ufeffPlace;Country;Valid from;Rate USD;note\n"
               "New York;us;2027-01-01;401.00;\n"
               "Genève;CH;2027-01-01;1,402.50;\n"
               "new  york;US;2027-01-01;401;twice\n"
               "New York;US;2027-01-01;402;\n"
               "New York;USA;2027-01-01;401;\n"
               ";US;2027-01-01;401;\n"
               "Paris;FR;01/02/2027;300;\n"
               "Paris;FR;2027-02-30;300;\n"
               "Paris;FR;2027-02-01;0;\n"
               "Paris;FR;2027-02-01;about 300;\n"
               "\n"
               "Paris;FR\n").encode()
    with app.test_request_context():
        read = read_rates(content)
    assert [(r.line, r.place, r.country, r.usd_minor) for r in read.rates] == [
        (2, "New York", "US", 40100), (3, "Genève", "CH", 140250)]
    assert read.repeated == 1
    assert [w.line for w in read.wrong] == [5, 6, 7, 8, 9, 10, 11, 13]
    assert "line 2" in read.wrong[0].why


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"\xff\xfe\x00", b"place,country,valid_from\n", b"\x00\x01",
                                     b"place,place,country,valid_from,rate_usd\n"])
def test_what_is_no_table_of_rates_is_refused(app, content):
    from core.errors import RuleBroken

    with app.test_request_context(), pytest.raises(RuleBroken) as caught:
        read_rates(content)
    assert caught.value.field == "file"
