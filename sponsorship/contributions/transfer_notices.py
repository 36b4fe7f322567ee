"""Mails about bank transfers: to the donor who announced one, and to the officers who look for it on the statement."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _

from accounts.service import in_language
from core.outbox import send_mail
from core.web.formats import format_day
from sponsorship.contributions import links
from sponsorship.contributions.models import Contribution, Pledge
from sponsorship.contributions.notices import amount_text, recipients, to_officers


def _words(pledge: Pledge, row: Contribution) -> dict[str, str]:
    return {"reference": pledge.reference, "contribution": row.reference,
            "amount": amount_text(row.amount_minor, row.currency), "link": links.pledge_url(pledge),
            "day": format_day(row.declared_on) if row.declared_on else "—"}


def announced(pledge: Pledge, row: Contribution) -> None:
    """The donor is thanked, the officers look for the money."""
    for address, locale, part in recipients(pledge):
        with in_language(locale):
            words = _words(pledge, row)
            send_mail(
                address, kind="transfer.announced", dedupe_key=f"ctr:{row.id.hex}:announced:{part}",
                subject=_("%(reference)s: your transfer of %(amount)s is announced", **words),
                body=_("You told us that you sent %(amount)s on %(day)s. We write again when it stands on our bank’s "
                       "statement. If nothing was sent, take the announcement back here:\n\n%(link)s", **words))
    to_officers(
        "contribution.deposit", row, "announced",
        lambda: _("%(contribution)s: look for a transfer of %(amount)s", **_words(pledge, row)),
        lambda: _("The donor says that %(amount)s was sent on %(day)s with the reference %(reference)s. Confirm it "
                  "from the bank’s statement, or say that it did not arrive.", **_words(pledge, row)))


def taken_back(pledge: Pledge, row: Contribution) -> None:
    """The officers need not look any more."""
    to_officers(
        "contribution.deposit", row, "taken-back",
        lambda: _("%(contribution)s: the announcement was taken back", **_words(pledge, row)),
        lambda: _("The donor says that the transfer of %(amount)s was not sent. You need not look for it.",
                  **_words(pledge, row)))


def not_arrived(pledge: Pledge, row: Contribution, reason: Any) -> None:
    """The donor learns that the money was not found, and what to do."""
    for address, locale, part in recipients(pledge):
        with in_language(locale):
            words = _words(pledge, row)
            send_mail(
                address, kind="transfer.not-arrived", dedupe_key=f"ctr:{row.id.hex}:{row.version}:not-arrived:{part}",
                subject=_("%(reference)s: your transfer did not arrive", **words),
                body=_("We could not find the %(amount)s that you announced for %(day)s: %(reason)s.\n\nPlease ask "
                       "your bank whether it was sent, and with which reference. Your pledge stands; if the money was "
                       "sent, announce it again here:\n\n%(link)s", reason=reason, **words))
