"""`make pictures`: starts a fresh demonstration, signs in as each role, follows every link and takes a picture of
each page (1280 and 375 px, light and dark, in English and mirrored) into pictures/, with an index page.

Mirrored pages are real: the server speaks pseudo-Arabic (`operations.pseudo`), so its words are a third longer and a
word that escaped translation stands out. What is wider than the screen, and every table that must be scrolled
sideways, is named in the index and on the terminal.

    make pictures ONLY='^/(fund|applications)' WHO='head auditor' VIEWS='1280-dark 375-rtl'

ONLY is a pattern of paths to picture (all are followed), WHO are keys of the cast or `public`, VIEWS some of VIEWS
below, EACH how many pages of a kind are searched for links (1; more finds the steps of other states). SERVED is the
address of a demonstration that is served already; it mirrors only when it was started with the pseudo-language
(`python -m operations.pseudo FOLDER`, then TRANSLATIONS_DIR=FOLDER).
"""

from __future__ import annotations

import argparse
import html
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from core.settings import ROOT

PATIENCE = 180_000  # ms for a page, on a busy machine
VIEWS = {f"{width}-{name}": (width, scheme, language) for width in (1280, 375) for name, scheme, language in (
    ("light", "light", "en"), ("dark", "dark", "en"), ("rtl", "light", "ar"), ("rtl-dark", "dark", "ar"))}
SKIP = re.compile(r"\.(csv|ics|pdf|xlsx|svg|txt|zip)$|/static/|/sign-out|/download|/instruction$|/file|/letter$"
                  r"|/(letters|papers)/[0-9a-f-]{36}$|/documents/[0-9a-f-]{36}/[a-z]{2}$")  # papers, not pages
# px beyond the screen, and the names of tables wider than their place
WIDE = """() => [document.documentElement.scrollWidth - document.documentElement.clientWidth,
  [...document.querySelectorAll('.scroller')].filter(s => s.scrollWidth > s.clientWidth + 1)
    .map(s => (s.querySelector('caption') || {}).innerText || s.getAttribute('aria-label') || 'a table')]"""


@dataclass
class Taken:
    """A page and what was found in its pictures."""

    kind: str
    name: str
    faults: list[str] = field(default_factory=list)


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def start(folder: Path, port: int, timeout: int = 240) -> subprocess.Popen[bytes]:
    """A server with a fresh demonstration that also speaks pseudo-Arabic; returns once it answers."""
    from operations import pseudo

    pseudo.write(folder / "translations", ("ar",))
    environ = {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "PUBLIC_URL")}
    server = subprocess.Popen(
        [sys.executable, "-m", "flask", "--app", "app", "serve"], cwd=ROOT,
        env={**environ, "PORT": str(port), "SIMULATOR_PORT": str(free_port()), "INSTANCE_DIR": str(folder / "instance"),
             "TRANSLATIONS_DIR": str(folder / "translations"), "PLACARD_ENV": "demo"},
    )
    for _ in range(timeout * 5):
        if server.poll() is not None:
            break
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2)
            return server
        except OSError:
            time.sleep(0.2)
    server.kill()
    raise RuntimeError("the demonstration did not start")


@contextmanager
def demonstration(served: str | None) -> Iterator[str]:
    """The address of a demonstration: one that is served already, or a fresh one that ends with the pictures."""
    if served:
        yield served.rstrip("/")
        return
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        server = start(Path(folder), port)
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(20)


def shape(path: str) -> str:
    """The kind of page: identifiers replaced, so that each kind is taken once."""
    path = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID", path)
    path = re.sub(r"^/meetings/(?!timeline|mandates|new)[^/]+", "/meetings/SLUG", path)
    path = re.sub(r"^/mailbox/[^/]+", "/mailbox/MAIL", path)
    path = re.sub(r"^/donate/pledges/ID/[^/]+", "/donate/pledges/ID/TOKEN", path)
    path = re.sub(r"^/fund/meetings/[^/]+", "/fund/meetings/SLUG", path)
    path = re.sub(r"^/rates/currencies/[A-Z]{3}", "/rates/currencies/CODE", path)
    return path.rstrip("/") or "/"


def sign_in(page: Any, base: str, email: str, password: str) -> None:
    page.goto(f"{base}/sign-in")
    page.fill("input[name=email]", email)
    page.fill("input[name=password]", password)
    page.locator("main form button[type=submit]").first.click()
    page.wait_for_url("**/desk*")


def links(page: Any, base: str) -> list[str]:
    found = page.eval_on_selector_all("a[href]", "list => list.map(a => a.href)")
    inside = [urlsplit(f) for f in found if f.startswith(base)]
    return [f.path for f in inside if not SKIP.search(f.path)]


def speak(page: Any, base: str, language: str) -> None:
    page.context.add_cookies([{"name": "lang", "value": language, "url": base}])


def shoot(page: Any, base: str, path: str, target: Path, views: list[str]) -> list[str]:
    """A picture of each view of a page that is open in English; what was found too wide."""
    faults = []
    now = "en"
    for view in views:
        width, scheme, language = VIEWS[view]
        if language != now:
            speak(page, base, language)
            page.goto(base + path)
            now = language
            if page.evaluate("document.documentElement.lang") != language:
                faults.append(f"{view}: not spoken here")
                continue
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        page.screenshot(path=f"{target}-{view}.png", full_page=True)
        if scheme == "light":
            beyond, tables = page.evaluate(WIDE)
            faults += [f"{view}: {beyond} px wider than the screen"] if beyond > 0 else []
            faults += [f"{view}: scrolls sideways: {' '.join(table.split())}" for table in tables]
    if now != "en":
        speak(page, base, "en")
    return faults


def walk(page: Any, base: str, who: str, waiting: list[str], seen: set[str], wanted: re.Pattern[str],
         into: Path, views: list[str], each: int) -> Iterator[Taken]:
    """Follows every link from `waiting`, on up to `each` pages of a kind (their buttons follow their state); a picture
    of each kind once, of those that nobody showed before."""
    from playwright.sync_api import Error

    visited: Counter[str] = Counter()
    opened: set[str] = set()
    while waiting:
        path = waiting.pop(0)
        kind = shape(path)
        if path in opened or visited[kind] == each:
            continue
        opened.add(path)
        visited[kind] += 1
        try:
            answer = page.goto(base + path)
        except Error as error:  # a file, which is no page
            print(f"{who}: {path}: {error.message.splitlines()[0]}", flush=True)
            continue
        if answer is None or answer.status >= 400:
            print(f"{who}: {path} answered {answer.status if answer else 'nothing'}")
            continue
        waiting += links(page, base)
        if wanted.search(path) and (kind not in seen or kind == "/desk") and visited[kind] == 1:
            seen.add(kind)
            name = f"{who}-{re.sub(r'[^a-zA-Z0-9]+', '-', kind).strip('-') or 'home'}"
            yield Taken(kind, name, shoot(page, base, path, into / name, views))


def index(taken: dict[str, list[Taken]], views: list[str]) -> str:
    rows = "".join(
        f"<h2>{html.escape(who)}</h2>" + "".join(
            f"<h3>{html.escape(one.kind)}</h3>" + "".join(f"<p>{html.escape(f)}</p>" for f in one.faults) + "".join(
                f'<a href="{one.name}-{v}.png"><img src="{one.name}-{v}.png" width="{VIEWS[v][0] // 5}" alt="{v}"></a> '
                for v in views)
            for one in pages)
        for who, pages in taken.items())
    return f"<!doctype html><meta charset=utf-8><title>Pictures</title>{rows}"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Pictures of every page as each role.")
    parser.add_argument("--only", default=re.compile(""), type=re.compile, help="a pattern of the paths to picture")
    parser.add_argument("--who", nargs="*", help="keys of the cast, or public; all without it")
    parser.add_argument("--views", nargs="*", default=list(VIEWS), choices=list(VIEWS), metavar="VIEW")
    parser.add_argument("--served", help="the address of a demonstration that is served already")
    parser.add_argument("--into", type=Path, default=ROOT / "pictures", help="a folder, made anew")
    parser.add_argument("--each", type=int, default=1, help="how many pages of a kind are searched for links")
    return parser.parse_args()


def main() -> None:
    from playwright.sync_api import sync_playwright

    from demonstration.cast import CAST, PASSWORD

    asked = arguments()
    views = sorted(asked.views, key=lambda v: VIEWS[v][2], reverse=True)  # English first: each page is open in it
    shutil.rmtree(asked.into, ignore_errors=True)
    asked.into.mkdir()
    taken: dict[str, list[Taken]] = {}
    seen: set[str] = set()
    with demonstration(asked.served) as base, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"))
        for who, email in [("public", None), *((m.key, m.email) for m in CAST)]:
            if asked.who and who not in asked.who:
                continue
            page = browser.new_context(locale="en").new_page()
            page.set_default_timeout(PATIENCE)
            if email:
                sign_in(page, base, email, PASSWORD)
            for one in walk(page, base, who, ["/desk", "/"] if email else ["/"], seen, asked.only, asked.into,
                            views, asked.each):
                taken.setdefault(who, []).append(one)
                for fault in one.faults:
                    print(f"{who}: {one.kind}: {fault}", flush=True)
            page.context.close()
        browser.close()
    (asked.into / "index.html").write_text(index(taken, views))
    print(f"{sum(map(len, taken.values()))} pages, {len(views)} pictures each: {asked.into / 'index.html'}")


if __name__ == "__main__":
    main()
