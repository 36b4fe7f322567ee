"""A client that looks at every page it gets: well-formed, titled, labelled, no script or style in the page."""

from __future__ import annotations

import re
from typing import Any
from xml.etree.ElementTree import Element

import html5lib
from flask import g
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from core.db import db, has_uncommitted_changes
from tests.support import databases

XHTML = "{http://www.w3.org/1999/xhtml}"
UNLABELLED = {"hidden", "submit", "button", "reset", "image"}


def check_page(html: str, where: str) -> Element:
    """Fail with every fault of the page; the parsed tree."""
    parser = html5lib.HTMLParser(strict=False)
    tree = parser.parse(html)
    faults = [f"{code} at {position}" for position, code, _ in parser.errors]
    elements = [e for e in tree.iter() if isinstance(e.tag, str)]

    def named(name: str) -> list[Element]:
        return [e for e in elements if e.tag == XHTML + name]

    def text(e: Element) -> str:
        return re.sub(r"\s+", " ", "".join(e.itertext())).strip()

    heads = named("h1")
    if len(heads) != 1:
        faults.append(f"{len(heads)} h1")
    titles = named("title")
    if not titles or not text(titles[0]) or not text(titles[0]).endswith("Placard"):
        faults.append("no title, or one that does not end in Placard")
    ids = [e.get("id") for e in elements if e.get("id") is not None]
    faults += [f"id {i!r} twice" for i in {i for i in ids if ids.count(i) > 1}]
    labelled = {e.get("for") for e in named("label")}
    inside = {id(c) for label in named("label") for c in label.iter()}
    for e in named("input") + named("select") + named("textarea"):
        if e.get("type") in UNLABELLED:
            continue
        if e.get("id") not in labelled and id(e) not in inside and not e.get("aria-label"):
            faults.append(f"{e.get('name')!r} has no label")
    for e in named("script"):
        if not e.get("src"):
            faults.append("inline script")
    if named("style") or any(e.get("style") is not None for e in elements):
        faults.append("inline style")
    faults += [f"inline handler {a}" for e in elements for a in e.attrib if a.startswith("on")]
    faults += ["image without alt" for e in named("img") if e.get("alt") is None]
    faults += ["form without action" for e in named("form") if not e.get("action")]
    faults += [
        f"aria-describedby {ref!r} leads nowhere"
        for e in elements for ref in (e.get("aria-describedby") or "").split() if ref not in ids
    ]
    for e in named("a") + named("button"):
        if not text(e) and not e.get("aria-label") and not any(c.get("alt") for c in e.iter()):
            faults.append(f"{e.tag.removeprefix(XHTML)} without words ({e.get('href')})")
    for name in ("None", "{{", "&lt;span"):
        if re.search(rf">\s*{re.escape(name)}\s*<", html):
            faults.append(f"{name!r} shown to a person")
    assert not faults, f"{where}:\n  " + "\n  ".join(faults)
    return tree


class PageClient(FlaskClient):
    """Checks each HTML answer, and that the request left nothing uncommitted."""

    # parsing takes as long as making the page, which is of the same HTML on both databases: looked at once
    check = databases.KIND == "sqlite"

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        check = kwargs.pop("check", self.check)
        # what the test itself wrote must be visible, and must not be undone by the request's savepoint
        db.session.commit()
        db.session.expire_all()
        for name in list(g):  # the test's application context is also the request's: forget who asked before
            g.pop(name)
        response = super().open(*args, **kwargs)
        where = f"{response.request.method} {response.request.full_path} -> {response.status_code}"
        assert not has_uncommitted_changes(), f"{where} left uncommitted changes"
        if check and response.mimetype == "text/html" and response.status_code not in (301, 302, 303, 308):
            check_page(response.get_data(as_text=True), where)
        return response

    def submit(self, url: str, data: dict[str, Any] | None = None, **kwargs: Any) -> TestResponse:
        """POST a form (tests run without CSRF tokens; tests/integration/test_security.py tries those)."""
        return self.post(url, data=data or {}, **kwargs)


def decide_by_pages(client: Any, page: str, data: dict[str, Any]) -> TestResponse:
    """The decision on a call, through its check page: what the first form sends is shown, then confirmed as shown."""
    shown = client.submit(f"{page}/check", data)
    if shown.status_code != 200:
        return shown
    seen = re.search(r'name="seen" value="([0-9a-f]{64})"', shown.get_data(as_text=True))
    assert seen, "the check page carries what it showed"
    return client.submit(page, {**data, "seen": seen.group(1)})
