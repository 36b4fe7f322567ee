"""Mails about a file that must never leave. They name no payee."""

from __future__ import annotations

import uuid

from flask_babel import force_locale
from flask_babel import gettext as _

from accounts.permissions import people_with
from core.outbox import send_mail
from core.web.links import absolute
from sponsorship.disbursements.models import PaymentInstruction


def kept(instruction: PaymentInstruction, payments: int) -> None:
    """At once to whoever might hand it over, and to those who find out what became of it."""
    contacts = {c.person_id: c for permission in ("disbursement.release", "disbursement.resolve")
                for c in people_with(permission)}
    for contact in contacts.values():
        with force_locale(contact.locale):
            send_mail(
                contact.email, kind="instruction-kept",
                subject=_("Alarm: instruction %(number)s must not leave", number=instruction.number),
                body=_("An officer keeps this file back for good. If you have it, do not give it to the bank; if the "
                       "bank has it, ask the bank to hold it. Its payments (%(number)s) are unknown until the bank or "
                       "two people say what became of them.", number=payments)
                + "\n\n" + absolute("disbursements.instruction", id=instruction.id) + "\n",
                dedupe_key=f"instruction-kept:{instruction.id}:{contact.person_id}")


def asked(instruction: PaymentInstruction, payments: int, asked_by: uuid.UUID) -> None:
    """To those who may agree that none of it was paid; never to whoever says so."""
    for contact in people_with("disbursement.resolve"):
        if contact.person_id == asked_by:
            continue
        with force_locale(contact.locale):
            send_mail(
                contact.email, kind="instruction-unpaid",
                subject=_("Please look: was anything of instruction %(number)s paid?", number=instruction.number),
                body=_("An officer says that the papers show of %(number)s payments of a file kept back that none of "
                       "them was paid. Another person must agree or refuse. Until then none is paid again.",
                       number=payments)
                + "\n\n" + absolute("disbursements.instruction", id=instruction.id) + "\n",
                dedupe_key=f"instruction-unpaid:{instruction.id}:{asked_by.hex[-12:]}:{payments}:{contact.person_id}")
