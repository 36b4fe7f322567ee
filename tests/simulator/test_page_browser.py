"""The hosted page in headless Chromium: it can be paid under its own content policy, fits, and reads well."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from .conftest import Simulator, session_params
from .test_bank_transfers import invoice_for, wanted

pytestmark = pytest.mark.browser
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=CHROMIUM)
        yield made
        made.close()


@pytest.fixture
def shop() -> Iterator[str]:
    """Where payers return to; another origin than the simulator's."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<title>Back</title>")

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def judge(page: Page, width: int) -> None:
    """It fits, a machine finds no barrier, and it says what it is."""
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert [v["id"] for v in Axe().run(page).response["violations"]] == []
    assert page.get_by_text("Simulated payment page: no money moves.").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 375, 1280])
def test_decline_confirm_and_pay(
    simulator: Simulator, browser: Browser, shop: str, width: int, scheme: Any
) -> None:
    session = simulator.client().v1.checkout.sessions.create(
        session_params(success_url=f"{shop}/done?s={{CHECKOUT_SESSION_ID}}", cancel_url=f"{shop}/back")
    )
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, java_script_enabled=True
    )
    page = context.new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)

    def looks_right() -> None:
        judge(page, width)

    page.goto(str(session.url))
    looks_right()
    page.get_by_role("button", name="Decline card").click()
    assert "Your card was declined." in page.get_by_role("alert").inner_text()
    looks_right()
    page.get_by_role("button", name="3-D Secure").click()
    page.get_by_role("heading", name="Is this payment yours?").wait_for()
    looks_right()
    page.get_by_role("button", name="Confirm payment").click()
    page.wait_for_url(f"{shop}/done?s={session.id}")
    page.goto(f"{simulator.url}/c/pay/{session.id}")
    page.get_by_role("heading", name="Already paid").wait_for()
    looks_right()
    assert problems == []
    context.close()


def test_pay_and_abandon_without_scripts(simulator: Simulator, browser: Browser, shop: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    for button, place in (("Donate USD 25.00", "/done"), ("Abandon and go back without paying", "/back")):
        session = simulator.client().v1.checkout.sessions.create(
            session_params(success_url=f"{shop}/done", cancel_url=f"{shop}/back")
        )
        page.goto(str(session.url))
        page.get_by_role("button", name=button).click()
        page.wait_for_url(f"{shop}{place}")
    context.close()


@pytest.mark.parametrize(("width", "scheme"), [(320, "dark"), (1280, "light")])
def test_an_invoice_and_a_transfer(simulator: Simulator, browser: Browser, width: int, scheme: Any) -> None:
    client = simulator.client()
    customer = client.v1.customers.create({"email": "a@state.example", "name": "Ministry"}).id
    invoice = invoice_for(client, customer, 120_000)
    intent: Any = client.v1.payment_intents.create(wanted(customer, 50_000, "eur"))
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.goto(str(invoice.hosted_invoice_url))
    judge(page, width)
    page.get_by_role("button", name="3-D Secure").click()
    page.get_by_role("heading", name="Is this payment yours?").wait_for()
    page.get_by_role("button", name="Fail authentication").click()
    assert "unable to authenticate" in page.get_by_role("alert").inner_text()
    page.get_by_label("Amount to send").fill("500.00")
    page.get_by_role("button", name="Send by bank transfer").click()
    assert "USD 500.00 received so far." in page.get_by_role("status").inner_text()
    judge(page, width)
    assert page.get_by_label("Amount to send").input_value() == "700.00"
    page.get_by_role("button", name="Send by bank transfer").click()
    page.get_by_role("heading", name="Invoice paid").wait_for()
    page.goto(str(invoice.invoice_pdf))
    judge(page, width)
    assert problems == []
    page.goto(intent.next_action.display_bank_transfer_instructions.hosted_instructions_url)
    page.get_by_label("Amount to send").fill("much")
    page.get_by_role("button", name="Send by bank transfer").click()
    assert "as a number" in page.get_by_role("alert").inner_text()
    assert page.get_by_label("Amount to send").input_value() == "much"
    judge(page, width)
    page.get_by_label("Amount to send").fill("500")
    page.get_by_role("button", name="Send by bank transfer").click()
    page.get_by_role("heading", name="The money has arrived").wait_for()
    context.close()
