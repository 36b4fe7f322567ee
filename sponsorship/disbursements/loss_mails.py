"""Mails about money of a payment that is gone. They name no payee."""

from __future__ import annotations

from flask_babel import force_locale
from flask_babel import gettext as _

from accounts.permissions import people_with
from core.outbox import send_mail
from core.web.links import absolute
from sponsorship.disbursements.loss_models import PaymentLoss
from sponsorship.disbursements.models import Disbursement


def _tell(permissions: tuple[str, ...], row: Disbursement, loss: PaymentLoss, kind: str, alarm: bool) -> None:
    contacts = {c.person_id: c for permission in permissions for c in people_with(permission)}
    contacts.pop(loss.asked_by, None)
    for contact in contacts.values():
        with force_locale(contact.locale):
            subject, body = _words(row, loss, alarm)
            send_mail(contact.email, kind=kind, subject=subject,
                      body=body + "\n\n" + absolute("losses.loss_page", id=loss.id) + "\n",
                      dedupe_key=f"{kind}:{loss.id}:{contact.person_id}")


def _words(row: Disbursement, loss: PaymentLoss, alarm: bool) -> tuple[str, str]:
    if loss.bank_reference is not None:
        return (_("Alarm: payment %(reference)s may have been made already", reference=row.reference),
                _("The bank says that an earlier release of this payment was paid after all. Do not hand a file with "
                  "it to the bank; Placard refuses it until two people have decided."))
    if alarm:
        return (_("Cash of payment %(reference)s is missing", reference=row.reference),
                _("A paymaster reports cash as lost, stolen or short. Another person must look at the report and "
                  "agree, or refuse. The payee is still to be paid."))
    return (_("Cash of payment %(reference)s is to be replaced", reference=row.reference),
            _("Two people agree that cash is gone; the pool bears it. Fetch the same amount for the paymaster: the "
              "payee is still to be paid by the same list."))


def paid_before(row: Disbursement, loss: PaymentLoss) -> None:
    """At once to those who decide, to whoever might hand the file over, and to the head of the fund."""
    _tell(("disbursement.resolve", "disbursement.release"), row, loss, "payment-paid-before", True)


def cash_missing(row: Disbursement, loss: PaymentLoss) -> None:
    """To those who decide."""
    _tell(("disbursement.resolve",), row, loss, "cash-missing", True)


def replace_cash(row: Disbursement, loss: PaymentLoss) -> None:
    """To those who fetch cash, and the paymasters."""
    _tell(("disbursement.release", "paymaster.pay"), row, loss, "cash-to-replace", False)
