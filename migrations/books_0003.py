"""What revision 0003 derives from the rows of 0002: instalments, months, years, movements of lots, shortfalls by their
cause; and the entries that put refunds into the new order (set aside first, then paid). Amounts are US cents.

It names every account and code itself: a migration stays as it was when the models move on.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Uuid, text

from core.db import Instant, new_id
from migrations.rebuild import Refused

_ACCOUNTS = uuid.UUID("5f0c6b52-7a3d-5c1e-9c55-3f6b8f0e6a10")  # identifiers follow from kind and pool (ledger/chart.py)
_COMMON = (("suspense_exchange", "D", False), ("refunds_due", "C", True))  # kind, normal side, guarded
_PER_POOL = (("refunded", "D", True), ("exchange", "C", False), ("losses", "D", True))
_BATCH = 2000
Subject = tuple[str | None, uuid.UUID | None]


def _account(kind: str, pool_id: uuid.UUID | None = None) -> uuid.UUID:
    return uuid.uuid5(_ACCOUNTS, f"{kind}:{pool_id}" if pool_id else kind)


def _table(name: str, /, **special: Any) -> Any:
    """A table for inserting: only what needs a type of its own is told."""
    return sa.table(name, *(sa.column(column, kind) for column, kind in special.items()))


def _insert(connection: Connection, table: Any, rows: list[dict[str, Any]]) -> None:
    for start in range(0, len(rows), _BATCH):
        connection.execute(sa.insert(table), rows[start:start + _BATCH])


def _rows(connection: Connection, sql: str, **types: Any) -> list[Any]:
    """Rows of a query, with these columns as Python knows them (identifiers and instants)."""
    return list(connection.execute(text(sql).columns(**types)).all())


# --- before the old tables go -----------------------------------------------------------------------------------
def instalments(connection: Connection) -> None:
    """Every pledge is one instalment, without a day."""
    table = _table("instalment", id=Uuid(), pledge_id=Uuid(), schedule=sa.Integer(), n=sa.Integer(),
                   amount_minor=sa.BigInteger())
    pledges = _rows(connection, "SELECT id, amount_minor FROM pledge ORDER BY id", id=Uuid())
    _insert(connection, table, [
        {"id": new_id(), "pledge_id": row.id, "schedule": 1, "n": 1, "amount_minor": row.amount_minor}
        for row in pledges
    ])


def open_accounts(connection: Connection) -> None:
    """The accounts that the chart has gained, where a chart is open at all."""
    if not connection.execute(text("SELECT 1 FROM account LIMIT 1")).first():
        return
    pools = _rows(connection, "SELECT id, code FROM pool ORDER BY id", id=Uuid())
    wanted = [(kind, side, guarded, kind, None) for kind, side, guarded in _COMMON]
    wanted += [(kind, side, guarded, f"{kind}:{pool.code}", pool.id) for pool in pools
               for kind, side, guarded in _PER_POOL]
    table = _table("account", id=Uuid(), code=sa.String(), kind=sa.String(), book=sa.String(), pool_id=Uuid(),
                   currency=sa.String(), side=sa.String(), guarded=sa.Boolean(), debits_posted=sa.BigInteger(),
                   credits_posted=sa.BigInteger())
    _insert(connection, table, [
        {"id": _account(kind, pool_id), "code": code, "kind": kind, "book": "P", "pool_id": pool_id,
         "currency": "USD", "side": side, "guarded": guarded, "debits_posted": 0, "credits_posted": 0}
        for kind, side, guarded, code, pool_id in wanted
    ])


def keep_months(connection: Connection) -> None:
    """Totals of every account by the UTC month of its entries."""
    month = (
        "CAST(substr(e.occurred_at, 1, 4) || substr(e.occurred_at, 6, 2) AS INTEGER)"
        if connection.dialect.name == "sqlite" else "to_char(e.occurred_at AT TIME ZONE 'UTC', 'YYYYMM')::integer"
    )
    connection.execute(text(
        "INSERT INTO account_month (account_id, month, debits, credits, legs) SELECT l.account_id, "
        f"{month}, sum(CASE l.side WHEN 'D' THEN l.usd_minor ELSE 0 END), "
        "sum(CASE l.side WHEN 'C' THEN l.usd_minor ELSE 0 END), count(*) "
        "FROM leg l JOIN entry e ON e.id = l.entry_id JOIN posting p ON p.entry_id = e.id GROUP BY 1, 2"))


def keep_years(connection: Connection) -> None:
    """What was announced in each UTC year."""
    year = (
        "CAST(substr(announced_at, 1, 4) AS INTEGER)" if connection.dialect.name == "sqlite"
        else "extract(year FROM announced_at AT TIME ZONE 'UTC')::integer"
    )
    connection.execute(text("INSERT INTO pledge_year (year, usd_minor, pledges) "
                            f"SELECT {year}, sum(usd_minor), count(*) FROM pledge "
                            "WHERE organisation_id IS NOT NULL GROUP BY 1"))


def note_earlier_acceptances(connection: Connection) -> None:
    """The earlier release asked no second person to check a donor. What it accepted stands, and the books say up to
    which event that was (contributions/donor_checks.py); nobody is said to have checked who did not."""
    if not connection.execute(text("SELECT 1 FROM contribution WHERE accepted_by IS NOT NULL LIMIT 1")).first():
        return
    last = _rows(connection, "SELECT max(recorded_at) AS last FROM event", last=Instant())[0].last
    _insert(connection, _table("fund_setting", id=Uuid(), name=sa.String(), value=sa.Text(), set_at=Instant()), [
        {"id": new_id(), "name": "donor_checks_after", "value": last.isoformat(), "set_at": last}])


@dataclass
class _Line:
    """A reservation's part that one lot carries, as the entries so far leave it (direct costs; support costs follow,
    rounded down and cumulative)."""

    id: uuid.UUID
    lot_id: uuid.UUID
    pool_id: uuid.UUID
    rate_bp: int
    direct: int
    support: int
    spent: int = 0
    released: int = 0

    def charged(self) -> int:
        """Support costs charged so far."""
        return self.spent * self.rate_bp // 10_000

    def left(self) -> int:
        """What is still set aside, support costs included."""
        kept = (self.direct - self.released) * self.rate_bp // 10_000
        return self.direct - self.spent - self.released + kept - self.charged()


def move_lots(connection: Connection) -> None:
    """What every entry did with every lot: fees as they stand, the rest by doing again, in the order of entries, what
    was reserved, spent, returned and released. Raises Refused where that does not lead to what stands."""
    connection.execute(text("INSERT INTO lot_movement (entry_id, lot_id, part, amount_minor) "
                            "SELECT entry_id, lot_id, 'fee', amount_minor FROM old_lot_charge"))
    _insert(connection, _MOVEMENT, _Replay(connection).movements())


_MOVEMENT = _table("lot_movement", entry_id=Uuid(), lot_id=Uuid(), part=sa.String(), amount_minor=sa.BigInteger())


class _Replay:
    """The reservations of the old books, played again."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        rows = _rows(
            connection, "SELECT l.id, l.reservation_id, l.lot_id, t.pool_id, l.rate_bp, l.direct_minor, "
            "l.support_minor, l.spent_direct_minor, l.released_direct_minor FROM old_reservation_line l "
            "JOIN old_lot t ON t.id = l.lot_id ORDER BY l.reservation_id, l.n",
            id=Uuid(), reservation_id=Uuid(), lot_id=Uuid(), pool_id=Uuid())
        self.lines: dict[uuid.UUID, list[_Line]] = {}
        self.stands: dict[uuid.UUID, tuple[int, int]] = {}
        for row in rows:
            line = _Line(row.id, row.lot_id, row.pool_id, row.rate_bp, row.direct_minor, row.support_minor)
            self.lines.setdefault(row.reservation_id, []).append(line)
            self.stands[row.id] = (row.spent_direct_minor, row.released_direct_minor)
        self.by_id = {line.id: line for lines in self.lines.values() for line in lines}
        self.open: dict[Subject, list[uuid.UUID]] = {}
        self.found: dict[tuple[uuid.UUID, uuid.UUID, str], int] = {}

    def movements(self) -> list[dict[str, Any]]:
        """Rows of lot_movement in the order of entries."""
        steps: list[tuple[uuid.UUID, Any, Any]] = [*self._reserved(), *self._spent(), *self._released()]
        for entry_id, act, what in sorted(steps, key=lambda step: step[0]):
            act(entry_id, what)
        for line in self.by_id.values():
            if (line.spent, line.released) != self.stands[line.id]:
                raise Refused(f"reservation line {line.id} does not follow from its entries: run verify with the "
                              "earlier release")
        return [{"entry_id": entry, "lot_id": lot, "part": part, "amount_minor": amount}
                for (entry, lot, part), amount in self.found.items() if amount]

    def _add(self, entry_id: uuid.UUID, line: _Line, **amounts: int) -> None:
        for part, amount in amounts.items():
            key = (entry_id, line.lot_id, part)
            self.found[key] = self.found.get(key, 0) + amount

    def _reserved(self) -> Iterable[tuple[uuid.UUID, Any, Any]]:
        rows = _rows(self.connection, "SELECT id, subject_type, subject_id, entry_id FROM old_reservation",
                     id=Uuid(), subject_id=Uuid(), entry_id=Uuid())
        return [(row.entry_id, self._reserve, row) for row in rows]

    def _reserve(self, entry_id: uuid.UUID, row: Any) -> None:
        self.open.setdefault((row.subject_type, row.subject_id), []).append(row.id)
        for line in self.lines[row.id]:
            self._add(entry_id, line, reserved=line.direct + line.support)

    def _spent(self) -> Iterable[tuple[uuid.UUID, Any, Any]]:
        rows = _rows(
            self.connection, "SELECT s.id, s.entry_id, s.return_entry_id, l.reservation_line_id AS line, l.direct_minor"
            " FROM old_spend s JOIN old_spend_line l ON l.spend_id = s.id",
            id=Uuid(), entry_id=Uuid(), return_entry_id=Uuid(), line=Uuid())
        for row in rows:
            yield row.entry_id, self._spend, (row.line, row.direct_minor)
            if row.return_entry_id:
                yield row.return_entry_id, self._spend, (row.line, -row.direct_minor)

    def _spend(self, entry_id: uuid.UUID, part: tuple[uuid.UUID, int]) -> None:
        """Spend so much of a line, or (below zero) take it back."""
        line, direct = self.by_id[part[0]], part[1]
        before = line.charged()
        line.spent += direct
        support = line.charged() - before
        self._add(entry_id, line, reserved=-direct - support, direct=direct, support=support)

    def _released(self) -> Iterable[tuple[uuid.UUID, Any, Any]]:
        rows = _rows(
            self.connection, "SELECT e.id, e.subject_type, e.subject_id, a.pool_id, l.usd_minor FROM old_entry e "
            "JOIN old_leg l ON l.entry_id = e.id JOIN old_account a ON a.id = l.account_id "
            "WHERE e.kind = 'release' AND a.kind = 'reserved' AND l.side = 'D'",
            id=Uuid(), subject_id=Uuid(), pool_id=Uuid())
        entries: dict[tuple[uuid.UUID, Subject], dict[uuid.UUID, int]] = {}
        for row in rows:
            totals = entries.setdefault((row.id, (row.subject_type, row.subject_id)), {})
            totals[row.pool_id] = totals.get(row.pool_id, 0) + row.usd_minor
        return [(entry_id, self._release, (subject, totals)) for (entry_id, subject), totals in entries.items()]

    def _release(self, entry_id: uuid.UUID, what: tuple[Subject, dict[uuid.UUID, int]]) -> None:
        """An entry names its subject: of that subject's reservations, the one of which just this was left."""
        subject, totals = what
        for reservation_id in self.open.get(subject, ()):
            lines = [line for line in self.lines[reservation_id] if line.spent + line.released < line.direct]
            left: dict[uuid.UUID, int] = {}
            for line in lines:
                left[line.pool_id] = left.get(line.pool_id, 0) + line.left()
            if left == totals and all(self.stands[line.id][1] > line.released for line in lines):
                for line in lines:
                    self._add(entry_id, line, reserved=-line.left())
                    line.released = line.direct - line.spent
                return
        raise Refused(f"release {entry_id} is of no reservation that is known: run verify with the earlier release")


def keep_shortfalls(connection: Connection) -> None:
    """What banks took when a pool had nothing free, entry by entry; what covered it later covered the oldest first."""
    rows = _rows(
        connection, "SELECT e.id, a.pool_id, l.side, l.usd_minor, e.subject_type, e.subject_id FROM leg l "
        "JOIN account a ON a.id = l.account_id JOIN entry e ON e.id = l.entry_id WHERE a.kind = 'shortfall' "
        "ORDER BY e.id", id=Uuid(), pool_id=Uuid(), subject_id=Uuid())
    covered: dict[uuid.UUID, int] = {}
    for row in rows:
        if row.side == "C":
            covered[row.pool_id] = covered.get(row.pool_id, 0) + row.usd_minor
    found = []
    for row in rows:
        if row.side == "D":
            part = min(row.usd_minor, covered.get(row.pool_id, 0))
            covered[row.pool_id] = covered.get(row.pool_id, 0) - part
            found.append(_short(row.id, row.pool_id, row.usd_minor, (row.subject_type, row.subject_id), part))
    _insert(connection, _SHORTFALL, found)


_SHORTFALL = _table("shortfall", entry_id=Uuid(), pool_id=Uuid(), becomes=sa.String(), source_type=sa.String(),
                    source_id=Uuid(), amount_minor=sa.BigInteger(), covered_minor=sa.BigInteger())


def _short(
    entry_id: uuid.UUID, pool_id: uuid.UUID, amount: int, source: Subject, covered: int = 0
) -> dict[str, Any]:
    return {"entry_id": entry_id, "pool_id": pool_id, "becomes": "fees", "source_type": source[0],
            "source_id": source[1], "amount_minor": amount, "covered_minor": covered}


# --- under the new triggers -------------------------------------------------------------------------------------
_ENTRY = _table("entry", id=Uuid(), kind=sa.String(), key=sa.String(), occurred_at=Instant(), recorded_at=Instant(),
                actor=sa.String(), subject_type=sa.String(), subject_id=Uuid(), corrects_id=Uuid())
_LEG = _table("leg", entry_id=Uuid(), n=sa.Integer(), account_id=Uuid(), side=sa.String(), usd_minor=sa.BigInteger(),
              original_minor=sa.BigInteger(), original_currency=sa.String())
_POSTING = _table("posting", entry_id=Uuid(), posted_at=Instant())
_Leg = tuple[uuid.UUID, str, int]  # account, side, amount


def _post(
    connection: Connection, kind: str, key: str, subject: Subject, at: datetime, legs: Iterable[_Leg],
    corrects: uuid.UUID | None = None,
) -> uuid.UUID:
    """One entry. It happened when what it restates happened; it is recorded now."""
    entry_id, now = new_id(), datetime.now(UTC)
    connection.execute(sa.insert(_ENTRY), {
        "id": entry_id, "kind": kind, "key": key, "occurred_at": at, "recorded_at": now, "actor": "system:migration",
        "subject_type": subject[0], "subject_id": subject[1], "corrects_id": corrects})
    connection.execute(sa.insert(_LEG), [
        {"entry_id": entry_id, "n": n, "account_id": account, "side": side, "usd_minor": amount,
         "original_minor": amount, "original_currency": "USD"}
        for n, (account, side, amount) in enumerate(leg for leg in legs if leg[2])])
    connection.execute(sa.insert(_POSTING), {"entry_id": entry_id, "posted_at": now})
    return entry_id


def _move(amount: int, debit: uuid.UUID, credit: uuid.UUID) -> list[_Leg]:
    return [(debit, "D", amount), (credit, "C", amount)]


def restate_refunds(connection: Connection) -> None:
    """Refunds in the new order: money is set aside, then paid. One that was paid is booked anew, so that news of it
    (it may still fail) meets the books it expects; one under way is set aside now."""
    suspense, due = _account("suspense"), _account("refunds_due")
    refunds = _rows(
        connection, "SELECT id, state, contribution_id, amount_minor, stripe_refund_id, created_at FROM refund "
        "WHERE state IN ('created', 'pending', 'succeeded') ORDER BY id",
        id=Uuid(), contribution_id=Uuid(), created_at=Instant())
    for row in refunds:
        subject, amount, at = ("contribution", row.contribution_id), row.amount_minor, row.created_at
        paid = None
        if row.state == "succeeded":
            paid = _paid(connection, f"stripe:{row.stripe_refund_id}:refund")
            at = paid.occurred_at
            _post(connection, "refund.restated", f"refund:{row.id}:restated", subject, at,
                  _move(amount, paid.account_id, suspense), paid.id)
        else:
            connection.execute(
                text("UPDATE held_receipt SET refunded_minor = refunded_minor + :amount "
                     "WHERE source_type = 'contribution' AND source_id = :source").bindparams(
                         sa.bindparam("source", type_=Uuid())), {"amount": amount, "source": row.contribution_id})
        _post(connection, "refund.hold", f"refund:{row.id}:hold", subject, at, _move(amount, suspense, due))
        if paid is not None:
            _post(connection, "refund.paid", f"refund:{row.id}:paid", subject, at, _move(amount, due, paid.account_id))


def _paid(connection: Connection, key: str) -> Any:
    """The entry of a refund that was paid, and the account that its money left. Raises Refused."""
    found = connection.execute(
        text("SELECT e.id, e.occurred_at, a.id AS account_id FROM entry e JOIN leg l ON l.entry_id = e.id "
             "AND l.side = 'C' JOIN account a ON a.id = l.account_id AND a.kind IN ('bank', 'stripe_clearing') "
             "WHERE e.key = :key AND e.kind = 'suspense.refund'")
        .columns(id=Uuid(), occurred_at=Instant(), account_id=Uuid()), {"key": key}).first()
    if found is None:
        raise Refused(f"no entry {key} stands for a refund that was paid: run verify with the earlier release")
    return found


def restate_lost_fees(connection: Connection) -> None:
    """Fees of payments that went back stand no longer on an account of their own. Where the money waits for its donor
    again, so does its fee; where it is gone, the pool without an earmark bears the fee as the new release would have
    had it, out of free money, and what is lacking is its shortfall. Raises Refused while there is no such pool."""
    rows = _rows(
        connection, "SELECT e.id, e.occurred_at, e.subject_type, e.subject_id, l.account_id, l.usd_minor, c.state "
        "FROM leg l JOIN account a ON a.id = l.account_id JOIN entry e ON e.id = l.entry_id "
        "JOIN contribution c ON c.id = e.subject_id WHERE a.kind = 'fees_lost' ORDER BY e.id",
        id=Uuid(), occurred_at=Instant(), subject_id=Uuid(), account_id=Uuid())
    pools = _rows(connection, "SELECT id FROM pool WHERE earmark IS NULL ORDER BY is_demo, code LIMIT 1", id=Uuid())
    for row in rows:
        subject = (row.subject_type, row.subject_id)
        _post(connection, "refund.restated", f"fee:{row.id}:restated", subject, row.occurred_at,
              _move(row.usd_minor, _account("suspense_fees"), row.account_id), row.id)
        if row.state == "refunded":
            if not pools:
                raise Refused("fees of refunds were lost, and no pool can bear them: open one without an earmark with "
                              "the earlier release (flask --app app load-reference-data)")
            _bear(connection, pools[0].id, row)


def _bear(connection: Connection, pool_id: uuid.UUID, row: Any) -> None:
    subject: Subject = (row.subject_type, row.subject_id)
    paid = _free_of(connection, pool_id, row.usd_minor)
    total = sum(paid.values())
    # the kind and key by which the ledger knows that this contribution's fee is lost (ledger/takebacks.py)
    entry_id = _post(
        connection, "fee.lost", f"{row.subject_type}:{row.subject_id}:fee-lost:1", subject, row.occurred_at,
        [(_account("fees", pool_id), "D", total), (_account("shortfall", pool_id), "D", row.usd_minor - total),
         (_account("suspense_fees"), "C", row.usd_minor),
         *_move(total, _account("available", pool_id), _account("appropriated", pool_id))])
    _insert(connection, _MOVEMENT, [
        {"entry_id": entry_id, "lot_id": lot_id, "part": "fee", "amount_minor": amount}
        for lot_id, amount in paid.items()])
    if total < row.usd_minor:
        _insert(connection, _SHORTFALL, [_short(entry_id, pool_id, row.usd_minor - total, subject)])


def _free_of(connection: Connection, pool_id: uuid.UUID, wanted: int) -> dict[uuid.UUID, int]:
    """What of `wanted` the pool's lots have free, in the order in which a cost takes it (ledger/costs.py)."""
    lots = connection.execute(
        text("SELECT id, amount_minor - reserved_minor - spent_minor - charged_minor AS free FROM lot "
             "WHERE pool_id = :pool AND amount_minor > reserved_minor + spent_minor + charged_minor "
             "ORDER BY end_date IS NULL, end_date, deposited_at, id")
        .bindparams(sa.bindparam("pool", type_=Uuid())).columns(id=Uuid()), {"pool": pool_id})
    paid: dict[uuid.UUID, int] = {}
    for lot in lots:
        if wanted:
            paid[lot.id] = min(wanted, lot.free)
            wanted -= paid[lot.id]
    return paid


_BALANCE = "coalesce(sum(debits_posted - credits_posted), 0) FROM account WHERE kind"
_PROOFS = {
    "money in suspense is not what the receipts held say":
        f"SELECT (SELECT {_BALANCE} IN ('suspense', 'suspense_exchange')) + (SELECT coalesce(sum(gross_minor "
        "+ exchange_minor - accepted_minor - refunded_minor), 0) FROM held_receipt)",
    "fees of money in suspense are not what the receipts held say":
        f"SELECT (SELECT {_BALANCE} IN ('suspense_fees', 'fees_lost')) - (SELECT coalesce(sum(h.fee_minor), 0) "
        "FROM held_receipt h LEFT JOIN contribution c ON c.id = h.source_id "
        "WHERE h.accepted_minor = 0 AND coalesce(c.state, '') <> 'refunded')",
    "lots are not what their movements say":
        "SELECT count(*) FROM lot t LEFT JOIN (SELECT lot_id, sum(amount_minor) AS taken FROM lot_movement "
        "GROUP BY lot_id) m ON m.lot_id = t.id WHERE t.reserved_minor + t.spent_minor + t.charged_minor "
        "<> coalesce(m.taken, 0)",
    "what is appropriated is not what is there":
        f"SELECT (SELECT {_BALANCE} IN ('bank', 'stripe_clearing', 'suspense_fees', 'suspense_exchange', 'shortfall', "
        f"'in_transit', 'support_costs_due', 'suspense', 'refunds_due')) - (SELECT {_BALANCE} = 'appropriated')",
}


def prove(connection: Connection) -> None:
    """The new books are whole. Raises Refused."""
    for fault, sql in _PROOFS.items():
        if connection.execute(text(sql)).scalar_one():
            raise Refused(f"{fault}: run verify with the earlier release, and upgrade when it finds nothing")
