"""The organiser's grid with a script: a slot is dragged to another cell, or moved and lengthened by keys."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import Browser, Page, Route

from core.settings import ROOT

pytestmark = pytest.mark.browser
BASE = "http://placard.test"
CELL = ('<td data-day="2028-06-{day}" data-band="{band}" data-starts="{starts}" style="height:4rem;width:9rem">{card}'
        "</td>")
CARD = ('<article data-card id="slot-1" data-day="2028-06-13" data-band="morning" data-starts="10:30" '
        f'data-move="{BASE}/move" data-resize="{BASE}/resize"><a href="{BASE}/slot">Item 8</a></article>')


def _markup(direction: str) -> str:
    rows = "".join(
        "<tr>" + "".join(CELL.format(day=day, band=band, starts=starts,
                                     card=CARD if (day, band) == (13, "morning") else "") for day in (12, 13, 14))
        + "</tr>" for band, starts in (("morning", "10:00"), ("afternoon", "15:00")))
    return (f'<!doctype html><html dir="{direction}"><body><p data-keys hidden>Keys</p>'
            '<form id="grid-form" method="post"><input type="hidden" name="version" value="7"></form>'
            f"<table data-grid>{rows}</table></body></html>")


@pytest.fixture
def sent() -> list[tuple[str, dict[str, str]]]:
    return []


@pytest.fixture(params=["ltr", "rtl"])
def page(request: pytest.FixtureRequest, browser: Browser, sent: list[tuple[str, dict[str, str]]]) -> Iterator[Page]:
    made = browser.new_page()

    def answer(route: Route) -> None:
        if route.request.method == "POST":
            fields = parse_qs(route.request.post_data or "")
            sent.append((route.request.url.removeprefix(BASE), {k: v[0] for k, v in fields.items()}))
        route.fulfill(body=_markup(request.param), content_type="text/html")

    made.route("**/*", answer)
    made.goto(BASE)
    made.add_script_tag(path=str(ROOT / "static/js/programme.js"))
    yield made
    made.close()


def test_a_slot_keeps_its_hour_in_the_same_part_of_another_day(page: Page, sent: list[object]) -> None:
    page.locator("[data-card]").drag_to(page.locator("td[data-day='2028-06-14'][data-band='morning']"))
    page.wait_for_url(f"{BASE}/move")
    assert sent == [("/move", {"version": "7", "day": "2028-06-14", "starts": "10:30"})]


def test_in_another_part_it_begins_when_the_part_does(page: Page, sent: list[object]) -> None:
    page.locator("[data-card]").drag_to(page.locator("td[data-day='2028-06-12'][data-band='afternoon']"))
    page.wait_for_url(f"{BASE}/move")
    assert sent == [("/move", {"version": "7", "day": "2028-06-12", "starts": "15:00"})]


@pytest.mark.parametrize(("keys", "path", "fields"), [
    ("Alt+ArrowUp", "/move", {"day": "2028-06-13", "starts": "10:15"}),
    ("Alt+ArrowDown", "/move", {"day": "2028-06-13", "starts": "10:45"}),
    ("Alt+Shift+ArrowDown", "/resize", {"minutes": "15"}),
    ("Alt+Shift+ArrowUp", "/resize", {"minutes": "-15"}),
])
def test_keys_move_by_a_quarter_of_an_hour(page: Page, sent: list[object], keys: str, path: str,
                                           fields: dict[str, str]) -> None:
    page.get_by_role("link", name="Item 8").focus()
    page.keyboard.press(keys)
    page.wait_for_url(f"{BASE}{path}")
    assert sent == [(path, {"version": "7", **fields})]


def test_the_arrow_that_points_onwards_is_the_next_day(page: Page, sent: list[object]) -> None:
    mirrored = page.evaluate("document.documentElement.dir") == "rtl"
    page.get_by_role("link", name="Item 8").focus()
    page.keyboard.press("ArrowRight")  # alone it scrolls, as everywhere
    page.keyboard.press("Alt+ArrowRight")
    page.wait_for_url(f"{BASE}/move")
    assert sent == [("/move", {"version": "7", "day": "2028-06-12" if mirrored else "2028-06-14", "starts": "10:30"})]


def test_the_words_about_keys_appear_only_with_the_script(page: Page) -> None:
    assert page.get_by_text("Keys").is_visible()
