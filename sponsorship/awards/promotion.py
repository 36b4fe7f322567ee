"""The reserve list: a place that became free goes to the next in order, once, through the same chain."""

from __future__ import annotations

import uuid

from sqlalchemy import select

from core import clock
from core.actor import system
from core.db import db, lock
from core.office import office_day
from meetings.calendar.queries import meeting_by_id
from sponsorship.applications.models import Application
from sponsorship.applications.service import mark_decided
from sponsorship.awards.models import Award
from sponsorship.awards.transitions import AWARD

PROMOTER = system("awards")
_NO_MORE_PLACES = ("postponed", "cancelled", "held")


def fill_places(call_id: uuid.UUID) -> list[uuid.UUID]:
    """Give every free place of a call to the next on its reserve list; the awards that moved up.

    Inside the command under way. The caller holds the call's lock, so that two places that become free at once meet
    one after the other; `uq_award_replaces_id` holds it too. A reserve whose application was withdrawn, or whose
    travel would have begun, is passed over. Nothing moves while the meeting is postponed: it is caught up when the
    meeting has dates again.
    """
    replaced = select(Award.replaces_id).where(Award.replaces_id.is_not(None))
    free = db.session.scalars(
        select(Award.id).where(Award.call_id == call_id, Award.vacated, Award.id.not_in(replaced))
        .order_by(Award.position, Award.id)
    ).all()
    if not free:
        return []
    candidates = db.session.execute(
        select(Award.id, Award.application_id, Award.meeting_id)
        .where(Award.call_id == call_id, Award.state == "reserve", Award.travel_from > office_day(clock.now()))
        .order_by(Award.position, Award.id)
    ).all()
    if not candidates or meeting_by_id(candidates[0].meeting_id).state in _NO_MORE_PLACES:
        return []
    moved: list[uuid.UUID] = []
    places = list(free)
    for candidate in candidates:
        if not places:
            break
        # a mission may be taking its application back at this moment: its lock first, then a fresh look
        application = lock(Application, candidate.application_id)
        award = lock(Award, candidate.id)
        if award.state != "reserve" or application.state not in ("reserve_list", "selected"):
            continue
        award.replaces_id = places.pop(0)
        mark_decided(application.id, "selected", PROMOTER)
        AWARD.apply(award, "promote", PROMOTER, data={"replaces": str(award.replaces_id)})
        moved.append(award.id)
    return moved
