"""What a donor's page of a pledge says: where it stands, what happens next, who acts, by when."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import gettext as _

from core import clock
from core.web.timeline import TimelineItem, timeline_items
from sponsorship.contributions.payments import card_limit
from sponsorship.contributions.queries import ContributionRow, PledgePage
from sponsorship.contributions.transitions import OPEN, PLEDGE


@dataclass(frozen=True)
class NextStep:
    """What happens next, who acts, by when (an instant, a word, or nothing)."""

    what: str
    who: str
    by: datetime | str | None = None


@dataclass(frozen=True)
class PledgeView:
    """All that the donor's template needs. `notice` is (tone, title, text)."""

    pledge: PledgePage
    latest: ContributionRow | None
    notice: tuple[str, str, str] | None
    next: NextStep
    pay_url: str | None
    pay_label: str
    refresh_url: str | None
    receipts: tuple[tuple[str, str], ...]
    results_url: str | None
    problem: Any
    timeline: list[TimelineItem]


def pledge_view(
    page: PledgePage, back: str | None, problem: Any, *, pay_url: str, here: str,
    receipt_url: Callable[[ContributionRow], str], results_url: str | None = None,
) -> PledgeView:
    """`back` is how the donor came from Stripe: paid, cancelled or None. It is only what the address says; what
    counts is what Stripe has told us. `results_url` is where a signed-in donor reads what the money has done."""
    latest = page.latest
    waiting = latest is not None and latest.code == "checkout" and back == "paid"
    payable = _is_open(page) and not waiting and _by_card(page)
    results = results_url if page.code == "paid" and latest is not None and latest.code == "accepted" else None
    label = _("Go on to pay") if latest is not None and latest.code == "checkout" else _("Pay now by card")
    if latest is not None and latest.code in ("failed", "expired"):
        label = _("Try again")
    return PledgeView(
        pledge=page, latest=latest, notice=_notice(page, latest, back),
        next=_next(page, latest, waiting, results is not None),
        pay_url=pay_url if payable else None, pay_label=label, refresh_url=f"{here}?back=paid" if waiting else None,
        receipts=tuple((row.receipt_number, receipt_url(row)) for row in page.attempts if row.receipt_number),
        results_url=results, problem=problem,
        timeline=timeline_items(
            page.history, PLEDGE, _who(page), labels={"announce": _("Pledge made")}, show_text=False),
    )


def _is_open(page: PledgePage) -> bool:
    return page.code in OPEN and bool(page.outstanding)


def _by_card(page: PledgePage) -> bool:
    limit = card_limit(page.outstanding.currency)
    return limit is not None and page.outstanding <= limit


def _who(page: PledgePage) -> dict[uuid.UUID, str]:
    """Who acted, as the donor may see it: the own side, or the fund; officers are not named to donors."""
    own = ("announce", "withdraw")
    return {
        event.actor_id: _("The donor") if event.tag.rsplit(".", 1)[-1] in own else _("The fund")
        for event in page.history if event.actor_id is not None
    }


def _notice(page: PledgePage, latest: ContributionRow | None, back: str | None) -> tuple[str, str, str] | None:
    if latest is None:
        return None
    if latest.code == "accepted":
        return "success", _("Thank you: your contribution has been received"), _("The receipt is below.")
    if latest.code == "in_suspense":
        return ("success", _("Thank you: your payment has reached us"),
                _("It now waits for acceptance. The receipt follows when it is accepted."))
    if latest.code == "checkout" and back == "paid":
        return ("info", _("We are waiting for the confirmation of your payment"),
                _("This usually takes a few seconds. Refresh this page to see whether it has arrived; you need not "
                  "pay again."))
    if latest.code == "checkout" and back == "cancelled":
        return ("warning", _("You came back without paying"),
                _("Nothing has been charged. You can go on to pay whenever you wish."))
    if latest.code in ("failed", "expired") and _is_open(page):
        return "warning", _("The last attempt was not paid"), _("Nothing has been charged. You can try again.")
    return None


def _next(page: PledgePage, latest: ContributionRow | None, waiting: bool, has_results: bool) -> NextStep:
    if waiting:
        return NextStep(_("Stripe confirms the payment to us."), _("Nobody needs to act"), _("usually within a minute"))
    if _is_open(page):
        if not _by_card(page):
            return NextStep(_("This amount is above what a card carries. The fund's office writes to you about a "
                              "bank transfer."), _("The fund manager"))
        closes = latest.expires_at if latest is not None and latest.code == "checkout" else None
        if closes is not None and closes > clock.real_now():
            return NextStep(_("Pay the pledge. The payment page you opened stays open for a while."),
                            _("You, the donor"), closes)
        return NextStep(_("Pay the pledge by card."), _("You, the donor"), _("when it suits you"))
    if latest is not None and latest.code == "in_suspense":
        return NextStep(_("The contribution is checked and accepted. One that is not accepted goes back in full."),
                        _("The head of the fund"))
    if latest is not None and latest.code == "refund_due":
        return NextStep(_("Your payment is being returned to the card it came from."), _("Stripe and your bank"),
                        _("usually within ten days"))
    if page.code == "paid":
        if has_results:
            return NextStep(_("The money carries delegates to their meetings. You will see under Results what it has "
                              "done."), _("The fund"))
        return NextStep(_("The money carries delegates to their meetings."), _("The fund"))
    return NextStep(_("Nothing more happens with this pledge."), _("Nobody needs to act"))
