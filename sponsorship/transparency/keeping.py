"""Keeping the sums of meetings once they are settled: a job makes the rows, `verify` proves them from the awards."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

from flask_babel import lazy_gettext as _l
from sqlalchemy import and_, or_, select

from core import clock
from core.db import command, db
from core.errors import NotFound
from core.jobs import Due, Job
from meetings.calendar.models import Meeting
from meetings.calendar.queries import meeting_by_id
from sponsorship.awards.models import Award
from sponsorship.ledger.models import ReservationLine, Spend
from sponsorship.transparency.journeys import MeetingSums, sums_of
from sponsorship.transparency.meeting_figures import bars_of
from sponsorship.transparency.models import MeetingFigure, PoolBar

# a kept row with somebody in it is made again once a day: States' groups may be corrected afterwards
LOOK_AGAIN = timedelta(days=1)


def meetings_due(now: datetime, limit: int) -> Sequence[Due]:
    """Meetings that are over, with nothing reserved and nothing at the bank, whose sums are not kept, or count no more,
    or tell of somebody and were made a day ago."""
    of_meeting = Award.meeting_id == Meeting.id
    left = ReservationLine.direct_minor > ReservationLine.spent_direct_minor + ReservationLine.released_direct_minor
    reserved = select(Award.id).join(ReservationLine, ReservationLine.reservation_id == Award.reservation_id)
    sent = select(Award.id).join(Spend, Spend.reservation_id == Award.reservation_id)
    rows = db.session.execute(
        select(Meeting.id, Meeting.end_date, Meeting.slug)
        .outerjoin(MeetingFigure, MeetingFigure.meeting_id == Meeting.id)
        .where(
            or_(Meeting.state == "held", and_(Meeting.state == "published", Meeting.end_date < now.date())),
            or_(MeetingFigure.meeting_id.is_(None), MeetingFigure.stale,
                and_(MeetingFigure.kept_at <= now - LOOK_AGAIN, MeetingFigure.delegates > 0)),
            ~reserved.where(of_meeting, left).exists(), ~sent.where(of_meeting, Spend.state == "sent").exists(),
        )
        .order_by(Meeting.end_date, Meeting.id).limit(limit)
    )
    return [(row.id, _midnight_after(row.end_date) if row.end_date else now, row.slug) for row in rows]


def _midnight_after(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time.min, UTC)


@command
def keep(meeting_id: uuid.UUID) -> str:
    """Keep a settled meeting's sums, or make them again; a word for the job. A meeting that is not settled has none."""
    try:
        meeting = meeting_by_id(meeting_id)
    except NotFound:
        return "gone"
    sums = sums_of({meeting_id: meeting.start_date}).get(meeting_id, MeetingSums())
    row = db.session.execute(
        select(MeetingFigure).where(MeetingFigure.meeting_id == meeting_id).with_for_update()
        .execution_options(populate_existing=True)
    ).scalar_one_or_none()
    if sums.open or meeting.phase != "held":
        return "not settled"
    if row is None:
        row = MeetingFigure(meeting_id=meeting_id, revised=False)
        db.session.add(row)
    elif row.delegates and _told(row) != (sums.delegates, sums.states.count, sums.direct_minor, sums.support_minor):
        row.revised = True
    row.delegates, row.states, row.few = sums.delegates, sums.states.count, sorted(str(key) for key in sums.states.few)
    row.women, row.men, row.groups = sums.women, sums.men, sums.groups
    row.direct_minor, row.support_minor = sums.direct_minor, sums.support_minor
    row.first_year, row.last_year = sums.years or (None, None)
    row.kept_at, row.stale = clock.now(), False
    _bar(meeting_id, sums)
    return "kept"


def _told(row: MeetingFigure) -> tuple[int, int, int, int]:
    return row.delegates, row.states, row.direct_minor, row.support_minor


def _bar(meeting_id: uuid.UUID, sums: MeetingSums) -> None:
    """Pools of which too much would be told from here on are told no more."""
    barred = set(db.session.scalars(select(PoolBar.pool_id)))
    for pool_id in sorted(bars_of(sums, barred) - barred, key=str):
        db.session.add(PoolBar(pool_id=pool_id, meeting_id=meeting_id, barred_at=clock.now()))


JOBS = [
    Job("keep-meetings", _l("Keeps the sums of meetings once everything is paid"), 300, meetings_due,
        lambda item, _now: keep(item)),
]
