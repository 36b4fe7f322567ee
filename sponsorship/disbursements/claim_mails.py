"""Mails after the journey: claims, money asked back, reports. Amounts stand on the page, never in a mail."""

from __future__ import annotations

from flask_babel import force_locale
from flask_babel import gettext as _

from accounts.permissions import Contact, allows, people_with
from core.actor import person
from core.outbox import send_mail
from core.web.formats import format_instant
from core.web.links import absolute
from sponsorship.awards.models import Award
from sponsorship.disbursements.claim_models import Claim, DelegateReport, Recovery
from sponsorship.disbursements.settings import setting

HEAD = "award.decide"


def state_contacts(award: Award) -> list[Contact]:
    """The State's focal points, and the nominee where the award names an account."""
    return [c for c in people_with("claim.submit", award.organisation_id)
            if c.person_id == award.beneficiary_id or _is_focal(c, award)]


def _is_focal(contact: Contact, award: Award) -> bool:
    return allows(person(contact.person_id), "award.answer", award.organisation_id)


def wanted(award: Award, claim: Claim) -> None:
    """The journey is over. Where the award ended before, only the officers are told."""
    if award.state != "accepted":
        for contact in people_with("claim.settle"):
            with force_locale(contact.locale):
                send_mail(contact.email, kind="claim-ended",
                          subject=_("Payments of %(reference)s to be accounted for", reference=award.reference),
                          body=_("The award ended after money was paid. Say on this page whether it is asked back.")
                          + "\n\n" + absolute("claims.claim_page", id=claim.id) + "\n",
                          dedupe_key=f"claim-ended:{claim.id}:{contact.person_id}")
        return
    zone = setting("office_zone", claim.due_at.date())
    for contact in state_contacts(award):
        with force_locale(contact.locale):
            send_mail(
                contact.email, kind="claim-wanted",
                subject=_("Travel claim and report due: award %(reference)s", reference=award.reference),
                body=_("The journey is over. Please send the claim with the boarding passes by %(when)s. If everything "
                       "was as planned, that is all. A short report of the delegate is due as well.",
                       when=format_instant(claim.due_at, zone))
                + "\n\n" + absolute("claims.claim_page", id=claim.id) + "\n",
                dedupe_key=f"claim-wanted:{claim.id}:{contact.person_id}")


def returned(award: Award, claim: Claim) -> None:
    for contact in state_contacts(award):
        with force_locale(contact.locale):
            send_mail(
                contact.email, kind="claim-returned",
                subject=_("The claim of award %(reference)s needs completion", reference=award.reference),
                body=_("The claim could not be settled. The page says what is missing.")
                + "\n\n" + absolute("claims.claim_page", id=claim.id) + "\n",
                dedupe_key=f"claim-returned:{claim.id}:{claim.version}:{contact.person_id}")


def reminder(award: Award, claim: Claim) -> None:
    zone = setting("office_zone", claim.due_at.date())
    for contact in state_contacts(award):
        with force_locale(contact.locale):
            send_mail(
                contact.email, kind="claim-reminder",
                subject=_("Reminder: travel claim of award %(reference)s", reference=award.reference),
                body=_("The claim with the boarding passes is due by %(when)s. Without it the money paid in advance is "
                       "asked back.", when=format_instant(claim.due_at, zone))
                + "\n\n" + absolute("claims.claim_page", id=claim.id) + "\n",
                dedupe_key=f"claim-reminder:{claim.id}:{claim.version}:{contact.person_id}")


def overdue(award: Award, claim: Claim) -> None:
    """To the State, and to the officers who may close it."""
    seen = {c.person_id: c for c in [*state_contacts(award), *people_with("claim.settle")]}
    for contact in seen.values():
        with force_locale(contact.locale):
            send_mail(
                contact.email, kind="claim-overdue",
                subject=_("Overdue: travel claim of award %(reference)s", reference=award.reference),
                body=_("No claim has come in time. Until it is settled the final share is not paid, and the advance "
                       "may be asked back.") + "\n\n" + absolute("claims.claim_page", id=claim.id) + "\n",
                dedupe_key=f"claim-overdue:{claim.id}:{claim.version}:{contact.person_id}")


def asked_back(award: Award, recovery: Recovery) -> None:
    _recovery(award, recovery, "recovery-asked", state_contacts(award))


def recovery_reminder(award: Award, recovery: Recovery, overdue_: bool) -> None:
    """To the State; once overdue also to the officers and the head of the fund. Notice only."""
    contacts = state_contacts(award)
    if overdue_:
        contacts += people_with("recovery.record") + people_with(HEAD)
    _recovery(award, recovery, "recovery-reminder", list({c.person_id: c for c in contacts}.values()))


def _recovery(award: Award, recovery: Recovery, kind: str, contacts: list[Contact]) -> None:
    zone = setting("office_zone", recovery.due_at.date())
    for contact in contacts:
        with force_locale(contact.locale):
            words = {"reference": recovery.reference, "award": award.reference}
            subject = (_("Money to be paid back: %(reference)s", **words) if kind == "recovery-asked"
                       else _("Reminder: money to be paid back, %(reference)s", **words))
            words["when"] = format_instant(recovery.due_at, zone)
            why = (_("A payment for award %(award)s was made twice: the bank paid an earlier one after all. The page "
                     "says how much is to be paid back, and how; by %(when)s.", **words) if recovery.loss_id is not None
                   else _("More was paid for award %(award)s than the journey was worth. The page says how much is "
                          "to be paid back, why, and how; by %(when)s.", **words))
            send_mail(
                contact.email, kind=kind, subject=subject, body=why
                + "\n\n" + absolute("claims.recovery_page", id=recovery.id) + "\n",
                dedupe_key=f"{kind}:{recovery.id}:{recovery.reminders}:{contact.person_id}")


def report_reminder(award: Award, report: DelegateReport) -> None:
    zone = setting("office_zone", report.due_at.date())
    for contact in state_contacts(award):
        with force_locale(contact.locale):
            send_mail(
                contact.email, kind="report-reminder",
                subject=_("Reminder: report of the sponsored delegate, %(reference)s", reference=award.reference),
                body=_("The short report is due by %(when)s. Whether it came is visible in the next call.",
                       when=format_instant(report.due_at, zone))
                + "\n\n" + absolute("claims.report_page", id=report.id) + "\n",
                dedupe_key=f"report-reminder:{report.id}:{contact.person_id}")
