"""Commands on calls: made, edited, opened, closed, suspended and cancelled. The only writers of `call`."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import delete, select

from accounts.permissions import require
from core import clock, events
from core.actor import Actor, system
from core.db import command, db, get, lock
from core.errors import IllegalMove, RuleBroken
from core.references import next_reference
from meetings.calendar.models import Meeting
from sponsorship.applications import letters
from sponsorship.applications.models import CRITERIA, PACKAGES, Application, Call, CallPool
from sponsorship.applications.transitions import APPLICATION, CALL

EDITABLE = ("draft", "scheduled", "open", "suspended")
_LIVE = ("draft", "scheduled", "open", "closed", "ranked", "recommended", "suspended")


@dataclass(frozen=True)
class CallValues:
    """What an officer writes about a call. Instants in UTC; money in US cents, for one delegate."""

    meeting_id: uuid.UUID
    opens_at: datetime
    closes_at: datetime
    grace_until: datetime
    decide_by: date
    offer_days: int
    seats_per_state: int
    package: str
    estimate_ticket_minor: int
    estimate_dsa_minor: int
    estimate_terminal_minor: int
    ceiling_minor: int | None
    pool_ids: tuple[uuid.UUID, ...]
    criteria: tuple[str, ...]
    governance_text: str
    guidance_text: str


def _check(values: CallValues, meeting: Meeting) -> None:
    if meeting.state in ("cancelled", "held"):
        raise RuleBroken(_("This meeting is over or cancelled. Choose another."), code="call.meeting_over",
                         field="meeting_id")
    if values.closes_at <= values.opens_at:
        raise RuleBroken(_("The call must close after it opens."), code="call.dates", field="closes_on")
    if values.grace_until < values.closes_at:
        raise RuleBroken(_("The days after the date cannot be fewer than none."), code="call.grace", field="grace_days")
    if meeting.start_date is not None and values.grace_until.date() >= meeting.start_date:
        raise RuleBroken(_("The call must close before the meeting opens."), code="call.after_meeting",
                         field="closes_on")
    if values.decide_by <= values.closes_at.date() or (
        meeting.start_date is not None and values.decide_by >= meeting.start_date
    ):
        raise RuleBroken(_("States must be told after the call closes and before the meeting opens."),
                         code="call.decide_by", field="decide_by")
    if not values.pool_ids or len(set(values.pool_ids)) != len(values.pool_ids):
        raise RuleBroken(_("Choose at least one pool, and each only once."), code="call.pools", field="pool_1")
    if len(set(values.criteria)) != len(values.criteria) or not set(values.criteria) <= set(CRITERIA):
        raise RuleBroken(_("Name each rule of the ranking only once."), code="call.criteria", field="criterion_1")
    if values.package not in PACKAGES:
        raise RuleBroken(_("Choose what the fund pays."), code="call.package", field="package")
    _check_estimates(values)


def _check_estimates(values: CallValues) -> None:
    if values.package == "dsa" and values.estimate_ticket_minor:
        raise RuleBroken(_("This call does not pay tickets: leave the ticket at 0."), code="call.estimate",
                         field="estimate_ticket")
    if values.package == "ticket" and values.estimate_dsa_minor:
        raise RuleBroken(_("This call does not pay a daily allowance: leave it at 0."), code="call.estimate",
                         field="estimate_dsa")
    if not values.estimate_ticket_minor + values.estimate_dsa_minor + values.estimate_terminal_minor:
        raise RuleBroken(_("Write what one delegate is expected to cost."), code="call.estimate",
                         field="estimate_ticket" if values.package != "dsa" else "estimate_dsa")


def _fields(values: CallValues) -> dict[str, Any]:
    names = [name for name in CallValues.__dataclass_fields__ if name not in ("pool_ids", "criteria")]
    return {**{name: getattr(values, name) for name in names}, "criteria": list(values.criteria)}


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
    _check(values, meeting)
    call = Call(
        reference=next_reference("CALL", clock.today().year), created_at=clock.now(), is_demo=meeting.is_demo,
        **_fields(values),
    )
    db.session.add(call)
    db.session.flush()  # the pools and the event point at the call
    _set_pools(call.id, values.pool_ids)
    events.record(actor, "applications.call.create", "call", call.id, to_state=call.state,
                  data={"meeting_id": str(call.meeting_id), "reference": call.reference})
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
    _check(values, meeting)
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


def _keep_terms(call: Call, values: CallValues) -> None:
    if values.closes_at < call.closes_at:
        raise RuleBroken(_("The call is open: its closing time can only be moved later."), code="call.earlier_closing",
                         field="closes_on")
    for name, value in _fields(values).items():
        if name not in ("closes_at", "grace_until", "decide_by", "guidance_text") and getattr(call, name) != value:
            field = {"opens_at": "opens_on", "criteria": "criterion_1"}.get(name, name.removesuffix("_minor"))
            raise RuleBroken(
                _("The call is open: only a later closing time and the guidance can still be changed."),
                code="call.terms_stand", field=field)
    standing = db.session.scalars(
        select(CallPool.pool_id).where(CallPool.call_id == call.id).order_by(CallPool.position)).all()
    if tuple(standing) != values.pool_ids:
        raise RuleBroken(_("The call is open: only a later closing time and the guidance can still be changed."),
                         code="call.terms_stand", field="pool_1")


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


@command
def open_due(call_id: uuid.UUID, now: datetime) -> str:
    """The schedule's part: open a call whose time has come. Looks again under the lock; says what it did."""
    call = lock(Call, call_id)
    if call.state != "scheduled" or call.opens_at > now:
        return "not due"
    CALL.apply(call, "open_due", system("jobs.calls-open"))
    return "opened"


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
    _ready(call)
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
    call.recommendation_round = 0


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
