"""What pages and other rooms may know about meetings: typed rows, a fixed number of queries each.

`reveal` says for whom: the public sees announced meetings, and days only once they are published; organisers and
other rooms' commands see everything. Nothing here remembers to hide: the row simply does not hold it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import Select, and_, bindparam, case, false, func, or_, select, true

from accounts.models import Organisation
from accounts.queries import names
from core import clock
from core.db import db
from core.errors import NotFound
from core.machines import State
from core.web.formats import format_days
from core.web.tables import TableQuery
from meetings.calendar.dates import DateChange, DateRow, date_changes, dates_of
from meetings.calendar.models import Meeting, MeetingDates, MeetingKind
from meetings.calendar.transitions import DRAFT_STATES
from meetings.calendar.words import PHASES, kind_name, phase_of, state_of


@lru_cache(maxsize=256)
def _zone(name: str) -> Any:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


@dataclass(frozen=True, slots=True)
class MeetingRow:
    """One meeting as a reader may see it. Days are local to `timezone`; `end_date` is the last day itself."""

    id: uuid.UUID
    slug: str
    kind: str
    kind_name: str
    ordinal: int | None
    short_name: str
    title: str
    year: int
    start_date: date | None
    end_date: date | None
    city: str | None
    country_code: str | None
    venue: str | None
    timezone: str
    mode: str
    state: str
    is_demo: bool
    announced_at: datetime | None
    published_at: datetime | None
    replaced_by_id: uuid.UUID | None
    sequence: int
    changed_at: datetime
    version: int
    phase: str

    @property
    def status(self) -> State:
        """Word and tone of where it stands today, for the public."""
        return PHASES[self.phase]

    @property
    def officer_status(self) -> State:
        """Word and tone of its state, for organisers."""
        return state_of(self.state)

    @property
    def days_text(self) -> str | None:
        """`1–5 June 2026`, or None without days."""
        if self.start_date is None or self.end_date is None:
            return None
        return format_days(self.start_date, self.end_date)

    @property
    def label(self) -> str:
        """What a list of choices shows: `BMS9, 1–5 June 2026`."""
        return f"{self.short_name}, {self.days_text or self.year}"

    @property
    def place(self) -> str | None:
        """The city, where there is one."""
        return self.city

    @property
    def opens_at(self) -> datetime | None:
        """Midnight at the meeting's own place on its first day, in UTC."""
        if self.start_date is None:
            return None
        return datetime.combine(self.start_date, datetime.min.time(), _zone(self.timezone)).astimezone(UTC)

    @property
    def ends_at(self) -> datetime | None:
        """Midnight at the meeting's own place after its last day, in UTC."""
        if self.end_date is None:
            return None
        day = self.end_date + timedelta(days=1)
        return datetime.combine(day, datetime.min.time(), _zone(self.timezone)).astimezone(UTC)

    @property
    def workdays(self) -> int:
        """Mondays to Fridays from the first day to the last."""
        if self.start_date is None or self.end_date is None:
            return 0
        span = (self.end_date - self.start_date).days + 1
        return sum((self.start_date + timedelta(days=n)).weekday() < 5 for n in range(span))


@dataclass(frozen=True, slots=True)
class PastDates:
    """One change of days."""

    old_start: date | None
    old_end: date | None
    new_start: date | None
    new_end: date | None
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class MeetingPage:
    """Everything a meeting's page shows. `countries` gives names of States by ISO alpha-2 code."""

    row: MeetingRow
    presiding_role: str | None
    presiding_name: str | None
    presiding_country: str | None
    bureau: dict[str, Any] | None
    mandate_text: str | None
    meetings_allotted: int | None
    documents: dict[str, Any]
    report_deadline: date | None
    notes: str | None
    sources: tuple[str, ...]
    unverified: tuple[str, ...]
    history: tuple[PastDates, ...]
    replaced_by: MeetingRow | None
    replaces: tuple[MeetingRow, ...]
    countries: dict[str, str] = field(default_factory=dict)
    seats_in_room: int | None = None
    taking_part: str | None = None
    languages: tuple[str, ...] = ()
    dates: tuple[DateRow, ...] = ()
    date_changes: tuple[DateChange, ...] = ()


def to_row(meeting: Meeting, kind: str | None = None, *, reveal: bool = True, today: date | None = None) -> MeetingRow:
    """The row of a loaded meeting; `kind` is the stored name of its kind."""
    dated = reveal or meeting.published_at is not None
    start, end = (meeting.start_date, meeting.end_date) if dated else (None, None)
    state = meeting.state if reveal or meeting.state not in DRAFT_STATES else "mandated"
    return MeetingRow(
        meeting.id, meeting.slug, meeting.kind, kind_name(meeting.kind, kind or ""), meeting.ordinal,
        meeting.short_name, meeting.title, meeting.year, start, end, meeting.city, meeting.country_code,
        meeting.venue, meeting.timezone, meeting.mode, state, meeting.is_demo, meeting.announced_at,
        meeting.published_at, meeting.replaced_by_id, meeting.sequence, meeting.changed_at, meeting.version,
        phase_of(state, start, end, today or clock.today()),
    )


def visible(reveal: bool) -> Any:
    return true() if reveal else Meeting.announced_at.is_not(None)


def _rows(statement: Select[Any, Any], reveal: bool) -> list[MeetingRow]:
    today = clock.today()
    return [to_row(m, k, reveal=reveal, today=today) for m, k in db.session.execute(statement).all()]


def _select(reveal: bool) -> Select[Any, Any]:
    return (
        select(Meeting, MeetingKind.name).join(MeetingKind, MeetingKind.code == Meeting.kind).where(visible(reveal))
    )


# built once: nearly every page and mail about a meeting asks it
_ONE = {reveal: _select(reveal).where(Meeting.id == bindparam("meeting")) for reveal in (True, False)}


def get_meeting(slug: str, *, reveal: bool = False) -> MeetingRow:
    """The meeting with this address, as the public sees it unless `reveal`. Raises NotFound."""
    rows = _rows(_select(reveal).where(Meeting.slug == slug), reveal)
    if not rows:
        raise NotFound()
    return rows[0]


def meeting_by_id(meeting_id: uuid.UUID, *, reveal: bool = True) -> MeetingRow:
    """The meeting with this id, whole unless told otherwise. Raises NotFound."""
    row = db.session.execute(_ONE[reveal], {"meeting": meeting_id}).one_or_none()
    if row is None:
        raise NotFound()
    return to_row(row[0], row[1], reveal=reveal)


def meetings_by_id(meeting_ids: Iterable[uuid.UUID], *, reveal: bool = True) -> dict[uuid.UUID, MeetingRow]:
    """Several meetings in one query."""
    wanted = set(meeting_ids)
    if not wanted:
        return {}
    return {row.id: row for row in _rows(_select(reveal).where(Meeting.id.in_(wanted)), reveal)}


def seen_start(reveal: bool) -> Any:
    return Meeting.start_date if reveal else case((Meeting.published_at.is_not(None), Meeting.start_date))


def in_phase(phase: str, reveal: bool) -> Any:
    """The SQL twin of words.phase_of."""
    today = clock.today()
    if phase in ("postponed", "cancelled"):
        return Meeting.state == phase
    published = Meeting.state == "published"
    return {
        "held": or_(Meeting.state == "held", and_(published, Meeting.end_date < today)),
        "upcoming": and_(published, Meeting.start_date > today),
        "in_session": and_(published, Meeting.start_date <= today, Meeting.end_date >= today),
        "undated": Meeting.state.in_(DRAFT_STATES),
        "draft": Meeting.announced_at.is_(None) if reveal else false(),
    }[phase]


def list_meetings(query: TableQuery, *, reveal: bool = False) -> tuple[list[MeetingRow], int]:
    """A page of the list (all of it for a download) and how many match. Two queries.

    Filters: kind, year, place (a city, or `online`), status (a phase; `draft` for organisers). Sorts: when (the
    default, newest first), name, kind, place. Undated meetings stand at the end of their year.
    """
    where = [visible(reveal)]
    if kind := query.get("kind"):
        where.append(Meeting.kind == kind)
    if year := query.get("year"):
        where.append(Meeting.year == int(year))
    if place := query.get("place"):
        where.append(Meeting.mode == "virtual" if place == "online" else Meeting.city == place)
    if status := query.get("status"):
        where.append(in_phase(status, reveal))
    total = db.session.scalar(select(func.count()).select_from(Meeting).where(*where)) or 0
    start = seen_start(reveal)
    keys: dict[str, list[Any]] = {
        "when": [Meeting.year, start.is_(None), start],
        "name": [Meeting.short_name],
        "kind": [MeetingKind.position, Meeting.ordinal],
        "place": [Meeting.city.is_(None), Meeting.city],
    }
    order = keys.get(query.sort or "when", keys["when"])
    order = [key.desc() if query.descending else key.asc() for key in order]
    if query.sort not in (None, "when"):
        order += [Meeting.year.desc(), start.desc()]
    statement = _select(reveal).where(*where).order_by(*order, Meeting.id)
    if query.format is None:
        statement = statement.offset(query.offset).limit(query.limit)
    return _rows(statement, reveal), total


def next_meeting() -> MeetingRow | None:
    """What the public should know of first: the meeting in session or the next published one, else the next that is
    mandated without dates; real ones before demonstrations of the same day."""
    today = clock.today()
    dated = and_(Meeting.state == "published", Meeting.end_date >= today)
    undated = and_(Meeting.state.in_(DRAFT_STATES), Meeting.year >= today.year)
    statement = (
        _select(False).where(or_(dated, undated))
        .order_by(case((dated, 0), else_=1), case((dated, Meeting.start_date)), Meeting.year, Meeting.is_demo,
                  Meeting.id)
        .limit(1)
    )
    rows = _rows(statement, False)
    return rows[0] if rows else None


def meetings_between(first_year: int, last_year: int, *, reveal: bool = False) -> list[MeetingRow]:
    """Meetings of these years in order of time, undated ones at the end of their year. One query."""
    start = seen_start(reveal)
    statement = (
        _select(reveal).where(Meeting.year.between(first_year, last_year))
        .order_by(Meeting.year, start.is_(None), start, Meeting.id)
    )
    return _rows(statement, reveal)


def list_rows(condition: Any, *, reveal: bool) -> list[MeetingRow]:
    """Meetings that fulfil a condition, in order of time. One query."""
    start = seen_start(reveal)
    return _rows(_select(reveal).where(condition).order_by(start, Meeting.id), reveal)


def meetings_for_choice() -> list[MeetingRow]:
    """Meetings that something may still be planned for (a call, for example): dates fixed or published and not yet
    past, in order of time; `row.label` is what a list of choices shows."""
    statement = (
        _select(True)
        .where(Meeting.state.in_(("fixed", "published")), Meeting.end_date >= clock.today())
        .order_by(Meeting.start_date, Meeting.id)
    )
    return _rows(statement, True)


def meeting_page(slug: str, *, reveal: bool = False) -> MeetingPage:
    """One meeting's page, in a fixed number of queries. Raises NotFound."""
    found = db.session.execute(_select(reveal).where(Meeting.slug == slug)).one_or_none()
    if found is None:
        raise NotFound()
    meeting, kind = found
    row = to_row(meeting, kind, reveal=reveal)
    family = _rows(
        _select(reveal).where(or_(Meeting.id == meeting.replaced_by_id, Meeting.replaced_by_id == meeting.id))
        .order_by(Meeting.year, Meeting.id), reveal,
    )
    codes = [meeting.country_code, meeting.presiding_country, *_bureau_codes(meeting.bureau)]
    return MeetingPage(
        row, meeting.presiding_role, meeting.presiding_name, meeting.presiding_country, meeting.bureau,
        meeting.mandate_text, meeting.meetings_allotted, meeting.documents, meeting.report_deadline, meeting.notes,
        tuple(meeting.sources), tuple(meeting.unverified), tuple(dates_history(meeting.id)),
        next((m for m in family if m.id == meeting.replaced_by_id), None),
        tuple(m for m in family if m.id != meeting.replaced_by_id),
        state_names(code for code in codes if code), meeting.seats_in_room, meeting.taking_part,
        tuple(meeting.languages or ()),
        tuple(dates_of([meeting.id], reveal=reveal)[meeting.id]) if reveal or meeting.published_at else (),
        tuple(date_changes(meeting.id, reveal=reveal)),
    )


def _bureau_codes(bureau: dict[str, Any] | None) -> Sequence[str]:
    return [code for codes in (bureau or {}).values() for code in codes or ()]


def dates_history(meeting_id: uuid.UUID) -> list[PastDates]:
    """Every change of a meeting's days, oldest first."""
    rows = db.session.scalars(
        select(MeetingDates).where(MeetingDates.meeting_id == meeting_id).order_by(MeetingDates.at, MeetingDates.id)
    )
    return [PastDates(r.old_start, r.old_end, r.new_start, r.new_end, r.reason, r.at) for r in rows]


def state_names(iso2_codes: Iterable[str]) -> dict[str, str]:
    """Names of States in the reader's language by ISO alpha-2 code; a code we have no State for stands for itself."""
    wanted = set(iso2_codes)
    if not wanted:
        return {}
    ids = {
        row.iso2: row.id
        for row in db.session.execute(select(Organisation.iso2, Organisation.id).where(Organisation.iso2.in_(wanted)))
    }
    labels = names(ids.values())
    return {code: labels[ids[code]] if code in ids else code for code in wanted}


def kinds_for_choice(also: str | None = None) -> list[tuple[str, str]]:
    """Kinds that new meetings may have, in their order, as (code, name); `also` one that is offered no more."""
    rows = db.session.execute(
        select(MeetingKind.code, MeetingKind.name).where(or_(MeetingKind.offered, MeetingKind.code == also))
        .order_by(MeetingKind.position)).all()
    return [(row.code, kind_name(row.code, row.name)) for row in rows]


def meetings_to_close(now: datetime, limit: int) -> list[tuple[uuid.UUID, datetime]]:
    """Published meetings whose last day is over at their own place, with the instant it ended, oldest first."""
    # a day of slack in SQL, the exact instant in the meeting's own zone below
    candidates = _rows(
        _select(True).where(Meeting.state == "published", Meeting.end_date <= now.date())
        .order_by(Meeting.end_date, Meeting.id), True,
    )
    over = [(row.id, row.ends_at) for row in candidates if row.ends_at is not None and row.ends_at <= now]
    return sorted(over, key=lambda pair: pair[1])[:limit]
