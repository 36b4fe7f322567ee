"""What `flask verify` proves about the figures shown to the public: they are the books, counted anew from the legs."""

from __future__ import annotations

from sqlalchemy import text

from core.db import db
from core.verify import check
from sponsorship.transparency import queries

_KINDS = {
    "received": "received", "fees": "fees", "spent_direct": "spent_direct", "spent_support": "spent_support",
    "in_transit": "in_transit", "reserved": "reserved", "available": "available", "shortfall": "shortfall",
}


@check("transparency.figures")
def public_figures_are_the_books() -> tuple[int, list[str]]:
    """Every figure of /fund/, pool by pool and in sum, equals the sum of the posted legs of its account; received is
    fees, spent, reserved and available together; pledged is what announced pledges sum to."""
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
    if t.received != t.fees + t.spent + t.reserved + t.available:
        faults.append("fund: received is not fees, spent, reserved and available together")
    if page.waiting.minor != legs.get(("", "suspense"), 0):
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
    """Pledges whose last recorded move leaves them announced, from their events rather than their state."""
    return int(db.session.execute(text(
        "SELECT coalesce(sum(amount_minor), 0) FROM pledge p WHERE 'announced' = (SELECT e.to_state FROM event e "
        "WHERE e.subject_type = 'pledge' AND e.subject_id = p.id AND e.to_state IS NOT NULL "
        "ORDER BY e.recorded_at DESC, e.id DESC LIMIT 1)"
    )).scalar_one())
