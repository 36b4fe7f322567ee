"""A passkey in a real browser: made, and shown to approve, with a virtual authenticator in place of a finger."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from demonstration.cast import DOMAIN
from tests.browser.conftest import Person, Site, open_window, sign_in
from tests.browser.steps import show_factor

pytestmark = pytest.mark.browser
WHO = f"approving@{DOMAIN}"


@dataclass
class ByName(Site):
    """The same Placard at the one address where passkeys work: numbers have none."""

    @property
    def base(self) -> str:
        return f"http://localhost:{self.port}"


def _with_authenticator(person: Person) -> Any:
    """A device that verifies its user, and is plugged into this page."""
    debugger = person.context.new_cdp_session(person.page)
    debugger.send("WebAuthn.enable")
    made = debugger.send("WebAuthn.addVirtualAuthenticator", {"options": {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True}})
    return debugger, made["authenticatorId"]


def test_a_passkey_is_made_and_approves(browser: Browser, told_site: Site) -> None:
    numbers = open_window(browser, told_site)
    sign_in(numbers, WHO)
    numbers.open("/accounts/passkeys/new")
    numbers.sees("Passkeys work at http://localhost:")
    numbers.context.close()

    person = open_window(browser, ByName(told_site.folder, told_site.port, told_site.simulator_port))
    complaints: list[str] = []
    person.page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    sign_in(person, WHO)
    debugger, authenticator = _with_authenticator(person)
    person.open("/accounts/second-factor")
    person.press("Add a passkey")
    show_factor(person)  # the app is there already, so it is asked for first
    person.fill(name="Pocket key")
    person.sees("What is kept")
    with person.page.expect_navigation():
        person.page.get_by_role("button", name="Make the passkey").click()
    person.sees("Shown now and never again")  # people of the demonstration have no recovery codes before
    person.follow("I have kept them")
    person.sees("Pocket key", "never", "Recovery codes left")
    kept = debugger.send("WebAuthn.getCredentials", {"authenticatorId": authenticator})["credentials"]
    assert [k["rpId"] for k in kept] == ["localhost"]

    # another session, which has shown nothing yet, approves with it
    person.press("Sign out", within="header")
    sign_in(person, WHO)
    page = person.open("/desk")
    page.locator("main tbody tr").filter(has_text=re.compile("Approve")).first.get_by_role("link").first.click()
    person.settled("something to approve")
    matter = page.url
    page.locator("main form").get_by_role("button", name=re.compile("^Approve")).first.click()
    person.settled("approving")
    person.sees("Confirm that it is you")
    # a device that does not know its user is no second factor
    debugger.send("WebAuthn.setUserVerified", {"authenticatorId": authenticator, "isUserVerified": False})
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.locator("[data-passkey-state]")).to_contain_text("was not used")
    debugger.send("WebAuthn.setUserVerified", {"authenticatorId": authenticator, "isUserVerified": True})
    with page.expect_navigation():
        page.get_by_role("button", name="Use a passkey").click()
    person.settled("showing the passkey")
    assert "Confirm that it is you" not in page.locator("main").inner_text()
    page.goto(matter)
    expect(page.locator("main form").get_by_role("button", name=re.compile("^Approve"))).to_have_count(0)
    person.open("/accounts/second-factor")
    expect(page.locator("main tbody tr").filter(has_text="Pocket key")).not_to_contain_text("never")
    assert not complaints, complaints
    person.context.close()
