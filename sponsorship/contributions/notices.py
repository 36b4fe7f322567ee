"""Mails to donors and officers about money. Queued inside the command that is their reason; each at most once."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from functools import partial

from flask_babel import gettext as _

from accounts.permissions import people_with
from accounts.queries import name as organisation_name
from accounts.service import in_language
from core import vault
from core.money import Money
from core.outbox import send_mail
from core.web.formats import format_instant, format_money
from core.web.links import absolute
from sponsorship.contributions import links
from sponsorship.contributions.back_models import Dispute, Receipt, Refund
from sponsorship.contributions.models import Contribution, Pledge
from sponsorship.contributions.transitions import DISPUTE


def donor_name(pledge: Pledge) -> str:
    """Who gives, in the language in force; a dash once erased."""
    if pledge.organisation_id is not None:
        return organisation_name(pledge.organisation_id)
    return vault.unseal(pledge.id, pledge.donor_name_sealed) or "—"


def recipients(pledge: Pledge) -> Iterator[tuple[str, str, str]]:
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
    return amount_text(contribution.paid_minor, contribution.paid_currency)


def amount_text(minor: int, currency: str) -> str:
    """An amount as mails write it."""
    return format_money(Money(minor, currency))


def pledge_made(pledge: Pledge) -> None:
    """Thanks, the reference, where to pay."""
    for address, locale, part in recipients(pledge):
        with in_language(locale):
            send_mail(
                address, kind="pledge.made", dedupe_key=f"pledge:{pledge.id.hex}:made:{part}",
                subject=_("%(reference)s: your pledge of %(amount)s", reference=pledge.reference,
                          amount=amount_text(pledge.amount_minor, pledge.currency)),
                body=_("Your pledge has been recorded.\n\nReference: %(reference)s\nDonor: %(donor)s\n"
                       "Amount: %(amount)s\n\nSee it, and pay it, here:\n%(link)s\n\n"
                       "Keep this link to yourself: whoever has it can see the pledge.",
                       reference=pledge.reference, donor=donor_name(pledge),
                       amount=amount_text(pledge.amount_minor, pledge.currency), link=links.pledge_url(pledge)),
            )


def payment_waits(pledge: Pledge, contribution: Contribution, *, unchecked: bool) -> None:
    """Money has come and waits for acceptance: the donor is told, and whoever acts next. `unchecked`: the donor must be
    checked first."""
    gross = partial(_paid, contribution)
    for address, locale, part in recipients(pledge):
        with in_language(locale):
            send_mail(
                address, kind="contribution.waits", dedupe_key=f"ctr:{contribution.id.hex}:waits:{part}",
                subject=_("%(reference)s: your payment has reached us", reference=pledge.reference),
                body=_("We have received %(amount)s.\n\nContributions that do not come under an exchange of letters "
                       "are accepted by the head of the fund after a check. You will get the receipt then; a "
                       "contribution that is not accepted goes back in full.\n\n%(link)s",
                       amount=gross(), link=links.pledge_url(pledge)),
            )
    if unchecked:
        to_officers(
            "contribution.check", contribution, "check",
            lambda: _("%(reference)s: check the donor", reference=contribution.reference),
            lambda: _("%(amount)s has been received. Before the head of the fund can accept it, the donor is to be "
                      "checked.", amount=gross()))
    else:
        may_be_accepted(contribution)


def may_be_accepted(contribution: Contribution) -> None:
    """Whoever accepts learns that nothing stands in the way any more."""
    gross = partial(_paid, contribution)
    to_officers(
        "contribution.accept", contribution, "accept",
        lambda: _("%(reference)s waits for your acceptance", reference=contribution.reference),
        lambda: _("%(amount)s has been received and waits for acceptance.", amount=gross()))


def not_clear(contribution: Contribution) -> None:
    """The check of the donor was not clear: the money is to go back."""
    gross = partial(_paid, contribution)
    to_officers(
        "contribution.refund", contribution, "not-clear",
        lambda: _("%(reference)s: the donor was not found clear", reference=contribution.reference),
        lambda: _("%(amount)s cannot be accepted: pay it back.", amount=gross()))


def paper_issued(pledge: Pledge, contribution: Contribution, paper: Receipt) -> None:
    """The number of a receipt or credit note and where to read it."""
    for address, locale, part in recipients(pledge):
        with in_language(locale):
            amount = amount_text(paper.amount_minor, paper.currency)
            words = {"number": paper.number, "amount": amount, "reference": pledge.reference,
                     "link": links.paper_url(pledge, paper.id)}
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


def refund_begun(pledge: Pledge, contribution: Contribution, refund: Refund) -> None:
    """Money is on its way back to the donor: all of a contribution that was not accepted, or (part of) one that was."""
    for address, locale, part in recipients(pledge):
        with in_language(locale):
            words = {"reference": pledge.reference, "amount": amount_text(refund.amount_minor, refund.currency),
                     "link": links.pledge_url(pledge)}
            if refund.kind == "refusal":
                what = _("Your payment could not be accepted: %(amount)s is being returned.", **words)
            else:
                what = _("%(amount)s of your contribution is being returned. A credit note follows.", **words)
            if contribution.stripe_payment_intent_id is None:
                how = _("It goes by bank transfer to the account it came from.")
            else:
                how = _("It goes the way it came; with a card this usually takes five to ten days.")
            send_mail(address, kind="contribution.refund", dedupe_key=f"refund:{refund.id.hex}:begun:{part}",
                      subject=_("%(reference)s: %(amount)s is being returned", **words),
                      body=f"{what} {how}\n\n{words['link']}")


def deposit_corrected(pledge: Pledge, contribution: Contribution, refund: Refund) -> None:
    """The donor learns that a deposit was recorded by mistake."""
    for address, locale, part in recipients(pledge):
        with in_language(locale):
            words = {"reference": pledge.reference, "amount": amount_text(refund.amount_minor, refund.currency)}
            send_mail(
                address, kind="contribution.corrected", dedupe_key=f"refund:{refund.id.hex}:corrected:{part}",
                subject=_("%(reference)s: a deposit was recorded by mistake", **words),
                body=_("We had recorded a deposit of %(amount)s for your pledge by mistake, and have taken it out of "
                       "our books. No money has moved. We are sorry for the confusion.", **words)
                + f"\n\n{links.pledge_url(pledge)}")


def refund_failed(contribution: Contribution, refund: Refund) -> None:
    """Officers learn that a refund did not get through."""
    amount = partial(amount_text, refund.amount_minor, refund.currency)
    to_officers(
        "contribution.refund", contribution, f"refund-failed:{refund.id.hex[-12:]}",
        lambda: _("%(reference)s: the refund failed", reference=contribution.reference),
        lambda: _("Stripe could not pay %(amount)s back. Send it again, or agree another way with the donor.",
                  amount=amount()))


def refund_requested(contribution: Contribution, refund: Refund) -> None:
    """Whoever may approve learns that somebody asked for a refund or a correction."""
    amount = partial(amount_text, refund.amount_minor, refund.currency)
    to_officers(
        "contribution.refund.approve", contribution, f"refund-asked:{refund.id.hex[-12:]}",
        lambda: _("%(reference)s: a refund waits for your approval", reference=contribution.reference),
        lambda: _("%(amount)s is to go back, or to be taken out of the books. Look at it, and approve it or not.",
                  amount=amount()),
        but=refund.requested_by, url=lambda: absolute("contributions.refund", refund_id=refund.id))


def refund_declined(contribution: Contribution, refund: Refund) -> None:
    """Whoever asked for a refund learns that it was not approved."""
    amount = partial(amount_text, refund.amount_minor, refund.currency)
    to_officers(
        "contribution.refund", contribution, f"refund-declined:{refund.id.hex[-12:]}",
        lambda: _("%(reference)s: the refund was not approved", reference=contribution.reference),
        lambda: _("The refund of %(amount)s was not approved. The page says why.", amount=amount()),
        only=refund.requested_by, url=lambda: absolute("contributions.refund", refund_id=refund.id))


def refund_to_transfer(contribution: Contribution, refund: Refund) -> None:
    """Money that came by bank transfer is to be sent back by the bank; somebody records what the bank did."""
    amount = partial(amount_text, refund.amount_minor, refund.currency)
    to_officers(
        "contribution.deposit", contribution, f"refund-transfer:{refund.id.hex[-12:]}",
        lambda: _("%(reference)s: have the bank send %(amount)s back", reference=contribution.reference,
                  amount=amount()),
        lambda: _("%(amount)s is to go back by bank transfer. Once the bank has sent it, record its reference.",
                  amount=amount()),
        url=lambda: absolute("contributions.refund", refund_id=refund.id))


def refund_by_others(contribution: Contribution, refund: Refund) -> None:
    """Officers learn of a refund that nobody ordered here."""
    amount = partial(amount_text, refund.amount_minor, refund.currency)
    to_officers(
        "contribution.refund", contribution, f"refund-elsewhere:{refund.id.hex[-12:]}",
        lambda: _("%(reference)s: refunded at Stripe", reference=contribution.reference),
        lambda: _("%(amount)s was sent back at Stripe itself; nobody ordered it here. It stands in the books. If money "
                  "promised to delegates is missing now, payments from that pool have stopped.", amount=amount()))


def dispute_opened(contribution: Contribution, dispute: Dispute) -> None:
    """Officers learn that a donor's bank takes money back (or asks), and by when to answer."""
    amount = partial(amount_text, dispute.amount_minor, dispute.currency)
    by = dispute.respond_by
    to_officers(
        "contribution.refund", contribution, f"dispute:{dispute.id.hex[-12:]}",
        lambda: _("%(reference)s: the payment is disputed", reference=contribution.reference),
        lambda: _("The donor’s bank disputes %(amount)s. Answer it at Stripe by %(day)s, or say that you will not.",
                  amount=amount(), day=format_instant(by)) if by else
        _("The donor’s bank disputes %(amount)s. Answer it at Stripe, or say that you will not.", amount=amount()),
        url=lambda: absolute("contributions.dispute", dispute_id=dispute.id))


def dispute_closed(contribution: Contribution, dispute: Dispute) -> None:
    """Officers learn how a dispute ended."""
    amount = partial(amount_text, dispute.amount_minor, dispute.currency)
    outcome = DISPUTE.state(dispute.state).label
    to_officers(
        "contribution.refund", contribution, f"dispute-{dispute.state}:{dispute.id.hex[-12:]}",
        lambda: _("%(reference)s: the dispute has ended", reference=contribution.reference),
        lambda: _("The dispute of %(amount)s has ended: %(outcome)s.", amount=amount(), outcome=outcome),
        url=lambda: absolute("contributions.dispute", dispute_id=dispute.id))


def to_officers(
    permission: str, contribution: Contribution, key: str, subject: Callable[[], str], words: Callable[[], str], *,
    but: uuid.UUID | None = None, only: uuid.UUID | None = None, url: Callable[[], str] | None = None,
) -> None:
    """Write to everybody who holds the permission (`but` one, or `only` one), each in their language, each once for
    this `key` of the contribution; the mail ends with the page to go to."""
    for contact in people_with(permission):
        if contact.person_id == but or (only is not None and contact.person_id != only):
            continue
        with in_language(contact.locale):
            link = url() if url else absolute("contributions.contribution", contribution_id=contribution.id)
            send_mail(contact.email, kind=f"contribution.{key.split(':')[0]}",
                      dedupe_key=f"ctr:{contribution.id.hex}:{key}:{contact.person_id.hex}",
                      subject=subject(), body=f"{words()}\n\n{link}")
