"""Typesetting of official papers: one template, our own fonts, words as data. Knows no Flask and no words.

A paper is compiled here, or, when it is long, in a process of its own: the typesetter keeps what it laid out for a
while (about 70 KB for each row of a table), which a server must not pay for.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import unicodedata
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import typst

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "templates" / "pdf"
FONTS = FOLDER / "fonts"
TEMPLATE = FOLDER / "paper.typ"
LONG = 200  # rows, from which a paper gets a process of its own
PATIENCE = 120  # seconds for a long paper
MISSING = "\N{REPLACEMENT CHARACTER}"
_ISOLATED = re.compile("\u2068([^\u2068\u2069]*)\u2069")
# controls, embeddings and overrides of direction, invisible operators, variants of pictures
_DROPPED = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\u2060-\u2064\u206a-\u206f\ufe00-\ufe0f\ufeff]")
_ISOLATES = re.compile("[\u2066-\u2069]")
_BREAKS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
_one_long = threading.Lock()


@cache
def covered() -> frozenset[str]:
    """Every character that the fonts have between them."""
    spans = (line.split("-") for line in (FONTS / "coverage.txt").read_text().splitlines())
    return frozenset(chr(p) for first, last in spans for p in range(int(first, 16), int(last, 16) + 1)) | {"\n"}


def clean(text: str, rtl: bool, missing: set[str]) -> str:
    """Text that can be set. What no font has becomes a visible mark and is added to ``missing``.

    Marks of direction stay only where :func:`core.web.formats.isolated` put them and where they change anything.
    """
    if text.isascii() and text.isprintable():
        return text
    text = _DROPPED.sub("", _BREAKS.sub("\n", unicodedata.normalize("NFC", text))).replace("\t", " ")
    if _ISOLATES.search(text):
        parts = _ISOLATED.split(text)  # outside, inside, outside, ...
        text = "".join(
            f"\u2068{part}\u2069" if i % 2 and _turns(part, rtl) else _ISOLATES.sub("", part)
            for i, part in enumerate(parts))
    known = covered()
    if unknown := set(text) - known:
        missing |= unknown
        text = "".join(character if character in known else MISSING for character in text)
    return text


def _turns(text: str, rtl: bool) -> bool:
    """Whether a text next to others could be read in the wrong order without marks around it."""
    kinds = {unicodedata.bidirectional(character) for character in text}
    return bool(kinds & ({"L", "EN", "ES", "ET", "CS"} if rtl else {"R", "AL", "AN"}))


@cache
def _fonts() -> typst.Fonts:
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(FONTS)])


def _compile(paper: str, **options: Any) -> Any:
    # a compiler of its own for each paper, since one cannot be shared by threads; fonts and layouts are shared
    compiler = typst.Compiler(str(TEMPLATE), root=str(FOLDER), font_paths=_fonts(), ignore_system_fonts=True,
                              sys_inputs={"paper": paper})
    return compiler.compile(**options)


def compile_pdf(paper: Mapping[str, Any], rows: int = 0) -> bytes:
    """The paper as PDF/UA-1: tagged, all fonts within, the same bytes each time. ``rows`` says how long it is.

    Raises RuntimeError when it cannot be set.
    """
    text = json.dumps(paper, ensure_ascii=False)
    if rows >= LONG:
        return _elsewhere(text)
    try:
        return bytes(_compile(text, format="pdf", pdf_standards=["ua-1"]))
    except BaseException as error:
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            raise RuntimeError(_without_words(str(error))) from None
        raise


def compile_png(paper: Mapping[str, Any], ppi: int = 100) -> list[bytes]:
    """The paper's pages as pictures, for looking at them."""
    made = _compile(json.dumps(paper, ensure_ascii=False), format="png", ppi=ppi)
    return made if isinstance(made, list) else [made]


def _without_words(message: str) -> str:
    """What went wrong, without the words of the paper that the typesetter quotes."""
    return "typst: " + re.sub(r"[`\"].*[`\"]", "…", message, flags=re.DOTALL)[:200]


def _elsewhere(paper: str) -> bytes:
    with _one_long:  # one at a time, however many ask
        try:
            done = subprocess.run([sys.executable, "-m", "core.typeset"], input=paper.encode(), cwd=ROOT,
                                  capture_output=True, timeout=PATIENCE, check=False)
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"typst: not done within {PATIENCE} seconds") from None
    if done.returncode:
        raise RuntimeError(_without_words(done.stderr.decode(errors="replace").strip().rpartition("\n")[2]))
    return done.stdout


if __name__ == "__main__":
    sys.stdout.buffer.write(_compile(sys.stdin.buffer.read().decode(), format="pdf", pdf_standards=["ua-1"]))
