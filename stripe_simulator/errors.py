"""Errors in Stripe's shape (Stripe API reference, "Errors" and "Error codes")."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """One refusal. ``keep_changes``: what was done before it is committed (a declined card)."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        keep_changes: bool = False,
        **extra: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.keep_changes = keep_changes
        self.error: dict[str, Any] = {"message": message, "type": type}
        if code is not None:
            self.error["code"] = code
            self.error["doc_url"] = f"https://docs.stripe.com/error-codes/{code.replace('_', '-')}"
        if param is not None:
            self.error["param"] = param
        self.error.update(extra)

    def body(self) -> dict[str, Any]:
        """The JSON answer."""
        return {"error": self.error}


class InvalidParameters(ApiError):
    """Failed validation before anything ran: the answer is not kept for the idempotency key."""

    def __init__(self, message: str, *, code: str | None = None, param: str | None = None) -> None:
        super().__init__(400, message, code=code, param=param)


def missing(param: str) -> InvalidParameters:
    """``parameter_missing``."""
    return InvalidParameters(f"Missing required param: {param}.", code="parameter_missing", param=param)


def unsupported(param: str) -> InvalidParameters:
    """A parameter Stripe knows and the simulator does not act on: refused, never ignored in silence."""
    return InvalidParameters(
        f"The simulator does not act on the parameter {param} yet; it refuses it rather than ignore it.",
        code="simulator_unsupported",
        param=param,
    )


def no_such(kind: str, object_id: str, param: str, status: int = 404) -> ApiError:
    """``resource_missing``."""
    return ApiError(status, f"No such {kind}: '{object_id}'", code="resource_missing", param=param)


def card_error(
    message: str,
    code: str,
    *,
    decline_code: str | None,
    charge: str | None,
    payment_intent: dict[str, Any] | None,
) -> ApiError:
    """402: the card was refused; the failed attempt stays on record."""
    extra: dict[str, Any] = {}
    if decline_code:
        extra["decline_code"] = decline_code
    if charge:
        extra["charge"] = charge
    if payment_intent is not None:
        extra["payment_intent"] = payment_intent
    return ApiError(402, message, type="card_error", code=code, keep_changes=True, **extra)


#: What an injected fault answers (POST /_simulator/faults), by status.
FAULTS: dict[int, tuple[str, str, str | None]] = {
    400: ("invalid_request_error", "Simulated bad request.", None),
    401: ("invalid_request_error", "Simulated authentication failure.", None),
    402: ("card_error", "Your card was declined.", "card_declined"),
    403: ("invalid_request_error", "Simulated permission failure.", None),
    404: ("invalid_request_error", "Simulated missing resource.", "resource_missing"),
    409: (
        "invalid_request_error",
        "This object cannot be accessed right now: another request is using it.",
        "lock_timeout",
    ),
    429: ("invalid_request_error", "Request rate limit exceeded.", "rate_limit"),
}


def injected(status: int) -> ApiError:
    """The answer of an injected fault."""
    kind, message, code = FAULTS.get(status, ("api_error", f"Simulated failure {status}.", None))
    return ApiError(status, message, type=kind, code=code)
