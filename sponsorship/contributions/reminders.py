"""Reminders of what donors promised: by schedule, one letter to a donor for all of its pledges, capped.

An instalment is recalled on fixed days around its due day; a donor is never written to twice within the gap, nor while
a payment is under way. A deferral moves the due day, and the reminders with it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import Select, func, select

from core import vault
from core.db import db
from core.money import Money
from sponsorship.contributions.models import Contribution, Instalment, Pledge
from sponsorship.contributions.reminder_settings import reached, reminder_days, reminder_gap
from sponsorship.contributions.transitions import LIVE, OPEN

MAX_PLEDGES = 10_000


@dataclass(frozen=True)
class Donor:
    """Who is written to: an organisation, or whoever answers at one address for pledges without an account. `id` is the
    organisation's, or that of the oldest of those pledges."""

    id: uuid.UUID
    organisation_id: uuid.UUID | None
    email: str | None = None


@dataclass(frozen=True)
class Recalled:
    """One pledge in a letter: the instalment that is due next, and what of it is still to be paid."""

    pledge: Pledge
    due_on: date
    left: Money
    step: int

    @property
    def is_new(self) -> bool:
        """Whether a reminder of it has its day and was not sent."""
        return self.step > self.pledge.reminders


@dataclass(frozen=True)
class Letter:
    """What would be recalled to a donor in one letter. `not_before`: the donor was written to lately."""

    donor: Donor
    lines: tuple[Recalled, ...]
    not_before: datetime | None

    def may_leave(self, now: datetime) -> bool:
        """Whether it is to be sent at `now`."""
        return any(line.is_new for line in self.lines) and (self.not_before is None or self.not_before <= now)

    def next_on(self, line: Recalled, days: Sequence[int], day: date) -> date | None:
        """The day on which a line is recalled next, seen from `day`; None when all its reminders have been sent."""
        first = day if line.is_new else line.due_on + timedelta(days=days[line.step]) if line.step < len(days) else None
        return None if first is None else max(first, self.not_before.date()) if self.not_before else first

    def since(self, days: Sequence[int]) -> datetime:
        """The instant since which it is due."""
        fell = min(line.due_on + timedelta(days=days[line.step - 1]) for line in self.lines if line.is_new)
        return max(datetime.combine(fell, time(), UTC), self.not_before or datetime.min.replace(tzinfo=UTC))


# --- what there is to recall ------------------------------------------------------------------------------------
def _recallable(until: date) -> Select[Pledge, int]:
    """Pledges with an instalment due until that day, of which no payment is under way; and what the donor promised to
    have paid by that instalment's day (days are in order within a schedule)."""
    under_way = select(Contribution.id).where(
        Contribution.pledge_id == Pledge.id, Contribution.state.in_(LIVE)).exists()
    by_then = (
        select(func.sum(Instalment.amount_minor))
        .where(Instalment.pledge_id == Pledge.id, Instalment.schedule == Pledge.schedule,
               Instalment.due_on <= Pledge.next_due_on).scalar_subquery()
    )
    return select(Pledge, by_then).where(
        Pledge.state.in_(OPEN), Pledge.next_due_on <= until, Pledge.current_minor > Pledge.paid_minor, ~under_way)


def letters(day: date, only: Donor | None = None, ahead: int = 0) -> list[Letter]:
    """A letter for each donor with something to recall on `day`, whether or not it is to be sent now; `ahead` looks so
    many days further. A fixed number of queries."""
    days, gap = reminder_days(), reminder_gap()
    until = day + timedelta(days=max(-days[0], 0) + ahead)
    wanted = _recallable(until).order_by(Pledge.next_due_on, Pledge.id)
    if only is not None:
        wanted = wanted.where(Pledge.organisation_id == only.organisation_id if only.organisation_id is not None
                              else Pledge.organisation_id.is_(None))
    promised = {pledge: int(by_then) for pledge, by_then in db.session.execute(wanted.limit(MAX_PLEDGES))}
    found: dict[Donor, tuple[Recalled, ...]] = {}
    for donor, own in _by_donor(promised):
        if only is None or (donor.organisation_id, donor.email) == (only.organisation_id, only.email):
            found[donor] = tuple(
                Recalled(p, p.next_due_on, Money(promised[p] - p.paid_minor, p.currency),
                         reached(p.next_due_on, day, days)) for p in own if p.next_due_on is not None)
    last = _last_written(found, datetime.combine(day, time(), UTC) - gap)
    return [Letter(donor, lines, last[donor] + gap if donor in last else None) for donor, lines in found.items()]


def _by_donor(pledges: Iterable[Pledge]) -> list[tuple[Donor, list[Pledge]]]:
    """Pledges by whom they bind; those without an account by their address. Erased donors are left out."""
    groups: dict[tuple[uuid.UUID | None, str | None], list[Pledge]] = {}
    rows = list(pledges)
    vault.preload(p.id for p in rows if p.organisation_id is None)
    for pledge in rows:
        email = None
        if pledge.organisation_id is None:
            email = (vault.unseal(pledge.id, pledge.donor_email_sealed) or "").lower()
            if not email:
                continue
        groups.setdefault((pledge.organisation_id, email), []).append(pledge)
    return [(Donor(organisation or min(p.id for p in own), organisation, email), own)
            for (organisation, email), own in groups.items()]


def _last_written(donors: Iterable[Donor], since: datetime) -> dict[Donor, datetime]:
    """When each donor was last reminded of anything, where that was after `since`; two queries."""
    wanted = list(donors)
    lately = Pledge.reminded_at > since
    by_organisation = {donor.organisation_id: donor for donor in wanted if donor.organisation_id is not None}
    found: dict[Donor, datetime] = {}
    for organisation, at in db.session.execute(
            select(Pledge.organisation_id, func.max(Pledge.reminded_at))
            .where(Pledge.organisation_id.in_(by_organisation), lately).group_by(Pledge.organisation_id)):
        if organisation is not None and at is not None:
            found[by_organisation[organisation]] = at
    by_email = {donor.email: donor for donor in wanted if donor.organisation_id is None}
    if by_email:
        for donor, own in _by_donor(db.session.scalars(select(Pledge).where(Pledge.organisation_id.is_(None), lately))):
            if donor.email in by_email:
                found[by_email[donor.email]] = max(p.reminded_at for p in own if p.reminded_at is not None)
    return found


def donor_by_id(donor_id: uuid.UUID) -> Donor | None:
    """The donor that an item of the schedule stands for; None when there is none any more."""
    pledge = db.session.get(Pledge, donor_id)
    if pledge is None:
        return Donor(donor_id, donor_id)
    email = vault.unseal(pledge.id, pledge.donor_email_sealed)
    return Donor(pledge.id, None, email.lower()) if email else None


def unanswered() -> Select[Pledge]:
    """Pledges whose reminders have all been sent, and that are still unpaid."""
    return select(Pledge).where(Pledge.state == "overdue", Pledge.reminders >= len(reminder_days()))
