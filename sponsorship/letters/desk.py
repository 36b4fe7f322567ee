"""Letters on the desk of whoever signs them, and on the pages of the application and the award they are about."""

from __future__ import annotations

import uuid

from flask import url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import select

from accounts.desk import DeskItem, register_source
from core.actor import Actor
from core.db import db
from core.web.formats import format_day
from sponsorship.applications import related
from sponsorship.applications.related import Related
from sponsorship.awards.models import Award
from sponsorship.awards.panels import Panel, register_award_panel
from sponsorship.letters.queries import letters_of, waiting_by_call
from sponsorship.letters.words import KIND_LABELS


def to_sign(actor: Actor) -> list[DeskItem]:
    """One entry for each call under which letters wait."""
    return [
        DeskItem(ngettext("%(num)s letter to a State", "%(num)s letters to States", call.count),
                 url_for("letters.prepare", id=call.call_id), call.by, _("Look through the letters and sign them"),
                 call.reference)
        for call in waiting_by_call()
    ]


def of_application(application_id: uuid.UUID, actor: Actor) -> list[Related]:
    """Letters about an application that this reader may have."""
    return [
        Related(_("Letter of %(day)s, %(kind)s", day=format_day(row.signed_at.date()), kind=KIND_LABELS[row.kind]),
                row.reference, url_for("letters.letter", id=row.id))
        for row in letters_of(actor, application_id=application_id)
    ]


def award_panel(award_id: uuid.UUID, actor: Actor) -> Panel | None:
    """The letters about the application of an award, on the award's page."""
    application_id = db.session.scalar(select(Award.application_id).where(Award.id == award_id))
    rows = letters_of(actor, application_id=application_id) if application_id else []
    return Panel("letters/_award_panel.html", {"letters": rows, "kinds": KIND_LABELS}) if rows else None


def register() -> None:
    """Called once by app.py."""
    register_source("letter.sign", to_sign)
    related.register(of_application)
    register_award_panel(award_panel)
