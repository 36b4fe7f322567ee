"""Names of donors as they may be shown: on pages, in lists, letters and receipts. Nobody gives without one."""

from __future__ import annotations

import unicodedata

LONGEST = 200
_JOINERS = "\u200c\u200d"  # they belong into words of Persian and of scripts of India
# letters by their class, without any shape: fillers, blanks, invisible joiners
_SHAPELESS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_NOBODY = frozenset((
    "anonymous", "anonymous donor", "anon", "none", "nobody", "unknown", "n/a", "anonyme", "donateur anonyme",
    "inconnu", "anónimo", "anónima", "donante anónimo", "desconocido", "аноним", "анонимно", "неизвестно", "匿名",
    "无名氏", "مجهول", "فاعل خير",
))


def clean_name(text: str) -> str:
    """The name in one line and one spelling (NFC), without control characters and without marks that would turn the
    direction of whatever stands around it."""
    kept = "".join(
        ch if ch in _JOINERS else "" if ch in _SHAPELESS or unicodedata.category(ch) in ("Cf", "Co", "Cs")
        else " " if unicodedata.category(ch) in ("Cc", "Zs", "Zl", "Zp") else ch
        for ch in unicodedata.normalize("NFC", text)
    )
    return " ".join(kept.split()).strip(_JOINERS)


def is_somebody(name: str) -> bool:
    """Whether a clean name names anybody: it has a letter or a figure, and does not say that nobody is named."""
    return any(ch.isalnum() for ch in name) and name.casefold() not in _NOBODY
