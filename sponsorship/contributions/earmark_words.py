"""Earmarks in plain words, as donors, officers and the public read them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from core.db import db
from meetings.calendar.models import Meeting
from meetings.calendar.words import kind_name
from sponsorship.ledger.earmarks import EarmarkError, canonical

FACTS = {
    "ldc": _l("from least developed countries"),
    "lldc": _l("from landlocked developing countries"),
    "sids": _l("from small island developing States"),
}
GROUPS = {
    "African": _l("from African States"),
    "Asia-Pacific": _l("from Asia-Pacific States"),
    "Eastern European": _l("from Eastern European States"),
    "GRULAC": _l("from Latin American and Caribbean States"),
    "WEOG": _l("from Western European and other States"),
}
SEXES = {"female": _l("who are women"), "male": _l("who are men")}


def unearmarked_words() -> str:
    """What donors read of money without an earmark, wherever they choose or read it."""
    return _("Where it is needed most (unearmarked)")


def earmark_words(earmark: Mapping[str, Any] | None, meeting_names: Mapping[str, str] | None = None) -> str:
    """What the money may be used for. `meeting_names` has the names of meetings by slug and by identifier; looked up
    when not given. A condition not understood is named as the agreement's."""
    if not earmark:
        return unearmarked_words()
    names = names_of_meetings([earmark]) if meeting_names is None else meeting_names
    try:
        conditions = canonical(earmark) or {}
    except EarmarkError:
        return _("For delegates %(conditions)s", conditions=_("as its agreement says"))
    parts = [_or([_value(condition, value, names) for value in values]) for condition, values in conditions.items()]
    return _("For delegates %(conditions)s", conditions=_(", ").join(parts))


def _value(condition: str, value: str, meeting_names: Mapping[str, str]) -> str:
    if condition == "meeting":
        return _("to %(meeting)s", meeting=meeting_names.get(value, value))
    if condition == "kind":
        return _("to meetings of the kind: %(kind)s", kind=kind_name(value))
    return str({"facts": FACTS, "group": GROUPS, "sex": SEXES}[condition][value])


def _or(words: list[str]) -> str:
    return words[0] if len(words) == 1 else _(" or ").join(words)


def names_of_meetings(earmarks: Iterable[Mapping[str, Any] | None]) -> dict[str, str]:
    """Short names of the announced meetings that earmarks name, by slug and by identifier. One query at most."""
    keys = {str(value) for earmark in earmarks for value in _listed((earmark or {}).get("meeting"))}
    if not keys:
        return {}
    known = [found for key in keys if (found := as_uuid(key)) is not None]
    named = Meeting.slug.in_(keys) | Meeting.id.in_(known)
    rows = db.session.execute(
        select(Meeting.id, Meeting.slug, Meeting.short_name).where(named, Meeting.announced_at.is_not(None))
    )
    return {key: row.short_name for row in rows for key in (row.slug, str(row.id))}


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [] if value is None else [value]


def as_uuid(text: str) -> uuid.UUID | None:
    """The identifier that a text is, if it is one."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
