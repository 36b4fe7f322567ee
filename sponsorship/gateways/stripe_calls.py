"""How Stripe is called: one client, and every failure as one kind of error with a code that is safe for logs.

No call runs while a transaction is open: a call may take a minute, and its effect could not be rolled back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeVar

import stripe
import structlog

from core.db import db
from core.settings import Settings, SettingsError
from sponsorship.gateways.stripe_webhook import secrets_of

log = structlog.get_logger("placard.stripe")
R = TypeVar("R")
PAGE = 100  # the most that Stripe lists at once


class GatewayError(Exception):
    """A call to Stripe did not succeed. `code` is safe for logs; `refused` when Stripe answered with a definite no,
    False when the outcome is unknown (no answer, or a fault on Stripe's side)."""

    def __init__(self, code: str, *, refused: bool) -> None:
        super().__init__(code)
        self.code = code
        self.refused = refused


def mode_of(key: str) -> bool:
    """True for a live key, False for a test key. Raises SettingsError for anything else."""
    for prefix in ("sk", "rk"):
        if key.startswith(f"{prefix}_live_"):
            return True
        if key.startswith(f"{prefix}_test_"):
            return False
    raise SettingsError("STRIPE_SECRET_KEY must start with sk_test_, sk_live_, rk_test_ or rk_live_")


class StripeCalls:
    """What every part of the gateway is made on. Raises SettingsError where key and surroundings do not fit."""

    def __init__(self, settings: Settings) -> None:
        self.livemode = mode_of(settings.stripe_secret_key)
        if self.livemode and (settings.uses_simulator or not settings.is_production):
            raise SettingsError("a live Stripe key is used in production only, and never with the simulator")
        self._secrets = secrets_of(settings.stripe_webhook_secret)
        if not self._secrets:
            raise SettingsError("STRIPE_WEBHOOK_SECRET is empty")
        self.api_version = stripe.api_version
        addresses: Any = {"api": settings.stripe_api_base} if settings.stripe_api_base else {}
        self._client = stripe.StripeClient(
            settings.stripe_secret_key, base_addresses=addresses, max_network_retries=2,
            stripe_version=self.api_version, http_client=stripe.RequestsClient(timeout=20),
        )

    def _call(self, call: Callable[[], R]) -> R:
        if db.session().in_transaction():
            raise RuntimeError("a provider may not be called while a transaction is open")
        started = time.monotonic()
        try:
            return call()
        except stripe.APIConnectionError:
            raise self._failed("no_connection", started, refused=False) from None
        except stripe.StripeError as error:
            status = error.http_status or 0
            # a definite no is Stripe's own words, not the page of some proxy in between
            refused = error.error is not None and 400 <= status < 500 and status not in (409, 429)
            code = str(getattr(error, "code", None) or type(error).__name__)[:60]
            raise self._failed(code, started, refused=refused) from None

    def _failed(self, code: str, started: float, *, refused: bool) -> GatewayError:
        # codes only, and no chained error: Stripe's messages quote what was sent
        log.warning("call to Stripe failed", code=code, refused=refused, seconds=round(time.monotonic() - started, 2))
        return GatewayError(code, refused=refused)

    def _pages(self, call: Callable[[Any], Any], params: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
        """Everything a list holds, page by page, the newest first. Each page is a call of its own: the caller may
        write between two. Raises GatewayError."""
        wanted: dict[str, Any] = {**params, "limit": PAGE}
        while True:
            page = self._call(partial(call, dict(wanted))).to_dict()
            if page["data"]:
                yield page["data"]
                wanted["starting_after"] = page["data"][-1]["id"]
            if not page["has_more"] or not page["data"]:
                return
