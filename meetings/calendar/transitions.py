"""The states of a meeting, as data."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from core.machines import SYSTEM, Machine, Move, State

MANAGE = "calendar.manage"
DRAFT_STATES = ("mandated", "provisional", "fixed")  # their dates are the organiser's own affair
_ALL_BUT_CANCELLED = (*DRAFT_STATES, "published", "postponed", "held")


def _in_place(action: str, label: object, sources: tuple[str, ...]) -> tuple[Move, ...]:
    return tuple(Move(action, (source,), source, MANAGE, label) for source in sources)


MEETING = Machine(
    name="meeting",
    tag_prefix="calendar.meeting",
    initial="mandated",
    states=(
        State("mandated", _l("No dates yet"), "neutral"),
        State("provisional", _l("Provisional dates"), "neutral"),
        State("fixed", _l("Dates fixed, not published"), "waiting"),
        State("published", _l("Published"), "waiting"),
        State("postponed", _l("Postponed"), "attention"),
        State("cancelled", _l("Cancelled"), "stopped", terminal=True),
        State("held", _l("Held"), "done"),
    ),
    moves=(
        # dates may be tried, dropped and settled freely until the meeting is published
        Move("undate", ("provisional", "fixed"), "mandated", MANAGE, _l("Take the dates back")),
        Move("propose", ("mandated", "fixed"), "provisional", MANAGE, _l("Set provisional dates")),
        Move("fix", ("mandated", "provisional"), "fixed", MANAGE, _l("Fix the dates")),
        *_in_place("edit", _l("Edit"), _ALL_BUT_CANCELLED),
        *_in_place("announce", _l("Show on the public calendar"), DRAFT_STATES),
        Move("publish", ("fixed",), "published", MANAGE, _l("Publish")),
        Move("postpone", ("published",), "postponed", MANAGE, _l("Postpone"), needs_reason=True),
        Move("redate", ("published", "postponed"), "published", MANAGE, _l("Set new dates"), needs_reason=True),
        Move("cancel", (*DRAFT_STATES, "published", "postponed"), "cancelled", MANAGE, _l("Cancel the meeting"),
             needs_reason=True),
        Move("close", ("published",), "held", SYSTEM, _l("Close after the last day")),
    ),
)
