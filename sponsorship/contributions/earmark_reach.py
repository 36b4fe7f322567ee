"""Whether anybody could meet an earmark today, and what may be chosen to build one. A donor is warned, never refused:
States and meetings change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from accounts.models import Organisation, OrganisationFact
from accounts.queries import shows_demonstration
from core import clock
from core.db import db
from meetings.calendar.models import Meeting
from meetings.calendar.queries import MeetingRow, meetings_between, to_row
from meetings.calendar.words import kind_name
from sponsorship.contributions.earmark_words import FACTS, GROUPS, as_uuid
from sponsorship.ledger.earmarks import Earmark, EarmarkError, canonical

YEARS_AHEAD = 12


def meetings_to_come() -> list[MeetingRow]:
    """Meetings on the public calendar that are still to be held, in order of time."""
    year = clock.today().year
    return [row for row in meetings_between(year - 1, year + YEARS_AHEAD)
            if _to_come(row) and (shows_demonstration() or not row.is_demo)]


def _to_come(row: MeetingRow) -> bool:
    if row.phase == "undated":
        return row.year >= clock.today().year
    return row.phase in ("upcoming", "in_session", "postponed")


def doubts(predicate: Mapping[str, Any] | None) -> list[str]:
    """Why nobody meets this earmark as things stand today, in plain words; nothing when somebody may. Two queries at
    most."""
    try:
        earmark = canonical(predicate)
    except EarmarkError:
        return [_("This purpose cannot be read.")]
    if earmark is None:
        return []
    return [*_about_states(earmark), *_about_meetings(earmark)]


def _about_states(earmark: Earmark) -> list[str]:
    facts, groups, day = earmark.get("facts", []), earmark.get("group", []), clock.today()
    if not facts and not groups:
        return []
    wanted = select(Organisation.id).where(Organisation.kind.in_(("state", "observer")))
    if not shows_demonstration():
        wanted = wanted.where(Organisation.is_demo.is_(False))
    if facts:
        wanted = wanted.where(_holds(OrganisationFact.fact.in_(facts), day))
    if groups:
        wanted = wanted.where(_holds((OrganisationFact.fact == "group") & OrganisationFact.value.in_(groups), day))
    if db.session.scalar(wanted.limit(1)) is not None:
        return []
    chosen = [_(" or ").join(str(words[code]) for code in codes)
              for words, codes in ((FACTS, facts), (GROUPS, groups)) if codes]
    return [_("As of today there is no State of this description: %(conditions)s.", conditions=_(", ").join(chosen))]


def _holds(condition: Any, day: date) -> Any:
    return (
        select(OrganisationFact.id)
        .where(OrganisationFact.organisation_id == Organisation.id, condition, OrganisationFact.valid_from <= day,
               OrganisationFact.valid_to.is_(None) | (OrganisationFact.valid_to > day)).exists()
    )


def _about_meetings(earmark: Earmark) -> list[str]:
    keys, kinds = earmark.get("meeting", []), earmark.get("kind", [])
    if not keys and not kinds:
        return []
    rows = _announced(keys, kinds)
    if keys:
        named = [row for row in rows if row.slug in keys or str(row.id) in keys]
        coming = [row for row in named if _to_come(row)]
        if not coming:
            return [_gone(row) for row in named] or [_("The meeting chosen is not on the public calendar.")]
        if kinds and not any(row.kind in kinds for row in coming):
            return [_("The meeting chosen is not of the kind chosen.")]
        return []
    if any(_to_come(row) for row in rows):
        return []
    names = _(" or ").join(kind_name(kind) for kind in kinds)
    return [_("No meeting of this kind is to come on the public calendar: %(kind)s.", kind=names)]


def _announced(keys: Iterable[str], kinds: Iterable[str]) -> list[MeetingRow]:
    known = [found for key in keys if (found := as_uuid(key)) is not None]
    rows = db.session.scalars(select(Meeting).where(
        Meeting.slug.in_(list(keys)) | Meeting.id.in_(known) | Meeting.kind.in_(list(kinds)),
        Meeting.announced_at.is_not(None)).order_by(Meeting.year, Meeting.id))
    return [to_row(row, reveal=False) for row in rows]


def _gone(row: MeetingRow) -> str:
    if row.phase == "cancelled":
        return _("%(meeting)s has been cancelled.", meeting=row.short_name)
    return _("%(meeting)s is over.", meeting=row.short_name)
