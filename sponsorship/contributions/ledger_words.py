"""How the ledger's pages name what this room's entries are about, and read earmarks."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from flask import url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from accounts.current import current_actor
from accounts.permissions import allows
from core.db import db
from sponsorship.contributions.back_models import Dispute, Refund
from sponsorship.contributions.earmark_words import earmark_words, names_of_meetings
from sponsorship.contributions.models import Contribution
from sponsorship.ledger import words
from sponsorship.ledger.words import Named


def _address(contribution_id: uuid.UUID) -> str | None:
    if not allows(current_actor(), "contribution.view_all"):
        return None
    return url_for("contributions.contribution", contribution_id=contribution_id)


def _contributions(ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, Named]:
    rows = db.session.execute(select(Contribution.id, Contribution.reference).where(Contribution.id.in_(set(ids))))
    return {row.id: (row.reference, _address(row.id)) for row in rows}


def _refunds(ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, Named]:
    return {key: (_("Refund of %(contribution)s", contribution=reference), address)
            for key, reference, address in _of(Refund, ids)}


def _disputes(ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, Named]:
    return {key: (_("Dispute over %(contribution)s", contribution=reference), address)
            for key, reference, address in _of(Dispute, ids)}


def _of(model: type[Refund] | type[Dispute], ids: Iterable[uuid.UUID]) -> list[tuple[uuid.UUID, str, str | None]]:
    """(identifier, reference of its contribution, that one's address)."""
    rows = db.session.execute(
        select(model.id, Contribution.id, Contribution.reference)
        .join(Contribution, Contribution.id == model.contribution_id).where(model.id.in_(set(ids))))
    return [(key, reference, _address(contribution_id)) for key, contribution_id, reference in rows]


def _earmarks(found: Sequence[Mapping[str, Any] | None]) -> list[str]:
    names = names_of_meetings(found)
    return [earmark_words(earmark, names) for earmark in found]


def register() -> None:
    words.describe_subjects("contribution", _l("Contribution"), _contributions)
    words.describe_subjects("refund", _l("Refund"), _refunds)
    words.describe_subjects("dispute", _l("Dispute"), _disputes)
    words.describe_earmarks(_earmarks)
