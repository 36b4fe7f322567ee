"""Working days, due dates computed backwards, shares that sum, and the signed file."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sponsorship.disbursements import workdays
from sponsorship.disbursements.payee_service import iban_is_valid, looks_like_iban
from sponsorship.disbursements.planning import amounts, dates_for, plan
from sponsorship.disbursements.settings import setting, settings

TODAY = date(2026, 11, 23)


def test_every_setting_names_its_unit_and_source():
    assert all(s.unit and s.source for s in settings())
    assert setting("advance_share_bp", TODAY) == 8000
    with pytest.raises(KeyError):
        setting("no_such_setting", TODAY)


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2027, 6, 5), False),  # a Saturday
        (date(2027, 6, 7), True),
        (date(2027, 3, 26), False),  # Good Friday
        (date(2027, 5, 31), False),  # Memorial Day
        (date(2027, 7, 5), False),  # Independence Day falls on a Sunday
        (date(2026, 12, 25), False),
        (date(2027, 12, 24), False),  # Christmas Day falls on a Saturday
    ],
)
def test_working_days(day, works):
    assert workdays.is_workday(day) is works


def test_counting_working_days_passes_over_holidays():
    # Thursday 25 March 2027 is the last working day before Good Friday 26 March
    assert workdays.back(date(2027, 3, 29), 1) == date(2027, 3, 25)
    assert workdays.forward(date(2027, 3, 25), 1) == date(2027, 3, 29)
    assert workdays.on_or_before(date(2027, 3, 28)) == date(2027, 3, 25)
    assert workdays.on_or_after(date(2027, 3, 26)) == date(2027, 3, 29)


@given(st.dates(date(2026, 1, 1), date(2035, 12, 31)), st.integers(0, 30))
def test_back_and_forward_are_inverse_on_working_days(day, count):
    start = workdays.on_or_before(day)
    assert workdays.forward(workdays.back(start, count), count) == start


def test_worked_example_for_a_meeting_in_june_2027():
    """Travel on Sunday 13 June, home on Saturday 19 June 2027 (New York keeps summer time: 9:00 is 13:00 UTC)."""
    ticket = dates_for("ticket", date(2027, 6, 13), date(2027, 6, 19), TODAY)
    # 16 days before is Friday 28 May, a working day
    assert ticket.due_at == datetime(2027, 5, 28, 13, tzinfo=UTC)
    assert ticket.approve_by == datetime(2027, 5, 26, 13, tzinfo=UTC)
    assert ticket.certify_by == datetime(2027, 5, 21, 13, tzinfo=UTC)
    assert ticket.request_by == datetime(2027, 5, 18, 13, tzinfo=UTC)
    # five working days after, passing over Memorial Day (31 May)
    assert ticket.confirm_by == datetime(2027, 6, 7, 13, tzinfo=UTC)
    # the advance leaves three working days before travel
    assert dates_for("dsa_advance", date(2027, 6, 13), date(2027, 6, 19), TODAY).due_at == datetime(
        2027, 6, 9, 13, tzinfo=UTC)
    # the final share after the claim's 14 days: 3 July is a Saturday, 5 July a holiday, so Tuesday 6 July
    assert dates_for("final", date(2027, 6, 13), date(2027, 6, 19), TODAY).due_at == datetime(
        2027, 7, 6, 13, tzinfo=UTC)


def test_the_office_keeps_its_hour_through_the_clock_change():
    # New York leaves summer time on 7 November 2027: 9:00 is 13:00 UTC before and 14:00 UTC after
    before = dates_for("terminal", date(2027, 11, 5), date(2027, 11, 12), TODAY).due_at
    after = dates_for("terminal", date(2027, 11, 15), date(2027, 11, 20), TODAY).due_at
    assert (before.hour, after.hour) == (13, 14)


@given(
    st.fixed_dictionaries({}, optional={k: st.integers(1, 10**9) for k in ("ticket", "dsa", "terminal")}),
    st.dates(date(2026, 1, 1), date(2032, 1, 1)), st.integers(0, 60),
)
def test_a_plan_sums_to_its_award_and_keeps_its_order(lines, start, length):
    made = plan(lines, start, start + timedelta(days=length), TODAY)
    assert sum(p.amount_minor for p in made) == sum(lines.values())
    assert all(p.amount_minor > 0 for p in made)
    for p in made:
        d = p.dates
        assert d.request_by <= d.certify_by <= d.approve_by <= d.due_at <= d.confirm_by
        assert (p.kind == "final") == (d.due_at.date() > start + timedelta(days=length)) or p.kind != "final"
        assert workdays.is_workday(d.due_at.date())


def test_the_advance_is_rounded_down_and_the_final_share_takes_the_rest():
    assert amounts({"dsa": 80_001}, TODAY) == {"dsa_advance": 64_000, "final": 16_001}
    assert amounts({"dsa": 1}, TODAY) == {"final": 1}


@pytest.mark.parametrize(
    ("text", "like", "valid"),
    [("GB33BUKB20201555555555", True, True), ("GB33BUKB20201555555556", True, False),
     ("DE89370400440532013000", True, True), ("0123456789", False, False), ("KE12", False, False)],
)
def test_iban(text, like, valid):
    assert (looks_like_iban(text), iban_is_valid(text)) == (like, valid)


def test_signed_file_proves_itself_and_shows_tampering(app):
    from sponsorship.disbursements.instruction import Line, make, public_key, verify

    made = make("PAY-2027-0001", date(2027, 6, 9), [
        Line("DSB-2027-0001", 'Diallo, "Aïssatou"', "Banque, d'État", "KE", "GB33BUKB20201555555555", "BUKBGB22",
             64_000, "AWD-2027-0001 DSB-2027-0001"),
        Line("DSB-2027-0002", "王小明", "State Bank", "CN", "0123456789", "", 1, "AWD-2027-0002 DSB-2027-0002"),
    ])
    assert made.public_key == public_key()
    assert verify(made.content, made.public_key)
    assert b"total,PAY-2027-0001,2,,,,,,,640.01,USD,2027-06-09," in made.content
    for at in (5, 100, len(made.content) - 30):
        broken = bytearray(made.content)
        broken[at] ^= 1
        assert not verify(bytes(broken), made.public_key)
    assert not verify(made.content.replace(b"640.00", b"740.00"), made.public_key)
    assert not verify(b"", made.public_key)
    assert not verify(made.content, "00" * 32)
