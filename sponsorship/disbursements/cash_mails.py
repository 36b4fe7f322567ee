"""Mails about cash in a paymaster’s hand. They name no payee."""

from __future__ import annotations

import uuid

from flask_babel import force_locale
from flask_babel import gettext as _

from accounts.permissions import people_with
from core.outbox import send_mail
from core.web.links import absolute
from sponsorship.disbursements.models import Disbursement


def handed_over_despite(row: Disbursement, count_id: uuid.UUID) -> None:
    """At once to those who may stop all releases, and those who find out what became of a payment."""
    contacts = {c.person_id: c for permission in ("release.stop", "disbursement.resolve")
                for c in people_with(permission)}
    for contact in contacts.values():
        with force_locale(contact.locale):
            send_mail(
                contact.email, kind="cash-despite",
                subject=_("Alarm: cash of payment %(reference)s was handed over although it must not have been",
                          reference=row.reference),
                body=_("A paymaster records cash that was handed over while all releases were stopped, or to a payee "
                       "who was not to be paid, and says how it came to it. A second person counts it. What must "
                       "follow from it is yours to say.")
                + "\n\n" + absolute("disbursements.disbursement_page", id=row.id) + "\n",
                dedupe_key=f"cash-despite:{count_id}:{contact.person_id}")
