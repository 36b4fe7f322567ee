"""How the ledger's pages name the awards that its entries are about."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from flask import url_for
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from accounts.current import current_actor
from accounts.permissions import allows
from core.db import db
from sponsorship.awards.models import Award
from sponsorship.ledger import words


def _awards(ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, words.Named]:
    rows = db.session.execute(select(Award.id, Award.reference).where(Award.id.in_(set(ids))))
    may = allows(current_actor(), "award.view_all")
    return {row.id: (row.reference, url_for("awards.award_page", id=row.id) if may else None) for row in rows}


def register() -> None:
    words.describe_subjects("award", _l("Award"), _awards)
