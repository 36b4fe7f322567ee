"""States and moves of a disbursement and of the payee data it is paid by."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from core.machines import SYSTEM, Machine, Move, State, states

UNRELEASED = ("draft", "requested", "certified", "approved", "ready", "held", "failed")
UNDERWAY = ("requested", "certified", "approved", "ready")
DONE = ("settled", "cancelled")

DISBURSEMENT = Machine(
    name="disbursement",
    tag_prefix="disbursements.disbursement",
    initial="draft",
    states=states(
        State("draft", _l("Planned, to be requested"), "neutral"),
        State("requested", _l("Requested, to be certified"), "waiting"),
        State("certified", _l("Certified, to be approved"), "waiting"),
        State("approved", _l("Approved, waits for its date"), "waiting"),
        State("ready", _l("Ready for release"), "attention"),
        State("released", _l("Released to the bank"), "waiting"),
        State("confirmed", _l("Confirmed by the bank"), "done"),
        State("settled", _l("Settled with the claim"), "done", terminal=True),
        State("failed", _l("Payment failed, money is back"), "stopped"),
        State("held", _l("Held, meeting postponed"), "attention"),
        State("cancelled", _l("Cancelled"), "stopped", terminal=True),
    ),
    moves=(
        Move("request", ("draft",), "requested", "disbursement.request", _l("Request the payment")),
        Move("certify", ("requested",), "certified", "disbursement.certify", _l("Certify")),
        Move("refuse_certification", ("requested",), "draft", "disbursement.certify",
             _l("Send back instead of certifying"), True),
        Move("approve", ("certified",), "approved", "disbursement.approve", _l("Approve")),
        Move("refuse_approval", ("certified",), "draft", "disbursement.approve",
             _l("Send back instead of approving"), True),
        Move("make_ready", ("approved",), "ready", SYSTEM, _l("Its date has come")),
        Move("release", ("ready",), "released", "disbursement.release", _l("Release to the bank")),
        Move("refuse_release", ("approved", "ready"), "draft", "disbursement.release",
             _l("Send back instead of releasing"), True),
        Move("confirm", ("released",), "confirmed", "disbursement.confirm", _l("Record the bank's confirmation")),
        Move("fail", ("released",), "failed", "disbursement.confirm", _l("Record that the payment failed"), True),
        Move("settle", ("confirmed",), "settled", SYSTEM, _l("Settled: the claim is decided, nothing is owed")),
        Move("plan_again", ("failed",), "draft", "disbursement.request", _l("Plan the payment again")),
        # what was signed has changed: the signatures no longer cover it, a new round begins
        Move("restart", ("requested", "certified", "approved", "ready"), "draft", SYSTEM,
             _l("Back to the start: payee data changed")),
        Move("hold", ("draft", "requested", "certified", "approved", "ready"), "held", SYSTEM,
             _l("Held: the meeting is postponed")),
        Move("resume", ("held",), "draft", SYSTEM, _l("Planned anew for the new dates")),
        Move("replan", ("requested", "certified", "approved", "ready"), "draft", SYSTEM,
             _l("Planned anew: the meeting's dates changed")),
        Move("cancel", UNRELEASED, "cancelled", SYSTEM, _l("Cancelled with its award")),
    ),
)

PAYEE = Machine(
    name="payee",
    tag_prefix="disbursements.payee",
    initial="wanted",
    states=states(
        State("wanted", _l("Bank data awaited"), "attention"),
        State("entered", _l("Entered, to be verified"), "waiting"),
        State("verified", _l("Verified"), "done"),
        State("ended", _l("No longer needed"), "stopped", terminal=True),
    ),
    moves=(
        Move("enter", ("wanted", "entered", "verified"), "entered", "payee.enter", _l("Give the bank data")),
        Move("verify", ("entered",), "verified", "payee.verify", _l("Verify against the proof")),
        Move("return", ("entered",), "wanted", "payee.verify", _l("Return for correction"), True),
        Move("end", ("wanted", "entered", "verified"), "ended", SYSTEM, _l("No longer needed")),
    ),
)
