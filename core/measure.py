"""How wide text runs, by estimate: enough to break lines and share out columns without asking a font.

Widths are in ems of a sans serif type such as Noto Sans and lean to the wide side.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

_NARROW = frozenset("ijltfrI.,:;'’|!()[]{}·• \u00a0\u202f")
_BROAD = frozenset("mwMWQO@%—œæŒÆЖШЩЮжшщюф")
_SPACE = re.compile(r"[ \t]+")  # not the no-break spaces


@lru_cache(maxsize=8192)
def em(character: str) -> float:
    """The width of one character."""
    category = unicodedata.category(character)
    if category in ("Mn", "Me", "Cf", "Cc"):
        return 0.0
    if unicodedata.east_asian_width(character) in "WF":
        return 1.0
    if category == "Nd":
        return 0.572
    if character in _NARROW:
        return 0.36
    if character in _BROAD:
        return 0.95
    return 0.7 if category == "Lu" else 0.6


def ems(text: str) -> float:
    """The width of a line of text."""
    return sum(map(em, text))


def words(text: str) -> list[str]:
    """What stays together on a line: split at spaces, and between characters that stand in full width."""
    found: list[str] = []
    for word in _SPACE.split(text):
        run = ""
        for character in word:
            if unicodedata.east_asian_width(character) == "W":
                found += [run, character] if run else [character]
                run = ""
            else:
                run += character
        found += [run] if run else []
    return found


def pieces(word: str, width: float) -> list[str]:
    """A word too long for `width` in parts that fit; marks stay with their letter. Else the word alone."""
    if len(word) <= width or ems(word) <= width:  # nothing is wider than an em
        return [word]
    found, used = [""], 0.0
    for character in word:
        size = em(character)
        if found[-1] and size and used + size > width:
            found.append("")
            used = 0.0
        found[-1] += character
        used += size
    return found


def wrapped(text: str, width: float) -> list[str]:
    """Lines no wider than `width`; text that holds nothing is one empty line."""
    lines, line = [], ""
    for part in (part for word in _SPACE.split(text.strip()) for part in pieces(word, width)):
        joined = f"{line} {part}" if line else part
        if line and ems(joined) > width:
            lines.append(line)
            joined = part
        line = joined
    return [*lines, line]


def extent(texts: Iterable[str]) -> tuple[float, float]:
    """The widest word and the widest line among many texts."""
    word = line = 0.0
    for text in texts:
        if len(text) > line:
            line = max(line, ems(text))
        if len(text) > word:
            word = max(word, *(ems(part) for part in words(text) if len(part) > word), 0.0)
    return word, line


def shares(columns: Sequence[tuple[float, float]], width: float) -> list[float]:
    """`width` shared out among columns given as (narrowest, widest) that each can use, as browsers do.

    A column never gets less than its narrowest while all of them fit; if they do not, all give up alike.
    """
    least, most = sum(low for low, _ in columns), sum(high for _, high in columns)
    if least >= width:
        return [low * width / least for low, _ in columns]
    if most > width:
        spare = (width - least) / (most - least)
        return [low + (high - low) * spare for low, high in columns]
    return [high * width / most if most else width / len(columns) for _, high in columns]
