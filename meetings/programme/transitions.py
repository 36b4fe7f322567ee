"""The standing of a programme of work, as data. Provisional and indicative programmes are the secretariat's proposals;
only the meeting adopts one, so `adopt` records what the meeting did, and a change made afterwards is a proposal again.
"""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from core.machines import Machine, Move, State

MANAGE = "programme.manage"
REQUEST = "programme.request"
STANDINGS = ("provisional", "indicative", "adopted")
_EVERY = ("draft", *STANDINGS)

PROGRAMME = Machine(
    name="programme",
    tag_prefix="programme",
    initial="draft",
    states=(
        State("draft", _l("Draft, nothing published"), "neutral"),
        State("provisional", _l("Provisional"), "waiting"),
        State("indicative", _l("Indicative"), "waiting"),
        State("adopted", _l("Adopted by the meeting"), "done"),
    ),
    moves=(
        # the draft behind what is published may change at any time; readers see nothing of it before the next version
        *(Move("edit", (state,), state, MANAGE, _l("Change the draft")) for state in _EVERY),
        Move("publish_provisional", ("draft", "provisional"), "provisional", MANAGE, _l("Publish as provisional")),
        Move("publish_indicative", _EVERY, "indicative", MANAGE, _l("Publish as indicative")),
        Move("adopt", ("provisional", "indicative", "adopted"), "adopted", MANAGE,
             _l("Record that the meeting adopted it")),
    ),
)
ACTION_OF = {"provisional": "publish_provisional", "indicative": "publish_indicative", "adopted": "adopt"}

SIDE_EVENT = Machine(
    name="side_event",
    tag_prefix="programme.side_event",
    initial="requested",
    states=(
        State("requested", _l("Requested"), "waiting"),
        State("accepted", _l("Accepted"), "done"),
        State("declined", _l("Not accepted"), "stopped", terminal=True),
        State("withdrawn", _l("Withdrawn"), "stopped", terminal=True),
    ),
    moves=(
        Move("accept", ("requested",), "accepted", MANAGE, _l("Accept, with a slot and a room")),
        Move("decline", ("requested",), "declined", MANAGE, _l("Do not accept"), needs_reason=True),
        Move("withdraw", ("requested", "accepted"), "withdrawn", REQUEST, _l("Withdraw")),
    ),
)
