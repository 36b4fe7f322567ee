"""States and moves of a disbursement and of the payee data it is paid by."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from core.machines import SYSTEM, Machine, Move, State, states

# what has not left; `BACK`: the money is reserved again, so the payment may be planned anew
BACK = ("rejected", "failed", "returned", "reversed")
UNRELEASED = ("draft", "requested", "certified", "approved", "ready", "held", *BACK)
UNDERWAY = ("requested", "certified", "approved", "ready")
DONE = ("settled", "cancelled")
# signed by a bank signatory, and the money is on its way or paid: nobody pays it again
LEFT = ("released", "sending", "sent", "unknown", "confirmed", "settled")
AT_THE_BANK = ("released", "sent", "unknown")
PAID = ("confirmed", "settled")

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
        State("released", _l("Released, to be handed over"), "attention"),
        State("sending", _l("On its way to the bank"), "waiting"),
        State("sent", _l("With the bank"), "waiting"),
        State("unknown", _l("Unknown: paid or not"), "attention"),
        State("confirmed", _l("Confirmed by the bank"), "done"),
        State("settled", _l("Settled with the claim"), "done"),
        State("rejected", _l("Rejected by the bank, money is back"), "stopped"),
        State("failed", _l("Payment failed, money is back"), "stopped"),
        State("returned", _l("Came back from the payee’s bank"), "stopped"),
        State("reversed", _l("Reversed by the bank, money is back"), "stopped"),
        State("held", _l("Held, meeting postponed"), "attention"),
        State("cancelled", _l("Cancelled"), "stopped", terminal=True),
    ),
    moves=(
        Move("request", ("draft",), "requested", "disbursement.request", _l("Request the payment")),
        Move("certify", ("requested",), "certified", "disbursement.certify", _l("Certify")),
        Move("refuse_certification", ("requested",), "draft", "disbursement.certify",
             _l("Send back instead of certifying"), True),
        # where a rule asks for two approving officers, the first leaves it where it stands
        Move("approve_first", ("certified",), "certified", "disbursement.approve", _l("Approve, first of two")),
        Move("approve", ("certified",), "approved", "disbursement.approve", _l("Approve")),
        Move("refuse_approval", ("certified",), "draft", "disbursement.approve",
             _l("Send back instead of approving"), True),
        Move("make_ready", ("approved",), "ready", SYSTEM, _l("Its date has come")),
        Move("release", ("ready",), "released", "disbursement.release", _l("Release to the bank")),
        Move("refuse_release", ("approved", "ready"), "draft", "disbursement.release",
             _l("Send back instead of releasing"), True),
        # the rail "paymaster cash": what two people counted stands for the bank's word
        Move("pay_cash", ("sent",), "confirmed", "paymaster.pay", _l("Paid in cash, counted by two")),
        Move("return_cash", ("sent",), "returned", "paymaster.pay", _l("Cash not paid out, counted by two"), True),
        # the bank admits that an earlier round of a payment in the same file was paid: the file is not handed over
        Move("withdraw", ("released",), "draft", SYSTEM, _l("The file is withdrawn before the bank has it")),
        Move("hand_over", ("released",), "sent", "disbursement.release", _l("Confirm that the bank has the file")),
        # rails with an interface only: what is sending when a copy of the database is restored is nobody's to guess
        Move("begin_sending", ("released",), "sending", SYSTEM, _l("Sending begun")),
        Move("end_sending", ("sending",), "sent", SYSTEM, _l("The bank has taken it")),
        Move("lose_sight", ("sending",), "unknown", SYSTEM, _l("Restored while it was being sent")),
        # a bank's word counts whether or not somebody noted that the file was handed over
        Move("confirm", AT_THE_BANK, "confirmed", "disbursement.confirm", _l("Record the bank’s confirmation")),
        Move("reject", AT_THE_BANK, "rejected", "disbursement.confirm", _l("Record that the bank rejected it"), True),
        Move("fail", AT_THE_BANK, "failed", "disbursement.confirm", _l("Record that the payment failed"), True),
        Move("return", ("sent", "unknown", *PAID), "returned", "disbursement.confirm",
             _l("Record that the money came back"), True),
        Move("reverse", ("sent", "unknown", *PAID), "reversed", "disbursement.confirm",
             _l("Record that the bank reversed it"), True),
        Move("doubt", ("released", "sent"), "unknown", "disbursement.confirm",
             _l("Nobody knows whether it was paid"), True),
        # the bank had said that it was not paid, and now says that it was
        Move("contradict", (*BACK, "draft", *UNDERWAY), "unknown", "disbursement.confirm",
             _l("The bank contradicts its earlier word"), True),
        # the same, said of an earlier release by one person and agreed to by another (LOSS)
        Move("reopen", (*BACK, "draft", *UNDERWAY), "unknown", "disbursement.resolve",
             _l("Two people find that an earlier release was paid")),
        Move("find_paid", ("unknown",), "confirmed", "disbursement.resolve", _l("Two people find that it was paid")),
        Move("find_unpaid", ("unknown",), "failed", "disbursement.resolve",
             _l("Two people find that it was not paid")),
        Move("settle", ("confirmed",), "settled", SYSTEM, _l("Settled: the claim is decided, nothing is owed")),
        Move("plan_again", BACK, "draft", "disbursement.request", _l("Plan the payment again")),
        # what was signed has changed: the signatures no longer cover it, a new round begins
        Move("restart", ("requested", "certified", "approved", "ready"), "draft", SYSTEM,
             _l("Back to the start: payee data changed")),
        Move("hold", ("draft", "requested", "certified", "approved", "ready"), "held", SYSTEM,
             _l("Held: the meeting is postponed")),
        Move("resume", ("held",), "draft", SYSTEM, _l("Planned anew for the new dates")),
        Move("replan", ("requested", "certified", "approved", "ready"), "draft", SYSTEM,
             _l("Planned anew: the meeting’s dates changed")),
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
        Move("identify", ("wanted", "entered", "verified"), "entered", "payee.enter", _l("Give the identity")),
        Move("verify", ("entered",), "verified", "payee.verify", _l("Verify against the proof")),
        Move("return", ("entered",), "wanted", "payee.verify", _l("Return for correction"), True),
        # another rail is chosen: it needs what nobody gave, or no longer needs what was asked for
        Move("ask", ("entered", "verified"), "wanted", "payee.verify", _l("Asked for what this way of payment needs")),
        Move("resume", ("wanted",), "entered", "payee.verify", _l("What stands is enough for this way of payment")),
        Move("end", ("wanted", "entered", "verified"), "ended", SYSTEM, _l("No longer needed")),
    ),
)

FINDING = Machine(
    name="finding",
    tag_prefix="disbursements.finding",
    initial="asked",
    states=states(
        State("asked", _l("To be agreed by another person"), "waiting"),
        State("agreed", _l("Agreed by two people"), "done", terminal=True),
        State("refused", _l("Refused"), "stopped", terminal=True),
        State("overtaken", _l("Overtaken by the bank’s word"), "stopped", terminal=True),
    ),
    moves=(
        Move("agree", ("asked",), "agreed", "disbursement.resolve", _l("Agree")),
        Move("refuse", ("asked",), "refused", "disbursement.resolve", _l("Refuse"), True),
        Move("overtake", ("asked",), "overtaken", SYSTEM, _l("The bank has answered")),
    ),
)

CASH_COUNT = Machine(
    name="cash_count",
    tag_prefix="disbursements.cash_count",
    initial="counted",
    states=states(
        State("counted", _l("To be counted by a second person"), "waiting"),
        State("agreed", _l("Counted by two"), "done", terminal=True),
        State("taken_back", _l("Taken back, to be counted anew"), "stopped", terminal=True),
    ),
    moves=(
        Move("agree", ("counted",), "agreed", "paymaster.pay", _l("Count again and agree")),
        Move("take_back", ("counted",), "taken_back", "paymaster.pay", _l("Take the count back")),
    ),
)

LOSS = Machine(
    name="payment_loss",
    tag_prefix="disbursements.loss",
    initial="asked",
    states=states(
        State("asked", _l("To be agreed by another person"), "waiting"),
        State("agreed", _l("Lost until it is back"), "attention"),
        State("cleared", _l("Nothing lost: it counts as the payment"), "done", terminal=True),
        State("back", _l("Back in full"), "done", terminal=True),
        State("refused", _l("Refused"), "stopped", terminal=True),
    ),
    moves=(
        Move("agree", ("asked",), "agreed", "disbursement.resolve", _l("Agree: the money is lost until it is back")),
        # no later round has left, so that what the bank paid is the payment
        Move("clear", ("asked",), "cleared", "disbursement.resolve", _l("Agree: it counts as the payment")),
        Move("refuse", ("asked",), "refused", "disbursement.resolve", _l("Refuse"), True),
        Move("record_part", ("agreed",), "agreed", "recovery.record", _l("Part of it is back")),
        Move("record_rest", ("agreed",), "back", "recovery.record", _l("All of it is back")),
        # the later round was not paid in the end: the earlier one is the payment
        Move("undo", ("agreed",), "cleared", "disbursement.confirm", _l("The later round was not paid")),
    ),
)

MATCH = Machine(
    name="sanctions_match",
    tag_prefix="disbursements.sanctions_match",
    initial="open",
    states=states(
        State("open", _l("Possible match, to be looked at"), "attention"),
        State("proposed", _l("One officer proposes to clear it"), "waiting"),
        State("cleared", _l("Cleared by two officers"), "done", terminal=True),
        State("confirmed", _l("Confirmed: nothing is paid"), "stopped"),
        State("lapsed", _l("No longer alike"), "neutral", terminal=True),
    ),
    moves=(
        Move("propose", ("open",), "proposed", "sanctions.review", _l("Propose to clear it"), True),
        Move("clear", ("proposed",), "cleared", "sanctions.review", _l("Clear it"), True),
        Move("object", ("proposed",), "open", "sanctions.review", _l("Object"), True),
        Move("confirm", ("open", "proposed"), "confirmed", "sanctions.review", _l("Confirm the match"), True),
        Move("reopen", ("confirmed",), "open", "sanctions.review", _l("Look again"), True),
        Move("lapse", ("open", "proposed"), "lapsed", SYSTEM, _l("The payee or the list has changed")),
    ),
)
