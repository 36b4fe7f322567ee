"""What awards do when a meeting moves or is cancelled, or a State takes its application back. Same transaction."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta

from flask_babel import gettext as _
from sqlalchemy import select

from accounts.queries import find_person_id
from core import clock
from core.actor import system
from core.db import db, lock
from core.errors import RuleBroken
from core.office import last_minute, office_day
from meetings.calendar.signals import MeetingCancelled, MeetingMoved, meeting_cancelled, meeting_moved
from sponsorship.applications.models import Call
from sponsorship.applications.queries import call_by_id
from sponsorship.applications.service import mark_decided
from sponsorship.applications.signals import (
    ApplicationWithdrawn,
    NomineeCorrected,
    NomineeSubstituted,
    application_withdrawn,
    nominee_corrected,
    nominee_substituted,
)
from sponsorship.awards import mails
from sponsorship.awards.models import Award
from sponsorship.awards.money import fitting_pools
from sponsorship.awards.promotion import fill_places
from sponsorship.awards.service import end, lock_award
from sponsorship.awards.signals import AwardResumed, AwardSuspended, award_resumed, award_suspended
from sponsorship.awards.transitions import AWARD, LIVE
from sponsorship.ledger.queries import reservation_state

CALENDAR = system("calendar")
TOLD = ("offered", "accepted")  # those who were told of a place are told of its fate


def _live(meeting_id: uuid.UUID) -> Iterator[Award]:
    ids = db.session.scalars(
        select(Award.id).where(Award.meeting_id == meeting_id, Award.state.in_(LIVE)).order_by(Award.id)
    ).all()
    for award_id in ids:
        award = lock_award(award_id)
        if award.state in LIVE:
            yield award


def _calls(meeting_id: uuid.UUID) -> list[uuid.UUID]:
    """Calls with awards for the meeting, all locked first, in order of id."""
    ids = db.session.scalars(
        select(Award.call_id).where(Award.meeting_id == meeting_id).distinct().order_by(Award.call_id)
    ).all()
    for call_id in ids:
        lock(Call, call_id)
    return list(ids)


def on_meeting_moved(moved: MeetingMoved) -> None:
    """Postponed without dates: suspend, nothing is lost. With new dates: travel moves along, what was suspended goes
    on where it stood, and an offer keeps the time that was left to answer it."""
    calls = _calls(moved.meeting_id)
    now = clock.now()
    for award in _live(moved.meeting_id):
        if moved.new_start is None or moved.new_end is None:
            if award.state == "suspended":
                continue
            was = award.state
            award.suspended_from, award.suspended_at = was, now
            AWARD.apply(award, "suspend", CALENDAR, reason="meeting_postponed")
            award_suspended.send(AwardSuspended(award.id))
            if was in TOLD:
                mails.suspended(award)
            continue
        award.travel_from = moved.new_start - timedelta(days=award.days_before)
        award.travel_to = moved.new_end + timedelta(days=award.days_after)
        if award.state == "suspended":
            back = award.suspended_from
            if back == "offered" and award.offer_expires_at and award.suspended_at:
                left = award.offer_expires_at - award.suspended_at
                award.offer_expires_at = last_minute(office_day(now + left))  # to the end of that day at the seat
                award.offer_reminded_at = None
            award.suspended_from = award.suspended_at = None
            AWARD.apply(award, f"resume_{back}", CALENDAR, reason="meeting_redated")
        award_resumed.send(AwardResumed(award.id))
        if award.state in TOLD:
            mails.redated(award)
    if moved.new_start is not None:
        for call_id in calls:
            fill_places(call_id)


def on_meeting_cancelled(cancelled: MeetingCancelled) -> None:
    """Every award ends and its money is free again; nobody moves up."""
    _calls(cancelled.meeting_id)
    for award in _live(cancelled.meeting_id):
        on_list = "reserve" in (award.state, award.suspended_from)
        end(award, "cancel", CALENDAR, reason="meeting_cancelled")
        mails.cancelled(award)
        if on_list:
            mark_decided(award.application_id, "not_selected", CALENDAR)


def on_application_withdrawn(withdrawn: ApplicationWithdrawn) -> None:
    """A mission left the reserve list. (An application with a place is not withdrawn: its award is given back.)

    Takes no call lock: the application is locked already, and `fill_places` looks again under that lock.
    """
    ids = db.session.scalars(
        select(Award.id).where(Award.application_id == withdrawn.application_id).order_by(Award.id)
    ).all()
    for award_id in ids:
        award = lock(Award, award_id)
        if award.state == "reserve" or award.suspended_from == "reserve":
            award.suspended_from = None
            AWARD.apply(award, "leave", CALENDAR, reason="application_withdrawn")


def on_nominee_substituted(substituted: NomineeSubstituted) -> None:
    """The award goes with the place: whoever has an account among the new persons never signs for it. Money that was
    reserved from an earmark must fit the new nominee, too."""
    for award in _of_nominee(substituted.nominee_id):
        award.beneficiary_id = find_person_id(substituted.email) if substituted.email else None
        award.version += 1
        _check_earmark(award)


def on_nominee_corrected(corrected: NomineeCorrected) -> None:
    """Money that was reserved from an earmark must fit the person as corrected, too."""
    for award in _of_nominee(corrected.nominee_id):
        _check_earmark(award)


def _of_nominee(nominee_id: uuid.UUID) -> list[Award]:
    ids = db.session.scalars(
        select(Award.id).where(Award.nominee_id == nominee_id, Award.state.in_(LIVE)).order_by(Award.id)).all()
    return [lock(Award, award_id) for award_id in ids]


def _check_earmark(award: Award) -> None:
    if award.reservation_id is None:
        return
    fitting = set(fitting_pools(award, call_by_id(award.call_id)))
    if not {line.pool_id for line in reservation_state(award.reservation_id).lines} <= fitting:
        raise RuleBroken(_("The money reserved for this place is meant for other persons (by its donor’s wish), so it "
                           "cannot go to this nominee. Write to the secretariat."), code="nominee.earmark")


def subscribe() -> None:
    """Called once by app.py."""
    meeting_moved.subscribe(on_meeting_moved)
    meeting_cancelled.subscribe(on_meeting_cancelled)
    application_withdrawn.subscribe(on_application_withdrawn)
    nominee_substituted.subscribe(on_nominee_substituted)
    nominee_corrected.subscribe(on_nominee_corrected)
