"""Side events: the form that asks for one, one's own requests, and the organiser's answer."""

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
from meetings.calendar.queries import MeetingRow, get_meeting
from meetings.programme import side_events
from meetings.programme.blueprint import bp
from meetings.programme.forms import AcceptForm, DeclineForm, SideEventForm, VersionForm
from meetings.programme.queries import Draft, draft_of_meeting
from meetings.programme.side_events import EventFacts, EventRow, offered, wish_words
from meetings.programme.transitions import MANAGE, REQUEST

ROOT = "/meetings/<string:slug>/side-events"


def _load(slug: str) -> tuple[MeetingRow, Draft]:
    meeting = get_meeting(slug, reveal=allows(current_actor(), MANAGE))
    return meeting, draft_of_meeting(meeting.id)


@bp.get(ROOT)
@needs(REQUEST, MANAGE)
def side_event_list(slug: str) -> ResponseReturnValue:
    """All requests for organisers; one's own for everybody else."""
    meeting, draft = _load(slug)
    actor = current_actor()
    manages = allows(actor, MANAGE)
    rows = side_events.requests_of(draft.id, None if manages else actor.person_id)
    return render_template("programme/side_events.html", meeting=meeting, rows=rows, manages=manages,
                           wish_words=wish_words)


@bp.get(f"{ROOT}/new")
@needs(REQUEST)
def new_side_event(slug: str) -> ResponseReturnValue:
    """An empty request."""
    meeting, draft = _load(slug)
    return _form(meeting, _asked(draft))


def _asked(draft: Draft) -> SideEventForm:
    form = SideEventForm()
    form.wishes.choices = [(key, wish_words(key)) for key in offered(draft.halves)]
    return form


def _form(meeting: MeetingRow, form: SideEventForm, status: int = 200) -> ResponseReturnValue:
    return render_template("programme/side_event_new.html", meeting=meeting, form=form), status


@bp.post(f"{ROOT}/new")
@needs(REQUEST)
def request_side_event(slug: str) -> ResponseReturnValue:
    """Ask."""
    meeting, draft = _load(slug)
    form = _asked(draft)
    if form.validate_on_submit():
        try:
            key = side_events.request_side_event(meeting.id, current_actor(), EventFacts(
                form.title.data or "", form.organisers.data or "", tuple(form.wishes.data or ()),
                form.people_expected.data or 0, form.cosponsor.data, form.summary.data, form.needs.data))
        except RuleBroken as error:
            add_error(form, error.field, error.message)
        else:
            flash(_("Your request is sent. The organiser answers by e-mail and on this page."), "success")
            return redirect(url_for("programme.side_event", slug=slug, id=key), 303)
    return _form(meeting, form, 422)


def _one(slug: str, event_id: uuid.UUID) -> tuple[MeetingRow, Draft, EventRow]:
    meeting, draft = _load(slug)
    event = side_events.request_by_id(event_id, current_actor())
    if event.programme_id != draft.id:
        raise NotFound()
    return meeting, draft, event


def _accept_form(draft: Draft, event: EventRow) -> AcceptForm:
    form = AcceptForm()
    wished = [key for key in event.wishes if key in offered(draft.halves)]
    others = [key for key in offered(draft.halves) if key not in wished]
    form.wish.choices = [(key, _("%(slot)s (wished)", slot=wish_words(key))) for key in wished] + [
        (key, wish_words(key)) for key in others]
    form.room_id.choices = [("", _("Choose")), *((str(r.id), _("%(room)s, %(seats)s seats", room=r.name, seats=r.seats)
                                                  if r.seats else r.name) for r in draft.rooms)]
    return form


def _event_page(meeting: MeetingRow, draft: Draft, event: EventRow, accept: Any = None, decline: Any = None,
                status: int = 200) -> ResponseReturnValue:
    actor = current_actor()
    if accept is None:
        accept = _accept_form(draft, event)
        accept.version.data = event.version
    place = next((s for s in draft.content.slots if s.id == str(event.slot_id)), None)
    return render_template(
        "programme/side_event.html", meeting=meeting, event=event, place=place, manages=allows(actor, MANAGE),
        mine=event.person_id == actor.person_id, accept=accept, decline=decline or DeclineForm(version=event.version),
        plain=VersionForm(version=event.version), wish_words=wish_words), status


@bp.get(f"{ROOT}/<uuid:id>")
@needs(REQUEST, MANAGE)
def side_event(slug: str, id: uuid.UUID) -> ResponseReturnValue:
    """One request: for its author, and for organisers with the answer's forms."""
    return _event_page(*_one(slug, id))


@bp.post(f"{ROOT}/<uuid:id>/accept")
@needs(MANAGE)
def accept_side_event(slug: str, id: uuid.UUID) -> ResponseReturnValue:
    """A slot and a room."""
    meeting, draft, event = _one(slug, id)
    form = _accept_form(draft, event)
    if form.validate_on_submit():
        try:
            side_events.accept_side_event(
                id, current_actor(), form.wish.data, uuid.UUID(form.room_id.data) if form.room_id.data else None,
                answer=form.answer.data, expected_version=form.version.data)
        except RuleBroken as error:
            add_error(form, error.field, error.message)
        else:
            flash(_("Accepted, and put into the draft of the programme."), "success")
            return redirect(url_for("programme.side_event_list", slug=slug), 303)
    return _event_page(meeting, draft, event, accept=form, status=422)


@bp.post(f"{ROOT}/<uuid:id>/decline")
@needs(MANAGE)
def decline_side_event(slug: str, id: uuid.UUID) -> ResponseReturnValue:
    """Why not."""
    meeting, draft, event = _one(slug, id)
    form = DeclineForm()
    if form.validate_on_submit():
        try:
            side_events.decline_side_event(id, current_actor(), form.reason.data or "",
                                           expected_version=form.version.data)
        except RuleBroken as error:
            add_error(form, error.field, error.message)
        else:
            flash(_("Not accepted; whoever asked is told why."), "success")
            return redirect(url_for("programme.side_event_list", slug=slug), 303)
    return _event_page(meeting, draft, event, decline=form, status=422)


@bp.post(f"{ROOT}/<uuid:id>/withdraw")
@needs(REQUEST)
def withdraw_side_event(slug: str, id: uuid.UUID) -> ResponseReturnValue:
    """Take one's own request back."""
    form = VersionForm()
    if form.validate_on_submit():
        side_events.withdraw_side_event(id, current_actor(), expected_version=form.version.data)
        flash(_("Withdrawn."), "success")
    return redirect(url_for("programme.side_event", slug=slug, id=id), 303)
