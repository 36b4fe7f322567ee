"""States and moves of what follows a journey: the claim, the recovery of money, the delegate's report."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from core.machines import SYSTEM, Machine, Move, State, states

DECIDED = ("settled", "no_show", "unclaimed")

CLAIM = Machine(
    name="claim",
    tag_prefix="disbursements.claim",
    initial="wanted",
    states=states(
        State("wanted", _l("Claim awaited"), "attention"),
        State("submitted", _l("Sent, to be settled"), "waiting"),
        State("settled", _l("Settled"), "done", terminal=True),
        State("no_show", _l("Did not travel"), "stopped", terminal=True),
        State("unclaimed", _l("Closed without a claim"), "stopped"),
    ),
    moves=(
        Move("submit", ("wanted",), "submitted", "claim.submit", _l("Send the claim")),
        Move("give_back", ("submitted",), "wanted", "claim.settle", _l("Return it for completion"), True),
        Move("settle", ("submitted",), "settled", "claim.settle", _l("Settle the claim")),
        Move("no_show", ("wanted", "submitted"), "no_show", "claim.settle", _l("Record that nobody travelled"), True),
        Move("close_unclaimed", ("wanted",), "unclaimed", "claim.settle", _l("Close without a claim"), True),
        # asked for by the State, decided by the head of the fund, agreed to by another officer (LATE)
        Move("reopen", ("unclaimed",), "wanted", SYSTEM, _l("Taken up again: a late claim was allowed")),
    ),
)

LATE = Machine(
    name="late_claim",
    tag_prefix="disbursements.late_claim",
    initial="asked",
    states=states(
        State("asked", _l("To be decided by the head of the fund"), "waiting"),
        State("decided", _l("To be agreed by another officer"), "waiting"),
        State("agreed", _l("Allowed by two"), "done", terminal=True),
        State("refused", _l("Refused"), "stopped", terminal=True),
        State("taken_back", _l("Taken back by the State"), "stopped", terminal=True),
    ),
    moves=(
        Move("decide", ("asked",), "decided", "claim.late.decide", _l("Allow the late claim"), True),
        Move("turn_down", ("asked",), "refused", "claim.late.decide", _l("Turn it down"), True),
        Move("agree", ("decided",), "agreed", "claim.late.agree", _l("Agree, and reserve the money again")),
        Move("refuse", ("decided",), "refused", "claim.late.agree", _l("Do not agree"), True),
        Move("take_back", ("asked",), "taken_back", "claim.submit", _l("Take the request back")),
    ),
)

RECOVERY = Machine(
    name="recovery",
    tag_prefix="disbursements.recovery",
    initial="asked",
    states=states(
        State("asked", _l("Asked back"), "attention"),
        State("recovered", _l("Paid back"), "done", terminal=True),
        State("written_off", _l("Written off"), "stopped", terminal=True),
        State("dropped", _l("No longer asked back"), "neutral", terminal=True),
    ),
    moves=(
        Move("record_part", ("asked",), "asked", "recovery.record", _l("Part of it paid back")),
        Move("record_rest", ("asked",), "recovered", "recovery.record", _l("Paid back in full")),
        Move("drop", ("asked",), "dropped", SYSTEM, _l("No longer owed")),
        Move("write_off", ("asked",), "written_off", "recovery.write_off", _l("Write off what is open"), True),
    ),
)

REPORT = Machine(
    name="delegate_report",
    tag_prefix="disbursements.delegate_report",
    initial="awaited",
    states=states(
        State("awaited", _l("Report awaited"), "attention"),
        State("received", _l("Report received"), "done", terminal=True),
        State("dropped", _l("No report due"), "neutral", terminal=True),
    ),
    moves=(
        Move("write", ("awaited",), "received", "report.write", _l("Send the report")),
        Move("drop", ("awaited",), "dropped", SYSTEM, _l("No report due: nobody travelled")),
    ),
)
