"""Refunds (API reference, "Refunds"): full, partial, and the refund that fails afterwards."""

from __future__ import annotations

from typing import Any

from . import money_objects, objects
from .currencies import check_granularity, show
from .errors import ApiError, InvalidParameters, missing
from .payments import load
from .store import Obj, Tx


def of_charge(tx: Tx, charge_id: str) -> list[Obj]:
    """Refunds of one charge, oldest first."""
    return tx.children("refund", charge_id)


def create(tx: Tx, given: dict[str, Any]) -> Obj:
    """POST /v1/refunds, by charge or by payment intent."""
    charge = _charge(tx, given)
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
    refund = money_objects.refund(tx.now, charge, amount, given.get("reason"), objects.kept_metadata(given))
    txn = money_objects.balance_transaction(
        tx.now, tx.now, "refund", -amount, charge["currency"], 0, refund["id"], "REFUND FOR CHARGE"
    )
    refund["balance_transaction"] = txn["id"]
    tx.add(refund, parent=charge["id"])
    tx.add(txn, parent=refund["id"])
    previous = {"amount_refunded": charge["amount_refunded"]}
    _recount(tx, charge)
    if charge["refunded"]:
        previous["refunded"] = False
    tx.emit("refund.created", refund)
    tx.emit("charge.refunded", charge, previous)
    return refund


def _charge(tx: Tx, given: dict[str, Any]) -> Obj:
    if "charge" in given:
        charge = load(tx, "charge", given["charge"], "charge")
        if given.get("payment_intent", charge["payment_intent"]) != charge["payment_intent"]:
            raise InvalidParameters("The charge does not belong to the payment intent.", param="charge")
    elif "payment_intent" in given:
        intent = load(tx, "payment_intent", given["payment_intent"], "payment_intent")
        if intent["status"] != "succeeded":
            raise ApiError(
                400,
                f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.",
                param="payment_intent",
            )
        charge = load(tx, "charge", intent["latest_charge"], "payment_intent")
    else:
        raise missing("payment_intent")
    if not charge["paid"]:
        raise ApiError(400, f"Charge {charge['id']} was not paid, so it cannot be refunded.", param="charge")
    return charge


def _recount(tx: Tx, charge: Obj) -> None:
    kept = (r["amount"] for r in of_charge(tx, charge["id"]) if r["status"] not in ("failed", "canceled"))
    charge["amount_refunded"] = sum(kept)
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    tx.save(charge)


def update(tx: Tx, refund_id: str, given: dict[str, Any]) -> Obj:
    """POST /v1/refunds/:id: only metadata can change; an empty value removes a key."""
    refund = load(tx, "refund", refund_id, "refund")
    previous = {"metadata": dict(refund["metadata"])}
    change = given.get("metadata", {})
    merged = {} if change == "" else {k: v for k, v in (refund["metadata"] | change).items() if v != ""}
    refund["metadata"] = merged
    tx.save(refund)
    tx.emit("refund.updated", refund, previous)
    return refund


def fail(tx: Tx, refund_id: str, reason: str) -> Obj:
    """The bank sent the money back after the refund had succeeded (Stripe docs, "Failed refunds")."""
    refund = load(tx, "refund", refund_id, "refund")
    if refund["status"] == "failed":
        raise ApiError(400, f"Refund {refund_id} has already failed.")
    txn = money_objects.balance_transaction(
        tx.now,
        tx.now,
        "refund_failure",
        refund["amount"],
        refund["currency"],
        0,
        refund["id"],
        "REFUND FAILURE",
    )
    tx.add(txn, parent=refund["id"])
    previous = {"status": refund["status"]}
    refund.update(status="failed", failure_reason=reason, failure_balance_transaction=txn["id"])
    tx.save(refund)
    _recount(tx, load(tx, "charge", refund["charge"], "charge"))
    tx.emit("refund.updated", refund, previous)
    tx.emit("refund.failed", refund)
    return refund
