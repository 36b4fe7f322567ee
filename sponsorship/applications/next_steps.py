"""What happens next, who acts, by when: for each state of an application and of a call, in one place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask_babel import gettext as _

from sponsorship.applications.form_queries import MissionPage
from sponsorship.applications.queries import CallRow
from sponsorship.applications.transitions import kept_from_mission


@dataclass(frozen=True)
class NextStep:
    """For ui.next_step. `by` is None when nothing is due."""

    what: Any
    who: Any
    by: datetime | date | None


def for_mission(page: MissionPage, now: datetime) -> NextStep:
    """In the words of a mission, which is told nothing of the panel's view."""
    call, application = page.call, page.application
    mission, fund = _("Your mission"), _("Secretariat of the fund")
    if call.state == "suspended" and application.state not in ("withdrawn", "ineligible", "held_over"):
        return NextStep(_("The meeting has moved, so the call is suspended. Your application is kept as it is. The "
                          "fund tells you how it goes on."), fund, None)
    if application.state == "draft":
        if call.state == "open" and now <= call.grace_until:
            what = _("Complete the form and send it.") if now <= call.closes_at else _(
                "The closing time has passed. Until the date below an application is still taken, and marked as "
                "received after the date.")
            return NextStep(what, mission, call.closes_at if now <= call.closes_at else call.grace_until)
        if call.late_rule == "carry_over" and call.state != "cancelled":
            return NextStep(_("The call has closed. You may still complete the form and send it: it is then kept, with "
                              "its day of receipt, for the next call of the fund."), mission, None)
        return NextStep(_("The call has closed and this draft was not sent. What you wrote is kept. If you could not "
                          "send it in time, write to the secretariat and quote the reference."), None, None)
    if application.state == "returned":
        return NextStep(_("Complete what is missing and send it again. Everything you wrote is still there."), mission,
                        application.completion_due_at)
    if application.state == "submitted":
        what = _("You need not do anything. The secretariat screens applications after the call has closed. "
                 "The fund plans to tell States by the date below.")
        return NextStep(what, fund, call.decide_by)
    simple: dict[str, NextStep] = {
        "selected": NextStep(_("Your State is selected. Two officers now confirm the money; then your mission receives "
                               "the offer and answers it."), fund, None),
        "reserve_list": NextStep(_("When a selected State does not take its place, the next on the reserve list moves "
                                   "up and receives an offer. You need not do anything."), fund, None),
        "not_selected": NextStep(_("Nothing more follows for this meeting. You may apply to the next call."), None,
                                 None),
        "ineligible": NextStep(_("Nothing more follows. If you think this is a mistake, write to the secretariat and "
                                 "quote the reference."), None, None),
        "held_over": NextStep(_("It arrived after the date and is kept for the next call of the fund. When that "
                                "opens, your mission is asked to write the days of travel and to send it again."),
                              fund, None),
        "withdrawn": NextStep(_("Nothing more follows. While the call is open, you may begin a new application."), None,
                              None),
        "cancelled": NextStep(_("Nothing more follows: the call was cancelled."), None, None),
    }
    if application.state in simple and not kept_from_mission(application.state, page.told):
        return simple[application.state]
    return NextStep(_("You need not do anything. States are ranked by the published rules, a panel recommends, and the "
                      "head of the fund decides. The fund plans to tell States by the date below."),
                    _("Panel and head of the fund"), call.decide_by)


def for_call(call: CallRow, to_screen: int, now: datetime) -> NextStep:
    """In the words of officers. `to_screen` counts applications received and not yet screened."""
    manager, panel, head = _("Fund manager"), _("Panel member"), _("Head of the fund")
    if call.state == "draft":
        return NextStep(_("Check the call, then let it open by schedule or open it now."), manager, call.opens_at)
    if call.state == "scheduled":
        return NextStep(_("The call opens by itself."), _("Placard, by schedule"), call.opens_at)
    if call.state == "open":
        if now > call.closes_at:
            return NextStep(_("Applications are still taken and marked as received after the date; then the call "
                              "closes by itself."), _("Placard, by schedule"), call.grace_until)
        return NextStep(_("Missions apply; the call closes by itself. Applications may be screened as they come."),
                        _("Missions, then Placard by schedule"), call.closes_at)
    if call.state == "closed":
        if to_screen:
            return NextStep(_("Screen the applications still waiting, then rank the States."), manager, call.decide_by)
        return NextStep(_("Everything is screened: rank the States."), manager, call.decide_by)
    if call.state == "ranked":
        return NextStep(_("The panel meets and records its recommendation.") if call.panel_meets_on else
                        _("The panel records its recommendation."), panel, call.panel_meets_on or call.decide_by)
    if call.state == "recommended":
        return NextStep(_("The head of the fund decides."), head, call.decide_by)
    if call.state == "suspended":
        return NextStep(_("The meeting moved. Open the call again for the new dates, go on with the applications "
                          "received, or cancel it."), manager, None)
    if call.state == "decided":
        return NextStep(_("Decided. The awards go their own way: certified, approved, offered."), None, None)
    return NextStep(_("Cancelled. Nothing more follows."), None, None)
