"""What people hear when a published meeting moves or is cancelled: mail to those who asked for it with their feed.
Calendar programs hear it by the feeds, everybody reads it on the meeting's page, other rooms by signal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy import select

from accounts.models import Person
from core.db import db
from core.outbox import send_mail
from core.web.formats import format_day, format_days
from core.web.links import absolute
from meetings.calendar.date_models import CalendarSubscription, DateKind
from meetings.calendar.date_service import Changed
from meetings.calendar.dates import date_name
from meetings.calendar.feed_filters import from_stored
from meetings.calendar.models import Meeting
from meetings.calendar.signals import MeetingMoved


def _listeners(meeting: Meeting) -> list[tuple[str, str, str]]:
    """(address, language, person) of everybody who wants mail about this meeting. One query."""
    rows = db.session.execute(
        select(Person.id, Person.email, Person.locale, CalendarSubscription.wanted)
        .join(Person, Person.id == CalendarSubscription.person_id)
        .where(CalendarSubscription.by_mail, CalendarSubscription.revoked_at.is_(None), Person.active)
        .order_by(Person.id))
    return [(row.email, row.locale, str(row.id)) for row in rows if from_stored(row.wanted).matches(meeting)]


def say_moved(meeting: Meeting, moved: MeetingMoved, reason: str, changes: Sequence[Changed]) -> None:
    """Mail old days, new days and the dates that follow from them, in the command under way."""
    listeners = _listeners(meeting)
    if not listeners:
        return
    names = {k.code: k for k in db.session.scalars(select(DateKind).where(DateKind.public))}
    for address, language, person in listeners:
        with force_locale(language):
            old = format_days(moved.old_start, moved.old_end) if moved.old_start and moved.old_end else _("no dates")
            if moved.new_start is None or moved.new_end is None:
                subject = _("%(meeting)s is postponed", meeting=meeting.short_name)
                lines = [_("The dates %(old)s no longer hold. New ones are not known yet.", old=old),
                         _("The deadlines that follow from them no longer hold either.")]
            else:
                new = format_days(moved.new_start, moved.new_end)
                subject = _("%(meeting)s moves to %(days)s", meeting=meeting.short_name, days=new)
                lines = [_("Old dates: %(old)s. New dates: %(new)s.", old=old, new=new)]
                lines += _deadlines(names, changes)
            _send(meeting, address, person, "moved", subject, [*lines, _("Reason: %(reason)s", reason=reason)])


def say_cancelled(meeting: Meeting, reason: str) -> None:
    """Mail that the meeting will not be held; nothing about one that was never published."""
    if meeting.published_at is None:
        return
    for address, language, person in _listeners(meeting):
        with force_locale(language):
            _send(meeting, address, person, "cancelled", _("%(meeting)s is cancelled", meeting=meeting.short_name),
                  [_("This meeting will not be held."), _("Reason: %(reason)s", reason=reason)])


def _deadlines(names: dict[str, DateKind], changes: Iterable[Changed]) -> list[str]:
    found = []
    for change in changes:
        if change.code in names:
            day = format_day(change.new_day) if change.new_day else _("no longer")
            found.append(f"- {date_name(change.code, names[change.code].name)}: {day}")
    return [_("Dates that follow:"), *found] if found else []


def _send(meeting: Meeting, address: str, person: str, kind: str, subject: str, lines: Sequence[str]) -> None:
    body = "\n".join([meeting.title, "", *lines, "", absolute("calendar.meeting", slug=meeting.slug), "",
                      _("You asked for this with your calendar feed. Change it here: %(address)s",
                        address=absolute("calendar.my_feed"))]) + "\n"
    send_mail(address, kind=f"meeting-{kind}", subject=subject, body=body,
              dedupe_key=f"meeting-{kind}:{meeting.id}:{meeting.sequence}:{person[-12:]}")
