"""Cash balances: money that came by bank transfer and what it is applied to (Stripe docs, "Customer balance").

Reconciliation is automatic, in this order: what the transfer's reference names; else one to five open payments
and invoices that the balance pays exactly; else invoices, oldest first, as far as it covers each in full, and
payment intents, oldest first, the last of them in part. An invoice is never paid in part.

Simplified: reconciliation is never manual, and the order is documented by Stripe in detail for yen only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from . import attempts, bank_accounts, invoice_payments, money_objects, objects
from .currencies import check_currency
from .errors import InvalidParameters, no_such
from .ids import new_id
from .store import Obj, Tx

KIND = "customer_cash_balance_transaction"
#: An invoice is funded until so long after its due date.
OVERDUE_SECONDS = 30 * 24 * 3600
#: More candidates than that are not searched for an exact sum.
SEARCHED = 14


def available(tx: Tx, customer: str) -> dict[str, int]:
    """The cash balance by currency; a currency stays listed once money came in it."""
    rows = tx.conn.execute(
        "SELECT json_extract(data, '$.currency') AS currency, sum(json_extract(data, '$.net_amount')) AS net "
        "FROM object WHERE kind = ? AND parent = ? GROUP BY 1 ORDER BY 1",
        (KIND, customer),
    )
    return {row["currency"]: int(row["net"]) for row in rows}


def balance_of(tx: Tx, customer: str) -> Obj:
    """The CashBalance object."""
    return {
        "object": "cash_balance",
        "available": available(tx, customer) or None,
        "customer": customer,
        "customer_account": None,
        "livemode": False,
        "settings": {"reconciliation_mode": "automatic", "using_merchant_default": True},
    }


def move(tx: Tx, customer: str, currency: str, kind: str, amount: int, details: Obj | None = None) -> Obj:
    """One change of the cash balance, signed, with its event."""
    made: Obj = {
        "id": new_id("ccsbtxn"),
        "object": KIND,
        "created": tx.now,
        "currency": currency,
        "customer": customer,
        "customer_account": None,
        "ending_balance": available(tx, customer).get(currency, 0) + amount,
        "livemode": False,
        "net_amount": amount,
        "type": kind,
    }
    if details is not None:
        made[kind] = details
    tx.add(made, parent=customer)
    tx.emit("customer_cash_balance_transaction.created", made)
    return made


def fund(tx: Tx, customer: str, given: dict[str, Any]) -> Obj:
    """A bank transfer arrives (POST /v1/test_helpers/customers/:id/fund_cash_balance, or a button)."""
    tx.load("customer", customer, "customer")
    currency = check_currency(given["currency"], "currency")
    if currency not in bank_accounts.TYPES:
        raise InvalidParameters(f"Bank transfers are not available in {currency}.", param="currency")
    if given["amount"] < 1:
        raise InvalidParameters(
            "This value must be greater than or equal to 1.", code="parameter_invalid_integer", param="amount"
        )
    reference = given.get("reference")
    source = bank_accounts.sender(currency, reference, given.get("sender_name"))
    made = move(tx, customer, currency, "funded", given["amount"], source)
    _new_money(tx, customer, currency, reference or "")
    return made


def _new_money(tx: Tx, customer: str, currency: str, reference: str = "") -> None:
    reconcile(tx, customer, currency, reference)
    if available(tx, customer)[currency] > 0:
        tx.emit("cash_balance.funds_available", balance_of(tx, customer))


@dataclass(slots=True)
class _Waiting:
    """Something that waits for money: an open invoice, or an incomplete payment intent."""

    kind: str
    id: str
    due: int
    reference: str


def _waiting(tx: Tx, customer: str, currency: str) -> list[_Waiting]:
    """Invoices first, each kind oldest first."""
    of_customer = (
        "kind = ? AND json_extract(data, '$.customer') = ? AND json_extract(data, '$.currency') = ? "
        "AND json_extract(data, '$.status') = ?"
    )
    found = []
    for invoice_id in tx.ids(of_customer, "invoice", customer, currency, "open"):
        invoice = tx.load("invoice", invoice_id, "invoice")
        types = invoice["payment_settings"]["payment_method_types"] or []
        late = tx.now - invoice["due_date"]
        if "customer_balance" in types and late <= OVERDUE_SECONDS:
            found.append(_Waiting("invoice", invoice_id, invoice["amount_remaining"], invoice["number"]))
    for intent_id in tx.ids(of_customer, "payment_intent", customer, currency, "requires_action"):
        intent = tx.load("payment_intent", intent_id, "intent")
        if instructions := (intent["next_action"] or {}).get("display_bank_transfer_instructions"):
            found.append(
                _Waiting(
                    "payment_intent", intent_id, instructions["amount_remaining"], instructions["reference"]
                )
            )
    return found


def _exact(waiting: list[_Waiting], money: int) -> list[_Waiting]:
    """The smallest group that the money pays exactly; among equals the one with most invoices, then the oldest."""
    for size in range(1, 6):
        fitting = [c for c in combinations(waiting[:SEARCHED], size) if sum(w.due for w in c) == money]
        if fitting:
            return list(max(fitting, key=lambda c: sum(w.kind == "invoice" for w in c)))
    return []


def _chosen(tx: Tx, customer: str, currency: str, reference: str, money: int) -> Iterator[_Waiting]:
    waiting = _waiting(tx, customer, currency)
    named = [w for w in waiting if w.reference and w.reference.lower() in reference.lower()]
    yield from named
    rest = [w for w in waiting if w not in named]
    left = money - sum(w.due for w in named)
    yield from _exact(rest, left) or rest


def reconcile(tx: Tx, customer: str, currency: str, reference: str = "") -> None:
    """Apply what is in the cash balance to what waits for it."""
    money = available(tx, customer).get(currency, 0)
    if money <= 0:
        return
    for waiting in _chosen(tx, customer, currency, reference, money):
        if money <= 0:
            return
        if waiting.kind == "invoice":
            if waiting.due <= money:
                money -= waiting.due
                _pay_invoice(tx, waiting.id)
        else:
            part = min(money, waiting.due)
            money -= part
            apply_to_intent(tx, tx.load("payment_intent", waiting.id, "intent"), part)


def _apply(tx: Tx, intent: Obj, amount: int) -> None:
    details = {"payment_intent": intent["id"]}
    move(tx, intent["customer"], intent["currency"], "applied_to_payment", -amount, details)


def _succeed(tx: Tx, intent: Obj) -> None:
    customer = tx.load("customer", intent["customer"], "customer")
    billing = objects.billing_details(customer["email"], customer["name"])
    method = tx.add(money_objects.cash_method(tx.now, customer["id"], billing), parent="customer_balance")
    attempts.attempt(tx, intent, method, None)


def _pay_invoice(tx: Tx, invoice_id: str) -> None:
    payment = invoice_payments.of_invoice(tx, invoice_id)
    assert payment is not None  # an open invoice has one
    intent = tx.load("payment_intent", payment["payment"]["payment_intent"], "intent")
    _apply(tx, intent, intent["amount"])
    _succeed(tx, intent)


def confirm(tx: Tx, intent: Obj) -> Obj:
    """Pay an intent from the cash balance, or show where to send what is missing."""
    customer, currency = intent["customer"], intent["currency"]
    transfer = intent["payment_method_options"]["customer_balance"]["bank_transfer"]
    country = bank_accounts.country_of(currency, transfer)
    instructions = {
        "amount_remaining": intent["amount"],
        "currency": currency,
        "financial_addresses": bank_accounts.addresses(customer, currency, country, tx.config.merchant),
        "hosted_instructions_url": f"{tx.config.base_url}/bank_transfers/instructions/{intent['id']}",
        "reference": new_id("x", 12)[2:].upper(),
        "type": transfer["type"],
    }
    intent.update(
        status="requires_action",
        last_payment_error=None,
        next_action={
            "display_bank_transfer_instructions": instructions,
            "type": "display_bank_transfer_instructions",
        },
    )
    tx.save(intent)
    if money := min(available(tx, customer).get(currency, 0), intent["amount"]):
        apply_to_intent(tx, intent, money)
    if intent["status"] == "requires_action":
        tx.emit("payment_intent.requires_action", intent)
    return intent


def apply_to_intent(tx: Tx, intent: Obj, amount: int) -> None:
    """Part or all of what an intent waits for; the last part makes it succeed."""
    _apply(tx, intent, amount)
    instructions = intent["next_action"]["display_bank_transfer_instructions"]
    instructions["amount_remaining"] -= amount
    if instructions["amount_remaining"] == 0:
        _succeed(tx, intent)
        return
    tx.save(intent)
    tx.emit("payment_intent.partially_funded", intent)


def cancelled(tx: Tx, intent: Obj, reason: str | None) -> Obj:
    """Cancel an intent; what it had received returns to the cash balance."""
    instructions = (intent["next_action"] or {}).get("display_bank_transfer_instructions")
    received = intent["amount"] - instructions["amount_remaining"] if instructions else 0
    attempts.cancelled(tx, intent, reason)
    if received:
        customer, currency = intent["customer"], intent["currency"]
        move(tx, customer, currency, "unapplied_from_payment", received, {"payment_intent": intent["id"]})
        _new_money(tx, customer, currency)
    return intent


def retrieve_transaction(tx: Tx, customer: str, transaction_id: str) -> Obj:
    """One change of this customer's cash balance."""
    found = tx.load(KIND, transaction_id, "transaction")
    if found["customer"] != customer:
        raise no_such(KIND, transaction_id, "transaction")
    return found


def funding_instructions(tx: Tx, customer: str, given: dict[str, Any]) -> Obj:
    """POST /v1/customers/:id/funding_instructions."""
    tx.load("customer", customer, "customer")
    currency = check_currency(given["currency"], "currency")
    options = bank_accounts.check(currency, given["bank_transfer"], "bank_transfer")
    country = bank_accounts.country_of(currency, options)
    return {
        "object": "funding_instructions",
        "bank_transfer": {
            "country": country,
            "financial_addresses": bank_accounts.addresses(customer, currency, country, tx.config.merchant),
            "type": options["type"],
        },
        "currency": currency,
        "funding_type": "bank_transfer",
        "livemode": False,
    }
