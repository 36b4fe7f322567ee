"""Mails about late claims. Reasons and amounts stand on the page, never in a mail."""

from __future__ import annotations

from flask_babel import force_locale
from flask_babel import lazy_gettext as _l

from accounts.permissions import people_with
from core.outbox import send_mail
from core.web.links import absolute
from sponsorship.awards.models import Award
from sponsorship.disbursements.claim_mails import state_contacts
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
