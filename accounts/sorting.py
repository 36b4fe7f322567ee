"""Sort keys per language, stored beside names: the database need not know any collation."""

from __future__ import annotations

import unicodedata

_LEADING = {"ar": ("ال",)}  # the article does not count when a name is looked for
_FOLD = str.maketrans({"أ": "ا", "إ": "ا", "آ": "ا", "ى": "ي", "ة": "ه", "ё": "е"})


def sort_key(name: str, language: str) -> str:
    """A key whose plain text order is the order readers of `language` expect, near enough to browse a list by."""
    if language.startswith("zh"):
        # the common characters of GB 2312 stand in the order of their pinyin
        return name.encode("gb18030").hex()
    text = name.casefold().translate(_FOLD)
    text = "".join(ch for ch in unicodedata.normalize("NFKD", text) if not unicodedata.combining(ch))
    for article in _LEADING.get(language, ()):
        text = text.removeprefix(article)
    return " ".join("".join(ch if ch.isalnum() else " " for ch in text).split())
