"""Reminders by schedule: one letter to a donor, capped, never twice within the gap; overdue; the letter on paper."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pypdf
import pytest

from core import clock, jobs
from core.db import db
from core.errors import NotAllowed, RuleBroken
from core.events import Event
from core.outbox import OutboxMail
from sponsorship.contributions import payments, reminder_settings, service
from sponsorship.contributions.desk import own_pledges, unanswered_pledges
from sponsorship.contributions.models import Pledge
from sponsorship.contributions.queries import get_pledge
from sponsorship.contributions.schedules import Part
from tests.support.giving import Fund, error_of, fresh, words_of

START = datetime(2027, 1, 4, 8, tzinfo=UTC)


@pytest.fixture(autouse=True)
def at_the_start(app: Any) -> Any:
    with clock.moved_to(START):
        yield


@pytest.fixture
def fund(make: Any) -> Fund:
    return Fund(make)


def on(days: int, act: Callable[[], Any]) -> Any:
    """Do something so many days after the start."""
    with clock.moved_to(START + timedelta(days=days)):
        return act()


def day(n: int) -> Any:
    return (START + timedelta(days=n)).date()


def run(days: int) -> list[OutboxMail]:
    """What the schedule sends on that day; the mails it adds, oldest first."""
    known = {row.id for row in db.session.query(OutboxMail)}
    db.session.rollback()
    instant = START + timedelta(days=days)
    for name in ("pledges-overdue", "pledge-reminders"):
        outcome = on(days, lambda name=name: jobs.run(name, instant))
        assert outcome.failed == 0
    return [row for row in db.session.query(OutboxMail).order_by(OutboxMail.id) if row.id not in known]


def days_with_letters(first: int, last: int) -> list[int]:
    return [n for n in range(first, last + 1) if run(n)]


# --- when -------------------------------------------------------------------------------------------------------
def test_thirty_days_before_on_the_day_thirty_and_ninety_after_and_never_again(fund: Fund) -> None:
    made = fund.pledge(900_00, 60)
    assert days_with_letters(0, 200) == [30, 60, 90, 150]
    assert fund.state_of(made) == "overdue"
    assert [item.url for item in _desk(unanswered_pledges)] == [f"/contributions/pledges/{made}/"]
    events = db.session.query(Event).filter_by(tag="contributions.pledge.remind", subject_id=made).all()
    assert sorted(event.data["step"] for event in events) == [1, 2, 3, 4]


def _desk(source: Any, actor: Any = None) -> Any:
    from flask import current_app

    with current_app.test_request_context():
        return source(actor)


def test_a_promise_for_next_week_is_not_recalled_tomorrow(fund: Fund) -> None:
    fund.pledge(900_00, 7)
    assert days_with_letters(0, 40) == [7, 37]


def test_what_the_schedule_missed_is_one_letter(fund: Fund) -> None:
    fund.pledge(900_00, 40)
    assert days_with_letters(75, 140) == [75, 130]


def test_the_same_hour_twice_sends_once(fund: Fund) -> None:
    fund.pledge(900_00, 30, 60)
    assert len(run(30)) == 1 and run(30) == []
    preview = on(60, lambda: jobs.preview("pledge-reminders", START + timedelta(days=60)))
    assert len(preview) == 1 and preview[0][0] == fund.state


def test_one_letter_for_all_pledges_of_a_donor(fund: Fund) -> None:
    one, two = fund.pledge(900_00, 40), fund.pledge(500_00, 45)
    far = fund.pledge(700_00, 200)
    (mail,) = run(10)
    assert mail.body is not None
    assert fresh(Pledge, one).reference in mail.body
    assert fresh(Pledge, two).reference not in mail.body  # not within thirty days yet
    (mail,) = run(40)
    assert mail.body is not None and all(fresh(Pledge, made).reference in mail.body for made in (one, two))
    assert fresh(Pledge, far).reference not in mail.body
    assert mail.to_address == fund.donor_person.email


def test_never_two_letters_within_a_fortnight(fund: Fund) -> None:
    for due in (40, 45, 52, 60, 66):
        fund.pledge(100_00, due)
    sent = days_with_letters(0, 200)
    assert all(later - earlier >= 14 for earlier, later in zip(sent, sent[1:], strict=False)), sent
    assert sent[0] == 10


def test_a_payment_brings_the_next_letter_no_sooner(fund: Fund) -> None:
    made = fund.pledge(900_00, 40, 50, 200)
    assert days_with_letters(0, 11) == [10]
    on(12, lambda: fund.pay(made, 300_00))
    assert days_with_letters(12, 120) == [24, 50, 80], "the second had its day on the 20th: a fortnight must pass"
    on(121, lambda: fund.pay(made, 300_00))
    assert days_with_letters(121, 200) == [170, 200]


def test_a_part_payment_does_not_begin_the_count_anew(fund: Fund) -> None:
    made = fund.pledge(900_00, 40)
    assert days_with_letters(0, 45) == [10, 40]
    on(46, lambda: fund.pay(made, 100_00))
    assert days_with_letters(46, 300) == [70, 130]


def test_a_deferral_moves_the_letters(fund: Fund) -> None:
    made = fund.pledge(900_00, 40)
    assert days_with_letters(0, 20) == [10]
    on(20, lambda: service.defer(made, [Part(900_00, day(150))], fund.manager, "Later.", fund.version(made)))
    assert days_with_letters(20, 160) == [120, 150]


@pytest.mark.parametrize("state", ["declared", "checkout", "invoiced"])
def test_none_while_a_payment_is_under_way(fund: Fund, state: str) -> None:
    made = fund.pledge(900_00, 40)
    method = {"declared": "transfer", "checkout": "card", "invoiced": "invoice"}[state]
    row = payments.new_contribution(fresh(Pledge, made), get_pledge(made).amount, fund.donor, method=method)
    row.stripe_session_id = row.stripe_invoice_id = "x"
    row.state = state
    db.session.commit()
    assert days_with_letters(0, 60) == []
    row = fresh(type(row), row.id)
    row.state = "expired" if state != "declared" else "not_arrived"
    db.session.commit()
    assert days_with_letters(61, 80) == [61, 75]


@pytest.mark.parametrize("end", ["pay", "cancel", "write_off", "reduce"])
def test_none_for_what_is_no_longer_owed(fund: Fund, end: str) -> None:
    made = fund.pledge(900_00, 40)
    if end == "reduce":
        fund.pay(made, 300_00)
    {
        "pay": lambda: fund.pay(made, 900_00),
        "cancel": lambda: service.cancel_pledge(made, fund.manager, "x", 1),
        "write_off": lambda: service.write_off(made, fund.head, "x", 1),
        "reduce": lambda: service.reduce(made, 300_00, fund.manager, "x", fund.version(made)),
    }[end]()
    assert days_with_letters(0, 150) == []


# --- to whom, in which words ------------------------------------------------------------------------------------
def test_a_mission_reads_a_note_verbale(fund: Fund) -> None:
    made = fund.pledge(900_00, 30)
    run(30)
    mail = db.session.query(OutboxMail).filter_by(kind="pledge.reminder").one()
    row = fresh(Pledge, made)
    for words in ("presents its compliments to the Permanent Mission of State XC to the United Nations",
                  "has the honour to recall", f"{row.reference}: USD 900.00, due on 3 February 2027",
                  "assurances of its highest consideration", f"/donor/pledges/{made}/"):
        assert words in mail.body
    assert row.reference in mail.subject


def test_a_donor_without_an_account_reads_plain_words_and_its_own_link(fund: Fund) -> None:
    one = fund.named(5_000_00, 30, donor_email="Ada@donor.example")
    two = fund.named(7_000_00, 31, donor_email="ada@DONOR.example", donor_name="Ada again")
    other = fund.named(7_000_00, 31, donor_email="bob@donor.example", donor_name="Bob")
    mails = {m.to_address: m for m in run(30)}
    assert set(mails) == {"Ada@donor.example", "bob@donor.example"}, "both pledges of the first are in one letter"
    mail = mails["Ada@donor.example"]
    for words in ("Thank you for your pledge", one.token, two.token, "due on 3 February 2027"):
        assert words in mail.body
    assert "compliments" not in mail.body and other.token not in mail.body
    assert run(31) == []


def test_every_person_of_a_donor_and_nobody_elses(fund: Fund, make: Any) -> None:
    second = make.person("donor", organisation=fund.state)
    make.person("donor", organisation=make.state("XB"))
    fund.pledge(900_00, 30)
    assert {m.to_address for m in run(30)} == {fund.donor_person.email, second.email}


def test_an_organisation_without_people_is_written_to_at_the_address_that_is_known(fund: Fund, make: Any) -> None:
    from accounts.models import Organisation

    lonely, unknown = make.state("XB"), make.state("XD")
    fresh(Organisation, lonely).known_email = "mission@xb.example"
    db.session.commit()
    fund.pledge(900_00, 30, organisation=lonely)
    silent = fund.pledge(900_00, 30, organisation=unknown)
    (mail,) = run(30)
    assert mail.to_address == "mission@xb.example" and "/donor/" not in mail.body
    assert run(31) == [], "nobody to write to is noted once, not tried every hour"
    (event,) = db.session.query(Event).filter_by(tag="contributions.pledge.remind", subject_id=silent)
    assert event.data["letters"] == 0


def test_an_erased_donor_is_left_in_peace(fund: Fund) -> None:
    from core import vault
    from core.db import command

    made = fund.named(5_000_00, 30)
    command(lambda: vault.erase(made.id))()
    assert days_with_letters(0, 60) == []


def test_the_letter_on_paper(fund: Fund, make: Any, as_person: Any) -> None:
    made = fund.pledge(900_00, 30)
    officer = as_person(fund.people["fund_manager"])
    before = fresh(Pledge, made).reminders
    answer = officer.get(f"/contributions/reminders/{fund.state}/letter")
    assert answer.mimetype == "application/pdf" and answer.data.startswith(b"%PDF")
    import io

    text = " ".join(" ".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(answer.data)).pages).split())
    for words in ("Note verbale", "Permanent Mission of State XC to the United Nations", "USD", "900.00",
                  "3 February 2027", fresh(Pledge, made).reference):
        assert words in text.replace("\u00a0", " ").replace("\u2068", "").replace("\u2069", ""), words
    assert fresh(Pledge, made).reminders == before
    assert officer.get(f"/contributions/reminders/{uuid.uuid4()}/letter").status_code == 404
    assert as_person(fund.donor_person).get(f"/contributions/reminders/{fund.state}/letter").status_code == 403
    named = fund.named(5_000_00, 30, donor_name="عُمَر الخيّام")
    assert officer.get(f"/contributions/reminders/{named.id}/letter").data.startswith(b"%PDF")


# --- the page and the settings ----------------------------------------------------------------------------------
def test_the_page_shows_what_will_be_sent_next(fund: Fund, as_person: Any) -> None:
    made = fund.pledge(900_00, 45)
    officer = as_person(fund.people["fund_manager"])
    page = words_of(officer.get("/contributions/reminders/").text)
    assert fresh(Pledge, made).reference in page and "19 January 2027" in page  # thirty days before 18 February
    assert fresh(Pledge, made).reference in officer.get("/contributions/reminders/?format=csv").text
    auditor = as_person(fund.make.person("auditor")).get("/contributions/reminders/")
    assert auditor.status_code == 200 and "Change the days" not in auditor.text


def test_an_empty_page(fund: Fund, as_person: Any) -> None:
    page = as_person(fund.people["fund_manager"]).get("/contributions/reminders/").text
    assert "Nobody is to be reminded" in page


def test_other_days_hold_from_then_on(fund: Fund, as_person: Any) -> None:
    fund.pledge(900_00, 60)
    officer = as_person(fund.people["fund_manager"])
    answer = officer.submit("/contributions/reminders/", {"days": "−10, 0", "gap": "14", "notices": "90 30"})
    assert answer.status_code == 303
    assert reminder_settings.reminder_days() == (-10, 0) and reminder_settings.notice_days() == (90, 30)
    assert days_with_letters(0, 200) == [50, 64], "the fortnight holds whatever the days"


@pytest.mark.parametrize(("change", "field"), [
    ({"days": "0, -30"}, "days"), ({"days": "1,2,3,4,5"}, "days"), ({"days": "soon"}, "days"), ({"days": ""}, "days"),
    ({"days": "0,0"}, "days"), ({"days": "-999"}, "days"), ({"days": "1.5"}, "days"), ({"gap": "13"}, "gap"),
    ({"gap": "91"}, "gap"), ({"gap": ""}, "gap"), ({"notices": "7, 60"}, "notices"), ({"notices": "0"}, "notices"),
    ({"notices": "x"}, "notices"),
])
def test_days_that_cannot_be(fund: Fund, as_person: Any, change: dict[str, str], field: str) -> None:
    officer = as_person(fund.people["fund_manager"])
    answer = officer.submit("/contributions/reminders/", {"days": "-30,0", "gap": "14", "notices": "60,7"} | change)
    assert answer.status_code == 422 and error_of(answer.text, field)
    assert reminder_settings.reminder_days() == (-30, 0, 30, 90)


def test_only_the_fund_manager_changes_the_days(fund: Fund) -> None:
    with pytest.raises(NotAllowed):
        reminder_settings.change_reminders(days=[0], gap=14, notices=[7], actor=fund.head)
    with pytest.raises(RuleBroken):
        reminder_settings.change_reminders(days=[], gap=14, notices=[7], actor=fund.manager)


def test_the_donors_desk_names_what_is_due(fund: Fund) -> None:
    fund.pledge(900_00, 5, 50)
    fund.pledge(500_00)
    items = on(10, lambda: _desk(own_pledges, fund.donor))
    assert [(item.due, item.tone) for item in items] == [
        (day(5), "attention"), (day(50), "waiting"), (None, "waiting")]


def test_a_thousand_letters_cost_what_one_costs(fund: Fund, queries: list[str]) -> None:
    from sponsorship.contributions.reminders import letters

    def cost() -> int:
        del queries[:]
        letters(day(30))
        return len(queries)

    fund.pledge(900_00, 30)
    fund.named(5_000_00, 30)
    cost()
    one = cost()
    for n in range(15):
        fund.pledge(900_00, 30, organisation=fund.make.state(("XA", "XB", "XD")[n % 3]))
        fund.named(5_000_00, 30, donor_email=f"donor{n}@donor.example")
    assert cost() == one
