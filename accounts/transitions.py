"""Opening of a State's account: its states and moves, as data."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from core.machines import Machine, Move, State

ACCOUNT_REQUEST = Machine(
    name="account_request",
    tag_prefix="accounts.request",
    initial="received",
    states=(
        State("received", _l("Received"), "waiting"),
        State("accepted", _l("Accepted"), "done", terminal=True),
        State("returned", _l("Returned"), "stopped", terminal=True),
    ),
    moves=(
        Move("accept", ("received",), "accepted", "account.request.review", _l("Accept and open the account")),
        Move("return", ("received",), "returned", "account.request.review", _l("Return"), needs_reason=True),
    ),
)
