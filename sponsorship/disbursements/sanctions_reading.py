"""The Security Council's Consolidated List as the United Nations publish it: one XML file.

Laid out as its publisher documents it: CONSOLIDATED_LIST, which bears dateGenerated, holds INDIVIDUALS of INDIVIDUAL
with DATAID, REFERENCE_NUMBER, LISTED_ON, FIRST_NAME to FOURTH_NAME, NAME_ORIGINAL_SCRIPT, INDIVIDUAL_ALIAS (QUALITY,
ALIAS_NAME) and INDIVIDUAL_DATE_OF_BIRTH (DATE, YEAR, or FROM_YEAR and TO_YEAR). Entities are persons of no journey and
left out; so is nationality, by which nobody is ever compared.

Read by expat as it comes, without a tree. A document type is refused before any entity could be declared, so nothing
is expanded and nothing fetched.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from datetime import date
from xml.parsers import expat

from flask_babel import gettext as _

from core.errors import RuleBroken

MAX_BYTES = 30 * 1024 * 1024
MAX_DEPTH, MAX_PERSONS, MAX_TEXT = 12, 50_000, 4_000
_NAMES = ("FIRST_NAME", "SECOND_NAME", "THIRD_NAME", "FOURTH_NAME")
_BIRTH = {"DATE", "YEAR", "FROM_YEAR", "TO_YEAR"}


@dataclass(frozen=True)
class Listed:
    """One person on the list. `births` are days (1970-05-01), years (1970) or spans of years (1968-1972)."""

    data_id: str
    reference: str
    listed_on: date | None
    names: tuple[str, ...]
    births: tuple[str, ...]

    @property
    def digest(self) -> str:
        """Of what persons are compared by: a listing that changed is looked at anew."""
        return hashlib.sha256(json.dumps([self.data_id, self.names, self.births]).encode()).hexdigest()


@dataclass
class ReadList:
    """What a file says. `published_on` is the day on which it was generated."""

    published_on: date
    persons: list[Listed] = field(default_factory=list)


def _not_ours(why: str = "") -> RuleBroken:
    words = _("This is not the Security Council’s Consolidated List. Download it as XML from the United Nations and "
              "choose that file.")
    return RuleBroken(f"{words} {why}".strip(), code="sanctions.file", field="file")


def read_list(content: bytes) -> ReadList:
    """The persons of a file. Raises RuleBroken (field `file`) for any other."""
    if len(content) > MAX_BYTES:
        raise _not_ours()
    return _Xml(content).read


def _day(text: str) -> date | None:
    match = re.match(r"(\d{4})-(\d\d)-(\d\d)", text.strip())
    try:
        return date(int(match[1]), int(match[2]), int(match[3])) if match else None
    except ValueError:
        return None


class _Xml:
    def __init__(self, content: bytes) -> None:
        self.read: ReadList
        self._path: list[str] = []
        self._text: list[str] = []
        self._size = 0
        self._person: dict[str, str] | None = None
        self._aliases: list[str] = []
        self._births: list[dict[str, str]] = []
        self._begun = False
        self._parser = parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end
        parser.CharacterDataHandler = self._characters
        try:
            parser.Parse(content, True)
        except (expat.ExpatError, UnicodeError, LookupError) as error:
            line = getattr(error, "lineno", parser.CurrentLineNumber)
            raise _not_ours(_("It breaks off in line %(line)s.", line=line)) from error
        if not self._begun or not self.read.persons:
            raise _not_ours(_("It names nobody."))

    def _doctype(self, *_args: object) -> None:
        raise _not_ours(_("It declares a document type, which such a file never does."))

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        tag = name.rpartition(" ")[2]
        if not self._path:
            published = _day(attributes.get("dateGenerated", ""))
            if tag != "CONSOLIDATED_LIST" or published is None:
                raise _not_ours()
            self.read, self._begun = ReadList(published), True
        self._path.append(tag)
        self._text, self._size = [], 0
        if len(self._path) > MAX_DEPTH:
            raise _not_ours()
        if self._path[1:] == ["INDIVIDUALS", "INDIVIDUAL"]:
            self._person, self._aliases, self._births = {}, [], []
        elif tag == "INDIVIDUAL_DATE_OF_BIRTH" and self._person is not None:
            self._births.append({})

    def _characters(self, text: str) -> None:
        self._size += len(text)
        if self._size <= MAX_TEXT:
            self._text.append(text)

    def _end(self, _name: str) -> None:
        tag, text = self._path[-1], " ".join("".join(self._text).split())
        self._text, self._size = [], 0
        inside = self._path[3:]
        self._path.pop()
        if self._person is None:
            return
        if self._path[1:] == ["INDIVIDUALS"]:
            self._finish(self._person)
            self._person = None
        elif len(inside) == 1:
            self._person[tag] = text
        elif inside[:-1] == ["INDIVIDUAL_ALIAS"] and tag == "ALIAS_NAME" and text:
            self._aliases.append(text)
        elif inside[:-1] == ["INDIVIDUAL_DATE_OF_BIRTH"] and tag in _BIRTH:
            self._births[-1][tag] = text

    def _finish(self, found: dict[str, str]) -> None:
        name = " ".join(found[part] for part in _NAMES if found.get(part))
        names = tuple(dict.fromkeys(n for n in (name, found.get("NAME_ORIGINAL_SCRIPT", ""), *self._aliases) if n))
        if not found.get("DATAID") or not names:
            raise _not_ours(_("A person in line %(line)s has no number or no name.",
                              line=self._parser.CurrentLineNumber))
        if len(self.read.persons) >= MAX_PERSONS:
            raise _not_ours()
        births = tuple(dict.fromkeys(b for b in map(_birth, self._births) if b))
        self.read.persons.append(Listed(found["DATAID"][:40], found.get("REFERENCE_NUMBER", "")[:60],
                                        _day(found.get("LISTED_ON", "")), tuple(n[:300] for n in names), births))


def _birth(parts: dict[str, str]) -> str:
    day = _day(parts.get("DATE", ""))
    if day is not None:
        return day.isoformat()
    years = [found[0] for key in ("YEAR", "FROM_YEAR", "TO_YEAR")
             if (found := re.match(r"\d{4}", parts.get(key, "")))]
    return "-".join(dict.fromkeys(years[:2]))
