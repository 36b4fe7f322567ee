"""What happens next with a contribution, who acts, by when: for its page and for the desks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from flask_babel import gettext as _

from sponsorship.contributions.contribution_queries import ContributionPage
from sponsorship.contributions.dispute_words import ended, latest_live

ACCEPT_WITHIN = timedelta(days=14)  # the fund's own promise to donors, not a rule from elsewhere
FIND_WITHIN = timedelta(days=10)  # a transfer between banks of two countries takes less


@dataclass(frozen=True)
class Step:
    """What happens next, who acts, by when (an instant, a day, a word, or nothing)."""

    what: str
    who: str
    by: datetime | date | str | None = None


def _nobody() -> str:
    return _("Nobody needs to act")


def next_step(page: ContributionPage) -> Step:
    """The one thing to be done next."""
    row = page.row
    answer = next((d for d in page.disputes if d.code in ("open", "inquiry")), None)
    if answer is not None:
        return Step(_("The donor’s bank asks for an answer. Give it at Stripe, or say that you will not."),
                    _("The fund manager"), answer.respond_by)
    if page.disputed:
        waits = latest_live(page.disputes)
        if waits is not None and waits.code == "won":
            return Step(_("The dispute is won: the money comes back."), _("Stripe"))
        return Step(_("The donor’s bank decides on the dispute."), _("The donor’s bank"),
                    _("usually within two to three months"))
    if row.code in ("created", "checkout"):
        return Step(_("The donor pays on Stripe’s page."), _("The donor"), row.expires_at)
    if row.code == "invoiced":
        return Step(_("The donor pays the invoice."), _("The donor"), row.expires_at)
    if row.code == "declared":
        return Step(_("The transfer is looked for on the bank’s statement, and confirmed."), _("A requesting officer"),
                    page.declared_on + FIND_WITHIN if page.declared_on else None)
    if row.code == "in_suspense":
        return _held(page)
    refund = page.on_its_way if row.code == "refund_due" else page.under_way
    if refund is not None:
        return _refund(page, refund.code, refund.kind)
    if row.code == "refund_due":
        return Step(_("The refund failed. Send it again, or agree another way with the donor."), _("The fund manager"))
    if row.code == "refunded" and page.disputes and page.disputes[-1].code == "lost":
        return Step(ended(page.disputes[-1]), _nobody())
    if row.code == "accepted":
        return Step(_("The money is in its pool."), _nobody())
    return Step(_("Nothing more happens with this payment."), _nobody())


def _held(page: ContributionPage) -> Step:
    by = page.row.received_at + ACCEPT_WITHIN if page.row.received_at else None
    if page.under_way is not None:
        return _refund(page, page.under_way.code, page.under_way.kind)
    if page.needs_check and page.check is None:
        return Step(_("The donor is checked; then the head of the fund accepts the contribution, or it goes back."),
                    _("The fund manager"), by)
    if page.check is not None and page.check.outcome != "clear":
        if page.on_its_way is not None:
            return _refund(page, page.on_its_way.code, page.on_its_way.kind)
        return Step(_("The donor was not found clear: the contribution is paid back."),
                    _("The fund manager or the head of the fund"), by)
    return Step(_("The contribution is accepted by name, or paid back."), _("The head of the fund"), by)


def _refund(page: ContributionPage, code: str, kind: str) -> Step:
    if code == "requested" and kind == "correction":
        return Step(_("The correction is approved, or not, by somebody else than who asked for it."),
                    _("The head of the fund"))
    if code == "requested":
        return Step(_("The refund is approved, or not, by somebody else than who asked for it."),
                    _("The head of the fund"))
    if page.stripe_payment is None:
        return Step(_("The bank sends the money back; its reference is recorded by somebody who neither asked for the "
                      "refund nor approved it."), _("A requesting officer"))
    return Step(_("Stripe pays the money back."), _nobody(), _("usually within ten days"))
