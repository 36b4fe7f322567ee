"""What waits on people's desks for awards."""

from __future__ import annotations

import uuid

from flask import url_for
from flask_babel import gettext as _
from sqlalchemy import select

from accounts.desk import DeskItem, register_source
from core.actor import Actor
from core.db import db
from meetings.calendar.queries import meetings_by_id
from sponsorship.applications import related
from sponsorship.applications.models import Call
from sponsorship.applications.related import Related
from sponsorship.awards import travel_conditions
from sponsorship.awards.models import Award
from sponsorship.awards.panels import register_award_panel
from sponsorship.awards.queries import AwardRow, applications_offered, awards_waiting, visible
from sponsorship.awards.transitions import AWARD


def _item(row: AwardRow, what: str, due: object, tone: str = "waiting") -> DeskItem:
    return DeskItem(
        _("%(state)s, %(meeting)s", state=row.organisation, meeting=row.meeting),
        url_for("awards.award_page", id=row.id), due, what, row.reference, tone,  # type: ignore[arg-type]
    )


def to_decide(actor: Actor) -> list[DeskItem]:
    calls = db.session.execute(
        select(Call.id, Call.reference, Call.meeting_id).where(Call.state == "recommended").order_by(Call.reference)
    ).all()
    meetings = meetings_by_id({call.meeting_id for call in calls})
    return [
        DeskItem(_("Call for %(meeting)s", meeting=meetings[call.meeting_id].short_name),
                 url_for("decisions.decision", id=call.id), meetings[call.meeting_id].start_date,
                 _("Decide on the panel’s recommendation"), call.reference, "attention")
        for call in calls
    ]


def to_certify(actor: Actor) -> list[DeskItem]:
    return [_item(row, _("Certify the obligation"), row.travel_from) for row in awards_waiting(("selected",))]


def to_approve(actor: Actor) -> list[DeskItem]:
    return [_item(row, _("Approve the obligation"), row.travel_from) for row in awards_waiting(("certified",))]


def to_answer(actor: Actor) -> list[DeskItem]:
    return [_item(row, _("Accept the offer or turn it down"), row.offer_expires_at, "attention")
            for row in awards_waiting(("offered",), actor)]


def of_application(application_id: uuid.UUID, actor: Actor) -> list[Related]:
    """Awards that follow from an application and that this reader may know of, for its page."""
    rows = db.session.execute(
        select(Award.id, Award.reference, Award.state).where(Award.application_id == application_id, visible(actor))
        .order_by(Award.reference)
    )
    return [Related(_("Award"), row.reference, url_for("awards.award_page", id=row.id), AWARD.state(row.state))
            for row in rows]


def register() -> None:
    """Called once by app.py."""
    related.register(of_application)
    related.register_told(applications_offered)
    register_award_panel(travel_conditions.panel)
    register_source("award.decide", to_decide)
    register_source("obligation.certify", to_certify)
    register_source("obligation.approve", to_approve)
    register_source("award.answer", to_answer)
