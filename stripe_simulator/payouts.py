"""Payouts (API reference, "Payouts"; Stripe docs, "Payout reconciliation").

An automatic payout sends everything that is available and says which balance transactions it contains: each in
one payout only, the payout's own among them, so that their nets add up to nothing. A manual payout names an
amount and contains nothing; its transaction is part of the next automatic one.

A payout that no control moves is paid on its arrival date. Simplified: there is one bank account, no schedule
(an automatic payout is made by the control switch), and no minimum; the balance is charged when the payout is
made.
"""

from __future__ import annotations

import time
from typing import Any

from . import balance, money_objects
from .currencies import check_currency
from .errors import ApiError, InvalidParameters, unsupported
from .store import Obj, Tx

KIND = "payout"
#: From which status a control may go where.
MOVES = {
    "in_transit": ("pending",),
    "paid": ("pending", "in_transit"),
    "failed": ("pending", "in_transit", "paid"),
}


def _arrival(now: int) -> int:
    """Midnight (UTC) of the second business day from now."""
    day = now // balance.DAY * balance.DAY
    left = 2
    while left:
        day += balance.DAY
        left -= time.gmtime(day).tm_wday < 5
    return day


def create(tx: Tx, given: dict[str, Any]) -> Obj:
    """POST /v1/payouts: a manual payout."""
    currency = check_currency(given["currency"], "currency")
    if given["amount"] < 1:
        raise InvalidParameters("Invalid positive integer", code="parameter_invalid_integer", param="amount")
    if given.get("method", "standard") != "standard":
        raise unsupported("method (other than standard)")
    available, _ = balance.nets(tx)
    if currency != tx.config.settlement_currency or given["amount"] > available:
        raise ApiError(
            400,
            "You have insufficient funds in your Stripe account for this payout. Your card balance is too low.",
            code="balance_insufficient",
            param="amount",
        )
    payout = _send(tx, given["amount"], given, automatic=False)
    tx.emit("payout.created", payout)
    return payout


def _send(tx: Tx, amount: int, given: dict[str, Any], *, automatic: bool) -> Obj:
    currency = tx.config.settlement_currency
    payout = tx.add(money_objects.payout(tx.now, _arrival(tx.now), amount, currency, given, automatic))
    txn = balance.book(tx, "payout", -amount, currency, payout["id"], payout["description"])
    payout["balance_transaction"] = txn["id"]
    return tx.save(payout)


def automatic(tx: Tx, *, reconciled: bool = True) -> Obj | None:
    """Pay out everything that is available; None when that is nothing."""
    contained = tx.ids(
        "kind = 'balance_transaction' AND json_extract(data, '$.available_on') <= ? "
        "AND NOT EXISTS (SELECT 1 FROM payout_item WHERE txn = object.id)",
        tx.now,
    )
    amount, _ = balance.nets(tx)
    if amount <= 0:
        return None
    payout = _send(tx, amount, {}, automatic=True)
    tx.conn.executemany(
        "INSERT INTO payout_item (txn, payout) VALUES (?, ?)",
        [(txn, payout["id"]) for txn in (*contained, payout["balance_transaction"])],
    )
    tx.emit("payout.created", payout)
    return reconcile(tx, payout["id"]) if reconciled else payout


def reconcile(tx: Tx, payout_id: str) -> Obj:
    """From now on the contained transactions can be listed."""
    payout = tx.load(KIND, payout_id, "payout")
    if payout["reconciliation_status"] != "in_progress":
        raise ApiError(400, f"The reconciliation of this payout is {payout['reconciliation_status']}.")
    payout["reconciliation_status"] = "completed"
    tx.save(payout)
    tx.emit("payout.reconciliation_completed", payout)
    return payout


def check_listing(tx: Tx, payout_id: str) -> None:
    """Refuse a list of what a payout contains where Stripe cannot tell."""
    payout = tx.load(KIND, payout_id, "payout")
    if not payout["automatic"]:
        raise ApiError(
            400,
            "Balance transaction history can only be filtered on automatic payouts, not manual.",
            param="payout",
        )
    if payout["reconciliation_status"] != "completed":
        raise ApiError(
            400,
            "The balance transactions of this payout are not known yet: wait for "
            "payout.reconciliation_completed.",
            code="payout_reconciliation_not_ready",
            param="payout",
        )


def move(
    tx: Tx, payout_id: str, status: str, code: str = "could_not_process", text: str | None = None
) -> Obj:
    """Control, or the arrival date: in transit, paid, failed."""
    payout = tx.load(KIND, payout_id, "payout")
    if payout["status"] not in MOVES[status]:
        raise ApiError(400, f"A payout that is {payout['status']} cannot become {status}.", param="status")
    previous = {"status": payout["status"]}
    payout["status"] = status
    if status == "failed":
        payout.update(
            failure_code=code,
            failure_message=text or "The bank could not process this payout (simulated).",
        )
        _take_back(tx, payout, "payout_failure", "PAYOUT FAILURE")
        payout["trace_id"] = {"status": "unsupported", "value": None}
    elif status == "paid":
        payout["trace_id"] = {"status": "supported", "value": f"SIM{payout['id'][-12:].upper()}"}
    tx.save(payout)
    tx.emit("payout.updated", payout, previous)
    if status != "in_transit":
        tx.emit(f"payout.{status}", payout)
    return payout


def _take_back(tx: Tx, payout: Obj, kind: str, text: str) -> None:
    """The money is in the balance again, and goes into the next automatic payout."""
    currency, category = payout["currency"], "payout_reversal"
    txn = balance.book(tx, kind, payout["amount"], currency, payout["id"], text, category=category)
    payout["failure_balance_transaction"] = txn["id"]


def cancel(tx: Tx, payout_id: str) -> Obj:
    """POST /v1/payouts/:id/cancel: only a manual one that has not left yet."""
    payout = tx.load(KIND, payout_id, "payout")
    if payout["automatic"] or payout["status"] != "pending":
        raise ApiError(
            400,
            f"Payouts can only be canceled while they are pending and manual; this one is {payout['status']}"
            f"{' and automatic' if payout['automatic'] else ''}.",
        )
    payout["status"] = "canceled"
    _take_back(tx, payout, "payout_cancel", "PAYOUT CANCEL")
    tx.save(payout)
    tx.emit("payout.canceled", payout)
    return payout


def arriving(tx: Tx) -> list[str]:
    """Payouts whose arrival date has come."""
    return tx.ids(
        "kind = 'payout' AND json_extract(data, '$.status') IN ('pending', 'in_transit') "
        "AND json_extract(data, '$.arrival_date') <= ?",
        tx.now,
    )


def expect(tx: Tx, payout_id: str, at: int) -> Obj:
    """Control: change when it arrives."""
    payout = tx.load(KIND, payout_id, "payout")
    payout["arrival_date"] = at
    tx.save(payout)
    return move(tx, payout_id, "paid") if payout_id in arriving(tx) else payout
