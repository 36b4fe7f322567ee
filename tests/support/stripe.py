"""Stripe for tests: signed events made by hand, and the simulator as a child process."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import requests
import stripe

ROOT = Path(__file__).resolve().parents[2]


def event(kind: str = "checkout.session.completed", object_id: str = "cs_test_1", **values: Any) -> dict[str, Any]:
    """A snapshot event as Stripe sends it."""
    return {
        "id": f"evt_{uuid.uuid4().hex}", "object": "event", "api_version": "2026-10-28.endive",
        "created": int(time.time()), "livemode": False, "type": kind,
        "data": {"object": {"id": object_id, "object": kind.rsplit(".", 1)[0],
                            "customer_details": {"email": "payer@secret.example", "name": "Payer Name"}}},
        **values,
    }


def signed(body: bytes, secret: str, at: int | None = None) -> str:
    """The Stripe-Signature header of these bytes."""
    return stripe.WebhookSignature.generate_signature_header(body.decode("utf-8", "replace"), secret, at)


def post_event(client: Any, app: Any, content: dict[str, Any] | bytes, **options: Any) -> Any:
    """Send an event to the webhook, signed unless `signature` says otherwise."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    secret = options.pop("secret", app.extensions["placard_settings"].stripe_webhook_secret)
    signature = options.pop("signature", signed(body, secret, options.pop("at", None)))
    headers = {"Stripe-Signature": signature} if signature is not None else {}
    return client.post("/webhooks/stripe", data=body, headers=headers, content_type="application/json", check=False)


class Simulator:
    """`python -m stripe_simulator` on a free port."""

    def __init__(self, folder: Path, webhook_url: str, secret: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "stripe_simulator", "--port", "0", "--state", str(folder / "stripe.sqlite3"),
             "--webhook-url", webhook_url, "--parent-pid", str(os.getpid())],
            cwd=ROOT, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "STRIPE_SIMULATOR_WEBHOOK_SECRET": secret},
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = re.search(r"http://\S+", line)
        assert found, f"the simulator did not start: {line!r}"
        self.url = found[0]

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=10)
        if self.process.stdout is not None:
            self.process.stdout.close()

    def control(self, path: str, /, **values: Any) -> dict[str, Any]:
        """Press a control switch."""
        answer = requests.post(f"{self.url}/_simulator/{path}", json=values, timeout=20)
        answer.raise_for_status()
        return answer.json()  # type: ignore[no-any-return]

    def status(self) -> dict[str, Any]:
        """Counts of what it holds, its balance and its switches."""
        answer = requests.get(f"{self.url}/_simulator/status", timeout=20)
        answer.raise_for_status()
        return answer.json()  # type: ignore[no-any-return]

    def client(self) -> stripe.StripeClient:
        """Stripe's own library against it, for what the application does not do."""
        return stripe.StripeClient("sk_test_x", base_addresses={"api": self.url}, max_network_retries=2)

    def press(self, page: str, action: str, **fields: str) -> requests.Response:
        """Press a button of a hosted page, as the payer's browser does, without following the way back."""
        data = {"action": action, "email": "payer@donor.example", "name": "A Payer", **fields}
        return requests.post(page, data=data, allow_redirects=False, timeout=20)

    def transfer(self, page: str, amount: str, reference: str = "", sender: str = "") -> requests.Response:
        """Play the payer's bank on an invoice page or a page of bank transfer instructions; `amount` in major units."""
        return self.press(page, "send", amount=amount, reference=reference, sender=sender)
