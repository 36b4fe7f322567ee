"""Mails about payments: requests for bank data, reminders, escalation. Never amounts with names, never bank data."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable

from flask_babel import force_locale
from flask_babel import gettext as _

from accounts.permissions import Contact, alternates_with, people_with
from core.outbox import send_mail
from core.web.formats import format_instant
from core.web.links import absolute
from sponsorship.awards.models import Award
from sponsorship.disbursements.answer_models import Finding
from sponsorship.disbursements.models import Disbursement, Payee
from sponsorship.disbursements.settings import setting
from sponsorship.disbursements.transitions import BACK, DISBURSEMENT

# who acts next in each state
ACTS: dict[str, str] = {
    "draft": "disbursement.request", "requested": "disbursement.certify", "certified": "disbursement.approve",
    "approved": "disbursement.release", "ready": "disbursement.release", "released": "disbursement.release",
    "sent": "disbursement.confirm", "unknown": "disbursement.confirm",
    **dict.fromkeys(BACK, "disbursement.request"),
}
HEAD = "award.decide"


def bank_data_wanted(award: Award, payee: Payee) -> None:
    """Ask the State's focal points (and the nominee, with an account) for the bank data."""
    for contact in people_with("payee.enter", award.organisation_id):
        with force_locale(contact.locale):
            send_mail(
                contact.email, kind="payee-wanted",
                subject=_("Bank data needed for award %(reference)s", reference=award.reference),
                body=_("The award is accepted. So that the payments arrive before travel, please give the bank data of "
                       "the person who travels on this page. Bank data is never asked for, nor changed, by e-mail.")
                + "\n\n" + absolute("payees.payee_page", id=payee.id) + "\n",
                dedupe_key=f"payee-wanted:{payee.id}:{payee.version}:{contact.person_id}",
            )


def identity_wanted(award: Award, payee: Payee) -> None:
    """Paid in cash on arrival: ask for the paper that the paymaster will check."""
    for contact in people_with("payee.enter", award.organisation_id):
        with force_locale(contact.locale):
            send_mail(
                contact.email, kind="payee-wanted",
                subject=_("Identity needed for award %(reference)s", reference=award.reference),
                body=_("What is due on arrival will be paid in cash by a paymaster, who checks the identity of the "
                       "person who travels. Please give the paper that the person will show on this page. It is never "
                       "asked for, nor changed, by e-mail.")
                + "\n\n" + absolute("payees.payee_page", id=payee.id) + "\n",
                dedupe_key=f"payee-identity:{payee.id}:{payee.version}:{contact.person_id}",
            )


def bank_data_returned(award: Award, payee: Payee) -> None:
    """The data could not be verified: the reason stands on the page, not in the mail."""
    for contact in people_with("payee.enter", award.organisation_id):
        with force_locale(contact.locale):
            send_mail(
                contact.email, kind="payee-returned",
                subject=_("Payee data of award %(reference)s needs correction", reference=award.reference),
                body=_("The bank data or identity could not be verified against its proof. The page says what to "
                       "correct.")
                + "\n\n" + absolute("payees.payee_page", id=payee.id) + "\n",
                dedupe_key=f"payee-returned:{payee.id}:{payee.version}:{contact.person_id}",
            )


def bank_data_changed(award: Award, payee: Payee) -> None:
    """Whoever speaks for the State hears of every change, so that a false one is found."""
    for contact in people_with("award.answer", award.organisation_id):
        with force_locale(contact.locale):
            send_mail(
                contact.email, kind="payee-changed",
                subject=_("Payee data of award %(reference)s was changed", reference=award.reference),
                body=_("The bank data or identity for this award was changed. If you do not know of it, tell the "
                       "secretariat at once: payments wait until the new data is verified.")
                + "\n\n" + absolute("payees.payee_page", id=payee.id) + "\n",
                dedupe_key=f"payee-changed:{payee.id}:{payee.version}:{contact.person_id}",
            )


def _once(addresses: Iterable[str | None]) -> list[str]:
    return list(dict.fromkeys(a.strip().lower() for a in addresses if a and "@" in a))


def former_contact_alarmed(award: Award, payee: Payee, former: Iterable[str | None]) -> None:
    """To the address and the person behind the data that was changed, whoever changed it: a thief has one mailbox at
    most."""
    assert payee.frozen_until is not None
    zone = setting("office_zone", payee.frozen_until.date())
    for address in _once(former):
        send_mail(
            address, kind="payee-alarm",
            subject=_("Was this you? Payee data of award %(reference)s was changed", reference=award.reference),
            body=_("You gave the payee data for this award, or it is yours. Somebody has changed it. Nothing "
                   "is paid by the new data before it is verified, and not before %(when)s. If you do not know of the "
                   "change, tell the secretariat at once.", when=format_instant(payee.frozen_until, zone))
            + "\n\n" + absolute("payees.payee_page", id=payee.id) + "\n",
            dedupe_key=f"payee-alarm:{payee.id}:{payee.data_version}:{hashlib.sha256(address.encode()).hexdigest()[:16]}",
        )


def possible_match(payee: Payee, list_id: uuid.UUID) -> None:
    """To the finance officers who may look at possible matches. The mail names nobody."""
    for contact in people_with("sanctions.review"):
        with force_locale(contact.locale):
            send_mail(
                contact.email, kind="sanctions-match",
                subject=_("A check of a payee waits for two finance officers"),
                body=_("A payee may be a person on the Security Council’s Consolidated List. Two finance officers look "
                       "at it; nothing is certified or paid until then. It is confidential.")
                + "\n\n" + absolute("sanctions.matches") + "\n",
                dedupe_key=f"match:{payee.id}:{payee.data_version}:{list_id.hex[-12:]}:{contact.person_id}",
            )


def finding_asked(row: Disbursement, finding: Finding) -> None:
    """To those who may agree that a payment was, or was not, made; never to whoever says so."""
    for contact in people_with("disbursement.resolve"):
        if contact.person_id == finding.asked_by:
            continue
        with force_locale(contact.locale):
            send_mail(
                contact.email, kind="payment-finding",
                subject=_("Please look: what became of payment %(reference)s", reference=row.reference),
                body=_("Nobody knows from the bank whether this payment was made. An officer says what the papers "
                       "show, and another person must agree or refuse. Until then it is not paid again.")
                + "\n\n" + absolute("disbursements.disbursement_page", id=row.id) + "\n",
                dedupe_key=f"payment-finding:{finding.id}:{contact.person_id}",
            )


def _write(contacts: list[Contact], row: Disbursement, kind: str, escalated: bool) -> None:
    zone = setting("office_zone", row.due_at.date())
    for contact in contacts:
        with force_locale(contact.locale):
            state = str(DISBURSEMENT.state(row.state).label)
            subject = (
                _("Overdue: %(reference)s, %(state)s", reference=row.reference, state=state) if escalated
                else _("Due soon: %(reference)s, %(state)s", reference=row.reference, state=state)
            )
            assert row.act_by is not None
            body = _("%(reference)s stands at “%(state)s” and should move on by %(when)s. Payment falls due on "
                     "%(due)s.", reference=row.reference, state=state, when=format_instant(row.act_by, zone),
                     due=format_instant(row.due_at, zone))
            if escalated:
                body += "\n\n" + _("This mail informs you; it gives nobody another’s authority.")
            send_mail(contact.email, kind=kind, subject=subject,
                      body=f"{body}\n\n{absolute('disbursements.disbursement_page', id=row.id)}\n",
                      dedupe_key=f"{kind}:{row.id}:{row.version}:{contact.person_id}")


def remind(row: Disbursement) -> None:
    """To those who act next."""
    _write(people_with(ACTS[row.state]), row, "disbursement-reminder", escalated=False)


def escalate(row: Disbursement) -> bool:
    """To those who should have acted, and to their alternates; without an alternate to the head of the fund instead,
    which False tells. Notice only."""
    alternates = alternates_with(ACTS[row.state])
    seen: dict[object, Contact] = {}
    for contact in people_with(ACTS[row.state]) + (alternates or people_with(HEAD)):
        seen.setdefault(contact.person_id, contact)
    _write(list(seen.values()), row, "disbursement-overdue", escalated=True)
    return bool(alternates)


def tell_head(row: Disbursement) -> None:
    """To the head of the fund, when officers and alternates were told in vain. Notice only."""
    _write(people_with(HEAD), row, "disbursement-overdue-head", escalated=True)
