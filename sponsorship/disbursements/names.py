"""Names of people compared: an account holder with a nominee, and both with a list of persons.

Two names are the same when they are spelled the same; they differ in order or marks only when their words are the same
without accents and in any order; everything else differs, other scripts too, and is for a person to judge. For a list
of persons a coarser likeness serves: words by their consonants, as they are heard, for Arabic and other names are
written in Latin letters in many ways.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

SAME, ORDER, DIFFERS = "same", "order", "differs"
_TATWEEL, _MARKS = "\u0640", ("Mn", "Cf")
# letters that Unicode does not take apart, and forms of Arabic letters written one for another
_LETTERS = str.maketrans({"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ł": "l", "ı": "i",
                          "أ": "ا", "إ": "ا", "آ": "ا", "ى": "ي", "ة": "ه", "ؤ": "و", "ئ": "ي", _TATWEEL: ""})
# Cyrillic and Greek letters that look like Latin ones, small or large: in a word that has Latin letters they stand for
# those (Unicode Technical Standard 39, section 4), or one letter of another alphabet would hide a name from the list
_LOOKALIKES = str.maketrans("авекмнорстухіјѕһԁԛԝαβεηικνορτυχ", "abekmhopctyxijshdqwabenikvoptux")
# words that are part of a name in some papers and left out in others
_PARTICLES = frozenset({"al", "el", "ul", "bin", "ben", "ibn", "bint", "abd", "de", "da", "di", "la", "le", "van",
                        "von", "mr", "mrs", "ms", "dr", "ال", "بن", "ابن", "بنت"})
_SOUNDS = (("sch", "x"), ("tch", "x"), ("sh", "x"), ("ch", "x"), ("kh", "k"), ("gh", "g"), ("dh", "d"), ("th", "t"),
           ("ph", "f"), ("dj", "j"), ("zh", "j"), ("ts", "s"), ("ck", "k"), ("qu", "k"), ("q", "k"), ("c", "k"),
           ("z", "s"), ("v", "w"), ("p", "b"), ("y", "i"))


def plain(text: str) -> str:
    """Small letters without accents, vowel signs or marks of direction; a blank between words, each of one alphabet."""
    folded = unicodedata.normalize("NFKD", text).casefold().translate(_LETTERS)
    kept = "".join(ch for ch in folded if unicodedata.category(ch) not in _MARKS)
    words = "".join(ch if ch.isalnum() else " " for ch in unicodedata.normalize("NFKC", kept)).split()
    return " ".join(word.translate(_LOOKALIKES) if re.search("[a-z]", word) else word for word in words)


def compare(holder: str | None, nominee: str | None) -> str:
    """`same`, `order` (the same words, in another order or with other accents) or `differs`."""
    if not holder or not nominee:
        return DIFFERS
    spelled = [" ".join(unicodedata.normalize("NFC", text).casefold().split()) for text in (holder, nominee)]
    if spelled[0] == spelled[1]:
        return SAME
    words = [sorted(plain(text).split()) for text in (holder, nominee)]
    return ORDER if words[0] and words[0] == words[1] else DIFFERS


def worst_name(names: Iterable[str | None], nominee: str | None) -> str | None:
    """The worst that `compare` says of any of the names given; None where none is."""
    found = [compare(name, nominee) for name in names if name]
    return max(found, key=(SAME, ORDER, DIFFERS).index) if found else None


@lru_cache(maxsize=50_000)
def sound(word: str) -> str:
    """A word as it is heard: its first letter's kind and its consonants. Words of other scripts stay as they are."""
    if not word.isascii():
        return word
    for written, heard in _SOUNDS:
        word = word.replace(written, heard)
    head = "a" if word[0] in "aeiou" else word[0]
    rest = re.sub(r"[aeiouhw]", "", word[1:])
    return re.sub(r"(.)\1+", r"\1", head + rest)


def sounds(name: str) -> frozenset[str]:
    """The words of a name as they are heard, without particles. `abd al-rahman` and `abdulrahman` are both one word."""
    words = plain(name)
    words = re.sub(r"\babd[ua]?l?\s+(?:al|el|ul|ar|as|ur)?\s*", "abdl", words)
    words = re.sub(r"\babd(?:[aeu]?l|[ae][rs])(?=\w)", "abdl", words)
    words = re.sub(r"\b(?:al|el)\s+(?=\w)", "", words)
    return frozenset(sound(word) for word in words.split() if word not in _PARTICLES and (len(word) > 1
                                                                                          or not word.isascii()))


def alike(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether all words of the shorter name are words of the longer one: two at least, or the only one both have."""
    shorter, longer = sorted((one, other), key=len)
    if not shorter:
        return False
    return shorter <= longer and (len(shorter) >= 2 or len(longer) == 1)
