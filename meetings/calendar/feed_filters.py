"""What a feed holds, as its address says it: kind, year, place, status, with dates or without, in which language. The
same words in another order are the same feed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from flask import current_app
from flask_babel import gettext
from sqlalchemy import Select, or_
from werkzeug.datastructures import MultiDict

from core import clock
from core.errors import RuleBroken
from core.text import one_line
from meetings.calendar.models import Meeting
from meetings.calendar.queries import in_phase

LANGUAGE = "en"  # a feed has no reader whose language could be known: it is asked for by name
STATUSES = ("upcoming", "in_session", "held", "postponed", "cancelled")
ONLINE = "online"
MOST = 20  # values of one filter


@dataclass(frozen=True, slots=True)
class FeedFilter:
    """An empty filter lets everything through. `slug` narrows to one meeting."""

    kinds: tuple[str, ...] = ()
    years: tuple[int, ...] = ()
    places: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    dates: bool = False
    language: str = LANGUAGE
    slug: str = ""

    @property
    def query(self) -> str:
        """The filter as the query of an address; empty for everything in English."""
        parts: list[tuple[str, str]] = [("kind", v) for v in self.kinds]
        parts += [("year", str(v)) for v in self.years] + [("place", v) for v in self.places]
        parts += [("status", v) for v in self.statuses]
        if self.dates:
            parts.append(("dates", "1"))
        if self.language != LANGUAGE:
            parts.append(("language", self.language))
        return urlencode(parts)

    @property
    def turns_with_the_day(self) -> bool:
        """Whether what it lets through changes at midnight, although nobody changes anything."""
        return any(status in ("upcoming", "in_session", "held") for status in self.statuses)

    @property
    def key(self) -> str:
        """What tells this feed from every other of this application today."""
        day = clock.today().isoformat() if self.turns_with_the_day else ""
        return f"{self.slug}?{self.query}#{day}"

    @property
    def stored(self) -> dict[str, Any]:
        """As a subscription keeps it."""
        return {"kind": list(self.kinds), "place": list(self.places), "dates": self.dates, "lang": self.language}

    def matches(self, meeting: Meeting) -> bool:
        """Whether a subscriber with this filter follows this meeting, whenever it is."""
        if self.kinds and meeting.kind not in self.kinds:
            return False
        if not self.places:
            return True
        return meeting.city in self.places or (ONLINE in self.places and meeting.mode == "virtual")

    def narrow(self, statement: Select[Any, Any]) -> Select[Any, Any]:
        """The statement over meetings with these conditions."""
        if self.slug:
            statement = statement.where(Meeting.slug == self.slug)
        if self.kinds:
            statement = statement.where(Meeting.kind.in_(self.kinds))
        if self.years:
            statement = statement.where(Meeting.year.in_(self.years))
        if self.places:
            here = Meeting.city.in_([p for p in self.places if p != ONLINE])
            statement = statement.where(or_(here, Meeting.mode == "virtual") if ONLINE in self.places else here)
        if self.statuses:
            statement = statement.where(or_(*(in_phase(status, False) for status in self.statuses)))
        return statement


def _values(args: MultiDict[str, str], name: str) -> tuple[str, ...]:
    found = {one_line(part) for value in args.getlist(name) for part in value.split(",")}
    found.discard("")
    if len(found) > MOST or any(len(value) > 120 for value in found):
        raise RuleBroken(gettext("Name at most %(n)s values of “%(name)s”.", n=MOST, name=name), code="feed.too_many")
    return tuple(sorted(found))


def from_args(args: MultiDict[str, str], slug: str = "") -> FeedFilter:
    """Read an address. A value that cannot be meant raises RuleBroken: a calendar that silently held something else
    than was asked for would never be noticed."""
    years = _values(args, "year")
    if not all(year.isascii() and year.isdigit() and len(year) == 4 for year in years):
        raise RuleBroken(gettext("Write a year from 1990 to 2100."), code="feed.year")
    statuses = _values(args, "status")
    if unknown := set(statuses) - set(STATUSES):
        raise RuleBroken(gettext("There is no status “%(status)s”. Write one of: %(known)s.",
                                 status=sorted(unknown)[0], known=", ".join(STATUSES)), code="feed.status")
    dates = args.get("dates", "")
    if dates not in ("", "0", "1"):
        raise RuleBroken(gettext("Write dates=1 for deadlines too, or leave it out."), code="feed.dates")
    return FeedFilter(
        _values(args, "kind"), tuple(int(y) for y in years), _values(args, "place"), statuses, dates == "1",
        _language(args.get("language", "")), slug)


def _language(wanted: str) -> str:
    if not wanted:
        return LANGUAGE
    languages = current_app.extensions["placard_languages"]
    if wanted not in languages:
        raise RuleBroken(gettext("Feeds come in: %(known)s.", known=", ".join(languages)), code="feed.language")
    return wanted


def from_stored(wanted: Mapping[str, Any]) -> FeedFilter:
    """What a subscription keeps; a language that is no longer offered becomes English."""
    language = wanted.get("lang", LANGUAGE)
    if language not in current_app.extensions["placard_languages"]:
        language = LANGUAGE
    return replace(FeedFilter(), kinds=tuple(sorted(wanted.get("kind", ()))),
                   places=tuple(sorted(wanted.get("place", ()))), dates=bool(wanted.get("dates")), language=language)
