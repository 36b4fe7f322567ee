"""Mails of this room: queued by the commands, in each reader's language. They name no person and no amount."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from flask_babel import force_locale
from flask_babel import gettext as _

from accounts.permissions import Contact, people_with
from core.outbox import send_mail
from core.web.formats import format_instant
from core.web.links import absolute
from meetings.calendar.queries import MeetingRow, meeting_by_id
from sponsorship.applications.models import Application, Call
from sponsorship.applications.words import ineligible_sentence

Words = Callable[[], tuple[str, str]]


def _to_mission(application: Application, kind: str, words: Words, once: str) -> None:
    contacts: list[Contact] = people_with("application.own", application.organisation_id)
    for contact in contacts:
        with force_locale(contact.locale):
            subject, body = words()
        send_mail(contact.email, kind=f"applications.{kind}", subject=subject, body=body,
                  dedupe_key=f"{kind}:{application.id}:{once}:{contact.person_id}")


class _Facts:
    """What every letter says: of which application, for which meeting, and where to look."""

    def __init__(self, application: Application, call: Call, meeting: MeetingRow | None = None) -> None:
        meeting = meeting or meeting_by_id(call.meeting_id)
        self.zone = meeting.timezone
        self.words = {"reference": application.reference, "call": call.reference, "meeting": meeting.title,
                      "url": absolute("applications.status", id=application.id)}

    def when(self, instant: datetime) -> str:
        """An instant at the place of the meeting, in the language of the reader."""
        return format_instant(instant, self.zone)


def receipt(application: Application, call: Call, meeting: MeetingRow) -> None:
    """The application has arrived. `meeting` is the call's."""
    assert application.received_at is not None
    received = application.received_at
    facts = _Facts(application, call, meeting)

    def words() -> tuple[str, str]:
        subject = _("Received: application %(reference)s", **facts.words)
        body = _(
            "The sponsorship fund has received the application %(reference)s of your State for:\n%(meeting)s\n\n"
            "Received: %(received)s\n\n"
            "What happens next: the secretariat screens the application after the call closes (%(closes)s). "
            "You need not do anything. The page below says at any time who acts next and by when:\n%(url)s\n",
            received=facts.when(received), closes=facts.when(call.closes_at), **facts.words)
        return subject, body

    _to_mission(application, "receipt", words, str(application.version))


def returned(application: Application, call: Call) -> None:
    """Something is missing."""
    assert application.completion_due_at is not None
    due = application.completion_due_at
    facts = _Facts(application, call)

    def words() -> tuple[str, str]:
        subject = _("To be completed: application %(reference)s", **facts.words)
        body = _(
            "The application %(reference)s for:\n%(meeting)s\nneeds to be completed before it can be considered.\n\n"
            "%(note)s\n\nPlease complete and send it again by %(due)s. Nothing you wrote is lost:\n%(url)s\n",
            note=application.return_note or "", due=facts.when(due), **facts.words)
        return subject, body

    _to_mission(application, "returned", words, str(application.version))


def ineligible(application: Application, call: Call, reason: str) -> None:
    """Screening ended against it; `reason` is the code of an approved sentence."""
    facts = _Facts(application, call)

    def words() -> tuple[str, str]:
        subject = _("Result of screening: application %(reference)s", **facts.words)
        body = _(
            "The application %(reference)s for:\n%(meeting)s\nwas found not eligible.\n\nReason: %(reason)s\n\n"
            "If you think this is a mistake, write to the secretariat and quote the reference.\n%(url)s\n",
            reason=ineligible_sentence(reason), **facts.words)
        return subject, body

    _to_mission(application, "ineligible", words, str(application.version))


def withdrawn(application: Application, call: Call) -> None:
    """Taken back by the mission: so that a colleague, too, knows."""
    facts = _Facts(application, call)

    def words() -> tuple[str, str]:
        subject = _("Withdrawn: application %(reference)s", **facts.words)
        body = _(
            "Your State’s application %(reference)s for:\n%(meeting)s\nhas been withdrawn by your mission.\n%(url)s\n",
            **facts.words)
        return subject, body

    _to_mission(application, "withdrawn", words, str(application.version))


def closing_soon(application: Application, call: Call) -> None:
    """A draft waits while the call is about to close."""
    facts = _Facts(application, call)

    def words() -> tuple[str, str]:
        subject = _("Not sent yet: application %(reference)s", **facts.words)
        body = _(
            "Your State has begun the application %(reference)s for:\n%(meeting)s\nbut has not sent it yet. "
            "The call closes on %(closes)s.\n\nWhat you wrote is kept:\n%(url)s\n",
            closes=facts.when(call.closes_at), **facts.words)
        return subject, body

    _to_mission(application, "closing-soon", words, call.closes_at.isoformat())


def held_over(application: Application, call: Call) -> None:
    """Received after the date, and kept for the next call."""
    assert application.received_at is not None
    received, facts = application.received_at, _Facts(application, call)

    def words() -> tuple[str, str]:
        subject = _("Received after the date: application %(reference)s", **facts.words)
        body = _(
            "The application %(reference)s of your State arrived after the last date of the call %(call)s for:\n"
            "%(meeting)s\n\nReceived: %(received)s\n\nIt is not considered for this meeting. It is kept, with its "
            "day of receipt, for the next call of the fund; when that opens, your mission is asked to complete the "
            "days of travel and to send it again. You need not do anything until then.\n%(url)s\n",
            received=facts.when(received), **facts.words)
        return subject, body

    _to_mission(application, "held-over", words, str(application.version))


def carried_over(application: Application, call: Call) -> None:
    """Kept from an earlier call; the next one is open."""
    facts = _Facts(application, call)

    def words() -> tuple[str, str]:
        subject = _("Carried over, please complete: application %(reference)s", **facts.words)
        body = _(
            "The application %(reference)s of your State, received after the date of an earlier call, has been carried "
            "over to the call %(call)s for:\n%(meeting)s\n\nWhat you wrote is kept, and so is your day of receipt. "
            "Please write the days of travel for this meeting, check your answers and send it by %(closes)s:\n"
            "%(url)s\n",
            closes=facts.when(call.closes_at), **facts.words)
        return subject, body

    _to_mission(application, "carried-over", words, str(application.version))


def call_cancelled(application: Application, call: Call) -> None:
    """The call ended without a decision."""
    facts = _Facts(application, call)

    def words() -> tuple[str, str]:
        subject = _("Call cancelled: application %(reference)s", **facts.words)
        body = _(
            "The call for applications %(call)s for:\n%(meeting)s\nhas been cancelled. Your application %(reference)s "
            "ends with it. You need not do anything.\n%(url)s\n",
            **facts.words)
        return subject, body

    _to_mission(application, "call-cancelled", words, str(application.version))


def call_suspended(application: Application, call: Call) -> None:
    """The meeting moved."""
    facts = _Facts(application, call)

    def words() -> tuple[str, str]:
        subject = _("Meeting moved: application %(reference)s", **facts.words)
        body = _(
            "The dates of this meeting have changed:\n%(meeting)s\n\nThe call %(call)s is suspended until the fund "
            "sets how it goes on. Your application %(reference)s is kept. You need not do anything now.\n%(url)s\n",
            **facts.words)
        return subject, body

    _to_mission(application, "call-suspended", words, str(call.version))
