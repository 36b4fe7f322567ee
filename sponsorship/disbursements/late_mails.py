"""Mails about late claims. Reasons and amounts stand on the page, never in a mail."""

from __future__ import annotations

from flask_babel import force_locale
from flask_babel import lazy_gettext as _l

from accounts.permissions import alternates_with, people_with
from core.outbox import send_mail
from core.web.links import absolute
from sponsorship.awards.models import Award
from sponsorship.disbursements.claim_mails import HEAD, state_contacts
from sponsorship.disbursements.late_models import LateClaim

_TO_OFFICERS = {
    "asked": ("claim.late.decide", _l("A late claim is asked for: award %(reference)s"),
              _l("The claim was closed because none had come. The State asks to send it after all, and says why. Allow "
                 "it or turn it down.")),
    "decided": ("claim.late.agree", _l("A late claim is to be agreed to: award %(reference)s"),
                _l("The head of the fund allows a late claim. Another officer agrees, which reserves the money again, "
                   "or does not.")),
}
_TO_STATE = {
    "agreed": (_l("You may send the late claim: award %(reference)s"),
               _l("The claim is open again. Please send it with the boarding passes by the day on its page. It is "
                  "settled as any other.")),
    "refused": (_l("The late claim is not allowed: award %(reference)s"),
                _l("The claim stays closed. The page says so, and what is asked back, if anything.")),
}


def reminder(award: Award, late: LateClaim) -> None:
    """To whoever acts next; from the second on also to their alternates, from the third on to the head of the fund.
    Notice only."""
    permission, subject, _body = _TO_OFFICERS[late.state]
    contacts = [*people_with(permission)]
    if late.reminders > 1:
        contacts += alternates_with(permission)
    if late.reminders > 2:
        contacts += people_with(HEAD)
    for contact in {c.person_id: c for c in contacts}.values():
        with force_locale(contact.locale):
            send_mail(contact.email, kind="late-claim-reminder",
                      subject=str(_l("Still waiting: %(what)s")) % {"what": str(subject) % {
                          "reference": award.reference}},
                      body=str(_l("The State waits for an answer to its late claim. Allow it or turn it down."))
                      + "\n\n" + absolute("late_claims.page", id=late.id) + "\n",
                      dedupe_key=f"late-claim-reminder:{late.id}:{late.state}:{late.reminders}:{contact.person_id}")


def moved(award: Award, late: LateClaim) -> None:
    """Tell whoever acts next, or the State how it ended."""
    if late.state in _TO_OFFICERS:
        permission, subject, body = _TO_OFFICERS[late.state]
        contacts = people_with(permission)
    elif late.state in _TO_STATE:
        subject, body = _TO_STATE[late.state]
        contacts = state_contacts(award)
    else:
        return
    for contact in contacts:
        with force_locale(contact.locale):
            send_mail(contact.email, kind=f"late-claim-{late.state}",
                      subject=str(subject) % {"reference": award.reference},
                      body=f"{body}\n\n" + absolute("late_claims.page", id=late.id) + "\n",
                      dedupe_key=f"late-claim:{late.id}:{late.state}:{contact.person_id}")
