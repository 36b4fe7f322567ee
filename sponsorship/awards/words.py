"""Words of awards: labels of steps, lines and events, and what happens next in each state."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

if TYPE_CHECKING:
    from sponsorship.awards.queries import AwardPage

STEPS = {
    "award.decided": _l("Decided, head of the fund"),
    "award.certified": _l("Certified, certifying officer"),
    "award.approved": _l("Approved, approving officer"),
}
LINES = {"ticket": _l("Ticket"), "dsa": _l("Daily subsistence allowance"), "terminal": _l("Terminal expenses")}
# the same lines inside a sentence
COVERED = {"ticket": _l("the ticket"), "dsa": _l("daily subsistence"), "terminal": _l("terminal expenses")}
LABELS = {
    "awards.award.reserve": _l("Placed on the reserve list by the head of the fund"),
    "awards.award.quote": _l("Fare quote recorded"),
    "awards.award.journey": _l("What is known of the journey recorded"),
    "awards.award.travel_override": _l("A condition of travel let go"),
}
# the same moves in the words of a letter to the State
STATE_LABELS = {
    "awards.award.reserve": _l("Placed on the reserve list"), "awards.award.select": _l("Selected"),
    "awards.award.approve": _l("Offer sent"), "awards.award.accept": _l("Offer accepted"),
    "awards.award.turn_down": _l("Offer turned down"), "awards.award.withdraw": _l("Withdrawn by the fund"),
    "awards.award.give_back": _l("Given back by the State"),
}
# what a State reads in the timeline of its award: its own answer and what reaches it by letter
STATE_EVENTS = frozenset(
    f"awards.award.{action}" for action in (
        "select", "reserve", "promote", "approve", "accept", "turn_down", "lapse", "give_back", "withdraw", "suspend",
        "resume_reserve", "resume_selected", "resume_certified", "resume_offered", "resume_accepted", "cancel",
        "leave", "end_reserve", "close", "reopen",
    )
)


def offer_covers(page: AwardPage) -> str:
    """What an offer pays, in the words of the State."""
    covered = ", ".join(str(COVERED[kind]) for kind, _amount in page.lines)
    return _("The offer covers: %(parts)s. The State pays everything else.", parts=covered)


@dataclass(frozen=True)
class NextStep:
    """What happens next, who acts, by when."""

    what: str
    who: str | None = None
    by: datetime | date | None = None


def next_step(page: AwardPage) -> NextStep:
    """For the column beside an award."""
    row: Any = page.row
    texts: dict[str, NextStep] = {
        "reserve": NextStep(_("If a place becomes free, the next on the reserve list moves up by itself, and the "
                              "obligation is certified and approved."), _("Nobody, for now"), row.travel_from),
        "selected": NextStep(_("The obligation is certified: the money is reserved."), _("A certifying officer")),
        "certified": NextStep(_("The obligation is approved: the offer goes out."), _("An approving officer")),
        "offered": NextStep(_("The State accepts the offer or turns it down. Without an answer it lapses, and the "
                              "next on the reserve list moves up."), _("The State’s focal point"),
                            row.offer_expires_at),
        "accepted": NextStep(_("The payments are prepared: bank data is verified, each payment is requested, "
                               "certified and approved before its date."), _("The State and the officers of the fund"),
                             row.travel_from),
        "suspended": NextStep(_("The meeting is postponed. The award goes on once new dates are fixed; nothing is "
                                "lost, nothing is paid."), _("The organiser of the meeting")),
    }
    return texts.get(row.state, NextStep(_("Nothing more: this award has ended.")))
