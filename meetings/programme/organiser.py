"""The organiser's grid and its slots: add, change, move, lengthen, copy, take out, undo."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any, cast

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from accounts.current import current_actor
from core.errors import NotFound, RuleBroken
from core.web.access import needs
from core.web.forms import add_error, parse_day
from meetings.calendar.queries import MeetingRow, get_meeting
from meetings.programme import editing, service
from meetings.programme.blueprint import bp
from meetings.programme.facts import SlotFacts
from meetings.programme.forms import CopyForm, MoveForm, ResizeForm, SlotForm, VersionForm
from meetings.programme.grid import weeks
from meetings.programme.paste import parse_time
from meetings.programme.publishing import allotted_to, findings_of
from meetings.programme.queries import Draft, change_to_undo, draft_of, draft_of_meeting, programme_of
from meetings.programme.transitions import MANAGE
from meetings.programme.words import ACTION_NAMES


def load(slug: str) -> tuple[MeetingRow, Draft]:
    """The meeting and its draft, for organisers. Raises NotFound."""
    meeting = get_meeting(slug, reveal=True)
    return meeting, draft_of_meeting(meeting.id)


def to_plan(slug: str, slot_id: uuid.UUID | None = None) -> ResponseReturnValue:
    """Back to the grid, at a slot."""
    return redirect(url_for("programme.plan", slug=slug) + (f"#slot-{slot_id}" if slot_id else ""), 303)


@bp.get("/meetings/<string:slug>/programme/plan")
@needs(MANAGE)
def plan(slug: str) -> ResponseReturnValue:
    """The draft by day, with what the checks say of it."""
    meeting = get_meeting(slug, reveal=True)
    programme = programme_of(meeting.id)
    if programme is None:
        return render_template("programme/begin.html", meeting=meeting, form=VersionForm())
    draft = draft_of(programme)
    findings = findings_of(draft, meeting, allotted_to(meeting.id))
    content = draft.content
    last = change_to_undo(draft.id)
    return render_template(
        "programme/plan.html", meeting=meeting, draft=draft, content=content, findings=findings,
        weeks=weeks(content, draft.halves, findings), form=VersionForm(version=draft.version),
        last=ACTION_NAMES.get(last.action, last.action) if last else None,
        counts={kind: sum(s.kind == kind for s in content.slots) for kind in ("plenary", "side_event")})


@bp.post("/meetings/<string:slug>/programme/plan/begin")
@needs(MANAGE)
def begin(slug: str) -> ResponseReturnValue:
    """Begin a programme."""
    meeting = get_meeting(slug, reveal=True)
    try:
        service.begin_programme(meeting.id, current_actor())
    except RuleBroken as error:
        flash(str(error.message), "error")
        return redirect(url_for("calendar.meeting", slug=slug), 303)
    return to_plan(slug)


# --- one slot ---------------------------------------------------------------------------------------------------
def _slot_page(meeting: MeetingRow, draft: Draft, form: SlotForm, slot: uuid.UUID | None,
               copies: CopyForm | None = None, status: int = 200) -> ResponseReturnValue:
    return render_template("programme/slot.html", meeting=meeting, draft=draft, form=form, slot=slot,
                           copies=copies, plain=VersionForm(version=draft.version)), status


def _copies(meeting: MeetingRow, draft: Draft, day: date) -> CopyForm | None:
    form = CopyForm(version=draft.version)
    if meeting.start_date is None or meeting.end_date is None:
        return None
    form.offer(meeting.start_date, meeting.end_date, day)
    return form


def _found(draft: Draft, slot_id: uuid.UUID) -> SlotFacts:
    facts = dict(draft.slots).get(slot_id)
    if facts is None:
        raise NotFound()
    return facts


@bp.get("/meetings/<string:slug>/programme/plan/slots/new")
@needs(MANAGE)
def new_slot(slug: str) -> ResponseReturnValue:
    """An empty form, with what the cell of the grid knows already."""
    meeting, draft = load(slug)
    form = SlotForm(version=draft.version)
    form.offer(draft)
    form.kind.data = request.args.get("kind") or "plenary"
    form.day.data = parse_day(request.args.get("day", "")) or meeting.start_date
    form.starts.data = parse_time(request.args.get("starts", ""))
    form.ends.data = parse_time(request.args.get("ends", ""))
    if form.kind.data == "plenary":
        form.languages.data = ["A", "C", "E", "F", "R", "S"]
    return _slot_page(meeting, draft, form, None)


@bp.post("/meetings/<string:slug>/programme/plan/slots/new")
@needs(MANAGE)
def add_slot(slug: str) -> ResponseReturnValue:
    """Add it."""
    meeting, draft = load(slug)
    form = SlotForm()
    form.offer(draft)
    if form.validate_on_submit():
        try:
            (key,) = editing.add_slots(draft.id, current_actor(), [form.facts()], expected_version=form.version.data)
        except RuleBroken as error:
            add_error(form, error.field, error.message)
        else:
            flash(_("Added to the draft."), "success")
            return to_plan(slug, key)
    return _slot_page(meeting, draft, form, None, status=422)


@bp.get("/meetings/<string:slug>/programme/plan/slots/<uuid:id>")
@needs(MANAGE)
def slot(slug: str, id: uuid.UUID) -> ResponseReturnValue:
    """One slot: change it, copy it, take it out."""
    meeting, draft = load(slug)
    facts = _found(draft, id)
    form = SlotForm(version=draft.version)
    form.offer(draft)
    form.show(facts)
    return _slot_page(meeting, draft, form, id, _copies(meeting, draft, facts.day))


@bp.post("/meetings/<string:slug>/programme/plan/slots/<uuid:id>")
@needs(MANAGE)
def save_slot(slug: str, id: uuid.UUID) -> ResponseReturnValue:
    """What it is from now on."""
    meeting, draft = load(slug)
    facts = _found(draft, id)
    form = SlotForm()
    form.offer(draft)
    if form.validate_on_submit():
        try:
            editing.change_slot(draft.id, current_actor(), id, form.facts(), expected_version=form.version.data)
        except RuleBroken as error:
            add_error(form, error.field, error.message)
        else:
            flash(_("Changed in the draft."), "success")
            return to_plan(slug, id)
    return _slot_page(meeting, draft, form, id, _copies(meeting, draft, facts.day), 422)


def _act(slug: str, slot_id: uuid.UUID | None, form: Any, act: Any, done: str) -> ResponseReturnValue:
    """One button: do it, say so, go back to the grid."""
    if not form.validate_on_submit():
        flash(_("That could not be read. Open the slot and write it there."), "error")
        return to_plan(slug, slot_id)
    try:
        act()
    except RuleBroken as error:
        flash(str(error.message), "error")
    else:
        flash(done, "success")
    return to_plan(slug, slot_id)


@bp.post("/meetings/<string:slug>/programme/plan/slots/<uuid:id>/move")
@needs(MANAGE)
def move_slot(slug: str, id: uuid.UUID) -> ResponseReturnValue:
    """Dragged, or moved by keys."""
    _meeting, draft = load(slug)
    form = MoveForm()
    return _act(slug, id, form, lambda: editing.move_slot(
        draft.id, current_actor(), id, cast(date, form.day.data), form.starts.data, expected_version=form.version.data),
        _("Moved in the draft."))


@bp.post("/meetings/<string:slug>/programme/plan/slots/<uuid:id>/resize")
@needs(MANAGE)
def resize_slot(slug: str, id: uuid.UUID) -> ResponseReturnValue:
    """Longer or shorter, by keys."""
    _meeting, draft = load(slug)
    form = ResizeForm()
    return _act(slug, id, form, lambda: editing.resize_slot(
        draft.id, current_actor(), id, form.minutes.data or 0, expected_version=form.version.data),
        _("Its length is changed in the draft."))


@bp.post("/meetings/<string:slug>/programme/plan/slots/<uuid:id>/copy")
@needs(MANAGE)
def copy_slot(slug: str, id: uuid.UUID) -> ResponseReturnValue:
    """The same on other days."""
    meeting, draft = load(slug)
    form = _copies(meeting, draft, _found(draft, id).day)
    if form is None:
        raise NotFound()
    return _act(slug, id, form, lambda: editing.copy_slot(
        draft.id, current_actor(), id, [date.fromisoformat(day) for day in form.days.data or ()],
        expected_version=form.version.data), _("Copied in the draft."))


@bp.post("/meetings/<string:slug>/programme/plan/slots/<uuid:id>/remove")
@needs(MANAGE)
def remove_slot(slug: str, id: uuid.UUID) -> ResponseReturnValue:
    """Take it out; undo brings it back."""
    _meeting, draft = load(slug)
    form = VersionForm()
    return _act(slug, None, form, lambda: editing.remove_slot(
        draft.id, current_actor(), id, expected_version=form.version.data), _("Taken out of the draft."))


@bp.post("/meetings/<string:slug>/programme/plan/undo")
@needs(MANAGE)
def undo(slug: str) -> ResponseReturnValue:
    """Undo what was done last."""
    _meeting, draft = load(slug)
    form = VersionForm()
    try:
        if form.validate_on_submit():
            action = editing.undo(draft.id, current_actor(), expected_version=form.version.data)
            flash(_("Undone: %(what)s.", what=ACTION_NAMES.get(action, action)), "success")
    except RuleBroken as error:
        flash(str(error.message), "error")
    return to_plan(slug)
