"""Commands on mandates: what a paragraph of a resolution or decision asks for, as organisers record it from the paper,
and which meetings answer it. A mandate that was recorded by mistake is withdrawn with a reason, never deleted."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import gettext
from sqlalchemy import delete, func, select

from accounts.permissions import require
from core import clock, events
from core.actor import Actor
from core.db import command, db, lock, new_id
from core.errors import RuleBroken
from core.text import one_line, seen
from meetings.calendar.models import Mandate, MandateMeeting, Meeting, MeetingKind
from meetings.calendar.transitions import MANAGE

READ_IN = ("ar", "zh", "en", "fr", "ru", "es", "all")  # `all`: all six were compared
FIRST_YEAR, LAST_YEAR = 1990, 2100


@dataclass(frozen=True, slots=True)
class MandateFacts:
    """What the organiser writes about a mandate. `year_printed` is what the paper says, `year_read` what it means."""

    resolution: str
    adopted_on: date | None
    paragraph: str
    kind: str
    year_printed: int | None
    language_read: str
    year_read: int | None = None
    year_reason: str | None = None
    start_printed: date | None = None
    end_printed: date | None = None
    weeks: int | None = None
    place: str | None = None
    early: bool = False
    precedes_id: uuid.UUID | None = None
    rests_on: str | None = None
    note: str | None = None
    source_url: str | None = None
    meeting_ids: tuple[uuid.UUID, ...] = ()


def _broken(field: str, message: str) -> RuleBroken:
    return RuleBroken(message, code=f"mandate.{field}", field=field)


def _text(value: str | None, field: str, most: int, missing: str | None = None) -> str | None:
    words = one_line(value or "")
    if not words:
        if missing is not None:
            raise _broken(field, missing)
        return None
    if len(words) > most:
        raise _broken(field, gettext("Write at most %(n)s characters.", n=most))
    return words


def _year(value: int | None, field: str) -> int:
    if value is None or not FIRST_YEAR <= value <= LAST_YEAR:
        raise _broken(field, gettext("Write a year from 1990 to 2100."))
    return value


def _checked(facts: MandateFacts, own: uuid.UUID | None) -> dict[str, Any]:
    """The columns, or RuleBroken on the field that can put it right."""
    values: dict[str, Any] = {
        "resolution": _text(facts.resolution, "resolution", 40, gettext("Write its number, such as 68/48.")),
        "paragraph": _text(facts.paragraph, "paragraph", 20, gettext("Write the paragraph, such as 5.")),
        "rests_on": _text(facts.rests_on, "rests_on", 200), "place": _text(facts.place, "place", 120),
        "source_url": _text(facts.source_url, "source_url", 400),
        "year_printed": _year(facts.year_printed, "year_printed"),
    }
    values["year_read"] = _year(facts.year_read or facts.year_printed, "year_read")
    reason = seen(facts.year_reason or "").strip() or None
    if values["year_read"] != values["year_printed"] and reason is None:
        raise _broken("year_reason", gettext("Say why another year is read than the one printed."))
    if facts.adopted_on is None:
        raise _broken("adopted_on", gettext("Write the day of its adoption."))
    if db.session.get(MeetingKind, facts.kind) is None:
        raise _broken("kind", gettext("Choose a kind."))
    if (facts.start_printed is None) != (facts.end_printed is None):
        missing = "start_printed" if facts.start_printed is None else "end_printed"
        raise _broken(missing, gettext("Write both days, or neither."))
    if facts.start_printed and facts.end_printed and facts.end_printed < facts.start_printed:
        raise _broken("end_printed", gettext("The last day must not come before the first."))
    if facts.weeks is not None and not 1 <= facts.weeks <= 8:
        raise _broken("weeks", gettext("Write a number from %(low)s to %(high)s.", low=1, high=8))
    if facts.language_read not in READ_IN:
        raise _broken("language_read", gettext("Say in which language the paper was read."))
    if values["source_url"] and not values["source_url"].startswith(("https://", "http://")):
        raise _broken("source_url", gettext("Write an address that begins with https://."))
    _check_later(facts.precedes_id, own)
    return values | {
        "year_reason": reason, "adopted_on": facts.adopted_on, "kind": facts.kind, "weeks": facts.weeks,
        "start_printed": facts.start_printed, "end_printed": facts.end_printed,
        "timing": "early" if facts.early else None, "precedes_id": facts.precedes_id,
        "language_read": facts.language_read, "note": seen(facts.note or "").strip() or None,
    }


def _check_later(later: uuid.UUID | None, own: uuid.UUID | None) -> None:
    """The mandate that this one precedes exists, and does not precede this one in turn."""
    met: set[uuid.UUID] = set()
    while later is not None:
        row = db.session.get(Mandate, later)
        if row is None or row.withdrawn_at is not None or later == own or later in met:
            raise _broken("precedes_id", gettext("Choose a mandate that this one precedes."))
        met.add(later)
        later = row.precedes_id


def _link(mandate_id: uuid.UUID, meeting_ids: Iterable[uuid.UUID]) -> bool:
    wanted = set(meeting_ids)
    known = set(db.session.scalars(select(Meeting.id).where(Meeting.id.in_(wanted)))) if wanted else set()
    if known != wanted:
        raise _broken("meeting_ids", gettext("Choose among the meetings of the calendar."))
    before = set(db.session.scalars(select(MandateMeeting.meeting_id).where(MandateMeeting.mandate_id == mandate_id)))
    if gone := before - wanted:
        db.session.execute(delete(MandateMeeting).where(
            MandateMeeting.mandate_id == mandate_id, MandateMeeting.meeting_id.in_(gone)))
    for meeting_id in sorted(wanted - before):
        db.session.add(MandateMeeting(mandate_id=mandate_id, meeting_id=meeting_id))
    return before != wanted


@command
def create_mandate(actor: Actor, facts: MandateFacts) -> uuid.UUID:
    """Record a mandate from its paper. Raises RuleBroken, NotAllowed."""
    require(actor, MANAGE)
    values = _checked(facts, None)
    key = new_id()
    position = (db.session.scalar(select(func.max(Mandate.position)).where(
        Mandate.resolution == values["resolution"])) or 0) + 1
    db.session.add(Mandate(id=key, key=f"own-{key.hex}", version=1, position=position, **values))
    db.session.flush()
    _link(key, facts.meeting_ids)
    events.record(actor, "calendar.mandate.create", "mandate", key,
                  data={"kind": facts.kind, "year": values["year_read"], "meetings": len(facts.meeting_ids)})
    return key


@command
def edit_mandate(
    mandate_id: uuid.UUID, actor: Actor, facts: MandateFacts, *, expected_version: int | None = None
) -> None:
    """Put right what was recorded. The event names the fields that changed. Raises RuleBroken, NotAllowed, Stale."""
    require(actor, MANAGE)
    mandate = lock(Mandate, mandate_id, expected_version)
    if mandate.withdrawn_at is not None:
        raise RuleBroken(gettext("This mandate was withdrawn. Record it anew."), code="mandate.withdrawn")
    values = _checked(facts, mandate_id)
    changed = sorted(name for name, value in values.items() if getattr(mandate, name) != value)
    for name in changed:
        setattr(mandate, name, values[name])
    if _link(mandate_id, facts.meeting_ids):
        changed.append("meetings")
    if changed:
        mandate.version += 1
        events.record(actor, "calendar.mandate.edit", "mandate", mandate_id, data={"fields": changed})


@command
def withdraw_mandate(
    mandate_id: uuid.UUID, actor: Actor, reason: str, *, expected_version: int | None = None
) -> None:
    """Take a mandate out of the check, with a reason; its record stays. Raises RuleBroken, NotAllowed, Stale."""
    require(actor, MANAGE)
    mandate = lock(Mandate, mandate_id, expected_version)
    words = _text(reason, "reason", 500, gettext("Write why it is withdrawn."))
    if mandate.withdrawn_at is not None:
        return
    leaning = db.session.scalar(select(Mandate.id).where(
        Mandate.precedes_id == mandate_id, Mandate.withdrawn_at.is_(None)).limit(1))
    if leaning is not None:
        raise RuleBroken(gettext("Another mandate precedes this one. Change that one first."),
                         code="mandate.leaned_on", field="reason")
    mandate.withdrawn_at, mandate.withdrawn_because, mandate.version = clock.now(), words, mandate.version + 1
    events.record(actor, "calendar.mandate.withdraw", "mandate", mandate_id, text=words)
