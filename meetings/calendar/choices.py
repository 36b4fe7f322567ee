"""What fields and filters of the calendar offer to choose from."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from sqlalchemy import select

from accounts.models import Organisation
from accounts.queries import list_states
from core.db import db
from meetings.calendar.models import Mandate, Meeting, MeetingKind
from meetings.calendar.queries import MeetingRow, visible
from meetings.calendar.words import kind_name


@dataclass(frozen=True, slots=True)
class Choices:
    """What the filters above the list offer: only what occurs."""

    kinds: tuple[tuple[str, str], ...]
    years: tuple[int, ...]
    cities: tuple[str, ...]
    online: bool


def list_choices(*, reveal: bool = False) -> Choices:
    """One query over the distinct combinations of kind, year, city and mode."""
    found = db.session.execute(
        select(MeetingKind.position, MeetingKind.code, MeetingKind.name, Meeting.year, Meeting.city, Meeting.mode)
        .join(Meeting, Meeting.kind == MeetingKind.code).where(visible(reveal)).distinct()
    ).all()
    kinds = sorted({(f.position, f.code, f.name) for f in found})
    return Choices(
        tuple((code, kind_name(code, name)) for _position, code, name in kinds),
        tuple(sorted({f.year for f in found}, reverse=True)),
        tuple(sorted({f.city for f in found if f.city})),
        any(f.mode == "virtual" for f in found),
    )


def states_for_choice() -> list[tuple[str, str]]:
    """States and observers as (ISO alpha-2, name), in the order of the reader's language. Two queries."""
    codes = {row.id: row.iso2 for row in db.session.execute(
        select(Organisation.id, Organisation.iso2).where(Organisation.iso2.is_not(None)))}
    return [(codes[state.id], state.name) for state in list_states() if state.id in codes]


def all_kinds() -> list[MeetingKind]:
    """Every kind with what is known of it, in order. One query."""
    return list(db.session.scalars(select(MeetingKind).order_by(MeetingKind.position)))


def mandates_to_precede(but: uuid.UUID | None) -> list[tuple[str, str]]:
    """Mandates that another one may precede, as (id, words). One query."""
    rows = db.session.execute(
        select(Mandate.id, Mandate.resolution, Mandate.paragraph, Mandate.year_read, Mandate.kind, MeetingKind.name)
        .join(MeetingKind, MeetingKind.code == Mandate.kind).where(Mandate.withdrawn_at.is_(None))
        .order_by(Mandate.adopted_on, Mandate.position)).all()
    return [(str(r.id), f"{r.resolution}, {r.paragraph}: {kind_name(r.kind, r.name)} {r.year_read}")
            for r in rows if r.id != but]


def meetings_to_answer(meetings: list[MeetingRow]) -> list[tuple[str, str]]:
    """Meetings that may answer a mandate, the latest first, as (id, words)."""
    return [(str(m.id), m.label) for m in reversed(meetings) if not m.is_demo]
