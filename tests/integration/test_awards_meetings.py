"""A meeting is postponed, gets new days, or is cancelled: what becomes of its awards and payments."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core import clock, jobs
from core.db import db
from core.errors import IllegalMove, RuleBroken
from core.outbox import OutboxMail
from meetings.calendar.models import Meeting
from meetings.calendar.service import cancel_meeting, postpone_meeting, redate_meeting
from sponsorship.awards import answer_service
from sponsorship.disbursements import release_service, service
from sponsorship.ledger.queries import pool_figures
from tests.support.award_story import AwardStory


@pytest.fixture
def story(make):
    found = AwardStory(make, states=4, recommended=2)
    found.organiser = make.actor("organiser")
    return found


def figures(story):
    return next(f for f in pool_figures() if f.pool_id == story.pool_id)


def postpone(story):
    postpone_meeting(story.meeting_id, story.organiser, "The host asked for it.")


def redate(story, by: timedelta):
    meeting = db.session.get(Meeting, story.meeting_id)
    redate_meeting(story.meeting_id, story.organiser, meeting.start_date + by, meeting.end_date + by, "New dates.")


def mails(kind: str) -> int:
    return db.session.query(OutboxMail).filter_by(kind=kind).count()


@pytest.fixture
def underway(story):
    """First award accepted with one payment out, one ready, one requested; second offered; two on the reserve list."""
    awards = story.decide()
    story.offer(awards[0])
    story.accept(awards[0])
    story.offer(awards[1])
    payments = story.payments(awards[0])
    story.give_bank_data(awards[0])
    return awards, payments


def test_postponement_suspends_everything_and_loses_nothing(story, underway):
    awards, payments = underway
    before = figures(story)
    with clock.moved_to(story.payment(payments["ticket"]).due_at + timedelta(hours=1)):
        story.ready(payments["ticket"])
        service.request(payments["terminal"], story.officer("requesting_officer"), 1)
        postpone(story)
        assert {story.award(a).state for a in awards} == {"suspended"}
        assert [story.award(a).suspended_from for a in awards] == ["accepted", "offered", "reserve", "reserve"]
        assert {story.payment(p).state for p in payments.values()} == {"held"}
        assert figures(story) == before
        assert mails("award-suspended") == 2
        # nothing leaves, lapses, or moves on while the meeting has no days
        with pytest.raises(IllegalMove):
            story.release(payments["ticket"])
        for job in ("disbursements-ready", "offers-lapse", "disbursements-escalate"):
            with clock.moved_to(clock.now() + timedelta(days=60)):
                assert jobs.run(job).done == 0
        assert not story.verify()


def test_new_days_take_everything_up_again(story, underway):
    awards, payments = underway
    offered = story.award(awards[1])
    left = offered.offer_expires_at - clock.now()
    old_due = story.payment(payments["ticket"]).due_at
    service.request(payments["ticket"], story.officer("requesting_officer"), 1)
    postpone(story)
    later = clock.now() + timedelta(days=200)
    with clock.moved_to(later):
        redate(story, timedelta(days=364))
    assert [story.award(a).state for a in awards] == ["accepted", "offered", "reserve", "reserve"]
    expires = story.award(awards[1]).offer_expires_at  # the time that was left, to the end of the day at the seat
    assert timedelta(minutes=-5) < expires - (later + left) < timedelta(days=1, minutes=5)
    assert story.award(awards[0]).travel_from.year == old_due.year + 1 or story.award(awards[0]).days_before == 1
    ticket = story.payment(payments["ticket"])
    assert (ticket.state, ticket.round, ticket.payee_data_version) == ("draft", 2, None)
    assert ticket.due_at > old_due + timedelta(days=360)
    assert mails("award-redated") == 2
    assert not story.verify()


def test_other_days_without_a_pause_start_new_signatures(story, underway):
    awards, payments = underway
    story.sign_three(payments["ticket"])
    untouched = story.payment(payments["final"]).version
    redate(story, timedelta(days=28))
    ticket = story.payment(payments["ticket"])
    assert (ticket.state, ticket.round) == ("draft", 2)
    assert story.payment(payments["final"]).version == untouched + 1
    assert story.award(awards[0]).state == "accepted"
    assert not story.verify()


def test_released_payments_stay_with_the_bank(story, underway):
    awards, payments = underway
    with clock.moved_to(story.payment(payments["ticket"]).due_at + timedelta(hours=1)):
        story.ready(payments["ticket"])
        story.release(payments["ticket"])
        postpone(story)
        assert story.payment(payments["ticket"]).state == "released"
        release_service.confirm(payments["ticket"], "FT1", story.officer("requesting_officer"),
                                story.payment(payments["ticket"]).version)
        redate(story, timedelta(days=364))
    assert story.payment(payments["ticket"]).state == "confirmed"
    assert not story.verify()


def test_release_looks_at_the_meeting_again(story, underway):
    """A payment made ready a moment before, its meeting postponed behind the awards' back: still nothing leaves."""
    _awards, payments = underway
    with clock.moved_to(story.payment(payments["ticket"]).due_at + timedelta(hours=1)):
        story.ready(payments["ticket"])
        db.session.get(Meeting, story.meeting_id).state = "postponed"
        db.session.commit()
        with pytest.raises(RuleBroken) as caught:
            story.release(payments["ticket"])
    assert caught.value.code == "disbursement.meeting"


def test_a_place_given_up_during_the_pause_is_filled_afterwards(story, underway):
    awards, _payments = underway
    postpone(story)
    answer_service.withdraw(awards[1], story.officer("fund_manager"), story.award(awards[1]).version, "state_request",
                            "They asked.")
    assert [story.award(a).state for a in awards[1:]] == ["withdrawn", "suspended", "suspended"]
    redate(story, timedelta(days=364))
    assert [story.award(a).state for a in awards[2:]] == ["selected", "reserve"]
    assert story.award(awards[2]).replaces_id == awards[1]
    assert not story.verify()


@pytest.mark.parametrize("postponed_first", [False, True])
def test_cancellation_ends_everything_and_frees_the_money(story, underway, postponed_first):
    awards, payments = underway
    if postponed_first:
        postpone(story)
    cancel_meeting(story.meeting_id, story.organiser, "It will not be held.")
    assert {story.award(a).state for a in awards} == {"cancelled"}
    assert {story.payment(p).state for p in payments.values()} == {"cancelled"}
    assert figures(story).reserved == 0
    assert mails("award-cancelled") == 4
    assert not story.verify()
