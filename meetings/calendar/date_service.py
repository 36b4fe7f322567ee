"""Commands on dates that follow from a meeting's days, and their reckoning inside the meeting's own commands."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from flask_babel import gettext
from sqlalchemy import func, select

from accounts.permissions import require
from core import clock, events
from core.actor import Actor
from core.db import command, db, lock, new_id
from core.errors import NotFound, RuleBroken, Stale
from core.text import one_line
from meetings.calendar.date_models import ROLLS, DateKind, DateRule, DependentDate, DependentDateChange
from meetings.calendar.dates import END, START, is_gap, leans_on_itself, out_of_gap, reckon, rules_for, rules_in_force
from meetings.calendar.models import Meeting, MeetingKind
from meetings.calendar.stamp import touch_calendar
from meetings.calendar.transitions import MANAGE

TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
MAX_DAYS_AWAY = 1500


@dataclass(frozen=True, slots=True)
class Changed:
    """A date that stands on another day than before (None: it did not, or does not, exist)."""

    code: str
    old_day: date | None
    new_day: date | None


# --- inside the meeting's own commands ----------------------------------------------------------------------------
def follow(meeting: Meeting, actor: Actor, reason: str) -> list[Changed]:
    """Reckon the meeting's dates anew by the rules in force, in the command under way; what changed. Those set by hand
    stay and ask to be looked at again. Two queries, and one for each change."""
    if meeting.start_date is None or meeting.end_date is None:
        return []
    rows = {row.code: row for row in db.session.scalars(
        select(DependentDate).where(DependentDate.meeting_id == meeting.id).with_for_update())}
    if meeting.report_deadline is not None and "reports" not in rows:  # told before there were rules
        rows["reports"] = _put(meeting, None, "reports", meeting.report_deadline, None, by_hand=True)
    by_hand = {code: row.day for code, row in rows.items() if row.by_hand and not row.dropped}
    rules = rules_for(meeting.kind, rules_in_force())
    days = reckon(rules, meeting.start_date, meeting.end_date, by_hand)
    found: list[Changed] = []
    for code, day in days.items():
        row = rows.get(code)
        if code in by_hand:
            if row is not None and not row.look_again:
                row.look_again, row.version = True, row.version + 1
            continue
        at_time = out_of_gap(day, rules[code].at_time, meeting.timezone)
        if row is None or (row.day, row.at_time, row.dropped) != (day, at_time, False):
            found.append(Changed(code, row.day if row is not None and not row.dropped else None, day))
            _put(meeting, row, code, day, at_time, by_hand=False)
    for code, row in rows.items():
        if code not in days and not row.dropped:
            found.append(Changed(code, row.day, None))
            _drop(meeting, row)
    _tell(meeting, actor, found, reason)
    return found


def _put(
    meeting: Meeting, row: DependentDate | None, code: str, day: date, at_time: str | None, *, by_hand: bool
) -> DependentDate:
    now = clock.real_now()
    if row is None:
        row = DependentDate(meeting_id=meeting.id, code=code, day=day, at_time=at_time, by_hand=by_hand, version=1,
                            sequence=0, created_at=now, changed_at=now)
        db.session.add(row)
    else:
        row.day, row.at_time, row.by_hand, row.look_again, row.dropped = day, at_time, by_hand, False, False
        _moved(meeting, row)
    _keep_in_step(meeting, code, day)
    return row


def _drop(meeting: Meeting, row: DependentDate) -> None:
    row.dropped, row.by_hand, row.look_again = True, False, False
    _moved(meeting, row)
    _keep_in_step(meeting, row.code, None)


def _moved(meeting: Meeting, row: DependentDate) -> None:
    row.version += 1
    row.changed_at = max(clock.real_now(), row.changed_at)
    if meeting.published_at is not None:
        row.sequence += 1


def _keep_in_step(meeting: Meeting, code: str, day: date | None) -> None:
    if code == "reports":
        meeting.report_deadline = day


def _tell(meeting: Meeting, actor: Actor, changes: Sequence[Changed], reason: str) -> None:
    """Events for every change; a public record and the stamp where the meeting is published."""
    if not changes:
        return
    db.session.flush()
    events.record(actor, "calendar.dates.set", "meeting", meeting.id, data={
        f"{c.code}": c.new_day.isoformat() if c.new_day else None for c in changes})
    if meeting.published_at is None:
        return
    for change in changes:
        if change.old_day is not None and change.old_day != change.new_day:
            db.session.add(DependentDateChange(
                meeting_id=meeting.id, code=change.code, old_day=change.old_day, new_day=change.new_day,
                reason=reason[:500], at=clock.now()))
    touch_calendar()


def set_reports(meeting: Meeting, actor: Actor, day: date | None) -> None:
    """The day for national reports as the meeting's own form says it, in the command under way."""
    row = db.session.scalar(select(DependentDate).where(
        DependentDate.meeting_id == meeting.id, DependentDate.code == "reports").with_for_update())
    standing = row.day if row is not None and not row.dropped else None
    if standing == day:
        return
    if day is None:
        assert row is not None
        _drop(meeting, row)
    else:
        _put(meeting, row, "reports", day, None, by_hand=True)
    _tell(meeting, actor, [Changed("reports", standing, day)], gettext("Set by the organiser."))


# --- one date of one meeting -----------------------------------------------------------------------------------
def _time(text: str | None) -> str | None:
    if not (text or "").strip():
        return None
    at_time = str(text).strip()
    if not TIME.fullmatch(at_time):
        raise RuleBroken(gettext("Write the time as hours and minutes, such as 18:00."), code="date.time",
                         field="at_time")
    return at_time


def _words(text: str, field: str, most: int, missing: str) -> str:
    words = one_line(text)
    if not words:
        raise RuleBroken(missing, code=f"date.{field}", field=field)
    if len(words) > most:
        raise RuleBroken(gettext("Write at most %(n)s characters.", n=most), code=f"date.{field}_long", field=field)
    return words


def _row(meeting: Meeting, code: str, expected_version: int | None) -> DependentDate | None:
    row = db.session.scalar(select(DependentDate).where(
        DependentDate.meeting_id == meeting.id, DependentDate.code == code).with_for_update())
    if expected_version is not None and expected_version != (row.version if row is not None else 0):
        raise Stale()
    return row


@command
def set_date(
    meeting_id: uuid.UUID, actor: Actor, code: str, day: date | None, reason: str, *, at_time: str | None = None,
    expected_version: int | None = None,
) -> None:
    """Set one date by hand, or with no day drop it. `expected_version` is 0 for a date that is not there yet. Raises
    RuleBroken, NotAllowed, Stale, NotFound."""
    require(actor, MANAGE)
    meeting = lock(Meeting, meeting_id)
    if db.session.get(DateKind, code) is None:
        raise NotFound()
    if meeting.state == "cancelled":
        raise RuleBroken(gettext("The meeting is cancelled: its dates stay as they were."), code="date.cancelled")
    words = _words(reason, "reason", 500, gettext("Write why this date is set by hand."))
    clock_time = _time(at_time)
    row = _row(meeting, code, expected_version)
    old = row.day if row is not None and not row.dropped else None
    if day is None:
        if row is None or row.dropped:
            raise RuleBroken(gettext("Write the day."), code="date.day", field="day")
        _drop(meeting, row)
    else:
        _check_day(meeting, day, clock_time)
        _put(meeting, row, code, day, clock_time, by_hand=True)
    _tell(meeting, actor, [Changed(code, old, day)], words)


def _check_day(meeting: Meeting, day: date, at_time: str | None) -> None:
    anchor = meeting.start_date or date(meeting.year, 7, 1)
    if abs((day - anchor).days) > MAX_DAYS_AWAY:
        raise RuleBroken(gettext("This is more than four years away from the meeting. Check the year."),
                         code="date.far", field="day")
    if at_time is not None and is_gap(day, at_time, meeting.timezone):
        raise RuleBroken(
            gettext("Clocks in %(zone)s are put forward that day and never show %(time)s. Choose another time.",
                    zone=meeting.timezone, time=at_time), code="date.gap", field="at_time")


@command
def reckon_dates(meeting_id: uuid.UUID, actor: Actor, *, free: str | None = None) -> list[Changed]:
    """Reckon a meeting's dates by the rules in force; `free` is a date set by hand that the rule gives from now on.
    Raises NotAllowed, RuleBroken."""
    require(actor, MANAGE)
    meeting = lock(Meeting, meeting_id)
    if meeting.start_date is None:
        raise RuleBroken(gettext("The meeting has no days yet, so nothing can be reckoned from them."),
                         code="date.no_days")
    if meeting.state == "cancelled":
        raise RuleBroken(gettext("The meeting is cancelled: its dates stay as they were."), code="date.cancelled")
    if free is not None:
        row = _row(meeting, free, None)
        if row is None:
            raise NotFound()
        row.by_hand, row.look_again = False, False
        db.session.flush()
    looked = {row.code for row in db.session.scalars(select(DependentDate).where(
        DependentDate.meeting_id == meeting.id, DependentDate.by_hand, DependentDate.look_again.is_(False)))}
    found = follow(meeting, actor, gettext("Reckoned anew by the rules."))
    for row in db.session.scalars(select(DependentDate).where(
            DependentDate.meeting_id == meeting.id, DependentDate.code.in_(looked))):
        row.look_again = False  # the meeting has not moved
    return found


@command
def keep_date(meeting_id: uuid.UUID, actor: Actor, code: str) -> None:
    """A date set by hand was looked at after the meeting moved, and stays. Raises NotAllowed, NotFound."""
    require(actor, MANAGE)
    meeting = lock(Meeting, meeting_id)
    row = _row(meeting, code, None)
    if row is None:
        raise NotFound()
    if row.look_again:
        row.look_again, row.version = False, row.version + 1
        events.record(actor, "calendar.dates.keep", "meeting", meeting.id, data={"code": code})


# --- kinds of dates, and rules -------------------------------------------------------------------------------------
@command
def add_date_kind(actor: Actor, name: str, *, public: bool = True) -> str:
    """A date that meetings may have from now on; its code. Raises RuleBroken, NotAllowed."""
    require(actor, MANAGE)
    words = _words(name, "name", 120, gettext("Write what the date is, such as: speakers’ list opens."))
    taken = db.session.scalar(select(DateKind.code).where(func.lower(DateKind.name) == words.lower()))
    if taken is not None:
        raise RuleBroken(gettext("There is a date of this name already."), code="date.name_taken", field="name")
    position = (db.session.scalar(select(func.max(DateKind.position))) or 0) + 1
    code = f"own_{new_id().hex[-12:]}"
    db.session.add(DateKind(code=code, name=words, public=public, position=position))
    events.record(actor, "calendar.dates.kind", "date_kind", new_id(), data={"code": code})
    return code


@command
def set_rule(
    actor: Actor, code: str, *, kind: str | None, anchor: str, days: int | None, roll: str, source: str,
    at_time: str | None = None,
) -> uuid.UUID:
    """A rule that counts from now on and ends the one before it; dates that stand do not move until a meeting moves
    or somebody has them reckoned. Raises RuleBroken, NotAllowed, NotFound."""
    require(actor, MANAGE)
    if db.session.get(DateKind, code) is None:
        raise NotFound()
    if kind is not None and db.session.get(MeetingKind, kind) is None:
        raise RuleBroken(gettext("Choose a kind."), code="rule.kind", field="kind")
    if anchor not in (START, END) and (anchor == code or db.session.get(DateKind, anchor) is None):
        raise RuleBroken(gettext("Choose what the days are counted from."), code="rule.anchor", field="anchor")
    if days is not None and abs(days) > MAX_DAYS_AWAY:
        raise RuleBroken(gettext("Write at most %(n)s days.", n=MAX_DAYS_AWAY), code="rule.days", field="days")
    if roll not in ROLLS:
        raise RuleBroken(gettext("Choose what happens at a weekend."), code="rule.roll", field="roll")
    words = _words(source, "source", 400, gettext("Write where the rule comes from."))
    clock_time = _time(at_time)
    others = [(r.code, r.anchor) for r in rules_in_force() if (r.code, r.kind) != (code, kind)]
    if leans_on_itself([*others, (code, anchor)]):
        raise RuleBroken(gettext("These dates would lean on each other in a ring. Count from the meeting’s own days."),
                         code="rule.ring", field="anchor")
    now = clock.now()
    same = DateRule.kind.is_(None) if kind is None else DateRule.kind == kind
    for standing in db.session.scalars(select(DateRule).where(
            DateRule.code == code, same, DateRule.ended_at.is_(None)).with_for_update()):
        standing.ended_at = now
    db.session.flush()
    rule = DateRule(id=new_id(), code=code, kind=kind, anchor=anchor, days=days, roll=roll, at_time=clock_time,
                    source=words, set_at=now)
    db.session.add(rule)
    events.record(actor, "calendar.rule.set", "date_rule", rule.id,
                  data={"code": code, "kind": kind, "anchor": anchor, "days": days, "roll": roll})
    return rule.id


@command
def end_rule(rule_id: uuid.UUID, actor: Actor) -> None:
    """The rule no longer counts. Raises NotAllowed, NotFound."""
    require(actor, MANAGE)
    rule = lock(DateRule, rule_id)
    if rule.ended_at is None:
        rule.ended_at = clock.now()
        events.record(actor, "calendar.rule.end", "date_rule", rule.id, data={"code": rule.code})
