"""Telling every focal point that a call is open: one mail for each person, once, in the command that opens it."""

from __future__ import annotations

from flask_babel import force_locale
from flask_babel import gettext as _

from accounts.queries import focal_points
from core import clock, events
from core.actor import system
from core.outbox import send_mail
from core.web.formats import format_instant
from core.web.links import absolute
from meetings.calendar.queries import meeting_by_id
from sponsorship.applications.models import Call


def announce(call: Call) -> None:
    """Queue the mails and keep how many. A call that was announced before (and opens again) is not announced twice.
    A demonstration writes to the focal points of invented States only, a real call to those of real ones."""
    if call.announced_at is not None:
        return
    meeting = meeting_by_id(call.meeting_id)
    told = focal_points(call.is_demo)
    for contact in told:
        with force_locale(contact.locale):
            closes = format_instant(call.closes_at, meeting.timezone)
            subject = _("Call for applications: %(meeting)s", meeting=meeting.short_name)
            body = _(
                "The sponsorship fund invites applications for:\n%(meeting)s\n\n"
                "States that could not attend otherwise may apply through their focal points until %(closes)s.\n"
                "What the fund pays, how States are ranked and who decides:\n%(url)s\n\nTo apply:\n%(apply)s\n",
                meeting=meeting.label, closes=closes, url=absolute("applications.call", id=call.id),
                apply=absolute("applications.apply"))
        send_mail(contact.email, kind="applications.call-open", subject=subject, body=body,
                  dedupe_key=f"call-open:{call.id}:{contact.person_id}")
    call.announced_at, call.announced_count = clock.now(), len(told)
    events.record(system("calls-announce"), "applications.call.announce", "call", call.id, data={"mails": len(told)})
