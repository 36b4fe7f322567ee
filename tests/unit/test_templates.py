"""Templates compile, speak through gettext and carry no script, style or fixed side."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted(p for p in (ROOT / "templates").rglob("*.html"))
TEMPLATES = [p for p in TEMPLATES if p.name != "styleguide.html"]  # sample words of its own
IDS = [str(p.relative_to(ROOT / "templates")) for p in TEMPLATES]
PAGES = [p for p in TEMPLATES if "errors" not in p.parts and p.name != "base.html" and not p.name.startswith("_")]


@pytest.mark.parametrize("path", TEMPLATES, ids=IDS)
def test_compiles(path):
    from jinja2 import Environment

    Environment(extensions=["jinja2.ext.i18n"]).parse(path.read_text())


@pytest.mark.parametrize("path", TEMPLATES, ids=IDS)
def test_no_inline_script_style_or_side(path):
    text = path.read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=\"|javascript:", text)
    assert not re.search(r"https?://(?!www\.w3\.org)[^\s\"'{]*\.(?:js|css|woff2?)", text), "assets are ours"


@pytest.mark.parametrize("path", TEMPLATES, ids=IDS)
def test_every_word_goes_through_gettext(path):
    text = path.read_text()
    text = re.sub(r"{#.*?#}|{%\s*trans.*?endtrans\s*%}|{%.*?%}|{{.*?}}|<!--.*?-->", " ", text, flags=re.DOTALL)
    text = re.sub(r"<[^>]+>", "\n", text)
    text = re.sub(r"&[a-z]+;|&#\d+;", " ", text)
    stray = [w.strip() for w in text.splitlines() if re.search(r"[A-Za-z]{3,}", w)]
    stray = [w for w in stray if w not in ALLOWED]
    assert not stray, stray


ALLOWED = {"(USD)", "USD", "Placard", "Placard  - Placard", "- Placard", "Placard - Placard"}


@pytest.mark.parametrize("path", PAGES, ids=[str(p.relative_to(ROOT / "templates")) for p in PAGES])
def test_every_page_has_a_title(path):
    assert "extends" not in path.read_text() or re.search(r"{%-?\s*block title", path.read_text())


def test_style_sheets_mirror():
    for path in (ROOT / "static").rglob("*.css"):
        css = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
        bad = re.findall(r"(?:margin|padding|border)-(?:left|right)|(?<![\w-])(?:left|right)\s*:|"
                         r"text-align:\s*(?:left|right)|float:\s*(?:left|right)", css)
        assert not bad, f"{path.name}: {bad}"
