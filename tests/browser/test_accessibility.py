"""Every public page, and of each role My desk and an object: axe-core without violations at 1280 and 375 px, light and
dark; nothing scrolls sideways on a telephone; the browser's console stays silent; the first visit is small."""

from __future__ import annotations

import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from demonstration.cast import CAST
from tests.browser.conftest import Cast, Person, Site, open_window

pytestmark = pytest.mark.browser

VIEWPORTS = ((1280, 900), (375, 812))
FIRST_VISIT_BYTES = 100 * 1024
ALL_RULES: dict[str, Any] = {"resultTypes": ["violations"]}
# what a dark page can break and a light one cannot
COLOURS: dict[str, Any] = {**ALL_RULES, "runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}

PUBLIC = ("/", "/meetings/", "/meetings/timeline", "/meetings/demo-bms-c/", "/meetings/demo-bms-b/programme",
          "/meetings/demo-bms-b/documents/", "/documents/DEMO/BMS/2/1", "/meetings/month", "/meetings/search?q=bms",
          "/sponsorship/", "/sponsorship/apply/",
          "/fund/", "/fund/record", "/donate/", "/sign-in", "/recover", "/confirm", "/accounts/request",
          "/demonstration", "/mailbox/", "/no-such-page")
# where each role finds an object to open: the list, and what its links look like
_ID = r"[0-9a-f-]{36}"
OBJECTS: dict[str, tuple[str, str]] = {
    "organiser": ("/meetings/", r"^/meetings/demo-bms-c/$"),
    "fund-manager": ("/contributions/", rf"^/contributions/{_ID}/$"),
    "panel": ("/sponsorship/calls/", rf"^/sponsorship/calls/{_ID}/manage$"),
    "head": ("/desk", rf"^/contributions/refunds/{_ID}/$"),
    "requesting": ("/disbursements/", rf"^/disbursements/{_ID}$"),
    "payee-data": ("/awards/", rf"^/awards/{_ID}$"),
    "certifying": ("/desk", rf"^/(awards|disbursements)/{_ID}$"),
    "approving": ("/desk", rf"^/(awards|disbursements)/{_ID}$"),
    "signatory": ("/disbursements/instructions/", rf"^/disbursements/instructions/{_ID}$"),
    "paymaster": ("/paymaster/", rf"^/paymaster/payments/{_ID}/pay$"),
    "focal-xa": ("/desk", rf"^/sponsorship/applications/{_ID}/"),
    "focal-xb": ("/sponsorship/applications/", rf"^/sponsorship/applications/{_ID}/$"),
    "focal-xe": ("/awards/", rf"^/awards/{_ID}$"),
    "donor-xz": ("/donor/", rf"^/donor/pledges/{_ID}/$"),
    "auditor": ("/audit/events", rf"^/audit/events/{_ID}$"),
    "administrator": ("/accounts/people/", rf"^/accounts/people/{_ID}/$"),
}
# pages that a role's work needs and that neither its desk nor its object shows; {object} is its address
MORE = {
    "organiser": ("/meetings/demo-bms-b/programme/plan", "/meetings/demo-bms-b/programme/plan/publish",
                  "/meetings/demo-bms-b/programme/plan/slots/new", "/meetings/demo-bms-b/programme/plan/days",
                  "/meetings/demo-bms-b/side-events"),
    "fund-manager": ("/travel/dsa-rates/", "/travel/rules", "/travel/dsa-rates/import"),
    "panel": ("{upper}recommendation",),
    "head": ("/letters/", "/accounts/alternates/new"),
    "requesting": ("/claims/", "/travel/places", "/my-calendar"),
    "certifying": ("/losses/",),
    "paymaster": ("/paymaster/",),
    "payee-data": ("/sanctions/", "/sanctions/lists/import"),
    "approving": ("/disbursements/approve", "/disbursements/approval-rules", "/accounts/second-factor"),
    "signatory": ("/disbursements/release", "/disbursements/stop", "/disbursements/instructions/",
                  "{object}/hand-over"),
    "focal-xa": ("{upper}papers/", "{upper}note/"),
    "auditor": ("/audit/separate-hands", "/operations/tomorrow"),
    "administrator": ("/accounts/factor-resets/",),
}

# other objects that a role decides on: a list, and what its links look like
BESIDE: dict[str, tuple[tuple[str, str], ...]] = {
    "certifying": (("/desk", rf"^/losses/{_ID}$"), ("/sanctions/", rf"^/sanctions/matches/{_ID}$")),
    "head": (("/desk", rf"^/late-claims/{_ID}$"),),
    "requesting": (("/desk", rf"^/claims/{_ID}$"),),
}


class Listener:
    """Everything the browser complains about on a window's pages, while it listens."""

    def __init__(self, person: Person) -> None:
        self.heard: list[str] = []
        self.listens = True
        page = self._page = person.page
        page.on("console", lambda m: self._note(m.type, m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda e: self._note("exception", str(e)))
        # going on before a page has its icon aborts the icon, which is nobody's fault
        page.on("requestfailed", lambda r: r.failure == "net::ERR_ABORTED" or self._note(
            "failed", f"{r.url} {r.failure}"))
        page.add_init_script(
            "document.addEventListener('securitypolicyviolation', e => console.error('policy: '"
            " + e.violatedDirective + ' ' + e.blockedURI))")

    def _note(self, kind: str, text: str) -> None:
        if self.listens:
            self.heard.append(f"{self._page.url} {kind}: {text}")


def _violations(page: Page, options: dict[str, Any]) -> list[str]:
    found = page.evaluate("options => axe.run(options)", options)["violations"]
    return [f"{v['id']}: {n['html'][:160]} {n.get('failureSummary', '')[:200]}" for v in found for n in v["nodes"][:3]]


def _sideways(page: Page) -> str:
    """What sticks out of a page that scrolls sideways; empty when it does not."""
    return str(page.evaluate("""() => {
        const wide = document.documentElement.clientWidth;
        if (document.documentElement.scrollWidth <= wide) return "";
        const out = [...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > wide + 1
            && !e.closest(".scroller") && !e.closest(".sr"));
        return `scrolls to ${document.documentElement.scrollWidth}: `
            + out.slice(0, 3).map(e => e.outerHTML.slice(0, 120)).join(" | ");
    }"""))


def _check(person: Person, listener: Listener, path: str, status: int = 200) -> list[str]:
    """Problems of one page: its console, then both widths, light and dark."""
    page = person.page
    page.set_viewport_size({"width": VIEWPORTS[0][0], "height": VIEWPORTS[0][1]})
    listener.heard, listener.listens = [], True
    person.open(path, status=status)
    page.wait_for_load_state("load")
    listener.listens = False  # what axe stirs up is not the page's
    problems = [text for text in listener.heard if not (status == 404 and "404" in text)]
    page.evaluate(Axe().axe_script)
    for width, height in VIEWPORTS:
        page.set_viewport_size({"width": width, "height": height})
        for scheme, options in (("light", ALL_RULES), ("dark", COLOURS)):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            problems += [f"{path} at {width} {scheme}: {text}" for text in _violations(page, options)]
        if width == 375 and (out := _sideways(page)):
            problems.append(f"{path} at {width}: {out}")
    page.emulate_media(color_scheme="light")
    return problems


def _object_of(person: Person, key: str, where: str, shape: str) -> str:
    """The first object that the role's list links to."""
    page = person.open(where)
    hrefs = page.eval_on_selector_all("main a[href]", "all => all.map(a => a.getAttribute('href'))")
    found = [href for href in hrefs if re.search(shape, href)]
    assert found, f"{key} finds no object on {where}: {hrefs}"
    return str(found[0])


def test_public_pages(people: Cast) -> None:
    visitor, problems = people["visitor"], []
    listener = Listener(visitor)
    for path in PUBLIC:
        problems += _check(visitor, listener, path, 404 if path == "/no-such-page" else 200)
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("key", [member.key for member in CAST])
def test_desk_and_an_object_of_each_role(people: Cast, key: str) -> None:
    person = people[key]
    listener = Listener(person)
    found = _object_of(person, key, *OBJECTS[key])
    problems = _check(person, listener, "/desk") + _check(person, listener, found)
    upper = "/".join([*found.split("/")[:4], ""])  # of a call or an application, whose page may be the object
    for path in MORE.get(key, ()):
        problems += _check(person, listener, path.format(object=found, upper=upper))
    for where, shape in BESIDE.get(key, ()):
        problems += _check(person, listener, _object_of(person, key, where, shape))
    assert not problems, "\n".join(problems)


def test_paying_is_not_blocked_by_the_policy(browser: Browser, told_site: Site) -> None:
    """With JavaScript on, from the pledge to Checkout and back: `form-action` names where the form leads."""
    visitor = open_window(browser, told_site)
    listener = Listener(visitor)
    try:
        visitor.open("/donate/")
        visitor.fill(amount="120")
        visitor.press("Continue")
        visitor.pick(donor_kind="person")
        visitor.fill(donor_name="Demo Giver", donor_email="giver@demo.example")
        visitor.press("Continue")
        visitor.press("Make this pledge")
        visitor.press("Pay now by card")
        visitor.page.wait_for_url(f"{told_site.simulator}/**")
        visitor.page.locator("button.primary").click()
        visitor.page.wait_for_url(f"{told_site.base}/donate/pledges/**")
        visitor.page.wait_for_load_state("networkidle")
        assert not listener.heard, "\n".join(listener.heard)
    finally:
        visitor.context.close()


def test_the_first_visit_is_small(browser: Browser, told_site: Site) -> None:
    """Everything that travels when somebody comes for the first time, heads included."""
    visitor = open_window(browser, told_site)
    travelled: dict[str, int] = {}

    def weigh(request: Any) -> None:
        sizes = request.sizes()
        travelled[request.url] = sizes["responseHeadersSize"] + sizes["responseBodySize"]

    visitor.page.on("requestfinished", weigh)
    try:
        visitor.open("/")
        visitor.page.wait_for_load_state("networkidle")
        assert any(".css" in url for url in travelled) and any(".js" in url for url in travelled)
        assert sum(travelled.values()) < FIRST_VISIT_BYTES, travelled
    finally:
        visitor.context.close()


def test_the_instruments_work(browser: Browser, told_site: Site) -> None:
    """A fault put into a page is found: else silence proves nothing."""
    visitor = open_window(browser, told_site)
    listener = Listener(visitor)
    try:
        page = visitor.open("/donate/")
        page.evaluate("""() => {
            const script = document.createElement("script"); script.textContent = "1"; document.body.append(script);
            const wide = document.createElement("div"); wide.style.width = "3000px"; wide.textContent = "wide";
            document.querySelector("main").append(wide);
            document.querySelectorAll("main label").forEach(label => label.replaceWith(...label.children));
        }""")
        page.wait_for_timeout(100)
        assert any("policy" in text for text in listener.heard), listener.heard
        page.evaluate(Axe().axe_script)
        assert any(text.startswith("label") for text in _violations(page, ALL_RULES))
        assert _sideways(page)
    finally:
        visitor.context.close()
