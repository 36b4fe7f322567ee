"""What must always be true of programmes, for `flask verify`."""

from __future__ import annotations

from sqlalchemy import select

from core.db import db
from core.verify import check
from meetings.programme.facts import digest_of
from meetings.programme.models import AgendaItem, Programme, ProgrammeVersion, Slot


@check("programme.versions")
def versions() -> tuple[int, list[str]]:
    """Versions are numbered without gaps and still say what they said: their digests agree."""
    faults: list[str] = []
    numbers: dict[object, list[int]] = {}
    rows = db.session.execute(
        select(ProgrammeVersion.programme_id, ProgrammeVersion.number, ProgrammeVersion.content,
               ProgrammeVersion.digest)).all()
    for row in rows:
        numbers.setdefault(row.programme_id, []).append(row.number)
        if digest_of(row.content) != row.digest:
            faults.append(f"programme {row.programme_id}: version {row.number} is not what was published")
    for programme_id, numbered in db.session.execute(select(Programme.id, Programme.numbered)):
        if sorted(numbers.get(programme_id, [])) != list(range(1, numbered + 1)):
            faults.append(f"programme {programme_id}: its versions are not numbered 1 to {numbered}")
    return len(rows), faults


@check("programme.items")
def items() -> tuple[int, list[str]]:
    """Slots name items of their own agenda."""
    known: dict[object, set[str]] = {}
    for row in db.session.execute(select(AgendaItem.id, AgendaItem.programme_id)):
        known.setdefault(row.programme_id, set()).add(str(row.id))
    rows = db.session.execute(select(Slot.id, Slot.programme_id, Slot.items)).all()
    return len(rows), [f"slot {row.id} names an item that its agenda does not have" for row in rows
                       if not set(row.items) <= known.get(row.programme_id, set())]
