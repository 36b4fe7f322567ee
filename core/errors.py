"""Typed errors of the domain. core.web.errors maps each to its page in one place."""

from __future__ import annotations


class PlacardError(Exception):
    """An expected refusal.

    `code` is stable and safe for logs; `message` is for people (already translated or lazy) and must never
    hold personal or bank data; `field` names the form field that can put it right, if there is one.
    """

    status = 400
    code = "refused"

    def __init__(self, message: object = "", *, code: str | None = None, field: str | None = None) -> None:
        super().__init__(str(code or self.code))
        self.message = message
        self.field = field
        if code:
            self.code = code


class NotFound(PlacardError):
    """No such object, or not one this person may know of: both look the same."""

    status = 404
    code = "not_found"


class NotAllowed(PlacardError):
    """The person is signed in but holds no role that permits this."""

    status = 403
    code = "not_allowed"


class SignInNeeded(PlacardError):
    """Nobody is signed in."""

    status = 401
    code = "sign_in_needed"


class Stale(PlacardError):
    """The page showed an older version than the one that now stands."""

    status = 409
    code = "stale"


class IllegalMove(PlacardError):
    """The state table does not allow this action from this state."""

    status = 409
    code = "illegal_move"


class RuleBroken(PlacardError):
    """A rule of the domain refuses; the message says what to do instead."""

    status = 422
    code = "rule_broken"


class Busy(PlacardError):
    """The database stayed busy through three tries; nothing was written, trying again is safe."""

    status = 503
    code = "busy"
