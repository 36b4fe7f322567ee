"""Mails about awards: to the focal points of the State, in the language of each. No amounts, no other State."""

from __future__ import annotations

from collections.abc import Callable

from flask_babel import force_locale
from flask_babel import gettext as _

from accounts.permissions import people_with
from core.outbox import send_mail
from core.web.formats import format_day, format_instant
from core.web.links import absolute
from meetings.calendar.queries import meeting_by_id
from sponsorship.awards.models import Award

Words = Callable[[], tuple[str, str]]


def to_focal_points(award: Award, kind: str, words: Words, once: str = "") -> None:
    """Write to every focal point of the award's State; `words` makes (subject, body) in the reader's language.

    Before the offer the State does not read the award's page, so the link leads to its application.
    """
    page, target = (("awards.award_page", award.id) if award.offered_at else
                     ("applications.status", award.application_id))
    for contact in people_with("award.answer", award.organisation_id):
        with force_locale(contact.locale):
            subject, body = words()
            link = absolute(page, id=target)
            send_mail(contact.email, kind=kind, subject=subject, body=f"{body}\n\n{link}\n",
                      dedupe_key=f"{kind}:{award.id}:{once or award.version}:{contact.person_id}")


def offer(award: Award) -> None:
    """The offer: only after the obligation is certified and approved."""
    meeting = meeting_by_id(award.meeting_id)
    expires = award.offer_expires_at
    assert expires is not None

    def words() -> tuple[str, str]:
        return (
            _("Offer of sponsorship %(reference)s", reference=award.reference),
            _("The fund offers to sponsor your nominee’s attendance at %(meeting)s, travelling from %(start)s to "
              "%(end)s.\n\nPlease accept the offer or turn it down by %(until)s. After that it lapses, and the place "
              "goes to the next State on the reserve list.",
              meeting=meeting.title, start=format_day(award.travel_from), end=format_day(award.travel_to),
              until=format_instant(expires, meeting.timezone)),
        )

    to_focal_points(award, "award-offer", words)


def offer_reminder(award: Award) -> None:
    meeting = meeting_by_id(award.meeting_id)
    expires = award.offer_expires_at
    assert expires is not None
    to_focal_points(award, "award-offer-reminder", lambda: (
        _("Answer awaited: offer %(reference)s", reference=award.reference),
        _("The offer of sponsorship for %(meeting)s still waits for your answer. It lapses on %(until)s.",
          meeting=meeting.title, until=format_instant(expires, meeting.timezone)),
    ), once="reminder")


def lapsed(award: Award) -> None:
    to_focal_points(award, "award-lapsed", lambda: (
        _("Offer %(reference)s has lapsed", reference=award.reference),
        _("The time to answer the offer has passed, so the place goes to the next State on the reserve list."),
    ))


def withdrawn(award: Award) -> None:
    to_focal_points(award, "award-withdrawn", lambda: (
        _("Award %(reference)s has been withdrawn", reference=award.reference),
        _("The fund has withdrawn this award. The secretariat will answer your questions."),
    ))


def on_reserve(award: Award) -> None:
    meeting = meeting_by_id(award.meeting_id)
    to_focal_points(award, "award-reserve", lambda: (
        _("Reserve list: %(reference)s", reference=award.reference),
        _("Your request for %(meeting)s has been placed on the reserve list. You will hear from us if a place becomes "
          "free; you need not do anything now.", meeting=meeting.title),
    ))


def suspended(award: Award) -> None:
    meeting = meeting_by_id(award.meeting_id)
    to_focal_points(award, "award-suspended", lambda: (
        _("Award %(reference)s is suspended", reference=award.reference),
        _("%(meeting)s has been postponed. The award is suspended, not lost: it goes on once new dates are fixed. "
          "Please do not book or begin travel.", meeting=meeting.title),
    ))


def redated(award: Award) -> None:
    meeting = meeting_by_id(award.meeting_id)
    to_focal_points(award, "award-redated", lambda: (
        _("New dates for award %(reference)s", reference=award.reference),
        _("%(meeting)s has new dates. The award is now for travel from %(start)s to %(end)s. If your nominee cannot "
          "travel then, please give the award back.", meeting=meeting.title, start=format_day(award.travel_from),
          end=format_day(award.travel_to)),
    ))


def cancelled(award: Award) -> None:
    meeting = meeting_by_id(award.meeting_id)
    to_focal_points(award, "award-cancelled", lambda: (
        _("Award %(reference)s ends: the meeting is cancelled", reference=award.reference),
        _("%(meeting)s will not be held, so this award has ended. Please do not travel.", meeting=meeting.title),
    ))


def not_selected(organisation_id: object, application_id: object, reference: str, meeting_title: str) -> None:
    """To a State whose request was not selected. The letter bears no reason but the approved one."""
    for contact in people_with("award.answer", organisation_id):  # type: ignore[arg-type]
        with force_locale(contact.locale):
            send_mail(
                contact.email, kind="award-not-selected",
                subject=_("Result of application %(reference)s", reference=reference),
                body=_("The fund could not select your request for %(meeting)s: more was asked for than the money "
                       "available carries. Thank you for applying; you are welcome to apply to the next call.",
                       meeting=meeting_title),
                dedupe_key=f"award-not-selected:{application_id}:{contact.person_id}",
            )
