"""Pledges for pages: lists with filters and totals, what is due, earlier schedules, what payments were worth."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, select

from accounts.queries import names
from core.db import db
from core.events import History
from core.money import Money, usd
from core.web.tables import TableQuery
from sponsorship.contributions.earmark_words import unearmarked_words
from sponsorship.contributions.models import Instalment, Pledge
from sponsorship.contributions.pools import pool_names
from sponsorship.contributions.queries import MAX_LIST, ContributionRow, PledgePage, PledgeRow, pledge_rows
from sponsorship.contributions.schedules import parts_of
from sponsorship.contributions.transitions import OPEN
from sponsorship.contributions.valuation import part_worth

NO_ACCOUNT, GENERAL = "no-account", "general"
SORTS: dict[str, Any] = {
    "reference": Pledge.reference, "announced_at": Pledge.announced_at, "usd": Pledge.usd_minor,
    "next_due_on": Pledge.next_due_on,
}


# --- lists ------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class PledgeTotals:
    """US dollars over every pledge of a list, at the rate of each announcement: as announced, and still to be paid."""

    usd: Money
    outstanding: Money


def list_pledges(
    query: TableQuery, organisations: Iterable[uuid.UUID] | None = None
) -> tuple[list[PledgeRow], int]:
    """Pledges (of these organisations only, when given; newest first unless sorted) and their number; all of them for a
    file."""
    wanted = _filtered(select(Pledge), query, organisations)
    total = db.session.scalar(select(func.count()).select_from(wanted.subquery())) or 0
    column = SORTS.get(query.sort or "")
    if column is None:
        wanted = wanted.order_by(Pledge.id.desc())
    else:
        wanted = wanted.order_by(
            column.desc().nulls_last() if query.descending else column.asc().nulls_last(), Pledge.id)
    wanted = wanted.limit(MAX_LIST) if query.format else wanted.limit(query.limit).offset(query.offset)
    return pledge_rows(list(db.session.scalars(wanted))), total


def pledge_totals(query: TableQuery) -> PledgeTotals:
    """What the whole list is worth, whatever page is shown. Reckoned here: the products do not fit a database's
    integer."""
    announced = outstanding = 0
    rows = db.session.execute(_filtered(
        select(Pledge.state, Pledge.usd_minor, Pledge.amount_minor, Pledge.current_minor, Pledge.paid_minor), query))
    for row in rows:
        announced += row.usd_minor
        if row.state in OPEN:
            left = max(row.current_minor - row.paid_minor, 0)
            outstanding += part_worth(row.usd_minor, row.amount_minor, left)
    return PledgeTotals(usd(announced), usd(outstanding))


def _filtered(wanted: Any, query: TableQuery, organisations: Iterable[uuid.UUID] | None = None) -> Any:
    if organisations is not None:
        wanted = wanted.where(Pledge.organisation_id.in_(list(organisations)))
    if state := query.get("state"):
        wanted = wanted.where(Pledge.state == state)
    if donor := query.get("donor"):
        wanted = wanted.where(Pledge.organisation_id.is_(None) if donor == NO_ACCOUNT
                              else Pledge.organisation_id == uuid.UUID(donor))
    if currency := query.get("currency"):
        wanted = wanted.where(Pledge.currency == currency)
    if purpose := query.get("purpose"):
        wanted = wanted.where(Pledge.pool_id.is_(None) if purpose == GENERAL else Pledge.pool_id == uuid.UUID(purpose))
    if due := query.get("due"):
        wanted = wanted.where(Pledge.state.in_(OPEN), Pledge.next_due_on < date.fromisoformat(due))
    if words := query.get("q"):
        escaped = words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        wanted = wanted.where(Pledge.reference.ilike(f"%{escaped}%", escape="\\"))
    return wanted


@dataclass(frozen=True)
class PledgeChoices:
    """What occurs among pledges, for the filters above their list: (value, label)."""

    donors: tuple[tuple[str, str], ...]
    currencies: tuple[tuple[str, str], ...]
    purposes: tuple[tuple[str, str], ...]


def pledge_choices() -> PledgeChoices:
    """A fixed number of queries, whatever the number of pledges."""
    found = db.session.execute(select(Pledge.organisation_id, Pledge.currency, Pledge.pool_id).distinct()).all()
    labels = names(row.organisation_id for row in found if row.organisation_id is not None)
    donors = sorted(((str(key), label) for key, label in labels.items()), key=lambda pair: pair[1].casefold())
    if any(row.organisation_id is None for row in found):
        donors.append((NO_ACCOUNT, ""))
    pools = pool_names(row.pool_id for row in found if row.pool_id is not None)
    purposes = sorted(((str(key), label) for key, label in pools.items()), key=lambda pair: pair[1].casefold())
    if any(row.pool_id is None for row in found):
        purposes.insert(0, (GENERAL, unearmarked_words()))
    codes = sorted({row.currency for row in found})
    return PledgeChoices(tuple(donors), tuple((code, code) for code in codes), tuple(purposes))


# --- what is due ------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class DueRow:
    """An instalment that payments do not cover: `left` of it is still to be paid; `n` of `of`."""

    pledge_id: uuid.UUID
    reference: str
    n: int
    of: int
    due_on: date | None
    left: Money
    overdue: bool


def due_of(organisations: Iterable[uuid.UUID], day: date) -> list[DueRow]:
    """What these organisations still owe, instalment by instalment, the soonest first. Two queries."""
    pledges = list(db.session.scalars(
        select(Pledge).where(Pledge.organisation_id.in_(list(organisations)), Pledge.state.in_(OPEN))
        .order_by(Pledge.id).limit(MAX_LIST)))
    by_pledge, found = instalments_of(pledges), []
    for p in pledges:
        parts = parts_of(p, by_pledge[p.id])
        found += [DueRow(p.id, p.reference, part.n, len(parts), part.due_on, part.left, part.is_overdue(day))
                  for part in parts if part.left]
    return sorted(found, key=lambda row: (row.due_on is None, row.due_on or date.max, row.reference, row.n))


def instalments_of(pledges: Iterable[Pledge]) -> dict[uuid.UUID, list[Instalment]]:
    """The instalments in force of each pledge, in their order. Every id is a key; one query."""
    current = {p.id: p.schedule for p in pledges}
    found: dict[uuid.UUID, list[Instalment]] = {key: [] for key in current}
    for row in db.session.scalars(select(Instalment).where(Instalment.pledge_id.in_(found)).order_by(Instalment.n)):
        if row.schedule == current[row.pledge_id]:
            found[row.pledge_id].append(row)
    return found


# --- one pledge -------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class OldSchedule:
    """Instalments that stood before, and the event that put others in their place."""

    number: int
    parts: tuple[tuple[date | None, Money], ...]
    replaced_by: History | None


def old_schedules(page: PledgePage) -> list[OldSchedule]:
    """What was promised before the instalments now in force, the newest first."""
    rows = list(db.session.scalars(
        select(Instalment).where(Instalment.pledge_id == page.id).order_by(Instalment.schedule, Instalment.n)))
    newest = max((row.schedule for row in rows), default=0)
    changes = [event for event in page.history if "schedule" in event.data]
    found = []
    for number in range(newest - 1, 0, -1):
        parts = tuple((row.due_on, Money(row.amount_minor, page.amount.currency))
                      for row in rows if row.schedule == number)
        replaced = next((event for event in changes if event.data["schedule"] == number + 1), None)
        found.append(OldSchedule(number, parts, replaced))
    return found


@dataclass(frozen=True)
class Settlement:
    """A payment beside what it settles: in US dollars its worth at the announcement and at the deposit, and the
    exchange difference between the two, which is the fund's and not the donor's."""

    row: ContributionRow
    announced: Money | None
    difference: Money | None


def settlements(page: PledgePage) -> list[Settlement]:
    """Every payment of a pledge. The worths at the announcement add up to that of what is paid, to the cent."""
    found, so_far = [], 0
    for row in page.attempts:
        if row.gross is None or row.settles is None or row.code == "corrected":
            found.append(Settlement(row, None, None))
            continue
        before = part_worth(page.usd.minor, page.amount.minor, so_far)
        so_far += row.settles.minor
        worth = usd(part_worth(page.usd.minor, page.amount.minor, so_far) - before)
        found.append(Settlement(row, worth, row.gross - worth))
    return found

