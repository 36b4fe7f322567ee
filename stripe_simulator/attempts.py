"""What an attempt to pay does: a charge, its balance transaction or its refusal, and the events of both.

Used by the API, the hosted pages and the cash balance alike.
"""

from __future__ import annotations

from . import balance, cards, disputes, invoice_payments, money_objects
from .currencies import fee
from .errors import ApiError, card_error
from .store import Obj, Tx

AUTHENTICATION_FAILED: Obj = {
    "code": "payment_intent_authentication_failure",
    "decline_code": None,
    "message": "We are unable to authenticate your payment method. Please choose a different payment "
    "method and try again.",
}


def attempt(tx: Tx, intent: Obj, method: Obj, failure: Obj | None, *, secure: bool = False) -> Obj:
    """One attempt on an intent; an invoice that the intent pays, and a dispute of the card, follow it."""
    if failure is AUTHENTICATION_FAILED:
        return _refused(tx, intent, method, failure, None)
    charge = money_objects.charge(tx.now, intent, method, tx.config.base_url, failure, secure)
    if failure is not None:
        tx.add(charge)
        tx.emit("charge.failed", charge)
        return _refused(tx, intent, method, failure, charge)
    tx.add(charge)
    if wait := float(tx.switches()["settlement_delay"]):
        tx.add(
            {"id": f"{charge['id']}#unsettled", "object": "_unsettled", "due": tx.now + wait}, charge["id"]
        )
    else:
        _settle(tx, charge)
    intent.update(
        status="succeeded",
        amount_received=intent["amount"],
        latest_charge=charge["id"],
        payment_method=method["id"],
        last_payment_error=None,
        next_action=None,
    )
    tx.save(intent)
    tx.emit("charge.succeeded", charge)
    tx.emit("payment_intent.succeeded", intent)
    invoice_payments.settled(tx, intent)
    card = cards.CARDS.get(cards.name_of(tx, method["id"]))
    if card is not None and card.dispute:
        disputes.open_dispute(tx, charge, charge["amount"], card.dispute, inquiry=card.inquiry)
    return intent


def _settle(tx: Tx, charge: Obj) -> None:
    """The money of a charge reaches the balance, less the fee."""
    config = tx.config

    def card_fee(amount: int) -> int:
        return fee(amount, config.fee_percent, config.fee_fixed)

    def transfer_fee(amount: int) -> int:
        return min(fee(amount, config.bank_fee_percent, 0), config.bank_fee_cap)

    by_card = charge["payment_method_details"]["type"] == "card"
    txn = balance.book(
        tx,
        "charge" if by_card else "payment",
        charge["amount"],
        charge["currency"],
        charge["id"],
        charge["description"],
        category="charge",
        fee=card_fee if by_card else transfer_fee,
        days=config.settle_days,
    )
    charge["balance_transaction"] = txn["id"]
    tx.save(charge)


def unsettled(tx: Tx) -> list[str]:
    """Charges whose balance transaction is due (see ``settlement_delay`` in ``control``)."""
    rows = tx.conn.execute(
        "SELECT parent FROM object WHERE kind = '_unsettled' AND json_extract(data, '$.due') <= ?", (tx.now,)
    )
    return [row["parent"] for row in rows]


def settle(tx: Tx, charge_id: str) -> None:
    """Give one its balance transaction, as asynchronous capture does (Stripe docs, "Asynchronous capture")."""
    charge = tx.load("charge", charge_id, "charge")
    _settle(tx, charge)
    tx.drop(f"{charge_id}#unsettled")
    tx.emit("charge.updated", charge, {"balance_transaction": None})


def _refused(tx: Tx, intent: Obj, method: Obj, failure: Obj, charge: Obj | None) -> Obj:
    problem = {key: value for key, value in failure.items() if value is not None}
    problem |= {"type": "card_error" if charge else "invalid_request_error", "payment_method": method}
    problem["doc_url"] = f"https://docs.stripe.com/error-codes/{failure['code'].replace('_', '-')}"
    if charge:
        problem["charge"] = charge["id"]
        intent["latest_charge"] = charge["id"]
    intent.update(
        status="requires_payment_method", last_payment_error=problem, payment_method=None, next_action=None
    )
    tx.save(intent)
    tx.emit("payment_intent.payment_failed", intent)
    invoice_payments.failed(tx, intent)
    return intent


def press(tx: Tx, intent: Obj, action: str, billing: Obj, step_url: str) -> None:
    """One button of a hosted page: pay, decline, challenge; at ``step_url`` authenticate or refuse."""
    waiting = intent["status"] == "requires_action"
    if action == "pay":
        attempt(tx, intent, cards.method_for(tx, "pm_card_visa", billing), None)
    elif action == "decline":
        name = "pm_card_chargeDeclined"
        attempt(tx, intent, cards.method_for(tx, name, billing), cards.CARDS[name].refusal)
    elif action == "challenge":
        method = cards.method_for(tx, "pm_card_threeDSecure2Required", billing)
        intent.update(
            status="requires_action",
            payment_method=method["id"],
            last_payment_error=None,
            next_action={
                "type": "redirect_to_url",
                "redirect_to_url": {"return_url": None, "url": step_url},
            },
        )
        tx.save(intent)
        tx.emit("payment_intent.requires_action", intent)
    elif action in ("authenticate", "refuse") and waiting:
        method = tx.load("payment_method", intent["payment_method"], "id")
        attempt(tx, intent, method, AUTHENTICATION_FAILED if action == "refuse" else None, secure=True)


def by_card(tx: Tx, intent: Obj, name: str) -> Obj:
    """Charge a test card, or the payment method made from one; a refusal is raised after it is recorded."""
    card = cards.card_for(cards.name_of(tx, name))
    method = tx.get("payment_method", name) or cards.method_for(tx, name)
    attempt(tx, intent, method, card.refusal)
    if card.refusal is not None:
        raise card_error(
            card.message,
            card.code,
            decline_code=card.decline_code,
            charge=intent["latest_charge"],
            payment_intent=intent,
        )
    return intent


def cancelled(tx: Tx, intent: Obj, reason: str | None) -> Obj:
    """The end of an intent without money."""
    intent.update(status="canceled", canceled_at=tx.now, cancellation_reason=reason, next_action=None)
    tx.save(intent)
    tx.emit("payment_intent.canceled", intent)
    return intent


def wrong_state(intent: Obj, verb: str) -> ApiError:
    """``payment_intent_unexpected_state``."""
    return ApiError(
        400,
        f"You cannot {verb} this PaymentIntent because it has a status of {intent['status']}.",
        code="payment_intent_unexpected_state",
        payment_intent=intent,
    )
