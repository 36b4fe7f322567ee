"""What `flask verify` proves about the figures shown to the public: they are the books, counted anew from the legs."""

from __future__ import annotations

from sqlalchemy import text

from core.db import db
from core.verify import check
from sponsorship.contributions.figures import outstanding_worth
from sponsorship.contributions.transitions import OPEN
from sponsorship.transparency import queries

_KINDS = {
    "received": "received", "refunded": "refunded", "exchange": "exchange", "fees": "fees", "losses": "losses",
    "spent_direct": "spent_direct", "spent_support": "spent_support",
    "in_transit": "in_transit", "reserved": "reserved", "available": "available", "shortfall": "shortfall",
}


@check("transparency.figures")
def public_figures_are_the_books() -> tuple[int, list[str]]:
    """Every figure of /fund/, pool by pool and in sum, equals the sum of the posted legs of its account; received
    and exchange differences are paid back, fees, losses, spent, reserved and available together; pledged is what open
    pledges still owe."""
    page = queries.fund_page()
    legs = _from_legs()
    faults: list[str] = []
    checked = 0
    for pool in page.pools:
        for name, kind in _KINDS.items():
            checked += 1
            if getattr(pool.figures, name).minor != legs.get((pool.code, kind), 0):
                faults.append(f"pool {pool.code}: {name} is not the sum of its legs")
    shown = {pool.code for pool in page.pools}
    for name, kind in _KINDS.items():
        checked += 1
        if getattr(page.totals, name).minor != sum(v for (code, k), v in legs.items() if k == kind and code in shown):
            faults.append(f"fund: {name} is not the sum of its legs")
    t = page.totals
    if t.received + t.exchange != t.refunded + t.fees + t.losses + t.spent + t.reserved + t.available:
        faults.append("fund: what came is not what went and what is there")
    if page.waiting.minor != legs.get(("", "suspense"), 0) - legs.get(("", "suspense_exchange"), 0):
        faults.append("fund: what waits for acceptance is not the sum of its legs")
    if t.pledged.minor != _announced():
        faults.append("fund: pledged is not the sum of the announced pledges")
    return checked + 3, faults


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
    """What pledges whose last recorded move leaves them open still owe, in US cents: from their events and payments
    rather than from their states and totals."""
    rows = db.session.execute(text(
        "SELECT p.usd_minor, p.amount_minor, p.current_minor, (SELECT coalesce(sum(c.settles_minor), 0) FROM "
        "contribution c WHERE c.pledge_id = p.id AND c.received_at IS NOT NULL AND c.state <> 'corrected') AS paid, "
        "(SELECT e.to_state FROM event e WHERE e.subject_type = 'pledge' AND e.subject_id = p.id "
        "AND e.to_state IS NOT NULL ORDER BY e.recorded_at DESC, e.id DESC LIMIT 1) AS state FROM pledge p"
    ))
    return sum(
        outstanding_worth(row.usd_minor, row.amount_minor, max(row.current_minor - int(row.paid), 0))
        for row in rows if row.state in OPEN
    )
