"""The states of a document, as data."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from core.machines import Machine, Move, State

MANAGE = "documents.manage"

_OPEN = ("draft", "issued")


def _in_place(action: str, label: object) -> tuple[Move, ...]:
    return tuple(Move(action, (source,), source, MANAGE, label) for source in _OPEN)


DOCUMENT = Machine(
    name="document",
    tag_prefix="documents.document",
    initial="draft",
    states=(
        State("draft", _l("Not issued yet"), "neutral"),
        State("issued", _l("Issued"), "done"),
        State("withdrawn", _l("Withdrawn"), "attention"),
        State("dropped", _l("Dropped before it was issued"), "stopped", terminal=True),
    ),
    moves=(
        *_in_place("edit", _l("Edit its particulars")),
        *_in_place("add_language", _l("Add a language version")),
        *_in_place("remove_language", _l("Remove a language version")),
        Move("issue", ("draft",), "issued", MANAGE, _l("Issue")),
        Move("withdraw", ("issued",), "withdrawn", MANAGE, _l("Withdraw"), needs_reason=True),
        Move("issue_again", ("withdrawn",), "issued", MANAGE, _l("Issue again")),
        Move("drop", ("draft",), "dropped", MANAGE, _l("Drop the draft")),
    ),
)
