"""What waits in this room, for My desk."""

from __future__ import annotations

from datetime import timedelta

from flask import url_for
from flask_babel import gettext as _

from accounts import request_queries
from accounts.desk import DeskItem, register_source
from core.actor import Actor

REVIEW_WITHIN = timedelta(days=3)  # a mission should not wait longer for its account [P: a setting of the secretariat]


def requests_to_review(_actor: Actor) -> list[DeskItem]:
    """Account requests that nobody has decided yet."""
    return [
        DeskItem(
            title=_("Account of %(state)s", state=row.organisation),
            url=url_for("accounts.request_page", request_id=row.id), due=row.received_at + REVIEW_WITHIN,
            what=_("Check the letter with the mission, then accept or return it"), reference=row.reference,
        )
        for row in request_queries.requests_waiting()
    ]


def register() -> None:
    """Offer these to My desk."""
    register_source("account.request.review", requests_to_review)
