"""What `flask verify` proves about the figures shown to the public and to donors: they are the books, counted anew from
the legs, from the awards and from the pledges."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, text

from core.db import db
from core.verify import check
from meetings.calendar.models import Meeting
from sponsorship.contributions.figures import outstanding_worth
from sponsorship.contributions.transitions import OPEN
from sponsorship.ledger.models import Lot
from sponsorship.ledger.queries import pool_figures
from sponsorship.transparency import queries, statement_sums
from sponsorship.transparency.journeys import MeetingSums, sums_of
from sponsorship.transparency.meeting_figures import bars_of
from sponsorship.transparency.models import MeetingFigure, PoolBar
from sponsorship.transparency.years import CAME, WENT, year_lines

_KINDS = ("received", "refunded", "exchange", "fees", "losses", "spent_direct", "spent_support", "in_transit",
          "reserved", "available", "shortfall")
_MOST = 20


@check("transparency.figures")
def public_figures_are_the_books() -> tuple[int, list[str]]:
    """Every figure of /fund/, pool by pool and in sum, equals the sum of the posted legs of its account; received
    and exchange differences are paid back, fees, losses, spent, reserved and available together; pledged is what open
    pledges still owe, and the sum of its parts."""
    page = queries.fund_page()
    legs = _from_legs()
    faults: list[str] = []
    checked = 0
    for pool in page.pools:
        for kind in _KINDS:
            checked += 1
            if _booked(pool.figures, kind) != legs.get((pool.code, kind), 0):
                faults.append(f"pool {pool.code}: {kind} is not the sum of its legs")
    shown = {pool.code for pool in page.pools}
    for kind in _KINDS:
        checked += 1
        if _booked(page.totals, kind) != sum(v for (code, k), v in legs.items() if k == kind and code in shown):
            faults.append(f"fund: {kind} is not the sum of its legs")
    t = page.totals
    if t.received + t.exchange != t.refunded + t.disputed + t.fees + t.losses + t.spent + t.reserved + t.available:
        faults.append("fund: what came is not what went and what is there")
    if page.waiting.minor != legs.get(("", "suspense"), 0) - legs.get(("", "suspense_exchange"), 0):
        faults.append("fund: what waits for acceptance is not the sum of its legs")
    if t.pledged.minor != _announced():
        faults.append("fund: pledged is not the sum of the announced pledges")
    if t.pledged != page.to_come.announced + page.to_come.agreed + page.to_come.overdue:
        faults.append("fund: pledged is not what is announced, agreed and overdue")
    return checked + 4, faults


def _booked(figures: Any, kind: str) -> int:
    """A figure as the books have it, US cents: there, what banks hold in dispute is paid back."""
    cents: int = getattr(figures, kind).minor + (figures.disputed.minor if kind == "refunded" else 0)
    return cents


def _from_legs() -> dict[tuple[str, str], int]:
    """US cents on each account's normal side by pool code ('' for none) and kind, from posted legs alone."""
    rows = db.session.execute(text(
        "SELECT coalesce(p.code, '') AS pool, a.kind AS kind, "
        "sum(CASE WHEN l.side = a.side THEN l.usd_minor ELSE -l.usd_minor END) AS balance "
        "FROM leg l JOIN posting q ON q.entry_id = l.entry_id JOIN account a ON a.id = l.account_id "
        "LEFT JOIN pool p ON p.id = a.pool_id GROUP BY p.code, a.kind"
    ))
    return {(row.pool, row.kind): int(row.balance) for row in rows}


def _announced() -> int:
    """What organisations' pledges whose last recorded move leaves them open still owe, in US cents: from their events
    and payments rather than from their states and totals."""
    rows = db.session.execute(text(
        "SELECT p.usd_minor, p.amount_minor, p.current_minor, (SELECT coalesce(sum(c.settles_minor), 0) FROM "
        "contribution c WHERE c.pledge_id = p.id AND c.received_at IS NOT NULL AND c.state <> 'corrected') AS paid, "
        "(SELECT e.to_state FROM event e WHERE e.subject_type = 'pledge' AND e.subject_id = p.id "
        "AND e.to_state IS NOT NULL ORDER BY e.recorded_at DESC, e.id DESC LIMIT 1) AS state FROM pledge p "
        "WHERE p.organisation_id IS NOT NULL"
    ))
    return sum(
        outstanding_worth(row.usd_minor, row.amount_minor, max(row.current_minor - int(row.paid), 0))
        for row in rows if row.state in OPEN
    )


@check("transparency.years")
def years_are_the_books() -> tuple[int, list[str]]:
    """The years together are the accounts' balances, and the last ends with what is reserved and available; what was
    pledged in a year is the pledges announced in it."""
    lines, pools = year_lines(), pool_figures()
    faults = []
    for kind in (*CAME, *WENT):
        if sum(_booked(line, kind) for line in lines) != sum(getattr(pool, kind) for pool in pools):
            faults.append(f"years: {kind} is not the balance of its accounts")
    there = sum(pool.available + pool.reserved for pool in pools)
    if (lines[-1].closing.minor if lines else 0) != there:
        faults.append("years: the last does not end with what is there")
    lite = db.session.connection().dialect.name == "sqlite"
    year = "CAST(substr(announced_at, 1, 4) AS INTEGER)" if lite else \
        "extract(year FROM announced_at AT TIME ZONE 'UTC')::integer"
    rows = db.session.execute(text(
        "SELECT year, sum(u) AS u, sum(n) AS n FROM (SELECT year, usd_minor AS u, pledges AS n FROM pledge_year UNION "
        f"ALL SELECT {year}, -usd_minor, -1 FROM pledge WHERE organisation_id IS NOT NULL) "
        "f GROUP BY year HAVING sum(u) <> 0 OR sum(n) <> 0"))
    faults += [f"year {row.year}: pledged is not the pledges announced in it" for row in rows]
    return len(lines), faults


@check("transparency.statements")
def statements_sum_to_the_fund() -> tuple[int, list[str]]:
    """All donors' statements together, with what is no donor's, are the accounts of every pool, to the cent: they are
    summed here by the very sums that make one donor's statement. Every contribution's money is one lot's."""
    found = statement_sums.sums_by(Lot.pool_id, statement_sums.of_everybody, statement_sums.Period())
    faults, pools = [], pool_figures()
    for pool in pools:
        sums = found.get(pool.pool_id, statement_sums.NOTHING)
        for kind in (*CAME, *WENT):
            if _booked(sums, kind) != getattr(pool, kind):
                faults.append(f"pool {pool.code}: statements do not sum to {kind}")
        if (sums.closing_reserved.minor, sums.unspent.minor) != (pool.reserved, pool.available):
            faults.append(f"pool {pool.code}: statements do not end with what is there")
    rows = db.session.execute(text(
        "SELECT t.source_id FROM lot t LEFT JOIN contribution c ON c.id = t.source_id "
        "WHERE t.source_type = 'contribution' GROUP BY t.source_id "
        f"HAVING count(*) > 1 OR count(c.id) = 0 LIMIT {_MOST}"))
    faults += [f"contribution {row.source_id} is not there, or has more than one lot" for row in rows]
    return len(pools), faults


@check("transparency.meetings")
def kept_meetings_are_their_awards() -> tuple[int, list[str]]:
    """What is kept of settled meetings is what their awards and the money that paid for them add up to; and no pool is
    told of whose money carried one or two States at one of them, or hides another's that did."""
    rows: Mapping[Any, MeetingFigure] = {row.meeting_id: row for row in db.session.scalars(
        select(MeetingFigure).where(MeetingFigure.stale.is_(False)).execution_options(populate_existing=True))}
    days: Mapping[Any, Any] = {row.id: row.start_date for row in db.session.execute(
        select(Meeting.id, Meeting.start_date).where(Meeting.id.in_(list(rows))))}
    sums, barred = sums_of(days), set(db.session.scalars(select(PoolBar.pool_id)))
    faults = [f"meeting {key}: what is kept is not what its awards add up to" for key, row in rows.items()
              if _kept(row) != _counted(sums.get(key, MeetingSums()))]
    faults += [f"pool {pool}: its use may not be told since meeting {key}" for key, found in sums.items()
               for pool in sorted(bars_of(found, barred) - barred, key=str)]
    return len(rows) + len(barred), faults[:_MOST]


def _kept(row: MeetingFigure) -> tuple[Any, ...]:
    years = (row.first_year, row.last_year) if row.first_year is not None else None
    return (row.delegates, row.states, row.women, row.men, dict(row.groups), row.direct_minor, row.support_minor, years,
            False, frozenset(row.few))


def _counted(sums: MeetingSums) -> tuple[Any, ...]:
    return (sums.delegates, sums.states.count, sums.women, sums.men, sums.groups, sums.direct_minor,
            sums.support_minor, sums.years, sums.open, frozenset(str(key) for key in sums.states.few))
