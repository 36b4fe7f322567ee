"""`make pictures`: starts a fresh demonstration, signs in as each role, follows every link and takes a picture of
each page (1280 and 375 px, light, dark, right-to-left) into pictures/, with an index page."""

from __future__ import annotations

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
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from core.settings import ROOT

TARGET = ROOT / "pictures"
VIEWS = (("1280-light", 1280, "light", "ltr"), ("1280-dark", 1280, "dark", "ltr"), ("1280-rtl", 1280, "light", "rtl"),
         ("375-light", 375, "light", "ltr"), ("375-dark", 375, "dark", "ltr"), ("375-rtl", 375, "light", "rtl"))
SKIP = re.compile(r"\.(csv|ics|pdf|xlsx|svg|txt|zip)$|/static/|/sign-out|/download|/instruction$|/file|/letter$"
                  r"|/letters/[0-9a-f-]{36}$")  # letters are papers, not pages


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def start(folder: Path, port: int, timeout: int = 120) -> subprocess.Popen[bytes]:
    """A server with a fresh demonstration; returns once it answers."""
    environ = {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "PUBLIC_URL")}
    server = subprocess.Popen(
        [sys.executable, "-m", "flask", "--app", "app", "serve"], cwd=ROOT,
        env={**environ, "PORT": str(port), "SIMULATOR_PORT": str(free_port()), "INSTANCE_DIR": str(folder),
             "PLACARD_ENV": "demo"},
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


def shoot(page: Any, name: str) -> None:
    for suffix, width, scheme, direction in VIEWS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        page.evaluate("d => { document.documentElement.dir = d }", direction)
        page.screenshot(path=str(TARGET / f"{name}-{suffix}.png"), full_page=True)
    page.evaluate("document.documentElement.dir = 'ltr'")


def main() -> None:
    from playwright.sync_api import sync_playwright

    from demonstration.cast import CAST, PASSWORD

    shutil.rmtree(TARGET, ignore_errors=True)
    TARGET.mkdir()
    taken: dict[str, list[tuple[str, str]]] = {}
    seen: set[str] = set()
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        server = start(Path(folder), port)
        base = f"http://127.0.0.1:{port}"
        try:
            with sync_playwright() as play:
                browser = play.chromium.launch(executable_path=shutil.which("chromium"))
                for who, email in [("public", None), *((m.key, m.email) for m in CAST)]:
                    page = browser.new_context().new_page()
                    waiting = ["/"]
                    if email:
                        sign_in(page, base, email, PASSWORD)
                        waiting = ["/desk", "/"]
                    visited: set[str] = set()
                    while waiting:
                        path = waiting.pop(0)
                        kind = shape(path)
                        if kind in visited:
                            continue
                        visited.add(kind)
                        if kind in seen and kind != "/desk":
                            continue
                        answer = page.goto(base + path)
                        if answer is None or answer.status >= 400:
                            print(f"{who}: {path} answered {answer.status if answer else 'nothing'}")
                            continue
                        seen.add(kind)
                        name = f"{who}-{re.sub(r'[^a-zA-Z0-9]+', '-', kind).strip('-') or 'home'}"
                        shoot(page, name)
                        taken.setdefault(who, []).append((kind, name))
                        waiting += links(page, base)
                    page.context.close()
                browser.close()
        finally:
            server.terminate()
            server.wait(20)
    rows = "".join(
        f"<h2>{html.escape(who)}</h2>" + "".join(
            f"<h3>{html.escape(kind)}</h3>" + "".join(
                f'<a href="{name}-{v[0]}.png"><img src="{name}-{v[0]}.png" width="{v[1] // 5}" alt="{v[0]}"></a> '
                for v in VIEWS)
            for kind, name in pages)
        for who, pages in taken.items())
    (TARGET / "index.html").write_text(f"<!doctype html><meta charset=utf-8><title>Pictures</title>{rows}")
    print(f"{sum(map(len, taken.values()))} pages, {len(VIEWS)} pictures each: {TARGET / 'index.html'}")


if __name__ == "__main__":
    main()
