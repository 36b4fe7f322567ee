"""Commands on calls: made, copied, edited, opened, closed, suspended and cancelled. What a call may say is checked in
call_terms.py."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import delete, select

from accounts.permissions import require
from core import clock, events
from core.actor import Actor, system
from core.db import command, db, get, lock
from core.errors import IllegalMove, RuleBroken
from core.office import office_day
from core.references import next_reference
from meetings.calendar.models import Meeting
from sponsorship.applications import announcing, carry_over, letters
from sponsorship.applications.call_terms import (
    FIELD_OF,
    CallValues,
    check_panel_day,
    check_part,
    check_terms,
    copied_values,
)
from sponsorship.applications.models import Application, Call, CallPool
from sponsorship.applications.transitions import APPLICATION, CALL

EDITABLE = ("draft", "scheduled", "open", "suspended")
PANEL_AHEAD = ("draft", "scheduled", "open", "closed", "ranked")
_LIVE = ("draft", "scheduled", "open", "closed", "ranked", "recommended", "suspended")


def _fields(values: CallValues) -> dict[str, Any]:
    names = [name for name in CallValues.__dataclass_fields__ if name != "pool_ids"]
    plain = {name: getattr(values, name) for name in names}
    return {**plain, "criteria": list(values.criteria), "required_papers": list(values.required_papers),
            "weights": dict(values.weights), "questions": [dict(q) for q in values.questions]}


def _set_pools(call_id: uuid.UUID, pool_ids: tuple[uuid.UUID, ...]) -> None:
    db.session.execute(delete(CallPool).where(CallPool.call_id == call_id))
    db.session.add_all(
        CallPool(call_id=call_id, pool_id=pool_id, position=n) for n, pool_id in enumerate(pool_ids, 1)
    )


@command
def create_call(values: CallValues, actor: Actor) -> uuid.UUID:
    """A new call in draft. Raises NotAllowed, NotFound, RuleBroken (with the field that can put it right)."""
    require(actor, "call.manage")
    meeting = lock(Meeting, values.meeting_id)
    return _create(values, meeting, actor, None)


@command
def copy_call(call_id: uuid.UUID, meeting_id: uuid.UUID, actor: Actor) -> uuid.UUID:
    """A new call in draft for another meeting, with the terms of this one and its dates as far before the meeting.

    Raises NotAllowed, NotFound, RuleBroken (`call.meeting_undated`, `call.no_time`, or what the terms no longer fit).
    """
    require(actor, "call.manage")
    meeting = lock(Meeting, meeting_id)
    last = lock(Call, call_id)
    pools = db.session.scalars(
        select(CallPool.pool_id).where(CallPool.call_id == call_id).order_by(CallPool.position)).all()
    values = copied_values(last, tuple(pools), get(Meeting, last.meeting_id), meeting, clock.now())
    return _create(values, meeting, actor, call_id)


def _create(values: CallValues, meeting: Meeting, actor: Actor, copied_from: uuid.UUID | None) -> uuid.UUID:
    check_terms(values, meeting)
    call = Call(
        reference=next_reference("CALL", clock.today().year), created_at=clock.now(), is_demo=meeting.is_demo,
        copied_from_id=copied_from, **_fields(values),
    )
    db.session.add(call)
    db.session.flush()  # the pools and the event point at the call
    _set_pools(call.id, values.pool_ids)
    data = {"meeting_id": str(call.meeting_id), "reference": call.reference}
    events.record(actor, "applications.call.create", "call", call.id, to_state=call.state,
                  data=data | ({"copied_from": str(copied_from)} if copied_from else {}))
    return call.id


@command
def edit_call(call_id: uuid.UUID, values: CallValues, expected_version: int, actor: Actor) -> None:
    """Change a call. In draft and by schedule everything; while it is open (or suspended) only what does not change
    the terms States applied under: a later closing time, the day of decision, and the guidance.

    Raises NotAllowed, Stale, IllegalMove, RuleBroken.
    """
    require(actor, "call.manage")
    meeting = lock(Meeting, values.meeting_id)
    call = lock(Call, call_id, expected_version)
    if call.state not in EDITABLE:
        raise IllegalMove(code=f"call.edit.from.{call.state}")
    values = _to_the_minute(call, values)
    check_terms(values, meeting)
    if call.state in ("open", "suspended"):
        _keep_terms(call, values)
    before = (call.closes_at, call.grace_until)
    changed = [name for name, value in _fields(values).items() if getattr(call, name) != value]
    for name in changed:
        setattr(call, name, _fields(values)[name])
    _set_pools(call.id, values.pool_ids)
    call.version += 1
    data: dict[str, Any] = {"changed": changed}
    if (call.closes_at, call.grace_until) != before:
        data["closes_at"] = call.closes_at.astimezone(UTC).isoformat()
    events.record(actor, "applications.call.edit", "call", call.id, data=data)


def _to_the_minute(call: Call, values: CallValues) -> CallValues:
    """Pages show minutes: an instant that was not touched keeps its seconds."""
    kept = {
        name: getattr(call, name) for name in ("opens_at", "closes_at", "grace_until")
        if getattr(call, name).replace(second=0, microsecond=0) == getattr(values, name)
    }
    return replace(values, **kept)


_MOVABLE = ("closes_at", "grace_until", "decide_by", "guidance_text", "panel_meets_on")


def _keep_terms(call: Call, values: CallValues) -> None:
    if values.closes_at < call.closes_at:
        raise RuleBroken(_("The call is open: its closing time can only be moved later."), code="call.earlier_closing",
                         field="closes_on")
    for name, value in _fields(values).items():
        if name not in _MOVABLE and getattr(call, name) != value:
            field = FIELD_OF.get(name, name.removesuffix("_minor"))
            raise RuleBroken(
                _("The call is open: only a later closing time and the guidance can still be changed."),
                code="call.terms_stand", field=field)
    standing = db.session.scalars(
        select(CallPool.pool_id).where(CallPool.call_id == call.id).order_by(CallPool.position)).all()
    if tuple(standing) != values.pool_ids:
        raise RuleBroken(_("The call is open: only a later closing time and the guidance can still be changed."),
                         code="call.terms_stand", field="pool_1")


@command
def set_panel_day(call_id: uuid.UUID, day: date | None, expected_version: int, actor: Actor) -> None:
    """When the panel meets, also once the call has closed; None: not fixed. Its reminder begins anew.

    Raises NotAllowed, Stale, IllegalMove once the panel has recommended, RuleBroken.
    """
    require(actor, "call.manage")
    call = lock(Call, call_id, expected_version)
    if call.state not in PANEL_AHEAD:
        raise IllegalMove(code=f"call.panel_day.from.{call.state}")
    check_panel_day(day, call.closes_at, call.decide_by)
    if day == call.panel_meets_on:
        return
    call.panel_meets_on, call.panel_reminded_for = day, None
    call.version += 1
    events.record(actor, "applications.call.panel_day", "call", call.id,
                  data={"panel_meets_on": day.isoformat() if day else None})


def _ready(call: Call) -> None:
    """A call stands open only for a meeting the public knows of, and with time left to answer."""
    meeting = get(Meeting, call.meeting_id)
    if meeting.state != "published":
        raise RuleBroken(_("The meeting is not published. The organiser publishes it first."),
                         code="call.meeting_not_published")
    if call.closes_at <= clock.now():
        raise RuleBroken(_("The closing time has passed. Set a later one first."), code="call.closing_passed")


@command
def schedule_call(call_id: uuid.UUID, expected_version: int, actor: Actor) -> None:
    """Let the call open by itself at its opening time."""
    call = lock(Call, call_id, expected_version)
    _ready(call)
    CALL.apply(call, "schedule", actor)


@command
def unschedule_call(call_id: uuid.UUID, expected_version: int, actor: Actor) -> None:
    """Take a scheduled call back into draft."""
    CALL.apply(lock(Call, call_id, expected_version), "unschedule", actor)


@command
def open_now(call_id: uuid.UUID, expected_version: int, actor: Actor) -> None:
    """Open at once, whatever the opening time says."""
    call = lock(Call, call_id, expected_version)
    _ready(call)
    CALL.apply(call, "open_now", actor)
    call.opens_at = min(call.opens_at, clock.now())
    _opened(call)


@command
def open_due(call_id: uuid.UUID, now: datetime) -> str:
    """The schedule's part: open a call whose time has come. Looks again under the lock; says what it did."""
    call = lock(Call, call_id)
    if call.state != "scheduled" or call.opens_at > now:
        return "not due"
    CALL.apply(call, "open_due", system("jobs.calls-open"))
    _opened(call)
    return "opened"


def _opened(call: Call) -> None:
    """What follows when a call opens: what earlier calls received too late comes over, and every focal point hears."""
    carry_over.into(call)
    announcing.announce(call)


@command
def close_due(call_id: uuid.UUID, now: datetime) -> str:
    """The schedule's part: close a call whose last moment for receipt has passed."""
    call = lock(Call, call_id)
    if call.state != "open" or call.grace_until >= now:  # a sending at that very instant is still in time
        return "not due"
    CALL.apply(call, "close_due", system("jobs.calls-close"))
    return "closed"


@command
def cancel_call(call_id: uuid.UUID, expected_version: int, reason: str, actor: Actor) -> None:
    """End a call for good; every application under it ends with it and the missions are told."""
    call = lock(Call, call_id, expected_version)
    if not reason.strip():
        raise RuleBroken(_("Write why the call is cancelled."), code="call.reason", field="reason")
    CALL.apply(call, "cancel", actor, text=reason.strip())
    _end_applications(call)


def _applications(call: Call, states: tuple[str, ...]) -> list[Application]:
    """Locked in order of id, so that two commands never wait for each other crosswise."""
    return list(db.session.scalars(
        select(Application).where(Application.call_id == call.id, Application.state.in_(states))
        .order_by(Application.id).with_for_update().execution_options(populate_existing=True)
    ))


def _end_applications(call: Call) -> None:
    states = next(m.sources for m in APPLICATION.moves if m.action == "end_with_call")
    for application in _applications(call, states):
        was = application.state
        APPLICATION.apply(application, "end_with_call", system("call-cancelled"))
        if was != "draft":
            letters.call_cancelled(application, call)


@command
def reopen_call(
    call_id: uuid.UUID, closes_at: datetime, grace_until: datetime, decide_by: date, expected_version: int, actor: Actor
) -> None:
    """After a postponement: open again until a new closing time, for new applications and changed dates."""
    call = _suspended(call_id, expected_version)
    meeting = get(Meeting, call.meeting_id)
    if meeting.start_date is not None and grace_until.date() >= meeting.start_date:
        raise RuleBroken(_("The call must close before the meeting opens."), code="call.after_meeting",
                         field="closes_on")
    if closes_at <= clock.now():
        raise RuleBroken(_("Choose a closing time that lies ahead."), code="call.closing_passed", field="closes_on")
    call.closes_at, call.grace_until, call.decide_by = closes_at, grace_until, decide_by
    if call.panel_meets_on is not None and not office_day(closes_at) < call.panel_meets_on <= decide_by:
        call.panel_meets_on = None  # of the dates before
    _ready(call)
    check_part(call.part_first_day, call.part_last_day, meeting)
    _reconsider(call)
    CALL.apply(call, "reopen", actor, data={"closes_at": closes_at.isoformat()})


@command
def resume_call(call_id: uuid.UUID, expected_version: int, actor: Actor) -> None:
    """After a postponement: go on with the applications received; they are ranked anew."""
    call = _suspended(call_id, expected_version)
    _reconsider(call)
    CALL.apply(call, "resume", actor)


def _suspended(call_id: uuid.UUID, expected_version: int) -> Call:
    meeting_id = db.session.scalar(select(Call.meeting_id).where(Call.id == call_id))
    meeting = lock(Meeting, meeting_id) if meeting_id else None
    call = lock(Call, call_id, expected_version)
    if meeting is not None and meeting.state == "postponed":
        raise RuleBroken(_("The meeting has no new dates yet. The organiser sets them first."),
                         code="call.meeting_undated")
    call.suspended_from = None
    return call


def _reconsider(call: Call) -> None:
    """What the panel said was said for other dates."""
    for application in _applications(call, ("recommended", "reserve", "not_recommended")):
        APPLICATION.apply(application, "reconsider", system("call-resumed"))
    call.recommendation_round, call.panel_round_open = 0, None


def suspend_for_meeting(meeting_id: uuid.UUID) -> None:
    """Inside the command that moved the meeting: hold every call under way, keep every application, tell missions."""
    actor = system("meeting-moved")
    for call in _calls_of(meeting_id, CALL, "suspend"):
        call.suspended_from = call.state
        CALL.apply(call, "suspend", actor)
        for application in _applications(call, tuple(
            s.code for s in APPLICATION.states if not s.terminal and s.code != "reserve_list"
        )):
            letters.call_suspended(application, call)


def cancel_for_meeting(meeting_id: uuid.UUID) -> None:
    """Inside the command that cancelled the meeting: end every undecided call with its applications."""
    for call in _calls_of(meeting_id, CALL, "meeting_cancelled"):
        CALL.apply(call, "meeting_cancelled", system("meeting-cancelled"))
        _end_applications(call)


def _calls_of(meeting_id: uuid.UUID, machine: Any, action: str) -> list[Call]:
    sources = next(m.sources for m in machine.moves if m.action == action)
    return list(db.session.scalars(
        select(Call).where(Call.meeting_id == meeting_id, Call.state.in_(sources)).order_by(Call.id)
        .with_for_update().execution_options(populate_existing=True)
    ))
