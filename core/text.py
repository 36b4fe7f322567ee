"""Words that people type, without what nobody sees: control characters, marks that turn the direction of whatever
stands around them, signs without a shape. Names and references are kept clean (`one_line`); what was kept before that,
or came from elsewhere, is shown clean (`seen`)."""

from __future__ import annotations

import re
import unicodedata

_JOINERS = "\u200c\u200d"  # they belong into words of Persian and of scripts of India
# letters by their class, without any shape: fillers, blanks, invisible joiners
_SHAPELESS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
# controls but tab and line ends, embeddings and overrides, isolates, blanks without width, what is no character
_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u200b\u200e\u200f\u061c\u202a-\u202e\u2060-\u2069"
                     "\u206a-\u206f\ufeff\ufffe\uffff]")
# signs that no page shows and no keyboard types: control characters but tab and line ends, and what is no character
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")
_OURS = "\u2068\u2069"  # the isolates that keep a figure or a name together in a sentence of the other direction


def one_line(text: str) -> str:
    """The text in one line and one spelling (NFC), without control characters, marks of direction and signs without a
    shape."""
    kept = "".join(
        ch if ch in _JOINERS else "" if ch in _SHAPELESS or unicodedata.category(ch) in ("Cf", "Co", "Cs")
        else " " if unicodedata.category(ch) in ("Cc", "Zs", "Zl", "Zp") else ch
        for ch in unicodedata.normalize("NFC", text)
    )
    return " ".join(kept.split()).strip(_JOINERS)


def without_controls(text: str) -> str:
    """The text as a form takes it: marks of direction stay, which people who write Arabic need."""
    return _CONTROLS.sub("", text)


def seen(text: str, *, isolates: bool = False) -> str:
    """The text as it may leave in a file or a mail: line ends and tabs stay, and with `isolates` those that our own
    sentences put around names and figures."""
    if isolates:
        return _UNSEEN.sub(lambda found: found[0] if found[0] in _OURS else "", text)
    return _UNSEEN.sub("", text)
