"""What `flask verify` proves about the books, from the legs up. Faults name identifiers and codes only."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from core.db import db
from core.ddl import TRIGGERS, missing_triggers
from core.money import Money, dollars_at
from core.verify import check
from sponsorship.ledger.chart import KINDS, PER_POOL, RETIRED

_MOST = 20  # faults named per rule; one is already too many


def _count(table: str) -> int:
    return int(db.session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def _faults(words: str, sql: str) -> list[str]:
    rows = db.session.execute(text(f"SELECT * FROM ({sql}) AS found LIMIT {_MOST}")).all()
    return [words.format(*(str(value) for value in row)) for row in rows]


_SIGNED = "CASE l.side WHEN 'D' THEN l.usd_minor ELSE -l.usd_minor END"


@check("ledger.entries")
def entries_balance() -> tuple[int, list[str]]:
    """Every entry is posted and balances: the proprietary book, and the budgetary one in each pool."""
    faults = _faults(
        "entry {0} does not balance in book {1}",
        f"SELECT l.entry_id, a.book FROM leg l JOIN account a ON a.id = l.account_id "
        f"GROUP BY l.entry_id, a.book, CASE a.book WHEN 'B' THEN a.pool_id END HAVING sum({_SIGNED}) <> 0",
    )
    faults += _faults(
        "entry {0} has no posting",
        "SELECT e.id FROM entry e LEFT JOIN posting p ON p.entry_id = e.id WHERE p.entry_id IS NULL",
    )
    faults += _faults(
        "posting {0} has no entry",
        "SELECT p.entry_id FROM posting p LEFT JOIN entry e ON e.id = p.entry_id WHERE e.id IS NULL",
    )
    faults += _faults(
        "entry {0} has fewer than two legs",
        "SELECT e.id FROM entry e LEFT JOIN leg l ON l.entry_id = e.id GROUP BY e.id HAVING count(l.entry_id) < 2",
    )
    return _count("entry"), faults


@check("ledger.balances")
def balances_equal_legs() -> tuple[int, list[str]]:
    """Every account's running totals, in all and by month, are the sums of its posted legs, no guarded account is
    overdrawn, and every account is as the chart has it."""
    faults = _faults(
        "account {0}: totals differ from its legs",
        "SELECT a.code FROM account a LEFT JOIN (SELECT l.account_id, "
        "sum(CASE l.side WHEN 'D' THEN l.usd_minor ELSE 0 END) AS d, "
        "sum(CASE l.side WHEN 'C' THEN l.usd_minor ELSE 0 END) AS c "
        "FROM leg l JOIN posting p ON p.entry_id = l.entry_id GROUP BY l.account_id) s ON s.account_id = a.id "
        "WHERE a.debits_posted <> coalesce(s.d, 0) OR a.credits_posted <> coalesce(s.c, 0)",
    )
    faults += _faults(
        "account {0}: month {1} differs from its legs", _months_that_differ(db.session.connection().dialect.name),
    )
    faults += _faults(
        "account {0} is overdrawn",
        "SELECT code FROM account WHERE guarded AND (debits_posted - credits_posted) * "
        "(CASE side WHEN 'D' THEN 1 ELSE -1 END) < 0",
    )
    for row in db.session.execute(text("SELECT id, code, kind, book, side, guarded, pool_id FROM account")):
        kind = KINDS.get(row.kind) or RETIRED.get(row.kind)
        if kind is None or (kind.book, kind.side, kind.guarded, kind.per_pool) != (
            row.book, row.side, bool(row.guarded), row.pool_id is not None,
        ):
            faults.append(f"account {row.code} is not as the chart has it")
    return _count("account"), faults


def _months_that_differ(dialect: str) -> str:
    month = (
        "CAST(substr(e.occurred_at, 1, 4) || substr(e.occurred_at, 6, 2) AS INTEGER)" if dialect == "sqlite"
        else "to_char(e.occurred_at AT TIME ZONE 'UTC', 'YYYYMM')::integer"
    )
    return (
        "SELECT coalesce(a.code, 'of an unknown account'), f.month FROM (SELECT account_id, month, sum(d) AS d, "
        "sum(c) AS c, sum(n) AS n FROM (SELECT account_id, month, debits AS d, credits AS c, legs AS n "
        f"FROM account_month UNION ALL SELECT l.account_id, {month} AS month, "
        "CASE l.side WHEN 'D' THEN -l.usd_minor ELSE 0 END, CASE l.side WHEN 'C' THEN -l.usd_minor ELSE 0 END, -1 "
        "FROM leg l JOIN entry e ON e.id = l.entry_id JOIN posting p ON p.entry_id = e.id) x "
        "GROUP BY account_id, month) f LEFT JOIN account a ON a.id = f.account_id "
        "WHERE f.d <> 0 OR f.c <> 0 OR f.n <> 0"
    )


@check("ledger.originals")
def originals_agree() -> tuple[int, list[str]]:
    """Every amount paid in another currency is worth its dollars at the rate that stands beside it, to the cent; an
    exchange difference has no original amount."""
    rows = db.session.execute(text(
        "SELECT entry_id, n, usd_minor, original_minor, original_currency, rate FROM leg WHERE rate IS NOT NULL "
        "AND original_minor > 0"
    ))
    checked, faults = 0, []
    for row in rows:
        checked += 1
        try:
            worth = dollars_at(Money(row.original_minor, row.original_currency), row.rate)
        except ValueError:
            worth = -1
        if worth != row.usd_minor:
            faults.append(f"leg {row.n} of entry {row.entry_id} is not worth its dollars at its rate")
    return checked, faults[:_MOST]


def _pool_balances() -> list[tuple[str, dict[str, int]]]:
    rows = db.session.execute(text(
        "SELECT p.code, a.kind, (a.debits_posted - a.credits_posted) * (CASE a.side WHEN 'D' THEN 1 ELSE -1 END) "
        "FROM pool p JOIN account a ON a.pool_id = p.id ORDER BY p.code"
    ))
    pools: dict[str, dict[str, int]] = {}
    for code, kind, balance in rows:
        pools.setdefault(code, {})[kind] = int(balance)
    return list(pools.items())


@check("ledger.pools")
def budget_identity() -> tuple[int, list[str]]:
    """In every pool available + reserved = appropriated = received + exchange - refunded - fees - losses - spent; money
    in suspense and shortfalls agree with what stands behind them; the whole chart balances."""
    pools = _pool_balances()
    faults = []
    for code, b in pools:
        if lacking := [kind.code for kind in PER_POOL if kind.code not in b]:
            faults.append(f"pool {code} lacks {', '.join(lacking)}")
            continue
        if b["available"] + b["reserved"] != b["appropriated"]:
            faults.append(f"pool {code}: available and reserved are not what is appropriated")
        gone = sum(b[kind] for kind in ("refunded", "fees", "losses", "spent_direct", "spent_support"))
        if b["appropriated"] != b["received"] + b["exchange"] - gone:
            faults.append(f"pool {code}: appropriated is not what came less what went")
    faults += _faults(
        "book {0} does not balance", "SELECT book FROM account GROUP BY book HAVING sum(debits_posted) <> "
        "sum(credits_posted)",
    )
    faults += _faults(
        "suspense does not agree with the receipts held",
        "SELECT 1 FROM (SELECT coalesce(sum(credits_posted - debits_posted), 0) AS owed FROM account "
        "WHERE code IN ('suspense', 'suspense_exchange')) a WHERE a.owed <> (SELECT coalesce(sum(gross_minor "
        "+ exchange_minor - accepted_minor - refunded_minor), 0) FROM held_receipt)",
    )
    faults += _faults(
        "pool {0}: its shortfall is not what is still to be covered",
        "SELECT p.code FROM pool p JOIN account a ON a.pool_id = p.id AND a.kind = 'shortfall' LEFT JOIN "
        "(SELECT pool_id, sum(amount_minor - covered_minor) AS short FROM shortfall GROUP BY pool_id) s "
        "ON s.pool_id = p.id WHERE a.debits_posted - a.credits_posted <> coalesce(s.short, 0)",
    )
    return len(pools), faults


_OWNS = ("bank", "stripe_clearing", "suspense_fees", "suspense_exchange", "shortfall")
_OWES = ("in_transit", "support_costs_due", "suspense", "refunds_due")


@check("ledger.cash")
def money_is_there() -> tuple[int, list[str]]:
    """What the pools may promise or have promised is really there: bank and provider, with what is short, hold it and
    all that is owed."""
    rows = db.session.execute(text(
        "SELECT kind, sum(debits_posted - credits_posted) AS balance FROM account GROUP BY kind"))
    balance = {row.kind: int(row.balance) for row in rows}
    there = sum(balance.get(kind, 0) for kind in _OWNS) + sum(balance.get(kind, 0) for kind in _OWES)
    if there == balance.get("appropriated", 0):
        return len(balance), []
    return len(balance), ["what is appropriated is not what is there"]


@check("ledger.lots")
def lots_agree() -> tuple[int, list[str]]:
    """Every lot's counters are the sums of its movements and of the reservations' lines that use it; every entry moves
    lots as it moves its pools; the lots of a pool together are its available and reserved money."""
    faults = _faults(
        "lot {0}: reserved or spent differs from its lines",
        "SELECT t.id FROM lot t LEFT JOIN (SELECT lot_id, "
        "sum(direct_minor + support_minor - spent_direct_minor - spent_support_minor - released_direct_minor "
        "- released_support_minor) AS reserved, sum(spent_direct_minor + spent_support_minor) AS spent "
        "FROM reservation_line GROUP BY lot_id) s ON s.lot_id = t.id "
        "WHERE t.reserved_minor <> coalesce(s.reserved, 0) OR t.spent_minor <> coalesce(s.spent, 0)",
    )
    faults += _faults(
        "lot {0} differs from its movements",
        "SELECT t.id FROM lot t LEFT JOIN (SELECT lot_id, "
        "sum(CASE part WHEN 'reserved' THEN amount_minor ELSE 0 END) AS reserved, "
        "sum(CASE WHEN part IN ('direct', 'support') THEN amount_minor ELSE 0 END) AS spent, "
        "sum(CASE WHEN part IN ('fee', 'refund', 'loss') THEN amount_minor ELSE 0 END) AS charged "
        "FROM lot_movement GROUP BY lot_id) s ON s.lot_id = t.id WHERE t.reserved_minor <> coalesce(s.reserved, 0) "
        "OR t.spent_minor <> coalesce(s.spent, 0) OR t.charged_minor <> coalesce(s.charged, 0)",
    )
    faults += _faults(
        "entry {0} moves lots of pool {1} otherwise than its accounts",
        "SELECT entry_id, pool_id FROM ("
        "SELECT l.entry_id, a.pool_id, CASE l.side WHEN 'D' THEN l.usd_minor ELSE -l.usd_minor END AS taken, "
        "0 AS reserved FROM leg l JOIN account a ON a.id = l.account_id WHERE a.kind = 'available' UNION ALL "
        "SELECT l.entry_id, a.pool_id, 0, CASE l.side WHEN 'C' THEN l.usd_minor ELSE -l.usd_minor END "
        "FROM leg l JOIN account a ON a.id = l.account_id WHERE a.kind = 'reserved' UNION ALL "
        "SELECT m.entry_id, t.pool_id, -m.amount_minor, CASE m.part WHEN 'reserved' THEN -m.amount_minor ELSE 0 END "
        "FROM lot_movement m JOIN lot t ON t.id = m.lot_id UNION ALL "
        "SELECT t.entry_id, t.pool_id, t.amount_minor, 0 FROM lot t) f GROUP BY entry_id, pool_id "
        "HAVING sum(taken) <> 0 OR sum(reserved) <> 0",
    )
    for kind, part in (("spent_direct", "direct"), ("spent_support", "support"), ("losses", "loss")):
        faults += _faults(
            "pool {0}: " + kind + " is not what its lots paid",
            f"SELECT p.code FROM pool p JOIN account a ON a.pool_id = p.id AND a.kind = '{kind}' LEFT JOIN "
            "(SELECT t.pool_id, sum(m.amount_minor) AS paid FROM lot_movement m JOIN lot t ON t.id = m.lot_id "
            f"WHERE m.part = '{part}' GROUP BY t.pool_id) s ON s.pool_id = p.id "
            "WHERE a.debits_posted - a.credits_posted <> coalesce(s.paid, 0)",
        )
    faults += _faults(
        "pool {0}: its lots are not its available and reserved money",
        "SELECT p.code FROM pool p JOIN account v ON v.pool_id = p.id AND v.kind = 'available' "
        "JOIN account r ON r.pool_id = p.id AND r.kind = 'reserved' LEFT JOIN (SELECT pool_id, "
        "sum(amount_minor - reserved_minor - spent_minor - charged_minor) AS free, sum(reserved_minor) AS reserved "
        "FROM lot GROUP BY pool_id) s ON s.pool_id = p.id "
        "WHERE v.credits_posted - v.debits_posted <> coalesce(s.free, 0) "
        "OR r.credits_posted - r.debits_posted <> coalesce(s.reserved, 0)",
    )
    return _count("lot"), faults


# of a payment's line, what the bank did not pay (an outer join)
_CUT = ("LEFT JOIN spend_cut c ON c.spend_id = sl.spend_id AND c.reservation_line_id = sl.reservation_line_id")


@check("ledger.reservations")
def reservations_agree() -> tuple[int, list[str]]:
    """Every line's spending is the sum of its payments that stand, less what was paid back; every payment is the sum
    of its lines; what is in transit is what was sent and not settled; support costs due are what was charged."""
    faults = _faults(
        "reservation line {0}: spent differs from its payments",
        "SELECT t.id FROM reservation_line t LEFT JOIN (SELECT sl.reservation_line_id AS line, "
        "sum(sl.direct_minor - coalesce(c.direct_minor, 0)) AS direct FROM spend_line sl "
        f"JOIN spend s ON s.id = sl.spend_id AND s.state <> 'returned' {_CUT} "
        "GROUP BY sl.reservation_line_id) s ON s.line = t.id LEFT JOIN (SELECT reservation_line_id AS line, "
        "sum(direct_minor) AS direct FROM spend_recovery GROUP BY reservation_line_id) b ON b.line = t.id "
        "WHERE t.spent_direct_minor <> coalesce(s.direct, 0) - coalesce(b.direct, 0)",
    )
    faults += _faults(
        "payment {0} differs from its lines",
        "SELECT s.id FROM spend s LEFT JOIN spend_line sl ON sl.spend_id = s.id "
        "GROUP BY s.id, s.direct_minor, s.support_minor "
        "HAVING coalesce(sum(sl.direct_minor), 0) <> s.direct_minor "
        "OR coalesce(sum(sl.support_minor), 0) <> s.support_minor",
    )
    faults += _faults(
        "pool {0}: money in transit is not what was sent and not settled",
        "SELECT p.code FROM pool p JOIN account a ON a.pool_id = p.id AND a.kind = 'in_transit' LEFT JOIN "
        "(SELECT t.pool_id, sum(sl.direct_minor - coalesce(c.direct_minor, 0)) AS sent FROM spend s "
        f"JOIN spend_line sl ON sl.spend_id = s.id {_CUT} "
        "JOIN reservation_line l ON l.id = sl.reservation_line_id JOIN lot t ON t.id = l.lot_id "
        "WHERE s.state = 'sent' GROUP BY t.pool_id) s ON s.pool_id = p.id "
        "WHERE a.credits_posted - a.debits_posted <> coalesce(s.sent, 0)",
    )
    for kind, column in (("spent_direct", "spent_direct_minor"), ("spent_support", "spent_support_minor")):
        faults += _faults(
            "pool {0}: " + kind + " is not the sum of its reservations",
            f"SELECT p.code FROM pool p JOIN account a ON a.pool_id = p.id AND a.kind = '{kind}' LEFT JOIN "
            f"(SELECT t.pool_id, sum(l.{column}) AS spent FROM reservation_line l JOIN lot t ON t.id = l.lot_id "
            "GROUP BY t.pool_id) s ON s.pool_id = p.id "
            "WHERE a.debits_posted - a.credits_posted <> coalesce(s.spent, 0)",
        )
    return _count("reservation"), faults


_TABLES = (
    "pool", "account", "account_month", "entry", "leg", "posting", "held_receipt", "lot", "lot_movement", "shortfall",
    "reservation", "reservation_line", "spend", "spend_line", "spend_cut", "spend_recovery",
)


@check("ledger.triggers")
def triggers_present() -> tuple[int, list[str]]:
    """Every trigger that guards the books is in the database and enabled."""
    own = {t.name for t in TRIGGERS.values() if t.table in _TABLES}
    connection: Any = db.session.connection()
    return len(own), [f"trigger {name} is missing" for name in missing_triggers(connection) if name in own]
