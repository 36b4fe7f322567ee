"""States and moves of an award, from the decision of the head of the fund to its end."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from core.machines import SYSTEM, Machine, Move, State, states

# A place: waiting for an answer or holding one. The unique index on live awards and every count go by these.
LIVE = ("reserve", "selected", "certified", "offered", "accepted", "suspended")
# The head's decision stands and the money is, or is about to be, promised.
HOLDS_PLACE = ("selected", "certified", "offered", "accepted", "suspended")
# The obligation is certified: money is reserved in the ledger.
RESERVED = ("certified", "offered", "accepted")
ENDED = ("turned_down", "lapsed", "refused", "withdrawn", "cancelled", "reserve_ended")

AWARD = Machine(
    name="award",
    tag_prefix="awards.award",
    initial="reserve",
    states=states(
        State("reserve", _l("On the reserve list"), "neutral"),
        State("selected", _l("Selected, to be certified"), "waiting"),
        State("certified", _l("Certified, to be approved"), "waiting"),
        State("offered", _l("Offered, answer awaited"), "attention"),
        State("accepted", _l("Accepted"), "done"),
        State("suspended", _l("Suspended, meeting postponed"), "attention"),
        State("closed", _l("Closed"), "done"),
        State("turned_down", _l("Turned down by the State"), "stopped", terminal=True),
        State("lapsed", _l("Lapsed without an answer"), "stopped", terminal=True),
        State("refused", _l("Obligation refused"), "stopped", terminal=True),
        State("withdrawn", _l("Withdrawn"), "stopped", terminal=True),
        State("cancelled", _l("Cancelled with the meeting"), "stopped", terminal=True),
        State("reserve_ended", _l("Reserve list closed"), "stopped", terminal=True),
    ),
    moves=(
        # every award is written as reserve; the head's decision, or its turn on the list, moves it on
        Move("select", ("reserve",), "selected", "award.decide", _l("Selected by the head of the fund")),
        Move("promote", ("reserve",), "selected", SYSTEM, _l("Moved up from the reserve list")),
        Move("estimate", ("selected",), "selected", "award.estimate", _l("Cost estimate changed")),
        Move("certify", ("selected",), "certified", "obligation.certify", _l("Certify the obligation")),
        Move("refuse_certification", ("selected",), "refused", "obligation.certify", _l("Refuse to certify"), True),
        Move("approve", ("certified",), "offered", "obligation.approve", _l("Approve and send the offer")),
        Move("refuse_approval", ("certified",), "refused", "obligation.approve", _l("Refuse to approve"), True),
        Move("accept", ("offered",), "accepted", "award.answer", _l("Accept the offer")),
        Move("turn_down", ("offered",), "turned_down", "award.answer", _l("Turn the offer down")),
        Move("lapse", ("offered",), "lapsed", SYSTEM, _l("Offer lapsed")),
        Move("give_back", ("accepted",), "withdrawn", "award.answer", _l("Give the award back")),
        Move("withdraw", ("reserve", "selected", "certified", "offered", "accepted", "suspended"), "withdrawn",
             "award.withdraw", _l("Withdraw the award"), True),
        Move("suspend", ("reserve", "selected", "certified", "offered", "accepted"), "suspended", SYSTEM,
             _l("Suspended: the meeting is postponed")),
        Move("resume_reserve", ("suspended",), "reserve", SYSTEM, _l("Taken up again")),
        Move("resume_selected", ("suspended",), "selected", SYSTEM, _l("Taken up again")),
        Move("resume_certified", ("suspended",), "certified", SYSTEM, _l("Taken up again")),
        Move("resume_offered", ("suspended",), "offered", SYSTEM, _l("Taken up again")),
        Move("resume_accepted", ("suspended",), "accepted", SYSTEM, _l("Taken up again")),
        Move("cancel", ("reserve", "selected", "certified", "offered", "accepted", "suspended"), "cancelled", SYSTEM,
             _l("Cancelled: the meeting is cancelled")),
        Move("leave", ("reserve", "suspended"), "withdrawn", SYSTEM, _l("The State withdrew its application")),
        Move("end_reserve", ("reserve",), "reserve_ended", SYSTEM, _l("Reserve list closed: the meeting has begun")),
        Move("close", ("accepted",), "closed", SYSTEM, _l("Closed: everything paid and travelled")),
        Move("reopen", ("closed",), "accepted", SYSTEM, _l("Opened again for a late claim")),
    ),
)
