"""Dates that follow from a meeting's days: pure reckoning, and what pages read of it. A rule for a kind of meeting goes
before the rule for all; a rule may lean on another date, as the end of the no-objection period leans on the day by
which organisations apply."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from core.db import db
from meetings.calendar.date_models import DateKind, DateRule, DependentDate, DependentDateChange

START, END = "start", "end"
DATE_NAMES: dict[str, Any] = {
    "registration_opens": _l("Registration opens"),
    "registration_closes": _l("Registration closes"),
    "credentials": _l("Credentials to reach the secretariat"),
    "ngo_applications": _l("Non-governmental organisations apply for accreditation"),
    "ngo_objections": _l("No-objection period for organisations ends"),
    "documents_in": _l("Documents submitted for processing"),
    "documents_out": _l("Documents issued in the official languages"),
    "reports": _l("National reports asked for (voluntary)"),
}
ANCHOR_NAMES: dict[str, Any] = {START: _l("the first day"), END: _l("the last day")}
ROLL_NAMES: dict[str, Any] = {
    "none": _l("Leave it on that day"),
    "before": _l("Take the Friday before"),
    "after": _l("Take the Monday after"),
}


def date_name(code: str, stored: str = "") -> str:
    """A date in the reader's language; one that an organiser added keeps its stored name."""
    label = DATE_NAMES.get(code)
    return str(label) if label is not None else stored or code


# --- reckoning --------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Rule:
    """One rule in force. Without `days` there is no such date."""

    code: str
    kind: str | None
    anchor: str
    days: int | None
    roll: str
    at_time: str | None = None


def rules_for(kind: str, rules: Iterable[Rule]) -> dict[str, Rule]:
    """The rule that counts for each date of a meeting of this kind."""
    found: dict[str, Rule] = {}
    for rule in sorted(rules, key=lambda r: r.kind is not None):
        if rule.kind in (None, kind):
            found[rule.code] = rule
    return {code: rule for code, rule in found.items() if rule.days is not None}


def _rolled(day: date, roll: str) -> date:
    if roll == "before" and day.weekday() >= 5:
        return day - timedelta(days=day.weekday() - 4)
    if roll == "after" and day.weekday() >= 5:
        return day + timedelta(days=7 - day.weekday())
    return day


def reckon(rules: Mapping[str, Rule], start: date, end: date, by_hand: Mapping[str, date]) -> dict[str, date]:
    """The day of each date that a rule gives, beside those set by hand. One that leans on a date which does not exist,
    or in the end on itself, has none."""
    known = {START: start, END: end, **by_hand}
    open_rules = {code: rule for code, rule in rules.items() if code not in by_hand}
    while ready := [rule for rule in open_rules.values() if rule.anchor in known]:
        for rule in ready:
            del open_rules[rule.code]
            known[rule.code] = _rolled(known[rule.anchor] + timedelta(days=rule.days or 0), rule.roll)
    return {code: day for code, day in known.items() if code not in (START, END)}


def leans_on_itself(rules: Iterable[tuple[str, str]]) -> bool:
    """Whether dates, given as (code, anchor), lean on each other in a ring."""
    anchors: dict[str, set[str]] = defaultdict(set)
    for code, anchor in rules:
        anchors[code].add(anchor)

    def reaches(code: str, wanted: str, seen: frozenset[str]) -> bool:
        return any(a == wanted or (a not in seen and reaches(a, wanted, seen | {a})) for a in anchors.get(code, ()))

    return any(reaches(code, code, frozenset()) for code in anchors)


def is_gap(day: date, at_time: str, zone: str) -> bool:
    """Whether clocks at the place never show this time on this day, because they are put forward."""
    local = datetime.combine(day, time.fromisoformat(at_time))
    tz = ZoneInfo(zone)
    return local.replace(tzinfo=tz).astimezone(UTC).astimezone(tz).replace(tzinfo=None) != local


def out_of_gap(day: date, at_time: str | None, zone: str) -> str | None:
    """The time, an hour later where the clocks leave it out that day."""
    if at_time is None or not is_gap(day, at_time, zone):
        return at_time
    return (datetime.combine(day, time.fromisoformat(at_time)) + timedelta(hours=1)).strftime("%H:%M")


# --- reading ----------------------------------------------------------------------------------------------------
def rules_in_force() -> list[Rule]:
    """All of them, in one query."""
    rows = db.session.execute(
        select(DateRule.code, DateRule.kind, DateRule.anchor, DateRule.days, DateRule.roll, DateRule.at_time)
        .where(DateRule.ended_at.is_(None)).order_by(DateRule.code, DateRule.id))
    return [Rule(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class DateRow:
    """One date of one meeting as pages show it. `key` names a date that another room adds; those cannot be edited
    here, and `url` leads to where they can."""

    meeting_id: uuid.UUID
    code: str
    name: str
    day: date
    at_time: str | None
    public: bool
    by_hand: bool
    look_again: bool
    version: int
    position: int
    sequence: int = 0
    id: uuid.UUID | None = None
    dropped: bool = False
    created_at: datetime | None = None
    changed_at: datetime | None = None
    url: str | None = None

    @property
    def ours(self) -> bool:
        """Whether organisers edit it here."""
        return self.id is not None


DateSource = Callable[[Sequence[uuid.UUID]], Iterable[DateRow]]
_sources: dict[DateSource, bool] = {}  # and whether feeds carry its dates


def register_date_source(source: DateSource, *, in_feeds: bool = False) -> None:
    """Ask `source(meeting ids)` for dates that another room keeps (a call for applications that closes). It runs a
    fixed number of queries and only reads; registered in app.py, twice counts once. Pages show its dates; feeds carry
    them only `in_feeds`, for a room that moves the calendar's stamp with each change: bytes of feeds are kept by it."""
    _sources[source] = in_feeds


def other_date(
    meeting_id: uuid.UUID, code: str, name: str, day: date, url: str, *, at_time: str | None = None,
    position: int = 500,
) -> DateRow:
    """A date of another room; `url` is a whole address."""
    return DateRow(meeting_id, code, name, day, at_time, True, False, False, 0, position, url=url)


def dates_of(
    meeting_ids: Iterable[uuid.UUID], *, reveal: bool, dropped: bool = False, for_feed: bool = False
) -> dict[uuid.UUID, list[DateRow]]:
    """The dates of meetings in order of time: one query, and those of the registered sources."""
    wanted = list(dict.fromkeys(meeting_ids))
    found: dict[uuid.UUID, list[DateRow]] = {key: [] for key in wanted}
    if not wanted:
        return found
    statement = (
        select(DependentDate, DateKind.name, DateKind.public, DateKind.position)
        .join(DateKind, DateKind.code == DependentDate.code).where(DependentDate.meeting_id.in_(wanted))
    )
    if not reveal:
        statement = statement.where(DateKind.public)
    if not dropped:
        statement = statement.where(DependentDate.dropped.is_(False))
    for row, name, public, position in db.session.execute(statement):
        found[row.meeting_id].append(DateRow(
            row.meeting_id, row.code, date_name(row.code, name), row.day, row.at_time, public, row.by_hand,
            row.look_again, row.version, position, row.sequence, row.id, row.dropped, row.created_at, row.changed_at))
    for source, in_feeds in _sources.items():
        for other in source(wanted) if in_feeds or not for_feed else ():
            found[other.meeting_id].append(other)
    for rows in found.values():
        rows.sort(key=lambda r: (r.day, r.position, r.code))
    return found


@dataclass(frozen=True, slots=True)
class DateChange:
    """One change of a published date."""

    name: str
    old_day: date | None
    new_day: date | None
    reason: str
    at: datetime


def date_changes(meeting_id: uuid.UUID, *, reveal: bool) -> list[DateChange]:
    """How a meeting's dates changed, the latest first. One query."""
    statement = (
        select(DependentDateChange, DateKind.name).join(DateKind, DateKind.code == DependentDateChange.code)
        .where(DependentDateChange.meeting_id == meeting_id)
        .order_by(DependentDateChange.at.desc(), DateKind.position, DependentDateChange.id).limit(60)
    )
    if not reveal:
        statement = statement.where(DateKind.public)
    return [DateChange(date_name(c.code, name), c.old_day, c.new_day, c.reason, c.at)
            for c, name in db.session.execute(statement)]
