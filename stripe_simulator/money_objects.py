"""Builders of the objects of a payment: method, intent, charge, balance transaction, refund, payout.

See ``objects`` for where the shapes come from.
"""

from __future__ import annotations

from .ids import new_id
from .objects import Obj, kept_metadata

CARD_OPTIONS: Obj = {
    "installments": None,
    "mandate_options": None,
    "network": None,
    "request_three_d_secure": "automatic",
}


def payment_method(now: int, brand: str, last4: str, billing: Obj) -> Obj:
    """The PaymentMethod object of a card."""
    return _method(
        now,
        billing,
        "card",
        {
            "brand": brand,
            "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
            "country": "US",
            "display_brand": brand,
            "exp_month": 12,
            "exp_year": 2034,
            "fingerprint": f"simulated{last4}000",
            "funding": "credit",
            "generated_from": None,
            "last4": last4,
            "networks": {"available": [brand], "preferred": None},
            "regulated_status": "unregulated",
            "three_d_secure_usage": {"supported": True},
            "wallet": None,
        },
    )


def cash_method(now: int, customer: str, billing: Obj) -> Obj:
    """The PaymentMethod object of a customer's cash balance, funded by bank transfers."""
    return _method(now, billing, "customer_balance", {}) | {"customer": customer}


def _method(now: int, billing: Obj, kind: str, details: Obj) -> Obj:
    return {
        "id": new_id("pm"),
        "object": "payment_method",
        "allow_redisplay": "limited",
        "billing_details": billing,
        kind: details,
        "created": now,
        "customer": None,
        "customer_account": None,
        "livemode": False,
        "metadata": {},
        "type": kind,
    }


def payment_intent(now: int, amount: int, currency: str, given: Obj, options: Obj | None = None) -> Obj:
    """The PaymentIntent object before any attempt; ``options`` by type of payment method, cards when none."""
    intent_id = new_id("pi")
    options = {"card": CARD_OPTIONS} if options is None else options
    automatic: Obj | None = None
    if given.get("automatic_payment_methods", {}).get("enabled"):
        automatic = {
            "enabled": True,
            "allow_redirects": given["automatic_payment_methods"].get("allow_redirects", "always"),
        }
    return {
        "id": intent_id,
        "object": "payment_intent",
        "allowed_payment_method_types": given.get("allowed_payment_method_types"),
        "amount": amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": automatic,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic_async",
        "client_secret": f"{intent_id}_secret_{new_id('x', 25)[2:]}",
        "confirmation_method": "automatic",
        "created": now,
        "currency": currency,
        "customer": given.get("customer"),
        "customer_account": None,
        "description": given.get("description"),
        "excluded_payment_method_types": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": kept_metadata(given),
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": options,
        "payment_method_types": list(options),
        "processing": None,
        "receipt_email": given.get("receipt_email"),
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "source": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
    }


def _card_details(intent: Obj, card: Obj, ok: bool, secure: bool) -> Obj:
    details = {
        key: card[key]
        for key in (
            "brand",
            "checks",
            "country",
            "exp_month",
            "exp_year",
            "fingerprint",
            "funding",
            "last4",
            "regulated_status",
            "wallet",
        )
    }
    three_d_secure = (
        {
            "authentication_flow": "challenge",
            "electronic_commerce_indicator": "05",
            "exemption_indicator": None,
            "result": "authenticated",
            "result_reason": None,
            "transaction_id": None,
            "version": "2.2.0",
        }
        if secure
        else None
    )
    details |= {
        "amount_authorized": intent["amount"] if ok else None,
        "authorization_code": None,
        "extended_authorization": {"status": "disabled"},
        "incremental_authorization": {"status": "unavailable"},
        "installments": None,
        "mandate": None,
        "multicapture": {"status": "unavailable"},
        "network": card["brand"],
        "network_token": {"used": False},
        "network_transaction_id": None,
        "overcapture": {"maximum_amount_capturable": intent["amount"], "status": "unavailable"},
        "three_d_secure": three_d_secure,
    }
    return details


def charge(now: int, intent: Obj, method: Obj, base_url: str, failure: Obj | None, secure: bool) -> Obj:
    """The Charge object of one attempt, good or refused: ``ch_`` of a card, ``py_`` of a cash balance."""
    kind = method["type"]
    charge_id = new_id("ch" if kind == "card" else "py")
    bad = failure or {}
    ok = failure is None
    details = _card_details(intent, method["card"], ok, secure) if kind == "card" else {}
    outcome = {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "approved_by_network" if ok else "declined_by_network",
        "reason": None if ok else bad["decline_code"],
        **({"risk_level": "normal", "risk_score": 10} if kind == "card" else {"risk_level": "not_assessed"}),
        "seller_message": "Payment complete." if ok else bad["message"],
        "type": "authorized" if ok else "issuer_declined",
    }
    return {
        "id": charge_id,
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": intent["amount"] if ok else 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": "SIMULATED",
        "captured": ok,
        "created": now,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None if ok else bad["code"],
        "failure_message": None if ok else bad["message"],
        "fraud_details": {},
        "livemode": False,
        "metadata": intent["metadata"],
        "on_behalf_of": None,
        "outcome": outcome,
        "paid": ok,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": {kind: details, "type": kind},
        "presentment_details": None,
        "radar_options": {},
        "receipt_email": intent["receipt_email"],
        "receipt_number": None,
        "receipt_url": f"{base_url}/receipts/{charge_id}" if ok else None,
        "refunded": False,
        "review": None,
        "shipping": None,
        "source": None,
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "succeeded" if ok else "failed",
        "transfer_data": None,
        "transfer_group": None,
    }


def balance_transaction(
    now: int,
    available_on: int,
    kind: str,
    amount: int,
    currency: str,
    rate: float | None,
    fee: int,
    fee_text: str,
    source: str,
    description: str | None,
    category: str | None = None,
) -> Obj:
    """The Balance Transaction object; amount, fee and net in the settlement currency."""
    fees = (
        [
            {
                "amount": fee,
                "application": None,
                "currency": currency,
                "description": fee_text,
                "type": "stripe_fee",
            }
        ]
        if fee
        else []
    )
    return {
        "id": new_id("txn"),
        "object": "balance_transaction",
        "amount": amount,
        "available_on": available_on,
        "balance_type": "payments",
        "created": now,
        "currency": currency,
        "description": description,
        "exchange_rate": rate,
        "fee": fee,
        "fee_details": fees,
        "net": amount - fee,
        "reporting_category": category or kind,
        "source": source,
        "status": "pending" if available_on > now else "available",
        "type": kind,
    }


def refund(now: int, amount: int, currency: str, given: Obj, charge_obj: Obj | None, destination: str) -> Obj:
    """The Refund object: of a card charge, of a bank transfer, or of a customer's cash balance (no charge)."""
    card = destination == "card"
    details: Obj = {"reference": None, "reference_status": "pending"}
    if card:
        details |= {"reference_type": "acquirer_reference_number", "type": "refund"}
    return {
        "id": new_id("re" if card else "pyr"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge_obj["id"] if charge_obj else None,
        "created": now,
        "currency": currency,
        **({} if charge_obj else {"customer": given["customer"]}),
        "destination_details": {destination: details, "type": destination},
        "metadata": kept_metadata(given),
        "payment_intent": charge_obj["payment_intent"] if charge_obj else None,
        "reason": given.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "pending",
        "transfer_reversal": None,
    }


def payout(now: int, arrival: int, amount: int, currency: str, given: Obj, automatic: bool) -> Obj:
    """The Payout object, to the account's one (simulated) bank account."""
    return {
        "id": new_id("po"),
        "object": "payout",
        "amount": amount,
        "application_fee": None,
        "application_fee_amount": None,
        "arrival_date": arrival,
        "automatic": automatic,
        "balance_transaction": None,
        "created": now,
        "currency": currency,
        "description": "STRIPE PAYOUT" if automatic else given.get("description"),
        "destination": "ba_simulatedBankAccount00000",
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "livemode": False,
        "metadata": kept_metadata(given),
        "method": "standard",
        "original_payout": None,
        "payout_method": None,
        "reconciliation_status": "in_progress" if automatic else "not_applicable",
        "reversed_by": None,
        "source_type": "card",
        "statement_descriptor": given.get("statement_descriptor"),
        "status": "pending",
        "trace_id": {"status": "pending", "value": None},
        "type": "bank_account",
    }
