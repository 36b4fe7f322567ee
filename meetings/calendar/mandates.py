"""The mandate check: what a resolution asks for beside what the calendar holds, line by line, with its source.

Pure comparison over loaded rows; nothing is hidden or put right. Mandates were read in one language version, so a
contradiction may be the printer's: the page says so.
"""

from __future__ import annotations

import re
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import gettext, ngettext
from sqlalchemy import select

from core.db import db
from core.errors import NotFound
from core.machines import State
from core.web.formats import format_day, format_days
from meetings.calendar.models import Mandate, MandateMeeting, Meeting, MeetingKind
from meetings.calendar.queries import MeetingRow, to_row
from meetings.calendar.words import LANGUAGE_NAMES, kind_name

AGREES, CONTRADICTS, SILENT = "agrees", "contradicts", "silent"
_NUMBER = re.compile(r"\d{1,3}/\d{1,4}( [A-Z])?")
EARLY_UNTIL_MONTH = 4  # our reading of "early in the year": January to April


@dataclass(frozen=True, slots=True)
class Line:
    """One comparison: what is compared, what the mandate asks, what the calendar holds, and the outcome."""

    code: str
    what: str
    asked: str
    found: str
    outcome: str

    @property
    def tag(self) -> State:
        """Word and tone of the outcome."""
        words = {
            AGREES: (gettext("Agrees"), "done"),
            CONTRADICTS: (gettext("Contradicts"), "attention"),
            SILENT: (gettext("Not compared"), "neutral"),
        }
        label, tone = words[self.outcome]
        return State(self.outcome, label, tone)


@dataclass(frozen=True, slots=True)
class MandateRow:
    """One mandate as its page shows it."""

    id: uuid.UUID
    key: str
    resolution: str
    adopted_year: int
    paragraph: str
    rests_on: str | None
    kind: str
    kind_name: str
    year_printed: int
    year_read: int
    year_reason: str | None
    printed_days: tuple[Any, Any] | None
    weeks: int | None
    place: str | None
    timing: str | None
    precedes_id: uuid.UUID | None
    language_read: str
    note: str | None
    source_url: str | None = None
    version: int = 1
    withdrawn_because: str | None = None

    @property
    def source(self) -> str:
        """`A/RES/68/48, paragraph 5`; a paper that is no resolution stands under its own symbol."""
        symbol = f"A/RES/{self.resolution}" if _NUMBER.fullmatch(self.resolution) else self.resolution
        return gettext("%(symbol)s, paragraph %(paragraph)s", symbol=symbol, paragraph=self.paragraph)

    @property
    def read_as(self) -> str:
        """In which version the paper was read, as the page warns of it; empty where all were compared."""
        if self.language_read == "all":
            return ""
        language = LANGUAGE_NAMES.get(self.language_read, self.language_read)
        return gettext("As printed in the %(language)s version; others not compared.", language=language)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One mandate with what was found: on the text itself, and on each meeting that answers it."""

    mandate: MandateRow
    on_text: tuple[Line, ...]
    meetings: tuple[tuple[MeetingRow, tuple[Line, ...]], ...]

    @property
    def text_contradicts(self) -> bool:
        """Whether the printed text cannot be right as it stands."""
        return any(line.outcome == CONTRADICTS for line in self.on_text)

    @property
    def meeting_contradicts(self) -> bool:
        """Whether a meeting is not what was asked for, or there is none."""
        return not self.meetings or any(
            line.outcome == CONTRADICTS for _meeting, lines in self.meetings for line in lines
        )


# --- comparing --------------------------------------------------------------------------------------------------
def _line(code: str, what: str, asked: str, found: str, agrees: bool | None) -> Line:
    outcome = SILENT if agrees is None else AGREES if agrees else CONTRADICTS
    return Line(code, what, asked, found, outcome)


def compare_text(mandate: MandateRow, others: Iterable[MandateRow]) -> list[Line]:
    """What can be wrong in the printed text itself, whatever the calendar holds: a year before the resolution, or a
    preparatory committee outside the cycle of its conference."""
    year, lines = mandate.year_printed, []
    printed = gettext("%(year)s is printed", year=year)
    if year < mandate.adopted_year:
        lines.append(_line(
            "year_before_resolution", gettext("Year as printed"), printed,
            gettext("the resolution is of %(year)s and cannot ask for an earlier meeting", year=mandate.adopted_year),
            False))
    later = next((m for m in others if m.id == mandate.precedes_id), None)
    if later is not None and not 0 <= later.year_read - year <= 1:
        lines.append(_line(
            "year_outside_cycle", gettext("Order in the cycle"), printed,
            gettext("it prepares the conference of %(year)s, and precedes it in the same cycle", year=later.year_read),
            False))
    if mandate.year_read != year and not lines:
        lines.append(_line(
            "year_read_otherwise", gettext("Year as printed"), printed,
            gettext("read as %(year)s", year=mandate.year_read), False))
    return lines


def compare_meeting(mandate: MandateRow, meeting: MeetingRow, conference: MeetingRow | None) -> list[Line]:
    """Kind, year, length, place, days, and order in the cycle of one meeting. `conference` is the meeting that this
    one must precede. A meeting without days is compared as far as it goes."""
    lines = [
        _line("kind", gettext("Kind"), mandate.kind_name, meeting.kind_name, mandate.kind == meeting.kind),
        _line("year", gettext("Year"), str(mandate.year_read), str(meeting.year), mandate.year_read == meeting.year),
    ]
    start, end = meeting.start_date, meeting.end_date
    undated = gettext("no dates yet")
    if mandate.weeks is not None:
        lines.append(_length(mandate.weeks, meeting))
    if mandate.place is not None:
        same = None if meeting.city is None else meeting.city.casefold() == mandate.place.casefold()
        lines.append(_line("place", gettext("Place"), mandate.place, meeting.city or gettext("no place yet"), same))
    if mandate.printed_days is not None:
        lines.append(_line(
            "days", gettext("Dates"), format_days(*mandate.printed_days), meeting.days_text or undated,
            None if start is None else (start, end) == mandate.printed_days))
    if mandate.timing == "early":
        lines.append(_line(
            "timing", gettext("Time of year"), gettext("early in the year (read as January to April)"),
            format_day(start) if start else undated, None if start is None else start.month <= EARLY_UNTIL_MONTH))
    if mandate.precedes_id is not None:
        lines.append(_order(meeting, conference))
    return lines


def _length(weeks: int, meeting: MeetingRow) -> Line:
    asked = ngettext("%(num)s week (%(days)s working days)", "%(num)s weeks (%(days)s working days)", weeks,
                     days=weeks * 5)
    start, end = meeting.start_date, meeting.end_date
    if start is None or end is None:
        return _line("length", gettext("Length"), asked, gettext("no dates yet"), None)
    # a mandate counts working days; one official holiday a week may be missing (RevCon4 opened on a Tuesday)
    days, calendar_weeks = meeting.workdays, (end.toordinal() - 1) // 7 - (start.toordinal() - 1) // 7 + 1
    found = gettext("%(days)s, in %(weeks)s",
                    days=ngettext("%(num)s working day", "%(num)s working days", days),
                    weeks=ngettext("%(num)s calendar week", "%(num)s calendar weeks", calendar_weeks))
    return _line("length", gettext("Length"), asked, found,
                 calendar_weeks == weeks and weeks * 4 <= days <= weeks * 5)


def _order(meeting: MeetingRow, conference: MeetingRow | None) -> Line:
    what, asked = gettext("Order in the cycle"), gettext("before its review conference")
    if conference is None:
        return _line("order", what, asked, gettext("its conference is not in the calendar"), None)
    if meeting.end_date is None or conference.start_date is None:
        return _line("order", what, asked, gettext("no dates yet"), None)
    return _line(
        "order", what, asked,
        gettext("ends %(end)s; %(conference)s opens %(start)s", end=format_day(meeting.end_date),
                conference=conference.short_name, start=format_day(conference.start_date)),
        meeting.end_date < conference.start_date and conference.start_date.year - meeting.end_date.year <= 1)


# --- reading ----------------------------------------------------------------------------------------------------
def _mandate_row(mandate: Mandate, kind: str) -> MandateRow:
    days = (mandate.start_printed, mandate.end_printed) if mandate.start_printed else None
    return MandateRow(
        mandate.id, mandate.key, mandate.resolution, mandate.adopted_on.year, mandate.paragraph, mandate.rests_on,
        mandate.kind, kind_name(mandate.kind, kind), mandate.year_printed, mandate.year_read, mandate.year_reason,
        days, mandate.weeks, mandate.place, mandate.timing, mandate.precedes_id, mandate.language_read, mandate.note,
        mandate.source_url, mandate.version, mandate.withdrawn_because,
    )


def mandate_rows(*, withdrawn: bool = False) -> list[MandateRow]:
    """Every mandate that stands (or was withdrawn), in the order of its resolution. One query."""
    stands = Mandate.withdrawn_at.is_not(None) if withdrawn else Mandate.withdrawn_at.is_(None)
    found = db.session.execute(
        select(Mandate, MeetingKind.name).join(MeetingKind, MeetingKind.code == Mandate.kind).where(stands)
        .order_by(Mandate.adopted_on, Mandate.resolution, Mandate.position)
    ).all()
    return [_mandate_row(mandate, kind) for mandate, kind in found]


def _answers(mandates: Sequence[MandateRow]) -> dict[uuid.UUID, list[MeetingRow]]:
    """Meetings that answer each mandate: those linked to it, else those of its kind and year that still stand."""
    linked = db.session.execute(
        select(MandateMeeting.mandate_id, Meeting, MeetingKind.name)
        .join(Meeting, Meeting.id == MandateMeeting.meeting_id)
        .join(MeetingKind, MeetingKind.code == Meeting.kind)
        .order_by(Meeting.year, Meeting.start_date, Meeting.id)
    ).all()
    found: dict[uuid.UUID, list[MeetingRow]] = defaultdict(list)
    for mandate_id, meeting, kind in linked:
        found[mandate_id].append(to_row(meeting, kind))
    loose = [m for m in mandates if m.id not in found]
    if loose:
        rows = db.session.execute(
            select(Meeting, MeetingKind.name).join(MeetingKind, MeetingKind.code == Meeting.kind)
            .where(Meeting.kind.in_({m.kind for m in loose}), Meeting.year.in_({m.year_read for m in loose}),
                   Meeting.state != "cancelled", Meeting.replaced_by_id.is_(None), Meeting.is_demo.is_(False))
            .order_by(Meeting.year, Meeting.start_date, Meeting.id)
        ).all()
        for mandate in loose:
            for meeting, kind in rows:
                if (meeting.kind, meeting.year) == (mandate.kind, mandate.year_read):
                    found[mandate.id].append(to_row(meeting, kind))
    return found


def mandate_check() -> list[Comparison]:
    """Every mandate beside the calendar, in at most three queries."""
    mandates = mandate_rows()
    answers = _answers(mandates)
    return [_compare(mandate, mandates, answers) for mandate in mandates]


def _compare(
    mandate: MandateRow, mandates: Sequence[MandateRow], answers: dict[uuid.UUID, list[MeetingRow]]
) -> Comparison:
    conferences = answers.get(mandate.precedes_id, []) if mandate.precedes_id else []
    conference = conferences[0] if conferences else None
    return Comparison(
        mandate, tuple(compare_text(mandate, mandates)),
        tuple((m, tuple(compare_meeting(mandate, m, conference))) for m in answers.get(mandate.id, ())),
    )


def mandates_of(meeting: MeetingRow) -> list[tuple[MandateRow, list[Line]]]:
    """The mandates that this meeting answers, each with its comparison: shown before it is published."""
    mandates = mandate_rows()
    answers = _answers(mandates)
    found = []
    for mandate in mandates:
        linked = answers.get(mandate.id, [])
        if any(m.id == meeting.id for m in linked):
            conferences = answers.get(mandate.precedes_id, []) if mandate.precedes_id else []
            found.append((mandate, compare_meeting(mandate, meeting, conferences[0] if conferences else None)))
    return found


@dataclass(frozen=True, slots=True)
class CycleFault:
    """A preparatory committee that does not precede its conference, or two that overlap."""

    committee: MeetingRow
    conference: MeetingRow
    line: Line


def cycle_check(
    meetings: Sequence[MeetingRow], precedes: Mapping[str, str] | None = None
) -> list[CycleFault]:
    """Every meeting of a kind that prepares another, with the conference it prepares: that of the same number, else the
    first one that opens after it in its year or the next. Mandate or not; `precedes` says which kind prepares which."""
    kinds = {"PrepCom": "RevCon"} if precedes is None else precedes
    standing = [m for m in meetings if m.state != "cancelled" and m.replaced_by_id is None]
    found = []
    for meeting in standing:
        if meeting.kind in kinds:
            conference = _prepared_by(meeting, [m for m in standing if m.kind == kinds[meeting.kind]])
            if conference is not None:
                found.append(CycleFault(meeting, conference, _order(meeting, conference)))
    return found


def _prepared_by(meeting: MeetingRow, conferences: Sequence[MeetingRow]) -> MeetingRow | None:
    if meeting.ordinal is not None:
        return next((c for c in conferences if c.ordinal == meeting.ordinal), None)
    near = [c for c in conferences if 0 <= c.year - meeting.year <= 1]
    return min(near, key=lambda c: (c.year, c.start_date or date.max), default=None)


def without_mandate(meetings: Sequence[MeetingRow], found: Sequence[Comparison]) -> list[MeetingRow]:
    """Meetings still to come that answer no mandate on record: what they rest on should be recorded."""
    answered = {meeting.id for item in found for meeting, _lines in item.meetings}
    return [m for m in meetings if m.id not in answered and m.phase in ("undated", "upcoming", "in_session")]


def kinds_that_prepare() -> dict[str, str]:
    """Kinds whose meetings must precede a conference of another kind. One query."""
    rows = db.session.execute(select(MeetingKind.code, MeetingKind.precedes).where(MeetingKind.precedes.is_not(None)))
    return {row.code: row.precedes for row in rows}


@dataclass(frozen=True, slots=True)
class MandateForEdit:
    """A mandate as its form shows it, with the meetings that were linked to it."""

    mandate: Mandate
    meeting_ids: tuple[uuid.UUID, ...]


def mandate_for_edit(mandate_id: uuid.UUID) -> MandateForEdit:
    """Two queries. Raises NotFound."""
    mandate = db.session.get(Mandate, mandate_id)
    if mandate is None:
        raise NotFound()
    linked = db.session.scalars(select(MandateMeeting.meeting_id).where(MandateMeeting.mandate_id == mandate_id))
    return MandateForEdit(mandate, tuple(linked))
