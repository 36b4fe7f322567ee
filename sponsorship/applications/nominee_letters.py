"""Mails to nominees, and to missions about them. Those to missions name no person."""

from __future__ import annotations

from flask_babel import force_locale, get_locale
from flask_babel import gettext as _

from accounts.permissions import people_with
from accounts.queries import names
from core.outbox import send_mail
from core.web.formats import format_day, format_instant
from core.web.links import absolute
from meetings.calendar.queries import meeting_by_id
from sponsorship.applications.models import Application, Call
from sponsorship.applications.paper_models import NomineeLink


def please_confirm(email: str, token: str, link: NomineeLink, call: Call, application: Application) -> None:
    """The personal link, in the language of whoever asks."""
    meeting = meeting_by_id(call.meeting_id)
    with force_locale(str(get_locale() or "en")):
        state = names([application.organisation_id])[application.organisation_id]
        send_mail(
            email, kind="applications.nominee-link", dedupe_key=f"nominee-link:{link.id}",
            subject=_("Please confirm your nomination: %(meeting)s", meeting=meeting.short_name),
            body=_(
                "%(state)s nominates you for:\n%(meeting)s\n\n"
                "Its mission asks the United Nations’ voluntary sponsorship fund to pay your journey. Please look at "
                "what the mission wrote about you, put right what is wrong, and confirm it on your own page:\n%(url)s\n"
                "\nYou need no account. The page works on a telephone. It is for you alone: do not pass this message "
                "on. It ends on %(until)s.\n\nHave your passport at hand. If you do not know of this nomination, "
                "write to your mission and do nothing on the page.\n",
                state=state, meeting=meeting.title, url=absolute("nominee_pages.page", token=token),
                until=format_instant(link.expires_at, meeting.timezone)),
        )


def has_confirmed(application: Application, priority: int, corrected: bool, version: int) -> None:
    """To the mission: a nominee has confirmed, perhaps with corrections."""
    for contact in people_with("application.own", application.organisation_id):
        with force_locale(contact.locale):
            what = _("put something right and confirmed the data") if corrected else _("confirmed the data")
            send_mail(
                contact.email, kind="applications.nominee-confirmed",
                dedupe_key=f"nominee-confirmed:{application.id}:{priority}:{version}:{contact.person_id}",
                subject=_("Nominee %(number)s has answered: application %(reference)s", number=priority,
                          reference=application.reference),
                body=_("Nominee %(number)s of your application %(reference)s %(what)s.\n\nPlease look at it here:\n"
                       "%(url)s\n", number=priority, reference=application.reference, what=what,
                       url=absolute("application_papers.papers", id=application.id)))


def substituted(application: Application, call: Call, priority: int, marker: str) -> None:
    """To the mission's focal points and to the officers who screen: a place has another person."""
    meeting = meeting_by_id(call.meeting_id)
    state = names([application.organisation_id])[application.organisation_id]
    for contact in people_with("application.own", application.organisation_id):
        with force_locale(contact.locale):
            send_mail(
                contact.email, kind="applications.substituted",
                dedupe_key=f"substituted:{marker}:{contact.person_id}",
                subject=_("Nominee substituted: application %(reference)s", reference=application.reference),
                body=_("Nominee %(number)s of your application %(reference)s for:\n%(meeting)s\nis now another person. "
                       "The place in your order stays as it was. The secretariat looks at the new nominee; you need "
                       "not do anything.\n%(url)s\n", number=priority, reference=application.reference,
                       meeting=meeting.title, url=absolute("applications.status", id=application.id)))
    for contact in people_with("application.screen"):
        with force_locale(contact.locale):
            send_mail(
                contact.email, kind="applications.substitute-to-check",
                dedupe_key=f"substitute-to-check:{marker}:{contact.person_id}",
                subject=_("A substituted nominee to check: %(reference)s", reference=application.reference),
                body=_("%(state)s has substituted nominee %(number)s of application %(reference)s for:\n%(meeting)s\n\n"
                       "Please check that the new nominee is an official nominated by the State, before %(day)s:\n"
                       "%(url)s\n", state=state, number=priority, reference=application.reference,
                       meeting=meeting.title, day=format_day(call.decide_by),
                       url=absolute("applications_officer.screening", id=application.id)))
