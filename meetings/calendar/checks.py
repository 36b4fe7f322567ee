"""What must always be true of the calendar, for `flask verify`."""

from __future__ import annotations

from sqlalchemy import func, select

from core.db import db
from core.verify import check
from meetings.calendar.date_models import DateKind, DateRule, DependentDate
from meetings.calendar.dates import END, START, leans_on_itself
from meetings.calendar.models import Mandate, Meeting, MeetingDates
from meetings.calendar.stamp import current_stamp


@check("calendar.meetings")
def meetings() -> tuple[int, list[str]]:
    """Years follow from days; a postponement has its history; the stamp is not older than what it stands for."""
    faults: list[str] = []
    rows = db.session.execute(
        select(Meeting.id, Meeting.year, Meeting.start_date, Meeting.state, Meeting.announced_at, Meeting.changed_at)
    ).all()
    moved = set(db.session.scalars(select(MeetingDates.meeting_id)))
    newest = max((row.changed_at for row in rows if row.announced_at is not None), default=None)
    for row in rows:
        if row.start_date is not None and row.start_date.year != row.year:
            faults.append(f"meeting {row.id}: year {row.year} is not that of its first day")
        if row.state == "postponed" and row.id not in moved:
            faults.append(f"meeting {row.id}: postponed without a record of its old days")
    stamp = current_stamp()
    if newest is not None and stamp.number and stamp.changed_at < newest:
        faults.append("the calendar's stamp is older than its newest change: feeds may be stale")
    return len(rows), faults


@check("calendar.dates")
def dates() -> tuple[int, list[str]]:
    """The day for national reports is told once; rules count from dates that there are."""
    faults: list[str] = []
    rows = db.session.execute(
        select(Meeting.id, Meeting.report_deadline, DependentDate.day)
        .join(DependentDate, DependentDate.meeting_id == Meeting.id)
        .where(DependentDate.code == "reports", DependentDate.dropped.is_(False))
    ).all()
    faults += [f"meeting {row.id}: reports are asked for on two days" for row in rows if row.report_deadline != row.day]
    known = {START, END, *db.session.scalars(select(DateKind.code))}
    rules = db.session.execute(select(DateRule.id, DateRule.code, DateRule.anchor).where(DateRule.ended_at.is_(None)))
    found = rules.all()
    faults += [f"date rule {rule.id} counts from {rule.anchor}, which is no date" for rule in found
               if rule.anchor not in known]
    if leans_on_itself((rule.code, rule.anchor) for rule in found):
        faults.append("rules of dates lean on each other in a ring")
    return len(rows) + len(found), faults


@check("calendar.mandates")
def mandates() -> tuple[int, list[str]]:
    """A mandate that is read otherwise than printed says why."""
    rows = db.session.execute(
        select(Mandate.key).where(Mandate.year_printed != Mandate.year_read, Mandate.year_reason.is_(None))
    ).scalars()
    return db.session.scalar(select(func.count()).select_from(Mandate)) or 0, [
        f"mandate {key}: another year is read than printed, without a reason" for key in rows
    ]
