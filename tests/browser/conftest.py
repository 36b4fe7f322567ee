"""A served Placard and headless Chromium: what the browser tests stand on."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from core.settings import ROOT
from demonstration.cast import DOMAIN, PASSWORD

OUTCOME: pytest.StashKey[pytest.TestReport] = pytest.StashKey()
START_SECONDS = 300  # the story is told first, perhaps on a busy machine
PAGE_MS = 15_000
_OURS = ("DATABASE_URL", "PUBLIC_URL", "SECRET_KEY", "DATA_KEYS", "UPLOAD_DIR", "SEAL_DIR", "SMTP_URL", "MAIL_FROM",
         "STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET", "STRIPE_API_BASE", "HOST", "TRUSTED_PROXIES")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Fixtures can ask how the test itself went."""
    report = yield
    if report.when == "call":
        item.stash[OUTCOME] = report
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whichever test asks for a site first waits for it, beyond what a test may take by itself."""
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.timeout(START_SECONDS + 180))


def _free_ports(count: int) -> list[int]:
    """Ports nobody listens on, all different."""
    held = [socket.socket() for _ in range(count)]
    try:
        for one in held:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in held]
    finally:
        for one in held:
            one.close()


@dataclass
class Site:
    """A Placard of its own, served by a child process."""

    folder: Path
    port: int
    simulator_port: int
    server: subprocess.Popen[bytes] | None = None
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        kept = {k: v for k, v in os.environ.items() if k not in _OURS}
        self.environ = {**kept, "PLACARD_ENV": "demo", "INSTANCE_DIR": str(self.folder), "PORT": str(self.port),
                        "SIMULATOR_PORT": str(self.simulator_port), "PYTHONUNBUFFERED": "1"}

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def simulator(self) -> str:
        return f"http://127.0.0.1:{self.simulator_port}"

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A Python module with this site's environment, as an operator would run it."""
        return subprocess.run([sys.executable, "-m", *arguments], cwd=ROOT, env=self.environ, text=True,
                              capture_output=True, timeout=120)

    def flask(self, *arguments: str) -> str:
        """A command of `flask --app app`; what it printed. Fails the test on any other status than 0."""
        done = self.run("flask", "--app", "app", *arguments)
        assert done.returncode == 0, f"flask {' '.join(arguments)}: {done.stdout}\n{done.stderr}"
        return done.stdout

    def job(self, name: str, at: datetime) -> str:
        """Scheduled time passes: the job's twin on the command line, at an instant."""
        return self.flask("jobs", "run", name, "--at", at.isoformat())

    def log(self) -> str:
        return (self.folder / "server.log").read_text(errors="replace")

    def start(self) -> None:
        """Serve; returns once /healthz answers."""
        with open(self.folder / "server.log", "ab") as log:
            self.server = subprocess.Popen([sys.executable, "-m", "flask", "--app", "app", "serve"], cwd=ROOT,
                                           env=self.environ, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if self.server.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"{self.base}/healthz", timeout=2):
                    return
            except OSError:
                time.sleep(0.1)
        last = self.log()[-3000:]
        self.stop()
        raise RuntimeError(f"Placard did not start for the browser tests:\n{last}")

    def stop(self) -> None:
        if self.server is not None and self.server.poll() is None:
            self.server.terminate()
            try:
                self.server.wait(20)
            except subprocess.TimeoutExpired:
                self.server.kill()
                self.server.wait(10)


def _site(folder: Path) -> Site:
    folder.mkdir(parents=True, exist_ok=True)
    return Site(folder, *_free_ports(2))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium. Its absence is a failure, never a skip."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if not chromium:
        pytest.fail("Chromium is missing: install Debian's package chromium, or name one in CHROMIUM. "
                    "The browser tests are never skipped.", pytrace=False)
    expect.set_options(timeout=PAGE_MS)
    with sync_playwright() as play:
        made = play.chromium.launch(executable_path=chromium)
        yield made
        made.close()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Reference data and the cast, and nothing that anybody has done yet."""
    made = _site(tmp_path_factory.mktemp("stage") / "instance")
    prepared = made.run("tests.browser.stage")
    assert prepared.returncode == 0, prepared.stderr
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="session")
def told_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The demonstration as `make run` shows it, its whole story told: something on every desk."""
    made = _site(tmp_path_factory.mktemp("told") / "instance")
    made.start()
    yield made
    made.stop()


class Person:
    """Somebody at a browser window of their own."""

    def __init__(self, site: Site, context: BrowserContext) -> None:
        self.site, self.context, self.page = site, context, context.new_page()
        self.page.set_default_timeout(PAGE_MS)
        self.status = 0
        self.email = ""
        self.page.on("response", self._note)

    def _note(self, response: Any) -> None:
        request = response.request
        if request.is_navigation_request() and request.frame == self.page.main_frame:
            self.status = response.status

    def open(self, path: str, status: int = 200) -> Page:
        """Go to an address and see that it answers as it should."""
        answer = self.page.goto(path if path.startswith("http") else self.site.base + path)
        assert answer is not None
        assert answer.status == status, f"{path} answered {answer.status}, not {status}: {self.page.title()}"
        return self.page

    def press(self, name: str, *, within: str = "main, aside") -> None:
        """Press the button of this name; there must be exactly one, and the answer must not be an error."""
        self.page.locator(within).get_by_role("button", name=name, exact=True).click()
        self.settled(f"button {name}")

    def follow(self, name: str, *, within: str = "main, aside", exact: bool = True) -> None:
        """Follow the link of this name (the first of several)."""
        self.page.locator(within).get_by_role("link", name=name, exact=exact).first.click()
        self.settled(f"link {name}")

    def fill(self, **values: str) -> None:
        """Type into fields by their name in the form."""
        for name, value in values.items():
            self.page.locator(f'[name="{name}"]').fill(value)

    def choose(self, **labels: str) -> None:
        """Choose the entry of this label in a list."""
        for name, label in labels.items():
            self.page.locator(f'select[name="{name}"]').select_option(label=label)

    def pick(self, **values: str) -> None:
        """Give the answer of this value, from a list or from radio buttons."""
        for name, value in values.items():
            listed = self.page.locator(f'select[name="{name}"]')
            if listed.count():
                listed.select_option(value=value)
            else:
                self.page.locator(f'input[name="{name}"][value="{value}"]').check()

    def sees(self, *texts: str) -> None:
        """Each text stands on the page."""
        for text in texts:
            expect(self.page.locator("body")).to_contain_text(text)

    def path(self) -> str:
        return self.page.url.removeprefix(self.site.base)

    def settled(self, after: str) -> None:
        """The page has come, and is no error."""
        self.page.wait_for_load_state()
        if self.status >= 400:
            alerts = self.page.locator('main [role="alert"]')
            problem = (alerts if alerts.count() else self.page.locator("main")).first.inner_text()[:900]
            raise AssertionError(f"after {after}, {self.page.url} answered {self.status}:\n{problem}")


def open_window(browser: Browser, site: Site, **options: Any) -> Person:
    """A window in which nobody is signed in."""
    return Person(site, browser.new_context(**options))


def sign_in(person: Person, email: str, password: str = PASSWORD) -> Person:
    """Through the sign-in page."""
    person.email = email
    page = person.open("/sign-in")
    person.fill(email=email, password=password)
    page.locator("main form").get_by_role("button", name=re.compile("Sign in", re.IGNORECASE)).click()
    page.wait_for_url(lambda url: not url.startswith(f"{person.site.base}/sign-in"))
    return person


class Cast:
    """The people of a site, each signed in once, in a window of their own."""

    def __init__(self, browser: Browser, site: Site, **options: Any) -> None:
        self._browser, self._site, self._options = browser, site, options
        self._windows: dict[str, Person] = {}

    def __getitem__(self, key: str) -> Person:
        if key not in self._windows:
            person = open_window(self._browser, self._site, **self._options)
            if not key.startswith("visitor"):
                sign_in(person, f"{key}@{DOMAIN}")
            self._windows[key] = person
        return self._windows[key]

    def close(self) -> None:
        for person in self._windows.values():
            person.context.close()


@pytest.fixture(scope="session")
def cast(browser: Browser, site: Site) -> Iterator[Cast]:
    """Everybody of the path, without JavaScript."""
    made = Cast(browser, site, java_script_enabled=False)
    yield made
    made.close()


@pytest.fixture(scope="session")
def people(browser: Browser, told_site: Site) -> Iterator[Cast]:
    """Everybody of the told demonstration, with JavaScript, under the policy as served: axe comes in through the
    debugger, past it."""
    made = Cast(browser, told_site, reduced_motion="reduce")
    yield made
    made.close()
