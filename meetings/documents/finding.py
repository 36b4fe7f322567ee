"""Documents among what the search finds: by symbol, by title in any of their languages, by type."""

from __future__ import annotations

from collections.abc import Sequence

from flask import url_for
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from accounts.permissions import allows
from core.actor import Actor
from core.db import db
from core.web.formats import format_day
from meetings.calendar.queries import meetings_by_id
from meetings.calendar.search import Hit, fold, register_search, score
from meetings.documents.models import Document, DocumentVersion
from meetings.documents.queries import seen
from meetings.documents.transitions import DOCUMENT, MANAGE
from meetings.documents.words import TYPES


def find(words: tuple[str, ...], actor: Actor, most: int) -> tuple[Sequence[Hit], int]:
    """The best hits and how many there are. Three queries; documents of meetings that are not announced are for
    organisers."""
    reveal = allows(actor, MANAGE)
    rows = db.session.execute(
        select(Document.id, Document.meeting_id, Document.symbol, Document.title, Document.type, Document.state,
               Document.issued_on).where(seen(reveal))).all()
    titles: dict[object, list[str]] = {}
    for document_id, title in db.session.execute(
        select(DocumentVersion.document_id, DocumentVersion.title)
        .where(DocumentVersion.removed_at.is_(None), DocumentVersion.title.is_not(None))
    ):
        titles.setdefault(document_id, []).append(title or "")
    scored = []
    for row in rows:
        points = score(words, [
            (8, fold(row.symbol or "")), (5, fold(" ".join((row.title, *titles.get(row.id, ()))))),
            (3, fold(str(TYPES[row.type])))])
        if points:
            scored.append((points, row.issued_on.toordinal() if row.issued_on else 0, row))
    known = meetings_by_id({row.meeting_id for _points, _day, row in scored}, reveal=reveal)
    scored = [one for one in scored if one[2].meeting_id in known]
    scored.sort(key=lambda one: (-one[0], -one[1], one[2].id))
    return [Hit(
        row.symbol or row.title,
        url_for("documents.document", slug=known[row.meeting_id].slug, document_id=row.id),
        row.title if row.symbol else known[row.meeting_id].short_name,
        format_day(row.issued_on) if row.issued_on else "",
        DOCUMENT.state(row.state) if row.state != "issued" else None,
    ) for _points, _day, row in scored[:most]], len(scored)


def register() -> None:
    """Called once by app.py."""
    register_search("documents", _l("Documents"), find, order=50)
