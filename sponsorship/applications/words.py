"""The words for codes of this room, in one place. Sentences for missions are the approved ones."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from core.machines import State
from core.web.formats import format_days
from sponsorship.applications.paper_kinds import PAPER_KINDS

CRITERION_NAMES: dict[str, Any] = {
    "ldc": _l("Least developed country"),
    "lldc": _l("Landlocked developing country"),
    "sids": _l("Small island developing State"),
    "most_affected": _l("Most affected by the illicit trade"),
    "first_attendance": _l("First attendance"),
    "no_mission_at_seat": _l("No mission at the seat"),
    "equity_region": _l("Equity of regions"),
    "equity_sex": _l("Equity of women and men"),
}
CRITERION_SHORT: dict[str, Any] = {
    "ldc": _l("LDC"),
    "lldc": _l("LLDC"),
    "sids": _l("SIDS"),
    "most_affected": _l("Most affected"),
    "first_attendance": _l("First attendance"),
    "no_mission_at_seat": _l("No mission at the seat"),
    "equity_region": _l("Region"),
    "equity_sex": _l("Women and men"),
}
CRITERION_MEANINGS: dict[str, Any] = {
    "ldc": _l("On the United Nations list of least developed countries on the closing day."),
    "lldc": _l("On the United Nations list of landlocked developing countries on the closing day."),
    "sids": _l("On the United Nations list of small island developing States on the closing day."),
    "first_attendance": _l("No official from the capital attended an earlier meeting; declared by the State, checked "
                           "by the secretariat."),
    "no_mission_at_seat": _l("No permanent mission where the meeting is held; declared by the State, checked by the "
                             "secretariat."),
    "most_affected": _l("Among the States most affected by the illicit trade in small arms and light weapons; declared "
                        "by the State with what shows it, checked by the secretariat."),
    "equity_region": _l("Of two States, the one whose regional group has had fewer places so far in this ranking. A "
                        "State without a group counts as a group of its own."),
    "equity_sex": _l("Of two States, the one whose first nominee is of the sex that has had fewer places so far in "
                     "this ranking. Where the sex is not said, it counts as the one with more places."),
}
ELIGIBILITY_NAMES: dict[str, Any] = {
    "complete": _l("The application is complete"),
    "nominated_by_state": _l("The persons are officials nominated by the State through its mission"),
    "declaration": _l("The State declares that it could not attend otherwise (resolution 68/48, paragraph 18)"),
}
DECIDED_BY_NAMES: dict[str, Any] = {
    **CRITERION_SHORT,
    "points": _l("Points"),
    "received_at": _l("Date of receipt"),
    "reference": _l("Reference"),
    "": _l("First"),
}
METHOD_NAMES: dict[str, Any] = {
    "in_order": _l("In order: the first rule decides, among equals the second, and so on"),
    "by_points": _l("By points: each rule that a State meets brings its points, most points first"),
}
LATE_RULE_NAMES: dict[str, Any] = {
    "refuse": _l("Not taken"),
    "carry_over": _l("Kept for the next call of the fund, with its day of receipt"),
}
GOVERNANCE_NAMES: dict[str, Any] = {
    "secretariat_chair": _l("The secretariat with the Chair of the meeting"),
    "donor_committee": _l("A steering committee of donors"),
    "elected_committee": _l("A committee elected by the States"),
}
GOVERNANCE_RECUSALS: dict[str, Any] = {
    "secretariat_chair": _l("The Chair of the meeting, or whoever is designated in the Chair’s place for this call, "
                            "sits with the secretariat and takes no part where the own State is considered. "
                            "Secretariat staff are not treated as their State."),
    "donor_committee": _l("A donor’s member takes no part where the own State is considered, nor where a State is for "
                          "which the donor has earmarked money of this call. Secretariat staff serve the committee and "
                          "are not treated as their State."),
    "elected_committee": _l("A member takes no part where the own State is considered. Secretariat staff serve the "
                            "committee and are not treated as their State."),
}
CAPACITY_NAMES: dict[str, Any] = {
    "chair": _l("Chair of the meeting"),
    "representative": _l("In the Chair’s place"),
}
RECUSAL_CAUSES: dict[str, Any] = {
    "own_state": _l("Own State"),
    "agreement": _l("The donor’s earmarked money is for such States"),
    "declared": _l("Declared an interest"),
}
PACKAGE_NAMES: dict[str, Any] = {
    "ticket_and_dsa": _l("Air ticket, daily subsistence allowance and terminal expenses"),
    "ticket": _l("Air ticket and terminal expenses"),
    "dsa": _l("Daily subsistence allowance and terminal expenses"),
}
OUTCOME_NAMES: dict[str, Any] = {
    "recommend": _l("Recommend"),
    "reserve": _l("Reserve list"),
    "not": _l("Do not recommend"),
}
SEX_NAMES: dict[str, Any] = {
    "female": _l("Female"),
    "male": _l("Male"),
    "not_said": _l("Not said"),
}
INELIGIBLE_SENTENCES: dict[str, Any] = {
    "incomplete": _l("The application was not complete by the date given."),
    "not_nominated_by_state": _l("The nomination did not come from the State through its mission."),
    "no_declaration": _l("The State did not declare that it could not attend otherwise."),
    "outside_call": _l("The request is for something this call does not pay."),
    "mission_prevails": _l("The permanent mission of the State has applied under the same call; its note verbale "
                           "prevails over the request of a ministry."),
}


def fact_name(code: str) -> Any:
    """A dated fact in words: of a criterion, of a regional group (`group:African`); the bare code for any other."""
    kind, _colon, value = code.partition(":")
    return _("Regional group: %(group)s", group=value) if kind == "group" else CRITERION_NAMES.get(code, code)


def call_words() -> dict[str, Any]:
    """Words and helpers for every page that shows the terms of a call."""
    return {"method_names": METHOD_NAMES, "late_rule_names": LATE_RULE_NAMES, "governance_names": GOVERNANCE_NAMES,
            "governance_recusals": GOVERNANCE_RECUSALS, "capacity_names": CAPACITY_NAMES,
            "paper_kinds": PAPER_KINDS, "part_text": part_text,
            "criterion_meanings": CRITERION_MEANINGS}


def part_text(call: Any, meeting: Any) -> Any:
    """Which days of the meeting the package covers, as (days of the calendar where they are known)."""
    if call.part_first_day is None:
        return _("The whole meeting")
    numbers = _("Day %(first)s to day %(last)s of the meeting", first=call.part_first_day, last=call.part_last_day)
    part = call.part_of(meeting.start_date)
    return f"{numbers} ({format_days(*part)})" if part else numbers


def ineligible_sentence(reason: str | None) -> Any:
    """The approved sentence for a reason code; the bare code for one that has been retired."""
    return INELIGIBLE_SENTENCES.get(reason or "", reason or "")


# how far a nominee's own confirmation has come
CONFIRMATIONS: dict[str, State] = {
    "not_asked": State("not_asked", _l("Not asked yet"), "neutral"),
    "asked": State("asked", _l("Asked, no answer yet"), "waiting"),
    "over": State("over", _l("The link has ended"), "attention"),
    "confirmed": State("confirmed", _l("Confirmed by the nominee"), "done"),
}
# steps that are no move of the state table, in timelines
EVENT_NAMES: dict[str, Any] = {
    "paper": _l("A paper has come"),
    "ask_nominee": _l("Nominee asked to confirm the data"),
    "revoke_link": _l("The nominee’s link ended"),
    "confirm_nominee": _l("A nominee has confirmed the data"),
    "take_over_nominee": _l("A person named before taken over"),
    "forget_profile": _l("A person’s data kept no longer for later nominations"),
    "substitute": _l("A nominee was substituted"),
    "check_substitute": _l("The substituted nominee was checked"),
}
