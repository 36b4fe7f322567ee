"""Pages around the grid: agenda, rooms, half-days, settings, templates, pasting, publishing."""

from __future__ import annotations

import uuid
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from accounts.current import current_actor
from core.errors import NotFound, RuleBroken
from core.web.access import needs
from core.web.forms import add_error
from meetings.calendar.queries import MeetingRow
from meetings.programme import editing, paste, plans, publishing, service
from meetings.programme.blueprint import bp
from meetings.programme.days_off import days_off
from meetings.programme.differences import differences
from meetings.programme.facts import NOTHING
from meetings.programme.forms import (
    AgendaForm,
    FillForm,
    HalvesForm,
    PasteForm,
    PublishForm,
    RoomForm,
    SettingsForm,
    VersionForm,
)
from meetings.programme.organiser import load, to_plan
from meetings.programme.publishing import allotted_to, findings_of, label_of, symbol_of
from meetings.programme.queries import Draft, latest_of_meeting
from meetings.programme.transitions import ACTION_OF, MANAGE, PROGRAMME, STANDINGS
from meetings.programme.words import HALF_NAMES, KIND_NAMES, ROLE_NAMES, STANDING_TITLES, items_words, short_day

ROOT = "/meetings/<string:slug>/programme/plan"


def _page(template: str, meeting: MeetingRow, draft: Draft, form: Any, status: int = 200,
          **values: Any) -> ResponseReturnValue:
    return render_template(f"programme/{template}.html", meeting=meeting, draft=draft, form=form, **values), status


# --- agenda -----------------------------------------------------------------------------------------------------
def _agenda_text(draft: Draft) -> str:
    return "\n".join(f"{i.number}. {i.title} [{i.role}]" for i in draft.items)


@bp.get(f"{ROOT}/agenda")
@needs(MANAGE)
def agenda(slug: str) -> ResponseReturnValue:
    """The agenda as text; empty, it can begin with that of an earlier meeting."""
    meeting, draft = load(slug)
    form = AgendaForm(version=draft.version)
    form.agenda.data = _agenda_text(draft)
    offered = request.args.get("from")
    if offered in plans.agendas():
        form.agenda.data = "\n".join(f"{i.number}. {i.title} [{i.role}]" for i in plans.agendas()[offered])
    return _page("agenda", meeting, draft, form, plans=plans.PLANS, roles=ROLE_NAMES)


@bp.post(f"{ROOT}/agenda")
@needs(MANAGE)
def save_agenda(slug: str) -> ResponseReturnValue:
    """The agenda from now on."""
    meeting, draft = load(slug)
    form = AgendaForm()
    if form.validate_on_submit():
        try:
            service.set_agenda(draft.id, current_actor(), service.read_agenda(form.agenda.data or ""),
                               expected_version=form.version.data)
        except RuleBroken as error:
            add_error(form, error.field, error.message)
        else:
            flash(_("The agenda is saved."), "success")
            return to_plan(slug)
    return _page("agenda", meeting, draft, form, 422, plans=plans.PLANS, roles=ROLE_NAMES)


# --- rooms ------------------------------------------------------------------------------------------------------
@bp.get(f"{ROOT}/rooms")
@needs(MANAGE)
def rooms(slug: str) -> ResponseReturnValue:
    """Rooms, and a form for another one."""
    meeting, draft = load(slug)
    form = RoomForm(version=draft.version)
    form.opens.data, form.closes.data = paste.parse_time("08:00"), paste.parse_time("18:30")
    return _page("rooms", meeting, draft, form, room=None)


@bp.post(f"{ROOT}/rooms")
@needs(MANAGE)
def add_room(slug: str) -> ResponseReturnValue:
    """Another room."""
    return _save_room(slug, None)


@bp.get(f"{ROOT}/rooms/<uuid:id>")
@needs(MANAGE)
def room(slug: str, id: uuid.UUID) -> ResponseReturnValue:
    """One room."""
    meeting, draft = load(slug)
    found = next((r for r in draft.rooms if r.id == id), None)
    if found is None:
        raise NotFound()
    form = RoomForm(version=draft.version, name=found.name, seats=found.seats, opens=found.opens, closes=found.closes,
                    interpretation=found.interpretation)
    return _page("rooms", meeting, draft, form, room=found)


@bp.post(f"{ROOT}/rooms/<uuid:id>")
@needs(MANAGE)
def save_room(slug: str, id: uuid.UUID) -> ResponseReturnValue:
    """What the room is from now on."""
    return _save_room(slug, id)


def _save_room(slug: str, room_id: uuid.UUID | None) -> ResponseReturnValue:
    meeting, draft = load(slug)
    found = next((r for r in draft.rooms if r.id == room_id), None)
    if room_id is not None and found is None:
        raise NotFound()
    form = RoomForm()
    if form.validate_on_submit():
        facts = service.RoomFacts(form.name.data or "", form.seats.data, form.opens.data, form.closes.data,
                                  bool(form.interpretation.data))
        try:
            service.save_room(draft.id, current_actor(), facts, room_id=room_id, expected_version=form.version.data)
        except RuleBroken as error:
            add_error(form, error.field, error.message)
        else:
            flash(_("The room is saved."), "success")
            return redirect(url_for("programme.rooms", slug=slug), 303)
    return _page("rooms", meeting, draft, form, 422, room=found)


@bp.post(f"{ROOT}/rooms/<uuid:id>/remove")
@needs(MANAGE)
def remove_room(slug: str, id: uuid.UUID) -> ResponseReturnValue:
    """Take a room out."""
    _meeting, draft = load(slug)
    form = VersionForm()
    try:
        if form.validate_on_submit():
            service.remove_room(draft.id, current_actor(), id, expected_version=form.version.data)
            flash(_("The room is taken out."), "success")
    except RuleBroken as error:
        flash(str(error.message), "error")
    return redirect(url_for("programme.rooms", slug=slug), 303)


# --- half-days --------------------------------------------------------------------------------------------------
def _halves(meeting: MeetingRow, draft: Draft, form: HalvesForm, status: int = 200) -> ResponseReturnValue:
    off = days_off(meeting.start_date, meeting.end_date, meeting.timezone) \
        if meeting.start_date and meeting.end_date else []
    names = [f"{short_day(h.day)}, {HALF_NAMES[h.half]}" for h in draft.halves]
    return _page("days", meeting, draft, form, status, names=names, off=off)


@bp.get(f"{ROOT}/days")
@needs(MANAGE)
def days(slug: str) -> ResponseReturnValue:
    """The meeting's own calendar of half-days."""
    meeting, draft = load(slug)
    form = HalvesForm(version=draft.version, halves=[
        {"key": str(h.id), "is_open": h.is_open, "starts": h.starts, "ends": h.ends, "note": h.note}
        for h in draft.halves])
    return _halves(meeting, draft, form)


@bp.post(f"{ROOT}/days")
@needs(MANAGE)
def save_days(slug: str) -> ResponseReturnValue:
    """It, from now on."""
    meeting, draft = load(slug)
    form = HalvesForm()
    known = {str(h.id): h.id for h in draft.halves}
    if form.validate_on_submit():
        halves = [service.HalfFacts(known[e.form.key.data], e.form.starts.data, e.form.ends.data,
                                    bool(e.form.is_open.data), e.form.note.data)
                  for e in form.halves if e.form.key.data in known]
        try:
            service.set_half_days(draft.id, current_actor(), halves, expected_version=form.version.data)
        except RuleBroken as error:
            add_error(form, error.field, error.message)
        else:
            flash(_("The half-days are saved."), "success")
            return to_plan(slug)
    return _halves(meeting, draft, form, 422)


# --- settings ---------------------------------------------------------------------------------------------------
@bp.get(f"{ROOT}/settings")
@needs(MANAGE)
def settings(slug: str) -> ResponseReturnValue:
    """Symbol and teams."""
    meeting, draft = load(slug)
    return _page("settings", meeting, draft,
                 SettingsForm(version=draft.version, symbol=draft.symbol, teams=draft.teams))


@bp.post(f"{ROOT}/settings")
@needs(MANAGE)
def save_settings(slug: str) -> ResponseReturnValue:
    """They, from now on."""
    meeting, draft = load(slug)
    form = SettingsForm()
    if form.validate_on_submit():
        try:
            service.set_up(draft.id, current_actor(), symbol=form.symbol.data, teams=form.teams.data or 0,
                           expected_version=form.version.data)
        except RuleBroken as error:
            add_error(form, error.field, error.message)
        else:
            flash(_("Saved."), "success")
            return to_plan(slug)
    return _page("settings", meeting, draft, form, 422)


# --- templates --------------------------------------------------------------------------------------------------
def _fill_form(draft: Draft) -> FillForm:
    form = FillForm()
    form.plan.choices = list(plans.PLANS.items())
    form.room_id.choices = [("", _("No room yet")), *((str(r.id), r.name) for r in draft.rooms)]
    return form


@bp.get(f"{ROOT}/fill")
@needs(MANAGE)
def fill(slug: str) -> ResponseReturnValue:
    """Choose a template."""
    meeting, draft = load(slug)
    form = _fill_form(draft)
    form.version.data = draft.version
    open_halves = sum(h.is_open for h in draft.halves)
    form.plan.data = plans.plan_for(meeting.kind, open_halves)
    largest = max(draft.rooms, key=lambda r: (r.interpretation, r.seats or 0), default=None)
    form.room_id.data = str(largest.id) if largest else ""
    return _page("fill", meeting, draft, form, open_halves=open_halves)


@bp.post(f"{ROOT}/fill")
@needs(MANAGE)
def fill_now(slug: str) -> ResponseReturnValue:
    """Plenary meetings as the template has them, instead of those that stand."""
    meeting, draft = load(slug)
    form = _fill_form(draft)
    if form.validate_on_submit():
        room_id = uuid.UUID(form.room_id.data) if form.room_id.data else None
        slots = plans.fill(form.plan.data, draft.halves, draft.items, room_id)
        try:
            editing.replace_plenary(draft.id, current_actor(), slots, expected_version=form.version.data)
        except RuleBroken as error:
            add_error(form, error.field, error.message)
        else:
            flash(_("Filled from the template. Undo takes it back."), "success")
            return to_plan(slug)
    return _page("fill", meeting, draft, form, 422, open_halves=sum(h.is_open for h in draft.halves))


# --- pasting ----------------------------------------------------------------------------------------------------
def _read(form: PasteForm, draft: Draft) -> list[paste.Line]:
    sent = form.file.data
    if sent:
        content = sent.stream.read()
        if (sent.filename or "").lower().endswith(".xlsx"):
            cells = paste.cells_of_workbook(content)
        else:
            try:
                cells = paste.cells_of_text(content.decode("utf-8-sig"))
            except UnicodeDecodeError as error:
                raise RuleBroken(_("Save the file as CSV in UTF-8, or as XLSX."), code="paste.encoding",
                                 field="file") from error
    else:
        cells = paste.cells_of_text(form.rows.data or "")
    # the preview carries the rows on as text, whatever they came as
    form.rows.data = "\n".join("\t".join(" ".join(c.split()) for c in row) for row in cells)
    return paste.read(cells, draft.items, draft.rooms)


@bp.get(f"{ROOT}/paste")
@needs(MANAGE)
def paste_page(slug: str) -> ResponseReturnValue:
    """Where rows are pasted."""
    meeting, draft = load(slug)
    return _page("paste", meeting, draft, PasteForm(version=draft.version), lines=None, columns=paste.COLUMNS)


@bp.post(f"{ROOT}/paste")
@needs(MANAGE)
def paste_preview(slug: str) -> ResponseReturnValue:
    """How the rows were read; with `add`, the rows are added, all or none."""
    meeting, draft = load(slug)
    form, lines, status = PasteForm(), None, 422
    if form.validate_on_submit():
        try:
            lines = _read(form, draft)
            good = [line.facts for line in lines if line.facts is not None]
            if "add" in request.form and len(good) == len(lines):
                editing.add_slots(draft.id, current_actor(), good, action="paste", expected_version=form.version.data)
                flash(_("%(n)s slots are added. Undo takes them back.", n=len(good)), "success")
                return to_plan(slug)
            status = 200 if len(good) == len(lines) else 422
        except RuleBroken as error:
            add_error(form, error.field, error.message)
    return _page("paste", meeting, draft, form, status, lines=lines, columns=paste.COLUMNS, kinds=KIND_NAMES,
                 items_words=items_words, numbers={i.id: i.number for i in draft.items},
                 names={r.id: r.name for r in draft.rooms}, day=short_day)


# --- publishing -------------------------------------------------------------------------------------------------
def _publish_page(meeting: MeetingRow, draft: Draft, form: PublishForm, status: int = 200) -> ResponseReturnValue:
    before = latest_of_meeting(meeting.id)
    number = draft.numbered + 1
    return _page(
        "publish", meeting, draft, form, status, before=before,
        changes=differences(before.content if before else NOTHING, draft.content),
        findings=findings_of(draft, meeting, allotted_to(meeting.id)),
        label=symbol_of(draft.symbol, number) or label_of(number), titles=STANDING_TITLES,
        plenary=sum(s.kind == "plenary" for s in draft.content.slots))


def _publish_form(draft: Draft) -> PublishForm:
    form = PublishForm()
    form.standing.choices = [(s, PROGRAMME.move(draft.state, ACTION_OF[s]).label) for s in STANDINGS
                             if PROGRAMME.find(draft.state, ACTION_OF[s])]
    return form


@bp.get(f"{ROOT}/publish")
@needs(MANAGE)
def publish(slug: str) -> ResponseReturnValue:
    """What would change for readers, in words, before it does."""
    meeting, draft = load(slug)
    form = _publish_form(draft)
    form.version.data = draft.version
    form.standing.data = draft.state if draft.state in ("provisional", "indicative") else (
        "provisional" if draft.state == "draft" else "indicative")
    return _publish_page(meeting, draft, form)


@bp.post(f"{ROOT}/publish")
@needs(MANAGE)
def publish_now(slug: str) -> ResponseReturnValue:
    """Publish what was shown: another draft than that is refused."""
    meeting, draft = load(slug)
    form = _publish_form(draft)
    if form.validate_on_submit():
        try:
            publishing.publish_programme(draft.id, current_actor(), form.standing.data, note=form.note.data,
                                         expected_version=form.version.data)
        except RuleBroken as error:
            add_error(form, error.field, error.message)
        else:
            flash(_("Published. Whoever follows what changed is told by e-mail."), "success")
            return redirect(url_for("programme.page", slug=slug), 303)
    return _publish_page(meeting, draft, form, 422)
