"""Steps that people take again and again, on whatever site they are."""

from __future__ import annotations

import re
import time
from typing import Any

from playwright.sync_api import expect

from tests.browser.conftest import Person


def reference(person: Person) -> str:
    """The reference of the page, as printed at its head."""
    return person.page.locator(".page-reference .code").first.inner_text().strip()


def desk(person: Person, *texts: str) -> None:
    """Open My desk and follow the matter whose row says all of `texts`."""
    page = person.open("/desk")
    row = page.locator("main tbody tr")
    for text in texts:
        row = row.filter(has_text=text)
    expect(row).to_have_count(1)
    row.get_by_role("link").first.click()
    person.settled(f"desk {texts}")


def show_factor(person: Person) -> None:
    """Answer the page that asks for the second factor, with the code that the demonstration shows for this person. A
    code that was taken already is waited out, as a person would."""
    person.sees("Confirm that it is you")
    email = person.email
    end = time.monotonic() + 45
    while True:
        listed = person.context.request.get(f"{person.site.base}/demonstration").text()
        row = re.search(rf"<code>{re.escape(email)}</code></td>\s*<td[^>]*><code>([0-9]{{6}})</code>", listed)
        if row:
            break
        assert time.monotonic() < end, f"no code for {email}"
        time.sleep(1)
    person.fill(second_factor=row.group(1))
    person.press("Confirm and go on")


def mails(person: Person, to: str, subject: str) -> None:
    """Open the local mailbox until a mail has arrived, and read it. The outbox is sent by schedule."""
    end = time.monotonic() + 30
    while True:
        page = person.open("/mailbox/")
        row = page.locator("main tbody tr").filter(has_text=to).filter(has_text=subject)
        if row.count():
            row.first.get_by_role("link").click()
            person.settled("mail")
            return
        assert time.monotonic() < end, f"no mail “{subject}” to {to}: {page.locator('main').inner_text()[:600]}"
        time.sleep(0.3)


def until_received(person: Person) -> None:
    """Refresh the page as a donor would, until Stripe's word has come."""
    for _ in range(60):
        link = person.page.get_by_role("link", name="Refresh this page")
        if not link.count():
            return
        time.sleep(0.25)
        link.click()
        person.settled("refresh")
    raise AssertionError("the payment was never confirmed")


def figure(page: Any, label: str) -> str:
    """The figure of this label, as it stands on the page."""
    shown = page.locator("dl.figure").filter(has=page.locator("dt", has_text=re.compile(f"^{label}$")))
    return str(shown.locator("dd.value").first.inner_text()).replace("\xa0", " ").strip()
