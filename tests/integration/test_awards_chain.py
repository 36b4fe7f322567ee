"""Decision, certification, approval, answer, lapse, promotion: one thing at a time, through the commands."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from core import clock, jobs, vault
from core.actor import person
from core.db import db, new_id
from core.errors import IllegalMove, NotAllowed, NotFound, RuleBroken, Stale
from core.events import history
from core.outbox import OutboxMail
from sponsorship.applications.models import Application, Call
from sponsorship.applications.paper_models import NomineePassport
from sponsorship.awards import answer_service, service, travel_conditions
from sponsorship.awards.approvals import signatures
from sponsorship.awards.decision_service import Choice, decide
from sponsorship.awards.models import Award
from sponsorship.disbursements import service as payments
from sponsorship.ledger import earmarks
from sponsorship.ledger.posting import NotEnoughMoney
from sponsorship.ledger.queries import pool_figures
from tests.support.award_story import AwardStory


@pytest.fixture
def story(make):
    return AwardStory(make)


def figures(story):
    return next(f for f in pool_figures() if f.pool_id == story.pool_id)


def mails(kind: str) -> list[OutboxMail]:
    return db.session.query(OutboxMail).filter_by(kind=kind).all()


def test_decision_makes_awards_in_order_and_marks_applications(story):
    first, second, third = story.decide()
    assert [story.award(a).state for a in (first, second, third)] == ["selected", "reserve", "reserve"]
    assert [(story.award(a).on_reserve, story.award(a).position) for a in (first, second, third)] == [
        (False, 1), (True, 1), (True, 2)]
    assert story.award(first).amount_minor == story.each
    states = [db.session.get(Application, a).state for a in story.applications]
    assert states == ["selected", "reserve_list", "reserve_list"]
    assert db.session.get(Call, story.call_id).state == "decided"
    for award in (first, second, third):
        assert [s.step for s in signatures("award", award, 1)] == ["award.decided"]
    # nothing leaves for a selected State before the obligation stands; the reserve list is told
    assert not mails("award-offer")
    assert len(mails("award-reserve")) == 2
    assert not story.verify()


def test_departure_from_advice_needs_a_reason(story):
    choices = story.choices()
    last = story.nominees[-1]
    choices[last] = Choice("selected")
    with pytest.raises(RuleBroken) as caught:
        decide(story.call_id, choices, story.officer("head_of_fund"), 1)
    assert caught.value.field == f"reason-{last}"
    assert not db.session.query(Award).count()
    choices[last] = Choice("selected", "The only State of its region.")
    decide(story.call_id, choices, story.officer("head_of_fund"), 1)
    award = db.session.query(Award).filter_by(nominee_id=last).one()
    told = history("award", award.id)[0]
    assert told.data["departs"] is True and told.text == "The only State of its region."


def test_decision_refuses_more_than_the_ceiling(make):
    story = AwardStory(make, recommended=3, ceiling_minor=AwardStory.ticket * 3)
    with pytest.raises(RuleBroken) as caught:
        story.decide()
    assert caught.value.code == "award.ceiling"


def test_decision_keeps_the_states_own_order(make):
    story = AwardStory(make, states=1, nominees=2)
    first, second = story.nominees
    with pytest.raises(RuleBroken) as caught:
        decide(story.call_id, {first: Choice("reserve", "why"), second: Choice("selected")},
               story.officer("head_of_fund"), 1)
    assert caught.value.code == "award.priority"


def test_decision_on_an_old_page_is_stale(story):
    choices = story.choices()
    choices.pop(story.nominees[0])
    with pytest.raises(Stale):
        decide(story.call_id, choices, story.officer("head_of_fund"), 1)
    with pytest.raises(Stale):
        decide(story.call_id, story.choices(), story.officer("head_of_fund"), 7)


def test_only_the_head_decides(story):
    with pytest.raises(NotAllowed):
        decide(story.call_id, story.choices(), story.officer("fund_manager"), 1)


def test_certification_reserves_and_approval_sends_the_offer(story):
    first = story.decide()[0]
    before = figures(story)
    service.certify(first, story.officer("certifying_officer"), story.award(first).version)
    held = figures(story)
    support = story.each * 1300 // 10000
    assert held.reserved - before.reserved == story.each + support
    assert before.available - held.available == story.each + support
    assert not mails("award-offer")
    service.approve(first, story.officer("approving_officer"), story.award(first).version)
    award = story.award(first)
    seat = ZoneInfo("America/New_York")  # fourteen days, to the end of the last one where the fund sits
    until = award.offer_expires_at.astimezone(seat)
    assert award.state == "offered" and f"{until:%H:%M}" == "23:59"
    assert until.date() == award.offered_at.astimezone(seat).date() + timedelta(days=14)
    assert [m.to_address for m in mails("award-offer")] == [story.focal[0].email]
    assert not story.verify()


def test_not_enough_money_writes_nothing(make):
    story = AwardStory(make, money=AwardStory.ticket)
    first = story.decide()[0]
    with pytest.raises(NotEnoughMoney):
        service.certify(first, story.officer("certifying_officer"), story.award(first).version)
    award = story.award(first)
    assert award.state == "selected" and award.reservation_id is None
    assert len(signatures("award", first, 1)) == 1
    assert figures(story).reserved == 0


@pytest.mark.parametrize("step", ["certify", "approve"])
def test_nobody_signs_an_obligation_twice(story, make, step):
    first = story.decide()[0]
    both = make.person("head_of_fund", "certifying_officer", "approving_officer")
    if step == "certify":
        # the head who decided may not certify: give the role to the head's own account
        from accounts.service import grant

        grant(make_system(), story.people["head_of_fund"].id, make.secretariat(), "certifying_officer",
              valid_from=clock.today() - timedelta(days=1))
        with pytest.raises(RuleBroken) as caught:
            service.certify(first, story.officer("head_of_fund"), story.award(first).version)
    else:
        service.certify(first, person(both.id), story.award(first).version)
        with pytest.raises(RuleBroken) as caught:
            service.approve(first, person(both.id), story.award(first).version)
    assert caught.value.code == "approval.same_person"


def make_system():
    from core.actor import system

    return system("tests")


def test_the_nominee_never_signs(story, make):
    nominee = make.person("certifying_officer", email="nominee0-1@state.example")
    first = story.decide()[0]
    assert story.award(first).beneficiary_id == nominee.id
    with pytest.raises(RuleBroken) as caught:
        service.certify(first, person(nominee.id), story.award(first).version)
    assert caught.value.code == "approval.beneficiary"


@pytest.mark.parametrize("at", ["selected", "certified"])
def test_refusal_releases_and_promotes_the_next(story, at):
    first, second, third = story.decide()
    before = figures(story)
    role = "certifying_officer"
    if at == "certified":
        service.certify(first, story.officer("certifying_officer"), story.award(first).version)
        role = "approving_officer"
    service.refuse(first, story.officer(role), story.award(first).version, "rules_not_met", "The papers differ.")
    assert [story.award(a).state for a in (first, second, third)] == ["refused", "selected", "reserve"]
    assert story.award(second).replaces_id == first
    assert db.session.get(Application, story.applications[1]).state == "selected"
    assert figures(story) == before
    # through the same chain: decided by the head with the list, then certified and approved
    story.offer(second)
    assert story.award(second).state == "offered"
    assert not story.verify()


def test_accept_by_the_state_only(story):
    first = story.decide()[0]
    story.offer(first)
    version = story.award(first).version
    with pytest.raises(NotFound):
        answer_service.accept(first, story.focal_point(1), version)
    with pytest.raises(NotAllowed):
        answer_service.accept(first, story.officer("fund_manager"), version)
    answer_service.accept(first, story.focal_point(0), version)
    assert story.award(first).state == "accepted"
    with pytest.raises(Stale):
        answer_service.accept(first, story.focal_point(0), version)
    with pytest.raises(IllegalMove):
        answer_service.accept(first, story.focal_point(0), version + 1)
    assert not story.verify()


def test_turned_down_moves_the_place_on(story):
    first, second, _third = story.decide()
    story.offer(first)
    answer_service.turn_down(first, story.focal_point(0), story.award(first).version, "Elections that week.")
    assert story.award(first).state == "turned_down" and story.award(second).state == "selected"
    assert figures(story).reserved == 0
    assert not story.verify()


def test_an_answer_at_the_last_second_and_one_after(story):
    first = story.decide()[0]
    story.offer(first)
    award = story.award(first)
    with clock.moved_to(award.offer_expires_at), pytest.raises(RuleBroken) as caught:
        answer_service.accept(first, story.focal_point(0), award.version)
    assert caught.value.code == "award.expired"
    with clock.moved_to(award.offer_expires_at - timedelta(microseconds=1)):
        answer_service.accept(first, story.focal_point(0), award.version)
    assert story.award(first).state == "accepted"


def test_offers_lapse_by_schedule_once(story):
    first, second, _third = story.decide()
    story.offer(first)
    expires = story.award(first).offer_expires_at
    assert not jobs.preview("offers-lapse", expires - timedelta(seconds=1))
    assert [i[0] for i in jobs.preview("offers-lapse", expires)] == [first]
    with clock.moved_to(expires + timedelta(hours=5)):
        outcome = jobs.run("offers-lapse")
        again = jobs.run("offers-lapse")
    assert (outcome.done, outcome.failed, again.done) == (1, 0, 0)
    assert story.award(first).state == "lapsed" and story.award(second).state == "selected"
    assert len(mails("award-lapsed")) == 1
    assert not story.verify()


def test_states_are_reminded_of_offers_once(story):
    first = story.decide()[0]
    story.offer(first)
    soon = story.award(first).offer_expires_at - timedelta(days=2)
    with clock.moved_to(soon):
        assert jobs.run("offers-remind").done == 1
        assert jobs.run("offers-remind").done == 0
    assert len(mails("award-offer-reminder")) == 1


def test_offer_never_outlasts_the_day_of_travel(make):
    story = AwardStory(make, offer_days=60)
    first = story.decide()[0]
    travel = story.award(first).travel_from
    service.certify(first, story.officer("certifying_officer"), story.award(first).version)
    late = clock.now() + timedelta(days=80)
    with clock.moved_to(late):
        service.approve(first, story.officer("approving_officer"), story.award(first).version)
    assert story.award(first).offer_expires_at.date() <= travel
    assert story.award(first).offer_expires_at < late + timedelta(days=60)


def test_withdrawal_promotes_and_skips_a_withdrawn_application(story):
    from sponsorship.applications.signals import ApplicationWithdrawn, application_withdrawn
    from sponsorship.applications.transitions import APPLICATION

    first, second, third = story.decide()
    # the mission next in order takes its application back
    application = db.session.get(Application, story.applications[1])
    APPLICATION.apply(application, "withdraw", story.focal_point(1), organisation_id=story.states[1])
    application_withdrawn.send(ApplicationWithdrawn(application.id, story.call_id, "reserve_list"))
    db.session.commit()
    assert story.award(second).state == "withdrawn"
    answer_service.withdraw(first, story.officer("fund_manager"), story.award(first).version, "state_request", "Asked.")
    assert [story.award(a).state for a in (first, second, third)] == ["withdrawn", "withdrawn", "selected"]
    assert not story.verify()


def test_reserve_list_ends_when_travel_begins(story):
    _first, second, third = story.decide()
    day = story.award(second).travel_from
    begins = datetime.combine(day, time(0), ZoneInfo("America/New_York")).astimezone(UTC)  # not at midnight in UTC
    with clock.moved_to(begins - timedelta(minutes=1)):
        assert clock.today() == day and jobs.run("reserve-lists-end").done == 0
    assert [i[1] for i in jobs.preview("reserve-lists-end", begins)] == [begins, begins]
    with clock.moved_to(begins):
        assert jobs.run("reserve-lists-end").done == 2
    assert {story.award(a).state for a in (second, third)} == {"reserve_ended"}
    assert db.session.get(Application, story.applications[2]).state == "not_selected"


def test_estimate_changes_before_certification_only(story):
    first = story.decide()[0]
    manager = story.officer("fund_manager")
    service.set_estimate(first, {"ticket": 150_000, "dsa": 80_000, "terminal": 0}, manager, story.award(first).version)
    assert story.award(first).amount_minor == 230_000
    with pytest.raises(RuleBroken):
        service.set_estimate(first, {"ticket": 0}, manager, story.award(first).version)
    service.certify(first, story.officer("certifying_officer"), story.award(first).version)
    with pytest.raises(IllegalMove):
        service.set_estimate(first, {"ticket": 1}, manager, story.award(first).version)
    assert not story.verify()


def test_ceiling_holds_at_certification(make):
    story = AwardStory(make, recommended=2, ceiling_minor=401_000)
    first, second, _third = story.decide()
    certifier = story.officer("certifying_officer")
    service.certify(first, certifier, story.award(first).version)
    service.set_estimate(second, {"ticket": 250_000}, story.officer("fund_manager"), story.award(second).version)
    with pytest.raises(RuleBroken) as caught:
        service.certify(second, certifier, story.award(second).version)
    assert caught.value.code == "award.ceiling"


@pytest.mark.parametrize(
    ("earmark", "fits"),
    [
        (None, True), ({}, True), ({"facts": ["ldc"]}, True), ({"facts": ["sids"]}, False), ({"ldc": True}, True),
        ({"fact": "ldc"}, True), ({"group": "African"}, False), ({"sex": ["female"]}, True), ({"sex": "male"}, False),
        ({"kind": ["BMS"]}, True), ({"meeting": "elsewhere"}, False), ({"mood": "good"}, False),
        ({"facts": ["ldc"], "sex": "male"}, False),
    ],
)
def test_an_earmark_fits_or_its_money_stays(earmark, fits):
    journey = earmarks.Journey(frozenset({"ldc"}), frozenset({"bms-1"}), "BMS", "female")
    assert earmarks.fits(earmark, journey) is fits


def test_the_narrowest_earmark_pays_first_whatever_the_call_says(story):
    from sponsorship.applications.queries import call_by_id
    from sponsorship.awards.money import fitting_pools
    from sponsorship.ledger.service import open_pool

    first = story.decide()[0]
    wide = open_pool("kind", "Biennial meetings", {"kind": [story.meeting.kind]})
    narrow = open_pool("one-meeting", "This meeting", {"meeting": [story.meeting.slug]})
    elsewhere = open_pool("elsewhere", "Another meeting", {"meeting": ["elsewhere"]})
    call = replace(call_by_id(story.call_id), pool_ids=(story.pool_id, elsewhere, wide, narrow))
    assert fitting_pools(story.award(first), call) == [narrow, wide, story.pool_id]


def test_no_ticket_on_a_passport_that_ends_too_early(story, as_person):
    """A condition that is not met stops certifying and approving the ticket, and nothing else; the head of the fund
    lets it go with a reason, for the person who holds the place now."""
    award = story.accepted()
    story.give_bank_data(award)
    nominee, ticket = story.award(award).nominee_id, story.payments(award)["ticket"]
    row = NomineePassport(nominee_id=nominee, subject_id=new_id(), given_at=clock.now())
    expires = story.award(award).travel_to + timedelta(days=30)
    row.passport_sealed = vault.seal(row.subject_id, json.dumps({"number": "AB1", "expires": expires.isoformat()}))
    row.visa_sealed = vault.seal(row.subject_id, json.dumps({"class": "g2", "held": True}))
    db.session.add(row)
    db.session.commit()

    def step(kind, name, role):
        payment = story.payments(award)[kind]
        getattr(payments, name)(payment, story.officer(role), story.payment(payment).version)

    with clock.moved_to(story.payment(ticket).due_at):
        step("ticket", "request", "requesting_officer")
        with pytest.raises(RuleBroken) as error:
            step("ticket", "certify", "certifying_officer")
        assert error.value.code == "award.travel_conditions" and "Passport" in str(error.value.message)
        step("terminal", "request", "requesting_officer")
        step("terminal", "certify", "certifying_officer")
        version = story.award(award).version
        for role, code in (("fund_manager", "needs.travel.override"), ("certifying_officer", "needs.travel.override")):
            with pytest.raises(NotAllowed) as refused:
                travel_conditions.override(award, "passport", "x", version, story.officer(role))
            assert refused.value.code == code
        for condition, reason, code in (("visa", "x", "travel.condition"), ("passport", " ", "travel.reason")):
            with pytest.raises(RuleBroken) as error:
                travel_conditions.override(award, condition, reason, version, story.officer("head_of_fund"))
            assert error.value.code == code
        head, url = as_person(story.people["head_of_fund"]), f"/awards/{award}/travel-conditions"
        shown = head.get(f"/awards/{award}").text
        assert "neither certified nor approved" in shown and url in shown and "AB1" not in shown
        assert url not in as_person(story.people["certifying_officer"]).get(f"/awards/{award}").text
        assert "not good for" not in as_person(story.focal[0]).get(f"/awards/{award}").text
        assert "Passport" in head.get(url).text
        data = {"version": version, "condition": "passport", "reason": ""}
        assert head.submit(url, data).status_code == 422
        assert head.submit(url, data | {"reason": "A new one is issued next week."}).status_code == 303
        assert "A new one is issued next week." in head.get(f"/awards/{award}").text
        step("ticket", "certify", "certifying_officer")
        step("ticket", "approve", "approving_officer")
    assert history("award", award)[-1].tag == "awards.award.travel_override"
    with pytest.raises(DBAPIError, match="append-only"), db.session.begin_nested():
        db.session.execute(text("UPDATE travel_override SET reason = 'x'"))
    assert not story.verify()
