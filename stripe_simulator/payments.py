"""Payment intents by request (API reference, "PaymentIntents"; Stripe docs, "PaymentIntents lifecycle").

Cards by the names of test payment methods, and ``customer_balance``: bank transfers into a customer's cash
balance. What an attempt then does is in ``attempts`` and ``cash``.
"""

from __future__ import annotations

from typing import Any

from . import attempts, bank_accounts, cards, cash, money_objects
from .currencies import check_charge, check_currency, check_granularity
from .errors import ApiError, InvalidParameters, missing, unsupported
from .rates import rate_of
from .store import Obj, Tx

TYPES = ("card", "customer_balance")
BALANCE = "payment_method_options[customer_balance]"


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
    rate_of(tx, currency)
    if "customer" in given:
        tx.load("customer", given["customer"], "customer", 400)
    given = {"automatic_payment_methods": {"enabled": True}} | given
    if not given.get("confirm") and "return_url" in given:
        raise InvalidParameters(
            "The parameter `return_url` cannot be passed when creating a PaymentIntent unless "
            "`confirm` is set to true.",
            param="return_url",
        )
    options = _options(given, currency)
    if name := given.get("payment_method"):
        cards.card_for(name)
        if "card" not in options:
            raise ApiError(400, "This PaymentIntent takes no cards.", param="payment_method")
    intent = tx.add(money_objects.payment_intent(tx.now, amount, currency, given, options))
    tx.emit("payment_intent.created", intent)
    if name or _by_transfer(given):
        intent["status"] = "requires_confirmation"
    tx.save(intent)
    if given.get("confirm"):
        return confirm(tx, intent["id"], given)
    if name:
        intent["payment_method"] = cards.method_for(tx, name)["id"]
        tx.save(intent)
    return intent


def _options(given: dict[str, Any], currency: str) -> Obj:
    """``payment_method_options`` by type; the types are those asked for, cards when none are."""
    types = given.get("allowed_payment_method_types", ["card"])
    for name in types:
        if name not in TYPES:
            raise unsupported(f"allowed_payment_method_types ({name})")
    options: Obj = {}
    if "card" in types:
        options["card"] = money_objects.CARD_OPTIONS
    if "customer_balance" in types:
        if "customer" not in given:
            raise missing("customer")
        asked = given.get("payment_method_options", {}).get("customer_balance") or {}
        if asked.get("funding_type") != "bank_transfer":
            raise missing(f"{BALANCE}[funding_type]")
        transfer = bank_accounts.check(currency, asked.get("bank_transfer", {}), f"{BALANCE}[bank_transfer]")
        options["customer_balance"] = {"bank_transfer": transfer, "funding_type": "bank_transfer"}
    elif _by_transfer(given) or "payment_method_options" in given:
        raise unsupported("customer_balance without it in allowed_payment_method_types")
    return options


def _by_transfer(given: dict[str, Any]) -> bool:
    """Whether the request itself names the cash balance as the way to pay."""
    data = given.get("payment_method_data")
    if data is not None and data["type"] != "customer_balance":
        raise unsupported(f"payment_method_data[type] ({data['type']})")
    return data is not None


def confirm(tx: Tx, intent_id: str, given: dict[str, Any]) -> Obj:
    """POST /v1/payment_intents/:id/confirm: succeeds, asks for something to be done, or fails with a card error."""
    intent = tx.load("payment_intent", intent_id, "intent")
    if intent["status"] not in ("requires_payment_method", "requires_confirmation"):
        raise attempts.wrong_state(intent, "confirm")
    name = given.get("payment_method") or intent["payment_method"]
    if _by_transfer(given) or (not name and intent["payment_method_types"] == ["customer_balance"]):
        if "customer_balance" not in intent["payment_method_types"]:
            raise ApiError(400, "This PaymentIntent takes no bank transfers.", param="payment_method_data")
        return cash.confirm(tx, intent)
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
    if cards.card_for(cards.name_of(tx, name)).challenge:
        raise unsupported("payment_method (a card that asks for authentication outside the hosted page)")
    return attempts.by_card(tx, intent, name)


def cancel(tx: Tx, intent_id: str, given: dict[str, Any]) -> Obj:
    """POST /v1/payment_intents/:id/cancel; what a bank transfer had brought returns to the cash balance."""
    intent = tx.load("payment_intent", intent_id, "intent")
    if tx.ids("kind = 'checkout.session' AND json_extract(data, '$.payment_intent') = ?", intent_id):
        raise ApiError(
            400,
            "You cannot cancel PaymentIntents that were created by Checkout. Expire the session.",
            payment_intent=intent,
        )
    if tx.ids("kind = 'invoice_payment' AND json_extract(data, '$.payment.payment_intent') = ?", intent_id):
        raise ApiError(
            400,
            "You cannot cancel the PaymentIntent of an invoice. Void the invoice.",
            payment_intent=intent,
        )
    if intent["status"] in ("succeeded", "canceled"):
        raise attempts.wrong_state(intent, "cancel")
    return cash.cancelled(tx, intent, given.get("cancellation_reason"))
