"""The simulator as a child process on a free port, a receiver of its webhooks, and the SDK to drive it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import stripe

from .report import pytest_terminal_summary as pytest_terminal_summary  # a hook of this folder

ROOT = Path(__file__).resolve().parents[2]
SECRET = "whsec_for_tests_only"


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Redirects are looked at, not followed."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirect)


class Reply:
    """Status, headers and body of any answer, errors included."""

    def __init__(self, status: int, headers: Any, body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.text = body.decode()

    def json(self) -> Any:
        return json.loads(self.text)


def fetch(
    url: str, data: bytes | None = None, headers: dict[str, str] | None = None, method: str | None = None
) -> Reply:
    """One request."""
    request = urllib.request.Request(url, data, headers or {}, method=method)
    try:
        with _OPENER.open(request, timeout=30) as answer:
            return Reply(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return Reply(error.code, error.headers, error.read())


def until(check: Callable[[], Any], seconds: float = 10.0) -> Any:
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := check():
            return found
        time.sleep(0.03)
    raise AssertionError("it did not happen in time")


class Receiver:
    """A webhook endpoint: keeps what came, and answers what it is told to."""

    def __init__(self) -> None:
        self.got: list[tuple[bytes, str]] = []
        self.answers: list[int] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.got.append((body, self.headers["Stripe-Signature"]))
                self.send_response(outer.answers.pop(0) if outer.answers else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/webhooks/stripe"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def events(self) -> list[stripe.Event]:
        """Everything received, each verified as the SDK does."""
        return [stripe.Webhook.construct_event(body, header, SECRET) for body, header in list(self.got)]

    def types(self) -> list[str]:
        return [event.type for event in self.events()]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class Simulator:
    """One child process and the ways to talk to it."""

    def __init__(self, state: Path, *options: str, webhook_url: str | None = None) -> None:
        self.state = state
        self.options = options
        self.webhook_url = webhook_url
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        command = [
            sys.executable,
            "-m",
            "stripe_simulator",
            "--port",
            str(self.port),
            "--state",
            str(self.state),
            "--parent-pid",
            str(os.getpid()),
            *self.options,
        ]
        if self.webhook_url:
            command += ["--webhook-url", self.webhook_url, "--webhook-secret", SECRET]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith(f"Stripe simulator ready at {self.url}"), line

    def stop(self, how: int = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        code = self.process.wait(timeout=10)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def client(self, key: str = "sk_test_x") -> stripe.StripeClient:
        return stripe.StripeClient(key, base_addresses={"api": self.url}, max_network_retries=2)

    def raw(self, path: str, form: dict[str, str] | None = None, **headers: str) -> Reply:
        """A request to the API without the SDK; ``Idempotency_Key="k"`` becomes a header."""
        data = urllib.parse.urlencode(form).encode() if form is not None else None
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return fetch(self.url + path, data, {"Authorization": "Bearer sk_test_x"} | given)

    def control(self, path: str, body: dict[str, Any] | None = None, method: str | None = None) -> Any:
        data = json.dumps(body).encode() if body is not None else None
        reply = fetch(f"{self.url}/_simulator/{path}", data, {"Content-Type": "application/json"}, method)
        assert reply.status == 200, reply.text
        return reply.json()

    def press(self, url: str, action: str, **fields: str) -> Reply:
        """Post the form of a hosted page."""
        data = urllib.parse.urlencode({"action": action, **fields}).encode()
        return fetch(url, data, {"Origin": self.url})


def session_params(**changes: Any) -> dict[str, Any]:
    """A donation of 25.00 dollars."""
    return {
        "mode": "payment",
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": "usd",
                    "unit_amount": 2500,
                    "product_data": {"name": "Contribution to the fund"},
                },
            }
        ],
        "success_url": "http://127.0.0.1:9/done?session={CHECKOUT_SESSION_ID}",
        "cancel_url": "http://127.0.0.1:9/cancelled",
        "client_reference_id": "contribution-7",
        "metadata": {"contribution": "7"},
        "payment_intent_data": {"metadata": {"contribution": "7"}},
        "submit_type": "donate",
        **changes,
    }


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """Shared by a module's tests; no webhooks."""
    made = Simulator(tmp_path_factory.mktemp("simulator") / "state.sqlite3")
    yield made
    made.stop()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def hooked(tmp_path: Path, receiver: Receiver) -> Iterator[Simulator]:
    """One of its own, with webhooks."""
    made = Simulator(tmp_path / "state.sqlite3", webhook_url=receiver.url)
    yield made
    if made.process.poll() is None:
        made.stop()


@pytest.fixture
def client(simulator: Simulator) -> stripe.StripeClient:
    return simulator.client()


@pytest.fixture
def paid(simulator: Simulator, client: stripe.StripeClient) -> Any:
    """A session paid on the hosted page, with everything expanded."""
    session = client.v1.checkout.sessions.create(session_params())
    assert simulator.press(str(session.url), "pay").status == 303
    return client.v1.checkout.sessions.retrieve(
        session.id, {"expand": ["payment_intent.latest_charge.balance_transaction", "line_items"]}
    )


def without_ids(text: str) -> str:
    """Identifiers blanked, for comparing answers."""
    return re.sub(r"(req|cs_test|pi|ch|txn|evt|re)_[A-Za-z0-9]+", r"\1_", text)
