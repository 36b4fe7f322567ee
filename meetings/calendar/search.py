"""Search over meetings, and the registry by which other rooms add what they hold (documents, sessions).

Words are compared without regard to case and accents, in every script: all must occur. The texts of all meetings are
read by one query and compared here, for databases fold Latin letters at most.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from flask import url_for
from sqlalchemy import select

from core.actor import Actor
from core.db import db
from core.machines import State
from core.text import one_line
from meetings.calendar.models import Meeting, MeetingKind
from meetings.calendar.queries import MeetingRow, meetings_by_id, visible
from meetings.calendar.words import kind_name

MOST_WORDS = 8
MOST_HITS = 30  # of one source; the rest is counted
MAX_LENGTH = 200


def fold(text: str) -> str:
    """Text as it is compared: without case, accents and vowel marks."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(ch for ch in plain if not unicodedata.combining(ch) and ch != "ـ")


def words_of(text: str) -> tuple[str, ...]:
    """The words that are looked for, at most eight."""
    return tuple(dict.fromkeys(fold(word) for word in one_line(text)[:MAX_LENGTH].split()))[:MOST_WORDS]


def score(words: Sequence[str], weighted: Sequence[tuple[int, str]]) -> int:
    """How well (weight, text) pairs answer the words; 0 unless all occur. The beginning of a word counts more."""
    total = 0
    for word in words:
        best = 0
        for weight, text in weighted:
            if (at := text.find(word)) >= 0:
                begins = at == 0 or re.search(rf"\b{re.escape(word)}", text) is not None
                best = max(best, weight * (2 if begins else 1))
        if best == 0:
            return 0
        total += best
    return total


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing found, of whatever room."""

    title: str
    url: str
    text: str = ""
    when: str = ""
    status: State | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What one source found: the best hits, and how many there are in all."""

    label: Any
    hits: tuple[Hit, ...]
    total: int


Source = Callable[[tuple[str, ...], Actor, int], tuple[Sequence[Hit], int]]
_sources: dict[str, tuple[int, Any, Source]] = {}


def register_search(key: str, label: Any, source: Source, *, order: int = 100) -> None:
    """Ask `source(words, actor, most)` for hits and their number. Words come folded (compare with `fold`); it runs a
    fixed number of queries, only reads, and shows only what `actor` may see. The same key replaces."""
    _sources[key] = (order, label, source)


def search(text: str, actor: Actor, *, reveal: bool, label: Any) -> list[Found]:
    """What every room found, meetings first."""
    words = words_of(text)
    if not words:
        return []
    hits, total = _meetings(words, reveal)
    found = [Found(label, tuple(hits), total)]
    for _order, name, source in sorted(_sources.values(), key=lambda entry: entry[0]):
        theirs, count = source(words, actor, MOST_HITS)
        found.append(Found(name, tuple(theirs), count))
    return found


def _meetings(words: tuple[str, ...], reveal: bool) -> tuple[list[Hit], int]:
    """Two queries."""
    rows = db.session.execute(
        select(Meeting.id, Meeting.short_name, Meeting.title, Meeting.city, Meeting.venue, Meeting.presiding_name,
               Meeting.mandate_text, Meeting.year, Meeting.kind, MeetingKind.name.label("kind_name"),
               MeetingKind.short_name.label("kind_short"), Meeting.documents)
        .join(MeetingKind, MeetingKind.code == Meeting.kind).where(visible(reveal))).all()
    scored = []
    for row in rows:
        papers = " ".join(str(v) for value in row.documents.values()
                          for v in (value if isinstance(value, list) else [value]))
        points = score(words, [
            (8, fold(row.short_name)), (5, fold(f"{kind_name(row.kind, row.kind_name)} {row.kind_name} "
                                                f"{row.kind_short}")),
            (4, str(row.year)), (3, fold(row.title)), (3, fold(f"{row.city or ''} {row.venue or ''}")),
            (2, fold(row.presiding_name or "")), (1, fold(f"{row.mandate_text or ''} {papers}"))])
        if points:
            scored.append((points, row.year, row.id))
    scored.sort(key=lambda entry: (-entry[0], -entry[1], entry[2]))
    best = [key for _points, _year, key in scored[:MOST_HITS]]
    known = meetings_by_id(best, reveal=reveal)
    return [_hit(known[key]) for key in best], len(scored)


def _hit(meeting: MeetingRow) -> Hit:
    return Hit(meeting.short_name, url_for("calendar.meeting", slug=meeting.slug), meeting.title,
               meeting.days_text or str(meeting.year), meeting.status)
