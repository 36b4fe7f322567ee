"""Pages of the plan: an award's timeline, what is known of banks and days off, an officer's calendar feed."""

from __future__ import annotations

import hashlib
import uuid
from datetime import date
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response
from wtforms import StringField
from wtforms.validators import Length, Regexp

from accounts.current import current_actor
from accounts.permissions import allows
from core import clock
from core.errors import RuleBroken
from core.web.access import needs, public
from core.web.forms import BaseForm, DayField, Required, WholeNumberField, add_error
from core.web.links import absolute
from sponsorship.disbursements import officer_calendar, plan_places, rails, workdays
from sponsorship.disbursements.cash_forms import RailPlaceForm
from sponsorship.disbursements.cash_words import RAIL_LABELS
from sponsorship.disbursements.payment_tabs import tabs
from sponsorship.disbursements.plan_timeline import timeline_of
from sponsorship.disbursements.settings import days, setting

bp = Blueprint("plan", __name__)
View = str | Response | tuple[str, int]


def _country() -> StringField:
    return StringField(
        _l("Place"), description=_l("Two letters, for example KE."), filters=[lambda t: t.upper() if t else t],
        validators=[Required(), Regexp(r"[A-Za-z]{2}\Z",
                                       message=_l("Write the two letters of the place, such as KE."))])


class LeadForm(BaseForm):
    """How long transfers take, from a day on."""

    country = _country()
    working_days = WholeNumberField(_l("Working days"), validators=[Required()])
    valid_from = DayField(_l("From"), validators=[Required()])
    source = StringField(_l("Who says so"), validators=[Required(), Length(max=200)])


class ClosedForm(BaseForm):
    """A day off."""

    country = _country()
    day = DayField(_l("Day"), validators=[Required()])
    name = StringField(_l("What it is"), validators=[Required(), Length(max=120)])
    source = StringField(_l("Who says so"), validators=[Required(), Length(max=200)])


@bp.get("/awards/<uuid:id>/timeline")
@needs("award.view_all", "award.answer")
def timeline(id: uuid.UUID) -> View:
    """Who acts by when, for one award."""
    page, steps = timeline_of(id, current_actor())
    return render_template("disbursements/timeline.html", page=page, row=page.row, steps=steps,
                           zone=setting("office_zone", clock.today()))


# --- places -------------------------------------------------------------------------------------------------------
def _places(lead: LeadForm | None = None, closed: ClosedForm | None = None,
            rail: RailPlaceForm | None = None) -> View:
    today = clock.today()
    may = allows(current_actor(), plan_places.MANAGE)
    body = render_template(
        "disbursements/places.html", lead=lead or LeadForm(formdata=None, valid_from=today),
        closed=closed or ClosedForm(formdata=None, prefix="off-"), rails=rails.table(), rail_labels=RAIL_LABELS,
        rail=rail or RailPlaceForm(formdata=None, prefix="rail-", valid_from=today),
        may=may, rows=plan_places.lead_times(),
        days_off=plan_places.closed_days(today), default=days("bank_lead_days", today),
        office=[(day, name) for day, name in sorted(workdays.holidays().items()) if day >= today][:12],
        until=workdays.known_until(), tabs=tabs("plan.places"))
    return (body, 422) if request.method == "POST" else body


@bp.get("/travel/places")
@needs("disbursement.view_all")
def places() -> View:
    """Lead times of banks, days off."""
    return _places()


@bp.post("/travel/places/lead-times")
@needs("travel_rates.manage")
def set_lead_time() -> View:
    """Date a lead time."""
    form = LeadForm()
    if form.validate_on_submit():
        assert isinstance(form.valid_from.data, date) and form.working_days.data is not None
        try:
            plan_places.set_lead_time(form.country.data, form.valid_from.data, form.working_days.data,
                                      form.source.data, current_actor())
        except RuleBroken as error:
            add_error(form, error.field, error.message)
        else:
            flash(_("Recorded. Bank data verified from now on is planned by it."), "success")
            return redirect(url_for("plan.places"), 303)
    return _places(lead=form)


@bp.post("/travel/places/days-off")
@needs("travel_rates.manage")
def add_day_off() -> View:
    """Record a day off."""
    form = ClosedForm(prefix="off-")  # two forms on one page
    if form.validate_on_submit():
        assert isinstance(form.day.data, date)
        made = plan_places.add_closed_days(form.country.data, [(form.day.data, form.name.data)], form.source.data,
                                           current_actor())
        if made:
            flash(_("Recorded. Bank data verified from now on is planned by it."), "success")
            return redirect(url_for("plan.places"), 303)
        add_error(form, "day", _("This day is recorded for this place already."))
    return _places(closed=form)


@bp.post("/travel/places/rails")
@needs("travel_rates.manage")
def set_rail() -> View:
    """Date whether a rail serves a place."""
    form = RailPlaceForm(prefix="rail-")
    if form.validate_on_submit():
        assert isinstance(form.valid_from.data, date)
        try:
            rails.set_place(form.country.data, form.rail.data, form.serves.data == "yes", form.valid_from.data,
                            form.source.data, current_actor())
        except RuleBroken as error:
            add_error(form, error.field, error.message)
        else:
            flash(_("Recorded."), "success")
            return redirect(url_for("plan.places"), 303)
    return _places(rail=form)


@bp.post("/travel/places/<string:kind>/<uuid:id>/withdraw")
@needs("travel_rates.manage")
def withdraw(kind: str, id: uuid.UUID) -> View:
    """Take back a row set by mistake."""
    try:
        if kind == "rail":
            rails.withdraw_place(id, current_actor())
        else:
            plan_places.withdraw("lead" if kind == "lead" else "closed", id, current_actor())
    except RuleBroken as error:
        flash(str(error.message), "error")
    else:
        flash(_("Withdrawn."), "success")
    return redirect(url_for("plan.places"), 303)


# --- the officer's feed -------------------------------------------------------------------------------------------
def _calendar(secret: str | None = None) -> str:
    return render_template("disbursements/my_calendar.html", made=officer_calendar.standing(
        current_actor().person_id), address=absolute("plan.feed", token=secret) if secret else None)


@bp.get("/my-calendar")
@needs("disbursement.view_all")
def my_calendar() -> View:
    """Whether this person has a feed."""
    return _calendar()


@bp.post("/my-calendar/new")
@needs("disbursement.view_all")
def new_calendar() -> Any:
    """Make a secret address and show it, once."""
    response = Response(_calendar(officer_calendar.make(current_actor())), content_type="text/html; charset=utf-8")
    response.headers["Cache-Control"] = "private, no-store"
    return response


@bp.post("/my-calendar/revoke")
@needs("disbursement.view_all")
def revoke_calendar() -> View:
    """The address no longer works."""
    officer_calendar.revoke(current_actor())
    flash(_("The address no longer works."), "success")
    return redirect(url_for("plan.my_calendar"), 303)


@bp.get("/calendar/officers/<string:token>.ics")
@public
def feed(token: str) -> Response:
    """The feed behind a secret address; whoever holds it reads it, so it says no names and no amounts."""
    body = officer_calendar.feed(token[:200])
    response = Response(body, content_type="text/calendar; charset=utf-8")
    response.set_etag(hashlib.sha256(body).hexdigest()[:32])
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["Content-Disposition"] = 'inline; filename="placard-my-calendar.ics"'
    return response.make_conditional(request)
