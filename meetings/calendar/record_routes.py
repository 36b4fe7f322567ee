"""Pages of the organiser's records: mandates beside the calendar, and the kinds of meetings."""

from __future__ import annotations

import uuid
from typing import Any

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from accounts.current import current_actor
from accounts.permissions import allows
from core.errors import NotFound, RuleBroken
from core.web.access import needs
from core.web.forms import add_error
from meetings.calendar import kind_service, mandate_service
from meetings.calendar.blueprint import bp
from meetings.calendar.choices import all_kinds, mandates_to_precede, meetings_to_answer
from meetings.calendar.mandates import (
    MandateForEdit,
    cycle_check,
    kinds_that_prepare,
    mandate_check,
    mandate_for_edit,
    mandate_rows,
    without_mandate,
)
from meetings.calendar.models import MeetingKind
from meetings.calendar.queries import kinds_for_choice, meetings_between
from meetings.calendar.record_forms import KindForm, MandateForm, WithdrawForm
from meetings.calendar.transitions import MANAGE
from meetings.calendar.words import kind_name


# --- mandates -----------------------------------------------------------------------------------------------------
@bp.get("/meetings/mandates")
@needs("calendar.mandates.view")
def mandates() -> ResponseReturnValue:
    """What resolutions ask for beside what the calendar holds. Seven queries."""
    found = mandate_check()
    rows = [m for m in meetings_between(2001, 2100, reveal=True) if not m.is_demo]
    return render_template(
        "calendar/mandates.html", comparisons=found, cycle=cycle_check(rows, kinds_that_prepare()),
        flagged=sum(c.text_contradicts for c in found), differing=sum(c.meeting_contradicts for c in found),
        missing=without_mandate(rows, found), withdrawn=mandate_rows(withdrawn=True),
        organises=allows(current_actor(), MANAGE),
    )


def _offer(form: MandateForm, mandate_id: uuid.UUID | None, kind: str | None = None) -> MandateForm:
    form.offer(kinds_for_choice(kind), mandates_to_precede(mandate_id),
               meetings_to_answer(meetings_between(1990, 2100, reveal=True)))
    return form


def _mandate_page(form: MandateForm, mandate: Any, status: int = 200) -> ResponseReturnValue:
    return render_template("calendar/mandate_edit.html", form=form, mandate=mandate), status


@bp.get("/meetings/mandates/new")
@needs(MANAGE)
def new_mandate() -> ResponseReturnValue:
    """An empty form."""
    return _mandate_page(_offer(MandateForm(data={"version": 0}), None), None)


@bp.post("/meetings/mandates/new")
@needs(MANAGE)
def create_mandate() -> ResponseReturnValue:
    """Record a mandate."""
    form = _offer(MandateForm(), None)
    if form.validate_on_submit():
        try:
            mandate_service.create_mandate(current_actor(), form.facts())
        except RuleBroken as error:
            add_error(form, error.field, error.message)
        else:
            flash(_("Recorded. The check below compares it with the calendar."), "success")
            return redirect(url_for("calendar.mandates"), 303)
    return _mandate_page(form, None, 422)


def _mandate_values(found: MandateForEdit) -> dict[str, Any]:
    row = found.mandate
    values: dict[str, Any] = {name: getattr(row, name) for name in (
        "version", "resolution", "adopted_on", "paragraph", "language_read", "source_url", "rests_on", "kind",
        "year_printed", "year_reason", "start_printed", "end_printed", "weeks", "place", "note")}
    return values | {
        "year_read": row.year_read if row.year_read != row.year_printed else None, "early": row.timing == "early",
        "precedes_id": str(row.precedes_id or ""), "meeting_ids": [str(key) for key in found.meeting_ids]}


@bp.get("/meetings/mandates/<uuid:key>")
@needs(MANAGE)
def edit_mandate(key: uuid.UUID) -> ResponseReturnValue:
    """The form with what stands."""
    found = mandate_for_edit(key)
    if found.mandate.withdrawn_at is not None:
        raise NotFound()
    return _mandate_page(_offer(MandateForm(data=_mandate_values(found)), key, found.mandate.kind), found.mandate)


@bp.post("/meetings/mandates/<uuid:key>")
@needs(MANAGE)
def save_mandate(key: uuid.UUID) -> ResponseReturnValue:
    """Keep what was changed."""
    found = mandate_for_edit(key)
    form = _offer(MandateForm(), key, found.mandate.kind)
    if form.validate_on_submit():
        try:
            mandate_service.edit_mandate(key, current_actor(), form.facts(), expected_version=form.version.data)
        except RuleBroken as error:
            add_error(form, error.field, error.message)
        else:
            flash(_("Saved."), "success")
            return redirect(url_for("calendar.mandates"), 303)
    return _mandate_page(form, found.mandate, 422)


@bp.get("/meetings/mandates/<uuid:key>/withdraw")
@needs(MANAGE)
def withdraw_mandate(key: uuid.UUID) -> ResponseReturnValue:
    """Ask why."""
    row = mandate_for_edit(key).mandate
    return render_template("calendar/mandate_withdraw.html", form=WithdrawForm(data={"version": row.version}),
                           mandate=row)


@bp.post("/meetings/mandates/<uuid:key>/withdraw")
@needs(MANAGE)
def withdraw_mandate_now(key: uuid.UUID) -> ResponseReturnValue:
    """Take it out of the check."""
    row, form = mandate_for_edit(key).mandate, WithdrawForm()
    if form.validate_on_submit():
        try:
            mandate_service.withdraw_mandate(key, current_actor(), form.reason.data or "",
                                             expected_version=form.version.data)
        except RuleBroken as error:
            add_error(form, error.field, error.message)
        else:
            flash(_("Withdrawn. Its record stays below."), "success")
            return redirect(url_for("calendar.mandates"), 303)
    return render_template("calendar/mandate_withdraw.html", form=form, mandate=row), 422


# --- kinds of meetings ------------------------------------------------------------------------------------------
def _kinds_page(form: KindForm, kind: MeetingKind | None, status: int = 200) -> ResponseReturnValue:
    rows = all_kinds()
    names = {row.code: kind_name(row.code, row.name) for row in rows}
    form.offer([(row.code, names[row.code]) for row in rows if kind is None or row.code != kind.code])
    return render_template("calendar/kinds.html", form=form, kind=kind, kinds=rows, names=names), status


def _kind(code: str) -> MeetingKind:
    row = next((row for row in all_kinds() if row.code == code), None)
    if row is None:
        raise NotFound()
    return row


@bp.get("/meetings/kinds")
@needs(MANAGE)
def kinds() -> ResponseReturnValue:
    """Every kind, and a form for another."""
    return _kinds_page(KindForm(data={"version": 0, "offered": True}), None)


@bp.post("/meetings/kinds")
@needs(MANAGE)
def create_kind() -> ResponseReturnValue:
    """Add a kind."""
    form = KindForm()
    form.offer([(row.code, row.name) for row in all_kinds()])
    if form.validate_on_submit():
        try:
            kind_service.create_kind(current_actor(), form.facts())
        except RuleBroken as error:
            add_error(form, error.field, error.message)
        else:
            flash(_("Added. New meetings may be of this kind."), "success")
            return redirect(url_for("calendar.kinds"), 303)
    return _kinds_page(form, None, 422)


@bp.get("/meetings/kinds/<string:code>")
@needs(MANAGE)
def edit_kind(code: str) -> ResponseReturnValue:
    """The form with what stands."""
    row = _kind(code)
    return _kinds_page(KindForm(data={
        name: getattr(row, name) or "" for name in ("short_name", "name", "precedes", "source")
    } | {"offered": row.offered, "version": row.version}), row)


@bp.post("/meetings/kinds/<string:code>")
@needs(MANAGE)
def save_kind(code: str) -> ResponseReturnValue:
    """Keep what was changed."""
    row, form = _kind(code), KindForm()
    form.offer([(other.code, other.name) for other in all_kinds() if other.code != code])
    if form.validate_on_submit():
        try:
            kind_service.edit_kind(code, current_actor(), form.facts(), expected_version=form.version.data)
        except RuleBroken as error:
            add_error(form, error.field, error.message)
        else:
            flash(_("Saved."), "success")
            return redirect(url_for("calendar.kinds"), 303)
    return _kinds_page(form, row, 422)
