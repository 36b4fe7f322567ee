"""What waits for the organiser."""

from __future__ import annotations

from flask import url_for
from flask_babel import gettext as _
from sqlalchemy import func, select

from accounts.desk import DeskItem, register_source
from core.actor import Actor
from core.db import db
from meetings.calendar.date_models import DependentDate
from meetings.calendar.models import Meeting
from meetings.calendar.transitions import MANAGE


def waiting(actor: Actor) -> list[DeskItem]:
    """Meetings whose dates are fixed but not published, postponed ones without new dates, and dates set by hand of
    meetings that have moved since. Two queries."""
    rows = db.session.execute(
        select(Meeting.slug, Meeting.short_name, Meeting.state, Meeting.start_date)
        .where(Meeting.state.in_(("fixed", "postponed")), Meeting.replaced_by_id.is_(None))
        .order_by(Meeting.start_date, Meeting.id).limit(50)
    ).all()
    return _to_look_at() + [
        DeskItem(_("%(meeting)s: publish the dates", meeting=row.short_name),
                 url_for("calendar.publish", slug=row.slug), row.start_date,
                 _("The dates are fixed. Check them against the mandate and publish."), row.short_name)
        if row.state == "fixed" else
        DeskItem(_("%(meeting)s: set new dates", meeting=row.short_name), url_for("calendar.redate", slug=row.slug),
                 None, _("The meeting is postponed, and its new dates are not known."), row.short_name, "attention")
        for row in rows
    ]


def _to_look_at() -> list[DeskItem]:
    rows = db.session.execute(
        select(Meeting.slug, Meeting.short_name, func.min(DependentDate.day).label("day"))
        .join(DependentDate, DependentDate.meeting_id == Meeting.id)
        .where(DependentDate.look_again, DependentDate.dropped.is_(False), Meeting.state != "cancelled")
        .group_by(Meeting.slug, Meeting.short_name).order_by(func.min(DependentDate.day), Meeting.slug).limit(50)
    ).all()
    return [
        DeskItem(_("%(meeting)s: look at its dates again", meeting=row.short_name),
                 url_for("calendar.dates", slug=row.slug), row.day,
                 _("The meeting has moved, and some of its dates were set by hand."), row.short_name, "attention")
        for row in rows
    ]


def register() -> None:
    """Called once, from app.py."""
    register_source(MANAGE, waiting)
