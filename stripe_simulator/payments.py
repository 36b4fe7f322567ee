"""Payment intents and charges: what an attempt to pay does (API reference, "PaymentIntents" and "Charges").

Test payment methods are those of Stripe docs, "Testing"; a PaymentIntent moves as in its "lifecycle" page.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import money_objects, objects
from .currencies import check_charge, check_currency, check_granularity, fee
from .errors import ApiError, InvalidParameters, card_error, no_such, unsupported
from .store import Obj, Tx

DAY = 24 * 3600


@dataclass(frozen=True, slots=True)
class TestCard:
    """A card of Stripe's testing page."""

    brand: str = "visa"
    last4: str = "4242"
    decline_code: str | None = None
    code: str = "card_declined"
    message: str = "Your card was declined."
    challenge: bool = False


CARDS: dict[str, TestCard] = {
    "pm_card_visa": TestCard(),
    "pm_card_mastercard": TestCard("mastercard", "4444"),
    "pm_card_amex": TestCard("amex", "8431"),
    "pm_card_chargeDeclined": TestCard(last4="0002", decline_code="generic_decline"),
    "pm_card_visa_chargeDeclined": TestCard(last4="0002", decline_code="generic_decline"),
    "pm_card_visa_chargeDeclinedInsufficientFunds": TestCard(
        last4="9995", decline_code="insufficient_funds", message="Your card has insufficient funds."
    ),
    "pm_card_chargeDeclinedExpiredCard": TestCard(
        last4="0069", decline_code="expired_card", code="expired_card", message="Your card has expired."
    ),
    "pm_card_authenticationRequired": TestCard(last4="3184", challenge=True),
    "pm_card_threeDSecure2Required": TestCard(last4="3220", challenge=True),
}
AUTHENTICATION_FAILED: Obj = {
    "code": "payment_intent_authentication_failure",
    "decline_code": None,
    "message": "We are unable to authenticate your payment method. Please choose a different payment "
    "method and try again.",
}


def load(tx: Tx, kind: str, object_id: str, param: str, status: int = 404) -> Obj:
    """An object, or ``resource_missing``."""
    found = tx.get(kind, object_id)
    if found is None:
        raise no_such(kind, object_id, param, status)
    return found


def create(tx: Tx, given: dict[str, Any]) -> Obj:
    """POST /v1/payment_intents."""
    currency = check_currency(given["currency"], "currency")
    amount = given["amount"]
    if amount < 1:
        raise InvalidParameters(
            "This value must be greater than or equal to 1.", code="parameter_invalid_integer", param="amount"
        )
    check_granularity(amount, currency, "amount")
    check_charge(amount, currency, "amount")
    if given.get("allowed_payment_method_types", ["card"]) != ["card"]:
        raise unsupported("allowed_payment_method_types (other than card)")
    given = {"automatic_payment_methods": {"enabled": True}} | given
    if not given.get("confirm") and "return_url" in given:
        raise InvalidParameters(
            "The parameter `return_url` cannot be passed when creating a PaymentIntent unless "
            "`confirm` is set to true.",
            param="return_url",
        )
    intent = tx.add(money_objects.payment_intent(tx.now, amount, currency, given))
    tx.emit("payment_intent.created", intent)
    if given.get("payment_method"):
        card_for(given["payment_method"])
        intent["status"] = "requires_confirmation"
    tx.save(intent)
    if given.get("confirm"):
        return confirm(tx, intent["id"], given)
    if given.get("payment_method"):
        method = method_for(tx, given["payment_method"])
        intent["payment_method"] = method["id"]
        tx.save(intent)
    return intent


def card_for(name: str) -> TestCard:
    """The test card behind a ``pm_card_...`` name."""
    if name not in CARDS:
        raise no_such("PaymentMethod", name, "payment_method", 400)
    return CARDS[name]


def method_for(tx: Tx, name: str, billing: Obj | None = None) -> Obj:
    """A fresh PaymentMethod from a test name; the name is kept as the row's parent."""
    card = card_for(name)
    made = money_objects.payment_method(tx.now, card.brand, card.last4, billing or objects.billing_details())
    return tx.add(made, parent=name)


def _name_of(tx: Tx, method_id: str) -> str:
    row = tx.conn.execute("SELECT parent FROM object WHERE id = ? AND kind = 'payment_method'", (method_id,))
    found = row.fetchone()
    return str(found["parent"]) if found else method_id


def confirm(tx: Tx, intent_id: str, given: dict[str, Any]) -> Obj:
    """POST /v1/payment_intents/:id/confirm: succeeds, asks for authentication, or fails with a card error."""
    intent = load(tx, "payment_intent", intent_id, "intent")
    if intent["status"] not in ("requires_payment_method", "requires_confirmation"):
        raise wrong_state(intent, "confirm")
    name = given.get("payment_method") or intent["payment_method"]
    if not name:
        raise ApiError(
            400,
            "You cannot confirm this PaymentIntent because it's missing a payment method.",
            code="payment_intent_unexpected_state",
            payment_intent=intent,
        )
    automatic = intent["automatic_payment_methods"]
    redirects = automatic and automatic["allow_redirects"] == "always"
    if redirects and not intent["allowed_payment_method_types"] and not given.get("return_url"):
        raise ApiError(
            400,
            "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. "
            "Because some of these payment methods might redirect your customer off of your page, "
            "you must provide a `return_url`.",
            payment_intent=intent,
        )
    card = card_for(_name_of(tx, name))
    method = tx.get("payment_method", name) or method_for(tx, name)
    if card.challenge:
        raise unsupported("payment_method (a card that asks for authentication outside the hosted page)")
    failure = decline(card) if card.decline_code else None
    attempt(tx, intent, method, failure)
    if failure is not None:
        raise card_error(
            failure["message"],
            failure["code"],
            decline_code=failure["decline_code"],
            charge=intent["latest_charge"],
            payment_intent=intent,
        )
    return intent


def decline(card: TestCard) -> Obj:
    """Why the issuer refused."""
    return {"code": card.code, "decline_code": card.decline_code, "message": card.message}


def attempt(tx: Tx, intent: Obj, method: Obj, failure: Obj | None, *, secure: bool = False) -> Obj:
    """One attempt on an intent: a charge, its balance transaction or its refusal, and the events of both."""
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
    return intent


def _settle(tx: Tx, charge: Obj) -> None:
    """The money of a charge reaches the balance, less the fee."""
    config = tx.config
    txn = money_objects.balance_transaction(
        tx.now,
        tx.now + int(config.settle_days * DAY),
        "charge",
        charge["amount"],
        charge["currency"],
        fee(charge["amount"], config.fee_percent, config.fee_fixed),
        charge["id"],
        charge["description"],
    )
    charge["balance_transaction"] = txn["id"]
    tx.save(charge)
    tx.add(txn, parent=charge["id"])


def unsettled(tx: Tx) -> list[str]:
    """Charges whose balance transaction is due (see ``settlement_delay`` in ``control``)."""
    rows = tx.conn.execute(
        "SELECT parent FROM object WHERE kind = '_unsettled' AND json_extract(data, '$.due') <= ?", (tx.now,)
    )
    return [row["parent"] for row in rows]


def settle_due(tx: Tx) -> None:
    """Give them one, as asynchronous capture does (Stripe docs, "Asynchronous capture")."""
    for charge_id in unsettled(tx):
        charge = load(tx, "charge", charge_id, "charge")
        _settle(tx, charge)
        tx.conn.execute("DELETE FROM object WHERE id = ?", (f"{charge_id}#unsettled",))
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
    return intent


def cancel(tx: Tx, intent_id: str, given: dict[str, Any]) -> Obj:
    """POST /v1/payment_intents/:id/cancel."""
    intent = load(tx, "payment_intent", intent_id, "intent")
    sessions = tx.conn.execute(
        "SELECT id FROM object WHERE kind = 'checkout.session' "
        "AND json_extract(data, '$.payment_intent') = ?",
        (intent_id,),
    ).fetchone()
    if sessions is not None:
        raise ApiError(
            400,
            "You cannot cancel PaymentIntents that were created by Checkout. Expire the session.",
            payment_intent=intent,
        )
    if intent["status"] in ("succeeded", "canceled"):
        raise wrong_state(intent, "cancel")
    return cancelled(tx, intent, given.get("cancellation_reason"))


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
