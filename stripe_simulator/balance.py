"""The account's balance: its transactions, what is available, and what is paid out (API reference, "Balance")."""

from __future__ import annotations

from collections.abc import Callable

from . import money_objects, rates
from .store import Obj, Tx

DAY = 24 * 3600
KIND = "balance_transaction"


def no_fee(amount: int) -> int:
    """Most movements cost nothing."""
    return 0


def book(
    tx: Tx,
    kind: str,
    amount: int,
    currency: str,
    source: str,
    description: str | None,
    *,
    category: str | None = None,
    fee: Callable[[int], int] = no_fee,
    fee_text: str = "Stripe processing fees",
    days: float = 0.0,
) -> Obj:
    """One movement, converted to the settlement currency at the rate of this moment.

    ``amount`` in minor units of ``currency``, signed; ``fee`` gives the fee for the converted amount.
    """
    settled, rate = rates.convert(tx, amount, currency)
    made = money_objects.balance_transaction(
        tx.now,
        tx.now + int(days * DAY),
        kind,
        settled,
        tx.config.settlement_currency,
        rate,
        fee(settled),
        fee_text,
        source,
        description,
        category,
    )
    return tx.add(made, parent=source)


def shown(tx: Tx, txn: Obj) -> Obj:
    """The transaction as it reads now: pending until its day has come."""
    return txn | {"status": "available"} if txn["available_on"] <= tx.now else txn


def nets(tx: Tx) -> tuple[int, int]:
    """(available, pending): the sums of the nets."""
    row = tx.conn.execute(
        "SELECT coalesce(sum(json_extract(data, '$.net')) FILTER "
        "(WHERE json_extract(data, '$.available_on') <= :now), 0) AS available, "
        "coalesce(sum(json_extract(data, '$.net')) FILTER "
        "(WHERE json_extract(data, '$.available_on') > :now), 0) AS pending "
        "FROM object WHERE kind = 'balance_transaction'",
        {"now": tx.now},
    ).fetchone()
    return int(row["available"]), int(row["pending"])


def retrieve(tx: Tx) -> Obj:
    """GET /v1/balance: nothing but the sum of the balance transactions."""

    def part(net: int) -> list[Obj]:
        return [{"amount": net, "currency": tx.config.settlement_currency, "source_types": {"card": net}}]

    available, pending = nets(tx)
    return {
        "object": "balance",
        "available": part(available),
        "livemode": False,
        "pending": part(pending),
        "refund_and_dispute_prefunding": {"available": [], "pending": []},
    }


def mature(tx: Tx) -> int:
    """Let everything that is pending be available now; how many transactions that changed."""
    changed = tx.conn.execute(
        "UPDATE object SET data = json_set(data, '$.available_on', ?) "
        "WHERE kind = 'balance_transaction' AND json_extract(data, '$.available_on') > ?",
        (tx.now, tx.now),
    ).rowcount
    if changed:
        tx.emit("balance.available", retrieve(tx))
    return changed
