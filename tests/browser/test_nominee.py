"""A nominee on a telephone: the link from the mail, corrected, confirmed, a photograph sent; and a draft that
keeps itself while the mission types."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Cast, Site, open_window
from tests.browser.steps import mails
from tests.support.papers import jpeg

pytestmark = pytest.mark.browser
NOMINEE = "nominee1-xa@"


def test_a_nominee_confirms_on_a_telephone(people: Cast, browser: Browser, told_site: Site) -> None:
    focal = people["focal-xa"]
    focal.open("/sponsorship/applications/")
    focal.page.locator("main tr", has_text="Demo BMS C").get_by_role("link").first.click()
    focal.settled("application")
    application = focal.path()

    # a draft keeps itself while somebody types
    page = focal.open(f"{application}form/contribution")
    page.locator('[name="own_contribution"]').fill("")
    page.locator('[name="own_contribution"]').press_sequentially("Visa, and a hotel for one night.")
    expect(page.locator("[data-draft-state]")).to_contain_text("Draft saved at")
    focal.open(f"{application}form/contribution")
    expect(page.locator('[name="own_contribution"]')).to_have_value("Visa, and a hotel for one night.")
    # what was saved elsewhere meanwhile is not overwritten: this window stops and says so
    other = focal.context.new_page()
    other.goto(told_site.base + f"{application}form/contribution")
    other.locator('[name="own_contribution"]').fill("Visa, salary, and a hotel for one night.")
    expect(other.locator("[data-draft-state]")).to_contain_text("Draft saved at")
    other.close()
    page.locator('[name="own_contribution"]').press_sequentially(" Insurance.")
    expect(page.locator("[data-draft-state]")).to_contain_text("This page has been saved elsewhere")
    page.get_by_role("button", name="Save the draft and leave").click()
    page.wait_for_load_state()
    focal.sees("You have saved this page in another window meanwhile", "Visa, salary, and a hotel")
    focal.press("Save the draft and leave")

    focal.open(f"{application}papers/")
    focal.press("Ask this person to confirm")
    focal.sees("The nominee has been sent a personal link.", "Asked, no answer yet")

    phone = open_window(browser, told_site, viewport={"width": 375, "height": 812}, has_touch=True, is_mobile=True)
    mails(phone, NOMINEE, "Please confirm your nomination")
    link = re.search(r"/nominee/[\w-]+", phone.page.locator("main").inner_text())
    assert link is not None
    phone.open(link[0])
    phone.sees("Your nomination: Demo BMS C", "Demo State XA")
    assert phone.page.evaluate("document.documentElement.scrollWidth") <= 375, "scrolls sideways"
    assert Axe().run(phone.page).response["violations"] == []
    phone.fill(function="Demo Head of the national commission", passport_number="DEMO123",
               passport_expires=(date.today() + timedelta(days=2000)).isoformat())
    phone.pick(visa_class="g2")
    phone.page.get_by_label("I have the visa already.").check()
    phone.page.get_by_role("button", name="Confirm my data").click()
    expect(phone.page.locator("#confirm-error")).to_contain_text("Tick this to confirm")
    phone.page.locator('[name="confirm"]').check()
    phone.press("Confirm my data")
    phone.sees("Your data are confirmed", "…123")
    assert "DEMO123" not in phone.page.content()
    phone.page.locator('input[type="file"]').set_input_files(
        {"name": "IMG_0042.JPG", "mimeType": "image/jpeg", "buffer": jpeg(2000)})
    phone.press("Send the copy")
    phone.sees("The copy of your passport has been received.")
    phone.context.close()

    focal.open(f"{application}papers/")
    focal.sees("Confirmed by the nominee", "IMG_0042.JPG", "by the nominee")
    assert "DEMO123" not in focal.page.content()
    focal.press("End the link")
    gone = open_window(browser, told_site)
    gone.open(link[0], status=404)
    gone.sees("ask your mission to send you a new link")
    gone.context.close()
