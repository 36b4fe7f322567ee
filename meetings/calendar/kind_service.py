"""Commands on kinds of meetings: organisers add, rename and retire them; nothing is deleted, for meetings have them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from flask_babel import gettext
from sqlalchemy import func, select

from accounts.permissions import require
from core import events
from core.actor import Actor
from core.db import command, db, new_id
from core.errors import NotFound, RuleBroken, Stale
from core.text import one_line
from meetings.calendar.models import MeetingKind
from meetings.calendar.stamp import touch_calendar
from meetings.calendar.transitions import MANAGE

CODE = re.compile(r"[A-Za-z][A-Za-z0-9-]{1,19}")


@dataclass(frozen=True, slots=True)
class KindFacts:
    """What the organiser writes about a kind. `source` is the paper that made it, such as A/RES/77/71."""

    short_name: str
    name: str
    precedes: str | None = None
    offered: bool = True
    source: str | None = None


def _checked(facts: KindFacts, own: str | None) -> KindFacts:
    short, name, source = one_line(facts.short_name), one_line(facts.name), one_line(facts.source or "")
    for field, words, most in (("short_name", short, 30), ("name", name, 80), ("source", source, 300)):
        if len(words) > most:
            raise RuleBroken(gettext("Write at most %(n)s characters.", n=most), code=f"kind.{field}", field=field)
    if not short:
        raise RuleBroken(gettext("Write a short name, such as MGE."), code="kind.short_name", field="short_name")
    if not name:
        raise RuleBroken(gettext("Write the name of the kind."), code="kind.name", field="name")
    for field, words, column in (("short_name", short, MeetingKind.short_name), ("name", name, MeetingKind.name)):
        taken = select(MeetingKind.code).where(func.lower(column) == words.lower())
        if own is not None:
            taken = taken.where(MeetingKind.code != own)
        if db.session.scalar(taken) is not None:
            raise RuleBroken(gettext("Another kind has this name already."), code=f"kind.{field}_taken", field=field)
    return KindFacts(short, name, _later(facts.precedes or None, own), facts.offered, source or None)


def _later(precedes: str | None, own: str | None) -> str | None:
    met, later = set(), precedes
    while later is not None:
        row = db.session.get(MeetingKind, later)
        if row is None or later == own or later in met:
            raise RuleBroken(gettext("Choose the kind of conference that it prepares."), code="kind.precedes",
                             field="precedes")
        met.add(later)
        later = row.precedes
    return precedes


@command
def create_kind(actor: Actor, facts: KindFacts, *, code: str | None = None) -> str:
    """A kind that meetings may have from now on; its code, which never changes. Raises RuleBroken, NotAllowed."""
    require(actor, MANAGE)
    kept = _checked(facts, None)
    code = code or re.sub(r"[^A-Za-z0-9]+", "-", kept.short_name).strip("-")[:20]
    if not CODE.fullmatch(code):
        raise RuleBroken(gettext("Begin the short name with a Latin letter, such as OEWG: addresses are made of it."),
                         code="kind.code", field="short_name")
    if db.session.scalar(select(MeetingKind.code).where(func.lower(MeetingKind.code) == code.lower())) is not None:
        raise RuleBroken(gettext("Another kind has this name already."), code="kind.code_taken", field="short_name")
    position = (db.session.scalar(select(func.max(MeetingKind.position))) or 0) + 1
    db.session.add(MeetingKind(code=code, short_name=kept.short_name, name=kept.name, position=position,
                               precedes=kept.precedes, offered=kept.offered, source=kept.source, version=1))
    events.record(actor, "calendar.kind.create", "meeting_kind", new_id(), data={"code": code})
    return code


@command
def edit_kind(code: str, actor: Actor, facts: KindFacts, *, expected_version: int | None = None) -> None:
    """Rename a kind, or stop offering it for new meetings. Raises RuleBroken, NotAllowed, NotFound, Stale."""
    require(actor, MANAGE)
    row = db.session.scalar(select(MeetingKind).where(MeetingKind.code == code).with_for_update()
                            .execution_options(populate_existing=True))
    if row is None:
        raise NotFound()
    if expected_version is not None and row.version != expected_version:
        raise Stale()
    kept = _checked(facts, code)
    names = ("short_name", "name", "precedes", "offered", "source")
    changed = [name for name in names if getattr(row, name) != getattr(kept, name)]
    if not changed:
        return
    for name in changed:
        setattr(row, name, getattr(kept, name))
    row.version += 1
    events.record(actor, "calendar.kind.edit", "meeting_kind", new_id(), data={"code": code, "fields": changed})
    touch_calendar()  # feeds name the kind
