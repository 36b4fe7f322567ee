"""Refunds (API reference, "Refunds"; Stripe docs, "Refund bank transfer payments", "Failed refunds").

A card refund succeeds at once, unless the switch ``refund_delay`` keeps it pending. A bank transfer goes back to
the payer's bank: always pending first, and Stripe needs an email address to ask for the account. A refund may
fail while it is pending and after it had succeeded; the money then returns to the balance.

Simplified: the balance is charged when the refund is made, whatever is in it; asking for the account
(``requires_action``) and its 45 days are left out.
"""

from __future__ import annotations

from typing import Any

from . import balance, bank_accounts, cash, disputes, money_objects, objects
from .currencies import check_currency, check_granularity, show
from .errors import ApiError, InvalidParameters, missing
from .store import Obj, Tx

KIND = "refund"


def of_charge(tx: Tx, charge_id: str) -> list[Obj]:
    """Refunds of one charge, oldest first."""
    return tx.children(KIND, charge_id)


def create(tx: Tx, given: dict[str, Any]) -> Obj:
    """POST /v1/refunds: by charge, by payment intent, or from a customer's cash balance."""
    if "origin" in given:
        return _from_cash(tx, given)
    charge = _charge(tx, given)
    disputes.holds_refunds(tx, charge)
    left = charge["amount"] - charge["amount_refunded"]
    if left == 0:
        raise ApiError(
            400, f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded"
        )
    amount = given.get("amount", left)
    if amount < 1:
        raise InvalidParameters("Invalid positive integer", code="parameter_invalid_integer", param="amount")
    if amount > left:
        raise ApiError(
            400,
            f"Refund amount ({show(amount, charge['currency'])}) is greater than unrefunded amount "
            f"on charge ({show(left, charge['currency'])})",
            param="amount",
        )
    check_granularity(amount, charge["currency"], "amount")
    by_card = charge["payment_method_details"]["type"] == "card"
    if not by_card:
        _needs_email(tx, charge["customer"], given)
    destination = "card" if by_card else bank_accounts.TYPES[charge["currency"]]
    refund = money_objects.refund(tx.now, amount, charge["currency"], given, charge, destination)
    txn = balance.book(
        tx,
        "refund" if by_card else "payment_refund",
        -amount,
        charge["currency"],
        refund["id"],
        "REFUND FOR CHARGE" if by_card else "REFUND FOR PAYMENT",
        category="refund",
    )
    refund["balance_transaction"] = txn["id"]
    _start(tx, refund, by_card=by_card, parent=charge["id"])
    previous = {"amount_refunded": charge["amount_refunded"]}
    _recount(tx, charge)
    if charge["refunded"]:
        previous["refunded"] = False
    tx.emit("refund.created", refund)
    tx.emit("charge.refunded", charge, previous)
    disputes.refunded(tx, charge)
    return refund


def _start(tx: Tx, refund: Obj, *, by_card: bool, parent: str) -> None:
    """Succeed at once, or wait for ``refund_delay``."""
    wait = float(tx.switches()["refund_delay"])
    if by_card and not wait:
        refund["status"] = "succeeded"
    else:
        refund["pending_reason"] = "processing"
        tx.add({"id": f"{refund['id']}#due", "object": "_refund_due", "due": tx.now + wait}, refund["id"])
    tx.add(refund, parent=parent)


def _charge(tx: Tx, given: dict[str, Any]) -> Obj:
    if "charge" in given:
        charge = tx.load("charge", given["charge"], "charge")
        if given.get("payment_intent", charge["payment_intent"]) != charge["payment_intent"]:
            raise InvalidParameters("The charge does not belong to the payment intent.", param="charge")
    elif "payment_intent" in given:
        intent = tx.load("payment_intent", given["payment_intent"], "payment_intent")
        if intent["status"] != "succeeded":
            raise ApiError(
                400,
                f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.",
                param="payment_intent",
            )
        charge = tx.load("charge", intent["latest_charge"], "payment_intent")
    else:
        raise missing("payment_intent")
    if not charge["paid"]:
        raise ApiError(400, f"Charge {charge['id']} was not paid, so it cannot be refunded.", param="charge")
    return charge


def _needs_email(tx: Tx, customer_id: str, given: dict[str, Any]) -> None:
    customer = tx.load("customer", customer_id, "customer", 400)
    if not (given.get("instructions_email") or customer["email"]):
        raise ApiError(
            400,
            "The customer has no email address. Stripe needs one to ask for the bank account that the refund "
            "goes to.",
            param="instructions_email",
        )


def _from_cash(tx: Tx, given: dict[str, Any]) -> Obj:
    """``origin=customer_balance``: unapplied money goes back to the payer's bank."""
    for name in ("customer", "amount", "currency"):
        if name not in given:
            raise missing(name)
    _needs_email(tx, given["customer"], given)
    currency = check_currency(given["currency"], "currency")
    left = cash.available(tx, given["customer"]).get(currency, 0)
    if not 1 <= given["amount"] <= left:
        raise ApiError(
            400,
            f"The cash balance of the customer holds {show(left, currency)}; the refund must be between 1 and "
            "that amount.",
            param="amount",
        )
    destination = bank_accounts.TYPES[currency]
    refund = money_objects.refund(tx.now, given["amount"], currency, given, None, destination)
    _start(tx, refund, by_card=False, parent=given["customer"])
    cash.move(tx, given["customer"], currency, "return_initiated", -given["amount"])
    tx.emit("refund.created", refund)
    return refund


def _recount(tx: Tx, charge: Obj) -> None:
    kept = (r["amount"] for r in of_charge(tx, charge["id"]) if r["status"] not in ("failed", "canceled"))
    charge["amount_refunded"] = sum(kept)
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    tx.save(charge)


def update(tx: Tx, refund_id: str, given: dict[str, Any]) -> Obj:
    """POST /v1/refunds/:id: only metadata can change; an empty value removes a key."""
    refund = tx.load(KIND, refund_id, "refund")
    previous = {"metadata": dict(refund["metadata"])}
    refund["metadata"] = objects.merged_metadata(refund["metadata"], given.get("metadata"))
    tx.save(refund)
    tx.emit("refund.updated", refund, previous)
    return refund


def due(tx: Tx) -> list[str]:
    """Pending refunds whose time has come."""
    rows = tx.conn.execute(
        "SELECT parent FROM object WHERE kind = '_refund_due' AND json_extract(data, '$.due') <= ?", (tx.now,)
    )
    return [row["parent"] for row in rows]


def succeed(tx: Tx, refund_id: str) -> Obj:
    """The payer has the money."""
    refund = tx.load(KIND, refund_id, "refund")
    if refund["status"] != "pending":
        raise ApiError(400, f"Refund {refund_id} is {refund['status']}, not pending.", param="status")
    tx.drop(f"{refund_id}#due")
    refund["status"] = "succeeded"
    del refund["pending_reason"]
    tx.save(refund)
    tx.emit("refund.updated", refund, {"pending_reason": "processing", "status": "pending"})
    return refund


def fail(tx: Tx, refund_id: str, reason: str) -> Obj:
    """The bank sent the money back, before or after the refund had succeeded."""
    refund = tx.load(KIND, refund_id, "refund")
    if refund["status"] == "failed":
        raise ApiError(400, f"Refund {refund_id} has already failed.")
    tx.drop(f"{refund_id}#due")
    previous = {"status": refund["status"]}
    refund.pop("pending_reason", None)
    refund.update(status="failed", failure_reason=reason)
    if refund["charge"] is None:
        customer, currency = refund["customer"], refund["currency"]
        cash.move(tx, customer, currency, "return_canceled", refund["amount"])
    else:
        txn = balance.book(
            tx,
            "refund_failure",
            refund["amount"],
            refund["currency"],
            refund["id"],
            "REFUND FAILURE",
        )
        refund["failure_balance_transaction"] = txn["id"]
    tx.save(refund)
    if refund["charge"]:
        _recount(tx, tx.load("charge", refund["charge"], "charge"))
    tx.emit("refund.updated", refund, previous)
    tx.emit("refund.failed", refund)
    return refund
