"""What stands between the webhook and the inbox: only what Stripe signed for us, now, in the one shape it uses."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from typing import Any

import stripe

TOLERANCE = 300  # seconds a signature may lie off our clock, in either direction
MAX_EVENT_BYTES = 512 * 1024
_CODE = re.compile(r"[A-Za-z0-9_.:-]{1,100}")


class BadSignature(Exception):
    """The bytes are not an event that Stripe signed for us, now."""


def secrets_of(text: str) -> tuple[str, ...]:
    """The signing secrets in STRIPE_WEBHOOK_SECRET: one, or several with commas while a secret is being changed."""
    return tuple(part for part in (piece.strip() for piece in text.split(",")) if part)


def verified(raw: bytes, signature: str | None, secrets: Sequence[str]) -> dict[str, Any]:
    """The event in `raw`, once one of `secrets` proves its signature on these very bytes. Raises BadSignature for
    everything else: unsigned, signed by another, old, from the future, not JSON, ambiguous, or no snapshot event."""
    if len(raw) > MAX_EVENT_BYTES:
        raise BadSignature("too large")
    try:
        text = raw.decode("utf-8")
        _prove(text, signature, secrets)
        event = json.loads(text, object_pairs_hook=_said_once, parse_constant=_no_number)
        # stripe-python accepts any timestamp in the future
        stamp = int(next(part[2:] for part in str(signature).split(",") if part.startswith("t=")))
    except (stripe.SignatureVerificationError, ValueError, RecursionError) as error:
        raise BadSignature(type(error).__name__) from error
    if stamp > time.time() + TOLERANCE:
        raise BadSignature("from the future")
    if not is_event(event):
        raise BadSignature("no snapshot event")
    return dict(event)


def _prove(text: str, signature: str | None, secrets: Sequence[str]) -> None:
    for n, secret in enumerate(secrets, 1):
        try:
            stripe.WebhookSignature.verify_header(text, signature, secret, TOLERANCE)
            return
        except stripe.SignatureVerificationError:
            if n == len(secrets):
                raise


def _said_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A key said twice is read in one way here and in another elsewhere."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is said twice")
    return found


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")


def is_event(event: Any) -> bool:
    """Whether this is a snapshot event, as far as the inbox relies on it."""
    if not isinstance(event, dict) or event.get("object") != "event":
        return False
    data = event.get("data")
    return (
        isinstance(data, dict) and isinstance(data.get("object"), dict)
        and all(isinstance(value, str) and _CODE.fullmatch(value) is not None
                for value in (event.get("id"), event.get("type")))
        and isinstance(event.get("livemode"), bool)
        and type(event.get("created")) is int and 0 < event["created"] < 2**33
    )


def object_id(event: dict[str, Any]) -> str:
    """What an event is about: the id of its object, or the customer whose cash balance it is; empty when unreadable."""
    thing = event["data"]["object"]
    found = thing.get("customer") if thing.get("object") == "cash_balance" else thing.get("id")
    return found if isinstance(found, str) and _CODE.fullmatch(found) else ""


def foreign(event: dict[str, Any], livemode: bool, version: str | None) -> str:
    """Why an event is not for this installation: the code of a problem, or empty. `version` is the version of the API
    that our library speaks."""
    if event["livemode"] != livemode:
        return "other_mode"
    if event.get("account") or event.get("context"):
        return "other_account"
    if version is not None and event.get("api_version") != version:
        return "other_version"
    return ""
