"""Mails to donors and officers about money. Queued inside the command that is their reason; each at most once."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from flask_babel import gettext as _

from accounts.permissions import Contact, people_with
from accounts.queries import name as organisation_name
from accounts.service import in_language
from core import vault
from core.money import Money
from core.outbox import send_mail
from core.web.formats import format_money
from core.web.links import absolute
from sponsorship.contributions import links
from sponsorship.contributions.back_models import Dispute, Receipt, Refund
from sponsorship.contributions.models import Contribution, Pledge


def donor_name(pledge: Pledge) -> str:
    """Who gives, in the language in force; a dash once erased."""
    if pledge.organisation_id is not None:
        return organisation_name(pledge.organisation_id)
    return vault.unseal(pledge.id, pledge.donor_name_sealed) or "—"


def _recipients(pledge: Pledge) -> Iterator[tuple[str, str, str]]:
    """(address, language, key part) of everybody who answers for the donor."""
    if pledge.organisation_id is not None:
        for contact in people_with("contribution.own", pledge.organisation_id):
            yield contact.email, contact.locale, contact.person_id.hex
        return
    address = vault.unseal(pledge.id, pledge.donor_email_sealed)
    if address:
        yield address, pledge.locale, "donor"


def _paid(contribution: Contribution) -> str:
    """What the donor paid, in the currency it was paid in."""
    assert contribution.paid_minor is not None and contribution.paid_currency is not None
    return _amount(contribution.paid_minor, contribution.paid_currency)


def _amount(minor: int, currency: str) -> str:
    return format_money(Money(minor, currency))


def pledge_made(pledge: Pledge) -> None:
    """Thanks, the reference, where to pay."""
    for address, locale, part in _recipients(pledge):
        with in_language(locale):
            send_mail(
                address, kind="pledge.made", dedupe_key=f"pledge:{pledge.id.hex}:made:{part}",
                subject=_("%(reference)s: your pledge of %(amount)s", reference=pledge.reference,
                          amount=_amount(pledge.amount_minor, pledge.currency)),
                body=_("Your pledge has been recorded.\n\nReference: %(reference)s\nDonor: %(donor)s\n"
                       "Amount: %(amount)s\n\nSee it, and pay it, here:\n%(link)s\n\n"
                       "Keep this link to yourself: whoever has it can see the pledge.",
                       reference=pledge.reference, donor=donor_name(pledge),
                       amount=_amount(pledge.amount_minor, pledge.currency), link=links.pledge_url(pledge)),
            )


def payment_waits(pledge: Pledge, contribution: Contribution) -> None:
    """Money has come and waits for acceptance: the donor and the head of the fund are told."""
    gross = _paid(contribution)
    for address, locale, part in _recipients(pledge):
        with in_language(locale):
            send_mail(
                address, kind="contribution.waits", dedupe_key=f"ctr:{contribution.id.hex}:waits:{part}",
                subject=_("%(reference)s: your payment has reached us", reference=pledge.reference),
                body=_("We have received %(amount)s.\n\nContributions that do not come under an exchange of letters "
                       "are accepted by the head of the fund after a check. You will get the receipt then; a "
                       "contribution that is not accepted goes back in full.\n\n%(link)s",
                       amount=gross, link=links.pledge_url(pledge)),
            )
    for contact in people_with("contribution.accept"):
        _officer(contact, contribution, "accept",
                 lambda: _("%(reference)s waits for your acceptance", reference=contribution.reference),
                 lambda: _("%(amount)s has been received and waits for acceptance.", amount=gross))


def paper_issued(pledge: Pledge, contribution: Contribution, paper: Receipt) -> None:
    """The number of a receipt or credit note and where to read it."""
    amount = _amount(paper.amount_minor, paper.currency)
    for address, locale, part in _recipients(pledge):
        with in_language(locale):
            words = {"number": paper.number, "amount": amount, "reference": pledge.reference,
                     "link": links.receipt_url(pledge, contribution.id)}
            if paper.kind == "receipt":
                subject = _("%(number)s: receipt for %(amount)s, pledge %(reference)s", **words)
                body = _("Thank you. %(amount)s has been received and accepted.\n\nReceipt: %(number)s\n"
                         "Pledge: %(reference)s\n\n%(link)s", **words)
            else:
                subject = _("%(number)s: credit note for %(amount)s, pledge %(reference)s", **words)
                body = _("%(amount)s of your contribution has gone back to you. This note cancels so much of its "
                         "receipt.\n\nCredit note: %(number)s\nPledge: %(reference)s\n\n%(link)s", **words)
            send_mail(address, kind=f"contribution.{paper.kind.replace('_', '-')}", subject=subject, body=body,
                      dedupe_key=f"paper:{paper.id.hex}:{part}")


def refund_begun(pledge: Pledge, contribution: Contribution) -> None:
    """The contribution was not accepted; the money goes back."""
    for address, locale, part in _recipients(pledge):
        with in_language(locale):
            send_mail(
                address, kind="contribution.refund", dedupe_key=f"ctr:{contribution.id.hex}:refund:{part}",
                subject=_("%(reference)s: your payment is being returned", reference=pledge.reference),
                body=_("Your payment of %(amount)s could not be accepted and is being returned in full to the card "
                       "it came from. This usually takes five to ten days.\n\n%(link)s",
                       amount=_paid(contribution),
                       link=links.pledge_url(pledge)),
            )


def refund_failed(contribution: Contribution, refund: Refund) -> None:
    """Officers learn that a refund did not get through."""
    for contact in people_with("contribution.refund"):
        _officer(contact, contribution, f"refund-failed:{refund.id.hex[-12:]}",
                 lambda: _("%(reference)s: the refund failed", reference=contribution.reference),
                 lambda: _("Stripe could not pay %(amount)s back. Send it again, or agree another way with the donor.",
                           amount=_amount(refund.amount_minor, refund.currency)))


def refund_requested(contribution: Contribution, refund: Refund) -> None:
    """Whoever may approve learns that somebody asked for a refund or a correction."""
    amount = _amount(refund.amount_minor, refund.currency)
    for contact in people_with("contribution.refund.approve"):
        if contact.person_id != refund.requested_by:
            _officer(contact, contribution, f"refund-asked:{refund.id.hex[-12:]}",
                     lambda: _("%(reference)s: a refund waits for your approval", reference=contribution.reference),
                     lambda: _("%(amount)s is to go back, or to be taken out of the books. Look at it, and approve it "
                               "or not.", amount=amount))


def refund_by_others(contribution: Contribution, refund: Refund) -> None:
    """Officers learn of a refund that nobody ordered here."""
    for contact in people_with("contribution.refund"):
        _officer(contact, contribution, f"refund-elsewhere:{refund.id.hex[-12:]}",
                 lambda: _("%(reference)s: refunded at Stripe", reference=contribution.reference),
                 lambda: _("%(amount)s was sent back at Stripe itself; nobody ordered it here. It stands in the books. "
                           "If money promised to delegates is missing now, payments from that pool have stopped.",
                           amount=_amount(refund.amount_minor, refund.currency)))


def dispute_opened(contribution: Contribution, dispute: Dispute) -> None:
    """Officers learn that a donor's bank takes money back, and by when to answer."""
    for contact in people_with("contribution.refund"):
        _officer(contact, contribution, f"dispute:{dispute.id.hex[-12:]}",
                 lambda: _("%(reference)s: the payment is disputed", reference=contribution.reference),
                 lambda: _("The donor's bank disputes %(amount)s. Answer it at Stripe by the date that stands on the "
                           "page.", amount=_amount(dispute.amount_minor, dispute.currency)))


def dispute_closed(contribution: Contribution, dispute: Dispute) -> None:
    """Officers learn how a dispute ended."""
    for contact in people_with("contribution.refund"):
        _officer(contact, contribution, f"dispute-{dispute.state}:{dispute.id.hex[-12:]}",
                 lambda: _("%(reference)s: the dispute has ended", reference=contribution.reference),
                 lambda: _("The dispute of %(amount)s has ended. The page says how.",
                           amount=_amount(dispute.amount_minor, dispute.currency)))


def _officer(
    contact: Contact, contribution: Contribution, key: str, subject: Callable[[], str], words: Callable[[], str]
) -> None:
    with in_language(contact.locale):
        link = absolute("contributions.contribution", contribution_id=contribution.id)
        send_mail(contact.email, kind=f"contribution.{key.split(':')[0]}",
                  dedupe_key=f"ctr:{contribution.id.hex}:{key}:{contact.person_id.hex}",
                  subject=subject(), body=f"{words()}\n\n{link}")
