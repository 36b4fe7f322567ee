"""Figures of meetings that are over. Settled ones are kept as sums (keeping.py), the others are counted now: so what a
page costs follows what is open, not what ever was."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import and_, case, select, true

from core.db import db
from core.errors import NotFound
from core.money import Money, usd
from meetings.calendar.models import Meeting
from meetings.calendar.queries import MeetingRow, get_meeting, meetings_by_id
from sponsorship.transparency.journeys import MeetingSums, sums_of
from sponsorship.transparency.models import MeetingFigure, PoolBar
from sponsorship.transparency.privacy import LEAST_STATES, Crowd, GroupLine, balance, by_group, may_tell


@dataclass(frozen=True, slots=True)
class SponsoredMeeting:
    """One meeting that is over, as it may be told. `days` are delegates times working days. Amounts are None where
    `withheld` says why: open (payments still open), pending (settled, its sums not yet kept), few (too few States),
    sheltering (the total less it would tell of another meeting's few States), revised (a payment came back or was made
    after it was settled)."""

    meeting: MeetingRow
    delegates: int
    states: int
    days: int
    settled: bool
    sexes: tuple[int, int] | None
    groups: tuple[GroupLine, ...]
    direct: Money | None
    support: Money | None
    withheld: str

    @property
    def average(self) -> Money | None:
        """The mean direct cost of a journey to the cent, half a cent up."""
        if self.direct is None:
            return None
        return usd((2 * self.direct.minor + self.delegates) // (2 * self.delegates))


@dataclass(frozen=True)
class Meetings:
    """Every meeting that is over and had sponsored delegates: `order` is the latest first. What all have in common;
    rows are read for those shown (`rows_of`). `live` are the sums of meetings that are counted now, those to come
    included; `told` those whose amounts may be told, `averaged` the latest of them."""

    order: tuple[uuid.UUID, ...]
    ends: Mapping[uuid.UUID, date]
    delegates: int
    told: frozenset[uuid.UUID]
    live: Mapping[uuid.UUID, MeetingSums]
    live_rows: Mapping[uuid.UUID, MeetingRow]

    @property
    def averaged(self) -> uuid.UUID | None:
        return next((key for key in self.order if key in self.told), None)

    def ended_in(self, year: int) -> list[uuid.UUID]:
        """Those whose last day fell in this year."""
        return [key for key in self.order if self.ends[key].year == year]


def read_meetings(include_demo: bool = True) -> Meetings:
    """A fixed number of queries, whatever the number of meetings."""
    shown = true() if include_demo else Meeting.is_demo.is_(False)
    days: dict[uuid.UUID, date | None] = {row.id: row.start_date for row in db.session.execute(
        select(Meeting.id, Meeting.start_date).outerjoin(MeetingFigure, _fresh())
        .where(MeetingFigure.meeting_id.is_(None), shown))}
    live = sums_of(days)
    live_rows = {key: row for key, row in meetings_by_id(live, reveal=False).items()
                 if row.phase == "held" and live[key].delegates}
    kept = db.session.execute(
        select(MeetingFigure.meeting_id, MeetingFigure.delegates, MeetingFigure.states, MeetingFigure.revised,
               case((MeetingFigure.states < LEAST_STATES, MeetingFigure.few)).label("few"), MeetingFigure.first_year,
               MeetingFigure.last_year, Meeting.end_date)
        .join(Meeting, _fresh()).where(MeetingFigure.delegates > 0, Meeting.announced_at.is_not(None), shown)
    ).all()
    told = may_tell({row.meeting_id: Crowd(row.states, frozenset(row.few or ())) for row in kept},
                    {row.meeting_id: range(row.first_year, row.last_year + 1) for row in kept})
    ends = {row.meeting_id: row.end_date or date.min for row in kept}
    ends |= {key: row.end_date or date.min for key, row in live_rows.items()}
    return Meetings(
        tuple(sorted(ends, key=lambda key: (ends[key], str(key)), reverse=True)), ends,
        sum(row.delegates for row in kept) + sum(live[key].delegates for key in live_rows),
        frozenset(told - {row.meeting_id for row in kept if row.revised}), live, live_rows,
    )


def _fresh() -> Any:
    return and_(MeetingFigure.meeting_id == Meeting.id, MeetingFigure.stale.is_(False))


def rows_of(meetings: Meetings, wanted: Sequence[uuid.UUID]) -> list[SponsoredMeeting]:
    """These meetings in the order given, those that are not over or had nobody left out. Two queries."""
    known = set(meetings.order)
    keys = [key for key in wanted if key in known]
    figures = {f.meeting_id: f for f in db.session.scalars(
        select(MeetingFigure).where(MeetingFigure.meeting_id.in_([k for k in keys if k not in meetings.live_rows])))}
    rows = {**meetings.live_rows, **meetings_by_id(figures, reveal=False)}
    return [
        _kept(rows[key], figures[key], key in meetings.told) if key in figures
        else _counted(rows[key], meetings.live[key])
        for key in keys if key in rows
    ]


def _kept(meeting: MeetingRow, row: MeetingFigure, told: bool) -> SponsoredMeeting:
    return SponsoredMeeting(
        meeting, row.delegates, row.states, row.delegates * meeting.workdays, True,
        balance(row.women, row.men, row.delegates - row.women - row.men), _groups(row.groups),
        usd(row.direct_minor) if told else None, usd(row.support_minor) if told else None,
        "" if told else _why(row),
    )


def _why(row: MeetingFigure) -> str:
    if row.states < LEAST_STATES:
        return "few"
    return "revised" if row.revised else "sheltering"


def _counted(meeting: MeetingRow, sums: MeetingSums) -> SponsoredMeeting:
    return SponsoredMeeting(
        meeting, sums.delegates, sums.states.count, sums.delegates * meeting.workdays, not sums.open,
        balance(sums.women, sums.men, sums.delegates - sums.women - sums.men), _groups(sums.groups), None, None,
        "open" if sums.open else "pending",
    )


def _groups(counts: Mapping[str, Sequence[int]]) -> tuple[GroupLine, ...]:
    return by_group({group: (delegates, states) for group, (delegates, states) in counts.items()})


def sponsored_meeting(slug: str, include_demo: bool = True) -> SponsoredMeeting:
    """The meeting with this address. Raises NotFound where it is not over, or nobody was sponsored."""
    meeting = get_meeting(slug)
    found = rows_of(read_meetings(include_demo), [meeting.id])
    if not found:
        raise NotFound()
    return found[0]


def barred_pools(meetings: Meetings) -> set[uuid.UUID]:
    """Pools whose use may not be told: those barred for good at a settled meeting, and those that meetings counted now
    would bar. One query."""
    barred = set(db.session.scalars(select(PoolBar.pool_id)))
    for sums in meetings.live.values():
        barred |= bars_of(sums, barred)
    return barred


def bars_of(sums: MeetingSums, barred: set[uuid.UUID]) -> set[uuid.UUID]:
    """Pools whose use one meeting forbids to tell. Each pool's part of the meeting, and what the pools not told have of
    it together, is nothing or stands for three States: taken off the meeting's total, no pool's figure leaves fewer."""
    crowds = {pool: Crowd.of(states) for pool, states in sums.reach.items()}
    told = may_tell(crowds, never=barred)
    return {pool for pool in crowds if pool not in told}
