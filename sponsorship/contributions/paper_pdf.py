"""A receipt or credit note as an official paper."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from flask import current_app
from flask_babel import get_locale
from flask_babel import gettext as _

from core.pdf import Amount, Block, Document, Facts, Note, Paragraph, inline
from sponsorship.contributions.back_lists import METHODS
from sponsorship.contributions.paper_queries import PaperPage


def paper_document(page: PaperPage) -> Document:
    """The paper in the reader's language, on one page. What came after it (a credit note that cancels it) stands on it
    too, so that nobody reads more out of it than still holds."""
    row, demo = page.row, current_app.extensions["placard_settings"].env == "demo"
    blocks: list[Block] = [
        Paragraph(_("The fund has received and accepted, with thanks:") if row.is_receipt else
                  _("So much of a contribution has gone back to its donor. This note cancels so much of receipt "
                    "%(number)s:", number=inline(row.cancels))),
        Amount(_("Received") if row.is_receipt else _("Gone back"), row.amount),
        Facts(paper_facts(page)),
    ]
    if row.is_receipt and page.cancelled:
        numbers = ", ".join(other.number for other in page.others if other.cancels == row.number)
        blocks.append(Paragraph(_("Of this, %(amount)s has been cancelled since by: %(numbers)s.",
                                  amount=inline(page.cancelled), numbers=inline(numbers))))
    blocks += [Note(words) for words in paper_notes(page)]
    return Document(
        reference=row.number, title=_("Receipt") if row.is_receipt else _("Credit note"),
        language=str(get_locale() or "en").replace("_", "-"), day=row.issued_at.astimezone(UTC).date(), blocks=blocks,
        issuer=(_("Voluntary sponsorship fund of the Programme of Action"),
                _("General Assembly resolution 68/48, paragraph 18")),
        addressee=(row.donor,), footer=_("Issued electronically; this paper bears no signature."),
        mark=_("Demonstration") if demo else None,
    )


def paper_facts(page: PaperPage) -> list[tuple[Any, Any]]:
    """What a paper says, with its labels: on the page and on paper alike."""
    row = page.row
    facts: list[tuple[Any, Any]] = [
        (_("From") if row.is_receipt else _("To"), row.donor),
        (_("For"), page.purpose),
        (_("Received") if row.is_receipt else _("Contribution received"),
         page.value_date or page.received_on.astimezone(UTC).date()),
        (_("Paid by"), METHODS.get(page.method, page.method)),
    ]
    if row.cancels:
        facts.append((_("Cancels"), row.cancels))
    if page.agreement_reference:
        facts.append((_("Contribution agreement"), page.agreement_reference))
    facts += [(_("Pledge"), row.pledge_reference), (_("Contribution"), row.contribution_reference)]
    if row.amount.currency != "USD":
        facts.append((_("Worth in US dollars"), row.usd))
        facts.append((_("Rate of exchange"), _("%(rate)s %(currency)s for 1 US dollar", rate=page.rate,
                                               currency=row.amount.currency)))
        facts += [(_("Source of the rate"), page.rate_source), (_("Rate of"), page.rate_day)]
    if page.exchange:
        facts.append((_("Exchange difference, the fund’s"), page.exchange))
    if page.fee is not None and page.net is not None:
        facts += [(_("Fee of the payment"), page.fee), (_("Net, at the fund’s disposal"), page.net)]
    return facts


def paper_notes(page: PaperPage) -> list[str]:
    """The small print."""
    if not page.row.is_receipt:
        return [_("No money is asked for by this note. What remains of the receipt stands.")]
    notes = [_("The amount received is what the donor paid. Banks and the payment provider keep their fee; the fund "
               "has the rest.")]
    if page.row.amount.currency != "USD":
        notes.append(_("The books of the fund are kept in US dollars. The rate of the day of the deposit gives the "
                       "worth of the contribution; what its exchange really brought beyond that, or short of it, is "
                       "the fund’s."))
    return notes
