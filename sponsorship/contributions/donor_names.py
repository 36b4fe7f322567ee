"""Names of donors as they may be shown: on pages, in lists, letters and receipts. Nobody gives without one."""

from __future__ import annotations

LONGEST = 200
_NOBODY = frozenset((
    "anonymous", "anonymous donor", "anon", "none", "nobody", "unknown", "n/a", "anonyme", "donateur anonyme",
    "inconnu", "anónimo", "anónima", "donante anónimo", "desconocido", "аноним", "анонимно", "неизвестно", "匿名",
    "无名氏", "مجهول", "فاعل خير",
))


def is_somebody(name: str) -> bool:
    """Whether a clean name names anybody: it has a letter or a figure, and does not say that nobody is named."""
    return any(ch.isalnum() for ch in name) and name.casefold() not in _NOBODY
