"""Symbols of United Nations documents, such as A/CONF.192/BMS/2016/WP.1/Rev.1. Pure functions.

A symbol is parts between slashes: the organ, then the body, year or series with its number, and last what changes
another document: Rev.n (a new text), Add.n (more text), Corr.n (a correction). Those may follow each other, so that
A/1/Rev.1/Corr.2 corrects the revised text. Source: "United Nations document symbols", Dag Hammarskjöld Library.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from flask_babel import gettext as _

CHANGES = ("Rev", "Add", "Corr")
MAX_LENGTH = 80
_CHANGE = re.compile(rf"({'|'.join(CHANGES)})\.([1-9][0-9]?)", re.IGNORECASE)
_CHANGE_MISSPELT = re.compile(rf"({'|'.join(CHANGES)})[ ._-]*([0-9]*)\.?", re.IGNORECASE)
_ORGAN = re.compile(r"[A-Z]{1,6}")
_PART = re.compile(r"[A-Z]+(\.[A-Z0-9]+)*|[0-9]{1,4}(\.[0-9]+)?")


class BadSymbol(ValueError):
    """Not a symbol; its words say what to write instead."""


@dataclass(frozen=True, slots=True)
class Symbol:
    """A symbol: the text that it belongs to, and what it changes of it, in order."""

    base: str
    changes: tuple[tuple[str, int], ...] = ()

    def __str__(self) -> str:
        return "/".join((self.base, *(f"{kind}.{n}" for kind, n in self.changes)))

    @property
    def of(self) -> Symbol | None:
        """What this document changes; None for a first text."""
        return Symbol(self.base, self.changes[:-1]) if self.changes else None

    @property
    def kind(self) -> str | None:
        """Rev, Add or Corr: what this document does to the one it changes; None for a first text."""
        return self.changes[-1][0] if self.changes else None

    @property
    def order(self) -> tuple[tuple[int, int], ...]:
        """Sorts a chain as people read it: the text, its revisions, its addenda, its corrigenda, each followed by what
        changes it in turn."""
        return tuple((CHANGES.index(kind), n) for kind, n in self.changes)


def parse_symbol(text: str) -> Symbol:
    """Read a symbol; small letters and full-width slashes are put right. Raises BadSymbol."""
    typed = text.strip().replace("\uff0f", "/").replace("\u2215", "/")
    if not typed or len(typed) > MAX_LENGTH:
        raise BadSymbol(_("Write the symbol, such as A/CONF.192/BMS/2016/2, at most %(n)s characters.", n=MAX_LENGTH))
    if any(ch.isspace() for ch in typed):
        raise BadSymbol(_("A symbol has no spaces. Write it as A/CONF.192/BMS/2016/2."))
    parts = typed.split("/")
    if "" in parts:
        raise BadSymbol(_("A part of the symbol is empty: check the slashes."))
    changes: list[tuple[str, int]] = []
    while parts and (found := _CHANGE.fullmatch(parts[-1])):
        changes.insert(0, (found[1].capitalize(), int(found[2])))
        parts.pop()
    for part in parts:
        if misspelt := _CHANGE_MISSPELT.fullmatch(part):
            kind = misspelt[1].capitalize()
            if _CHANGE.fullmatch(part):
                raise BadSymbol(_("%(part)s stands at the end of a symbol, followed only by other changes.", part=part))
            raise BadSymbol(_("Write %(good)s, not %(part)s.", good=f"{kind}.{int(misspelt[2] or 0) or 1}", part=part))
    base = [part.upper() for part in parts]
    if len(base) < 2 or not _ORGAN.fullmatch(base[0]):
        raise BadSymbol(_("A symbol begins with its organ, such as A/ or A/CONF.192/, and goes on after the slash."))
    for part in base[1:]:
        if not _PART.fullmatch(part):
            raise BadSymbol(_("“%(part)s” is no part of a symbol. Use letters, figures and full stops only.",
                              part=part))
    if not any(ch.isdigit() for ch in "".join(base[1:])):
        raise BadSymbol(_("The symbol has no number. Write it as A/CONF.192/BMS/2016/2."))
    return Symbol("/".join(base), tuple(changes))
