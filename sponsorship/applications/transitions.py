"""States and moves of a call for applications and of an application."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from core.machines import SYSTEM, Machine, Move, State

CALL = Machine(
    name="call",
    tag_prefix="applications.call",
    initial="draft",
    states=(
        State("draft", _l("Draft"), "neutral"),
        State("scheduled", _l("Opens by schedule"), "waiting"),
        State("open", _l("Open for applications"), "waiting"),
        State("closed", _l("Closed, being screened"), "waiting"),
        State("ranked", _l("Ranked"), "waiting"),
        State("recommended", _l("Panel has recommended"), "waiting"),
        State("decided", _l("Decided"), "done", terminal=True),
        State("suspended", _l("Suspended: the meeting moved"), "attention"),
        State("cancelled", _l("Cancelled"), "stopped", terminal=True),
    ),
    moves=(
        Move("schedule", ("draft",), "scheduled", "call.manage", _l("Let it open by schedule")),
        Move("unschedule", ("scheduled",), "draft", "call.manage", _l("Take back into draft")),
        Move("open_now", ("draft", "scheduled"), "open", "call.manage", _l("Open now")),
        Move("open_due", ("scheduled",), "open", SYSTEM, _l("Opened by schedule")),
        Move("close_due", ("open",), "closed", SYSTEM, _l("Closed by schedule")),
        Move("rank", ("closed", "ranked"), "ranked", "application.screen", _l("Rank the States")),
        Move("back_to_screening", ("ranked",), "closed", "application.screen", _l("Go back to screening"),
             needs_reason=True),
        Move("recommend", ("ranked", "recommended"), "recommended", "panel.recommend",
             _l("Record the panel’s recommendation")),
        Move("decide", ("recommended",), "decided", "award.decide", _l("Decide")),
        Move("suspend", ("scheduled", "open", "closed", "ranked", "recommended"), "suspended", SYSTEM,
             _l("Suspended because the meeting moved")),
        Move("reopen", ("suspended",), "open", "call.manage", _l("Open again for the new dates")),
        Move("resume", ("suspended",), "closed", "call.manage", _l("Go on with the applications received")),
        Move("cancel", ("draft", "scheduled", "open", "closed", "ranked", "recommended", "suspended"), "cancelled",
             "call.manage", _l("Cancel the call"), needs_reason=True),
        Move("meeting_cancelled", ("draft", "scheduled", "open", "closed", "ranked", "recommended", "suspended"),
             "cancelled", SYSTEM, _l("Cancelled with the meeting")),
    ),
)

_CONSIDERED = ("eligible", "recommended", "reserve", "not_recommended")
_JUDGED = ("recommended", "reserve", "not_recommended")

APPLICATION = Machine(
    name="application",
    tag_prefix="applications.application",
    initial="draft",
    states=(
        State("draft", _l("Draft, not sent"), "attention"),
        State("submitted", _l("Received, to be screened"), "waiting"),
        State("returned", _l("Returned for completion"), "attention"),
        State("eligible", _l("Eligible"), "waiting"),
        State("ineligible", _l("Not eligible"), "stopped"),
        State("recommended", _l("Recommended by the panel"), "waiting"),
        State("reserve", _l("Recommended for the reserve list"), "waiting"),
        State("not_recommended", _l("Not recommended by the panel"), "waiting"),
        State("selected", _l("Selected"), "done", terminal=True),
        State("reserve_list", _l("On the reserve list"), "waiting"),
        State("not_selected", _l("Not selected"), "stopped", terminal=True),
        State("withdrawn", _l("Withdrawn"), "stopped", terminal=True),
        State("cancelled", _l("Ended: the call was cancelled"), "stopped", terminal=True),
        State("held_over", _l("Received after the date, kept for the next call"), "waiting"),
    ),
    moves=(
        Move("submit_for_next", ("draft",), "held_over", "application.write", _l("Send for the next call")),
        Move("carry_over", ("held_over",), "draft", SYSTEM, _l("Carried over to the next call")),
        Move("submit", ("draft", "returned"), "submitted", "application.write", _l("Send the application")),
        Move("return", ("submitted",), "returned", "application.screen", _l("Return for completion"),
             needs_reason=True),
        Move("find_eligible", ("submitted",), "eligible", "application.screen", _l("Find eligible")),
        Move("find_ineligible", ("submitted", "returned"), "ineligible", "application.screen",
             _l("Find not eligible"), needs_reason=True),
        Move("set_aside", ("submitted", "returned", "eligible"), "ineligible", "application.screen",
             _l("Set aside: the mission’s note prevails")),
        Move("screen_again", ("eligible", "ineligible"), "submitted", "application.screen", _l("Screen again"),
             needs_reason=True),
        Move("screen_substitute", ("eligible",), "submitted", SYSTEM,
             _l("To be screened again: a nominee was substituted")),
        Move("recommend", _CONSIDERED, "recommended", "panel.recommend", _l("Recommend")),
        Move("reserve", _CONSIDERED, "reserve", "panel.recommend", _l("Recommend for the reserve list")),
        Move("not_recommend", _CONSIDERED, "not_recommended", "panel.recommend", _l("Do not recommend")),
        Move("reconsider", _JUDGED, "eligible", SYSTEM, _l("To be considered again for the new dates")),
        Move("select", _JUDGED, "selected", "award.decide", _l("Select")),
        Move("put_on_reserve_list", _JUDGED, "reserve_list", "award.decide", _l("Put on the reserve list")),
        Move("not_select", _JUDGED, "not_selected", "award.decide", _l("Do not select")),
        Move("promote", ("reserve_list",), "selected", SYSTEM, _l("Moved up from the reserve list")),
        Move("end_reserve", ("reserve_list",), "not_selected", SYSTEM, _l("The reserve list has ended")),
        Move("withdraw", ("draft", "submitted", "returned", "ineligible", *_CONSIDERED, "reserve_list", "held_over"),
             "withdrawn",
             "application.write", _l("Withdraw")),
        Move("end_with_call", ("draft", "submitted", "returned", "ineligible", *_CONSIDERED), "cancelled", SYSTEM,
             _l("Ended with the call")),
    ),
)

# What the mission is told while the fund considers: the panel's view is internal until the decision.
UNDER_CONSIDERATION = State("under_consideration", _l("Under consideration"), "waiting")
SHOWN_TO_MISSION = frozenset(_CONSIDERED)
UNTIL_TOLD = frozenset(("selected",))
# What the public is told of a call while the fund considers: how far it has come inside is nobody else's business.
BEING_CONSIDERED = State("being_considered", _l("Closed, being considered"), "waiting")


def public_call_state(code: str) -> State:
    """The state of a call in the words the public is shown."""
    return BEING_CONSIDERED if code in ("closed", "ranked", "recommended") else CALL.state(code)


# Events a mission may read in its timeline (the panel's moves stay internal).
MISSION_EVENTS = frozenset(
    f"applications.application.{action}"
    for action in ("start", "submit", "submit_for_next", "carry_over", "return", "find_ineligible", "set_aside",
                   "select", "put_on_reserve_list", "not_select", "promote", "end_reserve", "withdraw", "end_with_call",
                   "paper", "ask_nominee", "revoke_link", "confirm_nominee", "take_over_nominee", "substitute")
)
# those of them that wait for the offer
EVENTS_UNTIL_TOLD = frozenset(
    f"applications.application.{action}" for action in ("select", "promote")
)


def kept_from_mission(code: str, told: bool) -> bool:
    """Whether the mission reads no more than that its application is considered. `told`: an offer has been sent; until
    then a place among the selected is not certain, so the State does not learn of it (the reserve list is told)."""
    return code in SHOWN_TO_MISSION or (code in UNTIL_TOLD and not told)


def mission_state(code: str, told: bool) -> State:
    """The state of an application in the words a mission is shown."""
    return UNDER_CONSIDERATION if kept_from_mission(code, told) else APPLICATION.state(code)
