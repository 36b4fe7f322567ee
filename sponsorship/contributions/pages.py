"""What a donor's page of a pledge says: where it stands, what happens next, who acts, by when, how to pay."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from flask_babel import gettext as _

from core import clock
from core.events import History
from core.money import Money
from core.web.formats import format_day, format_money
from core.web.timeline import TimelineItem, timeline_items
from sponsorship.contributions.dispute_queries import DisputeRow
from sponsorship.contributions.dispute_words import Notice, donor_notice, latest_live
from sponsorship.contributions.earmark_words import earmark_words
from sponsorship.contributions.giving_words import amount_in_words
from sponsorship.contributions.paper_queries import PaperRow, papers_of_pledge
from sponsorship.contributions.queries import ContributionRow, PledgePage
from sponsorship.contributions.transitions import LIVE, PLEDGE
from sponsorship.contributions.ways import Payer, Way, ways_to_pay


@dataclass(frozen=True)
class NextStep:
    """What happens next, who acts, by when (an instant, a day, a word, or nothing)."""

    what: str
    who: str
    by: datetime | date | str | None = None


@dataclass(frozen=True)
class PledgeView:
    """All that the donor's template needs. `notice` is (tone, title, text); `purpose` the donor's wish in words;
    `disputes`: what there is to say of each that is not the notice, the newest first."""

    pledge: PledgePage
    latest: ContributionRow | None
    notice: tuple[str, str, str] | None
    next: NextStep
    ways: tuple[Way, ...]
    refresh_url: str | None
    papers: tuple[tuple[PaperRow, str], ...]
    disputes: tuple[tuple[DisputeRow, Notice], ...]
    results_url: str | None
    problem: Any
    amount_words: str
    purpose: str | None
    today: date
    timeline: list[TimelineItem]

    @property
    def in_parts(self) -> bool:
        """Whether instalments are worth a table: there are several, or the one has a day."""
        return len(self.pledge.parts) > 1 or any(part.due_on for part in self.pledge.parts)


def pledge_view(
    page: PledgePage, back: str | None, problem: Any, *, payer: Payer,
    paper_url: Callable[[PaperRow], str], results_url: str | None = None,
) -> PledgeView:
    """`back` is how the donor came from Stripe: paid, cancelled or None. It is only what the address says; what
    counts is what Stripe has told us. `results_url` is where a signed-in donor reads what the money has done."""
    latest = page.latest
    waiting = latest is not None and latest.code == "checkout" and back == "paid"
    ways = () if waiting else tuple(ways_to_pay(page, payer))
    if _is_announced(page, latest):
        ways = tuple(replace(way, primary=False) for way in ways)
    accepted = any(row.code == "accepted" for row in page.attempts)
    return PledgeView(
        pledge=page, latest=latest, notice=_notice(page, latest, back), next=_next(page, latest, waiting, ways),
        ways=ways, refresh_url=payer.page(back="paid") if waiting else None,
        papers=tuple((row, paper_url(row)) for row in reversed(papers_of_pledge(page.id))),
        disputes=tuple((row, donor_notice(row)) for row in reversed(page.disputes)
                       if back is not None or row is not latest_live(page.disputes)),
        results_url=results_url if accepted and page.code == "paid" else None, problem=problem,
        amount_words=amount_in_words(page.amount), today=clock.today(),
        purpose=earmark_words(page.earmark) if page.earmark else None,
        timeline=pledge_timeline(page, _who(page), show_text=False),
    )


def pledge_timeline(page: PledgePage, names: dict[uuid.UUID, str], *, show_text: bool) -> list[TimelineItem]:
    """What happened to a pledge, in words and with its figures; why, where the reader may see it."""
    labels = {
        "announce": _("Pledge made"), "remind": _("Reminder sent"), "reduce": _("Amount reduced"),
        "defer": _("Deferred to later dates"), "agree": _("Put under an agreement"),
        "write_off": _("What was not paid was given up"), "cancel": _("Cancelled by the fund"),
    }
    items = timeline_items(page.history, PLEDGE, names, labels=labels, show_text=show_text)
    return [
        replace(item, note="\n".join(filter(None, (_figures(event, page.amount.currency), item.note))) or None)
        for event, item in zip(page.history, items, strict=True)
    ]


def _figures(event: History, currency: str) -> str | None:
    """The figures of an event: amounts and days that it keeps."""
    data, action = event.data, event.tag.rsplit(".", 1)[-1]

    def amount(key: str) -> str:
        return format_money(Money(int(data[key]), currency))

    if action == "announce":
        return amount("amount_minor")
    if action == "reduce":
        return _("From %(before)s to %(after)s", before=amount("before_minor"), after=amount("after_minor"))
    if action == "write_off":
        return amount("written_off_minor")
    if action in ("defer", "fall_due", "remind") and data.get("due"):
        return _("Due on %(day)s", day=format_day(date.fromisoformat(data["due"])))
    return None


def _who(page: PledgePage) -> dict[uuid.UUID, str]:
    """Who acted, as the donor may see it: the own side, or the fund; officers are not named to donors."""
    found: dict[uuid.UUID, str] = {}
    for event in page.history:
        if event.actor_id is not None:
            own = event.tag.rsplit(".", 1)[-1] in ("announce", "withdraw") and event.text is None
            found.setdefault(event.actor_id, _("The donor") if own else _("The fund"))
    return found


def _is_announced(page: PledgePage, latest: ContributionRow | None) -> bool:
    """Whether all that is still owed is on its way, as the donor says."""
    return latest is not None and latest.code == "declared" and latest.amount >= page.outstanding


def _notice(page: PledgePage, latest: ContributionRow | None, back: str | None) -> Notice | None:
    disputed = latest_live(page.disputes)
    if disputed is not None and back is None:
        return donor_notice(disputed)
    if latest is None:
        return None
    if latest.code == "accepted" and (back == "paid" or not page.outstanding):
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
    if _is_announced(page, latest):
        return ("info", _("You have announced a transfer of %(amount)s", amount=format_money(latest.amount)),
                _("You need not pay again. Was it not sent? Then take the announcement back under “Pay by bank "
                  "transfer”."))
    if latest.code in ("failed", "expired") and page.outstanding:
        return "warning", _("The last attempt was not paid"), _("Nothing has been charged. You can try again.")
    return None


def _next(page: PledgePage, latest: ContributionRow | None, waiting: bool, ways: tuple[Way, ...]) -> NextStep:
    if waiting:
        return NextStep(_("Stripe confirms the payment to us."), _("Nobody needs to act"), _("usually within a minute"))
    if latest is not None and latest.code == "refund_due":
        return NextStep(_("Your payment is being returned to where it came from."), _("The fund and your bank"),
                        _("usually within ten days"))
    if latest is not None and latest.code == "in_suspense":
        return NextStep(_("The contribution is checked and accepted. One that is not accepted goes back in full."),
                        _("The head of the fund"))
    disputed = latest_live(page.disputes)
    if disputed is not None and disputed.code in ("inquiry", "open"):
        return NextStep(_("The fund answers your bank with its evidence; then your bank decides."), _("The fund"),
                        disputed.respond_by)
    if disputed is not None and disputed.code == "under_review":
        return NextStep(_("Your bank decides on the dispute."), _("Your bank"), _("usually within two to three months"))
    if page.outstanding:
        return _next_payment(page, latest, ways)
    if page.code == "paid":
        return NextStep(_("The money carries delegates to their meetings. You will see under Results what it has done.")
                        if page.organisation_id else _("The money carries delegates to their meetings."),
                        _("The fund"))
    return NextStep(_("Nothing more happens with this pledge."), _("Nobody needs to act"))


def _next_payment(page: PledgePage, latest: ContributionRow | None, ways: tuple[Way, ...]) -> NextStep:
    if not ways:
        return NextStep(_("The fund’s office writes to you about how to pay."), _("The fund manager"))
    if latest is not None and latest.code == "checkout" and latest.expires_at and (
            latest.expires_at > clock.real_now()):
        return NextStep(_("Pay the pledge. The payment page you opened stays open for a while."),
                        _("You, the donor"), latest.expires_at)
    if _is_announced(page, latest):
        return NextStep(_("The transfer is looked for on the bank’s statement."), _("The fund"))
    if latest is not None and latest.code in LIVE:
        return NextStep(_("Your payment is awaited."), _("You, the donor"), page.next_due_on)
    part = page.next_part
    if part is not None and len(page.parts) > 1:
        return NextStep(_("Pay instalment %(n)s of %(of)s.", n=part.n, of=len(page.parts)), _("You, the donor"),
                        part.due_on)
    return NextStep(_("Pay the pledge."), _("You, the donor"), page.next_due_on or _("When it suits you"))
